create or replace function syncwell._stream_issues(
  p_source text,
  p_user_id uuid,
  p_stale_after interval default null
)
returns table (
  source text,
  issue_type text,
  severity text,
  since timestamptz,
  evidence jsonb,
  suggestion text,
  user_id uuid,
  stream_id uuid
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record;
  v_stream_ids uuid[];
begin
  v_caller := syncwell._caller();
  -- all streams of the org need no list of them
  if p_source is not null or p_user_id is not null or not v_caller.sees_org then
    v_stream_ids := array(select s.stream_id from syncwell._visible_streams(p_source, p_user_id) as s);
  end if;
  return query
  select i.source, i.issue_type, i.severity, i.since, i.evidence, i.suggestion, i.user_id, i.stream_id
  from syncwell._issues_of(
    v_caller.org_id, v_stream_ids, p_source, p_user_id, v_caller.sees_org, p_stale_after
  ) as i;
end
$$;
comment on function syncwell._stream_issues(text, uuid, interval) is
'What is wrong with the streams the caller may see, as detect_sync_issues() tells it. p_stale_after: in place of '
'setting health.stale_after. Errors: SW001, SW002.';
revoke all on function syncwell._stream_issues(text, uuid, interval) from public;
