"""Histories of several devices of two users, made by hypothesis: in the end all devices equal the tables.

SYNCWELL_EXAMPLES: how many histories (default: a few, always the same ones; with it they are new ones every time).
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from harness.synced import NUMBER, TEXT, create, difference, linked, register, rows
from harness.watermelon import UNKNOWN, Link, LostError, RefusedError

if TYPE_CHECKING:
    from harness import Database, Tenants
    from harness.watermelon import Changes, Device

# table: (key, type of the id, policy)
TABLES = {
    "notes": ("(id)", "text", "reject"),
    "tags": ("(user_id, id)", "text", "reject"),
    "lists": ("(id)", "uuid", "last_write_wins"),
    "goals": ("(user_id, id)", "bigint", "merge_columns"),
    "plans": ("(id)", "text", "server_wins"),
}
SCHEMA = {table: {"title": TEXT, "body": TEXT, "n": NUMBER} for table in TABLES}
USERS = ("a_member", "b_member")
DEVICES = [("a_member", "x"), ("a_member", "y"), ("b_member", "x"), ("b_member", None)]
PATIENCE = "-c lock_timeout=25ms"
FAULTS = ["pull request", "pull answer", "pull page", "push request", "push answer"]
TABLE = st.sampled_from(sorted(TABLES))
WRITE = st.tuples(
    TABLE,
    st.sampled_from(["upsert", "upsert", "update", "delete", "move", "rename", "swap", "again"]),
    st.sampled_from("mwd"),
    st.integers(1, 4),
    st.sampled_from(USERS),
    st.booleans(),
)
ACTS = ["title", "body", "both", "delete", "create"]
# another session has the row; what a push may be refused with
LOCKED = {"55P03", "40P01"}
REFUSALS = {"40001", "SW304", *LOCKED}
EMPTY = """
truncate syncwell.record_changes, syncwell.sync_cursors, syncwell.sync_devices, syncwell.sync_requests,
  syncwell.sync_conflicts, syncwell.sync_quarantine, syncwell.sync_horizons
"""

Connection = psycopg.Connection[Any]


def record_id(table: str, number: int, kind: str) -> str:
    """An id of the table's type. Kinds: m, which moves between users; w, of writers; d, of devices."""
    name = f"{kind}{number}"
    if TABLES[table][1] == "uuid":
        return f"00000000-0000-4000-8000-{name.encode().hex():0>12}"
    if TABLES[table][1] == "bigint":
        return str(ord(kind) * 10_000_000 + number)
    return name


class World:
    """The database and its sessions, made once; emptied between two histories."""

    def __init__(self, database: Database, tenants: Tenants) -> None:
        self.superuser = database.connect(autocommit=True)
        self.users = {login: tenants.id(login) for login in USERS}
        self.owners = {str(user): login for login, user in self.users.items()}
        for table, (key, kind, _) in TABLES.items():
            definition = (
                f"(id {kind} not null, user_id uuid not null, title text, body text, n integer, primary key {key})"
            )
            create(self.superuser, table, definition)
            self.register(table)
        self.lines = [database.connect(login, autocommit=True, options=PATIENCE) for login, _ in DEVICES]
        self.writers = [database.connect(options=PATIENCE) for _ in range(2)]
        self.pager = database.connect(options=PATIENCE)
        self.operator = database.connect(autocommit=True, options=PATIENCE)

    def register(self, table: str) -> None:
        register(self.superuser, table, columns=["title", "body", "n"], conflict_policy=TABLES[table][2])

    def empty(self) -> None:
        for writer in self.writers:
            writer.rollback()
        self.superuser.execute(("truncate " + ", ".join(f"public.{table}" for table in TABLES)).encode())
        for table in TABLES:
            self.register(table)
        self.superuser.execute(EMPTY.encode())

    def rows(self, table: str, user: object) -> dict[str, dict[str, Any]]:
        return rows(self.superuser, table, "title, body, n", user)


@dataclass
class Phone:
    """A device, and what it has ever known of each record: a push under `reject` may overwrite only that.

    `unsure`: it has pushed their deletion and does not know that it arrived. Somebody else who brings them back is told
    as `created`, rightly where the answer arrived; the server can not know, and the client logs it once.
    """

    device: Device
    link: Link
    user: Any
    known: dict[tuple[str, str], list[Any]]
    unsure: set[str] = field(default_factory=set)
    backup: Any = None
    forgives: bool = False


