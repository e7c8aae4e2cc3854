"""serve: the sync endpoints over HTTP."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from psycopg.conninfo import conninfo_to_dict

from syncwell.cli.failures import CommandError
from syncwell.cli.options import Dsn, Json
from syncwell.cli.output import print_json
from syncwell.cli.session import conninfo

if TYPE_CHECKING:
    from syncwell.http import Config

_TOOLS = ("starlette", "uvicorn", "jwt", "cryptography", "psycopg_pool", "anyio", "msgspec")


class Algorithm(StrEnum):
    """How tokens are signed."""

    HS256 = "HS256"
    RS256 = "RS256"


def serve(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", "-p", min=0, max=65535, help="On which port; 0 takes a free one.")
    ] = 8000,
    jwt_secret_file: Annotated[
        Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Secret of HS256 tokens, at least 32 bytes.")
    ] = None,
    jwks_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="JWK set for RS256 tokens; read when it changes."),
    ] = None,
    algorithm: Annotated[
        Algorithm | None, typer.Option(help="The only one that tokens may have; default: what the key is for.")
    ] = None,
    issuer: Annotated[str | None, typer.Option(metavar="TEXT", help="What `iss` must be.")] = None,
    audience: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What `aud` must contain; without it tokens must have none.")
    ] = None,
    pool_max: Annotated[int | None, typer.Option(metavar="N", help="Connections at most; default 10.")] = None,
    max_body: Annotated[
        int | None, typer.Option(metavar="BYTES", help="Size of a request, inflated; default 67108864.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(metavar="N", help="Requests a second and user; default 20, 0 for any number.")
    ] = None,
    org_limits: Annotated[
        bool | None,
        typer.Option(
            "--org-limits/--no-org-limits",
            help="Whether an org may ask only so often (settings http.rate, http.burst); default: it is so.",
        ),
    ] = None,
    events_max: Annotated[
        int | None, typer.Option(metavar="N", help="Streams of GET /sync/events at once; default 2000.")
    ] = None,
    cors_origin: Annotated[
        list[str] | None, typer.Option(metavar="ORIGIN", help="Web pages of this origin may call; may be repeated.")
    ] = None,
    stop_seconds: Annotated[
        int, typer.Option(metavar="SECONDS", min=0, help="How long requests in flight may take when it is stopped.")
    ] = 30,
    access_log: Annotated[bool, typer.Option("--access-log", help="Write a line for each request.")] = False,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Serve POST /sync/pull and /sync/push for WatermelonDB clients, GET /sync/events for whoever watches.

    And POST /sync/batch and /sync/preview, the dashboard at `/` where its parts are installed, GET /healthz, /readyz
    and, once allowed, /metrics.

    It connects as a gateway login and acts for the user that `sub` of the bearer token names. Tokens need `exp` and
    `sub`, and `iss` and `aud` where you say what they must be.

    Everything can be said by environment: SYNCWELL_DSN, SYNCWELL_JWT_SECRET or SYNCWELL_JWT_SECRET_FILE,
    SYNCWELL_JWKS_FILE, SYNCWELL_JWT_ALGORITHM, SYNCWELL_JWT_ISSUER, SYNCWELL_JWT_AUDIENCE, SYNCWELL_JWT_LEEWAY,
    SYNCWELL_POOL_MIN, SYNCWELL_POOL_MAX, SYNCWELL_POOL_TIMEOUT, SYNCWELL_MAX_STREAMS, SYNCWELL_PREPARE (off behind a
    pooler without prepared statements), SYNCWELL_STATEMENT_TIMEOUT, SYNCWELL_STREAM_TIMEOUT, SYNCWELL_STALL_TIMEOUT,
    SYNCWELL_BODY_TIMEOUT, SYNCWELL_MAX_BODY, SYNCWELL_MAX_BUFFERED, SYNCWELL_RATE, SYNCWELL_BURST,
    SYNCWELL_ORG_LIMITS (off: only users are limited), SYNCWELL_CORS_ORIGINS; for GET /sync/events SYNCWELL_EVENTS_MAX
    (streams at once), SYNCWELL_EVENTS_USER_MAX (of one user), SYNCWELL_EVENTS_BUFFER (bytes that may wait for a slow
    client), SYNCWELL_EVENTS_SECONDS (how long one lasts) and SYNCWELL_LISTEN_DSN (the database itself, where
    SYNCWELL_DSN leads to a pooler that shares connections); for GET /metrics SYNCWELL_METRICS (on:
    analysts and admins get what is their org's), SYNCWELL_METRICS_TOKEN or SYNCWELL_METRICS_TOKEN_FILE (who has it gets
    all orgs together) and SYNCWELL_METRICS_ORG (or this one); SYNCWELL_DASHBOARD (off: none at `/`; on: an error where
    its parts are missing). Secrets only so, or in files: everybody can read the arguments of a process.

    SIGTERM and Ctrl-C end it when what was asked is answered. It is one process; for more of them see the help of
    the module syncwell.http. It speaks HTTP: put what ends TLS before it.

    Exit code: 0 it was stopped; 2 it cannot serve.

    \b
    Examples:
      syncwell serve -d postgresql://gateway@db/app --jwt-secret-file secret
      syncwell serve --jwks-file keys.json --issuer https://id.example.com
    """
    try:
        from syncwell import http
        from syncwell.http.serve import listening
        from syncwell.http.serve import serve as run
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in _TOOLS:
            raise
        raise CommandError(
            f"serving needs a part that is not installed: {error.name}", None, "pip install 'syncwell[http]'"
        ) from error
    if dsn is not None and conninfo_to_dict(conninfo(dsn)).get("password"):
        raise CommandError(
            "everybody can read the arguments of a process, and this one runs for long",
            "--dsn has a password.",
            "Put it into ~/.pgpass or PGPASSWORD, or the whole DSN into SYNCWELL_DSN.",
        )
    given: dict[str, Any] = {
        "dsn": None if dsn is None else conninfo(dsn),
        "jwt_secret_file": jwt_secret_file,
        "jwks_file": jwks_file,
        "jwt_algorithm": None if algorithm is None else algorithm.value,
        "jwt_issuer": issuer,
        "jwt_audience": audience,
        "pool_max": pool_max,
        "max_body": max_body,
        "rate": rate,
        "org_limits": org_limits,
        "events_max": events_max,
        "cors_origins": tuple(cors_origin) if cors_origin else None,
    }
    try:
        config: Config = http.Config.from_environment(os.environ, **given)
        with _bound(listening, host, port) as listener:
            address: tuple[Any, ...] = listener.getsockname()

            def started() -> None:
                name = f"[{address[0]}]" if ":" in address[0] else address[0]
                url = f"http://{name}:{address[1]}"
                if as_json:
                    print_json({"url": url, "pid": os.getpid()})
                else:
                    print(f"serving on {url}")
                sys.stdout.flush()

            run(config, listener, stop_seconds=stop_seconds, access_log=access_log, started=started)
    except http.ConfigError as error:
        raise CommandError(error.message, None, error.hint) from error


def _bound(listening: Any, host: str, port: int) -> Any:
    try:
        return listening(host, port)
    except OSError as error:
        raise CommandError(
            f"cannot listen on {host}:{port}: {error.strerror}", None, "Say another --host or --port."
        ) from error
