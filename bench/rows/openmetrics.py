"""What a scrape costs: GET /metrics of an org of many streams, and openmetrics() alone.

The yardstick reads the maintained rows of all streams once and counts them by source and state, as any answer must.
Health has been evaluated, runs counted, and a batch of operations waits in the queue.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx

from bench import tables
from bench.harness import TENANT
from bench.result import Row, Target, duration, number
from syncwell.http import Config, app

if TYPE_CHECKING:
    import psycopg

    from bench.harness import Bench

_NAME = "/metrics"
_MILLISECONDS = 1_000
_TOKEN = "a token of the benchmark that nobody has to guess"  # noqa: S105
_SQL = "select syncwell.openmetrics()"
_BY_HAND = """
select s.source, h.status, count(*), max(t.last_successful_sync), max(t.consecutive_failures)
from syncwell.streams as s
join syncwell.sync_state as t on t.org_id = s.org_id and t.stream_id = s.stream_id
join syncwell.stream_states as h on h.org_id = s.org_id and h.stream_id = s.stream_id
group by 1, 2
"""


def run(bench: Bench) -> Iterator[Row]:
    """By HTTP, in SQL, by hand."""
    streams = bench.scale.fleet
    with bench.database() as database:
        admin = database.connect()
        tables.fleet(admin, streams)
        tables.counted(admin)
        admin.execute("select count(*) from syncwell.evaluate_health()")
        batch = [
            {"operation_type": "send", "source": "calls", "payload": {"n": n}} for n in range(bench.scale.batch // 10)
        ]
        service = database.connect("bench_service")
        service.execute("select count(*) from syncwell.enqueue_operations(%s)", [json.dumps(batch)])
        admin.execute("select syncwell.bind_login(session_user, 'gateway')")
        tables.settle(admin)
        config = Config(dsn=database.uri(), jwt_secret=_TOKEN.encode(), metrics_token=_TOKEN.encode())
        rates = bench.timed(
            {
                "http": lambda: _scraped(config, bench.scale.questions),
                "sql": lambda: _asked(admin, _SQL, bench.scale.questions),
                "by hand": lambda: _asked(admin, _BY_HAND, bench.scale.questions),
            }
        )
        text = _one(admin)
        assert 'sync_streams{source="calls",state="healthy"}' in text
        assert text.count(str(TENANT.org)) == 0
        yield Row(
            _NAME,
            f"GET /metrics, {number(streams)} streams",
            rates.seconds("http") * _MILLISECONDS,
            "ms",
            Target(at_most=100),
            duration(rates.seconds("http")),
            f"{duration(rates.seconds('by hand'))} reading the streams' rows",
        )
        yield Row(
            _NAME,
            f"openmetrics(), {number(streams)} streams",
            rates.seconds("sql") * _MILLISECONDS,
            "ms",
            Target(at_most=100),
            duration(rates.seconds("sql")),
            f"{duration(rates.seconds('by hand'))} reading the streams' rows",
        )
        yield Row(_NAME, "size of an answer", len(text.encode()), "bytes", None)


def _one(connection: psycopg.Connection[Any]) -> str:
    row = connection.execute(_SQL.encode()).fetchone()
    assert row is not None
    return str(row[0])


def _asked(connection: psycopg.Connection[Any], query: str, calls: int) -> float:
    """Seconds a call."""
    started = time.perf_counter()
    for _ in range(calls):
        connection.execute(query.encode()).fetchall()
    return (time.perf_counter() - started) / calls


def _scraped(config: Config, calls: int) -> float:
    """Seconds a request, of one client after the other, in the process of the server."""

    async def scrape() -> float:
        application = app(config)
        async with (
            application.router.lifespan_context(application),
            httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://bench") as client,
        ):
            headers = {"authorization": f"Bearer {_TOKEN}", "accept": "application/openmetrics-text"}
            assert (await client.get("/metrics", headers=headers)).text.endswith("# EOF\n")
            started = time.perf_counter()
            for _ in range(calls):
                answer = await client.get("/metrics", headers=headers)
                assert answer.status_code == 200
            return (time.perf_counter() - started) / calls

    return asyncio.run(scrape())