class Histories(RuleBasedStateMachine):
    world: World

    def __init__(self) -> None:
        super().__init__()
        self.world.empty()
        self.numbers = itertools.count(1)
        self.phones = []
        for line, (login, device_id) in zip(self.world.lines, DEVICES, strict=True):
            link = Link(line, device_id)
            self.phones.append(Phone(linked(link, SCHEMA), link, self.world.users[login], {}))

    def teardown(self) -> None:
        for writer in self.world.writers:
            writer.rollback()

    # the devices

    @initialize()
    def start(self) -> None:
        """Rows of both users in every table, and one device that has them."""
        self.before: dict[str, Any] = {}
        for table, (position, user) in itertools.product(TABLES, enumerate(USERS)):
            insert = f"insert into {table} (id, user_id, title) values (%s, %s, 'first')".encode()
            for name in (record_id(table, 1 + 10 * position, "w"), record_id(table, 1 + position, "m")):
                self.world.superuser.execute(insert, [name, self.world.users[user]])
        self.sync(self.phones[0])

    @rule(
        phone=st.integers(0, 3),
        acts=st.lists(st.tuples(TABLE, st.sampled_from(ACTS), st.integers(0, 9)), max_size=4),
        fault=st.sampled_from([None, None, None, *FAULTS]),
        limit=st.sampled_from([None, None, 1, 3]),
        named=st.booleans(),
        again=st.booleans(),
        between=st.sampled_from([None, None, 0, 1]),
        rival=st.sampled_from([None, None, "update", "delete", "replace"]),
        paged=st.lists(WRITE, max_size=2),
    )
    def work_and_synchronize(
        self,
        phone: int,
        acts: list[tuple[str, str, int]],
        fault: str | None,
        limit: int | None,
        named: bool,
        again: bool,
        between: int | None,
        rival: str | None,
        paged: list[tuple[str, str, str, int, str, bool]],
    ) -> None:
        """Between pull and push a writer commits, a rival changes what is pushed; `again`: the push is told twice.

        `paged`: what is written and committed between two pages.
        """
        chosen = self.phones[phone]
        for table, what, which in acts:
            self.act(chosen.device, table, what, which)
        chosen.link.lose, chosen.link.limit = fault, limit
        chosen.link.request_ids = (f"request {next(self.numbers)}" for _ in itertools.count()) if named else None
        chosen.link.last_push = None

        def meanwhile() -> None:
            if between is not None:
                self.world.writers[between].commit()
            if rival is not None:
                self.take(chosen, rival)

        def turn_page(_: int) -> None:
            for write in paged:
                self.write_one(self.world.pager, *write)
            self.world.pager.commit()

        chosen.link.after_page = turn_page
        pushes = len(chosen.link.pushed)
        self.sync(chosen, meanwhile)
        if again and len(chosen.link.pushed) > pushes and chosen.link.pushed[-1]["success"]:
            self.tell_again(chosen)

    def act(self, device: Device, table: str, what: str, which: int) -> None:
        number = next(self.numbers)
        if what == "create" or not device.records[table]:
            body = [None, "", "x"][which % 3]
            device.create(table, record_id(table, number, "d"), title=f"t{number}", body=body, n=number)
            return
        chosen = sorted(device.records[table])[which % len(device.records[table])]
        if what == "delete":
            device.delete(table, chosen)
        if what in ("title", "both"):
            device.edit(table, chosen, title=f"t{number}")
        if what in ("body", "both"):
            device.edit(table, chosen, body=f"b{number}", n=number)

    def take(self, phone: Phone, how: str) -> None:
        """Somebody else changes one of the records that the device is about to push."""
        statements = {
            "update": ["update {table} set body = %(value)s where id = %(id)s and user_id = %(user)s"],
            "delete": ["delete from {table} where id = %(id)s and user_id = %(user)s"],
        }
        again = "insert into {table} (id, user_id, title) values (%(id)s, %(user)s, %(value)s)"
        statements["replace"] = [*statements["delete"], again]
        for table, kinds in phone.device.local_changes().items():
            for chosen in [*(raw["id"] for raw in kinds["updated"]), *kinds["deleted"]][:1]:
                if chosen not in self.world.rows(table, phone.user):
                    continue
                arguments = {"id": chosen, "user": phone.user, "value": f"r{next(self.numbers)}"}
                try:
                    with self.world.operator.transaction():
                        for statement in statements[how]:
                            self.world.operator.execute(statement.format(table=table).encode(), arguments)
                except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                    continue

    def sync(self, phone: Phone, between: Any = None) -> bool:
        device, link = phone.device, phone.link
        complaints, unsure = len(device.complaints), None
        pulls = len(link.pulled)

        def committed_meanwhile() -> None:
            self.learn(phone)
            if between is not None:
                between()
            self.before = {table: self.world.rows(table, phone.user) for table in TABLES}

        try:
            device.synchronize(between=committed_meanwhile)
            done = True
        except LostError as error:
            done = False
            if str(error) == "push answer":
                self.check_push(phone)
                unsure = phone.device.local_changes()
        except RefusedError as error:
            done = False
            if error.code not in REFUSALS:
                raise
        else:
            if link.last_push is not None:
                self.check_push(phone)
        new = device.complaints[complaints:]
        if phone.forgives and len(link.pulled) > pulls:
            new, phone.forgives = [], False
        new = [text for text in new if text not in phone.unsure]
        if len(link.pulled) > pulls:
            phone.unsure = set()
        if unsure is not None:
            phone.unsure = {
                f"{table} {record_id}: created, but it is locally deleted (incremental)"
                for table, kinds in unsure.items()
                for record_id in kinds["deleted"]
            }
        unexpected = [text for text in new if not text.endswith(UNKNOWN)]
        assert unexpected == [], unexpected
        link.lose = None
        return done

    def learn(self, phone: Phone) -> None:
        """What the last pull brought is known now; what the device has deleted was known before."""
        if phone.link.pulled:
            for table, changes in phone.link.pulled[-1]["changes"].items():
                for raw in changes["created"] + changes["updated"]:
                    known = phone.known.setdefault((table, raw["id"]), [])
                    known.append({name: raw[name] for name in ("title", "body", "n")})
                for deleted in changes["deleted"]:
                    phone.known.setdefault((table, deleted), []).append(None)

    def check_push(self, phone: Phone) -> None:
        """What was acknowledged is stored; under `reject` only what the device had seen was overwritten."""
        assert phone.link.last_push is not None
        changes: Changes = phone.link.last_push[0]
        answer = phone.link.pushed[-1]
        assert "quarantined" not in answer, answer
        for table in TABLES:
            policy = TABLES[table][2]
            before, after = self.before[table], self.world.rows(table, phone.user)
            pushed = {raw["id"]: raw for raw in changes[table]["created"] + changes[table]["updated"]}
            touched = {*pushed, *changes[table]["deleted"]}
            replaced = set(pushed) if phone.device.was_replaced(phone.link.pulled[-1], table) else set()
            for unnamed in (set(before) | set(after)) - touched:
                assert before.get(unnamed) == after.get(unnamed), f"{table} {unnamed} was not pushed"
            for chosen in touched:
                was, is_now = before.get(chosen), after.get(chosen)
                seen = phone.known.setdefault((table, chosen), [])
                fresh = was in seen or (was is None and not seen)
                if was is None and chosen in replaced and pushed[chosen]["_status"] == "created":
                    # what a client never saw acknowledged survives a replacement: it is new to everybody
                    fresh = True
                if policy == "reject" and was != is_now:
                    assert fresh, f"{table} {chosen}: {was} was overwritten unseen by {is_now}"
                if policy == "server_wins" and was != is_now and not fresh:
                    raise AssertionError(f"{table} {chosen}: the server did not win, {was} became {is_now}")
                if chosen in pushed and (policy != "server_wins" or fresh):
                    self.check_stored(
                        table, pushed[chosen], was, is_now, whole=not fresh and policy == "last_write_wins"
                    )
                elif chosen not in pushed and policy == "reject":
                    assert is_now is None, f"{table} {chosen}: its deletion was acknowledged"
                if fresh or policy != "server_wins":
                    seen.append(is_now)

    def check_stored(self, table: str, raw: dict[str, Any], was: Any, is_now: Any, whole: bool) -> None:
        assert is_now is not None, f"{table} {raw['id']}: acknowledged and not there"
        changed = [name for name in raw["_changed"].split(",") if name]
        if whole or (raw["_status"] == "created" and was is None):
            changed = ["title", "body", "n"]
        for name in changed:
            assert is_now[name] == raw[name], f"{table} {raw['id']}.{name}: acknowledged {raw[name]}, stored {is_now}"
        if was is not None and raw["_status"] == "updated" and not whole:
            for name in {"title", "body", "n"} - set(changed):
                assert is_now[name] == was[name], f"{table} {raw['id']}.{name} was not changed by the device"

    def tell_again(self, phone: Phone) -> None:
        """A push that is told twice changes nothing twice, and is not refused for having been told before."""
        assert phone.link.last_push is not None
        before = {table: self.world.rows(table, phone.user) for table in TABLES}
        request, first = phone.link.last_push[2], phone.link.pushed[-1]
        try:
            second = phone.link.tell(*phone.link.last_push)
        except RefusedError as error:
            if error.code not in LOCKED:
                raise
        else:
            assert request is None or second == first
        assert {table: self.world.rows(table, phone.user) for table in TABLES} == before

    # raw SQL writers in transactions of their own

    @rule(
        writer=st.integers(0, 1),
        writes=st.lists(WRITE, max_size=3),
        end=st.sampled_from(["open", "commit", "rollback"]),
    )
    def write(self, writer: int, writes: list[tuple[str, str, str, int, str, bool]], end: str) -> None:
        connection = self.world.writers[writer]
        for table, what, kind, number, user, undone in writes:
            self.write_one(connection, table, what, kind, number, user, undone)
        if end == "commit":
            connection.commit()
        elif end == "rollback":
            connection.rollback()

    def write_one(
        self, connection: Connection, table: str, what: str, kind: str, number: int, user: str, undone: bool
    ) -> None:
        if kind == "d":
            # what devices created
            number *= 3
            what = what if what in ("update", "delete") else "update"
        # a w-id belongs to one user for ever, an m-id to whom it moves
        if kind == "w":
            number += 10 * USERS.index(user)
        arguments = {
            "id": record_id(table, number, kind),
            "other": record_id(table, number + 1, kind),
            "user": self.world.users[user],
            "value": f"v{next(self.numbers)}",
        }
        try:
            with connection.transaction(force_rollback=undone):
                for statement in self.statements(table, what, kind):
                    connection.execute(statement.encode(), arguments)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected):
            pass

    def statements(self, table: str, what: str, kind: str) -> list[str]:
        mine = "where id = %(id)s and user_id = %(user)s"
        conflict = TABLES[table][0]
        delete = f"delete from {table} {mine}"
        upsert = (
            f"insert into {table} (id, user_id, title) values (%(id)s, %(user)s, %(value)s)"
            f" on conflict {conflict} do update set title = excluded.title"
        )
        found = {
            "upsert": [upsert],
            "update": [f"update {table} set body = %(value)s {mine}"],
            "delete": [delete],
            "move": [f"update {table} set user_id = %(user)s where id = %(id)s"] if kind == "m" else [upsert],
            "rename": [f"update {table} set id = %(other)s {mine}"],
            "swap": [delete, upsert, f"update {table} set n = 7 {mine}"],
            "again": [delete, upsert, delete, upsert, delete],
        }
        return found[what]

    # people who operate it, and what befalls devices

    @rule(
        what=st.sampled_from(
            ["purge", "purge", "truncate", "resync", "invalidate", "touch", "register again",
             "install again", "back up", "back up", "restore", "restore"]
        ),
        table=TABLE,
        phone=st.integers(0, 3),
        number=st.integers(1, 4),
    )  # fmt: skip
    def intervene(self, what: str, table: str, phone: int, number: int) -> None:
        chosen = self.phones[phone]
        if what == "purge":
            self.operate("select syncwell.cleanup_old_tombstones('0 seconds')")
        elif what == "truncate":
            self.operate(f"truncate public.{table}")
        elif what == "resync":
            self.operate(f"select syncwell.resync_table('public.{table}')")
        elif what == "invalidate":
            self.operate("select syncwell.invalidate_client(%s, %s)", chosen.user, [None, "x"][number % 2])
        elif what == "touch":
            record = record_id(table, number, "mw"[number % 2])
            if record not in self.world.rows(table, chosen.user):
                return
            self.operate("select syncwell.touch_record(%s, %s, %s)", table, record, chosen.user)
        elif what == "register again":
            # writes in between are not tracked
            if self.operate(f"select syncwell.unregister_synced_table('public.{table}')"):
                self.superuser_writes(table)
                self.world.register(table)
        elif what == "install again":
            chosen.device.reset()
            chosen.known = {}
        elif what == "back up":
            chosen.backup = chosen.device.backup(), {key: list(known) for key, known in chosen.known.items()}
        elif chosen.backup is not None:
            # a device that wakes up with an old state knows less than the server thinks, which it may log once
            backup, known = chosen.backup
            chosen.device.restore(backup)
            chosen.known = {key: list(contents) for key, contents in known.items()}
            chosen.forgives = True

    def superuser_writes(self, table: str) -> None:
        user = self.world.users["a_member"]
        self.world.superuser.execute(
            f"delete from {table} where id = %s and user_id = %s".encode(), [record_id(table, 1, "m"), user]
        )

    def operate(self, statement: str, *arguments: object) -> bool:
        try:
            self.world.operator.execute(statement.encode(), arguments or None)
        except psycopg.Error as error:
            # another session has a lock; a device of this name was never here
            if error.sqlstate not in {*LOCKED, "SW310"}:
                raise
            return False
        return True

    # the end: what is open ends, everybody syncs until nothing changes any more

    def quiesce(self) -> None:
        for number, writer in enumerate(self.world.writers):
            writer.commit() if number else writer.rollback()
        for phone in self.phones:
            phone.link.lose, phone.link.limit, phone.link.request_ids = None, None, None
        for _ in range(8):
            quiet = [self.sync_quietly(phone) for phone in self.phones]
            if all(quiet):
                break
        else:
            raise AssertionError("the devices do not come to rest")
        for phone in self.phones:
            assert not phone.device.dirty
            for table in TABLES:
                wrong = difference(phone.device.contents(table), self.world.rows(table, phone.user))
                assert wrong == {}, f"{table} of {self.world.owners[str(phone.user)]}: {wrong}"

    def sync_quietly(self, phone: Phone) -> bool:
        """Whether this sync had nothing to do."""
        dirty = phone.device.dirty
        phone.link.last_push = None
        return self.sync(phone) and not dirty and phone.link.pulled[-1]["changes"] == {}


