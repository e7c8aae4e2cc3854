"""Writes what the fleet did: weeks at once in bulk, the last days run by run at the time of each.

It moves the clock of its own connection, which only the owner of the schema can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from syncwell.cli.demo.people import Device, Stream
from syncwell.cli.demo.weeks import Run
from syncwell.cli.session import Row

_PREPARE = """
create temporary table enrolled (
  number integer primary key,
  org_id uuid not null,
  stream_id uuid not null,
  user_id uuid not null,
  source text not null,
  platform text not null,
  device_id text not null
);
create temporary table incoming (
  stream integer not null,
  started_at timestamptz not null,
  completed_at timestamptz not null,
  items bigint,
  bytes bigint,
  error_code text,
  error_message text,
  network_type text not null
);
create index on incoming (completed_at);
"""

# what recording leaves behind, written set by set
_LOAD = """
with kinds as (
  select
    k.error_code, k.error_message, k.http_status, c.error_type, c.class,
    syncwell._error_fingerprint(c.class, k.error_code, k.http_status, k.error_message) as fingerprint
  from (
    select distinct i.error_code, i.error_message, syncwell._http_status(i.error_code) as http_status
    from incoming as i
    where i.error_code is not null
  ) as k
  cross join lateral syncwell.classify_sync_error(k.error_code, k.http_status, k.error_message) as c
),
ended as materialized (
  select
    i.*, s.org_id, s.stream_id, s.user_id, s.source, s.platform, s.device_id,
    syncwell._uuid7(i.started_at) as id,
    k.error_type, k.class, k.http_status, k.fingerprint,
    case when i.error_code is not null then syncwell._uuid7(i.completed_at) end as own_error_id,
    min(i.completed_at) filter (where i.error_code is null) over (
      partition by i.stream order by i.completed_at rows between current row and unbounded following
    ) as well_again_at
  from incoming as i
  join enrolled as s on s.number = i.stream
  left join kinds as k on k.error_code = i.error_code and k.error_message = i.error_message
  where i.completed_at <= %(until)s
),
gone as (
  delete from incoming as i where i.completed_at <= %(until)s
),
-- failures of one kind are one error until a run succeeds
told as (
  select
    e.*,
    first_value(e.own_error_id) over (
      partition by e.stream_id, e.fingerprint, e.well_again_at order by e.completed_at
    ) as error_id
  from ended as e
),
events as (
  insert into syncwell.sync_events (
    org_id, id, stream_id, user_id, source, direction, sync_type, status, started_at, completed_at, duration_ms,
    items_processed, items_created, items_updated, items_deleted, bytes, platform, device_id, network_type, lease,
    error_id, error_type, error_code, error_message
  )
  select
    t.org_id, t.id, t.stream_id, t.user_id, t.source, 'push', 'incremental',
    case when t.error_code is null then 'success' else 'failed' end,
    t.started_at, t.completed_at, round(extract(epoch from t.completed_at - t.started_at) * 1000),
    t.items, t.items, t.items * 0, t.items * 0, t.bytes, t.platform, t.device_id, t.network_type, gen_random_uuid(),
    t.error_id, t.error_type, t.error_code, t.error_message
  from told as t
  order by t.started_at
),
errors as (
  insert into syncwell.sync_errors (
    org_id, id, stream_id, user_id, source, event_id, fingerprint, error_type, error_class, error_code, http_status,
    error_message, reason, resolved_at, created_at, first_seen, last_seen, occurrences
  )
  select
    t.org_id, t.error_id, t.stream_id, t.user_id, t.source,
    (array_agg(t.id order by t.completed_at desc))[1], t.fingerprint, t.error_type, t.class, t.error_code,
    t.http_status, t.error_message, 'client', t.well_again_at, min(t.completed_at), min(t.completed_at),
    max(t.completed_at), count(*)
  from told as t
  where t.error_code is not null
  group by
    t.org_id, t.error_id, t.stream_id, t.user_id, t.source, t.fingerprint, t.error_type, t.class, t.error_code,
    t.http_status, t.error_message, t.well_again_at
),
outcomes as (
  select
    e.org_id, e.stream_id,
    count(*) as runs,
    sum(e.items) as items,
    max(e.completed_at) filter (where e.error_code is null) as last_success,
    max(e.completed_at) filter (where e.error_code is not null) as last_failure,
    (array_agg(e.completed_at - e.started_at order by e.completed_at desc))[1] as last_took,
    (array_agg(case when e.error_code is null then '1' else '0' end order by e.completed_at desc))[1:20] as newest
  from ended as e
  group by e.org_id, e.stream_id
)
update syncwell.sync_state as t
set
  last_incremental_sync = o.last_success,
  last_successful_sync = o.last_success,
  last_failed_sync = o.last_failure,
  last_status = case when o.newest[1] = '1' then 'success' else 'failed' end,
  last_run_at = greatest(o.last_success, o.last_failure),
  last_duration_ms = round(extract(epoch from o.last_took) * 1000),
  consecutive_failures = coalesce(array_position(o.newest, '1') - 1, cardinality(o.newest)),
  is_healthy = coalesce(array_position(o.newest, '1') - 1, cardinality(o.newest)) < 3,
  health_check_at = greatest(o.last_success, o.last_failure),
  recent_outcomes = reverse(array_to_string(o.newest, ''))::bit varying(20),
  total_runs = o.runs,
  items_in_database = o.items
from outcomes as o
where t.org_id = o.org_id and t.stream_id = o.stream_id
"""

# one call a run, as devices make them, each at its own time
_PLAY = """
create function pg_temp.play(p_until timestamptz) returns bigint
language plpgsql
as $$
declare
  v_run record;
  v_played bigint := 0;
