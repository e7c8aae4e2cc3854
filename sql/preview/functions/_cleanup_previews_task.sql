create or replace function syncwell._cleanup_previews_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_cleanup constant record := syncwell.auto_cleanup_preview_cache();
begin
  -- what it did is worth more than the report of what it did not, unless that is all there is
  if v_cleanup.error_message is not null and v_cleanup.deleted_count = 0 then
    raise exception using
      errcode = coalesce(substring(v_cleanup.error_message from '^([0-9A-Z]{5}): '), 'XX000'),
      message = 'previews could not be cleaned up',
      detail = v_cleanup.error_message,
      hint = 'Expired previews are shown to nobody, cleaned up or not.';
  end if;
  return v_cleanup.deleted_count;
end
$$;
comment on function syncwell._cleanup_previews_task() is
'Maintenance duty cleanup_previews: auto_cleanup_preview_cache(); fails where that could remove nothing. Returns how '
'many previews were removed.';
revoke all on function syncwell._cleanup_previews_task() from public;
