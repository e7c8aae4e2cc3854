"""A stream that changes again and again is told of once, and not forgotten when it stops."""

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
    fleet.setting("health.keep_for", "0")
    yield fleet
    fleet.assert_sound()


def flap(fleet: Fleet, source: str = "calls", runs: int = 12) -> None:
    """Fails and recovers (two successes) every 15 minutes from 06:00 on."""
    for n in range(runs):
        hour, minute = 6 + n * 15 // 60, n * 15 % 60
        fleet.run(source, f"{hour:02}:{minute:02}", "failed")
        fleet.tick(f"{hour:02}:{minute + 5:02}")
        fleet.run(source, f"{hour:02}:{minute + 6:02}")
        fleet.run(source, f"{hour:02}:{minute + 7:02}")
        fleet.tick(f"{hour:02}:{minute + 10:02}")


@pytest.mark.parametrize(
    ("states", "percent"),
    [
        ("", 0), ("1", 0), ("0" * 21, 0), ("0" * 20 + "1", 6.3), ("1" + "0" * 20, 3.8), ("01", 6.3),
        ("010101010101010101010", 100), ("000011111111111111111", 4.1),
        # two failures far apart are no flapping, however little was observed yet
        ("010000100000", 21.3), ("0101010101", 51.5),
    ],
)  # fmt: skip
def test_flap_percent(fleet: Fleet, states: str, percent: float) -> None:
    assert float(fleet.value("select syncwell._flap_percent(%s::varbit)", states)) == percent


def test_what_is_observed(fleet: Fleet) -> None:
    """A run that ended, once however often one looks; and that it is late, which no run tells."""
    fleet.register("calls", "08:00", p_expected_interval="1 hour")
    fleet.every(5, "08:00", "08:10")
    assert fleet.value("select recent_states::text from syncwell.stream_states") == ""
    fleet.run("calls", "08:12")
    fleet.every(5, "08:15", "08:25")
    assert fleet.value("select recent_states::text from syncwell.stream_states") == "0"
    fleet.every(5, "08:30", "09:30")
    assert fleet.value("select recent_states::text from syncwell.stream_states") == "01"
    fleet.run("calls", "09:31")
    fleet.tick("09:35")
    fleet.run("calls", "09:36")
    fleet.tick("09:40")
    assert fleet.value("select recent_states::text from syncwell.stream_states") == "0100"


def test_it_is_told_of_once(fleet: Fleet) -> None:
    flap(fleet, runs=4)
    assert fleet.rows("select length(recent_states), is_flapping from syncwell.stream_states") == [(8, False)]
    told = len(fleet.alerts())
    assert told == 8
    flap_from = len(fleet.alerts())
    for n in range(4, 12):
        hour, minute = 6 + n * 15 // 60, n * 15 % 60
        fleet.run("calls", f"{hour:02}:{minute:02}", "failed")
        fleet.tick(f"{hour:02}:{minute + 5:02}")
        fleet.run("calls", f"{hour:02}:{minute + 6:02}")
        fleet.run("calls", f"{hour:02}:{minute + 7:02}")
        fleet.tick(f"{hour:02}:{minute + 10:02}")
    assert fleet.rows("select length(recent_states), is_flapping from syncwell.stream_states") == [(21, True)]
    assert fleet.value("select count(*) from syncwell.stream_periods where is_flapping") > 1
    assert [i[2:] for i in fleet.issues()] == [("open", "flapping")]
    # one more before ten observations are there, then once that it flaps
    assert [a[2] for a in fleet.alerts()[flap_from:]].count(True) == 1
    assert len(fleet.alerts()) <= flap_from + 3


def test_without_damping_each_change_is_told(fleet: Fleet) -> None:
    """The control: the same history where nothing is ever taken for flapping."""
    fleet.setting("health.flap_start", "100")
    fleet.setting("health.flap_minimum", "21")
    flap(fleet, runs=10)
    assert len(fleet.alerts()) == 20


def test_it_ends_when_it_has_been_steady(fleet: Fleet) -> None:
    flap(fleet)
    seen = []
    for n in range(20):
        fleet.run("calls", f"{9 + n // 6:02}:{n % 6 * 10:02}")
        fleet.tick(f"{9 + n // 6:02}:{n % 6 * 10 + 5:02}")
        seen += fleet.rows(
            "select is_flapping, syncwell._flap_percent(recent_states)::float from syncwell.stream_states"
        )
    assert [flaps for flaps, percent in seen] == [percent > 20 for flaps, percent in seen]
    # it begins at 30
    assert any(flaps and percent < 30 for flaps, percent in seen)
    assert fleet.rows("select status, is_flapping from syncwell.stream_periods where ends_at is null") == [
        ("healthy", False)
    ]
    assert [i[2] for i in fleet.issues()] == ["resolved"]
    assert fleet.alerts()[-1][1] == "resolved"


def test_it_ends_when_it_is_steadily_down_and_that_is_told(fleet: Fleet) -> None:
    flap(fleet)
    before = len(fleet.alerts())
    for n in range(20):
        fleet.run("calls", f"{9 + n // 6:02}:{n % 6 * 10:02}", "failed")
        fleet.tick(f"{9 + n // 6:02}:{n % 6 * 10 + 5:02}")
    assert fleet.rows("select is_flapping, status from syncwell.stream_states") == [(False, "unhealthy")]
    assert ("failure", "critical", "open", None) in fleet.issues()
    assert (
        fleet.alerts()[before:]
        == [("failure", "firing", False), ("high_error_rate", "firing", False)][: len(fleet.alerts()) - before]
    )


def test_one_that_stops_altogether_is_told_of(fleet: Fleet) -> None:
    """No run ends any more, so no observation would ever come: being overdue is one."""
    fleet.register("calls", "05:00", p_expected_interval="30 minutes")
    flap(fleet)
    fleet.every(5, "09:00", "12:00")
    assert fleet.rows("select is_flapping, status from syncwell.stream_states") == [(False, "unhealthy")]
    assert [i for i in fleet.issues("issue_type, state, muted_by") if i[0] == "stale_data"] == [
        ("stale_data", "open", None)
    ]
    assert ("stale_data", "firing", False) in fleet.alerts()


def test_twice_at_the_same_time_is_observed_once(fleet: Fleet) -> None:
    fleet.register("calls", "05:00", p_expected_interval="30 minutes")
    flap(fleet)
    fleet.every(5, "09:00", "09:40")
    observed = fleet.rows("select is_flapping, recent_states::text from syncwell.stream_states")
    fleet.tick("09:40")
    assert fleet.rows("select is_flapping, recent_states::text from syncwell.stream_states") == observed
    fleet.tick("09:45")
    assert fleet.rows("select is_flapping, recent_states::text from syncwell.stream_states") != observed
    assert observed[0][0]


def test_what_else_is_wrong_with_it_is_told(fleet: Fleet) -> None:
    flap(fleet)
    fleet.run("calls", "09:01", "started")
    fleet.setting("runs.max_runtime", "00:10:00")
    fleet.every(5, "09:05", "09:15")
    assert [i for i in fleet.issues("issue_type, state, muted_by") if i[0] == "stuck"] == [("stuck", "open", None)]
