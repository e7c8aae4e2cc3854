create or replace function syncwell._record_version(
  p_record syncwell.session_records,
  p_client_at timestamptz
)
returns uuid
language sql immutable security invoker parallel safe
return syncwell._version_id(
  syncwell._record_hash(
    (p_record).data_source, (p_record).spo2, (p_record).heart_rate, (p_record).payload, (p_record).local_id
  ),
  p_client_at
);
comment on function syncwell._record_version(syncwell.session_records, timestamptz) is
'_version_id() of a record and of when its client says that it wrote it; NULL where that was not told.';
revoke all on function syncwell._record_version(syncwell.session_records, timestamptz) from public;
