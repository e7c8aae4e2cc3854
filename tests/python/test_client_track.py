"""A tracked run: what is recorded when it ends well, fails, is interrupted, or is taken away."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from harness import Tenants, set_clock
from syncwell.errors import (
    LeaseLostError,
    NoIdentityError,
    ProgressBeyondTotalError,
    ProgressFinishedError,
    ProgressWentBackError,
    RunAlreadyFinishedError,
)

if TYPE_CHECKING:
    from conftest import Api
    from harness import Database

MEMBER = Tenants.id("a_member")


def ask(database: Database, statement: str, *parameters: object) -> dict[str, Any]:
    """The only row of a query by the superuser, who sees what is committed."""
    with psycopg.connect(database.uri(), row_factory=dict_row) as connection:
        (row,) = connection.execute(statement, parameters).fetchall()  # type: ignore[arg-type]
    return row


def event(database: Database, run: Any) -> dict[str, Any]:
    return ask(database, "select * from syncwell.sync_events where id = %s", run.event_id)


def progress(database: Database, run: Any) -> dict[str, Any]:
    return ask(database, "select * from syncwell.sync_progress where sync_id = %s::text", run.event_id)


def set_timeout(database: Database, value: str) -> None:
    with psycopg.connect(database.uri()) as connection:
        connection.execute("select syncwell.set_setting('runs.heartbeat_timeout', %s)", [value])


def reap(database: Database) -> None:
    """End every run as timeout, as if an hour had passed."""
    with psycopg.connect(database.uri()) as connection:
        row = connection.execute("select now() + interval '1 hour'").fetchone()
        assert row is not None
        set_clock(connection, row[0])
        assert connection.execute("select * from syncwell.reap_sync_runs()").fetchall()


async def heartbeat_after(database: Database, run: Any, before: Any) -> Any:
    """Wait for a heartbeat that is not this one."""
    for _ in range(500):
        at = event(database, run)["heartbeat_at"]
        if at != before:
            return at
        await asyncio.sleep(0.01)
    raise AssertionError("no heartbeat in 5 s")


async def lost(run: Any) -> None:
    """Wait until the heartbeat has learned of it."""
    run = getattr(run, "_thing", run)
    for _ in range(500):
        if run._lost is not None:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the heartbeat learned of nothing in 5 s")


async def client(api: Api, database: Database, login: str = "a_member") -> Any:
    """A client on a connection of its own, which is closed with the loop's end at the latest."""
    connection = await api.connect(database.uri(login), autocommit=True)
    return connection, api.client(connection)


async def test_a_run_that_ends_well(api: Api, database: Database) -> None:
    connection, sw = await client(api, database)
    async with connection:
        async with sw.runs.track("calls", "full", platform="android", report_every=0) as run:
            assert (run.attempt, run.is_new, run.sync_token) == (1, True, None)
            assert event(database, run)["status"] == "started"
            assert event(database, run)["heartbeat_at"] is not None
            await run.progress(3, 10, entity_type="product", metadata={"page": 1})
            assert progress(database, run)["processed_count"] == 3
            await run.progress(9)
            run.set_result(items_created=8)
            run.set_result(items_updated=1, sync_token_after="t1")
        assert run.failure is None
        assert (run.result.status, run.result.changed) == ("success", True)
        done = event(database, run)
        assert (done["items_processed"], done["items_failed"], done["items_created"], done["items_updated"]) == (
            9,
            0,
            8,
            1,
        )
        assert done["sync_token_after"] == "t1"
        shown = progress(database, run)
        assert (shown["status"], shown["total_items"], shown["entity_type"]) == ("completed", 10, "product")
        assert shown["metadata"] == {"page": 1}

        async with sw.runs.track("calls") as run:
            assert run.sync_token == "t1"
        assert event(database, run)["items_processed"] is None


async def test_items_that_failed_make_it_partial(api: Api, database: Database) -> None:
    connection, sw = await client(api, database)
    async with connection:
        async with sw.runs.track("calls") as run:
            await run.progress(7, 10, 3)
        assert run.result.status == "partial"
        assert event(database, run)["items_processed"] == 10
        assert progress(database, run)["status"] == "completed_with_errors"


async def test_progress_is_written_seldom_and_the_last_one_always(api: Api, database: Database) -> None:
    connection, sw = await client(api, database)
    async with connection, sw.runs.track("calls", report_every=3600) as run:
        await run.progress(1, 1000)
        for done in range(2, 1000):
            await run.progress(done)
        assert progress(database, run)["processed_count"] == 1
    assert progress(database, run)["processed_count"] == 999
    assert event(database, run)["items_processed"] == 999


