"""evaluate_health() moves states and keeps issues: one row a cause, written only where something changed."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.evaluating import Fleet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Database

# Every row that evaluations write, with the transaction and place that tell of a write.
WRITTEN = """
select 'states', stream_id::text, xmin::text, ctid::text from syncwell.stream_states
union all select 'periods', stream_id::text || starts_at, xmin::text, ctid::text from syncwell.stream_periods
union all select 'issues', id::text, xmin::text, ctid::text from syncwell.sync_issues
union all select 'alerts', id::text, xmin::text, ctid::text from syncwell.alert_outbox
union all select 'windows', id::text, xmin::text, ctid::text from syncwell.maintenance_windows
union all select 'blind', starts_at::text, xmin::text, ctid::text from syncwell.blind_periods
"""


@pytest.fixture
def fleet(db: psycopg.Connection[Any]) -> Iterator[Fleet]:
    """All in one transaction that is rolled back: several evaluations of one session don't exclude each other."""
    fleet = Fleet(db)
    yield fleet
    fleet.assert_sound()


def test_a_stream_that_never_ran_is_unknown(fleet: Fleet) -> None:
    fleet.register("calls", "12:00", p_expected_interval="1 hour")
    assert fleet.tick("12:01") == {
        "streams": 1, "moved": 0, "opened": 0, "reopened": 0, "resolved": 0, "blind": None, "skipped": False,
    }  # fmt: skip
    assert fleet.states() == {"calls": "unknown"}
    assert fleet.periods("calls") == [("12:01", None, "unknown", None)]
    assert fleet.issues() == []


def test_failures_are_one_issue_that_grows_worse(fleet: Fleet) -> None:
    fleet.run("calls", "12:00")
    fleet.tick("12:01")
    fleet.run("calls", "12:02", "failed")
    assert fleet.tick("12:05")["opened"] == 1
    assert fleet.states() == {"calls": "degraded"}
    assert fleet.issues() == [("failure", "warning", "open", None)]
    fleet.run("calls", "12:06", "failed")
    fleet.run("calls", "12:07", "failed")
    assert fleet.tick("12:10")["opened"] == 0
    assert fleet.states() == {"calls": "unhealthy"}
    assert fleet.issues("issue_type, severity, evidence ->> 'consecutive_failures', times_opened") == [
        ("failure", "critical", "3", 1)
    ]
    assert fleet.periods("calls") == [
        ("12:01", "12:05", "healthy", None), ("12:05", "12:10", "degraded", None), ("12:10", None, "unhealthy", None),
    ]  # fmt: skip
    assert fleet.alerts() == [("failure", "firing", False), ("failure", "firing", False)]


def test_what_is_well_again_must_stay_so(fleet: Fleet) -> None:
    fleet.run("calls", "12:00", "failed")
    fleet.ticks("12:01", "12:01:30")
    fleet.run("calls", "12:02")
    fleet.run("calls", "12:03")
    # keep_for is 2 minutes: seen at 12:04 for the first time
    assert fleet.tick("12:04") | {"blind": None} == {
        "streams": 1, "moved": 0, "opened": 0, "reopened": 0, "resolved": 0, "blind": None, "skipped": False,
    }  # fmt: skip
    assert fleet.rows(
        "select status, to_char(since at time zone 'UTC', 'HH24:MI'), pending_status from syncwell.stream_states"
    ) == [("degraded", "12:01", "healthy")]
    assert fleet.rows("select state, gone_since is not null from syncwell.sync_issues") == [("open", True)]
    assert fleet.tick("12:05")["resolved"] == 0
    # 2 minutes later to the second
    assert fleet.tick("12:06") | {"blind": None} == {
        "streams": 1, "moved": 1, "opened": 0, "reopened": 0, "resolved": 1, "blind": None, "skipped": False,
    }  # fmt: skip
    assert fleet.states() == {"calls": "healthy"}
    assert fleet.rows("select state, resolved_at, last_seen_at from syncwell.sync_issues") == fleet.rows(
        "select 'resolved', '2026-03-02 12:06+00'::timestamptz, '2026-03-02 12:01:30+00'::timestamptz"
    )
    assert fleet.alerts() == [("failure", "firing", False), ("failure", "resolved", False)]


