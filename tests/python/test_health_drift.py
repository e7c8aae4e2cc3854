"""Volumes of an org's streams: what is learned, what is found, whom it is shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from harness.volumes import HOUR, WEEK, Org, Sources

if TYPE_CHECKING:
    from harness import Tenants

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
DRIFT = "select stream_id, window_hours, expected, actual, drift_percent, severity, since, baseline_weeks, evidence "
DRIFT += "from syncwell.calculate_data_drift() order by stream_id nulls first, window_hours"


@pytest.fixture
def org(db: psycopg.Connection[Any]) -> Org:
    return Org(db)


def act(org: Org, user: str | None) -> None:
    """Be a user, or with None see the whole org, until the test ends."""
    org.execute("select syncwell.act_as(test.id(%s))", user or "a_admin")


def filled(
    org: Org, weeks: int, level: float = 50, seed: int = 1, hours: int = 0, **options: Any
) -> tuple[Any, datetime, list[float]]:
    """A stream with a history, learned at its end; its next hours are there already."""
    made = Sources(seed).hours(level, weeks + 1)
    stream = org.stream(options.pop("source", "calls"), **options)
    org.fill(stream, MONDAY, made[: weeks * WEEK + hours])
    end = MONDAY + weeks * WEEK * HOUR
    return stream, end, made


def test_less_than_two_weeks_teach_nothing(org: Org) -> None:
    stream, _, _ = filled(org, 3)
    org.at(MONDAY + (2 * WEEK - 1) * HOUR)
    org.learn()
    act(org, None)
    rows = org.rows(DRIFT)
    assert [(row[1], row[2], row[4], row[5]) for row in rows] == [
        (hours, None, None, "learning") for hours in (1, 6, 24)
    ]
    assert org.value("select drift_severity from syncwell.stream_states where stream_id = %s", stream) == "learning"
    assert org.value("select count(*) from syncwell._volume_findings(%s, null, true)", org.org) == 0
    org.at(MONDAY + 2 * WEEK * HOUR)
    org.learn()
    rows = org.rows(DRIFT)
    assert {row[5] for row in rows} == {"none"}
    assert {row[7] for row in rows} == {2}
    assert all(row[2] > 0 for row in rows)


def test_a_stream_without_any_data_is_learning(org: Org) -> None:
    org.stream("calls")
    org.at(MONDAY)
    assert org.learn() == 1
    assert org.check() == 0
    act(org, None)
    assert [(row[2], row[3], row[5]) for row in org.rows(DRIFT)] == [(None, 0, "learning")] * 3


def test_a_stop_is_a_critical_gap_in_the_state_the_findings_and_the_report(org: Org) -> None:
    stream, end, _ = filled(org, 8)
    org.at(end + 10 * HOUR)
    org.learn()
    act(org, None)
    org.execute("delete from syncwell.volume_baselines")
    org.at(end)
    org.learn()
    for hours in range(1, 15):
        org.at(end + hours * HOUR)
        org.check()
    since, percent, severity = org.rows(
        "select drift_since, drift_percent, drift_severity from syncwell.stream_states where stream_id = %s", stream
    )[0]
    assert (percent, severity) == (-100, "critical")
    assert since == end
    found = org.rows("select stream_id, source, issue_type, severity, since, evidence, suggestion from "
                     "syncwell._volume_findings(%s, null, true)", org.org)  # fmt: skip
    assert [row[:5] for row in found] == [(stream, "calls", "gap", "critical", end)]
    assert found[0][5]["empty_hours"] == 14
    assert found[0][6]
    assert org.rows("select 1 from syncwell._volume_findings(%s, '{}', true)", org.org) == []
    assert {(row[5], row[6]) for row in org.rows(DRIFT)} == {("critical", end)}
    shown = org.rows("select severity from syncwell.get_volume_timeline(p_hours => 24)")
    assert [row[0] for row in shown] == ["none"] * 10 + ["critical"] * 14


def test_the_answer_is_right_though_nothing_checked(org: Org) -> None:
    """calculate_data_drift() goes on from the last check by itself, and writes nothing."""
    stream, end, made = filled(org, 8, hours=9)
    org.at(end)
    org.learn()
    act(org, None)
    org.at(end + 13 * HOUR)
    before = org.rows("select xmin, ctid from syncwell.volume_baselines")
    assert {row[5] for row in org.rows(DRIFT)} == {"critical"}
    assert org.rows("select xmin, ctid from syncwell.volume_baselines") == before
    row = org.rows(DRIFT)[2]
    assert (row[0], row[1]) == (stream, 24)
    assert float(row[3]) == sum(made[8 * WEEK - 11 : 8 * WEEK + 9])
    org.check()
    assert org.value("select finding from syncwell.volume_baselines") == "gap"


def test_checking_twice_changes_nothing(org: Org) -> None:
    _, end, _ = filled(org, 8, hours=5)
    org.at(end)
    org.learn()
    org.at(end + 5 * HOUR + timedelta(minutes=10))
    assert org.check() == 1
    before = org.rows("select xmin, ctid, checked_to from syncwell.volume_baselines")
    assert before[0][2] == end + 5 * HOUR
    assert org.check() == 0
    org.at(end + 3 * HOUR)
    assert org.check() == 0
    assert org.rows("select xmin, ctid, checked_to from syncwell.volume_baselines") == before


def test_an_hour_waits_for_the_usual_duration(org: Org) -> None:
    stream, end, _ = filled(org, 8, hours=5)
    org.execute(
        "insert into syncwell.stream_states (org_id, stream_id, source, usual_duration_ms) "
        "values (%s, %s, 'calls', %s)",
        org.org, stream, 20 * 60 * 1000,
    )  # fmt: skip
    org.at(end)
    org.learn()
    assert org.value("select checked_to from syncwell.volume_baselines") == end - HOUR
    org.at(end + timedelta(minutes=19))
    assert org.check() == 0
    org.at(end + timedelta(minutes=20))
    assert org.check() == 1
    org.execute("update syncwell.stream_states set usual_duration_ms = 3600000 * 100")
    org.at(end + 7 * HOUR)
    assert org.check() == 1
    assert org.value("select checked_to from syncwell.volume_baselines") == end + HOUR


def test_what_lasts_is_told_until_it_is_learned(org: Org) -> None:
    """A loss of half for good: found within a day, told for a week without a break, and no more after three."""
    sources = Sources(3)
    made = sources.hours(50, 9)
    start = 5 * WEEK
    made[start:] = sources.kept(made[start:], 0.5)
    org.fill(org.stream("calls"), MONDAY, made)
    findings = [
        org.value("select finding from syncwell.volume_baselines")
        for _ in org.over(MONDAY + start * HOUR, MONDAY + (start + 22 * 24) * HOUR)
    ]
    hours = [n for n, finding in enumerate(findings) if finding == "drop"]
    assert 0 < hours[0] <= 24
    assert hours[-1] < 21 * 24
    assert set(range(hours[0], hours[0] + 7 * 24)) <= set(hours)
    assert set(findings) == {None, "drop"}


def test_a_group_shows_what_no_stream_shows(org: Org) -> None:
    """Forty phones of ten items a day each lose half: too few to tell of one, plain to see in all."""
    sources = Sources(4)
    start = 8 * WEEK
    streams = []
    for number in range(40):
        org.execute(
            "insert into syncwell.users (org_id, user_id, role) values (%s, test.id(%s), 'member')",
            org.org, f"phone {number}",
        )  # fmt: skip
        made = sources.hours(10 / 24, 9)
        made[start:] = sources.kept(made[start:], 0.5)
        streams.append(org.stream("sms", f"phone {number}", "android"))
        org.fill(streams[-1], MONDAY, made)
    org.at(MONDAY + start * HOUR)
    assert org.learn() == 41
    for hours in range(1, 25):
        org.at(MONDAY + (start + hours) * HOUR)
        assert org.check() == 41
    found = org.rows(
        "select stream_id, source, platform, issue_type, evidence ->> 'kind' "
        "from syncwell._volume_findings(%s, null, true)",
        org.org,
    )  # fmt: skip
    assert (None, "sms", "android", "drift", "drop") in found
    assert len(found) < 4
    assert all(row[0] for row in org.rows("select * from syncwell._volume_findings(%s, null, false)", org.org))
    act(org, None)
    drift = org.rows("select stream_id, severity from syncwell.calculate_data_drift(p_source => 'sms')")
    assert len(drift) == 3 * 41
    assert drift[0] == (None, "warning")
    shown = org.rows("select distinct stream_id from syncwell.get_volume_timeline(p_source => 'sms', p_hours => 5)")
    assert (None,) in shown
    assert len(shown) == len(found)
    percent = org.rows("select * from syncwell._source_drift(%s, %s)", org.org, streams)
    assert percent[0][0] == "sms"
    # nobody else is told what all of them have
    act(org, "a_member")
    assert org.rows("select * from syncwell.calculate_data_drift()") == []
    assert org.rows("select * from syncwell.get_volume_timeline()") == []


def test_a_group_of_one_is_none(org: Org) -> None:
    first, _, _ = filled(org, 3, source="sms", user="a_member", platform="ios")
    second, end, _ = filled(org, 3, source="sms", user="a_other", platform="ios", seed=2)
    org.at(end)
    assert org.learn() == 3
    org.execute("update syncwell.streams set retired_at = %s where stream_id = %s", end, second)
    assert org.learn() == 1
    assert org.rows("select stream_id from syncwell.volume_baselines") == [(first,)]


def test_each_sees_its_own(org: Org, tenants: Tenants) -> None:
    mine, end, _ = filled(org, 3, source="sms", user="a_member")
    other, _, _ = filled(org, 3, source="sms", user="a_other", seed=2)
    shared, _, _ = filled(org, 3, source="feed", seed=3)
    org.at(end)
    org.learn()
    seen = "select distinct stream_id from syncwell.calculate_data_drift()"
    act(org, "a_member")
    assert {row[0] for row in org.rows(seen)} == {mine, shared}
    with pytest.raises(psycopg.errors.DatabaseError) as refused, org.connection.transaction():
        org.rows("select * from syncwell.calculate_data_drift(%s)", tenants.id("a_other"))
    assert refused.value.sqlstate == "SW002"
    act(org, "a_analyst")
    assert {row[0] for row in org.rows(seen)} == {mine, other, shared, None}
    one = org.rows("select distinct stream_id from syncwell.calculate_data_drift(%s)", tenants.id("a_other"))
    assert one == [(other,)]
    act(org, "b_admin")
    assert org.rows("select * from syncwell.calculate_data_drift()") == []
    assert org.rows("select * from syncwell.get_volume_timeline()") == []
    for login, count in (("a_member", 2), ("a_analyst", 4), ("b_admin", 0)):
        with org.connection.transaction(force_rollback=True):
            org.execute(f"set local session authorization {login}")
            assert org.value("select count(*) from syncwell.volume_baselines") == count


@pytest.mark.parametrize("overlay", ["paused", "excluded", "blind", None])
def test_times_that_do_not_count_are_left_out(org: Org, overlay: str | None) -> None:
    stream, end, _ = filled(org, 8)
    org.at(end)
    org.learn()
    if overlay:
        org.execute(
            "insert into syncwell.stream_periods (org_id, stream_id, starts_at, source, status, overlay) "
            "values (%s, %s, %s, 'calls', 'unknown', %s)",
            org.org, stream, end, overlay,
        )  # fmt: skip
    for hours in range(1, 20):
        org.at(end + hours * HOUR)
        org.check()
    assert (org.value("select finding from syncwell.volume_baselines") is None) is (overlay is not None)
    org.learn()
    assert org.value("select history_hours from syncwell.volume_baselines") == 8 * WEEK - (19 if overlay else 0)


def test_the_time_when_nothing_evaluated_is_left_out(org: Org) -> None:
    _, end, _ = filled(org, 8)
    org.execute("insert into syncwell.blind_periods values (%s, %s, %s)", org.org, end - 30 * HOUR, end - 20.5 * HOUR)
    org.at(end)
    org.learn()
    assert org.value("select history_hours from syncwell.volume_baselines") == 8 * WEEK - 10


@pytest.mark.parametrize(("zone", "moves"), [("Europe/Berlin", False), ("UTC", True)])
def test_hours_of_the_week_go_by_the_streams_clock(org: Org, zone: str, moves: bool) -> None:
    """Work from 8 to 17 in Berlin goes on at the same hours by the clock when the clock is put forward."""
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 2, 2, tzinfo=UTC)
    end = datetime(2026, 3, 30, tzinfo=UTC)
    hours = int((end - first) / HOUR)

    def volume(time: datetime) -> float:
        return 400.0 if 8 <= time.astimezone(berlin).hour < 17 else 4.0

    org.fill(org.stream("calls", time_zone=zone), first, [volume(first + n * HOUR) for n in range(hours + 24)])
    org.at(end)
    org.learn()
    # 8:00 in Berlin is 6:00 UTC since the day before
    org.at(end + 7 * HOUR)
    act(org, None)
    expected, actual = org.rows(DRIFT)[0][2:4]
    assert actual == 400
    assert (expected < 100) is moves
    # the Sunday of 23 hours has no 2:00
    sunday = org.value(
        "select syncwell._volume_slots('2026-03-28 23:00+00', '2026-03-29 22:00+00', 'Europe/Berlin')",
    )
    assert sunday == [144, 145, *range(147, 168)]


def test_late_items_count_when_they_come(org: Org) -> None:
    """Volumes are read anew at each check, also of hours that were checked before."""
    stream, end, made = filled(org, 8)
    org.at(end)
    org.learn()
    for hours in range(1, 15):
        org.at(end + hours * HOUR)
        org.check()
    assert org.value("select finding from syncwell.volume_baselines") == "gap"
    org.fill(stream, end, made[8 * WEEK : 8 * WEEK + 15])
    org.at(end + 15 * HOUR)
    org.check()
    assert org.value("select finding from syncwell.volume_baselines") is None
    assert org.value("select drift_severity from syncwell.stream_states") == "none"


def test_learning_is_due_once_a_day(org: Org) -> None:
    _, end, _ = filled(org, 3)
    org.at(end)
    assert org.learn(force=False) == 1
    org.at(end + 19 * HOUR)
    assert org.learn(force=False) == 0
    org.at(end + 20 * HOUR)
    assert org.learn(force=False) == 1


def test_a_check_that_did_not_run_for_long_goes_on_with_two_days(org: Org) -> None:
    _, end, _ = filled(org, 8, hours=160)
    org.at(end)
    org.learn()
    org.at(end + 160 * HOUR)
    assert org.check() == 1
    assert org.value("select checked_to from syncwell.volume_baselines") == end + 160 * HOUR
    assert org.value("select finding from syncwell.volume_baselines") is None


@pytest.mark.parametrize(("share", "severity"), [(0.35, "warning"), (0.05, "critical")])
def test_a_drop_of_nearly_all_is_critical(org: Org, share: float, severity: str) -> None:
    sources = Sources(6)
    made = sources.hours(100, 9)
    made[8 * WEEK :] = sources.kept(made[8 * WEEK :], share)
    org.fill(org.stream("calls"), MONDAY, made)
    org.at(MONDAY + 8 * WEEK * HOUR)
    org.learn()
    for hours in range(1, 37):
        org.at(MONDAY + (8 * WEEK + hours) * HOUR)
        org.check()
    row = org.rows("select finding, severity, drift_percent, evidence from syncwell.volume_baselines")[0]
    assert row[:2] == ("drop", severity)
    assert float(row[2]) == pytest.approx(100 * share - 100, abs=12)
    assert row[3]["kind"] == "drop"
    assert row[3]["strength"] > row[3]["limit"] * 0.5


@pytest.mark.parametrize("hours", [0, -1, 2161, None])
def test_hours_out_of_range_are_refused(org: Org, hours: int | None) -> None:
    act(org, None)
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        org.rows("select * from syncwell.get_volume_timeline(p_hours => %s::integer)", hours)


def test_the_band_holds_what_is_expected(org: Org) -> None:
    _, end, made = filled(org, 8)
    org.at(end)
    org.learn()
    act(org, None)
    rows = org.rows("select hour, actual, expected, lower_bound, upper_bound from syncwell.get_volume_timeline()")
    assert [row[0] for row in rows] == [end - (168 - n) * HOUR for n in range(168)]
    assert [float(row[1]) for row in rows] == made[7 * WEEK : 8 * WEEK]
    assert all(0 <= row[3] <= row[2] <= row[4] for row in rows)
    inside = sum(row[3] <= row[1] <= row[4] for row in rows)
    assert inside >= 167


def test_a_flood_does_not_become_the_measure_of_floods(org: Org) -> None:
    """Learned in the middle of a surge, it is still one, and the band is as it was; after it, it counts."""
    stream, end, made = filled(org, 8)
    org.fill(stream, end, [30 * one for one in made[8 * WEEK : 8 * WEEK + 60]])
    band = "select surge_quantiles, surge_scales from syncwell.volume_baselines"
    org.at(end)
    org.learn()
    before = org.rows(band)
    for hours in range(1, 60):
        org.at(end + hours * HOUR)
        org.check()
        if hours == 30:
            org.learn()
            assert org.rows(band) == before
    assert org.rows("select finding, since from syncwell.volume_baselines")[0][0] == "surge"
    for hours in range(60, 120):
        org.at(end + hours * HOUR)
        org.check()
    assert org.value("select finding from syncwell.volume_baselines where finding = 'surge'") is None
    org.learn()
    assert org.rows(band) != before
