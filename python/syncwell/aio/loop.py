"""What `sw.ops.sync_loop` returns, asynchronous."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID

from syncwell._bell import AsyncBell
from syncwell.ops import DeviceConditions, SyncReason, SyncTurn

__all__ = ["AsyncSyncLoop"]

if TYPE_CHECKING:
    from syncwell.aio._caller import AsyncCaller
    from syncwell.aio.ops import AsyncOps


class AsyncSyncLoop:
    """Syncs when the database says so; `sw.ops.sync_loop` makes it.

    Attributes:
        synced: how many syncs went well.
        failures: how many did not.
        turn: what the database said last; None: it was not asked yet, or was away.
    """

    def __init__(
        self,
        caller: AsyncCaller,
        ops: AsyncOps,
        sync: Callable[[SyncReason], Awaitable[None]],
        source: str,
        device_id: str | None,
        conditions: Callable[[], DeviceConditions],
        failed: Callable[[Exception], None] | None,
        poll: float,
        wait: Callable[[float], Awaitable[None]] | None,
        user_id: UUID | None,
    ) -> None:
        self.synced = 0
        self.failures = 0
        self.turn: SyncTurn | None = None
        self._caller = caller
        self._ops = ops
        self._sync = sync
        self._source = source
        self._device_id = device_id
        self._conditions = conditions
        self._failed = failed
        self._poll = poll
        self._user_id = user_id
        self._bell = AsyncBell()
        self._wait = self._bell.wait if wait is None else wait
        self._wanted: dict[SyncReason, None] = {"initialization": None}
        self._in_session = False
        self._stopped = False

    def tell(self, reason: SyncReason) -> None:
        """Say what happened. ``session`` begins the syncs of a session, ``session_end`` ends them.

        Several reasons are one sync.
        """
        if reason in ("session", "session_end"):
            self._in_session = reason == "session"
        self._wanted[reason] = None
        self._bell.ring()

    def stop(self) -> None:
        """End the sync that is under way, and return from `run`."""
        self._stopped = True
        self._bell.ring()

    async def run(self) -> None:
        """Ask and sync until `stop()`."""
        while not self._stopped:
            await self._wait(await self.run_once())

    async def run_once(self) -> float:
        """Ask once, sync if that is allowed; return after how many seconds to ask again if nothing is told."""
        await self._caller.require_own_transactions()
        wanted = self._most_wanted()
        try:
            turn = await self._ask(wanted)
            if turn.request_id is None:
                return self._poll if turn.wait_ms is None else turn.wait_ms / 1000
            # what is told from now on is not in this sync
            self._wanted.clear()
            failure = await self._do(wanted, turn.request_id)
        except Exception as error:
            self._tell(error)
            return self._poll
        if failure is not None:
            # not for the reason it had: some of them know no back-off
            self._wanted["reconnect"] = None
            self._tell(failure)
        return 0.0

    async def _ask(self, reason: SyncReason) -> SyncTurn:
        self.turn = None
        now = self._conditions()
        self.turn = await self._ops.request_sync(
            source=self._source,
            reason=reason,
            device_id=self._device_id,
            network=now.network,
            metered=now.metered,
            battery=now.battery,
            user_id=self._user_id,
        )
        return self.turn

    async def _do(self, reason: SyncReason, request_id: UUID) -> Exception | None:
        failure: Exception | None = None
        succeeded = False
        try:
            await self._sync(reason)
            succeeded = True
        except Exception as error:
            failure = error
        finally:
            self.synced += succeeded
            self.failures += not succeeded
            await self._ops.finish_sync(request_id=request_id, succeeded=succeeded, user_id=self._user_id)
        return failure

    def _tell(self, error: Exception) -> None:
        if self._failed is None:
            raise error
        self._failed(error)

    def _most_wanted(self) -> SyncReason:
        """One sync serves all reasons, so that the one with the most rights asks."""
        if "manual" in self._wanted:
            return "manual"
        if "session_end" in self._wanted:
            return "session_end"
        for reason in list(self._wanted):
            if reason not in ("session", "periodic", "background"):
                return reason
        return "session" if self._in_session else "periodic"
