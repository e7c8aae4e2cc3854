"""`sw.preview`: one computation for all who ask, by threads and by tasks, whatever becomes of the one who computes."""

from __future__ import annotations

import asyncio
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import psycopg_pool
import pytest

from harness.wait import wait_until
from syncwell import AsyncSyncwell, Syncwell
from syncwell.errors import (
    DuplicateRecordError,
    MalformedPreviewError,
    MalformedRecordsError,
    PreviewLeaseLostError,
    PreviewTooLargeError,
    UnknownSyncTypeError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Api
    from harness import Database
    from syncwell.preview import PreviewDelta

DELTA: PreviewDelta = {"new": [{"id": 1}], "updated": [], "deleted": []}
STATISTICS = {"new_count": 1, "updated_count": 0, "deleted_count": 0, "total_affected": 1}


async def test_what_goes_in_comes_out(api: Api, database: Database) -> None:
    connection = await api.connect(database.uri("a_service"), autocommit=True)
    async with connection:
        preview = api.client(connection).preview
        records = {"current": [{"sku": "a", "n": 1}, {"sku": "b"}], "incoming": [{"sku": "a", "n": 2}, {"sku": "c"}]}
        first = await preview.get_or_compute(
            sync_type="odoo", **records, params={"page": 1}, key="sku", ttl=timedelta(minutes=5), sync_id="s"
        )
        assert first.delta == await preview.compute_delta(**records, key="sku")
        assert first.delta["updated"] == [
            {"id": "a", "old_data": {"sku": "a", "n": 1}, "new_data": {"sku": "a", "n": 2}}
        ]
        assert first.expires_at - first.computed_at == timedelta(minutes=5)
        assert first.cache_key == "odoo:" + await preview.cache_key(params={"page": 1.0})
        again = await preview.get_or_compute(sync_type="odoo", current=[], incoming=[], params={"page": 1})
        assert (again.from_cache, again.delta) == (True, first.delta)
        got = await preview.get(cache_key=first.cache_key)
        assert got == await preview.get(preview_id=first.preview_id)
        assert (got.delta, got.sync_id, got.computed_by) == (first.delta, "s", None)
        (entry,) = await preview.entries(sync_type="odoo", sync_id="s")
        assert (entry.preview_id, entry.total_affected) == (first.preview_id, 3)
        assert await preview.invalidate(sync_id="s") == 1
        assert await preview.get(cache_key=first.cache_key) is None
    operator = await api.connect(database.uri("operator"), autocommit=True)
    async with operator:
        cleaned = await api.client(operator).preview.cleanup()
        assert (cleaned.deleted_count, cleaned.error_message) == (0, None)


async def test_a_claim_is_stored_or_given_back(api: Api, database: Database) -> None:
    connection = await api.connect(database.uri("a_service"), autocommit=True)
    async with connection:
        preview = api.client(connection).preview
        claim = await preview.claim(sync_type="odoo", params=[1], lease=timedelta(seconds=5))
        assert (claim.state, claim.delta) == ("claimed", None)
        assert (await preview.claim(sync_type="odoo", params=[1])).state == "computing"
        assert await preview.release(lease_token=claim.lease_token)
        assert not await preview.release(lease_token=claim.lease_token)
        with pytest.raises(PreviewLeaseLostError):
            await preview.store(lease_token=claim.lease_token, delta=DELTA)
        claim = await preview.claim(sync_type="odoo", params=[1])
        with pytest.raises(MalformedPreviewError):
            await preview.store(lease_token=claim.lease_token, delta={"new": []})
        stored = await preview.store(lease_token=claim.lease_token, delta=DELTA, ttl=timedelta(seconds=9), sync_id="s")
        assert stored.expires_at - stored.computed_at == timedelta(seconds=9)
        cached = await preview.claim(sync_type="odoo", params=[1])
        assert (cached.state, cached.preview_id, cached.lease_token) == ("cached", stored.preview_id, None)
        assert cached.delta == {**DELTA, "statistics": STATISTICS}


async def test_what_is_refused_is_raised_by_its_name(api: Api, database: Database) -> None:
    with psycopg.connect(database.uri()) as admin:
        admin.execute("select syncwell.set_setting('preview.max_bytes', '1024')")
    connection = await api.connect(database.uri("a_service"), autocommit=True)
    async with connection:
        preview = api.client(connection).preview
        asking: dict[str, Any] = {"sync_type": "odoo", "current": []}
        with pytest.raises(MalformedRecordsError):
            await preview.get_or_compute(**asking, incoming=[{"x": 1}])
        with pytest.raises(DuplicateRecordError):
            await preview.get_or_compute(**asking, incoming=[{"id": 1}, {"id": "1"}])
        with pytest.raises(PreviewTooLargeError):
            await preview.get_or_compute(**asking, incoming=[{"id": 1, "x": "x" * 1000}])
        with pytest.raises(UnknownSyncTypeError):
            await preview.claim(sync_type="magento", params=1)


@pytest.fixture
def pool(database: Database) -> Iterator[psycopg_pool.ConnectionPool[psycopg.Connection[Any]]]:
    with psycopg_pool.ConnectionPool(
        database.uri("a_service"), kwargs={"autocommit": True}, max_size=8, open=True
    ) as made:
        yield made


class Host:
    """What computes outside of the database, and counts how often it is asked to."""

    def __init__(self) -> None:
        self.times = 0
        self.may = threading.Event()

    def compute(self) -> PreviewDelta:
        self.times += 1
        assert self.may.wait(20)
        return DELTA


def test_50_threads_share_one_computation(pool: psycopg_pool.ConnectionPool[psycopg.Connection[Any]]) -> None:
    host = Host()
    preview = Syncwell(pool).preview
    with ThreadPoolExecutor(50) as threads:
        answers = [
            threads.submit(preview.shared, host.compute, sync_type="odoo", params={"page": 1}, poll=0.01)
            for _ in range(50)
        ]
        wait_until("one to compute", lambda: host.times)
        host.may.set()
        assert [answer.result(30) for answer in answers] == [{**DELTA, "statistics": STATISTICS}] * 50
    assert host.times == 1


def test_looking_before_computing_is_not_enough(pool: psycopg_pool.ConnectionPool[psycopg.Connection[Any]]) -> None:
    """The control: a cache without claims."""
    host = Host()
    preview = Syncwell(pool).preview

    def naive() -> None:
        if preview.get(cache_key="odoo:naive") is None:
            host.compute()

    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(naive) for _ in range(8)]
        wait_until("all to compute", lambda: host.times == 8)
        host.may.set()
        for answer in answers:
            answer.result(30)


