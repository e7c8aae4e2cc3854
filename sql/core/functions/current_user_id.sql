create or replace function syncwell.current_user_id()
returns uuid
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
as $$
begin
  return (syncwell._identity()).user_id;
end
$$;
comment on function syncwell.current_user_id() is 'The calling user; NULL for a service and for nobody. Errors: none.';
revoke all on function syncwell.current_user_id() from public;
grant execute on function syncwell.current_user_id()
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
