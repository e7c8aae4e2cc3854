"""The queue under concurrency: one row a twin, each effect once, order kept, nothing stuck; naive ways fail."""

from __future__ import annotations

import contextlib
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness import Database

Connection = psycopg.Connection[Any]

ENQUEUE = "select operation_id, deduplicated from syncwell.enqueue_operation('send', '{\"to\": 1}')"
# what everybody writes first
NAIVE = """
with twin as (select id from public.naive_queue where payload = '{"to": 1}' and status in ('pending', 'processing'))
insert into public.naive_queue (payload) select '{"to": 1}' where not exists (select from twin)
"""
EFFECT = "insert into public.effects (operation_id, payload) values (%s, %s)"
CLAIM = "select operation_id, payload, lease_token from syncwell.claim_operations(%s, '1 second')"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(64) as executor:
        yield executor


def together(pool: ThreadPoolExecutor, work: Callable[[int], None], count: int) -> None:
    """Runs work(0), work(1), … all let go at the same moment; raises what any of them raised."""
    gate = threading.Barrier(count)

    def go(number: int) -> None:
        gate.wait(30)
        work(number)

    for future in [pool.submit(go, number) for number in range(count)]:
        future.result(120)


def count(connection: Connection, query: str) -> Any:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def admin(database: Database) -> Connection:
    return database.connect(autocommit=True)


def test_64_callers_of_one_operation_make_one_row(
    database: Database, pool: ThreadPoolExecutor, admin: Connection
) -> None:
    sessions = [database.connect("a_member", autocommit=True) for _ in range(64)]
    ids = []
    together(pool, lambda number: ids.append(sessions[number].execute(ENQUEUE).fetchone()), 64)
    assert len({row[0] for row in ids if row}) == 1
    assert sorted(row[1] for row in ids if row) == [False] + [True] * 63
    assert count(admin, "select count(*) from syncwell.sync_queue") == 1


def test_looking_before_inserting_makes_more_than_one(
    database: Database, pool: ThreadPoolExecutor, admin: Connection
) -> None:
    admin.execute(
        "create table public.naive_queue (id bigint generated always as identity, payload jsonb,"
        " status text default 'pending')"
    )
    sessions = [database.connect(autocommit=False) for _ in range(64)]
    for session in sessions:
        session.execute("select 1")
    gate = threading.Barrier(64)

    def naive(number: int) -> None:
        sessions[number].execute(NAIVE)
        gate.wait(30)
        sessions[number].commit()

    together(pool, naive, 64)
    assert count(admin, "select count(*) from public.naive_queue") > 1


def worker(database: Database, stop: threading.Event, *, batch: int) -> Callable[[int], None]:
    """Claims, works and completes, each operation in one transaction with its effect; a new session when killed."""

    def work(number: int) -> None:
        chance = random.Random(number)  # noqa: S311
        while not stop.is_set():
            session = database.connect("a_service", autocommit=True)
            try:
                while not stop.is_set():
                    claimed = session.execute(CLAIM, [batch]).fetchall()
                    for operation_id, payload, token in claimed:
                        if chance.random() < 0.1:
                            session.execute(
                                "select from syncwell.fail_operation(%s, %s, 'down', 'ECONNRESET')",
                                [operation_id, token],
                            )
                            continue
                        with session.transaction() as transaction:
                            session.execute(EFFECT, [operation_id, json.dumps(payload)])
                            row = session.execute(
                                "select outcome from syncwell.complete_operations(%s, %s)", [[operation_id], token]
                            ).fetchone()
                            assert row is not None
                            if row[0] != "completed":
                                raise psycopg.Rollback(transaction)
            except psycopg.errors.AdminShutdown:
                continue
            except psycopg.OperationalError:
                continue
            except psycopg.Error as error:
                # its lease ran out while it slept
                if error.sqlstate not in ("SW401", "SW402"):
                    raise

    return work


@pytest.fixture
def effects(admin: Connection) -> Connection:
    admin.execute(
        "create table public.effects (n bigint generated always as identity, operation_id uuid, payload jsonb);"
        " grant insert, select on public.effects to public;"
        " select syncwell.set_setting('retry.jitter', 'full');"
        " select syncwell.set_setting('retry.base', '1 millisecond');"
        " select syncwell.set_setting('retry.cap', '20 milliseconds');"
        " select syncwell.set_setting('queue.max_attempts', '100')"
    )
    return admin


@contextlib.contextmanager
def working(database: Database, pool: ThreadPoolExecutor, admin: Connection, *, batch: int = 5) -> Iterator[None]:
    """Eight workers meanwhile, and on until the queue is empty."""
    stop = threading.Event()
    workers = [pool.submit(worker(database, stop, batch=batch), number) for number in range(8)]
    try:
        yield
        wait_until("the queue to be empty", lambda: count(admin, "select count(*) from syncwell.sync_queue") == 0, 60)
    finally:
        stop.set()
    for future in workers:
        future.result(60)


