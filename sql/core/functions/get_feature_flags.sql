create or replace function syncwell.get_feature_flags()
returns table (
  flag text,
  org_id uuid,
  enabled boolean,
  rollout_percent integer,
  is_on boolean,
  set_at timestamptz
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  -- NULL for an operator, who sees the flags of all orgs
  v_org_id constant uuid := syncwell._claim_org();
begin
  return query
  select
    f.flag,
    f.org_id,
    f.enabled,
    f.rollout_percent,
    case
      when v_org_id is not null then f.enabled and syncwell._is_rolled_out(f.flag, v_org_id, f.rollout_percent)
    end,
    f.set_at
  from syncwell.feature_flags as f
  where v_org_id is null
    or f.org_id = v_org_id
    or (
      f.org_id is null
      and not exists (select from syncwell.feature_flags as o where o.org_id = v_org_id and o.flag = f.flag)
    )
  order by f.flag, f.org_id nulls first;
end
$$;
comment on function syncwell.get_feature_flags() is
'The feature flags by name. For a caller of an org one row each, the one that decides (org_id NULL: the row for all '
'orgs), and is_on: whether it is on for the org. For an operator every row of every org, is_on NULL. Flags without a '
'row are off. Errors: SW001.';
revoke all on function syncwell.get_feature_flags() from public;
grant execute on function syncwell.get_feature_flags()
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
