"""plpgsql_check over every PL/pgSQL function, on Debian's PostgreSQL: the oldest version that syncwell installs on.

Those that are generated for synced tables included, for tables of all kinds.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import Cluster, UnavailableError, checked, unavailable
from harness.paths import TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

EXCLUDED = Path(__file__).with_name("plpgsql_check_excluded.txt")

# Trigger functions are checked once for each table that has one of their triggers.
FINDINGS = """
with
checked as (
  select p.oid, p.proname, t.tgrelid, t.tgoldtable, t.tgnewtable
  from pg_catalog.pg_proc as p
  left join pg_catalog.pg_trigger as t
    on t.tgfoid = p.oid and not t.tgisinternal and t.tgparentid = 0
  where
    p.pronamespace in ('syncwell'::pg_catalog.regnamespace, 'syncwell_tables'::pg_catalog.regnamespace)
    and p.prolang = (select l.oid from pg_catalog.pg_language as l where l.lanname = 'plpgsql')
    and (t.oid is not null or p.prorettype <> all (array['trigger', 'event_trigger']::pg_catalog.regtype[]))
)
select c.proname, c.tgrelid::pg_catalog.regclass::text, f.lineno, f.level, concat_ws(': ', f.message, f.detail)
from checked as c
cross join lateral public.plpgsql_check_function_tb(
  funcoid => c.oid,
  relid => coalesce(c.tgrelid, 0),
  oldtable => c.tgoldtable,
  newtable => c.tgnewtable,
  fatal_errors => false,
  extra_warnings => true,
  performance_warnings => true,
  security_warnings => true,
  compatibility_warnings => true
) as f
order by c.proname, f.lineno
"""


@pytest.fixture(scope="module")
def database() -> Iterator[psycopg.Connection[Any]]:
    try:
        server = checked.server()
    except UnavailableError as reason:
        unavailable("plpgsql_check", reason)
    with server, Cluster(server, UnavailableError("not needed")) as cluster, cluster.database() as database:
        connection = database.connect()
        connection.execute("create extension plpgsql_check schema public")
        connection.execute((TESTS / "sql" / "synced_tables.sql").read_bytes())
        yield connection


def excluded() -> list[tuple[str, str]]:
    """The lines of the list without their comments."""
    lines = (re.sub(r"\s*#.*", "", line).strip() for line in EXCLUDED.read_text().splitlines())
    return [(name, text) for name, _, text in (line.partition(": ") for line in lines if line)]


def test_no_function_has_a_finding(database: psycopg.Connection[Any]) -> None:
    unused = set(excluded())
    findings = []
    for name, table, line, level, message in database.execute(FINDINGS):
        finding = f"{level}: {message}"
        matching = {(pattern, text) for pattern, text in excluded() if fnmatchcase(name, pattern) and text in finding}
        unused -= matching
        if not matching:
            findings.append(f"{name}{f' on {table}' if table else ''}, line {line}: {finding}")
    assert not findings, "\n".join(findings)
    assert not unused, f"nothing is found any more, remove from {EXCLUDED.name}: {sorted(unused)}"


def test_generated_functions_are_checked(database: psycopg.Connection[Any]) -> None:
    rows = database.execute(
        "select substr(proname, 7) from pg_proc"
        " where pronamespace = 'syncwell_tables'::regnamespace and proname like 'todos\\_%'"
    )
    expected = {"inserted", "updated", "deleted", "truncated", "replicated", "pull", "push_read"}
    assert expected <= {name for (name,) in rows}


def test_the_check_bites(database: psycopg.Connection[Any]) -> None:
    with database.transaction(force_rollback=True):
        database.execute(
            "create function syncwell._wrong() returns void language plpgsql as"
            " $$ declare v_unused integer; begin perform syncwell.missing_function(); end $$"
        )
        found = {message for name, _, _, _, message in database.execute(FINDINGS) if name == "_wrong"}
    assert any("missing_function" in message for message in found)
    assert any("v_unused" in message for message in found)
