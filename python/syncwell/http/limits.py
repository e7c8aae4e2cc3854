"""How often users and their orgs may ask, and how much memory requests may take together."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal
from uuid import UUID

from psycopg.errors import LockNotAvailable

from syncwell.aio._caller import AsyncCaller, AsyncPool
from syncwell.aio.queue import AsyncQueue
from syncwell.http.problems import Problem, unavailable

__all__ = ["Bucket", "Buffered", "Rate", "Turns", "take_of_org"]

Bucket = Literal["http.pull", "http.push", "http.batch", "http.preview"]

_USERS = 10_000
# The user's org takes, not the user: it is what all its users share. A crash that forgets it harms nobody, so that
# nobody waits for the disk; and who holds the row for long, as nothing of ours does, delays nobody either.
_AS_ORG = """
select
  syncwell.act_as_org((select w.org_id from syncwell.who_am_i() as w where a.user_text is not null)),
  set_config('synchronous_commit', 'off', true),
  set_config('lock_timeout', '1s', true)
from (select syncwell.act_as(%(act_id)s::uuid)::text as user_text offset 0) as a
"""


class Rate:
    """A bucket of tokens for each user; users who have not asked for long are forgotten, with full buckets."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: OrderedDict[UUID, tuple[float, float]] = OrderedDict()

    def take(self, user: UUID) -> None:
        """Count a request.

        Raises:
            Problem: 429, there were too many.
        """
        if self._rate <= 0:
            return
        now = time.monotonic()
        tokens, then = self._buckets.pop(user, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        refused = tokens < 1
        self._buckets[user] = (tokens if refused else tokens - 1, now)
        if len(self._buckets) > _USERS:
            self._buckets.popitem(last=False)
        if refused:
            raise Problem(
                429,
                f"More than {self._rate:g} requests a second.",
                headers={"retry-after": str(math.ceil((1 - tokens) / self._rate))},
            )


class Turns:
    """Few requests of one user are in the database at once: its others wait for these, and not those of other users."""

    def __init__(self, most: int, patience: float) -> None:
        self._most = most
        self._patience = patience
        self._users: dict[UUID, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def turn(self, user: UUID) -> AsyncGenerator[None]:
        """Wait for a turn, and have it until the block ends.

        Raises:
            Problem: 503, the user's other requests take too long.
        """
        turns, asking = self._users.get(user, (asyncio.Semaphore(self._most), 0))
        self._users[user] = (turns, asking + 1)
        try:
            try:
                async with asyncio.timeout(self._patience):
                    await turns.acquire()
            except TimeoutError:
                raise unavailable("The server is busy with your other requests.") from None
            try:
                yield
            finally:
                turns.release()
        finally:
            _, asking = self._users[user]
            if asking == 1:
                del self._users[user]
            else:
                self._users[user] = (turns, asking - 1)


async def take_of_org(pool: AsyncPool, user: UUID, bucket: Bucket) -> None:
    """Count a request of the user's org, in the database and in a transaction of its own: all servers count together.

    Settings `http.rate` and `http.burst` say how many are allowed, by source `bucket`.

    Raises:
        Problem: 429, there were too many; 503, they can't be counted now.
        UnknownUserError: no such user.
    """
    try:
        acquired = await AsyncQueue(AsyncCaller(pool).acting(_AS_ORG, user)).acquire(bucket=bucket)
    except LockNotAvailable:
        raise unavailable("The server is busy with other requests of your organisation.") from None
    if not acquired.allowed:
        raise Problem(
            429,
            "Your organisation asks more often than it may.",
            headers={"retry-after": str(math.ceil(acquired.wait_ms / 1000))},
        )


class Buffered:
    """Bytes that requests hold in memory, together at most so many."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0

    def take(self, size: int) -> None:
        """Count them.

        Raises:
            Problem: 503, there is no room now.
        """
        if self._held + size > self._limit:
            raise unavailable("The server is busy with other requests.")
        self._held += size

    def give_back(self, size: int) -> None:
        """They are free again."""
        self._held -= size
