"""What is generated for tables of the application lives on in a dump of the database, and so do its devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness import Tenants
from harness.paths import TESTS

from .conftest import program, run

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

    from harness import Database

    from .conftest import Installer

GRANTS = "grant select, insert, update, delete on all tables in schema app to syncwell_client"
GENERATED = """
select p.proname, pg_get_functiondef(p.oid), p.proowner::regrole::text, array(select unnest(p.proacl)::text order by 1)
from pg_proc as p where p.pronamespace = 'syncwell_tables'::regnamespace
union all
select c.relname, pg_get_viewdef(c.oid), c.relowner::regrole::text, array(select unnest(c.relacl)::text order by 1)
from pg_class as c where c.relnamespace = 'syncwell_tables'::regnamespace
union all
select t.tgname, pg_get_triggerdef(t.oid), t.tgenabled::text, '{}'
from pg_trigger as t where t.tgfoid::regproc::text like 'syncwell_tables.%'
union all
select t.table_name, t.relation::text, t.scope_kind, array[t.partitions::text] from syncwell.synced_tables as t
order by 1, 2
"""


def pull(session: psycopg.Connection[Any], cursor: int | None) -> dict[str, Any]:
    row = session.execute("select syncwell.sync_pull(%s, p_device_id => 'phone')", [cursor]).fetchone()
    assert row is not None
    answer: dict[str, Any] = row[0]
    return answer


def test_a_dump_takes_them_along(database: Database, empty: Database, installer: Installer, tmp_path: Path) -> None:
    owner = database.connect(autocommit=True)
    owner.execute((TESTS / "sql" / "synced_tables.sql").read_bytes())
    owner.execute(GRANTS)
    owner.execute(
        "insert into app.todos select n::text, %s, 'x' from generate_series(1, 3) as n", [Tenants.id("a_member")]
    )
    first = pull(database.connect("a_member", autocommit=True), None)
    assert len(first["changes"]["todos"]["created"]) == 3
    made = owner.execute(GENERATED).fetchall()

    script = tmp_path / "whole.sql"
    dump = run(program(installer.server, "pg_dump"), database.uri())
    assert not dump.returncode, dump.stderr
    script.write_text(dump.stdout)
    assert installer.psql(empty, script) == ""

    restored = empty.connect(autocommit=True)
    assert restored.execute(GENERATED).fetchall() == made
    phone = empty.connect("a_member", autocommit=True)
    restored.execute("update app.todos set title = 'y' where id = '2'")
    restored.execute("delete from app.todos where id = '3'")
    second = pull(phone, first["timestamp"])
    assert [record["title"] for record in second["changes"]["todos"]["updated"]] == ["y"], (
        "in the same cluster it goes on"
    )
    assert second["changes"]["todos"]["deleted"] == ["3"]
    assert "experimentalStrategy" not in second

    # as if the dump had been restored in another cluster
    restored.execute("update syncwell.sync_incarnations set system_identifier = 'another'")
    third = pull(empty.connect("a_member", autocommit=True), second["timestamp"])
    assert third["experimentalStrategy"] == "replacement"
    assert sorted(record["id"] for record in third["changes"]["todos"]["updated"]) == ["1", "2"]
    restored.execute("update app.todos set title = 'z' where id = '1'")
    fourth = pull(empty.connect("a_member", autocommit=True), third["timestamp"])
    assert [record["id"] for record in fourth["changes"]["todos"]["updated"]] == ["1"]
