-- delta: which of the application's tables are synced, what changed in them, and what each device has seen.

create table syncwell.synced_tables (
  table_id integer generated always as identity primary key,
  table_name text not null unique
  constraint synced_tables_are_named_safely
  check (
    table_name ~ '^[A-Za-z][A-Za-z0-9_]{0,47}$' and table_name not in ('constructor', 'prototype', 'local_storage')
  ),
  relation regclass not null unique,
  scope_kind text not null
  constraint synced_tables_scope_is_known check (scope_kind in ('user', 'org', 'org_user')),
  scope_column name not null,
  org_column name,
  id_column name not null,
  key_columns name[] not null,
  conflict_policy text not null
  constraint synced_tables_policy_is_known
  check (conflict_policy in ('reject', 'last_write_wins', 'merge_columns', 'server_wins', 'function')),
  conflict_function text,
  rls_revokes boolean not null default false,
  partitions integer,
  position integer not null,
  registered_xid xid8 not null,
  reset_xid xid8,
  registered_at timestamptz not null default syncwell._now(),
  registered_by name not null default session_user,
  constraint synced_tables_name_their_org check ((scope_kind = 'org_user') = (org_column is not null)),
  constraint synced_tables_name_their_function check ((conflict_policy = 'function') = (conflict_function is not null))
);
comment on table syncwell.synced_tables is
'The application''s tables that devices sync. Written by register_synced_table(); the same for all orgs.';
comment on column syncwell.synced_tables.table_id is 'Short id, never used again for another table.';
comment on column syncwell.synced_tables.table_name is 'Name of the collection in the protocol.';
comment on column syncwell.synced_tables.relation is 'The table.';
comment on column syncwell.synced_tables.scope_kind is
'Whose a row is: user (scope_column is a user id), org (an org id), org_user (a user id, with the org in org_column).';
comment on column syncwell.synced_tables.scope_column is 'Column that says whose a row is.';
comment on column syncwell.synced_tables.org_column is 'Column with the org, for scope_kind org_user.';
comment on column syncwell.synced_tables.id_column is 'Column with the record''s id.';
comment on column syncwell.synced_tables.key_columns is
'The unique key that finds a record: the id, with its scope or alone.';
comment on column syncwell.synced_tables.conflict_policy is
'What a push does that conflicts: reject, last_write_wins, merge_columns, server_wins, or function.';
comment on column syncwell.synced_tables.conflict_function is
'The function that decides, for conflict_policy function.';
comment on column syncwell.synced_tables.rls_revokes is
'Whether a changed row that the table''s own policies hide from its owner is sent as deleted; else such a pull fails.';
comment on column syncwell.synced_tables.partitions is
'How many partitions are tracked, at all levels; NULL for a table that is not partitioned.';
comment on column syncwell.synced_tables.position is 'Order of writing: what foreign keys point to comes first.';
comment on column syncwell.synced_tables.registered_xid is
'The transaction that registered it: a cursor that can''t see it gets the table in full.';
comment on column syncwell.synced_tables.reset_xid is
'The last transaction that truncated or resynced it: a cursor that can''t see it gets the table in full; NULL: none.';
comment on column syncwell.synced_tables.registered_at is 'When it was registered.';
comment on column syncwell.synced_tables.registered_by is 'The login that registered it.';

create table syncwell.unregistered_tables (
  table_name text primary key,
  unregistered_at timestamptz not null
);
comment on table syncwell.unregistered_tables is
'Names of collections that were synced once: devices may still have their records, and replace them should the name be '
'registered again.';
comment on column syncwell.unregistered_tables.table_name is 'Name of the collection in the protocol.';
comment on column syncwell.unregistered_tables.unregistered_at is 'When it was unregistered last.';

