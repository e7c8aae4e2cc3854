"""Recording a run: record_sync_start, then record_sync_complete, each a transaction of its own.

The yardstick is what one would write by hand, with as many round trips and commits: the first transaction inserts the
run into a bare copy of sync_events; the second ends it by primary key and inserts a row about it into a bare copy of
sync_state, in one statement. The copies are plain tables with the same columns, checks and indexes.

Last, the same runs where setting activity.log_runs is off: what their two entries in the activity log cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench import tables
from bench.harness import TENANT, Bench
from bench.load import Workload
from bench.result import TIMES, Row, rate

if TYPE_CHECKING:
    import psycopg

SOURCES = 100
_RECORD = """
select event_id, lease from syncwell.record_sync_start(:source) \\gset
select * from syncwell.record_sync_complete(
  p_event_id => :event_id, p_lease => :lease, p_items_processed => :items, p_items_created => :items
);
"""
_BARE = """
insert into bench.sync_events (org_id, id, stream_id, source, sync_type, started_at, lease)
values ('{org}', {uuid}(), '{stream}', :source, 'incremental', clock_timestamp(), gen_random_uuid())
returning id as event_id, stream_id \\gset
with ended as (
  update bench.sync_events as e
  set
    status = 'success', completed_at = clock_timestamp(), duration_ms = 1,
    items_processed = :items, items_created = :items
  where e.org_id = '{org}' and e.id = :event_id
  returning e.*
)
insert into bench.sync_state (
  org_id, stream_id, last_incremental_sync, last_successful_sync, last_status, last_run_at, last_duration_ms,
  health_check_at, recent_outcomes, total_runs, items_in_database
)
select
  org_id, id, completed_at, completed_at, status, completed_at, duration_ms, completed_at, b'1', 1, items_created
from ended;
"""


def run(bench: Bench) -> Iterator[Row]:
    """One worker, and eight at once on a hundred streams of the org."""
    with bench.database() as database:
        admin = database.connect()
        ids = tables.streams(admin, None, SOURCES)
        for name in ("sync_events", "sync_state"):
            tables.bare_copy(admin, name)
        # the state of a run refers to no stream there
        admin.execute("alter table bench.sync_state drop constraint sync_state_org_id_stream_id_fkey")
        tables.settle(admin)
        bare = _BARE.format(org=TENANT.org, stream=ids[0], uuid=_uuid_function(admin))
        for sessions in (1, 8):
            recorded, by_hand = (
                Workload(script, database.uri("bench_service"), sessions) for script in (SCRIPT, _script(bare))
            )
            rates = bench.in_turns({"recorded": recorded, "by hand": by_hand})
            yield Row(
                "recording a run",
                f"start and complete, {sessions} connection{'s' if sessions > 1 else ''}",
                rates.ratio("recorded", "by hand"),
                f"{TIMES} rate",
                None,
                rate(rates.rate("recorded")),
                f"{rate(rates.rate('by hand'))} two bare inserts and an update",
            )
        # on another platform, so that it is one setting
        admin.execute(
            "select syncwell.set_setting('activity.log_runs', 'off', p_platform => 'web', p_org_id => %s)", [TENANT.org]
        )
        quiet = SCRIPT.replace("record_sync_start(", "record_sync_start(p_platform => 'web', p_source => ")
        uri = database.uri("bench_service")
        rates = bench.in_turns({"logged": Workload(SCRIPT, uri), "not": Workload(quiet, uri)})
        yield Row(
            "recording a run",
            "with its entries in the activity log, without",
            rates.ratio("logged", "not"),
            f"{TIMES} rate",
            None,
            rate(rates.rate("logged")),
            f"{rate(rates.rate('not'))} with activity.log_runs off",
        )


def _script(text: str) -> str:
    variables = f"\\set n random(0, {SOURCES - 1})\n\\set items random(1, 1000)\n"
    return variables + text.strip().replace(":source", "'source-' || :n") + "\n"


SCRIPT = _script(_RECORD)


def _uuid_function(connection: psycopg.Connection[tuple[object, ...]]) -> str:
    row = connection.execute("select to_regproc('pg_catalog.uuidv7') is not null").fetchone()
    return "uuidv7" if row and row[0] else "gen_random_uuid"
