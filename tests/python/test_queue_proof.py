"""The queue keeps its word where it is hard: floods, circles, workers that are killed, plans made too early."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.wait import wait_for_lock

if TYPE_CHECKING:
    from harness import Database

Connection = psycopg.Connection[Any]

# dies by its own hand, which nothing in it can catch
WORKER = """
import os, signal, sys
import psycopg

uri, step = sys.argv[1:]

def die_at(here):
    if here == step:
        os.kill(os.getpid(), signal.SIGKILL)

session = psycopg.connect(uri, autocommit=True)
claimed = session.execute("select operation_id, lease_token from syncwell.claim_operations(1, '1 minute')").fetchone()
die_at("claimed")
with session.transaction():
    session.execute("insert into public.effects values (%s)", [claimed[0]])
    die_at("worked")
    session.execute("select from syncwell.complete_operations(%s, %s)", [[claimed[0]], claimed[1]])
    die_at("completed")
die_at("committed")
"""
STEPS = ("claimed", "worked", "completed", "committed")


def enqueue(connection: Connection, kind: str = "send", payload: Any = None, **arguments: Any) -> Any:
    values = {"operation_type": kind, "payload": json.dumps(payload or {}), **arguments}
    named = ", ".join(f"p_{name} => %({name})s" for name in values)
    return value(connection, f"select operation_id from syncwell.enqueue_operation({named})", values)


def value(connection: Connection, query: str, parameters: Any = None) -> Any:
    row = connection.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return row[0]


def claim(connection: Connection, limit: int = 10) -> list[Any]:
    cursor = connection.cursor(row_factory=psycopg.rows.namedtuple_row)
    return cursor.execute("select * from syncwell.claim_operations(%s)", [limit]).fetchall()


def complete(connection: Connection, *claimed: Any) -> list[str]:
    ids = [row.operation_id for row in claimed]
    found = connection.execute(
        "select outcome from syncwell.complete_operations(%s, %s)", [ids, claimed[0].lease_token]
    )
    return [row[0] for row in found]


@pytest.fixture
def admin(database: Database) -> Connection:
    return database.connect(autocommit=True)


@pytest.fixture
def member(database: Database) -> Connection:
    return database.connect("a_member", autocommit=True)


@pytest.fixture
def service(database: Database) -> Connection:
    return database.connect("a_service", autocommit=True)


def killed_at(database: Database, step: str) -> None:
    done = subprocess.run([sys.executable, "-c", WORKER, database.uri("a_service"), step], check=False)
    assert done.returncode == -signal.SIGKILL


def expired(admin: Connection) -> None:
    """Let the lease of whoever is gone run out, once the server has seen that it is gone."""
    admin.execute("update syncwell.sync_queue set run_at = run_at - interval '2 minutes' where status = 'processing'")


class TestKilledWorkers:
    @pytest.fixture(autouse=True)
    def _effects(self, admin: Connection) -> None:
        admin.execute("create table public.effects (id uuid); grant insert, select on public.effects to public")

    @pytest.mark.parametrize("step", STEPS)
    def test_whoever_is_killed_at_any_step_leaves_one_effect(
        self, database: Database, member: Connection, service: Connection, admin: Connection, step: str
    ) -> None:
        operation = enqueue(member)
        killed_at(database, step)
        expired(admin)
        for claimed in claim(service):
            with service.transaction():
                service.execute("insert into public.effects values (%s)", [claimed.operation_id])
                assert complete(service, claimed) == ["completed"]
        assert admin.execute("select id from public.effects").fetchall() == [(operation,)]
        assert value(admin, "select count(*) from syncwell.sync_queue") == 0
        assert value(admin, "select count(*) from syncwell.sync_queue_archive where status = 'completed'") == 1

    def test_an_effect_of_its_own_transaction_happens_twice(
        self, database: Database, member: Connection, service: Connection, admin: Connection
    ) -> None:
        """The control: what is not in the transaction of the completion is done again."""
        enqueue(member)
        apart = WORKER.replace("with session.transaction():", "if True:")
        done = subprocess.run([sys.executable, "-c", apart, database.uri("a_service"), "worked"], check=False)
        assert done.returncode == -signal.SIGKILL
        expired(admin)
        [claimed] = claim(service)
        service.execute("insert into public.effects values (%s)", [claimed.operation_id])
        assert value(admin, "select count(*) from public.effects") == 2


class TestFlood:
    """One org floods; how many claims it takes until another org's operation is handed out."""

    FLOOD = 2000
    TAKEN = 10

    def test_another_org_is_served_by_the_next_claim(self, database: Database, admin: Connection) -> None:
        batch = [{"operation_type": "flood", "mode": "none", "priority": 9} for _ in range(self.FLOOD)]
        database.connect("a_service", autocommit=True).execute(
            "select from syncwell.enqueue_operations(%s)", [json.dumps(batch)]
        )
        neighbour = database.connect("b_service", autocommit=True)
        gateway = database.connect("gateway", autocommit=True)
        for number in range(20):
            wanted = enqueue(neighbour, "b", {"n": number}, priority=0)
            assert wanted in [row.operation_id for row in claim(gateway, self.TAKEN)]
        # and the flood has what is left of each
        assert value(admin, "select count(*) from syncwell.sync_queue where status = 'processing'") == 20 * self.TAKEN

    def test_by_time_alone_it_waits_for_the_whole_flood(self, admin: Connection) -> None:
        """The control: the queue that everybody writes first."""
        admin.execute(
            "create table public.naive (id bigint generated always as identity, org text, run_at timestamptz,"
            " status text default 'pending')"
        )
        admin.execute(
            "insert into public.naive (org, run_at) select 'a', now() - interval '1 hour' from generate_series(1, %s)",
            [self.FLOOD],
        )
        admin.execute("insert into public.naive (org, run_at) values ('b', now())")
        claims = 0
        found: list[str] = []
        while "b" not in found:
            claims += 1
            found = [
                row[0]
                for row in admin.execute(
                    "update public.naive set status = 'processing' where id in (select id from public.naive"
                    " where status = 'pending' order by run_at, id limit %s for update skip locked) returning org",
                    [self.TAKEN],
                )
            ]
        assert claims == self.FLOOD // self.TAKEN + 1


