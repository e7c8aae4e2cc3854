"""`sw.health`, asynchronous."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from syncwell.aio._caller import AsyncCaller
from syncwell.health import Dashboard, DataFreshness, ServiceHealth, SourceComparison, SyncHealth, SyncIssue
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
              worst_stream_id, reason, advice
            from syncwell.get_sync_health_status(p_user_id => %(user_id)s::uuid)
            """,
            {"user_id": user_id},
        )

    async def issues(self, *, user_id: UUID | None = None, threshold_hours: float | None = None) -> list[SyncIssue]:
        """Return what is wrong now, the worst and oldest first (`syncwell.detect_sync_issues`).

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
