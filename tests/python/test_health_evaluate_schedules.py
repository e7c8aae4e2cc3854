"""What is due by interval or calendar and does not come is noticed, and nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.evaluating import Fleet

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg


@pytest.fixture
def fleet(db: psycopg.Connection[Any]) -> Iterator[Fleet]:
    fleet = Fleet(db)
    yield fleet
    fleet.assert_sound()


def test_a_stream_that_never_ran_is_missed(fleet: Fleet) -> None:
    """Also where there is no row of a run to start from; found by what is declared."""
    fleet.register("calls", "10:00", p_expected_interval="1 hour")
    fleet.register("nightly", "10:00", p_cron="0 * * * *", p_time_zone="UTC")
    fleet.register("whenever", "10:00")
    fleet.every(5, "10:05", "11:15")
    assert fleet.issues("streams.source, issue_type") == [("calls", "missing_source"), ("nightly", "missing_source")]


@pytest.mark.parametrize(
    ("zone", "before", "due"),
    [
        # 03:00 by the clock; the clocks are put forward, and back
        ("Europe/Berlin", "2026-03-28 02:00", "2026-03-29 01:00"),
        ("Europe/Berlin", "2026-10-24 01:00", "2026-10-25 02:00"),
        ("America/New_York", "2026-03-07 08:00", "2026-03-08 07:00"),
        ("America/New_York", "2026-10-31 07:00", "2026-11-01 08:00"),
    ],
)
def test_a_nightly_run_is_missed_when_its_clock_says_so(fleet: Fleet, zone: str, before: str, due: str) -> None:
    fleet.setting("health.evaluation_interval", "01:00:00")
    fleet.register("nightly", before, p_cron="0 3 * * *", p_time_zone=zone)
    fleet.run("nightly", before)
    # by the schedule grace is a tenth of a day
    (last, late), = fleet.rows(
        "select to_char((%(due)s::timestamptz + interval '2 hours') at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), "
        "to_char((%(due)s::timestamptz + interval '3 hours') at time zone 'UTC', 'YYYY-MM-DD HH24:MI')"
        .replace("%(due)s", "%s"), fleet.time(due), fleet.time(due),
    )  # fmt: skip
    fleet.every(60, before, last)
    assert fleet.issues() == []
    fleet.tick(late)
    assert fleet.issues("issue_type, since") == fleet.rows("select 'stale_data', %s::timestamptz", fleet.time(due))


def test_a_source_of_weekdays_is_not_missed_on_the_weekend(fleet: Fleet) -> None:
    """13 and 14 June 2026 are Saturday and Sunday."""
    fleet.setting("health.evaluation_interval", "01:00:00")
    for source in ("weekdays", "always"):
        fleet.register(
            source, "2026-06-12 06:00", p_time_zone="Europe/Berlin",
            p_cron="0 9 * * mon-fri" if source == "weekdays" else "0 9 * * *",
        )  # fmt: skip
        fleet.run(source, "2026-06-12 07:00")
    fleet.every(60, "2026-06-12 08:00", "2026-06-15 06:00")
    assert fleet.issues("streams.source, issue_type") == [("always", "stale_data")]
    fleet.every(60, "2026-06-15 07:00", "2026-06-15 10:00")
    assert {i[0] for i in fleet.issues("streams.source")} == {"always", "weekdays"}


def test_an_interval_counts_active_hours_only(fleet: Fleet) -> None:
    """Every two hours, weekdays nine to five in Berlin: due on Monday two active hours after Friday's last hour."""
    fleet.setting("health.evaluation_interval", "01:00:00")
    fleet.register(
        "desk", "2026-06-12 06:00", p_expected_interval="2 hours", p_active_hours="Mon-Fri 09:00-17:00",
        p_time_zone="Europe/Berlin",
    )  # fmt: skip
    fleet.register("always", "2026-06-12 06:00", p_expected_interval="2 hours")
    for source in ("desk", "always"):
        fleet.run(source, "2026-06-12 14:00")
    # 16:00 by the clock of Berlin: one active hour is left on Friday, the second is Monday's first
    fleet.every(60, "2026-06-12 14:30", "2026-06-15 07:30")
    assert {i[0] for i in fleet.issues("streams.source")} == {"always"}
    fleet.every(60, "2026-06-15 08:30", "2026-06-15 09:30")
    assert {i[0] for i in fleet.issues("streams.source")} == {"always", "desk"}
