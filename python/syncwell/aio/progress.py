"""`sw.progress`, asynchronous."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from psycopg.types.json import Jsonb

from syncwell.aio._caller import AsyncCaller
from syncwell.progress import LiveProgress, ProgressReport, ProgressStatus, ReapedProgress, StuckSync

__all__ = ["AsyncProgress"]


class AsyncProgress:
    """How far running syncs are."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def report(
        self,
        *,
        sync_id: str,
        processed_count: int | None = None,
        total_items: int | None = None,
        failed_count: int | None = None,
        current_item: int | None = None,
        entity_type: str | None = None,
        source_system: str | None = None,
        job_id: str | None = None,
        batch_number: int | None = None,
        metadata: Mapping[str, object] | None = None,
        status: ProgressStatus | None = None,
    ) -> ProgressReport:
        """Say where a sync stands; the first report makes it known (`syncwell.report_sync_progress`). For workers.

        What is None stays as it is.

        Args:
            sync_id: the sync's own name in the org, at most 200 characters.
            processed_count: items done well so far, not since the last report.
            total_items: items there are.
            failed_count: items that failed so far.
            current_item: number of the item worked on.
            entity_type: what is synced, such as ``product``.
            source_system: the system it is synced from, at most 200 characters.
            job_id: the job it is part of, at most 200 characters.
            batch_number: number of the batch worked on.
            metadata: anything to keep with it, at most 64 KiB as JSON.
            status: set it; ``pending`` starts over.

        Raises:
            ProgressBeyondTotalError: more items are counted than there are.
            ProgressWentBackError: a count is smaller than before.
            ProgressFinishedError: the sync has ended.
            UnknownEntityTypeError: the org has no such entity type.
        """
        return await self._caller.row(
            ProgressReport,
            """
            select id, status, speed_items_per_min, eta_seconds, elapsed_seconds
            from syncwell.report_sync_progress(
              p_sync_id => %(sync_id)s::text,
              p_processed_count => %(processed_count)s::bigint,
              p_total_items => %(total_items)s::bigint,
              p_failed_count => %(failed_count)s::bigint,
              p_current_item => %(current_item)s::bigint,
              p_entity_type => %(entity_type)s::text,
              p_source_system => %(source_system)s::text,
              p_job_id => %(job_id)s::text,
              p_batch_number => %(batch_number)s::integer,
              p_metadata => %(metadata)s::jsonb,
              p_status => %(status)s::text
            )
            """,
            {
                "sync_id": sync_id,
                "processed_count": processed_count,
                "total_items": total_items,
                "failed_count": failed_count,
                "current_item": current_item,
                "entity_type": entity_type,
                "source_system": source_system,
                "job_id": job_id,
                "batch_number": batch_number,
                "metadata": None if metadata is None else Jsonb(metadata),
                "status": status,
            },
        )

    async def pause(self, *, sync_id: str) -> bool:
        """Let a sync's time stand still (`syncwell.pause_sync`); False: it is paused already. For workers.

        Args:
            sync_id: the sync's own name.

        Raises:
            UnknownProgressError: nothing was reported under this name.
            ProgressFinishedError: the sync has ended.
        """
        return await self._caller.value(
            bool, "select syncwell.pause_sync(p_sync_id => %(sync_id)s::text)", {"sync_id": sync_id}
        )

    async def resume(self, *, sync_id: str) -> bool:
        """End a sync's pause (`syncwell.resume_sync`); False: it is not paused. For workers.

        Args:
            sync_id: the sync's own name.

        Raises:
            UnknownProgressError: nothing was reported under this name.
            ProgressFinishedError: the sync has ended.
        """
        return await self._caller.value(
            bool, "select syncwell.resume_sync(p_sync_id => %(sync_id)s::text)", {"sync_id": sync_id}
        )

    async def cancel(self, *, sync_id: str) -> bool:
        """End a sync as cancelled (`syncwell.cancel_sync`); False: it is cancelled already. For workers.

        Args:
            sync_id: the sync's own name.

        Raises:
            UnknownProgressError: nothing was reported under this name.
            ProgressFinishedError: the sync has ended otherwise.
        """
        return await self._caller.value(
            bool, "select syncwell.cancel_sync(p_sync_id => %(sync_id)s::text)", {"sync_id": sync_id}
        )

    async def live(
        self, *, sync_id: str | None = None, include_finished: bool = False, limit: int = 100
    ) -> list[LiveProgress]:
        """Return the syncs of the caller's org as they are now, newest first (view `syncwell.sync_progress_live`).

        Args:
            sync_id: this sync only; None: all.
            include_finished: whether ended syncs are returned too.
            limit: at most so many.
        """
        return await self._caller.rows(
            LiveProgress,
            """
            select
              id, sync_id, job_id, entity_type, source_system, status, processed_count, failed_count, total_items,
              current_item, batch_number, percent, speed_now, eta_now, eta_basis, stalled, silent_seconds,
              elapsed_now, started_at, updated_at, completed_at, initiated_by, metadata
            from syncwell.sync_progress_live
            where (%(include_finished)s::boolean or status in ('pending', 'in_progress', 'paused'))
              and (%(sync_id)s::text is null or sync_id = %(sync_id)s::text)
            order by started_at desc, id
            limit %(limit)s::bigint
            """,
            {"sync_id": sync_id, "include_finished": include_finished, "limit": limit},
        )

    async def stuck(self, *, silent_for: timedelta = timedelta(hours=1)) -> list[StuckSync]:
        """Return running syncs that count nothing any more, longest silence first (`syncwell.find_stuck_syncs`).

        Args:
            silent_for: how long they have been silent at least.

        Raises:
            psycopg.errors.InvalidParameterValue: the time is negative.
        """
        return await self._caller.rows(
            StuckSync,
            """
            select
              id, sync_id, job_id, entity_type, source_system, initiated_by, processed_count, failed_count, total_items,
              percent, started_at, updated_at, silent_seconds
            from syncwell.find_stuck_syncs(p_silent_for => %(silent_for)s::interval)
            """,
            {"silent_for": silent_for},
        )

    async def reap(self, *, limit: int = 1000) -> list[ReapedProgress]:
        """End syncs that run for too long as timeout; return them (`syncwell.reap_sync_progress`). For workers.

        Args:
            limit: at most so many, 1 to 1000.

        Raises:
            psycopg.errors.InvalidParameterValue: the limit is out of range.
        """
        return await self._caller.rows(
            ReapedProgress,
            """
            select org_id, id, sync_id, source_system, started_at, elapsed_seconds
            from syncwell.reap_sync_progress(p_limit => %(limit)s::integer)
            """,
            {"limit": limit},
        )
