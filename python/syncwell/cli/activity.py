"""activity: what was done, page by page."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from syncwell.cli.failures import CommandError
from syncwell.cli.options import AsOrg, AsUser, Dsn, Json
from syncwell.cli.output import Column, clock, console, count, one_line, plain, print_json, seconds, styled, table
from syncwell.cli.session import Row, session


def activity(
    action: Annotated[str | None, typer.Option("--action", "-a", metavar="NAME", help="This action only.")] = None,
    status: Annotated[str | None, typer.Option("--status", metavar="NAME", help="This status only.")] = None,
    entity: Annotated[str | None, typer.Option("--entity", "-e", metavar="NAME", help="This entity type only.")] = None,
    sync_id: Annotated[str | None, typer.Option("--sync", metavar="ID", help="This sync only.")] = None,
    user: Annotated[UUID | None, typer.Option("--user", "-u", metavar="UUID", help="This user only.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="From this moment on, ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Before this moment, ISO 8601.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="Entries a page.")] = 50,
    page: Annotated[str | None, typer.Option(metavar="TOKEN", help="The page after the entry of this token.")] = None,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """List what was done, the newest first: runs, pushes, previews, resumes, ends of syncs.

    A time without an offset is local time. With --json each entry has a page_token, for --page.

    \b
    Examples:
      syncwell activity --status failed -n 20
      syncwell activity --action push --since 2026-03-01 --until 2026-03-02
      syncwell activity --sync orders-2026-03-01 --json | jq '.[].action'
    """
    with session(dsn, as_user, as_org) as ask:
        rows = ask.ask(
            "get_sync_activity",
            user_id=user,
            entity_type=entity,
            action=action,
            status=status,
            sync_id=sync_id,
            **{"from": _moment("--since", since), "to": _moment("--until", until)},
            limit=limit,
            page_token=page,
        )
    if as_json:
        print_json(rows)
    else:
        console().print(_listing(rows, limit))


def _listing(rows: list[Row], limit: int) -> RenderableType:
    if not rows:
        return Text("no activity", "dim")
    columns: list[Column[Row]] = [
        ("when", "left", lambda row: clock(row["created_at"])),
        ("action", "left", lambda row: plain(row["action"])),
        ("status", "left", lambda row: styled(row["status"])),
        ("entity", "left", lambda row: plain(row["entity_type"] or "")),
        ("records", "right", lambda row: count(row["record_count"])),
        ("took", "right", lambda row: seconds(row["duration_seconds"])),
        ("sync", "left", lambda row: one_line(row["sync_id"])),
        ("error", "left", lambda row: one_line(row["error_message"])),
    ]
    listing = table(rows, columns)
    if len(rows) < limit:
        return listing
    return Group(listing, Text(f"more: --page {rows[-1]['page_token']}", "dim"))


def _moment(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        raise CommandError(f"{option} is no time: {plain(text)}", None, "e.g. 2026-03-01T09:00+01:00") from error
