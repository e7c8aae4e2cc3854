"""How a browser signs in: the bearer token in a cookie that no script reads and no other site can have sent."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from syncwell.http.problems import Problem

__all__ = ["COOKIE_MAX", "cookie_token", "csrf_token", "forget", "is_private", "remember", "require_own_page"]

COOKIE_MAX = 3800
"""Bytes of a token that fits; browsers drop cookies of more than 4096 with all that belongs to them."""

_NAME = "__Host-syncwell"
# the prefix promises Secure, which HTTP cannot keep: this name counts only where nothing leaves the machine
_LOCAL_NAME = "syncwell"
_LOOPBACK_NAMES = ("localhost", "localhost.")
_CSRF = b"syncwell: a form of this session"


def cookie_token(request: Request) -> str | None:
    """The token of the cookie; None: there is none, or something else than a page of this server asks."""
    if not _is_own(request, needed=False):
        return None
    return request.cookies.get(_NAME) or (request.cookies.get(_LOCAL_NAME) if _is_local(request) else None)


def is_private(request: Request) -> bool:
    """Whether nobody in between can read a cookie: HTTPS, or this machine only."""
    return _is_local(request) or _is_https(request)


def remember(request: Request, response: Response, token: str, ends: datetime) -> None:
    """Let the browser keep the token until it ends."""
    secure = _is_https(request)
    response.set_cookie(
        _NAME if secure else _LOCAL_NAME,
        token,
        expires=ends.astimezone(UTC),
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )


def forget(request: Request, response: Response) -> None:
    """Let the browser drop it."""
    for name in (_NAME, _LOCAL_NAME):
        if name in request.cookies:
            response.delete_cookie(name, path="/", secure=name == _NAME, httponly=True, samesite="strict")


def csrf_token(token: str) -> str:
    """What a form of this session must bring; who cannot read the cookie cannot make it."""
    return hmac.new(token.encode(), _CSRF, hashlib.sha256).hexdigest()


def require_own_page(request: Request, token: str | None = None, given: str | None = None) -> None:
    """Refuse a POST that no page of this server sent; with a session's token its form must have brought `csrf_token`.

    Raises:
        Problem: 403.
    """
    if not _is_own(request, needed=True):
        raise Problem(403, "Another site sent this.", hint="Open the page of this server and try again there.")
    if token is not None and not hmac.compare_digest(csrf_token(token).encode(), (given or "").encode()):
        raise Problem(403, "The form is not of this session.", hint="Load the page again and try once more.")


def _is_own(request: Request, *, needed: bool) -> bool:
    """Whether the browser says that a page of this server asks, or the person by the address bar.

    Who says nothing is taken for own where that is not `needed`: old browsers send neither header with a GET, and
    leave SameSite cookies out of what other sites make them ask.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site in ("same-origin", "none"):
            return True
        # a link on a neighbouring site leads here, and only that
        return site == "same-site" and not needed and request.headers.get("sec-fetch-mode") == "navigate"
    origin = request.headers.get("origin")
    if origin is None:
        return not needed
    scheme, _, place = origin.partition("://")
    schemes = ("https", "http") if _is_local(request) else ("https",)
    return scheme in schemes and place == request.headers.get("host")


def _is_https(request: Request) -> bool:
    # where a proxy ends TLS and says nothing of it, the browser does
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")


def _is_local(request: Request) -> bool:
    if request.url.scheme != "http":
        return False
    try:
        name = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
        return name in _LOOPBACK_NAMES or ip_address(name).is_loopback
    except ValueError:
        return False
