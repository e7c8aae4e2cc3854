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

-- Sessions as they lie in the tables, without the functions that would not let them become so.
create function test.session_record(
  p_session_id uuid,
  p_user text,
  p_kind text,
  p_at timestamptz,
  p_spo2 double precision default null,
  p_written_at timestamptz default null
)
returns void
language sql
as $$
  insert into syncwell.session_records (
    org_id, id, session_id, user_id, kind, occurred_at, spo2, payload, written_at, received_at
  )
  values (
    test.org('a'), syncwell._record_id(p_session_id, p_kind, p_at), p_session_id, test.id(p_user), p_kind, p_at, p_spo2,
    case when p_spo2 is null then '{}'::jsonb end, coalesce(p_written_at, p_at), coalesce(p_written_at, p_at)
  );
$$;

create function test.count_session(
  p_session_id uuid
)
returns void
language sql
as $$
  select syncwell._recount_session(
    test.org('a'), p_session_id, null,
    array[jsonb_populate_record(null::syncwell.session_counts, '{"first_at": "2000-01-01Z", "last_at": "2100-01-01Z"}')]
  );
$$;

-- With readings every 10 seconds from p_first_at on, of 90 to 94 % and p_more.
create function test.session(
  p_name text,
  p_at timestamptz,
  p_status text default 'active',
  p_readings integer default 0,
  p_data_source text default null,
  p_user text default 'a_member',
  p_first_at timestamptz default null,
  p_more integer default 0
)
returns uuid
language plpgsql
as $$
declare
  v_id constant uuid := md5(p_user || p_name)::uuid;
begin
  insert into syncwell.local_ids (org_id, user_id, entity_type, local_id, server_id, created_at)
  values (test.org('a'), test.id(p_user), 'session', p_name, v_id, p_at);
  insert into syncwell.sync_sessions (
    org_id, session_id, user_id, local_id, source, status, data_source, started_at, created_at, updated_at
  )
  values (test.org('a'), v_id, test.id(p_user), p_name, 'sessions', p_status, p_data_source, p_at, p_at, p_at);
  perform test.session_record(
    v_id, p_user, 'reading', coalesce(p_first_at, p_at) + n * interval '10 seconds', 90 + p_more + n % 5
  )
  from generate_series(1, p_readings) as n;
  perform test.count_session(v_id);
  return v_id;
end
$$;
