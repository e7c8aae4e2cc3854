"""Many clients of GET /sync/events in one process, who note when they are told of what."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from functools import partial

__all__ = ["Watchers"]

_STATE = b"event: state\n"
_EVENT = b"event: session\ndata: "
_END = b"\n\n"


class Watchers:
    """Clients that follow one session."""

    def __init__(self, host: str, port: int, path: str, tokens: Sequence[str]) -> None:
        self._place = (host, port)
        self._requests = [
            f"GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n".encode() for token in tokens
        ]
        self._transports: list[asyncio.BaseTransport] = []
        # what is told to one is told to all: it is read once
        self.readings: dict[bytes, list[str]] = {}
        self.told: list[tuple[float, int, bytes]] = []
        self.states = 0

    async def come(self) -> float:
        """Let all of them come at once; return how many seconds it takes until each has its state."""
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        made = [
            loop.create_connection(partial(_Watcher, self, place), *self._place) for place in range(len(self._requests))
        ]
        for (transport, _), request in zip(await asyncio.gather(*made), self._requests, strict=True):
            transport.write(request)
            self._transports.append(transport)
        async with asyncio.timeout(120):
            while self.states < len(self._requests):
                await asyncio.sleep(0.01)
        return time.perf_counter() - started

    def leave(self) -> None:
        """Hang up."""
        for transport in self._transports:
            transport.abort() if isinstance(transport, asyncio.WriteTransport) else transport.close()

    def hear(self, place: int, event: bytes) -> None:
        """Note an event, as it came."""
        if _STATE in event:
            self.states += 1
            return
        begin = event.find(_EVENT)
        if begin >= 0:
            data = event[begin + len(_EVENT) :]
            self.told.append((time.perf_counter(), place, data))
            if data not in self.readings:
                self.readings[data] = [record["at"] for record in json.loads(data)["records"]]


class _Watcher(asyncio.Protocol):
    def __init__(self, watchers: Watchers, place: int) -> None:
        self._watchers = watchers
        self._place = place
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *events, self._rest = (self._rest + data).split(_END)
        for event in events:
            self._watchers.hear(self._place, event)
