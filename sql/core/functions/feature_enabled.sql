create or replace function syncwell.feature_enabled(p_flag text)
returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id constant uuid := (syncwell._identity()).org_id;
begin
  return coalesce(
    (
      select f.enabled and syncwell._is_rolled_out(f.flag, v_org_id, f.rollout_percent)
      from syncwell.feature_flags as f
      where f.flag = p_flag and (f.org_id = v_org_id or f.org_id is null)
      order by f.org_id is null
      limit 1
    ),
    false
  );
end
$$;
comment on function syncwell.feature_enabled(text) is
'Whether the feature p_flag is on for the caller''s org: what set_feature_flag() said for the org, else for all orgs '
'and the org''s place in the percentage. False for a flag that was never set, and for a caller without an org. '
'Errors: none.';
revoke all on function syncwell.feature_enabled(text) from public;
grant execute on function syncwell.feature_enabled(text)
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
