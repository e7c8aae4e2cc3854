"""The page itself: facts in words and charts, put into one HTML text. Its style is inside, and nothing else may run."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import UUID

from markupsafe import Markup

from syncwell._look import LOOK
from syncwell._look.figures import Chart, Figures, listed
from syncwell._look.issues import ISSUES as ISSUES_IN_WORDS
from syncwell._look.issues import SEVERITIES, WORST_FIRST, chips
from syncwell._look.templates import environment
from syncwell.cli import output
from syncwell.cli.report.facts import ERRORS, ISSUES, SOURCES, VOLUME_HOURS, Facts, Series
from syncwell.health import DataDrift, HealthHistory, Issue, SyncIssue

_HERE = Path(__file__).parent
_KINDS = 24
_ROWS_OF_A_KIND = 4
_FOLDED_OF_A_KIND = 20
_STREAMS = 25
_ERRORS = 25
_DRIFT = 24


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
    style = Markup((LOOK / "look.css").read_text(encoding="utf-8"))  # noqa: S704 - a file of ours
    templates = environment(_HERE)
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
    templates.filters.update(filters)
    return templates.get_template("page.html").render(
        facts=facts,
        page=page,
        style=style,
        digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        version=version("syncwell"),
    )


class _Page:
    """What the template asks for."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.ago = partial(output.ago, now=facts.made_at)
        self._figures = Figures(facts.zone, facts.made_at)
        self.clock = self._figures.clock
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
            parts = [f"{output.count(counts[one])} {one}" for one in WORST_FIRST if counts[one]]
            first = f"Of {output.count(total)} stream{'s' * (total != 1)}, {listed(parts)}."
        parts = self._severities()
        second = f" Open issues: {listed(parts)}{self._of_more()}." if parts else " No issue is open."
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
            ("open issues", self._all_issues(), listed(self._severities()) or "none"),
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
        return [f"{output.count(severities[one])} {one}" for one in SEVERITIES if severities[one]]

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
                title=ISSUES_IN_WORDS.get(issue_type, issue_type.replace("_", " ")),
                source=source,
                suggestion=issues[0].suggestion,
                issues=issues,
            )
            for (severity, issue_type, source), issues in found.items()
        ]
        return sorted(kinds, key=lambda kind: SEVERITIES.index(kind.severity))

    def chips(self, issue: Issue | SyncIssue) -> list[str]:
        """What else is to be known of an issue, in a word each."""
        if isinstance(issue, SyncIssue):
            return []
        return chips(issue, self.who(issue.acknowledged_by) if issue.acknowledged_by else None, self.clock)

    # charts

    @property
    def by_source(self) -> Chart | None:
        """Streams by status, a bar a source."""
        counts: dict[str, Counter[str]] = {row.source: Counter() for row in self._facts.sources if row.source}
        for one in self._facts.streams:
            counts.setdefault(one.source, Counter())[one.status] += 1
        return self._figures.by_source(list(counts.items()), SOURCES) if self._facts.streams else None

    @property
    def volumes(self) -> list[Chart]:
        """Volume against expectation, a chart a series."""
        return [
            self._figures.volume(f"volume-{number}", self.series(series), hours)
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
                draw = self._figures
                found.append(
                    (name, [draw.outcomes(number, rows), draw.durations(number, rows), draw.shares(number, rows)])
                )
        return found

    @property
    def sources_without_charts(self) -> int:
        """Sources that there is no room for."""
        return max(0, len(self._facts.sources) - SOURCES)


def _length(number: float | None) -> str:
    return "0" if number == 0 else output.seconds(number)
