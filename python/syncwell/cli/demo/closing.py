"""How the demo ends: the health of every source, the open issues, each with what it was found from, and the report."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from syncwell import Syncwell
from syncwell.cli.demo.place import ANALYST, WORKER, Place
from syncwell.cli.demo.screen import Screen
from syncwell.cli.output import ago, evidence, one_line, plain, style_of
from syncwell.cli.report import write_report
from syncwell.cli.session import Row, Session
from syncwell.cli.wellness import health_report

_MOST_ISSUES = 100
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHOWN_ABOVE = ("source", "platform")
_REPORT_NEEDS = ("jinja2", "vl_convert")
_INDENT = 12


def show_health(screen: Screen, place: Place) -> None:
    """Evaluate once more, now that all has happened, and show what is found."""
    with psycopg.connect(place.uri(WORKER), autocommit=True) as worker:
        Syncwell(worker).health.evaluate()
    with psycopg.connect(place.uri(ANALYST), autocommit=True) as connection:
        analyst = Session(connection, None, None)
        status = analyst.ask("get_sync_health_status")
        issues = analyst.ask("get_sync_issues", limit=_MOST_ISSUES)
        users = analyst.rows("select user_id, display_name from syncwell.users")
    screen.title("How every source is now")
    screen.show(health_report(status, []))
    screen.title(f"Open issues: {len(issues)}" if issues else "No open issues")
    screen.show(_issues(issues, {row["user_id"]: row["display_name"] for row in users}, screen.width))


def write_the_report(screen: Screen, place: Place, file: Path) -> None:
    """Write the report, and say where."""
    if any(importlib.util.find_spec(name) is None for name in _REPORT_NEEDS):
        screen.title("No report: it needs pip install 'syncwell[report]'")
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with screen.busy("the report is drawn"), psycopg.connect(place.uri(ANALYST), autocommit=True) as connection:
        write_report(Syncwell(connection), file)
    screen.title("The report, with charts, for a browser")
    screen.say(f"  {plain(str(file))}")


def _issues(issues: Iterable[Row], owners: dict[UUID, str], width: int) -> RenderableType:
    """A few lines each: what and whose it is, its evidence, what to do."""
    parts: list[RenderableType] = []
    for issue in issues:
        platform = f"all of {issue['platform']}" if issue["stream_id"] is None else issue["platform"]
        where = (issue["source"], owners.get(issue["user_id"]), platform if issue["platform"] else None)
        known = [f"since {ago(issue['since'])}"] if issue["since"] is not None else []
        known += [issue["state"]] if issue["state"] != "open" else []
        known += [f"muted by {issue['muted_by']}"] if issue["muted_by"] is not None else []
        parts.append(
            Text.assemble(
                "  ",
                (f"{issue['severity']:<8}", style_of(issue["severity"])),
                "  ",
                (issue["issue_type"].replace("_", " "), "bold"),
                "  ",
                ", ".join(one_line(part) for part in where if part),
                ("".join(f", {one}" for one in known), "dim"),
            )
        )
        parts += [Text(" " * _INDENT + line, "cyan") for line in _evidence(issue["evidence"], width - _INDENT)]
        parts.append(Padding(Text(one_line(issue["suggestion"]), "dim"), (0, 0, 0, _INDENT), expand=False))
    return Group(*parts)


def _evidence(document: dict[str, Any], width: int) -> list[str]:
    """What an issue was found from, in lines that break between facts and not within; without ids."""
    told = {key: value for key, value in document.items() if key not in _SHOWN_ABOVE}
    lines: list[str] = []
    for name, value in evidence(told, ago):
        if _UUID.fullmatch(value):
            continue
        fact = f"{plain(name)} {value}"
        if lines and len(lines[-1]) + 2 + len(fact) <= width:
            lines[-1] += f"  {fact}"
        else:
            lines.append(fact)
    return lines
