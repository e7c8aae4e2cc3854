"""Sessions that all run at once: each sends its readings in batches of 100, live, while somebody listens.

The lag is what somebody who watches a session waits for: from the moment a device sends a batch until the notice that
tells of it is there. Batches are sent as fast as they are taken, so it is the lag of a server with no room left.
"""

from __future__ import annotations

import datetime
import json
import random
import statistics
import threading
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg

from bench.harness import TENANT, Bench, Database
from bench.result import Row, Target, number, rate

READINGS = 100
BATCHES = 3
CONNECTIONS = 8
_NAME = "live sessions"
_BEGIN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
_START = "select session_id::text from syncwell.start_session('live', %s, p_user_id => %s)"
_SEND = "select syncwell.ingest_batch('reading', %s, p_session => %s, p_user_id => %s)"
_COMPLETE = "select syncwell.complete_session(%s, p_expected => %s, p_user_id => %s)"


def run(bench: Bench) -> Iterator[Row]:
    """As many sessions as syncs are active at a time, each of a user of its own."""
    sessions = bench.scale.active
    users = [uuid.UUID(f"0190bbbb-0000-7000-8000-{place:012}") for place in range(sessions)]
    with bench.database() as database:
        admin = database.connect()
        for user in users:
            admin.execute("select syncwell.register_user(%s, %s)", [TENANT.org, user])
        load = _Load(database, users, bench.seed)
        seconds = load.run()
        found = admin.execute(
            "select (select count(*) from syncwell.session_readings),"
            " (select count(*) from syncwell.sync_sessions where sync_status = 'completed')"
        ).fetchone()
    assert found is not None
    stored, complete = found
    sent = sessions * BATCHES * READINGS
    told = f"{number(sessions)} at once, batches of {READINGS} readings"
    yield Row(
        _NAME,
        f"{told}: lost",
        (sent - stored) + (sessions - complete),
        "rows",
        Target(at_most=0),
        f"{number(stored)} readings of {number(complete)} sessions",
        f"{number(sent)} of {number(sessions)} sent",
    )
    lags = sorted(load.lags)
    yield Row(
        _NAME,
        f"{told}: p95 lag, {CONNECTIONS} connections",
        lags[int(len(lags) * 0.95)],
        "s",
        None,
        f"{number(statistics.median(lags) * 1000)} ms median, {rate(sent / seconds)} readings",
    )


class _Load:
    """Starts all sessions, sends all batches in any order, ends them."""

    def __init__(self, database: Database, users: list[uuid.UUID], seed: int) -> None:
        self.lags: list[float] = []
        self._uri = database.uri("bench_service")
        self._users = users
        self._seed = seed
        self._sent: defaultdict[str, deque[float]] = defaultdict(deque)
        self._gate = threading.Barrier(CONNECTIONS)
        self._listening, self._done = threading.Event(), threading.Event()
        self._seconds = 0.0

    def run(self) -> float:
        """How many seconds the batches took."""
        with ThreadPoolExecutor(CONNECTIONS + 1) as pool:
            listener = pool.submit(self._listen)
            self._listening.wait(30)
            devices = [pool.submit(self._device, place) for place in range(CONNECTIONS)]
            for device in devices:
                device.result()
            self._done.set()
            listener.result()
        return self._seconds

    def _listen(self) -> None:
        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute("listen syncwell_sessions")
            self._listening.set()
            while not self._done.is_set():
                for notice in connection.notifies(timeout=0.2, stop_after=1):
                    told = json.loads(notice.payload)
                    if told.get("kind") == "reading":
                        self.lags.append(time.perf_counter() - self._sent[told["session"]].popleft())

    def _device(self, place: int) -> None:
        chance = random.Random(f"{self._seed}-{place}")  # noqa: S311 - a load, not a secret
        with psycopg.connect(self._uri, autocommit=True) as connection:
            mine: list[tuple[str, uuid.UUID]] = []
            for user in self._users[place::CONNECTIONS]:
                row = connection.execute(_START, [_BEGIN, user]).fetchone()
                assert row is not None
                mine.append((row[0], user))
            self._gate.wait()
            started = time.perf_counter()
            for part in range(BATCHES):
                chance.shuffle(mine)
                rows = _rows(part)
                for session, user in mine:
                    self._sent[session].append(time.perf_counter())
                    connection.execute(_SEND, [rows, session, user])
            self._gate.wait()
            if place == 0:
                self._seconds = time.perf_counter() - started
            for session, user in mine:
                connection.execute(_COMPLETE, [session, json.dumps({"reading": BATCHES * READINGS}), user])


def _rows(place: int) -> str:
    """A batch of readings, one a second."""
    return json.dumps(
        [
            {
                "occurred_at": (_BEGIN + datetime.timedelta(seconds=place * READINGS + second)).isoformat(),
                "spo2": 90 + second % 10,
                "heart_rate": 60 + second % 30,
            }
            for second in range(READINGS)
        ]
    )
