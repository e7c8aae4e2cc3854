"""What `sw.health` returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict
from uuid import UUID

from syncwell.core import Platform
from syncwell.runs import ErrorClass, RunStatus, SyncType

__all__ = [
    "Alert",
    "AlertStatus",
    "Analysis",
    "Dashboard",
    "DashboardActivity",
    "DashboardHealth",
    "DashboardOverview",
    "DashboardPerformance",
    "DataDrift",
    "DataFreshness",
    "DetailedRun",
    "DetailedStream",
    "DeviceMetrics",
    "DeviceQueues",
    "DriftSeverity",
    "Evaluation",
    "Freshness",
    "HealthHistory",
    "HealthStatus",
    "HistoryPeriod",
    "Issue",
    "IssueCounts",
    "IssueFilter",
    "IssueState",
    "IssueType",
    "MaintenanceWindow",
    "Matcher",
    "MetricsReport",
    "MutedBy",
    "OpenErrors",
    "Overlay",
    "OverviewOrg",
    "OverviewSource",
    "OverviewStream",
    "OverviewUser",
    "OverviewViewer",
    "ScoreParts",
    "ServiceHealth",
    "Severity",
    "Silence",
    "SourceComparison",
    "StreamCounts",
    "StreamDetail",
    "StreamHealth",
    "StreamOverview",
    "Stretch",
    "SyncHealth",
    "SyncIssue",
    "Uptime",
    "VolumeHour",
    "WindowMode",
]

HealthStatus = Literal["unknown", "healthy", "late", "degraded", "unhealthy"]
Overlay = Literal["paused", "maintenance", "flapping", "unevaluated"]
IssueType = Literal[
    "failure",
    "stale_data",
    "missing_source",
    "stuck",
    "high_error_rate",
    "slow",
    "queue_backlog",
    "drift",
    "gap",
    "clock_skew",
    "integrity",
    "rejected_pushes",
    "quarantine",
    "conflicts",
    "mass_staleness",
    "evaluation_gap",
    "alert_channel",
]
Severity = Literal["critical", "warning", "info"]
IssueState = Literal["open", "acknowledged", "snoozed", "resolved"]
IssueFilter = Literal["open", "acknowledged", "snoozed", "resolved", "all"]
MutedBy = Literal["silence", "maintenance", "parent", "flapping"]
Freshness = Literal["fresh", "late", "stale", "unknown"]
DriftSeverity = Literal["learning", "none", "warning", "critical"]
WindowMode = Literal["mute", "exclude", "pause"]
AlertStatus = Literal["firing", "resolved"]
HistoryPeriod = Literal["hour", "day"]


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
        overlays: what holds for some of the streams beside the status: paused: nothing is expected; maintenance:
            nobody is alerted; flapping: it changes too often to mean much; unevaluated: `evaluate` has not run lately.
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
    overlays: list[Overlay]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncIssue:
    """Something that is wrong now (`syncwell.detect_sync_issues`).

    Attributes:
        source: what is concerned; None: progress that names no source.
        issue_type: failure: runs failed in a row; stale_data: a success is overdue; missing_source: a declared stream
            never ran; stuck: a run does not go on; high_error_rate: many runs fail, not all; slow: the last run took
            far longer than usual; queue_backlog: operations wait on a device; drift, gap: the volume is not as
            expected, or nothing comes; clock_skew: a device's clock is ahead; integrity: changes of a table are not
            tracked; rejected_pushes: a device's pushes fail; quarantine: records of a device were put aside;
            conflicts: many records of a device were in conflict; only of an issue of the whole org: mass_staleness:
            many streams are overdue at once; evaluation_gap: nothing evaluated for a time; alert_channel: alerts do
            not get through by a channel.
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
class StreamHealth:
    """How one stream is (view `syncwell.stream_health`).

    Attributes:
        stream_id: the stream.
        user_id: the user whose source it is; None: the org's own.
        source: what is synced.
        platform: where it runs; None: not known.
        status: how it is; unknown where there is no evidence, never healthy then.
        overlays: what holds beside the status, as in `SyncHealth`.
        score: 0 to 100; None: unknown.
        since: when the trouble began; None: there is none.
        reason: why the status is what it is, in words; None: healthy.
        advice: what would make it better, in words; None: healthy.
        expected_interval: how often a success is expected; None: nothing is expected, or a schedule that is not
            overdue.
        due_at: when the next success is expected; None: none is.
        last_sync_at: when a run last ended; None: never.
        last_success_at: when a run last succeeded; None: never.
        consecutive_failures: failures since then.
        usual_duration_ms: 95 % of its runs take no longer, in milliseconds; None: too little is known.
        last_duration_ms: how long the last run took, in milliseconds.
        drift_percent: how far its volume is from what is expected, in percent; None: not known.
        drift_severity: how much that means; None: never checked.
        queue_depth: operations that wait on its devices; None: never told.
        queue_oldest_at: since when the oldest of them waits; None: none does.
        total_runs: runs that have ended.
    """

    stream_id: UUID
    user_id: UUID | None
    source: str
    platform: Platform | None
    status: HealthStatus
    overlays: list[Overlay]
    score: float | None
    since: datetime | None
    reason: str | None
    advice: str | None
    expected_interval: timedelta | None
    due_at: datetime | None
    last_sync_at: datetime | None
    last_success_at: datetime | None
    consecutive_failures: int | None
    usual_duration_ms: int | None
    last_duration_ms: int | None
    drift_percent: float | None
    drift_severity: DriftSeverity | None
    queue_depth: int | None
    queue_oldest_at: datetime | None
    total_runs: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Something that went wrong, with its life (`syncwell.get_sync_issues`).

    Attributes:
        issue_id: the issue.
        issue_type: what it is, as in `SyncIssue`.
        severity: how bad it is.
        state: whether somebody has taken it on.
        source: what is concerned; None: it is not one source's.
        platform: the stream's platform; None: not known.
        user_id: the user whose stream it is; None: the org's own.
        stream_id: the stream; None: it is not one stream's.
        parent_id: the issue that explains it; None: none.
        muted_by: why nobody is alerted of it; None: nothing keeps it quiet.
        since: when the trouble itself began.
        opened_at: when it was first found.
        times_opened: 1, and 1 more for each time that it came back soon.
        last_seen_at: when it was last found.
        resolved_at: when it was resolved; None: it is not.
        acknowledged_at: when somebody took it on.
        acknowledged_by: who did; None: nobody, or a service.
        note: what whoever handled it had to say.
        snoozed_until: until when it rests.
        evidence: the numbers and thresholds behind it, in the unit that each key names.
        suggestion: what to do, in words.
    """

    issue_id: UUID
    issue_type: IssueType
    severity: Severity
    state: IssueState
    source: str | None
    platform: Platform | None
    user_id: UUID | None
    stream_id: UUID | None
    parent_id: UUID | None
    muted_by: MutedBy | None
    since: datetime | None
    opened_at: datetime
    times_opened: int
    last_seen_at: datetime
    resolved_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: UUID | None
    note: str | None
    snoozed_until: datetime | None
    evidence: dict[str, Any]
    suggestion: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthHistory:
    """How syncing was in one period (`syncwell.get_sync_health_history`).

    Attributes:
        period: how long the period is.
        period_start: when it began; days begin in the org's time zone.
        total_syncs: runs started in it, open and cancelled ones too.
        successful_syncs: runs that ended as success or partial.
        failed_syncs: runs that ended as failed or timeout.
        success_rate: share of the successful among both, 0 to 1; None: neither happened.
        total_items_synced: items processed; None: never told.
        p50_duration_ms: half of the runs took at most so many milliseconds; None: none ended.
        p95_duration_ms: 95 % of them took at most so many milliseconds.
        score: 0 to 100, the mean over time; None: unknown.
        healthy_share: how much of the streams' time they were healthy, 0 to 1.
        late_share: the same for late.
        degraded_share: the same for degraded.
        unhealthy_share: the same for unhealthy.
        unknown_share: the same for unknown, and for time of which nothing is known.
        paused_share: the same for pauses.
    """

    period: HistoryPeriod
    period_start: datetime
    total_syncs: int
    successful_syncs: int
    failed_syncs: int
    success_rate: float | None
    total_items_synced: int | None
    p50_duration_ms: float | None
    p95_duration_ms: float | None
    score: float | None
    healthy_share: float
    late_share: float
    degraded_share: float
    unhealthy_share: float
    unknown_share: float
    paused_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Uptime:
    """How much of the time a source was up (`syncwell.get_uptime`). The five lengths of time add up to all of it.

    Attributes:
        source: the source; None in the first row, which is about all of them.
        streams: how many streams are behind the row.
        good_seconds: the streams were healthy, late or degraded.
        down_seconds: they were unhealthy.
        unknown_seconds: nothing is known: no evidence, nothing evaluated.
        excluded_seconds: a maintenance window left the time out.
        paused_seconds: a maintenance window expected nothing.
        uptime: good among good and down, 0 to 1; None: neither is known.
        runs: runs that were started.
        run_success_rate: share of those that succeeded among those that did or failed, 0 to 1; None: none did either.
        slo: the strictest declared objective, 0 to 1; None: none is declared.
        slo_met: whether the runs of each stream that declares one succeeded as often; None: unknown, or none does.
    """

    source: str | None
    streams: int
    good_seconds: float
    down_seconds: float
    unknown_seconds: float
    excluded_seconds: float
    paused_seconds: float
    uptime: float | None
    runs: int
    run_success_rate: float | None
    slo: float | None
    slo_met: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDrift:
    """How far the volume is from what was expected (`syncwell.calculate_data_drift`).

    Attributes:
        source: what is synced.
        platform: where it runs; None: not known.
        user_id: the user whose stream it is; None: the org's own, or all streams of source and platform together.
        stream_id: the stream; None: all streams of source and platform together.
        window_hours: over how many hours: 1, 6 or 24.
        window_start: when the window began.
        window_end: when it ended: whole hours whose data must have come.
        expected: items expected; None: too little is known.
        actual: items that came.
        drift_percent: how far that is from what was expected, in percent of it; None: not known.
        z: the same in what is usual for it; None: not known.
        lower_bound: fewer items are unusual; None: too little is known.
        upper_bound: more items are unusual; None: too little is known.
        severity: how much it means.
        since: since when it is significant; None: it is not.
        baseline_weeks: how many weeks the expectation is learned from.
        time_zone: the zone of the days and weeks it is learned by.
        evidence: the numbers behind it, in the unit that each key names.
    """

    source: str
    platform: Platform | None
    user_id: UUID | None
    stream_id: UUID | None
    window_hours: int
    window_start: datetime
    window_end: datetime
    expected: float | None
    actual: float | None
    drift_percent: float | None
    z: float | None
    lower_bound: float | None
    upper_bound: float | None
    severity: DriftSeverity
    since: datetime | None
    baseline_weeks: float | None
    time_zone: str | None
    evidence: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeHour:
    """The volume of one hour beside what was expected (`syncwell.get_volume_timeline`).

    Attributes:
        source: what is synced.
        platform: where it runs; None: not known.
        stream_id: the stream; None: all streams of source and platform together.
        hour: when the hour began.
        actual: items that came; None: the hour is not complete, or nothing could be known.
        expected: items expected; None: too little is known.
        lower_bound: fewer items are unusual.
        upper_bound: more items are unusual.
        severity: how much it means.
    """

    source: str
    platform: Platform | None
    stream_id: UUID | None
    hour: datetime
    actual: float | None
    expected: float | None
    lower_bound: float | None
    upper_bound: float | None
    severity: DriftSeverity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What an evaluation did for one org (`syncwell.evaluate_health`).

    Attributes:
        org_id: the org.
        streams: how many streams were looked at.
        moved: how many of them have another status than before.
        opened: issues that are new.
        reopened: issues that came back.
        resolved: issues that are over.
        blind: for how long nothing had evaluated the org; None: it was evaluated in time.
        skipped: somebody else was evaluating it.
    """

    org_id: UUID
    streams: int
    moved: int
    opened: int
    reopened: int
    resolved: int
    blind: timedelta | None
    skipped: bool


