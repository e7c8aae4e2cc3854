"""What cursors survive: parked transactions, purges, devices without an id, pulls that repeat, state from a backup."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.synced import NUMBER, create, device, difference, link_of, register, rows
from harness.watermelon import LostError

if TYPE_CHECKING:
    from harness import Database, Tenants
    from harness.watermelon import Device

SCHEMA = {"notes": {"value": NUMBER}}

Connection = psycopg.Connection[Any]


class Notes:
    def __init__(self, database: Database, tenants: Tenants) -> None:
        self.database, self.me = database, tenants.id("a_member")
        self.superuser = database.connect(autocommit=True)
        create(self.superuser, "notes", "(id text primary key, user_id uuid not null, value integer)")
        register(self.superuser, "notes", columns=["value"])
        self.add(1, 5)

    def device(self, device_id: str | None = "mine") -> Device:
        return device(self.database, "a_member", SCHEMA, device_id)

    def add(self, first: int, last: int) -> None:
        self.superuser.execute(
            "insert into notes select 'n' || i, %s, i from generate_series(%s::int, %s::int) as i",
            [self.me, first, last],
        )

    def right(self, *phones: Device) -> None:
        stored = rows(self.superuser, "notes", "value", self.me)
        for phone in phones:
            assert difference(phone.contents("notes"), stored) == {}
            assert (phone.errors, phone.dirty) == ([], False)

    def purge(self) -> None:
        self.superuser.execute("select syncwell.cleanup_old_tombstones('0 seconds')")


@pytest.fixture
def notes(database: Database, tenants: Tenants) -> Notes:
    return Notes(database, tenants)


def test_a_purge_while_a_transaction_is_parked_does_not_replace_everything_again_and_again(notes: Notes) -> None:
    """Nor refuse every push: each new snapshot lists the parked transaction as its oldest."""
    phone = notes.device()
    phone.synchronize()
    parked = notes.database.connect()
    parked.execute("select pg_current_xact_id()")
    for turn in range(3):
        notes.superuser.execute("delete from notes where id = %s", [f"n{turn + 1}"])
        notes.purge()
        phone.synchronize()
        phone.complaints.clear()
        for value in (10, 20):
            phone.edit("notes", "n5", value=value + turn)
            assert "experimentalStrategy" not in phone.synchronize()
    parked.commit()
    phone.synchronize()
    notes.right(phone)


def test_a_device_behind_the_horizon_replaces_everything_once(notes: Notes) -> None:
    stale, current = notes.device("stale"), notes.device("current")
    stale.synchronize()
    current.synchronize()
    notes.superuser.execute("delete from notes where id = 'n1'")
    current.synchronize()
    notes.purge()
    notes.add(6, 6)
    stale.edit("notes", "n2", value=22)
    stale.edit("notes", "n1", value=11)
    stale.create("notes", "new", value=1)
    assert stale.synchronize()["experimentalStrategy"] == "replacement"
    assert "experimentalStrategy" not in current.synchronize()
    assert "experimentalStrategy" not in stale.synchronize()
    stale.complaints.clear()
    notes.right(stale, current)


def test_without_the_horizon_a_purged_deletion_is_never_told(notes: Notes) -> None:
    """The control of the test above."""
    stale = notes.device("stale")
    stale.synchronize()
    notes.superuser.execute("delete from notes where id = 'n1'")
    notes.superuser.execute("delete from syncwell.record_changes where deleted_at is not null")
    notes.add(6, 6)
    stale.synchronize()
    assert difference(stale.contents("notes"), rows(notes.superuser, "notes", "value", notes.me)) == {"excess": ["n1"]}


def test_a_purge_spares_devices_that_have_seen_the_deletions(notes: Notes) -> None:
    phone = notes.device()
    phone.synchronize()
    for number in (1, 2, 3):
        notes.superuser.execute("delete from notes where id = %s", [f"n{number}"])
        phone.synchronize()
        notes.add(number + 10, number + 10)
        phone.synchronize()
        notes.purge()
        assert "experimentalStrategy" not in phone.synchronize()
        phone.edit("notes", "n5", value=number * 100)
        phone.synchronize()
    notes.right(phone)


def test_devices_without_an_id_do_not_take_each_others_cursors(notes: Notes) -> None:
    phones = [notes.device(None) for _ in range(3)]
    for phone in phones:
        phone.synchronize()
    for turn in range(4):
        for number, phone in enumerate(phones):
            phone.edit("notes", f"n{number + 1}", value=100 * turn + number)
            assert "experimentalStrategy" not in phone.synchronize(), f"turn {turn} of device {number}"
    for phone in phones:
        phone.synchronize()
    notes.right(*phones)


def test_a_pull_whose_answer_was_lost_is_repeated_as_it_was(notes: Notes) -> None:
    """The same cursor again and again: the same changes, and the newest ones."""
    phone = notes.device()
    phone.synchronize()
    for number in range(6, 12):
        notes.add(number, number)
        link_of(phone).lose = "pull answer"
        with pytest.raises(LostError):
            phone.synchronize()
    answer = phone.synchronize()
    assert len(answer["changes"]["notes"]["created"]) == 6
    notes.right(phone)
    # the next one proves that its cursor arrived: the lost ones are forgotten
    notes.add(20, 20)
    phone.synchronize()
    left = notes.superuser.execute("select count(*) from syncwell.sync_cursors").fetchone()
    assert left is not None
    assert left[0] <= 2


@pytest.mark.parametrize("device_id", ["mine", None])
def test_lost_answers_of_pushes_are_no_conflict_and_no_second_write(notes: Notes, device_id: str | None) -> None:
    phone = notes.device(device_id)
    phone.synchronize()
    for turn in range(3):
        phone.edit("notes", "n1", value=100 + turn)
        phone.create("notes", f"made{turn}", value=turn)
        phone.delete("notes", f"n{turn + 2}")
        for _ in range(3):
            link_of(phone).lose = "push answer"
            with pytest.raises(LostError):
                phone.synchronize()
        before = notes.superuser.execute("select xmin::text, id, value from notes order by id").fetchall()
        phone.synchronize()
        assert notes.superuser.execute("select xmin::text, id, value from notes order by id").fetchall() == before
    notes.right(phone)


def test_edits_between_lost_pushes_arrive(notes: Notes) -> None:
    phone = notes.device()
    phone.synchronize()
    phone.create("notes", "made", value=1)
    for value in range(2, 6):
        phone.edit("notes", "made", value=value)
        phone.edit("notes", "n1", value=value)
        link_of(phone).lose = "push answer"
        with pytest.raises(LostError):
            phone.synchronize()
    phone.delete("notes", "made")
    phone.synchronize()
    phone.synchronize()
    notes.right(phone)
    assert phone.contents("notes")["n1"] == {"value": 5}
    assert "made" not in phone.contents("notes")


def test_a_backup_of_a_device_catches_up(notes: Notes) -> None:
    phone = notes.device()
    phone.synchronize()
    backup = phone.backup()
    for turn in range(3):
        phone.edit("notes", "n1", value=turn)
        phone.create("notes", f"made{turn}", value=turn)
        phone.delete("notes", f"n{turn + 2}")
        notes.add(turn + 10, turn + 10)
        phone.synchronize()
    phone.restore(backup)
    phone.edit("notes", "n1", value=50)
    phone.synchronize()
    phone.complaints.clear()
    phone.synchronize()
    notes.right(phone)
    assert phone.contents("notes")["n1"] == {"value": 50}


LIVES = {
    "dies": ["delete from notes where id = any (%(ids)s)"],
    "is born": ["insert into notes select i, %(me)s, 1 from unnest(%(ids)s::text[]) as i on conflict do nothing"],
    "changes": ["update notes set value = value + 1 where id = any (%(ids)s)"],
    "stays": [],
}
LIVES["dies and is born"] = LIVES["dies"] + LIVES["is born"]
LIVES["is born and dies"] = LIVES["is born"] + LIVES["dies"]


@pytest.mark.parametrize("kind", ["delta", "first", "replacement"])
def test_records_that_live_and_die_between_the_pages_are_told_right(notes: Notes, kind: str) -> None:
    """Each record has another fate: before the device's last pull, before the first page, after it, after the last."""
    combinations = itertools.product(["is born", "stays"], LIVES, LIVES, LIVES)
    fates = {f"x{number:04}": fate for number, fate in enumerate(combinations)}

    def live(when: int) -> None:
        for how, statements in LIVES.items():
            ids = [record_id for record_id, fate in fates.items() if fate[when] == how]
            for statement in statements:
                notes.superuser.execute(statement.encode(), {"me": notes.me, "ids": ids})

    phone = notes.device()
    live(0)
    phone.synchronize()
    live(1)
    # it sorts before the others: the first page
    notes.superuser.execute("update notes set value = 0 where id < 'x'")
    if kind == "first":
        phone.reset()
    elif kind == "replacement":
        notes.superuser.execute("select syncwell.invalidate_client(%s)", [notes.me])
    link = link_of(phone)
    link.limit, link.after_page = 5, lambda page: live(2) if page == 1 else None
    phone.synchronize()
    assert link.pages > 1
    link.limit = None
    live(3)
    phone.synchronize()
    notes.right(phone)
    notes.superuser.execute(LIVES["is born"][0].encode(), {"me": notes.me, "ids": list(fates)})
    phone.synchronize()
    notes.right(phone)


