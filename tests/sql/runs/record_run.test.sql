begin;
select plan(9);

set local syncwell.fake_now = '2026-03-01 12:00+00';
insert into syncwell.streams (org_id, user_id, source, platform, retired_at) values
(test.org('a'), null, 'todoist', 'server', null),
(test.org('a'), test.id('a_member'), 'todoist', 'ios', null),
(test.org('a'), null, 'calls', 'android', '2026-02-01');

-- what a run says of where it ran
create function pg_temp.recorded(p_user_id uuid, p_source text, p_told text default null) returns uuid
language sql as $$
  select syncwell._record_run(
    test.org('a'), p_user_id, p_source, 'push', 'incremental', '2026-03-01 11:59+00', 3, 2, 1, null, 100,
    p_platform => p_told
  )
$$;
create function pg_temp.run(p_id uuid) returns syncwell.sync_events language sql as
$$ select e from syncwell.sync_events as e where e.id = p_id $$;

select is((pg_temp.run(pg_temp.recorded(null, 'todoist'))).platform, 'server', 'the org''s stream tells where it runs');
select is((pg_temp.run(pg_temp.recorded(test.id('a_member'), 'todoist'))).platform, 'ios', 'so does a user''s');
select is((pg_temp.run(pg_temp.recorded(null, 'todoist', 'web'))).platform, 'web', 'what is told goes first');
select is((pg_temp.run(pg_temp.recorded(test.id('a_member'), 'todoist', 'web'))).platform, 'web', 'for a user too');
select is((pg_temp.run(pg_temp.recorded(null, 'sms', 'web'))).platform, 'web', 'a stream that is new');
select is(
  (select array[s.platform] from syncwell.streams as s where s.org_id = test.org('a') and s.source = 'sms'), '{web}',
  'is made with it'
);
select is((pg_temp.run(pg_temp.recorded(null, 'calls'))).platform, 'android', 'a stream that is retired');
select is(
  (select s.retired_at from syncwell.streams as s where s.org_id = test.org('a') and s.source = 'calls'), null,
  'lives again'
);

select is(
  (select array[r.items_processed, r.duration_ms] from pg_temp.run(pg_temp.recorded(null, 'todoist')) as r),
  '{6,60000}', 'what it handled is the sum, and it ends now'
);

select * from finish();
rollback;
