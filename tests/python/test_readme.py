"""Every SQL statement that the READMEs show runs: blocks of ```sql, and a `select …;` in a table or a sentence."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from syncwell import Syncwell

if TYPE_CHECKING:
    from harness import Database, Tenants

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sql\n(.*?)^```", re.M | re.S)
INLINE = re.compile(r"`(select [^`]*;)`")


def statements(text: str) -> list[str]:
    blocks = [part for block in BLOCK.findall(text) for part in re.split(r"(?<=;)\s*\n", block) if part.strip()]
    return blocks + INLINE.findall(BLOCK.sub("", text))


def chapter(text: str, title: str) -> str:
    return re.split(r"^## ", text.split(f"\n## {title}\n", 1)[1], maxsplit=1, flags=re.M)[0]


BENCHMARKS = (ROOT / "docs/benchmarks.md").read_text()
PAGES = {name: (ROOT / name).read_text() for name in ("README.md", "sql/README.md")}
EVERYTHING = [(name, statement) for name, text in PAGES.items() for statement in statements(text)]
# procedures that commit
CALLS = [statement for _, statement in EVERYTHING if statement.startswith("call ")]
EVERYTHING = [(name, statement) for name, statement in EVERYTHING if statement not in CALLS]
ANALYSTS = statements(chapter(PAGES["sql/README.md"], "For analysts"))


@pytest.mark.parametrize("name", list(PAGES))
def test_what_is_linked_is_there(name: str) -> None:
    linked = re.findall(r"\]\(([^)#:\s]+)[^):]*\)", PAGES[name])
    assert linked
    assert [path for path in linked if not (ROOT / name).parent.joinpath(path).exists()] == []


def test_every_picture_is_shown_and_small() -> None:
    shown = set(re.findall(r"!\[[^]]+\]\(docs/([^)]+)\)", PAGES["README.md"]))
    shown |= set(re.findall(r"!\[[^]]+\]\(([^)]+)\)", BENCHMARKS))
    kept = {path.name: path.stat().st_size for path in (ROOT / "docs").iterdir() if path.suffix != ".md"}
    assert shown == kept.keys()
    assert all(size <= 150_000 for size in kept.values()), kept


def lines_of_table(text: str) -> list[tuple[str, ...]]:
    """Row, case, result, target, verdict of each line."""
    lines = [
        tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in text.splitlines() if line[:2] == "| "
    ]
    return [line[:5] for line in lines if line[0] not in ("row", "---")]


def test_what_was_measured_is_told_as_it_was() -> None:
    """The README has some lines of the table with all of them, and hides nothing that misses its target."""
    told, measured = lines_of_table(chapter(PAGES["README.md"], "How fast it is")), lines_of_table(BENCHMARKS)
    assert len(told) >= 30
    assert set(told) <= set(measured)
    assert {line[0] for line in measured if line[4] == "missed"} == {line[0] for line in told if line[4] == "missed"}


@pytest.fixture
def company(db: psycopg.Connection[Any], tenants: Tenants) -> psycopg.Connection[Any]:
    """What the examples take for granted: their org, their login, some runs."""
    db.execute("create role todoist_worker")
    db.execute("select syncwell.register_org('Acme', '5f0c1f4e-7c1d-4c57-9a53-6a1b5e0f7a11')")
    db.execute("select syncwell.bind_login(session_user, 'service', %s)", [tenants.org("a")])
    for source in ("calls", "todoist"):
        row = db.execute("select event_id, lease from syncwell.record_sync_start(%s)", [source]).fetchone()
        assert row is not None
        db.execute("select * from syncwell.record_sync_complete(%s, %s, 10)", row)
        row = db.execute("select event_id, lease from syncwell.record_sync_start(%s)", [source]).fetchone()
        assert row is not None
        db.execute("select * from syncwell.record_sync_error(%s, %s, 'timed out')", row)
    db.execute("insert into syncwell.sync_progress (sync_id, total_items) values ('orders-2026-03-01', 10)")
    db.execute("create schema app; create table app.todos (id text primary key, user_id uuid, due_at timestamptz)")
    db.execute((ROOT / "tests/client/journal/schema.sql").read_bytes())
    db.execute("grant usage on schema app, journal to syncwell_owner")
    return db


def filled_in(statement: str, tenants: Tenants) -> bytes:
    return statement.replace("'…'", f"'{tenants.id('a_member')}'").encode()


def test_there_are_statements_to_run() -> None:
    assert len(EVERYTHING) > 60
    assert len(ANALYSTS) > 30


@pytest.mark.parametrize(("page", "statement"), EVERYTHING, ids=[f"{p}: {s[:60]}" for p, s in EVERYTHING])
def test_statement_runs(company: psycopg.Connection[Any], tenants: Tenants, page: str, statement: str) -> None:
    cursor = company.execute(filled_in(statement, tenants))
    assert cursor.statusmessage, page


def test_procedures_run(database: Database) -> None:
    assert CALLS
    with database.connect("operator", autocommit=True) as operator:
        for statement in CALLS:
            operator.execute(statement.encode())
        states = operator.execute("select distinct state from syncwell.get_maintenance_report()").fetchall()
    assert states == [("done",)]


@pytest.mark.parametrize("statement", ANALYSTS, ids=[s[:60] for s in ANALYSTS])
def test_analysts_may_ask(company: psycopg.Connection[Any], tenants: Tenants, statement: str) -> None:
    company.execute("set session authorization a_analyst")
    cursor = company.execute(filled_in(statement, tenants))
    assert cursor.description is not None, "a question has an answer, if only an empty one"


PYTHON = re.findall(r"^```python\n(.*?)^```", PAGES["README.md"], re.M | re.S)


@pytest.mark.parametrize("sizes", [[], [2], [100, 100, 7]], ids=["nothing new", "a page", "pages"])
def test_python_example_runs(database: Database, monkeypatch: pytest.MonkeyPatch, sizes: list[int]) -> None:
    example = PYTHON[0]
    pages = [SimpleNamespace(items=range(n), total=sum(sizes), token=f"t{n}") for n in sizes]
    stored: list[object] = []
    connection = database.connect("a_service", autocommit=True)
    monkeypatch.setattr(psycopg, "connect", lambda *_, **__: connection)

    exec(example, {"fetch_pages": lambda since: pages, "store": stored.append})  # noqa: S102, ARG005

    assert stored == pages
    row = connection.execute("select status, items_processed, sync_token_after from syncwell.sync_events").fetchone()
    assert row == ("success", sum(sizes), f"t{sizes[-1]}" if sizes else None)


def test_work_that_is_queued_twice_is_done_once(database: Database) -> None:
    (example,) = (one for one in PYTHON if "sw.queue" in one)
    sent: list[Any] = []
    with psycopg.connect(database.uri("a_service"), autocommit=True) as connection:
        sw = Syncwell(connection)
        sw.queue.enqueue(operation_type="send_sms", payload={"to": "nobody"}, dedup_key="welcome-7")
        exec(example, {"sw": sw, "send": sent.append})  # noqa: S102
    assert sent == [{"to": "nobody"}]
