"""What it costs that asking about another user is written down, against the same functions without that.

The yardstick is made from the function's own text: without the line that writes, and STABLE. With synchronous_commit
off, since a call alone in its transaction makes a read one that commits: what waiting for the disk adds to that is the
disk's, and stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench import histories
from bench.harness import ASYNCHRONOUS, TENANT
from bench.load import Workload
from bench.result import TIMES, Row, Target, duration

if TYPE_CHECKING:
    from bench.harness import Bench

_NAME = "access audit"
_QUESTIONS = {
    "get_sync_health_status": "p_user_id => '{}'",
    "get_sync_metrics": "p_period => 'hour', p_user_id => '{}'",
}
# who asks: itself by its own login, the other by the org's service
_ASKERS = {"bench_other": TENANT.other, "bench_service": TENANT.other}


def run(bench: Bench) -> Iterator[Row]:
    """A service about a user; that user about itself."""
    database, _ = histories.database(bench)
    admin = database.connect()
    admin.execute("create schema if not exists bench")
    admin.execute("grant usage on schema bench to public")
    workloads = {}
    for function, arguments in _QUESTIONS.items():
        row = admin.execute(
            "select pg_get_functiondef(oid) from pg_proc"
            " where pronamespace = 'syncwell'::regnamespace and proname = %s and provolatile = 'v'",
            [function],
        ).fetchone()
        assert row is not None
        note = f"perform syncwell._note_access('{function}', p_user_id);"
        assert note in row[0]
        plain = row[0].replace(note, "").replace(" SECURITY DEFINER", " STABLE SECURITY DEFINER")
        admin.execute(plain.replace(f"FUNCTION syncwell.{function}(", f"FUNCTION bench.{function}("))
        for login, user in _ASKERS.items():
            call = f"{function}({arguments.format(user)});"
            for schema in ("syncwell", "bench"):
                workloads[f"{login} {schema} {function}"] = Workload(
                    f"select * from {schema}.{call}", database.uri(login, ASYNCHRONOUS)
                )
        workloads[f"durable {function}"] = Workload(
            f"select * from syncwell.{function}({arguments.format(TENANT.other)});", database.uri("bench_service")
        )

    rates = bench.in_turns(workloads, calls=bench.scale.calls)
    for login, case, target in (
        ("bench_service", "about another user", Target(at_most=1.2)),
        ("bench_other", "about oneself", None),
    ):
        for function in _QUESTIONS:
            audited, plain = f"{login} syncwell {function}", f"{login} bench {function}"
            figure = f"{duration(rates.seconds(audited))}, {duration(rates.added_seconds(audited, plain))} added"
            if login == "bench_service":
                figure += f"; {duration(rates.seconds(f'durable {function}'))} with a durable commit"
            yield Row(
                _NAME,
                f"{function}, {case}",
                rates.cost(audited, plain),
                f"{TIMES} time",
                target,
                figure,
                duration(rates.seconds(plain)),
            )
