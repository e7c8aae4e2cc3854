begin;
select plan(76);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
create function pg_temp.tell(p_metrics jsonb, p_source text default 'calls', p_user_id uuid default null)
returns boolean
language sql
as $$ select is_newest from syncwell.update_sync_health_metrics(p_user_id, p_source, p_metrics) $$;
create function pg_temp.device(p_device_id text default 'phone')
returns text
language sql
as $$ select concat_ws(' ', platform, network, sync_duration_ms, record_count, error_count, queue_depth, to_char(oldest_pending_at at time zone 'UTC', 'HH24:MI'), to_char(reported_at at time zone 'UTC', 'HH24:MI'), to_char(received_at at time zone 'UTC', 'HH24:MI')) from syncwell.sync_health where device_id = p_device_id $$;
create function pg_temp.queue()
returns text
language sql
as $$ select concat_ws(' ', queue_depth, to_char(queue_oldest_at at time zone 'UTC', 'HH24:MI')) from syncwell.stream_states where user_id = test.id('a_member') and source = 'calls' $$;
create function pg_temp.hours()
returns text
language sql
as $$ select string_agg(concat_ws(' ', to_char(hour at time zone 'UTC', 'HH24'), reports, durations, duration_total, records, errors, queue_depth_maximum, queue_age_maximum), ', ' order by hour) from syncwell.sync_health_hours where user_id = test.id('a_member') $$;

do $$ begin perform test.at('2026-03-10 10:30+00', 'a_member'); end $$;
select results_eq(
  $$select is_newest, reported_at from syncwell.update_sync_health_metrics(null, 'calls', '{"sync_duration_ms": 1500, "record_count": 20, "error_count": 1,
    "queue_depth": 3, "oldest_pending_at": "2026-03-10T09:00:00Z", "platform": "ios", "device_id": "phone", "network": "wifi", "reported_at": "2026-03-10T11:20:00+01:00"}')$$,
  $$values (true, '2026-03-10 10:20+00'::timestamptz)$$, 'told'
);
select is(pg_temp.device(), 'ios wifi 1500 20 1 3 09:00 10:20 10:30', 'kept');
select is(pg_temp.hours(), '10 1 1 1500 20 1 3 01:20:00', 'counted in its hour');
select is(pg_temp.queue(), '3 09:00', 'the queue of the stream');
select is((select queue_reported_at from syncwell.stream_states), '2026-03-10 10:30+00'::timestamptz, 'when it was told');
select is((select platform from syncwell.streams where source = 'calls'), 'ios', 'the stream is made, with its platform');
select is((select count(*) from syncwell.sync_state), 1::bigint, 'with a state');

-- what is left out stays
select ok(pg_temp.tell('{"record_count": 5, "device_id": "phone", "reported_at": "2026-03-10T10:25:00Z"}'), 'a later report');
select is(pg_temp.device(), 'ios wifi 1500 5 1 3 09:00 10:25 10:30', 'changes what it tells');
select is(pg_temp.hours(), '10 2 1 1500 25 1 3 01:20:00', 'and counts that only');
select is(pg_temp.queue(), '3 09:00', 'not the queue');
-- the newest wins
select ok(not pg_temp.tell('{"record_count": 7, "queue_depth": 9, "oldest_pending_at": "2026-03-10T08:00:00Z", "platform": "web", "network": "cellular", "device_id": "phone", "reported_at": "2026-03-10T09:59:00Z"}'), 'a late report');
select is(pg_temp.device(), 'ios wifi 1500 5 1 3 09:00 10:25 10:30', 'changes nothing of the device');
select is(pg_temp.queue(), '3 09:00', 'nor of the stream');
select is(pg_temp.hours(), '09 1 0 0 7 0 9 01:59:00, 10 2 1 1500 25 1 3 01:20:00', 'and counts into its hour');
-- told again
select ok(pg_temp.tell('{"record_count": 5, "device_id": "phone", "reported_at": "2026-03-10T10:25:00Z"}'), 'the newest again');
select ok(not pg_temp.tell('{"record_count": 7, "device_id": "phone", "reported_at": "2026-03-10T09:59:00Z"}'), 'the late one again');
select ok(not pg_temp.tell('{"record_count": 99, "device_id": "phone", "reported_at": "2026-03-10T11:20:00+01:00"}'), 'the first again');
select is(pg_temp.hours(), '09 1 0 0 7 0 9 01:59:00, 10 2 1 1500 25 1 3 01:20:00', 'count once');
select is(pg_temp.device(), 'ios wifi 1500 5 1 3 09:00 10:25 10:30', 'and change nothing');
do $$ begin for i in 1..40 loop perform pg_temp.tell(jsonb_build_object('device_id', 'tablet', 'reported_at', to_char('2026-03-10 09:00+00'::timestamptz + i * interval '1 s', 'YYYY-MM-DD"T"HH24:MI:SSOF'))); end loop; end $$;
select is((select cardinality(recent_reports) from syncwell.sync_health where device_id = 'tablet'), 32, 'the last 32 are known again');
do $$ begin perform pg_temp.tell('{"device_id": "tablet", "reported_at": "2026-03-10T09:00:09Z"}'); end $$;
select is((select reports from syncwell.sync_health_hours where hour = '2026-03-10 09:00+00'), 41::bigint, 'the 32nd is');

