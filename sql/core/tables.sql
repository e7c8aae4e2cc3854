-- core: who exists, who is calling, what is configured, and the registries other domains add rows to.

create table syncwell.schema_migrations (
  id text primary key,
  name text not null,
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  applied_at timestamptz not null,
  applied_by name not null
);
comment on table syncwell.schema_migrations is 'Which migration files are applied; each file writes its own row.';
comment on column syncwell.schema_migrations.id is 'Number of the file, e.g. 0001.';
comment on column syncwell.schema_migrations.name is 'Name of the file without its number and extension.';
comment on column syncwell.schema_migrations.sha256 is 'SHA-256 of the file with these 64 digits as zeros.';
comment on column syncwell.schema_migrations.applied_at is 'When it was applied.';
comment on column syncwell.schema_migrations.applied_by is 'The session user who applied it.';

create table syncwell.orgs (
  org_id uuid primary key default gen_random_uuid(),
  name text not null check (length(name) between 1 and 200),
  time_zone text not null default 'UTC',
  created_at timestamptz not null default syncwell._now()
);
comment on table syncwell.orgs is 'The tenants. Every other row belongs to one.';
comment on column syncwell.orgs.org_id is 'The tenant''s id.';
comment on column syncwell.orgs.name is 'Display name.';
comment on column syncwell.orgs.time_zone is 'IANA time zone in which days and weeks of this org are counted.';
comment on column syncwell.orgs.created_at is 'When the org was registered.';

create table syncwell.users (
  org_id uuid not null references syncwell.orgs,
  user_id uuid not null default gen_random_uuid(),
  role text not null default 'member' constraint users_role_is_known check (role in ('member', 'analyst', 'admin')),
  display_name text check (length(display_name) <= 200),
  created_at timestamptz not null default syncwell._now(),
  primary key (org_id, user_id),
  -- the identity lookup starts from a user id alone: a user belongs to exactly one org
  constraint users_user_id_is_in_one_org unique (user_id)
);
comment on table syncwell.users is 'The people of an org.';
comment on column syncwell.users.org_id is 'The org the user belongs to.';
comment on column syncwell.users.user_id is 'The user''s id, unique in the whole database.';
comment on column syncwell.users.role is
'member: sees its own rows; analyst: sees the org''s; admin: sees and records for the whole org.';
comment on column syncwell.users.display_name is 'How reports name the user; NULL when not given.';
comment on column syncwell.users.created_at is 'When the user was registered.';

create table syncwell.logins (
  login_role name primary key,
  kind text not null constraint logins_kind_is_known check (kind in ('user', 'service', 'gateway', 'jwt')),
  org_id uuid references syncwell.orgs on delete cascade,
  user_id uuid,
  bound_at timestamptz not null default syncwell._now(),
  foreign key (org_id, user_id) references syncwell.users (org_id, user_id) on delete cascade,
  constraint logins_name_what_their_kind_needs check (
    case kind
      when 'user' then org_id is not null and user_id is not null
      when 'service' then org_id is not null and user_id is null
      else org_id is null and user_id is null
    end
  )
);
create index logins_by_user on syncwell.logins (org_id, user_id);
comment on table syncwell.logins is
'What a database login is to syncwell. Written by bind_login() only; a login without a row is nobody.';
comment on column syncwell.logins.login_role is 'Name of the database role that logs in (session_user).';
comment on column syncwell.logins.kind is
'user: always that user; service: that org, no user; gateway: whoever act_as() names for the transaction; jwt: sub of '
'request.jwt.claims.';
comment on column syncwell.logins.org_id is 'The org of a user or service login.';
comment on column syncwell.logins.user_id is 'The user of a user login.';
comment on column syncwell.logins.bound_at is 'When the login was bound.';

