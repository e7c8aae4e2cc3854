"""Tombstones are forgotten, and no device keeps a deleted record for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.devices import Device
from harness.pulling import TABLES

if TYPE_CHECKING:
    from harness import Database

Connection = psycopg.Connection[Any]
CLEANUP = "select syncwell.cleanup_old_tombstones(%s, %s)"


@pytest.fixture
def owner(database: Database) -> Connection:
    connection = database.connect(autocommit=True)
    connection.execute(TABLES)
    connection.execute(
        "insert into tasks (id, user_id, title) select i, test.id('a_member'), 'x' from generate_series(1, 20) as i"
    )
    return connection


def cleaned(connection: Connection, older_than: str = "0 seconds", batch: int = 10_000) -> int:
    row = connection.execute(CLEANUP, [older_than, batch]).fetchone()
    assert row is not None
    return int(row[0])


def tombstones(owner: Connection) -> int:
    row = owner.execute("select count(*) from syncwell.record_changes where deleted_at is not null").fetchone()
    assert row is not None
    return int(row[0])


def test_who_may_have_missed_one_replaces_everything(database: Database, owner: Connection) -> None:
    devices = {name: Device(database.connect("a_member", autocommit=True), name) for name in ("behind", "ahead")}
    other = Device(database.connect("a_other", autocommit=True), "other")
    for device in (*devices.values(), other):
        device.pull()
    owner.execute("delete from tasks where id <= 7")
    devices["ahead"].pull()
    assert cleaned(database.connect("operator", autocommit=True), batch=2) == 7
    assert tombstones(owner) == 0
    assert "experimentalStrategy" not in devices["ahead"].pull()
    assert "experimentalStrategy" not in other.pull(), "a horizon is of one scope"
    assert devices["behind"].pull()["experimentalStrategy"] == "replacement"
    assert len(devices["behind"].records["tasks"]) == len(devices["ahead"].records["tasks"]) == 13
    assert cleaned(owner) == 0, "again: nothing more to do"
    owner.execute("update tasks set title = 'y' where id = 8")
    for device in devices.values():
        assert device.pull()["changes"]["tasks"]["updated"][0]["id"] == "8"
        assert device.complaints == []


def test_the_young_stay(owner: Connection) -> None:
    owner.execute("delete from tasks where id <= 7")
    owner.execute(
        "update syncwell.record_changes set deleted_at = deleted_at - interval '31 days' where record_id < '4'"
    )
    row = owner.execute("select syncwell.cleanup_old_tombstones()").fetchone()
    assert row == (3,)
    assert tombstones(owner) == 4


def test_a_horizon_never_goes_back(owner: Connection) -> None:
    owner.execute("delete from tasks where id = 1")
    owner.execute("delete from tasks where id = 2")
    owner.execute("update syncwell.record_changes set deleted_at = '2020-01-01' where record_id = '2'")
    assert cleaned(owner, "1 year") == 1
    high = owner.execute("select purged_below, purged from syncwell.sync_horizons").fetchone()
    assert cleaned(owner) == 1
    row = owner.execute("select purged_below, purged from syncwell.sync_horizons").fetchone()
    assert high is not None
    assert row == (high[0], 2)


def test_a_pull_under_way_is_not_fooled(database: Database, owner: Connection) -> None:
    device = Device(database.connect("a_member", autocommit=True))
    device.pull()
    slow = Device(database.connect("a_member"), cursor=device.cursor)
    slow.connection.execute("set transaction isolation level repeatable read")
    slow.connection.execute("select 1")
    # its snapshot is older than the deletion: it sees neither that nor that it was forgotten
    owner.execute("delete from tasks where id = 1")
    owner.execute("insert into tasks (id, user_id) values (99, test.id('a_member'))")
    assert cleaned(owner) == 1
    assert slow.pull()["changes"] == {}
    slow.connection.commit()
    slow.records = device.records
    assert slow.pull()["experimentalStrategy"] == "replacement"
    assert "1" not in slow.records["tasks"]


def test_an_open_transaction_does_not_hold_cursors_below_the_horizon(database: Database, owner: Connection) -> None:
    device = Device(database.connect("a_member", autocommit=True))
    device.pull()
    parked = database.connect()
    parked.execute("insert into tasks (id, user_id) values (99, test.id('a_other'))")
    owner.execute("delete from tasks where id <= 3")
    device.pull()
    assert cleaned(owner) == 0
    assert "experimentalStrategy" not in device.pull()
    parked.commit()
    assert cleaned(owner) == 3
    owner.execute("update tasks set title = 'y' where id = 8")
    device.pull()
    assert "experimentalStrategy" not in device.pull()


def test_an_id_used_again_after_its_tombstone_was_forgotten(database: Database, owner: Connection) -> None:
    device = Device(database.connect("a_member", autocommit=True))
    device.pull()
    owner.execute("delete from tasks where id = 1")
    device.pull()
    cleaned(owner)
    owner.execute("insert into tasks (id, user_id, title) values (1, test.id('a_member'), 'again')")
    assert [one["id"] for one in device.pull()["changes"]["tasks"]["created"]] == ["1"]
    assert device.complaints == []


def test_an_id_that_is_being_used_again_is_left_alone(database: Database, owner: Connection) -> None:
    owner.execute("delete from tasks where id <= 3")
    writer = database.connect()
    writer.execute("insert into tasks (id, user_id) values (1, test.id('a_member'))")
    assert cleaned(owner) == 2, "nobody waits"
    writer.commit()
    assert tombstones(owner) == 0


@pytest.mark.parametrize(
    ("arguments", "sqlstate"),
    [((None, 1), "22004"), (("1 day", None), "22004"), (("-1 day", 1), "22023"), (("1 day", 0), "22023")],
)
def test_what_a_cleanup_can_not_be_made_with(owner: Connection, arguments: tuple[Any, Any], sqlstate: str) -> None:
    with pytest.raises(psycopg.Error) as refused:
        owner.execute(CLEANUP, arguments)
    assert refused.value.sqlstate == sqlstate


def test_maintenance_forgets_old_tombstones_and_cursors(database: Database, owner: Connection) -> None:
    device = Device(database.connect("a_member", autocommit=True))
    device.pull()
    owner.execute("delete from tasks where id <= 3")
    device.pull()
    rows = owner.execute(
        "select routine from syncwell.maintenance_tasks where task in ('cleanup_tombstones', 'expire_cursors')"
    )
    assert sorted(row[0] for row in rows) == ["_expire_cursors_task", "_tombstones_task"]
    both = "select syncwell._tombstones_task(), syncwell._expire_cursors_task()"
    assert owner.execute(both).fetchone() == (0, 0)
    operator = database.connect("operator", autocommit=True)
    operator.execute("select syncwell.set_setting('delta.tombstone_retention', '40 days')")
    owner.execute("select set_config('syncwell.fake_now', (now() + interval '39 days')::text, false)")
    assert owner.execute(both).fetchone() == (0, 0)
    owner.execute("select set_config('syncwell.fake_now', (now() + interval '401 days')::text, false)")
    assert owner.execute(both).fetchone() == (3, 2)
    assert device.pull()["experimentalStrategy"] == "replacement"