async def test_a_result_overrides_what_was_counted(api: Api, database: Database) -> None:
    connection, sw = await client(api, database)
    async with connection:
        async with sw.runs.track("calls") as run:
            await run.progress(5)
            run.set_result(items_processed=50, items_failed=2)
        assert (run.result.status, event(database, run)["items_processed"]) == ("partial", 50)


class TeapotError(Exception):
    """As HTTP libraries make them."""

    class response:  # noqa: N801
        status_code = 503
        headers = {"Retry-After": "120"}  # noqa: RUF012


async def test_a_failure_is_recorded_and_raised_again(api: Api, database: Database) -> None:
    connection, sw = await client(api, database)
    async with connection:
        error = TeapotError("no answer")
        run = sw.runs.track("calls")
        with pytest.raises(TeapotError) as caught:
            await fail(run, error)
        assert caught.value is error
        assert not hasattr(error, "__notes__")
        assert run.result is None
        assert (run.failure.error_type, run.failure.error_class, run.failure.should_retry) == (
            "HTTP_503",
            "throttled",
            True,
        )
        failed = event(database, run)
        assert (failed["status"], failed["error_message"], failed["items_processed"]) == ("failed", "no answer", 4)
        assert progress(database, run)["status"] == "failed"
        assert progress(database, run)["processed_count"] == 4
        recorded = await sw.runs.get_error(error_id=run.failure.error_id)
        assert recorded.error_details["exception"].endswith("TeapotError")
        assert (run.failure.retry_at - failed["completed_at"]).total_seconds() >= 120


async def fail(run: Any, error: BaseException) -> None:
    async with run:
        await run.progress(2, 10)
        await run.progress(4)
        raise error


async def test_what_caused_the_exception_is_looked_at(api: Api, database: Database) -> None:
    connection, sw = await client(api, database)
    async with connection:
        try:
            try:
                raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
            except OSError as cause:
                raise RuntimeError("no answer from the shop") from cause
        except RuntimeError as error:
            run = sw.runs.track("calls")
            with pytest.raises(RuntimeError):
                await fail(run, error)
        assert run.failure.error_type == "ECONNREFUSED"
        assert event(database, run)["error_message"] == "no answer from the shop"


async def test_a_run_inside_a_run(api: Api, database: Database) -> None:
    pool = api.pool(database.uri("a_service"), min_size=1, max_size=2)
    await pool.open()
    async with pool:
        sw = api.client(pool)
        inner = sw.runs.track("calls", user_id=MEMBER)
        async with sw.runs.track("all") as outer:
            with pytest.raises(ValueError, match="bad page"):
                await fail(inner, ValueError("bad page"))
        assert event(database, outer)["status"] == "success"
        assert event(database, inner)["status"] == "failed"
        assert event(database, inner)["user_id"] == MEMBER


async def test_a_long_message_is_cut(api: Api, database: Database) -> None:
    connection, sw = await client(api, database)
    async with connection:
        run = sw.runs.track("calls")
        with pytest.raises(ValueError, match="x"):
            await fail(run, ValueError("x" * 2**20))
        assert event(database, run)["error_message"] == "x" * 8192
        run = sw.runs.track("calls")
        with pytest.raises(ValueError, match="a"):
            await fail(run, ValueError("a\0b\udc80"))
        assert event(database, run)["error_message"] == "ab?"


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, asyncio.CancelledError, SystemExit, GeneratorExit])
async def test_an_interruption_cancels_the_run(api: Api, database: Database, interruption: type[BaseException]) -> None:
    connection, sw = await client(api, database)
    async with connection:
        run = sw.runs.track("calls")
        with pytest.raises(interruption):
            await fail(run, interruption())
        assert event(database, run)["status"] == "cancelled"
        assert progress(database, run)["status"] == "cancelled"
        assert (run.result, run.failure) == (None, None)


async def test_a_cancelled_task_cancels_the_run(database: Database) -> None:
    import syncwell

    async with await psycopg.AsyncConnection.connect(database.uri("a_member"), autocommit=True) as connection:
        run = syncwell.AsyncSyncwell(connection).runs.track("calls")
        entered = asyncio.Event()

        async def work() -> None:
            async with run:
                entered.set()
                await asyncio.sleep(60)

        task = asyncio.create_task(work())
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert event(database, run)["status"] == "cancelled"


