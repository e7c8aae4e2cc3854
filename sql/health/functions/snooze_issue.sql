create or replace function syncwell.snooze_issue(
  p_issue_id uuid,
  p_for interval,
  p_note text default null
)
returns timestamptz
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_until timestamptz;
  v_issue syncwell.sync_issues;
begin
  if p_for is null then
    raise exception using
      errcode = '22004',
      message = 'a time to snooze is needed',
      detail = 'p_for is NULL.',
      hint = 'Pass an interval from 1 minute to 90 days, e.g. ''4 hours''.';
  end if;
  perform syncwell._check_duration('p_for', p_for, '1 minute', '90 days');
  perform syncwell._check_text('p_note', p_note, 1000);
  v_issue := syncwell._locked_issue(p_issue_id);
  v_until := syncwell._now() + make_interval(secs => extract(epoch from p_for)::double precision);
  update syncwell.sync_issues as i
  set state = 'snoozed', snoozed_until = v_until, note = coalesce(p_note, i.note)
  where i.org_id = v_issue.org_id and i.id = v_issue.id;
  return v_until;
end
$$;
comment on function syncwell.snooze_issue(uuid, interval, text) is
'Lets the issue p_issue_id rest for p_for (1 minute to 90 days; a day is 24 hours) from now on: nobody is alerted of '
'it before, and if it is still there then, it is open again. p_note and who may: as in acknowledge_issue(). Snoozing '
'again counts from now. Returns until when. Errors: SW001; SW601 no such issue, or not the caller''s; SW604 resolved '
'already; 22004; 22023 (p_for); 22001 for a longer note; 42501 for analysts.';
revoke all on function syncwell.snooze_issue(uuid, interval, text) from public;
grant execute on function syncwell.snooze_issue(uuid, interval, text) to syncwell_client, syncwell_worker;
