"""The one connection that listens, made again whenever it is lost."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

__all__ = ["APPLICATION", "Listener"]

APPLICATION = "syncwell events"

_logger = logging.getLogger("syncwell.http")
_CONNECT_SECONDS = 10
_PROOF_SECONDS = 30.0
_TURN_SECONDS = 0.01
_WAIT_FIRST, _WAIT_MOST = 0.1, 5.0


class Listener:
    """Hands on what it hears; NOTIFY has no history, so that it also tells when it begins to hear, each time anew."""

    def __init__(
        self,
        dsn: str,
        channels: Sequence[str],
        heard: Callable[[str, str], None],
        began: Callable[[datetime], None],
    ) -> None:
        self._dsn = dsn
        self._channels = channels
        self._heard = heard
        self._began = began
        self._hears = asyncio.Event()

    async def ready(self) -> None:
        """Return once it hears."""
        await self._hears.wait()

    async def run(self) -> None:
        """Listen until cancelled."""
        wait = _WAIT_FIRST
        while True:
            try:
                await self._listen()
            # a payload need not be text where the database does not know what its bytes mean (SQL_ASCII)
            except (psycopg.Error, OSError, TimeoutError, UnicodeDecodeError) as error:
                if self._hears.is_set():
                    wait = _WAIT_FIRST
                    _logger.warning("events: the listening connection was lost: %s", _text(error))
            finally:
                self._hears.clear()
            await asyncio.sleep(wait * random.uniform(0.5, 1))  # noqa: S311 - a pause, not a secret
            wait = min(2 * wait, _WAIT_MOST)

    async def _listen(self) -> None:
        connection: psycopg.AsyncConnection[Any] = await psycopg.AsyncConnection.connect(
            self._dsn,
            autocommit=True,
            connect_timeout=_CONNECT_SECONDS,
            application_name=APPLICATION,
            prepare_threshold=None,
        )
        async with connection:
            for channel in self._channels:
                await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
            ((now,),) = await (await connection.execute("select syncwell._now()")).fetchall()
            self._hears.set()
            self._began(now)
            while True:
                if await self._hear(connection):
                    continue
                # a network that is gone says nothing either; where much is said, a statement would collect all of it
                async with asyncio.timeout(_CONNECT_SECONDS):
                    await connection.execute("select")

    async def _hear(self, connection: psycopg.AsyncConnection[Any]) -> bool:
        """Hand on what is said in the next seconds; return whether anything was."""
        heard = False
        turn = time.monotonic()
        async for notice in connection.notifies(timeout=_PROOF_SECONDS):
            heard = True
            self._heard(notice.channel, notice.payload)
            # whoever may connect may notify, as often as it likes: it takes no more than its share of the process
            if time.monotonic() - turn > _TURN_SECONDS:
                await asyncio.sleep(0)
                turn = time.monotonic()
        return heard


def _text(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
