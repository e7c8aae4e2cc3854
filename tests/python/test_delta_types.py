"""Column types: what a device pulls and pushes back unchanged leaves the table as it was; what it edits arrives."""

from __future__ import annotations

import datetime
import json
import os
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.synced import create, device, link_of, register, rows
from harness.watermelon import Column

if TYPE_CHECKING:
    from harness import Database, Tenants

USER = "(select syncwell.current_user_id())"
ORG = "org_id = (select syncwell.current_org_id())"

Connection = psycopg.Connection[Any]

TYPES = """
create type public.mood as enum ('fine', 'so so', 'it''s "bad"');
create domain public.short as text check (length(value) <= 2000);
create domain public.percent as integer check (value between 0 and 100);
create domain public.moment as timestamptz;
"""
COLUMNS = {
    "note": "text",
    "small": "smallint",
    "n": "integer",
    "big": "bigint",
    "num": "numeric",
    "price": "numeric(12, 2)",
    "single": "real",
    "double": "double precision",
    "flag": "boolean",
    "word": "varchar(2000)",
    "padded": "char(12)",
    "feeling": "public.mood",
    "tags": "text[]",
    "numbers": "integer[]",
    "doc": "jsonb",
    "old_doc": "json",
    "bin": "bytea",
    "day": "date",
    "hour": "time",
    "local": "timestamp",
    "at": "timestamptz",
    "at_iso": "timestamptz",
    "at_s": "timestamptz",
    "lasts": "interval",
    "ref": "uuid",
    "net": "inet",
    "dom": "public.short",
    "pct": "public.percent",
    "mom": "public.moment",
}
ENCODINGS = {"at_iso": "iso", "at_s": "epoch_s"}
DEFINITION = (
    "(id text primary key, user_id uuid not null, "
    + ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    + ", twice integer generated always as (n % 1000 * 2) stored, seq bigint generated always as identity"
    + ", made integer not null default 42)"
)

