"""The queue: the same operation once, in order where asked, handed out fairly, tried again, never lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.wait import set_clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness import Database

Connection = psycopg.Connection[Any]
NOON = "2026-03-02 12:00+00"


def enqueue(connection: Connection, kind: str = "send", payload: Any = None, **arguments: Any) -> tuple[Any, bool]:
    """Its id, and whether another one stood for it."""
    values = {"operation_type": kind, "payload": json.dumps(payload or {}), **arguments}
    named = ", ".join(f"p_{name} => %({name})s" for name in values)
    row = connection.execute(f"select * from syncwell.enqueue_operation({named})", values).fetchone()
    assert row is not None
    return row[0], row[1]


def claim(connection: Connection, limit: int = 10, **arguments: Any) -> list[Any]:
    values = {"limit": limit, **arguments}
    named = ", ".join(f"p_{name} => %({name})s" for name in values)
    cursor = connection.cursor(row_factory=psycopg.rows.namedtuple_row)
    return cursor.execute(f"select * from syncwell.claim_operations({named})", values).fetchall()


def complete(connection: Connection, *claimed: Any) -> list[str]:
    ids = [row.operation_id for row in claimed]
    found = connection.execute(
        "select outcome from syncwell.complete_operations(%s, %s)", [ids, claimed[0].lease_token]
    )
    return [row[0] for row in found]


def fail(connection: Connection, claimed: Any, code: str = "ECONNRESET") -> Any:
    cursor = connection.cursor(row_factory=psycopg.rows.namedtuple_row)
    return cursor.execute(
        "select status, retry_at, attempt, error_type, reason from syncwell.fail_operation(%s, %s, 'down', %s)",
        [claimed.operation_id, claimed.lease_token, code],
    ).fetchone()


def left(connection: Connection, columns: str = "operation_type, status") -> list[tuple[Any, ...]]:
    return connection.execute(f"select {columns} from syncwell.sync_queue order by place").fetchall()


def archived(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "select operation_type, status from syncwell.sync_queue_archive order by finished_at, id"
    ).fetchall()


@pytest.fixture
def admin(database: Database) -> Connection:
    return database.connect(autocommit=True)


@pytest.fixture
def member(database: Database) -> Connection:
    return database.connect("a_member", autocommit=True)


@pytest.fixture
def service(database: Database) -> Connection:
    return database.connect("a_service", autocommit=True)


@pytest.fixture
def at(admin: Connection) -> Callable[[str], None]:
    def set_to(when: str) -> None:
        set_clock(admin, when)

    return set_to


class TestDeduplication:
    def test_the_same_payload_in_any_spelling_is_one_operation(self, member: Connection, admin: Connection) -> None:
        first, _ = enqueue(member, payload={"a": 1, "b": [1.0, None]})
        again = member.execute(
            """select * from syncwell.enqueue_operation('send', '{"b": [1, null], "a": 1.00}')"""
        ).fetchone()
        assert again == (first, True)
        assert left(admin) == [("send", "pending")]

    def test_another_type_user_or_payload_is_another_operation(
        self, database: Database, member: Connection, admin: Connection
    ) -> None:
        enqueue(member, payload={"a": 1})
        enqueue(member, "other", {"a": 1})
        enqueue(member, payload={"a": 2})
        enqueue(database.connect("a_other", autocommit=True), payload={"a": 1})
        enqueue(database.connect("a_service", autocommit=True), payload={"a": 1})
        assert len(left(admin)) == 5

    def test_what_is_processed_still_stands_for_an_ignored_twin_but_not_once_it_is_done(
        self, member: Connection, service: Connection, admin: Connection
    ) -> None:
        first, _ = enqueue(member, payload={"a": 1})
        [claimed] = claim(service)
        assert enqueue(member, payload={"a": 1}) == (first, True)
        assert complete(service, claimed) == ["completed"]
        second, deduplicated = enqueue(member, payload={"a": 1})
        assert (second == first, deduplicated) == (False, False)
        assert archived(admin) == [("send", "completed")]

    @pytest.mark.parametrize(("mode", "expected"), [("replace", {"b": 2}), ("merge", {"a": 1, "b": 2})])
    def test_a_newer_payload_takes_the_place_of_the_waiting_one(
        self, member: Connection, admin: Connection, mode: str, expected: dict[str, int]
    ) -> None:
        first, _ = enqueue(member, payload={"a": 1, "b": 1}, dedup_key="k", mode=mode)
        assert enqueue(member, payload={"b": 2}, dedup_key="k", mode=mode) == (first, True)
        assert left(admin, "payload") == [(expected,)]

    def test_a_newer_payload_waits_behind_the_one_that_is_processed(
        self, member: Connection, service: Connection, admin: Connection
    ) -> None:
        enqueue(member, payload={"v": 1}, dedup_key="k", mode="replace")
        [first] = claim(service)
        enqueue(member, payload={"v": 2}, dedup_key="k", mode="replace")
        enqueue(member, payload={"v": 3}, dedup_key="k", mode="replace")
        assert claim(service) == []
        assert left(admin, "payload, status, blockers") == [({"v": 1}, "processing", 0), ({"v": 3}, "pending", 1)]
        assert complete(service, first) == ["completed"]
        assert [row.payload for row in claim(service)] == [{"v": 3}]

    def test_a_failure_with_a_newer_twin_waiting_gives_way_to_it(
        self, member: Connection, service: Connection, admin: Connection
    ) -> None:
        enqueue(member, payload={"v": 1}, dedup_key="k", mode="replace")
        [first] = claim(service)
        second, _ = enqueue(member, payload={"v": 2}, dedup_key="k", mode="replace")
        failed = fail(service, first)
        assert (failed.status, failed.reason, failed.retry_at) == ("superseded", "twin", None)
        assert [row.payload for row in claim(service)] == [{"v": 2}]
        assert admin.execute("select status, superseded_by from syncwell.sync_queue_archive").fetchall() == [
            ("superseded", second)
        ]

    def test_replacing_what_was_sent_to_be_ignored_loses_nothing(self, member: Connection, service: Connection) -> None:
        enqueue(member, payload={"v": 1}, dedup_key="k")
        [first] = claim(service)
        enqueue(member, payload={"v": 2}, dedup_key="k", mode="replace")
        assert complete(service, first) == ["completed"]
        assert [row.payload for row in claim(service)] == [{"v": 2}]

    def test_without_deduplication_everything_is_done(self, member: Connection, service: Connection) -> None:
        for _ in range(3):
            enqueue(member, payload={"a": 1}, mode="none")
        assert len(claim(service)) == 3


class TestBatches:
    def test_bad_elements_are_named_and_the_others_are_taken(self, member: Connection, admin: Connection) -> None:
        batch = (
            '[{"operation_type": "a"}, {"operation_type": ""}, 5, {"operation_type": "b", "nonsense": 1},'
            ' {"operation_type": "c", "payload": {"t": "\\u0000"}}, {"operation_type": "d", "priority": 10},'
            ' {"operation_type": "e", "run_at": "2026-02-31T00:00:00Z"}, {"operation_type": "f", "mode": "merge"},'
            ' {"operation_type": "g", "depends_on": ["00000000-0000-0000-0000-000000000000"]},'
            ' {"operation_type": "h", "max_attempts": 0}, {"operation_type": "i", "payload": {"t": "\\ud800"}},'
            ' {"operation_type": "z", "run_at": "2026-02-28T00:00:00+01:00", "priority": 9}]'
        )
        rows = member.execute(
            "select place, operation_id is not null, error_code from syncwell.enqueue_operations(%s::json)", [batch]
        ).fetchall()
        assert rows == [
            (0, True, None), (1, False, "22023"), (2, False, "22023"), (3, False, "22023"), (4, False, "22P05"),
            (5, False, "22023"), (6, False, "22023"), (7, False, "22023"), (8, False, "SW401"), (9, False, "22023"),
            (10, False, "22P05"), (11, True, None),
        ]  # fmt: skip
        assert left(admin, "operation_type") == [("a",), ("z",)]

    def test_twins_within_a_batch_are_one_operation(self, member: Connection, admin: Connection) -> None:
        batch = [
            {"operation_type": "a", "payload": {"x": 1}},
            {"operation_type": "a", "payload": {"x": 1.0}},
            {"operation_type": "m", "dedup_key": "k", "mode": "merge", "payload": {"x": 1, "y": 1}},
            {"operation_type": "m", "dedup_key": "k", "mode": "merge", "payload": {"y": 2}},
            {"operation_type": "r", "dedup_key": "k", "mode": "replace", "payload": {"x": 1}},
            {"operation_type": "r", "dedup_key": "k", "mode": "replace", "payload": {"y": 2}},
            {"operation_type": "n", "mode": "none"},
            {"operation_type": "n", "mode": "none"},
        ]
        rows = member.execute(
            "select operation_id, deduplicated from syncwell.enqueue_operations(%s)", [json.dumps(batch)]
        ).fetchall()
        assert [row[1] for row in rows] == [False, True, False, True, False, True, False, False]
        assert rows[0][0] == rows[1][0]
        assert left(admin, "operation_type, payload") == [
            ("a", {"x": 1}), ("m", {"x": 1, "y": 2}), ("r", {"y": 2}), ("n", {}), ("n", {}),
        ]  # fmt: skip

    def test_a_batch_sent_again_changes_nothing(self, member: Connection, admin: Connection) -> None:
        batch = json.dumps([{"operation_type": "a", "payload": {"n": n}} for n in range(1000)])
        first = member.execute("select operation_id from syncwell.enqueue_operations(%s)", [batch]).fetchall()
        again = member.execute(
            "select operation_id, deduplicated from syncwell.enqueue_operations(%s)", [batch]
        ).fetchall()
        assert [(row[0], True) for row in first] == again
        assert len(left(admin)) == 1000


class TestOrder:
    def test_operations_of_one_key_are_done_one_after_the_other_in_order_of_arrival(
        self, member: Connection, service: Connection
    ) -> None:
        batch = [{"operation_type": str(n), "ordering_key": "chat", "mode": "none"} for n in range(5)]
        member.execute("select from syncwell.enqueue_operations(%s)", [json.dumps(batch)])
        enqueue(member, "5", ordering_key="chat")
        done = []
        while claimed := claim(service):
            assert len(claimed) == 1
            done.append(claimed[0].operation_type)
            complete(service, *claimed)
        assert done == [str(n) for n in range(6)]

    def test_a_failure_holds_up_its_own_order_only(self, member: Connection, service: Connection) -> None:
        enqueue(member, "first", ordering_key="chat")
        enqueue(member, "second", ordering_key="chat")
        enqueue(member, "free", ordering_key="other")
        claimed = {row.operation_type: row for row in claim(service)}
        assert set(claimed) == {"first", "free"}
        assert fail(service, claimed["first"]).status == "pending"
        assert claim(service) == []

    def test_a_dead_one_lets_its_order_go_on_but_not_what_needs_it(
        self, member: Connection, service: Connection
    ) -> None:
        first, _ = enqueue(member, "first", ordering_key="chat")
        enqueue(member, "second", ordering_key="chat")
        enqueue(member, "needs", depends_on=[first])
        [claimed] = claim(service)
        assert fail(service, claimed, "HTTP_404").status == "dead"
        [second] = claim(service)
        assert second.operation_type == "second"
        assert service.execute("select syncwell.requeue_dead()").fetchone() == (1,)
        [again] = claim(service)
        complete(service, again)
        assert [row.operation_type for row in claim(service)] == ["needs"]

    def test_what_depends_on_a_superseded_one_waits_for_its_successor(
        self, member: Connection, service: Connection
    ) -> None:
        old, _ = enqueue(member, "save", {"v": 1}, dedup_key="k", mode="replace")
        enqueue(member, "needs", depends_on=[old])
        [first] = claim(service)
        enqueue(member, "save", {"v": 2}, dedup_key="k", mode="replace")
        assert fail(service, first).status == "superseded"
        enqueue(member, "needs too", depends_on=[old])
        [second] = claim(service)
        assert second.payload == {"v": 2}
        complete(service, second)
        assert {row.operation_type for row in claim(service)} == {"needs", "needs too"}


class TestClaiming:
    def test_higher_priorities_first_and_what_is_not_due_not_at_all(
        self, member: Connection, service: Connection
    ) -> None:
        for priority in (1, 9, 5):
            enqueue(member, f"p{priority}", priority=priority)
        enqueue(member, "later", priority=9, run_at="2199-01-01 00:00+00")
        assert [row.operation_type for row in claim(service, 2)] == ["p9", "p5"]
        assert [row.operation_type for row in claim(service)] == ["p1"]

    def test_an_operator_serves_every_org_in_turn_whatever_one_of_them_sends(self, database: Database) -> None:
        flood = database.connect("a_service", autocommit=True)
        batch = json.dumps([{"operation_type": "a", "mode": "none", "priority": 9} for _ in range(2000)])
        flood.execute("select from syncwell.enqueue_operations(%s)", [batch])
        quiet = database.connect("b_service", autocommit=True)
        for number in range(5):
            enqueue(quiet, "b", {"n": number}, priority=0)
        admin = database.connect(autocommit=True)
        admin.execute("grant syncwell_worker to operator")
        operator = database.connect("operator", autocommit=True)
        assert sorted(row.operation_type for row in claim(operator, 10)) == ["a"] * 5 + ["b"] * 5

    def test_a_lease_that_ran_out_is_handed_out_again_and_its_old_holder_is_refused(
        self, member: Connection, admin: Connection, database: Database
    ) -> None:
        enqueue(member, "a")
        worker = database.connect(autocommit=True)
        worker.execute("set session authorization a_service")
        [old] = claim(worker, lease="10 seconds")
        assert claim(worker) == []
        admin.execute("update syncwell.sync_queue set run_at = run_at - interval '11 seconds'")
        [new] = claim(worker)
        assert (new.operation_id, new.attempt, new.lease_token == old.lease_token) == (old.operation_id, 2, False)
        assert complete(worker, old) == ["lease_lost"]
        with pytest.raises(psycopg.Error, match="lease is lost") as refused:
            fail(worker, old)
        assert refused.value.sqlstate == "SW402"
        assert worker.execute(
            "select count(*) from syncwell.extend_lease(%s, %s)", [[old.operation_id], old.lease_token]
        ).fetchone() == (0,)
        assert complete(worker, new) == ["completed"]
        assert complete(worker, new) == ["completed"]
        assert complete(worker, old) == ["lease_lost"]

    def test_the_last_attempt_that_never_came_back_is_dead_and_not_lost(
        self, member: Connection, service: Connection, admin: Connection
    ) -> None:
        enqueue(member, "a", max_attempts=2)
        for attempt in (1, 2):
            [claimed] = claim(service)
            assert claimed.attempt == attempt
            admin.execute("update syncwell.sync_queue set run_at = run_at - interval '1 hour'")
        assert claim(service) == []
        assert left(admin, "status, dead_reason") == [("dead", "lease_expired")]
        assert service.execute("select syncwell.requeue_dead()").fetchone() == (1,)
        assert [row.attempt for row in claim(service)] == [1]

    def test_a_member_works_on_its_own_only(self, member: Connection, database: Database) -> None:
        enqueue(member, "mine")
        enqueue(database.connect("a_other", autocommit=True), "other's")
        assert [row.operation_type for row in claim(member)] == ["mine"]

    def test_what_a_worker_gives_back_counts_no_attempt(self, member: Connection, service: Connection) -> None:
        enqueue(member, "a")
        [claimed] = claim(service)
        released = service.execute(
            "select syncwell.release_operations(%s, %s)", [[claimed.operation_id], claimed.lease_token]
        ).fetchone()
        assert released == (1,)
        assert [row.attempt for row in claim(service)] == [1]


class TestRetries:
    def test_delays_follow_the_retry_rules_until_the_attempts_are_used(
        self, member: Connection, service: Connection, admin: Connection
    ) -> None:
        admin.execute("select syncwell.set_setting('retry.jitter', 'none')")
        enqueue(member, "a")
        delays = []
        for _ in range(5):
            [claimed] = claim(service)
            failed = fail(service, claimed)
            if failed.status == "dead":
                break
            [(delay,)] = left(admin, "extract(epoch from run_at - last_failed_at)::integer")
            delays.append(delay)
            admin.execute("update syncwell.sync_queue set run_at = run_at - interval '1 minute'")
        assert delays == [1, 2, 4, 8]
        assert left(admin, "status, dead_reason, attempts") == [("dead", "attempts", 5)]

    @pytest.mark.parametrize(("code", "reason"), [("HTTP_422", "permanent"), ("HTTP_401", "auth")])
    def test_what_trying_again_does_not_help_is_dead_at_once(
        self, member: Connection, service: Connection, code: str, reason: str
    ) -> None:
        enqueue(member, "a")
        [claimed] = claim(service)
        failed = fail(service, claimed, code)
        assert (failed.status, failed.reason, failed.attempt) == ("dead", reason, 1)

    def test_a_secret_in_an_error_is_not_kept(self, member: Connection, service: Connection, admin: Connection) -> None:
        enqueue(member, "a")
        [claimed] = claim(service)
        service.execute(
            "select from syncwell.fail_operation(%s, %s, 'password=hunter2 refused')",
            [claimed.operation_id, claimed.lease_token],
        )
        [(text,)] = left(admin, "last_error")
        assert "hunter2" not in text


class TestOthers:
    """What one caller does must not reach another."""

    def test_a_forged_order_blocks_nobody(self, member: Connection, database: Database, service: Connection) -> None:
        enqueue(member, "mine", ordering_key="forged", run_at="2199-01-01 00:00+00")
        admin = database.connect(autocommit=True)
        admin.execute(
            "update syncwell.sync_queue set order_hash = syncwell._order_hash(test.id('a_other'), 'contacts')"
        )
        enqueue(database.connect("a_other", autocommit=True), "theirs", ordering_key="contacts")
        assert [row.operation_type for row in claim(service)] == ["theirs"]

    def test_a_large_batch_takes_few_locks(self, member: Connection, database: Database) -> None:
        batch = [
            {"operation_type": "a", "payload": {}, "dedup_key": str(n), "mode": "replace", "ordering_key": str(n)}
            for n in range(1000)
        ]
        with member.transaction():
            member.execute("select from syncwell.enqueue_operations(%s)", [json.dumps(batch)])
            row = (
                database.connect(autocommit=True)
                .execute("select count(*) from pg_locks where pid = %s", [member.info.backend_pid])
                .fetchone()
            )
        assert row is not None
        assert 0 < row[0] <= 128

    def test_details_are_hidden_once_consent_is_asked_for(
        self, member: Connection, service: Connection, admin: Connection, database: Database
    ) -> None:
        enqueue(member, "a", {"to": "Jane"}, device_id="DEVICE-7", dedup_key="contact:Jane", ordering_key="Jane")
        enqueue(member, "b", device_id="DEVICE-7")
        [claimed] = claim(service, 1)
        service.execute(
            "select from syncwell.fail_operation(%s, %s, 'no Jane', 'password=hunter2 Jane')",
            [claimed.operation_id, claimed.lease_token],
        )
        stored = left(admin, "last_error_code")
        assert "hunter2" not in str(stored)
        admin.execute("select syncwell.set_setting('consent_required', 'on')")
        for login in ("a_analyst", "a_admin"):
            shown = str(
                database.connect(login, autocommit=True).execute("select * from syncwell.get_operations()").fetchall()
            )
            assert "Jane" not in shown
            assert "DEVICE-7" not in shown
        assert [row.device_id for row in claim(service)] == [None]

    def test_a_member_empties_no_bucket_but_its_own(self, member: Connection, service: Connection) -> None:
        assert member.execute("select allowed from syncwell.try_acquire('strava', 200)").fetchone() == (True,)
        assert service.execute("select allowed from syncwell.try_acquire('strava', 200)").fetchone() == (True,)

    def test_requeueing_under_an_old_snapshot_ends(
        self, member: Connection, service: Connection, database: Database
    ) -> None:
        enqueue(member, "a", max_attempts=1)
        [claimed] = claim(service)
        fail(service, claimed)
        old = database.connect("a_member", autocommit=False)
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("select count(*) from syncwell.get_operations()")
        enqueue(member, "a")
        with pytest.raises(psycopg.Error) as refused:
            old.execute("select syncwell.requeue_dead()")
        assert refused.value.sqlstate == "40001"


class TestLimits:
    def test_a_bucket_gives_what_it_holds_and_fills_up_again(self, admin: Connection) -> None:
        admin.execute("select syncwell.set_setting('queue.burst', '3')")
        admin.execute("select syncwell.set_setting('queue.rate', '2')")
        admin.execute("set session authorization a_service")
        admin.execute("reset session authorization")
        set_clock(admin, NOON)
        admin.execute("select syncwell.bind_login(current_user, 'service', test.org('a'), null)")
        asked = [admin.execute("select allowed, wait_ms from syncwell.try_acquire('api')").fetchone() for _ in range(4)]
        assert asked == [(True, 0), (True, 0), (True, 0), (False, 500)]
        set_clock(admin, "2026-03-02 12:00:00.5+00")
        assert admin.execute("select allowed from syncwell.try_acquire('api')").fetchone() == (True,)
        set_clock(admin, "2026-03-02 11:00+00")
        assert admin.execute("select allowed from syncwell.try_acquire('api')").fetchone() == (False,)


class TestMetrics:
    def test_what_waits_for_its_time_is_no_backlog(self, member: Connection, service: Connection) -> None:
        enqueue(member, "later", run_at="2199-01-01 00:00+00")
        first, _ = enqueue(member, "first")
        enqueue(member, "needs", depends_on=[first])
        [claimed] = claim(service)
        fail(service, claimed)
        row = service.execute(
            "select depth, ready, scheduled, retrying, blocked, processing, dead, oldest_ready_seconds, drain_seconds"
            " from syncwell.get_queue_health_metrics() where source is null"
        ).fetchone()
        assert row == (3, 0, 1, 1, 1, 0, 0, 0, 0)

    def test_waits_services_and_rates_are_of_what_was_done(self, admin: Connection) -> None:
        admin.execute("select syncwell.bind_login(current_user, 'service', test.org('a'), null)")
        set_clock(admin, "2026-03-02 12:00:00+00")
        for number in range(20):
            enqueue(admin, "a", {"n": number}, source="mail", platform="android")
        set_clock(admin, "2026-03-02 12:00:10+00")
        claimed = claim(admin, 10)
        set_clock(admin, "2026-03-02 12:00:11+00")
        complete(admin, *claimed)
        set_clock(admin, "2026-03-02 12:00:30+00")
        rows = admin.execute(
            "select source, platform, ready, oldest_ready_seconds, p95_wait_ms, p95_service_ms, arrivals_per_minute,"
            " completions_per_minute, drain_seconds from syncwell.get_queue_health_metrics()"
        ).fetchall()
        assert rows == [
            (source, platform, 10, 30, 10000, 1000, 4, 2, None)
            for source, platform in ((None, None), ("mail", "android"))
        ]

    def test_the_newest_report_of_a_device_wins_and_a_missing_one_is_unknown(self, member: Connection) -> None:
        unknown = "select client_queues, client_depth from syncwell.get_queue_health_metrics() where source is null"
        assert member.execute(unknown).fetchone() == (0, None)
        report = "select syncwell.report_client_queue('phone', %s, %s, 'calls', 'ios', %s)"
        assert member.execute(report, [7, "2026-03-02 11:00+00", "2026-03-02 12:00+00"]).fetchone() == (True,)
        assert member.execute(report, [9, "2026-03-02 10:00+00", "2026-03-02 11:59+00"]).fetchone() == (False,)
        assert member.execute(
            "select source, platform, client_queues, client_depth from syncwell.get_queue_health_metrics()"
        ).fetchall() == [(None, None, 1, 7), ("calls", "ios", 1, 7)]
