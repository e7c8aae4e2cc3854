"""GET /sync/events: the full state, then what happens, and nothing of anybody else's."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from psycopg import OperationalError

from harness import Tenants, wait_until
from harness.eventing import following
from harness.serving import bearer, configured, serving, synced
from syncwell.http.events.listener import APPLICATION
from syncwell.http.events.session_board import SessionBoard
from syncwell.http.events.watched import Watched

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    import psycopg

    from harness import Database
    from syncwell.http.events.boards import Messages

MEMBER, OTHER, ANALYST, ADMIN, FOREIGN, FOREIGN_ADMIN = (
    Tenants.id(name) for name in ("a_member", "a_other", "a_analyst", "a_admin", "b_member", "b_admin")
)
# one of a member's stream, one of the org's own, one of no stream, and one of another org
STREAMS = """
with made (org, name, owner) as (
  values ('a', 'mine', test.id('a_member')), ('a', 'org', null), ('b', 'foreign', test.id('b_admin'))
),
streams as (
  insert into syncwell.streams (org_id, stream_id, user_id, source)
  select test.org(m.org), md5(m.name)::uuid, m.owner, m.name from made as m
  returning *
)
insert into syncwell.stream_states (org_id, stream_id, user_id, source, status)
select s.org_id, s.stream_id, s.user_id, s.source, 'late' from streams as s
"""
ISSUES = """
insert into syncwell.sync_issues (
  org_id, id, fingerprint, issue_type, severity, stream_id, user_id, source, evidence, opened_at, last_seen_at
)
select s.org_id, gen_random_uuid(), %(when)s || s.source, 'failure', 'critical', s.stream_id, s.user_id,
  s.source, '{"device_id": "HIDDEN"}'::jsonb, now(), now()
from syncwell.streams as s
union all
select test.org('a'), gen_random_uuid(), %(when)s, 'mass_staleness', 'critical', null, null, 'mass', '{}', now(), now()
"""


@pytest.fixture
def admin(database: Database) -> psycopg.Connection[Any]:
    return database.connect(autocommit=True)


@pytest.fixture
def client(database: Database) -> Iterator[httpx.Client]:
    with serving(configured(database.uri("gateway"))) as made:
        yield made


def report(admin: psycopg.Connection[Any], user: UUID, sync: str, done: int, total: int | None = 10) -> None:
    """What a user's worker reports."""
    with admin.transaction():
        admin.execute("select syncwell.bind_login(session_user, 'gateway')")
        admin.execute("select syncwell.act_as(%s)", [user])
        admin.execute("select syncwell.report_sync_progress(%s, %s, %s)", [sync, done, total])


def listeners(admin: psycopg.Connection[Any]) -> list[int]:
    rows = admin.execute(
        "select pid from pg_stat_activity where application_name = %s and datname = current_database()", [APPLICATION]
    )
    return [pid for (pid,) in rows]


def backends(admin: psycopg.Connection[Any]) -> set[int]:
    # in a transaction the view stands still until it is told not to
    admin.execute("select pg_stat_clear_snapshot()")
    return {pid for (pid,) in admin.execute("select pid from pg_stat_activity")}


def test_the_state_comes_first_and_then_what_happens(client: httpx.Client, admin: psycopg.Connection[Any]) -> None:
    report(admin, OTHER, "running", 3)
    report(admin, OTHER, "over", 10)
    with following(client, MEMBER) as follower:
        state = follower.next()
        assert follower.seen[0][0] == "state"
        assert state["topics"] == ["progress", "health", "changed"]
        assert [(row["sync_id"], row["status"], row["processed_count"]) for row in state["progress"]] == [
            ("running", "in_progress", 3)
        ]
        assert state["health"] == {"counts": {}, "streams": [], "issues": [], "truncated": False}
        assert "server_time" in state
        assert follower.text.startswith("retry: 2000\n\nevent: state\n")
        report(admin, MEMBER, "begun", 1)
        begun = follower.next("progress")
        assert (begun["sync_id"], begun["percent"], begun["initiated_by"]) == ("begun", 10.0, str(MEMBER))
        # a plain report notifies nobody, and is told of all the same
        report(admin, OTHER, "running", 7)
        assert follower.next("progress")["processed_count"] == 7
        report(admin, OTHER, "running", 10)
        assert follower.next("progress")["status"] == "completed"
        # what begins and ends between two looks is found by the notification
        report(admin, OTHER, "short", 10)
        assert follower.until("progress", lambda row: row["sync_id"] == "short")["status"] == "completed"
        admin.execute("delete from syncwell.sync_progress where sync_id = 'begun'")
        assert follower.next("progress") == {"id": begun["id"], "removed": True}


