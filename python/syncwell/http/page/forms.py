"""What a form brings: small, and of few fields."""

from __future__ import annotations

from urllib.parse import parse_qsl
from uuid import UUID

from starlette.requests import Request

from syncwell.http.body import Body, read_body
from syncwell.http.config import Config
from syncwell.http.limits import Buffered
from syncwell.http.problems import Problem

__all__ = ["form_of", "issue_of", "note_of", "snooze_of"]

_BYTES = 16 * 1024
_FIELDS = 10
_NOTE_MAX = 1000
_SNOOZE = range(60, 90 * 86400 + 1)


async def form_of(request: Request, config: Config) -> dict[str, str]:
    """The fields of a form.

    Raises:
        Problem: 415, 413, 408 or 400, it is no such form.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/x-www-form-urlencoded":
        raise Problem(415, "A form is needed.")
    body = Body(Buffered(_BYTES))
    try:
        await read_body(request, _BYTES, config.body_timeout, body)
        fields = parse_qsl(body.data().decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS)
    except (UnicodeDecodeError, ValueError):
        raise Problem(400, "The form cannot be read.") from None
    finally:
        body.release()
    if any("\0" in text for _, text in fields):
        raise Problem(400, "The form cannot be read.")
    return dict(fields)


def issue_of(request: Request) -> UUID:
    """The issue in the address."""
    try:
        return UUID(request.path_params["issue"])
    except ValueError:
        raise Problem(404, "There is no such issue.") from None


def note_of(form: dict[str, str]) -> str | None:
    """What there is to say; nothing leaves the note as it was."""
    note = form.get("note", "").strip()
    if len(note) > _NOTE_MAX:
        raise Problem(400, f"A note has at most {_NOTE_MAX} characters.")
    return note or None


def snooze_of(form: dict[str, str]) -> int:
    """For how many seconds."""
    text = form.get("for", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and int(text) in _SNOOZE):
        raise Problem(400, "An issue rests for 1 minute to 90 days.")
    return int(text)
