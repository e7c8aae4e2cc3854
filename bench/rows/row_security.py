"""What row-level security adds to a short statement.

The same statement by the same kind of login, once under the policies and once with BYPASSRLS; it names its org itself,
so that both read the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench import tables
from bench.harness import TENANT, Bench
from bench.load import Workload
from bench.result import Row, Target, duration

SOURCES = 5
_QUERIES = {
    "sync_progress_live, one sync": (
        f"select * from syncwell.sync_progress_live where org_id = '{TENANT.org}' and sync_id = 'sync-' || :n;"
    ),
    "stream_health, five streams of a user": (
        f"select * from syncwell.stream_health where org_id = '{TENANT.org}' and user_id = '{TENANT.member}';"
    ),
}


def run(bench: Bench) -> Iterator[Row]:
    """Microseconds a statement."""
    with bench.database() as database:
        admin = database.connect()
        tables.progress(admin, finished=bench.scale.active, active=bench.scale.active)
        ids = tables.streams(admin, TENANT.member, SOURCES)
        tables.finished_runs(admin, ids, bench.scale.events[0])
        tables.settle(admin)
        for case, query in _QUERIES.items():
            script = f"\\set n random(1, {bench.scale.active})\n{query}"
            rates = bench.in_turns(
                {
                    "with": Workload(script, database.uri("bench_service")),
                    "without": Workload(script, database.uri("bench_bypass")),
                }
            )
            yield Row(
                "row-level security",
                case,
                1e6 * rates.added_seconds("with", "without"),
                "µs added",
                Target(at_most=60),
                duration(rates.seconds("with")),
                f"{duration(rates.seconds('without'))} without",
            )