def test_a_relapse_meanwhile_begins_the_wait_anew(fleet: Fleet) -> None:
    fleet.run("calls", "12:00", "failed")
    fleet.tick("12:01")
    fleet.run("calls", "12:02")
    fleet.tick("12:03")
    fleet.run("calls", "12:04", "failed")
    fleet.tick("12:05")
    fleet.run("calls", "12:05:30")
    fleet.tick("12:06")
    assert fleet.rows("select state, times_opened, gone_since from syncwell.sync_issues") == fleet.rows(
        "select 'open', 1, '2026-03-02 12:06+00'::timestamptz"
    )
    assert fleet.tick("12:07")["resolved"] == 0
    assert fleet.tick("12:08")["resolved"] == 1


def test_what_must_last_first_neither_moves_nor_opens_before(fleet: Fleet) -> None:
    fleet.setting("health.pending_for", "00:10:00")
    fleet.run("calls", "12:00")
    fleet.tick("12:01")
    fleet.run("calls", "12:02", "failed")
    for at in ("12:05", "12:10", "12:14"):
        assert fleet.tick(at)["opened"] == 0
        assert fleet.states() == {"calls": "healthy"}
    assert fleet.tick("12:15")["opened"] == 1
    assert fleet.states() == {"calls": "degraded"}
    assert fleet.value("select pending_issues from syncwell.stream_states") is None


def test_what_turns_from_better_to_worse_waits_anew(fleet: Fleet) -> None:
    fleet.setting("health.pending_for", "00:10:00")
    fleet.setting("health.keep_for", "01:00:00")
    fleet.register("calls", "11:00", p_expected_interval="30 minutes")
    fleet.run("calls", "11:10")
    fleet.every(5, "11:15", "12:00")
    assert fleet.states() == {"calls": "late"}
    fleet.run("calls", "12:01")
    fleet.every(5, "12:05", "12:25")
    fleet.run("calls", "12:26", "failed")
    fleet.ticks("12:30", "12:35")
    assert fleet.rows("select status, pending_status from syncwell.stream_states") == [("late", "degraded")]
    fleet.tick("12:40")
    assert fleet.states() == {"calls": "degraded"}


def test_what_is_stale_grows_worse(fleet: Fleet) -> None:
    """Nothing of its evidence changes then but that it is older."""
    fleet.register("calls", "11:00", p_expected_interval="1 hour")
    fleet.run("calls", "11:00")
    fleet.every(5, "12:05", "13:55")
    assert fleet.issues() == [("stale_data", "warning", "open", None)]
    fleet.tick("14:05")
    assert fleet.issues() == [("stale_data", "critical", "open", None)]


def test_a_stream_that_fails_is_not_told_to_be_late_as_well(fleet: Fleet) -> None:
    """One cause, told once, by the failure; until what it explains is worse than itself."""
    fleet.register("calls", "11:00", p_expected_interval="1 hour")
    fleet.run("calls", "11:00")
    fleet.run("calls", "12:00", "failed")
    fleet.every(5, "12:00", "12:10")
    assert fleet.issues("issue_type, severity, muted_by") == [
        ("failure", "warning", None),
        ("stale_data", "warning", "parent"),
    ]
    assert fleet.rows(
        "select c.issue_type, p.issue_type from syncwell.sync_issues as c "
        "join syncwell.sync_issues as p on p.id = c.parent_id"
    ) == [("stale_data", "failure")]
    assert fleet.alerts() == [("failure", "firing", False)]
    fleet.every(5, "12:15", "14:05")
    assert fleet.issues("issue_type, severity, muted_by, parent_id is null") == [
        ("failure", "warning", None, True),
        ("stale_data", "critical", None, True),
    ]
    for at in ("14:06", "14:07"):
        fleet.run("calls", at, "failed")
    fleet.tick("14:10")
    assert fleet.issues("issue_type, severity, muted_by") == [
        ("failure", "critical", None),
        ("stale_data", "critical", "parent"),
    ]


