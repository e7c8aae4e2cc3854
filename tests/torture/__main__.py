"""`python -m torture`: rounds, and what was found; exit code 1 when something was."""

from __future__ import annotations

import argparse
import sys
import time

from torture.loads import LOADS
from torture.rounds import Plan, Result, Torture, plans
from torture.world import World


def main() -> int:
    """Play the rounds of a seed."""
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, action="append", metavar="ROUND", help="only this one; may be repeated")
    parser.add_argument("--load", choices=[load.name for load in LOADS], help="only rounds of this one")
    options = parser.parse_args()
    chosen = [
        plan
        for plan in plans(max(options.rounds, 1 + max(options.only or [0])), options.seed)
        if (plan.number in options.only if options.only else True) and options.load in (None, plan.load.name)
    ]
    started = time.monotonic()
    with World() as world:
        torture = Torture(world)
        results = [_played(torture, plan) for plan in chosen]
    _tell(results, time.monotonic() - started)
    return int(any(result.wrong for result in results))


def _played(torture: Torture, plan: Plan) -> Result:
    try:
        result = torture.play(plan)
    except Exception as error:
        result = Result(plan, False, 0, 0, 0.0, [f"{type(error).__name__}: {error}"])
    when = "" if result.is_hit else " (all was done already)"
    print(f"{plan}{when}: {result.acknowledged} of {result.sent} acknowledged, back in {result.recovery:.1f} s")
    for line in result.wrong:
        print(f"  WRONG {line}")
    sys.stdout.flush()
    return result


def _tell(results: list[Result], seconds: float) -> None:
    print(f"\n{'load':<18}{'rounds':>8}{'hit':>6}{'sent':>8}{'acked':>8}{'wrong':>8}")
    for load in LOADS:
        mine = [result for result in results if result.plan.load is load]
        figures = [
            len(mine),
            sum(result.is_hit for result in mine),
            sum(result.sent for result in mine),
            sum(result.acknowledged for result in mine),
            sum(bool(result.wrong) for result in mine),
        ]
        if mine:
            print(
                f"{load.name:<18}"
                + "".join(f"{one:>{width}}" for one, width in zip(figures, (8, 6, 8, 8, 8), strict=True))
            )
    wrong = [result.plan.number for result in results if result.wrong]
    print(f"\n{len(results)} rounds in {seconds:.0f} s; wrong: {', '.join(map(str, wrong)) or 'none'}")


if __name__ == "__main__":
    sys.exit(main())
