"""The server, its databases, and measuring two things in turns."""

from __future__ import annotations

import contextlib
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from bench import load
from bench.load import Amount, Client, Workload
from syncwell.embedded import Server
from syncwell.migrate import migrate, roles_sql

if TYPE_CHECKING:
    from bench.scale import Scale

# As it comes, durability above all; only what would make the runs of one table differ among themselves is moved.
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "jit": "off",
}
ASYNCHRONOUS = "-c synchronous_commit=off"

_TEMPLATE = "bench_template"
_FSYNC_BLOCK = 8192
_FSYNC_TIMES = 50


@dataclass(frozen=True, slots=True)
class Tenant:
    """The org that is measured, and who in it calls; each is a login as well."""

    org: uuid.UUID
    member: uuid.UUID
    other: uuid.UUID
    third: uuid.UUID


TENANT = Tenant(*(uuid.UUID(f"0190aaaa-0000-7000-8000-{number:012}") for number in (1, 2, 3, 4)))
LOGINS = {
    "bench_member": TENANT.member,
    "bench_other": TENANT.other,
    "bench_third": TENANT.third,
    "bench_service": None,
    "bench_bypass": None,
}


@dataclass(slots=True)
class Database:
    """A database with syncwell in it and the tenant registered."""

    server: Server
    name: str
    _open: list[psycopg.Connection[Any]] = field(default_factory=list)

    def uri(self, login: str | None = None, options: str = "") -> str:
        """How to connect; `login` None is the superuser, who is under no row-level security."""
        uri = self.server.uri(self.name, login or "postgres")
        return f"{uri}&options={options.replace(' ', '%20').replace('=', '%3D')}" if options else uri

    def connect(self, login: str | None = None) -> psycopg.Connection[Any]:
        """A session in autocommit that ends with the database."""
        connection: psycopg.Connection[Any] = psycopg.connect(self.uri(login), autocommit=True, row_factory=tuple_row)
        self._open.append(connection)
        return connection

    def close(self) -> None:
        """End its sessions."""
        for connection in self._open:
            connection.close()


