create or replace function syncwell._lane(
  p_org_id uuid,
  p_source text,
  p_priority integer
)
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane bigint;
begin
  select l.lane into v_lane
  from syncwell.queue_lanes as l
  where l.org_id = p_org_id and l.source = p_source and l.priority = p_priority;
  if not found then
    insert into syncwell.queue_lanes (org_id, source, priority)
    values (p_org_id, p_source, p_priority)
    -- somebody else has just made it
    on conflict (org_id, source, priority) do update set source = excluded.source
    returning lane into v_lane;
  end if;
  return v_lane;
end
$$;
comment on function syncwell._lane(uuid, text, integer) is
'The lane of a source and priority of an org; it is made where there is none.';
revoke all on function syncwell._lane(uuid, text, integer) from public;
