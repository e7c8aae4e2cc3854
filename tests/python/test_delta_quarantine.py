"""Bad records: put aside one by one, quickly, seen by those who may, settled by a later push; they block nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import Tenants
from harness.pushing import App, Device, stats, template, todo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Cluster

OPEN = "select record_id, action, error_code from syncwell.sync_quarantine where resolved_at is null order by id"
SHOWN = "select * from syncwell.get_quarantined_records()"


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


def ids(answer: dict[str, Any]) -> list[Any]:
    return [entry["id"] for entry in answer.get("quarantined", [])]


RAISES = (
    "create function app.check_title() returns trigger language plpgsql as $$ begin"
    " if new.title = 'bad' then raise exception 'password=hunter2 is no title' using errcode = 'APP01'; end if;"
    " return new; end $$;"
    "create trigger check_title before insert or update on app.todos for each row execute function app.check_title()"
)


def test_each_kind_of_bad_record_is_put_aside_with_its_reason(app: App, phone: Device) -> None:
    app.sql(RAISES)
    app.sql("create unique index one_tag on app.todos (tag) where tag <> 'none'")
    bad: dict[str, tuple[dict[str, Any], str]] = {
        "null": ({"title": None}, "23502"),
        "check": ({"priority": 10}, "23514"),
        "key": ({"list_id": "nowhere"}, "23503"),
        "unique": ({"tag": "taken"}, "23505"),
        "number": ({"amount": "ten"}, "22P02"),
        "range": ({"priority": 2**40}, "22003"),
        "time": ({"due_at": 1e30}, "22008"),
        "trigger": ({"title": "bad"}, "APP01"),
    }
    records = [todo("first", tag="taken"), *(todo(name) | change for name, (change, _) in bad.items()), todo("last")]
    answer = phone.created("todos", *records)
    assert answer["success"] is True
    assert answer["stats"] == stats(created=2)
    assert sorted(ids(answer)) == sorted(bad)
    assert {r: code for r, _, code in app.sql(OPEN)} == {name: code for name, (_, code) in bad.items()}
    assert app.sql("select id from app.todos order by id") == ["first", "last"]
    reasons = app.sql("select reason from syncwell.sync_quarantine")
    assert not [reason for reason in reasons if "hunter2" in reason]
    assert not [entry for entry in answer["quarantined"] if "hunter2" in entry["reason"]]
    (record,) = app.sql("select record::json from syncwell.sync_quarantine where record_id = 'check'")
    assert record == todo("check") | {"priority": 10}
    assert app.sql("select pushes, failures, quarantined from syncwell.sync_devices") == [(1, 0, 8)]
    assert app.sql("select status, items_failed from syncwell.sync_events where direction = 'push'") == [("partial", 8)]


def test_an_exclusion_constraint_is_about_one_record(app: App, phone: Device) -> None:
    app.sql("alter table app.lists add column spell int4range, add exclude using gist (spell with &&)")
    app.sql("select syncwell.register_synced_table('app.lists')")
    phone.pull()
    answer = phone.created(
        "lists", {"id": "a", "spell": "[1,5)"}, {"id": "b", "spell": "[3,9)"}, {"id": "c", "spell": "[7,9)"}
    )
    assert answer["stats"]["created"] == 2
    assert app.sql("select error_code from syncwell.sync_quarantine") == ["23P01"]


def test_bad_updates_leave_the_row_and_the_rest(app: App, phone: Device) -> None:
    phone.created("todos", *(todo(f"r{n}") for n in range(10)))
    changed = [todo(f"r{n}", "tea", priority=99 if n == 3 else n) for n in range(10)]
    answer = phone.push({"todos": {"updated": changed, "created": [todo("new")], "deleted": ["r9"]}})
    assert answer["stats"] == stats(created=1, updated=8, deleted=1)
    assert ids(answer) == ["r3"]
    assert app.sql("select title, priority from app.todos where id = 'r3'") == [("milk", None)]


def test_ten_thousand_with_three_bad_take_few_statements(app: App, phone: Device) -> None:
    app.sql("create table app.statements (n integer); grant insert on app.statements to syncwell_client")
    app.sql(
        "create function app.counted() returns trigger language plpgsql security definer as"
        " $$ begin perform nextval('app.tries'); return null; end $$; create sequence app.tries;"
        "create trigger counted before insert on app.todos for each statement execute function app.counted()"
    )
    bad = (17, 5000, 9999)
    answer = phone.created("todos", *(todo(f"r{n:05}", priority=99 if n in bad else n % 10) for n in range(10_000)))
    assert answer["stats"] == stats(created=9997)
    assert sorted(ids(answer)) == ["r00017", "r05000", "r09999"]
    # sequences count what was rolled back as well: the two whole attempts, then two statements for each halving
    assert app.one("select last_value from app.tries") <= 2 + 3 * 2 * 15


def test_beyond_the_limit_the_rest_of_the_batch_is_put_aside_whole(app: App, phone: Device) -> None:
    app.sql("select syncwell.set_setting('delta.quarantine_limit', '4', p_org_id => %s)", Tenants.org("a"))
    good = [todo(f"a{n:03}") for n in range(64)]
    bad = [todo(f"b{n:03}", priority=99) for n in range(64)]
    answer = phone.created("todos", *good, *bad)
    assert answer["success"] is True
    assert answer["stats"]["created"] == 64
    assert len(ids(answer)) == 64
    reasons = app.sql("select reason, count(*) from syncwell.sync_quarantine group by reason order by count(*)")
    assert [reason == ("batch too damaged", 60) for reason in reasons] == [False, True]
    # every other table goes on
    assert (
        phone.push({"todos": {"created": bad}, "counters": {"created": [{"id": "1", "n": 1}]}})["stats"]["created"] == 1
    )


def test_a_later_push_of_the_record_settles_it(app: App, phone: Device) -> None:
    phone.created("todos", todo("a", priority=99), todo("b", priority=99))
    assert app.sql(OPEN) == [("a", "created", "23514"), ("b", "created", "23514")]
    phone.updated("todos", todo("a", priority=1))
    assert app.sql(OPEN) == [("b", "created", "23514")]
    # still bad: the new entry stands for the old one
    phone.updated("todos", todo("b", priority=98))
    assert app.sql(OPEN) == [("b", "updated", "23514")]
    phone.deleted("todos", "b")
    assert app.sql(OPEN) == []


def test_a_refused_deletion_comes_back_to_the_device(app: App, phone: Device) -> None:
    app.sql("insert into app.lists (id, user_id) values ('l', %s), ('m', %s)", phone.user_id, phone.user_id)
    app.sql("insert into app.todos (id, user_id, title, list_id) values ('t', %s, 'x', 'l')", phone.user_id)
    phone.pull()
    answer = phone.deleted("lists", "l", "m")
    assert answer["stats"] == stats(deleted=1)
    assert ids(answer) == ["l"]
    assert app.sql("select record_id, action, record, error_code from syncwell.sync_quarantine") in (
        [("l", "deleted", None, "23503")],
        [("l", "deleted", None, "23001")],
    )
    changes = phone.pull()["lists"]
    assert [record["id"] for record in changes["created"]] == ["l"]
    assert changes["updated"] == []
    assert phone.pull() == {}


def test_a_refused_deletion_of_a_row_older_than_its_registration_comes_back(app: App) -> None:
    app.sql("select syncwell.unregister_synced_table('app.lists'), syncwell.unregister_synced_table('app.todos')")
    app.sql("insert into app.lists (id, user_id) values ('l', %s)", Tenants.id("a_member"))
    app.sql("insert into app.todos (id, user_id, title, list_id) values ('t', %s, 'x', 'l')", Tenants.id("a_member"))
    app.sql("select syncwell.register_synced_table('app.lists')")
    phone = app.device()
    assert app.sql("select record_id from syncwell.record_changes") == []
    assert ids(phone.deleted("lists", "l")) == ["l"]
    assert [record["id"] for record in phone.pull()["lists"]["created"]] == ["l"]


@pytest.mark.parametrize("how", ["trigger", "policy"])
def test_a_deletion_that_the_table_swallows_comes_back(app: App, phone: Device, how: str) -> None:
    phone.created("todos", todo("a"))
    phone.pull()
    app.sql(
        "create function app.keep() returns trigger language plpgsql as 'begin return null; end';"
        "create trigger keep before delete on app.todos for each row execute function app.keep()"
        if how == "trigger"
        else "create policy keep on app.todos as restrictive for delete using (false)"
    )
    answer = phone.deleted("todos", "a")
    assert answer["stats"] == stats()
    assert ids(answer) == ["a"]
    assert [record["id"] for record in phone.pull()["todos"]["created"]] == ["a"]


def test_what_was_refused_for_other_rows_is_put_right_on_the_device(app: App, phone: Device) -> None:
    app.device(login="a_other").created("todos", todo("taken"))
    phone.push(
        {"lists": {"created": [{"id": "l", "slot": 1}, {"id": "m"}]}, "todos": {"created": [todo("t", list_id="l")]}}
    )
    phone.pull()
    answer = phone.push(
        {
            "lists": {"updated": [{"id": "m", "slot": 1}]},
            "todos": {
                "created": [todo("n", list_id="nowhere"), todo("taken")],
                "updated": [todo("t", list_id="nowhere")],
            },
        }
    )
    assert sorted(ids(answer)) == ["m", "n", "t", "taken"]
    changes = phone.pull()
    assert sorted(changes["todos"]["deleted"]) == ["n", "taken"]
    assert [(r["id"], r["list_id"]) for r in changes["todos"]["updated"]] == [("t", "l")]
    assert [(r["id"], r["slot"]) for r in changes["lists"]["updated"]] == [("m", None)]
    assert changes["lists"]["created"] == changes["todos"]["created"] == []
    assert phone.pull() == {}


def test_what_was_refused_for_its_own_values_stays_with_the_device(app: App, phone: Device) -> None:
    phone.created("todos", todo("a"), todo("b", priority=99))
    phone.pull()
    phone.updated("todos", todo("a", priority=99))
    assert phone.pull() == {}
    assert phone.updated("todos", todo("a", priority=1), todo("b", priority=1))["stats"] == stats(created=1, updated=1)
    assert app.sql(OPEN) == []


def test_what_was_put_aside_and_then_accepted_comes_as_it_is_here(app: App, phone: Device) -> None:
    phone.created("todos", todo("a", list_id="nowhere"))
    phone.created("lists", {"id": "nowhere"})
    assert phone.created("todos", todo("a", list_id="nowhere"))["stats"] == stats(created=1)
    changes = phone.pull()["todos"]
    assert changes["deleted"] == []
    assert [record["id"] for record in changes["updated"]] == ["a"]
    assert app.sql(OPEN) == []


def test_what_waits_for_another_record_gets_in_at_the_end(app: App, phone: Device) -> None:
    """A tree within one table, a bad record, and an order in which halving alone would refuse the leaves."""
    app.sql("alter table app.lists add column parent text references app.lists")
    app.sql("select syncwell.register_synced_table('app.lists')")
    phone.pull()
    chain = [{"id": f"n{n:02}", "parent": f"n{n + 1:02}" if n < 20 else None} for n in range(21)]
    answer = phone.created("lists", *chain[:10], {"id": "bad", "slot": "x"}, *chain[10:])
    assert ids(answer) == ["bad"]
    assert answer["stats"] == stats(created=21)


def test_a_unique_value_that_changes_hands_beside_a_bad_record(phone: Device) -> None:
    phone.created("lists", {"id": "a", "slot": 1})
    answer = phone.push({"lists": {"created": [{"id": "b", "slot": 1}, {"id": "bad", "slot": "x"}], "deleted": ["a"]}})
    assert ids(answer) == ["bad"]
    assert answer["stats"] == stats(created=1, deleted=1)


def test_who_sees_what_was_put_aside(app: App, phone: Device) -> None:
    phone.created("todos", todo("a", priority=99))
    app.device(login="a_other").created("todos", todo("o", priority=99))
    app.device(login="b_member").created("todos", todo("b", priority=99))

    def seen(login: str, query: str = SHOWN) -> list[Any]:
        connection = app.database.connect(login, autocommit=True)
        cursor = connection.execute(query.encode())
        names = [column.name for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    (own,) = seen("a_member")
    assert (own["record_id"], own["device_id"], own["action"], own["error_code"]) == ("a", "phone", "created", "23514")
    assert '"priority": 99' in own["record"]
    assert [row["record_id"] for row in seen("a_admin")] == ["o", "a"]
    assert all(row["record"] for row in seen("a_service"))
    assert [row["record"] for row in seen("a_analyst")] == [None, None]
    assert [row["record_id"] for row in seen("b_admin")] == ["b"]
    one = f"select * from syncwell.get_quarantined_records(p_user_id => '{Tenants.id('a_other')}', p_table => 'todos')"
    assert [row["record_id"] for row in seen("a_admin", one)] == ["o"]
    assert seen("a_admin", one.replace("todos", "lists")) == []
    for login in ("a_member", "b_admin"):
        with pytest.raises(psycopg.Error) as caught:
            seen(login, one)
        assert caught.value.sqlstate == "SW002"
    app.sql("select syncwell.set_setting('consent_required', 'on', p_org_id => %s)", Tenants.org("a"))
    hidden = seen("a_admin")[1]
    assert (hidden["record"], hidden["device_id"], hidden["reason"]) == (None, None, None)
    assert seen("a_member")[0]["record"] is not None
    for limit in ("0", "1001"):
        with pytest.raises(psycopg.Error) as caught:
            seen("a_member", f"select * from syncwell.get_quarantined_records(p_limit => {limit})")
        assert caught.value.sqlstate == "22023"
