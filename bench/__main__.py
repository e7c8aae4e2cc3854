"""`python -m bench`: measure, print a table, write it as JSON, as Markdown and as a chart of cost against size."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from bench import chart, report
from bench.harness import Bench, folder
from bench.result import Row, number
from bench.rows import ROWS
from bench.scale import SCALES


def main() -> None:
    """Run the rows that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    scale = os.environ.get("SCALE") or "small"
    parser.add_argument("--scale", choices=SCALES, default=scale, help="how much (default: SCALE, else small)")
    parser.add_argument("--only", choices=ROWS, action="append", help="this row; may be given more than once")
    parser.add_argument("--seed", type=int, default=1, help="of the random choices (default: 1)")
    parser.add_argument("--client", choices=["pgbench", "threads"], help="who makes the load (default: pgbench)")
    parser.add_argument(
        "--json", type=Path, default=folder() / "results.json", help="where the results go, the others beside it"
    )
    options = parser.parse_args()
    if options.scale not in SCALES:  # argparse does not look at a default
        parser.error(f"SCALE is one of {', '.join(SCALES)}, not {options.scale!r}")

    rows: list[Row] = []
    with Bench(SCALES[options.scale], seed=options.seed, client=options.client) as bench:
        where = report.machine(bench)
        for name in options.only or ROWS:
            started = time.monotonic()
            print(f"{name} …", end=" ", file=sys.stderr, flush=True)
            rows.extend(ROWS[name](bench))
            print(f"{number(time.monotonic() - started)} s", file=sys.stderr, flush=True)
    report.show(rows, where)
    results: Path = options.json
    report.save(rows, where, results)
    report.save_markdown(rows, where, results.with_suffix(".md"))
    print(f"\n{results}, {results.with_suffix('.md').name}", end="")
    print(f", {results.with_suffix('.svg').name}" if chart.draw(rows, results.with_suffix(".svg")) else "")


if __name__ == "__main__":
    main()
