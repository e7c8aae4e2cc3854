"""What no other monitor gets right, each with the naive variant beside it that gets it wrong.

Elsewhere: rollups under concurrent writers (tests/concurrency/test_metrics.py), sketches (test_sketch.py).
"""

from __future__ import annotations

import math
import statistics
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.monitored import Monitored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Cluster, Tenants

LATE_TYPES = {"stale_data", "missing_source", "gap", "drift"}


@pytest.fixture(scope="module")
def world(cluster: Cluster, tenants: Tenants) -> Iterator[Monitored]:
    with cluster.database() as database:
        yield Monitored(database, tenants)


@pytest.fixture
def org(world: Monitored) -> Monitored:
    world.again()
    return world


def late_alerts(org: Monitored) -> list[tuple[str, str]]:
    return [alert for alert in org.alerts() if alert[1] in LATE_TYPES]


# --- drift: a total loss is found with eight weeks of history -------------------------------------------------------


def hours(org: Monitored, stream: Any, first: datetime, last: datetime, items: int) -> None:
    """Write the counted hours of a stream, the same number of items in each."""
    org.rows(
        """
        insert into syncwell.sync_metrics (
          org_id, stream_id, period, period_start, source, total, successful, failed, items, duration_total, computed_at
        )
        select s.org_id, s.stream_id, 'hour', h, s.source, 1, 1, 0, %s, 1000, h + interval '1 hour'
        from syncwell.streams as s
        cross join generate_series(%s::timestamptz, %s::timestamptz - interval '1 hour', '1 hour') as h
        where s.stream_id = %s
        returning 1
        """,
        items,
        first,
        last,
        stream,
    )


def test_a_total_loss_is_found_within_three_hours_after_eight_weeks(org: Monitored) -> None:
    stream = org.register("calls")
    stop = org.now
    hours(org, stream, stop - timedelta(weeks=8), stop, 20)
    org.one("select count(*) from syncwell._learn_volumes(%s, true)", org.org)
    org.evaluate()
    assert not {kind for kind, *_ in org.found()} & {"drift", "gap"}, "steady until now"

    org.evaluate_every(5, stop + timedelta(hours=3, minutes=5))
    found = [row for row in org.call("detect_sync_issues") if row["issue_type"] in ("drift", "gap")]
    assert found, "20 an hour for eight weeks, then nothing for three hours"
    assert all(row["stream_id"] == stream and row["evidence"] for row in found)
    drift = [row for row in org.call("calculate_data_drift") if row["drift_percent"] == -100]
    assert drift
    assert all(row["actual"] == 0 and row["expected"] > 0 for row in drift)
    assert [alert for alert in org.alerts() if alert[1] in ("drift", "gap")]

    # the control: its own hours of the week with the one in question among them, as others do it
    samples = [20.0] * 8 + [0.0]
    z = abs(samples[-1] - statistics.mean(samples)) / statistics.stdev(samples)
    assert z == pytest.approx((len(samples) - 1) / math.sqrt(len(samples)))
    assert z < 3, "the control can never reach three sigmas"


# --- stall: nobody writes, and it shows ------------------------------------------------------------------------------


def test_a_stalled_sync_shows_without_a_write(org: Monitored) -> None:
    event = org.run("import", "started")
    org.call("report_sync_progress", p_sync_id=str(event), p_processed_count=0, p_total_items=1000)
    for step in range(1, 6):
        org.wait(seconds=10)
        org.call("report_sync_progress", p_sync_id=str(event), p_processed_count=100 * step)
    stored = org.rows("select * from syncwell.sync_progress")
    org.wait(seconds=61)
    (live,) = org.call_view("sync_progress_live")
    assert (live["stalled"], live["eta_now"], live["speed_now"]) == (True, None, 0)
    (issue,) = (row for row in org.call("detect_sync_issues") if row["issue_type"] == "stuck")
    assert issue["evidence"]["cause"] == "no_progress"
    org.evaluate()
    assert [row["issue_type"] for row in org.issues()] == ["stuck"]

    # the control: what a trigger stored at the last write says that it gets on
    assert org.rows("select * from syncwell.sync_progress") == stored
    assert stored[0]["eta_seconds"] > 0
    assert stored[0]["speed_items_per_min"] > 0


