"""The report: everything about the health of the syncs as one HTML file that needs no network and no script."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from syncwell.cli.report.facts import gather

if TYPE_CHECKING:
    from syncwell import Syncwell

__all__ = ["gather", "write_report"]


def write_report(
    syncwell: Syncwell, file: Path, *, user_id: UUID | None = None, source: str | None = None, days: int = 28
) -> None:
    """Write the report to a file. Needs the extra `report` and a login with role syncwell_reader.

    Args:
        syncwell: whom it is for.
        file: where to.
        user_id: this user's streams only; None: everything the caller may see.
        source: this source only; None: all.
        days: so many days back, 1 to 3660.
    """
    from syncwell.cli.report.page import render

    file.write_text(render(gather(syncwell, user_id=user_id, source=source, days=days)), encoding="utf-8")
