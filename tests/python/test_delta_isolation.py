"""Every way to write a table: delivered exactly once to a device that was there, and right for one that comes after.

Every isolation level a pull can run in.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import Cluster, UnavailableError, wait_until
from harness.synced import NUMBER, create, difference, link_of, linked, register, rows
from harness.watermelon import Link
from syncwell.embedded import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness import Database, Tenants
    from harness.watermelon import Device

Connection = psycopg.Connection[Any]

SCHEMA = {"notes": {"value": NUMBER}, "lines": {"value": NUMBER}}
NOTES = "(id text primary key, user_id uuid not null, value integer)"
LINES = """(
  id text primary key, user_id uuid not null, value integer,
  note text references notes on delete cascade on update cascade
)"""


class Notes:
    """Two synced tables and devices of two users that have pulled what was there."""

    def __init__(self, database: Database, tenants: Tenants, prepare: str | None = None) -> None:
        self.database = database
        self.me, self.other = tenants.id("a_member"), tenants.id("b_member")
        self.superuser = database.connect(autocommit=True)
        self.sessions: dict[str, Connection] = {}
        if prepare is None:
            create(self.superuser, "notes", NOTES)
            create(self.superuser, "lines", LINES)
            register(self.superuser, "notes", columns=["value"])
            register(self.superuser, "lines", columns=["value"])
        else:
            create(self.superuser, "notes", "(id text, user_id uuid not null, value integer, " + prepare)
        self.tables = ("notes", "lines") if prepare is None else ("notes",)

    def device(self, login: str = "a_member") -> Device:
        """The devices of a user take turns in one session."""
        if login not in self.sessions:
            self.sessions[login] = self.database.connect(login, autocommit=True)
        return linked(Link(self.sessions[login]), {table: SCHEMA[table] for table in self.tables})

    def emptied(self) -> Notes:
        """As in the beginning: for tests that leave nothing open and share the tables."""
        self.superuser.execute("truncate notes cascade")
        self.fill()
        return self

    def fill(self) -> None:
        for number in range(1, 6):
            self.superuser.execute(
                "insert into notes (id, user_id, value) values (%s, %s, %s)", [f"n{number}", self.me, number]
            )
        self.superuser.execute("insert into notes (id, user_id, value) values ('foreign', %s, 0)", [self.other])
        if "lines" in self.tables:
            self.superuser.execute(
                "insert into lines (id, user_id, value, note) select 'l' || id, user_id, value, id from notes"
            )

    def write(self, statement: str) -> None:
        """:me and :other are the two users; several statements are one transaction."""
        text = statement.replace(":me", f"'{self.me}'").replace(":other", f"'{self.other}'")
        self.superuser.execute(text.encode())

    def right(self, phone: Device, user: object) -> None:
        for table in self.tables:
            wrong = difference(phone.contents(table), rows(self.superuser, table, "value", user))
            assert wrong == {}, f"{table}: {wrong}"
        assert phone.errors == []

    @contextmanager
    def delivered_once(self) -> Iterator[None]:
        """Devices of both users pull before and after, and nothing is sent a second time."""
        phones = [(self.device(), self.me), (self.device("b_member"), self.other)]
        for phone, _ in phones:
            phone.synchronize()
        yield
        for phone, user in phones:
            before = {table: phone.contents(table) for table in self.tables}
            answer = phone.synchronize()
            self.right(phone, user)
            for table, changes in answer["changes"].items():
                sent = Counter(raw["id"] for raw in changes["created"] + changes["updated"])
                sent.update(changes["deleted"])
                assert not [record_id for record_id, times in sent.items() if times > 1]
                now = phone.contents(table)
                moved = {key for key in {*before[table], *now} if before[table].get(key) != now.get(key)}
                assert moved <= set(sent) or "experimentalStrategy" in answer
            assert phone.synchronize()["changes"] == {}
        for login, user in (("a_member", self.me), ("b_member", self.other)):
            late = self.device(login)
            late.synchronize()
            self.right(late, user)


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tenants: Tenants) -> Iterator[Notes]:
    with cluster.database() as database:
        yield Notes(database, tenants)


@pytest.fixture
def notes(shared: Notes) -> Notes:
    return shared.emptied()


# how to write: the name, then the statements
STATEMENTS = """
-- insert
insert into notes values ('new', :me, 1), ('new2', :other, 1);
-- update
update notes set value = value + 1;
-- delete
delete from notes where id in ('n1', 'foreign');
-- no row
update notes set value = 1 where false;
-- nothing changed
update notes set value = value;
-- upsert
insert into notes values ('n1', :me, 9), ('new', :me, 9) on conflict (id) do update set value =
  excluded.value;
