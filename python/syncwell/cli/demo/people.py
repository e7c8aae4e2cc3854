"""Who carries the phones of the simulated fleet, and what goes wrong with some of them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from syncwell.core import Platform

Source = Literal["calls", "sms", "uploads"]

SEED = 4
LEAST_DEVICES = 40

_FIRST_NAMES = (
    "Ada", "Amir", "Bao", "Carla", "Chidi", "Dilan", "Ebba", "Emeka", "Farah", "Goran", "Hana", "Ines", "Ivo", "Jonas",
    "Kaito", "Leila", "Mara", "Nils", "Olga", "Priya", "Quentin", "Rosa", "Sami", "Tove", "Yusuf",
)  # fmt: skip
_LAST_NAMES = (
    "Abebe", "Berg", "Costa", "Duarte", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito", "Jansen", "Kaya", "Lindqvist",
    "Moreau", "Novak", "Okafor", "Petrov", "Quist", "Rossi", "Sato", "Tran",
)  # fmt: skip
SOURCES_OF: dict[Platform, tuple[Source, ...]] = {
    "android": ("calls", "sms", "uploads"),
    # it shows no app its SMS
    "ios": ("calls", "uploads"),
}
_MODELS: dict[Platform, tuple[str, ...]] = {
    "android": ("Pixel 8", "Pixel 7a", "Galaxy S23", "Galaxy A54", "Xperia 5", "Moto G84"),
    "ios": ("iPhone 15", "iPhone 14", "iPhone 13", "iPhone SE"),
}

Trouble = Literal["stopped", "flood", "never synced", "failing", "flaky", "slow", "backlog", "fast clock", "stuck"]
"""What happens to one device; half of all SMS of Android and an outage of uploads happen to all of them."""

BEGINS: dict[Trouble | Literal["half loss", "outage"], timedelta] = {
    "stopped": timedelta(hours=36),
    "flood": timedelta(hours=9),
    "never synced": timedelta(days=12),
    "failing": timedelta(hours=22),
    "flaky": timedelta(hours=45),
    "slow": timedelta(hours=30),
    "backlog": timedelta(hours=11),
    "fast clock": timedelta(hours=6),
    "stuck": timedelta(hours=2),
    "half loss": timedelta(hours=30),
    "outage": timedelta(hours=41),
}
"""How long before the end it begins."""

OUTAGE_LASTS = timedelta(minutes=100)

_TROUBLES: tuple[tuple[Trouble, Platform, Source | None], ...] = (
    ("stopped", "android", "calls"),
    ("flood", "android", "uploads"),
    ("never synced", "ios", None),
    ("failing", "android", "sms"),
    ("flaky", "android", "calls"),
    ("slow", "android", "uploads"),
    ("backlog", "ios", "uploads"),
    ("fast clock", "ios", "calls"),
    ("stuck", "android", "uploads"),
)


@dataclass(frozen=True, slots=True)
class Stream:
    """One source of one device."""

    number: int
    source: Source
    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class Device:
    """A phone and its owner."""

    number: int
    owner: str
    platform: Platform
    model: str
    streams: tuple[Stream, ...]

    @property
    def id(self) -> str:
        """The name that it gives itself."""
        return f"{self.model.lower().replace(' ', '-')}-{self.number:03}"


def fleet(devices: int) -> list[Device]:
    """So many phones, a third of them iOS. The same each time."""
    chance = random.Random(SEED)  # noqa: S311
    names = [f"{first} {last}" for first in _FIRST_NAMES for last in _LAST_NAMES]
    chance.shuffle(names)
    made: list[Device] = []
    number = 0
    open_troubles = list(_TROUBLES)
    for one in range(devices):
        platform: Platform = "ios" if one % 3 == 2 else "android"
        trouble = None
        # spread over the fleet, so that neither the first nor neighbours are the sick ones
        if one % 4 == 1:
            trouble = next((fault for fault in open_troubles if fault[1] == platform), None)
        if trouble is not None:
            open_troubles.remove(trouble)
        streams: list[Stream] = []
        for source in SOURCES_OF[platform]:
            hit = trouble is not None and trouble[2] in (None, source)
            streams.append(Stream(number, source, trouble[0] if trouble is not None and hit else None))
            number += 1
        model = chance.choice(_MODELS[platform])
        owner = names[one % len(names)]
        made.append(Device(one + 1, owner, platform, model, tuple(streams)))
    return made
