--! erase_user
select table_name, action, affected_rows from syncwell.erase_user('7b1e5d3a-9c44-4f0b-9d62-2a8e4c7f1b02');

--! export_query
select query, key_columns, until from syncwell.export_query('runs', p_from => now() - interval '1 day');

--! export_user
select table_name, data from syncwell.export_user('0d9a2b7c-51f6-4c0e-8a5d-3f1f6f0c9e01');

--! finish_sync
select syncwell.finish_sync(request_id) from syncwell.request_sync('app', 'manual', 'phone-1');

--! get_maintenance_report
select duty, state, affected, duration_ms, error from syncwell.get_maintenance_report();

--! get_metric_samples
select sample, labels ->> 'source' as source, value from syncwell.get_metric_samples('sync_streams');

--! get_table_health
select relation, finding, remedy, pg_size_pretty(bytes) as size from syncwell.get_table_health();

--! import_existing
-- tries it and takes it back; with p_dry_run => false call it until done
select rows_read, imported, rejected, rejections, done
from syncwell.import_existing(
  'sync_state', 'select id as key, user_id, ''calls'' as source, ''active'' as last_status from app.todos'
);

--! openmetrics
select syncwell.openmetrics();

--! request_sync
select allowed, wait_ms, why, request_id
from syncwell.request_sync('app', 'foreground', 'phone-1', p_network => 'wifi', p_battery => 80);

--! run_maintenance
call syncwell.run_maintenance();

--! schedule_maintenance
select syncwell.schedule_maintenance(p_every_minutes => 1);

--! time_health
select what, streams, milliseconds from syncwell.time_health();

--! unschedule_maintenance
select syncwell.unschedule_maintenance();

--! verify_install
select check_name, severity, subject, detail, remedy
from syncwell.verify_install()
where severity <> 'ok';

--! verify_session
select check_name, severity, subject, detail, remedy from syncwell.verify_session();
