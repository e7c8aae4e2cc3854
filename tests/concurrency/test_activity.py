"""The activity log with several sessions: each end is logged once, and no entry is lost while months are made."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import Database, Tenants, wait_for_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

Connection = psycopg.Connection[Any]

FINISH = "select status from syncwell.report_sync_progress('s', 10, 10)"
ENDS = "select count(*) from syncwell.sync_activity_log where action = 'sync_complete'"
STARTS = "select count(*) from syncwell.sync_activity_log where action <> 'sync_complete'"
ENSURE = "select partition_name, moved_rows from syncwell.ensure_partitions('sync_activity_log')"
WHERE = "select count(*) filter (where tableoid = 'syncwell.sync_activity_log_default'::regclass), count(*)"
WHERE += " from syncwell.sync_activity_log"

# what is told to who comes late
LATE = ("SW102", "SW103", "SW204")

# As one would write it without triggers: look whether it has ended, log, end it.
NAIVE = """
create function public.end_sync(p_sync_id text) returns void language plpgsql security definer as $$
begin
  if exists (select from syncwell.sync_progress where sync_id = p_sync_id and completed_at is null) then
    perform syncwell.log_sync_activity('sync_complete', p_sync_id => p_sync_id);
    update syncwell.sync_progress set status = 'completed' where sync_id = p_sync_id;
  end if;
end
$$;
create function public.end_run(p_event_id uuid, p_lease uuid) returns void language plpgsql security definer as $$
begin
  if exists (select from syncwell.sync_events where id = p_event_id and status = 'started') then
    perform syncwell.log_sync_activity('sync_complete', p_sync_id => p_event_id::text);
    perform syncwell.record_sync_complete(p_event_id, p_lease, 1);
  end if;
end
$$;
"""


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as executor:
        yield executor


@pytest.fixture
def watcher(database: Database) -> Connection:
    return database.connect(autocommit=True)


@pytest.fixture
def naive(watcher: Connection) -> None:
    """The naive way, with nothing else that logs."""
    watcher.execute(NAIVE.encode())
    quiet(watcher)


def quiet(watcher: Connection) -> None:
    watcher.execute("select syncwell.set_setting('activity.log_runs', 'off')")
    watcher.execute(
        "create or replace function syncwell._log_sync_progress(p_new syncwell.sync_progress, p_old_status text)"
        " returns void language sql begin atomic; select; end"
    )


def one(connection: Connection, query: str, *values: Any) -> Any:
    row = connection.execute(query.encode(), values).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def waiting(pool: ThreadPoolExecutor, watcher: Connection, connection: Connection, query: str) -> Future[Any]:
    """The query on its way in another thread, once it waits for a lock."""
    answer = pool.submit(one, connection, query)
    wait_for_lock(watcher, connection.info.backend_pid)
    return answer


def end_twice(database: Database, pool: ThreadPoolExecutor, watcher: Connection, first: str, second: str) -> int:
    """Two sessions end the same at once, the second while the first has not committed; how often that was logged."""
    holder, other = database.connect("a_service"), database.connect("a_service", autocommit=True)
    one(holder, first)
    answer = waiting(pool, watcher, other, second)
    holder.commit()
    late = answer.exception(20)
    assert late is None or getattr(late, "sqlstate", None) in LATE, late
    return int(one(watcher, ENDS))


@pytest.mark.parametrize(
    "second",
    [
        FINISH,
        "select syncwell.cancel_sync('s')",
        "select status from syncwell.report_sync_progress('s', 4, p_status => 'failed')",
        "with u as (update syncwell.sync_progress set processed_count = 10 where sync_id = 's' returning 1) table u",
    ],
    ids=["the same report", "cancelled", "failed", "a plain update"],
)
def test_a_sync_that_ends_in_two_sessions_is_logged_once(
    database: Database, pool: ThreadPoolExecutor, watcher: Connection, second: str
) -> None:
    one(database.connect("a_service", autocommit=True), "select id from syncwell.report_sync_progress('s', 1, 10)")
    assert end_twice(database, pool, watcher, FINISH, second) == 1


@pytest.mark.usefixtures("naive")
def test_control_of_syncs(database: Database, pool: ThreadPoolExecutor, watcher: Connection) -> None:
    one(database.connect("a_service", autocommit=True), "select id from syncwell.report_sync_progress('s', 1, 10)")
    assert end_twice(database, pool, watcher, "select public.end_sync('s')", "select public.end_sync('s')") == 2


def test_two_first_reports_that_end_a_sync_are_logged_once(
    database: Database, pool: ThreadPoolExecutor, watcher: Connection
) -> None:
    assert end_twice(database, pool, watcher, FINISH, FINISH) == 1
    assert one(watcher, "select sync_id from syncwell.sync_activity_log") == "s"


def test_control_of_first_reports(database: Database, pool: ThreadPoolExecutor, watcher: Connection) -> None:
    """Logged before the insert, as the rest of the trigger's work is done: the row that is turned away counts too."""
    settle = one(watcher, "select pg_get_functiondef(oid) from pg_proc where proname = '_settle_sync_progress'")
    log = "      perform syncwell._log_sync_progress(p_new, p_old.status);\n    end if;\n"
    assert log in settle
    watcher.execute(settle.replace(log, f"    end if;\n{log.splitlines()[0]}\n").encode())
    notify = one(watcher, "select pg_get_functiondef(oid) from pg_proc where proname = '_notify_sync_progress'")
    watcher.execute(notify.replace("perform syncwell._log_sync_progress(new, null);", "").encode())
    assert end_twice(database, pool, watcher, FINISH, FINISH) == 2


