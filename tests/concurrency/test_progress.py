"""Progress with several sessions: first reports at once, heap-only updates, and what is and is not announced."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import Database, Tenants, wait_for_lock, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

REPORT = "select status from syncwell.report_sync_progress(%s, %s, %s)"


def one(connection: psycopg.Connection[Any], query: str, values: tuple[Any, ...] = ()) -> Any:
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def worker(database: Database) -> psycopg.Connection[Any]:
    return database.connect("a_service", autocommit=True)


@pytest.fixture
def watcher(database: Database) -> psycopg.Connection[Any]:
    return database.connect(autocommit=True)


class Second:
    """A statement of another session that has to wait."""

    def __init__(self, database: Database, query: str, values: tuple[Any, ...], login: str = "a_member") -> None:
        self.connection = database.connect(login, autocommit=True)
        self.error: psycopg.Error | None = None
        self.row: Any = None
        self._thread = threading.Thread(target=self._run, args=(query, values))
        self._thread.start()

    def _run(self, query: str, values: tuple[Any, ...]) -> None:
        try:
            self.row = self.connection.execute(query, values).fetchone()
        except psycopg.Error as error:
            self.error = error

    def join(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.mark.parametrize(
    ("first", "second", "sqlstate", "left"),
    [(10, 20, None, 20), (20, 10, "SW203", 20), (20, 20, None, 20)],
    ids=["the later report wins", "an older report is refused", "the same report twice"],
)
def test_two_first_reports_give_one_row(
    database: Database, watcher: psycopg.Connection[Any], first: int, second: int, sqlstate: str | None, left: int
) -> None:
    holder = database.connect("a_service")
    holder.execute(REPORT, ("s", first, 100))
    other = Second(database, REPORT, ("s", second, 100))
    wait_for_lock(watcher, other.connection.info.backend_pid)
    holder.commit()
    other.join()
    assert (other.error.sqlstate if other.error else None) == sqlstate
    assert watcher.execute("select processed_count from syncwell.sync_progress").fetchall() == [(left,)]


def test_the_end_and_a_late_report_at_once(database: Database, watcher: psycopg.Connection[Any]) -> None:
    holder = database.connect("a_service")
    holder.execute(REPORT, ("s", 1, 100))
    holder.commit()
    holder.execute("select syncwell.cancel_sync('s')")
    other = Second(database, REPORT, ("s", 2, 100))
    wait_for_lock(watcher, other.connection.info.backend_pid)
    holder.commit()
    other.join()
    assert other.error is not None
    assert other.error.sqlstate == "SW204"
    assert watcher.execute("select processed_count, status from syncwell.sync_progress").fetchall() == [
        (1, "cancelled")
    ]


def test_a_pause_waits_for_a_report_and_cancelling_twice_cancels_once(
    database: Database, watcher: psycopg.Connection[Any]
) -> None:
    holder = database.connect("a_service")
    holder.execute(REPORT, ("s", 1, 2))
    holder.commit()
    holder.execute(REPORT, ("s", 2, 2))
    pause = Second(database, "select syncwell.pause_sync('s')", ())
    wait_for_lock(watcher, pause.connection.info.backend_pid)
    holder.commit()
    pause.join()
    assert pause.error is not None
    assert pause.error.sqlstate == "SW204"

    holder.execute(REPORT, ("t", 1, 2))
    holder.commit()
    holder.execute("select syncwell.cancel_sync('t')")
    again = Second(database, "select syncwell.cancel_sync('t')", ())
    wait_for_lock(watcher, again.connection.info.backend_pid)
    holder.commit()
    again.join()
    assert again.row == (False,)


def test_two_reapers_share_the_work(database: Database, watcher: psycopg.Connection[Any]) -> None:
    watcher.execute(
        "insert into syncwell.sync_progress (org_id, sync_id, started_at)"
        " select %s, 's' || i, now() - interval '2 days' from generate_series(1, 4) as i",
        [Tenants.org("a")],
    )
    first, second = database.connect("operator"), database.connect("a_service")
    reap = "select sync_id from syncwell.reap_sync_progress(2)"
    taken = first.execute(reap).fetchall() + second.execute(reap).fetchall()
    assert sorted(taken) == [("s1",), ("s2",), ("s3",), ("s4",)]


def test_reports_are_heap_only_and_the_table_does_not_grow(
    database: Database, worker: psycopg.Connection[Any], watcher: psycopg.Connection[Any]
) -> None:
    plain = (
        "update syncwell.sync_progress set processed_count = processed_count + 1, current_item = %s where sync_id = %s"
    )
    for sync in range(20):
        worker.execute(REPORT, (f"s{sync}", 0, 1_000_000))
    size = one(watcher, "select pg_relation_size('syncwell.sync_progress')")
    for item in range(1, 51):
        for sync in range(20):
            worker.execute(plain, (item, f"s{sync}"))
            worker.execute(REPORT, (f"s{sync}", item + 1, 1_000_000))
    worker.close()
    reader = database.connect(autocommit=True)
    counts = "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relid = 'syncwell.sync_progress'::regclass"

    def counted() -> bool:
        row = reader.execute(counts).fetchone()
        return row is not None and row[0] >= 2000

    wait_until("the statistics of the closed session", counted)
    updates, heap_only = reader.execute(counts).fetchone() or (0, 0)
    assert updates == 2000
    assert heap_only >= 0.95 * updates
    assert one(reader, "select pg_relation_size('syncwell.sync_progress')") <= 4 * size


def test_no_index_names_a_column_that_a_report_changes(watcher: psycopg.Connection[Any]) -> None:
    """The control of the one above: completed_at and status change once or twice in a row's life, all else never."""
    definitions = watcher.execute(
        "select indexdef from pg_indexes where schemaname = 'syncwell' and tablename = 'sync_progress'"
    ).fetchall()
    reported = (
        "processed_count",
        "failed_count",
        "current_item",
        "total_items",
        "speed",
        "eta",
        "elapsed",
        "updated_at",
    )
    assert len(definitions) == 7
    assert not [text for (text,) in definitions for word in (*reported, "last_progress", "ew_") if word in text]


