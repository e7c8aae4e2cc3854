"""POST /sync/preview: what a push or an integration's run would change; asked again it says the same, and once."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import Tenants
from harness.serving import bearer, configured, serving, synced
from syncwell.http.previews import Comparison, preview_of
from syncwell.http.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from harness import Database

MEMBER, OTHER, FOREIGN = (Tenants.id(name) for name in ("a_member", "a_other", "b_member"))
BEFORE = [{"id": 1, "name": "same"}, {"id": 2, "name": "old"}, {"id": 3, "name": "gone"}]
AFTER = [{"id": 1, "name": "same"}, {"id": 2, "name": "ä"}, {"id": 4, "name": "new"}]
DELTA = {
    "new": [AFTER[2]],
    "updated": [{"id": 2, "old_data": BEFORE[1], "new_data": AFTER[1]}],
    "deleted": [BEFORE[2]],
    "statistics": {
        "new_count": 1,
        "updated_count": 1,
        "deleted_count": 1,
        "total_affected": 3,
        "unchanged_count": 1,
    },
}


@pytest.fixture
def client(database: Database) -> Iterator[httpx.Client]:
    synced(database)
    with serving(configured(database.uri("gateway"))) as made:
        yield made


def ask(client: httpx.Client, user: object = MEMBER, **body: Any) -> httpx.Response:
    return client.post("/sync/preview", json=body, headers=bearer(str(user)))


def compare(client: httpx.Client, user: object = MEMBER, **more: Any) -> dict[str, Any]:
    answer = ask(client, user, current=BEFORE, incoming=AFTER, **more)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    document: dict[str, Any] = answer.json()
    return document


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    return document


def count(database: Database, query: str) -> Any:
    with psycopg.connect(database.uri()) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_records_are_compared_once_and_kept(client: httpx.Client, database: Database) -> None:
    first = compare(client, syncType="woocommerce", syncId="s1", ttl=90)
    assert first["delta"] == DELTA
    assert first["fromCache"] is False
    assert first["cacheKey"].startswith("woocommerce=")
    again = compare(client, syncType="woocommerce")
    assert again == {**first, "fromCache": True}
    # it is its org's: every member gets it, and no other org
    assert compare(client, OTHER, syncType="woocommerce") == again
    theirs = compare(client, FOREIGN, syncType="woocommerce")
    assert theirs["fromCache"] is False
    assert theirs["previewId"] != first["previewId"]
    assert compare(client)["cacheKey"].startswith("custom=")
    with psycopg.connect(database.uri()) as connection:
        row = connection.execute(
            "select sync_id, computed_by, expires_at - computed_at from syncwell.sync_preview_cache where id = %s",
            [first["previewId"]],
        ).fetchone()
    assert row == ("s1", MEMBER, timedelta(seconds=90))
    assert count(database, "select count(*) from syncwell.sync_activity_log where action = 'preview_delta'") == 3


def test_what_is_sent_decides_and_nothing_else(client: httpx.Client) -> None:
    """A member can not make others take its records for theirs."""
    honest = compare(client)
    for other in (
        {"current": BEFORE, "incoming": [], "params": {"page": 1}, "cacheKey": honest["cacheKey"]},
        {"current": AFTER, "incoming": BEFORE},
        {"current": BEFORE, "incoming": AFTER, "key": "name"},
    ):
        assert ask(client, **other).json()["cacheKey"] != honest["cacheKey"]
    assert compare(client, OTHER) == {**honest, "fromCache": True}


def test_callers_at_once_share_one_computation(client: httpx.Client, database: Database) -> None:
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: compare(client), range(12)))
    assert len({answer["previewId"] for answer in answers}) == 1
    assert [answer["fromCache"] for answer in answers].count(False) == 1
    assert count(database, "select count(*) from syncwell.sync_activity_log where action = 'preview_delta'") == 1


def test_a_push_is_previewed_as_it_would_be_answered(client: httpx.Client, database: Database) -> None:
    cursor = client.post("/sync/pull", json={"deviceId": "phone"}, headers=bearer(MEMBER)).json()["timestamp"]
    push = {"changes": {"todos": {"created": [{"id": "a", "title": "1"}], "updated": [], "deleted": []}}}
    body = {**push, "lastPulledAt": cursor, "deviceId": "phone"}
    previews = [ask(client, **body) for _ in range(2)]
    assert [answer.status_code for answer in previews] == [200, 200]
    assert count(database, "select count(*) from public.todos") == 0
    pushed = client.post("/sync/push", json=body, headers=bearer(MEMBER))
    assert pushed.json()["stats"] == {"created": 1, "updated": 0, "deleted": 0}
    assert [answer.json() for answer in previews] == [pushed.json()] * 2
    # a refusal is the push's as well
    refusal = problem(ask(client, **{**body, "lastPulledAt": 2**53}), 409)
    assert refusal == client.post("/sync/push", json={**body, "lastPulledAt": 2**53}, headers=bearer(MEMBER)).json()
    assert refusal["code"] == "40001"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"current": {}, "incoming": []}, 422, "SW701"),
        ({"current": [], "incoming": [1]}, 422, "SW701"),
        ({"current": None, "incoming": []}, 422, "SW701"),
        ({"current": [], "incoming": [{"id": 1}, {"id": 1}]}, 422, "SW702"),
        ({"current": [], "incoming": [], "syncType": "magento"}, 422, "SW706"),
        ({"current": [], "incoming": [], "syncId": "x" * 201}, 400, "22001"),
        ({"current": []}, 400, None),
        ({"incoming": []}, 400, None),
        ({}, 400, None),
        ([], 400, None),
        ({"changes": {}, "current": [], "incoming": []}, 400, None),
        ({"changes": []}, 400, None),
        ({"current": [], "incoming": [], "ttl": 0}, 400, None),
        ({"current": [], "incoming": [], "ttl": 1e9}, 400, None),
        ({"current": [], "incoming": [], "key": None}, 400, None),
        ({"current": [], "incoming": [], "key": "a\0"}, 400, None),
    ],
)
def test_what_is_refused_says_why_and_leaves_nothing(
    client: httpx.Client, database: Database, body: Any, status: int, code: str | None
) -> None:
    answer = client.post("/sync/preview", json=body, headers=bearer(MEMBER))
    assert problem(answer, status).get("code") == code
    assert count(database, "select count(*) from syncwell.sync_preview_cache") == 0


def test_what_no_text_can_hold_is_mended_and_the_rest_is_refused_by_who_reads_it(client: httpx.Client) -> None:
    def sent(incoming: str) -> httpx.Response:
        return client.post("/sync/preview", content=f'{{"current":[],"incoming":{incoming}}}', headers=bearer(MEMBER))

    whole = r'[{"id":"\\u0000","a":"\u0000","b":"\ud83d","c":"\ud83d\ude00","d":"\\\u0000","e":"\ude00\ud83d"}]'
    answer = sent(whole)
    assert answer.status_code == 200, answer.text
    assert answer.json()["delta"]["new"] == [
        {"id": "\\u0000", "a": "\ufffd", "b": "\ufffd", "c": "\U0001f600", "d": "\\\ufffd", "e": "\ufffd\ufffd"}
    ]
    for broken in ('[{"id":tru}]', '[{"id":1}', '[{"id":"\x01"}]', '[{"id":1e999999}]', "[" * 20_000 + "]" * 20_000):
        assert 400 <= sent(broken).status_code < 500, broken[:20]


def test_bodies_are_limited_and_may_be_compressed(client: httpx.Client, database: Database) -> None:
    body = gzip.compress(json.dumps({"current": BEFORE, "incoming": AFTER}).encode())
    answer = client.post("/sync/preview", content=body, headers={**bearer(MEMBER), "content-encoding": "gzip"})
    assert answer.json()["delta"] == DELTA
    with serving(configured(database.uri("gateway"), max_body=1024)) as small:
        large = [{"id": n, "x": "x" * 100} for n in range(20)]
        assert "1024 bytes" in problem(ask(small, current=[], incoming=large), 413)["detail"]
    with psycopg.connect(database.uri()) as connection:
        connection.execute("select syncwell.set_setting('preview.max_bytes', '1024')")
    assert problem(ask(client, current=[], incoming=large), 413)["code"] == "SW703"


def test_nobody_gets_a_challenge_and_an_org_its_limit(client: httpx.Client, database: Database) -> None:
    problem(client.post("/sync/preview", json={}), 401)
    problem(ask(client, Tenants.id("nobody"), current=[], incoming=[]), 401)
    assert client.get("/sync/preview", headers=bearer(MEMBER)).status_code == 405
    with psycopg.connect(database.uri()) as connection:
        connection.execute("select syncwell.set_setting('http.burst', '2', 'http.preview')")
        connection.execute("select syncwell.set_setting('http.rate', '0.001', 'http.preview')")
    assert [ask(client, current=[], incoming=[]).status_code for _ in range(3)] == [200, 200, 429]
    # what can not be done is not counted
    problem(ask(client, FOREIGN, current=[]), 400)
    assert ask(client, FOREIGN, current=[], incoming=[]).status_code == 200


def test_a_body_is_read_without_a_database() -> None:
    assert preview_of(b'{"current": [ ], "incoming": [{"n":1.50}], "key": "n", "ttl": 1.5}') == Comparison(
        current="[ ]",
        incoming='[{"n":1.50}]',
        key="n",
        sync_type="custom",
        sync_id=None,
        ttl=timedelta(seconds=1.5),
    )
    assert preview_of(b'{"changes": {"t": {}}, "lastPulledAt": 5}') == {
        "changes": '{"t": {}}',
        "last_pulled_at": 5,
        "device_id": None,
        "request_id": None,
        "client": None,
    }
    with pytest.raises(Problem):
        preview_of(b"\xff")
