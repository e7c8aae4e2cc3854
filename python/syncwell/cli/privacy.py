"""privacy: what is stored about a person, taken out or erased."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, TextIO
from uuid import UUID

import psycopg
import typer
from psycopg.rows import class_row

from syncwell.cli.options import CONTEXT, AsUser, Dsn, Json
from syncwell.cli.output import Column, console, count, print_json, table
from syncwell.cli.session import acting, connect, connected
from syncwell.cli.waiting import waiting
from syncwell.ops import ErasedRows

_TELL_ROWS = 1000

privacy = typer.Typer(name="privacy", no_args_is_help=True, context_settings=CONTEXT)

Person = Annotated[UUID, typer.Argument(metavar="UUID", help="The user.")]


@privacy.callback()
def about() -> None:
    """Take out what is stored about a person, or erase it."""


@privacy.command()
def export(
    user: Person,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where to; default: stdout.")] = None,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Write everything that is stored about a user, one JSON object a line: table and row.

    With --json one JSON document: the array of them, or with --out what was written.

    As the user itself (--as-user on a gateway's login) or as an operator, which the access log keeps. The file is made
    anew, and readable by nobody else.

    \b
    Examples:
      syncwell privacy export 0190a6e2-4f6c-7000-8000-5f1c2d3e4a5b -o person.jsonl
    """
    # one document on standard output, and lines in a file
    array = as_json and out is None
    with (
        nullcontext() if out is None else waiting("asking the database") as wait,
        connect(dsn) as connection,
        _written(out) as file,
        connection.transaction(),
    ):
        number = 0
        act = acting(as_user, None)
        if act is not None:
            connection.execute(act[0], [act[1]])
        with connection.cursor().copy(
            "copy (select jsonb_build_object('table', e.table_name, 'row', e.data)::text"
            " from syncwell.export_user(%s) as e) to stdout",
            [user],
        ) as rows:
            for number, (line,) in enumerate(rows.rows(), 1):
                if array:
                    file.write("[\n" if number == 1 else ",\n")
                file.write(line if array else f"{line}\n")
                if wait is not None and number % _TELL_ROWS == 0:
                    wait.tell(f"writing, {count(number)} rows so far")
        if array:
            file.write("\n]\n" if number else "[]\n")
    if as_json and out is not None:
        print_json({"file": str(out), "rows": number})


def _written(out: Path | None) -> nullcontext[TextIO] | TextIO:
    if out is None:
        return nullcontext(sys.stdout)
    out.unlink(missing_ok=True)
    out.touch(mode=0o600, exist_ok=False)
    return out.open("w", encoding="utf-8")


@privacy.command()
def erase(
    user: Person,
    yes: Annotated[bool, typer.Option("--yes", help="Erase; without it nothing is changed.")] = False,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Erase a user for good; without --yes only show what that would do.

    Rows of the user are deleted, also its metrics; out of what others own the user is taken. Tables of your application
    stay as they are: delete their rows first. Login with role syncwell_operator.

    \b
    Examples:
      syncwell privacy erase 0190a6e2-4f6c-7000-8000-5f1c2d3e4a5b
      syncwell privacy erase 0190a6e2-4f6c-7000-8000-5f1c2d3e4a5b --yes
    """
    with connected(dsn) as connection, connection.transaction(force_rollback=not yes):
        cursor: psycopg.Cursor[ErasedRows] = connection.cursor(row_factory=class_row(ErasedRows))
        erased = cursor.execute(
            "select table_name, user_column, action, affected_rows from syncwell.erase_user(%s)", [user]
        ).fetchall()
    if as_json:
        print_json(erased)
        return
    columns: list[Column[ErasedRows]] = [
        ("table", "left", lambda one: one.table_name),
        ("by", "left", lambda one: one.user_column),
        ("rows", "right", lambda one: count(one.affected_rows)),
        ("", "left", lambda one: one.action if yes else f"would be {one.action}"),
    ]
    console().print(table(erased, columns))
    if not yes:
        console().print("Nothing is erased: add --yes to erase.")
