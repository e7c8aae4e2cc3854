"""What beats while somebody else works: a thread, or a task. The one thing that async and sync text cannot share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable


class Heart:
    """Calls `beat` from a thread of its own; `beat` says after how many seconds again, or None for no more."""

    def __init__(self, beat: Callable[[], float | None], name: str) -> None:
        self._beat = beat
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._first = 0.0

    def start(self, first: float) -> None:
        """Beat for the first time after `first` seconds."""
        self._first = first
        self._thread.start()

    def stop(self) -> None:
        """Return when no beat is under way and none will come."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause: float | None = self._first
        while pause is not None and not self._stopped.wait(pause):
            pause = self._beat()


class AsyncHeart:
    """Calls `beat` from a task of its own; `beat` says after how many seconds again, or None for no more."""

    def __init__(self, beat: Callable[[], Awaitable[float | None]], name: str) -> None:
        self._beat = beat
        self._name = name
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, first: float) -> None:
        """Beat for the first time after `first` seconds."""
        self._task = asyncio.create_task(self._run(first), name=self._name)

    async def stop(self) -> None:
        """Return when no beat is under way and none will come."""
        self._stopped.set()
        if self._task is not None:
            await self._task

    async def _run(self, first: float) -> None:
        pause: float | None = first
        while pause is not None:
            try:
                await asyncio.wait_for(self._stopped.wait(), pause)
            except TimeoutError:
                pause = await self._beat()
            else:
                return