async def test_it_sends_heartbeats_while_the_block_works(api: Api, database: Database) -> None:
    set_timeout(database, "1 second")
    connection, sw = await client(api, database)
    async with connection:
        async with sw.runs.track("calls", report_every=3600) as run:
            first = event(database, run)["heartbeat_at"]
            await run.progress(1)
            await run.progress(5, failed=1)
            second = await heartbeat_after(database, run, first)
            assert event(database, run)["items_processed"] == 6
            await heartbeat_after(database, run, second)
            # the connection still is the block's
            assert (await sw.core.who_am_i()).user_id == MEMBER
        assert run.result.status == "partial"


async def test_a_run_that_was_reaped(api: Api, database: Database) -> None:
    set_timeout(database, "1 second")
    connection, sw = await client(api, database)
    async with connection:
        run = sw.runs.track("calls")
        with pytest.raises(LeaseLostError) as caught:
            await reaped_while(run, database)
        # there is nothing to record any more
        assert not hasattr(caught.value, "__notes__")
        assert event(database, run)["status"] == "timeout"
        assert (run.result, run.failure) == (None, None)


async def reaped_while(run: Any, database: Database) -> None:
    async with run:
        reap(database)
        await lost(run)
        await run.progress(1)
        raise AssertionError("progress should have said so")


async def test_a_run_that_was_reaped_ends_with_an_error(api: Api, database: Database) -> None:
    connection, sw = await client(api, database)
    async with connection:
        run = sw.runs.track("calls")
        with pytest.raises(LeaseLostError):
            async with run:
                reap(database)
        assert event(database, run)["status"] == "timeout"


async def test_progress_of_a_run_that_was_reaped_tells_of_the_lease(api: Api, database: Database) -> None:
    """Before a heartbeat could: the progress has ended with its run."""
    connection, sw = await client(api, database)
    async with connection:
        run = sw.runs.track("calls", report_every=0)
        with pytest.raises(LeaseLostError) as caught:
            async with run:
                await run.progress(1, 10)
                reap(database)
                await run.progress(2)
        assert not hasattr(caught.value, "__notes__")
        assert event(database, run)["status"] == "timeout"


async def test_a_run_that_somebody_cancelled(api: Api, database: Database) -> None:
    set_timeout(database, "1 second")
    connection, sw = await client(api, database)
    async with connection:
        run = sw.runs.track("calls")
        with pytest.raises(RunAlreadyFinishedError):
            async with run:
                with database.connect("a_admin", autocommit=True) as admin:
                    admin.execute("select syncwell.cancel_sync_run(%s)", [run.event_id])
                await lost(run)
                await run.progress(1)
        assert event(database, run)["status"] == "cancelled"


async def test_an_exception_in_a_run_that_was_reaped_keeps_its_own_way(api: Api, database: Database) -> None:
    connection, sw = await client(api, database)
    async with connection:
        run = sw.runs.track("calls")
        with pytest.raises(ZeroDivisionError) as caught:
            async with run:
                reap(database)
                raise ZeroDivisionError
        (note,) = caught.value.__notes__
        assert "could not record" in note
        assert "LeaseLostError" in note


async def test_when_the_failure_cannot_be_recorded_the_exception_wins(api: Api, database: Database) -> None:
    connection, sw = await client(api, database)
    async with connection:
        run = sw.runs.track("calls")
        with pytest.raises(ZeroDivisionError) as caught:
            async with run:
                with psycopg.connect(database.uri(), autocommit=True) as superuser:
                    superuser.execute("select pg_terminate_backend(%s, 5000)", [connection.pgconn.backend_pid])
                raise ZeroDivisionError
        assert "could not record this failure" in caught.value.__notes__[0]

    connection, sw = await client(api, database)
    async with connection:
        with pytest.raises(KeyboardInterrupt) as interrupted:
            async with sw.runs.track("calls"):
                with psycopg.connect(database.uri(), autocommit=True) as superuser:
                    superuser.execute("select pg_terminate_backend(%s, 5000)", [connection.pgconn.backend_pid])
                raise KeyboardInterrupt
        assert "could not cancel" in interrupted.value.__notes__[0]


async def test_a_count_that_the_database_refuses_fails_the_run(api: Api, database: Database) -> None:
    connection, sw = await client(api, database)
    async with connection:
        run = sw.runs.track("calls", report_every=0)
        with pytest.raises(ProgressWentBackError):
            async with run:
                await run.progress(5, 10)
                await run.progress(4)
        assert event(database, run)["status"] == "failed"

        # seen only when it is written: at the end
        run = sw.runs.track("calls", report_every=3600)
        with pytest.raises(ProgressBeyondTotalError):
            async with run:
                await run.progress(5, 10)
                await run.progress(11)
        assert event(database, run)["status"] == "failed"
        assert run.failure is not None


