"""`sw.ingest`, asynchronous."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from syncwell._answers import refusal_of
from syncwell.aio._caller import AsyncCaller
from syncwell.core import Platform
from syncwell.errors import BatchRefusedError
from syncwell.ingest import (
    BatchAnswer,
    BatchKind,
    CompletionAnswer,
    DataSource,
    DuplicateSession,
    IngestRow,
    MergedSession,
    RecentSession,
    RecordKind,
    ResolvedId,
    SessionAnswer,
    SessionDocument,
    SessionIntegrity,
    SessionMerge,
    StartedSession,
)

__all__ = ["AsyncIngest"]


class AsyncIngest:
    """What devices and sources deliver, each row once, in any order and however often it is sent."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def resolve_local_id(
        self, *, entity_type: str, local_id: str, device_id: str | None = None, user_id: UUID | None = None
    ) -> ResolvedId:
        """Return the id that stands for a device's own name, the same for ever (`syncwell.resolve_local_id`).

        Args:
            entity_type: what it is, e.g. ``session``.
            local_id: how the device calls it.
            device_id: the device, stored where there is consent.
            user_id: whose it is; None: the acting user's.

        Raises:
            UnknownUserError: no such user, or not the caller's to record for.
            psycopg.errors.InvalidParameterValue: a name is empty or too long.
        """
        return await self._caller.row(
            ResolvedId,
            """
            select server_id, created
            from syncwell.resolve_local_id(
              p_entity_type => %(entity_type)s::text,
              p_local_id => %(local_id)s::text,
              p_device_id => %(device_id)s::text,
              p_user_id => %(user_id)s::uuid
            )
            """,
            {"entity_type": entity_type, "local_id": local_id, "device_id": device_id, "user_id": user_id},
        )

    async def batch(
        self,
        *,
        kind: BatchKind,
        rows: Sequence[IngestRow | Mapping[str, Any]],
        source: str | None = None,
        session: str | None = None,
        user_id: UUID | None = None,
        device_id: str | None = None,
        platform: Platform | None = None,
        strict: bool = False,
        record: bool = True,
    ) -> BatchAnswer:
        """Store rows, each once (`syncwell.ingest_batch`).

        Sent again, also in other slices and another order, they add nothing. Of two versions the one that was written
        later counts. A row that can't be taken is reported by its position and does not keep the others out.

        Args:
            kind: what the rows are: ``event``, or a kind of session record.
            rows: the rows.
            source: where events come from.
            session: the session that records belong to, by the device's own name or the id here; it may come later.
            user_id: whose they are; None: the acting user's, or for events the org's own.
            device_id: the device, stored where there is consent.
            platform: what it is, for rows that don't say.
            strict: all or nothing.
            record: whether this counts as a run of the source.

        Raises:
            UnknownSessionError: no such session, or not the user's.
            BatchRefusedError: with `strict`, rows can't be taken; it names them, and the attempt is remembered.
            BatchTooLargeError: more rows or bytes than the settings allow.
            UnknownUserError: no such user, or not the caller's to record for.
        """
        text = await self.batch_text(
            kind=kind,
            rows=json.dumps(rows),
            source=source,
            session=session,
            user_id=user_id,
            device_id=device_id,
            platform=platform,
            strict=strict,
            record=record,
        )
        return BatchAnswer.of(_accepted(text))

    async def batch_text(
        self,
        *,
        kind: BatchKind,
        rows: str,
        source: str | None = None,
        session: str | None = None,
        user_id: UUID | None = None,
        device_id: str | None = None,
        platform: Platform | None = None,
        strict: bool = False,
        record: bool = True,
    ) -> str:
        """Store rows given as JSON text, return the answer as JSON text (`syncwell.ingest_batch`).

        Arguments and errors are those of `batch`, but that a batch that is refused raises nothing: its answer has
        `"success": false` and the error.
        """
        return await self._caller.value(
            str,
            """
            select syncwell.ingest_batch(
              p_kind => %(kind)s::text,
              p_rows => %(rows)s::json,
              p_source => %(source)s::text,
              p_session => %(session)s::text,
              p_user_id => %(user_id)s::uuid,
              p_device_id => %(device_id)s::text,
              p_platform => %(platform)s::text,
              p_strict => %(strict)s::boolean,
              p_record => %(record)s::boolean
            )::text
            """,
            {
                "kind": kind,
                "rows": rows,
                "source": source,
                "session": session,
                "user_id": user_id,
                "device_id": device_id,
                "platform": platform,
                "strict": strict,
                "record": record,
            },
        )

    async def start_session(
        self,
        *,
        local_id: str,
        started_at: datetime | None = None,
        source: str | None = None,
        data_source: DataSource | None = None,
        expected: Mapping[RecordKind, int] | None = None,
        metadata: Mapping[str, Any] | None = None,
        device_id: str | None = None,
        platform: Platform | None = None,
        user_id: UUID | None = None,
    ) -> StartedSession:
        """Begin a session; however often, and from how many devices, it is one (`syncwell.start_session`).

        Records that came before it are attached; what was not known of it is filled in.

        Args:
            local_id: how the device calls it.
            started_at: when it began; the earliest counts; None: now.
            source: the source it counts for; None: setting ingest.session_source.
            data_source: mock (made up, counted nowhere), bluetooth, manual.
            expected: how many records there will be, by kind.
            metadata: what else there is to say.
            device_id: the device, stored where there is consent.
            platform: what it is.
            user_id: whose session; None: the acting user's.

        Raises:
            UnknownUserError: no such user, or not the caller's to record for.
            psycopg.errors.InvalidParameterValue: an argument is not what it may be.
        """
        return await self._caller.row(
            StartedSession,
            """
            select session_id, created, status, sync_status
            from syncwell.start_session(
              p_local_id => %(local_id)s::text,
              p_started_at => %(started_at)s::timestamptz,
              p_source => %(source)s::text,
              p_data_source => %(data_source)s::text,
              p_expected => %(expected)s::jsonb,
              p_metadata => %(metadata)s::jsonb,
              p_device_id => %(device_id)s::text,
              p_platform => %(platform)s::text,
              p_user_id => %(user_id)s::uuid
            )
            """,
            {
                "local_id": local_id,
                "started_at": started_at,
                "source": source,
                "data_source": data_source,
                "expected": None if expected is None else Jsonb(expected),
                "metadata": None if metadata is None else Jsonb(metadata),
                "device_id": device_id,
                "platform": platform,
                "user_id": user_id,
            },
        )

    async def sync_session(
        self,
        *,
        document: SessionDocument | Mapping[str, Any],
        user_id: UUID | None = None,
        device_id: str | None = None,
        platform: Platform | None = None,
    ) -> SessionAnswer:
        """Store a session with everything that belongs to it, all or nothing (`syncwell.sync_session`).

        A document that is refused counts as an attempt: the error is raised when that is committed, or, inside of the
        caller's transaction, without an abort of it.

        Args:
            document: the session.
            user_id: whose it is; None: the acting user's.
            device_id: the device, stored where there is consent.
            platform: what it is.

        Raises:
            BatchRefusedError: rows of it can't be taken; it names them.
            BatchTooLargeError: more rows or bytes than the settings allow.
            UnknownUserError: no such user, or not the caller's to record for.
        """
        text = await self.sync_session_text(
            document=json.dumps(document), user_id=user_id, device_id=device_id, platform=platform
        )
        return SessionAnswer.of(_accepted(text))

    async def sync_session_text(
        self,
        *,
        document: str,
        user_id: UUID | None = None,
        device_id: str | None = None,
        platform: Platform | None = None,
    ) -> str:
        """Store a session given as JSON text, return the answer as JSON text (`syncwell.sync_session`).

        Arguments and errors are those of `sync_session`, but that a document that is refused raises nothing: its
        answer has `"success": false` and the error.
        """
        return await self._caller.value(
            str,
            """
            select syncwell.sync_session(
              p_document => %(document)s::json,
              p_user_id => %(user_id)s::uuid,
              p_device_id => %(device_id)s::text,
              p_platform => %(platform)s::text
            )::text
            """,
            {"document": document, "user_id": user_id, "device_id": device_id, "platform": platform},
        )

    async def complete_session(
        self,
        *,
        session: str,
        ended_at: datetime | None = None,
        expected: Mapping[RecordKind, int] | None = None,
        user_id: UUID | None = None,
    ) -> CompletionAnswer:
        """End a session, and learn what of it is here and what is missing (`syncwell.complete_session`).

        Args:
            session: the device's own name of it, or its id here.
            ended_at: when it ended; None: as it was told before, else now.
            expected: how many records there are, by kind; None: as it was told before.
            user_id: whose session; None: the acting user's.

        Raises:
            UnknownSessionError: no such session, or not the user's.
            UnknownUserError: no such user, or not the caller's to record for.
        """
        text = await self.complete_session_text(session=session, ended_at=ended_at, expected=expected, user_id=user_id)
        return CompletionAnswer.of(_accepted(text))

    async def complete_session_text(
        self,
        *,
        session: str,
        ended_at: datetime | None = None,
        expected: Mapping[RecordKind, int] | None = None,
        user_id: UUID | None = None,
    ) -> str:
        """End a session, return the answer of `complete_session` as JSON text (`syncwell.complete_session`).

        Arguments and errors are those of `complete_session`.
        """
        return await self._caller.value(
            str,
            """
            select syncwell.complete_session(
              p_session => %(session)s::text,
              p_ended_at => %(ended_at)s::timestamptz,
              p_expected => %(expected)s::jsonb,
              p_user_id => %(user_id)s::uuid
            )::text
            """,
            {
                "session": session,
                "ended_at": ended_at,
                "expected": None if expected is None else Jsonb(expected),
                "user_id": user_id,
            },
        )

    async def recent_sessions(
        self, *, user_id: UUID | None = None, limit: int = 30, include_mock: bool = False
    ) -> list[RecentSession]:
        """List the last sessions with their summaries (`syncwell.get_recent_sessions`).

        Args:
            user_id: only this user's; None: everything the caller may see.
            limit: 1 to 1000.
            include_mock: also made-up ones.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
            psycopg.errors.InvalidParameterValue: the limit is out of range.
        """
        return await self._caller.rows(
            RecentSession,
            """
            select session_id, user_id, local_id, source, data_source, status, sync_status, started_at, ended_at,
              duration_seconds, records, average_spo2, minimum_spo2, maximum_spo2, average_heart_rate,
              minimum_heart_rate, maximum_heart_rate, survey_pre, surveys_inter, survey_post, progression, missing
            from syncwell.get_recent_sessions(
              p_user_id => %(user_id)s::uuid,
              p_limit => %(limit)s::integer,
              p_include_mock => %(include_mock)s::boolean
            )
            """,
            {"user_id": user_id, "limit": limit, "include_mock": include_mock},
        )

    async def duplicates(
        self, *, user_id: UUID | None = None, limit: int = 100, again: bool = False
    ) -> list[DuplicateSession]:
        """List sessions that are there twice (`syncwell.find_duplicate_sessions`).

        Args:
            user_id: only this user's; None: everything the caller may see.
            limit: 1 to 1000.
            again: also those whose merge was reverted.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
            psycopg.errors.InvalidParameterValue: the limit is out of range.
        """
        return await self._caller.rows(
            DuplicateSession,
            """
            select user_id, kept_id, removed_id, reason, evidence
            from syncwell.find_duplicate_sessions(
              p_user_id => %(user_id)s::uuid,
              p_limit => %(limit)s::integer,
              p_again => %(again)s::boolean
            )
            """,
            {"user_id": user_id, "limit": limit, "again": again},
        )

    async def merge_duplicates(
        self, *, dry_run: bool = True, user_id: UUID | None = None, limit: int = 100, again: bool = False
    ) -> list[MergedSession]:
        """Make one session of each pair of duplicates (`syncwell.merge_duplicate_sessions`).

        Every row that moves is logged, so that `revert_merge` can put it back.

        Args:
            dry_run: only say what would be done.
            user_id: only this user's; None: everything the caller may see.
            limit: 1 to 1000.
            again: also those whose merge was reverted.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
            psycopg.errors.InvalidParameterValue: the limit is out of range.
        """
        return await self._caller.rows(
            MergedSession,
            """
            select merge_id, user_id, kept_id, removed_id, reason, moved
            from syncwell.merge_duplicate_sessions(
              p_dry_run => %(dry_run)s::boolean,
              p_user_id => %(user_id)s::uuid,
              p_limit => %(limit)s::integer,
              p_again => %(again)s::boolean
            )
            """,
            {"dry_run": dry_run, "user_id": user_id, "limit": limit, "again": again},
        )

    async def revert_merge(self, *, merge_id: UUID) -> int:
        """Take a merge back; return how many rows are where they were (`syncwell.revert_session_merge`).

        Args:
            merge_id: the merge.

        Raises:
            UnknownMergeError: no such merge, or it was reverted.
            MergeNotRevertibleError: what it brought together was merged on; revert that first.
        """
        return await self._caller.value(
            int,
            "select syncwell.revert_session_merge(p_merge_id => %(merge_id)s::uuid)",
            {"merge_id": merge_id},
        )

    async def merges(self, *, limit: int = 50, user_id: UUID | None = None) -> list[SessionMerge]:
        """List merges of sessions, the newest first (`syncwell.get_session_merges`).

        Args:
            limit: 1 to 1000.
            user_id: only this user's; None: everything the caller may see.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
            psycopg.errors.InvalidParameterValue: the limit is out of range.
        """
        return await self._caller.rows(
            SessionMerge,
            """
            select merge_id, user_id, kept_id, removed_id, reason, moved, merged_at, reverted_at
            from syncwell.get_session_merges(
              p_limit => %(limit)s::integer,
              p_user_id => %(user_id)s::uuid
            )
            """,
            {"limit": limit, "user_id": user_id},
        )

    async def integrity(self, *, user_id: UUID | None = None, days: int = 90) -> list[SessionIntegrity]:
        """Tell what is wrong with sessions: all zero where data is healthy (`syncwell.get_session_integrity`).

        Args:
            user_id: only this user's; None: everything the caller may see.
            days: how far to look back.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
            psycopg.errors.InvalidParameterValue: the days are out of range.
        """
        return await self._caller.rows(
            SessionIntegrity,
            """
            select finding, sessions, affected, percent, examples
            from syncwell.get_session_integrity(
              p_user_id => %(user_id)s::uuid,
              p_days => %(days)s::integer
            )
            """,
            {"user_id": user_id, "days": days},
        )


def _accepted(text: str) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(text)
    failure = refusal_of(document)
    if isinstance(failure, BatchRefusedError):
        failure.rejections = tuple(document.get("rejections", ()))
    if failure is not None:
        raise failure
    return document
