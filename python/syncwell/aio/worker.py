"""What `sw.queue.worker` returns, asynchronous."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from syncwell._failure import describe
from syncwell._gate import AsyncGate
from syncwell._heart import AsyncHeart
from syncwell.aio.core import AsyncCore
from syncwell.core import UnreadableJson
from syncwell.errors import OperationLeaseLostError, UnknownOperationError
from syncwell.queue import ClaimedOperation

__all__ = ["AsyncQueueWorker"]

if TYPE_CHECKING:
    from syncwell.aio._caller import AsyncCaller
    from syncwell.aio.queue import AsyncQueue

_LOST = (OperationLeaseLostError, UnknownOperationError)
_BEATS = 3


class _UnreadableError(Exception):
    """Trying again does not make it readable."""

    status = 422

    def __str__(self) -> str:
        return "its payload is JSON that Python can not read"


class AsyncQueueWorker:
    """Claims operations and does them, one after the other; `sw.queue.worker` makes it.

    Several of them share a queue: each on a client of its own, or on one pool.

    Attributes:
        completed: how many it has done.
        failed: how many attempts have failed.
        lost: how many were taken away while it worked on them.
    """

    def __init__(
        self,
        caller: AsyncCaller,
        queue: AsyncQueue,
        handler: Callable[[ClaimedOperation], Awaitable[None]],
        source: str | None,
        batch: int,
        lease: timedelta,
        poll: float,
        name: str | None,
    ) -> None:
        self.completed = 0
        self.failed = 0
        self.lost = 0
        self._caller = caller
        self._queue = queue
        self._handler = handler
        self._source = source
        self._batch = batch
        self._lease = lease
        self._poll = poll
        self._name = name
        self._gate = AsyncGate()
        self._held: dict[UUID, ClaimedOperation] = {}
        self._across_orgs: bool | None = None

    def stop(self) -> None:
        """End the operation that is under way, give the others back, and return from `run`."""
        self._gate.open()

    async def run(self) -> None:
        """Work until `stop()`. What the database refuses, and a connection that is gone, is raised."""
        while not self._gate.is_open:
            if not await self.run_once():
                await self._gate.wait(self._poll)

    async def run_once(self) -> int:
        """Claim once and do what that gave; return how many operations it was."""
        await self._caller.require_own_transactions()
        claimed = await self._queue.claim(limit=self._batch, lease=self._lease, source=self._source, worker=self._name)
        if not claimed:
            return 0
        self._held = {operation.operation_id: operation for operation in claimed}
        pause = self._lease / timedelta(seconds=_BEATS)
        heart = AsyncHeart(self._beat, "syncwell queue worker")
        heart.start(pause)
        try:
            for operation in claimed:
                if self._gate.is_open:
                    break
                # the lease may have been lost while others were done
                if operation.operation_id in self._held:
                    await self._do(operation)
        finally:
            await heart.stop()
            await self._give_back()
        return len(claimed)

    async def _do(self, operation: ClaimedOperation) -> None:
        queue = await self._queue_of(operation)
        try:
            if isinstance(operation.payload, UnreadableJson):
                raise _UnreadableError
            await self._handler(operation)
        except Exception as error:
            failure = describe(error)
            try:
                await queue.fail(
                    operation_id=operation.operation_id,
                    lease_token=operation.lease_token,
                    message=failure.message,
                    code=None if failure.code is None else failure.code[:200],
                    http_status=failure.http_status,
                    retry_after=failure.retry_after,
                )
                self.failed += 1
            except _LOST:
                self.lost += 1
        else:
            (done,) = await queue.complete(operation_ids=[operation.operation_id], lease_token=operation.lease_token)
            if done.outcome == "completed":
                self.completed += 1
            else:
                self.lost += 1
        self._held.pop(operation.operation_id, None)

    async def _give_back(self) -> None:
        left = list(self._held.values())
        self._held = {}
        for operations in self._by_org(left):
            # whoever cannot give them back leaves them to the end of their lease
            with suppress(Exception):
                queue = await self._queue_of(operations[0])
                await queue.release(
                    operation_ids=[operation.operation_id for operation in operations],
                    lease_token=operations[0].lease_token,
                )

    async def _beat(self) -> float | None:
        for operations in self._by_org(list(self._held.values())):
            try:
                queue = await self._queue_of(operations[0])
                extended = await queue.extend(
                    operation_ids=[operation.operation_id for operation in operations],
                    lease_token=operations[0].lease_token,
                    lease=self._lease,
                )
            except Exception:  # noqa: S112
                # a network that is away for a while, which the lease outlives for two missed beats
                continue
            kept = {lease.operation_id for lease in extended}
            for operation in operations:
                # what the handler has just ended is not held either
                if operation.operation_id not in kept:
                    self._held.pop(operation.operation_id, None)
        return self._lease / timedelta(seconds=_BEATS)

    @staticmethod
    def _by_org(operations: Sequence[ClaimedOperation]) -> list[list[ClaimedOperation]]:
        orgs: dict[UUID, list[ClaimedOperation]] = {}
        for operation in operations:
            orgs.setdefault(operation.org_id, []).append(operation)
        return list(orgs.values())

    async def _queue_of(self, operation: ClaimedOperation) -> AsyncQueue:
        """The queue with the identity that may end it: a gateway that acts for nobody acts for its org."""
        if self._across_orgs is None:
            identity = await AsyncCore(self._caller).who_am_i()
            self._across_orgs = identity.org_id is None
        if not self._across_orgs:
            return self._queue
        act = "select syncwell.act_as_org(p_org_id => %(act_id)s::uuid)"
        return type(self._queue)(self._caller.acting(act, operation.org_id))
