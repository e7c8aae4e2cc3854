"""The addresses of the dashboard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Protocol, cast
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from syncwell.aio.client import AsyncSyncwell
from syncwell.errors import UnknownUserError
from syncwell.http.config import Config
from syncwell.http.page.answers import is_partial, page_answer, refusal, sent_to
from syncwell.http.page.facts import Facts, Part, Pasts, gather
from syncwell.http.page.filters import Filters, own_path
from syncwell.http.page.forms import form_of, issue_of, note_of, snooze_of
from syncwell.http.page.pictures import Pictures
from syncwell.http.page.static import FILES, file_answer, versioned
from syncwell.http.page.stretches import StreamView
from syncwell.http.page.templates import render
from syncwell.http.page.view import View
from syncwell.http.problems import Problem, reported
from syncwell.http.signin import (
    COOKIE_MAX,
    cookie_token,
    csrf_token,
    forget,
    is_private,
    remember,
    require_own_page,
)

__all__ = ["Page"]


_PARTS: dict[str, tuple[Part, ...]] = {
    "health": ("health",),
    "progress": ("progress",),
    "work": ("work",),
    "charts": ("charts",),
}
_ALL: tuple[Part, ...] = ("health", "progress", "work", "charts")
_TOLD = {"acknowledged": "The issue is acknowledged.", "snoozed": "The issue rests."}
_NOTES = {"ended": "You were signed out: the token has expired.", "out": "You are signed out."}
_HOURS = {24: "24 hours", 48: "2 days", 168: "7 days", 720: "30 days"}


class Visitors(Protocol):
    """What the dashboard needs of the server."""

    def session(self, token: str) -> tuple[UUID, datetime]:
        """Whose token it is and when it ends, once counted; `Problem` 401 or 429."""
        ...

    async def client(self, user: UUID) -> AsyncSyncwell:
        """Calls as this user."""
        ...

    def turn(self, request: Request, user: UUID) -> Awaitable[None]:
        """Wait for a turn of this user's, and have it until the request is answered."""
        ...


class Visit:
    """One request of somebody who is signed in."""

    def __init__(self, request: Request, token: str, user: UUID, client: AsyncSyncwell) -> None:
        self.request = request
        self.token = token
        self.user = user
        self.client = client

    @property
    def base(self) -> str:
        """What stands before every path where the application is mounted in another."""
        return cast("str", self.request.scope.get("root_path", ""))


Handler = Callable[["Page", Visit], Awaitable[Response]]


def _signed_in(handle: Handler) -> Callable[[Page, Request], Awaitable[Response]]:
    """Who is not signed in is asked to; whatever goes wrong becomes a page."""

    async def endpoint(self: Page, request: Request) -> Response:
        token = cookie_token(request)
        if token is None:
            if request.method == "POST":
                return refusal(request, Problem(403, "You are not signed in.", hint="Sign in and try once more."))
            return sent_to(request, _sign_in_path(request))
        try:
            try:
                user, _ = self.visitors.session(token)
            except Problem as problem:
                if problem.status != 401:
                    raise
                ended = sent_to(request, _sign_in_path(request, "ended"))
                forget(request, ended)
                return ended
            await self.visitors.turn(request, user)
            visit = Visit(request, token, user, await self.visitors.client(user))
            async with asyncio.timeout(self.config.pool_timeout + self.config.statement_timeout):
                return await handle(self, visit)
        except UnknownUserError:
            if "user=" in request.url.query:
                return refusal(request, Problem(404, "There is no such user that you may ask about."))
            gone = sent_to(request, _sign_in_path(request, "ended"))
            forget(request, gone)
            return gone

    return endpoint


def _refused(
    handle: Callable[[Page, Request], Awaitable[Response]],
) -> Callable[[Page, Request], Awaitable[Response]]:
    async def endpoint(self: Page, request: Request) -> Response:
        try:
            # what a request takes it has until it is answered
            async with AsyncExitStack() as request.state.taken:
                return await handle(self, request)
        except ClientDisconnect:
            return refusal(request, Problem(400, "The request was not finished."))
        except Exception as error:
            return refusal(request, reported(error, request.url.path))

    return endpoint


