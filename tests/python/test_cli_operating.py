"""syncwell maintain, and what verify says of an installation that nobody maintains."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

from syncwell.cli.app import app

if TYPE_CHECKING:
    from harness import Database


def run(database: Database, command: str, login: str | None = "operator") -> Any:
    return CliRunner().invoke(app, [*command.split(), "--dsn", database.uri(login)])


def test_maintain_does_what_is_due_and_tells(database: Database) -> None:
    assert "never" in run(database, "maintain --report").stdout
    done = run(database, "maintain")
    assert done.exit_code == 0, done.output
    assert "evaluate_health" in done.stdout
    states = {one["duty"]: one["state"] for one in json.loads(run(database, "maintain --report --json").stdout)}
    assert set(states.values()) == {"done"}
    assert "partitions: sync_events" in states


def test_one_duty_alone(database: Database) -> None:
    document = json.loads(run(database, "maintain --duty partitions --json").stdout)
    assert {one["task"] for one in document} == {"partitions"}
    assert {one["state"] for one in document} == {"done"}
    everything = json.loads(run(database, "maintain --report --json").stdout)
    assert {one["state"] for one in everything if one["task"] != "partitions"} == {"never"}


def test_a_failed_duty_ends_with_1(database: Database) -> None:
    with database.connect(autocommit=True) as owner:
        owner.execute("drop function syncwell._table_health_task()")
    failed = run(database, "maintain")
    assert failed.exit_code == 1
    assert "_table_health_task() does not exist" in failed.stdout
    assert "syncwell._expire_health_task" not in failed.stdout


def test_mistakes_are_told_without_a_trace(database: Database) -> None:
    for command, login, message in [
        ("maintain --duty tea", "operator", "unknown duty"),
        ("maintain", "a_admin", "permission denied"),
    ]:
        refused = run(database, command, login)
        assert refused.exit_code == 2
        assert message in refused.stderr
        assert "Traceback" not in refused.output


def test_verify_warns_where_nobody_maintains(database: Database) -> None:
    before = run(database, "verify")
    assert before.exit_code == 0, before.output
    assert "It was never done" in before.stdout
    assert run(database, "maintain").exit_code == 0
    after = run(database, "verify --json")
    assert [one for one in json.loads(after.stdout) if one["warned"] or not one["ok"]] == []
