"""Pulls among open transactions: no change is lost, none comes as something that it is not for its device.

The same history is followed by devices that ask for `updated_at > the last time`: they lose rows, so it is a history
that can tell.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.devices import Device

if TYPE_CHECKING:
    from harness import Database

Connection = psycopg.Connection[Any]

TABLE = """
create table public.things (
  id text primary key,
  user_id uuid not null,
  title text,
  updated_at timestamptz not null default now()
);
create function public.touch() returns trigger language plpgsql as $$
begin
  new.updated_at := now();
  return new;
end $$;
create trigger touch before update on public.things for each row execute function public.touch();
grant select on public.things to syncwell_client;
select syncwell.register_synced_table('public.things', p_columns => '{title}');
"""
USERS = ("a_member", "a_other")
IDS = [f"id{number}" for number in range(24)]
STEPS = 350


@dataclass
class Writer:
    """A session with a transaction that may stay open; what it has touched, others leave alone: nobody waits."""

    connection: Connection
    touched: set[str] = field(default_factory=set)

    def write(self, dice: random.Random, taken: set[str]) -> None:
        free = [one for one in IDS if one not in taken or one in self.touched]
        if not free:
            return
        record = dice.choice(free)
        self.touched.add(record)
        undone = dice.random() < 0.15
        if undone:
            self.connection.execute("savepoint here")
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            self._write_once(dice, record)
        if undone:
            self.connection.execute("rollback to savepoint here")

    def _write_once(self, dice: random.Random, record: str) -> None:
        user, title = dice.choice(USERS), str(dice.random())
        what = dice.random()
        if what < 0.35:
            self.connection.execute("delete from things where id = %s", [record])
        elif what < 0.45:
            self.connection.execute("update things set user_id = test.id(%s) where id = %s", [user, record])
        else:
            self.connection.execute(
                "insert into things (id, user_id, title) values (%s, test.id(%s), %s)"
                " on conflict (id) do update set title = excluded.title",
                [record, user, title],
            )

    def end(self, dice: random.Random) -> None:
        if dice.random() < 0.25:
            self.connection.rollback()
        else:
            self.connection.commit()
        self.touched.clear()


@dataclass
class Control:
    """A device of a backend that goes by timestamps."""

    connection: Connection
    user: str
    since: Any = "-infinity"
    titles: dict[str, str] = field(default_factory=dict)

    def pull(self) -> None:
        rows = self.connection.execute(
            "select id, title, now() from things where user_id = test.id(%s) and updated_at > %s",
            [self.user, self.since],
        ).fetchall()
        self.titles |= {record: title for record, title, _ in rows}
        now = self.connection.execute("select now()").fetchone()
        assert now is not None
        self.since = now[0]


class History:
    """Writers, devices of two users, and what one of them does next."""

    def __init__(self, database: Database, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - a history that can be had again
        self.owner = database.connect(autocommit=True)
        self.owner.execute(TABLE)
        self.writers = [Writer(database.connect()) for _ in range(4)]
        self.devices = [
            (user, Device(database.connect(user, autocommit=True), name))
            for user in USERS
            for name in ("phone", "tablet", None)
        ]
        self.controls = [Control(database.connect(autocommit=True), user) for user in USERS]

    def write(self) -> None:
        writer = self.dice.choice(self.writers)
        taken = set().union(*(one.touched for one in self.writers))
        if writer.touched and self.dice.random() < 0.4:
            writer.end(self.dice)
        else:
            writer.write(self.dice, taken)

    def write_much(self) -> None:
        for _ in range(self.dice.randint(1, 12)):
            self.write()

    def pull(self) -> None:
        _, device = self.dice.choice(self.devices)
        what = self.dice.random()
        if what < 0.2:
            # its answer is lost
            device.ask(device.cursor)
        elif what < 0.5:
            device.pull(self.write_much, p_limit=self.dice.randint(1, 6))
        else:
            device.pull()

    def step(self, *, purges: bool) -> None:
        what = self.dice.random()
        if what < 0.6:
            self.write()
        elif what < 0.9:
            self.pull()
        elif what < 0.97 or not purges:
            self.dice.choice(self.controls).pull()
        else:
            self.owner.execute("select syncwell.cleanup_old_tombstones('0 seconds', 3)")

    def end(self) -> None:
        for writer in self.writers:
            writer.end(self.dice)
        for _, device in self.devices:
            device.pull()
        for control in self.controls:
            control.pull()

    def stored(self, user: str) -> dict[str, str]:
        rows = self.owner.execute("select id, title from things where user_id = test.id(%s)", [user]).fetchall()
        return dict(rows)


@pytest.mark.parametrize("seed", range(4))
def test_every_device_ends_where_the_table_is(database: Database, seed: int) -> None:
    history = History(database, seed)
    for _ in range(STEPS):
        history.step(purges=seed % 2 == 1)
    history.end()
    for user, device in history.devices:
        copy = {record: one["title"] for record, one in device.records["things"].items()}
        assert copy == history.stored(user), f"{device.name} of {user}"
        assert device.complaints == [], f"{device.name} of {user}"
    lost = [
        record
        for control in history.controls
        for record, title in history.stored(control.user).items()
        if control.titles.get(record) != title
    ]
    assert lost, "going by timestamps loses rows in this history, or else it proves nothing"
