"""What streams of events may take, and how they end: slow readers, limits, tokens that end, a server that stops."""

from __future__ import annotations

import signal
import socket
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from harness import Tenants, wait_until
from harness import serving as servers
from harness.eventing import following
from harness.serving import SECRET, bearer, configured, served, serving, token
from syncwell.http.events import hub as hubs
from syncwell.http.events.subscribers import Subscriber, Wanted
from syncwell.http.serve import listening

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    import psycopg

    from harness import Database

MEMBER, OTHER, ADMIN = (Tenants.id(name) for name in ("a_member", "a_other", "a_admin"))
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def admin(database: Database) -> psycopg.Connection[Any]:
    return database.connect(autocommit=True)


@pytest.fixture
def client(database: Database) -> Iterator[httpx.Client]:
    with serving(configured(database.uri("gateway"), events_max=3, events_user_max=2, events_buffer=4096)) as made:
        yield made


def subscriber(limit: int) -> Subscriber:
    return Subscriber(Wanted(MEMBER, Tenants.org("a"), frozenset(), frozenset(), (), ()), limit)


async def test_whoever_reads_too_slowly_is_dropped_and_nobody_waits() -> None:
    slow = subscriber(10)
    # what comes first fits in any case
    slow.put(b"x" * 100)
    assert await slow.take(0) == b"x" * 100
    slow.put(b"1234567")
    slow.put(b"89")
    assert not slow.dropped
    slow.put(b"10")
    assert slow.dropped
    # and nothing is kept for it
    assert await slow.take(0) is None
    slow.put(b"more")
    assert await slow.take(0) is None


async def test_what_waits_is_sent_before_a_stream_ends() -> None:
    ends = subscriber(10)
    ends.put(b"last")
    ends.end()
    assert [await ends.take(0), await ends.take(0)] == [b"last", None]
    assert await subscriber(10).take(0) == b""


