"""The queue's three round trips: send an operation, claim one, complete it; each a transaction of its own.

The yardstick is a bare table: INSERT, UPDATE of the oldest with SKIP LOCKED, DELETE; without deduplication, leases or
retries. What the table weighs in the end is a row of its own; so is a batch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from bench.harness import ASYNCHRONOUS, Bench, Database
from bench.load import Workload
from bench.result import TIMES, Row, Target, number, rate

SESSIONS = 16
BATCH = 10_000
_NAME = "queue"
_QUEUED = """
\\set n random(1, 1000000000)
select operation_id from syncwell.enqueue_operation('send', jsonb_build_object('n', :n::integer)) \\gset
select
  coalesce(array_agg(operation_id), '{}') as ids,
  coalesce(min(lease_token::text), gen_random_uuid()::text) as token
from syncwell.claim_operations(1) \\gset
select from syncwell.complete_operations(:ids::uuid[], :token::uuid);
"""
_BARE = """
\\set n random(1, 1000000000)
insert into bench.queue (payload) values (jsonb_build_object('n', :n::integer)) returning id \\gset
with claimed as (
  update bench.queue set status = 'processing', claimed_at = clock_timestamp()
  where id = (
    select id from bench.queue where status = 'pending' order by run_at, id limit 1 for update skip locked
  )
  returning id, payload
)
select coalesce(max(id), 0) as id from claimed \\gset
delete from bench.queue where id = :id;
"""
_TABLE = """
create schema if not exists bench;
create table bench.queue (
  id bigint generated always as identity primary key, payload jsonb not null, status text not null default 'pending',
  run_at timestamptz not null default clock_timestamp(), claimed_at timestamptz
);
create index on bench.queue (run_at, id) where status = 'pending';
grant usage on schema bench to public;
grant all on bench.queue to public;
"""


def run(bench: Bench) -> Iterator[Row]:
    """Single operations at both kinds of durability, then a batch, then what a long run leaves."""
    with bench.database() as database:
        admin = database.connect()
        admin.execute(_TABLE)
        for case, options in (("default durability", ""), ("synchronous_commit off", ASYNCHRONOUS)):
            rates = bench.in_turns(
                {
                    "queue": Workload(_script(_QUEUED), database.uri("bench_service", options), SESSIONS),
                    "bare": Workload(_script(_BARE), database.uri("bench_service", options), SESSIONS),
                }
            )
            yield Row(
                _NAME,
                f"enqueue, claim, complete, {case}, {SESSIONS} connections",
                rates.ratio("queue", "bare"),
                f"{TIMES} rate",
                Target(at_least=0.7),
                rate(rates.rate("queue")),
                f"{rate(rates.rate('bare'))} on a bare table",
            )
        before = _size(database)
        script = _script(_QUEUED)
        bench.rate(
            Workload(script, database.uri("bench_service", ASYNCHRONOUS), SESSIONS), calls=bench.scale.updates // 10
        )
        admin.execute("vacuum syncwell.sync_queue")
        yield Row(
            _NAME,
            f"table and indexes after {number(bench.scale.updates // 10)} more operations",
            _size(database) / max(before, 1),
            f"{TIMES} size",
            Target(at_most=2),
            f"{number(_size(database) / 1024)} kB",
            f"{number(before / 1024)} kB before",
        )


def _script(text: str) -> str:
    return text.strip() + "\n"


def _size(database: Database) -> int:
    row = database.connect().execute("select pg_total_relation_size('syncwell.sync_queue')").fetchone()
    assert row is not None
    return int(row[0])


def batch(size: int) -> str:
    """Operations that have nothing in common."""
    return json.dumps([{"operation_type": "send", "payload": {"n": n}} for n in range(size)])
