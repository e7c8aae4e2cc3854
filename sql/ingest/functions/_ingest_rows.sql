create or replace function syncwell._ingest_rows(
  p_org_id uuid,
  p_kind text,
  p_rows json,
  p_now timestamptz
)
returns syncwell.ingest_row[]
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_max_row constant integer := syncwell._setting(p_org_id, 'ingest.max_row')::integer;
  v_latest constant timestamptz := p_now + syncwell._setting(p_org_id, 'ingest.clock_tolerance')::interval;
  v_oldest constant timestamptz := case p_kind
    when 'event' then p_now - syncwell._setting(p_org_id, 'ingest.key_retention')::interval
    else '-infinity'
  end;
  v_documents jsonb[];
  v_too_large integer[] := array[]::integer[];
begin
  if octet_length(p_rows::text) > v_max_row then
    v_too_large := array(
      select e.at from json_array_elements(p_rows) with ordinality as e (row, at)
      where octet_length(e.row::text) > v_max_row
    );
  end if;

  -- all at once; only where one of the rows is odd each is looked at by itself
  begin
    if v_too_large = '{}' then
      v_documents := array(select e.row from jsonb_array_elements(p_rows::jsonb) as e (row));
      return syncwell._checked_rows(p_kind, v_documents, v_too_large, v_oldest, v_latest, false);
    end if;
  exception
    when data_exception or program_limit_exceeded then
      null;
  end;
  v_documents := array(
    select case when octet_length(e.row::text) <= v_max_row then syncwell._row_document(e.row::text) end
    from json_array_elements(p_rows) with ordinality as e (row, at)
    order by e.at
  );
  return syncwell._checked_rows(p_kind, v_documents, v_too_large, v_oldest, v_latest, true);
end
$$;
comment on function syncwell._ingest_rows(uuid, text, json, timestamptz) is
'The rows of a batch (a JSON array), read and checked, in their order. p_kind: event or a kind of session record. '
'rejected is "code: text" where a row can not be taken; see ingest_batch() for the codes. Errors: 22023 (no array).';
revoke all on function syncwell._ingest_rows(uuid, text, json, timestamptz) from public;
