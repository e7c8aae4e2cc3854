"""What can be registered for syncing, by whom, and what that changes; every refusal says why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from harness import Tenants

if TYPE_CHECKING:
    from harness import Database

MEMBER = Tenants.id("a_member")

TABLE = "create table {name} (id uuid primary key, user_id uuid, title text)"


@pytest.fixture
def app(db: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """The superuser in a transaction that is rolled back, with a schema for tables."""
    db.execute("create schema app; grant usage on schema app to syncwell_owner")
    return db


def register(connection: psycopg.Connection[Any], table: str, **options: Any) -> int:
    """Call register_synced_table() by named arguments."""
    named = "".join(f", p_{name} => %({name})s" for name in options)
    row = connection.execute(
        f"select syncwell.register_synced_table(%(table)s{named})".encode(), {"table": table, **options}
    ).fetchone()
    assert row is not None
    return int(row[0])


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a view": ("create view app.t as select 1 as id", {}, "is a view"),
    "a materialized view": ("create materialized view app.t as select 1 as id", {}, "is a materialized view"),
    "a foreign table": (
        "create foreign data wrapper nowhere; create server nowhere foreign data wrapper nowhere;"
        " create foreign table app.t (id uuid, user_id uuid) server nowhere",
        {},
        "is a foreign table",
    ),
    "a sequence": ("create sequence app.t", {}, "is no table"),
    "an unlogged table": ("create unlogged table app.t (id uuid primary key, user_id uuid)", {}, "unlogged"),
    "an unlogged partition": (
        "create table app.t (id uuid primary key, user_id uuid) partition by hash (id);"
        " create unlogged table app.t_0 partition of app.t for values with (modulus 1, remainder 0)",
        {},
        "unlogged",
    ),
    "a foreign partition": (
        "create table app.t (id uuid, user_id uuid) partition by hash (id);"
        " create foreign data wrapper nowhere; create server nowhere foreign data wrapper nowhere;"
        " create foreign table app.t_0 partition of app.t for values with (modulus 1, remainder 0) server nowhere",
        {},
        "foreign table as a partition",
    ),
    "a partition": (
        "create table app.p (id uuid primary key, user_id uuid) partition by hash (id);"
        " create table app.t partition of app.p for values with (modulus 1, remainder 0)",
        {},
        "is a partition",
    ),
    "a child": (
        TABLE.format(name="app.p") + "; create table app.t (primary key (id)) inherits (app.p)",
        {},
        "inherits",
    ),
    "a parent": (TABLE.format(name="app.t") + "; create table app.c () inherits (app.t)", {}, "inherited"),
    "no key": ("create table app.t (id uuid not null, user_id uuid)", {}, "No unique key"),
    "a nullable id": ("create table app.t (id uuid unique, user_id uuid)", {}, "may be NULL"),
    "a deferrable key": (
        "create table app.t (id uuid not null unique deferrable, user_id uuid)",
        {},
        "No unique key",
    ),
    "a partial key": (
        "create table app.t (id uuid not null, user_id uuid);"
        " create unique index on app.t (id) where user_id is not null",
        {},
        "No unique key",
    ),
    "a key of an expression": (
        "create table app.t (id text not null, user_id uuid); create unique index on app.t (lower(id))",
        {},
        "No unique key",
    ),
    "a key with other columns": (
        "create table app.t (id uuid, user_id uuid, kind text, primary key (id, kind))",
        {},
        "No unique key",
    ),
    "a key with the time of a partition": (
        "create table app.t (id uuid, user_id uuid, at timestamptz, primary key (id, at)) partition by range (at)",
        {},
        "partitioned by RANGE (at)",
    ),
    "an id of a wrong type": ("create table app.t (id numeric primary key, user_id uuid)", {}, "of type numeric"),
    "an owner of a wrong type": ("create table app.t (id uuid primary key, user_id bigint)", {}, "of type bigint"),
    "an org of a wrong type": (
        "create table app.t (id uuid primary key, user_id uuid, org_id bigint)",
        {"org_column": "org_id"},
        "of type bigint",
    ),
    "no owner": ("create table app.t (id uuid primary key)", {}, "no column user_id"),
    "no id": ("create table app.t (user_id uuid)", {}, "no column id"),
    "no org": (TABLE.format(name="app.t"), {"org_column": "org_id"}, "no column org_id"),
    "one column for two": (TABLE.format(name="app.t"), {"scope_column": "id"}, "named for two"),
    "a system column": (TABLE.format(name="app.t"), {"columns": ["xmin"]}, "no column xmin"),
    "a missing column": (TABLE.format(name="app.t"), {"columns": ["titel"]}, "no column titel"),
    "a column twice": (TABLE.format(name="app.t"), {"columns": ["title", "title"]}, "listed twice"),
    "no column": (TABLE.format(name="app.t"), {"columns": [None]}, "no column NULL"),
    "the id as a column": (TABLE.format(name="app.t"), {"columns": ["id"]}, "sent as id already"),
    "a column id that is not the id": (
        "create table app.t (key uuid primary key, user_id uuid, id text)",
        {"id_column": "key"},
        "No client takes a column id",
    ),
    "_status": ("create table app.t (id uuid primary key, user_id uuid, _status text)", {}, "_status"),
    "_changed": ("create table app.t (id uuid primary key, user_id uuid, _changed text)", {}, "_changed"),
    "__proto__": ("create table app.t (id uuid primary key, user_id uuid, __proto__ text)", {}, "__proto__"),
    "constructor": ("create table app.t (id uuid primary key, user_id uuid, constructor text)", {}, "constructor"),
    "a name with a quote": ('create table app.t (id uuid primary key, user_id uuid, "a\'b" text)', {}, "a'b"),
    "a name with a space": ('create table app.t (id uuid primary key, user_id uuid, "a b" text)', {}, "a b"),
    "an unknown encoding": (TABLE.format(name="app.t"), {"encodings": '{"title": "rot13"}'}, "sent as rot13"),
    "an encoding that does not fit": (
        TABLE.format(name="app.t"),
        {"encodings": '{"title": "number"}'},
        "sent as number",
    ),
    "no encoding": (TABLE.format(name="app.t"), {"encodings": '{"title": null}'}, "sent as NULL"),
    "an encoding of nothing": (TABLE.format(name="app.t"), {"encodings": '{"titel": "text"}'}, "titel is not among"),
    "encodings that are no object": (TABLE.format(name="app.t"), {"encodings": '["title"]'}, "no object"),
    "read-only nothing": (TABLE.format(name="app.t"), {"read_only": ["titel"]}, "titel is not among"),
    "an unknown policy": (TABLE.format(name="app.t"), {"conflict_policy": "rejekt"}, "no conflict policy"),
    "a policy that is no name": (
        TABLE.format(name="app.t"),
        {"conflict_policy": "'; drop table app.t; --"},
        "no conflict",
    ),
    "a policy with other arguments": (
        TABLE.format(name="app.t") + "; create function app.decide(jsonb) returns jsonb language sql as 'select $1'",
        {"conflict_policy": "app.decide"},
        "no conflict policy",
    ),
    "a policy with another result": (
        TABLE.format(name="app.t")
        + "; create function app.decide(jsonb, jsonb, text[]) returns json language sql as 'select $1::json'",
        {"conflict_policy": "app.decide"},
        "does not return one jsonb",
    ),
    "a name with a quote for the collection": (TABLE.format(name="app.t"), {"name": 'to"dos'}, "no name"),
    "an underscore first": (TABLE.format(name="app.t"), {"name": "_todos"}, "no name"),
    "a name that is too long": (TABLE.format(name="app.t"), {"name": "t" * 49}, "no name"),
    "a name of JavaScript": (TABLE.format(name="app.t"), {"name": "constructor"}, "no name"),
    "a name that is taken": (
        TABLE.format(name="app.t")
        + ";"
        + TABLE.format(name="app.o")
        + "; select syncwell.register_synced_table('app.o')",
        {"name": "o"},
        "clashes",
    ),
    "a name whose functions are taken": (
        TABLE.format(name="app.t")
        + ";"
        + TABLE.format(name="app.o")
        + "; select syncwell.register_synced_table('app.o')",
        {"name": "o_pull_2"},
        "clashes",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_not_be_synced_is_refused_with_the_reason(app: psycopg.Connection[Any], case: str) -> None:
    statements, options, reason = REFUSED[case]
    app.execute(statements.encode())
    with pytest.raises(psycopg.Error) as refused, app.transaction():
        register(app, "app.t", **options)
    assert refused.value.sqlstate == "SW302"
    assert reason in (refused.value.diag.message_detail or "")
    assert refused.value.diag.message_hint
    assert app.execute("select from syncwell.synced_tables where table_name = 't'").rowcount == 0


@pytest.mark.parametrize("table", ["syncwell.orgs", "pg_catalog.pg_class", "pg_temp.t"])
def test_tables_of_others_are_refused(app: psycopg.Connection[Any], table: str) -> None:
    app.execute("create temporary table t (id uuid primary key, user_id uuid)")
    with pytest.raises(psycopg.Error) as refused:
        register(app, table)
    assert refused.value.sqlstate == "SW302"


def test_a_schema_that_the_owner_may_not_use_is_named(db: psycopg.Connection[Any]) -> None:
    db.execute("create schema app")
    db.execute(TABLE.format(name="app.t").encode())
    with pytest.raises(psycopg.Error) as refused:
        register(db, "app.t")
    assert (refused.value.sqlstate, refused.value.diag.message_hint) == (
        "SW302",
        "grant usage on schema app to syncwell_owner;",
    )


@pytest.mark.parametrize(
    "name", ["scope_column", "id_column", "conflict_policy", "encodings", "read_only", "rls_revokes"]
)
def test_null_is_refused(app: psycopg.Connection[Any], name: str) -> None:
    app.execute(TABLE.format(name="app.t").encode())
    with pytest.raises(psycopg.Error) as refused:
        register(app, "app.t", **{name: None})
    assert refused.value.sqlstate == "22004"


def test_an_unknown_kind_of_scope_is_refused(app: psycopg.Connection[Any]) -> None:
    app.execute(TABLE.format(name="app.t").encode())
    with pytest.raises(psycopg.Error) as refused:
        register(app, "app.t", scope="galaxy")
    assert refused.value.sqlstate == "22023"


@pytest.mark.parametrize(
    ("table", "options", "key"),
    [
        ("id bigint primary key, user_id text", {}, ["id"]),
        ("id varchar(20) not null unique, user_id varchar(36)", {}, ["id"]),
        ("id smallint, user_id uuid, primary key (user_id, id)", {}, ["user_id", "id"]),
        ("id text, user_id uuid, org_id uuid, primary key (org_id, id)", {"org_column": "org_id"}, ["org_id", "id"]),
        (
            "id text, org_id uuid, primary key (org_id, id)",
            {"scope_column": "org_id", "scope": "org"},
            ["org_id", "id"],
        ),
        ("id uuid primary key, user_id uuid, unique (id, user_id)", {}, ["id"]),
        ("id uuid not null, user_id uuid, title text, unique (id) include (title)", {}, ["id"]),
    ],
)
def test_keys_that_find_a_record(
    app: psycopg.Connection[Any], table: str, options: dict[str, Any], key: list[str]
) -> None:
    app.execute(f"create table app.t ({table})".encode())
    register(app, "app.t", **options)
    assert app.execute("select key_columns::text[] from syncwell.synced_tables where table_name = 't'").fetchone() == (
        key,
    )
    assert problems(app) == []


# --- columns -----------------------------------------------------------------------------------------------------

# Type, value, options: how it is sent by default, and how else.
VALUES: list[tuple[str, str, str | None, Any]] = [
    ("text", "'x'", None, "x"),
    ("varchar(5)", "'x'", None, "x"),
    ("char(3)", "'x'", None, "x"),
    ("uuid", "'00000000-0000-0000-0000-00000000000A'", None, "00000000-0000-0000-0000-00000000000a"),
    ("app.mood", "'low'", None, "low"),
    ("name", "'x'", None, "x"),
    ("inet", "'10.0.0.1'", None, "10.0.0.1"),
    ("interval", "'1 day 2 hours'", None, "1 day 02:00:00"),
    ("date", "'2026-01-31'", None, "2026-01-31"),
    ("date", "'0044-03-15 BC'", None, "0044-03-15 BC"),
    ("date", "'5874897-12-31'", None, "5874897-12-31"),
    ("date", "'infinity'", None, "infinity"),
    ("date", "'2026-01-31'", "iso", "2026-01-31"),
    ("date", "'5874897-12-31'", "iso", None),
    ("date", "'1970-01-02'", "epoch_ms", 86400000),
    ("date", "'-infinity'", "epoch_ms", None),
    ("time", "'12:30'", None, "12:30:00"),
    ("smallint", "7", None, 7),
    ("bigint", "9007199254740993", None, 9007199254740993),
    ("bigint", "9007199254740993", "text", "9007199254740993"),
    ("numeric", "1.50", None, 1.50),
    ("numeric", "1.50", "text", "1.50"),
    ("numeric", "'NaN'", None, None),
    ("numeric", "'Infinity'", None, None),
    ("numeric", "1e400", None, None),
    ("numeric(5,2)", "'NaN'", None, None),
    ("real", "1.5", None, 1.5),
    ("double precision", "'-Infinity'", None, None),
    ("double precision", "'NaN'", None, None),
    ("double precision", "0.1", None, 0.1),
    ("boolean", "true", None, True),
    ("boolean", "true", "text", "true"),
    ("timestamptz", "'2026-01-31 12:00:00.1239+01'", None, 1769857200123),
    ("timestamptz", "'1969-12-31 23:59:59.9999+00'", None, -1),
    ("timestamptz", "'infinity'", None, None),
    ("timestamptz", "'2026-01-31 12:00:00.5+01'", "epoch_s", 1769857200),
    ("timestamptz", "'2026-01-31 12:00:00.123456+01'", "iso", "2026-01-31T11:00:00.123456Z"),
    ("timestamptz", "'0044-03-15 12:00+00 BC'", "iso", None),
    ("timestamptz", "'infinity'", "iso", None),
    ("timestamp", "'2026-01-31 12:00'", None, 1769860800000),
    ("timestamp", "'2026-01-31 12:00'", "iso", "2026-01-31T12:00:00.000000Z"),
    ("timestamp", "'-infinity'", None, None),
    ("json", """'{"a": 1}'""", None, '{"a": 1}'),
    ("jsonb", """'{"a":1}'""", None, '{"a": 1}'),
    ("text[]", "array['a', null]", None, '["a",null]'),
    ("text[]", "array['a', null]", "text", "{a,NULL}"),
    ("timestamptz[]", "array['2026-01-31 12:00+01'::timestamptz]", None, '["2026-01-31T11:00:00+00:00"]'),
    ("app.place", "row(1, '2026-01-31')::app.place", None, '{"x":1,"day":"2026-01-31"}'),
    ("tstzrange", "'[2026-01-31 12:00+01,)'", None, '["2026-01-31 11:00:00+00",)'),
    ("bytea", r"'\x00ff'", None, "AP8="),
    ("bytea", "decode(repeat('00', 90), 'hex')", None, "A" * 120),
    ("app.percent", "12.5", None, 12.5),
    ("app.moment", "'1970-01-01 00:00:01+00'", None, 1000),
    ("point", "'(1,2)'", None, "(1,2)"),
]


def test_columns_by_type(app: psycopg.Connection[Any]) -> None:
    """The same for every session, whatever its settings."""
    app.execute(
        """
        create type app.mood as enum ('low', 'high');
        create type app.place as (x integer, day date);
        create domain app.percent as numeric(5, 2) check (value < 100);
        create domain app.at as timestamptz;
        create domain app.moment as app.at;
        """
    )
    columns = ", ".join(f"v{n} {kind}" for n, (kind, _, _, _) in enumerate(VALUES))
    app.execute(f"create table app.t (id uuid primary key, user_id uuid, {columns})".encode())
    encodings = {f"v{n}": encoding for n, (_, _, encoding, _) in enumerate(VALUES) if encoding}
    register(app, "app.t", encodings=json.dumps(encodings))
    app.execute(
        f"insert into app.t values (gen_random_uuid(), null, {', '.join(value for _, value, _, _ in VALUES)})".encode()
    )

    def seen() -> str:
        row = app.execute("select row_to_json(t)::text from (select * from syncwell_tables.t) as t").fetchone()
        assert row is not None
        return str(row[0])

    text = seen()
    record = json.loads(text)
    assert [(kind, value, record[f"v{n}"]) for n, (kind, value, _, _) in enumerate(VALUES)] == [
        (kind, value, expected) for kind, value, _, expected in VALUES
    ]
    app.execute(
        "set local datestyle = 'German'; set local intervalstyle = 'iso_8601'; set local timezone = 'Asia/Tokyo';"
        "set local bytea_output = 'escape'"
    )
    assert seen() == text

    # the JSON type that is announced is the one that comes
    types = dict(app.execute("select column_name, json_type from syncwell.synced_columns").fetchall())
    python = {"string": (str,), "number": (int, float), "boolean": (bool,)}
    assert all(
        record[f"v{n}"] is None or isinstance(record[f"v{n}"], python[types[f"v{n}"]]) for n in range(len(VALUES))
    )


def test_which_columns_a_push_may_write(app: psycopg.Connection[Any]) -> None:
    app.execute(
        """
        create table app.t (
          id uuid primary key, user_id uuid, title text, locked text,
          upper_title text generated always as (upper(title)) stored,
          number integer generated always as identity,
          rank integer generated by default as identity
        )
        """
    )
    register(
        app, "app.t", read_only=["locked"], columns=["rank", "number", "upper_title", "locked", "title", "user_id"]
    )
    rows = app.execute("select column_name, writable from syncwell.synced_columns order by position").fetchall()
    assert [name for name, writable in rows if writable] == ["rank", "title"]
    assert len(rows) == 6


def test_all_but_id_owner_and_org_are_sent_by_default(app: psycopg.Connection[Any]) -> None:
    app.execute("create table app.t (key text primary key, b text, who uuid, firm uuid, a text)")
    app.execute("alter table app.t drop column b; alter table app.t add column c text")
    register(app, "app.t", id_column="key", scope_column="who", org_column="firm")
    rows = app.execute("select column_name from syncwell.synced_columns order by position").fetchall()
    assert rows == [("a",), ("c",)]
    view = app.execute("select * from syncwell_tables.t").description
    assert [column.name for column in view or []] == ["_key", "_owner", "_org", "id", "a", "c"]


# --- hostile names -----------------------------------------------------------------------------------------------


def test_hostile_names(app: psycopg.Connection[Any]) -> None:
    app.execute(
        """
        create schema "sch""ema; drop table x; --";
        grant usage on schema "sch""ema; drop table x; --" to syncwell_owner;
        create table "sch""ema; drop table x; --"."Ta'b""le $$ %s" (
          "i d'" text primary key, "own""er" text, "Title" text, "select" text, "found" text, "scope" text,
          "record_id" text
        );
        create table "sch""ema; drop table x; --"."c%I'h" (id uuid primary key, user_id uuid, $body$ text);
        """.replace("$body$", '"$body$"')
    )
    options = {"id_column": "i d'", "scope_column": 'own"er', "name": "Todos"}
    table = """ "sch""ema; drop table x; --"."Ta'b""le $$ %s" """
    register(app, table, **options)
    insert = f"insert into {table} values (%s, %s, 'x')".replace("$$ %s", "$$ %%s")
    app.execute(insert.encode(), ["it's", str(MEMBER)])
    app.execute(insert.encode(), ["nobody's", "'; drop table x; --"])
    app.execute(insert.encode(), ["capital's", str(MEMBER).upper()])
    app.execute(f"update {table} set \"Title\" = 'y'".encode())
    assert app.execute("select scope, record_id from syncwell.record_changes").fetchall() == [(MEMBER, "it's")]
    assert app.execute('select id, "Title", "select" from syncwell_tables."Todos" order by id').fetchone() == (
        "capital's",
        "y",
        None,
    )
    app.execute(f'update {table} set "own""er" = \'me\''.encode())
    app.execute(f"truncate {table}".encode())
    assert problems(app) == []
    assert app.execute("select syncwell.unregister_synced_table(%s)", [table]).fetchone() == (True,)
    assert left_over(app) == 0
    with pytest.raises(psycopg.Error) as refused:
        register(app, """ "sch""ema; drop table x; --"."c%I'h" """, name="c")
    assert refused.value.sqlstate == "SW302"


# --- who ---------------------------------------------------------------------------------------------------------


def test_an_ordinary_owner_registers_its_table(app: psycopg.Connection[Any]) -> None:
    app.execute("create role t_apps; grant t_apps to operator; grant all on schema app to t_apps, t_owner")
    app.execute(TABLE.format(name="app.t").encode())
    app.execute(TABLE.format(name="app.o").encode())
    app.execute("alter table app.t owner to t_apps; alter table app.o owner to t_owner")
    # a member of the owner, and operator
    app.execute("set session authorization operator")
    register(app, "app.t")
    assert app.execute("select syncwell.ensure_tracking()").fetchone() == (0,)
    assert app.execute("select registered_by from syncwell.synced_tables").fetchone() == ("operator",)
    for statement in (
        "select syncwell.register_synced_table('app.o')",
        "select * from syncwell._register_table("
        " 'app.o', 'user_id', 'id', null, 'reject', 'user', null, '{}', '{}', false, null, true)",
    ):
        with pytest.raises(psycopg.Error) as refused, app.transaction():
            app.execute(statement.encode())
        assert refused.value.sqlstate == "42501"
    assert app.execute("select syncwell.unregister_synced_table('app.t')").fetchone() == (True,)
    app.execute("reset session authorization; set session authorization t_owner")
    # the owner, but no operator
    with pytest.raises(psycopg.Error) as refused, app.transaction():
        register(app, "app.o")
    assert refused.value.sqlstate == "42501"
    app.execute("reset session authorization; grant syncwell_operator to t_owner; set session authorization t_owner")
    register(app, "app.o")
    app.execute("reset session authorization; set session authorization operator")
    for function in ("ensure_tracking", "unregister_synced_table"):
        with pytest.raises(psycopg.Error) as refused, app.transaction():
            app.execute(f"drop trigger syncwell_inserted on app.o; select syncwell.{function}('app.o')".encode())
        assert refused.value.sqlstate == "42501"
    for statement in ("select syncwell._unregister_table('app.o')", "select syncwell._note_tracking('app.o', true)"):
        with pytest.raises(psycopg.Error) as refused, app.transaction():
            app.execute(statement.encode())
        assert refused.value.sqlstate == "42501"


def test_rights_that_a_role_has_laid_down_do_not_make_triggers(app: psycopg.Connection[Any]) -> None:
    app.execute("create role t_low; grant syncwell_operator to t_low; grant usage on schema app to t_low")
    app.execute(TABLE.format(name="app.t").encode())
    app.execute("set local role t_low")
    with pytest.raises(psycopg.Error) as refused:
        register(app, "app.t")
    assert refused.value.sqlstate == "42501"


def test_what_devices_use_is_granted_and_the_rest_is_not(app: psycopg.Connection[Any]) -> None:
    app.execute(TABLE.format(name="app.t").encode())
    register(app, "app.t")
    assert app.execute(
        """
        select has_table_privilege('syncwell_client', 'syncwell_tables.t', 'select'),
          has_table_privilege('syncwell_client', 'syncwell_tables.t', 'insert, update, delete'),
          has_table_privilege('public', 'syncwell_tables.t', 'select'),
          has_function_privilege('syncwell_client', 'syncwell_tables.t_inserted()', 'execute')
        """
    ).fetchone() == (True, False, False, False)
    # the view has no rights of its own
    app.execute("insert into app.t values (gen_random_uuid(), %s, 'x')", [MEMBER])
    app.execute("set session authorization a_member")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("select * from syncwell_tables.t")


# --- again -------------------------------------------------------------------------------------------------------


def problems(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    return [tuple(row) for row in connection.execute("select relation, problem from syncwell.check_tracking()")]


def left_over(connection: psycopg.Connection[Any]) -> int:
    """How many triggers, functions and views there are that registration makes."""
    row = connection.execute(
        """
        select (select count(*) from pg_proc where pronamespace = 'syncwell_tables'::regnamespace)
        + (select count(*) from pg_class where relnamespace = 'syncwell_tables'::regnamespace)
        + (select count(*) from pg_trigger where tgname like 'syncwell\\_%')
        """
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_registering_again_changes_nothing(database: Database) -> None:
    app = database.connect(autocommit=True)
    app.execute("create schema app; grant usage on schema app to syncwell_owner")
    app.execute(TABLE.format(name="app.t").encode())
    first = register(app, "app.t", encodings='{"title": "text"}')
    writer = database.connect()
    writer.execute("insert into app.t values (gen_random_uuid(), null, 'x')")
    # no lock that the writer is in the way of, no transaction id
    app.execute("set lock_timeout = '100ms'")
    with app.transaction():
        assert register(app, "app.t", encodings='{"title": "text"}') == first
        assert app.execute("select pg_current_xact_id_if_assigned()").fetchone() == (None,)


def row(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute("select * from syncwell.synced_tables where relation = 'app.t'::regclass").fetchone()
    assert found is not None
    return found


def test_registering_with_other_arguments(database: Database) -> None:
    app = database.connect(autocommit=True)
    app.execute("create schema app; grant usage on schema app to syncwell_owner")
    app.execute("create table app.t (id uuid primary key, user_id uuid, other_id uuid, title text, body text)")
    first = register(app, "app.t", columns=["title"])
    # what devices get is the same: they need not be told
    for options in ({"conflict_policy": "server_wins"}, {"read_only": ["title"]}, {"rls_revokes": True}):
        assert register(app, "app.t", columns=["title"], **options) == first
        assert row(app)["reset_xid"] is None
    assert row(app)["conflict_policy"] == "reject"
    # what they get is another
    resets = [None]
    for columns, owner in (
        (["title", "body"], "user_id"),
        (["body"], "user_id"),
        (["body"], "other_id"),
        (["body"], "user_id"),
    ):
        assert register(app, "app.t", columns=columns, scope_column=owner) == first
        resets.append(row(app)["reset_xid"])
    assert len(set(resets)) == 5
    # in another order they are the same
    register(app, "app.t", columns=["title", "body"])
    known = row(app)["reset_xid"]
    register(app, "app.t", columns=["body", "title"])
    assert row(app)["reset_xid"] == known
    assert problems(app) == []
    app.execute("insert into app.t values (gen_random_uuid(), %s, null, 'x', 'y')", [MEMBER])
    app.execute("update app.t set body = 'z'")
    assert app.execute("select count(*) from syncwell.record_changes").fetchone() == (1,)


def test_another_name_is_another_collection(app: psycopg.Connection[Any]) -> None:
    app.execute(TABLE.format(name="app.t").encode())
    first = register(app, "app.t")
    app.execute("alter table app.t rename to renamed")
    assert register(app, "app.renamed") == first, "the name of a collection stays when its table's changes"
    second = register(app, "app.renamed", name="todos")
    assert second != first
    assert app.execute("select table_name from syncwell.synced_tables").fetchall() == [("todos",)]
    assert problems(app) == []
    assert app.execute("select to_regclass('syncwell_tables.t')").fetchone() == (None,)


def test_unregistering_leaves_nothing_behind(app: psycopg.Connection[Any]) -> None:
    app.execute("create table app.p (id bigint primary key, user_id uuid) partition by range (id)")
    app.execute("create table app.p_1 partition of app.p for values from (0) to (10)")
    before = left_over(app)
    register(app, "app.p")
    app.execute("create table app.p_2 partition of app.p for values from (10) to (20)")
    app.execute("select syncwell.ensure_tracking()")
    app.execute("insert into app.p values (1, %s)", [MEMBER])
    app.execute("alter table app.p detach partition app.p_1")
    assert app.execute("select syncwell.unregister_synced_table('app.p')").fetchone() == (True,)
    assert left_over(app) == before
    assert app.execute("select count(*) from syncwell.record_changes").fetchone() == (0,)
    assert app.execute("select syncwell.unregister_synced_table('app.p')").fetchone() == (False,)
    app.execute("drop table app.p, app.p_1")


def test_a_name_that_was_known_before_is_replaced_not_created(app: psycopg.Connection[Any]) -> None:
    app.execute(TABLE.format(name="app.t").encode())
    first = register(app, "app.t")
    assert row(app)["reset_xid"] is None
    app.execute("select syncwell.unregister_synced_table('app.t')")
    assert register(app, "app.t") != first
    assert row(app)["reset_xid"] == row(app)["registered_xid"]


def test_tables_are_written_in_the_order_of_their_foreign_keys(app: psycopg.Connection[Any]) -> None:
    app.execute(
        """
        create table app.a (id uuid primary key, user_id uuid, up uuid references app.a);
        create table app.b (id uuid primary key, user_id uuid, a uuid references app.a);
        create table app.c (id uuid primary key, user_id uuid, b uuid references app.b, a uuid references app.a)
        partition by hash (id);
        create table app.c_0 partition of app.c for values with (modulus 1, remainder 0);
        create table app.d (id uuid primary key, user_id uuid, c uuid references app.c);
        create table app.round (id uuid primary key, user_id uuid, d uuid references app.d);
        alter table app.a add column round uuid references app.round;
        """
    )

    def order() -> list[str]:
        return [row[0] for row in app.execute("select table_name from syncwell.synced_tables order by position")]

    for table in "dcba":
        register(app, f"app.{table}")
    assert order() == ["a", "b", "c", "d"]
    register(app, "app.round")
    assert sorted(order()) == ["a", "b", "c", "d", "round"]
    assert len({row[0] for row in app.execute("select position from syncwell.synced_tables")}) == 5
    app.execute("alter table app.a drop column round cascade")
    app.execute("drop trigger syncwell_inserted on app.a; select syncwell.ensure_tracking()")
    assert order() == ["a", "b", "c", "d", "round"]


def test_registration_reads_no_row(app: psycopg.Connection[Any]) -> None:
    app.execute(TABLE.format(name="app.t").encode())
    app.execute("insert into app.t select gen_random_uuid(), %s from generate_series(1, 100)", [MEMBER])
    read = "select pg_stat_get_xact_tuples_returned(oid), pg_stat_get_xact_tuples_fetched(oid) from pg_class"
    read += " where oid = 'app.t'::regclass"
    before = app.execute(read).fetchone()
    register(app, "app.t")
    register(app, "app.t", columns=[])
    app.execute("select syncwell.resync_table('app.t')")
    assert app.execute(read).fetchone() == before
    assert app.execute("select count(*) from syncwell.record_changes").fetchone() == (0,)
