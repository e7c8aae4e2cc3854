"""The connection of a command, and whom it speaks for."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from syncwell.cli.failures import CommandError
from syncwell.cli.waiting import waiting
from syncwell.sync.client import Syncwell

Row = dict[str, Any]


def conninfo(dsn: str | None) -> str:
    """A connection string; an empty one leaves everything to libpq's own environment."""
    if dsn is not None and dsn and "=" not in dsn and "://" not in dsn:
        return make_conninfo(dbname=dsn)
    return dsn or ""


def connect(dsn: str | None, name: str = "syncwell") -> psycopg.Connection[Any]:
    """A connection in autocommit, which nobody shares."""
    return psycopg.connect(conninfo(dsn), autocommit=True, fallback_application_name=name)


@contextmanager
def connected(dsn: str | None) -> Generator[psycopg.Connection[Any]]:
    """A connection for one command that prints nothing before it is closed; who waits for long is told so."""
    with waiting("connecting") as wait, connect(dsn) as connection:
        wait.tell("asking the database")
        yield connection


def acting(as_user: UUID | None, as_org: UUID | None) -> tuple[LiteralString, UUID] | None:
    """The statement by which a transaction acts for somebody, and its value."""
    if as_user is not None:
        return "select syncwell.act_as(%s)", as_user
    if as_org is not None:
        return "select syncwell.act_as_org(%s)", as_org
    return None


class Session:
    """Asks the functions and views of the schema, each time as whom the options name."""

    def __init__(self, connection: psycopg.Connection[Any], as_user: UUID | None, as_org: UUID | None) -> None:
        self._connection = connection
        self._act = acting(as_user, as_org)

    @property
    def acts(self) -> bool:
        """Whether the options name somebody."""
        return self._act is not None

    def ask(self, function: LiteralString, /, **arguments: object) -> list[Row]:
        """The rows of a read function; an argument that is None is left to its default."""
        given = {name: value for name, value in arguments.items() if value is not None}
        call = sql.SQL("select * from syncwell.{}({})").format(
            sql.Identifier(function),
            sql.SQL(", ").join(
                sql.SQL("{} => {}").format(sql.Identifier(f"p_{name}"), sql.Placeholder(name)) for name in given
            ),
        )
        return self.rows(call, given)

    def rows(self, query: LiteralString | sql.Composed, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """The rows of a query."""
        with self._connection.transaction(), self._connection.cursor(row_factory=dict_row) as cursor:
            if self._act is not None:
                cursor.execute(self._act[0], [self._act[1]])
            return cursor.execute(query, parameters).fetchall()


@contextmanager
def session(dsn: str | None, as_user: UUID | None, as_org: UUID | None) -> Generator[Session]:
    """A session for one command."""
    refuse_both(as_user, as_org)
    with connected(dsn) as connection:
        yield Session(connection, as_user, as_org)


@contextmanager
def snapshot(
    dsn: str | None, as_user: UUID | None, as_org: UUID | None, about: UUID | None = None
) -> Generator[Syncwell]:
    """A client that reads everything as of one moment, and can only read; about a user, which is written down."""
    refuse_both(as_user, as_org)
    with connect(dsn) as connection, connection.transaction():
        connection.execute("set transaction isolation level repeatable read")
        if about is None:
            connection.execute("set transaction read only")
        client = Syncwell(connection)
        if as_user is not None:
            client = client.as_user(as_user)
        elif as_org is not None:
            client = client.as_org(as_org)
        yield client


def refuse_both(as_user: UUID | None, as_org: UUID | None) -> None:
    """Nobody acts for a user and an org at once."""
    if as_user is not None and as_org is not None:
        raise CommandError(
            "--as-user and --as-org exclude each other", None, "A user has one org: --as-user is enough."
        )