def test_whoever_comes_again_gets_the_state_as_it_is(client: httpx.Client, admin: psycopg.Connection[Any]) -> None:
    report(admin, MEMBER, "one", 1)
    with following(client, MEMBER, "?topics=progress") as follower:
        assert [row["processed_count"] for row in follower.next("state")["progress"]] == [1]
    report(admin, MEMBER, "one", 2)
    report(admin, MEMBER, "two", 1)
    with following(client, MEMBER, "?topics=progress") as follower:
        rows = follower.next("state")["progress"]
        assert {row["sync_id"]: row["processed_count"] for row in rows} == {"one": 2, "two": 1}


@pytest.mark.parametrize(
    ("user", "streams", "issues"),
    [
        (MEMBER, {"mine", "org"}, {"mine", "org"}),
        (OTHER, {"org"}, {"org"}),
        (ANALYST, {"mine", "org"}, {"mine", "org", "mass"}),
        (ADMIN, {"mine", "org"}, {"mine", "org", "mass"}),
        (FOREIGN, set(), set()),
        (FOREIGN_ADMIN, {"foreign"}, {"foreign"}),
    ],
)
def test_health_is_told_to_those_who_may_see_it(
    user: UUID, streams: set[str], issues: set[str], client: httpx.Client, admin: psycopg.Connection[Any]
) -> None:
    """At once and as it happens they are told the same, and no details, which its user may not have consented to."""
    admin.execute("select syncwell.set_setting('consent_required', 'on', p_org_id => test.org('a'))")
    admin.execute(STREAMS)
    admin.execute(ISSUES, {"when": "before"})
    with following(client, user, "?topics=health,progress") as follower:
        health = follower.next("state")["health"]
        assert {row["source"] for row in health["streams"]} == streams
        assert health["counts"] == ({"late": len(streams)} if streams else {})
        assert {row["source"] for row in health["issues"]} == issues
        admin.execute("update syncwell.stream_states set status = 'unhealthy'")
        admin.execute(ISSUES, {"when": "after"})
        # two looks later all has been told
        for step in (1, 2):
            report(admin, user, "a sync", step)
            follower.next("progress")
        told = [data for name, data in follower.seen + follower.rest() if name == "health"]
        assert {row["source"] for data in told for row in data["issues"]} == issues
        assert {(row["source"], row["status"]) for data in told for row in data["streams"]} == {
            (source, "unhealthy") for source in streams
        }
        assert "HIDDEN" not in follower.text


def test_an_issue_is_followed_to_its_end(client: httpx.Client, admin: psycopg.Connection[Any]) -> None:
    admin.execute(STREAMS)
    admin.execute(ISSUES, {"when": ""})
    (issue,) = admin.execute("select id from syncwell.sync_issues where source = 'mine'").fetchone() or (None,)
    with following(client, MEMBER, "?topics=health") as follower:
        follower.next("state")
        with admin.transaction():
            admin.execute("select syncwell.bind_login(session_user, 'gateway')")
            admin.execute("select syncwell.act_as(%s)", [MEMBER])
            admin.execute("select syncwell.acknowledge_issue(%s, 'I look')", [issue])
        (row,) = follower.next("health")["issues"]
        assert (row["id"], row["state"], row["note"]) == (str(issue), "acknowledged", "I look")
        admin.execute("update syncwell.sync_issues set state = 'resolved', resolved_at = now() where id = %s", [issue])
        assert follower.next("health")["issues"][0]["state"] == "resolved"
        admin.execute("delete from syncwell.sync_issues where source = 'org'")
        assert follower.next("health")["issues"][0]["gone"] is True
        # no notification tells of it: it is seen within half a minute, or as soon as there is another reason to look
        admin.execute("update syncwell.streams set retired_at = now() where source = 'mine'")
        admin.execute("select pg_notify('syncwell_health', json_build_object('org_id', test.org('a'))::text)")
        assert follower.next("health")["streams"][0]["retired"] is True


