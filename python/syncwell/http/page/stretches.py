"""The past of one stream as strips: how it was, and its runs, drawn without a word on style so that none is inline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from syncwell import _words as words
from syncwell.health import StreamDetail
from syncwell.http.page.view import Clock, moment

__all__ = ["Bar", "StreamView"]

_HEIGHTS = {"healthy": 8, "unknown": 4, "late": 13, "degraded": 18, "unhealthy": 24}
_HEIGHT = 24
_MARKS = 6
_RUN = {"success": "healthy", "partial": "late", "failed": "unhealthy", "timeout": "unhealthy", "started": "running"}
_STEPS = (3600, 2 * 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A box of a strip that is 1000 wide; the worse, the higher, so that colour is not needed to tell."""

    x: float
    width: float
    y: int
    height: int
    kind: str


class StreamView(Clock):
    """What the template of one stream asks for."""

    def __init__(self, detail: StreamDetail) -> None:
        now = datetime.fromisoformat(detail["computed_at"])
        super().__init__(detail["org"], now)
        self.detail = detail
        self._since = datetime.fromisoformat(detail["since"])
        self._length = (now - self._since).total_seconds()

    @property
    def states(self) -> list[Bar]:
        """How it was."""
        return [
            self._bar(one["starts_at"], one["ends_at"], "paused" if one["mode"] == "paused" else one["status"])
            for one in self.detail["stretches"]
        ]

    @property
    def runs(self) -> list[Bar]:
        """What it ran; the shortest is seen too."""
        return [
            self._bar(one["started_at"], one["completed_at"], _RUN.get(one["status"], "unknown"), least=2.5)
            for one in reversed(self.detail["runs"])
        ]

    @property
    def told(self) -> str:
        """The shares of that time, in words."""
        lengths: dict[str, float] = {}
        for one in self.detail["stretches"]:
            length = (_time(one["ends_at"]) - _time(one["starts_at"])).total_seconds()
            lengths[one["status"]] = lengths.get(one["status"], 0.0) + length
        parts = [
            f"{status} for {words.seconds(length)}"
            for status, length in sorted(lengths.items(), key=lambda item: -item[1])
        ]
        return ", ".join(parts) + "." if parts else "Nothing is known of that time."

    @property
    def ran(self) -> str:
        """The outcomes, in words."""
        runs = self.detail["runs"]
        if not runs:
            return "Nothing ran in that time."
        good = sum(one["status"] in ("success", "partial") for one in runs)
        bad = sum(one["status"] in ("failed", "timeout") for one in runs)
        return f"{words.count(len(runs))} runs: {words.count(good)} succeeded, {words.count(bad)} failed."

    @property
    def hours(self) -> int:
        """How far back it goes."""
        return round(self._length / 3600)

    @property
    def marks(self) -> list[tuple[float, str]]:
        """Times below the strips: where, of 1000, and which."""
        step = next((one for one in _STEPS if self._length / one <= _MARKS), _STEPS[-1])
        local = self._since.astimezone(self.zone)
        first = local.replace(hour=0, minute=0, second=0, microsecond=0)
        found: list[tuple[float, str]] = []
        number = 0
        while (at := first + timedelta(seconds=step * number)) < self.now:
            place = self._place(at)
            if 40 <= place <= 960:
                found.append((place, f"{at:%-d %b}" if at.hour == 0 or step >= 86400 else f"{at:%H:%M}"))
            number += 1
        return found

    def _bar(self, begin: str, end: str | None, kind: str, least: float = 0.8) -> Bar:
        start = max(0.0, self._place(_time(begin)))
        stop = 1000.0 if end is None else min(1000.0, self._place(_time(end)))
        height = _HEIGHTS.get(kind, 8)
        return Bar(
            x=round(min(start, 1000 - least), 2),
            width=round(max(stop - start, least), 2),
            y=_HEIGHT - height,
            height=height,
            kind=kind,
        )

    def _place(self, time: datetime) -> float:
        return 1000 * (time - self._since).total_seconds() / self._length


def _time(text: str) -> datetime:
    found = moment(text)
    assert found is not None  # noqa: S101 - it is told
    return found
