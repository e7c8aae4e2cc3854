create or replace function syncwell._sync_health_analysis(p_user_id uuid default null)
returns jsonb
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_limit constant bigint := 1000;
  v_document jsonb;
begin
  v_document := jsonb_build_object(
    'computed_at', v_now,
    'user_id', p_user_id,
    'status', (
      select coalesce(jsonb_agg(to_jsonb(s) - 'ordinality' order by s.ordinality), '[]')
      from syncwell._sync_health_status(p_user_id) with ordinality as s
    ),
    'history', (
      select coalesce(jsonb_agg(to_jsonb(h) - 'ordinality' order by h.ordinality), '[]')
      from syncwell._sync_health_history(p_user_id, 7) with ordinality as h
    ),
    'uptime', (
      select coalesce(jsonb_agg(to_jsonb(u) - 'ordinality' order by u.ordinality), '[]')
      from syncwell._uptime(null, p_user_id, 30) with ordinality as u
    )
  );
  -- of an org with many streams the worst: a document is read whole
  v_document := v_document || (
    with found as materialized (
      select i.* from syncwell._detected_issues(p_user_id) with ordinality as i
    )
    select jsonb_build_object(
      'issues', (
        select coalesce(jsonb_agg(to_jsonb(f) - 'ordinality' order by f.ordinality), '[]')
        from found as f where f.ordinality <= v_limit
      ),
      'issue_counts', (
        select coalesce(jsonb_object_agg(c.issue_type, c.issues), '{}')
        from (select f.issue_type, count(*) as issues from found as f group by f.issue_type) as c
      )
    )
  );
  return v_document || jsonb_build_object(
    'drift', (
      select coalesce(jsonb_agg(d.document order by d.number), '[]')
      from (
        select
          to_jsonb(r) - 'ordinality' as document,
          row_number() over (
            order by array_position(array['critical', 'warning', 'none', 'learning'], r.severity), r.ordinality
          ) as number
        from syncwell._data_drift(p_user_id) with ordinality as r
        order by number
        limit v_limit
      ) as d
    ),
    'queues', (
      select coalesce(jsonb_agg(to_jsonb(q) order by q.oldest_pending_at nulls last, q.source, q.platform), '[]')
      from (
        select
          s.source, h.platform, count(*) as devices, sum(h.queue_depth) as queue_depth,
          min(h.oldest_pending_at) as oldest_pending_at,
          case
            when min(h.oldest_pending_at) is not null
              then greatest(0, round(extract(epoch from v_now - min(h.oldest_pending_at))))
          end as oldest_pending_seconds,
          max(h.reported_at) as reported_at
        from syncwell._visible_streams(null, p_user_id) as s
        join syncwell.sync_health as h on h.org_id = s.org_id and h.stream_id = s.stream_id
        group by s.source, h.platform
      ) as q
    ),
    'queue_metrics', (
      select coalesce(jsonb_agg(to_jsonb(m) - 'ordinality' order by m.ordinality), '[]')
      from syncwell._queue_health_metrics(p_user_id) with ordinality as m
    ),
    'errors', (
      select coalesce(jsonb_agg(to_jsonb(e) order by e.occurrences desc, e.source, e.error_type), '[]')
      from (
        select
          s.source, r.error_type, r.error_class, count(*) as errors, sum(r.occurrences) as occurrences,
          min(r.first_seen) as first_seen, max(r.last_seen) as last_seen, min(r.next_retry_at) as next_retry_at
        from syncwell._visible_streams(null, p_user_id) as s
        join syncwell.sync_errors as r on r.org_id = s.org_id and r.stream_id = s.stream_id and r.resolved_at is null
        group by s.source, r.error_type, r.error_class
      ) as e
    )
  );
end
$$;
comment on function syncwell._sync_health_analysis(uuid) is
'What analyze_sync_health() returns, all of it as of the snapshot of the statement that asks. Errors: SW001, SW002.';
revoke all on function syncwell._sync_health_analysis(uuid) from public;
