"""sync_push: the client's protocol item by item (anchors: Q1 to Q14), whose rows it writes, and how it fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import Tenants
from harness.pushing import App, Device, stats, template, todo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Cluster

UUID = "00000000-0000-4000-8000-00000000000"


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> Iterator[str]:
    with template(cluster) as name:
        yield name


@pytest.fixture
def app(cluster: Cluster, installed: str) -> Iterator[App]:
    with cluster.database(template=installed) as database:
        yield App(database)


@pytest.fixture
def phone(app: App) -> Device:
    return app.device()


def failure(answer: dict[str, Any]) -> tuple[str, int]:
    assert answer["success"] is False
    assert set(answer["error"]) == {"code", "message", "detail", "hint", "status"}
    return answer["error"]["code"], answer["error"]["status"]


# --- the protocol ------------------------------------------------------------------------------------------------


def test_q1_created_updated_and_deleted_are_applied(app: App, phone: Device) -> None:
    first = phone.push(
        {
            "lists": {"created": [{"id": "l", "name": "home"}], "updated": [], "deleted": []},
            "todos": {"created": [todo("a", list_id="l"), todo("b"), todo("c")], "updated": [], "deleted": []},
        }
    )
    assert first == {"success": True, "stats": stats(created=4)}
    second = phone.push({"todos": {"created": [todo("d")], "updated": [todo("a", "tea")], "deleted": ["b", "c"]}})
    assert second == {"success": True, "stats": stats(created=1, updated=1, deleted=2)}
    assert app.sql("select id, title, list_id from app.todos order by id") == [("a", "tea", "l"), ("d", "milk", None)]


def test_q2_created_with_an_id_that_exists_is_an_update(app: App, phone: Device) -> None:
    record = todo("a", due_at=1_700_000_000_123)
    assert phone.created("todos", record)["stats"] == stats(created=1)
    # the answer was lost
    assert phone.created("todos", record) == {"success": True, "stats": stats()}
    assert phone.created("todos", record | {"title": "tea"})["stats"] == stats(updated=1)
    assert app.one("select title from app.todos") == "tea"
    assert phone.pull()["todos"]["created"] == []


def test_q3_updated_of_a_missing_row_is_an_insert(app: App, phone: Device) -> None:
    assert phone.updated("todos", todo("a", _changed="title"))["stats"] == stats(created=1)
    assert app.one("select title, done from app.todos") == ("milk", False)


def test_q3_updated_of_a_deleted_row_is_a_conflict_which_a_pull_cures(app: App, phone: Device) -> None:
    phone.created("todos", todo("a"))
    phone.pull()
    app.sql("delete from app.todos")
    assert phone.pull()["todos"]["deleted"] == ["a"]
    assert failure(phone.updated("todos", todo("a", "tea"))) == ("SW304", 409)
    assert app.sql("select id from app.todos") == []
    # it seems not to know: it is told once more
    assert phone.pull()["todos"]["deleted"] == ["a"]
    assert phone.updated("todos", todo("b"))["success"] is True


def test_q4_deleting_what_is_not_there_is_fine(phone: Device) -> None:
    assert phone.deleted("todos", "never", "x" * 300, "quote'\"") == {"success": True, "stats": stats()}
    assert phone.deleted("counters", "no number", "007", "1e5", "99999999999999999999") == {
        "success": True,
        "stats": stats(),
    }
    assert phone.deleted("notes", "no uuid") == {"success": True, "stats": stats()}


def test_q4_both_deleted_it(app: App, phone: Device) -> None:
    phone.created("todos", todo("a"))
    app.sql("delete from app.todos")
    assert phone.deleted("todos", "a") == {"success": True, "stats": stats()}


@pytest.mark.parametrize("change", ["update app.todos set title = 'theirs' where id = 'a'", "delete from app.todos"])
def test_q5_a_record_changed_since_the_pull_aborts_the_push(app: App, phone: Device, change: str) -> None:
    phone.created("todos", todo("a"), todo("z"))
    phone.pull()
    app.sql(change)
    before = app.sql("select t::text from app.todos as t order by id")
    answer = phone.push({"todos": {"created": [todo("b")], "updated": [todo("a", "mine")], "deleted": []}})
    sqlstate, status = failure(answer)
    assert sqlstate == "SW304"
    assert status == 409
    assert answer["error"]["detail"] == "todos: 1 (a)"
    assert app.sql("select t::text from app.todos as t order by id") == before
    phone.pull()
    assert phone.updated("todos", todo("b"))["success"] is True


def test_q5_a_deletion_of_a_changed_record_aborts_the_push(app: App, phone: Device) -> None:
    phone.created("todos", todo("a"))
    phone.pull()
    app.sql("update app.todos set title = 'theirs'")
    assert failure(phone.deleted("todos", "a")) == ("SW304", 409)
    phone.pull()
    assert phone.deleted("todos", "a")["stats"] == stats(deleted=1)


def test_q5_many_conflicts_are_counted_and_twenty_named(app: App, phone: Device) -> None:
    phone.created("todos", *(todo(f"r{n:02}") for n in range(30)))
    phone.pull()
    app.sql("update app.todos set title = 'theirs'")
    answer = phone.updated("todos", *(todo(f"r{n:02}", "mine") for n in range(30)))
    assert answer["error"]["detail"] == f"todos: 30 ({', '.join(f'r{n:02}' for n in range(20))})"
    assert app.one("select conflicts from syncwell.sync_devices") == 30


def test_q2_and_q5_hold_after_a_lost_answer(app: App, phone: Device) -> None:
    """The row was changed after the pull, but by this very device."""
    changes = {"todos": {"created": [todo("a")], "updated": [], "deleted": []}}
    phone.push(changes)
    assert phone.push(changes)["success"] is True
    assert phone.updated("todos", todo("a", "again"))["stats"] == stats(updated=1)
    # the same with a pull in between, whose answer is lost as well
    cursor = phone.cursor
    phone.pull()
    phone.cursor = cursor
    assert phone.updated("todos", todo("a", "and again"))["stats"] == stats(updated=1)
    phone.pull()
    assert phone.updated("todos", todo("a", "the end"))["stats"] == stats(updated=1)
    app.sql("update app.todos set title = 'theirs'")
    assert failure(phone.updated("todos", todo("a", "mine"))) == ("SW304", 409)


def test_q5_another_device_of_the_same_user_is_somebody_else(app: App, phone: Device) -> None:
    phone.created("todos", todo("a"))
    tablet = app.device("tablet")
    assert tablet.updated("todos", todo("a", "tablet"))["success"] is True
    assert failure(phone.updated("todos", todo("a", "phone"))) == ("SW304", 409)


def test_q6_nothing_is_written_when_one_table_fails(app: App, phone: Device) -> None:
    phone.created("lists", {"id": "l", "name": "home"})
    phone.pull()
    app.sql("update app.lists set name = 'theirs'")
    before = app.sql("select count(*) from syncwell.record_changes")
    answer = phone.push(
        {"lists": {"updated": [{"id": "l", "name": "mine"}]}, "todos": {"created": [todo("a")]}, "notes": {}}
    )
    assert failure(answer) == ("SW304", 409)
    assert app.sql("select id from app.todos") == []
    assert app.sql("select count(*) from syncwell.record_changes") == before


def test_q7_status_and_changed_are_no_columns(app: App) -> None:
    app.sql("create table app.odd (id text primary key, user_id uuid not null, _status text, _changed text, v text)")
    app.sql("grant select, insert, update on app.odd to syncwell_client")
    app.sql("select syncwell.register_synced_table('app.odd', p_columns => '{v}')")
    phone = app.device()
    answer = phone.created("odd", {"id": "a", "_status": "created", "_changed": "", "v": "1"})
    assert answer == {"success": True, "stats": stats(created=1)}
    phone.updated("odd", {"id": "a", "_status": "updated", "_changed": "v", "v": "2"})
    assert app.sql("select v, _status, _changed from app.odd") == [("2", None, None)]


def test_q8_unknown_tables_are_ignored_and_told(app: App, phone: Device) -> None:
    names = ["__proto__", "constructor", 'todos"; drop table app.todos; --', "pg_class", "Todos"]
    answer = phone.push({name: {"created": [{"id": "x"}]} for name in names} | {"todos": {"created": [todo("a")]}})
    assert answer["stats"] == stats(created=1)
    assert sorted(answer["ignored"]["tables"]) == sorted(names)
    assert app.sql("select id from app.todos") == ["a"]


def test_q8_unknown_columns_are_ignored_and_told(app: App, phone: Device) -> None:
    odd = {"__proto__": {"x": 1}, "title = '', user_id": "x", "user_id": str(Tenants.id("a_other")), "local": 1}
    answer = phone.created("todos", todo("a") | odd)
    assert answer["ignored"] == {"tables": [], "columns": {"todos": ["__proto__", "local", "title = '', user_id"]}}
    assert app.sql("select id, user_id, title from app.todos") == [("a", Tenants.id("a_member"), "milk")]


def test_q8_read_only_and_generated_columns_are_never_written(app: App, phone: Device) -> None:
    phone.created("todos", todo("a", hidden="mine", shout="mine"))
    phone.updated("todos", todo("a", "tea", hidden="mine", shout="mine", _changed="title,hidden,shout"))
    assert app.sql("select title, hidden, shout from app.todos") == [("tea", "server", "TEA")]


WRONG_TYPES: list[tuple[str, Any, Any]] = [
    ("amount", "12.50", "12.50"),
    ("amount", True, "1"),
    ("amount", "false", "0"),
    ("amount", "", None),
    ("amount", "NaN", None),
    ("priority", 3.0, "3"),
    ("priority", "7", "7"),
    ("done", 0, "false"),
    ("done", 2, "true"),
    ("done", "yes", "true"),
    ("notes", 12, "12"),
    ("notes", {"a": [1]}, '{"a": [1]}'),
    ("notes", "zero \x00 byte", "zero � byte"),
    ("notes", "back\\u0000slash \\", "back\\u0000slash \\"),
    ("due_at", "1700000000000", "2023-11-14 22:13:20+00"),
]


def test_q9_wrong_types_are_put_right(app: App, phone: Device) -> None:
    app.sql("set time zone 'UTC'")
    for n, (column, sent, stored) in enumerate(WRONG_TYPES):
        answer = phone.created("todos", todo(f"a{n}", **{column: sent}), todo(f"b{n}"))
        assert answer == {"success": True, "stats": stats(created=2)}, (column, sent)
        assert app.one(f"select {column}::text from app.todos where id = %s", f"a{n}") == stored, (column, sent)


def test_q9_half_surrogates_are_replaced(app: App, phone: Device) -> None:
    text = r'{"todos":{"created":[{"id":"a","title":"\ud83d half \ude00 whole \ud83d\ude00 \\ud83d","_changed":""}]}}'
    assert phone.push(text)["stats"] == stats(created=1)
    assert app.one("select title from app.todos") == "� half � whole 😀 \\ud83d"


def test_q10_descendants_of_deleted_records_go_by_the_tables_own_keys(app: App, phone: Device) -> None:
    app.sql("alter table app.todos drop constraint todos_list_id_fkey")
    app.sql("alter table app.todos add foreign key (list_id) references app.lists on delete cascade")
    phone.created("lists", {"id": "l", "name": "home"})
    phone.created("todos", todo("a", list_id="l"), todo("b"))
    phone.pull()
    assert phone.deleted("lists", "l")["stats"] == stats(deleted=1)
    assert app.sql("select id from app.todos") == ["b"]
    assert phone.pull()["todos"]["deleted"] == ["a"]


def test_q10_children_are_deleted_before_their_parents(phone: Device) -> None:
    phone.push({"lists": {"created": [{"id": "l", "name": "x"}]}, "todos": {"created": [todo("a", list_id="l")]}})
    answer = phone.push({"lists": {"deleted": ["l"]}, "todos": {"deleted": ["a"]}})
    assert answer == {"success": True, "stats": stats(deleted=2)}


def test_q11_local_tables_and_missing_arrays(phone: Device) -> None:
    answer = phone.push(
        {"local_only": {"created": [{"id": "x"}]}, "todos": {"created": None}, "lists": {}, "notes": None}
    )
    assert answer["success"] is True
    assert answer["stats"] == stats()
    assert answer["ignored"]["tables"] == ["local_only"]


def test_q12_only_what_changed_is_written_of_a_whole_record(app: App, phone: Device) -> None:
    """Clients push whole records: what they can't hold (microseconds, NULL) must not wear away."""
    app.sql(
        "insert into app.todos (id, user_id, title, due_at, amount, tag)"
        " values ('a', %s, 'milk', '2026-01-01 00:00:00.123456+00', 0.1234567890123456789, null)",
        phone.user_id,
    )
    (record,) = phone.pull()["todos"]["created"]
    stored = app.one("select t::text from app.todos as t")
    # as a client holds it: no NULL in columns that are not optional, numbers as doubles
    held = {k: ("" if k in ("notes", "tag", "list_id") and v is None else v) for k, v in record.items()} | {
        "priority": 0
    }
    held["amount"] = float(held["amount"])
    assert phone.created("todos", held | {"_changed": ""})["stats"] == stats()
    assert app.one("select t::text from app.todos as t") == stored
    changed = held | {"title": "tea", "_status": "updated", "_changed": "title"}
    assert phone.updated("todos", changed)["stats"] == stats(updated=1)
    assert app.one("select t::text from app.todos as t") == stored.replace("milk", "tea").replace("MILK", "TEA")


