"""What a load is, and what is the same for all of them."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import httpx
import psycopg

from torture.journal import Journal
from torture.killer import kill

if TYPE_CHECKING:
    import random
    import subprocess

    from torture.killer import Killer
    from torture.world import World

PATIENCE = 600

# what a client sees of a server that is gone
GONE = (psycopg.OperationalError, psycopg.InterfaceError, httpx.TransportError, ConnectionError)


class GoneError(ConnectionError):
    """An HTTP server that says it has no database."""


class Load(ABC):
    """A piece of work that can be interrupted, and the oracle that knows what must have become of it.

    `name`, `victims` (`server`, `postmaster`, or `process`: one that the load has started), `template`: of its
    database; `is_installed`: whether the schema has to be there at the end.
    """

    name: ClassVar[str]
    victims: ClassVar[tuple[str, ...]] = ("server", "postmaster")
    points: ClassVar[tuple[str, ...]] = ("sent", "answered", "wal")
    template: ClassVar[str | None] = None
    is_installed: ClassVar[bool] = True

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world = world
        self.chance = chance
        self.journal = Journal()
        self.killer: Killer | None = None
        self.processes: list[subprocess.Popen[str]] = []

    def prepare(self) -> None:  # noqa: B027 - few have to
        """Make what has to be there before; not counted."""

    @abstractmethod
    def run(self) -> None:
        """Work until it is done, or the victim is dead."""

    @abstractmethod
    def wrong(self) -> list[str]:
        """What is wrong with the database as it came back: something acknowledged is missing, something is half."""

    @abstractmethod
    def settle(self) -> None:
        """Send again what was not acknowledged, and end what was begun."""

    def wrong_at_end(self) -> list[str]:
        """What is still wrong after that."""
        return self.wrong()

    def digest(self) -> Any:
        """What has to be the same at the end, whatever happened meanwhile."""
        return None

    def counts(self) -> dict[str, int]:
        """Of conversations that do not pass the world's own relay."""
        return {}

    def close(self) -> None:  # noqa: B027 - few have to
        """End what the load has opened."""

    def kill_process(self) -> None:
        """`kill -9` of one of the load's own processes; it is waited for."""
        victim = self.chance.choice(self.processes)
        kill(victim.pid)
        victim.wait()

    def together(self, *work: Callable[[], None]) -> None:
        """Run each in a thread until it is done or the server is gone; anything else that is raised is a failure."""
        failures: list[BaseException] = []

        def go(one: Callable[[], None]) -> None:
            try:
                one()
            except GONE:
                pass
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=go, args=[one]) for one in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), f"{self.name}: a client hangs"
        if failures:
            raise failures[0]


def whole_or_absent(journal: Journal, found: dict[str, int], whole: Callable[[Any], int]) -> list[str]:
    """Acknowledged: all of it is there. Sent: all of it, or nothing."""
    wrong = []
    for key, work in journal.sent.items():
        count = found.get(key, 0)
        if key in journal.acknowledged:
            if count != whole(work):
                wrong.append(f"{key} was acknowledged: {count} of {whole(work)} are there")
        elif count not in (0, whole(work)):
            wrong.append(f"{key} is half there: {count} of {whole(work)}")
    wrong += [f"{key} is there and was never sent" for key in found.keys() - journal.sent.keys()]
    return wrong
