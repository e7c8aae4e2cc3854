"""An org with troubles, made as runs make them, and how a browser signs in to see it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg

from harness.evaluating import Fleet

if TYPE_CHECKING:
    from harness.cluster import Database

HOURS = (26, 20, 14, 8, 6, 5, 4)


def troubled(database: Database, *, name: str = "Ola Nordmann") -> None:
    """Streams of three users of org a: one fails, one is overdue, two are well; a sync runs, and something waits.

    `name` is what one of the users and the sync are called.
    """
    with psycopg.connect(database.uri(), autocommit=True) as connection:
        fleet = Fleet(connection)
        now = datetime.now(UTC)

        def before(hours: float) -> str:
            return f"{now - timedelta(hours=hours):%Y-%m-%d %H:%M:%S}"

        connection.execute(
            "update syncwell.users set display_name = case user_id when test.id('a_other') then %s "
            "when test.id('a_member') then 'Mia Member' when test.id('a_admin') then 'Adele Admin' end "
            "where org_id = test.org('a')",
            [name],
        )
        for user, source, age in (("a_member", "calls", 30), ("a_member", "sms", 30), ("a_other", "calls", 30)):
            fleet.user = user
            fleet.register(source, before(age), p_expected_interval="1 hour")
        fleet.user = "a_other"
        fleet.register("uploads", before(30), p_expected_interval="1 hour")
        for hours in HOURS:
            for user, source in (("a_member", "calls"), ("a_member", "sms"), ("a_other", "calls")):
                fleet.user = user
                fleet.run(source, before(hours), seconds=20)
        fleet.user = "a_other"
        fleet.run("uploads", before(9), seconds=20)
        fleet.user = "a_member"
        for hours in (3, 2, 1):
            fleet.run("calls", before(hours), "failed")
        for user, source in (("a_member", "sms"), ("a_other", "calls")):
            fleet.user = user
            fleet.run(source, before(0.05), seconds=20)
        connection.execute("select set_config('syncwell.fake_now', '', false)")
        with connection.transaction():
            connection.execute("select syncwell.act_as(test.id('a_member'))")
            connection.execute(
                "select syncwell.report_sync_progress(p_sync_id => 'import', p_status => 'in_progress', "
                "p_processed_count => 420, p_total_items => 1000, p_source_system => %s, p_entity_type => 'customer')",
                [f"crm {name}"],
            )
            connection.execute(
                "select syncwell.enqueue_operation(p_operation_type => 'send', p_payload => '{}', p_source => 'calls')"
            )
        evaluate(database)


def evaluate(database: Database) -> None:
    """As the evaluator does once a minute."""
    with psycopg.connect(database.uri(), autocommit=True) as connection:
        connection.execute("select count(*) from syncwell._evaluate_org(test.org('a'))")


def report(database: Database, done: int, sync: str = "import") -> None:
    """The sync that runs has gone on."""
    with psycopg.connect(database.uri(), autocommit=True) as connection, connection.transaction():
        connection.execute("select syncwell.act_as(test.id('a_member'))")
        connection.execute(
            "select syncwell.report_sync_progress(p_sync_id => %s, p_status => 'in_progress', "
            "p_processed_count => %s, p_total_items => 1000)",
            [sync, done],
        )
