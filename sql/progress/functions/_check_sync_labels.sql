create or replace function syncwell._check_sync_labels(
  p_new syncwell.sync_progress,
  p_old syncwell.sync_progress
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
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
  if p_new.entity_type is distinct from p_old.entity_type then
    perform syncwell._check_entity_type(p_new.org_id, p_new.source_system, p_new.entity_type);
  end if;
end
$$;
comment on function syncwell._check_sync_labels(syncwell.sync_progress, syncwell.sync_progress) is
'Checks what a progress row is about: lengths, and an entity type that is new to it. p_old is NULL for a new row. '
'Errors: 22001, SW205.';
revoke all on function syncwell._check_sync_labels(syncwell.sync_progress, syncwell.sync_progress) from public;
