"""Duplicate sessions are found, merged and put back: a damaged data set, and what only looks damaged."""

from __future__ import annotations

import datetime
import json
import random
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.damaged import WRONG_COUNTS, damage, state
from harness.devices import Device
from harness.paths import ROOT
from harness.wait import set_clock

if TYPE_CHECKING:
    from harness import Database, Tenants
    from harness.damaged import Damage

Connection = psycopg.Connection[Any]
NOW = "2026-03-20 12:00+00"


@pytest.fixture
def owner(database: Database) -> Connection:
    connection = database.connect(autocommit=True)
    set_clock(connection, NOW)
    return connection


@pytest.fixture
def damaged(owner: Connection, tenants: Tenants) -> Damage:
    return damage(owner, tenants.org("a"), [tenants.id("a_member"), tenants.id("a_other")], sessions=50)


@pytest.fixture
def admin(database: Database) -> Connection:
    return database.connect("a_admin", autocommit=True)


def rows(connection: Connection, query: str, *values: Any) -> list[Any]:
    return connection.execute(query.encode(), values).fetchall()


def value(connection: Connection, query: str, *values: Any) -> Any:
    return rows(connection, query, *values)[0][0]


def merge(connection: Connection, *, dry_run: bool = False) -> list[Any]:
    return rows(connection, "select * from syncwell.merge_duplicate_sessions(%s, null, 1000)", dry_run)


@pytest.mark.usefixtures("damaged")
def test_what_is_damaged_is_found_and_nothing_else(admin: Connection, owner: Connection) -> None:
    found = rows(admin, "select reason, count(*) from syncwell.find_duplicate_sessions(p_limit => 1000) group by 1")
    # of which session the surveys are can be told when it is there once
    assert dict(found) == {"same_local_id": 25, "same_start": 25}
    sound = (
        "select count(*) from syncwell.find_duplicate_sessions(p_limit => 1000) as d join syncwell.sync_sessions as s"
    )
    assert value(admin, f"{sound} on s.session_id in (d.kept_id, d.removed_id) where s.started_at < '2026-03-02'") == 0
    kept = "select distinct s.status from syncwell.find_duplicate_sessions() as d"
    assert rows(admin, f"{kept} join syncwell.sync_sessions as s on s.session_id = d.kept_id") == [("active",)]
    assert value(owner, "select count(*) from syncwell.session_merges") == 0


def test_repaired_and_put_back(owner: Connection, admin: Connection, damaged: Damage) -> None:
    before = state(owner)
    sound = "select t::text from syncwell.sync_sessions as t where started_at < '2026-03-02' order by 1"
    was_sound = rows(owner, sound)
    assert value(owner, WRONG_COUNTS) == 0

    foreseen = merge(admin, dry_run=True)
    assert state(owner) == before, "a dry run changes nothing"
    assert value(owner, "select count(*) from syncwell.session_merges") == 0
    done = merge(admin)
    assert {row[0] for row in foreseen} == {None}
    assert [row[1:] for row in done] == [row[1:] for row in foreseen], "a dry run tells what will be"
    assert merge(admin) == [], "nothing is left"

    repaired = "select count(*) from syncwell.sync_sessions where started_at >= '2026-03-02'"
    assert value(owner, repaired) == damaged.sessions
    assert value(owner, f"{repaired} and status = 'completed' and sync_status = 'completed'") == damaged.sessions
    assert value(owner, "select count(*) from syncwell.session_counts where not has_session") == 0
    surveys = (
        "select count(*) from syncwell.session_records as r join syncwell.sync_sessions using (org_id, session_id)"
    )
    assert value(owner, f"{surveys} where kind in ('survey_pre', 'survey_post')") == damaged.surveys
    assert value(owner, f"{surveys} where kind = 'reading'") == 30 * damaged.sessions + 2 * (20 + 15 * 3 + 12 * 2)
    assert value(owner, WRONG_COUNTS) == 0
    assert rows(owner, sound) == was_sound
    wrong_ids = "id <> syncwell._record_id(session_id, kind, occurred_at)"
    assert value(owner, f"select count(*) from syncwell.session_records where {wrong_ids}") == 0
    lost = (
        "select count(*) from syncwell.{} as x where session_id not in (select session_id from syncwell.sync_sessions)"
    )
    assert value(owner, lost.format("data_events")) == 0
    assert value(owner, lost.format("local_ids").replace("session_id not in", "server_id not in")) == 0

    for (merge_id,) in rows(admin, "select merge_id from syncwell.get_session_merges(1000)"):
        assert value(admin, "select syncwell.revert_session_merge(%s)", merge_id) > 0
    assert state(owner) == before, "reverted from the log, everything is as it was"
    assert value(owner, WRONG_COUNTS) == 0

    assert merge(admin) == [], "who reverted it has said that they are two"
    again = rows(admin, "select * from syncwell.merge_duplicate_sessions(false, null, 1000, true)")
    assert len(again) == len(done)


def integrity(connection: Connection) -> dict[str, tuple[int, int]]:
    found = rows(connection, "select finding, sessions, affected from syncwell.get_session_integrity(p_days => 3660)")
    return {finding: (sessions, affected) for finding, sessions, affected in found}


