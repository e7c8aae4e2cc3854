"""The running syncs of an org."""

from __future__ import annotations

from collections.abc import Iterable
from typing import LiteralString
from uuid import UUID

from syncwell.http.events.boards import Messages, Row, event, listed

__all__ = ["ProgressBoard"]

_MOST = 500


class ProgressBoard:
    """The running syncs of an org; all its members see them."""

    SQL: LiteralString = """
select
  p.id,
  concat_ws(' ', p.updated_at, p.status, p.stalled),
  p.completed_at is not null,
  (
    select to_json(r)
    from (
      select
        p.id, p.sync_id, p.job_id, p.entity_type, p.source_system, p.batch_number, p.initiated_by, p.status,
        p.current_item, p.total_items, p.processed_count, p.failed_count, p.percent, p.elapsed_now, p.speed_now,
        p.eta_now, p.stalled, p.silent_seconds, p.started_at, p.updated_at, p.completed_at
    ) as r
  )::text
from syncwell.sync_progress_live as p
where p.id = any(
  array(
    select s.id
    from syncwell.sync_progress as s
    where s.status in ('pending', 'in_progress', 'paused')
    order by s.started_at desc
    limit %(most)s
  ) || %(ids)s::uuid[]
)
order by p.started_at desc, p.id
"""

    def __init__(self, org: UUID) -> None:
        self._topic = f"progress:{org}"
        self._rows: dict[UUID, tuple[str, str]] = {}
        self._state: bytes | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs."""
        return not self._rows

    def asked(self, named: Iterable[UUID]) -> dict[str, object]:
        """The parameters to read with: what has ended is read where it is known, or named."""
        return {"ids": [*named, *self._rows], "most": _MOST}

    def take(self, rows: Iterable[Row]) -> Messages:
        """Know these now; return what is to be told."""
        messages: Messages = []
        left = dict(self._rows)
        for sync, version, is_over, text in rows:
            before = left.pop(sync, None)
            if before is None or before[0] != version:
                messages.append((self._topic, event("progress", text)))
            if is_over:
                self._rows.pop(sync, None)
            else:
                self._rows[sync] = (version, text)
        for sync in left:
            del self._rows[sync]
            messages.append((self._topic, event("progress", f'{{"id":"{sync}","removed":true}}')))
        # speed and time left are told as of now
        self._state = None
        return messages

    def state(self) -> bytes:
        """All of it, as JSON."""
        if self._state is None:
            self._state = listed(text for _, text in self._rows.values()).encode()
        return self._state
