"""Hot questions and writes read a few pages, whatever lies around them: also under row-level security, and while the
planner still believes that the tables are as empty as they were when they were last analyzed.

A member with a hundred rows of everything among hundreds of users. `make plans` asks among a million rows.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from harness import Tenants
from harness.synced import create, register

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from harness import Cluster, Database

ROWS = int(os.environ.get("SYNCWELL_PLAN_ROWS") or 50_000)
USERS = ROWS // 100
MEMBER = Tenants.id("a_member")

# numbered from 0, the member among them; what the rows of a user are made of
MATERIAL = """
create temporary table people as
select row_number() over (order by u.user_id) - 1 as n, u.* from syncwell.users as u
where u.org_id = %(org)s and u.role = 'member';
create temporary table things as
select
  p.user_id, s.stream_id, k,
  syncwell._now() - interval '1 hour' * (k - 1) - interval '1 ms' * p.n as at,
  md5(concat(p.user_id, k))::uuid as id
from generate_series(1, %(each)s) as k cross join people as p
join syncwell.streams as s on s.user_id = p.user_id and s.source = 'calls';
"""
FILL = {
    "users": """
        insert into syncwell.users (org_id, user_id, role)
        select %(org)s, gen_random_uuid(), 'member' from generate_series(1, %(users)s)""",
    "streams": """
        insert into syncwell.streams (org_id, user_id, source, platform, expected_interval)
        select u.org_id, u.user_id, s.source, 'android', '1 hour'
        from syncwell.users as u cross join (values ('calls'), ('sms')) as s (source)
        where u.org_id = %(org)s and u.role = 'member'""",
    "sync_state": """
        insert into syncwell.sync_state (org_id, stream_id, user_id, last_successful_sync, last_status, total_runs)
        select s.org_id, s.stream_id, s.user_id, syncwell._now(), 'success', 100
        from syncwell.streams as s where s.org_id = %(org)s""",
    "stream_states": """
        insert into syncwell.stream_states (org_id, stream_id, user_id, source, learned_at)
        select s.org_id, s.stream_id, s.user_id, s.source, syncwell._now()
        from syncwell.streams as s where s.org_id = %(org)s""",
    "sync_events": """
        insert into syncwell.sync_events (
          org_id, id, stream_id, user_id, source, sync_type, status, started_at, completed_at, duration_ms, lease
        )
        select
          %(org)s, syncwell._uuid7(t.at), t.stream_id, t.user_id, 'calls', 'incremental',
          case when t.k %% 20 = 0 then 'failed' else 'success' end, t.at, t.at + interval '1 second', 1000, t.id
        from things as t""",
    "sync_errors": """
        insert into syncwell.sync_errors (
          org_id, id, stream_id, user_id, source, fingerprint, error_type, error_class, created_at, first_seen,
          last_seen, resolved_at
        )
        select
          %(org)s, t.id, t.stream_id, t.user_id, 'calls', t.id::text, 'HTTP_503', 'transient', t.at, t.at, t.at,
          case when t.k > 1 then t.at end
        from things as t""",
    "sync_progress": """
        insert into syncwell.sync_progress (
          org_id, id, sync_id, total_items, processed_count, elapsed_seconds, started_at, updated_at, completed_at,
          source_system, initiated_by, status, paused_seconds, last_progress_at, stall_seconds, ew_n, ew_t, ew_base
        )
        select
          %(org)s, t.id, t.id::text, 10, 10, 1, t.at, t.at, case when t.k > 1 or t.user_id <> %(member)s then t.at end,
          'calls', t.user_id,
          (array['completed', 'in_progress'])[
            1 + (t.k = 1 and t.user_id = %(member)s)::integer
          ]::syncwell.sync_status_type,
          0, t.at, 60, 0, 0, 0
        from things as t""",
    "queue_lanes": """
        insert into syncwell.queue_lanes (org_id, source, priority) values (%(org)s, 'calls', 2)
        on conflict do nothing""",
    "sync_queue": """
        insert into syncwell.sync_queue (
          org_id, id, user_id, source, operation_type, payload, dedup_hash, dedup_mode, priority, lane, run_at,
          max_attempts, enqueued_at
        )
        select
          %(org)s, t.id, t.user_id, 'calls', 'push', '{}', t.id, 'replace', l.priority, l.lane, t.at, 5, t.at
        from things as t
        join syncwell.queue_lanes as l on l.org_id = %(org)s and l.source = 'calls' and l.priority = 2""",
    "sync_queue_archive": """
        insert into syncwell.sync_queue_archive (
          org_id, id, user_id, source, operation_type, status, attempts, enqueued_at, finished_at
        )
        select %(org)s, syncwell._uuid7(t.at), t.user_id, 'calls', 'push', 'completed', 1, t.at, t.at
        from things as t""",
    "data_events": """
        insert into syncwell.data_events (
          org_id, id, stream_id, user_id, source, external_id, occurred_at, payload, written_at, received_at
        )
        select %(org)s, t.id, t.stream_id, t.user_id, 'calls', t.id::text, t.at, '{}', t.at, t.at from things as t""",
    "data_event_keys": """
        insert into syncwell.data_event_keys (
          org_id, user_id, source, external_id, occurred_at, id, content_hash, written_at, received_at
        )
        select %(org)s, t.user_id, 'calls', t.id::text, t.at, t.id, t.id, t.at, t.at from things as t""",
    "sync_sessions": """
        insert into syncwell.sync_sessions (
          org_id, session_id, user_id, local_id, source, status, started_at, ended_at, created_at, updated_at
        )
        select %(org)s, t.id, t.user_id, 's' || t.k, 'calls', 'completed', d.at, d.at, d.at, d.at
        from things as t cross join lateral (select t.at - t.k * interval '1 day' as at) as d""",
    "local_ids": """
        insert into syncwell.local_ids (org_id, user_id, entity_type, local_id, server_id, created_at)
        select %(org)s, t.user_id, 'session', 's' || t.k, t.id, t.at from things as t""",
    "session_records": """
        insert into syncwell.session_records (
          org_id, id, session_id, user_id, kind, occurred_at, spo2, written_at, received_at
        )
        select %(org)s, syncwell._uuid7(t.at), t.id, t.user_id, 'reading', t.at, 97, t.at, t.at from things as t""",
    "sync_issues": """
        insert into syncwell.sync_issues (
          org_id, id, fingerprint, issue_type, severity, state, stream_id, user_id, source, evidence, opened_at,
          last_seen_at, resolved_at
        )
        select
          %(org)s, t.id, case when t.k = 1 then t.id else md5(t.k::text)::uuid end::text, 'failure', 'warning',
          case when t.k = 1 and t.user_id = %(member)s then 'open' else 'resolved' end, t.stream_id, t.user_id, 'calls',
          '{}', t.at, t.at, case when t.k > 1 or t.user_id <> %(member)s then t.at end
        from things as t""",
    "sync_activity_log": """
        insert into syncwell.sync_activity_log (org_id, created_at, user_id, sync_id, action, status)
        select %(org)s, t.at, t.user_id, t.id::text, 'sync_complete', 'completed' from things as t""",
    "access_log": """
        insert into syncwell.access_log (org_id, id, login_role, user_id, role, function_name, subject)
        select %(org)s, syncwell._uuid7(t.at), 'a_analyst', t.user_id, 'analyst', 'get_sync_health_status', t.user_id
        from things as t""",
}
# a row or two each
PEOPLE = {"users", "streams", "sync_state", "stream_states", "queue_lanes"}
LEAVES = """
select c.oid::regclass::text from pg_class as c
where c.relkind = 'r' and c.relnamespace in ('syncwell'::regnamespace, 'public'::regnamespace)
"""
NOTES = """
insert into public.notes select t.user_id, t.id::text, 'x' from things as t;
"""

MOST = {"fresh": 400, "stale": 450}
# it goes through the streams of the org where it believes that there is none
MOST_DETECTING_BLINDLY = 2500
# login, statement; what a first call of a session does besides is done before
QUESTIONS: dict[str, tuple[str, str]] = {
    "own status": ("a_member", "select * from syncwell.get_sync_health_status()"),
    "status of a user": ("a_analyst", "select * from syncwell.get_sync_health_status('{member}')"),
    "own issues": ("a_member", "select * from syncwell.get_sync_issues()"),
    "issues of the org": ("a_analyst", "select * from syncwell.get_sync_issues()"),
    "own detection": ("a_member", "select * from syncwell.detect_sync_issues()"),
    "own runs": ("a_member", "select * from syncwell.get_recent_sync_events()"),
    "runs of a user": ("a_analyst", "select * from syncwell.get_recent_sync_events(p_user_id => '{member}')"),
    "runs of the org": ("a_analyst", "select * from syncwell.get_recent_sync_events()"),
    "own errors": ("a_member", "select * from syncwell.get_error_report()"),
    "running syncs": (
        "a_service",
        "select * from syncwell.sync_progress_live where status in ('pending', 'in_progress', 'paused')",
    ),
    "own activity": ("a_member", "select * from syncwell.get_sync_activity()"),
    "activity of a sync": ("a_analyst", "select * from syncwell.get_sync_activity(p_sync_id => 'nothing')"),
    "own sessions": ("a_member", "select * from syncwell.get_recent_sessions()"),
    "sessions of a user": ("a_analyst", "select * from syncwell.get_recent_sessions(p_user_id => '{member}')"),
    "operations of the org": ("a_analyst", "select * from syncwell.get_operations()"),
    "access to oneself": ("a_member", "select * from syncwell.get_access_log()"),
    "idle pull": ("a_member", "select syncwell.sync_pull(p_last_pulled_at => {cursor}, p_device_id => 'd')"),
    "start of a run": ("a_member", "select * from syncwell.record_sync_start('calls', p_run_key => 'key')"),
    "an error": ("a_member", "select syncwell.create_sync_error('calls', 'x', 'ECONNRESET')"),
    "a report": ("a_member", "select * from syncwell.report_sync_progress('new', 1, 10)"),
    "an enqueued operation": (
        "a_member",
        "select * from syncwell.enqueue_operation('push', '{}', p_source => 'calls')",
    ),
    "a claim": ("a_service", "select * from syncwell.claim_operations(1)"),
    "an event": (
        "a_member",
        "select syncwell.ingest_batch("
        '\'event\', \'[{"external_id": "new", "occurred_at": "{now}", "payload": {}}]\', \'calls\')',
    ),
    "a reading": (
        "a_member",
        "select syncwell.ingest_batch('reading', '[{\"occurred_at\": \"{now}\", \"spo2\": 97}]', p_session => 's1')",
    ),
    "leave to sync": ("a_member", "select * from syncwell.request_sync('calls', 'manual', 'd')"),
    "a report of health": (
        "a_member",
        "select * from syncwell.update_sync_health_metrics(null, 'calls', '{\"record_count\": 1}')",
    ),
}


# What reads more than a few pages, and more than one row of.
LONGER: dict[str, tuple[str, str]] = {
    **{
        name: ("a_member", f"select * from syncwell.{call}")
        for name, call in {
            "own history by days": "get_sync_health_history(p_days => 90)",
            "own history by hours": "get_sync_health_history()",
            "own analysis": "analyze_sync_health()",
            "own performance": "analyze_sync_performance()",
            "own drift": "calculate_data_drift()",
            "own freshness": "get_data_freshness()",
            "own uptime": "get_uptime()",
            "own volumes": "get_volume_timeline()",
            "own streams": "get_stream_overview()",
            "own dashboard": "get_integration_dashboard()",
            "own timeline": "get_sync_timeline()",
            "own metrics": "get_sync_metrics()",
            "a first pull": "sync_pull(p_device_id => 'first')",
        }.items()
    },
    "health of the queue": ("a_analyst", "select * from syncwell.get_queue_health_metrics()"),
    "a push": (
        "a_member",
        "select syncwell.sync_push(json_build_object('notes', json_build_object("
        "'created', (select json_agg(json_build_object('id', 'new' || n, 'body', n)) from generate_series(1, 500) as n)"
        ", 'updated', array[]::json[], 'deleted', array[]::text[])), {cursor}, 'd')",
    ),
    "a batch of operations": (
        "a_member",
        "select * from syncwell.enqueue_operations((select json_agg(json_build_object("
        "'operation_type', 'push', 'source', 'calls', 'payload', json_build_object('n', n)"
        ")) from generate_series(1, 5000) as n))",
    ),
    "a batch of events": (
        "a_member",
        "select syncwell.ingest_batch('event', (select json_agg(jsonb_build_object("
        "'external_id', 'new' || n, 'occurred_at', '{now}', 'payload', '{}'::jsonb"
        ")) from generate_series(1, 5000) as n), 'calls')",
    ),
    "a batch of readings": (
        "a_member",
        "select syncwell.ingest_batch('reading', (select json_agg(jsonb_build_object("
        "'occurred_at', '{now}'::timestamptz - n * interval '1 s', 'spo2', 97"
        ")) from generate_series(1, 5000) as n), p_session => 's1')",
    ),
}


def run(connection: psycopg.Connection[Any], text: str) -> None:
    values = {"org": Tenants.org("a"), "member": MEMBER, "users": USERS, "each": ROWS // USERS}
    connection.execute(text.encode(), values if "%" in text else None)


@pytest.fixture(scope="module")
def stale(cluster: Cluster) -> Iterator[Database]:
    """With the statistics of empty tables, and nobody to mend them."""
    with cluster.database() as database:
        with database.connect(autocommit=True) as owner:
            owner.execute("set statement_timeout = 0")
            create(owner, "notes", "(user_id uuid, id text, body text, primary key (user_id, id))")
            for (table,) in owner.execute(LEAVES).fetchall():
                owner.execute(f"alter table {table} set (autovacuum_enabled = off)".encode())
            owner.execute("analyze")
            owner.execute("set session_replication_role = replica")
            for name in [name for name in FILL if name in PEOPLE]:
                run(owner, FILL[name])
            for statement in MATERIAL.strip().rstrip(";").split(";\n"):
                run(owner, statement)
            for name in FILL.keys() - PEOPLE:
                run(owner, FILL[name])
            run(owner, NOTES)
            owner.execute("set session_replication_role = origin")
            register(owner, "notes")
        yield database


@pytest.fixture(scope="module")
def fresh(cluster: Cluster, stale: Database) -> Iterator[Database]:
    """The same, analyzed."""
    with cluster.database(template=stale.name) as database:
        with database.connect(autocommit=True, options="-c statement_timeout=0") as owner:
            owner.execute("analyze")
        yield database


def asking(database: Database, connection: psycopg.Connection[Any], text: str) -> bytes:
    """The question with its values."""
    with database.connect() as owner:
        row = owner.execute("select now()::text").fetchone()
    assert row is not None
    values = {"member": MEMBER, "now": row[0], "cursor": 0}
    if "{cursor}" in text:
        row = connection.execute("select syncwell.sync_pull(p_device_id => 'd') ->> 'timestamp'").fetchone()
        assert row is not None
        values["cursor"] = row[0]
        connection.commit()
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text.encode()


# The later calls of a session may have generic plans.
CALLS = 7


def buffers(database: Database, question: str) -> tuple[int, Any]:
    """Pages that one call reads, once the session's caches are warm; what it did is taken back."""
    login, text = QUESTIONS[question]
    with database.connect(login) as connection:
        asked = asking(database, connection, text)
        pages, plan = 0, None
        for _ in range(CALLS):
            connection.execute("savepoint here")
            row = connection.execute(b"explain (analyze, buffers, timing off, format json) " + asked).fetchone()
            assert row is not None
            plan = row[0][0]["Plan"]
            pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
            connection.execute("rollback to savepoint here")
        connection.rollback()
    return pages, plan


