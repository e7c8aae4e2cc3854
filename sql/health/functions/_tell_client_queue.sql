create or replace function syncwell._tell_client_queue()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell.update_sync_health_metrics(
    new.user_id,
    new.source,
    jsonb_strip_nulls(jsonb_build_object(
      'queue_depth', new.depth, 'platform', new.platform, 'device_id', nullif(new.device_id, ''),
      'reported_at', new.reported_at
    ))
    -- how long it waits may not have been told: then it is not known, which null would not say
    || case
      when new.oldest_at is not null or new.depth = 0
        then jsonb_build_object('oldest_pending_at', new.oldest_at)
      else '{}'
    end
  );
  return null;
exception
  -- too old for health, or written by somebody who maintains the table and is nobody
  when sqlstate 'SW605' or sqlstate 'SW001' then
    return null;
end
$$;
comment on function syncwell._tell_client_queue() is
'Trigger: what report_client_queue() takes counts in health as if the device had told it with '
'update_sync_health_metrics(), so that one queue told of in both ways counts once.';
revoke all on function syncwell._tell_client_queue() from public;
