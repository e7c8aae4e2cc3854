"""Cursors and pushes nobody should send: they lead to a full replacement or a refusal, never to silence or a leak."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.synced import NUMBER, TEXT, create, device, difference, link_of, register, rows
from harness.watermelon import Link, RefusedError, parsed

if TYPE_CHECKING:
    from harness import Database, Tenants
    from harness.watermelon import Device

SCHEMA = {"notes": {"title": TEXT, "value": NUMBER}, "tags": {"title": TEXT}}

Connection = psycopg.Connection[Any]


@pytest.fixture
def superuser(database: Database, tenants: Tenants) -> Connection:
    connection = database.connect(autocommit=True)
    create(connection, "notes", "(id text primary key, user_id uuid not null, title text, value integer)")
    create(connection, "tags", "(user_id uuid not null, id text, title text, primary key (user_id, id))")
    register(connection, "notes", columns=["title", "value"])
    register(connection, "tags", columns=["title"])
    for login in ("a_member", "a_other", "b_member"):
        for number in range(3):
            connection.execute(
                "insert into notes values (%s, %s, %s, %s)", [f"{login}{number}", tenants.id(login), login, number]
            )
            connection.execute("insert into tags values (%s, %s, %s)", [tenants.id(login), f"t{number}", login])
    return connection


def equal(connection: Connection, phone: Device, user: object) -> None:
    assert difference(phone.contents("notes"), rows(connection, "notes", "title, value", user)) == {}
    assert difference(phone.contents("tags"), rows(connection, "tags", "title", user)) == {}


def counts(connection: Connection) -> tuple[Any, ...]:
    row = connection.execute(
        "select (select count(*) from notes), (select md5(string_agg(n::text, '' order by id)) from notes as n),"
        " (select md5(string_agg(t::text, '' order by t::text)) from tags as t)"
    ).fetchone()
    assert row is not None
    return row


def strange_cursors(database: Database) -> dict[str, int]:
    foreign = device(database, "b_member", SCHEMA)
    foreign.synchronize()
    colleague = device(database, "a_other", SCHEMA)
    colleague.synchronize()
    another = device(database, "a_member", SCHEMA, "another device")
    another.synchronize()
    assert foreign.cursor is not None
    assert colleague.cursor is not None
    assert another.cursor is not None
    return {
        "another org's": foreign.cursor,
        "a colleague's": colleague.cursor,
        "another device's": another.cursor,
        "the future": another.cursor + 10_000_000 * 1024,
        "a time": 1_767_323_045_678,
        "negative": -5,
        "smallest": -(2**63),
        "one": 1,
        "2^53": 2**53,
        "largest": 2**63 - 1,
        "near": another.cursor + 1,
    }


def test_a_strange_cursor_gets_everything_and_only_ones_own(
    superuser: Connection, database: Database, tenants: Tenants
) -> None:
    me = tenants.id("a_member")
    for name, cursor in strange_cursors(database).items():
        for limit in (None, 2):
            phone = device(database, "a_member", SCHEMA, "mine", limit=limit)
            phone.synchronize()
            # the device keeps a record that is gone: only a replacement tells it
            stale = dict(phone.records["notes"]["a_member0"], id="stale")
            phone.records["notes"]["stale"] = stale
            phone.cursor = cursor
            answer = phone.synchronize()
            assert answer["experimentalStrategy"] == "replacement", name
            assert set(answer["changes"]) == set(SCHEMA), name
            assert all(changes["created"] == changes["deleted"] == [] for changes in answer["changes"].values()), name
            equal(superuser, phone, me)
            assert phone.errors == [], name
            assert 0 < answer["timestamp"] < 2**53


def test_zero_and_null_are_first_pulls(superuser: Connection, database: Database, tenants: Tenants) -> None:
    phone = device(database, "a_member", SCHEMA)
    for cursor in (0, None):
        phone.reset()
        phone.cursor = cursor
        answer = phone.synchronize()
        assert "experimentalStrategy" not in answer
        assert [len(answer["changes"][table]["created"]) for table in sorted(SCHEMA)] == [3, 3]
        assert all(changes["updated"] == changes["deleted"] == [] for changes in answer["changes"].values())
        equal(superuser, phone, tenants.id("a_member"))


def test_a_push_under_a_strange_cursor_writes_nothing(
    superuser: Connection, database: Database, tenants: Tenants
) -> None:
    phone = device(database, "a_member", SCHEMA, "mine")
    phone.synchronize()
    phone.edit("notes", "a_member0", title="edited")
    phone.create("notes", "fresh", title="new")
    phone.delete("tags", "t1")
    changes = phone.local_changes()
    before = counts(superuser)
    for name, cursor in {**strange_cursors(database), "null": None, "zero": 0}.items():
        with pytest.raises(RefusedError) as refused:
            link_of(phone).push(changes=changes, last_pulled_at=cursor)
        assert refused.value.code == "40001", name
        assert link_of(phone).pushed[-1]["error"]["status"] == 409, name
        assert counts(superuser) == before, name
    phone.synchronize()
    assert not phone.dirty
    equal(superuser, phone, tenants.id("a_member"))


def test_a_push_under_the_cursor_of_a_page_is_refused(superuser: Connection, database: Database) -> None:
    link = Link(database.connect("a_member", autocommit=True), "mine")
    page = link.call("sync_pull", p_device_id="mine", p_limit=2)
    assert page["hasMore"] is True
    phone = device(database, "a_member", SCHEMA, "mine")
    phone.create("notes", "fresh", title="new")
    before = counts(superuser)
    with pytest.raises(RefusedError) as refused:
        link.push(changes=phone.local_changes(), last_pulled_at=page["timestamp"])
    assert refused.value.code == "40001"
    assert counts(superuser) == before


def test_a_moved_database_forgets_all_cursors(superuser: Connection, database: Database, tenants: Tenants) -> None:
    """Another system identifier: no transaction id means anything any more."""
    phone = device(database, "a_member", SCHEMA, "mine")
    other = device(database, "a_member", SCHEMA, "other")
    phone.synchronize()
    other.synchronize()
    superuser.execute("update notes set value = 40 where id = 'a_member0'")
    superuser.execute("delete from notes where id = 'a_member1'")
    superuser.execute("update syncwell.sync_incarnations set system_identifier = '1'")
    # transactions of the new cluster seem to be ones the old cursors have seen
    superuser.execute("update syncwell.sync_cursors set snapshot = '900000000:900000000:'")
    superuser.execute("update notes set value = 41 where id = 'a_member2'")
    for again in (phone, other):
        # a session knows its cluster's identifier once and for all; a moved database has new sessions
        link_of(again).connection = database.connect("a_member", autocommit=True)
    other.edit("notes", "a_member2", title="offline")
    with pytest.raises(RefusedError) as refused:
        link_of(other).push(changes=other.local_changes(), last_pulled_at=other.cursor)
    assert refused.value.code == "40001"
    for again in (phone, other):
        assert again.synchronize()["experimentalStrategy"] == "replacement"
        assert again.errors == []
    phone.synchronize()
    for again in (phone, other):
        again.synchronize()
        equal(superuser, again, tenants.id("a_member"))
        superuser.execute("update notes set value = value + 1")
        assert "experimentalStrategy" not in again.synchronize()
        equal(superuser, again, tenants.id("a_member"))


# what a push may contain: nothing but this user's rows changes, and one's own good records arrive
RECORD = {"id": "good", "title": "good", "value": 1, "_status": "created", "_changed": ""}


def pushed(phone: Device, changes: Any) -> dict[str, Any]:
    text = changes if isinstance(changes, str) else json.dumps(changes)
    row = (
        link_of(phone)
        .connection.execute("select syncwell.sync_push(%s, %s, 'mine')::text", [text, phone.cursor])
        .fetchone()
    )
    assert row is not None
    answer: dict[str, Any] = parsed(row[0])
    return answer


@pytest.fixture
def phone(superuser: Connection, database: Database) -> Device:  # noqa: ARG001 - the tables must be there
    found = device(database, "a_member", SCHEMA, "mine")
    found.synchronize()
    return found


def only(kind: str, *records: Any) -> dict[str, Any]:
    return {"notes": {"created": [], "updated": [], "deleted": [], kind: list(records)}}


def test_somebody_elses_records_can_not_be_taken_changed_or_deleted(
    superuser: Connection, phone: Device, tenants: Tenants
) -> None:
    other = str(tenants.id("b_member"))
    foreign = rows(superuser, "notes", "title, value", other), rows(superuser, "tags", "title", other)
    for kind in ("created", "updated"):
        for record in (
            {**RECORD, "id": "b_member0", "title": "stolen"},
            {**RECORD, "id": "b_member0", "title": "stolen", "_status": "updated", "_changed": "title"},
            {**RECORD, "id": "mine", "user_id": other},
            {**RECORD, "id": "mine too", "user_id": other, "_changed": "user_id,title"},
        ):
            pushed(phone, only(kind, record))
    pushed(phone, only("deleted", "b_member0", "b_member1"))
    pushed(phone, {"tags": {"created": [], "updated": [{"id": "t0", "title": "x"}], "deleted": ["t1"]}})
    assert (rows(superuser, "notes", "title, value", other), rows(superuser, "tags", "title", other)) == foreign


def test_the_answer_does_not_tell_whether_somebody_elses_id_exists(phone: Device) -> None:
    """Deleting and updating a foreign id is answered as for one that nobody has."""
    for kind, there, nowhere in (
        ("deleted", "b_member0", "nobodys"),
        ("updated", {**RECORD, "id": "b_member0"}, {**RECORD, "id": "nobodys0"}),
    ):
        first, second = pushed(phone, only(kind, there)), pushed(phone, only(kind, nowhere))
        if kind == "deleted":
            assert {**first, "requestId": 0} == {**second, "requestId": 0}
        assert first["success"] is second["success"] is True


BAD = {
    "no object": "[]",
    "a string": '"notes"',
    "null": "null",
    "a table that is null": {"notes": None},
    "a table that is a list": {"notes": []},
    "no arrays": {"notes": {}},
    "arrays missing": {"notes": {"created": [RECORD]}},
    "an array that is an object": {"notes": {"created": {"a": RECORD}, "updated": [], "deleted": []}},
    "a record that is null": only("created", None, RECORD),
    "a record that is a number": only("created", 7, RECORD),
    "a record without id": only("created", {"title": "x"}, RECORD),
    "an id that is null": only("created", {**RECORD, "id": None}, RECORD),
    "an id that is a number": only("created", {**RECORD, "id": 12}, RECORD),
    "an id that is empty": only("created", {**RECORD, "id": ""}, RECORD),
    "an id with quotes": only("created", {**RECORD, "id": "a'b\"c\\d$e"}, RECORD),
    "an endless id": only("created", {**RECORD, "id": "x" * 100_000}, RECORD),
    "one id twice": only("created", RECORD, {**RECORD, "title": "again"}),
    "one id in two arrays": {
        "notes": {"created": [RECORD], "updated": [{**RECORD, "title": "u"}], "deleted": ["good"]}
    },
    "an unknown table": {**only("created", RECORD), "secrets": {"created": [RECORD], "updated": [], "deleted": []}},
    "__proto__": {**only("created", RECORD), "__proto__": {"created": [RECORD], "updated": [], "deleted": []}},
    "a system table": {**only("created", RECORD), "pg_authid": {"created": [RECORD], "updated": [], "deleted": []}},
    "an unknown column": only("created", {**RECORD, "rolname": "x", "__proto__": {"a": 1}}),
    "types mixed up": only("created", {**RECORD, "title": 5, "value": "7"}, {**RECORD, "id": "b", "value": True}),
    "nested values": only("created", {**RECORD, "title": {"a": [1]}, "value": [1]}),
    "numbers out of range": only("created", {**RECORD, "value": 1e300}, {**RECORD, "id": "b", "value": -(2**70)}),
    "a fraction": only("created", {**RECORD, "value": 1.5}),
    "a zero byte": '{"notes": {"created": [{"id": "z", "title": "a\\u0000b"}, {"id": "good", "title": "good"}]}}',
    "a lone surrogate": '{"notes": {"created": [{"id": "z", "title": "a\\ud800b"}, {"id": "good", "title": "good"}]}}',
    "a bad id in deleted": {"notes": {"created": [RECORD], "updated": [], "deleted": [None, 5, {}, "", "a_member1"]}},
    "_changed nonsense": only("updated", {**RECORD, "id": "a_member0", "_changed": ",,user_id,id,nothing,'"}),
    "_changed no text": only("updated", {**RECORD, "id": "a_member0", "_changed": ["title"]}),
    "keys twice": '{"notes": {"created": [{"id": "good", "title": "a", "title": "good"}]}}',
    "deep": "[" * 2000 + "]" * 2000,
}  # fmt: skip
# a record that has to arrive, whatever else there is
GOOD = ('"id": "good", "title": "good", "value": 1,', '"id": "good", "title": "good"}')
# documented codes of a push that is refused as a whole
CODES = {"22023", "22P02", "40001", "SW304", "54001", "54000"}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_push_harms_nothing_and_blocks_nobody(
    superuser: Connection, phone: Device, what: str, tenants: Tenants
) -> None:
    others = [tenants.id("a_other"), tenants.id("b_member")]
    foreign = [rows(superuser, "notes", "title, value", user) for user in others]
    users = superuser.execute("select user_id, count(*) from syncwell.users group by 1 order by 1").fetchall()
    try:
        answer = pushed(phone, BAD[what])
    except psycopg.Error as error:
        assert error.sqlstate in CODES, error  # noqa: PT017
        answer = {}
    if answer.get("success") is True:
        mine = rows(superuser, "notes", "title, value", tenants.id("a_member"))
        text = BAD[what] if isinstance(BAD[what], str) else json.dumps(BAD[what])
        if any(good in text for good in GOOD) and "one id" not in what:
            assert "good" in mine
    elif answer:
        assert answer["error"]["code"] in CODES, answer
    assert [rows(superuser, "notes", "title, value", user) for user in others] == foreign
    assert superuser.execute("select user_id, count(*) from syncwell.users group by 1 order by 1").fetchall() == users
    # the device goes on
    for _ in range(2):
        phone.synchronize()
    equal(superuser, phone, tenants.id("a_member"))