begin
  for v_run in
    with gone as (
      delete from incoming as i where i.completed_at <= p_until returning i.*
    )
    select g.*, s.org_id, s.user_id, s.source, s.platform, s.device_id
    from gone as g
    join enrolled as s on s.number = g.stream
    order by g.completed_at, g.stream
  loop
    perform set_config('syncwell.fake_now', v_run.completed_at::text, false);
    perform syncwell._record_run(
      v_run.org_id, v_run.user_id, v_run.source, 'push', 'incremental', v_run.started_at,
      v_run.items, v_run.items * 0, v_run.items * 0, null, v_run.bytes,
      v_run.error_code, v_run.error_message, v_run.platform, v_run.device_id, v_run.network_type
    );
    v_played := v_played + 1;
  end loop;
  perform set_config('syncwell.fake_now', p_until::text, false);
  return v_played;
end
$$
"""


class Past:
    """A connection of the owner's, on which it is whatever time it is told."""

    def __init__(self, connection: psycopg.Connection[Any], org_id: UUID) -> None:
        self._connection = connection
        self._org_id = org_id
        self._begun: tuple[Any, ...] | None = None
        connection.execute(_PREPARE)
        connection.execute(_PLAY)

    def go_to(self, time: datetime | None) -> None:
        """Set the clock; None: to what it really is."""
        self._connection.execute(
            "select set_config('syncwell.fake_now', %s, false)", ["" if time is None else time.isoformat()]
        )

    def run(self, statement: LiteralString, parameters: Mapping[str, object] | Sequence[object] | None = None) -> None:
        """Run a statement."""
        self._connection.execute(statement, parameters)

    def rows(self, query: LiteralString) -> list[Row]:
        """The rows of a query."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query).fetchall()

    def number(self, query: LiteralString, parameters: Sequence[object] | None = None) -> int:
        """The one number that a query gives."""
        row = self._connection.execute(query, parameters).fetchone()
        return int(row[0]) if row else 0

    def enrol(self, devices: list[Device], expected_interval: timedelta | None = None) -> None:
        """Make users and streams of devices, at the present time of the clock."""
        with self._connection.transaction():
            users = {
                row[0]: row[1]
                for row in self._connection.execute(
                    "select d.number, syncwell.register_user(p_org_id => %s, p_display_name => d.owner)"
                    " from unnest(%s::integer[], %s::text[]) as d (number, owner)",
                    [self._org_id, [one.number for one in devices], [one.owner for one in devices]],
                )
            }
            streams = [(stream, device) for device in devices for stream in device.streams]
            self._connection.execute(
                """
                insert into enrolled
                select
                  s.number, %s,
                  syncwell.register_stream(
                    p_source => s.source, p_user_id => s.user_id, p_platform => s.platform, p_expected_interval => %s
                  ),
                  s.user_id, s.source, s.platform, s.device_id
                from unnest(%s::integer[], %s::text[], %s::uuid[], %s::text[], %s::text[])
                  as s (number, source, user_id, platform, device_id)
                """,
                [
                    self._org_id,
                    expected_interval,
                    [stream.number for stream, _ in streams],
                    [stream.source for stream, _ in streams],
                    [users[device.number] for _, device in streams],
                    [device.platform for _, device in streams],
                    [device.id for _, device in streams],
                ],
            )

    def remember(self, runs: Iterable[Run]) -> None:
        """Take runs to be written later."""
        with (
            self._connection.cursor() as cursor,
            cursor.copy(
                "copy incoming (stream, started_at, completed_at, items, bytes, error_code, error_message,"
                " network_type) from stdin"
            ) as copy,
        ):
            for run in runs:
                code, message = run.failure or (None, None)
                copy.write_row(
                    (run.stream, run.started_at, run.completed_at, run.items, run.bytes, code, message, run.network)
                )
        self._connection.execute("analyze incoming; analyze enrolled")

    def load(self, until: datetime) -> None:
        """Write all that ended until then, in one statement, with the states that it left the streams in."""
        self._connection.execute(_LOAD, {"until": until})

    def play(self, until: datetime) -> int:
        """Record one after the other what ended until then, each at its time; returns how many that were."""
        return self.number("select pg_temp.play(%s)", [until])

    def report(self, device: Device, stream: Stream, metrics: dict[str, object]) -> None:
        """What a device tells of itself, now."""
        self._connection.execute(
            """
            select syncwell.update_sync_health_metrics(p_user_id => s.user_id, p_source => s.source, p_metrics => %s)
            from enrolled as s where s.number = %s
            """,
            [Jsonb({"device_id": device.id, "platform": device.platform, **metrics}), stream.number],
        )

    def acknowledge(self, stream: Stream, note: str) -> None:
        """Somebody takes care of what is wrong with a stream."""
        self._connection.execute(
            """
            select syncwell.acknowledge_issue(i.id, %s)
            from enrolled as s
            join syncwell.sync_issues as i on i.org_id = s.org_id and i.stream_id = s.stream_id and i.state = 'open'
            where s.number = %s
            """,
            [note, stream.number],
        )

    def begin(self, device: Device, stream: Stream) -> None:
        """A run that begins now, and never ends."""
        self._begun = self._connection.execute(
            """
            select r.event_id, r.lease
            from enrolled as s
            cross join lateral syncwell.record_sync_start(
              p_source => s.source, p_user_id => s.user_id, p_platform => s.platform, p_device_id => %s
            ) as r
            where s.number = %s
            """,
            [device.id, stream.number],
        ).fetchone()

    def beat(self) -> None:
        """A sign of life of that run, now."""
        if self._begun is not None:
            self._connection.execute("select syncwell.record_sync_heartbeat(%s, %s)", self._begun)
