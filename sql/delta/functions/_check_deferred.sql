create or replace function syncwell._check_deferred(p_constraints oid[])
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_constraint record;
begin
  for v_constraint in
    select distinct n.nspname, c.conname
    from pg_constraint as c inner join pg_namespace as n on n.oid = c.connamespace
    where c.oid = any (p_constraints)
  loop
    execute format('set constraints %I.%I immediate', v_constraint.nspname, v_constraint.conname);
    execute format('set constraints %I.%I deferred', v_constraint.nspname, v_constraint.conname);
  end loop;
end
$$;
comment on function syncwell._check_deferred(oid[]) is
'Checks these deferred constraints now, and leaves them deferred for what else the transaction does. Errors: of the '
'constraints.';
revoke all on function syncwell._check_deferred(oid[]) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._check_deferred(oid[]) to syncwell_client;
