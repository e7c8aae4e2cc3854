create or replace function syncwell.store_preview(
  p_lease_token uuid,
  p_delta jsonb,
  p_ttl interval default null,
  p_sync_id text default null,
  out preview_id uuid,
  out cache_key text,
  out computed_at timestamptz,
  out expires_at timestamptz
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller constant record := syncwell._caller();
  v_claim record;
  v_lifetime interval;
  v_done_at constant timestamptz := syncwell._now();
begin
  if p_lease_token is null or p_delta is null then
    raise exception using
      errcode = '22004',
      message = 'an argument that is needed is missing',
      detail = format('%s is NULL.', case when p_lease_token is null then 'p_lease_token' else 'p_delta' end),
      hint = 'Pass what claim_preview() gave, and the document.';
  end if;
  perform syncwell._check_text('p_sync_id', p_sync_id, 200);
  delete from syncwell.preview_claims as c
  where c.org_id = v_caller.org_id and c.lease_token = p_lease_token
  returning c.cache_key, c.sync_type, c.claimed_at into v_claim;
  if not found then
    raise exception using
      errcode = 'SW704',
      message = 'the preview is not claimed under this token any more',
      detail = 'It was stored or given back, its lease ran out and another one claimed it, or it was invalidated.',
      hint = 'Claim it again: somebody may have stored it.';
  end if;
  v_lifetime := syncwell._preview_lifetime(v_caller.org_id, v_claim.sync_type, p_ttl);
  -- again when somebody else has put one there meanwhile
  loop
    preview_id := syncwell._hold_preview(
      v_caller.org_id, v_caller.user_id, v_claim.cache_key, v_claim.sync_type, p_sync_id, true,
      v_claim.claimed_at
    );
    exit when preview_id is not null;
  end loop;
  update syncwell.sync_preview_cache as c
  set delta_json = p_delta, computed_at = v_done_at, expires_at = v_done_at + v_lifetime
  where c.org_id = v_caller.org_id and c.id = preview_id
  returning c.cache_key, c.computed_at, c.expires_at into cache_key, computed_at, expires_at;
end
$$;
comment on function syncwell.store_preview(uuid, jsonb, interval, text) is
'Keeps a preview that was computed outside of the database, for p_ttl (1 second to 30 days, NULL: setting '
'preview.ttl), and ends the claim. p_lease_token: what claim_preview() gave; of use until another one claims the '
'preview, also for an hour after lease_until. p_delta: {new: [records], updated: [{id, old_data, new_data}], '
'deleted: [records], statistics}, as compute_preview_delta() has it; of the statistics new_count, updated_count, '
'deleted_count and total_affected are filled in when they are left out, and refused when they are not those of the '
'lists. p_sync_id: noted with it. Writes an activity entry preview_delta. Errors: SW001, 22004, 22001, 22023, SW703 '
'too large, SW704 not claimed any more, SW705 malformed, SW707, 40001 above READ COMMITTED.';
revoke all on function syncwell.store_preview(uuid, jsonb, interval, text) from public;
grant execute on function syncwell.store_preview(uuid, jsonb, interval, text) to syncwell_worker;
