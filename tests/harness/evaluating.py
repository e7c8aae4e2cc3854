"""A fleet on the fake clock: runs are recorded by the real functions, evaluate_health() is called at chosen times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

from psycopg.rows import dict_row

if TYPE_CHECKING:
    import psycopg

# Stretches of a stream lie end to end (but for the time that it was retired); one is open, of a live stream only.
BROKEN_PERIODS = """
with periods as (
  select p.*, s.retired_at, lag(p.ends_at) over w as before_ends_at, lead(p.starts_at) over w as next_starts_at
  from syncwell.stream_periods as p
  join syncwell.streams as s using (org_id, stream_id)
  window w as (partition by p.org_id, p.stream_id order by p.starts_at)
)
select count(*) from periods
where (next_starts_at is not null and ends_at is distinct from next_starts_at and source <> all(%s))
  or ends_at > next_starts_at
  or (next_starts_at is null and (ends_at is null) = (retired_at is not null))
"""
UNCOVERED = """
select count(*) from syncwell.streams as s
join syncwell.health_evaluations as e using (org_id)
where s.retired_at is null
  and not exists (
    select from syncwell.stream_periods as p
    where p.org_id = s.org_id and p.stream_id = s.stream_id and p.ends_at is null
  )
"""


class Fleet:
    """Streams of an org, by a session that is superuser and gateway at once; `day` is what times alone are of."""

    def __init__(self, connection: psycopg.Connection[Any], day: str = "2026-03-02") -> None:
        self.connection = connection
        self.day = day
        self.org, self.user = "a", "a_member"
        self.retired: set[str] = set()
        self.execute("select syncwell.bind_login(session_user, 'gateway')")

    def execute(self, query: LiteralString, *args: Any) -> psycopg.Cursor[Any]:
        return self.connection.execute(query, args)

    def rows(self, query: LiteralString, *args: Any) -> list[tuple[Any, ...]]:
        return self.execute(query, *args).fetchall()

    def value(self, query: LiteralString, *args: Any) -> Any:
        row = self.execute(query, *args).fetchone()
        return None if row is None else row[0]

    def time(self, at: str) -> str:
        """`12:00` is of the fleet's day, `2026-03-03 12:00` is itself; both in UTC."""
        return f"{at if '-' in at else f'{self.day} {at}'}+00"

    def at(self, at: str) -> None:
        with self.connection.transaction():
            self.execute("select set_config('syncwell.fake_now', %s, false)", self.time(at))

    def register(self, source: str, at: str, **declared: str) -> Any:
        names = "".join(f", {name} => %({name})s" for name in declared)
        with self.connection.transaction():
            self.execute("select test.at(%s, %s)", self.time(at), self.user)
            row = self.connection.execute(
                f"select syncwell.register_stream(%(source)s{names})".encode(), {"source": source, **declared}
            ).fetchone()
        assert row is not None
        return row[0]

    def run(self, source: str, at: str, outcome: str = "success", seconds: int = 1) -> None:
        with self.connection.transaction():
            self.execute("select test.at(%s, %s)", self.time(at), self.user)
            self.execute("select test.run(%s, %s, %s, %s)", source, self.time(at), outcome, seconds)

    def retire(self, source: str, at: str) -> None:
        with self.connection.transaction():
            self.execute("select test.at(%s, %s)", self.time(at), self.user)
            self.execute("select syncwell.unregister_stream(%s)", source)
        self.retired.add(source)

    def tick(self, at: str) -> dict[str, Any]:
        """What evaluate_health() says it did for the org."""
        self.at(at)
        with self.connection.cursor(row_factory=dict_row) as cursor, self.connection.transaction():
            rows = cursor.execute("select * from syncwell._evaluate_org(test.org(%s))", [self.org]).fetchall()
        return rows[0]

    def ticks(self, *times: str) -> None:
        for at in times:
            self.tick(at)

    def every(self, minutes: int, start: str, end: str) -> None:
        """A tick at start, then every so many minutes, the last at or before end."""
        times = self.rows(
            "select to_char(t at time zone 'UTC', 'YYYY-MM-DD HH24:MI') "
            "from generate_series(%s::timestamptz, %s::timestamptz, make_interval(mins => %s)) as t",
            self.time(start),
            self.time(end),
            minutes,
        )
        for (at,) in times:
            self.tick(at)

    def states(self) -> dict[str, str]:
        return dict(self.rows("select source, status from syncwell.stream_states order by source"))

    def issues(self, columns: LiteralString = "issue_type, severity, state, muted_by") -> list[tuple[Any, ...]]:
        return self.rows(
            "select " + columns + " from syncwell.sync_issues left join syncwell.streams using (org_id, stream_id)"
            " order by issue_type, streams.source, opened_at"
        )

    def periods(self, source: str) -> list[tuple[Any, ...]]:
        """(start, end, status, overlay), times as HH:MM of the clock in UTC."""
        return self.rows(
            "select to_char(starts_at at time zone 'UTC', 'HH24:MI'), to_char(ends_at at time zone 'UTC', 'HH24:MI'), "
            "status, overlay from syncwell.stream_periods where source = %s order by starts_at",
            source,
        )

    def alerts(self) -> list[tuple[Any, ...]]:
        """(type, status, told that it flaps) of all that was told, in order."""
        return self.rows(
            "select labels ->> 'alertname', status, annotations ? 'flapping' from syncwell.alert_outbox order by id"
        )

    def setting(self, key: str, value: str | None) -> None:
        with self.connection.transaction():
            self.execute(
                "select syncwell.set_setting(p_key => %s, p_value => %s, p_org_id => test.org('a'))", key, value
            )

    def assert_sound(self) -> None:
        assert self.value(BROKEN_PERIODS, list(self.retired)) == 0, "stretches overlap, or leave gaps"
        assert self.value(UNCOVERED) == 0, "a live stream has no stretch that lasts"
