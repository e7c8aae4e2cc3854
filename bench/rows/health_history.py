"""Ninety days of a user's history, its last week by hours, and its dashboard: milliseconds, client included.

The yardstick is what the rows of the history are made of, read as they are stored: the days of sync_metrics, the hours
for a week, and the stretches of stream_periods, by the user itself under its policies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench import histories
from bench.histories import SOURCES
from bench.load import Workload
from bench.result import TIMES, Point, Row, Target, duration, number

if TYPE_CHECKING:
    from bench.harness import Bench

_NAME = "get_sync_health_history"
_CALL = "select * from syncwell.get_sync_health_history(p_days => {days});"
_STORED = """
select count(m.durations), (
  select count(p.score) from syncwell.stream_periods as p
  where coalesce(p.ends_at, 'infinity') > now() - interval '{days} days'
)
from syncwell.sync_metrics as m
where m.period = '{period}' and m.period_start >= now() - interval '{days} days';
"""
_PERIODS = {90: "day", 7: "hour"}


def run(bench: Bench) -> Iterator[Row]:
    """Each size, growth from the least to the others, and the dashboard."""
    database, logins = histories.database(bench)
    workloads = {}
    for events, login in logins.items():
        uri = database.uri(login)
        for days, period in _PERIODS.items():
            _check(database.connect(login).execute(_CALL.format(days=days)).fetchall(), days, period, events)
            workloads[f"{days} {events}"] = Workload(_CALL.format(days=days), uri)
            workloads[f"{days} {events} stored"] = Workload(_STORED.format(days=days, period=period), uri)
        workloads[f"dashboard {events}"] = Workload("select syncwell.get_integration_dashboard();", uri)

    rates = bench.in_turns(workloads, calls=bench.scale.questions)
    for days, period in _PERIODS.items():
        for events in logins:
            yield Row(
                _NAME,
                f"{days} days by {period}, {number(events)} events, {SOURCES} streams",
                1000 * rates.seconds(f"{days} {events}"),
                "ms",
                Target(at_most=20) if days == 90 else None,
                duration(rates.seconds(f"{days} {events}")),
                f"{duration(rates.seconds(f'{days} {events} stored'))} reading the stored rows",
                Point(f"history of {days} days", events, rates.seconds(f"{days} {events}")),
            )
    least, *others = logins
    for events in others:
        yield Row(
            _NAME,
            f"90 days, {number(events)} events against {number(least)}",
            rates.cost(f"90 {events}", f"90 {least}"),
            f"{TIMES} time",
            Target(at_most=1.2),
            duration(rates.seconds(f"90 {events}")),
            duration(rates.seconds(f"90 {least}")),
        )
    for events in logins:
        yield Row(
            "get_integration_dashboard",
            f"{number(events)} events, {SOURCES} streams",
            1000 * rates.seconds(f"dashboard {events}"),
            "ms",
            Target(at_most=20),
            duration(rates.seconds(f"dashboard {events}")),
            curve=Point("dashboard document", events, rates.seconds(f"dashboard {events}")),
        )


def _check(rows: list[tuple[object, ...]], days: int, period: str, events: int) -> None:
    """Every period is there, with the runs in it: they lie evenly over 90 days."""
    assert len(rows) in (expected := range(days, days + 2) if period == "day" else range(24 * days, 24 * days + 26)), (
        len(rows),
        expected,
    )
    runs = sum(int(str(row[2])) for row in rows)
    assert 0.9 * events * days / 90 - 10 <= runs <= events, (runs, events)
