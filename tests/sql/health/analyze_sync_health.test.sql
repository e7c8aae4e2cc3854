-- All of health in one document.
begin;
select plan(24);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
create view pg_temp.document as select syncwell.analyze_sync_health() as d;
do $$ begin perform test.at('2026-03-10 08:00+00', 'a_member'); end $$;

-- nobody has anything yet
select is(
  (select array_agg(k order by k) from pg_temp.document as x cross join lateral jsonb_object_keys(x.d) as k),
  '{computed_at,drift,errors,history,issue_counts,issues,queue_metrics,queues,status,uptime,user_id}'::text[], 'the same keys for a user without anything'
);
select is(
  (select jsonb_build_object('issues', d -> 'issues', 'counts', d -> 'issue_counts', 'drift', d -> 'drift', 'queues', d -> 'queues', 'errors', d -> 'errors') from pg_temp.document),
  '{"issues": [], "counts": {}, "drift": [], "queues": [], "errors": []}'::jsonb, 'lists without anything in them'
);
select is((select d #>> '{status,0,status}' from pg_temp.document), 'unknown', 'and nothing known, which is not healthy');
select is((select (d ->> 'computed_at')::timestamptz from pg_temp.document), '2026-03-10 08:00+00'::timestamptz, 'as of now');

-- facts of two users
do $$
begin
  perform syncwell.register_stream('missing', p_expected_interval => '1 hour');
  perform test.run('calls', '2026-03-10 08:00+00', 'success', 10, 7);
  perform test.run('calls', '2026-03-10 08:10+00', 'failed');
  perform test.run('calls', '2026-03-10 08:20+00', 'failed');
  perform test.at('2026-03-10 09:00+00', 'a_other');
  perform test.run('sms', '2026-03-10 09:00+00', 'failed');
  insert into syncwell.sync_health (org_id, stream_id, device_id, user_id, source, platform, queue_depth, oldest_pending_at, reported_at, received_at)
  select s.org_id, s.stream_id, d.device_id, s.user_id, s.source, d.platform, d.depth, d.oldest, '2026-03-10 09:05+00', '2026-03-10 09:05+00'
  from syncwell.streams as s
  cross join (values
    ('pad', 'ios', 3, '2026-03-10 09:00+00'::timestamptz), ('phone', 'ios', 2, '2026-03-10 08:30+00'), ('pixel', 'android', 0, null)
  ) as d (device_id, platform, depth, oldest)
  where s.source = 'calls';
  perform test.at('2026-03-10 09:30+00', 'a_member');
end
$$;
select is((select d -> 'user_id' from pg_temp.document), 'null'::jsonb, 'of all that the caller may see');
select is(
  (select jsonb_agg(r -> 'source' order by r ->> 'source' nulls first) from pg_temp.document as x cross join lateral jsonb_array_elements(x.d -> 'status') as r),
  '[null, "calls", "missing"]'::jsonb, 'status: overall first, then each source'
);
select is(
  (select jsonb_agg(to_jsonb(h)) from syncwell.get_sync_health_status() as h), (select d -> 'status' from pg_temp.document), 'as get_sync_health_status has it'
);
select is(
  (select jsonb_agg(to_jsonb(i)) from syncwell.detect_sync_issues() as i), (select d -> 'issues' from pg_temp.document), 'issues as detect_sync_issues has them, in its order'
);
select is((select d -> 'issue_counts' from pg_temp.document), '{"failure": 1, "missing_source": 1}'::jsonb, 'and how many of each type');
select is(
  (select jsonb_agg(to_jsonb(h)) from syncwell.get_sync_health_history(null, 7) as h), (select d -> 'history' from pg_temp.document), 'seven days as get_sync_health_history has them'
);
select is((select sum((r ->> 'total_syncs')::bigint) from pg_temp.document as x cross join lateral jsonb_array_elements(x.d -> 'history') as r), 3::numeric, 'with the runs');
select is(
  (select jsonb_agg(to_jsonb(u)) from syncwell.get_uptime(null, null, 30) as u), (select d -> 'uptime' from pg_temp.document), 'thirty days as get_uptime has them'
);
select is(
  (select d -> 'drift' from pg_temp.document),
  (select coalesce(jsonb_agg(to_jsonb(r)), '[]') from syncwell.calculate_data_drift() as r), 'drift as calculate_data_drift has it'
);
select is(
  (select d -> 'queues' from pg_temp.document),
  $$[
    {"source": "calls", "platform": "ios", "devices": 2, "queue_depth": 5, "oldest_pending_at": "2026-03-10T08:30:00+00:00",
     "oldest_pending_seconds": 3600, "reported_at": "2026-03-10T09:05:00+00:00"},
    {"source": "calls", "platform": "android", "devices": 1, "queue_depth": 0, "oldest_pending_at": null,
     "oldest_pending_seconds": null, "reported_at": "2026-03-10T09:05:00+00:00"}
  ]$$::jsonb,
  'queues: what devices told, by source and platform, the longest wait first'
);
select is(
  (select (d #> '{errors,0}') - 'next_retry_at' from pg_temp.document),
  $${"source": "calls", "error_type": "ETIMEDOUT", "error_class": "transient", "errors": 1, "occurrences": 2,
    "first_seen": "2026-03-10T08:10:10+00:00", "last_seen": "2026-03-10T08:20:10+00:00"}$$::jsonb,
  'errors that are open, by type'
);
select is((select jsonb_array_length(d -> 'errors') from pg_temp.document), 1, 'its own ones');
do $$ begin perform syncwell.mark_error_resolved(e.id) from syncwell.sync_errors as e where e.source = 'calls'; end $$;
select is((select d -> 'errors' from pg_temp.document), '[]'::jsonb, 'not what is resolved');

-- who may know
select is_empty('select from pg_temp.document where d::text ~ ''sms''', 'nothing of anybody else');
select throws_ok(format('select syncwell.analyze_sync_health(%L)', test.id('a_other')), 'SW002', 'unknown user', 'nor for the asking');
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select is(
  (select jsonb_agg(r -> 'source' order by r ->> 'source' nulls first) from pg_temp.document as x cross join lateral jsonb_array_elements(x.d -> 'status') as r),
  '[null, "calls", "missing", "sms"]'::jsonb, 'an analyst sees all'
);
select is(
  (select jsonb_build_array(x.d -> 'user_id', x.d -> 'issue_counts', x.d #> '{status,1,source}', x.d #> '{status,2}') from syncwell.analyze_sync_health(test.id('a_other')) as x (d)),
  jsonb_build_array(test.id('a_other'), '{"failure": 1}'::jsonb, 'sms', null), 'or one user'
);
select throws_ok(format('select syncwell.analyze_sync_health(%L)', test.id('b_member')), 'SW002', 'unknown user', 'not one of another org');
select is_empty('select from pg_temp.document where d::text ~ ''(phone|pixel|pad)''', 'devices are counted, not named');

-- a document of a large org stays readable
do $$
begin
  insert into syncwell.streams (org_id, source, expected_interval, registered_at, created_at)
  select test.org('a'), format('source-%s', n), '1 hour', '2026-03-01', '2026-03-01' from generate_series(1, 1010) as n;
end
$$;
select is(
  (select jsonb_build_array(jsonb_array_length(d -> 'issues'), d #> '{issue_counts,missing_source}', d #> '{issues,0,severity}') from pg_temp.document),
  '[1000, 1011, "critical"]'::jsonb, 'of more than a thousand issues the worst, and how many there are'
);

select * from finish();
rollback;