@pytest.mark.parametrize("autocommit", [True, False])
async def test_a_connection_with_transactions_of_its_own_is_refused(
    api: Api, database: Database, autocommit: bool
) -> None:
    async with await api.connect(database.uri("a_member"), autocommit=autocommit) as connection:
        run = api.client(connection).runs.track("calls")
        async with connection.transaction():
            with pytest.raises(ValueError, match=r"pass (Async)?Syncwell a pool, or a connection in autocommit mode"):
                await run.__aenter__()
        if not autocommit:
            with pytest.raises(ValueError, match="pass"):
                await run.__aenter__()
        with psycopg.connect(database.uri()) as superuser:
            assert superuser.execute("select from syncwell.sync_events").fetchall() == []


async def test_progress_inside_a_transaction_is_refused(api: Api, database: Database) -> None:
    connection, sw = await client(api, database)
    async with connection:
        run = sw.runs.track("calls")
        with pytest.raises(ValueError, match="pass"):
            async with run, connection.transaction():
                await run.progress(1)
        assert event(database, run)["status"] == "failed"


async def test_a_heartbeat_never_gets_into_somebody_elses_transaction(api: Api, database: Database) -> None:
    set_timeout(database, "1 second")
    connection, sw = await client(api, database)
    async with connection, sw.runs.track("calls") as run:
        first = event(database, run)["heartbeat_at"]
        async with connection.transaction():
            # the beat that is due now: it comes again soon instead of writing
            assert 0 < await run._beat() < 0.3
            assert event(database, run)["heartbeat_at"] == first
        await heartbeat_after(database, run, first)


async def test_a_run_key_that_is_there_already(api: Api, database: Database) -> None:
    connection, sw = await client(api, database)
    async with connection:
        key = str(uuid4())
        started = await sw.runs.start(source="calls", run_key=key)
        async with sw.runs.track("calls", run_key=key) as run:
            assert (run.event_id, run.is_new) == (started.event_id, False)
        assert run.result.status == "success"
        with pytest.raises(RunAlreadyFinishedError):
            await sw.runs.track("calls", run_key=key).__aenter__()


async def test_it_is_entered_once(api: Api, database: Database) -> None:
    connection, sw = await client(api, database)
    async with connection:
        run = sw.runs.track("calls")
        async with run:
            pass
        with pytest.raises(RuntimeError, match="call track"):
            await run.__aenter__()


async def test_progress_that_was_complete_does_not_go_on(api: Api, database: Database) -> None:
    connection, sw = await client(api, database)
    async with connection:
        run = sw.runs.track("calls", report_every=0)
        with pytest.raises(ProgressFinishedError):
            async with run:
                await run.progress(10, 10)
                await run.progress(10, 10)
                await run.progress(11, 20)
        assert event(database, run)["status"] == "failed"


async def test_a_run_whose_first_heartbeat_fails_is_cancelled(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, sw = await client(api, database)
    async with connection:
        runs = getattr(sw.runs, "_thing", sw.runs)

        def heartbeat(**_: object) -> None:
            raise OSError("no network")

        monkeypatch.setattr(runs, "heartbeat", heartbeat)
        run = sw.runs.track("calls")
        with pytest.raises(OSError, match="no network"):
            await run.__aenter__()
        assert event(database, run)["status"] == "cancelled"


async def test_a_retry_that_was_claimed(api: Api, database: Database) -> None:
    connection, sw = await client(api, database)
    async with connection:
        error_id = await sw.runs.create_error(source="calls", message="bad webhook")
        await sw.runs.schedule_retry(error_id=error_id)
        with psycopg.connect(database.uri()) as superuser:
            superuser.execute("update syncwell.sync_errors set next_retry_at = now()")
        (due,) = await sw.runs.claim_due_retries()
        async with sw.runs.track(due.source, retry_of=due.error_id, retry_lease=due.retry_lease) as run:
            assert run.attempt == 2
        assert (await sw.runs.get_error(error_id=error_id)).resolved_at is not None


async def test_a_bound_client_on_a_pool(api: Api, database: Database) -> None:
    set_timeout(database, "1 second")
    pool = api.pool(database.uri("gateway"), min_size=1, max_size=2)
    await pool.open()
    async with pool:
        async with api.client(pool).as_user(MEMBER).runs.track("calls") as run:
            await run.progress(1, 2)
            await heartbeat_after(database, run, event(database, run)["heartbeat_at"])
        done = event(database, run)
        assert (done["status"], done["user_id"]) == ("success", MEMBER)
        with pytest.raises(NoIdentityError):
            await api.client(pool).runs.track("calls").__aenter__()