# --- a run that never gave a sign of life ----------------------------------------------------------------------------


def test_a_run_without_any_heartbeat_is_found_reaped_and_fenced(org: Monitored) -> None:
    stream = org.register("calls", p_max_runtime="2 hours")
    org.act(None)
    (run,) = org.call("record_sync_start", p_source="calls")
    org.wait(hours=2, minutes=1)

    # the control: a comparison with NULL finds nothing, however long it has been silent
    silent = "select * from syncwell.sync_events where status = 'started' and heartbeat_at < %s"
    assert org.rows(silent, org.now - timedelta(seconds=90)) == []

    (issue,) = (row for row in org.call("detect_sync_issues") if row["issue_type"] == "stuck")
    assert (issue["stream_id"], issue["evidence"]["cause"]) == (stream, "over_max_runtime")
    org.evaluate()
    assert [row["issue_type"] for row in org.issues()] == ["stuck"]

    reaped = org.rows("select * from syncwell.reap_sync_runs()")
    assert [row["event_id"] for row in reaped] == [run["event_id"]]
    with pytest.raises(psycopg.Error) as refused, org.connection.transaction():
        org.call("record_sync_complete", p_event_id=run["event_id"], p_lease=run["lease"])
    assert refused.value.sqlstate == "SW102"
    org.evaluate()
    org.wait(minutes=3)
    org.evaluate()
    assert "stuck" not in [row["issue_type"] for row in org.issues()]
    state = org.rows("select consecutive_failures from syncwell.sync_state where stream_id = %s", stream)
    assert state == [{"consecutive_failures": 1}], "counted once"


# --- schedules: what never ran, weekends, days of 23 and 25 hours ----------------------------------------------------


def test_a_schedule_that_never_ran_is_missed(org: Monitored) -> None:
    org.register("calls", "a_member", p_expected_interval="1 hour")
    org.register("export", p_cron="0 * * * *", p_time_zone="UTC")
    org.evaluate()
    org.evaluate_every(5, org.now + timedelta(hours=1, minutes=10))
    assert org.found() == [("missing_source", "warning", "calls"), ("missing_source", "warning", "export")]
    org.evaluate_every(5, org.now + timedelta(hours=4))
    assert org.found() == [("missing_source", "critical", "calls"), ("missing_source", "critical", "export")]
    assert {row["issue_type"] for row in org.issues()} == {"missing_source"}
    assert org.statuses() == {"calls": "unhealthy", "export": "unhealthy"}
    assert [alert[0] for alert in org.alerts()].count("firing") >= 2

    # the control: whoever starts from the runs does not see what has none
    lateness = """
    select s.source from syncwell.streams as s
    left join syncwell.sync_events as e on e.stream_id = s.stream_id
    where e.started_at > %s - interval '24 hours'
    group by s.source having max(e.started_at) < %s - interval '1 hour'
    """
    assert org.rows(lateness, org.now, org.now) == []


def test_a_weekend_is_no_lateness(org: Monitored) -> None:
    org.register("erp", p_expected_interval="1 hour", p_active_hours="Mon-Fri 08:00-18:00", p_time_zone="Europe/Berlin")
    org.register("cron", p_cron="30 9-17 * * mon-fri", p_time_zone="Europe/Berlin")
    org.move_to("2026-03-13 17:30+01")  # a Friday
    for source in ("erp", "cron"):
        org.run(source)
    org.evaluate()
    org.evaluate_every(9, "2026-03-16 08:25+01")
    assert org.found() == []
    assert set(org.statuses().values()) == {"healthy"}
    assert org.alerts() == []

    # the control: by the hours of the clock it is late at Friday's end
    assert org.now - datetime.fromisoformat("2026-03-13 17:30+01") > 3 * timedelta(hours=1)

    # 30 minutes of Friday and 30 of Monday are its hour, then grace
    org.evaluate_every(5, "2026-03-16 08:37+01")
    assert org.found() == [("stale_data", "warning", "erp")]
    org.evaluate_every(5, "2026-03-16 09:37+01")
    assert ("stale_data", "warning", "cron") in org.found()


