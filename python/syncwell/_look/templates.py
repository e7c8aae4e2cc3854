"""How templates of report and dashboard are read: escaped, strict, and with those that they share."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from syncwell._look import LOOK
from syncwell._look.figures import harmless

__all__ = ["environment"]


def environment(folder: Path) -> Environment:
    """For the templates of this folder."""
    return Environment(
        loader=FileSystemLoader([folder, LOOK]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=harmless,
    )
