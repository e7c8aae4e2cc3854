"""Whose transaction a call is in, as whom it is made, and what an error leaves behind."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, get_type_hints
from uuid import uuid4

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

import syncwell
from harness import Tenants
from syncwell import SyncwellError, health
from syncwell.errors import (
    IssueResolvedError,
    MetricRefusedError,
    NoIdentityError,
    UnknownIssueError,
    UnknownOrgError,
    UnknownRunError,
    UnknownSilenceError,
    UnknownUserError,
    UnknownWindowError,
    error_classes,
)

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Api
    from harness import Database

IDLE = TransactionStatus.IDLE
INTRANS = TransactionStatus.INTRANS
INERROR = TransactionStatus.INERROR

MEMBER = Tenants.id("a_member")
OTHER = Tenants.id("a_other")
ORG_A = Tenants.org("a")
ORG_B = Tenants.org("b")


@pytest.fixture(params=["pipeline", "no pipeline"])
def libpq(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to send a call: the second one is for a libpq before 14."""
    if request.param == "no pipeline":
        monkeypatch.setattr(psycopg.Pipeline, "is_supported", classmethod(lambda _: False))
        monkeypatch.setattr(psycopg.AsyncPipeline, "is_supported", classmethod(lambda _: False))


def sources(database: Database, user: object = MEMBER) -> int:
    """How many streams of a user are committed."""
    with psycopg.connect(database.uri()) as connection:
        row = connection.execute("select count(*) from syncwell.streams where user_id = %s", [user]).fetchone()
    assert row is not None
    return int(row[0])


def status(connection: Any) -> TransactionStatus:
    return TransactionStatus(connection.pgconn.transaction_status)


@pytest.mark.usefixtures("libpq")
@pytest.mark.parametrize("autocommit", [True, False])
async def test_on_an_idle_connection_a_call_is_a_transaction_of_its_own(
    api: Api, database: Database, autocommit: bool
) -> None:
    async with await api.connect(database.uri("gateway"), autocommit=autocommit) as connection:
        sw = api.client(connection)
        stream_id = await sw.as_user(MEMBER).runs.register_stream(source="calls")
        assert status(connection) is IDLE
        assert sources(database) == 1
        assert await sw.as_user(MEMBER).runs.register_stream(source="calls") == stream_id

        identity = await sw.as_org(ORG_B).core.who_am_i()
        assert (identity.kind, identity.org_id, identity.user_id, identity.role) == ("gateway", ORG_B, None, "service")
        # nothing of it is left
        assert (await sw.core.who_am_i()).org_id is None
        with pytest.raises(NoIdentityError):
            await sw.runs.register_stream(source="calls")
        assert status(connection) is IDLE
        assert sources(database) == 1


@pytest.mark.usefixtures("libpq")
@pytest.mark.parametrize("autocommit", [True, False])
async def test_inside_a_transaction_a_call_is_part_of_it(api: Api, database: Database, autocommit: bool) -> None:
    async with await api.connect(database.uri("gateway"), autocommit=autocommit) as connection:
        sw = api.client(connection).as_user(MEMBER)
        async with connection.transaction():
            await sw.runs.register_stream(source="calls")
            await sw.runs.register_stream(source="todoist")
            assert status(connection) is INTRANS
            assert sources(database) == 0
            raise psycopg.Rollback
        assert status(connection) is IDLE
        assert sources(database) == 0

        async with connection.transaction():
            await sw.runs.register_stream(source="calls")
            # another user in the same transaction
            await sw.as_user(OTHER).runs.register_stream(source="calls")
        assert sources(database) == sources(database, OTHER) == 1


async def test_a_transaction_that_psycopg_began_stays_open(api: Api, database: Database) -> None:
    async with await api.connect(database.uri("a_member")) as connection:
        await connection.execute("select 1")
        await api.client(connection).runs.register_stream(source="calls")
        assert status(connection) is INTRANS
        await connection.rollback()
        assert sources(database) == 0