def test_q12_with_changed_only_those_columns(app: App, phone: Device) -> None:
    phone.created("todos", todo("a", notes="old", priority=1))
    stale: dict[str, Any] = todo("a", "tea", notes="stale", priority=9, done=True)
    assert phone.updated("todos", stale | {"_changed": "title,unknown"})["stats"] == stats(updated=1)
    assert app.sql("select title, notes, priority, done from app.todos") == [("tea", "old", 1, False)]
    assert phone.updated("todos", stale | {"_changed": "unknown"})["stats"] == stats()
    # a device that says it changed a column to what an absent value looks like means it
    assert phone.updated("todos", stale | {"priority": 0, "_changed": "priority"})["stats"] == stats(updated=1)
    assert app.one("select priority from app.todos") == 0


def test_a_record_without_a_difference_writes_nothing(app: App, phone: Device) -> None:
    app.sql("create function app.no() returns trigger language plpgsql as 'begin raise exception $$no$$; end'")
    phone.created("todos", todo("a", priority=1, amount=1.5, done=True, due_at=5))
    app.sql("create trigger no before update on app.todos for each row execute function app.no()")
    before = app.one("select xmin::text, ctid::text from app.todos")
    assert phone.updated("todos", todo("a", priority=1, amount=1.50, done=True, due_at=5))["stats"] == stats()
    assert app.one("select xmin::text, ctid::text from app.todos") == before


