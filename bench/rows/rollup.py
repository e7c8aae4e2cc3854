"""What rollups cost a recorded run: the mark that each write leaves, and counting the marked hours afterwards.

The marks: recording as it is against the same without the triggers that mark. The counting: what refresh_sync_metrics()
takes for runs of the last hour, a run; its yardstick is the INSERT … SELECT … GROUP BY that one would write by hand for
the same hours, percentiles included, which has to read the same runs and can be merged into no day.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bench import tables
from bench.load import Workload
from bench.result import TIMES, Row, duration, number, rate
from bench.rows import record_run

if TYPE_CHECKING:
    import psycopg

    from bench.harness import Bench

_NAME = "rollup cost of a run"
_TRIGGERS = ("mark_inserted_hours", "mark_updated_hours")
_GROUPED = """
select
  org_id, stream_id, date_trunc('hour', started_at, 'UTC') as hour, count(*) as total,
  count(*) filter (where status in ('success', 'partial')) as successful,
  count(*) filter (where status in ('failed', 'timeout')) as failed,
  sum(items_processed) as items, sum(duration_ms) as duration_total,
  percentile_disc(array[0.5, 0.95, 0.99]) within group (order by duration_ms) as percentiles
from syncwell.sync_events
where id >= syncwell._uuid7_floor(date_trunc('hour', now(), 'UTC') - interval '1 hour')
group by 1, 2, 3
"""
_BY_HAND = f"insert into bench.hours {_GROUPED}"


def run(bench: Bench) -> Iterator[Row]:
    """One worker and eight record; then what they recorded is counted."""
    with bench.database() as marked, bench.database() as unmarked:
        for database in (marked, unmarked):
            admin = database.connect()
            tables.streams(admin, None, record_run.SOURCES)
            tables.settle(admin)
        for trigger in _TRIGGERS:
            admin.execute(f"alter table syncwell.sync_events disable trigger {trigger}")
        for sessions in (1, 8):
            rates = bench.in_turns(
                {
                    name: Workload(record_run.SCRIPT, database.uri("bench_service"), sessions)
                    for name, database in (("marked", marked), ("unmarked", unmarked))
                }
            )
            yield Row(
                _NAME,
                f"marks, {sessions} connection{'s' if sessions > 1 else ''}",
                rates.cost("marked", "unmarked"),
                f"{TIMES} time",
                None,
                rate(rates.rate("marked")),
                f"{rate(rates.rate('unmarked'))} without them",
            )
        recorded = 1 / rates.rate("marked")

        admin = marked.connect()
        admin.execute("create schema bench")
        admin.execute(f"create table bench.hours as {_GROUPED} limit 0")
        tables.settle(admin)
        runs = _value(admin, "select count(*) from syncwell.sync_events")
        assert _value(admin, "select count(*) from syncwell.sync_metrics_dirty") >= 2 * runs
        rates = bench.timed({"counted": lambda: _counted(admin, runs), "by hand": lambda: _by_hand(admin)})
        yield Row(
            _NAME,
            f"counting, {number(runs)} runs of {record_run.SOURCES} streams",
            rates.cost("counted", "by hand"),
            f"{TIMES} time",
            None,
            f"{duration(rates.seconds('counted') / runs)} a run",
            f"{duration(rates.seconds('by hand') / runs)} grouped by hand",
        )
        yield Row(
            _NAME,
            "counting, in percent of the time that 8 connections need to record it",
            100 * rates.seconds("counted") / runs / recorded,
            "%",
            None,
            f"{duration(rates.seconds('counted') / runs)} a run",
            f"{duration(recorded)} recording a run",
        )


def _counted(admin: psycopg.Connection[Any], runs: int) -> float:
    """Seconds to count everything that is marked; rolled back, so that it is there to count again."""
    with admin.transaction(force_rollback=True):
        started = time.perf_counter()
        while admin.execute("select syncwell.refresh_sync_metrics()").fetchone() != (0,):
            pass
        took = time.perf_counter() - started
        assert _value(admin, "select sum(total) from syncwell.sync_metrics where period = 'hour'") == runs
    admin.execute("vacuum syncwell.sync_metrics_dirty, syncwell.sync_metrics")
    return took


def _by_hand(admin: psycopg.Connection[Any]) -> float:
    with admin.transaction(force_rollback=True):
        started = time.perf_counter()
        admin.execute(_BY_HAND.encode())
        took = time.perf_counter() - started
    admin.execute("vacuum bench.hours")
    return took


def _value(admin: psycopg.Connection[Any], query: str) -> int:
    row = admin.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])
