"""Clients of GET /sync/events: what they are told, in the order it comes."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from harness.serving import bearer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

_SECONDS = 20


@dataclass
class Follower:
    """Somebody who reads a stream of events as it comes."""

    events: queue.Queue[tuple[str, Any]] = field(default_factory=queue.Queue)
    seen: list[tuple[str, Any]] = field(default_factory=list)
    text: str = ""
    ended: threading.Event = field(default_factory=threading.Event)

    def next(self, *names: str) -> Any:
        """The data of the next event of one of these names; others are passed over."""
        while True:
            try:
                name, data = self.events.get(timeout=_SECONDS)
            except queue.Empty:
                raise AssertionError(f"no {' or '.join(names)} came, but {self.seen}") from None
            self.seen.append((name, data))
            if not names or name in names:
                return data

    def until(self, name: str, holds: Any) -> Any:
        """The data of the next event of this name that it holds for."""
        while not holds(data := self.next(name)):
            pass
        return data

    def rest(self) -> list[tuple[str, Any]]:
        """What has come and was not asked for."""
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self.events.get_nowait())
        return found

    def read(self, answer: httpx.Response) -> None:
        """Take all there is, to the end."""
        name, data = "", ""
        try:
            for line in answer.iter_lines():
                self.text += f"{line}\n"
                key, _, value = line.partition(": ")
                if key == "event":
                    name = value
                elif key == "data":
                    data = value
                elif not line and name:
                    self.events.put((name, json.loads(data)))
                    name = ""
        finally:
            self.ended.set()


@contextlib.contextmanager
def following(client: httpx.Client, user: UUID, query: str = "", **claims: Any) -> Iterator[Follower]:
    """A follower of the user's events, to the end of the block."""
    follower = Follower()
    with client.stream("GET", f"/sync/events{query}", headers=bearer(user, **claims), timeout=60) as answer:
        assert answer.status_code == 200, answer.read()

        def read() -> None:
            with contextlib.suppress(httpx.HTTPError, httpx.StreamError, OSError):
                follower.read(answer)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        try:
            yield follower
        finally:
            # what waits for more is told that there is none
            with contextlib.suppress(Exception):
                stream: Any = answer.extensions["network_stream"]
                stream.get_extra_info("socket").shutdown(2)
            thread.join(20)
    assert not thread.is_alive()
