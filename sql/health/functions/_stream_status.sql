create or replace function syncwell._stream_status(
  p_facts syncwell.stream_facts,
  p_settings jsonb,
  p_now timestamptz,
  out status text,
  out score numeric,
  out freshness_score numeric,
  out reliability_score numeric,
  out queue_score numeric,
  out drift_score numeric,
  out speed_score numeric,
  out freshness text,
  out since timestamptz,
  out expected_interval interval,
  out due_at timestamptz,
  out late_at timestamptz,
  out stale_at timestamptz,
  out reason text,
  out advice text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_failures constant integer := coalesce(p_facts.consecutive_failures, 0);
  v_failure_threshold integer;
  v_stale_intervals constant integer := (p_settings ->> 'health.stale_intervals')::integer;
  -- oldest first: 1 = it went well
  v_outcomes constant text := coalesce(p_facts.recent_outcomes::text, '');
  v_ran constant boolean := p_facts.last_run_at is not null;
  v_anchor constant timestamptz := coalesce(
    p_facts.last_success_at,
    p_facts.registered_at,
    case when p_facts.last_run_at is not null then p_facts.created_at end
  );
  v_recovery_threshold integer;
  v_interval interval;
  v_grace interval := make_interval(
    secs => extract(epoch from (p_settings ->> 'health.grace_minimum')::interval)::double precision
  );
  v_next timestamptz;
  v_missing integer;
  v_decay numeric;
  v_weight numeric := 1;
  v_good numeric := 0;
  v_all numeric := 0;
begin
  -- When a success is expected, when that is late, when it is stale. In elapsed time: a day is 24 hours whatever
  -- the session's time zone does; only cron follows a calendar.
  if v_anchor is not null and p_facts.expected_interval is not null then
    -- bounded, so that no interval somebody declared leads out of the range of times
    v_interval := make_interval(
      secs => least(greatest(extract(epoch from p_facts.expected_interval), 1), 10 * 365 * 86400)::double precision
    );
    due_at := v_anchor + v_interval;
    stale_at := v_anchor + v_stale_intervals * v_interval;
  elsif v_anchor is not null and p_facts.cron is not null then
    -- a schedule is slow to work out: the next date is kept, and what follows it is needed only once it has passed
    due_at := case
      when p_facts.next_sync_at is not null and p_facts.last_run_at is not distinct from p_facts.last_success_at
        then p_facts.next_sync_at
      else syncwell._cron_next(p_facts.cron, p_facts.time_zone, v_anchor)
    end;
    if p_now > due_at + v_grace then
      stale_at := due_at;
      for v_step in 2..v_stale_intervals loop
        v_next := syncwell._cron_next(p_facts.cron, p_facts.time_zone, stale_at);
        exit when v_next is null;
        v_interval := least(
          v_interval, make_interval(secs => extract(epoch from v_next - stale_at)::double precision)
        );
        stale_at := v_next;
      end loop;
      -- a schedule with one date left
      v_interval := coalesce(
        v_interval, make_interval(secs => extract(epoch from due_at - v_anchor)::double precision)
      );
    end if;
  end if;
  if due_at is not null then
    v_grace := greatest(v_grace, (p_settings ->> 'health.grace_ratio')::double precision * v_interval);
  elsif v_ran then
    v_grace := '0';
    v_interval := make_interval(
      secs => extract(epoch from (p_settings ->> 'health.stale_after')::interval)::double precision
    );
    due_at := v_anchor + v_interval;
    stale_at := v_anchor + v_stale_intervals * v_interval;
  end if;
  if v_interval is not null then
    expected_interval := coalesce(p_facts.expected_interval, v_interval);
    late_at := due_at + v_grace;
    -- grace may be longer than short intervals are: then a stream is still late before it is stale
    stale_at := greatest(stale_at, late_at + v_interval);
  end if;

  if due_at is null then
    freshness := 'unknown';
  elsif v_interval is null or p_now <= late_at then
    if p_facts.last_success_at is null then
      freshness := 'unknown';
    else
      freshness := 'fresh';
      freshness_score := 100.0;
    end if;
  elsif p_now < stale_at then
    freshness := 'late';
    freshness_score := round(
      100 * extract(epoch from stale_at - p_now) / extract(epoch from stale_at - late_at), 1
    );
  else
    freshness := 'stale';
    freshness_score := 0.0;
  end if;

  if v_outcomes = '' then
    reliability_score := null;
  elsif position('0' in v_outcomes) = 0 and v_failures = 0 then
    reliability_score := 100.0;
  else
    v_decay := (p_settings ->> 'health.recency_decay')::numeric;
    for v_at in reverse length(v_outcomes)..1 loop
      v_all := v_all + v_weight;
      if substr(v_outcomes, v_at, 1) = '1' then
        v_good := v_good + v_weight;
      end if;
      v_weight := v_weight * v_decay;
    end loop;
    reliability_score := greatest(
      0.0, round(100 * v_good / v_all - v_failures * (p_settings ->> 'health.failure_penalty')::numeric, 1)
    );
  end if;

  -- a part that is unknown gives its weight to the others
  v_good := 0;
  v_all := 0;
  if freshness_score is not null then
    v_weight := (p_settings ->> 'health.weight_freshness')::numeric;
    v_good := v_good + v_weight * freshness_score;
    v_all := v_all + v_weight;
  end if;
  if reliability_score is not null then
    v_weight := (p_settings ->> 'health.weight_reliability')::numeric;
    v_good := v_good + v_weight * reliability_score;
    v_all := v_all + v_weight;
  end if;
  if queue_score is not null then
    v_weight := (p_settings ->> 'health.weight_queue')::numeric;
    v_good := v_good + v_weight * queue_score;
    v_all := v_all + v_weight;
  end if;
  if drift_score is not null then
    v_weight := (p_settings ->> 'health.weight_drift')::numeric;
    v_good := v_good + v_weight * drift_score;
    v_all := v_all + v_weight;
  end if;
  if speed_score is not null then
    v_weight := (p_settings ->> 'health.weight_speed')::numeric;
    v_good := v_good + v_weight * speed_score;
    v_all := v_all + v_weight;
  end if;
  score := round(v_good / nullif(v_all, 0), 1);

  if v_failures > 0 then
    v_failure_threshold := (p_settings ->> 'runs.failure_threshold')::integer;
  end if;
  if position('0' in v_outcomes) > 0 then
    v_recovery_threshold := (p_settings ->> 'health.recovery_threshold')::integer;
  end if;
  if v_failures >= v_failure_threshold then
    status := 'unhealthy';
    since := coalesce(p_facts.last_success_at, p_facts.created_at);
    reason := format('the last %s runs failed', v_failures);
    advice := 'Remove the cause of the failures (get_error_report shows them), then run it again.';
  elsif freshness = 'stale' then
    status := 'unhealthy';
    since := due_at;
    reason := case
      when p_facts.last_success_at is not null then format('no success for %s expected intervals', v_stale_intervals)
      when v_ran then format('never succeeded, and %s expected intervals have passed', v_stale_intervals)
      else format('never ran, and %s expected intervals have passed', v_stale_intervals)
    end;
    advice := 'Find out why nothing runs it (scheduler, device, credentials), then run it.';
  elsif v_failures > 0 then
    status := 'degraded';
    since := coalesce(p_facts.last_success_at, p_facts.created_at);
    reason := case v_failures when 1 then 'the last run failed' else format('the last %s runs failed', v_failures) end;
    advice := format(
      'Remove the cause of the failure (get_error_report shows it); %s more and it is unhealthy.',
      v_failure_threshold - v_failures
    );
  elsif p_facts.last_status = 'partial' then
    status := 'degraded';
    since := p_facts.last_run_at;
    reason := 'some items of the last run failed';
    advice := 'Look at the items that failed and sync them again.';
  elsif position('0' in right(v_outcomes, v_recovery_threshold)) > 0 then
    status := 'degraded';
    since := p_facts.last_failed_at;
    reason := 'it is recovering from a failure';
    v_missing := v_recovery_threshold - (position('0' in reverse(v_outcomes)) - 1);
    advice := case v_missing
      when 1 then 'Run it again: one more success makes it healthy.'
      else format('Run it again: %s more successes in a row make it healthy.', v_missing)
    end;
  elsif freshness = 'late' then
    status := 'late';
    since := due_at;
    reason := case
      when p_facts.last_success_at is not null then 'the next success is overdue'
      when v_ran then 'never succeeded, and the first success is overdue'
      else 'never ran, and the first run is overdue'
    end;
    advice := 'Run it, or see why nothing did (scheduler, device, credentials).';
  elsif v_outcomes <> '' then
    status := 'healthy';
  else
    status := 'unknown';
    reason := case
      when v_ran then 'no run has ended with an outcome yet'
      when due_at is not null then 'never ran; the first run is not due yet'
      else 'never ran, and nothing says how often it should'
    end;
    advice := case
      when v_ran or due_at is not null then 'Wait for its first run to end.'
      else 'Run it, or declare an expected interval or cron with register_stream.'
    end;
  end if;
  if freshness in ('late', 'stale') and due_at is distinct from since then
    reason := reason || '; the next success is overdue';
  end if;
end
$$;
comment on function syncwell._stream_status(syncwell.stream_facts, jsonb, timestamptz) is
'THE computation of status and score, from maintained facts and effective settings, as of p_now. status: unhealthy = '
'runs.failure_threshold failures in a row, or no success for health.stale_intervals expected intervals; degraded = '
'fewer failures in a row, or fewer than health.recovery_threshold successes since one, or a partial last run; late = '
'past due plus grace; unknown = no run with an outcome yet; else healthy. The worst that holds is given. Expected '
'interval: the stream''s, else its cron''s, else (once it ran) health.stale_after without grace; counted from the '
'last success, or from registration (first run) when there never was one. Grace: the larger of health.grace_minimum '
'and health.grace_ratio of the interval (a cron''s: its shortest gap). score (0 to 100, NULL = unknown): mean of the '
'known parts by their weights. freshness_score: 100 up to due plus grace, falling to 0 at stale_at. '
'reliability_score: success rate of the newest 20 outcomes, each run weighing health.recency_decay of the one after '
'it, minus health.failure_penalty for each failure in a row. freshness: fresh, late, stale, unknown. '
'expected_interval, late_at and stale_at of a cron are worked out once it is overdue, NULL before. since: when the '
'trouble began (failures: the last success; lateness: due_at), NULL when there is none. reason and advice: a '
'sentence each, NULL when healthy. Definer: so that view stream_health needs no grants on what it calls; it reads no '
'table.';
revoke all on function syncwell._stream_status(syncwell.stream_facts, jsonb, timestamptz) from public;
-- view stream_health runs as its reader
grant execute on function syncwell._stream_status(syncwell.stream_facts, jsonb, timestamptz) to syncwell_reader;
