"""One report of a running sync as a plain UPDATE, against the same UPDATE on a bare copy of the table.

Syncs are picked at random by eight sessions. Both sides are run as superuser: row-level security is a row of its own,
and here it would only make the ratio look better. The copy has every index, check and foreign key, and no triggers.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench import tables
from bench.harness import ASYNCHRONOUS, TENANT, Bench, Database
from bench.load import Workload
from bench.result import TIMES, Row, Target, number, rate

SESSIONS = 8
_NAME = "progress update"
# the item worked on, not a count: sessions in any order may report it
_CALL = "select * from syncwell.report_sync_progress(:sync, p_current_item => :item);"
_COUNTED = (("syncwell.sync_progress", "syncwell"), ("bench.sync_progress", "bench"))


def run(bench: Bench) -> Iterator[Row]:
    """Both kinds of durability, then what a long run has made of the table."""
    with bench.database() as database:
        admin = database.connect()
        tables.progress(admin, finished=0, active=bench.scale.syncs)
        tables.bare_copy(admin, "sync_progress")
        admin.execute("insert into bench.sync_progress select * from syncwell.sync_progress")
        tables.settle(admin)
        for table, _ in _COUNTED:
            # every row has its spare version from here on
            admin.execute(f"update {table} set processed_count = processed_count + 1")
        tables.settle(admin)
        before = [_size(database, table) for table, _ in _COUNTED]

        for case, options, least in (("default durability", "", 0.6), ("synchronous_commit off", ASYNCHRONOUS, 0.5)):
            workloads = {
                schema: Workload(_script(bench, _update(schema)), database.uri(options=options), SESSIONS)
                for schema in ("bench", "syncwell")
            }
            if not options:
                workloads["call"] = Workload(_script(bench, _CALL), database.uri("bench_service"), SESSIONS)
            rates = bench.in_turns(workloads)
            for name, text, target in (
                ("syncwell", "UPDATE", Target(at_least=least)),
                ("call", "report_sync_progress() by a service", None),
            ):
                if name in workloads:
                    yield Row(
                        _NAME,
                        f"{text}, {case}, {SESSIONS} connections",
                        rates.ratio(name, "bench"),
                        f"{TIMES} rate",
                        target,
                        rate(rates.rate(name)),
                        f"{rate(rates.rate('bench'))} without triggers",
                    )

        updates, hot = _updates(database, "syncwell.sync_progress")
        if updates < bench.scale.updates:
            for _, schema in _COUNTED:
                script = _script(bench, _update(schema))
                missing = bench.scale.updates - _updates(database, f"{schema}.sync_progress")[0]
                bench.rate(Workload(script, database.uri(options=ASYNCHRONOUS), SESSIONS), calls=max(missing, SESSIONS))
        updates, hot = _updates(database, "syncwell.sync_progress")
        after = [_size(database, table) for table, _ in _COUNTED]
        case = f"after {number(updates)} updates of {number(bench.scale.syncs)} rows"
        yield Row(_NAME, f"HOT share, {case}", hot / updates, "of updates", Target(at_least=0.95))
        growth, bare_growth = (then / now for then, now in zip(after, before, strict=True))
        yield Row(
            _NAME,
            f"growth of table and indexes, {case}",
            growth / bare_growth,
            f"{TIMES} growth",
            Target(at_most=1.1),
            f"{TIMES} {number(growth)}, {number(after[0] / 1024)} kB",
            f"{TIMES} {number(bare_growth)} without triggers",
        )


def _script(bench: Bench, statement: str) -> str:
    return (
        f"\\set n random(1, {bench.scale.syncs})\n\\set items random(1, 9)\n\\set item random(1, 100000)\n{statement}\n"
        .replace(":sync", "'sync-' || :n")
    )  # fmt: skip


def _update(schema: str) -> str:
    return (
        f"update {schema}.sync_progress set processed_count = processed_count + :items"
        f" where org_id = '{TENANT.org}' and sync_id = :sync;"
    )


def _size(database: Database, table: str) -> int:
    row = database.connect().execute("select pg_total_relation_size(%s)", [table]).fetchone()
    assert row is not None
    return int(row[0])


def _updates(database: Database, table: str) -> tuple[int, int]:
    """How many there were, and how many of them touched no index; sessions report when they end."""
    row = database.connect().execute(
        "select n_tup_upd, n_tup_hot_upd from pg_stat_all_tables where relid = %s::regclass", [table]
    ).fetchone()  # fmt: skip
    assert row is not None
    return int(row[0]), int(row[1])
