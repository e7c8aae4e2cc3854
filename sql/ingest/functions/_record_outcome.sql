create or replace function syncwell._record_outcome(
  p_record syncwell.session_records,
  p_client_at timestamptz,
  p_stored syncwell.session_records,
  p_now timestamptz
)
returns text
language sql immutable security invoker parallel safe
return syncwell._version_outcome(
  (p_record).data_source is not distinct from (p_stored).data_source
  and (p_record).spo2 is not distinct from (p_stored).spo2
  and (p_record).heart_rate is not distinct from (p_stored).heart_rate
  and (p_record).payload is not distinct from (p_stored).payload
  and (p_record).local_id is not distinct from (p_stored).local_id,
  case when (p_stored).settled is not null then syncwell._record_version(p_record, p_client_at) end,
  p_client_at,
  p_now,
  (p_stored).written_at,
  (p_stored).ahead_at,
  (p_stored).settled
);
comment on function syncwell._record_outcome(
  syncwell.session_records, timestamptz, syncwell.session_records, timestamptz
) is
'What a record that arrives at p_now, written at p_client_at, means for the one that is stored: see '
'_version_outcome().';
revoke all on function syncwell._record_outcome(
  syncwell.session_records, timestamptz, syncwell.session_records, timestamptz
) from public;
