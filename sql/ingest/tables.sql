-- ingest: what devices and sources deliver, each row once, whatever the order of arrival and however often it is sent.

create table syncwell.local_ids (
  org_id uuid not null,
  user_id uuid not null,
  entity_type text not null constraint local_ids_type_is_named check (length(entity_type) between 1 and 63),
  local_id text not null constraint local_ids_id_is_named check (length(local_id) between 1 and 200),
  server_id uuid not null,
  device_id text,
  created_at timestamptz not null,
  primary key (org_id, user_id, entity_type, local_id),
  foreign key (org_id, user_id) references syncwell.users (org_id, user_id) on delete cascade
);
create index local_ids_by_server_id on syncwell.local_ids (org_id, server_id);
comment on table syncwell.local_ids is
'Which server id stands for what a device named itself: one for ever. Several may stand for one thing once duplicates '
'were merged.';
comment on column syncwell.local_ids.org_id is 'The org.';
comment on column syncwell.local_ids.user_id is 'The user whose thing it is.';
comment on column syncwell.local_ids.entity_type is 'What it is, e.g. session.';
comment on column syncwell.local_ids.local_id is 'The name the device gave it, e.g. IHHT_1736300000_ab12.';
comment on column syncwell.local_ids.server_id is 'Its id here.';
comment on column syncwell.local_ids.device_id is
'The device that named it first; NULL when not told or without consent.';
comment on column syncwell.local_ids.created_at is 'When it was first heard of.';

create table syncwell.data_events (
  org_id uuid not null,
  id uuid not null,
  stream_id uuid not null,
  user_id uuid,
  source text not null,
  external_id text not null,
  occurred_at timestamptz not null,
  platform text
  constraint data_events_platform_is_known check (platform in ('android', 'ios', 'web', 'server', 'other')),
  data_source text constraint data_events_origin_is_known check (data_source in ('mock', 'bluetooth', 'manual')),
  session_id uuid,
  payload jsonb not null,
  written_at timestamptz not null,
  received_at timestamptz not null,
  primary key (org_id, id, occurred_at)
) partition by range (occurred_at);
create index data_events_by_user on syncwell.data_events (org_id, user_id, source, occurred_at);
create index data_events_by_session on syncwell.data_events (org_id, session_id) where session_id is not null;
comment on table syncwell.data_events is
'What sources deliver: calls, messages, uploads. Partitioned by month on occurred_at; kept for setting '
'ingest.event_retention, their numbers by hour longer.';
comment on column syncwell.data_events.org_id is 'The org.';
comment on column syncwell.data_events.id is 'The event''s id here.';
comment on column syncwell.data_events.stream_id is 'The stream that delivered it.';
comment on column syncwell.data_events.user_id is 'Whose event it is; NULL for the org''s own.';
comment on column syncwell.data_events.source is 'What delivered it.';
comment on column syncwell.data_events.external_id is
'Its name at the source; where the source gave none: sha256: and a hash of time and payload.';
comment on column syncwell.data_events.occurred_at is 'When it happened.';
comment on column syncwell.data_events.platform is 'android, ios, web, server or other; NULL when not told.';
comment on column syncwell.data_events.data_source is
'mock (made up, never counted), bluetooth, manual; NULL when not told.';
comment on column syncwell.data_events.session_id is 'The session it belongs to; NULL for none.';
comment on column syncwell.data_events.payload is 'What it says.';
comment on column syncwell.data_events.written_at is
'When its newest version was written, by the clock of the client, at the latest when it arrived.';
comment on column syncwell.data_events.received_at is 'When that version arrived.';

