"""Sessions are merged while their rows arrive: nothing is lost, nothing stays behind; without the lock it would."""

from __future__ import annotations

import contextlib
import datetime
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.damaged import WRONG_COUNTS
from harness.wait import wait_for_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Database

Connection = psycopg.Connection[Any]

UNLOCKED = """
create or replace function syncwell._lock_sessions(p_org_id uuid, p_user_id uuid, p_is_exclusive boolean)
returns void language plpgsql as 'begin end'
"""
READ = "select syncwell.ingest_batch('reading', %s, p_session => %s)"
# what both may have and still be one
ANSWER = "select syncwell.ingest_batch('survey_inter', %s, p_session => %s)"
MERGE = "select kept_id, removed_id from syncwell.merge_duplicate_sessions(false)"
REVERT = "select syncwell.revert_session_merge(merge_id) from syncwell.get_session_merges(1)"
LEFT_BEHIND = "select count(*) from syncwell.session_counts where not has_session"
YESTERDAY = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)).replace(
    minute=0, second=0, microsecond=0
)


def readings(first: int, count: int, start: datetime.datetime = YESTERDAY) -> str:
    """So many, one a second."""
    second = int(start.timestamp()) + first
    return json.dumps([{"occurred_at": (second + n) * 1000, "spo2": 80 + n % 20} for n in range(count)])


def answers(first: int, count: int, start: datetime.datetime = YESTERDAY) -> str:
    """So many, one a second."""
    second = int(start.timestamp()) + first
    return json.dumps([{"occurred_at": (second + n) * 1000, "mood": n} for n in range(count)])


def start(device: Connection, name: str, *, seconds: int = 0, hours: int = 0) -> None:
    at = YESTERDAY - datetime.timedelta(hours=hours) + datetime.timedelta(seconds=seconds)
    device.execute("select syncwell.start_session(%s, %s)", [name, at])


