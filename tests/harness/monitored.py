"""An org whose syncs are monitored, on a clock that only the test moves.

One session does it all, as a gateway that acts for the users of org a and for its service. It is in a transaction that
nobody commits: `again()` starts anew with the empty database.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping

    from harness import Database, Tenants

SNAPSHOT = """
select jsonb_object_agg(t.name, t.rows) as snapshot
from (
  select 'states' as name, jsonb_agg(to_jsonb(r) order by r.stream_id) as rows from syncwell.stream_states as r
  union all
  select 'periods', jsonb_agg(to_jsonb(r) order by r.stream_id, r.starts_at) from syncwell.stream_periods as r
  union all
  select 'issues', jsonb_agg(to_jsonb(r) order by r.id) from syncwell.sync_issues as r
  union all
  select 'alerts', jsonb_agg(to_jsonb(r) order by r.id) from syncwell.alert_outbox as r
  union all
  select 'evaluations', jsonb_agg(to_jsonb(r)) from syncwell.health_evaluations as r
  union all
  select 'blind', jsonb_agg(to_jsonb(r) order by r.starts_at) from syncwell.blind_periods as r
) as t
"""


class Monitored:
    """Org a of the fixtures at `now`."""

    def __init__(self, database: Database, tenants: Tenants, start: str = "2026-03-10 08:00+00") -> None:
        self.connection = database.connect(row_factory=dict_row)
        self.org = tenants.org("a")
        self._ids = tenants.id
        self._start = datetime.fromisoformat(start).astimezone(UTC)
        self.again()

    def again(self) -> None:
        """As if nothing had been."""
        self.connection.rollback()
        self.one("select syncwell.bind_login(session_user, 'gateway')")
        self.move_to(self._start)

    def move_to(self, when: datetime | str) -> None:
        """Set the clock."""
        self.now = datetime.fromisoformat(when).astimezone(UTC) if isinstance(when, str) else when
        self.connection.execute("select set_config('syncwell.fake_now', %s, true)", [self.now.isoformat()])

    def wait(self, **amount: float) -> None:
        """Move the clock on, as timedelta() takes it."""
        self.move_to(self.now + timedelta(**amount))

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Ask as the owner."""
        return self.connection.execute(query.encode(), values or None).fetchall()

    def one(self, query: str, *values: Any) -> Any:
        """The first column of the only row."""
        (row,) = self.rows(query, *values)
        return next(iter(row.values()))

    def act(self, who: str | None) -> None:
        """From now on a user calls, or None: the org's service."""
        if who is None:
            self.one("select syncwell.act_as_org(%s)", self.org)
        else:
            self.one("select syncwell.act_as(%s)", self._ids(who))

    def call(self, function: str, who: str | None = None, **arguments: Any) -> list[dict[str, Any]]:
        """Call a function of syncwell for somebody; its rows."""
        self.act(who)
        given = ", ".join(f"{name} => %s" for name in arguments)
        values = [Jsonb(value) if isinstance(value, dict) else value for value in arguments.values()]
        return self.rows(f"select * from syncwell.{function}({given})", *values)

    def call_view(self, view: str, who: str | None = None) -> list[dict[str, Any]]:
        """All that somebody sees of a view; the session itself is under no policy."""
        self.act(who)
        return self.rows(f"select * from syncwell.{view} where org_id = %s", self.org)

    def register(self, source: str, who: str | None = None, **arguments: Any) -> uuid.UUID:
        """Declare a stream."""
        (row,) = self.call("register_stream", who, p_source=source, **arguments)
        found: uuid.UUID = row["register_stream"]
        return found

    def run(
        self,
        source: str,
        outcome: str = "success",
        who: str | None = None,
        *,
        seconds: float = 0,
        items: int | None = None,
    ) -> uuid.UUID:
        """A run that ends now: success, partial, failed, cancelled; or `started`, which does not end."""
        ends = self.now
        self.move_to(ends - timedelta(seconds=seconds))
        (run,) = self.call("record_sync_start", who, p_source=source)
        self.move_to(ends)
        event, lease = run["event_id"], run["lease"]
        if outcome == "failed":
            self.call("record_sync_error", who, p_event_id=event, p_lease=lease, p_message="no answer")
        elif outcome == "cancelled":
            self.call("cancel_sync_run", who, p_event_id=event)
        elif outcome != "started":
            failed = 1 if outcome == "partial" else None
            self.call(
                "record_sync_complete", who, p_event_id=event, p_lease=lease, p_items_processed=items,
                p_items_failed=failed,
            )  # fmt: skip
        found: uuid.UUID = event
        return found

    def evaluate(self) -> Mapping[str, Any]:
        """A tick by the org's service; what it did."""
        (row,) = self.call("evaluate_health")
        return row

    def evaluate_every(self, minutes: float, until: datetime | str) -> None:
        """Ticks, the last at `until`."""
        end = datetime.fromisoformat(until).astimezone(UTC) if isinstance(until, str) else until
        while self.now + timedelta(minutes=minutes) < end:
            self.wait(minutes=minutes)
            self.evaluate()
        self.move_to(end)
        self.evaluate()

    def issues(self, *, everything: bool = False) -> list[dict[str, Any]]:
        """What is open, or ever was."""
        condition = "" if everything else "where state <> 'resolved'"
        return self.rows(f"select * from syncwell.sync_issues {condition} order by id")

    def found(self) -> list[tuple[str, str, str]]:
        """Type, severity and source of what detect_sync_issues() tells the service."""
        rows = self.call("detect_sync_issues")
        return sorted((row["issue_type"], row["severity"], row["source"]) for row in rows)

    def statuses(self) -> dict[str, str]:
        """Status of each source as get_sync_health_status() tells the service."""
        return {row["source"]: row["status"] for row in self.call("get_sync_health_status") if row["source"]}

    def alerts(self) -> list[tuple[str, str]]:
        """Status and issue type of all alerts, in their order."""
        rows = self.rows("select status, labels ->> 'alertname' as name from syncwell.alert_outbox order by id")
        return [(row["status"], row["name"]) for row in rows]

    def snapshot(self) -> Any:
        """Everything that evaluations keep."""
        return self.one(SNAPSHOT)
