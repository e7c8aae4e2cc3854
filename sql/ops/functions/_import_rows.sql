create or replace function syncwell._import_rows(
  p_org_id uuid,
  p_kind text,
  p_rows jsonb[],
  p_now timestamptz,
  out good syncwell.ingest_row[],
  out received_at timestamptz[],
  out rejections jsonb[]
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  select
    array_agg(
      row(
        c.place, null, c.external_id, c.occurred_at, coalesce(c.client_at, t.received_at), c.data_source, c.platform,
        coalesce(c.session, c.row ->> 'session'), c.spo2, c.heart_rate, c.payload, c.local_id
      )::syncwell.ingest_row
      order by c.place
    ) filter (where c.rejected is null),
    array_agg(t.received_at order by c.place) filter (where c.rejected is null),
    array_agg(jsonb_build_object('key', c.row -> 'key', 'reason', c.rejected) order by c.place)
    filter (where c.rejected is not null)
  into good, received_at, rejections
  -- a row each, in the same order
  from unnest(
    p_rows,
    syncwell._ingest_rows(
      p_org_id, p_kind,
      array_to_json(array(
        select
          jsonb_strip_nulls(x - array['payload', 'key', 'user_id', 'org_id', 'source', 'kind', 'received_at'])
          -- a record is told its session, an event its source
          - case when p_kind = 'event' then 'source' else 'session' end
          || case when x -> 'payload' <> 'null' then jsonb_build_object('payload', x -> 'payload') else '{}' end
        from unnest(p_rows) as x
      )),
      p_now
    )
  ) as c (
    row, place, rejected, external_id, occurred_at, client_at, data_source, platform, session, spo2, heart_rate, payload,
    local_id
  )
  cross join lateral (
    -- when it arrived with the host
    select least(coalesce(syncwell._iso_time(c.row ->> 'received_at'), c.occurred_at), p_now) as received_at
  ) as t;
  good := coalesce(good, array[]::syncwell.ingest_row[]);
  rejections := coalesce(rejections, array[]::jsonb[]);
end
$$;
comment on function syncwell._import_rows(uuid, text, jsonb[], timestamptz) is
'Rows of import_existing() as those of a batch: good ones and when they arrived, in one order, and the others with a '
'reason.';
revoke all on function syncwell._import_rows(uuid, text, jsonb[], timestamptz) from public;