create table syncwell.streams (
  org_id uuid not null references syncwell.orgs,
  stream_id uuid not null default gen_random_uuid(),
  user_id uuid,
  source text not null constraint streams_source_is_named check (source ~ '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$'),
  platform text constraint streams_platform_is_known check (platform in ('android', 'ios', 'web', 'server', 'other')),
  expected_interval interval constraint streams_interval_is_positive check (expected_interval > '0'::interval),
  cron text,
  time_zone text,
  active_hours text,
  max_runtime interval constraint streams_max_runtime_is_positive check (max_runtime > '0'::interval),
  slo numeric constraint streams_slo_is_a_share check (slo > 0 and slo < 1),
  registered_at timestamptz,
  retired_at timestamptz,
  created_at timestamptz not null default syncwell._now(),
  primary key (org_id, stream_id),
  constraint streams_are_one_per_user_and_source unique nulls not distinct (org_id, user_id, source),
  foreign key (org_id, user_id) references syncwell.users (org_id, user_id)
);
create index streams_by_source on syncwell.streams (org_id, source);
comment on table syncwell.streams is 'What is healthy or not: one source of one user, or of the org itself.';
comment on column syncwell.streams.org_id is 'The org.';
comment on column syncwell.streams.stream_id is 'The stream''s id.';
comment on column syncwell.streams.user_id is 'The user whose source it is; NULL for a source of the org itself.';
comment on column syncwell.streams.source is
'What is synced, e.g. calls, todoist: a letter or digit, then up to 99 of A-Z a-z 0-9 _ . : / -';
comment on column syncwell.streams.platform is 'android, ios, web, server or other; NULL when not known.';
comment on column syncwell.streams.expected_interval is
'How often a successful sync is expected; NULL when not declared.';
comment on column syncwell.streams.cron is 'Schedule of five cron fields; NULL when not declared.';
comment on column syncwell.streams.time_zone is 'IANA time zone of cron and active hours; NULL: the org''s.';
comment on column syncwell.streams.active_hours is
'When syncs are expected at all, e.g. Mon-Fri 08:00-18:00; NULL: always.';
comment on column syncwell.streams.max_runtime is
'A run that takes longer is ended as timeout; NULL: setting runs.max_runtime.';
comment on column syncwell.streams.slo is
'Share of runs that should succeed, above 0 and below 1; NULL when not declared.';
comment on column syncwell.streams.registered_at is 'When the stream was declared; NULL: it only ran.';
comment on column syncwell.streams.retired_at is 'When the stream was unregistered; NULL: it is live.';
comment on column syncwell.streams.created_at is 'When the stream was first seen.';

create table syncwell.error_codes (
  sqlstate text primary key check (sqlstate ~ '^SW[0-9]{3}$' and right(sqlstate, 3) <> '000'),
  name text not null unique,
  http_status integer not null check (http_status between 400 and 599),
  description text not null
);
comment on table syncwell.error_codes is
'Every SQLSTATE of class SW that syncwell raises. Clients compare these, never message text.';
comment on column syncwell.error_codes.sqlstate is 'The SQLSTATE.';
comment on column syncwell.error_codes.name is 'Its name; the Python exception is named after it.';
comment on column syncwell.error_codes.http_status is 'The HTTP status that stands for it.';
comment on column syncwell.error_codes.description is 'When it is raised.';

create table syncwell.setting_definitions (
  key text primary key check (key ~ '^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)*$'),
  kind text not null check (kind in ('integer', 'number', 'interval', 'boolean', 'text')),
  default_value text not null,
  minimum text,
  maximum text,
  allowed text[],
  unit text,
  description text not null
);
comment on table syncwell.setting_definitions is 'Every setting there is, with its one default.';
comment on column syncwell.setting_definitions.key is 'Name of the setting, prefixed with its domain.';
comment on column syncwell.setting_definitions.kind is 'integer, number, interval, boolean or text.';
comment on column syncwell.setting_definitions.default_value is 'The value where nobody set another.';
comment on column syncwell.setting_definitions.minimum is 'Smallest value accepted; NULL: none.';
comment on column syncwell.setting_definitions.maximum is 'Largest value accepted; NULL: none.';
comment on column syncwell.setting_definitions.allowed is 'The values accepted, for an enumeration; NULL: any.';
comment on column syncwell.setting_definitions.unit is 'Unit of a plain number.';
comment on column syncwell.setting_definitions.description is 'What the setting decides.';