def test_absent_columns_keep_their_value_or_take_the_default(app: App, phone: Device) -> None:
    phone.created("todos", {"id": "a", "title": "x"}, {"id": "b", "title": "x", "tag": None, "done": None})
    assert app.sql("select tag, done from app.todos order by id") == [("none", False), (None, False)]
    phone.updated("todos", {"id": "a", "notes": "n"}, {"id": "b", "title": "y", "notes": None})
    assert app.sql("select title, notes, tag from app.todos order by id") == [("x", "n", "none"), ("y", None, None)]


def test_q13_no_record_is_refused_for_ever(app: App, phone: Device) -> None:
    answer = phone.created("todos", todo("bad", priority=99), todo("good"))
    assert answer["success"] is True
    assert "experimentalRejectedIds" not in answer
    assert [entry["id"] for entry in answer["quarantined"]] == ["bad"]
    assert app.sql("select id from app.todos") == ["good"]


def test_q14_the_answer_moves_no_cursor_and_brings_no_rows(phone: Device) -> None:
    answer = phone.created("todos", todo("a"))
    assert not answer.keys() & {"changes", "timestamp"}


# --- ids ---------------------------------------------------------------------------------------------------------


def test_ids_of_all_types_and_scopes(app: App, phone: Device) -> None:
    answer = phone.push(
        {
            "notes": {"created": [{"id": UUID + "1", "body": "x"}]},
            "counters": {"created": [{"id": "-5", "n": 1}, {"id": "9223372036854775807", "n": 2}]},
        }
    )
    assert answer == {"success": True, "stats": stats(created=3)}
    assert app.sql("select org_id, body from app.notes") == [(Tenants.org("a"), "x")]
    assert app.sql("select id, owner from app.counters order by n") == [
        (-5, str(phone.user_id)),
        (9223372036854775807, str(phone.user_id)),
    ]
    answer = phone.push({"notes": {"deleted": [UUID + "1"]}, "counters": {"updated": [{"id": "-5", "n": 7}]}})
    assert answer["stats"] == stats(updated=1, deleted=1)