class DeviceMetrics(TypedDict, total=False):
    """What a device tells of its syncing; what it leaves out stays as it was told before.

    Durations are milliseconds, times are ISO 8601 and at most 5 minutes ahead; without `reported_at` it is now.
    """

    sync_duration_ms: int
    record_count: int
    error_count: int
    queue_depth: int
    oldest_pending_at: str | None
    platform: Platform
    device_id: str
    network: str
    reported_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsReport:
    """What became of a device's report (`syncwell.update_sync_health_metrics`).

    Attributes:
        stream_id: the stream it is about.
        reported_at: when it was so.
        is_newest: whether it is the device's newest; an older one counts into the history only.
    """

    stream_id: UUID
    reported_at: datetime
    is_newest: bool


class Matcher(TypedDict, total=False):
    """Which issues a silence fits: those that all of the keys fit; without any key all of them."""

    source: str
    issue_type: IssueType
    severity: Severity
    platform: Platform
    user_id: str
    stream_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Issues that nobody is alerted of for a time (`syncwell.get_silences`).

    Attributes:
        silence_id: the silence.
        matcher: which issues.
        starts_at: from when on.
        ends_at: until when.
        is_on: whether it is on now.
        reason: why.
        created_by: who asked for it; None: a service.
    """

    silence_id: UUID
    matcher: Matcher
    starts_at: datetime
    ends_at: datetime
    is_on: bool
    reason: str | None
    created_by: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWindow:
    """When streams are worked on (`syncwell.get_maintenance_windows`).

    Attributes:
        window_id: the window.
        mode: mute: nobody is alerted; exclude: nor does the time count; pause: nor is anything expected.
        source: for this source; None: all.
        user_id: for this user's streams; None: all.
        platform: for streams of this platform; None: all.
        starts_at: when it begins; of one that comes again: the occurrence that is on, or the next.
        ends_at: when that ends.
        is_on: whether it is on now.
        cron: when it comes again; None: once.
        time_zone: the zone of the cron; None: the org's.
        reason: why.
        created_by: who asked for it; None: a service.
        cancelled_at: when it was called off; None: it was not.
    """

    window_id: UUID
    mode: WindowMode
    source: str | None
    user_id: UUID | None
    platform: Platform | None
    starts_at: datetime
    ends_at: datetime
    is_on: bool
    cron: str | None
    time_zone: str | None
    reason: str | None
    created_by: UUID | None
    cancelled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What somebody is to be told of (`syncwell.get_alerts`).

    Attributes:
        alert_id: the alert.
        issue_id: the issue it tells of.
        fingerprint: the issue's fingerprint: receivers drop what they know.
        status: whether the trouble lasts.
        severity: how bad it is.
        user_id: the user whose stream it is; None: the org's own.
        labels: what it is about, as Alertmanager takes it.
        annotations: summary and description, in words.
        starts_at: when the issue was opened, or reopened.
        ends_at: when it was resolved; None: it is not.
        created_at: when the alert was written.
    """

    alert_id: UUID
    issue_id: UUID
    fingerprint: str
    status: AlertStatus
    severity: Severity
    user_id: UUID | None
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None
    created_at: datetime


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


