"""Runs under concurrency: one run a key, one end a run, one caller a retry; each beside a naive way that fails."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.wait import wait_for_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness import Database

Connection = psycopg.Connection[Any]
Row = tuple[Any, ...]

START = "select event_id, lease, stream_id, is_new from syncwell.record_sync_start('calls', p_run_key => %s)"
COMPLETE = "select status, changed from syncwell.record_sync_complete(%s, %s, 5)"
FAIL = "select error_id, lane from syncwell.record_sync_error(%s, %s, 'down', 'ECONNRESET')"
CLAIM = "select error_id, is_probe from syncwell.claim_due_retries(%s)"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as executor:
        yield executor


def one(connection: Connection, query: str, arguments: tuple[Any, ...] = ()) -> Row:
    row: Row | None = connection.execute(query, arguments).fetchone()
    assert row is not None
    return row


def at_once(pool: ThreadPoolExecutor, connections: list[Connection], work: Callable[[Connection], Row]) -> list[Row]:
    """What `work` answers in each session, all of them let go at the same moment."""
    gate = threading.Barrier(len(connections))

    def go(connection: Connection) -> Row:
        gate.wait(20)
        return work(connection)

    return list(pool.map(go, connections))


def waiting(
    database: Database, pool: ThreadPoolExecutor, connection: Connection, query: str, arguments: tuple[Any, ...]
) -> Future[Row]:
    """The query on its way in another thread, once it waits for a lock."""
    answer = pool.submit(one, connection, query, arguments)
    wait_for_lock(database.connect(autocommit=True), connection.info.backend_pid)
    return answer


def due_errors(database: Database, count: int) -> Connection:
    """Errors of one org that are all due, each on a stream of its own; returns a superuser's session."""
    admin = database.connect(autocommit=True)
    service = database.connect("a_service", autocommit=True)
    for number in range(count):
        service.execute(
            "select syncwell.schedule_sync_retry(syncwell.create_sync_error(%s, 'x'), '0')", [f"source{number}"]
        )
    return admin


def test_one_run_a_key(database: Database, pool: ThreadPoolExecutor) -> None:
    sessions = [database.connect("a_service", autocommit=True) for _ in range(16)]
    answers = at_once(pool, sessions, lambda session: one(session, START, ("nightly",)))
    assert len({answer[:3] for answer in answers}) == 1, "all are told the same run, lease and stream"
    assert sum(answer[3] for answer in answers) == 1, "one of them made it"
    counts = "select (select count(*) from syncwell.sync_events), (select count(*) from syncwell.streams), "
    counts += "(select count(*) from syncwell.sync_state)"
    assert one(sessions[0], counts) == (1, 1, 1)


def test_looking_before_inserting_makes_many(database: Database, pool: ThreadPoolExecutor) -> None:
    """The control: without the table of keys, everybody looks, finds nothing, and inserts."""
    with database.connect() as admin:
        admin.execute("create table naive (run_key text, id uuid); grant all on naive to public")
    sessions = [database.connect("a_service") for _ in range(16)]
    looked = threading.Barrier(len(sessions))

    def naive(session: Connection) -> Row:
        row = session.execute("select id from naive where run_key = 'nightly'").fetchone()
        looked.wait(20)
        if row is None:
            row = one(session, "insert into naive values ('nightly', gen_random_uuid()) returning id")
        session.commit()
        return row

    assert len(set(at_once(pool, sessions, naive))) == 16


@pytest.mark.parametrize("first_commits", [True, False])
def test_a_start_waits_for_the_same_key(database: Database, pool: ThreadPoolExecutor, first_commits: bool) -> None:
    first, second = database.connect("a_service"), database.connect("a_service", autocommit=True)
    database.connect("a_service", autocommit=True).execute("select syncwell.register_stream('calls')")
    run = one(first, START, ("nightly",))
    answer = waiting(database, pool, second, START, ("nightly",))
    if first_commits:
        first.commit()
        assert answer.result(20)[:3] == run[:3]
        assert answer.result()[3] is False
    else:
        first.rollback()
        assert answer.result(20)[0] != run[0]
        assert answer.result()[3] is True


@pytest.mark.parametrize("first_commits", [True, False])
def test_first_use_of_a_stream(database: Database, pool: ThreadPoolExecutor, first_commits: bool) -> None:
    first, second = database.connect("a_service"), database.connect("a_service", autocommit=True)
    run = one(first, START, ("one",))
    answer = waiting(database, pool, second, START, ("two",))
    if first_commits:
        first.commit()
    else:
        first.rollback()
    assert (answer.result(20)[2] == run[2]) is first_commits
    assert one(second, "select count(*) from syncwell.streams") == (1,)


