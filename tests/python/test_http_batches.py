"""What a batch over HTTP says, and what its client is told, without a database."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from syncwell.http.batches import batch_of
from syncwell.http.problems import Problem

ROW = '{"occurred_at":1767000000000,"spo2":97.0}'


class Asked:
    """Takes the place of `sw.ingest` and notes what it is asked for."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        async def call(**arguments: Any) -> str:
            self.calls.append((name, arguments))
            return "{}"

        return call


def sent(**body: Any) -> tuple[str, dict[str, Any]]:
    """What a request with this body asks the database for."""
    asked = Asked()
    asyncio.run(batch_of(json.dumps(body).encode()).send(asked))  # type: ignore[arg-type]
    (call,) = asked.calls
    return call


def refused(body: str) -> str:
    with pytest.raises(Problem) as caught:
        batch_of(body.encode())
    assert caught.value.status == 400
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "stored"),
    [
        ("reading", "reading"),
        ("readings", "reading"),
        ("survey_pre", "survey_pre"),
        ("survey_inter", "survey_inter"),
        ("survey_post", "survey_post"),
        ("progression", "progression"),
        ("adaptive_event", "adaptive_event"),
        ("adaptive_events", "adaptive_event"),
    ],
)
def test_records_go_to_their_session(kind: str, stored: str) -> None:
    name, arguments = sent(type=kind, data=[{"a": 1}], sessionId="IHHT_1", deviceId="phone", client={"platform": "ios"})
    assert name == "batch_text"
    assert arguments == {
        "kind": stored,
        "rows": '[{"a": 1}]',
        "source": None,
        "session": "IHHT_1",
        "device_id": "phone",
        "platform": "ios",
        "strict": False,
    }


@pytest.mark.parametrize("kind", ["event", "events"])
def test_events_go_to_their_source(kind: str) -> None:
    name, arguments = sent(type=kind, data={"external_id": "x"}, source="calls", strict=True)
    assert name == "batch_text"
    assert (arguments["kind"], arguments["source"], arguments["session"]) == ("event", "calls", None)
    assert arguments["rows"] == '[{"external_id": "x"}]'
    assert arguments["strict"] is True


def test_rows_are_passed_on_as_they_came() -> None:
    rows = '[ {"occurred_at" : 1.70e12,"spo2":97.50,"x":"\\u0000 \\ud83d\\ude00"}, 5, null ]'
    body = f'{{"data":{rows},"sessionId":"s","type":"reading","unknown":[{{}}]}}'
    assert batch_of(body.encode()).text == rows
    # a row alone is a list of one
    assert batch_of(f'{{"type":"reading","sessionId":"s","data":{ROW}}}'.encode()).text == f"[{ROW}]"
    # half of a surrogate pair is for the database to repair, which is told of it in its own words
    assert batch_of(b'{"type":"reading","sessionId":"s","data":[{"x":"\\ud800"}]}').text in (
        '[{"x":"\\ud800"}]',
        '[{"x":"\\ufffd"}]',
    )


@pytest.mark.parametrize(
    ("data", "name", "document"),
    [
        ('{"local_id":"a","readings":[]}', None, '{"local_id":"a","readings":[]}'),
        ('{"local_id":"a"}', "a", '{"local_id":"a"}'),
        ('{"readings":[]}', 'a"\\', '{"local_id":"a\\"\\\\","readings":[]}'),
        ("{ }", "a", '{"local_id":"a"}'),
        ("{}", "a", '{"local_id":"a"}'),
        # whatever is wrong with it is for the database to say
        ("{}", None, "{}"),
    ],
)
def test_a_session_may_be_named_beside_it(data: str, name: str | None, document: str) -> None:
    batch = batch_of(f'{{"type":"session","data":{data},"sessionId":{json.dumps(name)},"deviceId":"d"}}'.encode())
    assert batch.text == document
    assert json.loads(batch.text) == json.loads(document)
    asked = Asked()
    asyncio.run(batch.send(asked))  # type: ignore[arg-type]
    assert asked.calls == [("sync_session_text", {"document": document, "device_id": "d", "platform": None})]


@pytest.mark.parametrize(
    ("data", "ended_at", "expected"),
    [
        (None, None, None),
        ({}, None, None),
        ({"ended_at": "2026-03-10T12:00:00+02:00"}, datetime(2026, 3, 10, 10, tzinfo=UTC), None),
        ({"ended_at": 1773136800123}, datetime(2026, 3, 10, 10, 0, 0, 123000, tzinfo=UTC), None),
        ({"expected": {"reading": 30}}, None, {"reading": 30}),
    ],
)
def test_a_session_that_is_over(data: Any, ended_at: datetime | None, expected: Any) -> None:
    assert sent(type="complete", data=data, sessionId="IHHT_1") == (
        "complete_session_text",
        {"session": "IHHT_1", "ended_at": ended_at, "expected": expected},
    )


