"""From an empty database to the whole schema, where the roles are there already; one transaction a migration."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench.result import Row, Target
from syncwell.migrate import migrate

if TYPE_CHECKING:
    from bench.harness import Bench


def run(bench: Bench) -> Iterator[Row]:
    """Seconds: there is nothing to compare with."""
    times = []
    for _ in range(bench.scale.rounds):
        with bench.database("template0") as database:
            connection = database.connect()
            started = time.perf_counter()
            done = migrate(connection)
            times.append(time.perf_counter() - started)
            assert done
    yield Row("install", "all migrations, roles there", statistics.median(times), "s", Target(at_most=3))
