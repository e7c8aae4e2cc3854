"""The commands together."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.metadata import version
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
    privacy,
    reporting,
    schema,
    serving,
    sessions,
    types,
    watching,
)
from syncwell.cli.demo import command as demo
from syncwell.cli.failures import CommandError, command_error_for, show
from syncwell.cli.options import CONTEXT, SCHEMA, SERVING, SYNCS, TRY_IT

_EPILOG = """
Connections: --dsn, or what psql uses too: PGHOST, PGPORT, PGUSER, PGDATABASE, PGSERVICE, ~/.pgpass.

Exit codes: 0 all well; 1 something is unhealthy, found or pending; 2 wrong usage, no connection, or refused.
"""


class _Group(TyperGroup):
    """Says what went wrong in three lines instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            failure = error if isinstance(error, CommandError) else command_error_for(error)
            if failure is None:
                raise
            show(failure)
            raise typer.Exit(failure.exit_code) from error


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
    TRY_IT: (demo.demo,),
    SYNCS: (
        inspection.health,
        watching.watch,
        inspection.dashboard,
        inspection.runs,
        activity.activity,
        inspection.errors,
        inspection.metrics,
        openmetrics.openmetrics,
        inspection.timeline,
        reporting.report,
        exporting.export,
        inspection.evaluate,
        operating.maintain,
    ),
    SERVING: (serving.serve, types.types),
    SCHEMA: (schema.migrate, schema.rollback, schema.status, schema.bundle, schema.verify),
}
for _panel, _commands in _PANELS.items():
    for _command in _commands:
        app.command(rich_help_panel=_panel, help=_help(_command))(_command)
app.add_typer(alerting.alerts, rich_help_panel=SYNCS)
app.add_typer(privacy.privacy, rich_help_panel=SCHEMA)
app.add_typer(sessions.sessions, rich_help_panel=SERVING)