-- upsert, nothing
insert into notes values ('n1', :me, 9), ('new', :me, 9) on conflict do nothing;
-- merge
merge into notes as n using (values ('n1', 7), ('n2', null), ('new', 8)) as s (id, value) on n.id = s.id when
  matched and s.value is null then delete when matched then update set value = s.value when not matched then
  insert values (s.id, :me, s.value);
-- with
with gone as (delete from notes where id = 'n1' returning *), more as (update notes set value = 50 where id =
  'n2') insert into notes select 'copy of ' || id, user_id, value from gone;
-- cascade
delete from notes where id = 'n3';
-- cascade of all
delete from notes;
-- new id
update notes set id = 'renamed' where id = 'n1';
-- new ids
update notes set id = 'x' || id;
-- ids in turn
update notes set id = 'n' || (substr(id, 2)::int + 1) where id = 'n5';
-- new owner
update notes set user_id = :other where id in ('n1', 'n2');
-- owners changed
update notes set user_id = case when user_id = :me then :other::uuid else :me::uuid end;
-- new owner and id
update notes set user_id = :other, id = 'mine now' where id = 'n1';
-- truncate
truncate notes cascade;
-- truncate lines
truncate lines;
-- several
begin;
delete from notes where id = 'n1';
insert into notes values ('n1', :me, 5);
update notes set value = 6 where id = 'n1';
delete from notes where id = 'n2';
insert into notes values ('t', :me, 1);
delete from notes where id = 't';
commit;
-- there and back
begin;
update notes set user_id = :other where id = 'n1';
update notes set user_id = :me where id = 'n1';
commit;
-- back and there
begin;
delete from notes where id = 'n1';
insert into notes values ('n1', :me, 1);
update notes set user_id = :other where id = 'n1';
commit;
-- truncated and filled
begin;
truncate notes cascade;
insert into notes values ('n1', :me, 5), ('fresh', :me, 1);
commit;
-- filled and truncated
begin;
insert into notes values ('fresh', :me, 1);
truncate notes cascade;
commit;
-- rolled back
begin;
update notes set value = 99;
delete from notes where id = 'n1';
rollback;
-- savepoints
begin;
savepoint a;
update notes set value = 99 where id = 'n1';
rollback to a;
update notes set value = 3 where id = 'n2';
savepoint b;
delete from notes where id = 'n3';
release b;
savepoint c;
insert into notes values ('no', :me, 1);
rollback to c;
commit;
-- savepoint only
begin;
savepoint a;
insert into notes values ('no', :me, 1);
rollback to a;
commit;
-- deferred
begin;
set constraints all deferred;
insert into notes values ('new', :me, 1);
commit;
-- repeatable read
begin isolation level repeatable read;
update notes set value = 70 where id = 'n1';
commit;
-- serializable
begin isolation level serializable;
update notes set value = 70 where id = 'n1';
delete from notes where id = 'n2';
commit;
-- as a replica
begin;
set local session_replication_role = replica;
insert into notes values ('new', :me, 1);
update notes set value = 8 where id = 'n1';
delete from notes where id = 'foreign';
update notes set id = 'm' where id = 'n4';
update notes set user_id = :other where id = 'n5';
commit;
-- block
do $$
begin for i in 1..3 loop begin insert into notes values ('b' || i, :me, i);
  if i = 2 then raise 'no'; end if; exception when raise_exception then null; end;
