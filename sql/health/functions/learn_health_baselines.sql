create or replace function syncwell.learn_health_baselines()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record;
begin
  if (syncwell._identity()).org_id is null and pg_has_role(session_user, 'syncwell_operator', 'member') then
    return syncwell._learn_baselines_task();
  end if;

  v_caller := syncwell._caller();
  if v_caller.role not in ('service', 'admin') then
    raise exception using
      errcode = '42501',
      message = 'learning needs a service or an admin',
      detail = format('The caller is a %s.', v_caller.role),
      hint = 'Let a service of the org call it, or an operator for all orgs.';
  end if;
  perform syncwell._learn_volumes(v_caller.org_id);
  return syncwell._learn_streams(v_caller.org_id);
end
$$;
comment on function syncwell.learn_health_baselines() is
'Learns what is usual for each stream: how often it succeeds, how long it takes, its volume by hour of the week. A '
'duty of maintenance; what was learned within 20 hours is left as it is, so it may be called at any time. An operator '
'learns for all orgs, a service or admin for its own. Returns for how many streams it learned. See stream_states for '
'what is kept. Errors: SW001, 42501 anybody else.';
revoke all on function syncwell.learn_health_baselines() from public;
grant execute on function syncwell.learn_health_baselines() to syncwell_operator, syncwell_worker;
