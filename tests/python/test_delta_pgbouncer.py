"""Devices behind PgBouncer in transaction mode: two server sessions for all, an identity for each transaction."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import UnavailableError, pgbouncer, unavailable
from harness.synced import NUMBER, TEXT, create, difference, linked, register, rows
from harness.watermelon import Link, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Database, Tenants

SCHEMA = {"notes": {"title": TEXT, "value": NUMBER}}
LOGINS = ("a_member", "a_other", "b_member")


@pytest.fixture
def bouncer(database: Database) -> Iterator[str]:
    with database.connect(autocommit=True) as connection:
        create(connection, "notes", "(id text primary key, user_id uuid not null, title text, value integer)")
        register(connection, "notes", columns=["title", "value"])
    try:
        pgbouncer.program()
    except UnavailableError as reason:
        unavailable("pgbouncer", reason)
    with pgbouncer.running(database.server, database.name, "gateway", 2) as uri:
        yield uri


def test_devices_share_two_sessions_and_never_an_identity(bouncer: str, database: Database, tenants: Tenants) -> None:
    superuser = database.connect(autocommit=True)

    def use(number: int) -> tuple[Any, Any]:
        login = LOGINS[number % 3]
        chance = random.Random(number)  # noqa: S311
        with psycopg.connect(bouncer, autocommit=True, prepare_threshold=None) as connection:
            link = Link(connection, f"device {number}", act_as=tenants.id(login), limit=3 if number % 2 else None)
            phone = linked(link, SCHEMA)
            for turn in range(12):
                phone.create("notes", f"{login}-{number}-{turn}", title=login, value=turn)
                for record_id in chance.sample(sorted(phone.records["notes"]), min(2, len(phone.records["notes"]))):
                    phone.edit("notes", record_id, value=1000 * number + turn)
                try:
                    phone.synchronize()
                except RefusedError as error:
                    if error.code not in ("40001", "SW304"):
                        raise
            return phone.backup(), phone.errors

    with ThreadPoolExecutor(9) as pool:
        states = list(pool.map(use, range(9)))

    with psycopg.connect(bouncer, autocommit=True, prepare_threshold=None) as connection:
        for _ in range(2):
            for number, (state, complaints) in enumerate(states):
                login = LOGINS[number % 3]
                phone = linked(Link(connection, f"device {number}", act_as=tenants.id(login)), SCHEMA)
                phone.restore(state)
                phone.synchronize()
                states[number] = (phone.backup(), complaints + phone.errors)
        for number, (state, complaints) in enumerate(states):
            login = LOGINS[number % 3]
            phone = linked(Link(connection), SCHEMA)
            phone.restore(state)
            stored = rows(superuser, "notes", "title, value", tenants.id(login))
            assert difference(phone.contents("notes"), stored) == {}
            assert {raw["title"] for raw in phone.contents("notes").values()} == {login}
            assert len(stored) == 36
            assert (complaints, phone.dirty) == ([], False)
    sessions = superuser.execute(
        "select count(*) from pg_stat_activity where usename = 'gateway' and datname = current_database()"
    ).fetchone()
    assert sessions is not None
    assert sessions[0] <= 2


def test_a_transaction_without_act_as_is_nobody(bouncer: str, tenants: Tenants) -> None:
    with psycopg.connect(bouncer, autocommit=True, prepare_threshold=None) as connection:
        known = Link(connection, act_as=tenants.id("a_member"))
        known.pull(last_pulled_at=None)
        for _ in range(4):
            with pytest.raises(RefusedError) as refused:
                Link(connection).pull(last_pulled_at=None)
            assert refused.value.code == "SW001"
            with pytest.raises(RefusedError) as refused:
                Link(connection).push(
                    changes={"notes": {"created": [], "updated": [], "deleted": []}}, last_pulled_at=1
                )
            assert refused.value.code == "SW001"
            known.pull(last_pulled_at=None)


def test_a_write_after_somebody_elses_pull_on_the_same_session_is_not_refused(
    bouncer: str, database: Database, tenants: Tenants
) -> None:
    """The mark of a pull ends with its transaction."""
    with (
        psycopg.connect(bouncer, autocommit=True, prepare_threshold=None) as one,
        psycopg.connect(bouncer, prepare_threshold=None) as two,
    ):
        for number in range(4):
            Link(one, act_as=tenants.id("a_member")).pull(last_pulled_at=None)
            two.execute("select syncwell.act_as(%s)", [tenants.id("b_member")])
            two.execute("insert into notes values (%s, %s, 'b_member', 1)", [f"n{number}", tenants.id("b_member")])
            two.commit()
    superuser = database.connect(autocommit=True)
    assert len(rows(superuser, "notes", "title", tenants.id("b_member"))) == 4
