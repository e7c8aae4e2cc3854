"""`syncwell types`: what it writes is what the catalog has, whatever names and comments somebody gave things."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner

from harness import UnavailableError, node, unavailable
from harness.modules import load
from harness.typescript import TYPED, compiled
from syncwell import codegen
from syncwell.cli.app import app

from .test_client_catalog import FUNCTIONS, METHODS, Recorder, arguments, call_of, without_none

if TYPE_CHECKING:
    from types import ModuleType

    from harness import Cluster, Database

CLIENTS = ("syncwell_client", "syncwell_reader", "syncwell_worker")

# Names and comments as somebody may give them who wishes the reader of the generated file no good.
HOSTILE = r'''
set check_function_bodies = off;
create type syncwell."mood */ x" as enum ('go"od', $$ba'd\$$, 'a */ b', '${x}', 'Zoë 😀', '');
create domain syncwell."1st" as text not null check (value in ('a', $$b"'c\n$$));
create type syncwell."class" as (ok text, "not so */" syncwell."mood */ x"[], "__proto__" jsonb);
create table syncwell."drop table; --" (
  "constructor" text not null check ("constructor" in ('x')),
  "__proto__" integer not null,
  "__x" boolean,
  "class" text check ("class" = any (array['q''q', E'b\\b'])),
  "a""b" varchar check ("a""b" in ('v1', 'v2')),
  "*/ throw 1 /*" syncwell."1st",
  "new
line" numeric check ("new
line" > 0),
  "naïve 😀" syncwell."class",
  "\" text[] not null,
  cut text check (cut in ('one', 'two') and length(cut) < 9),
  lowered text check (lower(cut) in ('x')),
  loose text,
  times interval check (times in ('1 day', '2 days')),
  hidden text
);
alter table syncwell."drop table; --" add check (loose in ('only new rows')) not valid;
comment on table syncwell."drop table; --" is E'ends */ here\n`${1}` """ \\" \u2028 \u202e // # type: ignore';
comment on column syncwell."drop table; --"."constructor" is '*/ throw new Error("gone") /* @ts-nocheck';
grant select on syncwell."drop table; --" to syncwell_reader;
revoke select on syncwell."drop table; --" from syncwell_reader;
grant select (
  "constructor", "__proto__", "__x", "class", "a""b", "*/ throw 1 /*", "new
line", "naïve 😀", "\", cut, lowered, loose, times
) on syncwell."drop table; --" to syncwell_reader;
create table syncwell."__proto__" (id integer);
create view syncwell."toString" as select 1 as one, "constructor" from syncwell."drop table; --";
grant select on syncwell."__proto__", syncwell."toString" to syncwell_client;
create function syncwell."say */ ""hi"""("p-1" text, "class" integer, "def" text default null, "__y" text default 'x')
returns table ("from" text, "a b" syncwell."mood */ x", "self" syncwell."class", "Ω" float8[])
language sql
as 'select null::text, null::syncwell."mood */ x", null::syncwell."class", null::float8[]';
comment on function syncwell."say */ ""hi""" is '*/ export const gone = 1 /*""" + exit() + """';
create function syncwell."say-hi"() returns setof syncwell."class" language sql as 'select null';
create function syncwell.say_hi(p_a anyelement, variadic p_b text[]) returns void language sql as 'select';
create function syncwell.twice(p_a integer) returns integer language sql as 'select 1';
create function syncwell.twice(p_b text) returns text[] language sql as 'select null';
create function syncwell.unnamed(integer) returns integer language sql as 'select 1';
create function syncwell.gave_record() returns record language sql as 'select 1, 2';
create function syncwell.only_one(out "None" text) language sql as 'select null';
create function syncwell.in_out(inout p_x integer default 3) language sql as 'select 1';
create function syncwell."123"() returns setof integer language sql as 'select 1';
create procedure syncwell.no_function() language sql as 'select';
create function syncwell.nobodys() returns integer language sql as 'select 1';
revoke all on function syncwell.nobodys from public;
insert into syncwell.error_codes (sqlstate, name, http_status, description)
values ('SW999', 'bad"name', 400, 'ends */ """ \ here');
'''


def module_of(text: str, name: str, folder: Path) -> ModuleType:
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return load(path)


def checked(folder: Path, *names: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", *names],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]


def of(database: Database, login: str = "a_member") -> codegen.Catalog:
    with psycopg.connect(database.uri(login)) as connection:
        return codegen.read(connection)


@pytest.fixture(scope="module")
def catalog(cluster: Cluster) -> codegen.Catalog:
    return of(cluster.shared)


@pytest.fixture(scope="module")
def hostile(cluster: Cluster) -> codegen.Catalog:
    with cluster.database() as database:
        with psycopg.connect(database.uri()) as connection:
            connection.execute(HOSTILE.encode())
        return of(database)


@pytest.fixture(scope="module")
def written(catalog: codegen.Catalog, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return module_of(codegen.python(catalog), "written_types", tmp_path_factory.mktemp("written"))


def test_every_function_of_a_client_is_there_with_its_arguments(
    catalog: codegen.Catalog, db: psycopg.Connection[Any]
) -> None:
    written = {one.name: one for one in catalog.functions}
    assert len(written) == len(catalog.functions)
    wanted = {}
    for name, is_set, _, returns, names, modes, _, defaults, _ in db.execute(FUNCTIONS).fetchall():
        allowed = db.execute(
            "select bool_or(has_function_privilege(r, %s::regproc, 'execute')) from unnest(%s::text[]) as r",
            [f"syncwell.{name}", list(CLIENTS)],
        ).fetchone()
        if allowed == (True,) and returns not in ("trigger",):
            wanted[name] = (is_set, names, modes, defaults)
    procedures = {row[0] for row in db.execute("select proname from pg_proc where prokind <> 'f'")}
    assert written.keys() == wanted.keys() - procedures
    for name, function in written.items():
        is_set, names, modes, defaults = wanted[name]
        inputs = [one for one, mode in zip(names, modes, strict=True) if mode == "i"]
        assert [one.name for one in function.parameters] == inputs
        assert [one.optional for one in function.parameters] == [text is not None for text in defaults]
        for parameter, default in zip(function.parameters, defaults, strict=True):
            assert parameter.nullable == (default is None or default.startswith("NULL"))
        outputs = [one for one, mode in zip(names, modes, strict=True) if mode in "ot"]
        row = function.returns.element if is_set else function.returns
        assert row is not None
        assert [one.name for one in row.columns or ()] == outputs
        assert all(one.nullable for one in row.columns or ())


def test_lists_of_values_are_those_of_the_python_client(catalog: codegen.Catalog) -> None:
    functions = {one.name: one for one in catalog.functions}
    wrong = []
    for name in METHODS:
        call = call_of(name)
        function = functions.get(call.function)
        if function is None:
            continue
        hints = arguments(METHODS[name])
        python = {argument: hints[value] for argument, (value, _) in call.arguments.items()}
        here: dict[str, Any] = {one.name: one.type for one in function.parameters}
        if dataclasses.is_dataclass(call.kind):
            fields = typing.get_type_hints(call.kind)
            row = function.returns.element or function.returns
            python |= {column: without_none(fields[field]) for column, _, field in call.columns}
            here |= {one.name: one.type for one in row.columns or ()}
        for place, kind in python.items():
            known = set(get_args(kind)) if get_origin(kind) is Literal else set()
            if set(here[place].values or ()) != known:
                wrong.append(f"{call.function}.{place}: {here[place].values}, in Python {kind}")
    assert not wrong, "to be named in codegen/values.py:\n" + "\n".join(wrong)


def test_lists_of_values_of_views_are_those_of_the_python_client(catalog: codegen.Catalog) -> None:
    from syncwell.sync.health import Health

    recorder = Recorder()
    Health(recorder).streams()  # type: ignore[arg-type]
    (call,) = recorder.calls
    (view,) = (one for one in catalog.relations if one.name == "stream_health")
    here = {one.name: set(one.type.values or ()) for one in view.columns}
    fields = typing.get_type_hints(call.kind)
    for column, _, field in call.columns:
        kind = without_none(fields[field])
        assert here[column] == (set(get_args(kind)) if get_origin(kind) is Literal else set()), column


def test_relations_have_the_columns_that_may_be_read_and_say_which_are_never_null(
    catalog: codegen.Catalog, db: psycopg.Connection[Any]
) -> None:
    written = {one.name: {column.name: column.nullable for column in one.columns} for one in catalog.relations}
    assert {"stream_health", "sync_events", "sync_progress"} <= written.keys()
    assert not {"logins", "sync_event_details"} & written.keys()
    assert not any("_202" in name for name in written), "a partition is no table of its own"
    for name, columns in written.items():
        found = db.execute(
            """
            select a.attname, not a.attnotnull
            from pg_attribute as a
            where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped and exists (
              select from unnest(%s::text[]) as r where has_column_privilege(r, a.attrelid, a.attnum, 'select')
            )
            """,
            [f"syncwell.{name}", list(CLIENTS)],
        )
        assert columns == dict(found.fetchall()), name
    assert written["sync_events"]["status"] is False
    assert written["sync_events"]["completed_at"] is True
    # nobody knows of a view
    assert all(written["stream_health"].values())
    assert "error_message" not in written["sync_events"]


def test_the_python_module_is_what_the_catalog_says(written: ModuleType, catalog: codegen.Catalog) -> None:
    given = written.RecordSyncStartArgs
    assert given.__required_keys__ == {"p_source"}
    assert "p_platform" in given.__optional_keys__
    row = typing.get_type_hints(written.GetRecentSyncEventsRow)
    assert row["status"] == typing.Optional[written.RunStatus]  # noqa: UP045 - what the hint is resolved to
    assert row["duration_ms"] == typing.Optional[int]  # noqa: UP045
    assert typing.get_type_hints(written.SyncEventsRelation)["status"] == written.RunStatus
    assert written.SQL_STATES["SW101"] == ("unknown_run", 404)
    assert set(get_args(written.SqlState)) == {one.sqlstate for one in catalog.errors}
    assert written.SyncPullResult == written.JsonValue
    assert written.FeatureEnabledResult == (bool | None)


def test_the_python_modules_pass_mypy(catalog: codegen.Catalog, hostile: codegen.Catalog, tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(codegen.python(catalog), encoding="utf-8")
    (tmp_path / "hostile.py").write_text(codegen.python(hostile), encoding="utf-8")
    (tmp_path / "using.py").write_text(
        "from plain import GetRecentSyncEventsRow, RecordSyncStartArgs, RunStatus, SQL_STATES\n"
        "def status(row: GetRecentSyncEventsRow) -> RunStatus | None:\n"
        "    return row['status']\n"
        "given: RecordSyncStartArgs = {'p_source': 'notes', 'p_sync_type': 'full'}\n"
        "wrong: RecordSyncStartArgs = {'p_source': 'notes', 'p_sync_type': 'x'}  # type: ignore[typeddict-item]\n"
        "left: RecordSyncStartArgs = {'p_sync_type': 'full'}  # type: ignore[typeddict-item]\n"
        "name, http = SQL_STATES['SW101']\n"
    )
    checked(tmp_path, "plain.py", "hostile.py", "using.py")


def test_hostile_names_and_comments_are_only_text_in_python(hostile: codegen.Catalog, tmp_path: Path) -> None:
    module = module_of(codegen.python(hostile), "hostile_types", tmp_path)
    table = module.DropTableRelation
    assert list(table.__annotations__) == [
        "constructor", "__proto__", "__x", "class", 'a"b', "*/ throw 1 /*", "new\nline", "naïve 😀", "\\", "cut",
        "lowered", "loose", "times",
    ]  # fmt: skip
    hints = typing.get_type_hints(table)
    assert hints["constructor"] == Literal["x"]
    assert set(get_args(get_args(hints["class"])[0])) == {"q'q", "b\\b"}
    assert set(get_args(get_args(hints['a"b'])[0])) == {"v1", "v2"}
    assert set(get_args(get_args(hints["*/ throw 1 /*"])[0])) == {"a", "b\"'c\\n"}
    assert hints["\\"] == list[str | None]
    # a check that says more, one of something else, one that is not valid yet, one of what is no text
    for column in ("cut", "lowered", "loose", "times"):
        assert hints[column] == (str | None)
    given = module.SayHiArgs
    assert given.__required_keys__ == {"p-1", "class"}
    assert given.__optional_keys__ == {"def", "__y"}
    assert list(module.SayHiRow.__annotations__) == ["from", "a b", "self", "Ω"]
    mood = get_args(typing.get_type_hints(module.SayHiRow)["a b"])[0]
    assert get_args(mood) == ('go"od', "ba'd\\", "a */ b", "${x}", "Zoë 😀", "")
    assert module.SQL_STATES["SW999"] == ('bad"name', 400)
    names = {one.name for one in hostile.functions}
    assert {"twice", "say_hi", "say-hi", "gave_record", "in_out", "123"} <= names
    assert not {"nobodys", "unnamed", "no_function"} & names
    assert not hasattr(module, "gone")


def test_hostile_names_and_comments_are_only_text_in_typescript(hostile: codegen.Catalog, tmp_path: Path) -> None:
    using = r"""
    import { SyncwellClient, columns, sqlStates } from "./syncwell.js"
    import type { Args, Returns, Row } from "./syncwell.js"

    export const row: Pick<Row<"drop table; --">, "__proto__" | "class" | "a\"b" | "\\" | "times"> = {
      ["__proto__"]: 1, class: "q'q", 'a"b': "v1", "\\": ["x", null], times: "whatever",
    }
    // @ts-expect-error not one of its values
    export const wrong: Pick<Row<"drop table; --">, "class"> = { class: "q" }
    export const given: Args<"say */ \"hi\""> = { "p-1": null, class: 1, def: null }
    // @ts-expect-error it must be given
    export const left: Args<"say */ \"hi\""> = { class: 1 }
    export const twice: Args<"twice">[] = [{ p_a: 1 }, { p_b: "x" }]
    export const numbers: Returns<"123"> = [1, null]
    export const call = (client: SyncwellClient) => client.rpc("gave_record")
    console.log(JSON.stringify([columns["drop table; --"], columns["__proto__"], columns.toString, sqlStates.SW999]))
    if (!Object.keys(columns).includes("__proto__")) throw new Error("no member of its own")
    """
    try:
        built = compiled(tmp_path, syncwell=codegen.typescript(hostile), using=using)
    except UnavailableError as reason:
        unavailable("node", reason)
    done = subprocess.run(
        [node.find(TYPED).executable, str(built / "using.js")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('[["constructor","__proto__","__x","class","a\\"b","*/ throw 1 /*","new\\nline",')
    assert '["id"],["one","constructor"],{"name":"bad\\"name","status":400' in done.stdout
    text = (tmp_path / "syncwell.ts").read_text(encoding="utf-8")
    assert "\u2028" not in text
    assert "\u202e" not in text


def test_the_same_catalog_gives_the_same_file(catalog: codegen.Catalog, database: Database) -> None:
    """Wherever the rows of the catalog lie, and in whatever order things were made."""
    texts = [codegen.typescript(catalog), codegen.python(catalog)]
    with psycopg.connect(database.uri()) as connection:
        names = connection.execute(
            """
            select p.oid::regprocedure::text, pg_get_functiondef(p.oid), obj_description(p.oid), p.proacl::text[]
            from pg_proc as p
            where p.pronamespace = 'syncwell'::regnamespace and p.proname like 'get_sync%%'
            order by random()
            """
        ).fetchall()
        connection.execute("reindex table pg_proc")
        for signature, definition, comment, _ in names:
            connection.execute(f"drop function {signature}".encode())
            connection.execute(definition)
            connection.execute(
                sql.SQL("comment on function {} is {}").format(sql.SQL(signature), comment)  # type: ignore[arg-type]
            )
        connection.execute("alter table syncwell.sync_state alter column last_status set statistics 10")
    again = of(database, "a_admin")
    assert [codegen.typescript(again), codegen.python(again)] == texts


def run(database: Database, *arguments: str, login: str = "a_member") -> Any:
    return CliRunner().invoke(app, ["types", *arguments, "--dsn", database.uri(login)])


def test_the_command_writes_prints_and_checks(database: Database, tmp_path: Path) -> None:
    target = tmp_path / "syncwell_types.py"
    printed = run(database, "--lang", "python")
    assert printed.exit_code == 0
    done = run(database, "--lang", "python", "--output", str(target))
    assert (done.exit_code, done.stdout) == (0, "")
    assert target.read_text(encoding="utf-8") == printed.stdout
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    target.chmod(0o640)
    assert run(database, "--lang", "python", "--output", str(target), "--check").exit_code == 0
    with psycopg.connect(database.uri()) as connection:
        connection.execute("alter table syncwell.sync_events drop constraint sync_events_type_is_known")
    changed = run(database, "--lang", "python", "--output", str(target), "--check")
    assert changed.exit_code == 1
    assert "write it again" in changed.stdout
    assert target.read_text(encoding="utf-8") == printed.stdout
    assert run(database, "--lang", "python", "--output", str(target)).exit_code == 0
    assert target.stat().st_mode & 0o777 == 0o640
    # a list that the database no longer keeps is told as what it is
    text = target.read_text(encoding="utf-8")
    assert "SyncType = " in printed.stdout
    assert "SyncType" not in text
    assert "sync_type: str | None" in text


def test_mistakes_are_told_in_three_lines(database: Database, cluster: Cluster, tmp_path: Path) -> None:
    for given, said in (
        (("--lang", "rust"), "rust"),
        (("--lang", "python", "--check"), "--check needs --output"),
        (("--lang", "python", "--output", str(tmp_path / "nowhere" / "x.py")), "No such file"),
    ):
        done = run(database, *given)
        assert done.exit_code == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    # nothing is granted to it
    refused = run(database, "--lang", "python", login="t_owner")
    assert (refused.exit_code, "42501" in refused.stderr) == (2, True)
    with cluster.database(template="template1") as bare:
        done = run(bare, "--lang", "python", login="postgres")
    assert done.exit_code == 2
    assert "no syncwell" in done.stderr
