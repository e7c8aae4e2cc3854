"""What doctor found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["ok", "warning", "error", "unchecked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: what was looked at.
        severity: ok; warning: it works, but should not stay so; error: it does not work; unchecked: it could not be
            looked at.
        found: what was found.
        why: why that matters; None where all is well.
        cure: the command or the statement that cures it; None: nothing to do.
    """

    check: str
    severity: Severity
    found: str
    why: str | None = None
    cure: str | None = None


def fine(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check=check, severity="ok", found=found)


def unchecked(check: str, found: str, cure: str | None = None) -> Finding:
    """It could not be looked at."""
    return Finding(check=check, severity="unchecked", found=found, cure=cure)


def has_error(findings: Iterable[Finding]) -> bool:
    """Whether something does not work."""
    return any(one.severity == "error" for one in findings)
