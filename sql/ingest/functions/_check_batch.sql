create or replace function syncwell._check_batch(
  p_org_id uuid,
  p_kind text,
  p_rows json,
  p_source text,
  p_session text
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_max_bytes integer;
  v_max_rows integer;
begin
  if p_kind is null or p_rows is null then
    raise exception using
      errcode = '22004',
      message = 'a batch needs a kind and rows',
      detail = format('%s is NULL.', case when p_kind is null then 'p_kind' else 'p_rows' end),
      hint = 'Pass p_kind => ''event'' or a kind of session record, and a JSON array of rows.';
  end if;
  if p_kind not in ('event', 'reading', 'survey_pre', 'survey_inter', 'survey_post', 'progression', 'adaptive_event')
  then
    raise exception using
      errcode = '22023',
      message = 'unknown kind of row',
      detail = format('p_kind is %L.', left(p_kind, 100)),
      hint = 'Pass event, reading, survey_pre, survey_inter, survey_post, progression or adaptive_event.';
  end if;
  if (p_kind = 'event') <> (p_source is not null) or (p_kind = 'event') <> (p_session is null) then
    raise exception using
      errcode = case when coalesce(p_source, p_session) is null then '22004' else '22023' end,
      message = 'events have a source, session records a session',
      detail = format(
        'p_kind is %s, p_source is %s, p_session is %s.', p_kind,
        case when p_source is null then 'NULL' else 'given' end,
        case when p_session is null then 'NULL' else 'given' end
      ),
      hint = 'Pass p_source with kind event, p_session with any other, never both.';
  end if;
  if p_source is not null then
    perform syncwell._check_source(p_source);
  else
    perform syncwell._check_local_id('p_session', p_session, 200);
  end if;
  if json_typeof(p_rows) <> 'array' then
    raise exception using
      errcode = '22023',
      message = 'rows must be an array',
      detail = format('p_rows is a JSON %s.', json_typeof(p_rows)),
      hint = 'Pass a JSON array of objects.';
  end if;
  v_max_bytes := syncwell._setting(p_org_id, 'ingest.max_batch', p_source)::integer;
  if octet_length(p_rows::text) > v_max_bytes then
    raise exception using
      errcode = 'SW503',
      message = 'the batch is too large',
      detail = format('It has %s bytes; at most %s are taken.', octet_length(p_rows::text), v_max_bytes),
      hint = 'Send it in parts, or raise setting ingest.max_batch.';
  end if;
  -- before they are read: a row of two bytes takes hundreds of them then
  v_max_rows := syncwell._setting(p_org_id, 'ingest.max_rows', p_source)::integer;
  if json_array_length(p_rows) > v_max_rows then
    raise exception using
      errcode = 'SW503',
      message = 'the batch is too large',
      detail = format('It has %s rows; at most %s are taken.', json_array_length(p_rows), v_max_rows),
      hint = 'Send it in parts, or raise setting ingest.max_rows.';
  end if;
end
$$;
comment on function syncwell._check_batch(uuid, text, json, text, text) is
'Refuses what is no batch: a missing argument (22004), an unknown kind, both or the wrong one of source and session, '
'no array (22023), a session''s name that is too long (22001), too many bytes or rows (SW503).';
revoke all on function syncwell._check_batch(uuid, text, json, text, text) from public;
