create or replace function syncwell._lock_operations(
  p_org_id uuid,
  p_operation_ids uuid[],
  p_lease_token uuid default null
)
returns tid[]
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
begin
  return array(
    select q.tid
    from (select distinct i.id from unnest(p_operation_ids) as i (id) order by i.id) as i
    -- one probe each: by an array of ids an org's whole queue might be read, as it was small when that was planned
    cross join lateral (
      select s.ctid as tid
      from syncwell.sync_queue as s
      where s.org_id = p_org_id and s.id = i.id and (p_lease_token is null or s.lease_token = p_lease_token)
      for update
    ) as q
  );
end
$$;
comment on function syncwell._lock_operations(uuid, uuid[], uuid) is
'Locks operations of an org, in the order of their ids so that two that do never wait for each other in a circle, of '
'those p_lease_token only (NULL: any), and says where they are: for the next statements of the transaction.';
revoke all on function syncwell._lock_operations(uuid, uuid[], uuid) from public;
