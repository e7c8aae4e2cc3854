create or replace function syncwell.find_stuck_syncs(p_silent_for interval default '1 hour')
returns table (
  id uuid,
  sync_id text,
  job_id text,
  entity_type text,
  source_system text,
  initiated_by uuid,
  processed_count bigint,
  failed_count bigint,
  total_items bigint,
  percent numeric,
  started_at timestamptz,
  updated_at timestamptz,
  silent_seconds numeric
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_silent_for is null then
    raise exception using
      errcode = '22004',
      message = 'a duration is needed',
      detail = 'p_silent_for is NULL.',
      hint = 'Leave it out for one hour.';
  end if;
  if p_silent_for < interval '0' then
    raise exception using
      errcode = '22023',
      message = 'the duration is negative',
      detail = format('p_silent_for is %s.', p_silent_for),
      hint = 'Pass how long a sync must have been silent, e.g. 30 minutes.';
  end if;
  return query
  select
    p.id,
    p.sync_id,
    p.job_id,
    p.entity_type::text,
    p.source_system,
    p.initiated_by,
    p.processed_count,
    p.failed_count,
    p.total_items,
    p.percent,
    p.started_at,
    p.updated_at,
    p.silent_seconds
  from syncwell.sync_progress_live as p
  where p.org_id = (select syncwell.current_org_id())
    and p.status = 'in_progress'
    and p.silent_seconds >= extract(epoch from p_silent_for)
  order by p.silent_seconds desc, p.id;
end
$$;
comment on function syncwell.find_stuck_syncs(interval) is
'Syncs of the caller''s org that are in_progress and have counted nothing for p_silent_for (default one hour), '
'longest silence first. '
'Paused time is left out. silent_seconds: since something was last counted; percent: NULL while the total is not '
'known. '
'Errors: 22004, 22023 negative duration.';
revoke all on function syncwell.find_stuck_syncs(interval) from public;
grant execute on function syncwell.find_stuck_syncs(interval) to syncwell_client, syncwell_reader, syncwell_worker;
