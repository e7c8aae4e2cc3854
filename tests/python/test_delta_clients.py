"""Who syncs: the list of devices, and having them start anew."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from harness import wait_for_lock

if TYPE_CHECKING:
    from harness import Database, Tenants

Connection = psycopg.Connection[Any]

CURSOR = """
insert into syncwell.sync_cursors (org_id, user_id, cursor, device_id, incarnation, snapshot, created_at)
values (%s, %s, %s, %s, syncwell._incarnation(), pg_current_snapshot(), syncwell._now())
"""
NOTE = """
select syncwell._note_pull(%s, %s, %s, %s, %s, 1, 3, 2, 1, 900, %s, syncwell._now(), '{"platform": "ios"}')
"""


def pull(owner: Connection, org: Any, user: Any, device: str, cursor: int, kind: str = "first") -> None:
    """As sync_pull() does it: the cursor is stored, then noted."""
    owner.execute(CURSOR, [org, user, cursor, device])
    owner.execute(NOTE, [org, user, device, kind, cursor, Jsonb({"1": 4, "2": 6})])


@pytest.fixture
def clients(db: Connection, tenants: Tenants) -> Connection:
    """Two devices of a member, one of another one, one in another org; the last one seen pulled last."""
    for minute, (org, name, device) in enumerate(
        (("a", "a_member", "phone"), ("b", "b_member", "phone"), ("a", "a_other", ""), ("a", "a_member", "tablet"))
    ):
        db.execute("select set_config('syncwell.fake_now', %s, true)", [f"2026-03-10 08:0{minute}+00"])
        pull(db, tenants.org(org), tenants.id(name), device, 1024 + minute)
    db.execute("select set_config('syncwell.fake_now', '', true)")
    return db


def ask(connection: Connection, login: str, question: str, *arguments: Any) -> list[dict[str, Any]]:
    """As this login, which is left again."""
    with connection.transaction():
        connection.execute(f"set local session authorization {login}".encode())
        rows = connection.cursor(row_factory=dict_row).execute(question.encode(), arguments).fetchall()
        connection.execute("reset session authorization")
    return rows


LIST = "select * from syncwell.get_sync_clients()"


def devices(rows: list[dict[str, Any]]) -> list[str | None]:
    return [row["device_id"] for row in rows]


def test_the_devices_are_listed(clients: Connection, tenants: Tenants) -> None:
    rows = ask(clients, "a_member", LIST)
    assert devices(rows) == ["tablet", "phone"], "seen last, first"
    told = {
        "user_id": tenants.id("a_member"), "platform": "ios", "app_version": None, "network_type": None,
        "next_pull": "incremental", "schema_version": 1, "records": 10, "pulls": 1, "pushes": 0, "failures": 0,
        "failing_since": None, "last_error_code": None, "conflicts": 0, "quarantined": 0, "open_quarantined": 0,
        "full_resyncs": 0, "last_push": None,
    }  # fmt: skip
    assert told.items() <= rows[0].items()
    assert rows[0]["last_seen"] == rows[0]["last_pull"] == rows[0]["first_seen"]
    assert rows[1]["cursor_age"] - rows[0]["cursor_age"] == rows[0]["last_pull"] - rows[1]["last_pull"]


def test_who_sees_which_devices(clients: Connection, tenants: Tenants) -> None:
    assert devices(ask(clients, "a_other", LIST)) == [None], "a client that names none"
    for login in ("a_analyst", "a_admin", "a_service"):
        assert devices(ask(clients, login, LIST)) == ["tablet", None, "phone"]
    of_user = "select * from syncwell.get_sync_clients(%s)"
    assert devices(ask(clients, "a_analyst", of_user, tenants.id("a_member"))) == ["tablet", "phone"]
    assert devices(ask(clients, "a_member", of_user, tenants.id("a_member"))) == ["tablet", "phone"]
    assert devices(ask(clients, "a_analyst", "select * from syncwell.get_sync_clients(p_limit => 1)")) == ["tablet"]
    for login, user in (("a_member", "a_other"), ("a_analyst", "b_member"), ("a_analyst", "nobody")):
        with pytest.raises(psycopg.Error) as caught:
            ask(clients, login, of_user, tenants.id(user))
        assert caught.value.diag.sqlstate == "SW002"


def next_pulls(connection: Connection) -> dict[str | None, str]:
    return {row["device_id"]: row["next_pull"] for row in ask(connection, "a_member", LIST)}


def test_what_the_next_pull_will_be(clients: Connection, tenants: Tenants) -> None:
    user = tenants.id("a_member")
    clients.execute("delete from syncwell.sync_cursors where device_id = 'phone'")
    clients.execute(
        "select syncwell._note_push(%s, %s, 'new', false, 0, 0, 0, 0, 0, 0, syncwell._now(), '40001', 'x', null)",
        [tenants.org("a"), user],
    )
    assert next_pulls(clients) == {"phone": "replacement", "tablet": "incremental", "new": "first"}
    for scope in (tenants.id("a_other"), tenants.org("b")):
        clients.execute("insert into syncwell.sync_horizons values (%s, '9999999999', 1, now())", [scope])
    assert next_pulls(clients)["tablet"] == "incremental", "somebody else's horizon"
    for scope in (user, tenants.org("a")):
        with clients.transaction(force_rollback=True):
            clients.execute("insert into syncwell.sync_horizons values (%s, '9999999999', 1, now())", [scope])
            assert next_pulls(clients)["tablet"] == "replacement"
    clients.execute("insert into syncwell.sync_incarnations (system_identifier) values ('another')")
    assert next_pulls(clients)["tablet"] == "replacement", "in another cluster"


def test_open_bad_records_are_counted(clients: Connection, tenants: Tenants) -> None:
    clients.execute(
        """
        insert into syncwell.sync_quarantine (
          org_id, id, user_id, device_id, table_name, record_id, action, error_code, reason, quarantined_at, resolved_at
        )
        select %s, gen_random_uuid(), %s, 'tablet', 'todos', n::text, 'created', '23514', 'no', now(),
          case when n = 1 then now() end
        from generate_series(1, 3) as n
        """,
        [tenants.org("a"), tenants.id("a_member")],
    )
    assert [row["open_quarantined"] for row in ask(clients, "a_member", LIST)] == [2, 0]


def invalidate(connection: Connection, login: str, *arguments: Any) -> int:
    marks = ", ".join(["%s"] * len(arguments))
    (row,) = ask(connection, login, f"select syncwell.invalidate_client({marks}) as devices", *arguments)
    return int(row["devices"])


def invalidated(connection: Connection) -> list[tuple[Any, str]]:
    """Devices that may shrink and whose cursors are not known any more; nothing in between."""
    rows = connection.execute(
        """
        select
          d.user_id, d.device_id, d.may_shrink,
          coalesce(not pg_visible_in_snapshot(d.invalidated_xid, c.snapshot), false)
        from syncwell.sync_devices as d join syncwell.sync_cursors as c using (org_id, user_id, device_id, cursor)
        order by d.first_seen
        """
    ).fetchall()
    assert all(may_shrink == unknown for _, _, may_shrink, unknown in rows)
    return [(user, device) for user, device, _, unknown in rows if unknown]


@pytest.mark.parametrize(
    ("login", "user", "device", "expected"),
    [
        ("a_member", None, None, [("a_member", "phone"), ("a_member", "tablet")]),
        ("a_member", "a_member", "tablet", [("a_member", "tablet")]),
        ("a_analyst", None, None, []),
        ("a_service", "a_member", "phone", [("a_member", "phone")]),
        ("a_admin", "a_other", "", [("a_other", "")]),
        ("a_service", None, None, [("a_member", "phone"), ("a_other", ""), ("a_member", "tablet")]),
        ("a_service", None, "phone", [("a_member", "phone")]),
        ("operator", None, "phone", [("a_member", "phone"), ("b_member", "phone")]),
        ("operator", "b_member", None, [("b_member", "phone")]),
    ],
)
def test_who_may_invalidate_what(
    clients: Connection, tenants: Tenants, login: str, user: str | None, device: str | None, expected: list[Any]
) -> None:
    assert invalidate(clients, login, None if user is None else tenants.id(user), device) == len(expected)
    assert invalidated(clients) == [(tenants.id(name), device) for name, device in expected]


@pytest.mark.parametrize(
    ("login", "user", "device", "sqlstate"),
    [
        ("a_member", "a_other", None, "SW002"),
        ("a_analyst", "a_member", None, "SW002"),
        ("a_admin", "b_member", None, "SW002"),
        ("a_service", "nobody", None, "SW002"),
        ("operator", "nobody", None, "SW002"),
        ("a_member", None, "fax", "SW310"),
        ("a_other", None, "phone", "SW310"),
        ("a_service", "a_other", "phone", "SW310"),
    ],
)
def test_who_may_not(
    clients: Connection, tenants: Tenants, login: str, user: str | None, device: str | None, sqlstate: str
) -> None:
    with pytest.raises(psycopg.Error) as caught:
        invalidate(clients, login, None if user is None else tenants.id(user), device)
    assert caught.value.diag.sqlstate == sqlstate
    assert invalidated(clients) == []


TODOS = """
create schema app;
grant usage on schema app to public, syncwell_owner;
create table app.todos (id text primary key, user_id uuid not null, title text);
grant select, insert, update, delete on app.todos to public;
select syncwell.register_synced_table('app.todos');
"""
PULL = "select syncwell.sync_pull(%s, p_device_id => 'phone')"
PUSH = """
select syncwell.sync_push(
  '{"todos": {"created": [], "updated": [{"id": "1", "title": "mine"}], "deleted": []}}', %s, p_device_id => 'phone'
)
"""


def answer(session: Connection, query: str, cursor: int | None) -> dict[str, Any]:
    row: tuple[dict[str, Any]] | None = session.execute(query.encode(), [cursor]).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def app(database: Database, tenants: Tenants) -> Connection:
    owner = database.connect(autocommit=True)
    owner.execute(TODOS.encode())
    owner.execute(
        "insert into app.todos select n::text, %s, 'x' from generate_series(1, 3) as n", [tenants.id("a_member")]
    )
    return owner


@pytest.mark.usefixtures("app")
def test_an_invalidated_device_replaces_everything_once(database: Database) -> None:
    phone = database.connect("a_member", autocommit=True)
    cursor = answer(phone, PULL, None)["timestamp"]
    service = database.connect("a_service", autocommit=True)
    assert service.execute("select syncwell.invalidate_client()").fetchone() == (1,)
    assert next_pulls(database.connect(autocommit=True)) == {"phone": "replacement"}

    refused = answer(phone, PUSH, cursor)
    assert refused["error"]["code"] == "40001"
    second = answer(phone, PULL, cursor)
    assert second["experimentalStrategy"] == "replacement"
    assert sorted(record["id"] for record in second["changes"]["todos"]["updated"]) == ["1", "2", "3"]
    assert next_pulls(database.connect(autocommit=True)) == {"phone": "incremental"}
    with database.connect() as owner:
        row = owner.execute("select may_shrink, full_resyncs from syncwell.sync_devices").fetchone()
    assert row == (False, 1)
    assert answer(phone, PUSH, second["timestamp"])["success"]
    assert "experimentalStrategy" not in answer(phone, PULL, second["timestamp"])


def test_a_pull_under_way_does_not_outlive_the_invalidation(app: Connection, database: Database) -> None:
    """Whichever comes first: what a snapshot from before it was given counts for nothing."""
    phone, service = database.connect("a_member"), database.connect("a_service", autocommit=True)
    cursor = answer(phone, PULL, None)["timestamp"]
    phone.commit()

    # the pull has noted itself and is not committed yet: the invalidation waits for it
    app.execute("update app.todos set title = 'y' where id = '1'")
    cursor = answer(phone, PULL, cursor)["timestamp"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(service.execute, "select syncwell.invalidate_client()")
        wait_for_lock(app, service.info.backend_pid)
        phone.commit()
        assert waiting.result().fetchone() == (1,)
    third = answer(phone, PULL, cursor)
    phone.commit()
    assert third["experimentalStrategy"] == "replacement"

    # its snapshot is older than the invalidation, which is over before it notes itself
    app.execute("update app.todos set title = 'z' where id = '1'")
    phone.execute("set transaction isolation level repeatable read")
    phone.execute("select 1")
    service.execute("select syncwell.invalidate_client()")
    with pytest.raises(psycopg.errors.SerializationFailure):
        answer(phone, PULL, third["timestamp"])
    phone.rollback()
    assert answer(phone, PULL, third["timestamp"])["experimentalStrategy"] == "replacement"


def test_an_invalidation_does_not_deadlock_with_a_push(app: Connection, database: Database) -> None:
    """The push holds its cursor and waits for the device; the invalidation has the device and needs no cursor."""
    phone, service = database.connect("a_member", autocommit=True), database.connect("a_service")
    cursor = answer(phone, PULL, None)["timestamp"]
    service.execute("select syncwell.invalidate_client()")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(answer, phone, PUSH, cursor)
        wait_for_lock(app, phone.info.backend_pid)
        service.execute("select syncwell.invalidate_client()")
        service.commit()
        assert waiting.result()["success"], "it began before the invalidation was over"
    assert answer(phone, PULL, cursor)["experimentalStrategy"] == "replacement"
