"""No change is lost: many writers with random delays, a transaction open all the time, devices that pull meanwhile.

The timestamp variant runs on the same load and must lose rows; else the load proves nothing.
"""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.synced import NUMBER, create, device, difference, link_of, register, rows
from harness.watermelon import LostError, RefusedError

if TYPE_CHECKING:
    from harness import Database, Tenants
    from harness.watermelon import Device

WRITERS = 16
TRANSACTIONS = 120
IDS = [f"r{number:03}" for number in range(120)]
SCHEMA = {"notes": {"value": NUMBER}}

Connection = psycopg.Connection[Any]


@pytest.fixture
def notes(database: Database) -> Database:
    """One synced table with the column and trigger that the timestamp variant needs."""
    with database.connect(autocommit=True) as connection:
        create(
            connection,
            "notes",
            "(id text primary key, user_id uuid not null, value integer not null, updated_at timestamptz not null)",
        )
        connection.execute("""
            create function public.touch() returns trigger language plpgsql as $$
            begin new.updated_at := now(); return new; end $$
        """)
        connection.execute(
            "create trigger touch before insert or update on notes for each row execute function touch()"
        )
        connection.execute("create index on notes (user_id, updated_at)")
        register(connection, "notes", columns=["value"])
    return database


@dataclass
class TimestampPuller:
    """The usual backend, the control: `updated_at > last_pulled_at`, the next cursor is the server's time."""

    connection: Connection
    user: object
    cursor: object = "-infinity"
    contents: dict[str, dict[str, Any]] = field(default_factory=dict)

    def synchronize(self) -> None:
        with self.connection.transaction():
            self.connection.execute("set transaction isolation level repeatable read")
            now = self.connection.execute("select now()").fetchone()
            changed = self.connection.execute(
                "select id, value from notes where user_id = %s and updated_at > %s::timestamptz",
                [self.user, self.cursor],
            ).fetchall()
            here = self.connection.execute("select id from notes where user_id = %s", [self.user]).fetchall()
        assert now is not None
        self.cursor = now[0]
        self.contents |= {record_id: {"value": value} for record_id, value in changed}
        # deletions are no hazard of timestamps: the control is told them for free
        self.contents = {record_id: self.contents[record_id] for (record_id,) in here if record_id in self.contents}


class UndoError(Exception):
    """Rolls a transaction or savepoint back."""


def write(connection: Connection, seed: int, users: list[Any], transactions: int = TRANSACTIONS) -> int:
    """One writer: transactions over a few records in the order of their ids, delays before COMMIT, some undone."""
    chance = random.Random(seed)  # noqa: S311
    for number in range(transactions):
        value = seed * 100_000 + number
        try:
            with connection.transaction():
                for record_id in sorted(chance.sample(IDS, chance.randint(1, 4))):
                    try:
                        with connection.transaction(savepoint_name="part"):
                            change(connection, chance, record_id, chance.choice(users), value)
                            if chance.random() < 0.15:
                                raise UndoError
                    except UndoError:
                        pass
                    if chance.random() < 0.5:
                        connection.execute("select pg_sleep(%s)", [chance.random() * 0.004])
                if chance.random() < 0.15:
                    raise UndoError
        except UndoError:
            pass
    return transactions


def change(connection: Connection, chance: random.Random, record_id: str, user: object, value: int) -> None:
    kind = chance.random()
    if kind < 0.2:
        connection.execute("delete from notes where id = %s", [record_id])
    elif kind < 0.3:
        connection.execute("update notes set user_id = %s, value = %s where id = %s", [user, value, record_id])
    else:
        connection.execute(
            "insert into notes (id, user_id, value) values (%s, %s, %s) on conflict (id) do update set value = %s",
            [record_id, user, value, value],
        )


