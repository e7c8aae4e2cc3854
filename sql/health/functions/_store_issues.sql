create or replace function syncwell._store_issues(
  p_org_id uuid,
  p_now timestamptz,
  p_last timestamptz,
  p_verdicts syncwell.issue_verdict[],
  out opened bigint,
  out reopened bigint,
  out resolved bigint
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
-- an array is planned for as long as it is
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
begin
  -- an issue that somebody handles at this moment is left to the next evaluation
  with verdicts as materialized (
    select v.* from unnest(p_verdicts) as v where not v.is_new
  ),
  locked as materialized (
    select i.id
    from syncwell.sync_issues as i
    where i.org_id = p_org_id and i.id in (select v.id from verdicts as v)
    order by i.id
    for no key update skip locked
  ),
  written as (
    update syncwell.sync_issues as i
    set
      severity = v.severity,
      state = case
        when v.is_resolved then 'resolved'
        when v.is_reopened or i.snoozed_until <= p_now then 'open'
        else i.state
      end,
      platform = v.platform,
      parent_id = v.parent_id,
      muted_by = v.muted_by,
      since = v.since,
      evidence = v.evidence,
      suggestion = v.suggestion,
      times_opened = i.times_opened + v.is_reopened::integer,
      last_seen_at = case
        when v.is_found then p_now
        when i.gone_since is null and v.gone_since is not null then greatest(i.last_seen_at, p_last)
        else i.last_seen_at
      end,
      gone_since = v.gone_since,
      resolved_at = case when v.is_resolved then p_now end,
      acknowledged_at = case when not v.is_reopened then i.acknowledged_at end,
      acknowledged_by = case when not v.is_reopened then i.acknowledged_by end,
      snoozed_until = case
        when not v.is_resolved and not v.is_reopened and i.snoozed_until > p_now then i.snoozed_until
      end
    from locked as l
    inner join verdicts as v on v.id = l.id
    where i.org_id = p_org_id and i.id = l.id and (i.state = 'resolved') = v.is_reopened
    returning v.is_reopened, v.is_resolved
  )
  select count(*) filter (where w.is_reopened), count(*) filter (where w.is_resolved)
  into reopened, resolved
  from written as w;

  insert into syncwell.sync_issues (
    org_id, id, fingerprint, issue_type, severity, stream_id, user_id, source, platform, parent_id, muted_by, since,
    evidence, suggestion, opened_at, last_seen_at
  )
  select
    p_org_id, v.id, v.fingerprint, v.issue_type, v.severity, v.stream_id, v.user_id, v.source, v.platform, v.parent_id,
    v.muted_by, v.since, v.evidence, v.suggestion, p_now, p_now
  from unnest(p_verdicts) as v
  where v.is_new;
  get diagnostics opened = row_count;
end
$$;
comment on function
syncwell._store_issues(uuid, timestamptz, timestamptz, syncwell.issue_verdict[]) is
'The part of evaluate_health() that writes what _judge_issues() decided. p_last: the evaluation before, at which what '
'is gone now was last found. Returns how many began, came back and ended.';
revoke all on function syncwell._store_issues(uuid, timestamptz, timestamptz, syncwell.issue_verdict[]) from public;
