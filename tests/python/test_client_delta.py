"""`sw.delta`: answers as dataclasses, refused pushes as errors after their commit, pulls as a stream."""

from __future__ import annotations

import asyncio
import functools
import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

import syncwell
from harness import Tenants, wait_until
from harness.serving import synced
from syncwell.delta import ChangeCounts, PullAnswer, PushAnswer, push_failure
from syncwell.errors import NoIdentityError, PushConflictError, UnknownSyncedTableError, UnknownUserError

if TYPE_CHECKING:
    from conftest import Api
    from harness import Database

MEMBER = Tenants.id("a_member")
IDLE = TransactionStatus.IDLE
INTRANS = TransactionStatus.INTRANS
ROWS = 20_000


def status(connection: Any) -> TransactionStatus:
    return TransactionStatus(connection.pgconn.transaction_status)


def asked(database: Database, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.uri()) as connection:
        return connection.execute(query.encode()).fetchall()


def filled(database: Database, rows: int = ROWS) -> None:
    with psycopg.connect(database.uri()) as connection:
        connection.execute(
            """
            insert into public.todos
            select i::text, %s, repeat(chr(9) || 'text ', 10) from generate_series(1, %s) as i
            """,
            [MEMBER, rows],
        )


def created(**record: Any) -> Any:
    return {"todos": {"created": [record], "updated": [], "deleted": []}}


async def chunks_of(stream: Any) -> list[bytes]:
    chunks = []
    while chunk := await stream.read():
        chunks.append(chunk)
    return chunks


def streaming(database: Database) -> bool:
    """Whether a gateway has a transaction open."""
    query = """
        select from pg_stat_activity
        where datname = current_database() and usename = 'gateway' and xact_start is not null
    """
    return bool(asked(database, query))


async def test_a_table_is_registered_once_and_can_be_taken_back(api: Api, database: Database) -> None:
    async with await api.connect(database.uri(), autocommit=True) as connection:
        await connection.execute(
            "create table public.notes (id bigint primary key, user_id uuid, body text, at timestamptz)"
        )
        sw = api.client(connection)
        number = await sw.delta.register("public.notes", encodings={"at": "iso"}, read_only=["at"], name="notes")
        assert (
            await sw.delta.register("public.notes", encodings={"at": "iso"}, read_only=["at"], name="notes") == number
        )
        assert await sw.delta.check_tracking() == []
        assert await sw.delta.ensure_tracking("public.notes") == 0
        await connection.execute("alter table public.notes disable trigger user")
        (problem, *_) = await sw.delta.check_tracking("public.notes")
        assert (problem.table_name, bool(problem.problem), bool(problem.hint)) == ("notes", True, True)
        assert await sw.delta.unregister("public.notes") is True
        assert await sw.delta.unregister("public.notes") is False
        with pytest.raises(psycopg.errors.UndefinedTable):
            await sw.delta.register("public.nowhere")


async def test_pull_and_push_are_read_into_dataclasses(api: Api, database: Database) -> None:
    synced(database)
    async with await api.connect(database.uri("gateway"), autocommit=True) as connection:
        sw = api.client(connection).as_user(MEMBER)
        first = await sw.delta.pull(device_id="one", schema_version=1, client={"platform": "ios"})
        assert isinstance(first, PullAnswer)
        assert first.changes == {"todos": {"created": [], "updated": [], "deleted": []}}
        assert (first.strategy, first.replaced_tables, first.has_more, first.ignored) == ("incremental", (), False, ())
        assert first.server_time.tzinfo == UTC

        changes = created(id="a", title="\ud800 \0", done=True)
        for call, rows in ((sw.delta.preview_push, 0), (sw.delta.push, 1)):
            answer = await call(changes=changes, last_pulled_at=first.timestamp, device_id="one")
            assert isinstance(answer, PushAnswer)
            assert answer.stats == ChangeCounts(created=1, updated=0, deleted=0)
            assert len(asked(database, "select from public.todos")) == rows
        assert status(connection) is IDLE

        other = await sw.delta.pull(last_pulled_at=first.timestamp, device_id="two")
        assert other.strategy == "replacement"
        assert [record["id"] for record in other.changes["todos"]["updated"]] == ["a"]
        assert other.stats == {"todos": ChangeCounts(created=0, updated=1, deleted=0)}
        text = await sw.delta.pull_text(last_pulled_at=other.timestamp, device_id="two", tables=["todos"])
        assert json.loads(text)["timestamp"] == other.timestamp

        unknown = {**created(id="b", colour="red"), "nowhere": {"created": [{"id": "x"}], "updated": [], "deleted": []}}
        answer = await sw.delta.push(changes=unknown, last_pulled_at=first.timestamp, device_id="one", request_id="r1")
        assert answer.ignored.tables == ("nowhere",)
        assert answer.ignored.columns == {"todos": ("colour",)}
        assert answer.request_id == "r1"
        again = await sw.delta.push(changes=unknown, last_pulled_at=first.timestamp, device_id="one", request_id="r1")
        assert again == answer
        (device,) = [one for one in await sw.delta.clients() if one.device_id == "one"]
        assert (device.platform, device.schema_version, device.next_pull) == ("ios", 1, "incremental")
        assert await sw.delta.invalidate(device_id="one") == 1