def test_an_id_twice_in_one_push(app: App, phone: Device) -> None:
    answer = phone.push(
        {
            "todos": {
                "created": [todo("a", "first"), todo("b"), todo("a", "second")],
                "updated": [todo("a", "third"), todo("c")],
                "deleted": ["b", "b"],
            }
        }
    )
    assert answer == {"success": True, "stats": stats(created=2)}
    assert app.sql("select id, title from app.todos order by id") == [("a", "third"), ("c", "milk")]


BAD_IDS = [
    ("todos", None),
    ("todos", ""),
    ("todos", "x" * 256),
    ("todos", "x" * 2**20),
    ("todos", "o'clock"),
    ("todos", 'say "hi"'),
    ("todos", "a/b"),
    ("todos", "$set"),
    ("todos", "tab\there"),
    ("todos", {"a": 1}),
    ("notes", "no uuid"),
    ("notes", UUID.upper().replace("0", "A") + "1"),
    ("counters", "007"),
    ("counters", "1.5"),
    ("counters", " 5"),
    ("counters", "9223372036854775808"),
    ("counters", "1e400"),
]


def test_ids_that_no_record_may_have_are_put_aside(app: App, phone: Device) -> None:
    for n, (table, record_id) in enumerate(BAD_IDS):
        good = {"todos": f"good{n}", "notes": f"{UUID[:-1]}{n + 10}", "counters": str(n)}[table]
        answer = phone.created(table, {"id": record_id, "title": "x"}, {"id": good, "title": "x"})
        assert answer["success"] is True, record_id
        assert answer["stats"] == stats(created=1), record_id
        assert len(answer["quarantined"]) == 1, record_id
    ids = app.sql(
        "select id from app.todos union select id::text from app.notes union select id::text from app.counters"
    )
    assert len(ids) == len(BAD_IDS)


