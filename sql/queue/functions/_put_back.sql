create or replace function syncwell._put_back(
  p_operation syncwell.sync_queue,
  p_run_at timestamptz,
  p_attempts integer default null
)
returns text
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_twin_id uuid;
  v_tries integer := 0;
begin
  loop
    select q.id into v_twin_id
    from syncwell.sync_queue as q
    where q.org_id = p_operation.org_id
      and q.dedup_hash = p_operation.dedup_hash
      and (q.status = 'pending' or (q.status = 'processing' and q.dedup_mode = 'ignore'))
      and q.id <> p_operation.id
    for update;
    exit when found;
    begin
      update syncwell.sync_queue as q
      set
        status = 'pending',
        run_at = p_run_at,
        attempts = coalesce(p_attempts, q.attempts),
        lease_token = null,
        lease_owner = null,
        dead_reason = null
      where q.org_id = p_operation.org_id and q.id = p_operation.id;
      return 'pending';
    exception
      -- a twin came meanwhile
      when unique_violation then
        v_tries := v_tries + 1;
    end;
    if v_tries > 20 then
      raise exception using
        errcode = '40001',
        message = 'a newer twin is in the way',
        detail = format('Operation %s met twins that this transaction can not see.', p_operation.id),
        hint = 'Try again, in a READ COMMITTED transaction.';
    end if;
  end loop;

  -- the twin is what is to be done now, and who needed this one needs that one
  delete from syncwell.queue_dependencies as d
  where d.org_id = p_operation.org_id and d.waiting_id = p_operation.id;
  if p_operation.is_waited_for then
    perform syncwell._release_waiting(p_operation.org_id, array[p_operation.id], false);
    -- but what the twin itself waits for goes on: else both would wait for ever
    with recursive earlier as (
      select v_twin_id as id
      union
      select d.blocker_id
      from earlier as e
      join syncwell.queue_dependencies as d on d.org_id = p_operation.org_id and d.waiting_id = e.id
    )
    insert into syncwell.queue_dependencies (org_id, blocker_id, waiting_id, needs_success)
    select d.org_id, v_twin_id, d.waiting_id, true
    from syncwell.queue_dependencies as d
    where d.org_id = p_operation.org_id
      and d.blocker_id = p_operation.id
      and d.waiting_id not in (select e.id from earlier as e)
    on conflict (org_id, blocker_id, waiting_id) do nothing;
    update syncwell.sync_queue as q
    set blockers = c.blockers
    from (
      select d.waiting_id, count(*) filter (where a.blocker_id <> p_operation.id) as blockers
      from syncwell.queue_dependencies as d
      join syncwell.queue_dependencies as a on a.org_id = d.org_id and a.waiting_id = d.waiting_id
      where d.org_id = p_operation.org_id and d.blocker_id = p_operation.id
      group by d.waiting_id
    ) as c
    where q.org_id = p_operation.org_id and q.id = c.waiting_id;
    delete from syncwell.queue_dependencies as d
    where d.org_id = p_operation.org_id and d.blocker_id = p_operation.id;
    update syncwell.sync_queue as q
    set is_waited_for = true
    where q.org_id = p_operation.org_id and q.id = v_twin_id;
  end if;
  delete from syncwell.sync_queue as q
  where q.org_id = p_operation.org_id and q.id = p_operation.id;
  insert into syncwell.sync_queue_archive (
    org_id, id, user_id, source, operation_type, platform, status, attempts, enqueued_at, claimed_at, finished_at,
    superseded_by
  )
  values (
    p_operation.org_id, p_operation.id, p_operation.user_id, p_operation.source, p_operation.operation_type,
    p_operation.platform, 'superseded', p_operation.attempts, p_operation.enqueued_at, p_operation.claimed_at,
    syncwell._now(), v_twin_id
  );
  return 'superseded';
end
$$;
comment on function syncwell._put_back(syncwell.sync_queue, timestamptz, integer) is
'Makes a locked operation pending again from p_run_at on, with p_attempts (NULL: as many as it had): pending; or, '
'where a newer twin waits, ends it: superseded.';
revoke all on function syncwell._put_back(syncwell.sync_queue, timestamptz, integer) from public;
