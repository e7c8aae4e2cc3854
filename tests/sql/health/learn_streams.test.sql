begin;
select plan(24);

-- four weeks until Tuesday noon; runs end when they are said to
do $$ begin perform test.at('2026-03-10 12:00+00'); end $$;
create function pg_temp.stream(p_source text, p_time_zone text default null)
returns uuid
language sql
as $$
  insert into syncwell.streams (org_id, user_id, source, time_zone, platform, created_at)
  values (test.org('a'), test.id('a_member'), p_source, p_time_zone, 'android', '2026-01-01 00:00+00')
  returning stream_id;
$$;
create function pg_temp.runs(p_source text, p_times timestamptz[], p_status text default 'success', p_duration_ms bigint[] default '{1000}')
returns void
language sql
as $$
  insert into syncwell.sync_events (
    org_id, id, stream_id, user_id, source, sync_type, status, started_at, completed_at, duration_ms, lease
  )
  select
    s.org_id, overlay(gen_random_uuid()::text placing left(syncwell._uuid7_floor(t.at)::text, 14) from 1)::uuid, s.stream_id, s.user_id, s.source,
    'incremental', p_status, t.at, t.at, p_duration_ms[1 + (t.n - 1) % cardinality(p_duration_ms)], gen_random_uuid()
  from syncwell.streams as s
  cross join unnest(p_times) with ordinality as t (at, n)
  where s.org_id = test.org('a') and s.source = p_source;
$$;
create function pg_temp.every(p_interval interval, p_from timestamptz default '2026-02-10 12:00+00', p_to timestamptz default '2026-03-10 12:00+00')
returns timestamptz[]
language sql
as $$
  select array_agg(t.at) from generate_series(p_from, p_to, p_interval) as t (at);
$$;
create function pg_temp.learned(p_source text)
returns interval
language sql
as $$
  select x.learned_interval from syncwell.stream_states as x where x.org_id = test.org('a') and x.source = p_source;
$$;

-- Android delivers steadily, iOS in bursts; phones sleep at night
do $$
begin
  perform pg_temp.stream(s) from unnest('{android,ios,sleeper,burst,weekday,young,sparse,paused,blind,failing,gone,dead,quick,ahead}'::text[]) as s;
  perform pg_temp.runs('android', pg_temp.every('15 minutes'));
  -- five within a minute, every six hours
  perform pg_temp.runs('ios', array(select a + n * interval '10 seconds' from unnest(pg_temp.every('6 hours')) as a, generate_series(0, 4) as n));
  perform pg_temp.runs('sleeper', array(select a from unnest(pg_temp.every('20 minutes')) as a where extract(hour from a at time zone 'UTC') between 7 and 22));
  perform pg_temp.runs('weekday', array(select a from unnest(pg_temp.every('1 hour')) as a where extract(isodow from a at time zone 'UTC') < 6));
  perform pg_temp.runs('young', pg_temp.every('1 hour', '2026-03-08 13:00+00'));
  perform pg_temp.runs('sparse', pg_temp.every('3 days'));
  perform pg_temp.runs('quick', pg_temp.every('6 hours', p_to => '2026-03-06 12:00+00') || pg_temp.every('1 minute', '2026-03-06 18:00+00'));
  perform pg_temp.runs('ahead', pg_temp.every('1 hour', '2026-03-06 12:00+00') || timestamptz '2026-03-15 12:00+00');
  perform pg_temp.runs('failing', pg_temp.every('1 hour'), 'failed', '{100,200}');
  perform pg_temp.runs('failing', pg_temp.every('12 hours', '2026-02-10 12:30+00'), 'partial', '{100,200}');
  -- four days without
  perform pg_temp.runs(s, pg_temp.every('1 hour', p_to => '2026-02-20 12:00+00') || pg_temp.every('1 hour', '2026-02-24 12:00+00'))
  from unnest('{paused,blind,gone}'::text[]) as s;
  perform pg_temp.runs('dead', pg_temp.every('1 hour', p_to => '2026-03-01 12:00+00'));
  insert into syncwell.stream_periods (org_id, stream_id, starts_at, ends_at, source, status, overlay)
  select s.org_id, s.stream_id, '2026-02-20 12:00+00', '2026-02-24 12:00+00', s.source, 'unknown', s.source
  from syncwell.streams as s where s.org_id = test.org('a') and s.source in ('paused', 'blind');
