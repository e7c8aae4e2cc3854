"""Connections on which no request comes, or half of one: they would keep their place for ever."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["impatient"]


def impatient(seconds: float) -> type[H11Protocol]:
    """Connections that are closed where the head of a request takes longer than that, counted from its first byte, or
    from the beginning. Of h11 in any case: it bounds how long a head may be.
    """

    class Impatient(H11Protocol):
        _patience: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            super().connection_lost(exc)

        def _wait(self) -> None:
            if not self._is_idle():
                self._stop()
            elif self._patience is None:
                self._patience = self.loop.call_later(seconds, self._give_up)

        def _stop(self) -> None:
            if self._patience is not None:
                self._patience.cancel()
                self._patience = None

        def _give_up(self) -> None:
            self._patience = None
            if self._is_idle():
                self.transport.close()

        def _is_idle(self) -> bool:
            # before the first request there is none
            return bool(getattr(self.cycle, "response_complete", True))

    return Impatient