def test_a_serializable_end_that_is_tried_again_is_logged_once(database: Database, watcher: Connection) -> None:
    """Two sessions with one snapshot: the second fails, is tried again, and finds it ended."""
    first, second = database.connect("a_service"), database.connect("a_service")
    one(first, "select id from syncwell.report_sync_progress('s', 1, 10)")
    first.commit()
    for session in (first, second):
        session.execute("set transaction isolation level repeatable read")
        one(session, "select count(*) from syncwell.sync_progress")
    one(first, FINISH)
    first.commit()
    with pytest.raises(psycopg.errors.SerializationFailure):
        one(second, FINISH)
    second.rollback()
    assert one(second, FINISH) == "completed"
    second.commit()
    assert one(watcher, ENDS) == 1


@pytest.mark.parametrize("second", ["cancel_sync_run('{event}')", "record_sync_complete('{event}', '{lease}', 5)"])
def test_a_run_that_ends_in_two_sessions_is_logged_once(
    database: Database, pool: ThreadPoolExecutor, watcher: Connection, second: str
) -> None:
    event, lease = one(
        database.connect("a_service", autocommit=True),
        "select event_id, lease from syncwell.record_sync_start('calls')",
    )
    complete = f"select status from syncwell.record_sync_complete('{event}', '{lease}', 5)"
    assert (
        end_twice(database, pool, watcher, complete, f"select syncwell.{second.format(event=event, lease=lease)}") == 1
    )
    assert one(watcher, "select status from syncwell.sync_activity_log where action = 'sync_complete'") == "completed"
    assert one(watcher, STARTS) == 1


@pytest.mark.usefixtures("naive")
def test_control_of_runs(database: Database, pool: ThreadPoolExecutor, watcher: Connection) -> None:
    event, lease = one(
        database.connect("a_service", autocommit=True),
        "select event_id, lease from syncwell.record_sync_start('calls')",
    )
    end = f"select public.end_run('{event}', '{lease}')"
    assert end_twice(database, pool, watcher, end, end) == 2


def test_two_starts_by_one_key_leave_one_entry(
    database: Database, pool: ThreadPoolExecutor, watcher: Connection
) -> None:
    start = "select is_new from syncwell.record_sync_start('calls', p_run_key => 'k')"
    holder, other = database.connect("a_service"), database.connect("a_service", autocommit=True)
    one(other, "select syncwell.register_stream('calls')")
    assert one(holder, start) is True
    answer = waiting(pool, watcher, other, start)
    holder.commit()
    assert answer.result(20) is False
    assert one(watcher, STARTS) == 1


def test_workers_cancellers_and_reapers_of_the_same_runs(
    database: Database, pool: ThreadPoolExecutor, watcher: Connection
) -> None:
    """Everybody ends everything; each run, tracked by progress or not, has one start and one end."""
    service = database.connect("a_service", autocommit=True)
    runs = [
        one(service, "select event_id, lease from syncwell.record_sync_start(%s)", f"source-{number}")
        for number in range(20)
    ]
    for event, _ in runs[::2]:
        one(service, "select id from syncwell.report_sync_progress(%s, 1, 10)", str(event))
    watcher.execute(
        "update syncwell.sync_events set heartbeat_at = now() - interval '1 hour' where id < %s", [runs[5][0]]
    )
    ready = threading.Barrier(6)

    def ending(query: str, values: list[tuple[Any, ...]]) -> None:
        session = database.connect("a_service", autocommit=True)
        ready.wait(20)
        for value in values:
            try:
                session.execute(query.encode(), value)
            except psycopg.Error as error:
                # whoever came late is told so
                if error.sqlstate not in LATE:
                    raise

    ways = [
        ("select syncwell.record_sync_complete(%s, %s, 1)", runs),
        ("select syncwell.record_sync_complete(%s, %s, 1)", runs[::-1]),
        ("select syncwell.record_sync_error(%s, %s, 'no')", runs),
        ("select syncwell.cancel_sync_run(%s)", [(event,) for event, _ in runs[10:] + runs[:10]]),
        ("select syncwell.reap_sync_runs()", [()] * 5),
        ("select syncwell.report_sync_progress(%s, 10, 10)", [(str(event),) for event, _ in runs[::2]]),
    ]
    for done in [pool.submit(ending, query, values) for query, values in ways]:
        done.result(60)
    counted = watcher.execute(
        "select count(*) filter (where a.action <> 'sync_complete'), count(*) filter (where a.action = 'sync_complete')"
        " from syncwell.sync_events as e left join syncwell.sync_activity_log as a"
        " on a.org_id = e.org_id and a.sync_id = e.id::text group by e.id"
    ).fetchall()
    assert counted == [(1, 1)] * 20