create table syncwell.data_event_keys (
  org_id uuid not null,
  user_id uuid,
  source text not null,
  external_id text not null,
  occurred_at timestamptz not null,
  id uuid not null,
  content_hash uuid not null,
  written_at timestamptz not null,
  ahead_at timestamptz,
  settled uuid[],
  received_at timestamptz not null,
  constraint data_event_keys_are_unique unique nulls not distinct (org_id, user_id, source, external_id)
);
create index data_event_keys_by_age on syncwell.data_event_keys using brin (received_at) with (autosummarize = on);
comment on table syncwell.data_event_keys is
'Which events have arrived: a unique index over partitions could not promise each once. Kept for setting '
'ingest.key_retention; what is older than that is not taken any more.';
comment on column syncwell.data_event_keys.org_id is 'The org.';
comment on column syncwell.data_event_keys.user_id is 'Whose event it is; NULL for the org''s own.';
comment on column syncwell.data_event_keys.source is 'What delivered it.';
comment on column syncwell.data_event_keys.external_id is 'Its name at the source.';
comment on column syncwell.data_event_keys.occurred_at is 'When it happened, by its newest version.';
comment on column syncwell.data_event_keys.id is 'The event (data_events.id).';
comment on column syncwell.data_event_keys.content_hash is 'A hash of its newest version: a resend changes nothing.';
comment on column syncwell.data_event_keys.written_at is
'When its newest version was written, by the clock of the client, at the latest when it arrived.';
comment on column syncwell.data_event_keys.ahead_at is
'The latest time of writing that lay ahead of its arrival, from a clock that is fast; NULL: none did. A version '
'written ahead, but not after this, is one that arrived before.';
comment on column syncwell.data_event_keys.settled is
'The newest 16 versions that lost to another though they would win if they came now: written by a clock that is fast, '
'or at the same time as the one that came after. A resend of them changes nothing. NULL: none.';
comment on column syncwell.data_event_keys.received_at is 'When its newest version arrived.';

create table syncwell.event_hours (
  org_id uuid not null,
  stream_id uuid not null,
  hour timestamptz not null constraint event_hours_are_whole check (extract(epoch from hour)::bigint % 3600 = 0),
  user_id uuid,
  events bigint not null,
  primary key (org_id, stream_id, hour)
) with (fillfactor = 70);
comment on table syncwell.event_hours is
'How many events of a stream happened in each hour (UTC), mock ones left out; right with every batch, and kept when '
'the events are dropped.';
comment on column syncwell.event_hours.org_id is 'The org.';
comment on column syncwell.event_hours.stream_id is 'The stream.';
comment on column syncwell.event_hours.hour is 'When the hour begins.';
comment on column syncwell.event_hours.user_id is 'The user whose stream it is; NULL for the org''s own.';
comment on column syncwell.event_hours.events is 'Events that happened in it.';

