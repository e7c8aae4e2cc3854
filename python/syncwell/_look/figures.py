"""The charts that report and dashboard share, each with a text and the table behind it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from markupsafe import Markup

from syncwell import _words as words
from syncwell._look import charts
from syncwell.health import HealthHistory, VolumeHour

__all__ = ["Chart", "Figures", "harmless", "listed"]

_WIDE, _NARROW, _SMALL = 1040, 360, 320
_UNIT = re.compile(r"(?<=\d) (?=(?:ms|s|min|h|d)\b|%)")


@dataclass(kw_only=True)
class Chart:
    """A chart with what stands around it; `numbers` is the table behind it."""

    name: str
    title: str
    text: str
    pictures: list[tuple[str, Markup]]
    legend: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    columns: list[str]
    numbers: list[list[str]]


def harmless(value: object) -> object:
    """Text of others without control characters, and no line break between a number and its unit."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return _UNIT.sub("\N{NO-BREAK SPACE}", words.plain(value))


class Figures:
    """Draws them, as a clock of this zone tells the time; the large ones are `wide` where there is room, in pixels."""

    def __init__(
        self, zone: tzinfo, now: datetime, draw: Callable[..., Markup] = charts.draw, *, wide: int = _WIDE
    ) -> None:
        self._zone = zone
        self._now = now
        self._draw = draw
        self._wide = wide

    def clock(self, time: datetime | None) -> str:
        """A time in the org's zone, to the minute."""
        if time is None:
            return words.NOTHING
        local = time.astimezone(self._zone)
        year = "" if local.year == self._now.astimezone(self._zone).year else f" {local.year}"
        return f"{local:%-d %b}{year}, {local:%H:%M}"

    def by_source(self, counts: Sequence[tuple[str, dict[str, int]]], most: int) -> Chart:
        """Streams by status, a bar a source, of so many sources at most."""
        shown = counts[:most]
        total = sum(sum(numbers.values()) for _, numbers in counts)
        return Chart(
            name="streams",
            title="Streams by status" + (f", the first {most} of {len(counts)} sources" if len(counts) > most else ""),
            text=f"{words.count(total)} streams of {len(counts)} sources.",
            pictures=self._both("streams", charts.streams_by_status(shown), 34 + 32 * len(shown)),
            legend=[(one, one) for one in charts.STATUSES if any(numbers.get(one) for _, numbers in counts)],
            columns=["source", *charts.STATUSES],
            numbers=[
                [source, *(words.count(numbers.get(one, 0)) for one in charts.STATUSES)] for source, numbers in shown
            ],
        )

    def volume(self, name: str, title: str, rows: Sequence[VolumeHour]) -> Chart:
        """What came each hour against what was expected."""
        odd = charts.outstanding(rows)
        stretches = [f"{severity} from {self.clock(first)} to {self.clock(last)}" for severity, first, last in odd]
        known = [row for row in rows if row.actual is not None]
        came = sum(row.actual or 0 for row in known)
        wanted = sum(row.expected or 0 for row in known if row.expected is not None)
        text = f"{words.count(came)} items came in {len(known)} hours; {words.count(wanted)} were expected. "
        text += f"Outside of what is usual: {'; '.join(stretches[:5])}." if stretches else "Nothing stands out."
        most, reach = charts.volume_reach(rows)
        if most > reach:
            text += f" The band is cut: up to {words.count(most)} an hour is usual."
        return Chart(
            name=name,
            title=title,
            text=text,
            pictures=self._both(name, charts.volume(rows, self._zone), 190),
            columns=["hour", "items", "expected", "at least", "at most", ""],
            numbers=[
                [
                    self.clock(row.hour),
                    *(words.count(one) for one in (row.actual, row.expected, row.lower_bound, row.upper_bound)),
                    row.severity if row.severity in ("warning", "critical") else "",
                ]
                for row in rows
            ],
        )

    def outcomes(self, number: int, rows: Sequence[HealthHistory]) -> Chart:
        """How many runs of each period ended how."""
        good, bad = sum(row.successful_syncs for row in rows), sum(row.failed_syncs for row in rows)
        worst = max(rows, key=lambda row: row.failed_syncs)
        text = f"{words.count(good)} runs succeeded, {words.count(bad)} failed"
        text += f", most of them on {self._day(worst)}: {words.count(worst.failed_syncs)}." if bad else "."
        return self._small(
            f"outcomes-{number}",
            f"Runs by outcome, {self._each(rows)}",
            text,
            charts.runs_by_outcome(rows, self._zone),
            legend=[("healthy", "succeeded"), ("unhealthy", "failed"), ("unknown", "open or cancelled")],
            columns=["since", "runs", "succeeded", "failed", "success", "items"],
            numbers=[
                [
                    self._day(row),
                    *(words.count(one) for one in (row.total_syncs, row.successful_syncs, row.failed_syncs)),
                    words.share(row.success_rate),
                    words.count(row.total_items_synced),
                ]
                for row in rows
            ],
        )

    def durations(self, number: int, rows: Sequence[HealthHistory]) -> Chart:
        """How long runs took."""
        spec, unit = charts.durations(rows, self._zone)
        known = [row for row in rows if row.p95_duration_ms is not None]
        if known:
            worst = max(known, key=lambda row: row.p95_duration_ms or 0)
            text = (
                f"In the last period half of the runs took at most {words.milliseconds(known[-1].p50_duration_ms)}, "
                f"95 % at most {words.milliseconds(known[-1].p95_duration_ms)}; "
                f"slowest on {self._day(worst)}: {words.milliseconds(worst.p95_duration_ms)}."
            )
        else:
            text = "No run has ended."
        return self._small(
            f"durations-{number}",
            f"Duration in {unit}",
            text,
            spec,
            legend=[("accent", "half take at most"), ("second", "95 % take at most")],
            columns=["since", "p50", "p95"],
            numbers=[
                [self._day(row), words.milliseconds(row.p50_duration_ms), words.milliseconds(row.p95_duration_ms)]
                for row in rows
            ],
        )

    def shares(self, number: int, rows: Sequence[HealthHistory]) -> Chart:
        """Which share of the time had which status."""
        means = {one: sum(getattr(row, f"{one}_share") for row in rows) / len(rows) for one in charts.SHARES}
        present = [one for one in charts.SHARES if means[one] > 0]
        return self._small(
            f"shares-{number}",
            "Status over time, share of the streams",
            f"Of all their time the streams were {listed([f'{_part(means[one])} {one}' for one in present])}.",
            charts.status_over_time(rows, self._zone),
            legend=[(one, one) for one in present],
            columns=["since", *charts.SHARES, "score"],
            numbers=[
                [
                    self._day(row),
                    *(words.share(getattr(row, f"{one}_share")) for one in charts.SHARES),
                    words.score(row.score),
                ]
                for row in rows
            ],
        )

    def _small(self, name: str, title: str, text: str, spec: charts.Spec, **rest: Any) -> Chart:
        picture = self._draw(spec, name=name, title=f"{name}-title", description=text, width=_SMALL, height=170)
        return Chart(name=name, title=title, text=text, pictures=[("", picture)], **rest)

    def _both(self, name: str, spec: charts.Spec, height: int) -> list[tuple[str, Markup]]:
        """For wide windows, and for phones; only one of them is ever displayed."""
        text = "The table below the chart has its numbers."
        sizes = (("wide", name, self._wide), ("narrow", f"{name}-narrow", _NARROW))
        return [
            (size, self._draw(spec, name=one, title=f"{name}-title", description=text, width=width, height=height))
            for size, one, width in sizes
        ]

    def _day(self, row: HealthHistory) -> str:
        return self.clock(row.period_start) if row.period == "hour" else self.clock(row.period_start).split(",")[0]

    def _each(self, rows: Sequence[HealthHistory]) -> str:
        return f"each {rows[0].period}"


def _part(share: float) -> str:
    return words.share(share) if share >= 0.001 else "under 0.1 %"


def listed(parts: Iterable[str]) -> str:
    """One, two and three."""
    *first, last = list(parts) or [""]
    return f"{', '.join(first)} and {last}" if first else last
