"""A server that waits for the disk, a template, a copy for each round; everybody reaches it through a relay."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from harness import Database, wait_until
from harness.paths import TESTS
from harness.serving import SECRET, synced, told_url
from syncwell import migrate
from syncwell.embedded import Server
from torture.killer import kill
from torture.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torture.killer import Killer

TEMPLATE = "torture_template"
_SOCKET = ".s.PGSQL.5432"
_SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "recovery_init_sync_method": "syncfs",
    "max_connections": "60",
}
_PATIENCE = "-c lock_timeout=300s -c statement_timeout=600s"
# applications that count on being told once: what happens to a record is noted each time that it happens
_APPLICATION = """
create table public.happened (id bigint generated always as identity, record_id text not null, what text not null);
create function public.note() returns trigger language plpgsql security definer as $$
begin
  insert into public.happened (record_id, what) values (coalesce(new.id, old.id), lower(tg_op));
  return null;
end $$;
create trigger note after insert or update or delete on public.todos for each row execute function public.note();
create table public.effects (operation_id uuid not null, number text not null, padding text);
grant insert, select on public.effects to public;
"""


class World:
    """`uri` leads through the relay, `direct` past it."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._processes: list[subprocess.Popen[str]] = []
        self.database = TEMPLATE

    def __enter__(self) -> Self:
        with self._stack:
            folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="syncwell-torture-"))
            self.folder = Path(folder)
            # on a disk, and not in memory
            self.server = self._stack.enter_context(Server(settings=_SETTINGS, base=self.folder.parent))
            self.relay = self._relayed()
            self._stack.callback(self.relay.close)
            self._make_template()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.end_processes()
        self._stack.close()

    def direct(self, login: str = "postgres", *, autocommit: bool = True, dbname: str = "") -> psycopg.Connection[Any]:
        uri = self.server.uri(dbname or self.database, login)
        return psycopg.connect(uri, autocommit=autocommit, options=_PATIENCE)

    def connect(self, login: str = "postgres", options: str = "") -> psycopg.Connection[Any]:
        """A client's session, in autocommit."""
        return psycopg.connect(self.uri(login), autocommit=True, options=f"{_PATIENCE} {options}")

    def uri(self, login: str = "postgres") -> str:
        folder = str(self.folder)
        return self.server.uri(self.database, login).replace(str(self.server.socket_dir).replace("/", "%2F"), folder)

    def ask(self, query: str, *values: Any) -> list[Any]:
        """A superuser's question; rows of one column are its values."""
        with self.direct() as connection:
            rows = connection.execute(query.encode(), values or None).fetchall()
        return [row[0] if len(row) == 1 else row for row in rows]

    @contextlib.contextmanager
    def fresh(self, name: str, template: str = TEMPLATE) -> Iterator[None]:
        """A copy of the template (or of `template1`, which is empty) is the database of this block."""
        with self.direct(dbname="postgres") as admin:
            admin.execute(sql.SQL("create database {} template {}").format(*map(sql.Identifier, (name, template))))
        self.database = name
        try:
            yield
        finally:
            self.end_processes()
            self.relay.begin(None)
            self.relay.drop()
            with self.direct(dbname="postgres") as admin:
                admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
            self.database = TEMPLATE

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """A process of the load's, that ends with the round at the latest."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "SYNCWELL_"))}
        path = os.pathsep.join(part for part in (str(TESTS.parent / "python"), str(TESTS)))
        process = subprocess.Popen(
            [sys.executable, *command],
            env={**kept, "PYTHONPATH": path, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        return process

    def serve(self) -> tuple[subprocess.Popen[str], str]:
        """`syncwell serve`, and its URL."""
        process = self.start(
            "-m", "syncwell.cli", "serve", "--port", "0", "--json",
            SYNCWELL_DSN=self.uri("gateway"), SYNCWELL_JWT_SECRET=SECRET.decode(), SYNCWELL_RATE="0",
        )  # fmt: skip
        return process, told_url(process)

    def end_sessions(self) -> None:
        """Wait until what clients that are gone have asked for is done, or given up."""
        self.relay.drop()
        query = """
            select count(*) from pg_stat_activity
            where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
        """
        wait_until("the sessions to end", lambda: self.ask(query) == [0], 600)

    def end_processes(self) -> None:
        for process in self._processes:
            kill(process.pid)
            process.communicate()
        self._processes.clear()

    def web_relay(self, url: str, killer: Killer | None) -> tuple[Relay, str]:
        """A relay before an HTTP server, and the URL of it."""
        parts = urlsplit(url)
        listener = socket.create_server(("127.0.0.1", 0))
        relay = Relay(listener, lambda: socket.create_connection((parts.hostname, parts.port)), "http_")
        relay.begin(killer)
        return relay, f"http://127.0.0.1:{listener.getsockname()[1]}"

    def _relayed(self) -> Relay:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.folder / _SOCKET))
        listener.listen(64)

        def upstream() -> socket.socket:
            made = socket.socket(socket.AF_UNIX)
            try:
                made.connect(str(self.server.socket_dir / _SOCKET))
            except OSError:
                made.close()
                raise
            return made

        return Relay(listener, upstream, "")

    def _make_template(self) -> None:
        with psycopg.connect(self.server.uri(), autocommit=True) as admin:
            admin.execute(sql.SQL("create database {}").format(sql.Identifier(TEMPLATE)))
        database = Database(self.server, TEMPLATE)
        with psycopg.connect(database.uri()) as connection:
            connection.execute(migrate.roles_sql().encode())
            connection.commit()
            migrate.migrate(connection)
            connection.execute((TESTS / "sql" / "fixtures.sql").read_bytes())
        synced(database)
        with self.direct() as connection:
            connection.execute(_APPLICATION)
            connection.execute("call syncwell.run_maintenance()")
            connection.execute("vacuum analyze")
