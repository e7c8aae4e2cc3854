create or replace function syncwell._most_expected(
  p_one jsonb,
  p_other jsonb
)
returns jsonb
language sql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_object_agg(e.kind, e.number)
  from (
    select x.key as kind, max(x.value::bigint) as number
    from unnest(array[p_one, p_other]) as t (told)
    cross join lateral jsonb_each_text(t.told) as x
    group by x.key
  ) as e;
$$;
comment on function syncwell._most_expected(jsonb, jsonb) is
'Of two {kind: number} the larger number of each kind; NULL where neither tells any.';
revoke all on function syncwell._most_expected(jsonb, jsonb) from public;
