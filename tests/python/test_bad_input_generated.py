"""Bad input generated from the catalog: every public function, each parameter in turn, with values nobody expects.

A call that its rightful caller makes with success is made again with one argument replaced: by NULL, nothing, much, a
wrong kind of JSON, NaN, infinity, years far away, unknown ids, SQL and characters that fool the eye. It may succeed;
where it fails, it fails with an SQLSTATE that its comment tells, and says what, which and what to do.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from harness.calling import CANNOT_BE_CALLED, FUNCTIONS, RIGHTFUL, qualified, variants
from harness.two_orgs import becoming

if TYPE_CHECKING:
    from harness.calling import Argument
    from harness.two_orgs import World

COMMENTS = """
select p.proname, string_agg(obj_description(p.oid, 'pg_proc'), ' ')
from pg_proc as p where p.pronamespace = 'syncwell'::regnamespace and p.proname !~ '^_' group by p.proname
"""
# A right that is missing may be told by the server itself.
EVERYWHERE = {"42501"}
DEEP, LONG, MANY = 2_000, 100_000, 2_000

TEXTS = [
    "", " ", "\n", "x" * LONG, "'; drop table syncwell.orgs cascade; --", '"', "\\", "$$", "%s %I", "\u202e",
    "a\u0301\U0001d518\ufeff\u200b", "NULL", "../../etc/passwd", "<script>alert(1)</script>", "-1", "1e400", "NaN",
    "infinity", "{}", "[]", "x.y.z", "pg_catalog", "00000000-0000-0000-0000-000000000000",
]  # fmt: skip
DOCUMENTS = [
    "null", "true", "0", "-1", "1e300", '""', '"x"', "[]", "[null]", "[[]]", "[1, 2]", "{}", '{"": null}',
    '{"x": {"x": []}}', '[{"id": null}]', '[{"id": {}}]', '[{"id": "1"}, {"id": "1"}]', '{"a": 1, "b": [{}]}',
    "[" * DEEP + "]" * DEEP, json.dumps({"x": "x" * LONG}), json.dumps(list(range(MANY))),
    json.dumps([{"id": str(n)} for n in range(MANY)]), json.dumps({str(n): None for n in range(MANY)}),
]  # fmt: skip
# what jsonb does not take at all
RAW = ['"\\u0000"', '{"\\u0000": "\\ud800"}', '{"id": 1, "id": 2}', '[{"id": "\\udc00\\ud800"}]']
VALUES: dict[str, list[str]] = {
    "text": TEXTS,
    "name": [value for value in TEXTS if len(value) < 64],
    "boolean": ["true", "false"],
    "integer": ["0", "-1", "1", "2147483647", "-2147483648"],
    "smallint": ["0", "-1", "32767", "-32768"],
    "bigint": ["0", "-1", "9223372036854775807", "-9223372036854775808", "2147483648"],
    "numeric": ["0", "-1", "NaN", "infinity", "-infinity", "1e-300", "1e1000"],
    "double precision": ["0", "-1", "NaN", "infinity", "-infinity", "1e-300", "1e300"],
    "interval": ["0", "-1 day", "1 microsecond", "178000000 years", "-178000000 years", "1 month -31 days"],
    "timestamp with time zone": [
        "infinity", "-infinity", "4713-01-01 BC", "0001-01-01 BC", "1969-12-31", "1970-01-01", "2000-02-29",
        "9999-12-31", "294276-12-31 23:59:59.999999+00", "epoch",
    ],
    "date": ["infinity", "-infinity", "4713-01-01 BC", "5874897-12-31", "1970-01-01"],
    "uuid": [
        "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "0190aaaa-dead-7000-8000-000000000001",
    ],
    "jsonb": DOCUMENTS,
    "json": [*DOCUMENTS, *RAW],
    "regclass": ["pg_class", "syncwell.orgs", "information_schema.tables", "pg_toast.pg_toast_1255"],
    "regtype": ["text", "anyelement", "void", "syncwell.orgs"],
    "pg_snapshot": ["1:1:", "9223372036854775806:9223372036854775807:"],
}  # fmt: skip


def hostile(world: World, type_name: str) -> list[sql.Composable]:
    """Each value as SQL."""
    if type_name.endswith("[]"):
        element = type_name.removesuffix("[]")
        values = VALUES.get(element, [])
        arrays = [[], [None], values[:1] * 2, [None, *values[:1]], values[:1] * MANY, *([value] for value in values)]
        some = [world.connection.execute("select %s::text[]::text", [array]).fetchall()[0][0] for array in arrays]
    else:
        some = VALUES.get(type_name.replace("anyelement", "text"), [])
    kind = sql.SQL("::" + type_name)  # type: ignore[arg-type]
    return [sql.SQL("null") + kind, *(sql.Literal(value) + kind for value in some)]


def documented(world: World) -> dict[str, set[str]]:
    """By function: the SQLSTATEs that its comment tells."""
    found = {}
    for name, comment in world.rows(COMMENTS):
        errors = " ".join(re.findall(r"Errors?: (.*?)(?:$|(?<=\.) (?=[A-Z]))", comment or ""))
        found[name] = set(re.findall(r"\b(SW\d{3}|[0-9][0-9A-Z]{4})\b", errors))
    return found


def calls(world: World) -> list[tuple[tuple[str, str | None], str, str, list[Argument], list[dict[str, Any]]]]:
    """For each public function a caller and the arguments with which it succeeds; and its parameters."""
    found: dict[str, Any] = {}
    for who in RIGHTFUL:
        for function, kind, is_entrance, parameters in world.rows(FUNCTIONS, who[0]):
            if not is_entrance or function.startswith("_") or "." in function:
                continue
            for arguments in variants(world, parameters):
                if function in found:
                    break
                if refusal(world, who, called(function, kind, arguments)) is None:
                    found[function] = (who, function, kind, arguments, parameters)
    return list(found.values())


def called(function: str, kind: str, arguments: list[Argument], **replaced: sql.Composable) -> sql.Composed:
    """The call, with some of its arguments replaced, or given besides."""
    given = {a.name: sql.Literal(a.value) + sql.SQL("::" + a.type) for a in arguments}  # type: ignore[arg-type]
    values = [sql.SQL("{} => {}").format(sql.Identifier(name), value) for name, value in (given | replaced).items()]
    verb = "call {}({})" if kind == "p" else "select * from {}({})"
    return sql.SQL(verb).format(qualified(function), sql.SQL(", ").join(values))


def refusal(world: World, who: tuple[str, str | None], query: sql.Composable) -> psycopg.Error | None:
    """The error that a call ends with, in a transaction that is rolled back."""
    try:
        world.connection.execute(becoming(*who, forged=False))
        world.connection.execute(query)
    except psycopg.Error as error:
        return error
    finally:
        world.connection.rollback()
    return None


def wrong(error: psycopg.Error, told: set[str]) -> str | None:
    """What is wrong with an error that bad input has led to."""
    state, diagnosis = error.sqlstate or "", error.diag
    if state not in told | EVERYWHERE:
        return f"{state} is not in its comment: {diagnosis.message_primary}"
    if state not in EVERYWHERE and not (diagnosis.message_detail and diagnosis.message_hint):
        return f"{state} without detail or hint: {diagnosis.message_primary}"
    return None


def findings(world: World, only: str = "") -> list[str]:
    """One line for each function, parameter and kind of failure that is none of those its comment tells."""
    told = documented(world)
    found: dict[tuple[str, str, str], str] = {}
    for who, function, kind, arguments, parameters in calls(world):
        if only and function != only:
            continue
        for parameter in parameters:
            for value in hostile(world, parameter["type"]):
                query = called(function, kind, arguments, **{parameter["name"]: value})
                error = refusal(world, who, query)
                if error is not None and (why := wrong(error, told[function])):
                    said = value.as_string(world.connection)[:80]
                    found.setdefault((function, parameter["name"], why[:5]), f"{said}: {why}")
    return [f"{function}({name} => {line}" for (function, name, _), line in sorted(found.items())]


def test_every_granted_function_is_called(world: World) -> None:
    granted = {name for who in RIGHTFUL for name, _, _, _ in world.rows(FUNCTIONS, who[0])} & documented(world).keys()
    assert granted - {function for _, function, *_ in calls(world)} == CANNOT_BE_CALLED.keys() & granted


def test_bad_input_is_refused_as_the_comment_says(world: World) -> None:
    world.connection.execute("set statement_timeout = '20s'")
    world.connection.commit()
    found = findings(world)
    assert found == [], f"{len(found)}:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "body", ["select 1 / p_number", "select 1 from unnest(array[1]) limit p_number", "select 2147483646 + p_number"]
)
def test_it_bites(world: World, body: str) -> None:
    """The control: a function that looks at nothing."""
    world.connection.execute(
        f"create function syncwell.careless(p_number integer) returns integer language sql return ({body});"
        " comment on function syncwell.careless is 'Errors: 22023.';"
        " grant execute on function syncwell.careless to syncwell_client".encode()
    )
    world.connection.commit()
    try:
        assert findings(world, "careless")
    finally:
        world.connection.execute("drop function syncwell.careless")
        world.connection.commit()
