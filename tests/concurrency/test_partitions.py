"""Partitions under concurrency: several maintainers, and writers to the month that is being made."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.wait import wait_for_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Database

Connection = psycopg.Connection[Any]
Row = tuple[Any, ...]

ENSURE = "select partition_name, moved_rows from syncwell.ensure_partitions('sync_events')"
START = "select event_id, lease from syncwell.record_sync_start('calls')"
WHERE = "select count(*) filter (where tableoid = 'syncwell.sync_events_default'::regclass), count(*)"
WHERE += " from syncwell.sync_events"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as executor:
        yield executor


@pytest.fixture
def missing(database: Database) -> str:
    """This month's partition, which nobody has made: what is written now goes to the default one."""
    with database.connect() as owner:
        owner.execute("set local timezone = 'UTC'")
        row = owner.execute(
            "select partition_name from syncwell._partitions('sync_events')"
            " where month = date_trunc('month', syncwell._now())"
        ).fetchone()
        assert row is not None
        owner.execute(f"drop table syncwell.{row[0]}")
    return str(row[0])


def rows(connection: Connection, query: str) -> list[Row]:
    return connection.execute(query.encode()).fetchall()


def waiting(database: Database, pool: ThreadPoolExecutor, connection: Connection, query: str) -> Future[list[Row]]:
    """The query on its way in another thread, once it waits for a lock."""
    answer = pool.submit(rows, connection, query)
    wait_for_lock(database.connect(autocommit=True), connection.info.backend_pid)
    return answer


def test_two_maintainers_at_once(database: Database, pool: ThreadPoolExecutor, missing: str) -> None:
    """The second waits for the first and finds all made."""
    first, second = database.connect(), database.connect("operator", autocommit=True)
    rows(database.connect("a_service", autocommit=True), START)
    assert rows(first, ENSURE) == [(missing, 1)]
    answer = waiting(database, pool, second, ENSURE)
    first.commit()
    assert answer.result(20) == []
    assert rows(first, WHERE) == [(0, 1)]


def test_the_second_maintainer_makes_what_the_first_gave_up(
    database: Database, pool: ThreadPoolExecutor, missing: str
) -> None:
    first, second = database.connect(), database.connect("operator", autocommit=True)
    rows(database.connect("a_service", autocommit=True), START)
    assert rows(first, ENSURE) == [(missing, 1)]
    answer = waiting(database, pool, second, ENSURE)
    first.rollback()
    assert answer.result(20) == [(missing, 1)]


def test_two_maintainers_at_once_where_nothing_is_there(
    database: Database, pool: ThreadPoolExecutor, missing: str
) -> None:
    """Not even the default partition, whose lock would make the second one wait."""
    with database.connect() as owner:
        owner.execute("drop table syncwell.sync_events_default")
    first, second = database.connect(), database.connect("operator", autocommit=True)
    assert rows(first, ENSURE) == [(missing, 0)]
    answer = waiting(database, pool, second, ENSURE)
    first.commit()
    assert answer.result(20) == []


@pytest.mark.parametrize("writer_commits", [True, False])
def test_a_row_that_is_being_written_is_healed_too(
    database: Database, pool: ThreadPoolExecutor, missing: str, writer_commits: bool
) -> None:
    """The maintainer waits for a writer to the default partition, and moves what it left there."""
    maintainer, writer = database.connect("operator", autocommit=True), database.connect("a_service")
    rows(database.connect("a_service", autocommit=True), START)
    rows(writer, START)
    answer = waiting(database, pool, maintainer, ENSURE)
    if writer_commits:
        writer.commit()
    else:
        writer.rollback()
    assert answer.result(20) == [(missing, 1 + writer_commits)]
    assert rows(database.connect(), WHERE) == [(0, 1 + writer_commits)]


@pytest.mark.parametrize("maintainer_commits", [True, False])
def test_a_row_that_is_written_while_others_are_healed(
    database: Database, pool: ThreadPoolExecutor, missing: str, maintainer_commits: bool
) -> None:
    """The writer waits for the maintainer, and finds its way to the partition that is there by then."""
    maintainer, writer = database.connect(), database.connect("a_service", autocommit=True)
    rows(writer, START)
    assert rows(maintainer, ENSURE) == [(missing, 1)]
    answer = waiting(database, pool, writer, START)
    if maintainer_commits:
        maintainer.commit()
    else:
        maintainer.rollback()
    assert len(answer.result(20)) == 1
    assert rows(database.connect(), WHERE) == [(0 if maintainer_commits else 2, 2)]


def test_a_run_that_is_ended_while_it_is_moved(database: Database, pool: ThreadPoolExecutor, missing: str) -> None:
    """Its row is in another partition when the lock is there: it must be found, and ended once."""
    maintainer, worker = database.connect(), database.connect("a_service", autocommit=True)
    event_id, lease = rows(worker, START)[0]
    assert rows(maintainer, ENSURE) == [(missing, 1)]
    complete = f"select status, changed from syncwell.record_sync_complete('{event_id}', '{lease}', 5)"
    answer = waiting(database, pool, worker, complete)
    maintainer.commit()
    assert answer.result(20) == [("success", True)]
    assert rows(maintainer, "select status, items_processed from syncwell.sync_events") == [("success", 5)]


def test_a_report_that_is_asked_for_while_rows_are_moved(
    database: Database, pool: ThreadPoolExecutor, missing: str
) -> None:
    """Whoever reads meanwhile sees every row, wherever it is by then."""
    maintainer, service = database.connect(), database.connect("a_service", autocommit=True)
    rows(service, START)
    assert rows(maintainer, ENSURE) == [(missing, 1)]
    answer = waiting(database, pool, service, "select source from syncwell.get_recent_sync_events()")
    maintainer.commit()
    assert answer.result(20) == [("calls",)]


def test_a_lock_held_by_somebody_is_not_waited_for_for_ever(database: Database) -> None:
    reader, maintainer = database.connect(), database.connect(autocommit=True)
    reader.execute("lock table syncwell.sync_events_default in access share mode")
    before = maintainer.execute("select count(*) from syncwell._partitions('sync_events')").fetchone()
    with pytest.raises(psycopg.errors.LockNotAvailable):
        maintainer.execute("select * from syncwell.ensure_partitions('sync_events', 12)")
    assert maintainer.execute("select count(*) from syncwell._partitions('sync_events')").fetchone() == before
    reader.rollback()
    made = maintainer.execute("select count(*) from syncwell.ensure_partitions('sync_events', 12)").fetchone()
    assert made == (9,)
