"""One round: a load, a victim, a point."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torture import oracle
from torture.killer import Killer, Wal, is_alive, kill_server
from torture.loads import LOADS, Load
from torture.world import TEMPLATE

if TYPE_CHECKING:
    from torture.world import World


@dataclass(frozen=True, slots=True)
class Plan:
    """`share` of the load's work, counted in `point`, after which the victim dies."""

    seed: int
    number: int
    load: type[Load]
    victim: str
    point: str
    share: float

    def __str__(self) -> str:
        return f"{self.number}: {self.load.name}, {self.victim} at {self.share:.0%} of {self.point}"


@dataclass(slots=True)
class Result:
    """What became of a round. `is_hit`: the victim died while there was work, and not after it."""

    plan: Plan
    is_hit: bool
    sent: int
    acknowledged: int
    recovery: float
    wrong: list[str] = field(default_factory=list)


def plans(rounds: int, seed: int, loads: tuple[type[Load], ...] = LOADS) -> list[Plan]:
    """Every load once, then every load once more, each time in another order."""
    made: list[Plan] = []
    order: list[type[Load]] = []
    for number in range(rounds):
        chance = random.Random(f"{seed} {number // len(loads)}")  # noqa: S311
        if number % len(loads) == 0:
            order = chance.sample(loads, len(loads))
        chance = random.Random(f"{seed} {number}")  # noqa: S311
        load = order[number % len(loads)]
        plan = Plan(seed, number, load, chance.choice(load.victims), chance.choice(load.points), chance.random())
        made.append(plan)
    return made


class Torture:
    """Plays rounds. How much work a load is, it knows from one undisturbed run of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._extents: dict[type[Load], dict[str, int]] = {}
        self._digests: dict[type[Load], Any] = {}

    def play(self, plan: Plan) -> Result:
        extent = self._extent(plan.load)
        count = max(1, round(plan.share * extent.get(plan.point, 0)))
        chance = random.Random(f"{plan.seed} {plan.number} load")  # noqa: S311
        load = plan.load(self.world, chance)

        def victim() -> None:
            if plan.victim == "process":
                load.kill_process()
            else:
                kill_server(self.world.server, whole=plan.victim == "server")

        killer = Killer(plan.point, count, victim)
        with self.world.fresh(f"torture_{plan.number}", load.template or TEMPLATE):
            try:
                load.killer = killer
                load.prepare()
                self.world.relay.begin(killer)
                with Wal(self.world.server.uri("postgres"), killer):
                    load.run()
                is_hit = killer.has_struck
                killer.strike()
                self.world.relay.begin(None)
                started = time.monotonic()
                if not is_alive(self.world.server.pid):
                    self.world.server.restart()
                elif plan.victim == "process":
                    self.world.end_sessions()
                result = Result(
                    plan, is_hit, len(load.journal.sent), len(load.journal.acknowledged), time.monotonic() - started
                )
                result.wrong = [f"as it came back: {line}" for line in load.wrong()]
                try:
                    load.settle()
                    result.wrong += [f"at the end: {line}" for line in load.wrong_at_end()]
                except AssertionError as error:
                    result.wrong.append(f"when it was sent again: {error}")
                result.wrong += _different(self._digests[plan.load], load.digest())
                if load.is_installed:
                    result.wrong += oracle.wrong_sums(self.world) + oracle.wrong_installation(self.world)
                return result
            finally:
                load.close()
                if not is_alive(self.world.server.pid):
                    self.world.server.restart()

    def _extent(self, kind: type[Load]) -> dict[str, int]:
        """Bytes said and written when nobody dies; the oracle has to be content with that, too."""
        if kind not in self._extents:
            load = kind(self.world, random.Random(0))  # noqa: S311
            with self.world.fresh("torture_rehearsal", load.template or TEMPLATE):
                try:
                    load.prepare()
                    self.world.relay.begin(None)
                    with Wal(self.world.server.uri("postgres"), None) as wal:
                        load.run()
                    self._extents[kind] = {**self.world.relay.counts, **load.counts(), "wal": wal.count}
                    wrong = load.wrong()
                    load.settle()
                    assert not (wrong := wrong + load.wrong_at_end()), wrong
                    self._digests[kind] = load.digest()
                finally:
                    load.close()
        return self._extents[kind]


def _different(wanted: Any, found: Any, where: str = "the end") -> list[str]:
    """Where two digests differ."""
    if isinstance(wanted, dict):
        return [line for key in wanted for line in _different(wanted[key], found[key], key)]
    if isinstance(wanted, list):
        missing = [row for row in wanted if row not in found]
        excess = [row for row in found if row not in wanted]
        return [f"{where}: {excess} instead of {missing}"] if wanted != found else []
    return [] if wanted == found else [f"{where}: {found} instead of {wanted}"]
