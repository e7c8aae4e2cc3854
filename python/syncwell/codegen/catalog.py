"""What of a database a client can call and read: functions, relations and errors, as the catalog has them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg.rows import dict_row

from syncwell.codegen.values import NAMES, values_of

__all__ = ["Catalog", "Column", "ErrorCode", "Function", "Parameter", "Relation", "Type", "read"]

Scalar = Literal["string", "number", "integer", "boolean", "json", "nothing"]

_SCALARS: dict[str, Scalar] = {
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "float4": "number",
    "float8": "number",
    "numeric": "number",
    "bool": "boolean",
    "json": "json",
    "jsonb": "json",
    "void": "nothing",
}

_TYPES = """
select
  t.oid,
  t.typname::text as name,
  t.typnamespace = 'pg_catalog'::regnamespace as is_builtin,
  t.typtype::text as kind,
  t.typbasetype as base,
  case when t.typcategory = 'A' then t.typelem else 0 end as element,
  t.typrelid as relation,
  array(select e.enumlabel::text from pg_enum as e where e.enumtypid = t.oid order by e.enumsortorder) as labels,
  array(
    select pg_get_constraintdef(c.oid)
    from pg_constraint as c
    where c.contypid = t.oid and c.contype = 'c'
    order by c.conname
  ) as checks
from pg_type as t
"""
_FUNCTIONS = """
select
  p.proname::text as name,
  pg_get_function_identity_arguments(p.oid) as arguments,
  p.proretset as is_set,
  p.prorettype as returns,
  obj_description(p.oid, 'pg_proc') as comment,
  array(
    select jsonb_build_object(
      'name', coalesce(p.proargnames[a.place], ''),
      'mode', coalesce(p.proargmodes[a.place], 'i'),
      'type', a.type,
      'default', pg_get_function_arg_default(p.oid, a.place::integer)
    )
    from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality as a (type, place)
    order by a.place
  ) as parameters
from pg_proc as p
where p.pronamespace = 'syncwell'::regnamespace
  and p.prokind = 'f'
  and p.proname !~ '^_'
  and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
  and exists (
    select from unnest(array['syncwell_client', 'syncwell_reader', 'syncwell_worker']) as r (name)
    where has_function_privilege(r.name, p.oid, 'execute')
  )
"""
_RELATIONS = """
select
  c.oid,
  c.relname::text as name,
  obj_description(c.oid, 'pg_class') as comment
from pg_class as c
where c.relnamespace = 'syncwell'::regnamespace
  and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and not c.relispartition
"""
_COLUMNS = """
select
  a.attname::text as name,
  a.atttypid as type,
  a.attnotnull as not_null,
  col_description(a.attrelid, a.attnum) as comment,
  exists (
    select from unnest(array['syncwell_client', 'syncwell_reader', 'syncwell_worker']) as r (name)
    where has_column_privilege(r.name, a.attrelid, a.attnum, 'select')
  ) as is_readable,
  array(
    select pg_get_constraintdef(c.oid)
    from pg_constraint as c
    where c.conrelid = a.attrelid and c.contype = 'c' and c.conkey = array[a.attnum]
    order by c.conname
  ) as checks
from pg_attribute as a
where a.attrelid = %s and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""
_CONSTRAINTS = """
select distinct c.conname::text, pg_get_constraintdef(c.oid)
from pg_constraint as c
where c.connamespace = 'syncwell'::regnamespace and c.contype = 'c' and c.conparentid = 0
order by 1, 2
"""
_ERRORS = "select sqlstate, name, http_status, description from syncwell.error_codes"

# A list of texts and nothing else. NULL passes it too; one that is not enforced, or not valid yet, says nothing.
_SUBJECT = r"""(?:VALUE|\w+|"(?:[^"()']|"")+")"""
_LIST = re.compile(
    rf"CHECK \(\((?:{_SUBJECT}|\({_SUBJECT}\)::text) = "
    r"(?:ANY \(\(?ARRAY\[(?P<many>.+?)\](?:\)::text\[\])?\)|(?P<one>.+))\)\)",
    re.DOTALL,
)
_LITERAL = re.compile(r"(E?)'((?:[^']|'')*)'::(?:text|character varying|name)(?:, |$)")


@dataclass(frozen=True)
class Column:
    """A column of a result, a relation or a composite type."""

    name: str
    type: Type
    nullable: bool = True
    comment: str | None = None


@dataclass(frozen=True)
class Type:
    """What a value is in JSON: a scalar, one of some texts, a list, or an object."""

    scalar: Scalar = "string"
    values: tuple[str, ...] | None = None
    element: Type | None = None
    columns: tuple[Column, ...] | None = None


@dataclass(frozen=True)
class Parameter:
    """A parameter: may it be left out, may it be null."""

    name: str
    type: Type
    optional: bool
    nullable: bool


@dataclass(frozen=True)
class Function:
    """A function by its named parameters."""

    name: str
    parameters: tuple[Parameter, ...]
    returns: Type
    comment: str | None


@dataclass(frozen=True)
class Relation:
    """A table or view, with the columns that may be read."""

    name: str
    columns: tuple[Column, ...]
    comment: str | None


@dataclass(frozen=True)
class ErrorCode:
    """A SQLSTATE of syncwell's own."""

    sqlstate: str
    name: str
    http_status: int
    description: str


