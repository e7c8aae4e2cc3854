create or replace function syncwell.unregister_stream(
  p_source text,
  p_user_id uuid default null
)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
  v_user_id constant uuid := syncwell._target_user(p_user_id);
  v_stream syncwell.streams;
begin
  perform syncwell._check_source(p_source);
  select s.* into v_stream
  from syncwell.streams as s
  where s.org_id = v_caller.org_id
    and (s.user_id = v_user_id or (v_user_id is null and s.user_id is null))
    and s.source = p_source
  -- errors that are being recorded refer to the row: they need not wait
  for no key update;
  if not found then
    raise exception using
      errcode = 'SW105',
      message = 'unknown stream',
      detail = format('There is no stream of source %L here.', p_source),
      hint = 'Pass p_user_id for the stream of another user; streams are listed in syncwell.streams.';
  end if;
  if v_stream.retired_at is not null then
    return false;
  end if;
  update syncwell.streams as s
  set
    retired_at = syncwell._now(),
    registered_at = null,
    expected_interval = null,
    cron = null,
    time_zone = null,
    active_hours = null,
    max_runtime = null,
    slo = null
  where s.org_id = v_stream.org_id and s.stream_id = v_stream.stream_id;
  update syncwell.sync_state as t
  set expected_interval = null, next_sync_at = null
  where t.org_id = v_stream.org_id and t.stream_id = v_stream.stream_id;
  return true;
end
$$;
comment on function syncwell.unregister_stream(text, uuid) is
'Retires the stream of p_source: nothing is expected of it any more, its errors are not retried, reports leave it '
'out. Its history stays; a run or register_stream() brings it back, the run without the declaration. p_user_id as in '
'register_stream(). False when it was retired already. Errors: SW001, SW002, SW105, 22004, 22023.';
revoke all on function syncwell.unregister_stream(text, uuid) from public;
grant execute on function syncwell.unregister_stream(text, uuid) to syncwell_worker;
