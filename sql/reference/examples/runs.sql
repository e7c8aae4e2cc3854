--! cancel_sync_run
select syncwell.cancel_sync_run(event_id) from syncwell.record_sync_start('todoist');

--! claim_due_retries
-- a worker that does what is due; each retry is then started with record_sync_start()
select error_id, source, sync_type, attempt, retry_lease, lease_until from syncwell.claim_due_retries(5);

--! classify_sync_error
select error_type, class, retryable from syncwell.classify_sync_error(p_http_status => 429);

--! create_sync_error
select syncwell.create_sync_error('todoist', 'webhook without a signature', p_http_status => 400);

--! get_error_report
select source, error_type, error_class, streams, occurrences, next_retry_at from syncwell.get_error_report();

--! get_recent_sync_events
select started_at, status, duration_ms, items_processed, error_message
from syncwell.get_recent_sync_events('calls', p_limit => 10);

--! get_recent_webhooks
select started_at, source, status, items_processed from syncwell.get_recent_webhooks(p_limit => 10);

--! get_sync_error
select e.source, e.error_type, e.error_message, e.lane, e.reason, e.next_retry_at
from syncwell.get_error_report() as r
cross join lateral syncwell.get_sync_error(r.error_id) as e;

--! mark_error_resolved
select syncwell.mark_error_resolved(syncwell.create_sync_error('todoist', 'webhook without a signature'));

--! reap_sync_runs
select event_id, source, reason, started_at from syncwell.reap_sync_runs();

--! record_sync_complete
-- start and end of a run; what lies between is the worker's
select done.status, done.duration_ms, done.changed
from syncwell.record_sync_start('todoist') as run
cross join lateral syncwell.record_sync_complete(
  run.event_id, run.lease, p_items_processed => 42, p_sync_token_after => 'page-7'
) as done;

--! record_sync_error
select failed.error_type, failed.class, failed.should_retry, failed.retry_at, failed.reason
from syncwell.record_sync_start('todoist') as run
cross join lateral syncwell.record_sync_error(
  run.event_id, run.lease, 'too many requests', p_http_status => 429, p_retry_after => '30'
) as failed;

--! record_sync_heartbeat
select syncwell.record_sync_heartbeat(run.event_id, run.lease, p_items_processed => 100) as alive_until
from syncwell.record_sync_start('todoist') as run;

--! record_sync_start
select event_id, lease, sync_token, attempt, is_new
from syncwell.record_sync_start('todoist', p_sync_type => 'full', p_run_key => 'nightly-2026-03-01');

--! register_stream
select syncwell.register_stream(
  'todoist', p_cron => '*/15 * * * *', p_active_hours => 'Mon-Fri 07:00-20:00', p_slo => 0.99
);

--! retry_delay
select n as attempt, syncwell.retry_delay(n, p_jitter => 'none') as wait from generate_series(1, 5) as n;

--! schedule_sync_retry
select syncwell.schedule_sync_retry(error_id, p_delay => '10 minutes')
from syncwell.create_sync_error('todoist', 'webhook without a signature') as error_id;

--! unregister_stream
select syncwell.unregister_stream('calls');
