"""What is shown while something takes longer than a second: on a terminal only, never in a pipe or beside JSON."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock, Timer

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Column

from syncwell.cli.output import plain

_PATIENCE = 1.0
_SPINNER = "line"


def is_watched() -> bool:
    """Whether somebody looks at a terminal on which things can move."""
    terminal = Console(stderr=True)
    # what FORCE_COLOR makes of a pipe can show colours, and yet nothing moves there
    both = sys.stdout.isatty() and sys.stderr.isatty()
    return both and terminal.is_terminal and not terminal.is_dumb_terminal and "--json" not in sys.argv


class Wait:
    """Tells how far something is; shown once it takes longer than a second, and gone when it ends."""

    def __init__(self, text: str) -> None:
        self._lock = Lock()
        self._over = False
        self._progress: Progress | None = None
        if is_watched():
            self._progress = Progress(
                SpinnerColumn(_SPINNER),
                TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
                BarColumn(bar_width=20),
                TaskProgressColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._progress.add_task(plain(text), total=None)
            self._timer = Timer(_PATIENCE, self._show)
            self._timer.daemon = True
            self._timer.start()

    def tell(self, text: str, done: float | None = None, total: float | None = None) -> None:
        """Say what is being done, and how much of it is done."""
        if self._progress is not None:
            self._progress.update(self._task, description=plain(text), completed=done, total=total)

    def end(self) -> None:
        """Clear the line."""
        if self._progress is not None:
            self._timer.cancel()
            with self._lock:
                self._over = True
                self._progress.stop()

    def _show(self) -> None:
        with self._lock:
            if not self._over and self._progress is not None:
                self._progress.start()


@contextmanager
def waiting(text: str) -> Generator[Wait]:
    """A wait for as long as the block lasts; the block prints nothing."""
    wait = Wait(text)
    try:
        yield wait
    finally:
        wait.end()
