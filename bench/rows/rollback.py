"""The way back: all migrations reverted from a database with entries in its activity log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench import tables
from bench.result import Row, Target, number
from syncwell.migrate import rollback

if TYPE_CHECKING:
    from bench.harness import Bench

_LEFT = """
select
  (select count(*) from pg_namespace where nspname = 'syncwell')
  + (select count(*) from pg_class as c where c.relnamespace not in (
    'pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace
  ))
"""


def run(bench: Bench) -> Iterator[Row]:
    """Seconds: once, since what is gone can't be dropped again."""
    entries = max(bench.scale.events[-1], 2_000)
    with bench.database() as database:
        admin = database.connect()
        tables.activity(admin, entries)
        started = time.perf_counter()
        rollback(admin, "0000", allow_data_loss=True)
        took = time.perf_counter() - started
        left = admin.execute(_LEFT).fetchone()
        assert left == (0,), left
        yield Row("rollback", f"with {number(entries)} entries of the activity log", took, "s", Target(at_most=30))
