"""A device's pulls and pushes are facts of its user's stream: nobody has to report them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    import psycopg

    from harness import Database, Tenants

START = "2026-03-10 08:00+00"
PHONE = {"platform": "ios", "appVersion": "4.2.0", "networkType": "wifi", "networkQuality": "good"}


@dataclass
class Facts:
    """What pull and push say of themselves, by the owner, on a clock that the test moves."""

    owner: psycopg.Connection[Any]
    org_id: Any
    user_id: Any

    def at(self, time: str) -> None:
        self.owner.execute("select set_config('syncwell.fake_now', %s, false)", [time])

    def pull(self, kind: str = "delta", *, cursor: int = 1024, device: str = "phone", **more: Any) -> None:
        said = {"created": 3, "updated": 2, "deleted": 1, "bytes": 900, "records": None, "client": PHONE} | more
        self.owner.execute(
            """
            select syncwell._note_pull(
              %(org)s, %(user)s, %(device)s, %(kind)s, %(cursor)s, 7, %(created)s, %(updated)s, %(deleted)s, %(bytes)s,
              %(records)s, syncwell._now() - interval '2 seconds', %(client)s
            )
            """,
            said
            | {"org": self.org_id, "user": self.user_id, "device": device, "kind": kind, "cursor": cursor}
            | {name: Jsonb(said[name]) for name in ("records", "client") if said[name] is not None},
        )

    def push(self, *, device: str = "phone", error: str | None = None, **more: Any) -> None:
        written = dict(zip(("created", "updated", "deleted"), (1, 2, 0) if error is None else (None,) * 3, strict=True))
        said = {"conflicts": 0, "quarantined": 0, "message": error and "no", "client": PHONE} | written | more
        self.owner.execute(
            """
            select syncwell._note_push(
              %(org)s, %(user)s, %(device)s, %(error)s::text is null, %(created)s, %(updated)s,
              %(deleted)s, %(conflicts)s, %(quarantined)s, 500,
              syncwell._now() - interval '1 second', %(error)s, %(message)s, %(client)s
            )
            """,
            said
            | {"org": self.org_id, "user": self.user_id, "device": device, "error": error}
            | {"client": Jsonb(said["client"])},
        )

    def rows(self, query: str) -> list[dict[str, Any]]:
        return self.owner.cursor(row_factory=dict_row).execute(query.encode()).fetchall()

    def one(self, query: str) -> dict[str, Any]:
        (row,) = self.rows(query)
        return row

    def device(self) -> dict[str, Any]:
        return self.one("select * from syncwell.sync_devices")

    def state(self) -> dict[str, Any]:
        return self.one("select * from syncwell.sync_state")

    def runs(self) -> list[dict[str, Any]]:
        """In the order in which they were written: the clock may stand still, and places are used again."""
        return self.rows("select * from syncwell.sync_events order by xmin::text::bigint, cmin::text::bigint")


@pytest.fixture
def facts(db: psycopg.Connection[Any], tenants: Tenants) -> Facts:
    found = Facts(db, tenants.org("a"), tenants.id("a_member"))
    found.at(START)
    # the clock is the owner's to move, so it asks on the user's behalf
    db.execute("select syncwell.bind_login(session_user, 'gateway')")
    return found


def ask(facts: Facts, question: str) -> list[Any]:
    """As the user whose device it is."""
    facts.owner.execute("select syncwell.act_as(%s)", [facts.user_id])
    return facts.owner.execute(question.encode()).fetchall()


def test_a_pull_is_a_run(facts: Facts) -> None:
    facts.pull("first", records={"1": 40})
    (run,) = facts.runs()
    told = {
        "source": "app", "direction": "pull", "sync_type": "full", "status": "success", "duration_ms": 2000,
        "items_processed": 6, "items_created": 3, "items_updated": 2, "items_deleted": 1, "items_failed": None,
        "bytes": 900, "platform": "ios", "device_id": "phone", "network_type": "wifi", "network_quality": "good",
        "attempt": 1, "error_type": None, "user_id": facts.user_id,
    }  # fmt: skip
    assert told.items() <= run.items()
    state = facts.state()
    assert (state["total_runs"], state["recent_outcomes"], state["consecutive_failures"]) == (1, "1", 0)
    assert state["last_full_sync"] == state["last_successful_sync"] == run["completed_at"]
    assert state["last_incremental_sync"] is None
    assert state["items_in_database"] is None, "what a device is sent is not new in the database"
    told = {
        "platform": "ios", "app_version": "4.2.0", "network_type": "wifi", "pulls": 1, "pushes": 0, "cursor": 1024,
        "schema_version": 7, "full_resyncs": 0, "records": {"1": 40}, "last_push": None,
    }  # fmt: skip
    assert told.items() <= facts.device().items()

    facts.at("2026-03-10 08:10+00")
    facts.pull("delta", cursor=2048, records={"1": -5, "2": 3})
    assert [run["sync_type"] for run in facts.runs()] == ["full", "incremental"]
    assert facts.device()["records"] == {"1": 35, "2": 3}
    assert facts.device()["cursor"] == 2048
    assert facts.state()["last_incremental_sync"] > facts.state()["last_full_sync"]

    facts.pull("replacement", records={"1": 30})
    assert (facts.device()["records"], facts.device()["full_resyncs"]) == ({"1": 30}, 1)
    assert facts.runs()[-1]["sync_type"] == "full"
    facts.pull("first", records={"1": 30})
    assert facts.device()["full_resyncs"] == 2, "a known device that starts from nothing"


def test_a_push_is_a_run(facts: Facts) -> None:
    facts.push()
    (run,) = facts.runs()
    told = {
        "direction": "push", "sync_type": "incremental", "status": "success", "items_processed": 3, "items_created": 1,
        "items_updated": 2, "items_deleted": 0, "items_failed": 0, "bytes": 500, "duration_ms": 1000,
    }  # fmt: skip
    assert told.items() <= run.items()
    assert facts.state()["items_in_database"] == 1
    facts.push(quarantined=2, conflicts=3)
    assert facts.runs()[-1]["status"] == "partial"
    assert facts.runs()[-1]["items_failed"] == 2
    device = facts.device()
    assert (device["pushes"], device["quarantined"], device["conflicts"], device["failures"]) == (2, 2, 3, 0)
    assert device["last_pull"] is None


def test_failed_and_conflicting_pushes_count(facts: Facts) -> None:
    facts.pull("first")
    facts.at("2026-03-10 09:00+00")
    facts.push(error="SW304", message="3 records were changed", conflicts=3)
    (_, run) = facts.runs()
    told: dict[str, Any] = {
        "status": "failed",
        "error_type": "HTTP_409",
        "error_code": "SW304",
        "items_processed": None,
    }
    assert told.items() <= run.items()
    assert run["error_message"] == "3 records were changed"
    error = facts.one("select * from syncwell.sync_errors")
    told = {"error_class": "conflict", "http_status": 409, "lane": "none", "reason": "client", "next_retry_at": None}
    assert told.items() <= error.items()
    device = facts.device()
    assert (device["failures"], device["conflicts"], device["last_error_code"]) == (1, 3, "SW304")
    assert facts.state()["consecutive_failures"] == 1

    facts.at("2026-03-10 09:10+00")
    facts.push(error="23514")
    facts.push(error="40001")
    assert facts.state()["consecutive_failures"] == 3
    assert not facts.state()["is_healthy"]
    assert facts.device()["failing_since"] == device["failing_since"], "since the first in a row"
    errors = facts.rows("select error_class, reason from syncwell.sync_errors order by first_seen, error_code")
    assert [(row["error_class"], row["reason"]) for row in errors] == [
        ("conflict", "client"),
        ("permanent", "permanent"),
        ("transient", "client"),
    ]

    facts.push()
    assert facts.state()["consecutive_failures"] == 0
    assert facts.device()["failing_since"] is None
    assert facts.device()["last_error_code"] is None
    assert facts.one("select count(*) from syncwell.sync_errors where resolved_at is null") == {"count": 0}


def test_failed_pushes_are_nobody_elses_to_retry(facts: Facts) -> None:
    """Nor do they open the circuit: that devices are refused says nothing of the source."""
    for _ in range(12):
        facts.push(error="40001")
    facts.at("2026-03-12 08:00+00")
    facts.owner.execute("set local session authorization operator")
    assert facts.owner.execute("select * from syncwell.claim_due_retries(100)").fetchall() == []
    facts.owner.execute("reset session authorization")
    assert facts.rows("select * from syncwell.circuits") == []
    assert facts.one("select sum(failures) as failures, sum(runs) as runs from syncwell.source_attempts") == {
        "failures": 0,
        "runs": 12,
    }


def versions(facts: Facts) -> dict[str, Any]:
    """Which version of every row there is of what a sync may write."""
    return {
        table: [
            (row["ctid"], row["xmin"])
            for row in facts.rows(f"select ctid::text, xmin::text from syncwell.{table} as t order by 1")
        ]
        for table in ("sync_devices", "sync_state", "sync_events", "streams", "sync_errors", "source_attempts")
    }


def test_idle_pulls_keep_the_stream_fresh_once_a_minute(database: Database, tenants: Tenants) -> None:
    owner = database.connect(autocommit=True)
    facts = Facts(owner, tenants.org("a"), tenants.id("a_member"))
    facts.at(START)
    member = database.connect("a_member", autocommit=True)
    member.execute("select syncwell.register_stream('app', p_expected_interval => '1 hour')")
    facts.pull("first")
    before = versions(facts)
    facts.at("2026-03-10 08:00:59+00")
    with owner.transaction():
        facts.pull("idle")
        assert facts.one("select pg_current_xact_id_if_assigned() as xid") == {"xid": None}, "nothing is written"
    assert versions(facts) == before

    (run,) = facts.runs()
    facts.at("2026-03-10 08:01:00+00")
    facts.pull("idle")
    assert facts.runs() == [run], "no run"
    state, device = facts.state(), facts.device()
    assert state["last_successful_sync"] == device["last_pull"] == device["last_seen"] > run["completed_at"]
    assert (state["next_sync_at"] - device["last_pull"]).total_seconds() == 3600
    assert (state["total_runs"], state["last_run_at"]) == (1, run["completed_at"])
    assert device["pulls"] == 1
    before = versions(facts)
    facts.at("2026-03-10 08:01:30+00")
    facts.pull("idle")
    assert versions(facts) == before
    facts.pull("idle", cursor=4096)
    assert facts.device()["cursor"] == 4096, "a refreshed cursor is always noted"

    owner.execute("select syncwell.set_setting('delta.idle_interval', '10 minutes', p_org_id => %s)", [facts.org_id])
    facts.at("2026-03-10 08:10:00+00")
    before = versions(facts)
    facts.pull("idle", cursor=4096)
    assert versions(facts) == before, "how often is a setting"


def test_an_idle_pull_does_not_hide_that_pushes_fail(facts: Facts) -> None:
    facts.pull("first")
    facts.at("2026-03-10 08:05+00")
    facts.push(error="23514")
    before = facts.state()
    facts.at("2026-03-10 09:00+00")
    facts.pull("idle")
    assert facts.state() == before
    assert facts.device()["last_pull"] > before["last_failed_sync"]


def test_health_follows_without_the_app_reporting_anything(facts: Facts) -> None:
    status = "select status, reason from syncwell.get_sync_health_status() where source = 'app'"
    assert ask(facts, status) == []
    facts.pull("first")
    assert ask(facts, status)[0][0] == "healthy"
    facts.at("2026-03-11 08:00:01+00")
    assert ask(facts, status)[0] == ("late", "the next success is overdue")
    facts.pull("idle")
    assert ask(facts, status)[0][0] == "healthy"
    for _ in range(3):
        facts.push(error="SW304")
    assert ask(facts, status)[0] == ("unhealthy", "the last 3 runs failed")
    facts.push()
    facts.push(quarantined=1)
    assert ask(facts, status)[0] == ("degraded", "some items of the last run failed")


def issues(facts: Facts, issue_type: str) -> list[Any]:
    return ask(
        facts,
        "select severity, since, evidence, source, user_id, stream_id is not null"
        f" from syncwell.detect_sync_issues() where issue_type = '{issue_type}'",
    )


def test_a_device_whose_pushes_fail_is_an_issue(facts: Facts) -> None:
    facts.pull("first")
    facts.push(error="23514")
    since = facts.device()["failing_since"]
    facts.at("2026-03-10 09:00+00")
    facts.pull(device="tablet")
    facts.push(device="tablet")
    assert issues(facts, "failure") == [], "the stream does well by the other device"
    ((severity, told_since, evidence, source, user_id, known),) = issues(facts, "rejected_pushes")
    assert (severity, told_since, source, user_id, known) == ("warning", since, "app", facts.user_id, True)
    assert {"device_id": "phone", "platform": "ios", "error_code": "23514"}.items() <= evidence.items()
    facts.push()
    assert issues(facts, "rejected_pushes") == []


QUARANTINE = """
insert into syncwell.sync_quarantine (
  org_id, id, user_id, device_id, table_name, record_id, action, error_code, reason, quarantined_at
)
select
  %s, gen_random_uuid(), %s, %s, 'todos', n::text, 'created', '23514', 'no',
  timestamptz '2026-03-10 08:00+00' + n * interval '1 hour'