@pytest.mark.parametrize(
    ("zone", "before", "due", "length"),
    [
        ("Europe/Berlin", "2026-03-28 06:00+01", "2026-03-29 06:00+02", 23),
        ("Europe/Berlin", "2026-10-24 06:00+02", "2026-10-25 06:00+01", 25),
        ("America/New_York", "2026-03-07 06:00-05", "2026-03-08 06:00-04", 23),
        ("America/New_York", "2026-10-31 06:00-04", "2026-11-01 06:00-05", 25),
    ],
)
def test_days_of_23_and_25_hours(org: Monitored, zone: str, before: str, due: str, length: int) -> None:
    start, end = datetime.fromisoformat(before), datetime.fromisoformat(due)
    assert end - start == timedelta(hours=length)
    org.move_to(before)
    org.register("cron", p_cron="0 6 * * *", p_time_zone=zone)
    # five active hours a night, of which one night has one less and another one more
    org.register("shift", p_expected_interval="5 hours", p_active_hours="00:00-05:00", p_time_zone=zone)
    for source in ("cron", "shift"):
        org.run(source)
    org.evaluate()
    rows = {row["source"]: row for row in org.rows("select * from syncwell._health_of(%s)", org.org)}
    assert rows["shift"]["due_at"] == end + {23: timedelta(hours=19), 25: timedelta(hours=-2)}[length]
    # the control: a day of 24 hours is an hour too early or too late
    assert abs(start + timedelta(days=1) - end) == timedelta(hours=1)

    org.evaluate_every(9, end + timedelta(minutes=4))
    assert "cron" not in {source for *_, source in org.found()}
    org.evaluate_every(9, end + timedelta(hours=2, minutes=25))
    assert ("stale_data", "warning", "cron") in org.found()


# --- the evaluator was away ------------------------------------------------------------------------------------------


def test_the_evaluators_own_absence_is_one_issue_and_no_alarm(org: Monitored) -> None:
    sources = [f"source-{number}" for number in range(8)]
    for source in sources:
        org.register(source, p_expected_interval="30 minutes")
        org.run(source)
    org.evaluate()
    for _ in range(12):  # an hour in which all is well
        org.wait(minutes=5)
        for source in sources:
            org.run(source)
        org.evaluate()
    left, healthy = org.now, org.statuses()
    assert set(healthy.values()) == {"healthy"}

    org.wait(hours=3)  # nobody evaluates, and nothing runs that the database would know of
    assert "unevaluated" in org.call("get_sync_health_status")[0]["overlays"]
    tick = org.evaluate()
    assert tick["blind"] == timedelta(hours=3)
    assert [row["issue_type"] for row in org.issues()] == ["evaluation_gap"]
    assert late_alerts(org) == []
    assert org.rows("select starts_at, ends_at from syncwell.blind_periods") == [
        {"starts_at": left, "ends_at": org.now}
    ]
    # the control: by the last success every one of them is stale
    stale = "select count(*) from syncwell.sync_state where last_successful_sync < %s - interval '90 minutes'"
    assert org.one(stale, org.now) == len(sources)

    # they come back within grace, so nothing was ever late
    org.wait(minutes=4)
    for source in sources:
        org.run(source)
    for _ in range(3):
        org.wait(minutes=1)
        org.evaluate()
    assert org.issues() == []
    assert late_alerts(org) == []

    overall = org.call("get_uptime", p_days=1)[0]
    parts = ("good_seconds", "down_seconds", "unknown_seconds", "excluded_seconds", "paused_seconds")
    assert sum(overall[part] for part in parts) == len(sources) * 86400
    assert overall["down_seconds"] == 0
    assert overall["good_seconds"] == len(sources) * (3600 + 7 * 60)
    assert overall["uptime"] == 1
    # the control: with the gap in its denominator the uptime is not whole
    assert overall["good_seconds"] / (overall["good_seconds"] + len(sources) * 3 * 3600) < 0.3


def test_who_stays_away_after_the_gap_is_late_all_the_same(org: Monitored) -> None:
    org.register("calls", p_expected_interval="30 minutes")
    org.run("calls")
    org.evaluate()
    org.wait(hours=3)
    org.evaluate()
    assert late_alerts(org) == []
    org.evaluate_every(5, org.now + timedelta(hours=3))
    assert ("firing", "stale_data") in late_alerts(org)


