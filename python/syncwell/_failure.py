"""What an exception of somebody else's program says about a failed sync."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

# what syncwell.record_sync_error takes, in characters
MESSAGE_LIMIT = 8192
CODE_LIMIT = 255
_CHAIN_LIMIT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What `syncwell.record_sync_error` is told about an exception."""

    message: str
    code: str | None
    http_status: int | None
    retry_after: str | None
    exception: str


def describe(error: BaseException) -> Failure:
    """Return what an exception and those that caused it say, by the names that libraries use.

    - code: `.sqlstate`, `.code` where it is a text, or the name of `.errno` such as ``ECONNREFUSED``; a host that is
      not found is ``ENOTFOUND`` or ``EAI_AGAIN``, a `TimeoutError` without a number ``ETIMEDOUT``;
    - HTTP status: `.status_code`, `.status` or `.code` where it is a number from 100 to 599, of the exception or of its
      `.response`;
    - Retry-After: the header of the exception or of its `.response`.

    The first exception in the chain of causes that gives a code or a status decides; of a group, its first member.
    """
    code = http_status = retry_after = None
    for cause in _chain(error):
        code, http_status, retry_after = _code(cause), _http_status(cause), _retry_after(cause)
        if code is not None or http_status is not None:
            break
    kind = type(error)
    return Failure(
        message=(_text(error) or kind.__name__)[:MESSAGE_LIMIT],
        code=None if code is None else code[:CODE_LIMIT],
        http_status=http_status,
        retry_after=retry_after,
        exception=f"{kind.__module__}.{kind.__qualname__}",
    )


def _text(error: BaseException) -> str:
    try:
        # PostgreSQL stores no NUL characters and no lone surrogates
        return str(error).replace("\0", "").encode(errors="replace").decode()
    except Exception:  # a broken __str__ must not hide the error
        return ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    for _ in range(_CHAIN_LIMIT):
        if current is None:
            return
        yield current
        if isinstance(current, BaseExceptionGroup):
            current = cast("BaseExceptionGroup[BaseException]", current).exceptions[0]
        else:
            current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _get(thing: object, name: str) -> object:
    try:
        return cast("object", getattr(thing, name, None))
    except Exception:  # a property of somebody else's class may do anything
        return None


def _code(error: BaseException) -> str | None:
    for name in ("sqlstate", "code"):
        code = _get(error, name)
        if isinstance(code, str) and code:
            return code
    if isinstance(error, socket.gaierror):
        return "EAI_AGAIN" if error.errno == socket.EAI_AGAIN else "ENOTFOUND"
    number = _get(error, "errno")
    if isinstance(number, int) and number in errno.errorcode:
        return errno.errorcode[number]
    return "ETIMEDOUT" if isinstance(error, TimeoutError) else None


def _http_status(error: BaseException) -> int | None:
    for thing in (error, _get(error, "response")):
        for name in ("status_code", "status", "code"):
            status = _get(thing, name)
            if isinstance(status, int) and 100 <= status <= 599:
                return int(status)
    return None


def _retry_after(error: BaseException) -> str | None:
    for thing in (_get(error, "response"), error):
        headers = _get(thing, "headers")
        get = _get(headers, "get")
        if callable(get):
            for name in ("Retry-After", "retry-after"):
                value = get(name)
                if isinstance(value, str):
                    return value
    return None
