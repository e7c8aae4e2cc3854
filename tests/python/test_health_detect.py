"""What finding issues reads: one user's streams in a large org, not the org; and no table once for each stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import uuid

    import psycopg

    from harness import Cluster, Database, Tenants

# Everybody's stream fails, hangs, has a device that is refused and an operation that waits; the member is one of them.
CROWD = """
insert into syncwell.users (org_id, user_id, role)
select %(org)s, md5(%(org)s::text || n)::uuid, 'member' from generate_series(1, %(users)s) as n;
insert into syncwell.streams (org_id, user_id, source, platform, expected_interval)
select u.org_id, u.user_id, 'app', 'android', '1 hour'
from syncwell.users as u where u.org_id = %(org)s and u.role = 'member';
insert into syncwell.sync_state (
  org_id, stream_id, user_id, last_successful_sync, last_failed_sync, last_status, last_run_at, recent_outcomes,
  total_runs, consecutive_failures
)
select
  s.org_id, s.stream_id, s.user_id, syncwell._now() - interval '2 hours', syncwell._now(), 'failed', syncwell._now(),
  b'1110', 4, 1
from syncwell.streams as s where s.org_id = %(org)s;
insert into syncwell.stream_states (org_id, stream_id, user_id, source, queue_depth, queue_oldest_at, queue_reported_at)
select s.org_id, s.stream_id, s.user_id, s.source, 1, syncwell._now() - interval '2 hours', syncwell._now()
from syncwell.streams as s where s.org_id = %(org)s;
insert into syncwell.sync_devices (org_id, user_id, device_id, first_seen, last_seen, failing_since)
select s.org_id, s.user_id, 'phone', syncwell._now(), syncwell._now(), syncwell._now()
from syncwell.streams as s where s.org_id = %(org)s;
insert into syncwell.sync_health (org_id, stream_id, device_id, user_id, source, reported_at, received_at)
select
  s.org_id, s.stream_id, 'phone', s.user_id, s.source, syncwell._now(), syncwell._now() - interval '2 minutes'
from syncwell.streams as s where s.org_id = %(org)s;
insert into syncwell.sync_events (org_id, id, stream_id, user_id, source, sync_type, status, started_at, lease)
select
  s.org_id, syncwell._uuid7(syncwell._now() - interval '25 hours'), s.stream_id, s.user_id, s.source, 'incremental',
  'started', syncwell._now() - interval '25 hours', s.stream_id
from syncwell.streams as s where s.org_id = %(org)s;
insert into syncwell.sync_errors (
  org_id, id, stream_id, user_id, source, fingerprint, error_type, error_class, lane, next_retry_at, retry_lease,
  retry_lease_until, created_at, first_seen, last_seen
)
select
  s.org_id, gen_random_uuid(), s.stream_id, s.user_id, s.source, 'x', 'TIMEOUT', 'transient', 'fast',
  syncwell._now() - interval '1 hour', s.stream_id, syncwell._now() - interval '1 hour', syncwell._now(),
  syncwell._now(), syncwell._now()
from syncwell.streams as s where s.org_id = %(org)s;
insert into syncwell.volume_baselines (
  org_id, series_id, stream_id, user_id, source, platform, time_zone, learned_at, history_to, checked_to, rates
)
select
  s.org_id, s.stream_id, s.stream_id, s.user_id, s.source, s.platform, 'UTC', syncwell._now(), syncwell._now(),
  syncwell._now(), array(select random() from generate_series(1, 168))
from syncwell.streams as s where s.org_id = %(org)s
"""
TYPES = ["clock_skew", "failure", "queue_backlog", "rejected_pushes", "stale_data", "stuck", "stuck"]


def buffers(session: psycopg.Connection[Any], question: str) -> int:
    """Shared buffers that one call touches, once the session plans for everybody alike."""
    for _ in range(7):
        session.execute(question)
    row = session.execute(f"explain (analyze, buffers, timing off, format json) {question}").fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def fill(owner: psycopg.Connection[Any], org: uuid.UUID, users: int) -> None:
    for statement in CROWD.split(";\n"):
        owner.execute(statement.encode(), {"org": org, "users": users})


def test_one_user_of_many_reads_that_user(database: Database, tenants: Tenants) -> None:
    with database.connect(autocommit=True) as owner:
        fill(owner, tenants.org("a"), 800)
        owner.execute("analyze")
    question = "select issue_type from syncwell.detect_sync_issues()"

    with database.connect("a_member", autocommit=True) as member:
        assert sorted(row[0] for row in member.execute(question)) == TYPES
        one = buffers(member, question)
    with database.connect("a_analyst", autocommit=True) as analyst:
        found = analyst.execute(f"select issue_type, count(*) from ({question}) as i group by 1").fetchall()
        assert dict(found) == {kind: TYPES.count(kind) * 802 for kind in TYPES}
        all_of_them = buffers(analyst, question)
    assert one <= 100, "every table is looked up by its stream"
    # the control: the whole org is as much more as there are streams
    assert all_of_them > 20 * one


def rows_scanned(database: Database, tenants: Tenants, unset: str = "") -> int:
    """Rows that sequential scans read for a crowd, in a session that has planned for a small org in small tables."""
    with database.connect(autocommit=True) as owner:
        fill(owner, tenants.org("b"), 3)
        owner.execute("vacuum analyze")
        if unset:
            owner.execute(unset.encode())
        # in one transaction, so that nothing is analysed in between
        with owner.transaction():
            question = "select count(*) from syncwell._issues_of(%s, null, null, null, true)"
            for _ in range(10):
                assert owner.execute(question, [tenants.org("b")]).fetchone() == (len(TYPES) * 4,)
            fill(owner, tenants.org("a"), 800)
            scanned = "select sum(seq_tup_read)::bigint from pg_stat_xact_user_tables where schemaname = 'syncwell'"
            before = owner.execute(scanned).fetchone()
            assert owner.execute(question, [tenants.org("a")]).fetchone() == (len(TYPES) * 802,)
            after = owner.execute(scanned).fetchone()
    assert before is not None
    assert after is not None
    return int(after[0]) - int(before[0])


def test_a_session_that_planned_for_small_tables_reads_none_for_each_stream(
    database: Database, cluster: Cluster, tenants: Tenants
) -> None:
    assert rows_scanned(database, tenants) < 802
    with cluster.database() as other:
        unset = "alter function syncwell._issues_of(uuid, uuid[], text, uuid, boolean, interval) reset enable_seqscan"
        assert rows_scanned(other, tenants, unset) > 802 * 100, "the control: once for each"
