create or replace function syncwell._lock_events(
  p_org_id uuid,
  p_user_id uuid,
  p_source text,
  p_names text[]
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
-- planned for this user: the index finds the one or those of nobody, no plan both
set plan_cache_mode = force_custom_plan
as $$
begin
  -- in one order, so that two batches never wait for each other in a circle
  perform
  from syncwell.data_event_keys as k
  where k.org_id = p_org_id
    and (k.user_id = p_user_id or (p_user_id is null and k.user_id is null))
    and k.source = p_source
    and k.external_id = any (p_names)
  order by k.external_id collate "C"
  for update;
end
$$;
comment on function syncwell._lock_events(uuid, uuid, text, text[]) is
'Locks the keys of a source''s events of these names until the end of the transaction.';
revoke all on function syncwell._lock_events(uuid, uuid, text, text[]) from public;