create table syncwell.synced_columns (
  table_id integer not null references syncwell.synced_tables on delete cascade,
  column_name name not null
  constraint synced_columns_are_named_safely
  check (
    column_name ~ '^[A-Za-z][A-Za-z0-9_]*$' and column_name not in ('id', 'constructor', 'prototype', 'toString')
  ),
  position integer not null,
  column_type regtype not null,
  encoding text not null
  constraint synced_columns_encoding_is_known
  check (encoding in ('text', 'number', 'boolean', 'epoch_ms', 'epoch_s', 'iso', 'json', 'base64')),
  json_type text not null generated always as (
    case
      when encoding in ('number', 'epoch_ms', 'epoch_s') then 'number'
      when encoding = 'boolean' then 'boolean'
      else 'string'
    end
  ) stored,
  writable boolean not null,
  primary key (table_id, column_name)
);
comment on table syncwell.synced_columns is
'Which columns of a synced table devices get, as what, and which they may write.';
comment on column syncwell.synced_columns.table_id is 'The table.';
comment on column syncwell.synced_columns.column_name is
'The column, under the same name in the table and in the protocol.';
comment on column syncwell.synced_columns.position is 'Its place in a record.';
comment on column syncwell.synced_columns.column_type is 'Its type in the table.';
comment on column syncwell.synced_columns.encoding is
'How its value is sent: text, number, boolean, epoch_ms and epoch_s (time as milliseconds or seconds since 1970), iso '
'(ISO 8601), json (JSON text in a string), base64.';
comment on column syncwell.synced_columns.json_type is 'What that is in JSON: string, number or boolean.';
comment on column syncwell.synced_columns.writable is 'Whether a push may write it; generated columns never.';

-- no foreign key and no check: it is written by every change of every synced table
create table syncwell.record_changes (
  scope uuid not null,
  table_id integer not null,
  record_id text collate "C" not null,
  xid xid8 not null,
  created_xid xid8,
  earlier_lives xid8[],
  deleted_at timestamptz,
  primary key (scope, table_id, record_id)
) with (fillfactor = 80);
create index record_changes_by_xid on syncwell.record_changes (scope, xid, table_id);
create index record_changes_deleted on syncwell.record_changes (deleted_at) where deleted_at is not null;
comment on table syncwell.record_changes is
'The last change of every record that has changed since its table was registered; what is not here is older than '
'every cursor. Written by the triggers of the synced tables.';
comment on column syncwell.record_changes.scope is 'The user or the org whose record it is.';
comment on column syncwell.record_changes.table_id is 'The synced table.';
comment on column syncwell.record_changes.record_id is 'The record''s id, as text.';
comment on column syncwell.record_changes.xid is 'The transaction that changed it last.';
comment on column syncwell.record_changes.created_xid is
'The transaction that created it, or moved it into this scope; NULL: before the table was registered.';
comment on column syncwell.record_changes.earlier_lives is
'For an id that was used again: the transactions that created and deleted it before, in turn, the newest last, at most '
'20; NULL for its first life.';
comment on column syncwell.record_changes.deleted_at is 'When it was deleted or left this scope; NULL while it lives.';

create type syncwell.pull_part as (
  table_id integer,
  table_name text,
  scope uuid,
  how text,
  revokes boolean,
  columns text array,
  created text array,
  updated text array,
  deleted text array,
  after text,
  absent text array,
  known text array,
  gone text array
);
comment on type syncwell.pull_part is 'What a pull has to send of one table; made and used inside sync_pull().';

-- above all times in milliseconds until 2109: to a client that comes from a backend with timestamps, cursors only grow
create sequence syncwell.sync_cursor_numbers start 4294967296;
comment on sequence syncwell.sync_cursor_numbers is 'Makes cursors: a value × 1024 + a random number below 1024.';

create table syncwell.sync_incarnations (
  incarnation integer generated always as identity primary key,
  system_identifier text not null,
  since timestamptz not null default syncwell._now()
);
comment on table syncwell.sync_incarnations is
'The clusters this database has lived in; the newest row is the current one. Transaction ids are never compared '
'across two of them.';
comment on column syncwell.sync_incarnations.incarnation is 'Number of the incarnation.';
comment on column syncwell.sync_incarnations.system_identifier is 'The cluster''s own identifier.';
comment on column syncwell.sync_incarnations.since is 'When the first pull or push noticed it.';

