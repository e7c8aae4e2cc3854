create or replace function syncwell._state_stretches(
  p_org_id uuid,
  p_stream_ids uuid[],
  p_from timestamptz,
  p_to timestamptz
)
returns table (
  stream_id uuid,
  starts_at timestamptz,
  ends_at timestamptz,
  status text,
  mode text,
  score numeric
)
language plpgsql stable security invoker rows 1000
set search_path = pg_catalog, pg_temp
as $$
declare
  v_known_until timestamptz;
begin
  -- what lasts is known as long as somebody looks; the next evaluation will call the rest blind
  select
    case
      when e.evaluated_at
        < p_to - 2 * syncwell._setting(p_org_id, 'health.evaluation_interval')::interval
        then e.evaluated_at
      else p_to
    end
  into v_known_until
  from syncwell.health_evaluations as e
  where e.org_id = p_org_id;
  v_known_until := coalesce(v_known_until, '-infinity');

  return query
  select c.stream_id, c.starts_at, c.ends_at, c.status, c.mode, case when c.status <> 'unknown' then c.score end
  from (
    select
      p.stream_id,
      greatest(p.starts_at, p_from) as starts_at,
      least(coalesce(p.ends_at, v_known_until), p_to) as ends_at,
      case p.overlay when 'blind' then 'unknown' else p.status end as status,
      p.overlay as mode,
      p.score
    from unnest(p_stream_ids) as s (stream_id)
    cross join lateral (
      -- they lie end to end: what began before p_from and lasts into it is the last that began before
      select coalesce(max(f.starts_at), p_from) as starts_at
      from syncwell.stream_periods as f
      where f.org_id = p_org_id and f.stream_id = s.stream_id and f.starts_at <= p_from
    ) as b
    join syncwell.stream_periods as p
      on p.org_id = p_org_id and p.stream_id = s.stream_id and p.starts_at >= b.starts_at and p.starts_at < p_to
  ) as c
  where c.ends_at > c.starts_at;
end
$$;
comment on function syncwell._state_stretches(uuid, uuid[], timestamptz, timestamptz) is
'What is recorded of how streams were between two times; mode: paused, excluded, muted or blind (then the status is '
'unknown), NULL without. What lasts is cut where evaluations stopped. What is not covered is unknown.';
revoke all on function syncwell._state_stretches(uuid, uuid[], timestamptz, timestamptz) from public;
