"""Users of the org with more and more runs behind them, counted, and with what evaluations left of their streams.

Made once for all rows that ask about them; nothing writes to them afterwards.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bench import tables
from bench.harness import TENANT

if TYPE_CHECKING:
    from bench.harness import Bench, Database

SOURCES = 5
USERS = (("bench_other", TENANT.other), ("bench_member", TENANT.member), ("bench_third", TENANT.third))


def database(bench: Bench) -> tuple[Database, dict[int, str]]:
    """The database, and who in it has how many runs: logins by that number, the smallest first."""
    logins = {events: login for (login, _), events in zip(USERS, bench.scale.events, strict=False)}
    return bench.shared("histories", partial(_fill, events=bench.scale.events)), logins


def _fill(database: Database, events: tuple[int, ...]) -> None:
    admin = database.connect()
    for (_, user), runs in zip(USERS, events, strict=False):
        tables.finished_runs(admin, tables.streams(admin, user, SOURCES), runs)
    tables.counted(admin)
    tables.states(admin)
    tables.settle(admin)
