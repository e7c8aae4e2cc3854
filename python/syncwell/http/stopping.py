"""Being told to stop while the server still waits for answers."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any

__all__ = ["when_told_to_stop"]

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def when_told_to_stop(stop: Callable[[], None]) -> Generator[None]:
    """Call `stop` in this event loop when the process is told to end; then whoever handles the signal handles it.

    Servers tell an application that they end only when all its answers have.
    """
    ours: dict[signal.Signals, tuple[Callable[..., Any], Callable[..., Any]]] = {}
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            theirs = signal.getsignal(number)
            # nobody handles it: then the process just ends
            if callable(theirs) and theirs is not signal.default_int_handler:
                ours[number] = (_both(stop, theirs, asyncio.get_running_loop()), theirs)
    for number, (mine, _) in ours.items():
        signal.signal(number, mine)
    try:
        yield
    finally:
        for number, (mine, theirs) in ours.items():
            if signal.getsignal(number) is mine:
                signal.signal(number, theirs)


def _both(
    stop: Callable[[], None], then: Callable[..., Any], loop: asyncio.AbstractEventLoop
) -> Callable[[int, FrameType | None], None]:
    def told(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop)
        then(number, frame)

    return told
