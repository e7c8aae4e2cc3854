--! complete_session
select syncwell.complete_session('IHHT_1736300000_ab12', p_expected => '{"reading": 2}');

--! find_duplicate_sessions
select kept_id, removed_id, reason, evidence from syncwell.find_duplicate_sessions();

--! get_recent_sessions
select local_id, started_at, duration_seconds, average_spo2, missing
from syncwell.get_recent_sessions('7b1e5d3a-9c44-4f0b-9d62-2a8e4c7f1b02', p_limit => 5);

--! get_session_integrity
select finding, affected, sessions, percent from syncwell.get_session_integrity(p_days => 30);

--! get_session_merges
select merged_at, kept_id, removed_id, reason, moved from syncwell.get_session_merges();

--! ingest_batch
select syncwell.ingest_batch(
  'reading',
  '[{"occurred_at": "2026-03-01T08:00:00Z", "spo2": 93, "heart_rate": 71}]',
  p_session => 'IHHT_1736300000_ab12'
);

--! merge_duplicate_sessions
-- what it would do; p_dry_run => false does it
select kept_id, removed_id, reason, moved from syncwell.merge_duplicate_sessions();

--! resolve_local_id
select server_id, created from syncwell.resolve_local_id('session', 'IHHT_1736300000_ab12');

--! revert_session_merge
select syncwell.revert_session_merge(merge_id)
from syncwell.get_session_merges(1)
where reverted_at is null;

--! start_session
select session_id, created, status
from syncwell.start_session('IHHT_1736300000_ab12', p_data_source => 'bluetooth', p_expected => '{"reading": 1200}');

--! sync_session
select syncwell.sync_session('{
  "local_id": "IHHT_1736390000_cd34", "started_at": "2026-03-02T08:00:00Z", "ended_at": "2026-03-02T08:20:00Z",
  "readings": [{"occurred_at": "2026-03-02T08:00:01Z", "spo2": 97}],
  "survey_post": {"occurred_at": "2026-03-02T08:20:00Z", "mood": 4}
}');
