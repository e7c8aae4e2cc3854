"""What learning the usual volumes costs a source a day, and checking one hour of it: milliseconds a source.

Every source has eight weeks of hours and is a user's own; the sums over all of them are learned and checked as well.
What was learned or checked is rolled back, so that each call finds the same. The yardstick reads the hours that it is
done from: eight weeks of them, or the last 24.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bench import tables
from bench.harness import TENANT
from bench.result import Row, Target, duration, number

if TYPE_CHECKING:
    import psycopg

    from bench.harness import Bench

_NOW = "2026-03-02 00:05+00"
_NEXT = "2026-03-02 01:05+00"
_SOURCES = """
with users as (
  insert into syncwell.users (org_id, user_id, role)
  select %(org)s, gen_random_uuid(), 'member' from generate_series(1, %(sources)s)
  returning user_id
)
insert into syncwell.streams (org_id, user_id, source, platform, time_zone, registered_at)
select %(org)s, u.user_id, 'calls', 'android', 'Europe/Berlin', '2025-12-01' from users as u
"""
_HOURS = """
insert into syncwell.sync_metrics (
  org_id, stream_id, period, period_start, user_id, source, total, successful, failed, items, computed_at
)
select
  s.org_id, s.stream_id, 'hour', h.hour, s.user_id, s.source, 1, 1, 0,
  round(40 * (1.2 - cos(extract(hour from h.hour) / 12 * pi())) * (0.5 + random())), h.hour
from syncwell.streams as s
cross join generate_series('2026-01-05 00:00+00'::timestamptz, '2026-03-02 00:00+00', interval '1 hour') as h (hour)
where s.org_id = %(org)s and s.source = 'calls'
order by s.stream_id, h.hour
"""
_READ = """
select count(m.items) from syncwell.sync_metrics as m
where m.org_id = %(org)s and m.period = 'hour' and m.period_start >= %(now)s::timestamptz - %(span)s::interval
"""


def run(bench: Bench) -> Iterator[Row]:
    """Learning and checking, by the function that the evaluation calls for a whole org."""
    sources = max(bench.scale.fleet // 50, 2)
    with bench.database() as database:
        admin = database.connect()
        admin.execute("select setseed(0.5)")
        admin.execute(_SOURCES, {"org": TENANT.org, "sources": sources})
        admin.execute(_HOURS, {"org": TENANT.org})
        tables.settle(admin)
        _at(admin, _NOW)
        admin.execute("select syncwell._learn_volumes(%s, true)", [TENANT.org])
        tables.settle(admin)

        series = sources + 1
        rates = bench.timed(
            {
                "learn": lambda: _call(admin, "select syncwell._learn_volumes(%s, true)", _NOW, series),
                "learn read": lambda: _read(admin, "1344 hours"),
                "check": lambda: _call(admin, "select syncwell._check_volumes(%s)", _NEXT, series),
                "check read": lambda: _read(admin, "24 hours"),
            }
        )
        for name, case, limit, what in (
            ("learn", "learning eight weeks", 30, "reading their hours"),
            ("check", "checking an hour", 1, "reading 24 hours"),
        ):
            yield Row(
                f"drift {name}",
                f"{case}, {number(sources)} sources",
                1000 * rates.seconds(name) / series,
                "ms a source",
                Target(at_most=limit),
                duration(rates.seconds(name)),
                f"{duration(rates.seconds(f'{name} read'))} {what}",
            )


def _at(admin: psycopg.Connection[Any], now: str) -> None:
    admin.execute("select set_config('syncwell.fake_now', %s, false)", [now])


def _call(admin: psycopg.Connection[Any], statement: str, now: str, series: int) -> float:
    """Seconds of a call that is rolled back."""
    _at(admin, now)
    with admin.transaction(force_rollback=True):
        started = time.perf_counter()
        row = admin.execute(statement.encode(), [TENANT.org]).fetchone()
        took = time.perf_counter() - started
    assert row is not None
    assert row[0] == series, row
    admin.execute("vacuum syncwell.volume_baselines, syncwell.stream_states")
    return took


def _read(admin: psycopg.Connection[Any], span: str) -> float:
    started = time.perf_counter()
    admin.execute(_READ, {"org": TENANT.org, "now": _NOW, "span": span}).fetchone()
    return time.perf_counter() - started
