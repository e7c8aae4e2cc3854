"""`kill -9`, and the points at which it comes."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from harness import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from syncwell.embedded import Server


def _stat(pid: int) -> list[str]:
    """State and parent of a process; nothing when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()


def is_alive(pid: int) -> bool:
    return _stat(pid)[:1] not in ([], ["Z"], ["X"])


def children(pid: int) -> list[int]:
    numbers = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return [number for number in numbers if _stat(number)[1:2] == [str(pid)]]


def kill(*pids: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def kill_server(server: Server, *, whole: bool) -> None:
    """The postmaster alone, whose backends end what they are at; or everything, as when the machine is switched off."""
    family = [server.pid, *children(server.pid)]
    kill(*(family if whole else family[:1]))
    wait_until("the server's processes to end", lambda: not any(map(is_alive, family)), 600)


class Killer:
    """Kills once, when what is counted reaches the point."""

    def __init__(self, kind: str, count: int, victim: Callable[[], None]) -> None:
        self.kind = kind
        self.count = count
        self._victim = victim
        self._lock = threading.Lock()
        self._struck = threading.Event()

    @property
    def has_struck(self) -> bool:
        return self._struck.is_set()

    def strike(self) -> None:
        with self._lock:
            if not self._struck.is_set():
                self._struck.set()
                self._victim()


class Wal:
    """Counts bytes of WAL, which is the only work that can be seen while a statement runs."""

    def __init__(self, uri: str, killer: Killer | None) -> None:
        self.count = 0
        self._killer = killer
        self._ended = threading.Event()
        self._session: psycopg.Connection[Any] = psycopg.connect(uri, autocommit=True)
        self._start = self._session.execute("select pg_current_wal_insert_lsn()").fetchone()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Wal:
        if self._killer and self._killer.kind == "wal":
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()
        with contextlib.suppress(psycopg.OperationalError):
            self._look()
        self._session.close()

    def _look(self) -> int:
        row = self._session.execute(
            "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s)::bigint", self._start
        ).fetchone()
        assert row is not None
        self.count = row[0]
        return self.count

    def _watch(self) -> None:
        assert self._killer is not None
        with contextlib.suppress(psycopg.OperationalError):
            while not self._ended.is_set():
                if self._look() >= self._killer.count:
                    self._killer.strike()
                    return
