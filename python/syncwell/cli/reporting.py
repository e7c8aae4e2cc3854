"""report: everything about the health of the syncs as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from syncwell.cli import output
from syncwell.cli.failures import CommandError
from syncwell.cli.options import AsOrg, AsUser, Dsn, Json, Source, User
from syncwell.cli.report import gather
from syncwell.cli.session import snapshot
from syncwell.cli.waiting import waiting

_TOOLS = ("jinja2", "markupsafe", "vl_convert")


def report(
    user: User = None,
    source: Source = None,
    days: Annotated[int, typer.Option(metavar="N", min=1, max=3660, help="So many days back.")] = 28,
    file: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", dir_okay=False, allow_dash=True, help="Where to; -: here.")
    ] = Path("report.html"),
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """Write one HTML file with charts: streams by status, issues, volume against expectation, runs, uptime, errors.

    It needs no network and runs no script, so it can be mailed and kept. Login with role syncwell_reader.

    \b
    Examples:
      syncwell report -d postgresql://ann@db/app
      syncwell report --source todoist --days 7 --output todoist.html
    """
    try:
        from syncwell.cli.report.page import render
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in _TOOLS:
            raise
        raise CommandError(
            f"the report needs a part that is not installed: {error.name}", None, "pip install 'syncwell[report]'"
        ) from error
    with waiting("asking the database") as wait:
        with snapshot(dsn, as_user, as_org, user) as syncwell:
            facts = gather(syncwell, user_id=user, source=source, days=days)
        if source is not None and not facts.streams:
            raise CommandError(
                f"there is no stream of source {source}", None, "`syncwell health` lists the sources that you may see."
            )
        wait.tell("drawing the charts", 1, 2)
        page = render(facts)
    if str(file) == "-":
        if as_json:
            output.print_json({"html": page})
        else:
            output.write(page)
        return
    file.write_text(page, encoding="utf-8")
    if as_json:
        output.print_json({"file": str(file), "bytes": len(page.encode())})
    else:
        print(f"wrote {file}, {output.count(len(page.encode()) / 1024)} KiB")
