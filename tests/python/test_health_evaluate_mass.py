"""Many stale streams at once are one issue; theirs are kept, and nobody is told of each."""

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


def grow(fleet: Fleet, streams: int, stale: int) -> None:
    """So many streams that should run hourly, all ran at 11:00; the last so many of them run no more."""
    for n in range(streams):
        fleet.register(f"s{n:02}", "10:00", p_expected_interval="1 hour")
        fleet.run(f"s{n:02}", "11:00")
    for n in range(streams - stale):
        fleet.run(f"s{n:02}", "11:58")
    fleet.every(5, "12:00", "12:10")


def test_a_mass_is_one_issue_and_one_alert(fleet: Fleet) -> None:
    grow(fleet, 15, 6)
    assert fleet.issues("issue_type, severity, muted_by, parent_id is not null") == [
        ("mass_staleness", "critical", None, False),
        *[("stale_data", "warning", "parent", True)] * 6,
    ]
    assert fleet.value(
        "select count(*) from syncwell.sync_issues as c join syncwell.sync_issues as p on p.id = c.parent_id "
        "where p.issue_type = 'mass_staleness'"
    ) == 6  # fmt: skip
    assert fleet.rows(
        "select evidence -> 'streams', evidence -> 'expecting', evidence -> 'share', evidence -> 'sources', "
        "jsonb_array_length(evidence -> 'first_streams') from syncwell.sync_issues "
        "where issue_type = 'mass_staleness'"
    ) == [(6, 15, 0.4, [f"s{n:02}" for n in range(9, 15)], 6)]
    assert fleet.alerts() == [("mass_staleness", "firing", False)]


def test_each_org_has_a_mass_of_its_own(fleet: Fleet) -> None:
    """What an issue is told apart by is the same in both."""
    masses = (
        "select o.name, i.state, i.evidence -> 'streams' from syncwell.sync_issues as i"
        " inner join syncwell.orgs as o using (org_id) where i.issue_type = 'mass_staleness' order by i.org_id, i.id"
    )
    grow(fleet, 15, 6)
    mine = fleet.rows(masses)
    assert [row[1:] for row in mine] == [("open", 6)]
    fleet.org, fleet.user = "b", "b_member"
    grow(fleet, 10, 5)
    both = fleet.rows(masses)
    assert sorted(row[1:] for row in both) == [("open", 5), ("open", 6)]
    assert fleet.rows("select count(*), count(distinct fingerprint) from syncwell.sync_issues "
                      "where issue_type = 'mass_staleness'") == [(2, 1)]  # fmt: skip
    for n in range(10):
        fleet.run(f"s{n:02}", "12:11")
    fleet.every(5, "12:15", "12:40")
    assert sorted(row[1] for row in fleet.rows(masses)) == ["open", "resolved"]
    assert mine[0] in fleet.rows(masses)


def test_the_share_itself_is_no_mass(fleet: Fleet) -> None:
    grow(fleet, 20, 6)
    assert fleet.issues() == [("stale_data", "warning", "open", None)] * 6


def test_few_streams_are_no_mass(fleet: Fleet) -> None:
    grow(fleet, 4, 4)
    assert fleet.issues() == [("stale_data", "warning", "open", None)] * 4


def test_streams_of_which_nothing_is_expected_dont_count(fleet: Fleet) -> None:
    for n in range(20):
        fleet.register(f"quiet{n}", "10:00")
    grow(fleet, 10, 5)
    assert (
        fleet.value("select evidence -> 'expecting' from syncwell.sync_issues where issue_type = 'mass_staleness'")
        == 10
    )


def test_streams_that_pause_dont_count(fleet: Fleet) -> None:
    fleet.execute(
        "insert into syncwell.maintenance_windows (org_id, mode, source, starts_at, ends_at) "
        "values (test.org('a'), 'pause', 'resting', '2026-03-02 09:00+00', '2026-03-02 18:00+00')"
    )
    for user in ("a_member", "a_other", "a_admin", "a_analyst"):
        fleet.user = user
        fleet.register("resting", "10:00", p_expected_interval="1 hour")
    fleet.user = "a_member"
    grow(fleet, 10, 5)
    assert (
        fleet.value("select evidence -> 'expecting' from syncwell.sync_issues where issue_type = 'mass_staleness'")
        == 10
    )


def test_without_grouping_each_is_told_of(fleet: Fleet) -> None:
    """The control: the same streams where no number of them is a mass."""
    fleet.setting("health.mass_minimum", "1000")
    grow(fleet, 15, 6)
    assert fleet.alerts() == [("stale_data", "firing", False)] * 6


def test_it_ends_below_half_of_the_share(fleet: Fleet) -> None:
    grow(fleet, 10, 5)
    # two of ten are more than 0.15
    for n in (5, 6, 7):
        fleet.run(f"s{n:02}", "12:11")
    fleet.ticks("12:15", "12:20")
    assert fleet.issues("issue_type, state, muted_by") == [
        ("mass_staleness", "open", None), *[("stale_data", "resolved", "parent")] * 3,
        *[("stale_data", "open", "parent")] * 2,
    ]  # fmt: skip
    assert (
        fleet.value("select evidence -> 'streams' from syncwell.sync_issues where issue_type = 'mass_staleness'") == 2
    )
    fleet.run("s08", "12:21")
    fleet.tick("12:25")
    # the mass has ended a moment ago: the last one of it stays quiet as long as it does
    assert fleet.issues("issue_type, state, muted_by")[-1] == ("stale_data", "open", "parent")
    fleet.tick("12:30")
    assert fleet.issues("issue_type, state, muted_by, parent_id")[0][:2] == ("mass_staleness", "resolved")
    assert fleet.issues("issue_type, state, muted_by, parent_id")[-1] == ("stale_data", "open", None, None)
    assert fleet.alerts() == [
        ("mass_staleness", "firing", False), ("mass_staleness", "resolved", False), ("stale_data", "firing", False),
    ] or fleet.alerts() == [
        ("mass_staleness", "firing", False), ("stale_data", "firing", False), ("mass_staleness", "resolved", False),
    ]  # fmt: skip


def test_a_mass_that_comes_back_is_the_same_and_keeps_its_streams_quiet(fleet: Fleet) -> None:
    grow(fleet, 10, 5)
    for n in range(10):
        fleet.run(f"s{n:02}", "12:11")
    fleet.every(5, "12:15", "13:15")
    assert {i[0] for i in fleet.issues("state")} == {"resolved"}
    fleet.tick("13:20")
    assert (
        fleet.value(
            "select count(*) from syncwell.sync_issues as c join syncwell.sync_issues as p on p.id = c.parent_id "
            "where p.issue_type = 'mass_staleness' and c.state = 'open'"
        )
        == 10
    )
    fleet.tick("13:25")
    assert fleet.issues("issue_type, state, times_opened, muted_by") == [
        ("mass_staleness", "open", 2, None), *[("stale_data", "open", 1, "parent")] * 5,
        *[("stale_data", "open", 2, "parent")] * 5,
    ] or sorted(fleet.issues("issue_type, state, times_opened, muted_by")) == sorted([
        ("mass_staleness", "open", 2, None), *[("stale_data", "open", 1, "parent")] * 5,
        *[("stale_data", "open", 2, "parent")] * 5,
    ])  # fmt: skip
    assert [a[:2] for a in fleet.alerts()] == [
        ("mass_staleness", "firing"), ("mass_staleness", "resolved"), ("mass_staleness", "firing"),
    ]  # fmt: skip
