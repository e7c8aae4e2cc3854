"""Writers while tables are registered, repaired and resynced; locks in one order. Beside a trap, what falls into it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import Tenants
from harness.wait import wait_for_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Database

Connection = psycopg.Connection[Any]

MEMBER = Tenants.id("a_member")

SCHEMA = f"""
create schema app;
grant usage on schema app to syncwell_owner;
create table app.todos (id integer primary key, user_id uuid, title text, body text);
insert into app.todos select n, '{MEMBER}', 'x', 'y' from unnest(array[3, 2, 1]) as n;
"""
REGISTER = "select syncwell.register_synced_table('app.todos', p_columns => array['title'])"
WITH_BODY = "select syncwell.register_synced_table('app.todos', p_columns => array['title', 'body'])"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture
def owner(database: Database) -> Connection:
    """The superuser, each statement of whom commits."""
    connection = database.connect(autocommit=True)
    connection.execute(SCHEMA.encode())
    return connection


def entries(connection: Connection) -> list[str]:
    return [row[0] for row in connection.execute("select record_id from syncwell.record_changes order by record_id")]


def unseen(connection: Connection, snapshot: str) -> bool:
    """Whether a cursor with this snapshot is sent the table in full."""
    row = connection.execute(
        "select not pg_visible_in_snapshot(coalesce(reset_xid, registered_xid), %s::pg_snapshot)"
        " from syncwell.synced_tables",
        [snapshot],
    ).fetchone()
    assert row is not None
    return bool(row[0])


def snapshot(connection: Connection) -> str:
    row = connection.execute("select pg_current_snapshot()::text").fetchone()
    assert row is not None
    return str(row[0])


def test_registration_waits_for_those_who_are_writing(database: Database, owner: Connection, pool: Any) -> None:
    writer = database.connect()
    writer.execute("insert into app.todos values (4, %s)", [MEMBER])
    other = database.connect(autocommit=True)
    registered = pool.submit(other.execute, REGISTER)
    wait_for_lock(owner, other.info.backend_pid)
    before = snapshot(owner)
    writer.commit()
    registered.result()
    # their rows came untracked, and are in what every cursor from before is sent in full
    assert entries(owner) == []
    assert unseen(owner, before)
    writer.execute("insert into app.todos values (5, %s)", [MEMBER])
    writer.commit()
    assert entries(owner) == ["5"]


def test_a_column_that_is_added_waits_for_those_who_are_writing_it(
    database: Database, owner: Connection, pool: Any
) -> None:
    owner.execute(REGISTER.encode())
    writer = database.connect()
    other = database.connect(autocommit=True)

    # the naive variant regenerates without the lock: a device that pulls now has the table without the change, which
    # the old trigger did not note
    writer.execute("update app.todos set body = 'lost' where id = 1")
    naive = (
        "select syncwell._register_table('app.todos', 'user_id', 'id', array['title', 'body'], 'reject', 'user', null,"
    )
    other.execute(f"{naive} '{{}}', '{{}}', false, null, true)".encode())
    lost = snapshot(owner)
    writer.commit()
    assert not unseen(owner, lost)
    assert entries(owner) == []

    owner.execute(REGISTER.encode())
    writer.execute("update app.todos set body = 'found' where id = 1")
    registered = pool.submit(other.execute, WITH_BODY)
    wait_for_lock(owner, other.info.backend_pid)
    before = snapshot(owner)
    writer.commit()
    registered.result()
    assert unseen(owner, before)


def test_a_partition_that_is_written_to_while_it_is_taken_in(database: Database, owner: Connection, pool: Any) -> None:
    owner.execute(
        """
        create table app.parted (id integer primary key, user_id uuid) partition by range (id);
        select syncwell.register_synced_table('app.parted');
        create table app.low partition of app.parted for values from (0) to (100);
        """
    )
    writer = database.connect()
    writer.execute("insert into app.low values (1, %s)", [MEMBER])
    other = database.connect(autocommit=True)
    ensured = pool.submit(other.execute, "select syncwell.ensure_tracking()")
    wait_for_lock(owner, other.info.backend_pid)
    before = snapshot(owner)
    writer.commit()
    assert ensured.result().fetchone() == (4,)
    assert unseen(owner, before), "it was empty when ensure_tracking() came, and was not when it was tracked"


def test_resync_waits_for_nobody_and_loses_nothing(database: Database, owner: Connection) -> None:
    owner.execute(REGISTER.encode())
    owner.execute("update app.todos set title = 'y'")
    writer = database.connect()
    writer.execute("update app.todos set title = 'z' where id = 1")
    owner.execute("set lock_timeout = '100ms'")
    # the naive variant would wait, and have the whole application wait behind it
    with pytest.raises(psycopg.errors.LockNotAvailable):
        owner.execute("delete from syncwell.record_changes")
    owner.execute("select syncwell.resync_table('app.todos')")
    pulled = snapshot(owner)
    writer.commit()
    assert not unseen(owner, pulled)
    rows = owner.execute(
        "select record_id, pg_visible_in_snapshot(xid, %s::pg_snapshot) from syncwell.record_changes", [pulled]
    ).fetchall()
    assert rows == [("1", False)], "what was under way is news after the resync"


NAIVE = """
create table app.naive (id integer primary key);
insert into app.naive values (1), (2), (3);
create function app.note() returns trigger language plpgsql as $$
declare
  v_row record;
begin
  for v_row in select n.id from new_rows as n loop
    update app.naive set id = id where id = v_row.id;
  end loop;
  return null;
end
$$;
create trigger note after update on app.todos referencing new table as new_rows
for each statement execute function app.note();
"""


@pytest.mark.parametrize("naive", [False, True])
def test_records_are_stamped_in_one_order(database: Database, owner: Connection, pool: Any, naive: bool) -> None:
    """The rows lie in the order 3, 2, 1; the other session goes 1, 2, 3."""
    owner.execute((NAIVE if naive else REGISTER).encode())
    first = (
        "update app.naive set id = id where id = 1"
        if naive
        else f"select syncwell.touch_record('todos', '1', '{MEMBER}')"
    )
    second = (
        "update app.naive set id = id where id = 2"
        if naive
        else f"select syncwell.touch_record('todos', '2', '{MEMBER}')"
    )
    if not naive:
        owner.execute("update app.todos set title = 'z'")
    one, two = (database.connect(options="-c deadlock_timeout=10ms") for _ in range(2))
    one.execute(first.encode())
    updated = pool.submit(two.execute, "update app.todos set title = 'y'")
    wait_for_lock(owner, two.info.backend_pid)
    outcomes = []
    try:
        one.execute(second.encode())
        one.commit()
    except psycopg.errors.DeadlockDetected:
        one.rollback()
        outcomes.append("deadlock")
    try:
        updated.result()
        two.commit()
    except psycopg.errors.DeadlockDetected:
        outcomes.append("deadlock")
    assert outcomes == (["deadlock"] if naive else [])


@pytest.mark.parametrize("level", [psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE])
def test_writers_under_strict_isolation_do_not_meet(
    database: Database, owner: Connection, level: psycopg.IsolationLevel
) -> None:
    owner.execute(REGISTER.encode())
    one, two = database.connect(), database.connect()
    one.isolation_level = two.isolation_level = level
    for number, writer in ((1, one), (2, two)):
        writer.execute("update app.todos set title = 'y' where id = %s", [number])
        writer.execute("insert into app.todos values (%s, %s)", [number + 10, MEMBER])
        writer.execute("delete from app.todos where id = %s", [number])
    one.commit()
    two.commit()
    assert entries(owner) == ["1", "11", "12", "2"]
