create or replace function syncwell._evaluate_health_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select coalesce(sum(e.moved + e.opened + e.reopened + e.resolved), 0)::bigint from syncwell._evaluate_orgs() as e
  );
end
$$;
comment on function syncwell._evaluate_health_task() is
'Duty of maintenance: evaluate_health() for all orgs. Returns how many states and issues changed.';
revoke all on function syncwell._evaluate_health_task() from public;
