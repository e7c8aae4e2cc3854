--! ensure_activity_partitions
select partition_name, moved_rows from syncwell.ensure_activity_partitions(p_months_ahead => 6);

--! get_sync_activity
-- what failed in the last week; the next page: the same with p_page_token => page_token of the last row
select created_at, action, status, sync_id, error_message, page_token
from syncwell.get_sync_activity(p_action => 'sync_complete', p_status => 'failed', p_from => now() - interval '7 days');

--! log_sync_activity
select syncwell.log_sync_activity('manual_trigger', p_sync_id => 'orders-2026-03-01', p_record_count => 12);
