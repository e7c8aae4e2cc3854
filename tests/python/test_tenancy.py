"""No login reaches another org: every table, view and function of the catalog, tried by every kind of login.

Org B is full of the word SECRET. Each login of org A, with forged settings and claims, reads and writes every table and
calls every function it may with org B's ids, and then with ids that nobody has: both must look the same to it and read
as many rows, so that the time they take tells nothing either, nothing of org B may come back, and org B must stay as it
was. What is generated for a synced table of the application counts
too. What this file does not know yet, it asks for: a new table needs seeds, a new parameter a value.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from harness import Tenants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Cluster

ORG_B = Tenants.org("b")
SECRET = "SECRET"  # noqa: S105

# Logins that must see nothing of org B, and how each comes to be whom it is; all the others are forged on top of it.
STRANGERS: dict[str, str | None] = {
    "a_member": None,
    "a_analyst": None,
    "a_admin": None,
    "a_service": None,
    "a_climber": None,
    "nobody_login": None,
    "jwt": "a_admin",
    "gateway": "a_admin",
}
# Those whom a function that is granted to somebody must serve.
RIGHTFUL = (("b_member", None), ("b_admin", None), ("b_service", None), ("gateway", "b_admin"), ("operator", None))

# What a login may do to another org, with the reason.
MEANT_TO_REACH: dict[tuple[str, str], str] = {
    ("gateway", "act_as"): "a gateway chooses for whom it acts",
    ("gateway", "act_as_org"): "a gateway chooses for whom it acts",
}
# Where rows are found before their org is compared: how many, and why that is.
FOUND_FIRST: dict[str, tuple[int, str]] = {
    "syncwell.users": (1, "an identity begins with the id of a user alone, which is unique over all orgs"),
    "syncwell.alert_deliveries": (100, "a lease token is found by itself; it is random, and as good as a password"),
}
# Granted functions that need more than their arguments, with the reason.
CANNOT_BE_CALLED: dict[str, str] = {
    "_import_batch": "a part of import_existing, which is called",
    "ingest_batch": "takes a source or a session, never both; SEEDS call it",
    "run_maintenance": "a procedure that commits; test_ops_maintenance.py calls it",
    "schedule_maintenance": "needs pg_cron; test_ops_cron.py has it",
    "unschedule_maintenance": "needs pg_cron; test_ops_cron.py has it",
}

# A table of the application as it should be: its own policies, and a key that begins with the owner, since an id that
# is unique over all users tells everybody which ids are taken.
APPLICATION = """
create schema app;
grant usage on schema app to public, syncwell_owner;
create table app.notes (org_id uuid, user_id uuid, id text, body text, primary key (user_id, id));
alter table app.notes owner to operator;
alter table app.notes enable row level security;
create policy own on app.notes using (user_id = (select syncwell.current_user_id()));
grant select, insert, update, delete on app.notes to public;
select syncwell.register_synced_table('app.notes', p_columns => '{body}', p_conflict_policy => 'server_wins');
"""
# Each in a transaction of its own: a pull, and a push under its cursor.
SYNCS = (
    "select (syncwell.sync_pull(p_device_id => 'SECRET-device') ->> 'timestamp')::bigint",
    """
    select syncwell.sync_push(
      p_changes => '{"notes": {"created": [{"id": "SECRET-record", "body": "SECRET"}], "updated": [], "deleted": []}}',
      p_last_pulled_at => %s, p_device_id => 'SECRET-device', p_request_id => 'SECRET-request'
    ) ->> 'success'
    """,
    "select (syncwell.sync_pull(p_last_pulled_at => %s, p_device_id => 'SECRET-device') ->> 'timestamp')::bigint",
)

SEEDS = """
select syncwell.register_stream(p_source => 'SECRET-source', p_expected_interval => '1 hour');
select syncwell.record_sync_start(
  p_source => 'SECRET-source', p_sync_token => 'SECRET-token', p_run_key => 'SECRET-key', p_device_id => 'SECRET-device'
);
select syncwell.record_sync_error(
  p_event_id => event_id, p_lease => lease, p_message => 'SECRET-message', p_code => 'SECRET', p_http_status => 503
)
from syncwell.record_sync_start(p_source => 'SECRET-failing') as started;
select syncwell.record_sync_complete(p_event_id => event_id, p_lease => lease, p_items_processed => 7)
from syncwell.record_sync_start(p_source => 'SECRET-done') as started;
select syncwell.report_sync_progress(
  p_sync_id => 'SECRET-sync', p_job_id => 'SECRET-job', p_processed_count => 1, p_total_items => 10
);
select syncwell.complete_operations(array[o.operation_id], o.lease_token)
from syncwell.enqueue_operation('SECRET-done', '{"x": "SECRET"}', p_source => 'SECRET-source') as e
cross join lateral (select c.* from syncwell.claim_operations(1) as c where e.operation_id is not null) as o;
select syncwell.enqueue_operation(
  p_operation_type => 'SECRET-waiting', p_payload => '{"x": "SECRET"}', p_dedup_key => 'SECRET-key',
  p_depends_on => array[operation_id], p_device_id => 'SECRET-device'
)
from syncwell.enqueue_operation('SECRET-first', p_source => 'SECRET-source');
select count(*) from syncwell.claim_operations(1);
select syncwell.try_acquire('SECRET-source');
select syncwell.report_client_queue('SECRET-device', 7, p_source => 'SECRET-source');
select syncwell.update_sync_health_metrics(
  null, 'SECRET-source', '{"device_id": "SECRET-device", "network": "SECRET", "queue_depth": 7, "error_count": 7}'
);
select syncwell.log_sync_activity('batch_process', 'failed', 'SECRET-sync', 'order', 7, 7, 'SECRET-message');
select syncwell.grant_consent('detailed_monitoring');
-- of a source of which nothing runs: it is allowed
select syncwell.request_sync('SECRET-asked', 'manual', 'SECRET-device');
select syncwell.get_or_compute_preview(
  'custom', '[]', '[{"id": "SECRET-record", "name": "SECRET"}]', '{"page": "SECRET"}', p_sync_id => 'SECRET-sync'
);
select syncwell.claim_preview('custom', '{"page": "SECRET-claimed"}');
select syncwell.start_session('SECRET-session', p_source => 'SECRET-source', p_device_id => 'SECRET-device');
select syncwell.sync_session(
  '{"local_id": "SECRET-document", "metadata": {"x": "SECRET"}, '
  '"readings": [{"occurred_at": "2026-03-01T11:00:00Z", "spo2": 97}]}',
  p_device_id => 'SECRET-device'
);
select syncwell.complete_session('SECRET-session');
select syncwell.resolve_local_id('SECRET-type', 'SECRET-name', 'SECRET-device');
select syncwell.ingest_batch(
  'event',
  json_build_array(json_build_object(
    'external_id', 'SECRET-event', 'occurred_at', extract(epoch from now()) * 1000, 'session', 'SECRET-session',
    'payload', json_build_object('x', 'SECRET')
  )),
  'SECRET-source', p_device_id => 'SECRET-device'
);
select syncwell.ingest_batch(
  'reading',
  json_build_array(json_build_object(
    'occurred_at', extract(epoch from now()) * 1000, 'spo2', 97, 'local_id', 'SECRET-reading', 'x', 'SECRET'
  )),
  p_session => 'SECRET-session'
);
"""
# What ordinary calls do not leave behind.
SEEDS_AS_OWNER = """
insert into syncwell.settings (org_id, source, key, value)
values (%(org)s, 'SECRET-source', 'runs.failure_threshold', '3');
insert into syncwell.circuits (org_id, source, state, opened_at, cooldown, reopen_at)
values (%(org)s, 'SECRET-source', 'open', syncwell._now(), '1 min', syncwell._now());
insert into syncwell.sync_conflicts (
  org_id, id, user_id, device_id, scope, table_name, record_id, action, policy, outcome, server_record, client_record,
  occurred_at
)
values (
  %(org)s, gen_random_uuid(), %(user)s, 'SECRET-device', %(user)s, 'notes', 'SECRET-record', 'updated', 'server_wins',
  'server', '{"id": "SECRET-record", "body": "SECRET"}', '{"id": "SECRET-record", "body": "SECRET-pushed"}',
  syncwell._now()
);
insert into syncwell.sync_quarantine (
  org_id, id, user_id, device_id, table_name, record_id, action, record, error_code, reason, quarantined_at
)
values (
  %(org)s, gen_random_uuid(), %(user)s, 'SECRET-device', 'notes', 'SECRET-bad', 'updated', 'SECRET-pushed', '23514',
  'SECRET-reason', syncwell._now()
);
select syncwell.refresh_sync_metrics();
insert into syncwell.sync_horizons (scope, purged_below, raised_at) values (%(user)s, '3', syncwell._now());
select syncwell._learn_streams(%(org)s);
select syncwell._learn_volumes(%(org)s);
insert into syncwell.volume_baselines (
  org_id, series_id, stream_id, user_id, source, time_zone, learned_at, history_to, checked_to, finding, severity,
  since, drift_percent, evidence
)
select
  org_id, stream_id, stream_id, user_id, source, 'UTC', syncwell._now(), 'today', 'today', 'drop', 'critical', 'today',
  -77, '{"actual": 7}'
