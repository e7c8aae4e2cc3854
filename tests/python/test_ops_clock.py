"""Months pass: partitions are made, healed and dropped by maintenance alone; nothing is refused, nothing lost early."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from harness import set_clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from harness import Database

START = datetime(2027, 1, 5, 12, tzinfo=UTC)
RETENTION = "select syncwell._setting(null, 'runs.retention')::interval"


@pytest.fixture
def clock(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's session, who is also a service of org a, with a clock that is set."""
    with database.connect(autocommit=True) as connection:
        connection.execute(
            "insert into syncwell.logins (login_role, kind, org_id) select session_user, 'service', test.org('a')"
        )
        yield connection


def month(number: int) -> datetime:
    return START + timedelta(days=30.5 * number)


def work(connection: psycopg.Connection[Any], when: datetime) -> None:
    """A run, which is logged as activity too."""
    set_clock(connection, when)
    connection.execute(
        "with run as (select * from syncwell.record_sync_start('todoist'))"
        " select syncwell.record_sync_complete(event_id, lease, 1) from run"
    )


def count(connection: psycopg.Connection[Any], table: str) -> int:
    row = connection.execute(f"select count(*) from syncwell.{table}").fetchone()  # type: ignore[arg-type]
    assert row is not None
    return int(row[0])


def failures(connection: psycopg.Connection[Any]) -> list[Any]:
    return connection.execute(
        "select duty, error from syncwell.maintenance_duties where error_code is not null"
    ).fetchall()


def test_a_year_and_a_half_of_months(clock: psycopg.Connection[Any]) -> None:
    for number in range(18):
        work(clock, month(number))
        clock.execute("call syncwell.run_maintenance()")
        assert failures(clock) == []
        for table in ("sync_events", "sync_activity_log"):
            assert count(clock, f"{table}_default") == 0, (number, table)
            row = clock.execute(
                "select count(*) from syncwell._partitions(%s) where month > syncwell._now()", [table]
            ).fetchone()
            assert row == (3,), (number, table)
    # whole months past the retention are gone, and nothing younger is
    row = clock.execute(f"select syncwell._now() - ({RETENTION}) - interval '1 month'").fetchone()
    assert row is not None
    kept = [number for number in range(18) if month(number) > row[0]]
    assert len(kept) <= count(clock, "sync_events") <= len(kept) + 1
    assert len(kept) < 18


def test_a_scheduler_that_was_dead_for_three_months_and_more(clock: psycopg.Connection[Any]) -> None:
    set_clock(clock, month(0))
    clock.execute("select syncwell.set_setting('runs.retention', '400 days')")
    clock.execute("call syncwell.run_maintenance()")
    # months ahead are used up, then rows fall into the default partition
    for number in range(7):
        work(clock, month(number))
    assert count(clock, "sync_events") == 7
    assert count(clock, "sync_events_default") > 0
    broken = clock.execute("select subject from syncwell.verify_install() where check_name = 'partitions'").fetchall()
    assert ("table syncwell.sync_events",) in broken
    clock.execute("call syncwell.run_maintenance()")
    assert failures(clock) == []
    for table in ("sync_events", "sync_activity_log"):
        assert count(clock, f"{table}_default") == 0
    assert count(clock, "sync_events") == 7
    assert clock.execute(
        "select severity from syncwell.verify_install() where check_name = 'partitions'"
    ).fetchall() == [("ok",)]
    # and what was kept is found by its id
    assert clock.execute(
        "select count(*) from syncwell.sync_events as e where e.tableoid = 'syncwell.sync_events_default'::regclass"
    ).fetchone() == (0,)


def test_a_clock_that_goes_back_stops_no_duty(clock: psycopg.Connection[Any]) -> None:
    work(clock, month(6))
    clock.execute("call syncwell.run_maintenance()")
    work(clock, month(0))
    clock.execute("call syncwell.run_maintenance()")
    assert failures(clock) == []
    late = "select count(*) from syncwell.maintenance_duties where finished_at > syncwell._now()"
    assert clock.execute(late).fetchone() == (0,)
    assert count(clock, "sync_events") == 2
