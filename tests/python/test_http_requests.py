"""What is refused before the database is asked: wrong paths, too much, too often, broken. None of these needs one."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from harness.serving import SECRET, bearer, configured
from syncwell.http import Config, app, from_environment
from syncwell.http.limits import Buffered, Rate
from syncwell.http.problems import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

USER = uuid4()
MEBIBYTE = 1024 * 1024
# a folder without a server
NOWHERE = "host=/nonexistent dbname=nowhere connect_timeout=1"


@asynccontextmanager
async def client(**changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    application = app(configured(NOWHERE, **changes))
    transport = httpx.ASGITransport(application)
    headers = bearer(USER)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers, timeout=20) as made:
        yield made


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem that an answer is."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["type"]
    assert document["title"]
    return document


class Pieces:
    """A body that says how much of it was taken."""

    def __init__(self, piece: bytes, times: int) -> None:
        self._piece = piece
        self._times = times
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._times):
            self.taken += len(self._piece)
            yield self._piece


async def test_paths_and_methods_that_are_not_there() -> None:
    async with client() as asking:
        for path in ("/nowhere", "/sync", "/sync/pull/", "/sync/%00", "/../etc/passwd"):
            problem(await asking.get(path), 404)
        for path, allowed in (("/sync/pull", "POST"), ("/sync/push", "POST"), ("/sync/batch", "POST")):
            for method in ("GET", "PUT", "DELETE", "OPTIONS"):
                answer = await asking.request(method, path)
                problem(answer, 405)
                assert answer.headers["allow"] == allowed
            assert (await asking.head(path)).status_code == 405
        problem(await asking.post("/healthz"), 405)


async def test_nobody_gets_a_challenge_before_anything_is_read() -> None:
    body = Pieces(b" " * MEBIBYTE, 5)
    async with client() as asking:
        for headers in ({"authorization": ""}, {"authorization": "Basic eA=="}, {"authorization": "Bearer x.y.z"}):
            for path in ("/sync/pull", "/sync/push", "/sync/batch"):
                answer = await asking.post(path, headers=headers, content=body)
                problem(answer, 401)
                assert answer.headers["www-authenticate"].startswith("Bearer")
    assert body.taken == 0


async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    body = Pieces(b" " * MEBIBYTE, 200)
    async with client() as asking:
        answer = await asking.post("/sync/push", content=body, headers={"content-length": str(200 * MEBIBYTE)})
        assert "67108864 bytes" in problem(answer, 413)["detail"]
        # the rest of it is not waited for
        assert answer.headers["connection"] == "close"
        answer = await asking.post("/sync/pull", content=body, headers={"content-length": str(2 * MEBIBYTE)})
        problem(answer, 413)
    assert body.taken == 0


async def test_a_body_that_turns_out_too_large_is_cut_off() -> None:
    body = Pieces(b" " * MEBIBYTE, 200)
    async with client() as asking:
        problem(await asking.post("/sync/push", content=body), 413)
    assert body.taken <= 65 * MEBIBYTE


async def test_a_bomb_is_not_inflated_further_than_allowed() -> None:
    bomb = gzip.compress(b" " * 20 * MEBIBYTE)
    assert len(bomb) < 64 * 1024
    async with client(max_body=MEBIBYTE) as asking:
        answer = await asking.post("/sync/push", content=bomb, headers={"content-encoding": "gzip"})
        problem(answer, 413)
        # incompressible, and larger than allowed before it is inflated
        body = Pieces(bytes(range(256)) * 1024, 20)
        answer = await asking.post("/sync/push", content=body, headers={"content-encoding": "gzip"})
        problem(answer, 400)


PUSH = json.dumps({"changes": [], "lastPulledAt": 1}).encode()
# without the time, which would be part of the names of tests: every process must give them the same
PACKED = gzip.compress(PUSH, mtime=0)


@pytest.mark.parametrize(
    ("content", "encoding", "status", "detail"),
    [
        (PACKED[:-9], "gzip", 400, "The gzip data ends too early."),
        (PACKED[:5], "gzip", 400, "The gzip data ends too early."),
        (b"", "gzip", 400, "The gzip data ends too early."),
        (PACKED + b"x", "gzip", 400, "Something follows the gzip data."),
        (PACKED * 2, "gzip", 400, "Something follows the gzip data."),
        (PACKED[:-8] + b"\0" * 8, "gzip", 400, "The body is not gzip, or damaged."),
        (PUSH, "gzip", 400, "The body is not gzip, or damaged."),
        (zlib.compress(PUSH), "gzip", 400, "The body is not gzip, or damaged."),
        (PUSH, "br", 415, "A body comes as it is, or with gzip."),
        (PUSH, "gzip, gzip", 415, "A body comes as it is, or with gzip."),
        (b'{"changes":{"\xff":{}}}', "identity", 400, "The body is not UTF-8."),
        (b"\xef\xbb\xbf" + PUSH, "identity", 400, "JSON is malformed: invalid character (byte 0)."),
        (b"", "identity", 400, "Input data was truncated."),
        # inflated and read well; only then it is seen to be no push
        (PACKED, "x-gzip", 400, "changes must be an object with a member for each table."),
        (PUSH, "identity", 400, "changes must be an object with a member for each table."),
    ],
)
async def test_bodies_that_are_broken(content: bytes, encoding: str, status: int, detail: str) -> None:
    async with client() as asking:
        answer = await asking.post("/sync/push", content=content, headers={"content-encoding": encoding})
        assert problem(answer, status)["detail"] == detail


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with client(body_timeout=0.05) as asking:
        answer = await asking.post("/sync/push", content=never())
        problem(answer, 408)
        assert answer.headers["connection"] == "close"


async def test_a_user_asks_only_so_often() -> None:
    async with client(rate=0.001, burst=2) as asking:
        for _ in range(2):
            problem(await asking.post("/sync/push", content=b"x"), 400)
        answer = await asking.post("/sync/push", content=b"x")
        problem(answer, 429)
        assert 0 < int(answer.headers["retry-after"]) <= 1000
        # somebody else has a bucket of its own
        problem(await asking.post("/sync/push", content=b"x", headers=bearer(uuid4())), 400)


def test_a_bucket_fills_again_and_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    rate = Rate(2, 3)

    def granted() -> int:
        count = 0
        while count < 100:
            try:
                rate.take(USER)
            except Problem:
                break
            count += 1
        return count

    assert granted() == 3
    now = 1.0
    assert granted() == 2
    now = 100.0
    assert granted() == 3
    for _ in range(10_001):
        rate.take(uuid4())
    assert granted() == 3


async def test_all_requests_together_take_only_so_much_memory() -> None:
    async with client(max_buffered=2 * MEBIBYTE) as asking:
        gate = asyncio.Event()
        inside = asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield b" " * (MEBIBYTE + MEBIBYTE // 2)
            yield b" "
            inside.set()
            await gate.wait()

        first = asyncio.create_task(asking.post("/sync/push", content=slow()))
        await inside.wait()
        answer = await asking.post("/sync/push", content=b" " * MEBIBYTE)
        problem(answer, 503)
        assert answer.headers["retry-after"]
        gate.set()
        problem(await first, 400)
        # all of it is free again, after refusals too
        for _ in range(5):
            problem(await asking.post("/sync/push", content=b" " * MEBIBYTE), 400)
            problem(await asking.post("/sync/push", content=b" " * 3 * MEBIBYTE), 503)


def test_what_is_held_is_counted() -> None:
    buffered = Buffered(10)
    buffered.take(10)
    with pytest.raises(Problem):
        buffered.take(1)
    buffered.give_back(4)
    buffered.take(4)


async def test_without_a_database_it_is_alive_and_not_ready() -> None:
    application = app(configured(NOWHERE, pool_timeout=0.1))
    transport = httpx.ASGITransport(application)
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=transport, base_url="http://test", headers=bearer(USER), timeout=20) as asking,
    ):
        assert (await asking.get("/healthz")).json() == {"status": "ok"}
        assert (await asking.head("/healthz")).status_code == 200
        problem(await asking.get("/readyz"), 503)
        for content in ('{"lastPulledAt":1}', "{}"):
            answer = await asking.post("/sync/pull", content=content)
            assert "nowhere" not in json.dumps(problem(answer, 503))
            assert answer.headers["retry-after"]


async def test_web_pages_call_only_from_configured_origins() -> None:
    preflight = {
        "origin": "https://app.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    async with client() as asking:
        assert "access-control-allow-origin" not in (await asking.options("/sync/pull", headers=preflight)).headers
    async with client(cors_origins=("https://app.example",)) as asking:
        answer = await asking.options("/sync/pull", headers=preflight)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        assert "access-control-allow-credentials" not in answer.headers
        other = {**preflight, "origin": "https://evil.example"}
        assert "access-control-allow-origin" not in (await asking.options("/sync/pull", headers=other)).headers
        answer = await asking.post("/sync/push", content=b"x", headers={"origin": "https://app.example"})
        problem(answer, 400)
        assert answer.headers["access-control-allow-origin"] == "https://app.example"


async def test_a_factory_serves_as_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCWELL_DSN", NOWHERE)
    monkeypatch.setenv("SYNCWELL_JWT_SECRET", SECRET.decode())
    monkeypatch.setenv("SYNCWELL_BURST", "1")
    monkeypatch.setenv("SYNCWELL_RATE", "0.001")
    transport = httpx.ASGITransport(from_environment())
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=bearer(USER)) as asking:
        problem(await asking.post("/sync/push", content=b"x"), 400)
        problem(await asking.post("/sync/push", content=b"x"), 429)


def test_a_stream_never_takes_every_connection() -> None:
    assert [Config(jwt_secret=b"x" * 32, pool_max=size).streams for size in (1, 2, 3, 10)] == [1, 1, 1, 5]
    assert [Config(jwt_secret=b"x" * 32, pool_max=4, max_streams=size).streams for size in (1, 3, 9)] == [1, 3, 3]