from syncwell.streams
where org_id = %(org)s
on conflict (org_id, series_id) do update
set finding = 'drop', severity = 'critical', since = 'today', drift_percent = -77, evidence = '{"actual": 7}';
select syncwell._evaluate_org(%(org)s);
insert into syncwell.blind_periods (org_id, starts_at, ends_at)
values (%(org)s, syncwell._now() - interval '2 hours', syncwell._now() - interval '1 hour');
insert into syncwell.silences (org_id, matcher, starts_at, ends_at, reason)
values (%(org)s, '{"source": "SECRET-source"}', syncwell._now(), 'tomorrow', 'SECRET-reason');
insert into syncwell.maintenance_windows (org_id, mode, source, user_id, starts_at, ends_at, reason)
values (
  %(org)s, 'mute', 'SECRET-source', %(user)s, 'tomorrow', 'tomorrow'::timestamptz + interval '1 h', 'SECRET-reason'
);
insert into syncwell.alert_routes (org_id, changed_at) values (%(org)s, syncwell._now())
on conflict do nothing;
insert into syncwell.alert_channels (org_id, channel, opened_at, seen_at, last_error)
values (%(org)s, 'SECRET-channel', syncwell._now(), syncwell._now(), 'SECRET-message')
on conflict do nothing;
insert into syncwell.alert_deliveries (
  org_id, alert_id, channel, fingerprint, status, attempts, next_attempt_at, lease_token, created_at, last_error
)
select
  org_id, id, 'SECRET-channel', fingerprint, status, 1, syncwell._now(), md5(org_id::text)::uuid, syncwell._now(),
  'SECRET-message'
