"""Identity on connections that are used again: what a transaction-local setting leaves behind is '' and not NULL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from harness import Database, Tenants

ACT_AS = "select syncwell.act_as(%s)"
SEEN = "select syncwell.current_user_id(), (select count(*) from syncwell.streams)"


@pytest.fixture
def gateway(database: Database, tenants: Tenants) -> psycopg.Connection:
    with database.connect(autocommit=True) as owner:
        owner.execute(
            "insert into syncwell.streams (org_id, user_id, source) values (%s, %s, 'calls')",
            [tenants.org("a"), tenants.id("a_member")],
        )
    return database.connect("gateway", autocommit=True)


@pytest.mark.parametrize("end", ["commit", "rollback", "refusal"])
def test_nothing_is_left_over_when_the_transaction_ends(
    gateway: psycopg.Connection, tenants: Tenants, end: str
) -> None:
    gateway.execute("begin")
    gateway.execute(ACT_AS, [tenants.id("a_member")])
    assert gateway.execute(SEEN).fetchone() == (tenants.id("a_member"), 1)
    if end == "refusal":
        with pytest.raises(psycopg.DatabaseError):
            gateway.execute(ACT_AS, [tenants.id("nobody there")])
    gateway.execute("commit" if end == "commit" else "rollback")

    left = gateway.execute("select current_setting('syncwell.user_id', true)").fetchone()
    assert left == ("",), "the trap: the setting reads as '' on a used connection, not as NULL"
    assert gateway.execute(SEEN).fetchone() == (None, 0)
    assert gateway.execute("select kind, user_id, org_id from syncwell.who_am_i()").fetchone() == (
        "gateway",
        None,
        None,
    )


def test_the_naive_reading_breaks_on_a_used_connection(gateway: psycopg.Connection, tenants: Tenants) -> None:
    """The control: without nullif() the cast of what is left raises for the next user of the connection."""
    naive = "select current_setting('syncwell.user_id', true)::uuid"
    assert gateway.execute(naive).fetchone() == (None,)
    with gateway.transaction():
        gateway.execute(ACT_AS, [tenants.id("a_member")])
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        gateway.execute(naive)


def test_a_rolled_back_savepoint_takes_its_identity_along(gateway: psycopg.Connection, tenants: Tenants) -> None:
    with gateway.transaction():
        gateway.execute(ACT_AS, [tenants.id("a_member")])
        with gateway.transaction(force_rollback=True):
            gateway.execute(ACT_AS, [tenants.id("b_member")])
        assert gateway.execute(SEEN).fetchone() == (tenants.id("a_member"), 1)


def test_act_as_outside_a_transaction_ends_with_its_statement(gateway: psycopg.Connection, tenants: Tenants) -> None:
    gateway.execute(ACT_AS, [tenants.id("a_member")])
    assert gateway.execute(SEEN).fetchone() == (None, 0)
