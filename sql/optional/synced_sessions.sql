-- A user's sessions on every device: what one device recorded, the user's others and a reinstalled one get with their
-- pulls, as collections sessions and session_records (session_records.session_id is the id of a session).
--
-- For devices to read: they record with start_session(), ingest_batch(), sync_session() and complete_session(), and a
-- push that has changes of these collections is refused (42501), since no device may write the tables. Leave the line
-- of session_records out where readings are to stay on the server.
--
-- Run once, after the migrations, by who ran those: the owner of the tables decides how they are synced. Months that
-- maintenance adds are tracked from the start.

select
  syncwell.register_synced_table(
    p_table => 'syncwell.sync_sessions',
    p_id_column => 'session_id',
    p_org_column => 'org_id',
    p_columns => array[
      'local_id', 'source', 'status', 'sync_status', 'data_source', 'started_at', 'ended_at', 'metadata'
    ],
    p_read_only => array[
      'local_id', 'source', 'status', 'sync_status', 'data_source', 'started_at', 'ended_at', 'metadata'
    ],
    p_name => 'sessions'
  );

select
  syncwell.register_synced_table(
    p_table => 'syncwell.session_records',
    p_org_column => 'org_id',
    p_columns => array[
      'session_id', 'kind', 'occurred_at', 'data_source', 'spo2', 'heart_rate', 'payload', 'local_id'
    ],
    p_read_only => array[
      'session_id', 'kind', 'occurred_at', 'data_source', 'spo2', 'heart_rate', 'payload', 'local_id'
    ]
  );