def test_records_that_are_no_objects_are_put_aside(app: App, phone: Device) -> None:
    answer = phone.push(
        {"todos": {"created": [1, "x", None, [], todo("a")], "updated": [{}], "deleted": [None, 1, {}]}}
    )
    assert answer["stats"] == stats(created=1)
    assert len(answer["quarantined"]) == 5
    assert app.sql("select id from app.todos") == ["a"]


def test_existing_ids_need_not_be_safe(app: App, phone: Device) -> None:
    app.sql("insert into app.todos (id, user_id, title) values ('urn:a/b', %s, 'x')", phone.user_id)
    phone.pull()
    assert phone.updated("todos", todo("urn:a/b", "y")) == {"success": True, "stats": stats(updated=1)}


# --- whose records -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["todos", "lists"])
@pytest.mark.parametrize("protected", [True, False])
def test_records_of_others_are_neither_changed_nor_shown(app: App, phone: Device, table: str, protected: bool) -> None:
    if not protected:
        app.sql(f"alter table app.{table} disable row level security")
    other = app.device(login="a_other")
    record = {"id": "theirs", "title": "x", "name": "x"}
    assert other.created(table, record)["stats"] == stats(created=1)
    before = app.one(f"select t::text from app.{table} as t")
    for user in (None, str(other.user_id)):
        mine = record | {"title": "y", "name": "y", "user_id": user}
        for answer in (phone.created(table, mine), phone.updated(table, mine)):
            assert answer["stats"] == stats()
            assert [(e["id"], e["reason"]) for e in answer["quarantined"]] == [("theirs", "the table did not take it")]
        assert phone.deleted(table, "theirs") == {"success": True, "stats": stats()}
    assert app.one(f"select t::text from app.{table} as t") == before
    # not one of its records: at most its own attempt is taken back
    changes = phone.pull().get(table, {"created": [], "updated": []})
    assert changes["created"] == changes["updated"] == []


def test_a_foreign_record_and_one_that_a_trigger_refuses_look_alike(app: App, phone: Device) -> None:
    app.device(login="a_other").created("todos", todo("theirs"))
    app.sql(
        "create function app.skip() returns trigger language plpgsql as"
        " $$ begin if new.title = 'skip' then return null; end if; return new; end $$;"
        "create trigger skip before insert on app.todos for each row execute function app.skip()"
    )
    foreign = phone.created("todos", todo("theirs", "skip"))["quarantined"][0]
    skipped = phone.created("todos", todo("mine", "skip"))["quarantined"][0]
    assert foreign | {"id": ""} == skipped | {"id": ""}
    codes = app.sql(
        "select distinct error_code, reason from syncwell.sync_quarantine where record_id in ('theirs', 'mine')"
    )
    assert len(codes) == 1


def test_the_scope_is_the_callers_whatever_is_sent(app: App, phone: Device) -> None:
    phone.created("notes", {"id": UUID + "1", "org_id": str(Tenants.org("b")), "body": "x"})
    phone.created("counters", {"id": "1", "owner": str(Tenants.id("b_member")), "n": 1})
    assert app.sql("select org_id from app.notes") == [Tenants.org("a")]
    assert app.sql("select owner from app.counters") == [str(phone.user_id)]


def test_records_of_another_org_are_out_of_reach(app: App, phone: Device) -> None:
    foreign = app.device(login="b_member")
    foreign.created("notes", {"id": UUID + "1", "body": "theirs"})
    answer = phone.push({"notes": {"updated": [{"id": UUID + "1", "body": "mine"}], "deleted": [UUID + "1"]}})
    assert answer["stats"] == stats()
    assert app.sql("select body from app.notes") == ["theirs"]


def test_an_org_and_user_table_gets_both(app: App) -> None:
    app.sql(
        "create table app.deals (org_id uuid, user_id uuid, id text, v text, primary key (org_id, id));"
        "grant select, insert, update, delete on app.deals to syncwell_client;"
        "select syncwell.register_synced_table('app.deals', p_org_column => 'org_id')"
    )
    phone = app.device()
    assert phone.created("deals", {"id": "a", "v": "1"})["stats"] == stats(created=1)
    assert app.sql("select org_id, user_id from app.deals") == [(Tenants.org("a"), phone.user_id)]
    assert phone.updated("deals", {"id": "a", "v": "2"})["stats"] == stats(updated=1)
    assert app.device(login="b_member").created("deals", {"id": "a", "v": "b"})["stats"] == stats(created=1)
    assert app.device(login="a_other").updated("deals", {"id": "a", "v": "x"})["stats"] == stats()
    assert app.sql("select v from app.deals order by v") == ["2", "b"]


