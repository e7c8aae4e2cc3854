"""Volumes of streams of events: by when they happened, once they have had time to arrive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from harness.volumes import HOUR, WEEK, Org, Sources

if TYPE_CHECKING:
    import psycopg

START = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def org(db: psycopg.Connection[Any]) -> Org:
    return Org(db)


def happened(org: Org, stream: Any, first: datetime, volumes: list[float]) -> None:
    """As many events in each hour, as ingest counts them."""
    for n, volume in enumerate(volumes):
        if volume:
            org.execute(
                "insert into syncwell.event_hours (org_id, stream_id, hour, events) values (%s, %s, %s, %s)",
                org.org, stream, first + n * HOUR, int(volume),
            )  # fmt: skip


def delivered(org: Org, stream: Any, last: datetime, count: int, delays: list[timedelta]) -> None:
    """Events up to `last`, one a minute, each as late as its turn among the delays."""
    org.execute(
        "select syncwell.ensure_partitions('data_events')",
    )
    for n in range(count):
        at = last - n * timedelta(minutes=1)
        org.execute(
            "insert into syncwell.data_events (org_id, id, stream_id, source, external_id, occurred_at, payload,"
            " written_at, received_at) select org_id, gen_random_uuid(), stream_id, source, gen_random_uuid(), %s,"
            " '{}', %s, %s from syncwell.streams where stream_id = %s",
            at, at, at + delays[n % len(delays)], stream,
        )  # fmt: skip


def finding(org: Org) -> Any:
    return org.value("select finding from syncwell.volume_baselines")


@pytest.mark.parametrize("of_events", [True, False])
def test_runs_that_only_send_again_hide_no_silence(org: Org, *, of_events: bool) -> None:
    """The control: counted by its runs, a source that died and resends what it had looks well."""
    made = Sources(1).hours(40, 8)
    end = START + 8 * WEEK * HOUR
    stream = org.stream("calls")
    org.fill(stream, START, made)
    if of_events:
        happened(org, stream, START, made)
    org.at(end)
    org.learn()
    org.fill(stream, end, made[: 3 * 24])
    org.at(end + 3 * 24 * HOUR)
    org.check()
    assert finding(org) == ("gap" if of_events else None)


def test_what_ran_before_the_first_event_counts(org: Org) -> None:
    """A source that begins to send events is the same source: nothing is learned anew, nothing is found."""
    made = Sources(2).hours(40, 9)
    stream = org.stream("calls")
    org.fill(stream, START, made)
    begins = START + (8 * WEEK - 6) * HOUR
    happened(org, stream, begins, made[8 * WEEK - 6 :])
    org.at(START + 8 * WEEK * HOUR)
    org.learn()
    assert org.value("select history_hours from syncwell.volume_baselines") == 8 * WEEK
    for _ in org.over(START + 8 * WEEK * HOUR, START + (8 * WEEK + 48) * HOUR):
        assert finding(org) is None
    volumes = "select actual::int from syncwell.get_volume_timeline(p_hours => 60)"
    org.execute("select syncwell.act_as(test.id('a_analyst'))")
    assert [row[0] for row in org.rows(volumes)] == [int(one) for one in made[8 * WEEK - 12 : 8 * WEEK + 48]]


def test_late_events_are_waited_for(org: Org) -> None:
    """A phone that delivers after seven hours is not silent before; the same without what was learned of it is."""
    made = Sources(3).hours(40, 9)
    end = START + 8 * WEEK * HOUR
    stream = org.stream("calls", platform="ios")
    happened(org, stream, START, made[: 8 * WEEK])
    delivered(org, stream, end - timedelta(hours=49), 100, [timedelta(hours=1)] * 9 + [timedelta(hours=7)])
    # quick ones of today say nothing of those that have not come
    delivered(org, stream, end - timedelta(hours=1), 100, [timedelta(seconds=1)])
    org.at(end)
    org.execute("select syncwell._learn_streams(%s, true)", org.org)
    assert org.value("select usual_delay from syncwell.stream_states") == timedelta(hours=7)
    org.learn()
    closed = "select closed_to from syncwell._volume_closed(%s, syncwell._now())"
    assert org.value(closed, org.org) == end - 7 * HOUR
    for hours in range(1, 30):
        # what happened until seven hours ago has come
        if hours > 7:
            happened(org, stream, end + (hours - 8) * HOUR, made[8 * WEEK + hours - 8 : 8 * WEEK + hours - 7])
        org.at(end + hours * HOUR)
        org.check()
        assert finding(org) is None

    org.execute("update syncwell.stream_states set usual_delay = null")
    assert org.value(closed, org.org) == end + 29 * HOUR
    org.check()
    assert finding(org) is not None


def test_the_wait_ends_and_a_group_waits_for_nearly_all(org: Org) -> None:
    streams = [org.stream("calls", user=user) for user in ("a_member", "a_other", "a_analyst")]
    now = START + 8 * WEEK * HOUR
    org.at(now)
    for stream, delay in zip(streams, ["1 hour", "2 hours", "9 days"], strict=True):
        org.execute(
            "insert into syncwell.stream_states (org_id, stream_id, source, usual_delay) values (%s, %s, 'calls', %s)",
            org.org, stream, delay,
        )  # fmt: skip
    closed = dict(org.rows("select stream_id, closed_to from syncwell._volume_closed(%s, %s)", org.org, now))
    assert closed == {
        streams[0]: now - HOUR, streams[1]: now - 2 * HOUR, streams[2]: now - 48 * HOUR, None: now - 48 * HOUR,
    }  # fmt: skip
    org.execute(
        "with added as (insert into syncwell.users (org_id, user_id, role) select %s, gen_random_uuid(), 'member' from"
        " generate_series(1, 30) returning user_id), made as (insert into syncwell.streams (org_id, user_id, source,"
        " platform) select %s, user_id, 'calls', 'server' from added returning stream_id) insert into"
        " syncwell.stream_states (org_id, stream_id, source, usual_delay) select %s, stream_id, 'calls', '3 hours' from"
        " made",
        org.org, org.org, org.org,
    )  # fmt: skip
    of_all = "select closed_to from syncwell._volume_closed(%s, %s) where stream_id is null"
    assert org.value(of_all, org.org, now) == now - 3 * HOUR, "one of 33 does not hold up the others"


def test_made_up_events_teach_no_delay(org: Org) -> None:
    stream = org.stream("calls")
    end = START + 8 * WEEK * HOUR
    happened(org, stream, end - 72 * HOUR, [5] * 20)
    delivered(org, stream, end - timedelta(hours=49), 10, [timedelta(hours=9)])
    org.execute("update syncwell.data_events set data_source = 'mock'")
    delivered(org, stream, end - timedelta(hours=60), 20, [timedelta(minutes=5)])
    org.at(end)
    org.execute("select syncwell._learn_streams(%s, true)", org.org)
    assert org.value("select usual_delay from syncwell.stream_states") == timedelta(minutes=5)
