create or replace function syncwell._volume_windows(
  p_upper real[],
  p_lower real[],
  p_counts double precision[],
  p_slots integer[]
)
returns table (
  actual double precision[],
  upper double precision[],
  lower double precision[],
  typical_fall double precision,
  recent_fall double precision
)
language sql stable security invoker
as $$
  select
    array[
      coalesce(sum(h.a) filter (where h.n > 23), 0), coalesce(sum(h.a) filter (where h.n > 18), 0), sum(h.a)
    ],
    array[
      coalesce(sum(h.u) filter (where h.n > 23), 0), coalesce(sum(h.u) filter (where h.n > 18), 0), sum(h.u)
    ],
    array[
      coalesce(sum(h.l) filter (where h.n > 23), 0), coalesce(sum(h.l) filter (where h.n > 18), 0), sum(h.l)
    ],
    percentile_cont(0.5) within group (order by syncwell._volume_distance(h.l) - syncwell._volume_distance(h.a)),
    percentile_cont(0.5) within group (order by syncwell._volume_distance(h.l) - syncwell._volume_distance(h.a))
      filter (where h.n > 18)
  from (
    select
      x.n,
      coalesce(x.volume, 0) as a,
      case when x.volume is null then 0 else p_upper[x.slot + 1]::double precision end as u,
      case when x.volume is null then 0 else p_lower[x.slot + 1]::double precision end as l
    from unnest(p_counts, p_slots) with ordinality as x (volume, slot, n)
  ) as h
$$;
comment on function syncwell._volume_windows(real[], real[], double precision[], integer[]) is
'The last 1, 6 and 24 of 24 hours (p_counts: their volumes, oldest first, NULL = left out; p_slots: their hours of the '
'week): what came, and the sums of the expectations from above and from below, as _volume_model() learned them. '
'typical_fall: the median of how far each of the 24 hours is below the lower one, on the scale of '
'_volume_distance(); recent_fall: of the last 6.';
revoke all on function syncwell._volume_windows(real[], real[], double precision[], integer[]) from public;
