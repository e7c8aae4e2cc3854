"""Maintenance windows and silences: who is told, what counts, what is expected, and windows that come again."""

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


def window(fleet: Fleet, mode: str, starts: str, ends: str, source: str | None = None, **more: str) -> Any:
    names = "".join(f", {name}" for name in more)
    row = fleet.connection.execute(
        (
            f"insert into syncwell.maintenance_windows (org_id, mode, starts_at, ends_at, source{names}) "
            f"values (test.org('a'), %s, %s, %s, %s{', %s' * len(more)}) returning id"
        ).encode(),
        (mode, fleet.time(starts), fleet.time(ends), source, *more.values()),
    ).fetchone()
    assert row is not None
    return row[0]


def occurrence(fleet: Fleet) -> tuple[str, str]:
    rows = fleet.rows(
        "select to_char(starts_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), "
        "to_char(ends_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') from syncwell.maintenance_windows"
    )
    assert len(rows) == 1
    return rows[0][0], rows[0][1]


def test_a_muted_stream_is_judged_and_nobody_told(fleet: Fleet) -> None:
    window(fleet, "mute", "12:03", "12:12", "calls")
    for source in ("calls", "texts"):
        fleet.run(source, "12:00")
    fleet.tick("12:02")
    for source in ("calls", "texts"):
        fleet.run(source, "12:04", "failed")
    fleet.ticks("12:05", "12:10")
    assert fleet.issues("streams.source, issue_type, muted_by") == [
        ("calls", "failure", "maintenance"), ("texts", "failure", None),
    ]  # fmt: skip
    assert fleet.periods("calls") == [
        ("12:02", "12:05", "healthy", None), ("12:05", None, "degraded", "muted"),
    ]  # fmt: skip
    assert len(fleet.alerts()) == 1
    fleet.tick("12:15")
    assert fleet.issues("muted_by") == [(None,), (None,)]
    assert fleet.periods("calls")[-1] == ("12:15", None, "degraded", None)
    assert len(fleet.alerts()) == 2


def test_time_that_is_left_out_is_marked_so(fleet: Fleet) -> None:
    window(fleet, "exclude", "12:00", "12:10")
    fleet.run("calls", "11:59", "failed")
    fleet.ticks("12:00", "12:05", "12:10")
    assert [p[3] for p in fleet.periods("calls")] == ["excluded", None]
    assert fleet.alerts() == [("failure", "firing", False)]


@pytest.mark.parametrize(
    ("scope", "fits"),
    [
        ({}, True), ({"source": "calls"}, True), ({"source": "texts"}, False), ({"platform": "ios"}, True),
        ({"platform": "android"}, False),
    ],
)  # fmt: skip
def test_whom_a_window_is_for(fleet: Fleet, scope: dict[str, str], fits: bool) -> None:
    fleet.register("calls", "11:00", p_platform="ios")
    window(fleet, "mute", "12:00", "13:00", scope.get("source"), **{k: v for k, v in scope.items() if k != "source"})
    fleet.run("calls", "12:00", "failed")
    fleet.tick("12:05")
    assert fleet.issues("muted_by") == [("maintenance" if fits else None,)]


def test_what_is_the_orgs_is_muted_by_a_window_for_all(fleet: Fleet) -> None:
    fleet.run("calls", "09:00")
    fleet.tick("09:05")
    window(fleet, "mute", "12:00", "13:00", "calls")
    window(fleet, "mute", "14:00", "15:00")
    fleet.tick("12:05")
    assert fleet.issues() == [("evaluation_gap", "warning", "open", None)]
    fleet.ticks("12:10", "14:05")
    assert fleet.issues() == [("evaluation_gap", "warning", "open", "maintenance")]


def test_nothing_is_expected_of_what_pauses(fleet: Fleet) -> None:
    fleet.register("calls", "10:00", p_expected_interval="1 hour")
    fleet.run("calls", "11:00")
    window(fleet, "pause", "11:30", "14:00")
    fleet.every(5, "11:25", "14:00")
    assert fleet.issues() == []
    assert fleet.value("select bool_and(expect_from = '2026-03-02 14:00+00') from syncwell.stream_states")
    assert [p[3] for p in fleet.periods("calls")] == [None, "paused", None]
    # from its end on an hour and grace, to the second
    fleet.every(5, "14:05", "15:05")
    assert fleet.issues() == []
    fleet.every(5, "15:10", "15:15")
    assert fleet.issues() == [("stale_data", "warning", "open", None)]


