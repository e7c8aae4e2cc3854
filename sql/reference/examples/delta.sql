--! check_tracking
select table_name, relation, problem, hint from syncwell.check_tracking();

--! cleanup_old_tombstones
select syncwell.cleanup_old_tombstones(p_older_than => '90 days');

--! close_pull_stream
begin;
set local transaction_isolation = 'repeatable read';
-- in truth the pieces are sent to the device in between, and the cursor is the "timestamp" that was among them
select syncwell.close_pull_stream(max((regexp_match(body, '"timestamp" *: *(\d+)'))[1]::bigint))
from syncwell.open_pull_stream(p_device_id => 'phone-1');
commit;

--! ensure_tracking
select syncwell.ensure_tracking('app.todos');

--! get_quarantined_records
select quarantined_at, device_id, table_name, record_id, error_code, reason from syncwell.get_quarantined_records();

--! get_sync_clients
select device_id, platform, last_seen, next_pull, failing_since, last_error_code from syncwell.get_sync_clients();

--! get_sync_conflicts
select occurred_at, table_name, record_id, outcome, server_record, client_record
from syncwell.get_sync_conflicts('todos');

--! invalidate_client
select syncwell.invalidate_client('0d9a2b7c-51f6-4c0e-8a5d-3f1f6f0c9e01', 'phone-1');

--! open_pull_stream
begin;
set local transaction_isolation = 'repeatable read';
select position, kind, body from syncwell.open_pull_stream(p_device_id => 'phone-1')
order by position;
commit;

--! preview_push
select syncwell.preview_push('{"todos": {"created": [{"id": "t9", "title": "milk"}], "updated": [], "deleted": []}}');

--! register_synced_table
select syncwell.register_synced_table('app.todos', p_conflict_policy => 'merge_columns');

--! resolve_conflict
select syncwell.resolve_conflict(conflict_id, 'client') from syncwell.get_sync_conflicts('todos', p_limit => 1);

--! resync_table
select syncwell.resync_table('app.todos');

--! sync_pull
-- NULL: a first pull; then the "timestamp" of the last answer
select syncwell.sync_pull(p_last_pulled_at => null, p_device_id => 'phone-1');

--! sync_push
select syncwell.sync_push(
  '{"todos": {"created": [{"id": "t9", "title": "milk"}], "updated": [], "deleted": []}}',
  p_last_pulled_at => (syncwell.sync_pull(p_device_id => 'phone-2') ->> 'timestamp')::bigint,
  p_device_id => 'phone-2',
  p_request_id => '0b54c1de-b7f4-4a9c-9f0a-4b2f0c7d5e10'
);

--! touch_record
select syncwell.touch_record('todos', 't1');

--! unregister_synced_table
select syncwell.unregister_synced_table('app.todos');
