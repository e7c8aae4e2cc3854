from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from types import TracebackType
from typing import Any, LiteralString, Protocol, Self, TypeVar
from uuid import UUID

import psycopg
from psycopg import AsyncConnection, AsyncCursor, AsyncPipeline
from psycopg.pq import TransactionStatus
from psycopg.rows import BaseRowFactory, class_row, scalar_row
from psycopg.types.numeric import FloatLoader

from syncwell._begin import begin_statement
from syncwell._json import TolerantJsonbLoader
from syncwell.aio.listening import AsyncListening
from syncwell.errors import from_psycopg
from syncwell.listening import Channel

T = TypeVar("T")

_OWN_TRANSACTIONS = (
    "this writes in short transactions of its own: pass AsyncSyncwell a pool, "
    "or a connection in autocommit mode that nothing else uses, outside of a transaction"
)
_AS_ITSELF = "this is done as the login itself: call it on a client that acts for nobody"
_OWN_TRANSACTION = "this needs a transaction of its own: pass AsyncSyncwell a pool, or a connection outside of one"


class AsyncPool(Protocol):
    """What a pool must have: psycopg_pool's `AsyncConnectionPool` and `AsyncNullConnectionPool` do."""

    def connection(self) -> AbstractAsyncContextManager[AsyncConnection[Any]]:
        """Lend a connection for one `async with` block."""
        ...


class AsyncCaller:
    """Runs one statement for one identity on a connection or a pool; the only place that touches transactions."""

    def __init__(self, source: AsyncConnection[Any] | AsyncPool) -> None:
        if not isinstance(source, AsyncConnection) and not callable(getattr(source, "connection", None)):
            raise TypeError(f"pass a psycopg.AsyncConnection or a pool of them, not {type(source).__name__}")
        self._source = source
        self._lock = asyncio.Lock()
        self._act: LiteralString | None = None
        self._act_id: UUID | None = None

    def acting(self, act: LiteralString, act_id: UUID) -> Self:
        """Return a caller on the same connection or pool that runs `act` before every statement."""
        caller = type(self)(self._source)
        caller._lock = self._lock
        caller._act = act
        caller._act_id = act_id
        return caller

    async def rows(self, row: type[T], statement: LiteralString, parameters: Mapping[str, object]) -> list[T]:
        """Return every row as `row`, a dataclass with the statement's columns as fields."""
        return await self._fetch(class_row(row), statement, parameters)

    async def row(self, row: type[T], statement: LiteralString, parameters: Mapping[str, object]) -> T:
        """Return the only row as `row`."""
        return (await self._fetch(class_row(row), statement, parameters))[0]

    async def value(self, kind: type[T], statement: LiteralString, parameters: Mapping[str, object]) -> T:
        """Return the only column of the only row, which is a `kind`."""
        value = await self.value_or_none(kind, statement, parameters)
        if value is None:
            raise TypeError(f"the function returned null instead of {kind.__name__}")
        return value

    async def value_or_none(
        self, kind: type[T], statement: LiteralString, parameters: Mapping[str, object]
    ) -> T | None:
        """Return the only column of the only row, which is a `kind` or null."""
        value: object = (await self._fetch(scalar_row, statement, parameters))[0]
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"the function returned {type(value).__name__} instead of {kind.__name__}")
        return value

    async def command(self, statement: LiteralString, parameters: Mapping[str, object]) -> None:
        """Run a function that returns nothing."""
        await self._fetch(scalar_row, statement, parameters)

    async def procedure(self, statement: LiteralString, parameters: Mapping[str, object]) -> None:
        """Run a procedure that commits as it goes, so outside of any transaction, as the login itself."""
        if self._act is not None:
            raise ValueError(_AS_ITSELF)
        await self.require_own_transactions()
        try:
            if isinstance(self._source, AsyncConnection):
                async with self._lock:
                    await AsyncCursor(self._source).execute(statement, parameters)
                return
            async with self._source.connection() as connection:
                before = connection.autocommit
                await connection.set_autocommit(True)
                try:
                    await AsyncCursor(connection).execute(statement, parameters)
                finally:
                    await connection.set_autocommit(before)
        except psycopg.Error as error:
            translated = from_psycopg(error)
            if translated is None:
                raise
            raise translated from error

    async def require_own_transactions(self) -> None:
        """Raise ValueError where a statement would become part of somebody else's transaction."""
        if isinstance(self._source, AsyncConnection):
            async with self._lock:
                if not self._source.autocommit or self._source.info.transaction_status is not TransactionStatus.IDLE:
                    raise ValueError(_OWN_TRANSACTIONS)

    def own_transaction(self, isolation: LiteralString) -> AsyncOwnTransaction:
        """Return a transaction for this identity that takes several statements, `isolation level …`."""
        return AsyncOwnTransaction(self._source, self._lock, isolation, self._act, self._act_id)

    def listening(
        self, channels: Sequence[Channel], timeout: float | None, stop: Callable[[], bool] | None
    ) -> AsyncListening:
        """Return what listens on these channels, as the login itself."""
        if self._act is not None:
            raise ValueError(_AS_ITSELF)
        return AsyncListening(self._source, self._lock, channels, timeout, stop)

    async def _fetch(
        self, row_factory: BaseRowFactory[T], statement: LiteralString, parameters: Mapping[str, object]
    ) -> list[T]:
        try:
            if isinstance(self._source, AsyncConnection):
                async with self._lock:
                    return await self._run(self._source, row_factory, statement, parameters)
            async with self._source.connection() as connection:
                return await self._run(connection, row_factory, statement, parameters)
        except psycopg.Error as error:
            translated = from_psycopg(error)
            if translated is None:
                raise
            raise translated from error

    async def _run(
        self,
        connection: AsyncConnection[Any],
        row_factory: BaseRowFactory[T],
        statement: LiteralString,
        parameters: Mapping[str, object],
    ) -> list[T]:
        # cursors of our own kind: the connection's cursor and row factories are its owner's
        control = AsyncCursor(connection)
        cursor = AsyncCursor(connection, row_factory=row_factory)
        cursor.adapters.register_loader("numeric", FloatLoader)
        cursor.adapters.register_loader("jsonb", TolerantJsonbLoader)

        several = self._act is not None or not connection.autocommit
        pipelined = several and AsyncPipeline.is_supported()
        opened = False
        try:
            async with connection.pipeline() if pipelined else nullcontext():
                opened = connection.info.transaction_status is TransactionStatus.IDLE
                # without autocommit psycopg itself begins
                if opened and several and connection.autocommit:
                    await control.execute(begin_statement(connection), prepare=False)
                if self._act is not None:
                    await control.execute(self._act, {"act_id": self._act_id})
                await cursor.execute(statement, parameters)
                if opened and several:
                    await control.execute("commit", prepare=False)
            return await cursor.fetchall()
        finally:
            # after an error the commit was skipped
            if opened and connection.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
                await connection.rollback()


