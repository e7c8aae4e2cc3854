"""What `sw.runs.track` returns, asynchronous."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from syncwell._failure import describe
from syncwell._heart import AsyncHeart
from syncwell.aio.progress import AsyncProgress
from syncwell.errors import LeaseLostError, ProgressFinishedError, RunAlreadyFinishedError, UnknownRunError
from syncwell.runs import FinishedRun, RetryDecision

__all__ = ["AsyncTrackedRun"]

if TYPE_CHECKING:
    from syncwell.aio._caller import AsyncCaller
    from syncwell.aio.runs import AsyncRuns

_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 60.0

# the run is not ours any more, so there is nothing left to record
_LOST = (LeaseLostError, RunAlreadyFinishedError, UnknownRunError)


class AsyncTrackedRun:
    """A run that records itself; `sw.runs.track` makes it, and `async with` starts and ends it.

    Attributes:
        event_id: the run's id; its text is the `sync_id` of its progress.
        lease: what proves that the run is this one's to finish.
        stream_id: the stream it belongs to.
        attempt: 1, or more for a retry.
        started_at: when it started, by the database's clock.
        is_new: False where a run of the same run key was found and goes on.
        sync_token: where to continue: the token given, or what the last run of the stream left; None: from the start.
        result: the outcome, after a block that ended well.
        failure: the retry decision, after a block that raised.
    """

    event_id: UUID
    lease: UUID
    stream_id: UUID
    attempt: int
    started_at: datetime
    is_new: bool
    sync_token: str | None

    def __init__(self, caller: AsyncCaller, runs: AsyncRuns, start: Mapping[str, Any], report_every: float) -> None:
        self.result: FinishedRun | None = None
        self.failure: RetryDecision | None = None
        self._caller = caller
        self._runs = runs
        self._progress = AsyncProgress(caller)
        self._start = start
        self._report_every = report_every
        self._heart = AsyncHeart(self._beat, f"syncwell heartbeat of {start['source']}")
        self._pause = _LONGEST_PAUSE
        self._entered = False
        self._lost: Exception | None = None
        self._done: int | None = None
        self._failed = 0
        self._report: dict[str, Any] = {}
        self._unreported = False
        self._reported_at = -float("inf")
        self._outcome: dict[str, Any] = {}

    async def progress(
        self,
        done: int,
        total: int | None = None,
        failed: int = 0,
        *,
        current_item: int | None = None,
        entity_type: str | None = None,
        source_system: str | None = None,
        job_id: str | None = None,
        batch_number: int | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Say how far the run is. Cheap: it writes at most once in `report_every` seconds, and the last one always.

        Args:
            done: items processed well so far.
            total: items there are; None: not known, or as said before. Progress that reaches it is complete and goes
                no further, so leave it out until it is known.
            failed: items that failed so far; more than none make the run `partial`.
            current_item: number of the item worked on now.
            entity_type: what is synced, such as ``product``.
            source_system: the system it is synced from.
            job_id: the job it is part of.
            batch_number: number of the batch worked on now.
            metadata: anything to keep with it.

        Raises:
            LeaseLostError: the run was reaped or taken over; stop working.
            RunAlreadyFinishedError: the run was cancelled; stop working.
            ProgressBeyondTotalError: more items are counted than there are.
            ProgressWentBackError: fewer items are counted than before.
        """
        if self._lost is not None:
            raise self._lost
        self._done = done
        self._failed = failed
        given = {
            "processed_count": done,
            "total_items": total,
            "failed_count": failed,
            "current_item": current_item,
            "entity_type": entity_type,
            "source_system": source_system,
            "job_id": job_id,
            "batch_number": batch_number,
            "metadata": metadata,
        }
        self._report |= {name: value for name, value in given.items() if value is not None}
        self._unreported = True
        if monotonic() - self._reported_at >= self._report_every:
            await self._caller.require_own_transactions()
            await self._send_report()

    def set_result(
        self,
        *,
        items_processed: int | None = None,
        sync_token_after: str | None = None,
        items_created: int | None = None,
        items_updated: int | None = None,
        items_deleted: int | None = None,
        items_failed: int | None = None,
    ) -> None:
        """Say what is recorded when the block ends well; a second call adds to the first.

        Args:
            items_processed: items handled, well or not; None: what `progress` counted.
            sync_token_after: where the next run continues.
            items_created: items that are new here.
            items_updated: items that changed here.
            items_deleted: items that are gone here.
            items_failed: items that failed; None: what `progress` counted. More than none make the run `partial`.
        """
        given = {
            "items_processed": items_processed,
            "sync_token_after": sync_token_after,
            "items_created": items_created,
            "items_updated": items_updated,
            "items_deleted": items_deleted,
            "items_failed": items_failed,
        }
        self._outcome |= {name: value for name, value in given.items() if value is not None}

    async def __aenter__(self) -> Self:
        await self._caller.require_own_transactions()
        if self._entered:
            raise RuntimeError("a tracked run is entered once: call track() again")
        self._entered = True
        started = await self._runs.start(**self._start)
        self.event_id = started.event_id
        self.lease = started.lease
        self.stream_id = started.stream_id
        self.attempt = started.attempt
        self.started_at = started.started_at
        self.is_new = started.is_new
        self.sync_token = started.sync_token

        try:
            # refuses a run of this key that has ended
            alive_until = await self._runs.heartbeat(event_id=self.event_id, lease=self.lease)
        except BaseException as error:
            if self.is_new:
                await self._cancel(error)
            raise
        # a run that goes on started long ago: then this machine's clock has to do
        alive_for = alive_until - (self.started_at if self.is_new else datetime.now(UTC))
        self._pause = min(max(alive_for / timedelta(seconds=3), _SHORTEST_PAUSE), _LONGEST_PAUSE)
        self._heart.start(self._pause)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._heart.stop()
        if error is None:
            try:
                await self._finish()
            except _LOST:
                raise
            except Exception as problem:
                await self._record(problem)
                raise
        elif not isinstance(error, Exception):
            # interrupted from outside: nothing failed
            await self._cancel(error)
        elif error is not self._lost:
            await self._record(error)

    @property
    def _handled(self) -> int | None:
        return None if self._done is None else self._done + self._failed

    async def _finish(self) -> None:
        if self._lost is not None:
            raise self._lost
        if self._unreported:
            await self._send_report()
        outcome: dict[str, Any] = {"items_processed": self._handled}
        if self._handled is not None:
            outcome["items_failed"] = self._failed
        self.result = await self._runs.complete(event_id=self.event_id, lease=self.lease, **(outcome | self._outcome))

    async def _record(self, error: Exception) -> None:
        if self._unreported:
            with suppress(Exception):
                await self._send_report()
        failure = describe(error)
        try:
            self.failure = await self._runs.error(
                event_id=self.event_id,
                lease=self.lease,
                message=failure.message,
                code=failure.code,
                http_status=failure.http_status,
                details={"exception": failure.exception},
                retry_after=failure.retry_after,
                items_processed=self._handled,
            )
        except Exception as problem:
            error.add_note(f"syncwell could not record this failure of run {self.event_id}: {problem!r}")

    async def _cancel(self, error: BaseException) -> None:
        try:
            await self._runs.cancel(event_id=self.event_id)
        except Exception as problem:
            error.add_note(f"syncwell could not cancel run {self.event_id}: {problem!r}")

    async def _send_report(self) -> None:
        self._unreported = False
        self._reported_at = monotonic()
        try:
            await self._progress.report(sync_id=str(self.event_id), **self._report)
        except ProgressFinishedError:
            # its run has ended, if the heartbeat says so too
            try:
                await self._runs.heartbeat(event_id=self.event_id, lease=self.lease)
            except _LOST as error:
                self._lost = error
                raise
            raise

    async def _beat(self) -> float | None:
        try:
            await self._caller.require_own_transactions()
            await self._runs.heartbeat(event_id=self.event_id, lease=self.lease, items_processed=self._handled)
        except _LOST as error:
            self._lost = error
            return None
        except Exception:
            # A busy connection, a network that is away for a while, whatever the caller's own kind of pool raises: the
            # lease outlives two missed beats, and what does not pass is raised when the run is completed.
            return max(self._pause / 2, _SHORTEST_PAUSE)
        return self._pause
