"""The page itself: facts in words and charts, put into one HTML text. Its style is inside, and nothing else may run."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from syncwell.cli import output
from syncwell.cli.report import charts
from syncwell.cli.report.facts import ERRORS, ISSUES, SOURCES, VOLUME_HOURS, Facts, Series
from syncwell.health import DataDrift, HealthHistory, Issue, SyncIssue, VolumeHour

_HERE = Path(__file__).parent
_WIDE, _NARROW, _SMALL = 1040, 360, 320
_KINDS = 24
_ROWS_OF_A_KIND = 4
_FOLDED_OF_A_KIND = 20
_STREAMS = 25
_ERRORS = 25
_DRIFT = 24
_WORST_FIRST = ("unhealthy", "degraded", "late", "unknown", "healthy")
_SEVERITIES = ("critical", "warning", "info")
_UNIT = re.compile(r"(?<=\d) (?=(?:ms|s|min|h|d)\b|%)")
_WORDS = {
    "stale_data": "Data are stale",
    "missing_source": "Never synced",
    "failure": "Runs fail",
    "high_error_rate": "Many runs fail",
    "stuck": "Runs do not go on",
    "slow": "Slower than usual",
    "queue_backlog": "Changes wait on devices",
    "drift": "Volume is not as expected",
    "gap": "Data are missing",
    "clock_skew": "A device's clock is wrong",
    "integrity": "Changes are not tracked",
    "rejected_pushes": "Pushes are rejected",
    "quarantine": "Records were put aside",
    "conflicts": "Many conflicts",
    "mass_staleness": "Many streams are stale at once",
    "evaluation_gap": "Nothing was evaluated for a time",
    "alert_channel": "Alerts do not get through",
}


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


@dataclass(kw_only=True)
class Kind:
    """Issues of one type, source and severity."""

    severity: str
    title: str
    source: str | None
    suggestion: str | None
    issues: list[Issue | SyncIssue]

    @property
    def shown(self) -> list[Issue | SyncIssue]:
        """Those that there is room for."""
        return self.issues[:_ROWS_OF_A_KIND]

    @property
    def folded(self) -> list[Issue | SyncIssue]:
        """Those that are shown on request."""
        return self.issues[_ROWS_OF_A_KIND : _ROWS_OF_A_KIND + _FOLDED_OF_A_KIND]

    @property
    def more(self) -> int:
        """How many there is no room for."""
        return len(self.issues) - len(self.shown) - len(self.folded)


def render(facts: Facts) -> str:
    """The whole page."""
    page = _Page(facts)
    # what the hash covers must stand in the page as it is: nothing in it is escaped
    style = Markup((_HERE / "page.css").read_text(encoding="utf-8"))  # noqa: S704 - a file of ours
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    filters: dict[str, Callable[..., object]] = {
        "ago": page.ago,
        "clock": page.clock,
        "count": output.count,
        "evidence": partial(output.evidence, time=page.clock),
        "score": output.score,
        "seconds": _length,
        "share": output.share,
        "who": page.who,
    }
    environment.filters.update(filters)
    return environment.get_template("page.html").render(
        facts=facts,
        page=page,
        style=style,
        digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        version=version("syncwell"),
    )


def _harmless(value: object) -> object:
    """Text of others without control characters, and no line break between a number and its unit."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return _UNIT.sub("\N{NO-BREAK SPACE}", output.plain(value))


