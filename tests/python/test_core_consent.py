"""Details without consent: erased from every table, in batches that go on where they stopped, and kept out after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from harness import Tenants, wait_until

if TYPE_CHECKING:
    from harness import Database

A = Tenants.org("a")
MEMBER = Tenants.id("a_member")
OTHER = Tenants.id("a_other")

SEEDS = """
select syncwell.act_as(%(user)s);
select syncwell.record_sync_error(e.event_id, e.lease, 'DETAIL', 'E1', p_details => '{"what": "DETAIL"}')
from syncwell.record_sync_start('calls', p_device_id => 'DETAIL', p_network_type => 'DETAIL') as e;
select syncwell.update_sync_health_metrics(
  null, 'calls', '{"device_id": "DETAIL", "network": "DETAIL", "queue_depth": 7}'
);
select syncwell.report_client_queue('DETAIL', 3, p_source => 'calls');
select syncwell.enqueue_operation('send', '{"x": 1}', p_device_id => 'DETAIL');
select syncwell.fail_operation(o.operation_id, o.lease_token, 'DETAIL', p_code => 'DETAIL')
from syncwell.claim_operations(1) as o;
"""
ISSUE = """
insert into syncwell.sync_issues (
  org_id, id, fingerprint, issue_type, severity, state, stream_id, user_id, source, evidence, opened_at, last_seen_at
)
select
  s.org_id, gen_random_uuid(), gen_random_uuid()::text, 'clock_skew', 'info', 'open', s.stream_id, s.user_id, s.source,
  '{"device_id": "DETAIL", "ahead_seconds": 9}', syncwell._now(), syncwell._now()
from syncwell.streams as s
where s.user_id = %s and s.source = 'calls'
"""


def seed(database: Database, user: Any) -> None:
    with database.connect("gateway") as gateway:
        for statement in SEEDS.strip().split(";\n"):
            gateway.execute(statement.encode(), {"user": user} if "%(" in statement else None)
    with database.connect() as owner:
        owner.execute(ISSUE, [user])


def require(database: Database, value: str = "on") -> None:
    with database.connect("operator") as operator:
        operator.execute("select syncwell.set_setting('consent_required', %s, p_org_id => %s)", [value, A])


def details(database: Database, user: Any) -> list[str]:
    """The tables in which a row of the user has the word in a column that does not have to stay."""
    found: list[str] = []
    with database.connect() as owner:
        for table, column, user_column in owner.execute(
            "select table_name, column_name, user_column from syncwell.personal_details where on_revoke <> 'keep'"
        ).fetchall():
            query = sql.SQL("select 1 from syncwell.{} where {} = %s and {}::text like '%%DETAIL%%'").format(
                sql.Identifier(table), sql.Identifier(user_column), sql.Identifier(column)
            )
            if owner.execute(query, [user]).fetchone():
                found.append(f"{table}.{column}")
    return sorted(found)


EVERYWHERE = [
    "client_queues.device_id",
    "sync_activity_log.error_message",
    "sync_errors.error_details",
    "sync_errors.error_message",
    "sync_events.device_id",
    "sync_events.error_message",
    "sync_events.network_type",
    "sync_health.device_id",
    "sync_health.network",
    "sync_issues.evidence",
    "sync_queue.device_id",
    "sync_queue.last_error",
    "sync_queue.last_error_code",
]


def run_task(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select syncwell._erase_unconsented_task()").fetchone()
    connection.commit()
    assert row is not None
    return int(row[0])


def later(connection: psycopg.Connection[Any], hours: float) -> None:
    connection.execute(
        "select set_config('syncwell.fake_now', (clock_timestamp() + make_interval(secs => %s))::text, false)",
        [hours * 3600],
    )
    connection.commit()


def pending(connection: psycopg.Connection[Any]) -> list[Any]:
    rows = connection.execute("select user_id from syncwell.detail_erasures order by user_id").fetchall()
    connection.commit()
    return [row[0] for row in rows]


def wait_for_erasure(owner: psycopg.Connection[Any]) -> None:
    """The server's own work, such as autovacuum, may be an older transaction for a moment."""
    wait_until("the erasure", lambda: run_task(owner) == 0 and pending(owner) == [])


