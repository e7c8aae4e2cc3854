-- The roles of syncwell. Roles belong to the whole cluster: run this once per cluster, before the first migration.
--
-- Who:   a superuser, or any role with CREATEROLE. Running it again, or from several places at once, does no harm.
-- How:   psql -1 -v ON_ERROR_STOP=1 -f roles.sql
-- Locks: none that anybody waits for. No role can log in; none is ever dropped by a rollback.
--
-- Logins are made by you and granted what they need: `grant syncwell_reader to ann`. Grant syncwell_owner to nobody
-- but, for the time of an installation or upgrade, to an installer who is no superuser.

-- One block is one transaction: a second run at the same time waits at its first CREATE ROLE, then finds all done.
do $roles$
declare
  v_role record;
begin
  for v_role in
    select r.name, r.description, r.member_of
    from (
      values
      ('syncwell_owner', 'syncwell: owns everything in the schema; nobody is a member of it in production', null),
      ('syncwell_client', 'syncwell: act for itself: pull, push, own status, own queue', null),
      ('syncwell_reader', 'syncwell: read functions and views of its own org', null),
      ('syncwell_worker', 'syncwell: record runs, progress and activity; claim queue work; ingest', null),
      (
        'syncwell_gateway', 'syncwell: a trusted backend that acts for others; all that client, reader and worker may',
        array['syncwell_client', 'syncwell_reader', 'syncwell_worker']
      ),
      ('syncwell_operator', 'syncwell: settings, maintenance, registering; all orgs', null)
    ) as r (name, description, member_of)
  loop
    if to_regrole(v_role.name) is null then
      begin
        execute format('create role %I nologin', v_role.name);
      exception
        when duplicate_object or unique_violation then null;
      end;
    end if;

    -- each only where it is missing: somebody else may have made the roles, and then we may not touch them
    if shobj_description(to_regrole(v_role.name), 'pg_authid') is distinct from v_role.description then
      begin
        execute format('comment on role %I is %L', v_role.name, v_role.description);
      exception
        when unique_violation or internal_error then null; -- another run has just written it
        when insufficient_privilege then
          raise notice 'role %: its comment belongs to whoever made the role', v_role.name;
      end;
    end if;
    for v_role.member_of in
      select array[g.name]
      from unnest(v_role.member_of) as g (name)
      where not pg_has_role(v_role.name, g.name, 'member')
    loop
      begin
        execute format('grant %I to %I', v_role.member_of[1], v_role.name);
      exception
        when unique_violation or internal_error then null; -- another run has just granted it
      end;
    end loop;
  end loop;
end
$roles$;
