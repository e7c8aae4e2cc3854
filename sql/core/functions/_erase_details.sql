create or replace function syncwell._erase_details(
  p_org_id uuid,
  p_user_id uuid,
  p_limit integer,
  out erased bigint,
  out is_complete boolean
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_work syncwell.detail_erasures;
  v_place record;
  v_rows bigint;
  v_last uuid;
  v_open text[];
begin
  erased := 0;
  is_complete := false;
  select e.* into v_work
  from syncwell.detail_erasures as e
  where e.org_id = p_org_id and e.user_id = p_user_id
  -- somebody else is at it
  for update skip locked;
  if not found then
    return;
  end if;
  if syncwell._shows_details(p_org_id, p_user_id) then
    delete from syncwell.detail_erasures as e where e.org_id = p_org_id and e.user_id = p_user_id;
    is_complete := true;
    return;
  end if;

  for v_place in
    select s.step, s.statement, s.in_batches, t.stream_id
    from syncwell._detail_steps() as s
    left join syncwell.streams as t on s.by_stream and t.org_id = p_org_id and t.user_id = p_user_id
    where (not s.by_stream or t.stream_id is not null)
      and s.step >= v_work.reached_step
      and (s.step > v_work.reached_step or v_work.reached_stream is null or t.stream_id >= v_work.reached_stream)
    order by s.step, t.stream_id
  loop
    v_last := case
      when v_place.step = v_work.reached_step and v_place.stream_id is not distinct from v_work.reached_stream
        then v_work.reached_id
    end;
    execute v_place.statement into v_rows, v_last
    using p_org_id, p_user_id, v_place.stream_id, v_last, p_limit - erased;
    erased := erased + v_rows;
    if erased >= p_limit then
      update syncwell.detail_erasures as e
      set
        reached_step = v_place.step,
        reached_stream = v_place.stream_id,
        reached_id = v_last,
        has_erased = true
      where e.org_id = p_org_id and e.user_id = p_user_id;
      return;
    end if;
  end loop;

  is_complete := true;
  -- Whoever looked before consent was missing may write a detail still. So the row stays until no transaction is left
  -- that began before, none can be in the middle of a statement, and a whole pass finds nothing; one that has only read
  -- so far has no number yet, but its snapshot.
  if erased = 0
    and not v_work.has_erased
    and syncwell._now() >= v_work.requested_at + interval '1 hour'
    and pg_snapshot_xmin(pg_current_snapshot()) > v_work.requested_xid
  then
    v_open := syncwell._open_transactions();
    if coalesce(v_work.waits_for, v_open) && v_open then
      update syncwell.detail_erasures as e
      set reached_step = 0, reached_stream = null, reached_id = null, checked_at = syncwell._now(),
        waits_for = coalesce(e.waits_for, v_open)
      where e.org_id = p_org_id and e.user_id = p_user_id;
    else
      delete from syncwell.detail_erasures as e where e.org_id = p_org_id and e.user_id = p_user_id;
    end if;
  else
    update syncwell.detail_erasures as e
    set
      reached_step = 0, reached_stream = null, reached_id = null, has_erased = false, checked_at = syncwell._now()
    where e.org_id = p_org_id and e.user_id = p_user_id;
  end if;
end
$$;
comment on function syncwell._erase_details(uuid, uuid, integer) is
'Erases stored details of a user in detail_erasures, about p_limit rows, going on where it stopped. erased: how many '
'rows; is_complete: a pass has come to its end, so that nothing is left but what is being written right now. Consent '
'given, or not required any more, ends it.';
revoke all on function syncwell._erase_details(uuid, uuid, integer) from public;
