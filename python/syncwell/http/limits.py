"""How often a user may ask, and how much memory requests may take together."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from uuid import UUID

from syncwell.http.problems import Problem, unavailable

__all__ = ["Buffered", "Rate"]

_USERS = 10_000


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
