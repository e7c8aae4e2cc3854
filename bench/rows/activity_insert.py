"""Writing an entry of the activity log: log_sync_activity(), and the entries that runs and syncs leave by themselves.

The yardstick is a plain INSERT of the same values into a bare partitioned table with the same columns, partitions and
indexes: nobody looks who calls, whether the action is one, and whether the text holds secrets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench import tables
from bench.harness import TENANT, Bench
from bench.load import Workload
from bench.result import TIMES, Row, Target, rate

if TYPE_CHECKING:
    from typing import Any

    import psycopg

_VALUES = "\\set n random(1, 1000000000)\n\\set items random(1, 1000)\n"
_LOGGED = """
select syncwell.log_sync_activity(
  p_action => 'batch_process', p_sync_id => 'sync-' || :n, p_entity_type => 'order', p_record_count => :items,
  p_duration_seconds => 1.5
);
"""
_BARE = """
insert into bench.sync_activity_log (
  org_id, created_at, user_id, record_count, duration_seconds, sync_id, action, status, entity_type
)
values (
  '{org}', clock_timestamp(), '{user}', :items, 1.5, 'sync-' || :n, 'batch_process', 'completed', 'order'
)
returning id;
"""
# what triggers do: many entries in one statement
_MANY = """
insert into {schema}.sync_activity_log (org_id, created_at, user_id, record_count, sync_id, action, status)
select '{org}', clock_timestamp(), '{user}', n, 'sync-' || n, 'sync_complete', 'completed'
from generate_series(1, {batch}) as n;
"""


def run(bench: Bench) -> Iterator[Row]:
    """One caller and eight at once; a statement that writes many."""
    with bench.database() as database:
        admin = database.connect()
        _bare_partitioned(admin)
        tables.settle(admin)
        names = {"org": TENANT.org, "user": TENANT.member}
        for sessions in (1, 8):
            rates = bench.in_turns(
                {
                    "logged": Workload(_VALUES + _LOGGED, database.uri("bench_member"), sessions),
                    "bare": Workload(_VALUES + _BARE.format(**names), database.uri("bench_member"), sessions),
                }
            )
            yield Row(
                "activity log: an entry",
                f"log_sync_activity(), {sessions} connection{'s' if sessions > 1 else ''}",
                rates.ratio("logged", "bare"),
                f"{TIMES} rate",
                Target(at_least=0.7),
                rate(rates.rate("logged")),
                f"{rate(rates.rate('bare'))} INSERT into a bare partitioned table",
            )
        many = {
            schema: Workload(_MANY.format(schema=schema, batch=bench.scale.batch, **names), database.uri())
            for schema in ("syncwell", "bench")
        }
        rates = bench.in_turns(many, calls=bench.scale.questions)
        yield Row(
            "activity log: an entry",
            f"{bench.scale.batch} in one statement",
            rates.ratio("syncwell", "bench"),
            f"{TIMES} rate",
            Target(at_least=0.7),
            rate(bench.scale.batch * rates.rate("syncwell")),
            f"{rate(bench.scale.batch * rates.rate('bench'))} INSERT into a bare partitioned table",
        )


def _bare_partitioned(connection: psycopg.Connection[Any]) -> None:
    connection.execute("create schema bench")
    connection.execute("grant usage on schema bench to public")
    connection.execute(
        "create table bench.sync_activity_log (like syncwell.sync_activity_log including all)"
        " partition by range (created_at)"
    )
    for name, bounds in connection.execute(
        "select c.relname, pg_get_expr(c.relpartbound, c.oid) from pg_inherits as i join pg_class as c"
        " on c.oid = i.inhrelid where i.inhparent = 'syncwell.sync_activity_log'::regclass"
    ).fetchall():
        connection.execute(f"create table bench.{name} partition of bench.sync_activity_log {bounds}".encode())
    connection.execute("grant all on all tables in schema bench to public")
