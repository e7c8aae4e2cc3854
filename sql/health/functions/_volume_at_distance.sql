create or replace function syncwell._volume_at_distance(p_distance double precision)
returns double precision
language sql immutable security invoker parallel safe
as $$
  select greatest(power(10 * sinh(least(greatest(p_distance, 0) / 20, 100)), 2) - 0.375, 0)
$$;
comment on function syncwell._volume_at_distance(double precision) is 'The volume that _volume_distance() puts there.';
revoke all on function syncwell._volume_at_distance(double precision) from public;