-- the queue of a stream: of all its devices
select ok(pg_temp.tell('{"queue_depth": 4, "oldest_pending_at": "2026-03-10T09:30:00Z", "device_id": "tablet"}'), 'another device');
select is(pg_temp.queue(), '7 09:00', 'the sum, and the oldest');
do $$ begin perform pg_temp.tell('{"queue_depth": 2, "oldest_pending_at": "2026-03-10T10:00:00Z", "device_id": "phone"}'); end $$;
select is(pg_temp.queue(), '6 09:30', 'the oldest is the other''s now');
do $$ begin perform test.at('2026-03-10 10:31+00'); perform pg_temp.tell('{"oldest_pending_at": "2026-03-10T08:00:00Z", "device_id": "phone"}'); end $$;
select is(pg_temp.queue(), '6 08:00', 'and its own again');
do $$ begin perform test.at('2026-03-10 10:32+00'); perform pg_temp.tell('{"queue_depth": 0, "device_id": "phone"}'); end $$;
select is(pg_temp.queue(), '4 09:30', 'an empty queue has no oldest');
select is(pg_temp.device(), 'ios wifi 1500 5 1 0 10:32 10:32', 'on the device as well');
do $$ begin perform test.at('2026-03-10 10:33+00'); perform pg_temp.tell('{"oldest_pending_at": null, "device_id": "tablet"}'); end $$;
select is(pg_temp.queue(), '4', 'told that nothing waits');
do $$ begin perform test.at('2026-03-10 10:33:30+00'); perform pg_temp.tell('{"queue_depth": 4, "device_id": "tablet"}'); end $$;
select is((select queue_reported_at from syncwell.stream_states), '2026-03-10 10:33+00'::timestamptz, 'the same again is not written each time');
do $$ begin perform test.at('2026-03-10 10:34:01+00'); perform pg_temp.tell('{"queue_depth": 4, "device_id": "tablet"}'); end $$;
select is((select queue_reported_at from syncwell.stream_states), '2026-03-10 10:34:01+00'::timestamptz, 'but each minute');
do $$ begin perform test.at('2026-03-10 10:35+00'); perform pg_temp.tell('{"queue_depth": 9223372036854775807, "device_id": "phone"}'); end $$;
select is(pg_temp.queue(), '9223372036854775807', 'as much as a bigint holds');
do $$ begin perform test.at('2026-03-10 10:36+00'); perform pg_temp.tell('{"queue_depth": 9223372036854775807, "device_id": "tablet"}'); end $$;
select is(pg_temp.queue(), '9223372036854775807', 'and no more');
do $$ begin perform test.at('2026-03-10 10:37+00'); perform pg_temp.tell('{"queue_depth": 1, "device_id": "tablet"}'); perform test.at('2026-03-10 10:38+00'); perform pg_temp.tell('{"queue_depth": 2, "device_id": "phone"}'); end $$;
select is(pg_temp.queue(), '3', 'after which sums are right again');
delete from syncwell.sync_health where device_id = 'tablet';
do $$ begin perform syncwell._recount_queue(org_id, stream_id) from syncwell.stream_states; end $$;
select is(pg_temp.queue(), '2', 'counted anew for whoever deletes a device');

