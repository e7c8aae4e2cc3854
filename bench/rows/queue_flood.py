"""One org floods the queue while a worker of all orgs serves another one: its time from sent to done.

The worker takes ten at a time and does them in the order in which it got them; the work itself is nothing. The other
org sends one operation at a time.
"""

from __future__ import annotations

import itertools
import json
import statistics
import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bench.result import TIMES, Row, Target, duration, number

if TYPE_CHECKING:
    import psycopg

    from bench.harness import Bench, Database

_MOST = 100_000
_BATCH = 10_000
_TAKEN = 10
_WARMING = 10
_OTHER = uuid.UUID("0190bbbb-0000-7000-8000-000000000001")


def run(bench: Bench) -> Iterator[Row]:
    """One row: two databases, with and without the flood, asked in turns."""
    with bench.database() as quiet, bench.database() as flooded:
        admin = quiet.connect()
        admin.execute("create role bench_neighbour login; create role bench_gateway login")
        try:
            admin.execute(
                "grant syncwell_client, syncwell_worker to bench_neighbour; grant syncwell_gateway to bench_gateway"
            )
            parties = {name: _parties(database) for name, database in (("quiet", quiet), ("flooded", flooded))}
            flood = min(_MOST, bench.scale.finished)
            _flood(flooded, flood)
            numbers = itertools.count()
            times: dict[str, list[float]] = {"quiet": [], "flooded": []}
            for turn in range(bench.scale.calls // 4 + _WARMING):
                for name, (neighbour, worker) in parties.items():
                    took = _served(neighbour, worker, next(numbers))
                    if turn >= _WARMING:
                        times[name].append(took)
        finally:
            for database in (quiet, flooded):
                database.connect().execute("drop owned by bench_neighbour, bench_gateway")
                database.close()
            quiet.connect().execute("drop role bench_neighbour, bench_gateway")
        usual, under_flood = statistics.median(times["quiet"]), statistics.median(times["flooded"])
        yield Row(
            "queue, flood",
            f"sent to done, another org has {number(flood)} waiting",
            under_flood / usual,
            f"{TIMES} time",
            Target(at_most=2),
            duration(under_flood),
            f"{duration(usual)} without them",
        )


def _parties(database: Database) -> tuple[psycopg.Connection[Any], psycopg.Connection[Any]]:
    """Who sends and who works; neither waits for the disk, which would hide the rest."""
    admin = database.connect()
    admin.execute("select syncwell.register_org('Neighbour', %s)", [_OTHER])
    admin.execute("select syncwell.bind_login('bench_neighbour', 'service', %s)", [_OTHER])
    admin.execute("select syncwell.bind_login('bench_gateway', 'gateway')")
    neighbour, worker = database.connect("bench_neighbour"), database.connect("bench_gateway")
    for connection in (neighbour, worker):
        connection.execute("set synchronous_commit = off")
    return neighbour, worker


def _flood(database: Database, operations: int) -> None:
    service = database.connect("bench_service")
    for first in range(0, operations, _BATCH):
        batch = [
            {"operation_type": "flood", "mode": "none", "priority": 9, "payload": {"n": n}}
            for n in range(first, min(first + _BATCH, operations))
        ]
        service.execute("select count(*) from syncwell.enqueue_operations(%s)", [json.dumps(batch)])
    database.connect().execute("analyze syncwell.sync_queue")


def _served(neighbour: psycopg.Connection[Any], worker: psycopg.Connection[Any], number_: int) -> float:
    started = time.perf_counter()
    row = neighbour.execute(
        "select operation_id from syncwell.enqueue_operation('send', %s)", [json.dumps({"n": number_})]
    ).fetchone()
    assert row is not None
    while True:
        claimed = worker.execute(
            "select org_id, operation_id, lease_token from syncwell.claim_operations(%s)", [_TAKEN]
        ).fetchall()
        ended = 0.0
        for org, operations in itertools.groupby(claimed, lambda taken: taken[0]):
            held = list(operations)
            with worker.transaction():
                worker.execute("select syncwell.act_as_org(%s)", [org])
                worker.execute(
                    "select count(*) from syncwell.complete_operations(%s, %s)", [[one[1] for one in held], held[0][2]]
                )
            if any(one[1] == row[0] for one in held):
                ended = time.perf_counter()
        if ended:
            return ended - started
