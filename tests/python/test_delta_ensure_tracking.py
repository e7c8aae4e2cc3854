"""What keeps changes from being seen is found, and what can be repaired is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import Tenants

if TYPE_CHECKING:
    from collections.abc import Callable

MEMBER = Tenants.id("a_member")

SCHEMA = f"""
create schema app;
grant usage on schema app to syncwell_owner, operator;
create table app.plain (id uuid primary key, user_id uuid, title text, size integer);
insert into app.plain values (gen_random_uuid(), '{MEMBER}', 'x', 1);
create table app.parted (id bigint primary key, user_id uuid, title text) partition by range (id);
create table app.low partition of app.parted for values from (0) to (100);
create table app.high partition of app.parted for values from (100) to (1000) partition by range (id);
create table app.high_1 partition of app.high for values from (100) to (200);
insert into app.parted values (1, '{MEMBER}', 'x'), (101, '{MEMBER}', 'x');
select syncwell.register_synced_table('app.plain'), syncwell.register_synced_table('app.parted');
"""


@pytest.fixture
def app(db: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """A plain and a partitioned table, registered by the superuser, in a transaction that is rolled back."""
    db.execute(SCHEMA.encode())
    return db


def problems(connection: psycopg.Connection[Any], table: str | None = None) -> list[tuple[str, str]]:
    rows = connection.execute("select relation, problem from syncwell.check_tracking(%s)", [table])
    return [(relation, problem) for relation, problem in rows]


def ensure(connection: psycopg.Connection[Any], table: str | None = None) -> int:
    row = connection.execute("select syncwell.ensure_tracking(%s)", [table]).fetchone()
    assert row is not None
    return int(row[0])


def resets(connection: psycopg.Connection[Any]) -> set[str]:
    rows = connection.execute("select table_name from syncwell.synced_tables where reset_xid is not null")
    return {row[0] for row in rows}


def test_nothing_is_wrong_and_nothing_is_done(app: psycopg.Connection[Any]) -> None:
    assert problems(app) == []
    assert ensure(app) == 0
    assert resets(app) == set()


BROKEN: dict[str, tuple[str, str, str, int]] = {
    "disabled": (
        "alter table app.plain disable trigger syncwell_updated",
        "app.plain",
        "syncwell_updated is disabled",
        1,
    ),
    "all disabled": ("alter table app.plain disable trigger user", "app.plain", "syncwell_truncated is disabled", 5),
    "enabled as others are": (
        "alter table app.plain enable trigger all",
        "app.plain",
        "syncwell_replicated does not fire for replicated changes, syncwell_truncated does not fire",
        2,
    ),
    "dropped": ("drop trigger syncwell_deleted on app.plain", "app.plain", "syncwell_deleted is missing", 1),
    "dropped from a partition": (
        "drop trigger syncwell_inserted on app.low",
        "app.low",
        "syncwell_inserted is missing",
        1,
    ),
    "disabled on a partition": (
        "alter table app.high_1 disable trigger syncwell_inserted",
        "app.high_1",
        "syncwell_inserted is disabled",
        1,
    ),
    "not fired for replicated rows": (
        "alter table app.high_1 enable trigger syncwell_replicated",
        "app.high_1",
        "syncwell_replicated does not fire for replicated changes",
        1,
    ),
    "an empty function of the same name": (
        "create function app.f() returns trigger language plpgsql as 'begin return null; end';"
        "create or replace trigger syncwell_deleted after delete on app.plain execute function app.f()",
        "app.plain",
        "syncwell_deleted is missing",
        1,
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_triggers_are_repaired_and_the_table_is_sent_in_full(app: psycopg.Connection[Any], case: str) -> None:
    statement, relation, problem, repaired = BROKEN[case]
    app.execute(statement.encode())
    [(found, text)] = problems(app)
    assert found == relation
    assert problem in text
    assert ensure(app) == repaired
    assert problems(app) == []
    assert resets(app) == {"plain" if relation == "app.plain" else "parted"}
    assert ensure(app) == 0


def entries(connection: psycopg.Connection[Any]) -> list[str]:
    return [row[0] for row in connection.execute("select record_id from syncwell.record_changes order by record_id")]


def partitions(connection: psycopg.Connection[Any]) -> tuple[int, int]:
    """How many are tracked, and how many there are."""
    row = connection.execute(
        "select partitions, syncwell._count_partitions(relation)"
        " from syncwell.synced_tables where table_name = 'parted'"
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def test_an_empty_partition_is_tracked_and_nothing_is_sent_again(app: psycopg.Connection[Any]) -> None:
    app.execute("create table app.high_2 partition of app.high for values from (200) to (300)")
    assert problems(app) == [("app.high_2", "The partition is not tracked.")]
    assert partitions(app) == (3, 4), "a pull refuses while they differ"
    assert ensure(app, "app.plain") == 0
    assert ensure(app, "app.parted") == 4
    assert problems(app) == []
    assert partitions(app) == (4, 4)
    assert resets(app) == set()
    app.execute("insert into app.high_2 values (201, %s)", [MEMBER])
    assert entries(app) == ["201"]


def test_a_partition_with_rows_is_sent_in_full(app: psycopg.Connection[Any]) -> None:
    app.execute("create table app.loaded (like app.parted including all)")
    app.execute("insert into app.loaded values (301, %s)", [MEMBER])
    app.execute("alter table app.high attach partition app.loaded for values from (300) to (400)")
    assert entries(app) == [], "attaching is seen by no trigger"
    assert ensure(app) == 4
    assert resets(app) == {"parted"}
    assert problems(app) == []


def test_a_partition_that_has_left_takes_its_rows_along(app: psycopg.Connection[Any]) -> None:
    app.execute("alter table app.parted detach partition app.low")
    found = dict(problems(app))
    assert found["app.low"] == "It is no partition any more, and still has the triggers of one."
    assert "1 tracked partitions have gone" in found["app.parted"]
    app.execute("insert into app.low values (2, %s)", [MEMBER])
    assert entries(app) == [], "what is written to it is no change of the table's any more"
    assert ensure(app) == 4
    assert resets(app) == {"parted"}
    assert problems(app) == []
    assert partitions(app) == (2, 2)
    app.execute("insert into app.low values (3, %s)", [MEMBER])
    assert entries(app) == []


def test_a_partition_that_is_dropped_while_another_comes(app: psycopg.Connection[Any]) -> None:
    app.execute("drop table app.low; create table app.low_2 partition of app.parted for values from (0) to (50)")
    assert partitions(app) == (3, 3)
    assert problems(app) == [("app.low_2", "The partition is not tracked.")]
    assert ensure(app) == 4
    assert resets(app) == {"parted"}


def test_a_foreign_partition_is_named(app: psycopg.Connection[Any]) -> None:
    app.execute(
        "drop table app.high; create foreign data wrapper nowhere; create server nowhere foreign data wrapper nowhere"
    )
    app.execute("alter table app.parted drop constraint parted_pkey")
    app.execute("create foreign table app.far partition of app.parted for values from (100) to (200) server nowhere")
    assert ("app.parted", "app.parted has a foreign table as a partition.") in problems(app)
    with pytest.raises(psycopg.Error) as refused:
        ensure(app)
    assert refused.value.sqlstate == "SW302"


def dropped_column(app: psycopg.Connection[Any]) -> None:
    app.execute("alter table app.plain drop column title cascade")


def retyped_column(app: psycopg.Connection[Any]) -> None:
    app.execute("drop view if exists syncwell_tables.plain; alter table app.plain alter column size type bigint")


def dropped_owner(app: psycopg.Connection[Any]) -> None:
    app.execute("alter table app.plain drop column user_id cascade")


def dropped_key(app: psycopg.Connection[Any]) -> None:
    app.execute("alter table app.plain drop constraint plain_pkey")


def other_functions(app: psycopg.Connection[Any]) -> None:
    app.execute("comment on view syncwell_tables.plain is null")


def dropped_policy(app: psycopg.Connection[Any]) -> None:
    app.execute(
        "create function app.decide(jsonb, jsonb, text[]) returns jsonb language sql as 'select $1';"
        "select syncwell.register_synced_table('app.plain', p_conflict_policy => 'app.decide');"
        "drop function app.decide"
    )


def unlogged(app: psycopg.Connection[Any]) -> None:
    app.execute("alter table app.plain set unlogged")


def shut_schema(app: psycopg.Connection[Any]) -> None:
    app.execute("revoke usage on schema app from syncwell_owner")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (dropped_column, "The column title is not there any more."),
        (retyped_column, "The column size was of type integer and is of type bigint now."),
        (dropped_owner, "The column user_id is not there any more."),
        (dropped_key, "The unique key that finds a record is gone."),
        (other_functions, "Its view or its functions are missing or of another version."),
        (dropped_policy, "The function app.decide, which decides conflicts, is gone."),
        (unlogged, "app.plain, or a partition of it, is unlogged."),
        (shut_schema, "The role syncwell_owner may not use schema app, and so can not make views of its tables."),
    ],
)
def test_what_has_changed_under_the_registration(
    app: psycopg.Connection[Any], change: Callable[[psycopg.Connection[Any]], None], problem: str
) -> None:
    change(app)
    assert ("app.plain", problem) in problems(app, "app.plain")
    assert all(hint for (hint,) in app.execute("select hint from syncwell.check_tracking()"))


def test_registering_again_mends_what_has_changed(app: psycopg.Connection[Any]) -> None:
    dropped_column(app)
    retyped_column(app)
    app.execute("select syncwell.register_synced_table('app.plain')")
    assert problems(app) == []
    assert resets(app) == {"plain"}
    app.execute("update app.plain set size = 2")
    assert len(entries(app)) == 1


def test_functions_of_another_version_are_made_anew(app: psycopg.Connection[Any]) -> None:
    other_functions(app)
    assert ensure(app) == 0
    assert problems(app) == []
    assert resets(app) == set()


def test_a_dropped_table_is_unregistered_by_its_number(app: psycopg.Connection[Any]) -> None:
    app.execute("drop table app.plain cascade")
    [(number, problem, hint)] = app.execute("select relation, problem, hint from syncwell.check_tracking()").fetchall()
    assert problem == "The table was dropped."
    assert ensure(app) == 0
    app.execute("set session authorization operator")
    assert app.execute(hint.encode()).fetchone() == (True,)
    assert number.isdigit()
    assert problems(app) == []


def test_columns_are_changed_in_three_steps(app: psycopg.Connection[Any]) -> None:
    """The view holds on to what it shows: registering without a column lets go of it."""
    with pytest.raises(psycopg.Error), app.transaction():
        app.execute("alter table app.plain alter column size type bigint")
    app.execute("select syncwell.register_synced_table('app.plain', p_columns => array['title'])")
    app.execute("alter table app.plain alter column size type bigint")
    app.execute("select syncwell.register_synced_table('app.plain')")
    assert problems(app) == []
    app.execute("update app.plain set size = 5000000000")
    assert app.execute("select size from syncwell_tables.plain").fetchone() == (5000000000,)


@pytest.mark.parametrize("function", ["ensure_tracking", "check_tracking", "resync_table"])
def test_a_table_that_is_not_registered_is_unknown(app: psycopg.Connection[Any], function: str) -> None:
    app.execute("create table app.other (id uuid primary key, user_id uuid)")
    with pytest.raises(psycopg.Error) as refused:
        app.execute(f"select syncwell.{function}('app.other')".encode())
    assert refused.value.sqlstate == "SW301"


def test_resync_forgets_the_changes_of_the_table_alone(app: psycopg.Connection[Any]) -> None:
    app.execute("update app.plain set title = 'y'; update app.parted set title = 'y'")
    assert len(entries(app)) == 3
    app.execute("set session authorization operator")
    app.execute("select syncwell.resync_table('app.plain')")
    app.execute("reset session authorization")
    assert entries(app) == ["1", "101"]
    assert resets(app) == {"plain"}
