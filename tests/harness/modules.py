"""Scripts that are no part of a package, as modules."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING

from harness.paths import SQL

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


def load(path: Path, name: str | None = None) -> ModuleType:
    """The file as a module of this name, by default its own; loaded anew at each call."""
    name = name or path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # what it is made of is looked up by its name
    spec.loader.exec_module(module)
    return module


build = load(SQL / "build.py", "sql_build")
