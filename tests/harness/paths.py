"""Where things are."""

from __future__ import annotations

import contextlib
import fcntl
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SQL = ROOT / "sql"
TESTS = ROOT / "tests"
BUILD = ROOT / "build"


@contextlib.contextmanager
def fetching(what: str) -> Iterator[None]:
    """One process at a time fetches this into the build folder: the others find it there."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
