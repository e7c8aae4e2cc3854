"""What `POST /sync/preview` takes and answers: a push, or the records of an integration before and after."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec

from syncwell.aio._caller import AsyncCaller, AsyncPool
from syncwell.http.envelope import PushArguments, Text, push_arguments, read, text_of
from syncwell.http.problems import Problem

__all__ = ["Comparison", "preview_of"]

_DAY = 86_400
_AS_USER = "select syncwell.act_as(p_user_id => %(act_id)s::uuid)"
# No parameters: who may ask over HTTP must not decide what others take for the preview of something else. Under the
# records themselves it is a preview of these, whoever sent them.
_COMPUTE = """
select preview_id, cache_key, delta::text as delta, computed_at, expires_at, from_cache
from syncwell.get_or_compute_preview(
  p_sync_type => %(sync_type)s::text,
  p_current => %(current)s::jsonb,
  p_incoming => %(incoming)s::jsonb,
  p_key => %(key)s::text,
  p_ttl => %(ttl)s::interval,
  p_sync_id => %(sync_id)s::text
)
"""
# what jsonb can not hold, and other signs that begin with a backslash
_ESCAPE = re.compile(
    r"\\(?:(u0000)|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


class _Request(msgspec.Struct, rename="camel", frozen=True):
    changes: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    current: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    incoming: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    key: Text = "id"
    sync_type: Text = "custom"
    sync_id: Text | None = None
    ttl: Annotated[float, msgspec.Meta(ge=1, le=30 * _DAY)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    preview_id: UUID
    cache_key: str
    delta: str
    computed_at: datetime
    expires_at: datetime
    from_cache: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two sets of records that can be put to the database.

    Attributes:
        current: what there is, as JSON.
        incoming: what would be there, as JSON.
        key: the member that tells records apart.
        sync_type: what kind of system is synced.
        sync_id: the sync that it is for.
        ttl: how long it is kept; None: as the org has set it.
    """

    current: str
    incoming: str
    key: str
    sync_type: str
    sync_id: str | None
    ttl: timedelta | None

    async def send(self, pool: AsyncPool, user: UUID) -> str:
        """Put it to the database as this user; return the answer as JSON, its document as the database wrote it."""
        told = (
            await AsyncCaller(pool)
            .acting(_AS_USER, user)
            .row(
                _Answer,
                _COMPUTE,
                {
                    "sync_type": self.sync_type,
                    "current": self.current,
                    "incoming": self.incoming,
                    "key": self.key,
                    "ttl": self.ttl,
                    "sync_id": self.sync_id,
                },
            )
        )
        facts = {
            "previewId": str(told.preview_id),
            "cacheKey": told.cache_key,
            "computedAt": told.computed_at.astimezone(UTC).isoformat(),
            "expiresAt": told.expires_at.astimezone(UTC).isoformat(),
            "fromCache": told.from_cache,
        }
        return f'{json.dumps(facts)[:-1]}, "delta": {told.delta}}}'


def preview_of(body: bytes) -> PushArguments | Comparison:
    """Read the request.

    Raises:
        Problem: 400.
    """
    given = read(body, _Request)
    if isinstance(given.changes, msgspec.Raw):
        if isinstance(given.current, msgspec.Raw) or isinstance(given.incoming, msgspec.Raw):
            raise Problem(400, "A preview is of changes, or of current and incoming, not of both.")
        return push_arguments(body)
    if not isinstance(given.current, msgspec.Raw) or not isinstance(given.incoming, msgspec.Raw):
        raise Problem(
            400,
            "A preview is of changes, or of current and incoming.",
            hint="Send the changes of a push, or both sets of records of an integration.",
        )
    return Comparison(
        current=_records(given.current),
        incoming=_records(given.incoming),
        key=given.key,
        sync_type=given.sync_type,
        sync_id=given.sync_id,
        ttl=None if given.ttl is None else timedelta(seconds=given.ttl),
    )


def _records(part: msgspec.Raw) -> str:
    text = text_of(part)
    if "\\u0000" in text or "\\ud" in text or "\\uD" in text:
        return _ESCAPE.sub(_mended, text)
    return text


def _mended(escape: re.Match[str]) -> str:
    return r"\ufffd" if escape[1] or escape[2] else escape[0]
