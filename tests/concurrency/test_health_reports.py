"""Reports of devices, handling of issues and alerts under concurrency, each beside a naive way that fails."""

from __future__ import annotations

import random
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from harness.wait import wait_for_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Database

Connection = psycopg.Connection[Any]
Row = tuple[Any, ...]

SESSIONS, DEVICES, REPORTS = 8, 3, 25
REPORT = "select is_newest from syncwell.update_sync_health_metrics(null, 'calls', %s)"
QUEUE = "select queue_depth, queue_oldest_at from syncwell.stream_states"
# What one would write by hand: whoever comes last is believed, and sums are of what this statement sees.
NAIVE = """
create table public.reports (device_id text primary key, queue_depth bigint, reported_at timestamptz);
create table public.sums (queue_depth bigint);
insert into public.sums values (null);
create function public.report(p_metrics jsonb) returns void language sql as $$
  insert into public.reports
  select p_metrics ->> 'device_id', (p_metrics ->> 'queue_depth')::bigint, (p_metrics ->> 'reported_at')::timestamptz
  on conflict (device_id) do update set queue_depth = excluded.queue_depth, reported_at = excluded.reported_at;
  update public.sums set queue_depth = (select sum(r.queue_depth) from public.reports as r);
$$;
grant all on public.reports, public.sums to a_member;
"""
NAIVE_REPORT = "select public.report(%s)"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(SESSIONS) as executor:
        yield executor


def one(connection: Connection, query: str, *arguments: Any) -> Row:
    row: Row | None = connection.execute(query.encode(), arguments).fetchone()
    assert row is not None
    return row


def report(device: str, depth: int, at: datetime, oldest: datetime | None = None) -> Jsonb:
    metrics: dict[str, Any] = {"device_id": device, "queue_depth": depth, "reported_at": at.isoformat()}
    if oldest is not None:
        metrics["oldest_pending_at"] = oldest.isoformat()
    return Jsonb(metrics)


def waiting(
    database: Database, pool: ThreadPoolExecutor, connection: Connection, query: str, *arguments: Any
) -> Future[Row]:
    """The query on its way in another thread, once it waits for a lock."""
    answer = pool.submit(one, connection, query, *arguments)
    wait_for_lock(database.connect(autocommit=True), connection.info.backend_pid)
    return answer


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def test_the_newest_report_wins_whatever_comes_first(database: Database, pool: ThreadPoolExecutor) -> None:
    """Each report is sent by two sessions, in an order of its own: counted once, and the newest is what is kept."""
    admin = database.connect(autocommit=True)
    admin.execute(NAIVE.encode())
    chance = random.Random(4)  # noqa: S311
    start = now() - timedelta(hours=3)
    reports = [
        (f"device-{device}", chance.randint(0, 9), start + timedelta(seconds=60 * n + device))
        for device in range(DEVICES)
        for n in range(REPORTS)
    ]
    newest = {name: depth for name, depth, _ in sorted(reports, key=lambda r: r[2])}
    gate = threading.Barrier(SESSIONS)

    def tell(number: int) -> int:
        connection = database.connect("a_member", autocommit=True)
        mine = [r for n, r in enumerate(reports) if number in (n % SESSIONS, (n + 1) % SESSIONS)]
        random.Random(number).shuffle(mine)  # noqa: S311
        gate.wait(20)
        for name, depth, at in mine:
            oldest = at - timedelta(minutes=depth) if depth else None
            connection.execute(REPORT.encode(), [report(name, depth, at, oldest)])
            connection.execute(NAIVE_REPORT.encode(), [report(name, depth, at)])
        return len(mine)

    assert sum(pool.map(tell, range(SESSIONS))) == 2 * len(reports)
    kept = dict(admin.execute("select device_id, queue_depth from syncwell.sync_health").fetchall())
    assert kept == newest
    assert one(admin, "select sum(reports) from syncwell.sync_health_hours") == (len(reports),)
    depth, oldest = one(admin, QUEUE)
    assert depth == sum(newest.values())
    assert (oldest,) == one(admin, "select min(oldest_pending_at) from syncwell.sync_health")
    assert one(admin, "select count(*) from syncwell.streams") == (1,)

    naive = dict(admin.execute("select device_id, reported_at from public.reports").fetchall())
    last = {name: at for name, _, at in sorted(reports, key=lambda r: r[2])}
    # the control, made certain: a late report that comes last
    admin.execute(NAIVE_REPORT.encode(), [report("device-0", 99, start)])
    admin.execute("set session authorization a_member")
    assert one(admin, REPORT, report("device-0", 99, start - timedelta(seconds=1))) == (False,)
    admin.execute("reset session authorization")
    assert one(admin, "select reported_at from public.reports where device_id = 'device-0'") != (last["device-0"],)
    assert one(admin, "select reported_at from syncwell.sync_health where device_id = 'device-0'") == (
        last["device-0"],
    )
    assert naive.keys() == last.keys()


