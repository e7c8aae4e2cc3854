"""What is read off an exception."""

from __future__ import annotations

import errno
import socket
import urllib.error
from email.message import Message
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from syncwell._failure import CODE_LIMIT, MESSAGE_LIMIT, describe


def error(kind: type[Exception] = Exception, **attributes: Any) -> Exception:
    made = kind("message")
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def http_error() -> urllib.error.HTTPError:
    headers = Message()
    headers["retry-after"] = "7"
    return urllib.error.HTTPError("https://example.org", 429, "too many", headers, None)


@pytest.mark.parametrize(
    ("given", "code", "http_status", "retry_after"),
    [
        (ValueError("bad"), None, None, None),
        (error(code="E_LIMIT"), "E_LIMIT", None, None),
        (error(code=503), None, 503, None),
        (error(code=2), None, None, None),
        (error(code=""), None, None, None),
        (error(code="x" * 1000), "x" * CODE_LIMIT, None, None),
        (error(sqlstate="40001", code="other"), "40001", None, None),
        (psycopg.errors.SerializationFailure(), "40001", None, None),
        (psycopg.OperationalError(), None, None, None),
        (error(status=404), None, 404, None),
        (error(status_code=500, code="E_SERVER"), "E_SERVER", 500, None),
        (error(status_code="500"), None, None, None),
        (error(response=SimpleNamespace(status_code=401, headers={})), None, 401, None),
        (error(response=SimpleNamespace(status=503, headers={"retry-after": "9"})), None, 503, "9"),
        (http_error(), None, 429, "7"),
        (OSError(errno.ECONNRESET, "reset"), "ECONNRESET", None, None),
        (OSError("no number"), None, None, None),
        (TimeoutError(), "ETIMEDOUT", None, None),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "ENOTFOUND", None, None),
        (socket.gaierror(socket.EAI_AGAIN, "again"), "EAI_AGAIN", None, None),
        (ExceptionGroup("several", [OSError(errno.EPIPE, "pipe"), ValueError()]), "EPIPE", None, None),
    ],
    ids=repr,
)
def test_what_an_exception_says(
    given: Exception, code: str | None, http_status: int | None, retry_after: str | None
) -> None:
    failure = describe(given)
    assert (failure.code, failure.http_status, failure.retry_after) == (code, http_status, retry_after)
    assert failure.message


def test_the_message_is_never_empty_and_never_too_long() -> None:
    assert describe(ValueError()).message == "ValueError"
    assert describe(ValueError("x" * 10**6)).message == "x" * MESSAGE_LIMIT
    assert describe(ValueError("a\0b")).message == "ab"
    assert describe(KeyError("a")).exception == "builtins.KeyError"


class BrokenError(Exception):
    """Refuses to say anything."""

    def __str__(self) -> str:
        raise RuntimeError

    @property
    def code(self) -> str:
        raise RuntimeError


def test_a_broken_exception_is_described_too() -> None:
    failure = describe(BrokenError())
    assert (failure.message, failure.code) == ("BrokenError", None)


def test_causes_are_looked_at_in_their_order() -> None:
    inner, middle, outer = OSError(errno.EPIPE, "pipe"), ValueError("middle"), RuntimeError("outer")
    middle.__context__ = inner
    outer.__cause__ = middle
    assert describe(outer).code == "EPIPE"
    assert describe(outer).message == "outer"
    middle.__suppress_context__ = True
    assert describe(outer).code is None
    # a circle ends
    middle.__cause__ = outer
    assert describe(outer).code is None
