"""Installs and upgrades the schema: a thin runner over the plain SQL files that a DBA can apply with psql as well.

    with psycopg.connect(uri) as connection:
        migrate(connection)

Every file guards itself, runs in one transaction and writes its own row in `syncwell.schema_migrations`; the runner
only puts them in order, one runner at a time. Nothing here is ever called by connecting. Only the roles are a step of
their own, once a cluster: `roles_sql()`.

Errors are `MigrationError` and its subclasses; what PostgreSQL itself refuses (``42501`` for a missing permission,
``55P03`` for a table that stayed locked) stays the psycopg exception it is.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, LiteralString

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from syncwell.errors import MigrationAlreadyAppliedError, MigrationError, MigrationOutOfOrderError, from_psycopg

__all__ = [
    "Applied",
    "Check",
    "Migration",
    "Status",
    "Told",
    "applied",
    "available",
    "bundle",
    "health_times",
    "migrate",
    "roles_sql",
    "rollback",
    "sql_folder",
    "status",
    "verify",
]

State = Literal["pending", "applied", "edited", "unknown"]

_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
_DIGEST = re.compile(rb"(?<=')[0-9a-f]{64}(?=')")
_LOCK = int.from_bytes(b"syncwell", "big")  # the advisory lock of runners, one in each database
_POLL_SECONDS = 0.1
_NOTHING = "0000"  # the number before the first migration


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration file of this package."""

    id: str
    """Its number, e.g. ``0001``."""
    name: str
    """Its name without number and extension."""
    path: Path
    """Where it lies."""
    sha256: str
    """SHA-256 of the file with the 64 digits of its own row as zeros."""

    @property
    def sql(self) -> str:
        """Its text."""
        return self.path.read_text(encoding="utf-8")

    @property
    def rollback_sql(self) -> str:
        """The text of the file that reverts it."""
        return self.path.with_suffix(".rollback.sql").read_text(encoding="utf-8")


Told = Callable[[Migration, int, int], None]


@dataclass(frozen=True, slots=True)
class Applied:
    """A row of `syncwell.schema_migrations`."""

    id: str
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Status:
    """How a migration stands in a database.

    pending: not applied. applied: applied as the file is. edited: the file is not what was applied.
    unknown: applied, and this package has no such file; the schema is newer.
    """

    id: str
    name: str
    state: State


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that `verify` looked at; `detail` says what was found, or what is wrong.

    `warned`: it is as it should be, but something should be done before long.
    """

    check: str
    ok: bool
    detail: str
    warned: bool = False


def sql_folder() -> Path:
    """Where the SQL lies: inside the installed package, or in the checkout.

    Errors: `MigrationError` (58P01) when neither is there.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / "sql", here.parents[1] / "sql"):
        if (folder / "migrations").is_dir():
            return folder
    raise MigrationError(
        "58P01", "the SQL files of syncwell are missing", f"Looked beside {here}.", "Install the package again."
    )


def roles_sql() -> str:
    """The script that makes the cluster-wide roles; run it once, as a superuser or a role with CREATEROLE."""
    return (sql_folder() / "roles.sql").read_text(encoding="utf-8")


def available() -> tuple[Migration, ...]:
    """The migrations of this package, in order.

    Errors: `MigrationError` (XX001) when a file does not carry its own sha256: it was edited or damaged.
    """
    found: list[Migration] = []
    for path in sorted((sql_folder() / "migrations").glob("*.sql")):
        if match := _NAME.fullmatch(path.name):
            text = path.read_bytes()
            digest = hashlib.sha256(_DIGEST.sub(b"0" * 64, text)).hexdigest()
            if _DIGEST.findall(text) != [digest.encode()]:
                raise MigrationError(
                    "XX001",
                    f"{path.name} is not the file that was released",
                    "Its text does not match the sha256 it records.",
                    "Install the package again; in a checkout run `python sql/build.py assemble`.",
                )
            found.append(Migration(match[1], match[2], path, digest))
    return tuple(found)


def applied(conn: psycopg.Connection[Any]) -> tuple[Applied, ...]:
    """What the database says is applied, in order; nothing when syncwell is not installed.

    Errors: psycopg's ``42501`` for a login that may not read `syncwell.schema_migrations`.
    """
    with _own_search_path(conn), conn.cursor(row_factory=tuple_row) as cursor:
        if cursor.execute("select to_regclass('syncwell.schema_migrations')").fetchone() in (None, (None,)):
            return ()
        rows = cursor.execute("select id, name, sha256 from syncwell.schema_migrations order by id").fetchall()
        return tuple(Applied(*row) for row in rows)


def status(conn: psycopg.Connection[Any]) -> tuple[Status, ...]:
    """Every migration that this package has or the database knows, in order.

    Errors: as `available` and `applied`.
    """
    files = {file.id: file for file in available()}
    rows = {row.id: row for row in applied(conn)}
    found = [Status(row.id, row.name, "unknown") for row in rows.values() if row.id not in files]
    for file in files.values():
        row = rows.get(file.id)
        state: State = "pending" if row is None else "applied" if row.sha256 == file.sha256 else "edited"
        found.append(Status(file.id, file.name, state))
    return tuple(sorted(found, key=lambda one: one.id))


