"""Ten rounds of `make torture`, and controls: the same oracle catches who acknowledges what is not kept."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from torture.loads.ingesting import Ingesting
from torture.loads.pushing import Device, Pushing
from torture.loads.queueing import Queueing
from torture.rounds import Plan, Torture, plans
from torture.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

SEED = 1
ROUNDS = 10


@pytest.fixture(scope="module")
def torture() -> Iterator[Torture]:
    with World() as world:
        yield Torture(world)


@pytest.mark.parametrize("plan", plans(ROUNDS, SEED), ids=lambda plan: f"{plan.number}-{plan.load.name}")
def test_what_is_acknowledged_is_there_once_and_the_rest_whole_or_absent(torture: Torture, plan: Plan) -> None:
    assert torture.play(plan).wrong == [], str(plan)


class Careless(Pushing):
    """Devices that are told of a commit before it is on the disk, where the walwriter is slow to write it."""

    def prepare(self) -> None:
        super().prepare()
        if not self.killer:
            return  # to drop a database all processes must answer
        [walwriter] = self.world.ask("select pid from pg_stat_activity where backend_type = 'walwriter'")
        os.kill(walwriter, signal.SIGSTOP)

    def device(self, number: int) -> Device:
        return Device(self.world, number, "-c synchronous_commit=off")


class Naive(Queueing):
    """Workers that acknowledge first, and do it then."""

    worker = "naive"


class Singly(Ingesting):
    """A batch that is no transaction: each row is one."""

    rows = 8

    def sender(self, login: str) -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
        for tell in super().sender(login):

            def one_by_one(work: dict[str, Any], tell: Any = tell) -> dict[str, Any]:
                answers = [tell({**work, "rows": [row]}) for row in work["rows"]]
                counted = ("inserted", "duplicates", "rejected")
                return {name: sum(answer[name] for answer in answers) for name in counted}

            yield one_by_one


@pytest.mark.parametrize(
    ("load", "victim", "point", "share"),
    [
        (Careless, "server", "answered", 0.6),
        (Naive, "process", "sent", 0.4),
        (Singly, "server", "answered", 0.4),
    ],
    ids=["synchronous_commit is off", "a worker acknowledges first", "a batch is no transaction"],
)
def test_a_control_is_caught(torture: Torture, load: Any, victim: str, point: str, share: float) -> None:
    for number in range(3):
        result = torture.play(Plan(SEED, 1000 + number, load, victim, point, share))
        if any(line.startswith("as it came back") for line in result.wrong):
            return
    pytest.fail("the oracle was content")