def value(connection: Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def device(database: Database) -> Connection:
    """A device that has begun one session twice, and sent a reading for each."""
    device = database.connect("a_member", autocommit=True)
    start(device, "IHHT_1")
    start(device, "ihht-1", seconds=10)
    device.execute(READ, [readings(0, 2), "IHHT_1"])
    return device


@pytest.fixture
def owner(database: Database) -> Connection:
    return database.connect(autocommit=True)


@pytest.fixture
def admin(database: Database) -> Connection:
    return database.connect("a_admin", autocommit=True)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as executor:
        yield executor


@pytest.mark.usefixtures("device")
def test_a_batch_that_is_under_way_is_merged_too(
    database: Database, owner: Connection, admin: Connection, pool: ThreadPoolExecutor
) -> None:
    slow = database.connect("a_member")
    slow.execute(ANSWER, [answers(5, 3), "ihht-1"])
    merging = pool.submit(lambda: admin.execute(MERGE).fetchall())
    wait_for_lock(owner, admin.info.backend_pid)
    slow.commit()
    ((kept, _),) = merging.result(30)
    found = owner.execute("select session_id, kind, records from syncwell.session_counts order by kind").fetchall()
    assert found == [(kept, "reading", 2), (kept, "survey_inter", 3)]
    assert value(owner, WRONG_COUNTS) == 0


@pytest.mark.parametrize("locked", [True, False])
def test_a_batch_that_comes_meanwhile_goes_to_the_kept_session(
    database: Database, device: Connection, owner: Connection, pool: ThreadPoolExecutor, *, locked: bool
) -> None:
    """The control without the lock: it does not see the merge, and what it writes belongs to a session that is gone."""
    if not locked:
        owner.execute(UNLOCKED)
    admin = database.connect("a_admin")
    ((kept, removed),) = admin.execute(MERGE).fetchall()
    sending = pool.submit(lambda: device.execute(ANSWER, [answers(5, 3), "ihht-1"]).fetchone())
    wait_for_lock(owner, device.info.backend_pid)
    admin.commit()
    (answer,) = sending.result(30) or [None]
    assert answer["session_id"] == str(kept if locked else removed)
    found = owner.execute("select session_id, sum(records) from syncwell.session_counts group by 1").fetchall()
    assert sorted(found) == ([(kept, 5)] if locked else sorted([(kept, 2), (removed, 3)]))


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("change", [MERGE, REVERT])
def test_a_transaction_that_can_not_see_the_merge_is_sent_anew(
    database: Database, owner: Connection, admin: Connection, change: str
) -> None:
    if change == REVERT:
        admin.execute(MERGE)
    old = database.connect("a_member")
    old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    old.execute("select count(*) from syncwell.local_ids")
    admin.execute(change.encode())
    with pytest.raises(psycopg.errors.SerializationFailure):
        old.execute(ANSWER, [answers(5, 3), "ihht-1"])
    old.rollback()
    assert value(owner, LEFT_BEHIND) == 0


def test_records_without_a_session_stay_behind_no_more_than_others(
    database: Database, device: Connection, owner: Connection, admin: Connection
) -> None:
    """No row of a session tells such a transaction that it is gone: the names do."""
    device.execute(ANSWER, [answers(0, 3), "IHHT 1"])
    old = database.connect("a_member")
    old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    old.execute("select count(*) from syncwell.local_ids")
    assert len(admin.execute("select * from syncwell.merge_duplicate_sessions(false)").fetchall()) == 2
    with pytest.raises(psycopg.errors.SerializationFailure):
        old.execute(ANSWER, [answers(5, 3), "IHHT 1"])
    old.rollback()
    assert value(owner, LEFT_BEHIND) == 0


def test_a_batch_waits_for_a_revert(
    database: Database, device: Connection, owner: Connection, admin: Connection, pool: ThreadPoolExecutor
) -> None:
    admin.execute(MERGE)
    reverting = database.connect("a_admin")
    reverting.execute(REVERT)
    sending = pool.submit(lambda: device.execute(READ, [readings(5, 3), "ihht-1"]).fetchone())
    wait_for_lock(owner, device.info.backend_pid)
    reverting.commit()
    sending.result(30)
    rows = owner.execute(
        "select local_id, records from syncwell.session_counts join syncwell.sync_sessions using (org_id, session_id)"
    ).fetchall()
    assert sorted(rows) == [("IHHT_1", 2), ("ihht-1", 3)]


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("locked", [True, False])
def test_two_merges_at_once_merge_once(
    database: Database, owner: Connection, pool: ThreadPoolExecutor, *, locked: bool
) -> None:
    """The control without the lock: the second one merges what the first has merged."""
    if not locked:
        owner.execute(UNLOCKED)
    first, second = database.connect("a_admin"), database.connect("a_admin")
    assert len(first.execute(MERGE).fetchall()) == 1
    merging = pool.submit(lambda: second.execute(MERGE).fetchall())
    wait_for_lock(owner, second.info.backend_pid)
    first.commit()
    if locked:
        assert merging.result(30) == []
        second.commit()
        assert value(owner, "select count(*) from syncwell.session_merges") == 1
    else:
        with pytest.raises(psycopg.Error):
            merging.result(30)


def test_devices_send_while_sessions_are_merged_and_reverted(
    database: Database, owner: Connection, pool: ThreadPoolExecutor
) -> None:
    """Every answer that was acknowledged is there once, under its session, and counted."""
    names = [(f"S_{n}", f"s-{n}") for n in range(6)]
    device = database.connect("a_member", autocommit=True)
    for n, (name, other) in enumerate(names):
        start(device, name, hours=n)
        start(device, other, hours=n, seconds=5)
    stop = threading.Event()

    def send(number: int) -> int:
        chance = random.Random(number)  # noqa: S311
        session = database.connect("a_member", autocommit=True)
        for batch in range(25):
            n = chance.randrange(6)
            at = YESTERDAY - datetime.timedelta(hours=n)
            rows = answers(number * 100 + batch * 4, 4, at)
            answer = session.execute(ANSWER, [rows, chance.choice(names[n])]).fetchone()
            assert answer is not None
            assert answer[0]["inserted"] == 4
        return 100

    def merge(number: int) -> None:
        session = database.connect("a_admin", autocommit=True)
        while not stop.is_set():
            with contextlib.suppress(psycopg.errors.DatabaseError) if number else contextlib.nullcontext():
                session.execute("select syncwell.merge_duplicate_sessions(false, p_again => true)")
            if number:
                with contextlib.suppress(psycopg.errors.DatabaseError):
                    session.execute(REVERT)

    merging = [pool.submit(merge, number) for number in range(2)]
    sent = sum(future.result(60) for future in [pool.submit(send, number) for number in range(5)])
    stop.set()
    for future in merging:
        future.result(60)
    admin = database.connect("a_admin", autocommit=True)
    admin.execute("select syncwell.merge_duplicate_sessions(false, p_again => true)")
    assert value(owner, "select count(*) from syncwell.session_records") == sent
    assert value(owner, "select count(*) from syncwell.sync_sessions") == 6
    assert value(owner, LEFT_BEHIND) == 0
    assert value(owner, WRONG_COUNTS) == 0
