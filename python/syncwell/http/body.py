"""The body of a request: never more of it in memory than is allowed, inflated or not."""

from __future__ import annotations

import asyncio
import zlib

from starlette.requests import Request

from syncwell.http.limits import Buffered
from syncwell.http.problems import Problem

__all__ = ["Body", "read_body"]

_STEP = 1024 * 1024
_GZIP = 31


class Body:
    """Bytes of a request, counted as held until `release`."""

    def __init__(self, buffered: Buffered) -> None:
        self._buffered = buffered
        self._held = 0
        self._pieces: list[bytes] = []

    def add(self, piece: bytes) -> None:
        """Keep a piece."""
        self._buffered.take(len(piece))
        self._held += len(piece)
        self._pieces.append(piece)

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._held

    def data(self) -> bytes:
        """All of it; once."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data

    def release(self) -> None:
        """Its memory is free again."""
        self._pieces.clear()
        self._buffered.give_back(self._held)
        self._held = 0


async def read_body(request: Request, limit: int, seconds: float, body: Body) -> None:
    """Read the request into `body`.

    Raises:
        Problem: 413 too large, without reading the rest; 415 encoded otherwise; 400 broken gzip; 408 too slow.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise Problem(415, "A body comes as it is, or with gzip.", headers={"accept-encoding": "gzip"})
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(seconds):
            if encoding == "identity":
                async for piece in request.stream():
                    if body.size + len(piece) > limit:
                        raise _too_large(limit)
                    body.add(piece)
            else:
                await _inflate(request, limit, body)
    except TimeoutError:
        raise Problem(408, f"The body took longer than {seconds:g} s.", headers={"connection": "close"}) from None


async def _inflate(request: Request, limit: int, body: Body) -> None:
    inflater = zlib.decompressobj(_GZIP)
    received = 0
    try:
        async for piece in request.stream():
            received += len(piece)
            if received > limit:
                raise _too_large(limit)
            if inflater.eof and piece:
                raise Problem(400, "Something follows the gzip data.")
            while piece:
                body.add(inflater.decompress(piece, min(_STEP, limit - body.size + 1)))
                if body.size > limit:
                    raise _too_large(limit)
                piece = inflater.unconsumed_tail
                if piece:
                    # a bomb does not stop the others
                    await asyncio.sleep(0)
            if inflater.unused_data:
                raise Problem(400, "Something follows the gzip data.")
    except zlib.error:
        raise Problem(400, "The body is not gzip, or damaged.", headers={"connection": "close"}) from None
    if not inflater.eof:
        raise Problem(400, "The gzip data ends too early.")


def _too_large(limit: int) -> Problem:
    return Problem(
        413,
        f"A request may have {limit} bytes, also after inflating it.",
        hint="Push in several parts; the limit is the server's setting SYNCWELL_MAX_BODY.",
        headers={"connection": "close"},
    )
