"""The endurance run in short: everybody works, nothing fails, what is looked at is there; and growth is noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from endurance import chart
from endurance.playing import play
from endurance.samples import FLAT, HOT, growth, verdicts

if TYPE_CHECKING:
    from pathlib import Path

    from endurance.samples import Sample


def test_all_work_and_all_is_looked_at(tmp_path: Path) -> None:
    samples, done, failures = play(3, 4)
    assert failures == []
    assert set(done) == {"pushes", "batches", "enqueued", "reports", "runs", "maintained"}
    wanted = {f"table {name}" for name in {*FLAT, *HOT}} | {
        f"memory {name}" for name in ("serve", "worker", "backends")
    }
    assert wanted | {"records", "pages", "wal"} <= set(samples[-1])
    assert {name for name, _, _ in verdicts(samples)} >= {f"hot {name}" for name in HOT} | {"wal a look"}
    chart.written(samples, tmp_path / "chart.svg")
    assert (tmp_path / "chart.svg").read_text().startswith("<svg")


def _made(rise: float) -> list[Sample]:
    return [
        {
            "minute": minute,
            "memory serve": 60e6 + rise * minute,
            "table sync_queue": 2e6 + rise * minute,
            "records": 1e4 * minute + (rise * minute**2 / 1e4 if rise > 1e5 else 0),
            "pages": 10 * minute,
            "dead sync_queue": (3000 if minute % 7 == 6 or minute > 50 else 100) + rise * minute / 1e4,
            "wal": 1e6 * minute,
        }
        for minute in range(60)
    ]


def test_what_is_flat_is_well_and_a_leak_is_not() -> None:
    assert all(well for _, _, well in verdicts(_made(1e3)))
    wrong = [name for name, _, well in verdicts(_made(1e6)) if not well]
    assert wrong == ["dead sync_queue", "memory serve", "table sync_queue", "wal a look"]
    rise, mean = growth(_made(1e6), "memory serve")
    assert (round(rise), round(mean)) == (39_000_000, 99_500_000)
