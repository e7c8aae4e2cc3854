"""The commands together."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from syncwell.cli import (
    activity,
    alerting,
    exporting,
    inspection,
    openmetrics,
    operating,
    overview,
    privacy,
    reporting,
    schema,
    serving,
    sessions,
    types,
    watching,
    wellness,
)
from syncwell.cli.demo import command as demo
from syncwell.cli.doctor import command as doctor
from syncwell.cli.exits import CODES, INTERRUPTED, UNREAD
from syncwell.cli.failures import CommandError, command_error_for, show
from syncwell.cli.options import CONTEXT, SCHEMA, SERVING, SYNCS, TRY_IT

_EPILOG = f"""
Connections: --dsn, or what psql uses too: PGHOST, PGPORT, PGUSER, PGDATABASE, PGSERVICE, ~/.pgpass.

Colours: NO_COLOR takes them away, FORCE_COLOR keeps them in pipes.

Exit codes: {"; ".join(f"{code} {meaning}" for code, meaning in CODES.items())}.

Something does not work? `syncwell doctor` says why, and what to do.
"""


class _Group(TyperGroup):
    """Says what went wrong in three lines instead of a traceback."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        with _told():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        with _told():
            return super().invoke(ctx)


@contextmanager
def _told() -> Generator[None]:
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except (BrokenPipeError, SystemExit) as error:
        # rich makes a SystemExit of it
        if not isinstance(error, BrokenPipeError) and not isinstance(error.__context__, BrokenPipeError):
            raise
        _write_nowhere()
        raise typer.Exit(UNREAD) from None
    except Exception as error:
        failure = error if isinstance(error, CommandError) else command_error_for(error)
        if failure is None:
            raise
        if isinstance(error, OSError):
            _write_nowhere()
        show(failure)
        raise typer.Exit(failure.exit_code) from error


def _write_nowhere() -> None:
    """Python writes what is left when it ends; where nobody takes it, that would be told as a second mistake."""
    with suppress(OSError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"syncwell {version('syncwell')}")
        raise typer.Exit


def _help(command: Callable[..., None]) -> str:
    """Its docstring with one line a paragraph, to be wrapped by the terminal; \\b keeps the lines of examples."""
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    return "\n\n".join(text if text.startswith("\b") else " ".join(text.split()) for text in paragraphs)


app = typer.Typer(
    name="syncwell",
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
    epilog=_EPILOG,
)


@app.callback()
def syncwell(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Keeps every sync well: runs, progress and health of your syncs, inside your own PostgreSQL."""
    del show_version


_PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    TRY_IT: (demo.demo, doctor.doctor),
    SYNCS: (
        wellness.health,
        watching.watch,
        overview.dashboard,
        inspection.runs,
        activity.activity,
        inspection.errors,
        inspection.metrics,
        openmetrics.openmetrics,
        inspection.timeline,
        reporting.report,
        exporting.export,
        wellness.evaluate,
        operating.maintain,
    ),
    SERVING: (serving.serve, types.types),
    SCHEMA: (schema.migrate, schema.rollback, schema.status, schema.bundle, schema.verify),
}
for _panel, _commands in _PANELS.items():
    for _command in _commands:
        app.command(rich_help_panel=_panel, help=_help(_command))(_command)
for _folder in (alerting.alerts, privacy.privacy, sessions.sessions):
    for _one in _folder.registered_commands:
        if _one.callback is not None:
            _one.help = _help(_one.callback)
app.add_typer(alerting.alerts, rich_help_panel=SYNCS)
app.add_typer(privacy.privacy, rich_help_panel=SCHEMA)
app.add_typer(sessions.sessions, rich_help_panel=SERVING)
