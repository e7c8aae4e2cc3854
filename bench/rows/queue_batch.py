"""A device that comes online with a batch of operations, and what is left of the queue's table after very many.

The yardstick of the batch is one INSERT … SELECT from the same JSON into a bare table with the queue's columns that it
fills and no index but its key. The long run sends, claims and completes a thousand at a time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bench.harness import ASYNCHRONOUS, TENANT, Bench, Database
from bench.load import Workload
from bench.result import TIMES, Row, Target, duration, number

if TYPE_CHECKING:
    import psycopg

_SESSIONS = 2
_AT_ONCE = 1_000
_VACUUMS = 10
_CALL = "select count(*) from syncwell.enqueue_operations(%s)"
_INSERT = """
insert into bench.operations (operation_type, payload)
select o.operation_type, o.payload from json_to_recordset(%s) as o (operation_type text, payload jsonb)
"""
_TABLE = f"""
create schema if not exists bench;
create table bench.operations (
  org_id uuid not null default '{TENANT.org}', id uuid not null default gen_random_uuid(), operation_type text not null,
  payload jsonb not null, status text not null default 'pending', run_at timestamptz not null default now(),
  primary key (org_id, id)
);
grant usage on schema bench to public;
grant all on bench.operations to public;
"""


def run(bench: Bench) -> Iterator[Row]:
    """A batch beside its yardstick, then the table after a long run."""
    with bench.database() as database:
        admin = database.connect()
        admin.execute(_TABLE)
        service = database.connect("bench_service")
        size = bench.scale.batch
        text = json.dumps([{"operation_type": "send", "payload": {"n": n}} for n in range(size)])

        def timed(statement: str) -> float:
            # none of them is known already
            admin.execute("truncate syncwell.sync_queue, bench.operations")
            return _timed(service, statement, text)

        rates = bench.timed({"queue": lambda: timed(_CALL), "bare": lambda: timed(_INSERT)})
        yield Row(
            "queue, batch",
            f"enqueue_operations() of {number(size)}",
            rates.cost("queue", "bare"),
            f"{TIMES} time",
            None,
            duration(rates.seconds("queue")),
            f"{duration(rates.seconds('bare'))} INSERT into a bare table",
        )
        admin.execute("truncate syncwell.sync_queue")
        yield _long_run(bench, database)


def _long_run(bench: Bench, database: Database) -> Row:
    admin = database.connect()
    size = min(_AT_ONCE, bench.scale.batch)
    script = f"""
\\set n random(1, 1000000000)
select count(*) as sent from syncwell.enqueue_operations(
  (
    select json_agg(json_build_object('operation_type', 'send', 'payload', json_build_object('n', :n::integer, 'i', i)))
    from generate_series(1, {size}) as i
  )
) \\gset
select
  coalesce(array_agg(operation_id), '{{}}') as ids,
  coalesce(min(lease_token::text), gen_random_uuid()::text) as token
from syncwell.claim_operations({size}) \\gset
select from syncwell.complete_operations(:ids::uuid[], :token::uuid);
"""
    workload = Workload(script.strip() + "\n", database.uri("bench_service", ASYNCHRONOUS), _SESSIONS)
    # vacuumed now and then, as a server's autovacuum would, which is not left to chance here
    sizes = []
    for _ in range(_VACUUMS):
        bench.rate(workload, calls=max(bench.scale.updates // size // _VACUUMS, _SESSIONS))
        admin.execute("vacuum syncwell.sync_queue")
        sizes.append(_size(admin))
    row = admin.execute("select count(*) from syncwell.sync_queue_archive").fetchone()
    assert row is not None
    return Row(
        "queue, size",
        f"table and indexes after {number(row[0])} operations",
        sizes[-1] / sizes[0],
        f"{TIMES} size",
        Target(at_most=2),
        f"{number(sizes[-1] / 1024)} kB",
        f"{number(sizes[0] / 1024)} kB after the first tenth",
    )


def _timed(connection: psycopg.Connection[Any], statement: str, text: str) -> float:
    started = time.perf_counter()
    connection.execute(statement.encode(), [text])
    return time.perf_counter() - started


def _size(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select pg_total_relation_size('syncwell.sync_queue')").fetchone()
    assert row is not None
    return int(row[0])
