"""watch: running syncs on the screen, as the database sees them."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from syncwell.cli.failures import CommandError
from syncwell.cli.live import line, progress_table, running, state
from syncwell.cli.options import AsOrg, AsUser, Dsn, Json
from syncwell.cli.output import console, moves, print_json
from syncwell.cli.session import Row, Session, connect, refuse_both

_SHOW_ENDED_SECONDS = 10.0


def watch(
    once: Annotated[bool, typer.Option("--once", help="Show the state of now and end; for scripts.")] = False,
    interval: Annotated[
        float, typer.Option("--interval", "-i", metavar="SECONDS", min=0.1, max=3600, help="How often to look.")
    ] = 1.0,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """Watch running syncs: progress, speed, time left, and which are stalled. Ctrl-C ends it.

    Without a terminal it prints a line for each sync that changed. --json implies --once.

    Exit code: with --once 1 when a sync is stalled; otherwise 0.

    \b
    Examples:
      syncwell watch
      syncwell watch --once --json | jq '.[] | select(.stalled)'
    """
    refuse_both(as_user, as_org)
    with connect(dsn) as connection:
        ask = Session(connection, as_user, as_org)
        _refuse_nobody(ask)
        if once or as_json:
            rows = running(ask, [])
            if as_json:
                print_json(rows)
            else:
                console().print(_screen(rows, console().width))
            if any(row["stalled"] for row in rows):
                raise typer.Exit(1)
            return
        with suppress(KeyboardInterrupt):
            if moves():
                _on_screen(ask, interval)
            else:
                _as_lines(ask, interval)


def _refuse_nobody(ask: Session) -> None:
    """A view shows nothing to nobody, which would look as if nothing was running."""
    (caller,) = ask.ask("who_am_i")
    if caller["org_id"] is None:
        raise CommandError(
            f"login {caller['login_role']} is nobody, so there is nothing it may see",
            f"{caller['rule']}.",
            "The owner binds it with syncwell.bind_login(); a gateway passes --as-user or --as-org.",
        )


class _Seen:
    """Keeps syncs that have just ended in view for a little while."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def look(self, ask: Session) -> list[Row]:
        now = time.monotonic()
        rows = running(ask, [sync_id for sync_id, until in self._until.items() if until > now])
        for row in rows:
            if row["completed_at"] is None:
                self._until[row["sync_id"]] = now + _SHOW_ENDED_SECONDS
        here = {row["sync_id"] for row in rows}
        self._until = {sync_id: until for sync_id, until in self._until.items() if sync_id in here}
        return rows


def _on_screen(ask: Session, interval: float) -> None:
    screen = console()
    seen = _Seen()
    with Live(_screen(seen.look(ask), screen.width), console=screen, auto_refresh=False) as live:
        while True:
            time.sleep(interval)
            live.update(_screen(seen.look(ask), screen.width), refresh=True)


def _as_lines(ask: Session, interval: float) -> None:
    seen = _Seen()
    told: dict[str, tuple[object, ...]] = {}
    while True:
        rows = seen.look(ask)
        for row in rows:
            news = (row["updated_at"], state(row))
            if told.get(row["sync_id"]) != news:
                print(line(row), flush=True)
            told[row["sync_id"]] = news
        told = {row["sync_id"]: told[row["sync_id"]] for row in rows}
        time.sleep(interval)


def _screen(rows: list[Row], width: int) -> RenderableType:
    if not rows:
        return Text("nothing is running", "dim")
    return Group(progress_table(rows, width))
