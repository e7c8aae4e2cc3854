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
  description text not null
);
comment on table syncwell.maintenance_tasks is 'Registry: what maintenance has to do. Each domain adds its own duties.';
comment on column syncwell.maintenance_tasks.task is 'Name of the duty.';
comment on column syncwell.maintenance_tasks.domain is 'The domain it belongs to.';
comment on column syncwell.maintenance_tasks.routine is
'Function of this schema without arguments that returns how many rows it affected.';
comment on column syncwell.maintenance_tasks.description is 'What the duty does.';

create table syncwell.personal_data (
  table_name text primary key,
  user_column text not null,
  on_erase text not null check (on_erase in ('delete', 'anonymise')),
  description text not null
);
comment on table syncwell.personal_data is
'Registry: which tables hold rows of a person, and what erasing the person does to them.';
comment on column syncwell.personal_data.table_name is 'Table of this schema.';
comment on column syncwell.personal_data.user_column is 'Its column with the user''s id.';
comment on column syncwell.personal_data.on_erase is 'delete: the row goes; anonymise: the person is taken out of it.';
comment on column syncwell.personal_data.description is 'What the rows say of the person.';

create table syncwell.partitioned_tables (
  table_name text primary key,
  key_column text not null,
  key_kind text not null check (key_kind in ('uuid7', 'timestamptz')),
  months_ahead integer not null default 3 check (months_ahead between 1 and 24),
  retention_setting text references syncwell.setting_definitions
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
