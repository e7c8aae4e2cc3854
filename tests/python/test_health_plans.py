"""What a health question reads: buffers are counted, since they tell the same on every machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import psycopg

    from harness import Database, Tenants

# 5 sources of the member among 1 000 users with 3 each.
STREAMS = """
insert into syncwell.users (org_id, user_id, role)
select %(org)s, gen_random_uuid(), 'member' from generate_series(1, 1000);
insert into syncwell.streams (org_id, user_id, source, platform, expected_interval)
select u.org_id, u.user_id, format('source-%%s', n), 'android', '1 hour'
from syncwell.users as u
cross join generate_series(1, case u.user_id when %(user)s then 5 else 3 end) as n
where u.org_id = %(org)s and u.role = 'member';
insert into syncwell.sync_state (
  org_id, stream_id, user_id, last_successful_sync, last_status, last_run_at, recent_outcomes, total_runs
)
select s.org_id, s.stream_id, s.user_id, syncwell._now(), 'success', syncwell._now(), b'1111', 4
from syncwell.streams as s;
insert into syncwell.stream_states (
  org_id, stream_id, user_id, source, learned_at, learned_interval, usual_duration_ms, usual_runs, drift_severity,
  queue_depth, queue_reported_at
)
select s.org_id, s.stream_id, s.user_id, s.source, syncwell._now(), '1 hour', 2000, 500, 'none', 0, syncwell._now()
from syncwell.streams as s;
insert into syncwell.health_evaluations (org_id, evaluated_at) values (%(org)s, syncwell._now());
insert into syncwell.maintenance_windows (org_id, mode, platform, starts_at, ends_at)
values (%(org)s, 'mute', 'android', syncwell._now() - interval '1 hour', syncwell._now() + interval '1 day');
analyze syncwell.users, syncwell.streams, syncwell.sync_state, syncwell.stream_states;
"""
# One a second, so that the smallest id of its millisecond is each one's own. They leave nothing in the activity log.
EVENTS = """
alter table syncwell.sync_events disable trigger activity_of_new_runs;
insert into syncwell.sync_events (
  org_id, id, stream_id, user_id, source, sync_type, status, started_at, completed_at, duration_ms, lease
)
select
  s.org_id, syncwell._uuid7_floor(t.at), s.stream_id, s.user_id, s.source, 'incremental',
  case when n %% 10 = 0 then 'failed' else 'success' end, t.at, t.at + interval '1 second', 1000, s.stream_id
from generate_series(1, %(events)s) as n
cross join lateral (select syncwell._now() - n * interval '1 second' as at) as t
join (
  select s.*, row_number() over (order by s.source) - 1 as number from syncwell.streams as s where s.user_id = %(user)s
) as s on s.number = n %% 5;
analyze syncwell.sync_events;
"""


def buffers(connection: psycopg.Connection[Any], question: str) -> int:
    """Shared buffers that one call touches, once the session's caches are warm."""
    connection.execute(question)
    row = connection.execute(f"explain (analyze, buffers, timing off, format json) {question}").fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def fill(database: Database, text: str, **values: Any) -> None:
    with database.connect(autocommit=True) as owner:
        for statement in text.split(";\n"):
            if statement.strip():
                owner.execute(statement, values)


@pytest.fixture
def member(database: Database, tenants: Tenants) -> psycopg.Connection[Any]:
    fill(database, STREAMS, org=tenants.org("a"), user=tenants.id("a_member"))
    return database.connect("a_member", autocommit=True)


def test_health_of_a_user_does_not_read_the_history(
    database: Database, tenants: Tenants, member: psycopg.Connection[Any]
) -> None:
    question = "select * from syncwell.get_sync_health_status()"
    view = "select * from syncwell.stream_health where source = 'source-1'"
    before, before_view = buffers(member, question), buffers(member, view)
    fill(database, EVENTS, events=200_000, user=tenants.id("a_member"))

    rows = member.execute(question).fetchall()
    assert [row[0] for row in rows] == [None, *(f"source-{n}" for n in range(1, 6))]
    assert {row[1] for row in rows} == {"healthy"}
    assert {tuple(row[-1]) for row in rows} == {("maintenance",)}
    assert buffers(member, question) <= min(50, before)
    assert buffers(member, view) <= before_view

    # the control: the same question asked of the history reads it
    history = "select source, count(*) from syncwell.sync_events where user_id = syncwell.current_user_id() group by 1"
    assert buffers(member, history) > 1000


@pytest.mark.usefixtures("member")
def test_asking_for_one_user_reads_that_user(database: Database, tenants: Tenants) -> None:
    analyst = database.connect("a_analyst", autocommit=True)
    user = tenants.id("a_member")
    # a member asks for itself within 50; here the user is looked up, and its pages lie among those of thousands: 60;
    # that an analyst asked about it is written down: 12
    assert buffers(analyst, f"select * from syncwell.get_sync_health_status('{user}')") <= 60 + 12
    assert buffers(analyst, "select * from syncwell.get_sync_health_status()") > 50, "the control: the whole org"


def test_the_newest_runs_are_read_not_all(
    database: Database, tenants: Tenants, member: psycopg.Connection[Any]
) -> None:
    """The questions that need durations read a bounded number of runs of each stream."""
    user = tenants.id("a_member")
    fill(database, EVENTS, events=5_000, user=user)
    questions = [
        "select * from syncwell.get_service_health()",
        "select syncwell.get_integration_dashboard()",
        "select * from syncwell.analyze_sync_performance()",
    ]
    few = [buffers(member, question) for question in questions]
    fill(database, EVENTS.replace("generate_series(1,", "generate_series(5001,"), events=50_000, user=user)
    many = [buffers(member, question) for question in questions]
    assert all(later <= 1.5 * earlier for earlier, later in zip(few, many, strict=True)), (few, many)
