"""Every row of the benchmark runs and says what it must; how fast it is, is nobody's business here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.paths import ROOT

MOST_BUFFERS = 50


def bench(results: Path, *arguments: str) -> tuple[list[dict[str, Any]], str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "bench", "--scale", "tiny", "--json", str(results), *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "python"), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(results.read_text())
    assert found["machine"]["scale"] == "tiny"
    return found["rows"], done.stdout


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], str]:
    return bench(tmp_path_factory.mktemp("bench") / "results.json")


def test_every_row_is_measured(measured: tuple[list[dict[str, Any]], str]) -> None:
    rows, table = measured
    assert {row["row"] for row in rows} == {
        "progress update",
        "install",
        "rollback",
        "get_sync_health_status",
        "get_sync_health_history",
        "get_integration_dashboard",
        "detect_sync_issues",
        "drift learn",
        "drift check",
        "evaluate_health",
        "rollup cost of a run",
        "maintenance",
        "update_sync_health_metrics",
        "recording a run",
        "activity log: an entry",
        "activity log: six questions",
        "activity log: size",
        "active progress of an org",
        "access audit",
        "row-level security",
        "queue",
        "ingest",
        "queue, batch",
        "queue, size",
        "queue metrics",
        "queue, flood",
        "preview delta",
        "preview cache hit",
        "live sessions",
        "events",
        "/metrics",
        "dashboard",
        "delta pull",
        "delta pull, many tables",
        "idle pull",
        "first pull",
        "push",
        "write cost of tracking",
    }
    for row in rows:
        assert row["verdict"] in (("-",) if row["at_least"] is row["at_most"] is None else ("met", "missed")), row
        assert isinstance(row["value"], int | float)
        # a ratio is nothing without both of its sides
        if row["unit"].endswith((" rate", " time", " added")):
            assert row["figure"]
            assert row["yardstick"]
        assert row["row"] in table


def test_health_reads_few_pages(measured: tuple[list[dict[str, Any]], str]) -> None:
    pages = [row["value"] for row in measured[0] if row["unit"] == "buffers"]
    assert len(pages) == 2
    assert all(0 < count <= MOST_BUFFERS for count in pages)


def test_an_idle_pull_writes_nothing(measured: tuple[list[dict[str, Any]], str]) -> None:
    written = [row["value"] for row in measured[0] if row["row"] == "idle pull" and row["unit"] == "bytes"]
    assert written == [0, 0]


def test_a_first_pull_fits_into_little_memory(measured: tuple[list[dict[str, Any]], str]) -> None:
    memory = [row for row in measured[0] if row["row"] == "first pull" and row["unit"] == "MiB"]
    assert all(row["verdict"] == "met" for row in memory)
    assert memory or not Path("/proc/self/status").is_file()


def test_deltas_are_measured_at_every_size(measured: tuple[list[dict[str, Any]], str]) -> None:
    cases = [row["case"] for row in measured[0] if row["row"] == "delta pull"]
    assert len(cases) == len(set(cases)) == 6


def test_the_table_and_the_chart_lie_beside_the_results(
    measured: tuple[list[dict[str, Any]], str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows, _ = measured
    results = next(tmp_path_factory.getbasetemp().glob("bench*/results.json"))
    table = results.with_suffix(".md").read_text().splitlines()
    assert len([line for line in table if line.startswith("| ")]) == len(rows) + 2
    drawn = results.with_suffix(".svg").read_text()
    curves = {row["curve"]["name"] for row in rows if row["curve"]}
    assert len(curves) >= 4
    assert all(name in drawn for name in curves)


def test_runs_without_pgbench(tmp_path: Path) -> None:
    """With variables, as texts and numbers, of rows that were asked for before; and with colons that begin none."""
    only = [f"--only={row}" for row in ("record-run", "activity-questions", "delta-writes", "queue")]
    rows, _ = bench(tmp_path / "results.json", "--client", "threads", *only, "--seed", "7")
    assert sum(row["row"] == "recording a run" for row in rows) == 3
    assert sum("next page" in row["case"] for row in rows) >= 5
    assert not (tmp_path / "results.svg").exists()


def test_what_is_measured_in_pieces_is_one_table(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    first, _ = bench(results, "--only", "record-run")
    both, shown = bench(results, "--only", "install", "--keep")
    assert [row["measurement"] for row in both] == ["install", *["record-run"] * 3]
    assert both[1:] == first
    assert "recording a run" in shown
    # figures of another machine are none of this one's
    told = json.loads(results.read_text())
    told["machine"]["cores"] += 1
    results.write_text(json.dumps(told))
    again, _ = bench(results, "--only", "install", "--keep")
    assert [row["measurement"] for row in again] == ["install"]


@pytest.mark.parametrize("arguments", [("--only", "nothing"), ("--scale", "huge"), ("--client", "nobody")])
def test_refuses_what_it_does_not_know(arguments: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="invalid choice"):
        bench(tmp_path / "results.json", *arguments)
