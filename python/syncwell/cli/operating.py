"""maintain: what keeps an installation well, for any scheduler."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Annotated

import psycopg
import typer

from syncwell.cli.options import Dsn, Json
from syncwell.cli.output import Column, ago, console, count, milliseconds, one_line, print_json, styled, table
from syncwell.cli.session import connect
from syncwell.cli.waiting import Wait, is_watched, waiting
from syncwell.ops import MaintenanceDuty
from syncwell.sync.client import Syncwell

_LOOK_SECONDS = 0.5


def maintain(
    duty: Annotated[str | None, typer.Option(metavar="NAME", help="This duty, or those of this task, only.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Also what is not due.")] = False,
    report: Annotated[bool, typer.Option("--report", help="Do nothing; show how each duty last went.")] = False,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Do what maintenance has to do and is due: once a minute, from any scheduler.

    Partitions are made and dropped, rollups counted, health evaluated, what is past its retention deleted. Each duty
    has an interval and a transaction of its own; running several at once does no harm. Login with role
    syncwell_operator.

    Exit code: 0 all well; 1 a duty failed.

    \b
    Examples:
      * * * * * syncwell maintain -d postgresql://ops@db/app > /dev/null
      syncwell maintain --duty partitions --force
      syncwell maintain --report
    """
    with waiting("connecting") as wait, connect(dsn) as connection:
        ops = Syncwell(connection).ops
        if not report:
            with _counting(wait, dsn, duty, force=force):
                ops.run_maintenance(duty=duty, force=force)
        duties = [one for one in ops.maintenance_report() if duty is None or duty in (one.duty, one.task)]
    if as_json:
        print_json(duties)
    else:
        columns: list[Column[MaintenanceDuty]] = [
            ("duty", "left", lambda one: one.duty),
            ("state", "left", lambda one: styled(one.state)),
            ("last", "right", lambda one: ago(one.started_at)),
            ("took", "right", lambda one: milliseconds(one.duration_ms)),
            ("did", "right", lambda one: count(one.affected)),
            ("error", "left", lambda one: one_line(one.error) if one.error_code else ""),
        ]
        console().print(table(duties, columns))
    if any(one.state == "failed" for one in duties):
        raise typer.Exit(1)


@contextmanager
def _counting(wait: Wait, dsn: str | None, duty: str | None, *, force: bool) -> Generator[None]:
    """Show, where somebody looks, which share of the duties is done: each is committed by itself."""
    wait.tell("maintaining")
    if not is_watched():
        yield
        return
    over = Event()

    def look() -> None:
        # whoever maintains is told of a broken connection by the call itself
        with suppress(psycopg.Error), connect(dsn) as connection:
            ops = Syncwell(connection).ops
            before = {one.duty: one for one in ops.maintenance_report() if duty is None or duty in (one.duty, one.task)}
            now = datetime.now(UTC)
            due = sum(force or one.due_at <= now for one in before.values())
            while not over.wait(_LOOK_SECONDS):
                done = [
                    one
                    for one in ops.maintenance_report()
                    if one.duty in before and one.started_at != before[one.duty].started_at
                ]
                wait.tell(f"maintaining, {len(done)} duties done", len(done), max(due, len(done)))

    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
