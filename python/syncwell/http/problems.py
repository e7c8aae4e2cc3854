"""Every refusal is problem JSON (RFC 9457), and none tells what the database keeps to itself."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping
from http import HTTPStatus

import psycopg
import psycopg_pool
from starlette.responses import Response

from syncwell.errors import SyncwellError, error_classes, from_psycopg

__all__ = ["Problem", "failed", "http_status", "problem_of", "reported", "unavailable"]

_logger = logging.getLogger("syncwell.http")
_RETRY_AFTER = "5"


class Problem(Exception):  # noqa: N818 - the RFC calls it so
    """A request that is refused; `response()` is the answer."""

    def __init__(
        self,
        status: int,
        detail: str | None = None,
        *,
        title: str | None = None,
        hint: str | None = None,
        code: str | None = None,
        kind: str | None = None,
        headers: Mapping[str, str] | None = None,
        instance: str | None = None,
    ) -> None:
        phrase = HTTPStatus(status).phrase
        super().__init__(detail or title or phrase)
        self.status = status
        self.headers = dict(headers or {})
        self.instance = instance
        self.document = {
            "type": "about:blank" if kind is None else f"urn:syncwell:{kind}",
            "title": title or phrase,
            "status": status,
        }
        more = {"detail": detail, "hint": hint, "code": code, "instance": instance}
        self.document |= {name: text for name, text in more.items() if text is not None}

    def response(self) -> Response:
        """The answer."""
        return Response(
            json.dumps(self.document),
            self.status,
            {"cache-control": "no-store", **self.headers},
            "application/problem+json",
        )


def http_status(sqlstate: str | None) -> int:
    """The HTTP status that says the same as a standard SQLSTATE; as `syncwell._http_status()` has it."""
    if sqlstate is None:
        return 503
    if sqlstate == "42501":
        return 403
    if sqlstate in ("40001", "40P01", "23505", "55P03"):
        return 409
    if sqlstate.startswith("54") or sqlstate == "53400":
        return 413
    if sqlstate.startswith("22"):
        return 400
    if sqlstate.startswith("23"):
        return 422
    return 503 if sqlstate in ("57014", "57P01", "57P03", "53300") else 500


def unavailable(detail: str) -> Problem:
    """The server is busy or its database away: worth another try."""
    return Problem(503, detail, headers={"retry-after": _RETRY_AFTER})


def problem_of(error: Exception) -> Problem:
    """What an exception of the database means to a client."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, psycopg.Error):
        error = from_psycopg(error) or error
    if isinstance(error, SyncwellError):
        return failed(error.http_status, error.sqlstate, error.message, error.detail, error.hint)
    if isinstance(error, psycopg_pool.PoolTimeout | psycopg_pool.TooManyRequests | TimeoutError):
        return unavailable("The server is busy.")
    if isinstance(error, psycopg.Error):
        if error.sqlstate is None and not isinstance(error, psycopg.OperationalError):
            return _internal()
        diag = error.diag
        status = http_status(error.sqlstate)
        if diag.sqlstate is None and status == 503:
            return unavailable("The database cannot be reached.")
        return failed(status, error.sqlstate, diag.message_primary or "", diag.message_detail, diag.message_hint)
    return _internal()


def reported(error: Exception, path: str) -> Problem:
    """What an exception means to the client; what is the server's fault stands in its log, and only there."""
    problem = problem_of(error)
    if problem.status >= 500 and not isinstance(error, Problem):
        _logger.error(
            "%s %s: %s%s",
            path,
            problem.status,
            str(error) or type(error).__name__,
            "" if problem.instance is None else f" ({problem.instance})",
            exc_info=None if isinstance(error, psycopg.Error) else error,
        )
    return problem


def failed(status: int, code: str | None, message: str, detail: str | None, hint: str | None) -> Problem:
    """A refusal in the database's words, where they are meant for the caller."""
    if status == 503:
        return unavailable("The database did not answer in time.")
    if status < 400 or status >= 500:
        return _internal()
    # what syncwell says has all three texts; what the server says of itself may name what is nobody's business
    if status == 403 and hint is None:
        return Problem(403, "The server may not do this.", code=code)
    known = error_classes().get(code or "")
    return Problem(status, detail, title=message, hint=hint, code=code, kind=None if known is None else known.name)


def _internal() -> Problem:
    return Problem(
        500, "This is a mistake of the server's; its log has more under this instance.", instance=uuid.uuid4().urn
    )
