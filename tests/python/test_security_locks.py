"""What anybody may lock, or hold in a transaction that never ends, stops neither other orgs nor maintenance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness import Tenants

if TYPE_CHECKING:
    import psycopg

    from harness import Database

A, B = Tenants.org("a"), Tenants.org("b")

# What those who are locked out would wait for, if it were an advisory lock.
HOLD = "select pg_advisory_lock(hashtextextended(%s, 0) # stripe) from generate_series(0, 63) as stripe"
KEYS = (
    "syncwell.queue_defaults",
    "syncwell.ensure_partitions",
    "syncwell.refresh_sync_metrics",
    f"syncwell.twins.{A}",
    f"syncwell.order.{A}",
    f"syncwell.sessions.{A}.{Tenants.id('a_member')}",
)


def value(connection: psycopg.Connection[Any], query: str, *arguments: object) -> Any:
    row = connection.execute(query.encode(), arguments or None).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("login", "query"),
    [
        ("operator", "select syncwell.register_org('Another')"),
        ("operator", "select syncwell.set_setting('queue.max_attempts', '7')"),
        ("operator", "select count(*) from syncwell.ensure_partitions()"),
        ("operator", "select count(*) from syncwell.drop_old_partitions()"),
        ("a_member", "select session_id from syncwell.start_session('s1')"),
        (
            "a_member",
            "select operation_id from syncwell.enqueue_operation('x', p_dedup_key => 'k', p_mode => 'replace')",
        ),
        ("a_member", "select operation_id from syncwell.enqueue_operation('x', p_ordering_key => 'k')"),
        ("a_member", "select syncwell.ingest_batch('reading', '[]', p_session => 's1')"),
    ],
)
def test_no_lock_that_any_login_can_take_is_waited_for(database: Database, login: str, query: str) -> None:
    anybody = database.connect("nobody_login", autocommit=True)
    for key in KEYS:
        anybody.execute(HOLD, [key])
    with database.connect(login, options="-c lock_timeout=2s") as caller:
        assert value(caller, query) is not None


def test_nobody_keeps_metrics_from_being_counted(database: Database) -> None:
    member, owner = database.connect("a_member", autocommit=True), database.connect(autocommit=True)
    member.execute(
        "select syncwell.record_sync_complete(r.event_id, r.lease, 3) from syncwell.record_sync_start('calls') as r"
    )
    anybody = database.connect("nobody_login", autocommit=True)
    anybody.execute(HOLD, ["syncwell.refresh_sync_metrics"])
    assert value(owner, "select syncwell.refresh_sync_metrics()") > 0


def test_metrics_are_counted_by_one_at_a_time(database: Database) -> None:
    member, owner = database.connect("a_member", autocommit=True), database.connect()
    member.execute(
        "select syncwell.record_sync_complete(r.event_id, r.lease, 3) from syncwell.record_sync_start('calls') as r"
    )
    assert value(owner, "select syncwell.refresh_sync_metrics()") > 0
    member.execute(
        "select syncwell.record_sync_complete(r.event_id, r.lease, 3) from syncwell.record_sync_start('mails') as r"
    )
    second = database.connect(autocommit=True)
    assert value(second, "select syncwell.refresh_sync_metrics()") == 0
    owner.commit()
    assert value(second, "select syncwell.refresh_sync_metrics()") > 0


def test_who_holds_a_row_keeps_its_own_details_only(database: Database) -> None:
    operator, owner = database.connect("operator", autocommit=True), database.connect(autocommit=True)
    for login in ("a_member", "a_other", "b_member"):
        with database.connect(login) as connection:
            connection.execute("select syncwell.start_session('s1', p_device_id => %s)", [login])
    holder = database.connect("a_member")
    holder.execute("select syncwell.complete_session('s1')")
    for org in (A, B):
        operator.execute("select syncwell.set_setting('consent_required', 'on', p_org_id => %s)", [org])
    devices = "select array_agg(device_id) from syncwell.sync_sessions where device_id is not null"

    owner.execute("select syncwell._erase_unconsented_task()")
    assert value(owner, devices) == ["a_member"]

    holder.rollback()
    owner.execute("set syncwell.fake_now = '2100-01-01 00:00+00'")
    owner.execute("select syncwell._erase_unconsented_task()")
    assert value(owner, devices) is None


def test_who_holds_a_row_keeps_its_own_org_from_expiring_only(database: Database) -> None:
    operator, owner = database.connect("operator", autocommit=True), database.connect(autocommit=True)
    for org, login in ((A, "a_member"), (B, "b_member")):
        with database.connect(login) as connection:
            connection.execute("select syncwell.start_session('old', '2020-01-01 00:00+00')")
        operator.execute("select syncwell.set_setting('ingest.session_retention', '30 days', p_org_id => %s)", [org])
    holder = database.connect("a_member")
    holder.execute("select syncwell.ingest_batch('reading', '[]', p_session => 'new')")
    owner.execute("set lock_timeout = '1s'")

    left = "select array_agg(org_id) from syncwell.sync_sessions"
    assert value(owner, "select syncwell._expire_ingest_task()") == 1
    assert value(owner, left) == [A]
    holder.rollback()
    assert value(owner, "select syncwell._expire_ingest_task()") == 1
    assert value(owner, left) is None
