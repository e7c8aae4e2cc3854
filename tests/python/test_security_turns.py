"""A user whose requests wait for each other, or for its own lock, takes no connection from other users."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from harness import Tenants
from harness.serving import bearer, configured, serving
from harness.wait import wait_until
from syncwell.http.limits import Turns
from syncwell.http.problems import Problem

if TYPE_CHECKING:
    import psycopg

    from harness import Database

BATCH: dict[str, Any] = {
    "type": "readings",
    "sessionId": "s1",
    "data": [{"occurred_at": 1_790_000_000_000, "spo2": 95}],
}


def waits(watcher: psycopg.Connection[Any]) -> bool:
    query = "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and usename = 'gateway')"
    row = watcher.execute(query).fetchone()
    return bool(row and row[0])


def test_a_user_that_waits_leaves_connections_for_others(database: Database) -> None:
    holder = database.connect("a_member")
    holder.execute("select syncwell.start_session('s1')")
    holder.commit()
    holder.execute("select syncwell.complete_session('s1')")
    watcher = database.connect(autocommit=True)
    config = configured(database.uri("gateway"), pool_max=2, pool_timeout=5.0)
    with serving(config) as http, ThreadPoolExecutor(4) as pool:

        def ask(user: str) -> int:
            with httpx.Client(base_url=http.base_url, timeout=30, trust_env=False) as client:
                return client.post("/sync/batch", json=BATCH, headers=bearer(Tenants.id(user))).status_code

        waiting = [pool.submit(ask, "a_member") for _ in range(4)]
        wait_until("a request of the member to wait", lambda: waits(watcher), 20)
        assert ask("b_member") == 200
        holder.rollback()
        # the others had their turn, or were told that there are too many
        assert {one.result() for one in waiting} <= {200, 503}
        assert ask("a_member") == 200


def test_turns_are_given_back_and_users_forgotten() -> None:
    async def scenario() -> None:
        turns, one, other = Turns(1, 0.01), uuid4(), uuid4()
        async with turns.turn(one):
            async with turns.turn(other):
                pass
            with pytest.raises(Problem, match="busy with your other requests"):
                async with turns.turn(one):
                    pass
        async with turns.turn(one):
            pass
        with pytest.raises(ZeroDivisionError):
            async with turns.turn(one):
                raise ZeroDivisionError
        async with turns.turn(one):
            pass
        assert turns._users == {}

    asyncio.run(scenario())
