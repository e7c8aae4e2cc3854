"""What is shipped for Prometheus, sql_exporter and Grafana, tried with the real programs and the real schema."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness import prometheus
from harness.paths import ROOT
from harness.require import UnavailableError, unavailable
from harness.serving import configured, serving
from harness.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psycopg

    from harness import Database

FOLDER = ROOT / "sql" / "optional" / "prometheus"
RULES = FOLDER / "syncwell.rules.yml"
COLLECTOR = yaml.safe_load((FOLDER / "syncwell.collector.yml").read_text())
DASHBOARDS = sorted((ROOT / "sql" / "optional" / "grafana").glob("*.json"))
TOKEN = "scraped-by-tests-0123456789abcdefghij"  # noqa: S105


@pytest.fixture(scope="module")
def _prometheus() -> None:
    try:
        prometheus.program("prometheus")
    except UnavailableError as reason:
        unavailable("prometheus", reason)


@pytest.fixture
def busy(database: Database) -> Database:
    """An org with a bit of everything, committed."""
    with database.connect("gateway", autocommit=True) as gateway:

        def call(query: str, *values: object) -> Any:
            with gateway.transaction():
                gateway.execute("select syncwell.act_as(test.id('a_admin'))")
                return gateway.execute(query.encode(), values).fetchone()

        call("select syncwell.register_stream('calls', p_expected_interval => '1 hour', p_slo => 0.95)")
        for outcome in ("success", "failed", "success", "failed"):
            event, lease = call("select event_id, lease from syncwell.record_sync_start('calls')")
            if outcome == "success":
                call("select syncwell.record_sync_complete(%s, %s, 5)", event, lease)
            else:
                call("select syncwell.record_sync_error(%s, %s, 'no answer', 'ETIMEDOUT')", event, lease)
        call("select syncwell.record_sync_start('calls')")
        call("select syncwell.enqueue_operation('push', '{}', p_source => 'calls')")
        call("select syncwell.report_sync_progress('one', 1, 4, p_source_system => 'calls')")
        call("select syncwell.maintenance_window(now(), now() + interval '1 hour', p_source => 'calls')")
        call("select syncwell.update_sync_health_metrics(null, 'calls', '{\"queue_depth\": 3}')")
    with database.connect("operator", autocommit=True) as operator:
        for duty in ("metrics", "evaluate_health"):
            operator.execute("call syncwell.run_maintenance(%s)", [duty])
    with database.connect(autocommit=True) as owner:
        owner.execute(
            """
            insert into syncwell.circuits (org_id, source, state, opened_at, cooldown, reopen_at)
            values (test.org('a'), 'calls', 'open', now(), '1 minute', now())
            on conflict do nothing
            """
        )
    return database


# --- rules ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_prometheus")
def test_promtool_finds_nothing_wrong_with_the_rules() -> None:
    for arguments in (("check", "rules", RULES), ("test", "rules", FOLDER / "syncwell.rules.test.yml")):
        done = prometheus.promtool(*arguments)
        assert done.returncode == 0, done.stdout


# the guard of low traffic, the short window, the factor, the objective of the source, several servers, rare runs
MUTANTS = [
    (r'\n +and ignoring \(window, status\) round\(syncwell:sync_runs:increase\w+{status="failed"}\) >= 3', ""),
    (r'{window="5m"} > 14.4', '{window="5m"} >= 0'),
    (r'{window="1h"} > 14.4', '{window="1h"} > 21'),
    (r"max by \(job, org, source\) \(sync_slo_objective_ratio\)\n +or ", ""),
    (r"max by \(job, org, source, status\) \(increase", "sum by (job, org, source, status) (increase"),
    (r"\n +unless on \(job, org, source\)[^\n]+", ""),
]


@pytest.mark.usefixtures("_prometheus")
def test_promtool_would_find_rules_that_are_wrong(tmp_path: Path) -> None:
    def survives(number: int) -> bool:
        text, changes = re.subn(*MUTANTS[number], RULES.read_text())
        assert changes > 0
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / RULES.name).write_text(text)
        (folder / "test.yml").write_text((FOLDER / "syncwell.rules.test.yml").read_text())
        assert prometheus.promtool("check", "rules", folder / RULES.name).returncode == 0
        return prometheus.promtool("test", "rules", folder / "test.yml").returncode == 0

    with ThreadPoolExecutor(2) as pool:
        assert not any(pool.map(survives, range(len(MUTANTS))))


def test_rules_name_only_what_there_is(busy: Database) -> None:
    with busy.connect("operator") as operator:
        known = {name for (name,) in operator.execute("select sample from syncwell.get_metric_samples()").fetchall()}
    with busy.connect() as owner:
        known |= {name for (name,) in owner.execute("select metric from syncwell._metric_families()").fetchall()}
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    known |= {rule["record"] for rule in rules if "record" in rule}
    for rule in rules:
        named = set(re.findall(r"\b(?:syncwell:)?sync_\w+(?::\w+)?", rule["expr"]))
        assert named
        assert named <= known, rule


@pytest.mark.usefixtures("_prometheus")
def test_a_real_prometheus_scrapes_the_server(busy: Database, tmp_path: Path) -> None:
    with serving(configured(busy.uri("gateway"), metrics_token=TOKEN.encode())) as client:
        example = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
        example["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        example["rule_files"] = [str(RULES)]
        example["scrape_configs"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{client.base_url.port}"]}]
        (tmp_path / "token").write_text(TOKEN + "\n")
        (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(example))
        with prometheus.running(tmp_path) as server:
            wait_until("the first scrape", lambda: server.query("sync_build_info"), 30)
            assert server.query("sync_runs_total") == {("calls", "success", ""): 2, ("calls", "failed", ""): 2}
            assert server.query("sync_streams > 0")[("calls", "", "degraded")] == 1
            assert server.query("sync_run_duration_seconds_count") == {("calls", "", ""): 4}
            assert server.query("histogram_quantile(0.5, sync_run_duration_seconds_bucket)")[("calls", "", "")] < 1
            assert abs(server.query("sync_last_success_timestamp_seconds - time()")[("calls", "", "")]) < 60
            (target,) = server.get("targets")["activeTargets"]
            assert (target["health"], target["lastError"]) == ("up", "")
            meant = server.get("metadata")["sync_runs" if "sync_runs" in server.get("metadata") else "sync_runs_total"]
            assert meant[0]["type"] == "counter"
            groups = server.get("rules")["groups"]
            assert all(rule["health"] in ("ok", "unknown") for group in groups for rule in group["rules"])


# --- sql_exporter ---------------------------------------------------------------------------------------------------


def collected(metric: dict[str, Any], connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """The rows of its query, which have what sql_exporter wants."""
    cursor = connection.execute(metric["query"].encode())
    names = [column.name for column in cursor.description or ()]
    assert names == [*metric.get("key_labels", []), *metric["values"]]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    keys = [tuple(row[name] for name in metric.get("key_labels", [])) for row in rows]
    assert len(keys) == len(set(keys))
    assert all(isinstance(value, str) for key in keys for value in key)
    assert all(isinstance(row["value"], float) for row in rows)
    return rows


def test_the_collector_tells_what_the_server_tells(busy: Database) -> None:
    assert COLLECTOR["collector_name"] == "syncwell"
    names = {metric["metric_name"] for metric in COLLECTOR["metrics"]}
    assert len(names) == len(COLLECTOR["metrics"])
    for login in ("operator", "a_service", "a_analyst"):
        with busy.connect(login) as connection:
            wanted = dict(
                connection.execute(
                    "select sample, count(*) from syncwell.get_metric_samples() group by sample"
                ).fetchall()
            )
            got = {metric["metric_name"]: len(collected(metric, connection)) for metric in COLLECTOR["metrics"]}
            assert {name: rows for name, rows in got.items() if rows} == wanted
    with busy.connect() as owner:
        kinds = dict(owner.execute("select metric, kind from syncwell._metric_families()").fetchall())
    for metric in COLLECTOR["metrics"]:
        assert set(metric) <= {"metric_name", "type", "help", "key_labels", "values", "query"}
        family = re.sub("(?<=seconds)_(bucket|count|sum)$", "", metric["metric_name"])
        known = {"histogram": "counter", "info": "gauge"}
        assert metric["type"] == known.get(kinds[family], kinds[family])


# --- Grafana --------------------------------------------------------------------------------------------------------

FROM, TO = datetime.now(UTC) - timedelta(days=7), datetime.now(UTC) + timedelta(hours=2)
SECONDS = {"m": 60, "h": 3600, "d": 86400}


def grouped(match: re.Match[str]) -> str:
    column, amount, unit = match[1].strip(), int(match[2]), match[3]
    size = amount * SECONDS[unit]
    return f'floor(extract(epoch from {column})/{size})*{size} as "time"'


def expanded(query: str) -> str:
    """What Grafana makes of it: its macros and variables."""
    start, end = (f"'{when:%Y-%m-%dT%H:%M:%SZ}'" for when in (FROM, TO))
    query = re.sub(r"\$__timeFilter\(([^()]+)\)", rf"\1 between {start} and {end}", query)
    query = re.sub(r"\$__timeGroupAlias\(([^,()]+),\s*'(\d+)([mhd])'(?:,\s*(?:0|NULL|previous))?\)", grouped, query)
    query = query.replace("$__timeFrom()", start).replace("$__timeTo()", end)
    query = query.replace("${source:sqlstring}", "'calls','todoist'")
    assert "$" not in query, query
    return query


def targets(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for panel in document["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target
    for note in document["annotations"]["list"]:
        yield note["name"], note["target"]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_each_query_of_a_dashboard_gives_times(path: Path, busy: Database) -> None:
    document = json.loads(path.read_text())
    filled = set()
    with busy.connect("a_analyst") as analyst, busy.connect("b_admin") as stranger:
        for title, target in targets(document):
            query = expanded(target["rawSql"]).encode()
            cursor = analyst.execute(query)
            columns = {column.name: column.type_code for column in cursor.description or ()}
            rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
            # timestamptz, or seconds
            assert columns["time"] in (1184, 701, 1700), title
            if rows:
                filled.add(title)
            if target["format"] == "time_series":
                times = [row["time"] for row in rows]
                assert times == sorted(times), title
                # text is a label, the rest are numbers that Grafana can draw
                assert set(columns.values()) <= {1184, 701, 1700, 25}, title
            # of another org nothing but what is about nobody
            assert stranger.execute(query).fetchall() == [], title
        (variable,) = [one for one in document["templating"]["list"] if one["type"] == "query"]
        assert analyst.execute(variable["query"].encode()).fetchall() == [("calls",)]
    titles = [title for title, _ in targets(document)]
    assert len(titles) == len(set(titles))
    empty = set(titles) - filled
    # nothing is learned of so short a past
    assert empty <= {"Volume against expectation"}, empty
    ids = [panel["id"] for panel in document["panels"]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_lie_side_by_side(path: Path) -> None:
    cells: set[tuple[int, int]] = set()
    for panel in json.loads(path.read_text())["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        taken = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        cells |= taken
