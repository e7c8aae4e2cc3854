"""Turns to sync under concurrency: one at a time for each device; looking before taking gives several."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.wait import wait_for_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness import Database

Connection = psycopg.Connection[Any]

CALLERS = 16
REQUEST = "select allowed, why, request_id from syncwell.request_sync(%s, 'manual', %s)"
# what everybody writes first
NAIVE = "select count(*) from public.naive_turns where device = 'phone' and held_until > clock_timestamp()"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(CALLERS) as executor:
        yield executor


def together(pool: ThreadPoolExecutor, work: Callable[[int], Any], count: int = CALLERS) -> list[Any]:
    """What work(0), work(1), … give, all let go at the same moment."""
    gate = threading.Barrier(count)

    def go(number: int) -> Any:
        gate.wait(30)
        return work(number)

    return [future.result(60) for future in [pool.submit(go, number) for number in range(count)]]


@pytest.fixture
def sessions(database: Database) -> list[Connection]:
    return [database.connect("a_member", autocommit=True) for _ in range(CALLERS)]


@pytest.mark.parametrize("sources", [1, CALLERS])
def test_of_many_requests_of_a_device_one_is_allowed(
    pool: ThreadPoolExecutor, sessions: list[Connection], sources: int
) -> None:
    """Also when each is for another source, and every time again when a turn is over."""
    for _ in range(5):
        answers = together(
            pool, lambda number: sessions[number].execute(REQUEST, [f"s{number % sources}", "phone"]).fetchone()
        )
        assert sorted(allowed for allowed, *_ in answers) == [False] * (CALLERS - 1) + [True]
        assert {why for _, why, _ in answers} == {"allowed", "already_syncing"}
        (turn,) = [request for *_, request in answers if request is not None]
        row = sessions[0].execute("select syncwell.finish_sync(%s)", [turn]).fetchone()
        assert row == (True,)


def test_looking_before_taking_allows_several(
    database: Database, pool: ThreadPoolExecutor, sessions: list[Connection]
) -> None:
    admin = database.connect(autocommit=True)
    admin.execute("create table public.naive_turns (device text, held_until timestamptz)")
    admin.execute("grant select, insert on public.naive_turns to public")
    gate = threading.Barrier(CALLERS)

    def naive(number: int) -> bool:
        row = sessions[number].execute(NAIVE).fetchone()
        gate.wait(30)
        if row is None or row[0]:
            return False
        sessions[number].execute("insert into public.naive_turns values ('phone', clock_timestamp() + '5 min')")
        return True

    assert sum(together(pool, naive)) > 1


def test_a_turn_is_over_once(pool: ThreadPoolExecutor, sessions: list[Connection]) -> None:
    row = sessions[0].execute(REQUEST, ["app", "phone"]).fetchone()
    assert row is not None
    ended = together(
        pool, lambda number: sessions[number].execute("select syncwell.finish_sync(%s)", [row[2]]).fetchone()
    )
    assert sorted(ended) == [(False,)] * (CALLERS - 1) + [(True,)]


def test_one_device_does_not_wait_for_another(database: Database, pool: ThreadPoolExecutor) -> None:
    """Whoever asks in a transaction that stays open holds up its own device, and nobody else's."""
    holder = database.connect("a_member")
    holder.execute(REQUEST, ["app", "phone"])
    other = database.connect("a_other", autocommit=True)
    assert other.execute(REQUEST, ["app", "phone"]).fetchone() is not None

    waiting = database.connect("a_member", autocommit=True)
    admin = database.connect(autocommit=True)
    asked = pool.submit(lambda: waiting.execute(REQUEST, ["app", "phone"]).fetchone())
    wait_for_lock(admin, waiting.info.backend_pid)
    holder.commit()
    answer = asked.result(30)
    assert answer is not None
    assert answer[:2] == (False, "already_syncing")


def test_a_request_that_is_rolled_back_took_nothing(database: Database) -> None:
    with database.connect("a_member") as connection:
        for _ in range(2):
            row = connection.execute(REQUEST, ["app", "phone"]).fetchone()
            assert row is not None
            assert row[0]
            connection.rollback()
