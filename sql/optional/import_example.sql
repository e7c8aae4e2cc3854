-- A host's own sessions, readings and surveys brought into syncwell, and repaired: an example to adapt.
--
-- The host of the example has had the failure that syncwell's local ids prevent: its app made two rows a session, one
-- when it started (to which the readings went) and one when it was completed, and most surveys bear the app's own id of
-- a session, spelled in ways that no row has. It is only read. Its tables:
--
--   host.sessions(id uuid, user_id uuid, local_id text, started_at timestamptz, ended_at timestamptz, source text)
--   host.readings(id bigint, session_id uuid, user_id uuid, taken_at timestamptz, spo2 numeric, bpm integer)
--   host.surveys(id bigint, user_id uuid, session_local_id text, moment text, answered_at timestamptz, answers jsonb,
--     created_at timestamptz)
--   host.uploads(id uuid, user_id uuid, path text, happened_at timestamptz, created_at timestamptz)
--   host.sync_state(user_id uuid, source text, last_token text, last_success timestamptz, last_failure timestamptz)
--
-- Run it with psql as a login that is a member of syncwell_operator and may read those tables. Orgs and users must be
-- registered: register_org(), register_user(). Each call takes a batch; run the whole file again until every row says
-- done, which is safe: it goes on where it was. With p_dry_run => true, the default, nothing is kept but how far a dry
-- run has come.

select
  'sessions' as what,
  i.rows_read,
  i.imported,
  i.duplicates,
  i.updated,
  i.rejected,
  i.rejections,
  i.done
from
  syncwell.import_existing(
    'sessions',
    $$
    select s.id as key, s.id, s.user_id, s.local_id, s.started_at, s.ended_at, s.source, 'bluetooth' as data_source
    from host.sessions as s
  $$,
    'host', p_dry_run => false
  ) as i
union all
select
  'readings' as what,
  i.rows_read,
  i.imported,
  i.duplicates,
  i.updated,
  i.rejected,
  i.rejections,
  i.done
from
  syncwell.import_existing(
    'records',
    $$
    select
      r.id as key, r.user_id, r.session_id as session, 'reading' as kind, r.taken_at as occurred_at, r.spo2,
      r.bpm as heart_rate
    from host.readings as r
  $$,
    'host.readings', p_dry_run => false
  ) as i
union all
select
  'surveys' as what,
  i.rows_read,
  i.imported,
  i.duplicates,
  i.updated,
  i.rejected,
  i.rejections,
  i.done
from
  syncwell.import_existing(
    'records',
    $$
    select
      s.id as key, s.user_id, s.session_local_id as session, 'survey_' || s.moment as kind,
      s.answered_at as occurred_at, s.created_at as received_at, s.answers as payload
    from host.surveys as s
  $$,
    'host.surveys', p_dry_run => false
  ) as i
union all
select
  'uploads' as what,
  i.rows_read,
  i.imported,
  i.duplicates,
  i.updated,
  i.rejected,
  i.rejections,
  i.done
from
  syncwell.import_existing(
    'events',
    $$
    select
      u.id as key, u.user_id, 'uploads' as source, u.id as external_id, u.happened_at as occurred_at,
      u.created_at as received_at, jsonb_build_object('path', u.path) as payload
    from host.uploads as u
  $$,
    'host', p_dry_run => false
  ) as i
union all
select
  'sync_state' as what,
  i.rows_read,
  i.imported,
  i.duplicates,
  i.updated,
  i.rejected,
  i.rejections,
  i.done
from syncwell.import_existing(
  'sync_state',
  $$
    select
      md5(s.user_id::text || s.source) as key, s.user_id, s.source, s.last_token as last_sync_token,
      s.last_success as last_successful_sync, s.last_failure as last_failed_sync
    from host.sync_state as s
  $$,
  'host', p_dry_run => false
) as i;

-- Then the damage: what would be done first, and when that looks right, do it. revert_session_merge() undoes each.
select
  user_id,
  kept_id,
  removed_id,
  reason,
  moved
from syncwell.merge_duplicate_sessions(p_limit => 1000);
-- select * from syncwell.merge_duplicate_sessions(p_dry_run => false, p_limit => 1000);
