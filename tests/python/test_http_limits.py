"""How often an org may ask: counted in the database, by all servers together, apart from what is then done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from harness import Tenants
from harness.serving import SECRET, bearer, configured, serving, synced
from syncwell.http import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    import psycopg

    from harness import Database

MEMBER, OTHER, FOREIGN = (Tenants.id(name) for name in ("a_member", "a_other", "b_member"))


@pytest.fixture
def admin(database: Database) -> psycopg.Connection[Any]:
    synced(database)
    connection = database.connect(autocommit=True)
    connection.execute("select syncwell.set_setting('http.burst', '2', p_org_id => test.org('a'))")
    connection.execute("select syncwell.set_setting('http.rate', '0.001', p_org_id => test.org('a'))")
    return connection


@pytest.fixture
def client(admin: psycopg.Connection[Any], database: Database) -> Iterator[httpx.Client]:
    del admin
    with serving(configured(database.uri("gateway"))) as made:
        yield made


def pull(client: httpx.Client, user: object) -> httpx.Response:
    return client.post("/sync/pull", json={"lastPulledAt": None}, headers=bearer(str(user)))


def push(client: httpx.Client, user: object, cursor: Any = 1) -> httpx.Response:
    return client.post("/sync/push", json={"changes": {}, "lastPulledAt": cursor}, headers=bearer(str(user)))


def buckets(admin: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return admin.execute(
        "select org_id, bucket, floor(tokens)::integer from syncwell.rate_limits order by bucket"
    ).fetchall()


def test_users_of_an_org_share_what_it_may_ask_and_other_orgs_do_not(
    client: httpx.Client, admin: psycopg.Connection[Any]
) -> None:
    assert [pull(client, user).status_code for user in (MEMBER, OTHER, FOREIGN)] == [200] * 3
    refused = pull(client, MEMBER)
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert 0 < int(refused.headers["retry-after"]) <= 1000
    assert refused.json()["detail"] == "Your organisation asks more often than it may."
    # pushes are counted apart, and nobody else waits
    assert push(client, MEMBER).status_code != 429
    assert pull(client, FOREIGN).status_code == 200
    assert [row[1:] for row in buckets(admin) if row[0] == Tenants.org("a")] == [("http.pull", 0), ("http.push", 1)]


def test_servers_count_together(client: httpx.Client, database: Database) -> None:
    with serving(configured(database.uri("gateway"))) as other:
        assert [pull(asked, MEMBER).status_code for asked in (client, other, client, other)] == [200, 200, 429, 429]


def test_a_push_that_is_refused_has_been_counted(client: httpx.Client, admin: psycopg.Connection[Any]) -> None:
    """Its failure takes back what it did, and not that it was asked."""
    assert push(client, MEMBER, 5).status_code == 409
    assert [row[1:] for row in buckets(admin)] == [("http.push", 1)]


def test_what_cannot_be_read_and_whoever_is_unknown_takes_nothing(
    client: httpx.Client, admin: psycopg.Connection[Any]
) -> None:
    assert client.post("/sync/push", content=b"{", headers=bearer(str(MEMBER))).status_code == 400
    assert pull(client, uuid4()).status_code == 401
    assert buckets(admin) == []


def test_whoever_holds_the_count_makes_nobody_wait_for_long(
    client: httpx.Client, admin: psycopg.Connection[Any], database: Database
) -> None:
    assert pull(client, MEMBER).status_code == 200
    holder = database.connect()
    holder.execute("select from syncwell.rate_limits for update")
    refused = pull(client, MEMBER)
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    assert refused.json()["detail"] == "The server is busy with other requests of your organisation."
    assert pull(client, FOREIGN).status_code == 200
    holder.rollback()
    assert pull(client, MEMBER).status_code == 200
    assert [row[2] for row in buckets(admin) if row[0] == Tenants.org("a")] == [0]


def test_it_can_be_switched_off(admin: psycopg.Connection[Any], database: Database) -> None:
    with serving(configured(database.uri("gateway"), org_limits=False)) as client:
        assert [pull(client, MEMBER).status_code for _ in range(4)] == [200] * 4
    assert buckets(admin) == []


def test_it_is_on_unless_somebody_says_otherwise() -> None:
    told = {"SYNCWELL_JWT_SECRET": SECRET.decode()}
    assert Config.from_environment(told).org_limits is True
    assert Config.from_environment({**told, "SYNCWELL_ORG_LIMITS": "off"}).org_limits is False
    assert Config.from_environment(told, org_limits=False).org_limits is False


def test_the_defaults_are_what_the_documentation_says(admin: psycopg.Connection[Any]) -> None:
    assert admin.execute(
        "select key, default_value from syncwell.setting_definitions where key like 'http.%' order by key"
    ).fetchall() == [("http.burst", "2000"), ("http.rate", "500")]
