create or replace function syncwell._refuse_finished_run(p_event syncwell.sync_events)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = 'SW103',
    message = 'the run has ended',
    detail = format('Run %s ended as %s.', p_event.id, p_event.status),
    hint = 'What was recorded stays; start a new run.';
end
$$;
comment on function syncwell._refuse_finished_run(syncwell.sync_events) is
'Raises SW103: the run has ended, and otherwise than the call would have it.';
revoke all on function syncwell._refuse_finished_run(syncwell.sync_events) from public;
