create or replace function syncwell._last_versions(p_events syncwell.ingest_event[])
returns syncwell.ingest_event[]
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    select row(
      e.external_id, e.occurred_at, e.platform, e.data_source, e.session_id, e.payload, e.content_hash, e.client_at,
      row_number() over (partition by e.external_id order by e.turn)
    )::syncwell.ingest_event
    from (
      select d.*, row_number() over (partition by d.external_id order by d.turn desc) as age
      from (
        select
          g.*,
          g.content_hash = lag(g.content_hash) over turns
          and g.client_at is not distinct from lag(g.client_at) over turns as is_repeated
        from unnest(p_events) as g
        window turns as (partition by g.external_id order by g.turn)
      ) as d
      where d.is_repeated is not true
    ) as e
    where e.age <= 16
    order by e.external_id collate "C", e.turn
  );
end
$$;
comment on function syncwell._last_versions(syncwell.ingest_event[]) is
'The newest 16 versions of each event of a batch, what is repeated once, with their turns counted anew.';
revoke all on function syncwell._last_versions(syncwell.ingest_event[]) from public;
