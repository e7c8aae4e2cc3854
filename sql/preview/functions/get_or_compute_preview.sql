create or replace function syncwell.get_or_compute_preview(
  p_sync_type text,
  p_current jsonb,
  p_incoming jsonb,
  p_params jsonb default null,
  p_key text default 'id',
  p_ttl interval default null,
  p_sync_id text default null,
  p_force boolean default false,
  out preview_id uuid,
  out cache_key text,
  out delta jsonb,
  out computed_at timestamptz,
  out expires_at timestamptz,
  out from_cache boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller constant record := syncwell._caller();
  v_lifetime interval;
  v_key text;
  v_id uuid;
  v_done_at timestamptz;
begin
  perform syncwell._check_sync_type(v_caller.org_id, p_sync_type);
  v_lifetime := syncwell._preview_lifetime(v_caller.org_id, p_sync_type, p_ttl);
  perform syncwell._check_text('p_sync_id', p_sync_id, 200);
  if p_current is null or p_incoming is null or p_key is null or p_force is null then
    raise exception using
      errcode = '22004',
      message = 'an argument that is needed is missing',
      detail = 'One of p_current, p_incoming, p_key and p_force is NULL.',
      hint = 'Pass [] for no records: coalesce(jsonb_agg(…), ''[]'').';
  end if;
  -- under the records themselves it is kept apart, so that no parameters pass for them
  v_key := p_sync_type || case when p_params is null then '=' else ':' end || syncwell.preview_cache_key(
    coalesce(
      p_params,
      jsonb_build_array(
        encode(sha256(convert_to(p_current::text, 'UTF8')), 'hex'),
        encode(sha256(convert_to(p_incoming::text, 'UTF8')), 'hex'),
        p_key
      )
    )
  );

  -- again when somebody else has put one there: it is the one that is wanted, unless it is gone already
  loop
    if not p_force then
      select c.id, c.cache_key, c.delta_json, c.computed_at, c.expires_at, true
      into preview_id, cache_key, delta, computed_at, expires_at, from_cache
      from syncwell.sync_preview_cache as c
      where c.org_id = v_caller.org_id and c.cache_key = v_key and c.expires_at > syncwell._now();
      if found then
        return;
      end if;
    end if;
    v_id := syncwell._hold_preview(
      v_caller.org_id, v_caller.user_id, v_key, p_sync_type, p_sync_id, p_force, syncwell._now()
    );
    exit when v_id is not null;
  end loop;

  -- returned as it was computed: a document of this size is not read back
  delta := syncwell.compute_preview_delta(p_current, p_incoming, p_key);
  v_done_at := syncwell._now();
  update syncwell.sync_preview_cache as c
  set delta_json = delta, computed_at = v_done_at, expires_at = v_done_at + v_lifetime
  where c.org_id = v_caller.org_id and c.id = v_id
  returning c.id, c.cache_key, c.computed_at, c.expires_at, false
  into preview_id, cache_key, computed_at, expires_at, from_cache;
end
$$;
comment on function syncwell.get_or_compute_preview(
  text, jsonb, jsonb, jsonb, text, interval, text, boolean
) is
'The valid preview of p_sync_type and p_params, or a new one from p_current and p_incoming by p_key, as '
'compute_preview_delta() has it, valid for p_ttl (1 second to 30 days, NULL: setting preview.ttl). However many ask '
'at the same time, one computes and the others wait for it, up to setting preview.wait; if that one fails the next '
'one does. p_params: what the records depend on, any JSON: equal ones share a preview, whatever their records are; '
'NULL: the records themselves, so that only equal ones share it. p_sync_id: noted with a new one. p_force: computes '
'anew, and replaces a valid one. from_cache: it was there. cache_key: for get_preview() and invalidate_preview(). '
'Leases of claim_preview() are not waited for. To be called in a transaction of its own, since others wait until it '
'ends. Writes an activity entry preview_delta when it computes. Errors: SW001, 22004, 22001, 22023, SW701, SW702, '
'SW703, SW706, SW707, 54000 as compute_preview_delta(), 40001 above READ COMMITTED, 40P01.';
revoke all on function syncwell.get_or_compute_preview(
  text, jsonb, jsonb, jsonb, text, interval, text, boolean
) from public;
grant execute on function syncwell.get_or_compute_preview(
  text, jsonb, jsonb, jsonb, text, interval, text, boolean
) to syncwell_worker;
