"""How things look: one JSON document for programs, tables for people, and never a control character of others."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, TypeVar, cast
from uuid import UUID

from rich.console import Console
from rich.table import Table
from rich.text import Text

T = TypeVar("T")

NOTHING = "-"
_PIPE_WIDTH = 200
_CELL = 200
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_PARTS = 8
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_UNIT = re.compile(r"_(ms|seconds|minutes|hours|days|percent)$")
_LENGTHS = {"ms": 0.001, "seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
_SHARE = re.compile(r"(^|_)(rate|share)(_|$)")
_STYLES = {
    "healthy": "green", "success": "green", "completed": "green", "applied": "green", "ok": "green",
    "late": "yellow", "degraded": "yellow", "partial": "yellow", "completed_with_errors": "yellow", "warning": "yellow",
    "paused": "yellow", "pending": "yellow", "stalled": "yellow", "cancelled": "yellow", "edited": "bold red",
    "unhealthy": "bold red", "failed": "red", "timeout": "red", "critical": "bold red", "problem": "bold red",
    "done": "green", "overdue": "yellow", "never": "dim",
    "unknown": "dim", "started": "cyan", "in_progress": "cyan",
}  # fmt: skip


def console() -> Console:
    """Standard output; in a pipe wide enough that nothing wraps."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)


def plain(text: str) -> str:
    """Text of somebody else without what would move the cursor or turn the writing direction."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str | None) -> str:
    """The same, in one line, cut to what a table can show; `--json` has all of it."""
    if text is None:
        return NOTHING
    line = " ".join(text.split())
    return plain(line if len(line) <= _CELL else f"{line[: _CELL - 1]}…")


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
    """A table of rows; the last column takes what room is left and wraps."""
    made = plain_table()
    for number, (header, justify, _) in enumerate(columns, 1):
        last = number == len(columns)
        made.add_column(header, justify=justify, no_wrap=not last, overflow="fold" if last else "ellipsis")
    for row in rows:
        made.add_row(*(cell(row) for _, _, cell in columns))
    return made


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    print(json.dumps(jsonable(document), indent=2, ensure_ascii=_ascii_only(), allow_nan=False))


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


def count(number: float | None) -> str:
    """12,345."""
    return NOTHING if number is None else f"{number:,.0f}"


def share(number: float | None) -> str:
    """A share from 0 to 1 as 98.5 %."""
    if number is None:
        return NOTHING
    return "100 %" if number == 1 else f"{math.floor(number * 1000) / 10:.1f} %"


def score(number: float | None) -> str:
    """A score from 0 to 100."""
    return NOTHING if number is None else f"{number:.1f}".removesuffix(".0")


def seconds(number: float | None) -> str:
    """A length of time with two units at most: 850 ms, 12.3 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    if number is None:
        return NOTHING
    if number < 0.9995:
        return f"{number * 1000:.0f} ms"
    if number < 59.95:
        return f"{number:.1f} s"
    for limit, unit, small, big_name, small_name in (
        (3600, 60, 1, "min", "s"),
        (86400, 3600, 60, "h", "min"),
        (math.inf, 86400, 3600, "d", "h"),
    ):
        big, rest = divmod(round(number / small) * small, unit)
        if big * unit + rest < limit:
            return f"{big} {big_name} {rest // small} {small_name}" if rest else f"{big} {big_name}"
    return NOTHING


def milliseconds(number: float | None) -> str:
    """The same for milliseconds."""
    return seconds(None if number is None else number / 1000)


def ago(time: datetime | None, now: datetime | None = None) -> str:
    """How long ago, or in how long: 3 min ago, in 20 s."""
    if time is None:
        return NOTHING
    passed = ((now or datetime.now(UTC)) - time).total_seconds()
    if abs(passed) < 1:
        return "now"
    whole = seconds(float(round(abs(passed)))).removesuffix(".0 s")
    whole = f"{whole} s" if whole.isdecimal() else whole
    return f"{whole} ago" if passed > 0 else f"in {whole}"


def speed(per_minute: float | None) -> str:
    """Items a minute: 850/min, 12.3k/min, 3.2M/min."""
    if per_minute is None:
        return NOTHING
    for limit, divisor, letter in ((9_999.5, 1, ""), (999_950, 1e3, "k"), (math.inf, 1e6, "M")):
        if per_minute < limit:
            number = float(per_minute) / divisor
            return f"{number:,.1f}{letter}/min" if letter else f"{number:,.0f}/min"
    return NOTHING


def clock(time: datetime | None) -> str:
    """A local time to the second."""
    return NOTHING if time is None else f"{time.astimezone():%Y-%m-%d %H:%M:%S}"


def evidence(document: Mapping[str, object], time: Callable[[datetime], str] | None = None) -> list[tuple[str, str]]:
    """What each key of an issue's evidence says, in words: lengths of time, shares, times and counts in their units."""
    time = time or (lambda moment: clock(moment)[:16])
    return [
        (_UNIT.sub("", key).replace("_", " "), _evidence_value(key, value, time))
        for key, value in document.items()
        if value is not None
    ]


def _evidence_value(key: str, value: object, time: Callable[[datetime], str]) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        return _evidence_number(key, float(value))
    if isinstance(value, dict):
        parts = evidence(cast("dict[str, object]", value), time)
        return _first(f"{name} {text}" for name, text in parts)
    if isinstance(value, list):
        return _first(_evidence_value(key, one, time) for one in cast("list[object]", value))
    text = str(value)
    if _TIME.match(text):
        with suppress(ValueError):
            return time(datetime.fromisoformat(text))
    return one_line(text)


def _evidence_number(key: str, number: float) -> str:
    unit = _UNIT.search(key)
    if unit is not None and (length := _LENGTHS.get(unit[1])):
        return seconds(abs(number) * length) if number >= 0 else f"-{seconds(abs(number) * length)}"
    if unit is not None and unit[1] == "percent":
        return f"{number:+.0f} %" if number < 0 or "drift" in key else f"{number:.0f} %"
    if _SHARE.search(key) and 0 <= number <= 1:
        return share(number)
    return count(number) if number == round(number) or abs(number) >= 1000 else f"{number:.3g}"


def _first(parts: Iterable[str]) -> str:
    shown = list(parts)
    more = len(shown) - _PARTS
    return ", ".join(shown[:_PARTS]) + (f" and {more} more" if more > 0 else "")
