"""The rows of the table, in its order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from bench.rows import (
    access_audit,
    active_progress,
    activity_insert,
    activity_questions,
    dashboard,
    delta_first,
    delta_idle,
    delta_pull,
    delta_push,
    delta_tables,
    delta_writes,
    events,
    health_detect,
    health_drift,
    health_evaluate,
    health_history,
    health_report,
    health_status,
    ingest,
    install,
    live_sessions,
    maintenance,
    openmetrics,
    preview_delta,
    preview_hit,
    progress_update,
    queue,
    queue_batch,
    queue_flood,
    queue_metrics,
    record_run,
    rollback,
    rollup,
    row_security,
)

if TYPE_CHECKING:
    from bench.harness import Bench
    from bench.result import Row

ROWS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "progress-update": progress_update.run,
    "install": install.run,
    "rollback": rollback.run,
    "health-status": health_status.run,
    "health-history": health_history.run,
    "health-detect": health_detect.run,
    "health-drift": health_drift.run,
    "health-evaluate": health_evaluate.run,
    "health-report": health_report.run,
    "record-run": record_run.run,
    "activity-insert": activity_insert.run,
    "activity-questions": activity_questions.run,
    "rollup": rollup.run,
    "maintenance": maintenance.run,
    "active-progress": active_progress.run,
    "access-audit": access_audit.run,
    "row-security": row_security.run,
    "delta-pull": delta_pull.run,
    "delta-tables": delta_tables.run,
    "delta-idle": delta_idle.run,
    "delta-first": delta_first.run,
    "delta-push": delta_push.run,
    "delta-writes": delta_writes.run,
    "queue": queue.run,
    "queue-batch": queue_batch.run,
    "queue-metrics": queue_metrics.run,
    "queue-flood": queue_flood.run,
    "ingest": ingest.run,
    "live-sessions": live_sessions.run,
    "events": events.run,
    "preview-delta": preview_delta.run,
    "preview-hit": preview_hit.run,
    "openmetrics": openmetrics.run,
    "dashboard": dashboard.run,
}
