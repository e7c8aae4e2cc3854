"""Running syncs as rows with progress bars; what they show is computed by the database."""

from __future__ import annotations

from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from syncwell.cli.output import count, one_line, plain, plain_table, seconds, speed, styled
from syncwell.cli.session import Row, Session

_WIDE = 110

# A run reports its progress under its id; other syncs have names of their own. A run that reports none is shown too.
_SYNCS = """
select
  p.sync_id, coalesce(e.source, p.source_system, p.job_id, p.sync_id) as source, e.sync_type, p.entity_type,
  p.status::text, p.stalled, p.processed_count, p.failed_count, p.total_items, p.percent, p.speed_now,
  p.speed_items_per_min, p.eta_now, p.silent_seconds, p.started_at, p.updated_at, p.completed_at,
  p.elapsed_now as elapsed_seconds
from syncwell.sync_progress_live as p
left join syncwell.sync_events as e
  on e.org_id = p.org_id
  and e.id = case
    when p.sync_id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then p.sync_id::uuid
  end
"""
_SILENT_RUNS = """
select
  e.id::text, e.source, e.sync_type, null, e.status, false, coalesce(e.items_processed, 0), coalesce(e.items_failed, 0),
  null, null, null, null, null, null, e.started_at, coalesce(e.heartbeat_at, e.started_at), e.completed_at,
  greatest(0, extract(epoch from now() - e.started_at))
from syncwell.sync_events as e
where e.status = 'started'
  and not exists (
    select from syncwell.sync_progress as p where p.org_id = e.org_id and p.sync_id = e.id::text
  )
"""
_RUNNING = f"""
{_SYNCS} where p.status in ('pending', 'in_progress', 'paused') or p.sync_id = any (%(also)s::text[])
union all
{_SILENT_RUNS}
order by started_at, sync_id
limit %(limit)s
"""
_ONE = f"{_SYNCS} where p.sync_id = %(sync_id)s"


def running(session: Session, also: list[str], limit: int = 200) -> list[Row]:
    """The syncs that have not ended, and those of `also` whether they have or not, the oldest first."""
    return session.rows(_RUNNING, {"also": also, "limit": limit})


def one(session: Session, sync_id: str) -> Row | None:
    """One sync; None before its first report."""
    rows = session.rows(_ONE, {"sync_id": sync_id})
    return rows[0] if rows else None


def state(row: Row) -> str:
    """Its status, or that it is stalled."""
    return "stalled" if row["stalled"] else str(row["status"])


def name(row: Row) -> str:
    """What is synced."""
    return plain(row["source"])


def progress_table(rows: list[Row], width: int) -> Table:
    """A row with a bar for each sync; a narrow terminal shows less of the names and of the bars."""
    wide = width >= _WIDE
    made = plain_table()
    made.add_column("sync", no_wrap=True, max_width=28 if wide else 15)
    if wide:
        made.add_column("type", no_wrap=True)
    made.add_column("status", no_wrap=True)
    made.add_column("progress", no_wrap=True)
    for header in ("", "items", "speed", "ETA", "elapsed") if wide else ("", "items", "speed", "ETA"):
        made.add_column(header, justify="right", no_wrap=True)
    for row in rows:
        cells = [Text(name(row)), styled(state(row)), _bar(row, wide), _percent(row), items(row), pace(row), eta(row)]
        if wide:
            cells.insert(1, Text(one_line(row["sync_type"] or row["entity_type"])))
            cells.append(Text(seconds(float(row["elapsed_seconds"]))))
        made.add_row(*cells)
    return made


def items(row: Row) -> str:
    """12,000/50,000, and how many failed."""
    handled = row["processed_count"] + row["failed_count"]
    whole = f"/{count(row['total_items'])}" if row["total_items"] is not None else ""
    failed = f" ({count(row['failed_count'])} failed)" if row["failed_count"] else ""
    return f"{count(handled)}{whole}{failed}"


def pace(row: Row) -> str:
    """Items a minute: now while it runs, over all when it has ended."""
    return speed(row["speed_now"] if row["completed_at"] is None else row["speed_items_per_min"])


def eta(row: Row) -> str:
    """What is left; for a silent one how long it has been."""
    if row["stalled"]:
        return f"silent {seconds(float(row['silent_seconds']))}"
    if row["completed_at"] is not None or row["eta_now"] is None:
        return ""
    return seconds(float(row["eta_now"]))


def line(row: Row) -> str:
    """The same as a line of a log."""
    percent = "" if row["percent"] is None else f"{row['percent']:.0f} %, "
    left = f", ETA {eta(row)}" if eta(row) else ""
    return f"{name(row)}: {state(row)}, {percent}{items(row)}, {pace(row)}{left}"


def _percent(row: Row) -> str:
    return "" if row["percent"] is None else f"{row['percent']:.0f} %"


def _bar(row: Row, wide: bool) -> ProgressBar | Text:
    width = 20 if wide else 8
    if row["percent"] is None:
        return Text(("total unknown" if wide else "no total"), "dim")
    style = "yellow" if row["stalled"] or row["status"] == "paused" else "cyan"
    return ProgressBar(total=100, completed=float(row["percent"]), width=width, complete_style=style)
