"""Clients that run a script over and over: pgbench where the server has it, else threads.

A script is pgbench's: `\\set name random(a, b)` lines and statements, each ended by `;` or by `\\gset`, with
`:name` in them. Statements are prepared once a session, as drivers do.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psycopg

Client = Literal["pgbench", "threads"]

_RANDOM = re.compile(r"\\set (\w+) random\((\d+), (\d+)\)")
_TPS = re.compile(r"tps = ([\d.]+) \(without initial connection time\)")
_VARIABLE = re.compile(r"(?<!:):([A-Za-z_]\w*)")


class LoadError(RuntimeError):
    """A client gave up; the text says why."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A script, who runs it (a connection URI) and in how many sessions at once."""

    script: str
    uri: str
    sessions: int = 1


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of a workload: `calls` of it in all, or as many as fit into `seconds`."""

    seconds: int = 1
    calls: int | None = None

    def each(self, workload: Workload) -> int | None:
        """The calls of one session; None: no limit."""
        return None if self.calls is None else max(1, round(self.calls / workload.sessions))


def run(workload: Workload, amount: Amount, *, seed: int, client: Client, bindir: Path) -> float:
    """Run it so long or so often; returns how often a second."""
    if client == "pgbench":
        return _pgbench(workload, amount, seed, bindir)
    return _threads(workload, amount, seed)


def _pgbench(workload: Workload, amount: Amount, seed: int, bindir: Path) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as script:
        script.write(workload.script)
        script.flush()
        command = [
            str(bindir / "pgbench"), "--no-vacuum", "--protocol=prepared", f"--random-seed={seed}",
            f"--client={workload.sessions}", f"--jobs={min(workload.sessions, os.cpu_count() or 1)}",
            f"--transactions={amount.each(workload)}" if amount.calls else f"--time={amount.seconds}",
            f"--file={script.name}", workload.uri,
        ]  # fmt: skip
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = _TPS.search(done.stdout)
    # an aborted session is a line on stderr and, before version 17, an exit code of 0
    if done.returncode != 0 or found is None or "aborted" in done.stderr:
        raise LoadError(f"pgbench failed: {(done.stderr or done.stdout).strip()[-2000:]}")
    return float(found[1])


def _threads(workload: Workload, amount: Amount, seed: int) -> float:
    steps = _steps(workload.script)
    done = [0] * workload.sessions
    errors: list[psycopg.Error] = []
    ready = threading.Barrier(workload.sessions + 1)
    stop = threading.Event()

    def session(place: int) -> None:
        numbers = random.Random(f"{seed}-{place}")  # noqa: S311 - a load, not a secret
        most = amount.each(workload)
        try:
            with psycopg.connect(workload.uri, autocommit=True, prepare_threshold=0) as connection:
                ready.wait()
                while not stop.is_set() and done[place] != most:
                    _once(connection, steps, numbers)
                    done[place] += 1
        except psycopg.Error as error:
            errors.append(error)
            stop.set()
            ready.abort()
        except threading.BrokenBarrierError:
            pass

    threads = [threading.Thread(target=session, args=(place,)) for place in range(workload.sessions)]
    for thread in threads:
        thread.start()
    try:
        ready.wait()
        started = time.perf_counter()
        if amount.calls is None:
            stop.wait(amount.seconds)
            stop.set()
    except threading.BrokenBarrierError:
        started = time.perf_counter()
    for thread in threads:
        thread.join()
    if errors:
        raise LoadError(f"a session failed: {errors[0]}") from errors[0]
    return sum(done) / (time.perf_counter() - started)


_Step = tuple[Literal["set", "run", "gset"], Any]


def _steps(script: str) -> list[_Step]:
    steps: list[_Step] = []
    statement = ""
    for line in script.splitlines():
        if found := _RANDOM.fullmatch(line.strip()):
            steps.append(("set", (found[1], int(found[2]), int(found[3]))))
            continue
        statement += f"{line}\n"
        for end, kind in ((r"\gset", "gset"), (";", "run")):
            if line.rstrip().endswith(end):
                text = statement.rstrip().removesuffix(end).strip()
                names = _VARIABLE.findall(text)
                # a parameter each time, as in pgbench: the same value may be a text here and a number there
                asked = _VARIABLE.sub("%s", text.replace("%", "%%"))
                steps.append(("gset" if kind == "gset" else "run", (asked, names)))
                statement = ""
                break
    if statement.strip():
        raise ValueError(f"this is no whole statement: {statement.strip()}")
    return steps


def _once(connection: psycopg.Connection, steps: list[_Step], numbers: random.Random) -> None:
    # texts, as pgbench sends them: the server finds out their types
    values: dict[str, str] = {}
    for kind, what in steps:
        if kind == "set":
            name, low, high = what
            values[name] = str(numbers.randint(low, high))
            continue
        asked, names = what
        cursor = connection.execute(asked, [values[name] for name in names])
        if kind == "gset" and cursor.description and cursor.pgresult and cursor.rowcount:
            for place, column in enumerate(cursor.description):
                values[column.name] = (cursor.pgresult.get_value(0, place) or b"").decode()