-- without a device, a time, a user
do $$ begin perform test.at('2026-03-10 11:00+00', 'a_other'); end $$;
select results_eq($$select is_newest, reported_at from syncwell.update_sync_health_metrics(null, 'sms', '{"record_count": 1}')$$, $$values (true, '2026-03-10 11:00+00'::timestamptz)$$, 'now, where no time is told');
select is((select device_id from syncwell.sync_health where source = 'sms'), '', 'no device');
select is((select count(*) from syncwell.stream_states where source = 'sms'), 0::bigint, 'no word of a queue');
do $$ begin perform syncwell.act_as_org(test.org('a')); end $$;
select ok(pg_temp.tell('{"record_count": 1}', 'todoist'), 'a service tells of the org''s own');
select is((select user_id from syncwell.sync_health where source = 'todoist'), null, 'which is nobody''s');
select ok(pg_temp.tell('{"record_count": 1, "queue_depth": 0}', 'mail', test.id('a_member')), 'or of a user''s');
select is((select user_id from syncwell.sync_health where source = 'mail'), test.id('a_member'), 'whose it is');
do $$ begin perform syncwell.unregister_stream('mail', test.id('a_member')); perform test.at('2026-03-10 11:01+00'); perform pg_temp.tell('{"record_count": 2}', 'mail', test.id('a_member')); end $$;
select is((select retired_at from syncwell.streams where source = 'mail'), null, 'what is told of is alive');
select results_eq($$select platform from syncwell.streams where source in ('calls', 'mail') order by source$$, $$values ('ios'), (null)$$, 'a platform that is known stays');
do $$ begin perform test.at('2026-03-10 11:02+00'); perform pg_temp.tell('{"platform": "android"}', 'mail', test.id('a_member')); perform test.at('2026-03-10 11:03+00'); perform pg_temp.tell('{"platform": "web"}', 'mail', test.id('a_member')); end $$;
select is((select platform from syncwell.streams where source = 'mail'), 'android', 'the first that is told is taken');

-- consent
do $$ begin perform syncwell.set_setting('consent_required', 'true', p_org_id => test.org('a')); perform test.at('2026-03-10 11:10+00', 'a_other'); perform pg_temp.tell('{"device_id": "secret", "network": "home", "platform": "ios"}', 'sms'); end $$;
select results_eq($$select device_id, network, platform from syncwell.sync_health where source = 'sms'$$, $$values ('', null, 'ios')$$, 'devices and networks are kept with consent');
do $$ begin perform syncwell.act_as_org(test.org('a')); perform pg_temp.tell('{"device_id": "box", "network": "lan"}', 'todoist'); end $$;
select is((select network from syncwell.sync_health where device_id = 'box'), 'lan', 'those of the org itself need none');

-- refused, with the key
create function pg_temp.refusal(p_metrics jsonb)
returns text
language plpgsql
as $$
declare
  v_detail text;
begin
  perform pg_temp.tell(p_metrics);
  return 'taken';
exception
  when others then
    get stacked diagnostics v_detail = pg_exception_detail;
    return sqlstate || ' ' || v_detail;
