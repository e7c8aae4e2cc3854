"""Who connects and asks nothing keeps no place: anybody can do that, and as often as there are places."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from harness import Tenants
from harness.eventing import following
from harness.serving import bearer, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Cluster

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def url(cluster: Cluster) -> Iterator[str]:
    with cluster.database() as database, served(database, SYNCWELL_BODY_TIMEOUT="0.5") as (_, url):
        yield url


def connected(url: str) -> socket.socket:
    place = urlsplit(url)
    return socket.create_connection((place.hostname, place.port), timeout=20)


@pytest.mark.parametrize("sent", [b"", b"G", HEAD, HEAD + b"\r\n" + HEAD, HEAD + b"\r\n\r\n"])
def test_whoever_asks_nothing_or_half_of_it_is_let_go(url: str, sent: bytes) -> None:
    with connected(url) as asker:
        asker.sendall(sent)
        answer = b""
        while part := asker.recv(4096):
            answer += part
    assert answer.count(b"HTTP/1.1 200") == sent.count(b"\r\n\r\n")


def test_a_head_that_comes_by_drops_is_let_go_too(url: str) -> None:
    """Each byte is a sign of life, and none of them counts."""
    with connected(url) as asker:
        asker.sendall(HEAD)
        asker.settimeout(0.05)
        drops = 0
        while True:
            try:
                assert asker.recv(1) == b""
                break
            except TimeoutError:
                asker.send(b"x")
                drops += 1
                assert drops < 400
            except ConnectionError:
                break


def test_whoever_is_answered_stays(url: str) -> None:
    member = Tenants.id("a_member")
    with httpx.Client(base_url=url, timeout=30) as client, following(client, member, "?topics=progress") as follower:
        follower.next("state")
        assert not follower.ended.wait(1.5)
        assert client.get("/healthz", headers=bearer(member)).status_code == 200
