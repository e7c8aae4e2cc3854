"""States of an org's streams, and its issues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from syncwell.http.events.boards import Messages, Row, event, listed

__all__ = ["HealthBoard"]

_MOST = 500


@dataclass(slots=True)
class _Shown:
    owner: UUID | None
    is_common: bool
    kind: str
    text: str


class HealthBoard:
    """States of an org's streams, and its issues that are not resolved; members see their own and the org's own."""

    STREAMS: LiteralString = """
select
  s.stream_id,
  s.user_id,
  s.user_id is null,
  coalesce(x.status, 'unknown'),
  (
    select to_json(r)
    from (
      select
        s.stream_id, s.user_id, s.source, s.platform, coalesce(x.status, 'unknown') as status, x.since,
        coalesce(x.is_flapping, false) as is_flapping
    ) as r
  )::text
from syncwell.streams as s
left join syncwell.stream_states as x on x.org_id = s.org_id and x.stream_id = s.stream_id
where s.retired_at is null
"""
    ISSUES: LiteralString = """
select
  i.id,
  i.user_id,
  i.user_id is null and i.stream_id is not null,
  i.state,
  (
    select to_json(r)
    from (
      select
        i.id, i.issue_type, i.severity, i.state, i.stream_id, i.user_id, i.source, i.platform, i.parent_id, i.muted_by,
        i.since, i.suggestion, i.opened_at, i.times_opened, i.resolved_at, i.acknowledged_at, i.acknowledged_by,
        i.note, i.snoozed_until
    ) as r
  )::text
from syncwell.sync_issues as i
where i.state <> 'resolved' or i.id = any(%(ids)s::uuid[])
order by i.id desc
"""

    def __init__(self, org: UUID) -> None:
        self._org = org
        self._streams: dict[UUID, _Shown] = {}
        self._issues: dict[UUID, _Shown] = {}
        self._states: dict[frozenset[str], bytes] = {}

    def asked(self) -> dict[str, object]:
        """The parameters to read with: what is resolved is read where it is known."""
        return {"ids": list(self._issues)}

    def take(self, streams: Iterable[Row], issues: Iterable[Row]) -> Messages:
        """Know these now; return what is to be told, and to whom."""
        changed_streams, self._streams = _moved(self._streams, streams, "stream_id", "retired")
        changed_issues, now = _moved(self._issues, issues, "id", "gone")
        self._issues = {issue: shown for issue, shown in now.items() if shown.kind != "resolved"}
        told: dict[str, tuple[list[str], list[str]]] = {}
        for place, changed in enumerate((changed_streams, changed_issues)):
            for shown in changed:
                for topic in self._topics(shown):
                    told.setdefault(topic, ([], []))[place].append(shown.text)
        if told:
            self._states.clear()
        return [(topic, event("health", _health(*lists))) for topic, lists in told.items()]

    def state(self, topics: frozenset[str]) -> bytes:
        """What these topics show of it, as JSON: how many streams are how, those that are not well, the issues."""
        key = frozenset(topic for topic in topics if topic.startswith("health"))
        if key not in self._states:
            self._states[key] = self._rendered(key).encode()
        return self._states[key]

    def _rendered(self, topics: frozenset[str]) -> str:
        streams = [shown for shown in self._streams.values() if not topics.isdisjoint(self._topics(shown))]
        issues = [shown.text for shown in self._issues.values() if not topics.isdisjoint(self._topics(shown))]
        counts = Counter(shown.kind for shown in streams)
        numbers = ",".join(f'"{status}":{number}' for status, number in sorted(counts.items()))
        unwell = [shown.text for shown in streams if shown.kind not in ("healthy", "unknown")]
        return f'{{"counts":{{{numbers}}},{_health(unwell, issues)[1:]}'

    def _topics(self, shown: _Shown) -> list[str]:
        topics = [f"health:{self._org}"]
        if shown.owner is not None:
            topics.append(f"health:{shown.owner}")
        elif shown.is_common:
            topics.append(f"health_common:{self._org}")
        return topics


def _moved(
    before: Mapping[UUID, _Shown], rows: Iterable[Row], key: str, gone: str
) -> tuple[list[_Shown], dict[UUID, _Shown]]:
    now: dict[UUID, _Shown] = {}
    changed: list[_Shown] = []
    for id, owner, is_common, kind, text in rows:
        shown = now[id] = _Shown(owner, is_common, kind, text)
        old = before.get(id)
        if old is None or old.text != text:
            changed.append(shown)
            if old is not None and (old.owner, old.is_common) != (owner, is_common):
                # whoever saw it and does not any more
                changed.append(_Shown(old.owner, old.is_common, gone, f'{{"{key}":"{id}","{gone}":true}}'))
    for id in before.keys() - now.keys():
        old = before[id]
        changed.append(_Shown(old.owner, old.is_common, gone, f'{{"{key}":"{id}","{gone}":true}}'))
    return changed, now


def _health(streams: list[str], issues: list[str]) -> str:
    truncated = "true" if max(len(streams), len(issues)) > _MOST else "false"
    return f'{{"streams":{listed(streams[:_MOST])},"issues":{listed(issues[:_MOST])},"truncated":{truncated}}}'
