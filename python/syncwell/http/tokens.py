"""Bearer tokens: JSON Web Tokens of one algorithm, which the configuration names and never the token."""

from __future__ import annotations

import json
import logging
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from syncwell.http.config import Config, ConfigError
from syncwell.http.problems import Problem

__all__ = ["Verifier"]

_logger = logging.getLogger("syncwell.http")
_TOKEN_MAX = 8192
_RSA_MIN_BITS = 2048


def refused(detail: str, error: str | None = "invalid_token") -> Problem:
    """The caller is not who it says, in the words of RFC 6750."""
    challenge = "Bearer" if error is None else f'Bearer error="{error}", error_description="{detail}"'
    return Problem(401, detail, kind=error, headers={"www-authenticate": challenge})


class Verifier:
    """Says which user a token is for."""

    def __init__(self, config: Config) -> None:
        self._algorithm = config.algorithm
        self._issuer = config.jwt_issuer
        self._audience = config.jwt_audience
        self._leeway = config.jwt_leeway
        self._secret = config.jwt_secret
        self._keys = None if config.jwks_file is None else KeySet(config.jwks_file)
        self._required = ["exp", "sub"]
        if self._issuer is not None:
            self._required.append("iss")
        if self._audience is not None:
            self._required.append("aud")

    def user(self, authorization: str | None) -> UUID:
        """The user of an Authorization header.

        Raises:
            Problem: 401, with the challenge.
        """
        return self.bearer(authorization)[0]

    def bearer(self, authorization: str | None) -> tuple[UUID, datetime]:
        """The user of an Authorization header, and when its token ends.

        Raises:
            Problem: 401, with the challenge.
        """
        if authorization is None:
            raise refused("A bearer token is needed.", None)
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise refused("A bearer token is needed.", None)
        return self.session(token)

    def session(self, token: str) -> tuple[UUID, datetime]:
        """The user of a token, and when it ends.

        Raises:
            Problem: 401, with the challenge.
        """
        if len(token) > _TOKEN_MAX:
            raise refused("The token is too long.")
        try:
            claims = self._claims(token)
            return UUID(str(claims["sub"])), datetime.fromtimestamp(int(claims["exp"]), UTC)
        except jwt.ExpiredSignatureError:
            raise refused("The token has expired.") from None
        except Problem:
            raise
        except Exception as error:
            # its texts are for the log: a forger learns nothing from the answer
            _logger.debug("token refused: %s", error)
            raise refused("The token is not valid.") from None

    def _claims(self, token: str) -> dict[str, Any]:
        header: dict[str, Any] = jwt.get_unverified_header(token)
        if "crit" in header:
            raise jwt.InvalidTokenError("it has critical headers, and none is known")
        key = self._secret if self._keys is None else self._keys.key(header.get("kid"))
        if key is None:
            raise jwt.InvalidTokenError("no key for it is known")
        return jwt.decode(
            token,
            key,
            algorithms=[self._algorithm],
            options={"require": self._required},
            issuer=self._issuer,
            audience=self._audience,
            leeway=self._leeway,
        )


class KeySet:
    """The public RSA keys of a JWK set in a file, which may be replaced at any time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            self._state = self._look()
            self._keys = read_keys(path)
        except (OSError, ValueError, jwt.PyJWTError) as error:
            raise ConfigError(
                f"there are no keys in {path}: {error}", 'SYNCWELL_JWKS_FILE names a file like {"keys": [{…}]}.'
            ) from error

    def key(self, kid: object) -> RSAPublicKey | None:
        """The key of this id; a token without one gets the only key, where there is only one."""
        self._refresh()
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid) if isinstance(kid, str) else None

    def _look(self) -> tuple[int, int, int]:
        seen = self._path.stat()
        return seen.st_mtime_ns, seen.st_size, seen.st_ino

    def _refresh(self) -> None:
        with self._lock:
            try:
                state = self._look()
                if state == self._state:
                    return
                # once for each state of the file, also where it is of no use
                self._state = state
                self._keys = read_keys(self._path)
            except (OSError, ValueError, jwt.PyJWTError) as error:
                _logger.warning("the keys stay as they were: %s: %s", self._path, error)


def read_keys(path: Path) -> dict[str, RSAPublicKey]:
    """The RSA keys for signatures, by id.

    Raises:
        ValueError: it is no JWK set, or has no such key.
    """
    document: object = json.loads(path.read_bytes())
    entries: object = cast("dict[str, object]", document).get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("it is not a JWK set")
    keys: dict[str, RSAPublicKey] = {}
    for number, entry in enumerate(cast("list[object]", entries)):
        if not isinstance(entry, dict):
            continue
        jwk = cast("dict[str, Any]", entry)
        if jwk.get("kty") != "RSA" or jwk.get("use", "sig") != "sig" or jwk.get("alg", "RS256") != "RS256":
            continue
        key = jwt.PyJWK.from_dict(jwk, "RS256").key
        if isinstance(key, RSAPrivateKey):
            key = key.public_key()
        if not isinstance(key, RSAPublicKey) or key.key_size < _RSA_MIN_BITS:
            raise ValueError(f"key {jwk.get('kid', number)} has less than {_RSA_MIN_BITS} bits")
        keys[str(jwk.get("kid", f"#{number}"))] = key
    if not keys:
        raise ValueError("it has no RSA key for signatures")
    return keys
