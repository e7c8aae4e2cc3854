"""Evaluators beside each other, beside whoever handles issues, and beside runs and reports that are recorded."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.evaluating import BROKEN_PERIODS, Fleet
from harness.wait import wait_for_lock

if TYPE_CHECKING:
    from harness import Database

EVALUATE = b"select streams, moved, opened, skipped from syncwell._evaluate_org(test.org('a'))"
EVALUATORS, RECORDERS, RUNS = 6, 4, 40


@pytest.fixture
def fleet(database: Database) -> Fleet:
    """Six streams that ran at 12:00 and were evaluated; then one of them failed."""
    fleet = Fleet(database.connect(autocommit=True))
    fleet.setting("health.keep_for", "0")
    for n in range(6):
        fleet.run(f"s{n}", "12:00")
    fleet.tick("12:01")
    fleet.run("s0", "12:02", "failed")
    return fleet


def session(database: Database, at: str = "12:05", **options: Any) -> psycopg.Connection[Any]:
    """A superuser's, at a time of the fleet's day; whoever waits for a lock fails after two seconds."""
    connection = database.connect(**options)
    connection.execute(f"set syncwell.fake_now = '2026-03-02 {at}+00'".encode())
    connection.execute(b"set lock_timeout = '2s'")
    connection.commit() if not connection.autocommit else None
    return connection


def without(fleet: Fleet, function: str, part: str, instead: str) -> None:
    """The failing control: the same function without what the test is about."""
    source = fleet.value("select pg_get_functiondef(%s::regproc)", f"syncwell.{function}")
    assert part in source
    fleet.connection.execute(source.replace(part, instead).encode())


def counted(fleet: Fleet) -> list[tuple[Any, ...]]:
    return fleet.rows(
        "select (select count(*) from syncwell.blind_periods), "
        "(select count(*) from syncwell.sync_issues where issue_type = 'evaluation_gap'), "
        "(select count(*) from syncwell.sync_issues where issue_type = 'failure'), "
        "(select count(*) from syncwell.alert_outbox)"
    )


def test_who_comes_second_does_nothing(database: Database, fleet: Fleet) -> None:
    one, other = session(database, "15:00"), session(database, "15:00:01", autocommit=True)
    assert one.execute(EVALUATE).fetchall() == [(6, 1, 2, False)]
    # at once, without waiting
    assert other.execute(EVALUATE).fetchall() == [(0, 0, 0, True)]
    one.commit()
    assert other.execute(EVALUATE).fetchall() == [(6, 0, 0, False)]
    assert counted(fleet) == [(1, 1, 1, 3)]
    fleet.assert_sound()


def test_without_the_lock_it_decides_the_same_twice(database: Database, fleet: Fleet) -> None:
    """The control: it has read when the org was last evaluated, and marks the same time blind again."""
    without(fleet, "_evaluate_org", "skipped := not found", "skipped := false")
    one, other = session(database, "15:00"), session(database, "15:00:01", autocommit=True)
    failures: list[psycopg.Error] = []

    def evaluate() -> None:
        try:
            other.execute(EVALUATE)
        except psycopg.Error as error:
            failures.append(error)

    one.execute(EVALUATE)
    thread = threading.Thread(target=evaluate)
    thread.start()
    wait_for_lock(fleet.connection, other.info.backend_pid)
    one.commit()
    thread.join()
    assert [f.sqlstate for f in failures] == ["23505"]


def test_an_older_snapshot_is_told_to_come_again(database: Database, fleet: Fleet) -> None:
    older = session(database, "15:00:01")
    older.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    older.execute(b"select from syncwell.orgs")
    fleet.tick("15:00")
    with pytest.raises(psycopg.errors.SerializationFailure):
        older.execute(EVALUATE)
    older.rollback()
    assert older.execute(EVALUATE).fetchall() == [(6, 0, 0, False)]


def test_an_issue_that_is_being_handled_is_left_for_the_next_time(database: Database, fleet: Fleet) -> None:
    fleet.tick("12:03")
    fleet.run("s0", "12:04")
    issue = fleet.value("select id from syncwell.sync_issues")
    admin = database.connect("a_admin")
    admin.execute("select syncwell.acknowledge_issue(%s)", (issue,))
    evaluator = session(database, autocommit=True)
    evaluator.execute(EVALUATE)
    admin.commit()
    assert fleet.rows("select state, gone_since from syncwell.sync_issues") == [("acknowledged", None)]
    fleet.tick("12:06")
    assert fleet.issues("state, acknowledged_by") == fleet.rows("select 'resolved', test.id('a_admin')")


def test_whatever_others_hold_is_left_for_the_next_time(database: Database, fleet: Fleet) -> None:
    """An issue that must last first, a pause that is over, a window that comes again: each is a row to be written."""
    fleet.setting("health.pending_for", "10 minutes")
    fleet.execute(
        "insert into syncwell.maintenance_windows (org_id, mode, source, starts_at, ends_at, cron) values "
        "(test.org('a'), 'pause', 's4', '2026-03-02 12:02+00', '2026-03-02 12:04+00', null), "
        "(test.org('a'), 'mute', 's5', '2026-03-02 12:02+00', '2026-03-02 12:04+00', '2 12 * * *')"
    )

    def left() -> list[tuple[Any, ...]]:
        return fleet.rows(
            "select (select count(*) from syncwell.stream_states where pending_issues is not null), "
            "(select count(*) from syncwell.stream_states where expect_from = 'infinity'), "
            "(select count(*) from syncwell.maintenance_windows where cron is not null and ends_at < '2026-03-03+00')"
        )

    fleet.tick("12:03")
    fleet.run("s1", "12:04", "failed")
    assert left() == [(1, 1, 1)]
    holder = database.connect()
    holder.execute("select from syncwell.stream_states for update")
    holder.execute("select from syncwell.maintenance_windows for update")
    evaluator = session(database, autocommit=True)
    evaluator.execute(EVALUATE)
    assert left() == [(1, 1, 1)]
    holder.rollback()
    fleet.tick("12:06")
    assert left() == [(2, 0, 0)]


@pytest.mark.parametrize("function", ["_without_pending", "_move_windows"])
def test_without_leaving_them_the_evaluation_waits(function: str, database: Database, fleet: Fleet) -> None:
    """The control."""
    without(fleet, function, "for no key update skip locked", "for no key update")
    with pytest.raises(psycopg.errors.LockNotAvailable):
        test_whatever_others_hold_is_left_for_the_next_time(database, fleet)


def test_without_leaving_it_the_evaluation_waits_for_people(database: Database, fleet: Fleet) -> None:
    """The control."""
    without(fleet, "_store_issues", "for no key update skip locked", "for no key update")
    fleet.tick("12:03")
    fleet.run("s0", "12:04")
    admin = database.connect("a_admin")
    admin.execute("select syncwell.acknowledge_issue((select issue_id from syncwell.get_sync_issues()))")
    evaluator = session(database, autocommit=True)
    evaluator.execute(b"set lock_timeout = '100ms'")
    with pytest.raises(psycopg.errors.LockNotAvailable):
        evaluator.execute(EVALUATE)


def test_who_handles_an_issue_that_is_just_resolved_learns_so(database: Database, fleet: Fleet) -> None:
    fleet.tick("12:03")
    issue = fleet.value("select id from syncwell.sync_issues")
    fleet.run("s0", "12:04")
    evaluator, admin = session(database), database.connect("a_admin", autocommit=True)
    evaluator.execute(EVALUATE)
    failures: list[psycopg.Error] = []

    def acknowledge() -> None:
        try:
            admin.execute("select syncwell.acknowledge_issue(%s)", (issue,))
        except psycopg.Error as error:
            failures.append(error)

    thread = threading.Thread(target=acknowledge)
    thread.start()
    wait_for_lock(fleet.connection, admin.info.backend_pid)
    evaluator.commit()
    thread.join()
    assert [f.sqlstate for f in failures] == ["SW604"]
    assert fleet.issues("state, acknowledged_at") == [("resolved", None)]


def test_runs_are_recorded_while_it_evaluates(database: Database, fleet: Fleet) -> None:
    evaluator, worker = session(database), session(database, "12:06", autocommit=True)
    assert evaluator.execute(EVALUATE).fetchall() == [(6, 1, 1, False)]
    for source in ("s0", "s1", "new"):
        with worker.transaction():
            worker.execute("select test.at('2026-03-02 12:06+00', 'a_member')")
            worker.execute("select test.run(%s, '2026-03-02 12:06+00', 'failed')", (source,))
            worker.execute("select syncwell.register_stream(%s, p_expected_interval => '1 hour')", (source,))
    with worker.transaction():
        worker.execute("select test.at('2026-03-02 12:06+00', 'a_member')")
        worker.execute("select syncwell.unregister_stream('s2')")
    evaluator.commit()
    fleet.tick("12:10")
    assert fleet.states()["s1"] == fleet.states()["new"] == "degraded"
    assert fleet.value("select ends_at from syncwell.stream_periods where source = 's2'") is not None


@pytest.mark.usefixtures("fleet")
def test_an_evaluation_that_locked_states_of_runs_would_hold_them_up(database: Database) -> None:
    """The control."""
    evaluator, worker = session(database), session(database, "12:06", autocommit=True)
    evaluator.execute(EVALUATE)
    evaluator.execute(b"select from syncwell.sync_state for update")
    worker.execute(b"set lock_timeout = '100ms'")
    with pytest.raises(psycopg.errors.LockNotAvailable), worker.transaction():
        worker.execute(
            "select test.at('2026-03-02 12:06+00', 'a_member'), test.run('s1', '2026-03-02 12:06+00', 'failed')"
        )


def touch(connection: psycopg.Connection[Any], source: str) -> None:
    """As a report of a device writes the row of its stream."""
    connection.execute(
        "update syncwell.stream_states set queue_depth = coalesce(queue_depth, 0) + 1 where source = %s", (source,)
    )


def last_and_first(fleet: Fleet) -> tuple[str, str]:
    sources = [s for (s,) in fleet.rows("select source from syncwell.stream_states order by stream_id")]
    return sources[-1], sources[0]


def test_reports_of_several_streams_and_an_evaluation_pass_each_other(database: Database, fleet: Fleet) -> None:
    for n in range(6):
        fleet.run(f"s{n}", "12:03", "failed")
    last, first = last_and_first(fleet)
    reports, evaluator = session(database), session(database)
    touch(reports, last)
    # all but the one that is being reported of
    assert evaluator.execute(EVALUATE).fetchall() == [(6, 5, 6, False)]
    thread = threading.Thread(target=touch, args=(reports, first))
    thread.start()
    wait_for_lock(fleet.connection, reports.info.backend_pid)
    evaluator.commit()
    thread.join()
    reports.commit()
    assert fleet.states()[last] == "healthy"
    fleet.assert_sound()
    assert fleet.tick("12:10")["moved"] == 1
    assert set(fleet.states().values()) == {"degraded"}
    assert fleet.rows(
        "select source, queue_depth from syncwell.stream_states where queue_depth = 1 order by 1"
    ) == sorted([(first, 1), (last, 1)])
    fleet.assert_sound()


def test_without_leaving_rows_of_others_they_stop_each_other(database: Database, fleet: Fleet) -> None:
    """The control."""
    without(fleet, "_store_streams", "for no key update skip locked", "for no key update")
    for n in range(6):
        fleet.run(f"s{n}", "12:03", "failed")
    last, first = last_and_first(fleet)
    reports, evaluator = session(database), session(database)
    for connection in (reports, evaluator):
        connection.execute(b"set deadlock_timeout = '10ms'")
    failures: list[str | None] = []

    def evaluate() -> None:
        try:
            evaluator.execute(EVALUATE)
        except psycopg.Error as error:
            failures.append(error.sqlstate)

    touch(reports, last)
    thread = threading.Thread(target=evaluate)
    thread.start()
    wait_for_lock(fleet.connection, evaluator.info.backend_pid)
    try:
        touch(reports, first)
    except psycopg.Error as error:
        failures.append(error.sqlstate)
        reports.rollback()
    thread.join()
    assert failures == ["40P01"]


def test_many_evaluators_beside_many_runs(database: Database) -> None:
    """After all of it: one open issue for each stream that fails, none for others, stretches end to end."""
    fleet = Fleet(database.connect(autocommit=True))
    # one severity: that it gets better is not told, and so the same twice when it then gets worse again
    for key, value in (
        ("health.keep_for", "0"),
        ("health.flap_minimum", "21"),
        ("health.flap_start", "100"),
        ("runs.failure_threshold", "1"),
    ):
        fleet.setting(key, value)
    done = threading.Event()
    failures: list[BaseException] = []
    skipped: list[bool] = []

    def record(number: int) -> None:
        chance = random.Random(number)  # noqa: S311
        try:
            connection = database.connect(autocommit=True)
            for _ in range(RUNS):
                source = f"s{chance.randrange(5)}"
                with connection.transaction():
                    connection.execute("select syncwell.act_as(test.id('a_member'))")
                    row = connection.execute("select event_id, lease from syncwell.record_sync_start(%s)", (source,))
                    run = row.fetchone()
                with connection.transaction():
                    connection.execute("select syncwell.act_as(test.id('a_member'))")
                    if chance.random() < 0.5:
                        connection.execute("select syncwell.record_sync_error(%s, %s, 'no')", run)
                    else:
                        connection.execute("select syncwell.record_sync_complete(%s, %s, 1)", run)
        except BaseException as error:
            failures.append(error)
            raise

    def evaluate() -> None:
        try:
            connection = database.connect(autocommit=True)
            while not done.is_set():
                for row in connection.execute(EVALUATE).fetchall():
                    skipped.append(row[3])
        except BaseException as error:
            failures.append(error)
            raise

    recorders = [threading.Thread(target=record, args=(number,)) for number in range(RECORDERS)]
    evaluators = [threading.Thread(target=evaluate) for _ in range(EVALUATORS)]
    for thread in recorders + evaluators:
        thread.start()
    for thread in recorders:
        thread.join()
    done.set()
    for thread in evaluators:
        thread.join()
    assert failures == []
    assert True in skipped

    fleet.connection.execute(EVALUATE)
    assert fleet.value(BROKEN_PERIODS, []) == 0
    assert fleet.rows(
        "select i.source, (i.evidence ->> 'consecutive_failures')::integer from syncwell.sync_issues as i "
        "where i.issue_type = 'failure' and i.state <> 'resolved' order by 1"
    ) == fleet.rows(
        "select s.source, t.consecutive_failures from syncwell.sync_state as t join syncwell.streams as s "
        "using (org_id, stream_id) where t.consecutive_failures > 0 order by 1"
    )
    # told of in turns: opened, resolved, opened
    assert fleet.value(
        "select count(*) from (select status, severity, lag(status) over w as before, "
        "lag(severity) over w as severity_before from syncwell.alert_outbox "
        "window w as (partition by issue_id order by id)) as a "
        "where a.status = a.before and a.severity = a.severity_before"
    ) == 0  # fmt: skip
