"""The way to the server: can it be reached, is it one for syncwell, what stands between, do the clocks agree."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import ExecStatus

from syncwell.cli.doctor.finding import Finding, fine, unchecked
from syncwell.cli.failures import text_of
from syncwell.cli.output import seconds
from syncwell.cli.session import conninfo

OLDEST = 15
_CONNECT_SECONDS = 10
_PREFIX = "connection is bad: "
_NO_DSN = "Write it as psql takes it: postgresql://user@host/database, or 'host=… user=… dbname=…'."
_POOLER_TRIES = 5
_CLOCK_WARNING = 2.0
_CLOCK_ERROR = 60.0

_WHY_CONNECTION = "Nothing works without the database."
# parts of what libpq and the server say, and what cures it
_CURES = (
    ("password authentication failed", "Check the password: ~/.pgpass, PGPASSWORD, or as superuser: \\password {user}"),
    ("no password supplied", "Put the password into ~/.pgpass (chmod 600): {host}:{port}:{dbname}:{user}:…"),
    ("no pg_hba.conf entry", "Let this login in by a line of pg_hba.conf, then: select pg_reload_conf()"),
    ("authentication failed", "See the server's pg_hba.conf for how {user} has to prove who it is."),
    ("is not permitted to log in", 'alter role "{user}" login'),
    ('role "', 'create role "{user}" login; then grant it a role of syncwell and bind it with bind_login()'),
    ('database "', "createdb {dbname}; or name another one: --dsn, PGDATABASE"),
    ("too many", "Wait, raise max_connections, or put a pooler before the server."),
    ("remaining connection slots", "Wait, raise max_connections, or put a pooler before the server."),
    ("starting up", "Wait until the server is up: pg_isready -h {host} -p {port}"),
    ("shutting down", "Start the server: systemctl start postgresql"),
    ("could not translate host name", "Check the name of the host: getent hosts {host}"),
    ("Name or service not known", "Check the name of the host: getent hosts {host}"),
    ("failed to resolve host", "Check the name of the host: getent hosts {host}"),
    ("SSL", "See sslmode and sslrootcert: the server and this client do not agree on encryption."),
    ("timeout", "Is it the right address, and does a firewall stand between? pg_isready -h {host} -p {port}"),
    ("No such file or directory", "Start the server, or say where it is: --dsn, PGHOST. pg_isready -h {host}"),
    ("Connection refused", "Start the server, or say where it is: --dsn, PGHOST. pg_isready -h {host} -p {port}"),
)


def reach(dsn: str | None) -> tuple[psycopg.Connection[Any] | None, Finding]:
    """A connection, or why there is none."""
    try:
        parameters: dict[str, Any] = {**conninfo_to_dict(conninfo(dsn))}
    except UnicodeEncodeError:
        return None, _unreachable("the connection string is no text", "Write it in UTF-8.")
    except psycopg.Error as error:
        return None, _unreachable(" ".join(text_of(error).split()), _NO_DSN)
    try:
        if "connect_timeout" not in parameters and "PGCONNECT_TIMEOUT" not in os.environ:
            parameters["connect_timeout"] = str(_CONNECT_SECONDS)
        text = make_conninfo(**parameters)
        connection = psycopg.connect(text, autocommit=True, fallback_application_name="syncwell doctor")
    except psycopg.Error as error:
        return None, _unreachable(" ".join(text_of(error).split()).removeprefix(_PREFIX), _cure(str(error), dsn))
    info = connection.info
    where = f"{info.host or 'local'}:{info.port}" if info.host and not info.host.startswith("/") else info.host
    return connection, fine("connection", f"{where}, database {info.dbname}, login {info.user}")


def look(connection: psycopg.Connection[Any]) -> Generator[Finding]:
    """What a connection tells without any rights."""
    yield _server(connection)
    yield _encoding(connection)
    if (encryption := _encryption(connection)) is not None:
        yield encryption
    yield clock(connection)


def _server(connection: psycopg.Connection[Any]) -> Finding:
    version = connection.info.server_version
    name = f"PostgreSQL {version // 10000}.{version % 10000}"
    if version // 10000 < OLDEST:
        return Finding(
            check="server",
            severity="error",
            found=f"it is {name}",
            why=f"syncwell needs PostgreSQL {OLDEST} or later: its migrations do not run on this one.",
            cure="Upgrade the server with pg_upgrade.",
        )
    return fine("server", name)


def _encoding(connection: psycopg.Connection[Any]) -> Finding:
    encoding = connection.info.parameter_status("server_encoding") or "unknown"
    if encoding != "UTF8":
        return Finding(
            check="encoding",
            severity="error",
            found=f"the database stores text as {encoding}",
            why="What devices send in scripts that it does not know is refused, and JSON with it.",
            cure=(
                "createdb --template=template0 --encoding=UTF8 <new database>; "
                f"pg_dump {connection.info.dbname} | psql <new database>"
            ),
        )
    return fine("encoding", encoding)


def _encryption(connection: psycopg.Connection[Any]) -> Finding | None:
    address = connection.info.hostaddr
    if not address or address.startswith("127.") or address == "::1" or connection.pgconn.ssl_in_use:
        return None
    return Finding(
        check="encryption",
        severity="warning",
        found=f"what goes to {address} is not encrypted",
        why="Whoever listens on the network reads passwords and rows.",
        cure="Set ssl = on at the server, and sslmode=verify-full in the connection string.",
    )


def clock(connection: psycopg.Connection[Any]) -> Finding:
    """Whether the server's clock and ours agree, as far as the way there lets us know."""
    started, before = time.monotonic(), datetime.now(UTC)
    row = connection.execute("select pg_catalog.clock_timestamp()").fetchone()
    took = time.monotonic() - started
    if row is None:
        return unchecked("clock", "the server did not tell its time")
    ahead = (row[0] - before).total_seconds() - took / 2
    off = max(0.0, abs(ahead) - took / 2)
    if off < _CLOCK_WARNING:
        return fine("clock", f"the same here and at the server, to {seconds(max(took, 0.001))}")
    return Finding(
        check="clock",
        severity="error" if off >= _CLOCK_ERROR else "warning",
        found=f"the server's clock is {seconds(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} the one here",
        why="Tokens seem expired, or not yet valid, and every age that is shown is wrong by so much.",
        cure="Let NTP set both clocks: timedatectl set-ntp true",
    )


