create or replace function syncwell._sketch_quantiles(
  p_sketch syncwell.sketch,
  p_quantiles double precision[]
)
returns double precision[]
language sql immutable security invoker parallel safe
begin atomic
  with buckets as (
    select
      null::integer as index,
      (p_sketch).zeros as n
    where (p_sketch).zeros > 0
    union all
    select
      u.index,
      u.n
    from unnest((p_sketch).indexes, (p_sketch).counts) as u (index, n)
  ),

  ranks as (
    select
      b.index,
      sum(b.n) over (order by b.index nulls first) as upto,
      sum(b.n) over () as total
    from buckets as b
  )

  select
    array_agg(
      case
        when r.total is null then null
        when r.index is null then 0
        -- the middle of the bucket by relative error, 2·b^(i+1) / (1 + b); a bucket at the edge is cut by what is exact
        else least(greatest(
          exp((r.index + 1) * 0.6931471805599453::double precision / 32)
          * 2 / (1 + exp(0.6931471805599453::double precision / 32)),
          (p_sketch).minimum
        ), (p_sketch).maximum)
      end
      order by q.position
    )
  from unnest(p_quantiles) with ordinality as q (quantile, position)
  left join lateral (
    select
      r.index,
      r.total
    from ranks as r
    where r.upto >= greatest(1, ceil(q.quantile * r.total))
    order by r.index nulls first
    limit 1
  ) as r on true;
end;
comment on function syncwell._sketch_quantiles(syncwell.sketch, double precision[]) is
'Percentiles (0 to 1) of what a sketch holds by nearest rank, within 1.083 % of the value itself; NULL where it holds '
'nothing.';
revoke all on function syncwell._sketch_quantiles(syncwell.sketch, double precision[]) from public;
