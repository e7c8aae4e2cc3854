create or replace function syncwell._version_outcome(
  p_is_same boolean,
  p_version uuid,
  p_client_at timestamptz,
  p_now timestamptz,
  p_stored_written_at timestamptz,
  p_stored_ahead_at timestamptz,
  p_stored_settled uuid[]
)
returns text
language sql immutable security invoker parallel safe
return case
  when p_version = any(p_stored_settled) then 'known'
  when p_client_at is null and p_is_same then 'known'
  when p_client_at is null then 'newer'
  -- from a clock that is fast: its own times tell which version is newer, its place in time does not
  when p_client_at > p_now and p_client_at = p_stored_ahead_at and p_is_same then 'known'
  when p_client_at > p_now and p_client_at <= p_stored_ahead_at then 'late'
  when p_client_at > p_now and p_is_same then 'again'
  when p_client_at > p_now then 'newer'
  when p_is_same and p_client_at > p_stored_written_at and p_client_at is distinct from p_stored_ahead_at then 'again'
  when p_is_same then 'known'
  when p_client_at >= p_stored_written_at then 'newer'
  else 'known'
end;
comment on function syncwell._version_outcome(
  boolean, uuid, timestamptz, timestamptz, timestamptz, timestamptz, uuid[]
) is
'What a version that arrives means for the one that is stored; the last write wins by the time of the client, at the '
'latest that of its arrival. known: nothing, it is older or a resend; newer: it takes its place, also at the same '
'time, since it came later; again: the same content written later; late: nothing, but it is remembered among settled, '
'since its fast clock would let a resend win some day. p_is_same: whether the content is the same; p_version: '
'_version_id() of the version, needed only where the stored one has something settled; p_client_at: when the client '
'says it wrote it, NULL: not told.';
revoke all on function syncwell._version_outcome(
  boolean, uuid, timestamptz, timestamptz, timestamptz, timestamptz, uuid[]
) from public;
