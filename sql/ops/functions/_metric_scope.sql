create or replace function syncwell._metric_scope()
returns uuid
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record;
begin
  v_caller := syncwell._identity();
  if v_caller.org_id is null then
    -- who acts for nobody, not for somebody who is unknown
    if (
      v_caller.kind = 'gateway'
      and coalesce(current_setting('syncwell.user_id', true), '') = ''
      and coalesce(current_setting('syncwell.org_id', true), '') = ''
    ) or (v_caller.kind is null and pg_has_role(session_user, 'syncwell_operator', 'member'))
    then
      return null;
    end if;
    return (syncwell._caller()).org_id;
  end if;
  if v_caller.role = 'member' then
    raise exception using
      errcode = '42501',
      message = 'metrics are counts over all users',
      detail = 'The caller is a member of its org, who may see its own rows only.',
      hint = 'Ask as an analyst, an admin or a service of the org; operators ask about all orgs.';
  end if;
  return v_caller.org_id;
end
$$;
comment on function syncwell._metric_scope() is
'Whose metrics the caller may read: its org''s, or NULL = all orgs for an operator, and for a gateway that acts for '
'nobody. Errors: SW001, 42501 for members.';
revoke all on function syncwell._metric_scope() from public;
