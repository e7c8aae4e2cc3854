create or replace function syncwell.reap_sync_runs(p_limit integer default 1000)
returns table (
  org_id uuid,
  user_id uuid,
  event_id uuid,
  stream_id uuid,
  source text,
  reason text,
  started_at timestamptz
)
language plpgsql volatile security definer rows 10
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_org_id constant uuid := syncwell._claim_org();
begin
  perform syncwell._check_limit(p_limit);
  return query
  select r.org_id, r.user_id, r.event_id, r.stream_id, r.source, r.reason, r.started_at
  from syncwell._reap_runs(v_org_id, syncwell._claim_user(), p_limit) as r
  order by r.event_id;
end
$$;
comment on function syncwell.reap_sync_runs(integer) is
'Ends runs whose worker seems to be gone as timeout, the oldest p_limit (1 to 1000) of them: those that sent a '
'heartbeat and none for setting runs.heartbeat_timeout (no_heartbeat), and those older than the stream''s max_runtime '
'or setting runs.max_runtime (over_max_runtime). A timeout counts as a failure, writes an error of type TIMEOUT that '
'is retried like any transient one, and changes the lease, so that a late worker is refused (SW102). Returns the '
'runs. Of the caller''s org (a member or analyst: of its own streams), or of all orgs for an operator and for a '
'gateway that acts for nobody. Errors: SW001, 22004, 22023.';
revoke all on function syncwell.reap_sync_runs(integer) from public;
grant execute on function syncwell.reap_sync_runs(integer) to syncwell_worker, syncwell_operator;