def test_a_stream_that_is_stuck_no_longer_is_told_to_be_late(fleet: Fleet) -> None:
    fleet.setting("runs.max_runtime", "00:30:00")
    fleet.register("calls", "11:00", p_expected_interval="1 hour")
    fleet.run("calls", "11:00")
    fleet.run("calls", "11:30", "started")
    fleet.every(5, "12:00", "12:10")
    assert fleet.issues("issue_type, muted_by") == [("stale_data", "parent"), ("stuck", None)]
    with fleet.connection.transaction():
        fleet.execute("select test.at('2026-03-02 12:11+00', 'a_member')")
        fleet.execute("select syncwell.cancel_sync_run(id) from syncwell.sync_events where status = 'started'")
    fleet.ticks("12:15", "12:20")
    assert fleet.issues("issue_type, state, muted_by, parent_id is null") == [
        ("stale_data", "open", None, True),
        ("stuck", "resolved", None, True),
    ]


def test_a_failure_that_nobody_is_told_of_explains_nothing(fleet: Fleet) -> None:
    fleet.execute(
        "insert into syncwell.silences (org_id, matcher, starts_at, ends_at) values "
        "(test.org('a'), '{\"issue_type\": \"failure\"}', '2026-03-02 10:00+00', '2026-03-02 18:00+00')"
    )
    fleet.register("calls", "11:00", p_expected_interval="1 hour")
    fleet.run("calls", "11:00")
    fleet.run("calls", "12:00", "failed")
    fleet.every(5, "12:00", "12:10")
    assert fleet.issues("issue_type, muted_by") == [("failure", "silence"), ("stale_data", None)]


def test_what_is_found_twice_is_one_issue(fleet: Fleet) -> None:
    """The worse of the two; a finding must not stop the evaluation of an org, whatever found it."""
    fleet.execute("alter function syncwell._issues_of rename to _issues_of_once")
    fleet.execute(
        "create function syncwell._issues_of(uuid, uuid[], text, uuid, boolean, interval default null) "
        "returns table (source text, issue_type text, severity text, since timestamptz, evidence jsonb, "
        "suggestion text, user_id uuid, stream_id uuid, platform text, cause text) language sql stable as $$ "
        "select * from syncwell._issues_of_once($1, $2, $3, $4, $5) union all "
        "select source, issue_type, 'critical', since, evidence, suggestion, user_id, stream_id, platform, cause "
        "from syncwell._issues_of_once($1, $2, $3, $4, $5) $$"
    )
    fleet.run("calls", "12:00", "failed")
    assert fleet.tick("12:05")["opened"] == 1
    assert fleet.issues() == [("failure", "critical", "open", None)]


def test_two_causes_are_two_issues(fleet: Fleet) -> None:
    fleet.run(fleet.value("select syncwell._sync_source(test.org('a'))"), "12:00")
    for device in ("one", "two"):
        fleet.execute(
            "insert into syncwell.sync_quarantine (org_id, id, user_id, device_id, table_name, record_id, action, "
            "record, error_code, reason, quarantined_at) values (test.org('a'), gen_random_uuid(), "
            "test.id('a_member'), %s, 'notes', 'r', 'updated', '{}', '23514', 'no', '2026-03-01')",
            device,
        )
    assert fleet.tick("12:05")["opened"] == 2
    assert fleet.tick("12:10")["opened"] == 0
    assert fleet.issues() == [("quarantine", "warning", "open", None)] * 2


def test_volumes_are_checked_before_streams_are_judged(fleet: Fleet) -> None:
    fleet.execute(
        "create or replace function syncwell._check_volumes(p_org_id uuid) returns bigint language sql as $$ "
        "update syncwell.stream_states set drift_percent = -100, drift_severity = 'critical' where org_id = p_org_id; "
        "select 1::bigint $$"
    )
    fleet.run("calls", "12:00")
    fleet.ticks("12:05", "12:10")
    assert fleet.value("select count(distinct score) from syncwell.stream_periods") == 2


