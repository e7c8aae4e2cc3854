"""The runner: order, edited files, the lock, the bundle, and what verify finds."""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pytest
from psycopg import rows

from harness.modules import build
from syncwell import migrate
from syncwell.embedded import Server
from syncwell.errors import MigrationAlreadyAppliedError, MigrationError, MigrationOutOfOrderError, RolesMissingError

from .conftest import NOTE

if TYPE_CHECKING:
    from pathlib import Path

    from harness import Database


def states(connection: psycopg.Connection[Any]) -> dict[str, str]:
    found: dict[str, str] = {one.id: one.state for one in migrate.status(connection)}
    connection.rollback()
    return found


def test_the_hash_is_the_one_that_build_stamps() -> None:
    for one in migrate.available():
        assert one.sha256 in one.sql
        assert build.stamp(one.sql) == one.sql


@pytest.mark.usefixtures("two")
def test_step_by_step(empty: Database) -> None:
    connection = empty.connect()
    assert states(connection) == {"0001": "pending", "0002": "pending"}
    assert [one.id for one in migrate.migrate(connection, "0001")] == ["0001"]
    assert states(connection) == {"0001": "applied", "0002": "pending"}
    assert [one.id for one in migrate.migrate(connection)] == ["0002"]
    assert states(connection) == {"0001": "applied", "0002": "applied"}
    assert [(one.id, one.name) for one in migrate.applied(connection)] == [("0001", "foundation"), ("0002", "pre_note")]
    connection.rollback()
    assert [one.id for one in migrate.rollback(connection, "0000")] == ["0002", "0001"]
    assert states(connection) == {"0001": "pending", "0002": "pending"}


def test_a_file_in_the_wrong_order(empty: Database, two: Path) -> None:
    with empty.connect() as connection:
        with pytest.raises(psycopg.Error) as caught:
            connection.execute((two / "migrations" / "0002_pre_note.sql").read_bytes())
        connection.rollback()
    assert caught.value.diag.sqlstate == "SW901"


def test_a_number_left_out(empty: Database, two: Path) -> None:
    connection = empty.connect()
    migrate.migrate(connection)
    folder = two / "migrations"
    (folder / "0002_pre_note.sql").rename(folder / "0003_pre_note.sql")
    (folder / "0002_other.sql").write_text(build.stamp(NOTE))
    connection.execute("update syncwell.schema_migrations set id = '0003' where id = '0002'")
    connection.commit()
    with pytest.raises(MigrationOutOfOrderError, match="0002_other was left out") as caught:
        migrate.migrate(connection)
    assert caught.value.sqlstate == "SW901"
    assert caught.value.hint


def test_an_edited_file(installed: psycopg.Connection[Any], copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "sql_folder", lambda: copy)
    path = next(copy.glob("migrations/0001_*[!k].sql"))
    path.write_text(path.read_text() + "-- a thought\n")
    with pytest.raises(MigrationError, match="not the file that was released") as damaged:
        migrate.status(installed)
    assert damaged.value.sqlstate == "XX001"

    path.write_text(build.stamp(path.read_text()))
    assert states(installed)["0001"] == "edited"
    with pytest.raises(MigrationAlreadyAppliedError, match="from another text") as caught:
        migrate.migrate(installed)
    assert caught.value.sqlstate == "SW902"
    ledger = migrate.verify(installed)[0]
    assert (ledger.check, ledger.ok, ledger.detail) == ("migrations", False, "0001 is edited")


def test_a_newer_schema(installed: psycopg.Connection[Any]) -> None:
    installed.execute(
        "insert into syncwell.schema_migrations select '0999', 'future', sha256, applied_at, applied_by"
        " from syncwell.schema_migrations where id = '0001'"
    )
    installed.commit()
    assert states(installed)["0999"] == "unknown"
    with pytest.raises(MigrationOutOfOrderError, match="newer than this package") as caught:
        migrate.migrate(installed)
    assert "0999" in (caught.value.detail or "")


def test_a_cluster_without_the_roles() -> None:
    with Server() as server, psycopg.connect(server.uri()) as connection:
        with pytest.raises(RolesMissingError) as caught:
            migrate.migrate(connection)
        assert caught.value.sqlstate == "SW903"
        for role in ("owner", "client", "reader", "worker", "gateway", "operator"):
            assert f"syncwell_{role}" in str(caught.value)
        roles = {check.check: check for check in migrate.verify(connection)}["roles"]
        assert not roles.ok
        assert "syncwell_owner is missing" in roles.detail
        connection.rollback()
        connection.execute(migrate.roles_sql().encode())
        connection.commit()
        assert migrate.migrate(connection) == migrate.available()
        connection.rollback()
        assert all(check.ok for check in migrate.verify(connection))


def test_unknown_targets(empty: Database) -> None:
    connection = empty.connect()
    for call in (
        lambda: migrate.migrate(connection, "0999"),
        lambda: migrate.migrate(connection, "1"),
        lambda: migrate.rollback(connection, "0999"),
        lambda: migrate.bundle("0999"),
        lambda: migrate.bundle(None, "'; drop"),
    ):
        with pytest.raises(MigrationError, match="there is no migration") as caught:
            call()
        assert caught.value.sqlstate == "22023"
        assert "0001" in (caught.value.detail or "")


