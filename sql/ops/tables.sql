-- ops: what keeps an installation well: maintenance, a check of itself, and what is done with all domains at once.

create table syncwell.maintenance_duties (
  duty text primary key,
  task text not null references syncwell.maintenance_tasks on delete cascade,
  started_at timestamptz,
  finished_at timestamptz,
  succeeded_at timestamptz,
  affected bigint,
  error_code text,
  error text,
  failures integer not null default 0
) with (fillfactor = 70);
comment on table syncwell.maintenance_duties is
'How each duty of maintenance last went. Whoever does one holds its row, so that nobody else does.';
comment on column syncwell.maintenance_duties.duty is
'The task, followed by a colon and the table where it is done for each.';
comment on column syncwell.maintenance_duties.task is 'The task.';
comment on column syncwell.maintenance_duties.started_at is 'When it was last started; NULL: never.';
comment on column syncwell.maintenance_duties.finished_at is 'When that ended.';
comment on column syncwell.maintenance_duties.succeeded_at is 'When it last went well; NULL: never.';
comment on column syncwell.maintenance_duties.affected is 'How much it then did, mostly rows; NULL: it failed.';
comment on column syncwell.maintenance_duties.error_code is 'SQLSTATE of its failure; NULL: it went well.';
comment on column syncwell.maintenance_duties.error is 'Why it failed, without secrets; NULL: it went well.';
comment on column syncwell.maintenance_duties.failures is 'How often it failed since it last went well.';

create table syncwell.maintenance_runs (
  id uuid primary key,
  run_id uuid not null,
  duty text not null,
  started_at timestamptz not null,
  finished_at timestamptz not null,
  affected bigint,
  error_code text,
  error text,
  done_by name not null
);
create index maintenance_runs_by_duty on syncwell.maintenance_runs (duty, id);
comment on table syncwell.maintenance_runs is 'What maintenance did. Kept for setting ops.maintenance_retention.';
comment on column syncwell.maintenance_runs.id is 'A UUIDv7 of started_at.';
comment on column syncwell.maintenance_runs.run_id is 'The call of run_maintenance() it was part of.';
comment on column syncwell.maintenance_runs.duty is 'What was done: see maintenance_duties.';
comment on column syncwell.maintenance_runs.started_at is 'When it was started.';
comment on column syncwell.maintenance_runs.finished_at is 'When it ended.';
comment on column syncwell.maintenance_runs.affected is 'How much it did, mostly rows; NULL: it failed.';
comment on column syncwell.maintenance_runs.error_code is 'SQLSTATE of its failure; NULL: it went well.';
comment on column syncwell.maintenance_runs.error is 'Why it failed, without secrets; NULL: it went well.';
comment on column syncwell.maintenance_runs.done_by is 'The login that called.';

create table syncwell.installed_objects (
  kind text not null,
  name text not null,
  definition_hash text not null,
  primary key (kind, name)
);
comment on table syncwell.installed_objects is
'What the migrations left behind, for verify_install() to compare with what is there.';
comment on column syncwell.installed_objects.kind is
'function, table, column, constraint, index, policy, trigger, view or grant.';
comment on column syncwell.installed_objects.name is 'The object.';
comment on column syncwell.installed_objects.definition_hash is 'A hash of what it is like.';

create type syncwell.install_finding as (
  check_name text,
  severity text,
  subject text,
  detail text,
  remedy text
);
comment on type syncwell.install_finding is 'What a check of the installation found, see verify_install().';

create table syncwell.erasures (
  org_id uuid references syncwell.orgs on delete cascade,
  id uuid primary key,
  subject_hash bytea not null,
  erased_at timestamptz not null,
  erased_xid xid8 not null,
  login_role name not null,
  erased_rows bigint not null,
  waits_for text[],
  settled_at timestamptz
);
comment on table syncwell.erasures is 'That users were erased: not whom.';
comment on column syncwell.erasures.org_id is 'The org; NULL where the user was erased before and something was left.';
comment on column syncwell.erasures.id is 'The erasure''s id.';
comment on column syncwell.erasures.subject_hash is
'SHA-256 of the user''s id as text: whoever has the id can tell that it was erased.';
comment on column syncwell.erasures.erased_at is 'When.';
comment on column syncwell.erasures.erased_xid is 'In which transaction.';
comment on column syncwell.erasures.login_role is 'The login that did it.';
comment on column syncwell.erasures.erased_rows is 'How many rows were deleted or anonymised.';
comment on column syncwell.erasures.waits_for is
'The transactions that were open when maintenance first looked for what they left, by _open_transactions(); NULL: it '
'has not yet.';
comment on column syncwell.erasures.settled_at is
'When maintenance had looked for what calls under way still wrote; NULL: not yet.';