def test_a_moment_of_trouble_is_forgotten(fleet: Fleet) -> None:
    fleet.setting("health.pending_for", "00:10:00")
    fleet.run("calls", "12:00")
    fleet.tick("12:01")
    fleet.run("calls", "12:02", "failed")
    fleet.tick("12:05")
    fleet.run("calls", "12:06")
    fleet.run("calls", "12:07")
    fleet.tick("12:10")
    fleet.run("calls", "12:11", "failed")
    fleet.tick("12:15")
    assert fleet.tick("12:20")["opened"] == 0
    assert fleet.tick("12:25")["opened"] == 1


def test_failures_from_the_threshold_on_wait_for_nothing(fleet: Fleet) -> None:
    fleet.setting("health.pending_for", "01:00:00")
    fleet.run("calls", "12:00")
    fleet.tick("12:01")
    for at in ("12:02", "12:03", "12:04"):
        fleet.run("calls", at, "failed")
    assert fleet.tick("12:05")["opened"] == 1
    assert fleet.states() == {"calls": "unhealthy"}


def test_a_second_evaluation_at_the_same_time_writes_nothing(fleet: Fleet) -> None:
    fleet.register("texts", "11:00", p_expected_interval="10 minutes")
    fleet.run("calls", "12:00", "failed")
    fleet.run("photos", "12:00")
    fleet.tick("12:05")
    before = fleet.rows(WRITTEN)
    fleet.tick("12:05")
    assert fleet.rows(WRITTEN) == before
    assert len(before) >= 8


def test_an_evaluation_without_news_writes_nothing_but_its_time(fleet: Fleet) -> None:
    fleet.register("texts", "11:00", p_expected_interval="10 minutes")
    for hour in range(21):
        fleet.run("photos", f"2026-03-01 {hour:02}:00")
    fleet.run("calls", "12:00", "failed")
    fleet.ticks("12:05", "12:10")
    before = fleet.rows(WRITTEN)
    assert fleet.tick("12:15")["streams"] == 3
    assert fleet.rows(WRITTEN) == before
    assert fleet.value(
        "select to_char(evaluated_at at time zone 'UTC', 'HH24:MI') from syncwell.health_evaluations"
    ) == ("12:15")
    # once an hour it is told that the issue is there still
    fleet.every(5, "12:20", "13:05")
    assert fleet.value("select count(*) from syncwell.sync_issues where last_seen_at < '2026-03-02 12:59+00'") == 0


def test_a_second_evaluation_at_the_same_time_sees_what_happened_since(fleet: Fleet) -> None:
    fleet.run("calls", "12:00")
    fleet.tick("12:05")
    fleet.run("calls", "12:04", "failed")
    fleet.tick("12:05")
    assert fleet.periods("calls") == [("12:05", None, "degraded", None)]


def test_a_clock_that_is_put_back_is_waited_for(fleet: Fleet) -> None:
    fleet.run("calls", "12:00", "failed")
    fleet.tick("12:30")
    before = fleet.rows(WRITTEN)
    fleet.run("calls", "11:40")
    assert fleet.tick("11:45")["streams"] == 0
    assert fleet.rows(WRITTEN) == before
    assert fleet.value("select evaluated_at = '2026-03-02 12:30+00' from syncwell.health_evaluations")
    assert fleet.tick("12:35")["streams"] == 1


def test_what_comes_back_soon_is_the_same_issue(fleet: Fleet) -> None:
    fleet.run("calls", "12:00", "failed")
    fleet.tick("12:01")
    issue = fleet.value("select id from syncwell.sync_issues")
    fleet.execute(
        "update syncwell.sync_issues set state = 'acknowledged', acknowledged_at = syncwell._now(), "
        "acknowledged_by = test.id('a_admin')"
    )
    fleet.run("calls", "12:02")
    fleet.ticks("12:05", "12:10")
    assert fleet.issues("state") == [("resolved",)]
    fleet.run("calls", "2026-03-03 12:00", "failed")
    assert fleet.tick("2026-03-03 12:05")["reopened"] == 1
    # resolved 12:10 the day before: more than nothing, less than health.reopen_within
    assert fleet.rows(
        "select id, state, times_opened, acknowledged_at, acknowledged_by, resolved_at, gone_since "
        "from syncwell.sync_issues where issue_type = 'failure'"
    ) == [(issue, "open", 2, None, None, None, None)]
    assert [a for a in fleet.alerts() if a[0] == "failure"] == [
        ("failure", "firing", False), ("failure", "resolved", False), ("failure", "firing", False),
    ]  # fmt: skip