from syncwell.alert_outbox
where org_id = %(org)s
on conflict do nothing;
insert into syncwell.feature_flags (org_id, flag, enabled) values (%(org)s, 'SECRET-flag', true);
insert into syncwell.access_log (org_id, id, login_role, user_id, role, function_name, subject)
values (%(org)s, syncwell._uuid7(syncwell._now()), 'SECRET-login', null, 'service', 'SECRET-function', %(user)s);
insert into syncwell.detail_erasures (org_id, user_id, requested_at) values (%(org)s, %(user)s, syncwell._now());
insert into syncwell.erasures (org_id, id, subject_hash, erased_at, erased_xid, login_role, erased_rows)
values (%(org)s, gen_random_uuid(), '\\x5e', syncwell._now(), pg_current_xact_id(), 'SECRET-login', 7);
insert into syncwell.session_merges (
  org_id, merge_id, user_id, kept_id, removed_id, reason, kept_before, kept_after, removed_session, moved, merged_at
)
select
  %(org)s, gen_random_uuid(), %(user)s, s.session_id, gen_random_uuid(), 'same_local_id', to_jsonb(s), to_jsonb(s),
  to_jsonb(s) || jsonb_build_object('session_id', gen_random_uuid(), 'local_id', 'SECRET-removed'), 1, syncwell._now()
from syncwell.sync_sessions as s
where s.org_id = %(org)s and s.user_id = %(user)s
limit 1;
insert into syncwell.session_merge_moves (org_id, merge_id, user_id, table_name, row_key, row_before)
select m.org_id, m.merge_id, m.user_id, 'local_ids', 'SECRET-moved', '{"local_id": "SECRET-moved"}'
from syncwell.session_merges as m
where m.org_id = %(org)s and m.user_id = %(user)s;
"""


@dataclass
class World:
    """The database with both orgs seeded, and what org B's ids are."""

    connection: psycopg.Connection[Any]
    state: str = ""
    ids: dict[str, list[Any]] = field(default_factory=dict)
    cursor: str = ""
    digests: str = ""
    """The question for the state of org B."""
    secrets: list[str] = field(default_factory=list)
    work: dict[str, int] = field(default_factory=dict)
    """By table: the rows that the last attempt has read."""

    def rows(self, query: str, *parameters: Any) -> list[Any]:
        return self.connection.execute(query.encode(), parameters).fetchall()


TENANT_TABLES = """
select c.relname
from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attname = 'org_id'
where c.relnamespace = 'syncwell'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
order by c.relname
"""


@pytest.fixture(scope="module")
def world(cluster: Cluster) -> Iterator[World]:
    with cluster.database() as database:
        world = World(database.connect())
        world.connection.execute(APPLICATION.encode())
        world.connection.commit()
        for org in ("a", "b"):
            world.connection.execute(f"set session authorization {org}_member".encode())
            word = SECRET if org == "b" else "OWN"
            world.connection.execute(SEEDS.replace(SECRET, word).encode())
            world.connection.commit()
            for sync in SYNCS:
                (answer,) = world.rows(sync.replace(SECRET, word), *[world.cursor][: sync.count("%s")])
                world.connection.commit()
                if answer != ("true",):
                    world.cursor = str(answer[0])
            world.connection.execute("reset session authorization")
            parameters = {"org": Tenants.org(org), "user": Tenants.id(f"{org}_member")}
            for statement in SEEDS_AS_OWNER.replace(SECRET, word).strip().split(";\n"):
                world.connection.execute(statement.encode(), parameters)
        # rolling up has emptied it for both
        world.connection.execute(
            "insert into syncwell.sync_metrics_dirty select org_id, stream_id, current_date from syncwell.streams"
        )
        world.connection.commit()
        for table in tenant_tables(world):
            for row in world.connection.cursor(row_factory=dict_row).execute(
                sql.SQL("select * from syncwell.{} where org_id = %s").format(sql.Identifier(table)), [ORG_B]
            ):
                for column, value in row.items():
                    if isinstance(value, uuid.UUID):
                        key = f"{table}.{column}"
                        world.ids[key] = [*world.ids.get(key, []), value]
        world.secrets = sorted({str(value) for values in world.ids.values() for value in values} | {SECRET, "Org B"})
        world.state = state_of_b(world)
        world.connection.rollback()
        world.connection.execute(RELATIONS.encode())
        # small tables would be read whole, whatever is looked for
        world.connection.execute("set enable_seqscan = off")
        # before PostgreSQL 18 that makes plans seem so dear that each of them is compiled
        world.connection.execute("set jit = off")
        world.connection.commit()
        # what streams needs one snapshot; nothing else minds
        world.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield world


def tenant_tables(world: World) -> list[str]:
    return [name for (name,) in world.rows(TENANT_TABLES)]


# Tables that know of a row whose it is, and not of which org.
SCOPED_TABLES = {"syncwell.record_changes": "scope", "syncwell.sync_horizons": "scope", "app.notes": "user_id"}


