"""What the dashboard costs: GET / of an analyst whose org has many streams, against the SQL that it asks.

The yardstick makes the same calls of the same server's database in the same way, and draws nothing. The first row is
of a page whose visitor was there half a minute ago at most: what is of the last days is remembered that long. The
second forgets it each time. The parts are what an open page asks for when something changes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

import httpx
import jwt
from psycopg_pool import AsyncConnectionPool

from bench import tables
from bench.harness import TENANT
from bench.result import TIMES, Row, Target, duration, number
from syncwell import AsyncSyncwell
from syncwell.http import Config, app
from syncwell.http.page.facts import Pasts, gather
from syncwell.http.page.filters import Filters

if TYPE_CHECKING:
    from uuid import UUID

    from bench.harness import Bench

_NAME = "dashboard"
_MILLISECONDS = 1_000
_SECRET = b"a secret of the benchmark that nobody has to guess"


def run(bench: Bench) -> Iterator[Row]:
    """The page, the page from nothing, its parts."""
    streams = bench.scale.fleet
    with bench.database() as database:
        admin = database.connect()
        tables.fleet(admin, streams)
        tables.counted(admin)
        admin.execute("select count(*) from syncwell.evaluate_health()")
        row = admin.execute(
            "select syncwell.register_user(p_org_id => %s, p_role => 'analyst')", [TENANT.org]
        ).fetchone()
        assert row is not None
        analyst: UUID = row[0]
        admin.execute("select syncwell.bind_login(session_user, 'gateway')")
        tables.settle(admin)
        config = Config(dsn=database.uri(), jwt_secret=_SECRET, rate=0, dashboard=True)
        calls = max(2, bench.scale.questions // 25)
        rates = bench.timed(
            {
                "page": lambda: asyncio.run(_visited(config, analyst, "/", calls)),
                "health": lambda: asyncio.run(_visited(config, analyst, "/parts/health", calls)),
                "progress": lambda: asyncio.run(_visited(config, analyst, "/parts/progress", calls)),
                "cold": lambda: asyncio.run(_visited(config, analyst, "/", 1, warm=False)),
                "sql": lambda: asyncio.run(_asked(config, analyst, calls)),
                "all sql": lambda: asyncio.run(_asked(config, analyst, 1, warm=False)),
            }
        )
        yield Row(
            _NAME,
            f"GET /, {number(streams)} streams",
            rates.seconds("page") / rates.seconds("sql"),
            f"{TIMES} time",
            Target(at_most=1.5),
            duration(rates.seconds("page")),
            f"{duration(rates.seconds('sql'))} the same SQL",
        )
        yield Row(
            _NAME,
            f"GET / for the first time, {number(streams)} streams",
            rates.seconds("cold") * _MILLISECONDS,
            "ms",
            Target(at_most=3_000),
            duration(rates.seconds("cold")),
            f"{duration(rates.seconds('all sql'))} the same SQL",
        )
        for part in ("health", "progress"):
            yield Row(
                _NAME,
                f"what changed: {part}, {number(streams)} streams",
                rates.seconds(part) * _MILLISECONDS,
                "ms",
                Target(at_most=1_000),
                duration(rates.seconds(part)),
            )


async def _visited(config: Config, user: UUID, path: str, calls: int, *, warm: bool = True) -> float:
    """Seconds a request, of one visitor, in the process of the server; the first is not counted where it is `warm`."""
    token = jwt.encode({"sub": str(user), "exp": time.time() + 3600}, _SECRET, "HS256")
    application = app(config)
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://localhost") as client,
    ):
        client.cookies.set("syncwell", token)

        async def ask() -> None:
            answer = await client.get(path)
            assert answer.status_code == 200, answer.text

        # what is drawn by a library is drawn slowly once
        await client.get("/sign-in")
        return await _timed(ask, calls, warm=warm)


async def _asked(config: Config, user: UUID, calls: int, *, warm: bool = True) -> float:
    """Seconds for what a page asks."""
    kwargs: dict[str, Any] = {"autocommit": True}
    pasts = Pasts()
    async with AsyncConnectionPool(config.dsn, kwargs=kwargs, min_size=1, max_size=1) as pool:
        client = AsyncSyncwell(pool).as_user(user)

        async def ask() -> None:
            await gather(client, user, Filters(), ("health", "progress", "work", "charts"), pasts)

        return await _timed(ask, calls, warm=warm)


async def _timed(ask: Callable[[], Awaitable[None]], calls: int, *, warm: bool) -> float:
    if warm:
        await ask()
    started = time.perf_counter()
    for _ in range(calls):
        await ask()
    return (time.perf_counter() - started) / calls
