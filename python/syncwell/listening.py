"""What `sw.listen` returns: notifications of the database, read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args
from uuid import UUID

__all__ = ["CHANNELS", "Channel", "Notification", "notification"]

Channel = Literal[
    "syncwell", "syncwell_alerts", "syncwell_health", "syncwell_progress", "syncwell_queue", "syncwell_sessions"
]
CHANNELS: tuple[Channel, ...] = get_args(Channel)

# which members of its payload are a notification's org, user, id and kind; a channel that names none only wakes
_MEMBERS: dict[str, tuple[str | None, str | None, str | None, str | None]] = {
    "syncwell": ("org_id", "user_id", None, None),
    "syncwell_alerts": (None, None, None, None),
    "syncwell_health": ("org_id", None, None, None),
    "syncwell_progress": ("org_id", None, "id", None),
    "syncwell_queue": (None, None, None, None),
    "syncwell_sessions": ("org", None, "session", "kind"),
}
# ids and a kind are far shorter; reading what is not ours may take a thousand times as long
_LONGEST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """Something happened; what became of it the database tells whoever may see it.

    Attributes:
        channel: syncwell: a user pushed (setting delta.notify); syncwell_alerts: there is something to deliver;
            syncwell_health: states of streams or issues changed; syncwell_progress: a sync began, changed its status
            or ended; syncwell_queue: there is something to do (setting queue.notify); syncwell_sessions: something of
            a session arrived.
        org_id: whose org; None: the channel does not tell.
        user_id: which user; None: the channel does not tell.
        id: of syncwell_progress the row's, of syncwell_sessions the session's; None: of the others.
        kind: of syncwell_sessions the kind of record that arrived; None: it is the session that changed.
    """

    channel: Channel
    org_id: UUID | None = None
    user_id: UUID | None = None
    id: UUID | None = None
    kind: str | None = None


def notification(channel: str, payload: str) -> Notification | None:
    """Read a payload; None: syncwell did not send it, since whoever may connect may notify."""
    members = _MEMBERS.get(channel)
    if members is None:
        return None
    org, user, id, kind = members
    told: dict[str, Any] = {}
    if org is not None:
        if len(payload) > _LONGEST:
            return None
        try:
            document: object = json.loads(payload)
        except (ValueError, RecursionError):
            return None
        if not isinstance(document, dict):
            return None
        told = cast("dict[str, Any]", document)
    try:
        ids = [None if name is None else UUID(told[name]) for name in (org, user, id)]
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    named: object = None if kind is None else told.get(kind)
    return Notification(
        channel=cast("Channel", channel),
        org_id=ids[0],
        user_id=ids[1],
        id=ids[2],
        kind=named if isinstance(named, str) else None,
    )
