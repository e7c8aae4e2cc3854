create or replace function syncwell._tell_issues(
  p_org_ids uuid[],
  p_issue_ids uuid[],
  p_news text[]
)
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  c_severities constant text[] := array['info', 'warning', 'critical'];
  v_rows bigint;
begin
  insert into syncwell.alert_outbox (
    org_id, id, issue_id, fingerprint, status, severity, user_id, labels, annotations, starts_at, ends_at, created_at
  )
  with issues as materialized (
    select i.*, k.news, t.at, l.status as last_status, l.severity as last_severity, l.labels as last_labels,
      l.annotations as last_annotations, l.starts_at as last_starts_at
    from unnest(p_org_ids, p_issue_ids, p_news) as k (org_id, issue_id, news)
    join syncwell.sync_issues as i on i.org_id = k.org_id and i.id = k.issue_id
    left join lateral (
      select a.status, a.severity, a.labels, a.annotations, a.starts_at, a.created_at
      from syncwell.alert_outbox as a
      where a.org_id = i.org_id and a.issue_id = i.id
      order by a.id desc
      limit 1
    ) as l on true
    -- later than the last one, whatever the clock says: the order of ids is the order of events
    cross join lateral (select greatest(v_now, l.created_at + interval '1 microsecond') as at) as t
  ),
  thresholds as materialized (
    select
      k.org_id, k.source, k.platform,
      array_position(
        c_severities, syncwell._setting(k.org_id, 'alerts.minimum_severity', k.source, k.platform)
      ) as minimum
    from (select distinct i.org_id, i.source, i.platform from issues as i where i.news <> 'resolved') as k
  )
  select
    i.org_id,
    syncwell._uuid7(i.at),
    i.id,
    i.fingerprint,
    'firing',
    i.severity,
    i.user_id,
    jsonb_strip_nulls(jsonb_build_object(
      'alertname', i.issue_type,
      'severity', i.severity,
      'org', i.org_id::text,
      'source', i.source,
      'stream', i.stream_id::text,
      'platform', i.platform,
      'user', i.user_id::text,
      'channel', case when i.issue_type = 'alert_channel' then i.evidence ->> 'channel' end
    )),
    case i.news
      when 'flapping' then jsonb_build_object(
        'summary', concat(i.issue_type, ': ' || i.source, ' (flapping)'),
        'description', concat_ws(
          ' ', 'It comes and goes so often that nothing more is told of it until that ends.', i.suggestion
        ),
        'flapping', 'true'
      )
      else jsonb_strip_nulls(
        jsonb_build_object('summary', concat(i.issue_type, ': ' || i.source), 'description', i.suggestion)
      )
    end,
    case
      when i.last_status = 'firing' then i.last_starts_at
      when i.times_opened = 1 then i.opened_at
      else i.at
    end,
    null,
    i.at
  from issues as i
  join thresholds as t
    on t.org_id = i.org_id and t.source is not distinct from i.source and t.platform is not distinct from i.platform
  where i.news <> 'resolved'
    and array_position(c_severities, i.severity) >= t.minimum
    -- of flapping it is told once
    and not (i.news = 'flapping' and coalesce(i.last_status = 'firing' and i.last_annotations ? 'flapping', false))
  union all
  -- under the labels by which it was told: receivers know an alert by them
  select
    i.org_id,
    syncwell._uuid7(i.at),
    i.id,
    i.fingerprint,
    'resolved',
    i.last_severity,
    i.user_id,
    i.last_labels,
    jsonb_build_object('summary', concat(i.issue_type, ': ' || i.source, ' is over')),
    i.last_starts_at,
    greatest(i.resolved_at, i.last_starts_at),
    i.at
  from issues as i
  where i.news = 'resolved' and i.last_status = 'firing';
  get diagnostics v_rows = row_count;
  if v_rows > 0 then
    -- wakes whoever delivers, once a transaction; what there is they read
    perform pg_notify('syncwell_alerts', '');
  end if;
  return v_rows;
end
$$;
comment on function syncwell._tell_issues(uuid[], uuid[], text[]) is
'Writes alerts of issues whose news is that they are firing, flapping or resolved. firing and flapping: from setting '
'alerts.minimum_severity on, flapping once; resolved: of what was told of. The arrays belong together by position. '
'Returns how many; wakes listeners of channel syncwell_alerts.';
revoke all on function syncwell._tell_issues(uuid[], uuid[], text[]) from public;
