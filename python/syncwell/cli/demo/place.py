"""Where the demo happens: a server, a database, an org, and the two logins that work in it."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import psycopg

from syncwell import Syncwell
from syncwell import migrate as runner
from syncwell.cli.demo import keeper
from syncwell.embedded import Server

WORKER = "demo_worker"
ANALYST = "demo_analyst"
DATABASE = "demo"

_LOGINS = f"""
create role {WORKER} login;
grant syncwell_worker, syncwell_reader to {WORKER};
create role {ANALYST} login;
grant syncwell_reader to {ANALYST};
"""

_TABLES = f"""
create schema demo authorization {WORKER};
set role {WORKER};

create table demo.commits (
  id text primary key,
  parent_ids text[] not null,
  author text not null,
  authored_at timestamptz,
  committed_at timestamptz,
  subject text not null
);
comment on table demo.commits is 'The commits of the repository, as source git:history syncs them.';

create table demo.releases (
  branch text primary key,
  commit_id text not null
);
comment on table demo.releases is 'Where the release branch stands, as source git:releases syncs it.';

grant usage on schema demo to {ANALYST};
grant select on all tables in schema demo to {ANALYST};
reset role;
"""


@dataclass(slots=True)
class Place:
    """A server with the demo's database."""

    socket_dir: Path
    bindir: Path
    kept: keeper.KeptServer | None = None
    stays: bool = False

    def uri(self, login: str, database: str = DATABASE) -> str:
        """How to connect."""
        return f"postgresql://{login}@/{database}?host={quote(str(self.socket_dir), safe='/')}"

    def psql(self) -> str | None:
        """The psql of this machine, else of the server's binaries."""
        own = self.bindir / "psql"
        return "psql" if shutil.which("psql") else (str(own) if own.exists() else None)


@contextmanager
def place(*, keep: bool) -> Generator[Place]:
    """A server for the demo; it goes at the end, unless `keep` was asked for and `stays` was set.

    Errors: `EmbeddedError`.
    """
    if not keep:
        with Server() as server:
            yield Place(server.socket_dir, server.bindir)
        return
    kept = keeper.start()
    made = Place(kept.socket_dir, kept.bindir, kept)
    try:
        yield made
    finally:
        if not made.stays:
            kept.stop()


def furnish(place: Place) -> tuple[list[str], UUID]:
    """Install the schema, an org and its logins; returns the names of the migrations, and the org."""
    with psycopg.connect(place.uri("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(f"create database {DATABASE}")
        connection.execute(runner.roles_sql().encode())
        connection.execute(_LOGINS)
    with psycopg.connect(place.uri("postgres"), autocommit=True) as connection:
        applied = runner.migrate(connection)
        core = Syncwell(connection).core
        org = core.register_org(name="Demo")
        analyst = core.register_user(org_id=org, role="analyst", display_name="Ann Alyst")
        core.bind_login(login_role=WORKER, kind="service", org_id=org)
        core.bind_login(login_role=ANALYST, kind="user", org_id=org, user_id=analyst)
        connection.execute(_TABLES)
    return [one.name for one in applied], org
