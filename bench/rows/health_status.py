"""How healthy a user's syncs are, against reading the same rows of sync_state by their primary key.

The user asks for itself, and its own SELECT by key under its policies is the yardstick. Beside it the bare cost of that
SELECT, by a superuser. Users of one org, with few and with ever more runs behind them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench import histories
from bench.harness import TENANT, Bench, Database
from bench.histories import SOURCES
from bench.load import Workload
from bench.result import TIMES, Point, Row, Target, duration, number

_NAME = "get_sync_health_status"
_CALL = "select * from syncwell.get_sync_health_status();"


def run(bench: Bench) -> Iterator[Row]:
    """Cost at every size, growth from the least to the others, buffers."""
    database, logins = histories.database(bench)
    workloads = {}
    for events, login in logins.items():
        select = _by_key(database, login)
        workloads[f"{events}"] = Workload(_CALL, database.uri(login))
        workloads[f"{events} by key"] = Workload(select, database.uri(login))
    workloads["bare"] = Workload(select, database.uri())

    rates = bench.in_turns(workloads)
    for events in logins:
        yield Row(
            _NAME,
            f"{number(events)} events, {SOURCES} streams",
            rates.cost(f"{events}", f"{events} by key"),
            f"{TIMES} time",
            Target(at_most=4),
            duration(rates.seconds(f"{events}")),
            f"{duration(rates.seconds(f'{events} by key'))} SELECT by key",
            Point("status of a user", events, rates.seconds(f"{events}")),
        )
    yield Row(
        _NAME,
        f"{number(events)} events, against a superuser's SELECT",
        rates.cost(f"{events}", "bare"),
        f"{TIMES} time",
        None,
        duration(rates.seconds(f"{events}")),
        f"{duration(rates.seconds('bare'))} SELECT by key",
    )
    least, *others = logins
    for events in others:
        yield Row(
            _NAME,
            f"{number(events)} events against {number(least)}",
            rates.cost(f"{events}", f"{least}"),
            f"{TIMES} time",
            Target(at_most=1.2),
            duration(rates.seconds(f"{events}")),
            duration(rates.seconds(f"{least}")),
        )
    for events, login in logins.items():
        yield Row(_NAME, f"buffers, {number(events)} events", _buffers(database, login), "buffers", Target(at_most=50))


def _by_key(database: Database, login: str) -> str:
    rows = database.connect(login).execute("select stream_id from syncwell.sync_state").fetchall()
    assert len(rows) == SOURCES
    keys = "{" + ",".join(str(stream_id) for (stream_id,) in rows) + "}"
    return f"select * from syncwell.sync_state where org_id = '{TENANT.org}' and stream_id = any ('{keys}');"


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
