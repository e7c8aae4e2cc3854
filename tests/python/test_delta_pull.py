"""The pull side of WatermelonDB's protocol, item by item: P1 to P24 of its documentation and of its client's source."""

from __future__ import annotations

import concurrent.futures
import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.devices import Device
from harness.pulling import TABLES
from harness.wait import wait_for_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Cluster, Database

Connection = psycopg.Connection[Any]

# as it was before anything happened
CLEAN = """
set session_replication_role = replica;
truncate public.projects, public.tasks, public.pages;
reset session_replication_role;
delete from syncwell.record_changes;
delete from syncwell.sync_cursors;
delete from syncwell.sync_devices;
delete from syncwell.sync_horizons;
delete from syncwell.settings;
update syncwell.synced_tables set reset_xid = null, rls_revokes = false;
"""


@pytest.fixture(scope="module")
def shared(cluster: Cluster) -> Iterator[Database]:
    """One database for all tests that leave its schema as it is."""
    with cluster.database() as database:
        database.connect(autocommit=True).execute(TABLES)
        yield database


@pytest.fixture
def home(request: pytest.FixtureRequest) -> Database:
    """A database with three synced tables and nothing in them: of its own for tests marked so."""
    database: Database
    if "database" in request.fixturenames:
        database = request.getfixturevalue("database")
        database.connect(autocommit=True).execute(TABLES)
    else:
        database = request.getfixturevalue("shared")
        with psycopg.connect(database.uri(), autocommit=True) as connection:
            connection.execute(CLEAN)
    return database


