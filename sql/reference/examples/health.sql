--! acknowledge_issue
select syncwell.acknowledge_issue(issue_id, 'the vendor is down, see their status page')
from syncwell.get_sync_issues('open', p_source => 'calls');

--! analyze_sync_health
select jsonb_pretty(syncwell.analyze_sync_health() -> 'issues') as issues;

--! calculate_data_drift
select source, platform, window_hours, expected, actual, drift_percent, severity
from syncwell.calculate_data_drift(p_source => 'calls');

--! cancel_maintenance_window
select syncwell.cancel_maintenance_window(window_id) from syncwell.get_maintenance_windows();

--! compare_sources
select source, status, total_syncs, success_rate, p95_duration_ms from syncwell.compare_sources('week');

--! detect_sync_issues
select source, issue_type, severity, since, evidence, suggestion from syncwell.detect_sync_issues();

--! evaluate_health
select org_id, streams, moved, opened, resolved, blind from syncwell.evaluate_health();

--! get_data_freshness
select source, status, age, due_at, behind_streams from syncwell.get_data_freshness();

--! get_integration_dashboard
select jsonb_pretty(syncwell.get_integration_dashboard('calls'));

--! get_maintenance_windows
select window_id, mode, source, starts_at, ends_at, is_on from syncwell.get_maintenance_windows();

--! get_service_health
select source, status, score, consecutive_failures, success_rate, next_sync_at from syncwell.get_service_health();

--! get_silences
select silence_id, matcher, ends_at, is_on, reason from syncwell.get_silences();

--! get_stream_detail
select jsonb_pretty(syncwell.get_stream_detail(stream_id, p_hours => 24))
from syncwell.streams
where source = 'calls';

--! get_stream_overview
-- the second page of those that are unhealthy
select syncwell.get_stream_overview(p_status => 'unhealthy', p_limit => 50, p_offset => 50) -> 'rows' as streams;

--! get_sync_health_history
select period_start, total_syncs, success_rate, score, healthy_share, unhealthy_share
from syncwell.get_sync_health_history(p_days => 30);

--! get_sync_health_status
select source, status, score, last_success_at, reason, advice, overlays from syncwell.get_sync_health_status();

--! get_sync_issues
select severity, issue_type, source, state, opened_at, evidence from syncwell.get_sync_issues();

--! get_uptime
select source, uptime, slo, slo_met, down_seconds from syncwell.get_uptime(p_days => 90);

--! get_volume_timeline
select hour, actual, expected, lower_bound, upper_bound from syncwell.get_volume_timeline('calls', p_hours => 48);

--! learn_health_baselines
select syncwell.learn_health_baselines();

--! lift_silence
select syncwell.lift_silence(silence_id)
from syncwell.get_silences()
where is_on;

--! maintenance_window
-- every Sunday at four, for two hours
select syncwell.maintenance_window(
  now() + interval '1 hour', now() + interval '3 hours', 'exclude', p_source => 'calls', p_cron => '0 4 * * sun',
  p_reason => 'the vendor''s weekly maintenance'
);

--! silence
select syncwell.silence('{"source": "calls", "platform": "ios"}', now() + interval '2 days', 'the app of 3 May is bad');

--! snooze_issue
select syncwell.snooze_issue(issue_id, '4 hours') from syncwell.get_sync_issues('open', p_source => 'calls');

--! update_sync_health_metrics
select stream_id, reported_at, is_newest
from syncwell.update_sync_health_metrics(null, 'calls', '{"device_id": "pixel-7", "queue_depth": 3}');
