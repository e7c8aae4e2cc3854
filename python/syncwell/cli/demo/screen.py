"""What the demo shows: on a terminal it moves, elsewhere it is plain lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from syncwell.cli.live import line, progress_table
from syncwell.cli.output import console, count, moves
from syncwell.cli.session import Row

_DRAW_SECONDS = 0.1
_LINE_SECONDS = 2.0
_SPINNER = "line"
_INDENT = " " * 11


class Screen:
    """Where the demo writes."""

    def __init__(self) -> None:
        self._console: Console = console()
        self._moves = moves()

    @property
    def width(self) -> int:
        """How many characters fit in a line."""
        return self._console.width

    def title(self, text: str) -> None:
        """A heading with a line of air above it."""
        self._console.print()
        self._console.print(Text(text, "bold"))

    def say(self, text: str | Text) -> None:
        """A line."""
        self._console.print(text, soft_wrap=True)

    def show(self, thing: RenderableType) -> None:
        """Something that is laid out to fit."""
        self._console.print(thing)

    def result(self, status: str, style: str, text: str) -> None:
        """How something went."""
        self._console.print(Text.assemble("  ", (f"{status:<7}", style), "  ", text), soft_wrap=True)

    def note(self, text: str | Text) -> None:
        """A line that belongs to the one above it."""
        self._console.print(Text.assemble(_INDENT, text), soft_wrap=True)

    @contextmanager
    def busy(self, text: str) -> Generator[Callable[[str], None]]:
        """Says on a terminal, for as long as the block lasts, what is being done; gives a function to say it anew."""
        if not self._moves:
            yield _nothing
            return
        with self._console.status(Text(text), spinner=_SPINNER) as status:
            yield lambda now: status.update(Text(now))

    @contextmanager
    def progress(self, look: Callable[[], Row | None]) -> Generator[Callable[[int, int], None]]:
        """Gives a function to call with how many are done, of how many; `look` asks the database where the sync stands.

        It draws at each quarter, and in between not too often.
        """
        pause = _DRAW_SECONDS if self._moves else _LINE_SECONDS
        drawn, quarters = time.monotonic(), 0
        moving = Live(console=self._console, transient=True, auto_refresh=False) if self._moves else nullcontext()
        with moving as live:

            def show(done: int, total: int) -> None:
                nonlocal drawn, quarters
                if done == total or (done * 4 // total == quarters and time.monotonic() - drawn < pause):
                    return
                if (row := look()) is None:
                    return
                if live is None:
                    self.note(line(row))
                else:
                    live.update(progress_table([row], self._console.width), refresh=True)
                drawn, quarters = time.monotonic(), done * 4 // total

            yield show

    def wait(self, until: float, text: str) -> None:
        """Wait until `time.monotonic()` is there, with a countdown."""
        if not self._moves:
            time.sleep(max(0.0, until - time.monotonic()))
            return
        with Live(console=self._console, transient=True, auto_refresh=False) as live:
            while (left := until - time.monotonic()) > 0:
                live.update(Text(f"{_INDENT}{text} in {left:.1f} s", "yellow"), refresh=True)
                time.sleep(min(_DRAW_SECONDS, left))


def _nothing(_: str) -> None:
    """What is said while something is being done is for those who watch."""


def commits(number: int) -> str:
    """1 commit, 2,000 commits."""
    return "1 commit" if number == 1 else f"{count(number)} commits"
