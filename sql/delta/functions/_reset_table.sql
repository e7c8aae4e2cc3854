create or replace function syncwell._reset_table(p_table_id integer)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
-- where a table was emptied and filled again since it was analysed, a nested loop of all with all looks cheap
set enable_nestloop = off
as $$
begin
  update syncwell.synced_tables as t
  set reset_xid = pg_current_xact_id()
  where t.table_id = p_table_id and t.reset_xid is distinct from pg_current_xact_id();
  -- what another transaction is writing is news anyway, and nobody waits for it
  delete from syncwell.record_changes as c
  using (
    select d.scope, d.record_id
    from syncwell.record_changes as d
    where d.table_id = p_table_id
    for update skip locked
  ) as d
  where c.scope = d.scope and c.table_id = p_table_id and c.record_id = d.record_id;
end
$$;
comment on function syncwell._reset_table(integer) is
'Forgets what is known of a table''s changes: every device is sent it in full at its next pull. No row of it is read.';
revoke all on function syncwell._reset_table(integer) from public;
