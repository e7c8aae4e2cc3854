"""Who asked about whom: every public function that reads about a user writes it down, once a call, and only then."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from harness import Tenants

if TYPE_CHECKING:
    from harness import Database

A = Tenants.org("a")
MEMBER, OTHER, ADMIN, ANALYST, FOREIGN = (
    Tenants.id(name) for name in ("a_member", "a_other", "a_admin", "a_analyst", "b_member")
)

# Public functions that take p_user_id and tell nothing about that user, with what they do.
NO_READING = {
    "act_as": "becomes the user",
    "bind_login": "the owner says whose a login is",
    "register_user": "an operator makes a user",
    "complete_session": "records",
    "create_sync_error": "records",
    "enqueue_operation": "records",
    "enqueue_operations": "records",
    "finish_sync": "records",
    "ingest_batch": "records",
    "invalidate_client": "has devices pull anew",
    "log_sync_activity": "records",
    "maintenance_window": "announces work",
    "merge_duplicate_sessions": "merges",
    "record_sync_start": "records",
    "register_stream": "declares a stream",
    "report_client_queue": "records",
    "request_sync": "asks whether a device may sync",
    "resolve_local_id": "records",
    "start_session": "records",
    "sync_session": "records",
    "touch_record": "has a record sent again",
    "unregister_stream": "retires a stream",
    "update_sync_health_metrics": "records",
}
# What else a call needs.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "has_consent": {"p_scope": "detailed_monitoring"},
    "export_query": {"p_what": "runs"},
}
# Not for admins: tests of their own.
OPERATORS = {"erase_user", "export_user"}

TAKES_A_USER = """
select p.proname, p.provolatile::text, p.prosecdef, pg_get_functiondef(p.oid)
from pg_proc as p
where p.pronamespace = 'syncwell'::regnamespace and p.proname !~ '^_' and p.prokind = 'f'
  and 'p_user_id' = any(p.proargnames[1:p.pronargs])
