"""`syncwell demo`."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Annotated
from uuid import UUID

import typer

from syncwell.cli.demo import closing
from syncwell.cli.demo.git import Repository, own_checkout
from syncwell.cli.demo.hosting import host, require_dashboard
from syncwell.cli.demo.life import Fleet
from syncwell.cli.demo.people import LEAST_DEVICES
from syncwell.cli.demo.place import ANALYST, DATABASE, WORKER, Place, furnish, place
from syncwell.cli.demo.screen import Screen
from syncwell.cli.demo.story import HISTORY, RELEASES, Story
from syncwell.cli.failures import CommandError
from syncwell.cli.output import seconds

_QUESTIONS = (
    "select * from syncwell.get_sync_health_status();",
    "select * from syncwell.get_sync_issues();",
    "select * from syncwell.stream_health where status <> 'healthy' order by score;",
    f"select status, error_message from syncwell.get_recent_sync_events('{RELEASES}');",  # noqa: S608
    f"select status, items_created from syncwell.sync_events where source = '{HISTORY}' order by id;",  # noqa: S608
    "select author, count(*) from demo.commits group by 1 order by 2 desc limit 5;",
)


def demo(
    repo: Annotated[
        Path | None,
        typer.Option(
            "--repo", "-r", metavar="PATH", help="The git repository to sync; default: syncwell's own checkout."
        ),
    ] = None,
    devices: Annotated[
        int,
        typer.Option(
            "--devices",
            metavar="N",
            min=0,
            max=1000,
            help=f"Phones of the simulated fleet, {LEAST_DEVICES} or more; 0: none.",
        ),
    ] = 200,
    report: Annotated[
        Path, typer.Option("--report", metavar="FILE", help="Where to write the report, one file for a browser.")
    ] = Path("syncwell-report.html"),
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the server up, and say how to connect and stop it.")
    ] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="At the end serve the dashboard on this machine, until Ctrl-C.")
    ] = False,
) -> None:
    """Watch a simulated fleet of phones, sync the history of a git repository, fail, and recover.

    Starts a private PostgreSQL and installs the schema. A fleet of phones has eight weeks behind it, and troubles of
    every kind: what is usual is learned, and what is wrong is found. Then the commits of a repository are synced into a
    table: a full run, then incremental ones. A second source fails until it is unhealthy, and gets well again. Your
    repository is only read. Everything but the report is removed at the end.

    \b
    Examples:
      syncwell demo
      syncwell demo --repo ~/src/linux --devices 0
      syncwell demo --serve
      syncwell demo --keep
    """
    if 0 < devices < LEAST_DEVICES:
        raise CommandError(
            f"a fleet of {devices} is too small", None, f"Pass {LEAST_DEVICES} or more, or 0 for none: --devices N."
        )
    if serve:
        require_dashboard()
    repository = Repository((repo if repo is not None else own_checkout()).absolute())
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGHUP, _end)
    screen = Screen()
    started = time.monotonic()
    try:
        screen.title("A PostgreSQL of its own")
        with place(keep=keep) as made:
            org_id = _tell(screen, made, repository, devices, report.absolute())
            screen.say("")
            screen.say(f"Done in {seconds(time.monotonic() - started)}.")
            if made.kept is not None:
                _say_how_to_connect(screen, made, made.kept.keep())
                made.stays = True
            if serve:
                host(screen, made, org_id)
    except KeyboardInterrupt:
        print("stopped; the server is gone and nothing is left of it", file=sys.stderr)
        raise typer.Exit(130) from None


def _tell(screen: Screen, made: Place, repository: Repository, devices: int, report: Path) -> UUID:
    if repository.is_shallow:
        screen.say("  note: the repository is a shallow clone; what was not cloned is not synced")
    migrations, org_id = furnish(made)
    screen.say(f"  schema syncwell installed, migrations: {', '.join(migrations)}")
    screen.say(f"  login {WORKER} records and writes, {ANALYST} only reads")
    if devices:
        Fleet(screen, made, org_id, devices).tell()
    with ExitStack() as stack:
        Story(screen, made, repository, stack).tell()
    closing.show_health(screen, made)
    closing.write_the_report(screen, made, report)
    return org_id


def _say_how_to_connect(screen: Screen, made: Place, keeper: int) -> None:
    screen.title("The server stays up")
    screen.say("  Ask it the same in SQL:")
    for question in _QUESTIONS:
        screen.say(f"    {question}")
    screen.say("  with:")
    if (psql := made.psql()) is not None:
        screen.say(f"    {psql} -h {made.socket_dir} -U {ANALYST} {DATABASE}")
    screen.say(f"    syncwell health -d 'host={made.socket_dir} user={ANALYST} dbname={DATABASE}'")
    screen.say(f"  Log in as {WORKER} to record and write, as postgres to do anything.")
    screen.say("  Stop it and remove its files:")
    screen.say(f"    kill {keeper}")


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    raise SystemExit(128 + number)
