create or replace function syncwell._lock_twins(
  p_org_id uuid,
  p_hashes uuid[]
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(l.key)
  from (
    -- 64 locks an org: a large batch must not fill the server's lock table
    select distinct hashtextextended('syncwell.twins.' || p_org_id, 0) # (uuid_hash_extended(h.hash, 0) & 63) as key
    from unnest(p_hashes) as h (hash)
    order by 1
  ) as l;
end
$$;
comment on function syncwell._lock_twins(uuid, uuid[]) is
'Lets nobody else send or put back operations of these dedup hashes that replace each other (nor some others of the '
'org that share a lock with them), until the end of the transaction. Taken before their rows are locked: whoever '
'sends one waits for the row of its twin, and whoever puts that back for the index entry of the one that is sent.';
revoke all on function syncwell._lock_twins(uuid, uuid[]) from public;
