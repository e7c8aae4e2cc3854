"""What `POST /sync/batch` takes and answers. The rows themselves go to the database as the text they came as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec

from syncwell.aio.ingest import AsyncIngest
from syncwell.core import Platform
from syncwell.http.envelope import Text, facts, read, text_of
from syncwell.http.problems import Problem
from syncwell.ingest import BatchKind, RecordKind

__all__ = ["Batch", "batch_of", "rejected"]

BatchType = Literal[
    "session", "reading", "readings", "survey_pre", "survey_inter", "survey_post", "progression", "adaptive_event",
    "adaptive_events", "event", "events", "complete",
]  # fmt: skip

_NULL = msgspec.Raw(b"null")
_KINDS: Mapping[str, BatchKind] = {
    "reading": "reading",
    "readings": "reading",
    "survey_pre": "survey_pre",
    "survey_inter": "survey_inter",
    "survey_post": "survey_post",
    "progression": "progression",
    "adaptive_event": "adaptive_event",
    "adaptive_events": "adaptive_event",
    "event": "event",
    "events": "event",
}
_PLATFORMS: Mapping[str, Platform] = {
    "android": "android",
    "ios": "ios",
    "web": "web",
    "server": "server",
    "other": "other",
}
_REJECTED = ("session_id", "received", "rejected", "rejections", "rejected_by_reason")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Time = Annotated[datetime, msgspec.Meta(tz=True)]


class _Request(msgspec.Struct, rename="camel", frozen=True):
    type: BatchType
    data: msgspec.Raw = _NULL
    session_id: Text | None = None
    source: Text | None = None
    device_id: Text | None = None
    strict: bool | None = None
    client: msgspec.Raw = _NULL


class _Named(msgspec.Struct, frozen=True):
    local_id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Completion(msgspec.Struct, frozen=True):
    ended_at: Time | int | None = None
    expected: dict[RecordKind, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A request that can be put to the database.

    Attributes:
        type: session, complete, or the kind of the rows.
        text: the document or the rows, as JSON.
        session: the session that rows belong to, or that is over.
        source: where events come from.
        device_id: the device that sends it.
        platform: what that is.
        strict: all or nothing.
        ended_at: when a session that is over ended.
        expected: how many records it has, by kind.
    """

    type: Literal["session", "complete"] | BatchKind
    text: str
    session: str | None
    source: str | None
    device_id: str | None
    platform: Platform | None
    strict: bool
    ended_at: datetime | None
    expected: dict[RecordKind, int] | None

    async def send(self, ingest: AsyncIngest) -> str:
        """Put it to the database; return what that answers."""
        if self.type == "session":
            return await ingest.sync_session_text(document=self.text, device_id=self.device_id, platform=self.platform)
        if self.type == "complete":
            return await ingest.complete_session_text(
                session=self.session or "", ended_at=self.ended_at, expected=self.expected
            )
        return await ingest.batch_text(
            kind=self.type,
            rows=self.text,
            source=self.source,
            session=self.session,
            device_id=self.device_id,
            platform=self.platform,
            strict=self.strict,
        )

    def answer(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """What the client is told: whether all it sent is here, and what the database says, in its spelling."""
        told = {
            "sessionStatus" if name == "status" else _camel(name): value
            for name, value in document.items()
            if name not in ("success", "already_synced")
        }
        if self.type == "complete":
            status = "synced" if document["complete"] else "partial"
        elif self.type == "session":
            status = "already_synced" if document.get("already_synced") else "synced"
        elif document["rejected"]:
            status = "partial" if document["rejected"] < document["received"] else "refused"
        else:
            status = "synced" if document["inserted"] or document["updated"] else "already_synced"
        return {"synced": status in ("synced", "already_synced"), "status": status} | told


def rejected(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the client is told of the rows for which nothing was taken."""
    return {_camel(name): document[name] for name in _REJECTED if name in document}


def batch_of(body: bytes) -> Batch:
    """Read the request.

    Raises:
        Problem: 400.
    """
    given = read(body, _Request)
    told = facts(given.client) or {}
    kind = _KINDS.get(given.type)
    text = text_of(given.data)
    completion = _Completion()
    if kind == "event":
        _need(given.source, "source", given.type)
        _not(given.session_id, "sessionId", given.type, "An event names its session itself.")
    elif given.type != "session":
        _need(given.session_id, "sessionId", given.type)
    if kind != "event":
        _not(given.source, "source", given.type, "A session says itself what it counts for.")
    if kind is not None:
        if not text.startswith(("{", "[")):
            raise Problem(400, "data must be a row, or a list of rows.")
        text = text if text.startswith("[") else f"[{text}]"
    elif given.type == "session":
        text = _named(text, given.session_id)
    elif text != "null":
        completion = read(text.encode(), _Completion)
    return Batch(
        type=kind or ("session" if given.type == "session" else "complete"),
        text=text,
        session=None if given.type == "session" else given.session_id,
        source=given.source,
        device_id=given.device_id,
        platform=_PLATFORMS.get(told.get("platform", "")),
        strict=given.strict or False,
        ended_at=_time(completion.ended_at),
        expected=completion.expected,
    )


def _need(value: str | None, name: str, kind: str) -> None:
    if not value:
        raise Problem(400, f"A batch of type {kind} needs {name}.")


def _not(value: str | None, name: str, kind: str, why: str) -> None:
    if value is not None:
        raise Problem(400, f"A batch of type {kind} takes no {name}.", hint=why)


def _named(document: str, name: str | None) -> str:
    """The document with the session's name, which may stand beside it."""
    if not document.startswith("{"):
        raise Problem(400, "data must be a session: an object with local_id.")
    if name is None:
        return document
    own = read(document.encode(), _Named).local_id
    mine = msgspec.json.encode(name).decode()
    if own is msgspec.UNSET:
        rest = document[1:].lstrip()
        return f'{{"local_id":{mine}{"" if rest.startswith("}") else ","}{rest}'
    if msgspec.json.decode(own) != name:
        raise Problem(400, "sessionId is not the local_id of the session.")
    return document


def _time(told: datetime | int | None) -> datetime | None:
    if not isinstance(told, int):
        return told
    try:
        return _EPOCH + timedelta(milliseconds=told)
    except OverflowError:
        raise Problem(400, "ended_at is out of range.") from None


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)