create table syncwell.sync_cursors (
  org_id uuid not null,
  user_id uuid not null,
  cursor bigint not null,
  device_id text not null,
  incarnation integer not null,
  snapshot pg_snapshot not null,
  base_snapshot pg_snapshot,
  base_own_xids xid8[],
  page_table integer,
  page_record text,
  plan jsonb,
  parent bigint,
  own_xids xid8[] not null default '{}',
  absent jsonb,
  tables integer[],
  schema_version integer,
  created_at timestamptz not null,
  idle_until timestamptz,
  primary key (org_id, user_id, cursor),
  foreign key (org_id, user_id) references syncwell.users (org_id, user_id) on delete cascade,
  constraint sync_cursors_of_pages_know_their_place check ((page_table is null) = (page_record is null))
) with (fillfactor = 80);
create index sync_cursors_by_device on syncwell.sync_cursors (org_id, user_id, device_id);
create index sync_cursors_by_age on syncwell.sync_cursors (created_at);
comment on table syncwell.sync_cursors is
'What each cursor that was handed out stands for. Presenting one proves that it arrived: then the device''s older '
'ones go.';
comment on column syncwell.sync_cursors.org_id is 'The org.';
comment on column syncwell.sync_cursors.user_id is 'The user whose device it is.';
comment on column syncwell.sync_cursors.cursor is 'The number the device hands back (lastPulledAt).';
comment on column syncwell.sync_cursors.device_id is 'The device; empty where the client names none.';
comment on column syncwell.sync_cursors.incarnation is 'The cluster in which the snapshot means something.';
comment on column syncwell.sync_cursors.snapshot is
'The transactions whose changes the device has, once it has all pages.';
comment on column syncwell.sync_cursors.base_snapshot is
'For a page that is not the last: the snapshot the paged pull started from; NULL with page_table set: from nothing.';
comment on column syncwell.sync_cursors.base_own_xids is
'For a page: the device''s own pushes under the cursor it started from.';
comment on column syncwell.sync_cursors.page_table is
'For a page that is not the last: the table it stopped in; NULL: complete.';
comment on column syncwell.sync_cursors.page_record is 'For a page that is not the last: the last record it sent.';
comment on column syncwell.sync_cursors.plan is
'For a pull that is not finished, paged or streamed: what it sends of each table and what it has sent so far.';
comment on column syncwell.sync_cursors.parent is
'The complete cursor that the pull started from; NULL for a first pull and a replacement.';
comment on column syncwell.sync_cursors.own_xids is
'Transactions of pushes made under this cursor: no conflict for this device.';
comment on column syncwell.sync_cursors.absent is
'Records the device deleted and a push kept, by table id: the next pull sends them as created; NULL: none.';
comment on column syncwell.sync_cursors.tables is 'The tables it covers; NULL: all. Others are sent in full.';
comment on column syncwell.sync_cursors.schema_version is 'The client''s schema version.';
comment on column syncwell.sync_cursors.created_at is 'When it was handed out.';
comment on column syncwell.sync_cursors.idle_until is
'Until when a pull that finds nothing new writes nothing: by settings delta.idle_interval and delta.cursor_refresh.';

create table syncwell.sync_horizons (
  scope uuid primary key,
  purged_below xid8 not null,
  purged bigint not null default 0,
  raised_at timestamptz not null
);
comment on table syncwell.sync_horizons is
'Up to where tombstones of a scope have been cleaned up: a cursor that may have missed one is answered in full.';
comment on column syncwell.sync_horizons.scope is 'The user or the org.';
comment on column syncwell.sync_horizons.purged_below is 'Tombstones of transactions before this one may be gone.';
comment on column syncwell.sync_horizons.purged is 'How many have been cleaned up in all.';
comment on column syncwell.sync_horizons.raised_at is 'When it was raised last.';

