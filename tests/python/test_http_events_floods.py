"""Whoever may connect may notify: floods and forgeries take their turn, and nothing of another org's."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest

from harness import Tenants
from harness.eventing import following
from harness.serving import bearer, configured, serving
from syncwell.http.events import listener as listeners
from syncwell.http.events.listener import Listener
from syncwell.http.events.subscribers import Wanted
from syncwell.http.events.watched import Watched
from syncwell.listening import notification

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from datetime import datetime
    from uuid import UUID

    import httpx

    from harness import Database

MEMBER, FOREIGN = Tenants.id("a_member"), Tenants.id("b_member")
ORG = Tenants.org("a")


@pytest.fixture
def client(database: Database) -> Iterator[httpx.Client]:
    with serving(configured(database.uri("gateway"), events_user_max=1)) as made:
        yield made


def test_what_is_longer_than_any_of_ours_is_not_read() -> None:
    told = json.dumps({"org_id": str(ORG), "user_id": str(MEMBER)})
    assert notification("syncwell", told) is not None
    assert notification("syncwell", told + 7000 * " ") is None
    # no payload is needed to wake
    assert notification("syncwell_queue", 7000 * "[") is not None


async def test_a_flood_leaves_everybody_their_turn(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several notices come in one packet; the longest look away is one of them."""
    monkeypatch.setattr(listeners, "_TURN_SECONDS", 0.0)
    turns, told, before = 0, 0, 0
    most = 0

    def heard(_channel: str, _payload: str) -> None:
        nonlocal told, before, most
        most, told = (most + 1 if turns == before else max(most, 1)), told + 1
        before = turns

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    listener = Listener(database.uri("gateway"), ["syncwell_health"], heard, lambda _: None)
    tasks = [asyncio.create_task(listener.run()), asyncio.create_task(others())]
    await listener.ready()
    database.connect("nobody_login", autocommit=True).execute(
        "select count(pg_notify('syncwell_health', number::text)) from generate_series(1, 2000) as number"
    )
    async with asyncio.timeout(20):
        while told < 2000:
            await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most < 10


class Talkative:
    """A connection that has something to say for three rounds and is silent in the fourth."""

    def __init__(self, done: list[str]) -> None:
        self._done = done
        self._rounds = 0

    async def __aenter__(self) -> Talkative:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def execute(self, statement: Any) -> Any:
        self._done.append(str(statement))
        if statement == "select":
            raise psycopg.OperationalError
        return self

    async def fetchall(self) -> list[tuple[None]]:
        return [(None,)]

    async def notifies(self, timeout: float) -> AsyncGenerator[psycopg.Notify]:
        assert timeout > 0
        self._rounds += 1
        if self._rounds < 4:
            self._done.append("notice")
            yield psycopg.Notify("syncwell_health", "", 1)


