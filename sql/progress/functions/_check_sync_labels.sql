create or replace function syncwell._check_sync_labels(
  p_new syncwell.sync_progress,
  p_old syncwell.sync_progress
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
  perform syncwell._check_text('source_system', p_new.source_system, 200);
  perform syncwell._check_text('job_id', p_new.job_id, 200);
  if octet_length(p_new.metadata::text) > 65536 then
    raise exception using
      errcode = '22001',
      message = 'metadata is too long',
      detail = format('It has %s bytes; at most 65536 are kept.', octet_length(p_new.metadata::text)),
      hint = 'Keep large documents elsewhere and refer to them.';
  end if;
  if p_new.entity_type is distinct from p_old.entity_type
    and p_new.entity_type <> all(c_built_in)
    and p_new.entity_type <> all(
      string_to_array(
        regexp_replace(
          syncwell._setting(p_new.org_id, 'progress.entity_types', p_new.source_system), '[[:space:]]', '', 'g'
        ),
        ','
      )
    )
  then
    raise exception using
      errcode = 'SW205',
      message = 'unknown entity type',
      detail = format('%L is neither built in nor listed in setting progress.entity_types.', p_new.entity_type),
      hint = format('Built in are: %s.', array_to_string(c_built_in, ', '));
  end if;
end
$$;
comment on function syncwell._check_sync_labels(syncwell.sync_progress, syncwell.sync_progress) is
'Checks what a progress row is about: lengths, and an entity type that is new to it. p_old is NULL for a new row. '
'Errors: 22001, SW205.';
revoke all on function syncwell._check_sync_labels(syncwell.sync_progress, syncwell.sync_progress) from public;
