"""One test body for both clients: it is written with await, and the synchronous client is made awaitable for it.

And a browser for those who look at pages, and two orgs for those who go through the catalog.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import psycopg_pool
import pytest

import syncwell
from harness import UnavailableError, unavailable
from harness import browser as browsers
from harness.two_orgs import two_orgs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Cluster
    from harness.browser import Browser
    from harness.two_orgs import World

# what a synchronous class is in the asynchronous world; the classes of the clients are found by their names
TWINS: dict[type, type] = {
    psycopg.Connection: psycopg.AsyncConnection,
    psycopg.Cursor: psycopg.AsyncCursor,
    psycopg_pool.ConnectionPool: psycopg_pool.AsyncConnectionPool,
}


def twin(kind: type) -> type | None:
    if kind.__module__.startswith("syncwell.sync."):
        module = sys.modules[kind.__module__.replace(".sync.", ".aio.")]
        found: type = getattr(module, f"Async{kind.__name__}")
        return found
    return TWINS.get(kind)


class Twin:
    """A synchronous object whose methods are awaitable where those of its twin are."""

    def __init__(self, thing: Any) -> None:
        self._thing = thing

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._thing, name)
        if not inspect.ismethod(value):
            return wrapped(value)
        kind = twin(type(self._thing))
        if kind is not None and inspect.iscoroutinefunction(getattr(kind, name, None)):

            async def call(*args: Any, **options: Any) -> Any:
                return wrapped(value(*args, **options))

            return call
        return lambda *args, **options: wrapped(value(*args, **options))

    async def __aenter__(self) -> Any:
        return wrapped(self._thing.__enter__())

    async def __aexit__(self, *error: Any) -> Any:
        return self._thing.__exit__(*error)

    async def __aiter__(self) -> Any:
        for item in self._thing:
            yield item


def wrapped(value: Any) -> Any:
    return Twin(value) if twin(type(value)) or hasattr(type(value), "__enter__") else value


class Api:
    """The client under test and what it takes, of one kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    async def connect(self, uri: str, **options: Any) -> Any:
        if self.kind == "async":
            return await psycopg.AsyncConnection.connect(uri, **options)
        return Twin(psycopg.connect(uri, **options))

    def pool(self, uri: str, **options: Any) -> Any:
        if self.kind == "async":
            return psycopg_pool.AsyncConnectionPool(uri, open=False, **options)
        return Twin(psycopg_pool.ConnectionPool(uri, open=False, **options))

    def client(self, source: Any) -> Any:
        if self.kind == "async":
            return syncwell.AsyncSyncwell(source)
        return Twin(syncwell.Syncwell(source._thing))


@pytest.fixture(params=["sync", "async"])
def api(request: pytest.FixtureRequest) -> Api:
    return Api(request.param)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        with browsers.running() as browser:
            yield browser
    except UnavailableError as reason:
        unavailable("chromium", reason)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def` tests."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture(scope="module")
def world(cluster: Cluster) -> Iterator[World]:
    with two_orgs(cluster) as made:
        yield made
