"""What `syncwell serve` is told by the environment: keys, variables that it does not know, and its login."""

from __future__ import annotations

import base64
import difflib
import json
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from syncwell.cli.doctor import connection as server
from syncwell.cli.doctor.finding import Finding, fine, unchecked
from syncwell.cli.output import clock

if TYPE_CHECKING:
    from syncwell.http import Config

_PREFIX = "SYNCWELL_"
_FILES = ("SYNCWELL_JWT_SECRET_FILE", "SYNCWELL_METRICS_TOKEN_FILE")
_OTHERS = ("SYNCWELL_ALERTS_CONFIG", "SYNCWELL_EMBEDDED_DIR")
_SIMILAR = 0.8
_WHY_SERVE = "`syncwell serve` does not start like this."


def look(environment: Mapping[str, str]) -> Generator[Finding]:
    """Whether requests could be served."""
    given = {name for name, value in environment.items() if name.startswith(_PREFIX) and value}
    try:
        from syncwell.http.application import GATEWAY, READY
        from syncwell.http.config import VARIABLES, Config, ConfigError
    except ImportError as error:
        if given & set(_FILES) or any(name.startswith("SYNCWELL_JW") for name in given):
            yield unchecked("http", f"a part is not installed: {error.name}", "pip install 'syncwell[http]'")
        return
    known = {*VARIABLES, *_FILES, *_OTHERS}
    yield from _misspelt(given - known, known)
    if not any(name.startswith("SYNCWELL_JW") for name in given):
        yield unchecked("http", "no SYNCWELL_JWT_SECRET_FILE or SYNCWELL_JWKS_FILE: nothing is served from here")
        return
    yield from _readable_by_others(environment)
    try:
        config = Config.from_environment(environment)
    except ConfigError as error:
        yield _wrong(error.message, error.hint)
        return
    except OSError as error:
        yield _wrong(f"{error.filename}: {error.strerror}", f"Let the server's user read it: ls -l {error.filename}")
        return
    if config.jwks_file is None:
        yield fine("http", f"tokens are {config.algorithm}, with a key of {len(config.jwt_secret or b'')} bytes")
    else:
        yield from _keys(config.jwks_file)
    if "SYNCWELL_DSN" in given:
        yield from _login(config, READY, GATEWAY)


def _misspelt(unknown: set[str], known: set[str]) -> Generator[Finding]:
    for name in sorted(unknown):
        meant = difflib.get_close_matches(name, known, n=1, cutoff=_SIMILAR)
        if meant:
            yield Finding(
                check="http",
                severity="warning",
                found=f"{name} is no variable of syncwell",
                why="What it should say is not heard.",
                cure=f"Rename it to {meant[0]}.",
            )


def _readable_by_others(environment: Mapping[str, str]) -> Generator[Finding]:
    for name in _FILES:
        path = Path(environment.get(name) or "/")
        if path.is_file() and path.stat().st_mode & 0o077:
            yield Finding(
                check="http",
                severity="warning",
                found=f"others than its owner can read {path}",
                why="Who knows this secret can be every user.",
                cure=f"chmod 600 {path}",
            )


def _keys(path: Path) -> Generator[Finding]:
    from syncwell.http.tokens import read_keys

    try:
        keys = read_keys(path)
        ends = _ends(path)
    except Exception as error:
        # the tools that read keys have errors of many kinds, and each means that there is none
        yield _wrong(f"there are no keys in {path}: {error}", 'It is a file like {"keys": [{…}]}.')
        return
    now = datetime.now(UTC)
    expired = {kid: end for kid, end in ends.items() if kid in keys and end <= now}
    for kid, end in expired.items():
        yield Finding(
            check="http",
            severity="error" if len(expired) == len(keys) else "warning",
            found=f"key {kid} in {path} expired at {clock(end)}",
            why="Whoever issues tokens has another key by now, and theirs are refused.",
            cure=f"Fetch the keys of your identity provider anew: curl -o {path} https://…/.well-known/jwks.json",
        )
    if not expired:
        yield fine("http", f"tokens are RS256, {len(keys)} {'key' if len(keys) == 1 else 'keys'} in {path}")


def _ends(path: Path) -> dict[str, datetime]:
    """Until when keys are good, where the set says so: by a certificate, or by a member `exp`."""
    from cryptography import x509

    document = cast("dict[str, list[dict[str, Any]]]", json.loads(path.read_bytes()))
    ends: dict[str, datetime] = {}
    for number, entry in enumerate(document["keys"]):
        found: list[datetime] = []
        if isinstance(entry.get("exp"), int):
            found.append(datetime.fromtimestamp(entry["exp"], UTC))
        if entry.get("x5c"):
            certificate = x509.load_der_x509_certificate(base64.b64decode(entry["x5c"][0]))
            found.append(certificate.not_valid_after_utc)
        if found:
            ends[str(entry.get("kid", f"#{number}"))] = min(found)
    return ends


def _login(config: Config, ready: str, gateway: str) -> Generator[Finding]:
    """Whether the server's own login is a gateway."""
    connection, reached = server.reach(config.dsn)
    if connection is None:
        yield Finding(
            check="http", severity="error", found=f"SYNCWELL_DSN: {reached.found}", why=_WHY_SERVE, cure=reached.cure
        )
        return
    with connection:
        row = connection.execute(ready.encode(), prepare=False).fetchone()
        reason = None if row is None else row[0]
        if reason is None:
            row = connection.execute(gateway.encode(), prepare=False).fetchone()
            reason = None if row is not None and row[0] else "binding"
        user = connection.info.user
        cure = {
            "schema": "syncwell migrate",
            "old": "syncwell migrate",
            "login": f'grant syncwell_gateway to "{user}"',
            "binding": f"select syncwell.bind_login('{user}', 'gateway')",
        }
        if reason is not None:
            yield Finding(
                check="http",
                severity="error",
                found=f"login {user} of SYNCWELL_DSN "
                + ("is not a gateway" if reason in ("login", "binding") else "finds no schema of this version"),
                why="GET /readyz answers 503, and no request can be served.",
                cure=cure[reason],
            )
        else:
            yield fine("http", f"login {user} of SYNCWELL_DSN is a gateway")
        between = server.pooler(config.dsn, connection)
        if between.severity == "error" and config.prepare:
            yield Finding(
                check="http",
                severity="error",
                found=f"SYNCWELL_DSN leads to a pooler: {between.found}",
                why="Requests fail at random: a prepared statement does not exist, or exists already.",
                cure="SYNCWELL_PREPARE=off",
            )
        if between.severity in ("warning", "error") and config.listen_dsn is None:
            yield Finding(
                check="http",
                severity="warning",
                found="SYNCWELL_DSN leads to a pooler that shares sessions, and there is no SYNCWELL_LISTEN_DSN",
                why="GET /sync/events hears of nothing through it.",
                cure="SYNCWELL_LISTEN_DSN=postgresql://… past the pooler",
            )


def _wrong(found: str, cure: str) -> Finding:
    return Finding(check="http", severity="error", found=found, why=_WHY_SERVE, cure=cure)