create table syncwell.sync_devices (
  org_id uuid not null,
  user_id uuid not null,
  device_id text not null,
  platform text,
  app_version text,
  network_type text,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  last_pull timestamptz,
  last_push timestamptz,
  cursor bigint,
  cursor_at timestamptz,
  schema_version integer,
  records jsonb,
  pulls bigint not null default 0,
  pushes bigint not null default 0,
  failures bigint not null default 0,
  conflicts bigint not null default 0,
  quarantined bigint not null default 0,
  full_resyncs bigint not null default 0,
  failing_since timestamptz,
  last_error_code text,
  may_shrink boolean not null default false,
  invalidated_xid xid8,
  primary key (org_id, user_id, device_id),
  foreign key (org_id, user_id) references syncwell.users (org_id, user_id) on delete cascade
) with (fillfactor = 70);
comment on table syncwell.sync_devices is 'One row a device: what it is, when it was here, what it was given.';
comment on column syncwell.sync_devices.org_id is 'The org.';
comment on column syncwell.sync_devices.user_id is 'The user.';
comment on column syncwell.sync_devices.device_id is 'The device''s own id; empty where the client names none.';
comment on column syncwell.sync_devices.platform is 'android, ios, web, server or other; NULL when not told.';
comment on column syncwell.sync_devices.app_version is 'Version of the app as the client gives it; NULL when not told.';
comment on column syncwell.sync_devices.network_type is 'e.g. wifi, cellular; NULL when not told or without consent.';
comment on column syncwell.sync_devices.first_seen is 'When it synced first.';
comment on column syncwell.sync_devices.last_seen is 'When it pulled or pushed last; idle pulls count once a minute.';
comment on column syncwell.sync_devices.last_pull is 'When it pulled last; idle pulls count once a minute.';
comment on column syncwell.sync_devices.last_push is 'When it pushed last.';
comment on column syncwell.sync_devices.cursor is 'The cursor it was given last.';
comment on column syncwell.sync_devices.cursor_at is 'When that was.';
comment on column syncwell.sync_devices.schema_version is 'The client''s schema version at its last pull.';
comment on column syncwell.sync_devices.records is 'How many records it should have, by table id; NULL when not known.';
comment on column syncwell.sync_devices.pulls is 'Pulls with changes.';
comment on column syncwell.sync_devices.pushes is 'Pushes that were accepted.';
comment on column syncwell.sync_devices.failures is 'Pushes that failed.';
comment on column syncwell.sync_devices.conflicts is 'Records in conflict, refused ones included.';
comment on column syncwell.sync_devices.quarantined is 'Records that were put aside as bad.';
comment on column syncwell.sync_devices.full_resyncs is 'Pulls that replaced everything, the first one not counted.';
comment on column syncwell.sync_devices.failing_since is
'When the first push failed since the last one that was accepted; NULL: the last one was.';
comment on column syncwell.sync_devices.last_error_code is 'SQLSTATE of the last push, where it failed.';
comment on column syncwell.sync_devices.may_shrink is
'Set by invalidate_client(): its next pull may delete however much; one pull clears it.';
comment on column syncwell.sync_devices.invalidated_xid is
'The transaction of invalidate_client(), until a pull has seen it: what an older snapshot was given counts for '
'nothing.';

create table syncwell.sync_requests (
  org_id uuid not null,
  user_id uuid not null,
  request_id text not null,
  answer json not null,
  created_at timestamptz not null,
  primary key (org_id, user_id, request_id),
  foreign key (org_id, user_id) references syncwell.users (org_id, user_id) on delete cascade
);
create index sync_requests_by_age on syncwell.sync_requests (created_at);
comment on table syncwell.sync_requests is
'The answers of pushes by request id, so that a push told again is answered and not repeated. Kept for setting '
'delta.request_retention.';
comment on column syncwell.sync_requests.org_id is 'The org.';
comment on column syncwell.sync_requests.user_id is 'The user.';
comment on column syncwell.sync_requests.request_id is 'The client''s own name for the push.';
comment on column syncwell.sync_requests.answer is 'What was answered.';
comment on column syncwell.sync_requests.created_at is 'When.';