class Bench:
    """One server, on a disk, with a template database that holds syncwell and the tenant."""

    def __init__(self, scale: Scale, *, seed: int = 1, client: Client | None = None) -> None:
        self.scale = scale
        self.seed = seed
        base = os.environ.get("SYNCWELL_EMBEDDED_DIR") or tempfile.gettempdir()
        self.server = Server(settings=SETTINGS, base=base)
        self._client = client
        self._numbers = 0
        self._kept = contextlib.ExitStack()
        self._shared: dict[str, Database] = {}

    def __enter__(self) -> Self:
        self.server.start()
        try:
            self._prepare()
        except BaseException:
            self.server.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._kept.close()
        finally:
            self.server.stop()

    @property
    def client(self) -> Client:
        """Who makes the load."""
        return self._client or ("pgbench" if (self.server.bindir / "pgbench").is_file() else "threads")

    @contextlib.contextmanager
    def database(self, template: str = _TEMPLATE) -> Iterator[Database]:
        """A fresh database for this block: with syncwell, or an empty one from template0."""
        self._numbers += 1
        database = Database(self.server, f"bench_{self._numbers}")
        name = sql.Identifier(database.name)
        with psycopg.connect(self.server.uri(), autocommit=True) as admin:
            admin.execute(sql.SQL("create database {} template {}").format(name, sql.Identifier(template)))
            try:
                yield database
            finally:
                database.close()
                admin.execute(sql.SQL("drop database {} with (force)").format(name))

    def shared(self, name: str, fill: Callable[[Database], None]) -> Database:
        """A database that several rows only read, filled when the first of them asks for it."""
        if name not in self._shared:
            database = self._kept.enter_context(self.database())
            fill(database)
            self._shared[name] = database
        return self._shared[name]

    def rate(self, workload: Workload, *, calls: int | None = None) -> float:
        """How often a second, measured once."""
        amount = self.scale.amount if calls is None else Amount(calls=calls)
        self.seed += 1
        return load.run(workload, amount, seed=self.seed, client=self.client, bindir=self.server.bindir)

    def in_turns(self, workloads: Mapping[str, Workload], *, calls: int | None = None) -> Rates:
        """Measure them one after the other, round by round, each time starting with another one.

        What else the machine is doing hits them all alike, so the ratios within a round hold.
        """
        for workload in workloads.values():
            self.rate(workload, calls=min(20, calls or 20) * workload.sessions)
        rates: dict[str, list[float]] = {name: [] for name in workloads}
        for name in self.turns(workloads):
            rates[name].append(self.rate(workloads[name], calls=calls))
        return Rates(rates)

    def timed(self, actions: Mapping[str, Callable[[], float]]) -> Rates:
        """The same for what times itself: each action does its part once and says how many seconds that took."""
        for action in actions.values():
            action()
        rates: dict[str, list[float]] = {name: [] for name in actions}
        for name in self.turns(actions):
            rates[name].append(1 / actions[name]())
        return Rates(rates)

    def turns(self, names: Iterable[str]) -> Iterator[str]:
        """Each name once a round, each round starting with another one."""
        order = list(names)
        for turn in range(self.scale.rounds):
            shift = turn % len(order)
            yield from order[shift:] + order[:shift]

    def fsync_seconds(self) -> float:
        """What it takes this disk to keep a block that it has kept before, as commits do: the floor below each."""
        path = self.server.data_dir / "fsync.probe"
        times = []
        with path.open("wb", buffering=0) as file:
            for _ in range(_FSYNC_TIMES):
                file.seek(0)
                file.write(bytes(_FSYNC_BLOCK))
                started = time.perf_counter()
                getattr(os, "fdatasync", os.fsync)(file.fileno())
                times.append(time.perf_counter() - started)
        path.unlink()
        return statistics.median(times)

    def _prepare(self) -> None:
        with psycopg.connect(self.server.uri(), autocommit=True) as admin:
            admin.execute(roles_sql().encode())
            for login in LOGINS:
                admin.execute(sql.SQL("create role {} login").format(sql.Identifier(login)))
                granted = sql.SQL("grant syncwell_client, syncwell_reader, syncwell_worker to {}")
                admin.execute(granted.format(sql.Identifier(login)))
            admin.execute("alter role bench_bypass bypassrls")
            admin.execute(sql.SQL("create database {}").format(sql.Identifier(_TEMPLATE)))
        with psycopg.connect(self.server.uri(_TEMPLATE), autocommit=True) as connection:
            migrate(connection)
            connection.execute("select syncwell.register_org('Bench', %s)", [TENANT.org])
            for user in (TENANT.member, TENANT.other, TENANT.third):
                connection.execute("select syncwell.register_user(%s, %s)", [TENANT.org, user])
            for login, user_id in LOGINS.items():
                kind = "service" if user_id is None else "user"
                connection.execute("select syncwell.bind_login(%s, %s, %s, %s)", [login, kind, TENANT.org, user_id])


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates a second by name, one a round."""

    rounds: Mapping[str, list[float]]

    def rate(self, name: str) -> float:
        """The median rate."""
        return statistics.median(self.rounds[name])

    def seconds(self, name: str) -> float:
        """The median of the mean time a call took, for a workload of one session."""
        return 1 / self.rate(name)

    def ratio(self, name: str, yardstick: str) -> float:
        """How the rates compare: the median of the rounds' ratios."""
        pairs = zip(self.rounds[name], self.rounds[yardstick], strict=True)
        return statistics.median(mine / other for mine, other in pairs)

    def cost(self, name: str, yardstick: str) -> float:
        """How the times compare: the inverse of `ratio`."""
        return 1 / self.ratio(name, yardstick)

    def added_seconds(self, name: str, yardstick: str) -> float:
        """How much longer a call takes, for workloads of one session."""
        pairs = zip(self.rounds[name], self.rounds[yardstick], strict=True)
        return statistics.median(1 / mine - 1 / other for mine, other in pairs)


def folder() -> Path:
    """Where results go unless somebody says otherwise."""
    return Path(__file__).resolve().parents[1] / "build" / "bench"