def migrate(
    conn: psycopg.Connection[Any], target: str | None = None, *, wait_seconds: float = 60, tell: Told | None = None
) -> tuple[Migration, ...]:
    """Apply what is pending, up to and including number `target` (default: all); returns what was applied.

    Before each file `tell` is called with it, how many are done, and how many there are to do.

    Each file is one transaction of its own, so the connection must not be inside one. Runners at the same time wait
    for each other, `wait_seconds` at most; who comes second finds all done and returns nothing.

    Errors: `RolesMissingError` (SW903); `MigrationAlreadyAppliedError` (SW902) when an applied file was edited;
    `MigrationOutOfOrderError` (SW901) when the schema is newer than this package or a number was left out;
    `MigrationError` with 22023 (unknown target), 25001 (inside a transaction), 55P03 (waited too long).
    """
    files = {file.id: file for file in available()}
    if target is not None and target not in files:
        raise _unknown_target(target)
    with _alone(conn, wait_seconds):
        standing = status(conn)
        _refuse_surprises(standing)
        wanted = [files[one.id] for one in standing if one.state == "pending" and (target is None or one.id <= target)]
        for number, file in enumerate(wanted):
            if tell is not None:
                tell(file, number, len(wanted))
            _run(conn, file.sql)
        return tuple(wanted)


def rollback(
    conn: psycopg.Connection[Any],
    target: str,
    *,
    allow_data_loss: bool = False,
    wait_seconds: float = 60,
    tell: Told | None = None,
) -> tuple[Migration, ...]:
    """Revert every applied migration after number `target`, the last first; returns what was reverted.

    Target ``0000`` takes the whole schema away; the roles stay. Each file is one transaction of its own. `tell` as in
    `migrate`.

    Errors: `DataWouldBeLostError` (SW904) unless `allow_data_loss`; `MigrationOutOfOrderError` (SW901) when the schema
    is newer than this package; `MigrationError` with 22023 (unknown target), 25001 (inside a transaction), 55P03
    (waited too long).
    """
    files = {file.id: file for file in available()}
    if target not in files and target != _NOTHING:
        raise _unknown_target(target)
    with _alone(conn, wait_seconds):
        standing = status(conn)
        _refuse_newer(standing)
        wanted = [files[one.id] for one in reversed(standing) if one.state != "pending" and one.id > target]
        for number, file in enumerate(wanted):
            if tell is not None:
                tell(file, number, len(wanted))
            _run(conn, file.rollback_sql, allow_data_loss=allow_data_loss)
        return tuple(wanted)


def bundle(from_id: str | None = None, to_id: str | None = None) -> str:
    """The SQL of the migrations `from_id` to `to_id` (both included; default: all) for psql, without a connection.

    Errors: `MigrationError` (22023) for an unknown number.
    """
    files = available()
    for number in (from_id, to_id):
        if number is not None and number not in {file.id for file in files}:
            raise _unknown_target(number)
    chosen = [file for file in files if (from_id or "") <= file.id and (to_id is None or file.id <= to_id)]
    parts = [
        f"-- syncwell: {', '.join(file.path.name for file in chosen) or 'no migrations'}\n"
        "-- Run: psql -X -v ON_ERROR_STOP=1 -f <this file>, after roles.sql.\n"
    ]
    parts += [f"begin;\n\n{file.sql}\ncommit;\n" for file in chosen]
    return "\n".join(parts)


def verify(conn: psycopg.Connection[Any]) -> tuple[Check, ...]:
    """Look at an installation and say, check by check, whether it is as it should be. Changes nothing.

    Errors: psycopg's ``42501`` for a login that may not see the schema; run it as a superuser or an operator.
    """
    standing = status(conn)
    wrong = [f"{one.id} is {one.state}" for one in standing if one.state != "applied"]
    checks = [Check("migrations", not wrong, "; ".join(wrong) or f"{len(standing)} applied, none edited")]
    with _own_search_path(conn), conn.cursor(row_factory=tuple_row) as cursor:
        if all(one.state == "pending" for one in standing):
            missing = [str(name) for (name,) in cursor.execute(_MISSING_ROLES).fetchall()]
            checks.append(Check("roles", not missing, ", ".join(missing) or "all there"))
            return tuple(checks)
        found: dict[str, list[tuple[str, str]]] = {}
        try:
            for check, severity, subject, detail, remedy in cursor.execute(_VERIFY).fetchall():
                text = ": ".join(part for part in (subject, detail) if part)
                found.setdefault(check, []).append((severity, text if remedy is None else f"{text} ({remedy})"))
        except psycopg.errors.InsufficientPrivilege as error:
            checks.append(Check("self-check", False, error.diag.message_primary or ""))
    checks += [
        Check(
            check,
            all(severity != "error" for severity, _ in rows),
            "; ".join(text for _, text in rows),
            any(severity == "warning" for severity, _ in rows),
        )
        for check, rows in found.items()
    ]
    return tuple(checks)


