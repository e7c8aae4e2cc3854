"""Answers of functions that remember a refusal instead of raising it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.pq import DiagnosticField

from syncwell.errors import error_for

__all__ = ["refusal_of"]


def refusal_of(document: Mapping[str, Any]) -> Exception | None:
    """Return (not raise) the error that an answer names, None for one that tells of success.

    Of class ``SW`` it is a `SyncwellError`, otherwise psycopg's exception of that SQLSTATE.
    """
    if document.get("success") is True:
        return None
    error: Mapping[str, Any] = document.get("error") or {}
    code = str(error.get("code") or "XX000")
    message = str(error.get("message") or "it failed")
    detail: str | None = error.get("detail")
    hint: str | None = error.get("hint")
    if code.startswith("SW"):
        return error_for(code, message, detail, hint)
    try:
        kind = psycopg.errors.lookup(code)
    except KeyError:
        kind = psycopg.DatabaseError
    texts = {
        DiagnosticField.SQLSTATE: code,
        DiagnosticField.MESSAGE_PRIMARY: message,
        DiagnosticField.MESSAGE_DETAIL: detail,
        DiagnosticField.MESSAGE_HINT: hint,
    }
    # as psycopg makes it of the server's own message
    return kind(
        "\n".join(
            [message, *(f"{name}:  {text}" for name, text in (("DETAIL", detail), ("HINT", hint)) if text is not None)]
        ),
        info={int(field): None if text is None else text.encode() for field, text in texts.items()},
    )
