"""Previews under concurrency: one computation however many ask, whoever fails on the way; naive ways compute more."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Database

Connection = psycopg.Connection[Any]

ASK = """
select from_cache, delta #>> '{statistics,total_affected}'
from syncwell.get_or_compute_preview('odoo', '[{"id": 1}]', '[{"id": 2}]', '{"page": 1}')
"""
CLAIM = "select state, lease_token from syncwell.claim_preview('odoo', '{\"page\": 1}')"
STORE = 'select from syncwell.store_preview(%s, \'{"new": [{"id": 1}], "updated": [], "deleted": []}\')'
# Computing takes as long as the gate is shut, and is counted also where it is rolled back.
COUNTED = """
create table public.gate ();
grant select on public.gate to public;
create sequence public.computations;
grant usage on sequence public.computations to public;
alter function syncwell.compute_preview_delta(jsonb, jsonb, text) rename to uncounted;
create function syncwell.compute_preview_delta(p_current jsonb, p_incoming jsonb, p_key text default 'id')
returns jsonb language plpgsql volatile as $$
begin
  perform nextval('public.computations');
  perform from public.gate;
  return syncwell.uncounted(p_current, p_incoming, p_key);
end $$;
"""
# What everybody writes first.
NAIVE = """
create function public.naive() returns boolean language plpgsql security definer as $$
declare v_delta jsonb;
begin
  perform from syncwell.sync_preview_cache as c where c.cache_key = 'naive' and c.expires_at > now();
  if found then
    return true;
  end if;
  v_delta := syncwell.compute_preview_delta('[]', '[]');
  insert into syncwell.sync_preview_cache (org_id, sync_type, cache_key, delta_json)
  select o.org_id, 'odoo', 'naive', v_delta from syncwell.orgs as o limit 1 on conflict do nothing;
  return false;
