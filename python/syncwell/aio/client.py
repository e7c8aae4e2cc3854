"""The asynchronous client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, LiteralString, Self
from uuid import UUID

from psycopg import AsyncConnection

from syncwell.aio._caller import AsyncCaller, AsyncPool
from syncwell.aio.activity import AsyncActivity
from syncwell.aio.alerts import AsyncAlerts
from syncwell.aio.core import AsyncCore
from syncwell.aio.delta import AsyncDelta
from syncwell.aio.health import AsyncHealth
from syncwell.aio.ingest import AsyncIngest
from syncwell.aio.listening import AsyncListening
from syncwell.aio.metrics import AsyncMetrics
from syncwell.aio.ops import AsyncOps
from syncwell.aio.preview import AsyncPreview
from syncwell.aio.progress import AsyncProgress
from syncwell.aio.queue import AsyncQueue
from syncwell.aio.runs import AsyncRuns
from syncwell.listening import CHANNELS, Channel

__all__ = ["AsyncSyncwell"]


class AsyncSyncwell:
    """The functions of syncwell in a PostgreSQL database, by domain.

    The domains are `runs`, `activity`, `progress`, `queue`, `ingest`, `delta`, `preview`, `metrics`, `health`,
    `alerts`, `ops` and `core`.

    Every method is one call of the SQL function that its docstring names. What that function refuses is raised as a
    `SyncwellError` or as the psycopg exception of the standard SQLSTATE.

    On an idle connection a call is a transaction of its own and leaves the connection idle, with autocommit or
    without; inside a transaction it is part of it, and whoever opened the transaction commits or rolls back. From a
    pool each call takes one connection and gives it back. Nothing is closed that the package did not open.

    Calls on one connection wait for each other, also between threads or tasks and between bound clients; they do not
    know of what else is done with the connection.

    Args:
        conn_or_pool: a psycopg `AsyncConnection`, or an open pool of them (psycopg_pool's `AsyncConnectionPool`).
    """

    def __init__(self, conn_or_pool: AsyncConnection[Any] | AsyncPool) -> None:
        self._use(AsyncCaller(conn_or_pool))

    def _use(self, caller: AsyncCaller) -> None:
        self._caller = caller
        self.runs = AsyncRuns(caller)
        self.activity = AsyncActivity(caller)
        self.progress = AsyncProgress(caller)
        self.queue = AsyncQueue(caller)
        self.ingest = AsyncIngest(caller)
        self.delta = AsyncDelta(caller)
        self.preview = AsyncPreview(caller)
        self.metrics = AsyncMetrics(caller)
        self.health = AsyncHealth(caller)
        self.alerts = AsyncAlerts(caller)
        self.ops = AsyncOps(caller)
        self.core = AsyncCore(caller)

    def as_user(self, user_id: UUID) -> Self:
        """Return a client on the same connection or pool whose every call is made as this user.

        Only for gateway logins; others get 42501, and an unknown user raises `UnknownUserError` at the call.
        On an idle connection BEGIN, `syncwell.act_as`, the call and COMMIT go out together, and nothing of the
        identity is left when it returns. Inside a transaction the identity stays until the transaction ends.

        Args:
            user_id: a registered user.
        """
        return self._acting("select syncwell.act_as(p_user_id => %(act_id)s::uuid)", user_id)

    def as_org(self, org_id: UUID) -> Self:
        """Return a client on the same connection or pool whose every call is made as a service of this org.

        Only for gateway logins; the same rules as for `as_user`. An unknown org raises `UnknownOrgError`.

        Args:
            org_id: a registered org.
        """
        return self._acting("select syncwell.act_as_org(p_org_id => %(act_id)s::uuid)", org_id)

    def listen(
        self,
        *,
        channels: Sequence[Channel] = CHANNELS,
        timeout: float | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> AsyncListening:
        """Return what listens to the database: enter it, then iterate over its notifications.

        The connection is the listener's as long as the block lasts, and may be used for other calls by whoever is told
        something. NOTIFY has no history: after entering it read how things are, and after a connection that was lost
        (`psycopg.OperationalError`) begin anew. Not through a pooler that shares connections between transactions.

        Args:
            channels: what to listen to.
            timeout: after how many seconds the iteration ends; None: it goes on.
            stop: asked once a second, and after each notification; the iteration ends once it says so.

        Raises:
            ValueError: the client acts for somebody; or, on entering, its connection is not in autocommit mode, or is
                inside of a transaction.
        """
        return self._caller.listening(channels, timeout, stop)

    def _acting(self, act: LiteralString, act_id: UUID) -> Self:
        client = type(self).__new__(type(self))
        client._use(self._caller.acting(act, act_id))
        return client
