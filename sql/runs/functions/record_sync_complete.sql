create or replace function syncwell.record_sync_complete(
  p_event_id uuid,
  p_lease uuid,
  p_items_processed bigint default null,
  p_sync_token_after text default null,
  p_items_created bigint default null,
  p_items_updated bigint default null,
  p_items_deleted bigint default null,
  p_items_failed bigint default null,
  out status text,
  out completed_at timestamptz,
  out duration_ms bigint,
  out changed boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_event syncwell.sync_events := syncwell._leased_run(p_event_id, p_lease);
begin
  if least(p_items_processed, p_items_created, p_items_updated, p_items_deleted, p_items_failed) < 0 then
    perform syncwell._check_count('p_items_processed', p_items_processed);
    perform syncwell._check_count('p_items_created', p_items_created);
    perform syncwell._check_count('p_items_updated', p_items_updated);
    perform syncwell._check_count('p_items_deleted', p_items_deleted);
    perform syncwell._check_count('p_items_failed', p_items_failed);
  end if;
  perform syncwell._check_text('p_sync_token_after', p_sync_token_after, 8192);

  changed := v_event.status = 'started';
  if changed then
    v_event.status := case when p_items_failed > 0 then 'partial' else 'success' end;
    v_event.items_processed := coalesce(p_items_processed, v_event.items_processed);
    v_event.items_created := p_items_created;
    v_event.items_updated := p_items_updated;
    v_event.items_deleted := p_items_deleted;
    v_event.items_failed := p_items_failed;
    v_event.sync_token_after := p_sync_token_after;
    v_event := syncwell._finish_run(v_event, syncwell._now(), 0, 0);
  -- told again: fine, unless it is another story; what is left out contradicts nothing
  elsif v_event.status not in ('success', 'partial') or (
    coalesce(p_items_processed, v_event.items_processed),
    coalesce(p_items_created, v_event.items_created),
    coalesce(p_items_updated, v_event.items_updated),
    coalesce(p_items_deleted, v_event.items_deleted),
    coalesce(p_items_failed, v_event.items_failed),
    coalesce(p_sync_token_after, v_event.sync_token_after)
  ) is distinct from (
    v_event.items_processed, v_event.items_created, v_event.items_updated, v_event.items_deleted,
    v_event.items_failed, v_event.sync_token_after
  )
  then
    perform syncwell._refuse_finished_run(v_event);
  end if;
  status := v_event.status;
  completed_at := v_event.completed_at;
  duration_ms := v_event.duration_ms;
end
$$;
comment on function
syncwell.record_sync_complete(uuid, uuid, bigint, text, bigint, bigint, bigint, bigint) is
'Ends the run p_event_id well: success, or partial when p_items_failed > 0. p_lease: what record_sync_start() gave. '
'p_items_processed, p_items_created, p_items_updated, p_items_deleted, p_items_failed: totals of the run, NULL = not '
'known (p_items_processed: as the last heartbeat said); p_sync_token_after: where the next run goes on, NULL = as '
'before. Either way the stream is healthy again, its failure streak over and its open errors of runs resolved. Said '
'again with the same numbers it changes nothing (changed false) and counts once. Errors: SW001, SW101, SW102 the '
'lease is an old one, SW103 the run has ended otherwise, 22004, 22023, 22001.';
revoke all on function
syncwell.record_sync_complete(uuid, uuid, bigint, text, bigint, bigint, bigint, bigint) from public;
grant execute on function
syncwell.record_sync_complete(uuid, uuid, bigint, text, bigint, bigint, bigint, bigint) to syncwell_worker;
