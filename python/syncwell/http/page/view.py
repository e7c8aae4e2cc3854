"""Facts in words and charts, as templates ask for them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property, partial
from typing import cast
from uuid import UUID

from syncwell import _words as words
from syncwell._look.figures import Chart, Figures, listed
from syncwell._look.issues import ISSUES as ISSUES_IN_WORDS
from syncwell._look.issues import SEVERITIES, WORST_FIRST, chips
from syncwell._look.zones import zone_of
from syncwell.health import Issue, OverviewOrg
from syncwell.http.page.facts import VOLUME_HOURS, Facts
from syncwell.http.page.filters import STREAMS, Filters
from syncwell.http.page.pictures import Pictures

__all__ = ["SNOOZES", "Clock", "View", "moment", "who"]

SNOOZES = ((3600, "1 hour"), (4 * 3600, "4 hours"), (86400, "1 day"), (7 * 86400, "1 week"))
_FIRST_ISSUES = 8
_SOURCES = 12
_WIDE = 560


class Clock:
    """Tells times as the clock of an org does."""

    def __init__(self, org: OverviewOrg | None, now: datetime | None) -> None:
        self.zone, self.zone_name = zone_of(org["time_zone"] if org else "UTC")
        self.now = now or datetime.now(UTC)
        self.ago = partial(_ago, now=self.now)

    def clock(self, time: datetime | str | None) -> str:
        """A time to the minute; of today without the day."""
        at = moment(time)
        if at is None:
            return words.NOTHING
        local, today = at.astimezone(self.zone), self.now.astimezone(self.zone)
        if local.date() == today.date():
            return f"{local:%H:%M}"
        year = "" if local.year == today.year else f" {local.year}"
        return f"{local:%-d %b}{year}, {local:%H:%M}"

    @property
    def as_of(self) -> str:
        """Now, to the second."""
        return f"{self.now.astimezone(self.zone):%H:%M:%S}"


class View(Clock):
    """What the templates of the dashboard ask for."""

    def __init__(self, facts: Facts, pictures: Pictures, org: OverviewOrg | None = None) -> None:
        overview = facts.overview
        super().__init__(overview["org"] if overview else org, moment(overview["computed_at"]) if overview else None)
        self.facts = facts
        self.filters: Filters = facts.filters
        self.first_issues = _FIRST_ISSUES
        # two charts of the same hours are the same, whatever the minute
        hour = self.now.replace(minute=0, second=0, microsecond=0)
        self._figures = Figures(self.zone, hour, pictures.draw, wide=_WIDE)

    @property
    def _issues(self) -> dict[str, int]:
        overview = self.facts.overview
        return cast("dict[str, int]", overview["issues"]) if overview else {}

    @property
    def verdict(self) -> str:
        """What to know when only one sentence is read."""
        overview = self.facts.overview
        if overview is None or not overview["streams"]:
            return "There is no stream yet: nothing is known."
        total = overview["streams"]
        if overview["counts"]["healthy"] == total:
            return "The only stream is healthy." if total == 1 else f"All {words.count(total)} streams are healthy."
        parts = [f"{words.count(number)} {status}" for status, number in self.counts if number]
        return f"Of {words.count(total)} stream{'s' * (total != 1)}, {listed(parts)}."

    @property
    def trouble(self) -> str:
        """Open issues, in words."""
        parts = [f"{words.count(number)} {one}" for one in SEVERITIES if (number := self._issues.get(one))]
        return listed(parts) if parts else "none"

    @property
    def open_issues(self) -> int:
        """How many nobody has dealt with."""
        return sum(self._issues.get(one, 0) for one in SEVERITIES)

    @property
    def more_issues(self) -> int:
        """How many there is no room for."""
        return max(0, sum(self._issues.values()) - len(self.facts.issues)) if self.filters.source is None else 0

    @cached_property
    def counts(self) -> list[tuple[str, int]]:
        """Streams by status, the worst first."""
        overview = self.facts.overview
        known = cast("dict[str, int]", overview["counts"]) if overview else {}
        return [(one, known.get(one, 0)) for one in WORST_FIRST]

    @property
    def shares(self) -> list[tuple[str, float, float]]:
        """The bar of all streams: status, where its part begins and how long it is, of 1000; few are seen too."""
        present = [(status, number) for status, number in self.counts if number]
        total = sum(number for _, number in present)
        least = 12.0
        lengths = [max(least, 1000 * number / total) for _, number in present]
        scale = 1000 / sum(lengths) if lengths else 1
        found: list[tuple[str, float, float]] = []
        start = 0.0
        for (status, _), length in zip(present, lengths, strict=True):
            found.append((status, round(start, 2), round(length * scale, 2)))
            start += length * scale
        return found

    @property
    def age(self) -> str:
        """How old the newest data are."""
        overview = self.facts.overview
        return self.ago(overview["last_success_at"]) if overview else words.NOTHING

    @property
    def pages(self) -> tuple[int, int, int | None, int | None]:
        """The first and last row that is shown, and the offsets of the pages before and after."""
        overview = self.facts.overview
        matching = overview["matching"] if overview else 0
        first = self.filters.offset
        last = first + (len(overview["rows"]) if overview else 0)
        before = max(0, first - STREAMS) if first else None
        return first + 1, last, before, last if last < matching else None

    @property
    def shown(self) -> str:
        """Which streams are listed and how many, in words."""
        filters, overview = self.filters, self.facts.overview
        matching = overview["matching"] if overview else 0
        parts = [words.count(matching), filters.status or "", f"stream{'s' * (matching != 1)}"]
        parts.append(f"of {filters.source}" if filters.source else "")
        if filters.user is not None:
            user = overview["user"] if overview else None
            parts.append(f"of {(user['name'] if user else None) or str(filters.user)[:8]}")
        if filters.name is not None:
            parts.append(f"of users named like {filters.name}")
        return " ".join(part for part in parts if part)

    # issues

    def title(self, issue: Issue) -> str:
        """What it is."""
        return ISSUES_IN_WORDS.get(issue.issue_type, issue.issue_type.replace("_", " "))

    def whose(self, issue: Issue) -> str:
        """Whom and what it is about."""
        if issue.stream_id is None:
            owner = "the whole org"
        elif issue.user_id is None:
            owner = "the org's own"
        else:
            owner = self.facts.names.get(issue.user_id, str(issue.user_id)[:8])
        return ", ".join(part for part in (issue.source, owner, issue.platform) if part)

    def chips(self, issue: Issue) -> list[str]:
        """What has become of it, in a few words each."""
        by = issue.acknowledged_by
        return chips(issue, self.facts.names.get(by, str(by)[:8]) if by else None, self.clock)

    def may_handle(self, issue: Issue) -> bool:
        """Whether there is a use in asking; the database decides."""
        viewer = self.facts.overview["viewer"] if self.facts.overview else None
        if viewer is None or viewer["role"] == "analyst":
            return False
        return viewer["role"] != "member" or str(issue.user_id) == viewer["user_id"]

    # charts

    @property
    def by_source(self) -> Chart | None:
        """Streams by status, a bar a source."""
        overview = self.facts.overview
        if overview is None or len(overview["sources"]) < 2:
            return None
        return self._figures.by_source(
            [(one["source"], cast("dict[str, int]", one["counts"])) for one in overview["sources"]], _SOURCES
        )

    @property
    def runs(self) -> list[Chart]:
        """Outcomes, durations, status over time."""
        rows = self.facts.past.history if self.facts.past else []
        if not rows or not any(row.total_syncs for row in rows):
            return []
        draw = self._figures
        return [draw.outcomes(0, rows), draw.durations(0, rows), draw.shares(0, rows)]

    @property
    def volumes(self) -> list[Chart]:
        """Volume against expectation, a chart a series."""
        series = self.facts.past.volume if self.facts.past else {}
        return [
            self._figures.volume(
                f"volume-{number}",
                ", ".join(part for part in (source, platform, None if stream else "all streams together") if part),
                rows,
            )
            for number, ((source, platform, stream), rows) in enumerate(series.items(), 1)
            if any(row.actual is not None for row in rows)
        ]

    @property
    def volume_days(self) -> int:
        """How far back the volume is drawn."""
        return VOLUME_HOURS // 24


def who(user_id: UUID | str | None, name: str | None) -> str:
    """A user's name, or what can be said instead."""
    return name or ("the org's own" if user_id is None else str(user_id)[:8])


def moment(time: datetime | str | None) -> datetime | None:
    """A time, also out of a document."""
    return datetime.fromisoformat(time) if isinstance(time, str) else time


def _ago(time: datetime | str | None, *, now: datetime) -> str:
    return words.ago(moment(time), now)
