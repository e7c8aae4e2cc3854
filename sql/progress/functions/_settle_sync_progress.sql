create or replace function syncwell._settle_sync_progress(
  p_new syncwell.sync_progress,
  p_old syncwell.sync_progress,
  p_now timestamptz
)
returns syncwell.sync_progress
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_is_new constant boolean := p_old.id is null;
  v_moved boolean;
begin
  if v_is_new then
    -- policies are asked only after this trigger: until then nothing of another org may be looked at
    if p_new.org_id is distinct from syncwell.current_org_id() then
      if not pg_has_role(session_user, 'syncwell_owner', 'member') then
        raise exception using
          errcode = '42501',
          message = 'progress is written for one''s own org only',
          detail = 'org_id is not the caller''s org.',
          hint = 'Leave org_id out: it is the caller''s.';
      end if;
      if not exists (select from syncwell.orgs as o where o.org_id = p_new.org_id) then
        raise exception using
          errcode = 'SW003',
          message = 'unknown org',
          detail = 'There is no org of this id.',
          hint = 'select org_id, name from syncwell.orgs lists them.';
      end if;
    end if;
    p_new.started_at := coalesce(p_new.started_at, p_now);
    p_new.processed_count := coalesce(p_new.processed_count, 0);
    p_new.failed_count := coalesce(p_new.failed_count, 0);
    p_new.status := coalesce(
      p_new.status, case when p_new.total_items is null then 'pending' else 'in_progress' end
    );
    p_new.completed_at := null;
    p_new.paused_at := null;
    p_new.paused_seconds := 0;
    p_new.last_progress_at := p_now;
    p_new.ew_n := 0;
    p_new.ew_t := 0;
    p_new.ew_gap := null;
    p_new.ew_base := p_new.processed_count::double precision + p_new.failed_count;
  else
    p_new.status := coalesce(p_new.status, p_old.status);
    p_new.processed_count := coalesce(p_new.processed_count, p_old.processed_count);
    p_new.failed_count := coalesce(p_new.failed_count, p_old.failed_count);
  end if;
  if p_new.status = 'completed' and p_new.failed_count > 0 then
    p_new.status := 'completed_with_errors';
  end if;
  v_moved := v_is_new or p_new.status <> p_old.status;

  -- what has ended stays as it is, until it is reset
  if p_old.completed_at is not null and p_new.status <> 'pending' then
    if v_moved or p_new.processed_count <> p_old.processed_count or p_new.failed_count <> p_old.failed_count
      or p_new.total_items is distinct from p_old.total_items
      or p_new.current_item is distinct from p_old.current_item
    then
      raise exception using
        errcode = 'SW204',
        message = 'the sync has ended',
        detail = format('It ended as %s at %s; its counts and status stay.', p_old.status, p_old.completed_at),
        hint = 'Set status pending to start it over, or use a new sync_id.';
    end if;
  end if;

  if p_new.processed_count < 0 or p_new.failed_count < 0 or p_new.total_items < 0 or p_new.current_item < 0
    or p_new.batch_number < 0
  then
    raise exception using
      errcode = '22023',
      message = 'progress can''t be negative',
      detail = format(
        'processed_count %s, failed_count %s, total_items %s, current_item %s, batch_number %s.',
        p_new.processed_count, p_new.failed_count, coalesce(p_new.total_items::text, 'not known'),
        coalesce(p_new.current_item::text, 'not told'), coalesce(p_new.batch_number::text, 'not told')
      ),
      hint = 'Counts start at 0; a total that is not known yet is NULL.';
  end if;
  if p_new.processed_count > p_new.total_items - p_new.failed_count or p_new.current_item > p_new.total_items then
    raise exception using
      errcode = 'SW202',
      message = 'more progress than there are items',
      detail = format(
        'processed_count %s, failed_count %s, current_item %s of total_items %s.',
        p_new.processed_count, p_new.failed_count, coalesce(p_new.current_item::text, 'not told'), p_new.total_items
      ),
      hint = 'Raise total_items in the same report, or set it NULL while it is not known.';
  end if;
  if p_new.status <> 'pending'
    and (p_new.processed_count < p_old.processed_count or p_new.failed_count < p_old.failed_count)
  then
    raise exception using
      errcode = 'SW203',
      message = 'progress went back',
      detail = format(
        'processed_count %s after %s, failed_count %s after %s.',
        p_new.processed_count, p_old.processed_count, p_new.failed_count, p_old.failed_count
      ),
      hint = 'An old report came late: drop it. To start over, set status pending in the same update.';
  end if;

  if v_is_new then
    perform syncwell._check_text('sync_id', p_new.sync_id, 200);
    if p_new.sync_id is null then
      raise exception using
        errcode = '22004',
        message = 'a sync_id is needed',
        detail = 'The sync_id is NULL.',
        hint = 'Name the sync by something unique in the org, e.g. the id of its run.';
    end if;
    if p_new.sync_id = '' then
      raise exception using
        errcode = '22023',
        message = 'a sync_id is needed',
        detail = 'The sync_id is empty.',
        hint = 'Name the sync by something unique in the org, e.g. the id of its run.';
    end if;
    -- clients cannot read years before Christ, and one such row would hide all others from them
    if p_new.started_at < '2000-01-01 00:00:00+00' then
      raise exception using
        errcode = '22023',
        message = 'started_at is not a point in time',
        detail = format('It is %s; times from 2000 are taken.', p_new.started_at),
        hint = 'Leave started_at out: it is now.';
    end if;
    -- one clock: a start that a client's clock puts into the future is now
    p_new.started_at := least(p_new.started_at, p_now);
    if p_new.initiated_by is not null and not exists (
      select from syncwell.users as u
      where u.org_id = p_new.org_id
        and u.user_id = p_new.initiated_by
        -- a member or analyst names nobody but itself
        and u.user_id = coalesce(syncwell._claim_user(), u.user_id)
    ) then
      raise exception using
        errcode = 'SW002',
        message = 'no such user',
        detail = 'initiated_by is no user for whom this caller may record.',
        hint = 'Leave initiated_by out: it is the calling user.';
    end if;
    -- a row that came after the end of its run would stay open for ever
    if p_new.sync_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
      perform from syncwell.sync_events as e
      where e.org_id = p_new.org_id and e.id = p_new.sync_id::uuid and e.status <> 'started';
      if found then
        raise exception using
          errcode = 'SW204',
          message = 'the sync has ended',
          detail = 'Its run has ended before the first report.',
          hint = 'Report before the run is completed, or use a sync_id of its own.';
      end if;
    end if;
    perform syncwell._check_sync_labels(p_new, p_old);
  end if;

  if p_new.completed_at is not null and not v_moved then
    return p_new;
  end if;

  if v_moved and p_old.paused_at is not null then
    -- the pause is over: meanwhile the clocks of the sync stood still
    p_new.paused_at := null;
    p_new.paused_seconds := p_old.paused_seconds + greatest(0, extract(epoch from p_now - p_old.paused_at));
    p_new.last_progress_at := p_old.last_progress_at + greatest(p_now - p_old.paused_at, interval '0');
  end if;
  if v_moved and p_new.status = 'pending' and not v_is_new then
    -- a reset: it starts over, though started_at stays
    p_new.completed_at := null;
    p_new.paused_seconds := greatest(0, extract(epoch from p_now - p_new.started_at));
    p_new.last_progress_at := p_now;
    p_new.ew_n := 0;
    p_new.ew_t := 0;
    p_new.ew_gap := null;
    p_new.ew_base := p_new.processed_count::double precision + p_new.failed_count;
  elsif p_new.status = 'pending'
    and (
      p_new.processed_count > coalesce(p_old.processed_count, 0) or p_new.failed_count > coalesce(p_old.failed_count, 0)
    )
  then
    p_new.status := 'in_progress';
  elsif p_new.status = 'pending' then
    -- before it has begun its counts may be set right in both directions
    p_new.ew_base := p_new.processed_count::double precision + p_new.failed_count;
  end if;
  if p_new.status = 'in_progress' and p_new.processed_count = p_new.total_items - p_new.failed_count then
    p_new.status := case when p_new.failed_count = 0 then 'completed' else 'completed_with_errors' end;
  end if;

  if p_new.status is distinct from p_old.status then
    if p_new.status = 'paused' then
      p_new.paused_at := p_now;
    elsif p_new.status not in ('pending', 'in_progress') then
      p_new.completed_at := p_now;
    end if;
    p_new.stall_seconds := syncwell._stall_seconds(p_new.org_id, p_new.source_system);
    if not v_is_new then
      perform syncwell._announce_sync_progress(p_new.org_id, p_new.id, p_new.source_system);
      perform syncwell._log_sync_progress(p_new, p_old.status);
    end if;
  end if;
  return p_new;
end
$$;
comment on function syncwell._settle_sync_progress(
  syncwell.sync_progress, syncwell.sync_progress, timestamptz
) is
'A progress row as it is to be written, all but the arithmetic: defaults, checks, and the life of its status. p_old '
'is NULL for a new row. '
'Errors: 22001, 22023, 42501, SW002, SW003, SW202, SW203, SW204, SW205.';
revoke all on function syncwell._settle_sync_progress(
  syncwell.sync_progress, syncwell.sync_progress, timestamptz
) from public;
