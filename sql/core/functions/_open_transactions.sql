create or replace function syncwell._open_transactions()
returns text[]
language sql volatile security invoker
begin atomic
  select coalesce(array_agg(l.virtualtransaction), array[]::text[])
  from pg_catalog.pg_locks as l
  where l.locktype = 'virtualxid' and l.granted and l.pid <> pg_catalog.pg_backend_pid();
end;
comment on function syncwell._open_transactions() is
'The transactions that others have open on this server, by names that no later one bears: also those that only read so '
'far, whose snapshot may be of long ago. pg_snapshot_xmin() does not tell of them.';
revoke all on function syncwell._open_transactions() from public;