def test_evaluations_tell_of_states(client: httpx.Client, admin: psycopg.Connection[Any], database: Database) -> None:
    admin.execute("insert into syncwell.streams (org_id, source, created_at) select test.org('a'), 'calls', now()")
    with database.connect("a_service", autocommit=True) as service, following(client, MEMBER) as follower:
        assert follower.next("state")["health"]["counts"] == {"unknown": 1}
        for _ in range(3):
            run = service.execute("select event_id, lease from syncwell.record_sync_start('calls')").fetchone()
            assert run is not None
            service.execute("select syncwell.record_sync_error(%s, %s, 'no answer')", run)
        service.execute("select * from syncwell.evaluate_health()")
        follower.until("health", lambda data: any(row["status"] == "unhealthy" for row in data["streams"]))


def test_notifications_can_be_switched_off(admin: psycopg.Connection[Any], database: Database) -> None:
    admin.execute(STREAMS)
    admin.execute("listen syncwell_health")
    admin.execute(ISSUES, {"when": "on"})
    told = [json.loads(notice.payload) for notice in admin.notifies(timeout=5, stop_after=2)]
    # once an org, however many issues, and no ids of users or issues
    assert sorted(told, key=str) == sorted(({"org_id": str(Tenants.org(name))} for name in ("a", "b")), key=str)
    admin.execute("select syncwell.set_setting('health.notify', 'off')")
    admin.execute(ISSUES, {"when": "off"})
    database.connect(autocommit=True).execute("select pg_notify('syncwell_health', 'the end')")
    assert [notice.payload for notice in admin.notifies(timeout=5, stop_after=1)] == ["the end"]


def test_records_of_a_session_are_told_once(client: httpx.Client, database: Database) -> None:
    device = database.connect("a_member", autocommit=True)
    found = device.execute("select session_id from syncwell.start_session('live', now())").fetchone()
    assert found is not None
    session = found[0]

    def send(second: int, spo2: float) -> None:
        reading = {"occurred_at": f"2026-03-01T12:00:{second:02}Z", "spo2": spo2, "heart_rate": 60, "extra": "HIDDEN"}
        device.execute("select syncwell.ingest_batch('reading', %s, p_session => 'live')", [json.dumps([reading])])

    send(5, 91)
    with (
        following(client, MEMBER, f"?topics=&session={session}") as owner,
        following(client, ANALYST, f"?session={session}") as analyst,
    ):
        for follower in (owner, analyst):
            state = follower.next("state")["sessions"][str(session)]
            assert state["counts"] == {"reading": 1}
            assert [row["spo2"] for row in state["records"]] == [91]
        assert "progress" not in owner.seen[0][1]
        # the next one, one that is late, and one that is corrected; not one that is sent again
        for second, spo2, told in ((6, 92, True), (4, 90, True), (6, 92, False), (6, 99, True)):
            send(second, spo2)
            for follower in (owner, analyst) if told else ():
                records = follower.next("session")["records"]
                assert [(row["at"][17:19], row["spo2"]) for row in records] == [(f"{second:02}", spo2)]
        device.execute("select syncwell.complete_session('live', now())")
        assert owner.until("session", lambda data: data["status"] == "completed")["counts"] == {"reading": 3}
        assert "HIDDEN" not in owner.text + analyst.text


def test_who_comes_late_to_a_long_session_gets_the_newest_of_it() -> None:
    board, session = SessionBoard(), uuid4()
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    for second in range(5000):
        row = (session, '{"status":"active"}', UUID(int=second), begin + timedelta(seconds=second), f'"{second}"')
        board.take([row])
        newest = json.loads(board.state())["records"]
        assert newest == [str(place) for place in range(max(0, second - 199), second + 1)]
    assert len(board._records) <= 2_400