order by p.proname
"""


def readers(db: psycopg.Connection[Any]) -> dict[str, tuple[str, bool, str]]:
    return {
        name: (volatile, definer, re.sub(r"--[^\n]*", "", text))
        for name, volatile, definer, text in db.execute(TAKES_A_USER).fetchall()
        if name not in NO_READING
    }


def unaudited(db: psycopg.Connection[Any]) -> list[str]:
    return [
        name
        for name, (volatile, definer, text) in readers(db).items()
        if volatile != "v" or not definer or f"perform syncwell._note_access('{name}', p_user_id);" not in text
    ]


def test_every_function_that_reads_about_a_user_is_audited(db: psycopg.Connection[Any]) -> None:
    assert unaudited(db) == []
    assert len(readers(db)) > 25
    db.execute(
        "create function syncwell.get_secrets(p_user_id uuid) returns text language sql stable security definer"
        " return 'secret'"
    )
    assert unaudited(db) == ["get_secrets"]


def test_the_list_of_those_that_tell_nothing_is_not_stale(db: psycopg.Connection[Any]) -> None:
    assert NO_READING.keys() <= {row[0] for row in db.execute(TAKES_A_USER).fetchall()}


def test_no_part_of_one_snapshot_calls_what_writes(db: psycopg.Connection[Any]) -> None:
    """A stable function sees one snapshot; a volatile one that it called would see another, and write an entry more."""
    audited = "|".join(readers(db))
    stable = db.execute(
        "select proname, pg_get_functiondef(oid) from pg_proc"
        " where pronamespace = 'syncwell'::regnamespace and prokind = 'f' and provolatile <> 'v'"
    ).fetchall()
    calls = [
        name for name, text in stable if re.search(rf"syncwell\.({audited})\(", re.sub(r"--[^\n]*|'[^']*'", "", text))
    ]
    assert calls == []


@pytest.fixture
def admin(db: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    db.execute("set local session authorization a_admin")
    return db


def entries(db: psycopg.Connection[Any]) -> list[Any]:
    db.execute("reset session authorization")
    rows = db.execute(
        "select function_name, login_role, user_id, role, subject from syncwell.access_log order by id"
    ).fetchall()
    db.execute("delete from syncwell.access_log")
    db.execute("set local session authorization a_admin")
    return rows


def ask(connection: psycopg.Connection[Any], name: str, user: object) -> None:
    arguments = {**ARGUMENTS.get(name, {}), "p_user_id": user}
    connection.execute(
        sql.SQL("select * from syncwell.{}({})").format(
            sql.Identifier(name),
            sql.SQL(", ").join(
                sql.SQL("{} => {}").format(sql.Identifier(key), sql.Placeholder(key)) for key in arguments
            ),
        ),
        arguments,
    )


def test_asking_about_another_is_one_entry(admin: psycopg.Connection[Any]) -> None:
    admin.execute("reset session authorization")
    names = readers(admin).keys() - OPERATORS
    admin.execute("set local session authorization a_admin")
    for name in sorted(names):
        ask(admin, name, MEMBER)
        assert entries(admin) == [(name, "a_admin", ADMIN, "admin", MEMBER)], name


def test_asking_about_oneself_or_nobody_in_particular_is_none(admin: psycopg.Connection[Any]) -> None:
    admin.execute("reset session authorization")
    names = readers(admin).keys() - OPERATORS
    admin.execute("set local session authorization a_admin")
    for name in sorted(names):
        ask(admin, name, ADMIN)
        ask(admin, name, None)
        assert entries(admin) == [], name


def test_who_asked_is_who_it_is_and_not_who_it_says(db: psycopg.Connection[Any]) -> None:
    db.execute("set local session authorization gateway")
    db.execute("select syncwell.act_as(%s)", [ANALYST])
    ask(db, "get_sync_metrics", MEMBER)
    assert entries(db) == [("get_sync_metrics", "gateway", ANALYST, "analyst", MEMBER)]
    db.execute("set local session authorization gateway")
    db.execute("select syncwell.act_as_org(%s)", [A])
    ask(db, "get_sync_metrics", MEMBER)
    assert entries(db) == [("get_sync_metrics", "gateway", None, "service", MEMBER)]
    # any role can set these
    db.execute("set local session authorization a_analyst")
    db.execute("select set_config('syncwell.user_id', %s, true)", [str(MEMBER)])
    ask(db, "get_sync_metrics", MEMBER)
    assert entries(db) == [("get_sync_metrics", "a_analyst", ANALYST, "analyst", MEMBER)]


@pytest.mark.parametrize("user", [FOREIGN, Tenants.id("no such user")])
def test_a_user_who_may_not_be_asked_about_is_refused_without_an_entry(
    admin: psycopg.Connection[Any], user: object
) -> None:
    with admin.transaction(force_rollback=True), pytest.raises(psycopg.Error) as caught:
        ask(admin, "get_sync_metrics", user)
    assert caught.value.diag.sqlstate == "SW002"
    assert entries(admin) == []


@pytest.mark.parametrize("user", [MEMBER, FOREIGN, Tenants.id("no such user")])
def test_a_read_only_transaction_reads_about_oneself_only(database: Database, user: object) -> None:
    admin = database.connect("a_admin", options="-c default_transaction_read_only=on")
    for name in ("get_sync_metrics", "get_sync_health_status", "get_operations", "get_access_log"):
        ask(admin, name, ADMIN)
        ask(admin, name, None)
        with admin.transaction(force_rollback=True), pytest.raises(psycopg.errors.ReadOnlySqlTransaction) as caught:
            ask(admin, name, user)
        assert "may write" in str(caught.value.diag.message_hint)
        assert f"{name}()" in str(caught.value.diag.message_detail)


def test_a_rollback_takes_the_entry_along_and_leaves_the_line_in_the_log(database: Database) -> None:
    with database.connect("operator") as operator:
        operator.execute("select syncwell.set_setting('audit.server_log', 'on', p_org_id => %s)", [A])
    lines: list[str] = []
    admin = database.connect("a_admin", options="-c client_min_messages=log")
    admin.add_notice_handler(lambda diagnosis: lines.append(str(diagnosis.message_primary)))
    ask(admin, "get_sync_metrics", MEMBER)
    ask(admin, "get_sync_metrics", ADMIN)
    admin.rollback()
    assert lines == [
        f"syncwell access: get_sync_metrics() about user {MEMBER} by login a_admin (role admin, user {ADMIN})"
    ]
    with database.connect() as owner:
        assert owner.execute("select * from syncwell.access_log").fetchall() == []


def test_without_the_setting_no_line_is_logged(database: Database) -> None:
    lines: list[object] = []
    admin = database.connect("a_admin", options="-c client_min_messages=log")
    admin.add_notice_handler(lines.append)
    ask(admin, "get_sync_metrics", MEMBER)
    assert lines == []


# --- reading the log -----------------------------------------------------------------------------------------------

LOG = "select function_name, user_id, role, subject from syncwell.get_access_log({})"


def log(connection: psycopg.Connection[Any], arguments: str = "") -> list[Any]:
    return connection.execute(LOG.format(arguments).encode()).fetchall()


def test_a_user_sees_who_looked_at_it(database: Database) -> None:
    with database.connect("a_admin") as admin:
        ask(admin, "get_sync_metrics", MEMBER)
    with database.connect("a_analyst") as analyst:
        ask(analyst, "get_error_report", MEMBER)
        ask(analyst, "get_error_report", OTHER)
    of_member = [
        ("get_error_report", ANALYST, "analyst", MEMBER),
        ("get_sync_metrics", ADMIN, "admin", MEMBER),
    ]
    everything = [("get_error_report", ANALYST, "analyst", OTHER), *of_member]
    with database.connect("a_member") as member:
        assert log(member) == of_member
        assert log(member, f"'{MEMBER}'") == of_member
    # an analyst's own, which is none
    with database.connect("a_analyst") as analyst:
        assert log(analyst) == []
    for login in ("a_member", "a_analyst", "b_admin"):
        with database.connect(login) as refused, pytest.raises(psycopg.Error) as caught:
            log(refused, f"'{OTHER}'")
        assert caught.value.diag.sqlstate == "SW002"
    with database.connect("a_service") as service:
        assert log(service) == everything
    with database.connect("b_admin") as foreign:
        assert log(foreign) == []
    with database.connect("a_admin") as admin:
        assert log(admin) == everything
        # looking at the log of another is looking at another
        asked = log(admin, f"'{MEMBER}'")
        assert asked == [("get_access_log", ADMIN, "admin", MEMBER), *of_member]


def test_pages_have_each_entry_once(database: Database) -> None:
    with database.connect("a_admin") as admin:
        for _ in range(7):
            ask(admin, "get_sync_metrics", MEMBER)
    with database.connect("a_admin") as admin:
        seen: list[Any] = []
        before = None
        while True:
            page = admin.execute(
                "select access_id from syncwell.get_access_log(p_limit => 3, p_before => %s)", [before]
            ).fetchall()
            if not page:
                break
            seen += page
            before = page[-1][0]
        assert len(seen) == len(set(seen)) == 7
        assert seen == sorted(seen, reverse=True)


def test_only_the_function_reads_and_writes_the_log(database: Database) -> None:
    for login in ("a_admin", "a_service", "operator", "gateway"):
        for statement in ("select from syncwell.access_log", "delete from syncwell.access_log"):
            with database.connect(login) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
