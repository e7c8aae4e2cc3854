"""The figures of `make coverage`: what every session of every database executed is kept, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from harness import UnavailableError, checked, unavailable
from harness.paths import ROOT
from profiling.__main__ import table
from profiling.functions import executed
from profiling.plugin import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

# One in the shared database that is rolled back, and one of several sessions in a clone that is dropped.
PROFILED = ["tests/sql/core/act_as.test.sql", "tests/concurrency/test_locks.py"]


def test_profiles_of_all_sessions_are_kept(tmp_path: Path) -> None:
    try:
        bindir, env = checked.programs()
    except UnavailableError as reason:
        unavailable("plpgsql_check", reason)
    env |= {FOLDER: str(tmp_path), "PG_BINDIR": str(bindir), "PYTHONPATH": f"{ROOT / 'python'}:{ROOT / 'tests'}"}
    options = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "profiling.plugin"]
    done = subprocess.run(
        [sys.executable, *options, *PROFILED],
        cwd=ROOT,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    names = {key.partition(" ")[0] for (key, _), times in executed(tmp_path).items() if times}
    assert "act_as" in names
    assert "record_sync_complete" in names
    assert "import_existing" not in names


def test_a_table_ends_with_all_and_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert table("x", {"core": (95, 100), "runs": (0, 0)}, 95)
    assert not table("x", {"core": (94, 100)}, 95)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if line.startswith("all")] == [
        ["all", "95", "100", "95.0%"],
        ["all", "94", "100", "94.0%"],
    ]
    assert [line.split()[-1] for line in lines if line.startswith("target")] == ["met", "MISSED"]
