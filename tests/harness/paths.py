"""Where things are."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SQL = ROOT / "sql"
TESTS = ROOT / "tests"
BUILD = ROOT / "build"
