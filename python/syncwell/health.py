"""What `sw.health` returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict
from uuid import UUID

from syncwell.core import Platform
from syncwell.runs import RunStatus, SyncType

__all__ = [
    "Dashboard",
    "DashboardActivity",
    "DashboardHealth",
    "DashboardOverview",
    "DashboardPerformance",
    "DataFreshness",
    "Freshness",
    "HealthStatus",
    "IssueType",
    "ServiceHealth",
    "Severity",
    "SourceComparison",
    "SyncHealth",
    "SyncIssue",
]

HealthStatus = Literal["unknown", "healthy", "late", "degraded", "unhealthy"]
IssueType = Literal["failure", "stale_data", "stuck", "rejected_pushes", "quarantine", "conflicts"]
Severity = Literal["critical", "warning", "info"]
Freshness = Literal["fresh", "late", "stale", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncHealth:
    """How syncing is, of a source or of all in all (`syncwell.get_sync_health_status`).

    Attributes:
        source: the source; None in the first row, which is about all of them.
        status: the worst of the streams behind the row; unknown where there is no evidence, never healthy then.
        score: 0 to 100, the mean over those streams; None: unknown.
        freshness_score: the part that says how old the data are, 0 to 100; None: unknown.
        reliability_score: the part that says how often runs succeed, 0 to 100; None: unknown.
        queue_score: the part that says how much waits, 0 to 100; None: unknown.
        drift_score: the part that says how far off the data are, 0 to 100; None: unknown.
        speed_score: the part that says how fast runs are, 0 to 100; None: unknown.
        last_sync_at: when a run last ended; None: never.
        last_success_at: when a run last succeeded; None: never.
        consecutive_failures: failures in a row, the most of any stream.
        platform: None: not known, or not the same for all.
        streams: how many streams are behind the row.
        unknown_streams: how many of them give no evidence.
        worst_source: source of the stream that pulls it down.
        worst_stream_id: that stream; None: there is no stream.
        reason: what is wrong with that stream, in words.
        advice: what would make it better, in words.
    """

    source: str | None
    status: HealthStatus
    score: float | None
    freshness_score: float | None
    reliability_score: float | None
    queue_score: float | None
    drift_score: float | None
    speed_score: float | None
    last_sync_at: datetime | None
    last_success_at: datetime | None
    consecutive_failures: int | None
    platform: Platform | None
    streams: int
    unknown_streams: int
    worst_source: str | None
    worst_stream_id: UUID | None
    reason: str | None
    advice: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncIssue:
    """Something that is wrong now (`syncwell.detect_sync_issues`).

    Attributes:
        source: what is concerned; None: progress that names no source.
        issue_type: failure: runs failed in a row; stale_data: a success is overdue; stuck: a run does not go on;
            rejected_pushes: a device's pushes fail; quarantine: records of a device were put aside; conflicts: many
            records of a device were in conflict.
        severity: how bad it is.
        since: since when.
        evidence: the numbers and thresholds behind it, in the unit that each key names.
        suggestion: what to do, in words.
        user_id: the user whose stream it is; None: the org's own.
        stream_id: the stream; None: progress that belongs to no run.
    """

    source: str | None
    issue_type: IssueType
    severity: Severity
    since: datetime | None
    evidence: dict[str, Any]
    suggestion: str
    user_id: UUID | None
    stream_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceHealth:
    """How a source is (`syncwell.get_service_health`).

    Attributes:
        source: the source.
        status: the worst of its streams.
        score: their mean, 0 to 100; None: unknown.
        last_sync_at: when a run last ended; None: never.
        next_sync_at: when the next one is expected first; None: nothing says.
        consecutive_failures: failures in a row, the most of any stream.
        is_healthy: whether every stream has fewer of them than the threshold.
        success_rate: share of the newest 100 runs of each stream that succeeded, 0 to 1; None: none has ended.
        average_duration_ms: of these, in milliseconds.
        p95_duration_ms: of these, in milliseconds.
        active_errors: errors that are open.
        alerts: critical issues.
        streams: how many streams the source has.
    """

    source: str
    status: HealthStatus
    score: float | None
    last_sync_at: datetime | None
    next_sync_at: datetime | None
    consecutive_failures: int
    is_healthy: bool
    success_rate: float | None
    average_duration_ms: float | None
    p95_duration_ms: float | None
    active_errors: int
    alerts: int
    streams: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceComparison:
    """A source beside the others (`syncwell.compare_sources`).

    Attributes:
        source: the source.
        status: the worst of its streams.
        streams: how many it has.
        total_syncs: runs started in the period.
        success_rate: share of those that succeeded among those that succeeded or failed, 0 to 1; None: none did.
        average_duration_ms: of these, in milliseconds.
        p95_duration_ms: of these, in milliseconds.
        total_items_synced: items processed; None: never told.
        last_success_at: when a run of any stream last succeeded.
        freshness_score: mean of the streams, 0 to 100; None: unknown.
        drift_percent: how far off the data are; None: nothing measures it.
    """

    source: str
    status: HealthStatus
    streams: int
    total_syncs: int
    success_rate: float | None
    average_duration_ms: float | None
    p95_duration_ms: float | None
    total_items_synced: int | None
    last_success_at: datetime | None
    freshness_score: float | None
    drift_percent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFreshness:
    """How old the data of a source are (`syncwell.get_data_freshness`), by the stream that is furthest behind.

    Attributes:
        source: the source.
        status: late: past due; stale: for several intervals; unknown: nothing is expected yet.
        last_success_at: when a run last succeeded; None: never.
        age: how long ago that is.
        expected_interval: how often a success is expected; None: a schedule that is not overdue, or nothing says.
        due_at: when the next success is or was expected.
        stream_id: the stream.
        streams: how many streams the source has.
        behind_streams: how many of them are late or stale.
    """

    source: str
    status: Freshness
    last_success_at: datetime | None
    age: timedelta | None
    expected_interval: timedelta | None
    due_at: datetime | None
    stream_id: UUID
    streams: int
    behind_streams: int


class DashboardOverview(TypedDict):
    """How it is; times are ISO 8601, `uptime` is a share from 0 to 1, None is unknown."""

    status: HealthStatus
    score: float | None
    streams: int
    last_sync_at: str | None
    next_sync_at: str | None
    uptime: float | None
    items_in_database: int | None


class DashboardPerformance(TypedDict):
    """How fast it is, over the newest 100 runs of each stream; durations in milliseconds, rates from 0 to 1."""

    sample_size: int
    sample_since: str | None
    last_duration_ms: int | None
    average_duration_ms: float | None
    p95_duration_ms: int | None
    syncs_per_day: float | None
    success_rate: float | None


class DashboardHealth(TypedDict):
    """What is wrong: failures in a row, open errors, critical issues."""

    is_healthy: bool | None
    consecutive_failures: int | None
    active_errors: int
    alerts: int


class DashboardActivity(TypedDict):
    """One of the newest ten runs."""

    event_id: str
    source: str
    sync_type: SyncType
    status: RunStatus
    started_at: str
    completed_at: str
    duration_ms: int
    items_processed: int | None
    error_type: str | None


class Dashboard(TypedDict):
    """All about a source, or about all of them, in one document (`syncwell.get_integration_dashboard`).

    It is JSON as the database gives it: ids and times are texts.
    """

    source: str | None
    computed_at: str
    overview: DashboardOverview
    performance: DashboardPerformance
    health: DashboardHealth
    recent_activity: list[DashboardActivity]
