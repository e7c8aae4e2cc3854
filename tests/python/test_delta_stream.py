"""Streamed pulls: pieces that together are the answer of sync_pull()."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.devices import Device
from harness.pulling import TABLES

if TYPE_CHECKING:
    from harness import Database

Connection = psycopg.Connection[Any]
COPY = "copy ({}) to stdout (format csv, quote e'\\x01', delimiter e'\\x02')"
NASTY = "a \"quoted\" \\ 'one',\n\tand\x01\x02 Žö 😀 \\. {} %s $1"


@pytest.fixture
def owner(database: Database) -> Connection:
    connection = database.connect(autocommit=True)
    connection.execute(TABLES)
    connection.execute(
        "insert into tasks (id, user_id, title) select i, test.id('a_member'), %s from generate_series(1, 50) as i",
        [NASTY],
    )
    connection.execute(
        "insert into pages values (test.org('a'), 'it''s \\', %s), (test.org('a'), '', 'empty')", [NASTY]
    )
    return connection


@pytest.fixture
def phone(database: Database, owner: Connection) -> Device:  # noqa: ARG001 - the tables must be there
    return Device(database.connect("a_member"))


def opened(device: Device, **arguments: Any) -> list[tuple[str, str]]:
    device.connection.execute("set transaction isolation level repeatable read")
    arguments = {"p_last_pulled_at": device.cursor, "p_device_id": device.name} | arguments
    named = ", ".join(f"{name} => %({name})s" for name in arguments)
    return device.connection.execute(
        f'select kind, body from syncwell.open_pull_stream({named}) order by "position"',
        arguments,
    ).fetchall()


def streamed(device: Device, *, server_side: bool = False, **arguments: Any) -> dict[str, Any]:
    """The answer of a streamed pull, which is closed and committed."""
    text, records = "", 0
    for kind, body in opened(device, **arguments):
        if kind == "text":
            text += body
        elif server_side:
            with device.connection.cursor("rows") as cursor:
                cursor.execute(body)
                for (row,) in cursor:
                    text += row
                    records += 1
        else:
            with device.connection.cursor().copy(COPY.format(body).encode()) as rows:
                for line in b"".join(rows).decode().splitlines(keepends=True):
                    text += line
                    records += 1
    answer: dict[str, Any] = json.loads(text)
    device.connection.execute(
        "select syncwell.close_pull_stream(%s, %s, %s)", [answer["timestamp"], records, len(text.encode())]
    )
    device.connection.commit()
    return answer


def sorted_changes(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        table: {kind: sorted(map(str, records)) for kind, records in change.items()}
        for table, change in answer["changes"].items()
    }


@pytest.mark.parametrize("server_side", [False, True])
def test_a_stream_is_the_pull(database: Database, owner: Connection, phone: Device, server_side: bool) -> None:
    whole = Device(database.connect("a_member", autocommit=True), "whole")
    for step in ("first", "delta", "migration", "reset", "replacement", "idle"):
        arguments: dict[str, Any] = {}
        if step == "delta":
            owner.execute("update tasks set done = true where id <= 10")
            owner.execute("delete from tasks where id = 20")
            owner.execute("update pages set body = 'y'")
            owner.execute("insert into tasks (id, user_id) values (0, test.id('a_member'))")
        elif step == "migration":
            migration = {"from": 1, "tables": ["projects", "x"], "columns": [{"table": "tasks", "columns": ["done"]}]}
            arguments["p_migration"] = json.dumps(migration)
        elif step == "reset":
            owner.execute("select syncwell.resync_table('tasks')")
        elif step == "replacement":
            owner.execute("update syncwell.sync_cursors set device_id = device_id || '?'")
        pieces, at_once = streamed(phone, server_side=server_side, **arguments), whole.pull(**arguments)
        assert sorted_changes(pieces) == sorted_changes(at_once), step
        for key in ("stats", "experimentalStrategy", "message", "ignored", "hasMore"):
            assert pieces.get(key) == at_once.get(key), (step, key)
        phone.apply(pieces)
        assert phone.records == whole.records
        assert phone.complaints == []
    facts = "select pulls, full_resyncs, records from syncwell.sync_devices where device_id = %s"
    assert owner.execute(facts, ["phone"]).fetchone() == owner.execute(facts, ["whole"]).fetchone()


def test_a_large_delta_is_asked_for_in_parts(owner: Connection, phone: Device) -> None:
    phone.apply(streamed(phone))
    owner.execute(
        "insert into tasks (id, user_id) select i, test.id('a_member') from generate_series(1001, 26000) as i"
    )
    owner.execute("update tasks set size = 1 where id <= 50")
    pieces = opened(phone)
    assert [kind for kind, _ in pieces].count("query") == 4
    phone.connection.rollback()
    phone.apply(streamed(phone))
    assert len(phone.records["tasks"]) == 25_050
    owner.execute("delete from tasks where id > 1000")
    phone.apply(streamed(phone))
    assert len(phone.records["tasks"]) == 50
    assert phone.complaints == []


def test_the_pieces_are_small_whatever_there_is_to_read(owner: Connection, phone: Device) -> None:
    owner.execute(
        "insert into tasks (id, user_id) select i, test.id('a_member') from generate_series(1001, 26000) as i"
    )
    assert sum(len(body) for _, body in opened(phone)) < 3000
    phone.connection.rollback()


def test_one_snapshot_from_the_first_piece_to_the_last(owner: Connection, phone: Device) -> None:
    pieces = opened(phone)
    owner.execute("insert into tasks (id, user_id) values (99, test.id('a_member'))")
    queries = [body for kind, body in pieces if kind == "query"]
    rows = [row for body in queries for row in phone.connection.execute(body).fetchall()]
    assert len(rows) == 52
    phone.connection.rollback()


def test_it_wants_a_transaction_with_one_snapshot(phone: Device) -> None:
    with pytest.raises(psycopg.errors.ActiveSqlTransaction):
        phone.connection.execute("select syncwell.open_pull_stream()")


def test_writing_after_it_is_refused(phone: Device) -> None:
    opened(phone)
    with pytest.raises(psycopg.Error) as refused:
        phone.connection.execute("update tasks set title = 'x'")
    assert refused.value.sqlstate == "SW305"


def test_what_was_rolled_back_was_no_pull(owner: Connection, phone: Device) -> None:
    opened(phone)
    phone.connection.rollback()
    assert owner.execute("select count(*) from syncwell.sync_cursors").fetchone() == (0,)
    assert owner.execute("select count(*) from syncwell.sync_devices").fetchone() == (0,)


@pytest.mark.parametrize("records", [51, 53, -1])
def test_a_stream_that_was_not_sent_whole_is_not_closed(phone: Device, records: int) -> None:
    cursor = json.loads("{" + opened(phone)[-1][1].partition("}, ")[2])["timestamp"]
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        phone.connection.execute("select syncwell.close_pull_stream(%s, %s, 1)", [cursor, records])


def test_only_the_callers_own_stream_is_closed(database: Database, phone: Device) -> None:
    streamed(phone)
    other = database.connect("a_other")
    for cursor in (None, 7, 4_398_046_511_104):
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            other.execute("select syncwell.close_pull_stream(%s, 1, 1)", [cursor])
        other.rollback()


def test_hidden_records_are_refused_here_too(owner: Connection, phone: Device) -> None:
    phone.apply(streamed(phone))
    owner.execute("update pages set is_secret = true, body = 'z' where id = ''")
    with pytest.raises(psycopg.Error) as refused:
        opened(phone)
    assert refused.value.sqlstate == "SW306"
    phone.connection.rollback()
    owner.execute("update syncwell.synced_tables set rls_revokes = true")
    answer = streamed(phone)
    assert answer["changes"]["pages"] == {"created": [], "updated": [], "deleted": [""]}


def test_the_cursor_of_a_page_is_refused(phone: Device) -> None:
    phone.cursor = phone.ask(None, p_limit=5)["timestamp"]
    phone.connection.commit()
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        opened(phone)
