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
    select distinct hashtextextended('syncwell.twins.' || p_org_id || h.hash, 0) as key
    from unnest(p_hashes) as h (hash)
    order by 1
  ) as l;
end
$$;
comment on function syncwell._lock_twins(uuid, uuid[]) is
'Lets nobody else send or put back operations of these dedup hashes that replace each other, until the end of the '
'transaction. Taken before their rows are locked: whoever sends one waits for the row of its twin, and whoever puts '
'that back for the index entry of the one that is sent.';
revoke all on function syncwell._lock_twins(uuid, uuid[]) from public;