def test_an_id_that_lives_many_times_is_told_right(notes: Notes) -> None:
    """created to whom does not have it, updated to whom does, also after several lives in one transaction."""
    phones = [notes.device(f"d{number}") for number in range(4)]
    for phone in phones:
        phone.synchronize()
    for turn in range(14):
        with notes.superuser.transaction():
            for _ in range(turn % 3):
                notes.superuser.execute("delete from notes where id = 'n1'")
                notes.superuser.execute("insert into notes values ('n1', %s, %s)", [notes.me, turn])
            notes.superuser.execute("delete from notes where id = 'n1'")
        phones[turn % 2].synchronize()
        with notes.superuser.transaction():
            notes.superuser.execute("insert into notes values ('n1', %s, %s)", [notes.me, turn])
            if turn % 4 == 3:
                notes.superuser.execute("delete from notes where id = 'n1'")
                notes.superuser.execute("insert into notes values ('n1', %s, %s)", [notes.me, turn])
        if turn % 3 == 0:
            phones[2].synchronize()
        if turn == 8:
            phones[3].synchronize()
        notes.superuser.execute("update notes set value = value + 1 where id = 'n1'")
    for phone in phones:
        phone.synchronize()
    notes.right(*phones)


def test_registering_in_the_transaction_that_fills_the_table(database: Database, tenants: Tenants) -> None:
    """Rows from before and after the registration, in its own transaction and in one that was open meanwhile."""
    me = tenants.id("a_member")
    superuser = database.connect(autocommit=True)
    create(superuser, "other", "(id text primary key, user_id uuid not null, value integer)")
    register(superuser, "other", columns=["value"])
    schema = {"other": SCHEMA["notes"], "notes": SCHEMA["notes"]}
    early = device(database, "a_member", schema, "early")
    early.synchronize()
    with superuser.transaction():
        create(superuser, "notes", "(id text primary key, user_id uuid not null, value integer)")
        superuser.execute("insert into notes values ('before', %s, 1)", [me])
        register(superuser, "notes", columns=["value"])
        superuser.execute("insert into notes values ('after', %s, 1)", [me])
        superuser.execute("update notes set value = 2 where id = 'before'")
        assert early.synchronize()["changes"] == {}
    late = device(database, "a_member", schema, "late")
    for phone in (early, late):
        phone.synchronize()
        assert phone.contents("notes") == {"before": {"value": 2}, "after": {"value": 1}}
        assert phone.errors == []
    for value, phone in ((3, early), (4, late)):
        phone.edit("notes", "before", value=value)
        phone.synchronize()
    assert rows(superuser, "notes", "value", me)["before"] == {"value": 4}


@pytest.mark.parametrize("reset", [None, "truncate notes", "select syncwell.resync_table('notes')"])
def test_a_table_that_is_registered_again_is_no_new_one(notes: Notes, reset: str | None) -> None:
    """Devices have its records from before; what they deleted meanwhile stays deleted."""
    phone = notes.device()
    phone.synchronize()
    notes.superuser.execute("select syncwell.unregister_synced_table('notes')")
    notes.superuser.execute("delete from notes where id = 'n1'")
    register(notes.superuser, "notes", columns=["value"])
    if reset is not None:
        notes.superuser.execute(reset.encode())
    notes.add(6, 6)
    phone.edit("notes", "n2", value=22)
    phone.delete("notes", "n3")
    phone.synchronize()
    notes.right(phone)
    if reset != "truncate notes":
        assert phone.contents("notes")["n2"] == {"value": 22}
    assert "n3" not in phone.contents("notes")
