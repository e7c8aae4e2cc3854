create or replace function syncwell._document_rows(
  p_document json,
  p_kind text
)
returns json
language plpgsql immutable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_member constant text := case p_kind
    when 'reading' then 'readings' when 'adaptive_event' then 'adaptive_events' else p_kind
  end;
  v_rows constant json := p_document -> v_member;
begin
  case json_typeof(v_rows)
    when 'array' then
      return v_rows;
    when 'object' then
      if p_kind in ('survey_pre', 'survey_post') then
        return json_build_array(v_rows);
      end if;
    when 'null' then
      return '[]'::json;
    else
      if v_rows is null then
        return '[]'::json;
      end if;
  end case;
  raise exception using
    errcode = '22023',
    message = 'records of a document must be an array',
    detail = format('%s is not.', v_member),
    hint = 'Send an array of objects; survey_pre and survey_post may be one object.';
end
$$;
comment on function syncwell._document_rows(json, text) is
'The rows of one kind in a session document, [] where there are none. Errors: 22023 no array.';
revoke all on function syncwell._document_rows(json, text) from public;
