"""A poll that finds nothing new, within the minute in which the device was here before: the commonest call of all.

At the client's round trip: a driver's, here psycopg over a socket on the same machine, which is the shortest that an
application has; beside it pgbench's, which is the bare protocol. The yardstick of both is `select 1`. All of the user's
rows have changed since their registration, before the device pulled.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bench import synced, tables
from bench.load import Workload
from bench.result import TIMES, Row, Target, duration

if TYPE_CHECKING:
    import psycopg

    from bench.harness import Bench

TABLES = 10
_NAME = "idle pull"
_ONE = "select 1;"
_WAL_CALLS = 20
_WAL_TIMES = 5


def run(bench: Bench) -> Iterator[Row]:
    """Time by both clients, with one table and with ten; then the bytes of WAL."""
    with bench.database() as one, bench.database() as ten:
        calls = {}
        for database, count in ((one, 1), (ten, TABLES)):
            admin, device = database.connect(), database.connect("bench_member")
            for number in range(count):
                name = f"entries_{number}"
                synced.table(admin, name)
                admin.execute(f"create index on app.{name} (user_id)")
                synced.fill(admin, name, synced.PER_USER)
                synced.changed_before(admin, name, synced.register(admin, name))
            cursor = synced.pull(device).cursor
            tables.settle(admin)
            assert synced.pull(device, cursor).cursor == cursor
            calls[count] = (database, device, synced.pull_call(cursor))

        workloads = {"select 1": Workload(_ONE, one.uri("bench_member"))}
        workloads |= {
            f"{count}": Workload(call, database.uri("bench_member")) for count, (database, _, call) in calls.items()
        }
        times = 4 * bench.scale.calls
        bare = bench.in_turns(workloads, calls=times)
        driver = bench.timed(
            {"select 1": lambda: _round_trips(calls[1][1], _ONE, times)}
            | {
                f"{count}": lambda device=device, call=call: _round_trips(device, call, times)
                for count, (_, device, call) in calls.items()
            }
        )
        for client, rates, target in (("psycopg", driver, Target(at_most=3)), (bench.client, bare, None)):
            for count in calls:
                yield Row(
                    _NAME,
                    f"{count} table{'s' if count > 1 else ''}, round trip of {client}",
                    rates.cost(f"{count}", "select 1"),
                    f"{TIMES} time",
                    target,
                    duration(rates.seconds(f"{count}")),
                    f"{duration(rates.seconds('select 1'))} select 1",
                )
        for count, (_, device, call) in calls.items():
            yield Row(
                _NAME, f"{count} table{'s' if count > 1 else ''}, WAL", _wal(device, call), "bytes", Target(at_most=0)
            )


def _round_trips(connection: psycopg.Connection[Any], statement: str, times: int) -> float:
    """Seconds that one takes on average."""
    text = statement.encode()
    connection.execute(text, prepare=True)
    started = time.perf_counter()
    for _ in range(times):
        connection.execute(text, prepare=True).fetchone()
    return (time.perf_counter() - started) / times


def _wal(connection: psycopg.Connection[Any], statement: str) -> float:
    """Bytes a call, of the whole server: the median of some tries, for other processes write now and then."""
    tries = []
    connection.execute(statement.encode())  # once a minute it notes that the device was here
    for _ in range(_WAL_TIMES):
        before = _position(connection)
        for _ in range(_WAL_CALLS):
            connection.execute(statement.encode()).fetchone()
        tries.append((_position(connection) - before) / _WAL_CALLS)
    return statistics.median(tries)


def _position(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select pg_current_wal_insert_lsn() - '0/0'").fetchone()
    assert row is not None
    return int(row[0])