create table syncwell.sync_sessions (
  org_id uuid not null,
  session_id uuid not null,
  user_id uuid not null,
  local_id text not null,
  source text not null constraint sync_sessions_source_is_named check (source ~ '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$'),
  status text not null default 'active'
  constraint sync_sessions_status_is_known check (status in ('active', 'completed')),
  sync_status text not null default 'pending'
  constraint sync_sessions_sync_status_is_known check (sync_status in ('pending', 'syncing', 'completed', 'failed')),
  sync_attempts integer not null default 0,
  last_sync_at timestamptz,
  last_error_code text,
  last_error text,
  data_source text constraint sync_sessions_origin_is_known check (data_source in ('mock', 'bluetooth', 'manual')),
  started_at timestamptz not null,
  ended_at timestamptz,
  expected jsonb constraint sync_sessions_expect_by_kind check (jsonb_typeof(expected) = 'object'),
  metadata jsonb,
  platform text
  constraint sync_sessions_platform_is_known check (platform in ('android', 'ios', 'web', 'server', 'other')),
  device_id text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (org_id, session_id),
  foreign key (org_id, user_id) references syncwell.users (org_id, user_id) on delete cascade,
  constraint sync_sessions_end_after_they_start check (ended_at >= started_at)
) with (fillfactor = 70);
create index sync_sessions_by_user on syncwell.sync_sessions (org_id, user_id, started_at);
create index sync_sessions_by_start on syncwell.sync_sessions (org_id, started_at);
comment on table syncwell.sync_sessions is 'Sessions: what happened in them is in session_records, by session_id.';
comment on column syncwell.sync_sessions.org_id is 'The org.';
comment on column syncwell.sync_sessions.session_id is 'The session''s id here.';
comment on column syncwell.sync_sessions.user_id is 'Whose session it is.';
comment on column syncwell.sync_sessions.local_id is 'The name the device gave it.';
comment on column syncwell.sync_sessions.source is 'The source it counts for in health.';
comment on column syncwell.sync_sessions.status is 'active, or completed: nothing more happens in it.';
comment on column syncwell.sync_sessions.sync_status is
'pending: nothing arrived yet; syncing; completed: all that was expected is here; failed: the last attempt was '
'refused.';
comment on column syncwell.sync_sessions.sync_attempts is 'How often something of it was sent, refused or not.';
comment on column syncwell.sync_sessions.last_sync_at is 'When something of it last arrived; NULL: never.';
comment on column syncwell.sync_sessions.last_error_code is 'SQLSTATE of the last attempt where it was refused.';
comment on column syncwell.sync_sessions.last_error is 'Why it was, without secrets; NULL where consent is missing.';
comment on column syncwell.sync_sessions.data_source is
'mock (made up, never counted), bluetooth, manual; NULL when not told.';
comment on column syncwell.sync_sessions.started_at is 'When it began; the earliest that was told.';
comment on column syncwell.sync_sessions.ended_at is 'When it ended; NULL while it is active.';
comment on column syncwell.sync_sessions.expected is
'How many records of each kind the device says there are; NULL: not told.';
comment on column syncwell.sync_sessions.metadata is 'What else the device tells of it.';
comment on column syncwell.sync_sessions.platform is 'android, ios, web, server or other; NULL when not told.';
comment on column syncwell.sync_sessions.device_id is
'The device that started it; NULL when not told or without consent.';
comment on column syncwell.sync_sessions.created_at is 'When it was first heard of.';
comment on column syncwell.sync_sessions.updated_at is 'When the row last changed.';

create table syncwell.session_records (
  org_id uuid not null,
  id uuid not null,
  session_id uuid not null,
  user_id uuid not null,
  kind text not null constraint session_records_kind_is_known check (
    kind in ('reading', 'survey_pre', 'survey_inter', 'survey_post', 'progression', 'adaptive_event')
  ),
  occurred_at timestamptz not null,
  data_source text constraint session_records_origin_is_known check (data_source in ('mock', 'bluetooth', 'manual')),
  spo2 double precision,
  heart_rate double precision,
  payload jsonb,
  local_id text,
  written_at timestamptz not null,
  ahead_at timestamptz,
  settled uuid[],
  received_at timestamptz not null,
  primary key (org_id, id)
) partition by range (id);
create index session_records_by_session on syncwell.session_records (org_id, session_id, kind, id);
create index session_records_by_user on syncwell.session_records (org_id, user_id, id);
comment on table syncwell.session_records is
'Readings, surveys and what else happened in sessions, also in those nobody has started yet. Partitioned by month on '
'the id, which is made of occurred_at, session and kind: one row for each of these. Kept for setting '
'ingest.session_retention, for ever by default.';
comment on column syncwell.session_records.org_id is 'The org.';
comment on column syncwell.session_records.id is
'A UUIDv7 of occurred_at whose other digits are a hash of session, kind and time: the same wherever it is made.';
comment on column syncwell.session_records.session_id is 'The session (sync_sessions), which may come later.';
comment on column syncwell.session_records.user_id is 'Whose it is.';
comment on column syncwell.session_records.kind is
'reading, survey_pre, survey_inter, survey_post, progression or adaptive_event.';
comment on column syncwell.session_records.occurred_at is 'When it happened.';
comment on column syncwell.session_records.data_source is
'mock (made up, never counted), bluetooth, manual; NULL when not told.';
comment on column syncwell.session_records.spo2 is 'Oxygen saturation in percent; NULL: none.';
comment on column syncwell.session_records.heart_rate is 'Heart beats a minute; NULL: none.';
comment on column syncwell.session_records.payload is 'What else it says; NULL: nothing.';
comment on column syncwell.session_records.local_id is 'The name the device gave it; NULL: none.';
comment on column syncwell.session_records.written_at is
'When its newest version was written, by the clock of the client, at the latest when it arrived.';
comment on column syncwell.session_records.ahead_at is 'See data_event_keys.ahead_at.';
comment on column syncwell.session_records.settled is 'See data_event_keys.settled.';
comment on column syncwell.session_records.received_at is 'When that version arrived.';

