"""A session, and what arrives of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, LiteralString
from uuid import UUID

from syncwell.http.events.boards import Row, event, listed

__all__ = ["SessionBoard"]

_MOST = 200
_MOST_KEPT = 2_400
# a record's time of arrival is that of its transaction: this is how long one may take to commit
_COMMIT = timedelta(minutes=1)


@dataclass(slots=True)
class SessionBoard:
    """A session: what it has of each kind, and its newest records."""

    SQL: ClassVar[LiteralString] = """
select
  s.session_id,
  (
    select to_json(r)
    from (
      select
        s.session_id as session, s.user_id, s.status, s.sync_status, s.started_at, s.ended_at,
        (
          select coalesce(json_object_agg(c.kind, c.records order by c.kind), '{}')
          from syncwell.session_counts as c
          where c.org_id = s.org_id and c.session_id = s.session_id
        ) as counts
    ) as r
  )::text,
  n.id,
  n.received_at,
  n.record
from unnest(%(ids)s::uuid[], %(after)s::timestamptz[]) as w (session_id, after)
inner join syncwell.sync_sessions as s on s.session_id = w.session_id
left join lateral (
  select
    r.id,
    r.received_at,
    (
      select to_json(x)
      from (select r.kind, r.occurred_at as at, r.spo2, r.heart_rate, r.data_source, r.local_id) as x
    )::text as record
  from
    unnest(
      '{reading,survey_pre,survey_inter,survey_post,progression,adaptive_event}'::text[]
    ) as k (kind)
  cross join lateral (
    select x.*
    from syncwell.session_records as x
    where x.org_id = s.org_id and x.session_id = s.session_id and x.kind = k.kind
    order by x.id desc
    limit %(most)s
  ) as r
  where r.received_at >= w.after
) as n on true
order by s.session_id, n.id
"""

    followers: int = 0
    due: float = 0.0
    is_read: bool = False
    _head: str | None = None
    _records: dict[UUID, tuple[datetime, str]] = field(default_factory=dict[UUID, tuple[datetime, str]])
    _newest: datetime | None = None

    @staticmethod
    def asked(boards: Mapping[UUID, SessionBoard]) -> dict[str, object]:
        """The parameters with which these sessions of an org are read."""
        return {"ids": list(boards), "after": [board._after for board in boards.values()], "most": _MOST}

    @property
    def _after(self) -> str:
        # records that came before this are known
        return "-infinity" if self._newest is None else (self._newest - _COMMIT).isoformat()

    def take(self, rows: Iterable[Row]) -> bytes | None:
        """Know these now; return what is to be told."""
        self.is_read = True
        fresh: list[str] = []
        read: set[UUID] = set()
        head = self._head
        for _, text, record, received, document in rows:
            head = text
            if record is None:
                continue
            read.add(record)
            known = self._records.get(record)
            if known is None or known[0] != received:
                self._records[record] = (received, document)
                fresh.append(document)
            if self._newest is None or received > self._newest:
                self._newest = received
        if head is None or (head == self._head and not fresh):
            return None
        self._head = head
        if len(self._records) > _MOST_KEPT:
            kept = read.union(sorted(self._records)[-_MOST:])
            self._records = {id: self._records[id] for id in kept}
        return event("session", f'{head[:-1]},"records":{listed(fresh)}}}')

    def state(self) -> str:
        """All of it, as JSON, with its newest records."""
        if self._head is None:
            return "null"
        newest = sorted(self._records)[-_MOST:]
        return f'{self._head[:-1]},"records":{listed(self._records[id][1] for id in newest)}}}'