async def test_the_connection_is_tried_when_it_is_silent_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement would collect whatever else is said meanwhile, to be read in one go."""
    done: list[str] = []

    async def connect(*_: object, **__: object) -> Talkative:
        return Talkative(done)

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", connect)
    began: list[datetime] = []
    listener = Listener("", [], lambda _channel, _payload: None, began.append)
    task = asyncio.create_task(listener.run())
    async with asyncio.timeout(10):
        while "select" not in done:
            await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert done == ["select syncwell._now()", "notice", "notice", "notice", "select"]


async def test_bytes_that_are_no_text_do_not_end_the_listening(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0

    class Garbled(Talkative):
        async def notifies(self, timeout: float) -> AsyncGenerator[psycopg.Notify]:
            nonlocal tries
            tries += 1
            yield psycopg.Notify("syncwell_health", b"\xff".decode(), timeout > 0)

    async def connect(*_: object, **__: object) -> Talkative:
        return Garbled([])

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", connect)
    monkeypatch.setattr(listeners, "_WAIT_FIRST", 0.0)
    task = asyncio.create_task(Listener("", [], lambda _channel, _payload: None, lambda _: None).run())
    async with asyncio.timeout(10):
        while tries < 2 and not task.done():
            await asyncio.sleep(0)
    assert tries == 2
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


class Slow:
    """Reads health as long as a large org takes."""

    def __init__(self, clock: list[float]) -> None:
        self.clock = clock
        self.looks = 0

    async def org_rows(self, work: dict[UUID, Any]) -> dict[UUID, Any]:
        if work:
            self.looks += 1
            self.clock[0] += 0.5
        return {org: [[] for _ in statements] for org, statements in work.items()}


async def test_a_long_look_is_followed_by_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that who notifies all the time takes a fifth of the time, and the others have the rest."""
    clock = [100.0]
    monkeypatch.setattr("syncwell.http.events.watched.time.monotonic", lambda: clock[0])
    following = Slow(clock)
    watched = Watched(following)  # type: ignore[arg-type]
    topics = frozenset({f"health:{ORG}"})
    watched.follow(Wanted(MEMBER, ORG, topics, topics, ("health",), ()), 1)
    for _ in range(100):
        assert watched.heard("syncwell_health", json.dumps({"org_id": str(ORG)}))
        await watched.look(topics)
        clock[0] += 0.2
    # 100 looks would have been a minute and more
    assert 5 <= following.looks <= 12
    # what was missed is looked for at once
    looks = following.looks
    watched.look_everywhere()
    await watched.look(topics)
    assert following.looks == looks + 1


def test_the_same_id_in_two_orgs_is_two_sessions(client: httpx.Client, database: Database) -> None:
    """The key of the table has the org; no call makes such a pair, a copied org does."""
    admin = database.connect(autocommit=True)
    session = uuid4()
    for org, user, spo2 in (("a", "a_member", 91), ("b", "b_member", 82)):
        admin.execute(
            """
            insert into syncwell.sync_sessions (
              org_id, session_id, user_id, local_id, source, started_at, created_at, updated_at
            )
            values (test.org(%(org)s), %(session)s, test.id(%(user)s), 'one', 'sensor', now(), now(), now())
            """,
            {"org": org, "session": session, "user": user},
        )
        reading = {"occurred_at": "2026-03-01T12:00:05Z", "spo2": spo2, "heart_rate": 60}
        database.connect(user, autocommit=True).execute(
            "select syncwell.ingest_batch('reading', %s, p_session => %s)", [json.dumps([reading]), str(session)]
        )
    with (
        following(client, MEMBER, f"?topics=&session={session}") as mine,
        following(client, FOREIGN, f"?topics=&session={session}") as foreign,
    ):
        for follower, spo2 in ((mine, 91), (foreign, 82)):
            records = follower.next("state")["sessions"][str(session)]["records"]
            assert [row["spo2"] for row in records] == [spo2]


def test_head_opens_no_stream(client: httpx.Client) -> None:
    """It would have no end, and nothing would ever be sent in it."""
    refusal = client.head("/sync/events", headers=bearer(MEMBER))
    assert (refusal.status_code, refusal.headers["allow"]) == (405, "GET")
    # it took the place of none
    with following(client, MEMBER) as follower:
        follower.next("state")


def test_a_name_forges_no_event(client: httpx.Client, database: Database) -> None:
    """Neither for browsers nor for clients that break lines as Python does, which the follower does."""
    name = "x\r\n\r\nevent: health\ndata: {}\n\n\x85\u2028event: health\u2029data: {}\x0b\x0c\x1e</script>"
    member = database.connect("a_member", autocommit=True)
    member.execute("select syncwell.report_sync_progress(%s, 1, 10)", [name])
    with following(client, MEMBER, "?topics=progress") as follower:
        assert [row["sync_id"] for row in follower.next("state")["progress"]] == [name]
        member.execute("select syncwell.report_sync_progress(%s, 10, 10)", [name])
        assert follower.next()["sync_id"] == name
    assert {event for event, _ in follower.seen} == {"state", "progress"}
