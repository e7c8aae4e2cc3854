"""schedule_maintenance() with the real pg_cron, from Debian's package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import UnavailableError, checked, unavailable
from syncwell import Syncwell, migrate
from syncwell.errors import SchedulerMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Database
    from syncwell.embedded import Server

JOBS = "select jobname, schedule, command, username, active from cron.job order by jobname"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    try:
        made = checked.server("pg_cron", {"shared_preload_libraries": "pg_cron", "cron.use_background_workers": "on"})
    except UnavailableError as reason:
        unavailable("pg_cron", reason)
    with made, psycopg.connect(made.uri(), autocommit=True) as owner:
        owner.execute(migrate.roles_sql().encode())
        migrate.migrate(owner)
        owner.execute("create extension pg_cron")
        owner.execute("create role ops login; grant syncwell_operator to ops; grant usage on schema cron to ops")
        owner.execute("create role other login; grant syncwell_operator to other")
        yield made


@pytest.fixture
def owner(server: Server) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(server.uri(), autocommit=True) as connection:
        yield connection
        connection.execute("select cron.unschedule(jobid) from cron.job")


def ops(server: Server, login: str) -> psycopg.Connection[Any]:
    return psycopg.connect(server.uri("postgres", login), autocommit=True)


def test_the_job_runs_maintenance_as_whoever_scheduled_it(server: Server, owner: psycopg.Connection[Any]) -> None:
    with ops(server, "ops") as operator:
        scheduled = Syncwell(operator).ops
        assert scheduled.schedule_maintenance() == scheduled.schedule_maintenance(every_minutes=5)
        jobs = owner.execute(JOBS).fetchall()
        assert [(name, schedule, user, active) for name, schedule, _, user, active in jobs] == [
            ("syncwell cron history", "17 3 * * *", "ops", True),
            ("syncwell maintenance", "*/5 * * * *", "ops", True),
        ]
        # what pg_cron will run, as it will run it
        for _, _, command, _, _ in jobs:
            operator.execute(command)
        assert {one.state for one in scheduled.maintenance_report()} == {"done"}
        assert scheduled.unschedule_maintenance() is True
        assert scheduled.unschedule_maintenance() is False
    assert owner.execute(JOBS).fetchall() == []


def test_a_login_that_may_not_use_cron_is_told(server: Server, owner: psycopg.Connection[Any]) -> None:
    with ops(server, "other") as operator, pytest.raises(SchedulerMissingError, match="may not be used") as refused:
        Syncwell(operator).ops.schedule_maintenance()
    assert refused.value.hint == "grant usage on schema cron to other"
    assert owner.execute(JOBS).fetchall() == []


def test_without_the_extension(database: Database) -> None:
    with database.connect("operator", autocommit=True) as operator:
        scheduler = Syncwell(operator).ops
        for call in (scheduler.schedule_maintenance, scheduler.unschedule_maintenance):
            with pytest.raises(SchedulerMissingError, match="pg_cron is not there"):
                call()
        for minutes in (0, 60, -1):
            with pytest.raises(psycopg.errors.InvalidParameterValue):
                scheduler.schedule_maintenance(every_minutes=minutes)
