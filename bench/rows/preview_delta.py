"""What a sync would change, of two large sets of records of which a tenth differs.

The yardstick is the same full join, making the same lists, over two tables in which the records stand one a row with
their keys beside them: what is left of the work when nothing has to be unpacked or checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench.load import Workload
from bench.result import TIMES, Row, Target, duration, number

if TYPE_CHECKING:
    import psycopg

    from bench.harness import Bench

_NAME = "preview delta"
# 200 bytes a record; one in twenty is gone, one in twenty is new, one in ten of the others is another one
_RECORDS = """
create schema if not exists bench;
create table bench.before_{n} as
select
  n::text collate "C" as key, n as place,
  jsonb_build_object(
    'id', n, 'name', 'product ' || n, 'sku', 'SKU-' || n, 'price', n * 0.5, 'stock', n % 100,
    'categories', jsonb_build_array('a', 'b'), 'description', repeat(md5(n::text), 3)
  ) as record
from generate_series(1, {n}) as n;
create table bench.after_{n} as
select key, place, case when place % 10 = 0 then record || '{{"price": -1}}' else record end as record
from bench.before_{n} where place > {n} / 20
union all
select n::text, n, jsonb_build_object('id', n, 'name', 'product ' || n)
from generate_series({n} + 1, {n} + {n} / 20) as n;
create table bench.sets_{n} as
select
  (select jsonb_agg(record order by place) from bench.before_{n}) as current,
  (select jsonb_agg(record order by place) from bench.after_{n}) as incoming;
-- as it is when it arrives
alter table bench.sets_{n} alter current set storage external, alter incoming set storage external;
update bench.sets_{n} set current = current || '[]', incoming = incoming || '[]';
vacuum analyze bench.before_{n};
vacuum analyze bench.after_{n};
"""
_COMPUTE = """
select d.delta -> 'statistics' from (
  select syncwell.compute_preview_delta(s.current, s.incoming) as delta from bench.sets_{n} as s offset 0
) as d;
"""
_JOIN = """
with changed as materialized (
  select c.place as old_place, c.record as old_data, i.place as new_place, i.record as new_data
  from bench.before_{n} as c full join bench.after_{n} as i on i.key = c.key
  where c.record is distinct from i.record
)
select
  (select jsonb_array_length(jsonb_agg(new_data order by new_place)) from changed where old_place is null),
  (
    select jsonb_array_length(
      jsonb_agg(
        jsonb_build_object('id', new_data -> 'id', 'old_data', old_data, 'new_data', new_data) order by new_place
      )
    )
    from changed where old_place is not null and new_place is not null
  ),
  (select jsonb_array_length(jsonb_agg(old_data order by old_place)) from changed where new_place is null);
"""


def run(bench: Bench) -> Iterator[Row]:
    """Against the join, and against a tenth of the records."""
    records = 10 * bench.scale.batch
    fewer = records // 10
    with bench.database() as database:
        admin = database.connect()
        workloads = {}
        for n in (fewer, records):
            for statement in _RECORDS.format(n=n).split(";\n"):
                if statement.strip():
                    admin.execute(statement)
            _check(admin, n)
            workloads[f"computed {n}"] = Workload(_COMPUTE.format(n=n), database.uri())
            workloads[f"joined {n}"] = Workload(_JOIN.format(n=n), database.uri(options="-c work_mem=64MB"))
        rates = bench.in_turns(workloads, calls=max(2, bench.scale.questions // 20))
        computed = rates.seconds(f"computed {records}")
        yield Row(
            _NAME,
            f"{number(records)} against {number(records)} records",
            rates.cost(f"computed {records}", f"joined {records}"),
            f"{TIMES} time",
            Target(at_most=4),
            duration(computed),
            f"{duration(rates.seconds(f'joined {records}'))} joining unpacked rows",
        )
        yield Row(
            _NAME,
            f"a record of {number(records)} against one of {number(fewer)}",
            rates.cost(f"computed {records}", f"computed {fewer}") * fewer / records,
            f"{TIMES} time",
            Target(at_most=1.5),
            duration(computed / records),
            duration(rates.seconds(f"computed {fewer}") / fewer),
        )


def _check(admin: psycopg.Connection[tuple[object, ...]], n: int) -> None:
    """Both find the same."""
    (counts,) = admin.execute(_COMPUTE.format(n=n)).fetchall()[0]
    lengths = admin.execute(_JOIN.format(n=n)).fetchall()[0]
    assert isinstance(counts, dict)
    assert tuple(counts[f"{name}_count"] for name in ("new", "updated", "deleted")) == lengths, (counts, lengths)
    assert 0 < counts["total_affected"] < n
