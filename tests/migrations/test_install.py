"""However and wherever it is installed, the result is the same schema."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import errors, sql

from harness import Database
from harness.modules import build
from harness.paths import SQL
from syncwell import migrate

if TYPE_CHECKING:
    from harness import Cluster

    from .conftest import Installer

FIRST = SQL / "migrations" / "0001_foundation.sql"


def ledger(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return connection.execute("select id, name, sha256, applied_by from syncwell.schema_migrations").fetchall()


def test_psql_equals_the_runner(empty: Database, installer: Installer, schema: str) -> None:
    with empty.connect() as connection:
        assert migrate.migrate(connection) == migrate.available()
        assert sorted(ledger(connection)) == [(one.id, one.name, one.sha256, "postgres") for one in migrate.available()]
    assert installer.schema(empty) == schema


def test_one_statement_at_a_time(empty: Database, installer: Installer, schema: str) -> None:
    with empty.connect() as connection:
        for one in migrate.available():
            parts = build.statements(one.sql)
            assert "".join(part.text for part in parts) == one.sql
            for part in parts:
                connection.execute(part.text.encode(), prepare=True)  # the server refuses to prepare two at once
            connection.commit()
    assert installer.schema(empty) == schema


def test_a_whole_file_in_one_call(empty: Database, installer: Installer, schema: str) -> None:
    with empty.connect(autocommit=True) as connection:
        for one in migrate.available():
            connection.execute(one.sql.encode())
    assert installer.schema(empty) == schema


def test_the_domain_folders_equal_the_chain(empty: Database, installer: Installer, schema: str) -> None:
    head, marker, _ = FIRST.read_text().partition("--! include all")
    assert marker
    with empty.connect() as connection:
        for text in (head, *(file.text for file in build.sources())):
            connection.execute(text.encode())
    assert installer.schema(empty) == schema


def test_the_bundle_in_psql(empty: Database, installer: Installer, schema: str, tmp_path: Any) -> None:
    script = tmp_path / "bundle.sql"
    script.write_text(migrate.bundle())
    assert installer.psql(empty, script) == ""
    assert installer.schema(empty) == schema


def test_a_second_time_is_refused_and_changes_nothing(
    empty: Database, installed: psycopg.Connection[Any], installer: Installer, schema: str
) -> None:
    assert "SW902" in installer.psql(empty, FIRST)
    with pytest.raises(psycopg.Error) as caught:
        installed.execute(FIRST.read_bytes())
    installed.rollback()
    diagnosis = caught.value.diag
    assert diagnosis.sqlstate == "SW902"
    assert diagnosis.message_primary
    assert diagnosis.message_detail
    assert diagnosis.message_hint
    assert migrate.migrate(installed) == ()
    assert installer.schema(empty) == schema


def test_without_the_roles(empty: Database) -> None:
    with empty.connect() as connection:
        connection.execute("alter role syncwell_client rename to syncwell_gone")
        with pytest.raises(psycopg.Error, match="roles are missing: syncwell_client") as caught:
            connection.execute(FIRST.read_bytes())
        connection.rollback()
        assert caught.value.diag.sqlstate == "SW903"
        assert "roles.sql" in (caught.value.diag.message_hint or "")
        assert migrate.applied(connection) == ()


def test_outside_a_transaction_it_does_not_begin(empty: Database) -> None:
    with empty.connect(autocommit=True) as connection:
        *settings, guard = build.statements(FIRST.read_text())[:3]
        for part in settings:
            connection.execute(part.text.encode())
        with pytest.raises(errors.NoActiveSqlTransaction, match="one transaction"):
            connection.execute(guard.text.encode())
        assert connection.execute("select to_regnamespace('syncwell')").fetchone() == (None,)


def test_twenty_at_once(empty: Database, installer: Installer, schema: str) -> None:
    done: list[int] = []
    failed: list[BaseException] = []
    together = threading.Barrier(20)

    def install() -> None:
        try:
            with psycopg.connect(empty.uri()) as connection:
                together.wait(20)
                done.append(len(migrate.migrate(connection)))
        except BaseException as error:  # a thread's error would be lost
            failed.append(error)

    threads = [threading.Thread(target=install) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert sorted(done) == [0] * 19 + [len(migrate.available())]
    assert installer.schema(empty) == schema


class TestByAnOwnerWhoIsNoSuperuser:
    """On a managed service the installer owns the database and is granted syncwell_owner for the occasion."""

    @pytest.fixture(autouse=True)
    def _dba(self, cluster: Cluster, empty: Database) -> Any:
        with psycopg.connect(cluster.server.uri(), autocommit=True) as admin:
            admin.execute('create role "the DBA" login')
            admin.execute(sql.SQL('alter database {} owner to "the DBA"').format(sql.Identifier(empty.name)))
            yield
            admin.execute(sql.SQL("alter database {} owner to postgres").format(sql.Identifier(empty.name)))
            admin.execute('drop role "the DBA"')

    @pytest.mark.parametrize("way", ["psql", "runner"])
    def test_installs_and_reverts(self, way: str, empty: Database, installer: Installer, schema: str) -> None:
        admin = empty.connect(autocommit=True)
        admin.execute('grant syncwell_owner to "the DBA"')
        installer.install(empty, way, "the DBA")
        connection = empty.connect("the DBA")
        assert {row[3] for row in ledger(connection)} == {"the DBA"}
        assert installer.schema(empty) == schema

        members = {check.check: check for check in migrate.verify(admin)}["roles"]
        assert not members.ok
        assert 'role "the DBA": It can become syncwell_owner' in members.detail
        connection.rollback()
        migrate.rollback(connection, "0000")
        assert migrate.applied(connection) == ()

    def test_is_told_what_is_missing(self, empty: Database) -> None:
        with (
            empty.connect("the DBA") as connection,
            pytest.raises(errors.InsufficientPrivilege, match="cannot become syncwell_owner") as caught,
        ):
            migrate.migrate(connection)
        assert 'grant syncwell_owner to "the DBA"' in (caught.value.diag.message_hint or "")


EVIL = """
create schema evil;
create function evil.to_regclass(text) returns regclass language sql as 'select null::regclass';
create function evil.to_regnamespace(text) returns regnamespace language sql as 'select null::regnamespace';
create function evil.to_regrole(text) returns regrole language sql as 'select null::regrole';
create function evil.format(text, text) returns text language sql as 'select null';
create function evil.gen_random_uuid() returns uuid language sql as 'select null::uuid';
create function evil.equal(text, text) returns boolean language sql as 'select false';
create operator evil.= (leftarg = text, rightarg = text, function = evil.equal);
create domain evil.text as pg_catalog.text check (value is null);
create domain evil.uuid as pg_catalog.uuid check (value is null);
create table evil.orgs ();
create table evil.pg_class ();
"""


@pytest.mark.parametrize("way", ["psql", "runner"])
def test_under_a_hostile_search_path(way: str, empty: Database, installer: Installer, schema: str) -> None:
    with empty.connect(autocommit=True) as connection:
        connection.execute(EVIL.encode())
        connection.execute(
            sql.SQL("alter database {} set search_path = evil, public, pg_catalog").format(sql.Identifier(empty.name))
        )
    with empty.connect() as connection:
        assert connection.execute("select to_regclass('pg_class')").fetchone() == (None,)
        connection.rollback()
        installer.install(empty, way)
        assert {one.state for one in migrate.status(connection)} == {"applied"}
        assert all(check.ok for check in migrate.verify(connection))
        assert connection.execute("show search_path").fetchone() == ("evil, public, pg_catalog",)
    assert installer.schema(empty) == schema


@pytest.mark.parametrize("way", ["psql", "runner"])
def test_in_a_database_with_an_awkward_name(way: str, cluster: Cluster, installer: Installer, schema: str) -> None:
    name = 'Sync "Well" 100%'
    with psycopg.connect(cluster.server.uri(), autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} template template1").format(sql.Identifier(name)))
        database = Database(cluster.server, name)
        try:
            installer.install(database, way)
            assert installer.schema(database) == schema
            assert "SW902" in installer.psql(database, FIRST)
        finally:
            database.close()
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def test_dump_and_restore(
    database: Database, empty: Database, installer: Installer, schema: str, tmp_path: Any
) -> None:
    script = tmp_path / "dump.sql"
    script.write_text(installer.dump(database))
    assert installer.psql(empty, script) == ""
    assert installer.schema(empty) == schema

    def counts(connection: psycopg.Connection[Any]) -> dict[str, int]:
        names = connection.execute(
            "select relname from pg_class where relnamespace = 'syncwell'::regnamespace and relkind = 'r'"
        ).fetchall()
        query = sql.SQL("select count(*) from {}")
        return {
            name: connection.execute(query.format(sql.Identifier("syncwell", name))).fetchall()[0][0]
            for (name,) in names
        }

    before = counts(database.connect())
    assert before["orgs"] > 0
    connection = empty.connect()
    assert counts(connection) == before
    assert [check for check in migrate.verify(connection) if not check.ok] == []
