"""Bad input: each case has its SQLSTATE, says what, which and what to do, and leaves every table as it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from harness.paths import SQL

from .cases import (
    FOREIGN,
    MEMBER,
    MIB,
    NOBODY,
    NOWHERE,
    OTHER,
    UNKNOWN,
    A,
    B,
    Case,
    activity,
    alerts,
    each,
    ingest,
    openmetrics,
    pace,
    preview,
    privacy,
    repair,
    sessions,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Cluster, Database

COMPLETE = "record_sync_complete(%s, %s, p_items_processed => %s)"
ERROR = "record_sync_error(%s, %s, %s)"

CASES = [
    *each(
        "a login without a binding",
        "SW001",
        {
            "record_sync_start('calls')": [],
            "record_sync_heartbeat(%s, %s)": ["{open}", "{open lease}"],
            COMPLETE: ["{open}", "{open lease}", 1],
            ERROR: ["{open}", "{open lease}", "x"],
            "create_sync_error('calls', 'x')": [],
            "register_stream('calls')": [],
            "unregister_stream('calls')": [],
            "cancel_sync_run(%s)": ["{open}"],
            "reap_sync_runs()": [],
            "claim_due_retries()": [],
            "mark_error_resolved(%s)": ["{error}"],
            "report_sync_progress('p', 6)": [],
            "cancel_sync('p')": [],
            "reap_sync_progress()": [],
            "get_recent_sync_events()": [],
            "get_sync_health_status()": [],
            "get_sync_clients()": [],
            "get_sync_conflicts()": [],
            "get_quarantined_records()": [],
            "invalidate_client()": [],
        },
        login="nobody_login",
    ),
    *each(
        "unknown run",
        "SW101",
        {
            "record_sync_heartbeat(%s, %s)": [UNKNOWN, "{open lease}"],
            COMPLETE: [UNKNOWN, "{open lease}", 1],
            ERROR: [UNKNOWN, "{open lease}", "x"],
            "cancel_sync_run(%s)": [UNKNOWN],
        },
    ),
    *each(
        "run of another org",
        "SW101",
        {
            "record_sync_heartbeat(%s, %s)": ["{foreign}", "{foreign lease}"],
            COMPLETE: ["{foreign}", "{foreign lease}", 1],
            ERROR: ["{foreign}", "{foreign lease}", "x"],
            "cancel_sync_run(%s)": ["{foreign}"],
        },
    ),
    *each(
        "unknown error",
        "SW104",
        {
            "get_sync_error(%s)": [UNKNOWN],
            "schedule_sync_retry(%s)": [UNKNOWN],
            "mark_error_resolved(%s)": [UNKNOWN],
            "record_sync_start('calls', p_retry_of => %s)": [UNKNOWN],
        },
    ),
    *each(
        "error of another org",
        "SW104",
        {
            "get_sync_error(%s)": ["{foreign error}"],
            "schedule_sync_retry(%s)": ["{foreign error}"],
            "mark_error_resolved(%s)": ["{foreign error}"],
            "record_sync_start('calls', p_retry_of => %s)": ["{foreign error}"],
        },
    ),
    *each("unknown stream", "SW105", {"unregister_stream('nothing')": []}),
    *each(
        "unknown progress",
        "SW201",
        {"pause_sync('nothing')": [], "resume_sync('nothing')": [], "cancel_sync('nothing')": []},
    ),
    *each("progress of another org", "SW201", {"cancel_sync('b')": []}),
    *(
        case
        for name, user in (("unknown user", NOBODY), ("user of another org", FOREIGN))
        for case in each(
            name,
            "SW002",
            {
                "record_sync_start('calls', p_user_id => %s)": [user],
                "create_sync_error('calls', 'x', p_user_id => %s)": [user],
                "register_stream('calls', %s)": [user],
                "unregister_stream('calls', %s)": [user],
                "get_recent_sync_events(p_user_id => %s)": [user],
                "get_error_report(p_user_id => %s)": [user],
                "get_sync_metrics(p_user_id => %s)": [user],
                "get_sync_health_status(%s)": [user],
                "get_sync_clients(%s)": [user],
                "get_sync_conflicts(p_user_id => %s)": [user],
                "get_quarantined_records(p_user_id => %s)": [user],
                "invalidate_client(%s)": [user],
            },
        )
    ),
    *each("another user", "SW002", {"record_sync_start('calls', p_user_id => %s)": [OTHER]}, login="a_member"),
    *each("unknown user", "SW002", {"act_as(%s)": [NOBODY]}, login="gateway"),
    *each("unknown org", "SW003", {"act_as_org(%s)": [NOWHERE]}, login="gateway"),
    *each(
        "unknown org",
        "SW003",
        {"register_user(%s)": [NOWHERE], "set_setting('retry.base', '2 s', p_org_id => %s)": [NOWHERE]},
        login="operator",
    ),
    *each(
        "completed twice with another outcome",
        "SW103",
        {
            COMPLETE: ["{done}", "{done lease}", 6],
            ERROR: ["{done}", "{done lease}", "x"],
            "record_sync_heartbeat(%s, %s)": ["{done}", "{done lease}"],
            "cancel_sync_run(%s)": ["{done}"],
        },
    ),
    *each(
        "an old lease",
        "SW102",
        {
            "record_sync_heartbeat(%s, %s)": ["{reaped}", "{reaped lease}"],
            COMPLETE: ["{reaped}", "{reaped lease}", 5],
            ERROR: ["{reaped}", "{reaped lease}", "x"],
        },
    ),
    *each(
        "a wrong lease",
        "SW102",
        {
            "record_sync_heartbeat(%s, %s)": ["{open}", UNKNOWN],
            COMPLETE: ["{open}", UNKNOWN, 5],
            ERROR: ["{open}", UNKNOWN, "x"],
            "record_sync_start('calls', p_retry_of => %s, p_retry_lease => %s)": ["{error}", UNKNOWN],
        },
    ),
    *each("unknown conflict", "SW309", {"resolve_conflict(%s, 'client')": [UNKNOWN]}, login="a_admin"),
    *each("conflict of another org", "SW309", {"resolve_conflict(%s, 'client')": ["{conflict}"]}, login="a_admin"),
    *each("unknown choice", "22023", {"resolve_conflict(%s, 'both')": ["{conflict}"]}, login="b_member"),
    *each("unknown device", "SW310", {"invalidate_client(p_device_id => 'fax')": []}),
    *each("unknown table", "SW301", {"sync_pull(p_tables => '{nothing}')": []}, login="a_member"),
    *each(
        "unknown table",
        "SW301",
        {
            "resync_table('app.keyless')": [],
            "ensure_tracking('app.keyless')": [],
            "check_tracking('app.keyless')": [],
            "touch_record('nothing', '1')": [],
            "touch_record('', '1')": [],
        },
        login="operator",
    ),
    *each(
        "a table that can not be synced",
        "SW302",
        {
            "register_synced_table('app.keyless')": [],
            "register_synced_table('app.todos', 'nothing')": [],
            "register_synced_table('app.todos', p_columns => '{nothing}')": [],
            "register_synced_table('app.todos', p_encodings => '{\"title\": \"iso\"}')": [],
            "register_synced_table('app.todos', p_name => '__proto__')": [],
            "register_synced_table('app.todos', p_conflict_policy => 'nothing')": [],
        },
        login="operator",
    ),
    *each("somebody else's table", "42501", {"register_synced_table('pg_class')": []}, login="operator"),
    *each("unknown scope", "22023", {"register_synced_table('app.todos', p_scope => 'world')": []}, login="operator"),
    *each(
        "out of range",
        "22023",
        {
            "cleanup_old_tombstones('-1 day')": [],
            "cleanup_old_tombstones(p_batch => 0)": [],
        },
        login="operator",
    ),
    *each("out of range", "22023", {"sync_pull(p_limit => 0)": []}, login="a_member"),
    *(
        case
        for limit in ("0", "1001", "-1")
        for case in each(
            f"limit {limit}",
            "22023",
            {
                f"get_sync_clients(p_limit => {limit})": [],
                f"get_sync_conflicts(p_limit => {limit})": [],
                f"get_quarantined_records(p_limit => {limit})": [],
            },
        )
    ),
    Case("resolved already", "SW106", "schedule_sync_retry(%s)", ["{resolved}"]),
    *(
        Case(f"negative {name}", "22023", f"record_sync_complete(%s, %s, {name} => -1)", ["{open}", "{open lease}"])
        for name in ("p_items_processed", "p_items_created", "p_items_updated", "p_items_deleted", "p_items_failed")
    ),
    *each(
        "negative count",
        "22023",
        {
            "record_sync_heartbeat(%s, %s, -1)": ["{open}", "{open lease}"],
            "record_sync_error(%s, %s, 'x', p_items_processed => -1)": ["{open}", "{open lease}"],
        },
    ),
    *(
        Case(f"negative {name}", "22023", f"report_sync_progress('p', {name} => -1)")
        for name in ("p_processed_count", "p_total_items", "p_failed_count", "p_current_item", "p_batch_number")
    ),
    Case("processed above total", "SW202", "report_sync_progress('p', 11)"),
    Case("processed and failed above total", "SW202", "report_sync_progress('p', 9, p_failed_count => 2)"),
    Case("a total below what is processed", "SW202", "report_sync_progress('p', p_total_items => 4)"),
    Case("current item above total", "SW202", "report_sync_progress('p', p_current_item => 11)"),
    Case("the first report above total", "SW202", "report_sync_progress('new', 2, 1)"),
    Case("progress that went back", "SW203", "report_sync_progress('p', 4)"),
    Case("progress after its end", "SW204", "report_sync_progress('ended', 2)"),
    Case("an unknown entity type", "SW205", "report_sync_progress('p', p_entity_type => 'unicorn')"),
    *each("an unknown setting", "SW010", {"get_setting('retry.nothing')": [], "get_setting('')": []}),
    *each(
        "an unknown setting",
        "SW010",
        {"set_setting('retry.nothing', '1')": [], "set_setting('retry.nothing', null)": []},
        login="operator",
    ),
    *each("out of range", "SW011", {"set_setting('runs.failure_threshold', '0')": []}, login="operator"),
    *(
        case
        for name, source in (("empty source", ""), ("blank source", " "), ("1 MiB of source", MIB))
        for case in each(
            name,
            "22023",
            {
                "register_stream(%s)": [source],
                "unregister_stream(%s)": [source],
                "record_sync_start(%s)": [source],
                "create_sync_error(%s, 'x')": [source],
            },
        )
    ),
    *each("empty source", "22023", {"set_setting('retry.base', '2 s', '')": []}, login="operator"),
    *each(
        "NULL",
        "22004",
        {
            "register_stream(null)": [],
            "unregister_stream(null)": [],
            "record_sync_start(null)": [],
            "record_sync_start('calls', null)": [],
            "record_sync_heartbeat(null, %s)": ["{open lease}"],
            "record_sync_heartbeat(%s, null)": ["{open}"],
            "record_sync_complete(null, %s)": ["{open lease}"],
            "record_sync_complete(%s, null)": ["{open}"],
            "record_sync_error(null, %s, 'x')": ["{open lease}"],
            "record_sync_error(%s, null, 'x')": ["{open}"],
            "record_sync_error(%s, %s, null)": ["{open}", "{open lease}"],
            "create_sync_error('calls', null)": [],
            "cancel_sync_run(null)": [],
            "schedule_sync_retry(null)": [],
            "mark_error_resolved(null)": [],
            "get_sync_error(null)": [],
            "reap_sync_runs(null)": [],
            "claim_due_retries(null)": [],
            "claim_due_retries(1, null)": [],
            "get_recent_sync_events(p_limit => null)": [],
            "report_sync_progress(null)": [],
            "pause_sync(null)": [],
            "reap_sync_progress(null)": [],
            "get_sync_clients(p_limit => null)": [],
        },
    ),
    *each(
        "NULL",
        "22004",
        {
            "register_synced_table(null)": [],
            "register_synced_table('app.todos', null)": [],
            "cleanup_old_tombstones(null)": [],
            "touch_record(null, '1')": [],
            "touch_record('todos', null)": [],
        },
        login="operator",
    ),
    *each("NULL", "22004", {"register_org(null)": [], "register_org('x', null, null)": []}, login="operator"),
    *each(
        "1 MiB of text",
        "22001",
        {
            ERROR: ["{open}", "{open lease}", MIB],
            "record_sync_error(%s, %s, 'x', %s)": ["{open}", "{open lease}", MIB],
            "record_sync_error(%s, %s, 'x', p_details => to_jsonb(%s::text))": ["{open}", "{open lease}", MIB],
            "create_sync_error('calls', %s)": [MIB],
            "create_sync_error('calls', 'x', p_details => to_jsonb(%s::text))": [MIB],
            "record_sync_complete(%s, %s, p_sync_token_after => %s)": ["{open}", "{open lease}", MIB],
            "record_sync_start('calls', p_sync_token => %s)": [MIB],
            "record_sync_start('calls', p_run_key => %s)": [MIB],
            "record_sync_start('calls', p_device_id => %s)": [MIB],
            "report_sync_progress(%s)": [MIB],
            "report_sync_progress('p', p_job_id => %s)": [MIB],
            "report_sync_progress('p', p_entity_type => %s)": [MIB],
            "report_sync_progress('p', p_metadata => to_jsonb(%s::text))": [MIB],
        },
    ),
    *each("1 MiB of text", "22001", {"sync_pull(p_device_id => %s)": [MIB]}, login="a_member"),
    *each("1 MiB of text", "SW310", {"invalidate_client(p_device_id => %s)": [MIB]}),
    *each("1 MiB of text", "SW301", {"sync_pull(p_tables => array[%s])": [MIB]}, login="a_member"),
    *each("1 MiB of text", "SW010", {"get_setting(%s)": [MIB]}),
    *each("1 MiB of text", "SW011", {"set_setting('runs.failure_threshold', %s)": [MIB]}, login="operator"),
    *each("1 MiB of text", "SW201", {"cancel_sync(%s)": [MIB]}),
    *each("1 MiB of text", "22023", {"report_sync_progress('p', p_status => %s)": [MIB]}),
    *activity.CASES,
    *alerts.CASES,
    *ingest.CASES,
    *openmetrics.CASES,
    *pace.CASES,
    *preview.CASES,
    *privacy.CASES,
    *repair.CASES,
    *sessions.CASES,
]


SYNCED = """
create schema app;
grant usage on schema app to public, syncwell_owner;
create table app.todos (id text primary key, user_id uuid, title text);
create table app.keyless (id text, user_id uuid);
alter table app.todos owner to operator;
alter table app.keyless owner to operator;
grant select on app.todos to public;
select syncwell.register_synced_table('app.todos')
"""
CONFLICT = """
insert into syncwell.sync_conflicts (
  org_id, id, user_id, device_id, scope, table_name, record_id, action, policy, outcome, occurred_at
)
values (%s, gen_random_uuid(), %s, 'phone', %s, 'todos', '1', 'updated', 'server_wins', 'server', now())
returning id
"""


def digest(connection: psycopg.Connection[Any]) -> dict[str, tuple[int, str | None]]:
    """Of every table and partition how many rows it has, and a hash of them all; xmin shows what was written anew."""
    names = connection.execute(
        "select relname from pg_class where relnamespace = 'syncwell'::regnamespace and relkind = 'r' order by relname"
    ).fetchall()
    query = sql.SQL(
        "select count(*), md5(string_agg(row_text, chr(10) order by row_text))"
        " from (select concat(t.xmin, ' ', t) as row_text from syncwell.{} as t) as r"
    )
    return {name: connection.execute(query.format(sql.Identifier(name))).fetchall()[0] for (name,) in names}


@dataclass
class World:
    """A database in which something has happened: the ids of it by name."""

    database: Database
    admin: psycopg.Connection[Any]
    made: dict[str, Any]


@pytest.fixture(scope="module")
def world(cluster: Cluster) -> Iterator[World]:
    with cluster.database() as database:
        admin = database.connect(autocommit=True)
        made: dict[str, Any] = {}

        def start(name: str, source: str, login: str = "a_service") -> psycopg.Connection[Any]:
            session = database.connect(login, autocommit=True)
            run = session.execute("select event_id, lease from syncwell.record_sync_start(%s)", [source]).fetchone()
            assert run is not None
            made[name], made[f"{name} lease"] = run
            return session

        def fail(name: str, source: str, login: str = "a_service") -> Any:
            session = start(name, source, login)
            row = session.execute(
                "select error_id from syncwell.record_sync_error(%s, %s, 'down')", [made[name], made[f"{name} lease"]]
            ).fetchone()
            assert row is not None
            return row[0]

        start("reaped", "slow")
        admin.execute("update syncwell.sync_events set started_at = started_at - interval '2 days'")
        service = start("done", "calls")
        assert len(service.execute("select event_id from syncwell.reap_sync_runs()").fetchall()) == 1
        service.execute(f"select syncwell.{COMPLETE}", [made["done"], made["done lease"], 5])
        made["error"] = fail("failed", "calls")
        made["resolved"] = fail("failed too", "mail")
        service.execute("select syncwell.mark_error_resolved(%s)", [made["resolved"]])
        start("open", "calls")
        start("foreign", "calls", "b_service")
        made["foreign error"] = fail("foreign failed", "calls", "b_service")
        service.execute("select syncwell.report_sync_progress('p', 5, 10)")
        service.execute("select syncwell.report_sync_progress('ended', 1, 1)")
        database.connect("b_service", autocommit=True).execute("select syncwell.report_sync_progress('b', 5, 10)")
        admin.execute(SYNCED.encode())
        made["conflict"] = admin.execute(CONFLICT.encode(), [B, FOREIGN, FOREIGN]).fetchall()[0][0]
        for name, login in (("preview", "a_service"), ("foreign preview", "b_service")):
            row = (
                database.connect(login, autocommit=True)
                .execute("select lease_token from syncwell.claim_preview('odoo', '{}')")
                .fetchone()
            )
            assert row is not None
            made[name] = row[0]
        admin.execute("select syncwell.set_setting('preview.sync_types', 'tiny', p_org_id => %s)", [A])
        admin.execute("select syncwell.set_setting('preview.max_bytes', '1024', 'tiny')")
        yield World(database, admin, made)


def refused(connection: psycopg.Connection[Any], call: str, arguments: list[Any]) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(call.encode(), arguments or None)
    return caught.value


def assert_says_everything(error: psycopg.Error, sqlstate: str) -> None:
    said = error.diag
    assert said.sqlstate == sqlstate, error
    for text in (said.message_primary, said.message_detail, said.message_hint):
        assert text, error
        assert text.strip(), error
        assert len(text) < 1000, "an error is no place for what was passed"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_refused_and_nothing_written(world: World, case: Case) -> None:
    arguments = [
        world.made[one[1:-1]] if isinstance(one, str) and one.startswith("{") else one for one in case.arguments
    ]
    connection = world.database.connect(case.login, autocommit=True)
    before = digest(world.admin)
    error = refused(connection, f"select * from syncwell.{case.call}", arguments)
    assert digest(world.admin) == before
    assert_says_everything(error, case.sqlstate)
    if MIB in arguments and case.sqlstate == "22001":
        assert "hunter2" not in str(error), "neither in the texts nor in the context"
    assert connection.execute("select 1").fetchone() == (1,), "the session goes on"
    connection.close()


def test_the_digest_sees_what_is_written(world: World) -> None:
    """The control: one counter, one new row, and a row that is written again as it was."""
    before = digest(world.admin)
    for change in (
        "update syncwell.sync_state set total_runs = total_runs + 1",
        "insert into syncwell.orgs (name) values ('C')",
        "update syncwell.orgs set name = name",
    ):
        with world.admin.transaction(force_rollback=True):
            world.admin.execute(change.encode())
            assert digest(world.admin) != before, change
    assert digest(world.admin) == before


@pytest.mark.parametrize(
    ("statement", "sqlstate"),
    [
        ("insert into syncwell.sync_progress (sync_id, processed_count) values ('x', -1)", "22023"),
        ("insert into syncwell.sync_progress (sync_id) values (null)", "22004"),
        ("insert into syncwell.sync_progress (sync_id) values ('')", "22023"),
        (f"insert into syncwell.sync_progress (sync_id) values ('{MIB}')", "22001"),
        ("update syncwell.sync_progress set processed_count = 11 where sync_id = 'p'", "SW202"),
        ("update syncwell.sync_progress set failed_count = -1 where sync_id = 'p'", "22023"),
        (f"insert into syncwell.sync_progress (sync_id, org_id) values ('x', '{B}')", "42501"),
    ],
    ids=["negative", "NULL", "empty", "1 MiB", "above total", "negative update", "another org"],
)
def test_plain_statements(world: World, statement: str, sqlstate: str) -> None:
    connection = world.database.connect("a_service", autocommit=True)
    before = digest(world.admin)
    error = refused(connection, statement, [])
    assert digest(world.admin) == before
    assert_says_everything(error, sqlstate)
    assert "hunter2" not in str(error)


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_identity_left_over_on_a_pooled_connection(world: World, end: str) -> None:
    """Who borrows the connection next is nobody: not who borrowed it before."""
    gateway = world.database.connect("gateway")
    gateway.execute("select syncwell.act_as(%s)", [MEMBER])
    assert gateway.execute("select user_id from syncwell.who_am_i()").fetchone() == (MEMBER,)
    gateway.execute(end.encode())
    before = digest(world.admin)
    for call in ("record_sync_start('calls')", "report_sync_progress('p', 6)", "get_sync_health_status()"):
        error = refused(gateway, f"select * from syncwell.{call}", [])
        gateway.rollback()
        assert_says_everything(error, "SW001")
    assert digest(world.admin) == before
    gateway.close()


def test_a_database_without_the_roles(cluster: Cluster) -> None:
    with cluster.database(template="template1") as empty, empty.connect() as connection:
        connection.execute("alter role syncwell_worker rename to syncwell_gone")
        connection.execute("savepoint renamed")
        error = refused(connection, (SQL / "migrations" / "0001_foundation.sql").read_text(), [])
        connection.execute("rollback to savepoint renamed")
        assert_says_everything(error, "SW903")
        assert "syncwell_worker" in str(error)
        assert connection.execute("select to_regnamespace('syncwell')").fetchone() == (None,)
        connection.rollback()
