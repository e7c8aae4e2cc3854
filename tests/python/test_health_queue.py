"""What waits, on devices and on the server, in the health of a stream; what nobody told is not known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.wait import set_clock

if TYPE_CHECKING:
    from harness import Database

Connection = psycopg.Connection[Any]
STATUS = "select status, queue_score from syncwell.get_sync_health_status() where source = 'calls'"
FACTS = "select queue_depth, queue_oldest_at from syncwell.stream_health where source = 'calls'"
METRICS = "select from syncwell.update_sync_health_metrics(null, 'calls', %s)"
REPORT = "select syncwell.report_client_queue('phone', %s, %s, 'calls', 'ios', %s)"
ISSUES = "select severity, evidence from syncwell.detect_sync_issues() where issue_type = 'queue_backlog'"


@pytest.fixture
def admin(database: Database) -> Connection:
    """The clock stands at noon, and a member's stream synced a minute ago."""
    connection = database.connect(autocommit=True)
    connection.execute("select syncwell.bind_login(current_user, 'user', test.org('a'), test.id('a_member'))")
    at(connection, "11:59")
    run = connection.execute("select event_id, lease from syncwell.record_sync_start('calls')").fetchone()
    assert run is not None
    connection.execute("select from syncwell.record_sync_complete(%s, %s)", run)
    at(connection, "12:00")
    return connection


def at(connection: Connection, time: str) -> None:
    set_clock(connection, f"2026-03-02 {time}+00")


def one(connection: Connection, query: str, parameters: Any = None) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return row


def evaluate(connection: Connection) -> None:
    connection.execute("select syncwell._evaluate_org(test.org('a'))")


def enqueue(connection: Connection, number: int, **more: Any) -> None:
    batch = [{"operation_type": "send", "source": "calls", "payload": {"n": number}, **more}]
    connection.execute("select from syncwell.enqueue_operations(%s)", [json.dumps(batch)])


def test_nothing_told_is_not_known(admin: Connection) -> None:
    evaluate(admin)
    assert one(admin, STATUS) == ("healthy", None)
    assert one(admin, FACTS) == (None, None)


def test_what_waits_in_the_queue_counts_from_the_next_evaluation_on(admin: Connection) -> None:
    enqueue(admin, 1)
    enqueue(admin, 2, run_at="2026-03-03T00:00:00Z")
    at(admin, "12:01")
    evaluate(admin)
    assert one(admin, STATUS)[1] == 100
    [(depth, oldest)] = admin.execute(FACTS).fetchall()
    assert (depth, oldest.isoformat()[:16]) == (2, "2026-03-02T12:00")
    at(admin, "14:00")
    evaluate(admin)
    assert 0 < one(admin, STATUS)[1] < 100
    [(severity, evidence)] = admin.execute(ISSUES).fetchall()
    assert (severity, evidence["queue_depth"], evidence["waiting_seconds"]) == ("warning", 2, 7200)
    # all of it is done: that is known
    claimed = one(admin, "select array_agg(operation_id), min(lease_token::text) from syncwell.claim_operations(10)")
    admin.execute("select from syncwell.complete_operations(%s, %s)", claimed)
    evaluate(admin)
    assert one(admin, FACTS) == (1, None)
    assert one(admin, STATUS)[1] == 100
    assert admin.execute(ISSUES).fetchall() == []


def test_what_was_counted_too_long_ago_is_not_known(admin: Connection) -> None:
    enqueue(admin, 1)
    evaluate(admin)
    assert one(admin, STATUS)[1] == 100
    at(admin, "12:30")
    assert one(admin, STATUS)[1] is None
    assert one(admin, FACTS) == (None, None)


def test_others_operations_and_sources_do_not_count(admin: Connection, database: Database) -> None:
    enqueue(database.connect("a_other", autocommit=True), 1)
    enqueue(database.connect("a_service", autocommit=True), 2)
    enqueue(database.connect("b_member", autocommit=True), 3)
    enqueue(admin, 4, source="sms")
    evaluate(admin)
    assert one(admin, FACTS) == (None, None)


def test_a_report_of_a_device_counts_at_once_and_once(admin: Connection) -> None:
    assert one(admin, REPORT, [7, "2026-03-02 10:00+00", None]) == (True,)
    assert 0 < one(admin, STATUS)[1] < 100
    [(depth, oldest)] = admin.execute(FACTS).fetchall()
    assert (depth, oldest.isoformat()[:16]) == (7, "2026-03-02T10:00")
    assert [row[0] for row in admin.execute(ISSUES)] == ["warning"]
    # the same device tells of the same queue in the other way
    at(admin, "12:01")
    admin.execute(METRICS, [json.dumps({"queue_depth": 5, "device_id": "phone", "oldest_pending_at": None})])
    assert one(admin, FACTS) == (5, None)
    # what it told before that comes late
    assert one(admin, REPORT, [9, "2026-03-02 09:00+00", "2026-03-02 12:00:30+00"]) == (True,)
    assert one(admin, FACTS) == (5, None)
    # both sides wait
    enqueue(admin, 1)
    evaluate(admin)
    assert one(admin, FACTS)[0] == 6
    assert one(admin, REPORT, [0, None, "2026-03-02 12:01+00"]) == (True,)


def test_a_depth_without_an_age_says_nothing_of_how_long_it_waits(admin: Connection) -> None:
    one(admin, REPORT, [7, "2026-03-02 10:00+00", "2026-03-02 11:00+00"])
    one(admin, REPORT, [8, None, "2026-03-02 11:30+00"])
    [(depth, oldest)] = admin.execute(FACTS).fetchall()
    assert (depth, oldest.isoformat()[:16]) == (8, "2026-03-02T10:00")
    one(admin, REPORT, [0, None, "2026-03-02 11:40+00"])
    assert one(admin, FACTS) == (0, None)


def test_a_report_that_health_does_not_take_is_taken_by_the_queue(admin: Connection) -> None:
    assert one(admin, REPORT, [7, None, "2005-01-01 00:00+00"]) == (True,)
    assert one(admin, FACTS) == (None, None)


def test_the_analysis_has_the_metrics_of_the_queue(admin: Connection) -> None:
    enqueue(admin, 1)
    document = one(admin, "select syncwell.analyze_sync_health()")[0]
    assert [(row["source"], row["depth"], row["client_depth"]) for row in document["queue_metrics"]] == [
        (None, 1, None), ("calls", 1, None),
    ]  # fmt: skip
