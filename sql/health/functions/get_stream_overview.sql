create or replace function syncwell.get_stream_overview(
  p_status text default null,
  p_source text default null,
  p_user_id uuid default null,
  p_name text default null,
  p_limit integer default 50,
  p_offset integer default 0
)
returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
  v_now constant timestamptz := syncwell._now();
  v_stream_ids uuid[];
  v_document jsonb;
begin
  perform syncwell._note_access('get_stream_overview', p_user_id);
  perform syncwell._check_limit(p_limit);
  if p_status not in ('unknown', 'healthy', 'late', 'degraded', 'unhealthy') then
    raise exception using
      errcode = '22023',
      message = 'unknown status',
      detail = format('p_status is %L.', left(p_status, 100)),
      hint = 'Pass unknown, healthy, late, degraded or unhealthy, or leave it out for all.';
  end if;
  if p_offset is null or p_offset < 0 then
    raise exception using
      errcode = '22023',
      message = 'offset out of range',
      detail = format('p_offset is %s.', coalesce(p_offset::text, 'NULL')),
      hint = 'Pass how many rows to skip, 0 or more.';
  end if;

  -- NULL is all of them, and not looking ten thousand up is worth the difference
  if p_user_id is not null or not v_caller.sees_org then
    v_stream_ids := array(select s.stream_id from syncwell._visible_streams(null, p_user_id) as s);
  end if;

  -- of all streams only what is counted and sorted by; the rest for those that are shown
  with health as materialized (
    select
      h.stream_id, h.user_id, h.source, h.status, h.score, h.last_success_at, syncwell._status_rank(h.status) as rank
    from syncwell._health_of(v_caller.org_id, v_stream_ids) as h
  ),
  counted as materialized (
    select
      h.source,
      count(*) as streams,
      syncwell._status_of_rank(max(h.rank)) as status,
      max(h.rank) as rank,
      round(avg(h.score), 1) as score,
      max(h.last_success_at) as last_success_at,
      jsonb_build_object(
        'unhealthy', count(*) filter (where h.status = 'unhealthy'),
        'degraded', count(*) filter (where h.status = 'degraded'),
        'late', count(*) filter (where h.status = 'late'),
        'healthy', count(*) filter (where h.status = 'healthy'),
        'unknown', count(*) filter (where h.status = 'unknown')
      ) as counts
    from health as h
    group by grouping sets ((h.source), ())
  ),
  fitting as materialized (
    select h.*
    from health as h
    where (p_status is null or h.status = p_status)
      and (p_source is null or h.source = p_source)
      and (
        p_name is null
        or exists (
          select from syncwell.users as u
          where u.org_id = v_caller.org_id
            and u.user_id = h.user_id
            and strpos(lower(u.display_name), lower(p_name)) > 0
        )
      )
  ),
  page as materialized (
    select f.stream_id, f.rank
    from fitting as f
    order by f.rank desc, f.score nulls last, f.source, f.stream_id
    limit p_limit
    offset p_offset
  ),
  shown as (
    select h.*, p.rank, u.display_name
    from syncwell._health_of(v_caller.org_id, array(select p.stream_id from page as p)) as h
    join page as p on p.stream_id = h.stream_id
    left join syncwell.users as u on u.org_id = h.org_id and u.user_id = h.user_id
  ),
  issues as (
    select
      count(*) filter (where v.is_open and i.severity = 'critical') as critical,
      count(*) filter (where v.is_open and i.severity = 'warning') as warning,
      count(*) filter (where v.is_open and i.severity = 'info') as info,
      count(*) filter (where i.state = 'acknowledged') as acknowledged,
      count(*) filter (where i.state = 'snoozed' and not v.is_open) as snoozed
    from syncwell.sync_issues as i
    cross join lateral (
      select i.state = 'open' or (i.state = 'snoozed' and i.snoozed_until <= v_now) as is_open
    ) as v
    where i.org_id = v_caller.org_id
      and i.state <> 'resolved'
      and (
        v_caller.sees_org
        or i.user_id = v_caller.user_id
        or (i.user_id is null and i.stream_id is not null)
      )
      and (p_user_id is null or i.user_id = p_user_id)
  )
  select jsonb_build_object(
    'computed_at', v_now,
    'evaluated_at', (
      select e.evaluated_at from syncwell.health_evaluations as e where e.org_id = v_caller.org_id
    ),
    'is_evaluated', (
      select not c.is_unevaluated from syncwell._health_context(v_caller.org_id) as c
    ),
    'org', (
      select jsonb_build_object('name', o.name, 'time_zone', o.time_zone)
      from syncwell.orgs as o
      where o.org_id = v_caller.org_id
    ),
    'viewer', jsonb_build_object(
      'user_id', v_caller.user_id,
      'role', v_caller.role,
      'name', (
        select u.display_name from syncwell.users as u
        where u.org_id = v_caller.org_id and u.user_id = v_caller.user_id
      )
    ),
    'user', (
      select jsonb_build_object('user_id', u.user_id, 'name', u.display_name)
      from syncwell.users as u
      where u.org_id = v_caller.org_id and u.user_id = p_user_id
    ),
    'status', coalesce(t.status, 'unknown'),
    'score', t.score,
    'streams', t.streams,
    'last_success_at', t.last_success_at,
    'counts', t.counts,
    'issues', (select to_jsonb(i) from issues as i),
    'sources', coalesce(
      (
        select jsonb_agg(
          to_jsonb(c) - 'rank'
          order by c.rank desc, c.score nulls last, c.source
        )
        from counted as c
        where c.source is not null
      ),
      '[]'
    ),
    'matching', (select count(*) from fitting as f),
    'rows', coalesce(
      (
        select jsonb_agg(
          jsonb_build_object(
            'stream_id', p.stream_id,
            'user_id', p.user_id,
            'name', p.display_name,
            'source', p.source,
            'platform', p.platform,
            'status', p.status,
            'overlays', p.overlays,
            'score', p.score,
            'since', p.since,
            'reason', p.reason,
            'advice', p.advice,
            'last_sync_at', p.last_sync_at,
            'last_success_at', p.last_success_at,
            'consecutive_failures', p.consecutive_failures,
            'queue_depth', p.queue_depth,
            'queue_oldest_at', p.queue_oldest_at,
            'drift_percent', p.drift_percent,
            'drift_severity', p.drift_severity
          )
          order by p.rank desc, p.score nulls last, p.source, p.stream_id
        )
        from shown as p
      ),
      '[]'
    )
  )
  into v_document
  from counted as t
  where t.source is null;
  return v_document;
