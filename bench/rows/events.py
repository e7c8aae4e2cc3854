"""A session that many watch: from the moment a device sends a reading until each of them has it.

Everybody follows the same session over a connection of its own to one process of `syncwell serve`, and is told of every
reading. A device sends one at a time, a hundred a second. The yardstick is somebody who only listens to the database:
of the same readings, in the same run, that a notification is there.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import jwt
import psycopg
from psycopg import sql

from bench.harness import TENANT, Bench, Database
from bench.result import Row, Target, number, rate
from bench.watchers import Watchers

RATE = 100
CONNECTIONS = 4
_NAME = "events"
_GATEWAY = "bench_gateway"
_SECRET = "a secret of the benchmark that nobody has to guess"  # noqa: S105
_BEGIN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
_SEND = "select syncwell.ingest_batch('reading', %s, p_session => 'live')"


def run(bench: Bench) -> Iterator[Row]:
    """As many clients as syncs are active at a time, each an analyst of its own."""
    clients, readings = bench.scale.active, min(20 * RATE, bench.scale.calls * 5)
    with bench.database() as database, _served(database) as (process, port):
        admin = database.connect()
        users = [uuid.UUID(f"0190cccc-0000-7000-8000-{place:012}") for place in range(clients)]
        admin.cursor().executemany(
            "select syncwell.register_user(%s, %s, 'analyst')", [(TENANT.org, user) for user in users]
        )
        row = (
            database.connect("bench_member")
            .execute("select session_id from syncwell.start_session('live', %s)", [_BEGIN])
            .fetchone()
        )
        assert row is not None
        tokens = [
            jwt.encode({"sub": str(user), "exp": time.time() + 3600}, _SECRET, algorithm="HS256") for user in users
        ]
        watchers = Watchers("127.0.0.1", port, f"/sync/events?session={row[0]}", tokens)
        device = _Device(database, readings)
        came = asyncio.run(_watch(watchers, device, clients * readings))
        memory = _megabytes(process.pid)
    lags = sorted(at - device.sent[name] for at, _, data in watchers.told for name in watchers.readings[data])
    told = {(place, name) for _, place, data in watchers.told for name in watchers.readings[data]}
    heard = sorted(device.heard)
    what = f"{number(clients)} clients, {number(RATE)} readings a second"
    yield Row(
        _NAME,
        f"{what}: p99 from sending to each client",
        _share(lags, 0.99),
        "s",
        Target(at_most=1),
        f"{number(statistics.median(lags) * 1000)} ms median, {number(lags[-1] * 1000)} ms at most, "
        f"{rate(len(lags) / device.seconds)} told",
        f"{number(_share(heard, 0.99) * 1000)} ms p99 to a bare LISTEN, {rate(readings / device.seconds)} readings",
    )
    yield Row(
        _NAME,
        f"{what}: not told",
        clients * readings - len(told),
        "readings",
        Target(at_most=0),
        f"{number(len(told))} told once or more",
        f"{number(clients * readings)} to tell",
    )
    yield Row(_NAME, f"{number(clients)} clients that come at once: all have the state", came, "s", None)
    if memory is not None:
        yield Row(_NAME, f"{what}: memory of the server", memory, "MiB", Target(at_most=512))


async def _watch(watchers: Watchers, device: _Device, expected: int) -> float:
    came = await watchers.come()
    sending = asyncio.create_task(asyncio.to_thread(device.run))
    await sending
    # a second in which nothing comes: whatever is missing then is lost
    count = -1
    while count != len(watchers.told) and sum(len(watchers.readings[data]) for *_, data in watchers.told) < expected:
        count = len(watchers.told)
        await asyncio.sleep(1)
    watchers.leave()
    return came


class _Device:
    """Sends readings at their times over a few connections, and listens to what the database says of them."""

    def __init__(self, database: Database, readings: int) -> None:
        self.sent: dict[str, float] = {}
        self.heard: list[float] = []
        self.seconds = 0.0
        self._uri = database.uri("bench_member")
        self._places = iter(range(readings))
        self._order: deque[float] = deque()
        self._started = 0.0

    def run(self) -> None:
        """Send all."""
        done = threading.Event()
        with ThreadPoolExecutor(CONNECTIONS + 1) as pool:
            listener = pool.submit(self._listen, done)
            self._started = time.perf_counter()
            for sender in [pool.submit(self._send) for _ in range(CONNECTIONS)]:
                sender.result()
            self.seconds = time.perf_counter() - self._started
            done.set()
            listener.result()

    def _send(self) -> None:
        with psycopg.connect(self._uri, autocommit=True) as connection:
            for place in self._places:
                time.sleep(max(0.0, self._started + place / RATE - time.perf_counter()))
                at = (_BEGIN + datetime.timedelta(seconds=place + 1)).isoformat()
                reading = json.dumps([{"occurred_at": at, "spo2": 90 + place % 10, "heart_rate": 60 + place % 30}])
                self.sent[at] = time.perf_counter()
                self._order.append(self.sent[at])
                connection.execute(_SEND, [reading])

    def _listen(self, done: threading.Event) -> None:
        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute("listen syncwell_sessions")
            while not done.is_set():
                for _ in connection.notifies(timeout=0.2, stop_after=1):
                    self.heard.append(time.perf_counter() - self._order.popleft())


@contextmanager
def _served(database: Database) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that serves, and its port."""
    admin = database.connect()
    if admin.execute("select from pg_roles where rolname = %s", [_GATEWAY]).fetchone() is None:
        admin.execute(sql.SQL("create role {} login").format(sql.Identifier(_GATEWAY)))
        admin.execute(sql.SQL("grant syncwell_gateway to {}").format(sql.Identifier(_GATEWAY)))
    admin.execute("select syncwell.bind_login(%s, 'gateway')", [_GATEWAY])
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PG", "SYNCWELL_"))},
        "SYNCWELL_DSN": database.uri(_GATEWAY),
        "SYNCWELL_JWT_SECRET": _SECRET,
        "SYNCWELL_POOL_TIMEOUT": "60",
    }
    command = [sys.executable, "-m", "syncwell.cli", "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            text = ""
            while not text.endswith("}\n"):
                line = process.stdout.readline()
                assert line
                text += line
            yield process, int(json.loads(text)["url"].rpartition(":")[2])
        finally:
            process.terminate()


def _share(ascending: list[float], share: float) -> float:
    return ascending[min(len(ascending) - 1, int(len(ascending) * share))]


def _megabytes(pid: int) -> float | None:
    """The most that the process has ever had in memory; None: this system does not tell."""
    status = Path(f"/proc/{pid}/status")
    if not status.is_file():
        return None
    peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024
