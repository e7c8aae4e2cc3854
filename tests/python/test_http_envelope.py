"""What stands around the changes is read, what is in them is passed on untouched."""

from __future__ import annotations

import json

import pytest

from syncwell.http.envelope import pull_arguments, push_arguments
from syncwell.http.problems import Problem


def test_changes_are_passed_on_as_they_came() -> None:
    changes = (
        '{ "todos" : {"created":[{"id":"a","title":"\\u0000 \\ud83d\\ude00 }]\\" ä 1.0e5","n":1.50}], "x" : [ ] } }'
    )
    for text in (
        f'{{"changes":{changes},"lastPulledAt":7,"deviceId":"d","requestId":"r"}}',
        f'\n{{"requestId":"r","lastPulledAt" : 7,"unknown":[{{}}],"deviceId":"d", "changes": {changes} }}\n',
    ):
        assert push_arguments(text.encode()) == {
            "changes": changes,
            "last_pulled_at": 7,
            "device_id": "d",
            "request_id": "r",
            "client": None,
        }


@pytest.mark.parametrize(
    ("sent", "passed"),
    [
        (r"\ud800", r"\ufffd"),
        (r"\uDC00x", r"\ufffdx"),
        (r"\ud83d\ud83d\ude00", r"\ufffd\ud83d\ude00"),
        (r"\ude00\ud83d", r"\ufffd\ufffd"),
        # no escapes, but a backslash and letters
        (r"\\ud800 \ud800", r"\\ud800 \ufffd"),
        (r"\\\ud800\"", r"\\\ufffd\""),
        (r"\n\u0000\u00e4\ud800", r"\n\u0000\u00e4\ufffd"),
    ],
)
def test_halves_of_characters_stop_no_device(sent: str, passed: str) -> None:
    def text(value: str) -> str:
        return f'{{"todos":{{"created":[{{"id":"a","title":"{value}"}}]}}}}'

    body = f'{{"changes":{text(sent)},"lastPulledAt":1,"deviceId":"{sent}"}}'
    if "u0000" in sent:
        body = body.replace(f',"deviceId":"{sent}"', "")
    assert push_arguments(body.encode())["changes"] == text(passed)


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", '"{}"', "{", '{"changes"', '{"changes":', '{"changes":{}', '{"changes":{}}x',
        '{"changes":{},}', '{"changes":{"a":"}}', '{"changes":{"a":"\\"}}', '{"changes":{"a":[}}', '{changes:{}}',
        '{"changes":{}:1}', '{"changes":{} "a":1}', '{"changes":[]}', '{"changes":null}', '{"changes":"{}"}', "{}",
        '{"a\nb":1,"changes":{}}', '{"changes":{"a":tru}}', '{"changes":{"a":"\0"}}', '{"changes":{"a":"\\ud8"}}',
        '{"changes":' + "[" * 100_000, '{"changes":' + '{"a":' * 100_000, '{"changes":{"a":"' + "\\" * 100_001,
        '{"changes":{' + '"' * 99_999, '{"lastPulledAt":' + "[" * 60 + "]" * 60 + ',"changes":{}}',
        '{"lastPulledAt":' + "1" * 100_000 + ',"changes":{}}', '\ufeff{"changes":{}}',
    ],
)  # fmt: skip
def test_what_is_no_push_is_refused(text: str) -> None:
    with pytest.raises(Problem) as caught:
        push_arguments(text.encode())
    assert caught.value.status == 400


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(Problem, match="not UTF-8"):
        push_arguments(b'{"changes":{"\xff":{}}}')


@pytest.mark.parametrize(
    ("member", "values"),
    [
        ("lastPulledAt", ['"5"', "1.5", "true", "[]", "NaN", str(2**63), str(-(2**63) - 1), "01", "9" * 5000]),
        ("schemaVersion", ['"5"', "1.5", str(2**31)]),
        ("limit", ['"5"', "false", str(2**31)]),
        ("migration", ["[]", "5", '"a"']),
        ("tables", ['"todos"', "{}", "[1]", '["a\\u0000"]']),
        ("deviceId", ["5", '"\\u0000"', '"a\\u0000b"', "[]"]),
        ("sendCreatedAsUpdated", ["1", '"true"']),
    ],
)
def test_members_of_another_type_are_refused(member: str, values: list[str]) -> None:
    for value in values:
        with pytest.raises(Problem) as caught:
            pull_arguments(f'{{"{member}":{value}}}'.encode())
        assert caught.value.status == 400
        assert caught.value.document["detail"]


def test_a_pull_says_what_it_wants() -> None:
    nothing = pull_arguments(b"{}")
    assert nothing == pull_arguments(b'{"lastPulledAt":null,"migration":null,"sendCreatedAsUpdated":null,"x":5}')
    assert nothing["last_pulled_at"] is None
    assert nothing["created_as_updated"] is False
    assert pull_arguments(
        b"""{"lastPulledAt":9007199254740993,"schemaVersion":3,"migration":{"from":1,"tables":["a"],"columns":[]},
        "tables":["a","b"],"deviceId":"d","limit":5,"sendCreatedAsUpdated":true,"client":{"platform":"ios"}}"""
    ) == {
        "last_pulled_at": 9007199254740993,
        "schema_version": 3,
        "migration": {"from": 1, "tables": ["a"], "columns": []},
        "tables": ["a", "b"],
        "device_id": "d",
        "limit": 5,
        "created_as_updated": True,
        "client": {"platform": "ios"},
    }


def test_what_a_client_says_of_itself_never_stops_it() -> None:
    told = {"platform": "ios\0", "appVersion": "1" * 999, "networkType": 5, "networkQuality": "a\n", "__proto__": {}}
    assert pull_arguments(json.dumps({"client": told}).encode())["client"] == {"appVersion": "1" * 200}
    for wrong in ("5", "[]", '"ios"', "null", "{}", '{"a":' * 30 + "{}" + "}" * 30, '{"platform":5}'):
        assert push_arguments(f'{{"changes":{{}},"client":{wrong}}}'.encode())["client"] is None
