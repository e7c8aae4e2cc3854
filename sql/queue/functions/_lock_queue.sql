create or replace function syncwell._lock_queue(
  p_org_id uuid,
  p_kind text,
  p_hashes bigint[]
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_stripes constant integer[] := array(select distinct (h.hash & 63)::integer from unnest(p_hashes) as h (hash));
begin
  if v_stripes = '{}' then
    return;
  end if;
  perform from syncwell.queue_locks as l
  where l.org_id = p_org_id and l.kind = p_kind and l.stripe = any(v_stripes)
  order by l.stripe
  for no key update;
  if not found then
    -- _begin_queue() makes them with the org; of one that came without triggers they are made here
    perform syncwell._make_queue_locks(p_org_id);
    perform from syncwell.queue_locks as l
    where l.org_id = p_org_id and l.kind = p_kind and l.stripe = any(v_stripes)
    order by l.stripe
    for no key update;
  end if;
end
$$;
comment on function syncwell._lock_queue(uuid, text, bigint[]) is
'Lets nobody else who asks for a lock of this kind (twins, order) with one of these hashes, or with one that shares '
'its stripe, go on until the end of the transaction. In the order of the stripes, so that nobody waits in a circle.';
revoke all on function syncwell._lock_queue(uuid, text, bigint[]) from public;