create table syncwell.settings (
  org_id uuid references syncwell.orgs on delete cascade,
  source text,
  platform text,
  key text not null references syncwell.setting_definitions,
  value text not null,
  set_at timestamptz not null default syncwell._now(),
  set_by name not null default session_user,
  constraint settings_are_set_once_per_place unique nulls not distinct (org_id, source, platform, key)
);
create index settings_by_key on syncwell.settings (key, org_id);
comment on table syncwell.settings is
'Values that differ from the default; the most specific wins: source, platform, org, default.';
comment on column syncwell.settings.org_id is 'For this org only; NULL: for all.';
comment on column syncwell.settings.source is 'For this source only; NULL: for all.';
comment on column syncwell.settings.platform is 'For this platform only; NULL: for all.';
comment on column syncwell.settings.key is 'Which setting.';
comment on column syncwell.settings.value is 'The value as text, checked against the definition.';
comment on column syncwell.settings.set_at is 'When it was set.';
comment on column syncwell.settings.set_by is 'The login that set it.';

create table syncwell.maintenance_tasks (
  task text primary key,
  domain text not null,
  routine text not null,
  each_table boolean not null default false,
  runs_every interval not null default '1 day'
  constraint maintenance_tasks_run_again_and_again check (runs_every >= '1 minute'),
  description text not null
);
comment on table syncwell.maintenance_tasks is 'Registry: what maintenance has to do. Each domain adds its own duties.';
comment on column syncwell.maintenance_tasks.task is 'Name of the duty.';
comment on column syncwell.maintenance_tasks.domain is 'The domain it belongs to.';
comment on column syncwell.maintenance_tasks.routine is
'Function of this schema that returns how many rows it affected; without arguments, or of a table''s name where it '
'is for each.';
comment on column syncwell.maintenance_tasks.each_table is
'Whether it is done once for each of partitioned_tables, each in a transaction of its own.';
comment on column syncwell.maintenance_tasks.runs_every is 'How long after it was done it is due again.';
comment on column syncwell.maintenance_tasks.description is 'What the duty does.';

create table syncwell.personal_data (
  table_name text not null,
  user_column text not null,
  on_erase text not null check (on_erase in ('delete', 'anonymise')),
  description text not null,
  also_cleared text[] not null default '{}',
  primary key (table_name, user_column),
  constraint personal_data_clears_of_rows_that_stay check (on_erase = 'anonymise' or also_cleared = '{}')
);
comment on table syncwell.personal_data is
'Registry: which columns name a person, and what erasing the person does to their rows.';
comment on column syncwell.personal_data.table_name is 'Table of this schema.';
comment on column syncwell.personal_data.user_column is
'Its column with the user''s id: as uuid, under user_id in a document, or at the beginning of a text.';
comment on column syncwell.personal_data.on_erase is
'delete: the row goes; anonymise: it stays, and the column becomes NULL.';
comment on column syncwell.personal_data.description is 'What the rows say of the person.';
comment on column syncwell.personal_data.also_cleared is
'Columns that become NULL with it: what the person wrote there.';

create table syncwell.personal_details (
  table_name text not null,
  column_name text not null,
  user_column text not null,
  on_revoke text not null check (on_revoke in ('clear', 'delete', 'keep')),
  document_keys text[],
  description text not null,
  primary key (table_name, column_name),
  foreign key (table_name, user_column) references syncwell.personal_data,
  constraint personal_details_clears_in_documents check (document_keys is null or on_revoke = 'clear')
);
comment on table syncwell.personal_details is
'Registry: which columns hold details of a person that need consent (error texts, devices, networks, samples), and '
'what becomes of them without it.';
comment on column syncwell.personal_details.table_name is 'Table of this schema.';
comment on column syncwell.personal_details.column_name is 'Its column with the detail.';
comment on column syncwell.personal_details.user_column is 'Its column with the id of the user whose detail it is.';
comment on column syncwell.personal_details.on_revoke is
'clear: the column becomes NULL; delete: rows go in which it is neither NULL nor empty; keep: it stays, for nothing '
'works without it, and is shown to nobody else.';
comment on column syncwell.personal_details.document_keys is
'The keys taken out of a document, which itself stays; NULL: the whole column is cleared.';
comment on column syncwell.personal_details.description is 'What it is; why it stays where it does.';

