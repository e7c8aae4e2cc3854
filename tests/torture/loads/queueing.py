"""Operations that some enqueue and worker processes do."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

from harness import wait_until
from torture.loads.base import PATIENCE, Load

if TYPE_CHECKING:
    from collections.abc import Callable

SENDERS = ("a_member", "a_other")
WORKERS = 2
OPERATIONS = 20
_ENQUEUE = """
select operation_id from syncwell.enqueue_operation('send', jsonb_build_object('number', %s::text), p_dedup_key => %s)
"""
_BEGUN = "select 1 from syncwell.sync_queue_archive limit 1"
# as if time had passed: who held it is gone
_EXPIRE = (
    "update syncwell.sync_queue set run_at = run_at - interval '2 minutes' where status = 'processing' returning 1"
)


class Queueing(Load):
    """Half of it waits before the workers start, the rest comes while they work."""

    name = "queue"
    victims = ("server", "postmaster", "process", "process")
    worker: ClassVar[str] = "exact"

    def prepare(self) -> None:
        for number, login in enumerate(SENDERS):
            self._sender(login, range(number, OPERATIONS, len(SENDERS)))()

    def run(self) -> None:
        senders = [
            self._sender(login, range(OPERATIONS + number, 2 * OPERATIONS, len(SENDERS)))
            for number, login in enumerate(SENDERS)
        ]
        self.processes = [self._start() for _ in range(WORKERS)]
        self.together(*(self._later(sender) for sender in senders))
        for process in self.processes:
            process.wait(PATIENCE)

    def _later(self, send: Callable[[], None]) -> Callable[[], None]:
        """Begin once a worker is at it, or all of them are gone."""

        def wait_and_send() -> None:
            with self.world.direct() as looking:
                wait_until(
                    "the first operation to be done",
                    lambda: looking.execute(_BEGUN).fetchone() or all(one.poll() is not None for one in self.processes),
                )
            send()

        return wait_and_send

    def _start(self) -> Any:
        return self.world.start("-m", "torture.worker", self.world.uri("a_service"), self.worker)

    def _sender(self, login: str, numbers: range) -> Callable[[], None]:
        def send() -> None:
            with self.world.connect(login) as session:
                for number in numbers:
                    key = str(number)
                    self.journal.send(key, login)
                    self.journal.acknowledge(key, self._enqueue(session, key))

        return send

    @staticmethod
    def _enqueue(session: Any, key: str) -> Any:
        return session.execute(_ENQUEUE, [key, key]).fetchone()[0]

    def wrong(self) -> list[str]:
        waiting = set(self.world.ask("select id from syncwell.sync_queue"))
        done = Counter(self.world.ask("select id from syncwell.sync_queue_archive where status = 'completed'"))
        effects = Counter(self.world.ask("select operation_id from public.effects"))
        wrong = [f"{one} is done and waits" for one in waiting & done.keys()]
        for one in done.keys() | effects.keys():
            if (done[one], effects[one]) != (1, 1):
                wrong.append(f"{one} is completed {done[one]} times and has {effects[one]} effects")
        for key, operation in self.journal.acknowledged.items():
            if operation not in waiting | done.keys():
                wrong.append(f"{key} was acknowledged as {operation} and is gone")
        return wrong

    def settle(self) -> None:
        # whoever is not told sends it again; it stands for the one that waits, not for one that is done already
        self._done = Counter(self.world.ask("select number from public.effects"))
        for key, login in self.journal.open.items():
            with self.world.connect(login) as session:
                self.journal.acknowledge(key, self._enqueue(session, key))
                assert self.journal.acknowledged[key] == self._enqueue(session, key)
        while self.world.ask("select 1 from syncwell.sync_queue limit 1"):
            with self.world.direct() as admin:
                admin.execute(_EXPIRE)
            process = self._start()
            _, errors = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, errors

    def wrong_at_end(self) -> list[str]:
        wrong = self.wrong()
        numbers = Counter(self.world.ask("select number from public.effects"))
        unsure = {key for key in self.journal.sent if self._done[key]}
        for key in self.journal.sent:
            if numbers[key] != 1 and not (key in unsure and numbers[key] == 2):
                wrong.append(f"{key} has {numbers[key]} effects")
        return wrong
