create or replace function syncwell._check_entity_type(
  p_org_id uuid,
  p_source text,
  p_entity_type text
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  c_built_in constant text[] := array[
    'customer', 'product', 'order', 'invoice', 'supplier', 'inventory', 'category', 'attribute'
  ];
begin
  if p_entity_type <> all(c_built_in)
    and p_entity_type <> all(
      string_to_array(
        regexp_replace(syncwell._setting(p_org_id, 'progress.entity_types', p_source), '[[:space:]]', '', 'g'), ','
      )
    )
  then
    raise exception using
      errcode = 'SW205',
      message = 'unknown entity type',
      detail = format('%L is neither built in nor listed in setting progress.entity_types.', left(p_entity_type, 100)),
      hint = format('Built in are: %s.', array_to_string(c_built_in, ', '));
  end if;
end
$$;
comment on function syncwell._check_entity_type(uuid, text, text) is
'Refuses an entity type that the org does not know; NULL passes. p_source: whose setting progress.entity_types may '
'add some, NULL: the org''s. Errors: SW205.';
revoke all on function syncwell._check_entity_type(uuid, text, text) from public;