def test_20_tasks_share_one_computation(database: Database) -> None:
    async def main() -> tuple[int, int]:
        times = 0

        async def compute() -> PreviewDelta:
            nonlocal times
            times += 1
            await asyncio.sleep(0)
            return DELTA

        async with psycopg_pool.AsyncConnectionPool(
            database.uri("a_service"), kwargs={"autocommit": True}, max_size=4, open=False
        ) as pool:
            shared = AsyncSyncwell(pool).preview.shared
            answers = await asyncio.gather(
                *(shared(compute, sync_type="odoo", params=None, poll=0.01) for _ in range(20))
            )
        assert all(answer["new"] == DELTA["new"] for answer in answers)
        return times, len(answers)

    assert asyncio.run(main()) == (1, 20)


async def test_when_computing_fails_the_next_one_computes_at_once(api: Api, database: Database) -> None:
    connection = await api.connect(database.uri("a_service"), autocommit=True)
    async with connection:
        preview = api.client(connection).preview
        is_async = inspect.iscoroutinefunction(getattr(preview, "_thing", preview).shared)
        made: list[Any] = [ZeroDivisionError(), {"new": []}, DELTA]

        def next_one() -> PreviewDelta:
            one = made.pop(0)
            if isinstance(one, Exception):
                raise one
            return one  # type: ignore[no-any-return]

        async def next_task() -> PreviewDelta:
            return next_one()

        asking: dict[str, Any] = {
            "compute": next_task if is_async else next_one, "sync_type": "odoo", "params": 1, "timeout": 0
        }  # fmt: skip
        with pytest.raises(ZeroDivisionError):
            await preview.shared(**asking)
        with pytest.raises(MalformedPreviewError):
            await preview.shared(**asking)
        assert (await preview.shared(**asking))["statistics"] == STATISTICS
        assert made == []
        # one that never comes back
        await preview.claim(sync_type="odoo", params=2)
        with pytest.raises(TimeoutError, match="longer than 0 s"):
            await preview.shared(**asking | {"params": 2})


def test_what_was_invalidated_while_it_was_computed_is_computed_anew(
    pool: psycopg_pool.ConnectionPool[psycopg.Connection[Any]],
) -> None:
    preview = Syncwell(pool).preview
    times: list[int] = []

    def compute() -> PreviewDelta:
        times.append(len(times))
        if len(times) == 1:
            preview.invalidate(sync_type="odoo")
        return {"new": [{"id": times[-1]}], "updated": [], "deleted": []}

    assert preview.shared(compute, sync_type="odoo", params=1)["new"] == [{"id": 1}]
    assert times == [0, 1]


def test_somebody_elses_transaction_is_no_place_to_wait_in(database: Database) -> None:
    with psycopg.connect(database.uri("a_service")) as connection, pytest.raises(ValueError, match="transaction"):
        Syncwell(connection).preview.shared(lambda: DELTA, sync_type="odoo", params=1)
