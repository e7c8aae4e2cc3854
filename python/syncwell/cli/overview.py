"""dashboard: all about one source, or about all of them together."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from syncwell.cli import output
from syncwell.cli.failures import CommandError
from syncwell.cli.options import AsOrg, AsUser, Dsn, Json, Source, User
from syncwell.cli.output import (
    Column,
    ago,
    clock,
    console,
    count,
    milliseconds,
    print_json,
    styled,
    table_or,
)
from syncwell.cli.session import session


def dashboard(
    source: Source = None,
    user: User = None,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """Show all about one source, or about all of them together.

    \b
    Examples:
      syncwell dashboard --source todoist
    """
    with session(dsn, as_user, as_org) as ask:
        rows = ask.ask("get_integration_dashboard", source=source, user_id=user)
    document = rows[0]["get_integration_dashboard"] if rows else None
    if document is None:
        raise CommandError(
            f"there is no stream of source {source}" if source else "there is no stream",
            None,
            "`syncwell health` lists the sources that you may see.",
        )
    if as_json:
        print_json(document)
    else:
        console().print(_dashboard(document))


def _dashboard(document: dict[str, Any]) -> RenderableType:
    overview, performance, state = document["overview"], document["performance"], document["health"]
    facts = Table.grid(padding=(0, 3))
    for _ in range(4):
        facts.add_column()
    lines: list[tuple[str, Text | str, str, Text | str]] = [
        ("status", styled(overview["status"]), "success rate", output.share(performance["success_rate"])),
        ("score", output.score(overview["score"]), "last duration", milliseconds(performance["last_duration_ms"])),
        ("streams", count(overview["streams"]), "average duration", milliseconds(performance["average_duration_ms"])),
        (
            "last sync",
            ago(output.time_of(overview["last_sync_at"])),
            "p95 duration",
            milliseconds(performance["p95_duration_ms"]),
        ),
        (
            "next sync",
            ago(output.time_of(overview["next_sync_at"])),
            "syncs a day",
            count(performance["syncs_per_day"]),
        ),
        ("uptime", output.share(overview["uptime"]), "failures in a row", count(state["consecutive_failures"])),
        ("items", count(overview["items_in_database"]), "open errors", count(state["active_errors"])),
        ("sample", f"{count(performance['sample_size'])} runs", "alerts", count(state["alerts"])),
    ]
    for left, left_value, right, right_value in lines:
        facts.add_row(Text(left, "dim"), left_value, Text(right, "dim"), right_value)
    columns: list[Column[dict[str, Any]]] = [
        ("started", "left", lambda row: clock(output.time_of(row["started_at"]))),
        ("source", "left", lambda row: row["source"]),
        ("status", "left", lambda row: styled(row["status"])),
        ("type", "left", lambda row: row["sync_type"]),
        ("took", "right", lambda row: milliseconds(row["duration_ms"])),
        ("items", "right", lambda row: count(row["items_processed"])),
        ("error", "left", lambda row: row["error_type"] or ""),
    ]
    title = Text(document["source"] or "all sources", "bold")
    return Group(title, "", facts, "", table_or(document["recent_activity"], columns, "no runs yet"))
