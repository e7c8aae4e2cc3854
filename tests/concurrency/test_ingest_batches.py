"""Batches that meet: each row once, no deadlock, exact hours and counts, nothing half there after a crash."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import random
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import Tenants
from harness.wait import wait_for_lock, wait_until
from syncwell import migrate
from syncwell.embedded import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness import Database

Connection = psycopg.Connection[Any]

START = datetime.datetime.now(datetime.UTC).replace(minute=0, second=0, microsecond=0) - datetime.timedelta(hours=3)
EVENTS = "select syncwell.ingest_batch('event', %s, 'calls', p_record => false)"
READINGS = "select syncwell.ingest_batch('reading', %s, p_session => 'S1')"
HOURS = """
with counted as (
  select stream_id, date_trunc('hour', occurred_at, 'UTC') as hour, count(*) as events from syncwell.data_events
  group by 1, 2
)
select count(*) from counted as c full join syncwell.event_hours as h using (stream_id, hour)
where c.events is distinct from h.events
"""
KNOWN = """
select count(*) from syncwell.data_events as e join syncwell.data_event_keys as k using (org_id, id, occurred_at)
"""
DIFFERENT_COUNTS = """
select count(*) from syncwell.session_counts as c
where (c.records, c.spo2_sum, c.spo2_min) is distinct from (
  select (count(*), sum(r.spo2::numeric), min(r.spo2)) from syncwell.session_records as r
  where r.session_id = c.session_id and r.kind = c.kind
)
"""


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(64) as executor:
        yield executor


@pytest.fixture
def admin(database: Database) -> Connection:
    return database.connect(autocommit=True)


def together(pool: ThreadPoolExecutor, work: Callable[[int], None], count: int) -> None:
    """Runs work(0), work(1), … all let go at the same moment; raises what any of them raised."""
    gate = threading.Barrier(count)

    def go(number: int) -> None:
        gate.wait(30)
        work(number)

    for future in [pool.submit(go, number) for number in range(count)]:
        future.result(120)


def value(connection: Connection, query: str) -> Any:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def without(admin: Connection, function: str, part: str, instead: str) -> None:
    """The failing control: the same function without what the test is about."""
    row = admin.execute("select pg_get_functiondef(%s::regproc)", [f"syncwell.{function}"]).fetchone()
    assert row is not None
    assert part in row[0]
    admin.execute(row[0].replace(part, instead).encode())


def event(name: str, written: int = 0, hour: int = 0) -> dict[str, Any]:
    return {
        "external_id": name,
        "occurred_at": (START + datetime.timedelta(hours=hour)).isoformat(),
        "written_at": (START + datetime.timedelta(seconds=written)).isoformat(),
        "version": written,
    }


def reading(second: int, written: int = 0, spo2: float = 97.3) -> dict[str, Any]:
    return {
        "occurred_at": (START + datetime.timedelta(seconds=second)).isoformat(),
        "written_at": (START + datetime.timedelta(seconds=written)).isoformat(),
        "spo2": spo2,
    }


def send(connection: Connection, query: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    row = connection.execute(query, [json.dumps(rows)]).fetchone()
    assert row is not None
    answer: dict[str, Any] = row[0]
    assert answer["success"]
    return answer


@pytest.mark.parametrize(("query", "table"), [(EVENTS, "data_events"), (READINGS, "session_records")])
def test_the_same_batch_from_many_at_once_is_stored_once(
    database: Database, pool: ThreadPoolExecutor, admin: Connection, query: str, table: str
) -> None:
    rows = [event(f"e{n}") if query == EVENTS else reading(n) for n in range(200)]
    sessions = [database.connect("a_member", autocommit=True) for _ in range(16)]
    answers: list[dict[str, Any]] = []

    def work(number: int) -> None:
        mixed = random.Random(number).sample(rows, len(rows))  # noqa: S311 - the same every time
        answers.append(send(sessions[number], query, mixed))

    together(pool, work, 16)
    assert sum(answer["inserted"] for answer in answers) == 200
    assert sum(answer["duplicates"] for answer in answers) == 15 * 200
    assert value(admin, f"select count(*) from syncwell.{table}") == 200
    assert value(admin, HOURS) == value(admin, DIFFERENT_COUNTS) == 0


@pytest.fixture
def known(database: Database) -> None:
    """Stream and session are there: nobody waits for them to be made."""
    with database.connect("a_member", autocommit=True) as connection:
        send(connection, EVENTS, [event("first")])
        send(connection, READINGS, [reading(0)])


def cross(database: Database, admin: Connection, pool: ThreadPoolExecutor, query: str, rows: list[Any]) -> None:
    """Two batches with the same rows in opposite order meet in the middle, at a row that a third session holds."""
    first, middle, last = rows
    with database.connect("a_member") as holder:
        one, other = (database.connect("a_member", autocommit=True) for _ in range(2))
        send(holder, query, [middle])
        futures = []
        for connection, batch in ((one, [first, middle, last]), (other, [last, middle, first])):
            futures.append(pool.submit(send, connection, query, batch))
            wait_for_lock(admin, connection.info.backend_pid)
        holder.commit()
    answers = [future.result(60) for future in futures]
    assert sum(answer["inserted"] for answer in answers) == 2


@pytest.mark.usefixtures("known")
def test_batches_of_events_in_any_order_never_deadlock(
    database: Database, pool: ThreadPoolExecutor, admin: Connection
) -> None:
    cross(database, admin, pool, EVENTS, [event("a", 1), event("b", 2), event("c", 3)])
    assert value(admin, HOURS) == 0


@pytest.mark.usefixtures("known")
def test_batches_of_readings_in_any_order_never_deadlock(
    database: Database, pool: ThreadPoolExecutor, admin: Connection
) -> None:
    cross(database, admin, pool, READINGS, [reading(1), reading(2), reading(3)])
    assert value(admin, DIFFERENT_COUNTS) == 0


@pytest.mark.usefixtures("known")
def test_events_stored_in_the_order_in_which_they_are_sent_deadlock(
    database: Database, pool: ThreadPoolExecutor, admin: Connection
) -> None:
    without(admin, "_insert_events", 'order by e.external_id collate "C"', "order by e.payload ->> 'place'")
    middle = event("b") | {"place": "1"}
    with database.connect("a_member") as holder:
        send(holder, EVENTS, [middle])
        futures = []
        for order in ((0, 2), (2, 0)):
            connection = database.connect("a_member", autocommit=True)
            batch = [event("a") | {"place": order[0]}, middle, event("c") | {"place": order[1]}]
            futures.append(
                pool.submit(send, connection, EVENTS, [{**row, "place": str(row["place"])} for row in batch])
            )
            wait_for_lock(admin, connection.info.backend_pid)
        holder.commit()
    failures = [future.exception(60) for future in futures]
    assert [type(failure) for failure in failures if failure] == [psycopg.errors.DeadlockDetected]


@pytest.mark.parametrize("query", [EVENTS, READINGS])
def test_new_rows_and_corrections_mixed_never_deadlock(
    database: Database, pool: ThreadPoolExecutor, admin: Connection, query: str
) -> None:
    """Each batch has new rows, corrections of several others, versions of one row, in any order."""
    sessions = [database.connect("a_member", autocommit=True) for _ in range(12)]

    def work(number: int) -> None:
        rng = random.Random(number)  # noqa: S311 - the same every time
        for turn in range(12):
            rows = [
                event(f"e{rng.randrange(40 + 5 * turn)}", rng.randrange(1000), rng.randrange(3))
                if query == EVENTS
                else reading(rng.randrange(40 + 5 * turn), rng.randrange(1000), rng.randrange(900, 1000) / 10)
                for _ in range(25)
            ]
            send(sessions[number], query, rows)

    together(pool, work, 12)
    assert value(admin, HOURS) == value(admin, DIFFERENT_COUNTS) == 0
    assert value(admin, "select count(*) from syncwell.data_event_keys") == value(admin, KNOWN)


def two_writers_of_an_hour(database: Database, pool: ThreadPoolExecutor, admin: Connection) -> int:
    with database.connect("a_member") as one:
        send(one, EVENTS, [event("a")])
        other = database.connect("a_member", autocommit=True)
        future = pool.submit(send, other, EVENTS, [event("b")])
        wait_for_lock(admin, other.info.backend_pid)
        one.commit()
        future.result(60)
    different: int = value(admin, HOURS)
    return different


@pytest.mark.usefixtures("known")
def test_hours_are_exact_under_concurrent_writers(
    database: Database, pool: ThreadPoolExecutor, admin: Connection
) -> None:
    assert two_writers_of_an_hour(database, pool, admin) == 0


@pytest.mark.usefixtures("known")
def test_hours_that_are_counted_anew_lose_events(
    database: Database, pool: ThreadPoolExecutor, admin: Connection
) -> None:
    without(
        admin,
        "_count_hours",
        "events = h.events + excluded.events",
        "events = (select count(*) from syncwell.data_events as e where e.stream_id = h.stream_id)",
    )
    assert two_writers_of_an_hour(database, pool, admin) > 0


def correction_beside_a_batch(database: Database, pool: ThreadPoolExecutor, admin: Connection) -> int:
    with database.connect("a_member", autocommit=True) as connection:
        send(connection, READINGS, [reading(1), reading(2)])
    with database.connect("a_member") as one:
        send(one, READINGS, [reading(3, spo2=80)])
        other = database.connect("a_member", autocommit=True)
        future = pool.submit(send, other, READINGS, [reading(1, 60, 90)])
        wait_for_lock(admin, other.info.backend_pid)
        one.commit()
        future.result(60)
    different: int = value(admin, DIFFERENT_COUNTS)
    return different


def test_counts_are_exact_when_a_correction_meets_new_readings(
    database: Database, pool: ThreadPoolExecutor, admin: Connection
) -> None:
    assert correction_beside_a_batch(database, pool, admin) == 0


def test_counting_anew_before_the_others_are_done_loses_readings(
    database: Database, pool: ThreadPoolExecutor, admin: Connection
) -> None:
    without(admin, "_count_records", "for update;", ";")
    assert correction_beside_a_batch(database, pool, admin) > 0


def test_64_callers_of_one_name_get_one_id(database: Database, pool: ThreadPoolExecutor) -> None:
    sessions = [database.connect("a_member", autocommit=True) for _ in range(64)]
    answers: list[Any] = []

    def work(number: int) -> None:
        query = "select server_id, created from syncwell.resolve_local_id('session', 'S1', %s)"
        answers.append(sessions[number].execute(query, [f"device {number}"]).fetchone())

    together(pool, work, 64)
    assert len({answer[0] for answer in answers}) == 1
    assert sum(answer[1] for answer in answers) == 1


def test_an_old_snapshot_has_to_begin_anew(database: Database) -> None:
    """REPEATABLE READ does not see what somebody else stored since: told so, and stored on the second try."""
    with database.connect("a_member", autocommit=True) as other:
        for query, row in ((EVENTS, event("a")), (READINGS, reading(1))):
            old = database.connect("a_member")
            old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            old.execute("select 1")
            send(other, query, [row])
            with pytest.raises(psycopg.errors.SerializationFailure):
                send(old, query, [row])
            old.rollback()
            assert send(old, query, [row])["duplicates"] == 1
            old.commit()


def heard(listener: psycopg.Connection[Any], sender: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """All that was told before now: they come in order, and late where the machine is busy."""
    sender.execute("select pg_notify('syncwell_sessions', '{}')")
    found: list[dict[str, Any]] = []
    for notice in listener.notifies(timeout=30):
        told = json.loads(notice.payload)
        if not told:
            return found
        found.append(told)
    pytest.fail("the last notice did not come")


def test_a_running_session_tells_of_batches_that_changed_something(database: Database) -> None:
    listener = database.connect(autocommit=True)
    listener.execute("listen syncwell_sessions")
    with database.connect("a_member", autocommit=True) as device:
        send(device, READINGS, [reading(1)])
        device.execute("select syncwell.start_session('S1')")
        heard(listener, device)
        answer = send(device, READINGS, [reading(2), reading(3)])
        send(device, READINGS, [reading(2)])
        (told,) = heard(listener, device)
        assert set(told) == {"org", "session", "kind"}
        assert told["session"] == answer["session_id"]
        device.execute("select syncwell.complete_session('S1')")
        heard(listener, device)
        send(device, READINGS, [reading(4)])
        assert not heard(listener, device)


class Durable(Server):
    """A server that keeps its promises, and can be killed."""

    def __init__(self) -> None:
        super().__init__(settings={"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"})

    def crash(self) -> None:
        """kill -9 of the postmaster and all of its processes."""
        with psycopg.connect(self.uri(), autocommit=True) as connection:
            children = [row[0] for row in connection.execute("select pid from pg_stat_activity").fetchall()]
        process = self._process
        assert process is not None
        process.kill()
        process.wait(20)
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until("the server's processes to be gone", lambda: not any(map(alive, children)))

    def restart(self) -> None:
        """Start again on what is left on the disk."""
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)
        self._start_postmaster()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


@pytest.fixture
def durable() -> Iterator[Durable]:
    """With syncwell and one user in it."""
    with Durable() as server:
        with psycopg.connect(server.uri(), autocommit=True) as connection:
            connection.execute(migrate.roles_sql().encode())
            migrate.migrate(connection)
            connection.execute("create role device login")
            connection.execute("grant syncwell_client, syncwell_worker to device")
            connection.execute("select syncwell.register_org('Org', %s)", [Tenants.org("a")])
            connection.execute("select syncwell.register_user(%s, %s)", [Tenants.org("a"), Tenants.id("a_member")])
            connection.execute(
                "select syncwell.bind_login('device', 'user', %s, %s)", [Tenants.org("a"), Tenants.id("a_member")]
            )
        yield server


def test_batches_survive_a_crash_of_the_server_whole_or_are_absent(durable: Durable, pool: ThreadPoolExecutor) -> None:
    """kill -9 in the middle of many batches: what was acknowledged is there once, no other is there in part."""
    acknowledged: set[str] = set()
    enough = threading.Event()

    def device(number: int) -> None:
        with psycopg.connect(durable.uri(user="device"), autocommit=True) as connection:
            for turn in range(10_000):
                batch = f"{number}-{turn}"
                send(connection, EVENTS, [event(f"{batch}-{n}") for n in range(20)])
                acknowledged.add(batch)
                if len(acknowledged) > 40:
                    enough.set()

    futures = [pool.submit(device, number) for number in range(4)]
    assert enough.wait(60)
    durable.crash()
    for future in futures:
        with pytest.raises(psycopg.OperationalError):
            future.result(60)
    durable.restart()
    with psycopg.connect(durable.uri(), autocommit=True) as admin:
        stored = dict(
            admin.execute(
                "select regexp_replace(external_id, '-[0-9]+$', ''), count(*) from syncwell.data_events group by 1"
            ).fetchall()
        )
        assert acknowledged <= stored.keys()
        assert set(stored.values()) == {20}
        assert value(admin, HOURS) == 0
        with psycopg.connect(durable.uri(user="device"), autocommit=True) as connection:
            for batch in acknowledged:
                assert send(connection, EVENTS, [event(f"{batch}-{n}") for n in range(20)])["duplicates"] == 20
