"""sql/README.md and the catalog: argument lists are complete and in order, and no public function is left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from harness.paths import SQL

if TYPE_CHECKING:
    import psycopg

README = (SQL / "README.md").read_text()

# `name(p_one, p_two = 10)`, and what may follow in the same code span
LISTS = re.findall(r"`(\w+)\((p_[^`)]*)\)[^`]*`", README)
# | `name` | `p_one text`, `p_two integer = 10`; … |: the table of progress has types and defaults
TABLE = [
    (name, ", ".join(re.findall(r"`(p_[^`]*)`", arguments)))
    for names, arguments in re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (`p_[^|]*) \|", README, re.MULTILINE)
    for name in re.findall(r"`(\w+)`", names)
]

CATALOG = """
select p.proname, coalesce(array_agg(a.name order by a.n) filter (where a.mode in ('i', 'b', 'v')), '{}')
from pg_proc as p
left join lateral unnest(p.proargnames, coalesce(p.proargmodes, array_fill('i'::"char", array[p.pronargs])))
  with ordinality as a (name, mode, n) on true
where p.pronamespace = 'syncwell'::regnamespace and p.proname !~ '^_'
group by p.oid, p.proname
"""


@pytest.fixture
def arguments(db: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """Of every public function its arguments in order."""
    return {name: list(names) for name, names in db.execute(CATALOG)}


def names(text: str) -> list[str]:
    """The names in a list of arguments, whatever default or type stands behind them."""
    return [part.split()[0] for part in text.split(",")]


def test_there_is_something_to_compare() -> None:
    assert len(LISTS) >= 10
    assert "report_sync_progress" in dict(TABLE)
    assert names("p_limit = 10, p_lease_for = '5 min'") == ["p_limit", "p_lease_for"]


@pytest.mark.parametrize(("function", "written"), [*LISTS, *TABLE], ids=[name for name, _ in [*LISTS, *TABLE]])
def test_argument_lists(arguments: dict[str, list[str]], function: str, written: str) -> None:
    assert names(written) == arguments.get(function), function


def test_every_public_function_is_named(arguments: dict[str, list[str]]) -> None:
    words = set(re.findall(r"\w+", README))
    assert sorted(arguments.keys() - words) == []