create table syncwell.session_counts (
  org_id uuid not null,
  session_id uuid not null,
  kind text not null,
  user_id uuid not null,
  records bigint not null,
  mock_records bigint not null,
  late_records bigint not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  first_received_at timestamptz not null,
  last_received_at timestamptz not null,
  spo2_count bigint not null default 0,
  spo2_sum numeric not null default 0,
  spo2_min double precision,
  spo2_max double precision,
  heart_rate_count bigint not null default 0,
  heart_rate_sum numeric not null default 0,
  heart_rate_min double precision,
  heart_rate_max double precision,
  has_session boolean not null,
  primary key (org_id, session_id, kind)
) with (fillfactor = 70);
create index session_counts_orphans on syncwell.session_counts (org_id, user_id) where not has_session;
comment on table syncwell.session_counts is
'What has arrived of each session, by kind: kept with every batch, so that nobody counts records.';
comment on column syncwell.session_counts.org_id is 'The org.';
comment on column syncwell.session_counts.session_id is 'The session.';
comment on column syncwell.session_counts.kind is 'The kind of record.';
comment on column syncwell.session_counts.user_id is 'Whose session it is.';
comment on column syncwell.session_counts.records is 'Records of the kind.';
comment on column syncwell.session_counts.mock_records is 'Those of them that are made up.';
comment on column syncwell.session_counts.late_records is
'Those that arrived later than setting ingest.late_after after they happened and the session was known.';
comment on column syncwell.session_counts.first_at is 'When the first of them happened.';
comment on column syncwell.session_counts.last_at is 'When the last of them happened.';
comment on column syncwell.session_counts.first_received_at is 'When the first of them arrived.';
comment on column syncwell.session_counts.last_received_at is 'When something of them last arrived.';
comment on column syncwell.session_counts.spo2_count is 'Records with oxygen saturation, mock ones left out, as below.';
comment on column syncwell.session_counts.spo2_sum is 'Their sum in percent.';
comment on column syncwell.session_counts.spo2_min is 'The lowest; NULL: none.';
comment on column syncwell.session_counts.spo2_max is 'The highest; NULL: none.';
comment on column syncwell.session_counts.heart_rate_count is 'Records with a heart rate.';
comment on column syncwell.session_counts.heart_rate_sum is 'Their sum in beats a minute.';
comment on column syncwell.session_counts.heart_rate_min is 'The lowest; NULL: none.';
comment on column syncwell.session_counts.heart_rate_max is 'The highest; NULL: none.';
comment on column syncwell.session_counts.has_session is
'Whether sync_sessions has the session; if not it is an orphan.';

