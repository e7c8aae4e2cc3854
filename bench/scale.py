"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass

from bench.load import Amount


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of one run; what the rows mean by them stands in each row's docstring."""

    name: str
    rounds: int
    """How often each side is measured; medians are reported."""
    amount: Amount
    """How much of a workload one measurement is."""
    syncs: int
    updates: int
    """How many updates the table of progress must survive without growing."""
    events: tuple[int, int]
    finished: int
    active: int


# tiny is for the tests: it runs everything and measures nothing
SCALES = {
    scale.name: scale
    for scale in (
        Scale("tiny", 1, Amount(calls=16), 50, 1_500, (100, 300), 500, 50),
        Scale("small", 5, Amount(seconds=1), 1_000, 40_000, (1_000, 50_000), 20_000, 1_000),
        Scale("full", 7, Amount(seconds=4), 1_000, 1_100_000, (10_000, 1_000_000), 1_000_000, 1_000),
    )
}