@pytest.mark.usefixtures("libpq")
@pytest.mark.parametrize("autocommit", [True, False])
@pytest.mark.parametrize(
    ("binding", "error"), [("a_member", UnknownRunError), ("nobody", UnknownUserError), (None, NoIdentityError)]
)
async def test_an_error_leaves_an_idle_connection_idle(
    api: Api, database: Database, autocommit: bool, binding: str | None, error: type[SyncwellError]
) -> None:
    async with await api.connect(database.uri("gateway"), autocommit=autocommit) as connection:
        unbound = api.client(connection)
        sw = unbound if binding is None else unbound.as_user(Tenants.id(binding))
        # more often than psycopg waits before it prepares a statement
        for _ in range(8):
            with pytest.raises(error) as caught:
                await sw.runs.cancel(event_id=uuid4())
            assert status(connection) is IDLE
        assert caught.value.sqlstate == {kind: sqlstate for sqlstate, kind in error_classes().items()}[error]
        assert caught.value.message
        assert caught.value.detail
        assert caught.value.hint
        assert isinstance(caught.value.__cause__, psycopg.Error)
        assert str(caught.value).splitlines()[0] == caught.value.message
        for _ in range(8):
            assert (await unbound.as_user(OTHER).core.who_am_i()).user_id == OTHER


@pytest.mark.usefixtures("libpq")
async def test_an_unknown_org_is_refused(api: Api, database: Database) -> None:
    async with await api.connect(database.uri("gateway"), autocommit=True) as connection:
        with pytest.raises(UnknownOrgError):
            await api.client(connection).as_org(Tenants.org("none")).core.who_am_i()
        assert status(connection) is IDLE


