create or replace function syncwell.report_sync_progress(
  p_sync_id text,
  p_processed_count bigint default null,
  p_total_items bigint default null,
  p_failed_count bigint default null,
  p_current_item bigint default null,
  p_entity_type text default null,
  p_source_system text default null,
  p_job_id text default null,
  p_batch_number integer default null,
  p_metadata jsonb default null,
  p_status text default null,
  out id uuid,
  out status text,
  out speed_items_per_min numeric,
  out eta_seconds numeric,
  out elapsed_seconds numeric
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller record;
begin
  v_caller := syncwell._caller();
  if p_sync_id is null then
    raise exception using
      errcode = '22004',
      message = 'a sync_id is needed',
      detail = 'p_sync_id is NULL.',
      hint = 'Name the sync by something unique in the org, e.g. the id of its run.';
  end if;
  perform syncwell._check_text('entity_type', p_entity_type, 63);
  if p_entity_type = '' then
    raise exception using
      errcode = 'SW205',
      message = 'unknown entity type',
      detail = 'The entity type is empty.',
      hint = 'Leave it out where there is none.';
  end if;
  if p_status not in (
    'pending', 'in_progress', 'paused', 'completed', 'completed_with_errors', 'failed', 'cancelled', 'timeout'
  ) then
    raise exception using
      errcode = '22023',
      message = 'unknown status',
      detail = format('%L is no status of a sync.', left(p_status, 100)),
      hint = 'Use pending, in_progress, paused, completed, completed_with_errors, failed, cancelled or timeout.';
  end if;

  if num_nonnulls(p_entity_type, p_source_system, p_job_id, p_metadata) > 0 then
    -- a statement of its own: naming these columns makes every report look at them
    update syncwell.sync_progress as p
    set
      entity_type = coalesce(p_entity_type, p.entity_type),
      source_system = coalesce(p_source_system, p.source_system),
      job_id = coalesce(p_job_id, p.job_id),
      metadata = coalesce(p_metadata, p.metadata)
    where p.org_id = v_caller.org_id
      and p.sync_id = p_sync_id
      and (
        p.entity_type is distinct from coalesce(p_entity_type, p.entity_type)
        or p.source_system is distinct from coalesce(p_source_system, p.source_system)
        or p.job_id is distinct from coalesce(p_job_id, p.job_id)
        or p.metadata is distinct from coalesce(p_metadata, p.metadata)
      );
  end if;

  update syncwell.sync_progress as p
  set
    processed_count = coalesce(p_processed_count, p.processed_count),
    total_items = coalesce(p_total_items, p.total_items),
    failed_count = coalesce(p_failed_count, p.failed_count),
    current_item = coalesce(p_current_item, p.current_item),
    batch_number = coalesce(p_batch_number, p.batch_number),
    -- the report that ended the sync, sent again: it said in_progress, its counts say completed
    status = case
      when p_status = 'in_progress' and p_processed_count is not null
        and p.status in ('completed', 'completed_with_errors') then p.status
      else coalesce(p_status, p.status)
    end
  where p.org_id = v_caller.org_id and p.sync_id = p_sync_id
  returning p.id, p.status, p.speed_items_per_min, p.eta_seconds, p.elapsed_seconds
  into id, status, speed_items_per_min, eta_seconds, elapsed_seconds;
  if found then
    return;
  end if;

  -- the first report; where two come at once the later one counts as an update
  insert into syncwell.sync_progress as p (
    org_id, sync_id, processed_count, total_items, failed_count, current_item, entity_type, source_system, job_id,
    batch_number, metadata, initiated_by, status
  )
  values (
    v_caller.org_id, p_sync_id, p_processed_count, p_total_items, p_failed_count, p_current_item, p_entity_type,
    p_source_system, p_job_id, p_batch_number, p_metadata, v_caller.user_id, p_status
  )
  on conflict (org_id, sync_id) do update
  set
    processed_count = coalesce(p_processed_count, p.processed_count),
    total_items = coalesce(p_total_items, p.total_items),
    failed_count = coalesce(p_failed_count, p.failed_count),
    current_item = coalesce(p_current_item, p.current_item),
    entity_type = coalesce(p_entity_type, p.entity_type),
    source_system = coalesce(p_source_system, p.source_system),
    job_id = coalesce(p_job_id, p.job_id),
    batch_number = coalesce(p_batch_number, p.batch_number),
    metadata = coalesce(p_metadata, p.metadata),
    status = case
      when p_status = 'in_progress' and p_processed_count is not null
        and p.status in ('completed', 'completed_with_errors') then p.status
      else coalesce(p_status, p.status)
    end
  returning p.id, p.status, p.speed_items_per_min, p.eta_seconds, p.elapsed_seconds
  into id, status, speed_items_per_min, eta_seconds, elapsed_seconds;
end
$$;
comment on function syncwell.report_sync_progress(
  text, bigint, bigint, bigint, bigint, text, text, text, integer, jsonb, text
) is
'Reports where a sync of the caller''s org stands; the first report makes the row. p_sync_id: its name in the org, '
'up to 200 characters. '
'p_processed_count, p_failed_count: items so far, not since the last report; p_total_items: items there are; '
'p_current_item, p_batch_number: '
'what is worked on; p_entity_type, p_source_system, p_job_id, p_metadata (64 KiB): what it is; p_status: set it, '
'pending starts over. '
'NULL (the default of all but p_sync_id) leaves as it is. Returns id, status, items a minute, seconds left (NULL: '
'not known), seconds elapsed, '
'by the plain formulas of the table. The same report again changes nothing. '
'Errors: 22001, 22004, 22023, SW001, SW202 beyond the total, SW203 went back, SW204 ended, SW205 entity type.';
revoke all on function syncwell.report_sync_progress(
  text, bigint, bigint, bigint, bigint, text, text, text, integer, jsonb, text
) from public;
grant execute on function syncwell.report_sync_progress(
  text, bigint, bigint, bigint, bigint, text, text, text, integer, jsonb, text
) to syncwell_worker;
