"""What `syncwell export` writes is for whoever called it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from syncwell.cli.app import app

if TYPE_CHECKING:
    from pathlib import Path

    from harness import Database


def test_a_folder_that_is_made_is_nobody_elses_to_read(database: Database, tmp_path: Path) -> None:
    folder, before = tmp_path / "runs", os.umask(0o022)
    try:
        result = CliRunner().invoke(app, ["export", "runs", "-o", str(folder), "--dsn", database.uri("a_analyst")])
    finally:
        os.umask(before)
    assert result.exit_code == 0, result.output
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