class TestCircles:
    def test_nothing_depends_on_what_comes_later(self, member: Connection) -> None:
        first = enqueue(member, "a", dedup_key="a", mode="replace")
        second = enqueue(member, "b", depends_on=[first])
        # the first one again: it stands, and does not begin to wait for what waits for it
        assert enqueue(member, "a", {"v": 2}, dedup_key="a", mode="replace", depends_on=[second]) == first
        with pytest.raises(psycopg.Error) as refused:
            enqueue(member, "c", depends_on=["00000000-0000-7000-8000-000000000000"])
        assert refused.value.sqlstate == "SW401"

    def test_a_twin_that_waits_for_what_waited_for_the_first_one_makes_no_circle(
        self, member: Connection, service: Connection, admin: Connection
    ) -> None:
        first = enqueue(member, "save", {"v": 1}, dedup_key="k", mode="replace")
        middle = enqueue(member, "middle", depends_on=[first])
        last = enqueue(member, "last", depends_on=[middle])
        [claimed] = claim(service)
        enqueue(member, "save", {"v": 2}, dedup_key="k", mode="replace", depends_on=[last])
        assert (
            value(
                service,
                "select status from syncwell.fail_operation(%s, %s, 'down', 'ECONNRESET')",
                [claimed.operation_id, claimed.lease_token],
            )
            == "superseded"
        )
        done = []
        while taken := claim(service):
            done += [row.operation_type for row in taken]
            complete(service, *taken)
        assert done == ["middle", "last", "save"]
        assert value(admin, "select count(*) from syncwell.queue_dependencies") == 0


class TestLeases:
    def test_nobody_completes_what_another_holds(
        self, member: Connection, service: Connection, database: Database, admin: Connection
    ) -> None:
        enqueue(member, "a")
        enqueue(member, "b")
        [mine] = claim(service, 1)
        [theirs] = claim(service, 1)
        ended = "select outcome from syncwell.complete_operations(%s, %s)"
        assert value(service, ended, [[theirs.operation_id], mine.lease_token]) == "lease_lost"
        foreign = database.connect("b_service", autocommit=True)
        assert value(foreign, ended, [[theirs.operation_id], theirs.lease_token]) == "unknown"
        assert value(admin, "select count(*) from syncwell.sync_queue where status = 'processing'") == 2

    def test_the_last_attempt_whose_worker_never_came_back_is_dead(
        self, member: Connection, service: Connection, admin: Connection
    ) -> None:
        enqueue(member, "a", max_attempts=1)
        enqueue(member, "b")
        assert len(claim(service)) == 2
        expired(admin)
        assert [row.operation_type for row in claim(service)] == ["b"]
        assert admin.execute(
            "select operation_type, dead_reason from syncwell.sync_queue where status = 'dead'"
        ).fetchall() == [("a", "lease_expired")]