class Page:
    """The dashboard."""

    def __init__(self, config: Config, visitors: Visitors) -> None:
        # what is missing is told when the server starts, not to who comes first
        for name in FILES:
            versioned(name)
        self.config = config
        self.visitors = visitors
        self._pasts = Pasts()
        self._pictures = Pictures()

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/", self.whole, methods=["GET"]),
            Route("/parts/{part}", self.part, methods=["GET"]),
            Route("/streams/{stream}", self.stream, methods=["GET"]),
            Route("/issues/{issue}/acknowledge", self.acknowledge, methods=["POST"]),
            Route("/issues/{issue}/snooze", self.snooze, methods=["POST"]),
            Route("/sign-in", self.sign_in_form, methods=["GET"]),
            Route("/sign-in", self.sign_in, methods=["POST"]),
            Route("/sign-out", self.sign_out, methods=["POST"]),
            Route("/static/{name}", self.static, methods=["GET"]),
        ]

    @_refused
    @_signed_in
    async def whole(self, visit: Visit) -> Response:
        """GET /."""
        filters = Filters.read(visit.request.url.query)
        facts = await self._gather(visit, filters, _ALL)
        told = _TOLD.get(visit.request.query_params.get("told", ""), "")
        return page_answer(await self._drawn("dashboard.html", visit, facts, told=told, went_well=True))

    @_refused
    @_signed_in
    async def part(self, visit: Visit) -> Response:
        """GET /parts/…: for the script of the page."""
        parts = _PARTS.get(visit.request.path_params["part"])
        if parts is None:
            raise Problem(404)
        facts = await self._gather(visit, Filters.read(visit.request.url.query), parts)
        return page_answer(await self._drawn(f"part_{parts[0]}.html", visit, facts))

    @_refused
    @_signed_in
    async def stream(self, visit: Visit) -> Response:
        """GET /streams/…: all about one stream."""
        try:
            stream_id = UUID(visit.request.path_params["stream"])
            hours = int(visit.request.query_params.get("hours", "48"))
            if hours not in _HOURS:
                raise ValueError
        except ValueError:
            raise Problem(404, "There is no such stream.") from None
        detail = await visit.client.health.stream_detail(stream_id=stream_id, hours=hours)
        view = StreamView(detail)
        html = await asyncio.to_thread(
            render, "stream.html", view, base=visit.base, csrf=csrf_token(visit.token), lengths=_HOURS, hours=hours
        )
        return page_answer(html)

    @_refused
    @_signed_in
    async def acknowledge(self, visit: Visit) -> Response:
        """POST /issues/…/acknowledge."""
        form, filters = await self._form(visit)
        await visit.client.health.acknowledge(issue_id=issue_of(visit.request), note=note_of(form))
        return await self._handled(visit, filters, "acknowledged")

    @_refused
    @_signed_in
    async def snooze(self, visit: Visit) -> Response:
        """POST /issues/…/snooze."""
        form, filters = await self._form(visit)
        length = timedelta(seconds=snooze_of(form))
        await visit.client.health.snooze(issue_id=issue_of(visit.request), for_=length, note=note_of(form))
        return await self._handled(visit, filters, "snoozed")

    @_refused
    async def sign_in_form(self, request: Request) -> Response:
        """GET /sign-in."""
        return _sign_in_page(request, _NOTES.get(request.query_params.get("told", ""), ""), 200)

    @_refused
    async def sign_in(self, request: Request) -> Response:
        """POST /sign-in: what is pasted is checked as a bearer token is, and kept in a cookie."""
        require_own_page(request)
        form = await form_of(request, self.config)
        follow = form.get("next")
        if not is_private(request):
            return _sign_in_page(
                request, "Signing in needs HTTPS: here everybody in between could read along.", 403, follow
            )
        token = "".join(form.get("token", "").split()).removeprefix("Bearer")
        if not token:
            return _sign_in_page(request, "Paste a token.", 400, follow)
        if len(token) > COOKIE_MAX:
            return _sign_in_page(request, f"The token is longer than {COOKIE_MAX} characters.", 400, follow)
        try:
            user, ends = self.visitors.session(token)
            client = await self.visitors.client(user)
            async with asyncio.timeout(self.config.pool_timeout + self.config.statement_timeout):
                await client.core.who_am_i()
        except UnknownUserError:
            return _sign_in_page(request, "The token is not valid.", 401, follow)
        except Problem as problem:
            if problem.status != 401:
                raise
            return _sign_in_page(request, str(problem), 401, follow)
        answer = sent_to(request, own_path(follow))
        remember(request, answer, token, ends)
        return answer

    @_refused
    async def sign_out(self, request: Request) -> Response:
        """POST /sign-out."""
        token = cookie_token(request)
        form = await form_of(request, self.config)
        require_own_page(request, token, form.get("csrf"))
        answer = sent_to(request, "/sign-in?told=out")
        forget(request, answer)
        return answer

    @_refused
    async def static(self, request: Request) -> Response:
        """GET /static/…."""
        return file_answer(request)

    async def _gather(self, visit: Visit, filters: Filters, parts: tuple[Part, ...]) -> Facts:
        return await gather(visit.client, visit.user, filters, parts, self._pasts)

    async def _drawn(self, template: str, visit: Visit, facts: Facts, **context: object) -> str:
        view = View(facts, self._pictures)
        return await asyncio.to_thread(render, template, view, base=visit.base, csrf=csrf_token(visit.token), **context)

    async def _form(self, visit: Visit) -> tuple[dict[str, str], Filters]:
        """What it says, and which page it stood on."""
        form = await form_of(visit.request, self.config)
        require_own_page(visit.request, visit.token, form.get("csrf"))
        return form, Filters.read(form.get("query", ""))

    async def _handled(self, visit: Visit, filters: Filters, what: str) -> Response:
        """The page as it is after that: all of it again, or the part that changed."""
        if is_partial(visit.request):
            facts = await self._gather(visit, filters, ("health",))
            return page_answer(await self._drawn("part_health.html", visit, facts, told=_TOLD[what], went_well=True))
        query = "&".join(part for part in (filters.query(offset=filters.offset), f"told={what}") if part)
        return sent_to(visit.request, f"/?{query}#issues")


def _sign_in_path(request: Request, told: str | None = None) -> str:
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    whole = own_path(f"{path}?{request.url.query}" if request.url.query else path)
    values = {"told": told, "next": None if whole == "/" or path.startswith("/parts/") else whole}
    query = urlencode({name: text for name, text in values.items() if text is not None})
    return f"/sign-in?{query}" if query else "/sign-in"


def _sign_in_page(request: Request, told: str, status: int, follow: str | None = None) -> Response:
    # a link on another site brings no cookie along, also of who is signed in; a link here does
    visitor = request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET"
    follow = own_path(follow or request.query_params.get("next"))
    html = render(
        "sign_in.html", base=request.scope.get("root_path", ""), told=told, next=follow, visitor=visitor, viewer=None
    )
    return page_answer(html, status)
