"""Eight weeks in the life of the fleet: when its phones sync, how long that takes, and how much there is to sync.

Android syncs every four hours, day and night; iOS in bursts, when its owner opens the app. What a run carries is what
happened since the one before: little at night, less at weekends.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from syncwell.cli.demo.people import BEGINS, OUTAGE_LASTS, SEED, Device, Source, Stream

WEEKS = 8

_HOUR = 3600.0
_DAY = 24 * _HOUR
_PERIOD = 4 * _HOUR
_VISIT = 600
_JITTER = 8 * 60
_UPLOADS_EVERY = 2
_BURSTS = (7.5, 12.5, 18.5, 22.0)
_BURST_JITTER = 20 * 60
_BURST_MISSED = 0.1
_FAILED = 0.008
_PATIENCE = 1800
_ON_WIFI = 0.7
_QUIET = timedelta(hours=51)
"""So long before the end nothing fails by chance."""

_AWAKE = (0.2, 0.1, 0.05, 0.05, 0.05, 0.1, 0.4, 1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2.5, 2, 1.5, 1, 0.5)
_WEEKEND = 0.6
_A_DAY: dict[Source, float] = {"calls": 8, "sms": 14, "uploads": 5}
_SPREAD = 0.35
_TAKES: dict[Source, float] = {"calls": 0.9, "sms": 1.4, "uploads": 22}
_FLOOD_EVERY = 240.0
_FLOOD_ITEMS = 180
_SLOW_TAKES = 32 * 60
_PHOTO_BYTES = 2_400_000
_RECORD_BYTES = 180

Failure = tuple[str, str]
_CHANCES: tuple[Failure, ...] = (
    ("ETIMEDOUT", "connection timed out after 30 s"),
    ("ECONNRESET", "connection reset by peer"),
    ("HTTP_502", "bad gateway"),
)
_OUTAGE: Failure = ("HTTP_503", "the upload service is unavailable")
_REVOKED: Failure = ("HTTP_401", "the session has expired, sign in again")
_FLAKY: Failure = ("ECONNRESET", "connection reset by peer")


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is over."""

    stream: int
    started_at: datetime
    completed_at: datetime
    items: int | None
    bytes: int | None
    failure: Failure | None
    network: str


def runs(devices: list[Device], now: datetime) -> list[Run]:
    """All that the fleet did until `now`, in the order in which it ended."""
    made = [run for device in devices for run in _of_device(device, now)]
    made.sort(key=lambda run: (run.completed_at, run.stream))
    return made


def _of_device(device: Device, now: datetime) -> Iterator[Run]:
    chance = random.Random(f"{SEED}:{device.number}")  # noqa: S311
    end = now.timestamp()
    # owners are awake by the clock: days begin at midnight
    start = math.floor((end - WEEKS * 7 * _DAY) / _DAY) * _DAY
    visits = list(_android(chance, start, end) if device.platform == "android" else _ios(chance, start, end))
    for position, stream in enumerate(device.streams):
        own = random.Random(f"{SEED}:{device.number}:{stream.source}")  # noqa: S311
        if stream.source == "uploads" and device.platform == "android":
            times = visits[device.number % _UPLOADS_EVERY :: _UPLOADS_EVERY]
        else:
            times = visits
        yield from _OfStream(stream, own, now).runs([time + 20.0 * position for time in times])


def _android(chance: random.Random, start: float, end: float) -> Iterator[float]:
    time = start + chance.uniform(0, _PERIOD)
    while time < end:
        yield time + chance.uniform(-_JITTER, _JITTER)
        time += _PERIOD


def _ios(chance: random.Random, start: float, end: float) -> Iterator[float]:
    habit = [chance.uniform(-0.7, 0.7) * _HOUR for _ in _BURSTS]
    missed = False
    day = start
    while day < end:
        for hour, shift in zip(_BURSTS, habit, strict=True):
            time = day + hour * _HOUR + shift + chance.uniform(-_BURST_JITTER, _BURST_JITTER)
            missed = not missed and chance.random() < _BURST_MISSED
            if missed:
                continue
            for _ in range(chance.choice((1, 2, 2, 3))):
                if time < end:
                    yield time
                time += chance.uniform(90, 400)
        day += _DAY


