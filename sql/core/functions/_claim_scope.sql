create or replace function syncwell._claim_scope(
  out org_id uuid,
  out user_id uuid
)
language plpgsql stable security invoker parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
  v_role text;
  v_kind text;
begin
  -- as in _caller()
  select l.org_id, l.user_id, u.role
  into org_id, user_id, v_role
  from syncwell.logins as l
  left join syncwell.users as u on u.user_id = l.user_id
  where l.login_role = session_user;
  if org_id is null then
    select i.org_id, i.user_id, i.role, i.kind into org_id, user_id, v_role, v_kind from syncwell._identity() as i;
    -- whoever may act as any org, or maintains all of them, works for all of them
    if org_id is null
      and v_kind is distinct from 'gateway'
      and not pg_has_role(session_user, 'syncwell_operator', 'member')
    then
      org_id := (syncwell._caller()).org_id;
    end if;
  end if;
  -- whom _target_user() lets record for others works for them too
  if v_role = 'admin' then
    user_id := null;
  end if;
end
$$;
comment on function syncwell._claim_scope() is
'Whose work the caller may take: org_id its own, or NULL = all orgs for an operator and for a gateway that acts for '
'nobody; user_id its own for a member or analyst, NULL = everybody''s. Errors: SW001.';
revoke all on function syncwell._claim_scope() from public;
