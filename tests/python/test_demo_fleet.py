"""The simulated fleet of the demo: the same each time, alive like people are, and written as recording would have."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from syncwell import Syncwell
from syncwell.cli.demo.past import Past
from syncwell.cli.demo.people import BEGINS, LEAST_DEVICES, OUTAGE_LASTS, SOURCES_OF, Device, Stream, fleet
from syncwell.cli.demo.weeks import WEEKS, Run, runs

if TYPE_CHECKING:
    from harness.cluster import Cluster, Database, Tenants

_NOW = datetime(2026, 3, 18, 14, 25, tzinfo=UTC)  # a Wednesday


@pytest.fixture(scope="module")
def devices() -> list[Device]:
    return fleet(LEAST_DEVICES)


@pytest.fixture(scope="module")
def lived(devices: list[Device]) -> list[Run]:
    return runs(devices, _NOW)


def troubled(devices: list[Device]) -> dict[str, tuple[Device, Stream]]:
    return {stream.trouble: (device, stream) for device in devices for stream in device.streams if stream.trouble}


def healthy(devices: list[Device], platform: str, source: str) -> set[int]:
    return {
        stream.number
        for device in devices
        if device.platform == platform
        for stream in device.streams
        if stream.source == source and stream.trouble is None
    }


def test_it_is_the_same_each_time(devices: list[Device], lived: list[Run]) -> None:
    assert fleet(LEAST_DEVICES) == devices
    assert runs(devices, _NOW) == lived


@pytest.mark.parametrize("number", [LEAST_DEVICES, 200, 1000])
def test_every_trouble_meets_one_device(number: int) -> None:
    made = fleet(number)
    assert len(made) == number
    streams = [stream for device in made for stream in device.streams]
    assert [stream.number for stream in streams] == list(range(len(streams)))
    hit = Counter(stream.trouble for stream in streams if stream.trouble)
    assert hit == {name: 2 if name == "never synced" else 1 for name in BEGINS if name not in ("half loss", "outage")}
    assert len({device.owner for device in made[:500]}) == min(number, 500)
    for device in made:
        assert tuple(stream.source for stream in device.streams) == SOURCES_OF[device.platform]


def test_weeks_end_now(lived: list[Run]) -> None:
    assert _NOW - lived[0].completed_at > timedelta(weeks=WEEKS) - timedelta(hours=5)
    assert timedelta(0) <= _NOW - lived[-1].completed_at < timedelta(minutes=15)
    assert all(run.started_at < run.completed_at for run in lived)


def test_android_is_steady_and_ios_comes_in_bursts(devices: list[Device], lived: list[Run]) -> None:
    def gaps(platform: str) -> list[float]:
        found: list[float] = []
        for number in healthy(devices, platform, "calls"):
            starts = [run.started_at.timestamp() for run in lived if run.stream == number and run.failure is None]
            found += [after - before for before, after in pairwise(starts)]
        return sorted(found)

    steady, bursts = gaps("android"), gaps("ios")
    assert steady[0] > 3.5 * 3600
    assert steady[-1] < 4.5 * 3600
    assert bursts[len(bursts) // 4] < 600
    assert bursts[-1] > 9 * 3600


def test_nights_are_asleep_and_weekends_quieter(devices: list[Device], lived: list[Run]) -> None:
    calls = healthy(devices, "android", "calls")
    items: Counter[tuple[str, int]] = Counter()
    for run in lived:
        if run.stream in calls and run.failure is None:
            day = "weekend" if run.started_at.isoweekday() > 5 else "weekday"
            items[day, run.started_at.hour // 6] += run.items or 0
    # what came in from 00:00 to 06:00 is at most the evening's; the rest of the night is nothing
    assert items["weekday", 0] < items["weekday", 2] / 8
    assert items["weekend", 2] / 2 < 0.75 * items["weekday", 2] / 5


def test_troubles_begin_when_they_say(devices: list[Device], lived: list[Run]) -> None:
    begins = {name: _NOW - before for name, before in BEGINS.items()}
    of = {
        name: [run for run in lived if run.stream == stream.number] for name, (_, stream) in troubled(devices).items()
    }

    assert begins["stopped"] - of["stopped"][-1].started_at < timedelta(hours=4, minutes=20)
    assert of["never synced"] == []
    assert {run.failure is None for run in of["failing"] if run.started_at >= begins["failing"]} == {False}
    assert len([run for run in of["failing"] if run.started_at >= begins["failing"]]) >= 5
    flaky = [run.failure is None for run in of["flaky"] if run.started_at >= begins["flaky"]]
    assert flaky[-1]
    assert flaky[-20:].count(False) >= 10
    slow = [run for run in of["slow"] if run.started_at >= begins["slow"]]
    assert min(run.completed_at - run.started_at for run in slow) > timedelta(minutes=16)
    flood = [run for run in of["flood"] if run.started_at >= begins["flood"]]
    assert len(flood) > 100
    assert min(run.items or 0 for run in flood) > 100

    def texts(start: datetime) -> int:
        streams = healthy(devices, "android", "sms")
        end = start + timedelta(hours=24)
        return sum(run.items or 0 for run in lived if run.stream in streams and start <= run.started_at < end)

    lost = texts(_NOW - timedelta(hours=24)) / texts(_NOW - timedelta(days=7, hours=24))
    assert 0.35 < lost < 0.65
    uploads = healthy(devices, "android", "uploads") | healthy(devices, "ios", "uploads")
    outage = [
        run.failure is None
        for run in lived
        if run.stream in uploads and begins["outage"] <= run.started_at < begins["outage"] + OUTAGE_LASTS
    ]
    assert len(outage) > 10
    assert not any(outage)


def test_nothing_fails_by_chance_at_the_end(devices: list[Device], lived: list[Run]) -> None:
    fine = {stream.number for device in devices for stream in device.streams if stream.trouble is None}
    failures = [run for run in lived if run.stream in fine and run.failure is not None]
    assert 0.003 < len(failures) / len(lived) < 0.03
    assert max(run.completed_at for run in failures) < _NOW - timedelta(hours=39)


def test_bulk_writes_what_recording_writes(cluster: Cluster, tenants: Tenants) -> None:
    """Runs of some days, written at once and one by one: the same states, runs, errors and hours to count."""
    made = fleet(LEAST_DEVICES)
    # the longest streaks, chance failures, and streams in the middle of trouble
    end = _NOW - timedelta(hours=6)
    lived = [run for run in runs(made, _NOW) if run.completed_at > _NOW - timedelta(days=6)]
    found: list[list[Any]] = []
    for in_bulk in (True, False):
        with cluster.database() as database:
            found.append(written(database, tenants, made, lived, end, in_bulk=in_bulk))
    assert len(found[0][1]) > 1000
    for bulk, played in zip(*found, strict=True):
        assert bulk == played


def written(
    database: Database, tenants: Tenants, made: list[Device], lived: list[Run], end: datetime, *, in_bulk: bool
) -> list[Any]:
    connection = database.connect(autocommit=True)
    org_id = tenants.org("a")
    Syncwell(connection).core.bind_login(login_role="postgres", kind="service", org_id=org_id)
    past = Past(connection, org_id)
    past.go_to(_NOW - timedelta(days=7))
    past.enrol(made)
    past.remember(lived)
    if in_bulk:
        past.load(end)
    else:
        past.play(end)
    queries = (
        "select to_jsonb(t) - '{org_id,stream_id,user_id}'::text[] from syncwell.sync_state as t where %s",
        "select to_jsonb(t) - '{org_id,id,stream_id,user_id,lease,error_id}'::text[], left(t.id::text, 13),"
        " (select x.error_type from syncwell.sync_errors as x where x.id = t.error_id)"
        " from syncwell.sync_events as t where %s",
        "select to_jsonb(t) - '{org_id,id,stream_id,user_id,event_id}'::text[], left(t.id::text, 13),"
        " (select x.started_at from syncwell.sync_events as x where x.id = t.event_id)"
        " from syncwell.sync_errors as t where %s",
        "select distinct t.hour from syncwell.sync_metrics_dirty as t where %s",
    )
    found: list[Any] = []
    for query in queries:
        rows = connection.execute(
            "select e.number, q.* from enrolled as e cross join lateral ("
            + query.replace("%s", "t.stream_id = e.stream_id")
            + ") as q"
        ).fetchall()
        found.append(sorted(repr(row) for row in rows))
    return found
