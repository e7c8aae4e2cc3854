"""Health that is evaluated tick by tick on the fake clock, until the server dies in the middle of one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from harness.evaluating import Fleet
from torture.loads.base import Load

SOURCES = ("calls", "mail", "notes", "photos", "tasks")
DAY = str(datetime.now(UTC).date() + timedelta(days=20))  # later than any evaluation on the real clock
TICKS = 12
_STATES = """
select s.source, t.status, t.since from syncwell.stream_states as t join syncwell.streams as s using (org_id, stream_id)
order by 1
"""
_ISSUES = """
select issue_type, source, state, severity, muted_by, opened_at, times_opened, resolved_at, last_seen_at
from syncwell.sync_issues order by 1, 2, opened_at
"""
_PERIODS = "select source, starts_at, ends_at, status, overlay from syncwell.stream_periods order by source, starts_at"
_ALERTS = """
select labels ->> 'alertname', labels ->> 'source', status, severity, starts_at, ends_at
from syncwell.alert_outbox order by 1, 2, starts_at, id
"""


class Evaluating(Load):
    """Streams fail, fall silent and recover; what is found must be what an undisturbed evaluation finds."""

    name = "evaluate_health"

    def prepare(self) -> None:
        self._start = datetime.fromisoformat(f"{DAY} 08:00")
        with self.world.direct() as admin:
            admin.execute("create table public.ticks (number integer primary key)")
            fleet = Fleet(admin, DAY)
            fleet.tick("06:00")
            for source in SOURCES:
                fleet.register(source, "07:00", p_expected_interval="10 minutes")
                fleet.run(source, "07:50")
            fleet.tick("07:55")

    def run(self) -> None:
        self.together(self._ticks)

    def _ticks(self) -> None:
        with self.world.connect() as session:
            fleet = Fleet(session, DAY)
            for number in range(TICKS):
                self.journal.send(str(number), number)
                self._tick(fleet, number)
                self.journal.acknowledge(str(number))

    def _tick(self, fleet: Fleet, number: int) -> None:
        """Some runs and an evaluation, in one transaction with the note that it is done."""
        at = self._start + timedelta(minutes=10 * number)
        with fleet.connection.transaction():
            fleet.execute("insert into public.ticks values (%s)", number)
            for place, source in enumerate(SOURCES):
                if place < 2:
                    fleet.run(source, f"{at - timedelta(minutes=1):%H:%M}", "failed" if 2 < number < 7 else "success")
                elif place == 2 and number < 4:
                    fleet.run(source, f"{at - timedelta(minutes=1):%H:%M}")
            fleet.tick(f"{at:%H:%M}")

    def wrong(self) -> list[str]:
        there = set(self.world.ask("select number from public.ticks"))
        wrong = [
            f"tick {key} was acknowledged and is gone" for key in self.journal.acknowledged if int(key) not in there
        ]
        with self.world.direct() as admin:
            try:
                Fleet(admin, DAY).assert_sound()
            except AssertionError as error:
                wrong.append(str(error))
        return wrong

    def settle(self) -> None:
        there = set(self.world.ask("select number from public.ticks"))
        with self.world.direct() as admin:
            fleet = Fleet(admin, DAY)
            for number in sorted(set(range(TICKS)) - there):
                self.journal.send(str(number), number)
                self._tick(fleet, number)
                self.journal.acknowledge(str(number))

    def digest(self) -> Any:
        with self.world.direct() as admin:
            return {
                "states": admin.execute(_STATES).fetchall(),
                "issues": admin.execute(_ISSUES).fetchall(),
                "periods": admin.execute(_PERIODS).fetchall(),
                "alerts": admin.execute(_ALERTS).fetchall(),
            }
