create or replace function syncwell.invalidate_preview(
  p_cache_key text default null,
  p_sync_type text default null,
  p_sync_id text default null
)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  v_caller constant record := syncwell._caller();
  v_count bigint;
begin
  if num_nonnulls(p_cache_key, p_sync_type, p_sync_id) = 0 then
    raise exception using
      errcode = '22004',
      message = 'which previews are meant is not told',
      detail = 'p_cache_key, p_sync_type and p_sync_id are NULL.',
      hint = 'Pass at least one of them.';
  end if;
  -- whoever computes one now began with what is out of date
  delete from syncwell.preview_claims as c
  where c.org_id = v_caller.org_id
    and p_sync_id is null
    and (p_cache_key is null or c.cache_key = p_cache_key)
    and (p_sync_type is null or c.sync_type = p_sync_type);
  with gone as (
    delete from syncwell.sync_preview_cache as c
    where c.org_id = v_caller.org_id
      and (p_cache_key is null or c.cache_key = p_cache_key)
      and (p_sync_type is null or c.sync_type = p_sync_type)
      and (p_sync_id is null or c.sync_id = p_sync_id)
    returning c.expires_at
  )
  select count(*) into v_count from gone as g where g.expires_at > syncwell._now();
  return v_count;
end
$$;
comment on function syncwell.invalidate_preview(text, text, text) is
'Removes the org''s previews of p_cache_key, p_sync_type and p_sync_id, those that are given and all that are, at '
'least one, and returns how many valid ones that were. Without p_sync_id claims go too: what is being computed under '
'them can''t be stored any more. What get_or_compute_preview() is computing at the moment is not seen, and stays. '
'Errors: SW001, 22004.';
revoke all on function syncwell.invalidate_preview(text, text, text) from public;
grant execute on function syncwell.invalidate_preview(text, text, text) to syncwell_worker;