def test_sixteen_writers_and_a_parked_transaction_lose_no_change(notes: Database, tenants: Tenants) -> None:
    users = [tenants.id("a_member"), tenants.id("b_member")]
    superuser = notes.connect(autocommit=True)
    devices = [
        (device(notes, "a_member", SCHEMA, "one"), users[0]),
        (device(notes, "a_member", SCHEMA, "two", limit=25), users[0]),
        (device(notes, "b_member", SCHEMA), users[1]),
    ]
    control = TimestampPuller(notes.connect(), users[0])
    parked = notes.connect()
    parked.execute("insert into notes (id, user_id, value) values ('parked', %s, 1)", [users[0]])
    writing = threading.Event()
    writing.set()

    def keep_pulling(puller: Device | TimestampPuller) -> int:
        pulls = 0
        while writing.is_set() or pulls < 2:
            puller.synchronize()
            pulls += 1
        return pulls

    with ThreadPoolExecutor(WRITERS + 4) as pool:
        pullers = [pool.submit(keep_pulling, puller) for puller in [*(one for one, _ in devices), control]]
        writers = [pool.submit(write, notes.connect(), seed, users, TRANSACTIONS) for seed in range(1, WRITERS + 1)]
        try:
            assert sum(writer.result(60) for writer in writers) == WRITERS * TRANSACTIONS
        finally:
            writing.clear()
        assert all(puller.result(60) >= 2 for puller in pullers)
    parked.commit()

    for puller, user in devices:
        puller.synchronize()
        assert difference(puller.contents("notes"), rows(superuser, "notes", "value", user)) == {}
        assert puller.errors == [], f"{link_of(puller).device_id}: {puller.errors}"
        assert not puller.dirty
        assert puller.synchronize()["changes"] == {}
    control.synchronize()
    lost = difference(control.contents, rows(superuser, "notes", "value", users[0]))
    assert "parked" in lost["missing"], "timestamps lost nothing: the load is too kind to prove anything"


def test_devices_that_push_among_writers_converge_and_keep_what_was_acknowledged(
    notes: Database, tenants: Tenants
) -> None:
    """Policy reject: what a device was told is stored stays stored, until somebody who had seen it changes it."""
    users = [tenants.id("a_member"), tenants.id("b_member")]
    superuser = notes.connect(autocommit=True)
    devices = [(device(notes, "a_member", SCHEMA, f"d{number}"), users[0], number) for number in range(4)]
    parked = notes.connect()
    parked.execute("insert into notes (id, user_id, value) values ('parked', %s, 1)", [users[0]])
    writing = threading.Event()
    writing.set()

    def use(phone: Device, number: int) -> int:
        """Edits of its own record, which nobody else touches, and of everybody's; every fifth answer is lost."""
        chance = random.Random(number)  # noqa: S311
        link = link_of(phone)
        own, rounds = f"own{number}", 0
        while writing.is_set() or rounds < 10:
            rounds += 1
            if own in phone.records["notes"]:
                phone.edit("notes", own, value=rounds)
            else:
                phone.create("notes", own, value=rounds)
            for record_id in chance.sample(sorted(phone.records["notes"]), min(2, len(phone.records["notes"]))):
                if record_id.startswith("r"):
                    phone.edit("notes", record_id, value=10_000_000 + number * 100_000 + rounds)
            link.lose = chance.choice([None] * 8 + ["pull answer", "push answer"])
            try:
                phone.synchronize()
            except LostError:
                pass
            except RefusedError as error:
                if error.code not in ("40001", "SW304"):
                    raise
        return rounds

    with ThreadPoolExecutor(12) as pool:
        phones = [pool.submit(use, phone, number) for phone, _, number in devices]
        writers = [pool.submit(write, notes.connect(), seed, users, 100) for seed in range(101, 107)]
        try:
            for writer in writers:
                writer.result(60)
        finally:
            writing.clear()
        rounds = [phone.result(60) for phone in phones]
    parked.rollback()

    for _ in range(4):
        for phone, _, _ in devices:
            link_of(phone).lose = None
            phone.synchronize()
    final = rows(superuser, "notes", "value", users[0])
    for phone, _, number in devices:
        assert difference(phone.contents("notes"), final) == {}
        assert phone.errors == []
        assert not phone.dirty
        assert final[f"own{number}"] == {"value": rounds[number]}
