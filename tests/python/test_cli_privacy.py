"""syncwell privacy: a person's data as lines of JSON; erased only when that is said twice."""

from __future__ import annotations

import json
import stat
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from syncwell.cli.app import app
from syncwell.sync.client import Syncwell

if TYPE_CHECKING:
    from pathlib import Path

    from harness import Database, Tenants


def run(database: Database, login: str, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["privacy", *arguments, "--dsn", database.uri(login)])


@pytest.fixture
def person(database: Database, tenants: Tenants) -> uuid.UUID:
    gateway = Syncwell(database.connect("gateway", autocommit=True)).as_user(tenants.id("a_member"))
    with gateway.runs.track("calls"):
        pass
    gateway.runs.create_error(source="calls", message='a "quoted"\\ text\nof two lines')
    return tenants.id("a_member")


def test_an_export_is_a_line_of_json_for_each_row(database: Database, person: uuid.UUID, tmp_path: Path) -> None:
    out = tmp_path / "person.jsonl"
    out.write_text("old")
    out.chmod(0o644)
    result = run(database, "operator", "export", str(person), "-o", str(out))
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {"users", "streams", "sync_events", "sync_errors"} <= {row["table"] for row in rows}
    (error,) = [row["row"] for row in rows if row["table"] == "sync_errors"]
    assert error["error_message"] == 'a "quoted"\\ text\nof two lines'
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    printed = run(database, "gateway", "export", str(person), "--as-user", str(person))
    assert len(printed.stdout.splitlines()) >= len(rows) - 1


def test_erasing_has_to_be_said_twice(database: Database, person: uuid.UUID) -> None:
    shown = run(database, "operator", "erase", str(person))
    assert shown.exit_code == 0, shown.output
    assert "would be deleted" in shown.stdout
    with database.connect() as owner:
        assert owner.execute("select count(*) from syncwell.users where user_id = %s", [person]).fetchone() == (1,)
    done = run(database, "operator", "erase", str(person), "--yes", "--json")
    assert done.exit_code == 0, done.output
    assert {"table_name": "users", "user_column": "user_id", "action": "deleted", "affected_rows": 1} in json.loads(
        done.stdout
    )
    with database.connect() as owner:
        assert owner.execute("select count(*) from syncwell.users where user_id = %s", [person]).fetchone() == (0,)


def test_whoever_may_not_is_refused(database: Database, person: uuid.UUID, tenants: Tenants) -> None:
    assert run(database, "a_admin", "erase", str(person), "--yes").exit_code == 2
    assert run(database, "a_admin", "export", str(person)).exit_code == 2
    assert run(database, "operator", "erase", str(tenants.id("nobody")), "--yes").exit_code == 2