@pytest.mark.parametrize(
    "body",
    [
        "", "null", "[]", "{", "{}", '{"type":"reading"}', f'{{"type":"reading","data":[{ROW}]}}',
        f'{{"type":"reading","data":[{ROW}],"sessionId":""}}', f'{{"type":"reading","data":[{ROW}],"sessionId":5}}',
        f'{{"type":"thought","data":[{ROW}],"sessionId":"s"}}', f'{{"type":null,"data":[{ROW}],"sessionId":"s"}}',
        '{"type":"reading","sessionId":"s"}', '{"type":"reading","sessionId":"s","data":null}',
        '{"type":"reading","sessionId":"s","data":5}', '{"type":"reading","sessionId":"s","data":"[]"}',
        '{"type":"reading","sessionId":"s","data":[}', '{"type":"reading","sessionId":"s\\u0000","data":[]}',
        '{"type":"reading","sessionId":"s","data":["\0"]}', '{"type":"reading","sessionId":"s","data":[],"strict":1}',
        '{"type":"reading","sessionId":"s","source":"calls","data":[]}', '{"type":"event","data":[]}',
        '{"type":"event","source":"","data":[]}', '{"type":"event","source":"calls","sessionId":"s","data":[]}',
        '{"type":"session"}', '{"type":"session","data":null}', '{"type":"session","data":[]}',
        '{"type":"session","data":{"local_id":"a"},"sessionId":"b"}',
        '{"type":"session","data":{"local_id":5},"sessionId":"5"}', '{"type":"complete"}',
        '{"type":"complete","sessionId":"s","data":[]}', '{"type":"complete","sessionId":"s","data":5}',
        '{"type":"complete","sessionId":"s","data":{"ended_at":"yesterday"}}',
        '{"type":"complete","sessionId":"s","data":{"ended_at":"2026-03-10T12:00:00"}}',
        '{"type":"complete","sessionId":"s","data":{"ended_at":9007199254740993000}}',
        '{"type":"complete","sessionId":"s","data":{"ended_at":1.5}}',
        '{"type":"complete","sessionId":"s","data":{"expected":[]}}',
        '{"type":"complete","sessionId":"s","data":{"expected":{"reading":"many"}}}',
        '{"type":"reading","sessionId":"s","data":' + "[" * 100_000, '{"type":"session","data":' + '{"a":' * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_batch_is_refused(body: str) -> None:
    assert refused(body)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(Problem, match="not UTF-8"):
        batch_of(b'{"type":"reading","sessionId":"s","data":["\xff"]}')


def test_what_a_client_says_of_itself_stops_nothing() -> None:
    for client in ({"platform": "toaster"}, {"platform": 5}, 5, None, [], {"platform": "ios\0"}):
        _, arguments = sent(type="reading", data=[], sessionId="s", client=client)
        assert arguments["platform"] is None


COUNTS = {"success": True, "received": 3, "inserted": 0, "duplicates": 3, "updated": 0, "rejected": 0}


@pytest.mark.parametrize(
    ("told", "synced", "status"),
    [
        ({}, True, "already_synced"),
        ({"inserted": 1}, True, "synced"),
        ({"updated": 1}, True, "synced"),
        ({"rejected": 1}, False, "partial"),
        ({"rejected": 3}, False, "refused"),
        ({"received": 0, "duplicates": 0}, True, "already_synced"),
    ],
)
def test_rows_are_here_or_their_client_is_told_otherwise(told: dict[str, int], synced: bool, status: str) -> None:
    rejections = [{"position": 1, "reason": "missing_time", "detail": "It has no occurred_at."}]
    document = COUNTS | told | {"rejections": rejections, "rejected_by_reason": {"missing_time": 1}, "session_id": "x"}
    answer = batch_of(b'{"type":"reading","sessionId":"s","data":[]}').answer(document)
    assert (answer.pop("synced"), answer.pop("status")) == (synced, status)
    assert answer.pop("rejectedByReason") == {"missing_time": 1}
    assert answer.pop("sessionId") == "x"
    assert answer == {key: value for key, value in document.items() if key in answer}
    assert answer["rejections"] == rejections
    assert "success" not in answer


def test_documents_and_ends_of_sessions_are_told_likewise() -> None:
    document = batch_of(b'{"type":"session","data":{"local_id":"a"}}')
    assert document.answer({"success": True, "session_id": "x", "status": "active", "missing": {}}) == {
        "synced": True,
        "status": "synced",
        "sessionId": "x",
        "sessionStatus": "active",
        "missing": {},
    }
    assert document.answer({"success": True, "already_synced": True})["status"] == "already_synced"
    end = batch_of(b'{"type":"complete","sessionId":"a"}')
    complete = {"success": True, "complete": True, "safely_stored": ["a"], "keep_until": "2026-04-09T12:00:00+00:00"}
    assert end.answer(complete) == {
        "synced": True,
        "status": "synced",
        "complete": True,
        "safelyStored": ["a"],
        "keepUntil": "2026-04-09T12:00:00+00:00",
    }
    assert end.answer(complete | {"complete": False})["status"] == "partial"
    assert end.answer(complete | {"complete": False})["synced"] is False