def test_two_devices_at_once_are_both_in_the_sum(database: Database, pool: ThreadPoolExecutor) -> None:
    admin = database.connect(autocommit=True)
    admin.execute(NAIVE.encode())
    first, second = database.connect("a_member"), database.connect("a_member")
    early, late = now() - timedelta(hours=2), now() - timedelta(hours=1)
    first.execute(REPORT.encode(), [report("a", 1, early, early)])
    first.execute(REPORT.encode(), [report("b", 1, early, late)])
    first.commit()

    # a lets go of the oldest while b tells of one that is older still
    first.execute(REPORT.encode(), [report("a", 3, late)])
    first.execute(REPORT.encode(), [report("a", 3, now(), now())])
    answer = waiting(database, pool, second, REPORT, report("b", 4, now(), early - timedelta(hours=1)))
    first.commit()
    assert answer.result(20) == (True,)
    second.commit()
    assert one(admin, QUEUE) == (7, early - timedelta(hours=1))

    # and the other way round: what a lets go of is counted anew after b is in
    first.execute(REPORT.encode(), [report("a", 5, now() + timedelta(seconds=2), late)])
    answer = waiting(
        database, pool, second, REPORT, report("b", 6, now() + timedelta(seconds=2), now() - timedelta(minutes=1))
    )
    first.commit()
    answer.result(20)
    second.commit()
    assert one(admin, QUEUE) == (11, late)

    first.execute(NAIVE_REPORT.encode(), [report("a", 3, late)])
    control = waiting(database, pool, second, NAIVE_REPORT, report("b", 4, late))
    first.commit()
    control.result(20)
    second.commit()
    assert one(admin, "select queue_depth from public.sums") != (7,), "the control must lose a device"


def test_a_report_sent_twice_at_once_counts_once(database: Database, pool: ThreadPoolExecutor) -> None:
    admin = database.connect(autocommit=True)
    first, second = database.connect("a_member"), database.connect("a_member")
    at = now()
    first.execute(REPORT.encode(), [report("a", 1, at - timedelta(minutes=1))])
    first.commit()
    first.execute(REPORT.encode(), [report("a", 3, at)])
    answer = waiting(database, pool, second, REPORT, report("a", 3, at))
    first.commit()
    assert answer.result(20) == (True,)
    second.commit()
    assert one(admin, "select sum(reports) from syncwell.sync_health_hours") == (2,)
    assert one(admin, "select queue_depth from syncwell.stream_states") == (3,)


ISSUE = """
insert into syncwell.sync_issues (
  org_id, id, fingerprint, issue_type, severity, user_id, source, evidence, opened_at, last_seen_at
)
select
  test.org('a'), gen_random_uuid(), 'f' || n, 'failure', 'critical', test.id('a_member'), 'calls', '{}', now(), now()
from generate_series(1, 3) as n
"""
RESOLVE = "update syncwell.sync_issues set state = 'resolved', resolved_at = now() where fingerprint = 'f1'"


def test_what_is_resolved_meanwhile_is_not_taken_on(database: Database, pool: ThreadPoolExecutor) -> None:
    evaluator, person = database.connect(), database.connect("a_member")
    evaluator.execute(ISSUE.encode())
    (issue,) = one(evaluator, "select id from syncwell.sync_issues where fingerprint = 'f1'")
    evaluator.commit()
    evaluator.execute(RESOLVE.encode())
    answer = waiting(database, pool, person, "select syncwell.acknowledge_issue(%s)", issue)
    evaluator.commit()
    with pytest.raises(psycopg.Error) as refused:
        answer.result(20)
    assert refused.value.sqlstate == "SW604"
    assert one(evaluator, "select state from syncwell.sync_issues where fingerprint = 'f1'") == ("resolved",)
    evaluator.commit()

    # the control looks first and writes then
    careless = database.connect()
    evaluator.execute("update syncwell.sync_issues set state = 'open', resolved_at = null where fingerprint = 'f1'")
    evaluator.commit()
    assert one(careless, "select state from syncwell.sync_issues where fingerprint = 'f1'") == ("open",)
    evaluator.execute(RESOLVE.encode())
    evaluator.commit()
    careless.execute(
        "update syncwell.sync_issues set state = 'acknowledged', resolved_at = null where fingerprint = 'f1'"
    )
    careless.commit()
    assert one(evaluator, "select state from syncwell.sync_issues where fingerprint = 'f1'") == ("acknowledged",)


def test_alerts_come_with_their_issues_and_wake_once_a_transaction(database: Database) -> None:
    listener, evaluator = database.connect(autocommit=True), database.connect()
    listener.execute("listen syncwell_alerts")
    evaluator.execute(ISSUE.encode())
    evaluator.execute(RESOLVE.encode())
    assert one(listener, "select count(*) from syncwell.alert_outbox") == (0,)
    evaluator.rollback()
    assert one(listener, "select count(*) from syncwell.alert_outbox") == (0,)

    evaluator.execute(ISSUE.encode())
    evaluator.execute(RESOLVE.encode())
    evaluator.commit()
    assert one(listener, "select count(*) from syncwell.alert_outbox") == (4,)
    heard = list(listener.notifies(timeout=20, stop_after=1))
    assert [(n.channel, n.payload) for n in heard] == [("syncwell_alerts", "")]
    # this one is heard after all there was before it
    evaluator.execute("notify syncwell_alerts, 'end'")
    evaluator.commit()
    assert [n.payload for n in listener.notifies(timeout=20, stop_after=1)] == ["end"]

    evaluator.execute("update syncwell.sync_issues set last_seen_at = now()")
    evaluator.execute("notify syncwell_alerts, 'end'")
    evaluator.commit()
    assert [n.payload for n in listener.notifies(timeout=20, stop_after=1)] == ["end"], "no news, nobody is woken"
