"""Text of a database inside of generated text."""

from __future__ import annotations

import re

__all__ = ["printable"]

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def printable(text: str) -> str:
    """In one line, without what would turn the writing direction or end a line."""
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))
