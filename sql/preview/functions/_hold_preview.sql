create or replace function syncwell._hold_preview(
  p_org_id uuid,
  p_user_id uuid,
  p_cache_key text,
  p_sync_type text,
  p_sync_id text,
  p_replace boolean,
  p_began_at timestamptz
)
returns uuid
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set lock_timeout = '30s'
as $$
declare
  v_wait constant interval := syncwell._setting(p_org_id, 'preview.wait', p_sync_type)::interval;
  v_id uuid;
begin
  perform set_config('lock_timeout', ceil(1000 * extract(epoch from v_wait))::bigint::text, true);
  if p_replace then
    delete from syncwell.sync_preview_cache as c where c.org_id = p_org_id and c.cache_key = p_cache_key;
  end if;
  -- Waits for whoever holds the place, and locks nothing when that one commits: all who waited go on at once.
  insert into syncwell.sync_preview_cache (
    org_id, sync_type, sync_id, delta_json, computed_at, created_at, expires_at, computed_by, cache_key
  )
  values (p_org_id, p_sync_type, p_sync_id, '{}', '-infinity', p_began_at, 'infinity', p_user_id, p_cache_key)
  on conflict (org_id, cache_key) do nothing
  returning id into v_id;
  return v_id;
exception
  when lock_not_available then
    raise exception using
      errcode = 'SW707',
      message = 'the preview is being computed',
      detail = format('Another transaction has been at it for longer than %s.', v_wait),
      hint = 'Ask again; setting preview.wait is how long a caller waits.';
end
$$;
comment on function syncwell._hold_preview(uuid, uuid, text, text, text, boolean, timestamptz) is
'Takes the place of a key in the cache until the transaction ends, for a preview that is still to be computed, and '
'returns its id; p_replace: in place of one that is valid; p_began_at: since when it is computed. NULL: there is one '
'now. The place is a row that nobody else can see, so no lock that others could take or run out of. Errors: SW707 '
'when another transaction holds it for longer than setting preview.wait, 40001 above READ COMMITTED.';
revoke all on function syncwell._hold_preview(uuid, uuid, text, text, text, boolean, timestamptz) from public;