create table syncwell.sync_conflicts (
  org_id uuid not null,
  id uuid not null,
  user_id uuid not null,
  device_id text not null,
  scope uuid not null,
  table_name text not null,
  record_id text not null,
  action text not null constraint sync_conflicts_action_is_known check (action in ('created', 'updated', 'deleted')),
  policy text not null,
  outcome text not null
  constraint sync_conflicts_outcome_is_known check (outcome in ('client', 'server', 'merged')),
  server_record jsonb,
  client_record jsonb,
  changed_columns text[],
  occurred_at timestamptz not null,
  choice text constraint sync_conflicts_choice_is_known check (choice in ('client', 'server')),
  resolved_at timestamptz,
  resolved_by uuid,
  primary key (org_id, id),
  foreign key (org_id, user_id) references syncwell.users (org_id, user_id) on delete cascade
);
create index sync_conflicts_by_user on syncwell.sync_conflicts (org_id, user_id, id);
create index sync_conflicts_by_age on syncwell.sync_conflicts (occurred_at);
comment on table syncwell.sync_conflicts is
'Every conflict that a policy decided, with both versions as the client sees them. Kept for setting '
'delta.conflict_retention.';
comment on column syncwell.sync_conflicts.org_id is 'The org.';
comment on column syncwell.sync_conflicts.id is 'The conflict''s id, a UUIDv7.';
comment on column syncwell.sync_conflicts.user_id is 'The user who pushed.';
comment on column syncwell.sync_conflicts.device_id is 'The device that pushed.';
comment on column syncwell.sync_conflicts.scope is 'The user or the org whose record it is.';
comment on column syncwell.sync_conflicts.table_name is 'The synced table.';
comment on column syncwell.sync_conflicts.record_id is 'The record.';
comment on column syncwell.sync_conflicts.action is 'What the device did: created, updated or deleted.';
comment on column syncwell.sync_conflicts.policy is 'The policy that decided.';
comment on column syncwell.sync_conflicts.outcome is
'client: the pushed version; server: the stored one; merged: of both.';
comment on column syncwell.sync_conflicts.server_record is 'The stored version before; NULL: it was deleted.';
comment on column syncwell.sync_conflicts.client_record is 'The pushed version; NULL: a deletion.';
comment on column syncwell.sync_conflicts.changed_columns is
'The columns the device says it changed; NULL when not told.';
comment on column syncwell.sync_conflicts.occurred_at is 'When it was decided.';
comment on column syncwell.sync_conflicts.choice is 'What a person chose later: client or server; NULL: nobody did.';
comment on column syncwell.sync_conflicts.resolved_at is 'When a person chose.';
comment on column syncwell.sync_conflicts.resolved_by is 'Who chose; NULL for a service.';

create table syncwell.sync_quarantine (
  org_id uuid not null,
  id uuid not null,
  user_id uuid not null,
  device_id text not null,
  table_name text not null,
  record_id text,
  action text not null constraint sync_quarantine_action_is_known check (action in ('created', 'updated', 'deleted')),
  record text,
  error_code text not null,
  reason text not null,
  quarantined_at timestamptz not null,
  resolved_at timestamptz,
  primary key (org_id, id),
  foreign key (org_id, user_id) references syncwell.users (org_id, user_id) on delete cascade
);
create index sync_quarantine_open on syncwell.sync_quarantine (org_id, user_id, device_id) where resolved_at is null;
create index sync_quarantine_by_age on syncwell.sync_quarantine (quarantined_at);
comment on table syncwell.sync_quarantine is
'Pushed records that the table refused: answered as accepted, so that they don''t block their device for ever. Kept '
'for setting delta.conflict_retention.';
comment on column syncwell.sync_quarantine.org_id is 'The org.';
comment on column syncwell.sync_quarantine.id is 'The entry''s id, a UUIDv7.';
comment on column syncwell.sync_quarantine.user_id is 'The user who pushed.';
comment on column syncwell.sync_quarantine.device_id is 'The device that pushed.';
comment on column syncwell.sync_quarantine.table_name is 'The synced table.';
comment on column syncwell.sync_quarantine.record_id is 'The record; NULL where it has no readable id.';
comment on column syncwell.sync_quarantine.action is 'What the device did: created, updated or deleted.';
comment on column syncwell.sync_quarantine.record is 'The record as the device sent it, as text; NULL for a deletion.';
comment on column syncwell.sync_quarantine.error_code is 'SQLSTATE of the refusal.';
comment on column syncwell.sync_quarantine.reason is 'Why it was refused.';
comment on column syncwell.sync_quarantine.quarantined_at is 'When it was put aside.';
comment on column syncwell.sync_quarantine.resolved_at is
'When a later push of the same record was accepted, or somebody settled it; NULL: open.';
