"""Pages of a query in the order of its key, by COPY: the server writes CSV and JSON, and a file is never in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import sql

_CSV: LiteralString = "copy ({}) to stdout (format csv, header)"
# JSON holds no control characters, so that nothing is ever quoted
_LINES: LiteralString = (
    "copy (select row_to_json(r) from ({}) as r) to stdout (format csv, quote e'\\x01', delimiter e'\\x02')"
)
# one way to write a time, whatever the session's settings
_STYLE: LiteralString = """
select
  set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO, YMD', true),
  set_config('intervalstyle', 'iso_8601', true), set_config('bytea_output', 'hex', true)
"""


class Pages:
    """Writes one page of a query to a file at a time, each in a transaction that sees one state."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        act: tuple[LiteralString, UUID] | None,
        query: str,
        keys: Sequence[str],
    ) -> None:
        self._connection = connection
        self._act = act
        # its values are literals that the server has quoted
        text: Any = query.replace("{", "{{").replace("}", "}}")
        self._query = sql.SQL(text).format()
        self._keys = [sql.Identifier(key) for key in keys]

    def count(self) -> int:
        """Rows in all pages."""
        with self._connection.transaction():
            self._prepare()
            row = self._connection.execute(sql.SQL("select count(*) from ({}) as q").format(self._query)).fetchone()
        return int(row[0]) if row else 0

    def write(
        self, file: Path, form: str, after: Sequence[str] | None, limit: int
    ) -> tuple[int, tuple[str, ...]] | None:
        """Write at most `limit` rows after a key; return how many, and the key of the last; None: there are none."""
        with self._connection.transaction():
            self._prepare()
            last = self._last_key(after, limit)
            if last is None:
                return None
            page = sql.SQL("select * from ({}) as q where {} order by {}").format(
                self._query, self._between(after, last), sql.SQL(", ").join(self._keys)
            )
            rows = self._copy(file, _LINES if form == "jsonl" else _CSV, page)
            if form == "parquet":
                self._to_parquet(file, page)
            return rows, last

    def _prepare(self) -> None:
        self._connection.execute("set transaction isolation level repeatable read, read only")
        if self._act is not None:
            self._connection.execute(self._act[0], [self._act[1]])
        self._connection.execute(_STYLE)

    def _last_key(self, after: Sequence[str] | None, limit: int) -> tuple[str, ...] | None:
        """The key of the last row of a page, as text."""
        ascending = sql.SQL(", ").join(self._keys)
        found = self._connection.execute(
            sql.SQL(
                "select {} from (select {} from ({}) as q where {} order by {} limit {}) as p order by {} limit 1"
            ).format(
                sql.SQL(", ").join(sql.SQL("{}::text").format(key) for key in self._keys),
                ascending,
                self._query,
                self._between(after, None),
                ascending,
                sql.Literal(limit),
                sql.SQL(", ").join(sql.SQL("p.{} desc").format(key) for key in self._keys),
            )
        ).fetchone()
        return None if found is None else tuple(str(part) for part in found)

    def _between(self, after: Sequence[str] | None, last: Sequence[str] | None) -> sql.Composable:
        """After the one key, up to the other."""
        bounds: list[tuple[LiteralString, Sequence[str] | None]] = [("({}) > ({})", after), ("({}) <= ({})", last)]
        conditions = [
            sql.SQL(comparison).format(
                sql.SQL(", ").join(self._keys), sql.SQL(", ").join(sql.Literal(part) for part in key)
            )
            for comparison, key in bounds
            if key is not None
        ]
        return sql.SQL(" and ").join(conditions) if conditions else sql.SQL("true")

    def _copy(self, file: Path, how: LiteralString, page: sql.Composed) -> int:
        with self._connection.cursor() as cursor, file.open("wb") as target:
            with cursor.copy(sql.SQL(how).format(page)) as copy:
                for block in copy:
                    target.write(block)
            return cursor.rowcount

    def _to_parquet(self, file: Path, page: sql.Composed) -> None:
        """Read the page's CSV again, with the types of its columns, and put Parquet in its place."""
        from syncwell.cli.export.parquet import convert

        with self._connection.cursor() as cursor:
            cursor.execute(sql.SQL("select * from ({}) as q limit 0").format(page))
            columns = [(column.name, column.type_code) for column in cursor.description or ()]
        convert(file, columns)
