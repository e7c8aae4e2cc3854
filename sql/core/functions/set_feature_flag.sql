create or replace function syncwell.set_feature_flag(
  p_flag text,
  p_enabled boolean,
  p_org_id uuid default null,
  p_rollout_percent integer default null
)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_flag is null then
    raise exception using
      errcode = '22004',
      message = 'a flag is needed',
      detail = 'p_flag is NULL.',
      hint = 'Name what is switched, e.g. ''new_dashboard''.';
  end if;
  if p_flag !~ '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$' then
    raise exception using
      errcode = '22023',
      message = 'this is no name of a flag',
      detail = format('p_flag is %L.', left(p_flag, 100)),
      hint = 'A letter or digit, then up to 99 letters, digits or _ . : / -';
  end if;
  if p_rollout_percent not between 0 and 100 or (p_org_id is not null and p_rollout_percent is not null) then
    raise exception using
      errcode = '22023',
      message = 'this is no percentage of orgs',
      detail = format('p_rollout_percent is %s%s.', p_rollout_percent, ' for org ' || p_org_id),
      hint = 'Pass 0 to 100 for all orgs; for one org a flag is on or off.';
  end if;
  if p_org_id is not null then
    perform from syncwell.orgs as o where o.org_id = p_org_id;
    if not found then
      raise exception using
        errcode = 'SW003',
        message = 'unknown org',
        detail = format('There is no org %s.', p_org_id),
        hint = 'Leave p_org_id out to set it for all orgs.';
    end if;
  end if;

  if p_enabled is null then
    delete from syncwell.feature_flags as f
    where f.flag = p_flag and f.org_id is not distinct from p_org_id;
    return;
  end if;
  insert into syncwell.feature_flags as f (org_id, flag, enabled, rollout_percent)
  values (p_org_id, p_flag, p_enabled, coalesce(p_rollout_percent, 100))
  on conflict on constraint feature_flags_are_set_once_per_org do update
  set
    enabled = excluded.enabled,
    rollout_percent = coalesce(p_rollout_percent, f.rollout_percent),
    set_at = excluded.set_at,
    set_by = excluded.set_by
  where (f.enabled, f.rollout_percent)
    is distinct from (excluded.enabled, coalesce(p_rollout_percent, f.rollout_percent));
end
$$;
comment on function syncwell.set_feature_flag(text, boolean, uuid, integer) is
'Switches a feature on or off: for p_org_id, or (NULL) for all orgs without a row of their own; p_enabled NULL '
'removes that row. p_rollout_percent (0 to 100, only for all orgs): for how many of them it is on; NULL leaves it as '
'it was, 100 for a new flag. Which orgs these are is decided by a hash of flag and org: raising it turns the flag '
'off for nobody. Errors: 22004 (p_flag), 22023 (p_flag, p_rollout_percent), SW003.';
revoke all on function syncwell.set_feature_flag(text, boolean, uuid, integer) from public;
grant execute on function syncwell.set_feature_flag(text, boolean, uuid, integer) to syncwell_operator;
