"""roles.sql: whoever may make roles can run it, again and again, from several places at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from syncwell import migrate
from syncwell.embedded import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLES = ["client", "gateway", "operator", "owner", "reader", "worker"]
STATE = """
select r.rolname::text, shobj_description(r.oid, 'pg_authid'), r.rolcanlogin or r.rolsuper or r.rolcreaterole,
  array(select m.roleid::regrole::text from pg_auth_members as m where m.member = r.oid order by 1)
from pg_roles as r
where r.rolname like 'syncwell%'
order by 1
"""


@pytest.fixture
def fresh() -> Iterator[Server]:
    """A cluster without the roles."""
    with Server() as server:
        yield server


def state(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return connection.execute(STATE).fetchall()


def test_who_may_make_roles_is_enough(fresh: Server) -> None:
    with psycopg.connect(fresh.uri(), autocommit=True) as admin:
        admin.execute("create role maker login createrole; create role other login createrole")
        with psycopg.connect(fresh.uri(user="maker"), autocommit=True) as connection:
            connection.execute(migrate.roles_sql().encode())
            made = state(admin)
            connection.execute(migrate.roles_sql().encode())
        assert [row[0] for row in made] == [f"syncwell_{role}" for role in ROLES]
        assert all(row[1].startswith("syncwell: ") for row in made)
        assert not any(row[2] for row in made)
        assert {row[0]: row[3] for row in made if row[3]} == {
            "syncwell_gateway": ["syncwell_client", "syncwell_reader", "syncwell_worker"]
        }
        # a second one, who may not touch roles that another made, finds nothing to do
        with psycopg.connect(fresh.uri(user="other"), autocommit=True) as connection:
            connection.execute(migrate.roles_sql().encode())
        assert state(admin) == made
        # and a changed comment comes back
        admin.execute("comment on role syncwell_owner is 'mine'; revoke syncwell_reader from syncwell_gateway")
        admin.execute(migrate.roles_sql().encode())
        assert state(admin) == made


def test_from_several_databases_at_once(fresh: Server) -> None:
    failed: list[BaseException] = []
    together = threading.Barrier(8)
    with psycopg.connect(fresh.uri(), autocommit=True) as admin:
        admin.execute("create database elsewhere")

        def run(name: str) -> None:
            try:
                with psycopg.connect(fresh.uri(name)) as connection:
                    together.wait(20)
                    connection.execute(migrate.roles_sql().encode())
            except BaseException as error:  # a thread's error would be lost
                failed.append(error)

        for damage in ("", "comment on role syncwell_owner is 'x'; revoke syncwell_reader from syncwell_gateway"):
            admin.execute(damage.encode())
            threads = [threading.Thread(target=run, args=[name]) for name in ("postgres", "elsewhere") * 4]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert failed == []
            found = state(admin)
            assert [row[0] for row in found] == [f"syncwell_{role}" for role in ROLES]
            assert all(row[1].startswith("syncwell: ") for row in found)
            assert len(found[1][3]) == 3
