"""`syncwell sessions`: what it prints and how it ends, before and after a repair."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from harness import Tenants
from harness.damaged import damage
from syncwell.cli.app import app

if TYPE_CHECKING:
    from harness import Database


@pytest.fixture
def damaged(database: Database) -> Database:
    damage(database.connect(), Tenants.org("a"), [Tenants.id("a_member")], sessions=10)
    return database


def run(command: str, database: Database, login: str = "a_admin", *more: str) -> Any:
    return CliRunner().invoke(app, ["sessions", *command.split(), *more, "--dsn", database.uri(login)])


def document(command: str, database: Database, login: str = "a_admin") -> Any:
    result = run(command, database, login, "--json")
    assert result.stderr == ""
    return json.loads(result.stdout)


def test_damage_is_shown_repaired_and_the_repair_reverted(damaged: Database) -> None:
    result = run("integrity --days 3660", damaged)
    assert result.exit_code == 1
    assert "duplicates" in result.stdout
    pairs = document("duplicates", damaged)
    assert len(pairs) >= 10
    assert run("duplicates", damaged).exit_code == 1

    # without --yes it says the same and does nothing
    shown = run("merge", damaged)
    assert shown.exit_code == 0
    assert "say --yes" in shown.stdout
    assert {row["merge_id"] for row in document("merge", damaged)} == {None}
    assert document("duplicates", damaged) == pairs
    assert "no merges" in run("merges", damaged).stdout

    merged = document("merge --yes", damaged)
    # a pair may turn out to be one with a third
    assert len(merged) >= len(pairs)
    assert document("duplicates", damaged) == []
    assert run("duplicates", damaged).exit_code == 0
    assert "no duplicates" in run("merge --yes", damaged).stdout
    listed = document("merges", damaged)
    assert {row["merge_id"] for row in listed} == {row["merge_id"] for row in merged}
    assert merged[0]["merge_id"] in run("merges", damaged).stdout

    for row in reversed(merged):
        reverted = document(f"revert {row['merge_id']}", damaged)
        assert reverted == {"merge_id": row["merge_id"], "restored": row["moved"]}
    # who looks for them again finds them again
    assert document("duplicates", damaged) == []
    assert len(document("duplicates --again", damaged)) == len(pairs)


def test_what_there_is_not_is_said_in_three_lines(damaged: Database) -> None:
    result = run(f"revert {uuid4()}", damaged)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
    assert run("revert x", damaged).exit_code == 2
    assert run("merge --yes", damaged, "a_member").exit_code == 2
    assert len(document("duplicates", damaged)) >= 10


def test_recent_sessions_are_listed(damaged: Database) -> None:
    rows = document("recent -n 5", damaged, "a_member")
    assert len(rows) == 5
    assert [row["started_at"] for row in rows] == sorted((row["started_at"] for row in rows), reverse=True)
    assert rows[0]["session_id"] in run("recent -n 5", damaged, "a_member").stdout
    assert "no sessions" in run("recent", damaged, "a_other").stdout


def test_an_org_without_sessions_is_well(database: Database) -> None:
    result = run("integrity", database, "b_admin")
    assert result.exit_code == 0, result.output
    assert {row["affected"] for row in document("integrity", database, "b_admin")} == {0}


@pytest.mark.parametrize("command", ["integrity", "recent", "duplicates", "merge", "merges", "revert"])
def test_every_command_has_help(command: str) -> None:
    result = CliRunner().invoke(app, ["sessions", command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.stdout
