"""verify_install(): clean after installing and maintaining, and each kind of damage is named with its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import psycopg

    from harness import Database

# what is done to the installation, and (check, severity, part of the subject) that names it
DAMAGE = {
    "a grant is missing": (
        "revoke execute on function syncwell.get_sync_health_status(uuid) from syncwell_reader",
        ("grants", "error", "execute on syncwell.get_sync_health_status(uuid) to syncwell_reader"),
    ),
    "a grant to everybody": (
        "grant execute on function syncwell._now() to public",
        ("grants", "error", "execute on syncwell._now() to public"),
    ),
    "a policy is gone": (
        "drop policy own_operations_or_whole_org on syncwell.sync_queue",
        ("objects", "error", "policy sync_queue.own_operations_or_whole_org"),
    ),
    "a trigger is disabled": (
        "alter table syncwell.sync_progress disable trigger all",
        ("objects", "error", "trigger sync_progress."),
    ),
    "a function was changed": (
        "create or replace function syncwell._retry_delay() returns void language sql as ''; "
        "alter function syncwell.who_am_i() volatile",
        ("objects", "error", "function syncwell.who_am_i()"),
    ),
    "somebody's own table": ("create table syncwell.mine (a int)", ("objects", "warning", "table mine")),
    "an index is gone": ("drop index syncwell.streams_by_source", ("objects", "error", "index streams_by_source")),
    "a table without policies": (
        "alter table syncwell.streams disable row level security",
        ("row level security", "error", "table syncwell.streams"),
    ),
    "a partition without policies": (
        "alter table syncwell.sync_events_default disable row level security",
        ("row level security", "error", "table syncwell.sync_events_default"),
    ),
    "a bound login without a role": (
        "insert into syncwell.logins (login_role, kind) values ('gone_away', 'gateway')",
        ("logins", "warning", "login gone_away"),
    ),
    "a missing partition": (
        "select format('drop table syncwell.%I', max(partition_name)) from "
        "(select * from syncwell._partitions('sync_events') where month is not null order by month limit 1) as p "
        "\\gexec",
        ("partitions", "error", "table syncwell.sync_events"),
    ),
    "a duty that fails": (
        "update syncwell.maintenance_duties set error_code = 'XX000', error = 'x', failures = 3 where duty = 'analyze'",
        ("maintenance", "error", "duty analyze"),
    ),
    "no scheduler": (
        "update syncwell.maintenance_duties set finished_at = finished_at - interval '1 hour' where duty = 'reap_runs'",
        ("maintenance", "warning", "duty reap_runs"),
    ),
}


def findings(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    rows = connection.execute("select check_name, severity, subject, detail, remedy from syncwell.verify_install()")
    return [row for row in rows if row[1] != "ok"]


def maintained(database: Database) -> None:
    with database.connect("operator", autocommit=True) as operator:
        operator.execute("call syncwell.run_maintenance()")


def test_a_maintained_installation_is_clean(database: Database) -> None:
    maintained(database)
    with database.connect("operator") as operator:
        found = findings(operator)
        assert found == [], found
        names = [row[0] for row in operator.execute("select check_name from syncwell.verify_install()")]
        assert len(names) == len(set(names)) == 13


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named(db: psycopg.Connection[Any], damage: str) -> None:
    done, (check, severity, subject) = DAMAGE[damage]
    db.execute(
        "insert into syncwell.maintenance_duties"
        " select duty, task, now, now, now, 0 from syncwell._duties(), syncwell._now() as now"
    )
    before = findings(db)
    if done.endswith("\\gexec"):
        made = db.execute(done.removesuffix("\\gexec").rstrip()).fetchone()
        assert made is not None
        done = made[0]
    db.execute(done)
    found = [row for row in findings(db) if row not in before]
    assert any(row[:2] == (check, severity) and subject in row[2] for row in found), found
    assert all(row[3] and row[4] for row in found)