def test_a_policy_that_refuses_a_row_is_about_that_record(app: App, phone: Device) -> None:
    app.sql("create policy short on app.todos as restrictive for insert with check (length(title) < 5)")
    answer = phone.created("todos", todo("a", "long title"), todo("b", "ok"))
    assert answer["stats"] == stats(created=1)
    assert [e["id"] for e in answer["quarantined"]] == ["a"]
    assert app.sql("select error_code from syncwell.sync_quarantine") == ["42501"]


def test_a_table_that_may_not_be_written_fails_the_push(app: App, phone: Device) -> None:
    app.sql("revoke insert, update on app.todos from syncwell_client, syncwell_worker")
    assert failure(phone.created("todos", todo("a"))) == ("42501", 403)
    assert app.sql("select id from syncwell.sync_quarantine") == []


def test_triggers_of_the_application_run_as_in_its_own_statements(app: App, phone: Device) -> None:
    app.sql(
        "create table app.log (who text, setting text);"
        "grant insert on app.log to syncwell_client;"
        "create function app.note() returns trigger language plpgsql as"
        " $$ begin insert into log values (current_user, current_setting('search_path')); return null; end $$;"
        "create trigger note after insert on app.todos for each row execute function app.note()"
    )
    phone.connection.execute("set search_path = app, public")
    assert phone.created("todos", todo("a"))["stats"] == stats(created=1)
    assert app.sql("select who, setting from app.log") == [("a_member", "app, public")]
    assert phone.connection.execute("show search_path").fetchone() == ("app, public",)


# --- under which cursor ------------------------------------------------------------------------------------------


def test_without_a_known_cursor_it_must_pull_first(app: App, phone: Device) -> None:
    tablet = app.device("tablet")
    foreign = app.device("phone", login="a_other")
    before = app.sql("select id from app.todos")
    assert phone.cursor is not None
    for cursor in (None, 0, -1, 2**53, phone.cursor + 1, tablet.cursor, foreign.cursor):
        answer = phone.created("todos", todo("a"), p_last_pulled_at=cursor)
        assert failure(answer) == ("40001", 409), cursor
    assert failure(phone.created("todos", todo("a"), p_device_id="other")) == ("40001", 409)
    assert app.sql("select id from app.todos") == before
    assert (
        app.one("select failures from syncwell.sync_devices where device_id = 'phone' and user_id = %s", phone.user_id)
        == 7
    )


def test_after_truncate_it_must_pull_first(app: App, phone: Device) -> None:
    phone.created("todos", todo("a"))
    phone.pull()
    app.sql("truncate app.todos")
    assert failure(phone.updated("todos", todo("a", "tea"))) == ("40001", 409)
    assert phone.created("lists", {"id": "l"})["success"] is True
    phone.pull()
    assert phone.created("todos", todo("b"))["success"] is True


def test_a_device_older_than_the_tombstones_must_pull_first(app: App, phone: Device) -> None:
    app.sql(
        "insert into syncwell.sync_horizons (scope, purged_below, raised_at)"
        " values (%s, (pg_current_xact_id()::text::numeric + 1)::text::xid8, now())",
        phone.user_id,
    )
    assert failure(phone.created("todos", todo("a"))) == ("40001", 409)


def test_an_invalidated_device_must_pull_first(app: App, phone: Device) -> None:
    app.device("tablet")
    app.sql(
        "update syncwell.sync_devices set invalidated_xid = pg_current_xact_id()"
        " where user_id = %s and device_id = 'phone'",
        phone.user_id,
    )
    assert failure(phone.created("todos", todo("a"))) == ("40001", 409)


def test_a_page_is_no_cursor_to_push_under(app: App, phone: Device) -> None:
    app.sql("update syncwell.sync_cursors set page_table = 1, page_record = 'a' where cursor = %s", phone.cursor)
    assert failure(phone.created("todos", todo("a"))) == ("40001", 409)


def test_a_table_that_the_device_never_pulled_has_nothing_it_knows(app: App) -> None:
    app.device("tablet").created("todos", todo("a"))
    phone = app.device()
    row = phone.connection.execute(
        "select syncwell.sync_pull(p_tables => '{lists}', p_device_id => 'phone')"
    ).fetchone()
    assert row is not None
    phone.cursor = row[0]["timestamp"]
    assert failure(phone.updated("todos", todo("a", "mine"))) == ("SW304", 409)
    assert phone.created("todos", todo("b"))["stats"] == stats(created=1)
    assert phone.updated("todos", todo("b", "again"))["stats"] == stats(updated=1)


# --- requests ----------------------------------------------------------------------------------------------------