def test_what_comes_back_late_is_a_new_issue(fleet: Fleet) -> None:
    fleet.setting("health.reopen_within", "01:00:00")
    fleet.run("calls", "12:00", "failed")
    fleet.tick("12:01")
    fleet.run("calls", "12:02")
    fleet.ticks("12:05", "12:10")
    fleet.every(10, "12:20", "13:10")
    fleet.run("calls", "13:09:30", "failed")
    # an hour after its end to the second
    assert fleet.tick("13:10")["opened"] == 1
    assert fleet.issues("state, times_opened") == [("resolved", 1), ("open", 1)]


def test_an_acknowledged_issue_stays_so_until_it_is_over(fleet: Fleet) -> None:
    fleet.run("calls", "12:00", "failed")
    fleet.tick("12:01")
    fleet.execute("update syncwell.sync_issues set state = 'acknowledged', acknowledged_at = syncwell._now()")
    fleet.run("calls", "12:02", "failed")
    fleet.tick("12:05")
    assert fleet.issues("state, evidence ->> 'consecutive_failures'") == [("acknowledged", "2")]
    fleet.run("calls", "12:06")
    fleet.ticks("12:10", "12:15")
    assert fleet.issues("state") == [("resolved",)]


def test_a_snooze_ends(fleet: Fleet) -> None:
    fleet.run("calls", "12:00", "failed")
    fleet.tick("12:01")
    fleet.execute("update syncwell.sync_issues set state = 'snoozed', snoozed_until = '2026-03-02 12:10+00'")
    fleet.tick("12:05")
    assert fleet.issues("state") == [("snoozed",)]
    fleet.tick("12:10")
    assert fleet.issues("state, snoozed_until") == [("open", None)]
    assert fleet.alerts() == [("failure", "firing", False), ("failure", "firing", False)]


def test_a_snoozed_issue_resolves(fleet: Fleet) -> None:
    fleet.run("calls", "12:00", "failed")
    fleet.tick("12:01")
    fleet.execute("update syncwell.sync_issues set state = 'snoozed', snoozed_until = '2026-03-02 18:00+00'")
    fleet.run("calls", "12:02")
    fleet.ticks("12:05", "12:10")
    assert fleet.issues("state, snoozed_until") == [("resolved", None)]


def test_a_retired_stream_has_no_issues_and_no_stretch_that_lasts(fleet: Fleet) -> None:
    fleet.run("calls", "12:00", "failed")
    fleet.tick("12:01")
    fleet.retire("calls", "12:03")
    # at once: what is expected no longer needs no time to be well
    assert fleet.tick("12:05")["resolved"] == 1
    assert fleet.periods("calls") == [("12:01", "12:03", "degraded", None)]
    before = fleet.rows(WRITTEN)
    assert fleet.tick("12:10")["streams"] == 0
    assert fleet.rows(WRITTEN) == before
    fleet.run("calls", "12:12", "failed")
    assert fleet.tick("12:15")["reopened"] == 1
    assert fleet.rows("select count(*), count(*) filter (where ends_at is null) from syncwell.stream_periods") == [
        (2, 1)
    ]


def test_a_score_that_moves_begins_a_new_stretch(fleet: Fleet) -> None:
    fleet.register("calls", "11:00", p_expected_interval="1 hour")
    fleet.run("calls", "11:30")
    fleet.every(5, "11:35", "14:30")
    stretches = fleet.rows("select status, score from syncwell.stream_periods order by starts_at")
    alike = [(a, b) for (x, a), (y, b) in itertools.pairwise(stretches) if x == y]
    assert len(alike) >= 2
    assert all(abs(a - b) >= 10 for a, b in alike)
    # 36 evaluations, at each of which it was another
    assert len(stretches) <= 8


