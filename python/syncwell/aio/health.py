"""`sw.health`, asynchronous."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from psycopg.types.json import Jsonb

from syncwell.aio._caller import AsyncCaller
from syncwell.core import Platform
from syncwell.health import (
    Alert,
    AlertStatus,
    Analysis,
    Dashboard,
    DataDrift,
    DataFreshness,
    DeviceMetrics,
    Evaluation,
    HealthHistory,
    HealthStatus,
    Issue,
    IssueFilter,
    MaintenanceWindow,
    Matcher,
    MetricsReport,
    ServiceHealth,
    Silence,
    SourceComparison,
    StreamDetail,
    StreamHealth,
    StreamOverview,
    SyncHealth,
    SyncIssue,
    Uptime,
    VolumeHour,
    WindowMode,
)
from syncwell.metrics import Period

__all__ = ["AsyncHealth"]

_DOCUMENT: type[dict[str, Any]] = dict


class AsyncHealth:
    """Whether syncing is well, and why not."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def status(self, user_id: UUID | None = None) -> list[SyncHealth]:
        """Return how all is in all, then each source, the worst first (`syncwell.get_sync_health_status`).

        Args:
            user_id: this user's streams only; None: everything the caller may see.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
        """
        return await self._caller.rows(
            SyncHealth,
            """
            select
              source, status, score, freshness_score, reliability_score, queue_score, drift_score, speed_score,
              last_sync_at, last_success_at, consecutive_failures, platform, streams, unknown_streams, worst_source,
              worst_stream_id, reason, advice, overlays
            from syncwell.get_sync_health_status(p_user_id => %(user_id)s::uuid)
            """,
            {"user_id": user_id},
        )

    async def streams(
        self, *, status: HealthStatus | None = None, source: str | None = None, user_id: UUID | None = None
    ) -> list[StreamHealth]:
        """Return how each stream is, the lowest score first (view `syncwell.stream_health`). Not for clients.

        Args:
            status: those that are so only; None: all.
            source: this source only; None: all.
            user_id: this user's streams only; None: everything the caller may see.
        """
        return await self._caller.rows(
            StreamHealth,
            """
            select
              stream_id, user_id, source, platform, status, overlays, score, since, reason, advice, expected_interval,
              due_at, last_sync_at, last_success_at, consecutive_failures, usual_duration_ms, last_duration_ms,
              drift_percent, drift_severity, queue_depth, queue_oldest_at, total_runs
            from syncwell.stream_health
            where (%(status)s::text is null or status = %(status)s::text)
              and (%(source)s::text is null or source = %(source)s::text)
              and (%(user_id)s::uuid is null or user_id = %(user_id)s::uuid)
            order by score nulls last, since, source, stream_id
            """,
            {"status": status, "source": source, "user_id": user_id},
        )

    async def detect(self, *, user_id: UUID | None = None, threshold_hours: float | None = None) -> list[SyncIssue]:
        """Return what is wrong now, the worst and oldest first (`syncwell.detect_sync_issues`).

        It looks anew each time; `issues` has what `evaluate` found, with its life.

        Args:
            user_id: this user's streams only; None: everything the caller may see.
            threshold_hours: how old the last success of a stream without a schedule may be, in hours, 0.001 to 87600;
                None: as the settings say.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
            psycopg.errors.InvalidParameterValue: the hours are out of range.
        """
        return await self._caller.rows(
            SyncIssue,
            """
            select source, issue_type, severity, since, evidence, suggestion, user_id, stream_id
            from syncwell.detect_sync_issues(
              p_user_id => %(user_id)s::uuid, p_threshold_hours => %(threshold_hours)s::numeric
            )
            """,
            {"user_id": user_id, "threshold_hours": threshold_hours},
        )

    async def service(self, *, source: str | None = None, user_id: UUID | None = None) -> list[ServiceHealth]:
        """Return how each source is, the worst first (`syncwell.get_service_health`).

        Args:
            source: this source only; None: all.
            user_id: this user's streams only; None: everything the caller may see.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
        """
        return await self._caller.rows(
            ServiceHealth,
            """
            select
              source, status, score, last_sync_at, next_sync_at, consecutive_failures, is_healthy, success_rate,
              average_duration_ms, p95_duration_ms, active_errors, alerts, streams
            from syncwell.get_service_health(p_source => %(source)s::text, p_user_id => %(user_id)s::uuid)
            """,
            {"source": source, "user_id": user_id},
        )

    async def dashboard(self, *, source: str | None = None, user_id: UUID | None = None) -> Dashboard | None:
        """Return all about a source in one document (`syncwell.get_integration_dashboard`).

        Args:
            source: this source; None: all of them together.
            user_id: this user's streams only; None: everything the caller may see.

        Returns:
            None where no stream has this source.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
        """
        document = await self._caller.value_or_none(
            _DOCUMENT,
            "select syncwell.get_integration_dashboard(p_source => %(source)s::text, p_user_id => %(user_id)s::uuid)",
            {"source": source, "user_id": user_id},
        )
        return cast("Dashboard | None", document)

    async def stream_overview(
        self,
        *,
        status: HealthStatus | None = None,
        source: str | None = None,
        user_id: UUID | None = None,
        name: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> StreamOverview:
        """Return how all streams are, and one page of them, as one document (`syncwell.get_stream_overview`).

        Args:
            status: the page is of those that are so only; None: all.
            source: the page is of this source only; None: all.
            user_id: everything is about this user's streams only; None: everything the caller may see.
            name: the page is of users whose display name contains this, in any case; None: all.
            limit: at most so many streams in the page, 1 to 1000.
            offset: how many others come before them.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
            psycopg.errors.InvalidParameterValue: the limit or the offset is out of range.
        """
        document = await self._caller.value(
            _DOCUMENT,
            """
            select syncwell.get_stream_overview(
              p_status => %(status)s::text,
              p_source => %(source)s::text,
              p_user_id => %(user_id)s::uuid,
              p_name => %(name)s::text,
              p_limit => %(limit)s::integer,
              p_offset => %(offset)s::integer
            )
            """,
            {"status": status, "source": source, "user_id": user_id, "name": name, "limit": limit, "offset": offset},
        )
        return cast("StreamOverview", document)

    async def stream_detail(self, *, stream_id: UUID, hours: int = 48) -> StreamDetail:
        """Return how one stream is and was, and its runs, as one document (`syncwell.get_stream_detail`).

        Args:
            stream_id: the stream.
            hours: so many hours back, 1 to 1000.

        Raises:
            UnknownStreamError: no such stream, or not the caller's.
            psycopg.errors.InvalidParameterValue: the hours are out of range.
        """
        document = await self._caller.value(
            _DOCUMENT,
            """
            select syncwell.get_stream_detail(
              p_stream_id => %(stream_id)s::uuid,
              p_hours => %(hours)s::integer
            )
            """,
            {"stream_id": stream_id, "hours": hours},
        )
        return cast("StreamDetail", document)

    async def compare_sources(self, *, period: Period = "day", user_id: UUID | None = None) -> list[SourceComparison]:
        """Return the sources beside each other, by name (`syncwell.compare_sources`).

        Args:
            period: over the last hour, 24 hours or 7 days.
            user_id: this user's streams only; None: everything the caller may see.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
        """
        return await self._caller.rows(
            SourceComparison,
            """
            select
              source, status, streams, total_syncs, success_rate, average_duration_ms, p95_duration_ms,
              total_items_synced::bigint as total_items_synced, last_success_at, freshness_score, drift_percent
            from syncwell.compare_sources(p_period => %(period)s::text, p_user_id => %(user_id)s::uuid)
            """,
            {"period": period, "user_id": user_id},
        )

    async def freshness(self, *, user_id: UUID | None = None) -> list[DataFreshness]:
        """Return how old the data of each source are, the furthest behind first (`syncwell.get_data_freshness`).

        Args:
            user_id: this user's streams only; None: everything the caller may see.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
        """
        return await self._caller.rows(
            DataFreshness,
            """
            select
              source, status, last_success_at, age, expected_interval, due_at, stream_id, streams, behind_streams
            from syncwell.get_data_freshness(p_user_id => %(user_id)s::uuid)
            """,
            {"user_id": user_id},
        )

    async def issues(
        self,
        *,
        state: IssueFilter | None = None,
        source: str | None = None,
        limit: int = 50,
        user_id: UUID | None = None,
    ) -> list[Issue]:
        """Return what evaluations found wrong, the worst and oldest first (`syncwell.get_sync_issues`).

        Args:
            state: those that are so only; None: all that are not resolved.
            source: this source only; None: all.
            limit: at most so many, 1 to 1000.
            user_id: this user's streams only; None: everything the caller may see.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
            psycopg.errors.InvalidParameterValue: there is no such state, or the limit is out of range.
        """
        return await self._caller.rows(
            Issue,
            """
            select
              issue_id, issue_type, severity, state, source, platform, user_id, stream_id, parent_id, muted_by, since,
              opened_at, times_opened, last_seen_at, resolved_at, acknowledged_at, acknowledged_by, note,
              snoozed_until, evidence, suggestion
            from syncwell.get_sync_issues(
              p_state => %(state)s::text, p_source => %(source)s::text, p_limit => %(limit)s::integer,
              p_user_id => %(user_id)s::uuid
            )
            """,
            {"state": state, "source": source, "limit": limit, "user_id": user_id},
        )

    async def acknowledge(self, *, issue_id: UUID, note: str | None = None) -> bool:
        """Take an issue on; nobody is alerted of it any more (`syncwell.acknowledge_issue`).

        Args:
            issue_id: the issue.
            note: what there is to say, at most 1000 characters; None: as it was.

        Returns:
            Whether that changed anything.

        Raises:
            UnknownIssueError: no such issue, or not the caller's.
            IssueResolvedError: it is over.
            psycopg.errors.InsufficientPrivilege: the caller may only read.
        """
        return await self._caller.value(
            bool,
            "select syncwell.acknowledge_issue(p_issue_id => %(issue_id)s::uuid, p_note => %(note)s::text)",
            {"issue_id": issue_id, "note": note},
        )

    async def snooze(self, *, issue_id: UUID, for_: timedelta, note: str | None = None) -> datetime:
        """Let an issue rest; if it lasts until then it is open again (`syncwell.snooze_issue`).

        Args:
            issue_id: the issue.
            for_: how long, 1 minute to 90 days.
            note: what there is to say, at most 1000 characters; None: as it was.

        Returns:
            Until when it rests.

        Raises:
            UnknownIssueError: no such issue, or not the caller's.
            IssueResolvedError: it is over.
            psycopg.errors.InsufficientPrivilege: the caller may only read.
            psycopg.errors.InvalidParameterValue: the time is out of range.
        """
        return await self._caller.value(
            datetime,
            """
            select syncwell.snooze_issue(
              p_issue_id => %(issue_id)s::uuid, p_for => %(for_)s::interval, p_note => %(note)s::text
            )
            """,
            {"issue_id": issue_id, "for_": for_, "note": note},
        )

    async def silence(self, *, matcher: Matcher, until: datetime, reason: str | None = None) -> UUID:
        """Let nobody be alerted of issues that fit; return the silence's id (`syncwell.silence`). For admins.

        Args:
            matcher: which issues: all of its keys must fit.
            until: until when.
            reason: why, at most 1000 characters.

        Raises:
            psycopg.errors.InvalidParameterValue: a key or value of the matcher is unknown, or the time has passed.
            psycopg.errors.InsufficientPrivilege: the caller is no admin and no service.
        """
        return await self._caller.value(
            UUID,
            """
            select syncwell.silence(
              p_matcher => %(matcher)s::jsonb, p_until => %(until)s::timestamptz, p_reason => %(reason)s::text
            )
            """,
            {"matcher": Jsonb(matcher), "until": until, "reason": reason},
        )

    async def lift_silence(self, *, silence_id: UUID) -> bool:
        """End a silence now; return whether it was on (`syncwell.lift_silence`). For admins.

        Args:
            silence_id: the silence.

        Raises:
            UnknownSilenceError: no such silence in the caller's org.
            psycopg.errors.InsufficientPrivilege: the caller is no admin and no service.
        """
        return await self._caller.value(
            bool,
            "select syncwell.lift_silence(p_silence_id => %(silence_id)s::uuid)",
            {"silence_id": silence_id},
        )

    async def silences(self, *, ended: bool = False, limit: int = 50) -> list[Silence]:
        """Return the silences of the org (`syncwell.get_silences`).

        Args:
            ended: whether ended ones are returned too.
            limit: at most so many, 1 to 1000.

        Raises:
            psycopg.errors.InvalidParameterValue: the limit is out of range.
        """
        return await self._caller.rows(
            Silence,
            """
            select silence_id, matcher, starts_at, ends_at, is_on, reason, created_by
            from syncwell.get_silences(p_ended => %(ended)s::boolean, p_limit => %(limit)s::integer)
            """,
            {"ended": ended, "limit": limit},
        )

    async def maintenance_window(
        self,
        *,
        starts_at: datetime,
        ends_at: datetime,
        mode: WindowMode = "mute",
        source: str | None = None,
        user_id: UUID | None = None,
        platform: Platform | None = None,
        cron: str | None = None,
        time_zone: str | None = None,
        reason: str | None = None,
    ) -> UUID:
        """Say when streams are worked on; return the window's id (`syncwell.maintenance_window`). For admins.

        Args:
            starts_at: when it begins.
            ends_at: when it ends.
            mode: mute: nobody is alerted; exclude: nor does the time count; pause: nor is anything expected.
            source: for this source; None: all.
            user_id: for this user's streams; None: all.
            platform: for streams of this platform; None: all.
            cron: when it comes again, as long each time; None: once.
            time_zone: IANA name of the zone of the cron; None: the org's.
            reason: why, at most 1000 characters.

        Raises:
            UnknownUserError: no such user in the caller's org.
            psycopg.errors.InvalidParameterValue: the times, the mode, the platform, the cron or the zone make no sense.
            psycopg.errors.InsufficientPrivilege: the caller is no admin and no service.
        """
        return await self._caller.value(
            UUID,
            """
            select syncwell.maintenance_window(
              p_starts_at => %(starts_at)s::timestamptz, p_ends_at => %(ends_at)s::timestamptz,
              p_mode => %(mode)s::text, p_source => %(source)s::text, p_user_id => %(user_id)s::uuid,
              p_platform => %(platform)s::text, p_cron => %(cron)s::text, p_time_zone => %(time_zone)s::text,
              p_reason => %(reason)s::text
            )
            """,
            {
                "starts_at": starts_at,
                "ends_at": ends_at,
                "mode": mode,
                "source": source,
                "user_id": user_id,
                "platform": platform,
                "cron": cron,
                "time_zone": time_zone,
                "reason": reason,
            },
        )

    async def cancel_maintenance_window(self, *, window_id: UUID) -> bool:
        """Call a maintenance window off; return whether that changed anything (`syncwell.cancel_maintenance_window`).

        For admins.

        Args:
            window_id: the window.

        Raises:
            UnknownWindowError: no such window in the caller's org.
            psycopg.errors.InsufficientPrivilege: the caller is no admin and no service.
        """
        return await self._caller.value(
            bool,
            "select syncwell.cancel_maintenance_window(p_window_id => %(window_id)s::uuid)",
            {"window_id": window_id},
        )

    async def maintenance_windows(self, *, ended: bool = False, limit: int = 50) -> list[MaintenanceWindow]:
        """Return the maintenance windows of the org (`syncwell.get_maintenance_windows`).

        Args:
            ended: whether ended and cancelled ones are returned too.
            limit: at most so many, 1 to 1000.

        Raises:
            psycopg.errors.InvalidParameterValue: the limit is out of range.
        """
        return await self._caller.rows(
            MaintenanceWindow,
            """
            select
              window_id, mode, source, user_id, platform, starts_at, ends_at, is_on, cron, time_zone, reason,
              created_by, cancelled_at
            from syncwell.get_maintenance_windows(p_ended => %(ended)s::boolean, p_limit => %(limit)s::integer)
            """,
            {"ended": ended, "limit": limit},
        )

    async def history(
        self, *, user_id: UUID | None = None, days: int = 7, source: str | None = None
    ) -> list[HealthHistory]:
        """Return how syncing was, hour by hour up to 7 days, else day by day (`syncwell.get_sync_health_history`).

        Oldest first; a period without runs is a row too.

        Args:
            user_id: this user's streams only; None: everything the caller may see.
            days: so many days back, 1 to 3660.
            source: this source only; None: all.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
            psycopg.errors.InvalidParameterValue: the days are out of range.
        """
        return await self._caller.rows(
            HealthHistory,
            """
            select
              period, period_start, total_syncs, successful_syncs, failed_syncs, success_rate,
              total_items_synced::bigint as total_items_synced, p50_duration_ms, p95_duration_ms, score, healthy_share,
              late_share, degraded_share, unhealthy_share, unknown_share, paused_share
            from syncwell.get_sync_health_history(
              p_user_id => %(user_id)s::uuid, p_days => %(days)s::integer, p_source => %(source)s::text
            )
            """,
            {"user_id": user_id, "days": days, "source": source},
        )

    async def uptime(self, *, source: str | None = None, user_id: UUID | None = None, days: int = 30) -> list[Uptime]:
        """Return how much of the time all was up, then each source (`syncwell.get_uptime`).

        Args:
            source: this source only; None: all.
            user_id: this user's streams only; None: everything the caller may see.
            days: so many days back.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
            psycopg.errors.InvalidParameterValue: the days are out of range.
        """
        return await self._caller.rows(
            Uptime,
            """
            select
              source, streams, good_seconds, down_seconds, unknown_seconds, excluded_seconds, paused_seconds, uptime,
              runs, run_success_rate, slo, slo_met
            from syncwell.get_uptime(
              p_source => %(source)s::text, p_user_id => %(user_id)s::uuid, p_days => %(days)s::integer
            )
            """,
            {"source": source, "user_id": user_id, "days": days},
        )

    async def drift(self, *, user_id: UUID | None = None, source: str | None = None) -> list[DataDrift]:
        """Return how far volumes are from what is expected over 1, 6 and 24 h (`syncwell.calculate_data_drift`).

        Args:
            user_id: this user's streams only; None: everything the caller may see.
            source: this source only; None: all.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
        """
        return await self._caller.rows(
            DataDrift,
            """
            select
              source, platform, user_id, stream_id, window_hours, window_start, window_end, expected, actual,
              drift_percent, z, lower_bound, upper_bound, severity, since, baseline_weeks, time_zone, evidence
            from syncwell.calculate_data_drift(p_user_id => %(user_id)s::uuid, p_source => %(source)s::text)
            """,
            {"user_id": user_id, "source": source},
        )

    async def volume_timeline(
        self, *, source: str | None = None, hours: int = 168, user_id: UUID | None = None
    ) -> list[VolumeHour]:
        """Return the volume of each hour beside what was expected (`syncwell.get_volume_timeline`).

        Args:
            source: this source only; None: all.
            hours: so many hours back.
            user_id: this user's streams only; None: everything the caller may see.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
            psycopg.errors.InvalidParameterValue: the hours are out of range.
        """
        return await self._caller.rows(
            VolumeHour,
            """
            select source, platform, stream_id, hour, actual, expected, lower_bound, upper_bound, severity
            from syncwell.get_volume_timeline(
              p_source => %(source)s::text, p_hours => %(hours)s::integer, p_user_id => %(user_id)s::uuid
            )
            """,
            {"source": source, "hours": hours, "user_id": user_id},
        )

    async def analyze(self, user_id: UUID | None = None) -> Analysis:
        """Return all of it in one document (`syncwell.analyze_sync_health`).

        Args:
            user_id: this user's streams only; None: everything the caller may see.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
        """
        document = await self._caller.value(
            _DOCUMENT,
            "select syncwell.analyze_sync_health(p_user_id => %(user_id)s::uuid)",
            {"user_id": user_id},
        )
        return cast("Analysis", document)

    async def report_metrics(
        self, *, source: str, metrics: DeviceMetrics, user_id: UUID | None = None
    ) -> MetricsReport:
        """Tell how syncing goes on a device; its newest report wins (`syncwell.update_sync_health_metrics`).

        Args:
            source: what is synced.
            metrics: what there is to tell, one key at least.
            user_id: whose device it is; None: the acting user's, or the org's own.

        Raises:
            UnknownUserError: no such user, or not the caller's to speak for.
            MetricRefusedError: a metric is unknown, negative, too large or in the future; the detail names it.
        """
        return await self._caller.row(
            MetricsReport,
            """
            select stream_id, reported_at, is_newest
            from syncwell.update_sync_health_metrics(
              p_user_id => %(user_id)s::uuid, p_source => %(source)s::text, p_metrics => %(metrics)s::jsonb
            )
            """,
            {"source": source, "metrics": Jsonb(metrics), "user_id": user_id},
        )

    async def evaluate(self) -> list[Evaluation]:
        """Move states, open and resolve issues; one row an org (`syncwell.evaluate_health`). For workers.

        Call it once a minute; several callers at once do no harm.

        Raises:
            psycopg.errors.InsufficientPrivilege: the caller is neither an operator, nor a service, nor an admin.
        """
        return await self._caller.rows(
            Evaluation,
            """
            select org_id, streams, moved, opened, reopened, resolved, blind, skipped from syncwell.evaluate_health()
            """,
            {},
        )

    async def learn_baselines(self) -> int:
        """Learn what is usual for each stream, where that was not done today (`syncwell.learn_health_baselines`).

        For workers; maintenance does it too.

        Returns:
            How many streams were learned.

        Raises:
            psycopg.errors.InsufficientPrivilege: the caller is neither an operator, nor a service, nor an admin.
        """
        return await self._caller.value(int, "select syncwell.learn_health_baselines()", {})

    async def alerts(self, *, limit: int = 50, status: AlertStatus | None = None) -> list[Alert]:
        """Return what somebody is to be told of, the newest first (`syncwell.get_alerts`). For who sees the org.

        Args:
            limit: at most so many, 1 to 1000.
            status: those that are so only; None: all.

        Raises:
            psycopg.errors.InvalidParameterValue: there is no such status, or the limit is out of range.
        """
        return await self._caller.rows(
            Alert,
            """
            select
              alert_id, issue_id, fingerprint, status, severity, user_id, labels, annotations, starts_at, ends_at,
              created_at
            from syncwell.get_alerts(p_limit => %(limit)s::integer, p_status => %(status)s::text)
            """,
            {"limit": limit, "status": status},
        )
