"""What clients follow, and where to look for what is new of it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from syncwell.http.events.boards import Messages, event
from syncwell.http.events.following import Following, Rows, Statement
from syncwell.http.events.health_board import HealthBoard
from syncwell.http.events.progress_board import ProgressBoard
from syncwell.http.events.session_board import SessionBoard
from syncwell.http.events.subscribers import Wanted
from syncwell.listening import Channel, notification

__all__ = ["CHANNELS", "Watched"]

CHANNELS: tuple[Channel, ...] = ("syncwell_progress", "syncwell_health", "syncwell_sessions", "syncwell")
_POLL, _POLL_IDLE = 1.0, 5.0
# notifications can be switched off; what becomes different without one is seen all the same
_LOOK = 30.0
# after a look at health, so many times as long as it took nobody makes us look again
_REST = 4.0
_MOST_NAMED = 1_000


@dataclass(slots=True)
class _Org:
    """What is followed of an org: known from when the first comes until the last leaves."""

    followers: Counter[str] = field(default_factory=Counter[str])
    progress: ProgressBoard | None = None
    health: HealthBoard | None = None
    named: set[UUID] = field(default_factory=set[UUID])
    progress_due: float = 0.0
    health_due: float = 0.0


class Watched:
    """Knows how everything that is followed was when it was last looked at.

    A notification only says where to look: what is told is what is different.
    """

    def __init__(self, following: Following) -> None:
        self._following = following
        self._orgs: dict[UUID, _Org] = {}
        # the key of a session is that of its table: an id is one org's
        self._sessions: dict[tuple[UUID, UUID], SessionBoard] = {}
        self._changes_due = 0.0
        self._health_rests = 0.0
        self._seen: str | None = None
        self._clock: tuple[datetime, float] | None = None

    def __bool__(self) -> bool:
        return bool(self._orgs)

    def follow(self, wanted: Wanted, step: int) -> None:
        """One more client follows this, or (-1) one less; what nobody follows is forgotten."""
        org = self._orgs.setdefault(wanted.org, _Org())
        org.followers.update(
            dict.fromkeys({topic.partition(":")[0].partition("_")[0] for topic in wanted.topics}, step)
        )
        org.followers["all"] += step
        if not org.followers["progress"]:
            org.progress = None
            org.named.clear()
        if not org.followers["health"]:
            org.health = None
        if not org.followers["all"]:
            del self._orgs[wanted.org]
        for session in wanted.sessions:
            key = (wanted.org, session)
            board = self._sessions.setdefault(key, SessionBoard())
            board.followers += step
            if not board.followers:
                del self._sessions[key]
        if not self._has_changes():
            self._seen = None

    def knows(self, wanted: Wanted) -> bool:
        """Whether all of this has been looked at."""
        org = self._orgs[wanted.org]
        return (
            (not org.followers["progress"] or org.progress is not None)
            and (not org.followers["health"] or org.health is not None)
            and (not org.followers["changes"] or self._seen is not None)
            and all(self._sessions[wanted.org, session].is_read for session in wanted.sessions)
        )

    def state(self, wanted: Wanted) -> list[bytes]:
        """The event that tells all that is known of it, in parts that clients share."""
        org = self._orgs[wanted.org]
        parts = [b'event: state\ndata: {"topics":', json.dumps(wanted.names).encode()]
        if "progress" in wanted.names and org.progress is not None:
            parts += [b',"progress":', org.progress.state()]
        if "health" in wanted.names and org.health is not None:
            parts += [b',"health":', org.health.state(wanted.topics)]
        if wanted.sessions:
            shown = (f'"{session}":{self._sessions[wanted.org, session].state()}' for session in wanted.sessions)
            parts.append(f',"sessions":{{{",".join(shown)}}}'.encode())
        if self._clock is not None:
            began, then = self._clock
            now = began + timedelta(seconds=time.monotonic() - then)
            parts.append(f',"server_time":"{now.isoformat()}"'.encode())
        return [*parts, b"}\n\n"]

    def began(self, now: datetime) -> None:
        """Something may have been missed until now, which is the database's time."""
        self._clock = (now, time.monotonic())
        self._seen = None
        self.look_everywhere()

    def look_everywhere(self) -> None:
        """Whatever there is may be different."""
        for org in self._orgs.values():
            org.progress_due = org.health_due = 0.0
        for board in self._sessions.values():
            board.due = 0.0
        self._changes_due = self._health_rests = 0.0

    def heard(self, channel: str, payload: str) -> bool:
        """Whether a notification names something that is followed; it will be looked at."""
        told = notification(channel, payload)
        if told is None or told.org_id is None:
            return False
        if told.channel == "syncwell_sessions":
            board = self._sessions.get((told.org_id, told.id)) if told.id else None
            if board is not None:
                board.due = 0.0
            return board is not None
        org = self._orgs.get(told.org_id)
        if org is None:
            return False
        if told.channel == "syncwell":
            self._changes_due = 0.0
        elif told.channel == "syncwell_health":
            org.health_due = 0.0
        else:
            org.progress_due = 0.0
            # one that began and ended since the last look is found by its name only
            if told.id is not None and len(org.named) < _MOST_NAMED:
                org.named.add(told.id)
        return True

    async def look(self, topics: Collection[str]) -> tuple[Messages, set[UUID]]:
        """Look where something may be new; return what is, and orgs that are gone. topics: those that are followed."""
        gone: set[UUID] = set()
        told = await self._changes(topics)
        told += await self._progress(gone)
        told += await self._health(gone)
        told += await self._records()
        return told, gone

    async def _progress(self, gone: set[UUID]) -> Messages:
        now = time.monotonic()
        asked: dict[UUID, tuple[ProgressBoard, set[UUID]]] = {}
        for id, org in self._orgs.items():
            if org.followers["progress"] and (org.progress is None or org.progress_due <= now):
                board = org.progress or ProgressBoard(id)
                asked[id] = (board, set(org.named))
                org.progress_due = now + (_POLL_IDLE if board.is_idle else _POLL)
        work: dict[UUID, list[Statement]] = {
            id: [(board.SQL, board.asked(named))] for id, (board, named) in asked.items()
        }
        found = await self._following.org_rows(work)
        gone |= asked.keys() - found.keys()
        messages: Messages = []
        for id, (rows,) in found.items():
            still, (board, named) = self._orgs.get(id), asked[id]
            # meanwhile the last one who followed it may have left
            if still is not None and still.followers["progress"]:
                told = board.take(rows)
                messages += () if still.progress is None else told
                still.progress = board
                still.named -= named
                if not board.is_idle:
                    still.progress_due = min(still.progress_due, now + _POLL)
        return messages

    async def _health(self, gone: set[UUID]) -> Messages:
        now = time.monotonic()
        asked: dict[UUID, HealthBoard] = {}
        for id, org in self._orgs.items():
            if org.followers["health"] and (org.health is None or max(org.health_due, self._health_rests) <= now):
                asked[id] = org.health or HealthBoard(id)
                org.health_due = now + _LOOK
        work: dict[UUID, list[Statement]] = {
            id: [(board.STREAMS, {}), (board.ISSUES, board.asked())] for id, board in asked.items()
        }
        found = await self._following.org_rows(work)
        gone |= asked.keys() - found.keys()
        messages: Messages = []
        for id, (streams, issues) in found.items():
            still = self._orgs.get(id)
            if still is not None and still.followers["health"]:
                told = asked[id].take(streams, issues)
                messages += () if still.health is None else told
                still.health = asked[id]
        if asked:
            # many streams take long, and whoever may connect may notify: others have their turn in between
            ended = time.monotonic()
            self._health_rests = ended + _REST * (ended - now)
        return messages

    async def _records(self) -> Messages:
        now = time.monotonic()
        asked: dict[UUID, dict[UUID, SessionBoard]] = {}
        for (org, id), board in self._sessions.items():
            if not board.is_read or board.due <= now:
                asked.setdefault(org, {})[id] = board
                board.due = now + _LOOK
        work: dict[UUID, list[Statement]] = {
            org: [(SessionBoard.SQL, SessionBoard.asked(boards))] for org, boards in asked.items()
        }
        found = await self._following.org_rows(work)
        messages: Messages = []
        for org, boards in asked.items():
            rows: dict[UUID, Rows] = {}
            for row in found[org][0] if org in found else ():
                rows.setdefault(row[0], []).append(row)
            for id, board in boards.items():
                was_read = board.is_read
                told = board.take(rows.get(id, ()))
                if told is not None and was_read:
                    messages.append((f"session:{org}:{id}", told))
        return messages

    async def _changes(self, topics: Collection[str]) -> Messages:
        now = time.monotonic()
        if not self._has_changes() or (self._seen is not None and self._changes_due > now):
            return []
        self._changes_due = now + _POLL
        scopes = [UUID(topic.partition(":")[2]) for topic in topics if topic.startswith("changes:")]
        self._seen, changed = await self._following.changes(scopes, self._seen)
        return [(f"changes:{scope}", event("changed", "{}")) for scope in changed]

    def _has_changes(self) -> bool:
        return any(org.followers["changes"] for org in self._orgs.values())
