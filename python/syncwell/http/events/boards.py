"""What boards have in common: each knows how something was, and tells what is different now.

What they know is read as the org and shown to whoever may see the row, so that it has no column that one of these may
not see, such as devices, networks, payloads and the texts of errors.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["Messages", "Row", "event", "listed"]

Row = tuple[Any, ...]
Messages = list[tuple[str, bytes]]
"""By topic, what to send to whoever follows it."""


# JSON as PostgreSQL writes it has no line breaks, but these, which are none for browsers; for other clients they may be
_BREAKS = {code: f"\\u{code:04x}" for code in (0x85, 0x2028, 0x2029)}


def event(name: str, data: str) -> bytes:
    """An event as it is sent."""
    return f"event: {name}\ndata: {_one_line(data)}\n\n".encode()


def listed(texts: Iterable[str]) -> str:
    """Texts of JSON as one list."""
    return _one_line(f"[{','.join(texts)}]")


def _one_line(text: str) -> str:
    return text if text.isascii() else text.translate(_BREAKS)