@pytest.fixture
def heard(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A session of the other org that listens: anybody may, so only ids may be said."""
    listener = database.connect("b_member", autocommit=True)
    listener.execute("listen syncwell_progress")
    yield listener
    listener.close()


def notes(listener: psycopg.Connection[Any]) -> list[Any]:
    """What was announced up to now: an own notification closes the list."""
    listener.execute("notify syncwell_progress, 'end'")
    found: list[Any] = []
    for note in listener.notifies(timeout=20):
        if note.payload == "end":
            return found
        found.append(json.loads(note.payload))
    raise AssertionError("the closing notification did not come")


def test_start_change_of_status_and_end_are_announced_and_nothing_else(
    worker: psycopg.Connection[Any], heard: psycopg.Connection[Any]
) -> None:
    worker.execute("insert into syncwell.sync_progress (sync_id, total_items) values ('secret name', 10)")
    row_id = one(worker, "select id from syncwell.sync_progress")
    said = {"org_id": str(Tenants.org("a")), "id": str(row_id)}
    assert notes(heard) == [said]
    for count in range(1, 10):
        worker.execute(REPORT, ("secret name", count, 10))
        worker.execute("update syncwell.sync_progress set metadata = '{}', job_id = %s", [str(count)])
    assert notes(heard) == [], "reports"
    for step in ("pause_sync", "pause_sync", "resume_sync"):
        worker.execute(f"select syncwell.{step}('secret name')")
    assert notes(heard) == [said, said], "pause and resume, each once"
    worker.execute(REPORT, ("secret name", 10, 10))
    worker.execute(REPORT, ("secret name", 10, 10))
    assert notes(heard) == [said], "the end, once"


def test_a_row_that_was_turned_away_is_not_announced(
    worker: psycopg.Connection[Any], heard: psycopg.Connection[Any]
) -> None:
    insert = "insert into syncwell.sync_progress (sync_id, total_items) values ('s', 10)"
    worker.execute(insert)
    assert len(notes(heard)) == 1
    worker.execute(insert + " on conflict (org_id, sync_id) do update set processed_count = 1")
    worker.execute(insert + " on conflict do nothing")
    assert notes(heard) == []


def test_the_setting_silences(
    worker: psycopg.Connection[Any], watcher: psycopg.Connection[Any], heard: psycopg.Connection[Any]
) -> None:
    watcher.execute("select syncwell.set_setting('progress.notify', 'off', 'shop', p_org_id => %s)", [Tenants.org("a")])
    report = "select syncwell.report_sync_progress(%s, p_source_system => %s, p_status => %s)"
    worker.execute(report, ("s", "shop", None))
    worker.execute(report, ("s", "shop", "failed"))
    assert notes(heard) == []
    worker.execute(report, ("t", "other", None))
    assert len(notes(heard)) == 1


@pytest.mark.parametrize(
    ("index", "question"),
    [
        ("sync_progress_active", "select * from syncwell.sync_progress_live where status = 'in_progress'"),
        (
            "sync_progress_active",
            "select * from syncwell.sync_progress_live where status in ('pending', 'in_progress', 'paused')",
        ),
        ("sync_progress_is_one_per_sync", "select * from syncwell.sync_progress_live where sync_id = 's7'"),
        ("sync_progress_by_job", "select * from syncwell.sync_progress where job_id = 'j7' order by started_at desc"),
        (
            "sync_progress_by_entity",
            "select * from syncwell.sync_progress where entity_type = 'order' order by started_at desc limit 20",
        ),
        (
            "sync_progress_by_end",
            "select * from syncwell.sync_progress where completed_at > now() - interval '1 day'",
        ),
    ],
)
def test_each_question_has_its_index(database: Database, index: str, question: str) -> None:
    filler = database.connect(autocommit=True)
    filler.execute(
        "insert into syncwell.sync_progress (org_id, sync_id, job_id, entity_type, status)"
        " select %s, 's' || i, 'j' || i / 10, case when i %% 100 = 0 then 'order' else 'product' end,"
        " case when i <= 5000 then 'completed' else 'in_progress' end from generate_series(1, 5020) as i",
        [Tenants.org("a")],
    )
    filler.execute("set session_replication_role = replica")
    filler.execute(
        "update syncwell.sync_progress set completed_at = now() - interval '2 days' where completed_at is not null"
    )
    filler.execute("analyze syncwell.sync_progress")
    member = database.connect("a_member")
    plan = json.dumps(one(member, f"explain (format json) {question}"))
    assert f'"Index Name": "{index}"' in plan, plan
