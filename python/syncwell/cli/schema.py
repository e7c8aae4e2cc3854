"""migrate, rollback, status, bundle, verify: the plain SQL files of the package, put in order."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from syncwell import migrate as runner
from syncwell.cli.failures import CommandError
from syncwell.cli.options import Dsn, Json
from syncwell.cli.output import console, plain, print_json, styled, table, write
from syncwell.cli.session import connect, connected, conninfo
from syncwell.cli.waiting import Wait, waiting
from syncwell.errors import RolesMissingError

# what is slower by less is within what a server varies by
_SLOWER = 1.5
_NOISE_MS = 20

Seconds = Annotated[
    float, typer.Option("--wait", metavar="SECONDS", min=0, help="How long to wait for another runner.")
]


def migrate(
    to: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Stop after this migration; default: the newest.")
    ] = None,
    roles: Annotated[
        bool, typer.Option("--roles", help="Make the roles of the cluster first; needs a superuser or CREATEROLE.")
    ] = False,
    backup: Annotated[
        Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Dump the schema there first, with pg_dump.")
    ] = None,
    wait_seconds: Seconds = 60,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Install the schema, or bring it up to date.

    Each migration is one transaction and records itself. Running it again, or twice at once, does no harm. Afterwards
    the installation is verified, and the time that health takes compared with before, as far as the login may.

    Exit code: 0 all well; 1 it is applied, and something is not as it should be.

    \b
    Examples:
      syncwell migrate --roles -d postgresql://postgres@db/app    the first time
      syncwell migrate --backup before.sql
    """
    with waiting("connecting") as wait, connect(dsn) as connection:
        if backup is not None:
            wait.tell("dumping what is there")
            _dump(connection, dsn, backup)
        if roles:
            connection.execute(runner.roles_sql().encode())
        before = runner.health_times(connection)
        try:
            wait.tell("waiting for another runner")
            done = runner.migrate(connection, to, wait_seconds=wait_seconds, tell=_told(wait, "applying"))
        except RolesMissingError as error:
            error.hint = "Make them with `syncwell migrate --roles`, or hand roles.sql to whoever may create roles."
            raise
        wait.tell("looking at what is there now")
        problems = _problems(connection, before) if done else []
    if as_json:
        document: dict[str, Any] = {"applied": [{"id": one.id, "name": one.name} for one in done]}
        print_json({**document, "problems": problems} if done else document)
    elif done:
        for one in done:
            print(f"applied {one.id} {one.name}")
        for problem in problems:
            print(f"problem: {plain(problem)}")
    else:
        print("nothing to do: everything is applied")
    if problems:
        raise typer.Exit(1)