end $$;
"""
WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(50) as executor:
        yield executor


@pytest.fixture
def admin(database: Database) -> Connection:
    connection = database.connect(autocommit=True)
    connection.execute(COUNTED.encode())
    return connection


class Gate:
    """As long as it is shut, whoever computes waits there."""

    def __init__(self, database: Database) -> None:
        self._holder = database.connect()
        self._watcher = database.connect(autocommit=True)

    def shut(self) -> None:
        self._holder.execute("lock table public.gate in access exclusive mode")

    def open(self) -> None:
        self._holder.commit()

    def wait_for(self, waiting: int) -> None:
        """Until so many wait, at the gate or for each other."""
        wait_until(f"{waiting} to wait", lambda: value(self._watcher, WAITING) == waiting)


@pytest.fixture
def gate(database: Database, admin: Connection) -> Iterator[Gate]:
    del admin
    made = Gate(database)
    made.shut()
    yield made
    made.open()


def value(connection: Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def computations(connection: Connection) -> int:
    return int(value(connection, "select case when is_called then last_value else 0 end from public.computations"))


def sessions(database: Database, count: int, login: str = "a_service", *, autocommit: bool = True) -> list[Connection]:
    return [database.connect(login, autocommit=autocommit) for _ in range(count)]


def asked(connection: Connection) -> tuple[bool, str]:
    row = connection.execute(ASK.encode()).fetchone()
    assert row is not None
    return row[0], row[1]


@pytest.mark.parametrize("state", ["nothing", "an expired one"])
def test_50_callers_at_once_are_one_computation(
    database: Database, pool: ThreadPoolExecutor, admin: Connection, gate: Gate, state: str
) -> None:
    if state != "nothing":
        gate.open()
        asked(sessions(database, 1)[0])
        admin.execute("update syncwell.sync_preview_cache set computed_at = '2020-01-01', expires_at = '2020-01-02'")
        admin.execute("alter sequence public.computations restart; truncate syncwell.sync_activity_log")
        gate.shut()
    answers = [pool.submit(asked, session) for session in sessions(database, 50)]
    gate.wait_for(50)
    # not a lock that anybody else could take
    assert value(admin, "select count(*) from pg_locks where locktype = 'advisory'") == 0
    gate.open()
    assert sorted(answer.result(30) for answer in answers) == [(False, "2"), *[(True, "2")] * 49]
    assert computations(admin) == 1
    assert value(admin, "select count(*) from syncwell.sync_preview_cache") == 1
    assert value(admin, "select count(*) from syncwell.sync_activity_log where action = 'preview_delta'") == 1


def test_looking_before_computing_computes_as_often_as_it_is_asked(
    database: Database, pool: ThreadPoolExecutor, admin: Connection, gate: Gate
) -> None:
    admin.execute(NAIVE.encode())
    answers = [pool.submit(value, session, "select public.naive()") for session in sessions(database, 50)]
    gate.wait_for(50)
    gate.open()
    assert [answer.result(30) for answer in answers] == [False] * 50
    assert computations(admin) == 50


def test_when_the_one_who_computes_dies_one_other_computes(
    database: Database, pool: ThreadPoolExecutor, admin: Connection, gate: Gate
) -> None:
    first, *others = sessions(database, 10)
    dying = pool.submit(asked, first)
    gate.wait_for(1)
    answers = [pool.submit(asked, session) for session in others]
    gate.wait_for(10)
    admin.execute("select pg_terminate_backend(%s)", [first.info.backend_pid])
    with pytest.raises(psycopg.errors.AdminShutdown):
        dying.result(30)
    gate.open()
    assert sorted(answer.result(30) for answer in answers) == [(False, "2"), *[(True, "2")] * 8]
    assert computations(admin) == 2


def test_whoever_waited_holds_nobody_up(database: Database, pool: ThreadPoolExecutor, gate: Gate) -> None:
    """All of them in transactions that stay open: they go on at once when the first one commits."""
    first, *others = sessions(database, 5, autocommit=False)
    computing = pool.submit(asked, first)
    gate.wait_for(1)
    answers = [pool.submit(asked, session) for session in others]
    gate.wait_for(5)
    gate.open()
    assert computing.result(30) == (False, "2")
    gate.wait_for(4)
    first.commit()
    assert [answer.result(30) for answer in answers] == [(True, "2")] * 4
    assert all(session.info.transaction_status.name == "INTRANS" for session in others)


def test_who_wants_it_anew_waits_and_computes(
    database: Database, pool: ThreadPoolExecutor, admin: Connection, gate: Gate
) -> None:
    first, second, third = sessions(database, 3)
    computing = pool.submit(asked, first)
    gate.wait_for(1)
    forced = ASK.replace("'{\"page\": 1}'", "'{\"page\": 1}', p_force => true")
    answers = [pool.submit(value, session, forced) for session in (second, third)]
    gate.wait_for(3)
    gate.open()
    assert computing.result(30) == (False, "2")
    assert [answer.result(30) for answer in answers] == [False, False]
    assert computations(admin) == 3
    assert value(admin, "select count(*) from syncwell.sync_preview_cache") == 1


def test_waiting_ends_after_the_setting(
    database: Database, pool: ThreadPoolExecutor, admin: Connection, gate: Gate
) -> None:
    admin.execute("select syncwell.set_setting('preview.wait', '20 milliseconds')")
    first, second, third = sessions(database, 3)
    computing = pool.submit(asked, first)
    gate.wait_for(1)
    second.execute("set lock_timeout = '1 h'")
    with pytest.raises(psycopg.Error) as refusal:
        asked(second)
    assert refusal.value.sqlstate == "SW707"
    assert refusal.value.diag.message_detail == "Another transaction has been at it for longer than 00:00:00.02."
    assert value(second, "show lock_timeout") == "1h"
    # other keys, and other orgs with the same one, are not waited for
    with third.cursor() as cursor:
        cursor.execute("begin; set local lock_timeout = '1 ms'")
        assert cursor.execute("select state from syncwell.claim_preview('odoo', '{\"page\": 2}')").fetchone() == (
            "claimed",
        )
    elsewhere = database.connect("b_service", autocommit=True)
    gate.open()
    assert asked(elsewhere) == (False, "2")
    assert computing.result(30) == (False, "2")
    # waited for or not: it is there now
    assert asked(second) == (True, "2")


def test_above_read_committed_whoever_waited_begins_anew(
    database: Database, pool: ThreadPoolExecutor, gate: Gate
) -> None:
    first, second = sessions(database, 2, autocommit=False)
    second.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    computing = pool.submit(asked, first)
    gate.wait_for(1)
    waiting: Future[tuple[bool, str]] = pool.submit(asked, second)
    gate.wait_for(2)
    gate.open()
    computing.result(30)
    first.commit()
    with pytest.raises(psycopg.errors.SerializationFailure):
        waiting.result(30)
    second.rollback()
    assert asked(second) == (True, "2")


def test_of_50_who_claim_at_once_one_computes(database: Database, pool: ThreadPoolExecutor, admin: Connection) -> None:
    callers = sessions(database, 50)
    for _ in range(5):
        answers = [pool.submit(claimed, session) for session in callers]
        states = [answer.result(30) for answer in answers]
        assert states.count("claimed") == 1
        assert set(states) <= {"claimed", "computing", "cached"}
        assert value(admin, "select count(*) from syncwell.sync_activity_log where action = 'preview_delta'") == 1
        assert claimed(callers[0]) == "cached"
        admin.execute("delete from syncwell.sync_preview_cache; truncate syncwell.sync_activity_log")


def claimed(session: Connection) -> str:
    row = session.execute(CLAIM.encode()).fetchone()
    assert row is not None
    if row[0] == "claimed":
        session.execute(STORE.encode(), [row[1]])
    return str(row[0])


def test_a_claim_that_is_not_committed_is_waited_for(
    database: Database, pool: ThreadPoolExecutor, admin: Connection, gate: Gate
) -> None:
    first, second, third = sessions(database, 3, autocommit=False)
    first.execute(CLAIM.encode())
    waiting = pool.submit(value, second, CLAIM)
    gate.wait_for(1)
    first.rollback()
    assert waiting.result(30) == "claimed"
    admin.execute("select syncwell.set_setting('preview.wait', '20 milliseconds')")
    with pytest.raises(psycopg.Error) as refusal:
        third.execute(CLAIM.encode())
    assert refusal.value.sqlstate == "SW707"


def test_the_clean_up_waits_for_nobody(database: Database, admin: Connection) -> None:
    admin.execute(
        """
        insert into syncwell.sync_preview_cache (org_id, sync_type, cache_key, delta_json, computed_at, expires_at)
        select o.org_id, 'odoo', n::text, '{"new": [], "updated": [], "deleted": []}', '2020-01-01', '2020-01-02'
        from generate_series(1, 1500) as n
        cross join (select org_id from syncwell.orgs limit 1) as o
        """
    )
    holder = database.connect()
    holder.execute("select from syncwell.sync_preview_cache where cache_key::integer % 3 = 0 for update")
    cleanup = "select deleted_count, error_message from syncwell.auto_cleanup_preview_cache()"
    assert admin.execute(cleanup.encode()).fetchone() == (1000, None)
    holder.rollback()
    assert admin.execute(cleanup.encode()).fetchone() == (500, None)
    # a lock on the whole table ends it, and is told
    holder.execute("lock table syncwell.sync_preview_cache")
    admin.execute("alter function syncwell.auto_cleanup_preview_cache() set lock_timeout = '10 ms'")
    assert admin.execute(cleanup.encode()).fetchone() == (0, "55P03: canceling statement due to lock timeout")
