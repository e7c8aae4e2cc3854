"""Every way to write to a synced table leaves its trace, and nothing else does; beside a trap, what falls into it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
import pytest

from harness import Cluster, Tenants, UnavailableError
from syncwell.embedded import Server

if TYPE_CHECKING:
    from harness import Database

MEMBER = Tenants.id("a_member")
OTHER = Tenants.id("a_other")

TODOS = """
create schema app;
grant usage on schema app to syncwell_owner;
create table app.todos (
  id text primary key,
  user_id uuid,
  title text,
  size numeric,
  meta json,
  secret text
);
select syncwell.register_synced_table('app.todos', p_columns => array['title', 'size', 'meta']);
"""


class Entry(NamedTuple):
    """What record_changes holds of a record; xids as age: 0 is the newest transaction there."""

    scope: uuid.UUID
    record: str
    xid: int
    born: int | None
    lives: list[int | None] | None
    alive: bool


def entries(connection: psycopg.Connection[Any], since: int = 0) -> list[Entry]:
    """All entries, or those stamped after xid `since`."""
    rows = connection.execute(
        """
        select scope, record_id, xid::text::bigint, created_xid::text::bigint, earlier_lives::text::bigint[],
          deleted_at is null
        from syncwell.record_changes where xid::text::bigint > %s order by scope, record_id
        """,
        [since],
    )
    return [Entry(*row) for row in rows]


def last_xid(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select max(xid::text::bigint) from syncwell.record_changes").fetchone()
    assert row is not None
    return int(row[0] or 0)


def traces(connection: psycopg.Connection[Any], statement: str) -> dict[tuple[uuid.UUID, str], str]:
    """What a statement, in a transaction of its own, left: by owner and record, if it was born, changed or died."""
    before = last_xid(connection)
    connection.execute(statement.encode())
    found = entries(connection, before)
    assert len({entry.xid for entry in found}) <= 1, "one transaction, one stamp"
    return {
        (entry.scope, entry.record): "died" if not entry.alive else "born" if entry.born == entry.xid else "changed"
        for entry in found
    }


@pytest.fixture
def app(database: Database) -> psycopg.Connection[Any]:
    """The superuser in a database with one synced table; each statement commits."""
    connection = database.connect(autocommit=True)
    connection.execute(TODOS.encode())
    return connection


def test_writes_leave_one_trace_each(app: psycopg.Connection[Any]) -> None:
    a, b = (MEMBER, "a"), (MEMBER, "b")
    assert traces(app, f"insert into app.todos values ('a', '{MEMBER}', 'x'), ('b', '{MEMBER}', 'y')") == {
        a: "born",
        b: "born",
    }
    assert traces(app, "update app.todos set title = 'z' where id = 'a'") == {a: "changed"}
    assert traces(app, "update app.todos set title = 'w'") == {a: "changed", b: "changed"}
    assert traces(
        app,
        f"insert into app.todos values ('b', '{MEMBER}', 'v'), ('c', '{OTHER}', null)"
        " on conflict (id) do update set title = excluded.title",
    ) == {b: "changed", (OTHER, "c"): "born"}
    merge = f"""
      merge into app.todos as t
      using (values ('a', 'gone'), ('b', 'changed'), ('d', 'new')) as n (id, what) on n.id = t.id
      when matched and n.what = 'gone' then delete
      when matched then update set title = n.what
      when not matched then insert values (n.id, '{MEMBER}', n.what)
    """
    assert traces(app, merge) == {a: "died", b: "changed", (MEMBER, "d"): "born"}
    assert traces(app, "delete from app.todos where id in ('b', 'd')") == {b: "died", (MEMBER, "d"): "died"}
    before = last_xid(app)
    with app.cursor() as cursor, cursor.copy("copy app.todos (id, user_id) from stdin") as copy:
        copy.write_row(("e", MEMBER))
        copy.write_row(("f", None))
    assert [(entry.record, entry.born) for entry in entries(app, before)] == [("e", last_xid(app))]


@pytest.mark.parametrize(
    "statement",
    [
        "update app.todos set title = title, size = size, meta = meta",
        "update app.todos set secret = 'changed'",
        "update app.todos set title = 'x' where id = 'nobody'",
        "insert into app.todos (id, title) values ('n', 'nobody''s')",
        "update app.todos set user_id = null where user_id is null",
        f"insert into app.todos values ('a', '{MEMBER}') on conflict do nothing",
        "delete from app.todos where id = 'free'",
    ],
)
def test_what_devices_do_not_see_leaves_no_trace(app: psycopg.Connection[Any], statement: str) -> None:
    app.execute(
        f"insert into app.todos values ('a', '{MEMBER}', 'x', 1.0, '{{}}'), ('free', null, 'x', 1, '{{}}')".encode()
    )
    assert traces(app, statement) == {}


def test_values_that_are_equal_but_look_different_are_changes(app: psycopg.Connection[Any]) -> None:
    app.execute(f"insert into app.todos values ('a', '{MEMBER}', 'x', 1.0, '{{}}')".encode())
    assert traces(app, "update app.todos set size = 1.00") == {(MEMBER, "a"): "changed"}
    assert traces(app, "update app.todos set meta = '{ }'") == {(MEMBER, "a"): "changed"}


def test_generated_columns(app: psycopg.Connection[Any]) -> None:
    app.execute(
        """
        create table app.sums (
          id integer primary key, user_id uuid, a integer, b integer, c integer,
          total integer generated always as (a + b) stored
        )
        """
    )
    app.execute("select syncwell.register_synced_table('app.sums', p_columns => array['total'])")
    app.execute("insert into app.sums values (1, %s, 1, 1, 1)", [MEMBER])
    assert traces(app, "update app.sums set a = 2, b = 0, c = 2") == {}
    assert traces(app, "update app.sums set a = 3") == {(MEMBER, "1"): "changed"}
    if app.info.server_version >= 180000:
        # which no trigger sees: what it is made of counts
        app.execute("alter table app.sums add virtual integer generated always as (c * 2) virtual")
        app.execute("select syncwell.register_synced_table('app.sums', p_columns => array['virtual'])")
        assert traces(app, "update app.sums set c = 3") == {(MEMBER, "1"): "changed"}
        assert app.execute("select virtual from syncwell_tables.sums").fetchone() == (6,)


def test_a_record_that_moves_dies_for_one_and_is_born_for_the_other(app: psycopg.Connection[Any]) -> None:
    app.execute(f"insert into app.todos values ('a', '{MEMBER}', 'x'), ('b', '{MEMBER}', 'x')".encode())
    assert traces(app, f"update app.todos set user_id = '{OTHER}' where id = 'a'") == {
        (MEMBER, "a"): "died",
        (OTHER, "a"): "born",
    }
    assert traces(app, "update app.todos set user_id = null where id = 'a'") == {(OTHER, "a"): "died"}
    assert traces(app, f"update app.todos set user_id = '{MEMBER}'") == {(MEMBER, "a"): "born"}
    assert traces(app, "update app.todos set id = 'c' where id = 'b'") == {(MEMBER, "b"): "died", (MEMBER, "c"): "born"}

    # the naive variant looks at new rows only, and leaves the record with its former owner
    naive = "create table app.naive (id text, user_id uuid, updated_at xid8 default pg_current_xact_id())"
    app.execute(naive.encode())
    app.execute("insert into app.naive values ('a', %s)", [MEMBER])
    app.execute("update app.naive set user_id = %s, updated_at = pg_current_xact_id()", [OTHER])
    assert app.execute("select from app.naive where user_id = %s", [MEMBER]).rowcount == 0


def test_lives_of_an_id_that_is_used_again(app: psycopg.Connection[Any]) -> None:
    def life() -> Entry:
        [entry] = entries(app)
        return entry

    app.execute("insert into app.todos values ('a', %s)", [MEMBER])
    born = life().xid
    app.execute("delete from app.todos")
    died = life().xid
    app.execute("insert into app.todos values ('a', %s)", [MEMBER])
    again = life()
    assert (again.alive, again.born, again.lives) == (True, again.xid, [born, died])
    app.execute("delete from app.todos")
    assert (life().alive, life().born, life().lives) == (False, again.born, [born, died])

    # the naive variant has one creation for all lives: a device that saw the first death would take it as known
    assert app.execute(
        "select syncwell._existed(%s::text::xid8, null, pg_snapshot(%s::text), '{}')", [born, f"{died + 1}:{died + 1}:"]
    ).fetchone() == (True,)
    assert app.execute(
        "select syncwell._existed(%s::text::xid8, %s::text::xid8[], %s::text::pg_snapshot, '{}')",
        [again.born, f"{{{born},{died}}}", f"{died + 1}:{died + 1}:"],
    ).fetchone() == (False,)

    for _ in range(12):
        app.execute("insert into app.todos values ('a', %s)", [MEMBER])
        app.execute("delete from app.todos")
    assert len(life().lives or []) == 20


def test_a_record_that_dies_and_is_born_in_one_transaction_is_a_change(app: psycopg.Connection[Any]) -> None:
    app.execute("insert into app.todos values ('a', %s)", [MEMBER])
    born = last_xid(app)
    with app.transaction():
        app.execute("delete from app.todos")
        app.execute("insert into app.todos values ('a', %s, 'again')", [MEMBER])
    [entry] = entries(app)
    assert (entry.alive, entry.born, entry.lives, entry.xid > born) == (True, born, None, True)
    with app.transaction():
        app.execute("insert into app.todos values ('b', %s)", [MEMBER])
        app.execute("delete from app.todos where id = 'b'")
        app.execute("insert into app.todos values ('b', %s)", [MEMBER])
    assert entries(app)[1].born == entries(app)[1].xid


def test_rows_from_before_registration_have_no_birth(database: Database) -> None:
    app = database.connect(autocommit=True)
    before, after = TODOS.split("select syncwell")
    app.execute(before.encode())
    app.execute("insert into app.todos values ('a', %s), ('b', %s)", [MEMBER, MEMBER])
    app.execute(f"select syncwell{after}".encode())
    assert entries(app) == []
    app.execute("update app.todos set title = 'x' where id = 'a'")
    app.execute("delete from app.todos where id = 'b'")
    assert [(entry.record, entry.born, entry.alive) for entry in entries(app)] == [
        ("a", None, True),
        ("b", None, False),
    ]


def test_savepoints_and_rollbacks(app: psycopg.Connection[Any]) -> None:
    with app.transaction():
        app.execute("insert into app.todos values ('kept', %s)", [MEMBER])
        with app.transaction(force_rollback=True):
            app.execute("insert into app.todos values ('undone', %s)", [MEMBER])
            app.execute("delete from app.todos where id = 'kept'")
        with app.transaction():
            app.execute("insert into app.todos values ('nested', %s)", [MEMBER])
        xid = app.execute("select pg_current_xact_id()::text::bigint").fetchone()
    found = entries(app)
    assert [(entry.record, entry.alive) for entry in found] == [("kept", True), ("nested", True)]
    # the stamp is the transaction's, not the savepoint's, which no snapshot could look up
    assert {(entry.xid,) for entry in found} == {xid}


def test_two_foreign_keys_may_act_on_one_row(app: psycopg.Connection[Any]) -> None:
    app.execute(
        """
        create table app.people (id integer primary key);
        create table app.links (
          id bigint primary key, user_id uuid, a integer references app.people on delete set null,
          b integer references app.people on delete set null
        );
        create table app.notes (id uuid primary key, user_id uuid, link bigint references app.links on delete cascade);
        select syncwell.register_synced_table('app.links');
        select syncwell.register_synced_table('app.notes');
        insert into app.people values (1), (2);
        """
    )
    note = uuid.UUID(int=1)
    app.execute("insert into app.links values (7, %s, 1, 2)", [MEMBER])
    app.execute("insert into app.notes values (%s, %s, 7)", [note, OTHER])
    # both keys change the row within one statement, whose trigger finds it twice
    assert traces(app, "delete from app.people") == {(MEMBER, "7"): "changed"}
    assert traces(app, "delete from app.links") == {(MEMBER, "7"): "died", (OTHER, str(note)): "died"}


def test_triggers_of_the_table_itself(app: psycopg.Connection[Any]) -> None:
    """Their nested statements are noted before the one that caused them."""
    app.execute(
        """
        create function app.meddle() returns trigger language plpgsql as $$
        begin
          if new.title = 'fill in' then
            update app.todos set title = 'filled in' where id = new.id;
          elsif new.title = 'drop' then
            delete from app.todos where id = new.id;
          end if;
          return null;
        end
        $$;
        create trigger meddle after insert or update on app.todos for each row execute function app.meddle();
        """
    )
    assert traces(app, f"insert into app.todos values ('a', '{MEMBER}', 'fill in')") == {(MEMBER, "a"): "born"}
    assert traces(app, "update app.todos set title = 'fill in'") == {(MEMBER, "a"): "changed"}
    assert traces(app, "update app.todos set title = 'drop'") == {(MEMBER, "a"): "died"}
    # an id with an end behind it, which the nested statement meets first
    assert traces(app, f"insert into app.todos values ('a', '{MEMBER}', 'fill in')") == {(MEMBER, "a"): "born"}


PARTED = """
create table app.parted (
  id bigint,
  user_id uuid,
  title text,
  primary key (id)
) partition by range (id);
create table app.low partition of app.parted for values from (0) to (100);
create table app.high partition of app.parted for values from (100) to (300) partition by range (id);
create table app.high_1 partition of app.high for values from (100) to (200);
create table app.high_2 partition of app.high for values from (200) to (300);
select syncwell.register_synced_table('app.parted');
"""


def test_partitions_of_all_levels(app: psycopg.Connection[Any]) -> None:
    app.execute(PARTED.encode())
    app.execute(
        """
        create table app.naive (id bigint);
        create function app.note() returns trigger language plpgsql as
        $$ begin insert into app.naive select id from new_rows; return null; end $$;
        create trigger note after insert on app.parted referencing new table as new_rows
        for each statement execute function app.note();
        """
    )
    low, high = (MEMBER, "1"), (MEMBER, "150")
    assert traces(app, f"insert into app.parted values (1, '{MEMBER}'), (150, '{MEMBER}')") == {
        low: "born",
        high: "born",
    }
    assert traces(app, f"insert into app.low values (2, '{MEMBER}')") == {(MEMBER, "2"): "born"}
    assert traces(app, f"insert into app.high values (250, '{MEMBER}')") == {(MEMBER, "250"): "born"}
    assert traces(app, "update app.high_1 set title = 'x'") == {high: "changed"}
    assert traces(app, "delete from app.low where id = 2") == {(MEMBER, "2"): "died"}
    # rows that move to another partition, from the root and from between
    assert traces(app, "update app.parted set id = 201 where id = 1") == {low: "died", (MEMBER, "201"): "born"}
    assert traces(app, "update app.high set id = id + 60, title = 'moved' where id = 150") == {
        high: "died",
        (MEMBER, "210"): "born",
    }
    # triggers on the root alone, the naive variant, have missed what was written to partitions
    assert app.execute("select id from app.naive order by id").fetchall() == [(1,), (150,)]


def test_a_record_that_moves_to_another_partition_is_a_change(app: psycopg.Connection[Any]) -> None:
    app.execute(
        """
        create table app.shared (id uuid, user_id uuid, org_id uuid, title text, primary key (id, org_id))
        partition by list (org_id);
        create table app.shared_rest partition of app.shared default;
        """
    )
    a, b = Tenants.org("a"), Tenants.org("b")
    app.execute(f"create table app.shared_a partition of app.shared for values in ('{a}')".encode())
    app.execute("select syncwell.register_synced_table('app.shared', p_org_column => 'org_id')")
    record = uuid.UUID(int=5)
    assert traces(app, f"insert into app.shared values ('{record}', '{MEMBER}', '{a}')") == {
        (MEMBER, str(record)): "born"
    }
    # in org b this user does not exist: there the row is nobody's
    assert traces(app, f"update app.shared set org_id = '{b}'") == {(MEMBER, str(record)): "died"}
    assert traces(app, "update app.shared set title = 'x'") == {}
    assert traces(app, f"update app.shared set org_id = '{a}'") == {(MEMBER, str(record)): "born"}
    assert traces(app, "delete from app.shared") == {(MEMBER, str(record)): "died"}


def replicated(connection: psycopg.Connection[Any]) -> None:
    connection.execute("set session_replication_role = replica")


def test_replicated_changes(app: psycopg.Connection[Any]) -> None:
    app.execute(PARTED.encode())
    app.execute(
        """
        create table app.naive (id text);
        create function app.note() returns trigger language plpgsql as
        $$ begin insert into app.naive select id from new_rows; return null; end $$;
        create trigger note after insert on app.todos referencing new table as new_rows
        for each statement execute function app.note();
        create table app.added partition of app.parted for values from (300) to (400);
        """
    )
    replicated(app)
    a = (MEMBER, "a")
    assert traces(app, f"insert into app.todos values ('a', '{MEMBER}', 'x')") == {a: "born"}
    assert app.execute("select from app.naive").rowcount == 0, "the naive trigger slept"
    assert traces(app, "update app.todos set secret = 'x', title = title") == {}
    assert traces(app, "update app.todos set title = 'y'") == {a: "changed"}
    assert traces(app, f"update app.todos set user_id = '{OTHER}'") == {a: "died", (OTHER, "a"): "born"}
    assert traces(app, "update app.todos set user_id = null") == {(OTHER, "a"): "died"}
    assert traces(app, "delete from app.todos") == {}
    # every partition, at all levels, those made later too
    assert traces(app, f"insert into app.parted values (1, '{MEMBER}'), (250, '{MEMBER}')") == {
        (MEMBER, "1"): "born",
        (MEMBER, "250"): "born",
    }
    assert traces(app, f"insert into app.added values (301, '{MEMBER}')") == {(MEMBER, "301"): "born"}
    assert traces(app, "update app.parted set id = 110 where id = 1") == {
        (MEMBER, "1"): "died",
        (MEMBER, "110"): "born",
    }
    assert traces(app, "delete from app.high_1") == {(MEMBER, "110"): "died"}


def reset(connection: psycopg.Connection[Any], table: str) -> int | None:
    row = connection.execute(
        "select reset_xid::text::bigint from syncwell.synced_tables where table_name = %s", [table]
    ).fetchone()
    assert row is not None
    return None if row[0] is None else int(row[0])


@pytest.mark.parametrize("role", ["origin", "replica"])
def test_truncate_resets_the_table(app: psycopg.Connection[Any], role: str) -> None:
    app.execute(PARTED.encode())
    app.execute("insert into app.todos values ('a', %s)", [MEMBER])
    app.execute("insert into app.parted values (1, %s)", [MEMBER])
    app.execute(f"set session_replication_role = {role}".encode())
    app.execute("truncate app.low")
    assert reset(app, "parted") is not None
    assert reset(app, "todos") is None
    assert [entry.record for entry in entries(app)] == ["a"]
    first = reset(app, "parted")
    with app.transaction():
        app.execute("truncate app.parted, app.todos")
        app.execute("insert into app.parted values (1, %s)", [MEMBER])
    assert first != reset(app, "parted") == reset(app, "todos")
    assert [(entry.record, entry.born) for entry in entries(app)] == [("1", reset(app, "parted"))]


def test_two_phase_commit() -> None:
    with (
        Server(settings={"max_prepared_transactions": "4"}) as server,
        Cluster(server, UnavailableError("not needed")) as prepared,
        prepared.database() as database,
    ):
        app = database.connect(autocommit=True)
        app.execute(TODOS.encode())
        app.execute("begin")
        app.execute("insert into app.todos select n::text, %s from generate_series(1, 100) as n", [MEMBER])
        app.execute("update app.todos set title = 'x'")
        app.execute("delete from app.todos where id = '1'")
        app.execute("truncate app.todos")
        app.execute("insert into app.todos values ('a', %s)", [MEMBER])
        app.execute("prepare transaction 'tracked'")
        assert entries(app) == []
        app.execute("commit prepared 'tracked'")
        assert [entry.record for entry in entries(app)] == ["a"]


def test_many_rows_take_the_other_way_to_the_same_end(app: psycopg.Connection[Any]) -> None:
    """Large inserts go in without a look for each id, until one of them is met that was there before."""
    many = f"insert into app.todos select n::text, '{MEMBER}' from generate_series(1, 300) as n"
    assert set(traces(app, many).values()) == {"born"}
    app.execute("delete from app.todos where id = '299'")
    died = last_xid(app)
    app.execute("delete from app.todos")
    found = traces(app, many)
    assert len(found) == 300
    assert set(found.values()) == {"born"}
    lives = {entry.record: entry.lives for entry in entries(app)}
    assert len(lives["1"] or []) == len(lives["299"] or []) == 2
    assert (lives["299"] or [])[1] == died


def test_plans_made_for_one_row_serve_many(app: psycopg.Connection[Any]) -> None:
    """A trigger's plan is made for the transition tables of its first call, and kept."""
    app.execute("insert into app.todos select n::text, %s, 'x' from generate_series(1, 30000) as n", [MEMBER])
    app.execute("update app.todos set title = 'y' where id = '1'")
    before = last_xid(app)
    # a loop over 30 000 x 30 000 rows takes a minute, what is to be done less than a second
    app.execute("set statement_timeout = '20s'")
    app.execute("update app.todos set title = 'z'")
    assert len(entries(app, before)) == 30000


def test_a_transaction_that_has_pulled_may_not_write(app: psycopg.Connection[Any]) -> None:
    app.execute("insert into app.todos values ('a', %s)", [MEMBER])

    def refused(statement: str, role: str = "origin") -> str | None:
        try:
            with app.transaction():
                app.execute(f"set local session_replication_role = {role}".encode())
                app.execute("select set_config('syncwell.pulled', '1', true)")
                app.execute(statement.encode())
        except psycopg.Error as error:
            return error.sqlstate
        return None

    for statement in (
        f"insert into app.todos values ('b', '{MEMBER}')",
        "update app.todos set title = 'x'",
        "delete from app.todos",
        "truncate app.todos",
        f"select syncwell.touch_record('todos', 'a', '{MEMBER}')",
    ):
        assert refused(statement) == "SW305"
    assert refused("update app.todos set title = 'x'", "replica") == "SW305"
    # the mark ends with its transaction, although the setting then reads '' and not NULL
    assert traces(app, "update app.todos set title = 'x'") == {(MEMBER, "a"): "changed"}
