"""How things look: one JSON document for programs, tables for people, and never a control character of others."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, TypeVar, cast
from uuid import UUID

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from syncwell._words import (
    NOTHING,
    ago,
    clock,
    count,
    evidence,
    milliseconds,
    one_line,
    plain,
    score,
    seconds,
    share,
    speed,
)

__all__ = [
    "NOTHING",
    "Column",
    "Justify",
    "ago",
    "block",
    "clock",
    "console",
    "count",
    "evidence",
    "jsonable",
    "milliseconds",
    "one_line",
    "plain",
    "plain_table",
    "print_json",
    "score",
    "seconds",
    "share",
    "speed",
    "style_of",
    "styled",
    "table",
    "time_of",
]

T = TypeVar("T")

_PIPE_WIDTH = 200
_PIECE = 8192
# of a table on a narrow terminal
_GAP = 2
_NAME_WIDTH = 20
_LAST_WIDTH = 20
_LEAST_COLUMNS = 2
_STYLES = {
    "healthy": "green", "success": "green", "completed": "green", "applied": "green", "ok": "green",
    "late": "yellow", "degraded": "yellow", "partial": "yellow", "completed_with_errors": "yellow", "warning": "yellow",
    "paused": "yellow", "pending": "yellow", "stalled": "yellow", "cancelled": "yellow", "edited": "bold red",
    "unhealthy": "bold red", "failed": "red", "timeout": "red", "critical": "bold red", "problem": "bold red",
    "error": "bold red", "done": "green", "overdue": "yellow", "never": "dim",
    "unchecked": "dim", "unknown": "dim", "started": "cyan", "in_progress": "cyan",
}  # fmt: skip


def console() -> Console:
    """Standard output; in a pipe wide enough that nothing wraps."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)


def moves() -> bool:
    """Whether standard output is a terminal on which lines can be drawn anew; FORCE_COLOR makes none of a pipe."""
    terminal = console()
    return sys.stdout.isatty() and terminal.is_terminal and not terminal.is_dumb_terminal


def write(text: str) -> None:
    """Long text on standard output, in pieces: where the reader goes away, one large write would not notice."""
    for start in range(0, len(text), _PIECE):
        sys.stdout.write(text[start : start + _PIECE])


def styled(word: str | None) -> Text:
    """A status in its colour."""
    return Text(NOTHING, "dim") if word is None else Text(word, _STYLES.get(word, ""))


def style_of(word: str) -> str:
    """The colour of a status or a severity."""
    return _STYLES.get(word, "")


def block() -> str:
    """One cell of a bar, in a character that the output can show."""
    return "#" if _ascii_only() else "\N{FULL BLOCK}"


def time_of(text: str | None) -> datetime | None:
    """A time out of a JSON document."""
    return None if text is None else datetime.fromisoformat(text)


def _ascii_only() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"


Justify = Literal["left", "right"]
Column = tuple[str, Justify, Callable[[T], Text | str]]


def plain_table() -> Table:
    """An empty table without lines, as narrow as its cells."""
    return Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")


def table(rows: Iterable[T], columns: Sequence[Column[T]]) -> Table:
    """A table of rows; the last column takes what room is left and wraps.

    On a narrow terminal names are cut, and then columns left out from the last but one on, rather than all squeezed
    until nothing can be read; `--json` has everything.
    """
    cells = [[cell(row) for _, _, cell in columns] for row in rows]
    shown = _fitting([header for header, _, _ in columns], cells, console().width)
    made = plain_table()
    for number in shown:
        header, justify, _ = columns[number]
        last = number == len(columns) - 1
        made.add_column(
            header,
            justify=justify,
            no_wrap=not last,
            overflow="fold" if last else "ellipsis",
            max_width=None if last or len(shown) == len(columns) else _NAME_WIDTH,
        )
    for row in cells:
        made.add_row(*(row[number] for number in shown))
    if len(shown) < len(columns):
        left = len(columns) - len(shown)
        made.caption = Text(f"{left} {'column' if left == 1 else 'columns'} more on a wider terminal", "dim")
        made.caption_justify = "left"
    return made


def _fitting(headers: Sequence[str], cells: Sequence[Sequence[Text | str]], width: int) -> list[int]:
    """Which columns there is room for."""
    wanted = [max([cell_len(header), *(cell_len(str(row[n])) for row in cells)]) for n, header in enumerate(headers)]
    *numbers, last = range(len(headers))
    if sum(wanted) + _GAP * len(numbers) <= width:
        return [*numbers, last]
    room = width - min(wanted[last], _LAST_WIDTH)
    narrow = [min(wanted[number], _NAME_WIDTH) + _GAP for number in numbers]
    while len(narrow) > _LEAST_COLUMNS and sum(narrow) > room:
        narrow.pop()
    return [*numbers[: len(narrow)], last]


def table_or(rows: Sequence[T], columns: Sequence[Column[T]], nothing: str) -> Table | Text:
    """A table of rows, or that there are none."""
    return table(rows, columns) if rows else Text(nothing, "dim")


def answer(rows: Sequence[T], columns: Sequence[Column[T]], nothing: str, *, as_json: bool) -> None:
    """What a command that lists rows prints."""
    if as_json:
        print_json(rows)
    else:
        console().print(table_or(rows, columns, nothing))


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    write(f"{json.dumps(jsonable(document), indent=2, ensure_ascii=_ascii_only(), allow_nan=False)}\n")


def jsonable(value: object) -> Any:
    """Plain JSON values: times in ISO 8601, intervals in seconds, unknown as null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (field.name for field in dataclasses.fields(value))
        return {name.removesuffix("_"): jsonable(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {str(key): jsonable(one) for key, one in cast("dict[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [jsonable(one) for one in cast("Iterable[object]", value)]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, UUID | Enum):
        return str(value)
    return value


def if_any(number: int | None) -> str:
    """A count, where it is not zero."""
    return count(number) if number else NOTHING
