"""Pushes at once: one of two loses by an error, none in silence; no deadlock; a request is done once."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import wait_for_lock
from harness.pushing import App, Device, stats, template, todo

if TYPE_CHECKING:
    from harness import Cluster

TITLE = "select title from app.todos where id = 'a'"


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> Iterator[str]:
    with template(cluster) as name:
        yield name


@pytest.fixture
def app(cluster: Cluster, installed: str) -> Iterator[App]:
    with cluster.database(template=installed) as database:
        yield App(database)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as executor:
        yield executor


def waiting(app: App, pool: ThreadPoolExecutor, device: Device, call: Callable[[], Any]) -> Future[Any]:
    """The call, when it waits for a lock."""
    future = pool.submit(call)
    wait_for_lock(app.owner, device.connection.info.backend_pid)
    return future


@pytest.mark.parametrize("policy", ["reject", "last_write_wins", "server_wins"])
def test_two_devices_change_one_record_at_once(app: App, pool: ThreadPoolExecutor, policy: str) -> None:
    app.policy(policy)
    phone, tablet = app.device("phone"), app.device("tablet")
    phone.created("todos", todo("a"))
    tablet.pull()
    with phone.connection.transaction():
        phone.updated("todos", todo("a", "phone"))
        second = waiting(app, pool, tablet, lambda: tablet.updated("todos", todo("a", "tablet")))
    answer = second.result(20)
    if policy == "reject":
        assert answer["error"]["code"] == "SW304"
        assert app.sql(TITLE) == ["phone"]
        tablet.pull()
        assert tablet.updated("todos", todo("a", "tablet"))["success"] is True
    else:
        outcome = "client" if policy == "last_write_wins" else "server"
        assert [c["outcome"] for c in answer["conflicts"]] == [outcome]
        assert app.sql("select server_record ->> 'title' from syncwell.sync_conflicts") == ["phone"]


def test_without_locking_first_the_same_loses_a_change(app: App, pool: ThreadPoolExecutor) -> None:
    """The control: the conflict check alone, before the write."""
    app.sql(
        """
        create function app.naive_push(p_cursor bigint, p_id text, p_title text) returns boolean
        language plpgsql security definer as $$
        begin
          if exists (
            select from syncwell.record_changes as r, syncwell.sync_cursors as c
            where c.cursor = p_cursor and r.record_id = p_id
              and not pg_visible_in_snapshot(r.xid, c.snapshot) and r.xid <> all (c.own_xids)
          ) then
            return false;
          end if;
          update app.todos set title = p_title where id = p_id;
          return true;
        end $$
        """
    )
    phone, tablet = app.device("phone"), app.device("tablet")
    phone.created("todos", todo("a"))
    phone.pull()
    tablet.pull()
    naive = "select app.naive_push(%s, 'a', %s)"
    with phone.connection.transaction():
        assert phone.connection.execute(naive, [phone.cursor, "phone"]).fetchone() == (True,)
        second = waiting(
            app, pool, tablet, lambda: tablet.connection.execute(naive, [tablet.cursor, "tablet"]).fetchone()
        )
    assert second.result(20) == (True,)
    assert app.sql(TITLE) == ["tablet"]


@pytest.mark.parametrize("commits", [True, False])
def test_two_devices_make_one_record_at_once(app: App, pool: ThreadPoolExecutor, commits: bool) -> None:
    phone, tablet = app.device("phone"), app.device("tablet")
    with phone.connection.transaction(force_rollback=not commits):
        phone.created("todos", todo("a", "phone"))
        second = waiting(app, pool, tablet, lambda: tablet.created("todos", todo("a", "tablet"), todo("b")))
    answer = second.result(20)
    if commits:
        assert answer["error"]["code"] == "SW304"
        assert app.sql("select id, title from app.todos") == [("a", "phone")]
    else:
        assert answer["stats"] == stats(created=2)


@pytest.mark.parametrize(
    ("change", "commits"),
    [
        ("update app.todos set title = 'sql' where id = 'a'", True),
        ("update app.todos set title = 'sql' where id = 'a'", False),
        ("delete from app.todos where id = 'a'", True),
        ("delete from app.todos where id = 'a'", False),
        ("select from app.todos where id = 'a' for update", True),
    ],
)
def test_a_writer_that_holds_the_row(app: App, pool: ThreadPoolExecutor, change: str, commits: bool) -> None:
    phone = app.device()
    phone.created("todos", todo("a"))
    phone.pull()
    writer = app.database.connect()
    writer.execute(change.encode())
    second = waiting(app, pool, phone, lambda: phone.updated("todos", todo("a", "phone")))
    if commits:
        writer.commit()
    else:
        writer.rollback()
    answer = second.result(20)
    if commits and not change.startswith("select"):
        assert answer["error"]["code"] == "SW304"
        assert app.sql(TITLE) == (["sql"] if change.startswith("update") else [])
    else:
        assert answer["stats"] == stats(updated=1)


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_in_one_snapshot_a_change_beside_it_is_raised(app: App, pool: ThreadPoolExecutor, level: str) -> None:
    phone = app.device()
    phone.created("todos", todo("a"))
    phone.pull()
    phone.connection.execute(f"set default_transaction_isolation = '{level}'")
    writer = app.database.connect()
    writer.execute("update app.todos set title = 'sql' where id = 'a'")
    second = waiting(app, pool, phone, lambda: phone.updated("todos", todo("a", "phone")))
    writer.commit()
    with pytest.raises(psycopg.errors.SerializationFailure):
        second.result(20)
    assert app.sql(TITLE) == ["sql"]
    # begun anew, it sees the conflict
    assert phone.updated("todos", todo("a", "phone"))["error"]["code"] == "SW304"


def test_one_device_pushes_twice_at_once(app: App, pool: ThreadPoolExecutor) -> None:
    """Its first push still runs when it gives up waiting and tells it again: that is no conflict."""
    phone = app.device()
    phone.created("todos", todo("a"))
    again = Device(app.database.connect("a_member", autocommit=True), "phone", phone.cursor)
    with phone.connection.transaction():
        phone.updated("todos", todo("a", "one"))
        second = waiting(app, pool, again, lambda: again.updated("todos", todo("a", "two")))
    assert second.result(20)["stats"] == stats(updated=1)
    assert app.sql(TITLE) == ["two"]


def test_a_push_that_commits_after_the_next_pull_is_still_the_devices_own(app: App, pool: ThreadPoolExecutor) -> None:
    phone = app.device()
    phone.created("todos", todo("a"))
    again = Device(app.database.connect("a_member", autocommit=True), "phone", phone.cursor)
    with phone.connection.transaction():
        phone.updated("todos", todo("a", "one"))
        pull = waiting(app, pool, again, again.pull)
    # what it read is from before
    assert [record["title"] for record in pull.result(20)["todos"]["updated"]] == ["milk"]
    assert again.updated("todos", todo("a", "two"))["stats"] == stats(updated=1)
    assert app.sql(TITLE) == ["two"]


def test_a_request_sixteen_times_at_once_is_done_once(app: App, pool: ThreadPoolExecutor) -> None:
    phone = app.device()
    devices = [Device(app.database.connect("a_member", autocommit=True), "phone", phone.cursor) for _ in range(16)]
    start = threading.Barrier(16)

    def tell(device: Device) -> Any:
        start.wait(20)
        return device.created("counters", {"id": "1", "n": 1}, {"id": "2", "n": 1}, p_request_id="once")

    answers = [future.result(30) for future in [pool.submit(tell, device) for device in devices]]
    assert answers == [{"success": True, "stats": stats(created=2), "requestId": "once"}] * 16
    assert app.one("select pushes, failures from syncwell.sync_devices where user_id = %s", phone.user_id) == (1, 0)
    assert app.one("select cardinality(own_xids) from syncwell.sync_cursors where cursor = %s", phone.cursor) == 1


def test_a_request_whose_first_try_is_rolled_back_is_done_by_the_second(app: App, pool: ThreadPoolExecutor) -> None:
    phone, again = app.device(), app.device()
    again.cursor = phone.cursor = again.cursor
    with phone.connection.transaction(force_rollback=True):
        phone.created("todos", todo("a"), p_request_id="r")
        second = waiting(app, pool, again, lambda: again.created("todos", todo("a"), p_request_id="r"))
    assert second.result(20)["stats"] == stats(created=1)


@pytest.mark.parametrize("policy", ["last_write_wins", "reject"])
def test_opposite_orders_do_not_deadlock(app: App, pool: ThreadPoolExecutor, policy: str) -> None:
    app.policy(policy)
    ids = [f"r{n:02}" for n in range(40)]
    first = app.device("d0")
    first.push(
        {"lists": {"created": [{"id": i} for i in ids]}, "todos": {"created": [todo(i, list_id=i) for i in ids]}}
    )
    devices = [first, *(app.device(f"d{n}") for n in range(1, 4))]
    start = threading.Barrier(4)

    def rounds(number: int, device: Device) -> list[str]:
        chance = random.Random(number)  # noqa: S311 - repeatable, not secret
        codes = []
        start.wait(20)
        for n in range(12):
            order = chance.sample(ids, len(ids))
            tables = {
                "todos": {
                    "updated": [todo(i, f"{number} {n}", list_id=chance.choice(ids)) for i in order[:20]],
                    "created": [todo(f"n{n}x{chance.randrange(30)}", list_id=chance.choice(ids)) for _ in range(10)],
                    "deleted": [f"n{chance.randrange(12)}x{chance.randrange(30)}" for _ in range(10)],
                },
                "lists": {"updated": [{"id": i, "name": f"{number} {n}"} for i in chance.sample(ids, 20)]},
            }
            answer = device.push(dict(chance.sample(list(tables.items()), 2)))
            codes.append("ok" if answer["success"] else answer["error"]["code"])
            device.pull()
        return codes

    results = [f.result(60) for f in [pool.submit(rounds, n, device) for n, device in enumerate(devices)]]
    codes = [code for result in results for code in result]
    assert set(codes) <= ({"ok"} if policy == "last_write_wins" else {"ok", "SW304"})
    assert "ok" in codes
    assert app.sql("select id from syncwell.sync_quarantine") == []
    app.sql("select pg_stat_force_next_flush()")
    assert app.one("select deadlocks from pg_stat_database where datname = current_database()") == 0


def test_no_update_is_lost_among_many(app: App, pool: ThreadPoolExecutor) -> None:
    """Each device adds one, pulling again after each conflict: all of it arrives."""
    first = app.device("d0")
    first.created("counters", {"id": "1", "n": 0})
    devices = [app.device(f"c{n}") for n in range(4)]
    start = threading.Barrier(4)

    def add(device: Device) -> None:
        value = device.told["changes"]["counters"]["created"][0]["n"]
        start.wait(20)
        done = 0
        while done < 10:
            answer = device.updated("counters", {"id": "1", "n": value + 1, "_changed": "n"})
            assert answer["success"] or answer["error"]["code"] == "SW304"
            done += answer["success"]
            for record in device.pull().get("counters", {}).get("updated", []):
                value = record["n"]

    for future in [pool.submit(add, device) for device in devices]:
        future.result(60)
    assert app.sql("select n from app.counters") == [40]
