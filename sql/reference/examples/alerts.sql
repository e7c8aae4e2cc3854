--! claim_alerts
select alert_id, fingerprint, status, severity, labels, annotations, lease_token, lease_until
from syncwell.claim_alerts('pager', '{"severity": ["critical"]}', p_lease => '2 minutes');

--! complete_alerts
select done.alert_id, done.outcome
from syncwell.claim_alerts('pager') as claimed
cross join lateral syncwell.complete_alerts(array[claimed.alert_id], claimed.lease_token) as done;

--! fail_alerts
select failed.alert_id, failed.state, failed.retry_at, failed.reason
from syncwell.claim_alerts('pager') as claimed
cross join lateral syncwell.fail_alerts(
  array[claimed.alert_id], claimed.lease_token, 'no answer', p_code => 'ETIMEDOUT'
) as failed;

--! forget_alert_channel
select syncwell.forget_alert_channel('hook');

--! get_alert_channels
select channel, delivered_at, failed_at, last_error, dead_since, pending from syncwell.get_alert_channels();

--! get_alert_deliveries
select created_at, channel, status, state, attempts, last_error from syncwell.get_alert_deliveries(p_limit => 20);

--! get_alerts
select created_at, status, severity, labels ->> 'source' as source, annotations ->> 'summary' as summary
from syncwell.get_alerts();

--! release_alerts
select syncwell.release_alerts(array[claimed.alert_id], claimed.lease_token)
from syncwell.claim_alerts('pager') as claimed;

--! requeue_alerts
select syncwell.requeue_alerts('hook');
