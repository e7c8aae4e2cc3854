"""Sessions under concurrency: one however many start it, none without its records, none lost; naive ways fail."""

from __future__ import annotations

import json
import random
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import Tenants
from harness.wait import wait_for_lock, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness import Database

Connection = psycopg.Connection[Any]

START = "select session_id, created from syncwell.start_session('IHHT_1', p_source => 'ihht')"
# what everybody writes first
NAIVE_START = """
insert into public.naive_sessions (local_id)
select 'IHHT_1' where not exists (select from public.naive_sessions where local_id = 'IHHT_1')
"""
# and what looks right: one statement, under the row's lock
NAIVE_COMPLETE = """
update syncwell.sync_sessions as s
set
  status = 'completed', expected = '{"reading": 2}',
  sync_status = case
    when (select c.records from syncwell.session_counts as c where c.session_id = s.session_id and c.kind = 'reading')
      >= 2 then 'completed' else 'syncing'
  end
"""
NO_LOCK = """
create or replace function syncwell._lock_sessions(p_org_id uuid, p_user_id uuid, p_is_exclusive boolean)
returns void language sql as ''
"""


def reading(minute: int, spo2: float = 97, day: int = 1) -> dict[str, Any]:
    return {"occurred_at": f"2026-11-{day:02}T10:{minute:02}:00Z", "spo2": spo2}


def batch(connection: Connection, rows: list[dict[str, Any]], kind: str = "reading", session: str = "IHHT_1") -> Any:
    row = connection.execute(
        "select syncwell.ingest_batch(%s, %s, p_session => %s)", [kind, json.dumps(rows), session]
    ).fetchone()
    assert row is not None
    return row[0]


def start(connection: Connection) -> Any:
    return connection.execute(START).fetchone()


def complete(connection: Connection) -> Any:
    """Ends the session, which is told to have two readings."""
    row = connection.execute(
        "select syncwell.complete_session('IHHT_1', p_expected => %s)", ['{"reading": 2}']
    ).fetchone()
    assert row is not None
    return row[0]


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
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_64_devices_start_one_session(database: Database, pool: ThreadPoolExecutor, admin: Connection) -> None:
    devices = [database.connect("a_member", autocommit=True) for _ in range(64)]
    started: list[Any] = []
    together(pool, lambda number: started.append(devices[number].execute(START).fetchone()), 64)
    assert len({row[0] for row in started}) == 1
    assert sorted(row[1] for row in started) == [False] * 63 + [True]
    assert value(admin, "select count(*) from syncwell.sync_sessions") == 1


def test_who_cannot_see_the_session_is_told_to_try_again(database: Database, admin: Connection) -> None:
    """A snapshot from before: that another one made it is no violation of a key, but worth another try."""
    admin.execute("set session authorization a_member")
    batch(admin, [reading(1)])  # before its session, whose name is known from here on
    blind = database.connect("a_member")
    blind.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    blind.execute("select syncwell.who_am_i()")
    assert start(admin)[1] is True
    with pytest.raises(psycopg.errors.SerializationFailure):
        start(blind)
    blind.rollback()
    assert start(blind)[1] is False


def test_looking_before_inserting_starts_more_than_one(
    database: Database, pool: ThreadPoolExecutor, admin: Connection
) -> None:
    admin.execute("create table public.naive_sessions (id bigint generated always as identity, local_id text)")
    devices = [database.connect() for _ in range(64)]
    gate = threading.Barrier(64)

    def naive(number: int) -> None:
        devices[number].execute(NAIVE_START)
        gate.wait(30)
        devices[number].commit()

    together(pool, naive, 64)
    assert value(admin, "select count(*) from public.naive_sessions") > 1


@pytest.fixture
def devices(database: Database) -> tuple[Connection, Connection]:
    """Two of one user, who has named the session before; the second one commits by itself."""
    with database.connect("a_member") as connection:
        connection.execute("select syncwell.resolve_local_id('session', 'IHHT_1')")
    return database.connect("a_member"), database.connect("a_member", autocommit=True)