def test_a_browser_that_never_reads_is_dropped_and_the_others_are_told_everything(
    database: Database, admin: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but what fits into sockets and buffer is kept for it."""

    def small(host: str, port: int) -> socket.socket:
        made = listening(host, port)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return made

    monkeypatch.setattr(servers, "listening", small)
    config = configured(database.uri("gateway"), events_max=2, events_buffer=64 * 1024)
    with serving(config) as client, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as browser:
        browser.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        browser.connect((client.base_url.host, client.base_url.port or 0))
        authorization = bearer(MEMBER)["authorization"]
        browser.sendall(f"GET /sync/events HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\n\r\n".encode())
        with following(client, OTHER, "?topics=progress") as follower:
            follower.next("state")
            wait_until("the browser's stream", lambda: not has_room(client))
            statements = 0
            while not has_room(client):
                statements += 1
                assert statements < 50
                admin.execute(
                    "insert into syncwell.sync_progress (org_id, sync_id, job_id, total_items, processed_count)"
                    " select test.org('a'), %s || n, repeat('x', 200), 1, 1 from generate_series(1, 100) as n",
                    [f"{statements} "],
                )
                for _ in range(100):
                    follower.next("progress")
            assert not follower.ended.is_set()


def has_room(client: httpx.Client) -> bool:
    """Whether one more stream is taken."""
    with client.stream("GET", "/sync/events", headers=bearer(ADMIN)) as answer:
        return answer.status_code == 200


def test_streams_are_counted_for_each_user_and_in_all(client: httpx.Client) -> None:
    with following(client, MEMBER) as one, following(client, MEMBER):
        one.next("state")
        refused = client.get("/sync/events", headers=bearer(MEMBER))
        assert refused.status_code == 429
        assert refused.headers["content-type"] == "application/problem+json"
        assert int(refused.headers["retry-after"]) > 0
        with following(client, OTHER):
            full = client.get("/sync/events", headers=bearer(ADMIN))
            assert full.status_code == 503
            assert int(full.headers["retry-after"]) > 0
        # whoever was refused took no room, and who left has given it back: one that there is not takes it for a moment
        nothing = f"/sync/events?session={uuid4()}"
        wait_until("room", lambda: client.get(nothing, headers=bearer(ADMIN)).status_code == 404)
        with following(client, ADMIN) as other:
            other.next("state")


def test_who_is_refused_takes_no_room(client: httpx.Client) -> None:
    for _ in range(4):
        assert client.get("/sync/events", headers=bearer(uuid4())).status_code == 401
        assert client.get(f"/sync/events?session={uuid4()}", headers=bearer(MEMBER)).status_code == 404
    with following(client, MEMBER) as follower:
        follower.next("state")


def forged() -> dict[str, dict[str, str]]:
    unsigned = jwt.encode({"sub": str(MEMBER), "exp": time.time() + 60}, "", "none")
    return {
        "nothing": {},
        "no bearer": {"authorization": f"Basic {token(MEMBER)}"},
        "another key": {"authorization": f"Bearer {token(MEMBER, b'x' * 64)}"},
        "another algorithm": {"authorization": f"Bearer {token(MEMBER, SECRET, 'HS512')}"},
        "the other kind of algorithm": {"authorization": f"Bearer {token(MEMBER, KEY, 'RS256')}"},
        "unsigned": {"authorization": f"Bearer {unsigned}"},
        "expired": bearer(MEMBER, exp=time.time() - 60),
        "without an end": bearer(MEMBER, exp=None),
        "no user": bearer("x' or true"),
        "in the address": {},
    }


@pytest.mark.parametrize("name", list(forged()))
def test_whoever_is_nobody_follows_nothing(name: str, client: httpx.Client) -> None:
    query = f"?access_token={token(MEMBER)}" if name == "in the address" else ""
    refusal = client.get(f"/sync/events{query}", headers=forged()[name])
    assert refusal.status_code == 401
    assert refusal.headers["www-authenticate"].startswith("Bearer")
    assert refusal.headers["content-type"] == "application/problem+json"


def test_a_browser_is_known_by_the_cookie_of_its_own_page_only(client: httpx.Client) -> None:
    cookie = {"cookie": f"syncwell={token(MEMBER)}"}

    def status(**headers: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        with client.stream("GET", "/sync/events", headers=cookie | sent) as answer:
            return answer.status_code

    assert status(sec_fetch_site="same-origin") == 200
    assert status(sec_fetch_site="cross-site") == 401
    assert status(sec_fetch_site="same-site", sec_fetch_mode="cors") == 401
    assert status(origin="https://evil.example") == 401


def test_a_stream_ends_with_its_token(client: httpx.Client) -> None:
    with following(client, MEMBER, exp=time.time() + 2) as follower:
        follower.next("state")
        wait_until("its end", follower.ended.is_set)


def test_a_stream_does_not_last_for_ever(database: Database) -> None:
    with (
        serving(configured(database.uri("gateway"), events_seconds=1)) as client,
        following(client, MEMBER) as follower,
    ):
        follower.next("state")
        wait_until("its end", follower.ended.is_set)


@pytest.mark.parametrize(
    "change",
    [
        "update syncwell.users set role = 'member' where user_id = test.id('a_admin')",
        "delete from syncwell.logins where user_id = test.id('a_admin');"
        " delete from syncwell.users where user_id = test.id('a_admin')",
        "select syncwell.unbind_login('gateway')",
    ],
)
def test_whoever_may_see_less_is_let_go(
    change: str, client: httpx.Client, admin: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubs, "_CHECK", 0.1)
    with following(client, ADMIN) as one, following(client, MEMBER) as other:
        one.next("state")
        other.next("state")
        admin.execute(change.encode())
        wait_until("its end", one.ended.is_set)
        if "unbind" in change:
            wait_until("the other's end", other.ended.is_set)
        else:
            assert not other.ended.is_set()


def test_a_database_that_is_away_is_a_503(database: Database) -> None:
    config = configured(database.uri("gateway"), pool_timeout=0.5, listen_dsn="host=/nonexistent connect_timeout=1")
    with serving(config) as client:
        refusal = client.get("/sync/events", headers=bearer(MEMBER))
        assert refusal.status_code == 503
        assert int(refusal.headers["retry-after"]) > 0
        assert client.get("/readyz").status_code == 200


def test_pages_of_known_origins_may_follow(database: Database) -> None:
    config = configured(database.uri("gateway"), cors_origins=("https://app.example",))
    asked = {"access-control-request-method": "GET", "access-control-request-headers": "authorization,cache-control"}
    with serving(config) as client:
        good = client.options("/sync/events", headers=asked | {"origin": "https://app.example"})
        assert good.status_code == 200
        assert good.headers["access-control-allow-origin"] == "https://app.example"
        assert "access-control-allow-credentials" not in good.headers
        assert {"authorization", "cache-control", "last-event-id"} <= {
            name.strip().lower() for name in good.headers["access-control-allow-headers"].split(",")
        }
        assert client.options("/sync/events", headers=asked | {"origin": "https://evil.example"}).status_code == 400
        with client.stream("GET", "/sync/events", headers=bearer(MEMBER) | {"origin": "https://app.example"}) as answer:
            assert answer.headers["access-control-allow-origin"] == "https://app.example"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_streams_end_when_the_server_is_told_to_stop(number: signal.Signals, database: Database) -> None:
    """Long before the time that requests have to end in."""
    import httpx

    with (
        served(database, "--stop-seconds", "60", "--events-max", "7") as (process, url),
        httpx.Client(base_url=url, trust_env=False) as client,
        following(client, MEMBER) as follower,
    ):
        follower.next("state")
        process.send_signal(number)
        wait_until("the stream to end", follower.ended.is_set)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_one_that_is_killed_takes_no_listener_along(database: Database, admin: psycopg.Connection[Any]) -> None:
    import httpx

    def sessions() -> Any:
        return admin.execute(
            "select count(*) from pg_stat_activity where datname = current_database() and usename = 'gateway'"
        ).fetchone()

    with (
        served(database) as (process, url),
        httpx.Client(base_url=url, trust_env=False) as client,
        following(client, MEMBER) as follower,
    ):
        follower.next("state")
        process.kill()
        wait_until("its sessions to end", lambda: sessions() == (0,))
