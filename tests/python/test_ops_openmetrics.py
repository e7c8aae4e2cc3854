"""What Prometheus is told: every metric, whose, in text that parsers take, and counters that never go back."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as plain_families

from harness.monitored import Monitored

if TYPE_CHECKING:
    from harness import Database, Tenants

Samples = dict[tuple[str, ...], float]
EVERYTHING = """
select
  jsonb_agg(f.metric order by f.place) from syncwell._metric_families() as f
"""


@pytest.fixture
def monitored(database: Database, tenants: Tenants) -> Monitored:
    return Monitored(database, tenants)


def told(monitored: Monitored, who: str | None = None) -> Samples:
    """Every sample by its name and its labels in the order of their names."""
    text = monitored.call("openmetrics", who)[0]["openmetrics"]
    assert text.endswith("# EOF\n")
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in open_families(text)
        for sample in family.samples
    }


def count(monitored: Monitored) -> None:
    monitored.rows("select syncwell.refresh_sync_metrics()")


def test_what_ran_is_counted(monitored: Monitored) -> None:
    monitored.register("calls", p_slo=Decimal("0.99"), p_expected_interval="1 hour")
    before = told(monitored)
    # there before anything happened: a first failure is an increase
    assert before["sync_runs_total", "calls", "failed"] == 0
    assert before["sync_run_duration_seconds_bucket", "+Inf", "calls"] == 0
    monitored.run("calls", seconds=3, items=7)
    monitored.run("calls", "partial", seconds=0)
    monitored.run("calls", "failed", seconds=100)
    monitored.run("calls", "cancelled", seconds=5)
    monitored.run("calls", "started")
    # nothing is counted in the request of whoever records or reads
    assert told(monitored)["sync_runs_total", "calls", "success"] == 0
    assert told(monitored)["sync_rollup_lag_seconds",] == float("inf")
    count(monitored)
    monitored.evaluate()
    samples = told(monitored)
    assert {
        name: samples[name, *labels]
        for name, *labels in (
            ("sync_runs_total", "calls", "success"),
            ("sync_runs_started_total", "calls"),
            ("sync_items_total", "calls"),
            ("sync_run_duration_seconds_count", "calls"),
            ("sync_run_duration_seconds_sum", "calls"),
            ("sync_run_active", "calls"),
            ("sync_run_stuck", "calls"),
            ("sync_slo_objective_ratio", "calls"),
            ("sync_rollup_lag_seconds",),
            ("sync_evaluator_last_tick_timestamp_seconds",),
            ("sync_last_success_timestamp_seconds", "calls"),
            ("sync_build_info", "0001"),
        )
    } == {
        "sync_runs_total": 2,
        "sync_runs_started_total": 5,
        "sync_items_total": 7,
        "sync_run_duration_seconds_count": 3,
        "sync_run_duration_seconds_sum": 103,
        "sync_run_active": 1,
        "sync_run_stuck": 0,
        "sync_slo_objective_ratio": 0.99,
        "sync_rollup_lag_seconds": 0,
        "sync_evaluator_last_tick_timestamp_seconds": monitored.now.timestamp(),
        "sync_last_success_timestamp_seconds": monitored.now.timestamp(),
        "sync_build_info": 1,
    }
    assert samples["sync_runs_total", "calls", "failed"] == 1
    buckets = {name[1]: value for name, value in samples.items() if name[0] == "sync_run_duration_seconds_bucket"}
    assert next(le for le, value in buckets.items() if value == 1) == "0.032"
    assert (buckets["2.048"], buckets["4.096"], buckets["65.536"], buckets["131.072"]) == (1, 2, 2, 3)
    assert buckets["+Inf"] == 3


def test_a_duration_on_the_edge_of_a_bucket_is_within_it(monitored: Monitored) -> None:
    for seconds in (0.032, 0.033, 8388.608, 8388.609):
        monitored.run("calls", seconds=seconds)
    count(monitored)
    samples = told(monitored)
    assert [samples["sync_run_duration_seconds_bucket", le, "calls"] for le in ("0.032", "0.064", "4194.304")] == [
        1,
        2,
        2,
    ]
    assert samples["sync_run_duration_seconds_bucket", "8388.608", "calls"] == 3
    assert samples["sync_run_duration_seconds_bucket", "+Inf", "calls"] == 4


def test_states_of_streams(monitored: Monitored) -> None:
    monitored.register("calls", "a_member", p_expected_interval="1 hour")
    monitored.register("calls", "a_other", p_expected_interval="1 hour")
    for who in ("a_member", "a_other"):
        monitored.run("calls", who=who)
    for _ in range(3):
        monitored.run("calls", "failed", "a_other")
    monitored.evaluate()
    samples = told(monitored)
    states = {name[2]: value for name, value in samples.items() if name[0] == "sync_streams"}
    assert states == {"unknown": 0, "healthy": 1, "late": 0, "degraded": 0, "unhealthy": 1}
    assert {name[2]: value for name, value in samples.items() if name[0] == "sync_health_status"} == {
        "unknown": 0,
        "healthy": 0,
        "late": 0,
        "degraded": 0,
        "unhealthy": 1,
    }
    assert samples["sync_consecutive_failures", "calls"] == 3
    assert samples["sync_issues_open", "failure", "critical", "calls"] == 1
    monitored.rows("update syncwell.sync_issues set state = 'resolved', resolved_at = syncwell._now() returning 1")
    assert [name for name in told(monitored) if name[0] == "sync_issues_open"] == []
    monitored.run("todoist", "started", "a_member")
    monitored.wait(hours=25)
    assert told(monitored)["sync_run_stuck", "todoist"] == 1


def test_work_that_waits(monitored: Monitored) -> None:
    monitored.run("calls")
    monitored.call("enqueue_operation", "a_member", p_operation_type="push", p_payload={"n": 1}, p_source="calls")
    monitored.wait(minutes=3)
    monitored.call("enqueue_operation", "a_member", p_operation_type="push", p_payload={"n": 2}, p_source="calls")
    monitored.rows(
        "update syncwell.sync_queue set run_at = run_at + interval '1 day' where payload @> '{\"n\": 2}' returning 1"
    )
    monitored.call(
        "report_sync_progress", "a_member", p_sync_id="one", p_processed_count=25, p_total_items=100,
        p_source_system="calls",
    )  # fmt: skip
    monitored.call(
        "report_sync_progress", "a_member", p_sync_id="two", p_processed_count=1, p_total_items=2,
        p_source_system="whatever I say",
    )  # fmt: skip
    monitored.rows(
        """
        insert into syncwell.circuits (org_id, source, state, opened_at, cooldown, reopen_at)
        values (%s, 'calls', 'open', syncwell._now(), '1 minute', syncwell._now() + '1 minute')
        returning 1
        """,
        monitored.org,
    )
    samples = told(monitored)
    assert {name[2]: value for name, value in samples.items() if name[0] == "sync_queue_items"} == {
        "ready": 1,
        "scheduled": 1,
        "retrying": 0,
        "blocked": 0,
        "processing": 0,
        "dead": 0,
    }
    since = samples["sync_queue_oldest_ready_timestamp_seconds", "calls"]
    assert since == monitored.now.timestamp() - 180
    assert samples["sync_run_progress_ratio", "calls"] == 0.25
    # free text of whoever reports is no label
    assert samples["sync_run_progress_ratio", "other"] == 0.5
    assert {name[2]: value for name, value in samples.items() if name[0] == "sync_circuit_state"} == {
        "closed": 0,
        "half_open": 0,
        "open": 1,
    }


def test_users_make_no_labels_of_their_own_in_the_queue(monitored: Monitored) -> None:
    """What the org's service names is a label, a user's name for it only where there is such a source."""
    monitored.register("calls", "a_member", p_expected_interval="1 hour")
    for who, source in (("a_member", "calls"), ("a_member", "x1"), ("a_other", "x2"), (None, "mail")):
        monitored.call("enqueue_operation", who, p_operation_type="push", p_payload={"to": source}, p_source=source)
    samples = told(monitored)
    ready = {name[1]: value for name, value in samples.items() if name[0] == "sync_queue_items" and name[2] == "ready"}
    assert ready == {"calls": 1, "mail": 1, "other": 2}


def test_each_family_is_described_and_comes_once(monitored: Monitored) -> None:
    monitored.register("calls", p_slo=Decimal("0.9"))
    monitored.run("calls", "failed")
    monitored.rows("select syncwell.bind_login(session_user, 'gateway')")
    monitored.rows("select set_config('syncwell.org_id', '', true), set_config('syncwell.user_id', '', true)")
    known = monitored.one(EVERYTHING)
    assert len(known) == len(set(known))
    for text, families in (
        (monitored.one("select syncwell.openmetrics()"), open_families),
        (monitored.one("select syncwell.openmetrics('prometheus')"), plain_families),
    ):
        found = [family.name for family in families(text)]
        assert len(found) == len(set(found))
        assert {name.removesuffix("_total").removesuffix("_info") for name in known} >= {
            name.removesuffix("_total").removesuffix("_info") for name in found
        }
        assert all(family.documentation for family in families(text))
    # an installation without a partition for the months to come is told to its operators
    assert 'sync_partition_months_ahead{table="sync_events"}' in text


# --- counters never go back -----------------------------------------------------------------------------------------


class Watched:
    """The counters at every look, none of which may be less than at the look before."""

    def __init__(self, monitored: Monitored) -> None:
        self.monitored = monitored
        self.seen: Samples = {}

    def look(self) -> Samples:
        """The counters now, everything counted that is marked."""
        count(self.monitored)
        now = {
            name: value
            for name, value in told(self.monitored).items()
            if re.search("_(total|bucket|count|sum)$", name[0])
        }
        assert {name: value for name, value in self.seen.items() if now.get(name, -1) < value} == {}
        self.seen = now
        return now

    def naive(self) -> int:
        """The control: what the rows that are there add up to."""
        value: int = self.monitored.one(
            "select count(*) from syncwell.sync_events where source = 'calls' and status = 'success'"
        )
        return value

    def rolled_up(self) -> int:
        """Another: what the rollup adds up to."""
        value: int = self.monitored.one(
            "select coalesce(sum(successful), 0)::bigint from syncwell.sync_metrics "
            "where source = 'calls' and period = 'hour'"
        )
        return value


def test_counters_survive_retention_erasure_late_runs_and_hours_counted_again(monitored: Monitored) -> None:
    monitored.rows("select syncwell.ensure_partitions()")
    # all in one hour, which stays when some of its runs go
    monitored.wait(minutes=30)
    watched = Watched(monitored)
    for who in ("a_member", "a_other", None):
        for seconds in (1, 10):
            monitored.run("calls", who=who, seconds=seconds, items=5)
        monitored.run("calls", "failed", who)
    assert watched.look()["sync_runs_total", "calls", "success"] == 6
    assert watched.seen["sync_retry_attempts_total", "calls"] > 0

    # an hour that is counted again, with one run more
    monitored.run("calls", who="a_member", items=5)
    assert watched.look()["sync_runs_total", "calls", "success"] == 7

    # nothing new: nothing is counted twice
    monitored.rows(
        "insert into syncwell.sync_metrics_dirty select org_id, stream_id, period_start from syncwell.sync_metrics "
        "where period = 'hour' returning 1"
    )
    assert watched.look()["sync_runs_total", "calls", "success"] == 7

    # rows that are corrected away, and what comes after them
    monitored.rows(
        "delete from syncwell.sync_events where user_id = %s and status = 'success' returning 1",
        monitored._ids("a_member"),
    )
    watched.look()
    assert (watched.naive(), watched.rolled_up()) == (4, 4)
    monitored.run("calls", who="a_member", seconds=1, items=5)
    assert watched.look()["sync_runs_total", "calls", "success"] == 8

    # what one stream loses is not taken from what another gains at the same time
    monitored.run("calls", who="a_member", seconds=2, items=9)
    before = watched.look()
    monitored.rows(
        "delete from syncwell.sync_events "
        "where user_id = %s and (status = 'failed' or items_processed = 9) returning 1",
        monitored._ids("a_member"),
    )
    monitored.run("calls", seconds=2, items=9)
    monitored.run("calls", "failed")
    now = watched.look()
    assert {name[:3]: value - before[name] for name, value in now.items() if "bucket" not in name[0]} == {
        ("sync_runs_total", "calls", "success"): 1,
        ("sync_runs_total", "calls", "failed"): 1,
        ("sync_runs_started_total", "calls"): 2,
        ("sync_items_total", "calls"): 9,
        ("sync_run_duration_seconds_count", "calls"): 2,
        ("sync_run_duration_seconds_sum", "calls"): 2,
        ("sync_retry_attempts_total", "calls"): 1,
    }

    # a person is erased
    monitored.rows("select * from syncwell.erase_user(%s)", monitored._ids("a_other"))
    watched.look()
    assert (watched.naive(), watched.rolled_up()) == (4, 4)

    # minutes of attempts, partitions of runs and hours of metrics go by their retention
    retries = watched.seen["sync_retry_attempts_total", "calls"]
    monitored.wait(hours=2)
    monitored.rows("select syncwell._expire_source_attempts_task()")
    assert monitored.one("select count(*) from syncwell.source_attempts") == 0
    assert watched.look()["sync_retry_attempts_total", "calls"] == retries
    before = dict(watched.seen)
    monitored.wait(days=420)
    monitored.rows("select syncwell.ensure_partitions()")
    monitored.rows("select syncwell.drop_old_partitions()")
    monitored.rows("select syncwell._expire_metrics_task()")
    watched.look()
    assert (watched.naive(), watched.rolled_up()) == (0, 0)
    assert watched.seen["sync_runs_total", "calls", "success"] == before["sync_runs_total", "calls", "success"] == 10

    # and it goes on from there
    monitored.run("calls", seconds=2)
    assert watched.look()["sync_runs_total", "calls", "success"] == 11
    assert watched.seen["sync_run_duration_seconds_count", "calls"] == 15


def test_an_hour_that_was_dropped_is_not_counted_again(monitored: Monitored) -> None:
    """Runs may be kept for longer than the hours that were counted from them."""
    monitored.rows("select syncwell.set_setting('runs.retention', '800 days')")
    watched = Watched(monitored)
    started = monitored.now
    monitored.run("calls")
    monitored.run("calls")
    assert watched.look()["sync_runs_total", "calls", "success"] == 2
    monitored.move_to(started.replace(year=started.year + 2))
    monitored.rows("select syncwell._expire_metrics_task()")
    monitored.rows(
        "update syncwell.sync_events set items_processed = 3 where source = 'calls' and items_processed is null "
        "returning 1"
    )
    assert watched.look()["sync_runs_total", "calls", "success"] == 2
    # the control: it has been counted again
    assert watched.rolled_up() == 2


# --- whose, and in which words --------------------------------------------------------------------------------------


@pytest.fixture
def two_orgs(database: Database) -> Database:
    with database.connect("gateway", autocommit=True) as gateway:
        for org in ("a", "b"):
            with gateway.transaction():
                gateway.execute("select syncwell.act_as_org(test.org(%s))", [org])
                gateway.execute("select syncwell.register_stream('calls')")
                gateway.execute("select syncwell.register_stream('only-' || %s)", [org])
    return database


def seen(database: Database, login: str, act: str = "") -> dict[str, float]:
    with database.connect(login) as connection:
        if act:
            connection.execute(f"select syncwell.{act}".encode())
        rows = connection.execute(
            """
            select concat_ws(' ', labels ->> 'org', labels ->> 'source'), value
            from syncwell.get_metric_samples('sync_streams')
            where labels ->> 'state' = 'unknown'
            """
        ).fetchall()
    return {str(name): value for name, value in rows}


def test_whose_metrics_somebody_gets(two_orgs: Database, tenants: Tenants) -> None:
    mine = {"calls": 1, "only-a": 1}
    for login in ("a_analyst", "a_admin", "a_service"):
        assert seen(two_orgs, login) == mine
    assert seen(two_orgs, "b_service") == {"calls": 1, "only-b": 1}
    assert seen(two_orgs, "gateway", "act_as(test.id('a_analyst'))") == mine
    everything = {"calls": 2, "only-a": 1, "only-b": 1}
    assert seen(two_orgs, "operator") == everything
    assert seen(two_orgs, "gateway") == everything
    for login, sqlstate in (("a_member", "42501"), ("nobody_login", "SW001"), ("a_climber", "42501")):
        with pytest.raises(psycopg.Error) as refused:
            seen(two_orgs, login)
        assert refused.value.sqlstate == sqlstate
    # a gateway that acts for somebody who is not there acts for nobody, and that is not everybody
    with two_orgs.connect("gateway") as connection:
        connection.execute("select set_config('syncwell.user_id', gen_random_uuid()::text, true)")
        with pytest.raises(psycopg.Error) as refused:
            connection.execute("select syncwell.openmetrics()")
        assert refused.value.sqlstate == "SW001"
    with two_orgs.connect(autocommit=True) as owner:
        owner.execute("select syncwell.set_setting('ops.metrics_by_org', 'on')")
    a, b = tenants.org("a"), tenants.org("b")
    assert seen(two_orgs, "operator") == {f"{a} calls": 1, f"{b} calls": 1, f"{a} only-a": 1, f"{b} only-b": 1}
    # of their own org analysts know which it is
    assert seen(two_orgs, "a_analyst") == mine
    with two_orgs.connect("operator") as operator:
        (text,) = operator.execute("select syncwell.openmetrics()").fetchone() or ("",)
    assert f'sync_run_active{{org="{a}",source="calls"}} 0' in text
    assert len(list(open_families(text))) > 10


def test_totals_are_shown_to_those_who_see_the_org(two_orgs: Database) -> None:
    with two_orgs.connect(autocommit=True) as owner:
        owner.execute(
            "insert into syncwell.metric_totals (org_id, metric, source, value) "
            "values (test.org('a'), 'sync_items_total', 'calls', 1), (test.org('b'), 'sync_items_total', 'calls', 2)"
        )
    for login, wanted in (("a_analyst", [(1,)]), ("b_service", [(2,)]), ("a_member", [])):
        with two_orgs.connect(login) as connection:
            assert connection.execute("select value from syncwell.metric_totals").fetchall() == wanted


HOSTILE = 'a"} 1\nsync_runs_total{source="forged\\'


def test_no_source_can_forge_a_sample(two_orgs: Database) -> None:
    """Sources have plain names; where one got in by another way, its text stays within the quotes."""
    with two_orgs.connect(autocommit=True) as owner:
        owner.execute("alter table syncwell.streams drop constraint streams_source_is_named")
        owner.execute("update syncwell.streams set source = %s where source = 'only-a'", [HOSTILE])
    with two_orgs.connect("a_analyst") as analyst:
        for name, families in (("openmetrics", open_families), ("prometheus", plain_families)):
            (text,) = analyst.execute("select syncwell.openmetrics(%s)", [name]).fetchone() or ("",)
            sources = {sample.labels.get("source") for family in families(text) for sample in family.samples}
            assert sources == {None, "calls", HOSTILE}


def test_values_are_whole_whatever_the_session_says(monitored: Monitored) -> None:
    monitored.move_to("2026-03-10 08:00:00.123457+00")
    monitored.run("calls")
    monitored.rows("select set_config('extra_float_digits', '-15', true)")
    assert told(monitored)["sync_last_success_timestamp_seconds", "calls"] == monitored.now.timestamp()


def test_retries_of_a_minute_are_neither_lost_nor_counted_twice_while_it_goes(database: Database) -> None:
    """Whoever looks while they are moved sees them in one place."""
    with (
        database.connect(autocommit=True) as owner,
        database.connect() as mover,
        database.connect("operator") as reader,
    ):
        owner.execute(
            """
            insert into syncwell.source_attempts (org_id, source, minute, shard, runs, failures, retries)
            values (test.org('a'), 'calls', now() - interval '2 hours', 0, 5, 5, 4)
            """
        )

        def retries() -> list[Any]:
            rows = reader.execute(
                "select value from syncwell.get_metric_samples('sync_retry_attempts_total')"
            ).fetchall()
            reader.commit()
            return [value for (value,) in rows]

        assert retries() == [4]
        mover.execute("select syncwell._expire_source_attempts_task()")
        assert retries() == [4]
        mover.commit()
        assert retries() == [4]
        assert owner.execute("select count(*) from syncwell.source_attempts").fetchone() == (0,)
