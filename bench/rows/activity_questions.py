"""The six questions to the activity log: by org, user, entity, action, status and sync, each newest first.

All entries lie in one month of one org. Of each question a value that is everywhere, one that is rare, and one that
was common once and has not been seen for long; asked by get_sync_activity() and by SELECT on the table under its
policies. Milliseconds of a page of 50, client included; asking about another user is also written down.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench import tables
from bench.load import Workload
from bench.result import Row, Target, duration, number

if TYPE_CHECKING:
    from bench.harness import Bench, Database

_NAME = "activity log: six questions"
_SELECT = """
select id, created_at, action, status, sync_id, record_count
from syncwell.sync_activity_log where {where} order by created_at desc limit 50;
"""
# question: (argument or none, column, values by how often they are there)
_QUESTIONS = {
    "by org": ("", "", {"": ""}),
    "by user": ("p_user_id", "user_id", tables.ACTIVITY_USERS),
    "by entity": ("p_entity_type", "entity_type", {"common": "order", "rare": "attribute", "long ago": "supplier"}),
    "by action": (
        "p_action",
        "action",
        {"common": "sync_complete", "rare": "preview_delta", "long ago": "error_recovery"},
    ),
    "by status": ("p_status", "status", {"common": "completed", "rare": "cancelled", "long ago": "timeout"}),
    "by sync": ("p_sync_id", "sync_id", {"": tables.ACTIVITY_SYNC}),
}
_MOST_BYTES = 500
_MOST_MS = 10


def run(bench: Bench) -> Iterator[Row]:
    """Each question in both ways, and what an entry takes on disk."""
    entries = max(bench.scale.events[-1], 2_000)
    database = bench.shared("activity", lambda fresh: _fill(fresh, entries))
    admin = database.connect()
    workloads: dict[str, Workload] = {}
    for question, (argument, column, values) in _QUESTIONS.items():
        for often, value in values.items():
            case = f"{question}{often and f', {often}'}"
            given = f"{argument} => '{value}'" if argument else ""
            where = f"{column} = '{value}'" if column else "true"
            workloads[case] = Workload(
                f"select * from syncwell.get_sync_activity({given});", database.uri("bench_member")
            )
            workloads[f"{case}, SELECT"] = Workload(_SELECT.format(where=where), database.uri("bench_member"))
    member = database.connect("bench_member")
    for case, workload in workloads.items():
        found = member.execute(workload.script.strip().rstrip(";").encode()).fetchall()
        assert 0 < len(found) <= 50, (case, len(found))
        assert [row[1] for row in found] == sorted((row[1] for row in found), reverse=True), case
    # a later page, which starts in the middle of a slot
    for question, (argument, _, values) in _QUESTIONS.items():
        value = values.get("long ago", "")
        filter_ = f"{argument} => '{value}', " if value else ""
        if argument and not value:
            continue
        call = f"select * from syncwell.get_sync_activity({filter_}p_limit => %s%s)"
        (*_, last) = member.execute((call % (7, "")).encode()).fetchall()
        workloads[f"{question}, {value and 'long ago, '}next page"] = Workload(
            f"{call % (50, f', p_page_token => {chr(39)}{last[-1]}{chr(39)}')};", database.uri("bench_member")
        )
    # only the questions asked of the function hold for every value, wherever in time it lies; the others take seconds
    slow = {case: workload for case, workload in workloads.items() if "long ago, SELECT" in case}
    quick = {case: workload for case, workload in workloads.items() if case not in slow}
    measured = {
        **dict.fromkeys(quick, bench.in_turns(quick, calls=bench.scale.questions)),
        **dict.fromkeys(slow, bench.in_turns(slow, calls=1)),
    }
    for case in workloads:
        rates, bound = measured[case], case in quick
        yield Row(
            _NAME,
            f"{case}, {number(entries)} entries",
            1000 * rates.seconds(case),
            "ms",
            Target(at_most=_MOST_MS) if bound else None,
            duration(rates.seconds(case)),
        )
    (size,) = admin.execute(
        "select sum(total_bytes) from syncwell.partition_health('sync_activity_log') where estimated_rows > 0"
    ).fetchone() or (0,)
    yield Row(
        "activity log: size",
        f"{number(entries)} entries, with all indexes",
        float(size) / entries,
        "bytes an entry",
        Target(at_most=_MOST_BYTES) if entries >= 10_000 else None,
        f"{number(float(size) / 2**20)} MiB",
    )


def _fill(database: Database, entries: int) -> None:
    admin = database.connect()
    tables.activity(admin, entries)
    tables.settle(admin)