@pytest.mark.parametrize("user", [OTHER, FOREIGN, FOREIGN_ADMIN])
def test_a_session_of_somebody_else_is_as_unknown_as_one_that_is_not(
    user: UUID, client: httpx.Client, database: Database
) -> None:
    device = database.connect("a_member", autocommit=True)
    found = device.execute("select session_id from syncwell.start_session('live', now())").fetchone()
    assert found is not None
    answers = []
    for session in (found[0], uuid4()):
        refusal = client.get(f"/sync/events?session={session}", headers=bearer(user))
        assert refusal.status_code == 404
        answers.append(refusal.text.replace(str(session), "…"))
    assert answers[0] == answers[1]


def test_a_device_is_told_when_there_is_something_to_pull(
    client: httpx.Client, admin: psycopg.Connection[Any], database: Database
) -> None:
    synced(database)
    # one that is under way when others commit comes later than they do
    slow = database.connect()
    slow.execute("insert into public.todos (id, user_id) values ('slow', %s)", [MEMBER])
    with following(client, MEMBER, "?topics=changed") as mine, following(client, OTHER, "?topics=changed") as other:
        for follower in (mine, other):
            assert follower.next()["topics"] == ["changed"]
        admin.execute("insert into public.todos (id, user_id) values ('one', %s)", [OTHER])
        assert other.next("changed") == {}
        assert mine.rest() == []
        slow.commit()
        assert mine.next("changed") == {}
        # by the server's own notification at once
        admin.execute("select syncwell.set_setting('delta.notify', 'on')")
        with admin.transaction():
            admin.execute("update public.todos set title = 'two' where user_id = %s", [OTHER])
        assert other.next("changed") == {}


def test_one_connection_listens_however_many_follow(client: httpx.Client, admin: psycopg.Connection[Any]) -> None:
    assert listeners(admin) == []
    with following(client, MEMBER) as one, following(client, OTHER) as two, following(client, FOREIGN) as three:
        for follower in (one, two, three):
            follower.next("state")
        assert len(listeners(admin)) == 1


def test_nothing_is_lost_with_the_listening_connection(
    client: httpx.Client, admin: psycopg.Connection[Any], database: Database
) -> None:
    """Something happens while nobody listens; who only listens again never hears of it."""
    report(admin, OTHER, "before", 1)
    naive = database.connect(autocommit=True)
    naive.execute("listen syncwell_progress")
    with following(client, MEMBER, "?topics=progress") as one, following(client, ADMIN) as two:
        for follower in (one, two):
            assert [row["sync_id"] for row in follower.next("state")["progress"]] == ["before"]
        (first,) = listeners(admin)
        with admin.transaction():
            admin.execute(
                "select pg_terminate_backend(pid) from unnest(%s::int[]) as p (pid)", [[first, naive.info.backend_pid]]
            )
            # committed once they are gone
            wait_until("both to be gone", lambda: not {first, naive.info.backend_pid} & backends(admin))
            report(admin, OTHER, "meanwhile", 1)
        naive = database.connect(autocommit=True)
        naive.execute("listen syncwell_progress")
        for follower in (one, two):
            assert {row["sync_id"] for row in follower.next("state")["progress"]} == {"before", "meanwhile"}
        assert len(listeners(admin)) == 1
        assert list(naive.notifies(timeout=0)) == []
        report(admin, OTHER, "after", 1)
        assert len(list(naive.notifies(timeout=5, stop_after=1))) == 1
        for follower in (one, two):
            follower.until("progress", lambda row: row["sync_id"] == "after")


