"""runs, errors, metrics, timeline: the read functions of the schema as tables or JSON."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.text import Text

from syncwell.cli import output
from syncwell.cli.options import AsOrg, AsUser, Dsn, Json, Limit, Source, User
from syncwell.cli.output import (
    Column,
    ago,
    answer,
    clock,
    count,
    if_any,
    milliseconds,
    one_line,
    styled,
)
from syncwell.cli.session import Row, session

_BAR_CELLS = 24


class Period(StrEnum):
    """What metrics are counted by."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


class RunStatus(StrEnum):
    """How a run stands."""

    STARTED = "started"
    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


def runs(
    source: Source = None,
    status: Annotated[RunStatus | None, typer.Option(help="Only runs that stand so.")] = None,
    limit: Limit = 20,
    user: User = None,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """List the last runs, the newest first.

    \b
    Examples:
      syncwell runs --source todoist --status failed
      syncwell runs -n 100 --json
    """
    with session(dsn, as_user, as_org) as ask:
        rows = ask.ask("get_recent_sync_events", source=source, limit=limit, status=status, user_id=user)
    columns: list[Column[Row]] = [
        ("started", "left", lambda row: clock(row["started_at"])),
        ("source", "left", lambda row: row["source"]),
        ("status", "left", lambda row: styled(row["status"])),
        ("type", "left", lambda row: row["sync_type"]),
        ("try", "right", lambda row: count(row["attempt"])),
        ("took", "right", lambda row: milliseconds(row["duration_ms"])),
        ("items", "right", lambda row: count(row["items_processed"])),
        ("new", "right", lambda row: count(row["items_created"])),
        ("items/s", "right", lambda row: count(row["items_per_second"])),
        ("error", "left", lambda row: _error_text(row)),
    ]
    answer(rows, columns, "no runs", as_json=as_json)


def errors(
    source: Source = None,
    include_resolved: Annotated[bool, typer.Option("--all", "-a", help="Resolved errors too.")] = False,
    limit: Limit = 50,
    user: User = None,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """List what went wrong and is not resolved: one line a kind, with when it is tried again.

    Exit code: 0 nothing is open; 1 errors are open.

    \b
    Examples:
      syncwell errors
      syncwell errors --all --source todoist
    """
    with session(dsn, as_user, as_org) as ask:
        rows = ask.ask("get_error_report", source=source, include_resolved=include_resolved, limit=limit, user_id=user)
    columns: list[Column[Row]] = [
        ("source", "left", lambda row: row["source"]),
        ("error", "left", lambda row: row["error_type"]),
        ("class", "left", lambda row: row["error_class"]),
        ("times", "right", lambda row: count(row["occurrences"])),
        ("streams", "right", lambda row: count(row["streams"])),
        ("last", "right", lambda row: ago(row["last_seen"])),
        ("next try", "left", _next_try),
        ("message", "left", lambda row: one_line(row["error_message"])),
    ]
    answer(rows, columns, "no errors" if include_resolved else "no open errors", as_json=as_json)
    if any(row["resolved_at"] is None for row in rows):
        raise typer.Exit(1)


def metrics(
    source: Source = None,
    period: Annotated[Period, typer.Option("--period", "-p", help="Count by hour, day or week.")] = Period.HOUR,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="So many periods back.")
    ] = 24,
    user: User = None,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """Show success rates, items and durations by period and source, with a line that sums up.

    \b
    Examples:
      syncwell metrics --period day -n 7
    """
    with session(dsn, as_user, as_org) as ask:
        rows = ask.ask("get_sync_metrics", source=source, period=period, limit=limit, user_id=user)
    columns: list[Column[Row]] = [
        ("since", "left", lambda row: "all" if row["period_start"] is None else _minute(row["period_start"])),
        ("source", "left", lambda row: row["source"] or "all"),
        ("runs", "right", lambda row: count(row["total_syncs"])),
        ("ok", "right", lambda row: count(row["successful_syncs"])),
        ("failed", "right", lambda row: if_any(row["failed_syncs"])),
        ("success", "right", lambda row: output.share(row["success_rate"])),
        ("items", "right", lambda row: count(row["total_items_synced"])),
        ("average", "right", lambda row: milliseconds(row["average_duration_ms"])),
        ("p50", "right", lambda row: milliseconds(row["p50_duration_ms"])),
        ("p95", "right", lambda row: milliseconds(row["p95_duration_ms"])),
        ("p99", "right", lambda row: milliseconds(row["p99_duration_ms"])),
    ]
    answer(rows, columns, "no runs", as_json=as_json)


def timeline(
    source: Source = None,
    hours: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="So many hours back.")] = 24,
    user: User = None,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """Show how many runs started in each hour, and how many failed.

    \b
    Examples:
      syncwell timeline --hours 48 --source todoist
    """
    with session(dsn, as_user, as_org) as ask:
        rows = ask.ask("get_sync_timeline", source=source, hours=hours, user_id=user)
    most = max((row["total"] for row in rows), default=0)
    columns: list[Column[Row]] = [
        ("hour", "left", lambda row: _minute(row["hour"])),
        ("runs", "right", lambda row: if_any(row["total"])),
        ("ok", "right", lambda row: if_any(row["successful"])),
        ("failed", "right", lambda row: if_any(row["failed"])),
        ("", "left", lambda row: _bar(row, most)),
    ]
    answer(rows, columns, "no streams", as_json=as_json)


def _minute(time: Any) -> str:
    return clock(time)[:16]


def _error_text(row: Row) -> str:
    if row["error_type"] is None:
        return ""
    return f"{row['error_type']}: {one_line(row['error_message'])}" if row["error_message"] else str(row["error_type"])


def _next_try(row: Row) -> Text | str:
    if row["resolved_at"] is not None:
        return Text("resolved", "green")
    if row["next_retry_at"] is None:
        return {"permanent": "none: permanent", "needs_reauth": "none: log in"}.get(row["reason"], output.NOTHING)
    return f"{ago(row['next_retry_at'])}, {row['lane']}"


def _bar(row: Row, most: int) -> Text:
    """Runs of an hour: failed ones red, open and cancelled ones dim."""
    bar = Text()
    if row["total"]:
        cells = max(1, round(row["total"] / most * _BAR_CELLS))
        failed = min(cells, round(row["failed"] / row["total"] * cells) or int(row["failed"] > 0))
        fine = min(cells - failed, round(row["successful"] / row["total"] * cells))
        block = output.block()
        bar.append(block * fine, "green").append(block * failed, "red").append(block * (cells - failed - fine), "dim")
    return bar