@pytest.fixture
def owner(home: Database) -> Iterator[Connection]:
    """The superuser."""
    with psycopg.connect(home.uri(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def phone(home: Database) -> Iterator[Device]:
    with psycopg.connect(home.uri("a_member"), autocommit=True) as connection:
        yield Device(connection)


@pytest.fixture
def tablet(home: Database) -> Iterator[Device]:
    with psycopg.connect(home.uri("a_member"), autocommit=True) as connection:
        yield Device(connection, "tablet")


@pytest.fixture
def other(home: Database) -> Iterator[Device]:
    """Another user of the same org."""
    with psycopg.connect(home.uri("a_other"), autocommit=True) as connection:
        yield Device(connection)


@pytest.fixture
def operator(home: Database) -> Iterator[Connection]:
    with psycopg.connect(home.uri("operator"), autocommit=True) as connection:
        yield connection


def add(owner: Connection, *ids: int, user: str = "a_member", title: str = "new") -> None:
    owner.execute(
        "insert into tasks (id, user_id, title) select i, test.id(%s), %s from unnest(%s::bigint[]) as i",
        [user, title, list(ids)],
    )


def ids(answer: dict[str, Any], table: str = "tasks") -> dict[str, list[str]]:
    """What an answer says of a table: the ids by kind, sorted."""
    change = answer["changes"].get(table, {"created": [], "updated": [], "deleted": []})
    return {
        kind: sorted(one if isinstance(one, str) else one["id"] for one in records) for kind, records in change.items()
    }


def test_p01_an_answer_has_its_shape(owner: Connection, phone: Device) -> None:
    add(owner, 1)
    first = phone.pull()
    assert set(first) == {"changes", "timestamp", "stats", "message", "serverTime", "hasMore"}
    assert all(set(change) == {"created", "updated", "deleted"} for change in first["changes"].values())
    assert set(first["changes"]) == {"projects", "tasks", "pages"}, "a first pull names every table"
    add(owner, 2)
    second = phone.pull()
    assert set(second["changes"]) == {"tasks"}, "later ones leave out what has no changes"
    assert second["stats"] == {"tasks": {"created": 1, "updated": 0, "deleted": 0}}
    assert second["message"] == "1 item updated from cloud"
    assert second["hasMore"] is False


def test_p02_every_create_update_and_delete_of_all_tables_comes(owner: Connection, phone: Device) -> None:
    add(owner, 1, 2, 3)
    owner.execute("insert into pages values (test.org('a'), 'p1', 'one'), (test.org('b'), 'p1', 'of the others')")
    owner.execute("insert into projects values ('00000000-0000-7000-8000-000000000001', test.id('a_member'), 'x')")
    phone.pull()
    add(owner, 4)
    owner.execute("update tasks set done = true where id = 2")
    owner.execute("delete from tasks where id = 3")
    owner.execute("update pages set body = 'two'")
    owner.execute("delete from projects")
    answer = phone.pull()
    assert ids(answer) == {"created": ["4"], "updated": ["2"], "deleted": ["3"]}
    assert answer["changes"]["pages"]["updated"] == [{"id": "p1", "body": "two"}]
    assert ids(answer, "projects")["deleted"] == ["00000000-0000-7000-8000-000000000001"]
    assert phone.complaints == []


def test_p03_no_id_comes_twice(owner: Connection, phone: Device) -> None:
    add(owner, 1, 2)
    phone.pull()
    with owner.transaction():
        owner.execute("update tasks set title = 'a'")
        owner.execute("delete from tasks where id = 1")
        add(owner, 1, 3)
        owner.execute("update tasks set title = 'b'")
        owner.execute("delete from tasks where id = 3")
    # Device.apply() fails when an id comes twice
    answer = phone.pull()
    assert ids(answer) == {"created": [], "updated": ["1", "2"], "deleted": ["3"]}
    assert phone.complaints == []


@pytest.mark.parametrize("nothing", [None, 0])
def test_p04_a_pull_from_nothing_gives_everything(owner: Connection, phone: Device, nothing: int | None) -> None:
    add(owner, 1, 2)
    owner.execute("delete from tasks where id = 2")
    answer = phone.ask(nothing)
    assert ids(answer) == {"created": ["1"], "updated": [], "deleted": []}
    assert "experimentalStrategy" not in answer


def test_p05_the_timestamp_gives_what_came_after_it(home: Database, owner: Connection, phone: Device) -> None:
    parked = psycopg.connect(home.uri())
    parked.execute("insert into tasks (id, user_id, title) values (1, test.id('a_member'), 'late')")
    add(owner, 2)
    assert ids(phone.pull())["created"] == ["2"], "what is not committed is not there yet"
    add(owner, 3)
    parked.commit()
    parked.close()
    assert ids(phone.pull())["created"] == ["1", "3"], "though it was written before the last pull"
    assert phone.pull()["changes"] == {}


def test_p06_all_tables_and_the_cursor_are_of_one_snapshot(
    database: Database, owner: Connection, phone: Device
) -> None:
    # reading the first table waits for a lock, and meanwhile both tables change
    owner.execute(
        """
        create function public.wait() returns boolean language plpgsql as $$
        begin
          perform pg_advisory_lock_shared(7);
          perform pg_advisory_unlock_shared(7);
          return true;
        end $$;
        create policy waits on public.tasks as restrictive using (public.wait());
        """
    )
    add(owner, 1)
    owner.execute("select pg_advisory_lock(7)")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(phone.pull)
        watcher = database.connect(autocommit=True)
        wait_for_lock(watcher, phone.connection.info.backend_pid)
        add(watcher, 2)
        watcher.execute("insert into pages values (test.org('a'), 'p1', 'one')")
        watcher.execute("update tasks set title = 'later' where id = 1")
        owner.execute("select pg_advisory_unlock(7)")
        whole = answer.result(20)
    assert whole["changes"]["tasks"]["created"] == [phone.records["tasks"]["1"]]
    assert phone.records["tasks"]["1"]["title"] == "new"
    assert whole["changes"]["pages"]["created"] == []
    later = phone.pull()
    assert ids(later) == {"created": ["2"], "updated": ["1"], "deleted": []}
    assert ids(later, "pages")["created"] == ["p1"]


def test_p07_a_migration_brings_new_tables_and_columns(owner: Connection, phone: Device) -> None:
    add(owner, 1, 2, 3, 4)
    owner.execute("update tasks set size = 0 where id = 2")
    owner.execute("update tasks set size = 7 where id in (3, 4)")
    owner.execute("insert into pages values (test.org('a'), 'p1', 'one')")
    phone.pull(p_tables=["tasks", "projects"])
    owner.execute("update tasks set title = 'changed' where id = 4")
    add(owner, 5)
    owner.execute("update tasks set size = 9 where id = 5")
    answer = phone.pull(
        p_schema_version=2,
        p_migration={"from": 1, "tables": ["pages"], "columns": [{"table": "tasks", "columns": ["size"]}]},
    )
    # 1 has NULL and 2 the default
    assert ids(answer) == {"created": ["5"], "updated": ["3", "4"], "deleted": []}
    assert ids(answer, "pages") == {"created": ["p1"], "updated": [], "deleted": []}
    assert "experimentalStrategy" not in answer
    assert phone.complaints == []
    assert phone.pull()["changes"] == {}


def test_p07_every_kind_of_default_is_left_out(owner: Connection, phone: Device) -> None:
    owner.execute(
        """
        insert into tasks (id, user_id, title, done, due_at) values
        (1, test.id('a_member'), '', false, null), (2, test.id('a_member'), 'a', null, null),
        (3, test.id('a_member'), null, true, null), (4, test.id('a_member'), null, null, '2026-01-01'),
        (5, test.id('a_member'), null, null, '1970-01-01 00:00+00')
        """
    )
    phone.pull()
    for columns, expected in ({"title": ["2"], "done": ["3"], "due_at": ["4"]}).items():
        answer = phone.pull(p_migration={"from": 1, "columns": [{"table": "tasks", "columns": [columns]}]})
        assert ids(answer)["updated"] == expected


def test_p08_a_migration_gets_only_what_is_registered(owner: Connection, phone: Device) -> None:
    add(owner, 1)
    owner.execute("update tasks set secret = 'x'")
    phone.pull()
    answer = phone.pull(
        p_migration={
            "from": 1,
            "tables": ["pg_authid", "syncwell.users", "__proto__"],
            "columns": [{"table": "tasks", "columns": ["secret", "user_id"]}, {"table": "local", "columns": ["a"]}],
        }
    )
    assert answer["changes"] == {}
    assert answer["ignored"] == ["__proto__", "local.a", "pg_authid", "syncwell.users", "tasks.secret", "tasks.user_id"]


@pytest.mark.parametrize(
    "migration",
    [
        [],
        1,
        "x",
        {"from": "1"},
        {"tables": "tasks"},
        {"tables": [1]},
        {"tables": [None]},
        {"tables": {"a": 1}},
        {"columns": {"table": "tasks"}},
        {"columns": ["tasks"]},
        {"columns": [{"table": None, "columns": []}]},
        {"columns": [{"table": "tasks"}]},
        {"columns": [{"table": "tasks", "columns": "title"}]},
        {"columns": [{"table": "tasks", "columns": [7]}]},
        {"tables": ["x" * 200] * 10_000},
    ],
)
def test_p08_a_migration_of_another_form_is_refused(phone: Device, migration: Any) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        phone.ask(None, p_migration=json.dumps(migration))


def test_p08_json_null_and_empty_migrations_are_none(owner: Connection, phone: Device) -> None:
    add(owner, 1)
    phone.pull(p_migration="null")
    for migration in ("null", "{}", '{"from": 1, "tables": null, "columns": []}', '{"from": null, "tables": []}'):
        assert phone.pull(p_migration=migration)["changes"] == {}


@pytest.mark.usefixtures("database")
def test_p09_records_have_the_registered_columns_only(owner: Connection, phone: Device) -> None:
    add(owner, 1)
    assert set(phone.pull()["changes"]["tasks"]["created"][0]) == {"id", "title", "done", "size", "due_at"}
    owner.execute("create table public.bad (id text primary key, user_id uuid, _status text, _changed text)")
    with pytest.raises(psycopg.Error):
        owner.execute("select syncwell.register_synced_table('public.bad')")


@pytest.mark.usefixtures("database")
def test_p10_tables_are_named_safely(owner: Connection) -> None:
    owner.execute("create table public.ok (id text primary key, user_id uuid)")
    for name in ("__proto__", "constructor", "prototype", "a b", "a'", "1a"):
        with pytest.raises(psycopg.Error):
            owner.execute("select syncwell.register_synced_table('public.ok', p_name => %s)", [name])


def test_p11_ids_come_as_they_are(owner: Connection, phone: Device) -> None:
    owner.execute("insert into pages values (test.org('a'), 'Aa0_-.Zz', 'x'), (test.org('a'), 'a\"\\/''\n', 'y')")
    phone.pull()
    assert set(phone.records["pages"]) == {"Aa0_-.Zz", "a\"\\/'\n"}
    owner.execute("delete from pages")
    phone.pull()
    assert phone.records["pages"] == {}


def test_p12_ids_are_strings(owner: Connection, phone: Device) -> None:
    add(owner, 1, 9007199254740993)
    phone.pull()
    owner.execute("delete from tasks where id = 1")
    answer = phone.pull()
    assert answer["changes"]["tasks"]["deleted"] == ["1"]
    assert phone.records["tasks"]["9007199254740993"]["id"] == "9007199254740993"


def test_p13_values_have_the_type_of_the_schema(owner: Connection, phone: Device) -> None:
    owner.execute(
        "insert into tasks values (1, test.id('a_member'), '7', true, 7.5, '2026-01-01 00:00+00'),"
        " (2, test.id('a_member'), null, null, null, null)"
    )
    phone.pull()
    assert phone.records["tasks"]["1"] == {"id": "1", "title": "7", "done": True, "size": 7.5, "due_at": 1767225600000}
    assert phone.records["tasks"]["2"] == {"id": "2", "title": None, "done": None, "size": None, "due_at": None}


@pytest.mark.usefixtures("database")
def test_p14_unknown_columns_are_not_asked_for(owner: Connection, phone: Device) -> None:
    add(owner, 1)
    phone.pull()
    owner.execute("alter table tasks add column more text")
    add(owner, 2)
    assert set(phone.pull()["changes"]["tasks"]["created"][0]) == {"id", "title", "done", "size", "due_at"}


def test_p15_p16_the_timestamp_is_a_number_that_javascript_can_hold(owner: Connection, phone: Device) -> None:
    add(owner, 1)
    seen = [phone.pull()["timestamp"]]
    for number in range(2, 6):
        add(owner, number)
        seen.append(phone.pull()["timestamp"])
    assert all(isinstance(one, int) and 0 < one < 2**53 for one in seen)
    assert len(set(seen)) == 5
    row = owner.execute(
        "select seqmax, seqcycle from pg_sequence where seqrelid = 'syncwell.sync_cursor_numbers'::regclass"
    )
    assert row.fetchone() is not None


def test_p17_timestamps_grow(owner: Connection, phone: Device) -> None:
    seen = []
    for number in range(20):
        add(owner, number)
        seen.append(phone.pull()["timestamp"])
    assert seen == sorted(set(seen))
    # above every time in milliseconds, which a client that moves here has
    assert seen[0] > 4_000_000_000_000


def test_p18_records_given_away_and_received(owner: Connection, phone: Device, other: Device) -> None:
    add(owner, 1, 2)
    phone.pull()
    other.pull()
    owner.execute("update tasks set user_id = test.id('a_other') where id = 1")
    assert ids(phone.pull()) == {"created": [], "updated": [], "deleted": ["1"]}
    assert ids(other.pull()) == {"created": ["1"], "updated": [], "deleted": []}
    owner.execute("update tasks set user_id = test.id('a_member') where id = 1")
    assert ids(phone.pull()) == {"created": ["1"], "updated": [], "deleted": []}
    assert ids(other.pull()) == {"created": [], "updated": [], "deleted": ["1"]}
    assert phone.complaints + other.complaints == []


def test_p18_hidden_records_are_refused_unless_that_means_revoked(owner: Connection, phone: Device) -> None:
    owner.execute("insert into pages select test.org('a'), 'p' || i, 'x' from generate_series(1, 3) as i")
    phone.pull()
    owner.execute("update pages set is_secret = true, body = 'y' where id = 'p1'")
    with pytest.raises(psycopg.Error) as refused:
        phone.pull()
    assert refused.value.sqlstate == "SW306"
    assert "table pages" in str(refused.value.diag.message_detail)
    owner.execute("update syncwell.synced_tables set rls_revokes = true where table_name = 'pages'")
    assert ids(phone.pull(), "pages") == {"created": [], "updated": [], "deleted": ["p1"]}


def test_p19_created_and_updated_go_by_the_server_only(owner: Connection, phone: Device, tablet: Device) -> None:
    add(owner, 1)
    phone.pull()
    tablet.pull()
    owner.execute("delete from tasks where id = 1")
    phone.pull()
    add(owner, 1, title="again")
    assert ids(phone.pull())["created"] == ["1"], "it knows of the deletion"
    assert ids(tablet.pull())["updated"] == ["1"], "it still has the first one"
    for _ in range(3):
        owner.execute("delete from tasks where id = 1")
        add(owner, 1, title="and again")
    assert ids(phone.pull())["updated"] == ["1"]
    owner.execute("delete from tasks where id = 1")
    assert ids(tablet.pull())["deleted"] == ["1"]
    assert phone.pull()["changes"]["tasks"]["deleted"] == ["1"]
    assert phone.complaints + tablet.complaints == []


def test_p19_everything_as_updated_on_request(owner: Connection, phone: Device) -> None:
    add(owner, 1)
    assert ids(phone.pull(p_created_as_updated=True)) == {"created": [], "updated": ["1"], "deleted": []}
    add(owner, 2)
    assert ids(phone.pull(p_created_as_updated=True)) == {"created": [], "updated": ["2"], "deleted": []}


def test_p20_own_pushes_never_come_back_as_created(owner: Connection, phone: Device, tablet: Device) -> None:
    phone.pull()
    tablet.pull()
    pushed = {"tasks": {"created": [{"id": "5", "title": "mine"}], "updated": [], "deleted": []}}
    phone.connection.execute("select syncwell.sync_push(%s, %s, 'phone')", [json.dumps(pushed), phone.cursor])
    phone.records["tasks"]["5"] = {"id": "5", "title": "mine"}
    assert ids(phone.ask(phone.cursor)) == {"created": [], "updated": ["5"], "deleted": []}
    assert ids(tablet.pull())["created"] == ["5"]
    # its answer was lost, and another pull came between: still its own
    phone.pull()
    owner.execute("update tasks set title = 'theirs' where id = 5")
    assert ids(phone.pull())["updated"] == ["5"]
    assert phone.complaints + tablet.complaints == []


def test_p20_a_push_that_commits_after_the_next_pull_is_still_the_devices_own(
    home: Database, owner: Connection, phone: Device
) -> None:
    phone.pull()
    # what a push leaves behind, its answer lost and its COMMIT late
    with psycopg.connect(home.uri()) as slow:
        add(slow, 5)
        slow.execute("update syncwell.sync_cursors set own_xids = own_xids || pg_current_xact_id()")
        phone.records["tasks"]["5"] = {"id": "5", "title": "mine"}
        add(owner, 6)
        assert ids(phone.pull())["created"] == ["6"]
    assert ids(phone.ask(phone.cursor)) == {"created": [], "updated": ["5"], "deleted": []}
    add(owner, 7)
    assert ids(phone.pull()) == {"created": ["7"], "updated": ["5"], "deleted": []}
    assert phone.complaints == []


def test_p21_a_first_pull_deletes_nothing(owner: Connection, phone: Device) -> None:
    add(owner, 1, 2)
    owner.execute("delete from tasks where id = 2")
    assert all(change["deleted"] == [] for change in phone.pull()["changes"].values())


def test_p22_a_replacement_names_every_table_and_creates_nothing(owner: Connection, phone: Device) -> None:
    add(owner, 1, 2)
    phone.pull()
    owner.execute("delete from tasks where id = 2")
    owner.execute("delete from syncwell.sync_cursors")
    answer = phone.pull()
    assert answer["experimentalStrategy"] == "replacement"
    assert set(answer["changes"]) == {"projects", "tasks", "pages"}
    assert ids(answer) == {"created": [], "updated": ["1"], "deleted": []}
    assert phone.pull()["changes"] == {}


def test_p23_changes_is_there_even_when_nothing_is(phone: Device) -> None:
    phone.pull()
    answer = phone.pull()
    assert answer["changes"] == {}
    assert set(answer) == {"changes", "timestamp", "stats", "message", "serverTime", "hasMore"}


def test_p24_clocks_do_not_matter(owner: Connection, phone: Device) -> None:
    for number, year in enumerate((2040, 1999, 2026)):
        owner.execute("select set_config('syncwell.fake_now', %s, false)", [f"{year}-01-01 12:00+00"])
        add(owner, number)
        assert ids(phone.pull())["created"] == [str(number)]


# --- cursors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cursor", [-1, 1, 2**53, 2**63 - 1, -(2**63)])
def test_a_cursor_never_handed_out_gets_a_replacement(owner: Connection, phone: Device, cursor: int) -> None:
    add(owner, 1)
    answer = phone.ask(cursor)
    assert (answer["experimentalStrategy"], ids(answer)["updated"]) == ("replacement", ["1"])


def test_a_cursor_is_good_for_its_device_and_user_only(owner: Connection, phone: Device, other: Device) -> None:
    add(owner, 1)
    phone.pull()
    assert phone.ask(phone.cursor)["changes"] == {}
    for name in ("tablet", None, ""):
        assert phone.ask(phone.cursor, p_device_id=name)["experimentalStrategy"] == "replacement"
    answer = other.ask(phone.cursor)
    assert (answer["experimentalStrategy"], ids(answer)["updated"]) == ("replacement", [])


def cursors(owner: Connection) -> int:
    row = owner.execute("select count(*) from syncwell.sync_cursors").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("name", ["phone", None])
@pytest.mark.parametrize("first", [True, False])
def test_lost_answers_leave_few_cursors(owner: Connection, phone: Device, name: str | None, first: bool) -> None:
    phone.name = name
    add(owner, 1)
    if not first:
        phone.pull()
        add(owner, 2)
    for _ in range(100):
        phone.ask(phone.cursor)
    assert cursors(owner) <= (32 if first and name is None else 4)
    phone.pull()
    add(owner, 3)
    assert ids(phone.pull())["created"] == ["3"]


def test_the_last_answer_counts_and_the_one_before_it_too(owner: Connection, phone: Device) -> None:
    phone.pull()
    add(owner, 1)
    lost = phone.ask(phone.cursor)["timestamp"]
    add(owner, 2)
    phone.pull()
    assert "experimentalStrategy" not in phone.ask(lost)


def test_a_device_with_a_cursor_may_look_at_everything(owner: Connection, phone: Device) -> None:
    add(owner, 1)
    phone.pull()
    for _ in range(3):
        phone.ask(None)
    add(owner, 2)
    answer = phone.pull()
    assert (ids(answer)["created"], answer.get("experimentalStrategy")) == (["2"], None)


def test_a_device_has_about_two_cursors(owner: Connection, phone: Device) -> None:
    for number in range(10):
        add(owner, number)
        phone.pull()
    assert cursors(owner) <= 3


# --- nothing to do ---------------------------------------------------------------------------------------------------


def test_an_idle_pull_writes_nothing(owner: Connection, phone: Device) -> None:
    add(owner, 1)
    phone.pull()
    phone.pull()
    phone.connection.autocommit = False
    for arguments in ({}, {"p_tables": ["tasks"]}, {"p_migration": "{}"}):
        assert phone.ask(phone.cursor, **arguments)["changes"] == {}
    row = phone.connection.execute("select pg_current_xact_id_if_assigned()").fetchone()
    assert row == (None,), "it has no transaction id, so it wrote nothing"


def test_an_idle_pull_is_noted_once_an_interval_under_the_same_cursor(
    owner: Connection, operator: Connection, phone: Device
) -> None:
    operator.execute("select syncwell.set_setting('delta.idle_interval', '0 seconds')")
    phone.pull()
    cursor = phone.cursor
    owner.execute("update syncwell.sync_devices set last_pull = '2020-01-01'")
    phone.pull()
    assert phone.cursor == cursor
    assert owner.execute("select last_pull > '2020-01-01' from syncwell.sync_devices").fetchone() == (True,)
    assert cursors(owner) == 1


def test_an_old_cursor_is_refreshed(owner: Connection, phone: Device) -> None:
    phone.pull()
    first = phone.cursor
    owner.execute(
        "update syncwell.sync_cursors set created_at = created_at - interval '2 days', idle_until = created_at"
    )
    assert phone.pull()["changes"] == {}
    assert phone.cursor != first
    again = phone.cursor
    phone.pull()
    assert phone.cursor == again


# --- writing and pulling in one transaction --------------------------------------------------------------------------


def test_a_pull_after_a_write_is_refused(phone: Device) -> None:
    phone.pull()
    phone.connection.autocommit = False
    phone.connection.execute("insert into tasks (id, user_id) values (1, syncwell.current_user_id())")
    with pytest.raises(psycopg.Error) as refused:
        phone.pull()
    assert refused.value.sqlstate == "SW305"


def test_a_write_after_a_pull_is_refused(owner: Connection, phone: Device) -> None:
    add(owner, 1)
    phone.connection.autocommit = False
    phone.pull()
    with pytest.raises(psycopg.Error) as refused:
        phone.connection.execute("update tasks set title = 'x'")
    assert refused.value.sqlstate == "SW305"
    phone.connection.rollback()
    phone.connection.execute("update tasks set title = 'x'")
    phone.connection.commit()


def test_a_pull_that_is_undone_lets_one_write(owner: Connection, phone: Device) -> None:
    add(owner, 1)
    phone.connection.autocommit = False
    phone.connection.execute("savepoint before")
    phone.ask(None)
    phone.connection.execute("rollback to savepoint before")
    phone.connection.execute("update tasks set title = 'x'")
    phone.connection.commit()
    assert ids(phone.pull())["created"] == ["1"]


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
def test_every_isolation_level_will_do(owner: Connection, phone: Device, level: str) -> None:
    add(owner, 1)
    phone.connection.execute(f"set default_transaction_isolation = '{level}'")
    phone.pull()
    phone.connection.autocommit = False
    phone.connection.execute("select 1")
    add(owner, 2)
    answer = phone.pull()
    assert ids(answer)["created"] == ([] if level != "read committed" else ["2"])
    phone.connection.commit()
    assert ids(phone.pull())["created"] == (["2"] if level != "read committed" else [])


def test_a_read_only_transaction_is_refused(phone: Device) -> None:
    phone.pull()
    phone.connection.execute("set default_transaction_read_only = on")
    for cursor in (None, phone.cursor):
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            phone.ask(cursor)


# --- parameters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sqlstate"),
    [
        ({"p_limit": 0}, "22023"),
        ({"p_limit": 100_001}, "22023"),
        ({"p_schema_version": -1}, "22023"),
        ({"p_tables": ["x"] * 1001}, "22023"),
        ({"p_tables": ["tasks", "nothing"]}, "SW301"),
        ({"p_tables": ["tasks", None]}, "SW301"),
        ({"p_device_id": "x" * 256}, "22001"),
    ],
)
def test_what_a_pull_can_not_be_made_with(phone: Device, arguments: dict[str, Any], sqlstate: str) -> None:
    with pytest.raises(psycopg.Error) as refused:
        phone.ask(None, **arguments)
    assert refused.value.sqlstate == sqlstate


def test_only_a_user_pulls(home: Database) -> None:
    service = Device(psycopg.connect(home.uri("gateway")))
    with pytest.raises(psycopg.Error) as refused:
        service.ask(None)
    assert refused.value.sqlstate == "SW001"
    service.connection.rollback()
    service.connection.execute("select syncwell.act_as_org(test.org('a'))")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        service.ask(None)
    service.connection.rollback()
    service.connection.execute("select syncwell.act_as(test.id('a_member'))")
    assert service.ask(None)["changes"]["tasks"]["created"] == []
    service.connection.close()


def test_some_tables_and_then_all(owner: Connection, phone: Device) -> None:
    add(owner, 1)
    owner.execute("insert into pages values (test.org('a'), 'p1', 'one')")
    assert set(phone.pull(p_tables=["tasks"])["changes"]) == {"tasks"}
    owner.execute("update pages set body = 'two'")
    assert phone.pull(p_tables=["tasks"])["changes"] == {}
    answer = phone.pull()
    assert ids(answer, "pages") == {"created": [], "updated": ["p1"], "deleted": []}
    assert answer["experimentalStrategy"] == {
        "default": "incremental",
        "override": {"pages": "replacement", "projects": "replacement"},
    }


@pytest.mark.usefixtures("database")
def test_a_table_registered_later_comes_in_full(owner: Connection, phone: Device) -> None:
    owner.execute("create table public.later (id text primary key, user_id uuid)")
    owner.execute("insert into later values ('x', test.id('a_member'))")
    phone.pull()
    owner.execute("grant select on later to syncwell_client")
    owner.execute("select syncwell.register_synced_table('public.later')")
    answer = phone.pull()
    assert ids(answer, "later") == {"created": ["x"], "updated": [], "deleted": []}
    assert answer["experimentalStrategy"] == {"default": "incremental", "override": {"later": "replacement"}}
    assert phone.pull()["changes"] == {}


@pytest.mark.parametrize("reset", ["truncate tasks", "select syncwell.resync_table('tasks')"])
def test_a_table_that_was_reset_comes_in_full(owner: Connection, phone: Device, reset: str) -> None:
    add(owner, 1, 2)
    phone.pull()
    owner.execute(reset)
    owner.execute("insert into tasks (id, user_id) values (3, test.id('a_member'))")
    answer = phone.pull()
    assert answer["experimentalStrategy"] == {"default": "incremental", "override": {"tasks": "replacement"}}
    assert set(phone.records["tasks"]) == ({"3"} if reset.startswith("truncate") else {"1", "2", "3"})
    assert phone.pull()["changes"] == {}


def test_records_that_a_push_kept_come_back_as_created(owner: Connection, phone: Device) -> None:
    add(owner, 1, 2, 3)
    phone.pull()
    owner.execute(
        "update syncwell.sync_cursors set absent = jsonb_build_object("
        '(select table_id from syncwell.synced_tables where table_name = \'tasks\'), \'["1", "2", "77"]\'::jsonb)'
    )
    owner.execute("update tasks set title = 'x' where id = 2")
    for known in ("1", "2"):
        del phone.records["tasks"][known]
    assert ids(phone.pull()) == {"created": ["1", "2"], "updated": [], "deleted": []}
    assert phone.pull()["changes"] == {}
    assert phone.complaints == []


def test_what_a_push_left_to_be_put_right_on_its_device(owner: Connection, phone: Device) -> None:
    add(owner, 1, 2, 3)
    phone.pull()
    owner.execute(
        """
        update syncwell.sync_cursors
        set absent = jsonb_build_object(
          t.table_id || ' updated', '["1", "77"]'::jsonb, t.table_id || ' deleted', '["9"]'::jsonb
        )
        from syncwell.synced_tables as t
        where t.table_name = 'tasks'
        """
    )
    phone.records["tasks"]["9"] = {"id": "9"}
    assert ids(phone.pull()) == {"created": [], "updated": ["1"], "deleted": ["9"]}
    assert phone.pull()["changes"] == {}
    assert phone.complaints == []


@pytest.mark.usefixtures("database")
def test_untracked_partitions_are_refused(owner: Connection, phone: Device) -> None:
    owner.execute(
        """
        create table public.parts (id text, user_id uuid, primary key (user_id, id)) partition by hash (user_id);
        create table public.parts_0 partition of public.parts for values with (modulus 2, remainder 0);
        grant select on public.parts to syncwell_client;
        select syncwell.register_synced_table('public.parts');
        """
    )
    phone.pull()
    owner.execute("create table public.parts_1 partition of public.parts for values with (modulus 2, remainder 1)")
    with pytest.raises(psycopg.Error) as refused:
        phone.pull()
    assert refused.value.sqlstate == "SW308"
    owner.execute("select syncwell.ensure_tracking()")
    owner.execute("insert into parts values ('x', test.id('a_member'))")
    assert ids(phone.pull(), "parts")["created"] == ["x"]


def test_a_new_incarnation_replaces_everything(database: Database, owner: Connection, phone: Device) -> None:
    add(owner, 1)
    phone.pull()
    add(owner, 2)
    owner.execute("update syncwell.sync_incarnations set system_identifier = 'of another cluster'")
    answer = phone.pull()
    assert (answer["experimentalStrategy"], ids(answer)["updated"]) == ("replacement", ["1", "2"])
    assert owner.execute("select count(*) from syncwell.record_changes").fetchone() == (0,)
    add(owner, 3)
    other = Device(database.connect("a_member", autocommit=True), cursor=phone.cursor, records=phone.records)
    assert ids(other.pull())["created"] == ["3"]
    assert other.complaints == []


@pytest.mark.usefixtures("database")
def test_a_snapshot_older_than_the_incarnation_is_refused(owner: Connection, phone: Device) -> None:
    phone.pull()
    owner.execute("update syncwell.sync_incarnations set system_identifier = 'of another cluster'")
    phone.connection.autocommit = False
    phone.connection.execute("set transaction isolation level repeatable read")
    phone.connection.execute("select 1")
    owner.execute("select syncwell._incarnation()")
    with pytest.raises(psycopg.errors.SerializationFailure):
        phone.ask(phone.cursor)
    phone.connection.rollback()
    assert phone.ask(phone.cursor)["experimentalStrategy"] == "replacement"


# --- too much, too little --------------------------------------------------------------------------------------------


def test_a_pull_that_is_too_large_is_refused(owner: Connection, operator: Connection, phone: Device) -> None:
    operator.execute("select syncwell.set_setting('delta.max_bytes', '2000')")
    add(owner, *range(10))
    phone.pull()
    add(owner, *range(100, 160))
    for cursor in (None, phone.cursor):
        with pytest.raises(psycopg.Error) as refused:
            phone.ask(cursor)
        assert refused.value.sqlstate == "SW303"
    phone.pull(p_limit=20)
    assert len(phone.records["tasks"]) == 70


def test_a_table_that_is_too_large_is_not_read_whole(owner: Connection, operator: Connection, phone: Device) -> None:
    operator.execute("select syncwell.set_setting('delta.max_bytes', '100000')")
    owner.execute("insert into tasks (id, user_id) select i, test.id('a_member') from generate_series(1, 50000) as i")
    with pytest.raises(psycopg.Error) as refused:
        phone.ask(None)
    assert refused.value.sqlstate == "SW303"


def refuse_shrinking(device: Device) -> None:
    with pytest.raises(psycopg.Error) as refused:
        device.pull()
    assert refused.value.sqlstate == "SW307"


def test_a_policy_does_not_wipe_devices(owner: Connection, phone: Device) -> None:
    owner.execute("update syncwell.synced_tables set rls_revokes = true")
    owner.execute("insert into pages select test.org('a'), i::text, 'x' from generate_series(1, 300) as i")
    phone.pull()
    owner.execute("update pages set is_secret = true, body = 'y' where id::integer <= 100")
    phone.pull()
    assert len(phone.records["pages"]) == 200
    owner.execute("update pages set is_secret = true, body = 'y' where id::integer > 150")
    refuse_shrinking(phone)
    owner.execute("delete from syncwell.sync_cursors")
    refuse_shrinking(phone)
    phone.connection.execute("select syncwell.invalidate_client(p_device_id => 'phone')")
    phone.pull()
    assert len(phone.records["pages"]) == 50
    # for one pull only
    owner.execute("insert into pages select test.org('a'), i::text, 'x' from generate_series(1001, 1200) as i")
    phone.pull()
    owner.execute("update pages set is_secret = true, body = 'z'")
    refuse_shrinking(phone)


@pytest.mark.parametrize("how", ["delete from pages", "truncate pages"])
def test_real_deletions_are_never_refused(owner: Connection, phone: Device, how: str) -> None:
    owner.execute("insert into pages select test.org('a'), i::text, 'x' from generate_series(1, 300) as i")
    phone.pull()
    owner.execute(how)
    phone.pull()
    assert phone.records["pages"] == {}
    owner.execute("insert into pages select test.org('a'), i::text, 'x' from generate_series(1, 300) as i")
    phone.pull()
    owner.execute(how)
    owner.execute("select syncwell.cleanup_old_tombstones('0 seconds')")
    owner.execute("delete from syncwell.sync_cursors")
    phone.pull()
    assert phone.records["pages"] == {}
