create or replace function syncwell.reap_sync_progress(p_limit integer default 1000)
returns table (
  org_id uuid,
  id uuid,
  sync_id text,
  source_system text,
  started_at timestamptz,
  elapsed_seconds numeric
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._check_limit(p_limit);
  return query
  select r.org_id, r.id, r.sync_id, r.source_system, r.started_at, r.elapsed_seconds
  from syncwell._reap_sync_progress(syncwell._claim_org(), p_limit) as r;
end
$$;
comment on function syncwell.reap_sync_progress(integer) is
'Ends syncs (pending or in_progress) that have run longer than setting progress.max_duration (default 24 hours, '
'pauses not counted) as timeout, '
'oldest first, at most p_limit (1 to 1000): those of the caller''s org, or of all orgs for an operator. Paused '
'syncs are left alone. '
'Returns the syncs it ended, elapsed in seconds. Two reapers at once share the work. Errors: 22004, 22023, SW001.';
revoke all on function syncwell.reap_sync_progress(integer) from public;
grant execute on function syncwell.reap_sync_progress(integer) to syncwell_worker, syncwell_operator;