class StreamCounts(TypedDict):
    """Streams by status."""

    unhealthy: int
    degraded: int
    late: int
    healthy: int
    unknown: int


class IssueCounts(TypedDict):
    """Issues that are not resolved: open ones by severity, and those that somebody has dealt with."""

    critical: int
    warning: int
    info: int
    acknowledged: int
    snoozed: int


class OverviewOrg(TypedDict):
    """Whose streams they are."""

    name: str
    time_zone: str


class OverviewViewer(TypedDict):
    """Who asks; `user_id` and `name` are None for services."""

    user_id: str | None
    name: str | None
    role: str


class OverviewUser(TypedDict):
    """Whom it is about."""

    user_id: str
    name: str | None


class OverviewSource(TypedDict):
    """A source in the overview; the score is the mean of its streams, 0 to 100, None: unknown."""

    source: str
    streams: int
    status: HealthStatus
    score: float | None
    last_success_at: str | None
    counts: StreamCounts


class OverviewStream(TypedDict):
    """A stream in the overview: as `StreamHealth`, with its user's name; times are ISO 8601."""

    stream_id: str
    user_id: str | None
    name: str | None
    source: str
    platform: Platform | None
    status: HealthStatus
    overlays: list[Overlay]
    score: float | None
    since: str | None
    reason: str | None
    advice: str | None
    last_sync_at: str | None
    last_success_at: str | None
    consecutive_failures: int | None
    queue_depth: int | None
    queue_oldest_at: str | None
    drift_percent: float | None
    drift_severity: DriftSeverity | None