from generate_series(1, %s) as n
"""
CONFLICTS = """
insert into syncwell.sync_conflicts (
  org_id, id, user_id, device_id, scope, table_name, record_id, action, policy, outcome, occurred_at
)
select %s, syncwell._uuid7(t.at), %s, %s, gen_random_uuid(), 'todos', n::text, 'updated', 'server_wins', 'server', t.at
from generate_series(1, %s) as n
cross join lateral (select timestamptz '2026-03-10 08:00+00' + n * interval '1 minute' as at) as t
"""


def test_quarantined_records_are_an_issue(facts: Facts, tenants: Tenants) -> None:
    facts.pull("first")
    facts.owner.execute(QUARANTINE, [facts.org_id, facts.user_id, "phone", 3])
    facts.owner.execute(QUARANTINE, [facts.org_id, tenants.id("a_other"), "phone", 3])
    ((severity, since, evidence, source, _, known),) = issues(facts, "quarantine")
    assert (severity, since.isoformat(), source, known) == ("warning", "2026-03-10T09:00:00+00:00", "app", True)
    assert evidence["device_id"] == "phone"
    assert (evidence["records"], evidence["tables"], evidence["error_codes"]) == (3, ["todos"], ["23514"])
    assert evidence["oldest"] == "2026-03-10T09:00:00+00:00"
    facts.owner.execute("update syncwell.sync_quarantine set resolved_at = syncwell._now()")
    assert issues(facts, "quarantine") == []


def test_many_conflicts_are_an_issue(facts: Facts) -> None:
    facts.pull("first")
    facts.owner.execute(CONFLICTS, [facts.org_id, facts.user_id, "phone", 9])
    facts.owner.execute(CONFLICTS, [facts.org_id, facts.user_id, "tablet", 10])
    facts.at("2026-03-10 09:00+00")
    ((severity, since, evidence, _, _, _),) = issues(facts, "conflicts")
    assert (severity, since.isoformat()) == ("warning", "2026-03-10T08:01:00+00:00")
    assert {"device_id": "tablet", "conflicts": 10, "conflict_threshold": 10, "hours": 24}.items() <= evidence.items()
    facts.owner.execute("update syncwell.sync_conflicts set choice = 'client' where record_id = '1'")
    assert issues(facts, "conflicts") == [], "what a person decided is settled"
    facts.owner.execute(
        "select syncwell.set_setting('health.conflict_threshold', '9', p_source => 'app', p_org_id => %s)",
        [facts.org_id],
    )
    assert len(issues(facts, "conflicts")) == 1
    facts.at("2026-03-11 08:03+00")
    assert issues(facts, "conflicts") == [], "only those of a day"


def test_without_consent_neither_device_nor_network_is_stored_or_shown(facts: Facts) -> None:
    facts.pull("first")
    facts.push(error="23514", message="todos: title of Ann")
    facts.owner.execute(QUARANTINE, [facts.org_id, facts.user_id, "phone", 1])
    shown = "select device_id, network_type, platform from syncwell.get_sync_clients()"
    assert ask(facts, shown) == [("phone", "wifi", "ios")]
    facts.owner.execute("select syncwell.set_setting('consent_required', 'on', p_org_id => %s)", [facts.org_id])
    assert ask(facts, shown) == [(None, None, "ios")]
    for issue in ("rejected_pushes", "quarantine"):
        assert issues(facts, issue)[0][2]["device_id"] is None
    facts.owner.execute("delete from syncwell.sync_devices; delete from syncwell.sync_errors")
    facts.pull("delta")
    facts.push(error="23514", message="todos: title of Ann")
    assert facts.device()["network_type"] is None
    for run in facts.runs()[2:]:
        assert (run["device_id"], run["network_type"], run["network_quality"], run["error_message"]) == (None,) * 4
    assert facts.one("select error_message from syncwell.sync_errors") == {"error_message": None}


@pytest.mark.parametrize(
    ("client", "platform", "version"),
    [
        ({"platform": "Android", "appVersion": " 1 "}, "android", "1"),
        ({"platform": "windows"}, "other", None),
        ({"platform": 7, "appVersion": {"a": 1}}, None, None),
        ({"platform": "", "appVersion": "x" * 100_000}, None, "x" * 64),
        ([1, 2], None, None),
        ("ios", None, None),
        (None, None, None),
    ],
)
def test_what_a_client_says_of_itself_fails_nothing(facts: Facts, client: Any, platform: Any, version: Any) -> None:
    facts.pull("first", client=client)
    facts.push(client=client)
    assert (facts.device()["platform"], facts.device()["app_version"]) == (platform, version)
    assert [run["platform"] for run in facts.runs()] == [platform, platform]


def test_the_source_is_a_setting(facts: Facts) -> None:
    facts.owner.execute("select syncwell.set_setting('delta.source', 'journal', p_org_id => %s)", [facts.org_id])
    facts.pull("first")
    assert [run["source"] for run in facts.runs()] == ["journal"]
    facts.owner.execute("select syncwell.set_setting('delta.source', 'no name', p_org_id => %s)", [facts.org_id])
    facts.push()
    assert [run["source"] for run in facts.runs()] == ["journal", "app"], "a wrong one keeps nobody from syncing"


def test_a_retired_stream_is_back_with_its_next_run(facts: Facts) -> None:
    facts.pull("first")
    facts.owner.execute("update syncwell.streams set retired_at = syncwell._now()")
    state = facts.state()
    facts.at("2026-03-10 09:00+00")
    facts.pull("idle")
    assert facts.state() == state
    facts.pull("delta")
    assert facts.one("select retired_at from syncwell.streams") == {"retired_at": None}


def test_a_streamed_pull_survives_that_the_stream_moved_on(database: Database, tenants: Tenants) -> None:
    """Its snapshot is older than what another device of the user has noted meanwhile."""
    one, other = (Facts(database.connect(autocommit=True), tenants.org("a"), tenants.id("a_member")) for _ in range(2))
    other.pull("first", device="tablet")
    with one.owner.transaction():
        one.owner.execute("set transaction isolation level repeatable read")
        one.owner.execute("select pg_current_snapshot()")
        other.push(device="tablet")
        one.pull("first")
    assert [run["device_id"] for run in one.runs()].count("phone") == 1
    assert all(run["status"] == "success" and run["duration_ms"] is not None for run in one.runs())
    assert one.state()["last_status"] == "success"
    assert one.state()["total_runs"] == 2, "the state is the other device's, which is the newer one"


def test_runs_are_listed_with_direction_and_bytes(facts: Facts) -> None:
    facts.pull("first")
    facts.at("2026-03-10 08:01+00")
    facts.push()
    shown = "select direction, bytes, device_id from syncwell.get_recent_sync_events('app')"
    assert ask(facts, shown) == [("push", 500, "phone"), ("pull", 900, "phone")]


TODOS = """
create schema app;
grant usage on schema app to public, syncwell_owner;
create table app.todos (id text primary key, user_id uuid not null, title text check (title <> 'bad'));
grant select, insert, update, delete on app.todos to public;
select syncwell.register_synced_table('app.todos');
"""
PUSH = """
select syncwell.sync_push(
  json_build_object('todos', json_build_object('created', '[]'::json, 'updated', %s::json, 'deleted', '[]'::json)),
  p_last_pulled_at => %s, p_device_id => 'phone', p_client => '{"platform": "ios", "networkType": "wifi"}'
)
"""


class Phone:
    """A device of a_member, which calls sync_pull() and sync_push() and reports nothing."""

    def __init__(self, session: psycopg.Connection[Any]) -> None:
        self.session = session
        self.cursor: int | None = None

    def answer(self, query: str, *arguments: Any) -> dict[str, Any]:
        row: tuple[dict[str, Any]] | None = self.session.execute(query.encode(), arguments).fetchone()
        assert row is not None
        return row[0]

    def pull(self) -> None:
        self.cursor = self.answer(
            "select syncwell.sync_pull(%s, p_device_id => 'phone', p_client => '{\"platform\": \"ios\"}')", self.cursor
        )["timestamp"]

    def push(self, record_id: str, title: str) -> dict[str, Any]:
        return self.answer(PUSH, json.dumps([{"id": record_id, "title": title}]), self.cursor)


def test_pulls_and_pushes_note_themselves(database: Database, tenants: Tenants) -> None:
    owner = database.connect(autocommit=True)
    owner.execute(TODOS.encode())
    owner.execute(
        "insert into app.todos select n::text, %s, 'x' from generate_series(1, 3) n", [tenants.id("a_member")]
    )
    facts = Facts(owner, tenants.org("a"), tenants.id("a_member"))
    session = database.connect("a_member", autocommit=True)
    phone = Phone(session)
    phone.pull()
    phone.pull()
    assert phone.push("1", "mine")["success"]
    owner.execute("update app.todos set title = 'theirs' where id = '2'")
    assert phone.push("2", "mine")["error"]["code"] == "SW304"
    phone.pull()
    assert phone.push("2", "bad")["success"]
    owner.execute("update app.todos set title = 'theirs' where id = '3'")
    owner.execute("delete from app.todos where id = '2'")
    phone.pull()

    def short(run: dict[str, Any]) -> tuple[Any, ...]:
        return (
            run["direction"], run["sync_type"], run["status"],
            run["items_created"], run["items_updated"], run["items_deleted"], run["items_failed"],
        )  # fmt: skip

    first, *middle, last = [short(run) for run in facts.runs()]
    assert first == ("pull", "full", "success", 3, 0, 0, None)
    assert middle[0] == ("push", "incremental", "success", 0, 1, 0, 0)
    assert middle[1][:3] == ("push", "incremental", "failed")
    assert middle[2][:3] == ("pull", "incremental", "success")
    assert middle[3] == ("push", "incremental", "partial", 0, 0, 0, 1)
    assert last[:3] == ("pull", "incremental", "success")
    assert last[5] == 1
    assert all(run["bytes"] > 0 and run["duration_ms"] >= 0 and run["platform"] == "ios" for run in facts.runs())
    error = facts.one("select error_class, lane, resolved_at is not null as resolved from syncwell.sync_errors")
    assert error == {"error_class": "conflict", "lane": "none", "resolved": True}

    device = facts.device()
    told = {"pulls": 3, "pushes": 2, "failures": 1, "conflicts": 1, "quarantined": 1, "cursor": phone.cursor}
    assert told.items() <= device.items()
    assert sum(device["records"].values()) == 2
    status = "select status, reason from syncwell.get_sync_health_status() where source = 'app'"
    assert session.execute(status).fetchall() == [("healthy", None)]
    issue = "select evidence ->> 'records' from syncwell.detect_sync_issues() where issue_type = 'quarantine'"
    assert session.execute(issue).fetchall() == [("1",)]


def test_idle_pulls_of_a_minute_write_nothing(database: Database) -> None:
    owner = database.connect(autocommit=True)
    owner.execute(TODOS.encode())
    facts = Facts(owner, None, None)
    session = database.connect("a_member", autocommit=True)
    phone = Phone(session)
    phone.pull()
    before, cursor = versions(facts), phone.cursor
    for _ in range(3):
        with session.transaction():
            phone.pull()
            assert session.execute("select pg_current_xact_id_if_assigned()").fetchone() == (None,)
    assert (versions(facts), phone.cursor) == (before, cursor)
    owner.execute("update syncwell.sync_devices set last_pull = last_pull - interval '1 minute'")
    owner.execute("update syncwell.sync_cursors set idle_until = idle_until - interval '1 minute'")
    state = facts.state()
    phone.pull()
    assert facts.state()["last_successful_sync"] > state["last_successful_sync"]
    assert facts.state()["total_runs"] == 1
    assert phone.cursor == cursor