async def test_a_refused_push_is_raised_when_its_facts_are_committed(api: Api, database: Database) -> None:
    synced(database)

    def failures() -> int:
        return int(asked(database, "select coalesce(sum(failures), 0) from syncwell.sync_devices")[0][0])

    async with await api.connect(database.uri("gateway"), autocommit=True) as connection:
        sw = api.client(connection).as_user(MEMBER)
        cursor = (await sw.delta.pull()).timestamp
        await sw.delta.push(changes=created(id="a", title="1"), last_pulled_at=cursor)
        with psycopg.connect(database.uri()) as elsewhere:
            elsewhere.execute("update public.todos set title = '2'")
        with pytest.raises(PushConflictError) as conflict:
            await sw.delta.push(changes=created(id="a", title="3"), last_pulled_at=cursor)
        assert conflict.value.hint
        assert failures() == 1
        with pytest.raises(psycopg.errors.SerializationFailure) as unknown:
            await sw.delta.push(changes={}, last_pulled_at=77)
        assert unknown.value.sqlstate == "40001"
        assert unknown.value.diag.message_primary
        assert unknown.value.diag.message_hint
        with pytest.raises(psycopg.errors.SerializationFailure):
            await sw.delta.preview_push(changes={}, last_pulled_at=77)
        assert json.loads(await sw.delta.push_text(changes="{}", last_pulled_at=77))["success"] is False
        assert status(connection) is IDLE
        before = failures()

        # in the caller's transaction it is the caller who commits, and who may go on
        async with connection.transaction():
            with pytest.raises(PushConflictError):
                await sw.delta.push(changes=created(id="a", title="3"), last_pulled_at=cursor)
            assert status(connection) is INTRANS
            assert failures() == before
        assert failures() == before + 1
    assert asked(database, "select title from public.todos") == [("2",)]


def test_every_failure_is_an_exception() -> None:
    assert push_failure({"success": True}) is None
    for code, kind in (("40001", psycopg.errors.SerializationFailure), ("ZZ123", psycopg.DatabaseError)):
        error = push_failure({"success": False, "error": {"code": code, "message": "m", "detail": "d", "hint": None}})
        assert isinstance(error, kind)
        assert str(error) == "m\nDETAIL:  d"
        assert (error.sqlstate, error.diag.message_detail, error.diag.message_hint) == (code, "d", None)
    failure = push_failure({})
    assert isinstance(failure, psycopg.errors.InternalError_)
    failure = push_failure({"error": {"code": "SW304", "message": "m", "hint": "h"}})
    assert isinstance(failure, PushConflictError)
    assert failure.hint == "h"


def test_strategies_are_told() -> None:
    answer: dict[str, Any] = {"changes": {}, "timestamp": 1, "serverTime": "2026-03-01T12:00:00.000Z"}
    assert PullAnswer.of({**answer, "experimentalStrategy": "replacement"}).strategy == "replacement"
    told = {"default": "incremental", "override": {"a": "replacement", "b": "incremental"}}
    read = PullAnswer.of({**answer, "experimentalStrategy": told, "ignored": ["x"], "hasMore": True})
    assert (read.strategy, read.replaced_tables, read.ignored, read.has_more) == ("incremental", ("a",), ("x",), True)


@pytest.mark.parametrize("autocommit", [True, False])
async def test_a_stream_is_the_pull_in_pieces(api: Api, database: Database, autocommit: bool) -> None:
    synced(database)
    filled(database)
    async with await api.connect(database.uri("gateway"), autocommit=autocommit) as connection:
        sw = api.client(connection).as_user(MEMBER)
        async with sw.delta.pull_stream(device_id="one", schema_version=2) as stream:
            chunks = await chunks_of(stream)
            assert stream.complete
            assert status(connection) is IDLE
        assert all(isinstance(chunk, bytes) for chunk in chunks)
        # flat: more than one row, and never much more than asked for
        assert max(map(len, chunks)) < 2 * 65536
        assert min(map(len, chunks[:-1])) >= 65536
        whole = json.loads(b"".join(chunks))
        assert len(whole["changes"]["todos"]["created"]) == ROWS
        told = json.loads(await sw.delta.pull_text(device_id="two"))
        assert {one["id"]: one for one in whole["changes"]["todos"].pop("created")} == {
            one["id"]: one for one in told["changes"]["todos"].pop("created")
        }
        assert whole["changes"] == told["changes"]
        # the cursor is as good as any other
        after = await sw.delta.pull(last_pulled_at=whole["timestamp"], device_id="one")
        assert (after.timestamp, after.strategy) == (whole["timestamp"], "incremental")
        if not autocommit:
            await connection.commit()
    rows = asked(database, "select pulls, schema_version from syncwell.sync_devices where device_id = 'one'")
    assert rows == [(1, 2)]


