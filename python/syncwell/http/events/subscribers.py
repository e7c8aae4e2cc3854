"""Who follows the events: what is to be sent to each, and no more of it than fits."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from uuid import UUID

__all__ = ["Subscriber", "Wanted"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody may follow and wants to.

    Attributes:
        user: who.
        org: whose org.
        visible: all that `syncwell.visible_topics()` said.
        topics: those of them that are followed.
        names: what the client calls them.
        sessions: sessions whose records are followed; the user sees them.
    """

    user: UUID
    org: UUID
    visible: frozenset[str]
    topics: frozenset[str]
    names: tuple[str, ...]
    sessions: tuple[UUID, ...]

    @property
    def routes(self) -> set[str]:
        """Where what it follows is told."""
        return {*self.topics, *(f"session:{self.org}:{session}" for session in self.sessions)}


@dataclass(eq=False, slots=True)
class Subscriber:
    """One client. Whoever has something for it puts it here and goes on; nobody waits for it.

    Attributes:
        wanted: what it follows.
        limit: how many bytes may wait; where more would, it is dropped. What comes first fits in any case.
        dropped: whether it was too slow.
    """

    wanted: Wanted
    limit: int
    dropped: bool = False
    _waiting: deque[bytes] = field(default_factory=deque[bytes])
    _size: int = 0
    _ended: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _writer: asyncio.Task[object] | None = None

    def put(self, *chunks: bytes) -> None:
        """Send these to it when it reads; a client that has too much waiting is dropped."""
        if self._ended:
            return
        size = sum(map(len, chunks))
        if self._waiting and self._size + size > self.limit:
            self.dropped = True
            self._waiting.clear()
            self._size = 0
            self.end()
            if self._writer is not None:
                self._writer.cancel()
            return
        self._waiting.extend(chunks)
        self._size += size
        self._news.set()

    def end(self) -> None:
        """Let its connection end once it has what waits."""
        self._ended = True
        self._news.set()

    def written_by(self, task: asyncio.Task[object] | None) -> None:
        """Whom to cancel when it is dropped while something is being sent."""
        self._writer = task

    async def take(self, seconds: float) -> bytes | None:
        """What is next; empty: nothing came for so long; None: that was all."""
        if not self._waiting and not self._ended:
            try:
                async with asyncio.timeout(seconds):
                    await self._news.wait()
            except TimeoutError:
                return b""
        self._news.clear()
        if not self._waiting:
            return None if self._ended else b""
        chunk = self._waiting.popleft()
        self._size -= len(chunk)
        return chunk
