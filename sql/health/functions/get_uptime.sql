create or replace function syncwell.get_uptime(
  p_source text default null,
  p_user_id uuid default null,
  p_days integer default 30
)
returns table (
  source text,
  streams bigint,
  good_seconds numeric,
  down_seconds numeric,
  unknown_seconds numeric,
  excluded_seconds numeric,
  paused_seconds numeric,
  uptime numeric,
  runs bigint,
  run_success_rate numeric,
  slo numeric,
  slo_met boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._note_access('get_uptime', p_user_id);
  return query select r.* from syncwell._uptime(p_source, p_user_id, p_days) as r;
end
$$;
comment on function syncwell.get_uptime(text, uuid, integer) is
'How much of the last p_days (of 24 hours; default 30, 1 to 3660) syncing was up: an overall row first (source '
'NULL), then a row a source. p_source NULL = all; p_user_id NULL = everything the caller may see. Five buckets of '
'seconds, over all streams, add up to the whole time: good_seconds (healthy, late, degraded), down_seconds '
'(unhealthy), unknown_seconds (unknown, nothing evaluated, or nothing recorded yet), excluded_seconds and '
'paused_seconds (by maintenance windows of these modes). uptime = good / (good + down), 0 to 1, NULL without either. '
'runs: those started since the full hour before that time; run_success_rate: success and partial as a share of all '
'that succeeded or failed, NULL without any. slo: the strictest that a stream declares, NULL without any; slo_met: '
'whether each stream that declares one kept to its own, NULL when none did and has runs. No rows when no stream '
'matches. Asking about another user is written to the access log. Errors: SW001, SW002, 25006 (another user, in a '
'read-only transaction), 22004, 22023 (p_days).';
revoke all on function syncwell.get_uptime(text, uuid, integer) from public;
grant execute on function syncwell.get_uptime(text, uuid, integer) to syncwell_client, syncwell_reader;
