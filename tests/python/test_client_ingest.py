"""`sw.ingest`: what goes in, what is told of it, and what is raised."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
import pytest

from harness import Tenants
from harness.damaged import damage
from syncwell.errors import (
    BatchRefusedError,
    BatchTooLargeError,
    UnknownMergeError,
    UnknownSessionError,
    UnknownUserError,
)
from syncwell.ingest import MissingRecords, RecordCounts, RejectedRow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conftest import Api
    from harness import Database

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
MEMBER, OTHER = Tenants.id("a_member"), Tenants.id("a_other")


def at(seconds: int) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


@asynccontextmanager
async def ingest(api: Api, database: Database, login: str = "a_member", **options: Any) -> AsyncIterator[Any]:
    options = {"autocommit": True} | options
    async with await api.connect(database.uri(login), **options) as connection:
        yield api.client(connection).ingest


def ask(database: Database, statement: str) -> list[Any]:
    with psycopg.connect(database.uri()) as connection:
        return connection.execute(statement.encode()).fetchall()


async def test_a_name_stands_for_one_id(api: Api, database: Database) -> None:
    async with ingest(api, database) as sw, ingest(api, database, "a_service") as service:
        first = await sw.resolve_local_id(entity_type="session", local_id="IHHT_1", device_id="phone")
        assert first.created
        again = await sw.resolve_local_id(entity_type="session", local_id="IHHT_1")
        assert (again.server_id, again.created) == (first.server_id, False)
        # a service says whose it is
        assert await service.resolve_local_id(entity_type="session", local_id="IHHT_1", user_id=MEMBER) == again
        with pytest.raises(UnknownUserError):
            await sw.resolve_local_id(entity_type="session", local_id="IHHT_1", user_id=OTHER)


async def test_batches_are_stored_once_and_rejections_named(api: Api, database: Database) -> None:
    async with ingest(api, database) as sw:
        rows: list[Any] = [{"occurred_at": at(n), "spo2": 95.5} for n in range(3)]
        first = await sw.batch(kind="reading", rows=[*rows, {"spo2": 95}, 7], session="IHHT_1")
        assert (first.received, first.inserted, first.duplicates, first.updated, first.rejected) == (5, 3, 0, 0, 2)
        assert [(one.position, one.reason) for one in first.rejections] == [(3, "missing_time"), (4, "not_an_object")]
        assert isinstance(first.rejections[0], RejectedRow)
        assert first.rejected_by_reason == {"missing_time": 1, "not_an_object": 1}
        assert isinstance(first.session_id, UUID)
        assert first.clock_skew_seconds is None
        again = await sw.batch(kind="reading", rows=rows, session=str(first.session_id))
        assert (again.inserted, again.duplicates, again.rejections) == (0, 3, ())

        ahead = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
        events = await sw.batch(
            kind="event", source="calls", rows=[{"external_id": 1, "occurred_at": at(0), "written_at": ahead}]
        )
        assert events.session_id is None
        assert events.clock_skew_seconds == pytest.approx(7200, abs=60)
        # as text, as a server passes it on
        text = await sw.batch_text(kind="event", source="calls", rows=f'[{{"occurred_at":"{at(0)}"}}]')
        assert '"success": true' in text


async def test_all_or_nothing_is_remembered(api: Api, database: Database) -> None:
    rows = [{"occurred_at": at(0), "spo2": 95}, {"spo2": 95}]
    async with ingest(api, database) as sw:
        with pytest.raises(BatchRefusedError) as caught:
            await sw.batch(kind="event", source="calls", rows=rows, strict=True)
        assert [(one["position"], one["reason"]) for one in caught.value.rejections] == [(1, "missing_time")]
        with pytest.raises(BatchRefusedError) as caught:
            await sw.sync_session(document={"local_id": "IHHT_1", "started_at": at(0), "readings": rows})
        assert [(one["kind"], one["position"]) for one in caught.value.rejections] == [("reading", 1)]
    assert ask(database, "select count(*) from syncwell.data_events") == [(0,)]
    assert ask(database, "select count(*) from syncwell.session_records") == [(0,)]
    # committed, though it raised
    assert ask(database, "select sync_status, last_error_code from syncwell.sync_sessions") == [("failed", "SW502")]
    assert ask(database, "select source, status from syncwell.sync_events order by 1") == [
        ("calls", "failed"),
        ("sessions", "failed"),
    ]


async def test_a_refusal_leaves_the_callers_transaction_alive(api: Api, database: Database) -> None:
    async with await api.connect(database.uri("a_member")) as connection:
        sw = api.client(connection).ingest
        async with connection.transaction():
            with pytest.raises(BatchRefusedError):
                await sw.batch(kind="reading", session="s", rows=[{}], strict=True)
            await sw.batch(kind="reading", session="s", rows=[{"occurred_at": at(0), "spo2": 95}])
    assert ask(database, "select count(*) from syncwell.session_records") == [(1,)]


async def test_too_much_at_once_is_refused(api: Api, database: Database) -> None:
    with psycopg.connect(database.uri()) as connection:
        connection.execute("select syncwell.set_setting('ingest.max_rows', '2')")
    async with ingest(api, database) as sw:
        with pytest.raises(BatchTooLargeError):
            await sw.batch(kind="reading", session="s", rows=[{}] * 3)


async def test_a_session_from_its_start_to_its_end(api: Api, database: Database) -> None:
    async with ingest(api, database) as sw:
        before = await sw.batch(kind="reading", rows=[{"occurred_at": at(1), "spo2": 95}], session="IHHT_1")
        started = await sw.start_session(
            local_id="IHHT_1", started_at=START, data_source="bluetooth", expected={"reading": 3}, platform="ios",
            metadata={"plan": "a"},
        )  # fmt: skip
        assert (started.session_id, started.created, started.status) == (before.session_id, True, "active")
        assert not (await sw.start_session(local_id="IHHT_1")).created
        answer = await sw.sync_session(
            document={
                "local_id": "IHHT_1", "readings": [{"occurred_at": at(n), "spo2": 90 + n} for n in range(2)],
                "survey_pre": {"occurred_at": at(0), "mood": 3},
            },
            device_id="phone",
        )  # fmt: skip
        assert (answer.session_id, answer.created, answer.already_synced) == (started.session_id, False, False)
        assert answer.records["survey_pre"] == RecordCounts(received=1, inserted=1, duplicates=0, updated=0)
        assert answer.total.received == 3
        assert (answer.status, answer.complete) == ("active", False)
        assert answer.missing == {"reading": MissingRecords(expected=3, stored=2)}

        end = await sw.complete_session(session="IHHT_1", ended_at=START + timedelta(minutes=5))
        assert (end.session_id, end.complete, end.missing) == (started.session_id, False, answer.missing)
        assert end.stored == {"reading": 2, "survey_pre": 1}
        assert end.ended_at == START + timedelta(minutes=5)
        assert end.keep_until > datetime.now(UTC)
        await sw.batch(kind="reading", rows=[{"occurred_at": at(2), "spo2": 99}], session="IHHT_1")
        end = await sw.complete_session(session=str(started.session_id))
        assert (end.complete, end.missing, end.safely_stored) == (True, {}, ("IHHT_1",))

        (recent,) = await sw.recent_sessions()
        assert (recent.session_id, recent.local_id, recent.status) == (started.session_id, "IHHT_1", "completed")
        assert (recent.minimum_spo2, recent.maximum_spo2) == (90, 99)
        assert recent.duration_seconds == 300
        assert recent.records == {"reading": 3, "survey_pre": 1}
        assert {one.affected for one in await sw.integrity()} == {0}
        with pytest.raises(UnknownSessionError):
            await sw.complete_session(session=str(uuid4()))
    async with ingest(api, database, "a_other") as sw:
        assert await sw.recent_sessions() == []
        with pytest.raises(UnknownSessionError):
            await sw.complete_session(session=str(started.session_id))


async def test_duplicates_are_merged_and_put_back(api: Api, database: Database) -> None:
    damage(database.connect(), Tenants.org("a"), [MEMBER], sessions=6)
    async with ingest(api, database, "a_admin") as sw:
        pairs = await sw.duplicates()
        assert {pair.user_id for pair in pairs} == {MEMBER}
        assert all(pair.evidence for pair in pairs)
        assert all(merge.merge_id is None for merge in await sw.merge_duplicates())
        assert await sw.merges() == []
        merged = await sw.merge_duplicates(dry_run=False)
        assert await sw.duplicates() == []
        assert {merge.merge_id for merge in await sw.merges()} == {merge.merge_id for merge in merged}
        assert any(one.finding == "duplicates" and one.affected == 0 for one in await sw.integrity(days=3660))

        for merge in reversed(merged):
            assert await sw.revert_merge(merge_id=merge.merge_id) == merge.moved
        with pytest.raises(UnknownMergeError):
            await sw.revert_merge(merge_id=merged[0].merge_id)
        assert all(merge.reverted_at is not None for merge in await sw.merges())
        assert len(await sw.duplicates(again=True)) == len(pairs)


async def test_what_a_host_has_comes_in(api: Api, database: Database) -> None:
    query = f"""
    select
      n as key, '{MEMBER}'::uuid as user_id, 'IHHT_' || n as id,
      '{at(0)}'::timestamptz + n * interval '1 h' as started_at
    from pg_catalog.generate_series(-3, -1) as n
    """
    async with await api.connect(database.uri("operator"), autocommit=True) as connection:
        ops = api.client(connection).ops
        for dry_run in (True, False):
            batch = await ops.import_existing(kind="sessions", query=query, dry_run=dry_run, batch=2)
            assert (batch.rows_read, batch.imported, batch.rejected, batch.last_key) == (2, 2, 0, "-2")
            assert (batch.done, batch.rejections) == (False, [])
            assert (await ops.import_existing(kind="sessions", query=query, dry_run=dry_run, batch=2)).done
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            await ops.import_existing(kind="sessions", query="select from nowhere")
    assert ask(database, "select count(*) from syncwell.sync_sessions") == [(3,)]
