"""Volume drift on real series with labelled anomalies; two methods in common use fail the same test."""

from __future__ import annotations

import csv
import math
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from harness import volumes
from harness.volumes import DATA, HOUR, LEARN, Org

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    import psycopg

    from harness import Database

HITS, EPISODES = 9, 0.5
SERIES = sorted(volumes.windows())
PLAIN, WEEKLY = 3.0, 4.0


def score(file: Path, alarms: Iterable[tuple[str, datetime]]) -> tuple[int, float]:
    """Windows hit, and false episodes a week, of all series together."""
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(("series", "hour"))
        writer.writerows((name, hour.isoformat()) for name, hour in alarms)
    done = subprocess.run(
        [sys.executable, str(DATA / "score.py"), str(file)], capture_output=True, text=True, check=True
    )
    words = done.stdout.split("\n")[-2].split()
    return int(words[2].split("/")[0]), float(words[-1])


def test_nine_of_ten_windows_at_half_a_false_episode_a_week(database: Database, tmp_path: Path) -> None:
    org = Org(database.connect(autocommit=True))
    ends = {}
    starts = set()
    for name in SERIES:
        first, counts = volumes.real(name)
        org.fill(org.stream(name), first, counts)
        ends[name] = first + len(counts) * HOUR
        starts.add(first)
    (first,) = starts
    org.execute("analyze syncwell.sync_metrics")
    alarms = [
        (name, time - HOUR)
        for time in org.over(first + LEARN * HOUR, max(ends.values()))
        for (name,) in org.rows("select source from syncwell.volume_baselines where finding is not null")
        if time <= ends[name]
    ]
    hits, episodes = score(tmp_path / "alarms.csv", alarms)
    assert hits >= HITS
    assert episodes <= EPISODES


def test_usual_methods_do_not_reach_that(tmp_path: Path) -> None:
    for found in (plain_z(), weekly_z()):
        hits, episodes = score(tmp_path / "alarms.csv", found)
        assert hits < HITS or episodes > EPISODES


def plain_z() -> list[tuple[str, datetime]]:
    """The hour against mean and deviation of all hours so far, itself among them."""
    found = []
    for name in SERIES:
        first, counts = volumes.real(name)
        for n in range(LEARN, len(counts)):
            past = counts[: n + 1]
            if abs(counts[n] - statistics.fmean(past)) > PLAIN * statistics.pstdev(past):
                found.append((name, first + n * HOUR))
    return found


def weekly_z() -> list[tuple[str, datetime]]:
    """Windows of 1, 6 and 24 hours against the mean hour of the week, in units of their pooled deviation."""
    found = []
    for name in SERIES:
        first, counts = volumes.real(name)
        for start in range(LEARN, len(counts), 24):
            low, end = max(0, start - 1344), min(start + 24, len(counts))
            slots: list[list[float]] = [[] for _ in range(168)]
            for n in range(low, start):
                slots[n % 168].append(counts[n])
            expected = [statistics.fmean(sorted(s)[1:-1] or s) for s in slots]
            alarms = set()
            for hours, effect in ((1, 50), (6, 30), (24, 20)):
                came = _sums(counts[low:end], hours)
                usual = _sums([expected[n % 168] for n in range(low, end)], hours)
                off = [_scale(a) - _scale(e) for a, e in zip(came, usual, strict=True)]
                known = off[hours : start - low]
                middle = statistics.median(known)
                unit = max(1.0, 1.4826 * statistics.median(abs(one - middle) for one in known))
                alarms |= {
                    low + n
                    for n in range(start - low, end - low)
                    if abs(off[n]) > WEEKLY * unit and abs(came[n] - usual[n]) >= effect / 100 * max(usual[n], 1e-9)
                }
            found += [(name, first + n * HOUR) for n in sorted(alarms)]
    return found


def _sums(values: list[float], hours: int) -> list[float]:
    return [sum(values[max(0, n - hours + 1) : n + 1]) for n in range(len(values))]


def _scale(volume: float) -> float:
    return 20 * math.asinh(0.1 * math.sqrt(volume + 0.375))


def test_a_stop_is_found_within_three_hours(db: psycopg.Connection[Any]) -> None:
    """On each series, at any hour after which 15 events were to come in three hours."""
    tried = 0
    for name in SERIES:
        first, counts = volumes.real(name)
        for learned in range(3 * 168, len(counts) - 24, 149):
            if sum(counts[learned - 168 : learned - 165]) < 15 or sum(counts[learned : learned + 3]) < 15:
                continue
            stopped = [*counts[:learned], 0.0, 0.0, 0.0]
            found = volumes.found(db, stopped[max(0, learned - 1344) :], min(learned, 1344), _from(first, learned))
            assert {"gap", "drop"} & set(found), (name, learned)
            tried += 1
    assert tried > 15


def test_a_loss_of_most_is_found_within_a_day(db: psycopg.Connection[Any]) -> None:
    """Four fifths of 50 events an hour always; of a half what these series let be told from their own quiet days."""
    found: dict[float, list[bool]] = {0.5: [], 0.2: []}
    for name in SERIES:
        first, counts = volumes.real(name)
        for learned in range(4 * 168, len(counts) - 24, 101):
            if sum(counts[learned : learned + 24]) < 50 * 24:
                continue
            for share, results in found.items():
                lost = [*counts[:learned], *(float(round(one * share)) for one in counts[learned : learned + 24])]
                findings = volumes.found(db, lost[max(0, learned - 1344) :], min(learned, 1344), _from(first, learned))
                results.append(bool({"gap", "drop"} & set(findings)))
    assert len(found[0.2]) > 12
    assert statistics.fmean(found[0.2]) >= 0.9
    assert statistics.fmean(found[0.5]) >= 0.4


def _from(first: datetime, learned: int) -> datetime:
    return first + max(0, learned - 1344) * HOUR
