create or replace function syncwell.current_org_id()
returns uuid
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
as $$
begin
  return (syncwell._identity()).org_id;
end
$$;
comment on function syncwell.current_org_id() is 'The caller''s org; NULL for nobody. Errors: none.';
revoke all on function syncwell.current_org_id() from public;
grant execute on function syncwell.current_org_id()
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