def test_integrity_tells_and_is_zero_once_repaired(admin: Connection, damaged: Damage) -> None:
    sound = 2 * 6  # not the made-up ones
    orphans = damaged.orphaned_surveys // 2
    assert integrity(admin) == {
        "sessions_without_readings": (damaged.sessions + 2 * 5, damaged.sessions),
        "late_surveys": (damaged.sessions - orphans, 0),
        "orphans": (2 * damaged.sessions + sound + orphans, orphans),
        "duplicates": (2 * damaged.sessions + sound, damaged.sessions),
        "incomplete": (damaged.sessions + 2 * 5, damaged.sessions),
    }
    merge(admin)
    assert {finding: affected for finding, (_, affected) in integrity(admin).items()} == dict.fromkeys(
        ("sessions_without_readings", "late_surveys", "orphans", "duplicates", "incomplete"), 0
    )


def test_a_resend_after_a_merge_changes_nothing(database: Database, owner: Connection, admin: Connection) -> None:
    """What devices kept they send again, under either name, in any order and slices: also versions that lost."""
    device = database.connect("a_member", autocommit=True)
    start = datetime.datetime.now(datetime.UTC).replace(microsecond=0) - datetime.timedelta(hours=2)

    def row(second: int, written: int, mood: int) -> dict[str, Any]:
        at = start + datetime.timedelta(seconds=second)
        written_at = start + datetime.timedelta(seconds=written)
        return {"occurred_at": at.isoformat(), "written_at": written_at.isoformat(), "mood": mood}

    for seconds, name in enumerate(("IHHT_1", "ihht-1")):
        device.execute("select syncwell.start_session(%s, %s)", [name, start + datetime.timedelta(seconds=seconds)])
    # of its own, in both and equal, written later by the one or the other, written at the same time
    sent = [
        ("IHHT_1", [row(n, n, n) for n in range(40)]),
        ("ihht-1", [row(n, {0: n, 1: n + 9, 2: n - 9, 3: n}[n % 4], n + 50 * (n % 4 > 0)) for n in range(20, 60)]),
    ]
    send = "select syncwell.ingest_batch('survey_inter', %s, p_session => %s)"
    for name, batch in sent:
        device.execute(send, [json.dumps(batch), name])
    events = [{"external_id": f"e{n}", "session": sent[n % 2][0], **row(n, n, n)} for n in range(10)]
    send_events = "select syncwell.ingest_batch('event', %s, 'uploads')"
    device.execute(send_events, [json.dumps(events)])
    ((_, _, _, _, reason, moved),) = merge(admin)
    assert (reason, moved) == ("same_local_id", 40 + 1 + 5)

    merged = state(owner)
    chance = random.Random(1)  # noqa: S311
    for _ in range(10):
        everything = [(name, part) for name, batch in sent for part in batch]
        chance.shuffle(everything)
        while everything:
            size = chance.randrange(1, 30)
            for name, _ in sent:
                rows_of_it = [part for of, part in everything[:size] if of == name]
                if rows_of_it:
                    device.execute(send, [json.dumps(rows_of_it), name])
            everything = everything[size:]
        device.execute(send_events, [json.dumps(chance.sample(events, 10))])
    # that something was sent is noted, and streams tell of runs
    assert {**state(owner), "sync_sessions": None} == {**merged, "sync_sessions": None}
    assert value(owner, WRONG_COUNTS) == 0


def test_devices_that_sync_sessions_follow(database: Database, owner: Connection, admin: Connection) -> None:
    """Merged, then put back: a device that pulls has what a reinstalled one gets."""
    owner.execute((ROOT / "sql" / "optional" / "synced_sessions.sql").read_bytes())
    member = database.connect("a_member", autocommit=True)
    start = datetime.datetime.now(datetime.UTC).replace(microsecond=0) - datetime.timedelta(hours=2)
    for seconds, name in enumerate(("IHHT_1", "ihht-1")):
        member.execute("select syncwell.start_session(%s, %s)", [name, start + datetime.timedelta(seconds=seconds)])
    for first, name in ((0, "IHHT_1"), (5, "ihht-1")):
        batch = [
            {"occurred_at": (start + datetime.timedelta(seconds=first + n)).isoformat(), "mood": first + n}
            for n in range(8)
        ]
        member.execute("select syncwell.ingest_batch('survey_inter', %s, p_session => %s)", [json.dumps(batch), name])
    phone = Device(database.connect("a_member", autocommit=True), "phone")
    phone.pull()
    original = {name: dict(records) for name, records in phone.records.items()}
    assert [len(original[name]) for name in ("sessions", "session_records")] == [2, 16]

    (merged,) = merge(admin)
    for number, count in (("merged", [1, 13]), ("reverted", [2, 16])):
        if number == "reverted":
            admin.execute("select syncwell.revert_session_merge(%s)", [merged[0]])
        phone.pull()
        other = Device(database.connect("a_member", autocommit=True), number)
        other.pull()
        assert phone.records == other.records
        assert [len(phone.records[name]) for name in ("sessions", "session_records")] == count
    assert phone.records == original
    assert phone.complaints == []
