"""What a row finds out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

TIMES = "\N{MULTIPLICATION SIGN}"

Verdict = Literal["met", "missed", "-"]


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on a row's value."""

    at_least: float | None = None
    at_most: float | None = None

    def met_by(self, value: float) -> bool:
        """Whether the value keeps within the bound."""
        return not (
            (self.at_least is not None and value < self.at_least) or (self.at_most is not None and value > self.at_most)
        )

    def __str__(self) -> str:
        bounds = (("≥", self.at_least), ("≤", self.at_most))
        return " ".join(f"{sign} {number(bound)}" for sign, bound in bounds if bound is not None)


@dataclass(frozen=True, slots=True)
class Point:
    """What a question costs at one size of what it is asked of; points of one name are a line of the chart."""

    name: str
    size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: `value` is what the target speaks of, a ratio wherever there is a yardstick."""

    row: str
    case: str
    value: float
    unit: str
    target: Target | None = None
    figure: str = ""
    """What was measured."""
    yardstick: str = ""
    """What the yardstick did in the same run; empty where the value is absolute."""
    curve: Point | None = None
    """Where it lies in the chart of cost against size."""

    @property
    def verdict(self) -> Verdict:
        """Whether the target is met; "-" where there is none."""
        if self.target is None:
            return "-"
        return "met" if self.target.met_by(self.value) else "missed"

    def as_json(self) -> dict[str, Any]:
        """The row for a machine to read."""
        return {
            "row": self.row,
            "case": self.case,
            "value": self.value,
            "unit": self.unit,
            "at_least": self.target.at_least if self.target else None,
            "at_most": self.target.at_most if self.target else None,
            "verdict": self.verdict,
            "figure": self.figure,
            "yardstick": self.yardstick,
            "curve": None if self.curve is None else asdict(self.curve),
        }

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Row:
        """What `as_json` made."""
        bounds = told["at_least"], told["at_most"]
        return cls(
            told["row"],
            told["case"],
            told["value"],
            told["unit"],
            None if bounds == (None, None) else Target(*bounds),
            told["figure"],
            told["yardstick"],
            None if told["curve"] is None else Point(**told["curve"]),
        )


def number(value: float) -> str:
    """Three significant digits, and all digits of what is larger."""
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def rate(value: float) -> str:
    """Times a second."""
    return f"{number(value)}/s"


def duration(seconds: float) -> str:
    """In the unit that suits it."""
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if seconds * factor >= 1:
            return f"{number(seconds * factor)} {unit}"
    return f"{number(seconds * 1e6)} µs"
