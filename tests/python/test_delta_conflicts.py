"""Conflicts: what each policy makes of them, both versions kept, and a person who may choose otherwise later."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import Tenants
from harness.pushing import App, Device, stats, template, todo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Cluster

POLICIES = ("last_write_wins", "merge_columns", "server_wins")
KEPT = (
    "select action, outcome, server_record ->> 'title', client_record ->> 'title', changed_columns"
    " from syncwell.sync_conflicts order by id"
)


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
    """A device that knows the todo `a`, which somebody else has changed since."""
    phone = app.device()
    phone.created("todos", todo("a", notes="old", priority=1), todo("z"))
    phone.pull()
    app.sql("update app.todos set title = 'theirs', priority = 5 where id = 'a'")
    return phone


def outcomes(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    assert answer["success"] is True, answer
    return [(c["table"], c["id"], c["outcome"]) for c in answer.get("conflicts", [])]


MINE: dict[str, Any] = {"notes": "mine", "priority": 1, "_status": "updated", "_changed": "notes"}


@pytest.mark.parametrize("action", ["updated", "deleted"])
def test_what_the_server_keeps_costs_no_new_record(app: App, phone: Device, action: str) -> None:
    app.policy("server_wins")
    lost: list[Any] = ["a"] if action == "deleted" else [todo("a", **MINE)]
    # as many new records as the server keeps: counting would come out even
    changes: dict[str, list[Any]] = {"created": [todo("new")], "updated": [todo("z", "plain")], "deleted": []}
    changes[action] += lost
    answer = phone.push({"todos": changes})
    assert outcomes(answer) == [("todos", "a", "server")]
    assert answer["stats"] == stats(created=1, updated=1)
    assert app.sql("select id from app.todos order by id") == ["a", "new", "z"]


@pytest.mark.parametrize(
    ("policy", "outcome", "left"),
    [
        ("last_write_wins", "client", ("milk", "mine", 1)),
        ("merge_columns", "merged", ("theirs", "mine", 5)),
        ("server_wins", "server", ("theirs", "old", 5)),
    ],
)
def test_both_changed_it(app: App, phone: Device, policy: str, outcome: str, left: Any) -> None:
    app.policy(policy)
    answer = phone.updated("todos", todo("a", **MINE), todo("z", "plain"))
    assert outcomes(answer) == [("todos", "a", outcome)]
    assert answer["stats"] == stats(updated=1 if policy == "server_wins" else 2)
    assert app.one("select title, notes, priority from app.todos where id = 'a'") == left
    assert app.sql(KEPT) == [("updated", outcome, "theirs", "milk", ["notes"])]
    assert app.one("select policy from syncwell.sync_conflicts") == policy
    # the device gets what is there now, as an update
    (row,) = [r for r in phone.pull()["todos"]["updated"] if r["id"] == "a"]
    assert (row["title"], row["notes"], row["priority"]) == left
    assert app.one("select conflicts from syncwell.sync_devices") == 1


def test_merging_without_changed_is_last_write_wins(app: App, phone: Device) -> None:
    app.policy("merge_columns")
    answer = phone.updated("todos", todo("a", "mine", priority=1))
    assert outcomes(answer) == [("todos", "a", "client")]
    assert app.one("select title, priority from app.todos where id = 'a'") == ("mine", 1)


@pytest.mark.parametrize("policy", POLICIES)
def test_it_deleted_what_others_changed(app: App, phone: Device, policy: str) -> None:
    app.policy(policy)
    answer = phone.deleted("todos", "a")
    kept = policy == "server_wins"
    assert outcomes(answer) == [("todos", "a", "server" if kept else "client")]
    assert answer["stats"] == stats(deleted=0 if kept else 1)
    assert app.sql(KEPT) == [("deleted", "server" if kept else "client", "theirs", None, None)]
    changes = phone.pull()["todos"]
    if kept:
        # the device has it no more: as an update it would be complained about
        assert [r["id"] for r in changes["created"]] == ["a"]
        assert phone.pull() == {}
    else:
        assert app.sql("select id from app.todos") == ["z"]
        assert changes["deleted"] == ["a"]


@pytest.mark.parametrize("policy", POLICIES)
def test_it_changed_what_others_deleted(app: App, phone: Device, policy: str) -> None:
    app.sql("delete from app.todos where id = 'a'")
    app.policy(policy)
    answer = phone.updated("todos", todo("a", **MINE))
    dropped = policy == "server_wins"
    assert outcomes(answer) == [("todos", "a", "server" if dropped else "client")]
    assert answer["stats"] == stats(created=0 if dropped else 1)
    assert app.sql("select title, notes from app.todos where id = 'a'") == ([] if dropped else [("milk", "mine")])
    assert app.sql(KEPT) == [("updated", "server" if dropped else "client", None, "milk", ["notes"])]
    changes = phone.pull()["todos"]
    assert changes["deleted"] == (["a"] if dropped else [])


@pytest.mark.parametrize("policy", POLICIES)
def test_it_changed_what_it_was_told_is_deleted(app: App, phone: Device, policy: str) -> None:
    app.sql("delete from app.todos where id = 'a'")
    phone.pull()
    app.policy(policy)
    answer = phone.updated("todos", todo("a", **MINE))
    dropped = policy == "server_wins"
    assert outcomes(answer) == [("todos", "a", "server" if dropped else "client")]
    assert app.sql("select title from app.todos where id = 'a'") == ([] if dropped else ["milk"])
    # else it would keep its record for ever
    assert phone.pull()["todos"]["deleted"] == (["a"] if dropped else [])


def test_created_on_two_devices(app: App, phone: Device) -> None:
    app.policy("server_wins")
    app.device("tablet").created("todos", todo("n", "tablet"))
    assert outcomes(phone.created("todos", todo("n", "phone"))) == [("todos", "n", "server")]
    assert app.sql(KEPT) == [("created", "server", "tablet", "phone", None)]


def test_reject_keeps_nothing_of_a_conflict(app: App, phone: Device) -> None:
    assert phone.updated("todos", todo("a", "mine"))["error"]["code"] == "SW304"
    assert app.sql("select id from syncwell.sync_conflicts") == []


FUNCTION = """
create function app.decide(p_server jsonb, p_client jsonb, p_changed text[]) returns jsonb language plpgsql as $$
begin
  insert into app.asked values (p_server, p_client, p_changed);
  if p_client ->> 'notes' = 'raise' then
    raise exception 'token=abcdefgh is not decided';
  end if;
  return case
    when p_client ->> 'notes' = 'server' then null
    when p_client ->> 'notes' = 'delete' then 'null'
    when p_client ->> 'notes' = 'wrong' then '[1]'
    when p_client ->> 'notes' = 'client' then p_client
    when p_client is null then p_server || '{"title": "both", "id": "other", "user_id": "x"}'
    else p_server || jsonb_build_object('title', 'both', 'notes', p_client -> 'notes')
  end;
