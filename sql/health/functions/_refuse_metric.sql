create or replace function syncwell._refuse_metric(
  p_key text,
  p_problem text
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = 'SW605',
    message = 'a metric is refused',
    detail = format('%s %s.', p_key, p_problem),
    hint = 'Pass an object of sync_duration_ms, record_count, error_count, queue_depth (numbers from 0 on), '
      'oldest_pending_at, reported_at (ISO 8601 with an offset, not to come), platform, device_id and network (texts); '
      'leave out what is not known.';
end
$$;
comment on function syncwell._refuse_metric(text, text) is 'Refuses a metric, naming its key. Errors: SW605.';
revoke all on function syncwell._refuse_metric(text, text) from public;
