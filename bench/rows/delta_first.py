"""A device's first pull, streamed: all rows of one user, who owns half of a table.

The yardstick is `COPY (SELECT row_to_json(t) …) TO STDOUT` of the same records, read by the same driver; each reader is
a process of its own on the same machine, which throws away what it gets. Memory is what the reader, and the server's
process for it, had for themselves at most above what they had when they were connected and idle.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from psycopg import sql

from bench import synced, tables
from bench.harness import TENANT, Bench
from bench.result import TIMES, Row, Target, number

_NAME = "first pull"
_MIB = 1024
_MOST_MIB = 64


def run(bench: Bench) -> Iterator[Row]:
    """The rate, and the memory of both sides."""
    rows = bench.scale.first
    with bench.database() as database:
        admin = database.connect()
        synced.table(admin, "entries")
        admin.execute("create index on app.entries (user_id)")
        synced.fill(admin, "entries", 2 * rows, users=2)
        synced.register(admin, "entries")
        tables.settle(admin)
        query = sql.SQL("select row_to_json(t) from ({} where user_id = {}) as t").format(
            synced.AS_JSON.format(sql.Identifier("entries")), sql.Literal(str(TENANT.member))
        )
        measured: dict[str, list[dict[str, Any]]] = {"stream": [], "copy": []}
        arguments = {"stream": [], "copy": [query.as_string(admin)]}

        def read(how: str) -> float:
            measured[how].append(_read(database.uri("bench_member"), how, *arguments[how]))
            return float(measured[how][-1]["seconds"])

        rates = bench.timed({how: functools.partial(read, how) for how in measured})
        # the same but for a comma a record, and what stands around them all
        assert 0 < measured["stream"][0]["bytes"] - measured["copy"][0]["bytes"] - rows < 1_000
        size = measured["copy"][0]["bytes"] / _MIB / _MIB
        yield Row(
            _NAME,
            f"{number(rows)} rows, {number(size)} MiB",
            rates.ratio("stream", "copy"),
            f"{TIMES} rate",
            Target(at_least=0.7),
            f"{number(rows * rates.rate('stream'))} rows/s",
            f"{number(rows * rates.rate('copy'))} rows/s COPY of row_to_json",
        )
        for side in ("server", "client"):
            most = {
                how: max((found[f"{side}_kib"] for found in measured[how]), key=lambda value: value or 0)
                for how in measured
            }
            if most["stream"] is not None:
                yield Row(
                    _NAME,
                    f"{number(rows)} rows, {side}'s memory above idle",
                    most["stream"] / _MIB,
                    "MiB",
                    Target(at_most=_MOST_MIB),
                    "",
                    f"{number(most['copy'] / _MIB)} MiB COPY",
                )


def _read(uri: str, how: str, *query: str) -> dict[str, Any]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-m", "bench.reader", uri, how, *query],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"the reader failed: {done.stderr.strip()[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
