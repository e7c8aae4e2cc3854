create or replace function syncwell._issue_fingerprint(
  p_issue_type text,
  p_stream_id uuid,
  p_source text,
  p_platform text,
  p_user_id uuid,
  p_cause text
)
returns text
language sql immutable security invoker parallel safe
return pg_catalog.md5(
  p_issue_type
  || E'\x1f'
  -- the platform of a stream may become known later: it is the same issue then
  || coalesce(
    p_stream_id::text,
    coalesce(p_source, '') || E'\x1f' || coalesce(p_platform, '') || E'\x1f' || coalesce(p_user_id::text, '')
  )
  || E'\x1f'
  || coalesce(p_cause, '')
);
comment on function syncwell._issue_fingerprint(text, uuid, text, text, uuid, text) is
'What makes two findings the same issue: MD5 of its type, its stream (or, where it is no stream''s, source, platform '
'and user) and the cause that tells several of one type and stream apart.';
revoke all on function syncwell._issue_fingerprint(text, uuid, text, text, uuid, text) from public;
