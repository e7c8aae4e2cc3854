"""`sw.queue`, asynchronous."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from syncwell.aio._caller import AsyncCaller
from syncwell.aio.worker import AsyncQueueWorker
from syncwell.core import Platform
from syncwell.queue import (
    Acquired,
    ClaimedOperation,
    CompletedOperation,
    DedupMode,
    EnqueuedOperation,
    EnqueuedPlace,
    ExtendedLease,
    FailedOperation,
    NewOperation,
    Operation,
    OperationStatus,
    QueueHealth,
)

__all__ = ["AsyncQueue"]


class AsyncQueue:
    """Operations that wait to be done, each once in effect."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    def worker(
        self,
        handler: Callable[[ClaimedOperation], Awaitable[None]],
        *,
        source: str | None = None,
        batch: int = 10,
        lease: timedelta = timedelta(minutes=1),
        poll: float = 1.0,
        name: str | None = None,
    ) -> AsyncQueueWorker:
        """Return a worker that does operations with `handler`: `await sw.queue.worker(send).run()`.

        It claims `batch` operations, gives them to the handler one after the other, and completes each. While it works
        it extends their leases; an exception of the handler is a failure, described as `sw.runs.track` does, and the
        database decides whether and when it is tried again. When it is told to `stop()` it ends the one it has begun
        and gives the others back.

        A handler may be called again for an operation that it has done: when the process dies before that is written.
        One whose effect is in the same database makes it and completes the operation in one transaction, and is
        exact; others use `operation_id` as a key that makes their effect happen once.

        Args:
            handler: does one operation; returns when it is done, raises when it failed.
            source: only operations of this source; None: all.
            batch: how many are claimed at a time, 1 to 1000.
            lease: how long they are held without a sign of life, 1 second to 1 day.
            poll: seconds between two looks at an empty queue.
            name: how the worker calls itself, at most 200 characters.

        Raises:
            ValueError: when it runs on a connection whose transactions are somebody else's.
        """
        return AsyncQueueWorker(self._caller, self, handler, source, batch, lease, poll, name)

    async def enqueue(
        self,
        *,
        operation_type: str,
        payload: Any = None,
        source: str | None = None,
        dedup_key: str | None = None,
        mode: DedupMode = "ignore",
        priority: int = 5,
        run_at: datetime | None = None,
        max_attempts: int | None = None,
        ordering_key: str | None = None,
        depends_on: Sequence[UUID] | None = None,
        platform: Platform | None = None,
        device_id: str | None = None,
        user_id: UUID | None = None,
    ) -> EnqueuedOperation:
        """Put an operation into the queue, once (`syncwell.enqueue_operation`).

        The same operation of the same user that is not done yet stands for it, however many send it at the same time.

        Args:
            operation_type: what is to be done, 1 to 100 characters.
            payload: with what: anything that JSON can say; None: an empty object.
            source: what it belongs to; None: setting queue.source.
            dedup_key: what makes two the same; None: the payload.
            mode: what a twin does while this waits: ``ignore``, ``replace``, ``merge`` (its payload), ``none``.
            priority: 0 to 9; within an org, higher ones are claimed first.
            run_at: not before; None: at once.
            max_attempts: 1 to 100; None: setting queue.max_attempts.
            ordering_key: operations of one user with this key are done one after the other.
            depends_on: operations that must have been done.
            platform: where it comes from.
            device_id: the device it comes from, stored where there is consent.
            user_id: for whom; None: the acting user, or the org itself.

        Raises:
            UnknownOperationError: it depends on an operation that is not there.
            PayloadTooLargeError: the payload is larger than setting queue.max_payload.
            UnknownUserError: no such user, or not the caller's to send for.
            psycopg.errors.InvalidParameterValue: an argument is not what it may be.
        """
        return await self._caller.row(
            EnqueuedOperation,
            """
            select operation_id, deduplicated
            from syncwell.enqueue_operation(
              p_operation_type => %(operation_type)s::text,
              p_payload => %(payload)s::jsonb,
              p_source => %(source)s::text,
              p_dedup_key => %(dedup_key)s::text,
              p_mode => %(mode)s::text,
              p_priority => %(priority)s::integer,
              p_run_at => %(run_at)s::timestamptz,
              p_max_attempts => %(max_attempts)s::integer,
              p_ordering_key => %(ordering_key)s::text,
              p_depends_on => %(depends_on)s::uuid[],
              p_platform => %(platform)s::text,
              p_device_id => %(device_id)s::text,
              p_user_id => %(user_id)s::uuid
            )
            """,
            {
                "operation_type": operation_type,
                "payload": Jsonb({} if payload is None else payload),
                "source": source,
                "dedup_key": dedup_key,
                "mode": mode,
                "priority": priority,
                "run_at": run_at,
                "max_attempts": max_attempts,
                "ordering_key": ordering_key,
                "depends_on": None if depends_on is None else list(depends_on),
                "platform": platform,
                "device_id": device_id,
                "user_id": user_id,
            },
        )

    async def enqueue_many(
        self, *, operations: Sequence[NewOperation], user_id: UUID | None = None
    ) -> list[EnqueuedPlace]:
        """Put operations into the queue, set-based; what is wrong with one is told in its row.

        Args:
            operations: at most 10000; all of one user.
            user_id: for whom; None: the acting user, or the org itself.

        Raises:
            UnknownUserError: no such user, or not the caller's to send for.
            psycopg.errors.InvalidParameterValue: there are too many.
        """
        return await self.enqueue_text(operations=json.dumps(operations), user_id=user_id)

    async def enqueue_text(
        self,
        *,
        operations: str,
        user_id: UUID | None = None,
    ) -> list[EnqueuedPlace]:
        """Put operations into the queue that are JSON text already (`syncwell.enqueue_operations`).

        Args:
            operations: a JSON array of at most 10000 objects, as `enqueue_many` takes them.
            user_id: for whom; None: the acting user, or the org itself.

        Raises:
            UnknownUserError: no such user, or not the caller's to send for.
            psycopg.errors.InvalidParameterValue: there are too many.
        """
        return await self._caller.rows(
            EnqueuedPlace,
            """
            select place, operation_id, deduplicated, error_code, error
            from syncwell.enqueue_operations(
              p_operations => %(operations)s::json,
              p_user_id => %(user_id)s::uuid
            )
            """,
            {
                "operations": operations,
                "user_id": user_id,
            },
        )

    async def claim(
        self,
        *,
        limit: int = 10,
        lease: timedelta = timedelta(minutes=1),
        source: str | None = None,
        worker: str | None = None,
    ) -> list[ClaimedOperation]:
        """Take operations that may be done now (`syncwell.claim_operations`). For workers.

        End each with `complete`, `fail` or `release` before its lease ends, acting for its org.

        Args:
            limit: 1 to 1000.
            lease: how long they are the caller's, 1 second to 1 day.
            source: only of this source.
            worker: how the worker calls itself.

        Raises:
            psycopg.errors.InvalidParameterValue: the limit or the lease is out of range.
        """
        return await self._caller.rows(
            ClaimedOperation,
            """
            select org_id, user_id, operation_id, operation_type, payload, source, priority, attempt, max_attempts,
              lease_token, lease_until, enqueued_at, ordering_key, platform, device_id
            from syncwell.claim_operations(
              p_limit => %(limit)s::integer,
              p_lease => %(lease)s::interval,
              p_source => %(source)s::text,
              p_worker => %(worker)s::text
            )
            """,
            {
                "limit": limit,
                "lease": lease,
                "source": source,
                "worker": worker,
            },
        )

    async def complete(
        self,
        *,
        operation_ids: Sequence[UUID],
        lease_token: UUID,
    ) -> list[CompletedOperation]:
        """End operations as done (`syncwell.complete_operations`). For workers.

        May be repeated: what was completed under this lease is completed.

        Args:
            operation_ids: at most 1000 of them.
            lease_token: what `claim` gave with them.

        Raises:
            psycopg.errors.InvalidParameterValue: there are too many.
        """
        return await self._caller.rows(
            CompletedOperation,
            """
            select operation_id, outcome
            from syncwell.complete_operations(
              p_operation_ids => %(operation_ids)s::uuid[],
              p_lease_token => %(lease_token)s::uuid
            )
            """,
            {
                "operation_ids": list(operation_ids),
                "lease_token": lease_token,
            },
        )

    async def fail(
        self,
        *,
        operation_id: UUID,
        lease_token: UUID,
        message: str | None = None,
        code: str | None = None,
        http_status: int | None = None,
        retry_after: str | None = None,
    ) -> FailedOperation:
        """End an attempt as failed (`syncwell.fail_operation`). For workers.

        Args:
            operation_id: which.
            lease_token: what `claim` gave with it.
            message: what went wrong; passwords and tokens in it are not stored.
            code: a code of the network, a SQLSTATE, or one's own.
            http_status: status of the answer.
            retry_after: the header of that name: seconds or an HTTP date.

        Raises:
            UnknownOperationError: no such operation, or not the caller's.
            OperationLeaseLostError: it was handed out again.
            psycopg.errors.StringDataRightTruncation: the code is too long.
        """
        return await self._caller.row(
            FailedOperation,
            """
            select status, retry_at, attempt, error_type, class as error_class, reason
            from syncwell.fail_operation(
              p_operation_id => %(operation_id)s::uuid,
              p_lease_token => %(lease_token)s::uuid,
              p_message => %(message)s::text,
              p_code => %(code)s::text,
              p_http_status => %(http_status)s::integer,
              p_retry_after => %(retry_after)s::text
            )
            """,
            {
                "operation_id": operation_id,
                "lease_token": lease_token,
                "message": message,
                "code": code,
                "http_status": http_status,
                "retry_after": retry_after,
            },
        )

    async def extend(
        self,
        *,
        operation_ids: Sequence[UUID],
        lease_token: UUID,
        lease: timedelta = timedelta(minutes=1),
    ) -> list[ExtendedLease]:
        """Hold operations for longer (`syncwell.extend_lease`). For workers.

        Those that are missing in the answer are lost.

        Args:
            operation_ids: at most 1000 of them.
            lease_token: what `claim` gave with them.
            lease: from now on, 1 second to 1 day.

        Raises:
            psycopg.errors.InvalidParameterValue: there are too many, or the lease is out of range.
        """
        return await self._caller.rows(
            ExtendedLease,
            """
            select operation_id, lease_until
            from syncwell.extend_lease(
              p_operation_ids => %(operation_ids)s::uuid[],
              p_lease_token => %(lease_token)s::uuid,
              p_lease => %(lease)s::interval
            )
            """,
            {
                "operation_ids": list(operation_ids),
                "lease_token": lease_token,
                "lease": lease,
            },
        )

    async def release(
        self,
        *,
        operation_ids: Sequence[UUID],
        lease_token: UUID,
    ) -> int:
        """Give operations back untouched; return how many (`syncwell.release_operations`). For workers.

        Args:
            operation_ids: at most 1000 of them.
            lease_token: what `claim` gave with them.

        Raises:
            psycopg.errors.InvalidParameterValue: there are too many.
        """
        return await self._caller.value(
            int,
            """
            select syncwell.release_operations(
              p_operation_ids => %(operation_ids)s::uuid[],
              p_lease_token => %(lease_token)s::uuid
            )
            """,
            {
                "operation_ids": list(operation_ids),
                "lease_token": lease_token,
            },
        )

    async def requeue_dead(
        self,
        *,
        operation_ids: Sequence[UUID] | None = None,
        source: str | None = None,
        limit: int = 1000,
    ) -> int:
        """Let dead operations be tried again; return how many (`syncwell.requeue_dead`).

        Args:
            operation_ids: which; None: any.
            source: only of this source.
            limit: 1 to 1000.

        Raises:
            psycopg.errors.InvalidParameterValue: the limit is out of range.
        """
        return await self._caller.value(
            int,
            """
            select syncwell.requeue_dead(
              p_operation_ids => %(operation_ids)s::uuid[],
              p_source => %(source)s::text,
              p_limit => %(limit)s::integer
            )
            """,
            {
                "operation_ids": None if operation_ids is None else list(operation_ids),
                "source": source,
                "limit": limit,
            },
        )

    async def operations(
        self,
        *,
        status: OperationStatus | None = None,
        source: str | None = None,
        limit: int = 50,
        user_id: UUID | None = None,
    ) -> list[Operation]:
        """List operations that are not done, the oldest first (`syncwell.get_operations`).

        Args:
            status: only those that are pending, processing or dead.
            source: only of this source.
            limit: 1 to 1000.
            user_id: only what is this user's; None: everything the caller may see.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
            psycopg.errors.InvalidParameterValue: the limit is out of range.
        """
        return await self._caller.rows(
            Operation,
            """
            select operation_id, user_id, source, operation_type, payload, status, priority, run_at, blockers,
              attempts, max_attempts, dedup_key, ordering_key, enqueued_at, claimed_at, lease_owner,
              last_failed_at, last_error_type, last_error_code, last_error, dead_reason, platform, device_id
            from syncwell.get_operations(
              p_status => %(status)s::text,
              p_source => %(source)s::text,
              p_limit => %(limit)s::integer,
              p_user_id => %(user_id)s::uuid
            )
            """,
            {
                "status": status,
                "source": source,
                "limit": limit,
                "user_id": user_id,
            },
        )

    async def health(
        self,
        *,
        user_id: UUID | None = None,
    ) -> list[QueueHealth]:
        """Tell how the queue is, overall and by source and platform (`syncwell.get_queue_health_metrics`).

        Args:
            user_id: only what is this user's; None: everything the caller may see.

        Raises:
            UnknownUserError: no such user, or not the caller's to ask about.
        """
        return await self._caller.rows(
            QueueHealth,
            """
            select source, platform, depth, ready, scheduled, retrying, blocked, processing, dead, expired_leases,
              oldest_ready_at, oldest_ready_seconds, oldest_enqueued_at, p95_wait_ms, p95_service_ms,
              arrivals_per_minute, completions_per_minute, drain_seconds, client_queues, client_depth,
              client_oldest_at, client_reported_at, client_report_seconds
            from syncwell.get_queue_health_metrics(
              p_user_id => %(user_id)s::uuid
            )
            """,
            {
                "user_id": user_id,
            },
        )

    async def report_client(
        self,
        *,
        device_id: str,
        depth: int,
        oldest_at: datetime | None = None,
        source: str | None = None,
        platform: Platform | None = None,
        reported_at: datetime | None = None,
        user_id: UUID | None = None,
    ) -> bool:
        """Say what waits on a device; False: a newer report is known (`syncwell.report_client_queue`).

        Args:
            device_id: the device, at most 255 characters.
            depth: how many operations wait; 0: none.
            oldest_at: since when the oldest does.
            source: what waits; None: setting queue.source.
            platform: what the device is.
            reported_at: when it was so; None: now.
            user_id: whose device; None: the acting user's.

        Raises:
            UnknownUserError: no such user, or not the caller's to record for.
            psycopg.errors.InvalidParameterValue: a count is negative, or the device's clock is wrong.
        """
        return await self._caller.value(
            bool,
            """
            select syncwell.report_client_queue(
              p_device_id => %(device_id)s::text,
              p_depth => %(depth)s::bigint,
              p_oldest_at => %(oldest_at)s::timestamptz,
              p_source => %(source)s::text,
              p_platform => %(platform)s::text,
              p_reported_at => %(reported_at)s::timestamptz,
              p_user_id => %(user_id)s::uuid
            )
            """,
            {
                "device_id": device_id,
                "depth": depth,
                "oldest_at": oldest_at,
                "source": source,
                "platform": platform,
                "reported_at": reported_at,
                "user_id": user_id,
            },
        )

    async def acquire(
        self,
        *,
        bucket: str,
        cost: float = 1.0,
    ) -> Acquired:
        """Take from a token bucket of the org (`syncwell.try_acquire`).

        Call it before the work, in a transaction of its own.

        Args:
            bucket: its name, usually a source.
            cost: how much, above 0.

        Raises:
            psycopg.errors.InvalidParameterValue: the cost can never be had.
        """
        return await self._caller.row(
            Acquired,
            """
            select allowed, wait_ms, tokens
            from syncwell.try_acquire(
              p_bucket => %(bucket)s::text,
              p_cost => %(cost)s::double precision
            )
            """,
            {
                "bucket": bucket,
                "cost": cost,
            },
        )
