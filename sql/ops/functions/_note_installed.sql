create or replace function syncwell._note_installed()
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_objects bigint;
begin
  delete from syncwell.installed_objects;
  insert into syncwell.installed_objects (kind, name, definition_hash)
  select o.kind, o.name, o.definition_hash from syncwell._catalog_objects() as o;
  get diagnostics v_objects = row_count;
  return v_objects;
end
$$;
comment on function syncwell._note_installed() is
'Writes down what the schema consists of, for verify_install() to compare with later; how many objects. Called at the '
'end of a migration.';
revoke all on function syncwell._note_installed() from public;
