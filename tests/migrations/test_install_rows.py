"""However it is installed, the result holds the same rows: registries, and what is applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql

from harness.modules import build
from syncwell import migrate

if TYPE_CHECKING:
    import psycopg

    from harness import Cluster, Database

    from .conftest import Installer

REGISTRIES = {
    "error_codes",
    "setting_definitions",
    "maintenance_tasks",
    "personal_data",
    "partitioned_tables",
    "consent_scopes",
    "personal_details",
    "installed_objects",
}
APPLIED = "select id, name, sha256 from syncwell.schema_migrations order by id"


def rows(connection: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """Every table that has rows, with all of them; of the applied files not when and by whom."""
    names = connection.execute(
        "select relname from pg_class where relnamespace = 'syncwell'::regnamespace and relkind in ('r', 'p')"
        " and not relispartition order by relname"
    ).fetchall()
    query = sql.SQL("select t::text from syncwell.{} as t order by 1")
    found = {
        name: [row for (row,) in connection.execute(query.format(sql.Identifier(name)))]
        for (name,) in names
        if name != "schema_migrations"
    }
    applied = [str(row) for row in connection.execute(APPLIED)]
    return {name: table for name, table in {**found, "schema_migrations": applied}.items() if table}


@pytest.fixture(scope="module")
def by_psql(cluster: Cluster, installer: Installer) -> dict[str, list[str]]:
    with cluster.database(template="template1") as database:
        installer.install(database, "psql")
        return rows(database.connect())


def test_psql_and_the_runner_seed_the_same_rows(
    empty: Database, installer: Installer, by_psql: dict[str, list[str]]
) -> None:
    installer.install(empty, "runner")
    assert by_psql.keys() == REGISTRIES | {"schema_migrations"}, "nothing but registries has rows in a new database"
    assert rows(empty.connect()) == by_psql


def test_the_bundle_seeds_the_same_rows(
    empty: Database, installer: Installer, by_psql: dict[str, list[str]], tmp_path: Any
) -> None:
    script = tmp_path / "bundle.sql"
    script.write_text(migrate.bundle())
    assert installer.psql(empty, script) == ""
    assert rows(empty.connect()) == by_psql


def test_the_domain_folders_seed_the_same_rows(empty: Database, by_psql: dict[str, list[str]]) -> None:
    head, marker, _ = migrate.available()[0].sql.partition("--! include all")
    assert marker
    with empty.connect() as connection:
        for text in (head, *(file.text for file in build.sources())):
            connection.execute(text.encode())
        assert rows(connection) == {name: table for name, table in by_psql.items() if name != "schema_migrations"}


def test_what_is_applied_is_what_lies_here(by_psql: dict[str, list[str]]) -> None:
    assert by_psql["schema_migrations"] == [str((one.id, one.name, one.sha256)) for one in migrate.available()]


def test_a_seeded_row_that_differs_is_seen(empty: Database, by_psql: dict[str, list[str]]) -> None:
    """The control: one default of one setting."""
    connection = empty.connect()
    migrate.migrate(connection)
    connection.execute(
        "update syncwell.setting_definitions set default_value = '4' where key = 'runs.failure_threshold'"
    )
    assert rows(connection) != by_psql
    connection.rollback()
