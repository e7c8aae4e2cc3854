"""What the report tells of, read from the functions of the schema."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING
from uuid import UUID

from syncwell._look.zones import zone_of
from syncwell.health import (
    DataDrift,
    HealthHistory,
    Issue,
    StreamHealth,
    SyncHealth,
    SyncIssue,
    Uptime,
    VolumeHour,
)
from syncwell.runs import ErrorGroup

if TYPE_CHECKING:
    from syncwell import Syncwell

SOURCES = 12
SERIES = 12
ISSUES = 1000
ERRORS = 50
VOLUME_HOURS = 168

Series = tuple[str, str | None, UUID | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All of it; `history` has None for everything together, then the sources that are shown, the worst first."""

    made_at: datetime
    zone: tzinfo
    zone_name: str
    org: str
    user_id: UUID | None
    source: str | None
    days: int
    names: dict[UUID, str]
    status: list[SyncHealth]
    streams: list[StreamHealth]
    issues: list[Issue]
    found: list[SyncIssue]
    history: dict[str | None, list[HealthHistory]]
    uptime: list[Uptime]
    drift: list[DataDrift]
    volume: dict[Series, list[VolumeHour]]
    errors: list[ErrorGroup]

    @property
    def overall(self) -> SyncHealth | None:
        """The row about all sources; of one source only that one's."""
        for row in self.status:
            if row.source == self.source:
                return row
        return None

    @property
    def sources(self) -> list[SyncHealth]:
        """The rows of the sources, the worst first."""
        return [row for row in self.status if row.source is not None]

    @property
    def evaluated(self) -> bool:
        """Whether issues are kept: else they are what was found while reading."""
        return not any("unevaluated" in row.overlays for row in self.status)


def gather(syncwell: Syncwell, *, user_id: UUID | None, source: str | None, days: int) -> Facts:
    """Ask for all of it. In one transaction of level repeatable read it is of one moment."""
    org = syncwell.core.org()
    zone, zone_name = zone_of(org.time_zone if org else "UTC")
    status = [row for row in syncwell.health.status(user_id) if source is None or row.source == source]
    sources = [row.source for row in status if row.source is not None][:SOURCES]
    everything: list[str | None] = [source] if source is not None else [None, *sources]
    drift = syncwell.health.drift(user_id=user_id, source=source)
    found: list[SyncIssue] = []
    if any("unevaluated" in row.overlays for row in status):
        found = [issue for issue in syncwell.health.detect(user_id=user_id) if source in (None, issue.source)]
    dashboard = syncwell.health.dashboard(source=source, user_id=user_id)
    return Facts(
        made_at=datetime.fromisoformat(dashboard["computed_at"]) if dashboard else datetime.now(UTC),
        zone=zone,
        zone_name=zone_name,
        org=org.name if org else "",
        user_id=user_id,
        source=source,
        days=days,
        names={user.user_id: user.display_name for user in syncwell.core.users() if user.display_name},
        status=status,
        streams=syncwell.health.streams(source=source, user_id=user_id),
        issues=syncwell.health.issues(source=source, user_id=user_id, limit=ISSUES),
        found=found,
        history={one: syncwell.health.history(user_id=user_id, days=days, source=one) for one in everything},
        uptime=syncwell.health.uptime(source=source, user_id=user_id, days=days),
        drift=drift,
        volume=_volume(syncwell, drift, user_id),
        errors=syncwell.runs.error_report(source=source, user_id=user_id, limit=ERRORS),
    )


def rank(rows: list[DataDrift]) -> list[Series]:
    """The series, those that stand out first, of these what is of many streams, then the largest."""
    order = {"critical": 0, "warning": 1, "none": 2, "learning": 3}
    best: dict[Series, tuple[int, bool, float]] = {}
    for row in rows:
        key = (row.source, row.platform, row.stream_id)
        this = (order[row.severity], row.stream_id is not None, -(row.expected or row.actual or 0))
        best[key] = min(best.get(key, this), this)
    return sorted(best, key=lambda key: (*best[key], key[0], key[1] or "", str(key[2])))


def _volume(syncwell: Syncwell, drift: list[DataDrift], user_id: UUID | None) -> dict[Series, list[VolumeHour]]:
    wanted = rank(drift)[:SERIES]
    found: dict[Series, list[VolumeHour]] = {key: [] for key in wanted}
    for source in dict.fromkeys(key[0] for key in wanted):
        for row in syncwell.health.volume_timeline(source=source, hours=VOLUME_HOURS, user_id=user_id):
            if (row.source, row.platform, row.stream_id) in found:
                found[row.source, row.platform, row.stream_id].append(row)
    return {key: hours for key, hours in found.items() if hours}
