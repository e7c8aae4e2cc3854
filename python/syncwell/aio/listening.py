"""What `sw.listen` returns, asynchronous."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, LiteralString, Self

import psycopg
from psycopg import AsyncConnection, AsyncCursor, sql
from psycopg.pq import TransactionStatus

from syncwell.listening import Channel, Notification, notification

if TYPE_CHECKING:
    from syncwell.aio._caller import AsyncPool

__all__ = ["AsyncListening"]

_SLICE = 1.0
_OWN = (
    "what listens has a connection of its own: pass AsyncSyncwell a pool, or a connection in autocommit mode outside "
    "of a transaction"
)


class AsyncListening:
    """Listens from when its block is entered until it is left; to be iterated in between."""

    def __init__(
        self,
        source: AsyncConnection[Any] | AsyncPool,
        lock: asyncio.Lock,
        channels: Sequence[Channel],
        timeout: float | None,
        stop: Callable[[], bool] | None,
    ) -> None:
        self._source = source
        self._lock = lock
        self._channels = channels
        self._timeout = timeout
        self._stop = stop
        self._loan: AbstractAsyncContextManager[AsyncConnection[Any]] | None = None
        self._connection: AsyncConnection[Any] | None = None
        self._autocommit = True

    async def __aenter__(self) -> Self:
        if isinstance(self._source, AsyncConnection):
            connection = self._source
        else:
            self._loan = self._source.connection()
            connection = await self._loan.__aenter__()
        try:
            self._autocommit = connection.autocommit
            if self._loan is not None:
                await connection.set_autocommit(True)
            elif not connection.autocommit or connection.info.transaction_status is not TransactionStatus.IDLE:
                raise ValueError(_OWN)
            self._connection = connection
            await self._each(connection, "listen {}")
        except BaseException as error:
            await self.__aexit__(type(error), error, None)
            raise
        return self

    async def __aiter__(self) -> AsyncIterator[Notification]:
        connection = self._connection
        if connection is None:
            raise ValueError("it listens inside of its block only")
        ends = None if self._timeout is None else monotonic() + self._timeout
        while self._stop is None or not self._stop():
            left = _SLICE if ends is None else min(_SLICE, ends - monotonic())
            if left <= 0:
                return
            # taken at once and told afterwards: whoever is told may use the connection
            async with self._lock:
                notices = connection.notifies(timeout=left, stop_after=1)
                heard = [notification(notice.channel, notice.payload) async for notice in notices]
            for told in heard:
                if told is not None and told.channel in self._channels:
                    yield told

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                # one that is gone listens no more
                with suppress(psycopg.OperationalError):
                    await self._each(connection, "unlisten {}")
                    if self._loan is not None:
                        await connection.set_autocommit(self._autocommit)
        finally:
            loan, self._loan = self._loan, None
            if loan is not None:
                await loan.__aexit__(kind, error, trace)

    async def _each(self, connection: AsyncConnection[Any], statement: LiteralString) -> None:
        async with self._lock:
            for channel in self._channels:
                await AsyncCursor(connection).execute(sql.SQL(statement).format(sql.Identifier(channel)))
