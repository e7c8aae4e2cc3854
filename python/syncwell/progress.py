"""What `sw.progress` returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

__all__ = [
    "EtaBasis",
    "LiveProgress",
    "ProgressReport",
    "ProgressStatus",
    "ReapedProgress",
    "StuckSync",
]

ProgressStatus = Literal[
    "pending", "in_progress", "paused", "completed", "completed_with_errors", "failed", "cancelled", "timeout"
]
EtaBasis = Literal["blend", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressReport:
    """Where a sync stands after a report (`syncwell.report_sync_progress`), by the plain formulas.

    Attributes:
        id: id of the progress row.
        status: what the sync is now.
        speed_items_per_min: items processed a minute since the start; None: not known yet.
        eta_seconds: seconds that are left; None: not known.
        elapsed_seconds: seconds since the start, pauses not counted.
    """

    id: UUID
    status: ProgressStatus
    speed_items_per_min: float | None
    eta_seconds: float | None
    elapsed_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveProgress:
    """A sync as it is at this moment (view `syncwell.sync_progress_live`).

    Attributes:
        id: id of the progress row.
        sync_id: the sync's own name; for a run its id as text.
        job_id: the job it is part of.
        entity_type: what is synced.
        source_system: the system it is synced from.
        status: what the sync is.
        processed_count: items done well.
        failed_count: items that failed.
        total_items: items there are; None: not counted yet.
        current_item: number of the item worked on; None: not told.
        batch_number: number of the batch worked on; None: not told.
        percent: share of the items that is handled, 0 to 100; None: the total is not known.
        speed_now: items handled a minute, now; 0 when stalled or paused; None: not known or not running.
        eta_now: seconds that are left, counted down between two reports; None: not known.
        eta_basis: blend: `eta_now` is an estimate; none: there is nothing to estimate.
        stalled: whether it runs, but is silent for longer than it should be.
        silent_seconds: seconds since something was last counted; None: paused or ended.
        elapsed_now: seconds it has been running, now or until it ended or was paused; pauses not counted.
        started_at: when it started.
        updated_at: when it was last written.
        completed_at: when it ended, however it ended; None: it has not.
        initiated_by: the user who started it; None: a service.
        metadata: what was kept with it.
    """

    id: UUID
    sync_id: str
    job_id: str | None
    entity_type: str | None
    source_system: str | None
    status: ProgressStatus
    processed_count: int
    failed_count: int
    total_items: int | None
    current_item: int | None
    batch_number: int | None
    percent: float | None
    speed_now: float | None
    eta_now: float | None
    eta_basis: EtaBasis
    stalled: bool
    silent_seconds: float | None
    elapsed_now: float
    started_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    initiated_by: UUID | None
    metadata: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckSync:
    """A running sync that has been silent for too long (`syncwell.find_stuck_syncs`).

    Attributes:
        id: id of the progress row.
        sync_id: the sync's own name.
        job_id: the job it is part of.
        entity_type: what is synced.
        source_system: the system it is synced from.
        initiated_by: the user who started it; None: a service.
        processed_count: items done well.
        failed_count: items that failed.
        total_items: items there are; None: not counted yet.
        percent: share of the items that is handled, 0 to 100; None: the total is not known.
        started_at: when it started.
        updated_at: when it was last written.
        silent_seconds: seconds since something was last counted.
    """

    id: UUID
    sync_id: str
    job_id: str | None
    entity_type: str | None
    source_system: str | None
    initiated_by: UUID | None
    processed_count: int
    failed_count: int
    total_items: int | None
    percent: float | None
    started_at: datetime
    updated_at: datetime
    silent_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReapedProgress:
    """A sync that ran for too long and was ended as timeout (`syncwell.reap_sync_progress`).

    Attributes:
        org_id: the org it belongs to.
        id: id of the progress row.
        sync_id: the sync's own name.
        source_system: the system it was synced from.
        started_at: when it started.
        elapsed_seconds: seconds it ran, pauses not counted.
    """

    org_id: UUID
    id: UUID
    sync_id: str
    source_system: str | None
    started_at: datetime
    elapsed_seconds: float
