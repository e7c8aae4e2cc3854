"""evaluate_health() for an org of many streams: its first tick, one when nothing changed, one when a hundredth did.

Every tick is rolled back, so that each finds what the last one found. Of a hundred streams four are in some trouble
from the start. Beside each stands what the rows that it may write cost by hand: a copy of the streams into bare copies
of stream_states and stream_periods for the first, an update of a hundredth of such a copy and of as many open
stretches, and a new one for each, for the change; reading the maintained rows for the idle one.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from bench import tables
from bench.harness import TENANT, Database
from bench.result import Row, Target, duration, number

if TYPE_CHECKING:
    import psycopg

    from bench.harness import Bench

_NAME = "evaluate_health"
_TICK = "select streams, moved, opened, reopened, resolved, skipped from syncwell.evaluate_health()"
# what failed three times since the last tick
_CHANGE = """
update syncwell.sync_state
set
  consecutive_failures = 3, is_healthy = false, last_status = 'failed', last_run_at = clock_timestamp(),
  last_failed_sync = clock_timestamp(), recent_outcomes = substring(recent_outcomes from 4) || b'000'
where stream_id = any (%s)
"""
_FIRST_BY_HAND = """
with states as (
  insert into bench.stream_states (org_id, stream_id, user_id, source, status, since, evaluated_at)
  select org_id, stream_id, user_id, source, 'healthy', now(), now() from syncwell.streams
  returning org_id, stream_id, user_id, source, status, since
)
insert into bench.stream_periods (org_id, stream_id, user_id, source, status, starts_at)
select * from states
"""
_END_BY_HAND = """
update bench.stream_periods set ends_at = clock_timestamp() + interval '1 s'
where org_id = %(org)s and stream_id = any (%(ids)s) and ends_at is null
"""
_CHANGE_BY_HAND = """
with moved as (
  update bench.stream_states
  set status = 'unhealthy', since = clock_timestamp(), evaluated_at = clock_timestamp()
  where stream_id = any (%(ids)s)
  returning org_id, stream_id, user_id, source, status, since
)
insert into bench.stream_periods (org_id, stream_id, user_id, source, status, starts_at)
select org_id, stream_id, user_id, source, status, since + interval '2 s' from moved
"""
_READ_BY_HAND = """
select count(s) + count(t) + count(h)
from syncwell.streams as s
join syncwell.sync_state as t on t.org_id = s.org_id and t.stream_id = s.stream_id
join syncwell.stream_states as h on h.org_id = s.org_id and h.stream_id = s.stream_id
"""


def run(bench: Bench) -> Iterator[Row]:
    """The three ticks, and the WAL of an idle one."""
    users = bench.scale.fleet
    with bench.database() as database:
        admin = database.connect()
        tables.fleet(admin, users)
        for name in ("stream_states", "stream_periods"):
            tables.bare_copy(admin, name)
        admin.execute("create index on bench.stream_states (stream_id)")
        ids = _well(admin, users // 100)
        tables.settle(admin)

        first = {
            "tick": lambda: _tick(admin, lambda found: found["streams"] == users and found["opened"] >= users // 25),
            "by hand": lambda: _by_hand(admin, [_FIRST_BY_HAND]),
        }
        rates = bench.timed(first)
        yield _row(users, "first tick", rates.seconds("tick"), rates.seconds("by hand"), "writing its rows by hand")

        service = database.connect("bench_service")
        for _ in range(2):  # the second is the first that finds states and issues
            service.execute(_TICK)
        admin.execute(_FIRST_BY_HAND)
        tables.settle(admin)
        rates = bench.timed(
            {
                "idle": lambda: _tick(admin, lambda found: _nothing(found) and found["streams"] == users),
                "changed": lambda: _tick(admin, lambda found: found["moved"] == found["opened"] == len(ids), ids),
                "read": lambda: _by_hand(admin, [_READ_BY_HAND]),
                "write": lambda: _by_hand(admin, [_END_BY_HAND, _CHANGE_BY_HAND], ids),
            }
        )
        yield _row(users, "nothing changed", rates.seconds("idle"), rates.seconds("read"), "reading the stored rows")
        yield _row(
            users, "1 % changed", rates.seconds("changed"), rates.seconds("write"), "writing the changes by hand"
        )
        yield Row(_NAME, f"{number(users)} streams, nothing changed, WAL", _wal(database, bench), "bytes")


def _row(users: int, case: str, seconds: float, by_hand: float, what: str) -> Row:
    return Row(
        _NAME,
        f"{number(users)} streams, {case}",
        1000 * seconds,
        "ms",
        Target(at_most=1000) if case == "nothing changed" else None,
        f"{duration(seconds / users)} a stream",
        f"{duration(by_hand)} {what}",
    )


def _tick(
    admin: psycopg.Connection[Any], right: Callable[[dict[str, Any]], bool], failing: list[Any] | None = None
) -> float:
    """Seconds of a tick that is rolled back, after the change of these streams."""
    with admin.transaction(force_rollback=True):
        if failing is not None:
            admin.execute(_CHANGE, [failing])
        admin.execute("set local session authorization bench_service")
        started = time.perf_counter()
        cursor = admin.execute(_TICK)
        row = cursor.fetchone()
        took = time.perf_counter() - started
    assert row is not None
    assert cursor.description is not None
    found = dict(zip((column.name for column in cursor.description), row, strict=True))
    assert right(found), found
    admin.execute("vacuum syncwell.stream_states, syncwell.stream_periods, syncwell.sync_issues, syncwell.sync_state")
    return took


def _nothing(found: dict[str, Any]) -> bool:
    return not any(found[key] for key in ("moved", "opened", "reopened", "resolved", "skipped"))


def _by_hand(admin: psycopg.Connection[Any], statements: list[str], ids: list[Any] | None = None) -> float:
    with admin.transaction(force_rollback=True):
        started = time.perf_counter()
        for statement in statements:
            admin.execute(statement.encode(), {"org": TENANT.org, "ids": ids})
        took = time.perf_counter() - started
    admin.execute("vacuum bench.stream_states, bench.stream_periods")
    return took


def _well(admin: psycopg.Connection[Any], count: int) -> list[Any]:
    """Streams that nothing is wrong with."""
    rows = admin.execute(
        """
        select t.stream_id from syncwell.sync_state as t
        join syncwell.stream_states as h on h.stream_id = t.stream_id
        where t.consecutive_failures = 0 and t.last_successful_sync > now() - interval '12 hours'
          and h.queue_depth = 0
          and not exists (
            select from syncwell.sync_events as e where e.stream_id = t.stream_id and e.status = 'started'
          )
        order by t.stream_id
        limit %s
        """,
        [count],
    ).fetchall()
    assert len(rows) == count
    return [stream_id for (stream_id,) in rows]


def _wal(database: Database, bench: Bench) -> float:
    """Bytes of a committed idle tick, of the whole server: the median of some."""
    service = database.connect("bench_service")
    service.execute(_TICK)
    found = []
    for _ in range(bench.scale.rounds):
        before = _position(service)
        service.execute(_TICK)
        found.append(_position(service) - before)
    return statistics.median(found)


def _position(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select pg_current_wal_insert_lsn() - '0/0'").fetchone()
    assert row is not None
    return int(row[0])
