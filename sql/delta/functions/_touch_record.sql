create or replace function syncwell._touch_record(
  p_table_id integer,
  p_record_id text,
  p_user_id uuid,
  p_created boolean
)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table syncwell.synced_tables;
  v_scope uuid;
  v_is_alive boolean;
begin
  perform syncwell._check_text('p_record_id', p_record_id, 1000);
  select t.* into v_table from syncwell.synced_tables as t where t.table_id = p_table_id;
  v_scope := syncwell._touched_scope(v_table.scope_kind, p_user_id);
  perform syncwell._incarnation();
  if current_setting('syncwell.pulled', true) <> '' then
    perform syncwell._refuse_mixed();
  end if;

  insert into syncwell.record_changes as c (scope, table_id, record_id, xid, created_xid)
  values (
    v_scope, v_table.table_id, p_record_id, pg_current_xact_id(), case when p_created then pg_current_xact_id() end
  )
  on conflict (scope, table_id, record_id) do update
  set
    xid = case when c.deleted_at is null then excluded.xid else c.xid end,
    created_xid = case
      when c.deleted_at is null then coalesce(excluded.created_xid, c.created_xid)
      else c.created_xid
    end,
    earlier_lives = case when c.deleted_at is null and p_created then null else c.earlier_lives end
  returning c.deleted_at is null into v_is_alive;
  return v_is_alive;
end
$$;
comment on function syncwell._touch_record(integer, text, uuid, boolean) is
'Stamps a record of the caller, of p_user_id or of the org as changed; returns whether it lives. Errors: 22001, 22004, '
'42501, SW001, SW002, SW305.';
revoke all on function syncwell._touch_record(integer, text, uuid, boolean) from public;
-- touch_record() looks for the record with its caller's rights
grant execute on function syncwell._touch_record(integer, text, uuid, boolean)
to syncwell_client, syncwell_worker, syncwell_operator;
