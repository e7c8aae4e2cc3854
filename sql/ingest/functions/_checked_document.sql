create or replace function syncwell._checked_document(
  p_document json,
  p_settings jsonb
)
returns json
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_max_bytes constant bigint := (p_settings ->> 'ingest.max_batch')::bigint;
  v_max_rows constant bigint := (p_settings ->> 'ingest.max_rows')::bigint;
  v_document json;
  v_rows bigint;
begin
  if p_document is null then
    raise exception using
      errcode = '22004',
      message = 'a document is needed',
      detail = 'p_document is NULL.',
      hint = 'Pass the session as an object, see the comment on sync_session().';
  end if;
  if octet_length(p_document::text) > v_max_bytes then
    raise exception using
      errcode = 'SW503',
      message = 'the document is too large',
      detail = format('It has %s bytes; at most %s are taken.', octet_length(p_document::text), v_max_bytes),
      hint = 'Send its readings in batches with ingest_batch(), or raise setting ingest.max_batch.';
  end if;
  v_document := syncwell._repaired_json(p_document::text);
  if json_typeof(v_document) <> 'object'
    or json_typeof(v_document -> 'local_id') is distinct from 'string'
    or length(v_document ->> 'local_id') not between 1 and 200
  then
    raise exception using
      errcode = '22023',
      message = 'the document does not say which session it is',
      detail = 'It is no object, or has no local_id of 1 to 200 characters.',
      hint = 'Pass {"local_id": "<the name that the device gave the session>", …}.';
  end if;
  select sum(json_array_length(e.value)) into v_rows
  from json_each(v_document) as e
  where json_typeof(e.value) = 'array';
  if v_rows > v_max_rows then
    raise exception using
      errcode = 'SW503',
      message = 'the document has too many records',
      detail = format('It has %s; at most %s are taken.', v_rows, v_max_rows),
      hint = 'Send its readings in batches with ingest_batch(), or raise setting ingest.max_rows.';
  end if;
  return v_document;
end
$$;
comment on function syncwell._checked_document(json, jsonb) is
'A session document that can be worked with: with U+FFFD for what no text here can hold. p_settings: those of the org. '
'Errors: 22004 NULL, 22023 without a local id, SW503 more rows or bytes than the settings allow.';
revoke all on function syncwell._checked_document(json, jsonb) from public;
