create or replace function syncwell._sees_org()
returns boolean
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce((syncwell._identity()).role <> 'member', false);
end
$$;
comment on function syncwell._sees_org() is
'Whether the caller sees all rows of its org: analysts, admins and services do.';
revoke all on function syncwell._sees_org() from public;
-- policies are evaluated as the caller
grant execute on function syncwell._sees_org() to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
