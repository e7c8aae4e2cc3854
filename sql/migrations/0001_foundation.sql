-- 0001_foundation: the schema syncwell with everything in it.
--
-- Phase:    first installation.
-- Locks:    none on anything that exists.
-- Rewrites: nothing.
-- Needs:    PostgreSQL 15 or newer, sql/roles.sql run in the cluster; CREATE on the database and SET ROLE syncwell_owner
--           for the session user: a superuser, or the database's owner who was granted syncwell_owner for the occasion.
-- Run:      psql -1 -v ON_ERROR_STOP=1 -f 0001_foundation.sql, or `syncwell migrate`. In one transaction, or not at all.
-- Reverts:  0001_foundation.rollback.sql

set local lock_timeout = '5s';
set local search_path = pg_catalog, pg_temp;

do $guard$
declare
  v_missing text;
begin
  -- SET LOCAL above has no effect outside a transaction; half an installation must not stay behind
  if current_setting('lock_timeout') <> '5s' then
    raise exception using
      errcode = '25P01',
      message = '0001_foundation must run in one transaction',
      detail = 'Statement by statement a failure would leave half of it behind.',
      hint = 'Use psql -1 -v ON_ERROR_STOP=1 -f, or put it between BEGIN and COMMIT.';
  end if;
  select string_agg(r.name, ', ' order by r.name) into v_missing
  from
    unnest(array[
      'syncwell_owner', 'syncwell_client', 'syncwell_reader', 'syncwell_worker', 'syncwell_gateway', 'syncwell_operator'
    ]) as r (name)
  where to_regrole(r.name) is null;
  if v_missing is not null then
    raise exception using
      errcode = 'SW903',
      message = format('roles are missing: %s', v_missing),
      detail = 'Roles belong to the whole cluster, so migrations don''t make them.',
      hint = 'Run sql/roles.sql once, as a superuser or a role with CREATEROLE.';
  end if;
  if to_regnamespace('syncwell') is not null then
    raise exception using
      errcode = 'SW902',
      message = '0001_foundation is already applied',
      detail = format('Database %I has a schema syncwell.', current_database()),
      hint = 'Nothing needs to be done. To see which migrations are applied: table syncwell.schema_migrations.';
  end if;
  if not pg_has_role(
    session_user, 'syncwell_owner', case when current_setting('server_version_num')::int < 160000 then 'member' else 'set' end
  ) then
    raise exception using
      errcode = '42501',
      message = format('%I may not install: it cannot become syncwell_owner', session_user),
      detail = 'Everything in the schema belongs to syncwell_owner, whoever installs it.',
      hint = format('grant syncwell_owner to %I; install; then revoke syncwell_owner from %I again.', session_user, session_user);
  end if;
end
$guard$;

create schema syncwell authorization syncwell_owner;
create schema syncwell_tables authorization syncwell_owner;

-- From here on everything is made by, and so belongs to, the owner. It ends with the transaction.
set local role syncwell_owner;

comment on schema syncwell is 'syncwell: runs, progress and health of syncs. Names that begin with _ are internal.';
grant usage on schema syncwell to
syncwell_client, syncwell_reader, syncwell_worker, syncwell_gateway, syncwell_operator;
comment on schema syncwell_tables is
'Made by register_synced_table(): for each synced table a view of its records as devices see them, and its functions.';
grant usage on schema syncwell_tables to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;

--! include all

--! include core/functions/_now.sql
create or replace function syncwell._now()
returns timestamptz
language plpgsql stable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_fake text := nullif(current_setting('syncwell.fake_now', true), '');
begin
  -- any role can set the setting: only the owner's members may move the clock
  if v_fake is not null and pg_has_role(session_user, 'syncwell_owner', 'member') then
    return v_fake::timestamptz;
  end if;
  return clock_timestamp();
end
$$;
comment on function syncwell._now() is
'The one clock: syncwell.fake_now where a member of syncwell_owner set it (tests), else clock_timestamp().';
revoke all on function syncwell._now() from public;
-- column defaults and invoker views run as the caller
grant execute on function syncwell._now() to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
--! end

--! include core/tables.sql
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
--! end

--! include core/functions/_act.sql
create or replace function syncwell._act(
  p_org_id uuid,
  p_user_id uuid
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform
    set_config('syncwell.user_id', coalesce(p_user_id::text, ''), true),
    set_config('syncwell.org_id', case when p_user_id is null then p_org_id::text else '' end, true),
    -- the host's own policies see the same user
    set_config(
      'request.jwt.claims',
      jsonb_strip_nulls(jsonb_build_object('sub', p_user_id, 'org_id', p_org_id))::text,
      true
    );
end
$$;
comment on function syncwell._act(uuid, uuid) is
'Sets the identity of a gateway for this transaction. Only act_as() and act_as_org() call it.';
revoke all on function syncwell._act(uuid, uuid) from public;
--! end

--! include core/functions/_caller.sql
create or replace function syncwell._caller(
  out org_id uuid,
  out user_id uuid,
  out role text,
  out sees_org boolean
)
language plpgsql stable security invoker parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
  v_rule text;
begin
  select i.org_id, i.user_id, i.role, i.rule into org_id, user_id, role, v_rule from syncwell._identity() as i;
  if org_id is null then
    raise exception using
      errcode = 'SW001',
      message = 'nobody is calling: this session has no identity',
      detail = v_rule || '.',
      hint = 'The owner binds a login with bind_login(); a gateway calls act_as() in each transaction.';
  end if;
  sees_org := role <> 'member';
end
$$;
comment on function syncwell._caller() is
'The identity, resolved once at the start of a definer function. Errors: SW001 when nobody is calling.';
revoke all on function syncwell._caller() from public;
--! end

--! include core/functions/_check_count.sql
create or replace function syncwell._check_count(
  p_name text,
  p_value bigint
)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_value < 0 then
    raise exception using
      errcode = '22023',
      message = format('%s is negative', p_name),
      detail = format('It is %s.', p_value),
      hint = 'Counts start at 0; leave out what is not known.';
  end if;
end
$$;
comment on function syncwell._check_count(text, bigint) is 'Refuses (22023) a negative count; NULL (unknown) passes.';
revoke all on function syncwell._check_count(text, bigint) from public;
--! end

--! include core/functions/_check_gateway.sql
create or replace function syncwell._check_gateway()
returns void
language plpgsql stable security invoker parallel restricted
set search_path = pg_catalog, pg_temp
as $$
begin
  if (syncwell._identity()).kind is distinct from 'gateway' then
    raise exception using
      errcode = '42501',
      message = 'only a gateway login acts for others',
      detail = format('Login %I is not bound as a gateway.', session_user),
      hint = 'The owner binds a trusted backend''s login with syncwell.bind_login(…, ''gateway'').';
  end if;
end
$$;
comment on function syncwell._check_gateway() is 'Refuses (42501) whoever is not a gateway login.';
revoke all on function syncwell._check_gateway() from public;
--! end

--! include core/functions/_check_limit.sql
create or replace function syncwell._check_limit(p_limit integer)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_limit is null then
    raise exception using
      errcode = '22004',
      message = 'a limit is needed',
      detail = 'The limit is NULL.',
      hint = 'Pass a number from 1 to 1000, or leave it out for the default.';
  end if;
  if p_limit not between 1 and 1000 then
    raise exception using
      errcode = '22023',
      message = 'limit out of range',
      detail = format('The limit is %s.', p_limit),
      hint = 'Pass a number from 1 to 1000.';
  end if;
end
$$;
comment on function syncwell._check_limit(integer) is
'Refuses a limit that is NULL (22004) or outside 1 to 1000 (22023).';
revoke all on function syncwell._check_limit(integer) from public;
--! end

--! include core/functions/_check_platform.sql
create or replace function syncwell._check_platform(p_platform text)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_platform not in ('android', 'ios', 'web', 'server', 'other') then
    raise exception using
      errcode = '22023',
      message = 'unknown platform',
      detail = format('p_platform is %L.', left(p_platform, 100)),
      hint = 'Pass android, ios, web, server or other, or leave it out.';
  end if;
end
$$;
comment on function syncwell._check_platform(text) is 'Refuses (22023) a platform that is not one; NULL passes.';
revoke all on function syncwell._check_platform(text) from public;
--! end

--! include core/functions/_check_setting.sql
create or replace function syncwell._check_setting(
  p_key text,
  p_value text
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_definition syncwell.setting_definitions;
  v_fits boolean;
begin
  select d.* into v_definition from syncwell.setting_definitions as d where d.key = p_key;
  if not found then
    -- which says so
    perform syncwell._setting(null, p_key);
  end if;

  begin
    v_fits := case v_definition.kind
      when 'integer' then p_value::bigint
        between coalesce(v_definition.minimum::bigint, p_value::bigint)
        and coalesce(v_definition.maximum::bigint, p_value::bigint)
      when 'number' then p_value::numeric not in ('NaN', 'Infinity', '-Infinity')
        and p_value::numeric
        between coalesce(v_definition.minimum::numeric, p_value::numeric)
        and coalesce(v_definition.maximum::numeric, p_value::numeric)
      when 'interval' then p_value::interval
        between coalesce(v_definition.minimum, p_value)::interval and coalesce(v_definition.maximum, p_value)::interval
      when 'boolean' then p_value::boolean is not null
      else length(p_value) <= 1000
    end and coalesce(p_value = any(v_definition.allowed), true);
  exception
    when data_exception then
      v_fits := false;
  end;
  if not v_fits then
    raise exception using
      errcode = 'SW011',
      message = format('setting %s refuses this value', p_key),
      detail = format('%L is no %s%s%s%s.', left(p_value, 100), v_definition.kind,
        ' from ' || v_definition.minimum, ' to ' || v_definition.maximum,
        ' of ' || array_to_string(v_definition.allowed, ', ')),
      hint = format('The default is %s: %s', v_definition.default_value, v_definition.description);
  end if;
end
$$;
comment on function syncwell._check_setting(text, text) is
'Refuses a setting that is not defined (SW010) or a value outside its kind and bounds (SW011).';
revoke all on function syncwell._check_setting(text, text) from public;
--! end

--! include core/functions/_check_source.sql
create or replace function syncwell._check_source(p_source text)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_source is null then
    raise exception using
      errcode = '22004',
      message = 'a source is needed',
      detail = 'p_source is NULL.',
      hint = 'Name what is synced, e.g. ''calls'' or ''todoist''.';
  end if;
  if p_source !~ '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$' then
    raise exception using
      errcode = '22023',
      message = 'this is no name of a source',
      detail = format('p_source is %L.', left(p_source, 100)),
      hint = 'A letter or digit, then up to 99 letters, digits or _ . : / -';
  end if;
end
$$;
comment on function syncwell._check_source(text) is 'Refuses a source that is NULL (22004) or not a name (22023).';
revoke all on function syncwell._check_source(text) from public;
--! end

--! include core/functions/_check_text.sql
create or replace function syncwell._check_text(
  p_name text,
  p_value text,
  p_max integer
)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if length(p_value) > p_max then
    raise exception using
      errcode = '22001',
      message = format('%s is too long', p_name),
      detail = format('It has %s characters; at most %s are kept.', length(p_value), p_max),
      hint = 'Shorten it before the call.';
  end if;
end
$$;
comment on function syncwell._check_text(text, text, integer) is
'Refuses (22001) a text of more than p_max characters; NULL passes. The text itself is never repeated in the error.';
revoke all on function syncwell._check_text(text, text, integer) from public;
--! end

--! include core/functions/_check_time_zone.sql
create or replace function syncwell._check_time_zone(p_time_zone text)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_time_zone is null then
    return;
  end if;
  perform from pg_timezone_names as z where z.name = p_time_zone;
  if not found then
    raise exception using
      errcode = '22023',
      message = 'unknown time zone',
      detail = format('%L is not in pg_timezone_names.', left(p_time_zone, 100)),
      hint = 'Use an IANA name such as Europe/Berlin.';
  end if;
end
$$;
comment on function syncwell._check_time_zone(text) is
'Refuses (22023) a time zone this server does not know; NULL passes.';
revoke all on function syncwell._check_time_zone(text) from public;
--! end

--! include core/functions/_claim_org.sql
create or replace function syncwell._claim_org()
returns uuid
language plpgsql stable security invoker parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
  v_identity record;
begin
  v_identity := syncwell._identity();
  if v_identity.org_id is not null then
    return v_identity.org_id;
  end if;
  -- whoever may act as any org, or maintains all of them, works for all of them
  if v_identity.kind = 'gateway' or pg_has_role(session_user, 'syncwell_operator', 'member') then
    return null;
  end if;
  return (syncwell._caller()).org_id;
end
$$;
comment on function syncwell._claim_org() is
'The org whose work the caller may take: its own, or NULL = all orgs for an operator and for a gateway that acts for '
'nobody. Errors: SW001.';
revoke all on function syncwell._claim_org() from public;
--! end

--! include core/functions/_claim_user.sql
create or replace function syncwell._claim_user()
returns uuid
language plpgsql stable security invoker parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
  v_identity record;
begin
  v_identity := syncwell._identity();
  -- whom _target_user() lets record for itself only, works for itself only
  return case when v_identity.role in ('member', 'analyst') then v_identity.user_id end;
end
$$;
comment on function syncwell._claim_user() is
'Whose work in _claim_org() the caller may take: its own for a member or analyst, NULL = everybody''s.';
revoke all on function syncwell._claim_user() from public;
--! end

--! include core/functions/_effective_settings.sql
create or replace function syncwell._effective_settings(
  p_org_id uuid,
  p_source text default null,
  p_platform text default null
)
returns table (
  key text,
  value text,
  level text
)
language sql stable security invoker
begin atomic
  select distinct on (d.key)
    d.key,
    coalesce(s.value, d.default_value) as value,
    case
      when s.key is null then 'default'
      when s.source is not null then 'source'
      when s.platform is not null then 'platform'
      when s.org_id is not null then 'org'
      else 'everywhere'
    end as level
  from syncwell.setting_definitions as d
  left join syncwell.settings as s
    on
      d.key = s.key
      and (s.org_id is null or s.org_id = p_org_id)
      and (s.source is null or s.source = p_source)
      and (s.platform is null or s.platform = p_platform)
  -- the most specific first
  order by d.key, s.source is null, s.platform is null, s.org_id is null;
end;
comment on function syncwell._effective_settings(uuid, text, text) is
'Every setting with its effective value and the level that decided: source, platform, org, everywhere (set for all), '
'default.';
revoke all on function syncwell._effective_settings(uuid, text, text) from public;
--! end

--! include core/functions/_http_status.sql
create or replace function syncwell._http_status(p_sqlstate text)
returns integer
language sql stable security invoker
begin atomic
  select coalesce(
    (
      select e.http_status from syncwell.error_codes as e
      where e.sqlstate = p_sqlstate
    ),
    case
      when p_sqlstate = '42501' then 403
      when p_sqlstate in ('40001', '40P01', '23505', '55P03') then 409
      when p_sqlstate like '54%' or p_sqlstate = '53400' then 413
      when p_sqlstate like '22%' then 400
      when p_sqlstate like '23%' then 422
      when p_sqlstate in ('57014', '57P01', '57P03', '53300') then 503
      else 500
    end
  );
end;
comment on function syncwell._http_status(text) is
'The HTTP status that says the same as a SQLSTATE: of class SW as error_codes tells, else by class; 500 where the '
'fault is not the caller''s.';
revoke all on function syncwell._http_status(text) from public;
--! end

--! include core/functions/_identity.sql
create or replace function syncwell._identity(
  out org_id uuid,
  out user_id uuid,
  out role text,
  out kind text,
  out rule text
)
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
-- called again and again: planning costs more than reading
set plan_cache_mode = force_generic_plan
as $$
declare
  v_login syncwell.logins;
  v_user_id uuid;
  v_text text;
  c_uuid constant text := '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$';
begin
  select l.* into v_login from syncwell.logins as l where l.login_role = session_user;
  kind := v_login.kind;

  case v_login.kind
    when 'user' then
      v_user_id := v_login.user_id;
      rule := 'this login is bound to the user';
    when 'service' then
      org_id := v_login.org_id;
      role := 'service';
      rule := 'this login is bound to the org';
      return;
    when 'gateway' then
      -- after COMMIT a local setting reads as '', not NULL
      v_text := nullif(current_setting('syncwell.user_id', true), '');
      if v_text ~ c_uuid then
        v_user_id := v_text::uuid;
        rule := 'act_as() in this transaction';
      else
        v_text := nullif(current_setting('syncwell.org_id', true), '');
        if v_text ~ c_uuid then
          select o.org_id, 'service' into org_id, role from syncwell.orgs as o where o.org_id = v_text::uuid;
        end if;
        rule := case
          when org_id is null then 'a gateway is nobody until it calls act_as() or act_as_org() in the transaction'
          else 'act_as_org() in this transaction'
        end;
        return;
      end if;
    when 'jwt' then
      begin
        v_text := nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub';
      exception
        when invalid_text_representation or untranslatable_character then
          v_text := null;
      end;
      if v_text is null or v_text !~ c_uuid then
        rule := 'request.jwt.claims names no user';
        return;
      end if;
      v_user_id := v_text::uuid;
      rule := 'sub of request.jwt.claims';
    else
      rule := 'this login is not bound: bind_login() was not called for it';
      return;
  end case;

  select u.org_id, u.user_id, u.role into org_id, user_id, role from syncwell.users as u where u.user_id = v_user_id;
  if not found then
    rule := rule || ', but there is no such user';
  end if;
end
$$;
comment on function syncwell._identity() is
'Who is calling, from one lookup of session_user in logins; all NULL but the rule for nobody. Never current_user, '
'membership or a setting alone.';
revoke all on function syncwell._identity() from public;
--! end

--! include core/functions/_partition_bound.sql
create or replace function syncwell._partition_bound(
  p_key_kind text,
  p_month timestamptz
)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return case p_key_kind
    when 'uuid7' then syncwell._uuid7_floor(p_month)::text
    else to_char(p_month at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"+00"')
  end;
end
$$;
comment on function syncwell._partition_bound(text, timestamptz) is
'The literal at which the partition of a month starts: a UUIDv7 floor or a UTC time.';
revoke all on function syncwell._partition_bound(text, timestamptz) from public;
--! end

--! include core/functions/_partitions.sql
create or replace function syncwell._partitions(p_table text)
returns table (
  partition_name text,
  month timestamptz,
  partition regclass
)
language sql stable security invoker
begin atomic
  select
    c.relname::text as partition_name,
    case
      when c.relname ~ '_[0-9]{4}_[0-9]{2}$'
        then to_timestamp(right(c.relname, 7) || '_01 00+00', 'YYYY_MM_DD HH24TZH')
    end as month,
    c.oid::regclass as partition
  from pg_catalog.pg_inherits as i
  join pg_catalog.pg_class as c on i.inhrelid = c.oid
  where i.inhparent = pg_catalog.to_regclass('syncwell.' || pg_catalog.quote_ident(p_table));
end;
comment on function syncwell._partitions(text) is
'The partitions of a table with the month each is for; NULL for the default one.';
revoke all on function syncwell._partitions(text) from public;
--! end

--! include core/functions/_partitions_task.sql
create or replace function syncwell._partitions_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_dropped bigint;
begin
  -- dropping locks the table before its partitions, as writers do; making may lock the default partition alone, and
  -- must not hold it when the table is asked for
  v_dropped := (select count(*) from syncwell.drop_old_partitions());
  return v_dropped + (select count(*) from syncwell.ensure_partitions());
end
$$;
comment on function syncwell._partitions_task() is 'Maintenance duty: partitions dropped, made and healed; how many.';
revoke all on function syncwell._partitions_task() from public;
--! end

--! include core/functions/_redact.sql
create or replace function syncwell._redact(
  p_org_id uuid,
  p_user_id uuid,
  p_value anyelement
)
returns anyelement
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_value is null or p_user_id is null then
    return p_value;
  end if;
  if syncwell._setting(p_org_id, 'consent_required')::boolean then
    return null;
  end if;
  return p_value;
end
$$;
comment on function syncwell._redact(uuid, uuid, anyelement) is
'A detail of a user''s stream (error text, device, network) as it may be stored and shown: itself, or NULL where the '
'org requires consent (setting consent_required) and the user has not given it. Details of the org''s own streams '
'always pass.';
revoke all on function syncwell._redact(uuid, uuid, anyelement) from public;
--! end

--! include core/functions/_registered_tables.sql
create or replace function syncwell._registered_tables(p_table text)
returns setof syncwell.partitioned_tables
language plpgsql stable security invoker rows 5
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select t.* from syncwell.partitioned_tables as t
  where p_table is null or t.table_name = p_table
  order by t.table_name;
  if not found and p_table is not null then
    raise exception using
      errcode = '22023',
      message = 'not a partitioned table',
      detail = format('%L is not in syncwell.partitioned_tables.', left(p_table, 100)),
      hint = 'Leave p_table out for all of them.';
  end if;
end
$$;
comment on function syncwell._registered_tables(text) is
'The registry''s row of p_table, or (NULL) all rows. Errors: 22023 unknown table.';
revoke all on function syncwell._registered_tables(text) from public;
--! end

--! include core/functions/_scrub_json.sql
create or replace function syncwell._scrub_json(
  p_value jsonb,
  p_depth integer default 0
)
returns jsonb
language plpgsql immutable strict security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  -- nearly all of nearly every document holds nothing that could be a secret, and is passed as it is
  if p_value::text !~* '://|bearer|basic|eyJ|passw|passphrase|pwd|secret|api[_-]?key|token|authorization|cookie' then
    return p_value;
  end if;
  -- the stack of the server ends somewhere, and an error must be recorded whatever its details are
  if p_depth >= 64 then
    return to_jsonb('***'::text);
  end if;
  return case jsonb_typeof(p_value)
    when 'object' then (
      select jsonb_object_agg(
        e.key,
        case
          when e.key ~* '(password|passwd|passphrase|secret|api[_-]?key|token|authorization|cookie)$'
            then '"***"'::jsonb
          else syncwell._scrub_json(e.value, p_depth + 1)
        end
      )
      from jsonb_each(p_value) as e
    )
    when 'array' then (
      select jsonb_agg(syncwell._scrub_json(e.value, p_depth + 1) order by e.ordinality)
      from jsonb_array_elements(p_value) with ordinality as e
    )
    when 'string' then to_jsonb(syncwell._scrub_secrets(p_value #>> '{}'))
    else p_value
  end;
end
$$;
comment on function syncwell._scrub_json(jsonb, integer) is
'The document with secrets replaced by ***: values under names such as password or token, what _scrub_secrets() '
'finds in texts, and what lies deeper than 64 levels and might hold one.';
revoke all on function syncwell._scrub_json(jsonb, integer) from public;
--! end

--! include core/functions/_scrub_secrets.sql
create or replace function syncwell._scrub_secrets(p_text text)
returns text
language plpgsql immutable strict security invoker parallel safe
set search_path = pg_catalog, pg_temp
-- backslashes stand for themselves, whatever the session says
set standard_conforming_strings = on
as $$
declare
  v_text text := p_text;
begin
  -- user:password@ in a URL, bearer and basic credentials, JSON web tokens, name=value pairs
  v_text := regexp_replace(v_text, '(://[^/\s:@]*:)[^\s/]+@', '\1***@', 'g');
  v_text := regexp_replace(v_text, '\m(bearer|basic)\s+[A-Za-z0-9+/._~=-]{8,}', '\1 ***', 'gi');
  v_text := regexp_replace(v_text, '\meyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(\.[A-Za-z0-9_-]*)?', '***', 'g');
  return regexp_replace(
    v_text,
    '((password|passwd|passphrase|pwd|secret|api[_-]?key|token)["'']?\s*[=:]\s*)("[^"]*"|''[^'']*''|[^\s,;&"'']+)',
    '\1***',
    'gi'
  );
end
$$;
comment on function syncwell._scrub_secrets(text) is
'The text with what looks like a secret replaced by ***: passwords in URLs, bearer and basic credentials, JSON web '
'tokens, password=…, token: … and the like.';
revoke all on function syncwell._scrub_secrets(text) from public;
--! end

--! include core/functions/_sees_org.sql
create or replace function syncwell._sees_org()
returns boolean
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce((syncwell._identity()).role <> 'member', false);
end
$$;
comment on function syncwell._sees_org() is
'Whether the caller sees all rows of its org: analysts, admins and services do.';
revoke all on function syncwell._sees_org() from public;
-- policies are evaluated as the caller
grant execute on function syncwell._sees_org() to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
--! end

--! include core/functions/_setting.sql
create or replace function syncwell._setting(
  p_org_id uuid,
  p_key text,
  p_source text default null,
  p_platform text default null
)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
-- called again and again: planning costs more than reading
set plan_cache_mode = force_generic_plan
as $$
declare
  v_value text;
begin
  select coalesce(
    (
      select s.value
      from syncwell.settings as s
      where s.key = d.key
        and (s.org_id is null or s.org_id = p_org_id)
        and (s.source is null or s.source = p_source)
        and (s.platform is null or s.platform = p_platform)
      order by s.source is null, s.platform is null, s.org_id is null
      limit 1
    ),
    d.default_value
  )
  into v_value
  from syncwell.setting_definitions as d
  where d.key = p_key;
  if not found then
    raise exception using
      errcode = 'SW010',
      message = 'unknown setting',
      detail = format('There is no setting %s.', coalesce(quote_literal(left(p_key, 100)), 'NULL')),
      hint = 'select key, description from syncwell.setting_definitions lists them.';
  end if;
  return v_value;
end
$$;
comment on function syncwell._setting(uuid, text, text, text) is
'The effective value of a setting as text; the most specific wins in the order source, platform, org, default. '
'Errors: SW010.';
revoke all on function syncwell._setting(uuid, text, text, text) from public;
--! end

--! include core/functions/_settings.sql
create or replace function syncwell._settings(
  p_org_id uuid,
  p_source text default null,
  p_platform text default null
)
returns jsonb
language sql stable security invoker
begin atomic
  select jsonb_object_agg(e.key, e.value)
  from syncwell._effective_settings(p_org_id, p_source, p_platform) as e;
end;
comment on function syncwell._settings(uuid, text, text) is
'Every effective setting in one document, values as text: (_settings(org) ->> ''runs.failure_threshold'')::integer.';
revoke all on function syncwell._settings(uuid, text, text) from public;
--! end

--! include core/functions/_target_user.sql
create or replace function syncwell._target_user(p_user_id uuid)
returns uuid
language plpgsql stable security invoker parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record;
begin
  v_caller := syncwell._caller();
  if p_user_id is null or p_user_id = v_caller.user_id then
    return v_caller.user_id;
  end if;
  if v_caller.role in ('admin', 'service') then
    perform from syncwell.users as u where u.org_id = v_caller.org_id and u.user_id = p_user_id;
    if found then
      return p_user_id;
    end if;
  end if;
  raise exception using
    errcode = 'SW002',
    message = 'unknown user',
    detail = format('There is no user %s for whom this caller may record.', p_user_id),
    hint = 'Users are registered with syncwell.register_user(); admins and services record for others of their org.';
end
$$;
comment on function syncwell._target_user(uuid) is
'For whom a call records: p_user_id where the caller may, else the acting user, NULL for a service (the org''s own '
'stream). Errors: SW001, SW002.';
revoke all on function syncwell._target_user(uuid) from public;
--! end

--! include core/functions/_uuid7.sql
create or replace function syncwell._uuid7(p_time timestamptz)
returns uuid
language plpgsql volatile security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_micros constant bigint := floor(extract(epoch from p_time) * 1000000);
  v_bytes bytea := uuid_send(gen_random_uuid());
begin
  v_bytes := overlay(v_bytes placing substring(int8send(v_micros / 1000) from 3) from 1 for 6);
  -- the fraction of the millisecond in the 12 bits after the version keeps ids of one millisecond in order
  v_bytes := overlay(
    v_bytes placing substring(int4send(28672 + ((v_micros % 1000) * 4096 / 1000)::integer) from 3) from 7 for 2
  );
  return encode(v_bytes, 'hex')::uuid;
end
$$;
comment on function syncwell._uuid7(timestamptz) is
'A new UUIDv7 (RFC 9562, method 3: sub-millisecond fraction in rand_a) of p_time, which must not lie before 1970.';
revoke all on function syncwell._uuid7(timestamptz) from public;
--! end

--! include core/functions/_uuid7_floor.sql
create or replace function syncwell._uuid7_floor(p_time timestamptz)
returns uuid
language sql immutable strict security invoker parallel safe
return pg_catalog.rpad(
  pg_catalog.encode(
    pg_catalog.substring(
      pg_catalog.int8send(
        pg_catalog.floor(extract(epoch from greatest(p_time, 'epoch'::timestamptz)) * 1000)::bigint
      ),
      3
    ),
    'hex'
  ),
  32, '0'
)::uuid;
comment on function syncwell._uuid7_floor(timestamptz) is
'The smallest UUID of the millisecond of p_time: id >= _uuid7_floor(t) selects the UUIDv7 ids from t on and prunes '
'partitions.';
revoke all on function syncwell._uuid7_floor(timestamptz) from public;
--! end

--! include core/functions/_uuid7_time.sql
create or replace function syncwell._uuid7_time(p_id uuid)
returns timestamptz
language sql immutable strict security invoker parallel safe
return pg_catalog.to_timestamp(
  ('x' || pg_catalog.left(pg_catalog.replace(p_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0
);
comment on function syncwell._uuid7_time(uuid) is 'The time in a UUIDv7, to the millisecond.';
revoke all on function syncwell._uuid7_time(uuid) from public;
--! end

--! include core/functions/_visible_streams.sql
create or replace function syncwell._visible_streams(
  p_source text,
  p_user_id uuid
)
returns setof syncwell.streams
language plpgsql stable security invoker rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record;
begin
  v_caller := syncwell._caller();
  if p_user_id is not null and p_user_id is distinct from v_caller.user_id then
    perform from syncwell.users as u
    where u.org_id = v_caller.org_id and u.user_id = p_user_id and v_caller.sees_org;
    if not found then
      raise exception using
        errcode = 'SW002',
        message = 'unknown user',
        detail = format('There is no user %s about whom this caller may ask.', p_user_id),
        hint = 'Leave p_user_id out for all you may see; analysts, admins and services may ask about their whole org.';
    end if;
  end if;

  if p_user_id is null and v_caller.sees_org then
    return query
    select s.* from syncwell.streams as s
    where s.org_id = v_caller.org_id
      and s.retired_at is null
      and (p_source is null or s.source = p_source);
  else
    return query
    select s.* from syncwell.streams as s
    where s.org_id = v_caller.org_id
      and s.user_id = coalesce(p_user_id, v_caller.user_id)
      and s.retired_at is null
      and (p_source is null or s.source = p_source);
    if p_user_id is null then
      return query
      select s.* from syncwell.streams as s
      where s.org_id = v_caller.org_id
        and s.user_id is null
        and s.retired_at is null
        and (p_source is null or s.source = p_source);
    end if;
  end if;
end
$$;
comment on function syncwell._visible_streams(text, uuid) is
'Every live stream the caller may see: of p_user_id, or (NULL) its own and the org''s, or all for analysts, admins '
'and services; p_source NULL = all. The one rule of who sees what for functions that read as owner. Errors: SW001, '
'SW002.';
revoke all on function syncwell._visible_streams(text, uuid) from public;
--! end

--! include core/functions/act_as.sql
create or replace function syncwell.act_as(p_user_id uuid)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id uuid;
begin
  perform syncwell._check_gateway();
  select u.org_id into v_org_id from syncwell.users as u where u.user_id = p_user_id;
  if not found then
    raise exception using
      errcode = 'SW002',
      message = 'unknown user',
      detail = format('There is no user %s to act for.', coalesce(p_user_id::text, 'NULL')),
      hint = 'Users are registered with syncwell.register_user().';
  end if;
  perform syncwell._act(v_org_id, p_user_id);
end
$$;
comment on function syncwell.act_as(uuid) is
'Makes a gateway login the user p_user_id until the transaction ends; sets request.jwt.claims too. '
'Errors: 42501 for any other login, SW002 for an unknown user (and nothing is set).';
revoke all on function syncwell.act_as(uuid) from public;
grant execute on function syncwell.act_as(uuid) to syncwell_gateway;
--! end

--! include core/functions/act_as_org.sql
create or replace function syncwell.act_as_org(p_org_id uuid)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._check_gateway();
  perform from syncwell.orgs as o where o.org_id = p_org_id;
  if not found then
    raise exception using
      errcode = 'SW003',
      message = 'unknown org',
      detail = format('There is no org %s to act for.', coalesce(p_org_id::text, 'NULL')),
      hint = 'Orgs are registered with syncwell.register_org().';
  end if;
  perform syncwell._act(p_org_id, null);
end
$$;
comment on function syncwell.act_as_org(uuid) is
'Makes a gateway login a service of the org p_org_id, without a user, until the transaction ends. '
'Errors: 42501 for any other login, SW003 for an unknown org (and nothing is set).';
revoke all on function syncwell.act_as_org(uuid) from public;
grant execute on function syncwell.act_as_org(uuid) to syncwell_gateway;
--! end

--! include core/functions/bind_login.sql
create or replace function syncwell.bind_login(
  p_login_role name,
  p_kind text,
  p_org_id uuid default null,
  p_user_id uuid default null
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id uuid := p_org_id;
begin
  perform from pg_roles as r where r.rolname = p_login_role;
  if not found
    or p_kind is null
    or p_kind not in ('user', 'service', 'gateway', 'jwt')
    or (p_kind = 'user') <> (p_user_id is not null)
    or (p_kind = 'service' and p_org_id is null)
    or (p_kind in ('gateway', 'jwt') and p_org_id is not null)
  then
    raise exception using
      errcode = '22023',
      message = 'login not bound',
      detail = format(
        'Role %s, kind %s, org %s, user %s do not make a binding.',
        coalesce(p_login_role, 'NULL'), coalesce(left(p_kind, 100), 'NULL'),
        coalesce(p_org_id::text, 'NULL'), coalesce(p_user_id::text, 'NULL')
      ),
      hint = 'An existing role and: user with p_user_id; service with p_org_id; gateway or jwt with neither.';
  end if;

  if p_kind = 'user' then
    select u.org_id into v_org_id
    from syncwell.users as u
    where u.user_id = p_user_id and u.org_id = coalesce(p_org_id, u.org_id);
    if not found then
      raise exception using
        errcode = 'SW002',
        message = 'unknown user',
        detail = format('There is no user %s to bind a login to.', p_user_id),
        hint = 'Users are registered with syncwell.register_user().';
    end if;
  elsif p_kind = 'service' then
    perform from syncwell.orgs as o where o.org_id = p_org_id;
    if not found then
      raise exception using
        errcode = 'SW003',
        message = 'unknown org',
        detail = format('There is no org %s to bind a login to.', p_org_id),
        hint = 'Orgs are registered with syncwell.register_org().';
    end if;
  end if;

  insert into syncwell.logins (login_role, kind, org_id, user_id)
  values (p_login_role, p_kind, v_org_id, p_user_id)
  on conflict (login_role) do update
  set kind = excluded.kind, org_id = excluded.org_id, user_id = excluded.user_id, bound_at = excluded.bound_at
  where (logins.kind, logins.org_id, logins.user_id)
    is distinct from (excluded.kind, excluded.org_id, excluded.user_id);
end
$$;
comment on function syncwell.bind_login(name, text, uuid, uuid) is
'Says what a database login is: user (with p_user_id), service (with p_org_id), gateway or jwt (with neither). '
'Binding again replaces. For the owner only. Errors: 22023, SW002, SW003.';
revoke all on function syncwell.bind_login(name, text, uuid, uuid) from public;
--! end

--! include core/functions/current_org_id.sql
create or replace function syncwell.current_org_id()
returns uuid
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
as $$
begin
  return (syncwell._identity()).org_id;
end
$$;
comment on function syncwell.current_org_id() is 'The caller''s org; NULL for nobody. Errors: none.';
revoke all on function syncwell.current_org_id() from public;
grant execute on function syncwell.current_org_id()
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
--! end

--! include core/functions/current_user_id.sql
create or replace function syncwell.current_user_id()
returns uuid
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
as $$
begin
  return (syncwell._identity()).user_id;
end
$$;
comment on function syncwell.current_user_id() is 'The calling user; NULL for a service and for nobody. Errors: none.';
revoke all on function syncwell.current_user_id() from public;
grant execute on function syncwell.current_user_id()
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
--! end

--! include core/functions/drop_old_partitions.sql
create or replace function syncwell.drop_old_partitions(p_table text default null)
returns table (
  table_name text,
  partition_name text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
-- months are UTC months, whatever the session's time zone
set timezone = 'UTC'
-- whoever waits behind this waits no longer
set lock_timeout = '5s'
as $$
#variable_conflict use_column
declare
  v_table syncwell.partitioned_tables;
  v_keep_from timestamptz;
begin
  perform pg_advisory_xact_lock(hashtextextended('syncwell.ensure_partitions', 0));
  for v_table in
    select * from syncwell._registered_tables(p_table) as t where t.retention_setting is not null
  loop
    table_name := v_table.table_name;
    -- a partition holds rows of all orgs: the longest retention that anybody set counts
    v_keep_from := syncwell._now() - greatest(
      syncwell._setting(null, v_table.retention_setting)::interval,
      (select max(s.value::interval) from syncwell.settings as s where s.key = v_table.retention_setting)
    );
    for partition_name in
      select p.partition_name
      from syncwell._partitions(v_table.table_name) as p
      where p.month + interval '1 month' <= v_keep_from
      order by p.month
    loop
      execute format('drop table syncwell.%I', partition_name);
      return next;
    end loop;
  end loop;
end
$$;
comment on function syncwell.drop_old_partitions(text) is
'Drops the partitions of p_table, or of every registered table, whose whole month is older than the table''s '
'retention setting; the longest that is set for any org or source counts. Returns them. Errors: 22023 unknown table, '
'55P03 a lock took longer than 5 s: nothing is dropped, try again.';
revoke all on function syncwell.drop_old_partitions(text) from public;
grant execute on function syncwell.drop_old_partitions(text) to syncwell_operator;
--! end

--! include core/functions/ensure_partitions.sql
create or replace function syncwell.ensure_partitions(
  p_table text default null,
  p_months_ahead integer default null
)
returns table (
  table_name text,
  partition_name text,
  moved_rows bigint
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
-- months are UTC months, whatever the session's time zone
set timezone = 'UTC'
-- whoever waits behind this waits no longer
set lock_timeout = '5s'
as $$
#variable_conflict use_column
declare
  v_table syncwell.partitioned_tables;
  v_month timestamptz;
  v_from text;
  v_to text;
  v_months timestamptz[];
  v_horizon timestamptz;
  v_default text;
  v_this_month constant timestamptz := date_trunc('month', syncwell._now());
begin
  if p_months_ahead is not null and p_months_ahead not between 0 and 120 then
    raise exception using
      errcode = '22023',
      message = 'months ahead out of range',
      detail = format('p_months_ahead is %s.', p_months_ahead),
      hint = 'Pass 0 to 120, or leave it out for each table''s own number.';
  end if;
  -- one maintainer at a time: the others find everything made
  perform pg_advisory_xact_lock(hashtextextended('syncwell.ensure_partitions', 0));

  for v_table in select * from syncwell._registered_tables(p_table) loop
    v_default := v_table.table_name || '_default';
    if to_regclass('syncwell.' || quote_ident(v_default)) is null then
      execute format('create table syncwell.%I partition of syncwell.%I default', v_default, v_table.table_name);
      execute format('alter table syncwell.%I enable row level security', v_default);
    end if;

    v_horizon := v_this_month + make_interval(months => coalesce(p_months_ahead, v_table.months_ahead));
    -- months ahead, and months whose rows fell into the default partition because nobody made them in time
    execute format(
      'select array_agg(m order by m) from (
         select generate_series($1, $2, interval ''1 month'') union
         select date_trunc(''month'', %s) from syncwell.%I where %s
       ) as wanted(m) where m not in (select month from syncwell._partitions($3) where month is not null)',
      case v_table.key_kind when 'uuid7' then format('syncwell._uuid7_time(%I)', v_table.key_column)
        else quote_ident(v_table.key_column) end,
      v_default,
      -- what lies beyond the horizon is no late row but a wrong clock: it stays, and partition_health() shows it
      format('%I < %L', v_table.key_column,
        syncwell._partition_bound(v_table.key_kind, v_horizon + interval '1 month'))
    ) into v_months using v_this_month, v_horizon, v_table.table_name;

    foreach v_month in array coalesce(v_months, '{}') loop
      table_name := v_table.table_name;
      partition_name := format('%s_%s', v_table.table_name, to_char(v_month, 'YYYY_MM'));
      v_from := syncwell._partition_bound(v_table.key_kind, v_month);
      v_to := syncwell._partition_bound(v_table.key_kind, v_month + interval '1 month');

      -- Who writes rows of this month must find the new partition when it goes on, and so wait for the table itself;
      -- nobody writes rows of a month that has not begun.
      execute format(
        'lock table only syncwell.%I in access exclusive mode',
        case when v_month <= v_this_month then v_table.table_name else v_default end
      );
      execute format('create table syncwell.%I (like syncwell.%I including all)', partition_name, v_table.table_name);
      execute format('alter table syncwell.%I enable row level security', partition_name);
      execute format(
        'with moved as (delete from syncwell.%I where %I >= %L and %I < %L returning *)
         insert into syncwell.%I select * from moved',
        v_default, v_table.key_column, v_from, v_table.key_column, v_to, partition_name);
      get diagnostics moved_rows = row_count;
      execute format('alter table syncwell.%I attach partition syncwell.%I for values from (%L) to (%L)',
        v_table.table_name, partition_name, v_from, v_to);
      return next;
    end loop;
  end loop;
end
$$;
comment on function syncwell.ensure_partitions(text, integer) is
'Makes the monthly partitions (UTC) of p_table, or of every registered table, from this month to p_months_ahead '
'(default: the registry''s, 3), and moves rows that fell into the default partition to a partition of their own. '
'Returns what it made; nothing when all was there. Locks the default partition while it makes a month ahead, and the '
'whole table while it heals. Errors: 22023 unknown table or months out of range, 55P03 a lock took longer than 5 s: '
'nothing is made, try again.';
revoke all on function syncwell.ensure_partitions(text, integer) from public;
grant execute on function syncwell.ensure_partitions(text, integer) to syncwell_operator;
--! end

--! include core/functions/explain_access.sql
create or replace function syncwell.explain_access(
  p_table text,
  p_id uuid,
  out visible boolean,
  out policy text,
  out reason text
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table regclass;
  v_key text;
  v_seen boolean;
  v_policy record;
begin
  -- the last column of the primary key: the first is the org
  select c.oid::regclass, a.attname into v_table, v_key
  from pg_class as c
  join pg_index as i on i.indrelid = c.oid and i.indisprimary
  join pg_attribute as a on a.attrelid = c.oid and a.attnum = i.indkey[i.indnkeyatts - 1]
  where c.relnamespace = 'syncwell'::regnamespace
    and c.relname = p_table
    and not c.relispartition
    and a.atttypid = 'uuid'::regtype;
  if not found or p_id is null then
    raise exception using
      errcode = '22023',
      message = 'nothing to explain',
      detail = format('%L is no table of syncwell with rows that an id names, or the id is NULL.', p_table),
      hint = 'Pass a table''s bare name and an id, e.g. syncwell.explain_access(''streams'', …).';
  end if;

  visible := false;
  if not has_column_privilege(v_table, v_key, 'select') then
    reason := format('role %I may not read this table at all', current_user);
    return;
  end if;
  execute format('select exists (select from %s where %I = $1)', v_table, v_key) into visible using p_id;
  if not visible then
    reason := 'no policy shows this caller a row of that id: it belongs to somebody else, or there is none';
    return;
  end if;

  if not row_security_active(v_table) then
    reason := 'row-level security does not bind this role: it owns the table or bypasses policies';
    return;
  end if;
  for v_policy in
    select p.polname, pg_get_expr(p.polqual, p.polrelid) as condition
    from pg_policy as p
    where p.polrelid = v_table and p.polpermissive and p.polcmd in ('r', '*')
    order by p.polname
  loop
    execute format('select exists (select from %s where %I = $1 and (%s))', v_table, v_key, v_policy.condition)
    into v_seen using p_id;
    if v_seen then
      policy := v_policy.polname;
      reason := v_policy.condition;
      return;
    end if;
  end loop;
end
$$;
comment on function syncwell.explain_access(text, uuid) is
'Whether the caller sees the row p_id of the table p_table, by which policy, and that policy''s condition. A row of '
'somebody else and a row that is not there get the same answer. Errors: 22023 for a table that ids do not name.';
revoke all on function syncwell.explain_access(text, uuid) from public;
grant execute on function syncwell.explain_access(text, uuid)
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
--! end

--! include core/functions/get_setting.sql
create or replace function syncwell.get_setting(
  p_key text,
  p_source text default null,
  p_platform text default null
)
returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return syncwell._setting((syncwell._identity()).org_id, p_key, p_source, p_platform);
end
$$;
comment on function syncwell.get_setting(text, text, text) is
'The effective value of a setting, as text, for the caller''s org (nobody: for all orgs), p_source and p_platform. '
'Errors: SW010.';
revoke all on function syncwell.get_setting(text, text, text) from public;
grant execute on function syncwell.get_setting(text, text, text)
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
--! end

--! include core/functions/partition_health.sql
create or replace function syncwell.partition_health(p_table text default null)
returns table (
  table_name text,
  partition_name text,
  month timestamptz,
  is_default boolean,
  estimated_rows bigint,
  total_bytes bigint,
  finding text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
-- months are UTC months, whatever the session's time zone
set timezone = 'UTC'
as $$
declare
  v_table syncwell.partitioned_tables;
  v_rows bigint;
  v_this_month constant timestamptz := date_trunc('month', syncwell._now());
begin
  for v_table in select * from syncwell._registered_tables(p_table) loop
    execute format(
      'select count(*) from (select from syncwell.%I limit 1000) as counted', v_table.table_name || '_default'
    )
    into v_rows;
    return query
    select
      v_table.table_name,
      p.partition_name,
      p.month,
      p.month is null,
      case when p.month is null then v_rows else nullif(c.reltuples, -1)::bigint end,
      pg_total_relation_size(p.partition),
      case
        when p.month is null and v_rows > 0
          then 'rows in the default partition: ensure_partitions() moves them, but for those of a time too far ahead'
        when p.month = max(p.month) over () and p.month < v_this_month + interval '1 month'
          then 'the newest partition: ensure_partitions() has not run for too long'
      end
    from syncwell._partitions(v_table.table_name) as p
    join pg_class as c on c.oid = p.partition
    order by p.month nulls first;
  end loop;
end
$$;
comment on function syncwell.partition_health(text) is
'Each partition of p_table, or of every registered table: its month, rows (an estimate, NULL before the first '
'ANALYZE; in the default partition counted, up to 1000), bytes with indexes, and a finding in words where something '
'is wrong. Errors: 22023 unknown table.';
revoke all on function syncwell.partition_health(text) from public;
grant execute on function syncwell.partition_health(text) to syncwell_operator;
--! end

--! include core/functions/register_org.sql
create or replace function syncwell.register_org(
  p_name text,
  p_org_id uuid default null,
  p_time_zone text default 'UTC'
)
returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id uuid;
begin
  if p_name is null or p_time_zone is null then
    raise exception using
      errcode = '22004',
      message = 'an org needs a name and a time zone',
      detail = 'p_name or p_time_zone is NULL.',
      hint = 'Leave p_time_zone out for UTC.';
  end if;
  perform syncwell._check_text('p_name', p_name, 200);
  perform syncwell._check_time_zone(p_time_zone);
  if p_name = '' then
    raise exception using
      errcode = '22023',
      message = 'an org needs a name',
      detail = 'p_name is empty.',
      hint = 'Give the org''s display name.';
  end if;

  insert into syncwell.orgs (org_id, name, time_zone)
  values (coalesce(p_org_id, gen_random_uuid()), p_name, p_time_zone)
  on conflict (org_id) do update
  set name = excluded.name, time_zone = excluded.time_zone
  returning org_id into v_org_id;
  return v_org_id;
end
$$;
comment on function syncwell.register_org(text, uuid, text) is
'Creates an org, or renames the one with p_org_id; returns its id. p_time_zone: IANA name, default UTC. Errors: '
'22004, 22001, 22023.';
revoke all on function syncwell.register_org(text, uuid, text) from public;
grant execute on function syncwell.register_org(text, uuid, text) to syncwell_operator;
--! end

--! include core/functions/register_user.sql
create or replace function syncwell.register_user(
  p_org_id uuid,
  p_user_id uuid default null,
  p_role text default 'member',
  p_display_name text default null
)
returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  if p_role is null or p_role not in ('member', 'analyst', 'admin') then
    raise exception using
      errcode = '22023',
      message = 'unknown role of a user',
      detail = format('p_role is %s.', coalesce(quote_literal(p_role), 'NULL')),
      hint = 'One of member, analyst, admin.';
  end if;
  perform syncwell._check_text('p_display_name', p_display_name, 200);
  perform from syncwell.orgs as o where o.org_id = p_org_id;
  if not found then
    raise exception using
      errcode = 'SW003',
      message = 'unknown org',
      detail = format('There is no org %s.', coalesce(p_org_id::text, 'NULL')),
      hint = 'Orgs are registered with syncwell.register_org().';
  end if;

  insert into syncwell.users (org_id, user_id, role, display_name)
  values (p_org_id, coalesce(p_user_id, gen_random_uuid()), p_role, p_display_name)
  on conflict (user_id) do update
  set role = excluded.role, display_name = excluded.display_name
  where users.org_id = excluded.org_id
  returning user_id into v_user_id;
  if v_user_id is null then
    raise exception using
      errcode = '22023',
      message = 'this user belongs to another org',
      detail = format('User %s is registered already, and a user has one org.', p_user_id),
      hint = 'Give the person a user id of its own in each org.';
  end if;
  return v_user_id;
end
$$;
comment on function syncwell.register_user(uuid, uuid, text, text) is
'Creates a user of an org, or changes role and name of the one with p_user_id; returns its id. p_role: member '
'(default), analyst, admin. Errors: SW003, 22001, 22023 (unknown role; user of another org).';
revoke all on function syncwell.register_user(uuid, uuid, text, text) from public;
grant execute on function syncwell.register_user(uuid, uuid, text, text) to syncwell_operator;
--! end

--! include core/functions/set_setting.sql
create or replace function syncwell.set_setting(
  p_key text,
  p_value text,
  p_source text default null,
  p_platform text default null,
  p_org_id uuid default null
)
returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_source is not null then
    perform syncwell._check_source(p_source);
  end if;
  perform syncwell._check_platform(p_platform);
  if p_org_id is not null then
    perform from syncwell.orgs as o where o.org_id = p_org_id;
    if not found then
      raise exception using
        errcode = 'SW003',
        message = 'unknown org',
        detail = format('There is no org %s.', p_org_id),
        hint = 'Leave p_org_id out to set it for all orgs.';
    end if;
  end if;

  if p_value is null then
    -- raises for a key that is not defined
    perform syncwell._setting(p_org_id, p_key);
    delete from syncwell.settings as s
    where s.key = p_key
      and (s.org_id, s.source, s.platform) is not distinct from (p_org_id, p_source, p_platform);
  else
    perform syncwell._check_setting(p_key, p_value);
    insert into syncwell.settings (org_id, source, platform, key, value)
    values (p_org_id, p_source, p_platform, p_key, p_value)
    on conflict on constraint settings_are_set_once_per_place do update
    set value = excluded.value, set_at = excluded.set_at, set_by = excluded.set_by
    where settings.value <> excluded.value;
  end if;
  return syncwell._setting(p_org_id, p_key, p_source, p_platform);
end
$$;
comment on function syncwell.set_setting(text, text, text, text, uuid) is
'Sets a setting for p_source, p_platform and p_org_id (NULL: all), or removes it there (p_value NULL); returns what '
'is effective there now. Errors: SW010 unknown key, SW011 value out of range, SW003 unknown org, 22023 bad source or '
'platform.';
revoke all on function syncwell.set_setting(text, text, text, text, uuid) from public;
grant execute on function syncwell.set_setting(text, text, text, text, uuid) to syncwell_operator;
--! end

--! include core/functions/settings_effective.sql
create or replace function syncwell.settings_effective(p_source text default null)
returns table (
  key text,
  value text,
  level text,
  default_value text,
  unit text,
  description text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select e.key, e.value, e.level, d.default_value, d.unit, d.description
  from syncwell._effective_settings((syncwell._identity()).org_id, p_source) as e
  join syncwell.setting_definitions as d using (key)
  order by e.key;
end
$$;
comment on function syncwell.settings_effective(text) is
'Every setting as it holds for the caller''s org and p_source: value as text, the level that decided (source, org, '
'everywhere, default), the default, unit and meaning. Errors: none.';
revoke all on function syncwell.settings_effective(text) from public;
grant execute on function syncwell.settings_effective(text)
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
--! end

--! include core/functions/unbind_login.sql
create or replace function syncwell.unbind_login(p_login_role name)
returns boolean
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from syncwell.logins as l where l.login_role = p_login_role;
  return found;
end
$$;
comment on function syncwell.unbind_login(name) is
'Makes a login nobody again, from its next statement on; false when it was not bound. For the owner only. Errors: '
'none.';
revoke all on function syncwell.unbind_login(name) from public;
--! end

--! include core/functions/who_am_i.sql
create or replace function syncwell.who_am_i(
  out login_role name,
  out kind text,
  out org_id uuid,
  out user_id uuid,
  out role text,
  out rule text
)
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
as $$
begin
  login_role := session_user;
  select i.kind, i.org_id, i.user_id, i.role, i.rule
  into kind, org_id, user_id, role, rule
  from syncwell._identity() as i;
end
$$;
comment on function syncwell.who_am_i() is
'Who the caller is and which rule decided: login_role; kind of login (NULL: not bound); org_id, user_id, role (NULL: '
'nobody); rule, in words. Errors: none.';
revoke all on function syncwell.who_am_i() from public;
grant execute on function syncwell.who_am_i()
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
--! end

--! include core/policies.sql
-- Deny by default: RLS is on everywhere, and these policies are the only openings.
-- Not forced: the owner's own functions must read these tables to find out who is calling.

alter table syncwell.schema_migrations enable row level security;
alter table syncwell.orgs enable row level security;
alter table syncwell.users enable row level security;
alter table syncwell.logins enable row level security;
alter table syncwell.streams enable row level security;
alter table syncwell.error_codes enable row level security;
alter table syncwell.setting_definitions enable row level security;
alter table syncwell.settings enable row level security;
alter table syncwell.maintenance_tasks enable row level security;
alter table syncwell.personal_data enable row level security;
alter table syncwell.partitioned_tables enable row level security;

create policy everyone_reads_migrations on syncwell.schema_migrations for select using (true);
create policy everyone_reads_error_codes on syncwell.error_codes for select using (true);
create policy everyone_reads_setting_definitions on syncwell.setting_definitions for select using (true);
create policy everyone_reads_maintenance_tasks on syncwell.maintenance_tasks for select using (true);
create policy everyone_reads_personal_data on syncwell.personal_data for select using (true);
create policy everyone_reads_partitioned_tables on syncwell.partitioned_tables for select using (true);

create policy own_org on syncwell.orgs for select
using (org_id = (select syncwell.current_org_id()));

create policy own_user_or_whole_org on syncwell.users for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_streams_or_whole_org on syncwell.streams for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_and_common_settings on syncwell.settings for select
using (org_id is null or org_id = (select syncwell.current_org_id()));

grant select on
syncwell.schema_migrations, syncwell.error_codes, syncwell.setting_definitions,
syncwell.maintenance_tasks, syncwell.personal_data, syncwell.partitioned_tables,
syncwell.orgs, syncwell.users, syncwell.streams, syncwell.settings
to syncwell_reader;
grant select on
syncwell.schema_migrations, syncwell.error_codes, syncwell.setting_definitions,
syncwell.maintenance_tasks, syncwell.personal_data, syncwell.partitioned_tables
to syncwell_operator;
--! end

--! include core/registry.sql
insert into syncwell.error_codes (sqlstate, name, http_status, description) values
('SW001', 'no_identity', 401, 'The login is bound to nobody, or a gateway has not called act_as() in the transaction.'),
('SW002', 'unknown_user', 404, 'No such user in the caller''s org, or not the caller''s to ask about.'),
('SW003', 'unknown_org', 404, 'No such org.'),
('SW010', 'unknown_setting', 400, 'No setting of that name.'),
('SW011', 'setting_out_of_range', 400, 'The value does not fit the setting''s kind or bounds.'),
('SW901', 'migration_out_of_order', 409, 'The migration before this one is not applied, or a later one is.'),
('SW902', 'migration_already_applied', 409, 'This migration is applied already.'),
('SW903', 'roles_missing', 409, 'The roles of sql/roles.sql are not there.'),
('SW904', 'data_would_be_lost', 409, 'A rollback would drop rows and was not told that it may.');

insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, unit, description) values
(
  'consent_required', 'boolean', 'off', null, null, null,
  'Whether error texts, devices and networks of a user''s streams are kept only with the user''s consent.'
);

insert into syncwell.maintenance_tasks (task, domain, routine, description) values
(
  'partitions', 'core', '_partitions_task',
  'Makes the partitions of the coming months, heals the default ones, drops what is past its retention.'
);

insert into syncwell.personal_data (table_name, user_column, on_erase, description) values
('users', 'user_id', 'delete', 'That the user exists, with role and display name.'),
('logins', 'user_id', 'delete', 'Which database login is the user''s.'),
('streams', 'user_id', 'delete', 'Which sources the user syncs.');
--! end

--! include runs/tables.sql
-- runs: the ledger of every sync, what each stream is at, its errors, and what is remembered of a source as a whole.

create table syncwell.sync_events (
  org_id uuid not null,
  id uuid not null,
  stream_id uuid not null,
  user_id uuid,
  source text not null,
  sync_type text not null
  constraint sync_events_type_is_known check (sync_type in ('full', 'incremental', 'webhook', 'manual')),
  status text not null default 'started'
  constraint sync_events_status_is_known
  check (status in ('started', 'success', 'partial', 'failed', 'timeout', 'cancelled')),
  started_at timestamptz not null,
  completed_at timestamptz,
  duration_ms bigint constraint sync_events_take_no_negative_time check (duration_ms >= 0),
  items_processed bigint,
  items_created bigint,
  items_updated bigint,
  items_deleted bigint,
  items_failed bigint,
  direction text constraint sync_events_direction_is_known check (direction in ('pull', 'push')),
  bytes bigint,
  error_id uuid,
  error_type text,
  error_code text,
  error_message text,
  sync_token_before text,
  sync_token_after text,
  platform text,
  device_id text,
  network_type text,
  network_quality text,
  attempt integer not null default 1,
  parent_id uuid,
  run_key text,
  lease uuid not null,
  heartbeat_at timestamptz,
  primary key (org_id, id),
  constraint sync_events_end_when_they_are_over
  check ((status = 'started') = (completed_at is null) and (completed_at is null) = (duration_ms is null)),
  constraint sync_events_count_nothing_negative
  check (least(items_processed, items_created, items_updated, items_deleted, items_failed, bytes) >= 0)
) partition by range (id);
create index sync_events_by_stream on syncwell.sync_events (org_id, stream_id, id);
create index sync_events_by_source on syncwell.sync_events (org_id, source, id);
create index sync_events_running on syncwell.sync_events (org_id, stream_id) where status = 'started';
-- what is rare is found without reading all that went well, of an org or of one stream
create index sync_events_not_well on syncwell.sync_events (org_id, id)
where status in ('partial', 'failed', 'timeout', 'cancelled');
create index sync_events_not_well_by_stream on syncwell.sync_events (org_id, stream_id, id)
where status in ('partial', 'failed', 'timeout', 'cancelled');
create index sync_events_webhooks on syncwell.sync_events (org_id, id) where sync_type = 'webhook';
create index sync_events_webhooks_by_stream on syncwell.sync_events (org_id, stream_id, id) where sync_type = 'webhook';
comment on table syncwell.sync_events is
'One row a run of a stream, partitioned by month on its UUIDv7 id. Kept for setting runs.retention.';
comment on column syncwell.sync_events.org_id is 'The org.';
comment on column syncwell.sync_events.id is 'The run''s id: a UUIDv7 of started_at, so that ids sort by start.';
comment on column syncwell.sync_events.stream_id is 'The stream that ran.';
comment on column syncwell.sync_events.user_id is 'The user whose stream it is; NULL for the org''s own.';
comment on column syncwell.sync_events.source is 'What was synced.';
comment on column syncwell.sync_events.sync_type is 'full, incremental, webhook or manual.';
comment on column syncwell.sync_events.status is
'started; success; partial: completed, but items failed; failed: its worker said so; timeout: the reaper ended it; '
'cancelled: somebody called it off.';
comment on column syncwell.sync_events.started_at is 'When the run started.';
comment on column syncwell.sync_events.completed_at is 'When the run ended, however it did; NULL while it runs.';
comment on column syncwell.sync_events.duration_ms is 'Milliseconds from start to end; NULL while it runs.';
comment on column syncwell.sync_events.items_processed is 'Items handled; NULL when not told.';
comment on column syncwell.sync_events.items_created is 'Items that are new; NULL when not told.';
comment on column syncwell.sync_events.items_updated is 'Items changed; NULL when not told.';
comment on column syncwell.sync_events.items_deleted is 'Items deleted; NULL when not told.';
comment on column syncwell.sync_events.items_failed is 'Items that could not be handled; NULL when not told.';
comment on column syncwell.sync_events.direction is
'pull: from the server to a device; push: from a device to the server; NULL when not told.';
comment on column syncwell.sync_events.bytes is 'Bytes that were transferred; NULL when not told.';
comment on column syncwell.sync_events.error_id is
'While it runs: the error this run retries. After a failure: the error it wrote (sync_errors.id).';
comment on column syncwell.sync_events.error_type is 'Type of the error, see classify_sync_error(); NULL without one.';
comment on column syncwell.sync_events.error_code is 'The code as the worker gave it.';
comment on column syncwell.sync_events.error_message is 'The message without secrets; NULL where consent is missing.';
comment on column syncwell.sync_events.sync_token_before is 'Where the run took up the source.';
comment on column syncwell.sync_events.sync_token_after is 'Where the next run goes on.';
comment on column syncwell.sync_events.platform is 'android, ios, web, server or other; NULL when not known.';
comment on column syncwell.sync_events.device_id is 'The device that ran it; NULL when not told or without consent.';
comment on column syncwell.sync_events.network_type is 'e.g. wifi, cellular; NULL when not told or without consent.';
comment on column syncwell.sync_events.network_quality is 'e.g. good, poor; NULL when not told or without consent.';
comment on column syncwell.sync_events.attempt is '1 for a first try, 2 for the first retry, and so on.';
comment on column syncwell.sync_events.parent_id is 'The failed run that this one retries; NULL for none.';
comment on column syncwell.sync_events.run_key is
'The worker''s own name for the run: two starts with one key are one run.';
comment on column syncwell.sync_events.lease is
'Who may go on with the run: the reaper changes it, so that a late worker is refused.';
comment on column syncwell.sync_events.heartbeat_at is 'The last sign of life; NULL when the worker sends none.';

create table syncwell.sync_run_keys (
  org_id uuid not null,
  stream_id uuid not null,
  run_key text not null,
  event_id uuid not null,
  user_id uuid,
  created_at timestamptz not null,
  primary key (org_id, stream_id, run_key)
);
create index sync_run_keys_by_age on syncwell.sync_run_keys (created_at);
comment on table syncwell.sync_run_keys is
'Which run a run key stands for. A table of its own: a unique index over partitions could not promise one run a key. '
'Kept for setting runs.run_key_retention.';

comment on column syncwell.sync_run_keys.org_id is 'The org.';
comment on column syncwell.sync_run_keys.stream_id is 'The stream that the key is a name in.';
comment on column syncwell.sync_run_keys.run_key is 'The worker''s own name for the run.';
comment on column syncwell.sync_run_keys.event_id is 'The run it stands for (sync_events.id).';
comment on column syncwell.sync_run_keys.user_id is 'The user whose stream it is; NULL for the org''s own.';
comment on column syncwell.sync_run_keys.created_at is 'When the run started.';

create table syncwell.sync_state (
  org_id uuid not null,
  stream_id uuid not null,
  user_id uuid,
  last_sync_token text,
  last_full_sync timestamptz,
  last_incremental_sync timestamptz,
  last_successful_sync timestamptz,
  last_failed_sync timestamptz,
  last_status text,
  last_run_at timestamptz,
  last_duration_ms bigint,
  consecutive_failures integer not null default 0,
  is_healthy boolean not null default true,
  health_check_at timestamptz,
  expected_interval interval,
  next_sync_at timestamptz,
  recent_outcomes bit varying(20) not null default b'',
  total_runs bigint not null default 0,
  items_in_database bigint,
  primary key (org_id, stream_id),
  foreign key (org_id, stream_id) references syncwell.streams on delete cascade
  -- hot: every end of a run writes it, and no changing column may be indexed
) with (fillfactor = 70);
comment on table syncwell.sync_state is 'What each stream is at: one row a stream, written at the end of every run.';
comment on column syncwell.sync_state.org_id is 'The org.';
comment on column syncwell.sync_state.stream_id is 'The stream.';
comment on column syncwell.sync_state.user_id is 'The user whose stream it is; NULL for the org''s own.';
comment on column syncwell.sync_state.last_sync_token is
'Where the next run goes on: the last token a success or partial run gave.';
comment on column syncwell.sync_state.last_full_sync is 'End of the last full run that succeeded, even if partly.';
comment on column syncwell.sync_state.last_incremental_sync is
'End of the last incremental run that succeeded, even if partly.';
comment on column syncwell.sync_state.last_successful_sync is
'End of the last run of any type that succeeded, even if partly.';
comment on column syncwell.sync_state.last_failed_sync is 'End of the last run that failed or timed out.';
comment on column syncwell.sync_state.last_status is 'How the last run ended; NULL before the first end.';
comment on column syncwell.sync_state.last_run_at is 'When the last run ended.';
comment on column syncwell.sync_state.last_duration_ms is 'How long the last run took.';
comment on column syncwell.sync_state.consecutive_failures is
'Failures and timeouts since the last success or partial run; cancelled runs count as neither.';
comment on column syncwell.sync_state.is_healthy is
'consecutive_failures < setting runs.failure_threshold, as of health_check_at; nothing more.';
comment on column syncwell.sync_state.health_check_at is 'When is_healthy was last decided.';
comment on column syncwell.sync_state.expected_interval is
'How often a success is expected, as the stream declares it.';
comment on column syncwell.sync_state.next_sync_at is
'When the next run is expected: by cron, else last end + expected_interval, else NULL.';
comment on column syncwell.sync_state.recent_outcomes is
'The last 20 outcomes, newest rightmost: 1 = success or partial, 0 = failed or timeout; cancelled runs left out.';
comment on column syncwell.sync_state.total_runs is 'Runs that have ended, cancelled ones included.';
comment on column syncwell.sync_state.items_in_database is
'Items created minus items deleted over all runs but pulls, which change nothing there; NULL when never told.';

create table syncwell.sync_errors (
  org_id uuid not null,
  id uuid not null,
  stream_id uuid not null,
  user_id uuid,
  source text not null,
  event_id uuid,
  fingerprint text not null,
  error_type text not null,
  error_class text not null constraint sync_errors_class_is_known
  check (error_class in ('transient', 'throttled', 'auth', 'conflict', 'permanent', 'unknown')),
  error_code text,
  http_status integer,
  error_message text,
  error_details jsonb,
  retry_count integer not null default 0,
  next_retry_at timestamptz,
  lane text not null default 'none' constraint sync_errors_lane_is_known check (lane in ('fast', 'slow', 'none')),
  reason text,
  retry_lease uuid,
  retry_lease_until timestamptz,
  resolved_at timestamptz,
  created_at timestamptz not null,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  occurrences bigint not null default 1,
  primary key (org_id, id),
  foreign key (org_id, stream_id) references syncwell.streams on delete cascade,
  constraint sync_errors_without_a_lane_wait_for_nothing check (lane <> 'none' or next_retry_at is null)
);
create unique index sync_errors_are_open_once on syncwell.sync_errors (org_id, stream_id, fingerprint)
where resolved_at is null;
create index sync_errors_by_stream on syncwell.sync_errors (org_id, stream_id, last_seen);
create index sync_errors_by_source on syncwell.sync_errors (org_id, source, last_seen);
create index sync_errors_due on syncwell.sync_errors (next_retry_at)
where resolved_at is null and next_retry_at is not null;
create index sync_errors_due_by_source on syncwell.sync_errors (org_id, source, next_retry_at)
where resolved_at is null and next_retry_at is not null;
comment on table syncwell.sync_errors is
'One open row per stream and fingerprint, with its retry state. Resolved rows are kept for setting runs.retention.';
comment on column syncwell.sync_errors.org_id is 'The org.';
comment on column syncwell.sync_errors.id is 'The error''s id.';
comment on column syncwell.sync_errors.stream_id is 'The stream that failed.';
comment on column syncwell.sync_errors.user_id is 'The user whose stream it is; NULL for the org''s own.';
comment on column syncwell.sync_errors.source is 'What was to be synced.';
comment on column syncwell.sync_errors.event_id is
'The last run that failed so; NULL: reported by create_sync_error() only.';
comment on column syncwell.sync_errors.fingerprint is
'MD5 of class, code, HTTP status and the message without numbers, ids and quoted parts: errors of one kind share it.';
comment on column syncwell.sync_errors.error_type is
'e.g. ECONNREFUSED, HTTP_503, TIMEOUT, UNKNOWN_ERROR: see classify_sync_error().';
comment on column syncwell.sync_errors.error_class is 'transient, throttled, auth, conflict, permanent or unknown.';
comment on column syncwell.sync_errors.error_code is 'The code as the worker gave it.';
comment on column syncwell.sync_errors.http_status is 'HTTP status of the answer; NULL without one.';
comment on column syncwell.sync_errors.error_message is
'The last message, without secrets; NULL where consent is missing.';
comment on column syncwell.sync_errors.error_details is
'The last details, without secrets; NULL where consent is missing.';
comment on column syncwell.sync_errors.retry_count is 'Retries granted so far.';
comment on column syncwell.sync_errors.next_retry_at is
'When it is due to be retried; NULL: not waiting, or its retry is running.';
comment on column syncwell.sync_errors.lane is
'fast: one of the few retries after seconds; slow: parked; none: nobody retries it by itself.';
comment on column syncwell.sync_errors.reason is
'Why: retry, scheduled, parked, budget, circuit_open, needs_reauth, permanent, too_old, client (who failed retries '
'it); NULL before any decision.';
comment on column syncwell.sync_errors.retry_lease is 'Proof of the worker that claimed the retry.';
comment on column syncwell.sync_errors.retry_lease_until is 'Until when the claim holds.';
comment on column syncwell.sync_errors.resolved_at is 'When it was resolved; NULL while open.';
comment on column syncwell.sync_errors.created_at is 'When the row was made.';
comment on column syncwell.sync_errors.first_seen is 'When it first happened since it was last resolved.';
comment on column syncwell.sync_errors.last_seen is 'When it last happened.';
comment on column syncwell.sync_errors.occurrences is 'How often it happened since first_seen.';

create table syncwell.source_attempts (
  org_id uuid not null,
  source text not null,
  minute timestamptz not null,
  shard smallint not null,
  runs bigint not null,
  failures bigint not null,
  retries bigint not null,
  primary key (org_id, source, minute, shard)
) with (fillfactor = 70);
comment on table syncwell.source_attempts is
'Runs, failures and granted retries of a source by minute, for the retry budget and the circuit breaker. '
'A count is the sum over the shards, which keep sessions out of each other''s way. Kept for an hour.';
comment on column syncwell.source_attempts.org_id is 'The org.';
comment on column syncwell.source_attempts.source is 'The source.';
comment on column syncwell.source_attempts.minute is 'The minute in which the runs ended.';
comment on column syncwell.source_attempts.shard is 'Which group of sessions counted.';
comment on column syncwell.source_attempts.runs is 'Runs that ended, cancelled ones left out.';
comment on column syncwell.source_attempts.failures is
'Those that failed because the source did: auth and permanent errors left out.';
comment on column syncwell.source_attempts.retries is 'Fast retries granted.';

create table syncwell.circuits (
  org_id uuid not null,
  source text not null,
  state text not null constraint circuits_state_is_known check (state in ('closed', 'open', 'half_open')),
  opened_at timestamptz not null,
  closed_at timestamptz,
  cooldown interval not null,
  reopen_at timestamptz not null,
  probe_token uuid,
  probe_event uuid,
  probe_until timestamptz,
  primary key (org_id, source),
  constraint circuits_probe_only_when_half_open check ((state = 'half_open') = (probe_token is not null))
);
comment on table syncwell.circuits is
'The circuit breaker of a source: a row from the first time it opened on. No row: closed.';
comment on column syncwell.circuits.org_id is 'The org.';
comment on column syncwell.circuits.source is 'The source.';
comment on column syncwell.circuits.state is
'closed: all well; open: no retries are handed out; half_open: one probe is out.';
comment on column syncwell.circuits.opened_at is 'When it last opened.';
comment on column syncwell.circuits.closed_at is 'When it last closed: failures before do not count again.';
comment on column syncwell.circuits.cooldown is 'How long it stays open; doubles with each failed probe.';
comment on column syncwell.circuits.reopen_at is 'From when on a probe is let through.';
comment on column syncwell.circuits.probe_token is 'The retry lease of the probe that is out.';
comment on column syncwell.circuits.probe_event is 'The run of the probe, once it has started.';
comment on column syncwell.circuits.probe_until is 'When a probe that has not come back is given up.';
--! end

--! include runs/functions/_block_source.sql
create or replace function syncwell._block_source(
  p_org_id uuid,
  p_source text,
  p_now timestamptz,
  p_until timestamptz,
  p_cooldown interval
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into syncwell.circuits as c (org_id, source, state, opened_at, cooldown, reopen_at)
  values (p_org_id, p_source, 'open', p_now, p_cooldown, p_until)
  on conflict (org_id, source) do update
  set
    state = 'open',
    opened_at = excluded.opened_at,
    cooldown = case when c.state = 'closed' then excluded.cooldown else c.cooldown end,
    reopen_at = greatest(excluded.reopen_at, case when c.state = 'open' then c.reopen_at end),
    probe_token = null,
    probe_event = null,
    probe_until = null;
end
$$;
comment on function syncwell._block_source(uuid, text, timestamptz, timestamptz, interval) is
'Opens a source''s circuit until p_until, because the source asked for it (Retry-After).';
revoke all on function syncwell._block_source(uuid, text, timestamptz, timestamptz, interval) from public;
--! end

--! include runs/functions/_check_active_hours.sql
create or replace function syncwell._check_active_hours(p_active_hours text)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  c_day constant text := '(Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
  c_days constant text := c_day || '(-' || c_day || ')?';
  c_time constant text := '([01][0-9]|2[0-3]):[0-5][0-9]';
  v_match text[];
begin
  if p_active_hours is null then
    return;
  end if;
  v_match := regexp_match(
    p_active_hours,
    '^(?:' || c_days || '(?:,' || c_days || ')* )?((?:' || c_time || '))-((?:' || c_time || ')|24:00)$'
  );
  if v_match is null or split_part(right(p_active_hours, 11), '-', 1) = right(p_active_hours, 5) then
    raise exception using
      errcode = '22023',
      message = 'these are no active hours',
      detail = format('p_active_hours is %L.', left(p_active_hours, 100)),
      hint = 'Days and hours, e.g. ''Mon-Fri 08:00-18:00'', ''Mon,Wed,Sat-Sun 22:00-06:00'' or ''06:00-24:00''.';
  end if;
end
$$;
comment on function syncwell._check_active_hours(text) is
'Refuses (22023) active hours that are not [days ]HH:MM-HH:MM; days are Mon…Sun, ranges or lists; hours may pass '
'midnight; NULL passes.';
revoke all on function syncwell._check_active_hours(text) from public;
--! end

--! include runs/functions/_check_duration.sql
create or replace function syncwell._check_duration(
  p_name text,
  p_value interval,
  p_minimum interval,
  p_maximum interval
)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_value not between p_minimum and p_maximum then
    raise exception using
      errcode = '22023',
      message = format('%s is out of range', p_name),
      detail = format('It is %s.', p_value),
      hint = format('Pass an interval from %s to %s.', p_minimum, p_maximum);
  end if;
end
$$;
comment on function syncwell._check_duration(text, interval, interval, interval) is
'Refuses (22023) an interval outside p_minimum to p_maximum; NULL passes.';
revoke all on function syncwell._check_duration(text, interval, interval, interval) from public;
--! end

--! include runs/functions/_check_error.sql
create or replace function syncwell._check_error(
  p_message text,
  p_code text,
  p_http_status integer,
  p_details jsonb
)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_message is null then
    raise exception using
      errcode = '22004',
      message = 'a message is needed',
      detail = 'p_message is NULL.',
      hint = 'Say what went wrong; an empty text will do.';
  end if;
  perform syncwell._check_text('p_message', p_message, 8192);
  perform syncwell._check_text('p_code', p_code, 255);
  if p_http_status not between 100 and 599 then
    raise exception using
      errcode = '22023',
      message = 'this is no HTTP status',
      detail = format('p_http_status is %s.', p_http_status),
      hint = 'Pass 100 to 599, or leave it out.';
  end if;
  if octet_length(p_details::text) > 65536 then
    raise exception using
      errcode = '22001',
      message = 'p_details is too long',
      detail = format('It has %s bytes; at most 65536 are kept.', octet_length(p_details::text)),
      hint = 'Keep what helps to understand the error.';
  end if;
end
$$;
comment on function syncwell._check_error(text, text, integer, jsonb) is
'Refuses an error without a message (22004), too long (22001) or with an impossible HTTP status (22023).';
revoke all on function syncwell._check_error(text, text, integer, jsonb) from public;
--! end

--! include runs/functions/_cron_day.sql
create or replace function syncwell._cron_day(
  p_day timestamp,
  p_days integer[],
  p_months integer[],
  p_weekdays integer[],
  p_either boolean
)
returns boolean
language sql immutable security invoker parallel safe
begin atomic
  select
    extract(month from p_day)::integer = any(p_months)
    and case
      when p_either
        then extract(day from p_day)::integer = any(p_days) or extract(dow from p_day)::integer = any(p_weekdays)
      else extract(day from p_day)::integer = any(p_days) and extract(dow from p_day)::integer = any(p_weekdays)
    end;
end;
comment on function syncwell._cron_day(timestamp, integer[], integer[], integer[], boolean) is
'Whether a cron schedule fires on a day. p_either: as in cron, where days of month and week are both restricted, '
'either will do.';
revoke all on function syncwell._cron_day(timestamp, integer[], integer[], integer[], boolean) from public;
--! end

--! include runs/functions/_cron_field.sql
create or replace function syncwell._cron_field(
  p_field text,
  p_minimum integer,
  p_maximum integer,
  p_names text[] default null
)
returns integer[]
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
-- backslashes stand for themselves, whatever the session says
set standard_conforming_strings = on
as $$
declare
  v_part text;
  v_match text[];
  v_from integer;
  v_to integer;
  v_step integer;
  v_values integer[] := array[]::integer[];
  v_name record;
  v_field text := lower(p_field);
begin
  for v_name in
    select n.name, n.ordinality - 1 + p_minimum as number
    from unnest(p_names) with ordinality as n (name, ordinality)
    where v_field ~ '[a-z]'
  loop
    v_field := regexp_replace(v_field, '\m' || v_name.name || '\M', v_name.number::text, 'g');
  end loop;

  foreach v_part in array string_to_array(v_field, ',') loop
    v_match := regexp_match(v_part, '^(?:(\*)|([0-9]{1,2})(?:-([0-9]{1,2}))?)(?:/([0-9]{1,2}))?$');
    v_step := coalesce(v_match[4]::integer, 1);
    v_from := case when v_match[1] is null then v_match[2]::integer else p_minimum end;
    v_to := case
      when v_match[3] is not null then v_match[3]::integer
      -- 5/10 means from 5 on to the end
      when v_match[1] is not null or v_match[4] is not null then p_maximum
      else v_from
    end;
    if v_match is null or v_step = 0 or v_from < p_minimum or v_to > p_maximum or v_from > v_to then
      raise exception using
        errcode = '22023',
        message = 'this is no cron schedule',
        detail = format('%L is no field of values from %s to %s.', left(p_field, 100), p_minimum, p_maximum),
        hint = 'Five fields: minute hour day-of-month month day-of-week; each *, a number, a-b, with /step, or a list.';
    end if;
    v_values := v_values || array(select generate_series(v_from, v_to, v_step));
  end loop;
  return array(select distinct v from unnest(v_values) as v order by v);
end
$$;
comment on function syncwell._cron_field(text, integer, integer, text[]) is
'The values one cron field stands for, ascending: *, numbers, ranges, steps, lists, and names (the first one is '
'p_minimum). Errors: 22023.';
revoke all on function syncwell._cron_field(text, integer, integer, text[]) from public;
--! end

--! include runs/functions/_cron_next.sql
create or replace function syncwell._cron_next(
  p_cron text,
  p_time_zone text,
  p_after timestamptz
)
returns timestamptz
language plpgsql stable strict security invoker parallel safe
set search_path = pg_catalog, pg_temp
-- backslashes stand for themselves, whatever the session says
set standard_conforming_strings = on
as $$
declare
  v_fields text[] := regexp_split_to_array(btrim(p_cron), '\s+');
  v_minutes integer[];
  v_hours integer[];
  v_days integer[];
  v_months integer[];
  v_weekdays integer[];
  v_either_day boolean;
  v_wall constant timestamp := p_after at time zone p_time_zone;
  v_today constant date := v_wall::date;
  v_hour constant integer := extract(hour from v_wall);
  v_minute constant integer := extract(minute from v_wall);
  v_next_wall timestamp;
  v_horizon integer;
  v_next timestamptz;
begin
  if cardinality(v_fields) <> 5 then
    raise exception using
      errcode = '22023',
      message = 'this is no cron schedule',
      detail = format('It has %s fields.', cardinality(v_fields)),
      hint = 'Five fields: minute hour day-of-month month day-of-week; each *, a number, a-b, with /step, or a list.';
  end if;
  v_minutes := syncwell._cron_field(v_fields[1], 0, 59);
  v_hours := syncwell._cron_field(v_fields[2], 0, 23);
  v_days := syncwell._cron_field(v_fields[3], 1, 31);
  v_months := syncwell._cron_field(
    v_fields[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}'
  );
  v_weekdays := syncwell._cron_field(v_fields[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}');
  if 7 = any(v_weekdays) then
    v_weekdays := v_weekdays || 0;
  end if;
  v_either_day := v_fields[3] not like '*%' and v_fields[5] not like '*%';

  -- nearly always the clock does not change meanwhile, and its next reading that fits is the answer
  select coalesce(
    case
      when d.day > v_today then d.day + make_interval(hours => v_hours[1], mins => v_minutes[1])
      when v_hour = any(v_hours) then (
        select min(d.day + make_interval(hours => v_hour, mins => m.minute))
        from unnest(v_minutes) as m (minute)
        where m.minute > v_minute
      )
    end,
    (
      select min(d.day + make_interval(hours => h.hour, mins => v_minutes[1]))
      from unnest(v_hours) as h (hour)
      where h.hour > v_hour
    )
  )
  into v_next_wall
  from generate_series(v_today::timestamp, v_today + interval '7 days', interval '1 day') as d (day)
  where syncwell._cron_day(d.day, v_days, v_months, v_weekdays, v_either_day)
  order by 1
  limit 1;
  v_next := v_next_wall at time zone p_time_zone;
  if (
    select count(distinct (t.at at time zone p_time_zone) - (t.at at time zone 'UTC')) = 1
    from unnest(array[p_after - interval '3 hours', p_after, v_next, v_next + interval '3 hours']) as t (at)
    where v_next is not null
  ) then
    return v_next;
  end if;

  -- most schedules come round within days; 29 February may take eight years, twice that with a weekday
  foreach v_horizon in array array[8, 62, 15000] loop
    select min(fires.at) into v_next
    from (
      select d.day::date as day
      from generate_series((v_today - 1)::timestamp, (v_today + v_horizon)::timestamp, interval '1 day') as d (day)
      where syncwell._cron_day(d.day, v_days, v_months, v_weekdays, v_either_day)
      order by d.day
      -- yesterday and today may be over: the third day always holds one
      limit 4
    ) as days
    cross join unnest(v_hours) as h (hour)
    cross join unnest(v_minutes) as m (minute)
    cross join lateral (
      select days.day + make_interval(hours => h.hour, mins => m.minute) as wall
    ) as w
    cross join lateral (
      -- a wall time that the clock shows twice: a schedule by the hour fires both times, one at fixed hours the first
      -- time; one that it skips (that without a shift is always there) fires as much later
      select case when v_fields[2] like '*%' then t.instant else min(t.instant) over () end as at
      from (
        select (w.wall at time zone p_time_zone) + s.shift as instant
        from unnest(
          array['-2 hours', '-1 hour', '-30 minutes', '0', '30 minutes', '1 hour', '2 hours']::interval[]
        ) as s (shift)
        where s.shift = interval '0'
          or ((w.wall at time zone p_time_zone) + s.shift) at time zone p_time_zone = w.wall
      ) as t
    ) as fires
    where fires.at > p_after;
    exit when v_next is not null;
  end loop;
  return v_next;
end
$$;
comment on function syncwell._cron_next(text, text, timestamptz) is
'The first time after p_after at which the cron schedule fires by the clock of p_time_zone; NULL when it never does. '
'Days of month and week as in cron: where both are restricted either will do. Where the clock is put back, a schedule '
'with * hours fires through both hours and one at fixed hours once; where it is put forward, what falls into the gap '
'fires as much later as the gap is long. Errors: 22023.';
revoke all on function syncwell._cron_next(text, text, timestamptz) from public;
--! end

--! include runs/functions/_ensure_stream.sql
create or replace function syncwell._ensure_stream(
  p_org_id uuid,
  p_user_id uuid,
  p_source text,
  p_platform text
)
returns uuid
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_stream_id uuid;
begin
  -- somebody else may create it at the same moment: then this waits, does nothing, and reads theirs
  insert into syncwell.streams (org_id, user_id, source, platform)
  values (p_org_id, p_user_id, p_source, p_platform)
  on conflict (org_id, user_id, source) do nothing
  returning stream_id into v_stream_id;
  if not found then
    select s.stream_id into strict v_stream_id
    from syncwell.streams as s
    where s.org_id = p_org_id
      and (s.user_id = p_user_id or (p_user_id is null and s.user_id is null))
      and s.source = p_source;
    -- what runs is alive
    update syncwell.streams as s set retired_at = null
    where s.org_id = p_org_id and s.stream_id = v_stream_id and s.retired_at is not null;
  end if;
  insert into syncwell.sync_state (org_id, stream_id, user_id)
  values (p_org_id, v_stream_id, p_user_id)
  on conflict (org_id, stream_id) do nothing;
  return v_stream_id;
end
$$;
comment on function syncwell._ensure_stream(uuid, uuid, text, text) is
'The stream of a user (NULL: the org''s own) and source, with its state; made where it is missing, brought back where '
'it is retired.';
revoke all on function syncwell._ensure_stream(uuid, uuid, text, text) from public;
--! end

--! include runs/functions/_error_fingerprint.sql
create or replace function syncwell._error_fingerprint(
  p_class text,
  p_code text,
  p_http_status integer,
  p_message text
)
returns text
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
-- backslashes stand for themselves, whatever the session says
set standard_conforming_strings = on
as $$
declare
  v_text text := lower(p_message);
begin
  v_text := regexp_replace(v_text, '"[^"]*"|''[^'']*''|`[^`]*`', '?', 'g');
  v_text := regexp_replace(v_text, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '?', 'g');
  v_text := regexp_replace(v_text, '\m(0x[0-9a-f]+|(?=[a-f]*[0-9])[0-9a-f]{6,})\M', '?', 'g');
  v_text := regexp_replace(v_text, '[0-9]+', '?', 'g');
  v_text := btrim(regexp_replace(v_text, '\s+', ' ', 'g'));
  return md5(concat_ws(chr(31), p_class, coalesce(p_code, ''), coalesce(p_http_status::text, ''), v_text));
end
$$;
comment on function syncwell._error_fingerprint(text, text, integer, text) is
'What makes two errors the same: MD5 of class, code, HTTP status and the message in lower case with quoted parts, '
'uuids, hex numbers and digits replaced by ?.';
revoke all on function syncwell._error_fingerprint(text, text, integer, text) from public;
--! end

--! include runs/functions/_expire_run_keys_task.sql
create or replace function syncwell._expire_run_keys_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_rows bigint;
begin
  delete from syncwell.sync_run_keys as k
  where k.created_at < syncwell._now() - syncwell._setting(null, 'runs.run_key_retention')::interval;
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;
comment on function syncwell._expire_run_keys_task() is
'Maintenance: deletes run keys older than setting runs.run_key_retention (the value for all orgs). Returns how many.';
revoke all on function syncwell._expire_run_keys_task() from public;
--! end

--! include runs/functions/_expire_source_attempts_task.sql
create or replace function syncwell._expire_source_attempts_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_rows bigint;
begin
  -- windows are at most 50 minutes
  delete from syncwell.source_attempts as a where a.minute < syncwell._now() - interval '1 hour';
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;
comment on function syncwell._expire_source_attempts_task() is
'Maintenance: deletes the counts by minute that no window reaches any more. Returns how many.';
revoke all on function syncwell._expire_source_attempts_task() from public;
--! end

--! include runs/functions/_expire_sync_errors_task.sql
create or replace function syncwell._expire_sync_errors_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_rows bigint;
begin
  with bound as materialized (
    select k.org_id, k.source, v_now - syncwell._setting(k.org_id, 'runs.retention', k.source)::interval as before
    from (select distinct s.org_id, s.source from syncwell.streams as s) as k
  )
  delete from syncwell.sync_errors as e
  using bound as b
  where e.org_id = b.org_id and e.source = b.source and e.resolved_at < b.before;
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;
comment on function syncwell._expire_sync_errors_task() is
'Maintenance: deletes errors resolved longer ago than setting runs.retention of their org and source. Returns '
'how many.';
revoke all on function syncwell._expire_sync_errors_task() from public;
--! end

--! include runs/functions/_fail_run.sql
create or replace function syncwell._fail_run(
  p_event syncwell.sync_events,
  p_now timestamptz,
  p_error_type text,
  p_class text,
  p_retryable boolean,
  p_code text,
  p_http_status integer,
  p_message text,
  p_details jsonb,
  p_retry_after interval
)
returns syncwell.sync_errors
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_event syncwell.sync_events := p_event;
  v_error syncwell.sync_errors;
  v_settings constant jsonb := syncwell._settings(p_event.org_id, p_event.source, p_event.platform);
  v_counts constant boolean := p_retryable and p_class in ('transient', 'throttled', 'unknown');
  -- LEAST would take the cap for an unknown
  v_retry_after constant interval := case
    when p_retry_after is not null then least(p_retry_after, (v_settings ->> 'retry.after_cap')::interval)
  end;
  v_maximum integer := (v_settings ->> 'retry.max_retries')::integer;
  v_blocked_until timestamptz;
  v_runs bigint;
  v_retries bigint;
begin
  -- the state before the errors, as at a success: runs of one stream end one after the other
  perform from syncwell.sync_state as t
  where t.org_id = p_event.org_id and t.stream_id = p_event.stream_id
  for update;
  v_error := syncwell._note_error(
    p_event.org_id, p_event.stream_id, p_event.user_id, p_event.source, p_event.id, p_now,
    p_error_type, p_class, p_code, p_http_status, p_message, p_details
  );
  v_blocked_until := syncwell._judge_circuit(p_event, p_now, v_settings, v_counts);
  select coalesce(sum(a.runs), 0) + 1, coalesce(sum(a.retries), 0) into v_runs, v_retries
  from syncwell.source_attempts as a
  where a.org_id = p_event.org_id
    and a.source = p_event.source
    and a.minute > p_now - (v_settings ->> 'retry.budget_window')::interval;

  if p_class = 'conflict' then
    v_maximum := least(v_maximum, 1);
  end if;
  v_error.reason := case
    when p_class = 'auth' then 'needs_reauth'
    when not p_retryable then case when p_class = 'permanent' then 'permanent' else 'client' end
    when p_now >= v_error.first_seen + (v_settings ->> 'retry.max_age')::interval then 'too_old'
    when v_error.retry_count >= v_maximum then case when p_class = 'conflict' then 'permanent' else 'parked' end
    when v_blocked_until is not null then 'circuit_open'
    -- sums that other sessions add to at the same moment: the budget may be overdrawn by as many retries
    when v_retries >= v_runs * (v_settings ->> 'retry.budget_ratio')::numeric
      + (v_settings ->> 'retry.budget_floor')::integer then 'budget'
    else 'retry'
  end;
  v_error.lane := case v_error.reason
    when 'retry' then 'fast'
    when 'parked' then 'slow'
    when 'budget' then 'slow'
    when 'circuit_open' then 'slow'
    else 'none'
  end;
  if v_error.reason = 'retry' then
    v_error.retry_count := v_error.retry_count + 1;
  end if;
  -- never before Retry-After, and never before the source may be asked again
  v_error.next_retry_at := case v_error.reason
    when 'retry' then p_now + syncwell._retry_delay(v_error.retry_count, v_retry_after, null, v_settings)
    when 'circuit_open' then greatest(
      v_blocked_until + syncwell._retry_delay(v_error.retry_count + 1, null, null, v_settings),
      p_now + v_retry_after
    )
    when 'parked' then greatest(p_now + (v_settings ->> 'retry.slow_interval')::interval, p_now + v_retry_after)
    when 'budget' then greatest(p_now + (v_settings ->> 'retry.slow_interval')::interval, p_now + v_retry_after)
  end;
  update syncwell.sync_errors as e
  set
    retry_count = v_error.retry_count,
    next_retry_at = v_error.next_retry_at,
    lane = v_error.lane,
    reason = v_error.reason,
    retry_lease = null,
    retry_lease_until = null
  where e.org_id = v_error.org_id and e.id = v_error.id;

  if p_class = 'throttled' and v_retry_after > interval '0' then
    perform syncwell._block_source(
      p_event.org_id, p_event.source, p_now, p_now + v_retry_after, (v_settings ->> 'circuit.cooldown')::interval
    );
  end if;
  v_event.error_id := v_error.id;
  v_event.error_type := v_error.error_type;
  v_event.error_code := v_error.error_code;
  v_event.error_message := v_error.error_message;
  perform syncwell._finish_run(
    v_event, p_now, v_counts::integer, case when v_error.reason = 'retry' then 1 else 0 end
  );
  return v_error;
end
$$;
comment on function
syncwell._fail_run(
  syncwell.sync_events, timestamptz, text, text, boolean, text, integer, text, jsonb, interval
) is
'The one rule of what a failure does, for record_sync_error() and the reaper: writes the error, decides on its retry, '
'judges the circuit, ends the run. p_event: the locked row with its new status and lease. The first that holds gives '
'reason and lane: auth (needs_reauth, none), not retryable (permanent, none; of a class that passes: its client does '
'it, client, none), older than retry.max_age (too_old, none), fast retries used up (parked, slow; a conflict: '
'permanent, none), circuit not closed (circuit_open, slow), budget spent (budget, slow), else retry (fast). Only retry '
'adds to retry_count, and what is not retryable never counts against its source.';
revoke all on function
syncwell._fail_run(
  syncwell.sync_events, timestamptz, text, text, boolean, text, integer, text, jsonb, interval
) from public;
--! end

--! include runs/functions/_finish_run.sql
create or replace function syncwell._finish_run(
  p_event syncwell.sync_events,
  p_now timestamptz,
  p_failures integer,
  p_retries integer
)
returns syncwell.sync_events
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
-- planning for all partitions costs more than the statement; its one partition is found when it runs
set plan_cache_mode = force_generic_plan
as $$
declare
  v_event syncwell.sync_events := p_event;
  v_moved constant boolean := p_event.status in ('success', 'partial');
  v_failed constant boolean := p_event.status in ('failed', 'timeout');
  v_threshold integer;
begin
  v_event.completed_at := greatest(p_now, p_event.started_at);
  v_event.duration_ms := round(extract(epoch from v_event.completed_at - v_event.started_at) * 1000);
  if v_failed then
    v_threshold := syncwell._setting(
      p_event.org_id, 'runs.failure_threshold', p_event.source, p_event.platform
    )::integer;
  end if;

  if v_event.lease is null then
    v_event.lease := gen_random_uuid();
    insert into syncwell.sync_events select (v_event).*;
  else
    update syncwell.sync_events as e
    set
      status = v_event.status,
      completed_at = v_event.completed_at,
      duration_ms = v_event.duration_ms,
      items_processed = v_event.items_processed,
      items_created = v_event.items_created,
      items_updated = v_event.items_updated,
      items_deleted = v_event.items_deleted,
      items_failed = v_event.items_failed,
      sync_token_after = v_event.sync_token_after,
      error_id = v_event.error_id,
      error_type = v_event.error_type,
      error_code = v_event.error_code,
      error_message = v_event.error_message,
      lease = v_event.lease
    where e.org_id = v_event.org_id and e.id = v_event.id;
  end if;

  -- a run that moved data ends the streak, even if some items failed; a cancelled one says nothing of the health
  update syncwell.sync_state as t
  set
    last_sync_token = case
      when v_moved then coalesce(v_event.sync_token_after, t.last_sync_token) else t.last_sync_token
    end,
    last_full_sync = case
      when v_moved and v_event.sync_type = 'full' then v_event.completed_at else t.last_full_sync
    end,
    last_incremental_sync = case
      when v_moved and v_event.sync_type = 'incremental' then v_event.completed_at else t.last_incremental_sync
    end,
    last_successful_sync = case when v_moved then v_event.completed_at else t.last_successful_sync end,
    last_failed_sync = case when v_failed then v_event.completed_at else t.last_failed_sync end,
    last_status = v_event.status,
    last_run_at = v_event.completed_at,
    last_duration_ms = v_event.duration_ms,
    consecutive_failures = case when v_moved then 0 else t.consecutive_failures + v_failed::integer end,
    is_healthy = case
      when v_moved then true
      when v_failed then t.consecutive_failures + 1 < v_threshold
      else t.is_healthy
    end,
    health_check_at = case when v_moved or v_failed then v_event.completed_at else t.health_check_at end,
    next_sync_at = syncwell._next_sync(s.org_id, s.cron, s.time_zone, s.expected_interval, v_event.completed_at),
    recent_outcomes = case
      when not (v_moved or v_failed) then t.recent_outcomes
      else
        substring(t.recent_outcomes from greatest(length(t.recent_outcomes) - 18, 1))
        || case when v_moved then b'1' else b'0' end
    end,
    total_runs = t.total_runs + 1,
    items_in_database = case
      when v_event.direction = 'pull' or coalesce(v_event.items_created, v_event.items_deleted) is null
        then t.items_in_database
      -- at the end of its range it stays there: no counter may keep a run from ending
      else least(greatest(
        coalesce(t.items_in_database, 0)::numeric + coalesce(v_event.items_created, 0)
        - coalesce(v_event.items_deleted, 0),
        -9223372036854775808
      ), 9223372036854775807)::bigint
    end
  from syncwell.streams as s
  where t.org_id = v_event.org_id
    and t.stream_id = v_event.stream_id
    and s.org_id = v_event.org_id
    and s.stream_id = v_event.stream_id;

  if v_moved then
    update syncwell.sync_errors as e
    set resolved_at = p_now, next_retry_at = null, lane = 'none', retry_lease = null, retry_lease_until = null
    where e.org_id = v_event.org_id
      and e.stream_id = v_event.stream_id
      and e.resolved_at is null
      and (e.event_id is not null or e.id = p_event.error_id);
    -- the probe is back; so is any other run that ventured out after the cooldown
    update syncwell.circuits as c
    set state = 'closed', closed_at = p_now, probe_token = null, probe_event = null, probe_until = null
    where c.org_id = v_event.org_id
      and c.source = v_event.source
      and c.state <> 'closed'
      and (c.probe_event = v_event.id or (c.reopen_at <= p_now and v_event.started_at >= c.opened_at));
  end if;

  -- last, and in a row that hardly anybody shares: nobody waits for it while holding what others need
  if v_moved or v_failed then
    insert into syncwell.source_attempts as a (org_id, source, minute, shard, runs, failures, retries)
    values (
      v_event.org_id, v_event.source, date_trunc('minute', p_now), pg_backend_pid() % 256, 1, p_failures, p_retries
    )
    on conflict (org_id, source, minute, shard) do update
    set
      runs = a.runs + 1,
      failures = a.failures + excluded.failures,
      retries = a.retries + excluded.retries;
  end if;
  return v_event;
end
$$;
comment on function syncwell._finish_run(syncwell.sync_events, timestamptz, integer, integer) is
'The one rule of what the end of a run does. p_event: the locked row as it shall become (status, counts, token, '
'error, lease; error_id: while it succeeds, the error it retried), or without a lease a run that was never open, which '
'is written whole; p_failures, p_retries: what it adds to the '
'source''s counts. success, partial: the failure streak ends, the stream is healthy, every open error that a run of '
'the stream wrote and the one retried are resolved, a circuit that waited for it closes. failed, timeout: the streak '
'grows. cancelled: neither. Locks, in this order: run, state, errors, circuit, counts.';
revoke all on function syncwell._finish_run(syncwell.sync_events, timestamptz, integer, integer) from public;
--! end

--! include runs/functions/_judge_circuit.sql
create or replace function syncwell._judge_circuit(
  p_event syncwell.sync_events,
  p_now timestamptz,
  p_settings jsonb,
  p_counts boolean
)
returns timestamptz
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_circuit syncwell.circuits;
  v_probed boolean;
  v_runs bigint;
  v_failures bigint;
  v_cooldown constant interval := (p_settings ->> 'circuit.cooldown')::interval;
begin
  select c.* into v_circuit
  from syncwell.circuits as c
  where c.org_id = p_event.org_id and c.source = p_event.source
  for update;
  v_probed := v_circuit.state <> 'closed' and (
    v_circuit.probe_event = p_event.id
    -- a run that was no probe but ventured out after the cooldown
    or (v_circuit.state = 'open' and v_circuit.reopen_at <= p_now and p_event.started_at >= v_circuit.opened_at)
  );

  if v_probed and p_counts then
    update syncwell.circuits as c
    set
      state = 'open',
      opened_at = p_now,
      cooldown = least(v_circuit.cooldown * 2, (p_settings ->> 'circuit.cooldown_cap')::interval),
      reopen_at = p_now + least(v_circuit.cooldown * 2, (p_settings ->> 'circuit.cooldown_cap')::interval),
      probe_token = null,
      probe_event = null,
      probe_until = null
    where c.org_id = p_event.org_id and c.source = p_event.source
    returning c.* into v_circuit;
  elsif v_probed then
    -- refused for what it asked, but answered: the source is there
    update syncwell.circuits as c
    set state = 'closed', closed_at = p_now, probe_token = null, probe_event = null, probe_until = null
    where c.org_id = p_event.org_id and c.source = p_event.source
    returning c.* into v_circuit;
  elsif p_counts and coalesce(v_circuit.state, 'closed') = 'closed' then
    select 1 + coalesce(sum(a.runs), 0), 1 + coalesce(sum(a.failures), 0) into v_runs, v_failures
    from syncwell.source_attempts as a
    where a.org_id = p_event.org_id
      and a.source = p_event.source
      and a.minute > p_now - (p_settings ->> 'circuit.window')::interval
      and (v_circuit.closed_at is null or a.minute > v_circuit.closed_at);
    if v_runs >= (p_settings ->> 'circuit.minimum_runs')::bigint
      and v_failures >= v_runs * (p_settings ->> 'circuit.failure_ratio')::numeric
    then
      insert into syncwell.circuits as c (org_id, source, state, opened_at, cooldown, reopen_at)
      values (p_event.org_id, p_event.source, 'open', p_now, v_cooldown, p_now + v_cooldown)
      on conflict (org_id, source) do update
      set
        state = 'open',
        opened_at = excluded.opened_at,
        cooldown = excluded.cooldown,
        reopen_at = excluded.reopen_at
      where c.state = 'closed'
      returning c.* into v_circuit;
      if not found then
        -- another session opened it in between
        select c.* into v_circuit
        from syncwell.circuits as c
        where c.org_id = p_event.org_id and c.source = p_event.source;
      end if;
    end if;
  end if;
  return case v_circuit.state when 'open' then v_circuit.reopen_at when 'half_open' then v_circuit.probe_until end;
end
$$;
comment on function syncwell._judge_circuit(syncwell.sync_events, timestamptz, jsonb, boolean) is
'What a failed run does to its source''s circuit; p_counts: whether the source is to blame. Returns until when the '
'source is left alone, NULL: it is not. closed opens when, with this run, the window (setting circuit.window, since '
'it last closed) holds at least circuit.minimum_runs runs and a share of circuit.failure_ratio failed; a failed probe '
'opens it again for twice as long, up to circuit.cooldown_cap.';
revoke all on function syncwell._judge_circuit(syncwell.sync_events, timestamptz, jsonb, boolean) from public;
--! end

--! include runs/functions/_leased_run.sql
create or replace function syncwell._leased_run(
  p_event_id uuid,
  p_lease uuid
)
returns syncwell.sync_events
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_event syncwell.sync_events := syncwell._locked_run(p_event_id);
begin
  if p_lease is null then
    raise exception using
      errcode = '22004',
      message = 'the lease of the run is needed',
      detail = 'p_lease is NULL.',
      hint = 'record_sync_start() returns it.';
  end if;
  if v_event.lease <> p_lease then
    raise exception using
      errcode = 'SW102',
      message = 'the run is not yours any more',
      detail = format('The lease is not that of run %s; the run is %s.', v_event.id, v_event.status),
      hint = 'A run that is silent or takes too long is ended as timeout and its lease changed; start a new one.';
  end if;
  return v_event;
end
$$;
comment on function syncwell._leased_run(uuid, uuid) is
'_locked_run() for a worker, who proves by the lease that the run is its own. Errors: SW001, SW101, SW102, 22004.';
revoke all on function syncwell._leased_run(uuid, uuid) from public;
--! end

--! include runs/functions/_locked_error.sql
create or replace function syncwell._locked_error(p_error_id uuid)
returns syncwell.sync_errors
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
  v_error syncwell.sync_errors;
begin
  select e.* into v_error
  from syncwell.sync_errors as e
  where e.org_id = v_caller.org_id
    and e.id = p_error_id
    -- to change it takes more than to see it: whoever may record for that stream, see _target_user()
    and (v_caller.role in ('admin', 'service') or e.user_id = v_caller.user_id)
  for update;
  if not found then
    perform syncwell._refuse_unknown_error(p_error_id);
  end if;
  return v_error;
end
$$;
comment on function syncwell._locked_error(uuid) is
'The error, locked until the end of the transaction, if it is the caller''s or, for admins and '
'services, any of the org. Errors: SW001, SW104, 22004.';
revoke all on function syncwell._locked_error(uuid) from public;
--! end

--! include runs/functions/_locked_run.sql
create or replace function syncwell._locked_run(p_event_id uuid)
returns syncwell.sync_events
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
-- planning for all partitions costs more than the statement; its one partition is found when it runs
set plan_cache_mode = force_generic_plan
as $$
declare
  v_caller record := syncwell._caller();
  v_event syncwell.sync_events;
begin
  if p_event_id is null then
    raise exception using
      errcode = '22004',
      message = 'the id of a run is needed',
      detail = 'p_event_id is NULL.',
      hint = 'record_sync_start() returns it.';
  end if;
  select e.* into v_event
  from syncwell.sync_events as e
  where e.org_id = v_caller.org_id
    and e.id = p_event_id
    -- to change it takes more than to see it: whoever may record for that stream, see _target_user()
    and (v_caller.role in ('admin', 'service') or e.user_id = v_caller.user_id)
  for update;
  if not found then
    raise exception using
      errcode = 'SW101',
      message = 'unknown run',
      detail = format('There is no run %s here.', p_event_id),
      hint = 'record_sync_start() returns the id; runs past setting runs.retention are gone.';
  end if;
  return v_event;
end
$$;
comment on function syncwell._locked_run(uuid) is
'The run, locked until the end of the transaction, if it is the caller''s or, for admins and services, '
'any of the org. Errors: SW001, SW101, 22004.';
revoke all on function syncwell._locked_run(uuid) from public;
--! end

--! include runs/functions/_next_sync.sql
create or replace function syncwell._next_sync(
  p_org_id uuid,
  p_cron text,
  p_time_zone text,
  p_expected_interval interval,
  p_after timestamptz
)
returns timestamptz
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_cron is null then
    -- in elapsed time, as health counts it: a day is 24 hours whatever the session's time zone does
    return p_after + make_interval(secs => extract(epoch from p_expected_interval)::double precision);
  end if;
  return syncwell._cron_next(
    p_cron,
    coalesce(p_time_zone, (select o.time_zone from syncwell.orgs as o where o.org_id = p_org_id)),
    p_after
  );
end
$$;
comment on function syncwell._next_sync(uuid, text, text, interval, timestamptz) is
'When the next run is expected: by cron in the given or the org''s time zone, else p_after + p_expected_interval, '
'else NULL.';
revoke all on function syncwell._next_sync(uuid, text, text, interval, timestamptz) from public;
--! end

--! include runs/functions/_note_alive.sql
create or replace function syncwell._note_alive(
  p_org_id uuid,
  p_user_id uuid,
  p_source text
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
begin
  update syncwell.sync_state as t
  set
    last_successful_sync = greatest(t.last_successful_sync, v_now),
    next_sync_at = syncwell._next_sync(s.org_id, s.cron, s.time_zone, s.expected_interval, v_now)
  from syncwell.streams as s
  where s.org_id = p_org_id
    and s.user_id = p_user_id
    and s.source = p_source
    and s.retired_at is null
    and t.org_id = s.org_id
    and t.stream_id = s.stream_id
    -- since when a streak of failures lasts must stay readable
    and t.consecutive_failures = 0;
end
$$;
comment on function syncwell._note_alive(uuid, uuid, text) is
'A sync that found nothing to do: the stream of the user is as fresh as after a run that succeeded, and no run is '
'counted. Nothing happens to a stream that is retired, not there, or failing: only a run shows that it works again.';
revoke all on function syncwell._note_alive(uuid, uuid, text) from public;
--! end

--! include runs/functions/_note_error.sql
create or replace function syncwell._note_error(
  p_org_id uuid,
  p_stream_id uuid,
  p_user_id uuid,
  p_source text,
  p_event_id uuid,
  p_now timestamptz,
  p_error_type text,
  p_class text,
  p_code text,
  p_http_status integer,
  p_message text,
  p_details jsonb
)
returns syncwell.sync_errors
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_message constant text := syncwell._scrub_secrets(p_message);
  v_error syncwell.sync_errors;
begin
  insert into syncwell.sync_errors as e (
    org_id, id, stream_id, user_id, source, event_id, fingerprint, error_type, error_class, error_code, http_status,
    error_message, error_details, created_at, first_seen, last_seen
  )
  values (
    p_org_id, syncwell._uuid7(p_now), p_stream_id, p_user_id, p_source, p_event_id,
    syncwell._error_fingerprint(p_class, p_code, p_http_status, v_message),
    p_error_type, p_class, p_code, p_http_status,
    syncwell._redact(p_org_id, p_user_id, v_message),
    syncwell._redact(p_org_id, p_user_id, syncwell._scrub_json(p_details)),
    p_now, p_now, p_now
  )
  on conflict (org_id, stream_id, fingerprint) where resolved_at is null do update
  set
    -- once a run has met it, the next success resolves it
    event_id = coalesce(excluded.event_id, e.event_id),
    error_type = excluded.error_type,
    error_message = excluded.error_message,
    error_details = coalesce(excluded.error_details, e.error_details),
    last_seen = greatest(e.last_seen, excluded.last_seen),
    occurrences = e.occurrences + 1
  returning e.* into v_error;
  return v_error;
end
$$;
comment on function
syncwell._note_error(uuid, uuid, uuid, text, uuid, timestamptz, text, text, text, integer, text, jsonb) is
'Counts an error in its stream''s open row of the same fingerprint, or makes that row; stores message and details '
'without secrets and with consent only.';
revoke all on function
syncwell._note_error(uuid, uuid, uuid, text, uuid, timestamptz, text, text, text, integer, text, jsonb) from public;
--! end

--! include runs/functions/_parse_retry_after.sql
create or replace function syncwell._parse_retry_after(p_value text)
returns interval
language plpgsql stable strict security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  c_time constant text := '([0-9]{2}):([0-9]{2}):([0-9]{2})';
  v_value text := btrim(p_value);
  v_part text[]; -- day, month, year, hour, minute, second
  v_year integer;
  v_at timestamptz;
  v_now constant timestamptz := syncwell._now();
begin
  if length(v_value) > 64 then
    return null;
  end if;
  if v_value ~ '^[0-9]+$' then
    return make_interval(secs => least(v_value::numeric, 1e9)::double precision);
  end if;

  -- the three dates of RFC 9110: IMF-fixdate, RFC 850, asctime
  v_part := regexp_match(v_value, '^[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ' || c_time || ' GMT$');
  if v_part is null then
    v_part := regexp_match(v_value, '^[A-Z][a-z]+, ([0-9]{2})-([A-Z][a-z]{2})-([0-9]{2}) ' || c_time || ' GMT$');
  end if;
  if v_part is null then
    v_part := regexp_match(v_value, '^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ 0-9][0-9]) ' || c_time || ' ([0-9]{4})$');
    v_part := array[btrim(v_part[2]), v_part[1], v_part[6], v_part[3], v_part[4], v_part[5]];
  end if;

  v_year := v_part[3]::integer;
  if length(v_part[3]) = 2 then
    -- two digits that seem more than 50 years ahead mean the century before
    v_year := v_year + extract(year from v_now)::integer / 100 * 100;
    if v_year > extract(year from v_now)::integer + 50 then
      v_year := v_year - 100;
    end if;
  end if;
  v_at := make_timestamptz(
    v_year, array_position('{Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec}'::text[], v_part[2]),
    v_part[1]::integer, v_part[4]::integer, v_part[5]::integer, v_part[6]::double precision, 'UTC'
  );
  return case when v_at is not null then greatest(v_at - v_now, interval '0') end;
exception
  when datetime_field_overflow then
    return null;
end
$$;
comment on function syncwell._parse_retry_after(text) is
'How long a Retry-After header asks to wait: seconds or an HTTP date (IMF-fixdate, RFC 850, asctime) from now; 0 for '
'the past, NULL when it is neither.';
revoke all on function syncwell._parse_retry_after(text) from public;
--! end

--! include runs/functions/_reap_runs.sql
create or replace function syncwell._reap_runs(
  p_org_id uuid,
  p_user_id uuid,
  p_limit integer
)
returns table (
  org_id uuid,
  user_id uuid,
  event_id uuid,
  stream_id uuid,
  source text,
  reason text,
  started_at timestamptz
)
language plpgsql volatile security invoker rows 10
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := syncwell._now();
  v_runs syncwell.sync_events[];
  v_reasons text[];
  v_allowed interval[];
  v_event syncwell.sync_events;
begin
  with running as materialized (
    select e.org_id, e.id, e.stream_id, e.source, e.platform, e.started_at, e.heartbeat_at
    from syncwell.sync_events as e
    where e.status = 'started'
      and (p_org_id is null or e.org_id = p_org_id)
      and (p_user_id is null or e.user_id = p_user_id)
  ),
  limits as materialized (
    select
      d.org_id, d.source, d.platform,
      syncwell._setting(d.org_id, 'runs.heartbeat_timeout', d.source, d.platform)::interval as heartbeat_timeout,
      syncwell._setting(d.org_id, 'runs.max_runtime', d.source, d.platform)::interval as max_runtime
    from (select distinct r.org_id, r.source, r.platform from running as r) as d
  ),
  overdue as materialized (
    select
      r.org_id, r.id,
      case
        when r.heartbeat_at + l.heartbeat_timeout <= v_now then 'no_heartbeat' else 'over_max_runtime'
      end as reason,
      case
        when r.heartbeat_at + l.heartbeat_timeout <= v_now then l.heartbeat_timeout
        else coalesce(s.max_runtime, l.max_runtime)
      end as allowed
    from running as r
    inner join limits as l
      on l.org_id = r.org_id and l.source = r.source and l.platform is not distinct from r.platform
    left join syncwell.streams as s on s.org_id = r.org_id and s.stream_id = r.stream_id
    where r.heartbeat_at + l.heartbeat_timeout <= v_now
      or r.started_at + coalesce(s.max_runtime, l.max_runtime) <= v_now
    order by r.id
    limit p_limit
  ),
  locked as materialized (
    -- with the state that its worker would lock next: many streams in one transaction must not wait for each other
    select o.reason, o.allowed, e as run
    from overdue as o
    inner join syncwell.sync_events as e on e.org_id = o.org_id and e.id = o.id
    inner join syncwell.sync_state as t on t.org_id = e.org_id and t.stream_id = e.stream_id
    where e.status = 'started' and (o.reason = 'over_max_runtime' or e.heartbeat_at + o.allowed <= v_now)
    for update of e, t skip locked
  )
  -- circuits are locked on the way: by everybody in this order, and after the errors of the streams
  select
    array_agg(l.run order by (l.run).org_id, (l.run).source, (l.run).id),
    array_agg(l.reason order by (l.run).org_id, (l.run).source, (l.run).id),
    array_agg(l.allowed order by (l.run).org_id, (l.run).source, (l.run).id)
  into v_runs, v_reasons, v_allowed
  from locked as l;
  perform from syncwell.sync_errors as e
  where e.resolved_at is null
    and (e.org_id, e.stream_id) in (select r.org_id, r.stream_id from unnest(v_runs) as r)
  order by e.org_id, e.id
  for update;

  for v_at in 1..coalesce(cardinality(v_runs), 0) loop
    v_event := v_runs[v_at];
    v_event.status := 'timeout';
    -- the worker may only be slow: what it still has to say is refused
    v_event.lease := gen_random_uuid();
    perform syncwell._fail_run(
      v_event, v_now, 'TIMEOUT', 'transient', true, null, null,
      case v_reasons[v_at]
        when 'no_heartbeat' then format('no heartbeat for %s', v_allowed[v_at])
        else format('no end within %s', v_allowed[v_at])
      end,
      null, null
    );
    org_id := v_event.org_id;
    user_id := v_event.user_id;
    event_id := v_event.id;
    stream_id := v_event.stream_id;
    source := v_event.source;
    reason := v_reasons[v_at];
    started_at := v_event.started_at;
    return next;
  end loop;
end
$$;
comment on function syncwell._reap_runs(uuid, uuid, integer) is
'reap_sync_runs() for one org or, p_org_id NULL, all, and one user''s streams or, p_user_id NULL, all. What a worker '
'is writing at this moment is skipped, with all else of its stream.';
revoke all on function syncwell._reap_runs(uuid, uuid, integer) from public;
--! end

--! include runs/functions/_reap_runs_task.sql
create or replace function syncwell._reap_runs_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (select count(*) from syncwell._reap_runs(null, null, 1000));
end
$$;
comment on function syncwell._reap_runs_task() is
'Maintenance: reap_sync_runs() for all orgs, 1000 runs a time. Returns how many.';
revoke all on function syncwell._reap_runs_task() from public;
--! end

--! include runs/functions/_recent_events.sql
create or replace function syncwell._recent_events(
  p_source text,
  p_limit integer,
  p_status text,
  p_sync_type text,
  p_user_id uuid
)
returns table (
  event_id uuid,
  source text,
  user_id uuid,
  sync_type text,
  status text,
  started_at timestamptz,
  completed_at timestamptz,
  duration_ms bigint,
  items_processed bigint,
  items_created bigint,
  items_updated bigint,
  items_deleted bigint,
  items_failed bigint,
  items_per_second numeric,
  direction text,
  bytes bigint,
  error_type text,
  error_code text,
  error_message text,
  attempt integer,
  platform text,
  device_id text,
  network_type text,
  sync_token_before text,
  sync_token_after text,
  heartbeat_at timestamptz
)
language plpgsql stable security invoker rows 20
set search_path = pg_catalog, pg_temp
-- a filter that is not given must vanish from the plan, and a status must find the partial index made for it
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_caller record := syncwell._caller();
  v_events syncwell.sync_events[];
begin
  if p_user_id is null and v_caller.sees_org then
    select array_agg(f.run order by (f.run).id desc) into v_events
    from (
      select e as run
      from syncwell.sync_events as e
      where e.org_id = v_caller.org_id
        and (p_source is null or e.source = p_source)
        and (p_status is null or e.status = p_status)
        and (p_sync_type is null or e.sync_type = p_sync_type)
        and exists (
          select from syncwell.streams as s
          where s.org_id = e.org_id and s.stream_id = e.stream_id and s.retired_at is null
          -- keeps the planner from starting with the streams
          offset 0
        )
      order by e.id desc
      limit p_limit
    ) as f;
  else
    -- a user has a few streams: the newest of each, then the newest of all
    select array_agg(f.run order by (f.run).id desc) into v_events
    from (
      select l.run
      from syncwell._visible_streams(p_source, p_user_id) as s
      cross join lateral (
        select e as run
        from syncwell.sync_events as e
        where e.org_id = s.org_id
          and e.stream_id = s.stream_id
          and (p_status is null or e.status = p_status)
          and (p_sync_type is null or e.sync_type = p_sync_type)
        order by e.id desc
        limit p_limit
      ) as l
      order by (l.run).id desc
      limit p_limit
    ) as f;
  end if;

  return query
  select
    e.id, e.source, e.user_id, e.sync_type, e.status, e.started_at, e.completed_at, e.duration_ms,
    e.items_processed, e.items_created, e.items_updated, e.items_deleted, e.items_failed,
    round(e.items_processed * 1000.0 / nullif(e.duration_ms, 0), 2),
    e.direction, e.bytes,
    e.error_type, e.error_code, syncwell._redact(e.org_id, e.user_id, e.error_message), e.attempt, e.platform,
    syncwell._redact(e.org_id, e.user_id, e.device_id), syncwell._redact(e.org_id, e.user_id, e.network_type),
    e.sync_token_before, e.sync_token_after, e.heartbeat_at
  from unnest(v_events) as e;
end
$$;
comment on function syncwell._recent_events(text, integer, text, text, uuid) is
'The newest runs of the live streams that the caller may see, newest first. Errors: SW001, SW002.';
revoke all on function syncwell._recent_events(text, integer, text, text, uuid) from public;
--! end

--! include runs/functions/_record_run.sql
create or replace function syncwell._record_run(
  p_org_id uuid,
  p_user_id uuid,
  p_source text,
  p_direction text,
  p_sync_type text,
  p_started_at timestamptz,
  p_items_created bigint,
  p_items_updated bigint,
  p_items_deleted bigint,
  p_items_failed bigint,
  p_bytes bigint,
  p_error_code text default null,
  p_error_message text default null,
  p_platform text default null,
  p_device_id text default null,
  p_network_type text default null,
  p_network_quality text default null
)
returns uuid
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_failed constant boolean := coalesce(p_error_code, p_error_message) is not null;
  v_event syncwell.sync_events;
  v_live boolean;
  v_kind record;
  v_details text[];
begin
  -- two statements, since neither IS NOT DISTINCT FROM nor OR finds its way through one index
  if p_user_id is null then
    select s.stream_id, coalesce(p_platform, s.platform), s.retired_at is null
    into v_event.stream_id, v_event.platform, v_live
    from syncwell.streams as s
    where s.org_id = p_org_id and s.user_id is null and s.source = p_source;
  else
    select s.stream_id, coalesce(p_platform, s.platform), s.retired_at is null
    into v_event.stream_id, v_event.platform, v_live
    from syncwell.streams as s
    where s.org_id = p_org_id and s.user_id = p_user_id and s.source = p_source;
  end if;
  if v_live is distinct from true then
    v_event.stream_id := syncwell._ensure_stream(p_org_id, p_user_id, p_source, p_platform);
    v_event.platform := coalesce(v_event.platform, p_platform);
  end if;

  v_event.org_id := p_org_id;
  v_event.user_id := p_user_id;
  v_event.source := p_source;
  v_event.direction := p_direction;
  v_event.sync_type := p_sync_type;
  v_event.started_at := least(p_started_at, v_now);
  v_event.id := syncwell._uuid7(v_event.started_at);
  v_event.attempt := 1;
  v_event.items_created := p_items_created;
  v_event.items_updated := p_items_updated;
  v_event.items_deleted := p_items_deleted;
  v_event.items_failed := p_items_failed;
  v_event.items_processed := p_items_created + p_items_updated + p_items_deleted + coalesce(p_items_failed, 0);
  v_event.bytes := p_bytes;
  if coalesce(p_device_id, p_network_type, p_network_quality) is not null then
    v_details := syncwell._redact(p_org_id, p_user_id, array[p_device_id, p_network_type, p_network_quality]);
    v_event.device_id := v_details[1];
    v_event.network_type := v_details[2];
    v_event.network_quality := v_details[3];
  end if;

  if v_failed then
    v_event.status := 'failed';
    v_kind := syncwell.classify_sync_error(p_error_code, syncwell._http_status(p_error_code), p_error_message);
    -- whoever failed comes again by himself
    perform syncwell._fail_run(
      v_event, v_now, v_kind.error_type, v_kind.class, false, left(p_error_code, 255),
      syncwell._http_status(p_error_code), left(coalesce(p_error_message, ''), 8192), null, null
    );
    return v_event.id;
  end if;

  v_event.status := case when p_items_failed > 0 then 'partial' else 'success' end;
  if current_setting('transaction_isolation') = 'read committed' then
    perform syncwell._finish_run(v_event, v_now, 0, 0);
  else
    begin
      perform syncwell._finish_run(v_event, v_now, 0, 0);
    exception
      when serialization_failure then
        -- the stream has moved on since this transaction began: its state is the newer one, the run happened all the same
        v_event.completed_at := v_now;
        v_event.duration_ms := round(extract(epoch from v_now - v_event.started_at) * 1000);
        v_event.lease := gen_random_uuid();
        insert into syncwell.sync_events select (v_event).*;
    end;
  end if;
  return v_event.id;
end
$$;
comment on function
syncwell._record_run(
  uuid, uuid, text, text, text, timestamptz, bigint, bigint, bigint, bigint, bigint, text, text, text, text, text, text
) is
'Records a run that is over, in one call: the stream is made where it is missing, the run written whole, and state, '
'streak and errors follow as at record_sync_complete() and record_sync_error(). p_direction: pull, push or NULL; '
'p_started_at: when it began, it ends now; counts and p_bytes: NULL when not known; p_items_failed > 0: partial; with '
'p_error_code (a SQLSTATE) or p_error_message: failed. Such an error is its client''s to retry: it is never due here, '
'and does not count against the source. Returns the run''s id.';
revoke all on function
syncwell._record_run(
  uuid, uuid, text, text, text, timestamptz, bigint, bigint, bigint, bigint, bigint, text, text, text, text, text, text
) from public;
--! end

--! include runs/functions/_refuse_finished_run.sql
create or replace function syncwell._refuse_finished_run(p_event syncwell.sync_events)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = 'SW103',
    message = 'the run has ended',
    detail = format('Run %s ended as %s.', p_event.id, p_event.status),
    hint = 'What was recorded stays; start a new run.';
end
$$;
comment on function syncwell._refuse_finished_run(syncwell.sync_events) is
'Raises SW103: the run has ended, and otherwise than the call would have it.';
revoke all on function syncwell._refuse_finished_run(syncwell.sync_events) from public;
--! end

--! include runs/functions/_refuse_resolved_error.sql
create or replace function syncwell._refuse_resolved_error(p_error_id uuid)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = 'SW106',
    message = 'the error is resolved',
    detail = format('Error %s is resolved: there is nothing left to retry.', p_error_id),
    hint = 'If it comes back, it comes back as a new error.';
end
$$;
comment on function syncwell._refuse_resolved_error(uuid) is 'Raises SW106.';
revoke all on function syncwell._refuse_resolved_error(uuid) from public;
--! end

--! include runs/functions/_refuse_unknown_error.sql
create or replace function syncwell._refuse_unknown_error(p_error_id uuid)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_error_id is null then
    raise exception using
      errcode = '22004',
      message = 'the id of an error is needed',
      detail = 'p_error_id is NULL.',
      hint = 'record_sync_error() and get_error_report() return it.';
  end if;
  raise exception using
    errcode = 'SW104',
    message = 'unknown sync error',
    detail = format('There is no error %s here.', p_error_id),
    hint = 'get_error_report() lists the errors.';
end
$$;
comment on function syncwell._refuse_unknown_error(uuid) is
'Raises SW104, the same for a missing error and a foreign one, or 22004 when none was named.';
revoke all on function syncwell._refuse_unknown_error(uuid) from public;
--! end

--! include runs/functions/_retry_delay.sql
create or replace function syncwell._retry_delay(
  p_attempt integer,
  p_retry_after interval,
  p_jitter text,
  p_settings jsonb
)
returns interval
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_bound interval;
begin
  if p_attempt > (p_settings ->> 'retry.max_retries')::integer then
    return null;
  end if;
  v_bound := least(
    (p_settings ->> 'retry.base')::interval * power(2, p_attempt - 1),
    (p_settings ->> 'retry.cap')::interval
  );
  return greatest(
    case coalesce(p_jitter, p_settings ->> 'retry.jitter')
      when 'none' then v_bound
      when 'full' then v_bound * random()
      else v_bound * (0.5 + 0.5 * random())
    end,
    least(coalesce(p_retry_after, interval '0'), (p_settings ->> 'retry.after_cap')::interval)
  );
end
$$;
comment on function syncwell._retry_delay(integer, interval, text, jsonb) is 'retry_delay() with the settings given.';
revoke all on function syncwell._retry_delay(integer, interval, text, jsonb) from public;
--! end

--! include runs/functions/_start_retry.sql
create or replace function syncwell._start_retry(
  p_org_id uuid,
  p_stream_id uuid,
  p_error_id uuid,
  p_retry_lease uuid,
  p_event_id uuid,
  p_now timestamptz,
  out attempt integer,
  out parent_id uuid
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_error syncwell.sync_errors;
begin
  select e.* into v_error
  from syncwell.sync_errors as e
  where e.org_id = p_org_id and e.id = p_error_id and e.stream_id = p_stream_id
  for update;
  if not found then
    perform syncwell._refuse_unknown_error(p_error_id);
  end if;
  if v_error.resolved_at is not null then
    perform syncwell._refuse_resolved_error(p_error_id);
  end if;
  -- a claim keeps everybody else out for as long as it holds
  if (p_retry_lease is null and v_error.retry_lease_until > p_now)
    or (p_retry_lease is not null and p_retry_lease is distinct from v_error.retry_lease)
    or (p_retry_lease is not null and v_error.retry_lease_until <= p_now)
  then
    raise exception using
      errcode = 'SW102',
      message = 'somebody else has this retry',
      detail = format('Error %s is claimed with another lease, or the claim is over.', p_error_id),
      hint = 'Leave it to them; claim_due_retries() hands out what is due.';
  end if;
  -- from here on the run is what is waited for, not the clock
  update syncwell.sync_errors as e
  set next_retry_at = null, retry_lease = null, retry_lease_until = null
  where e.org_id = p_org_id and e.id = p_error_id;
  if p_retry_lease is not null then
    update syncwell.circuits as c
    set probe_event = p_event_id
    where c.org_id = p_org_id and c.source = v_error.source and c.probe_token = p_retry_lease;
  end if;
  attempt := v_error.retry_count + 1;
  parent_id := v_error.event_id;
end
$$;
comment on function syncwell._start_retry(uuid, uuid, uuid, uuid, uuid, timestamptz) is
'Marks the retry of an error as running in the run p_event_id. Errors: SW102, SW104, SW106.';
revoke all on function syncwell._start_retry(uuid, uuid, uuid, uuid, uuid, timestamptz) from public;
--! end

--! include runs/functions/_take_run_key.sql
create or replace function syncwell._take_run_key(
  p_org_id uuid,
  p_stream_id uuid,
  p_run_key text,
  p_event_id uuid,
  p_user_id uuid,
  p_now timestamptz
)
returns syncwell.sync_events
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_event syncwell.sync_events;
begin
  -- waits for a start with the same key that has not committed yet
  insert into syncwell.sync_run_keys (org_id, stream_id, run_key, event_id, user_id, created_at)
  values (p_org_id, p_stream_id, p_run_key, p_event_id, p_user_id, p_now)
  on conflict (org_id, stream_id, run_key) do nothing;
  if found then
    return null;
  end if;
  select e.* into v_event
  from syncwell.sync_run_keys as k
  inner join syncwell.sync_events as e on e.org_id = k.org_id and e.id = k.event_id
  where k.org_id = p_org_id and k.stream_id = p_stream_id and k.run_key = p_run_key;
  if found then
    return v_event;
  end if;
  -- the run has left with its partition before the key did: the key is free
  delete from syncwell.sync_run_keys as k
  where k.org_id = p_org_id and k.stream_id = p_stream_id and k.run_key = p_run_key
    and not exists (select from syncwell.sync_events as e where e.org_id = k.org_id and e.id = k.event_id);
  return syncwell._take_run_key(p_org_id, p_stream_id, p_run_key, p_event_id, p_user_id, p_now);
end
$$;
comment on function syncwell._take_run_key(uuid, uuid, text, uuid, uuid, timestamptz) is
'Lets the run key stand for the run p_event_id (NULL returned), or returns the run it stands for already.';
revoke all on function syncwell._take_run_key(uuid, uuid, text, uuid, uuid, timestamptz) from public;
--! end

--! include runs/functions/cancel_sync_run.sql
create or replace function syncwell.cancel_sync_run(p_event_id uuid)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_event syncwell.sync_events := syncwell._locked_run(p_event_id);
begin
  if v_event.status = 'cancelled' then
    return false;
  end if;
  if v_event.status <> 'started' then
    perform syncwell._refuse_finished_run(v_event);
  end if;
  v_event.status := 'cancelled';
  perform syncwell._finish_run(v_event, syncwell._now(), 0, 0);
  return true;
end
$$;
comment on function syncwell.cancel_sync_run(uuid) is
'Calls a run off; no lease is needed. It counts as neither success nor failure, and its worker learns of it by SW103 '
'at its next heartbeat or at the end. An error that it retried stays open; schedule_sync_retry() puts it back. False '
'when the run was cancelled already. Errors: SW001, SW101, SW103 it ended otherwise, 22004.';
revoke all on function syncwell.cancel_sync_run(uuid) from public;
grant execute on function syncwell.cancel_sync_run(uuid) to syncwell_worker;
--! end

--! include runs/functions/claim_due_retries.sql
create or replace function syncwell.claim_due_retries(
  p_limit integer default 10,
  p_lease_for interval default '5 minutes'
)
returns table (
  org_id uuid,
  user_id uuid,
  error_id uuid,
  retry_lease uuid,
  lease_until timestamptz,
  stream_id uuid,
  source text,
  sync_type text,
  attempt integer,
  error_type text,
  is_probe boolean
)
language plpgsql volatile security definer rows 10
set search_path = pg_catalog, pg_temp
-- one org or all, a few due rows or many: the plan must fit the call
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_org_id constant uuid := syncwell._claim_org();
  v_user_id constant uuid := syncwell._claim_user();
  v_now constant timestamptz := syncwell._now();
begin
  perform syncwell._check_limit(p_limit);
  if p_lease_for is null then
    raise exception using
      errcode = '22004',
      message = 'a time for the claim is needed',
      detail = 'p_lease_for is NULL.',
      hint = 'Leave it out for five minutes.';
  end if;
  perform syncwell._check_duration('p_lease_for', p_lease_for, '1 second', '1 day');

  return query
  with probed as materialized (
    -- a source whose cooldown is over, or whose probe has not come back
    select c.org_id, c.source
    from syncwell.circuits as c
    where (v_org_id is null or c.org_id = v_org_id)
      and (
        (c.state = 'open' and c.reopen_at <= v_now)
        or (c.state = 'half_open' and c.probe_until <= v_now)
      )
    for update skip locked
  ),
  probes as materialized (
    select p.org_id, p.source, e.id, gen_random_uuid() as retry_lease
    from probed as p
    cross join lateral (
      select d.id
      from syncwell.sync_errors as d
      where d.org_id = p.org_id
        and d.source = p.source
        and (v_user_id is null or d.user_id = v_user_id)
        and d.resolved_at is null
        and d.next_retry_at <= v_now
        and (d.retry_lease_until is null or d.retry_lease_until <= v_now)
        and exists (
          select from syncwell.streams as s
          where s.org_id = d.org_id and s.stream_id = d.stream_id and s.retired_at is null
        )
      order by d.next_retry_at
      limit 1
      for update of d skip locked
    ) as e
    limit p_limit
  ),
  half_opened as (
    update syncwell.circuits as c
    set
      state = 'half_open',
      probe_token = p.retry_lease,
      probe_event = null,
      probe_until = v_now + syncwell._setting(p.org_id, 'circuit.probe_timeout', p.source)::interval
    from probes as p
    where c.org_id = p.org_id and c.source = p.source
  ),
  others as materialized (
    select d.org_id, d.id, gen_random_uuid() as retry_lease
    from syncwell.sync_errors as d
    where (v_org_id is null or d.org_id = v_org_id)
      and (v_user_id is null or d.user_id = v_user_id)
      and d.resolved_at is null
      and d.next_retry_at <= v_now
      and (d.retry_lease_until is null or d.retry_lease_until <= v_now)
      and not exists (
        select from syncwell.circuits as c
        where c.org_id = d.org_id and c.source = d.source and c.state <> 'closed'
      )
      and exists (
        select from syncwell.streams as s
        where s.org_id = d.org_id and s.stream_id = d.stream_id and s.retired_at is null
      )
    order by d.next_retry_at
    limit p_limit - (select count(*) from probes)
    for update of d skip locked
  ),
  claimed as (
    update syncwell.sync_errors as e
    set retry_lease = t.retry_lease, retry_lease_until = v_now + p_lease_for
    from (
      select p.org_id, p.id, p.retry_lease, true as is_probe from probes as p
      union all
      select o.org_id, o.id, o.retry_lease, false as is_probe from others as o
    ) as t
    where e.org_id = t.org_id and e.id = t.id
    returning e.*, t.is_probe
  )
  select
    c.org_id, c.user_id, c.id, c.retry_lease, c.retry_lease_until, c.stream_id, c.source,
    coalesce(v.sync_type, 'incremental'), c.retry_count, c.error_type, c.is_probe
  from claimed as c
  left join syncwell.sync_events as v on v.org_id = c.org_id and v.id = c.event_id
  order by c.next_retry_at, c.id;
end
$$;
comment on function syncwell.claim_due_retries(integer, interval) is
'Hands out errors whose retry is due, each to one caller only for p_lease_for (1 s to 1 day): start each with '
'record_sync_start(p_source => source, p_sync_type => sync_type, p_user_id => user_id, p_retry_of => error_id, '
'p_retry_lease => retry_lease), acting for org_id, before lease_until; what is not started by then is handed out '
'again. p_limit: 1 to 1000. Longest due first. A source whose circuit is open gets nothing; once its cooldown is over '
'one probe (is_probe), and another one only when that has not come back within setting circuit.probe_timeout. '
'attempt: number of the retry. Of the caller''s org (a member or analyst: of its own streams), or of all orgs for an '
'operator and for a gateway that acts for nobody. Errors: SW001, 22004, 22023.';
revoke all on function syncwell.claim_due_retries(integer, interval) from public;
grant execute on function syncwell.claim_due_retries(integer, interval) to syncwell_worker, syncwell_operator;
--! end

--! include runs/functions/classify_sync_error.sql
create or replace function syncwell.classify_sync_error(
  p_code text default null,
  p_http_status integer default null,
  p_message text default null,
  out error_type text,
  out class text,
  out retryable boolean
)
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
-- backslashes stand for themselves, whatever the session says
set standard_conforming_strings = on
as $$
#variable_conflict use_column
declare
  c_network constant text :=
    'E(?:CONN(?:REFUSED|RESET|ABORTED)|TIMEDOUT|NOTFOUND|PIPE|HOST(?:UNREACH|DOWN)|NET(?:UNREACH|DOWN)|AI_AGAIN)';
  v_text constant text := concat_ws(' ', p_code, p_message);
  -- Node has its codes in the message, too
  v_code constant text := coalesce(substring(v_text from '\m' || c_network || '\M'), upper(btrim(p_code)));
  v_status constant integer := coalesce(
    p_http_status,
    substring(v_code from '^(?:HTTP[ _-]?)?([1-5][0-9][0-9])$')::integer,
    substring(lower(v_text) from '\m(?:http(?:/[0-9.]+)?|status|status[ _]code)[ :=/_-]*([45][0-9][0-9])\M')::integer
  );
begin
  -- the first rule that fits decides; a type of NULL stands for the code or the status itself
  select coalesce(r.error_type, case when r.looks_at = 'code' then v_code else 'HTTP_' || v_status end), r.class
  into error_type, class
  from (
    values
    (10, 'code', '^' || c_network || '$', null, 'transient'),
    (20, 'code', '^08[0-9A-Z]{3}$', 'DATABASE_CONNECTION', 'transient'),
    (21, 'code', '^40001$', 'SERIALIZATION_FAILURE', 'transient'),
    (22, 'code', '^40P01$', 'DEADLOCK', 'transient'),
    (23, 'code', '^53[0-9A-Z]{3}$', 'DATABASE_RESOURCES', 'transient'),
    (24, 'code', '^55P03$', 'LOCK_TIMEOUT', 'transient'),
    (25, 'code', '^57014$', 'TIMEOUT', 'transient'),
    (26, 'code', '^57P0[123]$', 'DATABASE_SHUTDOWN', 'transient'),
    (30, 'forbidden', 'rate.?limit|too many requests|quota|throttl', null, 'throttled'),
    (31, 'status', '^429$', null, 'throttled'),
    (32, 'status', '^(408|425|5[0-9][0-9])$', null, 'transient'),
    (33, 'status', '^401$', null, 'auth'),
    (34, 'status', '^(409|412|423)$', null, 'conflict'),
    (35, 'status', '^4[0-9][0-9]$', null, 'permanent'),
    (40, 'text', 'rate.?limit|too many requests|quota exceeded|throttl', 'RATE_LIMIT', 'throttled'),
    (41, 'text', 'unauthori[sz]ed|unauthenticated|authentication failed', 'UNAUTHORIZED', 'auth'),
    (42, 'text', 'invalid[ _](access |refresh )?(token|credentials|grant)|token.{0,20}(expired|revoked)',
      'UNAUTHORIZED', 'auth'),
    (43, 'text', 'connection.?refused', 'ECONNREFUSED', 'transient'),
    (44, 'text', 'connection.?reset|broken.?pipe', 'ECONNRESET', 'transient'),
    (45, 'text', 'time.?out|timed out|deadline exceeded', 'TIMEOUT', 'transient'),
    (46, 'text', 'network|socket|unreachable|\mdns\M|getaddrinfo|gaierror|name resolution',
      'NETWORK_ERROR', 'transient'),
    (47, 'text', 'connection.?(error|aborted|closed|lost)', 'NETWORK_ERROR', 'transient'),
    (99, 'text', '', 'UNKNOWN_ERROR', 'unknown')
  ) as r (rank, looks_at, pattern, error_type, class)
  where case r.looks_at
    when 'code' then v_code ~ r.pattern
    when 'status' then v_status::text ~ r.pattern
    when 'forbidden' then v_status = 403 and v_text ~* r.pattern
    else v_text ~* r.pattern
  end
  order by r.rank
  limit 1;
  retryable := class not in ('auth', 'permanent');
end
$$;
comment on function syncwell.classify_sync_error(text, integer, text) is
'What kind of error it is: error_type (the code of the network, HTTP_nnn, or a name such as TIMEOUT), class '
'(transient, throttled, auth, conflict, permanent, unknown) and whether a retry may help. Looks at, in this order: '
'the code (Node''s, a SQLSTATE), the HTTP status (given, as the code, or in the message), the text. All 5xx and 408, '
'425 are transient, 429 and a 403 for rate limits throttled, 401 auth, 409, 412 and 423 conflict (one retry), other '
'4xx permanent; what nothing fits is unknown and retried. Never raises.';
revoke all on function syncwell.classify_sync_error(text, integer, text) from public;
grant execute on function syncwell.classify_sync_error(text, integer, text) to syncwell_reader, syncwell_worker;
--! end

--! include runs/functions/create_sync_error.sql
create or replace function syncwell.create_sync_error(
  p_source text,
  p_message text,
  p_code text default null,
  p_http_status integer default null,
  p_details jsonb default null,
  p_user_id uuid default null
)
returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
  v_user_id constant uuid := syncwell._target_user(p_user_id);
  v_kind record;
  v_error syncwell.sync_errors;
begin
  perform syncwell._check_source(p_source);
  perform syncwell._check_error(p_message, p_code, p_http_status, p_details);
  v_kind := syncwell.classify_sync_error(p_code, p_http_status, p_message);
  v_error := syncwell._note_error(
    v_caller.org_id,
    syncwell._ensure_stream(v_caller.org_id, v_user_id, p_source, null),
    v_user_id, p_source, null, syncwell._now(),
    v_kind.error_type, v_kind.class, p_code, p_http_status, p_message, p_details
  );
  return v_error.id;
end
$$;
comment on function syncwell.create_sync_error(text, text, text, integer, jsonb, uuid) is
'Reports an error that no run met, e.g. a webhook that could not be read; the stream (p_user_id as in '
'record_sync_start()) is made on first use. The same error again counts in the same row. It changes no health and is '
'not retried until schedule_sync_retry(); a success does not resolve it, unless that run retried it or a run has met '
'the same error: mark_error_resolved() does. Returns the error''s id. Errors: SW001, SW002, 22004, 22023, 22001.';
revoke all on function syncwell.create_sync_error(text, text, text, integer, jsonb, uuid) from public;
grant execute on function syncwell.create_sync_error(text, text, text, integer, jsonb, uuid) to syncwell_worker;
--! end

--! include runs/functions/get_error_report.sql
create or replace function syncwell.get_error_report(
  p_source text default null,
  p_include_resolved boolean default false,
  p_limit integer default 50,
  p_user_id uuid default null
)
returns table (
  error_id uuid,
  error_type text,
  error_class text,
  error_code text,
  http_status integer,
  error_message text,
  source text,
  user_id uuid,
  streams bigint,
  occurrences bigint,
  retry_count integer,
  first_seen timestamptz,
  last_seen timestamptz,
  age interval,
  lane text,
  reason text,
  next_retry_at timestamptz,
  next_retry_in interval,
  resolved_at timestamptz,
  total_errors bigint,
  unresolved_errors bigint,
  errors_of_type bigint
)
language plpgsql stable security definer rows 50
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := syncwell._now();
begin
  perform syncwell._check_limit(p_limit);
  -- without errors the plan never asks who is calling
  perform syncwell._caller();
  return query
  with errors as materialized (
    select
      e.org_id, e.id, e.stream_id, e.user_id, e.source, e.fingerprint, e.error_type, e.error_class, e.retry_count,
      e.next_retry_at, e.resolved_at, e.first_seen, e.last_seen, e.occurrences, e.resolved_at is not null as is_resolved
    from syncwell._visible_streams(p_source, p_user_id) as s
    inner join syncwell.sync_errors as e on e.org_id = s.org_id and e.stream_id = s.stream_id
  ),
  counts as (
    select
      e.error_type,
      count(*) as errors_of_type,
      (sum(count(*)) over ())::bigint as total_errors,
      (sum(count(*) filter (where not e.is_resolved)) over ())::bigint as unresolved_errors
    from errors as e
    group by e.error_type
  ),
  kinds as (
    select
      e.org_id, e.source, e.error_type, e.error_class, e.is_resolved,
      (array_agg(e.id order by e.last_seen desc, e.id))[1] as id,
      case
        when count(*) = count(e.user_id) and count(distinct e.user_id) = 1 then min(e.user_id::text)::uuid
      end as user_id,
      count(distinct e.stream_id) as streams,
      sum(e.occurrences)::bigint as occurrences,
      max(e.retry_count) as retry_count,
      min(e.first_seen) as first_seen,
      max(e.last_seen) as last_seen,
      min(e.next_retry_at) as next_retry_at,
      max(e.resolved_at) as resolved_at
    from errors as e
    where p_include_resolved or not e.is_resolved
    group by e.org_id, e.source, e.fingerprint, e.error_type, e.error_class, e.is_resolved
    order by e.is_resolved, max(e.last_seen) desc, (array_agg(e.id order by e.last_seen desc, e.id))[1]
    limit p_limit
  )
  select
    k.id, k.error_type, k.error_class, n.error_code, n.http_status,
    syncwell._redact(n.org_id, n.user_id, n.error_message),
    k.source, k.user_id, k.streams, k.occurrences, k.retry_count, k.first_seen, k.last_seen, v_now - k.first_seen,
    n.lane, n.reason, k.next_retry_at,
    case when k.next_retry_at is not null then greatest(k.next_retry_at - v_now, interval '0') end,
    k.resolved_at,
    c.total_errors, c.unresolved_errors, c.errors_of_type
  from kinds as k
  inner join syncwell.sync_errors as n on n.org_id = k.org_id and n.id = k.id
  inner join counts as c on c.error_type = k.error_type
  order by k.is_resolved, k.last_seen desc, k.id;
end
$$;
comment on function syncwell.get_error_report(text, boolean, integer, uuid) is
'The errors of p_source (NULL: all) and p_user_id (NULL: everything the caller may see), one row a kind: the same '
'source and fingerprint over all streams, open ones first, last seen first, p_limit (1 to 1000) of them; resolved '
'ones only with p_include_resolved. error_id, error_code, http_status, error_message, lane, reason: of the stream '
'that saw it last; user_id: NULL when several or none; streams: how many have it; occurrences: of all; retry_count: '
'the highest; age: since first_seen; next_retry_at, next_retry_in: the earliest (0 = due). total_errors, '
'unresolved_errors, errors_of_type: errors of single streams in what was asked for, resolved ones included, whatever '
'the limit. Message with consent only. Errors: SW001, SW002, 22004, 22023.';
revoke all on function syncwell.get_error_report(text, boolean, integer, uuid) from public;
grant execute on function syncwell.get_error_report(text, boolean, integer, uuid) to syncwell_reader;
--! end

--! include runs/functions/get_recent_sync_events.sql
create or replace function syncwell.get_recent_sync_events(
  p_source text default null,
  p_limit integer default 20,
  p_status text default null,
  p_user_id uuid default null
)
returns table (
  event_id uuid,
  source text,
  user_id uuid,
  sync_type text,
  status text,
  started_at timestamptz,
  completed_at timestamptz,
  duration_ms bigint,
  items_processed bigint,
  items_created bigint,
  items_updated bigint,
  items_deleted bigint,
  items_failed bigint,
  items_per_second numeric,
  direction text,
  bytes bigint,
  error_type text,
  error_code text,
  error_message text,
  attempt integer,
  platform text,
  device_id text,
  network_type text,
  sync_token_before text,
  sync_token_after text,
  heartbeat_at timestamptz
)
language plpgsql stable security definer rows 20
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  perform syncwell._check_limit(p_limit);
  if p_status not in ('started', 'success', 'partial', 'failed', 'timeout', 'cancelled') then
    raise exception using
      errcode = '22023',
      message = 'unknown status',
      detail = format('p_status is %L.', left(p_status, 100)),
      hint = 'Pass started, success, partial, failed, timeout or cancelled, or leave it out for all.';
  end if;
  return query
  select
    r.event_id, r.source, r.user_id, r.sync_type, r.status, r.started_at, r.completed_at, r.duration_ms,
    r.items_processed, r.items_created, r.items_updated, r.items_deleted, r.items_failed, r.items_per_second,
    r.direction, r.bytes, r.error_type, r.error_code, r.error_message, r.attempt, r.platform, r.device_id,
    r.network_type, r.sync_token_before, r.sync_token_after, r.heartbeat_at
  from syncwell._recent_events(p_source, p_limit, p_status, null, p_user_id) as r;
end
$$;
comment on function syncwell.get_recent_sync_events(text, integer, text, uuid) is
'The last p_limit (1 to 1000) runs, newest first, of p_source (NULL: all) with p_status (NULL: any), of p_user_id '
'(NULL: everything the caller may see). duration_ms: milliseconds from start to end, NULL while it runs; '
'items_per_second: items_processed over duration_ms, NULL where either is not known; direction: pull (to a device), '
'push (from it) or NULL; bytes: what was transferred, NULL when not told; attempt: 1 = first try; '
'error_message, device_id, network_type with consent only. Retired streams are left out. Errors: SW001, SW002, 22004, '
'22023.';
revoke all on function syncwell.get_recent_sync_events(text, integer, text, uuid) from public;
grant execute on function syncwell.get_recent_sync_events(text, integer, text, uuid)
to syncwell_reader, syncwell_client;
--! end

--! include runs/functions/get_recent_webhooks.sql
create or replace function syncwell.get_recent_webhooks(
  p_source text default null,
  p_limit integer default 20,
  p_user_id uuid default null
)
returns table (
  event_id uuid,
  source text,
  user_id uuid,
  sync_type text,
  status text,
  started_at timestamptz,
  completed_at timestamptz,
  duration_ms bigint,
  items_processed bigint,
  items_created bigint,
  items_updated bigint,
  items_deleted bigint,
  items_failed bigint,
  items_per_second numeric,
  direction text,
  bytes bigint,
  error_type text,
  error_code text,
  error_message text,
  attempt integer,
  platform text,
  device_id text,
  network_type text,
  sync_token_before text,
  sync_token_after text,
  heartbeat_at timestamptz
)
language plpgsql stable security definer rows 20
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  perform syncwell._check_limit(p_limit);
  return query
  select
    r.event_id, r.source, r.user_id, r.sync_type, r.status, r.started_at, r.completed_at, r.duration_ms,
    r.items_processed, r.items_created, r.items_updated, r.items_deleted, r.items_failed, r.items_per_second,
    r.direction, r.bytes, r.error_type, r.error_code, r.error_message, r.attempt, r.platform, r.device_id,
    r.network_type, r.sync_token_before, r.sync_token_after, r.heartbeat_at
  from syncwell._recent_events(p_source, p_limit, null, 'webhook', p_user_id) as r;
end
$$;
comment on function syncwell.get_recent_webhooks(text, integer, uuid) is
'The last p_limit (1 to 1000) runs of type webhook, newest first; arguments and columns as get_recent_sync_events(). '
'Errors: SW001, SW002, 22004, 22023.';
revoke all on function syncwell.get_recent_webhooks(text, integer, uuid) from public;
grant execute on function syncwell.get_recent_webhooks(text, integer, uuid) to syncwell_reader;
--! end

--! include runs/functions/get_sync_error.sql
create or replace function syncwell.get_sync_error(p_error_id uuid)
returns table (
  error_id uuid,
  stream_id uuid,
  source text,
  user_id uuid,
  event_id uuid,
  error_type text,
  error_class text,
  error_code text,
  http_status integer,
  error_message text,
  error_details jsonb,
  retry_count integer,
  next_retry_at timestamptz,
  lane text,
  reason text,
  occurrences bigint,
  first_seen timestamptz,
  last_seen timestamptz,
  resolved_at timestamptz,
  created_at timestamptz
)
language plpgsql stable security definer rows 1
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller record := syncwell._caller();
begin
  return query
  select
    e.id, e.stream_id, e.source, e.user_id, e.event_id, e.error_type, e.error_class, e.error_code, e.http_status,
    syncwell._redact(e.org_id, e.user_id, e.error_message),
    syncwell._redact(e.org_id, e.user_id, e.error_details),
    e.retry_count, e.next_retry_at, e.lane, e.reason, e.occurrences, e.first_seen, e.last_seen, e.resolved_at,
    e.created_at
  from syncwell.sync_errors as e
  where e.org_id = v_caller.org_id
    and e.id = p_error_id
    and (v_caller.sees_org or e.user_id is null or e.user_id = v_caller.user_id);
  if not found then
    perform syncwell._refuse_unknown_error(p_error_id);
  end if;
end
$$;
comment on function syncwell.get_sync_error(uuid) is
'One error in full. next_retry_at: when it is due; lane, reason: who retries it and why, see record_sync_error(). '
'Message and details with consent only. Errors: SW001, SW104, 22004.';
revoke all on function syncwell.get_sync_error(uuid) from public;
grant execute on function syncwell.get_sync_error(uuid) to syncwell_reader, syncwell_worker;
--! end

--! include runs/functions/mark_error_resolved.sql
create or replace function syncwell.mark_error_resolved(p_error_id uuid)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_error syncwell.sync_errors := syncwell._locked_error(p_error_id);
begin
  if v_error.resolved_at is not null then
    return false;
  end if;
  update syncwell.sync_errors as e
  set
    resolved_at = syncwell._now(),
    next_retry_at = null,
    lane = 'none',
    retry_lease = null,
    retry_lease_until = null
  where e.org_id = v_error.org_id and e.id = v_error.id;
  return true;
end
$$;
comment on function syncwell.mark_error_resolved(uuid) is
'Resolves an error by hand: it is not retried any more and the next of its kind is a new one. The stream''s health '
'stays as its runs made it. False when it was resolved already. Errors: SW001, SW104, 22004.';
revoke all on function syncwell.mark_error_resolved(uuid) from public;
grant execute on function syncwell.mark_error_resolved(uuid) to syncwell_worker;
--! end

--! include runs/functions/reap_sync_runs.sql
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
'Ends runs whose worker seems to be gone as timeout, oldest first: those that sent a heartbeat and none for setting '
'runs.heartbeat_timeout (no_heartbeat), and those older than the stream''s max_runtime or setting runs.max_runtime '
'(over_max_runtime). A timeout counts as a failure, writes an error of type TIMEOUT that is retried like any '
'transient one, and changes the lease, so that a late worker is refused (SW102). Returns the runs. Of the caller''s '
'org (a member or analyst: of its own streams), or of all orgs for an operator and for a gateway that acts for '
'nobody. Errors: SW001, 22004, 22023.';
revoke all on function syncwell.reap_sync_runs(integer) from public;
grant execute on function syncwell.reap_sync_runs(integer) to syncwell_worker, syncwell_operator;
--! end

--! include runs/functions/record_sync_complete.sql
create or replace function syncwell.record_sync_complete(
  p_event_id uuid,
  p_lease uuid,
  p_items_processed bigint default null,
  p_sync_token_after text default null,
  p_items_created bigint default null,
  p_items_updated bigint default null,
  p_items_deleted bigint default null,
  p_items_failed bigint default null,
  out status text,
  out completed_at timestamptz,
  out duration_ms bigint,
  out changed boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_event syncwell.sync_events := syncwell._leased_run(p_event_id, p_lease);
begin
  if least(p_items_processed, p_items_created, p_items_updated, p_items_deleted, p_items_failed) < 0 then
    perform syncwell._check_count('p_items_processed', p_items_processed);
    perform syncwell._check_count('p_items_created', p_items_created);
    perform syncwell._check_count('p_items_updated', p_items_updated);
    perform syncwell._check_count('p_items_deleted', p_items_deleted);
    perform syncwell._check_count('p_items_failed', p_items_failed);
  end if;
  perform syncwell._check_text('p_sync_token_after', p_sync_token_after, 8192);

  changed := v_event.status = 'started';
  if changed then
    v_event.status := case when p_items_failed > 0 then 'partial' else 'success' end;
    v_event.items_processed := coalesce(p_items_processed, v_event.items_processed);
    v_event.items_created := p_items_created;
    v_event.items_updated := p_items_updated;
    v_event.items_deleted := p_items_deleted;
    v_event.items_failed := p_items_failed;
    v_event.sync_token_after := p_sync_token_after;
    v_event := syncwell._finish_run(v_event, syncwell._now(), 0, 0);
  -- told again: fine, unless it is another story; what is left out contradicts nothing
  elsif v_event.status not in ('success', 'partial') or (
    coalesce(p_items_processed, v_event.items_processed),
    coalesce(p_items_created, v_event.items_created),
    coalesce(p_items_updated, v_event.items_updated),
    coalesce(p_items_deleted, v_event.items_deleted),
    coalesce(p_items_failed, v_event.items_failed),
    coalesce(p_sync_token_after, v_event.sync_token_after)
  ) is distinct from (
    v_event.items_processed, v_event.items_created, v_event.items_updated, v_event.items_deleted,
    v_event.items_failed, v_event.sync_token_after
  )
  then
    perform syncwell._refuse_finished_run(v_event);
  end if;
  status := v_event.status;
  completed_at := v_event.completed_at;
  duration_ms := v_event.duration_ms;
end
$$;
comment on function
syncwell.record_sync_complete(uuid, uuid, bigint, text, bigint, bigint, bigint, bigint) is
'Ends a run well: success, or partial when p_items_failed > 0. Counts are totals of the run, NULL = not known '
'(p_items_processed: as the last heartbeat said); p_sync_token_after: where the next run goes on, NULL = as before. '
'Either way the stream is healthy again, its failure streak over and its open errors of runs resolved. Said again '
'with the same numbers it changes nothing (changed false) and counts once. Errors: SW001, SW101, SW102 the lease is '
'an old one, SW103 the run has ended otherwise, 22004, 22023, 22001.';
revoke all on function
syncwell.record_sync_complete(uuid, uuid, bigint, text, bigint, bigint, bigint, bigint) from public;
grant execute on function
syncwell.record_sync_complete(uuid, uuid, bigint, text, bigint, bigint, bigint, bigint) to syncwell_worker;
--! end

--! include runs/functions/record_sync_error.sql
create or replace function syncwell.record_sync_error(
  p_event_id uuid,
  p_lease uuid,
  p_message text,
  p_code text default null,
  p_http_status integer default null,
  p_details jsonb default null,
  p_retry_after text default null,
  p_items_processed bigint default null,
  out error_id uuid,
  out error_type text,
  out class text,
  out should_retry boolean,
  out retry_at timestamptz,
  out attempt integer,
  out lane text,
  out reason text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_event syncwell.sync_events := syncwell._leased_run(p_event_id, p_lease);
  v_error syncwell.sync_errors;
  v_kind record;
  v_retry_after constant interval := syncwell._parse_retry_after(p_retry_after);
begin
  perform syncwell._check_error(p_message, p_code, p_http_status, p_details);
  perform syncwell._check_count('p_items_processed', p_items_processed);
  v_kind := syncwell.classify_sync_error(p_code, p_http_status, p_message);
  -- a busy server that says when to come back is throttling
  if v_kind.error_type = 'HTTP_503' and v_retry_after is not null then
    v_kind.class := 'throttled';
  end if;

  if v_event.status = 'started' then
    v_event.status := 'failed';
    v_event.items_processed := coalesce(p_items_processed, v_event.items_processed);
    v_error := syncwell._fail_run(
      v_event, syncwell._now(), v_kind.error_type, v_kind.class, v_kind.retryable, p_code, p_http_status, p_message,
      p_details, v_retry_after
    );
  else
    -- told again: the same answer, unless it is another story
    select e.* into v_error
    from syncwell.sync_errors as e
    where e.org_id = v_event.org_id
      and e.id = v_event.error_id
      and v_event.status = 'failed'
      and e.fingerprint = syncwell._error_fingerprint(
        v_kind.class, p_code, p_http_status, syncwell._scrub_secrets(p_message)
      );
    if not found or p_items_processed is not null and p_items_processed is distinct from v_event.items_processed then
      perform syncwell._refuse_finished_run(v_event);
    end if;
  end if;

  error_id := v_error.id;
  error_type := v_error.error_type;
  class := v_error.error_class;
  retry_at := v_error.next_retry_at;
  should_retry := v_error.lane = 'fast' and v_error.next_retry_at is not null;
  attempt := v_error.retry_count;
  lane := v_error.lane;
  reason := v_error.reason;
end
$$;
comment on function
syncwell.record_sync_error(uuid, uuid, text, text, integer, jsonb, text, bigint) is
'Ends a run as failed and decides on the retry. p_message (up to 8192 characters) and p_details (up to 64 KiB) are '
'kept without secrets and with consent; p_code: a code of the network, a SQLSTATE or any other; p_retry_after: the '
'header as it came, seconds or an HTTP date, at most setting retry.after_cap counts; p_items_processed: handled '
'before the failure. Returns the error, its type and class (see classify_sync_error()), whether to retry it at '
'retry_at with record_sync_start(p_retry_of => error_id), the number of that retry (attempt: retries granted so far), '
'the lane (fast, slow, none: a slow one is handed out by claim_due_retries() at retry_at) and the reason: retry, '
'parked, budget, circuit_open, needs_reauth, permanent, too_old. Said again it answers with where the error is now '
'and counts once. Errors: SW001, SW101, SW102 the lease is an old one, SW103 the run has ended otherwise, 22004, '
'22023, 22001.';
revoke all on function
syncwell.record_sync_error(uuid, uuid, text, text, integer, jsonb, text, bigint) from public;
grant execute on function
syncwell.record_sync_error(uuid, uuid, text, text, integer, jsonb, text, bigint) to syncwell_worker;
--! end

--! include runs/functions/record_sync_heartbeat.sql
create or replace function syncwell.record_sync_heartbeat(
  p_event_id uuid,
  p_lease uuid,
  p_items_processed bigint default null
)
returns timestamptz
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_event syncwell.sync_events := syncwell._leased_run(p_event_id, p_lease);
  v_now constant timestamptz := syncwell._now();
begin
  perform syncwell._check_count('p_items_processed', p_items_processed);
  if v_event.status <> 'started' then
    perform syncwell._refuse_finished_run(v_event);
  end if;
  update syncwell.sync_events as e
  set heartbeat_at = v_now, items_processed = coalesce(p_items_processed, e.items_processed)
  where e.org_id = v_event.org_id and e.id = v_event.id;
  return v_now + syncwell._setting(
    v_event.org_id, 'runs.heartbeat_timeout', v_event.source, v_event.platform
  )::interval;
end
$$;
comment on function syncwell.record_sync_heartbeat(uuid, uuid, bigint) is
'A sign of life of a run, with the items handled so far (NULL: as before). From the first one on the run must send '
'another before the time returned (now + setting runs.heartbeat_timeout), or the reaper ends it as timeout. Errors: '
'SW001, SW101, SW102 the lease is an old one, SW103 the run has ended (also: was cancelled), 22004, 22023.';
revoke all on function syncwell.record_sync_heartbeat(uuid, uuid, bigint) from public;
grant execute on function syncwell.record_sync_heartbeat(uuid, uuid, bigint) to syncwell_worker;
--! end

--! include runs/functions/record_sync_start.sql
create or replace function syncwell.record_sync_start(
  p_source text,
  p_sync_type text default 'incremental',
  p_sync_token text default null,
  p_run_key text default null,
  p_user_id uuid default null,
  p_platform text default null,
  p_device_id text default null,
  p_network_type text default null,
  p_network_quality text default null,
  p_retry_of uuid default null,
  p_retry_lease uuid default null,
  out event_id uuid,
  out lease uuid,
  out stream_id uuid,
  out status text,
  out attempt integer,
  out sync_token text,
  out started_at timestamptz,
  out is_new boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller record := syncwell._caller();
  v_user_id uuid := v_caller.user_id;
  v_platform text;
  v_last_token text;
  v_live boolean;
  v_parent_id uuid;
  v_event syncwell.sync_events;
begin
  perform syncwell._check_source(p_source);
  if p_sync_type is null then
    raise exception using
      errcode = '22004',
      message = 'a type of sync is needed',
      detail = 'p_sync_type is NULL.',
      hint = 'Pass full, incremental, webhook or manual, or leave it out for incremental.';
  end if;
  if p_sync_type not in ('full', 'incremental', 'webhook', 'manual') then
    raise exception using
      errcode = '22023',
      message = 'unknown type of sync',
      detail = format('p_sync_type is %L.', left(p_sync_type, 100)),
      hint = 'Pass full, incremental, webhook or manual.';
  end if;
  if p_user_id is not null then
    v_user_id := syncwell._target_user(p_user_id);
  end if;
  if p_sync_token is not null or p_run_key is not null then
    perform syncwell._check_text('p_sync_token', p_sync_token, 8192);
    perform syncwell._check_text('p_run_key', p_run_key, 255);
    if p_run_key = '' then
      raise exception using
        errcode = '22023',
        message = 'an empty run key names no run',
        detail = 'p_run_key is empty.',
        hint = 'Leave p_run_key out where the worker has no name for the run.';
    end if;
  end if;
  if coalesce(p_platform, p_device_id, p_network_type, p_network_quality) is not null then
    perform syncwell._check_platform(p_platform);
    perform syncwell._check_text('p_device_id', p_device_id, 255);
    perform syncwell._check_text('p_network_type', p_network_type, 64);
    perform syncwell._check_text('p_network_quality', p_network_quality, 64);
  end if;

  -- two statements, since neither IS NOT DISTINCT FROM nor OR finds its way through one index
  if v_user_id is null then
    select s.stream_id, s.platform, t.last_sync_token, s.retired_at is null
    into stream_id, v_platform, v_last_token, v_live
    from syncwell.streams as s
    inner join syncwell.sync_state as t on t.org_id = s.org_id and t.stream_id = s.stream_id
    where s.org_id = v_caller.org_id and s.user_id is null and s.source = p_source;
  else
    select s.stream_id, s.platform, t.last_sync_token, s.retired_at is null
    into stream_id, v_platform, v_last_token, v_live
    from syncwell.streams as s
    inner join syncwell.sync_state as t on t.org_id = s.org_id and t.stream_id = s.stream_id
    where s.org_id = v_caller.org_id and s.user_id = v_user_id and s.source = p_source;
  end if;
  if v_live is distinct from true then
    stream_id := syncwell._ensure_stream(v_caller.org_id, v_user_id, p_source, p_platform);
  end if;

  started_at := syncwell._now();
  event_id := syncwell._uuid7(started_at);
  -- a claimed retry that is started again, since the answer was lost, is known by its lease
  lease := coalesce(p_retry_lease, gen_random_uuid());
  status := 'started';
  attempt := 1;
  -- a full sync starts from nothing
  sync_token := case when p_sync_token is null and p_sync_type <> 'full' then v_last_token else p_sync_token end;
  is_new := true;

  if p_run_key is not null then
    v_event := syncwell._take_run_key(v_caller.org_id, stream_id, p_run_key, event_id, v_user_id, started_at);
  elsif p_retry_lease is not null then
    -- waits for a start with the same lease that has not committed yet
    perform from syncwell.sync_errors as e where e.org_id = v_caller.org_id and e.id = p_retry_of for update;
    select e.* into v_event
    from syncwell.sync_events as e
    where e.org_id = v_caller.org_id
      and e.stream_id = record_sync_start.stream_id
      and e.status = 'started'
      and e.error_id = p_retry_of
      and e.lease = p_retry_lease;
  end if;
  if v_event.id is not null then
    event_id := v_event.id;
    lease := v_event.lease;
    status := v_event.status;
    attempt := v_event.attempt;
    sync_token := v_event.sync_token_before;
    started_at := v_event.started_at;
    is_new := false;
    return;
  end if;

  if p_retry_of is not null then
    select r.attempt, r.parent_id into attempt, v_parent_id
    from syncwell._start_retry(v_caller.org_id, stream_id, p_retry_of, p_retry_lease, event_id, started_at) as r;
  end if;

  insert into syncwell.sync_events (
    org_id, id, stream_id, user_id, source, sync_type, started_at, sync_token_before, platform, attempt, parent_id,
    error_id, run_key, lease, device_id, network_type, network_quality
  )
  values (
    v_caller.org_id, event_id, stream_id, v_user_id, p_source, p_sync_type, started_at, sync_token,
    coalesce(p_platform, v_platform), attempt, v_parent_id, p_retry_of, p_run_key, lease,
    case when p_device_id is not null then syncwell._redact(v_caller.org_id, v_user_id, p_device_id) end,
    case when p_network_type is not null then syncwell._redact(v_caller.org_id, v_user_id, p_network_type) end,
    case when p_network_quality is not null then syncwell._redact(v_caller.org_id, v_user_id, p_network_quality) end
  );
end
$$;
comment on function
syncwell.record_sync_start(text, text, text, text, uuid, text, text, text, text, uuid, uuid) is
'Starts a run of the caller''s stream of p_source (or of p_user_id''s, for admins and services) and makes the stream '
'on first use. p_sync_type: full, incremental, webhook, manual; p_sync_token: where to start, NULL = where the last '
'run stopped (a full sync: from nothing); p_run_key: the worker''s name for the run, a known one returns the run it '
'stands for and starts none; p_platform: android, ios, web, server, other; p_device_id, p_network_type, '
'p_network_quality: kept with consent; p_retry_of: the error that is retried, with p_retry_lease where it was '
'claimed (told again, it returns the run it started). Returns the run''s id, the lease that every later call needs, '
'the stream, the status (of a known run: as it is), the attempt (1 = first), the token to go on from, the start and '
'whether the run is new. Runs at the same time on one stream are all recorded. Errors: SW001, SW002, SW102 the retry '
'is somebody else''s, SW104 no such error on this stream, SW106, 22004, 22023, 22001.';
revoke all on function
syncwell.record_sync_start(text, text, text, text, uuid, text, text, text, text, uuid, uuid) from public;
grant execute on function
syncwell.record_sync_start(text, text, text, text, uuid, text, text, text, text, uuid, uuid) to syncwell_worker;
--! end

--! include runs/functions/register_stream.sql
create or replace function syncwell.register_stream(
  p_source text,
  p_user_id uuid default null,
  p_expected_interval interval default null,
  p_cron text default null,
  p_time_zone text default null,
  p_active_hours text default null,
  p_platform text default null,
  p_max_runtime interval default null,
  p_slo numeric default null
)
returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
  v_user_id constant uuid := syncwell._target_user(p_user_id);
  v_now constant timestamptz := syncwell._now();
  v_stream_id uuid;
  v_next timestamptz;
begin
  perform syncwell._check_source(p_source);
  perform syncwell._check_platform(p_platform);
  perform syncwell._check_duration('p_expected_interval', p_expected_interval, '1 second', '10 years');
  perform syncwell._check_duration('p_max_runtime', p_max_runtime, '1 second', '1 year');
  perform syncwell._check_time_zone(p_time_zone);
  perform syncwell._check_active_hours(p_active_hours);
  perform syncwell._check_text('p_cron', p_cron, 1000);
  if not (p_slo > 0 and p_slo < 1) then
    raise exception using
      errcode = '22023',
      message = 'p_slo is out of range',
      detail = format('It is %s.', left(p_slo::text, 100)),
      hint = 'Pass the share of runs that should succeed, above 0 and below 1, e.g. 0.99.';
  end if;
  v_next := syncwell._next_sync(v_caller.org_id, p_cron, p_time_zone, p_expected_interval, v_now);
  if p_cron is not null and v_next is null then
    raise exception using
      errcode = '22023',
      message = 'this schedule never fires',
      detail = format('p_cron is %L.', left(p_cron, 100)),
      hint = 'Days such as 30 February do not exist.';
  end if;

  v_stream_id := syncwell._ensure_stream(v_caller.org_id, v_user_id, p_source, p_platform);
  update syncwell.streams as s
  set
    expected_interval = p_expected_interval,
    cron = p_cron,
    time_zone = p_time_zone,
    active_hours = p_active_hours,
    platform = p_platform,
    max_runtime = p_max_runtime,
    slo = p_slo,
    registered_at = coalesce(s.registered_at, v_now)
  where s.org_id = v_caller.org_id
    and s.stream_id = v_stream_id
    and (
      s.registered_at is null
      or (s.expected_interval, s.cron, s.time_zone, s.active_hours, s.platform, s.max_runtime, s.slo)
      is distinct from (p_expected_interval, p_cron, p_time_zone, p_active_hours, p_platform, p_max_runtime, p_slo)
    );
  if found then
    update syncwell.sync_state as t
    set
      expected_interval = p_expected_interval,
      next_sync_at = case
        when p_cron is not null then v_next
        else coalesce(syncwell._next_sync(t.org_id, null, null, p_expected_interval, t.last_run_at), v_next)
      end
    where t.org_id = v_caller.org_id and t.stream_id = v_stream_id;
  end if;
  return v_stream_id;
end
$$;
comment on function syncwell.register_stream(text, uuid, interval, text, text, text, text, interval, numeric) is
'Declares what is expected of a stream, so that one that never runs is noticed. The arguments are the whole '
'declaration: what is left out is cleared. p_user_id NULL: the caller''s own, for a service the org''s own; '
'p_expected_interval: how often it should succeed (1 s to 10 years); p_cron: five fields; p_time_zone: of cron and '
'active hours, NULL = the org''s; p_active_hours: e.g. Mon-Fri 08:00-18:00; p_platform: android, ios, web, server, '
'other; p_max_runtime: longer runs end as timeout; p_slo: share that should succeed. Idempotent; brings a retired '
'stream back. Returns the stream''s id. Errors: SW001, SW002, 22004 without a source, 22023 for anything not '
'understood, 22001 for a p_cron over 1000 characters.';
revoke all on function syncwell.register_stream(text, uuid, interval, text, text, text, text, interval, numeric)
from public;
grant execute on function syncwell.register_stream(text, uuid, interval, text, text, text, text, interval, numeric)
to syncwell_worker;
--! end

--! include runs/functions/retry_delay.sql
create or replace function syncwell.retry_delay(
  p_attempt integer,
  p_retry_after interval default null,
  p_jitter text default null
)
returns interval
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_attempt is null then
    raise exception using
      errcode = '22004',
      message = 'the number of the retry is needed',
      detail = 'p_attempt is NULL.',
      hint = 'Pass 1 for the first retry.';
  end if;
  if p_attempt < 1 then
    raise exception using
      errcode = '22023',
      message = 'retries are numbered from 1',
      detail = format('p_attempt is %s.', p_attempt),
      hint = 'Pass 1 for the first retry.';
  end if;
  if p_jitter not in ('none', 'full', 'equal') then
    raise exception using
      errcode = '22023',
      message = 'unknown jitter',
      detail = format('p_jitter is %L.', left(p_jitter, 100)),
      hint = 'Pass none, full or equal, or leave it out for the setting retry.jitter.';
  end if;
  return syncwell._retry_delay(p_attempt, p_retry_after, p_jitter, syncwell._settings(syncwell.current_org_id()));
end
$$;
comment on function syncwell.retry_delay(integer, interval, text) is
'How long to wait before retry p_attempt (1, 2, …): at most d = least(retry.cap, retry.base * 2^(p_attempt - 1)), by '
'default 1, 2, 4, 8, 16 s; NULL beyond setting retry.max_retries. p_jitter none: d; full: between 0 and d; equal: '
'between d/2 and d; NULL: setting retry.jitter. Never less than p_retry_after, of which at most setting '
'retry.after_cap counts. Formula: "full" and "equal" jitter of the AWS Architecture Blog, Exponential Backoff And '
'Jitter. Errors: 22004 without a number, 22023 for a number below 1 or an unknown jitter.';
revoke all on function syncwell.retry_delay(integer, interval, text) from public;
grant execute on function syncwell.retry_delay(integer, interval, text) to syncwell_reader, syncwell_worker;
--! end

--! include runs/functions/schedule_sync_retry.sql
create or replace function syncwell.schedule_sync_retry(
  p_error_id uuid,
  p_delay interval default null
)
returns timestamptz
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_error syncwell.sync_errors := syncwell._locked_error(p_error_id);
  v_settings jsonb;
  v_next timestamptz;
begin
  perform syncwell._check_duration('p_delay', p_delay, '0', '1 year');
  if v_error.resolved_at is not null then
    perform syncwell._refuse_resolved_error(p_error_id);
  end if;
  v_settings := syncwell._settings(v_error.org_id, v_error.source);
  v_next := syncwell._now() + coalesce(
    p_delay,
    syncwell._retry_delay(v_error.retry_count + 1, null, null, v_settings),
    (v_settings ->> 'retry.slow_interval')::interval
  );
  -- whoever has claimed it meanwhile is too late: this decision is the newer one
  update syncwell.sync_errors as e
  set
    retry_count = e.retry_count + 1,
    next_retry_at = v_next,
    lane = 'fast',
    reason = 'scheduled',
    retry_lease = null,
    retry_lease_until = null
  where e.org_id = v_error.org_id and e.id = v_error.id;
  return v_next;
end
$$;
comment on function syncwell.schedule_sync_retry(uuid, interval) is
'Puts an open error up for retry after p_delay (0 to 1 year; NULL: retry_delay() of its next retry, setting '
'retry.slow_interval once those are used up), whatever was decided before, and counts the retry. claim_due_retries() '
'hands it out then. Returns when. Errors: SW001, SW104, SW106 it is resolved, 22004, 22023.';
revoke all on function syncwell.schedule_sync_retry(uuid, interval) from public;
grant execute on function syncwell.schedule_sync_retry(uuid, interval) to syncwell_worker;
--! end

--! include runs/functions/unregister_stream.sql
create or replace function syncwell.unregister_stream(
  p_source text,
  p_user_id uuid default null
)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
  v_user_id constant uuid := syncwell._target_user(p_user_id);
  v_stream syncwell.streams;
begin
  perform syncwell._check_source(p_source);
  select s.* into v_stream
  from syncwell.streams as s
  where s.org_id = v_caller.org_id
    and (s.user_id = v_user_id or (v_user_id is null and s.user_id is null))
    and s.source = p_source
  -- errors that are being recorded refer to the row: they need not wait
  for no key update;
  if not found then
    raise exception using
      errcode = 'SW105',
      message = 'unknown stream',
      detail = format('There is no stream of source %L here.', p_source),
      hint = 'Pass p_user_id for the stream of another user; streams are listed in syncwell.streams.';
  end if;
  if v_stream.retired_at is not null then
    return false;
  end if;
  update syncwell.streams as s
  set
    retired_at = syncwell._now(),
    registered_at = null,
    expected_interval = null,
    cron = null,
    time_zone = null,
    active_hours = null,
    max_runtime = null,
    slo = null
  where s.org_id = v_stream.org_id and s.stream_id = v_stream.stream_id;
  update syncwell.sync_state as t
  set expected_interval = null, next_sync_at = null
  where t.org_id = v_stream.org_id and t.stream_id = v_stream.stream_id;
  return true;
end
$$;
comment on function syncwell.unregister_stream(text, uuid) is
'Retires a stream: nothing is expected of it any more, its errors are not retried, reports leave it out. Its history '
'stays; a run or register_stream() brings it back, the run without the declaration. p_user_id as in '
'register_stream(). False when it was retired already. Errors: SW001, SW002, SW105, 22004, 22023.';
revoke all on function syncwell.unregister_stream(text, uuid) from public;
grant execute on function syncwell.unregister_stream(text, uuid) to syncwell_worker;
--! end

--! include runs/policies.sql
-- A member sees its own rows and the org's own streams, analysts and admins all of their org; only functions write.

alter table syncwell.sync_events enable row level security;
alter table syncwell.sync_run_keys enable row level security;
alter table syncwell.sync_state enable row level security;
alter table syncwell.sync_errors enable row level security;
alter table syncwell.source_attempts enable row level security;
alter table syncwell.circuits enable row level security;

create policy own_runs_or_whole_org on syncwell.sync_events for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_state_or_whole_org on syncwell.sync_state for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_errors_or_whole_org on syncwell.sync_errors for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

-- counts over all users of a source are not a user's own
create policy whole_org on syncwell.source_attempts for select
using (org_id = (select syncwell.current_org_id()) and (select syncwell._sees_org()));

-- of a source that only others use, a member learns not even that there is one
create policy own_sources_or_whole_org on syncwell.circuits for select
using (
  org_id = (select syncwell.current_org_id())
  and (
    (select syncwell._sees_org())
    or exists (
      select from syncwell.streams as s
      where s.org_id = circuits.org_id and s.source = circuits.source
    )
  )
);

-- by column: error texts, details, devices, networks and leases are shown by functions or not at all
grant select (
  org_id, id, stream_id, user_id, source, sync_type, status, started_at, completed_at, duration_ms,
  items_processed, items_created, items_updated, items_deleted, items_failed, direction, bytes, error_id,
  error_type, error_code, sync_token_before, sync_token_after, platform, attempt, parent_id, run_key,
  heartbeat_at
) on syncwell.sync_events to syncwell_reader;
grant select on syncwell.sync_state to syncwell_reader;
grant select (
  org_id, id, stream_id, user_id, source, event_id, fingerprint, error_type, error_class, error_code, http_status,
  retry_count, next_retry_at, lane, reason, retry_lease_until, resolved_at, created_at, first_seen, last_seen,
  occurrences
) on syncwell.sync_errors to syncwell_reader;
grant select on syncwell.source_attempts to syncwell_reader;
grant select (
  org_id, source, state, opened_at, closed_at, cooldown, reopen_at, probe_event, probe_until
) on syncwell.circuits to syncwell_reader;
--! end

--! include runs/registry.sql
insert into syncwell.error_codes (sqlstate, name, http_status, description) values
('SW101', 'unknown_run', 404, 'No such run in the caller''s org, or not the caller''s.'),
('SW102', 'lease_lost', 409, 'The lease is not the run''s or the retry''s (any more): somebody else goes on with it.'),
('SW103', 'run_already_finished', 409, 'The run has ended, and otherwise than this call says.'),
('SW104', 'unknown_sync_error', 404, 'No such sync error in the caller''s org, or not the caller''s.'),
('SW105', 'unknown_stream', 404, 'The caller has no such stream.'),
('SW106', 'error_already_resolved', 409, 'The sync error is resolved: there is nothing left to retry.');

insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, allowed, unit, description) values
(
  'runs.failure_threshold', 'integer', '3', '1', '1000', null, 'runs',
  'From how many failures in a row on a stream is not healthy.'
),
(
  'runs.retention', 'interval', '90 days', '1 day', '100 years', null, null,
  'How long runs and resolved errors are kept; runs go by whole months.'
),
(
  'runs.run_key_retention', 'interval', '30 days', '1 hour', '1 year', null, null,
  'How long a run key stands for its run.'
),
(
  'runs.heartbeat_timeout', 'interval', '90 seconds', '1 second', '1 day', null, null,
  'A run that has sent a heartbeat and is silent for this long is ended as timeout.'
),
(
  'runs.max_runtime', 'interval', '24 hours', '1 second', '30 days', null, null,
  'A run that takes longer is ended as timeout, where its stream declares no other limit.'
),
(
  'retry.max_retries', 'integer', '5', '0', '20', null, 'retries',
  'How many fast retries an error gets; conflicts get at most one.'
),
(
  'retry.base', 'interval', '1 second', '1 millisecond', '1 hour', null, null,
  'Upper bound of the first delay; each further one doubles.'
),
('retry.cap', 'interval', '16 seconds', '1 millisecond', '1 day', null, null, 'Upper bound of any delay.'),
(
  'retry.jitter', 'text', 'equal', null, null, '{none,full,equal}', null,
  'none: the bound itself; full: 0 to the bound; equal: half of it to all of it.'
),
(
  'retry.after_cap', 'interval', '6 hours', '0 seconds', '7 days', null, null,
  'The longest Retry-After that is obeyed; longer ones count as this.'
),
(
  'retry.slow_interval', 'interval', '15 minutes', '1 second', '1 day', null, null,
  'How long a parked error waits for its next retry.'
),
(
  'retry.max_age', 'interval', '24 hours', '0 seconds', '90 days', null, null,
  'From which age on an open error is not retried any more.'
),
(
  'retry.budget_ratio', 'number', '0.10', '0', '1', null, 'retries a run',
  'Fast retries a source is granted for each run within the budget window.'
),
(
  'retry.budget_floor', 'integer', '10', '0', '1000000', null, 'retries',
  'Fast retries a source is granted on top of that.'
),
(
  'retry.budget_window', 'interval', '5 minutes', '1 minute', '50 minutes', null, null,
  'Over what time the retry budget counts; whole minutes.'
),
(
  'circuit.window', 'interval', '5 minutes', '1 minute', '50 minutes', null, null,
  'Over what time the circuit breaker counts runs and failures; whole minutes.'
),
(
  'circuit.minimum_runs', 'integer', '5', '1', '1000000', null, 'runs',
  'Fewer runs within the window never open the circuit.'
),
(
  'circuit.failure_ratio', 'number', '0.5', '0.01', '1', null, 'failures a run',
  'From which share of failures on the circuit opens.'
),
(
  'circuit.cooldown', 'interval', '30 seconds', '1 second', '1 day', null, null,
  'How long a circuit that opens stays so; doubles with each failed probe.'
),
(
  'circuit.cooldown_cap', 'interval', '15 minutes', '1 second', '1 day', null, null,
  'The longest that doubling makes it.'
),
(
  'circuit.probe_timeout', 'interval', '5 minutes', '1 second', '1 day', null, null,
  'A probe that has not come back by then is given up and another one let through.'
);

insert into syncwell.maintenance_tasks (task, domain, routine, description) values
('reap_runs', 'runs', '_reap_runs_task', 'Ends runs that are silent or take too long as timeout.'),
('expire_run_keys', 'runs', '_expire_run_keys_task', 'Deletes run keys past setting runs.run_key_retention.'),
('expire_sync_errors', 'runs', '_expire_sync_errors_task', 'Deletes resolved errors past setting runs.retention.'),
(
  'expire_source_attempts', 'runs', '_expire_source_attempts_task',
  'Deletes the counts by minute that are older than an hour.'
);

insert into syncwell.personal_data (table_name, user_column, on_erase, description) values
('sync_events', 'user_id', 'delete', 'When the user''s streams ran, on which device and network, and how it ended.'),
('sync_run_keys', 'user_id', 'delete', 'The names of the user''s runs.'),
('sync_state', 'user_id', 'delete', 'What the user''s streams are at.'),
('sync_errors', 'user_id', 'delete', 'What went wrong with the user''s streams.');

insert into syncwell.partitioned_tables (table_name, key_column, key_kind, months_ahead, retention_setting) values
('sync_events', 'id', 'uuid7', 3, 'runs.retention');
--! end

--! include runs/partitions.sql
select
  table_name,
  partition_name,
  moved_rows
from syncwell.ensure_partitions('sync_events');
--! end

--! include progress/tables.sql
-- progress: where every running sync stands.

create table syncwell.sync_progress (
  org_id uuid not null default syncwell.current_org_id(),
  id uuid not null default gen_random_uuid(),
  sync_id text not null,
  job_id text,
  entity_type syncwell.sync_entity_type,
  current_item bigint,
  total_items bigint,
  processed_count bigint not null default 0,
  failed_count bigint not null default 0,
  speed_items_per_min numeric,
  eta_seconds numeric,
  elapsed_seconds numeric not null,
  started_at timestamptz not null,
  updated_at timestamptz not null,
  completed_at timestamptz,
  source_system text,
  batch_number integer,
  metadata jsonb,
  initiated_by uuid default syncwell.current_user_id(),
  status syncwell.sync_status_type not null,
  paused_at timestamptz,
  paused_seconds numeric not null,
  last_progress_at timestamptz not null,
  stall_seconds double precision not null,
  ew_n double precision not null,
  ew_t double precision not null,
  ew_gap double precision,
  ew_base double precision not null,
  primary key (org_id, id),
  -- No CHECK: it is parsed anew for every statement, and two of them cost a report as much as its whole trigger.
  -- No foreign key: every update would look at its triggers. The trigger of the table checks all of it.
  constraint sync_progress_is_one_per_sync unique (org_id, sync_id)
)
-- room for a second version of each row on its page: reports stay heap-only
with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- No index names a column that a plain report changes.
create index sync_progress_active on syncwell.sync_progress (org_id, started_at)
where status in ('pending', 'in_progress', 'paused');
create index sync_progress_by_job on syncwell.sync_progress (org_id, job_id, started_at) where job_id is not null;
create index sync_progress_by_entity on syncwell.sync_progress (org_id, entity_type, started_at);
create index sync_progress_by_end on syncwell.sync_progress (org_id, completed_at) where completed_at is not null;
create index sync_progress_by_initiator on syncwell.sync_progress (org_id, initiated_by) where initiated_by is not null;

comment on table syncwell.sync_progress is
'One row a sync: what it has done of how much. Written with plain INSERT and UPDATE or report_sync_progress(); read '
'for a screen through sync_progress_live. Finished rows leave after setting progress.keep_finished.';
comment on column syncwell.sync_progress.org_id is 'The org; never moves.';
comment on column syncwell.sync_progress.id is
'The row''s id, the only thing about it that notifications carry; never moves.';
comment on column syncwell.sync_progress.sync_id is
'The sync''s own name, unique in the org, up to 200 characters; for a run of sync_events its id as text. Never moves.';
comment on column syncwell.sync_progress.job_id is 'The job it is part of, up to 200 characters; NULL: none.';
comment on column syncwell.sync_progress.entity_type is
'What is synced: a built-in type or one of setting progress.entity_types; NULL: not told.';
comment on column syncwell.sync_progress.current_item is 'Number of the item worked on now; NULL: not told.';
comment on column syncwell.sync_progress.total_items is
'Items there are to do; may grow, may shrink down to what is counted; NULL: not counted yet.';
comment on column syncwell.sync_progress.processed_count is
'Items done well; goes back only with status pending (a reset).';
comment on column syncwell.sync_progress.failed_count is
'Items done that failed; goes back only with status pending (a reset).';
comment on column syncwell.sync_progress.speed_items_per_min is
'processed_count / elapsed_seconds * 60 at the last write; NULL in the first instant.';
comment on column syncwell.sync_progress.eta_seconds is
'(total - processed - failed) / speed * 60 at the last write, in seconds; NULL while it can''t be known and when '
'the sync ended undone. What holds now: sync_progress_live.eta_now.';
comment on column syncwell.sync_progress.elapsed_seconds is
'Seconds since the start, or since the last reset, without pauses, at the last write or the end.';
comment on column syncwell.sync_progress.started_at is
'When the sync started: now where the insert does not say; never moves.';
comment on column syncwell.sync_progress.updated_at is 'When the row was last written.';
comment on column syncwell.sync_progress.completed_at is 'When it ended, however it ended; NULL: it has not.';
comment on column syncwell.sync_progress.source_system is
'The system it is synced from, up to 200 characters; settings can be set for it as a source.';
comment on column syncwell.sync_progress.batch_number is 'Number of the batch worked on now; NULL: not told.';
comment on column syncwell.sync_progress.metadata is 'Anything the org wants to keep with it, up to 64 KiB.';
comment on column syncwell.sync_progress.initiated_by is
'The user who started it; NULL: a service did, or the user is gone.';
comment on column syncwell.sync_progress.status is
'pending, in_progress, paused; ended: completed, completed_with_errors, failed, cancelled, timeout.';
comment on column syncwell.sync_progress.paused_at is 'Internal: since when it is paused; NULL: it is not.';
comment on column syncwell.sync_progress.paused_seconds is
'Internal: seconds since started_at that don''t count: pauses, and all before the last reset.';
comment on column syncwell.sync_progress.last_progress_at is
'Internal: when a count last rose, to the second; shifted by pauses.';
comment on column syncwell.sync_progress.stall_seconds is
'Internal: setting progress.stall_timeout as it was at the last change of status.';
comment on column syncwell.sync_progress.ew_n is
'Internal: items counted, decayed; ew_n / ew_t is the recent rate a second.';
comment on column syncwell.sync_progress.ew_t is 'Internal: seconds, decayed like ew_n.';
comment on column syncwell.sync_progress.ew_gap is
'Internal: decayed mean of the seconds between two reports that counted something.';
comment on column syncwell.sync_progress.ew_base is 'Internal: what was counted when ew_n was last brought forward.';
--! end

--! include progress/functions/_announce_sync_progress.sql
create or replace function syncwell._announce_sync_progress(
  p_org_id uuid,
  p_id uuid,
  p_source text
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if syncwell._setting(p_org_id, 'progress.notify', p_source)::boolean then
    -- any role can listen: ids and nothing else
    perform pg_notify('syncwell_progress', json_build_object('org_id', p_org_id, 'id', p_id)::text);
  end if;
end
$$;
comment on function syncwell._announce_sync_progress(uuid, uuid, text) is
'Tells channel syncwell_progress that a sync began, changed its status or ended, unless setting progress.notify is '
'off: '
'{"org_id": …, "id": …}.';
revoke all on function syncwell._announce_sync_progress(uuid, uuid, text) from public;
--! end

--! include progress/functions/_check_sync_labels.sql
create or replace function syncwell._check_sync_labels(
  p_new syncwell.sync_progress,
  p_old syncwell.sync_progress
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  c_built_in constant text[] := array[
    'customer', 'product', 'order', 'invoice', 'supplier', 'inventory', 'category', 'attribute'
  ];
begin
  perform syncwell._check_text('source_system', p_new.source_system, 200);
  perform syncwell._check_text('job_id', p_new.job_id, 200);
  if octet_length(p_new.metadata::text) > 65536 then
    raise exception using
      errcode = '22001',
      message = 'metadata is too long',
      detail = format('It has %s bytes; at most 65536 are kept.', octet_length(p_new.metadata::text)),
      hint = 'Keep large documents elsewhere and refer to them.';
  end if;
  if p_new.entity_type is distinct from p_old.entity_type
    and p_new.entity_type <> all(c_built_in)
    and p_new.entity_type <> all(
      string_to_array(
        regexp_replace(
          syncwell._setting(p_new.org_id, 'progress.entity_types', p_new.source_system), '[[:space:]]', '', 'g'
        ),
        ','
      )
    )
  then
    raise exception using
      errcode = 'SW205',
      message = 'unknown entity type',
      detail = format('%L is neither built in nor listed in setting progress.entity_types.', p_new.entity_type),
      hint = format('Built in are: %s.', array_to_string(c_built_in, ', '));
  end if;
end
$$;
comment on function syncwell._check_sync_labels(syncwell.sync_progress, syncwell.sync_progress) is
'Checks what a progress row is about: lengths, and an entity type that is new to it. p_old is NULL for a new row. '
'Errors: 22001, SW205.';
revoke all on function syncwell._check_sync_labels(syncwell.sync_progress, syncwell.sync_progress) from public;
--! end

--! include progress/functions/_count_sync_progress.sql
create or replace function syncwell._count_sync_progress()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_plain boolean;
  v_counted double precision;
  v_gap double precision;
  v_half_life double precision;
  v_keep double precision;
begin
  -- Every expression here is set up anew for every report, so there are few.
  v_plain := old.status = 'in_progress' and new.status = 'in_progress'
    and new.processed_count >= old.processed_count and new.failed_count >= old.failed_count
    and (new.processed_count < new.total_items - new.failed_count) is not false
    and (new.current_item >= 0 and new.current_item <= new.total_items) is not false
    and (new.batch_number < 0) is not true;

  if v_plain is not true then
    new := syncwell._settle_sync_progress(new, old, v_now);
    if new.completed_at is not null and old.completed_at is not null then
      -- it had ended before: what was reported again changes nothing
      new.speed_items_per_min := old.speed_items_per_min;
      new.eta_seconds := old.eta_seconds;
      new.elapsed_seconds := old.elapsed_seconds;
      new.updated_at := old.updated_at;
      if new is distinct from old then
        new.updated_at := v_now;
      end if;
      return new;
    end if;
  end if;

  -- while it is paused, and once it has ended, its time stands still
  new.elapsed_seconds := greatest(
    0, extract(epoch from coalesce(new.completed_at, new.paused_at, v_now) - new.started_at) - new.paused_seconds
  );

  -- reports that come faster than one a second are counted together
  if v_now >= new.last_progress_at + interval '1 second' then
    v_counted := new.processed_count::double precision + new.failed_count - new.ew_base;
    v_gap := date_part('epoch', coalesce(new.paused_at, v_now) - new.last_progress_at);
    if v_counted > 0 and v_gap > 0 then
      -- one long silence counts only so much
      v_gap := least(v_gap, greatest(60, 5 * coalesce(new.ew_gap, v_gap)));
      v_half_life := least(greatest(0.25 * new.elapsed_seconds::double precision, 60), 900);
      -- bounded, because power() raises an error where it underflows
      v_keep := power(0.5::double precision, least(v_gap / v_half_life, 64));
      new.ew_n := new.ew_n * v_keep + v_counted * (1 - v_keep) * v_half_life / (v_gap * 0.6931471805599453);
      new.ew_t := new.ew_t * v_keep + (1 - v_keep) * v_half_life / 0.6931471805599453;
      new.ew_gap := 0.2 * v_gap + 0.8 * coalesce(new.ew_gap, v_gap);
      new.ew_base := new.processed_count::double precision + new.failed_count;
      new.last_progress_at := coalesce(new.paused_at, v_now);
    end if;
  end if;

  new.updated_at := v_now;
  new.speed_items_per_min := round(new.processed_count / nullif(new.elapsed_seconds, 0) * 60, 3);
  new.eta_seconds := round(
    (new.total_items - new.processed_count - new.failed_count) * nullif(new.elapsed_seconds, 0)
    / nullif(new.processed_count, 0), 3
  );
  if v_plain is not true then
    if new.status in ('completed', 'completed_with_errors') then
      new.eta_seconds := 0;
    elsif new.completed_at is not null then
      new.eta_seconds := null;
    elsif new.processed_count = new.total_items - new.failed_count then
      new.eta_seconds := 0;
    end if;
  end if;
  return new;
end
$$;
comment on function syncwell._count_sync_progress() is
'Trigger, hot path: elapsed = now - started - pauses, speed = processed / elapsed * 60, eta = (total - processed - '
'failed) / speed * 60, '
'and the decayed counters of sync_progress_live (half-life a quarter of elapsed, 1 to 15 minutes). Whatever is no '
'plain report of a running '
'sync goes through _settle_sync_progress() first. Definer, because that reads settings. '
'Errors: 22001, 22023, 42501, SW002, SW003, SW202, SW203, SW204, SW205.';
revoke all on function syncwell._count_sync_progress() from public;
--! end

--! include progress/functions/_end_sync_progress_of_run.sql
create or replace function syncwell._end_sync_progress_of_run()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update syncwell.sync_progress as p
  set
    status = case new.status
      when 'success' then 'completed'
      when 'partial' then 'completed_with_errors'
      else new.status
    end
  where p.org_id = new.org_id and p.sync_id = new.id::text and p.completed_at is null;
  return null;
end
$$;
comment on function syncwell._end_sync_progress_of_run() is
'Trigger on sync_events: the progress row named after the run ends as the run did (success: completed; partial: '
'completed_with_errors; '
'failed, cancelled, timeout likewise). Definer, because whoever ends a run need not be allowed to write progress.';
revoke all on function syncwell._end_sync_progress_of_run() from public;
--! end

--! include progress/functions/_expire_progress_task.sql
create or replace function syncwell._expire_progress_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_deleted bigint;
begin
  with bound as materialized (
    select
      o.org_id,
      v_now - syncwell._setting(o.org_id, 'progress.keep_finished')::interval as before
    from syncwell.orgs as o
  ),
  old as (
    select p.org_id, p.id
    from bound as b
    inner join syncwell.sync_progress as p on p.org_id = b.org_id and p.completed_at < b.before
    limit 50000
    for update of p skip locked
  )
  delete from syncwell.sync_progress as p
  using old as o
  where p.org_id = o.org_id and p.id = o.id;
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$$;
comment on function syncwell._expire_progress_task() is
'Maintenance duty: deletes syncs that ended longer ago than setting progress.keep_finished of their org, at most '
'50000 a call; how many.';
revoke all on function syncwell._expire_progress_task() from public;
--! end

--! include progress/functions/_label_sync_progress.sql
create or replace function syncwell._label_sync_progress()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  new.org_id := old.org_id;
  new.id := old.id;
  new.sync_id := old.sync_id;
  new.started_at := old.started_at;
  new.completed_at := old.completed_at;
  perform syncwell._check_sync_labels(new, old);
  if new.source_system is distinct from old.source_system then
    new.stall_seconds := syncwell._stall_seconds(new.org_id, new.source_system);
  end if;
  return new;
end
$$;
comment on function syncwell._label_sync_progress() is
'Trigger, only where one of these columns is set: what a progress row is about is checked, what never moves stays. '
'Definer, because it reads settings. Errors: 22001, SW205.';
revoke all on function syncwell._label_sync_progress() from public;
--! end

--! include progress/functions/_notify_sync_progress.sql
create or replace function syncwell._notify_sync_progress()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._announce_sync_progress(new.org_id, new.id, new.source_system);
  return null;
end
$$;
comment on function syncwell._notify_sync_progress() is
'Trigger: a sync began. After the insert, because a row that ON CONFLICT turns away must not be told of. '
'Definer, because it reads a setting.';
revoke all on function syncwell._notify_sync_progress() from public;
--! end

--! include progress/functions/_reap_progress_task.sql
create or replace function syncwell._reap_progress_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (select count(*) from syncwell._reap_sync_progress(null, 10000));
end
$$;
comment on function syncwell._reap_progress_task() is
'Maintenance duty: ends syncs of all orgs that ran too long, at most 10000 a call; how many.';
revoke all on function syncwell._reap_progress_task() from public;
--! end

--! include progress/functions/_reap_sync_progress.sql
create or replace function syncwell._reap_sync_progress(
  p_org_id uuid,
  p_limit integer
)
returns table (
  org_id uuid,
  id uuid,
  sync_id text,
  source_system text,
  started_at timestamptz,
  elapsed_seconds numeric
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
begin
  return query
  with place as materialized (
    select distinct p.org_id, p.source_system
    from syncwell.sync_progress as p
    where p.status in ('pending', 'in_progress') and (p_org_id is null or p.org_id = p_org_id)
  ),
  bound as materialized (
    select
      l.org_id,
      l.source_system,
      extract(epoch from syncwell._setting(l.org_id, 'progress.max_duration', l.source_system)::interval) as seconds
    from place as l
  ),
  due as (
    select p.org_id, p.id
    from syncwell.sync_progress as p
    inner join bound as b on b.org_id = p.org_id and b.source_system is not distinct from p.source_system
    where p.status in ('pending', 'in_progress')
      and extract(epoch from v_now - p.started_at) - p.paused_seconds > b.seconds
    order by p.started_at, p.id
    limit p_limit
    for no key update of p skip locked
  )
  update syncwell.sync_progress as p
  set status = 'timeout'
  from due as d
  where p.org_id = d.org_id and p.id = d.id
  returning p.org_id, p.id, p.sync_id, p.source_system, p.started_at, p.elapsed_seconds;
end
$$;
comment on function syncwell._reap_sync_progress(uuid, integer) is
'Ends the syncs of an org, or of all (NULL), that ran longer than setting progress.max_duration, oldest first, at '
'most p_limit.';
revoke all on function syncwell._reap_sync_progress(uuid, integer) from public;
--! end

--! include progress/functions/_set_sync_status.sql
create or replace function syncwell._set_sync_status(
  p_org_id uuid,
  p_sync_id text,
  p_from text[],
  p_to text
)
returns boolean
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_status text;
  v_completed_at timestamptz;
begin
  if p_sync_id is null then
    raise exception using
      errcode = '22004',
      message = 'a sync_id is needed',
      detail = 'p_sync_id is NULL.',
      hint = 'select sync_id, status from syncwell.sync_progress lists the syncs of your org.';
  end if;
  select p.status, p.completed_at into v_status, v_completed_at
  from syncwell.sync_progress as p
  where p.org_id = p_org_id and p.sync_id = p_sync_id
  for no key update;
  if not found then
    raise exception using
      errcode = 'SW201',
      message = 'no such sync',
      detail = 'There is no progress of this sync_id in your org.',
      hint = 'select sync_id, status from syncwell.sync_progress lists the syncs of your org.';
  end if;
  if v_status = any(p_from) then
    update syncwell.sync_progress as p set status = p_to where p.org_id = p_org_id and p.sync_id = p_sync_id;
    return true;
  end if;
  if v_completed_at is not null and v_status <> p_to then
    raise exception using
      errcode = 'SW204',
      message = 'the sync has ended',
      detail = format('It ended as %s at %s.', v_status, v_completed_at),
      hint = 'Report it with status pending to start it over, or use a new sync_id.';
  end if;
  return false;
end
$$;
comment on function syncwell._set_sync_status(uuid, text, text[], text) is
'Moves a sync from one of the statuses p_from to p_to; false where it is as wanted. Errors: 22004, SW201, SW204.';
revoke all on function syncwell._set_sync_status(uuid, text, text[], text) from public;
--! end

--! include progress/functions/_settle_sync_progress.sql
create or replace function syncwell._settle_sync_progress(
  p_new syncwell.sync_progress,
  p_old syncwell.sync_progress,
  p_now timestamptz
)
returns syncwell.sync_progress
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_is_new constant boolean := p_old.id is null;
  v_moved boolean;
begin
  if v_is_new then
    -- policies are asked only after this trigger: until then nothing of another org may be looked at
    if p_new.org_id is distinct from syncwell.current_org_id() then
      if not pg_has_role(session_user, 'syncwell_owner', 'member') then
        raise exception using
          errcode = '42501',
          message = 'progress is written for one''s own org only',
          detail = 'org_id is not the caller''s org.',
          hint = 'Leave org_id out: it is the caller''s.';
      end if;
      if not exists (select from syncwell.orgs as o where o.org_id = p_new.org_id) then
        raise exception using
          errcode = 'SW003',
          message = 'unknown org',
          detail = 'There is no org of this id.',
          hint = 'select org_id, name from syncwell.orgs lists them.';
      end if;
    end if;
    p_new.started_at := coalesce(p_new.started_at, p_now);
    p_new.processed_count := coalesce(p_new.processed_count, 0);
    p_new.failed_count := coalesce(p_new.failed_count, 0);
    p_new.status := coalesce(
      p_new.status, case when p_new.total_items is null then 'pending' else 'in_progress' end
    );
    p_new.completed_at := null;
    p_new.paused_at := null;
    p_new.paused_seconds := 0;
    p_new.last_progress_at := p_now;
    p_new.ew_n := 0;
    p_new.ew_t := 0;
    p_new.ew_gap := null;
    p_new.ew_base := p_new.processed_count::double precision + p_new.failed_count;
  else
    p_new.status := coalesce(p_new.status, p_old.status);
    p_new.processed_count := coalesce(p_new.processed_count, p_old.processed_count);
    p_new.failed_count := coalesce(p_new.failed_count, p_old.failed_count);
  end if;
  if p_new.status = 'completed' and p_new.failed_count > 0 then
    p_new.status := 'completed_with_errors';
  end if;
  v_moved := v_is_new or p_new.status <> p_old.status;

  -- what has ended stays as it is, until it is reset
  if p_old.completed_at is not null and p_new.status <> 'pending' then
    if v_moved or p_new.processed_count <> p_old.processed_count or p_new.failed_count <> p_old.failed_count
      or p_new.total_items is distinct from p_old.total_items
      or p_new.current_item is distinct from p_old.current_item
    then
      raise exception using
        errcode = 'SW204',
        message = 'the sync has ended',
        detail = format('It ended as %s at %s; its counts and status stay.', p_old.status, p_old.completed_at),
        hint = 'Set status pending to start it over, or use a new sync_id.';
    end if;
  end if;

  if p_new.processed_count < 0 or p_new.failed_count < 0 or p_new.total_items < 0 or p_new.current_item < 0
    or p_new.batch_number < 0
  then
    raise exception using
      errcode = '22023',
      message = 'progress can''t be negative',
      detail = format(
        'processed_count %s, failed_count %s, total_items %s, current_item %s, batch_number %s.',
        p_new.processed_count, p_new.failed_count, coalesce(p_new.total_items::text, 'not known'),
        coalesce(p_new.current_item::text, 'not told'), coalesce(p_new.batch_number::text, 'not told')
      ),
      hint = 'Counts start at 0; a total that is not known yet is NULL.';
  end if;
  if p_new.processed_count > p_new.total_items - p_new.failed_count or p_new.current_item > p_new.total_items then
    raise exception using
      errcode = 'SW202',
      message = 'more progress than there are items',
      detail = format(
        'processed_count %s, failed_count %s, current_item %s of total_items %s.',
        p_new.processed_count, p_new.failed_count, coalesce(p_new.current_item::text, 'not told'), p_new.total_items
      ),
      hint = 'Raise total_items in the same report, or set it NULL while it is not known.';
  end if;
  if p_new.status <> 'pending'
    and (p_new.processed_count < p_old.processed_count or p_new.failed_count < p_old.failed_count)
  then
    raise exception using
      errcode = 'SW203',
      message = 'progress went back',
      detail = format(
        'processed_count %s after %s, failed_count %s after %s.',
        p_new.processed_count, p_old.processed_count, p_new.failed_count, p_old.failed_count
      ),
      hint = 'An old report came late: drop it. To start over, set status pending in the same update.';
  end if;

  if v_is_new then
    perform syncwell._check_text('sync_id', p_new.sync_id, 200);
    if p_new.sync_id is null then
      raise exception using
        errcode = '22004',
        message = 'a sync_id is needed',
        detail = 'The sync_id is NULL.',
        hint = 'Name the sync by something unique in the org, e.g. the id of its run.';
    end if;
    if p_new.sync_id = '' then
      raise exception using
        errcode = '22023',
        message = 'a sync_id is needed',
        detail = 'The sync_id is empty.',
        hint = 'Name the sync by something unique in the org, e.g. the id of its run.';
    end if;
    if p_new.started_at = '-infinity' then
      raise exception using
        errcode = '22023',
        message = 'started_at is not a point in time',
        detail = 'It is -infinity.',
        hint = 'Leave started_at out: it is now.';
    end if;
    -- one clock: a start that a client's clock puts into the future is now
    p_new.started_at := least(p_new.started_at, p_now);
    if p_new.initiated_by is not null and not exists (
      select from syncwell.users as u
      where u.org_id = p_new.org_id
        and u.user_id = p_new.initiated_by
        -- a member or analyst names nobody but itself
        and u.user_id = coalesce(syncwell._claim_user(), u.user_id)
    ) then
      raise exception using
        errcode = 'SW002',
        message = 'no such user',
        detail = 'initiated_by is no user for whom this caller may record.',
        hint = 'Leave initiated_by out: it is the calling user.';
    end if;
    -- a row that came after the end of its run would stay open for ever
    if p_new.sync_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
      perform from syncwell.sync_events as e
      where e.org_id = p_new.org_id and e.id = p_new.sync_id::uuid and e.status <> 'started';
      if found then
        raise exception using
          errcode = 'SW204',
          message = 'the sync has ended',
          detail = 'Its run has ended before the first report.',
          hint = 'Report before the run is completed, or use a sync_id of its own.';
      end if;
    end if;
    perform syncwell._check_sync_labels(p_new, p_old);
  end if;

  if p_new.completed_at is not null and not v_moved then
    return p_new;
  end if;

  if v_moved and p_old.paused_at is not null then
    -- the pause is over: meanwhile the clocks of the sync stood still
    p_new.paused_at := null;
    p_new.paused_seconds := p_old.paused_seconds + greatest(0, extract(epoch from p_now - p_old.paused_at));
    p_new.last_progress_at := p_old.last_progress_at + greatest(p_now - p_old.paused_at, interval '0');
  end if;
  if v_moved and p_new.status = 'pending' and not v_is_new then
    -- a reset: it starts over, though started_at stays
    p_new.completed_at := null;
    p_new.paused_seconds := greatest(0, extract(epoch from p_now - p_new.started_at));
    p_new.last_progress_at := p_now;
    p_new.ew_n := 0;
    p_new.ew_t := 0;
    p_new.ew_gap := null;
    p_new.ew_base := p_new.processed_count::double precision + p_new.failed_count;
  elsif p_new.status = 'pending'
    and (
      p_new.processed_count > coalesce(p_old.processed_count, 0) or p_new.failed_count > coalesce(p_old.failed_count, 0)
    )
  then
    p_new.status := 'in_progress';
  elsif p_new.status = 'pending' then
    -- before it has begun its counts may be set right in both directions
    p_new.ew_base := p_new.processed_count::double precision + p_new.failed_count;
  end if;
  if p_new.status = 'in_progress' and p_new.processed_count = p_new.total_items - p_new.failed_count then
    p_new.status := case when p_new.failed_count = 0 then 'completed' else 'completed_with_errors' end;
  end if;

  if p_new.status is distinct from p_old.status then
    if p_new.status = 'paused' then
      p_new.paused_at := p_now;
    elsif p_new.status not in ('pending', 'in_progress') then
      p_new.completed_at := p_now;
    end if;
    p_new.stall_seconds := syncwell._stall_seconds(p_new.org_id, p_new.source_system);
    if not v_is_new then
      perform syncwell._announce_sync_progress(p_new.org_id, p_new.id, p_new.source_system);
    end if;
  end if;
  return p_new;
end
$$;
comment on function syncwell._settle_sync_progress(
  syncwell.sync_progress, syncwell.sync_progress, timestamptz
) is
'A progress row as it is to be written, all but the arithmetic: defaults, checks, and the life of its status. p_old '
'is NULL for a new row. '
'Errors: 22001, 22023, 42501, SW002, SW003, SW202, SW203, SW204, SW205.';
revoke all on function syncwell._settle_sync_progress(
  syncwell.sync_progress, syncwell.sync_progress, timestamptz
) from public;
--! end

--! include progress/functions/_stall_seconds.sql
create or replace function syncwell._stall_seconds(
  p_org_id uuid,
  p_source text
)
returns double precision
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return extract(epoch from syncwell._setting(p_org_id, 'progress.stall_timeout', p_source)::interval);
end
$$;
comment on function syncwell._stall_seconds(uuid, text) is 'Setting progress.stall_timeout in seconds.';
revoke all on function syncwell._stall_seconds(uuid, text) from public;
--! end

--! include progress/functions/cancel_sync.sql
create or replace function syncwell.cancel_sync(p_sync_id text)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return syncwell._set_sync_status(
    (syncwell._caller()).org_id, p_sync_id, array['pending', 'in_progress', 'paused'], 'cancelled'
  );
end
$$;
comment on function syncwell.cancel_sync(text) is
'Ends the sync p_sync_id of the caller''s org as cancelled. It tells nobody to stop working: the next report of the '
'worker is refused with SW204. '
'Returns whether anything changed; false: it is cancelled already. Errors: 22004, SW001, SW201 unknown, SW204 ended '
'otherwise.';
revoke all on function syncwell.cancel_sync(text) from public;
grant execute on function syncwell.cancel_sync(text) to syncwell_worker;
--! end

--! include progress/functions/find_stuck_syncs.sql
create or replace function syncwell.find_stuck_syncs(p_silent_for interval default '1 hour')
returns table (
  id uuid,
  sync_id text,
  job_id text,
  entity_type text,
  source_system text,
  initiated_by uuid,
  processed_count bigint,
  failed_count bigint,
  total_items bigint,
  percent numeric,
  started_at timestamptz,
  updated_at timestamptz,
  silent_seconds numeric
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_silent_for is null then
    raise exception using
      errcode = '22004',
      message = 'a duration is needed',
      detail = 'p_silent_for is NULL.',
      hint = 'Leave it out for one hour.';
  end if;
  if p_silent_for < interval '0' then
    raise exception using
      errcode = '22023',
      message = 'the duration is negative',
      detail = format('p_silent_for is %s.', p_silent_for),
      hint = 'Pass how long a sync must have been silent, e.g. 30 minutes.';
  end if;
  return query
  select
    p.id,
    p.sync_id,
    p.job_id,
    p.entity_type::text,
    p.source_system,
    p.initiated_by,
    p.processed_count,
    p.failed_count,
    p.total_items,
    p.percent,
    p.started_at,
    p.updated_at,
    p.silent_seconds
  from syncwell.sync_progress_live as p
  where p.org_id = (select syncwell.current_org_id())
    and p.status = 'in_progress'
    and p.silent_seconds >= extract(epoch from p_silent_for)
  order by p.silent_seconds desc, p.id;
end
$$;
comment on function syncwell.find_stuck_syncs(interval) is
'Syncs of the caller''s org that are in_progress and have counted nothing for p_silent_for (default one hour), '
'longest silence first. '
'Paused time is left out. silent_seconds: since something was last counted; percent: NULL while the total is not '
'known. '
'Errors: 22004, 22023 negative duration.';
revoke all on function syncwell.find_stuck_syncs(interval) from public;
grant execute on function syncwell.find_stuck_syncs(interval) to syncwell_client, syncwell_reader, syncwell_worker;
--! end

--! include progress/functions/pause_sync.sql
create or replace function syncwell.pause_sync(p_sync_id text)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return syncwell._set_sync_status(
    (syncwell._caller()).org_id, p_sync_id, array['pending', 'in_progress'], 'paused'
  );
end
$$;
comment on function syncwell.pause_sync(text) is
'Pauses the sync p_sync_id of the caller''s org: its time stands still until resume_sync(). Counts may still be '
'reported. '
'Returns whether anything changed; false: it is paused already. Errors: 22004, SW001, SW201 unknown, SW204 ended.';
revoke all on function syncwell.pause_sync(text) from public;
grant execute on function syncwell.pause_sync(text) to syncwell_worker;
--! end

--! include progress/functions/reap_sync_progress.sql
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
--! end

--! include progress/functions/report_sync_progress.sql
create or replace function syncwell.report_sync_progress(
  p_sync_id text,
  p_processed_count bigint default null,
  p_total_items bigint default null,
  p_failed_count bigint default null,
  p_current_item bigint default null,
  p_entity_type text default null,
  p_source_system text default null,
  p_job_id text default null,
  p_batch_number integer default null,
  p_metadata jsonb default null,
  p_status text default null,
  out id uuid,
  out status text,
  out speed_items_per_min numeric,
  out eta_seconds numeric,
  out elapsed_seconds numeric
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller record;
begin
  v_caller := syncwell._caller();
  if p_sync_id is null then
    raise exception using
      errcode = '22004',
      message = 'a sync_id is needed',
      detail = 'p_sync_id is NULL.',
      hint = 'Name the sync by something unique in the org, e.g. the id of its run.';
  end if;
  perform syncwell._check_text('entity_type', p_entity_type, 63);
  if p_entity_type = '' then
    raise exception using
      errcode = 'SW205',
      message = 'unknown entity type',
      detail = 'The entity type is empty.',
      hint = 'Leave it out where there is none.';
  end if;
  if p_status not in (
    'pending', 'in_progress', 'paused', 'completed', 'completed_with_errors', 'failed', 'cancelled', 'timeout'
  ) then
    raise exception using
      errcode = '22023',
      message = 'unknown status',
      detail = format('%L is no status of a sync.', left(p_status, 100)),
      hint = 'Use pending, in_progress, paused, completed, completed_with_errors, failed, cancelled or timeout.';
  end if;

  if num_nonnulls(p_entity_type, p_source_system, p_job_id, p_metadata) > 0 then
    -- a statement of its own: naming these columns makes every report look at them
    update syncwell.sync_progress as p
    set
      entity_type = coalesce(p_entity_type, p.entity_type),
      source_system = coalesce(p_source_system, p.source_system),
      job_id = coalesce(p_job_id, p.job_id),
      metadata = coalesce(p_metadata, p.metadata)
    where p.org_id = v_caller.org_id
      and p.sync_id = p_sync_id
      and (
        p.entity_type is distinct from coalesce(p_entity_type, p.entity_type)
        or p.source_system is distinct from coalesce(p_source_system, p.source_system)
        or p.job_id is distinct from coalesce(p_job_id, p.job_id)
        or p.metadata is distinct from coalesce(p_metadata, p.metadata)
      );
  end if;

  update syncwell.sync_progress as p
  set
    processed_count = coalesce(p_processed_count, p.processed_count),
    total_items = coalesce(p_total_items, p.total_items),
    failed_count = coalesce(p_failed_count, p.failed_count),
    current_item = coalesce(p_current_item, p.current_item),
    batch_number = coalesce(p_batch_number, p.batch_number),
    -- the report that ended the sync, sent again: it said in_progress, its counts say completed
    status = case
      when p_status = 'in_progress' and p_processed_count is not null
        and p.status in ('completed', 'completed_with_errors') then p.status
      else coalesce(p_status, p.status)
    end
  where p.org_id = v_caller.org_id and p.sync_id = p_sync_id
  returning p.id, p.status, p.speed_items_per_min, p.eta_seconds, p.elapsed_seconds
  into id, status, speed_items_per_min, eta_seconds, elapsed_seconds;
  if found then
    return;
  end if;

  -- the first report; where two come at once the later one counts as an update
  insert into syncwell.sync_progress as p (
    org_id, sync_id, processed_count, total_items, failed_count, current_item, entity_type, source_system, job_id,
    batch_number, metadata, initiated_by, status
  )
  values (
    v_caller.org_id, p_sync_id, p_processed_count, p_total_items, p_failed_count, p_current_item, p_entity_type,
    p_source_system, p_job_id, p_batch_number, p_metadata, v_caller.user_id, p_status
  )
  on conflict (org_id, sync_id) do update
  set
    processed_count = coalesce(p_processed_count, p.processed_count),
    total_items = coalesce(p_total_items, p.total_items),
    failed_count = coalesce(p_failed_count, p.failed_count),
    current_item = coalesce(p_current_item, p.current_item),
    entity_type = coalesce(p_entity_type, p.entity_type),
    source_system = coalesce(p_source_system, p.source_system),
    job_id = coalesce(p_job_id, p.job_id),
    batch_number = coalesce(p_batch_number, p.batch_number),
    metadata = coalesce(p_metadata, p.metadata),
    status = case
      when p_status = 'in_progress' and p_processed_count is not null
        and p.status in ('completed', 'completed_with_errors') then p.status
      else coalesce(p_status, p.status)
    end
  returning p.id, p.status, p.speed_items_per_min, p.eta_seconds, p.elapsed_seconds
  into id, status, speed_items_per_min, eta_seconds, elapsed_seconds;
end
$$;
comment on function syncwell.report_sync_progress(
  text, bigint, bigint, bigint, bigint, text, text, text, integer, jsonb, text
) is
'Reports where a sync of the caller''s org stands; the first report makes the row. p_sync_id: its name in the org, '
'up to 200 characters. '
'p_processed_count, p_failed_count: items so far, not since the last report; p_total_items: items there are; '
'p_current_item, p_batch_number: '
'what is worked on; p_entity_type, p_source_system, p_job_id, p_metadata (64 KiB): what it is; p_status: set it, '
'pending starts over. '
'NULL (the default of all but p_sync_id) leaves as it is. Returns id, status, items a minute, seconds left (NULL: '
'not known), seconds elapsed, '
'by the plain formulas of the table. The same report again changes nothing. '
'Errors: 22001, 22004, 22023, SW001, SW202 beyond the total, SW203 went back, SW204 ended, SW205 entity type.';
revoke all on function syncwell.report_sync_progress(
  text, bigint, bigint, bigint, bigint, text, text, text, integer, jsonb, text
) from public;
grant execute on function syncwell.report_sync_progress(
  text, bigint, bigint, bigint, bigint, text, text, text, integer, jsonb, text
) to syncwell_worker;
--! end

--! include progress/functions/resume_sync.sql
create or replace function syncwell.resume_sync(p_sync_id text)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return syncwell._set_sync_status(
    (syncwell._caller()).org_id, p_sync_id, array['paused'], 'in_progress'
  );
end
$$;
comment on function syncwell.resume_sync(text) is
'Resumes the paused sync p_sync_id of the caller''s org; the pause does not count into elapsed, speed and eta. '
'Returns whether anything changed; false: it is not paused. Errors: 22004, SW001, SW201 unknown, SW204 ended.';
revoke all on function syncwell.resume_sync(text) from public;
grant execute on function syncwell.resume_sync(text) to syncwell_worker;
--! end

--! include progress/views.sql
create view syncwell.sync_progress_live with (security_invoker = true) as
select
  p.org_id,
  p.id,
  p.sync_id,
  p.job_id,
  p.entity_type,
  p.current_item,
  p.total_items,
  p.processed_count,
  p.failed_count,
  p.speed_items_per_min,
  p.eta_seconds,
  p.elapsed_seconds,
  p.started_at,
  p.updated_at,
  p.completed_at,
  p.source_system,
  p.batch_number,
  p.metadata,
  p.initiated_by,
  p.status,
  p.paused_at,
  p.paused_seconds,
  p.last_progress_at,
  p.stall_seconds,
  p.ew_n,
  p.ew_t,
  p.ew_gap,
  p.ew_base,
  case
    when p.completed_at is not null or p.paused_at is not null then p.elapsed_seconds
    else round(greatest(0, extract(epoch from p.at - p.started_at) - p.paused_seconds), 3)
  end as elapsed_now,
  case
    when p.status = 'paused' or p.stalled then 0
    when p.status = 'in_progress' then round((p.rate * 60)::numeric, 3)
  end as speed_now,
  case
    when p.status in ('completed', 'completed_with_errors') then 0
    when p.status <> 'in_progress' then null
    when p.remaining = 0 then 0
    when p.stalled then null
    when p.remaining > 0 and p.counted > 0 and p.elapsed_seconds > 0
      then round(greatest(0, p.remaining / p.rate - least(p.silent, coalesce(p.ew_gap, 0)))::numeric, 3)
  end as eta_now,
  case
    when p.status = 'in_progress' and not p.stalled and p.remaining > 0 and p.counted > 0 and p.elapsed_seconds > 0
      then 'blend'
    else 'none'
  end as eta_basis,
  p.stalled,
  case when p.status in ('pending', 'in_progress') then round(p.silent::numeric, 3) end as silent_seconds,
  case
    when p.status in ('completed', 'completed_with_errors') then 100
    else round((p.share * 100)::numeric, 2)
  end as percent
from (
  select
    q.*,
    q.status = 'in_progress' and q.silent > greatest(60, 5 * coalesce(q.ew_gap, 0), q.stall_seconds) as stalled,
    -- the average so far is steady, the decayed rate follows; the nearer the end, the more the recent past counts
    case
      when q.elapsed_seconds = 0 then null
      when q.ew_t = 0 then q.counted / q.seconds
      when q.share is null then q.ew_n / q.ew_t
      else (1 - q.share) * q.counted / q.seconds + q.share * q.ew_n / q.ew_t
    end as rate
  from (
    select
      b.*,
      c.at,
      b.processed_count::double precision + b.failed_count as counted,
      (b.total_items - b.processed_count - b.failed_count)::double precision as remaining,
      case
        when b.total_items > 0 then (b.processed_count::double precision + b.failed_count) / b.total_items
        when b.total_items = 0 then 1
      end as share,
      b.elapsed_seconds::double precision as seconds,
      greatest(0, date_part('epoch', c.at - b.last_progress_at)) as silent
    from syncwell.sync_progress as b
    -- in FROM the clock is read once a statement, not once a row
    cross join syncwell._now() as c (at)
  ) as q
) as p;

comment on view syncwell.sync_progress_live is
'sync_progress with what holds now, computed when it is read: a stalled sync writes nothing, so what it stored '
'stays as it was. '
'Rate = (1 - share) * items / elapsed + share * decayed rate.';
comment on column syncwell.sync_progress_live.elapsed_now is
'Seconds it has been running, now or until it ended or was paused; pauses left out.';
comment on column syncwell.sync_progress_live.speed_now is
'Items handled (done well or failed) a minute, now; 0 when stalled or paused; NULL when not known or not running.';
comment on column syncwell.sync_progress_live.eta_now is
'Seconds that are left, counted down between two reports; 0 when nothing is left; NULL when not known: stalled, '
'paused, not begun, no total, ended undone.';
comment on column syncwell.sync_progress_live.eta_basis is
'blend: eta_now comes from average and recent rate; none: nothing to estimate.';
comment on column syncwell.sync_progress_live.stalled is
'Whether a running sync is silent longer than one minute, five times its usual gap, and setting '
'progress.stall_timeout.';
comment on column syncwell.sync_progress_live.silent_seconds is
'Seconds since something was last counted, pauses left out; NULL when paused or ended.';
comment on column syncwell.sync_progress_live.percent is
'Share of the items that is handled, in percent; NULL while the total is not known.';

-- the columns of the table are described once
do $$
declare
  v_column record;
begin
  for v_column in
    select a.attname, pg_catalog.col_description(a.attrelid, a.attnum) as description
    from pg_catalog.pg_attribute as a
    where a.attrelid = 'syncwell.sync_progress'::pg_catalog.regclass and a.attnum > 0 and not a.attisdropped
  loop
    execute pg_catalog.format(
      'comment on column syncwell.sync_progress_live.%I is %L', v_column.attname, v_column.description
    );
  end loop;
end
$$;
--! end

--! include progress/triggers.sql
-- Triggers of one event fire in the order of their names: labels first, then counts.
-- A column list costs nothing where no such column is set; a WHEN is parsed anew for every statement.
create trigger sync_progress_a_labels
before update of org_id, id, sync_id, started_at, completed_at, entity_type, source_system, job_id, metadata
on syncwell.sync_progress
for each row execute function syncwell._label_sync_progress();

create trigger sync_progress_b_counts before insert or update on syncwell.sync_progress
for each row execute function syncwell._count_sync_progress();

-- A notification takes a lock on the whole database at commit: no trigger that sends one may fire on a plain report.
-- Changes of status are told of by _settle_sync_progress().
create trigger sync_progress_c_starts after insert on syncwell.sync_progress
for each row execute function syncwell._notify_sync_progress();

-- A run that ends takes its progress along.
create trigger sync_progress_ends_with_its_run after update of status on syncwell.sync_events
for each row when (new.status is distinct from old.status and new.status <> 'started')
execute function syncwell._end_sync_progress_of_run();
--! end

--! include progress/policies.sql
-- Progress belongs to the org: every member sees it all, and initiated_by only names who started it.
alter table syncwell.sync_progress enable row level security;

create policy own_org_reads on syncwell.sync_progress for select
using (org_id = (select syncwell.current_org_id()));

create policy own_org_inserts on syncwell.sync_progress for insert
with check (org_id = (select syncwell.current_org_id()));

create policy own_org_updates on syncwell.sync_progress for update
using (org_id = (select syncwell.current_org_id()));

grant select on syncwell.sync_progress to syncwell_client, syncwell_reader, syncwell_worker;

-- what the triggers keep is nobody's to write, and what never moves is given once
grant insert (
  org_id, id, sync_id, job_id, entity_type, current_item, total_items, processed_count, failed_count, started_at,
  source_system, batch_number, metadata, initiated_by, status
) on syncwell.sync_progress to syncwell_worker;
grant update (
  job_id, entity_type, current_item, total_items, processed_count, failed_count,
  source_system, batch_number, metadata, status
) on syncwell.sync_progress to syncwell_worker;

grant select on syncwell.sync_progress_live to syncwell_client, syncwell_reader, syncwell_worker;
--! end

--! include progress/registry.sql
insert into syncwell.error_codes (sqlstate, name, http_status, description) values
('SW201', 'unknown_progress', 404, 'No progress row of that sync_id in the caller''s org.'),
('SW202', 'progress_beyond_total', 422, 'More items are counted than there are.'),
('SW203', 'progress_went_back', 422, 'A count is lower than the one reported before, and it is no reset.'),
('SW204', 'progress_finished', 409, 'The sync has ended: its counts and status stay, unless it is reset.'),
('SW205', 'unknown_entity_type', 422, 'The entity type is neither built in nor in setting progress.entity_types.');

insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, unit, description) values
(
  'progress.notify', 'boolean', 'on', null, null, null,
  'Whether a notification is sent on channel syncwell_progress at start, change of status and end of a sync; never '
  'on a plain report.'
),
(
  'progress.stall_timeout', 'interval', '1 minute', '1 minute', '7 days', null,
  'Silence after which a running sync shows as stalled: the longest of one minute, five times its usual gap, and this.'
),
(
  'progress.max_duration', 'interval', '24 hours', '1 minute', '90 days', null,
  'A sync that has run longer, pauses not counted, is ended as timeout.'
),
(
  'progress.keep_finished', 'interval', '30 days', '1 hour', '3650 days', null,
  'How long the row of a finished sync stays.'
),
(
  'progress.entity_types', 'text', '', null, null, null,
  'Entity types an org uses besides the built-in ones, separated by commas.'
);

insert into syncwell.maintenance_tasks (task, domain, routine, description) values
(
  'reap_progress', 'progress', '_reap_progress_task',
  'Ends syncs that ran longer than setting progress.max_duration as timeout.'
),
(
  'expire_progress', 'progress', '_expire_progress_task',
  'Deletes rows of syncs that ended longer ago than setting progress.keep_finished.'
);

insert into syncwell.personal_data (table_name, user_column, on_erase, description) values
('sync_progress', 'initiated_by', 'anonymise', 'Which syncs the user started.');
--! end

--! include delta/tables.sql
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
--! end

--! include delta/functions/_added_counts.sql
create or replace function syncwell._added_counts(
  p_counts jsonb,
  p_more jsonb
)
returns jsonb
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select
      jsonb_object_agg(
        k.key,
        case
          when k.key in ('records', 'replaced') then (
            select coalesce(jsonb_object_agg(r.key, r.records), '{}')
            from (
              select e.key, sum(e.value::bigint) as records
              from (
                select o.key, o.value from jsonb_each_text(p_counts -> k.key) as o (key, value)
                union all
                select o.key, o.value from jsonb_each_text(p_more -> k.key) as o (key, value)
              ) as e
              group by e.key
            ) as r
          )
          when k.key = 'absent' then coalesce(syncwell._merged_absent(p_counts -> k.key, p_more -> k.key), '{}')
          else to_jsonb((p_counts ->> k.key)::bigint + (p_more ->> k.key)::bigint)
        end
      )
    from jsonb_object_keys(p_more) as k (key)
  );
end
$$;
comment on function syncwell._added_counts(jsonb, jsonb) is 'What two pages of a pull have sent, together.';
revoke all on function syncwell._added_counts(jsonb, jsonb) from public;
-- sync_pull() runs with its caller's rights
grant execute on function syncwell._added_counts(jsonb, jsonb) to syncwell_client;
--! end

--! include delta/functions/_as_jsonb.sql
create or replace function syncwell._as_jsonb(p_text text)
returns jsonb
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return p_text::jsonb;
exception
  when data_exception or program_limit_exceeded then
    return to_jsonb(left(p_text, 100000));
end
$$;
comment on function syncwell._as_jsonb(text) is
'JSON text as jsonb; what jsonb can''t hold (a number out of its range, too deep) as a JSON string with the text.';
revoke all on function syncwell._as_jsonb(text) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._as_jsonb(text) to syncwell_client;
--! end

--! include delta/functions/_base_type.sql
create or replace function syncwell._base_type(p_type regtype)
returns regtype
language sql stable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
  with recursive domains as (
    select t.oid, t.typtype, t.typbasetype from pg_type as t where t.oid = p_type
    union all
    select t.oid, t.typtype, t.typbasetype
    from domains as d inner join pg_type as t on t.oid = d.typbasetype
  )
  select d.oid::regtype from domains as d where d.typtype <> 'd';
$$;
comment on function syncwell._base_type(regtype) is 'The type itself, or what a domain is made of in the end.';
revoke all on function syncwell._base_type(regtype) from public;
--! end

--! include delta/functions/_begin_pull.sql
create or replace function syncwell._begin_pull()
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._syncing_user();
  perform syncwell._incarnation();
end
$$;
comment on function syncwell._begin_pull() is
'Finds out for this session in which cluster the database lives. Errors: SW001 when nobody is calling, 42501 when it '
'is no user.';
revoke all on function syncwell._begin_pull() from public;
-- sync_pull() runs with its caller's rights
grant execute on function syncwell._begin_pull() to syncwell_client;
--! end

--! include delta/functions/_begin_push.sql
create or replace function syncwell._begin_push(
  p_last_pulled_at bigint,
  p_device_id text,
  p_request_id text,
  out org_id uuid,
  out user_id uuid,
  out answer json,
  out refusal text,
  out snapshot pg_snapshot,
  out own_xids xid8[],
  out tables integer[],
  out has_quarantine boolean,
  out max_records integer,
  out max_bad integer,
  out started_at timestamptz
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_user record;
  v_cursor syncwell.sync_cursors;
  v_incarnation integer;
  v_scopes uuid[];
begin
  v_user := syncwell._syncing_user();
  org_id := v_user.org_id;
  user_id := v_user.user_id;
  started_at := syncwell._now();
  perform syncwell._check_text('p_device_id', p_device_id, 200);
  perform syncwell._check_text('p_request_id', p_request_id, 200);
  max_records := syncwell._setting(v_user.org_id, 'delta.max_push_records')::integer;
  max_bad := syncwell._setting(v_user.org_id, 'delta.quarantine_limit')::integer;
  if p_request_id is not null then
    -- waits for another push with this id, and then finds its answer
    insert into syncwell.sync_requests (org_id, user_id, request_id, answer, created_at)
    values (v_user.org_id, v_user.user_id, p_request_id, 'null', syncwell._now())
    on conflict (org_id, user_id, request_id) do nothing;
    if not found then
      select r.answer into answer
      from syncwell.sync_requests as r
      where r.org_id = v_user.org_id and r.user_id = v_user.user_id and r.request_id = p_request_id;
      return;
    end if;
  end if;

  v_incarnation := syncwell._incarnation();
  v_scopes := array[v_user.org_id, v_user.user_id];
  -- pushes of one device under one cursor go one after the other: the second must know the first as its own
  select c.* into v_cursor
  from syncwell.sync_cursors as c
  where c.org_id = v_user.org_id and c.user_id = v_user.user_id and c.cursor = p_last_pulled_at
  for update;
  refusal := case
    when p_last_pulled_at is null then 'The device has not pulled yet.'
    when v_cursor.cursor is null or v_cursor.incarnation <> v_incarnation
      or v_cursor.device_id <> coalesce(p_device_id, '') then 'Its last pull is not known here.'
    when v_cursor.page_table is not null then 'Its last pull was one page of several.'
    when exists (
      select from syncwell.sync_horizons as h
      where h.scope = any (v_scopes) and pg_snapshot_xmin(v_cursor.snapshot) < h.purged_below
    ) then 'Its last pull is so old that deletions since then are forgotten.'
    when exists (
      select from syncwell.sync_devices as d
      where d.org_id = v_user.org_id and d.user_id = v_user.user_id and d.device_id = v_cursor.device_id
        and not pg_visible_in_snapshot(d.invalidated_xid, v_cursor.snapshot)
    ) then 'Its records have to be replaced first.'
  end;
  if refusal is not null then
    return;
  end if;
  snapshot := v_cursor.snapshot;
  -- a push whose answer was lost may have committed after the cursor that followed it was made
  own_xids := v_cursor.own_xids || coalesce(
    (
      select c.own_xids
      from syncwell.sync_cursors as c
      where c.org_id = v_user.org_id and c.user_id = v_user.user_id and c.cursor = v_cursor.parent
    ),
    '{}'
  );
  tables := v_cursor.tables;
  has_quarantine := exists (
    select from syncwell.sync_quarantine as q
    where q.org_id = v_user.org_id and q.user_id = v_user.user_id and q.resolved_at is null
  );
end
$$;
comment on function syncwell._begin_push(bigint, text, text) is
'The first step of a push, inside its subtransaction: who pushes; the stored answer where the request is known; what '
'the device has seen (its cursor, locked until the transaction ends), or in refusal why it must pull first; the '
'limits. Errors: SW001, 42501, 22001.';
revoke all on function syncwell._begin_push(bigint, text, text) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._begin_push(bigint, text, text) to syncwell_client;
--! end

--! include delta/functions/_check_deferred.sql
create or replace function syncwell._check_deferred(p_constraints oid[])
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_constraint record;
begin
  for v_constraint in
    select distinct n.nspname, c.conname
    from pg_constraint as c inner join pg_namespace as n on n.oid = c.connamespace
    where c.oid = any (p_constraints)
  loop
    execute format('set constraints %I.%I immediate', v_constraint.nspname, v_constraint.conname);
    execute format('set constraints %I.%I deferred', v_constraint.nspname, v_constraint.conname);
  end loop;
end
$$;
comment on function syncwell._check_deferred(oid[]) is
'Checks these deferred constraints now, and leaves them deferred for what else the transaction does. Errors: of the '
'constraints.';
revoke all on function syncwell._check_deferred(oid[]) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._check_deferred(oid[]) to syncwell_client;
--! end

--! include delta/functions/_check_key_columns.sql
create or replace function syncwell._check_key_columns(
  p_table regclass,
  p_id_column name,
  p_scope_column name,
  p_org_column name
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_role record;
  v_column pg_attribute;
  v_partition_key text;
begin
  for v_role in
    select r.name, r.column_name, r.types
    from (
      values
      ('id', p_id_column, array['text', 'varchar', 'uuid', 'bigint', 'integer', 'smallint']::regtype[]),
      ('scope', p_scope_column, array['uuid', 'text', 'varchar']::regtype[]),
      ('org', p_org_column, array['uuid', 'text', 'varchar']::regtype[])
    ) as r (name, column_name, types)
    where r.column_name is not null
  loop
    select a.* into v_column
    from pg_attribute as a
    where a.attrelid = p_table and a.attname = v_role.column_name and a.attnum > 0 and not a.attisdropped;
    if not found then
      perform syncwell._refuse_table(
        format('%s has no column %I.', p_table, v_role.column_name),
        format('Name the column with the %s as p_%s_column.', v_role.name, v_role.name)
      );
    elsif syncwell._base_type(v_column.atttypid) <> all (v_role.types) then
      perform syncwell._refuse_table(
        format('The %s column %I is of type %s.', v_role.name, v_column.attname, format_type(v_column.atttypid, null)),
        format('It must be one of %s.', array_to_string(v_role.types, ', '))
      );
    elsif v_column.attgenerated = 'v' then
      perform syncwell._refuse_table(
        format(
          'The %s column %I is a virtual generated column, which triggers do not see.', v_role.name, v_column.attname
        ),
        'Make it a stored one.'
      );
    elsif v_role.name = 'id' and not v_column.attnotnull then
      perform syncwell._refuse_table(
        format('The id column %I may be NULL.', v_column.attname),
        format('alter table %s alter column %I set not null;', p_table, v_column.attname)
      );
    end if;
  end loop;
  if p_id_column in (p_scope_column, p_org_column) or p_scope_column = p_org_column then
    perform syncwell._refuse_table(
      'One column is named for two of id, owner and org.', 'Each needs a column of its own.'
    );
  end if;

  if syncwell._record_key(p_table, p_id_column, p_scope_column, p_org_column) is null then
    select pg_get_partkeydef(p_table) into v_partition_key;
    perform syncwell._refuse_table(
      format(
        'No unique key says that %s has each %I once, alone or together with %s.',
        p_table, p_id_column, concat_ws(' and ', p_scope_column, p_org_column)
      ) || coalesce(
        format(
          ' A key of a table partitioned by %s includes those columns, so that one id could be there twice.',
          v_partition_key
        ),
        ''
      ),
      case
        when v_partition_key is null then
          format(
            'alter table %s add unique (%I); a partial, deferrable or invalid key does not do.', p_table, p_id_column
          )
        else 'Partition by the id (ids that grow with time, as UUIDv7, make partitions of time) or by the owner.'
      end
    );
  end if;
end
$$;
comment on function syncwell._check_key_columns(regclass, name, name, name) is
'Refuses a table whose columns for id, owner and org are missing, of a wrong type, or without a unique key. Errors: '
'SW302.';
revoke all on function syncwell._check_key_columns(regclass, name, name, name) from public;
--! end

--! include delta/functions/_check_pull.sql
create or replace function syncwell._check_pull(
  p_schema_version integer,
  p_tables text[],
  p_device_id text,
  p_limit integer
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wrong text;
begin
  if current_setting('transaction_read_only')::boolean then
    raise exception using
      errcode = '25006',
      message = 'a pull stores its cursor, which can''t be done here',
      detail = case when pg_is_in_recovery() then 'This server is a standby.' else 'The transaction is read-only.' end,
      hint = 'Pull from the primary, in a transaction that may write.';
  end if;
  v_wrong := case
    when p_limit not between 1 and 100000 then format('p_limit is %s; it goes from 1 to 100000.', p_limit)
    when p_schema_version < 0 then format('p_schema_version is %s.', p_schema_version)
    when cardinality(p_tables) > 1000 then format('p_tables has %s names, more than 1000.', cardinality(p_tables))
  end;
  if v_wrong is not null then
    raise exception using
      errcode = '22023',
      message = 'a parameter of the pull is out of range',
      detail = v_wrong,
      hint = 'Leave it out, or see the comment on sync_pull().';
  end if;
  if char_length(p_device_id) > 255 then
    raise exception using
      errcode = '22001',
      message = 'p_device_id is too long',
      detail = format('It has %s characters, more than 255.', char_length(p_device_id)),
      hint = 'A UUID will do.';
  end if;
end
$$;
comment on function syncwell._check_pull(integer, text[], text, integer) is
'Refuses what a pull can''t be made with. Errors: 22001, 22023, 25006.';
revoke all on function syncwell._check_pull(integer, text[], text, integer) from public;
-- sync_pull() runs with its caller's rights
grant execute on function syncwell._check_pull(integer, text[], text, integer) to syncwell_client;
--! end

--! include delta/functions/_check_pull_size.sql
create or replace function syncwell._check_pull_size(
  p_bytes bigint,
  p_max_bytes bigint
)
returns void
language plpgsql stable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_bytes > p_max_bytes then
    raise exception using
      errcode = 'SW303',
      message = 'the answer of the pull is too large',
      detail = format('It would have more than %s bytes, setting delta.max_bytes.', p_max_bytes),
      hint = 'Pull page by page (p_limit), or with open_pull_stream().';
  end if;
end
$$;
comment on function syncwell._check_pull_size(bigint, bigint) is
'Refuses an answer larger than p_max_bytes. Errors: SW303.';
revoke all on function syncwell._check_pull_size(bigint, bigint) from public;
-- sync_pull() runs with its caller's rights
grant execute on function syncwell._check_pull_size(bigint, bigint) to syncwell_client;
--! end

--! include delta/functions/_check_shown_user.sql
create or replace function syncwell._check_shown_user(p_user_id uuid)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record;
begin
  v_caller := syncwell._caller();
  if p_user_id is null or p_user_id = v_caller.user_id then
    return;
  end if;
  if v_caller.sees_org then
    perform from syncwell.users as u where u.org_id = v_caller.org_id and u.user_id = p_user_id;
    if found then
      return;
    end if;
  end if;
  raise exception using
    errcode = 'SW002',
    message = 'unknown user',
    detail = format('There is no user %s that this caller may look at.', p_user_id),
    hint = 'Leave it out for everything the caller may see.';
end
$$;
comment on function syncwell._check_shown_user(uuid) is
'Refuses (SW002) a user whom the caller may not look at, whether there is one or not; NULL passes. Errors: SW001, '
'SW002.';
revoke all on function syncwell._check_shown_user(uuid) from public;
--! end

--! include delta/functions/_check_shrinking.sql
create or replace function syncwell._check_shrinking(
  p_org_id uuid,
  p_user_id uuid,
  p_device_id text,
  p_kind text,
  p_covers integer[],
  p_records jsonb,
  p_hidden bigint
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_device syncwell.sync_devices;
  v_snapshot pg_snapshot;
  v_limit bigint;
  v_before bigint;
  v_lost bigint;
begin
  if p_kind = 'first' or (p_kind = 'delta' and p_hidden = 0) then
    return;
  end if;
  select d.* into v_device
  from syncwell.sync_devices as d
  where d.org_id = p_org_id and d.user_id = p_user_id and d.device_id = p_device_id;
  if v_device.may_shrink or (p_kind = 'replacement' and v_device.records is null) then
    return;
  end if;
  v_limit := syncwell._setting(p_org_id, 'delta.shrink_records')::bigint;

  if p_kind = 'delta' then
    v_lost := p_hidden;
    select coalesce(sum(r.value::bigint), 0) into v_before from jsonb_each_text(v_device.records) as r (key, value);
  else
    select c.snapshot into v_snapshot
    from syncwell.sync_cursors as c
    where c.org_id = p_org_id and c.user_id = p_user_id and c.cursor = v_device.cursor;
    select
      coalesce(sum(r.value::bigint), 0),
      coalesce(
        sum(greatest(r.value::bigint - coalesce((p_records ->> r.key)::bigint, 0), 0)) filter (
          -- truncated since, as far as can be known
          where t.reset_xid is null or pg_visible_in_snapshot(t.reset_xid, v_snapshot)
        ),
        0
      )
    into v_before, v_lost
    from jsonb_each_text(v_device.records) as r (key, value)
    join syncwell.synced_tables as t on t.table_id = r.key::integer
    where p_covers is null or t.table_id = any (p_covers);
    if v_lost > v_limit and 2 * v_lost > v_before then
      v_lost := v_lost - (
        select count(*)
        from syncwell.record_changes as c
        where c.scope in (p_user_id, p_org_id) and c.deleted_at is not null
      ) - (
        select coalesce(sum(h.purged), 0) from syncwell.sync_horizons as h where h.scope in (p_user_id, p_org_id)
      );
    end if;
  end if;

  if v_lost > v_limit and 2 * v_lost > v_before then
    raise exception using
      errcode = 'SW307',
      message = 'the pull would delete most of the device''s records',
      detail = format(
        'Of about %s records it would lose %s that nobody is known to have deleted: more likely a policy hides them.',
        greatest(v_before, v_lost), v_lost
      ),
      hint = 'Where that is right, an operator lets it happen once with invalidate_client().';
  end if;
end
$$;
comment on function syncwell._check_shrinking(uuid, uuid, text, text, integer[], jsonb, bigint) is
'Refuses a pull that takes more than setting delta.shrink_records and more than half of a device''s records from it, '
'without deletions that explain it: hidden ones in a delta, missing ones in a replacement. invalidate_client() allows '
'it for one pull. Errors: SW307.';
revoke all on function syncwell._check_shrinking(uuid, uuid, text, text, integer[], jsonb, bigint) from public;
--! end

--! include delta/functions/_check_synced_name.sql
create or replace function syncwell._check_synced_name(
  p_name text,
  p_table_id integer
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_other text;
begin
  if p_name !~ '^[A-Za-z][A-Za-z0-9_]{0,47}$' or p_name in ('constructor', 'prototype', 'local_storage') then
    perform syncwell._refuse_table(
      format('%L is no name for a collection.', p_name),
      'Give another one as p_name: at most 48 letters, digits and _, a letter first; not constructor, prototype, '
      'local_storage.'
    );
  end if;
  select t.table_name into v_other
  from syncwell.synced_tables as t
  where t.table_id is distinct from p_table_id
    and (
      t.table_name = p_name
      or t.table_name ~ ('^' || p_name || '_(pull|push)')
      or p_name ~ ('^' || t.table_name || '_(pull|push)')
    )
  limit 1;
  if found then
    perform syncwell._refuse_table(
      format('The name %s clashes with the synced table %s.', p_name, v_other), 'Give another one as p_name.'
    );
  end if;
end
$$;
comment on function syncwell._check_synced_name(text, integer) is
'Refuses names that a client refuses or that another table than p_table_id has. Errors: SW302.';
revoke all on function syncwell._check_synced_name(text, integer) from public;
--! end

--! include delta/functions/_check_table_owner.sql
create or replace function syncwell._check_table_owner(p_table regclass)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Inside a definer function nothing is left of the caller but its login. What the login may become by SET ROLE
  -- counts; the triggers themselves are made with the rights of the role it has set.
  if not exists (
    select from pg_class as c where c.oid = p_table and pg_has_role(session_user, c.relowner, 'member')
  ) then
    raise exception using
      errcode = '42501',
      message = 'only the owner of a table decides how it is synced',
      detail = format('%I does not own %s, nor is it a member of the role that does.', session_user, p_table),
      hint = 'Connect as the owner of the table, who also needs the role syncwell_operator.';
  end if;
end
$$;
comment on function syncwell._check_table_owner(regclass) is
'Refuses whoever is not the owner of a table or a member of it. Errors: 42501.';
revoke all on function syncwell._check_table_owner(regclass) from public;
--! end

--! include delta/functions/_client_fact.sql
create or replace function syncwell._client_fact(
  p_client jsonb,
  p_key text
)
returns text
language sql immutable security invoker parallel safe
return
case
  when pg_catalog.jsonb_typeof(p_client -> p_key) = 'string'
    then nullif(pg_catalog.left(pg_catalog.btrim(p_client ->> p_key), 64), '')
end;
comment on function syncwell._client_fact(jsonb, text) is
'What a client says of itself under a key: a text, cut to 64 characters; NULL for everything else.';
revoke all on function syncwell._client_fact(jsonb, text) from public;
--! end

--! include delta/functions/_client_platform.sql
create or replace function syncwell._client_platform(p_client jsonb)
returns text
language sql immutable security invoker parallel safe
return
case
  when pg_catalog.lower(syncwell._client_fact(p_client, 'platform')) in ('android', 'ios', 'web', 'server')
    then pg_catalog.lower(syncwell._client_fact(p_client, 'platform'))
  when syncwell._client_fact(p_client, 'platform') is not null then 'other'
end;
comment on function syncwell._client_platform(jsonb) is
'The platform a client says it is: android, ios, web, server, other; NULL when it does not say.';
revoke all on function syncwell._client_platform(jsonb) from public;
--! end

--! include delta/functions/_column_rules.sql
create or replace function syncwell._column_rules(
  p_table regclass,
  p_key name[],
  p_columns text[],
  p_encodings jsonb,
  p_read_only text[]
)
returns jsonb
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_names text[] := p_columns;
  v_bad text;
  v_hint text;
begin
  if jsonb_typeof(p_encodings) <> 'object' then
    perform syncwell._refuse_table('p_encodings is no object.', 'For example {"due_at": "iso"}.');
  end if;
  if v_names is null then
    select coalesce(array_agg(a.attname order by a.attnum), '{}') into v_names
    from pg_attribute as a
    where a.attrelid = p_table and a.attnum > 0 and not a.attisdropped and a.attname <> all (p_key);
  end if;

  select n.name into v_bad
  from unnest(v_names) as n (name)
  where not exists (
    select from pg_attribute as a
    where a.attrelid = p_table and a.attname = n.name and a.attnum > 0 and not a.attisdropped
  )
  limit 1;
  if found then
    perform syncwell._refuse_table(
      format('%s has no column %s.', p_table, coalesce(quote_ident(v_bad), 'NULL')),
      'p_columns lists columns of the table.'
    );
  end if;
  select n.name into v_bad from unnest(v_names) as n (name) group by n.name having count(*) > 1 limit 1;
  if found then
    perform syncwell._refuse_table(format('The column %I is listed twice.', v_bad), 'Once is enough.');
  end if;
  select n.name into v_bad
  from unnest(v_names) as n (name)
  where n.name = p_key[1]
    or n.name !~ '^[A-Za-z][A-Za-z0-9_]*$'
    or n.name in ('id', 'constructor', 'prototype', 'toString')
  limit 1;
  if found then
    perform syncwell._refuse_table(
      case
        when v_bad = p_key[1] then format('The column %I is sent as id already.', v_bad)
        else format('No client takes a column %I.', v_bad)
      end,
      'List the columns to sync as p_columns: letters, digits and _, a letter first; not id, constructor, prototype, '
      'toString.'
    );
  end if;

  select e.name into v_bad
  from (
    select k.name from jsonb_object_keys(p_encodings) as k (name)
    union all
    select r.name from unnest(p_read_only) as r (name)
  ) as e
  where e.name is null or e.name <> all (v_names)
  limit 1;
  if found then
    perform syncwell._refuse_table(
      format('The column %s is not among those that are synced.', coalesce(quote_ident(v_bad), 'NULL')),
      'p_encodings and p_read_only name columns that are synced.'
    );
  end if;
  select
    format(
      'The column %I of type %s can not be sent as %s.', e.name, format_type(a.atttypid, a.atttypmod),
      coalesce(e.encoding, 'NULL')
    ),
    format('Possible for it: %s.', array_to_string(syncwell._encodings(a.atttypid), ', '))
  into v_bad, v_hint
  from jsonb_each_text(p_encodings) as e (name, encoding)
  inner join pg_attribute as a on a.attrelid = p_table and a.attname = e.name
  where e.encoding is null or e.encoding <> all (syncwell._encodings(a.atttypid))
  limit 1;
  if found then
    perform syncwell._refuse_table(v_bad, v_hint);
  end if;

  return coalesce(
    (
      select
        jsonb_agg(
          jsonb_build_object(
            'column_name', n.name,
            'position', n.position,
            'column_type', a.atttypid::regtype,
            'encoding', coalesce(p_encodings ->> n.name, (syncwell._encodings(a.atttypid))[1]),
            'writable',
            a.attgenerated = '' and a.attidentity <> 'a' and n.name <> all (p_read_only) and n.name <> all (p_key)
          )
          order by n.position
        )
      from unnest(v_names) with ordinality as n (name, position)
      inner join pg_attribute as a on a.attrelid = p_table and a.attname = n.name
    ),
    '[]'
  );
end
$$;
comment on function syncwell._column_rules(regclass, name[], text[], jsonb, text[]) is
'The rows of synced_columns for a table: p_columns, or all but those of p_key (id, owner, org), each as its type is '
'sent unless p_encodings says otherwise. What is generated, p_read_only or in the key is sent but never written. '
'Errors: SW302.';
revoke all on function syncwell._column_rules(regclass, name[], text[], jsonb, text[]) from public;
--! end

--! include delta/functions/_conflict_policy.sql
create or replace function syncwell._conflict_policy(
  p_conflict_policy text,
  out policy text,
  out policy_function text
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_path text[];
  v_function record;
begin
  if p_conflict_policy in ('reject', 'last_write_wins', 'merge_columns', 'server_wins') then
    policy := p_conflict_policy;
    return;
  end if;
  begin
    v_path := parse_ident(p_conflict_policy);
  exception
    when invalid_parameter_value then null;
  end;
  select p.oid, p.prorettype, p.proretset, p.prokind into v_function
  from pg_proc as p
  inner join pg_namespace as n on n.oid = p.pronamespace
  where cardinality(v_path) = 2
    and n.nspname = v_path[1]
    and p.proname = v_path[2]
    and oidvectortypes(p.proargtypes) = 'jsonb, jsonb, text[]';
  if not found then
    perform syncwell._refuse_table(
      format('There is no conflict policy and no function %L.', p_conflict_policy),
      'One of reject, last_write_wins, merge_columns, server_wins, or the name of a function with its schema, of the '
      'arguments (server jsonb, client jsonb, changed text[]).'
    );
  elsif v_function.prorettype <> 'jsonb'::regtype or v_function.proretset or v_function.prokind <> 'f' then
    perform syncwell._refuse_table(
      format('The function %s does not return one jsonb.', v_function.oid::regprocedure),
      'It returns the record to keep, or NULL to refuse the push.'
    );
  end if;
  policy := 'function';
  policy_function := v_function.oid::regproc::text;
end
$$;
comment on function syncwell._conflict_policy(text) is
'One of the four policies, or function with the name of one that decides. Errors: SW302.';
revoke all on function syncwell._conflict_policy(text) from public;
--! end

--! include delta/functions/_count_partitions.sql
create or replace function syncwell._count_partitions(p_table regclass)
returns integer
language sql stable security invoker
as $$
  select
    case
      when c.relkind = 'p' then (select pg_catalog.count(*) - 1 from pg_catalog.pg_partition_tree(p_table))
    end::integer
  from pg_catalog.pg_class as c
  where c.oid = p_table;
$$;
comment on function syncwell._count_partitions(regclass) is
'How many partitions a table has, at all levels; NULL for a table that is not partitioned.';
revoke all on function syncwell._count_partitions(regclass) from public;
--! end

--! include delta/functions/_decide_conflict.sql
create or replace function syncwell._decide_conflict(
  p_policy text,
  p_function text,
  p_id text,
  p_server jsonb,
  p_client jsonb,
  p_is_delete boolean,
  out outcome text,
  out write text,
  out record jsonb,
  out changed text[]
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_client constant jsonb := case
    when jsonb_typeof(p_client) = 'object' then p_client - '_status' - '_changed'
    else p_client
  end;
  v_told constant text := case when jsonb_typeof(p_client) = 'object' then p_client ->> '_changed' end;
begin
  if v_told ~ '^[A-Za-z][A-Za-z0-9_, ]*$' then
    changed := string_to_array(replace(v_told, ' ', ''), ',');
  end if;
  case p_policy
    when 'last_write_wins' then
      outcome := 'client';
      write := case when p_is_delete then 'delete' else 'whole' end;
    when 'merge_columns' then
      outcome := case when p_is_delete or p_server is null or changed is null then 'client' else 'merged' end;
      write := case when p_is_delete then 'delete' when outcome = 'client' then 'whole' else 'changed' end;
    when 'server_wins' then
      outcome := 'server';
      write := 'nothing';
    else
      execute format('select %s($1, $2, $3)', to_regprocedure(p_function || '(jsonb, jsonb, text[])')::regproc)
      into record
      using p_server, v_client, changed;
      if record is not null and jsonb_typeof(record) not in ('object', 'null') then
        raise exception using
          errcode = '22023',
          message = 'a conflict function must return an object',
          detail = format('It returned %s.', jsonb_typeof(record)),
          hint = 'The record to write; NULL for the server''s; JSON null to delete it.';
      end if;
      if jsonb_typeof(record) = 'object' then
        record := record - '_status' - '_changed' || jsonb_build_object('id', p_id);
      end if;
      if record is null or record = p_server then
        outcome := 'server';
        write := 'nothing';
      elsif record = 'null' then
        outcome := case when p_is_delete then 'client' when p_server is null then 'server' else 'merged' end;
        write := case when p_server is null then 'nothing' else 'delete' end;
      else
        outcome := case when record = v_client then 'client' else 'merged' end;
        write := 'record';
      end if;
  end case;
end
$$;
comment on function syncwell._decide_conflict(text, text, text, jsonb, jsonb, boolean) is
'What a policy makes of a record in conflict; p_server NULL: it was deleted; p_client NULL with p_is_delete: the '
'device deleted it. outcome: client, server or merged; write: whole (the pushed record, all its columns), changed '
'(those the device says it changed), record (that one), delete or nothing. A function gets both versions and the '
'changed columns, and returns the record to write, NULL for the server''s version, JSON null to delete it. Errors: '
'22023, and the function''s own.';
revoke all on function syncwell._decide_conflict(text, text, text, jsonb, jsonb, boolean) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._decide_conflict(text, text, text, jsonb, jsonb, boolean) to syncwell_client;
--! end

--! include delta/functions/_record_key.sql
create or replace function syncwell._record_key(
  p_relation regclass,
  p_id_column name,
  p_scope_column name,
  p_org_column name
)
returns name[]
language sql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
  select k.columns
  from (
    select
      i.indexrelid,
      (
        select array_agg(a.attname order by u.position)
        from unnest(i.indkey::smallint[]) with ordinality as u (attnum, position)
        inner join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = u.attnum
        where u.position <= i.indnkeyatts
      ) as columns
    from pg_index as i
    where i.indrelid = p_relation
      and i.indisunique
      and i.indisvalid
      and i.indisready
      and i.indimmediate
      and i.indpred is null
      and i.indexprs is null
  ) as k
  where p_id_column = any (k.columns)
    and k.columns <@ array_remove(array[p_id_column, p_scope_column, p_org_column], null)
  order by cardinality(k.columns), k.indexrelid
  limit 1;
$$;
comment on function syncwell._record_key(regclass, name, name, name) is
'The columns of the unique key that finds a record: its id alone, or with its owner and org; NULL where there is none.';
revoke all on function syncwell._record_key(regclass, name, name, name) from public;
--! end

--! include delta/functions/_definition_problems.sql
create or replace function syncwell._definition_problems(p_table_id integer)
returns table (
  problem text,
  hint text
)
language sql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
  with registered as (
    select t.* from syncwell.synced_tables as t where t.table_id = p_table_id
  ),
  missing as (
    select n.name
    from registered as t
    cross join lateral (
      select c.column_name as name from syncwell.synced_columns as c where c.table_id = t.table_id
      union
      select k.name
      from unnest(array[t.id_column, t.scope_column, t.org_column]) as k (name)
      where k.name is not null
    ) as n
    where not exists (
      select
      from pg_attribute as a
      where a.attrelid = t.relation and a.attname = n.name and a.attnum > 0 and not a.attisdropped
    )
  )
  select
    format('The column %I is not there any more.', m.name),
    'Register the table again with the columns that it has; devices are then sent it in full.'
  from missing as m
  union all
  select
    format(
      'The column %I was of type %s and is of type %s now.', a.attname, c.column_type, a.atttypid::regtype
    ),
    'Register the table again; devices are then sent it in full.'
  from registered as t
  inner join syncwell.synced_columns as c on c.table_id = t.table_id
  inner join pg_attribute as a
    on a.attrelid = t.relation and a.attname = c.column_name and a.attnum > 0 and not a.attisdropped
  where a.atttypid <> c.column_type
  union all
  select
    'The unique key that finds a record is gone.',
    format('alter table %s add unique (%I);', t.relation, t.id_column)
  from registered as t
  where syncwell._record_key(t.relation, t.id_column, t.scope_column, t.org_column) is null
    and not exists (select from missing as m where m.name in (t.id_column, t.scope_column, t.org_column))
  union all
  select
    format('The function %s, which decides conflicts, is gone.', t.conflict_function),
    'Make it again, or register the table with another p_conflict_policy.'
  from registered as t
  where t.conflict_policy = 'function'
    and to_regprocedure(t.conflict_function || '(jsonb, jsonb, text[])') is null;
$$;
comment on function syncwell._definition_problems(integer) is
'Where a table differs from what was registered: columns, types, its key, its conflict function.';
revoke all on function syncwell._definition_problems(integer) from public;
--! end

--! include delta/functions/_delete_pushed.sql
create or replace function syncwell._delete_pushed(
  p_table text,
  p_scope uuid,
  p_org uuid,
  p_ids text[],
  p_search_path text,
  out deleted bigint,
  out refused text[]
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_gone text[];
begin
  refused := '{}';
  execute format(
    'select syncwell_tables.%I($1, $2, $3) from set_config(''search_path'', $4, true)', p_table || '_push_delete'
  )
  into v_gone
  using p_scope, p_org, p_ids, p_search_path;
  perform set_config('search_path', 'pg_catalog, pg_temp', true);
  deleted := cardinality(v_gone);
  if deleted < cardinality(p_ids) then
    -- what is still there: a trigger or a policy keeps it
    execute format(
      'select syncwell_tables.%I($1, $2, $3) from set_config(''search_path'', $4, true)', p_table || '_push_lock'
    )
    into refused
    using p_scope, p_org, array(
      select i.id from unnest(p_ids) as i (id)
      except
      select g.id from unnest(v_gone) as g (id)
    ), p_search_path;
  end if;
end
$$;
comment on function syncwell._delete_pushed(text, uuid, uuid, text[], text) is
'Deletes records of one table, whose rows are locked. refused: those that are still there. Errors: whatever the table '
'raises.';
revoke all on function syncwell._delete_pushed(text, uuid, uuid, text[], text) from public;
-- sync_push runs with the caller's rights
-- resolve_conflict too, also for services
grant execute on function syncwell._delete_pushed(text, uuid, uuid, text[], text) to syncwell_client, syncwell_worker;
--! end

--! include delta/functions/_differs_sql.sql
create or replace function syncwell._differs_sql(
  p_relation regclass,
  p_columns name[]
)
returns text
language sql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    nullif(concat_ws(
      ' or ',
      '(' || string_agg(format('o.c%s', x.position), ', ' order by x.position) filter (where x.is_plain)
      || ') is distinct from ('
      || string_agg(format('n.c%s', x.position), ', ' order by x.position) filter (where x.is_plain) || ')',
      'row(' || string_agg(format('o.c%s', x.position), ', ' order by x.position) filter (where not x.is_plain)
      || ')::record operator(*<>) row('
      || string_agg(format('n.c%s', x.position), ', ' order by x.position) filter (where not x.is_plain)
      || ')::record'
    ), ''),
    'false'
  )
  from (
    select
      n.position,
      (
        t.typtype = 'e'
        or t.oid = any (array[
          'text', 'varchar', 'uuid', 'boolean', 'smallint', 'integer', 'bigint', 'timestamptz', 'timestamp', 'date',
          'time', 'bytea'
        ]::regtype[])
      ) and coalesce(c.collisdeterministic, true) as is_plain
    from unnest(p_columns) with ordinality as n (name, position)
    inner join pg_attribute as a on a.attrelid = p_relation and a.attname = n.name
    inner join pg_type as t on t.oid = syncwell._base_type(a.atttypid)
    left join pg_collation as c on c.oid = a.attcollation
  ) as x;
$$;
comment on function syncwell._differs_sql(regclass, name[]) is
'SQL that tells whether rows o and n, with the columns as c1, c2, …, differ: by the equality of types that know but '
'one spelling of a value, by the image of all others, some of which (json, point) have no equality.';
revoke all on function syncwell._differs_sql(regclass, name[]) from public;
--! end

--! include delta/functions/_drop_generated.sql
create or replace function syncwell._drop_generated(p_table_id integer)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text;
  v_function regprocedure;
begin
  select t.table_name into strict v_name from syncwell.synced_tables as t where t.table_id = p_table_id;
  for v_function in
    select p.oid
    from pg_proc as p
    where p.pronamespace = 'syncwell_tables'::regnamespace
      and p.proname ~ ('^' || v_name || '_(inserted|updated|deleted|truncated|replicated|pull\w*|push\w*)$')
      -- what a trigger still needs is replaced in place
      and not exists (select from pg_trigger as g where g.tgfoid = p.oid)
  loop
    execute format('drop function %s', v_function);
  end loop;
  execute format('drop view if exists syncwell_tables.%I', v_name);
end
$$;
comment on function syncwell._drop_generated(integer) is
'Drops what _generate_table() made, but for trigger functions that a trigger still calls.';
revoke all on function syncwell._drop_generated(integer) from public;
--! end

--! include delta/functions/_encoded.sql
create or replace function syncwell._encoded(
  p_value text,
  p_type regtype,
  p_encoding text
)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_type pg_type;
  -- types whose text is the same under all settings; what is not here is rare, and pays for a function call
  c_steady constant regtype[] := array[
    'text', 'varchar', 'character', 'name', '"char"', 'uuid', 'boolean', 'smallint', 'integer', 'bigint', 'numeric',
    'json', 'jsonb', 'inet', 'cidr', 'macaddr', 'time', 'xml'
  ]::regtype[];
  v_is_steady boolean;
begin
  select t.* into v_type from pg_type as t where t.oid = syncwell._base_type(p_type);
  select t.oid = any (c_steady) or t.typtype = 'e' into v_is_steady
  from pg_type as t
  where t.oid = case when v_type.typcategory = 'A' then v_type.typelem else v_type.oid end;

  return case
    when p_encoding = 'text' and v_type.oid = 'date'::regtype then format(
      -- others are no timestamps, which to_char() wants, or no plain ISO dates
      'case when %1$s between ''0001-01-01'' and ''9999-12-31'' then to_char(%1$s, ''YYYY-MM-DD'')'
      ' else syncwell._plain_text(%1$s) end',
      p_value
    )
    -- its cast adds a netmask that was never given
    when p_encoding = 'text' and v_type.oid = 'inet'::regtype then format('textin(inet_out(%s))', p_value)
    when p_encoding = 'text' and v_is_steady then p_value || '::text'
    when p_encoding = 'text' then format('syncwell._plain_text(%s)', p_value)
    when p_encoding = 'number' and v_type.oid = any (array['numeric', 'real', 'double precision']::regtype[]) then
      -- NaN is greater than all numbers
      format('case when abs(%1$s) <= 1.7976931348623157e308 then %1$s end', p_value)
    when p_encoding in ('number', 'boolean') then p_value
    when p_encoding = 'epoch_ms' then
      format('case when isfinite(%1$s) then floor(extract(epoch from %1$s) * 1000)::bigint end', p_value)
    when p_encoding = 'epoch_s' then
      format('case when isfinite(%1$s) then floor(extract(epoch from %1$s))::bigint end', p_value)
    when p_encoding = 'iso' and v_type.oid = 'date'::regtype then
      format('case when %1$s between ''0001-01-01'' and ''9999-12-31'' then to_char(%1$s, ''YYYY-MM-DD'') end', p_value)
    when p_encoding = 'iso' then format(
      'case when %1$s >= ''0001-01-01 00:00:00%2$s'' and %1$s < ''10000-01-01 00:00:00%2$s'''
      ' then to_char(%1$s%3$s, ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"'') end',
      p_value,
      case when v_type.oid = 'timestamptz'::regtype then '+00' end,
      case when v_type.oid = 'timestamptz'::regtype then ' at time zone ''UTC''' end
    )
    when p_encoding = 'json' and v_type.oid = any (array['json', 'jsonb']::regtype[]) then p_value || '::text'
    when p_encoding = 'json' and v_is_steady then format('to_json(%s)::text', p_value)
    when p_encoding = 'json' then format('syncwell._plain_json(%s)', p_value)
    when p_encoding = 'base64' then format('replace(encode(%s, ''base64''), chr(10), '''')', p_value)
  end;
end
$$;
comment on function syncwell._encoded(text, regtype, text) is
'SQL for p_value, an SQL expression of p_type, as devices see it under this encoding: the same text in every session. '
'What devices can''t take is NULL: NaN, numbers beyond a double, infinite times, ISO times outside of the years 1 to '
'9999.';
revoke all on function syncwell._encoded(text, regtype, text) from public;
--! end

--! include delta/functions/_encodings.sql
create or replace function syncwell._encodings(p_type regtype)
returns text[]
language sql stable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select
    case
      when t.oid = any (array[
        'smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision'
      ]::regtype[]) then '{number,text}'
      when t.oid = 'boolean'::regtype then '{boolean,text}'
      when t.oid = any (array['timestamptz', 'timestamp']::regtype[]) then '{epoch_ms,epoch_s,iso}'
      when t.oid = 'date'::regtype then '{text,epoch_ms,epoch_s,iso}'
      when t.oid = any (array['json', 'jsonb']::regtype[]) then '{json}'
      when t.oid = 'bytea'::regtype then '{base64}'
      when t.typcategory = 'A' or t.typtype = 'c' then '{json,text}'
      else '{text}'
    end::text[]
  from pg_type as t
  where t.oid = syncwell._base_type(p_type);
$$;
comment on function syncwell._encodings(regtype) is
'As what a column of this type can be sent; the first one unless p_encodings says otherwise.';
revoke all on function syncwell._encodings(regtype) from public;
--! end

--! include delta/functions/_end_pull.sql
create or replace function syncwell._end_pull(
  p_base bigint,
  p_page bigint,
  p_device_id text,
  p_kind text,
  p_snapshot pg_snapshot,
  p_covers integer[],
  p_schema_version integer,
  p_counts jsonb,
  p_started_at timestamptz,
  p_client jsonb,
  p_page_table integer default null,
  p_page_record text default null,
  p_plan jsonb default null
)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
-- also what a session planned while the tables were small serves it when they have grown
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
-- before PostgreSQL 18 a plan that can not do without a sequential scan looks dear enough to be compiled
set jit = off
as $$
declare
  v_me record := syncwell._syncing_user();
  v_now constant timestamptz := syncwell._now();
  v_device constant text := coalesce(p_device_id, '');
  v_base syncwell.sync_cursors;
  v_page syncwell.sync_cursors;
  v_own xid8[];
  v_late xid8[];
  v_known xid8[];
  v_kept bigint;
  v_kept_new bigint;
  v_cursor constant bigint := nextval('syncwell.sync_cursor_numbers') * 1024 + floor(random() * 1024)::integer;
begin
  if p_page_table is null and (p_kind = 'replacement' or (p_counts -> 'hidden')::bigint > 0) then
    perform syncwell._check_shrinking(
      v_me.org_id, v_me.user_id, v_device, p_kind, p_covers, p_counts -> 'records', (p_counts ->> 'hidden')::bigint
    );
  end if;
  if p_base is not null then
    select c.* into v_base
    from syncwell.sync_cursors as c
    where c.org_id = v_me.org_id and c.user_id = v_me.user_id and c.cursor = p_base;
  end if;
  if p_page is not null then
    select c.* into v_page
    from syncwell.sync_cursors as c
    where c.org_id = v_me.org_id and c.user_id = v_me.user_id and c.cursor = p_page;
  end if;

  -- What was presented has arrived, so what is older goes; one more is kept of those that were handed out since, whose
  -- answer may still be on its way. A page has only arrived as far as it goes: the cursor that it started from stays.
  select max(c.cursor) into v_kept
  from syncwell.sync_cursors as c
  where c.org_id = v_me.org_id
    and c.user_id = v_me.user_id
    and c.device_id = v_device
    and c.cursor > coalesce(p_page, p_base, 0)
    and (v_device <> '' or c.parent = p_base);
  if p_base is null then
    select c.cursor into v_kept_new
    from syncwell.sync_cursors as c
    where c.org_id = v_me.org_id and c.user_id = v_me.user_id and c.device_id = v_device and c.parent is null
    order by c.cursor desc
    offset case when v_device <> '' then 2 else 30 end
    limit 1;
  end if;
  with gone as (
    delete from syncwell.sync_cursors as c
    where c.org_id = v_me.org_id
      and c.user_id = v_me.user_id
      and c.device_id = v_device
      and c.cursor is distinct from p_base
      and c.cursor is distinct from p_page
      and c.cursor is distinct from v_kept
      and case
        -- nothing is proven by starting from nothing: a few such cursors are kept, and all that were used
        when p_base is null then c.parent is null and c.cursor < v_kept_new
        when v_device <> '' then true
        -- several devices may come without a name: only what descends from the same cursor is surely this one's
        else c.cursor = v_base.parent or c.parent = v_base.parent or c.parent = p_base
      end
    returning c.own_xids
  )
  select array_agg(x.xid) into v_known
  from gone as g
  cross join unnest(g.own_xids) as x (xid);
  v_known := v_known || v_base.own_xids || v_page.base_own_xids;
  if v_known <> '{}' then
    select
      array_agg(distinct x.xid) filter (where not pg_visible_in_snapshot(x.xid, p_snapshot)),
      array_agg(distinct x.xid) filter (
        where not pg_visible_in_snapshot(x.xid, v_base.snapshot) and x.xid <> all (v_base.own_xids)
      )
    into v_own, v_late
    from unnest(v_known) as x (xid);
  end if;
  -- pushes that committed after the cursor that followed theirs was made: this answer may get lost, too
  if v_late is not null then
    update syncwell.sync_cursors as c
    set own_xids = c.own_xids || v_late
    where c.org_id = v_me.org_id and c.user_id = v_me.user_id and c.cursor = p_base;
  end if;

  insert into syncwell.sync_cursors (
    org_id, user_id, cursor, device_id, incarnation, snapshot, base_snapshot, base_own_xids, page_table, page_record,
    plan, parent, own_xids, absent, tables, schema_version, created_at, idle_until
  )
  values (
    v_me.org_id, v_me.user_id, v_cursor, v_device, syncwell._incarnation(), p_snapshot,
    case when p_page_table is not null then coalesce(v_page.base_snapshot, v_base.snapshot) end,
    case when p_page_table is not null then coalesce(
      v_page.base_own_xids, array(select x.xid::xid8 from jsonb_array_elements_text(p_plan -> 'own') as x (xid))
    ) end,
    p_page_table, p_page_record,
    case
      when p_page_table is null then p_plan || jsonb_build_object('counts', p_counts, 'client', p_client)
      else p_plan
    end,
    p_base, coalesce(v_own, '{}'),
    case when p_page_table is null then nullif(p_counts -> 'absent', '{}') end, p_covers, p_schema_version, v_now,
    syncwell._idle_until(v_me.org_id, v_now)
  );
  if p_page_table is null and p_plan is null then
    perform syncwell._note_pull(
      v_me.org_id, v_me.user_id, v_device, p_kind, v_cursor, p_schema_version,
      (p_counts ->> 'created')::bigint, (p_counts ->> 'updated')::bigint, (p_counts ->> 'deleted')::bigint,
      (p_counts ->> 'bytes')::bigint,
      case
        when p_counts -> 'replaced' = '{}' then p_counts -> 'records'
        else syncwell._pulled_records(v_me.org_id, v_me.user_id, v_device, p_counts)
      end,
      -- not further back than a request can last
      greatest(p_started_at, v_now - interval '1 hour'), p_client
    );
  end if;
  perform set_config('syncwell.pulled', pg_current_xact_id()::text, true);
  return v_cursor;
end
$$;
comment on function
syncwell._end_pull(
  bigint, bigint, text, text, pg_snapshot, integer[], integer, jsonb, timestamptz, jsonb, integer, text, jsonb
) is
'Stores the cursor of a pull, forgets those it makes needless, and notes the pull once its last page is read. p_base: '
'the complete cursor it started from; p_page: the page cursor that was presented; p_counts: {created, updated, '
'deleted, bytes, hidden, absent, records: {table id: records}, replaced: {table id: records}}; p_page_table, '
'p_page_record, p_plan: where it stopped, for a page that is not the last. Errors: SW001, 42501, SW307.';
revoke all on function
syncwell._end_pull(
  bigint, bigint, text, text, pg_snapshot, integer[], integer, jsonb, timestamptz, jsonb, integer, text, jsonb
) from public;
-- sync_pull() runs with its caller's rights; what is told here is about the caller's own device
grant execute on function
syncwell._end_pull(
  bigint, bigint, text, text, pg_snapshot, integer[], integer, jsonb, timestamptz, jsonb, integer, text, jsonb
) to syncwell_client;
--! end

--! include delta/functions/_end_push.sql
create or replace function syncwell._end_push(
  p_cursor bigint,
  p_device_id text,
  p_request_id text,
  p_answer json,
  p_result jsonb,
  p_bytes bigint,
  p_started_at timestamptz,
  p_client jsonb
)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
declare
  v_user record;
  v_now constant timestamptz := syncwell._now();
  v_device_id constant text := coalesce(p_device_id, '');
  v_written constant bigint
  := (p_result ->> 'created')::bigint + (p_result ->> 'updated')::bigint + (p_result ->> 'deleted')::bigint;
begin
  v_user := syncwell._syncing_user();

  update syncwell.sync_cursors as c
  set
    own_xids = case
      when pg_current_xact_id() = any (c.own_xids) then c.own_xids
      else c.own_xids || pg_current_xact_id()
    end,
    absent = syncwell._merged_absent(c.absent, p_result -> 'absent')
  where c.org_id = v_user.org_id and c.user_id = v_user.user_id and c.cursor = p_cursor
    and c.device_id = v_device_id
    and (v_written > 0 or p_result -> 'absent' <> '{}');

  -- a later push of a record settles what was put aside of it before
  if p_result ? 'accepted' then
    update syncwell.sync_quarantine as q
    set resolved_at = v_now
    where q.org_id = v_user.org_id and q.user_id = v_user.user_id and q.resolved_at is null
      and p_result -> 'accepted' -> q.table_name ? q.record_id;
  end if;
  if p_result -> 'quarantined' <> '[]' then
    insert into syncwell.sync_quarantine (
      org_id, id, user_id, device_id, table_name, record_id, action, record, error_code, reason, quarantined_at
    )
    select
      v_user.org_id, syncwell._uuid7(v_now + e.position * interval '1 microsecond'), v_user.user_id, v_device_id,
      t.table_name, left(e.item ->> 'id', 255), e.item ->> 'action', e.item ->> 'record',
      e.item ->> 'code', left(e.item ->> 'reason', 500), v_now
    from jsonb_array_elements(p_result -> 'quarantined') with ordinality as e (item, position)
    inner join syncwell.synced_tables as t on t.table_name = e.item ->> 'table'
    order by e.position;
  end if;
  if p_result -> 'conflicts' <> '[]' then
    insert into syncwell.sync_conflicts (
      org_id, id, user_id, device_id, scope, table_name, record_id, action, policy, outcome, server_record,
      client_record, changed_columns, occurred_at
    )
    select
      v_user.org_id, syncwell._uuid7(v_now + e.position * interval '1 microsecond'), v_user.user_id, v_device_id,
      case t.scope_kind when 'org' then v_user.org_id else v_user.user_id end,
      t.table_name, left(e.item ->> 'id', 255), e.item ->> 'action', t.conflict_policy, e.item ->> 'outcome',
      nullif(e.item -> 'server', 'null'), nullif(e.item -> 'client', 'null'),
      case
        when jsonb_typeof(e.item -> 'changed') = 'array'
          then array(select jsonb_array_elements_text(e.item -> 'changed'))
      end,
      v_now
    from jsonb_array_elements(p_result -> 'conflicts') with ordinality as e (item, position)
    inner join syncwell.synced_tables as t on t.table_name = e.item ->> 'table'
    order by e.position;
  end if;
  if p_result -> 'stamps' <> '{}' then
    perform syncwell._stamp_tombstones(v_user.org_id, v_user.user_id, p_result -> 'stamps');
  end if;

  if p_request_id is not null then
    update syncwell.sync_requests as r
    set answer = p_answer
    where r.org_id = v_user.org_id and r.user_id = v_user.user_id and r.request_id = p_request_id;
  end if;
  perform syncwell._note_push(
    p_org_id => v_user.org_id,
    p_user_id => v_user.user_id,
    p_device_id => v_device_id,
    p_ok => true,
    p_created => (p_result ->> 'created')::bigint,
    p_updated => (p_result ->> 'updated')::bigint,
    p_deleted => (p_result ->> 'deleted')::bigint,
    p_conflicts => jsonb_array_length(p_result -> 'conflicts')::bigint,
    p_quarantined => jsonb_array_length(p_result -> 'quarantined')::bigint,
    p_bytes => p_bytes,
    p_started_at => p_started_at,
    p_error_code => null,
    p_error_message => null,
    p_client => p_client
  );
  -- a transaction that notified can't be prepared, so only where somebody wants it
  if v_written > 0 and syncwell._setting(v_user.org_id, 'delta.notify')::boolean then
    -- any role can listen: ids and nothing else
    perform pg_notify('syncwell', json_build_object('org_id', v_user.org_id, 'user_id', v_user.user_id)::text);
  end if;
end
$$;
comment on function syncwell._end_push(bigint, text, text, json, jsonb, bigint, timestamptz, jsonb) is
'The last step of a push that went well: its transaction becomes one of the cursor''s own, what was decided and put '
'aside is kept, the answer is stored under the request id, the facts are noted. p_result: {created, updated, deleted, '
'absent, accepted, quarantined, conflicts, stamps}. Errors: SW001, 42501.';
revoke all on function syncwell._end_push(bigint, text, text, json, jsonb, bigint, timestamptz, jsonb) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._end_push(bigint, text, text, json, jsonb, bigint, timestamptz, jsonb)
to syncwell_client;
--! end

--! include delta/functions/_ensure_triggers.sql
create or replace function syncwell._ensure_triggers(p_table_id integer)
returns integer
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_trigger record;
  v_repaired constant integer := (
    select count(*)
    from syncwell._tracking_state(p_table_id) as s
    where s.state is distinct from s.should_be
  );
begin
  if v_repaired = 0 then
    return 0;
  end if;
  -- The root comes first: its row trigger makes those of the partitions.
  for v_trigger in
    select s.relation, s.is_root, s.trigger_name, s.trigger_function, s.should_be
    from syncwell._tracking_state(p_table_id) as s
    where s.state is null and (s.is_root or s.should_be <> 'R')
    order by s.is_root desc, s.relation::text, s.trigger_name
  loop
    execute format(
      'create or replace trigger %I %s on %s %s execute function syncwell_tables.%I()',
      v_trigger.trigger_name,
      case v_trigger.trigger_name
        when 'syncwell_inserted' then 'after insert'
        when 'syncwell_updated' then 'after update'
        when 'syncwell_deleted' then 'after delete'
        when 'syncwell_truncated' then 'before truncate'
        else 'after insert or update or delete'
      end,
      v_trigger.relation,
      case v_trigger.trigger_name
        when 'syncwell_inserted' then 'referencing new table as new_rows for each statement'
        when 'syncwell_updated' then 'referencing old table as old_rows new table as new_rows for each statement'
        when 'syncwell_deleted' then 'referencing old table as old_rows for each statement'
        when 'syncwell_truncated' then 'for each statement'
        else 'for each row'
      end,
      v_trigger.trigger_function
    );
  end loop;
  for v_trigger in
    select s.relation, s.trigger_name, s.should_be
    from syncwell._tracking_state(p_table_id) as s
    where s.state <> s.should_be
    order by s.is_root desc, s.relation::text, s.trigger_name
  loop
    execute format(
      'alter table %s enable %s trigger %I',
      v_trigger.relation,
      case v_trigger.should_be when 'R' then 'replica' when 'A' then 'always' else '' end,
      v_trigger.trigger_name
    );
  end loop;
  return v_repaired;
end
$$;
comment on function syncwell._ensure_triggers(integer) is
'Makes the triggers of a synced table and its partitions that are missing, and enables those that are not as they '
'should be, with the rights of the caller; returns how many.';
revoke all on function syncwell._ensure_triggers(integer) from public;
grant execute on function syncwell._ensure_triggers(integer) to syncwell_operator;
--! end

--! include delta/functions/_seen.sql
create or replace function syncwell._seen(
  p_xid xid8,
  p_snapshot pg_snapshot,
  p_own_xids xid8[]
)
returns boolean
language sql immutable security invoker parallel safe
return p_xid is null or pg_catalog.pg_visible_in_snapshot(p_xid, p_snapshot) or p_xid = any(p_own_xids);
comment on function syncwell._seen(xid8, pg_snapshot, xid8[]) is
'Whether a device knows what a transaction did: its cursor''s snapshot sees it, it was its own push, or it is older '
'than the registration (NULL).';
revoke all on function syncwell._seen(xid8, pg_snapshot, xid8[]) from public;
--! end

--! include delta/functions/_existed.sql
create or replace function syncwell._existed(
  p_created_xid xid8,
  p_earlier_lives xid8[],
  p_snapshot pg_snapshot,
  p_own_xids xid8[]
)
returns boolean
language sql immutable security invoker parallel safe
return
case
  when syncwell._seen(p_created_xid, p_snapshot, p_own_xids) then true
  when p_earlier_lives is null then false
  -- births and deaths in turn, counted from the newest, which is a death
  else coalesce(
    (
      select (pg_catalog.cardinality(p_earlier_lives) - e.position) % 2 = 1
      from pg_catalog.unnest(p_earlier_lives) with ordinality as e (xid, position)
      where syncwell._seen(e.xid, p_snapshot, p_own_xids)
      order by e.position desc
      limit 1
    ),
    -- more lives than are kept
    pg_catalog.cardinality(p_earlier_lives) >= 20
  )
end;
comment on function syncwell._existed(xid8, xid8[], pg_snapshot, xid8[]) is
'Whether a device has a record that lives now, by what its cursor''s snapshot and its own pushes saw last: a birth or '
'a death. Exact for up to ten lives of one id; beyond, it is assumed to have it.';
revoke all on function syncwell._existed(xid8, xid8[], pg_snapshot, xid8[]) from public;
--! end

--! include delta/functions/_expire_cursors_task.sql
create or replace function syncwell._expire_cursors_task()
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_count bigint;
begin
  with old as (
    select c.org_id, c.user_id, c.cursor
    from syncwell.sync_cursors as c
    where c.created_at < syncwell._now() - syncwell._setting(null, 'delta.cursor_retention')::interval
    for update skip locked
  )
  delete from syncwell.sync_cursors as c
  using old as o
  where c.org_id = o.org_id and c.user_id = o.user_id and c.cursor = o.cursor;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function syncwell._expire_cursors_task() is
'Forgets the cursors of devices that stay away for longer than setting delta.cursor_retention, that of all orgs; '
'returns how many. Such a device replaces everything when it comes back.';
revoke all on function syncwell._expire_cursors_task() from public;
--! end

--! include delta/functions/_expire_pushes_task.sql
create or replace function syncwell._expire_pushes_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_rows bigint;
  v_sum bigint := 0;
begin
  with bound as materialized (
    select o.org_id, v_now - syncwell._setting(o.org_id, 'delta.request_retention')::interval as before
    from syncwell.orgs as o
  ),
  old as (
    select r.org_id, r.user_id, r.request_id
    from bound as b
    inner join syncwell.sync_requests as r on r.org_id = b.org_id and r.created_at < b.before
    limit 50000
    for update of r skip locked
  )
  delete from syncwell.sync_requests as r
  using old as o
  where r.org_id = o.org_id and r.user_id = o.user_id and r.request_id = o.request_id;
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  with bound as materialized (
    select o.org_id, v_now - syncwell._setting(o.org_id, 'delta.conflict_retention')::interval as before
    from syncwell.orgs as o
  ),
  old as (
    select c.org_id, c.id
    from bound as b
    inner join syncwell.sync_conflicts as c on c.org_id = b.org_id and c.occurred_at < b.before
    limit 50000
    for update of c skip locked
  )
  delete from syncwell.sync_conflicts as c
  using old as o
  where c.org_id = o.org_id and c.id = o.id;
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  with bound as materialized (
    select o.org_id, v_now - syncwell._setting(o.org_id, 'delta.conflict_retention')::interval as before
    from syncwell.orgs as o
  ),
  old as (
    select q.org_id, q.id
    from bound as b
    inner join syncwell.sync_quarantine as q on q.org_id = b.org_id and q.quarantined_at < b.before
    limit 50000
    for update of q skip locked
  )
  delete from syncwell.sync_quarantine as q
  using old as o
  where q.org_id = o.org_id and q.id = o.id;
  get diagnostics v_rows = row_count;
  return v_sum + v_rows;
end
$$;
comment on function syncwell._expire_pushes_task() is
'Maintenance duty: deletes answers to request ids older than setting delta.request_retention, and conflicts and '
'quarantined records older than delta.conflict_retention, of their org, at most 50000 of each a call; how many.';
revoke all on function syncwell._expire_pushes_task() from public;
--! end

--! include delta/functions/_fail_push.sql
create or replace function syncwell._fail_push(
  p_device_id text,
  p_error jsonb,
  p_conflicts bigint,
  p_stamps jsonb,
  p_bytes bigint,
  p_started_at timestamptz,
  p_client jsonb,
  p_preview boolean
)
returns json
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user record;
  v_code constant text := p_error ->> 'code';
  v_status constant integer := syncwell._http_status(v_code);
begin
  v_user := syncwell._syncing_user();
  if not p_preview then
    if p_stamps <> '{}' then
      perform syncwell._stamp_tombstones(v_user.org_id, v_user.user_id, p_stamps);
    end if;
    perform syncwell._note_push(
      p_org_id => v_user.org_id,
      p_user_id => v_user.user_id,
      p_device_id => left(coalesce(p_device_id, ''), 200),
      p_ok => false,
      p_created => 0,
      p_updated => 0,
      p_deleted => 0,
      p_conflicts => p_conflicts,
      p_quarantined => 0,
      p_bytes => p_bytes,
      p_started_at => coalesce(p_started_at, syncwell._now()),
      p_error_code => v_code,
      p_error_message => syncwell._scrub_secrets(p_error ->> 'message'),
      p_client => p_client
    );
  end if;
  -- PostgREST answers with it
  perform set_config('response.status', v_status::text, true);
  return json_build_object(
    'success', false,
    'error', json_build_object(
      'code', v_code,
      'message', syncwell._scrub_secrets(p_error ->> 'message'),
      'detail', syncwell._scrub_secrets(p_error ->> 'detail'),
      'hint', p_error ->> 'hint',
      'status', v_status
    )
  );
end
$$;
comment on function syncwell._fail_push(text, jsonb, bigint, jsonb, bigint, timestamptz, jsonb, boolean) is
'What a refused push leaves: the failure as a fact, the deletions it must be told of again, '
'the status for PostgREST; a preview leaves the status only. Returns the answer. Errors: SW001, 42501.';
revoke all on function syncwell._fail_push(text, jsonb, bigint, jsonb, bigint, timestamptz, jsonb, boolean) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._fail_push(text, jsonb, bigint, jsonb, bigint, timestamptz, jsonb, boolean)
to syncwell_client;
--! end

--! include delta/functions/_forget_table.sql
create or replace function syncwell._forget_table(p_table_id integer)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._drop_generated(p_table_id);
  -- devices keep what they have of it: see _register_table()
  insert into syncwell.unregistered_tables as u (table_name, unregistered_at)
  select t.table_name, syncwell._now() from syncwell.synced_tables as t where t.table_id = p_table_id
  on conflict (table_name) do update set unregistered_at = excluded.unregistered_at;
  delete from syncwell.record_changes as c where c.table_id = p_table_id;
  delete from syncwell.synced_tables as t where t.table_id = p_table_id;
end
$$;
comment on function syncwell._forget_table(integer) is 'Removes a synced table and all that is known of its changes.';
revoke all on function syncwell._forget_table(integer) from public;
--! end

--! include delta/functions/_generate_table.sql
create or replace function syncwell._generate_table(p_table_id integer)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text;
  v_org_column name;
  v_types regtype[];
  v_text text := syncwell._generated_sql(p_table_id);
begin
  select t.table_name, t.org_column into strict v_name, v_org_column
  from syncwell.synced_tables as t
  where t.table_id = p_table_id;
  -- 15 functions, 4 of them with a statement in a text: with one quote more, a name or a default of the table would end
  -- a function and go on as a statement of the owner's
  if (length(v_text) - length(replace(v_text, '$body$', ''))) / length('$body$') <> 30
    or (length(v_text) - length(replace(v_text, '$statement$', ''))) / length('$statement$') <> 8
  then
    perform syncwell._refuse_table(
      'A name, a type or a default of the table has $body$ or $statement$ in it.',
      'Name it otherwise; a column with such a default can be synced as one of p_read_only.'
    );
  end if;
  begin
    execute v_text;
  exception
    -- other columns, other results: what others may hold a plan of is replaced only where it must be
    when invalid_table_definition or invalid_function_definition then
      perform syncwell._drop_generated(p_table_id);
      execute v_text;
  end;
  -- The view keeps the columns from getting other types from here on; nothing else has kept them until now, and a
  -- snapshot may be older than them. Casts of other types would run with the rights of the triggers.
  execute format(
    'select array[pg_typeof((r)._key), pg_typeof((r)._owner), pg_typeof((r).%2$I)]'
    ' from (values (null::syncwell_tables.%1$I)) as v (r)',
    v_name, case when v_org_column is null then '_owner' else '_org' end
  )
  into v_types;
  if not coalesce((
    select bool_and(coalesce(
      syncwell._base_type(x.type) = any (
        case when x.place = 1 then '{text,varchar,uuid,bigint,integer,smallint}' else '{uuid,text,varchar}' end::regtype[]
      ),
      false
    ))
    from unnest(v_types) with ordinality as x (type, place)
  ), false) then
    perform syncwell._refuse_table(
      format('The columns of id, owner and org are of type %s now.', array_to_string(v_types, ', ')),
      'An id is of type text, uuid or an integer, owner and org of type uuid or text.'
    );
  end if;
  execute format(
    'comment on view syncwell_tables.%I is %L', v_name,
    format('Records of %s as devices see them. Generated: %s', v_name, md5(v_text))
  );
end
$$;
comment on function syncwell._generate_table(integer) is
'Makes the view and the functions of a synced table, or makes them anew from the current definition. Errors: SW302.';
revoke all on function syncwell._generate_table(integer) from public;
--! end

--! include delta/functions/_generated_sql.sql
create or replace function syncwell._generated_sql(p_table_id integer)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return concat(
    syncwell._view_sql(p_table_id),
    syncwell._tracking_sql(p_table_id),
    syncwell._pull_sql(p_table_id),
    syncwell._push_sql(p_table_id)
  );
end
$$;
comment on function syncwell._generated_sql(integer) is
'The text that makes all that belongs to a synced table in schema syncwell_tables.';
revoke all on function syncwell._generated_sql(integer) from public;
--! end

--! include delta/functions/_hidden_records.sql
create or replace function syncwell._hidden_records(
  p_part syncwell.pull_part,
  p_ids text[]
)
returns text[]
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  -- what a push kept may be gone by now without a change that is newer than the cursor
  v_ids constant text[] := array(
    select i.id from unnest(p_ids) as i (id) where i.id <> all (coalesce(p_part.absent, '{}'))
  );
begin
  if v_ids <> '{}' and not p_part.revokes then
    raise exception using
      errcode = 'SW306',
      message = 'records are hidden from their owner',
      detail = format(
        '%s of the changed records of table %s are the caller''s but not shown to it: %s.', cardinality(v_ids),
        p_part.table_name, left(array_to_string(v_ids[:5], ', '), 200)
      ),
      hint = 'Correct the table''s policies, or register it with p_rls_revokes => true to have such records deleted on '
      'devices. Records that went while their triggers were disabled: resync_table().';
  end if;
  return v_ids;
end
$$;
comment on function syncwell._hidden_records(syncwell.pull_part, text[]) is
'Which of the changed records that could not be read a device has to delete, where the table says that hidden means '
'revoked. Errors: SW306 where it does not.';
revoke all on function syncwell._hidden_records(syncwell.pull_part, text[]) from public;
-- sync_pull() runs with its caller's rights
grant execute on function syncwell._hidden_records(syncwell.pull_part, text[]) to syncwell_client;
--! end

--! include delta/functions/_idle_pull.sql
create or replace function syncwell._idle_pull(
  p_cursor bigint,
  p_device_id text,
  p_now timestamptz
)
returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
-- also what a session planned while the tables were small serves it when they have grown
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
-- before PostgreSQL 18 a plan that can not do without a sequential scan looks dear enough to be compiled
set jit = off
as $$
declare
  v_me record := syncwell._identity();
begin
  return (
    select
      c.device_id = p_device_id
      and c.idle_until > p_now
      and c.page_table is null
      and c.absent is null
      and c.tables is null
      and not exists (
        select from syncwell.record_changes as r
        where r.scope in (v_me.user_id, v_me.org_id)
          and r.xid >= pg_snapshot_xmin(c.snapshot)
          and not pg_visible_in_snapshot(r.xid, c.snapshot)
      )
      and not exists (
        select from syncwell.sync_horizons as h
        where h.scope in (v_me.user_id, v_me.org_id) and h.purged_below > pg_snapshot_xmin(c.snapshot)
      )
      and not exists (
        select from syncwell.sync_devices as d
        where d.org_id = c.org_id
          and d.user_id = c.user_id
          and d.device_id = c.device_id
          and not pg_visible_in_snapshot(d.invalidated_xid, c.snapshot)
      )
      and not exists (
        select from syncwell.synced_tables as t
        where t.partitions is not null
          or t.registered_xid >= pg_snapshot_xmin(c.snapshot)
          or t.reset_xid >= pg_snapshot_xmin(c.snapshot)
      )
      and exists (
        select from syncwell.sync_incarnations as i
        where i.incarnation = c.incarnation
          and i.system_identifier = current_setting('syncwell.system_identifier', true)
      )
    from syncwell.sync_cursors as c
    where c.org_id = v_me.org_id and c.user_id = v_me.user_id and c.cursor = p_cursor
  );
end
$$;
comment on function syncwell._idle_pull(bigint, text, timestamptz) is
'Whether there is surely nothing to send and nothing to note for the caller''s cursor: the short way of the pulls that '
'are made most. Anything but true says nothing.';
revoke all on function syncwell._idle_pull(bigint, text, timestamptz) from public;
-- sync_pull() runs with its caller's rights
grant execute on function syncwell._idle_pull(bigint, text, timestamptz) to syncwell_client;
--! end

--! include delta/functions/_idle_until.sql
create or replace function syncwell._idle_until(
  p_org_id uuid,
  p_created_at timestamptz
)
returns timestamptz
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return least(
    syncwell._now() + syncwell._setting(p_org_id, 'delta.idle_interval')::interval,
    p_created_at + syncwell._setting(p_org_id, 'delta.cursor_refresh')::interval
  );
end
$$;
comment on function syncwell._idle_until(uuid, timestamptz) is
'Until when pulls with a cursor made at p_created_at, used now, have nothing to write.';
revoke all on function syncwell._idle_until(uuid, timestamptz) from public;
--! end

--! include delta/functions/_incarnation.sql
create or replace function syncwell._incarnation()
returns integer
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_current syncwell.sync_incarnations;
  v_identifier text;
begin
  select i.* into v_current from syncwell.sync_incarnations as i order by i.incarnation desc limit 1;
  -- a cluster keeps its identifier, so one look a session will do; who forges the setting fools only itself
  if v_current.system_identifier = nullif(current_setting('syncwell.system_identifier', true), '') then
    return v_current.incarnation;
  end if;
  select c.system_identifier::text into v_identifier from pg_control_system() as c;
  if v_current.system_identifier is distinct from v_identifier then
    -- waits for whoever notices at the same moment, then finds it done
    lock table syncwell.sync_incarnations in share row exclusive mode;
    select i.* into v_current from syncwell.sync_incarnations as i order by i.incarnation desc limit 1;
    if v_current.system_identifier is distinct from v_identifier then
      if v_current.incarnation is not null then
        delete from syncwell.record_changes;
        delete from syncwell.sync_cursors;
        delete from syncwell.sync_horizons;
        update syncwell.sync_devices set invalidated_xid = null where invalidated_xid is not null;
        -- older than every snapshot to come: no cursor is left that would have to see it
        update syncwell.synced_tables set registered_xid = '3', reset_xid = null;
      end if;
      insert into syncwell.sync_incarnations (system_identifier) values (v_identifier) returning * into v_current;
    end if;
  end if;
  perform set_config('syncwell.system_identifier', v_identifier, false);
  return v_current.incarnation;
end
$$;
comment on function syncwell._incarnation() is
'The number of the cluster this database lives in. The first call after it was moved (dump and restore) forgets every '
'change and cursor, whose transaction ids mean nothing any more: all devices are sent everything again.';
revoke all on function syncwell._incarnation() from public;
--! end

--! include delta/functions/_is_bad_record.sql
create or replace function syncwell._is_bad_record(p_sqlstate text)
returns boolean
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  -- what would be the same for every record: no connection, feature, transaction, privilege, syntax, resource, lock,
  -- shutdown, system, foreign server, syncwell's own. But 42501 can be a policy's, about one record, and 54 a text that
  -- is too long for an index
  return p_sqlstate = '42501' or left(p_sqlstate, 2) <> all (
    array['08', '0A', '25', '26', '28', '34', '3D', '3F', '40', '42', '53', '55', '57', '58', 'F0', 'HV', 'SW', 'XX']
  );
end
$$;
comment on function syncwell._is_bad_record(text) is
'Whether an SQLSTATE says that a record is bad (a value, a constraint, a trigger that raises) and not that the push '
'as a whole can''t be done.';
revoke all on function syncwell._is_bad_record(text) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._is_bad_record(text) to syncwell_client;
--! end

--! include delta/functions/_is_generated.sql
create or replace function syncwell._is_generated(p_table_id integer)
returns boolean
language sql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    obj_description(to_regclass(format('syncwell_tables.%I', t.table_name)), 'pg_class')
    like '%' || md5(syncwell._generated_sql(t.table_id)),
    false
  )
  from syncwell.synced_tables as t
  where t.table_id = p_table_id;
$$;
comment on function syncwell._is_generated(integer) is
'Whether what was generated for a table is what would be generated now.';
revoke all on function syncwell._is_generated(integer) from public;
--! end

--! include delta/functions/_is_safe_id.sql
create or replace function syncwell._is_safe_id(p_id text)
returns boolean
language sql immutable security invoker parallel safe
return p_id !~ '[\s''"`\\/$\x01-\x1f\x7f]';
comment on function syncwell._is_safe_id(text) is
'Whether the text has none of the characters that clients don''t escape in ids: quotes, backslash, slash, dollar, '
'spaces and control characters.';
revoke all on function syncwell._is_safe_id(text) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._is_safe_id(text) to syncwell_client;
--! end

--! include delta/functions/_may_push.sql
create or replace function syncwell._may_push(p_table_id integer)
returns boolean
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select coalesce(bool_and(
      has_column_privilege(t.relation, c.column_name::text, 'insert')
      and (
        c.is_identity
        or has_column_privilege(t.relation, c.column_name::text, 'update')
      )
    ), false)
    from syncwell.synced_tables as t
    cross join lateral (
      select s.column_name, false as is_identity
      from syncwell.synced_columns as s
      where s.table_id = t.table_id and s.writable
      union all
      select i.column_name, true
      from (values (t.id_column), (t.scope_column), (t.org_column)) as i (column_name)
      where i.column_name is not null
    ) as c
    where t.table_id = p_table_id
  );
end
$$;
comment on function syncwell._may_push(integer) is
'Whether the current role has the privileges on a synced table that any push needs. Where it has, a refusal (42501) '
'comes from a policy or a trigger and is about one record.';
revoke all on function syncwell._may_push(integer) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._may_push(integer) to syncwell_client;
--! end

--! include delta/functions/_merged_absent.sql
create or replace function syncwell._merged_absent(
  p_absent jsonb,
  p_more jsonb
)
returns jsonb
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select jsonb_object_agg(m.table_id, m.ids)
    from (
      select e.key as table_id, jsonb_agg(distinct i.id) as ids
      from (
        select a.key, a.value from jsonb_each(p_absent) as a
        union all
        select a.key, a.value from jsonb_each(p_more) as a
      ) as e
      cross join lateral jsonb_array_elements(e.value) as i (id)
      group by e.key
    ) as m
  );
end
$$;
comment on function syncwell._merged_absent(jsonb, jsonb) is
'Two lists of records by table id, {"1": ["a"]}, as one; NULL where there are none.';
revoke all on function syncwell._merged_absent(jsonb, jsonb) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._merged_absent(jsonb, jsonb) to syncwell_client;
--! end

--! include delta/functions/_note_idle_pull.sql
create or replace function syncwell._note_idle_pull(
  p_cursor bigint,
  p_device_id text,
  p_schema_version integer,
  p_started_at timestamptz,
  p_client jsonb
)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
-- also what a session planned while the tables were small serves it when they have grown
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
-- before PostgreSQL 18 a plan that can not do without a sequential scan looks dear enough to be compiled
set jit = off
as $$
declare
  v_me record := syncwell._syncing_user();
begin
  -- a push that is under way holds the cursor: the next idle pull will do
  update syncwell.sync_cursors as c
  set idle_until = syncwell._idle_until(v_me.org_id, c.created_at)
  from (
    select k.ctid as place
    from syncwell.sync_cursors as k
    where k.org_id = v_me.org_id and k.user_id = v_me.user_id and k.cursor = p_cursor
    for no key update skip locked
  ) as k
  where c.ctid = k.place;
  perform syncwell._note_pull(
    v_me.org_id, v_me.user_id, coalesce(p_device_id, ''), 'idle', p_cursor, p_schema_version, 0, 0, 0, 0, null,
    p_started_at, p_client
  );
end
$$;
comment on function syncwell._note_idle_pull(bigint, text, integer, timestamptz, jsonb) is
'Notes that a device was here and found nothing new.';
revoke all on function syncwell._note_idle_pull(bigint, text, integer, timestamptz, jsonb) from public;
-- sync_pull() runs with its caller's rights; what is told here is about the caller's own device
grant execute on function syncwell._note_idle_pull(bigint, text, integer, timestamptz, jsonb) to syncwell_client;
--! end

--! include delta/functions/_note_pull.sql
create or replace function syncwell._note_pull(
  p_org_id uuid,
  p_user_id uuid,
  p_device_id text,
  p_kind text,
  p_cursor bigint,
  p_schema_version integer,
  p_created bigint,
  p_updated bigint,
  p_deleted bigint,
  p_bytes bigint,
  p_records jsonb,
  p_started_at timestamptz,
  p_client jsonb
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_idle constant boolean := p_kind = 'idle';
  v_source text;
  v_platform text;
  v_network text;
begin
  if v_idle then
    perform from syncwell.sync_devices as d
    where d.org_id = p_org_id
      and d.user_id = p_user_id
      and d.device_id = p_device_id
      and d.cursor = p_cursor
      and d.last_pull > v_now - syncwell._setting(p_org_id, 'delta.idle_interval')::interval;
    if found then
      return;
    end if;
  end if;
  if p_client is not null then
    v_platform := syncwell._client_platform(p_client);
    v_network := syncwell._client_fact(p_client, 'networkType');
  end if;
  v_source := syncwell._sync_source(p_org_id);

  insert into syncwell.sync_devices as d (
    org_id, user_id, device_id, platform, app_version, network_type, first_seen, last_seen, last_pull, cursor,
    cursor_at, schema_version, records, pulls
  )
  values (
    p_org_id, p_user_id, p_device_id, v_platform, syncwell._client_fact(p_client, 'appVersion'),
    case when v_network is not null then syncwell._redact(p_org_id, p_user_id, v_network) end,
    v_now, v_now, v_now, p_cursor, v_now, p_schema_version,
    case when p_kind in ('first', 'replacement') then p_records end, (not v_idle)::integer
  )
  on conflict (org_id, user_id, device_id) do update
  set
    platform = coalesce(excluded.platform, d.platform),
    app_version = coalesce(excluded.app_version, d.app_version),
    network_type = coalesce(excluded.network_type, d.network_type),
    last_seen = excluded.last_seen,
    last_pull = excluded.last_pull,
    schema_version = coalesce(excluded.schema_version, d.schema_version),
    -- an idle pull hands out a cursor only where the old one has come of age
    cursor = coalesce(excluded.cursor, d.cursor),
    cursor_at = case when excluded.cursor is distinct from d.cursor then excluded.cursor_at else d.cursor_at end,
    records = case
      when p_kind in ('first', 'replacement') then p_records
      when p_records is not null and d.records is not null then (
        select jsonb_object_agg(s.table_id, s.records)
        from (
          select c.key as table_id, sum(c.value::bigint) as records
          from (
            select r.key, r.value from jsonb_each_text(d.records) as r (key, value)
            union all
            select r.key, r.value from jsonb_each_text(p_records) as r (key, value)
          ) as c
          group by c.key
        ) as s
      )
      else d.records
    end,
    pulls = d.pulls + excluded.pulls,
    -- a known device that starts from nothing has lost what it had; one without a name may be another one
    full_resyncs = d.full_resyncs
    + (p_kind = 'replacement' or (p_kind = 'first' and d.device_id <> '' and d.last_pull is not null))::integer,
    -- until a pull that has seen the invalidation
    may_shrink = d.may_shrink and (
      v_idle or exists (
        select from syncwell.sync_cursors as c
        where c.org_id = p_org_id
          and c.user_id = p_user_id
          and c.cursor = p_cursor
          and not pg_visible_in_snapshot(d.invalidated_xid, c.snapshot)
      )
    );

  if v_idle then
    perform syncwell._note_alive(p_org_id, p_user_id, v_source);
    return;
  end if;
  perform syncwell._record_run(
    p_org_id => p_org_id,
    p_user_id => p_user_id,
    p_source => v_source,
    p_direction => 'pull',
    p_sync_type => case when p_kind in ('first', 'replacement') then 'full' else 'incremental' end,
    p_started_at => p_started_at,
    p_items_created => p_created,
    p_items_updated => p_updated,
    p_items_deleted => p_deleted,
    p_items_failed => null,
    p_bytes => p_bytes,
    p_platform => v_platform,
    p_device_id => nullif(p_device_id, ''),
    p_network_type => v_network,
    p_network_quality => syncwell._client_fact(p_client, 'networkQuality')
  );
end
$$;
comment on function
syncwell._note_pull(
  uuid, uuid, text, text, bigint, integer, bigint, bigint, bigint, bigint, jsonb, timestamptz, jsonb
) is
'Writes down that a device has pulled. p_kind: idle (nothing to send: only that it was here, at most once a setting '
'delta.idle_interval, and its stream stays fresh), delta, first, replacement (a run of the stream of setting '
'delta.source, the latter two of type full); p_cursor: the cursor it is given; p_records: by table id how many records '
'the device has (first, replacement) or has more than before (delta); p_bytes: length of the answer; p_client: what it '
'says of itself (platform, appVersion, networkType, networkQuality), of which nothing can make a sync fail. Called in '
'the transaction that stores the cursor, after it is stored.';
revoke all on function
syncwell._note_pull(
  uuid, uuid, text, text, bigint, integer, bigint, bigint, bigint, bigint, jsonb, timestamptz, jsonb
) from public;
--! end

--! include delta/functions/_note_push.sql
create or replace function syncwell._note_push(
  p_org_id uuid,
  p_user_id uuid,
  p_device_id text,
  p_ok boolean,
  p_created bigint,
  p_updated bigint,
  p_deleted bigint,
  p_conflicts bigint,
  p_quarantined bigint,
  p_bytes bigint,
  p_started_at timestamptz,
  p_error_code text,
  p_error_message text,
  p_client jsonb
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_platform text;
  v_network text;
begin
  if p_client is not null then
    v_platform := syncwell._client_platform(p_client);
    v_network := syncwell._client_fact(p_client, 'networkType');
  end if;

  insert into syncwell.sync_devices as d (
    org_id, user_id, device_id, platform, app_version, network_type, first_seen, last_seen, last_push, pushes, failures,
    conflicts, quarantined, failing_since, last_error_code
  )
  values (
    p_org_id, p_user_id, p_device_id, v_platform, syncwell._client_fact(p_client, 'appVersion'),
    case when v_network is not null then syncwell._redact(p_org_id, p_user_id, v_network) end,
    v_now, v_now, v_now, p_ok::integer, (not p_ok)::integer,
    coalesce(p_conflicts, 0), coalesce(p_quarantined, 0), case when not p_ok then v_now end,
    case when not p_ok then p_error_code end
  )
  on conflict (org_id, user_id, device_id) do update
  set
    platform = coalesce(excluded.platform, d.platform),
    app_version = coalesce(excluded.app_version, d.app_version),
    network_type = coalesce(excluded.network_type, d.network_type),
    last_seen = excluded.last_seen,
    last_push = excluded.last_push,
    pushes = d.pushes + excluded.pushes,
    failures = d.failures + excluded.failures,
    conflicts = d.conflicts + excluded.conflicts,
    quarantined = d.quarantined + excluded.quarantined,
    failing_since = case when not p_ok then coalesce(d.failing_since, excluded.failing_since) end,
    last_error_code = excluded.last_error_code;

  perform syncwell._record_run(
    p_org_id => p_org_id,
    p_user_id => p_user_id,
    p_source => syncwell._sync_source(p_org_id),
    p_direction => 'push',
    p_sync_type => 'incremental',
    p_started_at => p_started_at,
    p_items_created => p_created,
    p_items_updated => p_updated,
    p_items_deleted => p_deleted,
    p_items_failed => p_quarantined,
    p_bytes => p_bytes,
    p_error_code => case when not p_ok then coalesce(p_error_code, 'XX000') end,
    p_error_message => case when not p_ok then p_error_message end,
    p_platform => v_platform,
    p_device_id => nullif(p_device_id, ''),
    p_network_type => v_network,
    p_network_quality => syncwell._client_fact(p_client, 'networkQuality')
  );
end
$$;
comment on function
syncwell._note_push(
  uuid, uuid, text, boolean, bigint, bigint, bigint, bigint, bigint, bigint, timestamptz, text, text, jsonb
) is
'Writes down that a device has pushed, as a run of the stream of setting delta.source. p_ok: whether it was accepted; '
'the counts are of what was written (NULL where it failed); p_conflicts: records in conflict, refused ones included; '
'p_quarantined: records put aside, which make the run a partial one; p_bytes: length of the push; p_error_code, '
'p_error_message: why it failed, which counts as a failure of the stream that nobody but the device retries; p_client '
'as in _note_pull().';
revoke all on function
syncwell._note_push(
  uuid, uuid, text, boolean, bigint, bigint, bigint, bigint, bigint, bigint, timestamptz, text, text, jsonb
) from public;
--! end

--! include delta/functions/_note_tracking.sql
create or replace function syncwell._note_tracking(
  p_table regclass,
  p_resets boolean
)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table_id constant integer := syncwell._synced_table_id(p_table);
begin
  perform syncwell._check_table_owner(p_table);
  perform syncwell._incarnation();
  update syncwell.synced_tables as t set partitions = syncwell._count_partitions(p_table) where t.table_id = v_table_id;
  if p_resets then
    perform syncwell._reset_table(v_table_id);
  end if;
  perform syncwell._order_tables();
  -- a table that has changed under its registration is its owner's to register again
  if not syncwell._is_generated(v_table_id)
    and not exists (select from syncwell._definition_problems(v_table_id))
  then
    perform syncwell._generate_table(v_table_id);
  end if;
end
$$;
comment on function syncwell._note_tracking(regclass, boolean) is
'The part of ensure_tracking() that needs the owner''s rights, after the triggers are there. Errors: 42501, SW301.';
revoke all on function syncwell._note_tracking(regclass, boolean) from public;
-- ensure_tracking() runs with its caller's rights
grant execute on function syncwell._note_tracking(regclass, boolean) to syncwell_operator;
--! end

--! include delta/functions/_order_tables.sql
create or replace function syncwell._order_tables()
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_placed integer[] := array[]::integer[];
  v_next integer;
begin
  loop
    -- a table whose targets are all placed; in a circle of foreign keys, the oldest
    select t.table_id into v_next
    from syncwell.synced_tables as t
    where t.table_id <> all (v_placed)
    order by
      exists (
        select
        from pg_constraint as k
        inner join syncwell.synced_tables as o on o.relation = k.confrelid
        where k.contype = 'f'
          and k.conrelid = t.relation
          and o.table_id <> t.table_id
          and o.table_id <> all (v_placed)
      ),
      t.table_id
    limit 1;
    exit when not found;
    v_placed := v_placed || v_next;
  end loop;
  update syncwell.synced_tables as t
  set position = p.position
  from unnest(v_placed) with ordinality as p (table_id, position)
  where t.table_id = p.table_id and t.position is distinct from p.position;
end
$$;
comment on function syncwell._order_tables() is
'Numbers the synced tables so that a foreign key''s target comes before the table that has the key.';
revoke all on function syncwell._order_tables() from public;
--! end

--! include delta/functions/_plain_json.sql
create or replace function syncwell._plain_json(p_value anyelement)
returns text
language sql stable security invoker parallel safe
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO, YMD'
set intervalstyle = 'postgres'
set timezone = 'UTC'
set extra_float_digits = '1'
as $$
  select to_json(p_value)::text;
$$;
comment on function syncwell._plain_json(anyelement) is
'A value as JSON text, the same in every session, whatever its settings for dates, intervals and time zone.';
revoke all on function syncwell._plain_json(anyelement) from public;
-- the views of synced tables call it with their readers' rights
grant execute on function syncwell._plain_json(anyelement)
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
--! end

--! include delta/functions/_plain_text.sql
create or replace function syncwell._plain_text(p_value anyelement)
returns text
language sql stable security invoker parallel safe
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO, YMD'
set intervalstyle = 'postgres'
set timezone = 'UTC'
set extra_float_digits = '1'
as $$
  select p_value::text;
$$;
comment on function syncwell._plain_text(anyelement) is
'A value as text, the same in every session, whatever its settings for dates, intervals and time zone.';
revoke all on function syncwell._plain_text(anyelement) from public;
-- the views of synced tables call it with their readers' rights
grant execute on function syncwell._plain_text(anyelement)
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
--! end

--! include delta/functions/_pull_message.sql
create or replace function syncwell._pull_message(p_items bigint)
returns text
language sql immutable security invoker parallel safe
return
case coalesce(p_items, 0)
  when 0 then 'Everything is up to date'
  when 1 then '1 item updated from cloud'
  else pg_catalog.format('%s items updated from cloud', p_items)
end;
comment on function syncwell._pull_message(bigint) is 'What a client may tell its user about a pull.';
revoke all on function syncwell._pull_message(bigint) from public;
-- sync_pull() runs with its caller's rights
grant execute on function syncwell._pull_message(bigint) to syncwell_client;
--! end

--! include delta/functions/_pull_migration.sql
create or replace function syncwell._pull_migration(
  p_migration jsonb,
  out tables text[],
  out columns jsonb,
  out ignored text[]
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wrong text;
begin
  if jsonb_typeof(p_migration) = 'null' then
    return;
  end if;
  v_wrong := case
    when jsonb_typeof(p_migration) <> 'object' then 'It is no object.'
    when coalesce(jsonb_typeof(p_migration -> 'from'), 'null') not in ('null', 'number') then 'from is no number.'
    when coalesce(jsonb_typeof(p_migration -> 'tables'), 'null') not in ('null', 'array') then 'tables is no array.'
    when coalesce(jsonb_typeof(p_migration -> 'columns'), 'null') not in ('null', 'array') then 'columns is no array.'
    when octet_length(p_migration::text) > 1048576 then 'It is larger than a megabyte.'
  end;
  if v_wrong is null then
    if exists (
      select from jsonb_path_query(p_migration, 'strict $.tables[*]', silent => true) as t (name)
      where jsonb_typeof(t.name) <> 'string'
    ) then
      v_wrong := 'tables has something else than names.';
    elsif exists (
      select from jsonb_path_query(p_migration, 'strict $.columns[*]', silent => true) as c (entry)
      where jsonb_typeof(c.entry) <> 'object'
        or jsonb_typeof(c.entry -> 'table') is distinct from 'string'
        or jsonb_typeof(c.entry -> 'columns') is distinct from 'array'
    ) then
      v_wrong := 'columns has something else than {table, columns: [names]}.';
    elsif exists (
      select from jsonb_path_query(p_migration, 'strict $.columns[*].columns[*]', silent => true) as c (name)
      where jsonb_typeof(c.name) <> 'string'
    ) then
      v_wrong := 'columns has something else than names.';
    end if;
  end if;
  if v_wrong is not null then
    raise exception using
      errcode = '22023',
      message = 'p_migration is not what a client sends',
      detail = v_wrong,
      hint = 'It is null or {"from": 1, "tables": ["a"], "columns": [{"table": "b", "columns": ["c"]}]}.';
  end if;

  select array_agg(distinct t.name) into tables
  from jsonb_array_elements_text(coalesce(nullif(p_migration -> 'tables', 'null'), '[]')) as t (name)
  join syncwell.synced_tables as s on s.table_name = t.name;
  select jsonb_object_agg(k.table_name, k.names) into columns
  from (
    select s.table_name, jsonb_agg(distinct c.column_name) as names
    from jsonb_array_elements(coalesce(nullif(p_migration -> 'columns', 'null'), '[]')) as e (entry)
    join syncwell.synced_tables as s on s.table_name = e.entry ->> 'table'
    cross join jsonb_array_elements_text(e.entry -> 'columns') as n (name)
    join syncwell.synced_columns as c on c.table_id = s.table_id and c.column_name = n.name
    where s.table_name <> all (coalesce(tables, '{}'))
    group by s.table_name
  ) as k;
  select array_agg(distinct left(u.name, 200)) into ignored
  from (
    select t.name
    from jsonb_array_elements_text(coalesce(nullif(p_migration -> 'tables', 'null'), '[]')) as t (name)
    where not exists (select from syncwell.synced_tables as s where s.table_name = t.name)
    union all
    select concat(e.entry ->> 'table', '.', n.name)
    from jsonb_array_elements(coalesce(nullif(p_migration -> 'columns', 'null'), '[]')) as e (entry)
    cross join jsonb_array_elements_text(e.entry -> 'columns') as n (name)
    where not exists (
      select from syncwell.synced_tables as s
      join syncwell.synced_columns as c on c.table_id = s.table_id
      where s.table_name = e.entry ->> 'table' and c.column_name = n.name
    )
  ) as u;
end
$$;
comment on function syncwell._pull_migration(jsonb) is
'What of a client''s migration is synced: new tables, new columns by table, and what is not (ignored: name or '
'table.column). Errors: 22023 when it is not of the form that clients send.';
revoke all on function syncwell._pull_migration(jsonb) from public;
--! end

--! include delta/functions/_pull_plan.sql
create or replace function syncwell._pull_plan(
  p_cursor bigint,
  p_migration jsonb,
  p_tables text[],
  p_device_id text,
  p_as_updated boolean,
  p_limit integer,
  out kind text,
  out org_id uuid,
  out base bigint,
  out page bigint,
  out plan jsonb,
  out snapshot pg_snapshot,
  out parts syncwell.pull_part[],
  out covers integer[],
  out ignored text[],
  out max_bytes bigint,
  out refresh boolean,
  out due boolean
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
-- also what a session planned while the tables were small serves it when they have grown
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
-- before PostgreSQL 18 a plan that can not do without a sequential scan looks dear enough to be compiled
set jit = off
as $$
declare
  v_me record := syncwell._syncing_user();
  v_now constant timestamptz := syncwell._now();
  v_device constant text := coalesce(p_device_id, '');
  v_own_xid constant xid8 := pg_current_xact_id_if_assigned();
  v_incarnation integer;
  v_identifier text;
  v_cursor syncwell.sync_cursors;
  v_new_tables text[];
  v_new_columns jsonb;
  v_old pg_snapshot;
  v_own xid8[];
  v_late xid8[];
  v_absent jsonb;
  v_late_absent jsonb;
  v_name text;
  v_untracked text;
begin
  select i.incarnation, i.system_identifier into v_incarnation, v_identifier
  from syncwell.sync_incarnations as i
  order by i.incarnation desc
  limit 1;
  if v_identifier is distinct from current_setting('syncwell.system_identifier', true) or v_identifier is null then
    kind := 'again';
    return;
  end if;
  org_id := v_me.org_id;
  snapshot := pg_current_snapshot();

  if v_own_xid is not null and (
    exists (
      select from syncwell.synced_tables as t
      where t.registered_xid = v_own_xid
        or t.reset_xid = v_own_xid
        or exists (
          select from syncwell.record_changes as c
          where c.scope = case when t.scope_kind = 'org' then v_me.org_id else v_me.user_id end
            and c.table_id = t.table_id
            and c.xid = v_own_xid
        )
    )
  ) then
    raise exception using
      errcode = 'SW305',
      message = 'this transaction has already written what it wants to pull',
      detail = 'The cursor of the pull could not tell the transaction''s own changes from those that come after it.',
      hint = 'Commit first, then pull.';
  end if;

  if p_tables is not null then
    select left(n.name, 100) into v_name
    from unnest(p_tables) as n (name)
    where not exists (select from syncwell.synced_tables as t where t.table_name = n.name)
    limit 1;
    if found then
      raise exception using
        errcode = 'SW301',
        message = 'unknown synced table',
        detail = format('No table is registered as %s.', coalesce(quote_literal(v_name), 'NULL')),
        hint = 'select table_name from syncwell.synced_tables lists them.';
    end if;
    select array_agg(t.table_id) into covers
    from syncwell.synced_tables as t
    where t.table_name = any (p_tables);
    covers := coalesce(covers, '{}');
  end if;
  if p_migration is not null then
    select m.tables, m.columns, m.ignored into v_new_tables, v_new_columns, ignored
    from syncwell._pull_migration(p_migration) as m;
  end if;

  if p_cursor <> 0 then
    select c.* into v_cursor
    from syncwell.sync_cursors as c
    where c.org_id = v_me.org_id
      and c.user_id = v_me.user_id
      and c.cursor = p_cursor
      and c.device_id = v_device
      and c.incarnation = v_incarnation
      -- not from before its device was invalidated
      and not exists (
        select from syncwell.sync_devices as d
        where d.org_id = c.org_id
          and d.user_id = c.user_id
          and d.device_id = c.device_id
          and not pg_visible_in_snapshot(d.invalidated_xid, c.snapshot)
      )
      -- what was cleaned up since may be missing on the device
      and not exists (
        select from syncwell.sync_horizons as h
        where h.scope in (v_me.user_id, v_me.org_id)
          and h.purged_below > pg_snapshot_xmin(case when c.page_table is null then c.snapshot else c.base_snapshot end)
      );
    kind := case when found then 'delta' else 'replacement' end;
  else
    kind := 'first';
  end if;
  base := v_cursor.cursor;

  if v_cursor.page_table is not null then
    kind := v_cursor.plan ->> 'kind';
    base := v_cursor.parent;
    page := v_cursor.cursor;
    snapshot := v_cursor.snapshot;
    covers := v_cursor.tables;
    plan := v_cursor.plan;
    v_old := v_cursor.base_snapshot;
    v_own := v_cursor.base_own_xids;
    v_absent := v_cursor.plan -> 'absent';
  elsif kind = 'delta' then
    v_old := v_cursor.snapshot;
    v_own := v_cursor.own_xids;
    v_absent := v_cursor.absent;
    select c.own_xids, c.absent into v_late, v_late_absent
    from syncwell.sync_cursors as c
    where c.org_id = v_me.org_id and c.user_id = v_me.user_id and c.cursor = v_cursor.parent;
    if exists (select from unnest(v_late) as x (xid) where not pg_visible_in_snapshot(x.xid, v_old)) then
      -- a push whose answer was lost has committed after the cursor that followed it was made
      v_own := v_own || v_late;
      v_absent := syncwell._merged_absent(v_absent, v_late_absent);
    end if;
  end if;
  max_bytes := syncwell._setting(v_me.org_id, 'delta.max_bytes')::bigint;
  if p_limit is not null and page is null then
    plan := jsonb_build_object('kind', kind, 'own', to_jsonb(coalesce(v_own, '{}')::text[]), 'absent', v_absent);
  end if;

  if kind = 'delta'
    and page is null
    and p_migration is null
    and covers is null
    and v_absent is null
    and v_cursor.tables is null
    and not exists (
      select from syncwell.synced_tables as s
      where s.partitions is not null
        or not pg_visible_in_snapshot(s.registered_xid, v_old)
        or not pg_visible_in_snapshot(s.reset_xid, v_old)
    )
  then
    -- the usual case: one look at what has changed in the scopes, however many tables there are
    select
      array_agg(
        row(
          s.table_id, s.table_name, d.scope, 'delta', s.rls_revokes, null,
          case when not p_as_updated then d.created end,
          case when p_as_updated then d.created || d.updated else d.updated end,
          d.deleted, null, null, null, null
        )::syncwell.pull_part
        order by s.position, s.table_id
      )
    into parts
    from (
      select
        e.table_id,
        e.scope,
        array_agg(e.record_id) filter (where e.what = 'created') as created,
        array_agg(e.record_id) filter (where e.what = 'updated') as updated,
        array_agg(e.record_id) filter (where e.what = 'deleted') as deleted
      from (
        select
          c.table_id,
          c.scope,
          c.record_id,
          case
            when c.deleted_at is not null then 'deleted'
            when syncwell._seen(c.created_xid, v_old, v_own) then 'updated'
            when c.earlier_lives is null then 'created'
            when syncwell._existed(c.created_xid, c.earlier_lives, v_old, v_own) then 'updated'
            else 'created'
          end as what
        from syncwell.record_changes as c
        where c.scope in (v_me.user_id, v_me.org_id)
          and c.xid >= pg_snapshot_xmin(v_old)
          and not pg_visible_in_snapshot(c.xid, v_old)
      ) as e
      group by e.table_id, e.scope
    ) as d
    join syncwell.synced_tables as s
      on s.table_id = d.table_id and d.scope = case when s.scope_kind = 'org' then v_me.org_id else v_me.user_id end;
  else
    select
      array_agg(
        row(
          t.table_id, t.table_name, t.scope, t.how, t.rls_revokes, t.columns,
          case when not p_as_updated then d.created end,
          case when p_as_updated then d.created || d.updated else d.updated end,
          d.deleted, t.after, d.absent,
          case
            when t.how = 'delta' and t.columns is not null then array(
              select c.record_id
              from syncwell.record_changes as c
              where c.scope = t.scope
                and c.table_id = t.table_id
                and c.xid >= pg_snapshot_xmin(v_old)
                and not pg_visible_in_snapshot(c.xid, v_old)
            )
            -- later pages of a table that is sent in full leave out what came after the first one
            when t.how <> 'delta' and page is not null then array(
              select c.record_id
              from syncwell.record_changes as c
              where c.scope = t.scope
                and c.table_id = t.table_id
                and c.deleted_at is null
                and c.xid >= pg_snapshot_xmin(snapshot)
                and not syncwell._existed(c.created_xid, c.earlier_lives, snapshot, '{}')
            )
          end,
          -- and those that the first page would have had and this one can't have any more
          case
            when page is not null then array(
              select c.record_id
              from syncwell.record_changes as c
              where c.scope = t.scope
                and c.table_id = t.table_id
                and c.deleted_at is not null
                and c.xid >= pg_snapshot_xmin(snapshot)
                and not pg_visible_in_snapshot(c.xid, snapshot)
                and syncwell._existed(c.created_xid, c.earlier_lives, snapshot, '{}')
                and (
                t.how <> 'delta'
                or v_absent -> t.table_id::text ? c.record_id
                or not syncwell._existed(c.created_xid, c.earlier_lives, v_old, v_own)
              )
            )
          end
        )::syncwell.pull_part
        order by t.place, t.table_id
      ) filter (
        where t.how <> 'delta'
          or t.columns is not null
          or d.created is not null
          or d.updated is not null
          or d.deleted is not null
      ),
      min(t.table_name) filter (where t.untracked)
    into parts, v_untracked
    from (
      select
        s.table_id,
        s.table_name,
        s.rls_revokes,
        coalesce(p.place, s.position) as place,
        case when s.scope_kind = 'org' then v_me.org_id else v_me.user_id end as scope,
        case
          when page is not null then p.part ->> 'how'
          when kind = 'first' then 'created'
          when kind = 'replacement' then 'updated'
          when s.table_name = any (v_new_tables) then 'new'
          when not pg_visible_in_snapshot(s.registered_xid, v_old) then case
            -- registered again: the device may have it from before
            when exists (select from syncwell.unregistered_tables as u where u.table_name = s.table_name) then 'updated'
            else 'created'
          end
          when not pg_visible_in_snapshot(s.reset_xid, v_old) then 'updated'
          when s.table_id <> all (v_cursor.tables) then 'updated'
          else 'delta'
        end as how,
        case
          when p.part ? 'columns' then array(select jsonb_array_elements_text(p.part -> 'columns'))
          when v_new_columns ? s.table_name then array(select jsonb_array_elements_text(v_new_columns -> s.table_name))
        end as columns,
        case when s.table_id = v_cursor.page_table then v_cursor.page_record end as after,
        case
          when s.partitions is not null then s.partitions is distinct from syncwell._count_partitions(s.relation)
        end as untracked
      from syncwell.synced_tables as s
      left join jsonb_array_elements(plan -> 'parts') with ordinality as p (part, place)
        on s.table_id = (p.part ->> 'id')::integer
      where case
          when page is null then covers is null or s.table_id = any (covers)
          else p.place >= (plan ->> 'place')::bigint
        end
    ) as t
    cross join lateral (
      select
        array_agg(e.record_id) filter (where e.what = 'created') as created,
        array_agg(e.record_id) filter (where e.what = 'updated') as updated,
        array_agg(e.record_id) filter (where e.what = 'deleted') as deleted,
        array_agg(e.record_id) filter (where e.may_be_gone) as absent
      from (
        select
          c.record_id,
          case
            when c.deleted_at is not null then 'deleted'
            when page is not null
              and not pg_visible_in_snapshot(c.xid, snapshot)
              and not syncwell._existed(c.created_xid, c.earlier_lives, snapshot, '{}') then 'deleted'
            when v_absent -> t.table_id::text ? c.record_id then 'created'
            when syncwell._seen(c.created_xid, v_old, v_own) then 'updated'
            when c.earlier_lives is null then 'created'
            when syncwell._existed(c.created_xid, c.earlier_lives, v_old, v_own) then 'updated'
            else 'created'
          end as what,
          false as may_be_gone
        from syncwell.record_changes as c
        where t.how = 'delta'
          and c.scope = t.scope
          and c.table_id = t.table_id
          and c.xid >= pg_snapshot_xmin(v_old)
          and not pg_visible_in_snapshot(c.xid, v_old)
          and (t.after is null or c.record_id > t.after)
          -- What changed after the first page comes with the next pull, by what lived then: so what the device does not
          -- have and should have by then is sent now, as it is, and what it has and should not have is deleted.
          and (
            page is null
            or pg_visible_in_snapshot(c.xid, snapshot)
            or case
              when coalesce(not v_absent -> t.table_id::text ? c.record_id, true)
                and syncwell._existed(c.created_xid, c.earlier_lives, v_old, v_own)
                then not syncwell._existed(c.created_xid, c.earlier_lives, snapshot, '{}')
              else c.deleted_at is null and syncwell._existed(c.created_xid, c.earlier_lives, snapshot, '{}')
            end
          )
        union all
        -- what pushes have left to be put right on this device
        (
          select distinct on (a.record_id) a.record_id, k.what, k.what <> 'deleted'
          from unnest(array['', ' updated', ' deleted'], array['created', 'updated', 'deleted']) as k (suffix, what)
          cross join jsonb_array_elements_text(v_absent -> (t.table_id::text || k.suffix)) as a (record_id)
          where t.how = 'delta'
            and (t.after is null or a.record_id collate "C" > t.after)
            and not exists (
              select from syncwell.record_changes as c
              where c.scope = t.scope
                and c.table_id = t.table_id
                and c.record_id = a.record_id
                and not pg_visible_in_snapshot(c.xid, v_old)
            )
          order by a.record_id, k.what
        )
      ) as e
    ) as d;
  end if;
  if v_untracked is not null then
    raise exception using
      errcode = 'SW308',
      message = 'a synced table has partitions that are not tracked',
      detail = format('%s has partitions whose changes would be lost.', v_untracked),
      hint = 'select syncwell.ensure_tracking(); then pull again.';
  end if;

  if kind = 'delta' and parts is null and page is null then
    kind := 'idle';
    refresh := v_cursor.created_at < v_now - syncwell._setting(v_me.org_id, 'delta.cursor_refresh')::interval;
    due := v_cursor.idle_until is null or v_cursor.idle_until <= v_now;
  end if;
end
$$;
comment on function syncwell._pull_plan(bigint, jsonb, text[], text, boolean, integer) is
'What a pull has to read: of which table everything (created, updated, new: of a migration) or which records (delta), '
'by the changes in the scopes of the caller that p_cursor has not seen. kind: first, delta, replacement (the cursor '
'is unknown, or tombstones after it are gone), idle (nothing to send; refresh: the cursor has come of age, due: it is '
'time to note that the device was here), again (_begin_pull() was not called in this session). It reads with the '
'snapshot of the calling statement. Errors: SW001, 42501, 22023, SW301, SW305, SW308.';
revoke all on function syncwell._pull_plan(bigint, jsonb, text[], text, boolean, integer) from public;
-- sync_pull() runs with its caller's rights; what is told is the caller's own
grant execute on function syncwell._pull_plan(bigint, jsonb, text[], text, boolean, integer) to syncwell_client;
--! end

--! include delta/functions/_pull_sql.sql
create or replace function syncwell._pull_sql(p_table_id integer)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table syncwell.synced_tables;
  v_type text;
  v_columns text;
  v_changed text;
  v_mine text;
  v_text text;
  v_name text;
begin
  select t.* into v_table from syncwell.synced_tables as t where t.table_id = p_table_id;
  select format_type(a.atttypid, null) into v_type
  from pg_attribute as a
  where a.attrelid = v_table.relation and a.attname = v_table.id_column;
  select
    string_agg(format(', v.%I', c.column_name), '' order by c.position),
    string_agg(
      format(
        case c.json_type
          when 'boolean' then '%L = any (p_columns) and v.%I'
          when 'number' then '%L = any (p_columns) and v.%I <> 0'
          else '%L = any (p_columns) and v.%I <> '''''
        end,
        c.column_name, c.column_name
      ),
      ' or ' order by c.position
    )
  into v_columns, v_changed
  from syncwell.synced_columns as c
  where c.table_id = p_table_id;
  select format('v._owner = p_scope::%s', format_type(a.atttypid, null))
  into v_mine
  from pg_attribute as a
  where a.attrelid = v_table.relation and a.attname = v_table.scope_column;
  if v_table.org_column is not null then
    select v_mine || format(' and v._org = p_org::%s', format_type(a.atttypid, null))
    into v_mine
    from pg_attribute as a
    where a.attrelid = v_table.relation and a.attname = v_table.org_column;
  end if;

  v_text := $template$
-- records by id: each found through the table's key, whatever the table's size was when this was planned
create or replace function syncwell_tables.{pull}(
  p_scope uuid,
  p_org uuid,
  p_created text[],
  p_updated text[],
  out created json,
  out updated json,
  out created_count bigint,
  out updated_count bigint
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $body$
begin
  if p_created is not null then
    select json_agg(r), count(*)
    into created, created_count
    from (
      select v.id{columns}
      from unnest(p_created::{type}[]) as k (id)
      cross join lateral (
        select v.* from syncwell_tables.{view} as v where v._key = k.id{mine_inside} offset 0
      ) as v
      where {mine}
    ) as r;
  end if;
  if p_updated is not null then
    select json_agg(r), count(*)
    into updated, updated_count
    from (
      select v.id{columns}
      from unnest(p_updated::{type}[]) as k (id)
      cross join lateral (
        select v.* from syncwell_tables.{view} as v where v._key = k.id{mine_inside} offset 0
      ) as v
      where {mine}
    ) as r;
  end if;
end
$body$;
revoke all on function syncwell_tables.{pull}(uuid, uuid, text[], text[]) from public;
grant execute on function syncwell_tables.{pull}(uuid, uuid, text[], text[]) to syncwell_client;

-- which of these ids the caller's rights hide
create or replace function syncwell_tables.{pull_hidden}(
  p_scope uuid,
  p_org uuid,
  p_ids text[]
)
returns text[]
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $body$
begin
  return (
    select array_agg(k.id::text)
    from unnest(p_ids::{type}[]) as k (id)
    left join lateral (
      select true as found from syncwell_tables.{view} as v where v._key = k.id and {mine} offset 0
    ) as r on true
    where r.found is null
  );
end
$body$;
revoke all on function syncwell_tables.{pull_hidden}(uuid, uuid, text[]) from public;
grant execute on function syncwell_tables.{pull_hidden}(uuid, uuid, text[]) to syncwell_client;

-- everything of one scope; more than the answer can hold is not built: then records is NULL
create or replace function syncwell_tables.{pull_all}(
  p_scope uuid,
  p_org uuid,
  p_max_bytes bigint,
  out records json,
  out record_count bigint
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $body$
declare
  c_sample constant bigint := 20000;
  v_most bigint;
begin
  select json_agg(r), count(*)
  into records, record_count
  from (select v.id{columns} from syncwell_tables.{view} as v where {mine} limit c_sample) as r;
  if record_count < c_sample then
    return;
  end if;
  v_most := c_sample + 2 * p_max_bytes * c_sample / pg_column_size(records);
  records := null;
  select count(*) into record_count
  from (select from syncwell_tables.{view} as v where {mine} limit v_most) as r;
  if record_count < v_most then
    select json_agg(r)
    into records
    from (select v.id{columns} from syncwell_tables.{view} as v where {mine}) as r;
  end if;
end
$body$;
revoke all on function syncwell_tables.{pull_all}(uuid, uuid, bigint) from public;
grant execute on function syncwell_tables.{pull_all}(uuid, uuid, bigint) to syncwell_client;

-- a page of everything of one scope, without those that are not to be sent yet
create or replace function syncwell_tables.{pull_page}(
  p_scope uuid,
  p_org uuid,
  p_after text,
  p_but text[],
  p_gone text[],
  p_limit integer,
  out records json,
  out record_count bigint,
  out last text,
  out has_more boolean,
  out gone text[]
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $body$
begin
  select
    json_agg(r.record order by r.place) filter (where r.place <= p_limit),
    count(*) filter (where r.place <= p_limit),
    min(r.id) filter (where r.place = p_limit),
    count(*) > p_limit
  into records, record_count, last, has_more
  from (
    select row_to_json(l) as record, l.id, row_number() over () as place
    from (
      select v.id{columns}
      from syncwell_tables.{view} as v
      where {mine}
        and (p_after is null or v._key > p_after::{type})
        and (p_but is null or v.id <> all (p_but))
      order by v._key
      limit p_limit + 1
    ) as l
  ) as r;
  -- what this page would have had if it had been read with the first one
  gone := array(
    select g.id::text
    from unnest(p_gone::{type}[]) as g (id)
    where (p_after is null or g.id > p_after::{type}) and (not has_more or g.id <= last::{type})
  );
end
$body$;
revoke all on function syncwell_tables.{pull_page}(uuid, uuid, text, text[], text[], integer) from public;
grant execute on function syncwell_tables.{pull_page}(uuid, uuid, text, text[], text[], integer) to syncwell_client;

-- which records, but those known to have changed, have a value in columns that are new to the device
create or replace function syncwell_tables.{pull_columns}(
  p_scope uuid,
  p_org uuid,
  p_columns text[],
  p_but text[],
  p_after text,
  p_limit integer
)
returns text[]
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $body$
begin
  return (
    select array_agg(r.id)
    from (
      select v.id
      from syncwell_tables.{view} as v
      where {mine}
        and v.id <> all (p_but)
        and (p_after is null or v.id > p_after collate "C")
        and ({changed})
      order by v.id collate "C"
      limit p_limit
    ) as r
  );
end
$body$;
revoke all on function syncwell_tables.{pull_columns}(uuid, uuid, text[], text[], text, integer) from public;
grant execute on function syncwell_tables.{pull_columns}(uuid, uuid, text[], text[], text, integer) to syncwell_client;
    $template$;
  for v_name in
    select n.name from unnest(array['pull', 'pull_hidden', 'pull_all', 'pull_page', 'pull_columns']) as n (name)
  loop
    v_text := replace(v_text, '{' || v_name || '}', quote_ident(v_table.table_name || '_' || v_name));
  end loop;
  v_text := replace(v_text, '{view}', quote_ident(v_table.table_name));
  v_text := replace(v_text, '{type}', v_type);
  v_text := replace(v_text, '{columns}', coalesce(v_columns, ''));
  -- the scope helps to find a record only where the key begins with it
  v_text := replace(
    v_text, '{mine_inside}', case when v_table.key_columns[1] <> v_table.id_column then ' and ' || v_mine else '' end
  );
  v_text := replace(v_text, '{changed}', coalesce(v_changed, 'false'));
  return replace(v_text, '{mine}', v_mine);
end
$$;
comment on function syncwell._pull_sql(integer) is
'The text of the functions that read a synced table for sync_pull(), with the rights of their caller: by ids, which '
'ids are hidden, everything, page by page, and what has a value in new columns.';
revoke all on function syncwell._pull_sql(integer) from public;
--! end

--! include delta/functions/_pulled_records.sql
create or replace function syncwell._pulled_records(
  p_org_id uuid,
  p_user_id uuid,
  p_device_id text,
  p_counts jsonb
)
returns jsonb
language sql stable security invoker
begin atomic
  -- a table that was sent in full: as many more as it has now and had not before. A caller may claim any numbers: what
  -- is none is left out, and none is so large that a sum of them fails for those who look
  select
    coalesce(
      (
        select jsonb_object_agg(r.key, r.value::bigint)
        from
          jsonb_each_text(case jsonb_typeof(p_counts -> 'records') when 'object' then p_counts -> 'records' end)
            as r (key, value)
        where r.value ~ '^-?[0-9]{1,12}$'
      ),
      '{}'
    ) || coalesce(
      (
        select jsonb_object_agg(r.key, r.value::bigint - coalesce((d.records ->> r.key)::bigint, 0))
        from
          jsonb_each_text(case jsonb_typeof(p_counts -> 'replaced') when 'object' then p_counts -> 'replaced' end)
            as r (key, value)
        left join syncwell.sync_devices as d
          on d.org_id = p_org_id and d.user_id = p_user_id and d.device_id = p_device_id
        where r.value ~ '^-?[0-9]{1,12}$'
      ),
      '{}'
    );
end;
comment on function syncwell._pulled_records(uuid, uuid, text, jsonb) is
'How many records of each table a device has after a pull (first, replacement), or how many more (delta).';
revoke all on function syncwell._pulled_records(uuid, uuid, text, jsonb) from public;
--! end

--! include delta/functions/_push.sql
create or replace function syncwell._push(
  p_changes json,
  p_last_pulled_at bigint,
  p_device_id text,
  p_request_id text,
  p_client jsonb,
  p_preview boolean,
  p_search_path text
)
returns json
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_bytes constant bigint := coalesce(octet_length(p_changes::text), 0);
  v_request_id constant text := nullif(p_request_id, '');
  v_changes json;
  v_started_at timestamptz;
  v_begun record;
  v_done record;
  v_mode text := 'upserts first';
  v_tries integer := 0;
  v_is_known boolean := false;
  v_is_finished boolean := false;
  v_state text;
  v_message text;
  v_detail text;
  v_hint text;
  v_column text;
  v_conflicts bigint := 0;
  v_stamps jsonb := '{}'::jsonb;
begin
  loop
    v_tries := v_tries + 1;
    begin
      v_begun := syncwell._begin_push(p_last_pulled_at, p_device_id, v_request_id);
      v_started_at := coalesce(v_started_at, v_begun.started_at);
      if v_begun.answer is not null then
        return v_begun.answer;
      end if;
      if v_begun.refusal is not null then
        raise exception using
          errcode = '40001',
          message = 'pull first',
          detail = v_begun.refusal,
          hint = 'Pull, then push under the cursor of that pull.',
          column = 'p_last_pulled_at';
      end if;
      v_changes := coalesce(v_changes, syncwell._repaired_json(p_changes::text));
      v_done := syncwell._push_attempt(
        v_changes, v_mode, v_begun.org_id, v_begun.user_id, v_begun.snapshot, v_begun.own_xids, v_begun.tables,
        v_begun.max_records, v_begun.max_bad, v_begun.has_quarantine, v_request_id, p_search_path
      );
      if v_done.is_stale then
        raise exception using
          errcode = '40P01',
          message = 'somebody else writes the same records',
          detail = 'They appeared while they were being pushed.',
          hint = 'Push again.';
      end if;
      if v_done.refused is not null then
        v_conflicts := (select sum(jsonb_array_length(r.value)) from jsonb_each(v_done.refused) as r);
        v_stamps := v_done.stamps;
        raise exception using
          errcode = 'SW304',
          message = 'pushed records were changed on the server since the device pulled',
          detail = (
            select string_agg(
              format(
                '%s: %s (%s)', r.key, jsonb_array_length(r.value),
                (
                  select string_agg(i.id, ', ' order by i.n)
                  from jsonb_array_elements_text(r.value) with ordinality as i (id, n)
                  where i.n <= 20
                )
              ),
              '; '
            )
            from jsonb_each(v_done.refused) as r
          ),
          hint = 'Pull, let the client merge, and push again.';
      end if;
      if not p_preview then
        perform syncwell._end_push(
          p_last_pulled_at, p_device_id, v_request_id, v_done.answer, v_done.result, v_bytes, v_started_at, p_client
        );
        return v_done.answer;
      end if;
      v_is_finished := true;
      raise exception using
        errcode = 'P0001',
        message = 'a preview is rolled back',
        detail = 'Nothing of it is kept.',
        hint = 'Nobody sees this: the answer is given instead.';
    exception
      when others then
        if v_is_finished then
          return v_done.answer;
        end if;
        get stacked diagnostics
          v_state = returned_sqlstate, v_message = message_text, v_detail = pg_exception_detail,
          v_hint = pg_exception_hint, v_column = column_name;
        v_is_known := v_column in ('p_changes', 'p_last_pulled_at') or v_state like 'SW%';
        -- nobody, or a service: there is no device whose failure this could be
        if v_begun is null and v_state in ('SW001', '42501') then
          raise;
        end if;
        -- whoever reads in one snapshot has to begin anew to see what came between
        if v_state in ('40001', '40P01') and not v_is_known
          and current_setting('transaction_isolation') not in ('read committed', 'read uncommitted')
        then
          raise;
        end if;
    end;

    -- the locks are gone with the attempt
    continue when v_state = '40P01' and v_tries < 5;
    exit when v_is_known or not syncwell._is_bad_record(v_state);
    v_mode := case v_mode
      when 'upserts first' then
        case when v_state in ('23503', '23505', '23P01', '23001') then 'deletes first' else 'carefully' end
      when 'deletes first' then 'carefully'
      when 'carefully' then case when v_state like '23%' then 'checking' end
    end;
    exit when v_mode is null;
  end loop;
  return syncwell._fail_push(
    p_device_id,
    jsonb_build_object('code', v_state, 'message', v_message, 'detail', v_detail, 'hint', v_hint),
    v_conflicts, v_stamps, v_bytes, v_started_at, p_client, p_preview
  );
end
$$;
comment on function syncwell._push(json, bigint, text, text, jsonb, boolean, text) is
'sync_push() and preview_push(): attempts in subtransactions, each in a more patient way than the one before; the '
'failure of the last one is the answer. Errors: SW001, 42501 (no user), and 40001 or 40P01 in a transaction of '
'REPEATABLE READ or SERIALIZABLE; inside, and answered: SW304, SW311, 22001, 22023, 40001, P0001.';
revoke all on function syncwell._push(json, bigint, text, text, jsonb, boolean, text) from public;
-- sync_push and preview_push run with the caller's rights
grant execute on function syncwell._push(json, bigint, text, text, jsonb, boolean, text) to syncwell_client;
--! end

--! include delta/functions/_push_attempt.sql
create or replace function syncwell._push_attempt(
  p_changes json,
  p_mode text,
  p_org_id uuid,
  p_user_id uuid,
  p_snapshot pg_snapshot,
  p_own_xids xid8[],
  p_tables integer[],
  p_max_records integer,
  p_max_bad integer,
  p_has_quarantine boolean,
  p_request_id text,
  p_search_path text,
  out answer json,
  out result jsonb,
  out refused jsonb,
  out stamps jsonb,
  out is_stale boolean
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_is_careful constant boolean := p_mode in ('carefully', 'checking');
  v_table record;
  v_lists record;
  v_seen record;
  v_sifted record;
  v_conflict record;
  v_decision record;
  v_done record;
  v_step record;
  v_fault record;
  v_pending record;
  v_upserts json;
  v_ids text[];
  v_elements text[];
  v_deletes text[];
  v_missing text[];
  v_found text[];
  v_there text[];
  v_whole text[];
  v_dropped text[];
  v_names text[];
  v_write text;
  v_conflicts jsonb;
  v_known text[];
  v_server jsonb;
  v_n integer;
  v_n_created integer;
  v_scope uuid;
  v_org uuid;
  v_state text;
  v_reason text;
  v_records bigint := 0;
  v_created bigint := 0;
  v_updated bigint := 0;
  v_deleted bigint := 0;
  v_deferred oid[];
  v_progress boolean;
  -- what is to be written, one element a table; what belongs to it lies in the arrays below up to its bounds
  v_plans syncwell.synced_tables[] := '{}'::syncwell.synced_tables[];
  v_plan_upserts json[] := '{}'::json[];
  v_plan_scopes uuid[] := '{}'::uuid[];
  v_plan_orgs uuid[] := '{}'::uuid[];
  v_plan_created integer[] := '{}'::integer[];
  v_found_to integer[] := '{0}'::integer[];
  v_whole_to integer[] := '{0}'::integer[];
  v_deletes_to integer[] := '{0}'::integer[];
  v_all_found text[] := '{}'::text[];
  v_all_whole text[] := '{}'::text[];
  v_all_deletes text[] := '{}'::text[];
  -- what the answer tells
  v_unknown text[] := '{}'::text[];
  v_columns jsonb := '{}'::jsonb;
  v_bad jsonb := '[]'::jsonb;
  v_waiting jsonb := '[]'::jsonb;
  v_decided jsonb[] := '{}'::jsonb[];
  v_faults jsonb[] := '{}'::jsonb[];
  v_back text[];
  v_stamped text[];
  v_undeleted text[];
  v_absent jsonb := '{}'::jsonb;
  v_accepted jsonb := '{}'::jsonb;
begin
  is_stale := false;
  stamps := '{}';
  if json_typeof(p_changes) is distinct from 'object' then
    raise exception using
      errcode = '22023',
      message = 'changes must be an object',
      detail = format('It is %s.', coalesce(json_typeof(p_changes), 'NULL')),
      hint = 'Pass {"<table>": {"created": […], "updated": […], "deleted": […]}}.',
      column = 'p_changes';
  end if;

  -- every table in the order of writing, parents first: everybody takes locks in this order
  for v_table in
    select
      e.key, e.value, t.table_id, t.table_name, t.relation, t.scope_kind, t.scope_column, t.org_column, t.id_column,
      t.conflict_policy, t.conflict_function, t as plan,
      p_tables is null or t.table_id = any (p_tables) as is_covered,
      pg_visible_in_snapshot(t.registered_xid, p_snapshot)
      and (t.reset_xid is null or pg_visible_in_snapshot(t.reset_xid, p_snapshot)) as is_current,
      count(*) over (partition by t.table_id) as times
    from json_each(p_changes) as e
    left join syncwell.synced_tables as t on t.table_name = e.key
    order by t.position, t.table_id
  loop
    if v_table.table_id is null then
      v_unknown := v_unknown || left(v_table.key, 100);
      continue;
    end if;
    if v_table.times > 1 or json_typeof(v_table.value) not in ('object', 'null') then
      raise exception using
        errcode = '22023',
        message = 'the changes of a table must be one object',
        detail = format('Those of %s are not.', v_table.table_name),
        hint = 'Pass {"created": […], "updated": […], "deleted": […]} once a table.',
        column = 'p_changes';
    end if;
    continue when json_typeof(v_table.value) = 'null';
    select
      (array_agg(e.value) filter (where e.key = 'created' and json_typeof(e.value) = 'array'))[1] as created,
      (array_agg(e.value) filter (where e.key = 'updated' and json_typeof(e.value) = 'array'))[1] as updated,
      (array_agg(e.value) filter (where e.key = 'deleted' and json_typeof(e.value) = 'array'))[1] as deleted,
      count(*) filter (where json_typeof(e.value) not in ('array', 'null')) as wrong,
      count(*) - count(distinct e.key) as repeated
    into v_lists
    from json_each(v_table.value) as e
    where e.key in ('created', 'updated', 'deleted');
    if v_lists.wrong > 0 or v_lists.repeated > 0 then
      raise exception using
        errcode = '22023',
        message = 'created, updated and deleted must be arrays',
        detail = format('They are not, or are repeated, for %s.', v_table.table_name),
        hint = 'Pass {"created": […], "updated": […], "deleted": […]}; a missing one is empty.',
        column = 'p_changes';
    end if;
    v_n_created := coalesce(json_array_length(v_lists.created), 0);
    v_n := coalesce(json_array_length(v_lists.updated), 0);
    v_upserts := case
      when v_n + v_n_created = 0 then '[]'
      when v_n = 0 then v_lists.created
      when v_n_created = 0 then v_lists.updated
      else (left(v_lists.created::text, -1) || ',' || substr(v_lists.updated::text, 2))::json
    end;
    v_n := v_n + v_n_created;
    v_deletes := '{}';
    if v_lists.deleted is not null then
      v_records := v_records + json_array_length(v_lists.deleted);
      v_deletes := array(
        select distinct d.id from json_array_elements_text(v_lists.deleted) as d (id)
        where length(d.id) between 1 and 255
      );
    end if;
    v_records := v_records + v_n;
    if v_records > p_max_records then
      raise exception using
        errcode = 'SW311',
        message = 'the push has too many records',
        detail = format('It has more than %s.', p_max_records),
        hint = 'Push in parts, or raise setting delta.max_push_records.';
    end if;
    continue when v_n = 0 and v_deletes = '{}';
    if not v_table.is_current then
      raise exception using
        errcode = '40001',
        message = 'pull first',
        detail = format('Table %s was emptied or registered anew since the device''s last pull.', v_table.table_name),
        hint = 'Pull, then push under the cursor of that pull.',
        column = 'p_last_pulled_at';
    end if;

    -- the ids; where one of them is odd, each record is looked at
    v_elements := null;
    if v_is_careful then
      v_sifted := syncwell._sift_records(
        v_upserts, v_n_created, v_deletes,
        (
          select coalesce(nullif(y.typbasetype, 0), y.oid)::regtype
          from pg_attribute as a inner join pg_type as y on y.oid = a.atttypid
          where a.attrelid = v_table.relation and a.attname = v_table.id_column
        )
      );
      v_ids := v_sifted.ids;
      v_elements := v_sifted.elements;
      v_n_created := v_sifted.n_created;
      v_deletes := v_sifted.deletes;
      v_bad := v_bad || (
        select coalesce(jsonb_agg(
          f.fault || jsonb_build_object('table', v_table.table_name, 'table_id', v_table.table_id)
        ), '[]')
        from jsonb_array_elements(v_sifted.bad) as f (fault)
      );
    else
      -- apart from what sorts them: their order tells created from updated
      v_ids := array(select r.id from json_to_recordset(v_upserts) as r (id text));
      select
        count(i.id) as given, count(distinct i.id collate "C") as different,
        coalesce(max(length(i.id)), 1) as longest, coalesce(min(length(i.id)), 1) as shortest
      into v_seen
      from unnest(v_ids || v_deletes) as i (id);
      if v_seen.given < v_n + cardinality(v_deletes) or v_seen.different < v_seen.given or v_seen.longest > 255
        or v_seen.shortest = 0
      then
        raise exception using
          errcode = '22023',
          message = 'an id is missing, too long or repeated',
          detail = format('In the changes of %s.', v_table.table_name),
          hint = 'Not the end: the records are looked at one by one.';
      end if;
    end if;

    v_scope := case v_table.scope_kind when 'org' then p_org_id else p_user_id end;
    v_org := case v_table.scope_kind when 'org_user' then p_org_id end;
    -- The application's triggers find what they name by the caller's search_path. Nothing else does: others may be able
    -- to put functions there.
    execute format(
      'select syncwell_tables.%I($1, $2, $3) from set_config(''search_path'', $4, true)',
      v_table.table_name || '_push_lock'
    )
    into v_found
    using v_scope, v_org, v_ids || v_deletes, p_search_path;
    perform set_config('search_path', 'pg_catalog, pg_temp', true);

    if cardinality(v_found) < cardinality(v_ids) + cardinality(v_deletes)
      and not syncwell._is_safe_id(array_to_string(v_ids, ''))
    then
      v_dropped := array(
        select i.id
        from unnest(v_ids) as i (id)
        where not syncwell._is_safe_id(i.id) and i.id not in (select f.id from unnest(v_found) as f (id))
      );
      if v_dropped <> '{}' and not v_is_careful then
        raise exception using
          errcode = '22023',
          message = 'a new id has characters that are not safe',
          detail = format('In the changes of %s.', v_table.table_name),
          hint = 'Not the end: the records are looked at one by one.';
      end if;
      v_bad := v_bad || (
        select coalesce(
          jsonb_agg(jsonb_build_object(
            'table', v_table.table_name, 'table_id', v_table.table_id, 'id', i.id, 'record', v_elements[i.n],
            'code', '22023',
            'action', case when i.n <= v_n_created then 'created' else 'updated' end,
            'reason', 'the id has characters that are not safe'
          )),
          '[]'
        )
        from unnest(v_ids) with ordinality as i (id, n)
        where i.id = any (v_dropped)
      );
    else
      v_dropped := '{}';
    end if;

    -- the rows are locked: from here on nobody changes them, and what was changed before is seen
    v_missing := '{}';
    if not v_table.is_covered then
      v_missing := v_found;
    elsif cardinality(v_ids) > v_n_created and cardinality(v_found) < cardinality(v_ids) + cardinality(v_deletes) then
      v_missing := array(
        select i.id from unnest(v_ids[v_n_created + 1 :]) as i (id)
        except
        select f.id from unnest(v_found) as f (id)
      );
    end if;
    select
      jsonb_agg(to_jsonb(c) order by c.record_id),
      array_agg(c.record_id) filter (where c.is_known)
    into v_conflicts, v_known
    from (
      select c.*, c.record_id in (select e.id from unnest(v_deletes) as e (id)) as is_delete
      from syncwell._pushed_conflicts(
        v_table.table_id, v_ids || v_deletes, v_missing, case when v_table.is_covered then p_snapshot end, p_own_xids
      ) as c
    ) as c
    -- deleting what is deleted is no conflict
    where not (c.is_deleted and c.is_delete) and c.record_id <> all (v_dropped);
    v_whole := '{}';
    v_back := '{}';
    v_stamped := '{}';
    v_undeleted := '{}';
    if v_conflicts is not null and v_table.conflict_policy = 'reject' then
      refused := coalesce(refused, '{}') || jsonb_build_object(
        v_table.table_name, (select jsonb_agg(c.item -> 'record_id') from jsonb_array_elements(v_conflicts) as c (item))
      );
      if v_known is not null then
        -- the device knows of no deletion: it is told once more
        stamps := stamps || jsonb_build_object(v_table.table_id, to_jsonb(v_known));
      end if;
    elsif v_conflicts is not null then
      v_elements := coalesce(v_elements, array(select e.value::text from json_array_elements(v_upserts) as e));
      execute format(
        'select coalesce(jsonb_object_agg(r.id, r.record::jsonb), ''{}'') from syncwell_tables.%I($1, $2, $3) as r',
        v_table.table_name || '_push_read'
      )
      into v_server
      using v_scope, v_org, array(select c.item ->> 'record_id' from jsonb_array_elements(v_conflicts) as c (item));
      for v_conflict in
        select
          c.record_id as id, c.is_known, c.is_delete, u.n, v_server -> c.record_id as server,
          case when u.n is not null then syncwell._as_jsonb(v_elements[u.n]) end as client,
          case when c.is_delete then 'deleted' when u.n <= v_n_created then 'created' else 'updated' end as action
        from jsonb_to_recordset(v_conflicts) as c (record_id text, is_known boolean, is_delete boolean)
        left join unnest(v_ids) with ordinality as u (id, n) on u.id = c.record_id
        order by c.record_id
      loop
        v_state := null;
        begin
          v_decision := syncwell._decide_conflict(
            v_table.conflict_policy, v_table.conflict_function, v_conflict.id, v_conflict.server, v_conflict.client,
            v_conflict.is_delete
          );
        exception
          when others then
            get stacked diagnostics v_state = returned_sqlstate, v_reason = message_text;
            if not syncwell._is_bad_record(v_state) then
              raise;
            end if;
        end;
        if v_state is not null then
          v_faults := v_faults || jsonb_build_object(
            'table', v_table.table_name, 'id', v_conflict.id, 'action', v_conflict.action,
            'record', v_elements[v_conflict.n], 'code', v_state,
            'reason', left(syncwell._scrub_secrets(v_reason), 500)
          );
          v_write := 'nothing';
        else
          v_write := v_decision.write;
          v_decided := v_decided || jsonb_build_object(
            'table', v_table.table_name, 'id', v_conflict.id, 'action', v_conflict.action,
            'outcome', v_decision.outcome, 'server', v_conflict.server,
            'client', case
              when jsonb_typeof(v_conflict.client) = 'object' then v_conflict.client - '_status' - '_changed'
              else v_conflict.client
            end,
            'changed', v_decision.changed
          );
        end if;
        if v_write = 'whole' then
          v_whole := v_whole || v_conflict.id;
        elsif v_write = 'record' and v_conflict.n is not null then
          v_elements[v_conflict.n] := v_decision.record::text;
          v_whole := v_whole || v_conflict.id;
        elsif v_write = 'record' then
          v_ids := v_ids || v_conflict.id;
          v_elements := v_elements || v_decision.record::text;
          v_whole := v_whole || v_conflict.id;
          v_undeleted := v_undeleted || v_conflict.id;
        elsif v_write in ('delete', 'nothing') then
          if not v_conflict.is_delete then
            v_dropped := v_dropped || v_conflict.id;
          elsif v_write = 'nothing' then
            v_undeleted := v_undeleted || v_conflict.id;
          end if;
          if v_write = 'delete' and not v_conflict.is_delete then
            v_deletes := v_deletes || v_conflict.id;
          end if;
        end if;
        if v_conflict.is_delete and v_write in ('nothing', 'record') then
          -- the device has it no more: it must come as created
          v_back := v_back || v_conflict.id;
        elsif v_conflict.is_known and v_write = 'nothing' then
          v_stamped := v_stamped || v_conflict.id;
        end if;
      end loop;
      v_deletes := array(
        select e.id from unnest(v_deletes) as e (id)
        except
        select e.id from unnest(v_undeleted) as e (id)
      );
      if v_back <> '{}' then
        v_absent := v_absent || jsonb_build_object(v_table.table_id, to_jsonb(v_back));
      end if;
      if v_stamped <> '{}' then
        stamps := stamps || jsonb_build_object(v_table.table_id, to_jsonb(v_stamped));
      end if;
    end if;

    -- columns that are not synced: of the first records, a device's records are all alike
    if v_n > 0 then
      v_names := array(
        select distinct left(k.name, 100)
        from json_array_elements(v_upserts) with ordinality as e (value, n)
        cross join lateral json_object_keys(
          case when json_typeof(e.value) = 'object' then e.value else '{}' end
        ) as k (name)
        where e.n <= 100
          and k.name not in ('id', '_status', '_changed', v_table.scope_column, coalesce(v_table.org_column, 'id'))
          and not exists (
            select from syncwell.synced_columns as c where c.table_id = v_table.table_id and c.column_name = k.name
          )
        order by 1
        limit 100
      );
      if v_names <> '{}' then
        v_columns := v_columns || jsonb_build_object(v_table.table_name, to_jsonb(v_names));
      end if;
    end if;
    if p_has_quarantine then
      v_accepted := v_accepted || jsonb_build_object(v_table.table_name, to_jsonb(v_ids || v_deletes));
    end if;

    if v_dropped <> '{}' then
      v_n_created := (
        select count(*) from unnest(v_ids) with ordinality as i (id, n)
        where i.n <= v_n_created and i.id not in (select e.id from unnest(v_dropped) as e (id))
      );
      v_elements := array(
        select x.element
        from unnest(v_ids, v_elements) with ordinality as x (id, element, n)
        where x.id not in (select e.id from unnest(v_dropped) as e (id))
        order by x.n
      );
    end if;
    if v_elements is not null then
      v_upserts := ('[' || array_to_string(v_elements, ',') || ']')::json;
    end if;
    if v_dropped || v_undeleted <> '{}' then
      -- _write_pushed() counts: what is found must be among what is written or deleted
      v_found := array(
        select f.id from unnest(v_found) as f (id)
        intersect (
          (select i.id from unnest(v_ids) as i (id) except select e.id from unnest(v_dropped) as e (id))
          union
          select e.id from unnest(v_deletes) as e (id)
        )
      );
    end if;
    v_plans := v_plans || v_table.plan;
    v_plan_upserts := v_plan_upserts || v_upserts;
    v_plan_scopes := v_plan_scopes || v_scope;
    v_plan_orgs := v_plan_orgs || v_org;
    v_plan_created := v_plan_created || v_n_created;
    v_all_found := v_all_found || v_found;
    v_all_whole := v_all_whole || v_whole;
    v_all_deletes := v_all_deletes || v_deletes;
    v_found_to := v_found_to || cardinality(v_all_found);
    v_whole_to := v_whole_to || cardinality(v_all_whole);
    v_deletes_to := v_deletes_to || cardinality(v_all_deletes);
  end loop;
  if refused is not null then
    return;
  end if;
  v_bad := v_bad || to_jsonb(v_faults);

  -- constraints that would be checked at COMMIT only must speak now
  select array_agg(distinct g.tgconstraint)
  into v_deferred
  from unnest(v_plans) as p
  inner join pg_trigger as g on g.tgrelid = p.relation and g.tgdeferrable and g.tginitdeferred;

  -- parents are written first and deleted last
  for v_step in
    select p.n, (v_plans[p.n]).table_name, (v_plans[p.n]).table_id, k.is_delete
    from generate_series(1, cardinality(v_plans)) as p (n)
    cross join (values (false), (true)) as k (is_delete)
    order by k.is_delete = (p_mode <> 'deletes first'), case when k.is_delete then - p.n else p.n end
  loop
    v_found := v_all_found[v_found_to[v_step.n] + 1 : v_found_to[v_step.n + 1]];
    v_whole := v_all_whole[v_whole_to[v_step.n] + 1 : v_whole_to[v_step.n + 1]];
    v_deletes := v_all_deletes[v_deletes_to[v_step.n] + 1 : v_deletes_to[v_step.n + 1]];
    if v_deletes <> '{}' then
      v_there := array(
        select f.id from unnest(v_found) as f (id)
        intersect
        select e.id from unnest(v_deletes) as e (id)
      );
      v_found := array(
        select f.id from unnest(v_found) as f (id)
        except
        select e.id from unnest(v_deletes) as e (id)
      );
      v_deletes := v_there;
    end if;
    continue when v_step.is_delete and v_deletes = '{}';
    continue when not v_step.is_delete and json_array_length(v_plan_upserts[v_step.n]) = 0;
    if not v_step.is_delete and p_mode <> 'upserts first' and v_found <> '{}' then
      -- a deletion may have taken some along
      execute format(
        'select syncwell_tables.%I($1, $2, $3) from set_config(''search_path'', $4, true)',
        v_step.table_name || '_push_lock'
      )
      into v_found
      using v_plan_scopes[v_step.n], v_plan_orgs[v_step.n], v_found, p_search_path;
      perform set_config('search_path', 'pg_catalog, pg_temp', true);
    end if;
    if v_is_careful then
      v_elements := case
        when v_step.is_delete then v_deletes
        else array(select e.value::text from json_array_elements(v_plan_upserts[v_step.n]) as e)
      end;
      v_done := syncwell._push_part(
        v_step.table_id, v_step.table_name, v_plan_scopes[v_step.n], v_plan_orgs[v_step.n], v_step.is_delete,
        v_elements, v_found, v_whole,
        greatest(p_max_bad - jsonb_array_length(v_bad) - jsonb_array_length(v_waiting), 0),
        case when p_mode = 'checking' then v_deferred end, p_search_path
      );
      -- what stood in the way may be gone at the end
      v_waiting := v_waiting || (
        select coalesce(
          jsonb_agg(b.item || jsonb_build_object(
            'plan', v_step.n, 'is_delete', v_step.is_delete, 'element', v_elements[(b.item ->> 'n')::integer],
            'is_there', case
              when not v_step.is_delete then
                (v_elements[(b.item ->> 'n')::integer]::json ->> 'id') in (select f.id from unnest(v_found) as f (id))
            end
          )),
          '[]'
        )
        from jsonb_array_elements(v_done.bad) as b (item)
      );
      v_created := v_created + v_done.created;
      v_updated := v_updated + v_done.updated;
      v_deleted := v_deleted + v_done.deleted;
      is_stale := is_stale or v_done.is_stale;
    elsif v_step.is_delete then
      v_done := syncwell._delete_pushed(
        v_step.table_name, v_plan_scopes[v_step.n], v_plan_orgs[v_step.n], v_deletes, p_search_path
      );
      v_deleted := v_deleted + v_done.deleted;
    else
      v_done := syncwell._write_pushed(
        v_step.table_name, v_plan_scopes[v_step.n], v_plan_orgs[v_step.n], v_plan_upserts[v_step.n], v_found, v_whole,
        p_search_path
      );
      v_created := v_created + v_done.created;
      v_updated := v_updated + v_done.updated;
      is_stale := is_stale or v_done.is_stale;
    end if;
    if is_stale then
      return;
    end if;
    if v_done.refused <> '{}' then
      v_bad := v_bad || (
        select coalesce(
          jsonb_agg(jsonb_build_object(
            'table', v_step.table_name, 'table_id', v_step.table_id, 'id', i.id, 'code', '23000',
            'reason', 'the table did not take it',
            'action', case
              when v_step.is_delete then 'deleted'
              when e.n <= v_plan_created[v_step.n] then 'created'
              else 'updated'
            end,
            'record', e.value::text
          )),
          '[]'
        )
        from unnest(v_done.refused) as i (id)
        left join json_array_elements(v_plan_upserts[v_step.n]) with ordinality as e (value, n)
          on not v_step.is_delete and e.value ->> 'id' = i.id
      );
    end if;
  end loop;

  -- each that waits for another is tried until none gets in
  v_progress := v_waiting <> '[]';
  while v_progress loop
    v_progress := false;
    for v_pending in
      select w.item, w.n from jsonb_array_elements(v_waiting) with ordinality as w (item, n)
      where w.item ->> 'code' in ('23503', '23505', '23P01', '23001') and w.item ->> 'reason' <> 'batch too damaged'
      order by w.n
    loop
      v_n := (v_pending.item ->> 'plan')::integer;
      v_done := syncwell._push_part(
        (v_plans[v_n]).table_id, (v_plans[v_n]).table_name, v_plan_scopes[v_n], v_plan_orgs[v_n],
        (v_pending.item ->> 'is_delete')::boolean, array[v_pending.item ->> 'element'],
        v_all_found[v_found_to[v_n] + 1 : v_found_to[v_n + 1]],
        v_all_whole[v_whole_to[v_n] + 1 : v_whole_to[v_n + 1]],
        1, case when p_mode = 'checking' then v_deferred end, p_search_path
      );
      if v_done.is_stale then
        is_stale := true;
        return;
      end if;
      if v_done.bad = '[]' and v_done.refused = '{}' then
        v_progress := true;
        v_created := v_created + v_done.created;
        v_updated := v_updated + v_done.updated;
        v_deleted := v_deleted + v_done.deleted;
        v_waiting := (
          select coalesce(jsonb_agg(w.item order by w.n), '[]')
          from jsonb_array_elements(v_waiting) with ordinality as w (item, n)
          where w.item <> v_pending.item
        );
      end if;
    end loop;
  end loop;
  v_bad := v_bad || (
    select coalesce(
      jsonb_agg(jsonb_build_object(
        'table', (v_plans[w.plan]).table_name, 'table_id', (v_plans[w.plan]).table_id,
        'id', case when w.is_delete then w.element else w.element::json ->> 'id' end,
        'action', case
          when w.is_delete then 'deleted'
          when w.n <= v_plan_created[w.plan] then 'created'
          else 'updated'
        end,
        'record', case when not w.is_delete then w.element end,
        'code', w.code, 'reason', w.reason, 'is_there', w.is_there
      )),
      '[]'
    )
    from jsonb_to_recordset(v_waiting) as w (
      plan integer, is_delete boolean, n integer, element text, code text, reason text, is_there boolean
    )
  );
  -- What a device deleted and is still here comes back as created. What was refused for other rows, which no edit of the
  -- record cures, is put right by the device's next pull: changed back to what is here, or gone. What was refused for its
  -- own values stays with the device for its user's next edit.
  for v_fault in
    select
      b.item ->> 'table_id' || case
        when b.item ->> 'action' = 'deleted' then ''
        when b.item -> 'is_there' = 'true' then ' updated'
        else ' deleted'
      end as list,
      jsonb_agg(b.item -> 'id') as ids
    from jsonb_array_elements(v_bad) as b (item)
    where b.item ->> 'id' is not null and b.item ? 'table_id'
      and (
        b.item ->> 'action' = 'deleted'
        or b.item ->> 'code' in ('23000', '23001', '23503', '23505', '23P01')
      )
    group by 1
  loop
    v_absent := coalesce(
      syncwell._merged_absent(v_absent, jsonb_build_object(v_fault.list, v_fault.ids)), '{}'
    );
  end loop;

  if v_deferred is not null then
    perform syncwell._check_deferred(v_deferred);
  end if;

  result := jsonb_build_object(
    'created', v_created, 'updated', v_updated, 'deleted', v_deleted, 'absent', v_absent, 'quarantined', v_bad,
    'conflicts', to_jsonb(v_decided), 'stamps', stamps
  ) || case when p_has_quarantine then jsonb_build_object('accepted', v_accepted) else '{}' end;
  answer := (
    format('{"success": true, "stats": {"created": %s, "updated": %s, "deleted": %s}', v_created, v_updated, v_deleted)
    || case
      when v_decided = '{}' then ''
      else ', "conflicts": ' || (
        select json_agg(json_build_object(
          'table', d.item -> 'table', 'id', d.item -> 'id', 'outcome', d.item -> 'outcome'
        ))::text
        from unnest(v_decided) as d (item)
      )
    end
    || case
      when v_bad = '[]' then ''
      else ', "quarantined": ' || (
        select json_agg(json_build_object(
          'table', b.item -> 'table', 'id', b.item -> 'id', 'reason', b.item -> 'reason'
        ))::text
        from jsonb_array_elements(v_bad) as b (item)
      )
    end
    || case
      when v_unknown = '{}' and v_columns = '{}' then ''
      else ', "ignored": ' || json_build_object('tables', to_json(v_unknown[: 100]), 'columns', v_columns)::text
    end
    || case when p_request_id is null then '' else ', "requestId": ' || to_json(p_request_id)::text end
    || '}'
  )::json;
end
$$;
comment on function syncwell._push_attempt(
  json, text, uuid, uuid, pg_snapshot, xid8[], integer[], integer, integer, boolean, text, text
) is
'One attempt at a push, inside its subtransaction: locks the rows of all tables in one order, finds and decides the '
'conflicts, writes. p_mode: upserts first; deletes first (for unique values and foreign keys that want it so); '
'carefully (record by record where a statement fails; what waits for another is tried again at the end); checking '
'(the same, and deferred constraints are checked each time). refused: {"<table>": [ids]} in conflict where the policy '
'is reject: nothing was written. is_stale: rows appeared meanwhile, to be rolled back and done again. Errors: 22023 '
'and 40001 (with a column name, for what no other mode cures), SW311, and what the tables raise.';
revoke all on function syncwell._push_attempt(
  json, text, uuid, uuid, pg_snapshot, xid8[], integer[], integer, integer, boolean, text, text
) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._push_attempt(
  json, text, uuid, uuid, pg_snapshot, xid8[], integer[], integer, integer, boolean, text, text
) to syncwell_client;
--! end

--! include delta/functions/_push_decoded.sql
create or replace function syncwell._push_decoded(
  p_value text,
  p_encoding text,
  p_type regtype
)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_type text;
  v_base oid := p_type;
  v_base_row pg_type;
  v_element text;
  -- a device has no NULL in a column that is not optional, but an empty text
  v_given constant text := format('nullif(%s, '''')', p_value);
  v_time text;
begin
  select format('%I.%I', n.nspname, t.typname) into v_type
  from pg_type as t inner join pg_namespace as n on n.oid = t.typnamespace
  where t.oid = p_type;
  loop
    select t.* into v_base_row from pg_type as t where t.oid = v_base;
    exit when v_base_row.typtype <> 'd';
    v_base := v_base_row.typbasetype;
  end loop;
  case p_encoding
    when 'number' then
      if v_base in ('real'::regtype, 'double precision'::regtype, 'numeric'::regtype) then
        -- JSON has no such numbers; and what is out of a double's range would come back as infinite
        return format(
          '(case when %1$s::double precision <> all (''{NaN,Infinity,-Infinity}'') then %1$s::%2$s end)::%3$s',
          v_given, v_base::regtype, v_type
        );
      end if;
      return format('(%s::numeric)::%s', v_given, v_type);
    when 'epoch_ms', 'epoch_s' then
      v_time := format(
        'pg_catalog.to_timestamp(%s::double precision%s)', v_given,
        case when p_encoding = 'epoch_ms' then ' / 1000' else '' end
      );
      if v_base <> 'timestamptz'::regtype then
        v_time := format('(%s at time zone ''UTC'')', v_time);
      end if;
      return format('%s::%s', v_time, v_type);
    when 'iso' then
      v_time := format(
        '(case when %1$s ~ ''([zZ]|[+-][0-9]{2}(:?[0-9]{2})?)$'' and %1$s ~ '':'' then %1$s::timestamptz'
        ' else %1$s::timestamp at time zone ''UTC'' end)',
        v_given
      );
      if v_base <> 'timestamptz'::regtype then
        v_time := format('(%s at time zone ''UTC'')', v_time);
      end if;
      return format('%s::%s', v_time, v_type);
    when 'json' then
      if v_base_row.typelem <> 0 and v_base_row.typcategory = 'A' then
        select format('%I.%I', n.nspname, t.typname) into v_element
        from pg_type as t inner join pg_namespace as n on n.oid = t.typnamespace
        where t.oid = v_base_row.typelem;
        return format(
          '(case when %1$s is not null then (select coalesce(pg_catalog.array_agg(e.value::%2$s order by e.position),'
          ' ''{}'') from pg_catalog.json_array_elements_text(%1$s::json) with ordinality as e (value, position)) end)'
          '::%3$s',
          v_given, v_element, v_type
        );
      elsif v_base_row.typtype = 'c' then
        return format('pg_catalog.json_populate_record(null::%s, %s::json)', v_type, v_given);
      end if;
      return format('%s::%s', v_given, v_type);
    when 'base64' then
      return format('pg_catalog.decode(%s, ''base64'')::%s', p_value, v_type);
    when 'boolean' then
      return format('(%s::boolean)::%s', v_given, v_type);
    else
      return case when v_base_row.typcategory = 'S' then p_value else v_given end || '::' || v_type;
  end case;
end
$$;
comment on function syncwell._push_decoded(text, text, regtype) is
'SQL that turns p_value, an SQL expression for what a device sent as text, into a value of type p_type by the '
'column''s encoding. An empty text is NULL where the type has no empty text; times without a zone are UTC.';
revoke all on function syncwell._push_decoded(text, text, regtype) from public;
--! end

--! include delta/functions/_push_differs.sql
create or replace function syncwell._push_differs(
  p_value text,
  p_stored text,
  p_encoding text,
  p_type regtype
)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select case p_encoding
      -- as a device counts: in doubles
      when 'number' then format(
        'nullif(%1$s, '''')::%3$s is distinct from %2$s::%3$s', p_value, p_stored,
        case when p_type = 'real'::regtype then 'real' else 'double precision' end
      )
      when 'boolean' then format('nullif(%s, '''')::boolean is distinct from %s::boolean', p_value, p_stored)
      when 'json' then format(
        '%1$s is distinct from %2$s::text and nullif(%1$s, '''')::jsonb is distinct from %2$s::jsonb', p_value, p_stored
      )
      when 'base64' then format(
        'pg_catalog.decode(%s, ''base64'') is distinct from pg_catalog.decode(%s, ''base64'')', p_value, p_stored
      )
      when 'iso' then format(
        '%1$s is distinct from %2$s::text and pg_catalog.date_trunc(''milliseconds'', (%3$s)::timestamp)'
        ' is distinct from pg_catalog.date_trunc(''milliseconds'', (%4$s)::timestamp)',
        p_value, p_stored, syncwell._push_decoded(p_value, 'iso', p_type),
        syncwell._push_decoded(p_stored, 'iso', p_type)
      )
      when 'text' then format('%s is distinct from %s::text', p_value, p_stored)
      else format(
        'nullif(%s, '''')::double precision is distinct from %s::double precision', p_value, p_stored
      )
    end
  );
end
$$;
comment on function syncwell._push_differs(text, text, text, regtype) is
'SQL that tells whether p_value, what a device sent as text, differs from p_stored, what a device would be sent now: '
'numbers as doubles, JSON as jsonb, ISO times to the millisecond. Finer digits than a device can have don''t count.';
revoke all on function syncwell._push_differs(text, text, text, regtype) from public;
--! end

--! include delta/functions/_push_part.sql
create or replace function syncwell._push_part(
  p_table_id integer,
  p_table text,
  p_scope uuid,
  p_org uuid,
  p_is_delete boolean,
  p_elements text[],
  p_found text[],
  p_whole text[],
  p_max_bad integer,
  p_deferred oid[],
  p_search_path text,
  out created bigint,
  out updated bigint,
  out deleted bigint,
  out refused text[],
  out is_stale boolean,
  out bad jsonb
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  -- ranges still to be written, the next one last
  v_from integer[] := array[1];
  v_to integer[] := array[cardinality(p_elements)];
  v_first integer;
  v_last integer;
  v_top integer;
  v_middle integer;
  v_records json;
  v_repaired json;
  v_removed record;
  v_written record;
  v_state text;
  v_reason text;
  v_found text[];
begin
  created := 0;
  updated := 0;
  deleted := 0;
  refused := '{}';
  is_stale := false;
  bad := '[]';
  while cardinality(v_from) > 0 and cardinality(p_elements) > 0 loop
    v_top := cardinality(v_from);
    v_first := v_from[v_top];
    v_last := v_to[v_top];
    v_from := v_from[: v_top - 1];
    v_to := v_to[: v_top - 1];
    v_repaired := null;
    v_records := null;
    if not p_is_delete then
      v_records := ('[' || array_to_string(p_elements[v_first : v_last], ',') || ']')::json;
    end if;
    loop
      v_state := null;
      begin
        if p_is_delete then
          v_removed := syncwell._delete_pushed(p_table, p_scope, p_org, p_elements[v_first : v_last], p_search_path);
        else
          v_found := array(
            select r.id from json_to_recordset(v_records) as r (id text)
            intersect
            select f.id from unnest(p_found) as f (id)
          );
          v_written := syncwell._write_pushed(
            p_table, p_scope, p_org, v_records, v_found, p_whole, p_search_path
          );
        end if;
        if p_deferred is not null then
          perform syncwell._check_deferred(p_deferred);
        end if;
      exception
        when others then
          get stacked diagnostics v_state = returned_sqlstate, v_reason = message_text;
          if not syncwell._is_bad_record(v_state) or v_state = '42501' and not syncwell._may_push(p_table_id) then
            raise;
          end if;
      end;
      exit when v_state is null or v_first < v_last or v_repaired is not null or p_is_delete;
      -- it stands alone: once more with its types put right
      v_repaired := syncwell._repaired_record(p_table_id, v_records -> 0);
      exit when v_repaired is null;
      v_records := json_build_array(v_repaired);
    end loop;

    if v_state is null then
      if p_is_delete then
        deleted := deleted + v_removed.deleted;
        refused := refused || v_removed.refused;
      else
        created := created + v_written.created;
        updated := updated + v_written.updated;
        is_stale := is_stale or v_written.is_stale;
        refused := refused || v_written.refused;
      end if;
    elsif v_first = v_last then
      bad := bad || jsonb_build_object(
        'n', v_first, 'code', v_state, 'reason', left(syncwell._scrub_secrets(v_reason), 500)
      );
    elsif jsonb_array_length(bad) >= p_max_bad then
      bad := bad || (
        select jsonb_agg(jsonb_build_object('n', n.n, 'code', v_state, 'reason', 'batch too damaged'))
        from generate_series(v_first, v_last) as n (n)
      );
    else
      v_middle := (v_first + v_last) / 2;
      v_from := v_from || (v_middle + 1) || v_first;
      v_to := v_to || v_last || v_middle;
    end if;
  end loop;
end
$$;
comment on function syncwell._push_part(
  integer, text, uuid, uuid, boolean, text[], text[], text[], integer, oid[], text
) is
'Writes the records (JSON texts), or deletes the ids, p_elements of one table in as few statements as it can: what '
'fails by its data is halved until the bad ones stand alone; such a one is put right where that is safe and tried '
'once more. bad: [{n, code, reason}] with n its place in p_elements; once there are p_max_bad, a part that fails is '
'bad as a whole. p_deferred: constraints to be checked each time. Errors: what is no record''s fault.';
revoke all on function syncwell._push_part(
  integer, text, uuid, uuid, boolean, text[], text[], text[], integer, oid[], text
) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._push_part(
  integer, text, uuid, uuid, boolean, text[], text[], text[], integer, oid[], text
) to syncwell_client;
-- a reason is shown to who pushed; it is read there, with the caller's rights
grant execute on function syncwell._scrub_secrets(text) to syncwell_client;
--! end

--! include delta/functions/_push_sql.sql
create or replace function syncwell._push_sql(p_table_id integer)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table syncwell.synced_tables;
  v_id_type text;
  v_id_is_generated boolean;
  v_scope_type text;
  v_org_type text;
  v_column record;
  v_names text := 'id, _changed';
  v_fields text := 'id text, _changed text';
  v_columns text := '';
  v_values text := '';
  v_compared text := '';
  v_set text := '';
  v_any text := 'false';
  v_carried text := '';
  v_needs_raw boolean := false;
  v_own text;
  v_own_view text;
  v_body text;
begin
  select t.* into strict v_table from syncwell.synced_tables as t where t.table_id = p_table_id;
  v_id_type := syncwell._push_type(v_table.relation, v_table.id_column);
  v_scope_type := syncwell._push_type(v_table.relation, v_table.scope_column);
  if v_table.org_column is not null then
    v_org_type := syncwell._push_type(v_table.relation, v_table.org_column);
  end if;
  select a.attidentity = 'a' into v_id_is_generated
  from pg_attribute as a
  where a.attrelid = v_table.relation and a.attname = v_table.id_column;

  -- $1 scope, $2 org: always the caller's identity, never what was pushed
  v_own := format('b.%I = ($1::text)::%s', v_table.scope_column, v_scope_type);
  v_own_view := format('v._owner = ($1::text)::%s', v_scope_type);
  if v_org_type is not null then
    v_own := v_own || format(' and b.%I = ($2::text)::%s', v_table.org_column, v_org_type);
    v_own_view := v_own_view || format(' and v._org = ($2::text)::%s', v_org_type);
  end if;

  for v_column in
    select
      c.column_name as name, c.encoding, c.json_type, c.column_type, a.attnotnull as is_needed,
      pg_get_expr(d.adbin, d.adrelid) as default_value
    from syncwell.synced_columns as c
    inner join pg_attribute as a on a.attrelid = v_table.relation and a.attname = c.column_name and not a.attisdropped
    left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where c.table_id = p_table_id and c.writable
    order by c.position
  loop
    v_body := syncwell._push_decoded(format('r.%I', v_column.name), v_column.encoding, v_column.column_type);
    v_names := v_names || format(', %I', v_column.name);
    v_fields := v_fields || format(', %I text', v_column.name);
    v_carried := v_carried || format(', r.%I', v_column.name);
    v_columns := v_columns || format(', %I', v_column.name);
    v_values := v_values || E',\n      ' || case
      when v_column.default_value is null then v_body
      when v_column.is_needed then format('coalesce(%s, %s)', v_body, v_column.default_value)
      else format(
        'case when r.%I is not null then %s when (r._raw -> %L) is null then %s end',
        v_column.name, v_body, v_column.name, v_column.default_value
      )
    end;
    v_needs_raw := v_needs_raw or (v_column.default_value is not null and not v_column.is_needed);
    v_compared := v_compared || format(
      E',\n        case\n          when strpos(k.told, %1$L) = 0 then false\n'
      '          when r.%2$I is null and (r._raw -> %3$L) is null then false\n'
      '          when v.%2$I is null and k.told is null and r.%2$I in (%4$s) then false\n'
      '          else %5$s\n        end as %6$I',
      ',' || v_column.name || ',', v_column.name, v_column.name,
      case v_column.json_type when 'number' then $q$'0', ''$q$ when 'boolean' then $q$'false', ''$q$ else $q$''$q$ end,
      syncwell._push_differs(
        format('r.%I', v_column.name), format('v.%I', v_column.name), v_column.encoding, v_column.column_type
      ),
      '?' || v_column.name
    );
    v_set := v_set || format(
      E',\n      %1$I = case when r.%2$I then %3$s else b.%1$I end', v_column.name, '?' || v_column.name, v_body
    );
    v_any := v_any || format(' or r.%I', '?' || v_column.name);
  end loop;

  -- the rows of these ids that are there, locked in the order of the key
  v_body := format(
    $sql$create or replace function syncwell_tables.%1$I(uuid, uuid, text[])
returns text[]
language plpgsql volatile security invoker
as $body$
declare
  v_ids text[];
begin
  if exists (select from pg_catalog.unnest($3) as i (id) where i.id is distinct from (i.id::%2$s)::text) then
    raise exception using
      errcode = '22023',
      message = 'an id is not as the table writes it',
      detail = 'It would come back as another one.',
      hint = 'Push ids as they were pulled.';
  end if;
  %3$s
  return v_ids;
end
$body$;
$sql$,
    v_table.table_name || '_push_lock', v_id_type,
    syncwell._push_statement(
      format(
        $sql$select coalesce(pg_catalog.array_agg(l.id), '{}') {into}
    from (
      select b.%1$I::text as id
      from %2$s as b
      where %3$s and b.%1$I = any ($3::%4$s[])
      order by b.%1$I
      for no key update
    ) as l$sql$,
        v_table.id_column, v_table.relation, v_own, v_id_type
      ),
      'v_ids', '$1, $2, $3', 'pg_catalog.cardinality($3) > 100'
    )
  );

  -- insert what is not in $4 (what was locked); what another transaction made meanwhile is left, and not returned
  v_body := v_body || format(
    $sql$create or replace function syncwell_tables.%1$I(uuid, uuid, json, text[])
returns text[]
language plpgsql volatile security invoker
as $body$
declare
  v_ids text[];
begin
  %2$s
  return v_ids;
end
$body$;
$sql$,
    v_table.table_name || '_push_insert',
    syncwell._push_statement(
      format(
        $sql$with written as (
      insert into %1$s as b (%2$I, %3$I%4$s%5$s)
      %6$sselect
      r.id::%7$s,
      ($1::text)::%8$s%9$s%10$s
      from %11$s
      where r.id not in (select f.id from pg_catalog.unnest($4) as f (id))
      order by 1
      on conflict (%12$s) do nothing
      returning b.%2$I::text as id
    )
    select coalesce(pg_catalog.array_agg(w.id), '{}') {into} from written as w$sql$,
        v_table.relation, v_table.id_column, v_table.scope_column,
        case when v_org_type is not null then format(', %I', v_table.org_column) else '' end,
        v_columns,
        case when v_id_is_generated then E'overriding system value\n      ' else '' end,
        v_id_type, v_scope_type,
        case when v_org_type is not null then format(E',\n      ($2::text)::%s', v_org_type) else '' end,
        v_values,
        case
          when v_needs_raw then format(
            'rows from (pg_catalog.json_to_recordset($3) as (%s), pg_catalog.json_array_elements($3)) as r (%s, _raw)',
            v_fields, v_names
          )
          else format('pg_catalog.json_to_recordset($3) as r (%s)', v_fields)
        end,
        (select string_agg(format('%I', k.name), ', ') from unnest(v_table.key_columns) as k (name))
      ),
      'v_ids', '$1, $2, $3, $4', 'pg_catalog.octet_length($3::text) > 50000'
    )
  );

  -- update what is there where a value differs from what a device sees; $4: records written whole, whatever they say
  -- has changed
  v_body := v_body || format(
    $sql$create or replace function syncwell_tables.%1$I(uuid, uuid, json, text[])
returns bigint
language plpgsql volatile security invoker
as $body$
declare
  v_rows bigint;
begin
  %2$s
  return v_rows;
end
$body$;
$sql$,
    v_table.table_name || '_push_update',
    syncwell._push_statement(
      format(
        $sql$with r as materialized (
      select
      v._key%1$s%2$s
      from rows from (
        pg_catalog.json_to_recordset($3) as (%3$s), pg_catalog.json_array_elements($3)
      ) as r (%4$s, _raw)
      cross join lateral (
        select case
          when r._changed ~ '^[A-Za-z][A-Za-z0-9_, ]*$'
            and r.id not in (select w.id from pg_catalog.unnest($4) as w (id))
            then ',' || pg_catalog.replace(r._changed, ' ', '') || ','
        end as told
      ) as k
      inner join syncwell_tables.%5$I as v on %6$s and v._key = r.id::%7$s
    ),
    written as (
      update %8$s as b
      set%9$s
      from r
      where %10$s and b.%11$I = r._key and (%12$s)
      returning 1
    )
    select count(*) {into} from written$sql$,
        v_carried, v_compared, v_fields, v_names, v_table.table_name, v_own_view, v_id_type, v_table.relation,
        coalesce(nullif(substr(v_set, 2), ''), format(E'\n      %1$I = b.%1$I', v_table.id_column)),
        v_own, v_table.id_column, v_any
      ),
      'v_rows', '$1, $2, $3, $4', 'pg_catalog.octet_length($3::text) > 50000'
    )
  );

  v_body := v_body || format(
    $sql$create or replace function syncwell_tables.%1$I(uuid, uuid, text[])
returns text[]
language plpgsql volatile security invoker
as $body$
declare
  v_ids text[];
begin
  %2$s
  return v_ids;
end
$body$;
create or replace function syncwell_tables.%3$I(uuid, uuid, text[])
returns table (id text, record json)
language plpgsql stable security invoker
as $body$
begin
  return query
  select v.id, pg_catalog.row_to_json(v)
  from (select %4$s from syncwell_tables.%5$I as v where %6$s and v._key = any ($3::%7$s[])) as v;
end
$body$;
$sql$,
    v_table.table_name || '_push_delete',
    syncwell._push_statement(
      format(
        $sql$with gone as (
      delete from %1$s as b where %2$s and b.%3$I = any ($3::%4$s[]) returning b.%3$I::text as id
    )
    select coalesce(pg_catalog.array_agg(g.id), '{}') {into} from gone as g$sql$,
        v_table.relation, v_own, v_table.id_column, v_id_type
      ),
      'v_ids', '$1, $2, $3', 'pg_catalog.cardinality($3) > 100'
    ),
    v_table.table_name || '_push_read',
    (
      select string_agg(format('v.%I', c.name), ', ' order by c.position)
      from (
        select 'id'::name as name, 0 as position
        union all
        select c.column_name, c.position + 1 from syncwell.synced_columns as c where c.table_id = p_table_id
      ) as c
    ),
    v_table.table_name, v_own_view, v_id_type
  );
  return v_body || (
    select string_agg(
      format(
        E'revoke all on function syncwell_tables.%1$I(%2$s) from public;\n'
        'grant execute on function syncwell_tables.%1$I(%2$s) to syncwell_client, syncwell_worker;\n',
        v_table.table_name || f.suffix, f.arguments
      ),
      ''
    )
    from (
      values
      ('_push_lock', 'uuid, uuid, text[]'), ('_push_insert', 'uuid, uuid, json, text[]'),
      ('_push_update', 'uuid, uuid, json, text[]'), ('_push_delete', 'uuid, uuid, text[]'),
      ('_push_read', 'uuid, uuid, text[]')
    ) as f (suffix, arguments)
  );
end
$$;
comment on function syncwell._push_sql(integer) is
'The text that makes the functions which write pushed records of one table: <table>_push_lock, _insert, _update, '
'_delete and _read, with the caller''s rights, in static SQL; $1 is the scope, $2 the org, both from the identity.';
revoke all on function syncwell._push_sql(integer) from public;
--! end

--! include delta/functions/_push_statement.sql
create or replace function syncwell._push_statement(
  p_statement text,
  p_result text,
  p_arguments text,
  p_is_large text
)
returns text
language sql immutable security invoker
begin atomic
  -- a plan that is kept was made for few records: for many, one is made that knows how many
  select pg_catalog.format(
    E'if %s then\n    execute $statement$%s$statement$\n    into %s\n    using %s;\n  else\n    %s;\n  end if;',
    p_is_large,
    pg_catalog.replace(p_statement, ' {into}', ''),
    p_result,
    p_arguments,
    pg_catalog.replace(p_statement, '{into}', 'into ' || p_result)
  );
end;
comment on function syncwell._push_statement(text, text, text, text) is
'PL/pgSQL that runs a statement, with {into} where its result is named, as static SQL, and where p_is_large holds '
'with a plan made for its arguments.';
revoke all on function syncwell._push_statement(text, text, text, text) from public;
--! end

--! include delta/functions/_push_type.sql
create or replace function syncwell._push_type(
  p_relation regclass,
  p_column name
)
returns text
language sql stable security invoker
begin atomic
  -- by its name in the catalog: "character" would be a character(1)
  select pg_catalog.format('%I.%I', n.nspname, t.typname)
  from pg_catalog.pg_attribute as a
  inner join pg_catalog.pg_type as t on a.atttypid = t.oid
  inner join pg_catalog.pg_namespace as n on t.typnamespace = n.oid
  where a.attrelid = p_relation and a.attname = p_column and not a.attisdropped;
end;
comment on function syncwell._push_type(regclass, name) is
'The type of a column as SQL, without its length: a cast to it cuts nothing off.';
revoke all on function syncwell._push_type(regclass, name) from public;
--! end

--! include delta/functions/_pushed_conflicts.sql
create or replace function syncwell._pushed_conflicts(
  p_table_id integer,
  p_ids text[],
  p_missing text[],
  p_snapshot pg_snapshot,
  p_own_xids xid8[]
)
returns table (record_id text, is_deleted boolean, is_known boolean)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_user record;
  v_scope uuid;
begin
  v_user := syncwell._syncing_user();
  select case t.scope_kind when 'org' then v_user.org_id else v_user.user_id end into v_scope
  from syncwell.synced_tables as t
  where t.table_id = p_table_id;
  if cardinality(p_ids) <= 100 then
    return query
    select c.record_id, c.deleted_at is not null, false
    from unnest(p_ids) as i (id)
    inner join syncwell.record_changes as c
      on c.scope = v_scope and c.table_id = p_table_id and c.record_id = i.id
    where not coalesce(pg_visible_in_snapshot(c.xid, p_snapshot), false) and c.xid <> all (p_own_xids);
  else
    -- few changes are newer than a device's last pull: they are looked at, not the many ids. Grouping takes no longer
    -- than it must, whatever the planner expects
    return query
    select r.record_id, bool_or(r.is_deleted), false
    from (
      select c.record_id, c.deleted_at is not null as is_deleted
      from syncwell.record_changes as c
      where c.scope = v_scope and c.table_id = p_table_id
        and c.xid >= coalesce(pg_snapshot_xmin(p_snapshot), '0')
        and not coalesce(pg_visible_in_snapshot(c.xid, p_snapshot), false)
        and c.xid <> all (p_own_xids)
      union all
      select i.id collate "C", null from unnest(p_ids) as i (id)
    ) as r
    group by r.record_id
    having count(*) > 1;
  end if;
  if p_snapshot is null then
    return query
    select m.id, false, false
    from unnest(p_missing) as m (id)
    where not exists (
      select from syncwell.record_changes as c
      where c.scope = v_scope and c.table_id = p_table_id and c.record_id = m.id
    );
  elsif cardinality(p_missing) > 0 then
    return query
    select c.record_id, true, true
    from syncwell.record_changes as c
    where c.scope = v_scope and c.table_id = p_table_id and c.record_id = any (p_missing)
      and c.deleted_at is not null
      and (pg_visible_in_snapshot(c.xid, p_snapshot) or c.xid = any (p_own_xids));
  end if;
end
$$;
comment on function syncwell._pushed_conflicts(integer, text[], text[], pg_snapshot, xid8[]) is
'Which of the caller''s records p_ids of a table were changed where p_snapshot and the transactions p_own_xids don''t '
'see it, and which of p_missing, which are not there, are known as deleted. p_snapshot NULL, for a device that never '
'had the table: which were changed by anybody else, and which of p_missing, which are there, never were. Call it when '
'the rows are locked: each call looks anew. Errors: SW001, 42501.';
revoke all on function syncwell._pushed_conflicts(integer, text[], text[], pg_snapshot, xid8[]) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._pushed_conflicts(integer, text[], text[], pg_snapshot, xid8[]) to syncwell_client;
--! end

--! include delta/functions/_read_pull.sql
create or replace function syncwell._read_pull(
  p_cursor bigint,
  p_migration jsonb,
  p_tables text[],
  p_device_id text,
  p_as_updated boolean,
  p_limit integer,
  out kind text,
  out base bigint,
  out page bigint,
  out snapshot pg_snapshot,
  out covers integer[],
  out ignored text[],
  out refresh boolean,
  out due boolean,
  out changes json,
  out stats json,
  out strategy json,
  out counts jsonb,
  out items bigint,
  out page_table integer,
  out page_record text,
  out page_number integer,
  out plan jsonb
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_plan record := syncwell._pull_plan(p_cursor, p_migration, p_tables, p_device_id, p_as_updated, p_limit);
  v_part syncwell.pull_part;
  v_read_created json;
  v_read_updated json;
  v_read_creates bigint;
  v_read_updates bigint;
  v_ids text[];
  v_names text[] := '{}'::text[];
  v_changes json[] := '{}'::json[];
  v_stats json[] := '{}'::json[];
  v_created json;
  v_updated json;
  v_creates bigint;
  v_updates bigint;
  v_deletes bigint;
  v_bytes bigint := 0;
  v_hidden bigint := 0;
  v_records jsonb := '{}'::jsonb;
  v_replacing jsonb := '{}'::jsonb;
  v_absent jsonb := '{}'::jsonb;
  v_all_creates bigint := 0;
  v_all_updates bigint := 0;
  v_all_deletes bigint := 0;
  v_left integer := coalesce(p_limit, case when v_plan.page is not null then 100000 end);
  v_last text;
  v_more boolean := false;
  c_none constant json := '[]'::json;
begin
  kind := v_plan.kind;
  base := v_plan.base;
  page := v_plan.page;
  snapshot := v_plan.snapshot;
  covers := v_plan.covers;
  ignored := v_plan.ignored;
  refresh := v_plan.refresh;
  due := v_plan.due;
  if kind in ('again', 'idle') then
    return;
  end if;

  foreach v_part in array coalesce(v_plan.parts, '{}') loop
    if v_left = 0 then
      v_more := true;
      exit;
    end if;
    v_created := c_none;
    v_updated := c_none;
    v_creates := 0;
    v_updates := 0;

    if v_part.how = 'delta' then
      if v_part.columns is not null then
        execute format('select syncwell_tables.%I($1, $2, $3, $4, $5, $6)', v_part.table_name || '_pull_columns')
        into v_ids
        using v_part.scope, v_plan.org_id, v_part.columns, v_part.known, v_part.after, v_left + 1;
        v_part.updated := v_part.updated || v_ids;
      end if;
      if v_left is not null then
        select array_agg(i.id order by i.id) into v_ids
        from (
          select e.id collate "C" as id
          from unnest(v_part.created || v_part.updated || v_part.deleted) as e (id)
          order by 1
          limit v_left + 1
        ) as i;
        if cardinality(v_ids) > v_left then
          v_more := true;
          v_last := v_ids[v_left];
          v_part.created := array(select i.id from unnest(v_part.created) as i (id) where i.id collate "C" <= v_last);
          v_part.updated := array(select i.id from unnest(v_part.updated) as i (id) where i.id collate "C" <= v_last);
          v_part.deleted := array(select i.id from unnest(v_part.deleted) as i (id) where i.id collate "C" <= v_last);
        else
          v_last := v_ids[cardinality(v_ids)];
        end if;
        v_part.gone := array(
          select i.id
          from unnest(v_part.gone) as i (id)
          where (v_part.after is null or i.id collate "C" > v_part.after) and (not v_more or i.id collate "C" <= v_last)
        );
        v_left := v_left - least(v_left, coalesce(cardinality(v_ids), 0));
      end if;

      if v_part.created is not null or v_part.updated is not null then
        -- no record is shorter than {"id":"1"}
        perform syncwell._check_pull_size(
          v_bytes + 10 * (coalesce(cardinality(v_part.created), 0) + coalesce(cardinality(v_part.updated), 0)),
          v_plan.max_bytes
        );
        execute format('select * from syncwell_tables.%I($1, $2, $3, $4)', v_part.table_name || '_pull')
        into v_read_created, v_read_updated, v_read_creates, v_read_updates
        using v_part.scope, v_plan.org_id, v_part.created, v_part.updated;
        v_created := coalesce(v_read_created, c_none);
        v_updated := coalesce(v_read_updated, c_none);
        v_creates := coalesce(v_read_creates, 0);
        v_updates := coalesce(v_read_updates, 0);
        if v_creates + v_updates < coalesce(cardinality(v_part.created || v_part.updated), 0) then
          execute format('select syncwell_tables.%I($1, $2, $3)', v_part.table_name || '_pull_hidden')
          into v_ids
          using v_part.scope, v_plan.org_id, v_part.created || v_part.updated;
          v_ids := syncwell._hidden_records(v_part, v_ids);
          v_hidden := v_hidden + cardinality(v_ids);
          v_part.deleted := v_part.deleted || v_ids;
        end if;
      end if;
      v_deletes := coalesce(cardinality(v_part.deleted), 0);
      if v_part.gone <> '{}' then
        v_absent := v_absent || jsonb_build_object(v_part.table_id, v_part.gone);
      end if;
      if v_creates + v_updates + v_deletes = 0 then
        continue;
      end if;
      v_records := v_records || jsonb_build_object(v_part.table_id, v_creates - v_deletes);

    else
      if v_left is null then
        execute format('select * from syncwell_tables.%I($1, $2, $3)', v_part.table_name || '_pull_all')
        into v_read_created, v_read_creates
        using v_part.scope, v_plan.org_id, v_plan.max_bytes - v_bytes;
        if v_read_created is null and v_read_creates > 0 then
          perform syncwell._check_pull_size(v_plan.max_bytes + 1, v_plan.max_bytes);
        end if;
      else
        execute format('select * from syncwell_tables.%I($1, $2, $3, $4, $5, $6)', v_part.table_name || '_pull_page')
        into v_read_created, v_read_creates, v_last, v_more, v_part.gone
        using v_part.scope, v_plan.org_id, v_part.after, v_part.known, v_part.gone, v_left;
        v_left := v_left - v_read_creates;
      end if;
      if v_part.how = 'updated' or p_as_updated then
        v_updated := coalesce(v_read_created, c_none);
        v_updates := v_read_creates;
      else
        v_created := coalesce(v_read_created, c_none);
        v_creates := v_read_creates;
      end if;
      v_deletes := 0;
      if v_part.gone <> '{}' then
        v_absent := v_absent || jsonb_build_object(v_part.table_id, v_part.gone);
      end if;
      if kind = 'delta' then
        v_replacing := v_replacing || jsonb_build_object(v_part.table_id, v_creates + v_updates);
      else
        v_records := v_records || jsonb_build_object(v_part.table_id, v_creates + v_updates);
      end if;
    end if;

    if v_left = 0 then
      page_table := v_part.table_id;
      page_record := v_last;
    end if;
    v_names := v_names || v_part.table_name;
    v_changes := v_changes || json_build_object(
      'created', v_created, 'updated', v_updated, 'deleted', to_json(coalesce(v_part.deleted, '{}'))
    );
    v_stats := v_stats || json_build_object('created', v_creates, 'updated', v_updates, 'deleted', v_deletes);
    v_all_creates := v_all_creates + v_creates;
    v_all_updates := v_all_updates + v_updates;
    v_all_deletes := v_all_deletes + v_deletes;
    v_bytes := v_bytes + pg_column_size(v_changes[cardinality(v_changes)]);
    perform syncwell._check_pull_size(v_bytes, v_plan.max_bytes);
    exit when v_more;
  end loop;

  items := v_all_creates + v_all_updates + v_all_deletes;
  select coalesce(json_object_agg(c.name, c.change), '{}'), coalesce(json_object_agg(c.name, c.stat), '{}')
  into changes, stats
  from unnest(v_names, v_changes, v_stats) as c (name, change, stat);
  counts := jsonb_build_object(
    'created', v_all_creates, 'updated', v_all_updates, 'deleted', v_all_deletes, 'bytes', v_bytes,
    'records', v_records, 'replaced', v_replacing, 'hidden', v_hidden, 'absent', v_absent
  );

  plan := v_plan.plan;
  page_number := case when page is not null then (plan -> 'page')::integer when p_limit is not null then 1 end;
  if page is not null then
    -- with what the pages before this one have sent
    strategy := nullif(plan -> 'strategy', 'null')::text::json;
    counts := syncwell._added_counts(plan -> 'counts', counts);
  elsif kind = 'replacement' then
    strategy := to_json('replacement'::text);
  elsif kind = 'delta' then
    select json_build_object('default', 'incremental', 'override', json_object_agg(p.table_name, 'replacement'))
    into strategy
    from unnest(v_plan.parts) as p
    where p.how in ('created', 'updated')
    having count(*) > 0;
  end if;
  if not v_more then
    page_table := null;
    page_record := null;
    plan := null;
    return;
  end if;
  if page is null then
    select plan || jsonb_build_object(
      'page', 1,
      'strategy', strategy::text::jsonb,
      'parts', jsonb_agg(
        jsonb_strip_nulls(jsonb_build_object('id', p.table_id, 'how', p.how, 'columns', p.columns)) order by p.place
      )
    )
    into plan
    from unnest(v_plan.parts) with ordinality as p (
      table_id, table_name, scope, how, revokes, columns, created, updated, deleted, after, known, place
    );
  end if;
  select plan || jsonb_build_object('page', (plan -> 'page')::integer + 1, 'place', p.place, 'counts', counts)
  into plan
  from jsonb_array_elements(plan -> 'parts') with ordinality as p (part, place)
  where (p.part -> 'id')::integer = page_table;
end
$$;
comment on function syncwell._read_pull(bigint, jsonb, text[], text, boolean, integer) is
'The reading part of sync_pull(): everything with one snapshot, that of the calling statement, and with the caller''s '
'rights. Errors: those of sync_pull().';
revoke all on function syncwell._read_pull(bigint, jsonb, text[], text, boolean, integer) from public;
-- sync_pull() runs with its caller's rights
grant execute on function syncwell._read_pull(bigint, jsonb, text[], text, boolean, integer) to syncwell_client;
--! end

--! include delta/functions/_refuse_mixed.sql
create or replace function syncwell._refuse_mixed()
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = 'SW305',
    message = 'this transaction has pulled: it may not write to synced tables any more',
    detail = 'The cursor that was handed out counts this transaction as seen, so that its writes would never be sent.',
    hint = 'Pull in a transaction of its own.';
end
$$;
comment on function syncwell._refuse_mixed() is
'Refuses a tracked write after a pull in the same transaction. Errors: SW305.';
revoke all on function syncwell._refuse_mixed() from public;
--! end

--! include delta/functions/_refuse_table.sql
create or replace function syncwell._refuse_table(
  p_reason text,
  p_hint text
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = 'SW302',
    message = 'this table can not be synced like that',
    detail = p_reason,
    hint = p_hint;
end
$$;
comment on function syncwell._refuse_table(text, text) is 'Refuses a registration. Errors: SW302.';
revoke all on function syncwell._refuse_table(text, text) from public;
--! end

--! include delta/functions/_register_table.sql
create or replace function syncwell._register_table(
  p_table regclass,
  p_scope_column text,
  p_id_column text,
  p_columns text[],
  p_conflict_policy text,
  p_scope text,
  p_org_column text,
  p_encodings jsonb,
  p_read_only text[],
  p_rls_revokes boolean,
  p_name text,
  p_is_locked boolean,
  out table_id integer,
  out is_changed boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_is record;
  v_old syncwell.synced_tables;
  v_new syncwell.synced_tables;
  v_columns jsonb;
  v_old_columns jsonb;
  v_resets boolean;
begin
  perform syncwell._check_table_owner(p_table);
  perform syncwell._incarnation();
  select r.reason, r.hint into v_is from syncwell._table_refusal(p_table) as r;
  if v_is.reason is not null then
    perform syncwell._refuse_table(v_is.reason, v_is.hint);
  end if;

  select t.* into v_old from syncwell.synced_tables as t where t.relation = p_table;
  v_new := v_old;
  v_new.relation := p_table;
  v_new.table_name := coalesce(p_name, v_old.table_name, (select c.relname from pg_class as c where c.oid = p_table));
  v_new.scope_kind := case when p_org_column is not null then 'org_user' else p_scope end;
  v_new.scope_column := p_scope_column;
  v_new.org_column := p_org_column;
  v_new.id_column := p_id_column;
  v_new.rls_revokes := p_rls_revokes;
  perform syncwell._check_synced_name(v_new.table_name, v_old.table_id);
  perform syncwell._check_key_columns(p_table, p_id_column, p_scope_column, p_org_column);
  v_new.key_columns := syncwell._record_key(p_table, p_id_column, p_scope_column, p_org_column);
  select p.policy, p.policy_function into v_new.conflict_policy, v_new.conflict_function
  from syncwell._conflict_policy(p_conflict_policy) as p;
  v_columns := syncwell._column_rules(
    p_table, array_remove(array[p_id_column, p_scope_column, p_org_column], null), p_columns, p_encodings, p_read_only
  );

  if v_old.table_id is not null then
    select coalesce(jsonb_agg(to_jsonb(c) - 'table_id' - 'json_type' order by c.position), '[]') into v_old_columns
    from syncwell.synced_columns as c
    where c.table_id = v_old.table_id;
    table_id := v_old.table_id;
    if v_new is not distinct from v_old
      and v_columns = v_old_columns
      and syncwell._is_generated(v_old.table_id)
    then
      is_changed := false;
      return;
    end if;
  end if;
  is_changed := true;
  if not p_is_locked then
    return;
  end if;

  if v_old.table_id is not null and v_old.table_name <> v_new.table_name then
    -- another collection to every device
    perform syncwell._forget_table(v_old.table_id);
    v_old := null;
  end if;
  if v_old.table_id is null then
    insert into syncwell.synced_tables (
      table_name, relation, scope_kind, scope_column, org_column, id_column, key_columns, conflict_policy,
      conflict_function, rls_revokes, partitions, position, registered_xid
    )
    values (
      v_new.table_name, v_new.relation, v_new.scope_kind, v_new.scope_column, v_new.org_column, v_new.id_column,
      v_new.key_columns, v_new.conflict_policy, v_new.conflict_function, v_new.rls_revokes,
      syncwell._count_partitions(p_table), 0, pg_current_xact_id()
    )
    returning synced_tables.table_id into table_id;
  else
    update syncwell.synced_tables as t
    set
      scope_kind = v_new.scope_kind,
      scope_column = v_new.scope_column,
      org_column = v_new.org_column,
      id_column = v_new.id_column,
      key_columns = v_new.key_columns,
      conflict_policy = v_new.conflict_policy,
      conflict_function = v_new.conflict_function,
      rls_revokes = v_new.rls_revokes
    where t.table_id = v_old.table_id;
  end if;

  -- devices may have its records from before: they are to replace them, not to be given them as new
  perform from syncwell.unregistered_tables as u where u.table_name = v_new.table_name;
  v_resets := found or v_old.table_id is not null and (
    (v_new.scope_kind, v_new.scope_column, v_new.org_column, v_new.id_column)
    is distinct from (v_old.scope_kind, v_old.scope_column, v_old.org_column, v_old.id_column)
    or (
      select jsonb_agg(c - 'position' - 'writable' order by c ->> 'column_name')
      from jsonb_array_elements(v_columns) as c
    ) is distinct from (
      select jsonb_agg(c - 'position' - 'writable' order by c ->> 'column_name')
      from jsonb_array_elements(v_old_columns) as c
    )
  );
  delete from syncwell.synced_columns as c where c.table_id = _register_table.table_id;
  insert into syncwell.synced_columns (table_id, column_name, position, column_type, encoding, writable)
  select _register_table.table_id, c.column_name, c.position, c.column_type, c.encoding, c.writable
  from jsonb_to_recordset(v_columns)
    as c (column_name name, position integer, column_type regtype, encoding text, writable boolean);

  if v_resets then
    perform syncwell._reset_table(table_id);
  end if;
  perform syncwell._order_tables();
  perform syncwell._generate_table(table_id);
end
$$;
comment on function
syncwell._register_table(
  regclass, text, text, text[], text, text, text, jsonb, text[], boolean, text, boolean
) is
'The part of register_synced_table() that needs the owner''s rights. Without p_is_locked it only tells whether '
'anything would change; the caller then locks the table against writers and calls again. Errors: 42501, SW302.';
revoke all on function
syncwell._register_table(
  regclass, text, text, text[], text, text, text, jsonb, text[], boolean, text, boolean
) from public;
-- register_synced_table() runs with its caller's rights
grant execute on function
syncwell._register_table(
  regclass, text, text, text[], text, text, text, jsonb, text[], boolean, text, boolean
) to syncwell_operator;
--! end

--! include delta/functions/_repaired_json.sql
create or replace function syncwell._repaired_json(p_text text)
returns json
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_text text := p_text;
begin
  if strpos(v_text, '\u0000') > 0 or strpos(v_text, '\ud') > 0 or strpos(v_text, '\uD') > 0 then
    -- then every backslash that is left begins an escape
    v_text := replace(v_text, '\\', '\u005c');
    v_text := replace(v_text, '\u0000', '\ufffd');
    v_text := regexp_replace(
      v_text, '\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})', '\\ufffd', 'g'
    );
    v_text := regexp_replace(
      v_text, '(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}', '\\ufffd', 'g'
    );
  end if;
  return v_text::json;
end
$$;
comment on function syncwell._repaired_json(text) is
'The JSON text with U+FFFD for what no text here can hold: \u0000 and surrogates without their other half. One such '
'character would make the whole document unreadable.';
revoke all on function syncwell._repaired_json(text) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._repaired_json(text) to syncwell_client;
--! end

--! include delta/functions/_repaired_record.sql
create or replace function syncwell._repaired_record(
  p_table_id integer,
  p_record json
)
returns json
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select (p_record::jsonb || f.fixes)::json
    from (
      select jsonb_object_agg(
        c.column_name,
        case
          when c.json_type = 'boolean' then to_jsonb((r.value #>> '{}')::double precision <> 0)
          else to_jsonb(case when r.value #>> '{}' = 'true' then 1 else 0 end)
        end
      ) as fixes
      from jsonb_each(p_record::jsonb) as r
      inner join syncwell.synced_columns as c on c.table_id = p_table_id and c.column_name = r.key
      where c.json_type = 'boolean' and jsonb_typeof(r.value) = 'number'
        or c.json_type = 'number' and r.value #>> '{}' in ('true', 'false')
    ) as f
    where f.fixes is not null
  );
end
$$;
comment on function syncwell._repaired_record(integer, json) is
'A record in which numbers stand where booleans belong, or the other way round, with these turned into what was meant; '
'NULL where there is nothing of the kind. Other wrong types are read by their text.';
revoke all on function syncwell._repaired_record(integer, json) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._repaired_record(integer, json) to syncwell_client;
--! end

--! include delta/functions/_reset_table.sql
create or replace function syncwell._reset_table(p_table_id integer)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  update syncwell.synced_tables as t
  set reset_xid = pg_current_xact_id()
  where t.table_id = p_table_id and t.reset_xid is distinct from pg_current_xact_id();
  -- what another transaction is writing is news anyway, and nobody waits for it
  delete from syncwell.record_changes as c
  using (
    select d.scope, d.record_id
    from syncwell.record_changes as d
    where d.table_id = p_table_id
    for update skip locked
  ) as d
  where c.scope = d.scope and c.table_id = p_table_id and c.record_id = d.record_id;
end
$$;
comment on function syncwell._reset_table(integer) is
'Forgets what is known of a table''s changes: every device is sent it in full at its next pull. No row of it is read.';
revoke all on function syncwell._reset_table(integer) from public;
--! end

--! include delta/functions/_resolve_conflict.sql
create or replace function syncwell._resolve_conflict(
  p_conflict_id uuid,
  p_choice text,
  p_search_path text
)
returns json
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_conflict record;
  v_record jsonb;
  v_found text[];
  v_done record;
  v_refused text[] := '{}'::text[];
  v_changed boolean := false;
begin
  if p_choice is null or p_choice not in ('client', 'server') then
    raise exception using
      errcode = '22023',
      message = 'unknown choice',
      detail = format('The choice is %s.', coalesce(quote_literal(left(p_choice, 100)), 'NULL')),
      hint = 'Choose client or server.';
  end if;
  v_conflict := syncwell._take_conflict(p_conflict_id);
  if v_conflict.choice = p_choice then
    return json_build_object('success', true, 'choice', p_choice, 'changed', false);
  end if;
  v_record := case p_choice when 'client' then v_conflict.client_record else v_conflict.server_record end;
  execute format(
    'select syncwell_tables.%I($1, $2, $3) from set_config(''search_path'', $4, true)',
    v_conflict.table_name || '_push_lock'
  )
  into v_found
  using v_conflict.scope, v_conflict.org_id, array[v_conflict.record_id], p_search_path;
  perform set_config('search_path', 'pg_catalog, pg_temp', true);
  if v_record is not null then
    v_done := syncwell._write_pushed(
      v_conflict.table_name, v_conflict.scope, v_conflict.org_id,
      json_build_array(v_record || jsonb_build_object('id', v_conflict.record_id)), v_found,
      array[v_conflict.record_id], p_search_path
    );
    v_changed := v_done.created + v_done.updated > 0;
    v_refused := v_done.refused;
  elsif v_found <> '{}' then
    v_done := syncwell._delete_pushed(
      v_conflict.table_name, v_conflict.scope, v_conflict.org_id, v_found, p_search_path
    );
    v_changed := v_done.deleted > 0;
    v_refused := v_done.refused;
  end if;
  if v_refused <> '{}' then
    raise exception using
      errcode = '42501',
      message = 'the table did not take the record',
      detail = 'A policy or a trigger of the table keeps the caller from writing it.',
      hint = 'Ask somebody whom the table''s policies let write it.';
  end if;
  perform syncwell._settle_conflict(p_conflict_id, p_choice);
  return json_build_object('success', true, 'choice', p_choice, 'changed', v_changed);
end
$$;
comment on function syncwell._resolve_conflict(uuid, text, text) is
'See resolve_conflict(). Errors: SW001, SW301, SW309, 22023, 42501, and what the table raises.';
revoke all on function syncwell._resolve_conflict(uuid, text, text) from public;
-- resolve_conflict runs with the caller's rights
grant execute on function syncwell._resolve_conflict(uuid, text, text) to syncwell_client, syncwell_worker;
--! end

--! include delta/functions/_scope_value.sql
create or replace function syncwell._scope_value(
  p_alias text,
  p_relation regclass,
  p_column name
)
returns text
language sql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
  select
    case
      when syncwell._base_type(a.atttypid) = 'uuid'::regtype then format('%I.%I', p_alias, p_column)
      -- in one spelling only: else two rows could be one record
      else format(
        'case when %1$I.%2$I ~ ''^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'' then %1$I.%2$I::uuid end',
        p_alias, p_column
      )
    end
  from pg_attribute as a
  where a.attrelid = p_relation and a.attname = p_column;
$$;
comment on function syncwell._scope_value(text, regclass, name) is
'SQL for whose a row is, by a column of type uuid or text: NULL, nobody''s, where a text is no uuid in its usual '
'spelling.';
revoke all on function syncwell._scope_value(text, regclass, name) from public;
--! end

--! include delta/functions/_settle_conflict.sql
create or replace function syncwell._settle_conflict(
  p_conflict_id uuid,
  p_choice text
)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record;
begin
  v_caller := syncwell._caller();
  update syncwell.sync_conflicts as c
  set choice = p_choice, resolved_at = syncwell._now(), resolved_by = v_caller.user_id
  where c.org_id = v_caller.org_id and c.id = p_conflict_id
    and (c.user_id = v_caller.user_id or v_caller.role in ('admin', 'service'));
end
$$;
comment on function syncwell._settle_conflict(uuid, text) is
'Notes who chose what in a conflict: the caller''s own, or for admins and services one of their org. Errors: SW001.';
revoke all on function syncwell._settle_conflict(uuid, text) from public;
-- resolve_conflict writes the record with the caller's rights
grant execute on function syncwell._settle_conflict(uuid, text) to syncwell_client, syncwell_worker;
--! end

--! include delta/functions/_sift_records.sql
create or replace function syncwell._sift_records(
  p_records json,
  p_n_created integer,
  p_deletes text[],
  p_id_type regtype,
  out ids text[],
  out elements text[],
  out n_created integer,
  out deletes text[],
  out bad jsonb
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_form constant text := case
    when p_id_type = 'uuid'::regtype then '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    when p_id_type = any (array['smallint', 'integer', 'bigint']::regtype[]) then '^(0|-?[1-9][0-9]{0,18})$'
    else ''
  end;
  v_greatest constant numeric := case p_id_type
    when 'smallint'::regtype then 32767
    when 'integer'::regtype then 2147483647
    when 'bigint'::regtype then 9223372036854775807
  end;
begin
  with
  records as (
    select
      e.value::text as element, e.position, e.position <= p_n_created as is_created,
      json_typeof(e.value) = 'object' as is_object,
      case when json_typeof(e.value) = 'object' then e.value ->> 'id' end as id
    from json_array_elements(p_records) with ordinality as e (value, position)
  ),
  judged as (
    select
      r.*,
      case
        when not r.is_object then '{"code": "22023", "reason": "a record must be an object"}'
        when coalesce(r.id, '') = '' then '{"code": "22023", "reason": "a record needs an id"}'
        when length(r.id) > 255 then '{"code": "22001", "reason": "the id has more than 255 characters"}'
        when r.id !~ v_form then '{"code": "22P02", "reason": "the id is not as this table writes ids"}'
        when v_greatest is not null and r.id::numeric not between - v_greatest and v_greatest
          then '{"code": "22003", "reason": "the id is out of range"}'
      end::jsonb as fault
    from records as r
  ),
  -- an id that comes twice: the last one counts; a deletion counts more than anything
  good as (
    select distinct on (j.id)
      j.id, j.element, j.position, bool_or(j.is_created) over (partition by j.id) as is_created
    from judged as j
    where j.fault is null and j.id not in (select d.id from unnest(p_deletes) as d (id))
    order by j.id, j.position desc
  )
  select
    coalesce((select array_agg(g.id order by not g.is_created, g.position) from good as g), '{}'),
    coalesce((select array_agg(g.element order by not g.is_created, g.position) from good as g), '{}'),
    (select count(*) from good as g where g.is_created),
    array(
      select d.id from unnest(p_deletes) as d (id)
      where d.id ~ v_form
        and (v_greatest is null or case when d.id ~ v_form then d.id::numeric between - v_greatest and v_greatest end)
    ),
    coalesce(
      (
        select jsonb_agg(
          j.fault || jsonb_build_object(
            'id', left(j.id, 255), 'action', case when j.is_created then 'created' else 'updated' end,
            'record', j.element
          )
          order by j.position
        )
        from judged as j
        where j.fault is not null
      ),
      '[]'
    )
  into ids, elements, n_created, deletes, bad;
end
$$;
comment on function syncwell._sift_records(json, integer, text[], regtype) is
'Pushed records of one table, one by one: those with an id that the table can have, created ones first, each id once '
'(the last one counts; a deletion counts more), and the others with what is wrong. Deletions of ids that the table '
'can''t have are left out.';
revoke all on function syncwell._sift_records(json, integer, text[], regtype) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._sift_records(json, integer, text[], regtype) to syncwell_client;
--! end

--! include delta/functions/_stamp_tombstones.sql
create or replace function syncwell._stamp_tombstones(
  p_org_id uuid,
  p_user_id uuid,
  p_records jsonb
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  update syncwell.record_changes as c
  set
    -- as if it had lived once more, for a moment: who saw the death and not this is not taken to have the record
    earlier_lives
    = (c.earlier_lives || array[c.created_xid, c.xid])[greatest(cardinality(c.earlier_lives) - 17, 1) :],
    created_xid = pg_current_xact_id(),
    xid = pg_current_xact_id()
  from (
    select o.scope, o.table_id, o.record_id
    from jsonb_each(p_records) as e
    cross join lateral jsonb_array_elements_text(e.value) as i (id)
    inner join syncwell.synced_tables as t on t.table_id = e.key::integer
    inner join syncwell.record_changes as o
      on o.scope = case t.scope_kind when 'org' then p_org_id else p_user_id end
        and o.table_id = t.table_id and o.record_id = i.id
    where o.deleted_at is not null and o.xid <> pg_current_xact_id()
    order by o.scope, o.table_id, o.record_id
    for no key update of o
  ) as l
  where c.scope = l.scope and c.table_id = l.table_id and c.record_id = l.record_id;
end
$$;
comment on function syncwell._stamp_tombstones(uuid, uuid, jsonb) is
'Has the deletions of these records of a user or org, {"<table id>": ["id", …]}, told once more by the next pull. What '
'lives, and what has no tombstone, is left alone.';
revoke all on function syncwell._stamp_tombstones(uuid, uuid, jsonb) from public;
--! end

--! include delta/functions/_sync_source.sql
create or replace function syncwell._sync_source(p_org_id uuid)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_source constant text := syncwell._setting(p_org_id, 'delta.source');
begin
  -- a wrong setting keeps no device from syncing
  return case when v_source ~ '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$' then v_source else 'app' end;
end
$$;
comment on function syncwell._sync_source(uuid) is
'The source of an org''s streams that devices sync: setting delta.source, or app where that is no name of a source.';
revoke all on function syncwell._sync_source(uuid) from public;
--! end

--! include delta/functions/_synced_table_id.sql
create or replace function syncwell._synced_table_id(p_table regclass)
returns integer
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table_id integer;
begin
  select t.table_id into v_table_id from syncwell.synced_tables as t where t.relation = p_table;
  if not found then
    raise exception using
      errcode = 'SW301',
      message = 'unknown synced table',
      detail = format('%s is not registered for syncing.', coalesce(p_table::text, 'NULL')),
      hint = 'Tables are registered with syncwell.register_synced_table().';
  end if;
  return v_table_id;
end
$$;
comment on function syncwell._synced_table_id(regclass) is 'The id of a registered table. Errors: SW301.';
revoke all on function syncwell._synced_table_id(regclass) from public;
-- ensure_tracking() runs with its caller's rights
grant execute on function syncwell._synced_table_id(regclass) to syncwell_operator;
--! end

--! include delta/functions/_syncing_user.sql
create or replace function syncwell._syncing_user(
  out org_id uuid,
  out user_id uuid
)
language plpgsql stable security invoker parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
begin
  org_id := v_caller.org_id;
  user_id := v_caller.user_id;
  if user_id is null then
    raise exception using
      errcode = '42501',
      message = 'only a user syncs',
      detail = 'The caller is a service of an org: it has no records of its own.',
      hint = 'A gateway calls act_as() with the user whose device it serves.';
  end if;
end
$$;
comment on function syncwell._syncing_user() is
'The user whose device pulls or pushes. Errors: SW001 when nobody is calling, 42501 when it is no user.';
revoke all on function syncwell._syncing_user() from public;
--! end

--! include delta/functions/_table_refusal.sql
create or replace function syncwell._table_refusal(
  p_table regclass,
  out reason text,
  out hint text
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_class pg_class;
  v_schema name;
begin
  select c.* into v_class from pg_class as c where c.oid = p_table;
  if not found then
    reason := 'There is no such table.';
    hint := 'Was it dropped? syncwell.unregister_synced_table() takes its number, too.';
    return;
  end if;
  select n.nspname into v_schema from pg_namespace as n where n.oid = v_class.relnamespace;
  hint := 'Only ordinary and partitioned tables of the application are synced.';
  if v_class.relkind not in ('r', 'p') then
    reason := format('%s is %s.', p_table, case v_class.relkind
      when 'v' then 'a view' when 'm' then 'a materialized view' when 'f' then 'a foreign table' else 'no table'
    end);
  elsif v_schema in ('syncwell', 'syncwell_tables', 'pg_catalog', 'information_schema', 'pg_toast') then
    reason := format('%s lies in schema %I.', p_table, v_schema);
  elsif v_class.relpersistence = 't' then
    reason := format('%s is a temporary table.', p_table);
  elsif v_class.relispartition then
    reason := format('%s is a partition.', p_table);
    hint := 'Register the partitioned table; its partitions come with it.';
  elsif exists (
    select from pg_inherits as i
    where i.inhrelid = v_class.oid or (i.inhparent = v_class.oid and v_class.relkind = 'r')
  ) then
    reason := format('%s inherits from a table, or is inherited from.', p_table);
    hint := 'A key is unique within one table only, not across those that inherit; use partitions.';
  elsif exists (
    select
    from pg_partition_tree(p_table) as t
    inner join pg_class as c on c.oid = t.relid
    where c.relkind not in ('r', 'p')
  ) then
    reason := format('%s has a foreign table as a partition.', p_table);
    hint := 'What is written there by others can not be tracked here.';
  elsif v_class.relpersistence = 'u' or exists (
    select
    from pg_partition_tree(p_table) as t
    inner join pg_class as c on c.oid = t.relid
    where c.relpersistence <> 'p'
  ) then
    reason := format('%s, or a partition of it, is unlogged.', p_table);
    hint := 'A crash would empty it without a trace; alter table … set logged.';
  elsif not has_schema_privilege(v_class.relnamespace, 'usage') then
    reason := format(
      'The role %I may not use schema %I, and so can not make views of its tables.', current_user, v_schema
    );
    hint := format('grant usage on schema %I to %I;', v_schema, current_user);
  else
    hint := null;
  end if;
end
$$;
comment on function syncwell._table_refusal(regclass) is
'Why a table can not be synced, whatever its columns, and what to do; both NULL where it can.';
revoke all on function syncwell._table_refusal(regclass) from public;
--! end

--! include delta/functions/_take_conflict.sql
create or replace function syncwell._take_conflict(
  p_conflict_id uuid,
  out table_id integer,
  out table_name text,
  out scope uuid,
  out org_id uuid,
  out record_id text,
  out server_record jsonb,
  out client_record jsonb,
  out choice text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller record;
  v_conflict syncwell.sync_conflicts;
  v_table syncwell.synced_tables;
begin
  v_caller := syncwell._caller();
  select c.* into v_conflict
  from syncwell.sync_conflicts as c
  where c.org_id = v_caller.org_id and c.id = p_conflict_id
    and (c.user_id = v_caller.user_id or v_caller.role in ('admin', 'service'))
  for update;
  if not found then
    raise exception using
      errcode = 'SW309',
      message = 'unknown conflict',
      detail = format('There is no conflict %s that this caller may decide.', coalesce(p_conflict_id::text, 'NULL')),
      hint = 'syncwell.get_sync_conflicts() lists them. Users decide their own, admins and services their org''s.';
  end if;
  select t.* into v_table from syncwell.synced_tables as t where t.table_name = v_conflict.table_name;
  if not found then
    raise exception using
      errcode = 'SW301',
      message = 'unknown synced table',
      detail = format('Table %s is not registered any more.', v_conflict.table_name),
      hint = 'Tables are registered with syncwell.register_synced_table().';
  end if;
  table_id := v_table.table_id;
  table_name := v_table.table_name;
  scope := v_conflict.scope;
  org_id := case v_table.scope_kind when 'org_user' then v_conflict.org_id end;
  record_id := v_conflict.record_id;
  server_record := v_conflict.server_record;
  client_record := v_conflict.client_record;
  choice := v_conflict.choice;
end
$$;
comment on function syncwell._take_conflict(uuid) is
'A conflict that the caller may decide, locked: its own, or for admins and services one of their org. Errors: SW001, '
'SW301, SW309.';
revoke all on function syncwell._take_conflict(uuid) from public;
-- resolve_conflict writes the record with the caller's rights
grant execute on function syncwell._take_conflict(uuid) to syncwell_client, syncwell_worker;
--! end

--! include delta/functions/_tombstones_task.sql
create or replace function syncwell._tombstones_task()
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return syncwell.cleanup_old_tombstones(syncwell._setting(null, 'delta.tombstone_retention')::interval);
end
$$;
comment on function syncwell._tombstones_task() is
'Forgets deletions older than setting delta.tombstone_retention, that of all orgs; returns how many.';
revoke all on function syncwell._tombstones_task() from public;
--! end

--! include delta/functions/_touch_record.sql
create or replace function syncwell._touch_record(
  p_table_id integer,
  p_record_id text,
  p_user_id uuid,
  p_created boolean
)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table syncwell.synced_tables;
  v_scope uuid;
  v_is_alive boolean;
begin
  perform syncwell._check_text('p_record_id', p_record_id, 1000);
  select t.* into v_table from syncwell.synced_tables as t where t.table_id = p_table_id;
  v_scope := syncwell._touched_scope(v_table.scope_kind, p_user_id);
  perform syncwell._incarnation();
  if current_setting('syncwell.pulled', true) <> '' then
    perform syncwell._refuse_mixed();
  end if;

  insert into syncwell.record_changes as c (scope, table_id, record_id, xid, created_xid)
  values (
    v_scope, v_table.table_id, p_record_id, pg_current_xact_id(), case when p_created then pg_current_xact_id() end
  )
  on conflict (scope, table_id, record_id) do update
  set
    xid = case when c.deleted_at is null then excluded.xid else c.xid end,
    created_xid = case
      when c.deleted_at is null then coalesce(excluded.created_xid, c.created_xid)
      else c.created_xid
    end,
    earlier_lives = case when c.deleted_at is null and p_created then null else c.earlier_lives end
  returning c.deleted_at is null into v_is_alive;
  return v_is_alive;
end
$$;
comment on function syncwell._touch_record(integer, text, uuid, boolean) is
'Stamps a record of the caller, of p_user_id or of the org as changed; returns whether it lives. Errors: 22001, 22004, '
'42501, SW001, SW002, SW305.';
revoke all on function syncwell._touch_record(integer, text, uuid, boolean) from public;
-- touch_record() looks for the record with its caller's rights
grant execute on function syncwell._touch_record(integer, text, uuid, boolean)
to syncwell_client, syncwell_worker, syncwell_operator;
--! end

--! include delta/functions/_touched_scope.sql
create or replace function syncwell._touched_scope(
  p_scope_kind text,
  p_user_id uuid
)
returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user syncwell.users;
  v_caller record;
begin
  if pg_has_role(session_user, 'syncwell_operator', 'member') and p_user_id is not null then
    -- operators serve all orgs
    select u.* into v_user from syncwell.users as u where u.user_id = p_user_id;
    if not found then
      raise exception using
        errcode = 'SW002',
        message = 'unknown user',
        detail = format('There is no user %s.', p_user_id),
        hint = 'Users are registered with syncwell.register_user().';
    end if;
    return case p_scope_kind when 'org' then v_user.org_id else v_user.user_id end;
  end if;
  v_caller := syncwell._caller();
  if p_scope_kind <> 'org' then
    v_user.user_id := syncwell._target_user(p_user_id);
    if v_user.user_id is null then
      raise exception using
        errcode = '22004',
        message = 'whose record is it?',
        detail = 'The table''s records are users'', and a service is none.',
        hint = 'Name the user as p_user_id.';
    end if;
    return v_user.user_id;
  end if;
  -- it would reach the devices of everybody in the org
  if v_caller.role not in ('admin', 'service') then
    raise exception using
      errcode = '42501',
      message = 'only admins and services touch the records of an org',
      detail = format('The caller is %s.', v_caller.role),
      hint = 'Ask an admin of the org, or an operator.';
  end if;
  perform syncwell._target_user(p_user_id);
  return v_caller.org_id;
end
$$;
comment on function syncwell._touched_scope(text, uuid) is
'Whose record a caller touches: its own or, where it may, that of p_user_id; for a table of an org the org. Errors: '
'22004, 42501, SW001, SW002.';
revoke all on function syncwell._touched_scope(text, uuid) from public;
-- touch_record() looks for the record with its caller's rights
grant execute on function syncwell._touched_scope(text, uuid) to syncwell_client, syncwell_worker, syncwell_operator;
--! end

--! include delta/functions/_tracking_gaps.sql
create or replace function syncwell._tracking_gaps(
  p_table_id integer,
  out has_gaps boolean,
  out is_stale boolean,
  out new_partitions regclass[]
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table syncwell.synced_tables;
  v_refusal record;
begin
  select t.* into strict v_table from syncwell.synced_tables as t where t.table_id = p_table_id;
  select r.reason, r.hint into v_refusal from syncwell._table_refusal(v_table.relation) as r;
  if v_refusal.reason is not null then
    perform syncwell._refuse_table(v_refusal.reason, v_refusal.hint);
  end if;

  select coalesce(array_agg(p.relation) filter (where p.is_new), '{}'), coalesce(bool_or(not p.is_new), false)
  into new_partitions, has_gaps
  from (
    select
      s.relation,
      -- the row trigger comes with the partition
      not s.is_root and bool_and(s.state is null) filter (where s.should_be <> 'R') as is_new
    from syncwell._tracking_state(p_table_id) as s
    group by s.relation, s.is_root
    having bool_or(s.state is distinct from s.should_be)
  ) as p;
  has_gaps := has_gaps
    or v_table.partitions > syncwell._count_partitions(v_table.relation) - cardinality(new_partitions)
    or exists (select from syncwell._tracking_triggers(p_table_id) as s where not s.in_tree);
  is_stale := v_table.partitions is distinct from syncwell._count_partitions(v_table.relation)
    or not syncwell._is_generated(p_table_id);
end
$$;
comment on function syncwell._tracking_gaps(integer) is
'What a synced table lacks. has_gaps: changes may have been missed, since triggers of it or of its tracked partitions '
'are missing or disabled, or partitions have gone; is_stale: what is stored or generated is out of date; '
'new_partitions: those without triggers yet. Errors: SW302 where it can not be synced any more.';
revoke all on function syncwell._tracking_gaps(integer) from public;
-- ensure_tracking() runs with its caller's rights
grant execute on function syncwell._tracking_gaps(integer) to syncwell_operator;
--! end

--! include delta/functions/_tracking_problems.sql
create or replace function syncwell._tracking_problems(p_table_id integer)
returns table (
  relation regclass,
  problem text,
  hint text
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table syncwell.synced_tables;
  v_ensure text;
  v_present integer;
begin
  select t.* into strict v_table from syncwell.synced_tables as t where t.table_id = p_table_id;
  if not exists (select from pg_class as c where c.oid = v_table.relation) then
    return query
    select
      null::regclass, 'The table was dropped.',
      format('select syncwell.unregister_synced_table(%s);', v_table.relation::oid);
    return;
  end if;
  v_ensure := format('select syncwell.ensure_tracking(%L);', v_table.relation);

  return query
  select null::regclass, r.reason, r.hint
  from syncwell._table_refusal(v_table.relation) as r
  where r.reason is not null;

  return query
  select null::regclass, d.problem, d.hint from syncwell._definition_problems(p_table_id) as d;
  if not found and not syncwell._is_generated(p_table_id) then
    return query
    select null::regclass, 'Its view or its functions are missing or of another version.', v_ensure;
  end if;

  return query
  select
    s.relation,
    case
      when not s.is_root and bool_and(s.state is null) filter (where s.should_be <> 'R')
        then 'The partition is not tracked.'
      else format(
        'Its triggers are not as they should be: %s.',
        string_agg(
          s.trigger_name || case s.state
            when 'D' then ' is disabled'
            when 'R' then ' fires for replicated changes only'
            when 'A' then ' fires always'
            when 'O' then ' does not fire for replicated changes'
            else ' is missing'
          end,
          ', ' order by s.trigger_name
        ) filter (where s.state is distinct from s.should_be)
      )
    end,
    v_ensure
  from syncwell._tracking_state(p_table_id) as s
  group by s.relation, s.is_root
  having bool_or(s.state is distinct from s.should_be);

  return query
  select distinct s.relation, 'It is no partition any more, and still has the triggers of one.', v_ensure
  from syncwell._tracking_triggers(p_table_id) as s
  where not s.in_tree;

  v_present := (
    select count(distinct s.relation)
    from syncwell._tracking_triggers(p_table_id) as s
    where s.in_tree and not s.is_root
  );
  if v_table.partitions > v_present and v_table.partitions > syncwell._count_partitions(v_table.relation) then
    return query
    select
      null::regclass,
      format('%s tracked partitions have gone, with rows that devices may still have.', v_table.partitions - v_present),
      v_ensure;
  end if;
end
$$;
comment on function syncwell._tracking_problems(integer) is
'What is wrong with the tracking of one table; relation NULL: the table itself.';
revoke all on function syncwell._tracking_problems(integer) from public;
--! end

--! include delta/functions/_tracking_sql.sql
create or replace function syncwell._tracking_sql(p_table_id integer)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table syncwell.synced_tables;
  v_scope text;
  v_member text := '';
  v_id text;
  v_order text;
  v_columns name[];
  v_carried text;
  v_differs text;
  v_refusal text;
  -- A birth ends an earlier death. Died and born in one transaction is a change to everybody else; a row that lived
  -- already was changed by a trigger of its own before its birth was noted, or its death was never noted.
  c_born constant text := $sql$on conflict (scope, table_id, record_id) do update
  set
    xid = excluded.xid,
    created_xid = case
      when c.deleted_at is not null and c.xid <> excluded.xid then excluded.xid
      when c.deleted_at is null and c.created_xid is null and c.xid = excluded.xid then excluded.xid
      else c.created_xid
    end,
    earlier_lives = case
      when c.deleted_at is not null and c.xid <> excluded.xid
        then (c.earlier_lives || array[c.created_xid, c.xid])[greatest(cardinality(c.earlier_lives) - 17, 1):]
      else c.earlier_lives
    end,
    deleted_at = null;$sql$;
  -- a change revives only what another transaction deleted: where this one did, a trigger of the table's own has just
  -- deleted the row that the statement changed
  c_changed constant text := $sql$on conflict (scope, table_id, record_id) do update
  set
    xid = excluded.xid,
    created_xid = case when c.deleted_at is not null and c.xid <> excluded.xid then excluded.xid else c.created_xid end,
    earlier_lives = case
      when c.deleted_at is not null and c.xid <> excluded.xid
        then (c.earlier_lives || array[c.created_xid, c.xid])[greatest(cardinality(c.earlier_lives) - 17, 1):]
      else c.earlier_lives
    end,
    deleted_at = case when c.xid = excluded.xid then c.deleted_at end;$sql$;
  c_died constant text := $sql$on conflict (scope, table_id, record_id) do update
  set xid = excluded.xid, deleted_at = excluded.deleted_at;$sql$;
  -- of all three kinds at once: deleted_at tells a death, created_xid a birth, neither a change
  c_any constant text := $sql$on conflict (scope, table_id, record_id) do update
  set
    xid = excluded.xid,
    created_xid = case
      when excluded.deleted_at is not null then c.created_xid
      when c.deleted_at is not null and c.xid <> excluded.xid then excluded.xid
      when c.deleted_at is null and c.created_xid is null and c.xid = excluded.xid then excluded.created_xid
      else c.created_xid
    end,
    earlier_lives = case
      when c.deleted_at is not null and excluded.deleted_at is null and c.xid <> excluded.xid
        then (c.earlier_lives || array[c.created_xid, c.xid])[greatest(cardinality(c.earlier_lives) - 17, 1):]
      else c.earlier_lives
    end,
    deleted_at = case
      when excluded.deleted_at is not null then excluded.deleted_at
      when c.xid = excluded.xid and excluded.created_xid is null then c.deleted_at
    end;$sql$;
begin
  select t.* into strict v_table from syncwell.synced_tables as t where t.table_id = p_table_id;

  v_scope := syncwell._scope_value('r', v_table.relation, v_table.scope_column);
  if v_table.org_column is not null then
    v_member := format(
      E'\n  inner join syncwell.users as u on u.org_id = %s and u.user_id = %s',
      syncwell._scope_value('r', v_table.relation, v_table.org_column), v_scope
    );
  end if;
  select
    format(case when t.is_text then 'r.%I' else 'r.%I::text' end, v_table.id_column),
    format(case when t.is_text then 'r.%I collate "C"' else 'r.%I' end, v_table.id_column)
  into v_id, v_order
  from (
    select syncwell._base_type(a.atttypid) = any (array['text', 'varchar']::regtype[]) as is_text
    from pg_attribute as a
    where a.attrelid = v_table.relation and a.attname = v_table.id_column
  ) as t;

  -- a virtual column is not in the transition tables: what it is made of is
  select coalesce(array_agg(a.attname order by a.attnum), '{}') into v_columns
  from pg_attribute as a
  where a.attrelid = v_table.relation
    and a.attnum > 0
    and not a.attisdropped
    and a.attgenerated <> 'v'
    and (
      exists (
        select from syncwell.synced_columns as c where c.table_id = p_table_id and c.column_name = a.attname
      )
      or exists (
        select
        from syncwell.synced_columns as c
        inner join pg_attribute as v on v.attrelid = v_table.relation and v.attname = c.column_name
        where c.table_id = p_table_id and v.attgenerated = 'v'
      )
    );
  v_carried := coalesce(
    (
      select string_agg(format(E',\n        r.%I as c%s', x.name, x.position), '' order by x.position)
      from unnest(v_columns) with ordinality as x (name, position)
    ),
    ''
  );
  v_differs := syncwell._differs_sql(v_table.relation, v_columns);

  -- Everybody who may make triggers could put these functions on a table of their own, and an owner can exchange a
  -- column: casts of types that they made would then run with the rights of this function. The view pins the types.
  v_refusal := format(
    $sql$if current_setting('syncwell.pulled', true) <> '' then
    perform syncwell._refuse_mixed();
  end if;
  if not exists (
    select from syncwell.synced_tables as t
    where t.table_id = %1$s and (t.relation = tg_relid or t.relation = pg_partition_root(tg_relid))
  ) then
    return null;
  end if;
  if to_regclass(%2$L) is null then
    -- a column that is synced was dropped: what changes is not known until the table is registered again
    perform syncwell._reset_table(%1$s);
    return null;
  end if;$sql$,
    p_table_id, format('syncwell_tables.%I', v_table.table_name)
  );

  return format(
    $sql$create or replace function syncwell_tables.%1$I()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $body$
begin
  %2$s
  -- new ids are the rule: many of them go in without a look for each, in the order of the index
  if exists (select from new_rows offset 64) then
    begin
      insert into syncwell.record_changes (scope, table_id, record_id, xid, created_xid)
      select %3$s, %4$s, %5$s, pg_current_xact_id(), pg_current_xact_id()
      from new_rows as r%6$s
      where %3$s is not null
      order by 1, %7$s;
      return null;
    exception
      when unique_violation then null;
    end;
  end if;
  -- a few need no order: nobody else who writes to the table has these ids in hand
  insert into syncwell.record_changes as c (scope, table_id, record_id, xid, created_xid)
  select %3$s, %4$s, %5$s, pg_current_xact_id(), pg_current_xact_id()
  from new_rows as r%6$s
  where %3$s is not null
  %8$s
  return null;
end
$body$;
$sql$,
    v_table.table_name || '_inserted', v_refusal, v_scope, p_table_id, v_id, v_member, v_order, c_born
  ) || format(
    $sql$create or replace function syncwell_tables.%1$I()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $body$
begin
  %2$s
  -- one row that stays where it is, as most statements write: the condition without a join keeps the loop to one turn
  insert into syncwell.record_changes as c (scope, table_id, record_id, xid)
  select n.scope, %4$s, n.record_id, pg_current_xact_id()
  from (
    select
      %3$s as scope,
      %7$s as id%8$s
    from old_rows as r%6$s
  ) as o
  cross join (
    select
      %3$s as scope,
      %7$s as id,
      %5$s as record_id%8$s
    from new_rows as r%6$s
  ) as n
  where not exists (select from new_rows offset 1) and n.id = o.id and n.scope = o.scope and (%9$s)
  %11$s
  if found then
    return null;
  end if;
  -- a full join can not be done by a loop, whatever the plan was made for; a key may be there twice where two foreign
  -- keys act on one row
  insert into syncwell.record_changes as c (scope, table_id, record_id, xid, created_xid, deleted_at)
  select distinct on (s.scope, s.id)
    s.scope,
    %4$s,
    s.record_id,
    pg_current_xact_id(),
    case when s.is_born then pg_current_xact_id() end,
    case when s.is_dead then syncwell._now() end
  from (
    select
      coalesce(n.scope, o.scope) as scope,
      coalesce(n.id, o.id) as id,
      coalesce(n.record_id, o.record_id) as record_id,
      o.id is null as is_born,
      n.id is null as is_dead
    from (
      select
        %3$s as scope,
        %7$s as id,
        %5$s as record_id%8$s
      from old_rows as r%6$s
    ) as o
    full join (
      select
        %3$s as scope,
        %7$s as id,
        %5$s as record_id%8$s
      from new_rows as r%6$s
    ) as n on n.id = o.id and n.scope = o.scope
    where o.id is null or n.id is null or %9$s
  ) as s
  where s.scope is not null
  order by s.scope, s.id
  %10$s
  return null;
end
$body$;
$sql$,
    v_table.table_name || '_updated', v_refusal, v_scope, p_table_id, v_id, v_member, v_order, v_carried, v_differs,
    c_any, c_changed
  ) || format(
    $sql$create or replace function syncwell_tables.%1$I()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $body$
begin
  %2$s
  insert into syncwell.record_changes as c (scope, table_id, record_id, xid, deleted_at)
  select distinct on (%3$s, %7$s) %3$s, %4$s, %5$s, pg_current_xact_id(), (select syncwell._now())
  from old_rows as r%6$s
  where %3$s is not null
  order by %3$s, %7$s
  %8$s
  return null;
end
$body$;
create or replace function syncwell_tables.%9$I()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $body$
begin
  %2$s
  perform syncwell._reset_table(%4$s);
  return null;
end
$body$;
$sql$,
    v_table.table_name || '_deleted', v_refusal, v_scope, p_table_id, v_id, v_member, v_order, c_died,
    v_table.table_name || '_truncated'
  ) || format(
    $sql$create or replace function syncwell_tables.%1$I()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $body$
begin
  %2$s
  insert into syncwell.record_changes as c (scope, table_id, record_id, xid, created_xid, deleted_at)
  select
    coalesce(n.scope, o.scope),
    %4$s,
    coalesce(n.record_id, o.record_id),
    pg_current_xact_id(),
    case when o.id is null then pg_current_xact_id() end,
    case when n.id is null then syncwell._now() end
  from (
    select
      %3$s as scope,
      %7$s as id,
      %5$s as record_id%8$s
    from (select old.* where tg_op <> 'INSERT') as r%6$s
  ) as o
  full join (
    select
      %3$s as scope,
      %7$s as id,
      %5$s as record_id%8$s
    from (select new.* where tg_op <> 'DELETE') as r%6$s
  ) as n on n.id = o.id and n.scope = o.scope
  where (o.id is null or n.id is null or %9$s) and coalesce(n.scope, o.scope) is not null
  %10$s
  return null;
end
$body$;
$sql$,
    v_table.table_name || '_replicated', v_refusal, v_scope, p_table_id, v_id, v_member, v_order, v_carried, v_differs,
    c_any
  ) || (
    select string_agg(
      format(
        E'revoke all on function syncwell_tables.%1$I() from public;\n'
        -- CREATE TRIGGER asks for it
        'grant execute on function syncwell_tables.%1$I() to syncwell_operator;\n',
        v_table.table_name || f.suffix
      ),
      ''
    )
    from unnest(array['_inserted', '_updated', '_deleted', '_truncated', '_replicated']) as f (suffix)
  );
end
$$;
comment on function syncwell._tracking_sql(integer) is
'The text that makes the trigger functions of a synced table: static SQL, one statement for all rows that a statement '
'of the application wrote.';
revoke all on function syncwell._tracking_sql(integer) from public;
--! end

--! include delta/functions/_tracking_state.sql
create or replace function syncwell._tracking_state(p_table_id integer)
returns table (
  relation regclass,
  is_root boolean,
  trigger_name name,
  trigger_function name,
  should_be text,
  state text
)
language sql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
  select t.relid, t.level = 0, e.trigger_name::name,
    (s.table_name || substr(e.trigger_name, 9))::name,
    e.should_be, g.tgenabled::text
  from syncwell.synced_tables as s
  cross join lateral (
    select p.relid, p.level from pg_partition_tree(s.relation) as p
    union
    select s.relation, 0
  ) as t
  cross join (
    values
    ('syncwell_inserted', 'O'), ('syncwell_updated', 'O'), ('syncwell_deleted', 'O'), ('syncwell_truncated', 'A'),
    ('syncwell_replicated', 'R')
  ) as e (trigger_name, should_be)
  left join pg_trigger as g
    on g.tgrelid = t.relid
      and g.tgname = e.trigger_name
      and g.tgfoid = to_regprocedure(
        format('syncwell_tables.%I()', s.table_name || substr(e.trigger_name, 9))
      )
  where s.table_id = p_table_id;
$$;
comment on function syncwell._tracking_state(integer) is
'The triggers that a synced table and its partitions must have: should_be O (fires in sessions of the application), R '
'(where changes are replicated), A (always); state: what there is, NULL where it is missing.';
revoke all on function syncwell._tracking_state(integer) from public;
-- register_synced_table() and ensure_tracking() make triggers with their callers' rights
grant execute on function syncwell._tracking_state(integer) to syncwell_operator;
--! end

--! include delta/functions/_tracking_triggers.sql
create or replace function syncwell._tracking_triggers(p_table_id integer)
returns table (
  relation regclass,
  trigger_name name,
  is_root boolean,
  in_tree boolean
)
language sql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
  select g.tgrelid::regclass, g.tgname, g.tgrelid = s.relation,
    g.tgrelid = s.relation or exists (
      select from pg_partition_tree(s.relation) as p where p.relid = g.tgrelid
    )
  from syncwell.synced_tables as s
  inner join pg_proc as f
    on f.pronamespace = 'syncwell_tables'::regnamespace
      and f.proname = any (array[
        s.table_name || '_inserted', s.table_name || '_updated', s.table_name || '_deleted',
        s.table_name || '_truncated', s.table_name || '_replicated'
      ])
  inner join pg_trigger as g on g.tgfoid = f.oid and g.tgparentid = 0
  where s.table_id = p_table_id;
$$;
comment on function syncwell._tracking_triggers(integer) is
'The triggers that call a synced table''s functions, wherever they are: on it, on its partitions, on former ones.';
revoke all on function syncwell._tracking_triggers(integer) from public;
-- unregister_synced_table() and ensure_tracking() drop triggers with their callers' rights
grant execute on function syncwell._tracking_triggers(integer) to syncwell_operator;
--! end

--! include delta/functions/_unregister_table.sql
create or replace function syncwell._unregister_table(p_table regclass)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table_id integer;
begin
  -- nobody owns a table that was dropped
  if exists (select from pg_class as c where c.oid = p_table) then
    perform syncwell._check_table_owner(p_table);
  end if;
  select t.table_id into v_table_id from syncwell.synced_tables as t where t.relation = p_table;
  if found then
    perform syncwell._forget_table(v_table_id);
    perform syncwell._order_tables();
  end if;
end
$$;
comment on function syncwell._unregister_table(regclass) is
'The part of unregister_synced_table() that needs the owner''s rights, after its triggers are gone. Errors: 42501.';
revoke all on function syncwell._unregister_table(regclass) from public;
-- unregister_synced_table() runs with its caller's rights
grant execute on function syncwell._unregister_table(regclass) to syncwell_operator;
--! end

--! include delta/functions/_view_sql.sql
create or replace function syncwell._view_sql(p_table_id integer)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table syncwell.synced_tables;
  v_columns text;
begin
  select t.* into strict v_table from syncwell.synced_tables as t where t.table_id = p_table_id;
  select
    string_agg(
      format(
        E',\n  %s as %I', syncwell._encoded(format('t.%I', c.column_name), c.column_type, c.encoding), c.column_name
      ),
      '' order by c.position
    )
  into v_columns
  from syncwell.synced_columns as c
  where c.table_id = p_table_id;

  return format(
    $sql$create or replace view syncwell_tables.%1$I with (security_invoker = true) as
select
  t.%2$I as _key,
  t.%3$I as _owner%4$s,
  t.%2$I::text as id%5$s
from %6$s as t;
revoke all on syncwell_tables.%1$I from public;
grant select on syncwell_tables.%1$I to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
$sql$,
    v_table.table_name, v_table.id_column, v_table.scope_column,
    case when v_table.org_column is not null then format(E',\n  t.%I as _org', v_table.org_column) end,
    v_columns, v_table.relation
  );
end
$$;
comment on function syncwell._view_sql(integer) is
'The text that makes the view of a synced table''s records as devices see them, with their key, owner and org.';
revoke all on function syncwell._view_sql(integer) from public;
--! end

--! include delta/functions/_write_pushed.sql
create or replace function syncwell._write_pushed(
  p_table text,
  p_scope uuid,
  p_org uuid,
  p_records json,
  p_found text[],
  p_whole text[],
  p_search_path text,
  out created bigint,
  out updated bigint,
  out refused text[],
  out is_stale boolean
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_n constant integer := json_array_length(p_records);
  v_new text[] := '{}'::text[];
begin
  created := 0;
  updated := 0;
  refused := '{}';
  is_stale := false;
  if p_found <> '{}' then
    -- the application's triggers find what they name as they do elsewhere, nothing else does
    execute format(
      'select syncwell_tables.%I($1, $2, $3, $4) from set_config(''search_path'', $5, true)', p_table || '_push_update'
    )
    into updated
    using p_scope, p_org, p_records, p_whole, p_search_path;
    perform set_config('search_path', 'pg_catalog, pg_temp', true);
  end if;
  if cardinality(p_found) < v_n then
    execute format(
      'select syncwell_tables.%I($1, $2, $3, $4) from set_config(''search_path'', $5, true)', p_table || '_push_insert'
    )
    into v_new
    using p_scope, p_org, p_records, p_found, p_search_path;
    perform set_config('search_path', 'pg_catalog, pg_temp', true);
    created := cardinality(v_new);
    if created + cardinality(p_found) < v_n then
      refused := array(
        select r.id from json_to_recordset(p_records) as r (id text)
        except
        select w.id from unnest(v_new || p_found) as w (id)
      );
      -- of this scope: somebody else made it meanwhile. Else its id is taken where the caller can't look, or a trigger
      -- wants no such row: neither is told.
      execute format(
        'select syncwell_tables.%I($1, $2, $3) <> ''{}'' from set_config(''search_path'', $4, true)', p_table || '_push_lock'
      )
      into is_stale
      using p_scope, p_org, refused, p_search_path;
    end if;
  end if;
end
$$;
comment on function syncwell._write_pushed(text, uuid, uuid, json, text[], text[], text) is
'Writes records of one table: those in p_found, whose rows are locked, are updated where they differ (those in p_whole '
'in all columns), the others inserted. refused: what could be neither; is_stale: rows appeared since they were locked, '
'the push has to look again. Errors: whatever the table raises.';
revoke all on function syncwell._write_pushed(text, uuid, uuid, json, text[], text[], text) from public;
-- sync_push runs with the caller's rights
-- resolve_conflict too, also for services
grant execute on function syncwell._write_pushed(text, uuid, uuid, json, text[], text[], text)
to syncwell_client, syncwell_worker;
--! end

--! include delta/functions/check_tracking.sql
create or replace function syncwell.check_tracking(p_table regclass default null)
returns table (
  table_name text,
  relation text,
  problem text,
  hint text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_table is not null then
    perform syncwell._synced_table_id(p_table);
  end if;
  return query
  select t.table_name, coalesce(p.relation, t.relation)::text, p.problem, p.hint
  from syncwell.synced_tables as t
  cross join lateral syncwell._tracking_problems(t.table_id) as p
  where p_table is null or t.relation = p_table
  order by t.position, coalesce(p.relation, t.relation) <> t.relation, 2, 3;
end
$$;
comment on function syncwell.check_tracking(regclass) is
'What keeps changes of p_table, or of any synced table, from reaching devices, one row each, none where all is well: '
'triggers that are missing or disabled, partitions that are not tracked or were detached, columns, key or table that '
'were dropped or changed, functions of another version. relation: the table or partition, a number where it was '
'dropped; hint: what its owner does. What was missed while a trigger was disabled and is enabled again nobody can see: '
'see resync_table(). Errors: SW301 not registered.';
revoke all on function syncwell.check_tracking(regclass) from public;
grant execute on function syncwell.check_tracking(regclass) to syncwell_operator;
--! end

--! include delta/functions/cleanup_old_tombstones.sql
create or replace function syncwell.cleanup_old_tombstones(
  p_older_than interval default '30 days',
  p_batch integer default 10000
)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_scopes uuid[];
  v_tables integer[];
  v_ids text[];
  v_xids xid8[];
  v_count bigint := 0;
begin
  if p_older_than is null or p_batch is null then
    raise exception using
      errcode = '22004',
      message = 'p_older_than and p_batch must not be NULL',
      detail = 'Without an age every tombstone would go, and every device would replace everything.',
      hint = 'Leave them out for 30 days, 10000 at a time.';
  end if;
  if p_older_than < interval '0' or p_batch not between 1 and 1000000 then
    raise exception using
      errcode = '22023',
      message = 'a parameter of the cleanup is out of range',
      detail = format('p_older_than is %s, p_batch is %s.', p_older_than, p_batch),
      hint = 'p_older_than is not negative, p_batch goes from 1 to 1000000.';
  end if;

  loop
    -- an id that is being used again is left to who uses it
    select array_agg(d.scope), array_agg(d.table_id), array_agg(d.record_id), array_agg(d.xid)
    into v_scopes, v_tables, v_ids, v_xids
    from (
      select c.scope, c.table_id, c.record_id, c.xid
      from syncwell.record_changes as c
      where c.deleted_at < v_now - p_older_than
        -- else a transaction that is open now would keep every cursor below the horizon until it ends
        and c.xid < pg_snapshot_xmin(pg_current_snapshot())
      order by c.deleted_at
      limit p_batch
      for update skip locked
    ) as d;
    exit when v_ids is null;

    -- First the horizon: who sees a tombstone gone sees this too, since both commit at once. A pull with an older
    -- snapshot reads the tombstones still, or it is a cursor that can't see them: then it is below the horizon.
    insert into syncwell.sync_horizons as h (scope, purged_below, purged, raised_at)
    select d.scope, (max(d.xid::text::numeric) + 1)::text::xid8, count(*), v_now
    from unnest(v_scopes, v_xids) as d (scope, xid)
    group by d.scope
    order by d.scope
    on conflict (scope) do update
    set
      purged_below = greatest(h.purged_below, excluded.purged_below),
      purged = h.purged + excluded.purged,
      raised_at = excluded.raised_at;

    delete from syncwell.record_changes as c
    using unnest(v_scopes, v_tables, v_ids) as d (scope, table_id, record_id)
    where c.scope = d.scope and c.table_id = d.table_id and c.record_id = d.record_id;
    v_count := v_count + cardinality(v_ids);
    exit when cardinality(v_ids) < p_batch;
  end loop;
  return v_count;
end
$$;
comment on function syncwell.cleanup_old_tombstones(interval, integer) is
'Forgets deletions older than p_older_than (default 30 days), p_batch at a time (1..1000000, default 10000), and '
'returns how many. A device whose last pull may not have seen one of them is told to replace everything at its next '
'pull, and never keeps a deleted record. Tombstones whose id is being used again at the moment wait for the next '
'call, as do those that are younger than a transaction that is still open. Maintenance calls it with setting '
'delta.tombstone_retention. Errors: 22004 on NULL, 22023 out of range.';
revoke all on function syncwell.cleanup_old_tombstones(interval, integer) from public;
grant execute on function syncwell.cleanup_old_tombstones(interval, integer) to syncwell_operator;
--! end

--! include delta/functions/close_pull_stream.sql
create or replace function syncwell.close_pull_stream(
  p_cursor bigint,
  p_records bigint default null,
  p_bytes bigint default null
)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_me record := syncwell._syncing_user();
  v_cursor syncwell.sync_cursors;
  v_counts jsonb;
begin
  perform syncwell._check_count('p_records', p_records);
  perform syncwell._check_count('p_bytes', p_bytes);
  select c.* into v_cursor
  from syncwell.sync_cursors as c
  where c.org_id = v_me.org_id and c.user_id = v_me.user_id and c.cursor = p_cursor;
  if v_cursor.cursor is null then
    raise exception using
      errcode = '22023',
      message = 'p_cursor is no cursor of a stream',
      detail = format('The caller has no cursor %s.', coalesce(p_cursor::text, 'NULL')),
      hint = 'It is the timestamp in the answer that open_pull_stream() gave.';
  end if;
  -- nothing was to be sent
  if v_cursor.plan -> 'stream' is null then
    return;
  end if;
  v_counts := v_cursor.plan -> 'counts';
  if p_records <> (v_counts ->> 'created')::bigint + (v_counts ->> 'updated')::bigint then
    raise exception using
      errcode = '22023',
      message = 'the stream has not been sent whole',
      detail = format(
        '%s records were sent, not %s.', p_records,
        (v_counts ->> 'created')::bigint + (v_counts ->> 'updated')::bigint
      ),
      hint = 'Roll back, and begin again.';
  end if;
  update syncwell.sync_cursors as c
  set plan = null
  where c.org_id = v_me.org_id and c.user_id = v_me.user_id and c.cursor = p_cursor;
  perform syncwell._note_pull(
    v_me.org_id, v_me.user_id, v_cursor.device_id, v_cursor.plan ->> 'stream', p_cursor, v_cursor.schema_version,
    (v_counts ->> 'created')::bigint, (v_counts ->> 'updated')::bigint, (v_counts ->> 'deleted')::bigint, p_bytes,
    syncwell._pulled_records(v_me.org_id, v_me.user_id, v_cursor.device_id, v_counts), v_cursor.created_at,
    v_cursor.plan -> 'client'
  );
end
$$;
comment on function syncwell.close_pull_stream(bigint, bigint, bigint) is
'The last step of a streamed pull, in the transaction of open_pull_stream() before its COMMIT: notes the pull. '
'p_cursor: the timestamp of the answer; p_records: how many rows its queries gave, NULL = not counted; p_bytes: '
'length of the answer. Errors: SW001, 42501, 22023 for another cursor, for negative numbers, and where p_records is '
'not what was to be sent.';
revoke all on function syncwell.close_pull_stream(bigint, bigint, bigint) from public;
grant execute on function syncwell.close_pull_stream(bigint, bigint, bigint) to syncwell_client;
--! end

--! include delta/functions/ensure_tracking.sql
create or replace function syncwell.ensure_tracking(p_table regclass default null)
returns integer
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table record;
  v_plan record;
  v_trigger record;
  v_repaired integer := 0;
  v_count integer;
begin
  if p_table is not null then
    perform syncwell._synced_table_id(p_table);
  end if;
  for v_table in
    select t.table_id, t.relation
    from syncwell.synced_tables as t
    inner join pg_class as c on c.oid = t.relation
    where t.relation = p_table or (p_table is null and pg_has_role(c.relowner, 'usage'))
    order by t.position
  loop
    -- what was missed is judged before the repair, what is in new partitions after it, when no writer is under way
    select s.* into v_plan from syncwell._tracking_gaps(v_table.table_id) as s;
    v_count := syncwell._ensure_triggers(v_table.table_id);
    for v_trigger in
      select s.relation, s.trigger_name from syncwell._tracking_triggers(v_table.table_id) as s where not s.in_tree
    loop
      execute format('drop trigger %I on %s', v_trigger.trigger_name, v_trigger.relation);
      v_count := v_count + 1;
    end loop;
    if v_count > 0 or v_plan.is_stale then
      perform syncwell._note_tracking(
        v_table.relation,
        v_plan.has_gaps or exists (
          select from unnest(v_plan.new_partitions) as n (relation) where pg_relation_size(n.relation) > 0
        )
      );
    end if;
    v_repaired := v_repaired + v_count;
  end loop;
  return v_repaired;
end
$$;
comment on function syncwell.ensure_tracking(regclass) is
'Makes what is missing of the tracking of p_table, or of every synced table that the caller owns: triggers on new '
'partitions, triggers that were dropped or disabled; takes them off partitions that were detached. Returns how many '
'triggers were made, enabled or dropped. Where changes may have been missed (a trigger was missing or disabled, a '
'partition came with rows or went) devices are sent the table in full. To be called by the owner of the tables, who '
'also needs the role syncwell_operator, whenever partitions come or go: maintenance runs as nobody who could. Errors: '
'42501 not the owner, SW301 not registered, SW302 it can not be synced any more.';
revoke all on function syncwell.ensure_tracking(regclass) from public;
grant execute on function syncwell.ensure_tracking(regclass) to syncwell_operator;
--! end

--! include delta/functions/get_quarantined_records.sql
create or replace function syncwell.get_quarantined_records(
  p_table text default null,
  p_limit integer default 50,
  p_user_id uuid default null
)
returns table (
  quarantine_id uuid,
  user_id uuid,
  device_id text,
  table_name text,
  record_id text,
  action text,
  record text,
  error_code text,
  reason text,
  quarantined_at timestamptz
)
language plpgsql stable security definer rows 50
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_caller record;
  v_shows boolean;
begin
  perform syncwell._check_limit(p_limit);
  v_caller := syncwell._caller();
  perform syncwell._check_shown_user(p_user_id);
  v_shows := v_caller.role in ('admin', 'service');
  return query
  select
    q.id, q.user_id,
    case when o.is_own then q.device_id else syncwell._redact(q.org_id, q.user_id, q.device_id) end,
    q.table_name, q.record_id, q.action,
    case
      when o.is_own then q.record
      when v_shows then syncwell._redact(q.org_id, q.user_id, q.record)
    end,
    q.error_code,
    case when o.is_own then q.reason else syncwell._redact(q.org_id, q.user_id, q.reason) end,
    q.quarantined_at
  from syncwell.sync_quarantine as q
  cross join lateral (select q.user_id is not distinct from v_caller.user_id as is_own) as o
  where q.org_id = v_caller.org_id and q.resolved_at is null
    and (v_caller.sees_org or q.user_id = v_caller.user_id)
    and (p_user_id is null or q.user_id = p_user_id)
    and (p_table is null or q.table_name = p_table)
  order by q.id desc
  limit p_limit;
end
$$;
comment on function syncwell.get_quarantined_records(text, integer, uuid) is
'Pushed records that the table refused and that no later push has settled, newest first, p_limit (1 to 1000) of them: '
'of p_table (NULL: all) and p_user_id (NULL: everything the caller may see). record: as the device sent it, NULL for '
'a deletion; shown to the user whose device it was, and to admins and services with consent. error_code: SQLSTATE of '
'the refusal. Errors: SW001, SW002, 22004, 22023.';
revoke all on function syncwell.get_quarantined_records(text, integer, uuid) from public;
grant execute on function syncwell.get_quarantined_records(text, integer, uuid) to syncwell_client, syncwell_reader;
--! end

--! include delta/functions/get_sync_clients.sql
create or replace function syncwell.get_sync_clients(
  p_user_id uuid default null,
  p_limit integer default 100
)
returns table (
  user_id uuid,
  device_id text,
  platform text,
  app_version text,
  network_type text,
  first_seen timestamptz,
  last_seen timestamptz,
  last_pull timestamptz,
  last_push timestamptz,
  cursor_age interval,
  next_pull text,
  schema_version integer,
  records bigint,
  pulls bigint,
  pushes bigint,
  failures bigint,
  failing_since timestamptz,
  last_error_code text,
  conflicts bigint,
  quarantined bigint,
  open_quarantined bigint,
  full_resyncs bigint
)
language plpgsql stable security definer rows 100
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller record := syncwell._caller();
  v_now constant timestamptz := syncwell._now();
  v_incarnation integer;
  v_user_id uuid := p_user_id;
begin
  perform syncwell._check_limit(p_limit);
  if p_user_id is not null and p_user_id is distinct from v_caller.user_id then
    perform from syncwell.users as u
    where u.org_id = v_caller.org_id and u.user_id = p_user_id and v_caller.sees_org;
    if not found then
      raise exception using
        errcode = 'SW002',
        message = 'unknown user',
        detail = format('There is no user %s about whom this caller may ask.', p_user_id),
        hint = 'Leave p_user_id out for all you may see; analysts, admins and services may ask about their whole org.';
    end if;
  elsif not v_caller.sees_org then
    v_user_id := v_caller.user_id;
  end if;
  select max(i.incarnation) into v_incarnation from syncwell.sync_incarnations as i;

  return query
  with devices as materialized (
    select d.*
    from syncwell.sync_devices as d
    where d.org_id = v_caller.org_id and (v_user_id is null or d.user_id = v_user_id)
    order by d.last_seen desc, d.user_id, d.device_id
    limit p_limit
  )
  select
    d.user_id,
    syncwell._redact(d.org_id, d.user_id, nullif(d.device_id, '')),
    d.platform,
    d.app_version,
    syncwell._redact(d.org_id, d.user_id, d.network_type),
    d.first_seen,
    d.last_seen,
    d.last_pull,
    d.last_push,
    case when c.cursor is not null then v_now - d.cursor_at end,
    case
      when d.last_pull is null then 'first'
      when c.cursor is null or not pg_visible_in_snapshot(d.invalidated_xid, c.snapshot) or exists (
        select from syncwell.sync_horizons as h
        where h.scope in (d.org_id, d.user_id) and pg_snapshot_xmin(c.snapshot) < h.purged_below
      ) then 'replacement'
      else 'incremental'
    end,
    d.schema_version,
    (select sum(r.value::bigint)::bigint from jsonb_each_text(d.records) as r (table_id, value)),
    d.pulls,
    d.pushes,
    d.failures,
    d.failing_since,
    d.last_error_code,
    d.conflicts,
    d.quarantined,
    (
      select count(*)
      from syncwell.sync_quarantine as q
      where q.org_id = d.org_id and q.user_id = d.user_id and q.device_id = d.device_id and q.resolved_at is null
    ),
    d.full_resyncs
  from devices as d
  left join syncwell.sync_cursors as c
    on c.org_id = d.org_id and c.user_id = d.user_id and c.cursor = d.cursor and c.incarnation = v_incarnation
  order by d.last_seen desc, d.user_id, d.device_id;
end
$$;
comment on function syncwell.get_sync_clients(uuid, integer) is
'The devices that sync, those seen last first, at most p_limit (1 to 1000), of p_user_id or (NULL) everything the '
'caller may see. device_id and network_type with consent only; device_id NULL: the client names none, its devices '
'share a row. last_seen, last_pull: idle pulls count once a setting delta.idle_interval; cursor_age: how long ago it '
'was given what it stands at, NULL when that is no longer known; next_pull: first, incremental, or replacement '
'(everything is sent anew); records: how many it should have, NULL when not known; pulls: those with changes; '
'failures: pushes that failed, failing_since the first in a row, last_error_code the SQLSTATE of the last; conflicts: '
'records in conflict; quarantined: records put aside as bad, open_quarantined those that nobody settled; '
'full_resyncs: pulls that replaced everything. Errors: SW001, SW002, 22004, 22023.';
revoke all on function syncwell.get_sync_clients(uuid, integer) from public;
grant execute on function syncwell.get_sync_clients(uuid, integer) to syncwell_reader, syncwell_client;
--! end

--! include delta/functions/get_sync_conflicts.sql
create or replace function syncwell.get_sync_conflicts(
  p_table text default null,
  p_open boolean default true,
  p_limit integer default 50,
  p_user_id uuid default null
)
returns table (
  conflict_id uuid,
  user_id uuid,
  device_id text,
  table_name text,
  record_id text,
  action text,
  policy text,
  outcome text,
  server_record jsonb,
  client_record jsonb,
  changed_columns text[],
  occurred_at timestamptz,
  choice text,
  resolved_at timestamptz,
  resolved_by uuid
)
language plpgsql stable security definer rows 50
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_caller record;
  v_shows boolean;
begin
  perform syncwell._check_limit(p_limit);
  v_caller := syncwell._caller();
  perform syncwell._check_shown_user(p_user_id);
  v_shows := v_caller.role in ('admin', 'service');
  return query
  select
    c.id, c.user_id,
    case when o.is_own then c.device_id else syncwell._redact(c.org_id, c.user_id, c.device_id) end,
    c.table_name, c.record_id, c.action, c.policy, c.outcome,
    case
      when o.is_own then c.server_record
      when v_shows then syncwell._redact(c.org_id, c.user_id, c.server_record)
    end,
    case
      when o.is_own then c.client_record
      when v_shows then syncwell._redact(c.org_id, c.user_id, c.client_record)
    end,
    c.changed_columns, c.occurred_at, c.choice, c.resolved_at, c.resolved_by
  from syncwell.sync_conflicts as c
  cross join lateral (select c.user_id is not distinct from v_caller.user_id as is_own) as o
  where c.org_id = v_caller.org_id
    and (v_caller.sees_org or c.user_id = v_caller.user_id)
    and (p_user_id is null or c.user_id = p_user_id)
    and (p_table is null or c.table_name = p_table)
    and (p_open is null or (c.resolved_at is null) = p_open)
  order by c.id desc
  limit p_limit;
end
$$;
comment on function syncwell.get_sync_conflicts(text, boolean, integer, uuid) is
'Conflicts that a policy decided, newest first, p_limit (1 to 1000) of them: of p_table (NULL: all) and p_user_id '
'(NULL: everything the caller may see); p_open true: those in which no person has chosen otherwise yet, false: the '
'others, NULL: both. server_record and client_record: the two versions as the client sees them, NULL where it was '
'deleted; shown to the user whose device it was, and to admins and services with consent. Errors: SW001, SW002, '
'22004, 22023.';
revoke all on function syncwell.get_sync_conflicts(text, boolean, integer, uuid) from public;
grant execute on function syncwell.get_sync_conflicts(text, boolean, integer, uuid) to syncwell_client, syncwell_reader;
--! end

--! include delta/functions/invalidate_client.sql
create or replace function syncwell.invalidate_client(
  p_user_id uuid default null,
  p_device_id text default null
)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id constant uuid := syncwell._claim_org();
  v_user_id uuid := syncwell._claim_user();
  v_devices integer;
begin
  if p_user_id is not null and p_user_id is distinct from v_user_id then
    perform from syncwell.users as u
    where u.user_id = p_user_id and v_user_id is null and (v_org_id is null or u.org_id = v_org_id);
    if not found then
      raise exception using
        errcode = 'SW002',
        message = 'unknown user',
        detail = format('There is no user %s whose devices this caller may invalidate.', p_user_id),
        hint = 'Users are registered with syncwell.register_user(); admins and services act for others of their org.';
    end if;
    v_user_id := p_user_id;
  end if;

  -- a cursor whose snapshot can't see this transaction is not known any more, also one that is handed out right now
  with locked as materialized (
    select d.org_id, d.user_id, d.device_id
    from syncwell.sync_devices as d
    where (v_org_id is null or d.org_id = v_org_id)
      and (v_user_id is null or d.user_id = v_user_id)
      and (p_device_id is null or d.device_id = p_device_id)
    order by d.org_id, d.user_id, d.device_id
    for update
  )
  update syncwell.sync_devices as d
  set may_shrink = true, invalidated_xid = pg_current_xact_id()
  from locked as l
  where d.org_id = l.org_id and d.user_id = l.user_id and d.device_id = l.device_id;
  get diagnostics v_devices = row_count;
  if v_devices = 0 and p_device_id is not null then
    raise exception using
      errcode = 'SW310',
      message = 'unknown device',
      detail = format('No device %L of the users whose devices this caller may invalidate.', left(p_device_id, 100)),
      hint = 'get_sync_clients() lists the devices; leave p_device_id out for all of the user''s.';
  end if;
  return v_devices;
end
$$;
comment on function syncwell.invalidate_client(uuid, text) is
'Has devices replace everything at their next pull: after their access changed in a way that no synced table shows, or '
'after a pull was refused because it would delete too much (SW307). p_user_id: whose devices, NULL = of everybody for '
'whom the caller acts (a member or analyst: itself; admins and services: their org; an operator: all orgs); '
'p_device_id: this one only, '''' for those without a name; NULL = all. Returns how many. A push that a device makes '
'before that pull is refused (40001): it pulls first and keeps what it changed. Errors: SW001, SW002, SW310.';
revoke all on function syncwell.invalidate_client(uuid, text) from public;
grant execute on function syncwell.invalidate_client(uuid, text) to syncwell_client, syncwell_worker, syncwell_operator;
--! end

--! include delta/functions/open_pull_stream.sql
create or replace function syncwell.open_pull_stream(
  p_last_pulled_at bigint default null,
  p_schema_version integer default null,
  p_migration jsonb default null,
  p_tables text[] default null,
  p_device_id text default null,
  p_created_as_updated boolean default false,
  p_client jsonb default null
)
-- position is a keyword
returns table ("position" integer, kind text, body text) -- noqa: RF06
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  v_started_at constant timestamptz := syncwell._now();
  v_as_updated constant boolean := coalesce(p_created_as_updated, false);
  v_plan record;
  v_part syncwell.pull_part;
  v_ids text[];
  v_columns text;
  v_mine text;
  v_list text;
  v_count bigint;
  v_cursor bigint;
  v_created bigint := 0;
  v_updated bigint := 0;
  v_deleted bigint := 0;
  v_hidden bigint := 0;
  v_records jsonb := '{}'::jsonb;
  v_replacing jsonb := '{}'::jsonb;
  v_replaced text[] := '{}'::text[];
  v_stats jsonb := '{}'::jsonb;
  v_kinds text[] := '{}'::text[];
  v_bodies text[] := '{}'::text[];
  v_text text := '';
  c_chunk constant integer := 10000;
begin
  if current_setting('transaction_isolation') not in ('repeatable read', 'serializable') then
    raise exception using
      errcode = '25001',
      message = 'a pull is streamed in a transaction with one snapshot',
      detail = format('The isolation level is %s.', current_setting('transaction_isolation')),
      hint = 'Begin it with isolation level repeatable read.';
  end if;
  perform syncwell._check_pull(p_schema_version, p_tables, p_device_id, null);
  v_plan := syncwell._pull_plan(p_last_pulled_at, p_migration, p_tables, p_device_id, v_as_updated, null);
  if v_plan.kind = 'again' then
    perform syncwell._begin_pull();
    v_plan := syncwell._pull_plan(p_last_pulled_at, p_migration, p_tables, p_device_id, v_as_updated, null);
    if v_plan.kind = 'again' then
      raise exception using
        errcode = '40001',
        message = 'the database has just been moved to another cluster',
        detail = 'The snapshot of this transaction is older than that.',
        hint = 'Begin the transaction again.';
    end if;
  end if;
  if v_plan.page is not null then
    raise exception using
      errcode = '22023',
      message = 'p_last_pulled_at is the cursor of a page',
      detail = 'The rest of a paged pull can''t be streamed.',
      hint = 'Go on with sync_pull(), or start again with the cursor of the last complete pull.';
  end if;

  v_text := '{"changes":{';
  foreach v_part in array coalesce(v_plan.parts, '{}') loop
    select string_agg(format(', %I', c.column_name), '' order by c.position) into v_columns
    from syncwell.synced_columns as c
    where c.table_id = v_part.table_id;
    select
      format(
        'from (select id%s from syncwell_tables.%I where _owner = %L', v_columns, t.table_name, v_part.scope
      ) || case when t.org_column is not null then format(' and _org = %L', v_plan.org_id) else '' end
    into v_mine
    from syncwell.synced_tables as t
    where t.table_id = v_part.table_id;

    if v_part.how = 'delta' then
      if v_part.columns is not null then
        execute format('select syncwell_tables.%I($1, $2, $3, $4, null, null)', v_part.table_name || '_pull_columns')
        into v_ids
        using v_part.scope, v_plan.org_id, v_part.columns, v_part.known;
        v_part.updated := v_part.updated || v_ids;
      end if;
      if v_part.created is not null or v_part.updated is not null then
        execute format('select syncwell_tables.%I($1, $2, $3)', v_part.table_name || '_pull_hidden')
        into v_ids
        using v_part.scope, v_plan.org_id, v_part.created || v_part.updated;
        if v_ids is not null then
          v_part.created := array(select i.id from unnest(v_part.created) as i (id) where i.id <> all (v_ids));
          v_part.updated := array(select i.id from unnest(v_part.updated) as i (id) where i.id <> all (v_ids));
          v_ids := syncwell._hidden_records(v_part, v_ids);
          v_hidden := v_hidden + coalesce(cardinality(v_ids), 0);
          v_part.deleted := v_part.deleted || v_ids;
        end if;
      end if;
      if coalesce(cardinality(v_part.created || v_part.updated || v_part.deleted), 0) = 0 then
        continue;
      end if;
      v_records := v_records || jsonb_build_object(
        v_part.table_id, coalesce(cardinality(v_part.created), 0) - coalesce(cardinality(v_part.deleted), 0)
      );
    else
      execute 'select count(*) ' || v_mine || ') as r' into v_count;
      if v_part.how = 'updated' or v_as_updated then
        v_updated := v_updated + v_count;
      else
        v_created := v_created + v_count;
      end if;
      if v_plan.kind = 'delta' then
        v_replacing := v_replacing || jsonb_build_object(v_part.table_id, v_count);
      else
        v_records := v_records || jsonb_build_object(v_part.table_id, v_count);
      end if;
      if v_plan.kind = 'delta' and v_part.how <> 'new' then
        v_replaced := v_replaced || v_part.table_name;
      end if;
    end if;
    v_text := v_text || case when v_stats <> '{}' then ',' else '' end || to_json(v_part.table_name) || ':{';
    v_stats := v_stats || jsonb_build_object(
      v_part.table_name,
      case
        when v_part.how = 'delta' then jsonb_build_object(
          'created', coalesce(cardinality(v_part.created), 0), 'updated', coalesce(cardinality(v_part.updated), 0),
          'deleted', coalesce(cardinality(v_part.deleted), 0)
        )
        when v_part.how = 'updated' or v_as_updated then
          jsonb_build_object('created', 0, 'updated', v_count, 'deleted', 0)
        else jsonb_build_object('created', v_count, 'updated', 0, 'deleted', 0)
      end
    );

    foreach v_list in array array['created', 'updated', 'deleted'] loop
      v_text := v_text || to_json(v_list) || ':[';
      if v_part.how <> 'delta' then
        if v_count > 0
          and v_list = (case when v_part.how = 'updated' or v_as_updated then 'updated' else 'created' end)
        then
          v_kinds := v_kinds || array['text', 'query'];
          v_bodies := v_bodies || array[
            v_text,
            'select case when row_number() over () > 1 then '','' else '''' end || row_to_json(r)::text '
            || v_mine || ') as r'
          ];
          v_text := '';
        end if;
      else
        v_ids := coalesce(
          case v_list
            when 'created' then v_part.created
            when 'updated' then v_part.updated
            else v_part.deleted
          end,
          '{}'
        );
        for v_from in 1..cardinality(v_ids) by c_chunk loop
          if v_list = 'deleted' then
            v_text := v_text || case when v_from > 1 then ',' else '' end || (
              select string_agg(to_json(i.id)::text, ',') from unnest(v_ids[v_from:v_from + c_chunk - 1]) as i (id)
            );
            v_kinds := v_kinds || 'text'::text;
            v_bodies := v_bodies || v_text;
          else
            v_kinds := v_kinds || array['text', 'query'];
            v_bodies := v_bodies || array[
              v_text,
              case
                when v_from = 1
                  then 'select case when row_number() over () > 1 then '','' else '''' end || row_to_json(r)::text '
                else 'select '','' || row_to_json(r)::text '
              end || v_mine || format(' and _key = any (%L)) as r', v_ids[v_from:v_from + c_chunk - 1])
            ];
          end if;
          v_text := '';
        end loop;
        case v_list
          when 'created' then v_created := v_created + cardinality(v_ids);
          when 'updated' then v_updated := v_updated + cardinality(v_ids);
          else v_deleted := v_deleted + cardinality(v_ids);
        end case;
      end if;
      v_text := v_text || case when v_list = 'deleted' then ']}' else '],' end;
    end loop;
  end loop;

  if v_plan.kind <> 'idle' or v_plan.refresh then
    v_cursor := syncwell._end_pull(
      v_plan.base, null, p_device_id, v_plan.kind, v_plan.snapshot, v_plan.covers, p_schema_version,
      jsonb_build_object(
        'created', v_created, 'updated', v_updated, 'deleted', v_deleted, 'records', v_records, 'replaced', v_replacing,
        'hidden', v_hidden
      ),
      v_started_at, p_client, null, null, jsonb_build_object('stream', v_plan.kind)
    );
  else
    v_cursor := p_last_pulled_at;
  end if;
  v_text := v_text || '},' || ltrim(
    (
      select json_object_agg(a.key, a.value)::text
      from (
        values
        ('timestamp', to_json(v_cursor)),
        (
          'experimentalStrategy',
          case
            when v_plan.kind = 'replacement' then to_json('replacement'::text)
            when v_replaced <> '{}' then (
              select json_build_object('default', 'incremental', 'override', json_object_agg(r.name, 'replacement'))
              from unnest(v_replaced) as r (name)
            )
          end
        ),
        ('stats', v_stats::text::json),
        ('message', to_json(syncwell._pull_message(v_created + v_updated + v_deleted))),
        ('serverTime', to_json(to_char(v_started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))),
        ('hasMore', to_json(false)),
        ('ignored', to_json(v_plan.ignored))
      ) as a (key, value)
      where a.value is not null
    ), '{'
  );
  return query
  select b.place::integer, b.kind, b.body
  from unnest(v_kinds || 'text'::text, v_bodies || v_text) with ordinality as b (kind, body, place)
  order by b.place;
end
$$;
comment on function syncwell.open_pull_stream(bigint, integer, jsonb, text[], text, boolean, jsonb) is
'The same pull as sync_pull() with these parameters, in pieces, for answers of any size; nothing of the records is '
'held in memory. In a transaction of isolation level repeatable read: take the rows by position; a body of kind text '
'is a piece of the answer, one of kind query is a SELECT with one text column whose rows, one after the other, are '
'the next piece (line ends between them do no harm). Run each in the same transaction through a server-side cursor or '
'as COPY (<body>) TO STDOUT (FORMAT csv, QUOTE e''\x01'', DELIMITER e''\x02''), which gives the rows as they are. '
'Then call close_pull_stream() and commit: before that the device must not apply the answer. Parameters: those of '
'sync_pull(); setting delta.max_bytes does not count. Errors: 25001 in another isolation level, 22023 for the cursor '
'of a page too, and those of sync_pull(): SW001, 42501, SW301, SW305, SW306, SW307, SW308, 22001, 22023, 25006, 40001.';
revoke all on function syncwell.open_pull_stream(bigint, integer, jsonb, text[], text, boolean, jsonb) from public;
grant execute on function syncwell.open_pull_stream(bigint, integer, jsonb, text[], text, boolean, jsonb)
to syncwell_client;
--! end

--! include delta/functions/preview_push.sql
create or replace function syncwell.preview_push(
  p_changes json,
  p_last_pulled_at bigint default null,
  p_device_id text default null
)
returns json
language sql volatile security invoker
begin atomic
  select syncwell._push(
    p_changes, p_last_pulled_at, p_device_id, null, null, true, pg_catalog.current_setting('search_path')
  );
end;
comment on function syncwell.preview_push(json, bigint, text) is
'What sync_push() would answer now, conflicts and refused records included, and nothing of it is kept: it is done in '
'a subtransaction and undone, so it takes as long, and holds no lock afterwards; only sequences move on. Failures are '
'answered, not noted: SW304, SW311, 40001, 22023, 22001. Errors: SW001, 42501, and 40001 and 40P01 as there; P0001 '
'never leaves it.';
revoke all on function syncwell.preview_push(json, bigint, text) from public;
grant execute on function syncwell.preview_push(json, bigint, text) to syncwell_client;
--! end

--! include delta/functions/register_synced_table.sql
create or replace function syncwell.register_synced_table(
  p_table regclass,
  p_scope_column text default 'user_id',
  p_id_column text default 'id',
  p_columns text[] default null,
  p_conflict_policy text default 'reject',
  p_scope text default 'user',
  p_org_column text default null,
  p_encodings jsonb default '{}',
  p_read_only text[] default '{}',
  p_rls_revokes boolean default false,
  p_name text default null
)
returns integer
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_registered record;
begin
  if num_nulls(
    p_table, p_scope_column, p_id_column, p_conflict_policy, p_scope, p_encodings, p_read_only, p_rls_revokes
  ) > 0 then
    raise exception using
      errcode = '22004',
      message = 'an argument may not be NULL',
      detail = 'Only p_columns, p_org_column and p_name may be NULL.',
      hint = 'Leave the argument out to get its default.';
  end if;
  if p_scope not in ('user', 'org') then
    raise exception using
      errcode = '22023',
      message = 'unknown kind of scope',
      detail = format('p_scope is %L.', p_scope),
      hint = 'user or org; for rows of a user within an org, user and the column of the org as p_org_column.';
  end if;

  v_registered := syncwell._register_table(
    p_table, p_scope_column, p_id_column, p_columns, p_conflict_policy, p_scope, p_org_column, p_encodings, p_read_only,
    p_rls_revokes, p_name, false
  );
  if v_registered.is_changed then
    -- whoever is writing must have finished: nothing they write may be missed by old and new triggers both
    execute format('lock table %s in share row exclusive mode', p_table);
    v_registered := syncwell._register_table(
      p_table, p_scope_column, p_id_column, p_columns, p_conflict_policy, p_scope, p_org_column, p_encodings,
      p_read_only, p_rls_revokes, p_name, true
    );
    perform syncwell._ensure_triggers(v_registered.table_id);
  end if;
  return v_registered.table_id;
end
$$;
comment on function
syncwell.register_synced_table(regclass, text, text, text[], text, text, text, jsonb, text[], boolean, text) is
'Has devices sync a table of the application, with the rows that it has; returns its id. The table stays as it is but '
'for triggers, no row of it is read, and writers wait only as long as CREATE TRIGGER takes. Called by the owner of '
'the table, who also needs the role syncwell_operator. p_scope_column: whose a row is, a user id, or an org id for '
'p_scope org; of type uuid, or text in the usual spelling (other texts and NULL: nobody''s); p_org_column: the org of '
'a user''s row, which then counts only if the user is of that org; p_id_column: text, uuid or an integer, alone or '
'with owner and org a unique key; p_columns: what is sent (default: all but id, owner and org); p_conflict_policy: '
'reject (default), last_write_wins, merge_columns, server_wins, or a function, with its schema, that is given (server '
'jsonb, client jsonb, changed text[]) and returns jsonb; p_encodings: by column, as what it is sent if not as its '
'type is: text, number, boolean, epoch_ms, epoch_s, iso, json, base64; p_read_only: columns that a push never writes, '
'as it never writes generated ones; p_rls_revokes: a row that the table''s own policies hide is sent as deleted '
'(default: the pull fails); p_name: name of the collection (default: the table''s). Called again it changes nothing, '
'or what is different: where that changes what devices get, they are sent the table in full. Errors: 22004, 22023 '
'unknown p_scope, 42501 not the owner, SW302 it can not be synced like that; the detail says why.';
revoke all on function
syncwell.register_synced_table(regclass, text, text, text[], text, text, text, jsonb, text[], boolean, text)
from public;
grant execute on function
syncwell.register_synced_table(regclass, text, text, text[], text, text, text, jsonb, text[], boolean, text)
to syncwell_operator;
--! end

--! include delta/functions/resolve_conflict.sql
create or replace function syncwell.resolve_conflict(
  p_conflict_id uuid,
  p_choice text
)
returns json
language sql volatile security invoker
begin atomic
  -- the application's triggers find what they name by the caller's search_path
  select syncwell._resolve_conflict(p_conflict_id, p_choice, pg_catalog.current_setting('search_path'));
end;
comment on function syncwell.resolve_conflict(uuid, text) is
'Writes one of the two versions of a conflict, p_choice client or server, over what is there now (or deletes it, '
'where that version is a deletion), under the caller''s own rights on the table, and notes who chose what. A user may '
'choose in its own conflicts, admins and services in those of their org: both versions are as the session of the '
'device gave them, so look at them first. Choosing the same again changes nothing. '
'Returns {"success": true, "choice", "changed"}. Errors: SW001; SW309 for an unknown conflict or somebody else''s; '
'SW301 where the table is not registered any more; 22023; 42501 where the table''s policies forbid it; what the table '
'raises.';
revoke all on function syncwell.resolve_conflict(uuid, text) from public;
grant execute on function syncwell.resolve_conflict(uuid, text) to syncwell_client, syncwell_worker;
--! end

--! include delta/functions/resync_table.sql
create or replace function syncwell.resync_table(p_table regclass)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_table is null then
    raise exception using
      errcode = '22004',
      message = 'an argument may not be NULL',
      detail = 'p_table is NULL.',
      hint = 'Name the table; for one that was dropped, its number as syncwell.check_tracking() shows it.';
  end if;
  perform syncwell._incarnation();
  perform syncwell._reset_table(syncwell._synced_table_id(p_table));
end
$$;
comment on function syncwell.resync_table(regclass) is
'Has every device replace what it has of a table at its next pull: after changes that no trigger saw (DISABLE '
'TRIGGER, rows attached or detached with a partition, a policy or a column''s meaning that changed). No row of the '
'table is read or locked. Errors: 22004, SW301 not registered.';
revoke all on function syncwell.resync_table(regclass) from public;
grant execute on function syncwell.resync_table(regclass) to syncwell_operator;
--! end

--! include delta/functions/sync_pull.sql
create or replace function syncwell.sync_pull(
  p_last_pulled_at bigint default null,
  p_schema_version integer default null,
  p_migration jsonb default null,
  p_tables text[] default null,
  p_device_id text default null,
  p_limit integer default null,
  p_created_as_updated boolean default false,
  p_client jsonb default null
)
returns json
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_started_at constant timestamptz := syncwell._now();
  v_time constant text := to_char(v_started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
  v_as_updated constant boolean := coalesce(p_created_as_updated, false);
  v_read record;
  v_cursor bigint;
begin
  if p_last_pulled_at > 0
    and p_migration is null
    and p_tables is null
    and pg_current_xact_id_if_assigned() is null
    and current_setting('transaction_read_only') = 'off'
    and syncwell._idle_pull(p_last_pulled_at, coalesce(p_device_id, ''), v_started_at)
  then
    return json_build_object(
      'changes', json '{}', 'timestamp', p_last_pulled_at, 'stats', json '{}', 'message', 'Everything is up to date',
      'serverTime', v_time, 'hasMore', false
    );
  end if;

  perform syncwell._check_pull(p_schema_version, p_tables, p_device_id, p_limit);
  -- one statement, one snapshot
  v_read := syncwell._read_pull(p_last_pulled_at, p_migration, p_tables, p_device_id, v_as_updated, p_limit);
  if v_read.kind = 'again' then
    perform syncwell._begin_pull();
    v_read := syncwell._read_pull(p_last_pulled_at, p_migration, p_tables, p_device_id, v_as_updated, p_limit);
    if v_read.kind = 'again' then
      raise exception using
        errcode = '40001',
        message = 'the database has just been moved to another cluster',
        detail = 'The snapshot of this transaction is older than that.',
        hint = 'Begin the transaction again.';
    end if;
  end if;

  if v_read.kind <> 'idle' or v_read.refresh then
    v_cursor := syncwell._end_pull(
      v_read.base, v_read.page, p_device_id, v_read.kind, v_read.snapshot, v_read.covers, p_schema_version,
      v_read.counts, v_started_at, p_client, v_read.page_table, v_read.page_record, v_read.plan
    );
  else
    v_cursor := p_last_pulled_at;
    if v_read.due then
      perform syncwell._note_idle_pull(p_last_pulled_at, p_device_id, p_schema_version, v_started_at, p_client);
    end if;
  end if;

  if v_read.strategy is null and v_read.ignored is null and v_read.page_number is null then
    return json_build_object(
      'changes', coalesce(v_read.changes, '{}'), 'timestamp', v_cursor, 'stats', coalesce(v_read.stats, '{}'),
      'message', syncwell._pull_message(v_read.items), 'serverTime', v_time, 'hasMore', false
    );
  end if;
  return (
    select json_object_agg(a.key, a.value)
    from (
      values
      ('changes', coalesce(v_read.changes, '{}')),
      ('timestamp', to_json(v_cursor)),
      ('experimentalStrategy', v_read.strategy),
      ('stats', coalesce(v_read.stats, '{}')),
      ('message', to_json(syncwell._pull_message(v_read.items))),
      ('serverTime', to_json(v_time)),
      ('hasMore', to_json(v_read.page_table is not null)),
      ('page', to_json(v_read.page_number)),
      ('ignored', to_json(v_read.ignored))
    ) as a (key, value)
    where a.value is not null
  );
end
$$;
comment on function syncwell.sync_pull(bigint, integer, jsonb, text[], text, integer, boolean, jsonb) is
'All that a device has to apply to be where the server is, as WatermelonDB''s pullChanges() wants it: {"changes": '
'{table: {"created": [record], "updated": [record], "deleted": [id]}}, "timestamp": cursor, "experimentalStrategy": '
'left out where all is incremental, "stats": {table: {created, updated, deleted}}, "message", "serverTime": ISO 8601 '
'in UTC, "hasMore", "page": for paged pulls, "ignored": what p_migration names that is not synced}. It is read with '
'one snapshot and with the caller''s own rights; what is sent is exactly what the cursor''s snapshot could not see. '
'p_last_pulled_at: the cursor of the last answer (not a time); NULL or 0: a first pull, everything as created; one '
'that is not known here, or so old that deletions after it are forgotten: everything as updated, with strategy '
'replacement. p_schema_version: the client''s, kept for information. p_migration: as the client gives it: new tables '
'are sent in full, of tables with new columns also the records that have a value there. p_tables: only these (NULL = '
'all); the cursor then stands for these only, and others are sent in full when they are asked for again. p_device_id: '
'the device''s own id, at most 255 characters; a cursor is good for its device only. p_limit: at most so many records '
'in an answer (1..100000, NULL = all): where hasMore is true, pull again with the timestamp, apply all pages at once '
'and keep the last timestamp; where an answer has page 1 again, forget the pages before it. p_created_as_updated: '
'everything as updated, for clients with sendCreatedAsUpdated. p_client: {platform, appVersion, networkType, '
'networkQuality}. A pull that finds nothing writes nothing, but once in setting delta.idle_interval that the device '
'was here. The transaction may not write to synced tables, neither before nor after. Errors: SW001 nobody is calling, '
'42501 it is no user or may not read a table, SW301 unknown table in p_tables, SW303 larger than setting '
'delta.max_bytes, SW305 written in this transaction, SW306 changed records are hidden from their owner, SW307 it '
'would delete most of the device''s records, SW308 untracked partitions, 22001, 22023 wrong parameters, 25006 '
'read-only transaction or standby, 40001 the database was moved while the transaction ran.';
revoke all on function syncwell.sync_pull(bigint, integer, jsonb, text[], text, integer, boolean, jsonb) from public;
grant execute on function syncwell.sync_pull(bigint, integer, jsonb, text[], text, integer, boolean, jsonb)
to syncwell_client;
--! end

--! include delta/functions/sync_push.sql
create or replace function syncwell.sync_push(
  p_changes json,
  p_last_pulled_at bigint default null,
  p_device_id text default null,
  p_request_id text default null,
  p_client jsonb default null
)
returns json
language sql volatile security invoker
begin atomic
  -- the application's triggers find what they name by the caller's search_path
  select syncwell._push(
    p_changes, p_last_pulled_at, p_device_id, p_request_id, p_client, false, pg_catalog.current_setting('search_path')
  );
end;
comment on function syncwell.sync_push(json, bigint, text, text, jsonb) is
'Writes what a device changed, all or nothing, under the caller''s own rights on the tables, always as the caller''s '
'own records. p_changes: {"<table>": {"created": […], "updated": […], "deleted": [ids]}}, records with string ids; '
'p_last_pulled_at: the timestamp of the device''s last pull; p_device_id as there; p_request_id (up to 200 '
'characters): a push told again under it is answered and not repeated; p_client: {platform, appVersion, networkType, '
'networkQuality}. Created with an id that exists is an update; updated of what is missing an insert, unless it was '
'deleted; deleting what is missing is fine; an id that comes twice: the last one counts, a deletion counts more. Only '
'columns that differ from what a device would be sent are written, and of an existing record only those in _changed, '
'where it names some. A value that means the same as the stored one and is only spelt otherwise (JSON, finer digits) '
'is not written, and the device keeps its own spelling until the record changes. Unknown tables and columns (of the '
'first 100 records of a table) are listed in ignored. Returns {"success": true, "stats": {created, updated, deleted}} '
'with what happened to rows, and where there are any: conflicts [{table, id, outcome}], which the table''s policy '
'decided; quarantined [{table, id, reason}], records that the table refused, which are put aside and count as '
'accepted; ignored {tables, columns}; requestId. Or {"success": false, "error": {code, message, detail, hint, '
'status}}, when nothing was written but the failure itself: SW304 conflict, 40001 the device must pull first, SW311 '
'too many records, 22023 malformed changes, 22001 a device or request id longer than 200, or what the tables raise. '
'Raised are only SW001, 42501 when the caller is no user, what a timeout raises, and 40001 and 40P01 in a transaction '
'of REPEATABLE READ or SERIALIZABLE, to be begun anew; P0001 never leaves it.';
revoke all on function syncwell.sync_push(json, bigint, text, text, jsonb) from public;
grant execute on function syncwell.sync_push(json, bigint, text, text, jsonb) to syncwell_client;
--! end

--! include delta/functions/touch_record.sql
create or replace function syncwell.touch_record(
  p_table text,
  p_record_id text,
  p_user_id uuid default null,
  p_created boolean default false
)
returns boolean
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table syncwell.synced_tables;
  v_is_seen boolean;
begin
  if num_nulls(p_table, p_record_id, p_created) > 0 then
    raise exception using
      errcode = '22004',
      message = 'an argument may not be NULL',
      detail = 'Only p_user_id may be NULL.',
      hint = 'Name the synced table and the record''s id.';
  end if;
  select t.* into v_table from syncwell.synced_tables as t where t.table_name = p_table;
  if not found then
    raise exception using
      errcode = 'SW301',
      message = 'unknown synced table',
      detail = format('No table is registered as %s.', quote_literal(left(p_table, 63))),
      hint = 'Tables are registered with syncwell.register_synced_table(); this is their name as devices know it.';
  end if;
  -- where hidden does not mean revoked, a stamp on a record that is not there would fail the pulls of its devices
  if not v_table.rls_revokes and length(p_record_id) <= 1000 then
    begin
      execute format(
        'select exists (select from syncwell_tables.%I as v where v._key = $1::%s and v._owner::text = $2)',
        v_table.table_name,
        (
          select format_type(a.atttypid, null)
          from pg_attribute as a
          where a.attrelid = v_table.relation and a.attname = v_table.id_column
        )
      )
      into v_is_seen
      using p_record_id, syncwell._touched_scope(v_table.scope_kind, p_user_id)::text;
    exception
      when invalid_text_representation or numeric_value_out_of_range then
        v_is_seen := false;
    end;
    if not v_is_seen then
      return false;
    end if;
  end if;
  return syncwell._touch_record(v_table.table_id, p_record_id, p_user_id, p_created);
end
$$;
comment on function syncwell.touch_record(text, text, uuid, boolean) is
'Has the devices of a user (for a table of an org: of the org) be sent a record again, after access was given or taken '
'in a way that no trigger sees. p_table: its name as devices know it; p_record_id: at most 1000 characters; p_user_id: '
'whose record, for services, admins and operators (default: the caller); p_created: as a record that no device has yet '
'(default: as a changed one). Returns whether it is stamped; false: it was deleted, and stays so, or, for a table '
'without p_rls_revokes, the caller itself can not read it there. Errors: 22001, 22004, 42501 (a member, for a table of '
'the org; or who may not read the table), SW001, SW002, SW301, SW305.';
revoke all on function syncwell.touch_record(text, text, uuid, boolean) from public;
grant execute on function syncwell.touch_record(text, text, uuid, boolean)
to syncwell_client, syncwell_worker, syncwell_operator;
--! end

--! include delta/functions/unregister_synced_table.sql
create or replace function syncwell.unregister_synced_table(p_table regclass)
returns boolean
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table_id integer;
  v_trigger record;
begin
  if p_table is null then
    raise exception using
      errcode = '22004',
      message = 'an argument may not be NULL',
      detail = 'p_table is NULL.',
      hint = 'Name the table; for one that was dropped, its number as syncwell.check_tracking() shows it.';
  end if;
  select t.table_id into v_table_id from syncwell.synced_tables as t where t.relation = p_table;
  if not found then
    return false;
  end if;
  for v_trigger in
    select s.relation, s.trigger_name
    from syncwell._tracking_triggers(v_table_id) as s
    order by s.is_root, s.relation::text
  loop
    execute format('drop trigger %I on %s', v_trigger.trigger_name, v_trigger.relation);
  end loop;
  perform syncwell._unregister_table(p_table);
  return true;
end
$$;
comment on function syncwell.unregister_synced_table(regclass) is
'Ends the syncing of a table: its triggers go, with its view, its functions and all that is known of its changes. '
'Devices keep what they have. Called by the owner of the table, who also needs the role syncwell_operator; for a '
'table that was dropped, with its number, by any operator. Returns whether it was registered. Errors: 22004, 42501.';
revoke all on function syncwell.unregister_synced_table(regclass) from public;
grant execute on function syncwell.unregister_synced_table(regclass) to syncwell_operator;
--! end

--! include delta/views.sql
create view syncwell.deleted_records
with (security_invoker = true)
as
select
  case when t.scope_kind <> 'org' then c.scope end as user_id,
  t.table_name,
  c.record_id,
  c.deleted_at
from syncwell.record_changes as c
inner join syncwell.synced_tables as t on c.table_id = t.table_id
where c.deleted_at is not null;
comment on view syncwell.deleted_records is
'One row a record of a synced table that was deleted, or moved to somebody else, and is not back: what devices are '
'told to delete. Gone once cleanup_old_tombstones() has been there.';
comment on column syncwell.deleted_records.user_id is 'Whose record it was; NULL: the org''s.';
comment on column syncwell.deleted_records.table_name is 'The synced table.';
comment on column syncwell.deleted_records.record_id is 'The record''s id, as text.';
comment on column syncwell.deleted_records.deleted_at is 'When it was deleted or moved.';
grant select on syncwell.deleted_records to syncwell_reader;
--! end

--! include delta/policies.sql
-- What was pushed and which records changed is its owner's; the map of tables and columns is everybody's.

alter table syncwell.synced_tables enable row level security;
alter table syncwell.synced_columns enable row level security;
alter table syncwell.unregistered_tables enable row level security;
alter table syncwell.record_changes enable row level security;
alter table syncwell.sync_incarnations enable row level security;
alter table syncwell.sync_cursors enable row level security;
alter table syncwell.sync_horizons enable row level security;
alter table syncwell.sync_devices enable row level security;
alter table syncwell.sync_requests enable row level security;
alter table syncwell.sync_conflicts enable row level security;
alter table syncwell.sync_quarantine enable row level security;

create policy everyone_reads_synced_tables on syncwell.synced_tables for select using (true);
create policy everyone_reads_synced_columns on syncwell.synced_columns for select using (true);

create policy own_records_or_whole_org on syncwell.record_changes for select
using (
  scope = (select syncwell.current_user_id())
  or scope = (select syncwell.current_org_id())
  or (
    (select syncwell._sees_org())
    and exists (
      select from syncwell.users as u
      where u.org_id = (select syncwell.current_org_id()) and u.user_id = record_changes.scope
    )
  )
);

create policy own_devices_or_whole_org on syncwell.sync_devices for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_conflicts_or_whole_org on syncwell.sync_conflicts for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

create policy own_quarantine_or_whole_org on syncwell.sync_quarantine for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

grant select on syncwell.synced_tables, syncwell.synced_columns
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
-- transaction ids and the versions of records are shown by functions or not at all
grant select (scope, table_id, record_id, deleted_at) on syncwell.record_changes to syncwell_reader;
grant select (
  org_id, user_id, platform, app_version, first_seen, last_seen, last_pull, last_push, cursor_at, schema_version,
  pulls, pushes, failures, conflicts, quarantined, full_resyncs, failing_since, last_error_code
) on syncwell.sync_devices to syncwell_reader;
grant select (
  org_id, id, user_id, table_name, record_id, action, policy, outcome, occurred_at, choice, resolved_at, resolved_by
) on syncwell.sync_conflicts to syncwell_reader;
grant select (
  org_id, id, user_id, table_name, record_id, action, error_code, quarantined_at, resolved_at
) on syncwell.sync_quarantine to syncwell_reader;
--! end

--! include delta/registry.sql
insert into syncwell.error_codes (sqlstate, name, http_status, description) values
('SW301', 'unknown_synced_table', 404, 'No table of this name is registered for syncing.'),
('SW302', 'table_not_syncable', 422, 'The table can not be synced as it is; the detail says why.'),
('SW303', 'pull_too_large', 413, 'The answer of a pull is larger than delta.max_bytes.'),
(
  'SW304', 'push_conflict', 409,
  'Pushed records were changed on the server since the device pulled; it must pull first.'
),
('SW305', 'pull_and_write_mixed', 409, 'A pull and writes to synced tables in one transaction would lose the writes.'),
('SW306', 'records_hidden', 409, 'The table''s own policies hide changed records from their owner.'),
('SW307', 'too_many_deletes', 409, 'The pull would delete most of the device''s records without a deletion known.'),
('SW308', 'untracked_partitions', 409, 'A synced table has partitions whose changes are not tracked yet.'),
('SW309', 'unknown_conflict', 404, 'No such conflict in the caller''s org, or not the caller''s.'),
('SW310', 'unknown_device', 404, 'No such device of this user.'),
('SW311', 'push_too_large', 413, 'The push has more records than delta.max_push_records.');

insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, unit, description) values
('delta.source', 'text', 'app', null, null, null, 'Under which source the syncs of devices are recorded.'),
(
  'delta.max_bytes', 'integer', '67108864', '1024', '1000000000', 'bytes',
  'The largest answer of sync_pull(); larger ones are streamed or paged.'
),
(
  'delta.max_push_records', 'integer', '100000', '1', '10000000', 'records',
  'How many records one push may have.'
),
(
  'delta.idle_interval', 'interval', '1 minute', '0 seconds', '1 day', null,
  'How often at most a pull without changes writes that the device was here.'
),
(
  'delta.cursor_refresh', 'interval', '1 day', '1 minute', '30 days', null,
  'From which age on an idle device''s cursor is replaced by a new one.'
),
(
  'delta.tombstone_retention', 'interval', '30 days', '1 hour', '100 years', null,
  'How long maintenance keeps tombstones; a device older than that is told to replace everything.'
),
(
  'delta.cursor_retention', 'interval', '400 days', '1 day', '100 years', null,
  'How long the cursors of a device that stays away are kept.'
),
(
  'delta.request_retention', 'interval', '7 days', '1 hour', '1 year', null,
  'How long the answer to a request id is kept.'
),
(
  'delta.conflict_retention', 'interval', '90 days', '1 day', '100 years', null,
  'How long decided conflicts and quarantined records are kept.'
),
(
  'delta.quarantine_limit', 'integer', '64', '1', '10000', 'records',
  'How many bad records of one push are told apart; beyond, what is left of the batch is quarantined whole.'
),
(
  'delta.shrink_records', 'integer', '100', '0', '1000000000', 'records',
  'A pull that takes more than this and more than half of a device''s records without known deletions is refused.'
),
(
  'delta.notify', 'boolean', 'off', null, null, null,
  'Whether a push announces on channel syncwell that something changed.'
);

insert into syncwell.personal_data (table_name, user_column, on_erase, description) values
('record_changes', 'scope', 'delete', 'Which records of the user changed; their ids only.'),
('sync_cursors', 'user_id', 'delete', 'What the user''s devices have seen.'),
('sync_horizons', 'scope', 'delete', 'Up to where the user''s tombstones were cleaned up.'),
('sync_devices', 'user_id', 'delete', 'The user''s devices.'),
('sync_requests', 'user_id', 'delete', 'Answers to the user''s pushes.'),
('sync_conflicts', 'user_id', 'delete', 'Both versions of the user''s records that were in conflict.'),
('sync_quarantine', 'user_id', 'delete', 'Records of the user that were refused.');

insert into syncwell.maintenance_tasks (task, domain, routine, description) values
(
  'expire_pushes', 'delta', '_expire_pushes_task',
  'Deletes old answers to request ids, decided conflicts and quarantined records.'
);

insert into syncwell.maintenance_tasks (task, domain, routine, description) values
('cleanup_tombstones', 'delta', '_tombstones_task', 'Forgets deletions older than setting delta.tombstone_retention.'),
('expire_cursors', 'delta', '_expire_cursors_task', 'Forgets cursors older than setting delta.cursor_retention.');
--! end

--! include metrics/tables.sql
-- metrics: counts and durations of runs by hour, day and week, with what has to be counted again.

create type syncwell.sketch as (
  zeros bigint,
  indexes integer array,
  counts bigint array,
  minimum bigint,
  maximum bigint
);
comment on type syncwell.sketch is
'How values are distributed, in logarithmic buckets: bucket i holds (b^i, b^(i+1)] with b = 2^(1/32), so that any '
'percentile is within 1.083 %, also after merging. zeros: values of 0; indexes and counts: the buckets that hold '
'something, ascending; minimum, maximum: exact.';

create table syncwell.sync_metrics (
  org_id uuid not null,
  stream_id uuid not null,
  period text not null constraint sync_metrics_period_is_known check (period in ('hour', 'day', 'week')),
  period_start timestamptz not null,
  user_id uuid,
  source text not null,
  total bigint not null,
  successful bigint not null,
  failed bigint not null,
  items numeric,
  duration_total numeric,
  durations syncwell.sketch,
  computed_at timestamptz not null,
  primary key (org_id, stream_id, period, period_start),
  foreign key (org_id, stream_id) references syncwell.streams on delete cascade
);
create index sync_metrics_by_age on syncwell.sync_metrics (period, period_start);
comment on table syncwell.sync_metrics is
'Runs of each stream by hour (UTC), day and week. Kept up by refresh_sync_metrics(); what sync_metrics_dirty names is '
'out of date, and every function that reads metrics counts it anew. Hours are kept for setting metrics.retention, days '
'and weeks for ever.';
comment on column syncwell.sync_metrics.org_id is 'The org.';
comment on column syncwell.sync_metrics.stream_id is 'The stream.';
comment on column syncwell.sync_metrics.period is 'hour, day or week (from Monday).';
comment on column syncwell.sync_metrics.period_start is
'When the period begins; days and weeks at midnight of the time zone in sync_metrics_calendars.';
comment on column syncwell.sync_metrics.user_id is 'The user whose stream it is; NULL for the org''s own.';
comment on column syncwell.sync_metrics.source is 'What was synced.';
comment on column syncwell.sync_metrics.total is 'Runs that were started in the period.';
comment on column syncwell.sync_metrics.successful is 'Those that ended as success or partial.';
comment on column syncwell.sync_metrics.failed is 'Those that ended as failed or timeout.';
comment on column syncwell.sync_metrics.items is 'Items they processed; NULL when never told.';
comment on column syncwell.sync_metrics.duration_total is
'Milliseconds that the successful and failed ones took in all; NULL without any.';
comment on column syncwell.sync_metrics.durations is
'How long they took, in milliseconds, as a sketch: percentiles are within 1.083 %, in every period; NULL without any.';
comment on column syncwell.sync_metrics.computed_at is 'When the row was counted.';

create table syncwell.sync_metrics_calendars (
  org_id uuid not null,
  stream_id uuid not null,
  time_zone text not null,
  primary key (org_id, stream_id),
  foreign key (org_id, stream_id) references syncwell.streams on delete cascade
);
comment on table syncwell.sync_metrics_calendars is
'By whose midnight the days and weeks of a stream in sync_metrics begin. A stream without a row has none: they are '
'counted from its hours when asked for.';
comment on column syncwell.sync_metrics_calendars.org_id is 'The org.';
comment on column syncwell.sync_metrics_calendars.stream_id is 'The stream.';
comment on column syncwell.sync_metrics_calendars.time_zone is 'IANA time zone.';

-- only ever appended to and emptied: writers never wait for each other
create table syncwell.sync_metrics_dirty (
  org_id uuid not null,
  stream_id uuid not null,
  hour timestamptz not null
);
create index sync_metrics_dirty_by_stream on syncwell.sync_metrics_dirty (org_id, stream_id, hour);
comment on table syncwell.sync_metrics_dirty is
'Hours in which runs were written since they were counted. Written with the run, in its transaction: whoever sees the '
'run sees the mark.';
comment on column syncwell.sync_metrics_dirty.org_id is 'The org.';
comment on column syncwell.sync_metrics_dirty.stream_id is 'The stream.';
comment on column syncwell.sync_metrics_dirty.hour is 'The hour (UTC) in which the run was started.';
--! end

--! include metrics/functions/_begins_on_the_hour.sql
create or replace function syncwell._begins_on_the_hour(
  p_time_zone text,
  p_time timestamptz
)
returns boolean
language sql stable security invoker parallel safe
return (
  select
    bool_and(
      pg_catalog.date_part('minute', t.time at time zone p_time_zone)
      = pg_catalog.date_part('minute', t.time at time zone 'UTC')
    )
  from (
    values (p_time), (p_time - interval '6 months')
  ) as t (time)
);
comment on function syncwell._begins_on_the_hour(text, timestamptz) is
'Whether the days of a time zone begin on a full hour of UTC, in summer and winter; those of India do not.';
revoke all on function syncwell._begins_on_the_hour(text, timestamptz) from public;
--! end

--! include metrics/functions/_check_period.sql
create or replace function syncwell._check_period(p_period text)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_period is null then
    raise exception using
      errcode = '22004',
      message = 'a period is needed',
      detail = 'p_period is NULL.',
      hint = 'Pass hour, day or week, or leave it out for the default.';
  end if;
  if p_period not in ('hour', 'day', 'week') then
    raise exception using
      errcode = '22023',
      message = 'unknown period',
      detail = format('p_period is %L.', left(p_period, 100)),
      hint = 'Pass hour, day or week.';
  end if;
end
$$;
comment on function syncwell._check_period(text) is
'Refuses a period that is NULL (22004) or not hour, day or week (22023).';
revoke all on function syncwell._check_period(text) from public;
--! end

--! include metrics/functions/_count_runs.sql
create or replace function syncwell._count_runs(
  p_org_ids uuid[],
  p_stream_ids uuid[],
  p_from timestamptz[],
  p_to timestamptz[]
)
returns table (
  org_id uuid,
  stream_id uuid,
  period_start timestamptz,
  total bigint,
  successful bigint,
  failed bigint,
  items numeric,
  duration_total numeric,
  durations syncwell.sketch
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  with runs as (
    select
      k.org_id,
      k.stream_id,
      k.period_start,
      e.status in ('success', 'partial') as succeeded,
      e.status in ('failed', 'timeout') as failed,
      e.items_processed,
      case when e.status in ('success', 'partial', 'failed', 'timeout') then e.duration_ms end as duration_ms
    from unnest(p_org_ids, p_stream_ids, p_from, p_to) as k (org_id, stream_id, period_start, period_end)
    cross join lateral (
      select r.status, r.items_processed, r.duration_ms
      from syncwell.sync_events as r
      where r.org_id = k.org_id
        and r.stream_id = k.stream_id
        and r.id >= syncwell._uuid7_floor(k.period_start)
        and r.id < syncwell._uuid7_floor(k.period_end)
      offset 0
    ) as e
  ),
  totals as (
    select
      r.org_id, r.stream_id, r.period_start,
      count(*) as total,
      count(*) filter (where r.succeeded) as successful,
      count(*) filter (where r.failed) as failed,
      sum(r.items_processed) as items,
      sum(r.duration_ms) as duration_total,
      count(*) filter (where r.duration_ms = 0) as zeros,
      min(r.duration_ms) as minimum,
      max(r.duration_ms) as maximum
    from runs as r
    group by r.org_id, r.stream_id, r.period_start
  ),
  buckets as (
    select r.org_id, r.stream_id, r.period_start, syncwell._sketch_index(r.duration_ms) as index, count(*) as n
    from runs as r
    where r.duration_ms > 0
    group by r.org_id, r.stream_id, r.period_start, 4
  ),
  sketches as (
    select
      b.org_id, b.stream_id, b.period_start,
      array_agg(b.index order by b.index) as indexes,
      array_agg(b.n order by b.index) as counts
    from buckets as b
    group by b.org_id, b.stream_id, b.period_start
  )
  select
    t.org_id, t.stream_id, t.period_start, t.total, t.successful, t.failed, t.items, t.duration_total,
    case
      when t.maximum is not null then row(t.zeros, s.indexes, s.counts, t.minimum, t.maximum)::syncwell.sketch
    end
  from totals as t
  left join sketches as s on s.org_id = t.org_id and s.stream_id = t.stream_id and s.period_start = t.period_start;
end
$$;
comment on function syncwell._count_runs(uuid[], uuid[], timestamptz[], timestamptz[]) is
'Counts the runs of streams that were started in spans (from included, to not), one row for each span with any. The '
'arrays belong together by position.';
revoke all on function syncwell._count_runs(uuid[], uuid[], timestamptz[], timestamptz[]) from public;
--! end

--! include metrics/functions/_expire_metrics_task.sql
create or replace function syncwell._expire_metrics_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_expired bigint;
begin
  delete from syncwell.sync_metrics as m
  using syncwell.orgs as o
  where o.org_id = m.org_id
    and m.period = 'hour'
    and m.period_start < v_now - syncwell._setting(o.org_id, 'metrics.retention')::interval;
  get diagnostics v_expired = row_count;
  return v_expired;
end
$$;
comment on function syncwell._expire_metrics_task() is
'Duty of maintenance: drops metrics by hour past setting metrics.retention. Returns how many.';
revoke all on function syncwell._expire_metrics_task() from public;
--! end

--! include metrics/functions/_mark_changed_hours.sql
create or replace function syncwell._mark_changed_hours()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- a heartbeat changes nothing that is counted
  insert into syncwell.sync_metrics_dirty (org_id, stream_id, hour)
  select distinct r.org_id, r.stream_id, date_trunc('hour', r.started_at, 'UTC')
  from (
    select n.org_id, n.stream_id, n.started_at, n.status, n.duration_ms, n.items_processed from new_rows as n
    except all
    select o.org_id, o.stream_id, o.started_at, o.status, o.duration_ms, o.items_processed from old_rows as o
    union all
    (
      select o.org_id, o.stream_id, o.started_at, o.status, o.duration_ms, o.items_processed from old_rows as o
      except all
      select n.org_id, n.stream_id, n.started_at, n.status, n.duration_ms, n.items_processed from new_rows as n
    )
  ) as r;
  return null;
end
$$;
comment on function syncwell._mark_changed_hours() is
'Trigger of sync_events: marks the hours, old and new, of runs that changed in what is counted.';
revoke all on function syncwell._mark_changed_hours() from public;
--! end

--! include metrics/functions/_mark_new_hours.sql
create or replace function syncwell._mark_new_hours()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into syncwell.sync_metrics_dirty (org_id, stream_id, hour)
  select distinct r.org_id, r.stream_id, date_trunc('hour', r.started_at, 'UTC')
  from new_rows as r;
  return null;
end
$$;
comment on function syncwell._mark_new_hours() is
'Trigger of sync_events: marks the hours of runs that were written, in the same transaction.';
revoke all on function syncwell._mark_new_hours() from public;
--! end

--! include metrics/functions/_mark_old_hours.sql
create or replace function syncwell._mark_old_hours()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into syncwell.sync_metrics_dirty (org_id, stream_id, hour)
  select distinct r.org_id, r.stream_id, date_trunc('hour', r.started_at, 'UTC')
  from old_rows as r;
  return null;
end
$$;
comment on function syncwell._mark_old_hours() is
'Trigger of sync_events: marks the hours of runs that were deleted, in the same transaction.';
revoke all on function syncwell._mark_old_hours() from public;
--! end

--! include metrics/functions/_merge_metrics.sql
create or replace function syncwell._merge_metrics(
  p_period text,
  p_org_ids uuid[],
  p_stream_ids uuid[],
  p_from timestamptz[],
  p_to timestamptz[]
)
returns table (
  org_id uuid,
  stream_id uuid,
  period_start timestamptz,
  total bigint,
  successful bigint,
  failed bigint,
  items numeric,
  duration_total numeric,
  durations syncwell.sketch
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  with parts as materialized (
    select
      k.org_id, k.stream_id, k.period_start,
      m.total, m.successful, m.failed, m.items, m.duration_total, m.durations
    from unnest(p_org_ids, p_stream_ids, p_from, p_to) as k (org_id, stream_id, period_start, period_end)
    join syncwell.sync_metrics as m
      on m.org_id = k.org_id
      and m.stream_id = k.stream_id
      and m.period = p_period
      and m.period_start >= k.period_start
      and m.period_start < k.period_end
  ),
  totals as (
    select
      p.org_id, p.stream_id, p.period_start,
      sum(p.total)::bigint as total,
      sum(p.successful)::bigint as successful,
      sum(p.failed)::bigint as failed,
      sum(p.items) as items,
      sum(p.duration_total) as duration_total,
      sum((p.durations).zeros)::bigint as zeros,
      min((p.durations).minimum) as minimum,
      max((p.durations).maximum) as maximum
    from parts as p
    group by p.org_id, p.stream_id, p.period_start
  ),
  buckets as (
    select p.org_id, p.stream_id, p.period_start, b.index, sum(b.n)::bigint as n
    from parts as p
    cross join lateral unnest((p.durations).indexes, (p.durations).counts) as b (index, n)
    group by p.org_id, p.stream_id, p.period_start, b.index
  ),
  sketches as (
    select
      b.org_id, b.stream_id, b.period_start,
      array_agg(b.index order by b.index) as indexes,
      array_agg(b.n order by b.index) as counts
    from buckets as b
    group by b.org_id, b.stream_id, b.period_start
  )
  select
    t.org_id, t.stream_id, t.period_start, t.total, t.successful, t.failed, t.items, t.duration_total,
    case
      when t.maximum is not null then row(t.zeros, s.indexes, s.counts, t.minimum, t.maximum)::syncwell.sketch
    end
  from totals as t
  left join sketches as s on s.org_id = t.org_id and s.stream_id = t.stream_id and s.period_start = t.period_start;
end
$$;
comment on function syncwell._merge_metrics(text, uuid[], uuid[], timestamptz[], timestamptz[]) is
'Adds up the stored rows of one kind (hour, day) within spans, one row for each span with any: counts are summed, '
'sketches merged without loss. The arrays belong together by position.';
revoke all on function syncwell._merge_metrics(text, uuid[], uuid[], timestamptz[], timestamptz[]) from public;
--! end

--! include metrics/functions/_metric_rows.sql
create or replace function syncwell._metric_rows(
  p_org_id uuid,
  p_stream_ids uuid[],
  p_period text,
  p_from timestamptz,
  p_to timestamptz,
  p_time_zone text
)
returns table (
  stream_id uuid,
  period_start timestamptz,
  total bigint,
  successful bigint,
  failed bigint,
  items numeric,
  duration_total numeric,
  durations syncwell.sketch
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_period = 'hour' then
    return query
    with dirty as materialized (
      select distinct d.stream_id, d.hour
      from syncwell.sync_metrics_dirty as d
      where d.org_id = p_org_id and d.stream_id = any(p_stream_ids) and d.hour >= p_from and d.hour < p_to
    ),
    spans as (
      select
        array_agg(p_org_id) as org_ids,
        array_agg(d.stream_id) as stream_ids,
        array_agg(d.hour) as starts,
        array_agg(d.hour + interval '1 hour') as ends
      from dirty as d
    )
    select m.stream_id, m.period_start, m.total, m.successful, m.failed, m.items, m.duration_total, m.durations
    from unnest(p_stream_ids) as s (stream_id)
    join syncwell.sync_metrics as m
      on m.org_id = p_org_id
      and m.stream_id = s.stream_id
      and m.period = 'hour'
      and m.period_start >= p_from
      and m.period_start < p_to
    where not exists (select from dirty as d where d.stream_id = m.stream_id and d.hour = m.period_start)
    union all
    select c.stream_id, c.period_start, c.total, c.successful, c.failed, c.items, c.duration_total, c.durations
    from spans as s
    cross join lateral syncwell._count_runs(s.org_ids, s.stream_ids, s.starts, s.ends) as c
    where s.stream_ids is not null;
    return;
  end if;

  if not syncwell._begins_on_the_hour(p_time_zone, p_to) then
    return query
    with spans as (
      select
        array_agg(p_org_id) as org_ids,
        array_agg(s.stream_id) as stream_ids,
        array_agg(p.local_start at time zone p_time_zone) as starts,
        array_agg((p.local_start + ('1 ' || p_period)::interval) at time zone p_time_zone) as ends
      from unnest(p_stream_ids) as s (stream_id)
      cross join generate_series(
        p_from at time zone p_time_zone, p_to at time zone p_time_zone - interval '1 second',
        ('1 ' || p_period)::interval
      ) as p (local_start)
    )
    select c.stream_id, c.period_start, c.total, c.successful, c.failed, c.items, c.duration_total, c.durations
    from spans as s
    cross join lateral syncwell._count_runs(s.org_ids, s.stream_ids, s.starts, s.ends) as c;
    return;
  end if;

  return query
  with dirty as materialized (
    select distinct
      d.stream_id, date_trunc(p_period, d.hour at time zone p_time_zone) at time zone p_time_zone as period_start
    from syncwell.sync_metrics_dirty as d
    where d.org_id = p_org_id and d.stream_id = any(p_stream_ids) and d.hour >= p_from and d.hour < p_to
  ),
  kept as materialized (
    select c.stream_id
    from syncwell.sync_metrics_calendars as c
    where c.org_id = p_org_id and c.stream_id = any(p_stream_ids) and c.time_zone = p_time_zone
  ),
  -- what is out of date, and all of streams whose days begin elsewhere: from their hours
  loose as (
    select d.stream_id, d.period_start as starts,
      (d.period_start at time zone p_time_zone + ('1 ' || p_period)::interval) at time zone p_time_zone as ends
    from dirty as d
    where d.stream_id in (select k.stream_id from kept as k)
    union all
    select s.stream_id, p_from, p_to
    from unnest(p_stream_ids) as s (stream_id)
    where s.stream_id not in (select k.stream_id from kept as k)
  )
  select m.stream_id, m.period_start, m.total, m.successful, m.failed, m.items, m.duration_total, m.durations
  from kept as k
  join syncwell.sync_metrics as m
    on m.org_id = p_org_id
    and m.stream_id = k.stream_id
    and m.period = p_period
    and m.period_start >= p_from
    and m.period_start < p_to
  where not exists (select from dirty as d where d.stream_id = m.stream_id and d.period_start = m.period_start)
  union all
  select
    h.stream_id, date_trunc(p_period, h.period_start at time zone p_time_zone) at time zone p_time_zone,
    h.total, h.successful, h.failed, h.items, h.duration_total, h.durations
  from (
    select l.starts, l.ends, array_agg(l.stream_id) as stream_ids from loose as l group by l.starts, l.ends
  ) as l
  cross join lateral syncwell._metric_rows(p_org_id, l.stream_ids, 'hour', l.starts, l.ends, null) as h;
end
$$;
comment on function syncwell._metric_rows(uuid, uuid[], text, timestamptz, timestamptz, text) is
'What ran on streams by hour, day or week, from p_from (a start of a period in p_time_zone) to p_to (not included), '
'right at this moment: stored rows where they are up to date, else counted anew. A period may come in several rows, to '
'be added up.';
revoke all on function syncwell._metric_rows(uuid, uuid[], text, timestamptz, timestamptz, text) from public;
--! end

--! include metrics/functions/_recent_runs.sql
create or replace function syncwell._recent_runs(
  p_org_id uuid,
  p_stream_ids uuid[],
  p_sample integer
)
returns table (
  event_id uuid,
  stream_id uuid,
  source text,
  sync_type text,
  status text,
  started_at timestamptz,
  completed_at timestamptz,
  duration_ms bigint,
  items_processed bigint,
  platform text,
  network_type text,
  error_type text
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select e.id, e.stream_id, e.source::text, e.sync_type::text, e.status::text, e.started_at, e.completed_at,
    e.duration_ms, e.items_processed, e.platform::text, e.network_type::text, e.error_type::text
  from unnest(p_stream_ids) as s (stream_id)
  cross join lateral (
    select r.*
    from syncwell.sync_events as r
    where r.org_id = p_org_id
      and r.stream_id = s.stream_id
      and r.status in ('success', 'partial', 'failed', 'timeout')
    order by r.id desc
    limit p_sample
  ) as e;
end
$$;
comment on function syncwell._recent_runs(uuid, uuid[], integer) is
'The newest p_sample runs of each stream that ended with an outcome (success, partial, failed, timeout): '
'a bounded number of rows however long the history is.';
revoke all on function syncwell._recent_runs(uuid, uuid[], integer) from public;
--! end

--! include metrics/functions/_refresh_days.sql
create or replace function syncwell._refresh_days(
  p_org_ids uuid[],
  p_stream_ids uuid[],
  p_hours timestamptz[],
  p_now timestamptz
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_period text;
  v_from_period text := 'hour';
  v_org_ids uuid[];
  v_stream_ids uuid[];
  v_starts timestamptz[];
  v_ends timestamptz[];
  v_rebuilt uuid[];
begin
  -- a stream whose days begin elsewhere now gets all of them anew, as far back as there are hours
  with streams as (
    select distinct k.org_id, k.stream_id, coalesce(s.time_zone, o.time_zone) as time_zone
    from unnest(p_org_ids, p_stream_ids) as k (org_id, stream_id)
    join syncwell.streams as s on s.org_id = k.org_id and s.stream_id = k.stream_id
    join syncwell.orgs as o on o.org_id = s.org_id
  ),
  -- where midnight lies within an hour, days are no sum of hours: they are counted when asked for
  usable as (
    select s.* from streams as s where syncwell._begins_on_the_hour(s.time_zone, p_now)
  ),
  dropped as (
    delete from syncwell.sync_metrics_calendars as c
    using streams as s
    where c.org_id = s.org_id and c.stream_id = s.stream_id
      and not syncwell._begins_on_the_hour(s.time_zone, p_now)
  ),
  changed as (
    insert into syncwell.sync_metrics_calendars as c (org_id, stream_id, time_zone)
    select u.org_id, u.stream_id, u.time_zone from usable as u
    on conflict (org_id, stream_id) do update set time_zone = excluded.time_zone
    where c.time_zone <> excluded.time_zone
    returning c.stream_id
  )
  select coalesce(array_agg(c.stream_id), '{}') into v_rebuilt from changed as c;

  delete from syncwell.sync_metrics as m
  using (
    select h.org_id, h.stream_id, min(h.period_start) as oldest
    from syncwell.sync_metrics as h
    where h.org_id = any(p_org_ids) and h.stream_id = any(v_rebuilt) and h.period = 'hour'
    group by h.org_id, h.stream_id
  ) as k
  where m.org_id = k.org_id and m.stream_id = k.stream_id and m.period in ('day', 'week')
    and m.period_start > k.oldest - interval '7 days';

  foreach v_period in array array['day', 'week']
  loop
    with touched as (
      select k.org_id, k.stream_id, k.hour
      from unnest(p_org_ids, p_stream_ids, p_hours) as k (org_id, stream_id, hour)
      union
      select h.org_id, h.stream_id, h.period_start
      from syncwell.sync_metrics as h
      where h.org_id = any(p_org_ids) and h.stream_id = any(v_rebuilt) and h.period = 'hour'
    ),
    periods as (
      select distinct
        t.org_id, t.stream_id, c.time_zone, date_trunc(v_period, t.hour at time zone c.time_zone) as local_start
      from touched as t
      join syncwell.sync_metrics_calendars as c on c.org_id = t.org_id and c.stream_id = t.stream_id
    )
    select
      array_agg(p.org_id order by p.org_id, p.stream_id, p.local_start),
      array_agg(p.stream_id order by p.org_id, p.stream_id, p.local_start),
      array_agg(p.local_start at time zone p.time_zone order by p.org_id, p.stream_id, p.local_start),
      array_agg(
        (p.local_start + ('1 ' || v_period)::interval) at time zone p.time_zone
        order by p.org_id, p.stream_id, p.local_start
      )
    into v_org_ids, v_stream_ids, v_starts, v_ends
    from periods as p;
    perform syncwell._store_metrics(v_period, v_from_period, v_org_ids, v_stream_ids, v_starts, v_ends, p_now);
    v_from_period := v_period;
  end loop;
end
$$;
comment on function syncwell._refresh_days(uuid[], uuid[], timestamptz[], timestamptz) is
'Adds the hours of streams up to the days, and those to the weeks, in which the given hours lie. The arrays belong '
'together by position.';
revoke all on function syncwell._refresh_days(uuid[], uuid[], timestamptz[], timestamptz) from public;
--! end

--! include metrics/functions/_refresh_metrics_task.sql
create or replace function syncwell._refresh_metrics_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now bigint;
  v_all bigint := 0;
begin
  loop
    v_now := syncwell.refresh_sync_metrics();
    v_all := v_all + v_now;
    exit when v_now < 10000;
  end loop;
  return v_all;
end
$$;
comment on function syncwell._refresh_metrics_task() is
'Duty of maintenance: counts every marked hour. Returns how many.';
revoke all on function syncwell._refresh_metrics_task() from public;
--! end

--! include metrics/functions/_sketch_index.sql
create or replace function syncwell._sketch_index(p_value double precision)
returns integer
language sql immutable security invoker parallel safe
return (pg_catalog.ceil(pg_catalog.ln(p_value) * 32 / 0.6931471805599453::double precision) - 1)::integer;
comment on function syncwell._sketch_index(double precision) is
'The bucket of a positive value: bucket i holds (b^i, b^(i+1)], b = 2^(1/32), as OpenTelemetry''s exponential '
'histogram of scale 5.';
revoke all on function syncwell._sketch_index(double precision) from public;
--! end

--! include metrics/functions/_sketch_quantiles.sql
create or replace function syncwell._sketch_quantiles(
  p_sketch syncwell.sketch,
  p_quantiles double precision[]
)
returns double precision[]
language sql immutable security invoker parallel safe
begin atomic
  with buckets as (
    select
      null::integer as index,
      (p_sketch).zeros as n
    where (p_sketch).zeros > 0
    union all
    select
      u.index,
      u.n
    from unnest((p_sketch).indexes, (p_sketch).counts) as u (index, n)
  ),

  ranks as (
    select
      b.index,
      sum(b.n) over (order by b.index nulls first) as upto,
      sum(b.n) over () as total
    from buckets as b
  )

  select
    array_agg(
      case
        when r.total is null then null
        when r.index is null then 0
        -- the middle of the bucket by relative error, 2·b^(i+1) / (1 + b); a bucket at the edge is cut by what is exact
        else least(greatest(
          exp((r.index + 1) * 0.6931471805599453::double precision / 32)
          * 2 / (1 + exp(0.6931471805599453::double precision / 32)),
          (p_sketch).minimum
        ), (p_sketch).maximum)
      end
      order by q.position
    )
  from unnest(p_quantiles) with ordinality as q (quantile, position)
  left join lateral (
    select
      r.index,
      r.total
    from ranks as r
    where r.upto >= greatest(1, ceil(q.quantile * r.total))
    order by r.index nulls first
    limit 1
  ) as r on true;
end;
comment on function syncwell._sketch_quantiles(syncwell.sketch, double precision[]) is
'Percentiles (0 to 1) of what a sketch holds by nearest rank, within 1.083 % of the value itself; NULL where it holds '
'nothing.';
revoke all on function syncwell._sketch_quantiles(syncwell.sketch, double precision[]) from public;
--! end

--! include metrics/functions/_store_metrics.sql
create or replace function syncwell._store_metrics(
  p_period text,
  p_from_period text,
  p_org_ids uuid[],
  p_stream_ids uuid[],
  p_from timestamptz[],
  p_to timestamptz[],
  p_now timestamptz
)
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_stored bigint;
begin
  with counted as materialized (
    select c.* from syncwell._count_runs(p_org_ids, p_stream_ids, p_from, p_to) as c where p_from_period is null
    union all
    select m.*
    from syncwell._merge_metrics(p_from_period, p_org_ids, p_stream_ids, p_from, p_to) as m
    where p_from_period is not null
  ),
  emptied as (
    delete from syncwell.sync_metrics as m
    using unnest(p_org_ids, p_stream_ids, p_from) as k (org_id, stream_id, period_start)
    where m.org_id = k.org_id
      and m.stream_id = k.stream_id
      and m.period = p_period
      and m.period_start = k.period_start
      -- of runs that are past their retention nothing is left to count
      and (
        p_from_period is not null
        or m.period_start >= p_now - syncwell._setting(m.org_id, 'runs.retention')::interval
      )
      and not exists (
        select from counted as c
        where c.org_id = k.org_id and c.stream_id = k.stream_id and c.period_start = k.period_start
      )
  )
  insert into syncwell.sync_metrics as m (
    org_id, stream_id, period, period_start, user_id, source, total, successful, failed, items, duration_total,
    durations, computed_at
  )
  select
    c.org_id, c.stream_id, p_period, c.period_start, s.user_id, s.source, c.total, c.successful, c.failed, c.items,
    c.duration_total, c.durations, p_now
  from counted as c
  join syncwell.streams as s on s.org_id = c.org_id and s.stream_id = c.stream_id
  on conflict (org_id, stream_id, period, period_start) do update
  set
    total = excluded.total,
    successful = excluded.successful,
    failed = excluded.failed,
    items = excluded.items,
    duration_total = excluded.duration_total,
    durations = excluded.durations,
    computed_at = excluded.computed_at
  where p_from_period is not null
    or excluded.total >= m.total
    or m.period_start >= p_now - syncwell._setting(m.org_id, 'runs.retention')::interval;
  get diagnostics v_stored = row_count;
  return v_stored;
end
$$;
comment on function
syncwell._store_metrics(text, text, uuid[], uuid[], timestamptz[], timestamptz[], timestamptz) is
'Counts spans anew and stores them as rows of p_period: from the runs (p_from_period NULL) or from stored hours or '
'days. Spans without runs lose their row; hours past the retention of runs only grow. Returns the rows stored.';
revoke all on function
syncwell._store_metrics(text, text, uuid[], uuid[], timestamptz[], timestamptz[], timestamptz) from public;
--! end

--! include metrics/functions/analyze_sync_performance.sql
create or replace function syncwell.analyze_sync_performance(
  p_source text default null,
  p_sample integer default 100,
  p_user_id uuid default null
)
returns table (
  dimension text,
  value text,
  sample_size bigint,
  min_duration_ms bigint,
  max_duration_ms bigint,
  average_duration_ms double precision,
  median_duration_ms double precision,
  p95_duration_ms double precision,
  total_items numeric,
  average_items double precision
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id uuid;
  v_stream_ids uuid[];
begin
  perform syncwell._check_limit(p_sample);
  select s.org_id, array_agg(s.stream_id) into v_org_id, v_stream_ids
  from syncwell._visible_streams(p_source, p_user_id) as s
  group by s.org_id;
  if v_org_id is null then
    return;
  end if;

  return query
  with few as (
    -- a user's runs lie scattered among the org's: by stream
    select r.event_id, r.sync_type, r.platform, r.network_type, r.duration_ms, r.items_processed
    from syncwell._recent_runs(v_org_id, v_stream_ids, p_sample) as r
    where cardinality(v_stream_ids) <= 100
    order by r.event_id desc
    limit p_sample
  ),
  many as (
    -- most of the org's newest runs are of some of many streams: by id
    select e.id, e.sync_type::text, e.platform::text, e.network_type::text, e.duration_ms, e.items_processed
    from syncwell.sync_events as e
    where cardinality(v_stream_ids) > 100
      and e.org_id = v_org_id
      and e.stream_id = any(v_stream_ids)
      and e.status in ('success', 'partial', 'failed', 'timeout')
    order by e.id desc
    limit p_sample
  ),
  sample as materialized (
    select * from few
    union all
    select * from many
  )
  select
    case
      when grouping(s.sync_type) = 0 then 'type'
      when grouping(s.platform) = 0 then 'platform'
      when grouping(s.network_type) = 0 then 'network'
      else 'overall'
    end,
    coalesce(s.sync_type, s.platform, s.network_type),
    count(*),
    min(s.duration_ms),
    max(s.duration_ms),
    avg(s.duration_ms)::double precision,
    round(percentile_cont(0.5) within group (order by s.duration_ms)::numeric, 1)::double precision,
    round(percentile_cont(0.95) within group (order by s.duration_ms)::numeric, 1)::double precision,
    sum(s.items_processed),
    avg(s.items_processed)::double precision
  from sample as s
  group by grouping sets ((), (s.sync_type), (s.platform), (s.network_type))
  -- 7 = none of them: overall
  order by grouping(s.sync_type, s.platform, s.network_type) <> 7, grouping(s.sync_type, s.platform, s.network_type),
    count(*) desc, 2;
end
$$;
comment on function syncwell.analyze_sync_performance(text, integer, uuid) is
'How long runs take and how much they move: one row over the sample (dimension overall), then rows by type, platform '
'and network (value NULL: not known). p_source NULL = all; p_sample = the newest so many runs that ended with an '
'outcome (default 100, 1 to 1000); p_user_id NULL = everything the caller may see. sample_size: runs in the row; '
'durations in milliseconds, median and p95 interpolated; items: processed, NULL when never told. No rows when no '
'stream matches. Errors: 22004, 22023 (p_sample), SW001, SW002.';
revoke all on function syncwell.analyze_sync_performance(text, integer, uuid) from public;
grant execute on function syncwell.analyze_sync_performance(text, integer, uuid) to syncwell_client, syncwell_reader;
--! end

--! include metrics/functions/get_sync_metrics.sql
create or replace function syncwell.get_sync_metrics(
  p_source text default null,
  p_period text default 'hour',
  p_limit integer default 24,
  p_user_id uuid default null
)
returns table (
  metric_type text,
  period_start timestamptz,
  source text,
  total_syncs bigint,
  successful_syncs bigint,
  failed_syncs bigint,
  success_rate numeric,
  error_rate numeric,
  total_items_synced numeric,
  average_duration_ms double precision,
  p50_duration_ms double precision,
  p95_duration_ms double precision,
  p99_duration_ms double precision,
  last_updated timestamptz
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_org_id uuid;
  v_stream_ids uuid[];
  v_zone text;
  v_first timestamptz;
begin
  perform syncwell._check_limit(p_limit);
  perform syncwell._check_period(p_period);

  -- one calendar for all rows: the streams' own where they share one, else the org's; hours are the same everywhere
  select
    o.org_id,
    array_agg(s.stream_id),
    case
      when p_period = 'hour' then 'UTC'
      when min(coalesce(s.time_zone, o.time_zone)) = max(coalesce(s.time_zone, o.time_zone))
        then min(coalesce(s.time_zone, o.time_zone))
      else o.time_zone
    end
  into v_org_id, v_stream_ids, v_zone
  from syncwell._visible_streams(p_source, p_user_id) as s
  join syncwell.orgs as o on o.org_id = s.org_id
  group by o.org_id;
  if v_org_id is null then
    return;
  end if;
  v_first := (
    date_trunc(p_period, v_now at time zone v_zone) - (p_limit - 1) * ('1 ' || p_period)::interval
  ) at time zone v_zone;

  return query
  with parts as materialized (
    select m.period_start, s.source, m.total, m.successful, m.failed, m.items, m.duration_total, m.durations
    from syncwell._metric_rows(
      v_org_id, v_stream_ids, p_period, v_first,
      (date_trunc(p_period, v_now at time zone v_zone) + ('1 ' || p_period)::interval) at time zone v_zone, v_zone
    ) as m
    join syncwell.streams as s on s.org_id = v_org_id and s.stream_id = m.stream_id
  ),
  buckets as (
    select p.period_start, p.source, grouping(p.period_start) = 1 as is_summary, b.index, sum(b.n)::bigint as n
    from parts as p
    cross join lateral unnest((p.durations).indexes, (p.durations).counts) as b (index, n)
    group by grouping sets ((p.period_start, p.source, b.index), (b.index))
  ),
  sketches as (
    select
      b.period_start, b.source, b.is_summary,
      array_agg(b.index order by b.index) as indexes,
      array_agg(b.n order by b.index) as counts
    from buckets as b
    group by b.period_start, b.source, b.is_summary
  ),
  sums as (
    select
      p.period_start,
      p.source,
      grouping(p.period_start) = 1 as is_summary,
      coalesce(sum(p.total), 0)::bigint as total,
      coalesce(sum(p.successful), 0)::bigint as successful,
      coalesce(sum(p.failed), 0)::bigint as failed,
      sum(p.items) as items,
      sum(p.duration_total) / nullif(sum(p.successful + p.failed), 0) as average,
      sum((p.durations).zeros)::bigint as zeros,
      min((p.durations).minimum) as minimum,
      max((p.durations).maximum) as maximum
    from parts as p
    group by grouping sets ((p.period_start, p.source), ())
  ),
  totals as (
    select
      t.*,
      syncwell._sketch_quantiles(
        row(t.zeros, s.indexes, s.counts, t.minimum, t.maximum)::syncwell.sketch, array[0.5, 0.95, 0.99]
      ) as percentiles
    from sums as t
    left join sketches as s
      on s.is_summary = t.is_summary
      and (t.is_summary or (s.period_start = t.period_start and s.source = t.source))
  )
  select
    case when t.is_summary then 'summary' when p_period = 'day' then 'daily' else p_period || 'ly' end,
    t.period_start,
    case when t.is_summary then p_source else t.source end,
    t.total,
    t.successful,
    t.failed,
    t.successful::numeric / nullif(t.successful + t.failed, 0),
    t.failed::numeric / nullif(t.successful + t.failed, 0),
    t.items,
    t.average::double precision,
    round(t.percentiles[1]::numeric, 1)::double precision,
    round(t.percentiles[2]::numeric, 1)::double precision,
    round(t.percentiles[3]::numeric, 1)::double precision,
    v_now
  from totals as t
  order by t.is_summary, t.period_start desc, t.source;
end
$$;
comment on function syncwell.get_sync_metrics(text, text, integer, uuid) is
'How runs went per period and source, newest first, then one summary row (metric_type summary, period_start NULL) '
'over all of them. p_source NULL = all; p_period hour, day or week; p_limit = how many periods back, the current one '
'included (default 24, 1 to 1000); p_user_id NULL = everything the caller may see. A period in which nothing was '
'started has no row. Days and weeks (from Monday) begin at midnight of the streams'' time zone, or of the org''s '
'where they have several. total_syncs: runs started in the period, the open and cancelled ones too; '
'successful_syncs: success and partial; failed_syncs: failed and timeout; success_rate and error_rate: shares from 0 '
'to 1 of those two, NULL when neither happened; total_items_synced: items processed, NULL when never told; '
'durations: milliseconds of the runs that succeeded or failed, percentiles by nearest rank, within 1.083 % (merged '
'from sketches, never averaged), NULL without any; last_updated: as of when the figures are right, which is now: what '
'is not rolled up yet is counted. No rows when no stream matches. Errors: 22004, 22023 (p_period, p_limit), '
'SW001, SW002.';
revoke all on function syncwell.get_sync_metrics(text, text, integer, uuid) from public;
grant execute on function syncwell.get_sync_metrics(text, text, integer, uuid) to syncwell_client, syncwell_reader;
--! end

--! include metrics/functions/get_sync_timeline.sql
create or replace function syncwell.get_sync_timeline(
  p_source text default null,
  p_hours integer default 24,
  p_user_id uuid default null
)
returns table (
  hour timestamptz,
  total bigint,
  successful bigint,
  failed bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_last constant timestamptz := date_trunc('hour', syncwell._now(), 'UTC');
  v_first timestamptz;
  v_org_id uuid;
  v_stream_ids uuid[];
begin
  perform syncwell._check_limit(p_hours);
  v_first := v_last - make_interval(hours => p_hours - 1);

  select s.org_id, array_agg(s.stream_id) into v_org_id, v_stream_ids
  from syncwell._visible_streams(p_source, p_user_id) as s
  group by s.org_id;
  if v_org_id is null then
    return;
  end if;

  return query
  with runs as (
    select
      m.period_start as hour,
      sum(m.total)::bigint as total,
      sum(m.successful)::bigint as successful,
      sum(m.failed)::bigint as failed
    from syncwell._metric_rows(v_org_id, v_stream_ids, 'hour', v_first, v_last + interval '1 hour', null) as m
    group by m.period_start
  )
  select h.hour, coalesce(r.total, 0), coalesce(r.successful, 0), coalesce(r.failed, 0)
  from generate_series(v_first, v_last, interval '1 hour') as h (hour)
  left join runs as r on r.hour = h.hour
  order by h.hour;
end
$$;
comment on function syncwell.get_sync_timeline(text, integer, uuid) is
'Runs per hour, oldest first, an hour without runs as a row of zeros. p_source NULL = all; p_hours = how many hours '
'back, the current one included (default 24, 1 to 1000); p_user_id NULL = everything the caller may see. total: runs '
'started in the hour, the open and cancelled ones too; successful: success and partial; failed: failed and timeout. '
'No rows when no stream matches. Errors: 22004, 22023 (p_hours), SW001, SW002.';
revoke all on function syncwell.get_sync_timeline(text, integer, uuid) from public;
grant execute on function syncwell.get_sync_timeline(text, integer, uuid) to syncwell_client, syncwell_reader;
--! end

--! include metrics/functions/refresh_sync_metrics.sql
create or replace function syncwell.refresh_sync_metrics(p_limit integer default 10000)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_org_ids uuid[];
  v_stream_ids uuid[];
  v_hours timestamptz[];
  v_ends timestamptz[];
  v_counted bigint;
begin
  if p_limit is null or p_limit not between 1 and 1000000 then
    raise exception using
      errcode = case when p_limit is null then '22004' else '22023' end,
      message = 'a limit from 1 to 1000000 is needed',
      detail = format('p_limit is %s.', coalesce(p_limit::text, 'NULL')),
      hint = 'Leave it out for 10000 hours of streams.';
  end if;
  -- one at a time: an older snapshot must not overwrite what a newer one counted
  if not pg_try_advisory_xact_lock(hashtextextended('syncwell.refresh_sync_metrics', 0)) then
    return 0;
  end if;

  -- a run that commits after this statement brings a mark of its own
  with taken as (
    delete from syncwell.sync_metrics_dirty as d
    using (
      select m.org_id, m.stream_id, m.hour
      from syncwell.sync_metrics_dirty as m
      group by m.org_id, m.stream_id, m.hour
      limit p_limit
    ) as k
    where d.org_id = k.org_id and d.stream_id = k.stream_id and d.hour = k.hour
    returning d.org_id, d.stream_id, d.hour
  )
  select
    array_agg(t.org_id order by t.org_id, t.stream_id, t.hour),
    array_agg(t.stream_id order by t.org_id, t.stream_id, t.hour),
    array_agg(t.hour order by t.org_id, t.stream_id, t.hour),
    array_agg(t.hour + interval '1 hour' order by t.org_id, t.stream_id, t.hour),
    count(*)
  into v_org_ids, v_stream_ids, v_hours, v_ends, v_counted
  from (select distinct t.org_id, t.stream_id, t.hour from taken as t) as t;
  if v_counted = 0 then
    return 0;
  end if;

  perform syncwell._store_metrics('hour', null, v_org_ids, v_stream_ids, v_hours, v_ends, v_now);
  perform syncwell._refresh_days(v_org_ids, v_stream_ids, v_hours, v_now);
  return v_counted;
end
$$;
comment on function syncwell.refresh_sync_metrics(integer) is
'Brings the metrics up to date: counts the hours again in which runs were written since, at most p_limit hours of '
'streams (default 10000, 1 to 1000000), then the days and weeks they lie in. Exact however writers overlap: a mark '
'commits with its run. Returns how many hours it counted; 0 when nothing is left, or somebody else is at it. Call it '
'until it returns 0; maintenance does. Needs no call for figures to be right: what is marked is counted when it is '
'read. Errors: 22004, 22023.';
revoke all on function syncwell.refresh_sync_metrics(integer) from public;
grant execute on function syncwell.refresh_sync_metrics(integer) to syncwell_operator;
--! end

--! include metrics/triggers.sql
-- Days go by the runs' start: a run belongs to the hour it was started in, however late it is written.

create trigger mark_inserted_hours after insert on syncwell.sync_events
referencing new table as new_rows
for each statement execute function syncwell._mark_new_hours();

create trigger mark_updated_hours after update on syncwell.sync_events
referencing old table as old_rows new table as new_rows
for each statement execute function syncwell._mark_changed_hours();

create trigger mark_deleted_hours after delete on syncwell.sync_events
referencing old table as old_rows
for each statement execute function syncwell._mark_old_hours();
--! end

--! include metrics/policies.sql
-- As of the runs they are counted from.

alter table syncwell.sync_metrics enable row level security;
alter table syncwell.sync_metrics_calendars enable row level security;
alter table syncwell.sync_metrics_dirty enable row level security;

create policy own_metrics_or_whole_org on syncwell.sync_metrics for select
using (
  org_id = (select syncwell.current_org_id())
  and (user_id is null or user_id = (select syncwell.current_user_id()) or (select syncwell._sees_org()))
);

grant select on syncwell.sync_metrics to syncwell_reader;
--! end

--! include metrics/registry.sql
insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, unit, description) values
(
  'metrics.retention', 'interval', '400 days', '8 days', '100 years', null,
  'How long metrics by hour are kept; those by day and week stay.'
);

insert into syncwell.maintenance_tasks (task, domain, routine, description) values
(
  'metrics', 'metrics', '_refresh_metrics_task',
  'Counts the hours again in which runs were written, and the days and weeks they lie in.'
),
('expire_metrics', 'metrics', '_expire_metrics_task', 'Drops metrics by hour that are past their retention.');

insert into syncwell.personal_data (table_name, user_column, on_erase, description) values
('sync_metrics', 'user_id', 'delete', 'How often and how fast the user''s streams ran.');
--! end

--! include health/tables.sql
-- What is known of a stream, as maintained rows tell it: the only thing its status and score are computed from.
create type syncwell.stream_facts as (
  expected_interval interval,
  cron text,
  time_zone text,
  registered_at timestamptz,
  created_at timestamptz,
  last_run_at timestamptz,
  last_status text,
  last_success_at timestamptz,
  last_failed_at timestamptz,
  consecutive_failures integer,
  recent_outcomes varbit,
  next_sync_at timestamptz
);
comment on type syncwell.stream_facts is
'The maintained facts of one stream from which _stream_status() computes its status and score when they are read.';
--! end

--! include health/functions/_health_settings.sql
create or replace function syncwell._health_settings(
  p_org_id uuid,
  out settings jsonb,
  out overrides jsonb
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_any boolean;
begin
  select
    jsonb_object_agg(d.key, d.default_value),
    exists (select from syncwell.settings as s where s.org_id = p_org_id or s.org_id is null)
  into settings, v_any
  from syncwell.setting_definitions as d
  where d.key like 'health.%' or d.key like 'runs.%';
  -- nearly always nobody set anything
  if not v_any then
    return;
  end if;

  select jsonb_object_agg(e.key, e.value) into settings
  from syncwell._effective_settings(p_org_id) as e
  where e.key like 'health.%' or e.key like 'runs.%';

  -- every combination that somebody set something for, under the key that _stream_settings() looks for
  with places as materialized (
    select s.source, s.platform
    from syncwell.settings as s
    where (s.org_id = p_org_id or s.org_id is null)
      and (s.source is not null or s.platform is not null)
      and (s.key like 'health.%' or s.key like 'runs.%')
  ),
  combinations as (
    select a.source, b.platform
    from (select p.source from places as p union select null) as a
    cross join (select p.platform from places as p union select null) as b
    where a.source is not null or b.platform is not null
  )
  select jsonb_object_agg(coalesce(c.source, '') || '|' || coalesce(c.platform, ''), v.document) into overrides
  from combinations as c
  cross join lateral (
    select jsonb_object_agg(e.key, e.value) as document
    from syncwell._effective_settings(p_org_id, c.source, c.platform) as e
    where e.key like 'health.%' or e.key like 'runs.%'
  ) as v;
end
$$;
comment on function syncwell._health_settings(uuid) is
'The settings that health reads, for all streams of an org at once: settings = as they hold for the org; overrides = '
'one document for each source and platform that somebody set something for, NULL when nobody did. _stream_settings() '
'picks a stream''s.';
revoke all on function syncwell._health_settings(uuid) from public;
--! end

--! include health/functions/_own_health_settings.sql
create or replace function syncwell._own_health_settings()
returns table (
  settings jsonb,
  overrides jsonb,
  time_zone text
)
language plpgsql stable security definer rows 1
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id constant uuid := syncwell.current_org_id();
begin
  return query
  select h.settings, h.overrides, o.time_zone
  from syncwell.orgs as o
  cross join lateral syncwell._health_settings(o.org_id) as h
  where o.org_id = v_org_id;
end
$$;
comment on function syncwell._own_health_settings() is
'_health_settings() and the time zone of the caller''s org; no row for nobody.';
revoke all on function syncwell._own_health_settings() from public;
-- view stream_health runs as its reader, who may see the settings of its org
grant execute on function syncwell._own_health_settings() to syncwell_reader;
--! end

--! include health/functions/_status_of_rank.sql
create or replace function syncwell._status_of_rank(p_rank integer)
returns text
language sql immutable security invoker parallel safe
return (array['unknown', 'healthy', 'late', 'degraded', 'unhealthy'])[p_rank];
comment on function syncwell._status_of_rank(integer) is 'The status of a rank of _status_rank(); NULL for none.';
revoke all on function syncwell._status_of_rank(integer) from public;
--! end

--! include health/functions/_status_rank.sql
create or replace function syncwell._status_rank(p_status text)
returns integer
language sql immutable security invoker parallel safe
return pg_catalog.array_position(array['unknown', 'healthy', 'late', 'degraded', 'unhealthy'], p_status);
comment on function syncwell._status_rank(text) is
'How bad a status is: the worst of several is the one of the highest rank. Unknown is the lowest: it is only what '
'all of them are when nothing is known.';
revoke all on function syncwell._status_rank(text) from public;
--! end

--! include health/functions/_stream_health.sql
create or replace function syncwell._stream_health(
  p_source text,
  p_user_id uuid,
  p_stale_after interval default null
)
returns table (
  org_id uuid,
  stream_id uuid,
  user_id uuid,
  source text,
  platform text,
  status text,
  score numeric,
  freshness_score numeric,
  reliability_score numeric,
  queue_score numeric,
  drift_score numeric,
  speed_score numeric,
  freshness text,
  since timestamptz,
  expected_interval interval,
  due_at timestamptz,
  late_at timestamptz,
  stale_at timestamptz,
  reason text,
  advice text,
  last_sync_at timestamptz,
  last_status text,
  last_success_at timestamptz,
  last_failed_at timestamptz,
  last_duration_ms bigint,
  consecutive_failures integer,
  is_healthy boolean,
  next_sync_at timestamptz,
  items_in_database bigint,
  settings jsonb,
  max_runtime interval
)
language plpgsql stable security invoker rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_org_id constant uuid := (syncwell._caller()).org_id;
  v_time_zone text;
  v_settings jsonb;
  v_overrides jsonb;
  v_key text;
begin
  select o.time_zone, h.settings, h.overrides into v_time_zone, v_settings, v_overrides
  from syncwell.orgs as o
  cross join lateral syncwell._health_settings(o.org_id) as h
  where o.org_id = v_org_id;
  if p_stale_after is not null then
    v_settings := v_settings || jsonb_build_object('health.stale_after', p_stale_after::text);
    for v_key in select k.key from jsonb_object_keys(v_overrides) as k (key) loop
      v_overrides := jsonb_set(v_overrides, array[v_key, 'health.stale_after'], to_jsonb(p_stale_after::text));
    end loop;
  end if;

  return query
  select
    s.org_id, s.stream_id, s.user_id, s.source, s.platform,
    h.status, h.score, h.freshness_score, h.reliability_score, h.queue_score, h.drift_score, h.speed_score,
    h.freshness, h.since, h.expected_interval, h.due_at, h.late_at, h.stale_at, h.reason, h.advice,
    t.last_run_at, t.last_status, t.last_successful_sync, t.last_failed_sync, t.last_duration_ms,
    t.consecutive_failures, t.is_healthy, t.next_sync_at, t.items_in_database,
    v.settings, coalesce(s.max_runtime, (v.settings ->> 'runs.max_runtime')::interval)
  from syncwell._visible_streams(p_source, p_user_id) as s
  left join syncwell.sync_state as t on t.org_id = s.org_id and t.stream_id = s.stream_id
  cross join lateral (
    select syncwell._stream_settings(v_settings, v_overrides, s.source, s.platform) as settings
  ) as v
  cross join lateral syncwell._stream_status(
    row(
      s.expected_interval, s.cron, coalesce(s.time_zone, v_time_zone), s.registered_at, s.created_at,
      t.last_run_at, t.last_status, t.last_successful_sync, t.last_failed_sync,
      t.consecutive_failures, t.recent_outcomes, t.next_sync_at
    )::syncwell.stream_facts,
    v.settings,
    v_now
  ) as h;
end
$$;
comment on function syncwell._stream_health(text, uuid, interval) is
'Status, score and facts of every stream the caller may see, for the functions that read as owner; the identity is '
'resolved once. p_stale_after: in place of setting health.stale_after. Errors: SW001, SW002.';
revoke all on function syncwell._stream_health(text, uuid, interval) from public;
--! end

--! include health/functions/_stream_issues.sql
create or replace function syncwell._stream_issues(
  p_source text,
  p_user_id uuid,
  p_stale_after interval default null
)
returns table (
  source text,
  issue_type text,
  severity text,
  since timestamptz,
  evidence jsonb,
  suggestion text,
  user_id uuid,
  stream_id uuid
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_org_id constant uuid := syncwell.current_org_id();
  v_source constant text := syncwell._sync_source(v_org_id);
  v_day_ago constant uuid := syncwell._uuid7_floor(v_now - interval '24 hours');
begin
  return query
  with streams as materialized (
    select h.* from syncwell._stream_health(p_source, p_user_id, p_stale_after) as h
  ),
  open_runs as materialized (
    select
      s.source, s.user_id, s.stream_id, l.heartbeat_timeout, s.max_runtime,
      e.id, e.started_at, e.heartbeat_at, e.items_processed,
      case
        when e.heartbeat_at < v_now - l.heartbeat_timeout then 'no_heartbeat'
        when e.started_at < v_now - s.max_runtime then 'over_max_runtime'
      end as cause
    from streams as s
    join syncwell.sync_events as e
      on e.org_id = s.org_id and e.stream_id = s.stream_id and e.status = 'started'
    cross join lateral (select (s.settings ->> 'runs.heartbeat_timeout')::interval as heartbeat_timeout) as l
  ),
  -- those that devices sync
  device_streams as materialized (
    select s.* from streams as s where s.user_id is not null and s.source = v_source
  )
  select
    s.source,
    'failure',
    case
      when s.consecutive_failures >= (s.settings ->> 'runs.failure_threshold')::integer then 'critical'
      else 'warning'
    end,
    s.since,
    jsonb_build_object(
      'consecutive_failures', s.consecutive_failures,
      'failure_threshold', (s.settings ->> 'runs.failure_threshold')::integer,
      'last_failed_at', s.last_failed_at,
      'last_success_at', s.last_success_at
    ),
    s.advice,
    s.user_id,
    s.stream_id
  from streams as s
  where s.consecutive_failures > 0
  union all
  select
    s.source,
    'stale_data',
    case s.freshness when 'stale' then 'critical' else 'warning' end,
    s.due_at,
    jsonb_build_object(
      'last_success_at', s.last_success_at,
      'due_at', s.due_at,
      'late_at', s.late_at,
      'stale_at', s.stale_at,
      'expected_interval_seconds', extract(epoch from s.expected_interval),
      'overdue_seconds', round(extract(epoch from v_now - s.due_at))
    ),
    case
      when s.last_sync_at is null then 'It never ran: see why nothing runs it (scheduler, device, credentials).'
      else 'Run it, or see why nothing did (scheduler, device, credentials).'
    end,
    s.user_id,
    s.stream_id
  from streams as s
  where s.freshness in ('late', 'stale')
  union all
  select
    r.source,
    'stuck',
    'warning',
    coalesce(r.heartbeat_at, r.started_at),
    jsonb_build_object(
      'event_id', r.id,
      'cause', r.cause,
      'started_at', r.started_at,
      'heartbeat_at', r.heartbeat_at,
      'items_processed', r.items_processed,
      'silent_seconds', round(extract(epoch from v_now - coalesce(r.heartbeat_at, r.started_at))),
      'running_seconds', round(extract(epoch from v_now - r.started_at)),
      'heartbeat_timeout_seconds', extract(epoch from r.heartbeat_timeout),
      'max_runtime_seconds', extract(epoch from r.max_runtime)
    ),
    case r.cause
      when 'no_heartbeat' then 'Its worker is gone: let reap_sync_runs end the run, then start it again.'
      else 'It runs longer than it may: let reap_sync_runs end it, and raise max_runtime if it needs the time.'
    end,
    r.user_id,
    r.stream_id
  from open_runs as r
  where r.cause is not null
  union all
  -- alive, but it counts nothing any more; progress that belongs to no run is the org's
  select
    coalesce(s.source, p.source_system),
    'stuck',
    'warning',
    v_now - make_interval(secs => p.silent_seconds::double precision),
    jsonb_build_object(
      'sync_id', p.sync_id,
      'cause', 'no_progress',
      'started_at', p.started_at,
      'processed_count', p.processed_count,
      'total_items', p.total_items,
      'silent_seconds', round(p.silent_seconds),
      'stall_seconds', round(greatest(60, 5 * coalesce(p.ew_gap, 0), p.stall_seconds)::numeric)
    ),
    'See what its worker waits for; cancel_sync ends it.',
    case when e.id is null then p.initiated_by else s.user_id end,
    s.stream_id
  from syncwell.sync_progress_live as p
  left join syncwell.sync_events as e
    on e.org_id = p.org_id
    and e.status = 'started'
    and e.id = case when p.sync_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then p.sync_id::uuid end
  left join streams as s on s.stream_id = e.stream_id
  where p.org_id = v_org_id
    and p.status = 'in_progress'
    and p.stalled
    and not exists (select from open_runs as r where r.id = e.id and r.cause is not null)
    and case
      -- a run of a stream that the caller may not see is not told of
      when e.id is not null then s.stream_id is not null
      else (p_source is null or p.source_system = p_source) and (p_user_id is null or p.initiated_by = p_user_id)
    end
  union all
  -- a stream may do well by its other devices and its pulls
  select
    s.source,
    'rejected_pushes',
    'warning',
    d.failing_since,
    jsonb_build_object(
      'device_id', syncwell._redact(s.org_id, s.user_id, nullif(d.device_id, '')),
      'platform', d.platform,
      'app_version', d.app_version,
      'error_code', d.last_error_code,
      'last_push', d.last_push,
      'last_pull', d.last_pull
    ),
    'What is changed on this device stays there: see why its pushes are refused (get_error_report shows it).',
    s.user_id,
    s.stream_id
  from device_streams as s
  join syncwell.sync_devices as d on d.org_id = s.org_id and d.user_id = s.user_id and d.failing_since is not null
  union all
  select
    s.source,
    'quarantine',
    'warning',
    q.oldest,
    jsonb_build_object(
      'device_id', syncwell._redact(s.org_id, s.user_id, nullif(q.device_id, '')),
      'records', q.records,
      'oldest', q.oldest,
      'newest', q.newest,
      'tables', q.tables,
      'error_codes', q.error_codes
    ),
    'Its device takes them for synced: see what is wrong with them (get_quarantined_records shows it), then correct the '
    'table or the app.',
    s.user_id,
    s.stream_id
  from device_streams as s
  cross join lateral (
    select
      r.device_id,
      count(*) as records,
      min(r.quarantined_at) as oldest,
      max(r.quarantined_at) as newest,
      array_agg(distinct r.table_name) as tables,
      array_agg(distinct r.error_code) as error_codes
    from syncwell.sync_quarantine as r
    where r.org_id = s.org_id and r.user_id = s.user_id and r.resolved_at is null
    group by r.device_id
  ) as q
  union all
  select
    s.source,
    'conflicts',
    'warning',
    c.oldest,
    jsonb_build_object(
      'device_id', syncwell._redact(s.org_id, s.user_id, nullif(c.device_id, '')),
      'conflicts', c.conflicts,
      'conflict_threshold', (s.settings ->> 'health.conflict_threshold')::integer,
      'hours', 24,
      'oldest', c.oldest,
      'newest', c.newest,
      'tables', c.tables
    ),
    'See which versions were dropped (get_sync_conflicts shows both), and who else writes these records.',
    s.user_id,
    s.stream_id
  from device_streams as s
  cross join lateral (
    select
      r.device_id,
      count(*) as conflicts,
      min(r.occurred_at) as oldest,
      max(r.occurred_at) as newest,
      array_agg(distinct r.table_name) as tables
    from syncwell.sync_conflicts as r
    where r.org_id = s.org_id
      and r.user_id = s.user_id
      and r.id >= v_day_ago
      and r.choice is null
    group by r.device_id
    having count(*) >= (s.settings ->> 'health.conflict_threshold')::integer
  ) as c;
end
$$;
comment on function syncwell._stream_issues(text, uuid, interval) is
'What is wrong with the streams the caller may see, as detect_sync_issues() tells it. p_stale_after: in place of '
'setting health.stale_after. Errors: SW001, SW002.';
revoke all on function syncwell._stream_issues(text, uuid, interval) from public;
--! end

--! include health/functions/_stream_settings.sql
create or replace function syncwell._stream_settings(
  p_settings jsonb,
  p_overrides jsonb,
  p_source text,
  p_platform text
)
returns jsonb
language sql immutable security invoker parallel safe
return case
  when p_overrides is null then p_settings
  else coalesce(
    p_overrides -> (p_source || '|' || coalesce(p_platform, '')),
    p_overrides -> (p_source || '|'),
    p_overrides -> ('|' || p_platform),
    p_settings
  )
end;
comment on function syncwell._stream_settings(jsonb, jsonb, text, text) is
'A stream''s document among those of _health_settings(): that of its source and platform, of its source, of its '
'platform, of the org.';
revoke all on function syncwell._stream_settings(jsonb, jsonb, text, text) from public;
-- view stream_health runs as its reader
grant execute on function syncwell._stream_settings(jsonb, jsonb, text, text) to syncwell_reader;
--! end

--! include health/functions/_stream_status.sql
create or replace function syncwell._stream_status(
  p_facts syncwell.stream_facts,
  p_settings jsonb,
  p_now timestamptz,
  out status text,
  out score numeric,
  out freshness_score numeric,
  out reliability_score numeric,
  out queue_score numeric,
  out drift_score numeric,
  out speed_score numeric,
  out freshness text,
  out since timestamptz,
  out expected_interval interval,
  out due_at timestamptz,
  out late_at timestamptz,
  out stale_at timestamptz,
  out reason text,
  out advice text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_failures constant integer := coalesce(p_facts.consecutive_failures, 0);
  v_failure_threshold integer;
  v_stale_intervals constant integer := (p_settings ->> 'health.stale_intervals')::integer;
  -- oldest first: 1 = it went well
  v_outcomes constant text := coalesce(p_facts.recent_outcomes::text, '');
  v_ran constant boolean := p_facts.last_run_at is not null;
  v_anchor constant timestamptz := coalesce(
    p_facts.last_success_at,
    p_facts.registered_at,
    case when p_facts.last_run_at is not null then p_facts.created_at end
  );
  v_recovery_threshold integer;
  v_interval interval;
  v_grace interval := make_interval(
    secs => extract(epoch from (p_settings ->> 'health.grace_minimum')::interval)::double precision
  );
  v_next timestamptz;
  v_missing integer;
  v_decay numeric;
  v_weight numeric := 1;
  v_good numeric := 0;
  v_all numeric := 0;
begin
  -- When a success is expected, when that is late, when it is stale. In elapsed time: a day is 24 hours whatever
  -- the session's time zone does; only cron follows a calendar.
  if v_anchor is not null and p_facts.expected_interval is not null then
    -- bounded, so that no interval somebody declared leads out of the range of times
    v_interval := make_interval(
      secs => least(greatest(extract(epoch from p_facts.expected_interval), 1), 10 * 365 * 86400)::double precision
    );
    due_at := v_anchor + v_interval;
    stale_at := v_anchor + v_stale_intervals * v_interval;
  elsif v_anchor is not null and p_facts.cron is not null then
    -- a schedule is slow to work out: the next date is kept, and what follows it is needed only once it has passed
    due_at := case
      when p_facts.next_sync_at is not null and p_facts.last_run_at is not distinct from p_facts.last_success_at
        then p_facts.next_sync_at
      else syncwell._cron_next(p_facts.cron, p_facts.time_zone, v_anchor)
    end;
    if p_now > due_at + v_grace then
      stale_at := due_at;
      for v_step in 2..v_stale_intervals loop
        v_next := syncwell._cron_next(p_facts.cron, p_facts.time_zone, stale_at);
        exit when v_next is null;
        v_interval := least(
          v_interval, make_interval(secs => extract(epoch from v_next - stale_at)::double precision)
        );
        stale_at := v_next;
      end loop;
      -- a schedule with one date left
      v_interval := coalesce(
        v_interval, make_interval(secs => extract(epoch from due_at - v_anchor)::double precision)
      );
    end if;
  end if;
  if due_at is not null then
    v_grace := greatest(v_grace, (p_settings ->> 'health.grace_ratio')::double precision * v_interval);
  elsif v_ran then
    v_grace := '0';
    v_interval := make_interval(
      secs => extract(epoch from (p_settings ->> 'health.stale_after')::interval)::double precision
    );
    due_at := v_anchor + v_interval;
    stale_at := v_anchor + v_stale_intervals * v_interval;
  end if;
  if v_interval is not null then
    expected_interval := coalesce(p_facts.expected_interval, v_interval);
    late_at := due_at + v_grace;
    -- grace may be longer than short intervals are: then a stream is still late before it is stale
    stale_at := greatest(stale_at, late_at + v_interval);
  end if;

  if due_at is null then
    freshness := 'unknown';
  elsif v_interval is null or p_now <= late_at then
    if p_facts.last_success_at is null then
      freshness := 'unknown';
    else
      freshness := 'fresh';
      freshness_score := 100.0;
    end if;
  elsif p_now < stale_at then
    freshness := 'late';
    freshness_score := round(
      100 * extract(epoch from stale_at - p_now) / extract(epoch from stale_at - late_at), 1
    );
  else
    freshness := 'stale';
    freshness_score := 0.0;
  end if;

  if v_outcomes = '' then
    reliability_score := null;
  elsif position('0' in v_outcomes) = 0 and v_failures = 0 then
    reliability_score := 100.0;
  else
    v_decay := (p_settings ->> 'health.recency_decay')::numeric;
    for v_at in reverse length(v_outcomes)..1 loop
      v_all := v_all + v_weight;
      if substr(v_outcomes, v_at, 1) = '1' then
        v_good := v_good + v_weight;
      end if;
      v_weight := v_weight * v_decay;
    end loop;
    reliability_score := greatest(
      0.0, round(100 * v_good / v_all - v_failures * (p_settings ->> 'health.failure_penalty')::numeric, 1)
    );
  end if;

  -- a part that is unknown gives its weight to the others
  v_good := 0;
  v_all := 0;
  if freshness_score is not null then
    v_weight := (p_settings ->> 'health.weight_freshness')::numeric;
    v_good := v_good + v_weight * freshness_score;
    v_all := v_all + v_weight;
  end if;
  if reliability_score is not null then
    v_weight := (p_settings ->> 'health.weight_reliability')::numeric;
    v_good := v_good + v_weight * reliability_score;
    v_all := v_all + v_weight;
  end if;
  if queue_score is not null then
    v_weight := (p_settings ->> 'health.weight_queue')::numeric;
    v_good := v_good + v_weight * queue_score;
    v_all := v_all + v_weight;
  end if;
  if drift_score is not null then
    v_weight := (p_settings ->> 'health.weight_drift')::numeric;
    v_good := v_good + v_weight * drift_score;
    v_all := v_all + v_weight;
  end if;
  if speed_score is not null then
    v_weight := (p_settings ->> 'health.weight_speed')::numeric;
    v_good := v_good + v_weight * speed_score;
    v_all := v_all + v_weight;
  end if;
  score := round(v_good / nullif(v_all, 0), 1);

  if v_failures > 0 then
    v_failure_threshold := (p_settings ->> 'runs.failure_threshold')::integer;
  end if;
  if position('0' in v_outcomes) > 0 then
    v_recovery_threshold := (p_settings ->> 'health.recovery_threshold')::integer;
  end if;
  if v_failures >= v_failure_threshold then
    status := 'unhealthy';
    since := coalesce(p_facts.last_success_at, p_facts.created_at);
    reason := format('the last %s runs failed', v_failures);
    advice := 'Remove the cause of the failures (get_error_report shows them), then run it again.';
  elsif freshness = 'stale' then
    status := 'unhealthy';
    since := due_at;
    reason := case
      when p_facts.last_success_at is not null then format('no success for %s expected intervals', v_stale_intervals)
      when v_ran then format('never succeeded, and %s expected intervals have passed', v_stale_intervals)
      else format('never ran, and %s expected intervals have passed', v_stale_intervals)
    end;
    advice := 'Find out why nothing runs it (scheduler, device, credentials), then run it.';
  elsif v_failures > 0 then
    status := 'degraded';
    since := coalesce(p_facts.last_success_at, p_facts.created_at);
    reason := case v_failures when 1 then 'the last run failed' else format('the last %s runs failed', v_failures) end;
    advice := format(
      'Remove the cause of the failure (get_error_report shows it); %s more and it is unhealthy.',
      v_failure_threshold - v_failures
    );
  elsif p_facts.last_status = 'partial' then
    status := 'degraded';
    since := p_facts.last_run_at;
    reason := 'some items of the last run failed';
    advice := 'Look at the items that failed and sync them again.';
  elsif position('0' in right(v_outcomes, v_recovery_threshold)) > 0 then
    status := 'degraded';
    since := p_facts.last_failed_at;
    reason := 'it is recovering from a failure';
    v_missing := v_recovery_threshold - (position('0' in reverse(v_outcomes)) - 1);
    advice := case v_missing
      when 1 then 'Run it again: one more success makes it healthy.'
      else format('Run it again: %s more successes in a row make it healthy.', v_missing)
    end;
  elsif freshness = 'late' then
    status := 'late';
    since := due_at;
    reason := case
      when p_facts.last_success_at is not null then 'the next success is overdue'
      when v_ran then 'never succeeded, and the first success is overdue'
      else 'never ran, and the first run is overdue'
    end;
    advice := 'Run it, or see why nothing did (scheduler, device, credentials).';
  elsif v_outcomes <> '' then
    status := 'healthy';
  else
    status := 'unknown';
    reason := case
      when v_ran then 'no run has ended with an outcome yet'
      when due_at is not null then 'never ran; the first run is not due yet'
      else 'never ran, and nothing says how often it should'
    end;
    advice := case
      when v_ran or due_at is not null then 'Wait for its first run to end.'
      else 'Run it, or declare an expected interval or cron with register_stream.'
    end;
  end if;
  if freshness in ('late', 'stale') and due_at is distinct from since then
    reason := reason || '; the next success is overdue';
  end if;
end
$$;
comment on function syncwell._stream_status(syncwell.stream_facts, jsonb, timestamptz) is
'THE computation of status and score, from maintained facts and effective settings, as of p_now. status: unhealthy = '
'runs.failure_threshold failures in a row, or no success for health.stale_intervals expected intervals; degraded = '
'fewer failures in a row, or fewer than health.recovery_threshold successes since one, or a partial last run; late = '
'past due plus grace; unknown = no run with an outcome yet; else healthy. The worst that holds is given. Expected '
'interval: the stream''s, else its cron''s, else (once it ran) health.stale_after without grace; counted from the '
'last success, or from registration (first run) when there never was one. Grace: the larger of health.grace_minimum '
'and health.grace_ratio of the interval (a cron''s: its shortest gap). score (0 to 100, NULL = unknown): mean of the '
'known parts by their weights. freshness_score: 100 up to due plus grace, falling to 0 at stale_at. '
'reliability_score: success rate of the newest 20 outcomes, each run weighing health.recency_decay of the one after '
'it, minus health.failure_penalty for each failure in a row. freshness: fresh, late, stale, unknown. '
'expected_interval, late_at and stale_at of a cron are worked out once it is overdue, NULL before. since: when the '
'trouble began (failures: the last success; lateness: due_at), NULL when there is none. reason and advice: a '
'sentence each, NULL when healthy. Definer: so that view stream_health needs no grants on what it calls; it reads no '
'table.';
revoke all on function syncwell._stream_status(syncwell.stream_facts, jsonb, timestamptz) from public;
-- view stream_health runs as its reader
grant execute on function syncwell._stream_status(syncwell.stream_facts, jsonb, timestamptz) to syncwell_reader;
--! end

--! include health/functions/compare_sources.sql
create or replace function syncwell.compare_sources(
  p_period text default 'day',
  p_user_id uuid default null
)
returns table (
  source text,
  status text,
  streams bigint,
  total_syncs bigint,
  success_rate numeric,
  average_duration_ms double precision,
  p95_duration_ms double precision,
  total_items_synced numeric,
  last_success_at timestamptz,
  freshness_score numeric,
  drift_percent numeric
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_from timestamptz;
  v_whole timestamptz;
begin
  perform syncwell._check_period(p_period);
  v_from := syncwell._now()
    - make_interval(hours => case p_period when 'hour' then 1 when 'day' then 24 else 168 end);
  v_whole := date_trunc('hour', v_from + interval '1 hour' - interval '1 microsecond', 'UTC');
  return query
  with health as materialized (
    select h.* from syncwell._stream_health(null, p_user_id) as h
  ),
  by_source as (
    select
      h.source,
      max(syncwell._status_rank(h.status)) as rank,
      count(*) as streams,
      max(h.last_success_at) as last_success_at,
      avg(h.freshness_score) as freshness_score
    from health as h
    group by h.source
  ),
  -- the first hour is cut by now, the others are whole
  parts as materialized (
    select h.source, m.total, m.successful, m.failed, m.items, m.duration_total, m.durations
    from health as h
    join (
      select m.stream_id, m.total, m.successful, m.failed, m.items, m.duration_total, m.durations
      from (select x.org_id, array_agg(x.stream_id) as stream_ids from health as x group by x.org_id) as s
      cross join lateral syncwell._metric_rows(s.org_id, s.stream_ids, 'hour', v_whole, 'infinity', null) as m
      union all
      select c.stream_id, c.total, c.successful, c.failed, c.items, c.duration_total, c.durations
      from (
        select
          array_agg(x.org_id) as org_ids,
          array_agg(x.stream_id) as stream_ids,
          array_agg(v_from) as starts,
          array_agg(v_whole) as ends
        from health as x
      ) as s
      cross join lateral syncwell._count_runs(s.org_ids, s.stream_ids, s.starts, s.ends) as c
      where v_from < v_whole
    ) as m on m.stream_id = h.stream_id
  ),
  buckets as (
    select p.source, b.index, sum(b.n)::bigint as n
    from parts as p
    cross join lateral unnest((p.durations).indexes, (p.durations).counts) as b (index, n)
    group by p.source, b.index
  ),
  sketches as (
    select b.source, array_agg(b.index order by b.index) as indexes, array_agg(b.n order by b.index) as counts
    from buckets as b
    group by b.source
  ),
  sums as (
    select
      p.source,
      sum(p.total)::bigint as total,
      sum(p.successful) as successful,
      sum(p.failed) as failed,
      sum(p.items) as items,
      sum(p.duration_total) / nullif(sum(p.successful + p.failed), 0) as average,
      sum((p.durations).zeros)::bigint as zeros,
      min((p.durations).minimum) as minimum,
      max((p.durations).maximum) as maximum
    from parts as p
    group by p.source
  ),
  runs as (
    select
      t.*,
      syncwell._sketch_quantiles(
        row(t.zeros, s.indexes, s.counts, t.minimum, t.maximum)::syncwell.sketch, array[0.95]
      ) as percentiles
    from sums as t
    left join sketches as s on s.source = t.source
  )
  select
    b.source,
    syncwell._status_of_rank(b.rank),
    b.streams,
    coalesce(r.total, 0),
    r.successful / nullif(r.successful + r.failed, 0),
    r.average::double precision,
    round(r.percentiles[1]::numeric, 1)::double precision,
    r.items,
    b.last_success_at,
    round(b.freshness_score, 1),
    null::numeric
  from by_source as b
  left join runs as r on r.source = b.source
  order by b.source;
end
$$;
comment on function syncwell.compare_sources(text, uuid) is
'The sources beside each other over the last hour, 24 hours or 7 days (p_period hour, day or week; default day), by '
'name. p_user_id NULL = everything the caller may see. status: the worst of its streams; total_syncs: runs started in '
'that time; success_rate: 0 to 1, success and partial among those that succeeded or failed, NULL when none did; '
'durations in milliseconds, p95 by nearest rank, within 1.083 %; total_items_synced: items processed, NULL when never '
'told; last_success_at: of any stream; freshness_score: mean, 0 to 100, NULL = unknown; drift_percent: NULL = nothing '
'measures it. Errors: 22004, 22023 (p_period), SW001, SW002.';
revoke all on function syncwell.compare_sources(text, uuid) from public;
grant execute on function syncwell.compare_sources(text, uuid) to syncwell_client, syncwell_reader;
--! end

--! include health/functions/detect_sync_issues.sql
create or replace function syncwell.detect_sync_issues(
  p_user_id uuid default null,
  p_threshold_hours numeric default null
)
returns table (
  source text,
  issue_type text,
  severity text,
  since timestamptz,
  evidence jsonb,
  suggestion text,
  user_id uuid,
  stream_id uuid
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- NaN compares as larger than all numbers
  if p_threshold_hours not between 0.001 and 87600 then
    raise exception using
      errcode = '22023',
      message = 'threshold out of range',
      detail = format('p_threshold_hours is %s.', left(p_threshold_hours::text, 100)),
      hint = 'Pass hours from 0.001 to 87600, or leave it out for setting health.stale_after.';
  end if;
  return query
  select i.*
  from syncwell._stream_issues(
    null, p_user_id, make_interval(secs => p_threshold_hours::double precision * 3600)
  ) as i
  order by array_position(array['critical', 'warning', 'info'], i.severity), i.since, i.source, i.stream_id;
end
$$;
comment on function syncwell.detect_sync_issues(uuid, numeric) is
'What is wrong now, the worst and oldest first. p_user_id NULL = everything the caller may see; p_threshold_hours: '
'how old the last success of a stream without an expected interval or cron may be, in hours (default: setting '
'health.stale_after, 24 hours). issue_type failure: runs failed in a row (critical from runs.failure_threshold on, '
'else warning); stale_data: no success past due plus grace (warning), or for health.stale_intervals expected '
'intervals (critical); stuck (warning): an open run without heartbeat for runs.heartbeat_timeout, or older than '
'max_runtime, or whose progress stands still; and, all warnings, one a device: rejected_pushes: its pushes fail; '
'quarantine: records it pushed were put aside as bad and nobody settled them; conflicts: health.conflict_threshold or '
'more within 24 hours that a policy decided and no person. since: the last success before the failures, when the '
'success was due, the last sign of life, the first of the refused pushes, bad records or conflicts. evidence: the '
'numbers and thresholds behind it, in the unit its key names; suggestion: what to do; stream_id NULL: progress that '
'belongs to no run. Errors: 22023 (p_threshold_hours), SW001, SW002.';
revoke all on function syncwell.detect_sync_issues(uuid, numeric) from public;
grant execute on function syncwell.detect_sync_issues(uuid, numeric) to syncwell_client, syncwell_reader;
--! end

--! include health/functions/get_data_freshness.sql
create or replace function syncwell.get_data_freshness(p_user_id uuid default null)
returns table (
  source text,
  status text,
  last_success_at timestamptz,
  age interval,
  expected_interval interval,
  due_at timestamptz,
  stream_id uuid,
  streams bigint,
  behind_streams bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
begin
  return query
  with ranked as (
    select
      h.source, h.freshness, h.last_success_at, h.expected_interval, h.due_at, h.stream_id,
      row_number() over (
        partition by h.source
        order by
          -- unknown has none and comes last
          h.freshness_score nulls last, h.due_at, h.stream_id
      ) as place,
      count(*) over (partition by h.source) as streams,
      count(*) filter (where h.freshness in ('late', 'stale')) over (partition by h.source) as behind
    from syncwell._stream_health(null, p_user_id) as h
  )
  select
    r.source, r.freshness, r.last_success_at, v_now - r.last_success_at, r.expected_interval, r.due_at, r.stream_id,
    r.streams, r.behind
  from ranked as r
  where r.place = 1
  order by array_position(array['stale', 'late', 'fresh', 'unknown'], r.freshness), r.due_at, r.source;
end
$$;
comment on function syncwell.get_data_freshness(uuid) is
'How stale each source is against what is expected of it, the furthest behind first. p_user_id NULL = everything the '
'caller may see. Each row tells of the stream that is furthest behind (stream_id): status fresh, late (past due plus '
'grace), stale (no success for health.stale_intervals expected intervals), unknown (nothing expected, or the first '
'success is not due yet); last_success_at and age NULL: it never succeeded; expected_interval: as declared, or '
'setting health.stale_after, NULL for a cron that is not overdue; due_at: when the next success is or was expected. '
'streams: how many the source has; behind_streams: how many of them are late or stale. Errors: SW001, SW002.';
revoke all on function syncwell.get_data_freshness(uuid) from public;
grant execute on function syncwell.get_data_freshness(uuid) to syncwell_client, syncwell_reader;
--! end

--! include health/functions/get_integration_dashboard.sql
create or replace function syncwell.get_integration_dashboard(
  p_source text default null,
  p_user_id uuid default null
)
returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_document jsonb;
begin
  with health as materialized (
    select h.*, syncwell._status_rank(h.status) as rank from syncwell._stream_health(p_source, p_user_id) as h
  ),
  totals as (
    select
      count(*) as streams,
      coalesce(syncwell._status_of_rank(max(h.rank)), 'unknown') as status,
      round(avg(h.score), 1) as score,
      max(h.last_sync_at) as last_sync_at,
      min(coalesce(h.next_sync_at, h.due_at)) as next_sync_at,
      -- what one stream never told is missing from the sum: then the sum is not known
      case when count(*) = count(h.items_in_database) then sum(h.items_in_database) end as items_in_database,
      (array_agg(h.last_duration_ms order by h.last_sync_at desc nulls last))[1] as last_duration_ms,
      max(h.consecutive_failures) as consecutive_failures,
      bool_and(h.is_healthy) as is_healthy
    from health as h
  ),
  runs as materialized (
    select
      r.*,
      lead(r.completed_at, 1, v_now) over (partition by r.stream_id order by r.completed_at, r.event_id)
      - r.completed_at as until_next
    from (select h.org_id, array_agg(h.stream_id) as ids from health as h group by h.org_id) as s
    cross join lateral syncwell._recent_runs(s.org_id, s.ids, 100) as r
  ),
  sample as (
    select
      count(*) as runs,
      count(*) filter (where r.status in ('success', 'partial'))::numeric / nullif(count(*), 0) as success_rate,
      avg(r.duration_ms)::double precision as average_duration_ms,
      percentile_disc(0.95) within group (order by r.duration_ms) as p95_duration_ms,
      extract(epoch from sum(r.until_next) filter (where r.status in ('success', 'partial')))
      / nullif(extract(epoch from sum(r.until_next)), 0) as uptime,
      min(r.started_at) as since
    from runs as r
  ),
  frequency as (
    -- each stream's own pace over its own sample, added up; runs of less than an hour say nothing about a day
    select sum(f.per_day) as per_day
    from (
      select
        case
          when max(r.started_at) - min(r.started_at) >= interval '1 hour'
            then (count(*) - 1) * 86400 / extract(epoch from max(r.started_at) - min(r.started_at))
        end as per_day
      from runs as r
      group by r.stream_id
    ) as f
  ),
  recent as (
    select jsonb_agg(to_jsonb(e) order by e.started_at desc, e.event_id desc) as activity
    from (
      select
        r.event_id, r.source, r.sync_type, r.status, r.started_at, r.completed_at,
        r.duration_ms, r.items_processed, r.error_type
      from runs as r
      order by r.event_id desc
      limit 10
    ) as e
  ),
  counts as (
    select
      (
        select count(*)
        from health as h
        join syncwell.sync_errors as e
          on e.org_id = h.org_id and e.stream_id = h.stream_id and e.resolved_at is null
      ) as active_errors,
      (
        select count(*) from syncwell._stream_issues(p_source, p_user_id) as i where i.severity = 'critical'
      ) as alerts
  )
  select jsonb_build_object(
    'source', p_source,
    'computed_at', v_now,
    'overview', jsonb_build_object(
      'status', t.status,
      'score', t.score,
      'streams', t.streams,
      'last_sync_at', t.last_sync_at,
      'next_sync_at', t.next_sync_at,
      'uptime', round(s.uptime, 4),
      'items_in_database', t.items_in_database
    ),
    'performance', jsonb_build_object(
      'sample_size', s.runs,
      'sample_since', s.since,
      'last_duration_ms', t.last_duration_ms,
      'average_duration_ms', s.average_duration_ms,
      'p95_duration_ms', s.p95_duration_ms,
      'syncs_per_day', round(f.per_day, 2),
      'success_rate', s.success_rate
    ),
    'health', jsonb_build_object(
      'is_healthy', t.is_healthy,
      'consecutive_failures', t.consecutive_failures,
      'active_errors', c.active_errors,
      'alerts', c.alerts
    ),
    'recent_activity', coalesce(r.activity, '[]')
  )
  into v_document
  from totals as t
  cross join sample as s
  cross join frequency as f
  cross join recent as r
  cross join counts as c
  where t.streams > 0 or p_source is null;
  return v_document;
end
$$;
comment on function syncwell.get_integration_dashboard(text, uuid) is
'All about a source in one document; p_source NULL = all of them together; p_user_id NULL = everything the caller '
'may see; NULL when no stream matches p_source. overview: status (the worst stream''s), score (mean, 0 to 100), '
'streams, last_sync_at, next_sync_at (expected first), uptime (0 to 1: share of the time since the first run of the '
'sample in which the last run of the stream had succeeded), items_in_database (from what runs told; null unless all '
'streams did); performance: sample_size and sample_since (the newest 100 runs of each stream that ended with an '
'outcome), last_duration_ms, average_duration_ms, p95_duration_ms, syncs_per_day, success_rate (0 to 1); health: '
'is_healthy, consecutive_failures (the most of any stream), active_errors (not resolved), alerts (critical issues); '
'recent_activity: the newest 10 runs of the sample. What is not known is null. Errors: SW001, SW002.';
revoke all on function syncwell.get_integration_dashboard(text, uuid) from public;
grant execute on function syncwell.get_integration_dashboard(text, uuid) to syncwell_client, syncwell_reader;
--! end

--! include health/functions/get_service_health.sql
create or replace function syncwell.get_service_health(
  p_source text default null,
  p_user_id uuid default null
)
returns table (
  source text,
  status text,
  score numeric,
  last_sync_at timestamptz,
  next_sync_at timestamptz,
  consecutive_failures integer,
  is_healthy boolean,
  success_rate numeric,
  average_duration_ms double precision,
  p95_duration_ms double precision,
  active_errors bigint,
  alerts bigint,
  streams bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  with health as materialized (
    select h.* from syncwell._stream_health(p_source, p_user_id) as h
  ),
  by_source as (
    select
      h.source,
      max(syncwell._status_rank(h.status)) as rank,
      avg(h.score) as score,
      max(h.last_sync_at) as last_sync_at,
      min(coalesce(h.next_sync_at, h.due_at)) as next_sync_at,
      max(h.consecutive_failures) as consecutive_failures,
      bool_and(h.is_healthy) as is_healthy,
      count(*) as streams
    from health as h
    group by h.source
  ),
  runs as (
    select
      r.source,
      count(*) filter (where r.status in ('success', 'partial'))::numeric / count(*) as success_rate,
      avg(r.duration_ms)::double precision as average_duration_ms,
      percentile_disc(0.95) within group (order by r.duration_ms)::double precision as p95_duration_ms
    from (select h.org_id, array_agg(h.stream_id) as ids from health as h group by h.org_id) as s
    cross join lateral syncwell._recent_runs(s.org_id, s.ids, 100) as r
    group by r.source
  ),
  errors as (
    select h.source, count(*) as active
    from health as h
    join syncwell.sync_errors as e
      on e.org_id = h.org_id and e.stream_id = h.stream_id and e.resolved_at is null
    group by h.source
  ),
  issues as (
    select i.source, count(*) as critical
    from syncwell._stream_issues(p_source, p_user_id) as i
    where i.severity = 'critical'
    group by i.source
  )
  select
    b.source,
    syncwell._status_of_rank(b.rank),
    round(b.score, 1),
    b.last_sync_at,
    b.next_sync_at,
    b.consecutive_failures,
    b.is_healthy,
    r.success_rate,
    r.average_duration_ms,
    r.p95_duration_ms,
    coalesce(e.active, 0),
    coalesce(i.critical, 0),
    b.streams
  from by_source as b
  left join runs as r on r.source = b.source
  left join errors as e on e.source = b.source
  left join issues as i on i.source = b.source
  order by b.rank desc, b.score, b.source;
end
$$;
comment on function syncwell.get_service_health(text, uuid) is
'How each source is, the worst first. p_source NULL = all; p_user_id NULL = everything the caller may see. status: '
'the worst of its streams; score: their mean, 0 to 100, NULL = unknown; last_sync_at: when a run last ended; '
'next_sync_at: when the next one is expected first, NULL when nothing says; consecutive_failures: the most of any '
'stream; is_healthy: every stream has fewer failures in a row than runs.failure_threshold; success_rate (0 to 1), '
'average_duration_ms, p95_duration_ms (nearest rank): of the newest 100 runs of each stream that ended with an '
'outcome, NULL without any; active_errors: errors not resolved; alerts: critical issues of detect_sync_issues(); '
'streams: how many. No rows when no stream matches. Errors: SW001, SW002.';
revoke all on function syncwell.get_service_health(text, uuid) from public;
grant execute on function syncwell.get_service_health(text, uuid) to syncwell_client, syncwell_reader;
--! end

--! include health/functions/get_sync_health_status.sql
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
  advice text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
begin
  return query
  -- the hot path: as _stream_health() does it, but in one statement and without what is not shown
  with streams as materialized (
    select s.* from syncwell._visible_streams(null, p_user_id) as s
  ),
  context as materialized (
    select o.time_zone, h.settings, h.overrides
    from syncwell.orgs as o
    cross join lateral syncwell._health_settings(o.org_id) as h
    where o.org_id = (select s.org_id from streams as s limit 1)
  ),
  ranked as materialized (
    select
      s.source, s.stream_id, s.platform, h.status, h.score, h.freshness_score, h.reliability_score, h.queue_score,
      h.drift_score, h.speed_score, t.last_run_at, t.last_successful_sync, t.consecutive_failures, h.reason, h.advice,
      syncwell._status_rank(h.status) as rank,
      row_number() over (
        order by syncwell._status_rank(h.status) desc, h.score nulls last, s.source, s.stream_id
      ) as place
    from streams as s
    cross join context as c
    left join syncwell.sync_state as t on t.org_id = s.org_id and t.stream_id = s.stream_id
    cross join lateral syncwell._stream_status(
      row(
        s.expected_interval, s.cron, coalesce(s.time_zone, c.time_zone), s.registered_at, s.created_at,
        t.last_run_at, t.last_status, t.last_successful_sync, t.last_failed_sync,
        t.consecutive_failures, t.recent_outcomes, t.next_sync_at
      )::syncwell.stream_facts,
      syncwell._stream_settings(c.settings, c.overrides, s.source, s.platform),
      v_now
    ) as h
  ),
  grouped as (
    select
      r.source,
      avg(r.score) as score,
      avg(r.freshness_score) as freshness_score,
      avg(r.reliability_score) as reliability_score,
      avg(r.queue_score) as queue_score,
      avg(r.drift_score) as drift_score,
      avg(r.speed_score) as speed_score,
      max(r.last_run_at) as last_sync_at,
      max(r.last_successful_sync) as last_success_at,
      max(r.consecutive_failures) as consecutive_failures,
      case when min(r.platform) = max(r.platform) and count(*) = count(r.platform) then min(r.platform) end as platform,
      count(*) as streams,
      count(*) filter (where r.status = 'unknown') as unknown_streams,
      min(r.place) as place
    from ranked as r
    group by grouping sets ((r.source), ())
  )
  select
    g.source,
    coalesce(w.status, 'unknown'),
    round(g.score, 1),
    round(g.freshness_score, 1),
    round(g.reliability_score, 1),
    round(g.queue_score, 1),
    round(g.drift_score, 1),
    round(g.speed_score, 1),
    g.last_sync_at,
    g.last_success_at,
    g.consecutive_failures,
    g.platform,
    g.streams,
    g.unknown_streams,
    w.source,
    w.stream_id,
    case when w.status is null then 'there is no stream' else w.reason end,
    case
      when w.status is null then 'Run a sync, or declare a stream with register_stream.'
      else w.advice
    end
  from grouped as g
  left join ranked as w on w.place = g.place
  order by g.source is not null, w.rank desc, g.score, g.source;
end
$$;
comment on function syncwell.get_sync_health_status(uuid) is
'How syncing is: an overall row first (source NULL), then a row a source, the worst first. p_user_id NULL = '
'everything the caller may see. status: the worst of the streams behind the row (unknown < healthy < late < degraded '
'< unhealthy); unknown when there is no evidence, never healthy. score and its parts: means over those streams, 0 to '
'100, NULL = unknown (queue, drift and speed while nothing measures them). last_sync_at: when a run last ended; '
'last_success_at: when one last succeeded; consecutive_failures: the most of any stream; platform: NULL when not '
'known or not the same for all; streams: how many, unknown_streams: how many of them give no evidence; worst_source, '
'worst_stream_id: the stream that pulls it down; reason and advice: what is wrong with that one and what would make '
'it better. Reads maintained rows only: the cost does not grow with the history. Errors: SW001, SW002.';
revoke all on function syncwell.get_sync_health_status(uuid) from public;
grant execute on function syncwell.get_sync_health_status(uuid) to syncwell_client, syncwell_reader;
--! end

--! include health/views.sql
create view syncwell.stream_health
with (security_invoker = true)
as
select
  s.org_id,
  s.stream_id,
  s.user_id,
  s.source,
  s.platform,
  h.status,
  h.score,
  h.freshness_score,
  h.reliability_score,
  h.queue_score,
  h.drift_score,
  h.speed_score,
  h.freshness,
  h.since,
  h.reason,
  h.advice,
  h.expected_interval,
  h.due_at,
  h.late_at,
  h.stale_at,
  t.last_run_at as last_sync_at,
  t.last_status,
  t.last_successful_sync as last_success_at,
  t.last_failed_sync as last_failed_at,
  t.last_duration_ms,
  t.consecutive_failures,
  t.is_healthy,
  t.next_sync_at,
  t.total_runs,
  t.items_in_database,
  s.registered_at
from syncwell.streams as s
cross join syncwell._own_health_settings() as c
left join syncwell.sync_state as t on s.org_id = t.org_id and s.stream_id = t.stream_id
cross join
  lateral syncwell._stream_status(
    row(
      s.expected_interval, s.cron, coalesce(s.time_zone, c.time_zone), s.registered_at, s.created_at,
      t.last_run_at, t.last_status, t.last_successful_sync, t.last_failed_sync,
      t.consecutive_failures, t.recent_outcomes, t.next_sync_at
    )::syncwell.stream_facts,
    syncwell._stream_settings(c.settings, c.overrides, s.source, s.platform),
    syncwell._now()
  ) as h
where s.retired_at is null;
comment on view syncwell.stream_health is
'Who is not syncing, since when, and why: one row a live stream the reader may see, computed from maintained rows '
'when read (see _stream_status). Shows no error text, device or network.';
comment on column syncwell.stream_health.org_id is 'The org.';
comment on column syncwell.stream_health.stream_id is 'The stream.';
comment on column syncwell.stream_health.user_id is 'The user whose source it is; NULL for the org''s own.';
comment on column syncwell.stream_health.source is 'What is synced.';
comment on column syncwell.stream_health.platform is 'android, ios, web, server or other; NULL when not known.';
comment on column syncwell.stream_health.status is 'unknown, healthy, late, degraded or unhealthy.';
comment on column syncwell.stream_health.score is
'0 to 100: mean of the known parts by their weights (settings health.weight_…); NULL when none is known.';
comment on column syncwell.stream_health.freshness_score is
'100 up to due plus grace, falling to 0 at stale_at; NULL before the first success is due.';
comment on column syncwell.stream_health.reliability_score is
'0 to 100: success rate of the newest 20 runs, recent ones weighing more, minus a penalty for each failure in a row; '
'NULL without any.';
comment on column syncwell.stream_health.queue_score is '0 to 100; NULL: nothing measures the stream''s queue.';
comment on column syncwell.stream_health.drift_score is '0 to 100; NULL: nothing measures the stream''s drift.';
comment on column syncwell.stream_health.speed_score is '0 to 100; NULL: nothing measures the stream''s speed.';
comment on column syncwell.stream_health.freshness is 'fresh, late, stale or unknown.';
comment on column syncwell.stream_health.since is
'When the trouble began: the last success before failures, due_at of what is overdue; NULL when there is none.';
comment on column syncwell.stream_health.reason is 'Why the status is what it is; NULL when healthy.';
comment on column syncwell.stream_health.advice is 'What would make it better; NULL when healthy.';
comment on column syncwell.stream_health.expected_interval is
'How often a success is expected: as declared, or setting health.stale_after; by its cron only once that is overdue; '
'NULL when nothing is expected.';
comment on column syncwell.stream_health.due_at is 'When the next success is expected; NULL when none is.';
comment on column syncwell.stream_health.late_at is
'due_at plus grace: from then on it is late; NULL for a cron that is not overdue.';
comment on column syncwell.stream_health.stale_at is
'From then on it is unhealthy for staleness; NULL for a cron that is not overdue.';
comment on column syncwell.stream_health.last_sync_at is 'When the last run ended; NULL when none did.';
comment on column syncwell.stream_health.last_status is 'How it ended: success, partial, failed, timeout or cancelled.';
comment on column syncwell.stream_health.last_success_at is 'When a run last succeeded, even if partly.';
comment on column syncwell.stream_health.last_failed_at is 'When a run last failed or timed out.';
comment on column syncwell.stream_health.last_duration_ms is 'How long the last run took.';
comment on column syncwell.stream_health.consecutive_failures is 'Failures since the last success.';
comment on column syncwell.stream_health.is_healthy is
'consecutive_failures < setting runs.failure_threshold when the last run ended; nothing more.';
comment on column syncwell.stream_health.next_sync_at is
'When the next run is expected, counted from the last end of a run.';
comment on column syncwell.stream_health.total_runs is 'Runs that have ended.';
comment on column syncwell.stream_health.items_in_database is
'Items created minus items deleted over all runs; NULL when never told.';
comment on column syncwell.stream_health.registered_at is 'When the stream was declared; NULL: it only ran.';
grant select on syncwell.stream_health to syncwell_reader;
--! end

--! include health/registry.sql
insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, unit, description) values
(
  'health.recovery_threshold', 'integer', '2', '1', '20', 'runs',
  'Successes in a row that make a stream healthy after a failure; runs.failure_threshold failures make it unhealthy.'
),
(
  'health.stale_after', 'interval', '24:00:00', '00:01:00', '8760:00:00', null,
  'How old the last success of a stream without an expected interval or cron may be before it is late; without grace.'
),
(
  'health.stale_intervals', 'integer', '3', '2', '24', 'intervals',
  'Expected intervals without a success after which a stream is unhealthy and its freshness 0.'
),
(
  'health.grace_minimum', 'interval', '00:05:00', '00:00:00', '24:00:00', null,
  'The least time past due before a stream with an expected interval or cron is late.'
),
(
  'health.grace_ratio', 'number', '0.1', '0', '1', 'share',
  'Grace as a share of the expected interval, where that is more than health.grace_minimum.'
),
(
  'health.weight_freshness', 'number', '35', '0', '100', 'points',
  'Weight of freshness in the score. A part that is unknown gives its weight to the others.'
),
('health.weight_reliability', 'number', '30', '0', '100', 'points', 'Weight of reliability in the score.'),
('health.weight_queue', 'number', '15', '0', '100', 'points', 'Weight of the queue in the score.'),
('health.weight_drift', 'number', '10', '0', '100', 'points', 'Weight of data drift in the score.'),
('health.weight_speed', 'number', '10', '0', '100', 'points', 'Weight of speed in the score.'),
(
  'health.recency_decay', 'number', '0.9', '0.5', '1', 'share',
  'Weight of a run in the reliability score, as a share of the weight of the run after it; the newest 20 runs count.'
),
(
  'health.failure_penalty', 'number', '25', '0', '100', 'points',
  'Points of reliability that each failure in a row takes off.'
),
(
  'health.conflict_threshold', 'integer', '10', '1', '1000000', 'conflicts',
  'So many conflicts of one device within 24 hours are an issue; those that a person decided do not count.'
);
--! end

--! end

insert into syncwell.schema_migrations (id, name, sha256, applied_at, applied_by) values
('0001', 'foundation', 'b5220358c986f854066b502133b97ffddf0979e248fcad3516f933fef501606a', syncwell._now(), session_user);