_MISSING_ROLES: LiteralString = """
select format('%I is missing', wanted.name)
from (
  values
  ('syncwell_owner'), ('syncwell_client'), ('syncwell_reader'), ('syncwell_worker'), ('syncwell_gateway'),
  ('syncwell_operator')
) as wanted (name)
where to_regrole(wanted.name) is null
"""
_MAY_TIME: LiteralString = """
select coalesce(has_function_privilege(to_regprocedure('syncwell.time_health()'), 'execute'), false)
"""
_TIMES: LiteralString = "select what, milliseconds from syncwell.time_health()"
_VERIFY: LiteralString = "select check_name, severity, subject, detail, remedy from syncwell.verify_install()"


def health_times(conn: psycopg.Connection[Any]) -> dict[str, float]:
    """Milliseconds that the main questions of health take in the largest org; empty where there is none to ask.

    Nothing is measured for a login that is neither a superuser nor an operator, or before the first installation.
    """
    with _own_search_path(conn), conn.cursor(row_factory=tuple_row) as cursor:
        if cursor.execute(_MAY_TIME).fetchone() != (True,):
            return {}
        return {str(what): float(milliseconds) for what, milliseconds in cursor.execute(_TIMES).fetchall()}


@contextmanager
def _own_search_path(conn: psycopg.Connection[Any]) -> Generator[None]:
    """Read with a search path of our own and leave the caller's as it was: the rollback restores it."""
    with conn.transaction(force_rollback=True):
        conn.execute("set local search_path = pg_catalog, pg_temp")
        yield


@contextmanager
def _alone(conn: psycopg.Connection[Any], wait_seconds: float) -> Generator[None]:
    """Hold the lock of runners, in autocommit.

    Polls: a session that waits inside pg_advisory_lock() holds a snapshot that CREATE INDEX CONCURRENTLY waits for.
    """
    if conn.info.transaction_status != TransactionStatus.IDLE:
        raise MigrationError(
            "25001",
            "the connection is inside a transaction",
            "Each migration is a transaction of its own.",
            "Commit or roll back first, or pass a connection of its own.",
        )
    before = conn.autocommit
    conn.autocommit = True
    try:
        with conn.cursor(row_factory=tuple_row) as cursor:
            until = time.monotonic() + wait_seconds
            while cursor.execute("select pg_catalog.pg_try_advisory_lock(%s::bigint)", [_LOCK]).fetchone() != (True,):
                if time.monotonic() >= until:
                    raise MigrationError(
                        "55P03",
                        "another runner is at work",
                        f"Waited {wait_seconds:g} s for it.",
                        "Look for it in pg_stat_activity, or try again later.",
                    )
                time.sleep(_POLL_SECONDS)
        try:
            yield
        finally:
            if not conn.closed:
                conn.execute("select pg_catalog.pg_advisory_unlock(%s::bigint)", [_LOCK])
    finally:
        if not conn.closed:
            conn.autocommit = before


def _run(conn: psycopg.Connection[Any], text: str, *, allow_data_loss: bool = False) -> None:
    """Run one file in one transaction."""
    try:
        with conn.transaction():
            if allow_data_loss:
                conn.execute("select pg_catalog.set_config('syncwell.allow_data_loss', 'on', true)")
            conn.execute(text.encode(conn.info.encoding))
    except psycopg.Error as error:
        if known := from_psycopg(error):
            raise known from error
        raise


def _refuse_surprises(standing: tuple[Status, ...]) -> None:
    _refuse_newer(standing)
    for one in standing:
        if one.state == "edited":
            raise MigrationAlreadyAppliedError(
                "SW902",
                f"{one.id}_{one.name} is already applied, from another text",
                "Its file in this package is not the one that was applied.",
                "An applied migration never changes: restore the file, and put the change into a new migration.",
            )
    states = [one.state == "pending" for one in standing]
    if states != sorted(states):
        left_out = standing[states.index(True)]
        raise MigrationOutOfOrderError(
            "SW901",
            f"{left_out.id}_{left_out.name} was left out",
            "A later migration is applied, and this one is not.",
            "Revert the later ones, then migrate again.",
        )


def _refuse_newer(standing: tuple[Status, ...]) -> None:
    newer = [one.id for one in standing if one.state == "unknown"]
    if newer:
        raise MigrationOutOfOrderError(
            "SW901",
            "the schema is newer than this package",
            f"Applied, and not known here: {', '.join(newer)}.",
            "Use the package that has these migrations.",
        )


def _unknown_target(target: str) -> MigrationError:
    return MigrationError(
        "22023",
        f"there is no migration {target!r}",
        f"This package has {', '.join(file.id for file in available())}.",
        "Name one of these by its four digits.",
    )


# name, what is fine, whether it needs the schema, a query with one row for each problem