@dataclass(frozen=True)
class Catalog:
    """All of it, in an order that depends on names alone; lists of values that have a name, by that."""

    functions: tuple[Function, ...]
    relations: tuple[Relation, ...]
    errors: tuple[ErrorCode, ...]
    values: tuple[tuple[str, tuple[str, ...]], ...]

    def name_of(self, values: tuple[str, ...]) -> str | None:
        """The name of this list of values."""
        wanted = set(values)
        return next((name for name, known in self.values if set(known) == wanted), None)


def read(connection: psycopg.Connection[Any]) -> Catalog:
    """Read the catalog of this database; the login needs syncwell_reader."""
    return _Reader(connection).catalog()


class _Reader:
    """One reading: what types are is asked once."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._types = {row["oid"]: row for row in self._rows(_TYPES)}
        self._known: dict[int, Type] = {}
        lists: dict[str, set[tuple[str, ...]]] = {}
        for name, definition in ((row["conname"], row["pg_get_constraintdef"]) for row in self._rows(_CONSTRAINTS)):
            values = _list_of(definition)
            if values:
                lists.setdefault(name, set()).add(values)
        # a name that stands for two lists stands for none
        self._values = values_of({name: found.pop() for name, found in lists.items() if len(found) == 1})

    def catalog(self) -> Catalog:
        relations = (self._relation(row) for row in self._rows(_RELATIONS))
        return Catalog(
            functions=tuple(
                function
                for function in map(self._function, sorted(self._rows(_FUNCTIONS), key=_by_signature))
                if function is not None
            ),
            relations=tuple(sorted((one for one in relations if one.columns), key=lambda one: one.name)),
            errors=tuple(sorted((ErrorCode(**row) for row in self._rows(_ERRORS)), key=lambda one: one.sqlstate)),
            values=tuple(sorted(self._values.items())),
        )

    def _rows(self, query: str, parameters: tuple[object, ...] = ()) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query.encode(), parameters or None).fetchall()

    def _function(self, row: dict[str, Any]) -> Function | None:
        """None: it cannot be called by names alone."""
        name: str = row["name"]
        inputs = [one for one in row["parameters"] if one["mode"] in "ibv"]
        if not all(one["name"] for one in inputs):
            return None
        outputs = [one for one in row["parameters"] if one["mode"] in "otb"]
        if outputs:
            columns = tuple(
                Column(one["name"] or f"column{place}", self._placed(name, one)) for place, one in enumerate(outputs, 1)
            )
            returns = Type(columns=columns)
        else:
            returns = self._type(row["returns"])
        return Function(
            name=name,
            parameters=tuple(
                Parameter(
                    one["name"],
                    self._placed(name, one),
                    optional=one["default"] is not None,
                    # who may not leave it out may have to say null
                    nullable=one["default"] is None or re.match(r"NULL(::|$)", one["default"]) is not None,
                )
                for one in inputs
            ),
            returns=Type(element=returns) if row["is_set"] else returns,
            comment=row["comment"],
        )

    def _placed(self, owner: str, parameter: dict[str, Any]) -> Type:
        return self._named(owner, parameter["name"], self._type(int(parameter["type"])))

    def _named(self, owner: str, column: str, kind: Type) -> Type:
        name = NAMES.get(f"{owner}.{column}")
        if name is None or name not in self._values or kind != Type():
            return kind
        return Type(values=self._values[name])

    def _relation(self, row: dict[str, Any]) -> Relation:
        columns = (
            Column(one.name, self._named(row["name"], one.name, one.type), one.nullable, one.comment)
            for one in self._columns(row["oid"], readable=True)
        )
        return Relation(row["name"], tuple(columns), row["comment"])

    def _columns(self, relation: int, *, readable: bool = False) -> Iterable[Column]:
        for row in self._rows(_COLUMNS, (relation,)):
            if readable and not row["is_readable"]:
                continue
            kind = self._type(row["type"])
            values = _checked(row["checks"])
            yield Column(
                row["name"],
                Type(values=values) if values and kind == Type() else kind,
                nullable=not row["not_null"],
                comment=row["comment"],
            )

    def _type(self, oid: int) -> Type:
        if oid not in self._known:
            self._known[oid] = self._made(self._types[oid])
        return self._known[oid]

    def _made(self, row: dict[str, Any]) -> Type:
        if row["kind"] == "d":
            base = self._type(row["base"])
            values = _checked(row["checks"])
            return Type(values=values) if values and base == Type() else base
        if row["kind"] == "e":
            return Type(values=tuple(row["labels"])) if row["labels"] else Type()
        if row["kind"] == "c":
            return Type(columns=tuple(self._columns(row["relation"])))
        if row["element"]:
            return Type(element=self._type(row["element"]))
        if row["kind"] == "p":
            return Type("nothing" if row["name"] == "void" else "json")
        return Type(_SCALARS.get(row["name"], "string") if row["is_builtin"] else "string")


def _by_signature(row: dict[str, Any]) -> tuple[str, str]:
    return row["name"], row["arguments"]


def _checked(checks: list[str]) -> tuple[str, ...] | None:
    """The values of the first check that is a list of them."""
    return next(filter(None, map(_list_of, checks)), None)


def _list_of(definition: str) -> tuple[str, ...] | None:
    """The values that a check allows, if it says nothing else."""
    found = _LIST.fullmatch(definition)
    if found is None:
        return None
    text = found["many"] or found["one"]
    values: list[str] = []
    place = 0
    while place < len(text):
        literal = _LITERAL.match(text, place)
        if literal is None:
            return None
        escaped, body = literal.groups()
        body = body.replace("''", "'")
        values.append(body.replace("\\\\", "\\") if escaped else body)
        place = literal.end()
    return tuple(dict.fromkeys(values))
