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

-- From here on everything is made by, and so belongs to, the owner. It ends with the transaction.
set local role syncwell_owner;

comment on schema syncwell is 'syncwell: runs, progress and health of syncs. Names that begin with _ are internal.';
grant usage on schema syncwell to
syncwell_client, syncwell_reader, syncwell_worker, syncwell_gateway, syncwell_operator;

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
  check (least(items_processed, items_created, items_updated, items_deleted, items_failed) >= 0)
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
'Items created minus items deleted over all runs; NULL when never told.';

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
'Why: retry, scheduled, parked, budget, circuit_open, needs_reauth, permanent, too_old; NULL before any decision.';
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
  v_counts constant boolean := p_class in ('transient', 'throttled', 'unknown');
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
    when not p_retryable then 'permanent'
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
'reason and lane: auth (needs_reauth, none), not retryable (permanent, none), older than retry.max_age (too_old, '
'none), fast retries used up (parked, slow; a conflict: permanent, none), circuit not closed (circuit_open, slow), '
'budget spent (budget, slow), else retry (fast). Only retry adds to retry_count.';
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
      when v_event.items_created is null and v_event.items_deleted is null then t.items_in_database
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
'error, lease; error_id: while it succeeds, the error it retried); p_failures, p_retries: what it adds to the '
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
    r.error_type, r.error_code, r.error_message, r.attempt, r.platform, r.device_id, r.network_type,
    r.sync_token_before, r.sync_token_after, r.heartbeat_at
  from syncwell._recent_events(p_source, p_limit, p_status, null, p_user_id) as r;
end
$$;
comment on function syncwell.get_recent_sync_events(text, integer, text, uuid) is
'The last p_limit (1 to 1000) runs, newest first, of p_source (NULL: all) with p_status (NULL: any), of p_user_id '
'(NULL: everything the caller may see). duration_ms: milliseconds from start to end, NULL while it runs; '
'items_per_second: items_processed over duration_ms, NULL where either is not known; attempt: 1 = first try; '
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
    r.error_type, r.error_code, r.error_message, r.attempt, r.platform, r.device_id, r.network_type,
    r.sync_token_before, r.sync_token_after, r.heartbeat_at
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
  items_processed, items_created, items_updated, items_deleted, items_failed, error_id, error_type, error_code,
  sync_token_before, sync_token_after, platform, attempt, parent_id, run_key, heartbeat_at
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
  with runs as (
    select
      e.source::text as source,
      e.duration_ms,
      e.items_processed,
      e.status in ('success', 'partial') as succeeded,
      e.status in ('failed', 'timeout') as failed,
      date_trunc(p_period, e.started_at at time zone v_zone) at time zone v_zone as period_start
    from unnest(v_stream_ids) as s (stream_id)
    cross join lateral (
      select r.source, r.status, r.duration_ms, r.items_processed, r.started_at
      from syncwell.sync_events as r
      where r.org_id = v_org_id
        and r.stream_id = s.stream_id
        and r.id >= syncwell._uuid7_floor(v_first)
      offset 0
    ) as e
  ),
  totals as (
    select
      r.period_start,
      r.source,
      grouping(r.period_start) = 1 as is_summary,
      count(*) as total,
      count(*) filter (where r.succeeded) as successful,
      count(*) filter (where r.failed) as failed,
      sum(r.items_processed) as items,
      avg(r.duration_ms) filter (where r.succeeded or r.failed) as average,
      percentile_disc(array[0.5, 0.95, 0.99]) within group (order by r.duration_ms)
        filter (where (r.succeeded or r.failed) and r.duration_ms is not null) as percentiles
    from runs as r
    group by grouping sets ((r.period_start, r.source), ())
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
    t.percentiles[1]::double precision,
    t.percentiles[2]::double precision,
    t.percentiles[3]::double precision,
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
'durations: milliseconds of the runs that succeeded or failed, percentiles by nearest rank, NULL without any; '
'last_updated: how old the figures are. No rows when no stream matches. Errors: 22004, 22023 (p_period, p_limit), '
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
      date_trunc('hour', e.started_at, 'UTC') as hour,
      count(*) as total,
      count(*) filter (where e.status in ('success', 'partial')) as successful,
      count(*) filter (where e.status in ('failed', 'timeout')) as failed
    from unnest(v_stream_ids) as s (stream_id)
    cross join lateral (
      select r.status, r.started_at
      from syncwell.sync_events as r
      where r.org_id = v_org_id
        and r.stream_id = s.stream_id
        and r.id >= syncwell._uuid7_floor(v_first)
      offset 0
    ) as e
    group by 1
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
    end;
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
begin
  perform syncwell._check_period(p_period);
  v_from := syncwell._now()
    - make_interval(hours => case p_period when 'hour' then 1 when 'day' then 24 else 168 end);
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
  runs as (
    select
      h.source,
      count(*) as total,
      count(*) filter (where e.succeeded) as successful,
      count(*) filter (where e.failed) as failed,
      sum(e.items_processed) as items,
      avg(e.duration_ms) filter (where e.succeeded or e.failed) as average,
      percentile_disc(0.95) within group (order by e.duration_ms)
        filter (where (e.succeeded or e.failed) and e.duration_ms is not null) as p95
    from health as h
    cross join lateral (
      select
        r.duration_ms,
        r.items_processed,
        r.status in ('success', 'partial') as succeeded,
        r.status in ('failed', 'timeout') as failed
      from syncwell.sync_events as r
      where r.org_id = h.org_id
        and r.stream_id = h.stream_id
        and r.id >= syncwell._uuid7_floor(v_from)
      offset 0
    ) as e
    group by h.source
  )
  select
    b.source,
    syncwell._status_of_rank(b.rank),
    b.streams,
    coalesce(r.total, 0),
    r.successful::numeric / nullif(r.successful + r.failed, 0),
    r.average::double precision,
    r.p95::double precision,
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
'name. p_user_id NULL = everything the caller may see. status: the worst of its streams; total_syncs: runs started '
'in that time; success_rate: 0 to 1, success and partial among those that succeeded or failed, NULL when none did; '
'durations in milliseconds, p95 by nearest rank; total_items_synced: items processed, NULL when never told; '
'last_success_at: of any stream; freshness_score: mean, 0 to 100, NULL = unknown; drift_percent: NULL = nothing '
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
'max_runtime, or whose progress stands still. since: the last success before the failures, when the success was due, '
'the last sign of life. evidence: the numbers and thresholds behind it, in the unit its key names; suggestion: what '
'to do; stream_id NULL: progress that belongs to no run. Errors: 22023 (p_threshold_hours), SW001, SW002.';
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
);
--! end

--! end

insert into syncwell.schema_migrations (id, name, sha256, applied_at, applied_by) values
('0001', 'foundation', '93bb04d8843b846a8ca1aa701344e661cf9234881eebdb55b4784b9c9f31bcfa', syncwell._now(), session_user);
