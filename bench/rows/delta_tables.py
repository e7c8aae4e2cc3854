"""A pull over ten synced tables that finds 100 changes in one of them.

The yardstick asks all ten for `updated_at > x` in one statement, as an application does that goes by time; beside it
stands what the same pull takes when there is that one table only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench import synced, tables
from bench.load import Workload
from bench.result import TIMES, Row, Target, duration
from bench.rows.delta_idle import TABLES
from bench.rows.delta_pull import CHANGES

if TYPE_CHECKING:
    from bench.harness import Bench

_NAME = "delta pull, many tables"


def run(bench: Bench) -> Iterator[Row]:
    """Against time, and against one table."""
    workloads = {}
    with bench.database() as one, bench.database() as ten:
        for database, count in ((one, 1), (ten, TABLES)):
            admin, device = database.connect(), database.connect("bench_member")
            names = [f"entries_{number}" for number in range(count)]
            for name in names:
                synced.table(admin, name)
                synced.fill(admin, name, 5 * synced.PER_USER, users=5)
                synced.touched(admin, name)
                synced.register(admin, name)
            cursor = synced.pull(device).cursor
            since = synced.change(admin, names[0], CHANGES)
            tables.settle(admin)
            assert len(synced.pull(device, cursor).records(names[0])) == CHANGES
            login = database.uri("bench_member")
            workloads[f"{count}"] = Workload(synced.pull_call(cursor), login)
            workloads[f"{count} by time"] = Workload(synced.by_time(admin, names, since), login)
        rates = bench.in_turns(workloads, calls=bench.scale.calls)
    yield Row(
        _NAME,
        f"whole call, {CHANGES} changes in one of {TABLES}",
        rates.cost(f"{TABLES}", f"{TABLES} by time"),
        f"{TIMES} time",
        Target(at_most=2),
        duration(rates.seconds(f"{TABLES}")),
        f"{duration(rates.seconds(f'{TABLES} by time'))} by updated_at",
    )
    yield Row(
        _NAME,
        f"whole call, {TABLES} tables against one",
        rates.cost(f"{TABLES}", "1"),
        f"{TIMES} time",
        None,
        duration(rates.seconds(f"{TABLES}")),
        duration(rates.seconds("1")),
    )
