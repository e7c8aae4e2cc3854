--! claim_operations
select operation_id, operation_type, payload, attempt, lease_token, lease_until
from syncwell.claim_operations(10, p_lease => '5 minutes', p_worker => 'worker-3');

--! complete_operations
select done.operation_id, done.outcome
from syncwell.claim_operations(1) as claimed
cross join lateral syncwell.complete_operations(array[claimed.operation_id], claimed.lease_token) as done;

--! enqueue_operation
-- however often it is sent: one message
select operation_id, deduplicated
from syncwell.enqueue_operation('send_sms', '{"to": "+49 30 1234"}', p_dedup_key => 'welcome-7');

--! enqueue_operations
select place, operation_id, deduplicated, error_code
from syncwell.enqueue_operations('[
  {"operation_type": "send_sms", "payload": {"to": "+49 30 1234"}, "dedup_key": "welcome-7"},
  {"operation_type": "send_sms", "payload": {"to": "+49 30 5678"}, "priority": 8}
]');

--! extend_lease
select held.operation_id, held.lease_until
from syncwell.claim_operations(1) as claimed
cross join lateral syncwell.extend_lease(array[claimed.operation_id], claimed.lease_token, '10 minutes') as held;

--! fail_operation
select failed.status, failed.retry_at, failed.class, failed.reason
from syncwell.claim_operations(1) as claimed
cross join lateral syncwell.fail_operation(
  claimed.operation_id, claimed.lease_token, 'connection reset', p_code => 'ECONNRESET'
) as failed;

--! get_operations
select operation_type, status, attempts, last_error, dead_reason from syncwell.get_operations('dead');

--! get_queue_health_metrics
select source, platform, depth, ready, dead, oldest_ready_seconds, drain_seconds
from syncwell.get_queue_health_metrics();

--! release_operations
select syncwell.release_operations(array[claimed.operation_id], claimed.lease_token)
from syncwell.claim_operations(1) as claimed;

--! report_client_queue
select syncwell.report_client_queue('phone-1', 3, p_oldest_at => now() - interval '2 minutes');

--! requeue_dead
select syncwell.requeue_dead(p_source => 'app');

--! try_acquire
select allowed, wait_ms, tokens from syncwell.try_acquire('todoist-api');
