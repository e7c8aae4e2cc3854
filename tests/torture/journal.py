"""What clients know: what they have sent, and what of it was acknowledged."""

from __future__ import annotations

import threading
from typing import Any


class Journal:
    """Of one kind of work; `key` names a piece of it."""

    def __init__(self) -> None:
        self.sent: dict[str, Any] = {}
        self.acknowledged: dict[str, Any] = {}
        self._lock = threading.Lock()

    def send(self, key: str, work: Any = None) -> None:
        with self._lock:
            self.sent[key] = work

    def acknowledge(self, key: str, answer: Any = None) -> None:
        with self._lock:
            self.acknowledged[key] = answer

    @property
    def open(self) -> dict[str, Any]:
        """Sent, and not answered."""
        return {key: work for key, work in self.sent.items() if key not in self.acknowledged}