class StreamOverview(TypedDict):
    """How all streams are, and one page of them, as of one moment (`syncwell.get_stream_overview`).

    It is JSON as the database gives it: ids and times are texts. `sources` and `rows` have the worst first; `matching`
    counts the streams that the filters leave; `user` is of the user that was asked about.
    """

    computed_at: str
    evaluated_at: str | None
    is_evaluated: bool
    org: OverviewOrg
    viewer: OverviewViewer
    user: OverviewUser | None
    status: HealthStatus
    score: float | None
    streams: int
    last_success_at: str | None
    counts: StreamCounts
    issues: IssueCounts
    sources: list[OverviewSource]
    matching: int
    rows: list[OverviewStream]


class ScoreParts(TypedDict):
    """What a score is made of, 0 to 100 each; None: unknown."""

    freshness: float | None
    reliability: float | None
    queue: float | None
    drift: float | None
    speed: float | None


class DetailedStream(OverviewStream):
    """A stream with all that is known of it now; durations in milliseconds, `expected_seconds` in seconds."""

    parts: ScoreParts
    expected_seconds: float | None
    due_at: str | None
    usual_duration_ms: int | None
    last_duration_ms: int | None


class Stretch(TypedDict):
    """A time in which the status did not change; mode: paused, excluded, muted or blind, None: none of them."""

    starts_at: str
    ends_at: str
    status: HealthStatus
    mode: str | None
    score: float | None