create table syncwell.session_merges (
  org_id uuid not null references syncwell.orgs on delete cascade,
  merge_id uuid not null,
  user_id uuid not null,
  kept_id uuid not null,
  removed_id uuid not null,
  reason text not null,
  kept_before jsonb not null,
  kept_after jsonb not null,
  removed_session jsonb,
  moved bigint not null,
  merged_at timestamptz not null,
  reverted_at timestamptz,
  primary key (org_id, merge_id),
  foreign key (org_id, user_id) references syncwell.users (org_id, user_id) on delete cascade
);
create unique index session_merges_removed on syncwell.session_merges (org_id, removed_id) where reverted_at is null;
create index session_merges_reverted on syncwell.session_merges (org_id, removed_id) where reverted_at is not null;
create index session_merges_by_user on syncwell.session_merges (org_id, user_id, merge_id);
comment on table syncwell.session_merges is
'Which sessions were merged: what arrives for the removed one goes to the one that was kept, until it is reverted.';
comment on column syncwell.session_merges.org_id is 'The org.';
comment on column syncwell.session_merges.merge_id is 'The merge''s id.';
comment on column syncwell.session_merges.user_id is 'Whose sessions they are.';
comment on column syncwell.session_merges.kept_id is 'The session that was kept.';
comment on column syncwell.session_merges.removed_id is 'The one that went into it.';
comment on column syncwell.session_merges.reason is 'Why they are one: see find_duplicate_sessions().';
comment on column syncwell.session_merges.kept_before is 'The row of sync_sessions that was kept, as it was.';
comment on column syncwell.session_merges.kept_after is 'That row as the merge left it.';
comment on column syncwell.session_merges.removed_session is
'The row that was removed; NULL: there was none, only records of a session that nobody started.';
comment on column syncwell.session_merges.moved is 'How many rows were moved.';
comment on column syncwell.session_merges.merged_at is 'When.';
comment on column syncwell.session_merges.reverted_at is 'When it was reverted; NULL: it stands.';

create table syncwell.session_merge_moves (
  org_id uuid not null,
  merge_id uuid not null,
  user_id uuid not null,
  table_name text not null
  constraint session_merge_moves_table_is_known
  check (table_name in ('session_records', 'data_events', 'local_ids', 'session_counts')),
  row_key text not null,
  row_before jsonb not null,
  kept_before jsonb,
  primary key (org_id, merge_id, table_name, row_key),
  foreign key (org_id, merge_id) references syncwell.session_merges on delete cascade
);
create index session_merge_moves_by_user on syncwell.session_merge_moves (org_id, user_id);
comment on table syncwell.session_merge_moves is 'Each row a merge moved, as it was: what reverts it.';
comment on column syncwell.session_merge_moves.org_id is 'The org.';
comment on column syncwell.session_merge_moves.merge_id is 'The merge.';
comment on column syncwell.session_merge_moves.user_id is 'Whose row it is.';
comment on column syncwell.session_merge_moves.table_name is
'session_records, data_events or local_ids; session_counts: what there was of both sessions.';
comment on column syncwell.session_merge_moves.row_key is 'Its key.';
comment on column syncwell.session_merge_moves.row_before is
'Of a row that was moved: what the move changed, as it was; of one that went: all of it.';
comment on column syncwell.session_merge_moves.kept_before is
'The row of the session that was kept for the same kind and time, where there was one; NULL: none.';

create type syncwell.ingest_row as (
  place integer,
  rejected text,
  external_id text,
  occurred_at timestamptz,
  client_at timestamptz,
  data_source text,
  platform text,
  session text,
  spo2 double precision,
  heart_rate double precision,
  payload jsonb,
  local_id text
);
comment on type syncwell.ingest_row is
'A row of a batch, read and checked: place counts from 0, rejected says why it is not taken.';

create type syncwell.ingest_event as (
  external_id text,
  occurred_at timestamptz,
  platform text,
  data_source text,
  session_id uuid,
  payload jsonb,
  content_hash uuid,
  client_at timestamptz,
  turn bigint
);
comment on type syncwell.ingest_event is
'An event about to be stored: client_at is when the client says that it wrote it; turn counts the versions of one name '
'in a batch, the oldest first.';

create type syncwell.ingest_record as (
  record syncwell.session_records,
  client_at timestamptz,
  turn bigint
);
comment on type syncwell.ingest_record is
'A session record about to be stored: client_at is when the client says that it wrote it; turn counts the versions of '
'one record in a batch, the oldest first.';
