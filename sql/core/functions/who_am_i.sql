create or replace function syncwell.who_am_i(
  out login_role name,
  out kind text,
  out org_id uuid,
  out user_id uuid,
  out role text,
  out rule text
)
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
as $$
begin
  login_role := session_user;
  select i.kind, i.org_id, i.user_id, i.role, i.rule
  into kind, org_id, user_id, role, rule
  from syncwell._identity() as i;
end
$$;
comment on function syncwell.who_am_i() is
'Who the caller is and which rule decided: login_role; kind of login (NULL: not bound); org_id, user_id, role (NULL: '
'nobody); rule, in words. Errors: none.';
revoke all on function syncwell.who_am_i() from public;
grant execute on function syncwell.who_am_i()
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
