"""The loop that syncs when the database says so: what it asks, when, and what it does with the answers."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from syncwell import AsyncSyncwell, Syncwell
from syncwell.ops import DeviceConditions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from conftest import Api
    from harness import Database

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


class World:
    """A clock that goes on only while the loop waits, and what happens meanwhile."""

    def __init__(self, api: Api, connection: Any, sw: Any) -> None:
        self._api = api
        self._connection = connection
        self.ops = sw.ops
        self.seconds = 0.0
        self.waits: list[float] = []
        self.synced: list[tuple[float, str]] = []
        self.told: list[tuple[float, str]] = []
        self.failing: list[Exception] = []
        self.conditions = DeviceConditions()
        self.loop: Any = None

    async def at(self, seconds: float) -> None:
        self.seconds = seconds
        await self._connection.execute(f"set syncwell.fake_now = '{NOON + timedelta(seconds=seconds)}'")

    def until(self, end: float, **options: Any) -> Any:
        """A loop that is stopped after so many seconds, and told things (`told`) when their time has come."""

        def sync(reason: str) -> None:
            self.synced.append((self.seconds, reason))
            if self.failing:
                raise self.failing.pop(0)

        async def wait(seconds: float) -> None:
            self.waits.append(seconds)
            woken = min([self.seconds + seconds, *(when for when, _ in self.told)])
            await self.at(woken)
            while self.told and self.told[0][0] <= woken:
                self.loop.tell(self.told.pop(0)[1])
            if woken >= end:
                self.loop.stop()

        self.loop = self.ops.sync_loop(
            in_kind(self._api, sync),
            source="app",
            device_id="phone",
            conditions=lambda: self.conditions,
            wait=in_kind(self._api, wait),
            **options,
        )
        return self.loop


def in_kind(api: Api, work: Callable[..., Any]) -> Any:
    """The same work for both kinds of client."""

    async def waited(*arguments: Any) -> None:
        done = work(*arguments)
        if done is not None:
            await done

    def driven(*arguments: Any) -> None:
        done = work(*arguments)
        if done is not None:
            # nothing in it waits for anything, since the twins are awaitable at once
            with pytest.raises(StopIteration):
                done.send(None)

    return waited if api.kind == "async" else driven


@asynccontextmanager
async def world(api: Api, database: Database, **options: Any) -> AsyncIterator[World]:
    with psycopg.connect(database.uri()) as connection:
        connection.execute("select syncwell.bind_login(session_user, 'service', test.org('a'))")
    async with await api.connect(database.uri(), autocommit=True, **options) as connection:
        made = World(api, connection, api.client(connection))
        await made.at(0)
        yield made


def asked(database: Database) -> list[Any]:
    with psycopg.connect(database.uri()) as connection:
        return connection.execute("select source, reason, failures from syncwell.sync_paces").fetchall()


async def test_it_syncs_at_first_and_then_when_it_is_due(api: Api, database: Database) -> None:
    async with world(api, database) as it:
        await it.until(2000).run()
        assert it.synced == [(0, "initialization"), (900, "periodic"), (1800, "periodic")]
        # it asks again at once, and is told how long to wait: it never looks for itself
        assert it.waits == [0, 900, 0, 900, 0, 900]
        assert (it.loop.synced, it.loop.failures) == (3, 0)
        assert asked(database) == [("app", "periodic", 0)]


async def test_what_it_is_told_is_synced_for_soon_and_once(api: Api, database: Database) -> None:
    async with world(api, database) as it:
        it.told = [(1, "save"), (2, "save"), (3, "foreground"), (50, "reconnect")]
        await it.until(60).run()
        assert it.synced == [(0, "initialization"), (5, "save"), (50, "reconnect")]


async def test_the_user_waits_for_nothing(api: Api, database: Database) -> None:
    async with world(api, database) as it:
        it.told = [(1, "save"), (1, "manual"), (1.5, "manual")]
        await it.until(2).run()
        assert it.synced == [(0, "initialization"), (1, "manual"), (1.5, "manual")]


async def test_while_a_session_runs_it_syncs_often_and_at_its_end_at_once(api: Api, database: Database) -> None:
    async with world(api, database) as it:
        it.told = [(10, "session"), (95, "session_end")]
        await it.until(900).run()
        assert it.synced == [
            (0, "initialization"),
            (30, "session"),
            (60, "session"),
            (90, "session"),
            (95, "session_end"),
        ]
        # and from then on as before
        assert it.waits[-1] == 900


async def test_what_failed_is_tried_again_when_the_database_says_so(api: Api, database: Database) -> None:
    failures: list[Exception] = []
    with psycopg.connect(database.uri()) as connection:
        connection.execute("select syncwell.set_setting('retry.jitter', 'none', p_org_id => test.org('a'))")
        connection.execute("select syncwell.set_setting('ops.debounce', '0', p_org_id => test.org('a'))")
    async with world(api, database) as it:
        it.failing = [OSError("away"), OSError("still away"), OSError("and again")]
        await it.until(60, failed=failures.append).run()
        # one second after the first failure, two after the second, four after the third
        assert it.synced == [(0, "initialization"), (1, "reconnect"), (3, "reconnect"), (7, "reconnect")]
        assert [str(error) for error in failures] == ["away", "still away", "and again"]
        assert (it.loop.synced, it.loop.failures) == (1, 3)
        assert asked(database) == [("app", "reconnect", 0)]


async def test_a_button_that_fails_does_not_press_itself(api: Api, database: Database) -> None:
    failures: list[Exception] = []
    async with world(api, database) as it:
        it.told = [(100, "manual")]
        it.failing = []
        loop = it.until(100.5, failed=failures.append)
        await loop.run_once()
        it.failing = [OSError("away")] * 50
        await loop.run()
        assert it.synced == [(0, "initialization"), (100, "manual")]


async def test_without_anybody_to_tell_a_failure_ends_it(api: Api, database: Database) -> None:
    async with world(api, database) as it:
        it.failing = [OSError("away")]
        with pytest.raises(OSError, match="away"):
            await it.until(10).run()
        # the turn is over, and the failure counts
        assert asked(database) == [("app", "initialization", 1)]
        assert it.loop.failures == 1


async def test_an_interrupt_gives_the_turn_back(api: Api, database: Database) -> None:
    async with world(api, database) as it:

        def interrupted(_: str) -> None:
            raise KeyboardInterrupt

        loop = it.ops.sync_loop(in_kind(api, interrupted), source="app", device_id="phone")
        with pytest.raises(KeyboardInterrupt):
            await loop.run()
        assert asked(database) == [("app", "initialization", 1)]
        turn = await it.ops.request_sync(source="app", reason="manual", device_id="phone")
        assert turn.allowed


async def test_without_a_network_it_looks_again_from_time_to_time(api: Api, database: Database) -> None:
    async with world(api, database) as it:
        it.conditions = DeviceConditions(network="offline")
        loop = it.until(45, poll=20)
        await loop.run()
        assert it.synced == []
        assert it.waits == [20, 20, 20]
        assert loop.turn.why == "offline"
        it.conditions = DeviceConditions(network="wifi", metered=False, battery=80)
        assert await loop.run_once() == 0
        assert it.synced == [(60, "initialization")]


async def test_a_database_that_is_away_does_not_end_it(api: Api, database: Database) -> None:
    failures: list[Exception] = []
    async with world(api, database) as it:
        loop = it.until(100, failed=failures.append, poll=20)
        with psycopg.connect(database.uri(), autocommit=True) as connection:
            connection.execute("select pg_terminate_backend(%s)", [it._connection.info.backend_pid])
        assert await loop.run_once() == 20
        assert isinstance(failures[0], psycopg.OperationalError)
        assert loop.turn is None
        assert it.synced == []


async def test_it_needs_transactions_of_its_own(api: Api, database: Database) -> None:
    async with world(api, database) as it, it._connection.transaction():
        with pytest.raises(ValueError, match="outside of a transaction"):
            await it.until(10).run()
        assert it.synced == []


async def test_told_from_beside_it_wakes_up(api: Api, database: Database) -> None:
    """With its own bell: what is told while it syncs is not forgotten, and rings until it is heard."""
    async with world(api, database) as it:
        loop: Any = None
        reasons: list[str] = []

        def sync(reason: str) -> None:
            reasons.append(reason)
            if reason == "manual":
                loop.stop()
            else:
                loop.tell("manual")

        loop = it.ops.sync_loop(in_kind(api, sync), source="app")
        await loop.run()
        assert reasons == ["initialization", "manual"]


def test_another_thread_wakes_it(database: Database) -> None:
    """It would wait for a quarter of an hour."""
    first, reasons = threading.Event(), []

    def sync(reason: str) -> None:
        reasons.append(reason)
        first.set()
        if reason == "manual":
            loop.stop()

    loop = Syncwell(database.connect("a_member", autocommit=True)).ops.sync_loop(sync, source="app")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(loop.run)
        assert first.wait(20)
        loop.tell("manual")
        running.result(20)
    assert reasons == ["initialization", "manual"]
    assert loop.turn is not None
    assert loop.turn.allowed


async def test_another_task_wakes_it(database: Database) -> None:
    first, reasons = asyncio.Event(), []

    async def sync(reason: str) -> None:
        reasons.append(reason)
        first.set()
        if reason == "manual":
            loop.stop()

    async with await psycopg.AsyncConnection.connect(database.uri("a_member"), autocommit=True) as connection:
        loop = AsyncSyncwell(connection).ops.sync_loop(sync, source="app")
        running = asyncio.create_task(loop.run())
        await asyncio.wait_for(first.wait(), 20)
        loop.tell("manual")
        await asyncio.wait_for(running, 20)
    assert reasons == ["initialization", "manual"]
