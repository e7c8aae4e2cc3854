"""The HTTP application on a free port of this machine, in this process or one of its own, and tokens for it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import psycopg
import uvicorn

from syncwell.http import Config, app
from syncwell.http.serve import listening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from starlette.applications import Starlette

    from harness.cluster import Database

SERVE = [sys.executable, "-m", "syncwell.cli", "serve"]
SECRET = b"a secret of tests that is long enough for every algorithm that may be tried"


def token(user: UUID | str, key: Any = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """A token that is valid for an hour, unless the claims say otherwise; a claim that is None is left out."""
    wanted = {"sub": str(user), "exp": time.time() + 3600} | claims
    return jwt.encode({name: value for name, value in wanted.items() if value is not None}, key, algorithm)


def bearer(user: UUID | str, **claims: Any) -> dict[str, str]:
    """The header of a request of this user's."""
    return {"authorization": f"Bearer {token(user, **claims)}"}


def configured(dsn: str, **changes: Any) -> Config:
    """How tests serve: as many requests as they like, few connections."""
    return replace(Config(dsn=dsn, jwt_secret=SECRET, rate=0, pool_max=4), **changes)


@contextlib.contextmanager
def serving(config: Config, application: Starlette | None = None) -> Iterator[httpx.Client]:
    """A client of the application, which runs in a thread of its own until the block ends."""
    listener = listening("127.0.0.1", 0)
    server = uvicorn.Server(
        uvicorn.Config(application or app(config), log_config=None, access_log=False, timeout_graceful_shutdown=5)
    )
    thread = threading.Thread(target=server.run, args=[[listener]], daemon=True)
    thread.start()
    try:
        host, port = listener.getsockname()
        with httpx.Client(base_url=f"http://{host}:{port}", timeout=30, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
    assert not thread.is_alive()


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "SYNCWELL_"))}
    return {**kept, "NO_COLOR": "1", "COLUMNS": "100", **more}


def told_url(process: subprocess.Popen[str]) -> str:
    """The URL that `syncwell serve --json` tells once it answers."""
    assert process.stdout is not None
    text = ""
    while not text.endswith("}\n"):
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else "it has ended"
        text += line
    url: str = json.loads(text)["url"]
    return url


@contextlib.contextmanager
def served(database: Database, *options: str, **more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that serves, and its URL."""
    process = subprocess.Popen(
        [*SERVE, "--port", "0", "--json", *options],
        env=environment(SYNCWELL_DSN=database.uri("gateway"), SYNCWELL_JWT_SECRET=SECRET.decode(), **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, told_url(process)
    finally:
        process.kill()
        process.communicate()


def synced(database: Database, policy: str = "reject") -> None:
    """Give the database a table of an application's, `todos`, that its users' devices sync."""
    with psycopg.connect(database.uri()) as connection:
        connection.execute(
            """
            create table public.todos (
              id text primary key, user_id uuid not null, title text, done boolean not null default false
            )
            """
        )
        connection.execute("grant select, insert, update, delete on public.todos to syncwell_client")
        connection.execute("select syncwell.register_synced_table('public.todos', p_conflict_policy => %s)", [policy])
