"""Learning writes many rows that evaluations and reports of devices write too: it waits for none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from harness import Database, Tenants

LEARN = "select syncwell._learn_streams(%s, true)"
LEARNED = "select source from syncwell.stream_states where org_id = %s and learned_at is not null order by source"


@pytest.fixture
def owner(database: Database, tenants: Tenants) -> psycopg.Connection[Any]:
    """Of an org with three streams, one of which is new to health."""
    connection = database.connect(autocommit=True)
    connection.execute("set lock_timeout = '5s'")
    connection.execute(
        "insert into syncwell.streams (org_id, user_id, source) select %s, %s, unnest('{calls,sms,todoist}'::text[])",
        (tenants.org("a"), tenants.id("a_member")),
    )
    connection.execute(
        "insert into syncwell.stream_states (org_id, stream_id, user_id, source)"
        " select s.org_id, s.stream_id, s.user_id, s.source from syncwell.streams as s where s.source <> 'todoist'"
    )
    return connection


def sources(connection: psycopg.Connection[Any], tenants: Tenants) -> list[str]:
    return [source for (source,) in connection.execute(LEARNED, (tenants.org("a"),))]


def test_learning_waits_for_nobody(database: Database, tenants: Tenants, owner: psycopg.Connection[Any]) -> None:
    with database.connect() as other:
        other.execute("update syncwell.stream_states set queue_depth = 1 where source = 'sms'")
        assert owner.execute(LEARN, (tenants.org("a"),)).fetchone() == (2,)
        assert sources(owner, tenants) == ["calls", "todoist"]

        # the control: whoever takes rows as they come waits for that one, and for whoever waits for the others
        owner.execute("set lock_timeout = '10ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            owner.execute("update syncwell.stream_states set learned_at = learned_at")
    assert owner.execute("select syncwell._learn_streams(%s)", (tenants.org("a"),)).fetchone() == (1,)
    assert sources(owner, tenants) == ["calls", "sms", "todoist"]
    assert owner.execute("select queue_depth from syncwell.stream_states where source = 'sms'").fetchone() == (1,)