class _Page:
    """What the template asks for."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.ago = partial(output.ago, now=facts.made_at)
        self.issues: Sequence[Issue | SyncIssue] = facts.issues if facts.evaluated else facts.found
        self.kinds = self._kinds()
        self.kinds_shown = self.kinds[:_KINDS]
        self.not_well = [one for one in facts.streams if one.status != "healthy" or one.overlays]
        self.not_well_shown = self.not_well[:_STREAMS]
        self.errors_shown = facts.errors[:_ERRORS]
        self.outcomes = [one for one in facts.drift if one.severity in ("warning", "critical")]
        self.drift_shown = self.outcomes[:_DRIFT]
        self.learning = {(one.source, one.platform, one.stream_id) for one in facts.drift if one.severity == "learning"}
        self.hours = VOLUME_HOURS

    # words

    def clock(self, time: datetime | None) -> str:
        """A time in the org's zone, to the minute."""
        if time is None:
            return output.NOTHING
        local = time.astimezone(self._facts.zone)
        year = "" if local.year == self._facts.made_at.astimezone(self._facts.zone).year else f" {local.year}"
        return f"{local:%-d %b}{year}, {local:%H:%M}"

    def who(self, user_id: UUID | None) -> str:
        """A user's name."""
        if user_id is None:
            return "the org's own"
        return self._facts.names.get(user_id, str(user_id)[:8])

    def series(self, series: Series | DataDrift) -> str:
        """What a series of volumes is called."""
        if isinstance(series, DataDrift):
            series = (series.source, series.platform, series.stream_id)
        source, platform, stream_id = series
        whose = next((one.user_id for one in self._facts.streams if one.stream_id == stream_id), None)
        parts = [source, platform, "all streams together" if stream_id is None else self.who(whose)]
        return ", ".join(part for part in parts if part)

    @property
    def moment(self) -> str:
        """As of when all of it is."""
        return f"{self._facts.made_at.astimezone(self._facts.zone):%-d %B %Y, %H:%M}"

    @property
    def title(self) -> str:
        """For the tab and the heading."""
        if self._facts.user_id is not None:
            return self.who(self._facts.user_id)
        return self._facts.org or "all orgs"

    @property
    def verdict(self) -> str:
        """What to know when only one sentence is read."""
        overall = self._facts.overall
        if overall is None or not self._facts.streams:
            return "There is no stream yet: nothing is known."
        counts = self.counts
        total = sum(counts.values())
        if counts["healthy"] == total:
            first = "The only stream is healthy." if total == 1 else f"All {output.count(total)} streams are healthy."
        else:
            parts = [f"{output.count(counts[one])} {one}" for one in _WORST_FIRST if counts[one]]
            first = f"Of {output.count(total)} stream{'s' * (total != 1)}, {_listed(parts)}."
        parts = self._severities()
        second = f" Open issues: {_listed(parts)}{self._of_more()}." if parts else " No issue is open."
        return first + second

    @property
    def counts(self) -> Counter[str]:
        """Streams by status."""
        return Counter(one.status for one in self._facts.streams)

    @property
    def tiles(self) -> list[tuple[str, str, str]]:
        """The figures at the top: what, how much, and a word on it."""
        facts = self._facts
        rows = next(iter(facts.history.values()), list[HealthHistory]())
        good, bad = sum(row.successful_syncs for row in rows), sum(row.failed_syncs for row in rows)
        up = facts.uptime[0] if facts.uptime else None
        healthy, total = self.counts["healthy"], len(facts.streams)
        return [
            ("healthy streams", output.count(healthy), f"of {output.count(total)}{self._platforms()}"),
            ("score", output.score(facts.overall.score if facts.overall else None), "0 to 100, mean of the streams"),
            ("open issues", self._all_issues(), _listed(self._severities()) or "none"),
            ("uptime", output.share(up.uptime if up else None), self._known(up)),
            ("runs", output.count(sum(row.total_syncs for row in rows)), f"in {self.days}"),
            ("succeeded", output.share(good / (good + bad) if good + bad else None), f"{output.count(bad)} failed"),
        ]

    @property
    def days(self) -> str:
        """The time that is reported on."""
        return f"{self._facts.days} day{'s' * (self._facts.days != 1)}"

    def _severities(self) -> list[str]:
        severities = Counter[str](issue.severity for issue in self.issues)
        return [f"{output.count(severities[one])} {one}" for one in _SEVERITIES if severities[one]]

    def _all_issues(self) -> str:
        return output.count(len(self.issues)) + ("+" if len(self.issues) >= ISSUES else "")

    def _of_more(self) -> str:
        return f", of the worst {output.count(ISSUES)}" if len(self.issues) >= ISSUES else ""

    @property
    def more_errors(self) -> str:
        """How many kinds of errors there is no room for."""
        more = len(self._facts.errors) - len(self.errors_shown)
        return f"{output.count(more)}{' or' * (len(self._facts.errors) >= ERRORS)} more" if more else ""

    def _platforms(self) -> str:
        platforms = Counter(one.platform for one in self._facts.streams if one.platform)
        known = ", ".join(f"{output.count(number)} {name}" for name, number in platforms.most_common(3))
        return f": {known}" if known else ""

    def _known(self, up: Any) -> str:
        if up is None or up.uptime is None:
            return "nothing evaluated yet"
        everything = up.good_seconds + up.down_seconds + up.unknown_seconds + up.excluded_seconds + up.paused_seconds
        return f"known for {output.share((up.good_seconds + up.down_seconds) / everything)} of the time"

    # issues

    def _kinds(self) -> list[Kind]:
        found: dict[tuple[str, str, str | None], list[Issue | SyncIssue]] = defaultdict(list)
        for issue in self.issues:
            found[issue.severity, issue.issue_type, issue.source].append(issue)
        kinds = [
            Kind(
                severity=severity,
                title=_WORDS.get(issue_type, issue_type.replace("_", " ")),
                source=source,
                suggestion=issues[0].suggestion,
                issues=issues,
            )
            for (severity, issue_type, source), issues in found.items()
        ]
        return sorted(kinds, key=lambda kind: _SEVERITIES.index(kind.severity))

    def chips(self, issue: Issue | SyncIssue) -> list[str]:
        """What else is to be known of an issue, in a word each."""
        if isinstance(issue, SyncIssue):
            return []
        chips: list[str] = []
        if issue.state == "acknowledged":
            by = f" by {self.who(issue.acknowledged_by)}" if issue.acknowledged_by else ""
            chips.append(f"acknowledged{by}")
        if issue.state == "snoozed":
            chips.append(f"snoozed until {self.clock(issue.snoozed_until)}")
        if issue.muted_by is not None:
            chips.append(
                {"parent": "part of a larger one", "maintenance": "maintenance"}.get(issue.muted_by, issue.muted_by)
            )
        if issue.times_opened > 1:
            chips.append(f"came back, {issue.times_opened} times in all")
        return chips

    # charts

    @property
    def by_source(self) -> Chart | None:
        """Streams by status, a bar a source."""
        counts: dict[str, Counter[str]] = {row.source: Counter() for row in self._facts.sources if row.source}
        for one in self._facts.streams:
            counts.setdefault(one.source, Counter())[one.status] += 1
        if not self._facts.streams:
            return None
        shown = list(counts.items())[:SOURCES]
        more = len(counts) - len(shown)
        return Chart(
            name="streams",
            title="Streams by status" + (f", the first {SOURCES} of {len(counts)} sources" if more > 0 else ""),
            text=f"{output.count(len(self._facts.streams))} streams of {len(counts)} sources.",
            pictures=self._both("streams", charts.streams_by_status(shown), 34 + 32 * len(shown)),
            legend=[(one, one) for one in charts.STATUSES if self.counts[one]],
            columns=["source", *charts.STATUSES],
            numbers=[[source, *(output.count(numbers[one]) for one in charts.STATUSES)] for source, numbers in shown],
        )

    @property
    def volumes(self) -> list[Chart]:
        """Volume against expectation, a chart a series."""
        return [
            self._volume(f"volume-{number}", series, hours)
            for number, (series, hours) in enumerate(self._facts.volume.items(), 1)
        ]

    @property
    def more_series(self) -> int:
        """Series without a chart."""
        return len({(one.source, one.platform, one.stream_id) for one in self._facts.drift}) - len(self._facts.volume)

    @property
    def runs(self) -> list[tuple[str, list[Chart]]]:
        """For everything and each source: outcomes, durations, status over time."""
        found: list[tuple[str, list[Chart]]] = []
        for number, (source, rows) in enumerate(self._facts.history.items()):
            name = source or "all sources"
            if rows:
                found.append(
                    (name, [self._outcomes(number, rows), self._durations(number, rows), self._shares(number, rows)])
                )
        return found

    @property
    def sources_without_charts(self) -> int:
        """Sources that there is no room for."""
        return max(0, len(self._facts.sources) - SOURCES)

    def _volume(self, name: str, series: Series, rows: list[VolumeHour]) -> Chart:
        odd = charts.outstanding(rows)
        stretches = [f"{severity} from {self.clock(first)} to {self.clock(last)}" for severity, first, last in odd]
        known = [row for row in rows if row.actual is not None]
        came = sum(row.actual or 0 for row in known)
        wanted = sum(row.expected or 0 for row in known if row.expected is not None)
        text = f"{output.count(came)} items came in {len(known)} hours; {output.count(wanted)} were expected. "
        text += f"Outside of what is usual: {'; '.join(stretches[:5])}." if stretches else "Nothing stands out."
        most, reach = charts.volume_reach(rows)
        if most > reach:
            text += f" The band is cut: up to {output.count(most)} an hour is usual."
        return Chart(
            name=name,
            title=self.series(series),
            text=text,
            pictures=self._both(name, charts.volume(rows, self._facts.zone), 190),
            columns=["hour", "items", "expected", "at least", "at most", ""],
            numbers=[
                [
                    self.clock(row.hour),
                    *(output.count(one) for one in (row.actual, row.expected, row.lower_bound, row.upper_bound)),
                    row.severity if row.severity in ("warning", "critical") else "",
                ]
                for row in rows
            ],
        )

    def _outcomes(self, number: int, rows: Sequence[HealthHistory]) -> Chart:
        good, bad = sum(row.successful_syncs for row in rows), sum(row.failed_syncs for row in rows)
        worst = max(rows, key=lambda row: row.failed_syncs)
        text = f"{output.count(good)} runs succeeded, {output.count(bad)} failed"
        text += f", most of them on {self._day(worst)}: {output.count(worst.failed_syncs)}." if bad else "."
        return self._small(
            f"outcomes-{number}",
            f"Runs by outcome, {self._each(rows)}",
            text,
            charts.runs_by_outcome(rows, self._facts.zone),
            legend=[("healthy", "succeeded"), ("unhealthy", "failed"), ("unknown", "open or cancelled")],
            columns=["since", "runs", "succeeded", "failed", "success", "items"],
            numbers=[
                [
                    self._day(row),
                    *(output.count(one) for one in (row.total_syncs, row.successful_syncs, row.failed_syncs)),
                    output.share(row.success_rate),
                    output.count(row.total_items_synced),
                ]
                for row in rows
            ],
        )

    def _durations(self, number: int, rows: Sequence[HealthHistory]) -> Chart:
        spec, unit = charts.durations(rows, self._facts.zone)
        known = [row for row in rows if row.p95_duration_ms is not None]
        if known:
            worst = max(known, key=lambda row: row.p95_duration_ms or 0)
            text = (
                f"In the last period half of the runs took at most {output.milliseconds(known[-1].p50_duration_ms)}, "
                f"95 % at most {output.milliseconds(known[-1].p95_duration_ms)}; "
                f"slowest on {self._day(worst)}: {output.milliseconds(worst.p95_duration_ms)}."
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
                [self._day(row), output.milliseconds(row.p50_duration_ms), output.milliseconds(row.p95_duration_ms)]
                for row in rows
            ],
        )

    def _shares(self, number: int, rows: Sequence[HealthHistory]) -> Chart:
        means = {one: sum(getattr(row, f"{one}_share") for row in rows) / len(rows) for one in charts.SHARES}
        present = [one for one in charts.SHARES if means[one] > 0]
        return self._small(
            f"shares-{number}",
            "Status over time, share of the streams",
            f"Of all their time the streams were {_listed([f'{_part(means[one])} {one}' for one in present])}.",
            charts.status_over_time(rows, self._facts.zone),
            legend=[(one, one) for one in present],
            columns=["since", *charts.SHARES, "score"],
            numbers=[
                [
                    self._day(row),
                    *(output.share(getattr(row, f"{one}_share")) for one in charts.SHARES),
                    output.score(row.score),
                ]
                for row in rows
            ],
        )

    def _small(self, name: str, title: str, text: str, spec: charts.Spec, **rest: Any) -> Chart:
        picture = charts.draw(spec, name=name, title=f"{name}-title", description=text, width=_SMALL, height=170)
        return Chart(name=name, title=title, text=text, pictures=[("", picture)], **rest)

    def _both(self, name: str, spec: charts.Spec, height: int) -> list[tuple[str, Markup]]:
        """For wide windows, and for phones; only one of them is ever displayed."""
        text = "The table below the chart has its numbers."
        sizes = (("wide", name, _WIDE), ("narrow", f"{name}-narrow", _NARROW))
        return [
            (size, charts.draw(spec, name=one, title=f"{name}-title", description=text, width=width, height=height))
            for size, one, width in sizes
        ]

    def _day(self, row: HealthHistory) -> str:
        return self.clock(row.period_start) if row.period == "hour" else self.clock(row.period_start).split(",")[0]

    def _each(self, rows: Sequence[HealthHistory]) -> str:
        return f"each {rows[0].period}"


def _length(number: float | None) -> str:
    return "0" if number == 0 else output.seconds(number)


def _part(share: float) -> str:
    return output.share(share) if share >= 0.001 else "under 0.1 %"


def _listed(parts: Iterable[str]) -> str:
    *first, last = list(parts) or [""]
    return f"{', '.join(first)} and {last}" if first else last
