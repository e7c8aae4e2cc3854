"""Pushes that meet other transactions: they wait, are refused as a whole, or see what was done."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import wait_for_lock
from harness.synced import NUMBER, create, device, difference, link_of, register, rows
from harness.watermelon import RefusedError, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Database, Tenants
    from harness.watermelon import Device

SCHEMA = {"notes": {"value": NUMBER}}
POLICIES = ["reject", "last_write_wins", "merge_columns", "server_wins"]

Connection = psycopg.Connection[Any]


class Notes:
    def __init__(self, database: Database, tenants: Tenants, policy: str) -> None:
        self.database, self.me, self.policy = database, tenants.id("a_member"), policy
        self.superuser = database.connect(autocommit=True)
        create(self.superuser, "notes", "(id text primary key, user_id uuid not null, value integer)")
        register(self.superuser, "notes", columns=["value"], conflict_policy=policy)
        self.superuser.execute("insert into notes select 'n' || i, %s, i from generate_series(1, 5) as i", [self.me])

    def device(self, name: str) -> Device:
        found = device(self.database, "a_member", SCHEMA, name)
        found.synchronize()
        return found

    def settled(self, *phones: Device) -> None:
        for _ in range(2):
            for phone in phones:
                phone.synchronize()
        for phone in phones:
            assert difference(phone.contents("notes"), rows(self.superuser, "notes", "value", self.me)) == {}
            assert (phone.errors, phone.dirty) == ([], False)
        assert self.superuser.execute("select count(*) from syncwell.sync_quarantine").fetchone() == (0,)


@pytest.fixture
def notes(request: pytest.FixtureRequest, database: Database, tenants: Tenants) -> Notes:
    return Notes(database, tenants, getattr(request, "param", "reject"))


each_policy = pytest.mark.parametrize("notes", POLICIES, indirect=True)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


def edit(phone: Device) -> None:
    """An update, a new record and a deletion, in one push with what is not in dispute."""
    phone.edit("notes", "n1", value=100)
    phone.edit("notes", "n5", value=500)
    phone.create("notes", "new", value=1)
    phone.delete("notes", "n2")


def test_a_row_that_somebody_locks_is_no_bad_record(notes: Notes) -> None:
    """A lock or statement timeout refuses the push as a whole; when the lock is gone, it goes through."""
    phone = notes.device("one")
    edit(phone)
    for setting, code in (("lock_timeout", "55P03"), ("statement_timeout", "57014")):
        with notes.database.connect() as writer:
            writer.execute("select from notes where id = 'n1' for update")
            link_of(phone).connection.execute(f"set {setting} = '50ms'".encode())
            with pytest.raises(RefusedError) as refused:
                phone.synchronize()
            assert refused.value.code == code
            link_of(phone).connection.execute(f"reset {setting}".encode())
        assert len(rows(notes.superuser, "notes", "value", notes.me)) == 5
    notes.settled(phone)
    assert phone.contents("notes")["n1"] == {"value": 100}


@pytest.mark.parametrize("level", [psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE])
@pytest.mark.parametrize("change", ["update", "delete"])
def test_a_push_with_an_old_snapshot_is_refused_as_a_whole(
    notes: Notes, level: psycopg.IsolationLevel, change: str
) -> None:
    phone = notes.device("one")
    edit(phone)
    session = notes.database.connect("a_member")
    session.isolation_level = level
    session.execute("select count(*) from notes")
    notes.superuser.execute(
        f"{'update notes set value = 9' if change == 'update' else 'delete from notes'} where id = 'n1'".encode()
    )
    arguments = [json.dumps(phone.local_changes()), phone.cursor]
    # the transaction has to begin again, with all that is in it
    with pytest.raises(psycopg.errors.SerializationFailure):
        session.execute("select syncwell.sync_push(%s, %s, 'one')", arguments)
    session.rollback()
    notes.settled(phone)


@each_policy
def test_two_devices_push_the_same_records_at_once(notes: Notes, pool: ThreadPoolExecutor) -> None:
    """The second waits for the first, and then meets its conflict by the policy: no update is lost unseen."""
    one, two = notes.device("one"), notes.device("two")
    for phone, value in ((one, 101), (two, 102)):
        phone.edit("notes", "n1", value=value)
        phone.edit("notes", "n3", value=value)
        phone.create("notes", f"of{value}", value=value)
    session = notes.database.connect("a_member")
    arguments = [json.dumps(one.local_changes()), one.cursor]
    session.execute("select syncwell.sync_push(%s, %s, 'one')", arguments)
    pid = link_of(two).connection.info.backend_pid
    pushing = pool.submit(link_of(two).push, changes=two.local_changes(), last_pulled_at=two.cursor)
    wait_for_lock(notes.superuser, pid)
    session.commit()
    values = {"reject": 101, "last_write_wins": 102, "merge_columns": 102, "server_wins": 101}
    if notes.policy == "reject":
        with pytest.raises(RefusedError) as refused:
            pushing.result(20)
        assert refused.value.code == "SW304"
    else:
        assert len(pushing.result(20)["conflicts"]) == 2
    found = rows(notes.superuser, "notes", "value", notes.me)
    assert found["n1"] == found["n3"] == {"value": values[notes.policy]}
    notes.settled(one, two)


def test_one_push_told_by_two_sessions_at_once_is_done_once(notes: Notes, pool: ThreadPoolExecutor) -> None:
    """The app gave up waiting and tells it again while the first is still at work."""
    for number, request in ((2, "request"), (3, None)):
        phone = notes.device(f"with {request}")
        phone.edit("notes", "n1", value=7)
        phone.create("notes", f"new-{request}", value=1)
        phone.delete("notes", f"n{number}")
        changes, link = phone.local_changes(), link_of(phone)
        session = notes.database.connect("a_member")
        arguments = [json.dumps(changes), phone.cursor, link.device_id, request]
        first = session.execute("select syncwell.sync_push(%s, %s, %s, %s)::text", arguments).fetchone()
        again = pool.submit(link.tell, changes, phone.cursor, request)
        wait_for_lock(notes.superuser, link.connection.info.backend_pid)
        session.commit()
        before = notes.superuser.execute("select xmin::text, id, value from notes order by id").fetchall()
        assert first is not None
        second = again.result(20)
        assert request is None or second == parsed(first[0])
        assert notes.superuser.execute("select xmin::text, id, value from notes order by id").fetchall() == before
        notes.settled(phone)


@each_policy
def test_a_pull_during_a_push_and_a_push_during_a_pull(notes: Notes, pool: ThreadPoolExecutor) -> None:
    """The answer to a slow push is given up; the device pulls meanwhile, and then the push commits."""
    phone, other = notes.device("one"), notes.device("two")
    edit(phone)
    session = notes.database.connect("a_member")
    session.execute("select syncwell.sync_push(%s, %s, 'one')", [json.dumps(phone.local_changes()), phone.cursor])
    notes.superuser.execute("insert into notes values ('by-sql', %s, 1)", [notes.me])
    # the facts of a user's syncs are one row, so the pull ends when the push does; it has read before
    pulling = pool.submit(link_of(phone).pull, last_pulled_at=phone.cursor)
    wait_for_lock(notes.superuser, link_of(phone).connection.info.backend_pid)
    session.commit()
    answer = pulling.result(20)
    assert [raw["id"] for raw in answer["changes"]["notes"]["created"]] == ["by-sql"]
    phone.apply(answer)
    notes.settled(phone, other)
    assert "new" in other.contents("notes")


@each_policy
def test_writers_in_the_other_order_end_in_a_deadlock_that_harms_nothing(
    notes: Notes, pool: ThreadPoolExecutor
) -> None:
    phone = notes.device("one")
    phone.edit("notes", "n1", value=100)
    phone.edit("notes", "n5", value=500)
    # the writer finds the deadlock, and soon
    writer = notes.database.connect(options="-c deadlock_timeout=10ms")
    writer.execute("update notes set value = 55 where id = 'n5'")
    pushing = pool.submit(phone.synchronize)
    wait_for_lock(notes.superuser, link_of(phone).connection.info.backend_pid)
    try:
        writer.execute("update notes set value = 11 where id = 'n1'")
        writer.commit()
    except psycopg.errors.DeadlockDetected:
        writer.rollback()
    try:
        pushing.result(20)
    except RefusedError as error:
        assert error.code in ("40P01", "40001", "SW304")  # noqa: PT017
    notes.settled(phone)
