create or replace function syncwell.resync_table(p_table regclass)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_table is null then
    raise exception using
      errcode = '22004',
      message = 'an argument may not be NULL',
      detail = 'p_table is NULL.',
      hint = 'Name the table; for one that was dropped, its number as syncwell.check_tracking() shows it.';
  end if;
  perform syncwell._incarnation();
  perform syncwell._reset_table(syncwell._synced_table_id(p_table));
end
$$;
comment on function syncwell.resync_table(regclass) is
'Has every device replace what it has of p_table at its next pull: after changes that no trigger saw (DISABLE '
'TRIGGER, rows attached or detached with a partition, a policy or a column''s meaning that changed). No row of the '
'table is read or locked. Errors: 22004, SW301 not registered.';
revoke all on function syncwell.resync_table(regclass) from public;
grant execute on function syncwell.resync_table(regclass) to syncwell_operator;