def test_starts_do_not_wait_for_ends(database: Database) -> None:
    first, second = database.connect("a_service"), database.connect("a_service", autocommit=True)
    event_id, lease, *_ = one(second, START, (None,))
    one(first, COMPLETE, (event_id, lease))
    second.execute("set lock_timeout = '1ms'")
    assert one(second, START, (None,))[3] is True


def test_two_finishers(database: Database, pool: ThreadPoolExecutor) -> None:
    first, second = database.connect("a_service"), database.connect("a_service", autocommit=True)
    event_id, lease, *_ = one(second, START, (None,))
    assert one(first, COMPLETE, (event_id, lease)) == ("success", True)
    answer = waiting(database, pool, second, COMPLETE, (event_id, lease))
    first.commit()
    assert answer.result(20) == ("success", False)
    assert one(second, "select total_runs, recent_outcomes::text from syncwell.sync_state") == (1, "1")


def test_two_finishers_who_disagree(database: Database, pool: ThreadPoolExecutor) -> None:
    first, second = database.connect("a_service"), database.connect("a_service", autocommit=True)
    event_id, lease, *_ = one(second, START, (None,))
    one(first, COMPLETE, (event_id, lease))
    answer = waiting(database, pool, second, FAIL, (event_id, lease))
    first.commit()
    with pytest.raises(psycopg.Error) as refusal:
        answer.result(20)
    assert refusal.value.sqlstate == "SW103"
    assert one(second, "select total_runs, consecutive_failures from syncwell.sync_state") == (1, 0)
    assert one(second, "select count(*) from syncwell.sync_errors") == (0,)


def test_finishing_without_a_lock_counts_twice(database: Database, pool: ThreadPoolExecutor) -> None:
    """The control: both read 'started', both end the run, both count it."""
    with database.connect() as admin:
        admin.execute("create table naive (status text, total_runs integer); insert into naive values ('started', 0)")
        admin.execute("grant all on naive to public")
    sessions = [database.connect("a_service") for _ in range(2)]
    looked = threading.Barrier(len(sessions))

    def naive(session: Connection) -> Row:
        status = one(session, "select status from naive")
        looked.wait(20)
        if status == ("started",):
            session.execute("update naive set status = 'success', total_runs = total_runs + 1")
        session.commit()
        return status

    at_once(pool, sessions, naive)
    assert one(sessions[0], "select total_runs from naive") == (2,)


@pytest.mark.parametrize(("one_ends", "other_ends", "streak"), [(COMPLETE, FAIL, 1), (FAIL, COMPLETE, 0)])
def test_success_and_failure_of_one_stream(
    database: Database, pool: ThreadPoolExecutor, one_ends: str, other_ends: str, streak: int
) -> None:
    """Whichever comes second waits and counts after the first; neither order of locks is a deadlock."""
    first, second = database.connect("a_service"), database.connect("a_service", autocommit=True)
    setup = database.connect("a_service", autocommit=True)
    earlier, run, other = (one(setup, START, (None,)) for _ in range(3))
    one(setup, FAIL, earlier[:2])
    one(first, one_ends, run[:2])
    answer = waiting(database, pool, second, other_ends, other[:2])
    first.commit()
    answer.result(20)
    assert one(setup, "select total_runs, consecutive_failures from syncwell.sync_state") == (3, streak)
    assert one(setup, "select count(*) from syncwell.sync_errors where resolved_at is null") == (streak,)


def test_every_end_counts_once(database: Database, pool: ThreadPoolExecutor) -> None:
    """Eight workers, one stream, every run ended twice by two of them, at once."""
    sessions = [database.connect("a_service", autocommit=True) for _ in range(8)]
    runs = [one(sessions[0], START, (None,)) for _ in range(40)]

    def work(session: Connection) -> Row:
        mine = sessions.index(session) // 2
        for event_id, lease, *_ in runs[mine::4]:
            one(session, COMPLETE, (event_id, lease))
        return ()

    at_once(pool, sessions, work)
    assert one(sessions[0], "select total_runs, length(recent_outcomes) from syncwell.sync_state") == (40, 20)
    admin = database.connect()
    assert one(admin, "select sum(runs)::integer from syncwell.source_attempts") == (40,)


def test_claims_are_disjoint(database: Database) -> None:
    due_errors(database, 4)
    first, second = database.connect("a_service"), database.connect("operator", autocommit=True)
    second.execute("set lock_timeout = '1ms'")
    mine = {row[0] for row in first.execute(CLAIM, [2])}
    others = {row[0] for row in second.execute(CLAIM, [10])}
    assert len(mine) == len(others) == 2
    assert not mine & others
    first.rollback()
    assert {row[0] for row in second.execute(CLAIM, [10])} == mine, "what was not committed is due again"


