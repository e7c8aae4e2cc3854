"""Answers in JSON, compressed where the client takes it: at once, or as they come out of the database."""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from syncwell.aio.delta import AsyncPullStream

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["BrokenAnswerError", "StreamedAnswer", "answer", "takes_gzip", "until_gone"]

_logger = logging.getLogger("syncwell.http")
_GZIP = 31
_LEVEL = 3
_WORTH_IT = 1024
_OFF_THE_LOOP = 256 * 1024
_HEADERS = {"cache-control": "no-store", "vary": "accept-encoding"}
_MEDIA = "application/json"


class BrokenAnswerError(Exception):
    """An answer that had begun cannot be finished. The server must close its connection, as on any exception."""


def takes_gzip(request: Request) -> bool:
    """Whether Accept-Encoding names gzip, or anything, and does not rule it out."""
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        coding, _, quality = part.partition(";")
        if coding.strip() in ("gzip", "x-gzip", "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


async def answer(request: Request, data: bytes) -> Response:
    """An answer that is there already."""
    headers = dict(_HEADERS)
    if len(data) >= _WORTH_IT and takes_gzip(request):
        headers["content-encoding"] = "gzip"
        data = await asyncio.to_thread(_gzip, data) if len(data) > _OFF_THE_LOOP else _gzip(data)
    return Response(data, 200, headers, _MEDIA)


def _gzip(data: bytes) -> bytes:
    return zlib.compress(data, _LEVEL, _GZIP)


class StreamedAnswer(Response):
    """A pull, chunk by chunk; `leave` is what ends it in the database, and is called in any case."""

    def __init__(
        self, first: bytes, stream: AsyncPullStream, leave: AsyncExitStack, stall: float, *, compressed: bool
    ) -> None:
        headers = dict(_HEADERS)
        if compressed:
            headers["content-encoding"] = "gzip"
        super().__init__(None, 200, headers, _MEDIA)
        # its length is not known
        del self.headers["content-length"]
        self._first = first
        self._stream = stream
        self._leave = leave
        self._stall = stall
        self._gzip = zlib.compressobj(_LEVEL, wbits=_GZIP) if compressed else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; raise `BrokenAnswerError` when it cannot be finished, so that nobody takes it for whole."""
        del scope
        gone = asyncio.create_task(until_gone(receive))
        try:
            async with self._leave:
                await self._send_all(send, gone)
        except Exception as error:
            _logger.error("a streamed pull was broken off: %s", str(error) or type(error).__name__)
            raise BrokenAnswerError("a streamed pull was broken off") from error
        finally:
            gone.cancel()

    async def _send_all(self, send: Send, gone: asyncio.Task[None]) -> None:
        await self._within(send({"type": "http.response.start", "status": 200, "headers": self.raw_headers}))
        chunk = self._first
        while chunk:
            data = chunk if self._gzip is None else self._gzip.compress(chunk)
            if data:
                await self._within(send({"type": "http.response.body", "body": data, "more_body": True}))
            if gone.done():
                # nobody to answer: the pull is rolled back
                return
            chunk = await self._stream.read()
        rest = b"" if self._gzip is None else self._gzip.flush()
        await self._within(send({"type": "http.response.body", "body": rest, "more_body": False}))

    async def _within(self, sending: Awaitable[None]) -> None:
        """A reader that takes nothing must not hold a transaction."""
        async with asyncio.timeout(self._stall):
            await sending


async def until_gone(receive: Callable[[], Awaitable[object]]) -> None:
    """Return when the client has hung up."""
    while True:
        message = await receive()
        if isinstance(message, dict) and message.get("type") == "http.disconnect":  # pyright: ignore
            return