end loop; end $$;
"""


def statements() -> dict[str, str]:
    parts = STATEMENTS.removeprefix("\n-- ").split("\n-- ")
    return dict(part.split("\n", 1) for part in parts)


@pytest.mark.parametrize("what", statements())
def test_each_way_to_write_is_delivered_once(notes: Notes, what: str) -> None:
    with notes.delivered_once():
        notes.write(statements()[what])


def test_copy_is_delivered(notes: Notes) -> None:
    with notes.delivered_once(), notes.superuser.cursor().copy("copy notes (id, user_id, value) from stdin") as copy:
        for number in range(300):
            copy.write_row([f"c{number}", notes.me if number % 3 else notes.other, number])


def test_a_writer_that_is_open_while_devices_pull_is_delivered_when_it_commits(notes: Notes) -> None:
    """In every isolation level; the statement before and after the pull, its savepoints in between."""
    for level in psycopg.IsolationLevel:
        writer = notes.database.connect()
        writer.isolation_level = level
        phone = notes.device()
        with notes.delivered_once():
            writer.execute("update notes set value = value + 100 where id = 'n1'")
            phone.synchronize()
            writer.execute("savepoint s")
            writer.execute("insert into notes values (%s, %s, 1)", [f"no {level.name}", notes.me])
            phone.synchronize()
            writer.execute("rollback to s")
            writer.execute("insert into notes values (%s, %s, 1)", [f"yes {level.name}", notes.me])
            assert phone.synchronize()["changes"] == {}
            writer.commit()
        phone.synchronize()
        notes.right(phone, notes.me)
        writer.close()


def test_two_open_writers_commit_in_the_other_order(notes: Notes) -> None:
    first, second = notes.database.connect(), notes.database.connect()
    phone = notes.device()
    phone.synchronize()
    first.execute("update notes set value = 10 where id = 'n1'")
    second.execute("update notes set value = 20 where id = 'n2'")
    second.commit()
    assert [raw["id"] for raw in phone.synchronize()["changes"]["notes"]["updated"]] == ["n2"]
    first.commit()
    assert [raw["id"] for raw in phone.synchronize()["changes"]["notes"]["updated"]] == ["n1"]
    notes.right(phone, notes.me)


def test_an_update_that_waits_for_another_writer_is_delivered(notes: Notes) -> None:
    """The later commit has the smaller or the larger xid: both directions."""
    for first_begins in (True, False):
        one, two = notes.database.connect(), notes.database.connect()
        phone = notes.device()
        phone.synchronize()
        order = (one, two) if first_begins else (two, one)
        for writer in order:
            writer.execute("select pg_current_xact_id()")
        one.execute("update notes set value = value + 1000 where id = 'n1'")
        one.commit()
        assert set(phone.synchronize()["changes"]) == {"notes"}
        two.execute("update notes set value = value + 1000 where id = 'n1'")
        two.commit()
        assert set(phone.synchronize()["changes"]) == {"notes"}
        notes.right(phone, notes.me)


# pulls


@pytest.mark.parametrize("level", psycopg.IsolationLevel)
def test_a_pull_in_a_long_transaction_stands_where_its_snapshot_stands(
    notes: Notes, level: psycopg.IsolationLevel
) -> None:
    phone = notes.device()
    phone.synchronize()
    session = notes.database.connect("a_member")
    session.isolation_level = level
    link_of(phone).connection = session
    session.execute("select 1 from pg_class limit 1")
    notes.superuser.execute("update notes set value = 77 where id = 'n1'")
    answer = link_of(phone).pull(last_pulled_at=phone.cursor)
    phone.apply(answer)
    notes.superuser.execute("update notes set value = 78 where id = 'n2'")
    phone.apply(link_of(phone).pull(last_pulled_at=phone.cursor))
    session.commit()
    frozen = level in (psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE)
    assert (answer["changes"] == {}) == frozen
    phone.synchronize()
    session.commit()
    notes.right(phone, notes.me)


def test_a_pull_after_writing_in_one_transaction_is_refused(notes: Notes) -> None:
    phone = notes.device()
    phone.synchronize()
    session = notes.database.connect("a_member")
    session.execute("insert into notes values ('mine', %s, 1)", [notes.me])
    with pytest.raises(psycopg.errors.Error) as refused:
        session.execute("select syncwell.sync_pull(%s)", [phone.cursor])
    assert refused.value.sqlstate == "SW305"
    session.rollback()
    session.execute("insert into notes values ('mine', %s, 1)", [notes.me])
    session.commit()
    session.execute("select syncwell.sync_pull(%s)", [phone.cursor])
    session.commit()
    phone.synchronize()
    notes.right(phone, notes.me)


@pytest.mark.parametrize("write", ["insert", "update", "delete", "truncate", "push"])
def test_writing_after_a_pull_in_one_transaction_is_refused(notes: Notes, write: str) -> None:
    phone = notes.device()
    phone.synchronize()
    notes.superuser.execute("update notes set value = value + 1")
    session = notes.database.connect("a_member")
    session.execute("select syncwell.sync_pull(%s)", [phone.cursor])
    session.execute("savepoint s")
    if write == "push":
        phone.create("notes", "mine", value=5)
        changes = psycopg.types.json.Json(phone.local_changes())
        row = session.execute("select syncwell.sync_push(%s, %s)", [changes, phone.cursor]).fetchone()
        assert row is not None
        assert (row[0]["success"], row[0]["error"]["code"]) == (False, "SW305")
    else:
        statement = {
            "insert": f"insert into notes values ('mine', '{notes.me}', 1)",
            "update": "update notes set value = 5 where id = 'n1'",
            "delete": "delete from notes where id = 'n1'",
            "truncate": "truncate lines",
        }[write]
        if write == "truncate":
            notes.superuser.execute("grant truncate on lines to a_member")
        with pytest.raises(psycopg.errors.Error) as refused:
            session.execute(statement.encode())
        assert refused.value.sqlstate == "SW305"
    session.execute("rollback to s")
    session.commit()
    # the mark is gone with the transaction, and with a savepoint that is undone
    session.execute("update notes set value = 6 where id = 'n1'")
    session.commit()
    session.execute("savepoint s")
    session.execute("select syncwell.sync_pull(%s)", [phone.cursor])
    session.execute("rollback to s")
    session.execute("update notes set value = 7 where id = 'n1'")
    session.commit()
    phone.reset()
    phone.synchronize()
    notes.right(phone, notes.me)


def test_writing_after_a_pull_that_found_nothing_is_delivered_or_refused(notes: Notes) -> None:
    """Its answer is the old cursor, which can not have seen what the transaction writes."""
    phone = notes.device()
    phone.synchronize()
    session = notes.database.connect("a_member")
    link = link_of(phone)
    own, link.connection = link.connection, session
    with session.transaction():
        phone.apply(link.pull(last_pulled_at=phone.cursor))
        try:
            with session.transaction():
                session.execute("update notes set value = 6 where id = 'n1'")
        except psycopg.errors.Error as error:
            assert error.sqlstate == "SW305"  # noqa: PT017
    link.connection = own
    phone.synchronize()
    notes.right(phone, notes.me)


def test_a_pull_among_other_work_of_its_transaction_is_right(notes: Notes) -> None:
    """Its own xid is not in its own snapshot: a temporary table gives it one."""
    phone = notes.device()
    phone.synchronize()
    session = notes.database.connect("a_member")
    link_of(phone).connection = session
    writer = notes.database.connect()
    writer.execute("update notes set value = 30 where id = 'n3'")
    session.execute("create temp table t (i int)")
    session.execute("insert into t values (1)")
    phone.apply(link_of(phone).pull(last_pulled_at=phone.cursor))
    writer.commit()
    session.commit()
    assert set(phone.synchronize()["changes"]) == {"notes"}
    session.commit()
    notes.right(phone, notes.me)


def test_a_rolled_back_pull_hands_out_nothing(notes: Notes) -> None:
    phone = notes.device()
    phone.synchronize()
    before = phone.backup()
    session = notes.database.connect("a_member")
    link = link_of(phone)
    own, link.connection = link.connection, session
    notes.superuser.execute("update notes set value = 31 where id = 'n1'")
    with session.transaction(force_rollback=True):
        lost = link.pull(last_pulled_at=phone.cursor)
    assert "experimentalStrategy" not in lost
    link.connection = own
    phone.restore(before)
    phone.synchronize()
    assert link.pulled[-1]["timestamp"] != lost["timestamp"]
    notes.right(phone, notes.me)
    # a cursor that was rolled back is unknown: all is sent, nothing is lost
    phone.cursor = lost["timestamp"]
    assert phone.synchronize()["experimentalStrategy"] == "replacement"
    phone.complaints.clear()
    notes.right(phone, notes.me)


# partitions

PARTITIONED = {
    "by id": (
        "primary key (id)) partition by hash (id)",
        ["notes_0 partition of notes for values with (modulus 2, remainder 0)",
         "notes_1 partition of notes for values with (modulus 2, remainder 1)"],
    ),
    "by owner, two levels": (
        "primary key (user_id, id)) partition by list (user_id)",
        ["notes_0 partition of notes for values in (:me) partition by hash (id)",
         "notes_00 partition of notes_0 for values with (modulus 2, remainder 0)",
         "notes_01 partition of notes_0 for values with (modulus 2, remainder 1)",
         "notes_1 partition of notes default"],
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=PARTITIONED)
def shared_partitioned(request: pytest.FixtureRequest, cluster: Cluster, tenants: Tenants) -> Iterator[Notes]:
    definition, leaves = PARTITIONED[request.param]
    with cluster.database() as database:
        found = Notes(database, tenants, definition)
        for leaf in leaves:
            found.superuser.execute(f"create table {leaf.replace(':me', repr(str(found.me)))}".encode())
        register(found.superuser, "notes", columns=["value"])
        yield found


@pytest.fixture
def partitioned(shared_partitioned: Notes) -> Notes:
    return shared_partitioned.emptied()


LEAVES = "select relid::text from pg_partition_tree('notes') where isleaf order by 1"


@pytest.mark.parametrize(
    "what",
    ["insert", "update", "delete", "new ids", "new owner", "owners changed", "merge", "several", "there and back",
     "savepoints", "as a replica", "nothing changed", "back and there", "new owner and id"],
)  # fmt: skip
def test_writes_to_a_partitioned_table_are_delivered_once(partitioned: Notes, what: str) -> None:
    with partitioned.delivered_once():
        partitioned.write(statements()[what])


def test_writes_to_a_leaf_are_delivered_once(partitioned: Notes) -> None:
    leaves = [leaf for (leaf,) in partitioned.superuser.execute(LEAVES)]
    for leaf in leaves:
        with partitioned.delivered_once():
            partitioned.superuser.execute(f"update {leaf} set value = value + 1".encode())
        with partitioned.delivered_once():
            partitioned.write(
                f"begin; set local session_replication_role = replica; update {leaf} set value = value + 1; commit"
            )
        with partitioned.delivered_once():
            partitioned.superuser.execute(
                f"delete from {leaf} where ctid in (select ctid from {leaf} limit 1)".encode()
            )
    with partitioned.delivered_once():
        partitioned.superuser.execute(f"truncate {leaves[0]}".encode())
    with partitioned.delivered_once():
        partitioned.superuser.execute("truncate notes")
    with partitioned.delivered_once(), partitioned.superuser.cursor().copy("copy notes from stdin") as copy:
        for number in range(50):
            copy.write_row([f"c{number}", partitioned.me, number])


def test_a_leaf_that_comes_or_goes_is_noticed(database: Database, tenants: Tenants) -> None:
    notes = Notes(database, tenants, "primary key (user_id, id)) partition by list (user_id)")
    notes.superuser.execute("create table notes_other partition of notes for values in ('%s')" % notes.other)  # noqa: UP031
    register(notes.superuser, "notes", columns=["value"])
    mine = notes.device()
    mine.synchronize()

    notes.superuser.execute(f"create table notes_me partition of notes for values in ('{notes.me}')".encode())
    with pytest.raises(Exception, match="SW308"):
        mine.synchronize()
    notes.superuser.execute("select syncwell.ensure_tracking()")
    with notes.delivered_once():
        notes.fill()
        notes.superuser.execute("update notes_me set value = 5 where id = 'n1'")

    # a leaf that comes with rows: tracking is made good, the rows are fetched by resync_table()
    notes.superuser.execute("alter table notes detach partition notes_me")
    with pytest.raises(Exception, match="SW308"):
        mine.synchronize()
    assert notes.superuser.execute("select count(*) from syncwell.check_tracking('notes')").fetchone() != (0,)
    notes.superuser.execute("select syncwell.ensure_tracking('notes')")
    notes.superuser.execute("select syncwell.resync_table('notes')")
    mine.synchronize()
    assert mine.contents("notes") == {}
    notes.superuser.execute("update notes_me set value = 1000")
    notes.superuser.execute(f"alter table notes attach partition notes_me for values in ('{notes.me}')".encode())
    with pytest.raises(Exception, match="SW308"):
        mine.synchronize()
    notes.superuser.execute("select syncwell.ensure_tracking('notes')")
    notes.superuser.execute("select syncwell.resync_table('notes')")
    mine.synchronize()
    assert difference(mine.contents("notes"), rows(notes.superuser, "notes", "value", notes.me)) == {}
    assert len(mine.contents("notes")) == 5
    assert notes.superuser.execute("select count(*) from syncwell.check_tracking('notes')").fetchone() == (0,)


# what needs settings of the server: two-phase commit and logical replication


@pytest.fixture(scope="module")
def special() -> Iterator[Cluster]:
    settings = {"max_prepared_transactions": "10", "wal_level": "logical", "max_replication_slots": "4"}
    with Server(settings=settings) as server, Cluster(server, UnavailableError("not needed")) as cluster:
        yield cluster


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_a_prepared_transaction_is_delivered_when_it_is_committed(special: Cluster, tenants: Tenants, end: str) -> None:
    with special.database() as database:
        notes = Notes(database, tenants)
        notes.fill()
        phone = notes.device()
        phone.synchronize()
        writer = notes.database.connect()
        with notes.delivered_once():
            writer.execute(
                "begin; update notes set value = 1000; insert into notes values ('p', %s, 1)".replace(
                    "%s", f"'{notes.me}'"
                )
            )
            writer.execute(
                "savepoint s; delete from notes where id = 'n2'; rollback to s; prepare transaction 'parked'"
            )
            writer.close()
            assert phone.synchronize()["changes"] == {}
            notes.superuser.execute(f"insert into notes values ('q', '{notes.me}', 1)".encode())
            assert [raw["id"] for raw in phone.synchronize()["changes"]["notes"]["created"]] == ["q"]
            # the device's own work goes on: its next edit is no conflict because of somebody's prepared transaction
            phone.edit("notes", "q", value=2)
            phone.synchronize()
            phone.edit("notes", "q", value=3)
            phone.synchronize()
            notes.superuser.execute(f"{end} prepared 'parked'".encode())
        phone.synchronize()
        notes.right(phone, notes.me)
        assert (phone.contents("notes")["n1"] == {"value": 1000}) == (end == "commit")


def test_a_push_can_be_prepared(special: Cluster, tenants: Tenants) -> None:
    with special.database() as database:
        notes = Notes(database, tenants)
        notes.fill()
        phone, other = notes.device(), notes.device()
        phone.synchronize()
        other.synchronize()
        phone.edit("notes", "n1", value=5)
        session = notes.database.connect("a_member", autocommit=True)
        changes = psycopg.types.json.Json(phone.local_changes())
        session.execute("begin")
        session.execute("select syncwell.sync_push(%s, %s)", [changes, phone.cursor])
        session.execute("prepare transaction 'push'")
        assert other.synchronize()["changes"] == {}
        notes.superuser.execute("commit prepared 'push'")
        other.synchronize()
        phone.synchronize()
        notes.right(phone, notes.me)
        notes.right(other, notes.me)


def test_rows_of_logical_replication_are_delivered(special: Cluster, tenants: Tenants) -> None:
    with special.database() as database, special.database(template="template1") as origin:
        notes = Notes(database, tenants, "primary key (id))")
        register(notes.superuser, "notes", columns=["value"])
        source = origin.connect(autocommit=True)
        source.execute("create table notes (id text primary key, user_id uuid, value integer)")
        source.execute("create publication p for table notes")
        source.execute("select pg_create_logical_replication_slot('s', 'pgoutput')")
        notes.superuser.execute(
            f"""
              create subscription s connection 'dbname={origin.name} host={special.server.socket_dir} user=postgres'
              publication p with (create_slot = false, slot_name = 's', copy_data = false)
            """.encode()
        )

        def arrived(check: str) -> Callable[[], object]:
            return lambda: (notes.superuser.execute(check.encode()).fetchone() or [False])[0]

        try:
            with notes.delivered_once():
                source.execute("insert into notes select 'n' || i, %s, i from generate_series(1, 20) as i", [notes.me])
                wait_until("the rows", arrived("select count(*) = 20 from notes"))
            with notes.delivered_once():
                source.execute("update notes set value = 0, id = 'x' || id where value < 5")
                source.execute("update notes set user_id = %s where value = 6", [notes.other])
                source.execute("delete from notes where value > 10")
                wait_until(
                    "the changes",
                    arrived("select count(*) = 10 and sum(value) = 45 and count(distinct user_id) = 2 from notes"),
                )
            with notes.delivered_once():
                source.execute("truncate notes")
                wait_until("the truncation", arrived("select count(*) = 0 from notes"))
        finally:
            notes.superuser.execute("alter subscription s disable")
            notes.superuser.execute("alter subscription s set (slot_name = none)")
            notes.superuser.execute("drop subscription s")
            active = "select count(*) = 0 from pg_replication_slots where slot_name = 's' and active"
            wait_until("the slot to be free", arrived(active))
            source.execute("select pg_drop_replication_slot('s')")