end $$;
create table app.asked (server jsonb, client jsonb, changed text[]);
grant insert on app.asked to syncwell_client;
"""


def test_a_function_decides(app: App, phone: Device) -> None:
    app.sql(FUNCTION)
    app.sql(
        "select syncwell.register_synced_table('app.todos', p_conflict_policy => 'app.decide',"
        " p_columns => '{list_id,title,done,priority,due_at,amount,notes,tag,hidden,shout}', p_read_only => '{hidden}')"
    )
    names = ("both", "server", "delete", "client", "wrong", "raise")
    phone.created("todos", *(todo(name, done=True) for name in names))
    phone.pull()
    app.sql("update app.todos set title = 'theirs', priority = 5")
    pushed = [todo(name, notes=name, done=True, _changed="notes") for name in names]
    answer = phone.updated("todos", *pushed)
    assert sorted(outcomes(answer)) == [
        ("todos", "both", "merged"),
        ("todos", "client", "client"),
        ("todos", "delete", "merged"),
        ("todos", "server", "server"),
    ]
    assert sorted(entry["id"] for entry in answer["quarantined"]) == ["raise", "wrong"]
    assert not [entry for entry in answer["quarantined"] if "abcdefgh" in entry["reason"]]
    left = app.sql("select id, title, notes, priority from app.todos where id = any (%s) order by id", list(names))
    assert left == [
        ("both", "both", "both", 5),
        ("client", "milk", "client", 5),
        ("raise", "theirs", None, 5),
        ("server", "theirs", None, 5),
        ("wrong", "theirs", None, 5),
    ]
    (server, client, changed), *_ = app.sql("select * from app.asked where client ->> 'id' = 'both'")
    assert (server["title"], client["title"], changed) == ("theirs", "milk", ["notes"])
    assert not client.keys() & {"_status", "_changed"}


def test_a_function_decides_over_deletions(app: App, phone: Device) -> None:
    app.sql(FUNCTION)
    app.policy("function", "app.decide")
    answer = phone.deleted("todos", "a")
    assert outcomes(answer) == [("todos", "a", "merged")]
    assert answer["stats"] == stats(updated=1)
    assert app.sql("select id, user_id, title from app.todos where id <> 'z'") == [("a", phone.user_id, "both")]
    assert [(r["id"], r["title"]) for r in phone.pull()["todos"]["created"]] == [("a", "both")]
    app.sql("delete from app.todos where id = 'z'")
    assert outcomes(phone.updated("todos", todo("z", notes="client"))) == [("todos", "z", "client")]
    assert app.sql("select notes from app.todos where id = 'z'") == ["client"]


# --- choosing otherwise ------------------------------------------------------------------------------------------


def choose(app: App, login: str, conflict: Any, choice: str) -> Any:
    connection = app.database.connect(login, autocommit=True)
    row = connection.execute("select syncwell.resolve_conflict(%s, %s)", [conflict, choice]).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def conflict(app: App, phone: Device) -> uuid.UUID:
    """Decided for the server: both changed `a`."""
    app.policy("server_wins")
    phone.updated("todos", todo("a", "mine", notes="mine", _changed="title,notes"))
    phone.pull()
    found: uuid.UUID = app.one("select id from syncwell.sync_conflicts")
    return found


def test_a_user_chooses_the_other_version(app: App, phone: Device, conflict: uuid.UUID) -> None:
    assert choose(app, "a_member", conflict, "client") == {"success": True, "choice": "client", "changed": True}
    assert app.sql("select title, notes, user_id from app.todos where id = 'a'") == [("mine", "mine", phone.user_id)]
    assert [r["title"] for r in phone.pull()["todos"]["updated"]] == ["mine"]
    assert app.sql("select choice, resolved_by, resolved_at is null from syncwell.sync_conflicts") == [
        ("client", phone.user_id, False)
    ]


def test_choosing_twice_changes_nothing(app: App, phone: Device, conflict: uuid.UUID) -> None:
    choose(app, "a_member", conflict, "client")
    app.sql("update app.todos set title = 'later' where id = 'a'")
    before = app.watch()
    assert choose(app, "a_member", conflict, "client") == {"success": True, "choice": "client", "changed": False}
    assert app.watch() == before
    # another choice is another one
    assert choose(app, "a_member", conflict, "server")["changed"] is True
    assert app.one("select title from app.todos where id = 'a'") == "theirs"
    assert phone.pull()["todos"]["updated"][0]["title"] == "theirs"


def test_deletions_can_be_chosen_and_undone(app: App, phone: Device) -> None:
    app.policy("server_wins")
    phone.deleted("todos", "a")
    phone.pull()
    (conflict,) = app.sql("select id from syncwell.sync_conflicts")
    assert choose(app, "a_member", conflict, "client")["changed"] is True
    assert app.sql("select id from app.todos") == ["z"]
    assert phone.pull()["todos"]["deleted"] == ["a"]
    assert choose(app, "a_member", conflict, "server")["changed"] is True
    assert app.sql("select title from app.todos where id = 'a'") == ["theirs"]


def test_who_may_choose(app: App, phone: Device, conflict: uuid.UUID) -> None:
    for login in ("a_other", "a_analyst", "b_member", "b_admin"):
        with pytest.raises(psycopg.Error) as caught:
            choose(app, login, conflict, "client")
        assert caught.value.sqlstate == "SW309", login
    with pytest.raises(psycopg.Error) as caught:
        choose(app, "a_member", uuid.uuid4(), "client")
    assert caught.value.sqlstate == "SW309"
    for choice in ("both", None):
        with pytest.raises(psycopg.Error) as caught:
            choose(app, "a_member", conflict, choice)  # type: ignore[arg-type]
        assert caught.value.sqlstate == "22023"
    # an admin may decide, but writes under the table's own policies
    before = app.watch()
    with pytest.raises(psycopg.Error) as caught:
        choose(app, "a_admin", conflict, "client")
    assert caught.value.sqlstate == "42501"
    assert app.watch() == before
    app.sql("create policy admins on app.todos to a_admin, a_service using (true)")
    assert choose(app, "a_admin", conflict, "client")["changed"] is True
    assert app.sql("select title, user_id from app.todos where id = 'a'") == [("mine", phone.user_id)]
    assert app.one("select resolved_by from syncwell.sync_conflicts") == Tenants.id("a_admin")
    assert choose(app, "a_service", conflict, "server")["changed"] is True


def test_a_table_that_is_synced_no_more(app: App, conflict: uuid.UUID) -> None:
    app.sql("select syncwell.unregister_synced_table('app.todos')")
    with pytest.raises(psycopg.Error) as caught:
        choose(app, "a_member", conflict, "client")
    assert caught.value.sqlstate == "SW301"


def test_who_sees_which_conflicts(app: App, conflict: uuid.UUID) -> None:
    def seen(login: str, call: str = "get_sync_conflicts()") -> list[Any]:
        connection = app.database.connect(login, autocommit=True)
        cursor = connection.execute(f"select * from syncwell.{call}".encode())
        names = [column.name for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    (own,) = seen("a_member")
    assert own["conflict_id"] == conflict
    assert (own["server_record"]["title"], own["client_record"]["title"]) == ("theirs", "mine")
    assert (own["device_id"], own["policy"], own["outcome"]) == ("phone", "server_wins", "server")
    assert seen("a_other") == []
    assert seen("b_admin") == []
    assert seen("a_analyst")[0]["server_record"] is None
    assert seen("a_admin")[0]["client_record"]["title"] == "mine"
    assert seen("a_member", "get_sync_conflicts('lists')") == []
    assert seen("a_member", "get_sync_conflicts(p_open => false)") == []
    with pytest.raises(psycopg.Error) as caught:
        seen("a_member", f"get_sync_conflicts(p_user_id => '{Tenants.id('a_other')}')")
    assert caught.value.sqlstate == "SW002"
    choose(app, "a_member", conflict, "client")
    assert seen("a_member") == []
    assert len(seen("a_member", "get_sync_conflicts(p_open => false)")) == 1
    assert len(seen("a_member", "get_sync_conflicts(p_open => null)")) == 1
    app.sql("select syncwell.set_setting('consent_required', 'on', p_org_id => %s)", Tenants.org("a"))
    hidden = seen("a_admin", "get_sync_conflicts(p_open => null)")[0]
    assert (hidden["server_record"], hidden["client_record"], hidden["device_id"]) == (None, None, None)


def test_what_jsonb_cannot_hold_is_kept_as_text(app: App, phone: Device) -> None:
    app.policy("server_wins")
    text = '{"todos": {"updated": [{"id": "a", "title": "nul \\u0000", "amount": 1e200000}]}}'
    assert outcomes(phone.push(text)) == [("todos", "a", "server")]
    kept = app.one("select client_record from syncwell.sync_conflicts")
    assert "nul" in (kept if isinstance(kept, str) else kept["title"])
