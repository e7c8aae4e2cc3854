"""Locks whose order matters between two statements of one function: a trigger or policy holds a session right there."""

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

START = "select event_id, lease from syncwell.record_sync_start('calls', p_run_key => %s)"
COMPLETE = "select status from syncwell.record_sync_complete(%s, %s, 5)"
FAIL = "select lane from syncwell.record_sync_error(%s, %s, 'down', 'ECONNRESET')"

# A session with test.held on waits here for whoever has the advisory lock 42.
HELD = """
create function test.held() returns boolean language plpgsql volatile as $$
begin
  if current_setting('test.held', true) = 'on' then
    perform set_config('test.held', '', false);
    perform pg_advisory_xact_lock(42);
  end if;
  return true;
end
$$;
create function test.hold() returns trigger language plpgsql as $$ begin perform test.held(); return new; end $$;
"""


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


@pytest.fixture
def blocker(database: Database) -> Connection:
    """A superuser's session that has the advisory lock 42."""
    connection = database.connect(autocommit=True)
    connection.execute(HELD.encode())
    connection.execute("select pg_advisory_lock(42)")
    return connection


def one(connection: Connection, query: str, arguments: tuple[Any, ...] = ()) -> Row:
    row: Row | None = connection.execute(query.encode(), arguments or None).fetchone()
    assert row is not None
    return row


def waiting(
    database: Database, pool: ThreadPoolExecutor, connection: Connection, query: str, arguments: tuple[Any, ...]
) -> Future[Row]:
    """The query on its way in another thread, once it waits for a lock."""
    answer = pool.submit(one, connection, query, arguments)
    wait_for_lock(database.connect(autocommit=True), connection.info.backend_pid)
    return answer


@pytest.mark.parametrize(
    ("held_at", "held_ends", "other_ends", "streak"),
    [("sync_errors", FAIL, COMPLETE, 0), ("sync_state", COMPLETE, FAIL, 1)],
    ids=["a failure that has the error", "a success that has the state"],
)
def test_failure_and_success_of_one_stream_are_no_deadlock(
    database: Database,
    pool: ThreadPoolExecutor,
    blocker: Connection,
    held_at: str,
    held_ends: str,
    other_ends: str,
    streak: int,
) -> None:
    """Both need the state and the open error of the stream: the state comes first, whoever it is."""
    held, other = (database.connect("a_service", autocommit=True) for _ in range(2))
    earlier, first, second = (one(other, START, (None,)) for _ in range(3))
    one(other, FAIL, earlier)
    blocker.execute(
        f"create trigger hold before update on syncwell.{held_at} for each row execute function test.hold()".encode()
    )
    held.execute("set test.held = 'on'")
    held_answer = waiting(database, pool, held, held_ends, first)
    other_answer = waiting(database, pool, other, other_ends, second)
    blocker.execute("select pg_advisory_unlock(42)")
    assert {held_answer.result(20)[0], other_answer.result(20)[0]} == {"success", "fast"}
    assert one(blocker, "select total_runs, consecutive_failures from syncwell.sync_state") == (3, streak)
    assert one(blocker, "select count(*) from syncwell.sync_errors where resolved_at is null") == (streak,)


def test_a_key_whose_run_is_gone_is_taken_once(
    database: Database, pool: ThreadPoolExecutor, blocker: Connection
) -> None:
    """Between finding no run for the key and giving the key up, another session has given it to a run of its own."""
    held, other = (database.connect("a_service", autocommit=True) for _ in range(2))
    gone = one(other, START, ("nightly",))
    blocker.execute("delete from syncwell.sync_events")
    # a policy on the old row is the only place between the two statements where a session can be held
    blocker.execute("alter table syncwell.sync_run_keys force row level security")
    blocker.execute(
        "create policy held on syncwell.sync_run_keys to syncwell_owner"
        f" using (case when event_id = '{gone[0]}' then test.held() else true end) with check (true)".encode()
    )
    held.execute("set test.held = 'on'")
    late = waiting(database, pool, held, START, ("nightly",))
    run = one(other, START, ("nightly",))
    assert run != gone
    blocker.execute("select pg_advisory_unlock(42)")
    assert late.result(20) == run
    assert one(blocker, "select count(*) from syncwell.sync_events") == (1,)
    assert one(other, START, ("nightly",)) == run