def test_a_request_told_again_is_answered_and_not_repeated(app: App, phone: Device) -> None:
    first = phone.created("todos", todo("a"), p_request_id="r1")
    assert first == {"success": True, "stats": stats(created=1), "requestId": "r1"}
    app.sql("delete from app.todos")
    assert phone.created("todos", todo("a"), p_request_id="r1") == first
    # whatever the cursor is by now
    assert phone.created("todos", todo("a"), p_request_id="r1", p_last_pulled_at=None) == first
    assert app.sql("select id from app.todos") == []
    assert app.one("select pushes from syncwell.sync_devices") == 1
    other = app.device(login="a_other")
    assert other.created("todos", todo("b"), p_request_id="r1")["stats"] == stats(created=1)


def test_a_failed_request_can_be_told_again(phone: Device) -> None:
    assert failure(phone.created("todos", todo("a"), p_request_id="r", p_last_pulled_at=1)) == ("40001", 409)
    assert phone.created("todos", todo("a"), p_request_id="r")["stats"] == stats(created=1)


# --- failing -----------------------------------------------------------------------------------------------------


MALFORMED = [
    "null",
    "[]",
    '"x"',
    "1",
    '{"todos": []}',
    '{"todos": 1}',
    '{"todos": {"created": {}}}',
    '{"todos": {"created": "x"}}',
    '{"todos": {"deleted": {"a": 1}}}',
    '{"todos": {}, "todos": {}}',
    '{"todos": {"created": [], "created": []}}',
]


def test_a_malformed_envelope_fails(app: App, phone: Device) -> None:
    for changes in MALFORMED:
        assert failure(phone.push(changes)) == ("22023", 400), changes
    assert app.one("select failures from syncwell.sync_devices") == len(MALFORMED)


def test_deep_nesting_and_huge_numbers(app: App, phone: Device) -> None:
    deep = "[" * 3000 + "]" * 3000
    records = [
        f'{{"id": "deep", "title": "x", "notes": {deep}}}',
        '{"id": "huge", "title": "x", "amount": 1e400}',
        '{"id": "tiny", "title": "x", "amount": 1e-7}',
        '{"id": "int", "title": "x", "priority": 1e30}',
        '{"id": "far", "title": "x", "due_at": 1e300}',
    ]
    answer = phone.push('{"todos": {"created": [' + ", ".join(records) + "]}}")
    assert answer["stats"] == stats(created=2)
    assert sorted(e["id"] for e in answer["quarantined"]) == ["far", "huge", "int"]
    assert app.one("select length(notes) from app.todos where id = 'deep'") == 6000
    assert app.one("select amount::text from app.todos where id = 'tiny'") == "0.0000001"


def test_too_many_records_fail(app: App, phone: Device) -> None:
    app.sql("select syncwell.set_setting('delta.max_push_records', '3', p_org_id => %s)", Tenants.org("a"))
    answer = phone.push({"todos": {"created": [todo("a"), todo("b")]}, "lists": {"deleted": ["x", "y"]}})
    sqlstate, status = failure(answer)
    assert sqlstate == "SW311"
    assert status == 413
    assert app.sql("select id from app.todos") == []
    assert phone.push({"todos": {"created": [todo("a"), todo("b")]}, "lists": {"deleted": ["x"]}})["success"] is True


def test_an_error_that_is_no_records_fault_fails_the_push(app: App, phone: Device) -> None:
    app.sql(
        "create function app.broken() returns trigger language plpgsql as $$ begin perform no_such_function(); end $$;"
        "create trigger broken before insert on app.todos for each row execute function app.broken()"
    )
    assert failure(phone.created("todos", todo("a"))) == ("42883", 500)
    assert app.sql("select id from syncwell.sync_quarantine") == []


def test_failures_are_facts_and_set_the_status_for_postgrest(app: App, phone: Device) -> None:
    connection = phone.connection
    with connection.transaction():
        assert failure(phone.created("todos", todo("a"), p_last_pulled_at=1)) == ("40001", 409)
        assert connection.execute("select current_setting('response.status')").fetchone() == ("409",)
    assert app.sql("select pushes, failures from syncwell.sync_devices") == [(0, 1)]
    assert app.sql("select status, error_code from syncwell.sync_events where direction = 'push'") == [
        ("failed", "40001")
    ]
    phone.created("todos", todo("a"), todo("b"), p_client={"platform": "ios"})
    assert app.sql("select pushes, failures, platform from syncwell.sync_devices") == [(1, 1, "ios")]
    assert app.one(
        "select items_created, bytes > 50 from syncwell.sync_events where direction = 'push' and status = 'success'"
    ) == (2, True)


def test_names_that_are_too_long_fail(phone: Device) -> None:
    for name, length in (("p_device_id", 256), ("p_request_id", 201)):
        assert failure(phone.created("todos", todo("a"), **{name: "x" * length})) == ("22001", 400)


