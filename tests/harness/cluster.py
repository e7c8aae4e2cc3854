"""One throwaway cluster, a template database in it, and cheap clones of that."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import psycopg
from psycopg import sql

from harness.paths import TESTS
from harness.require import UnavailableError
from syncwell import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from syncwell.embedded import Server

TEMPLATE = "syncwell_template"
SHARED = "syncwell_shared"
# A lock that is never given ends in an error, not in a test that hangs.
_PATIENCE = "-c lock_timeout=30s -c statement_timeout=60s"


class Tenants:
    """The orgs, users and logins of tests/sql/fixtures.sql; a login bears the name of its user."""

    USERS = ("a_member", "a_other", "a_analyst", "a_admin", "b_member", "b_admin")
    SERVICES = ("a_service", "b_service")
    OTHERS = ("gateway", "jwt", "operator", "nobody_login", "a_climber")
    LOGINS = USERS + SERVICES + OTHERS

    @staticmethod
    def org(name: str) -> uuid.UUID:
        """As test.org() in SQL: 'a' or 'b'; any other name gives an id that no org has."""
        return uuid.UUID(hashlib.md5(f"org {name}".encode(), usedforsecurity=False).hexdigest())

    @staticmethod
    def id(name: str) -> uuid.UUID:
        """As test.id() in SQL: the user id of a login; any other name gives an id that no user has."""
        return uuid.UUID(hashlib.md5(f"user {name}".encode(), usedforsecurity=False).hexdigest())


@dataclass
class Database:
    """A database of the cluster; `login` None is the superuser."""

    server: Server
    name: str
    _open: list[psycopg.Connection[Any]] = field(default_factory=list)

    def uri(self, login: str | None = None) -> str:
        return self.server.uri(self.name, login or "postgres")

    def connect(self, login: str | None = None, *, autocommit: bool = False, **options: Any) -> psycopg.Connection[Any]:
        """A session that ends with the test at the latest; the caller's own `options` win over those of the harness."""
        options["options"] = f"{_PATIENCE} {options.get('options', '')}".rstrip()
        connection: psycopg.Connection[Any] = psycopg.connect(self.uri(login), autocommit=autocommit, **options)
        self._open.append(connection)
        return connection

    def close(self) -> None:
        for connection in self._open:
            connection.close()


class Cluster:
    """A server with the template: roles, all migrations, tests/sql/fixtures.sql and, where to be had, pgTAP."""

    def __init__(self, server: Server, pgtap: Path | UnavailableError) -> None:
        self.server = server
        self.pgtap_missing = pgtap if isinstance(pgtap, UnavailableError) else None
        self._numbers = itertools.count(1)
        self._admin = psycopg.connect(server.uri(), autocommit=True)
        self._create(TEMPLATE, "template1")
        with psycopg.connect(server.uri(TEMPLATE)) as connection:
            connection.execute(migrate.roles_sql().encode())
            connection.commit()
            migrate.migrate(connection)
            connection.execute((TESTS / "sql" / "fixtures.sql").read_bytes())
            if not isinstance(pgtap, UnavailableError):
                connection.execute(
                    "create schema tap; grant usage on schema tap to public; set local search_path = tap"
                )
                connection.execute(pgtap.read_bytes())
        self.shared = self.clone(SHARED)

    def clone(self, name: str | None = None, *, template: str = TEMPLATE) -> Database:
        """A fresh copy of the template."""
        name = name or f"clone_{next(self._numbers)}"
        self._create(name, template)
        return Database(self.server, name)

    @contextlib.contextmanager
    def database(self, *, template: str = TEMPLATE) -> Iterator[Database]:
        """A copy of the template (or an empty database: template1) for this block only."""
        database = self.clone(template=template)
        try:
            yield database
        finally:
            database.close()
            self._admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(database.name)))

    def close(self) -> None:
        self._admin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _create(self, name: str, template: str) -> None:
        self._admin.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
