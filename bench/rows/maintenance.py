"""Maintenance on a year of data: the first call after nobody called for a year, all duties again, and an idle call.

A year of runs of a small fleet lies in the default partition, as a dead scheduler leaves it: the first call makes the
months, moves the rows and counts them; the next one drops what is past its retention. Its yardstick is one copy of the
same rows into an indexed table, the least that moving them takes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bench import tables
from bench.result import TIMES, Row, Target, duration, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from bench.harness import Bench

_NAME = "maintenance"
_SOURCES = 20
_RETENTION = "insert into syncwell.settings (key, value) values ('runs.retention', '300 days')"
_YEAR = """
insert into syncwell.sync_events (
  org_id, id, stream_id, source, sync_type, status, started_at, completed_at, duration_ms, items_processed, lease
)
select
  s.org_id, syncwell._uuid7(t.at), s.stream_id, s.source, 'incremental', 'success', t.at, t.at + interval '2 seconds',
  2000, 10, gen_random_uuid()
from generate_series(1, %(runs)s) as n
cross join lateral (select now() - interval '365 days' * n / %(runs)s as at) as t
join lateral (select * from syncwell.streams order by stream_id offset n %% %(sources)s limit 1) as s on true
"""


def run(bench: Bench) -> Iterator[Row]:
    """Once from the dead scheduler on; what follows is measured as often as the scale says."""
    runs = bench.scale.finished
    with bench.database() as database:
        admin = database.connect()
        tables.streams(admin, None, _SOURCES)
        admin.execute(_RETENTION)
        for (partition,) in admin.execute(
            "select partition_name from syncwell._partitions('sync_events') where month is not null"
        ).fetchall():
            admin.execute(f'drop table syncwell."{partition}"')
        with admin.transaction():
            admin.execute("set local session_replication_role = replica")
            admin.execute(_YEAR.encode(), {"runs": runs, "sources": _SOURCES})
        admin.execute(
            "insert into syncwell.sync_metrics_dirty (org_id, stream_id, hour)"
            " select distinct org_id, stream_id, date_trunc('hour', started_at, 'UTC') from syncwell.sync_events"
        )
        tables.settle(admin)
        admin.execute("create table public.copied (like syncwell.sync_events including indexes)")
        copied = _timed(admin, "insert into public.copied select * from syncwell.sync_events")
        first = _timed(admin, "call syncwell.run_maintenance()")
        assert _value(admin, "select count(*) from syncwell.sync_events_default") == 0
        assert _value(admin, "select count(*) from syncwell.sync_events") == runs
        assert _value(admin, "select count(*) from syncwell.maintenance_duties where error_code is not null") == 0
        dearest = admin.execute(
            "select duty, extract(epoch from finished_at - started_at) from syncwell.maintenance_duties order by 2 desc"
        ).fetchall()[0]
        yield Row(
            _NAME,
            f"first call after a year, {number(runs)} runs",
            first / copied,
            f"{TIMES} time",
            None,
            f"{duration(first)}, {dearest[0]} {duration(float(dearest[1]))}",
            f"{duration(copied)} one copy",
        )
        tables.settle(admin)
        rates = bench.timed(
            {
                "all": lambda: _timed(admin, "call syncwell.run_maintenance(p_force => true)"),
                "idle": lambda: _timed(admin, "call syncwell.run_maintenance()"),
            }
        )
        # what the first call brought to its months, the next one dropped where it was too old
        assert 0 < _value(admin, "select count(*) from syncwell.sync_events") < runs
        for name, case in (("all", "every duty again"), ("idle", "nothing is due")):
            yield Row(
                _NAME,
                case,
                rates.seconds(name) / first,
                f"{TIMES} time",
                Target(at_most=1),
                duration(rates.seconds(name)),
                f"{duration(first)} the first call",
            )


def _timed(admin: psycopg.Connection[Any], statement: str) -> float:
    started = time.perf_counter()
    admin.execute(statement.encode())
    return time.perf_counter() - started


def _value(admin: psycopg.Connection[Any], query: str) -> Any:
    row = admin.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]