def test_many_claimers(database: Database, pool: ThreadPoolExecutor) -> None:
    due_errors(database, 30)
    sessions = [database.connect("a_service", autocommit=True) for _ in range(16)]

    def work(session: Connection) -> Row:
        return tuple(row[0] for _ in range(10) for row in session.execute(CLAIM, [3]).fetchall())

    claimed = [error for answer in at_once(pool, sessions, work) for error in answer]
    assert len(claimed) == len(set(claimed)) == 30


def test_reading_what_is_due_hands_it_out_twice(database: Database, pool: ThreadPoolExecutor) -> None:
    """The control: a plain SELECT, then an UPDATE."""
    due_errors(database, 4)
    sessions = [database.connect() for _ in range(2)]
    looked = threading.Barrier(len(sessions))

    def naive(session: Connection) -> Row:
        due = "select id from syncwell.sync_errors where next_retry_at <= clock_timestamp() order by id limit 2"
        claimed = tuple(row[0] for row in session.execute(due))
        looked.wait(20)
        session.execute("update syncwell.sync_errors set retry_lease = %s where id = any(%s)", [claimed[0], [*claimed]])
        session.commit()
        return claimed

    one_claims, other_claims = at_once(pool, sessions, naive)
    assert one_claims == other_claims


def test_a_claim_that_is_over(database: Database) -> None:
    admin = due_errors(database, 1)
    service = database.connect("a_service", autocommit=True)
    claim = "select error_id, retry_lease from syncwell.claim_due_retries()"
    start = "select attempt from syncwell.record_sync_start('source0', p_retry_of => %s, p_retry_lease => %s)"
    error_id, late = one(service, claim)
    assert service.execute(claim).fetchall() == []
    admin.execute("update syncwell.sync_errors set retry_lease_until = retry_lease_until - interval '5 minutes'")
    assert one(service, claim)[0] == error_id
    with pytest.raises(psycopg.Error) as refusal:
        service.execute(start, [error_id, late])
    assert refusal.value.sqlstate == "SW102"


def test_one_start_a_claim(database: Database, pool: ThreadPoolExecutor) -> None:
    due_errors(database, 1)
    sessions = [database.connect("a_service", autocommit=True) for _ in range(8)]
    error_id, lease = one(sessions[0], "select error_id, retry_lease from syncwell.claim_due_retries()")

    def start(session: Connection) -> Row:
        return one(
            session,
            "select event_id, attempt, is_new "
            "from syncwell.record_sync_start('source0', p_retry_of => %s, p_retry_lease => %s)",
            (error_id, lease),
        )

    answers = at_once(pool, sessions, start)
    assert len({answer[:2] for answer in answers}) == 1, "all are told the same run"
    assert sum(answer[2] for answer in answers) == 1, "one of them made it"
    assert one(sessions[0], "select count(*) from syncwell.sync_events") == (1,)


def test_one_probe(database: Database, pool: ThreadPoolExecutor) -> None:
    admin = database.connect(autocommit=True)
    sessions = [database.connect("a_service", autocommit=True) for _ in range(8)]
    for number in range(20):
        sessions[0].execute(
            "select syncwell.schedule_sync_retry(syncwell.create_sync_error('api', %s), '0')", ["x" * (number + 1)]
        )
    admin.execute(
        "insert into syncwell.circuits (org_id, source, state, opened_at, cooldown, reopen_at) "
        "values (test.org('a'), 'api', 'open', 'epoch', '30 s', 'epoch')"
    )
    claims = at_once(pool, sessions, lambda session: tuple(session.execute(CLAIM, [10]).fetchall()))
    assert [is_probe for claim in claims for _, is_probe in claim] == [True]


def test_the_reaper_leaves_a_run_that_is_being_ended(database: Database) -> None:
    admin, worker = database.connect(autocommit=True), database.connect("a_service")
    event_id, lease, *_ = one(worker, START, (None,))
    worker.commit()
    admin.execute("update syncwell.sync_events set started_at = started_at - interval '2 days'")
    assert one(worker, COMPLETE, (event_id, lease)) == ("success", True)
    reaper = database.connect("operator", autocommit=True)
    reaper.execute("set lock_timeout = '1ms'")
    assert reaper.execute("select event_id from syncwell.reap_sync_runs()").fetchall() == []
    worker.commit()
    assert reaper.execute("select event_id from syncwell.reap_sync_runs()").fetchall() == []


