-- Two orgs with users of every role, and logins of every kind. Run as superuser into the tests' template database,
-- never shipped. Ids are made from names: a test can name them without asking, and an unused name gives an unknown id.

create schema test;

create function test.org(
  p_name text
)
returns uuid
language sql
immutable parallel safe
return pg_catalog.md5('org ' || p_name)::uuid;

create function test.id(
  p_name text
)
returns uuid
language sql
immutable parallel safe
return pg_catalog.md5('user ' || p_name)::uuid;

grant usage on schema test to public;

select syncwell.register_org(p_name => 'Org A', p_org_id => test.org('a'), p_time_zone => 'Europe/Berlin');
select syncwell.register_org(p_name => 'Org B', p_org_id => test.org('b'));

select syncwell.register_user(p_org_id => test.org('a'), p_user_id => test.id('a_member'), p_role => 'member');
select syncwell.register_user(p_org_id => test.org('a'), p_user_id => test.id('a_other'), p_role => 'member');
select syncwell.register_user(p_org_id => test.org('a'), p_user_id => test.id('a_analyst'), p_role => 'analyst');
select syncwell.register_user(p_org_id => test.org('a'), p_user_id => test.id('a_admin'), p_role => 'admin');
select syncwell.register_user(p_org_id => test.org('b'), p_user_id => test.id('b_member'), p_role => 'member');
select syncwell.register_user(p_org_id => test.org('b'), p_user_id => test.id('b_admin'), p_role => 'admin');

-- Roles belong to the cluster, not to the database: another database of this cluster may have made them.
do $$
declare
  v_login text;
begin
  foreach v_login in array array[
    't_owner', 'a_member', 'a_other', 'a_analyst', 'a_admin', 'a_service', 'b_member', 'b_admin', 'b_service',
    'gateway', 'jwt', 'operator', 'nobody_login', 'a_climber'
  ]
  loop
    if pg_catalog.to_regrole(v_login) is null then
      execute pg_catalog.format('create role %I login', v_login);
    end if;
  end loop;
end;
$$;

grant syncwell_reader
to a_member, a_other, a_analyst, a_admin, a_service, b_member, b_admin, b_service, jwt, operator, nobody_login;
grant syncwell_worker
to a_member, a_other, a_analyst, a_admin, a_service, b_member, b_admin, b_service, nobody_login;
grant syncwell_client
to a_member, a_other, a_analyst, a_admin, b_member, b_admin, jwt;
grant syncwell_gateway to gateway, a_climber;
grant syncwell_operator to operator;

-- t_owner and nobody_login stay without an identity; the operator's work needs none.
select syncwell.bind_login('a_member', 'user', test.org('a'), test.id('a_member'));
select syncwell.bind_login('a_other', 'user', test.org('a'), test.id('a_other'));
-- A user's own login that somebody made a member of the gateway role: membership alone must give it nothing.
select syncwell.bind_login('a_climber', 'user', test.org('a'), test.id('a_member'));
select syncwell.bind_login('a_analyst', 'user', test.org('a'), test.id('a_analyst'));
select syncwell.bind_login('a_admin', 'user', test.org('a'), test.id('a_admin'));
select syncwell.bind_login('a_service', 'service', test.org('a'), null);
select syncwell.bind_login('b_member', 'user', test.org('b'), test.id('b_member'));
select syncwell.bind_login('b_admin', 'user', test.org('b'), test.id('b_admin'));
select syncwell.bind_login('b_service', 'service', test.org('b'), null);
select syncwell.bind_login('gateway', 'gateway', null, null);
select syncwell.bind_login('jwt', 'jwt', null, null);

-- How tests make facts: as services do, by a gateway that acts for one user after the other, on the fake clock.
create function test.at(
  p_time timestamptz,
  p_user text default null
)
returns void
language sql
as $$
  select pg_catalog.set_config('syncwell.fake_now', p_time::text, true);
  select syncwell.act_as(test.id(p_user)) where p_user is not null;
$$;

create function test.run(
  p_source text,
  p_at timestamptz,
  p_outcome text,
  p_seconds integer default 10,
  p_items bigint default null,
  p_type text default 'incremental',
  p_platform text default null,
  p_network text default null
)
returns void
language plpgsql
as $$
declare
  v_run record;
begin
  perform test.at(p_at);
  v_run := syncwell.record_sync_start(
    p_source => p_source, p_sync_type => p_type, p_platform => p_platform, p_network_type => p_network
  );
  perform test.at(p_at + make_interval(secs => p_seconds));
  case p_outcome
    when 'started' then null;
    when 'failed' then
      perform syncwell.record_sync_error(
        v_run.event_id, v_run.lease, 'no answer', 'ETIMEDOUT', p_items_processed => p_items
      );
    when 'cancelled' then perform syncwell.cancel_sync_run(v_run.event_id);
    else
      perform syncwell.record_sync_complete(
        v_run.event_id, v_run.lease, p_items, p_items_failed => case p_outcome when 'partial' then 1 end
      );
  end case;
end
$$;