def state_of_b(world: World) -> str:
    """Every row of org B with its version: a write that changes nothing is seen too."""
    if not world.digests:
        of_b = f"select '{ORG_B}'::uuid union all select user_id from syncwell.users where org_id = '{ORG_B}'"
        tables = {f"syncwell.{table}": "org_id" for table in tenant_tables(world)} | SCOPED_TABLES
        world.digests = " union all ".join(
            f"select '{table}', md5(string_agg(concat(t.xmin, t.*::text), ',' order by t.*::text))"
            f" from {table} as t where t.{column} in ({of_b})"
            for table, column in tables.items()
        )
    # in one order: appended in parallel, tables come as they are done
    return str(sorted(answers(world, "set local enable_seqscan = on", world.digests)[-1]))


def becoming(login: str, acts_as: str | None, *, forged: bool) -> sql.Composed:
    """What makes the session this login from here to the end of the transaction."""
    statements = [sql.SQL("set local session authorization {}").format(sql.Identifier(login))]
    set_config = sql.SQL("select set_config({}, {}, true)").format
    if login == "gateway":  # trusted to say who it is: nobody else writes SQL on its connections
        statements.append(sql.SQL("select syncwell.act_as({})").format(Tenants.id(acts_as or "")))
    else:
        if forged or login == "jwt":
            claims = json.dumps({"sub": str(Tenants.id(acts_as or "b_admin"))})
            statements.append(set_config("request.jwt.claims", claims))
        if forged:
            statements.append(set_config("syncwell.user_id", str(Tenants.id("b_admin"))))
            statements.append(set_config("syncwell.org_id", str(ORG_B)))
    return sql.SQL("; ").join(statements)


class OtherOrgChangedError(AssertionError):
    """A stranger's statement changed a row of org B."""


# As pg_stat_xact_all_tables has it, which takes long for what is asked thousands of times.
RELATIONS = """
create table test.relations as
select format('%s.%s', t.relnamespace::regnamespace, t.relname) as name, c.oid, c.oid = t.oid as is_table
from pg_class as t
left join pg_index as i on i.indrelid = t.oid
join pg_class as c on c.oid = any (array[i.indexrelid, t.oid])
where t.relnamespace in ('syncwell'::regnamespace, 'app'::regnamespace) and t.relkind = 'r'
group by 1, 2, 3;
grant select on test.relations to public;
"""
WORK = """
select x.name, sum(x.read)::bigint
from (
  select
    r.name,
    pg_stat_get_xact_tuples_fetched(r.oid)
    + case when r.is_table then pg_stat_get_xact_tuples_returned(r.oid) else 0 end as read
  from test.relations as r
) as x
where x.read > 0
group by x.name
"""


def answers(world: World, *statements: str | sql.Composable) -> list[list[Any]]:
    """The rows of each of the statements, which are sent as one message."""
    message = sql.SQL("; ").join(sql.SQL(one) if isinstance(one, str) else one for one in statements)
    return [cursor.fetchall() for cursor in world.connection.execute(message).results() if cursor.description]


def attempt(world: World, who: tuple[str, str | None], query: sql.Composable, *, stranger: bool = True) -> Any:
    """The rows as text, or the error, in a transaction that is rolled back; a stranger must leave org B as it was."""
    try:
        before = dict(answers(world, becoming(*who, forged=stranger), "savepoint before", WORK)[-1])
        error, wrote = None, False
        try:
            cursor = world.connection.execute(query)
            answer = [str(row) for row in cursor] if cursor.description else []
        except psycopg.Error as caught:
            error = caught
            (after,) = answers(world, "rollback to savepoint before", WORK)
        else:
            after, [(wrote,)] = answers(
                world, WORK, "reset session authorization", "select pg_current_xact_id_if_assigned() is not null"
            )
        world.work = {table: read - before.get(table, 0) for table, read in after if read > before.get(table, 0)}
        if error is not None:
            return error
        if stranger and wrote and state_of_b(world) != world.state:
            raise OtherOrgChangedError(f"{who[0]} changed org B by {text(world, query)}")
        return answer
    finally:
        world.connection.rollback()


def text(world: World, query: sql.Composable) -> str:
    return query.as_string(world.connection)


def texts(error: psycopg.Error) -> list[str | None]:
    """What a client is told: SQLSTATE, message, detail, hint."""
    diagnosis = error.diag
    return [diagnosis.sqlstate, diagnosis.message_primary, diagnosis.message_detail, diagnosis.message_hint]


def leaks(world: World, answer: Any, said: str) -> list[str]:
    """What of org B is in an answer, other than what the question said itself."""
    shown = " ".join(filter(None, texts(answer))) if isinstance(answer, psycopg.Error) else str(answer)
    return [secret for secret in world.secrets if secret in shown and secret not in said]


# --- tables and views --------------------------------------------------------------------------------------------


def test_every_table_is_seeded_for_both_orgs(world: World) -> None:
    tables = {f"syncwell.{table}": "org_id" for table in tenant_tables(world)} | SCOPED_TABLES
    empty = [
        f"{table} of org {org}"
        for table, column in tables.items()
        for org in ("a", "b")
        if not world.rows(
            f"select 1 from {table} where {column} in (%s, %s) limit 1", Tenants.org(org), Tenants.id(f"{org}_member")
        )
    ]
    assert not empty, f"add to SEEDS or SEEDS_AS_OWNER rows of: {', '.join(empty)}"


