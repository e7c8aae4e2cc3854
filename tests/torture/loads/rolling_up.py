"""Runs that are recorded while others roll them up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torture.loads.base import Load

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

RECORDERS = 3
RUNS = 25
SOURCES = ("calls", "mail")
_START = "select event_id, lease from syncwell.record_sync_start(%s, p_run_key => %s)"
_COMPLETE = "select changed from syncwell.record_sync_complete(%s, %s, p_items_processed => %s)"
_FAIL = (
    "select status from (select 'failed' as status from syncwell.record_sync_error(%s, %s, 'down', 'ECONNRESET')) as e"
)
_FOUND = """
select k.run_key, e.status, e.items_processed from syncwell.sync_run_keys as k
join syncwell.sync_events as e on e.org_id = k.org_id and e.id = k.event_id
"""


class RollingUp(Load):
    """A run is started and ended under its own key; whoever is not answered does both again."""

    name = "rollup"

    def run(self) -> None:
        self._ended = 0
        self.together(*(self._recorder(number) for number in range(RECORDERS)), self._refresh)

    def _recorder(self, number: int) -> Callable[[], None]:
        def record() -> None:
            try:
                with self.world.connect("a_service") as session:
                    for run in range(RUNS):
                        key = f"{number}-{run}"
                        self.journal.send(key, run)
                        self._record(session, key, run)
                        self.journal.acknowledge(key)
            finally:
                self._ended += 1

        return record

    @staticmethod
    def _record(session: psycopg.Connection[Any], key: str, run: int) -> None:
        started = session.execute(_START, [SOURCES[run % len(SOURCES)], key]).fetchone()
        assert started is not None
        if run % 5 == 4:
            session.execute(_FAIL, started)
        else:
            session.execute(_COMPLETE, [*started, run])

    def _refresh(self) -> None:
        with self.world.connect("operator") as session:
            while self._ended < RECORDERS:
                session.execute("select syncwell.refresh_sync_metrics(1)")

    def wrong(self) -> list[str]:
        rows = self.world.ask(_FOUND)
        found = {key: (status, items) for key, status, items in rows}
        wrong = [f"{key} is there {count} times" for key, count in _more_than_once(rows).items()]
        for key, run in self.journal.sent.items():
            whole = ("failed", None) if run % 5 == 4 else ("success", run)
            if key in self.journal.acknowledged:
                allowed: list[Any] = [whole]
            else:
                allowed = [None, ("started", None), whole]
            if found.get(key) not in allowed:
                wrong.append(f"{key} is {found.get(key)}, and not {allowed}")
        return wrong

    def settle(self) -> None:
        with self.world.connect("a_service") as session:
            for key, run in self.journal.open.items():
                self._record(session, key, run)
                self.journal.acknowledge(key)
            for key, run in list(self.journal.sent.items())[-3:]:
                self._record(session, key, run)

    def wrong_at_end(self) -> list[str]:
        (runs,) = self.world.ask("select count(*) from syncwell.sync_events")
        wrong = self.wrong()
        if runs != len(self.journal.sent):
            wrong.append(f"{runs} runs are there, {len(self.journal.sent)} were")
        return wrong


def _more_than_once(rows: list[Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row[0]] = counts.get(row[0], 0) + 1
    return {key: count for key, count in counts.items() if count > 1}
