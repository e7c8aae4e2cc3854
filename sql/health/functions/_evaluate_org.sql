create or replace function syncwell._evaluate_org(
  p_org_id uuid,
  out streams bigint,
  out moved bigint,
  out opened bigint,
  out reopened bigint,
  out resolved bigint,
  out blind interval,
  out skipped boolean
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz;
  v_last syncwell.health_evaluations;
  v_settings jsonb;
  v_overrides jsonb;
  v_blind_from timestamptz;
  v_streams record;
  v_issues syncwell.issue_verdict[];
begin
  streams := 0;
  moved := 0;
  opened := 0;
  reopened := 0;
  resolved := 0;
  -- to the end of the transaction: whoever comes next reads what was decided here, and never decides beside it
  -- a row, since anybody may take an advisory lock
  perform from syncwell.orgs as o where o.org_id = p_org_id for no key update skip locked;
  skipped := not found;
  if skipped then
    return;
  end if;
  v_now := syncwell._now();
  select e.* into v_last from syncwell.health_evaluations as e where e.org_id = p_org_id;
  -- a clock that was put back: what was decided stands until it has caught up
  if v_now < v_last.evaluated_at then
    return;
  end if;
  select h.settings, h.overrides into v_settings, v_overrides from syncwell._health_settings(p_org_id) as h;
  if v_now - v_last.evaluated_at > 2 * (v_settings ->> 'health.evaluation_interval')::interval then
    v_blind_from := v_last.evaluated_at;
    blind := v_now - v_blind_from;
    v_last.judge_from := v_now;
  end if;
  insert into syncwell.health_evaluations as e (org_id, evaluated_at)
  values (p_org_id, v_now)
  on conflict (org_id) do update set evaluated_at = excluded.evaluated_at, judge_from = v_last.judge_from;

  perform syncwell._move_windows(p_org_id, coalesce(v_last.evaluated_at, '-infinity'), v_now);
  perform syncwell._end_periods(p_org_id, v_now, v_blind_from);
  perform syncwell._check_volumes(p_org_id);
  perform syncwell._count_work(p_org_id, v_now);

  v_streams := syncwell._judge_streams(p_org_id, v_now, v_settings, v_overrides, v_last.judge_from);
  streams := v_streams.streams;
  moved := syncwell._store_streams(p_org_id, v_now, v_streams.verdicts);

  v_issues := syncwell._found_issues(
    p_org_id, v_now, v_settings, v_overrides, v_streams.expecting, cardinality(v_streams.late), v_blind_from
  );
  v_issues := syncwell._judge_issues(
    p_org_id, v_now, v_settings, v_overrides, v_issues, v_streams.late, v_streams.flapping, v_streams.windowed
  );
  if v_issues <> '{}' then
    select i.opened, i.reopened, i.resolved into opened, reopened, resolved
    from syncwell._store_issues(p_org_id, v_now, v_last.evaluated_at, v_issues) as i;
  end if;
  if v_blind_from is not null or v_last.gap_issue_id is not null then
    update syncwell.health_evaluations as e
    set gap_issue_id = (
      select i.id
      from syncwell.sync_issues as i
      where i.org_id = p_org_id and i.issue_type = 'evaluation_gap' and i.state <> 'resolved'
    )
    where e.org_id = p_org_id;
  end if;
end
$$;
comment on function syncwell._evaluate_org(uuid) is
'evaluate_health() for one org, in this order: maintenance windows move on; the time when nothing evaluated is marked '
'blind; volumes are checked and the queue is counted; streams are judged; issues are found and judged. Columns as '
'evaluate_health() has them.';
revoke all on function syncwell._evaluate_org(uuid) from public;
