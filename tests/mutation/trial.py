"""One mutation at a time: a cluster of its own with the mutated schema, and the tests until the first that fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.paths import ROOT, SQL
from mutation.plugin import MUTANT, outcome_of

if TYPE_CHECKING:
    from pathlib import Path

    from mutation.operators import Mutation

Verdict = Literal["caught", "survived", "not installed"]
# Many times what all tests of a domain take: what takes longer has lost its way, which is seen.
_SECONDS = 1800


@dataclass(frozen=True)
class Trial:
    """What became of a mutation; `by` is the test that failed, or why the schema did not install."""

    mutation: Mutation
    verdict: Verdict
    by: str
    seconds: float


class Trials:
    """Runs pytest for one mutation after the other; `folder` is for what they tell each other."""

    def __init__(self, folder: Path) -> None:
        self._mutant = folder / "mutant.json"
        self._sound: dict[str, bool] = {}

    def of(self, mutation: Mutation, tests: list[str]) -> Trial:
        """Try one; a test that fails without the mutation, or passes the next time, is asked no more."""
        start = time.monotonic()
        original = (SQL / mutation.file).read_text()
        while True:
            verdict, by = self._run(original, mutation.text, tests)
            if verdict != "caught" or (self._is_sound(by) and self._run(original, mutation.text, [by])[0] == "caught"):
                return Trial(mutation, verdict, by, time.monotonic() - start)
            # what comes before it has passed
            file = by.partition("::")[0]
            tests = [*tests[tests.index(file) :], f"--deselect={by}"] if file in tests else [*tests, f"--deselect={by}"]

    def _is_sound(self, test: str) -> bool:
        """Whether the test passes on what was not mutated."""
        if test not in self._sound:
            self._sound[test] = self._run("", "", [test])[0] == "survived"
        return self._sound[test]

    def _run(self, original: str, mutated: str, tests: list[str]) -> tuple[Verdict, str]:
        # a migration carries the text of a file without the empty lines around it
        self._mutant.write_text(json.dumps({"original": original.strip(), "mutated": mutated.strip()}))
        told = outcome_of(self._mutant)
        told.unlink(missing_ok=True)
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "mutation.plugin"]
        path = os.pathsep.join([str(ROOT / "python"), str(ROOT / "tests")])
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", *options, *tests],
                cwd=ROOT,
                env={**os.environ, MUTANT: str(self._mutant), "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "caught", f"more than {_SECONDS} s"
        if told.exists():
            outcome = json.loads(told.read_text())
            return outcome["outcome"], outcome["detail"]
        if done.returncode != 0:
            raise RuntimeError(f"pytest failed without a failing test:\n{(done.stdout + done.stderr)[-2000:]}")
        return "survived", ""
