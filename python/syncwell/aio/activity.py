"""`sw.activity`, asynchronous."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from syncwell.activity import ActivityEntry, MadeActivityPartition
from syncwell.aio._caller import AsyncCaller
from syncwell.progress import ProgressStatus

__all__ = ["AsyncActivity"]


class AsyncActivity:
    """What was done, by whom and when."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def log(
        self,
        *,
        action: str,
        status: ProgressStatus = "completed",
        sync_id: str | None = None,
        entity_type: str | None = None,
        record_count: int | None = None,
        duration_seconds: float | None = None,
        error_message: str | None = None,
        user_id: UUID | None = None,
    ) -> UUID:
        """Write an entry to the activity log; return its id (`syncwell.log_sync_activity`). For workers.

        Runs, pushes, previews and reported syncs write theirs themselves.

        Args:
            action: such as ``batch_process``; one of the built-in ones or of setting ``activity.actions``.
            status: how it stands.
            sync_id: the sync it is about, at most 200 characters.
            entity_type: what is synced, such as ``product``.
            record_count: records handled.
            duration_seconds: seconds it took.
            error_message: why it failed, at most 8192 characters; kept without secrets and with consent.
            user_id: who did it; None: the caller. Admins and services may name users of their org.

        Raises:
            UnknownSyncActionError: the org has no such action.
            UnknownEntityTypeError: the org has no such entity type.
            UnknownUserError: no user of the org for whom the caller may log.
            psycopg.errors.InvalidParameterValue: a negative number, or no status.
        """
        return await self._caller.value(
            UUID,
            """
            select syncwell.log_sync_activity(
              p_action => %(action)s::text,
              p_status => %(status)s::text,
              p_sync_id => %(sync_id)s::text,
              p_entity_type => %(entity_type)s::text,
              p_record_count => %(record_count)s::bigint,
              p_duration_seconds => %(duration_seconds)s::numeric,
              p_error_message => %(error_message)s::text,
              p_user_id => %(user_id)s::uuid
            )
            """,
            {
                "action": action,
                "status": status,
                "sync_id": sync_id,
                "entity_type": entity_type,
                "record_count": record_count,
                "duration_seconds": duration_seconds,
                "error_message": error_message,
                "user_id": user_id,
            },
        )

    async def entries(
        self,
        *,
        user_id: UUID | None = None,
        entity_type: str | None = None,
        action: str | None = None,
        status: ProgressStatus | None = None,
        sync_id: str | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        limit: int = 50,
        page_token: str | None = None,
    ) -> list[ActivityEntry]:
        """Return a page of the org's activity log, newest first (`syncwell.get_sync_activity`).

        Args:
            user_id: entries of this user only; None: of everybody.
            entity_type: of this entity type only.
            action: of this action only.
            status: of this status only.
            sync_id: of this sync only.
            from_: from this moment on.
            to: before this moment.
            limit: at most so many, 1 to 1000.
            page_token: of the last entry one has: what comes after it, with the same filters.

        Raises:
            UnknownUserError: the org has no such user.
            psycopg.errors.InvalidParameterValue: no page token, no status, or a range the wrong way round.
        """
        return await self._caller.rows(
            ActivityEntry,
            """
            select
              id, created_at, action, status, sync_id, entity_type, record_count, duration_seconds, error_message,
              user_id, page_token
            from syncwell.get_sync_activity(
              p_user_id => %(user_id)s::uuid,
              p_entity_type => %(entity_type)s::text,
              p_action => %(action)s::text,
              p_status => %(status)s::text,
              p_sync_id => %(sync_id)s::text,
              p_from => %(from_)s::timestamptz,
              p_to => %(to)s::timestamptz,
              p_limit => %(limit)s::integer,
              p_page_token => %(page_token)s::text
            )
            """,
            {
                "user_id": user_id,
                "entity_type": entity_type,
                "action": action,
                "status": status,
                "sync_id": sync_id,
                "from_": from_,
                "to": to,
                "limit": limit,
                "page_token": page_token,
            },
        )

    async def ensure_partitions(self, *, months_ahead: int = 3) -> list[MadeActivityPartition]:
        """Make the log's partitions of the coming months (`syncwell.ensure_activity_partitions`). For operators.

        Args:
            months_ahead: how many months to prepare, 0 to 120.

        Raises:
            psycopg.errors.InvalidParameterValue: too many months.
        """
        return await self._caller.rows(
            MadeActivityPartition,
            """
            select partition_name, moved_rows
            from syncwell.ensure_activity_partitions(p_months_ahead => %(months_ahead)s::integer)
            """,
            {"months_ahead": months_ahead},
        )
