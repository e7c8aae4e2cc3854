-- Drift and gaps among the issues: for whom, and not while nothing is expected. What is one: see calculate_data_drift.
begin;
select plan(13);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
do $$
begin
  perform test.at('2026-03-10 08:00+00', 'a_member');
  perform test.run('calls', '2026-03-10 08:00+00', 'success', 10, 5, p_platform => 'ios');
  perform syncwell.act_as(test.id('a_other'));
  perform test.run('calls', '2026-03-10 08:00+00', 'success', 10, 5, p_platform => 'ios');
  perform test.run('sms', '2026-03-10 08:00+00', 'success', 10, 5, p_platform => 'android');
  perform test.at('2026-03-10 09:00+00');
end
$$;
-- a finding of every stream, and of all that share source and platform
create or replace function syncwell._volume_findings(p_org_id uuid, p_stream_ids uuid[], p_groups boolean)
returns table (
  stream_id uuid, user_id uuid, source text, platform text, issue_type text, severity text, since timestamptz,
  evidence jsonb, suggestion text
)
language sql stable
as $$
  select s.stream_id, s.user_id, s.source, s.platform, 'gap', 'critical', '2026-03-10 05:00+00'::timestamptz, '{"window_hours": 1}'::jsonb, 'Look.'
  from syncwell.streams as s
  where s.org_id = p_org_id and (p_stream_ids is null or s.stream_id = any(p_stream_ids))
  union all
  select null, null, g.source, g.platform, 'drift', 'warning', '2026-03-10 06:00+00', '{"window_hours": 24}', 'Look.'
  from (values ('calls', 'ios'), ('sms', 'android')) as g (source, platform)
  where p_groups;
$$;
create view pg_temp.found as
select i.source, i.issue_type, i.severity, i.since, i.evidence, i.suggestion, i.user_id, i.stream_id from syncwell.detect_sync_issues() as i;

do $$ begin perform syncwell.act_as(test.id('a_member')); end $$;
select results_eq(
  'select source, issue_type, severity, since, evidence, suggestion, user_id from pg_temp.found',
  format($$values ('calls', 'gap', 'critical', '2026-03-10 05:00+00'::timestamptz, '{"window_hours": 1}'::jsonb, 'Look.', %L::uuid)$$, test.id('a_member')),
  'a member is told of its own streams, as drift found it'
);
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select is(
  (select array_agg(f.source || ' ' || f.issue_type order by f.stream_id is null, f.source) from pg_temp.found as f),
  '{calls gap,calls gap,sms gap,calls drift,sms drift}'::text[], 'who sees the org of all of them, and of what they make together'
);
select is(
  (select array_agg(i.source || ' ' || i.issue_type order by i.source) from syncwell.detect_sync_issues(test.id('a_other')) as i),
  '{calls gap,sms gap}'::text[], 'but of one user of that one''s streams only'
);
select is((select count(*) from syncwell._issues_of(test.org('a'), null, 'sms', null, true)), 2::bigint, 'of one source');
select is((select count(*) from syncwell._issues_of(test.org('a'), null, null, test.id('a_other'), true)), 2::bigint, 'of one user');
select is((select count(*) from syncwell._issues_of(test.org('a'), null, null, null, false)), 3::bigint, 'without what is nobody''s');
select is(
  (select count(distinct (i.issue_type, i.stream_id, i.cause)) from syncwell._issues_of(test.org('a'), null, null, null, true) as i),
  5::bigint, 'each can be told from the others'
);

-- pauses
do $$
begin
  insert into syncwell.maintenance_windows (org_id, mode, source, starts_at, ends_at)
  values (test.org('a'), 'exclude', 'sms', '2026-03-10 08:00+00', '2026-03-10 10:00+00');
end
$$;
select is((select count(*) from pg_temp.found), 5::bigint, 'in a window that expects runs they are told');
do $$ begin update syncwell.maintenance_windows set mode = 'pause'; end $$;
select is((select array_agg(distinct f.source) from pg_temp.found as f), '{calls}'::text[], 'in a pause of the source they are not');
do $$ begin update syncwell.maintenance_windows set source = null, platform = 'ios'; end $$;
select is((select array_agg(distinct f.source) from pg_temp.found as f), '{sms}'::text[], 'nor of the platform');
do $$ begin update syncwell.maintenance_windows set platform = null, user_id = test.id('a_other'); end $$;
select is(
  (select array_agg(f.source || ' ' || f.issue_type order by f.stream_id is null, f.source) from pg_temp.found as f),
  '{calls gap,calls drift,sms drift}'::text[], 'a pause of one user is none of the others together'
);
do $$ begin update syncwell.maintenance_windows set user_id = null; end $$;
select is_empty('select * from pg_temp.found', 'a pause of all is');
do $$ begin perform test.at('2026-03-10 10:00+00'); end $$;
select is((select count(*) from pg_temp.found), 5::bigint, 'until it is over');

select * from finish();
rollback;
