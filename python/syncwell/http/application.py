"""The endpoints."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import select
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from syncwell.aio._caller import AsyncPool
from syncwell.aio.client import AsyncSyncwell
from syncwell.errors import PullTooLargeError, UnknownUserError, error_classes
from syncwell.http.answers import StreamedAnswer, answer, takes_gzip
from syncwell.http.batches import batch_of, rejected
from syncwell.http.body import Body, read_body
from syncwell.http.config import Config
from syncwell.http.dashboard import dashboard_routes
from syncwell.http.envelope import PullArguments, pull_arguments, push_arguments
from syncwell.http.events.hub import Hub
from syncwell.http.events.stream import EventStream, asked, seconds_left
from syncwell.http.limits import Bucket, Buffered, Rate, Turns, take_of_org
from syncwell.http.previews import Comparison, preview_of
from syncwell.http.problems import Problem, failed, http_status, reported, unavailable
from syncwell.http.scrapes import MEDIA, accepted_format, is_scraper
from syncwell.http.signin import cookie_token
from syncwell.http.stopping import when_told_to_stop
from syncwell.http.tokens import Verifier, refused

__all__ = ["app", "from_environment", "not_ready"]

_logger = logging.getLogger("syncwell.http")
_PULL_MAX = 1024 * 1024
_READY_SECONDS = 5.0

READY = """
select
  case
    when to_regprocedure('syncwell.who_am_i()') is null then 'schema'
    when to_regproc('syncwell.sync_pull') is null or to_regproc('syncwell.ingest_batch') is null then 'old'
    when not has_function_privilege('syncwell.act_as(uuid)', 'execute') then 'login'
  end
"""
GATEWAY = "select kind is not distinct from 'gateway' from syncwell.who_am_i()"
_REASONS = {
    "schema": "The database has no syncwell.",
    "old": "The database has a syncwell that cannot sync yet.",
    "login": "The server's login is not a gateway.",
}


def app(config: Config, *, pool: AsyncPool | None = None) -> Starlette:
    """Return the ASGI application.

    Args:
        config: how to serve.
        pool: an open pool of connections as a gateway login, which stays its owner's to close; None: one of its own.
    """
    server = Server(config, pool)
    middleware = (
        [
            Middleware(
                CORSMiddleware,
                allow_origins=list(config.cors_origins),
                allow_methods=["GET", "POST"],
                allow_headers=["authorization", "cache-control", "content-type", "content-encoding", "last-event-id"],
            )
        ]
        if config.cors_origins
        else []
    )
    application = Starlette(
        routes=[
            Route("/sync/pull", server.pull, methods=["POST"]),
            Route("/sync/push", server.push, methods=["POST"]),
            Route("/sync/batch", server.batch, methods=["POST"]),
            Route("/sync/preview", server.preview, methods=["POST"]),
            Route("/sync/events", server.events, methods=["GET"]),
            Route("/healthz", server.healthz, methods=["GET"]),
            Route("/readyz", server.readyz, methods=["GET"]),
            *([Route("/metrics", server.metrics, methods=["GET"])] if config.metrics or config.metrics_token else []),
            *dashboard_routes(config, server),
        ],
        middleware=middleware,
        exception_handlers={HTTPException: _unrouted},
        lifespan=server.lifespan,
    )
    application.router.redirect_slashes = False
    return application


def from_environment() -> Starlette:
    """Return the ASGI application as the environment says; a factory for servers with several workers."""
    return app(Config.from_environment(os.environ))


async def not_ready(connection: psycopg.AsyncConnection[Any]) -> str | None:
    """Why requests cannot be served on this connection; None: they can."""
    row = await (await connection.execute(READY)).fetchone()
    reason: str | None = None if row is None else row[0]
    if reason is None:
        row = await (await connection.execute(GATEWAY)).fetchone()
        if row is None or not row[0]:
            reason = "login"
    return None if reason is None else _REASONS[reason]


class _Pool:
    """A pool that gives no connection at which the server has hung up, as it does with all when it is restarted."""

    def __init__(self, pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]]) -> None:
        self._pool = pool

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[psycopg.AsyncConnection[Any]]:
        connection = await self._pool.getconn()
        # psycopg's own check asks the server, and pauses for a second before it tries the next one
        while _hung_up(connection):
            await connection.close()
            await self._pool.putconn(connection)
            connection = await self._pool.getconn()
        try:
            async with connection:
                yield connection
        finally:
            await self._pool.putconn(connection)

    async def close(self) -> None:
        await self._pool.close()


def _hung_up(connection: psycopg.AsyncConnection[Any]) -> bool:
    """Whether there is something to read: an idle server has nothing to say but its end."""
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    return bool(poll.poll(0))


async def _unrouted(request: Request, error: Exception) -> Response:
    del request
    refusal = cast("HTTPException", error)
    return Problem(refusal.status_code, headers=refusal.headers).response()


def _answered(
    handle: Callable[[Server, Request], Awaitable[Response]],
) -> Callable[[Server, Request], Awaitable[Response]]:
    """Whatever goes wrong becomes an answer; what is the server's fault stands in its log, and only there."""

    async def endpoint(self: Server, request: Request) -> Response:
        try:
            # what a request takes it has until it is answered
            async with AsyncExitStack() as request.state.taken:
                return await handle(self, request)
        except ClientDisconnect:
            return Problem(400, "The request was not finished.").response()
        except Exception as error:
            return reported(error, request.url.path).response()

    return endpoint


