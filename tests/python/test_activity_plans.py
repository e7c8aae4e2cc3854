"""What a question to the activity log reads: buffers are counted, since they tell the same on every machine.

The log of one month: 100 000 entries of 400 users. Each question is asked for a value that is everywhere, one that is
rare, and one that was common at the beginning of the month only; the answer must not cost what lies between.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from harness import Tenants

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from harness import Cluster, Database

COMMON, RARE, EARLY = (Tenants.id(name) for name in ("a_member", "a_other", "a_analyst"))
ENTRIES = 100_000
FILL = """
insert into syncwell.sync_activity_log (
  org_id, created_at, user_id, sync_id, action, status, entity_type, record_count
)
select
  %(org)s, date_trunc('month', now(), 'UTC') + n * interval '27 days' / %(entries)s,
  case
    when rare then %(rare)s
    when n %% 10 = 0 then %(common)s
    when early and n %% 20 = 1 then %(early)s
    else ('00000000-0000-4000-8000-' || lpad((hashint4(n) & 511)::text, 12, '0'))::uuid
  end,
  'sync-' || n / 2,
  case when rare then 'preview_delta' when early and n %% 10 = 0 then 'error_recovery'
    when n %% 2 = 0 then 'sync_start' else 'sync_complete' end,
  case when rare then 'cancelled' when n %% 2 = 0 then 'in_progress' when early and n %% 10 = 1 then 'timeout'
    else 'completed' end,
  case when rare then 'attribute' when early and n %% 10 = 3 then 'supplier' when n %% 2 = 1 then 'order' end,
  n
from (
  select n, n in (7, %(entries)s / 2) as rare, n < %(entries)s / 10 as early from generate_series(1, %(entries)s) as n
) as s
"""
BY_USER = {"common": COMMON, "rare": RARE, "early": EARLY}
BY_VALUE = {
    "action": {"common": "sync_complete", "rare": "preview_delta", "early": "error_recovery"},
    "status": {"common": "completed", "rare": "cancelled", "early": "timeout"},
    "entity_type": {"common": "order", "rare": "attribute", "early": "supplier"},
}
QUESTIONS: dict[str, tuple[str, str]] = {
    "org": ("", "true"),
    "sync": ("p_sync_id => 'sync-777'", "sync_id = 'sync-777'"),
    **{f"user, {often}": (f"p_user_id => '{user}'", f"user_id = '{user}'") for often, user in BY_USER.items()},
    **{
        f"{column}, {often}": (f"p_{column} => '{value}'", f"{column} = '{value}'")
        for column, values in BY_VALUE.items()
        for often, value in values.items()
    },
}
SELECT = "select id, created_at, action from syncwell.sync_activity_log where {} order by created_at desc limit 50"
# of 50 entries and their index, if each lay on a page of its own, in each of the partitions: a handful of buffers
MOST = 250


@pytest.fixture(scope="module")
def filled(cluster: Cluster) -> Iterator[Database]:
    with cluster.database() as database:
        with database.connect(autocommit=True) as owner:
            owner.execute(
                FILL, {"org": Tenants.org("a"), "entries": ENTRIES, "common": COMMON, "rare": RARE, "early": EARLY}
            )
            owner.execute("vacuum analyze syncwell.sync_activity_log")
        yield database


@pytest.fixture
def analyst(filled: Database) -> Iterator[psycopg.Connection[Any]]:
    with filled.connect("a_analyst", autocommit=True) as connection:
        yield connection


def plan(connection: psycopg.Connection[Any], question: str) -> dict[str, Any]:
    connection.execute(question.encode())
    row = connection.execute(f"explain (analyze, buffers, timing off, format json) {question}".encode()).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0][0]["Plan"]
    return found


def buffers(connection: psycopg.Connection[Any], question: str) -> int:
    """Shared buffers that one call touches, once the session's caches are warm."""
    found = plan(connection, question)
    return int(found["Shared Hit Blocks"]) + int(found["Shared Read Blocks"])


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_page_reads_a_page(analyst: psycopg.Connection[Any], question: str) -> None:
    call = f"select * from syncwell.get_sync_activity({QUESTIONS[question][0]})"
    rows = analyst.execute(call.encode()).fetchall()
    assert 2 <= len(rows) <= 50
    assert buffers(analyst, call) <= MOST
    # and so does every page after it
    token = rows[0][-1]
    assert (
        buffers(
            analyst,
            call.replace("get_sync_activity(", f"get_sync_activity(p_page_token => '{token}', ").replace(", )", ")"),
        )
        <= MOST
    )


@pytest.mark.parametrize("question", [name for name in QUESTIONS if "common" in name])
def test_a_page_long_ago_reads_a_page(analyst: psycopg.Connection[Any], question: str) -> None:
    """It begins where the token says, not at the newest entry."""
    call = f"select page_token from syncwell.get_sync_activity({QUESTIONS[question][0]}, {{}})"
    until = "p_to => date_trunc('month', now(), 'UTC') + interval '3 days', p_limit => 1"
    row = analyst.execute(call.format(until).encode()).fetchone()
    assert row is not None
    assert buffers(analyst, call.format(f"p_page_token => '{row[0]}'")) <= MOST


@pytest.mark.parametrize("question", [name for name in QUESTIONS if "early" not in name or "user" in name])
def test_a_select_of_an_analyst_reads_a_page(analyst: psycopg.Connection[Any], question: str) -> None:
    assert buffers(analyst, SELECT.format(QUESTIONS[question][1])) <= MOST


@pytest.mark.parametrize("column", BY_VALUE)
def test_control_of_what_was_common_long_ago(analyst: psycopg.Connection[Any], column: str) -> None:
    """By time alone it is looked for through all that came after; slot by slot, as the function does, it is not."""
    question = SELECT.format(QUESTIONS[f"{column}, early"][1])
    slots = question.replace("order by", "order by date_bin('15 minutes', created_at, 'epoch') desc,")
    assert buffers(analyst, question) > 5 * MOST
    assert buffers(analyst, slots) <= MOST


@pytest.mark.parametrize(
    ("index", "question"),
    [
        ("pkey", "org"),
        ("by_user", "user, early"),
        ("by_sync", "sync"),
        ("by_action", "action, rare"),
        ("by_status", "status, rare"),
        ("by_entity", "entity_type, rare"),
    ],
)
def test_no_question_can_do_without_its_index(filled: Database, index: str, question: str) -> None:
    """The control of the set: without any one of them its question reads far more."""
    with filled.connect() as owner:
        owner.execute(
            f"alter table syncwell.sync_activity_log drop constraint sync_activity_log_{index}"
            if index == "pkey"
            else f"drop index syncwell.sync_activity_log_{index}"
        )
        owner.execute("select syncwell.bind_login(session_user, 'service', %s, null)", [Tenants.org("a")])
        most = buffers(owner, f"select * from syncwell.get_sync_activity({QUESTIONS[question][0]})")
        owner.rollback()
    assert most > 3 * MOST


def test_a_range_reads_its_months_only(analyst: psycopg.Connection[Any]) -> None:
    """By the time that people see: partitions of other months are not even opened."""
    text = json.dumps(plan(analyst, SELECT.format("created_at >= '2020-01-01+00' and created_at < '2020-02-01+00'")))
    assert text.count('"Relation Name"') <= 1


def test_an_entry_takes_at_most_500_bytes(filled: Database) -> None:
    with filled.connect() as owner:
        row = owner.execute(
            "select sum(total_bytes) / %s from syncwell.partition_health('sync_activity_log') where not is_default",
            [ENTRIES],
        ).fetchone()
    assert row is not None
    assert 200 < row[0] <= 500
