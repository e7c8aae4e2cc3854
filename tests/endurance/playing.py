"""The server, the processes, the load, and a look at them every minute of the clock."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from endurance.load import Load, move_clock
from endurance.samples import Sample, taken
from harness import Cluster, UnavailableError
from harness.paths import TESTS
from harness.serving import SECRET, synced, told_url
from syncwell.embedded import Server

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

HOUR = 60


@contextmanager
def _process(*command: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "SYNCWELL_"))}
    path = os.pathsep.join(str(folder) for folder in (TESTS.parent / "python", TESTS))
    process = subprocess.Popen(
        [sys.executable, *command],
        env={**kept, "PYTHONPATH": path, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def play(
    minutes: int, seconds: float, tell: Callable[[str], object] = str
) -> tuple[list[Sample], Counter[str], list[str]]:
    """So many minutes of the clock in so many seconds; samples, what was done, what went wrong."""
    minute = seconds / minutes
    with ExitStack() as stack:
        server = stack.enter_context(Server(settings={"autovacuum_naptime": f"{max(1, round(minute))}s"}))
        cluster = stack.enter_context(Cluster(server, UnavailableError("not needed")))
        database = stack.enter_context(cluster.database())
        synced(database, "last_write_wins")
        move_clock(database, HOUR / minute)
        serve = stack.enter_context(
            _process(
                "-m", "syncwell.cli", "serve", "--port", "0", "--json",
                SYNCWELL_DSN=database.uri("gateway"), SYNCWELL_JWT_SECRET=SECRET.decode(), SYNCWELL_RATE="0",
            )
        )  # fmt: skip
        url = told_url(serve)
        worker = stack.enter_context(_process("-m", "endurance.worker", database.uri("a_service")))
        looking = database.connect(autocommit=True)
        load = stack.enter_context(Load(database, url, minute))
        samples = []
        begun = time.monotonic()
        for number in range(1, minutes + 1):
            time.sleep(max(0.0, begun + number * minute - time.monotonic()))
            samples.append(taken(looking, {"serve": serve.pid, "worker": worker.pid}, number))
            tell(f"minute {number}: {dict(load.done)}")
            if load.failures:
                break
        done = load.done.copy()
    return samples, done, load.failures
