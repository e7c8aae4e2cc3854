from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import errors
from psycopg.generators import fetch_many
from psycopg.pq import ExecStatus
from psycopg.waiting import Wait

if TYPE_CHECKING:
    from psycopg.abc import PQGen
    from psycopg.pq.abc import PGconn


def copied_rows(pgconn: PGconn, enough: int, encoding: str) -> PQGen[tuple[list[bytes], bool]]:
    """Read rows of a COPY until they have `enough` bytes together; also whether they were the last.

    For `connection.wait()`. psycopg's own `Copy.read()` waits for each row, which costs more than the row.
    """
    rows: list[bytes] = []
    size = 0
    while size < enough:
        length, row = pgconn.get_copy_data(1)
        if length > 0:
            rows.append(bytes(row))
            size += length
        elif length == 0:
            while not (yield Wait.R):
                pass
            pgconn.consume_input()
        else:
            (result,) = yield from fetch_many(pgconn)
            if result.status != ExecStatus.COMMAND_OK:
                raise errors.error_from_result(result, encoding=encoding)
            return rows, True
    return rows, False