def test_a_mass_of_stale_streams_is_one_alert(org: Monitored) -> None:
    for number in range(10):
        org.register(f"source-{number}", p_expected_interval="1 hour")
        org.run(f"source-{number}")
    org.evaluate()
    org.evaluate_every(5, org.now + timedelta(hours=1, minutes=15))
    firing = [name for status, name in org.alerts() if status == "firing"]
    stale = [row for row in org.issues() if row["issue_type"] == "stale_data"]
    assert len(stale) == 10, "the control: each of them would be an alert"
    assert firing == ["mass_staleness"]
    (parent,) = (row for row in org.issues() if row["issue_type"] == "mass_staleness")
    assert {(row["parent_id"], row["muted_by"]) for row in stale} == {(parent["id"], "parent")}

    for number in range(10):
        org.run(f"source-{number}")
    org.evaluate()
    org.evaluate_every(1, org.now + timedelta(minutes=5))
    assert org.issues() == []
    assert org.alerts()[-1] == ("resolved", "mass_staleness")
    assert len(org.alerts()) == 2


# --- bad input -------------------------------------------------------------------------------------------------------

REPORTED = "2026-03-10T07:59:00+00:00"
BAD_METRICS: list[tuple[Any, str | None]] = [
    ({"queue_depth": -1}, "queue_depth"),
    ({"sync_duration_ms": -0.5}, "sync_duration_ms"),
    ({"record_count": "NaN"}, "record_count"),
    ({"record_count": "Infinity"}, "record_count"),
    ({"error_count": "-Infinity"}, "error_count"),
    ({"error_count": 9223372036854775808}, "error_count"),
    ({"record_count": 1e300}, "record_count"),
    ({"record_count": True}, "record_count"),
    ({"record_count": [1]}, "record_count"),
    ({"queue_depth": {"n": 1}}, "queue_depth"),
    ({"queue_depth": "5; drop table x"}, "queue_depth"),
    ({"reported_at": "2026-03-10T08:05:01+00:00"}, "reported_at"),
    ({"reported_at": "infinity"}, "reported_at"),
    ({"reported_at": "-infinity"}, "reported_at"),
    ({"reported_at": "294277-01-01"}, "reported_at"),
    ({"reported_at": "yesterday at noon or so"}, "reported_at"),
    ({"reported_at": 1773129600}, "reported_at"),
    ({"reported_at": "2020-01-01T00:00:00Z"}, "reported_at"),
    ({"oldest_pending_at": "2026-03-10T08:05:01+00:00"}, "oldest_pending_at"),
    ({"oldest_pending_at": "infinity"}, "oldest_pending_at"),
    ({"oldest_pending_at": "0001-01-01T00:00:00+14:00"}, "oldest_pending_at"),
    ({"oldest_pending_at": "1999-12-31T23:59:59Z"}, "oldest_pending_at"),
    ({"oldest_pending_at": -1}, "oldest_pending_at"),
    ({"platform": "symbian"}, "platform"),
    ({"platform": 7}, "platform"),
    ({"device_id": {"a": 1}}, "device_id"),
    ({"network": ["wifi"]}, "network"),
    ({"queue_dept": 1}, "queue_dept"),
    ({"": 1}, None),
    ({"record_count": 1, "Record_Count": 1}, "Record_Count"),
    ({}, None),
]


@pytest.mark.parametrize(("metrics", "key"), BAD_METRICS)
def test_a_bad_metric_is_refused_with_its_key_and_nothing_is_written(
    org: Monitored, metrics: dict[str, Any], key: str | None
) -> None:
    with pytest.raises(psycopg.Error) as refused, org.connection.transaction():
        org.call("update_sync_health_metrics", "a_member", p_user_id=None, p_source="calls", p_metrics=metrics)
    assert refused.value.sqlstate == "SW605"
    assert refused.value.diag.message_detail
    assert refused.value.diag.message_hint
    if key:
        assert key in refused.value.diag.message_detail
    assert org.one("select count(*) from syncwell.sync_health") == 0
    assert org.one("select count(*) from syncwell.sync_health_hours") == 0
    assert org.one("select count(*) from syncwell.streams") == 0


