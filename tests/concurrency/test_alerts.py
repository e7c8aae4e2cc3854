"""Alerts go out at least once, in order, whoever dies and however many deliver; naive ways lose or double them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.alerting import OK, delivering, due, environment, fire, receiving, resolve, states
from harness.wait import wait_for_lock, wait_until
from syncwell.deliver import Deliverer, read_channels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness import Database
    from harness.alerting import Receiver

CLAIM = "select fingerprint from syncwell.claim_alerts(%s) order by fingerprint"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def admin(database: Database) -> psycopg.Connection[Any]:
    return database.connect(autocommit=True)


def config(folder: Path, url: str, **more: Any) -> Path:
    keys = {"name": "hook", "kind": "webhook", "url": url, "timeout": 20, **more}
    path = folder / "alerts.toml"
    path.write_text("[[channel]]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in keys.items()))
    return path


def once(database: Database, path: Path) -> None:
    (channel,) = read_channels(path)
    Deliverer(channel, lambda: psycopg.connect(database.uri("a_service"), autocommit=True)).run_once()


SERVICE = "datname = current_database() and usename = 'a_service'"


def sessions(admin: psycopg.Connection[Any]) -> list[tuple[bool]]:
    """Of the deliverer: whether each waits for a lock."""
    return admin.execute(
        f"select cardinality(pg_blocking_pids(pid)) > 0 from pg_stat_activity where {SERVICE}".encode()
    ).fetchall()


@pytest.mark.parametrize("step", ["while it claims", "while it sends", "after the answer", "while it completes"])
def test_a_deliverer_that_is_killed_loses_nothing(
    database: Database, admin: psycopg.Connection[Any], receiver: Receiver, tmp_path: Path, step: str
) -> None:
    path = config(tmp_path, receiver.url)
    once(database, path)
    fire(admin, "one")
    resolve(admin, "one")
    blocker = database.connect()
    if step == "while it claims":
        blocker.execute("select from syncwell.alert_outbox for update")
    if step in ("after the answer", "while it completes"):
        blocker.execute("select from syncwell.alert_channels for no key update")
    if step == "while it sends":
        receiver.behave = lambda connection: connection.recv(1) and None
    with delivering(path, database.uri("a_service")) as process:
        if step == "while it sends":
            wait_until("the request", lambda: receiver.requests)
        elif step == "after the answer":
            wait_until("the answer", lambda: receiver.taken)
        else:
            wait_until("it to wait", lambda: (True,) in sessions(admin))
        process.kill()
        process.wait()
    if step == "after the answer":
        # the whole machine is gone, and the database hears no more of it
        admin.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where {SERVICE}".encode())
        wait_until("its session to end", lambda: not sessions(admin))
    blocker.rollback()
    wait_until("its session to end", lambda: not sessions(admin))
    receiver.behave = OK
    sent = 0 if step in ("while it claims", "while it sends") else 1
    assert receiver.told == [("one", "firing")] * sent
    due(admin)
    once(database, path)
    # once more where nobody knows whether it went out, and never after its end
    again = step != "while it completes"
    assert receiver.told == [("one", "firing")] * (sent + again) + [("one", "resolved")]
    assert states(admin) == [("one", "firing", "done"), ("one", "resolved", "done")]


# what everybody writes first: done is what was read
NAIVE = """
import sys, httpx, psycopg
connection = psycopg.connect(sys.argv[1], autocommit=True)
rows = connection.execute(
    "update public.naive set is_done = true where not is_done returning fingerprint, status"
).fetchall()
alerts = [{"fingerprint": fingerprint, "status": status} for fingerprint, status in rows]
if alerts:
    httpx.post(sys.argv[2], json={"alerts": alerts}, timeout=20).raise_for_status()
