"""What the dashboard tells of, read as the visitor: a handful of calls a page, whatever the number of streams."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from syncwell.aio.client import AsyncSyncwell
from syncwell.health import HealthHistory, Issue, StreamOverview, VolumeHour
from syncwell.http.page.filters import STREAMS, Filters
from syncwell.progress import LiveProgress
from syncwell.queue import QueueHealth
from syncwell.runs import ErrorGroup, SyncEvent

__all__ = ["Facts", "Part", "Past", "Pasts", "Series", "gather", "names_of"]

Series = tuple[str, str | None, UUID | None]
Part = Literal["health", "progress", "work", "charts"]

ISSUES = 30
SYNCS = 12
ERRORS = 10
RUNS = 12
HISTORY_DAYS = 2
VOLUME_HOURS = 72
SERIES = 4

_KEPT = 256
_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What was: it changes by the hour, so that it is asked for seldom."""

    history: list[HealthHistory]
    volume: dict[Series, list[VolumeHour]]


@dataclass(slots=True, kw_only=True)
class Facts:
    """Of the parts that were asked for."""

    filters: Filters
    overview: StreamOverview | None = None
    issues: list[Issue] = field(default_factory=list[Issue])
    names: dict[UUID, str] = field(default_factory=dict[UUID, str])
    syncs: list[LiveProgress] = field(default_factory=list[LiveProgress])
    queue: list[QueueHealth] = field(default_factory=list[QueueHealth])
    errors: list[ErrorGroup] = field(default_factory=list[ErrorGroup])
    runs: list[SyncEvent] = field(default_factory=list[SyncEvent])
    past: Past | None = None


class Pasts:
    """What was asked of the past lately, by who asked for what: many windows of one person cost no more than one."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[object, ...], tuple[float, Past]] = OrderedDict()

    async def of(self, client: AsyncSyncwell, visitor: UUID, user: UUID | None, source: str | None) -> Past:
        """Ask, or remember."""
        # who is gone, or sees less than before, is not told what was remembered for who it was
        me = await client.core.who_am_i()
        key = (visitor, me.org_id, me.role, user, source)
        known = self._known.get(key)
        if known is not None and time.monotonic() - known[0] < _SECONDS:
            return known[1]
        history = await client.health.history(user_id=user, days=HISTORY_DAYS, source=source)
        hours = await client.health.volume_timeline(source=source, hours=VOLUME_HOURS, user_id=user)
        past = Past(history=history, volume=_largest(hours))
        self._known[key] = (time.monotonic(), past)
        self._known.move_to_end(key)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return past


async def gather(client: AsyncSyncwell, visitor: UUID, filters: Filters, parts: Iterable[Part], pasts: Pasts) -> Facts:
    """Ask for these parts."""
    wanted = set(parts)
    user = filters.user
    facts = Facts(filters=filters)
    if "health" in wanted:
        facts.overview = await client.health.stream_overview(
            status=filters.status,
            source=filters.source,
            user_id=user,
            name=filters.name,
            limit=STREAMS,
            offset=filters.offset,
        )
        facts.issues = await client.health.issues(source=filters.source, user_id=user, limit=ISSUES)
        facts.names = await names_of(client, facts.issues)
    if "progress" in wanted:
        facts.syncs = await client.progress.live(limit=SYNCS)
    if "work" in wanted:
        facts.queue = await client.queue.health(user_id=user)
        facts.errors = await client.runs.error_report(source=filters.source, user_id=user, limit=ERRORS)
        facts.runs = await client.runs.recent(source=filters.source, user_id=user, limit=RUNS)
    if "charts" in wanted:
        facts.past = await pasts.of(client, visitor, user, filters.source)
    return facts


async def names_of(client: AsyncSyncwell, issues: Sequence[Issue]) -> dict[UUID, str]:
    """What the people behind issues are called."""
    wanted = {one for issue in issues for one in (issue.user_id, issue.acknowledged_by) if one is not None}
    users = await client.core.users(user_ids=sorted(wanted)) if wanted else []
    return {user.user_id: user.display_name for user in users if user.display_name}


def _largest(hours: Sequence[VolumeHour]) -> dict[Series, list[VolumeHour]]:
    """Some of them: what many streams make together before single ones, what stands out before what is large."""
    series: dict[Series, list[VolumeHour]] = {}
    for hour in hours:
        series.setdefault((hour.source, hour.platform, hour.stream_id), []).append(hour)
    order = {"critical": 2, "warning": 1}

    def weight(key: Series) -> tuple[bool, int, float]:
        rows = series[key]
        worst = max(order.get(one.severity or "", 0) for one in rows)
        return key[2] is None, worst, sum(one.actual or 0 for one in rows)

    return {key: series[key] for key in sorted(series, key=weight, reverse=True)[:SERIES]}
