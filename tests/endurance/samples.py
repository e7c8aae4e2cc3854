"""What is looked at, and when it counts as flat."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

Sample = dict[str, float]

# tables whose rows are not history: as many at the end of an hour as after its first minutes
FLAT = ("sync_queue", "sync_state", "stream_states", "sync_devices", "record_changes", "maintenance_duties")
# tables that are updated all the time, which must not touch an index
HOT = ("sync_progress", "sync_state", "sync_devices")
_TABLES = """
select c.relname, pg_total_relation_size(c.oid), s.n_dead_tup, s.n_live_tup, s.n_tup_upd, s.n_tup_hot_upd
from pg_class as c join pg_stat_user_tables as s on s.relid = c.oid
where c.relnamespace = 'syncwell'::regnamespace and c.relname = any(%s)
"""
_BACKENDS = """
select pid from pg_stat_activity where datname = current_database() and application_name = any(%s)
"""
_SHARE = 0.15
_PEAK = 1.25
_KIB = 1024
# a table of a few pages doubles by one page more; a heap of malloc grows by its chunks
_ROOM = {"table": 512 * _KIB, "memory": 8 * _KIB * _KIB}


def taken(session: psycopg.Connection[Any], processes: dict[str, int], minute: float) -> Sample:
    """One look: bytes, shares, counts."""
    sample: Sample = {"minute": minute}
    for name, size, dead, live, updated, hot in session.execute(_TABLES, [list({*FLAT, *HOT})]).fetchall():
        sample[f"table {name}"] = size
        sample[f"dead {name}"] = dead
        sample[f"live {name}"] = live
        if name in HOT and updated:
            sample[f"hot {name}"] = hot / updated
    for records, pages, size in session.execute("select wal_records, wal_fpi, wal_bytes from pg_stat_wal").fetchall():
        sample |= {"records": records, "pages": pages, "wal": float(size)}
    for name, pid in processes.items():
        sample[f"memory {name}"] = _anonymous(pid)
    backends = session.execute(_BACKENDS, [["syncwell serve"]]).fetchall()
    if backends:
        sample["memory backends"] = sum(_anonymous(pid) for (pid,) in backends) / len(backends)
    return sample


def _anonymous(pid: int) -> float:
    """Bytes of its own: shared buffers are nobody's growth."""
    text = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in text.splitlines() if line.startswith("RssAnon"))
    return float(line.split()[1]) * _KIB


def growth(samples: list[Sample], name: str) -> tuple[float, float]:
    """By how much it rises from the end of the warm-up to the end, along the line through it; and its mean."""
    settled = [sample for sample in samples[len(samples) // 3 :] if name in sample]
    times = [sample["minute"] for sample in settled]
    values = [sample[name] for sample in settled]
    middle, mean = sum(times) / len(times), sum(values) / len(values)
    spread = sum((time - middle) ** 2 for time in times)
    if not spread:
        return 0.0, mean
    slope = sum((time - middle) * (value - mean) for time, value in zip(times, values, strict=True)) / spread
    return slope * (times[-1] - times[0]), mean


def verdicts(samples: list[Sample]) -> list[tuple[str, str, bool]]:
    """(what, figures, whether it is well)."""
    made = []
    for name in sorted({name for sample in samples for name in sample}):
        kind = name.partition(" ")[0]
        if kind in _ROOM and (kind != "table" or name.partition(" ")[2] in FLAT):
            rise, mean = growth(samples, name)
            well = rise <= max(_SHARE * mean, _ROOM[kind])
            made.append((name, f"{mean / _KIB:.0f} KiB, {rise / _KIB:+.0f} KiB", well))
        elif kind == "hot":
            made.append((name, f"{samples[-1][name]:.1%}", samples[-1][name] >= 0.9))
        elif kind == "dead":
            # as many as were left since autovacuum came by: none or all of an interval's, so the most is what counts
            first, second = (max(part) for part in after_warm_up([sample[name] for sample in samples]))
            made.append((name, f"at most {first:.0f} rows, then {second:.0f}", second <= max(_PEAK * first, 2000)))
    # As much is written in the second half as in the first. Bytes depend on checkpoints too, after which whole pages
    # are written: they are told, records are judged.
    first, second = halves(samples, "records")
    told = [
        f"{before:.0f}, then {after:.0f} {unit}"
        for name, unit in (("records", "records"), ("pages", "whole pages"), ("wal", "bytes"))
        for before, after in [halves(samples, name)]
    ]
    made.append(("wal a look", "; ".join(told), second <= (1 + _SHARE) * first))
    return made


def halves(samples: list[Sample], name: str) -> tuple[float, float]:
    """What was added from look to look after the warm-up, in the first half of the time and in the second."""
    first, second = after_warm_up([after[name] - before[name] for before, after in pairwise(samples)])
    return sum(first) / len(first), sum(second) / len(second)


def after_warm_up(values: list[float]) -> tuple[list[float], list[float]]:
    """The values without their first third, in two halves; one and the same where there are too few."""
    settled = values[len(values) // 3 :]
    half = len(settled) // 2
    return settled[:half] or settled, settled[half:]