class _OfStream:
    """The runs of one stream."""

    def __init__(self, stream: Stream, chance: random.Random, now: datetime) -> None:
        self._stream = stream
        self._chance = chance
        self._level = _A_DAY[stream.source] * chance.lognormvariate(0, _SPREAD)
        self._now = now.timestamp()
        self._outage = self._now - BEGINS["outage"].total_seconds()
        self._outage_ends = self._outage + OUTAGE_LASTS.total_seconds()
        self._half_loss = self._now - BEGINS["half loss"].total_seconds()
        trouble = stream.trouble
        self._trouble = math.inf if trouble is None else self._now - BEGINS[trouble].total_seconds()

    def runs(self, times: list[float]) -> Iterator[Run]:
        since, busy_until = times[0] - _PERIOD, 0.0
        for time in self._changed(times):
            # who is trying again does not begin anew
            if time < busy_until:
                continue
            for run in self._tries(time, since):
                busy_until = run.completed_at.timestamp()
                if busy_until > self._now:
                    return
                if run.failure is None:
                    since = run.started_at.timestamp()
                yield run

    def _changed(self, times: list[float]) -> list[float]:
        """When it syncs, with what has befallen it."""
        begins = self._trouble
        before = [time for time in times if time < begins]
        match self._stream.trouble:
            case "never synced":
                return []
            case "stopped":
                return before
            case "stuck":
                return [*before, begins - _VISIT]
            case "flood":
                return [
                    *before,
                    *(begins + step * _FLOOD_EVERY for step in range(int((self._now - begins) / _FLOOD_EVERY))),
                ]
            case _:
                return times

    def _tries(self, time: float, since: float) -> Iterator[Run]:
        """A run, and when it fails the tries that follow it."""
        chance = self._chance
        network = "wifi" if chance.random() < _ON_WIFI else "cellular"
        failure, tries = self._failure(time)
        while failure is not None and tries > 0:
            run = self._run(time, chance.uniform(2, 31), None, failure, network)
            yield run
            time = run.completed_at.timestamp() + chance.uniform(20, 90)
            if failure == _OUTAGE:
                time += _PATIENCE
                tries = int(time < self._outage_ends)
            else:
                tries -= 1
        if failure != _REVOKED:
            yield self._run(time, self._seconds(time, network), self._items(since, time), None, network)

    def _failure(self, time: float) -> tuple[Failure | None, int]:
        """What makes a run fail, and how often in a row."""
        if time >= self._trouble and self._stream.trouble == "failing":
            return _REVOKED, 1
        if time >= self._trouble and self._stream.trouble == "flaky":
            # each of its visits ends well
            return (_FLAKY, 2) if time < self._now - _VISIT else (None, 0)
        if self._stream.source == "uploads" and self._outage <= time < self._outage_ends:
            return _OUTAGE, 1
        if self._chance.random() < _FAILED and time < self._now - _QUIET.total_seconds():
            return self._chance.choice(_CHANCES), 1
        return None, 0

    def _seconds(self, time: float, network: str) -> float:
        typical = _TAKES[self._stream.source] * (1.6 if network == "cellular" else 1)
        if self._stream.trouble == "slow" and time >= self._trouble:
            typical = _SLOW_TAKES
        return typical * self._chance.lognormvariate(0, 0.25 if typical > 1000 else 0.4)

    def _items(self, since: float, time: float) -> int:
        if self._stream.trouble == "flood" and time >= self._trouble:
            return _poisson(self._chance, _FLOOD_ITEMS)
        expected = self._level * (_activity(time) - _activity(since))
        number = _poisson(self._chance, expected)
        if self._stream.source == "sms" and time >= self._half_loss:
            return sum(self._chance.random() < 0.5 for _ in range(number))
        return number

    def _run(self, time: float, seconds: float, items: int | None, failure: Failure | None, network: str) -> Run:
        each = _PHOTO_BYTES if self._stream.source == "uploads" else _RECORD_BYTES
        return Run(
            stream=self._stream.number,
            started_at=datetime.fromtimestamp(time, UTC),
            completed_at=datetime.fromtimestamp(time + seconds, UTC),
            items=items,
            bytes=None if items is None else items * each,
            failure=failure,
            network=network,
        )


def _poisson(chance: random.Random, expected: float) -> int:
    if expected > 30:
        return max(0, round(chance.gauss(expected, math.sqrt(expected))))
    limit, number, product = math.exp(-expected), 0, chance.random()
    while product > limit:
        number += 1
        product *= chance.random()
    return number


def _weekly() -> list[float]:
    """What has happened of an average day's worth by each hour of the week, from Monday on."""
    hours = [activity * (_WEEKEND if day >= 5 else 1) for day in range(7) for activity in _AWAKE]
    scale = 7 / sum(hours)
    sums = [0.0]
    for hour in hours:
        sums.append(sums[-1] + hour * scale)
    return sums


_SUMS = _weekly()
_SLOPES = [after - before for before, after in pairwise(_SUMS)]
_MONDAY = 4 * _DAY


def _activity(time: float) -> float:
    """Average days' worth of life since a Monday long ago."""
    weeks, rest = divmod(time - _MONDAY, 7 * _DAY)
    hour, part = divmod(rest, _HOUR)
    return weeks * 7 + _SUMS[int(hour)] + _SLOPES[int(hour)] * part / _HOUR
