"""A client of its own process that takes everything one user has: `python -m bench.reader URI stream|copy [QUERY]`.

`stream` is `sw.delta.pull_stream()`, `copy` is COPY of the query. Both throw away what they get. It prints as JSON the
bytes, the seconds, and by how many KiB its own memory and that of the server's process rose above what they had when
they were idle; null where the system doesn't tell.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from syncwell import Syncwell

_LOOK_EVERY = 0.005


class Memory(threading.Thread):
    """Watches how much memory processes have for themselves."""

    def __init__(self, *pids: int) -> None:
        super().__init__(daemon=True)
        self._status = [Path(f"/proc/{pid}/status") for pid in pids]
        self._idle = [_kibibytes(status) for status in self._status]
        self._most = list(self._idle)
        self._done = threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        while not self._done.wait(_LOOK_EVERY):
            self._look()

    def stop(self) -> list[int | None]:
        """By how much each rose at most."""
        self._done.set()
        self.join()
        self._look()
        return [
            None if most is None or idle is None else most - idle
            for most, idle in zip(self._most, self._idle, strict=True)
        ]

    def _look(self) -> None:
        for place, status in enumerate(self._status):
            now = _kibibytes(status)
            self._most[place] = None if now is None else max(now, self._most[place] or 0)


def _kibibytes(status: Path) -> int | None:
    """Memory of a process that it shares with nobody: a server's process shares its buffers."""
    try:
        for line in status.read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    except OSError:
        pass
    return None


def stream(connection: psycopg.Connection[Any]) -> Iterator[bytes]:
    """A first pull."""
    with Syncwell(connection).delta.pull_stream(device_id="bench-reader") as chunks:
        yield from chunks


def copy(connection: psycopg.Connection[Any], query: str) -> Iterator[bytes | bytearray | memoryview]:
    """The yardstick."""
    with connection.cursor().copy(f"copy ({query}) to stdout".encode()) as rows:
        yield from rows


def main() -> None:
    """Read it all."""
    uri, how, *query = sys.argv[1:]
    with psycopg.connect(uri, autocommit=True) as connection:
        memory = Memory(connection.info.backend_pid, os.getpid())
        memory.start()
        started = time.perf_counter()
        size = 0
        for piece in copy(connection, *query) if how == "copy" else stream(connection):
            size += len(piece)
        took = time.perf_counter() - started
        server, client = memory.stop()
    print(json.dumps({"bytes": size, "seconds": took, "server_kib": server, "client_kib": client}))


if __name__ == "__main__":
    main()
