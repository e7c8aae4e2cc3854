"""What sources and devices deliver, in batches of 1000 rows, each a transaction of its own; then all of it again.

The yardstick is COPY of the very same rows into the same partitioned table, with its indexes, and for events into the
table of their keys: in the same batches and transactions, without looking at anything. It begins with empty tables.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.result import TIMES, Row, Target, number, rate

if TYPE_CHECKING:
    from bench.harness import Bench, Database

BATCH = 1000
_NAME = "ingest"
_FIRST_MILLISECOND = "select (extract(epoch from date_trunc('month', syncwell._now(), 'UTC')) * 1000)::bigint"
_TABLES = {
    "event": ("data_event_keys", "data_events", "event_hours"),
    "reading": ("session_records", "session_counts"),
}
_COPIED = {"event": ("data_event_keys", "data_events"), "reading": ("session_records",)}
_CALLS = {
    "event": "select syncwell.ingest_batch('event', %s, 'readings')",
    "reading": "select syncwell.ingest_batch('reading', %s, p_session => 'bench')",
}


@dataclass
class _Rows:
    """Readings every 100 ms from the beginning of the month, as events of a source or as records of a session."""

    database: Database
    kind: str
    count: int
    _copied: list[dict[str, bytes]] = field(default_factory=list)
    _is_sent: bool = False
    resent: int = 0

    def __post_init__(self) -> None:
        self.admin = self.database.connect()
        self.device = self.database.connect("bench_member")
        row = self.admin.execute(_FIRST_MILLISECOND).fetchone()
        assert row is not None
        first = int(row[0])
        self.batches = [
            json.dumps(
                [
                    {
                        **({"external_id": n} if self.kind == "event" else {}),
                        "occurred_at": first + 100 * n,
                        "written_at": first + 100 * n,
                        "spo2": 90 + n % 10,
                        "heart_rate": 60 + n % 40,
                    }
                    for n in range(begin, min(begin + BATCH, self.count))
                ]
            )
            for begin in range(0, self.count, BATCH)
        ]
        self.send()
        self._copied = [{} for _ in self.batches]
        for table in _COPIED[self.kind]:
            with self.admin.cursor().copy(f"copy (select * from syncwell.{table}) to stdout") as copy:
                lines = b"".join(bytes(part) for part in copy).splitlines(keepends=True)
            for place, batch in enumerate(self._copied):
                batch[table] = b"".join(lines[place * BATCH : (place + 1) * BATCH])

    def copy(self) -> float:
        """Seconds of the yardstick."""
        self._empty()
        started = time.perf_counter()
        for batch in self._copied:
            with self.admin.transaction():
                for table, lines in batch.items():
                    with self.admin.cursor().copy(f"copy syncwell.{table} from stdin") as copy:
                        copy.write(lines)
        return time.perf_counter() - started

    def send(self) -> float:
        """Seconds that everything takes when nothing of it is known."""
        self._empty()
        started = time.perf_counter()
        if self._all() != self.count:
            raise RuntimeError("not every row was stored")
        self._is_sent = True
        return time.perf_counter() - started

    def resend(self) -> float:
        """Seconds that everything takes when all of it is known."""
        if not self._is_sent:
            self.send()
        started = time.perf_counter()
        self.resent += self._all()
        return time.perf_counter() - started

    def _empty(self) -> None:
        self._is_sent = False
        self.admin.execute("truncate " + ", ".join(f"syncwell.{table}" for table in _TABLES[self.kind]))

    def _all(self) -> int:
        stored = 0
        for batch in self.batches:
            row = self.device.execute(_CALLS[self.kind], [batch]).fetchone()
            assert row is not None
            stored += row[0]["inserted"]
        return stored


def run(bench: Bench) -> Iterator[Row]:
    """Events of a source, then readings of a session."""
    count = bench.scale.records[1]
    for kind, case in (("event", "events"), ("reading", "readings of a session")):
        with bench.database() as database:
            rows = _Rows(database, kind, count)
            rates = bench.timed({"copy": rows.copy, "new": rows.send, "resend": rows.resend})
            yield Row(
                _NAME,
                f"{number(count)} {case}, batches of {BATCH}",
                rates.ratio("new", "copy"),
                f"{TIMES} rate",
                Target(at_least=0.3),
                rate(rates.rate("new") * count),
                f"COPY {rate(rates.rate('copy') * count)}",
            )
            yield Row(
                _NAME,
                f"all {case} again, {number(rows.resent)} rows added",
                rates.ratio("resend", "new"),
                f"{TIMES} rate",
                Target(at_least=1),
                rate(rates.rate("resend") * count),
                f"{rate(rates.rate('new') * count)} the first time, COPY {rate(rates.rate('copy') * count)}",
            )
