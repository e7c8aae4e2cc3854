create or replace function syncwell._added_counts(
  p_counts jsonb,
  p_more jsonb
)
returns jsonb
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select
      jsonb_object_agg(
        k.key,
        case
          when k.key in ('records', 'replaced') then (
            select coalesce(jsonb_object_agg(r.key, r.records), '{}')
            from (
              select e.key, sum(e.value::bigint) as records
              from (
                select o.key, o.value from jsonb_each_text(p_counts -> k.key) as o (key, value)
                union all
                select o.key, o.value from jsonb_each_text(p_more -> k.key) as o (key, value)
              ) as e
              group by e.key
            ) as r
          )
          when k.key = 'absent' then coalesce(syncwell._merged_absent(p_counts -> k.key, p_more -> k.key), '{}')
          else to_jsonb((p_counts ->> k.key)::bigint + (p_more ->> k.key)::bigint)
        end
      )
    from jsonb_object_keys(p_more) as k (key)
  );
end
$$;
comment on function syncwell._added_counts(jsonb, jsonb) is 'What two pages of a pull have sent, together.';
revoke all on function syncwell._added_counts(jsonb, jsonb) from public;
-- sync_pull() runs with its caller's rights
grant execute on function syncwell._added_counts(jsonb, jsonb) to syncwell_client;
