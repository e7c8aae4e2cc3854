create or replace function syncwell._told_by_document(p_document json)
returns syncwell.sync_sessions
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_told syncwell.sync_sessions;
  v_bad text;
begin
  select e.key into v_bad
  from json_each(p_document) as e
  where e.key not in (
    'local_id', 'started_at', 'ended_at', 'status', 'source', 'data_source', 'expected', 'metadata', 'readings',
    'survey_pre', 'survey_inter', 'survey_post', 'progression', 'adaptive_events'
  )
  limit 1;
  if not found then
    select e.key into v_bad from json_each(p_document) as e group by e.key having count(*) > 1 limit 1;
  end if;
  if found then
    raise exception using
      errcode = '22023',
      message = 'the document has a member that is unknown, or twice',
      detail = format('It is %L.', left(v_bad, 100)),
      hint = 'See the comment on sync_session(); what else is to be kept belongs into metadata.';
  end if;
  select e.key into v_bad
  from json_each(p_document) as e
  where e.key in ('status', 'source', 'data_source') and json_typeof(e.value) not in ('string', 'null')
  limit 1;
  if found then
    raise exception using
      errcode = '22023',
      message = 'a member of the document is no text',
      detail = format('It is %L.', v_bad),
      hint = 'status, source and data_source are texts.';
  end if;

  v_told.local_id := p_document ->> 'local_id';
  v_told.started_at := syncwell._document_time(p_document, 'started_at');
  v_told.ended_at := syncwell._document_time(p_document, 'ended_at');
  v_told.status := p_document ->> 'status';
  v_told.source := p_document ->> 'source';
  v_told.data_source := p_document ->> 'data_source';
  v_told.expected := nullif((p_document -> 'expected')::jsonb, 'null');
  v_told.metadata := nullif((p_document -> 'metadata')::jsonb, 'null');
  return v_told;
end
$$;
comment on function syncwell._told_by_document(json) is
'What a session document tells of the session itself; NULL where it does not. Errors: 22023.';
revoke all on function syncwell._told_by_document(json) from public;