end
$$;
do $$ begin perform test.at('2026-03-10 12:00+00', 'a_member'); end $$;
create temp table before as select count(*) as n, max(received_at) as at from syncwell.sync_health;
select is(pg_temp.refusal('{"sync_duration": 1}'), 'SW605 ''sync_duration'' is no metric.', 'an unknown key');
select is(pg_temp.refusal('[]'), 'SW605 p_metrics is of type array and no object.', 'a list');
select is(pg_temp.refusal('{}'), 'SW605 p_metrics tells nothing.', 'nothing');
select is(pg_temp.refusal('{"record_count": -1}'), 'SW605 record_count is negative.', 'a negative');
select is(pg_temp.refusal('{"record_count": -0.4}'), 'SW605 record_count is negative.', 'a small negative');
select is(pg_temp.refusal('{"record_count": "5"}'), 'SW605 record_count is of type string and no number.', 'a text');
select is(pg_temp.refusal('{"sync_duration_ms": "NaN"}'), 'SW605 sync_duration_ms is of type string and no number.', 'what is not a number');
select is(pg_temp.refusal('{"error_count": "Infinity"}'), 'SW605 error_count is of type string and no number.', 'what is infinite');
select is(pg_temp.refusal('{"error_count": true}'), 'SW605 error_count is of type boolean and no number.', 'a truth');
select is(pg_temp.refusal('{"queue_depth": [1]}'), 'SW605 queue_depth is of type array and no number.', 'a list of numbers');
select is(pg_temp.refusal('{"queue_depth": 9223372036854775808}'), 'SW605 queue_depth is too large.', 'more than a bigint');
select is(pg_temp.refusal('{"queue_depth": 1e400}'), 'SW605 queue_depth is too large.', 'far more');
select is(pg_temp.refusal('{"platform": "fax"}'), 'SW605 platform is none of android, ios, web, server and other.', 'an unknown platform');
select is(pg_temp.refusal('{"device_id": 7}'), 'SW605 device_id is of type number and no text.', 'a number');
select is(pg_temp.refusal(jsonb_build_object('device_id', repeat('x', 256))), 'SW605 device_id has more than 255 characters.', 'a long device');
select is(pg_temp.refusal(jsonb_build_object('network', repeat('x', 65))), 'SW605 network has more than 64 characters.', 'a long network');
select is(pg_temp.refusal('{"reported_at": 1741600000}'), 'SW605 reported_at is of type number and no text.', 'a number for a time');
select is(
  (select string_agg(distinct pg_temp.refusal(jsonb_build_object('reported_at', t)), '') from unnest(array['now', 'infinity', '2026-03-10', '10/03/2026 10:00', '2026-03-10T10:00:00', '2026-03-10T10:00:00 Europe/Berlin']) as t),
  'SW605 reported_at is no time in ISO 8601 with an offset, e.g. 2026-03-29T01:30:00Z.', 'times that the session would have to explain'
);
select is(
  (select string_agg(distinct pg_temp.refusal(jsonb_build_object('reported_at', t)), '') from unnest(array['2026-02-30T10:00:00Z', '2026-13-01T10:00:00Z', '0000-01-01T10:00:00Z', '2026-03-10T25:00:00Z', '2026-03-10T10:00:00+99:00']) as t),
  'SW605 reported_at is a time that does not exist.', 'times that there are not'
);
select is(pg_temp.refusal('{"reported_at": "2026-03-10T12:05:01Z"}'), 'SW605 reported_at is more than 5 minutes ahead of the clock of the server.', 'a time to come');
select is(pg_temp.refusal('{"oldest_pending_at": "2026-03-10T12:05:01Z"}'), 'SW605 oldest_pending_at is more than 5 minutes ahead of the clock of the server.', 'waiting since a time to come');
select is(pg_temp.refusal('{"reported_at": "2025-02-02T11:00:00Z"}'), 'SW605 reported_at is so long ago that no history is kept of it.', 'a time of which no history is kept');
select results_eq('select count(*), max(received_at) from syncwell.sync_health', 'select n, at from before', 'none of which left anything');
select is(pg_temp.refusal('{"reported_at": "2026-03-10T12:05:00Z", "sync_duration_ms": 1.6, "record_count": 2e3, "device_id": null, "platform": null, "error_count": null}'), 'taken', 'at most five minutes ahead, fractions and nulls are taken');
select results_eq($$select sync_duration_ms, record_count, error_count from syncwell.sync_health where source = 'calls' and device_id = ''$$, 'values (2::bigint, 2000::bigint, null::bigint)', 'rounded, and not known');
select throws_ok($$select pg_temp.tell('{"record_count": 1}', 'a b')$$, '22023', 'this is no name of a source', 'what is no source');
select throws_ok($$select pg_temp.tell(null)$$, '22004', 'metrics are needed', 'NULL');
select throws_ok(format($$select pg_temp.tell('{"record_count": 1}', 'calls', %L)$$, test.id('a_other')), 'SW002', 'unknown user', 'a member tells of itself only');
set session authorization nobody_login;
select throws_ok($$select syncwell.update_sync_health_metrics(null, 'calls', '{"record_count": 1}')$$, 'SW001', null, 'nobody tells nothing');
reset session authorization;
select * from finish();
rollback;
