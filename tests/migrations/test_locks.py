"""What migrations lock: what their headers say, nothing else, and so few that the lock table holds them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import errors

from harness.paths import TESTS
from syncwell import migrate

from .conftest import NOTE_ROLLBACK

if TYPE_CHECKING:
    from pathlib import Path

    from harness import Database

MODES = [
    "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE",
    "EXCLUSIVE", "ACCESS EXCLUSIVE",
]  # fmt: skip
# Readers and writers of rows go on beside these.
HARMLESS = "ROW EXCLUSIVE"
# max_locks_per_transaction * max_connections as they come: for so many locks there is always room.
BUDGET = 64 * 100
OWN, SYNCED = "every table of the schema", "every synced table"
HELD = """
select c.relnamespace::regnamespace::text || '.' || c.relname, l.mode
from pg_locks as l
inner join pg_class as c on c.oid = l.relation
where l.pid = pg_backend_pid() and l.granted and l.relation = any (%s)
  and c.relnamespace <> 'pg_catalog'::regnamespace
"""


def declared(text: str) -> dict[str, str]:
    """The header's line of locks: the strongest mode by table, also by "every table of the schema" and the like."""
    found = re.search(r"^-- Locks:\s+(.+?)(?=\n-- \w+:|\n\n|\n--\n)", text, re.MULTILINE | re.DOTALL)
    assert found, "a migration says in its header what it locks"
    said = re.sub(r"\s*\n--\s*", " ", found[1])
    if said.startswith("none"):
        return {}
    locks: dict[str, str] = {}
    for mode, names in re.findall(r"([A-Z][A-Z ]+[A-Z]) on ([^;.]+(?:\.\w[^;.]*)*)", said):
        locks |= dict.fromkeys(re.split(r", whose [^,]+|, | and ", names), mode)
    assert locks, said
    return locks


def undeclared(connection: psycopg.Connection[Any], text: str) -> list[str]:
    """Run it, without an end; which locks does it hold on what was there that its header doesn't tell?"""
    there = [oid for (oid,) in connection.execute("select oid from pg_class").fetchall()]
    synced = synced_tables(connection)
    connection.execute(text.encode())
    said = declared(text)
    wrong = []
    for table, name in connection.execute(HELD, [there]).fetchall():
        mode = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("Lock")).upper()
        group = SYNCED if table in synced else OWN if table.startswith(("syncwell", "pg_toast.")) else ""
        allowed = {HARMLESS, said.get(table, HARMLESS), said.get(group, HARMLESS)}
        if MODES.index(mode) > max(map(MODES.index, allowed)):
            wrong.append(f"{mode} on {table}")
    return wrong


def synced_tables(connection: psycopg.Connection[Any]) -> set[str]:
    """Those that carry our triggers."""
    names = connection.execute(
        "select distinct c.relnamespace::regnamespace::text || '.' || c.relname from pg_trigger as t"
        " inner join pg_class as c on c.oid = t.tgrelid where t.tgfoid::regproc::text like 'syncwell_tables.%'"
    )
    return {name for (name,) in names}


def in_all(connection: psycopg.Connection[Any]) -> int:
    """How many places of the shared table its locks take: one for whatever is locked, in however many modes."""
    query = "select count(distinct (locktype, relation, classid, objid, objsubid)) from pg_locks where pid = %s"
    return int(connection.execute(query, [connection.info.backend_pid]).fetchall()[0][0])


def test_migrations_lock_what_their_headers_say(empty: Database) -> None:
    connection = empty.connect()
    connection.execute("create table public.invoice (id bigint primary key, note text)")
    connection.execute("create function public.now_there() returns integer language sql return 1")
    connection.commit()
    for one in migrate.available():
        assert undeclared(connection, one.sql) == []
        assert in_all(connection) <= BUDGET
        connection.commit()


def test_rollbacks_lock_what_their_headers_say(database: Database) -> None:
    """With rows, partitions and synced tables, whose triggers go."""
    connection = database.connect()
    connection.execute((TESTS / "sql" / "synced_tables.sql").read_text().encode())
    connection.execute("set syncwell.allow_data_loss = on")
    connection.commit()
    for one in reversed(migrate.available()):
        assert undeclared(connection, one.rollback_sql) == []
        assert in_all(connection) <= BUDGET
        connection.commit()
    assert connection.execute("select to_regnamespace('syncwell')").fetchone() == (None,)


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    "change",
    [
        "alter table syncwell.orgs add column shade text",
        "create index on syncwell.orgs (name)",
        "lock table public.invoice in share mode",
    ],
)
def test_what_a_header_hides_is_found(change: str, empty: Database, two: Path) -> None:
    """The control: `Locks: none`, and it isn't so."""
    connection = empty.connect()
    connection.execute("create table public.invoice (id bigint primary key)")
    connection.commit()
    migrate.migrate(connection)
    path = two / "migrations" / "0002_pre_note.rollback.sql"
    header = "-- Reverts 0002.\n--\n-- Locks:    ACCESS EXCLUSIVE on syncwell.note.\n-- Loses:    the notes.\n\n"
    path.write_text(header + NOTE_ROLLBACK)
    assert undeclared(connection, path.read_text()) == []
    connection.rollback()
    path.write_text(header + NOTE_ROLLBACK + f"reset role;\n{change};\n")
    found = undeclared(connection, path.read_text())
    assert found
    assert found[0].endswith(("syncwell.orgs", "public.invoice"))


def test_a_rollback_does_not_wait_for_ever(database: Database) -> None:
    """Whoever holds a table makes it give up: everybody else would wait behind it."""
    reader, connection = database.connect(), database.connect()
    reader.execute("select count(*) from syncwell.orgs")
    text = migrate.available()[0].rollback_sql
    assert "set local lock_timeout = '5s';" in text
    # what the file says of it holds for the file: the session's own setting is longer
    connection.execute("set lock_timeout = '10min'")
    connection.execute("set syncwell.allow_data_loss = on")
    connection.commit()
    with pytest.raises(errors.LockNotAvailable):
        connection.execute(text.encode())
    connection.rollback()
    assert connection.execute("select count(*) > 0 from syncwell.orgs").fetchone() == (True,)
    assert {one.state for one in migrate.status(connection)} == {"applied"}
