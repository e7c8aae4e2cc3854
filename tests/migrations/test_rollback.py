"""A rollback loses nothing unless told to, and leaves nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import errors, sql

from harness.modules import build
from harness.paths import TESTS
from syncwell import migrate
from syncwell.errors import DataWouldBeLostError, MigrationOutOfOrderError

if TYPE_CHECKING:
    from harness import Database

    from .conftest import Installer

ROLES = "select array_agg(rolname order by rolname) from pg_roles where rolname like 'syncwell%'"


def catalog(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """How many rows each catalog of this database has."""
    names = connection.execute(
        "select relname from pg_class where relnamespace = 'pg_catalog'::regnamespace and relkind = 'r'"
        " and not relisshared and relname <> 'pg_statistic'"
    ).fetchall()
    queries = {name: sql.SQL("select count(*) from {}").format(sql.Identifier(name)) for (name,) in names}
    shared = "select count(*) from pg_shdepend where dbid in (select oid from pg_database where datname = {})"
    queries["pg_shdepend"] = sql.SQL(shared).format(connection.info.dbname)
    found = {name: connection.execute(query).fetchall()[0][0] for name, query in queries.items()}
    connection.commit()
    return found


@pytest.mark.parametrize("way", ["psql", "runner"])
def test_leaves_nothing_and_installs_again(way: str, empty: Database, installer: Installer, schema: str) -> None:
    connection = empty.connect()
    before = catalog(connection)
    for _ in range(2):
        migrate.migrate(connection)
        assert installer.schema(empty) == schema
        assert catalog(connection) != before
        if way == "psql":
            for one in reversed(migrate.available()):
                assert installer.psql(empty, one.path.with_suffix(".rollback.sql")) == ""
        else:
            assert migrate.rollback(connection, "0000") == migrate.available()[::-1]
        assert catalog(connection) == before
        roles = connection.execute(ROLES).fetchall()[0][0]
        connection.commit()
        assert len(roles) == 6
    assert migrate.rollback(connection, "0000") == ()


def test_refuses_to_lose_rows(database: Database) -> None:
    connection = database.connect()
    with pytest.raises(DataWouldBeLostError) as caught:
        migrate.rollback(connection, "0000")
    assert caught.value.sqlstate == "SW904"
    assert "orgs" in (caught.value.detail or "")
    assert "users" in (caught.value.detail or "")
    assert "error_codes" not in (caught.value.detail or "")
    assert "allow_data_loss" in (caught.value.hint or "")
    assert {one.state for one in migrate.status(connection)} == {"applied"}

    connection.rollback()
    migrate.rollback(connection, "0000", allow_data_loss=True)
    assert {one.state for one in migrate.status(connection)} == {"pending"}
    # the permission was for that transaction only
    assert connection.execute("show syncwell.allow_data_loss").fetchone() in [("",), None]


def test_any_tenant_table_counts(installed: psycopg.Connection[Any]) -> None:
    """One row in any table, whatever the table, is enough: no new table can be forgotten."""
    rollback = migrate.available()[0].rollback_sql.encode()
    tables = [
        name
        for (name,) in installed.execute(
            "select relname from pg_class where relnamespace = 'syncwell'::regnamespace and relkind in ('r', 'p')"
            " and not relispartition and relname <> all (array['error_codes', 'setting_definitions',"
            " 'maintenance_tasks', 'personal_data', 'partitioned_tables', 'schema_migrations', 'consent_scopes',"
            " 'personal_details', 'installed_objects', 'maintenance_duties', 'maintenance_runs'])"
        ).fetchall()
    ]
    assert "orgs" in tables
    for name in tables:
        table = sql.Identifier("syncwell", name)
        installed.execute("savepoint before")
        # a row of nulls: no constraint and no trigger is what this is about
        installed.execute("set local session_replication_role = replica")
        for kind, constraint in installed.execute(
            "select contype, conname from pg_constraint where conrelid = %s::regclass and contype in ('c', 'p')"
            " and coninhcount = 0 order by contype",
            [f"syncwell.{name}"],
        ).fetchall():
            assert kind
            installed.execute(
                sql.SQL("alter table {} drop constraint {} cascade").format(table, sql.Identifier(constraint))
            )
        for (column,) in installed.execute(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and attnotnull"
            " and attidentity = '' and attgenerated = ''",
            [f"syncwell.{name}"],
        ).fetchall():
            installed.execute(
                sql.SQL("alter table {} alter column {} drop not null").format(table, sql.Identifier(column))
            )
        installed.execute(sql.SQL("insert into {} default values").format(table))
        with pytest.raises(psycopg.Error, match="tables have rows") as caught:
            installed.execute(rollback)
        assert caught.value.diag.sqlstate == "SW904"
        assert name in (caught.value.diag.message_detail or "")
        installed.execute("rollback to savepoint before")


def test_refuses_to_drop_what_others_built_on_it(installed: psycopg.Connection[Any]) -> None:
    installed.execute("create view public.names as select name from syncwell.orgs")
    installed.execute(
        "create table public.invoice (org_id uuid references syncwell.orgs, at timestamptz default syncwell._now())"
    )
    installed.commit()
    with pytest.raises(DataWouldBeLostError) as caught:
        migrate.rollback(installed, "0000")
    assert "public.names" in (caught.value.detail or "")
    assert "public.invoice" in (caught.value.detail or "")
    assert "syncwell.orgs" not in (caught.value.detail or "").replace("on syncwell.orgs", "")
    migrate.rollback(installed, "0000", allow_data_loss=True)
    assert installed.execute("select to_regclass('public.names'), to_regclass('public.invoice')::text").fetchone() == (
        None,
        "invoice",
    )


def test_synced_tables_stay_as_they_were(database: Database) -> None:
    """Their triggers go, their rows stay; not without permission, since devices would lose what they are at."""
    connection = database.connect()
    tables = (
        "select relname, relhastriggers, relowner from pg_class where relnamespace = 'app'::regnamespace order by 1"
    )
    synced = (TESTS / "sql" / "synced_tables.sql").read_text()
    made, registered, registrations = synced.partition("select syncwell.register_synced_table('app.todos');")
    connection.execute(made.encode())
    before = connection.execute(tables).fetchall()
    connection.execute("insert into app.todos values ('1', gen_random_uuid(), 'x')")
    connection.execute((registered + registrations).encode())
    triggers = "select tgrelid::regclass::text from pg_trigger where tgfoid::regproc::text like 'syncwell_tables.%'"
    assert {name for (name,) in connection.execute(triggers)} >= {"app.todos", "app.notes", "app.entries_1_all"}
    connection.commit()

    with pytest.raises(DataWouldBeLostError) as caught:
        migrate.rollback(connection, "0000")
    assert "synced_tables" in (caught.value.detail or "")
    connection.rollback()

    migrate.rollback(connection, "0000", allow_data_loss=True)
    assert connection.execute(tables.replace("relhastriggers", "false")).fetchall() == before
    assert connection.execute(
        "select count(*) from pg_trigger where not tgisinternal and tgrelid::regclass::text like 'app.%'"
    ).fetchone() == (0,)
    assert connection.execute("select to_regnamespace('syncwell_tables')").fetchone() == (None,)
    connection.execute("update app.todos set title = 'y'")
    assert connection.execute("select id, title from app.todos").fetchall() == [("1", "y")]


def test_what_is_not_applied(empty: Database) -> None:
    rollback = migrate.available()[0].rollback_sql.encode()
    with empty.connect() as connection:
        with pytest.raises(psycopg.Error, match="not applied") as caught:
            connection.execute(rollback)
        connection.rollback()
    assert caught.value.diag.sqlstate == "SW901"


def test_outside_a_transaction_it_does_not_begin(empty: Database, installed: psycopg.Connection[Any]) -> None:
    installed.commit()
    with empty.connect(autocommit=True) as connection:
        parts = build.statements(migrate.available()[0].rollback_sql)
        (at,) = (n for n, part in enumerate(parts) if "$guard$" in part.text)
        guard = parts[at]
        for part in parts[:at]:
            connection.execute(part.text.encode())
        with pytest.raises(errors.NoActiveSqlTransaction):
            connection.execute(guard.text.encode())
        assert migrate.applied(connection)


@pytest.mark.usefixtures("two")
def test_not_before_a_later_one(empty: Database) -> None:
    connection = empty.connect()
    migrate.migrate(connection)
    with pytest.raises(psycopg.Error, match="later migrations are applied: 0002") as caught:
        connection.execute(migrate.available()[0].rollback_sql.encode())
    connection.rollback()
    assert caught.value.diag.sqlstate == "SW901"

    assert [one.id for one in migrate.rollback(connection, "0001")] == ["0002"]
    assert [one.state for one in migrate.status(connection)] == ["applied", "pending"]
    connection.rollback()
    migrate.migrate(connection)
    connection.execute("insert into syncwell.schema_migrations select '0003', 'x', sha256, applied_at, applied_by"
                       " from syncwell.schema_migrations where id = '0001'")  # fmt: skip
    connection.commit()
    with pytest.raises(MigrationOutOfOrderError, match="newer than this package"):
        migrate.rollback(connection, "0000")