# --- months ------------------------------------------------------------------------------------------------------


@pytest.fixture
def missing(database: Database) -> str:
    """This month's partition, which nobody has made: what is written now goes to the default one."""
    with database.connect() as owner:
        owner.execute("set local timezone = 'UTC'")
        name = one(
            owner,
            "select partition_name from syncwell._partitions('sync_activity_log')"
            " where month = date_trunc('month', syncwell._now())",
        )
        owner.execute(f"drop table syncwell.{name}")
    return str(name)


LOG = "select syncwell.log_sync_activity('batch_process')"


@pytest.mark.parametrize("commits", [True, False])
def test_an_entry_that_is_being_written_is_healed_too(
    database: Database, pool: ThreadPoolExecutor, watcher: Connection, missing: str, commits: bool
) -> None:
    maintainer, writer = database.connect("operator", autocommit=True), database.connect("a_service")
    one(database.connect("a_service", autocommit=True), LOG)
    one(writer, LOG)
    answer = waiting(pool, watcher, maintainer, ENSURE)
    if commits:
        writer.commit()
    else:
        writer.rollback()
    assert answer.result(20) == (missing, 1 + commits)
    assert one(watcher, WHERE) == (0, 1 + commits)


@pytest.mark.parametrize("commits", [True, False])
def test_a_run_that_ends_while_entries_are_healed(
    database: Database, pool: ThreadPoolExecutor, watcher: Connection, missing: str, commits: bool
) -> None:
    """The worker waits for the maintainer, and its entry finds the month that is there by then."""
    maintainer, worker = database.connect(), database.connect("a_service", autocommit=True)
    event, lease = one(worker, "select event_id, lease from syncwell.record_sync_start('calls')")
    assert one(maintainer, ENSURE) == (missing, 1)
    answer = waiting(
        pool, watcher, worker, f"select status from syncwell.record_sync_complete('{event}', '{lease}', 5)"
    )
    if commits:
        maintainer.commit()
    else:
        maintainer.rollback()
    assert answer.result(20) == "success"
    assert one(watcher, WHERE) == (0 if commits else 2, 2)


def test_a_page_that_is_asked_for_while_entries_are_moved(
    database: Database, pool: ThreadPoolExecutor, watcher: Connection, missing: str
) -> None:
    maintainer, member = database.connect(), database.connect("a_member", autocommit=True)
    one(database.connect("a_service", autocommit=True), LOG)
    assert one(maintainer, ENSURE) == (missing, 1)
    answer = waiting(pool, watcher, member, "select action, user_id from syncwell.get_sync_activity()")
    maintainer.commit()
    assert answer.result(20) == ("batch_process", None)


def test_a_detached_month_and_a_writer(database: Database, pool: ThreadPoolExecutor, watcher: Connection) -> None:
    """Whoever writes while a month goes waits, and loses nothing."""
    admin, worker = database.connect(), database.connect("a_service", autocommit=True)
    with database.connect() as owner:
        owner.execute("set local syncwell.fake_now = '2020-01-15 12:00+00'")
        one(owner, "select count(*) from syncwell.ensure_activity_partitions(0)")
        one(owner, LOG_AT, Tenants.org("a"))
        one(owner, "select syncwell.set_setting('activity.on_expiry', 'detach', p_org_id => %s)", Tenants.org("b"))
    gone = one(admin, "select min(partition_name) from syncwell.drop_old_partitions('sync_activity_log')")
    assert gone == "sync_activity_log_2020_01_detached"
    answer = waiting(pool, watcher, worker, LOG)
    admin.commit()
    answer.result(20)
    assert one(watcher, WHERE) == (0, 1)
    assert one(watcher, f"select count(*) from syncwell.{gone}") == 1


LOG_AT = "select syncwell._log_activity(%s, null, 'batch_process', 'completed')"
