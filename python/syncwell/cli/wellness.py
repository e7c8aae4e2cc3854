"""health, evaluate: how the sources are, what is wrong, and what to do about it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from syncwell.cli import output
from syncwell.cli.options import AsOrg, AsUser, Dsn, Json, User
from syncwell.cli.output import (
    Column,
    ago,
    answer,
    console,
    count,
    if_any,
    one_line,
    plain,
    print_json,
    styled,
    table,
)
from syncwell.cli.session import Row, session


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
    columns: list[Column[Row]] = [
        ("org", "left", lambda row: str(row["org_id"])),
        ("streams", "right", lambda row: count(row["streams"])),
        ("moved", "right", lambda row: if_any(row["moved"])),
        ("opened", "right", lambda row: if_any(row["opened"])),
        ("reopened", "right", lambda row: if_any(row["reopened"])),
        ("resolved", "right", lambda row: if_any(row["resolved"])),
        ("", "left", _evaluated),
    ]
    answer(rows, columns, "nothing to evaluate: there is no org", as_json=as_json)


def health_report(rows: list[Row], issues: list[Row], *, limit: int = 20, evaluated: bool = True) -> RenderableType:
    """The health of every source as a table, and below it what is wrong, with its evidence, and what to do."""
    columns: list[Column[Row]] = [
        ("source", "left", lambda row: row["source"] or "all"),
        ("status", "left", lambda row: styled(row["status"])),
        ("beside", "left", lambda row: ", ".join(row["overlays"])),
        ("score", "right", lambda row: output.score(row["score"])),
        ("last success", "right", lambda row: ago(row["last_success_at"])),
        ("failures", "right", lambda row: if_any(row["consecutive_failures"])),
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
