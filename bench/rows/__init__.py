"""The rows of the table, in its order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from bench.rows import active_progress, health_status, install, progress_update, record_run, row_security

if TYPE_CHECKING:
    from bench.harness import Bench
    from bench.result import Row

ROWS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "progress-update": progress_update.run,
    "install": install.run,
    "health-status": health_status.run,
    "record-run": record_run.run,
    "active-progress": active_progress.run,
    "row-security": row_security.run,
}