def test_switching_consent_on_erases_what_was_stored_without(database: Database) -> None:
    seed(database, MEMBER)
    seed(database, OTHER)
    assert details(database, MEMBER) == EVERYWHERE
    with database.connect("a_other") as other:
        other.execute("select syncwell.grant_consent('detailed_monitoring')")
    require(database)
    with database.connect() as owner:
        assert OTHER not in pending(owner)
        assert MEMBER in pending(owner)
        assert run_task(owner) > 0
        assert details(database, MEMBER) == []
        assert details(database, OTHER) == EVERYWHERE  # who consented keeps them
        # the queue of a device whose report had to go counts no more
        depth = owner.execute("select queue_depth from syncwell.stream_states where user_id = %s", [MEMBER]).fetchone()
        assert depth == (None,)
        assert owner.execute("select evidence from syncwell.sync_issues where user_id = %s", [MEMBER]).fetchone() == (
            {"ahead_seconds": 9},
        )
        owner.commit()
        assert MEMBER in pending(owner)  # somebody may still be writing
        later(owner, 2)
        wait_for_erasure(owner)


@pytest.mark.parametrize("source", [None, "calls"])
def test_a_setting_of_a_source_decides_nothing_about_consent(database: Database, source: str | None) -> None:
    """It is asked for an org, never for a source: so one must not erase either."""
    seed(database, MEMBER)
    with database.connect("operator") as operator:
        operator.execute(
            "select syncwell.set_setting('consent_required', 'on', %s, p_org_id => %s)",
            [source or "calls", A if source else None],
        )
    with database.connect() as owner:
        assert run_task(owner) == 0
    assert details(database, MEMBER) == EVERYWHERE


def test_removing_an_exception_requires_consent_too(database: Database) -> None:
    require(database, "off")
    with database.connect("operator") as operator:
        operator.execute("select syncwell.set_setting('consent_required', 'on')")
    seed(database, MEMBER)
    with database.connect("operator") as operator:
        operator.execute("select syncwell.set_setting('consent_required', null, p_org_id => %s)", [A])
    with database.connect() as owner:
        assert run_task(owner) > 0
    assert details(database, MEMBER) == []


def test_batches_go_on_where_they_stopped(database: Database) -> None:
    with database.connect("gateway") as gateway:
        gateway.execute("select syncwell.act_as(%s)", [MEMBER])
        for source in ("calls", "mail"):
            gateway.execute(
                "select syncwell.record_sync_start(%s, p_device_id => 'DETAIL') from generate_series(1, 10)", [source]
            )
    require(database)
    with database.connect() as owner:
        steps: list[tuple[int, bool]] = []
        for _ in range(10):
            row = owner.execute("select * from syncwell._erase_details(%s, %s, 3)", [A, MEMBER]).fetchone()
            owner.commit()
            assert row is not None
            steps.append(row)
            if row[1]:
                break
        assert [erased for erased, _ in steps] == [3, 3, 3, 3, 3, 3, 2]
    assert details(database, MEMBER) == []


def test_a_detail_that_is_being_written_meanwhile_is_erased_later(database: Database) -> None:
    """A writer that looked before consent was revoked ends after the first pass."""
    require(database)
    with database.connect("a_member") as member:
        member.execute("select syncwell.grant_consent('detailed_monitoring')")
    writer = database.connect("gateway")
    writer.execute("select syncwell.act_as(%s)", [MEMBER])
    writer.execute("select syncwell.record_sync_start('calls', p_device_id => 'DETAIL')")
    with database.connect("a_member") as member:
        row = member.execute("select * from syncwell.revoke_consent('detailed_monitoring')").fetchone()
        assert row == (True, 0, True)
    writer.commit()
    assert details(database, MEMBER) == ["sync_events.device_id"]  # the control: one pass is not enough
    with database.connect() as owner:
        later(owner, 2)
        assert run_task(owner) == 1
        assert details(database, MEMBER) == []
        assert MEMBER in pending(owner)  # it found something: there may be more
        wait_for_erasure(owner)


