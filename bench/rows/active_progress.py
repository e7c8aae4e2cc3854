"""What a screen polls: every active sync of an org, live, with hosts of finished ones beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench import tables
from bench.load import Workload
from bench.result import Row, Target, duration, number

if TYPE_CHECKING:
    from bench.harness import Bench

_ACTIVE = "where status in ('pending', 'in_progress', 'paused')"


def run(bench: Bench) -> Iterator[Row]:
    """Milliseconds, client included; beside it what the bare rows cost a superuser."""
    with bench.database() as database:
        admin = database.connect()
        tables.progress(admin, finished=bench.scale.finished, active=bench.scale.active)
        tables.settle(admin)
        rates = bench.in_turns(
            {
                "live": Workload(f"select * from syncwell.sync_progress_live {_ACTIVE};", database.uri("bench_member")),
                "stored": Workload(f"select * from syncwell.sync_progress {_ACTIVE};", database.uri()),
            }
        )
        yield Row(
            "active progress of an org",
            f"{number(bench.scale.active)} active, {number(bench.scale.finished)} finished",
            1000 * rates.seconds("live"),
            "ms",
            Target(at_most=5),
            duration(rates.seconds("live")),
            f"{duration(rates.seconds('stored'))} the stored rows",
        )
