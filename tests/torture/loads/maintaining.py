"""Maintenance of what is there now, in years to come: everything is rolled up, expires, is moved, dropped, made."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from torture.loads.base import Load

if TYPE_CHECKING:
    import psycopg

DAYS = (0, 1, 40, 200, 800)
# rows that tell when and how often maintenance ran, not what it left
_OWN = {"maintenance_runs", "maintenance_duties", "metric_totals"}
_TABLES = """
select c.relname from pg_class as c
where c.relnamespace = 'syncwell'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1
"""
_PARTITIONS = """
select p.relname, count(*) from pg_inherits as i join pg_class as p on p.oid = i.inhparent
where p.relnamespace = 'syncwell'::regnamespace and p.relkind = 'p' group by 1 order by 1
"""
# not its durations, which are never the same
_TOTALS = """
select metric, source, label, value from syncwell.metric_totals where metric not like '%duration%' order by 1, 2, 3
"""
_UNDONE = "select duty, state, error from syncwell.get_maintenance_report() where state <> 'done'"
_VERIFY = "select check_name, severity, subject, detail from syncwell.verify_install() where severity <> 'ok'"
_STEPS = (
    "select syncwell.record_sync_start('calls', p_run_key => %(key)s)",
    "select syncwell.enqueue_operation('send', jsonb_build_object('key', %(key)s::text))",
    "select syncwell.report_sync_progress(%(key)s, 5, 10)",
    "select syncwell.create_sync_error('calls', 'no ' || %(key)s)",
    "select syncwell.ingest_batch('event', %(rows)s::json, 'calls')",
)


class Maintaining(Load):
    """What is left after a killed maintenance has been called again is what an undisturbed one leaves."""

    name = "run_maintenance"
    is_installed = False

    def prepare(self) -> None:
        self._now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        rows = [
            {"external_id": str(n), "occurred_at": (self._now - timedelta(hours=n)).isoformat()} for n in range(1, 50)
        ]
        with self.world.direct("a_service") as service:
            for key in map(str, range(10)):
                for step in _STEPS:
                    service.execute(step.encode(), {"key": key, "rows": json.dumps(rows)})

    def run(self) -> None:
        self.together(self._maintain)

    def _maintain(self) -> None:
        with self.world.connect() as session:
            for days in DAYS:
                self.journal.send(str(days))
                self._call(session, days)
                self.journal.acknowledge(str(days))

    def _at(self, session: psycopg.Connection[Any], days: int) -> None:
        at = self._now + timedelta(days=days)
        session.execute("select set_config('syncwell.fake_now', %s, false)", [at.isoformat()])

    def _call(self, session: psycopg.Connection[Any], days: int) -> None:
        self._at(session, days)
        session.execute("call syncwell.run_maintenance(p_force => true)")

    def wrong(self) -> list[str]:
        runs = "select count(*) from syncwell.maintenance_duties where succeeded_at >= %s"
        (duties,) = self.world.ask("select count(*) from syncwell._duties()")
        wrong = []
        for days in map(int, self.journal.acknowledged):
            (done,) = self.world.ask(runs, self._now + timedelta(days=days))
            if done != duties:
                wrong.append(f"day {days} was acknowledged, and {done} of {duties} duties are done")
        return wrong

    def settle(self) -> None:
        with self.world.direct() as session:
            for days in DAYS:
                if str(days) not in self.journal.acknowledged:
                    self._call(session, days)
                    self.journal.send(str(days))
                    self.journal.acknowledge(str(days))

    def wrong_at_end(self) -> list[str]:
        with self.world.direct() as session:
            self._at(session, DAYS[-1])
            return [str(row) for query in (_UNDONE, _VERIFY) for row in session.execute(query).fetchall()]

    def digest(self) -> Any:
        tables = [table for table in self.world.ask(_TABLES) if table not in _OWN]
        counts = {table: self.world.ask(f"select count(*) from syncwell.{table}")[0] for table in tables}
        return {"rows": counts, "partitions": self.world.ask(_PARTITIONS), "totals": self.world.ask(_TOTALS)}
