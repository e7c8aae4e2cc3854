"""Rollups equal what is counted anew, whoever writes meanwhile; a watermark loses runs on the same histories."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import psycopg

    from harness import Database

WRITERS, REFRESHERS, TRANSACTIONS = 16, 3, 25

# Every stored hour against a count of its runs, both ways.
WRONG_HOURS = """
with runs as (
  select org_id, stream_id, date_trunc('hour', started_at, 'UTC') as period_start, count(*) as total,
    count(*) filter (where status in ('success', 'partial')) as successful,
    count(*) filter (where status in ('failed', 'timeout')) as failed, sum(items_processed) as items,
    sum(duration_ms) filter (where status in ('success', 'partial', 'failed', 'timeout')) as duration_total
  from syncwell.sync_events group by 1, 2, 3
)
select count(*) from runs full join (select * from syncwell.sync_metrics where period = 'hour') as m
  using (org_id, stream_id, period_start)
where (runs.total, runs.successful, runs.failed, runs.items, runs.duration_total)
  is distinct from (m.total, m.successful, m.failed, m.items, m.duration_total)
"""
# Every day and week against the sum of its hours.
WRONG_SUMS = """
select count(*)
from syncwell.sync_metrics as d
join syncwell.sync_metrics_calendars as c using (org_id, stream_id)
cross join lateral (
  select sum(h.total) as total, sum(h.duration_total) as duration_total
  from syncwell.sync_metrics as h
  where h.org_id = d.org_id and h.stream_id = d.stream_id and h.period = 'hour' and h.period_start >= d.period_start
    and h.period_start
      < (d.period_start at time zone c.time_zone + ('1 ' || d.period)::interval) at time zone c.time_zone
) as h
where d.period <> 'hour' and (h.total, h.duration_total) is distinct from (d.total, d.duration_total)
"""
SOME = """
where id in (select id from syncwell.sync_events order by md5(id::text || %s) limit 1 for update skip locked)
"""
EVENT = """
insert into syncwell.sync_events (
  org_id, id, stream_id, source, sync_type, status, started_at, completed_at, duration_ms, items_processed, lease
)
select org_id, syncwell._uuid7(%(at)s), stream_id, source, 'incremental', 'success', %(at)s, %(at)s, %(ms)s, 1,
  gen_random_uuid()
from syncwell.streams
"""


def value(connection: psycopg.Connection[Any], query: str, *args: Any) -> Any:
    row = connection.execute(query.encode(), *args).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def stream(database: Database) -> psycopg.Connection[Any]:
    """A superuser's session in a database with one stream of org a."""
    connection = database.connect(autocommit=True)
    connection.execute("insert into syncwell.streams (org_id, source) values (test.org('a'), 'busy')")
    return connection


def test_a_late_commit_is_counted_and_a_watermark_loses_it(database: Database, stream: psycopg.Connection[Any]) -> None:
    late, early = database.connect(), database.connect(autocommit=True)
    stream.execute(
        "create table watermark (upto timestamptz, total bigint); insert into watermark values ('-infinity', 0)"
    )

    def by_watermark() -> None:
        stream.execute("""
            with new as (
              select max(started_at) as upto, count(*) as total from syncwell.sync_events
              where started_at > (select upto from watermark)
            )
            update watermark set upto = coalesce(new.upto, watermark.upto), total = watermark.total + new.total from new
        """)

    late.execute(EVENT.encode(), {"at": "2026-03-10 10:00+00", "ms": 10})
    early.execute(EVENT.encode(), {"at": "2026-03-10 10:01+00", "ms": 20})
    by_watermark()
    stream.execute("select syncwell.refresh_sync_metrics()")
    late.commit()
    by_watermark()
    stream.execute("select syncwell.refresh_sync_metrics()")

    assert value(stream, "select total from syncwell.sync_metrics where period = 'hour'") == 2
    assert value(stream, "select total from watermark") == 1, "the control must lose the late commit"


def test_rollups_equal_a_recount_under_writers(database: Database, stream: psycopg.Connection[Any]) -> None:
    done = threading.Event()
    failures: list[BaseException] = []

    def write(number: int) -> None:
        chance = random.Random(number)  # noqa: S311
        connection = database.connect()
        try:
            for _ in range(TRANSACTIONS):
                # within the retention of runs, over some days
                hour = datetime.now(UTC) - timedelta(minutes=chance.randint(0, 3 * 24 * 60))
                for _ in range(chance.randint(1, 3)):
                    connection.execute(EVENT.encode(), {"at": hour, "ms": chance.randint(0, 10_000)})
                if chance.random() < 0.4:
                    connection.execute(
                        f"update syncwell.sync_events set status = 'failed', duration_ms = 1 {SOME}".encode(),
                        (str(chance.random()),),
                    )
                if chance.random() < 0.2:
                    connection.execute(
                        f"delete from syncwell.sync_events {SOME}".encode(),
                        (str(chance.random()),),
                    )
                if chance.random() < 0.5:
                    connection.execute("select pg_sleep(%s)", (chance.random() / 100,))
                connection.rollback() if chance.random() < 0.2 else connection.commit()
        except BaseException as error:
            failures.append(error)
            raise

    def refresh() -> None:
        connection = database.connect(autocommit=True)
        while not done.is_set():
            connection.execute("select syncwell.refresh_sync_metrics(7)")

    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    refreshers = [threading.Thread(target=refresh) for _ in range(REFRESHERS)]
    for thread in writers + refreshers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in refreshers:
        thread.join()
    assert not failures

    while value(stream, "select syncwell.refresh_sync_metrics()"):
        pass
    assert value(stream, "select count(*) from syncwell.sync_events") > WRITERS * TRANSACTIONS
    assert value(stream, WRONG_HOURS) == 0
    assert value(stream, WRONG_SUMS) == 0
    assert value(stream, "select count(*) from syncwell.sync_metrics where period = 'week'") >= 1


def test_only_one_refreshes_at_a_time(database: Database, stream: psycopg.Connection[Any]) -> None:
    other = database.connect()
    stream.execute(EVENT.encode(), {"at": "2026-03-10 10:00+00", "ms": 10})
    assert value(other, "select syncwell.refresh_sync_metrics()") == 1
    assert value(stream, "select syncwell.refresh_sync_metrics()") == 0, "it leaves the work to the other"
    other.rollback()
    assert value(stream, "select syncwell.refresh_sync_metrics()") == 1
