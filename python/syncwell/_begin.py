from __future__ import annotations

from typing import Any, LiteralString

from psycopg import AsyncConnection, Connection, IsolationLevel

_ISOLATION: dict[IsolationLevel | None, LiteralString] = {
    None: "",
    IsolationLevel.READ_UNCOMMITTED: " isolation level read uncommitted",
    IsolationLevel.READ_COMMITTED: " isolation level read committed",
    IsolationLevel.REPEATABLE_READ: " isolation level repeatable read",
    IsolationLevel.SERIALIZABLE: " isolation level serializable",
}
_READ_ONLY: dict[bool | None, LiteralString] = {None: "", True: " read only", False: " read write"}
_DEFERRABLE: dict[bool | None, LiteralString] = {None: "", True: " deferrable", False: " not deferrable"}


def begin_statement(connection: Connection[Any] | AsyncConnection[Any]) -> LiteralString:
    """Return the BEGIN that the connection's own settings ask for, as `connection.transaction()` would send it."""
    return (
        "begin"
        + _ISOLATION[connection.isolation_level]
        + _READ_ONLY[connection.read_only]
        + _DEFERRABLE[connection.deferrable]
    )
