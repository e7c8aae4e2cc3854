create or replace function syncwell._as_jsonb(p_text text)
returns jsonb
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return p_text::jsonb;
exception
  when data_exception or program_limit_exceeded then
    return to_jsonb(left(p_text, 100000));
end
$$;
comment on function syncwell._as_jsonb(text) is
'JSON text as jsonb; what jsonb can''t hold (a number out of its range, too deep) as a JSON string with the text.';
revoke all on function syncwell._as_jsonb(text) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._as_jsonb(text) to syncwell_client;