@pytest.mark.parametrize("text", ["[]", '"queue_depth"', "7", "null", '[{"queue_depth": 1}]', None])
def test_metrics_are_one_document(org: Monitored, text: str | None) -> None:
    org.act("a_member")
    with pytest.raises(psycopg.Error) as refused, org.connection.transaction():
        org.rows("select syncwell.update_sync_health_metrics(null, 'calls', %s::jsonb)", text)
    assert refused.value.sqlstate in ("SW605", "22004")
    assert org.one("select count(*) from syncwell.sync_health") == 0


def test_what_is_just_right_is_taken(org: Monitored) -> None:
    metrics = {
        "sync_duration_ms": 0, "record_count": 9223372036854775807, "error_count": 0, "queue_depth": 0,
        "reported_at": "2026-03-10T08:05:00+00:00", "oldest_pending_at": "2026-03-10T08:00:00+00:00",
        "platform": "ios", "device_id": "d'; --\U0001f600", "network": "wifi",
    }  # fmt: skip
    for _ in range(2):  # a second time it changes nothing
        org.call("update_sync_health_metrics", "a_member", p_user_id=None, p_source="calls", p_metrics=metrics)
    (row,) = org.rows("select * from syncwell.sync_health")
    assert (row["record_count"], row["device_id"], row["platform"]) == (2**63 - 1, metrics["device_id"], "ios")
    (hour,) = org.rows("select * from syncwell.sync_health_hours")
    assert (hour["reports"], hour["records"]) == (1, 2**63 - 1)


def refusal(org: Monitored, query: str, *values: Any) -> str | None:
    """The SQLSTATE that a call of the service ends with; None: it does not."""
    org.act(None)
    try:
        with org.connection.transaction():
            org.rows(query, *values)
    except psycopg.Error as error:
        return error.sqlstate
    return None


@pytest.mark.parametrize(
    ("call", "states"),
    [
        *(
            (f"detect_sync_issues(p_threshold_hours => '{value}')", {"22023"})
            for value in ("NaN", "Infinity", "-Infinity", "0", "-1", "1e9")
        ),
        *(
            (f"{function}(p_days => {value})", {"22023", "22004"})
            for function in ("get_sync_health_history", "get_uptime")
            for value in ("0", "-1", "3661", "2147483647", "null")
        ),
        *((f"get_sync_issues(p_limit => {value})", {"22023", "22004"}) for value in ("0", "1001", "null")),
        ("get_sync_issues('broken')", {"22023"}),
        ("get_alerts(p_status => 'broken')", {"22023"}),
        ("get_alerts(p_limit => 0)", {"22023"}),
        ("acknowledge_issue(gen_random_uuid())", {"SW601"}),
        ("acknowledge_issue(null)", {"22004"}),
        *(
            (f"snooze_issue(gen_random_uuid(), '{value}')", {"22023", "SW601"})
            for value in ("0", "-1 day", "59 seconds", "91 days")
        ),
        ("silence('[]', syncwell._now() + interval '1 hour')", {"22023"}),
        ("silence('7', syncwell._now() + interval '1 hour')", {"22023"}),
        ("silence(null, syncwell._now() + interval '1 hour')", {"22004"}),
        ("""silence('{"sauce": "calls"}', syncwell._now() + interval '1 hour')""", {"22023"}),
        ("""silence('{"source": 7}', syncwell._now() + interval '1 hour')""", {"22023"}),
        ("""silence('{"severity": "loud"}', syncwell._now() + interval '1 hour')""", {"22023"}),
        ("""silence('{"user_id": "me"}', syncwell._now() + interval '1 hour')""", {"22023"}),
        ("silence('{}', syncwell._now() - interval '1 hour')", {"22023"}),
        ("silence('{}', 'infinity')", {"22023"}),
        ("silence('{}', '-infinity')", {"22023"}),
        ("silence('{}', null)", {"22004"}),
        ("lift_silence(gen_random_uuid())", {"SW602"}),
        ("maintenance_window(syncwell._now(), syncwell._now())", {"22023"}),
        ("maintenance_window(syncwell._now(), syncwell._now() - interval '1 s')", {"22023"}),
        ("maintenance_window('-infinity', 'infinity')", {"22023"}),
        ("maintenance_window(syncwell._now(), 'infinity')", {"22023"}),
        ("maintenance_window(null, syncwell._now())", {"22004"}),
        ("maintenance_window(syncwell._now(), syncwell._now() + interval '1 h', 'sleep')", {"22023"}),
        (
            "maintenance_window(syncwell._now(), syncwell._now() + interval '1 h', p_platform => 'symbian')",
            {"22023"},
        ),
        ("maintenance_window(syncwell._now(), syncwell._now() + interval '1 h', p_cron => '* * *')", {"22023"}),
        (
            "maintenance_window(syncwell._now(), syncwell._now() + interval '1 h', p_cron => '0 6 * * *',"
            " p_time_zone => 'Mars/Olympus')",
            {"22023"},
        ),
        (
            "maintenance_window(syncwell._now(), syncwell._now() + interval '1 h', p_user_id => gen_random_uuid())",
            {"SW002"},
        ),
        ("cancel_maintenance_window(gen_random_uuid())", {"SW603"}),
        ("register_stream('x', p_cron => '0 6 * * *', p_time_zone => 'Mars/Olympus')", {"22023"}),
        ("register_stream('x', p_expected_interval => '-1 hour')", {"22023"}),
        ("calculate_data_drift(gen_random_uuid())", {"SW002"}),
        ("analyze_sync_health(gen_random_uuid())", {"SW002"}),
        ("get_sync_health_history(gen_random_uuid())", {"SW002"}),
        ("get_volume_timeline(p_hours => 0)", {"22023"}),
        ("get_volume_timeline(p_hours => 1000000)", {"22023"}),
        ("get_volume_timeline(p_hours => null)", {"22004", "22023"}),
    ],
)
def test_bad_arguments_are_refused(org: Monitored, call: str, states: set[str]) -> None:
    org.run("calls")
    before = org.snapshot()
    assert refusal(org, f"select * from syncwell.{call}") in states
    assert org.snapshot() == before
    for table in ("silences", "maintenance_windows"):
        assert org.one(f"select count(*) from syncwell.{table}") == 0


