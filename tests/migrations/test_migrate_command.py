"""`syncwell migrate` looks at what it has made: damage and slowness are told, and end with 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer.testing import CliRunner

from harness.modules import build
from syncwell import migrate
from syncwell.cli.app import app

from .conftest import NOTE

if TYPE_CHECKING:
    from pathlib import Path

    from harness import Database

SLOWER = """
create or replace function syncwell.time_health() returns table (what text, streams bigint, milliseconds numeric)
language sql stable security definer set search_path = pg_catalog, pg_temp as
$$ select 'status', 1::bigint, 5000.0 $$;
"""


def command(database: Database, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["migrate", *arguments, "--dsn", database.uri()])
    return done.exit_code, done.stdout


def test_what_a_migration_damages_is_told(empty: Database, two: Path) -> None:
    assert command(empty, "--to", "0001") == (0, "applied 0001 foundation\n")
    path = two / "migrations" / "0002_pre_note.sql"
    path.write_text(build.stamp(NOTE + "\nalter table syncwell.streams disable row level security;\n"))
    code, told = command(empty)
    assert code == 1
    assert "applied 0002" in told
    assert "problem: row level security: table syncwell.streams" in told
    assert [one.state for one in migrate.status(empty.connect())] == ["applied", "applied"]


def test_health_that_became_slower_is_told(empty: Database, two: Path) -> None:
    assert command(empty, "--to", "0001")[0] == 0
    with empty.connect(autocommit=True) as owner:
        owner.execute("insert into syncwell.orgs (name) values ('a')")
        owner.execute("insert into syncwell.streams (org_id, source) select org_id, 'todoist' from syncwell.orgs")
    path = two / "migrations" / "0002_pre_note.sql"
    path.write_text(build.stamp(NOTE + SLOWER + "select syncwell._note_installed();\n"))
    code, told = command(empty)
    assert code == 1, told
    assert "problem: status of health took" in told
    assert "and 5000 ms now" in told
