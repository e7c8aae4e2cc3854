"""touch_record(): who may have which devices sent a record again."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
import pytest

from harness import Tenants

SCHEMA = """
create schema app;
grant usage on schema app to syncwell_owner;
create table app.todos (id text primary key, user_id uuid);
create table app.boards (id text primary key, org_id uuid);
select syncwell.register_synced_table('app.todos', p_rls_revokes => true),
  syncwell.register_synced_table('app.boards', 'org_id', p_scope => 'org', p_rls_revokes => true);
"""


@pytest.fixture
def app(db: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """A table of users and one of orgs, in a transaction that is rolled back."""
    db.execute(SCHEMA.encode())
    return db


def touch(connection: psycopg.Connection[Any], login: str, table: str, user: str | None = None) -> uuid.UUID | str:
    """Touch record 'r' as a login; returns whose record was stamped, or the SQLSTATE of the refusal."""
    connection.execute(f"set session authorization {login}".encode())
    refusal = None
    try:
        with connection.transaction():
            connection.execute(
                "select syncwell.touch_record(%s, 'r', %s)", [table, None if user is None else Tenants.id(user)]
            )
    except psycopg.Error as error:
        refusal = error.sqlstate
    connection.execute("reset session authorization")
    if refusal is not None:
        return refusal
    [(scope,)] = connection.execute("delete from syncwell.record_changes returning scope::text").fetchall()
    return uuid.UUID(scope)


@pytest.mark.parametrize(
    ("login", "table", "user", "outcome"),
    [
        ("a_member", "todos", None, "a_member"),
        ("a_member", "todos", "a_member", "a_member"),
        ("a_member", "todos", "a_other", "SW002"),
        ("a_member", "todos", "b_member", "SW002"),
        ("a_member", "boards", None, "42501"),
        ("a_admin", "todos", None, "a_admin"),
        ("a_admin", "todos", "a_other", "a_other"),
        ("a_admin", "todos", "b_member", "SW002"),
        ("a_admin", "boards", None, "org a"),
        ("a_admin", "boards", "b_member", "SW002"),
        ("a_service", "todos", None, "22004"),
        ("a_service", "todos", "a_member", "a_member"),
        ("a_service", "todos", "b_member", "SW002"),
        ("a_service", "boards", None, "org a"),
        ("operator", "todos", None, "SW001"),
        ("operator", "todos", "b_member", "b_member"),
        ("operator", "boards", "b_member", "org b"),
        ("operator", "todos", "nobody", "SW002"),
        ("a_member", "unknown", None, "SW301"),
    ],
)
def test_whose_record(app: psycopg.Connection[Any], login: str, table: str, user: str | None, outcome: str) -> None:
    expected: uuid.UUID | str = outcome
    if outcome.startswith("org "):
        expected = Tenants.org(outcome.removeprefix("org "))
    elif outcome in Tenants.LOGINS:
        expected = Tenants.id(outcome)
    assert touch(app, login, table, user) == expected


def test_what_is_stamped(database: Any) -> None:
    app = database.connect("a_member", autocommit=True)
    owner = database.connect(autocommit=True)
    owner.execute(SCHEMA.encode())
    me = Tenants.id("a_member")

    def entry() -> tuple[Any, ...]:
        row = owner.execute(
            "select xid is not distinct from created_xid, created_xid is null, earlier_lives is null,"
            " deleted_at is null"
            " from syncwell.record_changes where record_id = 'r'"
        ).fetchone()
        assert row is not None
        return tuple(row)

    def touched(created: bool = False) -> bool:
        row = app.execute("select syncwell.touch_record('todos', 'r', p_created => %s)", [created]).fetchone()
        assert row is not None
        return bool(row[0])

    # a row from before the registration: every device may have it
    assert touched()
    assert entry() == (False, True, True, True)
    assert touched(created=True)
    assert entry() == (True, False, True, True)
    owner.execute("insert into app.todos values ('r', %s)", [me])
    owner.execute("delete from app.todos")
    owner.execute("insert into app.todos values ('r', %s)", [me])
    assert entry() == (True, False, False, True)
    assert touched()
    assert entry() == (False, False, False, True)
    assert touched(created=True), "as new to every device, whatever lives it had"
    assert entry() == (True, False, True, True)
    owner.execute("delete from app.todos")
    before = entry()
    assert not touched()
    assert not touched(created=True)
    assert entry() == before


@pytest.mark.parametrize("arguments", ["null, 'r'", "'todos', null", "'todos', 'r', null, null"])
def test_null_is_refused(app: psycopg.Connection[Any], arguments: str) -> None:
    with pytest.raises(psycopg.Error) as refused:
        app.execute(f"select syncwell.touch_record({arguments})".encode())
    assert refused.value.sqlstate == "22004"


def test_a_long_id_is_refused(app: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.Error) as refused:
        app.execute("select syncwell.touch_record('todos', repeat('x', 1001))")
    assert refused.value.sqlstate == "22001"


def test_a_record_that_is_not_there_is_not_stamped(app: psycopg.Connection[Any]) -> None:
    """Where hidden does not mean revoked: a pull could not tell it from one that is hidden, and would fail for ever."""
    app.execute(
        """
        create table app.numbers (id integer primary key, user_id uuid);
        select syncwell.register_synced_table('app.numbers');
        grant usage on schema app to a_admin, a_service;
        grant select on app.numbers to a_admin;
        """
    )
    app.execute("insert into app.numbers values (1, %s), (2, %s)", [Tenants.id("a_other"), Tenants.id("a_member")])
    app.execute("delete from syncwell.record_changes")
    stamp = "select syncwell.touch_record('numbers', %s, %s)"
    other = Tenants.id("a_other")
    app.execute("set session authorization a_admin")
    stamped = {n: app.execute(stamp, [n, other]).fetchone() for n in ("1", "2", "3", "x", "99999999999")}
    assert stamped == {"1": (True,), "2": (False,), "3": (False,), "x": (False,), "99999999999": (False,)}
    app.execute("reset session authorization")
    assert app.execute("select record_id, scope from syncwell.record_changes").fetchall() == [("1", other)]
    app.execute("set session authorization a_service")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(stamp, ["1", other])
