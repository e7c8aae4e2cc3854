create or replace function syncwell._last_told(
  p_org_id uuid,
  p_channel text,
  p_fingerprint text,
  p_before uuid
)
returns table (
  status text,
  labels jsonb
)
language plpgsql stable security invoker rows 1
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  return query
  select d.status, a.labels
  from syncwell.alert_deliveries as d
  join syncwell.alert_outbox as a on a.org_id = d.org_id and a.id = d.alert_id
  where d.org_id = p_org_id
    and d.channel = p_channel
    and d.fingerprint = p_fingerprint
    and d.alert_id < p_before
    and d.state = 'done'
  order by d.alert_id desc
  limit 1;
end
$$;
comment on function syncwell._last_told(uuid, text, text, uuid) is
'What a channel was last told of a fingerprint before an alert; no row: nothing.';
revoke all on function syncwell._last_told(uuid, text, text, uuid) from public;
