create or replace function syncwell._is_silenced(
  p_org_id uuid,
  p_issue_type text,
  p_severity text,
  p_source text,
  p_platform text,
  p_user_id uuid,
  p_stream_id uuid,
  p_now timestamptz
)
returns boolean
language sql stable security invoker parallel safe
return exists (
  select from syncwell.silences as s
  where
    s.org_id = p_org_id
    and s.starts_at <= p_now
    and s.ends_at > p_now
    -- silence() sees to it that a matcher holds these keys only, and texts
    and pg_catalog.jsonb_build_object(
      'issue_type', p_issue_type,
      'severity', p_severity,
      'source', p_source,
      'platform', p_platform,
      'user_id', p_user_id,
      'stream_id', p_stream_id
    ) @> s.matcher
);
comment on function syncwell._is_silenced(uuid, text, text, text, text, uuid, uuid, timestamptz) is
'Whether a silence of the org that is on at p_now fits such an issue: all keys of its matcher are equal.';
revoke all on function syncwell._is_silenced(uuid, text, text, text, text, uuid, uuid, timestamptz) from public;
