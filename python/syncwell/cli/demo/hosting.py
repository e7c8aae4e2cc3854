"""The dashboard of the demo: a server on this machine only, and a token that ends soon."""

from __future__ import annotations

import importlib.util
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg

from syncwell import Syncwell
from syncwell.cli.demo.place import WORKER, Place
from syncwell.cli.demo.screen import Screen
from syncwell.cli.failures import CommandError

if TYPE_CHECKING:
    from syncwell.http import Config

GATEWAY = "demo_gateway"
TOKEN_SECONDS = 3600

_NEEDS = ("jinja2", "vl_convert", "jwt", "starlette", "uvicorn", "psycopg_pool", "msgspec")
_PORT = 8000
_EVALUATE_SECONDS = 60
_STEP_SECONDS = 1.0
_ITEMS = 240
_LOGIN = f"create role {GATEWAY} login; grant syncwell_gateway to {GATEWAY}"


def require_dashboard() -> None:
    """Refuse before the work what could not be shown after it.

    Raises:
        CommandError: a part is not installed.
    """
    for name in _NEEDS:
        if importlib.util.find_spec(name) is None:
            raise CommandError(
                f"the dashboard needs a part that is not installed: {name}", None, "pip install 'syncwell[dashboard]'"
            )


def opened(place: Place, org_id: UUID) -> tuple[Config, str]:
    """How to serve the demo's data, and a token of an admin of its org."""
    import jwt

    from syncwell.http import Config

    secret = secrets.token_bytes(48)
    with psycopg.connect(place.uri("postgres"), autocommit=True) as connection:
        connection.execute(_LOGIN)
        core = Syncwell(connection).core
        core.bind_login(login_role=GATEWAY, kind="gateway")
        admin = core.register_user(org_id=org_id, role="admin", display_name="Adele Admin")
    token = jwt.encode({"sub": str(admin), "exp": int(time.time()) + TOKEN_SECONDS}, secret, "HS256")
    return Config(dsn=place.uri(GATEWAY), jwt_secret=secret, dashboard=True), token


def host(screen: Screen, place: Place, org_id: UUID) -> None:
    """Serve until Ctrl-C."""
    from syncwell.http.serve import listening, serve

    config, token = opened(place, org_id)
    try:
        listener = listening("127.0.0.1", _PORT)
    except OSError:
        listener = listening("127.0.0.1", 0)
    ended = threading.Event()
    lively = threading.Thread(target=_live, args=[place, ended.wait], daemon=True)
    with listener:
        _say(screen, listener, token)
        lively.start()
        try:
            serve(config, listener, stop_seconds=1)
        finally:
            ended.set()
            lively.join()


def _say(screen: Screen, listener: socket.socket, token: str) -> None:
    screen.title("The dashboard, until Ctrl-C")
    screen.say(f"  http://127.0.0.1:{listener.getsockname()[1]}/")
    screen.say("  Sign in with this token, which ends in an hour:")
    screen.say("")
    # a person copies it: no line of it is folded
    print(token, flush=True)
    screen.say("")


def _live(place: Place, ends_within: Callable[[float], bool]) -> None:
    """Something to look at: a sync that runs over and over, and health that is evaluated."""
    evaluated = 0.0
    with suppress(psycopg.OperationalError), psycopg.connect(place.uri(WORKER), autocommit=True) as connection:
        worker = Syncwell(connection)
        number, done = 0, _ITEMS
        while not ends_within(_STEP_SECONDS):
            if done >= _ITEMS:
                number, done = number + 1, 0
            done += 4
            worker.progress.report(
                sync_id=f"calendar {number}",
                status="completed" if done >= _ITEMS else "in_progress",
                processed_count=done,
                total_items=_ITEMS,
                source_system="calendar",
            )
            if time.monotonic() - evaluated > _EVALUATE_SECONDS:
                evaluated = time.monotonic()
                worker.health.evaluate()
