"""The fake clock, and waiting for a state of the database instead of for time to pass."""

import datetime
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg

_STEP_SECONDS = 0.01


def set_clock(connection: psycopg.Connection[Any], when: datetime.datetime | str | None) -> None:
    """Let syncwell._now() answer `when` in this session; None gives it the real clock back. Superuser sessions only."""
    connection.execute("select set_config('syncwell.fake_now', %s, false)", ["" if when is None else str(when)])


def wait_until(what: str, holds: Callable[[], object], seconds: float = 20) -> None:
    """Ask again and again until it holds; fails, naming `what`, when it takes too long."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what}"
        pause.wait(_STEP_SECONDS)


def wait_for_lock(connection: psycopg.Connection[Any], pid: int, seconds: float = 20) -> None:
    """Wait until the session `pid` waits for a lock that another session holds. `connection`: any third session."""

    def waits() -> bool:
        row = connection.execute("select cardinality(pg_blocking_pids(%s)) > 0", [pid]).fetchone()
        return bool(row and row[0])

    wait_until(f"session {pid} to wait for a lock", waits, seconds)
