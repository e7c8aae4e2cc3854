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
    parser.add_argument(
        "--keep", action="store_true", help="keep what an earlier run found of rows that are not measured now"
    )
    options = parser.parse_args()
    if options.scale not in SCALES:  # argparse does not look at a default
        parser.error(f"SCALE is one of {', '.join(SCALES)}, not {options.scale!r}")

    results: Path = options.json
    measured: dict[str, list[Row]] = {}
    with Bench(SCALES[options.scale], seed=options.seed, client=options.client) as bench:
        where = report.machine(bench)
        if options.keep:
            measured = report.kept(results, where)
        for name in options.only or ROWS:
            started = time.monotonic()
            print(f"{name} …", end=" ", file=sys.stderr, flush=True)
            measured[name] = list(ROWS[name](bench))
            # after each: all of them take hours at full scale
            report.save(_in_order(measured), where, results)
            print(f"{number(time.monotonic() - started)} s", file=sys.stderr, flush=True)
    rows = [row for found in _in_order(measured).values() for row in found]
    report.show(rows, where)
    report.save_markdown(rows, where, results.with_suffix(".md"))
    print(f"\n{results}, {results.with_suffix('.md').name}", end="")
    print(f", {results.with_suffix('.svg').name}" if chart.draw(rows, results.with_suffix(".svg")) else "")


def _in_order(measured: dict[str, list[Row]]) -> dict[str, list[Row]]:
    return {name: measured[name] for name in ROWS if name in measured}


if __name__ == "__main__":
    main()