def test_without_the_pause_it_is_stale(fleet: Fleet) -> None:
    """The control."""
    fleet.register("calls", "10:00", p_expected_interval="1 hour")
    fleet.run("calls", "11:00")
    fleet.every(5, "11:25", "12:15")
    assert fleet.issues() == [("stale_data", "warning", "open", None)]


def test_a_pause_that_is_on_expects_nothing_of_streams_that_come_later(fleet: Fleet) -> None:
    window(fleet, "pause", "11:30", "14:00")
    fleet.tick("11:40")
    fleet.register("calls", "11:42", p_expected_interval="5 minutes")
    fleet.tick("11:45")
    assert fleet.rows("select source, expect_from = 'infinity' from syncwell.stream_states") == [("calls", True)]


def test_a_pause_that_is_called_off_ends_then(fleet: Fleet) -> None:
    fleet.register("calls", "10:00", p_expected_interval="1 hour")
    window(fleet, "pause", "11:00", "18:00")
    fleet.ticks("11:05", "11:10")
    fleet.execute("update syncwell.maintenance_windows set cancelled_at = '2026-03-02 11:12+00'")
    fleet.tick("11:15")
    assert fleet.value("select expect_from = '2026-03-02 11:12+00' from syncwell.stream_states")


def test_a_pause_between_two_evaluations_counts(fleet: Fleet) -> None:
    fleet.register("calls", "10:00", p_expected_interval="1 hour")
    fleet.tick("11:00")
    window(fleet, "pause", "11:01", "11:04")
    fleet.tick("11:05")
    assert fleet.value("select expect_from = '2026-03-02 11:04+00' from syncwell.stream_states")


def test_a_pause_that_was_over_before_the_first_evaluation_counts(fleet: Fleet) -> None:
    fleet.register("calls", "08:00", p_expected_interval="1 hour")
    window(fleet, "pause", "08:30", "12:30", "calls")
    fleet.tick("12:35")
    assert fleet.states() == {"calls": "unknown"}
    assert fleet.issues() == []


def test_of_two_pauses_the_later_end_counts(fleet: Fleet) -> None:
    fleet.register("calls", "10:00", p_expected_interval="1 hour")
    window(fleet, "pause", "11:00", "11:12")
    window(fleet, "pause", "11:00", "11:22")
    fleet.ticks("11:05", "11:15")
    assert fleet.value("select expect_from = 'infinity' from syncwell.stream_states")
    fleet.tick("11:25")
    assert fleet.value("select expect_from = '2026-03-02 11:22+00' from syncwell.stream_states")


def test_a_stream_that_was_retired_in_a_pause_is_expected_again_when_it_is_back(fleet: Fleet) -> None:
    fleet.register("calls", "10:00", p_expected_interval="1 hour")
    window(fleet, "pause", "11:00", "11:12")
    fleet.tick("11:05")
    fleet.retire("calls", "11:06")
    fleet.ticks("11:10", "11:15", "11:20")
    fleet.register("calls", "11:22", p_expected_interval="1 hour")
    fleet.tick("11:25")
    assert fleet.value("select expect_from = '2026-03-02 11:25+00' from syncwell.stream_states")


def test_a_window_comes_again_by_the_clock_of_its_zone(fleet: Fleet) -> None:
    """Nightly at 02:30 for two hours; the clocks of Berlin are put forward in the night to 29 March."""
    fleet.run("calls", "2026-03-27 00:00")
    window(fleet, "mute", "2026-03-27 01:30", "2026-03-27 03:30", cron="30 2 * * *", time_zone="Europe/Berlin")
    fleet.tick("2026-03-27 03:29")
    assert occurrence(fleet) == ("2026-03-27 01:30", "2026-03-27 03:30")
    fleet.tick("2026-03-27 03:30")
    assert occurrence(fleet) == ("2026-03-28 01:30", "2026-03-28 03:30")
    fleet.tick("2026-03-28 04:00")
    # 02:30 there is none: what would be then is at 03:30, which is 01:30 UTC; two hours last two hours
    assert occurrence(fleet) == ("2026-03-29 01:30", "2026-03-29 03:30")
    fleet.tick("2026-03-29 04:00")
    assert occurrence(fleet) == ("2026-03-30 00:30", "2026-03-30 02:30")
    # nothing evaluated for days: on to the one that is on
    fleet.tick("2026-04-05 01:00")
    assert occurrence(fleet) == ("2026-04-05 00:30", "2026-04-05 02:30")
    assert fleet.value("select overlay from syncwell.stream_periods where ends_at is null") == "muted"