class AsyncOwnTransaction:
    """A transaction of our own; nothing else happens on its connection. Leaving without `commit` rolls it back."""

    def __init__(
        self,
        source: AsyncConnection[Any] | AsyncPool,
        lock: asyncio.Lock,
        isolation: LiteralString,
        act: LiteralString | None,
        act_id: UUID | None,
    ) -> None:
        self._source = source
        self._lock = lock
        self._isolation: LiteralString = isolation
        self._act: LiteralString | None = act
        self._act_id = act_id
        self._loan: AbstractAsyncContextManager[AsyncConnection[Any]] | None = None
        self._began: AsyncConnection[Any] | None = None

    async def __aenter__(self) -> AsyncConnection[Any]:
        if isinstance(self._source, AsyncConnection):
            await self._lock.acquire()
            connection = self._source
        else:
            self._loan = self._source.connection()
            connection = await self._loan.__aenter__()
        try:
            if connection.info.transaction_status is not TransactionStatus.IDLE:
                raise ValueError(_OWN_TRANSACTION)
            self._began = connection
            control = AsyncCursor(connection)
            # without autocommit psycopg itself begins
            begin: LiteralString = "begin" if connection.autocommit else "set transaction"
            await control.execute(begin + " isolation level " + self._isolation + " read write", prepare=False)
            if self._act is not None:
                await control.execute(self._act, {"act_id": self._act_id})
        except BaseException as error:
            await self.__aexit__(type(error), error, None)
            raise
        return connection

    async def commit(self) -> None:
        """Keep what was done."""
        if self._began is not None:
            await self._began.commit()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        began, self._began = self._began, None
        try:
            if began is not None and began.info.transaction_status is not TransactionStatus.IDLE:
                # a connection that is gone has nothing to roll back
                with suppress(psycopg.OperationalError):
                    await began.rollback()
        finally:
            loan, self._loan = self._loan, None
            if loan is not None:
                await loan.__aexit__(kind, error, trace)
            else:
                self._lock.release()
