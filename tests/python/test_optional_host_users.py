"""sql/optional/host_users.sql: a host's users are syncwell's, from the same transaction on."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import psycopg
import pytest

from harness import Tenants
from harness.paths import SQL
from harness.postgrest import PostgREST

if TYPE_CHECKING:
    from harness import Database

SCRIPT = (SQL / "optional" / "host_users.sql").read_bytes()
A, B = Tenants.org("a"), Tenants.org("b")
EARLY, LATE = uuid.UUID(int=1), uuid.UUID(int=2)
NEW_ORG = uuid.UUID(int=10)

HOST = """
create schema auth;
create table auth.users_extended (id uuid primary key, org_id uuid not null, nickname text);
create table public.todos (
  id text primary key, user_id uuid not null references auth.users_extended (id) on delete cascade, title text
);
grant select, insert, update, delete on public.todos to syncwell_client;
select syncwell.register_synced_table('public.todos');
"""


@pytest.fixture
def host(database: Database) -> psycopg.Connection[tuple[object, ...]]:
    connection = database.connect(autocommit=True)
    connection.execute(HOST.encode())
    connection.execute(
        "insert into auth.users_extended values (%s, %s), (%s, %s)", [EARLY, NEW_ORG, Tenants.id("a_admin"), A]
    )
    with connection.transaction():
        connection.execute(SCRIPT)
    return connection


def users(connection: psycopg.Connection[tuple[object, ...]]) -> dict[object, tuple[object, object]]:
    found = connection.execute(
        "select user_id, org_id, role from syncwell.users where user_id = any(%s)", [[EARLY, LATE]]
    )
    return {user: (org, role) for user, org, role in found}


def test_users_are_registered_with_their_orgs(host: psycopg.Connection[tuple[object, ...]], database: Database) -> None:
    assert users(host) == {EARLY: (NEW_ORG, "member")}
    host.execute("insert into auth.users_extended values (%s, %s)", [LATE, uuid.UUID(int=11)])
    assert users(host)[LATE] == (uuid.UUID(int=11), "member")
    # at once, and as what it is
    me = PostgREST.install(database).rpc("who_am_i", claims={"sub": str(LATE), "role": "authenticated"})
    assert (me.body["user_id"], me.body["org_id"]) == (str(LATE), str(uuid.UUID(int=11)))
    with host.transaction(force_rollback=True):
        host.execute("insert into auth.users_extended values (%s, %s)", [uuid.UUID(int=3), A])
    assert host.execute("select from syncwell.users where user_id = %s", [uuid.UUID(int=3)]).fetchone() is None


def test_names_and_roles_stay_what_they_are(host: psycopg.Connection[tuple[object, ...]]) -> None:
    host.execute("select syncwell.register_user(%s, %s, 'analyst')", [NEW_ORG, EARLY])
    host.execute("update auth.users_extended set nickname = 'x', org_id = org_id")
    with host.transaction():
        host.execute(SCRIPT)
    assert users(host) == {EARLY: (NEW_ORG, "analyst")}
    host.execute("insert into auth.users_extended values (%s, %s)", [LATE, A])
    names = host.execute("select name from syncwell.orgs where org_id = any(%s)", [[A, B]]).fetchall()
    assert sorted(names) == [("Org A",), ("Org B",)]
    role = host.execute("select role from syncwell.users where user_id = %s", [Tenants.id("a_admin")]).fetchone()
    assert role == ("admin",)


def test_another_org_is_refused(host: psycopg.Connection[tuple[object, ...]]) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="belongs to another org"):
        host.execute("update auth.users_extended set org_id = %s where id = %s", [A, EARLY])
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="belongs to another org"):
        host.execute("insert into auth.users_extended values (%s, %s)", [Tenants.id("b_member"), A])
    assert users(host) == {EARLY: (NEW_ORG, "member")}


def test_a_deleted_user_is_erased_with_what_hangs_on_it(
    host: psycopg.Connection[tuple[object, ...]], database: Database
) -> None:
    rest = PostgREST.install(database)
    who = {"sub": str(EARLY), "role": "authenticated"}
    assert rest.rpc("record_sync_start", {"p_source": "notes"}, claims=who).status == 200
    host.execute("insert into public.todos values ('t1', %s, 'x')", [EARLY])
    host.execute("delete from auth.users_extended where id = %s", [EARLY])
    assert users(host) == {}
    for table in ("streams", "sync_events", "sync_state", "record_changes"):
        assert host.execute(f"select count(*) from syncwell.{table}".encode()).fetchone() == (0,), table
    assert rest.rpc("who_am_i", claims=who).body["role"] is None
    assert rest.rpc("record_sync_start", {"p_source": "notes"}, claims=who).body["code"] == "SW001"
    # and one of whom nothing was known
    host.execute("alter table auth.users_extended disable trigger syncwell_new_user")
    host.execute("insert into auth.users_extended values (%s, %s)", [LATE, A])
    assert host.execute("delete from auth.users_extended where id = %s", [LATE]).rowcount == 1


def test_a_host_that_may_nothing_here_writes_its_table(
    host: psycopg.Connection[tuple[object, ...]], database: Database
) -> None:
    host.execute("grant usage on schema auth to nobody_login")
    host.execute("grant select, insert, delete on auth.users_extended to nobody_login")
    app = database.connect("nobody_login", autocommit=True)
    app.execute("insert into auth.users_extended values (%s, %s)", [LATE, B])
    assert users(host)[LATE] == (B, "member")
    app.execute("delete from auth.users_extended where id = %s", [LATE])
    assert LATE not in users(host)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("select syncwell.register_user(%s, %s, 'admin')", [B, LATE])


def test_who_is_no_operator_is_refused(database: Database) -> None:
    owner = database.connect(autocommit=True)
    owner.execute("create schema auth authorization a_admin")
    connection = database.connect("a_admin")
    connection.execute("create table auth.users_extended (id uuid primary key, org_id uuid)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="registered by operators"):
        connection.execute(SCRIPT)