# what breaks JSON, JavaScript, SQL or COPY when it is not escaped
_AWKWARD = [
    "\u2028\u2029",
    "'; drop table things; --",
    '"\\',
    "\\N",
    "\\u0041",
    "\t\r\n\b\f",
    "😀👩‍👩‍👧",
    "\x7f\x01",
    "ﬀ İ ẞ",
    "null",
    " ",
]
_TEXT = st.one_of(
    st.sampled_from(_AWKWARD), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
)
_INFINITE = st.sampled_from(["infinity", "-infinity"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
).map(json.dumps)
_MOMENTS = st.one_of(
    st.datetimes(datetime.datetime(1, 1, 2), datetime.datetime(9999, 12, 30)).map(str),
    _INFINITE,
    st.sampled_from(["294276-12-31 23:59:59.999999", "4713-01-01 00:00:00 BC", "1970-01-01 00:00:00", "epoch",
                     "1969-12-31 23:59:59.999999", "2026-03-29 02:30:00.000001", "2000-02-29 12:00:00.0005"]),
)  # fmt: skip
_FLOATS = st.floats().map(str)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "note": _TEXT,
    "small": st.integers(-(2**15), 2**15 - 1),
    "n": st.integers(-(2**31), 2**31 - 1),
    "big": st.integers(-(2**63), 2**63 - 1) | st.sampled_from([2**53, 2**53 + 1, -(2**53) - 1]),
    "num": st.decimals(-(10**40), 10**40).map(str)
    | st.sampled_from(
        ["1e400", "1e300", "-1e-200", "0.10", "1.0000", "12345678901234567890.12345678901234567890", "9" * 40]
    )
    | st.sampled_from(["NaN", "Infinity", "-Infinity"]),
    "price": st.decimals(-(10**9), 10**9, places=2),
    "single": st.floats(width=32).map(str),
    "double": _FLOATS | st.sampled_from(["-0", "5e-324", "1.7976931348623157e308", "0.1"]),
    "flag": st.booleans(),
    "word": _TEXT,
    "padded": st.sampled_from(["", "a", "a  b", "twelve chars"]),
    "feeling": st.sampled_from(["fine", "so so", 'it\'s "bad"']),
    "tags": st.lists(_TEXT | st.none(), max_size=3),
    "numbers": st.lists(st.integers(-(2**31), 2**31 - 1) | st.none(), max_size=3),
    "doc": _JSON,
    "old_doc": _JSON,
    "bin": st.binary(max_size=20),
    "day": st.dates().map(str) | _INFINITE | st.sampled_from(["5874897-12-31", "4713-01-01 BC"]),
    "hour": st.times().map(str) | st.just("24:00"),
    "local": _MOMENTS,
    "at": _MOMENTS,
    "at_iso": _MOMENTS,
    "at_s": _MOMENTS,
    "lasts": st.sampled_from(["1 year 2 mons 3 days 04:05:06.000007", "-1 day", "0", "178000000 years"]),
    "ref": st.uuids(),
    "net": st.sampled_from(["10.0.0.1", "10.0.0.0/8", "::1", "fe80::/10"]),
    "dom": _TEXT,
    "pct": st.integers(0, 100),
    "mom": _MOMENTS,
}
PROPERTY = settings(
    max_examples=int(os.environ.get("SYNCWELL_EXAMPLES") or 40),
    derandomize="SYNCWELL_EXAMPLES" not in os.environ,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def schema_of(connection: Connection, table: str, *, optional: bool = True) -> dict[str, dict[str, Column]]:
    """The client's schema as the registration tells it."""
    found = connection.execute(
        "select c.column_name, c.json_type from syncwell.synced_columns as c"
        " join syncwell.synced_tables as t on t.table_id = c.table_id where table_name = %s order by c.position",
        [table],
    )
    return {table: {name: Column(kind, optional) for name, kind in found}}


@pytest.fixture
def superuser(database: Database) -> Connection:
    connection = database.connect(autocommit=True)
    connection.execute(TYPES.encode())
    create(connection, "things", DEFINITION)
    register(connection, "things", encodings=json.dumps(ENCODINGS), conflict_policy="last_write_wins")
    return connection


def insert(connection: Connection, user: object, record_id: str, values: dict[str, Any]) -> None:
    names = [name for name, value in values.items() if value is not None]
    marks = ", ".join(f"%({name})s::{COLUMNS[name]}" for name in names)
    connection.execute(
        f"insert into things (id, user_id{''.join(f', {name}' for name in names)})"
        f" values (%(id)s, %(user)s{', ' if names else ''}{marks})".encode(),
        {**values, "id": record_id, "user": user},
    )


def exact(connection: Connection, record_id: str) -> dict[str, str]:
    """Every column as PostgreSQL itself writes it."""
    names = [*COLUMNS, "twice", "seq", "made"]
    query = f"select {', '.join(f'{name}::text' for name in names)} from things where id = %s"
    row = connection.execute(query.encode(), [record_id]).fetchone()
    assert row is not None
    return dict(zip(names, row, strict=True))


@pytest.mark.parametrize("optional", [True, False], ids=["optional", "not optional"])
def test_a_record_pushed_back_whole_loses_nothing(
    superuser: Connection, database: Database, tenants: Tenants, optional: bool
) -> None:
    """Clients push whole records: milliseconds of microseconds, '' of NULL, doubles of numerics."""
    user = tenants.id("a_member")
    phone = device(database, "a_member", schema_of(superuser, "things", optional=optional))
    numbers = iter(range(10**6))

    @PROPERTY
    @given(st.fixed_dictionaries({name: st.none() | values for name, values in VALUES.items() if name != "note"}))
    def check(values: dict[str, Any]) -> None:
        record_id = f"r{next(numbers)}"
        superuser.execute("delete from things")
        insert(superuser, user, record_id, values)
        before = exact(superuser, record_id)
        phone.synchronize()
        assert phone.errors == []
        phone.edit("things", record_id, note="edited")
        phone.synchronize()
        assert not phone.dirty
        assert exact(superuser, record_id) == before | {"note": "edited"}

    check()
    assert superuser.execute("select count(*) from syncwell.sync_quarantine").fetchone() == (0,)


def test_a_client_that_does_not_say_what_changed_wears_nothing_away_either(
    superuser: Connection, database: Database, tenants: Tenants
) -> None:
    user = tenants.id("a_member")
    phone = device(database, "a_member", schema_of(superuser, "things"))
    numbers = iter(range(10**6))

    @PROPERTY
    @given(st.fixed_dictionaries({name: st.none() | values for name, values in VALUES.items() if name != "note"}))
    def check(values: dict[str, Any]) -> None:
        record_id = f"r{next(numbers)}"
        superuser.execute("delete from things")
        insert(superuser, user, record_id, values)
        before = exact(superuser, record_id)
        phone.synchronize()
        raw = {name: value for name, value in phone.records["things"][record_id].items() if not name.startswith("_")}
        for kind, note in (("updated", "one"), ("created", "two")):
            changes = {"things": {"created": [], "updated": [], "deleted": [], kind: [{**raw, "note": note}]}}
            link_of(phone).push(changes=changes, last_pulled_at=phone.cursor)
            assert exact(superuser, record_id) == before | {"note": note}

    check()


# what an app may set, as its own type: (column, values)
EDITS: dict[str, st.SearchStrategy[Any]] = {
    "note": _TEXT,
    "small": VALUES["small"],
    "n": VALUES["n"],
    "num": st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False, width=32),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "flag": st.booleans(),
    "word": _TEXT,
    "feeling": VALUES["feeling"],
    "at": st.integers(-62_000_000_000_000, 253_000_000_000_000),
    "at_s": st.integers(-62_000_000_000, 253_000_000_000),
    "local": st.integers(-62_000_000_000_000, 253_000_000_000_000),
    "doc": _JSON,
    "old_doc": _JSON,
    "ref": st.uuids().map(str),
    "dom": _TEXT,
    "pct": VALUES["pct"],
}


