"""Percentiles from sketches: within 1.083 % of the value itself, at every level, however they were merged."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    import psycopg

QUANTILES = [0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0]
# (b - 1) / (b + 1) for buckets that grow by b = 2^(1/32)
BOUND = (2 ** (1 / 32) - 1) / (2 ** (1 / 32) + 1)

durations = st.one_of(
    st.integers(0, 10),
    st.integers(0, 2_592_000_000),
    st.builds(lambda power: 2**power, st.integers(0, 31)),
    st.builds(lambda power: 2**power + 1, st.integers(0, 31)),
    st.floats(0, 21, allow_nan=False).map(lambda power: round(math.exp(power))),
)

# Each run is an hour's; hours are merged to a day as the rollups do it.
RUNS = """
insert into syncwell.sync_events (
  org_id, id, stream_id, source, sync_type, status, started_at, completed_at, duration_ms, lease
)
select
  s.org_id, syncwell._uuid7(r.at), s.stream_id, s.source, 'incremental', 'success', r.at, r.at, r.duration,
  gen_random_uuid()
from syncwell.streams as s
cross join unnest(%(durations)s::bigint[], %(hours)s::integer[]) as d (duration, hour)
cross join lateral (
  select current_date - interval '2 days' + d.hour * interval '1 hour', d.duration
) as r (at, duration)
"""
SKETCHED = """
select m.period, syncwell._sketch_quantiles(m.durations, %(quantiles)s), (m.durations).minimum, (m.durations).maximum,
  m.duration_total, m.period_start
from syncwell.sync_metrics as m
"""


@given(values=st.lists(st.tuples(durations, st.integers(0, 23)), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_percentiles_are_within_the_bound_in_hours_days_and_weeks(
    db: psycopg.Connection[Any], values: list[tuple[int, int]]
) -> None:
    with db.transaction(force_rollback=True):
        db.execute("update syncwell.orgs set time_zone = 'UTC'")
        db.execute("insert into syncwell.streams (org_id, source) values (test.org('a'), 'measured')")
        db.execute(RUNS, {"durations": [v for v, _ in values], "hours": [h for _, h in values]})
        db.execute("select syncwell.refresh_sync_metrics()")
        rows = db.execute(SKETCHED, {"quantiles": QUANTILES}).fetchall()

    assert {row[0] for row in rows} == {"hour", "day", "week"}
    for period, estimated, minimum, maximum, total, start in rows:
        held = sorted(v for v, h in values if period != "hour" or h == start.hour)
        assert (minimum, maximum, total) == (held[0], held[-1], sum(held))
        for quantile, estimate in zip(QUANTILES, estimated, strict=True):
            exact = held[max(1, math.ceil(quantile * len(held))) - 1]
            assert abs(estimate - exact) <= exact * BOUND * (1 + 1e-9), (period, quantile, exact, estimate)


def test_the_mean_of_percentiles_would_be_wrong(db: psycopg.Connection[Any]) -> None:
    """The control: what a dashboard gets that averages the 95th percentiles of hours."""
    busy, quiet = [(100, 1)] * 99, [(60_000, 2)]
    db.execute("update syncwell.orgs set time_zone = 'UTC'")
    db.execute("insert into syncwell.streams (org_id, source) values (test.org('a'), 'measured')")
    db.execute(RUNS, {"durations": [v for v, _ in busy + quiet], "hours": [h for _, h in busy + quiet]})
    db.execute("select syncwell.refresh_sync_metrics()")
    rows = db.execute(SKETCHED, {"quantiles": [0.95]}).fetchall()
    by_hour = [row[1][0] for row in rows if row[0] == "hour"]
    (by_day,) = [row[1][0] for row in rows if row[0] == "day"]

    assert abs(by_day - 100) <= 100 * BOUND
    assert sum(by_hour) / len(by_hour) > 30_000
