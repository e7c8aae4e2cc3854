--! analyze_sync_performance
-- is it slow on mobile networks?
select dimension, value, sample_size, median_duration_ms, p95_duration_ms
from syncwell.analyze_sync_performance('calls', p_sample => 500);

--! get_sync_metrics
select metric_type, period_start, source, total_syncs, success_rate, p95_duration_ms
from syncwell.get_sync_metrics(p_period => 'day', p_limit => 14);

--! get_sync_timeline
select hour, total, successful, failed from syncwell.get_sync_timeline('calls', p_hours => 48);

--! refresh_sync_metrics
select syncwell.refresh_sync_metrics();