def settings_with_bounds(org: Monitored) -> list[dict[str, Any]]:
    return org.rows(
        "select * from syncwell.setting_definitions where key like 'health.%' or key like 'alerts.%' order by key"
    )


def test_no_threshold_leaves_its_range(org: Monitored) -> None:
    org.act("a_admin")
    for row in settings_with_bounds(org):
        bad = ["", "NaN", "Infinity", "-Infinity", "nonsense", "-1", "1e400", "-1 second", "999999999 years"]
        for value in bad:
            with pytest.raises(psycopg.Error) as refused, org.connection.transaction():
                org.rows("select syncwell.set_setting(%s, %s)", row["key"], value)
            assert refused.value.sqlstate in ("SW011", "22023"), (row["key"], value, refused.value)


@pytest.mark.parametrize("end", ["minimum", "maximum"])
def test_thresholds_at_the_ends_of_their_ranges_break_nothing(org: Monitored, end: str) -> None:
    """Also where they cross: a queue that is bad before it is good, weights that are all nothing."""
    org.register("calls", "a_member", p_expected_interval="1 hour")
    org.register("cron", p_cron="*/5 * * * *", p_time_zone="UTC", p_active_hours="Mon-Fri 08:00-18:00")
    for key in settings_with_bounds(org):
        if key[end] is not None:
            org.call("set_setting", "a_admin", p_key=key["key"], p_value=key[end])
    everything_works(org)


@pytest.mark.parametrize(
    "crossed",
    [
        {"health.queue_good": "24:00:00", "health.queue_bad": "00:00:02", "health.queue_backlog": "8760:00:00"},
        {"health.queue_good": "00:01:00", "health.queue_bad": "00:01:00"},
        {"health.flap_start": "1", "health.flap_stop": "100", "health.flap_minimum": "3"},
        {
            f"health.weight_{part}": "0" for part in ("freshness", "reliability", "queue", "drift", "speed")
        },
    ],
)  # fmt: skip
def test_thresholds_that_cross_break_nothing(org: Monitored, crossed: dict[str, str]) -> None:
    org.register("calls", "a_member", p_expected_interval="1 hour")
    for key, value in crossed.items():
        org.call("set_setting", "a_admin", p_key=key, p_value=value)
    everything_works(org)