def test_what_a_device_edits_arrives(superuser: Connection, database: Database, tenants: Tenants) -> None:
    schema = schema_of(superuser, "things")
    writer, reader = device(database, "a_member", schema, "w"), device(database, "a_member", schema, "r")
    writer.create("things", "one", note="born here", n=1)
    writer.synchronize()
    reader.synchronize()

    @PROPERTY
    @given(
        st.lists(
            st.sampled_from(sorted(EDITS)).flatmap(lambda name: st.tuples(st.just(name), st.none() | EDITS[name])),
            max_size=4,
        )
    )
    def check(edits: list[tuple[str, Any]]) -> None:
        for name, value in edits:
            writer.edit("things", "one", **{name: value})
        wanted = {name: writer.records["things"]["one"][name] for name, _ in edits}
        writer.synchronize()
        assert not writer.dirty
        reader.synchronize()
        got = {name: reader.records["things"]["one"][name] for name in wanted}
        assert {name: _meaning(name, value) for name, value in got.items()} == {
            name: _meaning(name, value) for name, value in wanted.items()
        }
        writer.synchronize()
        both = [
            {name: _meaning(name, value) for name, value in phone.contents("things")["one"].items()}
            for phone in (writer, reader)
        ]
        assert both[0] == both[1]

    check()
    assert superuser.execute("select count(*) from syncwell.sync_quarantine").fetchone() == (0,)
    assert reader.errors + writer.errors == []
    assert rows(superuser, "things", "seq, made", tenants.id("a_member"))["one"] == {"seq": 1, "made": 42}


def _meaning(name: str, value: Any) -> Any:
    """jsonb keeps what a document means, not how it was written."""
    return json.loads(value) if name in ("doc", "old_doc") and value is not None else value


def test_microseconds_survive_an_edit_of_another_column(
    superuser: Connection, database: Database, tenants: Tenants
) -> None:
    user = tenants.id("a_member")
    exact_time = "2026-01-02 03:04:05.678901+00"
    insert(superuser, user, "one", {"at": exact_time, "at_s": exact_time, "at_iso": exact_time, "mom": exact_time})
    phone = device(database, "a_member", schema_of(superuser, "things"))
    phone.synchronize()
    record = phone.records["things"]["one"]
    assert record["at"] == pytest.approx(1767323045678, abs=1)
    phone.edit("things", "one", note="edited")
    phone.synchronize()
    row = superuser.execute("select distinct unnest(array[at, at_s, at_iso, mom])::text, note from things").fetchall()
    assert row == [("2026-01-02 03:04:05.678901+00", "edited")]


# ids and keys: (definition, options of the registration, two ids)
KEYS = {
    "text": ("(id text primary key, user_id uuid not null, title text)", {}, ["a-1.b_2", "B2"]),
    "varchar": ("(id varchar(36) primary key, user_id uuid not null, title text)", {}, ["a", "b"]),
    "uuid": (
        "(id uuid primary key default gen_random_uuid(), user_id uuid not null, title text)",
        {},
        ["0b2f7a34-9d2c-4a55-8f6e-2f4c5b8f0001", "0b2f7a34-9d2c-4a55-8f6e-2f4c5b8f0002"],
    ),
    "bigint": ("(id bigint primary key, user_id uuid not null, title text)", {}, ["9007199254740993", "-5"]),
    "identity": (
        "(id bigint generated by default as identity primary key, user_id uuid not null, title text)",
        {},
        ["4611686018427387904", "7"],
    ),
    "smallint": ("(id smallint primary key, user_id uuid not null, title text)", {}, ["32767", "1"]),
    "another name": (
        "(key uuid unique not null, user_id uuid not null, title text)",
        {"id_column": "key"},
        ["0b2f7a34-9d2c-4a55-8f6e-2f4c5b8f0001", "0b2f7a34-9d2c-4a55-8f6e-2f4c5b8f0002"],
    ),
    "scope and id": ("(user_id uuid, id text, title text, primary key (user_id, id))", {}, ["x", "y"]),
    "org and id": (
        "(org_id uuid, user_id uuid, id bigint, title text, primary key (org_id, id))",
        {"org_column": "org_id"},
        ["1", "2"],
    ),
    "odd names": (
        '(id text primary key, user_id uuid not null, title text, "order" text, "Camel" integer)',
        {},
        ["x", "y"],
    ),
}


