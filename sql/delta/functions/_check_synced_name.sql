create or replace function syncwell._check_synced_name(
  p_name text,
  p_table_id integer
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_other text;
begin
  if p_name !~ '^[A-Za-z][A-Za-z0-9_]{0,47}$' or p_name in ('constructor', 'prototype', 'local_storage') then
    perform syncwell._refuse_table(
      format('%L is no name for a collection.', p_name),
      'Give another one as p_name: at most 48 letters, digits and _, a letter first; not constructor, prototype, '
      'local_storage.'
    );
  end if;
  select t.table_name into v_other
  from syncwell.synced_tables as t
  where t.table_id is distinct from p_table_id
    and (
      t.table_name = p_name
      or t.table_name ~ ('^' || p_name || '_(pull|push)')
      or p_name ~ ('^' || t.table_name || '_(pull|push)')
    )
  limit 1;
  if found then
    perform syncwell._refuse_table(
      format('The name %s clashes with the synced table %s.', p_name, v_other), 'Give another one as p_name.'
    );
  end if;
end
$$;
comment on function syncwell._check_synced_name(text, integer) is
'Refuses names that a client refuses or that another table than p_table_id has. Errors: SW302.';
revoke all on function syncwell._check_synced_name(text, integer) from public;
