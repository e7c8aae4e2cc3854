"""What a loop waits at until it is time, or told to stop: for threads, or for tasks."""

from __future__ import annotations

import asyncio
import threading


class Gate:
    """Closed until `open()`."""

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def is_open(self) -> bool:
        """Whether it was opened."""
        return self._event.is_set()

    def open(self) -> None:
        """Let everybody through, now and from now on; also from a signal handler."""
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Return when it is open, or after so many seconds."""
        self._event.wait(seconds)


class AsyncGate:
    """Closed until `open()`."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether it was opened."""
        return self._event.is_set()

    def open(self) -> None:
        """Let everybody through, now and from now on; in the loop's own thread."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Return when it is open, or after so many seconds."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return