def rollback(
    to: Annotated[
        str, typer.Option(metavar="NUMBER", help="Revert every migration after this one; 0000 reverts them all.")
    ],
    allow_data_loss: Annotated[
        bool, typer.Option("--allow-data-loss", help="Go on where rows would be dropped.")
    ] = False,
    wait_seconds: Seconds = 60,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Revert migrations, the newest first.

    Refused where rows would be lost, unless you allow it. The roles of the cluster stay.

    \b
    Examples:
      syncwell rollback --to 0001
      syncwell rollback --to 0000 --allow-data-loss    take everything away
    """
    with waiting("connecting") as wait, connect(dsn) as connection:
        wait.tell("waiting for another runner")
        done = runner.rollback(
            connection,
            to,
            allow_data_loss=allow_data_loss,
            wait_seconds=wait_seconds,
            tell=_told(wait, "reverting"),
        )
    if as_json:
        print_json({"reverted": [{"id": one.id, "name": one.name} for one in done]})
    elif done:
        for one in done:
            print(f"reverted {one.id} {one.name}")
    else:
        print("nothing to do: no migration after that one is applied")


def status(dsn: Dsn = None, as_json: Json = False) -> None:
    """Show which migrations are applied.

    States: applied, pending, edited (the file is not what was applied), unknown (the schema is newer than the package).

    Exit code: 0 all are applied; 1 some are pending, edited or unknown.

    \b
    Examples:
      syncwell status -d postgresql://postgres@db/app
      syncwell status > /dev/null || syncwell migrate
    """
    with connected(dsn) as connection:
        found = runner.status(connection)
    if as_json:
        print_json(found)
    else:
        console().print(
            table(
                found,
                [
                    ("number", "left", lambda one: one.id),
                    ("state", "left", lambda one: styled(one.state)),
                    ("name", "left", lambda one: one.name),
                ],
            )
        )
    if any(one.state != "applied" for one in found):
        raise typer.Exit(1)


def bundle(
    start: Annotated[str | None, typer.Option("--from", metavar="NUMBER", help="The first migration.")] = None,
    to: Annotated[str | None, typer.Option(metavar="NUMBER", help="The last migration.")] = None,
    roles: Annotated[bool, typer.Option("--roles", help="Put the script that makes the roles before them.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", dir_okay=False, help="Write to a file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the SQL for a DBA, without connecting to anything.

    \b
    Examples:
      syncwell bundle --roles > install.sql
      syncwell bundle --from 0002 -o upgrade.sql
      psql -X -v ON_ERROR_STOP=1 -f install.sql
    """
    text = runner.bundle(start, to)
    if roles:
        text = f"{runner.roles_sql()}\n{text}"
    if output is not None:
        output.write_text(text, encoding="utf-8")
        if as_json:
            print_json({"file": str(output.absolute()), "characters": len(text)})
        else:
            print(f"wrote {output}")
    elif as_json:
        print_json({"sql": text})
    else:
        write(text)


def verify(dsn: Dsn = None, as_json: Json = False) -> None:
    """Check that the installation is as it should be; changes nothing.

    Compared are the migrations with their files, and objects and grants with what the migrations left behind; checked
    are row-level security, roles, partitions, bloat, maintenance, rollups, evaluation and tracking. Login with role
    syncwell_operator.

    Exit code: 0 it is; 1 something is not.

    \b
    Examples:
      syncwell verify -d postgresql://ops@db/app
      syncwell verify --json | jq -r '.[] | select(.ok | not) | .detail'
    """
    with connected(dsn) as connection:
        checks = runner.verify(connection)
    if as_json:
        print_json(checks)
    else:
        console().print(
            table(
                checks,
                [
                    ("check", "left", lambda one: one.check),
                    ("result", "left", lambda one: styled(_result(one))),
                    ("detail", "left", lambda one: one.detail),
                ],
            )
        )
    if not all(one.ok for one in checks):
        raise typer.Exit(1)


def _told(wait: Wait, verb: str) -> runner.Told:
    return lambda file, done, of: wait.tell(f"{verb} {file.id} {file.name}", done, of)


def _problems(connection: Connection[Any], before: dict[str, float]) -> list[str]:
    """What is wrong after migrating, slower health functions included."""
    # not what is as it was asked for: some may be pending, and whoever installs can become the owner meanwhile; and
    # nothing where the login may not look
    found = [
        f"{one.check}: {one.detail}"
        for one in runner.verify(connection)
        if not one.ok and one.check not in ("migrations", "roles", "self-check")
    ]
    after = runner.health_times(connection)
    return found + [
        f"{what} of health took {before[what]:g} ms before, and {after[what]:g} ms now"
        for what in before.keys() & after.keys()
        if after[what] > _SLOWER * before[what] + _NOISE_MS
    ]


def _result(check: runner.Check) -> str:
    if not check.ok:
        return "problem"
    return "warning" if check.warned else "ok"


def _dump(connection: Connection[tuple[object, ...]], dsn: str | None, file: Path) -> None:
    """Dump the schema with pg_dump, from where the connection leads."""
    row = connection.execute("select to_regnamespace('syncwell') is not null").fetchone()
    if row is None or not row[0]:
        return
    program = shutil.which("pg_dump")
    if program is None:
        raise CommandError("there is no pg_dump to back up with", None, "Install the client tools of PostgreSQL.")
    # the password goes by the environment: everybody can read the arguments of a process
    parameters: dict[str, Any] = {**conninfo_to_dict(conninfo(dsn))}
    environment = dict(os.environ)
    if password := parameters.pop("password", None):
        environment["PGPASSWORD"] = str(password)
    command = [
        program,
        "--schema=syncwell",
        "--no-password",
        f"--file={file}",
        f"--dbname={make_conninfo(**parameters)}",
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CommandError(
            "pg_dump made no backup, so nothing was migrated",
            done.stderr.strip() or None,
            "pg_dump must be of the server's version or newer.",
        )