create table syncwell.partitioned_tables (
  table_name text primary key,
  key_column text not null,
  key_kind text not null check (key_kind in ('uuid7', 'timestamptz')),
  months_ahead integer not null default 3 check (months_ahead between 1 and 24),
  retention_setting text references syncwell.setting_definitions,
  expiry_setting text references syncwell.setting_definitions,
  on_change text
);
comment on table syncwell.partitioned_tables is
'Registry: the tables of monthly partitions that ensure_partitions() keeps.';
comment on column syncwell.partitioned_tables.table_name is 'Table of this schema.';
comment on column syncwell.partitioned_tables.key_column is 'The column of the partition key.';
comment on column syncwell.partitioned_tables.key_kind is
'uuid7: months of UUIDv7 ids; timestamptz: months of a time, UTC.';
comment on column syncwell.partitioned_tables.months_ahead is 'How many months are made ahead of the current one.';
comment on column syncwell.partitioned_tables.retention_setting is
'The setting that says how long partitions are kept; NULL: for ever.';
comment on column syncwell.partitioned_tables.expiry_setting is
'The setting that says what becomes of them then, drop or detach; NULL: drop.';
comment on column syncwell.partitioned_tables.on_change is
'Function of this schema that is given the table''s name in the transaction that made, dropped or detached partitions; '
'NULL: none.';

create table syncwell.feature_flags (
  org_id uuid references syncwell.orgs on delete cascade,
  flag text not null constraint feature_flags_flag_is_named check (flag ~ '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$'),
  enabled boolean not null,
  rollout_percent integer not null default 100
  constraint feature_flags_percent_is_a_share check (rollout_percent between 0 and 100),
  set_at timestamptz not null default syncwell._now(),
  set_by name not null default session_user,
  constraint feature_flags_are_set_once_per_org unique nulls not distinct (org_id, flag),
  constraint feature_flags_of_an_org_are_on_or_off check (org_id is null or rollout_percent = 100)
);
comment on table syncwell.feature_flags is
'What is switched on for whom: an org''s own row wins over the row for all orgs. A flag without a row is off.';
comment on column syncwell.feature_flags.org_id is 'For this org only; NULL: for all that have no row of their own.';
comment on column syncwell.feature_flags.flag is 'Name of the flag.';
comment on column syncwell.feature_flags.enabled is 'Whether it is on; off: for no org, whatever the percentage.';
comment on column syncwell.feature_flags.rollout_percent is
'For how many of all orgs it is on, in percent: which ones is decided by a hash of flag and org and stays so.';
comment on column syncwell.feature_flags.set_at is 'When it was set.';
comment on column syncwell.feature_flags.set_by is 'The login that set it.';

create table syncwell.consent_scopes (
  scope text primary key check (scope ~ '^[a-z][a-z0-9_]{0,62}$'),
  description text not null
);
comment on table syncwell.consent_scopes is 'Registry: what a user may consent to.';
comment on column syncwell.consent_scopes.scope is 'Name of the scope.';
comment on column syncwell.consent_scopes.description is 'What consenting to it allows.';

create table syncwell.consents (
  org_id uuid not null,
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  scope text not null references syncwell.consent_scopes,
  granted_at timestamptz not null,
  granted_login name not null default session_user,
  revoked_at timestamptz,
  revoked_login name,
  primary key (org_id, id),
  foreign key (org_id, user_id) references syncwell.users (org_id, user_id) on delete cascade,
  constraint consents_are_revoked_by_somebody check ((revoked_at is null) = (revoked_login is null))
);
create index consents_by_user on syncwell.consents (org_id, user_id, scope);
create unique index consents_in_force on syncwell.consents (org_id, user_id, scope) where revoked_at is null;
comment on table syncwell.consents is 'What users consented to, and when they took it back; all of it is kept.';
comment on column syncwell.consents.org_id is 'The org.';
comment on column syncwell.consents.id is 'The consent''s id.';
comment on column syncwell.consents.user_id is 'Who consented.';
comment on column syncwell.consents.scope is 'To what.';
comment on column syncwell.consents.granted_at is 'When.';
comment on column syncwell.consents.granted_login is 'The login through which it was given.';
comment on column syncwell.consents.revoked_at is 'When it was taken back; NULL: it is in force.';
comment on column syncwell.consents.revoked_login is 'The login through which it was taken back.';