create table syncwell.sync_slots (
  org_id uuid not null references syncwell.orgs on delete cascade,
  user_id uuid,
  slot text not null,
  request_id uuid,
  source text,
  taken_at timestamptz,
  held_until timestamptz,
  asked_at timestamptz not null,
  unique nulls not distinct (org_id, user_id, slot),
  foreign key (org_id, user_id) references syncwell.users (org_id, user_id) on delete cascade
) with (fillfactor = 50);
comment on table syncwell.sync_slots is
'Who is syncing because request_sync() allowed it: one sync at a time for each slot, of which every device has one.';
comment on column syncwell.sync_slots.org_id is 'The org.';
comment on column syncwell.sync_slots.user_id is 'The user whose device it is; NULL: the org''s own.';
comment on column syncwell.sync_slots.slot is
'A hash of the device''s id; where none was told, source: and the source.';
comment on column syncwell.sync_slots.request_id is 'The request that was last allowed; NULL: none, or it is over.';
comment on column syncwell.sync_slots.source is 'What it syncs.';
comment on column syncwell.sync_slots.taken_at is 'When it was allowed.';
comment on column syncwell.sync_slots.held_until is 'When it is taken for dead: setting ops.sync_timeout later.';
comment on column syncwell.sync_slots.asked_at is 'When it was last asked for, in vain or not.';

create table syncwell.sync_paces (
  org_id uuid not null references syncwell.orgs on delete cascade,
  user_id uuid,
  slot text not null,
  source text not null,
  reason text
  constraint sync_paces_reason_is_known check (
    reason in (
      'initialization', 'foreground', 'reconnect', 'periodic', 'save', 'background', 'session', 'session_end',
      'manual', 'push'
    )
  ),
  allowed_at timestamptz,
  finished_at timestamptz,
  failed_at timestamptz,
  failures integer not null default 0,
  asked_at timestamptz not null,
  unique nulls not distinct (org_id, user_id, slot, source),
  foreign key (org_id, user_id) references syncwell.users (org_id, user_id) on delete cascade
) with (fillfactor = 50);
comment on table syncwell.sync_paces is
'When each device was last allowed to sync a source: what request_sync() decides by. Kept for setting '
'ops.request_retention.';
comment on column syncwell.sync_paces.org_id is 'The org.';
comment on column syncwell.sync_paces.user_id is 'The user whose device it is; NULL: the org''s own.';
comment on column syncwell.sync_paces.slot is 'The device: see sync_slots.slot.';
comment on column syncwell.sync_paces.source is 'What it syncs.';
comment on column syncwell.sync_paces.reason is 'Why it was last allowed to; NULL: it never was.';
comment on column syncwell.sync_paces.allowed_at is 'When it was last allowed to; NULL: never.';
comment on column syncwell.sync_paces.finished_at is 'When it last said that it was done; NULL: never.';
comment on column syncwell.sync_paces.failed_at is 'When it last said that it had failed; NULL: never.';
comment on column syncwell.sync_paces.failures is 'How often it has said so since it last succeeded.';
comment on column syncwell.sync_paces.asked_at is 'When it last asked, allowed or not.';

create table syncwell.imports (
  name text not null,
  kind text not null
  constraint imports_kind_is_known check (kind in ('sessions', 'records', 'events', 'sync_state', 'sync_health')),
  is_dry_run boolean not null,
  last_key text,
  rows_read bigint not null default 0,
  imported bigint not null default 0,
  duplicates bigint not null default 0,
  updated bigint not null default 0,
  rejected bigint not null default 0,
  is_done boolean not null default false,
  started_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (name, kind, is_dry_run)
);
comment on table syncwell.imports is 'How far import_existing() has come.';
comment on column syncwell.imports.name is 'What the import was called.';
comment on column syncwell.imports.kind is 'sessions, records, events, sync_state or sync_health.';
comment on column syncwell.imports.is_dry_run is 'Whether it only saw what would be.';
comment on column syncwell.imports.last_key is
'The key after which it goes on, no user''s id; NULL: it has read nothing yet.';
comment on column syncwell.imports.rows_read is 'How many of the host''s rows it has read.';
comment on column syncwell.imports.imported is 'Rows that are new here.';
comment on column syncwell.imports.duplicates is 'Rows that changed nothing.';
comment on column syncwell.imports.updated is 'Rows that told more, or newer, of what was here.';
comment on column syncwell.imports.rejected is 'Rows that were not taken.';
comment on column syncwell.imports.is_done is 'Whether it has read all rows there were.';
comment on column syncwell.imports.started_at is 'When it began.';
comment on column syncwell.imports.updated_at is 'When it last went on.';

create table syncwell.metric_totals (
  org_id uuid not null references syncwell.orgs on delete cascade,
  metric text not null,
  source text not null,
  label text not null default '',
  value numeric not null constraint metric_totals_are_not_negative check (value >= 0),
  primary key (org_id, metric, source, label)
) with (fillfactor = 50);
comment on table syncwell.metric_totals is
'Counters of each source that only grow, whatever becomes of the rows they count: retention, erasure and corrections '
'take nothing away. Triggers keep them as hours of sync_metrics and minutes of source_attempts come and go.';
comment on column syncwell.metric_totals.org_id is 'The org.';
comment on column syncwell.metric_totals.metric is 'Which counter: see get_metric_samples().';
comment on column syncwell.metric_totals.source is 'What was synced.';
comment on column syncwell.metric_totals.label is
'Of sync_runs_total the status; of sync_run_duration_seconds_bucket n, for durations above 2^(n-1) up to 2^n '
'milliseconds, the first and last bucket open to their side; else empty.';
comment on column syncwell.metric_totals.value is 'The count; of sync_run_duration_seconds_sum milliseconds.';

create type syncwell.metric_sample as (
  org_id uuid,
  metric text,
  sample text,
  labels jsonb,
  place integer,
  value double precision
);
comment on type syncwell.metric_sample is
'A sample of what openmetrics() tells. org_id: NULL where orgs are summed up; place: its order within its labels.';
