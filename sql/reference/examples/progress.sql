--! cancel_sync
select syncwell.cancel_sync('orders-2026-03-01');

--! find_stuck_syncs
select sync_id, source_system, percent, silent_seconds from syncwell.find_stuck_syncs('30 minutes');

--! pause_sync
select syncwell.pause_sync('orders-2026-03-01');

--! reap_sync_progress
select sync_id, source_system, elapsed_seconds from syncwell.reap_sync_progress();

--! report_sync_progress
select status, speed_items_per_min, eta_seconds
from syncwell.report_sync_progress('orders-2026-03-01', p_processed_count => 7, p_total_items => 10);

--! resume_sync
select syncwell.resume_sync('orders-2026-03-01');
