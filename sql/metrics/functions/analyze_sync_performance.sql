create or replace function syncwell.analyze_sync_performance(
  p_source text default null,
  p_sample integer default 100,
  p_user_id uuid default null
)
returns table (
  dimension text,
  value text,
  sample_size bigint,
  min_duration_ms bigint,
  max_duration_ms bigint,
  average_duration_ms double precision,
  median_duration_ms double precision,
  p95_duration_ms double precision,
  total_items numeric,
  average_items double precision
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id uuid;
  v_stream_ids uuid[];
begin
  perform syncwell._note_access('analyze_sync_performance', p_user_id);
  perform syncwell._check_limit(p_sample);
  select s.org_id, array_agg(s.stream_id) into v_org_id, v_stream_ids
  from syncwell._visible_streams(p_source, p_user_id) as s
  group by s.org_id;
  if v_org_id is null then
    return;
  end if;

  return query
  with few as (
    -- a user's runs lie scattered among the org's: by stream
    select r.event_id, r.sync_type, r.platform, r.network_type, r.duration_ms, r.items_processed
    from syncwell._recent_runs(v_org_id, v_stream_ids, p_sample) as r
    where cardinality(v_stream_ids) <= 100
    order by r.event_id desc
    limit p_sample
  ),
  many as (
    -- most of the org's newest runs are of some of many streams: by id
    select e.id, e.sync_type::text, e.platform::text, e.network_type::text, e.duration_ms, e.items_processed
    from syncwell.sync_events as e
    where cardinality(v_stream_ids) > 100
      and e.org_id = v_org_id
      and e.stream_id = any(v_stream_ids)
      and e.status in ('success', 'partial', 'failed', 'timeout')
    order by e.id desc
    limit p_sample
  ),
  sample as materialized (
    select * from few
    union all
    select * from many
  )
  select
    case
      when grouping(s.sync_type) = 0 then 'type'
      when grouping(s.platform) = 0 then 'platform'
      when grouping(s.network_type) = 0 then 'network'
      else 'overall'
    end,
    coalesce(s.sync_type, s.platform, s.network_type),
    count(*),
    min(s.duration_ms),
    max(s.duration_ms),
    avg(s.duration_ms)::double precision,
    round(percentile_cont(0.5) within group (order by s.duration_ms)::numeric, 1)::double precision,
    round(percentile_cont(0.95) within group (order by s.duration_ms)::numeric, 1)::double precision,
    sum(s.items_processed),
    avg(s.items_processed)::double precision
  from sample as s
  group by grouping sets ((), (s.sync_type), (s.platform), (s.network_type))
  -- 7 = none of them: overall
  order by grouping(s.sync_type, s.platform, s.network_type) <> 7, grouping(s.sync_type, s.platform, s.network_type),
    count(*) desc, 2;
end
$$;
comment on function syncwell.analyze_sync_performance(text, integer, uuid) is
'How long runs take and how much they move: one row over the sample (dimension overall), then rows by type, platform '
'and network (value NULL: not known). p_source NULL = all; p_sample = the newest so many runs that ended with an '
'outcome (default 100, 1 to 1000); p_user_id NULL = everything the caller may see. sample_size: runs in the row; '
'durations in milliseconds, median and p95 interpolated; items: processed, NULL when never told. No rows when no '
'stream matches. Asking about another user is written to the access log. Errors: 22004, 22023 (p_sample), SW001, '
'SW002, 25006 (another user, in a read-only transaction).';
revoke all on function syncwell.analyze_sync_performance(text, integer, uuid) from public;
grant execute on function syncwell.analyze_sync_performance(text, integer, uuid) to syncwell_client, syncwell_reader;
