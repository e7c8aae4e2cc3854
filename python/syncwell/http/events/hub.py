"""Where notifications come in and events go out: one connection that listens, whatever the number of clients.

A few times a second what was notified is read, once for all clients of an org, and what is different from the last time
is told. Whoever comes gets what is known, and from then on the differences; so does everybody where notifications may
have been lost.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import datetime
from uuid import UUID

import psycopg

from syncwell._bell import AsyncBell
from syncwell.aio._caller import AsyncPool
from syncwell.http.config import Config
from syncwell.http.events.following import Following
from syncwell.http.events.listener import Listener
from syncwell.http.events.subscribers import Subscriber, Wanted
from syncwell.http.events.watched import CHANNELS, Watched
from syncwell.http.problems import Problem, unavailable

__all__ = ["Hub"]

_logger = logging.getLogger("syncwell.http")
_TICK = 0.2
_IDLE = 30.0
_CHECK = 20.0
_LOOK_SECONDS = 30.0
_PAUSE = 1.0
_RETRY = b"retry: 2000\n\n"


class Hub:
    """All who follow the events."""

    def __init__(self, config: Config, pool: Callable[[], Awaitable[AsyncPool]]) -> None:
        self._config = config
        self._following = Following(pool)
        self._watched = Watched(self._following)
        self._listener = Listener(config.listen_dsn or config.dsn, CHANNELS, self._heard, self._began)
        self._tasks: list[asyncio.Task[None]] = []
        self._bell = AsyncBell()
        self._looked = asyncio.Condition()
        self._users: Counter[UUID] = Counter()
        self._subscribers: set[Subscriber] = set()
        self._topics: dict[str, set[Subscriber]] = {}
        self._began_once = False
        self._is_new = False
        self._stopped = False

    async def subscribe(self, user: UUID, names: Collection[str], sessions: Collection[UUID]) -> Subscriber:
        """Return a client that gets the full state, and from then on what happens; `leave` is its end.

        Args:
            user: who asks.
            names: of progress, health and changed.
            sessions: sessions whose records are wanted.

        Raises:
            Problem: 401 there is no such user; 404 it sees no such session; 429, 503 there is no room, or nothing is
                heard now.
        """
        self._take_room(user)
        wanted: Wanted | None = None
        subscriber: Subscriber | None = None
        try:
            self._start()
            try:
                async with asyncio.timeout(self._config.pool_timeout):
                    await self._listener.ready()
                    wanted = await self._following.wanted(user, names, sessions)
                    self._watched.follow(wanted, 1)
                    self._bell.ring()
                    await self._until_known(wanted)
            except TimeoutError:
                raise unavailable("The database did not answer in time.") from None
            # nobody else has a turn from here to the end: nothing happens between the state and what follows it
            subscriber = Subscriber(wanted, self._config.events_buffer)
            subscriber.put(_RETRY, *self._watched.state(wanted))
            self._subscribers.add(subscriber)
            for topic in wanted.routes:
                self._topics.setdefault(topic, set()).add(subscriber)
            if self._stopped:
                subscriber.end()
            return subscriber
        finally:
            if subscriber is None:
                self._users[user] -= 1
                if wanted is not None:
                    self._watched.follow(wanted, -1)

    def leave(self, subscriber: Subscriber) -> None:
        """Forget a client."""
        wanted = subscriber.wanted
        self._subscribers.remove(subscriber)
        for topic in wanted.routes:
            self._topics[topic].remove(subscriber)
            if not self._topics[topic]:
                del self._topics[topic]
        self._users[wanted.user] -= 1
        self._watched.follow(wanted, -1)

    def stop(self) -> None:
        """Let all clients go, and take no more."""
        self._stopped = True
        self._end(self._subscribers)

    async def close(self) -> None:
        """End everything."""
        self.stop()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _take_room(self, user: UUID) -> None:
        if self._stopped:
            raise unavailable("The server is about to end.")
        # those who have left are forgotten
        self._users += Counter()
        if self._users.total() >= self._config.events_max:
            raise unavailable("The server has no room for one more stream of events.")
        if self._users[user] >= self._config.events_user_max:
            raise Problem(
                429,
                f"You have {self._users[user]} streams of events open.",
                headers={"retry-after": "5"},
                hint="Close one of them, or share one between your windows.",
            )
        self._users[user] += 1

    def _start(self) -> None:
        if not self._tasks:
            works = (self._listener.run(), self._run(), self._check_all())
            self._tasks = [asyncio.create_task(work) for work in works]

    async def _until_known(self, wanted: Wanted) -> None:
        async with self._looked:
            await self._looked.wait_for(lambda: self._watched.knows(wanted))

    def _heard(self, channel: str, payload: str) -> None:
        if self._watched.heard(channel, payload):
            self._bell.ring()

    def _began(self, now: datetime) -> None:
        self._is_new = self._began_once
        self._began_once = True
        self._watched.began(now)
        self._bell.ring()

    async def _run(self) -> None:
        is_failing = False
        while True:
            await self._bell.wait(_TICK if self._watched else _IDLE)
            began = time.monotonic()
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._tell()
                is_failing = False
            except Exception as error:
                is_known = isinstance(error, psycopg.Error | TimeoutError | OSError)
                if not (is_failing and is_known):
                    text = (str(error) or type(error).__name__).splitlines()[0]
                    _logger.warning("events: nothing can be read: %s", text, exc_info=None if is_known else error)
                is_failing = True
                self._watched.look_everywhere()
                await asyncio.sleep(_PAUSE)
            await asyncio.sleep(max(0.0, began + _TICK - time.monotonic()))

    async def _tell(self) -> None:
        is_new, self._is_new = self._is_new, False
        try:
            messages, gone = await self._watched.look(self._topics)
        except BaseException:
            # what was found before it failed is known now, and told to nobody
            self._is_new = True
            raise
        if gone:
            self._end(subscriber for subscriber in self._subscribers if subscriber.wanted.org in gone)
        if is_new:
            for subscriber in self._subscribers:
                subscriber.put(*self._watched.state(subscriber.wanted))
        else:
            told: dict[str, list[bytes]] = {}
            for topic, message in messages:
                told.setdefault(topic, []).append(message)
            for topic, parts in told.items():
                chunk = b"".join(parts)
                for subscriber in self._topics.get(topic, ()):
                    subscriber.put(chunk)
        async with self._looked:
            self._looked.notify_all()

    async def _check_all(self) -> None:
        """What was visible when a client came must be so yet."""
        while True:
            await asyncio.sleep(_CHECK)
            try:
                await self._check()
            except psycopg.errors.InsufficientPrivilege:
                # this server may act for nobody any more
                self._end(self._subscribers)
            except Exception as error:
                _logger.warning("events: nobody could be checked: %s", str(error) or type(error).__name__)

    async def _check(self) -> None:
        checked = list(self._subscribers)
        visible = await self._following.visible({subscriber.wanted.user for subscriber in checked})
        self._end(one for one in checked if visible.get(one.wanted.user) != one.wanted.visible)

    @staticmethod
    def _end(subscribers: Iterable[Subscriber]) -> None:
        for subscriber in subscribers:
            subscriber.end()
