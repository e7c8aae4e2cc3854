"""`sw.metrics`, asynchronous."""

from __future__ import annotations

from uuid import UUID

from syncwell.aio._caller import AsyncCaller
from syncwell.metrics import HourOfRuns, Performance, Period, SyncMetrics

__all__ = ["AsyncMetrics"]


class AsyncMetrics:
    """How runs went, in figures."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def sync_metrics(
        self, *, source: str | None = None, period: Period = "hour", limit: int = 24, user_id: UUID | None = None
    ) -> list[SyncMetrics]:
        """Return figures per period and source, newest first, then a summary (`syncwell.get_sync_metrics`).

        A period in which nothing was started has no row; without a stream there is no row at all.

        Args:
            source: this source only; None: all.
            period: how long a period is.
            limit: how many periods back, the current one included, 1 to 1000.
            user_id: this user's streams only; None: everything the caller may see.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
            psycopg.errors.InvalidParameterValue: the limit is out of range.
        """
        return await self._caller.rows(
            SyncMetrics,
            """
            select
              metric_type, period_start, source, total_syncs, successful_syncs, failed_syncs, success_rate, error_rate,
              total_items_synced::bigint as total_items_synced, average_duration_ms, p50_duration_ms, p95_duration_ms,
              p99_duration_ms, last_updated
            from syncwell.get_sync_metrics(
              p_source => %(source)s::text,
              p_period => %(period)s::text,
              p_limit => %(limit)s::integer,
              p_user_id => %(user_id)s::uuid
            )
            """,
            {"source": source, "period": period, "limit": limit, "user_id": user_id},
        )

    async def timeline(
        self, *, source: str | None = None, hours: int = 24, user_id: UUID | None = None
    ) -> list[HourOfRuns]:
        """Return the runs of each hour, oldest first, empty hours too (`syncwell.get_sync_timeline`).

        Args:
            source: this source only; None: all.
            hours: how many hours back, the current one included, 1 to 1000.
            user_id: this user's streams only; None: everything the caller may see.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
            psycopg.errors.InvalidParameterValue: the hours are out of range.
        """
        return await self._caller.rows(
            HourOfRuns,
            """
            select hour, total, successful, failed
            from syncwell.get_sync_timeline(
              p_source => %(source)s::text, p_hours => %(hours)s::integer, p_user_id => %(user_id)s::uuid
            )
            """,
            {"source": source, "hours": hours, "user_id": user_id},
        )

    async def performance(
        self, *, source: str | None = None, sample: int = 100, user_id: UUID | None = None
    ) -> list[Performance]:
        """Return durations and items, overall and by type, platform and network (`syncwell.analyze_sync_performance`).

        Args:
            source: this source only; None: all.
            sample: the newest so many runs that have ended, 1 to 1000.
            user_id: this user's streams only; None: everything the caller may see.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
            psycopg.errors.InvalidParameterValue: the sample is out of range.
        """
        return await self._caller.rows(
            Performance,
            """
            select
              dimension, value, sample_size, min_duration_ms, max_duration_ms, average_duration_ms, median_duration_ms,
              p95_duration_ms, total_items::bigint as total_items, average_items
            from syncwell.analyze_sync_performance(
              p_source => %(source)s::text, p_sample => %(sample)s::integer, p_user_id => %(user_id)s::uuid
            )
            """,
            {"source": source, "sample": sample, "user_id": user_id},
        )

    async def refresh(self, *, limit: int = 10_000) -> int:
        """Roll up what was written since; return how many hours were counted (`syncwell.refresh_sync_metrics`).

        For operators. Figures are right without it; it makes reading them cheap.

        Args:
            limit: how many hours of streams at most, 1 to 1000000.

        Raises:
            psycopg.errors.InvalidParameterValue: the limit is out of range.
        """
        return await self._caller.value(
            int, "select syncwell.refresh_sync_metrics(p_limit => %(limit)s::integer)", {"limit": limit}
        )