def test_who_may_evaluate(database: Database) -> None:
    for login, orgs in (("operator", 2), ("a_service", 1), ("a_admin", 1)):
        rows = database.connect(login, autocommit=True).execute("select * from syncwell.evaluate_health()").fetchall()
        assert len(rows) == orgs, login
    with database.connect(autocommit=True) as owner:
        assert owner.execute("select count(*) from syncwell.health_evaluations").fetchone() == (2,)
    for login in ("a_member", "a_analyst"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="service or an admin"):
            database.connect(login, autocommit=True).execute("select syncwell.evaluate_health()")
    for login in ("nobody_login", "gateway"):
        with pytest.raises(psycopg.Error) as raised:
            database.connect(login, autocommit=True).execute("select syncwell.evaluate_health()")
        assert raised.value.sqlstate == "SW001", login
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.connect("jwt", autocommit=True).execute("select syncwell.evaluate_health()")


def test_a_service_evaluates_its_own_org_only(db: psycopg.Connection[Any]) -> None:
    db.execute("set session authorization a_service")
    db.execute("select syncwell.evaluate_health()")
    db.execute("reset session authorization")
    assert db.execute("select org_id = test.org('a') from syncwell.health_evaluations").fetchall() == [(True,)]


def test_one_org_that_fails_leaves_the_others_be(db: psycopg.Connection[Any]) -> None:
    notices: list[str] = []
    db.add_notice_handler(lambda n: notices.append(f"{n.severity} {n.message_primary}"))
    db.execute(
        "insert into syncwell.settings (org_id, key, value, set_at) "
        "values (test.org('a'), 'health.evaluation_interval', 'no interval', now())"
    )
    rows = db.execute("select org_id = test.org('b') from syncwell.evaluate_health()").fetchall()
    assert rows == [(True,)]
    assert notices == [
        f'WARNING org {row[0]} was not evaluated: invalid input syntax for type interval: "no interval"'
        for row in db.execute("select test.org('a')")
    ]


def test_the_duty_of_maintenance_evaluates_all_orgs(fleet: Fleet) -> None:
    fleet.run("calls", "12:00", "failed")
    fleet.at("12:05")
    # one state, one issue
    assert fleet.value("select syncwell._evaluate_health_task()") == 2
    assert fleet.value("select count(*) from syncwell.health_evaluations") == 2


def test_what_is_past_its_retention_goes(fleet: Fleet) -> None:
    fleet.run("calls", "12:00", "failed")
    fleet.tick("12:01")
    fleet.run("calls", "12:02")
    fleet.ticks("12:05", "12:10")
    fleet.execute(
        "insert into syncwell.maintenance_windows (org_id, mode, starts_at, ends_at, cron) "
        "select test.org('a'), 'mute', '2026-03-01', '2026-03-02', cron from unnest(array[null, '0 0 * * *']) as cron"
    )
    fleet.execute(
        "insert into syncwell.silences (org_id, matcher, starts_at, ends_at) "
        "values (test.org('a'), '{}', '2026-03-01', '2026-03-02')"
    )
    fleet.execute("insert into syncwell.blind_periods values (test.org('a'), '2026-03-01', '2026-03-02')")
    fleet.at("12:11")
    assert fleet.value("select syncwell._expire_health_task()") == 0
    fleet.at("2027-05-02 00:00")
    ended = fleet.value("select count(*) from syncwell.stream_periods where ends_at is not null")
    # besides: the issue, the silence, the window that does not come again, the blind time
    assert fleet.value("select syncwell._expire_health_task()") == ended + 4
    assert fleet.rows("select cron from syncwell.maintenance_windows") == [("0 0 * * *",)]
    assert fleet.value("select count(*) from syncwell.stream_periods") == 1


