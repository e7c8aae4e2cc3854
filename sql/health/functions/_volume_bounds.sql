create or replace function syncwell._volume_bounds(
  p_upper double precision,
  p_lower double precision,
  p_quantile double precision,
  p_scale double precision,
  p_limit double precision,
  p_minimum double precision,
  out expected numeric,
  out lower_bound numeric,
  out upper_bound numeric
)
language sql immutable security invoker parallel safe
as $$
  select
    round(((p_upper + p_lower) / 2)::numeric, 1),
    round(syncwell._volume_at_distance(syncwell._volume_distance(p_lower) - p_limit)::numeric, 1),
    round(greatest(
      p_upper + p_minimum,
      syncwell._volume_at_distance(syncwell._volume_distance(p_upper) + greatest(4 * p_scale, p_quantile))
    )::numeric, 1)
$$;
comment on function syncwell._volume_bounds(
  double precision, double precision, double precision, double precision, double precision, double precision
) is
'What is expected of a window whose expectations from above and below add up to p_upper and p_lower: their mean. Below '
'lower_bound (p_limit: of drop_limits) the window is a drop by itself; above upper_bound it is farther up than 99 % of '
'such windows before (p_quantile), than four times the usual spread (p_scale) and by p_minimum items.';
revoke all on function syncwell._volume_bounds(
  double precision, double precision, double precision, double precision, double precision, double precision
) from public;
