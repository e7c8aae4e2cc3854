"""Pull and push over HTTP: what goes in and comes out is what the database says, for the user of the token only."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from harness import Tenants
from harness.serving import bearer, configured, serving, synced
from syncwell.http import app

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from harness import Database

MEMBER, OTHER, FOREIGN = (Tenants.id(name) for name in ("a_member", "a_other", "b_member"))


@pytest.fixture
def client(database: Database) -> Iterator[httpx.Client]:
    synced(database)
    with serving(configured(database.uri("gateway"))) as made:
        yield made


def pull(client: httpx.Client, cursor: int | None, user: object = MEMBER, /, **more: Any) -> dict[str, Any]:
    answer = client.post("/sync/pull", json={"lastPulledAt": cursor, **more}, headers=bearer(str(user)))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    document: dict[str, Any] = answer.json()
    return document


def push(client: httpx.Client, cursor: int | None, changes: Any, user: object = MEMBER, **more: Any) -> httpx.Response:
    body = {"changes": changes, "lastPulledAt": cursor, **more}
    return client.post("/sync/push", json=body, headers=bearer(str(user)))


def created(*records: dict[str, Any]) -> dict[str, Any]:
    return {"todos": {"created": list(records), "updated": [], "deleted": []}}


def stored(database: Database) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.uri()) as connection:
        return connection.execute("select id, user_id, title from public.todos order by id").fetchall()


def test_what_one_device_pushes_the_other_pulls(client: httpx.Client, database: Database) -> None:
    first = pull(client, None, deviceId="one")
    assert first["changes"] == {"todos": {"created": [], "updated": [], "deleted": []}}
    second = pull(client, None, deviceId="two")

    answer = push(client, first["timestamp"], created({"id": "a", "title": "ä\n", "done": False}), deviceId="one")
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    assert answer.json()["stats"] == {"created": 1, "updated": 0, "deleted": 0}
    assert stored(database) == [("a", MEMBER, "ä\n")]

    delta = pull(client, second["timestamp"], deviceId="two")
    assert delta["changes"]["todos"]["created"] == [{"id": "a", "title": "ä\n", "done": False}]
    # from nothing, which is another way through the database
    everything = pull(client, None, deviceId="three")
    assert everything["changes"] == delta["changes"]
    assert pull(client, 0, deviceId="four")["changes"] == delta["changes"]
    # with a limit it is not streamed, and says the same
    assert pull(client, None, deviceId="five", limit=10)["changes"]["todos"]["created"] == [
        {"id": "a", "title": "ä\n", "done": False}
    ]
    # an idle one has nothing
    assert not pull(client, delta["timestamp"], deviceId="two")["changes"].get("todos", {}).get("created")


def test_a_cursor_is_of_use_to_its_user_only(client: httpx.Client, database: Database) -> None:
    mine = pull(client, None)
    assert push(client, mine["timestamp"], created({"id": "a", "title": "mine"})).status_code == 200
    mine = pull(client, mine["timestamp"])
    for other in (OTHER, FOREIGN):
        # unknown, like any number that was never given out: everything is sent, which is nothing
        answers = [pull(client, cursor, other) for cursor in (mine["timestamp"], 5, 2**53, 2**62, -1)]
        for answer in answers:
            assert answer["changes"] == {"todos": {"created": [], "updated": [], "deleted": []}}
            assert answer["experimentalStrategy"] == "replacement"
        refusal = push(client, mine["timestamp"], created({"id": "b"}), other)
        assert refusal.status_code == 409
        assert refusal.json()["code"] == "40001"
        assert refusal.json() == push(client, 2**53, created({"id": "b"}), other).json()
    assert stored(database) == [("a", MEMBER, "mine")]


def test_who_is_not_a_user_is_nobody_whoever_it_is_not(client: httpx.Client) -> None:
    answers = [
        client.post(path, json={"lastPulledAt": cursor, "changes": {}}, headers=bearer(user))
        for path, cursor in (("/sync/pull", None), ("/sync/pull", 7), ("/sync/push", 7))
        for user in (uuid4(), Tenants.id("nobody"), Tenants.org("a"))
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert {answer.headers["www-authenticate"] for answer in answers} == {
        'Bearer error="invalid_token", error_description="The token is not valid."'
    }


def test_a_refused_push_writes_nothing_but_that_it_was_refused(client: httpx.Client, database: Database) -> None:
    mine = pull(client, None, deviceId="one")
    assert push(client, mine["timestamp"], created({"id": "a", "title": "1"}), deviceId="one").status_code == 200
    with psycopg.connect(database.uri()) as connection:
        connection.execute("update public.todos set title = '2'")
    changes = {"todos": {"created": [{"id": "b"}], "updated": [{"id": "a", "title": "3"}], "deleted": []}}
    answer = push(client, mine["timestamp"], changes, deviceId="one")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["code"] == "SW304"
    assert document["type"] == "urn:syncwell:push_conflict"
    assert document["title"]
    assert document["hint"]
    assert stored(database) == [("a", MEMBER, "2")]
    with psycopg.connect(database.uri()) as connection:
        row = connection.execute(
            "select pushes, failures from syncwell.sync_devices where user_id = %s and device_id = 'one'", [MEMBER]
        ).fetchone()
    assert row == (1, 1)


def test_what_no_table_takes_is_put_aside_and_stops_nothing(client: httpx.Client, database: Database) -> None:
    cursor = pull(client, None)["timestamp"]
    # as text: these survive up to the database, which knows what to do with them
    records = '{"id":"a","title":"\\u0000 \\ud800"},{"id":"b","title":"fine"}'
    changes = f'{{"todos":{{"created":[{records}],"updated":[],"deleted":[]}}}}'
    body = f'{{"changes":{changes},"lastPulledAt":{cursor}}}'
    answer = client.post("/sync/push", content=body, headers=bearer(MEMBER))
    assert answer.status_code == 200, answer.text
    assert ("b", MEMBER, "fine") in stored(database)


def test_what_is_no_json_is_refused_by_who_reads_it(client: httpx.Client) -> None:
    cursor = pull(client, None)["timestamp"]
    for changes in ('{"todos":{"created":[{"id":tru}]}}', '{"a" "b"}', '{"a":[}]}', '{"a":"\x01"}', '{"a":"\\x"}'):
        body = f'{{"changes":{changes},"lastPulledAt":{cursor}}}'
        answer = client.post("/sync/push", content=body, headers=bearer(MEMBER))
        assert answer.status_code == 400, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


HOSTILE: list[Any] = [
    {"nowhere": {"created": [{"id": "a"}], "updated": [], "deleted": []}},
    {"__proto__": {"created": [{"id": "a"}]}, "constructor": {}},
    {"pg_catalog.pg_class": {"created": [], "updated": [], "deleted": ["1"]}},
    {"todos": {"created": [{"id": "x'; drop table todos; --", "title": "'"}]}},
    {"todos": {"created": [{"id": "a", "user_id": str(OTHER), "_status": "created", "_changed": ""}]}},
    {"todos": {"created": [{"id": "a", "title": {"a": [1]}, "done": "perhaps"}, {"id": "a"}, {}, {"id": 5}]}},
    {"todos": {"created": [1, None, "a", []], "updated": [{}], "deleted": [5, None, {}]}},
    {"todos": {"created": {}, "updated": "a", "deleted": None}},
    {"todos": [], "x": None, "y": 5},
    {"todos": None},
]


def test_hostile_changes_hurt_nobody(client: httpx.Client, database: Database) -> None:
    with psycopg.connect(database.uri()) as connection:
        connection.execute("insert into public.todos (id, user_id, title) values ('kept', %s, 'kept')", [OTHER])
    for changes in HOSTILE:
        cursor = pull(client, None)["timestamp"]
        answer = push(client, cursor, changes)
        assert answer.status_code < 500, (changes, answer.text)
        assert all(row[1] == MEMBER or row == ("kept", OTHER, "kept") for row in stored(database))
        assert "changes" in pull(client, cursor)


def test_bodies_and_answers_may_be_compressed(client: httpx.Client, database: Database) -> None:
    with psycopg.connect(database.uri()) as connection:
        connection.execute(
            "insert into public.todos select i::text, %s, repeat('text ', 20) from generate_series(1, 5000) as i",
            [MEMBER],
        )
    packed = {**bearer(MEMBER), "content-encoding": "gzip"}
    answers = []
    for accepted in ("gzip", "identity", "gzip;q=0", "br, *;q=0.5"):
        body = gzip.compress(json.dumps({"lastPulledAt": None, "deviceId": accepted[:4]}).encode())
        answer = client.post("/sync/pull", content=body, headers={**packed, "accept-encoding": accepted})
        assert answer.status_code == 200
        assert answer.headers.get("content-encoding") == ("gzip" if accepted in ("gzip", "br, *;q=0.5") else None)
        assert answer.headers["vary"] == "accept-encoding"
        answers.append(answer.json())
    assert len(answers[0]["changes"]["todos"]["created"]) == 5000
    assert all(answer["changes"] == answers[0]["changes"] for answer in answers)

    cursor = answers[0]["timestamp"]
    changes = {"todos": {"created": [], "updated": [], "deleted": [str(i) for i in range(1, 5001)]}}
    body = gzip.compress(json.dumps({"changes": changes, "lastPulledAt": cursor, "deviceId": "gzip"}).encode())
    assert client.post("/sync/push", content=body, headers=packed).status_code == 200
    assert stored(database) == []
    # not streamed, and compressed too
    cursor = answers[1]["timestamp"]
    answer = client.post(
        "/sync/pull",
        json={"lastPulledAt": cursor, "deviceId": "iden"},
        headers={**bearer(MEMBER), "accept-encoding": "gzip"},
    )
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()["changes"]["todos"]["deleted"]) == 5000


def test_what_is_too_large_at_once_is_streamed(client: httpx.Client, database: Database) -> None:
    cursor = pull(client, None)["timestamp"]
    with psycopg.connect(database.uri()) as connection:
        connection.execute(
            "insert into public.todos select i::text, %s, repeat('text ', 20) from generate_series(1, 5000) as i",
            [MEMBER],
        )
        connection.execute("select syncwell.set_setting('delta.max_bytes', '1024')")
    with psycopg.connect(database.uri("a_member")) as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute("select syncwell.sync_pull(%s)", [cursor])
    assert caught.value.sqlstate == "SW303"
    assert len(pull(client, cursor)["changes"]["todos"]["created"]) == 5000


def test_what_a_pull_may_not_name_is_a_problem(client: httpx.Client) -> None:
    for cursor in (None, 7):
        answer = client.post("/sync/pull", json={"lastPulledAt": cursor, "tables": ["nope"]}, headers=bearer(MEMBER))
        assert answer.status_code == 404
        assert answer.json()["code"] == "SW301"
        assert answer.json()["type"] == "urn:syncwell:unknown_synced_table"


def test_a_device_is_known_by_what_it_says(client: httpx.Client, database: Database) -> None:
    pull(
        client,
        None,
        deviceId="phone",
        schemaVersion=3,
        client={"platform": "ios", "appVersion": "1.2", "networkType": 5},
    )
    with psycopg.connect(database.uri("a_member")) as connection:
        row = connection.execute(
            "select device_id, platform, app_version, network_type, schema_version from syncwell.get_sync_clients()"
        ).fetchone()
    assert row == ("phone", "ios", "1.2", None, 3)


def test_it_can_be_mounted_in_another_application(database: Database) -> None:
    synced(database)
    inner = app(configured(database.uri("gateway")))
    outer = Starlette(routes=[Mount("/api", inner)], lifespan=lambda _: inner.router.lifespan_context(inner))
    with serving(configured(database.uri("gateway")), outer) as client:
        assert client.get("/api/readyz").json() == {"status": "ready"}
        answer = client.post("/api/sync/pull", json={}, headers=bearer(MEMBER))
        assert answer.json()["changes"]["todos"]
        answer = client.get("/api/sync/pull")
        assert answer.status_code == 405
        assert answer.headers["content-type"] == "application/problem+json"
