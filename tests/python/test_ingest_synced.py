"""Sessions as synced tables: a second and a reinstalled device get them all; devices read them and nobody else's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.devices import Device
from harness.paths import ROOT

if TYPE_CHECKING:
    from harness import Database

EXAMPLE = (ROOT / "sql" / "optional" / "synced_sessions.sql").read_bytes()
READINGS = [{"occurred_at": f"2026-11-0{day}T10:00:00Z", "spo2": 90 + day} for day in range(1, 6)]
DOCUMENT = {
    "local_id": "IHHT_1",
    "started_at": "2026-11-01T10:00:00Z",
    "status": "completed",
    "ended_at": "2026-11-05T11:00:00Z",
    "readings": READINGS,
    "survey_pre": {"occurred_at": "2026-11-01T10:00:00Z", "payload": {"mood": 4}},
}
NAMES = ("sessions", "session_records")


@pytest.fixture
def admin(database: Database) -> psycopg.Connection[Any]:
    admin = database.connect(autocommit=True)
    admin.execute(EXAMPLE)
    return admin


def device(database: Database, login: str, name: str) -> Device:
    return Device(database.connect(login, autocommit=True), name)


def record(database: Database, login: str, document: dict[str, Any]) -> dict[str, Any]:
    row = (
        database.connect(login, autocommit=True)
        .execute("select syncwell.sync_session(%s)", [json.dumps(document)])
        .fetchone()
    )
    assert row is not None
    answer: dict[str, Any] = row[0]
    assert answer["success"], answer
    return answer


def test_every_device_gets_the_sessions(database: Database, admin: psycopg.Connection[Any]) -> None:
    phone, tablet = (device(database, "a_member", name) for name in ("phone", "tablet"))
    tablet.pull()
    session_id = record(database, "a_member", DOCUMENT)["session_id"]
    for one in (phone, tablet):
        one.pull()
    assert phone.records == tablet.records
    assert phone.records["sessions"][session_id]["local_id"] == "IHHT_1"
    records = phone.records["session_records"]
    assert sorted(one["spo2"] for one in records.values() if one["kind"] == "reading") == [91, 92, 93, 94, 95]
    assert {one["session_id"] for one in records.values()} == {session_id}

    # corrected, resent, and more of it
    record(database, "a_member", {**DOCUMENT, "readings": [{**READINGS[0], "spo2": 80}, *READINGS[1:]]})
    record(database, "a_member", {"local_id": "IHHT_2", "readings": READINGS})
    for one in (phone, tablet):
        one.pull()
    reinstalled = device(database, "a_member", "new")
    reinstalled.pull()
    assert phone.records == tablet.records == reinstalled.records
    assert len(reinstalled.records["sessions"]) == 2
    assert len(reinstalled.records["session_records"]) == 11
    assert [one.complaints for one in (phone, tablet, reinstalled)] == [[], [], []]
    assert admin.execute("select * from syncwell.check_tracking()").fetchall() == []


@pytest.mark.usefixtures("admin")
def test_a_resend_is_no_news(database: Database) -> None:
    phone = device(database, "a_member", "phone")
    record(database, "a_member", DOCUMENT)
    phone.pull()
    assert record(database, "a_member", DOCUMENT)["already_synced"]
    answer = phone.pull()
    assert not any(any(change.values()) for change in answer["changes"].values())


@pytest.mark.usefixtures("admin")
def test_nobody_gets_another_ones(database: Database) -> None:
    record(database, "a_member", DOCUMENT)
    for login in ("a_other", "a_analyst", "b_member"):
        other = device(database, login, "phone")
        other.pull()
        assert not any(other.records.get(name) for name in NAMES), login


def test_devices_do_not_write_them(database: Database, admin: psycopg.Connection[Any]) -> None:
    session_id = record(database, "a_member", DOCUMENT)["session_id"]
    phone = device(database, "a_member", "phone")
    phone.pull()
    before = admin.execute("select s from syncwell.sync_sessions as s").fetchall()
    for change in (
        {"updated": [{"id": session_id, "status": "active", "_changed": "status"}]},
        {"created": [{"id": "5f0c2a76-2ab7-4a0f-9f1c-0b1a6a9d2f10", "local_id": "forged", "status": "active"}]},
        {"deleted": [session_id]},
    ):
        row = phone.connection.execute(
            "select syncwell.sync_push(%s, %s, 'phone')", [json.dumps({"sessions": change}), phone.cursor]
        ).fetchone()
        assert row is not None
        assert row[0]["error"]["code"] == "42501", change
    assert admin.execute("select s from syncwell.sync_sessions as s").fetchall() == before


def late(admin: psycopg.Connection[Any]) -> None:
    """A reading of a month that has no partition yet."""
    admin.execute(
        "insert into syncwell.session_records"
        " (org_id, id, session_id, user_id, kind, occurred_at, spo2, written_at, received_at)"
        " select s.org_id, syncwell._uuid7(t.at), s.session_id, s.user_id, 'reading', t.at, 99, t.at, t.at"
        " from syncwell.sync_sessions as s, (values (syncwell._now() + interval '200 days')) as t (at)"
    )


def test_a_month_that_maintenance_adds_is_tracked(database: Database, admin: psycopg.Connection[Any]) -> None:
    session_id = record(database, "a_member", DOCUMENT)["session_id"]
    phone = device(database, "a_member", "phone")
    phone.pull()
    late(admin)
    phone.pull()
    operator = database.connect("operator", autocommit=True)
    made = operator.execute(
        "select sum(moved_rows)::integer, count(*) from syncwell.ensure_partitions('session_records', 8)"
    ).fetchone()
    assert made == (1, 5)
    phone.pull()
    late(admin)
    phone.pull()
    assert phone.complaints == []
    held = {key for key, one in phone.records["session_records"].items() if one["session_id"] == session_id}
    stored = {str(row[0]) for row in admin.execute("select id from syncwell.session_records")}
    assert held == stored
    assert admin.execute("select * from syncwell.check_tracking()").fetchall() == []


def test_without_that_pulls_would_stop(database: Database, admin: psycopg.Connection[Any]) -> None:
    admin.execute("update syncwell.partitioned_tables set on_change = null where table_name = 'session_records'")
    phone = device(database, "a_member", "phone")
    phone.pull()
    admin.execute("select syncwell.ensure_partitions('session_records', 8)")
    with pytest.raises(psycopg.Error) as error:
        phone.pull()
    assert error.value.sqlstate == "SW308"


@pytest.mark.parametrize("expiry", ["drop", "detach"])
def test_what_is_past_its_retention_leaves_the_devices(
    database: Database, admin: psycopg.Connection[Any], expiry: str
) -> None:
    record(database, "a_member", DOCUMENT)
    phone = device(database, "a_member", "phone")
    phone.pull()
    admin.execute("select syncwell.ensure_partitions()")
    admin.execute("select syncwell.set_setting('ingest.session_retention', '30 days')")
    if expiry == "detach":
        admin.execute(
            "update syncwell.partitioned_tables set expiry_setting = 'activity.on_expiry'"
            " where table_name = 'session_records'"
        )
        admin.execute("select syncwell.set_setting('activity.on_expiry', 'detach')")
    admin.execute("set syncwell.fake_now = '2027-06-01'")
    gone = admin.execute("select count(*) from syncwell.drop_old_partitions('session_records')").fetchone()
    assert gone is not None
    assert gone[0] > 0
    phone.pull()
    assert phone.records["session_records"] == {}
    assert len(phone.records["sessions"]) == 1
    assert admin.execute("select * from syncwell.check_tracking()").fetchall() == []


def test_only_these_of_the_engines_tables_are_synced(db: psycopg.Connection[Any]) -> None:
    for name in ("session_counts", "data_events", "sync_state", "session_records_default"):
        with pytest.raises(psycopg.Error) as error, db.transaction():
            db.execute(f"select syncwell.register_synced_table('syncwell.{name}')".encode())
        assert error.value.sqlstate == "SW302", name


def test_only_their_owner_registers_them(database: Database) -> None:
    operator = database.connect("operator", autocommit=True)
    with pytest.raises(psycopg.Error) as error:
        operator.execute(EXAMPLE)
    assert error.value.sqlstate == "42501"
