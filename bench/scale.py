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
    events: tuple[int, ...]
    """Runs of a user, the fewest first; at most three."""
    finished: int
    active: int
    fleet: int
    """Users with a stream each."""
    records: tuple[int, ...]
    """Rows of the synced tables that deltas are pulled from, the smallest first."""
    first: int
    """Rows of a first pull."""
    push: int
    """Records of one push."""
    batch: int
    """Rows that one statement writes."""
    calls: int
    """Calls in one measurement of what changes tables by each call, or is not the same for long."""
    questions: int
    """Calls in one measurement of what takes milliseconds."""


# tiny is for the tests: it runs everything and measures nothing
SCALES = {
    scale.name: scale
    for scale in (
        Scale(
            "tiny", 1, Amount(calls=16), 50, 1_500, (100, 300), 500, 50,
            fleet=200, records=(1_200, 2_400), first=500, push=200, batch=50, calls=8, questions=2,
        ),
        Scale(
            "small", 5, Amount(calls=400), 1_000, 40_000, (1_000, 50_000), 20_000, 1_000,
            fleet=1_000, records=(10_000, 50_000), first=20_000, push=2_000, batch=1_000, calls=200,
            questions=10,
        ),
        Scale(
            "full", 5, Amount(seconds=4), 1_000, 1_100_000, (10_000, 1_000_000, 10_000_000), 1_000_000, 1_000,
            fleet=10_000, records=(10_000, 1_000_000, 10_000_000), first=1_000_000, push=10_000, batch=10_000,
            calls=4_000, questions=100,
        ),
    )
}  # fmt: skip
