"""Which statements of the SQL functions were executed: the profiles of all processes beside the functions' text."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness import Cluster, UnavailableError, checked
from harness.paths import SQL

if TYPE_CHECKING:
    from pathlib import Path

# A block is no statement of its own. What takes anyelement cannot be compiled without a call: it has no list.
_STATEMENTS = """
select p.proname::text, p.proname::text || ' ' || md5(p.prosrc), f.stmtid, f.lineno, f.stmtname
from pg_catalog.pg_proc as p
cross join lateral public.plpgsql_profiler_function_statements_tb(p.oid) as f
where p.pronamespace = 'syncwell'::regnamespace
  and p.prolang = (select l.oid from pg_catalog.pg_language as l where l.lanname = 'plpgsql')
  and not p.proargtypes::oid[] && array['anyelement'::regtype]::oid[]
  and f.stmtname <> 'statement block'
order by p.proname, f.lineno, f.stmtid
"""


@dataclass(frozen=True)
class Function:
    """One function; `missed` are its statements that no test executes: line in its body, and what it is."""

    domain: str
    name: str
    statements: int
    missed: tuple[tuple[int, str], ...]


def executed(folder: Path) -> Counter[tuple[str, int]]:
    """How often each statement ran, all processes together."""
    counts: Counter[tuple[str, int]] = Counter()
    for path in folder.glob("*.json"):
        for function, statements in json.loads(path.read_text()).items():
            for statement, times in statements.items():
                counts[function, int(statement)] += times
    return counts


def functions(profiles: Path) -> list[Function]:
    """Every PL/pgSQL function of the schema as it is now."""
    domains = {path.stem: path.parent.parent.name for path in SQL.glob("*/functions/*.sql")}
    counts = executed(profiles)
    with checked.server() as server, Cluster(server, UnavailableError("not needed")) as cluster:
        connection = cluster.shared.connect()
        connection.execute("create extension plpgsql_check schema public")
        rows = connection.execute(_STATEMENTS).fetchall()
        cluster.shared.close()
    all_of: dict[str, list[tuple[int, str, bool]]] = {}
    for name, key, statement, line, kind in rows:
        all_of.setdefault(name, []).append((line, kind, counts[key, statement] > 0))
    return [
        Function(
            domains.get(name, "elsewhere"),
            name,
            len(statements),
            tuple((line, kind) for line, kind, reached in statements if not reached),
        )
        for name, statements in all_of.items()
    ]