def test_who_is_no_user_is_refused_with_an_error(app: App) -> None:
    for login, code in (("nobody_login", "SW001"), ("gateway", "SW001"), ("a_service", "42501"), ("operator", "42501")):
        connection = app.database.connect(login, autocommit=True)
        with pytest.raises(psycopg.Error) as caught:
            connection.execute("select syncwell.sync_push('{}')")
        assert caught.value.sqlstate in (code, "42501")
    gateway = app.database.connect("gateway")
    gateway.execute("select syncwell.act_as_org(%s)", [Tenants.org("a")])
    with pytest.raises(psycopg.Error) as caught:
        gateway.execute("select syncwell.sync_push('{}')")
    assert caught.value.sqlstate == "42501"


def test_a_gateway_pushes_for_the_user_it_acts_for(app: App) -> None:
    gateway = app.database.connect("gateway")
    with gateway.transaction():
        gateway.execute("select syncwell.act_as(%s)", [Tenants.id("a_other")])
        phone = Device(gateway)
        phone.pull()
    with gateway.transaction():
        gateway.execute("select syncwell.act_as(%s)", [Tenants.id("a_other")])
        assert phone.created("todos", todo("a"))["stats"] == stats(created=1)
    assert app.sql("select user_id from app.todos") == [Tenants.id("a_other")]


def test_pull_and_push_in_one_transaction_fail(app: App, phone: Device) -> None:
    app.sql("insert into app.todos (id, user_id, title) values ('z', %s, 'x')", phone.user_id)
    with phone.connection.transaction():
        phone.pull()
        sqlstate, status = failure(phone.created("todos", todo("a")))
        assert sqlstate == "SW305"
        assert status == 409
    assert app.sql("select id from app.todos") == ["z"]
    assert app.sql("select id from syncwell.sync_quarantine") == []


# --- the order of writing ----------------------------------------------------------------------------------------


def test_a_unique_value_may_change_hands_in_one_push(app: App, phone: Device) -> None:
    phone.created("lists", {"id": "a", "slot": 1})
    answer = phone.push({"lists": {"created": [{"id": "b", "slot": 1}], "deleted": ["a"]}})
    assert answer == {"success": True, "stats": stats(created=1, deleted=1)}
    assert app.sql("select id from app.lists") == ["b"]


def test_records_of_one_push_may_refer_to_each_other(app: App, phone: Device) -> None:
    answer = phone.push(
        {
            "todos": {"created": [todo("t", list_id="l"), todo("bad", list_id="nowhere")]},
            "lists": {"created": [{"id": "l"}]},
        }
    )
    assert answer["stats"] == stats(created=2)
    assert [e["id"] for e in answer["quarantined"]] == ["bad"]
    assert app.sql("select list_id from app.todos") == ["l"]


def test_deferred_constraints_speak_in_the_push(app: App, phone: Device) -> None:
    app.sql("alter table app.todos alter constraint todos_list_id_fkey deferrable initially deferred")
    answer = phone.created("todos", todo("bad", list_id="nowhere"), todo("good"))
    assert answer["stats"] == stats(created=1)
    assert [e["id"] for e in answer["quarantined"]] == ["bad"]
    # and stay deferred for what else the transaction does
    with phone.connection.transaction():
        phone.created("todos", todo("c"))
        phone.connection.execute("update app.todos set list_id = 'later' where id = 'c'")
        phone.connection.execute("insert into app.lists (id, user_id) values ('later', %s)", [phone.user_id])


def test_the_wake_up_is_told_once_and_only_where_wanted(app: App, phone: Device) -> None:
    listener = app.database.connect("b_member", autocommit=True)
    listener.execute("listen syncwell")
    phone.created("todos", todo("a"))
    app.sql("select syncwell.set_setting('delta.notify', 'on', p_org_id => %s)", Tenants.org("a"))
    phone.created("todos", todo("a"))
    phone.preview({"todos": {"created": [todo("p")]}})
    phone.created("todos", todo("b"), todo("c"))
    listener.execute("notify syncwell, 'end'")
    heard = []
    for note in listener.notifies(timeout=20):
        if note.payload == "end":
            break
        heard.append(json.loads(note.payload))
    assert heard == [{"org_id": str(Tenants.org("a")), "user_id": str(phone.user_id)}]


def test_old_answers_conflicts_and_quarantined_records_expire(app: App, phone: Device) -> None:
    phone.created("todos", todo("bad", priority=99), p_request_id="r")
    task = "select syncwell._expire_pushes_task()"
    assert app.one(task) == 0
    app.sql("set syncwell.fake_now = '2300-01-01'")
    assert app.one(task) == 2
    assert app.sql("select request_id from syncwell.sync_requests") == []
    assert app.sql("select id from syncwell.sync_quarantine") == []