async def test_a_stream_can_be_iterated(database: Database) -> None:
    synced(database)
    filled(database, 10)
    with psycopg.connect(database.uri("a_member"), autocommit=True) as connection:
        with syncwell.Syncwell(connection).delta.pull_stream() as stream:
            text = b"".join(stream)
            assert list(stream) == []
        assert json.loads(text)["timestamp"] == stream.timestamp
    async with await psycopg.AsyncConnection.connect(database.uri("a_member"), autocommit=True) as other:
        async with syncwell.AsyncSyncwell(other).delta.pull_stream() as reading:
            pieces = [piece async for piece in reading]
        assert len(json.loads(b"".join(pieces))["changes"]["todos"]["created"]) == 10


async def test_a_stream_that_is_left_is_rolled_back(api: Api, database: Database) -> None:
    synced(database)
    filled(database)
    pool = api.pool(database.uri("gateway"), min_size=1, max_size=1, kwargs={"autocommit": True})
    await pool.open()
    try:
        sw = api.client(pool).as_user(MEMBER)
        async with sw.delta.pull_stream() as stream:
            assert await stream.read()
            assert streaming(database)
        assert not streaming(database)
        with pytest.raises(ValueError, match="inside of its block"):
            await stream.read()
        with pytest.raises(ZeroDivisionError):
            await fail_inside(sw)
        assert not streaming(database)
        assert asked(database, "select from syncwell.sync_cursors") == []
        # the only connection is of use
        assert len((await sw.delta.pull()).changes["todos"]["created"]) == ROWS
    finally:
        await pool.close()


async def fail_inside(sw: Any) -> None:
    async with sw.delta.pull_stream() as stream:
        assert await stream.read()
        raise ZeroDivisionError


async def test_a_reader_that_is_too_slow_loses_its_connection(api: Api, database: Database) -> None:
    synced(database)
    filled(database)
    pool = api.pool(database.uri("gateway"), min_size=1, max_size=1, kwargs={"autocommit": True})
    await pool.open()
    try:
        sw = api.client(pool).as_user(MEMBER)
        for limits, words in (({"stall": 0.05}, "for a chunk"), ({"timeout": 0.2}, "a pull took longer")):
            async with sw.delta.pull_stream(**limits) as stream:
                assert await stream.read()
                await until_gone(api, database)
                with pytest.raises(TimeoutError, match=words):
                    await chunks_of(stream)
        # the pool has made another one
        assert len((await sw.delta.pull()).changes["todos"]["created"]) == ROWS
    finally:
        await pool.close()


async def until_gone(api: Api, database: Database) -> None:
    """Wait as a reader that is busy with something else: of the async world in a thread, so that the watch can look."""
    waiting = functools.partial(wait_until, "the transaction to end", lambda: not streaming(database))
    await (asyncio.to_thread(waiting) if api.kind == "async" else done(waiting))


async def done(call: Any) -> None:
    call()


async def test_what_a_stream_cannot_send_is_refused_at_entering(api: Api, database: Database) -> None:
    synced(database)
    async with await api.connect(database.uri("gateway"), autocommit=True) as connection:
        sw = api.client(connection)
        for client, options, error in (
            (sw.as_user(MEMBER), {"tables": ["nope"]}, UnknownSyncedTableError),
            (sw.as_user(Tenants.id("nobody")), {}, UnknownUserError),
            (sw, {}, NoIdentityError),
        ):
            with pytest.raises(error):
                await client.delta.pull_stream(**options).__aenter__()
            assert status(connection) is IDLE
        async with connection.transaction():
            with pytest.raises(ValueError, match="a transaction of its own"):
                await sw.as_user(MEMBER).delta.pull_stream().__aenter__()
            assert status(connection) is INTRANS
        # nothing waits for what has failed
        assert (await sw.as_user(MEMBER).delta.pull()).changes


async def test_a_stream_that_fails_in_the_middle_is_no_json(api: Api, database: Database) -> None:
    synced(database)
    filled(database)
    async with await api.connect(database.uri("gateway"), autocommit=True) as connection:
        sw = api.client(connection).as_user(MEMBER)
        received: list[bytes] = []
        with pytest.raises(psycopg.OperationalError):
            await read_until_killed(sw, database, received)
        assert received
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            json.loads(b"".join(received))
        assert connection.closed
    assert asked(database, "select from syncwell.sync_cursors") == []


async def read_until_killed(sw: Any, database: Database, received: list[bytes]) -> None:
    async with sw.delta.pull_stream() as stream:
        received.append(await stream.read())
        asked(database, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'gateway'")
        while chunk := await stream.read():
            received.append(chunk)