def beside(pool: ThreadPoolExecutor, admin: Connection, other: Connection, work: Callable[[], Any]) -> Future[Any]:
    """Begun in the session `other`; comes back once that waits for a lock or is done."""
    future = pool.submit(work)

    def settled() -> bool:
        waits = value(admin, f"select cardinality(pg_blocking_pids({other.info.backend_pid})) > 0")
        return bool(waits) or future.done()

    wait_until("the second device to wait, or to be done", settled)
    return future


@pytest.mark.parametrize("first", ["batch", "start"])
@pytest.mark.parametrize("locked", [True, False])
def test_no_session_is_without_what_came_before_it(
    pool: ThreadPoolExecutor,
    admin: Connection,
    devices: tuple[Connection, Connection],
    first: str,
    locked: bool,
) -> None:
    if not locked:
        admin.execute(NO_LOCK)
    one, other = devices
    if first == "batch":
        batch(one, [reading(1)])
        future = beside(pool, admin, other, lambda: start(other))
    else:
        start(one)
        future = beside(pool, admin, other, lambda: batch(other, [reading(1)]))
    assert future.done() != locked
    one.commit()
    future.result(30)
    assert value(admin, "select count(*) from syncwell.sync_sessions") == 1
    assert value(admin, "select has_session from syncwell.session_counts") == locked
    if locked:
        # a batch that comes before its session is its own, too
        assert value(admin, "select sync_status from syncwell.sync_sessions") == "syncing"


@pytest.mark.parametrize("first", ["batch", "complete"])
def test_the_last_batch_and_the_end_at_once(
    pool: ThreadPoolExecutor, admin: Connection, devices: tuple[Connection, Connection], first: str
) -> None:
    one, other = devices
    start(other)
    batch(other, [reading(1)])
    if first == "batch":
        batch(one, [reading(2)])
        future = beside(pool, admin, other, lambda: complete(other))
    else:
        complete(one)
        future = beside(pool, admin, other, lambda: batch(other, [reading(2)]))
    assert not future.done()
    one.commit()
    answer = future.result(30)
    assert value(admin, "select sync_status from syncwell.sync_sessions") == "completed"
    if first == "batch":
        assert answer["complete"]


def test_completing_in_one_statement_misses_the_last_batch(
    database: Database, pool: ThreadPoolExecutor, admin: Connection, devices: tuple[Connection, Connection]
) -> None:
    one, other = devices
    start(other)
    batch(other, [reading(1)])
    batch(one, [reading(2)])
    naive = database.connect(autocommit=True)
    future = beside(pool, admin, naive, lambda: naive.execute(NAIVE_COMPLETE))
    one.commit()
    future.result(30)
    assert value(admin, "select records from syncwell.session_counts") == 2
    assert value(admin, "select sync_status from syncwell.sync_sessions") == "syncing"


HOLD = """
create function public.hold() returns trigger language plpgsql as $$
begin
  if new.kind = 'reading' and current_setting('application_name') = 'phone' then
    perform pg_advisory_xact_lock_shared(42);
  end if;
  return new;
end $$;
grant execute on function public.hold() to public;
create trigger hold before insert on syncwell.session_records for each row execute function public.hold();
"""


@pytest.mark.parametrize("marks_last", [True, False])
def test_a_document_and_a_batch_never_deadlock(
    database: Database,
    pool: ThreadPoolExecutor,
    admin: Connection,
    devices: tuple[Connection, Connection],
    marks_last: bool,
) -> None:
    """The document is held between two kinds of records, while a batch of the second of them is written."""
    one, other = devices
    start(other)
    admin.execute(HOLD)
    admin.execute(f"alter database {database.name} set deadlock_timeout = '20ms'".encode())
    if not marks_last:
        # what is simplest: each kind is stored and marked
        text = value(admin, "select pg_get_functiondef('syncwell._store_document'::regproc)")
        mark = "perform syncwell._fill_session(p_told, p_now, p_default_source, true);\n    "
        naive = text.replace("v_inserted := v_inserted +", f"{mark}v_inserted := v_inserted +", 1)
        assert naive != text
        admin.execute(naive.encode())
    phone = database.connect("a_member", autocommit=True, application_name="phone")
    document = {
        "local_id": "IHHT_1",
        "adaptive_events": [{"occurred_at": "2026-11-01T10:01:00Z", "payload": {"mask": "off"}}],
        "readings": [reading(1)],
    }
    admin.execute("select pg_advisory_lock(42)")
    sent = pool.submit(phone.execute, "select syncwell.sync_session(%s)", [json.dumps(document)])
    wait_for_lock(admin, phone.info.backend_pid)
    batched = beside(pool, admin, one, lambda: batch(one, [reading(2)]))
    assert batched.done() == marks_last
    admin.execute("select pg_advisory_unlock(42)")
    if marks_last:
        wait_for_lock(admin, phone.info.backend_pid)
        one.commit()
        row = sent.result(30).fetchone()
        assert row is not None
        assert row[0]["inserted"] == 2
    else:
        for future in (batched, sent):
            error = future.exception(30)
            assert error is None or isinstance(error, psycopg.errors.DeadlockDetected)
            one.rollback()
    assert (deadlocks(admin, phone, one, other) == 0) == marks_last


