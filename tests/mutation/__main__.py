"""`python -m mutation`: put small errors into the SQL, one at a time, and see which of them no test catches."""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from harness.modules import build
from mutation.chosen import drawn, tests_of
from mutation.survivors import explanation
from mutation.trial import Trial, Trials

if TYPE_CHECKING:
    from mutation.operators import Mutation

TARGET = 0.95


def diff(mutation: Mutation) -> str:
    """The lines that change."""
    lines = [f"    - {line}" for line in mutation.before.splitlines()]
    return "\n".join(lines + [f"    + {line}" for line in mutation.after.splitlines()])


def tried(domain: str, count: int, seed: int, trials: Trials) -> list[Trial]:
    """Try so many mutations of a domain that install; those that do not are only counted."""
    found: list[Trial] = []
    installed = itertools.count(1)
    for mutation in drawn(domain, random.Random(f"{seed} {domain}")):  # noqa: S311
        trial = trials.of(mutation, tests_of(mutation))
        found.append(trial)
        print(f"{trial.verdict:<13} {mutation.operator:<12} {mutation.file}  {trial.seconds:.0f} s", flush=True)
        if trial.verdict == "survived":
            known = explanation(mutation)
            print(f"{diff(mutation)}\n    {known.reason if known else 'NOT EXPLAINED'}", flush=True)
        elif trial.verdict == "caught":
            print(f"    by {trial.by}", flush=True)
        if trial.verdict != "not installed" and next(installed) == count:
            break
    return found


def summary(trials: list[Trial], seconds: float) -> bool:
    """The table, and whether the target is met and every survivor explained."""
    print(f"\n{'domain':<12}{'tried':>7}{'caught':>8}{'survived':>10}{'equivalent':>12}{'not installed':>15}")
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(trial.mutation.domain, []).append(trial)
    unexplained = 0
    for name, group in [*groups.items(), ("all", trials)]:
        caught = sum(trial.verdict == "caught" for trial in group)
        left = [explanation(trial.mutation) for trial in group if trial.verdict == "survived"]
        equivalent = sum(known is not None and known.equivalent for known in left)
        unexplained = sum(known is None for known in left)
        missing = sum(trial.verdict == "not installed" for trial in group)
        print(f"{name:<12}{caught + len(left):>7}{caught:>8}{len(left):>10}{equivalent:>12}{missing:>15}")
    share = caught / max(1, caught + len(left))
    print(
        f"\n{share:.1%} caught ({caught / max(1, caught + len(left) - equivalent):.1%} of those that can be told from"
        f" the original), target {TARGET:.0%}; {unexplained} survivors without a reason; {seconds / 60:.1f} minutes"
    )
    return caught >= TARGET * (caught + len(left) - equivalent) and unexplained == 0


def main() -> None:
    """Try them and say how it went; exit 1 below the target or with a survivor that nobody explained."""
    names: list[str] = list(build.DOMAINS)
    parser = argparse.ArgumentParser(prog="mutation", description=__doc__)
    parser.add_argument("--only", choices=names, help="one domain (default: all)")
    parser.add_argument("--count", type=int, default=72, help="how many in all (default: 72)")
    parser.add_argument("--seed", type=int, default=1, help="which are drawn (default: 1)")
    chosen = parser.parse_args()
    names = [chosen.only] if chosen.only else names
    print(f"seed {chosen.seed}", flush=True)
    start = time.monotonic()
    found: list[Trial] = []
    with tempfile.TemporaryDirectory() as folder:
        trials = Trials(Path(folder))
        for number, name in enumerate(names):
            count = chosen.count * (number + 1) // len(names) - chosen.count * number // len(names)
            if count:
                found += tried(name, count, chosen.seed, trials)
    sys.exit(0 if summary(found, time.monotonic() - start) else 1)


if __name__ == "__main__":
    main()
