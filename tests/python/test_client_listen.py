"""`sw.listen`: notifications as they come, on a connection of the caller's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args
from uuid import uuid4

import psycopg
import pytest

from harness import Tenants
from syncwell.listening import CHANNELS, Channel, Notification, notification

if TYPE_CHECKING:
    from harness import Database
    from python.conftest import Api

ORG = Tenants.org("a")


def say(database: Database, channel: str, payload: str) -> None:
    with psycopg.connect(database.uri("nobody_login"), autocommit=True) as anybody:
        anybody.execute("select pg_notify(%s, %s)", [channel, payload])


async def test_what_is_notified_comes_typed_and_what_is_forged_does_not(api: Api, database: Database) -> None:
    connection = await api.connect(database.uri("a_member"), autocommit=True)
    sw = api.client(connection)
    async with sw.listen(channels=["syncwell_progress", "syncwell_queue"]) as heard:
        # from here on: what comes before it is asked for is kept
        sync = (await sw.progress.report(sync_id="one", processed_count=1)).id
        for forged in ("", "{", "[]", '{"org_id": 1}', json.dumps({"org_id": str(ORG)}), "[" * 7000):
            say(database, "syncwell_progress", forged)
        say(database, "syncwell_health", json.dumps({"org_id": str(ORG)}))
        say(database, "syncwell_queue", "")
        told = []
        async for notice in heard:
            told.append(notice)
            # whoever is told something asks what became of it
            assert (await sw.core.who_am_i()).org_id == ORG
            if len(told) == 2:
                break
    assert told == [
        Notification(channel="syncwell_progress", org_id=ORG, id=sync),
        Notification(channel="syncwell_queue"),
    ]
    assert await listening(connection) == []
    await connection.close()


async def listening(connection: Any) -> list[str]:
    rows = await (await connection.execute("select pg_listening_channels()")).fetchall()
    return [name for (name,) in rows]


async def test_it_ends_in_time_or_when_it_is_told_to(api: Api, database: Database) -> None:
    connection = await api.connect(database.uri("a_member"), autocommit=True)
    sw = api.client(connection)
    async with sw.listen(timeout=0.05) as heard:
        assert sorted(await listening(connection)) == sorted(CHANNELS)
        assert [notice async for notice in heard] == []
    async with sw.listen(stop=lambda: True) as heard:
        assert [notice async for notice in heard] == []
    with pytest.raises(ValueError, match="inside of its block"):
        assert [notice async for notice in heard] == []
    await connection.close()


async def test_a_pool_gets_its_connection_back_as_it_was(api: Api, database: Database) -> None:
    pool = api.pool(database.uri("a_member"), min_size=1, max_size=2)
    await pool.open()
    try:
        sw = api.client(pool)
        async with sw.listen(channels=["syncwell_progress"], timeout=20) as heard:
            await sw.progress.report(sync_id="one", processed_count=1)
            async for notice in heard:
                assert notice.org_id == ORG
                break
        for _ in range(2):
            async with pool.connection() as connection:
                assert await listening(connection) == []
                assert connection.autocommit is False
    finally:
        await pool.close()


async def test_who_has_no_connection_of_its_own_is_refused(api: Api, database: Database) -> None:
    connection = await api.connect(database.uri("gateway"))
    with pytest.raises(ValueError, match="connection of its own"):
        async with api.client(connection).listen():
            pass
    await connection.set_autocommit(True)
    with pytest.raises(ValueError, match="acts for nobody"):
        api.client(connection).as_org(ORG).listen()
    async with connection.transaction():
        with pytest.raises(ValueError, match="connection of its own"):
            async with api.client(connection).listen():
                pass
    await connection.close()


async def test_a_connection_that_is_lost_is_the_callers_to_make_again(api: Api, database: Database) -> None:
    connection = await api.connect(database.uri("a_member"), autocommit=True)
    sw = api.client(connection)
    pid = connection.info.backend_pid
    with pytest.raises(psycopg.OperationalError):
        async with sw.listen() as heard:
            database.connect(autocommit=True).execute("select pg_terminate_backend(%s)", [pid])
            async for _ in heard:
                pass
    await connection.close()


def test_every_channel_is_read() -> None:
    assert get_args(Channel) == CHANNELS
    session = uuid4()
    assert notification(
        "syncwell_sessions", json.dumps({"org": str(ORG), "session": str(session), "kind": "reading"})
    ) == (Notification(channel="syncwell_sessions", org_id=ORG, id=session, kind="reading"))
    assert notification("syncwell", json.dumps({"org_id": str(ORG), "user_id": str(session)})) == Notification(
        channel="syncwell", org_id=ORG, user_id=session
    )
    assert notification("syncwell_alerts", "") == Notification(channel="syncwell_alerts")
    assert notification("somebody_elses", "") is None
