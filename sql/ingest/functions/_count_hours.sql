create or replace function syncwell._count_hours(
  p_org_id uuid,
  p_user_id uuid,
  p_stream_id uuid,
  p_hours timestamptz[],
  p_changes bigint[]
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  -- in one order, so that two batches never wait for each other in a circle
  insert into syncwell.event_hours as h (org_id, stream_id, hour, user_id, events)
  select p_org_id, p_stream_id, c.hour, p_user_id, sum(c.change)
  from unnest(p_hours, p_changes) as c (hour, change)
  group by c.hour
  having sum(c.change) <> 0
  order by c.hour
  on conflict (org_id, stream_id, hour) do update set events = h.events + excluded.events;
  -- an hour without events has no row, however it came to have none
  if -1 >= any (p_changes) then
    delete from syncwell.event_hours as h
    where h.org_id = p_org_id and h.stream_id = p_stream_id and h.hour = any (p_hours) and h.events <= 0;
  end if;
end
$$;
comment on function syncwell._count_hours(uuid, uuid, uuid, timestamptz[], bigint[]) is
'Adds to the number of a stream''s events by hour; what is taken away is negative.';
revoke all on function syncwell._count_hours(uuid, uuid, uuid, timestamptz[], bigint[]) from public;
