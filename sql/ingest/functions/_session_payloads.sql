create or replace function syncwell._session_payloads(
  p_org_id uuid,
  p_session_id uuid,
  p_kind text,
  p_include_mock boolean,
  p_limit integer
)
returns jsonb
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
-- called for one session after the other: finding the months again costs less than planning for each
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
  v_times record;
begin
  -- when they happened tells in which months to look
  select c.first_at, c.last_at into v_times
  from syncwell.session_counts as c
  where c.org_id = p_org_id
    and c.session_id = p_session_id
    and c.kind = p_kind
    and (c.records > c.mock_records or (p_include_mock and c.records > 0));
  if not found then
    return '[]'::jsonb;
  end if;
  return (
    select coalesce(jsonb_agg(b.payload order by b.id), '[]')
    from (
      select
        l.id, l.payload, row_number() over newest_first as number,
        sum(coalesce(octet_length(l.payload::text), 4)) over newest_first as bytes
      from (
        select r.id, r.payload
        from syncwell.session_records as r
        where r.org_id = p_org_id
          and r.session_id = p_session_id
          and r.kind = p_kind
          and r.id >= syncwell._uuid7_floor(v_times.first_at)
          and r.id < syncwell._uuid7_floor(v_times.last_at + interval '1 millisecond')
          and (p_include_mock or r.data_source is distinct from 'mock')
        order by r.id desc
        limit p_limit
      ) as l
      window newest_first as (order by l.id desc rows unbounded preceding)
    ) as b
    -- one device must not fill the answer about many sessions
    where b.number = 1 or b.bytes <= 1048576
  );
end
$$;
comment on function syncwell._session_payloads(uuid, uuid, text, boolean, integer) is
'What the last p_limit records of one kind of a session say, as an array by time, of 1 MiB at most unless the last one '
'alone is larger; [] where there are none.';
revoke all on function syncwell._session_payloads(uuid, uuid, text, boolean, integer) from public;