def pooler(dsn: str | None, connection: psycopg.Connection[Any]) -> Finding:
    """Whether a pooler stands between, of which kind, and whether it keeps prepared statements. Leaves nothing behind.

    A pooler gives its own number for the session, and one that pools transactions has another client's session serve
    us, or ours another client.
    """
    try:
        first = _backend(connection)
        if first == connection.info.backend_pid:
            return fine("pooler", "none between here and the server")
        second, _ = reach(dsn)
        if second is None:
            return unchecked("pooler", "there is one, and it lets in no second client", "Raise its max_client_conn.")
        with second:
            if not _shares(connection, second, first):
                return fine("pooler", "one that pools sessions, which does no harm")
        kept = _keeps_prepared(connection)
    except psycopg.Error as error:
        return unchecked("pooler", f"it could not be found out: {' '.join(str(error).split())}")
    if kept:
        return Finding(
            check="pooler",
            severity="warning",
            found="one that pools transactions, and keeps prepared statements",
            why="LISTEN does not work through it: live events and `syncwell alerts deliver --follow` hear nothing.",
            cure="Give what listens a connection string past the pooler: its session port, or the server's own.",
        )
    return Finding(
        check="pooler",
        severity="error",
        found="one that pools transactions, and does not keep prepared statements",
        why="Statements that one session prepared are missing in the next; and LISTEN hears nothing through it.",
        cure=(
            "In pgbouncer.ini: max_prepared_statements = 200 (1.21 or later); else SYNCWELL_PREPARE=off for `syncwell "
            "serve`, and prepare_threshold=None in psycopg"
        ),
    )


def _backend(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select pg_catalog.pg_backend_pid()", prepare=False).fetchone()
    return int(row[0]) if row is not None else 0


def _shares(ours: psycopg.Connection[Any], other: psycopg.Connection[Any], first: int) -> bool:
    """Whether sessions go from one client to the other between transactions."""
    for _ in range(_POOLER_TRIES):
        # the other holds, for this block, whichever session it gets
        with other.transaction():
            if _backend(other) == first:
                return True
            if _backend(ours) != first:
                return True
    return False


def _keeps_prepared(connection: psycopg.Connection[Any]) -> bool:
    """A pooler that keeps them gives them names of its own."""
    name = f"syncwell_doctor_{os.getpid()}"
    with connection.transaction():
        result = connection.pgconn.prepare(name.encode(), b"select 1")
        if result.status != ExecStatus.COMMAND_OK:
            return False
        row = connection.execute(
            "select count(*) from pg_catalog.pg_prepared_statements where name = %s", [name], prepare=False
        ).fetchone()
        kept = row is not None and row[0] == 0
        if not kept:
            connection.execute(f"deallocate {name}".encode(), prepare=False)
    return kept


def _unreachable(found: str, cure: str) -> Finding:
    return Finding(check="connection", severity="error", found=found, why=_WHY_CONNECTION, cure=cure)


def _cure(message: str, dsn: str | None) -> str:
    given = conninfo_to_dict(conninfo(dsn))
    user = given.get("user") or os.environ.get("PGUSER") or os.environ.get("USER") or "postgres"
    names = {
        "user": user,
        # where a password has an @, the rest of it stands here
        "host": str(given.get("host") or "").rpartition("@")[2] or os.environ.get("PGHOST") or "localhost",
        "port": given.get("port") or os.environ.get("PGPORT") or "5432",
        "dbname": given.get("dbname") or os.environ.get("PGDATABASE") or user,
    }
    for part, cure in _CURES:
        if part in message:
            return cure.format(**names)
    return "Try the same with psql, and say where the server is: --dsn, or PGHOST, PGPORT, PGUSER, PGDATABASE."
