"""JSON from the database, of which Python can read less than PostgreSQL can hold."""

from __future__ import annotations

from typing import Any

from psycopg.abc import Buffer
from psycopg.types.json import JsonbLoader

from syncwell.core import UnreadableJson


class TolerantJsonbLoader(JsonbLoader):
    """Gives what Python can't read (numbers of thousands of digits, nesting without end) as `UnreadableJson`."""

    def load(self, data: Buffer) -> Any:
        """Return the value, or its text: one such value must not hide the rows around it."""
        try:
            return super().load(data)
        except (ValueError, RecursionError):
            return UnreadableJson(bytes(data).decode())
