"""`python -m endurance`: figures, a chart, verdicts; exit code 1 when something grows."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from endurance import chart
from endurance.playing import play
from endurance.samples import verdicts

LEAST = 6


def main() -> int:
    """Play, write, judge."""
    parser = argparse.ArgumentParser(prog="python -m endurance", description=__doc__)
    parser.add_argument("--minutes", type=int, default=60, help="of the database's clock")
    parser.add_argument("--seconds", type=float, default=600, help="that this takes")
    parser.add_argument("--folder", type=Path, default=Path("build"))
    options = parser.parse_args()
    if options.minutes < LEAST:
        parser.error(f"--minutes: at least {LEAST}, less says nothing of growth")
    samples, done, failures = play(options.minutes, options.seconds, lambda line: print(line, flush=True))
    judged = verdicts(samples)
    options.folder.mkdir(exist_ok=True)
    chart.written(samples, options.folder / "endurance.svg")
    found = [{"what": what, "figures": figures, "well": well} for what, figures, well in judged]
    text = json.dumps({"done": done, "failures": failures, "verdicts": found, "samples": samples}, indent=2)
    (options.folder / "endurance.json").write_text(text + "\n")
    for what, figures, well in judged:
        print(f"{'flat ' if well else 'GROWS'} {what}: {figures}")
    for line in failures:
        print(f"FAILED {line}")
    print(f"{dict(done)}; {options.folder}/endurance.json, {options.folder}/endurance.svg")
    return int(bool(failures) or not all(well for _, _, well in judged))


if __name__ == "__main__":
    sys.exit(main())
