begin;
select plan(25);
-- the superuser stands in for the service of org A, so that the fake clock holds
do $$ begin
  perform syncwell.bind_login(session_user, 'gateway', null, null), syncwell.act_as_org(test.org('a'));
  perform syncwell.set_setting('retry.jitter', 'none'), set_config('syncwell.fake_now', '2026-11-21 12:00+00', true);
end $$;
create function pg_temp.at(p_time text) returns text language sql as $$
  select set_config('syncwell.fake_now', '2026-11-21 ' || p_time || '+00', true) $$;

do $$ begin
  perform syncwell.record_sync_error(r.event_id, r.lease, 'x', null, 429, null, '60')
  from (values ('org', null), ('mine', test.id('a_member')), ('other', test.id('a_other'))) as s (source, user_id),
  syncwell.record_sync_start(s.source, p_user_id => s.user_id, p_run_key => 'k') as r;
  perform syncwell.act_as_org(test.org('b'));
  perform syncwell.record_sync_error(r.event_id, r.lease, 'x', null, 429, null, '60') from syncwell.record_sync_start('theirs') as r;
end $$;

set session authorization a_member;
select bag_eq('select source from syncwell.sync_events', $$values ('org'), ('mine')$$, 'a member: its own runs and the org''s');
select is((select count(*) from syncwell.sync_state), 2::bigint, 'states');
select bag_eq('select source from syncwell.sync_errors', $$values ('org'), ('mine')$$, 'errors');
select is((select count(*) from syncwell.source_attempts), 0::bigint, 'no counts over all users');
select bag_eq('select source from syncwell.circuits', $$values ('org'), ('mine')$$, 'the circuits of its sources');
select throws_ok('select run_key from syncwell.sync_run_keys', '42501', null, 'no run keys');
select throws_ok(format('select %s from syncwell.sync_events', c), '42501', null, 'no ' || c)
from unnest(array['lease', 'error_message', 'device_id', 'network_type', 'network_quality']) as c;
select throws_ok(format('select %s from syncwell.sync_errors', c), '42501', null, 'no ' || c)
from unnest(array['error_message', 'error_details', 'retry_lease']) as c;
select throws_ok('select probe_token from syncwell.circuits', '42501', null, 'no token');
select throws_ok('update syncwell.sync_state set is_healthy = true', '42501', null, 'writes nothing');
reset session authorization;
set session authorization a_analyst;
select is((select count(*) from syncwell.sync_events), 3::bigint, 'an analyst: all of the org');
select is((select count(*) from syncwell.sync_errors), 3::bigint, 'errors');
select is((select count(*) from syncwell.source_attempts), 3::bigint, 'counts');
select is((select count(*) from syncwell.circuits), 3::bigint, 'circuits');
reset session authorization;
set session authorization b_service;
select bag_eq('select source from syncwell.sync_events', $$values ('theirs')$$, 'another org its own');
select bag_eq('select source from syncwell.circuits', $$values ('theirs')$$, 'and its circuits');
reset session authorization;
set session authorization nobody_login;
select is((select count(*) from syncwell.sync_events), 0::bigint, 'nobody sees nothing');
select is((select count(*) from syncwell.circuits), 0::bigint, 'at all');
reset session authorization;
select is(
  (select count(*) from pg_class where relkind in ('r', 'p') and not relrowsecurity and relname ~ '^(sync_|source_attempts|circuits)' and relnamespace = 'syncwell'::regnamespace),
  0::bigint, 'row-level security is on for every table and partition'
);

select * from finish();
rollback;
