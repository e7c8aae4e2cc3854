create or replace function syncwell.get_data_freshness(p_user_id uuid default null)
returns table (
  source text,
  status text,
  last_success_at timestamptz,
  age interval,
  expected_interval interval,
  due_at timestamptz,
  stream_id uuid,
  streams bigint,
  behind_streams bigint
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
begin
  perform syncwell._note_access('get_data_freshness', p_user_id);
  return query
  with ranked as (
    select
      h.source, h.freshness, h.last_success_at, h.expected_interval, h.due_at, h.stream_id,
      row_number() over (
        partition by h.source
        order by
          -- unknown has none and comes last
          h.freshness_score nulls last, h.due_at, h.stream_id
      ) as place,
      count(*) over (partition by h.source) as streams,
      count(*) filter (where h.freshness in ('late', 'stale')) over (partition by h.source) as behind
    from syncwell._stream_health(null, p_user_id) as h
  )
  select
    r.source, r.freshness, r.last_success_at, v_now - r.last_success_at, r.expected_interval, r.due_at, r.stream_id,
    r.streams, r.behind
  from ranked as r
  where r.place = 1
  order by array_position(array['stale', 'late', 'fresh', 'unknown'], r.freshness), r.due_at, r.source;
end
$$;
comment on function syncwell.get_data_freshness(uuid) is
'How stale each source is against what is expected of it, the furthest behind first. p_user_id NULL = everything the '
'caller may see. Each row tells of the stream that is furthest behind (stream_id): status fresh, late (past due plus '
'grace), stale (no success for health.stale_intervals expected intervals), unknown (nothing expected, as during a '
'pause, or the first success, also after a pause, is not due yet); last_success_at and age NULL: it never succeeded; '
'expected_interval: as declared, or as learned, or setting health.stale_after, NULL for a cron that is not overdue; '
'due_at: when the next success is or was expected. streams: how many the source has; behind_streams: how many of '
'them are late or stale. Asking about another user is written to the access log. Errors: SW001, SW002, 25006 '
'(another user, in a read-only transaction).';
revoke all on function syncwell.get_data_freshness(uuid) from public;
grant execute on function syncwell.get_data_freshness(uuid) to syncwell_client, syncwell_reader;
