create or replace function syncwell._note_tracking(
  p_table regclass,
  p_resets boolean
)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table_id constant integer := syncwell._synced_table_id(p_table);
begin
  perform syncwell._check_table_owner(p_table);
  perform syncwell._note_tracked(v_table_id, p_resets);
end
$$;
comment on function syncwell._note_tracking(regclass, boolean) is
'The part of ensure_tracking() that needs the owner''s rights, after the triggers are there. Errors: 42501, SW301.';
revoke all on function syncwell._note_tracking(regclass, boolean) from public;
-- ensure_tracking() runs with its caller's rights
grant execute on function syncwell._note_tracking(regclass, boolean) to syncwell_operator;
