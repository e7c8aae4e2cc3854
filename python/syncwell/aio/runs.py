"""`sw.runs`, asynchronous."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from syncwell.aio._caller import AsyncCaller
from syncwell.aio.track import AsyncTrackedRun
from syncwell.core import Platform
from syncwell.runs import (
    DueRetry,
    ErrorGroup,
    ErrorKind,
    FinishedRun,
    Jitter,
    ReapedRun,
    RecordedError,
    RetryDecision,
    RunStatus,
    StartedRun,
    SyncEvent,
    SyncType,
)

__all__ = ["AsyncRuns"]


class AsyncRuns:
    """Streams, their runs and their errors."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    def track(
        self,
        source: str,
        sync_type: SyncType = "incremental",
        *,
        user_id: UUID | None = None,
        sync_token: str | None = None,
        run_key: str | None = None,
        platform: Platform | None = None,
        device_id: str | None = None,
        network_type: str | None = None,
        network_quality: str | None = None,
        retry_of: UUID | None = None,
        retry_lease: UUID | None = None,
        report_every: float = 1.0,
    ) -> AsyncTrackedRun:
        """Return a run that records itself: `async with sw.runs.track("todoist") as run:`.

        Entering starts the run and a heartbeat in the background, three of them in the time after which a silent run is
        given up. `await run.progress(done, total)` says how far it is, `run.set_result(...)` what came of it. Leaving
        completes the run.

        An exception is recorded as the run's failure and raised again; `run.failure` is the retry decision. Its text is
        the message. The code is its `.sqlstate`, its `.code` where that is a text, or the name of its `.errno`; the
        HTTP status is its `.status_code`, `.status` or `.code`, or that of its `.response`, and Retry-After comes from
        the headers of either. Where it has none of these, what caused it is asked. When the failure itself cannot be
        recorded the exception gets a note that says why.

        What is no `Exception`, such as KeyboardInterrupt or CancelledError, cancels the run. When the run was taken
        away meanwhile, `progress` and the end of the block raise `LeaseLostError` or `RunAlreadyFinishedError`.

        Everything is written in short transactions, so it needs a client on a pool, or on a connection in autocommit
        mode that nothing else uses; on others entering raises ValueError.

        Args:
            source: what is synced; the stream is created on first use.
            sync_type: how it is synced.
            user_id: whose stream; None: the acting user's, or the org's own.
            sync_token: where to continue; None: where the stream's last run ended (a full sync: from nothing).
            run_key: the caller's own name for the run, at most 255 characters: two starts with one key are one run.
            platform: on what kind of machine the run is made.
            device_id: the device that runs it, stored where there is consent.
            network_type: such as ``wifi``, stored where there is consent.
            network_quality: such as ``poor``, stored where there is consent.
            retry_of: the error that the run retries.
            retry_lease: the lease with which that retry was claimed.
            report_every: seconds between two writes of progress.

        Raises:
            ValueError: at entering, on a connection whose transactions are somebody else's.
            RunAlreadyFinishedError: at entering, when the run of this key has ended.
        """
        start = {
            "source": source,
            "sync_type": sync_type,
            "sync_token": sync_token,
            "run_key": run_key,
            "user_id": user_id,
            "platform": platform,
            "device_id": device_id,
            "network_type": network_type,
            "network_quality": network_quality,
            "retry_of": retry_of,
            "retry_lease": retry_lease,
        }
        return AsyncTrackedRun(self._caller, self, start, report_every)

    async def register_stream(
        self,
        *,
        source: str,
        user_id: UUID | None = None,
        expected_interval: timedelta | None = None,
        cron: str | None = None,
        time_zone: str | None = None,
        active_hours: str | None = None,
        platform: Platform | None = None,
        max_runtime: timedelta | None = None,
        slo: float | None = None,
    ) -> UUID:
        """Declare what is expected of a stream; return its id (`syncwell.register_stream`). For workers.

        The arguments are the whole declaration: what is left out is cleared. Brings a retired stream back.

        Args:
            source: what is synced.
            user_id: whose stream; None: the acting user's, or the org's own.
            expected_interval: how often a success is expected, 1 second to 10 years.
            cron: the same as a schedule of five cron fields.
            time_zone: IANA zone of cron and active hours; None: the org's.
            active_hours: when syncs are expected at all, such as ``Mon-Fri 08:00-18:00``; None: always.
            platform: on what kind of machine it runs.
            max_runtime: a run that takes longer is ended; None: as the settings say.
            slo: share of runs that should succeed, above 0 and below 1.

        Raises:
            UnknownUserError: no such user, or not the caller's to record for.
            psycopg.errors.InvalidParameterValue: a bad name, schedule, zone or number.
        """
        return await self._caller.value(
            UUID,
            """
            select syncwell.register_stream(
              p_source => %(source)s::text,
              p_user_id => %(user_id)s::uuid,
              p_expected_interval => %(expected_interval)s::interval,
              p_cron => %(cron)s::text,
              p_time_zone => %(time_zone)s::text,
              p_active_hours => %(active_hours)s::text,
              p_platform => %(platform)s::text,
              p_max_runtime => %(max_runtime)s::interval,
              p_slo => %(slo)s::numeric
            )
            """,
            {
                "source": source,
                "user_id": user_id,
                "expected_interval": expected_interval,
                "cron": cron,
                "time_zone": time_zone,
                "active_hours": active_hours,
                "platform": platform,
                "max_runtime": max_runtime,
                "slo": slo,
            },
        )

    async def unregister_stream(self, *, source: str, user_id: UUID | None = None) -> bool:
        """Retire a stream; its history stays (`syncwell.unregister_stream`). For workers.

        Args:
            source: what is synced.
            user_id: whose stream; None: the acting user's, or the org's own.

        Returns:
            False where it is retired already.

        Raises:
            UnknownStreamError: the caller has no such stream.
            UnknownUserError: no such user, or not the caller's to record for.
        """
        return await self._caller.value(
            bool,
            "select syncwell.unregister_stream(p_source => %(source)s::text, p_user_id => %(user_id)s::uuid)",
            {"source": source, "user_id": user_id},
        )

    async def start(
        self,
        *,
        source: str,
        sync_type: SyncType = "incremental",
        sync_token: str | None = None,
        run_key: str | None = None,
        user_id: UUID | None = None,
        platform: Platform | None = None,
        device_id: str | None = None,
        network_type: str | None = None,
        network_quality: str | None = None,
        retry_of: UUID | None = None,
        retry_lease: UUID | None = None,
    ) -> StartedRun:
        """Record that a run starts (`syncwell.record_sync_start`). For workers.

        Args:
            source: what is synced; the stream is created on first use.
            sync_type: how it is synced.
            sync_token: where to continue; None: where the stream's last run ended (a full sync: from nothing).
            run_key: the caller's own name for the run, at most 255 characters: two starts with one key are one run.
            user_id: whose stream; None: the acting user's, or the org's own.
            platform: on what kind of machine the run is made.
            device_id: the device that runs it, stored where there is consent.
            network_type: such as ``wifi``, stored where there is consent.
            network_quality: such as ``poor``, stored where there is consent.
            retry_of: the error that the run retries.
            retry_lease: the lease with which that retry was claimed.

        Raises:
            UnknownUserError: no such user, or not the caller's to record for.
            UnknownSyncError: this stream has no such error to retry.
            ErrorAlreadyResolvedError: there is nothing left to retry.
            LeaseLostError: somebody else has claimed the retry since.
            psycopg.errors.InvalidParameterValue: a bad name of a source, type or platform.
        """
        return await self._caller.row(
            StartedRun,
            """
            select event_id, lease, stream_id, status, attempt, sync_token, started_at, is_new
            from syncwell.record_sync_start(
              p_source => %(source)s::text,
              p_sync_type => %(sync_type)s::text,
              p_sync_token => %(sync_token)s::text,
              p_run_key => %(run_key)s::text,
              p_user_id => %(user_id)s::uuid,
              p_platform => %(platform)s::text,
              p_device_id => %(device_id)s::text,
              p_network_type => %(network_type)s::text,
              p_network_quality => %(network_quality)s::text,
              p_retry_of => %(retry_of)s::uuid,
              p_retry_lease => %(retry_lease)s::uuid
            )
            """,
            {
                "source": source,
                "sync_type": sync_type,
                "sync_token": sync_token,
                "run_key": run_key,
                "user_id": user_id,
                "platform": platform,
                "device_id": device_id,
                "network_type": network_type,
                "network_quality": network_quality,
                "retry_of": retry_of,
                "retry_lease": retry_lease,
            },
        )

    async def heartbeat(self, *, event_id: UUID, lease: UUID, items_processed: int | None = None) -> datetime:
        """Say that a run is alive; return until when it counts so (`syncwell.record_sync_heartbeat`). For workers.

        Args:
            event_id: the run's id.
            lease: the run's lease.
            items_processed: items handled so far.

        Raises:
            UnknownRunError: no such run, or not the caller's.
            LeaseLostError: the run was taken away.
            RunAlreadyFinishedError: the run has ended.
        """
        return await self._caller.value(
            datetime,
            """
            select syncwell.record_sync_heartbeat(
              p_event_id => %(event_id)s::uuid,
              p_lease => %(lease)s::uuid,
              p_items_processed => %(items_processed)s::bigint
            )
            """,
            {"event_id": event_id, "lease": lease, "items_processed": items_processed},
        )

    async def complete(
        self,
        *,
        event_id: UUID,
        lease: UUID,
        items_processed: int | None = None,
        sync_token_after: str | None = None,
        items_created: int | None = None,
        items_updated: int | None = None,
        items_deleted: int | None = None,
        items_failed: int | None = None,
    ) -> FinishedRun:
        """Record that a run ended well (`syncwell.record_sync_complete`). For workers.

        The same again changes nothing.

        Args:
            event_id: the run's id.
            lease: the run's lease.
            items_processed: items handled.
            sync_token_after: where the next run continues.
            items_created: items that are new.
            items_updated: items that changed.
            items_deleted: items that are gone.
            items_failed: items that could not be handled; more than none make the run ``partial``.

        Raises:
            UnknownRunError: no such run, or not the caller's.
            LeaseLostError: the run was taken away.
            RunAlreadyFinishedError: the run has ended otherwise.
            psycopg.errors.InvalidParameterValue: a count is negative.
        """
        return await self._caller.row(
            FinishedRun,
            """
            select status, completed_at, duration_ms, changed
            from syncwell.record_sync_complete(
              p_event_id => %(event_id)s::uuid,
              p_lease => %(lease)s::uuid,
              p_items_processed => %(items_processed)s::bigint,
              p_sync_token_after => %(sync_token_after)s::text,
              p_items_created => %(items_created)s::bigint,
              p_items_updated => %(items_updated)s::bigint,
              p_items_deleted => %(items_deleted)s::bigint,
              p_items_failed => %(items_failed)s::bigint
            )
            """,
            {
                "event_id": event_id,
                "lease": lease,
                "items_processed": items_processed,
                "sync_token_after": sync_token_after,
                "items_created": items_created,
                "items_updated": items_updated,
                "items_deleted": items_deleted,
                "items_failed": items_failed,
            },
        )

    async def error(
        self,
        *,
        event_id: UUID,
        lease: UUID,
        message: str,
        code: str | None = None,
        http_status: int | None = None,
        details: Mapping[str, object] | None = None,
        retry_after: str | None = None,
        items_processed: int | None = None,
    ) -> RetryDecision:
        """Record that a run failed; return whether and when to retry (`syncwell.record_sync_error`). For workers.

        Args:
            event_id: the run's id.
            lease: the run's lease.
            message: what went wrong, at most 8192 characters; passwords and tokens in it are not stored.
            code: a code of the network, a SQLSTATE, or one's own.
            http_status: status of the answer.
            details: anything to keep with it, at most 64 KiB as JSON, stored where there is consent.
            retry_after: the header of that name: seconds or an HTTP date.
            items_processed: items handled until then.

        Raises:
            UnknownRunError: no such run, or not the caller's.
            LeaseLostError: the run was taken away.
            RunAlreadyFinishedError: the run has ended otherwise.
            psycopg.errors.StringDataRightTruncation: the message or the code is too long.
        """
        return await self._caller.row(
            RetryDecision,
            """
            select error_id, error_type, class as error_class, should_retry, retry_at, attempt, lane, reason
            from syncwell.record_sync_error(
              p_event_id => %(event_id)s::uuid,
              p_lease => %(lease)s::uuid,
              p_message => %(message)s::text,
              p_code => %(code)s::text,
              p_http_status => %(http_status)s::integer,
              p_details => %(details)s::jsonb,
              p_retry_after => %(retry_after)s::text,
              p_items_processed => %(items_processed)s::bigint
            )
            """,
            {
                "event_id": event_id,
                "lease": lease,
                "message": message,
                "code": code,
                "http_status": http_status,
                "details": None if details is None else Jsonb(details),
                "retry_after": retry_after,
                "items_processed": items_processed,
            },
        )

    async def cancel(self, *, event_id: UUID) -> bool:
        """Call a run off (`syncwell.cancel_sync_run`); False: it is cancelled already. For workers.

        Args:
            event_id: the run's id.

        Raises:
            UnknownRunError: no such run, or not the caller's.
            RunAlreadyFinishedError: the run has ended otherwise.
        """
        return await self._caller.value(
            bool, "select syncwell.cancel_sync_run(p_event_id => %(event_id)s::uuid)", {"event_id": event_id}
        )

    async def create_error(
        self,
        *,
        source: str,
        message: str,
        code: str | None = None,
        http_status: int | None = None,
        details: Mapping[str, object] | None = None,
        user_id: UUID | None = None,
    ) -> UUID:
        """Record an error that has no run; return its id (`syncwell.create_sync_error`). For workers.

        Args:
            source: what is synced.
            message: what went wrong, at most 8192 characters; passwords and tokens in it are not stored.
            code: a code of the network, a SQLSTATE, or one's own.
            http_status: status of the answer.
            details: anything to keep with it, at most 64 KiB as JSON, stored where there is consent.
            user_id: whose stream; None: the acting user's, or the org's own.

        Raises:
            UnknownUserError: no such user, or not the caller's to record for.
            psycopg.errors.StringDataRightTruncation: the message or the code is too long.
        """
        return await self._caller.value(
            UUID,
            """
            select syncwell.create_sync_error(
              p_source => %(source)s::text,
              p_message => %(message)s::text,
              p_code => %(code)s::text,
              p_http_status => %(http_status)s::integer,
              p_details => %(details)s::jsonb,
              p_user_id => %(user_id)s::uuid
            )
            """,
            {
                "source": source,
                "message": message,
                "code": code,
                "http_status": http_status,
                "details": None if details is None else Jsonb(details),
                "user_id": user_id,
            },
        )

    async def schedule_retry(self, *, error_id: UUID, delay: timedelta | None = None) -> datetime:
        """Plan a retry; return when (`syncwell.schedule_sync_retry`). For workers.

        Args:
            error_id: the error to retry.
            delay: how long from now, at most a year; None: what the retry rules say.

        Raises:
            UnknownSyncError: no such error, or not the caller's.
            ErrorAlreadyResolvedError: there is nothing left to retry.
        """
        return await self._caller.value(
            datetime,
            "select syncwell.schedule_sync_retry(p_error_id => %(error_id)s::uuid, p_delay => %(delay)s::interval)",
            {"error_id": error_id, "delay": delay},
        )

    async def resolve_error(self, *, error_id: UUID) -> bool:
        """Mark an error as resolved (`syncwell.mark_error_resolved`); False: it is so already. For workers.

        Args:
            error_id: the error.

        Raises:
            UnknownSyncError: no such error, or not the caller's.
        """
        return await self._caller.value(
            bool, "select syncwell.mark_error_resolved(p_error_id => %(error_id)s::uuid)", {"error_id": error_id}
        )

    async def get_error(self, *, error_id: UUID) -> RecordedError:
        """Return one error in full (`syncwell.get_sync_error`).

        Args:
            error_id: the error.

        Raises:
            UnknownSyncError: no such error, or not the caller's.
        """
        return await self._caller.row(
            RecordedError,
            """
            select
              error_id, stream_id, source, user_id, event_id, error_type, error_class, error_code, http_status,
              error_message, error_details, retry_count, next_retry_at, lane, reason, occurrences, first_seen,
              last_seen, resolved_at, created_at
            from syncwell.get_sync_error(p_error_id => %(error_id)s::uuid)
            """,
            {"error_id": error_id},
        )

    async def error_report(
        self,
        *,
        source: str | None = None,
        include_resolved: bool = False,
        limit: int = 50,
        user_id: UUID | None = None,
    ) -> list[ErrorGroup]:
        """Return the errors by kind, open ones first, the last seen first (`syncwell.get_error_report`).

        Args:
            source: this source only; None: all.
            include_resolved: whether resolved ones are returned too.
            limit: at most so many kinds, 1 to 1000.
            user_id: this user's streams only; None: everything the caller may see.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
            psycopg.errors.InvalidParameterValue: the limit is out of range.
        """
        return await self._caller.rows(
            ErrorGroup,
            """
            select
              error_id, error_type, error_class, error_code, http_status, error_message, source, user_id, streams,
              occurrences, retry_count, first_seen, last_seen, age, lane, reason, next_retry_at, next_retry_in,
              resolved_at, total_errors, unresolved_errors, errors_of_type
            from syncwell.get_error_report(
              p_source => %(source)s::text,
              p_include_resolved => %(include_resolved)s::boolean,
              p_limit => %(limit)s::integer,
              p_user_id => %(user_id)s::uuid
            )
            """,
            {"source": source, "include_resolved": include_resolved, "limit": limit, "user_id": user_id},
        )

    async def recent(
        self,
        *,
        source: str | None = None,
        limit: int = 20,
        status: RunStatus | None = None,
        user_id: UUID | None = None,
    ) -> list[SyncEvent]:
        """Return the last runs, newest first (`syncwell.get_recent_sync_events`).

        Args:
            source: this source only; None: all.
            limit: at most so many, 1 to 1000.
            status: runs of this status only; None: all.
            user_id: this user's streams only; None: everything the caller may see.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
            psycopg.errors.InvalidParameterValue: an unknown status, or the limit is out of range.
        """
        return await self._caller.rows(
            SyncEvent,
            """
            select
              event_id, source, user_id, sync_type, status, started_at, completed_at, duration_ms, items_processed,
              items_created, items_updated, items_deleted, items_failed, items_per_second, direction, bytes, error_type,
              error_code, error_message, attempt, platform, device_id, network_type, sync_token_before,
              sync_token_after, heartbeat_at
            from syncwell.get_recent_sync_events(
              p_source => %(source)s::text,
              p_limit => %(limit)s::integer,
              p_status => %(status)s::text,
              p_user_id => %(user_id)s::uuid
            )
            """,
            {"source": source, "limit": limit, "status": status, "user_id": user_id},
        )

    async def webhooks(
        self, *, source: str | None = None, limit: int = 20, user_id: UUID | None = None
    ) -> list[SyncEvent]:
        """Return the last runs of type webhook, newest first (`syncwell.get_recent_webhooks`).

        Args:
            source: this source only; None: all.
            limit: at most so many, 1 to 1000.
            user_id: this user's streams only; None: everything the caller may see.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
            psycopg.errors.InvalidParameterValue: the limit is out of range.
        """
        return await self._caller.rows(
            SyncEvent,
            """
            select
              event_id, source, user_id, sync_type, status, started_at, completed_at, duration_ms, items_processed,
              items_created, items_updated, items_deleted, items_failed, items_per_second, direction, bytes, error_type,
              error_code, error_message, attempt, platform, device_id, network_type, sync_token_before,
              sync_token_after, heartbeat_at
            from syncwell.get_recent_webhooks(
              p_source => %(source)s::text, p_limit => %(limit)s::integer, p_user_id => %(user_id)s::uuid
            )
            """,
            {"source": source, "limit": limit, "user_id": user_id},
        )

    async def claim_due_retries(
        self, *, limit: int = 10, lease_for: timedelta = timedelta(minutes=5)
    ) -> list[DueRetry]:
        """Take retries that are due; each is given to one caller only (`syncwell.claim_due_retries`). For workers.

        Start each with `start` or `track`, for its `user_id`, `retry_of=error_id` and `retry_lease=retry_lease`; who
        serves several orgs does so as `as_org(org_id)`.

        Args:
            limit: at most so many, 1 to 1000.
            lease_for: for how long they are the caller's, 1 second to 1 day.

        Raises:
            psycopg.errors.InvalidParameterValue: limit or time are out of range.
        """
        return await self._caller.rows(
            DueRetry,
            """
            select
              org_id, user_id, error_id, retry_lease, lease_until, stream_id, source, sync_type, attempt, error_type,
              is_probe
            from syncwell.claim_due_retries(p_limit => %(limit)s::integer, p_lease_for => %(lease_for)s::interval)
            """,
            {"limit": limit, "lease_for": lease_for},
        )

    async def reap(self, *, limit: int = 1000) -> list[ReapedRun]:
        """End runs that are silent or take too long as timeout; return them (`syncwell.reap_sync_runs`). For workers.

        Args:
            limit: at most so many, 1 to 1000.

        Raises:
            psycopg.errors.InvalidParameterValue: the limit is out of range.
        """
        return await self._caller.rows(
            ReapedRun,
            """
            select org_id, user_id, event_id, stream_id, source, reason, started_at
            from syncwell.reap_sync_runs(p_limit => %(limit)s::integer)
            """,
            {"limit": limit},
        )

    async def classify(
        self, *, code: str | None = None, http_status: int | None = None, message: str | None = None
    ) -> ErrorKind:
        """Return what kind of error something is (`syncwell.classify_sync_error`).

        Args:
            code: a code of the network, a SQLSTATE, or one's own.
            http_status: status of the answer.
            message: what went wrong.
        """
        return await self._caller.row(
            ErrorKind,
            """
            select error_type, class as error_class, retryable
            from syncwell.classify_sync_error(
              p_code => %(code)s::text, p_http_status => %(http_status)s::integer, p_message => %(message)s::text
            )
            """,
            {"code": code, "http_status": http_status, "message": message},
        )

    async def retry_delay(
        self,
        *,
        attempt: int,
        retry_after: timedelta | None = None,
        jitter: Jitter | None = None,
    ) -> timedelta | None:
        """Return how long to wait before a retry; None: no more retries (`syncwell.retry_delay`).

        Args:
            attempt: number of the retry, from 1.
            retry_after: what the other side asked for; never less than that.
            jitter: none: the upper bound itself; full: 0 to the bound; equal: half of it to all; None: as set.

        Raises:
            psycopg.errors.InvalidParameterValue: the number is below 1.
        """
        return await self._caller.value_or_none(
            timedelta,
            """
            select syncwell.retry_delay(
              p_attempt => %(attempt)s::integer,
              p_retry_after => %(retry_after)s::interval,
              p_jitter => %(jitter)s::text
            )
            """,
            {"attempt": attempt, "retry_after": retry_after, "jitter": jitter},
        )