"""


def test_marking_first_loses_what_was_under_way(
    database: Database, admin: psycopg.Connection[Any], receiver: Receiver
) -> None:
    fire(admin, "one")
    admin.execute(
        "create table public.naive as select fingerprint, status, false as is_done from syncwell.alert_outbox"
    )
    command = [sys.executable, "-c", NAIVE, database.uri(), receiver.url]
    receiver.behave = lambda connection: connection.recv(1) and None
    process = subprocess.Popen(command, env=environment())
    wait_until("the request", lambda: receiver.requests)
    process.kill()
    process.wait()
    receiver.behave = OK
    subprocess.run(command, env=environment(), check=True, timeout=60)
    assert receiver.told == []


def test_several_deliver_each_alert_once_and_in_order(database: Database, receiver: Receiver, tmp_path: Path) -> None:
    path = config(tmp_path, receiver.url, batch=3)
    once(database, path)
    names = [f"n{number:02}" for number in range(40)]
    writing = threading.Event()

    def write() -> None:
        with database.connect(autocommit=True) as connection:
            for name in names:
                fire(connection, name)
            for name in names:
                resolve(connection, name)
        writing.set()

    def work(_: int) -> None:
        while not writing.is_set():
            once(database, path)
        once(database, path)

    with ThreadPoolExecutor(5) as pool:
        jobs = [pool.submit(write), *(pool.submit(work, number) for number in range(4))]
        for job in jobs:
            job.result(60)
    once(database, path)
    assert len(receiver.told) == 2 * len(names)
    for name in names:
        assert [status for fingerprint, status in receiver.told if fingerprint == name] == ["firing", "resolved"]


def test_two_that_look_at_once(database: Database, admin: psycopg.Connection[Any]) -> None:
    """Whoever only looks finds the same; of those who claim, the second finds nothing."""
    fire(admin, "one")
    first, second = (database.connect("a_service", autocommit=True) for _ in range(2))
    look = "select fingerprint from syncwell.alert_outbox where not is_routed"
    assert [one.execute(look).fetchall() for one in (first, second)] == [[("one",)], [("one",)]]
    assert [one.execute(CLAIM, ["hook"]).fetchall() for one in (first, second)] == [[("one",)], []]


def test_what_another_is_claiming_is_not_waited_for(database: Database, admin: psycopg.Connection[Any]) -> None:
    first, second = database.connect("a_service"), database.connect("a_service", autocommit=True)
    first.execute(CLAIM, ["hook"])
    first.commit()
    fire(admin, "one")
    # handed on, and not claimed yet
    second.execute(CLAIM, ["another"])
    assert first.execute(CLAIM, ["hook"]).fetchall() == [("one",)]
    fire(admin, "two")
    second.execute(CLAIM, ["another"])
    second.execute("set lock_timeout = '5s'")
    assert second.execute(CLAIM, ["hook"]).fetchall() == [("two",)]
    first.rollback()
    assert second.execute(CLAIM, ["hook"]).fetchall() == [("one",)]


def test_when_a_channel_works_again_what_was_due_keeps_its_place(
    database: Database, admin: psycopg.Connection[Any]
) -> None:
    service = database.connect("a_service", autocommit=True)
    service.execute(CLAIM, ["hook"])
    for name in ("one", "two"):
        fire(admin, name)
    service.execute(CLAIM, ["another"])
    admin.execute(
        "update syncwell.alert_channels set dead_since = now(), dead_reason = 'failing' where channel = 'hook'"
    )
    admin.execute(
        "update syncwell.alert_deliveries set next_attempt_at = now() + interval '1 minute'"
        " * case fingerprint when 'one' then 60 else -1 end where channel = 'hook'"
    )
    admin.execute("select syncwell._channel_works(test.org('a'), 'hook', now())")
    claim = "select fingerprint from syncwell.claim_alerts('hook', p_limit => 1)"
    assert [service.execute(claim).fetchall() for _ in range(2)] == [[("two",)], [("one",)]]


def test_what_commits_late_goes_out(database: Database, admin: psycopg.Connection[Any]) -> None:
    """An alert with a smaller id that commits after one with a greater: a mark up to which all is done loses it."""
    service = database.connect("a_service", autocommit=True)
    service.execute(CLAIM, ["hook"])
    slow = database.connect()
    fire(slow, "slow")
    fire(admin, "fast")
    assert service.execute(CLAIM, ["hook"]).fetchall() == [("fast",)]
    (mark,) = admin.execute("select id from syncwell.alert_outbox").fetchone() or [None]
    slow.commit()
    assert service.execute(CLAIM, ["hook"]).fetchall() == [("slow",)]
    assert admin.execute("select from syncwell.alert_outbox where id > %s", [mark]).rowcount == 0


@pytest.mark.parametrize("first", ["the channel", "the alert"])
def test_a_channel_that_begins_while_alerts_are_handed_on(
    database: Database, admin: psycopg.Connection[Any], first: str
) -> None:
    """One transaction hands an alert on, another adds a channel: each waits for the other, and it gets to both."""
    old, new = (database.connect("a_service") for _ in range(2))
    old.execute(CLAIM, ["old"])
    old.commit()
    fire(admin, "one")
    begins, follows = ((new, "new"), (old, "old")) if first == "the channel" else ((old, "old"), (new, "new"))
    assert begins[0].execute(CLAIM, [begins[1]]).fetchall() == [("one",)]
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(lambda: follows[0].execute(CLAIM, [follows[1]]).fetchall())
        if first == "the alert":
            wait_for_lock(admin, new.info.backend_pid)
        else:
            # it leaves handing on to whoever is at it, who rings
            assert job.result(30) == []
            follows[0].commit()
        begins[0].commit()
        if first == "the alert":
            assert job.result(30) == [("one",)]
        else:
            assert follows[0].execute(CLAIM, [follows[1]]).fetchall() == [("one",)]
    follows[0].commit()
    assert len(states(admin, "old")) == len(states(admin, "new")) == 1


def test_whoever_hands_on_rings_for_the_others(database: Database, admin: psycopg.Connection[Any]) -> None:
    service = database.connect("a_service", autocommit=True)
    for channel in ("one", "two"):
        service.execute(CLAIM, [channel])
    fire(admin, "x")
    admin.execute("listen syncwell_alerts")
    service.execute(CLAIM, ["one"])
    assert len(list(admin.notifies(timeout=10, stop_after=1))) == 1


def test_a_lease_that_was_lost_ends_nothing(database: Database, admin: psycopg.Connection[Any]) -> None:
    service = database.connect("a_service", autocommit=True)
    fire(admin, "one")
    take = "select alert_id, lease_token from syncwell.claim_alerts('hook')"
    old = service.execute(take).fetchone()
    due(admin)
    new = service.execute(take).fetchone()
    end = "select outcome from syncwell.complete_alerts(array[%s]::uuid[], %s)"
    assert service.execute(end, old).fetchall() == [("lease_lost",)]
    assert service.execute("select * from syncwell.fail_alerts(array[%s]::uuid[], %s)", old).fetchall() == []
    assert service.execute(end, new).fetchall() == [("completed",)]
    assert service.execute(end, new).fetchall() == [("completed",)]


def test_many_that_fail_and_succeed_at_once_do_not_wait_in_a_circle(
    database: Database, admin: psycopg.Connection[Any]
) -> None:
    """Operators end alerts of both orgs, in whatever order; channels die and live, evaluations and watches go on."""
    orgs = ("a", "b")
    operators = [database.connect("operator", autocommit=True) for _ in range(4)]
    operators[0].execute(CLAIM, ["hook"])
    for number in range(40):
        fire(admin, f"n{number}", org=orgs[number % 2])

    def work(number: int) -> None:
        mine = operators[number]
        for turn in range(25):
            rows = mine.execute("select alert_id, lease_token from syncwell.claim_alerts('hook', null, 4)").fetchall()
            for name in ("complete_alerts", "fail_alerts") if turn % 2 else ("fail_alerts", "complete_alerts"):
                ids = [row[0] for row in rows[:: 1 if name == "complete_alerts" else 2]]
                if ids:
                    more = ", null, null, 404" if name == "fail_alerts" else ""
                    mine.execute(f"select from syncwell.{name}(%s, %s{more})".encode(), [ids, rows[0][1]])
            if number == 0:
                mine.execute("select syncwell.requeue_alerts('hook')")
            if number == 1:
                mine.execute("select from syncwell.evaluate_health()")

    with ThreadPoolExecutor(4) as pool:
        for job in [pool.submit(work, number) for number in range(4)]:
            job.result(60)
    open_issues = admin.execute(
        """
        select c.org_id
        from syncwell.alert_channels as c
        left join syncwell.sync_issues as i on i.id = c.issue_id and i.state <> 'resolved'
        where (c.dead_since is not null) <> (i.id is not null)
        """
    )
    assert open_issues.fetchall() == []


def test_a_claim_reads_what_it_takes_however_many_wait(database: Database, admin: psycopg.Connection[Any]) -> None:
    """Also before the first ANALYZE, when any index of the channel looks as good as another."""
    admin.execute("alter table syncwell.alert_deliveries set (autovacuum_enabled = off)")
    admin.execute(
        """
        insert into syncwell.sync_issues (
          org_id, id, fingerprint, issue_type, severity, source, evidence, opened_at, last_seen_at
        )
        select test.org('a'), gen_random_uuid(), n::text, 'failure', 'critical', 'calls', '{}', now(), now()
        from generate_series(1, 3000) as n
        """
    )
    service = database.connect("a_service")
    for _ in range(3):
        assert service.execute(CLAIM, ["hook"]).rowcount == 50
        service.commit()
    assert service.execute(CLAIM, ["hook"]).rowcount == 50
    (read,) = service.execute(
        "select seq_tup_read + idx_tup_fetch from pg_stat_xact_all_tables"
        " where relid = 'syncwell.alert_deliveries'::regclass"
    ).fetchone() or [None]
    assert read < 1000


def test_an_alert_that_is_handed_on_while_a_channel_begins(database: Database, admin: psycopg.Connection[Any]) -> None:
    """The channel has looked what fires, and is not there for others yet: an alert handed on now would miss it."""
    admin.execute(
        """
        create function public.pause() returns trigger language plpgsql security definer as
        $$ begin perform pg_advisory_xact_lock(1); return null; end $$;
        create trigger pause after insert on syncwell.alert_deliveries
        for each row when (new.channel = 'new' and new.fingerprint = 'one') execute function public.pause();
        select pg_advisory_lock(1);
        """
    )
    old, new = (database.connect("a_service", autocommit=True) for _ in range(2))
    fire(admin, "one")
    old.execute(CLAIM, ["old"])
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(lambda: new.execute(CLAIM, ["new"]).fetchall())
        wait_for_lock(admin, new.info.backend_pid)
        fire(admin, "two")
        old.execute(CLAIM, ["old"])
        admin.execute("select pg_advisory_unlock(1)")
        assert job.result(30) == [("one",)]
    assert new.execute(CLAIM, ["new"]).fetchall() == [("two",)]
    old.execute(CLAIM, ["old"])
    assert [row[0] for row in states(admin, "old")] == ["one", "two"]


def test_the_first_two_channels_of_an_org_may_open_together(database: Database, admin: psycopg.Connection[Any]) -> None:
    """Both find that nothing was ever routed: the second one waits, and goes on."""
    fire(admin, "one")
    first, second = database.connect("a_service"), database.connect("a_service")
    first.execute(CLAIM, ["here"])
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: second.execute(CLAIM, ["there"]).fetchall())
        wait_for_lock(admin, second.info.backend_pid)
        first.commit()
        assert waiting.result(30) == [("one",)]
    second.commit()
    assert states(admin, "here") == states(admin, "there") == [("one", "firing", "pending")]
