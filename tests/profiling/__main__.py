"""`python -m profiling`: run the tests and say what they reach; what is given is for pytest."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import coverage

from harness import checked
from harness.paths import BUILD, ROOT
from profiling.functions import Function, functions
from profiling.plugin import FOLDER

OUT = BUILD / "coverage"
SETTINGS = Path(__file__).with_name("coverage.toml")
SQL_TARGET = 95
PYTHON_TARGET = 90
_SHOWN = 25


def run(arguments: list[str]) -> int:
    """The tests on a server with the profiler, under coverage.py."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    bindir, env = checked.programs()
    env |= {"PG_BINDIR": str(bindir), "COVERAGE_FILE": str(OUT / "data"), FOLDER: str(OUT / "profiles")}
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT / "python"), str(ROOT / "tests")])
    options = ["-m", "coverage", "run", f"--rcfile={SETTINGS}", "-m", "pytest", "-p", "profiling.plugin"]
    return subprocess.run([sys.executable, *options, *arguments], cwd=ROOT, env={**os.environ, **env}).returncode


def table(title: str, counts: dict[str, tuple[int, int]], target: int) -> bool:
    """A line a group and one for all; whether the target is met."""
    counts = {**counts, "all": (sum(a for a, _ in counts.values()), sum(b for _, b in counts.values()))}
    print(f"\n{title:<40}{'reached':>9}{'of':>7}{'':>9}")
    for name, (reached, of) in counts.items():
        print(f"{name:<40}{reached:>9}{of:>7}{_percent(reached, of):>8.1f}%")
    met = _percent(*counts["all"]) >= target
    print(f"{'target':<40}{'':>16}{target:>8.1f}% {'met' if met else 'MISSED'}")
    return met


def _percent(reached: int, of: int) -> float:
    return 100 * reached / of if of else 100.0


def sql_table(found: list[Function]) -> bool:
    """By domain, and where most is missed."""
    counts: dict[str, tuple[int, int]] = {}
    for function in sorted(found, key=lambda one: one.domain):
        reached, of = counts.get(function.domain, (0, 0))
        missed = len(function.missed)
        counts[function.domain] = (reached + function.statements - missed, of + function.statements)
    met = table("statements of PL/pgSQL, by domain", counts, SQL_TARGET)
    worst = sorted((one for one in found if one.missed), key=lambda one: -len(one.missed))
    lines = [
        f"{one.domain}/{one.name}: {len(one.missed)} of {one.statements}: "
        + ", ".join(f"{line} {kind}" for line, kind in one.missed)
        for one in worst
    ]
    (OUT / "sql.txt").write_text("\n".join(lines) + "\n")
    print(f"\nmost is missed in (line of the body; all of them in {(OUT / 'sql.txt').relative_to(ROOT)}):")
    print("\n".join(f"  {line[:200]}" for line in lines[:_SHOWN]))
    return met


def python_table() -> bool:
    """By module; of a package by its modules together."""
    data = coverage.Coverage(data_file=str(OUT / "data"), config_file=str(SETTINGS))
    data.combine([str(OUT)])
    data.save()
    data.json_report(outfile=str(OUT / "python.json"))
    data.html_report(directory=str(OUT / "html"))
    branches: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for name, file in sorted(json.loads((OUT / "python.json").read_text())["files"].items()):
        module = Path(name).parts[Path(name).parts.index("syncwell") + 1 :]
        reached, of = branches[module[0]]
        summary = file["summary"]
        branches[module[0]] = (reached + summary["covered_branches"], of + summary["num_branches"])
    met = table(
        "branches of Python, by module", {name: pair for name, pair in branches.items() if pair[1]}, PYTHON_TARGET
    )
    print(f"line by line: {(OUT / 'html' / 'index.html').relative_to(ROOT)}")
    return met


def main() -> None:
    """Run, tell, and exit 1 where a test failed or a target is missed."""
    start = time.monotonic()
    arguments = sys.argv[1:]
    failed = run(arguments) if arguments != ["--report"] else 0
    met = [sql_table(functions(OUT / "profiles")), python_table()]
    print(f"{(time.monotonic() - start) / 60:.1f} minutes")
    sys.exit(1 if failed or not all(met) else 0)


if __name__ == "__main__":
    main()