def granted(world: World, login: str, privilege: str) -> list[tuple[str, list[str]]]:
    """Tables, partitions and views, with their schema, and the columns for which the login has this privilege."""
    return world.rows(
        """
        select format('%%s.%%s', c.relnamespace::regnamespace, c.relname), array_agg(a.attname::text order by a.attnum)
        from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace in ('syncwell'::regnamespace, 'syncwell_tables'::regnamespace)
          and c.relkind in ('r', 'p', 'v') and has_column_privilege(%s, c.oid, a.attnum, %s)
        group by c.relnamespace, c.relname order by 1
        """,
        login,
        privilege,
    )


def qualified(name: str) -> sql.Identifier:
    """schema.name, or a name in schema syncwell."""
    return sql.Identifier(*(name.split(".") if "." in name else ("syncwell", name)))


def names(columns: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


@pytest.mark.parametrize("login", STRANGERS)
def test_no_row_of_another_org_is_read(world: World, login: str) -> None:
    for table, columns in granted(world, login, "select"):
        query = sql.SQL("select {} from {}").format(names(columns), qualified(table))
        answer = attempt(world, (login, STRANGERS[login]), query)
        assert not leaks(world, answer, ""), f"{login} sees in {table}: {leaks(world, answer, '')}"
        assert not isinstance(answer, psycopg.Error), f"{table} is granted to {login} and cannot be read: {answer}"


def test_reading_finds_the_own_rows(world: World) -> None:
    """Without this, the test above would pass where nobody sees anything."""
    unseen = [
        table
        for table, columns in granted(world, "a_analyst", "select")
        if (table.removeprefix("syncwell.") in tenant_tables(world) or table in SCOPED_TABLES)
        and not attempt(
            world,
            ("a_analyst", None),
            sql.SQL("select {} from {}").format(names(columns), qualified(table)),
        )
    ]
    assert unseen == []


# What a member sees of a table whose rows are no user's.
BY_OTHERS = {
    "circuits": "source in (select source from syncwell.streams where user_id is null or user_id = %(user)s)",
}
# The policies by which rows are read, and whether a row may be of no user.
ROWS_OF = """
select
  c.relname, p.polname,
  exists (select from pg_attribute as a where a.attrelid = c.oid and a.attname = 'user_id' and not a.attnotnull)
from pg_policy as p join pg_class as c on c.oid = p.polrelid
where c.relnamespace = 'syncwell'::regnamespace and p.polcmd = 'r' and c.relname = any (%s)
  and 'syncwell_operator'::regrole <> all (p.polroles)
order by c.relname
"""


@pytest.mark.parametrize("login", ["a_member", "a_other", "a_analyst"])
def test_exactly_the_rows_are_read_that_a_policy_is_named_for(world: World, login: str) -> None:
    """A policy that hides too much is as wrong as one that shows too much."""
    readable = {table.removeprefix("syncwell.") for table, _ in granted(world, login, "select")}
    wrong = []
    for table, policy, nullable in world.rows(ROWS_OF, tenant_tables(world)):
        if table not in readable:
            continue
        if login == "a_analyst" or policy.startswith("own_org") or policy == "own_and_common_settings":
            rule = "true"
        elif policy == "whole_org":
            rule = "false"
        elif table in BY_OTHERS:
            rule = BY_OTHERS[table]
        elif nullable:
            rule = "user_id is null or user_id = %(user)s"
        else:
            rule = "user_id = %(user)s"
        count = f"select count(*)::integer from syncwell.{table} where org_id = %(org)s and ({rule})"
        parameters = {"org": Tenants.org("a"), "user": Tenants.id(login)}
        (expected,) = world.connection.execute(count.encode(), parameters).fetchone() or (None,)
        world.connection.rollback()
        query = sql.SQL("select count(*)::integer from {} where org_id is not null").format(qualified(table))
        answer = attempt(world, (login, None), query)
        if answer != [f"({expected},)"]:
            wrong.append(f"{table}: {answer} instead of {expected}")
    assert wrong == []


def test_reading_bites(world: World) -> None:
    """With one policy too many, the secrets are found."""
    world.connection.execute("create policy everybody on syncwell.streams for select using (true)")
    try:
        world.connection.commit()
        answer = attempt(world, ("a_member", None), sql.SQL("select source from syncwell.streams"))
        assert leaks(world, answer, "") == [SECRET]
    finally:
        world.connection.execute("drop policy everybody on syncwell.streams")
        world.connection.commit()


@pytest.mark.parametrize("login", STRANGERS)
def test_no_row_of_another_org_is_written(world: World, login: str) -> None:
    """attempt() compares org B before and after."""
    who = (login, STRANGERS[login])
    for table, columns in granted(world, login, "update"):
        same = sql.SQL(", ").join(sql.SQL("{0} = {0}").format(sql.Identifier(column)) for column in columns)
        attempt(world, who, sql.SQL("update {} set {}").format(qualified(table), same))
    for (table,) in world.rows(
        "select format('%%s.%%s', c.relnamespace::regnamespace, c.relname) from pg_class as c"
        " where c.relnamespace in ('syncwell'::regnamespace, 'syncwell_tables'::regnamespace)"
        " and c.relkind in ('r', 'p', 'v') and has_table_privilege(%s, c.oid, 'delete')",
        login,
    ):
        attempt(world, who, sql.SQL("delete from {}").format(qualified(table)))
    for table, columns in granted(world, login, "insert"):
        row = world.rows(f"select to_jsonb(t) from {table} as t where org_id = %s limit 1", ORG_B)[0][0]
        for unique in ("id", "sync_id"):
            row[unique] = str(uuid.uuid4())
        query = sql.SQL("insert into {0} ({1}) select {1} from jsonb_populate_record(null::{0}, {2})").format(
            qualified(table), names(columns), sql.Literal(json.dumps(row))
        )
        answer = attempt(world, who, query)
        assert isinstance(answer, psycopg.errors.InsufficientPrivilege), f"{login} inserts into {table}: {answer}"


# --- functions ---------------------------------------------------------------------------------------------------

FUNCTIONS = """
select
  regexp_replace(format('%%s.%%s', p.pronamespace::regnamespace, p.proname), '^syncwell[.]', ''),
  p.prokind::text,
  p.prosecdef or p.proname !~ '^_' and p.pronamespace = 'syncwell'::regnamespace,
  coalesce((
    select jsonb_agg(jsonb_build_object(
      'name', coalesce(p.proargnames[n], ''),
      'type', replace(format_type(p.proargtypes[n - 1], null), 'anyelement', 'text'),
      'optional', n > p.pronargs - p.pronargdefaults
    ) order by n)
    from generate_series(1, p.pronargs) as n
  ), '[]')
from pg_proc as p
where p.pronamespace in ('syncwell'::regnamespace, 'syncwell_tables'::regnamespace)
  and p.prorettype <> 'trigger'::regtype and has_function_privilege(%s, p.oid, 'execute')
order by 1
"""

PARAMS = '{{"page": "{}"}}'
PUSHED = '{{"notes": {{"created": [], "updated": [{{"id": "{}", "body": "mine"}}], "deleted": []}}}}'


def cache_key(params: str) -> str:
    """What claim_preview() and the like make of these parameters."""
    return "custom:" + hashlib.sha256(params.encode()).hexdigest()


# A value by a parameter's name, else by its type. Of (theirs, nobody's) pairs the first is org B's.
OF_B: dict[str, tuple[str, str]] = {
    "p_source": ("SECRET-source", "NOBODY-source"),
    "p_sync_id": ("SECRET-sync", "NOBODY-sync"),
    "p_job_id": ("SECRET-job", "NOBODY-job"),
    "p_run_key": ("SECRET-key", "NOBODY-key"),
    "p_device_id": ("SECRET-device", "NOBODY-device"),
    "p_dedup_key": ("SECRET-key", "NOBODY-key"),
    "p_bucket": ("SECRET-source", "NOBODY-source"),
    "p_request_id": ("SECRET-request", "NOBODY-request"),
    "p_record_id": ("SECRET-record", "NOBODY-record"),
    "p_channel": ("SECRET-channel", "NOBODY-channel"),
    "p_entity_type": ("SECRET-type", "NOBODY-type"),
    "p_flag": ("SECRET-flag", "NOBODY-flag"),
    "p_cache_key": (cache_key(PARAMS.format("SECRET")), cache_key(PARAMS.format("NOBODY"))),
    "p_params": (PARAMS.format("SECRET"), PARAMS.format("NOBODY")),
    "p_session": ("SECRET-session", "NOBODY-session"),
    "p_local_id": ("SECRET-session", "NOBODY-session"),
    "p_document": ('{"local_id": "SECRET-session"}', '{"local_id": "NOBODY-session"}'),
    "p_changes": (PUSHED.format("SECRET-record"), PUSHED.format("NOBODY-record")),
}
# Where a cursor is meant, org B's is given.
CURSORS = {"p_last_pulled_at", "p_cursor"}
# Which ids of org B a uuid parameter is given; a name that is not here is given every id that org B has.
IDS_OF_B: dict[str, list[str]] = {
    "": ["users.user_id", "orgs.org_id"],
    "p_scope": ["users.user_id", "orgs.org_id"],
    "p_org": ["orgs.org_id"],
    "p_org_id": ["orgs.org_id"],
    "p_user_id": ["users.user_id"],
    "p_event_id": ["sync_events.id"],
    "p_error_id": ["sync_errors.id"],
    "p_retry_of": ["sync_errors.id"],
    "p_lease": ["sync_events.lease"],
    "p_conflict_id": ["sync_conflicts.id"],
    "p_operation_id": ["sync_queue.id", "sync_queue_archive.id"],
    "p_operation_ids": ["sync_queue.id", "sync_queue_archive.id"],
    "p_depends_on": ["sync_queue.id"],
    "p_lease_token": [
        "sync_queue.lease_token",
        "sync_queue_archive.lease_token",
        "preview_claims.lease_token",
        "alert_deliveries.lease_token",
    ],
    "p_alert_ids": ["alert_outbox.id"],
    "p_preview_id": ["sync_preview_cache.id"],
    "p_before": ["access_log.id"],
    "p_merge_id": ["session_merges.merge_id"],
    "p_request_id": ["sync_slots.request_id"],
    "p_retry_lease": ["sync_errors.retry_lease", "sync_events.lease"],
    "p_issue_id": ["sync_issues.id"],
    "p_silence_id": ["silences.id"],
    "p_window_id": ["maintenance_windows.id"],
    "p_stream_id": ["streams.stream_id"],
    "p_stream_ids": ["streams.stream_id"],
}
BY_NAME: dict[str, list[str]] = {
    "p_period": ["hour"],
    "p_table": ["streams", "sync_events", "sync_errors", "sync_progress", "notes", "app.notes"],
    "p_choice": ["client"],
    "p_scope_column": ["user_id"],
    "p_id_column": ["id"],
    "p_org_column": ["org_id"],
    "p_conflict_policy": ["reject"],
    "p_key": ["runs.failure_threshold"],
    "p_value": ["3"],
    "p_role": ["member"],
    "p_login_role": ["a_member"],
    "p_kind": ["jwt", "delta", "reading", "sessions"],
    "p_operations": ['[{"operation_type": "x"}]'],
    "p_depth": ["1"],
    "p_mode": ["mute", "ignore"],
    "p_starts_at": ["today"],
    "p_ends_at": ["tomorrow"],
    "p_until": ["tomorrow"],
    "p_metrics": ['{"record_count": 1}'],
    "p_severity": ["critical"],
    "p_rows": ['[{"occurred_at": "2026-03-01T11:00:00Z", "spo2": 97}]'],
    "p_query": ["select 1 as key where false"],
    "p_import": ["x"],
    "p_duty": ["analyze"],
    "p_what": ["runs"],
    "p_to": ["tomorrow"],
    "p_action": ["batch_process"],
    "p_page_token": ["2030-01-01T00:00:00.000000Z_00000000-0000-4000-8000-000000000000"],
    "p_scope": ["detailed_monitoring"],
    "p_reason": ["manual"],
    "p_network": ["wifi"],
    "p_battery": ["50"],
    "p_sync_type": ["custom", "incremental"],
    "p_current": ["[]"],
    "p_incoming": ["[]"],
    "p_records": ["[]"],
    "p_delta": ['{"new": [], "updated": [], "deleted": []}'],
    "p_data_source": ["manual"],
    "p_platform": ["ios"],
    "p_expected": ['{"reading": 1}'],
}
BY_TYPE: dict[str, str] = {
    "text": "x",
    "name": "x",
    "integer": "1",
    "bigint": "1",
    "numeric": "1",
    "boolean": "true",
    "interval": "01:00",
    "json": "{}",
    "jsonb": "{}",
    "pg_snapshot": "3:3:",
    "regclass": "app.notes",
    "regtype": "text",
    "timestamp with time zone": "2026-01-01 00:00+00",
    "syncwell.stream_facts": "(01:00,,UTC,,,,,,,,,0,,,,,,,,,,,,)",
}


@dataclass(frozen=True)
class Argument:
    name: str
    type: str
    value: str
    nobodys: str


def candidates(world: World, name: str, type_name: str) -> list[Argument]:
    """The values of org B that this parameter may be given, each with one of the same kind that nobody has."""
    if type_name in ("uuid", "uuid[]"):
        keys = IDS_OF_B.get(name, list(world.ids))
        values = dict.fromkeys(str(value) for key in keys for value in world.ids.get(key, []))
        assert values, f"org B has no id for parameter {name}: add to SEEDS what makes one"
        shape = "{}" if type_name == "uuid" else "{{{}}}"
        return [Argument(name, type_name, shape.format(value), shape.format(uuid.uuid4())) for value in values]
    if name in OF_B:
        return [Argument(name, type_name, *OF_B[name])]
    if name in CURSORS:
        return [Argument(name, type_name, world.cursor, world.cursor[::-1])]
    by_type = "{}" if type_name.endswith("[]") else BY_TYPE.get(type_name)
    if by_type is None and type_name.startswith("syncwell."):  # a row of NULLs
        (row,) = world.rows("select repeat(',', relnatts - 1) from pg_class where oid = %s::regclass", type_name)
        by_type = f"({row[0]})"
    values = dict.fromkeys(BY_NAME.get(name, [] if by_type is None else [by_type]))
    assert values, f"no value is known for parameter {name} {type_name}: add to BY_NAME or BY_TYPE"
    return [Argument(name, type_name, value, value) for value in values]


def variants(world: World, parameters: list[dict[str, Any]]) -> Iterator[list[Argument]]:
    """All that name something of org B together, then without the user, and what is needed for a call in any case."""
    pointing = [p for p in parameters if p["type"] in ("uuid", "uuid[]") or p["name"] in {*OF_B, *CURSORS}]
    seen = []
    for left_out in ({"p_user_id", "p_retry_of", "p_retry_lease"}, {"p_user_id"}, set(), {p["name"] for p in pointing}):
        chosen = [p for p in parameters if not p["optional"] or (p in pointing and p["name"] not in left_out)]
        if chosen not in seen:
            seen.append(chosen)
            values = [candidates(world, p["name"], p["type"]) for p in chosen]
            yield from (list(arguments) for arguments in itertools.product(*values))


def call(function: str, kind: str, arguments: list[Argument], *, nobodys: bool = False) -> sql.Composed:
    given = [
        sql.SQL("{}{}::{}").format(
            sql.SQL("{} => ").format(sql.Identifier(argument.name)) if argument.name else sql.SQL(""),
            sql.Literal(argument.nobodys if nobodys else argument.value),
            sql.SQL(argument.type),
        )
        for argument in arguments
    ]
    verb = "call {}({})" if kind == "p" else "select * from {}({})"
    return sql.SQL(verb).format(qualified(function), sql.SQL(", ").join(given))


def masked(answer: Any, arguments: list[Argument], *, nobodys: bool) -> str:
    """An answer without what differs from call to call: what was given, ids, times and numbers."""
    if isinstance(answer, psycopg.Error):
        answer = " | ".join(map(str, texts(answer)))
    shown = str(answer)
    for argument in arguments:
        given = argument.nobodys if nobodys else argument.value
        if not given.isdigit():
            shown = shown.replace(given, f"<{argument.name}>")
    shown = re.sub(r"\b[0-9a-f]{64}\b", "<hash>", shown)
    shown = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>", shown)
    return re.sub(r"datetime\.\w+\([^)]*\)|Decimal\('[^']*'\)|\d+(?:\.\d+)?", "#", shown)


def told_apart(world: World, who: tuple[str, str | None], theirs: sql.Composable, nobodys: sql.Composable) -> list[str]:
    """The tables of which it reads more rows where the ids are org B's, also when asked again."""
    more: dict[str, int] = {}
    for asked in range(3):
        attempt(world, who, nobodys)
        unknown = world.work
        attempt(world, who, theirs)
        found = {
            table: read - unknown.get(table, 0)
            for table, read in world.work.items()
            if read > unknown.get(table, 0) + FOUND_FIRST.get(table, (0, ""))[0]
        }
        more = {table: min(read, more[table]) for table, read in found.items() if table in more} if asked else found
        if not more:
            break
    return [f"{table}: {read}" for table, read in more.items()]


def reached(world: World, login: str) -> dict[str, list[str]]:
    """By function: the calls that showed something of org B, or told its ids from those that nobody has."""
    who = (login, STRANGERS[login])
    found: dict[str, list[str]] = {}
    for function, kind, _, parameters in world.rows(FUNCTIONS, login):
        for arguments in variants(world, parameters):
            query = call(function, kind, arguments)
            said = text(world, query)
            try:
                answer = attempt(world, who, query)
            except OtherOrgChangedError:
                found.setdefault(function, []).append(f"{said}\n  changed org B")
                continue
            if seen := leaks(world, answer, said):
                found.setdefault(function, []).append(f"{said}\n  shows {seen} in {answer}")
                continue
            read = world.work
            unknown = attempt(world, who, call(function, kind, arguments, nobodys=True))
            # names are another matter: of those the caller has rows of its own, dead ones from earlier attempts too
            by_ids = all(a.value == a.nobodys or a.type in ("uuid", "uuid[]") for a in arguments)
            if by_ids and read != world.work:
                more = told_apart(world, who, query, call(function, kind, arguments, nobodys=True))
                if more:
                    found.setdefault(function, []).append(f"{said}\n  reads more of org B's: {more}")
            theirs, nobodys = masked(answer, arguments, nobodys=False), masked(unknown, arguments, nobodys=True)
            if theirs != nobodys:
                # an hour may have begun between the two: then both are the same the next time
                theirs = masked(attempt(world, who, query), arguments, nobodys=False)
                unknown = attempt(world, who, call(function, kind, arguments, nobodys=True))
                nobodys = masked(unknown, arguments, nobodys=True)
            if theirs != nobodys:
                found.setdefault(function, []).append(f"{said}\n  org B's: {theirs}\n  nobody's: {nobodys}")
    return found


@pytest.mark.parametrize("login", STRANGERS)
def test_functions_do_not_reach_another_org(world: World, login: str) -> None:
    found = {name: calls for name, calls in reached(world, login).items() if (login, name) not in MEANT_TO_REACH}
    assert not found, f"as {login}:\n" + "\n".join(calls[0] for calls in found.values())


LEAKY = """
create function syncwell.shows(p_event_id uuid) returns text language sql stable security definer
  return (select e.device_id from syncwell.sync_events as e where e.id = p_event_id);
create function syncwell.tells(p_event_id uuid) returns boolean language sql stable security definer
  return exists (select from syncwell.sync_events as e where e.id = p_event_id);
create function syncwell.writes(p_event_id uuid) returns void language sql security definer
  begin atomic update syncwell.sync_events as e set status = e.status where e.id = p_event_id; end;
-- answers the same in any case, after another time
create function syncwell.takes_longer(p_event_id uuid) returns bigint language sql stable security definer
  return (
    select count(*) from (select e.org_id from syncwell.sync_events as e where e.id = p_event_id offset 0) as e
    where e.org_id = syncwell.current_org_id()
  );
"""


def test_calling_functions_bites(world: World) -> None:
    world.connection.execute(LEAKY.encode())
    world.connection.commit()
    try:
        assert {"shows", "tells", "writes", "takes_longer"} <= reached(world, "nobody_login").keys()
    finally:
        world.connection.execute("drop function syncwell.shows, syncwell.tells, syncwell.writes, syncwell.takes_longer")
        world.connection.commit()


def test_every_granted_function_serves_the_rightful(world: World) -> None:
    """With the same arguments org B's own logins succeed: so the refusals above are not about the arguments.

    Parts that run with the caller's own rights are left out: they can do no more than a statement of his.
    """
    served: dict[str, bool | str] = {}
    for who in RIGHTFUL:
        for function, kind, is_entrance, parameters in world.rows(FUNCTIONS, who[0]):
            for arguments in variants(world, parameters):
                if served.get(function) is True or not is_entrance:
                    break
                answer = attempt(world, who, call(function, kind, arguments), stranger=False)
                served[function] = str(answer) if isinstance(answer, psycopg.Error) else True
    refused = {name: answer for name, answer in served.items() if answer is not True}
    assert refused.keys() == CANNOT_BE_CALLED.keys(), "\n".join(f"{name}: {why}" for name, why in refused.items())
