create or replace function syncwell._bury_expired(
  p_org_id uuid,
  p_user_id uuid,
  p_now timestamptz
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
-- few rows by their keys, whatever the arguments are, and however small the table is when they are planned: planned
-- once a session, they must do when it has grown
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
begin
  perform syncwell._bury_operation(o.operation, 'lease_expired')
  from (
    select q as operation
    from syncwell.sync_queue as q
    where q.org_id = p_org_id
      and q.status = 'processing'
      and q.attempts >= q.max_attempts
      and q.run_at <= p_now
      and (p_user_id is null or q.user_id = p_user_id)
    order by q.run_at
    limit 1000
    for update skip locked
  ) as o;
end
$$;
comment on function syncwell._bury_expired(uuid, uuid, timestamptz) is
'Makes operations of an org dead whose last attempt has neither been ended nor its lease extended; of p_user_id only '
'(NULL: anybody).';
revoke all on function syncwell._bury_expired(uuid, uuid, timestamptz) from public;
