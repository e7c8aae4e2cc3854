"""The mutations that no test catches, with the reason: survivors.toml."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mutation.operators import Mutation

FILE = Path(__file__).with_name("survivors.toml")


@dataclass(frozen=True)
class Survivor:
    """`equivalent`: nobody can tell the difference by what the schema does."""

    file: str
    before: str
    after: str
    equivalent: bool
    reason: str


def squeezed(text: str) -> str:
    """Without the differences that indenting makes."""
    return re.sub(r"\s+", " ", text).strip()


def known() -> dict[tuple[str, str, str], Survivor]:
    """All of the file, by what they change."""
    rows = [Survivor(**row) for row in tomllib.loads(FILE.read_text()).get("survivor", [])]
    return {(row.file, squeezed(row.before), squeezed(row.after)): row for row in rows}


def explanation(mutation: Mutation) -> Survivor | None:
    """Why this one survives, where it is known."""
    return known().get((mutation.file, squeezed(mutation.before), squeezed(mutation.after)))
