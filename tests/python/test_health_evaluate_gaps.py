"""Nobody evaluated for a time: that is unknown and one issue, and no storm of alarms."""

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


def three_hours(fleet: Fleet) -> dict[str, Any]:
    """Eight streams that should run hourly; for three hours neither they nor the evaluator do: the server is off."""
    for n in range(8):
        fleet.register(f"s{n}", "11:00", p_expected_interval="1 hour")
        fleet.run(f"s{n}", "11:50")
    fleet.ticks("12:00", "12:05")
    return fleet.tick("15:05")


def test_three_hours_without_evaluation(fleet: Fleet) -> None:
    did = three_hours(fleet)
    assert (str(did["blind"]), did["opened"]) == ("3:00:00", 1)
    assert fleet.issues() == [("evaluation_gap", "warning", "open", None)]
    assert fleet.rows("select evidence ->> 'gap_seconds', since = '2026-03-02 12:05+00' from syncwell.sync_issues") == [
        ("10800", True)
    ]
    assert fleet.rows(
        "select starts_at = '2026-03-02 12:05+00', ends_at = '2026-03-02 15:05+00' from syncwell.blind_periods"
    ) == [(True, True)]
    assert [p[:2] + p[3:] for p in fleet.periods("s3")] == [
        ("12:00", "12:05", None), ("12:05", "15:05", "blind"), ("15:05", None, None),
    ]  # fmt: skip
    assert fleet.rows("select gap_issue_id = id, judge_from = evaluated_at from syncwell.health_evaluations, "
                      "syncwell.sync_issues") == [(True, True)]  # fmt: skip
    # what runs again within its grace was never late
    for n in range(8):
        fleet.run(f"s{n}", "15:07")
    fleet.tick("15:10")
    assert fleet.issues() == [("evaluation_gap", "warning", "resolved", None)]
    assert fleet.value("select gap_issue_id from syncwell.health_evaluations") is None
    fleet.tick("15:15")
    assert fleet.alerts() == [("evaluation_gap", "firing", False), ("evaluation_gap", "resolved", False)]


def test_three_hours_that_are_not_taken_for_a_gap_are_a_storm(fleet: Fleet) -> None:
    """The control: the same three hours where evaluations are hours apart anyway."""
    fleet.setting("health.evaluation_interval", "02:00:00")
    three_hours(fleet)
    assert {i[0] for i in fleet.issues()} == {"mass_staleness", "stale_data"}
    assert ("mass_staleness", "firing", False) in fleet.alerts()


def test_two_calls_at_the_end_of_a_gap_are_one(fleet: Fleet) -> None:
    three_hours(fleet)
    fleet.tick("15:05")
    assert fleet.issues() == [("evaluation_gap", "warning", "open", None)]
    assert fleet.alerts() == [("evaluation_gap", "firing", False)]


def test_two_intervals_are_no_gap(fleet: Fleet) -> None:
    fleet.run("calls", "12:00")
    fleet.tick("12:05")
    assert fleet.tick("12:15")["blind"] is None
    assert fleet.tick("12:25:01")["blind"] is not None


def test_one_gap_after_the_other_is_one_issue(fleet: Fleet) -> None:
    fleet.run("calls", "12:00")
    fleet.ticks("12:05", "13:05", "14:05", "14:10", "15:10")
    assert fleet.issues("issue_type, state, times_opened") == [("evaluation_gap", "open", 2)]
    assert fleet.value("select count(*) from syncwell.blind_periods") == 3
    assert [p[3] for p in fleet.periods("calls")] == ["blind", "blind", None, "blind", None]


def test_what_was_stale_before_is_so_still(fleet: Fleet) -> None:
    """Grace begins anew, but that ends no issue: somebody was told of it, and it is true."""
    fleet.register("calls", "06:00", p_expected_interval="1 hour")
    fleet.run("calls", "08:00")
    fleet.every(5, "09:00", "11:00")
    assert fleet.issues() == [("stale_data", "warning", "open", None)]
    observed = fleet.value("select recent_states::text from syncwell.stream_states")
    fleet.tick("13:00")
    assert fleet.states() == {"calls": "late"}
    fleet.every(1, "13:01", "13:05")
    assert fleet.value("select recent_states::text from syncwell.stream_states") == observed
    assert fleet.issues("issue_type, state, times_opened") == [
        ("evaluation_gap", "resolved", 1), ("stale_data", "open", 1),
    ]  # fmt: skip
    fleet.every(5, "13:10", "13:30")
    assert fleet.issues("issue_type, state, times_opened") == [
        ("evaluation_gap", "resolved", 1), ("stale_data", "open", 1),
    ]  # fmt: skip
    assert fleet.states() == {"calls": "unhealthy"}
    fleet.run("calls", "13:31")
    fleet.ticks("13:35", "13:40")
    assert fleet.issues("issue_type, state")[1] == ("stale_data", "resolved")
    assert [a for a in fleet.alerts() if a[0] == "stale_data" and a[1] == "resolved"] == [
        ("stale_data", "resolved", False)
    ]


def test_what_was_stale_before_and_pauses_now_is_not_any_more(fleet: Fleet) -> None:
    fleet.register("calls", "06:00", p_expected_interval="1 hour")
    fleet.run("calls", "08:00")
    fleet.every(5, "09:00", "09:15")
    fleet.execute(
        "insert into syncwell.maintenance_windows (org_id, mode, starts_at, ends_at) "
        "values (test.org('a'), 'pause', '2026-03-02 12:00+00', '2026-03-02 18:00+00')"
    )
    fleet.ticks("13:00", "13:01", "13:02")
    assert fleet.issues("issue_type, state") == [("evaluation_gap", "resolved"), ("stale_data", "resolved")]


def test_a_mass_from_before_is_one_still(fleet: Fleet) -> None:
    for n in range(6):
        fleet.register(f"s{n}", "06:00", p_expected_interval="1 hour")
        fleet.run(f"s{n}", "08:00")
    fleet.every(5, "09:00", "09:30")
    assert fleet.value("select count(*) from syncwell.sync_issues where muted_by = 'parent'") == 6
    fleet.ticks("13:00", "13:01", "13:04", "13:05", "13:10", "13:15")
    assert fleet.value("select count(*) from syncwell.sync_issues where muted_by = 'parent' and state = 'open'") == 6
    assert [a for a in fleet.alerts() if a[0] != "evaluation_gap"] == [("mass_staleness", "firing", False)]


def test_a_stream_retired_meanwhile_is_blind_until_then(fleet: Fleet) -> None:
    fleet.run("calls", "12:00")
    fleet.tick("12:05")
    fleet.retire("calls", "13:00")
    fleet.tick("14:00")
    assert fleet.value("select max(ends_at) = '2026-03-02 13:00+00' from syncwell.stream_periods")


def test_waiting_begins_anew_after_a_gap(fleet: Fleet) -> None:
    fleet.setting("health.pending_for", "00:10:00")
    fleet.run("calls", "12:00")
    fleet.tick("12:01")
    fleet.run("calls", "12:02", "failed")
    fleet.tick("12:05")
    fleet.tick("14:00")
    assert fleet.states() == {"calls": "healthy"}
    fleet.ticks("14:05", "14:10")
    assert fleet.states() == {"calls": "degraded"}