def deadlocks(admin: Connection, *sessions: Connection) -> int:
    """How many there were: counted when the sessions have gone."""
    for session in sessions:
        session.close()
    gone = "select count(*) = 0 from pg_stat_activity where datname = current_database() and usename = 'a_member'"
    wait_until("the sessions to end", lambda: value(admin, gone))
    return int(value(admin, "select deadlocks from pg_stat_database where datname = current_database()"))


def test_one_document_from_eight_devices(database: Database, pool: ThreadPoolExecutor, admin: Connection) -> None:
    document = json.dumps({"local_id": "IHHT_1", "readings": [reading(minute) for minute in range(50)]})
    phones = [database.connect("a_member", autocommit=True) for _ in range(8)]
    answers: list[Any] = []

    def send(number: int) -> None:
        row = phones[number].execute("select syncwell.sync_session(%s)", [document]).fetchone()
        assert row is not None
        answers.append(row[0])

    together(pool, send, 8)
    assert all(answer["success"] for answer in answers)
    assert sum(answer["created"] for answer in answers) == 1
    assert sum(answer["already_synced"] for answer in answers) == 7
    assert sum(answer["inserted"] for answer in answers) == 50
    assert value(admin, "select count(*) from syncwell.session_records") == 50
    assert admin.execute("select records, has_session from syncwell.session_counts").fetchall() == [(50, True)]
    assert value(admin, "select sync_attempts from syncwell.sync_sessions") == 8


def test_a_thousand_sessions_at_once(database: Database, pool: ThreadPoolExecutor, admin: Connection) -> None:
    """All of them run before the first one ends; batches come in any order, some twice, some before their session."""
    users = [f"u{number}" for number in range(50)]
    for user in users:
        admin.execute("select syncwell.register_user(%s, %s)", [Tenants.org("a"), Tenants.id(user)])
    all_running = threading.Barrier(10)

    def device(number: int) -> None:
        chance = random.Random(number)  # noqa: S311
        service = database.connect("a_service", autocommit=True)
        mine = [(Tenants.id(user), f"S{place}") for user in users[number::10] for place in range(20)]
        work = [(one, part) for one in mine for part in ("start", "first", "second")]
        work += chance.sample(work, 20)
        chance.shuffle(work)
        for (user, session), part in work:
            if part == "start":
                service.execute("select syncwell.start_session(%s, p_user_id => %s)", [session, user])
                continue
            rows = [reading(minute + (10 if part == "second" else 0)) for minute in range(10)]
            service.execute(
                "select syncwell.ingest_batch('reading', %s, p_session => %s, p_user_id => %s)",
                [json.dumps(rows), session, user],
            )
        all_running.wait(60)
        for user, session in mine:
            row = service.execute(
                "select syncwell.complete_session(%s, p_expected => %s, p_user_id => %s) ->> 'complete'",
                [session, '{"reading": 20}', user],
            ).fetchone()
            assert row == ("true",)

    together(pool, device, 10)
    found = admin.execute(
        "select count(*), count(distinct (user_id, local_id)),"
        " count(*) filter (where status = 'completed' and sync_status = 'completed') from syncwell.sync_sessions"
    ).fetchone()
    assert found == (1000, 1000, 1000)
    assert value(admin, "select count(*) from syncwell.session_records") == 20_000
    assert value(admin, "select count(*) from syncwell.session_counts where records = 20 and has_session") == 1000
