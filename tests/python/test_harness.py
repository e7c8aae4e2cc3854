"""What the other tests stand on: reading TAP, waiting, the fake clock, clones."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from harness import pgtap, set_clock, wait_for_lock, wait_until

if TYPE_CHECKING:
    import psycopg

    from harness import Database, Tenants


def test_tap_that_is_well_has_no_complaints() -> None:
    assert pgtap.parse(["1..2", "ok 1 - one", "ok 2 - two"]).complaints() == []


def test_every_failure_is_shown_with_its_diagnosis() -> None:
    lines = ["1..3", "not ok 1 - one", "#   have: 1", "#   want: 2", "ok 2", "not ok 3 - three"]
    assert pgtap.parse(lines).complaints() == [
        "not ok 1 - one\n#   have: 1\n#   want: 2",
        "not ok 3 - three",
    ]


@pytest.mark.parametrize("lines", [["1..2", "ok 1 - one"], ["ok 1 - one"], []])
def test_a_file_that_runs_less_than_planned_fails(lines: list[str]) -> None:
    assert len(pgtap.parse(lines).complaints()) == 1


def test_todo_and_skip_are_no_failures() -> None:
    lines = ["1..2", "not ok 1 - one # TODO later", "ok 2 - two # SKIP not here"]
    assert pgtap.parse(lines).complaints() == []


def test_an_error_keeps_the_lines_before_it(db: psycopg.Connection[Any]) -> None:
    outcome = pgtap.run(db, "select '1..2'; select 'ok 1 - one'; select 1 / 0; select 'ok 2 - two';")
    (complaint,) = outcome.complaints()
    assert "division by zero" in complaint
    assert "ok 1 - one" in complaint
    assert "ok 2" not in complaint


def test_clones_do_not_see_each_other(database: Database) -> None:
    with database.connect(autocommit=True) as connection:
        connection.execute("create table public.only_here ()")
    with database.connect() as connection:
        assert connection.execute("select to_regclass('public.only_here')").fetchone() != (None,)


def test_the_shared_database_is_left_as_it_was(db: psycopg.Connection[Any]) -> None:
    assert db.execute("select to_regclass('public.only_here')").fetchone() == (None,)


def test_a_session_does_not_wait_for_ever(database: Database) -> None:
    timeouts = "select current_setting('lock_timeout'), current_setting('statement_timeout')"
    assert database.connect().execute(timeouts).fetchone() == ("30s", "1min")
    patient = database.connect(options="-c lock_timeout=2min -c syncwell.fake_now=2026-03-01")
    assert patient.execute(timeouts).fetchone() == ("2min", "1min")
    assert patient.execute("show syncwell.fake_now").fetchone() == ("2026-03-01",)


def test_the_fake_clock(db: psycopg.Connection[Any]) -> None:
    set_clock(db, "2026-03-01 12:00+00")
    assert db.execute("select syncwell._now() = '2026-03-01 12:00+00'").fetchone() == (True,)
    set_clock(db, None)
    assert db.execute("select syncwell._now() between now() and clock_timestamp()").fetchone() == (True,)


def test_ids_are_the_same_in_sql_and_python(db: psycopg.Connection[Any], tenants: Tenants) -> None:
    assert db.execute("select test.id('a_member'), test.org('b')").fetchone() == (
        tenants.id("a_member"),
        tenants.org("b"),
    )


def test_every_login_is_who_its_name_says(database: Database, tenants: Tenants) -> None:
    for login in tenants.USERS:
        with database.connect(login) as connection:
            row = connection.execute("select syncwell.current_org_id(), syncwell.current_user_id()").fetchone()
            assert row == (tenants.org(login[0]), tenants.id(login))


def test_waiting_for_a_lock(database: Database) -> None:
    holder, waiter, watcher = database.connect(), database.connect(), database.connect(autocommit=True)
    holder.execute("lock table syncwell.orgs")
    thread = threading.Thread(target=waiter.execute, args=["lock table syncwell.orgs"])
    thread.start()
    wait_for_lock(watcher, waiter.info.backend_pid)
    assert thread.is_alive()
    holder.rollback()
    thread.join(20)
    assert not thread.is_alive()


def test_waiting_in_vain_says_for_what() -> None:
    with pytest.raises(AssertionError, match="a miracle"):
        wait_until("a miracle", lambda: False, seconds=0.05)
