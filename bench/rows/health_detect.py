"""What is wrong with every user of an org, found in one call, and with one of them.

Of a hundred users four are in some trouble. The yardstick reads the maintained rows of the same streams, by a
superuser.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench import tables
from bench.load import Workload
from bench.result import TIMES, Row, Target, duration, number

if TYPE_CHECKING:
    import uuid

    import psycopg

    from bench.harness import Bench

_NAME = "detect_sync_issues"
_ALL = "select * from syncwell.detect_sync_issues();"
_STORED = """
select s.*, t.*, h.*
from syncwell.streams as s
join syncwell.sync_state as t on t.org_id = s.org_id and t.stream_id = s.stream_id
join syncwell.stream_states as h on h.org_id = s.org_id and h.stream_id = s.stream_id;
"""
_TROUBLES = ("failure", "stale_data", "queue_backlog", "stuck")


def run(bench: Bench) -> Iterator[Row]:
    """All users; a tenth of them, to see that it is linear; one."""
    sizes = {"all": bench.scale.fleet, "tenth": bench.scale.fleet // 10}
    with bench.database() as many, bench.database() as few:
        workloads = {}
        for (size, users), database in zip(sizes.items(), (many, few), strict=True):
            admin = database.connect()
            tables.fleet(admin, users)
            tables.settle(admin)
            _check(database.connect("bench_service"), users)
            workloads[size] = Workload(_ALL, database.uri("bench_service"))
            workloads[f"{size} stored"] = Workload(_STORED, database.uri())
        one = f"select * from syncwell.detect_sync_issues('{_somebody(many.connect())}');"
        workloads["one"] = Workload(one, many.uri("bench_service"))

        rates = bench.in_turns(workloads, calls=max(2, bench.scale.questions // 10))
        yield Row(
            _NAME,
            f"{number(sizes['all'])} users, one call",
            1000 * rates.seconds("all"),
            "ms",
            Target(at_most=1000),
            f"{duration(rates.seconds('all') / sizes['all'])} a user",
            f"{duration(rates.seconds('all stored'))} reading the stored rows",
        )
        yield Row(
            _NAME,
            f"a user among {number(sizes['all'])} against one among {number(sizes['tenth'])}",
            rates.cost("all", "tenth") * sizes["tenth"] / sizes["all"],
            f"{TIMES} time",
            Target(at_most=1.2),
            f"{duration(rates.seconds('all') / sizes['all'])} a user",
            f"{duration(rates.seconds('tenth') / sizes['tenth'])} a user",
        )
        yield Row(
            _NAME, f"one user of {number(sizes['all'])}", 1000 * rates.seconds("one"), "ms", None,
            duration(rates.seconds("one")),
        )  # fmt: skip


def _check(connection: psycopg.Connection[tuple[object, ...]], users: int) -> None:
    rows = connection.execute("select issue_type, count(*) from syncwell.detect_sync_issues() group by 1").fetchall()
    found = {kind: count for kind, count in rows if kind in _TROUBLES}
    expected = {kind: (users + 99 - place) // 100 for place, kind in enumerate(_TROUBLES)}
    assert found == expected, (found, expected)


def _somebody(connection: psycopg.Connection[tuple[uuid.UUID]]) -> uuid.UUID:
    row = connection.execute("select user_id from syncwell.streams order by stream_id limit 1").fetchone()
    assert row is not None
    return row[0]
