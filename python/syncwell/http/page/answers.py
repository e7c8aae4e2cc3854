"""Answers for a browser: pages under a strict policy, refusals as pages."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from syncwell.http.page.templates import render
from syncwell.http.problems import Problem

__all__ = ["HEADERS", "is_partial", "page_answer", "refusal", "sent_to"]

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "vary": "cookie, hx-request",
}


def is_partial(request: Request) -> bool:
    """Whether the page's own script asks, for a part of the page."""
    return request.headers.get("hx-request") == "true"


def page_answer(html: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A page, or a part of one."""
    return Response(html, status, {**HEADERS, **(headers or {})}, "text/html; charset=utf-8")


def sent_to(request: Request, path: str) -> Response:
    """Send the browser to another page of this server's; `path` is ours, never what somebody asked for."""
    base: str = request.scope.get("root_path", "")
    if is_partial(request):
        return page_answer("", 200, {"hx-redirect": base + path})
    return RedirectResponse(base + path, 303, HEADERS)


def refusal(request: Request, problem: Problem) -> Response:
    """A refusal as a page, with the words of the problem."""
    document = problem.document
    headers = {name: text for name, text in problem.headers.items() if name.lower() != "www-authenticate"}
    if is_partial(request):
        text = render("told.html", told=str(document.get("detail") or document["title"]), went_well=False)
        return page_answer(text, problem.status, headers)
    html = render("problem.html", base=request.scope.get("root_path", ""), problem=document, viewer=None)
    return page_answer(html, problem.status, headers)
