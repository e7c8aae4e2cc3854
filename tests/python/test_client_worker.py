"""The queue's worker: what it does, fails, gives back and loses, as the database tells afterwards."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest

from syncwell.errors import OperationLeaseLostError, PayloadTooLargeError, UnknownOperationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from conftest import Api
    from harness import Database
    from syncwell.queue import ClaimedOperation

LEFT = "select operation_type, status, attempts, lease_owner from syncwell.sync_queue order by place"
DONE = "select operation_type, status, attempts from syncwell.sync_queue_archive order by finished_at, id"
NOBODYS = UUID(int=7)


def ask(database: Database, statement: str) -> list[Any]:
    with psycopg.connect(database.uri()) as connection:
        return connection.execute(statement.encode()).fetchall()


def tell(database: Database, statement: str) -> None:
    with psycopg.connect(database.uri()) as connection:
        connection.execute(statement.encode())


@asynccontextmanager
async def queues(api: Api, database: Database, *logins: str) -> AsyncIterator[list[Any]]:
    """`sw.queue` of each login."""
    async with AsyncExitStack() as stack:
        yield [
            api.client(await stack.enter_async_context(await api.connect(database.uri(login), autocommit=True))).queue
            for login in logins
        ]


def handler(api: Api, work: Callable[[ClaimedOperation], None]) -> Any:
    """The same work for both kinds of client."""

    async def wait(operation: ClaimedOperation) -> None:
        work(operation)

    return wait if api.kind == "async" else work


async def test_it_does_what_waits_and_the_database_decides_about_failures(database: Database, api: Api) -> None:
    async with queues(api, database, "a_member", "a_service") as (member, service):
        for kind in ("good", "bad", "worse"):
            await member.enqueue(operation_type=kind, payload={"to": kind})
        seen: list[Any] = []

        def work(operation: ClaimedOperation) -> None:
            seen.append(operation.payload)
            if operation.operation_type == "bad":
                raise ConnectionResetError(104, "down")
            if operation.operation_type == "worse":
                raise LookupError("HTTP 404 not found")

        worker = service.worker(handler(api, work), name="w1")
        assert await worker.run_once() == 3
        assert (worker.completed, worker.failed, worker.lost) == (1, 2, 0)
        assert {entry["to"] for entry in seen} == {"good", "bad", "worse"}
        assert ask(database, DONE) == [("good", "completed", 1)]
        assert ask(database, LEFT) == [("bad", "pending", 1, None), ("worse", "dead", 1, None)]
        (error,) = ask(database, "select last_error_type, last_error from syncwell.sync_queue where status = 'pending'")
        assert error == ("ECONNRESET", "[Errno 104] down")
        (dead,) = await member.operations(status="dead")
        assert (dead.operation_type, dead.dead_reason, dead.payload) == ("worse", "permanent", {"to": "worse"})
        assert await service.requeue_dead() == 1


async def test_told_to_stop_it_ends_what_it_began_and_gives_the_rest_back(database: Database, api: Api) -> None:
    async with queues(api, database, "a_member", "a_service") as (member, service):
        await member.enqueue_many(operations=[{"operation_type": str(n)} for n in range(5)])
        worker: Any = None

        def work(_: ClaimedOperation) -> None:
            worker.stop()

        worker = service.worker(handler(api, work), batch=5)
        await worker.run()
        assert worker.completed == 1
        assert [row[1:3] for row in ask(database, LEFT)] == [("pending", 0)] * 4


async def test_an_interrupt_gives_back_what_it_held(database: Database, api: Api) -> None:
    async with queues(api, database, "a_member", "a_service") as (member, service):
        await member.enqueue_many(operations=[{"operation_type": str(n)} for n in range(3)])

        def work(_: ClaimedOperation) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await service.worker(handler(api, work)).run()
        assert [row[1:3] for row in ask(database, LEFT)] == [("pending", 0)] * 3


async def test_what_was_handed_out_again_meanwhile_is_lost_and_not_done_twice_by_it(
    database: Database, api: Api
) -> None:
    async with (
        queues(api, database, "a_member", "a_service") as (member, service),
        queues(api, database, "a_service") as (other,),
    ):
        await member.enqueue(operation_type="a")
        taken: list[Any] = []

        async def take() -> None:
            tell(database, "update syncwell.sync_queue set run_at = run_at - interval '1 hour'")
            taken.extend(await other.claim())

        if api.kind == "async":

            async def work(_: ClaimedOperation) -> None:
                await take()
        else:

            def work(_: ClaimedOperation) -> None:  # type: ignore[misc]
                tell(database, "update syncwell.sync_queue set run_at = run_at - interval '1 hour'")
                taken.extend(other._thing.claim())

        worker = service.worker(work)
        await worker.run_once()
        assert (worker.completed, worker.lost) == (0, 1)
        assert len(taken) == 1
        assert taken[0].attempt == 2
        (done,) = await other.complete(operation_ids=[taken[0].operation_id], lease_token=taken[0].lease_token)
        assert done.outcome == "completed"


async def test_it_holds_what_it_works_on_for_as_long_as_it_takes(database: Database, api: Api) -> None:
    async with queues(api, database, "a_member", "a_service") as (member, service):
        await member.enqueue(operation_type="a")
        (claimed,) = await service.claim(lease=timedelta(seconds=10))
        (extended,) = await service.extend(
            operation_ids=[claimed.operation_id], lease_token=claimed.lease_token, lease=timedelta(hours=1)
        )
        assert extended.lease_until - claimed.lease_until > timedelta(minutes=50)
        assert await service.release(operation_ids=[claimed.operation_id], lease_token=claimed.lease_token) == 1
        assert await service.extend(operation_ids=[claimed.operation_id], lease_token=claimed.lease_token) == []


async def test_a_gateway_that_acts_for_nobody_works_for_every_org(database: Database, api: Api) -> None:
    orgs = []
    async with queues(api, database, "a_member", "b_member", "gateway") as (*members, gateway):
        for member in members:
            await member.enqueue(operation_type="a")
        worker = gateway.worker(handler(api, lambda operation: orgs.append(operation.org_id)))
        assert await worker.run_once() == 2
    assert worker.completed == 2
    assert len(set(orgs)) == 2


async def test_refusals_are_exceptions_of_their_own(database: Database, api: Api) -> None:
    async with queues(api, database, "a_member", "a_service") as (member, service):
        with pytest.raises(PayloadTooLargeError):
            await member.enqueue(operation_type="a", payload={"text": "x" * 2**20})
        first = await member.enqueue(operation_type="a")
        with pytest.raises(UnknownOperationError):
            await member.enqueue(operation_type="b", depends_on=[NOBODYS])
        with pytest.raises(UnknownOperationError):
            await service.fail(operation_id=NOBODYS, lease_token=NOBODYS)
        with pytest.raises(OperationLeaseLostError):
            await service.fail(operation_id=first.operation_id, lease_token=NOBODYS)
        places = await member.enqueue_many(operations=[{"operation_type": ""}, {"operation_type": "a"}])
        assert [(place.place, place.error_code, place.deduplicated) for place in places] == [
            (0, "22023", None),
            (1, None, True),
        ]
        (overall, *_) = await service.health()
        assert (overall.source, overall.depth, overall.ready) == (None, 1, 1)
        acquired = await service.acquire(bucket="api", cost=2)
        assert (acquired.allowed, acquired.tokens) == (True, 198)
        assert await member.report_client(device_id="phone", depth=3) is True


async def test_a_payload_that_python_cannot_read_harms_nobody_else(database: Database, api: Api) -> None:
    async with queues(api, database, "a_member", "b_member", "gateway") as (member, other, gateway):
        await other.enqueue(operation_type="good", payload={"n": 1})
        done = []
        for payload in ('{"n": ' + "1" * 5001 + "}", "[" * 5000 + "]" * 5000):
            with psycopg.connect(database.uri("a_member")) as connection:
                connection.execute("select from syncwell.enqueue_operation('poison', %s, p_priority => 9)", [payload])
        worker = gateway.worker(handler(api, lambda operation: done.append(operation.operation_type)))
        await worker.run_once()
        assert (done, worker.completed, worker.failed) == (["good"], 1, 2)
        dead = await member.operations(status="dead")
        assert [(operation.dead_reason, isinstance(operation.payload, str)) for operation in dead] == [
            ("permanent", True)
        ] * 2
