create or replace function syncwell.get_sync_issues(
  p_state text default null,
  p_source text default null,
  p_limit integer default 50,
  p_user_id uuid default null
)
returns table (
  issue_id uuid,
  issue_type text,
  severity text,
  state text,
  source text,
  platform text,
  user_id uuid,
  stream_id uuid,
  parent_id uuid,
  muted_by text,
  since timestamptz,
  opened_at timestamptz,
  times_opened integer,
  last_seen_at timestamptz,
  resolved_at timestamptz,
  acknowledged_at timestamptz,
  acknowledged_by uuid,
  note text,
  snoozed_until timestamptz,
  evidence jsonb,
  suggestion text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
  v_now constant timestamptz := syncwell._now();
begin
  perform syncwell._note_access('get_sync_issues', p_user_id);
  perform syncwell._check_limit(p_limit);
  perform syncwell._check_shown_user(p_user_id);
  if p_state not in ('open', 'acknowledged', 'snoozed', 'resolved', 'all') then
    raise exception using
      errcode = '22023',
      message = 'unknown state of an issue',
      detail = format('p_state is %L.', left(p_state, 100)),
      hint = 'Pass open, acknowledged, snoozed, resolved or all, or leave it out for all that are not resolved.';
  end if;

  return query
  with shown as materialized (
    select i.*, v.is_over
    from (
      -- told apart, so that the index of what is not resolved serves, whatever the plan
      select o.* from syncwell.sync_issues as o
      where o.org_id = v_caller.org_id and o.state <> 'resolved' and coalesce(p_state, 'all') <> 'resolved'
      union all
      select r.* from syncwell.sync_issues as r
      where r.org_id = v_caller.org_id and r.state = 'resolved' and p_state in ('resolved', 'all')
    ) as i
    -- what has slept long enough is open, whether or not evaluate_health() has come by since
    cross join lateral (select i.state = 'snoozed' and i.snoozed_until <= v_now as is_over) as v
    where (
        v_caller.sees_org
        or i.user_id = v_caller.user_id
        or (i.user_id is null and i.stream_id is not null)
      )
      and (p_user_id is null or i.user_id = p_user_id)
      and (p_source is null or i.source = p_source)
      and (
        coalesce(p_state, 'all') = 'all'
        or p_state = case when v.is_over then 'open' else i.state end
      )
    order by
      array_position('{critical,warning,info}', i.severity), coalesce(i.since, i.opened_at), i.opened_at, i.id
    limit p_limit
  )
  select
    i.id,
    i.issue_type,
    i.severity,
    case when i.is_over then 'open' else i.state end,
    i.source,
    i.platform,
    i.user_id,
    i.stream_id,
    case when p.id is not null then i.parent_id end,
    i.muted_by,
    i.since,
    i.opened_at,
    i.times_opened,
    -- evaluate_health() writes it only with other changes
    case
      when i.state <> 'resolved' and i.gone_since is null then greatest(i.last_seen_at, e.evaluated_at)
      else i.last_seen_at
    end,
    i.resolved_at,
    i.acknowledged_at,
    i.acknowledged_by,
    i.note,
    case when not i.is_over then i.snoozed_until end,
    -- consent may have been asked for since it was written
    case
      when i.evidence ? 'device_id' and syncwell._redact(i.org_id, i.user_id, true) is null
        then i.evidence - 'device_id'
      else i.evidence
    end,
    i.suggestion
  from shown as i
  -- a member may not be told of an issue of the whole org
  left join syncwell.sync_issues as p on p.org_id = i.org_id and p.id = i.parent_id and v_caller.sees_org
  left join syncwell.health_evaluations as e on e.org_id = i.org_id
  order by
    array_position('{critical,warning,info}', i.severity), coalesce(i.since, i.opened_at), i.opened_at, i.id;
end
$$;
comment on function syncwell.get_sync_issues(text, text, integer, uuid) is
'Issues that evaluate_health() has opened, the worst and then the oldest first. p_state: open, acknowledged, '
'snoozed, resolved, all, or NULL = all that are not resolved; p_source NULL = all; p_limit: default 50, 1 to 1000; '
'p_user_id NULL = everything the caller may see: members see those of their own and the org''s streams, the others '
'those of the whole org. state: a snooze that is over shows as open; parent_id: the issue of the whole org that '
'explains it, to those who see that; muted_by: silence, maintenance, parent or flapping, NULL when nothing keeps it '
'quiet; since: when the trouble began; opened_at: when it was first found; times_opened: 1 more for each time it '
'came back soon; last_seen_at, resolved_at, acknowledged_at, acknowledged_by (NULL: a service), note, snoozed_until; '
'evidence: the numbers and thresholds behind it, as last seen; suggestion: what to do. A filter that matches nothing '
'gives no rows. Asking about another user is written to the access log. Errors: SW001, SW002, 25006 (another user, '
'in a read-only transaction), 22004, 22023 (p_state, p_limit).';
revoke all on function syncwell.get_sync_issues(text, text, integer, uuid) from public;
grant execute on function syncwell.get_sync_issues(text, text, integer, uuid) to syncwell_client, syncwell_reader;
