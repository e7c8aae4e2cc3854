create or replace function syncwell._refuse_table(
  p_reason text,
  p_hint text
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = 'SW302',
    message = 'this table can not be synced like that',
    detail = p_reason,
    hint = p_hint;
end
$$;
comment on function syncwell._refuse_table(text, text) is 'Refuses a registration. Errors: SW302.';
revoke all on function syncwell._refuse_table(text, text) from public;
