"""export: runs, activity, metrics, events, sessions and records as files."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, LiteralString
from uuid import UUID

import psycopg
import typer

from syncwell.cli.export import Filters, Manifest, Pages
from syncwell.cli.failures import CommandError
from syncwell.cli.options import AsOrg, AsUser, Dsn, Json, Source, User
from syncwell.cli.output import count, print_json
from syncwell.cli.session import acting, connect, refuse_both
from syncwell.cli.waiting import Wait, waiting

_QUERY: LiteralString = """
select q.query, q.key_columns, q.columns, q.until
from syncwell.export_query(
  p_what => %s::text, p_from => %s::timestamptz, p_to => %s::timestamptz, p_source => %s::text, p_user_id => %s::uuid
) as q
"""
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]


class What(StrEnum):
    """What can be exported."""

    RUNS = "runs"
    ACTIVITY = "activity"
    METRICS = "metrics"
    EVENTS = "events"
    SESSIONS = "sessions"
    RECORDS = "records"


class Form(StrEnum):
    """As what."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


def export(
    what: Annotated[What, typer.Argument(help="What to export.")],
    folder: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", file_okay=False, help="Where to.")],
    form: Annotated[Form, typer.Option("--format", "-f", help="As what.")] = Form.CSV,
    since: Annotated[
        datetime | None,
        typer.Option("--from", metavar="TIME", formats=_TIMES, help="From when, UTC; default: the beginning."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", metavar="TIME", formats=_TIMES, help="Until when, not included; default: now."),
    ] = None,
    source: Source = None,
    user: User = None,
    rows: Annotated[
        int, typer.Option(metavar="N", min=1, max=10_000_000, help="At most so many rows a file.")
    ] = 100_000,
    verify: Annotated[
        bool, typer.Option("--verify", help="Write nothing; check the files, and that none is missing.")
    ] = False,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """Write what you may read to files, in pages, with a manifest that names each with its rows and hash.

    A time is 2026-10-01, 2026-10-01T09:30, 2026-10-01T09:30:00 or, with an offset, 2026-10-01T09:30:00+0100.

    Interrupted, it goes on where it stopped when it is called again with the same options. Login with role
    syncwell_reader; error texts and devices are not exported.

    Exit code: 0 all is there; 1 --verify found that something is not.

    \b
    Examples:
      syncwell export runs -o october --from 2026-10-01 --to 2026-11-01
      syncwell export events -o calls --source calls --format parquet
      syncwell export runs -o october --from 2026-10-01 --to 2026-11-01 --verify
    """
    refuse_both(as_user, as_org)
    if form is Form.PARQUET:
        _require_pyarrow()
    act = acting(as_user, as_org)
    manifest = Manifest.read(folder)
    with waiting("connecting") as wait, connect(dsn) as connection:
        known_end = None if manifest is None else manifest.filters.until
        end: str | datetime | None = known_end if until is None else _utc(until)
        query, keys, columns, settled = _plan(connection, act, (what.value, _utc(since), end, source, user))
        filters = Filters(
            what=what.value,
            format=form.value,
            since=_text(_utc(since)),
            until=settled.astimezone(UTC).isoformat(),
            source=source,
            user_id=_text(user),
            acting_for=_text(as_user or as_org),
        )
        if manifest is not None:
            manifest.require(filters)
        pages = Pages(connection, act, query, keys)
        before = 0 if manifest is None else manifest.rows
        if verify:
            wait.tell("checking the files")
            known, problems = _problems(folder, manifest, pages)
        else:
            if manifest is None:
                # what people did is for nobody else to read
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                manifest = Manifest(folder, filters, tuple(columns))
                manifest.write()
            _write(manifest, pages, rows, wait)
            known, problems = manifest, []
    if verify:
        _tell_problems(known, problems, as_json=as_json)
    elif as_json:
        print_json({"folder": str(folder), "files": len(known.files), "rows": known.rows, "new": known.rows - before})
    else:
        print(f"exported {count(known.rows)} rows to {folder}, {count(len(known.files))} files")


def _plan(
    connection: psycopg.Connection[Any], act: tuple[LiteralString, UUID] | None, arguments: tuple[object, ...]
) -> tuple[str, list[str], list[str], datetime]:
    with connection.transaction():
        if act is not None:
            connection.execute(act[0], [act[1]])
        row = connection.execute(_QUERY, arguments).fetchone()
    if row is None:
        raise RuntimeError("export_query() returned no row")
    return row[0], row[1], row[2], row[3]


def _write(manifest: Manifest, pages: Pages, rows: int, wait: Wait) -> None:
    while not manifest.complete:
        wait.tell(f"writing {manifest.filters.what}, {count(manifest.rows)} rows so far")
        name = manifest.next_name()
        part = manifest.folder / f"{name}.part"
        written = pages.write(part, manifest.filters.format, manifest.last_key, rows)
        if written is None:
            manifest.complete = True
            manifest.write()
        else:
            manifest.add(part, name, *written)


def _problems(folder: Path, manifest: Manifest | None, pages: Pages) -> tuple[Manifest, list[str]]:
    if manifest is None:
        raise CommandError(f"{folder} holds no export", None, "Export first, then verify with the same options.")
    problems = [f"{name} is not as it was written" for name in manifest.damaged()]
    there = pages.count()
    if not manifest.complete:
        problems.append("the export was interrupted")
    if there != manifest.rows:
        problems.append(f"{count(manifest.rows)} rows were exported, and there are {count(there)}")
    return manifest, problems


def _tell_problems(manifest: Manifest, problems: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"folder": str(manifest.folder), "rows": manifest.rows, "problems": problems})
    else:
        print("\n".join(problems) or f"all {count(manifest.rows)} rows are there, in {len(manifest.files)} whole files")
    if problems:
        raise typer.Exit(1)


def _utc(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time


def _text(value: object) -> str | None:
    return None if value is None else value.isoformat() if isinstance(value, datetime) else str(value)


def _require_pyarrow() -> None:
    if find_spec("pyarrow") is None:
        raise CommandError(
            "Parquet needs a part that is not installed: pyarrow", None, "pip install 'syncwell[export]'"
        )
