create or replace function syncwell._end_periods(
  p_org_id uuid,
  p_now timestamptz,
  p_blind_from timestamptz
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  update syncwell.stream_periods as p
  set ends_at = case when s.retired_at > p.starts_at then least(s.retired_at, p_now) else p_now end
  from syncwell.streams as s
  where p.org_id = p_org_id
    and p.ends_at is null
    and p.starts_at < p_now
    and s.org_id = p_org_id
    and s.stream_id = p.stream_id
    and s.retired_at is not null;
  if p_blind_from is null then
    return;
  end if;

  insert into syncwell.blind_periods (org_id, starts_at, ends_at) values (p_org_id, p_blind_from, p_now);
  -- what began at the last evaluation was never seen to last
  update syncwell.stream_periods as p
  set ends_at = p_now, status = 'unknown', overlay = 'blind', is_flapping = false, score = null
  where p.org_id = p_org_id and p.ends_at is null and p.starts_at = p_blind_from;
  with ended as (
    update syncwell.stream_periods as p
    set ends_at = p_blind_from
    where p.org_id = p_org_id and p.ends_at is null and p.starts_at < p_blind_from
    returning p.stream_id, p.user_id, p.source
  )
  insert into syncwell.stream_periods (org_id, stream_id, starts_at, ends_at, user_id, source, status, overlay)
  select p_org_id, e.stream_id, p_blind_from, p_now, e.user_id, e.source, 'unknown', 'blind'
  from ended as e;
end
$$;
comment on function syncwell._end_periods(uuid, timestamptz, timestamptz) is
'The part of evaluate_health() for stretches that end whatever their streams are like: those of retired streams, at '
'their retirement; and, after a time when nothing evaluated, all of them at p_blind_from (NULL: no such time), with a '
'blind stretch from there to p_now.';
revoke all on function syncwell._end_periods(uuid, timestamptz, timestamptz) from public;