def compiled(connection: psycopg.Connection[Any], asked: bytes) -> list[str]:
    """Where a call plans a statement that a server that can would compile: so says the plan on every server."""
    found = set()

    def look(diagnosis: psycopg.errors.Diagnostic) -> None:
        flags = re.search(r":jitFlags (\d+)", diagnosis.message_detail or "")
        if flags is not None and flags[1] != "0":
            found.add(diagnosis.context or "the statement itself")

    connection.add_notice_handler(look)
    # plans are sent where they are made, and where they were made before nothing is
    connection.execute("discard plans; set debug_print_plan = on; set client_min_messages = log")
    for _ in range(CALLS):
        connection.execute("savepoint here")
        connection.execute(asked)
        connection.execute("rollback to savepoint here")
    connection.rollback()
    return sorted(found)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("statistics", ["stale", "fresh"])
def test_reads_a_few_pages(request: pytest.FixtureRequest, statistics: str, question: str) -> None:
    pages, plan = buffers(request.getfixturevalue(statistics), question)
    is_blind = (statistics, question) == ("stale", "own detection")
    assert pages <= (MOST_DETECTING_BLINDLY if is_blind else MOST[statistics]), plan


@pytest.mark.parametrize("question", QUESTIONS | LONGER)
@pytest.mark.parametrize("statistics", ["stale", "fresh"])
def test_is_not_compiled(request: pytest.FixtureRequest, statistics: str, question: str) -> None:
    """Compiling takes tens of milliseconds, over and over: a stored function's plans are compiled at each call."""
    login, text = (QUESTIONS | LONGER)[question]
    database = request.getfixturevalue(statistics)
    with database.connect(login) as connection:
        assert compiled(connection, asking(database, connection, text)) == []


def test_control_what_seems_large_is_compiled(fresh: Database) -> None:
    with fresh.connect("a_member") as connection:
        assert compiled(connection, b"select count(*) from generate_series(1, 4000) as a, generate_series(1, 4000)")


def test_control_each_of_the_tables_is_larger(stale: Database) -> None:
    """Whoever reads one of them whole is seen, and the planner knows nothing of it."""
    with stale.connect() as owner:
        sizes = owner.execute(
            """
            select t.name, sum(pg_relation_size(c.oid)) / 8192, max(c.reltuples)
            from unnest(%s::text[]) as t (name)
            join pg_class as c on c.oid in (
              select format('syncwell.%%I', t.name)::regclass
              union all
              select p.relid from pg_partition_tree(format('syncwell.%%I', t.name)::regclass) as p
            )
            group by t.name
            """,
            [sorted(FILL.keys() - PEOPLE)],
        ).fetchall()
    assert len(sizes) == len(FILL) - len(PEOPLE)
    assert {name for name, pages, guess in sizes if pages <= max(MOST.values()) or guess > 0} == set()
