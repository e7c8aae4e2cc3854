"""types: what a client can call and read, as types of its language."""

from __future__ import annotations

import os
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from syncwell import codegen
from syncwell.cli.failures import CommandError
from syncwell.cli.options import Dsn, Json
from syncwell.cli.output import print_json, write
from syncwell.cli.session import connected


class Lang(StrEnum):
    """For whom."""

    TYPESCRIPT = "typescript"
    PYTHON = "python"


def types(
    lang: Annotated[Lang, typer.Option("--lang", "-l", help="For whom.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", dir_okay=False, help="Where to; default: print it.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; is FILE what would be written? For CI.")
    ] = False,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Write types of all functions, tables and errors, as this database's catalog has them.

    For TypeScript with a client of PostgREST and of `syncwell serve` in the same file, which needs nothing but fetch;
    for Python TypedDicts and Literals. The same catalog always gives the same file. Login with role syncwell_reader.

    Exit code: 0 done; 1 --check found another file.

    \b
    Examples:
      syncwell types --lang typescript -o src/syncwell.ts
      syncwell types --lang python -o app/syncwell_types.py --check
    """
    if check and output is None:
        raise CommandError("--check needs --output", None, "Say which file to check.")
    with connected(dsn) as connection, connection.transaction():
        connection.execute("set transaction isolation level repeatable read read only")
        catalog = codegen.read(connection)
    text = codegen.typescript(catalog) if lang is Lang.TYPESCRIPT else codegen.python(catalog)
    if output is None:
        if as_json:
            print_json({"lang": lang.value, "text": _ended(text)})
        else:
            write(_ended(text))
        return
    same = output.exists() and output.read_text(encoding="utf-8", errors="replace") == _ended(text)
    if not check:
        _write(output, text)
    if as_json:
        print_json({"lang": lang.value, "file": str(output), "same": same})
    elif check and not same:
        print(f"{output} is not what the database has: write it again")
    if check and not same:
        raise typer.Exit(1)


def _ended(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def _write(output: Path, text: str) -> None:
    """Whole or not at all: a compiler may be watching."""
    mode = output.stat().st_mode & 0o777 if output.exists() else 0o666 & ~_umask()
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="\n", dir=output.parent, prefix=f".{output.name}.", delete=False
    ) as file:
        try:
            file.write(_ended(text))
            file.flush()
            Path(file.name).chmod(mode)
            Path(file.name).replace(output)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
