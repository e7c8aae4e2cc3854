"""A pull of 100 changes among one user's 1 000 rows, inside tables of very different sizes.

The yardstick is the same JSON by `updated_at > x` over an index on (user_id, updated_at): one prepared statement by the
same login, on the same table, which a trigger keeps up to date; there are no policies on it, which would cost both
sides the same. It loses what commits late, writes nothing and knows nothing of deletions. All of the user's rows and a
tenth of the others' have changed before since their registration.

The reading part is what the call reads and makes JSON of; the whole call also finds out who calls, keeps the cursor
that it hands out, notes its facts, and commits. Each call presents the same cursor, so all bring the same.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench import synced, tables
from bench.load import Workload
from bench.result import TIMES, Point, Row, Target, duration, number

if TYPE_CHECKING:
    from bench.harness import Bench, Database

CHANGES = 100
_NAME = "delta pull"
_READING, _CALL = "reading part", "whole call"


def run(bench: Bench) -> Iterator[Row]:
    """Both parts at every size, then from the smallest to the largest."""
    sizes = bench.scale.records
    workloads = {}
    with contextlib.ExitStack() as stack:
        for rows in sizes:
            database = stack.enter_context(bench.database())
            for part, script in _scripts(database, rows).items():
                workloads[f"{part} {rows}"] = Workload(
                    script, database.uri("bench_member", synced.knowing(database.connect()))
                )
        rates = bench.in_turns(workloads, calls=bench.scale.calls)

    for part, limit in ((_READING, 1.2), (_CALL, 2)):
        for rows in sizes:
            yield Row(
                _NAME,
                f"{part}, {CHANGES} of {number(synced.PER_USER)} rows in a table of {number(rows)}",
                rates.cost(f"{part} {rows}", f"by time {rows}"),
                f"{TIMES} time",
                Target(at_most=limit),
                duration(rates.seconds(f"{part} {rows}")),
                f"{duration(rates.seconds(f'by time {rows}'))} by updated_at",
                Point(f"delta pull, {part}", rows, rates.seconds(f"{part} {rows}")),
            )
    for part in (_READING, _CALL):
        small, large = f"{part} {sizes[0]}", f"{part} {sizes[-1]}"
        yield Row(
            _NAME,
            f"{part}, {number(sizes[-1])} rows against {number(sizes[0])}",
            rates.cost(large, small),
            f"{TIMES} time",
            Target(at_most=1.3),
            duration(rates.seconds(large)),
            duration(rates.seconds(small)),
        )


def _scripts(database: Database, rows: int) -> dict[str, str]:
    admin, device = database.connect(), database.connect("bench_member")
    synced.table(admin, "entries")
    synced.fill(admin, "entries", rows, users=rows // synced.PER_USER)
    synced.touched(admin, "entries")
    table_id = synced.register(admin, "entries")
    synced.changed_before(admin, "entries", table_id)
    cursor = synced.pull(device).cursor
    since = synced.change(admin, "entries", CHANGES)
    tables.settle(admin)

    by_time = synced.by_time(admin, ["entries"], since)
    pulled = synced.pull(device, cursor)
    plain = device.execute(by_time.encode()).fetchone()
    assert plain is not None
    assert len(pulled.records("entries")) == CHANGES
    assert pulled.records("entries") == synced.Pulled(json.loads(plain[0])).records("entries")
    return {
        "by time": by_time,
        _READING: synced.reading_part(cursor),
        _CALL: synced.pull_call(cursor),
    }
