"""How the queue is, asked of an org with very many operations done and some thousand that wait."""

from __future__ import annotations

import json
from collections.abc import Iterator

from bench.harness import TENANT, Bench
from bench.load import Workload
from bench.result import Row, Target, duration, number

_CALL = "select * from syncwell.get_queue_health_metrics();"
_MILLISECONDS = 1_000


def run(bench: Bench) -> Iterator[Row]:
    """One row."""
    with bench.database() as database:
        admin = database.connect()
        archived, live = 2 * bench.scale.finished, bench.scale.batch // 2
        # the newest hour holds a fifth of a percent, as in a steady month
        admin.execute(
            """
            insert into syncwell.sync_queue_archive (
              org_id, id, user_id, source, operation_type, platform, status, attempts, lease_token, enqueued_at,
              claimed_at, finished_at
            )
            select
              %(org)s, syncwell._uuid7(t.at), %(user)s, 'source-' || i %% 5, 'send', 'android', 'completed', 1,
              gen_random_uuid(), t.at, t.at + interval '1 second', t.at + interval '2 seconds'
            from generate_series(1, %(archived)s) as i
            cross join lateral (select now() - i * interval '20 days' / %(archived)s as at) as t
            """,
            {"org": TENANT.org, "user": TENANT.member, "archived": archived},
        )
        service = database.connect("bench_service")
        for source in range(5):
            batch = [
                {"operation_type": "send", "source": f"source-{source}", "payload": {"n": n}} for n in range(live // 5)
            ]
            service.execute("select count(*) from syncwell.enqueue_operations(%s)", [json.dumps(batch)])
        admin.execute("vacuum analyze syncwell.sync_queue_archive, syncwell.sync_queue")
        rates = bench.in_turns({"call": Workload(_CALL, database.uri("bench_service"))}, calls=bench.scale.questions)
        yield Row(
            "queue metrics",
            f"{number(archived)} archived, {number(live)} live",
            rates.seconds("call") * _MILLISECONDS,
            "ms",
            Target(at_most=5),
            duration(rates.seconds("call")),
        )
