"""Which bearer tokens are somebody, and that all others are nobody in the same words."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from harness.serving import SECRET, token
from syncwell.http import Config, ConfigError
from syncwell.http.problems import Problem
from syncwell.http.tokens import Verifier

if TYPE_CHECKING:
    from pathlib import Path

USER = uuid4()
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(key: rsa.RSAPrivateKey, **more: str) -> dict[str, Any]:
    return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), **more}


def written(path: Path, *keys: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"keys": list(keys)}))
    return path


def refusal(verifier: Verifier, text: str | None) -> Problem:
    with pytest.raises(Problem) as caught:
        verifier.user(None if text is None else f"Bearer {text}")
    assert caught.value.status == 401
    assert caught.value.headers["www-authenticate"].startswith("Bearer")
    return caught.value


def by_hand(header: dict[str, Any], claims: object, key: bytes) -> str:
    """A token that the library would not make."""

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    signed = f"{part(header)}.{part(claims)}"
    signature = hmac.new(key, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@pytest.fixture
def secret() -> Verifier:
    return Verifier(Config(jwt_secret=SECRET))


@pytest.fixture
def keys(tmp_path: Path) -> Verifier:
    return Verifier(Config(jwks_file=written(tmp_path / "keys.json", jwk(KEY, kid="one"), jwk(OTHER_KEY, kid="two"))))


def test_the_subject_of_a_valid_token_is_the_user(secret: Verifier, keys: Verifier) -> None:
    assert secret.user(f"Bearer {token(USER)}") == USER
    assert secret.user(f"bearer  {token(USER)}") == USER
    for key, kid in ((KEY, "one"), (OTHER_KEY, "two")):
        signed = jwt.encode({"sub": str(USER), "exp": time.time() + 60}, key, "RS256", {"kid": kid})
        assert keys.user(f"Bearer {signed}") == USER


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (token(USER, b"another secret that is long enough too"), "The token is not valid."),
        (token(USER)[:-2], "The token is not valid."),
        (token(USER, exp=time.time() - 3600), "The token has expired."),
        (token(USER, exp=None), "The token is not valid."),
        (token(USER, sub=None), "The token is not valid."),
        (token("somebody"), "The token is not valid."),
        (token(USER, nbf=time.time() + 3600), "The token is not valid."),
        (token(USER, aud="elsewhere"), "The token is not valid."),
        (token(USER, exp="never"), "The token is not valid."),
        (token(USER, algorithm="HS512"), "The token is not valid."),
        (token(USER, None, "none"), "The token is not valid."),
        (by_hand({"alg": "HS256"}, {"sub": str(USER), "exp": float("inf")}, SECRET), "The token is not valid."),
        (by_hand({"alg": "HS256"}, [], SECRET), "The token is not valid."),
        (
            by_hand({"alg": "HS256", "crit": ["x"], "x": 1}, {"sub": str(USER), "exp": 9e9}, SECRET),
            "The token is not valid.",
        ),
        ("a.b.c", "The token is not valid."),
        ("\u00e4", "The token is not valid."),
        ("x" * 10_000, "The token is too long."),
    ],
    ids=[
        "forged", "cut", "expired", "without exp", "without sub", "no uuid", "not yet", "for somebody else",
        "exp no number", "HS512", "none", "exp infinite", "no claims", "critical header", "no token", "no ascii",
        "long",
    ],
)  # fmt: skip
def test_others_are_refused(secret: Verifier, text: str, detail: str) -> None:
    problem = refusal(secret, text)
    assert problem.document["detail"] == detail
    assert 'error="invalid_token"' in problem.headers["www-authenticate"]


@pytest.mark.parametrize("header", [None, "", "Basic YTpi", "Bearer", "Bearer ", f"Token {token(USER)}"])
def test_without_a_token_the_challenge_has_no_error(secret: Verifier, header: str | None) -> None:
    with pytest.raises(Problem) as caught:
        secret.user(header)
    assert (caught.value.status, caught.value.headers["www-authenticate"]) == (401, "Bearer")


def test_the_algorithm_is_the_configuration_s_and_not_the_token_s(secret: Verifier, keys: Verifier) -> None:
    claims = {"sub": str(USER), "exp": time.time() + 60}
    # the classic: the public key taken for a secret
    for form in (PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1):
        public = KEY.public_key().public_bytes(Encoding.PEM, form)
        refusal(keys, by_hand({"alg": "HS256", "kid": "one"}, claims, public))
    refusal(keys, token(USER))
    refusal(keys, jwt.encode(claims, None, "none", {"kid": "one"}))
    refusal(keys, jwt.encode(claims, KEY, "RS512", {"kid": "one"}))
    refusal(secret, jwt.encode(claims, KEY, "RS256"))


def test_a_token_is_checked_with_the_key_it_names_and_no_other(keys: Verifier, tmp_path: Path) -> None:
    claims = {"sub": str(USER), "exp": time.time() + 60}
    refusal(keys, jwt.encode(claims, KEY, "RS256", {"kid": "two"}))
    refusal(keys, jwt.encode(claims, KEY, "RS256", {"kid": "three"}))
    # without a name only where there is no choice
    unnamed = jwt.encode(claims, KEY, "RS256")
    refusal(keys, unnamed)
    assert Verifier(Config(jwks_file=written(tmp_path / "one.json", jwk(KEY)))).user(f"Bearer {unnamed}") == USER
    # a key that a token brings along is nobody's
    refusal(keys, jwt.encode(claims, OTHER_KEY, "RS256", {"kid": "one", "jwk": jwk(OTHER_KEY)}))


def test_keys_are_read_again_when_the_file_changes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path / "keys.json", jwk(KEY, kid="one"))
    verifier = Verifier(Config(jwks_file=path))
    old = jwt.encode({"sub": str(USER), "exp": time.time() + 60}, KEY, "RS256", {"kid": "one"})
    new = jwt.encode({"sub": str(USER), "exp": time.time() + 60}, OTHER_KEY, "RS256", {"kid": "new"})
    assert verifier.user(f"Bearer {old}") == USER
    refusal(verifier, new)

    written(path, jwk(OTHER_KEY, kid="new"), {"kty": "EC"})
    assert verifier.user(f"Bearer {new}") == USER
    refusal(verifier, old)

    # what cannot be read changes nothing, and is told
    path.write_text("{")
    assert verifier.user(f"Bearer {new}") == USER
    assert "the keys stay as they were" in caplog.text
    path.unlink()
    assert verifier.user(f"Bearer {new}") == USER


def test_a_private_key_in_the_set_serves_as_a_public_one(tmp_path: Path) -> None:
    private = RSAAlgorithm.to_jwk(KEY, as_dict=True)
    verifier = Verifier(Config(jwks_file=written(tmp_path / "keys.json", private)))
    assert verifier.user(f"Bearer {jwt.encode({'sub': str(USER), 'exp': time.time() + 60}, KEY, 'RS256')}") == USER


def test_issuer_and_audience_are_needed_where_they_are_configured() -> None:
    verifier = Verifier(Config(jwt_secret=SECRET, jwt_issuer="us", jwt_audience="app"))
    assert verifier.user(f"Bearer {token(USER, iss='us', aud='app')}") == USER
    assert verifier.user(f"Bearer {token(USER, iss='us', aud=['other', 'app'])}") == USER
    for claims in ({"iss": "us"}, {"aud": "app"}, {"iss": "them", "aud": "app"}, {"iss": "us", "aud": "other"}):
        refusal(verifier, token(USER, **claims))


def test_clocks_may_differ_a_little() -> None:
    text = token(USER, exp=time.time() - 60)
    assert Verifier(Config(jwt_secret=SECRET, jwt_leeway=120)).user(f"Bearer {text}") == USER
    refusal(Verifier(Config(jwt_secret=SECRET, jwt_leeway=0)), text)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        ("[]", "not a JWK set"),
        ("{", "no keys in"),
        ('{"keys": []}', "no RSA key"),
        (json.dumps({"keys": [jwk(KEY, use="enc")]}), "no RSA key"),
        (json.dumps({"keys": [jwk(KEY, alg="RS512")]}), "no RSA key"),
    ],
)
def test_a_file_without_keys_is_no_configuration(tmp_path: Path, content: str | None, reason: str) -> None:
    path = tmp_path / "keys.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=reason):
        Verifier(Config(jwks_file=path))


def test_weak_keys_are_no_configuration(tmp_path: Path) -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    with pytest.raises(ConfigError, match="2048 bits"):
        Verifier(Config(jwks_file=written(tmp_path / "keys.json", jwk(weak))))
    with pytest.raises(ConfigError, match="can be guessed"):
        Config(jwt_secret=b"short")


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"jwt_secret": SECRET, "jwks_file": "keys.json"},
        {"jwt_secret": SECRET, "jwt_algorithm": "RS256"},
        {"jwks_file": "keys.json", "jwt_algorithm": "HS256"},
        {"jwt_secret": SECRET, "jwt_algorithm": "none"},
        {"jwt_secret": SECRET, "pool_max": 0},
        {"jwt_secret": SECRET, "pool_min": 9, "pool_max": 3},
        {"jwt_secret": SECRET, "rate": -1},
    ],
)
def test_what_cannot_be_served_is_no_configuration(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(**wrong)
    assert caught.value.hint


def test_the_environment_configures(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET + b"\n")
    config = Config.from_environment(
        {
            "SYNCWELL_JWT_SECRET_FILE": str(secret),
            "SYNCWELL_DSN": "dbname=app",
            "SYNCWELL_POOL_MAX": "3",
            "SYNCWELL_PREPARE": "off",
            "SYNCWELL_CORS_ORIGINS": "https://a.example, https://b.example",
            "SYNCWELL_RATE": "",
        },
        max_body=4096,
        dsn=None,
    )
    assert config == Config(
        dsn="dbname=app",
        jwt_secret=SECRET,
        pool_max=3,
        prepare=False,
        cors_origins=("https://a.example", "https://b.example"),
        max_body=4096,
    )
    assert SECRET.decode() not in repr(config)
    for name, value in (("SYNCWELL_POOL_MAX", "many"), ("SYNCWELL_PREPARE", "maybe"), ("SYNCWELL_RATE", "-1")):
        with pytest.raises(ConfigError) as caught:
            Config.from_environment({"SYNCWELL_JWT_SECRET": SECRET.decode(), name: value})
        assert name in caught.value.message + caught.value.hint