def test_what_is_planned_while_the_queue_is_small_does_when_it_is_large(
    member: Connection, service: Connection
) -> None:
    """Nothing reads the org's whole queue, whatever the planner thought of the table when it was empty."""

    def round_trips() -> None:
        enqueue(service, "one", {"n": 1})
        enqueue(service, "one", {"n": 1})
        enqueue(service, "doc", {"n": 1}, dedup_key="k", mode="replace")
        enqueue(service, "two", ordering_key="k")
        enqueue(service, "three", ordering_key="k")
        taken = claim(service, 3)
        service.execute(
            "select from syncwell.extend_lease(%s, %s)", [[row.operation_id for row in taken], taken[0].lease_token]
        )
        failed = taken.pop()
        service.execute(
            "select from syncwell.fail_operation(%s, %s, 'gone', 'HTTP_404')",
            [failed.operation_id, failed.lease_token],
        )
        complete(service, *taken)
        complete(service, *taken)

    for _ in range(7):
        round_trips()
    batch = [{"operation_type": "flood", "mode": "none", "priority": 1} for _ in range(5000)]
    member.execute("select from syncwell.enqueue_operations(%s)", [json.dumps(batch)])
    with service.transaction():
        round_trips()
        [(scans, fetched)] = service.execute(
            "select seq_scan, idx_tup_fetch from pg_stat_xact_user_tables where relname = 'sync_queue'"
        ).fetchall()
    assert scans == 0
    assert fetched < 300


def test_a_setting_of_the_queue_holds_from_the_next_operation_on(member: Connection, admin: Connection) -> None:
    def stored(**arguments: Any) -> tuple[Any, ...]:
        operation = enqueue(member, "a", {"n": os.urandom(4).hex()}, **arguments)
        row: tuple[Any, ...] | None = admin.execute(
            "select source, max_attempts from syncwell.sync_queue where id = %s", [operation]
        ).fetchone()
        assert row is not None
        return row

    def set_to(key: str, to: str | None, **where: Any) -> None:
        named = "".join(f", p_{name} => %({name})s" for name in where)
        admin.execute(f"select syncwell.set_setting(%(key)s, %(to)s{named})".encode(), {"key": key, "to": to, **where})

    assert stored() == ("app", 5)
    set_to("queue.max_attempts", "7")
    set_to("queue.source", "device")
    assert stored() == ("device", 7)
    set_to("queue.max_attempts", "3", source="sms")
    set_to("queue.max_attempts", "2", platform="ios")
    assert [stored(), stored(source="sms"), stored(platform="ios"), stored(source="sms", platform="ios")] == [
        ("device", 7), ("sms", 3), ("device", 2), ("sms", 3),
    ]  # fmt: skip
    batch = [
        {"operation_type": "b", "payload": {"n": 1}, "source": "sms"},
        {"operation_type": "b", "payload": {"n": 2}, "platform": "ios"},
    ]
    member.execute("select from syncwell.enqueue_operations(%s)", [json.dumps(batch)])
    assert admin.execute(
        "select source, max_attempts from syncwell.sync_queue where operation_type = 'b' order by place"
    ).fetchall() == [("sms", 3), ("device", 2)]
    set_to("queue.max_payload", "10")
    with pytest.raises(psycopg.Error) as refused:
        enqueue(member, "a", {"text": "more than ten bytes"})
    assert refused.value.sqlstate == "SW403"
    for key in ("queue.max_attempts", "queue.source", "queue.max_payload"):
        set_to(key, None)
    set_to("queue.max_attempts", None, source="sms")
    set_to("queue.max_attempts", None, platform="ios")
    assert stored() == ("app", 5)
    # an org that is registered later has its own
    admin.execute("select syncwell.set_setting('queue.max_attempts', '9')")
    org = value(admin, "select syncwell.register_org('Later')")
    assert value(admin, "select max_attempts from syncwell.queue_defaults where org_id = %s", [org]) == 9
    assert value(admin, "select count(*) from syncwell.queue_defaults where varies") == 0


