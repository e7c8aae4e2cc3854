create or replace function syncwell.register_synced_table(
  p_table regclass,
  p_scope_column text default 'user_id',
  p_id_column text default 'id',
  p_columns text[] default null,
  p_conflict_policy text default 'reject',
  p_scope text default 'user',
  p_org_column text default null,
  p_encodings jsonb default '{}',
  p_read_only text[] default '{}',
  p_rls_revokes boolean default false,
  p_name text default null
)
returns integer
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_registered record;
begin
  if num_nulls(
    p_table, p_scope_column, p_id_column, p_conflict_policy, p_scope, p_encodings, p_read_only, p_rls_revokes
  ) > 0 then
    raise exception using
      errcode = '22004',
      message = 'an argument may not be NULL',
      detail = 'Only p_columns, p_org_column and p_name may be NULL.',
      hint = 'Leave the argument out to get its default.';
  end if;
  if p_scope not in ('user', 'org') then
    raise exception using
      errcode = '22023',
      message = 'unknown kind of scope',
      detail = format('p_scope is %L.', p_scope),
      hint = 'user or org; for rows of a user within an org, user and the column of the org as p_org_column.';
  end if;

  v_registered := syncwell._register_table(
    p_table, p_scope_column, p_id_column, p_columns, p_conflict_policy, p_scope, p_org_column, p_encodings, p_read_only,
    p_rls_revokes, p_name, false
  );
  if v_registered.is_changed then
    -- whoever is writing must have finished: nothing they write may be missed by old and new triggers both
    execute format('lock table %s in share row exclusive mode', p_table);
    v_registered := syncwell._register_table(
      p_table, p_scope_column, p_id_column, p_columns, p_conflict_policy, p_scope, p_org_column, p_encodings,
      p_read_only, p_rls_revokes, p_name, true
    );
    perform syncwell._ensure_triggers(v_registered.table_id);
  end if;
  return v_registered.table_id;
end
$$;
comment on function
syncwell.register_synced_table(regclass, text, text, text[], text, text, text, jsonb, text[], boolean, text) is
'Has devices sync p_table, a table of the application, with the rows that it has; returns its id. The table stays as '
'it is but for triggers, no row of it is read, and writers wait only as long as CREATE TRIGGER takes. Called by the '
'owner of the table, who also needs the role syncwell_operator. p_scope_column: whose a row is, a user id, or an org '
'id for p_scope org; of type uuid, or text in the usual spelling (other texts and NULL: nobody''s); p_org_column: the '
'org of a user''s row, which then counts only if the user is of that org; p_id_column: text, uuid or an integer, '
'alone or with owner and org a unique key; p_columns: what is sent (default: all but id, owner and org); '
'p_conflict_policy: reject (default), last_write_wins, merge_columns, server_wins, or a function, with its schema, '
'that is given (server jsonb, client jsonb, changed text[]) and returns jsonb; p_encodings: by column, as what it is '
'sent if not as its type is: text, number, boolean, epoch_ms, epoch_s, iso, json, base64; p_read_only: columns that a '
'push never writes, as it never writes generated ones; p_rls_revokes: a row that the table''s own policies hide is '
'sent as deleted (default: the pull fails); p_name: name of the collection (default: the table''s). Called again it '
'changes nothing, or what is different: where that changes what devices get, they are sent the table in full. Errors: '
'22004, 22023 unknown p_scope, 42501 not the owner, SW302 it can not be synced like that; the detail says why.';
revoke all on function
syncwell.register_synced_table(regclass, text, text, text[], text, text, text, jsonb, text[], boolean, text)
from public;
grant execute on function
syncwell.register_synced_table(regclass, text, text, text[], text, text, text, jsonb, text[], boolean, text)
to syncwell_operator;
