create or replace function syncwell._lock_twins(
  p_org_id uuid,
  p_hashes uuid[]
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._lock_queue(
    p_org_id, 'twins', array(select uuid_hash_extended(h.hash, 0) from unnest(p_hashes) as h (hash))
  );
end
$$;
comment on function syncwell._lock_twins(uuid, uuid[]) is
'Lets nobody else send or put back operations of these dedup hashes that replace each other (nor some others of the '
'org that share a lock with them), until the end of the transaction. Taken before their rows are locked: whoever '
'sends one waits for the row of its twin, and whoever puts that back for the index entry of the one that is sent.';
revoke all on function syncwell._lock_twins(uuid, uuid[]) from public;
