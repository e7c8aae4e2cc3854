"""Hands bytes on between clients and a server, counts them, and lets the killer strike between two of them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from torture.killer import Killer


class Relay:
    """`prefix` names its counts: what clients have sent, and what they were answered."""

    def __init__(self, listener: socket.socket, upstream: Callable[[], socket.socket], prefix: str) -> None:
        self.counts: Counter[str] = Counter()
        self.killer: Killer | None = None
        self._listener = listener
        self._upstream = upstream
        self._prefix = prefix
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def begin(self, killer: Killer | None) -> None:
        """Count anew, for this killer."""
        with self._lock:
            self.counts.clear()
            self.killer = killer

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()

    def drop(self) -> None:
        """End all conversations."""
        with self._lock:
            ends = list(self._open)
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = self._upstream()
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            for ends in ((client, server, "sent"), (server, client, "answered")):
                threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, way: str) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._pass(data, target, self._prefix + way)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        # whoever of the two directions comes second closes
        with self._lock:
            is_second = source not in self._open
            self._open -= {source, target}
        if is_second:
            source.close()
            target.close()

    def _pass(self, data: bytes, target: socket.socket, what: str) -> None:
        with self._lock:
            before = self.counts[what]
            self.counts[what] += len(data)
            killer = self.killer
        if killer and killer.kind == what and before < killer.count <= before + len(data):
            target.sendall(data[: killer.count - before])
            killer.strike()
            raise ConnectionResetError
        target.sendall(data)
