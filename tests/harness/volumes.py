"""Volumes by hour, real and made, and what the database finds in them."""

from __future__ import annotations

import csv
import json
import math
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from harness.paths import TESTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import psycopg

DATA = TESTS / "data" / "volume"
HOUR = timedelta(hours=1)
WEEK = 168
LEARN = 14 * 24

# One series learned from the hours before `learned`, then hour by hour what is found, nothing stored.
_FOUND = """
with recursive learned as (
  select to_jsonb(m) || jsonb_build_object('checked_to', '2026-03-02 00:00+00') as model
  from syncwell._volume_model(
    (%(counts)s::float8[])[greatest(%(learned)s - 1343, 1):%(learned)s],
    (%(slots)s::integer[])[greatest(%(learned)s - 1343, 1):%(learned)s]
  ) as m
),
steps (n, baseline) as (
  select 0, jsonb_populate_record(null::syncwell.volume_baselines, l.model) from learned as l
  union all
  select
    s.n + 1,
    syncwell._volume_step(
      s.baseline,
      (%(counts)s::float8[])[%(learned)s + s.n - 22:%(learned)s + s.n + 1],
      (%(slots)s::integer[])[%(learned)s + s.n - 22:%(learned)s + s.n + 1],
      30, 80
    )
  from steps as s
  where %(learned)s + s.n < cardinality(%(counts)s::float8[])
)
select (s.baseline).finding from steps as s where s.n > 0 order by s.n
"""


def windows() -> dict[str, list[tuple[datetime, datetime]]]:
    """The labelled windows of each series, in UTC."""
    found = json.loads((DATA / "windows.json").read_text())
    return {
        name.removesuffix(".csv"): [
            (datetime.fromisoformat(a).replace(tzinfo=UTC), datetime.fromisoformat(b).replace(tzinfo=UTC))
            for a, b in spans
        ]
        for name, spans in found.items()
    }


def real(name: str) -> tuple[datetime, list[float]]:
    """The first hour and the volumes of all hours of a series."""
    hours: dict[datetime, float] = {}
    with (DATA / f"{name}.csv").open() as file:
        for row in csv.DictReader(file):
            hour = datetime.fromisoformat(row["timestamp"]).replace(minute=0, second=0, tzinfo=UTC)
            hours[hour] = hours.get(hour, 0) + float(row["value"])
    first = min(hours)
    return first, [hours.get(first + n * HOUR, 0) for n in range(int((max(hours) - first) / HOUR) + 1)]


def slots(first: datetime, hours: int) -> list[int]:
    """The hour of the week, by UTC, of each hour."""
    return [(first + n * HOUR).weekday() * 24 + (first + n * HOUR).hour for n in range(hours)]


class Sources:
    """Made sources: a daily and weekly rhythm, days that differ, hours that differ, counts by chance."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - chance that can be had again
        profile = [(0.15 + math.exp(-(((n % 24 - 14) / 5) ** 2))) * (0.35 if n // 24 >= 5 else 1) for n in range(WEEK)]
        self.profile = [value * WEEK / sum(profile) for value in profile]

    def hours(self, level: float, weeks: int, variation: float = 0.1) -> list[float]:
        """`level` events an hour in the mean, from Monday 0:00 on."""
        shape = 1 / variation**2
        days = [math.exp(self.chance.gauss(0, variation / 2)) for _ in range(7 * weeks)]
        return [
            self._count(level * self.profile[n % WEEK] * days[n // 24] * self.chance.gammavariate(shape, 1 / shape))
            for n in range(WEEK * weeks)
        ]

    def kept(self, volumes: Iterable[float], share: float) -> list[float]:
        """What is left when each event comes through with this probability."""
        return [float(sum(self.chance.random() < share for _ in range(int(one)))) for one in volumes]

    def _count(self, mean: float) -> float:
        if mean > 60:
            return float(max(round(self.chance.gauss(mean, math.sqrt(mean))), 0))
        left, count = math.exp(-mean), 0
        product = self.chance.random()
        while product > left:
            product *= self.chance.random()
            count += 1
        return float(count)


def found(
    connection: psycopg.Connection[Any], counts: Sequence[float | None], learned: int, first: datetime | None = None
) -> list[str | None]:
    """What is found in each hour after the first `learned`, by what these taught; from Monday 0:00 on, or `first`."""
    hours = slots(first or datetime(2026, 3, 2, tzinfo=UTC), len(counts))
    rows = connection.execute(_FOUND, {"counts": list(counts), "slots": hours, "learned": learned}).fetchall()
    return [finding for (finding,) in rows]


class Org:
    """Streams of org a with volumes of their own, on the fake clock; one session, nothing committed."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.org = connection.execute("select test.org('a')").fetchone()[0]  # type: ignore[index]
        self.execute("select syncwell.bind_login(session_user, 'gateway')")

    def execute(self, query: Any, *args: Any) -> psycopg.Cursor[Any]:
        return self.connection.execute(query, args or None)

    def value(self, query: Any, *args: Any) -> Any:
        row = self.execute(query, *args).fetchone()
        return None if row is None else row[0]

    def rows(self, query: Any, *args: Any) -> list[tuple[Any, ...]]:
        return self.execute(query, *args).fetchall()

    def stream(
        self, source: str, user: str | None = None, platform: str | None = "server", time_zone: str | None = "UTC"
    ) -> Any:
        """A stream with nothing in it."""
        return self.value(
            "insert into syncwell.streams (org_id, user_id, source, platform, time_zone, registered_at) "
            "values (%s, test.id(%s), %s, %s, %s, '2015-01-01') returning stream_id",
            self.org, user, source, platform, time_zone,
        )  # fmt: skip

    def fill(self, stream: Any, first: datetime, volumes: Iterable[float | None]) -> None:
        """Store the volumes of hours that follow each other as if the runs had been counted; 0 leaves no row."""
        with self.connection.cursor().copy(
            "copy syncwell.sync_metrics (org_id, stream_id, period, period_start, source, total, successful, failed, "
            "items, computed_at) from stdin"
        ) as copy:
            for n, volume in enumerate(volumes):
                if volume:
                    hour = first + n * HOUR
                    copy.write_row((self.org, stream, "hour", hour, "volume", 1, 1, 0, volume, hour))

    def at(self, time: datetime) -> None:
        self.execute("select set_config('syncwell.fake_now', %s, false)", time.isoformat())

    def learn(self, *, force: bool = True) -> int:
        return int(self.value("select syncwell._learn_volumes(%s, %s)", self.org, force))

    def check(self) -> int:
        return int(self.value("select syncwell._check_volumes(%s)", self.org))

    def over(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Each full hour from start to end, checked, and learned once a day."""
        time = start
        while time <= end:
            self.at(time)
            self.check()
            if (time - start) % timedelta(days=1) == timedelta():
                self.learn()
            yield time
            time += HOUR
