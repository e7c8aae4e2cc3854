create or replace function syncwell._locked_issue(p_issue_id uuid)
returns syncwell.sync_issues
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
  v_issue syncwell.sync_issues;
begin
  if p_issue_id is null then
    raise exception using
      errcode = '22004',
      message = 'an issue is needed',
      detail = 'p_issue_id is NULL.',
      hint = 'syncwell.get_sync_issues() lists them.';
  end if;
  -- whatever the issue, so that the answer tells nothing of it
  if v_caller.role = 'analyst' then
    raise exception using
      errcode = '42501',
      message = 'analysts look at issues and do not handle them',
      detail = 'The caller is analyst.',
      hint = 'Ask the user whose stream it is, or an admin of the org.';
  end if;
  select i.* into v_issue
  from syncwell.sync_issues as i
  where i.org_id = v_caller.org_id and i.id = p_issue_id
    and (v_caller.role in ('admin', 'service') or i.user_id = v_caller.user_id)
  for update;
  if not found then
    raise exception using
      errcode = 'SW601',
      message = 'unknown issue',
      detail = format('There is no issue %s that this caller may handle.', p_issue_id),
      hint = 'syncwell.get_sync_issues() lists them. Users handle their own, admins and services their org''s.';
  end if;
  if v_issue.state = 'resolved' then
    raise exception using
      errcode = 'SW604',
      message = 'the issue is resolved',
      detail = format('Issue %s was resolved at %s.', p_issue_id, v_issue.resolved_at),
      hint = 'There is nothing left to handle; if it comes back it is opened again.';
  end if;
  return v_issue;
end
$$;
comment on function syncwell._locked_issue(uuid) is
'An issue that is not resolved and that the caller may handle (its own, or for admins and services any of the org), '
'locked until the end of the transaction. Errors: SW001, SW601, SW604, 22004, 42501 for analysts.';
revoke all on function syncwell._locked_issue(uuid) from public;
