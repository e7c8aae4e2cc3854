create or replace function syncwell._stream_status(
  p_facts syncwell.stream_facts,
  p_limits syncwell.health_limits,
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
-- every expression costs some microseconds once in a transaction: the way of what is well has few
declare
  v_failures constant integer := coalesce(p_facts.consecutive_failures, 0);
  v_failure_threshold integer;
  v_stale_intervals constant integer := p_limits."health.stale_intervals";
  -- oldest first: 1 = it went well
  v_outcomes constant text := coalesce(p_facts.recent_outcomes::text, '');
  v_recovery_threshold integer;
  v_anchor timestamptz;
  v_interval interval;
  v_grace interval;
  v_forgiven_until timestamptz;
  v_next timestamptz;
  v_missing integer;
  v_age double precision;
  v_good_age double precision;
  v_bad_age double precision;
  v_decay double precision;
  v_rest text;
  v_step integer;
  v_at integer;
  v_bad double precision;
  v_limit numeric;
begin
  v_anchor := case
    when p_facts.is_paused then null
    else coalesce(
      p_facts.last_success_at,
      p_facts.registered_at,
      case when p_facts.last_run_at is not null then p_facts.created_at end
    )
  end;
  if p_facts.expect_from > v_anchor then
    v_anchor := p_facts.expect_from;
  end if;

  -- When a success is expected, when that is late, when it is stale. In elapsed or active time: a day is 24 hours
  -- whatever the session's time zone does; only cron and active hours follow a calendar.
  if v_anchor is null then
    null;
  elsif p_facts.expected_interval is not null then
    -- bounded, so that no interval somebody declared leads out of the range of times
    v_interval := make_interval(
      secs => least(greatest(extract(epoch from p_facts.expected_interval), 1), 10 * 365 * 86400)::double precision
    );
  elsif p_facts.cron is not null then
    -- a schedule is slow to work out: the next date is kept, and what follows it is needed only once it has passed
    due_at := case
      when p_facts.next_sync_at is not null
        and p_facts.last_run_at is not distinct from p_facts.last_success_at
        and (v_anchor = p_facts.expect_from) is not true
        then p_facts.next_sync_at
      else syncwell._cron_next(p_facts.cron, p_facts.time_zone, v_anchor)
    end;
    if p_now > due_at + make_interval(
      secs => extract(epoch from p_limits."health.grace_minimum")::double precision
    ) then
      stale_at := due_at;
      for v_date in 2..v_stale_intervals loop
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
  elsif p_facts.learned_interval is not null then
    v_interval := p_facts.learned_interval;
    if p_facts.active_hours is not null then
      -- it was learned by day and night: what is not active is in it
      due_at := v_anchor + v_interval;
      stale_at := v_anchor + v_stale_intervals * v_interval;
    end if;
  elsif p_facts.last_run_at is not null then
    v_grace := '0';
    v_interval := make_interval(
      secs => extract(epoch from p_limits."health.stale_after")::double precision
    );
  end if;
  if v_interval is not null then
    expected_interval := coalesce(p_facts.expected_interval, v_interval);
    v_grace := coalesce(v_grace, greatest(
      make_interval(secs => extract(epoch from p_limits."health.grace_minimum")::double precision),
      p_limits."health.grace_ratio" * v_interval
    ));
    if p_facts.active_hours is null then
      if due_at is null then
        due_at := v_anchor + v_interval;
        stale_at := v_anchor + v_stale_intervals * v_interval;
      end if;
      late_at := due_at + v_grace;
      -- grace may be longer than short intervals are: then a stream is still late before it is stale
      stale_at := greatest(stale_at, late_at + v_interval);
    else
      if due_at is null then
        due_at := syncwell._active_after(v_anchor, v_interval, p_facts.active_hours, p_facts.time_zone);
        stale_at := syncwell._active_after(
          v_anchor, v_stale_intervals * v_interval, p_facts.active_hours, p_facts.time_zone
        );
      end if;
      late_at := syncwell._active_after(due_at, v_grace, p_facts.active_hours, p_facts.time_zone);
      stale_at := greatest(
        stale_at, syncwell._active_after(late_at, v_interval, p_facts.active_hours, p_facts.time_zone)
      );
    end if;
  end if;

  if due_at is null then
    freshness := 'unknown';
  elsif v_interval is null or p_now <= late_at then
    -- nothing since it was registered, or since its pause ended, and nothing due yet
    if p_facts.last_success_at >= v_anchor then
      freshness := 'fresh';
      freshness_score := 100.0;
    else
      freshness := 'unknown';
    end if;
  else
    -- after a time when nothing evaluated everybody has the grace again
    if p_facts.judge_from is not null then
      v_forgiven_until := syncwell._active_after(
        p_facts.judge_from, greatest(v_grace, p_limits."health.grace_minimum"),
        p_facts.active_hours, p_facts.time_zone
      );
      late_at := greatest(late_at, v_forgiven_until);
      stale_at := greatest(stale_at, v_forgiven_until);
    end if;
    if p_now <= late_at then
      freshness := 'unknown';
    elsif p_now < stale_at then
      freshness := 'late';
      freshness_score := round(
        100 * extract(epoch from stale_at - p_now) / extract(epoch from stale_at - late_at), 1
      );
    else
      freshness := 'stale';
      freshness_score := 0.0;
    end if;
  end if;

  if v_outcomes = '' then
    reliability_score := null;
  elsif position('0' in v_outcomes) = 0 and v_failures = 0 then
    reliability_score := 100.0;
  else
    -- from failure to failure, the newest first: nearly always there are few
    v_decay := p_limits."health.recency_decay";
    v_rest := reverse(v_outcomes);
    v_at := 0;
    v_bad := 0;
    loop
      v_step := position('0' in v_rest);
      exit when v_step = 0;
      v_at := v_at + v_step;
      v_bad := v_bad + v_decay ^ (v_at - 1);
      v_rest := substr(v_rest, v_step + 1);
    end loop;
    reliability_score := greatest(
      0.0,
      round(
        (
          100 - 100 * v_bad / case
            when v_decay < 1 then (1 - v_decay ^ length(v_outcomes)) / (1 - v_decay)
            else length(v_outcomes)
          end
        )::numeric
        - v_failures * p_limits."health.failure_penalty",
        1
      )
    );
  end if;

  -- with the logarithm of the age: ten minutes instead of five matter as much as ten hours instead of five
  if p_facts.queue_reported_at is not null then
    if p_facts.queue_oldest_at is null then
      queue_score := 100.0;
    else
      v_age := extract(epoch from p_now - p_facts.queue_oldest_at);
      v_good_age := extract(epoch from p_limits."health.queue_good");
      v_bad_age := extract(epoch from p_limits."health.queue_bad");
      queue_score := case
        when v_age <= v_good_age then 100.0
        when v_age >= v_bad_age then 0.0
        else round((100 * ln(v_bad_age / v_age) / ln(v_bad_age / v_good_age))::numeric, 1)
      end;
    end if;
  end if;

  if p_facts.drift_severity = 'none' then
    drift_score := 100.0;
  elsif p_facts.drift_severity in ('warning', 'critical') and p_facts.drift_percent is not null then
    drift_score := greatest(0.0, round(100 - abs(p_facts.drift_percent), 1));
  end if;

  -- how long a failed run took says nothing about speed
  if p_facts.usual_runs >= p_limits."health.slow_runs"
    and p_facts.last_status in ('success', 'partial')
  then
    if p_facts.last_duration_ms <= p_facts.usual_duration_ms then
      speed_score := 100.0;
    else
      v_limit := p_limits."health.speed_limit";
      speed_score := greatest(0.0, round(
        100 * (v_limit - p_facts.last_duration_ms::numeric / greatest(p_facts.usual_duration_ms, 1)) / (v_limit - 1), 1
      ));
    end if;
  end if;

  -- nearly always: all that is known is well, and there is nothing to weigh
  if freshness = 'fresh'
    and reliability_score = 100
    and v_rest is null
    and p_facts.last_status <> 'partial'
    and coalesce(queue_score, 100) = 100
    and coalesce(drift_score, 100) = 100
    and coalesce(speed_score, 100) = 100
  then
    score := 100.0;
    status := 'healthy';
    return;
  end if;

  -- a part that is unknown gives its weight to the others
  score := round(
    (
      coalesce(p_limits."health.weight_freshness" * freshness_score, 0)
      + coalesce(p_limits."health.weight_reliability" * reliability_score, 0)
      + coalesce(p_limits."health.weight_queue" * queue_score, 0)
      + coalesce(p_limits."health.weight_drift" * drift_score, 0)
      + coalesce(p_limits."health.weight_speed" * speed_score, 0)
    ) / nullif(
      case when freshness_score is not null then p_limits."health.weight_freshness" else 0 end
      + case when reliability_score is not null then p_limits."health.weight_reliability" else 0 end
      + case when queue_score is not null then p_limits."health.weight_queue" else 0 end
      + case when drift_score is not null then p_limits."health.weight_drift" else 0 end
      + case when speed_score is not null then p_limits."health.weight_speed" else 0 end,
      0
    ),
    1
  );

  if v_failures > 0 then
    v_failure_threshold := p_limits."runs.failure_threshold";
  end if;
  if position('0' in v_outcomes) > 0 then
    v_recovery_threshold := p_limits."health.recovery_threshold";
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
      when p_facts.last_run_at is not null then format('never succeeded, and %s expected intervals have passed', v_stale_intervals)
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
      when p_facts.last_run_at is not null then 'never succeeded, and the first success is overdue'
      else 'never ran, and the first run is overdue'
    end;
    advice := 'Run it, or see why nothing did (scheduler, device, credentials).';
  elsif v_outcomes <> '' then
    status := 'healthy';
  else
    status := 'unknown';
    reason := case
      when p_facts.is_paused then 'no run has ended with an outcome yet, and none is expected during a pause'
      when p_facts.last_run_at is not null then 'no run has ended with an outcome yet'
      when due_at is not null then 'never ran; the first run is not due yet'
      else 'never ran, and nothing says how often it should'
    end;
    advice := case
      when p_facts.is_paused then 'Wait for the end of the pause.'
      when p_facts.last_run_at is not null or due_at is not null then 'Wait for its first run to end.'
      else 'Run it, or declare an expected interval or cron with register_stream.'
    end;
  end if;
  if freshness in ('late', 'stale') and due_at is distinct from since then
    reason := reason || '; the next success is overdue';
  end if;
end
$$;
comment on function syncwell._stream_status(syncwell.stream_facts, syncwell.health_limits, timestamptz) is
'THE computation of status and score, from maintained facts and effective settings, as of p_now. status: unhealthy = '
'runs.failure_threshold failures in a row, or no success for health.stale_intervals expected intervals; degraded = '
'fewer failures in a row, or fewer than health.recovery_threshold successes since one, or a partial last run; late = '
'past due plus grace; unknown = no run with an outcome yet; else healthy. The worst that holds is given. Expected '
'interval: the stream''s, else its cron''s, else the learned one, else (once it ran) health.stale_after without grace; '
'counted from the last success, or from registration (first run) when there never was one, or from the end of a later '
'pause (expect_from). Grace: the larger of health.grace_minimum and health.grace_ratio of the interval (a cron''s: its '
'shortest gap). With active hours only active time counts, but for a learned interval, which has the rest in it, and '
'the dates of a cron: there grace alone does. Paused: nothing is expected. judge_from: nothing is late before it plus '
'grace. score (0 to 100, NULL = unknown): mean of the known parts by their weights. freshness_score: 100 up to due '
'plus grace, falling to 0 at stale_at; NULL while nothing can be said (paused, forgiven, no success since it is '
'expected). '
'reliability_score: success rate of the newest 20 outcomes, each run weighing health.recency_decay of the one after '
'it, minus health.failure_penalty for each failure in a row. queue_score: 100 while the oldest waiting operation is '
'no older than health.queue_good, 0 from health.queue_bad on, falling with the logarithm; NULL when no device ever '
'told. drift_score: 100 unless significant, then 100 - |drift %|; NULL while learning. speed_score: of the last run, '
'if it succeeded: 100 up to the usual duration, falling evenly to 0 at health.speed_limit times it; NULL with fewer '
'than health.slow_runs runs to tell what is usual. freshness: fresh, late, stale, unknown. '
'expected_interval, late_at and stale_at of a cron are worked out once it is overdue, NULL before. since: when the '
'trouble began (failures: the last success; lateness: due_at), NULL when there is none. reason and advice: a '
'sentence each, NULL when healthy. Definer: so that view stream_health needs no grants on what it calls; it reads no '
'table.';
revoke all on function syncwell._stream_status(syncwell.stream_facts, syncwell.health_limits, timestamptz) from public;
-- view stream_health runs as its reader
grant execute on function syncwell._stream_status(syncwell.stream_facts, syncwell.health_limits, timestamptz)
to syncwell_reader;
