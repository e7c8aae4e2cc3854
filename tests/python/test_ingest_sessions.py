"""Sessions as an application uses them: notices, refusals that are remembered, answers that cost the same always."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.wait import set_clock

if TYPE_CHECKING:
    from harness import Database

Connection = psycopg.Connection[Any]


def readings(count: int, *, first: int = 0) -> list[dict[str, Any]]:
    return [{"occurred_at": 1_793_010_000_000 + 1000 * n, "spo2": 95, "heart_rate": 60} for n in range(first, count)]


def sync(connection: Connection, local_id: str = "IHHT_1", **members: Any) -> dict[str, Any]:
    row = connection.execute(
        "select syncwell.sync_session(%s)", [json.dumps({"local_id": local_id, **members})]
    ).fetchone()
    assert row is not None
    answer: dict[str, Any] = row[0]
    return answer


@pytest.fixture
def phone(database: Database) -> Connection:
    return database.connect("a_member", autocommit=True)


def heard(listener: Connection) -> list[dict[str, Any]]:
    """What has been told since, up to a notice that says no more."""
    listener.execute("notify syncwell_sessions, '{}'")
    notices: list[dict[str, Any]] = []
    for notice in listener.notifies(timeout=20):
        told = json.loads(notice.payload)
        if not told:
            break
        notices.append(told)
    return notices


def test_a_document_is_told_once_and_by_ids_only(database: Database, phone: Connection) -> None:
    listener = database.connect(autocommit=True)
    listener.execute("listen syncwell_sessions")
    session = sync(phone, readings=readings(3))["session_id"]
    told = heard(listener)
    assert [one["session"] for one in told] == [session]
    assert set(told[0]) == {"org", "session"}
    sync(phone, readings=readings(3))
    assert heard(listener) == []
    phone.execute("select syncwell.complete_session('IHHT_1')")
    assert [one["session"] for one in heard(listener)] == [session]
    phone.execute("select syncwell.complete_session('IHHT_1')")
    assert heard(listener) == []
    with database.connect(autocommit=True) as admin:
        admin.execute("select syncwell.set_setting('ingest.notify', 'off')")
    sync(phone, "IHHT_2", readings=readings(3))
    assert heard(listener) == []


def test_a_refused_document_is_remembered_after_the_commit(database: Database, phone: Connection) -> None:
    answer = sync(phone, readings=[*readings(3), {"occurred_at": "never"}])
    assert not answer["success"]
    assert answer["rejected_by_reason"] == {"bad_time": 1}
    admin = database.connect(autocommit=True)
    found = admin.execute(
        "select session_id::text, sync_status, sync_attempts, last_error_code from syncwell.sync_sessions"
    ).fetchall()
    assert found == [(answer["session_id"], "failed", 1, "SW502")]
    assert admin.execute("select count(*) from syncwell.session_records").fetchone() == (0,)
    assert admin.execute("select status, error_code from syncwell.sync_events").fetchall() == [("failed", "SW502")]


def test_a_fault_of_the_tables_is_remembered_too(database: Database, phone: Connection) -> None:
    admin = database.connect(autocommit=True)
    admin.execute("alter table syncwell.session_records add constraint not_today check (spo2 <> 42)")
    answer = sync(phone, readings=[*readings(3), {"occurred_at": "2026-10-01T10:00:00Z", "spo2": 42}])
    assert answer["error"]["code"] == "23514"
    assert answer["error"]["status"] == 422
    assert admin.execute("select count(*) from syncwell.session_records").fetchone() == (0,)
    assert admin.execute("select count(*) from syncwell.session_counts").fetchone() == (0,)
    assert admin.execute("select last_error_code from syncwell.sync_sessions").fetchall() == [("23514",)]


def test_what_has_to_begin_anew_is_no_failure(database: Database, phone: Connection) -> None:
    """In REPEATABLE READ a transaction can not see the session that another one has just made."""
    late = database.connect("a_member")
    late.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    late.execute("select 1 from syncwell.session_counts")
    sync(phone, readings=readings(3))
    with pytest.raises(psycopg.errors.SerializationFailure):
        sync(late, readings=readings(3))
    late.rollback()
    assert sync(late, readings=readings(3))["already_synced"]
    late.commit()
    found = phone.execute("select sync_status, sync_attempts from syncwell.sync_sessions").fetchall()
    assert found == [("syncing", 2)]


def test_ten_megabytes(phone: Connection) -> None:
    answer = sync(phone, metadata={"a": "x" * 10_000_000})
    assert answer["error"]["code"] == "SW503"
    with pytest.raises(psycopg.Error) as error:
        sync(phone, metadata={"a": "x" * 20_000_000})
    assert error.value.sqlstate == "SW503"
    with pytest.raises(psycopg.Error) as error:
        sync(phone, readings=readings(10_001))
    assert error.value.sqlstate == "SW503"


def pages(connection: Connection, query: str) -> int:
    """How many a second call of it reads: the first one fills caches."""
    connection.execute(query.encode())
    row = connection.execute(f"explain (analyze, buffers, format json) {query}".encode()).fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def test_recent_sessions_cost_the_same_however_much_was_measured(database: Database, phone: Connection) -> None:
    query = "select * from syncwell.get_recent_sessions()"
    for number in range(10):
        sync(
            phone,
            f"S{number}",
            readings=readings(10),
            survey_pre={"occurred_at": "2026-10-21T10:00:00Z", "payload": {"mood": number}},
        )
    database.connect(autocommit=True).execute("vacuum analyze")
    few = pages(phone, query)
    for number in range(10):
        sync(phone, f"S{number}", readings=readings(1500, first=10))
    database.connect(autocommit=True).execute("vacuum analyze")
    assert pages(phone, query) <= few * 1.5
    # and however many sessions there are
    for number in range(10, 150):
        sync(phone, f"S{number}")
    database.connect(autocommit=True).execute("vacuum analyze")
    assert pages(phone, query) <= few * 4


def act(connection: Connection, call: str, *arguments: object) -> None:
    connection.execute(f"select syncwell.{call}".encode(), arguments)


# What two devices tell of one session, in pieces that say nothing against each other.
TOLD: list[tuple[str, list[object]]] = [
    ("start_session('IHHT_1', %s)", ["2026-10-26T10:00:00Z"]),
    ("start_session('IHHT_1')", []),
    ("start_session('IHHT_1', p_source => %s, p_expected => %s)", ["ihht", '{"reading": 30}']),
    ("start_session('IHHT_1', p_data_source => 'manual', p_metadata => %s)", ['{"room": 4}']),
    ("ingest_batch('reading', %s, p_session => 'IHHT_1')", [json.dumps(readings(10))]),
    ("ingest_batch('reading', %s, p_session => 'IHHT_1')", [json.dumps(readings(25, first=5))]),
    (
        "ingest_batch('survey_post', %s, p_session => 'IHHT_1')",
        ['[{"occurred_at": "2026-10-26T10:30:00Z", "payload": {"mood": 5}}]'],
    ),
    (
        "sync_session(%s)",
        [
            json.dumps(
                {
                    "local_id": "IHHT_1",
                    "started_at": "2026-10-26T10:05:00Z",
                    "expected": {"reading": 20, "survey_post": 1},
                    "metadata": {"mask": "blue"},
                    "readings": readings(30, first=20),
                }
            )
        ],
    ),
    ("complete_session('IHHT_1', %s)", ["2026-10-26T11:00:00Z"]),
]
# When what arrived, and how often, is another matter than what is known in the end.
STATE = """
select jsonb_build_array(
  (select jsonb_agg(to_jsonb(s) - '{session_id,sync_attempts}'::text[]) from syncwell.sync_sessions as s),
  (
    select jsonb_agg(to_jsonb(r) - '{id,session_id}'::text[] order by r.kind, r.occurred_at)
    from syncwell.session_records as r
  ),
  (
    select jsonb_agg(to_jsonb(c) - '{session_id,late_records}'::text[] order by c.kind)
    from syncwell.session_counts as c
  )
)::text
"""


@pytest.mark.parametrize("seed", range(12))
def test_any_order_makes_the_same_session(db: Connection, seed: int) -> None:
    """Each piece once or more, from whichever device, shuffled: like the pieces one after the other."""
    set_clock(db, "2026-11-01 12:00+00")
    db.execute("select syncwell.bind_login('postgres', 'user', test.org('a'), test.id('a_member'))")
    chance = random.Random(seed)  # noqa: S311
    shuffled = [*TOLD, *chance.choices(TOLD, k=5)]
    chance.shuffle(shuffled)
    states: list[str] = []
    for pieces in (TOLD, shuffled):
        with db.transaction(force_rollback=True):
            if pieces is shuffled and any("complete" in call for call, _ in pieces[:1]):
                # a session that nobody has heard of can not end
                pieces.append(pieces.pop(0))
            for call, arguments in pieces:
                act(db, call, *arguments)
            row = db.execute(STATE.encode()).fetchone()
            assert row is not None
            states.append(row[0])
    assert states[0] == states[1]
    assert json.loads(states[0])[0][0]["sync_status"] == "completed"
