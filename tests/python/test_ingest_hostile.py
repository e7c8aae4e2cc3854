"""Batches that are too large, too deep or not JSON: each refusal has its SQLSTATE and leaves every table as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from harness import Database

TEN_MIB = 10 * 2**20
TIME = "2026-03-01T11:00:00Z"
CLOCK = "-c syncwell.fake_now=2026-03-01T12:00Z"
ROWS = """
select
  (select count(*) from syncwell.data_events), (select count(*) from syncwell.data_event_keys),
  (select count(*) from syncwell.event_hours), (select count(*) from syncwell.session_records),
  (select count(*) from syncwell.session_counts), (select count(*) from syncwell.local_ids),
  (select count(*) from syncwell.streams), (select count(*) from syncwell.sync_events)
"""
CASES: list[tuple[str, str, list[Any]]] = [
    ("22P02", "ingest_batch('event', %s, 'calls')", ["[{"]),
    ("22P02", "ingest_batch('reading', %s, p_session => 's')", ['[{"spo2": NaN}]']),
    ("22P02", "ingest_batch('reading', %s, p_session => 's')", ['[{"spo2": Infinity}]']),
    ("22023", "ingest_batch('event', '{}', 'calls')", []),
    ("22023", "ingest_batch('event', 'null', 'calls')", []),
    ("22004", "ingest_batch('event', null, 'calls')", []),
    ("22004", "ingest_batch(null, '[]', 'calls')", []),
    ("22004", "ingest_batch('event', '[]')", []),
    ("22004", "ingest_batch('reading', '[]')", []),
    ("22023", "ingest_batch('reading', '[]', 'calls')", []),
    ("22023", "ingest_batch('event', '[]', 'calls', 'session')", []),
    ("22023", "ingest_batch('survey', '[]', p_session => 's')", []),
    ("22023", "ingest_batch('event', '[]', 'no such ''); drop table x')", []),
    ("22023", "ingest_batch('reading', '[]', p_session => '')", []),
    ("22001", "ingest_batch('reading', '[]', p_session => %s)", ["x" * 201]),
    ("22023", "ingest_batch('event', '[]', 'calls', p_platform => 'toaster')", []),
    ("22001", "ingest_batch('event', '[]', 'calls', p_device_id => %s)", ["x" * 256]),
    ("22004", "ingest_batch('event', '[]', 'calls', p_strict => null)", []),
    ("22004", "ingest_batch('event', '[]', 'calls', p_record => null)", []),
    ("SW002", "ingest_batch('event', '[]', 'calls', p_user_id => test.id('b_member'))", []),
    ("SW503", "ingest_batch('event', %s, 'calls')", [json.dumps([1] * 10001)]),
    ("SW503", "ingest_batch('event', %s, 'calls')", [json.dumps([{"text": "x" * 2**24}])]),
    ("54001", "ingest_batch('event', %s, 'calls')", ["[" * 10**6 + "]" * 10**6]),
]


def refused(connection: psycopg.Connection[Any], call: str, arguments: list[Any]) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(f"select syncwell.{call}", arguments)
    return caught.value


def test_bad_batches_are_refused_and_change_nothing(database: Database) -> None:
    admin = database.connect(autocommit=True)
    with database.connect("a_member", autocommit=True) as device:
        before = admin.execute(ROWS).fetchone()
        for sqlstate, call, arguments in CASES:
            error = refused(device, call, arguments)
            assert error.sqlstate == sqlstate, (call, error)
            if sqlstate.startswith("SW") or sqlstate in ("22004", "22023"):
                assert error.diag.message_detail, call
                assert error.diag.message_hint, call
        assert admin.execute(ROWS).fetchone() == before
    with database.connect("a_service", autocommit=True) as service:
        assert refused(service, "ingest_batch('reading', '[]', p_session => 's')", []).sqlstate == "22004"
    with database.connect("nobody_login", autocommit=True) as nobody:
        assert refused(nobody, "ingest_batch('event', '[]', 'calls')", []).sqlstate == "SW001"


def answer(database: Database, rows: str) -> dict[str, Any]:
    with database.connect(autocommit=True, options=CLOCK) as connection:
        connection.execute("select syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_member'))")
        row = connection.execute("select syncwell.ingest_batch('event', %s, 'calls')", [rows]).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0]
    return found


def test_ten_megabytes_in_one_row_do_not_sink_the_others(database: Database) -> None:
    rows = [{"occurred_at": TIME, "n": 1}, {"occurred_at": TIME, "text": "x" * TEN_MIB}, {"occurred_at": TIME, "n": 2}]
    found = answer(database, json.dumps(rows))
    assert found["inserted"] == 2
    assert [(row["position"], row["reason"]) for row in found["rejections"]] == [(1, "row_too_large")]


def test_what_is_too_deep_is_one_rejected_row(database: Database) -> None:
    deep = '{"occurred_at": "%s", "a": %s}' % (TIME, "[" * 6000 + "]" * 6000)  # noqa: UP031 - braces
    found = answer(database, f'[{deep}, {{"occurred_at": "{TIME}", "n": 1e400000}}, {{"occurred_at": "{TIME}"}}]')
    reasons = [(row["position"], row["reason"]) for row in found["rejections"]]
    assert reasons in ([(0, "unreadable"), (1, "unreadable")], [(1, "unreadable")])
    assert found["inserted"] + found["rejected"] == 3


def test_half_of_ten_thousand_rows_are_bad(database: Database) -> None:
    rows = [{"occurred_at": TIME if n % 2 else "yesterday", "n": n} for n in range(10_000)]
    found = answer(database, json.dumps(rows))
    assert (found["received"], found["inserted"], found["rejected"]) == (10_000, 5_000, 5_000)
    assert found["rejected_by_reason"] == {"bad_time": 5_000}
    assert [row["position"] for row in found["rejections"]] == list(range(0, 200, 2))


def test_ten_thousand_versions_of_one_event_are_one_event(database: Database) -> None:
    rows = [
        {"external_id": "x", "occurred_at": TIME, "written_at": f"2026-03-01T11:{n // 60 % 60:02}:{n % 60:02}Z", "n": n}
        for n in range(3_000)
    ]
    found = answer(database, json.dumps([*rows, *rows, *rows]))
    assert (found["inserted"], found["updated"], found["duplicates"]) == (1, 0, 8_999)
    with database.connect() as admin:
        assert admin.execute("select payload from syncwell.data_events").fetchall() == [({"n": 2_999},)]
