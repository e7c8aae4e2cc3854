"""The table for people, and the same as JSON and Markdown."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from bench.harness import SETTINGS, Bench
from bench.result import Row, duration, number

_TITLES = ("row", "case", "result", "target", "verdict", "figure", "yardstick")

# what makes figures of two runs fit into one table
_SAME = ("cores", "processor", "postgresql", "client", "scale", "rounds", "settings")


def machine(bench: Bench) -> dict[str, Any]:
    """Where it was measured."""
    with psycopg.connect(bench.server.uri()) as connection:
        version = connection.execute("show server_version").fetchone()
    assert version is not None
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "postgresql": version[0],
        "fsync_seconds": bench.fsync_seconds(),
        "load_before": os.getloadavg()[0],
        "client": bench.client,
        "scale": bench.scale.name,
        "rounds": bench.scale.rounds,
        "seed": bench.seed,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": SETTINGS,
    }


def show(rows: Sequence[Row], where: dict[str, Any]) -> None:
    """Print the table and below it the line about the machine."""
    (_show_rich if importlib.util.find_spec("rich") else _show_plain)([_cells(row) for row in rows])
    print(f"\n{_place(where)}")
    if where["scale"] != "full":
        print("This scale shows that everything runs; figures that mean something come with SCALE=full.")


def save_markdown(rows: Sequence[Row], where: dict[str, Any], path: Path) -> None:
    """Write the table and the line about the machine as a README takes them."""
    lines = [_TITLES, ("---",) * len(_TITLES), *(_cells(row) for row in rows)]
    table = "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
    path.write_text(f"{table}\n\n{_place(where)}\n", encoding="utf-8")


def save(measured: Mapping[str, Sequence[Row]], where: dict[str, Any], path: Path) -> None:
    """Write the results as JSON: what each measurement, by its name, has found out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"measurement": name, **row.as_json()} for name, found in measured.items() for row in found]
    text = json.dumps({"machine": where, "rows": rows}, indent=2, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")


def kept(path: Path, where: dict[str, Any]) -> dict[str, list[Row]]:
    """What an earlier run has found out; nothing where it was of another size, or on another machine or version."""
    if not path.exists():
        return {}
    earlier = json.loads(path.read_text(encoding="utf-8"))
    if any(earlier["machine"][name] != where[name] for name in _SAME):
        return {}
    found: dict[str, list[Row]] = {}
    for row in earlier["rows"]:
        found.setdefault(row["measurement"], []).append(Row.from_json(row))
    return found


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.row,
        row.case,
        f"{number(row.value)} {row.unit}",
        str(row.target) if row.target else "",
        row.verdict,
        row.figure,
        row.yardstick,
    )


def _place(where: dict[str, Any]) -> str:
    return (
        f"{where['cores']} cores ({where['processor']}), PostgreSQL {where['postgresql']}, "
        f"fsync {duration(where['fsync_seconds'])}, load {where['load_before']:.1f} before; {where['client']}, "
        f"scale {where['scale']}, medians of {where['rounds']}, seed {where['seed']}"
    )


def _show_rich(cells: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    colours = {"met": "green", "missed": "red"}
    table = Table(*_TITLES)
    for row, case, result, target, verdict, *rest in cells:
        colour = colours.get(verdict)
        table.add_row(row, case, result, target, f"[{colour}]{verdict}[/]" if colour else verdict, *rest)
    console = Console()
    # a file or a pipe has no width
    (console if console.is_terminal else Console(width=200)).print(table)


def _show_plain(cells: list[tuple[str, ...]]) -> None:
    lines = [_TITLES, *cells]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_TITLES))]
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