create table syncwell.detail_erasures (
  org_id uuid not null,
  user_id uuid not null,
  requested_at timestamptz not null,
  requested_xid xid8 not null default pg_current_xact_id(),
  reached_step integer not null default 0,
  reached_stream uuid,
  reached_id uuid,
  has_erased boolean not null default false,
  checked_at timestamptz,
  waits_for text[],
  primary key (org_id, user_id),
  foreign key (org_id, user_id) references syncwell.users (org_id, user_id) on delete cascade
);
comment on table syncwell.detail_erasures is
'Whose details are being erased for want of consent, and how far that is. A row goes once a whole pass found nothing '
'and nobody can be left who was still allowed to write some.';
comment on column syncwell.detail_erasures.org_id is 'The org.';
comment on column syncwell.detail_erasures.user_id is 'Whose details.';
comment on column syncwell.detail_erasures.requested_at is 'When consent was missing for the first time.';
comment on column syncwell.detail_erasures.requested_xid is 'The transaction that found so.';
comment on column syncwell.detail_erasures.reached_step is 'The step of this pass; 0: it has not begun.';
comment on column syncwell.detail_erasures.reached_stream is 'The stream within the step; NULL: the first.';
comment on column syncwell.detail_erasures.reached_id is 'The last row done there; NULL: none.';
comment on column syncwell.detail_erasures.has_erased is 'Whether this pass has found anything.';
comment on column syncwell.detail_erasures.checked_at is 'When the last whole pass ended; NULL: none has yet.';
comment on column syncwell.detail_erasures.waits_for is
'The transactions that were open when nothing was left, by _open_transactions(); NULL: it is not so far.';

create table syncwell.access_log (
  org_id uuid not null,
  id uuid not null,
  login_role name not null,
  user_id uuid,
  role text not null,
  function_name text not null,
  subject uuid,
  primary key (org_id, id)
) partition by range (id);
create index access_log_by_subject on syncwell.access_log (org_id, subject, id);
comment on table syncwell.access_log is
'Who asked about whom: one row for each call about another user. Partitioned by month; kept for setting '
'audit.retention.';
comment on column syncwell.access_log.org_id is 'The org.';
comment on column syncwell.access_log.id is 'The entry''s id, a UUIDv7 of when it was.';
comment on column syncwell.access_log.login_role is 'The database login that asked.';
comment on column syncwell.access_log.user_id is 'The user who asked; NULL: a service or an operator, or erased since.';
comment on column syncwell.access_log.role is 'member, analyst, admin or service; operator: somebody without an org.';
comment on column syncwell.access_log.function_name is 'The function that was called.';
comment on column syncwell.access_log.subject is 'The user it was about; NULL: erased since.';

-- Lists that grow are domains over text: a cast works, and a new value is a setting, not a migration.
create domain syncwell.sync_type as text
constraint sync_type_is_named check (length(value) between 1 and 63);
comment on domain syncwell.sync_type is 'What kind of system is synced: woocommerce, odoo, shopify, custom.';

create domain syncwell.sync_action as text
constraint sync_action_is_named check (length(value) between 1 and 63);
comment on domain syncwell.sync_action is
'What was done: preview_delta, sync_start, sync_complete, batch_process, error_recovery, manual_trigger, '
'scheduled_run, partial_resume.';

create domain syncwell.sync_entity_type as text
constraint sync_entity_type_is_named check (length(value) between 1 and 63);
comment on domain syncwell.sync_entity_type is
'What is synced: customer, product, order, invoice, supplier, inventory, category, attribute, and what setting '
'progress.entity_types adds.';

create domain syncwell.sync_status_type as text
constraint sync_status_is_known check (
  value in (
    'pending', 'in_progress', 'paused', 'completed', 'completed_with_errors', 'failed', 'cancelled', 'timeout'
  )
);
comment on domain syncwell.sync_status_type is
'Where a sync stands: pending, in_progress, paused; ended: completed, completed_with_errors, failed, cancelled, '
'timeout.';
