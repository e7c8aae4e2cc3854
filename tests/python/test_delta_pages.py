"""Paged pulls: one snapshot over all pages, nothing twice, nothing forgotten, whatever happens between the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.devices import Device, joined
from harness.pulling import TABLES

if TYPE_CHECKING:
    from harness import Database

Connection = psycopg.Connection[Any]


@pytest.fixture
def owner(database: Database) -> Connection:
    connection = database.connect(autocommit=True)
    connection.execute(TABLES)
    return connection


@pytest.fixture
def phone(database: Database, owner: Connection) -> Device:  # noqa: ARG001 - the tables must be there
    return Device(database.connect("a_member", autocommit=True))


def fill(owner: Connection) -> None:
    owner.execute(
        """
        insert into tasks (id, user_id, title, size)
        select i, test.id('a_member'), 'task ' || i, i % 3 from generate_series(1, 25) as i;
        insert into pages select test.org('a'), 'page ' || i, 'x' from generate_series(1, 12) as i;
        """
    )


def change(owner: Connection) -> None:
    owner.execute(
        """
        update tasks set title = 'changed' where id % 2 = 0;
        delete from tasks where id % 5 = 0;
        insert into tasks (id, user_id, title) select i, test.id('a_member'), 'new' from generate_series(101, 109) as i;
        update pages set body = 'y';
        delete from pages where id = 'page 7';
        """
    )


def stored(owner: Connection) -> dict[str, set[str]]:
    rows = owner.execute("select 'tasks', id::text from tasks union all select 'pages', id from pages").fetchall()
    return {table: {record for name, record in rows if name == table} for table in ("tasks", "pages")}


def have(device: Device) -> dict[str, set[str]]:
    return {table: set(device.records[table]) for table in ("tasks", "pages")}


def sorted_changes(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        table: {kind: sorted(map(str, records)) for kind, records in change.items()}
        for table, change in answer["changes"].items()
    }


@pytest.mark.parametrize("limit", [1, 3, 10, 100_000])
def test_pages_together_are_the_whole(database: Database, owner: Connection, phone: Device, limit: int) -> None:
    fill(owner)
    whole = Device(database.connect("a_member", autocommit=True), "whole")
    for step in ("first", "delta", "migration", "replacement"):
        arguments: dict[str, Any] = {}
        if step == "delta":
            change(owner)
        elif step == "migration":
            owner.execute("update tasks set done = true where id in (1, 2)")
            for device in (phone, whole):
                device.records["pages"].clear()
            columns = [{"table": "tasks", "columns": ["size"]}]
            arguments["p_migration"] = {"from": 1, "tables": ["pages"], "columns": columns}
        elif step == "replacement":
            owner.execute("update syncwell.sync_cursors set device_id = device_id || '?'")
        paged = phone.pull(p_limit=limit, **arguments)
        at_once = whole.pull(**arguments)
        assert sorted_changes(paged) == sorted_changes(at_once), step
        assert paged.get("experimentalStrategy") == at_once.get("experimentalStrategy")
        assert have(phone) == stored(owner)
        assert phone.complaints == []


def test_a_page_has_as_many_records_as_asked_for(owner: Connection, phone: Device) -> None:
    fill(owner)
    phone.pull()
    change(owner)
    sizes, cursor, more = [], phone.cursor, True
    while more:
        answer = phone.ask(cursor, p_limit=4)
        cursor, more = answer["timestamp"], answer["hasMore"]
        sizes.append(sum(len(records) for one in answer["changes"].values() for records in one.values()))
        assert answer["page"] == len(sizes)
    assert set(sizes[:-1]) == {4}
    assert 0 < sizes[-1] <= 4


def test_a_page_that_is_asked_for_again_is_the_same(owner: Connection, phone: Device) -> None:
    fill(owner)
    phone.pull()
    change(owner)
    cursor, pages = phone.cursor, []
    while True:
        for _ in range(3):
            phone.ask(cursor, p_limit=6)
        lost, answer = phone.ask(cursor, p_limit=6), phone.ask(cursor, p_limit=6)
        assert (answer["changes"], answer["hasMore"]) == (lost["changes"], lost["hasMore"])
        pages.append(answer)
        cursor = answer["timestamp"]
        if not answer["hasMore"]:
            break
    phone.apply(joined(pages))
    assert have(phone) == stored(owner)
    assert owner.execute("select count(*) <= 6 from syncwell.sync_cursors").fetchone() == (True,)
    phone.pull()
    owner.execute("update tasks set title = 'end'")
    phone.pull()
    assert owner.execute("select count(*) <= 3 from syncwell.sync_cursors").fetchone() == (True,)


def test_what_comes_between_the_pages_comes_with_the_next_pull(owner: Connection, phone: Device) -> None:
    fill(owner)
    first = phone.ask(None, p_limit=10)
    owner.execute(
        "insert into tasks (id, user_id, title) values (0, test.id('a_member'), 'z'), (30, test.id('a_member'), 'z')"
    )
    owner.execute("update tasks set title = 'late' where id in (1, 20)")
    owner.execute("delete from tasks where id in (2, 21)")
    pages = [first]
    while pages[-1]["hasMore"]:
        pages.append(phone.ask(pages[-1]["timestamp"], p_limit=10))
    phone.apply(joined(pages))
    assert not {"0", "30"} & set(phone.records["tasks"]), "not in the snapshot of the first page"
    later = phone.pull()["changes"]["tasks"]
    assert sorted(one["id"] for one in later["created"]) == ["0", "30"]
    assert sorted(one["id"] for one in later["updated"]) == ["1", "20"]
    assert sorted(later["deleted"]) == ["2", "21"]
    assert phone.complaints == []
    assert have(phone) == stored(owner)


def test_a_push_needs_the_last_page(owner: Connection, phone: Device) -> None:
    fill(owner)
    cursor = phone.ask(None, p_limit=10)["timestamp"]
    row = phone.connection.execute(
        "select syncwell.sync_push('{}', %s, 'phone') #>> '{error, code}'", [cursor]
    ).fetchone()
    assert row == ("40001",)


def test_deletions_forgotten_between_the_pages_begin_it_again(owner: Connection, phone: Device) -> None:
    fill(owner)
    phone.pull()
    change(owner)
    first = phone.ask(phone.cursor, p_limit=5)
    assert first["hasMore"]
    owner.execute("select syncwell.cleanup_old_tombstones('0 seconds')")
    second = phone.ask(first["timestamp"], p_limit=5)
    assert (second["experimentalStrategy"], second["page"]) == ("replacement", 1)
    phone.pull(p_limit=5)
    assert have(phone) == stored(owner)


def test_the_rest_without_a_limit(owner: Connection, phone: Device) -> None:
    fill(owner)
    first = phone.ask(None, p_limit=5)
    rest = phone.ask(first["timestamp"])
    assert not rest["hasMore"]
    phone.apply(joined([first, rest]))
    assert have(phone) == stored(owner)


def test_a_table_reset_between_the_pages_comes_in_full_later(owner: Connection, phone: Device) -> None:
    fill(owner)
    phone.pull()
    change(owner)
    phone.pull(lambda: owner.execute("truncate tasks"), p_limit=9)
    answer = phone.pull()
    assert answer["experimentalStrategy"]["override"] == {"tasks": "replacement"}
    assert have(phone) == stored(owner)


def test_the_facts_are_of_all_pages(owner: Connection, phone: Device) -> None:
    fill(owner)
    phone.pull(p_limit=5)
    assert owner.execute("select pulls from syncwell.sync_devices").fetchone() == (1,)
    assert owner.execute("select items_created, bytes > 500 from syncwell.sync_events").fetchall() == [(37, True)]
    rows = owner.execute(
        "select t.table_name, (d.records ->> t.table_id::text)::integer"
        " from syncwell.sync_devices as d, syncwell.synced_tables as t"
    ).fetchall()
    assert dict(rows) == {"projects": 0, "tasks": 25, "pages": 12}
