"""How numbers, times and texts of others read, wherever they are shown."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

NOTHING = "-"
_CELL = 200
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_PARTS = 8
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_UNIT = re.compile(r"_(ms|seconds|minutes|hours|days|percent)$")
_LENGTHS = {"ms": 0.001, "seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
_SHARE = re.compile(r"(^|_)(rate|share)(_|$)")


def plain(text: str) -> str:
    """Text of somebody else without what would move the cursor or turn the writing direction."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str | None) -> str:
    """The same, in one line, cut to what a table can show; `--json` has all of it."""
    if text is None:
        return NOTHING
    line = " ".join(text.split())
    return plain(line if len(line) <= _CELL else f"{line[: _CELL - 1]}…")


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
