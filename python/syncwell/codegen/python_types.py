"""Python: a module of TypedDicts and Literals, for JSON as PostgREST sends it."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Sequence

from syncwell.codegen.catalog import Catalog, Column, Parameter, Type
from syncwell.codegen.text import printable

__all__ = ["python"]

_SCALARS = {
    "string": "str",
    "number": "float",
    "integer": "int",
    "boolean": "bool",
    "json": "JsonValue",
    "nothing": "None",
}
_HEAD = '''\
"""Written by `syncwell types --lang python` from a database's catalog. Do not edit: write it again.

Values are as PostgREST sends them: times, intervals and ids as text, and what may be unknown as None. Of a result
nobody knows more than its type, so that every column of it may be None; of a table a column that is never null says so.
A number that is none (NaN, Infinity) comes as text.
"""

from typing import Literal, NotRequired, TypeAlias, TypedDict

JsonValue: TypeAlias = "str | int | float | bool | None | list[JsonValue] | dict[str, JsonValue]"
'''

# a field: its name, its type, and whether it may be left out
_Field = tuple[str, str, bool]


def python(catalog: Catalog) -> str:
    """A module of types."""
    return "\n".join(_Module(catalog).lines())


class _Module:
    """One module: each of its names is given once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._taken = {name for name, _ in catalog.values} | {
            "JsonValue", "Literal", "NotRequired", "TypeAlias", "TypedDict", "SqlState", "ErrorName", "SQL_STATES",
        }  # fmt: skip
        self._before: list[str] = []

    def lines(self) -> Iterable[str]:
        catalog = self._catalog
        yield _HEAD
        for name, values in catalog.values:
            yield f"{name} = {_literal(values)}"
        if catalog.errors:
            yield f"SqlState = {_literal(one.sqlstate for one in catalog.errors)}"
            yield f"ErrorName = {_literal(dict.fromkeys(one.name for one in catalog.errors))}"
            yield "\n# the name of an error, and what HTTP calls it"
            yield "SQL_STATES: dict[SqlState, tuple[ErrorName, int]] = {"
            for error in catalog.errors:
                yield f"    {error.sqlstate!a}: ({error.name!a}, {error.http_status}),"
            yield "}"
        for relation in catalog.relations:
            fields = self._columns(relation.name, relation.columns)
            yield from self._typed(self._named(relation.name, "Relation"), fields, relation.comment)
        for function in catalog.functions:
            if function.parameters:
                given = self._parameters(function.name, function.parameters)
                yield from self._typed(self._named(function.name, "Args"), given, function.comment)
            row = function.returns.element if function.returns.element is not None else function.returns
            if row.columns:
                fields = self._columns(function.name, row.columns)
                yield from self._typed(self._named(function.name, "Row"), fields, function.comment)
            else:
                kind = self._type(function.name, function.returns, nullable=function.returns.element is None)
                name = self._named(function.name, "Result")
                yield from self._drained()
                yield f"\n{name}: TypeAlias = {kind}"

    def _columns(self, owner: str, columns: Sequence[Column]) -> list[_Field]:
        return [(one.name, self._type(owner, one.type, nullable=one.nullable), False) for one in columns]

    def _parameters(self, owner: str, parameters: Sequence[Parameter]) -> list[_Field]:
        return [(one.name, self._type(owner, one.type, nullable=one.nullable), one.optional) for one in parameters]

    def _type(self, owner: str, kind: Type, *, nullable: bool) -> str:
        if kind.element is not None:
            text = f"list[{self._type(owner, kind.element, nullable=kind.element.columns is None)}]"
        elif kind.columns is not None:
            fields = self._columns(owner, kind.columns)
            text = self._named(owner, "Part")
            # what it is made of stands before it, and it before what it is a part of
            part = list(self._typed(text, fields, None))
            self._before.extend(part)
        elif kind.values is not None:
            text = self._catalog.name_of(kind.values) or _literal(kind.values)
        else:
            text = _SCALARS[kind.scalar]
        return f"{text} | None" if nullable and kind.scalar not in ("json", "nothing") else text

    def _drained(self) -> Iterable[str]:
        before, self._before = self._before, []
        return before

    def _typed(self, name: str, fields: Sequence[_Field], comment: str | None) -> Iterable[str]:
        yield from self._drained()
        written = [(field, f"NotRequired[{kind}]" if optional else kind) for field, kind, optional in fields]
        if all(_is_plain(field) for field, _ in written):
            yield f"\n\nclass {name}(TypedDict):"
            if comment:
                yield f'    """{_docstring(comment)}"""\n'
            yield from (f"    {field}: {kind}" for field, kind in written)
            if not written and not comment:
                yield "    pass"
        else:
            yield f"\n\n{name} = TypedDict(\n    {name!a},\n    {{"
            yield from (f"        {field!a}: {kind}," for field, kind in written)
            yield "    },\n)"

    def _named(self, name: str, suffix: str) -> str:
        """A name for a class that nothing else in the module has."""
        words = re.findall(r"[A-Za-z0-9]+", name)
        made = "".join(word[0].upper() + word[1:] for word in words) + suffix
        base = f"_{made}" if made[0].isdigit() else made
        number = 1
        made = base
        while made in self._taken:
            number += 1
            made = f"{base}{number}"
        self._taken.add(made)
        return made


def _is_plain(name: str) -> bool:
    # two underscores at the front would be mangled
    return name.isascii() and name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("__")


def _literal(values: Iterable[str]) -> str:
    return f"Literal[{', '.join(ascii(value) for value in values)}]"


def _docstring(comment: str) -> str:
    return printable(comment).replace("\\", "\\\\").replace('"', '\\"')
