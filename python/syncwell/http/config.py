"""What a server is told: by its caller, or by the environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast, get_args
from uuid import UUID

__all__ = ["VARIABLES", "Algorithm", "Config", "ConfigError"]

Algorithm = Literal["HS256", "RS256"]

_SECRET_MIN_BYTES = 32


class ConfigError(ValueError):
    """A server cannot run like this; `hint` says what to change."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How to serve. Times are in seconds, sizes in bytes.

    Attributes:
        dsn: where to connect, as a gateway login; empty: as PGHOST and the like say.
        jwt_secret: the key of HS256 tokens, at least 32 bytes.
        jwks_file: a JWK set with the public keys of RS256 tokens; read again when it changes.
        jwt_algorithm: None: RS256 with a jwks_file, HS256 with a jwt_secret.
        jwt_issuer: what `iss` must be; None: tokens need none, and it is not looked at.
        jwt_audience: what `aud` must contain; None: tokens must have none.
        jwt_leeway: how far clocks may differ.
        pool_min: connections that are kept.
        pool_max: connections at most; the requests of one user hold no more than half of them.
        pool_timeout: how long a request waits for a connection.
        max_streams: how many of the connections pulls that are streamed may hold; None: half of them.
        prepare: False behind a pooler that cannot keep prepared statements.
        statement_timeout: how long the database may take for one request.
        stream_timeout: how long a streamed pull may take.
        stall_timeout: how long a client may take for 64 KiB of a streamed pull.
        body_timeout: how long a client may take to send a request.
        max_body: size of a request, also after inflating it.
        max_buffered: size of all requests together that are being received or answered; while one is handed on it
            takes up to four times its size.
        rate: requests a second that one user may make in the long run; 0: any number.
        burst: how many of them at once.
        org_limits: whether the org of a user may make only so many, as the settings http.rate and http.burst say
            (500 a second, 2000 at once, for pulls, pushes and batches each), whatever the number of servers.
        events_max: streams of events that may be open at once.
        events_user_max: how many of them one user may have.
        events_buffer: what may wait for a client of them that reads slowly; one that has more waiting is dropped.
        events_seconds: after how long a stream of events ends, for the client to ask anew; its token may end sooner.
        listen_dsn: where to connect for LISTEN; None: as dsn says. Behind a pooler that shares connections between
            transactions: the database itself.
        cors_origins: web pages of these origins may call; mobile apps need none.
        metrics: whether GET /metrics answers analysts and admins, with what is their org's.
        metrics_token: who has it may scrape GET /metrics, at least 32 bytes; None: no such token.
        metrics_org: what that token gets is this org's; None: all orgs together.
        dashboard: whether there is one at `/`; None: where its parts are installed.
    """

    dsn: str = field(default="", repr=False)
    jwt_secret: bytes | None = field(default=None, repr=False)
    jwks_file: Path | None = None
    jwt_algorithm: Algorithm | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwt_leeway: float = 10.0
    pool_min: int = 1
    pool_max: int = 10
    pool_timeout: float = 10.0
    max_streams: int | None = None
    prepare: bool = True
    statement_timeout: float = 60.0
    stream_timeout: float = 600.0
    stall_timeout: float = 30.0
    body_timeout: float = 60.0
    max_body: int = 64 * 1024 * 1024
    max_buffered: int = 256 * 1024 * 1024
    rate: float = 20.0
    burst: int = 100
    org_limits: bool = True
    events_max: int = 2_000
    events_user_max: int = 10
    events_buffer: int = 256 * 1024
    events_seconds: float = 3600.0
    listen_dsn: str | None = field(default=None, repr=False)
    cors_origins: tuple[str, ...] = ()
    metrics: bool = False
    metrics_token: bytes | None = field(default=None, repr=False)
    metrics_org: UUID | None = None
    dashboard: bool | None = None

    def __post_init__(self) -> None:
        if self.jwt_algorithm not in (None, *get_args(Algorithm)):
            raise ConfigError(
                f"tokens are HS256 or RS256, not {self.jwt_algorithm}", "Say SYNCWELL_JWT_ALGORITHM=RS256."
            )
        if (self.jwt_secret is None) == (self.jwks_file is None):
            raise ConfigError(
                "tokens are checked with a secret or with a JWK set: one of them is needed",
                "Set SYNCWELL_JWT_SECRET_FILE for HS256, or SYNCWELL_JWKS_FILE for RS256.",
            )
        needed = "HS256" if self.jwks_file is None else "RS256"
        if self.jwt_algorithm not in (None, needed):
            raise ConfigError(
                f"{self.jwt_algorithm} does not go with this key",
                "HS256 takes a secret, RS256 a JWK set with public keys.",
            )
        if self.jwt_secret is not None and len(self.jwt_secret) < _SECRET_MIN_BYTES:
            raise ConfigError(
                f"the secret has {len(self.jwt_secret)} bytes, and a short one can be guessed",
                f"HS256 takes at least {_SECRET_MIN_BYTES} random bytes: openssl rand -base64 48",
            )
        if self.metrics_token is not None and len(self.metrics_token) < _SECRET_MIN_BYTES:
            raise ConfigError(
                f"the scrape token has {len(self.metrics_token)} bytes, and a short one can be guessed",
                f"It takes at least {_SECRET_MIN_BYTES} random bytes: openssl rand -base64 48",
            )
        for name, least in _LEAST.items():
            value: float | None = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"{name} is {value:g}, the least is {least:g}", f"Set SYNCWELL_{name.upper()}.")
        if self.pool_max < self.pool_min:
            raise ConfigError("pool_max is below pool_min", "Set SYNCWELL_POOL_MAX.")

    @property
    def algorithm(self) -> Algorithm:
        """The only one that tokens may have."""
        return "HS256" if self.jwks_file is None else "RS256"

    @property
    def streams(self) -> int:
        """How many connections streamed pulls may hold; one is left for the others where there are two."""
        wanted = max(1, self.pool_max // 2) if self.max_streams is None else self.max_streams
        return min(wanted, max(1, self.pool_max - 1))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], **given: Any) -> Config:
        """Read `SYNCWELL_…` variables (see `VARIABLES`); what is `given` and not None wins over them."""
        values: dict[str, Any] = {}
        for variable, (name, read) in VARIABLES.items():
            text = environment.get(variable)
            if text:
                try:
                    values[name] = read(text)
                except ValueError as error:
                    raise ConfigError(f"{variable} is not valid: {error}", "See `syncwell serve --help`.") from error
        secret_file = given.pop("jwt_secret_file", None) or environment.get("SYNCWELL_JWT_SECRET_FILE")
        if secret_file:
            values["jwt_secret"] = _first_line(Path(secret_file))
        token_file = given.pop("metrics_token_file", None) or environment.get("SYNCWELL_METRICS_TOKEN_FILE")
        if token_file:
            values["metrics_token"] = _first_line(Path(token_file))
        return cls(**values | {name: value for name, value in given.items() if value is not None})


_LEAST: dict[str, float] = {
    "jwt_leeway": 0,
    "pool_min": 0,
    "pool_max": 1,
    "pool_timeout": 0.001,
    "max_streams": 1,
    "statement_timeout": 0.001,
    "stream_timeout": 0.001,
    "stall_timeout": 0.001,
    "body_timeout": 0.001,
    "max_body": 1024,
    "max_buffered": 1024,
    "rate": 0,
    "burst": 1,
    "events_max": 0,
    "events_user_max": 1,
    "events_buffer": 1024,
    "events_seconds": 1,
}


def _switch(text: str) -> bool:
    known = {"on": True, "true": True, "1": True, "yes": True, "off": False, "false": False, "0": False, "no": False}
    if text.lower() not in known:
        raise ValueError("say on or off")
    return known[text.lower()]


def _algorithm(text: str) -> Algorithm:
    return cast("Algorithm", text)


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _first_line(path: Path) -> bytes:
    """A secret in a file of its own, without the newline that an editor leaves."""
    return path.read_bytes().rstrip(b"\r\n")


VARIABLES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "SYNCWELL_DSN": ("dsn", str),
    "SYNCWELL_JWT_SECRET": ("jwt_secret", str.encode),
    "SYNCWELL_JWKS_FILE": ("jwks_file", Path),
    "SYNCWELL_JWT_ALGORITHM": ("jwt_algorithm", _algorithm),
    "SYNCWELL_JWT_ISSUER": ("jwt_issuer", str),
    "SYNCWELL_JWT_AUDIENCE": ("jwt_audience", str),
    "SYNCWELL_JWT_LEEWAY": ("jwt_leeway", float),
    "SYNCWELL_POOL_MIN": ("pool_min", int),
    "SYNCWELL_POOL_MAX": ("pool_max", int),
    "SYNCWELL_POOL_TIMEOUT": ("pool_timeout", float),
    "SYNCWELL_MAX_STREAMS": ("max_streams", int),
    "SYNCWELL_PREPARE": ("prepare", _switch),
    "SYNCWELL_STATEMENT_TIMEOUT": ("statement_timeout", float),
    "SYNCWELL_STREAM_TIMEOUT": ("stream_timeout", float),
    "SYNCWELL_STALL_TIMEOUT": ("stall_timeout", float),
    "SYNCWELL_BODY_TIMEOUT": ("body_timeout", float),
    "SYNCWELL_MAX_BODY": ("max_body", int),
    "SYNCWELL_MAX_BUFFERED": ("max_buffered", int),
    "SYNCWELL_RATE": ("rate", float),
    "SYNCWELL_BURST": ("burst", int),
    "SYNCWELL_ORG_LIMITS": ("org_limits", _switch),
    "SYNCWELL_EVENTS_MAX": ("events_max", int),
    "SYNCWELL_EVENTS_USER_MAX": ("events_user_max", int),
    "SYNCWELL_EVENTS_BUFFER": ("events_buffer", int),
    "SYNCWELL_EVENTS_SECONDS": ("events_seconds", float),
    "SYNCWELL_LISTEN_DSN": ("listen_dsn", str),
    "SYNCWELL_CORS_ORIGINS": ("cors_origins", _names),
    "SYNCWELL_METRICS": ("metrics", _switch),
    "SYNCWELL_METRICS_TOKEN": ("metrics_token", str.encode),
    "SYNCWELL_METRICS_ORG": ("metrics_org", UUID),
    "SYNCWELL_DASHBOARD": ("dashboard", _switch),
}
