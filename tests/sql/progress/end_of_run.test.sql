begin;
select plan(15);
do $$ begin perform syncwell.bind_login(session_user, 'service', test.org('a'), null); end $$;
create temp table run (name text, event_id uuid, lease uuid);
insert into run select n, s.event_id, s.lease
from unnest('{success,partial,failed,cancelled,timeout,open,counted,paused,ended}'::text[]) as n, lateral syncwell.record_sync_start('src-' || n) as s;
do $$ begin
  perform syncwell.report_sync_progress(r.event_id::text, 5, 10) from run as r where r.name <> 'open';
  perform syncwell.report_sync_progress(r.event_id::text) from run as r where r.name = 'open';
  perform syncwell.report_sync_progress(r.event_id::text, 5, 10, 5) from run as r where r.name = 'counted';
  perform syncwell.report_sync_progress('other', 1, 10);
  perform syncwell.pause_sync(r.event_id::text) from run as r where r.name = 'paused';
  perform syncwell.cancel_sync(r.event_id::text) from run as r where r.name = 'ended';
  -- the same name in another org
  insert into syncwell.sync_progress (org_id, sync_id, total_items) select test.org('b'), r.event_id::text, 10 from run as r;
end $$;
create function pg_temp.status(p_name text) returns text language sql as $$
  select p.status from syncwell.sync_progress as p join run as r on p.sync_id = r.event_id::text where p.org_id = test.org('a') and r.name = p_name $$;

select lives_ok($$select syncwell.record_sync_heartbeat(event_id, lease) from run where name = 'success'$$, 'a heartbeat');
select is(pg_temp.status('success'), 'in_progress', 'ends nothing');
select lives_ok($$select syncwell.record_sync_complete(event_id, lease, 5) from run where name in ('success', 'open', 'counted', 'paused', 'ended')$$, 'runs complete');
select is(pg_temp.status('success'), 'completed', 'success: completed, though the total says more');
select is(pg_temp.status('open'), 'completed', 'and where the total is not known');
select is(pg_temp.status('counted'), 'completed_with_errors', 'what had ended stays');
select is(pg_temp.status('paused'), 'completed', 'a paused one ends too');
select is(pg_temp.status('ended'), 'cancelled', 'and cancelled stays cancelled');
do $$ begin
  perform syncwell.record_sync_complete(event_id, lease, 5, p_items_failed => 1) from run where name = 'partial';
  perform syncwell.record_sync_error(event_id, lease, 'boom') from run where name = 'failed';
  perform syncwell.cancel_sync_run(event_id) from run where name = 'cancelled';
  update syncwell.sync_events as e set status = 'timeout', completed_at = syncwell._now(), duration_ms = 1 from run as r where e.id = r.event_id and r.name = 'timeout';
end $$;
select results_eq($$select n, pg_temp.status(n) from unnest('{partial,failed,cancelled,timeout}'::text[]) as n$$,
  $$values ('partial', 'completed_with_errors'), ('failed', 'failed'), ('cancelled', 'cancelled'), ('timeout', 'timeout')$$, 'every other end');
select is((select count(*) from syncwell.sync_progress where completed_at is null), 10::bigint, 'rows of other syncs and orgs are left alone');
select throws_ok($$select syncwell.report_sync_progress(event_id::text, 6) from run where name = 'success'$$, 'SW204', null, 'a late worker is refused');
select lives_ok($$select syncwell.report_sync_progress(event_id::text, 5, 10) from run where name = 'success'$$, 'what it had said may be said again');
select is(pg_temp.status('success'), 'completed', 'and changes nothing');
create temp table silent as select s.event_id, s.lease from syncwell.record_sync_start('src-silent') as s;
do $$ begin perform syncwell.record_sync_complete(event_id, lease, 5) from silent; end $$;
select throws_ok($$select syncwell.report_sync_progress(event_id::text, 5, 10) from silent$$, 'SW204', 'the sync has ended', 'a first report after the end is refused');
select is_empty($$select from syncwell.sync_progress join silent on sync_id = event_id::text$$, 'and leaves no row open');
select * from finish();
rollback;