def everything_works(org: Monitored) -> None:
    for turn in range(6):
        org.wait(minutes=5)
        org.run("calls", "failed" if turn % 2 else "success", "a_member")
        metrics = {"queue_depth": 3, "oldest_pending_at": "2026-03-10T08:00:00Z", "sync_duration_ms": 5}
        org.call("update_sync_health_metrics", "a_member", p_user_id=None, p_source="calls", p_metrics=metrics)
        org.evaluate()
    org.call("learn_health_baselines")
    org.evaluate()
    for function in (
        "get_sync_health_status", "detect_sync_issues", "get_sync_health_history", "get_uptime", "calculate_data_drift",
        "analyze_sync_health", "get_sync_issues", "get_service_health", "get_data_freshness", "get_alerts",
    ):  # fmt: skip
        assert isinstance(org.call(function), list)
    assert org.call_view("stream_health")


# --- clocks ----------------------------------------------------------------------------------------------------------


def test_a_clock_that_jumps_back_changes_nothing_until_it_has_caught_up(org: Monitored) -> None:
    org.register("calls", p_expected_interval="1 hour")
    org.run("calls")
    org.evaluate()
    org.evaluate_every(5, org.now + timedelta(hours=1, minutes=30))
    assert org.statuses() == {"calls": "late"}
    before, then = org.snapshot(), org.now

    for back in (timedelta(seconds=1), timedelta(minutes=7), timedelta(days=400)):
        org.move_to(then - back)
        tick = org.evaluate()
        assert (tick["streams"], tick["moved"], tick["opened"], tick["resolved"]) == (0, 0, 0, 0)
        assert org.snapshot() == before
        for function in ("get_sync_health_status", "detect_sync_issues", "get_sync_health_history", "get_uptime"):
            org.call(function)
    # what is recorded meanwhile is kept, and judged once the clock is back
    org.move_to(then - timedelta(minutes=2))
    org.run("calls")
    org.move_to(then + timedelta(minutes=5))
    org.evaluate()
    org.wait(minutes=5)
    org.evaluate()
    assert org.statuses() == {"calls": "healthy"}
    assert org.issues() == []
    assert org.one("select count(*) from syncwell.blind_periods") == 0


# --- who has no data -------------------------------------------------------------------------------------------------


def test_without_data_it_is_unknown_never_healthy(org: Monitored) -> None:
    org.register("export", p_expected_interval="30 days")
    for _ in range(3):
        org.evaluate()
        org.wait(minutes=5)
    for who in ("a_other", "a_member"):
        overall, *_ = org.call("get_sync_health_status", who)
        assert (overall["status"], overall["score"]) == ("unknown", None)
        assert [overall[part] for part in ("queue_score", "drift_score", "speed_score")] == [None] * 3
    for row in org.call("get_sync_health_history", "a_other", p_days=7):
        assert (row["total_syncs"], row["success_rate"], row["score"]) == (0, None, None)
        assert (row["healthy_share"], row["unknown_share"]) == (0, 1)
    for row in org.call("get_uptime", "a_other"):
        assert (row["good_seconds"], row["down_seconds"], row["uptime"]) == (0, 0, None)
    assert {row["severity"] for row in org.call("calculate_data_drift", "a_other")} <= {"learning"}
    assert {row["status"] for row in org.rows("select status from syncwell.stream_states")} == {"unknown"}
    assert org.issues() == []
    assert org.alerts() == []

    # nobody at all: a user without any stream
    org.call("unregister_stream", p_source="export")
    overall, *rest = org.call("get_sync_health_status", "a_other")
    assert (overall["status"], overall["score"], rest) == ("unknown", None, [])
    assert org.call("detect_sync_issues", "a_other") == []
    (document,) = org.call("analyze_sync_health", "a_other")
    assert document["analyze_sync_health"]
    # the control: what does not fail is not well for that
    naive = (
        "select coalesce(bool_and(consecutive_failures < 3), true) from syncwell.sync_state where user_id is not null"
    )
    assert org.one(naive) is True