def test_the_reaper_is_first(database: Database, pool: ThreadPoolExecutor) -> None:
    admin, worker = database.connect(autocommit=True), database.connect("a_service", autocommit=True)
    event_id, lease, *_ = one(worker, START, (None,))
    admin.execute("update syncwell.sync_events set started_at = started_at - interval '2 days'")
    reapers = [database.connect("operator") for _ in range(2)]
    assert one(reapers[0], "select event_id from syncwell.reap_sync_runs()") == (event_id,)
    assert reapers[1].execute("select event_id from syncwell.reap_sync_runs()").fetchall() == []
    answer = waiting(database, pool, worker, COMPLETE, (event_id, lease))
    reapers[0].commit()
    with pytest.raises(psycopg.Error) as refusal:
        answer.result(20)
    assert refusal.value.sqlstate == "SW102"
    assert one(worker, "select total_runs, consecutive_failures from syncwell.sync_state") == (1, 1)


def test_repeatable_read_is_told_to_try_again(database: Database) -> None:
    """A snapshot cannot see the other's run: a serialisation failure, never a second run."""
    first, second = database.connect("a_service", autocommit=True), database.connect("a_service")
    first.execute("select syncwell.register_stream('calls')")
    second.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    second.execute("select 1")
    second.execute("select count(*) from syncwell.streams")
    one(first, START, ("nightly",))
    with pytest.raises(psycopg.errors.SerializationFailure):
        second.execute(START, ["nightly"])


def test_the_reaper_and_a_worker_do_not_wait_for_each_other(database: Database, pool: ThreadPoolExecutor) -> None:
    """Two streams of one source: the reaper comes from the first, a worker fails on the second."""
    admin, worker = database.connect(autocommit=True), database.connect("a_service", autocommit=True)
    blocker, reaper = database.connect(), database.connect("a_service", autocommit=True)
    start = "select event_id, lease from syncwell.record_sync_start('api', p_user_id => test.id(%s))"
    one(worker, start, ("a_member",))
    one(worker, start, ("a_other",))
    admin.execute("update syncwell.sync_events set started_at = started_at - interval '3 days'")
    run = one(worker, start, ("a_other",))
    admin.execute(
        "insert into syncwell.circuits (org_id, source, state, opened_at, cooldown, reopen_at) "
        "values (test.org('a'), 'api', 'closed', 'epoch', '30 s', 'epoch')"
    )
    blocker.execute("select from syncwell.circuits for update")
    reaped = waiting(database, pool, reaper, "select count(*) from syncwell.reap_sync_runs()", ())
    failed = waiting(database, pool, worker, FAIL, run)
    blocker.rollback()
    assert reaped.result(20) == (2,)
    assert failed.result(20)[1] == "fast"


def test_unregistering_while_a_run_fails(database: Database, pool: ThreadPoolExecutor) -> None:
    worker, other = (database.connect("a_service", autocommit=True) for _ in range(2))
    blocker = database.connect()
    run = one(worker, "select event_id, lease from syncwell.record_sync_start('calls')")
    # held where the run has its state, and wants to write an error that refers to the stream
    blocker.execute(
        "create function hold() returns trigger language plpgsql as "
        "$$ begin perform pg_advisory_xact_lock(42); return new; end $$; "
        "create trigger hold before insert on syncwell.sync_errors for each row execute function hold()"
    )
    blocker.commit()
    blocker.execute("select pg_advisory_lock(42)")
    failed = waiting(database, pool, worker, FAIL, run)
    unregistered = waiting(database, pool, other, "select syncwell.unregister_stream('calls')", ())
    blocker.execute("select pg_advisory_unlock(42)")
    blocker.commit()
    assert failed.result(20)[1] == "fast"
    assert unregistered.result(20) == (True,)


def test_partitions_come_and_go_under_a_writer(database: Database, pool: ThreadPoolExecutor) -> None:
    """A maintainer that makes one partition and drops another, and a writer between table and default partition."""
    admin, writer = database.connect(), database.connect("a_service", autocommit=True)
    blocker = database.connect()
    run = one(writer, "select event_id, lease from syncwell.record_sync_start('calls')")
    # some old partition to drop, one to make
    with database.connect() as owner:
        owner.execute("set local syncwell.fake_now = '2020-01-15 12:00+00'")
        owner.execute("select from syncwell.ensure_partitions('sync_events', 0)")
        newest = one(
            owner,
            "select partition_name from syncwell._partitions('sync_events') order by month desc nulls last limit 1",
        )[0]
        owner.execute(f"drop table syncwell.{newest}")
    # all that the maintainer waits for is the default partition, with the writer behind it
    blocker.execute("lock table syncwell.sync_events_default in access share mode")
    made = waiting(database, pool, admin, "select syncwell._partitions_task('sync_events')", ())
    done = waiting(database, pool, writer, COMPLETE, run)
    blocker.rollback()
    assert made.result(20) == (2,)
    admin.commit()
    assert done.result(20) == ("success", True)
