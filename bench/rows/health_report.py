"""What devices tell of their syncing: update_sync_health_metrics by one connection and by eight at once.

The yardstick is the upsert that one would write by hand into a bare copy of sync_health: the newest reported_at of a
device wins there as well, and nothing else is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench import tables
from bench.harness import TENANT
from bench.load import Workload
from bench.result import TIMES, Row, Target, rate

if TYPE_CHECKING:
    from bench.harness import Bench, Database

_VARIABLES = """
\\set n random(0, {last})
\\set device random(1, {devices})
\\set took random(1, 60000)
\\set records random(0, 1000)
\\set depth random(0, 3)
"""
_REPORT = """
select * from syncwell.update_sync_health_metrics(
  null, 'source-' || :n,
  jsonb_build_object(
    'device_id', 'device-' || :device, 'platform', 'android', 'network', 'wifi', 'sync_duration_ms', :took::bigint,
    'record_count', :records::bigint, 'error_count', 0, 'queue_depth', :depth::bigint, 'reported_at', clock_timestamp()
  )
);
"""
_BARE = """
insert into bench.sync_health as h (
  org_id, stream_id, device_id, user_id, source, platform, network, sync_duration_ms, record_count, error_count,
  queue_depth, reported_at, received_at
)
values (
  '{org}', ('{streams}'::uuid[])[1 + :n::integer], 'device-' || :device, '{user}', 'source-' || :n, 'android', 'wifi',
  :took, :records, 0, :depth, clock_timestamp(), clock_timestamp()
)
on conflict (org_id, stream_id, device_id) do update
set
  platform = excluded.platform, network = excluded.network, sync_duration_ms = excluded.sync_duration_ms,
  record_count = excluded.record_count, error_count = excluded.error_count, queue_depth = excluded.queue_depth,
  reported_at = excluded.reported_at, received_at = excluded.received_at
where excluded.reported_at > h.reported_at
returning stream_id, reported_at;
"""
_FIRST = """
select syncwell.update_sync_health_metrics(
  null, 'source-' || n, jsonb_build_object('device_id', 'device-' || device, 'queue_depth', 0)
)
from generate_series(0, %s - 1) as n
cross join generate_series(1, %s) as device
"""


def run(bench: Bench) -> Iterator[Row]:
    """A thousand devices, two to a stream; then fifty to a stream, which wait for each other there."""
    for streams, devices in ((500, 2), (20, 50)):
        with bench.database() as database:
            yield from _rows(bench, database, streams, devices)


def _rows(bench: Bench, database: Database, streams: int, devices: int) -> Iterator[Row]:
    admin = database.connect()
    ids = tables.streams(admin, TENANT.member, streams)
    tables.bare_copy(admin, "sync_health")
    # plans that are made while a table is empty go by all its rows, and stay
    database.connect("bench_member").execute(_FIRST.encode(), [streams, devices])
    admin.execute("insert into bench.sync_health select * from syncwell.sync_health")
    tables.settle(admin)
    bare = _BARE.format(org=TENANT.org, user=TENANT.member, streams="{" + ",".join(map(str, ids)) + "}")
    variables = _VARIABLES.lstrip().format(last=streams - 1, devices=devices)
    for sessions in (1, 8):
        rates = bench.in_turns(
            {
                name: Workload(variables + text.lstrip(), database.uri("bench_member"), sessions)
                for name, text in (("told", _REPORT), ("by hand", bare))
            }
        )
        yield Row(
            "update_sync_health_metrics",
            f"{sessions} connection{'s' if sessions > 1 else ''}, {streams} streams of {devices} devices",
            rates.ratio("told", "by hand"),
            f"{TIMES} rate",
            Target(at_least=0.5) if sessions > 1 and devices < streams else None,
            rate(rates.rate("told")),
            f"{rate(rates.rate('by hand'))} bare upserts",
        )
    row = admin.execute("select count(*), min(device_id) from syncwell.sync_health").fetchone()
    assert row is not None
    assert row[0] == streams * devices
    assert row[1].startswith("device-")
