"""health, dashboard, runs, errors, metrics, timeline: the read functions of the schema as tables or JSON."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
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
    one_line,
    plain,
    print_json,
    styled,
    table,
)
from syncwell.cli.session import Row, session

_BAR_CELLS = 24

Limit = Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="At most so many.")]


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


def health(
    user: User = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="Show at most so many issues.")
    ] = 20,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """Show how every source is, the worst first, what is wrong with which evidence, and what to do about it.

    Statuses: healthy, late, degraded, unhealthy, unknown (no evidence yet). Beside them: paused (nothing is expected),
    maintenance (nobody is alerted), flapping (changes too often to mean much), unevaluated (`syncwell evaluate` has not
    run lately: issues are looked up now and have no life of their own).

    Exit code: 0 nothing is unhealthy; 1 something is unhealthy.

    \b
    Examples:
      syncwell health -d postgresql://ann@db/app
      syncwell health --json | jq '.sources[] | select(.status != "healthy")'
      syncwell health > /dev/null || page-somebody
    """
    with session(dsn, as_user, as_org) as ask:
        rows = ask.ask("get_sync_health_status", user_id=user)
        evaluated = not any("unevaluated" in row["overlays"] for row in rows)
        if evaluated:
            issues = ask.ask("get_sync_issues", user_id=user, limit=1000)
        else:
            issues = ask.ask("detect_sync_issues", user_id=user)
    overall = [row for row in rows if row["source"] is None]
    sources = [row for row in rows if row["source"] is not None]
    if as_json:
        print_json(
            {
                "overall": overall[0] if overall else None,
                "sources": sources,
                "evaluated": evaluated,
                "issues": issues[:limit],
                "more_issues": max(0, len(issues) - limit),
            }
        )
    else:
        console().print(health_report(rows, issues, limit=limit, evaluated=evaluated))
    if any(row["status"] == "unhealthy" for row in rows):
        raise typer.Exit(1)


def evaluate(dsn: Dsn = None, as_user: AsUser = None, as_org: AsOrg = None, as_json: Json = False) -> None:
    """Move the states of streams, open and resolve issues, write alerts: once a minute, from any scheduler.

    Running several at once does no harm. Login of a service, an admin or an operator (all orgs).

    \b
    Examples:
      * * * * * syncwell evaluate -d postgresql://health@db/app > /dev/null
    """
    with session(dsn, as_user, as_org) as ask:
        rows = ask.ask("evaluate_health")
    if as_json:
        print_json(rows)
        return
    columns: list[Column[Row]] = [
        ("org", "left", lambda row: str(row["org_id"])),
        ("streams", "right", lambda row: count(row["streams"])),
        ("moved", "right", lambda row: _if_any(row["moved"])),
        ("opened", "right", lambda row: _if_any(row["opened"])),
        ("reopened", "right", lambda row: _if_any(row["reopened"])),
        ("resolved", "right", lambda row: _if_any(row["resolved"])),
        ("", "left", _evaluated),
    ]
    console().print(_table_or(rows, columns, "nothing to evaluate: there is no org"))


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
    if as_json:
        print_json(rows)
        return
    columns: list[Column[Row]] = [
        ("started", "left", lambda row: clock(row["started_at"])),
        ("source", "left", lambda row: row["source"]),
        ("type", "left", lambda row: row["sync_type"]),
        ("status", "left", lambda row: styled(row["status"])),
        ("try", "right", lambda row: count(row["attempt"])),
        ("took", "right", lambda row: milliseconds(row["duration_ms"])),
        ("items", "right", lambda row: count(row["items_processed"])),
        ("new", "right", lambda row: count(row["items_created"])),
        ("items/s", "right", lambda row: count(row["items_per_second"])),
        ("error", "left", lambda row: _error_text(row)),
    ]
    console().print(_table_or(rows, columns, "no runs"))


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
    if as_json:
        print_json(rows)
    else:
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
        console().print(_table_or(rows, columns, "no errors" if include_resolved else "no open errors"))
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
    if as_json:
        print_json(rows)
        return
    columns: list[Column[Row]] = [
        ("since", "left", lambda row: "all" if row["period_start"] is None else _minute(row["period_start"])),
        ("source", "left", lambda row: row["source"] or "all"),
        ("runs", "right", lambda row: count(row["total_syncs"])),
        ("ok", "right", lambda row: count(row["successful_syncs"])),
        ("failed", "right", lambda row: _if_any(row["failed_syncs"])),
        ("success", "right", lambda row: output.share(row["success_rate"])),
        ("items", "right", lambda row: count(row["total_items_synced"])),
        ("average", "right", lambda row: milliseconds(row["average_duration_ms"])),
        ("p50", "right", lambda row: milliseconds(row["p50_duration_ms"])),
        ("p95", "right", lambda row: milliseconds(row["p95_duration_ms"])),
        ("p99", "right", lambda row: milliseconds(row["p99_duration_ms"])),
    ]
    console().print(_table_or(rows, columns, "no runs"))


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
    if as_json:
        print_json(rows)
        return
    most = max((row["total"] for row in rows), default=0)
    columns: list[Column[Row]] = [
        ("hour", "left", lambda row: _minute(row["hour"])),
        ("runs", "right", lambda row: _if_any(row["total"])),
        ("ok", "right", lambda row: _if_any(row["successful"])),
        ("failed", "right", lambda row: _if_any(row["failed"])),
        ("", "left", lambda row: _bar(row, most)),
    ]
    console().print(_table_or(rows, columns, "no streams"))


def health_report(rows: list[Row], issues: list[Row], *, limit: int = 20, evaluated: bool = True) -> RenderableType:
    """The health of every source as a table, and below it what is wrong, with its evidence, and what to do."""
    columns: list[Column[Row]] = [
        ("source", "left", lambda row: row["source"] or "all"),
        ("status", "left", lambda row: styled(row["status"])),
        ("beside", "left", lambda row: ", ".join(row["overlays"])),
        ("score", "right", lambda row: output.score(row["score"])),
        ("last success", "right", lambda row: ago(row["last_success_at"])),
        ("failures", "right", lambda row: _if_any(row["consecutive_failures"])),
        ("streams", "right", lambda row: count(row["streams"])),
        ("reason", "left", lambda row: one_line(row["reason"]) if row["reason"] else ""),
    ]
    if not any(row["overlays"] for row in rows):
        del columns[2]
    parts: list[RenderableType] = [table(sorted(rows, key=lambda row: row["source"] is None), columns)]
    if rows and not evaluated:
        parts.append(Text("unevaluated: `syncwell evaluate` has not run lately; issues are as found just now", "dim"))
    for issue in issues[:limit]:
        line = Text.assemble((issue["severity"], output.style_of(issue["severity"])), f"  {_where(issue)}")
        line.append("".join(f", {one}" for one in _life(issue)), "dim")
        line.append(f": {one_line(issue['suggestion'])}" if issue["suggestion"] else "")
        facts = [("user", str(issue["user_id"]))] if issue["user_id"] is not None else []
        facts += output.evidence(issue["evidence"])
        found = "  ".join(f"{plain(name)} {value}" for name, value in facts)
        parts += [line, Padding(Text(found, "dim"), (0, 0, 0, 10), expand=False)]
    if len(issues) > limit:
        parts.append(Text(f"and {count(len(issues) - limit)} more issues: --limit shows more", "dim"))
    return Group(*parts)


def _where(issue: Row) -> str:
    source = issue["source"] or ("progress without a run" if issue["issue_type"] == "stuck" else "all")
    platform = f" ({issue['platform']})" if issue.get("platform") else ""
    since = f" since {ago(issue['since'])}" if issue["since"] is not None else ""
    return f"{source}{platform}, {issue['issue_type'].replace('_', ' ')}{since}"


def _life(issue: Row) -> list[str]:
    """What people and windows have made of an issue that is kept."""
    if issue.get("state") is None:
        return []
    found = {"acknowledged": ["acknowledged"], "snoozed": [f"snoozed, {ago(issue['snoozed_until'])}"]}.get(
        issue["state"], []
    )
    if issue["muted_by"] is not None:
        found.append(f"muted by {issue['muted_by']}")
    if issue["times_opened"] > 1:
        found.append(f"came back {issue['times_opened'] - 1}x")
    return found


def _evaluated(row: Row) -> Text | str:
    if row["skipped"]:
        return Text("somebody else is evaluating it", "dim")
    if row["blind"] is not None:
        return Text(f"nothing had evaluated it for {output.seconds(row['blind'].total_seconds())}", "yellow")
    return ""


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
        ("type", "left", lambda row: row["sync_type"]),
        ("status", "left", lambda row: styled(row["status"])),
        ("took", "right", lambda row: milliseconds(row["duration_ms"])),
        ("items", "right", lambda row: count(row["items_processed"])),
        ("error", "left", lambda row: row["error_type"] or ""),
    ]
    title = Text(document["source"] or "all sources", "bold")
    return Group(title, "", facts, "", _table_or(document["recent_activity"], columns, "no runs yet"))


def _table_or(rows: list[Row], columns: list[Column[Row]], nothing: str) -> RenderableType:
    return table(rows, columns) if rows else Text(nothing, "dim")


def _if_any(number: int | None) -> str:
    return output.NOTHING if not number else count(number)


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
