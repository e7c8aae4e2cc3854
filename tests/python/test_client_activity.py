"""`sw.activity`, both clients: what is told is what is read, and a page begins where the last one ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from harness import Tenants
from syncwell.errors import UnknownEntityTypeError, UnknownSyncActionError, UnknownUserError

if TYPE_CHECKING:
    from conftest import Api
    from harness import Database

MEMBER, OTHER = Tenants.id("a_member"), Tenants.id("a_other")


async def test_what_is_told_is_what_is_read(api: Api, database: Database) -> None:
    async with await api.connect(database.uri("a_service"), autocommit=True) as connection:
        sw = api.client(connection)
        started = datetime.now(UTC) - timedelta(minutes=1)
        ids = [
            await sw.activity.log(
                action="batch_process",
                status="failed",
                sync_id=f"sync-{number}",
                entity_type="order",
                record_count=number,
                duration_seconds=1.25,
                error_message="no route",
                user_id=MEMBER,
            )
            for number in range(5)
        ]
        entries = await sw.activity.entries()
        assert [entry.id for entry in entries] == ids[::-1]
        last = entries[0]
        assert (last.action, last.status, last.sync_id, last.entity_type) == (
            "batch_process",
            "failed",
            "sync-4",
            "order",
        )
        assert (last.record_count, last.duration_seconds, last.error_message, last.user_id) == (
            4,
            1.25,
            "no route",
            MEMBER,
        )
        assert started < last.created_at < datetime.now(UTC) + timedelta(minutes=1)

        first = await sw.activity.entries(user_id=MEMBER, status="failed", from_=started, limit=3)
        rest = await sw.activity.entries(
            user_id=MEMBER, status="failed", from_=started, limit=3, page_token=first[-1].page_token
        )
        assert [entry.id for entry in (*first, *rest)] == ids[::-1]
        assert await sw.activity.entries(to=started) == []
        assert await sw.activity.entries(action="manual_trigger") == []
        assert await sw.activity.entries(user_id=OTHER) == []
        assert [entry.sync_id for entry in await sw.activity.entries(sync_id="sync-1", entity_type="order")] == [
            "sync-1"
        ]


async def test_what_is_refused(api: Api, database: Database) -> None:
    async with await api.connect(database.uri("a_service"), autocommit=True) as connection:
        sw = api.client(connection)
        with pytest.raises(UnknownSyncActionError):
            await sw.activity.log(action="x")
        with pytest.raises(UnknownEntityTypeError):
            await sw.activity.log(action="sync_start", entity_type="x")
        with pytest.raises(UnknownUserError):
            await sw.activity.log(action="sync_start", user_id=Tenants.id("b_member"))
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            await sw.activity.log(action="sync_start", record_count=-1)
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            await sw.activity.entries(page_token="x")
        assert await sw.activity.entries() == []


async def test_operators_make_months(api: Api, database: Database) -> None:
    async with await api.connect(database.uri("operator"), autocommit=True) as connection:
        sw = api.client(connection)
        assert await sw.activity.ensure_partitions() == []
        made = await sw.activity.ensure_partitions(months_ahead=5)
        assert [part.moved_rows for part in made] == [0, 0]
