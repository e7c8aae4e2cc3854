create or replace function syncwell.acknowledge_issue(
  p_issue_id uuid,
  p_note text default null
)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
  v_issue syncwell.sync_issues;
begin
  perform syncwell._check_text('p_note', p_note, 1000);
  v_issue := syncwell._locked_issue(p_issue_id);
  if v_issue.state = 'acknowledged' and coalesce(p_note, v_issue.note) is not distinct from v_issue.note then
    return false;
  end if;
  update syncwell.sync_issues as i
  set
    state = 'acknowledged',
    snoozed_until = null,
    note = coalesce(p_note, i.note),
    acknowledged_at = case when i.state = 'acknowledged' then i.acknowledged_at else syncwell._now() end,
    acknowledged_by = case when i.state = 'acknowledged' then i.acknowledged_by else v_caller.user_id end
  where i.org_id = v_issue.org_id and i.id = v_issue.id;
  return true;
end
$$;
comment on function syncwell.acknowledge_issue(uuid, text) is
'Takes the issue p_issue_id on: nobody is alerted of it again until it is resolved and comes back. Ends a snooze. '
'p_note: at most 1000 characters, NULL leaves the one that is there. Who may: a user for its own streams, admins and '
'services for the org''s. Whoever acknowledged first stays the one who did; a later call may change the note. Returns '
'whether anything changed. Errors: SW001; SW601 no such issue, or not the caller''s; SW604 resolved already; 22004 '
'without p_issue_id; 22001 for a longer note; 42501 for analysts.';
revoke all on function syncwell.acknowledge_issue(uuid, text) from public;
grant execute on function syncwell.acknowledge_issue(uuid, text) to syncwell_client, syncwell_worker;
