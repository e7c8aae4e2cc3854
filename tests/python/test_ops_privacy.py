"""Export and erasure of a person: all rows of all tables, nobody else's, and nothing comes back.

The database is the one of harness/two_orgs.py, in which every table has rows of a_member, and some more in which
a_member is only the actor. So a new table that knows users and is not in personal_data fails here.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from harness import Tenants
from harness.two_orgs import APPLICATION, SCOPED_TABLES, SECRET, SEEDS, SEEDS_AS_OWNER, SYNCS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Cluster, Database

A = Tenants.org("a")
MEMBER, OTHER, ADMIN, ANALYST = (Tenants.id(name) for name in ("a_member", "a_other", "a_admin", "a_analyst"))

# Where a_member did something to what is somebody else's, in the columns that say so.
ACTED = """
update syncwell.sync_conflicts set resolved_by = %(actor)s, resolved_at = syncwell._now()
where user_id = %(owner)s;
update syncwell.sync_issues
set acknowledged_by = %(actor)s, note = 'NOTE of the actor', acknowledged_at = syncwell._now()
where user_id = %(owner)s;
update syncwell.maintenance_windows set created_by = %(actor)s, reason = 'NOTE of the actor' where user_id = %(owner)s;
insert into syncwell.silences (org_id, matcher, starts_at, ends_at, reason, created_by)
values (%(org)s, '{"source": "calls"}', syncwell._now(), 'tomorrow', 'NOTE of the actor', %(actor)s);
insert into syncwell.silences (org_id, matcher, starts_at, ends_at, created_by)
values (%(org)s, jsonb_build_object('user_id', %(actor)s::text), syncwell._now(), 'tomorrow', %(admin)s);
insert into syncwell.access_log (org_id, id, login_role, user_id, role, function_name, subject)
values
(%(org)s, syncwell._uuid7(syncwell._now()), 'x', %(actor)s, 'admin', 'get_sync_metrics', %(owner)s),
(%(org)s, syncwell._uuid7(syncwell._now()), 'x', %(owner)s, 'admin', 'get_sync_metrics', %(actor)s)
"""


def seed(database: Database, login: str, word: str, organisation: str) -> None:
    """What harness/two_orgs.py makes for an org, as this member of it."""
    member = database.connect(login)
    member.execute(SEEDS.replace(SECRET, word).encode())
    member.commit()
    cursor = ""
    for sync in SYNCS:
        row = member.execute(sync.replace(SECRET, word).encode(), [cursor] if "%s" in sync else None).fetchone()
        member.commit()
        assert row is not None
        cursor = str(row[0]) if row[0] != "true" else cursor
    member.close()
    with database.connect() as owner:
        owner.execute("select set_config('request.jwt.claims', '', false)")
        parameters = {"org": Tenants.org(organisation), "user": Tenants.id(login)}
        for statement in SEEDS_AS_OWNER.replace(SECRET, word).strip().split(";\n"):
            owner.execute(statement.encode(), parameters)


@pytest.fixture(scope="module")
def seeded(cluster: Cluster) -> Iterator[Database]:
    with cluster.database() as database:
        with database.connect() as owner:
            owner.execute(APPLICATION.encode())
        for login, word, organisation in (
            ("a_member", "OWN", "a"),
            ("a_other", "OTHERS", "a"),
            ("b_member", "BS", "b"),
        ):
            seed(database, login, word, organisation)
        with database.connect() as owner:
            parameters = {"org": A, "actor": MEMBER, "owner": OTHER, "admin": ADMIN}
            for statement in ACTED.strip().split(";\n"):
                owner.execute(statement.encode(), parameters)
        yield database


@pytest.fixture
def world(seeded: Database) -> Iterator[psycopg.Connection[Any]]:
    """As superuser, in a transaction that is rolled back."""
    connection = seeded.connect()
    yield connection
    connection.rollback()
    connection.close()


def tables(world: psycopg.Connection[Any]) -> list[str]:
    """Every table with rows of its own: partitions, not what they are partitions of."""
    return [
        name
        for (name,) in world.execute(
            "select relname from pg_class where relnamespace = 'syncwell'::regnamespace and relkind = 'r' order by 1"
        )
    ]


def mentions(world: psycopg.Connection[Any], word: object) -> dict[str, int]:
    """Tables in which a row has the word anywhere, ids and documents included, with how many rows."""
    found: dict[str, int] = {}
    for table in tables(world):
        query = sql.SQL("select count(*) from syncwell.{} as t where t::text like %s").format(sql.Identifier(table))
        row = world.execute(query, [f"%{word}%"]).fetchone()
        assert row is not None
        if row[0]:
            found[table] = row[0]
    return found


def state(world: psycopg.Connection[Any]) -> dict[str, set[str]]:
    """Every row as text."""
    return {
        table: {
            str(row[0])
            for row in world.execute(sql.SQL("select t::text from syncwell.{} as t").format(sql.Identifier(table)))
        }
        for table in tables(world)
    }


def as_operator(world: psycopg.Connection[Any]) -> None:
    world.execute("set local session authorization operator")


def erase(world: psycopg.Connection[Any], user: object = MEMBER) -> dict[tuple[str, str], tuple[str, int]]:
    as_operator(world)
    rows = world.execute("select * from syncwell.erase_user(%s)", [user]).fetchall()
    world.execute("reset session authorization")
    return {(table, column): (action, count) for table, column, action, count in rows}


# --- erasure -----------------------------------------------------------------------------------------------------


def test_the_world_has_a_row_for_every_personal_column(world: psycopg.Connection[Any]) -> None:
    """Otherwise the tests below would pass where nothing is erased."""
    erased = erase(world)
    registered = world.execute("select table_name, user_column from syncwell.personal_data").fetchall()
    missing = [column for column in registered if column not in erased]
    assert not missing, f"add to ACTED, or to SEEDS of harness/two_orgs.py, rows of: {missing}"


def test_nothing_mentions_an_erased_user(world: psycopg.Connection[Any]) -> None:
    assert len(mentions(world, MEMBER)) > 20
    erase(world)
    assert mentions(world, MEMBER) == {}
    assert "NOTE" not in str(world.execute("select note from syncwell.sync_issues").fetchall())


def test_a_table_that_is_forgotten_is_found(world: psycopg.Connection[Any]) -> None:
    """The control of the test above."""
    world.execute("delete from syncwell.personal_details where table_name = 'sync_queue'")
    world.execute("delete from syncwell.personal_data where table_name in ('sync_queue', 'silences')")
    erase(world)
    assert mentions(world, MEMBER).keys() == {"sync_queue", "silences"}


def test_erasing_takes_nothing_from_anybody_else(world: psycopg.Connection[Any]) -> None:
    before = state(world)
    erased = erase(world)
    after = state(world)
    anonymised = {table for (table, _), (action, _) in erased.items() if action == "anonymised"}
    for table, rows in before.items():
        kept = {row for row in rows if str(MEMBER) not in row}
        gone = kept - after[table]
        # rows that refer to the user's rows go with them, and know the user by these only
        if table in ("sync_metrics_calendars", "queue_dependencies", "session_merge_moves", "alert_deliveries"):
            assert len(gone) <= len(rows)
            continue
        assert not gone, f"{table}: {gone}"
        new = after[table] - rows
        if table.removesuffix(table[table.rfind("_2") :]) in anonymised or table in anonymised:
            assert all(str(MEMBER) not in row for row in new)
        elif table not in ("erasures", "sync_metrics_dirty") and not table.startswith("access_log"):
            assert not new, f"{table}: {new}"


def test_what_others_own_stays_and_does_not_name_the_erased(world: psycopg.Connection[Any]) -> None:
    issues = "select count(*) from syncwell.sync_issues where user_id = %s and acknowledged_at is not null"
    before = world.execute(issues, [OTHER]).fetchone()
    erase(world)
    assert world.execute(issues, [OTHER]).fetchone() == before != (0,)
    query = "select user_id, subject from syncwell.access_log where function_name = 'get_sync_metrics'"
    assert sorted(map(str, world.execute(query).fetchall())) == sorted(map(str, [(None, OTHER), (OTHER, None)]))


def test_the_erasure_is_written_down_without_saying_whom(world: psycopg.Connection[Any]) -> None:
    erase(world)
    row = world.execute(
        """
        select org_id, login_role, erased_rows > 20, subject_hash = sha256(convert_to(%s::text, 'UTF8'))
        from syncwell.erasures
        where login_role = 'operator'
        """,
        [str(MEMBER)],
    ).fetchone()
    assert row == (A, "operator", True, True)
    query = "select login_role, role, user_id, subject from syncwell.access_log where function_name = 'erase_user'"
    assert world.execute(query).fetchall() == [("operator", "operator", None, None)]


@pytest.mark.parametrize("login", ["a_member", "a_admin", "a_service", "gateway", "jwt", "a_climber", "nobody_login"])
def test_nobody_but_an_operator_erases(world: psycopg.Connection[Any], login: str) -> None:
    world.execute(sql.SQL("set local session authorization {}").format(sql.Identifier(login)))
    if login == "gateway":
        world.execute("select syncwell.act_as(%s)", [ADMIN])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        world.execute("select * from syncwell.erase_user(%s)", [MEMBER])


def test_an_unknown_user_is_refused(world: psycopg.Connection[Any]) -> None:
    as_operator(world)
    with pytest.raises(psycopg.Error) as caught:
        world.execute("select * from syncwell.erase_user(%s)", [uuid.uuid4()])
    assert caught.value.diag.sqlstate == "SW002"


def test_a_rolled_back_erasure_erases_nothing(seeded: Database) -> None:
    with seeded.connect("operator") as operator:
        assert operator.execute("select * from syncwell.erase_user(%s)", [MEMBER]).fetchall()
        operator.rollback()
    with seeded.connect() as owner:
        assert len(mentions(owner, MEMBER)) > 20
        assert owner.execute("select * from syncwell.erasures where login_role = 'operator'").fetchall() == []


@pytest.fixture
def clone(cluster: Cluster, seeded: Database) -> Iterator[Database]:
    seeded.close()
    with cluster.database(template=seeded.name) as database:
        yield database


PULL = "select syncwell.sync_pull(p_last_pulled_at => %s, p_device_id => 'OWN-device')"


def commit_erasure(database: Database, user: object = MEMBER) -> None:
    with database.connect("operator") as operator:
        operator.execute("select * from syncwell.erase_user(%s)", [user])


def test_an_erased_user_is_nobody_and_one_who_comes_back_starts_from_nothing(clone: Database) -> None:
    member = clone.connect("a_member", autocommit=True)
    row = member.execute("select (syncwell.sync_pull(p_device_id => 'OWN-device') ->> 'timestamp')::bigint").fetchone()
    assert row is not None
    commit_erasure(clone)
    for refused in ("select syncwell.sync_push('{}', %s, p_device_id => 'OWN-device')", PULL):
        with pytest.raises(psycopg.Error) as caught:
            member.execute(refused.encode(), row)
        assert caught.value.diag.sqlstate == "SW001"
    with clone.connect() as owner:
        assert mentions(owner, MEMBER) == {}

    with clone.connect("operator") as operator:
        operator.execute("select syncwell.register_user(%s, %s)", [A, MEMBER])
    with clone.connect() as owner:
        owner.execute("select syncwell.bind_login('a_member', 'user', %s, %s)", [A, MEMBER])
    for question in (
        "select * from syncwell.get_sync_health_status() where source is not null",
        "select * from syncwell.get_recent_sync_events(p_user_id => syncwell.current_user_id())",
        "select * from syncwell.get_operations(p_user_id => syncwell.current_user_id())",
        "select * from syncwell.get_sync_clients()",
        "select * from syncwell.get_sync_conflicts()",
        "select * from syncwell.get_access_log()",
        "select 1 where syncwell.has_consent(null, 'detailed_monitoring')",
    ):
        assert member.execute(question.encode()).fetchall() == [], question
    # a device with an old cursor gets everything anew, and so what the application has let stand
    answer = member.execute(PULL, row).fetchone()
    assert answer is not None
    assert str(answer[0]).count("OWN-record") == 1


def leftovers(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select syncwell._erase_leftovers_task()").fetchone()
    connection.commit()
    assert row is not None
    return int(row[0])


def later(connection: psycopg.Connection[Any]) -> None:
    connection.execute("select set_config('syncwell.fake_now', (clock_timestamp() + interval '2 hours')::text, false)")
    connection.commit()


def test_what_a_call_under_way_still_writes_is_erased_later(clone: Database) -> None:
    with clone.connect() as owner:
        row = owner.execute("select stream_id from syncwell.streams where user_id = %s limit 1", [MEMBER]).fetchone()
    assert row is not None
    # as record_sync_start() does, between looking the caller up and its commit
    writer = clone.connect()
    writer.execute(
        """
        insert into syncwell.sync_events (
          org_id, id, stream_id, user_id, source, sync_type, status, started_at, lease, attempt
        )
        values (
          %s, syncwell._uuid7(syncwell._now()), %s, %s, 'calls', 'full', 'started', syncwell._now(),
          gen_random_uuid(), 1
        )
        """,
        [A, row[0], MEMBER],
    )
    commit_erasure(clone)
    owner = clone.connect()
    later(owner)
    assert leftovers(owner) == 0  # the writer is still there: not yet
    writer.commit()
    assert mentions(owner, MEMBER) != {}  # the control: erasing alone is not enough
    owner.commit()
    assert leftovers(owner) > 0
    assert mentions(owner, MEMBER) == {}
    owner.commit()
    assert owner.execute("select count(*) from syncwell.erasures where settled_at is null").fetchone() == (0,)
    assert leftovers(owner) == 0


def test_leftovers_of_whoever_came_back_are_new_rows(clone: Database) -> None:
    commit_erasure(clone)
    with clone.connect("operator") as operator:
        operator.execute("select syncwell.register_user(%s, %s)", [A, MEMBER])
    with clone.connect("gateway") as gateway:
        gateway.execute("select syncwell.act_as(%s)", [MEMBER])
        gateway.execute("select syncwell.record_sync_start('calls')")
    with clone.connect() as owner:
        before = mentions(owner, MEMBER)
        later(owner)
        assert leftovers(owner) == 0
        assert mentions(owner, MEMBER) == before


def test_tombstones_of_rows_the_application_deletes_later_are_erased_by_erasing_again(clone: Database) -> None:
    commit_erasure(clone)
    with clone.connect() as owner:
        owner.execute("delete from app.notes where user_id = %s", [MEMBER])
        owner.commit()
        assert mentions(owner, MEMBER).keys() == {"record_changes"}
    commit_erasure(clone)
    with clone.connect() as owner:
        assert mentions(owner, MEMBER) == {}


def test_two_erasures_at_once_are_one(clone: Database) -> None:
    first, second = clone.connect("operator"), clone.connect("operator")
    first.execute("select * from syncwell.erase_user(%s)", [MEMBER])
    second.execute("set lock_timeout = '200ms'")
    with pytest.raises(psycopg.errors.LockNotAvailable):
        second.execute("select * from syncwell.erase_user(%s)", [MEMBER])
    second.rollback()
    first.commit()
    with pytest.raises(psycopg.Error) as caught:
        second.execute("select * from syncwell.erase_user(%s)", [MEMBER])
    assert caught.value.diag.sqlstate == "SW002"


# --- export ------------------------------------------------------------------------------------------------------


def export(world: psycopg.Connection[Any], user: object) -> list[tuple[str, Any]]:
    return world.execute("select table_name, data from syncwell.export_user(%s)", [user]).fetchall()


def test_an_export_has_every_row_that_erasing_touches(world: psycopg.Connection[Any]) -> None:
    as_operator(world)
    rows = export(world, MEMBER)
    world.execute("reset session authorization")
    exported: dict[str, int] = {}
    for table, _ in rows:
        exported[table] = exported.get(table, 0) + 1
    names_twice = {table: count for table, count in mentions_by_column(world, MEMBER).items() if table != "access_log"}
    assert {table: count for table, count in exported.items() if table != "access_log"} == names_twice


def mentions_by_column(world: psycopg.Connection[Any], user: object) -> dict[str, int]:
    """Rows by table, one for each registered column that names the user."""
    found: dict[str, int] = {}
    for table, column in world.execute("select table_name, user_column from syncwell.personal_data").fetchall():
        query = sql.SQL("select count(*) from syncwell.{} where {}::text like %s").format(
            sql.Identifier(table), sql.Identifier(column)
        )
        row = world.execute(query, [f"%{user}%"]).fetchone()
        assert row is not None
        if row[0]:
            found[table] = found.get(table, 0) + row[0]
    return found


def test_an_export_is_of_nobody_else(world: psycopg.Connection[Any]) -> None:
    as_operator(world)
    rows = export(world, MEMBER)
    for table, data in rows:
        text = str(data)
        assert str(MEMBER) in text, f"{table}: {data}"
        assert "OTHERS" not in text, f"{table}: {data}"
        assert "BS-" not in text, f"{table}: {data}"
    # the note is the actor's, what it was about is somebody else's
    (issue,) = [data for table, data in rows if table == "sync_issues" and data.get("acknowledged_by")][:1]
    assert issue["note"] == "NOTE of the actor"
    assert "evidence" not in issue
    assert "user_id" not in issue


def test_every_column_with_a_key_is_left_out_of_exports(world: psycopg.Connection[Any]) -> None:
    """Columns that by their name let their holder act: left out, or known to be none."""
    as_operator(world)
    keys = {key for _, data in export(world, MEMBER) for key in data if "lease" in key or "token" in key}
    assert keys <= {
        "lease_owner",
        "retry_lease_until",
        "lease_until",
        "last_sync_token",
        "sync_token_before",
        "sync_token_after",
        "tokens",  # of a rate limit: a number
    }


def test_who_may_export(world: psycopg.Connection[Any]) -> None:
    for login, acts_as, allowed in (
        ("operator", None, True),
        ("a_member", None, True),
        ("gateway", MEMBER, True),
        ("gateway", ADMIN, False),
        ("a_other", None, False),
        ("a_admin", None, False),
        ("b_admin", None, False),
    ):
        world.execute(sql.SQL("set session authorization {}").format(sql.Identifier(login)))
        if acts_as:
            world.execute("select syncwell.act_as(%s)", [acts_as])
        with world.transaction(force_rollback=True):
            if allowed:
                assert export(world, MEMBER), login
            else:
                with pytest.raises(psycopg.Error) as caught:
                    export(world, MEMBER)
                assert caught.value.diag.sqlstate == "SW002", login
        world.execute("reset session authorization")


def test_an_operator_who_exports_is_written_down(world: psycopg.Connection[Any]) -> None:
    query = "select login_role, subject from syncwell.access_log where function_name = 'export_user'"
    world.execute("set session authorization a_member")
    export(world, MEMBER)
    world.execute("reset session authorization")
    assert world.execute(query).fetchall() == []
    as_operator(world)
    export(world, MEMBER)
    world.execute("reset session authorization")
    assert world.execute(query).fetchall() == [("operator", MEMBER)]


def test_scoped_tables_are_personal(world: psycopg.Connection[Any]) -> None:
    """What harness/two_orgs.py knows to name a person in another column is known here too."""
    registered = {
        f"syncwell.{table}": column
        for table, column in world.execute("select table_name, user_column from syncwell.personal_data").fetchall()
        if f"syncwell.{table}" in SCOPED_TABLES
    }
    assert registered == {table: column for table, column in SCOPED_TABLES.items() if table.startswith("syncwell.")}
