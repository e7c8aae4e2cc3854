"""Nobody gets the rights of syncwell's owner, or of somebody else, by what a table, a type or a call looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from harness import Tenants
from harness.pushing import App, todo
from syncwell.errors import SyncwellError, from_psycopg

if TYPE_CHECKING:
    from harness import Database

Connection = psycopg.Connection[Any]

# a type of the operator's own: whoever casts it to text, knowingly or not, runs what the operator wrote
HOSTILE_TYPE = """
create type app.hostile as enum ('x', 'y');
create function app.run(app.hostile) returns text language plpgsql as
$$ begin insert into app.ran values (current_user); return 'x'; end $$;
create cast (app.hostile as text) with function app.run(app.hostile) as implicit;
"""
# ends the text of a generated function, and begins another one for what follows
BREAK_OUT = "$statement$; end if; return null; end $body$; create table if not exists app.broken_out(); select $body$"


@pytest.fixture
def superuser(database: Database) -> Connection:
    connection = database.connect(autocommit=True)
    connection.execute(
        "create schema app; grant usage on schema app to syncwell_owner; grant create, usage on schema app to operator;"
        " create table app.ran (who name); grant insert on app.ran to public; grant create on schema app to public"
    )
    return connection


@pytest.fixture
def operator(database: Database, superuser: Connection) -> Connection:
    """Owns tables, may register them, and is to get no further."""
    del superuser
    return database.connect("operator", autocommit=True)


def refusal(connection: Connection, statement: sql.SQL | sql.Composed) -> str:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(statement)
    error = from_psycopg(caught.value)
    assert isinstance(error, SyncwellError), caught.value
    assert error.sqlstate == "SW302"
    return error.detail or ""


def broken_out(superuser: Connection) -> bool:
    row = superuser.execute("select to_regclass('app.broken_out') is not null").fetchone()
    assert row is not None
    return bool(row[0])


def ran_as(superuser: Connection) -> list[str]:
    return [row[0] for row in superuser.execute("select distinct who from app.ran")]


@pytest.mark.parametrize("where", ["default", "name", "type"])
def test_what_a_table_is_made_of_becomes_no_statement(superuser: Connection, operator: Connection, where: str) -> None:
    short = "a$body$; create table app.broken_out(); select $body$"
    name = short if where == "name" else "id"
    kind = short if where == "type" else "uuid"
    if where == "type":
        operator.execute(sql.SQL("create domain app.{} as uuid").format(sql.Identifier(kind)))
    operator.execute(
        sql.SQL("create table app.t ({} {} primary key, user_id uuid, title text default {})").format(
            sql.Identifier(name),
            sql.Identifier("app", kind) if where == "type" else sql.SQL("uuid"),
            sql.Literal(BREAK_OUT if where == "default" else "none"),
        )
    )
    detail = refusal(
        operator, sql.SQL("select syncwell.register_synced_table('app.t', p_id_column => {})").format(sql.Literal(name))
    )
    assert "$body$" in detail
    assert not broken_out(superuser)


def test_a_default_with_quotes_of_functions_can_be_read_only(superuser: Connection, operator: Connection) -> None:
    operator.execute(
        sql.SQL("create table app.t (id uuid primary key, user_id uuid, title text default {})").format(
            sql.Literal(BREAK_OUT)
        )
    )
    operator.execute("select syncwell.register_synced_table('app.t', p_read_only => '{title}')")
    assert not broken_out(superuser)


def test_a_table_of_somebody_else_can_not_borrow_the_triggers(superuser: Connection, operator: Connection) -> None:
    superuser.execute(
        "create table app.todos (id text primary key, user_id uuid, title text);"
        " select syncwell.register_synced_table('app.todos')"
    )
    operator.execute(HOSTILE_TYPE.encode())
    operator.execute("create table app.mine (id app.hostile, user_id uuid, title text)")
    operator.execute(
        "create trigger i after insert on app.mine referencing new table as new_rows"
        " for each statement execute function syncwell_tables.todos_inserted();"
        "create trigger u after update on app.mine referencing old table as old_rows new table as new_rows"
        " for each statement execute function syncwell_tables.todos_updated();"
        "create trigger d after delete on app.mine referencing old table as old_rows"
        " for each statement execute function syncwell_tables.todos_deleted();"
        "create trigger r after insert or update or delete on app.mine"
        " for each row execute function syncwell_tables.todos_replicated();"
        "create trigger t before truncate on app.mine"
        " for each statement execute function syncwell_tables.todos_truncated()"
    )
    operator.execute("insert into app.mine select 'x', %s, 'a' from generate_series(1, 70)", [Tenants.id("b_member")])
    operator.execute("update app.mine set title = 'b'")
    operator.execute("delete from app.mine")
    operator.execute("truncate app.mine")
    assert ran_as(superuser) == []
    assert superuser.execute("select from syncwell.record_changes").rowcount == 0
    assert superuser.execute("select from syncwell.synced_tables where reset_xid is not null").rowcount == 0


def test_a_column_that_was_exchanged_runs_nothing(superuser: Connection, operator: Connection) -> None:
    operator.execute(HOSTILE_TYPE.encode())
    operator.execute(
        "create table app.todos (id text primary key, user_id uuid, title text);"
        " select syncwell.register_synced_table('app.todos')"
    )
    operator.execute("insert into app.todos values ('1', %s, 'a')", [Tenants.id("b_member")])
    with pytest.raises(psycopg.errors.DependentObjectsStillExist):
        operator.execute("alter table app.todos drop column id")
    operator.execute(
        "alter table app.todos drop column id cascade;"
        " alter table app.todos add column id app.hostile not null default 'x'"
    )
    # nobody can say what these writes change, so that devices will be sent the table in full
    operator.execute("insert into app.todos (user_id, title) values (%s, 'a')", [Tenants.id("b_member")])
    operator.execute("update app.todos set title = 'b'")
    operator.execute("delete from app.todos")
    assert superuser.execute("select from syncwell.synced_tables where reset_xid is not null").rowcount == 1
    assert superuser.execute("select from syncwell.record_changes").rowcount == 0
    # and a repair makes nothing of such a column either
    operator.execute("alter table app.todos add primary key (id)")
    assert "hostile" in refusal(operator, sql.SQL("select syncwell.ensure_tracking('app.todos')"))
    operator.execute("insert into app.todos (user_id, title) values (%s, 'a')", [Tenants.id("b_member")])
    assert ran_as(superuser) == []


def test_a_detached_partition_is_nobodys(superuser: Connection, operator: Connection) -> None:
    operator.execute(HOSTILE_TYPE.encode())
    operator.execute(
        "create table app.todos (id text primary key, user_id uuid, title text) partition by hash (id);"
        " create table app.part partition of app.todos for values with (modulus 1, remainder 0);"
        " select syncwell.register_synced_table('app.todos')"
    )
    operator.execute("insert into app.part values ('1', %s, 'a')", [Tenants.id("b_member")])
    assert superuser.execute("select from syncwell.record_changes").rowcount == 1
    operator.execute(
        "alter table app.todos detach partition app.part;"
        " alter table app.part drop column id cascade, add column id app.hostile"
    )
    operator.execute("insert into app.part (id, user_id, title) values ('x', %s, 'a')", [Tenants.id("b_member")])
    assert ran_as(superuser) == []
    assert superuser.execute("select from syncwell.record_changes").rowcount == 1


def test_what_a_device_claims_to_have_hides_no_other_device(database: Database) -> None:
    app = App(database)
    app.install()
    phone = app.device("phone", "a_member")
    app.device("tablet", "a_other")
    forged: list[Any] = [{"1": 2**63 - 1, "2": 2**63 - 1}, {"1": "many"}, {"1": 1e300}, 5, [1]]
    for number, records in enumerate(forged):
        phone.connection.execute(
            "select syncwell._end_pull(null, null, %s, 'replacement', pg_current_snapshot(), null, 1,"
            " jsonb_build_object('created', 0, 'updated', 0, 'deleted', 0, 'records', %s::jsonb), now(), null)",
            [f"phone {number}", Jsonb(records)],
        )
    clients = database.connect("a_admin").execute("select user_id from syncwell.get_sync_clients()").fetchall()
    assert {row[0] for row in clients} == {Tenants.id("a_member"), Tenants.id("a_other")}
    assert len(clients) == 2 + len(forged)
    assert app.device("phone").created("todos", todo("1"))["success"]


def test_what_lies_in_the_search_path_of_a_device_serves_its_triggers_only(database: Database) -> None:
    app = App(database)
    app.install("last_write_wins")
    app.sql("create table app.ran (who name); grant insert on app.ran to public; create schema shared")
    app.sql("grant create, usage on schema shared to public")
    app.sql(f"alter role a_member in database {database.name} set search_path = shared")
    hostile = database.connect("b_member", autocommit=True)
    # each fits better than what pg_catalog has
    for function in (
        "cardinality(text[]) returns integer",
        "format(text, text) returns text",
        "array_to_string(text[], text) returns text",
        "jsonb_build_object(text, jsonb) returns jsonb",
        "unnest(text[]) returns setof text",
        "cat(text[], text[]) returns text[]",
    ):
        null = "" if "setof" in function else " null"
        body = f"begin insert into app.ran values (session_user); return{null}; end"
        hostile.execute(f"create function shared.{function} language plpgsql as $$ {body} $$".encode())
    hostile.execute("create operator shared.|| (leftarg = text[], rightarg = text[], function = shared.cat)")
    phone = app.device("phone")
    assert phone.created("todos", todo("1"), todo("2"))["stats"]["created"] == 2
    assert phone.updated("todos", todo("1", "bread"))["stats"]["updated"] == 1
    app.sql("update app.todos set title = 'jam' where id = '1'")
    assert len(phone.updated("todos", todo("1", "tea"))["conflicts"]) == 1
    conflict = app.one("select id from syncwell.sync_conflicts")
    phone.connection.execute("select syncwell.resolve_conflict(%s, 'server')", [conflict])
    assert app.one("select title from app.todos where id = '1'") == "jam"
    phone.pull()
    assert phone.created("todos", todo("3", priority=99), todo("2"), todo("4"))["quarantined"][0]["id"] == "3"
    assert phone.deleted("todos", "1")["stats"]["deleted"] == 1
    assert app.sql("select who from app.ran") == []
