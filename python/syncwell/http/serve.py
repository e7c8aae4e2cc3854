"""One process that serves until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable
from types import FrameType

import psycopg
import uvicorn

from syncwell.http.answers import BrokenAnswerError
from syncwell.http.application import app, not_ready
from syncwell.http.config import Config, ConfigError
from syncwell.http.patience import impatient

__all__ = ["listening", "serve"]

_BACKLOG = 2048
_CONNECT_SECONDS = 10
# after which the kernel gives up a client that takes nothing of what it was sent
_UNREAD_SECONDS = 60
_OTHER_FILES = 512


def listening(host: str, port: int) -> socket.socket:
    """A socket that takes connections from now on; they are answered once `serve` runs. Port 0 chooses a free one."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    # asyncio switches Nagle's algorithm off only where it sees that it is TCP; else each answer waits 40 ms
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # connections inherit it; else one that is closed here stays until its last bytes are read, if ever
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_SECONDS * 1000)
        made.bind(address)
        made.listen(_BACKLOG)
    except BaseException:
        made.close()
        raise
    return made


def serve(
    config: Config,
    listener: socket.socket,
    *,
    stop_seconds: int = 30,
    access_log: bool = False,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Serve on this socket until SIGTERM or SIGINT; then answer what was asked, and return.

    Args:
        config: how to serve.
        listener: see `listening`.
        stop_seconds: how long requests in flight may take to end.
        access_log: write a line for each request.
        started: called when the database is found to be as it must.

    Raises:
        ConfigError: the database or the login cannot serve.
        psycopg.OperationalError: the database cannot be reached.
    """
    application = app(config)
    _allow_files(config.events_max)
    asyncio.run(_check(config))
    started()
    _logging(access_log=access_log)
    server = uvicorn.Server(
        uvicorn.Config(
            application,
            http=impatient(config.body_timeout),
            log_config=None,
            access_log=access_log,
            server_header=False,
            ws="none",
            lifespan="on",
            timeout_graceful_shutdown=stop_seconds,
        )
    )
    # uvicorn hands the signal on when all is done, and then it has had its effect
    before = signal.signal(signal.SIGTERM, _nothing)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            server.run([listener])
    finally:
        signal.signal(signal.SIGTERM, before)


async def _check(config: Config) -> None:
    async with await psycopg.AsyncConnection.connect(
        config.dsn,
        autocommit=True,
        connect_timeout=_CONNECT_SECONDS,
        fallback_application_name="syncwell serve",
        prepare_threshold=None,
    ) as connection:
        reason = await not_ready(connection)
        if reason is not None:
            raise ConfigError(
                reason,
                "Serve as a login of the role syncwell_gateway that bind_login() bound as gateway; "
                "`syncwell migrate` brings the schema up to date.",
            )


def _allow_files(clients: int) -> None:
    """Let the process hold a connection for each client; systems begin with few."""
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = clients + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _nothing(_signal: int, _frame: FrameType | None) -> None:
    pass


class _Short(logging.Filter):
    """A pull that was broken off is told already, by whoever broke it off."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        return not isinstance(error, BrokenAnswerError)


def _logging(*, access_log: bool) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(_Short())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    # a database that is away is worth a line, a refused statement is not
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    logging.getLogger("psycopg.pool").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").setLevel(logging.INFO if access_log else logging.WARNING)
