"""`syncwell doctor`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from itertools import groupby
from pathlib import Path
from typing import Annotated
from uuid import UUID

import psycopg
import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from syncwell.cli.doctor import connection as server
from syncwell.cli.doctor import delivering, schema, serving
from syncwell.cli.doctor.finding import Finding, Severity, has_error, unchecked
from syncwell.cli.exits import FOUND
from syncwell.cli.options import AsOrg, AsUser, Dsn, Json
from syncwell.cli.output import console, plain, print_json, styled
from syncwell.cli.session import Session, refuse_both
from syncwell.cli.waiting import Wait, waiting

_SHOWN = 4
_INDENT = 11


def doctor(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="FILE", envvar="SYNCWELL_ALERTS_CONFIG", help="The alert channels."),
    ] = None,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """Explain a set-up that does not work: what is wrong, why that matters, and what cures it.

    Looked at are the way to the server, its version and clock, a pooler between, the schema and its version, this
    login's roles and binding, what the database finds by itself (grants, row-level security, partitions, maintenance,
    evaluation), the SYNCWELL_ variables of `syncwell serve`, and the alert channels. It changes nothing, and works
    without rights and without a server: what it cannot look at it says.

    Exit code: 0 everything that could be looked at works; 1 something does not.

    \b
    Examples:
      syncwell doctor -d postgresql://worker@db/app
      syncwell doctor -d postgresql://ops@db/app --config alerts.toml
      syncwell doctor --json | jq '.[] | select(.severity == "error")'
    """
    refuse_both(as_user, as_org)
    with waiting("connecting") as wait:
        findings = [*_of_database(wait, dsn, as_user, as_org)]
        wait.tell("looking at the environment")
        findings += serving.look(os.environ)
        findings += delivering.look_at_file(config)
    if as_json:
        print_json(findings)
    else:
        _tell(findings)
    if has_error(findings):
        raise typer.Exit(FOUND)


def _of_database(wait: Wait, dsn: str | None, as_user: UUID | None, as_org: UUID | None) -> Generator[Finding]:
    connection, reached = server.reach(dsn)
    yield reached
    if connection is None:
        yield unchecked("schema", "there is no connection to look at it")
        return
    ask = Session(connection, as_user, as_org)
    try:
        with connection:
            wait.tell("looking at the server")
            yield from server.look(connection)
            yield server.pooler(dsn, connection)
            wait.tell("looking at the schema")
            yield from schema.look(connection, ask)
            yield from delivering.look_at_channels(ask)
    except psycopg.OperationalError as error:
        yield Finding(
            check="connection",
            severity="error",
            found=f"it broke: {' '.join(str(error).split())}",
            why="What comes after this could not be looked at.",
            cure="See the server's log, and try again.",
        )


def _tell(findings: list[Finding]) -> None:
    """A line each, and below what is wrong why that matters and its cures, in whole lines, to be copied."""
    screen = console()
    for (severity, check), group in groupby(findings, lambda one: (one.severity, one.check)):
        alike = list(group)
        for one in alike[:_SHOWN]:
            line = Table.grid(padding=(0, 2, 0, 0))
            line.add_column(width=_INDENT - 2)
            line.add_column()
            line.add_row(styled(severity), Text.assemble((f"{check}: ", "bold"), plain(one.found)))
            screen.print(line)
        if len(alike) > _SHOWN:
            screen.print(_below(Text(f"and {len(alike) - _SHOWN} more like it: --json has all", "dim")))
        if alike[0].why is not None:
            screen.print(_below(Text(plain(alike[0].why), "dim")))
        for cure in list(dict.fromkeys(one.cure for one in alike if one.cure is not None))[:_SHOWN]:
            screen.print(Text.assemble(" " * _INDENT, ("cure: ", "green"), plain(cure)), soft_wrap=True)
    screen.print()
    screen.print(_summary(findings))


def _below(text: Text) -> Padding:
    return Padding(text, (0, 0, 0, _INDENT), expand=False)


def _summary(findings: list[Finding]) -> Text:
    number = Counter(one.severity for one in findings)
    if not number["error"] and not number["warning"]:
        rest = f"; {number['unchecked']} could not be looked at" if number["unchecked"] else ""
        return Text(f"All that was looked at is well{rest}.", "green")
    kinds: tuple[Severity, ...] = ("error", "warning")
    parts = [f"{number[one]} {one}{'' if number[one] == 1 else 's'}" for one in kinds if number[one]]
    return Text(f"{' and '.join(parts)}.", "bold red" if number["error"] else "yellow")
