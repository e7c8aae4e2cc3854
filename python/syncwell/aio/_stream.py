from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType
from typing import Any, LiteralString, Self, cast

import psycopg
from psycopg import AsyncConnection, AsyncCopy, AsyncCursor
from psycopg.rows import tuple_row

from syncwell._heart import AsyncHeart
from syncwell._rows import copied_rows
from syncwell.aio._caller import AsyncCaller
from syncwell.errors import from_psycopg

_CHUNK = 65536
_TIMESTAMP = re.compile(r'"timestamp"\s*:\s*([0-9]+)')
# JSON text has no control characters, so nothing of it is ever quoted
_COPY: LiteralString = "copy (%s) to stdout (format csv, quote e'\\x01', delimiter e'\\x02')"


class AsyncPullStream:
    """The JSON text of a pull, in chunks, from a transaction of its own: `sw.delta.pull_stream()`.

    Inside of its block `async for chunk in stream:` gives bytes of about 64 KiB. Together they are the text that
    `pull_text` returns, but for what only a finished pull can know. The last chunk comes when the pull is committed:
    whoever has all of them has a cursor that the server knows. Leaving the block before that rolls back.
    """

    def __init__(
        self,
        caller: AsyncCaller,
        statement: LiteralString,
        parameters: Mapping[str, object],
        timeout: float,
        stall: float,
    ) -> None:
        self._transaction = caller.own_transaction("repeatable read")
        self._statement: LiteralString = statement
        self._parameters = parameters
        self._stall = stall
        self._seconds = timeout
        self._deadline = 0.0
        self._waiting_since: float | None = None
        self._too_slow: str | None = None
        self._watch = AsyncHeart(self._look, "syncwell pull stream")
        self._connection: AsyncConnection[Any] | None = None
        self._socket: socket.socket | None = None
        self._parts: list[tuple[str, str]] = []
        self._copying: AbstractAsyncContextManager[AsyncCopy] | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._cursor = 0
        self._records = 0
        self._bytes = 0
        self._complete = False

    @property
    def complete(self) -> bool:
        """Whether the pull is committed; what is not yet read lies ready."""
        return self._complete

    @property
    def timestamp(self) -> int:
        """The cursor of this pull."""
        return self._cursor

    async def __aenter__(self) -> Self:
        try:
            connection = await self._transaction.__aenter__()
        except psycopg.Error as error:
            raise self._meaning(error) from error
        self._connection = connection
        try:
            await self._open(connection)
        except BaseException as error:
            await self.__aexit__(type(error), error, None)
            if isinstance(error, psycopg.Error):
                raise self._meaning(error) from error
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection = None
        try:
            copying, self._copying = self._copying, None
            if copying is not None:
                # left in the middle: the server is told to stop
                with suppress(psycopg.Error):
                    await copying.__aexit__(GeneratorExit, GeneratorExit(), None)
        finally:
            try:
                await self._transaction.__aexit__(kind, error, trace)
            finally:
                await self._watch.stop()
                if self._socket is not None:
                    self._socket.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := await self.read():
            yield chunk

    async def read(self) -> bytes:
        """Return the next chunk; nothing after the last one.

        Raises:
            TimeoutError: the pull took longer than `timeout`, or its reader longer than `stall` for one chunk.
        """
        if self._connection is None:
            raise ValueError("a pull stream is read inside of its block")
        self._waiting_since = None
        try:
            while not self._complete and self._size < _CHUNK:
                await self._fill(self._connection)
        except psycopg.Error as error:
            raise self._meaning(error) from error
        chunk = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        self._waiting_since = time.monotonic()
        return chunk

    async def _open(self, connection: AsyncConnection[Any]) -> None:
        self._deadline = time.monotonic() + self._seconds
        # of our own, so that it never is another connection's
        self._socket = socket.socket(fileno=os.dup(connection.pgconn.socket))
        self._watch.start(min(self._seconds, self._stall))
        control = AsyncCursor(connection, row_factory=tuple_row)
        await control.execute(
            "select set_config('statement_timeout', %s, true), set_config('client_encoding', 'UTF8', true)",
            [f"{max(1, round(self._seconds * 1000))}ms"],
        )
        await control.execute(self._statement, self._parameters)
        self._parts = [(str(kind), str(body)) for kind, body in await control.fetchall()]
        for kind, body in self._parts:
            found = _TIMESTAMP.search(body) if kind == "text" else None
            if found is not None:
                self._cursor = int(found[1])
        self._parts.reverse()

    async def _fill(self, connection: AsyncConnection[Any]) -> None:
        """Take the next piece; after the last one close the pull and commit."""
        if self._copying is not None:
            rows, ended = await connection.wait(copied_rows(connection.pgconn, _CHUNK - self._size, "utf-8"))
            self._records += len(rows)
            self._take(rows)
            if ended:
                copying, self._copying = self._copying, None
                await copying.__aexit__(None, None, None)
        elif self._parts:
            kind, body = self._parts.pop()
            if kind == "text":
                self._take([body.encode()])
            else:
                copying = AsyncCursor(connection).copy((_COPY % body).encode())
                await copying.__aenter__()
                self._copying = copying
        if self._copying is None and not self._parts:
            await AsyncCursor(connection).execute(
                """
                select syncwell.close_pull_stream(
                  p_cursor => %(cursor)s::bigint, p_records => %(records)s::bigint, p_bytes => %(bytes)s::bigint
                )
                """,
                {"cursor": self._cursor, "records": self._records, "bytes": self._bytes},
            )
            await self._transaction.commit()
            self._complete = True

    def _take(self, pieces: list[bytes]) -> None:
        size = sum(map(len, pieces))
        self._pieces += pieces
        self._size += size
        self._bytes += size

    async def _look(self) -> float | None:
        """Cut the connection of a pull that holds its transaction for too long; says when to look again."""
        if self._complete:
            return None
        now = time.monotonic()
        waiting_since = self._waiting_since
        if waiting_since is not None and now >= waiting_since + self._stall:
            self._too_slow = f"the reader of a pull took longer than {self._stall:g} s for a chunk"
        elif now >= self._deadline:
            self._too_slow = f"a pull took longer than {self._seconds:g} s"
        else:
            until = self._deadline if waiting_since is None else min(self._deadline, waiting_since + self._stall)
            return min(until - now, self._stall)
        with suppress(OSError):
            cast("socket.socket", self._socket).shutdown(socket.SHUT_RDWR)
        return None

    def _meaning(self, error: psycopg.Error) -> Exception:
        if self._too_slow is not None:
            return TimeoutError(self._too_slow)
        return from_psycopg(error) or error
