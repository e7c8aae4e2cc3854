create or replace function syncwell.touch_record(
  p_table text,
  p_record_id text,
  p_user_id uuid default null,
  p_created boolean default false
)
returns boolean
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table syncwell.synced_tables;
  v_is_seen boolean;
begin
  if num_nulls(p_table, p_record_id, p_created) > 0 then
    raise exception using
      errcode = '22004',
      message = 'an argument may not be NULL',
      detail = 'Only p_user_id may be NULL.',
      hint = 'Name the synced table and the record''s id.';
  end if;
  select t.* into v_table from syncwell.synced_tables as t where t.table_name = p_table;
  if not found then
    raise exception using
      errcode = 'SW301',
      message = 'unknown synced table',
      detail = format('No table is registered as %s.', quote_literal(left(p_table, 63))),
      hint = 'Tables are registered with syncwell.register_synced_table(); this is their name as devices know it.';
  end if;
  -- where hidden does not mean revoked, a stamp on a record that is not there would fail the pulls of its devices
  if not v_table.rls_revokes and length(p_record_id) <= 1000 then
    begin
      execute format(
        'select exists (select from syncwell_tables.%I as v where v._key = $1::%s and v._owner::text = $2)',
        v_table.table_name,
        (
          select format_type(a.atttypid, null)
          from pg_attribute as a
          where a.attrelid = v_table.relation and a.attname = v_table.id_column
        )
      )
      into v_is_seen
      using p_record_id, syncwell._touched_scope(v_table.scope_kind, p_user_id)::text;
    exception
      when invalid_text_representation or numeric_value_out_of_range then
        v_is_seen := false;
    end;
    if not v_is_seen then
      return false;
    end if;
  end if;
  return syncwell._touch_record(v_table.table_id, p_record_id, p_user_id, p_created);
end
$$;
comment on function syncwell.touch_record(text, text, uuid, boolean) is
'Has the devices of a user (for a table of an org: of the org) be sent a record again, after access was given or taken '
'in a way that no trigger sees. p_table: its name as devices know it; p_record_id: at most 1000 characters; p_user_id: '
'whose record, for services, admins and operators (default: the caller); p_created: as a record that no device has yet '
'(default: as a changed one). Returns whether it is stamped; false: it was deleted, and stays so, or, for a table '
'without p_rls_revokes, the caller itself can not read it there. Errors: 22001, 22004, 42501 (a member, for a table of '
'the org; or who may not read the table), SW001, SW002, SW301, SW305.';
revoke all on function syncwell.touch_record(text, text, uuid, boolean) from public;
grant execute on function syncwell.touch_record(text, text, uuid, boolean)
to syncwell_client, syncwell_worker, syncwell_operator;
