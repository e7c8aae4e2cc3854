begin;
select plan(4);
select set_config('syncwell.fake_now', '2026-03-10 12:00+00', true);
do $$ begin
  perform set_config('session.stream', syncwell._ensure_stream(test.org('a'), test.id('a_member'), 'calls', 'ios')::text, true);
  perform syncwell.set_setting(p_key => 'metrics.retention', p_value => '30 days', p_org_id => test.org('a'));
end $$;
insert into syncwell.sync_metrics (org_id, stream_id, user_id, period, period_start, source, total, successful, failed, computed_at)
select test.org('a'), current_setting('session.stream')::uuid, test.id('a_member'), p.period, p.at, 'calls', 1, 1, 0, p.at
from (
  values
  ('hour', timestamptz '2026-02-08 11:00+00'), ('hour', '2026-02-08 12:00+00'), ('hour', '2026-02-08 13:00+00'),
  ('day', '2026-01-01 00:00+00'), ('week', '2025-12-29 00:00+00')
) as p (period, at);
select is(syncwell._expire_metrics_task(), 1::bigint, 'what is older than the retention goes');
select results_eq(
  $$select period, period_start from syncwell.sync_metrics order by period_start$$,
  $$values ('week', timestamptz '2025-12-29 00:00+00'), ('day', '2026-01-01 00:00+00'), ('hour', '2026-02-08 12:00+00'), ('hour', '2026-02-08 13:00+00')$$,
  'hours only, and not what is exactly as old');
select is(syncwell._expire_metrics_task(), 0::bigint, 'once');
select throws_ok(
  $$update syncwell.sync_metrics set period = 'year' where period = 'week'$$, '23514', null, 'there are no other periods');
select * from finish();
rollback;
