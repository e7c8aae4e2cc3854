"""The channels of a deliverer, out of a TOML file."""

from __future__ import annotations

import os
import re
import ssl
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from syncwell.deliver.commanding import CommandSender
from syncwell.deliver.mailing import MailSender
from syncwell.deliver.senders import Sender

__all__ = ["Channel", "ConfigError", "read_channels"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LABELS = ("alertname", "severity", "org", "source", "stream", "platform", "user", "channel")
_NAME_IT = 'Secrets stand in the environment or in files: {0}_env = "VARIABLE" or {0}_file = "/path".'
_MAX_SECRET = 65536


class ConfigError(ValueError):
    """Nobody can deliver like this; `hint` says what to change. No secret is in either."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Where alerts go.

    Attributes:
        name: as the database knows it.
        sender: what sends them.
        match: which alerts: a label's text, or several, by label; None: all.
        batch: how many at most go into one message.
        timeout: how many seconds a message may take.
    """

    name: str
    sender: Sender
    match: Mapping[str, str | list[str]] | None = None
    batch: int = 50
    timeout: float = 10.0


def read_channels(path: Path, environment: Mapping[str, str] | None = None) -> list[Channel]:
    """Return the channels of a configuration file, with the secrets that it names.

    Raises:
        ConfigError: it is not understood, or a secret is missing.
        OSError: it cannot be read.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        where = re.search(r"at line \d+, column \d+|at end of document", str(error))
        raise ConfigError(f"{path} is no TOML{f' ({where[0]})' if where else ''}", "See https://toml.io.") from error
    unknown = sorted(document.keys() - {"channel"})
    tables = document.get("channel")
    if unknown or not isinstance(tables, list) or not tables:
        raise ConfigError(
            f"{path} has no channels" if not unknown else f"{path}: unknown key {unknown[0]}",
            "Each channel is a table: [[channel]] with a name and a kind.",
        )
    env = os.environ if environment is None else environment
    channels = [_channel(table, path.parent, env) for table in cast("list[object]", tables)]
    names = [channel.name for channel in channels]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"there are several channels {name}", "Give each a name of its own.")
    return channels


class _Table:
    """A table of the file whose keys are taken one by one, so that what is left is unknown."""

    def __init__(self, name: str, table: Mapping[str, object], folder: Path, env: Mapping[str, str]) -> None:
        self.name = name
        self.secrets: list[str] = []
        self._left = dict(table)
        self.folder = folder
        self.environment = env

    def fail(self, key: str, problem: str, hint: str = "See `syncwell alerts deliver --help`.") -> ConfigError:
        return ConfigError(f"channel {self.name}: {key} {problem}", hint)

    def text(self, key: str, default: str | None = None) -> str:
        value = self._left.pop(key, default)
        if value is None:
            raise self.fail(key, "is missing")
        if not isinstance(value, str) or not value or not value.isprintable():
            raise self.fail(key, "is no text in one line")
        return value

    def maybe(self, key: str) -> str | None:
        return self.text(key) if key in self._left else None

    def number(self, key: str, default: float, least: float, most: float) -> float:
        value = self._left.pop(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise self.fail(key, f"is no number from {least:g} to {most:g}")
        return value

    def texts(self, key: str) -> list[str]:
        value = self._left.pop(key, None)
        items = cast("list[object]", value) if isinstance(value, list) else []
        if not items or not all(isinstance(item, str) and item for item in items):
            raise self.fail(key, "is no list of texts")
        return cast("list[str]", items)

    def path(self, key: str) -> Path | None:
        value = self.maybe(key)
        return None if value is None else self.folder / value

    def table(self, key: str) -> Mapping[str, object]:
        value = self._left.pop(key, {})
        if not isinstance(value, dict):
            raise self.fail(key, "is no table")
        return cast("dict[str, object]", value)

    def secret(self, key: str) -> str | None:
        """What `key_env` or `key_file` names; never a text in the file itself."""
        if key in self._left:
            raise self.fail(key, "stands in the file", _NAME_IT.format(key))
        variable, path = self.maybe(f"{key}_env"), self.path(f"{key}_file")
        if variable is not None and path is not None:
            raise self.fail(key, "is named twice", "Say one of the two.")
        value: str | None = None
        if variable is not None:
            value = self.environment.get(variable)
            if not value:
                raise self.fail(f"{key}_env", f"names {variable}, which is not set")
        if path is not None:
            with path.open(encoding="utf-8", errors="replace") as file:
                value = file.read(_MAX_SECRET).strip()
        if value is None:
            return None
        if not value or not value.isprintable():
            raise self.fail(key, "is empty, or not in one line")
        self.secrets.append(value)
        return value

    def finish(self) -> None:
        if self._left:
            raise self.fail(sorted(self._left)[0], "is unknown")


def _channel(table: object, folder: Path, env: Mapping[str, str]) -> Channel:
    if not isinstance(table, dict):
        raise ConfigError("a channel is no table", "Write [[channel]], then its keys.")
    values = cast("dict[str, object]", table)
    name = values.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(
            "a channel has no name, or one that is none",
            "Letters, digits, _, . and -, at most 63, beginning with a letter or digit.",
        )
    keys = _Table(name, values, folder, env)
    keys.text("name")
    kind = keys.text("kind")
    if kind not in _KINDS:
        raise keys.fail("kind", f"is none of {', '.join(_KINDS)}")
    match = _match(keys)
    batch = int(keys.number("batch", 50, 1, 1000))
    timeout = float(keys.number("timeout", 10, 0.1, 600))
    sender = _KINDS[kind](keys)
    keys.finish()
    return Channel(name=name, sender=sender, match=match, batch=batch, timeout=timeout)


def _match(keys: _Table) -> dict[str, str | list[str]] | None:
    match: dict[str, str | list[str]] = {}
    for label, value in keys.table("match").items():
        texts = cast("list[object]", value) if isinstance(value, list) else [value]
        if label not in _LABELS or not texts or not all(isinstance(text, str) for text in texts):
            raise keys.fail(f"match.{label}", "is no label with a text, or a list of texts", f"{', '.join(_LABELS)}.")
        match[label] = cast("str | list[str]", value)
    return match or None


def _http(keys: _Table, kind: Any) -> Sender:
    try:
        from syncwell.deliver.posting import HttpSender
    except ImportError as error:
        if error.name not in ("httpx", "httpcore", "anyio"):
            raise
        raise ConfigError(f"{kind} needs httpx, which is not installed", "pip install 'syncwell[alerts]'") from error
    url = keys.maybe("url")
    if url is not None and urlsplit(url).password:
        raise keys.fail("url", "has a password", _NAME_IT.format("url"))
    url = url or keys.secret("url")
    if url is None:
        raise keys.fail("url", "is missing")
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and " " not in url
    except ValueError:
        valid = False
    if not valid:
        raise keys.fail("url", "is no URL of HTTP")
    if kind == "alertmanager":
        url = f"{url.rstrip('/')}/api/v2/alerts"
    headers: dict[str, str] = {}
    for header, value in keys.table("headers").items():
        if not _TOKEN.fullmatch(header) or not isinstance(value, str) or not (value.isascii() and value.isprintable()):
            raise keys.fail("headers", "has one that is none")
        if header.lower() in ("authorization", "cookie", "proxy-authorization"):
            raise keys.fail("headers", f"has {header}", _NAME_IT.format("bearer"))
        headers[header] = value
    bearer = keys.secret("bearer")
    if bearer is not None:
        if not bearer.isascii():
            raise keys.fail("bearer", "is no token")
        headers["Authorization"] = f"Bearer {bearer}"
    return HttpSender(kind=kind, url=url, headers=headers, context=_tls(keys), secrets=tuple(keys.secrets))


def _smtp(keys: _Table) -> Sender:
    tls = keys.text("tls", "starttls")
    if tls not in ("starttls", "tls", "none"):
        raise keys.fail("tls", "is none of starttls, tls, none")
    username, password = keys.maybe("username"), keys.secret("password")
    if (username is None) != (password is None):
        raise keys.fail("username", "and a password belong together")
    if username is not None and tls == "none":
        raise keys.fail("tls", "is none, and a password would be readable on the way", "Take starttls or tls.")
    sender, recipients = keys.text("from"), keys.texts("to")
    for address in (sender, *recipients):
        if not re.fullmatch(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+", address) or not address.isascii():
            raise keys.fail("from" if address is sender else "to", "is no plain address")
    return MailSender(
        host=keys.text("host"),
        port=int(keys.number("port", {"starttls": 587, "tls": 465}.get(tls, 25), 1, 65535)),
        tls=cast("Any", tls),
        context=_tls(keys),
        username=username,
        password=password,
        sender=sender,
        recipients=tuple(recipients),
        secrets=tuple(keys.secrets),
    )


def _command(keys: _Table) -> Sender:
    environment: dict[str, str] = {}
    for name, value in keys.table("env").items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or not isinstance(value, dict):
            raise keys.fail(f"env.{name}", "names no secret", 'env.NAME = { env = "VARIABLE" } or { file = "/path" }')
        inner = _Table(
            keys.name,
            {f"{name}_{key}": one for key, one in cast("dict[str, object]", value).items()},
            keys.folder,
            keys.environment,
        )
        secret = inner.secret(name)
        inner.finish()
        if secret is None:
            raise keys.fail(f"env.{name}", "names no secret")
        environment[name] = secret
        keys.secrets.append(secret)
    return CommandSender(command=tuple(keys.texts("command")), environment=environment, secrets=tuple(keys.secrets))


def _tls(keys: _Table) -> ssl.SSLContext:
    path = keys.path("ca_file")
    if path is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=path)
    except ssl.SSLError as error:
        raise keys.fail("ca_file", "has no certificates") from error


_KINDS: dict[str, Callable[[_Table], Sender]] = {
    "webhook": lambda keys: _http(keys, "webhook"),
    "alertmanager": lambda keys: _http(keys, "alertmanager"),
    "smtp": _smtp,
    "command": _command,
}
