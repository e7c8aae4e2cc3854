"""GET /sync/events: what is asked for, and the stream that answers it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from syncwell.http.answers import BrokenAnswerError, until_gone
from syncwell.http.events.subscribers import Subscriber
from syncwell.http.problems import Problem

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["EventStream", "asked", "seconds_left"]

_NAMES = ("progress", "health", "changed")
_MOST_SESSIONS = 8
_ALIVE = b": alive\n\n"
_ALIVE_SECONDS = 15.0
_PIECE = 64 * 1024
_HEADERS = {
    "cache-control": "no-store",
    "vary": "authorization, cookie, origin",
    # nginx would keep it until it has a page full
    "x-accel-buffering": "no",
}


def asked(request: Request) -> tuple[tuple[str, ...], tuple[UUID, ...]]:
    """Which topics and sessions a request names; all topics where it names none.

    Raises:
        Problem: 400.
    """
    given = request.query_params.getlist("topics")
    names = [name.strip() for text in given for name in text.split(",") if name.strip()]
    unknown = next((name for name in names if name not in _NAMES), None)
    if unknown is not None:
        raise Problem(400, f"There is no topic {unknown[:40]!r}.", hint=f"Topics are {', '.join(_NAMES)}.")
    texts = dict.fromkeys(request.query_params.getlist("session"))
    if len(texts) > _MOST_SESSIONS:
        raise Problem(400, f"{len(texts)} sessions are more than {_MOST_SESSIONS}.", hint="Open a second stream.")
    try:
        sessions = tuple(UUID(text) for text in texts)
    except ValueError:
        raise Problem(400, "A session is named by its id, a UUID.") from None
    if given and not names and not sessions:
        raise Problem(400, "Nothing is asked for.", hint=f"Topics are {', '.join(_NAMES)}.")
    return tuple(name for name in _NAMES if name in names or not given), tuple(dict.fromkeys(sessions))


def seconds_left(ends: datetime, most: float) -> float:
    """How long a stream may last: no longer than its token, and not all of them equally long."""
    return min(ends.timestamp() - time.time(), most * random.uniform(0.9, 1))  # noqa: S311 - nothing secret


class EventStream(Response):
    """Events as they come, until there are none, or the time is over; `leave` is called in any case."""

    media_type = "text/event-stream"

    def __init__(
        self, subscriber: Subscriber, leave: Callable[[Subscriber], None], seconds: float, stall: float
    ) -> None:
        super().__init__(None, 200, _HEADERS)
        # it has no length
        del self.headers["content-length"]
        self._subscriber = subscriber
        self._leave = leave
        self._ends = time.monotonic() + seconds
        self._stall = stall

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; raise `BrokenAnswerError` when the client does not read, so that its connection is closed."""
        del scope
        subscriber = self._subscriber
        gone = asyncio.create_task(until_gone(receive))
        gone.add_done_callback(lambda _: subscriber.end())
        subscriber.written_by(asyncio.current_task())
        try:
            await self._send_all(send, gone)
        except TimeoutError:
            raise BrokenAnswerError("a stream of events was not read") from None
        except asyncio.CancelledError:
            if not subscriber.dropped:
                raise
            raise BrokenAnswerError("a stream of events was read too slowly") from None
        finally:
            subscriber.written_by(None)
            gone.cancel()
            self._leave(subscriber)

    async def _send_all(self, send: Send, gone: asyncio.Task[None]) -> None:
        async with asyncio.timeout(self._stall):
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        while not gone.done():
            chunk = await self._subscriber.take(min(_ALIVE_SECONDS, self._ends - time.monotonic()))
            if chunk is None or time.monotonic() >= self._ends:
                break
            chunk = chunk or _ALIVE
            for start in range(0, len(chunk), _PIECE):
                async with asyncio.timeout(self._stall):
                    piece = chunk[start : start + _PIECE]
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        if self._subscriber.dropped:
            raise BrokenAnswerError("a stream of events was read too slowly")
        async with asyncio.timeout(self._stall):
            await send({"type": "http.response.body", "body": b"", "more_body": False})