class DetailedRun(TypedDict):
    """A run of the stream; `error_message` is None without consent."""

    event_id: str
    sync_type: SyncType
    status: RunStatus
    started_at: str
    completed_at: str | None
    duration_ms: int | None
    items_processed: int | None
    items_failed: int | None
    error_type: str | None
    error_message: str | None


class StreamDetail(TypedDict):
    """One stream: how it is, how it was, what it ran (`syncwell.get_stream_detail`).

    It is JSON as the database gives it: ids and times are texts. `stretches` are from `since` on, oldest first; `runs`
    are the newest 200 since then, newest first.
    """

    computed_at: str
    since: str
    org: OverviewOrg
    stream: DetailedStream
    stretches: list[Stretch]
    runs: list[DetailedRun]


class DeviceQueues(TypedDict):
    """What waits on the devices of a source and platform, as these last told; times are ISO 8601, None is unknown."""

    source: str
    platform: Platform | None
    devices: int
    queue_depth: int | None
    oldest_pending_at: str | None
    oldest_pending_seconds: float | None
    reported_at: str


class OpenErrors(TypedDict):
    """The errors of one kind and source that are not resolved; `errors` counts one a stream."""

    source: str
    error_type: str
    error_class: ErrorClass
    errors: int
    occurrences: int
    first_seen: str
    last_seen: str
    next_retry_at: str | None


class Analysis(TypedDict):
    """All about a user's syncing, or about everything the caller may see (`syncwell.analyze_sync_health`).

    It is JSON as the database gives it: ids and times are texts. The rows of `status`, `issues`, `history`, `drift`,
    `queue_metrics` and `uptime` have the names of `SyncHealth`, `SyncIssue`, `HealthHistory`, `DataDrift`,
    `QueueHealth` and `Uptime`; of issues and drift the 1000 that matter most, and `issue_counts` says how many there
    are of each type.
    """

    computed_at: str
    user_id: str | None
    status: list[dict[str, Any]]
    issues: list[dict[str, Any]]
    issue_counts: dict[str, int]
    history: list[dict[str, Any]]
    drift: list[dict[str, Any]]
    queues: list[DeviceQueues]
    queue_metrics: list[dict[str, Any]]
    uptime: list[dict[str, Any]]
    errors: list[OpenErrors]
