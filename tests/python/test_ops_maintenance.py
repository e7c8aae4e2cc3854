"""Maintenance: each duty in a transaction of its own, once at a time, and what fails does not stop the rest."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.wait import wait_for_lock

if TYPE_CHECKING:
    from harness import Database

DUTIES = "select count(*) from syncwell._duties()"
FAILING = """
create function syncwell._broken_task() returns bigint language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into syncwell.orgs (name) values ('half done');
  raise exception 'no: postgresql://joe:secret@host/db' using errcode = '58030';
end $$;
insert into syncwell.maintenance_tasks (task, domain, routine, description)
values ('aa_broken', 'ops', '_broken_task', 'x')
"""


def maintain(database: Database, arguments: str = "") -> None:
    with database.connect("operator", autocommit=True) as operator:
        operator.execute(f"call syncwell.run_maintenance({arguments})")


def report(connection: psycopg.Connection[Any]) -> dict[str, tuple[Any, ...]]:
    rows = connection.execute(
        "select duty, state, affected, error_code, error, failures from syncwell.get_maintenance_report()"
    )
    return {row[0]: row[1:] for row in rows}


def test_every_duty_is_done_and_reported(database: Database) -> None:
    with database.connect(autocommit=True) as owner:
        assert {row[0] for row in report(owner).values()} == {"never"}
        maintain(database)
        rows = report(owner)
        duties = owner.execute(DUTIES).fetchone()
        assert duties is not None
        assert len(rows) == duties[0]
        assert {row[0] for row in rows.values()} == {"done"}
        assert owner.execute("select count(distinct run_id), count(*) from syncwell.maintenance_runs").fetchone() == (
            1,
            duties[0],
        )


def test_what_is_not_due_waits_unless_forced(database: Database) -> None:
    with database.connect(autocommit=True) as owner:
        maintain(database)
        done = "select count(*) from syncwell.maintenance_runs where duty = 'evaluate_health'"
        maintain(database)
        assert owner.execute(done).fetchone() == (1,)
        maintain(database, "'evaluate_health', true")
        assert owner.execute(done).fetchone() == (2,)
        # an interval later it is due, and what has a longer one is not
        owner.execute("update syncwell.maintenance_duties set finished_at = finished_at - interval '61 seconds'")
        maintain(database)
        assert owner.execute(done).fetchone() == (3,)
        assert owner.execute(
            "select count(*) from syncwell.maintenance_runs where duty = 'expire_health'"
        ).fetchone() == (1,)


def test_a_failing_duty_leaves_nothing_and_does_not_stop_the_rest(database: Database) -> None:
    with database.connect(autocommit=True) as owner:
        owner.execute(FAILING)
        maintain(database)
        maintain(database, "'aa_broken', true")
        rows = report(owner)
        state, affected, code, error, failures = rows.pop("aa_broken")
        assert (state, affected, code, failures) == ("failed", None, "58030", 2)
        assert "secret" not in error
        assert {row[0] for row in rows.values()} == {"done"}
        assert owner.execute("select count(*) from syncwell.orgs where name = 'half done'").fetchone() == (0,)
        owner.execute("create or replace function syncwell._broken_task() returns bigint language sql return 7::bigint")
        maintain(database, "'aa_broken', true")
        assert report(owner)["aa_broken"] == ("done", 7, None, None, 0)


def test_two_maintainers_do_not_do_the_same(database: Database) -> None:
    with database.connect(autocommit=True) as owner, database.connect() as first:
        owner.execute(
            """
            create table public.done (n integer);
            grant all on public.done to syncwell_owner;
            create function syncwell._slow_task() returns bigint language plpgsql security definer
            set search_path = pg_catalog, pg_temp as $$
            begin
              insert into public.done values (1);
              perform pg_advisory_xact_lock(42);
              return 1;
            end $$;
            alter function syncwell._slow_task() owner to syncwell_owner;
            insert into syncwell.maintenance_tasks (task, domain, routine, description)
            values ('slow', 'ops', '_slow_task', 'x')
            """
        )
        maintain(database, "'reap_runs'")
        first.execute("select pg_advisory_xact_lock(42)")
        with database.connect("operator", autocommit=True) as operator:
            operator.execute("select 1")
            pid = operator.info.backend_pid
            caller = threading.Thread(target=operator.execute, args=("call syncwell.run_maintenance('slow', true)",))
            caller.start()
            wait_for_lock(owner, pid)
            # the second caller passes by, and does the others
            maintain(database, "'slow', true")
            maintain(database, "'reap_runs', true")
            first.rollback()
            caller.join()
        assert owner.execute("select count(*) from public.done").fetchone() == (1,)
        assert report(owner)["slow"][:2] == ("done", 1)


@pytest.mark.parametrize("locked", ["sync_events", "sync_events_default"])
def test_a_lock_held_by_somebody_costs_that_table_only(database: Database, locked: str) -> None:
    with database.connect(autocommit=True) as owner, database.connect() as holder:
        missing = owner.execute(
            "select partition_name from syncwell._partitions('sync_events') order by month desc nulls last limit 1"
        ).fetchone()
        assert missing is not None
        owner.execute(f"drop table syncwell.{missing[0]}".encode())
        owner.execute("alter function syncwell.ensure_partitions(text, integer) set lock_timeout = '50ms'")
        holder.execute(f"lock table syncwell.{locked} in access exclusive mode".encode())
        maintain(database, "'partitions', true")
        rows = report(owner)
        assert rows["partitions: sync_events"][0] == "failed"
        assert rows["partitions: sync_events"][2] == "55P03"
        assert rows["partitions: sync_queue_archive"][0] == "done"
        holder.rollback()
        maintain(database, "'partitions', true")
        assert report(owner)["partitions: sync_events"][0] == "done"
        assert missing in owner.execute("select partition_name from syncwell._partitions('sync_events')").fetchall()


def test_only_operators_maintain(database: Database) -> None:
    for login in ("a_admin", "a_service", "gateway", "a_analyst"):
        with database.connect(login, autocommit=True) as caller, pytest.raises(psycopg.errors.InsufficientPrivilege):
            caller.execute("call syncwell.run_maintenance()")


def test_an_unknown_duty_and_a_transaction_are_refused(database: Database) -> None:
    with database.connect("operator", autocommit=True) as operator:
        with pytest.raises(psycopg.Error) as unknown:
            operator.execute("call syncwell.run_maintenance('tea')")
        assert unknown.value.sqlstate == "SW801"
        with operator.transaction(), pytest.raises(psycopg.errors.InvalidTransactionTermination):
            operator.execute("call syncwell.run_maintenance()")
