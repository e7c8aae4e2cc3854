create or replace function syncwell._last_record_versions(p_records syncwell.ingest_record[])
returns syncwell.ingest_record[]
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    select row(
      e.record, e.client_at, row_number() over (partition by (e.record).id order by e.turn)
    )::syncwell.ingest_record
    from (
      select d.record, d.client_at, d.turn, row_number() over (partition by (d.record).id order by d.turn desc) as age
      from (
        select
          g.record, g.client_at, g.turn,
          g.record is not distinct from lag(g.record) over turns
          and g.client_at is not distinct from lag(g.client_at) over turns as is_repeated
        from unnest(p_records) as g
        window turns as (partition by (g.record).id order by g.turn)
      ) as d
      where d.is_repeated is not true
    ) as e
    where e.age <= 16
    order by (e.record).id, e.turn
  );
end
$$;
comment on function syncwell._last_record_versions(syncwell.ingest_record[]) is
'The newest 16 versions of each session record of a batch, what is repeated once, with their turns counted anew.';
revoke all on function syncwell._last_record_versions(syncwell.ingest_record[]) from public;