def test_a_transaction_that_is_older_keeps_the_erasure_open(database: Database) -> None:
    require(database)
    with database.connect() as owner:
        # the others are done with before the writer begins
        later(owner, 2)
        run_task(owner)
        wait_for_erasure(owner)
    writer = database.connect("gateway")
    writer.execute("select syncwell.act_as(%s)", [MEMBER])
    writer.execute("select syncwell.record_sync_start('calls')")
    with database.connect("a_member") as member:
        member.execute("select syncwell.revoke_consent('detailed_monitoring')")
    with database.connect() as owner:
        later(owner, 2)
        assert run_task(owner) == 0
        assert pending(owner) == [MEMBER]
        writer.commit()
        assert run_task(owner) == 0
        wait_for_erasure(owner)


def test_two_maintainers_do_not_wait_for_each_other(database: Database) -> None:
    seed(database, MEMBER)
    require(database)
    first, second = database.connect(), database.connect()
    row = first.execute("select syncwell._erase_unconsented_task()").fetchone()
    assert row is not None
    assert row[0] > 0
    second.execute("set lock_timeout = '1s'")
    assert run_task(second) == 0
    first.commit()
    assert details(database, MEMBER) == []


def test_what_has_to_stay_is_shown_to_nobody_else(database: Database) -> None:
    """The registry's word keep: the payload of an operation, to its user only."""
    seed(database, MEMBER)
    require(database)
    with database.connect("a_admin") as admin:
        assert admin.execute("select payload from syncwell.get_operations()").fetchall() == [(None,)]
    with database.connect("a_member") as member:
        assert member.execute("select payload from syncwell.get_operations()").fetchall() == [({"x": 1},)]


# every column that by its name holds a detail, of a table with rows of users
NAMED_LIKE_DETAILS = """
select c.relname || '.' || a.attname
from pg_class as c
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'syncwell'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and exists (select from syncwell.personal_data as p where p.table_name = c.relname)
  and a.attname ~ '(^|_)(device|network|payload|evidence|record)|error_message|error_details|last_error$|^error$'
  and a.atttypid in ('text'::regtype, 'json'::regtype, 'jsonb'::regtype)
  and not exists (
    select from syncwell.personal_details as d where d.table_name = c.relname and d.column_name = a.attname
  )
order by 1
"""
NO_DETAIL = {
    "record_changes.record_id": "an id",
    "sync_conflicts.record_id": "an id",
    "sync_quarantine.record_id": "an id",
    "sync_cursors.page_record": "an id",
    "sync_devices.records": "how many",
    "volume_baselines.evidence": "numbers of a stream",
    "data_events.payload": "the data itself, not a sample of it for monitoring",
    "session_records.payload": "the data itself, not a sample of it for monitoring",
}


def test_every_column_named_like_a_detail_is_registered(db: psycopg.Connection[Any]) -> None:
    assert {name for (name,) in db.execute(NAMED_LIKE_DETAILS)} == NO_DETAIL.keys()
    db.execute("alter table syncwell.streams add device_name text")
    assert ("streams.device_name",) in db.execute(NAMED_LIKE_DETAILS).fetchall()


def test_the_registry_of_details_names_columns_that_exist(db: psycopg.Connection[Any]) -> None:
    query = """
    select d.table_name, d.column_name from syncwell.personal_details as d
    where not exists (
      select from pg_attribute as a
      where a.attrelid = to_regclass('syncwell.' || d.table_name) and a.attname = d.column_name
        and (d.document_keys is null or a.atttypid = 'jsonb'::regtype)
        and (d.on_revoke <> 'clear' or not a.attnotnull or d.document_keys is not null)
    )
    """
    assert db.execute(query).fetchall() == []
    db.execute(
        "insert into syncwell.personal_details (table_name, column_name, user_column, on_revoke, description)"
        " values ('streams', 'nothing', 'user_id', 'clear', 'x')"
    )
    assert db.execute(query).fetchall() == [("streams", "nothing")]
