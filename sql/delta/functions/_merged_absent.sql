create or replace function syncwell._merged_absent(
  p_absent jsonb,
  p_more jsonb
)
returns jsonb
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select jsonb_object_agg(m.table_id, m.ids)
    from (
      select e.key as table_id, jsonb_agg(distinct i.id) as ids
      from (
        select a.key, a.value from jsonb_each(p_absent) as a
        union all
        select a.key, a.value from jsonb_each(p_more) as a
      ) as e
      cross join lateral jsonb_array_elements(e.value) as i (id)
      group by e.key
    ) as m
  );
end
$$;
comment on function syncwell._merged_absent(jsonb, jsonb) is
'Two lists of records by table id, {"1": ["a"]}, as one; NULL where there are none.';
revoke all on function syncwell._merged_absent(jsonb, jsonb) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._merged_absent(jsonb, jsonb) to syncwell_client;
