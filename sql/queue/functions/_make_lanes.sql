create or replace function syncwell._make_lanes(
  p_org_id uuid,
  p_requests syncwell.queue_request[]
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._lane(p_org_id, w.source, w.priority)
  from (
    select distinct r.source, r.priority
    from unnest(p_requests) as r
    where not exists (
      select from syncwell.queue_lanes as l
      where l.org_id = p_org_id and l.source = r.source and l.priority = r.priority
    )
    order by r.source, r.priority
  ) as w;
end
$$;
comment on function syncwell._make_lanes(uuid, syncwell.queue_request[]) is
'Makes the lanes that operations of an org need and that are not there.';
revoke all on function syncwell._make_lanes(uuid, syncwell.queue_request[]) from public;
