"""What a loop sleeps at until it is time, or somebody rings: for threads, or for tasks."""

from __future__ import annotations

import asyncio
import threading


class Bell:
    """Wakes whoever waits; rung while nobody does, it wakes the next one at once."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def ring(self) -> None:
        """Wake it; also from a signal handler."""
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Return when it was rung, or after so many seconds."""
        self._event.wait(seconds)
        self._event.clear()


class AsyncBell:
    """Wakes whoever waits; rung while nobody does, it wakes the next one at once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake it; in the loop's own thread."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Return when it was rung, or after so many seconds."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return
        finally:
            self._event.clear()