@pytest.mark.usefixtures("two")
def test_bundle() -> None:
    first, second = migrate.available()
    assert migrate.bundle("0002").count("begin;") - second.sql.count("begin;") == 1
    assert second.sql in migrate.bundle("0002")
    assert first.sql not in migrate.bundle("0002")
    assert first.sql in migrate.bundle(to_id="0001")
    assert second.sql not in migrate.bundle(to_id="0001")
    assert migrate.bundle().index(first.sql) < migrate.bundle().index(second.sql)


def test_the_connection_stays_as_it_was(empty: Database) -> None:
    connection = empty.connect(row_factory=rows.dict_row)
    migrate.migrate(connection)
    assert not connection.autocommit
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    held = connection.execute("select count(*) as n from pg_locks where locktype = 'advisory'").fetchone()
    assert held == {"n": 0}
    connection.execute("set local search_path = public")
    assert migrate.applied(connection)
    assert all(check.ok for check in migrate.verify(connection))
    assert connection.execute("show search_path").fetchone() == {"search_path": "public"}
    with pytest.raises(MigrationError, match="inside a transaction") as caught:
        migrate.migrate(connection)
    assert caught.value.sqlstate == "25001"


def test_waits_for_another_runner_but_not_for_ever(empty: Database) -> None:
    other, connection = empty.connect(autocommit=True), empty.connect()
    other.execute("select pg_advisory_lock(%s::bigint)", [migrate._LOCK])
    with pytest.raises(MigrationError, match="another runner") as caught:
        migrate.migrate(connection, wait_seconds=0.2)
    assert caught.value.sqlstate == "55P03"
    assert not connection.autocommit
    threading.Timer(0.2, lambda: other.execute("select pg_advisory_unlock_all()")).start()
    assert migrate.migrate(connection, wait_seconds=20) == migrate.available()


def test_a_failing_file_leaves_nothing(empty: Database, two: Path) -> None:
    path = two / "migrations" / "0002_pre_note.sql"
    path.write_text(build.stamp(path.read_text() + "\nselect 1 / 0;\n"))
    connection = empty.connect()
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate.migrate(connection)
    assert states(connection) == {"0001": "applied", "0002": "pending"}
    assert connection.execute("select to_regclass('syncwell.note')").fetchone() == (None,)


def test_no_sql_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "lib" / "syncwell" / "migrate.py"
    module.parent.mkdir(parents=True)
    shutil.copy(migrate.__file__, module)
    monkeypatch.setattr(migrate, "__file__", str(module))
    with pytest.raises(MigrationError, match="missing") as caught:
        migrate.sql_folder()
    assert caught.value.sqlstate == "58P01"


BREAKS: list[tuple[str, LiteralString, str]] = [
    ("roles", "alter role syncwell_reader bypassrls", "role syncwell_reader: It can do too much"),
    ("roles", "alter role syncwell_reader login", "role syncwell_reader: It can do too much"),
    (
        "roles",
        "create role mallory; create role group_of_mallory; grant group_of_mallory to mallory;"
        " grant syncwell_owner to group_of_mallory",
        "role mallory: It can become syncwell_owner",
    ),
    ("objects", "alter table syncwell.orgs owner to current_user", "table orgs: It is not as"),
    ("self-check", "alter schema syncwell owner to current_user", "permission denied for schema syncwell"),
    ("row level security", "alter table syncwell.orgs disable row level security", "table syncwell.orgs"),
    ("row level security", "create table syncwell.more ()", "table syncwell.more"),
    ("objects", "alter view syncwell.stream_health reset (security_invoker)", "view stream_health: It is not as"),
    ("objects", "alter function syncwell._identity() reset search_path", "function syncwell._identity(): It is not as"),
    ("grants", "grant execute on function syncwell.who_am_i() to public", "on syncwell.who_am_i() to public"),
    ("grants", "grant select on syncwell.orgs to public", "select on orgs to public"),
    ("migrations", "delete from syncwell.schema_migrations", "0001 is pending"),
    (
        "partitions",
        "create table syncwell.log (id timestamptz) partition by range (id);"
        " create table syncwell.log_default partition of syncwell.log default;"
        " alter table syncwell.log owner to syncwell_owner; alter table syncwell.log_default owner to syncwell_owner;"
        " insert into syncwell.partitioned_tables (table_name, key_column, key_kind)"
        " values ('log', 'id', 'timestamptz')",
        "table syncwell.log: There is none for",
    ),
]


@pytest.mark.parametrize(("check", "damage", "detail"), BREAKS)
def test_verify_finds(check: str, damage: LiteralString, detail: str, db: psycopg.Connection[Any]) -> None:
    assert [one for one in migrate.verify(db) if not one.ok] == []
    db.execute(damage)
    found = {one.check: one for one in migrate.verify(db)}[check]
    assert not found.ok
    assert detail in found.detail


def test_verify_without_an_installation(empty: Database) -> None:
    found = {one.check: one.ok for one in migrate.verify(empty.connect())}
    assert found == {"migrations": False, "roles": True}
