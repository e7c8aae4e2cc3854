"""`pytest -p mutation.plugin`: install one mutated file in place of its original, wherever migrations are run.

SYNCWELL_MUTANT names a JSON file: `original` and `mutated` text. What comes of it is written beside it: the first test
that failed, or that the schema did not install.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncwell import migrate

MUTANT = "SYNCWELL_MUTANT"
NOT_INSTALLED = 70

_run = migrate._run
_mutant: dict[str, str] = {}


def outcome_of(mutant: Path) -> Path:
    """Where the outcome is told."""
    return mutant.with_suffix(".outcome")


def _run_mutated(conn: psycopg.Connection[Any], text: str, *, allow_data_loss: bool = False) -> None:
    original, mutated = _mutant["original"], _mutant["mutated"]
    if not original or original not in text:
        _run(conn, text, allow_data_loss=allow_data_loss)
        return
    # the last copy counts, as in a later migration that replaces a function
    before, _, after = text.rpartition(original)
    try:
        _run(conn, before + mutated + after, allow_data_loss=allow_data_loss)
    except psycopg.Error as error:
        _tell("not installed", str(error))
        pytest.exit("the mutated schema does not install", NOT_INSTALLED)


def _tell(outcome: str, detail: str) -> None:
    path = outcome_of(Path(os.environ[MUTANT]))
    if not path.exists():
        path.write_text(json.dumps({"outcome": outcome, "detail": detail}))


def pytest_configure() -> None:
    """Put the mutated file in the way of the runner."""
    _mutant.update(json.loads(Path(os.environ[MUTANT]).read_text()))
    migrate._run = _run_mutated


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep the first test that failed."""
    if report.failed:
        _tell("caught", report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A file that cannot even be collected fails too."""
    if report.failed:
        _tell("caught", report.nodeid)
