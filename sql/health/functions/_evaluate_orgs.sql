create or replace function syncwell._evaluate_orgs()
returns table (
  org_id uuid,
  streams bigint,
  moved bigint,
  opened bigint,
  reopened bigint,
  resolved bigint,
  blind interval,
  skipped boolean
)
language plpgsql volatile security invoker rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
  v_state text;
  v_message text;
begin
  for org_id in select o.org_id from syncwell.orgs as o order by o.org_id loop
    begin
      select e.streams, e.moved, e.opened, e.reopened, e.resolved, e.blind, e.skipped
      into streams, moved, opened, reopened, resolved, blind, skipped
      from syncwell._evaluate_org(org_id) as e;
      return next;
    exception
      when others then
        -- one org must not leave all others unevaluated; whoever reads its health sees that nothing evaluates it
        get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
        raise warning 'org % was not evaluated: %', org_id, v_message using errcode = v_state;
    end;
  end loop;
end
$$;
comment on function syncwell._evaluate_orgs() is
'_evaluate_org() for all orgs, a row each; one that fails raises a warning and leaves the others be.';
revoke all on function syncwell._evaluate_orgs() from public;