def test_an_org_that_is_deleted_takes_its_queue_along(admin: Connection) -> None:
    org = value(admin, "select syncwell.register_org('Gone')")
    admin.execute("select syncwell.bind_login(current_user, 'service', %s)", [org])
    first = enqueue(admin)
    enqueue(admin, "after", depends_on=[first])
    admin.execute("select syncwell.unbind_login(current_user)")
    admin.execute("delete from syncwell.orgs where org_id = %s", [org])
    for table in ("sync_queue", "queue_dependencies", "queue_defaults"):
        assert value(admin, f"select count(*) from syncwell.{table} where org_id = %s", [org]) == 0


def test_who_waited_to_join_a_row_of_operations_stands_behind_its_end(
    database: Database, service: Connection, admin: Connection
) -> None:
    first = database.connect("a_member")
    late = database.connect("a_member", autocommit=True)
    enqueue(first, "x", ordering_key="k")
    with ThreadPoolExecutor(1) as pool:
        joining = pool.submit(enqueue, late, "y", ordering_key="k")
        wait_for_lock(admin, late.info.backend_pid)
        enqueue(first, "z", ordering_key="k")
        first.commit()
        joining.result(30)
    done = []
    while taken := claim(service):
        done.append([row.operation_type for row in taken])
        complete(service, *taken)
    assert done == [["x"], ["z"], ["y"]]


def test_lanes_without_operations_go_where_there_are_many_and_nothing_is_lost(
    member: Connection, service: Connection, admin: Connection
) -> None:
    for source in range(60):
        enqueue(member, "a", {"n": source}, source=f"s{source}", priority=source % 10)
    for _ in range(3):
        complete(service, *claim(service, 20))
    admin.execute("select syncwell._expire_client_queues_task()")
    # and the one that every org has
    assert value(admin, "select count(*) from syncwell.queue_lanes where org_id = test.org('a')") == 61
    batch = [{"operation_type": "b", "mode": "none", "source": f"t{n}"} for n in range(60)]
    member.execute("select from syncwell.enqueue_operations(%s)", [json.dumps(batch)])
    left = value(service, "select count(*) from syncwell.claim_operations(59)")
    assert left == 59
    # the lane of one goes while it is not there yet: the next time it stands in a new one
    admin.execute(
        "delete from syncwell.queue_lanes"
        " where source = (select source from syncwell.sync_queue where status = 'pending')"
    )
    assert claim(service) == []
    admin.execute("select syncwell._expire_client_queues_task()")
    assert value(admin, "select count(*) from syncwell.queue_lanes where org_id = test.org('a')") == 60
    assert len(claim(service)) == 1


def test_what_replaces_with_a_higher_priority_changes_its_lane(member: Connection, service: Connection) -> None:
    enqueue(member, "doc", {"v": 1}, dedup_key="k", mode="replace", priority=1, source="a")
    enqueue(member, "other", priority=5)
    enqueue(member, "doc", {"v": 2}, dedup_key="k", mode="replace", priority=9, source="b")
    [claimed] = claim(service, 1)
    assert (claimed.operation_type, claimed.priority, claimed.source, claimed.payload) == ("doc", 9, "a", {"v": 2})


def test_who_listens_is_woken_once_a_transaction_where_the_setting_says_so(
    database: Database, admin: Connection
) -> None:
    listener = database.connect("a_service", autocommit=True)
    member = database.connect("a_member")
    listener.execute("listen syncwell_queue")

    def heard() -> int:
        """How often it was told before now: that comes in order, and late where the machine is busy."""
        admin.execute("select pg_notify('syncwell_queue', 'the last')")
        for count, notice in enumerate(listener.notifies(timeout=30)):
            if notice.payload == "the last":
                return count
        pytest.fail("the last notice did not come")

    def woken(number: int, batch: int = 2) -> int:
        enqueue(member, "one", {"n": number})
        operations = [{"operation_type": "many", "payload": {"n": [number, n]}} for n in range(batch)]
        member.execute("select from syncwell.enqueue_operations(%s)", [json.dumps(operations)])
        member.commit()
        return heard()

    assert woken(1) == 0
    admin.execute("select syncwell.set_setting('queue.notify', 'on')")
    assert woken(2) == 1
    member.execute("select from syncwell.enqueue_operations(%s)", ['[{"operation_type": "batch"}]'])
    member.commit()
    assert heard() == 1
