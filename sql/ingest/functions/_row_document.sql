create or replace function syncwell._row_document(p_text text)
returns jsonb
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return syncwell._repaired_json(p_text)::jsonb;
exception
  when data_exception or program_limit_exceeded then
    return null;
end
$$;
comment on function syncwell._row_document(text) is
'JSON text as jsonb, with U+FFFD for characters that no text here can hold; NULL where jsonb can''t hold it (a number '
'out of its range, too deep).';
revoke all on function syncwell._row_document(text) from public;
