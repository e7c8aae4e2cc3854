create or replace function syncwell._note_tracked(
  p_table_id integer,
  p_resets boolean
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._incarnation();
  update syncwell.synced_tables as t
  set partitions = syncwell._count_partitions(t.relation)
  where t.table_id = p_table_id;
  if p_resets then
    perform syncwell._reset_table(p_table_id);
  end if;
  perform syncwell._order_tables();
  -- a table that has changed under its registration is its owner's to register again
  if not syncwell._is_generated(p_table_id)
    and not exists (select from syncwell._definition_problems(p_table_id))
  then
    perform syncwell._generate_table(p_table_id);
  end if;
end
$$;
comment on function syncwell._note_tracked(integer, boolean) is
'What follows once the triggers of a synced table are there: its partitions are counted, and where changes may have '
'been missed (p_resets) devices are sent it in full.';
revoke all on function syncwell._note_tracked(integer, boolean) from public;
