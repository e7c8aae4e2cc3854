"""The JSON around the changes. The changes themselves go to the database as the text they came as."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypedDict, TypeVar, cast

import msgspec

from syncwell.delta import ClientFacts
from syncwell.http.problems import Problem

__all__ = ["PullArguments", "PushArguments", "Text", "facts", "pull_arguments", "push_arguments", "read", "text_of"]

_T = TypeVar("_T")
_FACTS = ("platform", "appVersion", "networkType", "networkQuality")
_FACT_MAX = 200
_NULL = msgspec.Raw(b"null")
# Cutting a text in JavaScript leaves halves of surrogate pairs, and msgspec refuses them: such a device would be
# blocked for ever. The database would put the same sign in their place.
_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)

Bigint = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Integer = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
# what the database takes as text
Text = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]


class PullArguments(TypedDict):
    """The arguments of `sw.delta.pull_text`."""

    last_pulled_at: int | None
    schema_version: int | None
    migration: dict[str, Any] | None
    tables: list[str] | None
    device_id: str | None
    limit: int | None
    created_as_updated: bool
    client: ClientFacts | None


class PushArguments(TypedDict):
    """The arguments of `sw.delta.push_text`."""

    changes: str
    last_pulled_at: int | None
    device_id: str | None
    request_id: str | None
    client: ClientFacts | None


class _Pull(msgspec.Struct, rename="camel", frozen=True):
    last_pulled_at: Bigint | None = None
    schema_version: Integer | None = None
    migration: dict[str, Any] | None = None
    tables: list[Text] | None = None
    device_id: Text | None = None
    limit: Integer | None = None
    send_created_as_updated: bool | None = None
    client: msgspec.Raw = _NULL


class _Push(msgspec.Struct, rename="camel", frozen=True):
    changes: msgspec.Raw
    last_pulled_at: Bigint | None = None
    device_id: Text | None = None
    request_id: Text | None = None
    client: msgspec.Raw = _NULL


def pull_arguments(body: bytes) -> PullArguments:
    """Read the request of a pull.

    Raises:
        Problem: 400.
    """
    given = read(body, _Pull)
    return {
        "last_pulled_at": given.last_pulled_at,
        "schema_version": given.schema_version,
        "migration": given.migration,
        "tables": given.tables,
        "device_id": given.device_id,
        "limit": given.limit,
        "created_as_updated": given.send_created_as_updated or False,
        "client": facts(given.client),
    }


def push_arguments(body: bytes) -> PushArguments:
    """Read the request of a push.

    Raises:
        Problem: 400.
    """
    given = read(body, _Push)
    changes = text_of(given.changes)
    if not changes.startswith("{"):
        raise Problem(400, "changes must be an object with a member for each table.")
    return {
        "changes": changes,
        "last_pulled_at": given.last_pulled_at,
        "device_id": given.device_id,
        "request_id": given.request_id,
        "client": facts(given.client),
    }


def text_of(part: msgspec.Raw) -> str:
    """A part of the body as the text that it came as.

    Raises:
        Problem: 400.
    """
    try:
        text = bytes(part).decode()
    except UnicodeDecodeError:
        raise Problem(400, "The body is not UTF-8.") from None
    if "\0" in text:
        raise Problem(400, "The body has a character that no JSON has.")
    return text


def read(body: bytes, kind: type[_T]) -> _T:
    """Read JSON as this type.

    Raises:
        Problem: 400.
    """
    try:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.MsgspecError:
            mended = _ESCAPE.sub(_whole, body)
            if mended == body:
                raise
            return msgspec.json.decode(mended, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Problem(400, f"{error}.") from None


def _whole(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape[1] else escape[0]


def facts(told: msgspec.Raw) -> ClientFacts | None:
    """What the client says of itself; what is wrong with it is left out, since it only serves the statistics."""
    try:
        document: object = msgspec.json.decode(told)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    facts = {
        name: value[:_FACT_MAX]
        for name in _FACTS
        if isinstance(value := cast("dict[str, object]", document).get(name), str) and value.isprintable()
    }
    return cast("ClientFacts", facts) if facts else None