# What must hold after every evaluation, whatever happened.
UNSOUND_ISSUES = """
select i.issue_type, i.state, i.times_opened from syncwell.sync_issues as i
left join syncwell.streams as s using (org_id, stream_id)
left join syncwell.sync_state as t using (org_id, stream_id)
left join syncwell.stream_states as x using (org_id, stream_id)
where case
  when i.state = 'resolved' then i.gone_since is null or i.snoozed_until is not null
  when s.retired_at is not null then true
  -- gone, and still open: for a while, or because it flaps
  when i.issue_type = 'failure' and t.consecutive_failures = 0 then i.gone_since is null and not x.is_flapping
  when i.issue_type = 'failure' then
    i.gone_since is not null or (i.evidence ->> 'consecutive_failures')::integer <> t.consecutive_failures
  else (i.muted_by = 'parent') <> (i.parent_id is not null) and i.muted_by is null
end
"""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_happens_stretches_and_issues_are_sound(fleet: Fleet, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    minutes = 6 * 60
    sources = [f"s{n}" for n in range(4)]
    for step in range(120):
        minutes += chance.choice([1, 3, 5, 5, 5, 7, 12 if step % 30 else 90])
        at = f"{2 + minutes // 1440:02} {minutes // 60 % 24:02}:{minutes % 60:02}"
        source, what = chance.choice(sources), chance.random()
        if what < 0.3:
            fleet.run(source, f"2026-03-{at}", "failed")
        elif what < 0.7:
            fleet.run(source, f"2026-03-{at}")
        elif what < 0.75:
            fleet.register(source, f"2026-03-{at}", p_expected_interval=chance.choice(["10 minutes", "1 hour"]))
        elif what < 0.8 and fleet.rows("select from syncwell.streams where source = %s", source):
            fleet.retire(source, f"2026-03-{at}")
        elif what < 0.85:
            fleet.execute(
                "insert into syncwell.maintenance_windows (org_id, mode, source, starts_at, ends_at) "
                "values (test.org('a'), %s, %s, %s, %s::timestamptz + interval '20 minutes')",
                chance.choice(["mute", "exclude", "pause"]),
                chance.choice([source, None]),
                fleet.time(f"2026-03-{at}"),
                fleet.time(f"2026-03-{at}"),
            )
        # issues rest until the next evaluation but one
        if not chance.randrange(10):
            fleet.execute(
                "update syncwell.sync_issues set state = 'snoozed', "
                "snoozed_until = syncwell._now() + interval '8 minutes' where state = 'open'"
            )
        fleet.tick(f"2026-03-{at}")
        assert fleet.rows(UNSOUND_ISSUES) == [], f"step {step}"
    assert fleet.value("select count(*) from syncwell.sync_issues where times_opened > 1") > 0
    assert fleet.value("select count(*) from syncwell.blind_periods") > 0


def test_what_a_lost_device_told_is_forgotten(fleet: Fleet) -> None:
    fleet.register("calls", "10:00", p_expected_interval="1 hour")
    known = "select queue_depth, queue_oldest_at is null, queue_reported_at is null from syncwell.stream_states"
    for device, depth in (("lost", 3), ("new", 0)):
        with fleet.connection.transaction():
            fleet.execute("select test.at(%s, %s)", fleet.time("11:00"), fleet.user)
            fleet.execute(
                "select from syncwell.update_sync_health_metrics(null, 'calls', jsonb_build_object("
                "'device_id', %s::text, 'queue_depth', %s::integer, 'oldest_pending_at', '2026-03-02T10:30:00Z'))",
                device,
                depth,
            )
    assert fleet.rows(known) == [(3, False, False)]
    forget = "update syncwell.sync_health set received_at = received_at - interval '31 days' where device_id = %s"
    fleet.execute(forget, "lost")
    assert fleet.value("select syncwell._expire_health_task()") == 1
    assert fleet.rows(known) == [(0, True, False)]
    fleet.execute(forget, "new")
    assert fleet.value("select syncwell._expire_health_task()") == 1
    assert fleet.rows(known) == [(None, True, True)]