def _refusal(document: dict[str, Any]) -> Problem:
    """What the database refused and remembers."""
    error: dict[str, Any] = document.get("error") or {}
    code: str = error.get("code") or "XX000"
    known = error_classes().get(code)
    status = error.get("status") or (http_status(code) if known is None else known.http_status)
    problem = failed(status, code, error.get("message") or "it failed", error.get("detail"), error.get("hint"))
    if problem.status >= 500:
        _logger.error("what was sent could not be stored: %s (%s)", error, problem.instance)
    return problem


class Server:
    """What the endpoints share."""

    def __init__(self, config: Config, pool: AsyncPool | None) -> None:
        self._config = config
        self._verifier = Verifier(config)
        self._rate = Rate(config.rate, config.burst)
        # one user, whose requests may wait for each other, leaves connections for all others
        self._turns = Turns(max(1, config.pool_max // 2), config.pool_timeout)
        self._buffered = Buffered(config.max_buffered)
        self._streams = asyncio.Semaphore(config.streams)
        self._given = pool
        self._own: _Pool | None = None
        self._opening = asyncio.Lock()
        self._scraping = asyncio.Lock()
        self._hub = Hub(config, self._pool)

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncGenerator[None]:
        """Open the pool, close it when the last request is answered."""
        await self._pool()
        try:
            # a server that ends waits for all answers, and streams of events are none that end by themselves
            with when_told_to_stop(self._hub.stop):
                yield
        finally:
            await self._hub.close()
            own, self._own = self._own, None
            if own is not None:
                await own.close()

    @_answered
    async def pull(self, request: Request) -> Response:
        """POST /sync/pull."""
        user = self._user(request)
        body = Body(self._buffered)
        try:
            await read_body(request, min(_PULL_MAX, self._config.max_body), self._config.body_timeout, body)
            arguments = pull_arguments(body.data())
        finally:
            body.release()
        await self._take(request, user, "http.pull")
        # what has no cursor is everything; a delta is small, and where it is not it says so before it is sent
        if arguments["limit"] is None and arguments["last_pulled_at"] in (None, 0):
            return await self._streamed(request, user, arguments)
        try:
            client = (await self._client()).as_user(user)
            text = await self._in_time(client.delta.pull_text(**arguments))
        except PullTooLargeError:
            if arguments["limit"] is not None:
                raise
            return await self._streamed(request, user, arguments)
        except UnknownUserError:
            raise refused("The token is not valid.") from None
        return await answer(request, text.encode())

    @_answered
    async def push(self, request: Request) -> Response:
        """POST /sync/push."""
        user = self._user(request)
        body = Body(self._buffered)
        try:
            await read_body(request, self._config.max_body, self._config.body_timeout, body)
            arguments = push_arguments(body.data())
            await self._take(request, user, "http.push")
            client = (await self._client()).as_user(user)
            told = await self._in_time(client.delta.push_text(**arguments))
        except UnknownUserError:
            raise refused("The token is not valid.") from None
        finally:
            body.release()
        document: dict[str, Any] = json.loads(told)
        if document.get("success") is True:
            return await answer(request, told.encode())
        raise _refusal(document)

    @_answered
    async def batch(self, request: Request) -> Response:
        """POST /sync/batch."""
        user = self._user(request)
        body = Body(self._buffered)
        try:
            await read_body(request, self._config.max_body, self._config.body_timeout, body)
            batch = batch_of(body.data())
            await self._take(request, user, "http.batch")
            client = (await self._client()).as_user(user)
            document: dict[str, Any] = json.loads(await self._in_time(batch.send(client.ingest)))
        except UnknownUserError:
            raise refused("The token is not valid.") from None
        finally:
            body.release()
        if document.get("success") is True:
            return await answer(request, json.dumps(batch.answer(document)).encode())
        problem = _refusal(document)
        problem.document |= rejected(document)
        raise problem

    @_answered
    async def preview(self, request: Request) -> Response:
        """POST /sync/preview."""
        user = self._user(request)
        body = Body(self._buffered)
        try:
            await read_body(request, self._config.max_body, self._config.body_timeout, body)
            wanted = preview_of(body.data())
            await self._take(request, user, "http.preview")
            if isinstance(wanted, Comparison):
                return await answer(request, (await self._in_time(wanted.send(await self._pool(), user))).encode())
            client = (await self._client()).as_user(user)
            told = await self._in_time(
                client.delta.preview_push_text(
                    changes=wanted["changes"],
                    last_pulled_at=wanted["last_pulled_at"],
                    device_id=wanted["device_id"],
                )
            )
        except UnknownUserError:
            raise refused("The token is not valid.") from None
        finally:
            body.release()
        document: dict[str, Any] = json.loads(told)
        if document.get("success") is True:
            return await answer(request, told.encode())
        raise _refusal(document)

    @_answered
    async def events(self, request: Request) -> Response:
        """GET /sync/events."""
        if request.method == "HEAD":
            # which has no end either, and nothing that tells whether anybody is there
            raise Problem(405, headers={"allow": "GET"})
        config = self._config
        authorization = request.headers.get("authorization")
        # a browser's own pages have a cookie; what a script on another site has is never looked at
        token = cookie_token(request) if authorization is None else None
        user, ends = self._verifier.bearer(authorization) if token is None else self._verifier.session(token)
        self._rate.take(user)
        names, sessions = asked(request)
        seconds = seconds_left(ends, config.events_seconds)
        subscriber = await self._hub.subscribe(user, names, sessions)
        return EventStream(subscriber, self._hub.leave, seconds, config.stall_timeout)

    async def healthz(self, request: Request) -> Response:
        """GET /healthz: the process answers."""
        del request
        return JSONResponse({"status": "ok"}, headers={"cache-control": "no-store"})

    @_answered
    async def readyz(self, request: Request) -> Response:
        """GET /readyz: the database does too, and has what is needed."""
        del request
        pool = await self._pool()
        try:
            async with asyncio.timeout(_READY_SECONDS), pool.connection() as connection:
                reason = await not_ready(connection)
        except (psycopg.Error, TimeoutError):
            raise unavailable("The database cannot be reached.") from None
        if reason is not None:
            raise unavailable(reason)
        return JSONResponse({"status": "ready"}, headers={"cache-control": "no-store"})

    @_answered
    async def metrics(self, request: Request) -> Response:
        """GET /metrics: with the scrape token, or as an analyst."""
        config = self._config
        client = AsyncSyncwell(await self._pool())
        if not is_scraper(config, request.headers.get("authorization")):
            if not config.metrics:
                raise refused("The token is not valid.")
            client = client.as_user(self._user(request))
        elif config.metrics_org is not None:
            client = client.as_org(config.metrics_org)
        wanted = accepted_format(request)
        try:
            # one at a time: whoever scrapes in haste takes no connection from those who sync
            async with asyncio.timeout(config.pool_timeout + config.statement_timeout), self._scraping:
                text = await client.ops.openmetrics(format=wanted)
        except UnknownUserError:
            raise refused("The token is not valid.") from None
        found = await answer(request, text.encode())
        found.headers["content-type"] = MEDIA[wanted]
        found.headers["vary"] = "accept, accept-encoding, authorization"
        return found

    def session(self, token: str) -> tuple[UUID, datetime]:
        """Whose token it is and when it ends, for the dashboard; counted as any request is."""
        user, ends = self._verifier.session(token)
        self._rate.take(user)
        return user, ends

    async def client(self, user: UUID) -> AsyncSyncwell:
        """Calls as this user."""
        return (await self._client()).as_user(user)

    async def turn(self, request: Request, user: UUID) -> None:
        """Wait for a turn of this user's, and have it until the request is answered."""
        await request.state.taken.enter_async_context(self._turns.turn(user))

    def _user(self, request: Request) -> UUID:
        user = self._verifier.user(request.headers.get("authorization"))
        self._rate.take(user)
        return user

    async def _take(self, request: Request, user: UUID, bucket: Bucket) -> None:
        """Before the work, and only for what can be done."""
        await request.state.taken.enter_async_context(self._turns.turn(user))
        if self._config.org_limits:
            try:
                async with asyncio.timeout(self._config.pool_timeout + self._config.statement_timeout):
                    await take_of_org(await self._pool(), user, bucket)
            except UnknownUserError:
                raise refused("The token is not valid.") from None

    async def _pool(self) -> AsyncPool:
        if self._given is not None:
            return self._given
        async with self._opening:
            if self._own is None:
                config = self._config
                pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]] = AsyncConnectionPool(
                    config.dsn,
                    kwargs={
                        "autocommit": True,
                        "fallback_application_name": "syncwell serve",
                        "prepare_threshold": 5 if config.prepare else None,
                    },
                    min_size=config.pool_min,
                    max_size=config.pool_max,
                    timeout=config.pool_timeout,
                    # then a request begins anew, instead of waiting for an attempt that waits longer and longer
                    reconnect_timeout=config.pool_timeout / 2,
                    open=False,
                )
                await pool.open()
                self._own = _Pool(pool)
            return self._own

    async def _client(self) -> AsyncSyncwell:
        return AsyncSyncwell(await self._pool())

    async def _in_time(self, call: Awaitable[str]) -> str:
        # on this side: a pooler in between would refuse the setting, or keep it for somebody else
        async with asyncio.timeout(self._config.pool_timeout + self._config.statement_timeout):
            return await call

    async def _streamed(self, request: Request, user: UUID, arguments: PullArguments) -> Response:
        config = self._config
        client = (await self._client()).as_user(user)
        async with AsyncExitStack() as leave:
            async with asyncio.timeout(config.pool_timeout):
                await self._streams.acquire()
            leave.callback(self._streams.release)

            def opened() -> Any:
                return client.delta.pull_stream(
                    last_pulled_at=arguments["last_pulled_at"],
                    schema_version=arguments["schema_version"],
                    migration=arguments["migration"],
                    tables=arguments["tables"],
                    device_id=arguments["device_id"],
                    created_as_updated=arguments["created_as_updated"],
                    client=arguments["client"],
                    timeout=config.stream_timeout,
                    stall=config.stall_timeout,
                )

            try:
                stream = await leave.enter_async_context(opened())
            except psycopg.errors.SerializationFailure:
                # the first look after the database was moved; the next one sees what it did
                stream = await leave.enter_async_context(opened())
            except UnknownUserError:
                raise refused("The token is not valid.") from None
            first = await stream.read()
            if stream.complete:
                return await answer(request, first)
            return StreamedAnswer(first, stream, leave.pop_all(), config.stall_timeout, compressed=takes_gzip(request))