class Converging(Histories):
    def teardown(self) -> None:
        try:
            self.quiesce()
        finally:
            super().teardown()


def examples() -> settings:
    wanted = os.environ.get("SYNCWELL_EXAMPLES")
    return settings(
        max_examples=int(wanted or 25),
        stateful_step_count=60 if wanted else 30,
        derandomize=wanted is None,
        phases=[Phase.generate, Phase.shrink] if wanted else [Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture
def world(database: Database, tenants: Tenants) -> World:
    return World(database, tenants)


# what breaks the server: a function, what in it becomes what, and what the histories must then complain of
SABOTAGE = {
    "what a device has is not considered": (
        "_seen", "RETURN (", "RETURN false AND (", "created, but it already exists locally"
    ),
    "conflicts are not looked for": (
        "_pushed_conflicts", "\nbegin\n", "\nbegin\n  return;\n", "overwritten unseen|acknowledged"
    ),
    "own pushes are conflicts": ("_pushed_conflicts", "<> all (p_own_xids)", "is not null", "SW304"),
}  # fmt: skip


@pytest.mark.parametrize("what", SABOTAGE)
def test_the_histories_find_a_broken_server(world: World, what: str) -> None:
    name, good, bad, complaint = SABOTAGE[what]
    query = "select pg_get_functiondef(p.oid) from pg_proc as p where p.oid = ('syncwell.' || %s)::regproc"
    row = world.superuser.execute(query, [name]).fetchone()
    assert row is not None
    assert good in row[0]
    world.superuser.execute(row[0].replace(good, bad, 1))
    Converging.world = world
    control = settings(examples(), phases=[Phase.generate], max_examples=200, report_multiple_bugs=False)
    with pytest.raises((AssertionError, RefusedError), match=complaint):
        run_state_machine_as_test(Converging, settings=control)


def test_whatever_happens_all_devices_equal_the_tables_in_the_end(world: World) -> None:
    Converging.world = world
    run_state_machine_as_test(Converging, settings=examples())
