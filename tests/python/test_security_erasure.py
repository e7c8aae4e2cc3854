"""Nothing of a person outlives its erasure: not what was detached, not what old snapshots write; and it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness import Tenants

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from harness import Database

A = Tenants.org("a")
MEMBER, FOREIGN = Tenants.id("a_member"), Tenants.id("b_member")
DETACHED = "sync_activity_log_2025_01_detached"


@pytest.fixture
def owner(database: Database) -> psycopg.Connection[Any]:
    return database.connect(autocommit=True)


@pytest.fixture
def operator(database: Database) -> psycopg.Connection[Any]:
    return database.connect("operator", autocommit=True)


@pytest.fixture
def detached(owner: psycopg.Connection[Any], operator: psycopg.Connection[Any]) -> None:
    """A month of the activity log that is kept as a table of its own, with an error of the member."""
    owner.execute("set syncwell.fake_now = '2025-01-10 12:00+00'")
    owner.execute("select syncwell.ensure_partitions('sync_activity_log')")
    owner.execute(
        "select syncwell._log_activity(%s, %s, 'batch_process', 'failed', p_error_message => 'not at home')",
        [A, MEMBER],
    )
    owner.execute("set syncwell.fake_now = ''")
    operator.execute("select syncwell.set_setting('activity.on_expiry', 'detach')")
    operator.execute("select syncwell.drop_old_partitions('sync_activity_log')")


def kept(owner: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    query = f"select user_id, error_message from syncwell.{DETACHED}"
    return owner.execute(query.encode()).fetchall()


@pytest.mark.usefixtures("detached")
def test_what_was_detached_is_exported_and_erased(
    database: Database, owner: psycopg.Connection[Any], operator: psycopg.Connection[Any]
) -> None:
    assert kept(owner) == [(MEMBER, "not at home")]
    with database.connect("a_member") as member:
        rows = member.execute("select table_name, data from syncwell.export_user(%s)", [MEMBER]).fetchall()
    assert [data["error_message"] for table, data in rows if table == DETACHED] == ["not at home"]

    erased = operator.execute("select table_name, action from syncwell.erase_user(%s)", [MEMBER]).fetchall()
    assert (DETACHED, "anonymised") in erased
    assert kept(owner) == [(None, None)]


@pytest.mark.usefixtures("detached")
def test_what_was_detached_keeps_no_detail_without_consent(
    database: Database, owner: psycopg.Connection[Any], operator: psycopg.Connection[Any]
) -> None:
    operator.execute("select syncwell.set_setting('consent_required', 'on', p_org_id => %s)", [A])
    with database.connect("a_member") as member:
        member.execute("select syncwell.revoke_consent('detailed_monitoring')")
    assert kept(owner) == [(MEMBER, None)]


@pytest.fixture
def old_snapshot(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A transaction of the member that has only read, of a moment that is kept."""
    connection = database.connect("a_member")
    connection.execute("set transaction isolation level repeatable read")
    connection.execute("select 1")
    yield connection
    connection.rollback()


def test_what_an_old_snapshot_writes_is_erased(
    owner: psycopg.Connection[Any], operator: psycopg.Connection[Any], old_snapshot: psycopg.Connection[Any]
) -> None:
    operator.execute("select syncwell.erase_user(%s)", [MEMBER])
    left = "select count(*) from syncwell.sync_queue where user_id = %s"
    for day in (1, 2):
        owner.execute(f"set syncwell.fake_now = '2100-01-0{day} 00:00+00'".encode())
        owner.execute("select syncwell._erase_leftovers_task()")
    old_snapshot.execute("""select syncwell.enqueue_operation('call', '{"name": "Bob"}')""")
    old_snapshot.commit()
    assert owner.execute(left, [MEMBER]).fetchone() == (1,)

    owner.execute("set syncwell.fake_now = '2100-01-03 00:00+00'")
    owner.execute("select syncwell._erase_leftovers_task()")
    assert owner.execute(left, [MEMBER]).fetchone() == (0,)
    assert owner.execute("select settled_at is not null from syncwell.erasures").fetchall() == [(True,)]


def test_a_detail_that_an_old_snapshot_writes_is_erased(
    database: Database,
    owner: psycopg.Connection[Any],
    operator: psycopg.Connection[Any],
) -> None:
    operator.execute("select syncwell.set_setting('consent_required', 'on', p_org_id => %s)", [A])
    with database.connect("a_member") as member:
        member.execute("select syncwell.grant_consent('detailed_monitoring')")
    old = database.connect("a_member")
    old.execute("set transaction isolation level repeatable read")
    old.execute("select 1")
    with database.connect("a_member") as member:
        member.execute("select syncwell.revoke_consent('detailed_monitoring')")
    for day in (1, 2):
        owner.execute(f"set syncwell.fake_now = '2100-01-0{day} 00:00+00'".encode())
        owner.execute("select syncwell._erase_unconsented_task()")
    old.execute("select syncwell.start_session('s1', p_device_id => 'phone')")
    old.commit()
    device = "select device_id from syncwell.sync_sessions"
    assert owner.execute(device).fetchall() == [("phone",)]

    for day in (3, 4, 5):
        owner.execute(f"set syncwell.fake_now = '2100-01-0{day} 00:00+00'".encode())
        owner.execute("select syncwell._erase_unconsented_task()")
    assert owner.execute(device).fetchall() == [(None,)]
    # ours are done with, and nobody is looked at for ever
    assert owner.execute("select user_id from syncwell.detail_erasures where user_id = %s", [MEMBER]).fetchall() == []


def test_the_org_of_a_person_is_told_also_by_operators_of_another_org(
    database: Database, owner: psycopg.Connection[Any]
) -> None:
    owner.execute("select syncwell.bind_login('operator', 'user', null, %s)", [Tenants.id("a_admin")])
    with database.connect("operator") as operator:
        operator.execute("select syncwell.export_user(%s)", [FOREIGN])
    with database.connect("b_admin") as admin:
        seen = admin.execute("select login_role, user_id, role, function_name, subject from syncwell.get_access_log()")
        assert seen.fetchall() == [("operator", None, "operator", "export_user", FOREIGN)]
