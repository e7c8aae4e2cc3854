"""The ways to install, and what a database looks like afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from harness.modules import build
from harness.paths import SQL
from harness.versions import program
from syncwell import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psycopg

    from harness import Cluster, Database
    from syncwell.embedded import Server


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return subprocess.run([str(part) for part in command], env=env, capture_output=True, text=True, check=False)


class Installer:
    """Applies files to databases of one server."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def psql(self, database: Database, path: Path, *options: str, login: str | None = None) -> str:
        """`psql -1 -f`: its standard error, empty when all went well."""
        psql, stop, verbose = program(self.server, "psql"), "ON_ERROR_STOP=1", "VERBOSITY=verbose"
        done = run(psql, "-X", "-q", "-1", "-v", stop, "-v", verbose, *options, "-f", path, database.uri(login))
        assert bool(done.returncode) == ("ERROR:" in done.stderr)
        return "\n".join(line for line in done.stderr.splitlines() if "ERROR:" in line)

    def install(self, database: Database, way: str, login: str | None = None) -> None:
        """Every migration, by "psql" or by the "runner"."""
        if way == "psql":
            for one in migrate.available():
                assert self.psql(database, one.path, login=login) == ""
        else:
            assert migrate.migrate(database.connect(login)) == migrate.available()

    def dump(self, database: Database, *options: str) -> str:
        done = run(
            program(self.server, "pg_dump"), "--schema=syncwell", "--schema=syncwell_tables", *options, database.uri()
        )
        assert not done.returncode, done.stderr
        return done.stdout

    def schema(self, database: Database) -> str:
        """The normalised schema; to be compared with that of another database of the same server."""
        text: str = build.normalise(self.dump(database, "--schema-only"))
        assert "create function syncwell._now()" in text.lower()
        return text


@pytest.fixture(scope="session")
def installer(cluster: Cluster) -> Installer:
    return Installer(cluster.server)


@pytest.fixture
def empty(cluster: Cluster) -> Iterator[Database]:
    """A new database; the roles are there."""
    with cluster.database(template="template1") as database:
        yield database


@pytest.fixture
def installed(empty: Database) -> psycopg.Connection[Any]:
    """A superuser's session in a new database with everything installed by the runner."""
    connection = empty.connect()
    assert migrate.migrate(connection) == migrate.available()
    return connection


@pytest.fixture(scope="session")
def schema(cluster: Cluster, installer: Installer) -> str:
    """What every way of installing must end in: the schema after `psql -1 -f` of every file."""
    with cluster.database(template="template1") as database:
        installer.install(database, "psql")
        return installer.schema(database)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of sql/ that a test may change."""
    shutil.copytree(SQL, tmp_path / "sql", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "sql"


NOTE = """-- 0002_pre_note: a table. Phase: pre. Locks: none. Rewrites: nothing. Needs: 0001. Run: psql -1 -f
set local lock_timeout = '5s';
set local search_path = pg_catalog, pg_temp;
set local role syncwell_owner;

do $guard$
begin
  if to_regclass('syncwell.schema_migrations') is null then
    raise exception using errcode = 'SW901', message = '0001 is not applied', detail = '-', hint = 'Apply it first.';
  end if;
  if exists (select from syncwell.schema_migrations as m where m.id = '0002') then
    raise exception using errcode = 'SW902', message = '0002 is applied', detail = '-', hint = 'All is done.';
  end if;
end
$guard$;

create table syncwell.note (note_id bigint primary key);
alter table syncwell.note enable row level security;

insert into syncwell.schema_migrations (id, name, sha256, applied_at, applied_by) values
('0002', 'pre_note', '0000000000000000000000000000000000000000000000000000000000000000', syncwell._now(), session_user);
"""
NOTE_ROLLBACK = """set local role syncwell_owner;
drop table syncwell.note;
delete from syncwell.schema_migrations where id = '0002';
"""


@pytest.fixture
def two(copy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of sql/ with the first migration and a second of our own; the runner works on it."""
    for path in copy.glob("migrations/*.sql"):
        if not path.name.startswith("0001_"):
            path.unlink()
    (copy / "migrations" / "0002_pre_note.sql").write_text(build.stamp(NOTE))
    (copy / "migrations" / "0002_pre_note.rollback.sql").write_text(NOTE_ROLLBACK)
    monkeypatch.setattr(migrate, "sql_folder", lambda: copy)
    return copy