def test_8_producers_and_8_workers_that_are_killed_do_each_operation_once(
    database: Database, pool: ThreadPoolExecutor, effects: Connection
) -> None:
    sessions = [database.connect("a_member", autocommit=True) for _ in range(8)]

    def produce(number: int) -> None:
        for n in range(60):
            # each of the operations is sent twice, by two producers
            sessions[number].execute(
                "select from syncwell.enqueue_operation('send', %s, p_dedup_key => %s)",
                [json.dumps({"n": n, "pair": number // 2}), f"{number // 2}.{n}"],
            )

    with working(database, pool, effects):
        produced = pool.submit(together, pool, produce, 8)
        for _ in range(30):
            effects.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where usename = 'a_service' and datname = current_database() order by random() limit 1"
            )
            threading.Event().wait(0.05)
        produced.result(60)
    # a twin that came when the first one was done is another operation: as many effects as operations, each once
    assert count(effects, "select count(*) from syncwell.sync_queue_archive where status = 'completed'") == count(
        effects, "select count(*) from public.effects"
    )
    assert count(effects, "select count(*) - count(distinct operation_id) from public.effects") == 0
    assert count(effects, "select count(distinct payload) from public.effects") == 240


def test_completing_without_the_lease_does_things_twice(database: Database, effects: Connection) -> None:
    """The control: a worker that slept through its lease, and does not look what became of it."""
    database.connect("a_member", autocommit=True).execute(ENQUEUE)
    sessions = [database.connect("a_service", autocommit=True) for _ in range(2)]
    for session in sessions:
        [(operation_id, payload, _)] = session.execute(CLAIM, [1]).fetchall()
        session.execute(EFFECT, [operation_id, json.dumps(payload)])
        effects.execute("update syncwell.sync_queue set run_at = run_at - interval '1 hour'")
    assert count(effects, "select count(*) - count(distinct operation_id) from public.effects") == 1


def test_order_is_kept_however_many_send_and_work(
    database: Database, pool: ThreadPoolExecutor, effects: Connection
) -> None:
    sessions = [database.connect("a_member", autocommit=True) for _ in range(8)]

    def produce(number: int) -> None:
        for n in range(15):
            batch = [
                {"operation_type": "x", "payload": {"by": number, "n": n, "part": part}, "ordering_key": f"k{part % 2}"}
                for part in range(4)
            ]
            sessions[number].execute("select from syncwell.enqueue_operations(%s)", [json.dumps(batch)])

    with working(database, pool, effects):
        together(pool, produce, 8)
    rows = effects.execute("select payload from public.effects order by n").fetchall()
    assert len(rows) == 8 * 15 * 4
    for key in (0, 1):
        for producer in range(8):
            sequence = [(row["n"], row["part"]) for (row,) in rows if row["by"] == producer and row["part"] % 2 == key]
            assert sequence == sorted(sequence)


def test_the_newest_payload_of_a_key_is_done_last_and_never_lost(
    database: Database, pool: ThreadPoolExecutor, effects: Connection
) -> None:
    sessions = [database.connect("a_member", autocommit=True) for _ in range(8)]

    def produce(number: int) -> None:
        for version in range(60):
            sessions[number].execute(
                "select from syncwell.enqueue_operation('save', %s, p_dedup_key => %s, p_mode => 'replace')",
                [json.dumps({"doc": number, "version": version}), str(number)],
            )

    with working(database, pool, effects):
        together(pool, produce, 8)
    for document in range(8):
        versions = [
            row[0]
            for row in effects.execute(
                "select (payload ->> 'version')::integer from public.effects"
                " where (payload ->> 'doc')::integer = %s order by n",
                [document],
            )
        ]
        assert versions == sorted(versions)
        assert versions[-1] == 59


def test_what_depends_on_others_never_waits_for_what_is_done(
    database: Database, pool: ThreadPoolExecutor, effects: Connection
) -> None:
    sessions = [database.connect("a_member", autocommit=True) for _ in range(8)]
    known: list[list[Any]] = [[] for _ in range(8)]

    def produce(number: int) -> None:
        chance = random.Random(number)  # noqa: S311
        for n in range(50):
            needs = chance.sample(known[number], min(3, len(known[number])))
            row = (
                sessions[number]
                .execute(
                    "select operation_id from syncwell.enqueue_operation('x', %s, p_depends_on => %s)",
                    [json.dumps({"by": number, "n": n}), needs],
                )
                .fetchone()
            )
            assert row is not None
            known[number] = [*known[number][-5:], row[0]]

    with working(database, pool, effects):
        together(pool, produce, 8)
    assert count(effects, "select count(*) from public.effects") == 400
    assert count(effects, "select count(*) from syncwell.queue_dependencies") == 0
