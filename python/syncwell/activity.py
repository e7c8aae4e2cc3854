"""What `sw.activity` returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from syncwell.progress import ProgressStatus

__all__ = ["ActivityEntry", "MadeActivityPartition"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityEntry:
    """Something that was done (`syncwell.get_sync_activity`).

    Attributes:
        id: the entry's id.
        created_at: when it was: the start or the end of a run, else when it was logged.
        action: preview_delta, sync_start, sync_complete, batch_process, error_recovery, manual_trigger, scheduled_run,
            partial_resume, or one of the org's own.
        status: in_progress for what began, else how it ended.
        sync_id: the sync it is about; for a run its id as text.
        entity_type: what was synced.
        record_count: records handled; None: not told.
        duration_seconds: seconds it took; None: not over, or not told.
        error_message: why it failed, without secrets; None where consent is missing, or it is another user's.
        user_id: who did it or whose stream it is; None: a service.
        page_token: what the next page starts after, where this is the last entry of its page.
    """

    id: UUID
    created_at: datetime
    action: str
    status: ProgressStatus
    sync_id: str | None
    entity_type: str | None
    record_count: int | None
    duration_seconds: float | None
    error_message: str | None
    user_id: UUID | None
    page_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeActivityPartition:
    """A partition of the activity log that was made (`syncwell.ensure_activity_partitions`).

    Attributes:
        partition_name: the new partition.
        moved_rows: how many entries moved to it from the default partition.
    """

    partition_name: str
    moved_rows: int
