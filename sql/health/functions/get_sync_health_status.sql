create or replace function syncwell.get_sync_health_status(p_user_id uuid default null)
returns table (
  source text,
  status text,
  score numeric,
  freshness_score numeric,
  reliability_score numeric,
  queue_score numeric,
  drift_score numeric,
  speed_score numeric,
  last_sync_at timestamptz,
  last_success_at timestamptz,
  consecutive_failures integer,
  platform text,
  streams bigint,
  unknown_streams bigint,
  worst_source text,
  worst_stream_id uuid,
  reason text,
  advice text,
  overlays text[]
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._note_access('get_sync_health_status', p_user_id);
  return query select r.* from syncwell._sync_health_status(p_user_id) as r;
end
$$;
comment on function syncwell.get_sync_health_status(uuid) is
'How syncing is: an overall row first (source NULL), then a row a source, the worst first. p_user_id NULL = '
'everything the caller may see. status: the worst of the streams behind the row (unknown < healthy < late < degraded '
'< unhealthy); unknown when there is no evidence, never healthy. score and its parts: means over those streams, 0 to '
'100, NULL = unknown (queue: no device told, and nothing was enqueued; drift, speed: too little history). '
'last_sync_at: when a run last ended; '
'last_success_at: when one last succeeded; consecutive_failures: the most of any stream; platform: NULL when not '
'known or not the same for all; streams: how many, unknown_streams: how many of them give no evidence; worst_source, '
'worst_stream_id: the stream that pulls it down; reason and advice: what is wrong with that one and what would make '
'it better. overlays: what holds of any of the streams beside its status, by name: flapping, maintenance (a window '
'mutes or excludes it), paused (nothing is expected), unevaluated (evaluate_health() has not looked for two of its '
'intervals). Reads maintained rows only: the cost does not grow with the history. Asking about another user is '
'written to the access log. Errors: SW001, SW002, 25006 (another user, in a read-only transaction).';
revoke all on function syncwell.get_sync_health_status(uuid) from public;
grant execute on function syncwell.get_sync_health_status(uuid) to syncwell_client, syncwell_reader;
