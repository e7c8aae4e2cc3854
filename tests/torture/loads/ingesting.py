"""Batches of events and of readings, by SQL and over HTTP."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from torture.loads.base import Load, whole_or_absent
from torture.loads.web import POINTS, VICTIMS, Web

Tell = Callable[[dict[str, Any]], dict[str, Any]]

SENDERS = ("a_member", "a_member", "a_other")
BATCHES = 10
_BATCH = """
select syncwell.ingest_batch(
  %(kind)s, %(rows)s::json, p_source => %(source)s, p_session => %(session)s, p_device_id => %(device)s
)
"""
_EVENTS = """
select payload ->> 'batch', count(*) from syncwell.data_events where payload ? 'batch' group by 1
"""
_READINGS = """
select payload ->> 'batch', count(*) from syncwell.session_records where payload ? 'batch' group by 1
"""


class Ingesting(Load):
    """Each sender sends its batches one after the other; every third is of readings of a session."""

    name = "ingest"
    rows: ClassVar[int] = 60

    def run(self) -> None:
        self.together(*(self._sender(number) for number in range(len(SENDERS))))

    def _sender(self, sender: int) -> Callable[[], None]:
        start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)

        def send() -> None:
            with self.sending(SENDERS[sender]) as tell:
                for number in range(BATCHES):
                    key = f"{sender}-{number}"
                    work = _batch(key, sender, number, start, self.rows)
                    self.journal.send(key, (sender, work))
                    self.journal.acknowledge(key, tell(work))

        return send

    @contextlib.contextmanager
    def sending(self, login: str) -> Iterator[Tell]:
        """How to send a batch as this user."""
        yield from self.sender(login)

    def sender(self, login: str) -> Iterator[Tell]:
        with self.world.connect(login) as session:

            def tell(work: dict[str, Any]) -> dict[str, Any]:
                row = session.execute(_BATCH, {**work, "rows": json.dumps(work["rows"])}).fetchone()
                assert row is not None
                answer: dict[str, Any] = row[0]
                return answer

            yield tell

    def wrong(self) -> list[str]:
        found = dict(self.world.ask(_EVENTS) + self.world.ask(_READINGS))
        wrong = whole_or_absent(self.journal, found, lambda _: self.rows)
        for key, answer in self.journal.acknowledged.items():
            if answer["inserted"] + answer["duplicates"] != self.rows or answer["rejected"]:
                wrong.append(f"{key}: the answer was {answer}")
        return wrong

    def settle(self) -> None:
        for key, (sender, work) in self.journal.open.items():
            with self.sending(SENDERS[sender]) as tell:
                self.journal.acknowledge(key, tell(work))
        # somebody did not get the answer of all those that are there, and sends them once more
        for key, (sender, work) in self.journal.sent.items():
            with self.sending(SENDERS[sender]) as tell:
                assert (answer := tell(work))["duplicates"] == self.rows, f"{key}: {answer}"


def _batch(key: str, sender: int, number: int, start: datetime, count: int) -> dict[str, Any]:
    is_of_session = number % 3 == 2
    rows = []
    for row in range(count):
        at = (start + timedelta(seconds=number * count + row)).isoformat()
        if is_of_session:
            rows.append({"occurred_at": at, "spo2": 90 + row % 10, "payload": {"batch": key}})
        else:
            rows.append({"occurred_at": at, "external_id": f"{key}-{row}", "payload": {"batch": key}})
    return {
        "kind": "reading" if is_of_session else "event",
        "rows": rows,
        "source": None if is_of_session else "calls",
        "session": f"session-{sender}" if is_of_session else None,
        "device": f"device-{sender}",
    }


class IngestingOverHttp(Ingesting):
    """The same by `syncwell serve`."""

    name = "ingest over HTTP"
    victims = VICTIMS
    points = POINTS

    def prepare(self) -> None:
        self.web = Web(self.world, self.killer)
        self.processes = [self.web.process]

    def sender(self, login: str) -> Iterator[Tell]:
        def tell(work: dict[str, Any]) -> dict[str, Any]:
            body = {"type": work["kind"], "data": work["rows"], "deviceId": work["device"]}
            body |= {"source": work["source"]} if work["source"] else {"sessionId": work["session"]}
            return self.web.ask("/sync/batch", login, body)

        yield tell

    def settle(self) -> None:
        if not self.web.is_alive:
            self.web.close()
            self.web = Web(self.world, None)
        self.web.is_patient = True
        super().settle()

    def counts(self) -> dict[str, int]:
        return dict(self.web.relay.counts)

    def close(self) -> None:
        self.web.close()