def test_it_keeps_its_length_when_the_clocks_change(fleet: Fleet) -> None:
    """A day of 25 hours: 24 hours from midnight end at 23:00."""
    fleet.execute("set timezone = 'America/New_York'")
    window(fleet, "mute", "2026-10-31 04:00", "2026-11-01 04:00", cron="0 0 * * *", time_zone="America/New_York")
    fleet.tick("2026-11-01 04:00")
    assert occurrence(fleet) == ("2026-11-01 04:00", "2026-11-02 04:00")
    fleet.tick("2026-11-02 04:30")
    assert occurrence(fleet) == ("2026-11-02 05:00", "2026-11-03 05:00")


def test_without_a_zone_it_follows_the_orgs(fleet: Fleet) -> None:
    window(fleet, "mute", "2026-07-01 08:00", "2026-07-01 09:00", cron="0 10 * * *")
    fleet.tick("2026-07-01 10:00")
    assert occurrence(fleet) == ("2026-07-02 08:00", "2026-07-02 09:00")


def test_one_that_never_comes_again_stays_as_it_was(fleet: Fleet) -> None:
    window(fleet, "mute", "12:00", "13:00", cron="0 0 31 2 *", time_zone="UTC")
    fleet.tick("14:00")
    assert occurrence(fleet) == ("2026-03-02 12:00", "2026-03-02 13:00")


def test_a_pause_that_comes_again_ends_each_time(fleet: Fleet) -> None:
    fleet.register("calls", "10:00", p_expected_interval="1 hour")
    window(fleet, "pause", "11:00", "11:12", cron="0 * * * *", time_zone="UTC")
    fleet.ticks("11:05", "11:10", "11:15")
    assert fleet.value("select expect_from = '2026-03-02 11:12+00' from syncwell.stream_states")
    fleet.every(5, "11:20", "12:15")
    assert fleet.value("select expect_from = '2026-03-02 12:12+00' from syncwell.stream_states")


@pytest.mark.parametrize(("platform", "pauses"), [("ios", True), ("android", False)])
def test_whom_a_pause_is_for(fleet: Fleet, platform: str, pauses: bool) -> None:
    fleet.register("calls", "10:00", p_expected_interval="1 hour", p_platform="ios")
    window(fleet, "pause", "11:00", "18:00", platform=platform)
    fleet.tick("11:05")
    assert fleet.value("select coalesce(expect_from = 'infinity', false) from syncwell.stream_states") == pauses


def test_one_that_was_called_off_comes_no_more(fleet: Fleet) -> None:
    window(fleet, "mute", "12:00", "13:00", cron="0 12 * * *", time_zone="UTC", cancelled_at="2026-03-02 12:30+00")
    fleet.tick("14:00")
    assert occurrence(fleet) == ("2026-03-02 12:00", "2026-03-02 13:00")


def test_a_silence_keeps_quiet_until_it_ends(fleet: Fleet) -> None:
    fleet.execute(
        "insert into syncwell.silences (org_id, matcher, starts_at, ends_at) values "
        "(test.org('a'), '{\"source\": \"calls\"}', '2026-03-02 12:00+00', '2026-03-02 12:10+00')"
    )
    for source in ("calls", "texts"):
        fleet.run(source, "12:00", "failed")
    fleet.ticks("12:01", "12:05")
    assert fleet.issues("streams.source, muted_by") == [("calls", "silence"), ("texts", None)]
    assert len(fleet.alerts()) == 1
    fleet.tick("12:10")
    assert fleet.issues("muted_by") == [(None,), (None,)]
    assert len(fleet.alerts()) == 2


def test_a_window_comes_before_a_silence(fleet: Fleet) -> None:
    fleet.execute(
        "insert into syncwell.silences (org_id, matcher, starts_at, ends_at) values "
        "(test.org('a'), '{}', '2026-03-02 12:00+00', '2026-03-02 12:20+00')"
    )
    window(fleet, "mute", "12:00", "12:10")
    fleet.run("calls", "12:00", "failed")
    fleet.tick("12:05")
    assert fleet.issues("muted_by") == [("maintenance",)]
    fleet.tick("12:10")
    assert fleet.issues("muted_by") == [("silence",)]
    assert fleet.alerts() == []
