"""What a visitor wants to see: read from a query, and written into links."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from syncwell.health import HealthStatus
from syncwell.http.problems import Problem

__all__ = ["STREAMS", "Filters", "Show", "own_path"]

STREAMS = 20
"""Streams on a page."""

Show = Literal["active", "all"]

_FIELDS = 20
_TEXT_MAX = 200
_OFFSET_MAX = 10_000_000
_PATH = re.compile(r"/(?:streams/[0-9a-f-]{36})?(?:\?[A-Za-z0-9_.~=&%+-]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which streams, and which page of them; `name` is part of a user's name."""

    status: HealthStatus | None = None
    source: str | None = None
    user: UUID | None = None
    name: str | None = None
    offset: int = 0

    @classmethod
    def read(cls, query: str) -> Filters:
        """Read a query string; what is empty or not known is left out.

        Raises:
            Problem: 400, a value makes no sense.
        """
        try:
            given = dict(parse_qsl(query, max_num_fields=_FIELDS))
        except ValueError:
            raise Problem(400, "That asks for too much.") from None
        user = _text(given, "user")
        name = _text(given, "name")
        try:
            # an id may be pasted where names are looked for
            if user is None and name is not None and len(name) == 36:
                user, name = str(UUID(name)), None
        except ValueError:
            pass
        status = _text(given, "status")
        if status is not None and status not in get_args(HealthStatus):
            raise Problem(400, "There is no such status.")
        return cls(
            status=cast("HealthStatus | None", status),
            source=_text(given, "source"),
            user=None if user is None else _id(user),
            name=name,
            offset=_whole(given.get("offset") or "0"),
        )

    def query(self, **changes: Any) -> str:
        """The query string that means this, with changes; they begin at the first page unless they say otherwise."""
        wanted = replace(self, **{"offset": 0, **changes}) if changes else self
        values = {
            "status": wanted.status,
            "source": wanted.source,
            "user": wanted.user,
            "name": wanted.name,
            "offset": wanted.offset or None,
        }
        return urlencode({name: str(value) for name, value in values.items() if value is not None})

    @property
    def narrow(self) -> bool:
        """Whether anything is left out."""
        return any(one is not None for one in (self.status, self.source, self.user, self.name))


def own_path(text: str | None) -> str:
    """Where to go on after signing in: a page of this server's, whatever was asked for."""
    return text if text is not None and len(text) <= 1000 and _PATH.fullmatch(text) else "/"


def _text(given: dict[str, str], name: str) -> str | None:
    text = given.get(name, "").strip()
    if len(text) > _TEXT_MAX or "\0" in text:
        raise Problem(400, f"What {name} says makes no sense.")
    return text or None


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Problem(400, "That is not the id of a user.") from None


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) <= _OFFSET_MAX):
        raise Problem(400, "What offset says makes no sense.")
    return int(text)