end
$$;
comment on function syncwell.get_stream_overview(text, text, uuid, text, integer, integer) is
'How all streams are, and one page of them, in one document and as of one moment: what the first page of a dashboard '
'shows. p_status, p_source: the rows are of these only, NULL = all; p_name: of users whose display name contains this '
'text, in any case; p_limit: rows, default 50, 1 to 1000, after p_offset (default 0) others; p_user_id: everything is '
'about this user''s streams, NULL = everything the caller may see. computed_at; evaluated_at (when evaluate_health() '
'last looked, null: never), is_evaluated (whether that is less than two of its intervals ago); org (name, time_zone); '
'viewer: who asks (user_id, name: null for services; role); user: of p_user_id (user_id, name); status (the worst), '
'score (mean, 0 to 100), streams, last_success_at, counts (streams by status); issues: open ones by severity '
'(critical, warning, info), and those acknowledged and snoozed; sources: a row each (source, streams, status, score, '
'last_success_at, counts), the worst first; matching: how many streams fit the filters; rows: the worst first, with '
'the columns of stream_health by the same names, and name, the user''s. What is not known is null. Asking about '
'another user is written to the access log. Errors: SW001, SW002, 25006 (another user, in a read-only transaction), '
'22004, 22023 (p_status, p_limit, p_offset).';
revoke all on function syncwell.get_stream_overview(text, text, uuid, text, integer, integer) from public;
grant execute on function syncwell.get_stream_overview(text, text, uuid, text, integer, integer)
to syncwell_client, syncwell_reader;