def test_nothing_is_lost_where_a_look_fails_halfway(
    client: httpx.Client, admin: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found before it failed is known then, and would never be told."""
    look = Watched._progress
    failed: list[Messages] = []

    async def fails(watched: Watched, gone: set[UUID]) -> Messages:
        told = await look(watched, gone)
        if told and not failed:
            failed.append(told)
            raise OperationalError("the connection is lost")
        return told

    monkeypatch.setattr(Watched, "_progress", fails)
    with following(client, MEMBER, "?topics=progress") as follower:
        assert follower.next("state")["progress"] == []
        report(admin, MEMBER, "one", 1)
        assert [row["sync_id"] for row in follower.next()["progress"]] == ["one"]
        assert len(failed) == 1
        report(admin, MEMBER, "two", 1)
        assert follower.next("progress")["sync_id"] == "two"


def test_anybody_may_notify_and_it_harms_nobody(
    client: httpx.Client, admin: psycopg.Connection[Any], database: Database
) -> None:
    anybody = database.connect("nobody_login", autocommit=True)
    with following(client, MEMBER) as follower:
        follower.next("state")
        for payload in (
            "", "{", "null", "[]", "7", '"x"', "[" * 7000, '{"org_id": 7}', '{"org_id": "x", "id": null}',
            json.dumps({"org_id": str(Tenants.org("a")), "id": str(uuid4()), "session": "x"}),
            json.dumps({"org_id": str(Tenants.org("b"))}), json.dumps({"org": str(Tenants.org("a"))}),
        ):  # fmt: skip
            for channel in ("syncwell_progress", "syncwell_health", "syncwell_sessions", "syncwell"):
                anybody.execute("select pg_notify(%s, %s)", [channel, payload])
        with anybody.transaction():
            anybody.execute(
                "select count(pg_notify('syncwell_progress', json_build_object("
                "'org_id', test.org('a'), 'id', gen_random_uuid())::text)) from generate_series(1, 5000)"
            )
        report(admin, MEMBER, "real", 1)
        assert follower.next("progress")["sync_id"] == "real"
        assert follower.rest() == []


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("?topics=secrets", "no topic"),
        ("?topics=progress,../etc", "no topic"),
        ("?topics=%0d%0aset-cookie:x", "no topic"),
        ("?topics=", "Nothing"),
        ("?session=1", "UUID"),
        ("?session=' or true", "UUID"),
        ("?" + "&".join(f"session={uuid4()}" for _ in range(9)), "more than 8"),
    ],
)
def test_what_cannot_be_followed_is_refused(query: str, detail: str, client: httpx.Client) -> None:
    refusal = client.get(f"/sync/events{query}", headers=bearer(MEMBER))
    assert refusal.status_code == 400
    assert refusal.headers["content-type"] == "application/problem+json"
    assert detail in refusal.json()["detail"]
    assert "set-cookie" not in refusal.headers


def test_an_org_that_is_gone_has_no_followers(client: httpx.Client, admin: psycopg.Connection[Any]) -> None:
    with following(client, FOREIGN) as gone, following(client, MEMBER) as stays:
        gone.next("state")
        stays.next("state")
        admin.execute("delete from syncwell.logins where org_id = test.org('b')")
        admin.execute("delete from syncwell.users where org_id = test.org('b')")
        admin.execute("delete from syncwell.orgs where org_id = test.org('b')")
        admin.execute("select pg_notify('syncwell_health', json_build_object('org_id', test.org('b'))::text)")
        wait_until("its stream to end", gone.ended.is_set)
        report(admin, MEMBER, "on", 1)
        assert stays.next("progress")["sync_id"] == "on"
        assert not stays.ended.is_set()


def test_followers_come_and_go_while_it_happens(client: httpx.Client, admin: psycopg.Connection[Any]) -> None:
    """Whenever somebody comes, what it gets at first and what it is told then make all of it: no count is missed."""
    done = threading.Event()
    failures: list[str] = []

    def come_and_go() -> None:
        while not done.is_set():
            with following(client, MEMBER, "?topics=progress") as follower:
                state = follower.next("state")["progress"]
                known = state[0]["processed_count"] if state else 0
                for _ in range(2):
                    count = follower.next("progress")["processed_count"]
                    if count <= known:
                        failures.append(f"{count} after {known}")
                    known = count

    threads = [threading.Thread(target=come_and_go) for _ in range(3)]
    for thread in threads:
        thread.start()
    count = 0
    while any(thread.is_alive() for thread in threads):
        count += 1
        report(admin, OTHER, "long", count, None)
        if count == 400:
            done.set()
    for thread in threads:
        thread.join()
    assert failures == []
