"""Every command of the application, whichever there are: help, JSON, and mistakes told in a few lines."""

from __future__ import annotations

import inspect
import itertools
import os
import re
import shlex
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import typer
from typer.testing import CliRunner

from harness.paths import ROOT
from syncwell.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Database
    from harness.cluster import Cluster

ROOT_COMMAND: Any = typer.main.get_command(app)


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS: dict[str, Any] = dict(commands(ROOT_COMMAND))
# a show for people, whose facts are in the report it writes
WITHOUT_JSON = {"demo"}
# they connect for nobody, or say by themselves what is wrong
WITHOUT_CONNECTION = {"demo", "bundle", "alerts test-channel", "serve", "doctor"}
CONNECTING = sorted(COMMANDS.keys() - WITHOUT_CONNECTION)
# what a command cannot be called without
NEEDED = {
    "types": ["--lang", "python"],
    "rollback": ["--to", "0000"],
    "export": ["runs", "-o", "{tmp}/export"],
    "report": ["-o", "{tmp}/report.html"],
    "alerts deliver": ["-c", "{tmp}/alerts.toml"],
    "alerts test-channel": ["pager", "-c", "{tmp}/alerts.toml"],
    "alerts requeue": ["pager"],
    "alerts forget": ["pager"],
    "privacy export": [str(UUID(int=1))],
    "privacy erase": [str(UUID(int=1))],
    "sessions revert": [str(UUID(int=1))],
    "watch": ["--once"],
}

TEXTS = (str, str | None, list[str] | None, Path, Path | None)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("PG", "SYNCWELL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "python"))


@pytest.fixture(scope="module")
def empty(cluster: Cluster) -> Iterator[Database]:
    with cluster.database(template="template1") as database:
        yield database


@pytest.fixture(scope="module")
def old(cluster: Cluster) -> Iterator[Database]:
    """A schema of before any of today's functions."""
    with cluster.database(template="template1") as database:
        database.connect(autocommit=True).execute(
            "create schema syncwell; grant usage on schema syncwell to public;"
            "create table syncwell.schema_migrations"
            " (id text primary key, name text, sha256 text, applied_at timestamptz, applied_by name);"
            "grant select on syncwell.schema_migrations to public;"
            "insert into syncwell.schema_migrations values ('0000', 'first', repeat('0', 64), now(), 'me')"
        )
        yield database


def needed(command: str, folder: Path) -> list[str]:
    (folder / "alerts.toml").write_text('[[channel]]\nname = "pager"\nkind = "command"\ncommand = ["/bin/true"]\n')
    return [one.format(tmp=folder) for one in NEEDED.get(command, [])]


def run(command: str, *arguments: str) -> Any:
    return CliRunner().invoke(app, [*command.split(), *arguments])


def refused(result: Any) -> str:
    assert result.exit_code == 2, (result.exit_code, result.output, result.exception)
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return str(result.stderr)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_that_fit_a_terminal(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = run(name, "--help")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert all(len(line) <= 80 for line in lines)
    examples = [line.strip() for line in lines[lines.index(next(line for line in lines if "Examples:" in line)) :]]
    shown = [line for line in examples if f"syncwell {name}" in line]
    assert shown, "an example shows the command"
    # what is wrapped can not be copied
    source = COMMANDS[name].help
    for line in source.split("Examples:")[1].splitlines():
        assert len(line) <= 78, line
    assert "Exit code" in result.stdout or not re.search(r"typer\.Exit\(1\)", source)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_are_understood(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each example parses: its options are there, and its values are of their kinds."""
    monkeypatch.chdir(tmp_path)
    for line in COMMANDS[name].help.split("Examples:")[1].splitlines():
        _, found, rest = line.partition(f"syncwell {name}")
        if not found:
            continue
        words = shlex.split(re.split(r" [|>&]|    ", rest)[0])
        context = COMMANDS[name].make_context(name, words)
        assert context.params, line


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - WITHOUT_JSON))
def test_everything_answers_in_json(name: str) -> None:
    assert "--json" in {option for one in COMMANDS[name].params for option in one.opts}


@pytest.mark.parametrize("name", CONNECTING)
def test_no_server(name: str, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    complaint = refused(run(name, *needed(name, tmp_path), "-d", f"host={tmp_path}/nothing user=me dbname=x"))
    assert complaint.startswith("error: ")
    assert "hint: Say where the server is" in complaint


DSNS = ("postgresql://[", "nonsense=1", "postgresql://h/d?x=1", "host='", "\udcff")


@pytest.mark.parametrize(("name", "dsn"), list(zip(CONNECTING, itertools.cycle(DSNS), strict=False)), ids=ascii)
def test_a_dsn_that_is_none(name: str, dsn: str, tmp_path: Path) -> None:
    assert refused(run(name, *needed(name, tmp_path), "-d", dsn)).startswith("error: ")


# they do without a schema, or make it
@pytest.mark.parametrize("name", [one for one in CONNECTING if one not in ("migrate", "rollback", "status", "verify")])
def test_no_schema_and_an_old_one(name: str, empty: Database, old: Database, tmp_path: Path) -> None:
    for database in (empty, old):
        complaint = refused(run(name, *needed(name, tmp_path), "-d", database.uri("a_analyst")))
        assert complaint.startswith("error: ")
        assert "syncwell migrate" in complaint, complaint


@pytest.mark.parametrize("name", CONNECTING)
def test_a_login_without_rights(name: str, cluster: Cluster, tmp_path: Path) -> None:
    result = run(name, *needed(name, tmp_path), "-d", cluster.shared.uri("t_owner"))
    assert refused(result).startswith("error: "), result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_that_is_none(name: str) -> None:
    assert "No such option" in refused(run(name, "--nonsense"))
    assert refused(run(name, "one", "too", "many", "arguments"))


def options(name: str) -> list[tuple[Any, Any]]:
    """Those that take a value, and of which kind."""
    kinds = typing.get_type_hints(inspect.unwrap(COMMANDS[name].callback))
    found = [(one, kinds.get(one.name)) for one in COMMANDS[name].params if one.opts[0].startswith("-")]
    return [(one, kind) for one, kind in found if kind not in (None, bool, bool | None)]


def bad_values() -> list[tuple[str, str, str]]:
    """For each option of each command something that cannot be its value."""
    values = itertools.cycle(["nonsense", "", "\udcff", "9" * 30, "-1e999"])
    return [(name, one.opts[0], next(values)) for name in COMMANDS for one, kind in options(name) if kind not in TEXTS]


@pytest.mark.parametrize(("name", "option", "value"), bad_values(), ids=lambda value: ascii(value))
def test_a_value_that_is_none(name: str, option: str, value: str, tmp_path: Path) -> None:
    assert refused(run(name, option, value, *needed(name, tmp_path)))


def test_texts_that_are_none(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is said of it: it is no traceback."""
    monkeypatch.chdir(tmp_path)
    values = itertools.cycle(["\udcff", "", "x" * 100_000, "2026-99-99", "\n", "'; drop schema syncwell --"])
    for name in sorted(COMMANDS.keys() - {"demo", "serve"}):
        dsn = [] if name in WITHOUT_CONNECTION else ["-d", cluster.shared.uri("a_analyst")]
        for one, kind in options(name):
            if kind in TEXTS and "--dsn" not in one.opts:
                result = run(name, one.opts[0], next(values), *needed(name, tmp_path), *dsn)
                assert result.exit_code in (0, 1, 2), (name, one.opts, result.exception)
                assert isinstance(result.exception, SystemExit | None), (name, one.opts, result.output)
