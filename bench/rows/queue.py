"""The queue's three round trips: send an operation, claim one, complete it; each a transaction of its own.

Sixteen sessions send and work at the same time. Two yardsticks. A bare table: INSERT, UPDATE of the oldest with SKIP
LOCKED, DELETE; without deduplication, leases or retries. And what pgmq's send(), read() and archive() do, by its
documentation: functions that are told the name of the queue, which is a table of its own, so that they put their
statements together at every call; a message that is read is hidden for a while, and one that is archived moves to a
second table. A row of its own is for the same statements put together once.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.harness import ASYNCHRONOUS, Bench
from bench.load import Workload
from bench.result import TIMES, Row, Target, rate

SESSIONS = 16
_NAME = "queue"
QUEUED = """
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
_MESSAGES = """
\\set n random(1, 1000000000)
select bench.send('bench', jsonb_build_object('n', :n::integer)) as id \\gset
select coalesce(max(msg_id), 0) as id from bench.read('bench', 60, 1) \\gset
select bench.archive('bench', :id::bigint);
"""
_PREPARED = """
\\set n random(1, 1000000000)
insert into bench.q_bench (vt, message) values (clock_timestamp(), jsonb_build_object('n', :n::integer))
returning msg_id as id \\gset
with next as (
  select msg_id from bench.q_bench where vt <= clock_timestamp() order by msg_id limit 1 for update skip locked
),
shown as (
  update bench.q_bench as q set vt = clock_timestamp() + interval '60 seconds', read_ct = q.read_ct + 1
  from next as n where q.msg_id = n.msg_id
  returning q.msg_id, q.read_ct, q.enqueued_at, q.vt, q.message
)
select coalesce(max(msg_id), 0) as id from shown \\gset
with gone as (delete from bench.q_bench where msg_id = :id::bigint returning *)
insert into bench.a_bench (msg_id, read_ct, enqueued_at, vt, message)
select msg_id, read_ct, enqueued_at, vt, message from gone;
"""
_TABLES = """
create schema if not exists bench;
create table bench.queue (
  id bigint generated always as identity primary key, payload jsonb not null, status text not null default 'pending',
  run_at timestamptz not null default clock_timestamp(), claimed_at timestamptz
);
create index on bench.queue (run_at, id) where status = 'pending';

create table bench.q_bench (
  msg_id bigint generated always as identity primary key, read_ct integer not null default 0,
  enqueued_at timestamptz not null default now(), vt timestamptz not null, message jsonb
);
create index on bench.q_bench (vt);
create table bench.a_bench (
  msg_id bigint primary key, read_ct integer not null default 0, enqueued_at timestamptz not null,
  archived_at timestamptz not null default now(), vt timestamptz not null, message jsonb
);
create index on bench.a_bench (archived_at);
create function bench.send(queue text, message jsonb, delay integer default 0) returns bigint language plpgsql as $$
declare
  v_id bigint;
begin
  execute format('insert into bench.%I (vt, message) values ($1, $2) returning msg_id', 'q_' || queue)
  into v_id using clock_timestamp() + make_interval(secs => delay), message;
  return v_id;
end
$$;
create function bench.read(queue text, vt integer, qty integer)
returns table (msg_id bigint, read_ct integer, enqueued_at timestamptz, hidden_until timestamptz, message jsonb)
language plpgsql as $$
begin
  return query execute format(
    'with next as (
       select msg_id from bench.%1$I where vt <= clock_timestamp() order by msg_id limit $1 for update skip locked
     )
     update bench.%1$I as q set vt = clock_timestamp() + $2, read_ct = q.read_ct + 1
     from next as n where q.msg_id = n.msg_id
     returning q.msg_id, q.read_ct, q.enqueued_at, q.vt, q.message',
    'q_' || queue
  )
  using qty, make_interval(secs => vt);
end
$$;
create function bench.archive(queue text, id bigint) returns boolean language plpgsql as $$
declare
  v_id bigint;
begin
  execute format(
    'with gone as (delete from bench.%I where msg_id = $1 returning *)
     insert into bench.%I (msg_id, read_ct, enqueued_at, vt, message)
     select msg_id, read_ct, enqueued_at, vt, message from gone returning msg_id',
    'q_' || queue, 'a_' || queue
  )
  into v_id using id;
  return v_id is not null;
end
$$;
grant usage on schema bench to public;
grant all on all tables in schema bench to public;
"""
_YARDSTICKS = (
    ("bare", Target(at_least=0.7), "on a bare table"),
    ("messages", Target(at_least=1), "as pgmq does"),
    ("prepared", None, "as pgmq does, statements prepared"),
)


def run(bench: Bench) -> Iterator[Row]:
    """Single operations at both kinds of durability."""
    with bench.database() as database:
        database.connect().execute(_TABLES)
        scripts = {"queue": QUEUED, "bare": _BARE, "messages": _MESSAGES, "prepared": _PREPARED}
        for case, options in (("default durability", ""), ("synchronous_commit off", ASYNCHRONOUS)):
            rates = bench.in_turns(
                {
                    name: Workload(script.strip() + "\n", database.uri("bench_service", options), SESSIONS)
                    for name, script in scripts.items()
                }
            )
            for name, target, words in _YARDSTICKS:
                yield Row(
                    _NAME,
                    f"enqueue, claim, complete, {case}, {SESSIONS} connections",
                    rates.ratio("queue", name),
                    f"{TIMES} rate",
                    target,
                    rate(rates.rate("queue")),
                    f"{rate(rates.rate(name))} {words}",
                )