end
$$;
select is(syncwell._learn_streams(test.org('a')), (select count(*) from syncwell.streams where org_id = test.org('a') and retired_at is null), 'every live stream');
select is(pg_temp.learned('android'), '15 minutes', 'a steady one: its pace');
select is(pg_temp.learned('ios'), '05:59:20', 'one in bursts: the time between bursts, though most gaps are seconds');
select is(pg_temp.learned('sleeper'), '08:20:00', 'one that sleeps: its night, though most gaps are 20 minutes');
select is(pg_temp.learned('weekday'), '49:00:00', 'one of weekdays: its weekend');
select is(pg_temp.learned('young'), null, 'less than two days: nothing is usual yet');
select is(pg_temp.learned('sparse'), null, 'fewer than ten gaps neither');
select is(pg_temp.learned('failing'), '12:00:00', 'partial runs succeed, failed ones do not');
select is(pg_temp.learned('gone'), '96:00:00', 'four days without, more than a tenth of the time, are usual');
select is(pg_temp.learned('paused'), '01:00:00', 'not those of a pause');
select is(pg_temp.learned('blind'), '01:00:00', 'nor when nothing evaluated');
select is(pg_temp.learned('dead'), '01:00:00', 'the gap that lasts is not usual but trouble');
select is(pg_temp.learned('quick'), '00:01:00', 'of very many successes the newest 5 000');
select is(pg_temp.learned('ahead'), '01:00:00', 'what a wrong clock put ahead is not usual');
select is(pg_temp.learned('burst'), null, 'a stream that never ran');

-- durations: 100 and 200 in turns, of failed and partial runs
select results_eq(
  $$select usual_runs, usual_duration_ms between 198 and 203 from syncwell.stream_states where org_id = test.org('a') and source = 'failing'$$,
  $$select count(*), true from syncwell.sync_events where org_id = test.org('a') and source = 'failing' and started_at >= '2026-02-10 23:00+00'$$,
  'usual duration: the 95th percentile of the days'' sketches'
);
select is((select count(*) from syncwell.stream_states where org_id = test.org('a') and source = 'burst' and usual_duration_ms is null and usual_runs = 0), 1::bigint, 'without runs none');
do $$
begin
  perform pg_temp.stream('india', 'Asia/Kolkata');
  perform pg_temp.runs('india', pg_temp.every('1 hour'), p_duration_ms => array[0, 50]);
end
$$;

-- once a day
select is(syncwell._learn_streams(test.org('a')), 1::bigint, 'the next call: those that are new alone');
select results_eq(
  $$select usual_runs, usual_duration_ms from syncwell.stream_states where org_id = test.org('a') and source = 'india'$$,
  $$select count(*), 50::bigint from syncwell.sync_events where org_id = test.org('a') and source = 'india' and started_at >= '2026-02-10 18:30+00'$$,
  'where days begin within an hour: from the hours'
);
do $$ begin perform test.at('2026-03-11 07:00+00'); end $$;
select is(syncwell._learn_streams(test.org('a')), 0::bigint, 'not again within 20 hours');
do $$ begin perform test.at('2026-03-11 09:00+00'); end $$;
select cmp_ok(syncwell._learn_streams(test.org('a')), '>', 1::bigint, 'but after');
select is(syncwell._learn_streams(test.org('a'), true), (select count(*) from syncwell.streams where org_id = test.org('a') and retired_at is null), 'or when told to');
do $$ begin perform test.at('2026-04-20 12:00+00'); perform syncwell._learn_streams(test.org('a')); end $$;
select is(pg_temp.learned('android'), null, 'what is older than 28 days is forgotten');
select is((select count(*) from syncwell.stream_states where org_id <> test.org('a') and learned_at is not null), 0::bigint, 'of this org alone');

select * from finish();
rollback;
