"""`syncwell activity`: what it lists, by which filters, page by page."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from harness import Tenants
from syncwell import Syncwell
from syncwell.cli.app import app

if TYPE_CHECKING:
    from harness import Database


@pytest.fixture
def uri(database: Database) -> str:
    """A failed run of a user, a sync that ended, and an entry whose texts are not to be trusted."""
    connection = database.connect("a_member", autocommit=True)
    syncwell = Syncwell(connection)
    with pytest.raises(RuntimeError), syncwell.runs.track("shop", "manual"):
        raise RuntimeError("shop says \x1b]0;owned\x07 no")
    syncwell.progress.report(sync_id="orders", processed_count=5, total_items=5, entity_type="order")
    syncwell.activity.log(action="batch_process", sync_id="x\x1b[2Jy", record_count=1234, duration_seconds=61.5)
    connection.close()
    return database.uri("a_analyst")


def run(command: str, uri: str) -> Any:
    return CliRunner().invoke(app, ["activity", *command.split(), "--dsn", uri], env={"TZ": "UTC"})


def entries(command: str, uri: str) -> list[dict[str, Any]]:
    result = run(f"{command} --json", uri)
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_it_lists_what_was_done(uri: str) -> None:
    result = run("", uri)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split()[2] for line in lines[-4:]] == [
        "batch_process",
        "sync_complete",
        "sync_complete",
        "manual_trigger",
    ]
    assert "1,234" in result.stdout
    assert "1 min 2 s" in result.stdout
    assert "shop says \N{REPLACEMENT CHARACTER}]0;owned" in result.stdout
    assert "\x1b" not in result.stdout
    assert "more:" not in result.stdout


@pytest.mark.parametrize(
    ("filters", "actions"),
    [
        ("--action manual_trigger", ["manual_trigger"]),
        ("--status failed", ["sync_complete"]),
        ("--entity order", ["sync_complete"]),
        ("--sync orders", ["sync_complete"]),
        (f"--user {Tenants.id('a_member')} -n 1", ["batch_process"]),
        (f"--user {Tenants.id('a_other')}", []),
        ("--since 2000-01-01 --until 2000-01-02", []),
        ("--since 2000-01-01 --action manual_trigger", ["manual_trigger"]),
    ],
)
def test_filters(uri: str, filters: str, actions: list[str]) -> None:
    assert [entry["action"] for entry in entries(filters, uri)] == actions


def test_pages(uri: str) -> None:
    result = run("-n 3", uri)
    hint = result.stdout.splitlines()[-1]
    assert hint.startswith("more: --page ")
    (last,) = entries(hint.removeprefix("more: "), uri)
    assert last["action"] == "manual_trigger"
    assert UUID(last["id"])
    assert datetime.fromisoformat(last["created_at"]).tzinfo is not None
    assert "no activity" in run(f"--page {last['page_token']}", uri).stdout


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("--since yesterday", "--since is no time: yesterday"),
        ("--since 2026-03-02 --until 2026-03-01", "the wrong way round"),
        ("--page nothing", "no page token"),
        ("--status success", "unknown status"),
    ],
)
def test_mistakes(uri: str, command: str, said: str) -> None:
    result = run(command, uri)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
