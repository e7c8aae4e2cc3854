"""sql/REFERENCE.md is what the catalog says, leaves nothing out, and every example in it runs."""

from __future__ import annotations

import contextlib
import copy
import re
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.paths import SQL
from harness.reference import EMPTY, LOGINS, REFUSED, build, company
from syncwell.http.problems import http_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Cluster, Database

REFERENCE = (SQL / "REFERENCE.md").read_text()
EXAMPLES: dict[str, str] = build.page_of({"functions": [], "relations": [], "errors": []}).shown


@pytest.fixture(scope="module")
def catalog(cluster: Cluster) -> dict[str, Any]:
    with psycopg.connect(cluster.shared.uri()) as connection:
        row = connection.execute((SQL / "reference" / "catalog.sql").read_bytes()).fetchone()
    assert row is not None
    return dict(row[0])


@pytest.fixture(scope="module")
def page(catalog: dict[str, Any]) -> Any:
    return build.page_of(catalog)


def test_it_is_what_the_catalog_says(page: Any) -> None:
    assert page.missing() == []
    assert page.text() == REFERENCE, "run `make build`"


def broken(page: Any, name: str, old: str, new: str) -> list[str]:
    """What is missing once this is another in the function's comment."""
    other = copy.deepcopy(page.catalog)
    (function,) = (one for one in other["functions"] if one["name"] == name)
    assert old in function["comment"]
    function["comment"] = function["comment"].replace(old, new)
    return list(type(page)(other, page.homes, page.shown).missing())


def test_what_is_missing_is_named(page: Any) -> None:
    assert broken(page, "set_setting", "p_key", "it") == ["set_setting: the comment does not name p_key"]
    assert broken(page, "get_uptime", "slo_met:", "kept:") == [
        "get_uptime: nothing says what the column slo_met is"
    ]  # fmt: skip
    assert broken(page, "act_as", "42501", "0A000") == ["act_as: 0A000 has no name"]
    more = {**page.catalog, "channels": [*page.catalog["channels"], "syncwell_new"]}
    assert type(page)(more, page.homes, page.shown).missing() == ["syncwell_new: a channel without a description"]
    shown = {name: text for name, text in page.shown.items() if name != "set_setting"}
    assert type(page)(page.catalog, page.homes, shown).missing() == ["set_setting: no example"]


def test_no_clause_of_a_comment_is_lost(page: Any) -> None:
    """Every word of every comment stands in its section."""
    for one in page.functions:
        section = set(re.findall(r"\w+", page.function(one)))
        said = set(re.findall(r"\w+", one["comment"])) - {"Errors", "none", "No", "errors", "and", "in", "rows"}
        assert not said - section, one["name"]


def test_links_lead_somewhere() -> None:
    anchors = re.findall(r"^#{2,3} (.+)$", REFERENCE, re.M)
    made = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in anchors]
    assert len(set(made)) == len(made)
    assert set(re.findall(r"\]\(#([\w-]+)\)", REFERENCE)) <= set(made)
    assert {name.split("#")[0] for name in re.findall(r"\]\(([^#)][^)]*)\)", REFERENCE)} == {"README.md"}


def test_codes_of_postgresql_have_the_status_that_is_answered(page: Any) -> None:
    codes = {code for one in page.functions for code in page.taken_apart(one).errors if not code.startswith("SW")}
    assert "22023" in codes
    assert {code: page.error(code)[1] for code in codes} == {code: http_status(code) for code in codes}


@pytest.fixture(scope="module")
def acme(cluster: Cluster) -> Iterator[Database]:
    """A company with runs, sessions, devices, operations, issues and alerts, committed in a database of its own."""
    with cluster.database() as database, company(database):
        yield database


def login_of(catalog: dict[str, Any], name: str) -> str | None:
    callers = next(one["callers"] for one in catalog["functions"] if one["name"] == name)
    return next((login for role, login in LOGINS.items() if role in callers), None)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs(catalog: dict[str, Any], acme: Database, cluster: Cluster, name: str) -> None:
    example = EXAMPLES[name]
    assert re.search(rf"\bsyncwell\.{name}\(", example), "it is an example of another function"
    login = login_of(catalog, name)
    with contextlib.ExitStack() as stack:
        if re.match(r"(?:--.*\n)*(?:begin|call)\b", example):
            # it commits
            database = stack.enter_context(cluster.database(template=acme.name))
            connection = stack.enter_context(database.connect(login, autocommit=True))
        else:
            connection = stack.enter_context(acme.connect(login))
            stack.callback(connection.rollback)
        rows: list[Any] = []
        try:
            for statement in build.statements(example):
                cursor = connection.execute(statement.text.encode())
                rows += cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            if error.sqlstate != REFUSED.get(name):
                raise
        else:
            assert name not in REFUSED
            assert bool(rows) != (name in EMPTY)
