"""Batches over HTTP: stored once for the user of the token, whatever is lost, repeated or broken on the way."""

from __future__ import annotations

import gzip
import itertools
import json
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from harness import Tenants
from harness.serving import bearer, configured, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Database

MEMBER, OTHER, FOREIGN = (Tenants.id(name) for name in ("a_member", "a_other", "b_member"))
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
# what is left when all that tells of the way it came is taken away
TABLES = {
    "data_events": "- array['id', 'stream_id', 'session_id', 'received_at']",
    "session_records": "- array['received_at', 'settled']",
    "sync_sessions": "- array['created_at', 'updated_at', 'last_sync_at', 'sync_attempts', 'device_id']",
    "session_counts": "- array['first_received_at', 'last_received_at', 'late_records']",
    "local_ids": "- array['created_at', 'device_id', 'server_id']",
    "event_hours": "- array['stream_id']",
}


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


@pytest.fixture
def client(database: Database) -> Iterator[httpx.Client]:
    with serving(configured(database.uri("gateway"), org_limits=False)) as made:
        yield made


def send(client: httpx.Client, user: object = MEMBER, /, **body: Any) -> httpx.Response:
    return client.post("/sync/batch", json=body, headers=bearer(str(user)))


def told(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    document: dict[str, Any] = answer.json()
    return document


def problem(answer: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document.get("code") == code
    return document


def reading(second: float, **more: Any) -> dict[str, Any]:
    return {"occurred_at": at(second), "spo2": 90 + second % 10, "heart_rate": 60 + second % 40, **more}


def ask(database: Database, statement: str, *parameters: Any) -> list[Any]:
    with psycopg.connect(database.uri()) as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


def stored(database: Database) -> dict[str, list[str]]:
    """Every table as it would be however its rows came."""
    return {
        table: [
            row for (row,) in ask(database, f"select (to_jsonb(t) {less})::text from syncwell.{table} as t order by 1")
        ]
        for table, less in TABLES.items()
    }


def test_readings_are_synced_and_a_resend_says_so(client: httpx.Client, database: Database) -> None:
    rows = [reading(second) for second in range(10)]
    first = told(send(client, type="readings", data=rows, sessionId="IHHT_1", deviceId="phone"))
    session = first.pop("sessionId")
    assert first == {
        "synced": True, "status": "synced", "received": 10, "inserted": 10, "duplicates": 0, "updated": 0,
        "rejected": 0, "rejections": [], "rejectedByReason": {},
    }  # fmt: skip
    again = told(send(client, type="readings", data=rows, sessionId="IHHT_1"))
    assert (again["synced"], again["status"], again["sessionId"]) == (True, "already_synced", session)
    assert (again["inserted"], again["duplicates"]) == (0, 10)
    # one alone, by the id of the server
    more = told(send(client, type="reading", data=reading(10), sessionId=session))
    assert (more["status"], more["sessionId"]) == ("synced", session)
    assert ask(database, "select user_id, count(*) from syncwell.session_records group by 1") == [(MEMBER, 11)]


def test_a_whole_session_and_its_end(client: httpx.Client, database: Database) -> None:
    document = {
        "local_id": "IHHT_1", "started_at": at(0), "data_source": "bluetooth",
        "expected": {"reading": 4, "survey_post": 1}, "readings": [reading(second) for second in range(3)],
        "survey_pre": {"occurred_at": at(0), "mood": 4},
    }  # fmt: skip
    first = told(send(client, type="session", data=document, deviceId="phone", client={"platform": "ios"}))
    assert (first["synced"], first["status"], first["sessionStatus"]) == (True, "synced", "active")
    again = told(send(client, type="session", data=document, sessionId="IHHT_1"))
    assert (again["synced"], again["status"], again["sessionId"]) == (True, "already_synced", first["sessionId"])

    end = told(send(client, type="complete", sessionId="IHHT_1", data={"ended_at": at(600)}))
    assert (end["synced"], end["status"], end["complete"]) == (False, "partial", False)
    assert end["missing"] == {"reading": {"expected": 4, "stored": 3}, "survey_post": {"expected": 1, "stored": 0}}
    told(send(client, type="reading", data=reading(3), sessionId="IHHT_1"))
    told(send(client, type="survey_post", data={"occurred_at": at(590), "mood": 5}, sessionId="IHHT_1"))
    end = told(send(client, type="complete", sessionId="IHHT_1"))
    assert (end["synced"], end["status"], end["missing"]) == (True, "synced", {})
    assert end["safelyStored"] == ["IHHT_1"]
    assert datetime.fromisoformat(end["keepUntil"]) > datetime.now(UTC) + timedelta(days=29)
    assert ask(
        database, "select user_id, status, sync_status, platform, ended_at = %s from syncwell.sync_sessions", at(600)
    ) == [(MEMBER, "completed", "completed", "ios", True)]


def test_events_of_a_source(client: httpx.Client, database: Database) -> None:
    rows = [{"external_id": f"c{n}", "occurred_at": at(n), "payload": {"n": n}} for n in range(5)]
    assert told(send(client, type="events", source="calls", data=rows))["status"] == "synced"
    assert told(send(client, type="events", source="calls", data=rows))["status"] == "already_synced"
    corrected = {"external_id": "c1", "occurred_at": at(1), "payload": {"n": 7}}
    answer = told(send(client, type="event", source="calls", data=corrected))
    assert (answer["status"], answer["updated"]) == ("synced", 1)
    (found,) = ask(
        database,
        "select source, user_id, count(*), max((payload ->> 'n')::integer) from syncwell.data_events group by 1, 2",
    )
    assert found == ("calls", MEMBER, 5, 7)


def test_rows_that_are_not_taken_are_named(client: httpx.Client, database: Database) -> None:
    rows = [reading(0), {"spo2": 95}, reading(1), 5, reading(2, spo2=101), {"occurred_at": "yesterday", "spo2": 95}]
    answer = told(send(client, type="readings", data=rows, sessionId="IHHT_1"))
    assert (answer["synced"], answer["status"]) == (False, "partial")
    assert {(one["position"], one["reason"]) for one in answer["rejections"]} == {
        (1, "missing_time"), (3, "not_an_object"), (4, "bad_number"), (5, "bad_time"),
    }  # fmt: skip
    assert answer["rejectedByReason"] == {"missing_time": 1, "not_an_object": 1, "bad_number": 1, "bad_time": 1}
    assert (answer["inserted"], answer["rejected"]) == (2, 4)
    assert told(send(client, type="readings", data=rows[3:], sessionId="IHHT_1"))["status"] == "refused"

    # all or nothing
    strict = problem(
        send(client, type="readings", data=[reading(7), {"spo2": 95}], sessionId="IHHT_2", strict=True), 422, "SW502"
    )
    assert strict["type"] == "urn:syncwell:batch_refused"
    assert [(one["position"], one["reason"]) for one in strict["rejections"]] == [(1, "missing_time")]
    assert (strict["received"], strict["rejected"]) == (2, 1)
    document = {"local_id": "IHHT_3", "started_at": at(0), "readings": [reading(7), {"spo2": 95}]}
    refusal = problem(send(client, type="session", data=document), 422, "SW502")
    assert [(one["kind"], one["position"]) for one in refusal["rejections"]] == [("reading", 1)]
    assert ask(database, "select count(*) from syncwell.session_records") == [(2,)]
    # the refusal is remembered
    assert ask(
        database, "select sync_status, last_error_code from syncwell.sync_sessions where local_id = 'IHHT_3'"
    ) == [("failed", "SW502")]


def test_what_text_cannot_hold_stops_no_device(client: httpx.Client, database: Database) -> None:
    row = f'{{"occurred_at":"{at(0)}","spo2":95,"payload":{{"note":"\\u0000 \\ud800"}}}}'
    answer = client.post(
        "/sync/batch", content=f'{{"type":"reading","sessionId":"s","data":{row}}}', headers=bearer(MEMBER)
    )
    assert told(answer)["status"] == "synced"
    assert ask(database, "select payload ->> 'note' from syncwell.session_records") == [("\ufffd \ufffd",)]


def test_only_the_own_sessions_can_be_named(client: httpx.Client, database: Database) -> None:
    mine = told(send(client, type="readings", data=[reading(0)], sessionId="IHHT_1"))["sessionId"]
    # a name is the user's own: the same one is another session
    theirs = told(send(client, OTHER, type="readings", data=[reading(0)], sessionId="IHHT_1"))["sessionId"]
    assert theirs != mine
    for user in (OTHER, FOREIGN):
        refusals = [
            problem(send(client, user, type="complete", sessionId=str(session)), 404, "SW501")
            for session in (mine, uuid4())
        ]
        assert refusals[0]["type"] == "urn:syncwell:unknown_session"
        assert refusals[0]["title"] == refusals[1]["title"]
        told(send(client, user, type="readings", data=[reading(1)], sessionId=mine))
    # an id that is not the user's is a name like any other
    assert ask(database, "select count(*) from syncwell.session_records where session_id = %s", mine) == [(1,)]


def test_who_is_not_a_user_is_nobody(client: httpx.Client) -> None:
    for user in (uuid4(), Tenants.id("nobody"), Tenants.org("a")):
        answer = send(client, user, type="readings", data=[reading(0)], sessionId="s")
        problem(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_what_is_too_large_is_refused_by_rows_and_by_bytes(client: httpx.Client, database: Database) -> None:
    with psycopg.connect(database.uri()) as connection:
        connection.execute("select syncwell.set_setting('ingest.max_rows', '3')")
        connection.execute("select syncwell.set_setting('ingest.max_batch', '2048')")
    rows = [reading(second) for second in range(4)]
    assert problem(send(client, type="readings", data=rows, sessionId="s"), 413, "SW503")["hint"]
    large = [reading(0, payload={"x": "y" * 2048})]
    problem(send(client, type="readings", data=large, sessionId="s"), 413, "SW503")
    problem(send(client, type="session", data={"local_id": "s", "readings": rows}), 413, "SW503")
    assert told(send(client, type="readings", data=rows[:3], sessionId="s"))["status"] == "synced"
    # far above anything
    content = b'{"type":"reading","sessionId":"s","data":[' + b" " * (65 * 1024 * 1024)
    problem(client.post("/sync/batch", content=content, headers=bearer(MEMBER)), 413)


def test_bodies_and_answers_may_be_compressed(client: httpx.Client) -> None:
    rows = [reading(second, spo2=200) for second in range(300)]
    body = gzip.compress(json.dumps({"type": "readings", "sessionId": "s", "data": rows}).encode())
    for accepted in ("gzip", "identity"):
        answer = client.post(
            "/sync/batch",
            content=body,
            headers={**bearer(MEMBER), "content-encoding": "gzip", "accept-encoding": accepted},
        )
        assert told(answer)["status"] == "refused"
        assert answer.headers.get("content-encoding") == ("gzip" if accepted == "gzip" else None)
        # the first hundred are told one by one
        assert len(answer.json()["rejections"]) == 100
        assert answer.json()["rejectedByReason"] == {"bad_number": 300}


def test_an_org_may_send_only_so_much(database: Database) -> None:
    with psycopg.connect(database.uri()) as connection:
        connection.execute("select syncwell.set_setting('http.rate', '0.001', 'http.batch')")
        connection.execute("select syncwell.set_setting('http.burst', '2', 'http.batch')")
    with serving(configured(database.uri("gateway"))) as client:
        # what is no batch takes nothing
        problem(send(client, type="readings", data=5, sessionId="s"), 400)
        assert told(send(client, type="readings", data=[reading(0)], sessionId="s"))["synced"]
        assert told(send(client, OTHER, type="readings", data=[reading(0)], sessionId="s"))["synced"]
        answer = send(client, type="readings", data=[reading(1)], sessionId="s")
        problem(answer, 429)
        assert int(answer.headers["retry-after"]) > 0
        assert told(send(client, FOREIGN, type="readings", data=[reading(0)], sessionId="s"))["synced"]


class Device:
    """Has done everything offline, and sends it until it has the answers, which are mostly lost."""

    def __init__(self, client: httpx.Client, name: str, seed: int) -> None:
        self._client = client
        self._name = name
        self._chance = random.Random(seed)  # noqa: S311

    def send(self, **body: Any) -> None:
        """Without looking at the answer, unless it says that it is to be sent anew."""
        for _ in range(20):
            answer = send(self._client, deviceId=self._name, client={"platform": "android"}, **body)
            if answer.status_code != 409:
                break
        assert answer.status_code == 200, answer.text

    def slices(self, rows: list[Any]) -> list[list[Any]]:
        """In any order, cut anywhere, some of it twice."""
        mixed = [*rows, *self._chance.choices(rows, k=len(rows) // 3)]
        self._chance.shuffle(mixed)
        cuts = sorted({0, len(mixed), *self._chance.choices(range(len(mixed)), k=3)})
        return [mixed[low:high] for low, high in itertools.pairwise(cuts)]

    def everything(self, work: dict[str, Any]) -> None:
        """All of it once, in an order of its own."""
        calls: list[dict[str, Any]] = []
        for name, session in work["sessions"].items():
            calls.append({"type": "session", "data": session["document"]})
            calls += [
                {"type": kind, "sessionId": name, "data": rows}
                for kind, records in session["records"].items()
                for rows in self.slices(records)
            ]
        calls += [{"type": "events", "source": "calls", "data": rows} for rows in self.slices(work["events"])]
        self._chance.shuffle(calls)
        for call in calls:
            self.send(**call)


def offline_work() -> dict[str, Any]:
    """Two sessions with all kinds of records, and events; some of it written twice, and the later one counts."""
    written = [{"written_at": at(5000 + n)} for n in range(3)]
    sessions = {}
    for number, name in enumerate(("IHHT_1736300000_ab12", "IHHT_1736300900_cd34")):
        base = number * 900
        sessions[name] = {
            "document": {"local_id": name, "started_at": at(base), "data_source": "bluetooth", "status": "active"},
            "records": {
                "readings": [reading(base + second, **written[0]) for second in range(40)]
                + [reading(base + second, spo2=80, **written[1]) for second in range(0, 40, 7)],
                "survey_pre": [{"occurred_at": at(base), "payload": {"mood": 3}, **written[n]} for n in range(2)],
                "survey_inter": [{"occurred_at": at(base + n), "mood": n, **written[0]} for n in (100, 200)],
                "survey_post": [{"occurred_at": at(base + 600), "mood": 5, "local_id": f"post-{number}", **written[0]}],
                "progression": [{"occurred_at": at(base + n), "level": n, **written[0]} for n in range(5)],
                "adaptive_events": [{"occurred_at": at(base + n), "step": n, **written[0]} for n in range(3)],
            },
        }
    events = [{"external_id": f"c{n}", "occurred_at": at(n * 60), "payload": {"n": n}, **written[0]} for n in range(60)]
    events += [
        {"external_id": f"c{n}", "occurred_at": at(n * 60 + 7), "payload": {"n": -n}, **written[2]}
        for n in range(0, 60, 9)
    ]
    return {"sessions": sessions, "events": events}


def test_a_device_that_loses_every_answer_makes_the_same_tables(client: httpx.Client, database: Database) -> None:
    """Once is as good as ten times, in any order and slices; the other org's device does it in an orderly way."""
    work = offline_work()
    Device(client, "phone", 1).everything(work)
    once = stored(database)
    assert len(once["sync_sessions"]) == 2
    assert len(once["session_records"]) == 2 * (40 + 1 + 2 + 1 + 5 + 3)
    assert len(once["data_events"]) == 60
    for seed in range(2, 11):
        # another device of the user's has the same, after a reinstall
        Device(client, "phone" if seed % 2 else "tablet", seed).everything(work)
        assert stored(database) == once, f"round {seed}"
    for name in work["sessions"]:
        end = told(send(client, type="complete", sessionId=name, data={"expected": {"reading": 40, "survey_post": 1}}))
        assert (end["synced"], end["missing"]) == (True, {})
    assert told(send(client, type="events", source="calls", data=work["events"]))["status"] == "already_synced"


def test_devices_that_send_the_same_at_once_make_the_same_tables(client: httpx.Client, database: Database) -> None:
    work = offline_work()
    Device(client, "phone", 1).everything(work)
    once = stored(database)
    with psycopg.connect(database.uri()) as connection:
        # all but the names, which stand for the same ids for ever
        for table in {*TABLES, "data_event_keys"} - {"local_ids"}:
            connection.execute(f"delete from syncwell.{table}".encode())
    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(Device(client, f"device {seed}", seed).everything, work) for seed in range(6)]:
            done.result(60)
    assert stored(database) == once


def test_a_control_that_trusts_every_batch_doubles_it(database: Database) -> None:
    """What a table without keys makes of the same device."""
    with psycopg.connect(database.uri()) as connection:
        connection.execute("create table public.naive (body jsonb)")
        rows = offline_work()["events"]
        for seed in (1, 2):
            for part in Device(httpx.Client(), "phone", seed).slices(rows):
                connection.execute(
                    "insert into public.naive select value from jsonb_array_elements(%s)", [json.dumps(part)]
                )
        row = connection.execute("select count(*) from public.naive").fetchone()
    assert row is not None
    assert row[0] > 2 * len(rows)
