"""sessions: how whole they are, and what repairs them."""

from __future__ import annotations

from typing import Annotated, cast
from uuid import UUID

import typer
from rich.text import Text

from syncwell.cli.options import CONTEXT, AsOrg, AsUser, Dsn, Json, Limit, User
from syncwell.cli.output import (
    Column,
    answer,
    clock,
    console,
    count,
    plain,
    print_json,
    score,
    seconds,
    share,
    styled,
)
from syncwell.cli.session import Row, session

Again = Annotated[bool, typer.Option("--again", help="Also those whose merge was reverted.")]

sessions = typer.Typer(
    name="sessions",
    no_args_is_help=True,
    context_settings=CONTEXT,
    help="Tell how whole sessions are, and merge those that are there twice.",
)


@sessions.command()
def integrity(
    days: Annotated[int, typer.Option(metavar="N", min=1, help="Sessions of so many days.")] = 90,
    user: User = None,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """Count what should not be there: sessions without readings, late surveys, orphans, duplicates, incomplete ones.

    Exit code: 0 there is nothing of it; 1 there is.

    \b
    Examples:
      syncwell sessions integrity --days 7
    """
    with session(dsn, as_user, as_org) as ask:
        rows = ask.ask("get_session_integrity", user_id=user, days=days)
    columns: list[Column[Row]] = [
        ("finding", "left", lambda row: plain(row["finding"])),
        ("sessions", "right", lambda row: count(row["sessions"])),
        ("affected", "right", lambda row: count(row["affected"])),
        ("share", "right", lambda row: share(None if row["percent"] is None else row["percent"] / 100)),
        (
            "examples",
            "left",
            lambda row: " ".join(str(one) for one in cast("list[UUID]", row["examples"] or [])[:3]),
        ),
    ]
    answer(rows, columns, "nothing", as_json=as_json)
    if any(row["affected"] for row in rows):
        raise typer.Exit(1)


@sessions.command()
def recent(
    limit: Limit = 30,
    mock: Annotated[bool, typer.Option("--mock", help="Also made-up ones.")] = False,
    user: User = None,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """List the last sessions with their summaries.

    \b
    Examples:
      syncwell sessions recent -n 5
    """
    with session(dsn, as_user, as_org) as ask:
        rows = ask.ask("get_recent_sessions", user_id=user, limit=limit, include_mock=mock)
    columns: list[Column[Row]] = [
        ("started", "left", lambda row: clock(row["started_at"])),
        ("status", "left", lambda row: styled(row["status"])),
        ("synced", "left", lambda row: styled(row["sync_status"])),
        ("took", "right", lambda row: seconds(row["duration_seconds"])),
        ("records", "right", lambda row: count(sum(cast("dict[str, int]", row["records"] or {}).values()))),
        ("spo2", "right", lambda row: score(row["average_spo2"])),
        ("heart rate", "right", lambda row: score(row["average_heart_rate"])),
        ("session", "left", lambda row: str(row["session_id"])),
        ("local id", "left", lambda row: plain(row["local_id"] or "")),
    ]
    answer(rows, columns, "no sessions", as_json=as_json)


@sessions.command()
def duplicates(
    limit: Limit = 100,
    again: Again = False,
    user: User = None,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """List sessions that are there twice, and why they are one.

    Exit code: 0 there are none; 1 there are.

    \b
    Examples:
      syncwell sessions duplicates --json | jq length
    """
    with session(dsn, as_user, as_org) as ask:
        rows = ask.ask("find_duplicate_sessions", user_id=user, limit=limit, again=again)
    answer(rows, _pairs(rows), "no duplicates", as_json=as_json)
    if rows:
        raise typer.Exit(1)


@sessions.command()
def merge(
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it is only shown.")] = False,
    limit: Limit = 100,
    again: Again = False,
    user: User = None,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """Make one session of each pair of duplicates; without --yes only show what would be moved.

    Every moved row is logged, so that `syncwell sessions revert` can put it back.

    \b
    Examples:
      syncwell sessions merge
      syncwell sessions merge --yes --json | jq -r '.[].merge_id'
    """
    with session(dsn, as_user, as_org) as ask:
        rows = ask.ask("merge_duplicate_sessions", dry_run=not yes, user_id=user, limit=limit, again=again)
    answer(rows, _pairs(rows), "no duplicates", as_json=as_json)
    if rows and not yes and not as_json:
        console().print(Text("nothing was changed: say --yes to merge them", "dim"))


@sessions.command()
def merges(
    limit: Limit = 50,
    user: User = None,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """List merges of sessions, the newest first.

    \b
    Examples:
      syncwell sessions merges -n 10
    """
    with session(dsn, as_user, as_org) as ask:
        rows = ask.ask("get_session_merges", limit=limit, user_id=user)
    answer(rows, _pairs(rows), "no merges", as_json=as_json)


@sessions.command()
def revert(
    merge_id: Annotated[UUID, typer.Argument(metavar="MERGE", help="The id of the merge.")],
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """Take a merge back: every row it moved is where it was.

    \b
    Examples:
      syncwell sessions revert 0190a6e2-4f6c-7000-8000-5f1c2d3e4a5b
    """
    with session(dsn, as_user, as_org) as ask:
        (row,) = ask.ask("revert_session_merge", merge_id=merge_id)
    restored: int = row["revert_session_merge"]
    if as_json:
        print_json({"merge_id": merge_id, "restored": restored})
    else:
        console().print(f"{restored} rows are where they were")


def _pairs(rows: list[Row]) -> list[Column[Row]]:
    columns: list[Column[Row]] = [
        ("kept", "left", lambda row: str(row["kept_id"])),
        ("removed", "left", lambda row: str(row["removed_id"])),
        ("reason", "left", lambda row: plain(row["reason"])),
    ]
    first = rows[0] if rows else {}
    if "moved" in first:
        columns.append(("rows", "right", lambda row: count(row["moved"])))
    if first.get("merge_id") is not None:
        columns.append(("merge", "left", lambda row: str(row["merge_id"])))
    if "reverted_at" in first:
        columns.append(("reverted", "left", lambda row: clock(row["reverted_at"])))
    return columns