@pytest.mark.usefixtures("libpq")
async def test_other_errors_pass_unchanged(api: Api, database: Database) -> None:
    async with await api.connect(database.uri("gateway"), autocommit=True) as connection:
        sw = api.client(connection).as_user(MEMBER)
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            await sw.runs.register_stream(source="")
        assert status(connection) is IDLE
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await sw.core.set_setting(key="runs.failure_threshold", value="4")
        assert status(connection) is IDLE
        # what psycopg itself refuses, before anything is sent
        with pytest.raises(psycopg.ProgrammingError):
            await sw.runs.register_stream(source=object())
        assert status(connection) is IDLE
        assert (await sw.core.who_am_i()).user_id == MEMBER

    async with await api.connect(database.uri("a_member"), autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await api.client(connection).as_user(OTHER).core.who_am_i()


@pytest.mark.usefixtures("libpq")
async def test_an_error_inside_a_transaction_is_its_owners_to_handle(api: Api, database: Database) -> None:
    async with await api.connect(database.uri("gateway"), autocommit=True) as connection:
        sw = api.client(connection).as_user(MEMBER)
        async with connection.transaction():
            await sw.runs.register_stream(source="calls")
            async with connection.transaction():
                with pytest.raises(UnknownRunError):
                    await sw.runs.cancel(event_id=uuid4())
                assert status(connection) is INERROR
                raise psycopg.Rollback
            assert (await sw.core.who_am_i()).user_id == MEMBER
        assert sources(database) == 1


@pytest.mark.usefixtures("libpq")
async def test_a_pool_lends_one_connection_a_call(api: Api, database: Database) -> None:
    pool = api.pool(database.uri("gateway"), min_size=1, max_size=1)
    await pool.open(wait=True)
    async with pool:
        sw = api.client(pool)
        pids = set()
        for _ in range(3):
            await sw.as_user(MEMBER).runs.register_stream(source="calls")
            with pytest.raises(UnknownRunError):
                await sw.as_org(ORG_A).runs.cancel(event_id=uuid4())
            with pytest.raises(NoIdentityError):
                await sw.runs.register_stream(source="calls")
            # the only connection is free, idle and nobody's
            async with pool.connection() as connection:
                assert status(connection) is IDLE
                pids.add(connection.pgconn.backend_pid)
                assert (await api.client(connection).core.who_am_i()).org_id is None
        assert len(pids) == 1
        assert sources(database) == 1


async def test_nothing_of_the_connection_is_changed(api: Api, database: Database) -> None:
    async with await api.connect(database.uri("gateway"), autocommit=True, row_factory=dict_row) as connection:
        sw = api.client(connection).as_user(MEMBER)
        identity = await sw.core.who_am_i()
        assert identity.login_role == "gateway"
        cursor = await connection.execute("select 1.5::numeric as number")
        assert repr(await cursor.fetchone()) == "{'number': Decimal('1.5')}"
        assert connection.autocommit
        assert connection.row_factory is dict_row


async def test_another_cursor_class_is_not_used(api: Api, database: Database) -> None:
    raw = psycopg.AsyncRawCursor if api.kind == "async" else psycopg.RawCursor
    async with await api.connect(database.uri("gateway"), autocommit=True, cursor_factory=raw) as connection:
        assert (await api.client(connection).as_user(MEMBER).core.who_am_i()).user_id == MEMBER


@pytest.mark.usefixtures("libpq")
@pytest.mark.parametrize("autocommit", [True, False])
async def test_the_connections_kind_of_transaction_is_used(api: Api, database: Database, autocommit: bool) -> None:
    async with await api.connect(database.uri("gateway"), autocommit=autocommit) as connection:
        await connection.set_isolation_level(psycopg.IsolationLevel.SERIALIZABLE)
        await connection.set_read_only(True)
        await connection.set_deferrable(True)
        sw = api.client(connection).as_user(MEMBER)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await sw.runs.register_stream(source="calls")
        assert status(connection) is IDLE
        await connection.set_read_only(False)
        await sw.runs.register_stream(source="calls")
        assert sources(database) == 1


async def test_a_call_inside_the_callers_pipeline(api: Api, database: Database) -> None:
    async with await api.connect(database.uri("gateway"), autocommit=True) as connection:
        sw = api.client(connection).as_user(MEMBER)
        async with connection.pipeline():
            before = await connection.execute("select 'before'")
            await sw.runs.register_stream(source="calls")
            with pytest.raises(UnknownRunError):
                await sw.runs.cancel(event_id=uuid4())
            assert (await sw.core.who_am_i()).user_id == MEMBER
            after = await connection.execute("select 'after'")
        assert await before.fetchone() == ("before",)
        assert await after.fetchone() == ("after",)
        assert status(connection) is IDLE
        assert sources(database) == 1


@pytest.mark.parametrize(("autocommit", "flushes"), [(True, 1), (False, 2)])
async def test_a_bound_call_goes_out_at_once(
    api: Api, database: Database, tmp_path: Path, autocommit: bool, flushes: int
) -> None:
    async with await api.connect(database.uri("gateway"), autocommit=autocommit) as connection:
        sw = api.client(connection).as_user(MEMBER)
        with (tmp_path / "trace").open("wb") as file:
            connection.pgconn.trace(file.fileno())
            await sw.core.who_am_i()
            connection.pgconn.untrace()
        messages = [line.split("\t") for line in (tmp_path / "trace").read_text().splitlines()]
        sent = [message[3] for message in messages if message[1] == "F"]
        # without autocommit psycopg waits for its BEGIN
        assert sent.count("Sync") == flushes
        assert sent.count("Execute") == 4
        assert sent[: sent.index("Sync")].count("Execute") == (4 if autocommit else 1)


async def test_calls_of_several_tasks_on_one_connection(database: Database) -> None:
    async with await psycopg.AsyncConnection.connect(database.uri("gateway"), autocommit=True) as connection:
        sw = syncwell.AsyncSyncwell(connection)
        users = [MEMBER, OTHER] * 20
        identities = await asyncio.gather(*(sw.as_user(user).core.who_am_i() for user in users))
        assert [identity.user_id for identity in identities] == users


def test_calls_of_several_threads_on_one_connection(database: Database) -> None:
    with psycopg.connect(database.uri("gateway"), autocommit=True) as connection, ThreadPoolExecutor(8) as threads:
        sw = syncwell.Syncwell(connection)
        users = [MEMBER, OTHER] * 20
        identities = threads.map(lambda user: sw.as_user(user).core.who_am_i(), users)
        assert [identity.user_id for identity in identities] == users


@pytest.mark.parametrize("autocommit", [True, False])
async def test_a_call_that_is_cancelled_leaves_the_connection_idle(database: Database, autocommit: bool) -> None:
    blocker = database.connect()
    blocker.execute("lock table syncwell.streams")
    async with await psycopg.AsyncConnection.connect(database.uri("gateway"), autocommit=autocommit) as connection:
        sw = syncwell.AsyncSyncwell(connection).as_user(MEMBER)
        call = asyncio.create_task(sw.runs.register_stream(source="calls"))
        while not call.done():
            # until it waits for the table
            await asyncio.sleep(0.05)
            row = blocker.execute(
                "select cardinality(pg_blocking_pids(%s))", [connection.pgconn.backend_pid]
            ).fetchone()
            if row and row[0]:
                break
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert status(connection) is IDLE
        blocker.rollback()
        assert sources(database) == 0
        await sw.runs.register_stream(source="calls")
        assert sources(database) == 1


async def test_a_closed_connection_is_said_to_be_closed(api: Api, database: Database) -> None:
    async with await api.connect(database.uri("gateway"), autocommit=True) as connection:
        sw = api.client(connection)
    with pytest.raises(psycopg.OperationalError, match="closed"):
        await sw.as_user(MEMBER).core.who_am_i()


async def test_a_server_that_ends_the_session(api: Api, database: Database) -> None:
    async with await api.connect(database.uri("gateway"), autocommit=True) as connection:
        with psycopg.connect(database.uri(), autocommit=True) as superuser:
            superuser.execute("select pg_terminate_backend(%s, 5000)", [connection.pgconn.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            await api.client(connection).as_user(MEMBER).core.who_am_i()


@pytest.mark.parametrize("client", [syncwell.Syncwell, syncwell.AsyncSyncwell])
def test_what_is_no_connection_is_refused(client: type) -> None:
    with pytest.raises(TypeError, match=r"pass a psycopg.* not str"):
        client("postgresql://")


async def test_what_reads_return(api: Api, database: Database) -> None:
    """Every read once, on streams with a success, a failure and a running sync."""
    async with await api.connect(database.uri("a_member"), autocommit=True) as connection:
        sw = api.client(connection)
        run = await sw.runs.start(source="calls", platform="android")
        done = await sw.runs.complete(
            event_id=run.event_id, lease=run.lease, items_processed=7, items_created=5, sync_token_after="t1"
        )
        assert (done.status, done.changed) == ("success", True)
        run = await sw.runs.start(source="calls", sync_type="webhook")
        assert run.sync_token == "t1"
        failed = await sw.runs.error(
            event_id=run.event_id,
            lease=run.lease,
            message="no answer",
            http_status=503,
            details={"host": "example.org"},
        )
        assert (failed.error_type, failed.error_class, failed.should_retry) == ("HTTP_503", "transient", True)
        run = await sw.runs.start(source="calls")
        report = await sw.progress.report(sync_id=str(run.event_id), processed_count=1, total_items=4)
        assert report.status == "in_progress"
        assert isinstance(report.elapsed_seconds, float)

        overall, calls = await sw.health.status()
        assert (overall.source, calls.source) == (None, "calls")
        assert isinstance(calls.score, float)
        assert (await sw.health.status(MEMBER))[0].streams == 1
        assert [issue.issue_type for issue in await sw.health.detect()] == ["failure"]
        assert (await sw.health.service())[0].consecutive_failures == 1
        assert (await sw.health.compare_sources())[0].total_items_synced == 7
        assert (await sw.health.freshness())[0].source == "calls"

        dashboard = await sw.health.dashboard(source="calls")
        assert dashboard_keys(dashboard) == []
        assert await sw.health.dashboard(source="none") is None

        await sw.health.report_metrics(source="calls", metrics={"queue_depth": 3})
        analysis = await sw.health.analyze()
        assert analysis_differences(analysis) == []
        assert analysis["issue_counts"] == {"failure": 1}
        assert (await sw.health.analyze(MEMBER))["user_id"] == str(MEMBER)
        history = await sw.health.history(source="calls")
        assert {row.period for row in history} == {"hour"}
        assert (history[-1].total_syncs, history[-1].total_items_synced) == (3, 7)
        assert (history[-1].healthy_share, history[-1].unknown_share) == (0, 1)
        assert {row.period for row in await sw.health.history(days=8)} == {"day"}
        everything, calls_up = await sw.health.uptime(days=1)
        assert (everything.source, calls_up.source, calls_up.uptime) == (None, "calls", None)
        assert calls_up.unknown_seconds > 0
        assert [row.window_hours for row in await sw.health.drift(source="calls")] == [1, 6, 24]
        hours = await sw.health.volume_timeline(source="calls", hours=3)
        assert [row.severity for row in hours] == ["learning"] * 3

        metrics = await sw.metrics.sync_metrics(source="calls")
        assert metrics[-1].metric_type == "summary"
        assert (metrics[-1].total_syncs, metrics[-1].total_items_synced) == (3, 7)
        assert sum(hour.total for hour in await sw.metrics.timeline()) == 3
        assert (await sw.metrics.performance())[0].sample_size == 2

        events = await sw.runs.recent()
        assert [event.status for event in events] == ["started", "failed", "success"]
        assert [event.status for event in await sw.runs.webhooks()] == ["failed"]
        (group,) = await sw.runs.error_report()
        assert (group.error_type, group.total_errors) == ("HTTP_503", 1)
        error = await sw.runs.get_error(error_id=failed.error_id)
        assert error.error_message == "no answer"
        assert (await sw.runs.classify(code="ECONNREFUSED")).error_class == "transient"
        assert (await sw.runs.retry_delay(attempt=3, jitter="none")).total_seconds() == 4
        assert await sw.runs.retry_delay(attempt=99) is None
        assert await sw.runs.resolve_error(error_id=failed.error_id)
        assert not await sw.runs.resolve_error(error_id=failed.error_id)

        (live,) = await sw.progress.live()
        assert (live.sync_id, live.percent, live.total_items) == (str(run.event_id), 25.0, 4)
        assert await sw.progress.stuck() == []
        assert await sw.progress.pause(sync_id=live.sync_id)
        assert await sw.progress.resume(sync_id=live.sync_id)
        assert await sw.progress.cancel(sync_id=live.sync_id)
        assert await sw.progress.live() == []
        assert len(await sw.progress.live(include_finished=True, sync_id=live.sync_id)) == 1
        assert await sw.runs.cancel(event_id=run.event_id)
        assert await sw.runs.unregister_stream(source="calls")

        access = await sw.core.explain_access(table="streams", id=run.stream_id)
        assert access.visible
        assert await sw.core.get_setting(key="runs.failure_threshold") == "3"
        assert "default" in {setting.level for setting in await sw.core.settings_effective()}


async def test_what_is_told_of_devices_and_done_about_issues(api: Api, database: Database) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    async with await api.connect(database.uri("a_member"), autocommit=True) as connection:
        sw = api.client(connection)
        report = await sw.health.report_metrics(
            source="calls",
            metrics={"queue_depth": 7, "platform": "ios", "oldest_pending_at": now.isoformat(), "device_id": "phone"},
        )
        assert report.is_newest
        for metrics, named in (({"queue_depth": -1}, "queue_depth"), ({"speed": 1}, "speed"), ({}, "")):
            with pytest.raises(MetricRefusedError) as refused:
                await sw.health.report_metrics(source="calls", metrics=metrics)
            assert named in (refused.value.detail or "")
        with pytest.raises(UnknownUserError):
            await sw.health.report_metrics(source="calls", metrics={"queue_depth": 1}, user_id=OTHER)

        (stream,) = await sw.health.streams(source="calls")
        assert (stream.stream_id, stream.queue_depth, stream.platform) == (report.stream_id, 7, "ios")
        assert (stream.status, stream.overlays) == ("unknown", ["unevaluated"])
        assert await sw.health.streams(status="healthy") == []
        (overall, _) = await sw.health.status()
        assert overall.overlays == ["unevaluated"]

        issue_id = open_issue(database, stream.stream_id, {"queue_depth": 7, "waiting_seconds": 86400})
        (issue,) = await sw.health.issues()
        assert (issue.issue_id, issue.severity, issue.state) == (issue_id, "critical", "open")
        assert issue.evidence == {"queue_depth": 7, "waiting_seconds": 86400}
        assert await sw.health.acknowledge(issue_id=issue_id, note="on it")
        assert not await sw.health.acknowledge(issue_id=issue_id)
        assert await sw.health.snooze(issue_id=issue_id, for_=timedelta(hours=2)) > now + timedelta(hours=1)
        (issue,) = await sw.health.issues(state="snoozed", source="calls", user_id=MEMBER)
        assert (issue.note, issue.acknowledged_by) == ("on it", MEMBER)
        assert await sw.health.issues(state="open") == []
        for handle in (
            sw.health.acknowledge(issue_id=uuid4()),
            sw.health.snooze(issue_id=uuid4(), for_=timedelta(hours=1)),
        ):
            with pytest.raises(UnknownIssueError):
                await handle
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            await sw.health.snooze(issue_id=issue_id, for_=timedelta(days=91))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await sw.health.silence(matcher={}, until=now + timedelta(hours=1))

    async with await api.connect(database.uri("a_admin"), autocommit=True) as connection:
        sw = api.client(connection)
        # a trigger wrote it when the issue was opened
        (alert,) = await sw.health.alerts(status="firing")
        assert (alert.issue_id, alert.user_id, alert.labels["source"]) == (issue_id, MEMBER, "calls")
        silence_id = await sw.health.silence(
            matcher={"source": "calls", "user_id": str(MEMBER)}, until=now + timedelta(hours=1), reason="moving"
        )
        (silence,) = await sw.health.silences()
        assert (silence.silence_id, silence.is_on, silence.reason) == (silence_id, True, "moving")
        assert silence.matcher == {"source": "calls", "user_id": str(MEMBER)}
        assert await sw.health.lift_silence(silence_id=silence_id)
        assert await sw.health.silences() == []
        assert len(await sw.health.silences(ended=True)) == 1
        with pytest.raises(UnknownSilenceError):
            await sw.health.lift_silence(silence_id=uuid4())

        window_id = await sw.health.maintenance_window(
            starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=1), mode="pause", source="calls"
        )
        (window,) = await sw.health.maintenance_windows()
        assert (window.window_id, window.mode, window.is_on) == (window_id, "pause", True)
        assert (await sw.health.streams(source="calls"))[0].overlays == ["paused", "unevaluated"]
        assert await sw.health.cancel_maintenance_window(window_id=window_id)
        assert not await sw.health.cancel_maintenance_window(window_id=window_id)
        with pytest.raises(UnknownWindowError):
            await sw.health.cancel_maintenance_window(window_id=uuid4())

        with psycopg.connect(database.uri()) as superuser:
            superuser.execute(
                "update syncwell.sync_issues set state = 'resolved', resolved_at = now(), snoozed_until = null"
            )
        with pytest.raises(IssueResolvedError):
            await sw.health.acknowledge(issue_id=issue_id)

        org = await sw.core.org()
        assert org is not None
        assert org.org_id == ORG_A
        assert {user.user_id for user in await sw.core.users()} >= {MEMBER, OTHER}
    async with await api.connect(database.uri("gateway"), autocommit=True) as connection:
        assert await api.client(connection).core.org() is None


def open_issue(database: Database, stream_id: object, evidence: dict[str, Any]) -> Any:
    """A critical issue of a stream, as an evaluation would leave it."""
    with psycopg.connect(database.uri()) as superuser:
        row = superuser.execute(
            """
            insert into syncwell.sync_issues (
              org_id, id, fingerprint, issue_type, severity, stream_id, user_id, source, evidence, opened_at,
              last_seen_at
            )
            select s.org_id, gen_random_uuid(), 'f', 'queue_backlog', 'critical', s.stream_id, s.user_id, s.source, %s,
              now(), now()
            from syncwell.streams as s where s.stream_id = %s
            returning id
            """,
            [Jsonb(evidence), stream_id],
        ).fetchone()
    assert row is not None
    return row[0]


def analysis_differences(document: Any) -> list[str]:
    """What the document and its declaration do not share; each of its lists must have a row."""
    hints = get_type_hints(health.Analysis)
    differences = [*(document.keys() ^ hints.keys())]
    rows: dict[str, Any] = {
        "status": health.SyncHealth, "issues": health.SyncIssue, "history": health.HealthHistory,
        "drift": health.DataDrift, "uptime": health.Uptime, "queues": health.DeviceQueues, "errors": health.OpenErrors,
    }  # fmt: skip
    for part, kind in rows.items():
        assert document[part], part
        for row in document[part]:
            differences += row.keys() ^ get_type_hints(kind).keys()
    return differences


def dashboard_keys(document: Any) -> list[str]:
    """What the document and its declaration do not share."""
    hints = get_type_hints(health.Dashboard)
    differences = [*(document.keys() ^ hints.keys())]
    for part in ("overview", "performance", "health"):
        differences += document[part].keys() ^ get_type_hints(hints[part]).keys()
    for activity in document["recent_activity"]:
        differences += activity.keys() ^ get_type_hints(health.DashboardActivity).keys()
    assert document["recent_activity"]
    return differences


async def test_what_operators_do(api: Api, database: Database) -> None:
    async with await api.connect(database.uri("operator"), autocommit=True) as connection:
        sw = api.client(connection)
        org_id = await sw.core.register_org(name="Org C")
        user_id = await sw.core.register_user(org_id=org_id, role="admin")
        assert user_id != org_id
        assert await sw.core.set_setting(key="runs.failure_threshold", value="4", org_id=org_id) == "4"
        assert await sw.core.set_setting(key="runs.failure_threshold", value=None, org_id=org_id) == "3"
        assert any(part.table_name == "sync_events" for part in await sw.core.partition_health())
        assert [part.moved_rows for part in await sw.core.ensure_partitions(table="sync_events", months_ahead=4)]
        assert await sw.core.drop_old_partitions() == []
        assert {row.org_id for row in await sw.health.evaluate()} == {org_id, ORG_A, ORG_B}
        assert await sw.health.learn_baselines() == 0
        assert await sw.runs.reap() == await sw.progress.reap() == await sw.runs.claim_due_retries() == []

    async with await api.connect(database.uri(), autocommit=True) as connection:
        sw = api.client(connection)
        await sw.core.bind_login(login_role="nobody_login", kind="service", org_id=org_id)
        assert await sw.core.unbind_login(login_role="nobody_login")
        assert not await sw.core.unbind_login(login_role="nobody_login")