@pytest.mark.parametrize("kind", KEYS)
def test_ids_of_every_type_are_strings_for_devices(database: Database, tenants: Tenants, kind: str) -> None:
    definition, options, (first, other) = KEYS[kind]
    superuser = database.connect(autocommit=True)
    create(superuser, "keyed", definition)
    register(superuser, "keyed", **options)
    schema = schema_of(superuser, "keyed")
    key = options.get("id_column", "id")
    user, org = tenants.id("a_member"), tenants.org("a")
    one, two = (device(database, "a_member", schema, name) for name in ("one", "two"))
    stranger = device(database, "b_member", schema)

    assert one.synchronize()["changes"]["keyed"]["created"] == []
    one.create("keyed", first, title="by one")
    one.synchronize()
    found = rows(superuser, "keyed", "title", user, key=key)
    assert found == {first: {"title": "by one"}}
    if "org_column" in options:
        assert superuser.execute("select org_id from keyed").fetchone() == (org,)
    two.synchronize()
    two.edit("keyed", first, title="by two")
    two.create("keyed", other, title="new")
    two.synchronize()
    one.delete("keyed", first)
    one.synchronize()
    two.synchronize()
    stranger.synchronize()
    everywhere = rows(superuser, "keyed", "title", user, key=key)
    assert everywhere == {other: {"title": "new"}}
    for phone in (one, two):
        contents = {record_id: {"title": raw["title"]} for record_id, raw in phone.contents("keyed").items()}
        assert contents == everywhere
        assert (phone.dirty, phone.errors) == (False, [])
    assert stranger.records["keyed"] == {}


def test_records_of_a_whole_org(database: Database, tenants: Tenants) -> None:
    """Scope org: every member gets the same records."""
    superuser = database.connect(autocommit=True)
    create(superuser, "shared", "(org_id uuid not null, id text, title text, primary key (org_id, id))", ORG)
    register(superuser, "shared", scope_column="org_id", scope="org")
    schema = schema_of(superuser, "shared")
    one, two, foreign = (device(database, login, schema) for login in ("a_member", "a_other", "b_member"))
    for phone in (one, two, foreign):
        phone.synchronize()
    one.create("shared", "s1", title="ours")
    one.synchronize()
    foreign.create("shared", "s1", title="theirs")
    foreign.synchronize()
    two.synchronize()
    two.edit("shared", "s1", title="ours too")
    two.synchronize()
    one.synchronize()
    foreign.synchronize()
    assert one.contents("shared") == two.contents("shared") == {"s1": {"title": "ours too"}}
    assert foreign.contents("shared") == {"s1": {"title": "theirs"}}
    assert rows(superuser, "shared", "title", tenants.org("a"), scope="org_id") == one.contents("shared")
    assert one.errors + two.errors + foreign.errors == []


def test_a_scope_that_is_text_and_no_uuid_is_nobodys(database: Database, tenants: Tenants) -> None:
    superuser = database.connect(autocommit=True)
    create(superuser, "loose", "(id text primary key, owner text, title text)", f"owner = {USER}::text")
    register(superuser, "loose", scope_column="owner")
    phone = device(database, "a_member", schema_of(superuser, "loose"))
    phone.synchronize()
    mine = str(tenants.id("a_member"))
    superuser.execute(
        "insert into loose (id, owner) values ('a', 'nobody'), ('b', null), ('c', %s), ('d', ''), ('e', %s)",
        [mine, mine.upper()],
    )
    phone.synchronize()
    assert "c" in phone.records["loose"]
    assert not {"a", "b", "d"} & set(phone.records["loose"])
    superuser.execute("update loose set owner = case id when 'a' then %s else 'nobody' end", [mine])
    phone.synchronize()
    assert set(phone.records["loose"]) == {"a"}
    assert phone.errors == []
