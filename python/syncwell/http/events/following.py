"""What the events are read with: as the user to know what it may see, as the org to see what is new."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import AsyncCursor, AsyncPipeline
from psycopg.rows import tuple_row

from syncwell.aio._caller import AsyncPool
from syncwell.http.events.subscribers import Wanted
from syncwell.http.problems import Problem
from syncwell.http.tokens import refused

__all__ = ["Following", "Rows", "Statement"]

_AS_USER: LiteralString = "select syncwell.act_as(%s::uuid)"
_AS_ORG: LiteralString = "select syncwell.act_as_org(%s::uuid)"
_UNKNOWN = ("SW002", "SW003")
_BATCH = 50
_TOPICS: LiteralString = "select topic, syncwell.current_org_id() from syncwell.visible_topics()"
_SESSIONS: LiteralString = "select session_id from syncwell.sync_sessions where session_id = any(%(ids)s::uuid[])"
_CHANGES: LiteralString = """
select seen::text, scopes from syncwell._changed_scopes(%s::uuid[], %s::text::pg_snapshot)
"""
_PREFIXES = {"progress": ("progress:",), "health": ("health:", "health_common:"), "changed": ("changes:",)}

Statement = tuple[LiteralString, Mapping[str, object]]
Rows = list[tuple[Any, ...]]


class Following:
    """Reads on connections of a pool, many identities in one transaction."""

    def __init__(self, pool: Callable[[], Awaitable[AsyncPool]]) -> None:
        self._pool = pool

    async def wanted(self, user: UUID, names: Collection[str], sessions: Collection[UUID]) -> Wanted:
        """What the user may follow of what it wants to.

        Raises:
            Problem: 401, there is no such user; 404, it sees no such session.
        """
        statements: list[Statement] = [(_TOPICS, {}), (_SESSIONS, {"ids": list(sessions)})]
        found = await self._read(_AS_USER, {user: statements})
        if user not in found:
            raise refused("The token is not valid.")
        topics, seen = found[user]
        unknown = set(sessions) - {row[0] for row in seen}
        if unknown:
            raise Problem(
                404,
                f"There is no session {min(map(str, unknown))}.",
                hint="A session is known by the id that starting it, or sending it, returned.",
            )
        visible = frozenset(row[0] for row in topics)
        prefixes = tuple(prefix for name in names for prefix in _PREFIXES[name])
        return Wanted(
            user=user,
            org=topics[0][1],
            visible=visible,
            topics=frozenset(topic for topic in visible if topic.startswith(prefixes)),
            names=tuple(names),
            sessions=tuple(sessions),
        )

    async def visible(self, users: Collection[UUID]) -> dict[UUID, frozenset[str]]:
        """What each of them may see now; who is missing is nobody any more."""
        statements: list[Statement] = [(_TOPICS, {})]
        found = await self._read(_AS_USER, dict.fromkeys(users, statements))
        return {user: frozenset(row[0] for row in rows) for user, (rows,) in found.items()}

    async def org_rows(self, work: Mapping[UUID, Sequence[Statement]]) -> dict[UUID, list[Rows]]:
        """The rows of each statement, by org; an org that is gone is left out."""
        return await self._read(_AS_ORG, work)

    async def changes(self, scopes: Collection[UUID], since: str | None) -> tuple[str, list[UUID]]:
        """In which scopes records have changed, and what to ask with next time."""
        async with (await self._pool()).connection() as connection, connection.transaction():
            cursor = AsyncCursor(connection, row_factory=tuple_row)
            ((seen, changed),) = await (await cursor.execute(_CHANGES, [list(scopes), since])).fetchall()
        return seen, changed

    async def _read(self, act: LiteralString, work: Mapping[UUID, Sequence[Statement]]) -> dict[UUID, list[Rows]]:
        """The rows of each statement, by identity; whoever is unknown is left out."""
        found: dict[UUID, list[Rows]] = {}
        if not work:
            return found
        everybody = list(work)
        async with (await self._pool()).connection() as connection:
            for start in range(0, len(everybody), _BATCH):
                batch = everybody[start : start + _BATCH]
                try:
                    found |= await _together(connection, act, batch, work)
                except psycopg.Error as error:
                    if error.sqlstate not in _UNKNOWN:
                        raise
                    if len(batch) > 1:
                        # one of them is gone, and took the transaction of the others along
                        found |= await self._one_by_one(connection, act, batch, work)
        return found

    @staticmethod
    async def _one_by_one(
        connection: psycopg.AsyncConnection[Any],
        act: LiteralString,
        everybody: Sequence[UUID],
        work: Mapping[UUID, Sequence[Statement]],
    ) -> dict[UUID, list[Rows]]:
        found: dict[UUID, list[Rows]] = {}
        for one in everybody:
            try:
                found |= await _together(connection, act, [one], work)
            except psycopg.Error as error:
                if error.sqlstate not in _UNKNOWN:
                    raise
        return found


async def _together(
    connection: psycopg.AsyncConnection[Any],
    act: LiteralString,
    everybody: Sequence[UUID],
    work: Mapping[UUID, Sequence[Statement]],
) -> dict[UUID, list[Rows]]:
    asked: dict[UUID, list[AsyncCursor[tuple[Any, ...]]]] = {}
    async with connection.transaction(), connection.pipeline() if AsyncPipeline.is_supported() else nullcontext():
        control = AsyncCursor(connection)
        for one in everybody:
            await control.execute(act, [one])
            asked[one] = []
            for statement, parameters in work[one]:
                cursor = AsyncCursor(connection, row_factory=tuple_row)
                await cursor.execute(statement, parameters)
                asked[one].append(cursor)
    return {one: [await cursor.fetchall() for cursor in cursors] for one, cursors in asked.items()}
