"""How healthy a user's syncs are, against reading the same rows of sync_state by their primary key.

The user asks for itself, and its own SELECT by key under its policies is the yardstick. Beside it the bare cost of that
SELECT, by a superuser. Two users of one org, with few and with many runs behind them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench import tables
from bench.harness import TENANT, Bench, Database
from bench.load import Workload
from bench.result import TIMES, Row, Target, duration, number

SOURCES = 5
_NAME = "get_sync_health_status"
_CALL = "select * from syncwell.get_sync_health_status();"


def run(bench: Bench) -> Iterator[Row]:
    """Cost at both sizes, growth from one to the other, buffers."""
    users = (("bench_other", TENANT.other), ("bench_member", TENANT.member))
    with bench.database() as database:
        admin = database.connect()
        workloads = {}
        for size, (login, user), events in zip(("few", "many"), users, bench.scale.events, strict=True):
            ids = tables.streams(admin, user, SOURCES)
            tables.finished_runs(admin, user, ids, events)
            array = "{" + ",".join(map(str, ids)) + "}"
            select = f"select * from syncwell.sync_state where org_id = '{TENANT.org}' and stream_id = any ('{array}');"
            workloads[size] = Workload(_CALL, database.uri(login))
            workloads[f"{size} by key"] = Workload(select, database.uri(login))
        workloads["bare"] = Workload(select, database.uri())
        tables.settle(admin)

        rates = bench.in_turns(workloads)
        for size, events in zip(("few", "many"), bench.scale.events, strict=True):
            yield Row(
                _NAME,
                f"{number(events)} events, {SOURCES} streams",
                rates.cost(size, f"{size} by key"),
                f"{TIMES} time",
                Target(at_most=4),
                duration(rates.seconds(size)),
                f"{duration(rates.seconds(f'{size} by key'))} SELECT by key",
            )
        yield Row(
            _NAME,
            f"{number(events)} events, against a superuser's SELECT",
            rates.cost("many", "bare"),
            f"{TIMES} time",
            None,
            duration(rates.seconds("many")),
            f"{duration(rates.seconds('bare'))} SELECT by key",
        )
        small, large = (number(events) for events in bench.scale.events)
        yield Row(
            _NAME,
            f"{large} events against {small}",
            rates.cost("many", "few"),
            f"{TIMES} time",
            Target(at_most=1.2),
            duration(rates.seconds("many")),
            duration(rates.seconds("few")),
        )
        for (login, _), events in zip(users, bench.scale.events, strict=True):
            yield Row(
                _NAME, f"buffers, {number(events)} events", _buffers(database, login), "buffers", Target(at_most=50)
            )


def _buffers(database: Database, login: str) -> int:
    """Pages of the whole statement, planning included, in a session that has called it before."""
    connection = database.connect(login)
    pages = 0
    for _ in range(7):  # from the sixth call on plans may be generic ones
        row = connection.execute(f"explain (analyze, buffers, format json) {_CALL}").fetchone()
        assert row is not None
        plan = row[0][0]
        pages = _pages(plan["Plan"]) + _pages(plan.get("Planning", {}))
    return pages


def _pages(node: dict[str, Any]) -> int:
    return int(node.get("Shared Hit Blocks", 0)) + int(node.get("Shared Read Blocks", 0))
