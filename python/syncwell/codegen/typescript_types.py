"""TypeScript: types of a catalog, and a client of PostgREST and of `syncwell serve` that has them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import groupby

from syncwell.codegen.catalog import Catalog, Column, Function, Parameter, Relation, Type
from syncwell.codegen.text import printable

__all__ = ["typescript"]

_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_WIDTH = 100
_SCALARS = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "json": "JsonValue",
    "nothing": "null",
}
_HEAD = """\
// Written by `syncwell types --lang typescript` from a database's catalog. Do not edit: write it again.
//
// Values are as PostgREST sends them: times, intervals and ids as text, and what may be unknown as null. Of a result
// nobody knows more than its type, so that every column of it may be null; of a table a column that is never null says
// so. Numbers above 2^53 lose their last digits in JavaScript, and a number that is none (NaN, Infinity) comes as text.
/* eslint-disable */

export type JsonValue = string | number | boolean | null | JsonValue[] | { [name: string]: JsonValue }
"""


def typescript(catalog: Catalog) -> str:
    """A module of types and a client."""
    return "\n".join([*_module(catalog), (files("syncwell.codegen") / "client.ts").read_text(encoding="utf-8")])


def _module(catalog: Catalog) -> Iterable[str]:
    yield _HEAD
    for name, values in catalog.values:
        yield f"export type {name} = {_union(values)}"
    yield "\n/** The errors that are syncwell's own, by SQLSTATE: their names, and what HTTP calls them. */"
    yield "export const sqlStates = {"
    for error in catalog.errors:
        facts = f"name: {_text(error.name)}, status: {error.http_status}, description: {_text(error.description)}"
        yield f"  {_key(error.sqlstate, value=True)}: {{ {facts} }},"
    yield "} as const"
    yield "export type SqlState = keyof typeof sqlStates"
    yield 'export type ErrorName = (typeof sqlStates)[SqlState]["name"]\n'
    yield "/** The columns of each relation that may be read: PostgREST refuses `select=*` where there are others. */"
    yield "export const columns = {"
    for relation in catalog.relations:
        yield f"  {_key(relation.name, value=True)}: [{', '.join(_text(one.name) for one in relation.columns)}],"
    yield "} as const\n"
    yield "export interface Relations {"
    for relation in catalog.relations:
        yield from _relation(catalog, relation)
    yield "}\n"
    yield "export interface Functions {"
    for name, functions in groupby(catalog.functions, key=lambda one: one.name):
        yield from _functions(catalog, name, list(functions))
    yield "}\n"


def _relation(catalog: Catalog, relation: Relation) -> Iterable[str]:
    yield from _comment(relation.comment, "  ")
    yield f"  {_key(relation.name)}: {{"
    for column in relation.columns:
        yield from _comment(column.comment, "    ")
        yield f"    {_field(catalog, column)}"
    yield "  }"


def _functions(catalog: Catalog, name: str, functions: Sequence[Function]) -> Iterable[str]:
    for function in functions:
        yield from _comment(function.comment, "  ")
    yield f"  {_key(name)}: {{"
    # of one name there may be several
    arguments = dict.fromkeys(_arguments(catalog, function.parameters) for function in functions)
    returns = dict.fromkeys(
        _type(catalog, function.returns, nullable=_may_be_null(function.returns)) for function in functions
    )
    yield f"    args: {' | '.join(arguments)}"
    yield f"    returns: {' | '.join(returns)}"
    yield "  }"


def _may_be_null(kind: Type) -> bool:
    """One row is always there, and so is a set, if only an empty one."""
    return kind.columns is None and kind.element is None


def _arguments(catalog: Catalog, parameters: Sequence[Parameter]) -> str:
    if not parameters:
        return "{ [name: string]: never }"
    given = (
        f"{_key(one.name)}{'?' if one.optional else ''}: {_type(catalog, one.type, nullable=one.nullable)}"
        for one in parameters
    )
    return _object(given)


def _object(members: Iterable[str]) -> str:
    """In one line where it fits, with its members indented like a function's otherwise."""
    written = list(members)
    line = f"{{ {'; '.join(written)} }}"
    if len(line) <= _WIDTH and "\n" not in line:
        return line
    return "\n".join(["{", *(f"      {member}" for member in written), "    }"])


def _field(catalog: Catalog, column: Column) -> str:
    return f"{_key(column.name)}: {_type(catalog, column.type, nullable=column.nullable)}"


def _type(catalog: Catalog, kind: Type, *, nullable: bool) -> str:
    if kind.element is not None:
        # a row of a set is never null, an element of a list may be
        inner = _type(catalog, kind.element, nullable=kind.element.columns is None)
        text = f"{inner}[]" if _IDENTIFIER.fullmatch(inner) or inner.startswith("{") else f"({inner})[]"
    elif kind.columns is not None:
        text = _object(_field(catalog, one) for one in kind.columns) if kind.columns else "object"
    elif kind.values is not None:
        text = catalog.name_of(kind.values) or _union(kind.values)
    else:
        text = _SCALARS[kind.scalar]
    return f"{text} | null" if nullable and kind.scalar not in ("json", "nothing") else text


def _union(values: Iterable[str]) -> str:
    return " | ".join(_text(value) for value in values)


def _text(text: str) -> str:
    return json.dumps(text)


def _key(name: str, *, value: bool = False) -> str:
    """A member's name; in a value __proto__ would be something else than a member."""
    if name == "__proto__":
        return '["__proto__"]' if value else name
    return name if _IDENTIFIER.fullmatch(name) else _text(name)


def _comment(comment: str | None, indent: str) -> Iterable[str]:
    if comment:
        text = printable(comment).replace("*/", "*\\/")
        yield f"{indent}/** {text} */"
