"""What tracking adds to writes: insert, update and delete, one row a transaction and many rows a statement.

Four tables alike but for what is on them: nothing; a BEFORE trigger that keeps updated_at, with an index on
(user_id, updated_at), the least that any peer needs to find changes; an audit trigger that copies rows as jsonb, into a
table with an index to find a row's history by; and syncwell's registration, with the index on user_id that a device's
first pull needs. A peer that goes by time can't
delete, it marks: that is the yardstick of a delete, and beside it stands what a bare DELETE costs.

The statements are prepared and don't wait for the disk, which would hide what the triggers cost; one row of the table
shows all three in turn at default durability.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

from bench import synced, tables
from bench.harness import ASYNCHRONOUS, TENANT, Bench, Database, Rates
from bench.load import Workload
from bench.result import TIMES, Row, Target, duration, number

_NAME = "write cost of tracking"
_PREFILLED = 20
_OPERATIONS = ("insert", "update", "delete")

_BATCH = """
select
  md5('batch ' || %(turn)s || ' ' || n)::uuid as id, %(user)s::uuid as user_id, 'Entry ' || n as title,
  'What happened on day ' || n || ', told in a line or two.' as body, n %% 10 as mood, true as done,
  now() as happened_at
from generate_series(1, %(rows)s) as n
"""


class Side(NamedTuple):
    """One of the tables."""

    name: str
    what: str
    single: Target | None = None
    batch: Target | None = None


# What tracking may cost at most, in times of each.
_YARDSTICKS = (
    Side("touched", "indexed updated_at trigger", Target(at_most=1.5), Target(at_most=1.7)),
    # of one row the write itself and its round trip are more than that
    Side("audited", "jsonb audit trigger", None, Target(at_most=0.7)),
    Side("bare", "no trigger"),
)
_NAMES = ("tracked", *(side.name for side in _YARDSTICKS))


def run(bench: Bench) -> Iterator[Row]:
    """Single rows by operation, all three at default durability, then batches."""
    with bench.database() as database:
        _prepare(database, _PREFILLED * bench.scale.batch)
        for operation in _OPERATIONS:
            rates = bench.in_turns(
                {name: _single(bench, database, name, operation) for name in _NAMES}, calls=bench.scale.calls
            )
            yield from _rows(f"{operation} of 1 row, not waiting for the disk", rates, batch=False)
        rates = bench.in_turns({name: _cycle(database, name) for name in _NAMES}, calls=bench.scale.calls // 2)
        yield from _rows("insert, update, delete of 1 row, default durability", rates, batch=False)
        for operation, rates in _batches(bench, database).items():
            yield from _rows(f"{operation} of {number(bench.scale.batch)} rows", rates, batch=True)


def _prepare(database: Database, rows: int) -> None:
    admin = database.connect()
    for name in _NAMES:
        synced.table(admin, name)
        synced.fill(admin, name, rows, users=20)
        for purpose in ("insert", "delete", "cycle"):
            admin.execute(f"create sequence app.{name}_{purpose}")
    synced.touched(admin, "touched")
    synced.audited(admin, "audited")
    admin.execute("create index on app.tracked (user_id)")
    synced.register(admin, "tracked")
    tables.settle(admin)


def _rows(case: str, rates: Rates, *, batch: bool) -> Iterator[Row]:
    for side in _YARDSTICKS:
        yield Row(
            _NAME,
            f"{case}, against {side.what}",
            rates.cost("tracked", side.name),
            f"{TIMES} time",
            side.batch if batch else side.single,
            duration(rates.seconds("tracked")),
            duration(rates.seconds(side.name)),
        )


def _insert(name: str, row_id: str) -> str:
    return (
        f"insert into app.{name} (id, user_id, title, body, mood, done, happened_at) values ("
        f"{row_id}, '{TENANT.member}', 'Entry ' || :n, 'What happened on day ' || :n || ', told in a line or two.',"
        " :n % 10, true, now());"
    )


def _update(name: str, row_id: str) -> str:
    return f"update app.{name} set title = 'Changed ' || :n, mood = :n % 10 where id = {row_id};"


def _delete(name: str, row_id: str) -> str:
    if name == "touched":
        return f"update app.{name} set deleted_at = now() where id = {row_id};"
    return f"delete from app.{name} where id = {row_id};"


def _single(bench: Bench, database: Database, name: str, operation: str) -> Workload:
    """One statement: of a new row, of any of those that were there, of the new ones in turn."""
    rows = _PREFILLED * bench.scale.batch
    statement = {
        "insert": _insert(name, f"(select md5('new ' || nextval('app.{name}_insert'))::uuid)"),
        "update": _update(name, "md5(:n::text)::uuid"),
        "delete": _delete(name, f"(select md5('new ' || nextval('app.{name}_delete'))::uuid)"),
    }[operation]
    return Workload(f"\\set n random(1, {rows})\n{statement}", database.uri(options=ASYNCHRONOUS))


def _cycle(database: Database, name: str) -> Workload:
    """A row's whole life in three transactions."""
    row_id = f"(select md5('cycle ' || {{}}val('app.{name}_cycle'))::uuid)"
    statements = (
        _insert(name, row_id.format("next")),
        _update(name, row_id.format("curr")),
        _delete(name, row_id.format("curr")),
    )
    return Workload("\\set n random(1, 1000000)\n" + "\n".join(statements), database.uri())


def _batches(bench: Bench, database: Database) -> dict[str, Rates]:
    """Each operation on as many rows, by the statement; the rows of a round are written, changed and deleted in it."""
    connection = database.connect()
    connection.execute("set synchronous_commit = off")
    rates: dict[str, dict[str, list[float]]] = {operation: {name: [] for name in _NAMES} for operation in _OPERATIONS}
    for turn, name in enumerate([*_NAMES, *bench.turns(_NAMES)]):
        connection.execute(
            f"create temp table batch as {_BATCH}", {"turn": turn, "rows": bench.scale.batch, "user": TENANT.member}
        )
        connection.execute("analyze batch")
        join = "from batch as b where t.id = b.id"
        statements = {
            "insert": f"insert into app.{name} (id, user_id, title, body, mood, done, happened_at) table batch",
            "update": f"update app.{name} as t set title = 'Changed', mood = 9 - t.mood {join}",
            "delete": f"update app.{name} as t set deleted_at = now() {join}"
            if name == "touched"
            else f"delete from app.{name} as t {join.replace('from', 'using')}",
        }
        for operation, statement in statements.items():
            started = time.perf_counter()
            written = connection.execute(statement).rowcount
            took = time.perf_counter() - started
            assert written == bench.scale.batch
            if turn >= len(_NAMES):
                rates[operation][name].append(1 / took)
        connection.execute("drop table batch")
        # as autovacuum would after a batch, but not within the next measurement
        connection.execute(f"vacuum app.{name}, syncwell.record_changes")
    return {operation: Rates(rounds) for operation, rounds in rates.items()}
