"""syncwell openmetrics, and sw.ops with the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as plain_families
from typer.testing import CliRunner

from syncwell.cli.app import app

if TYPE_CHECKING:
    from harness import Database, Tenants

    from .conftest import Api


@pytest.fixture
def busy(database: Database) -> Database:
    with database.connect("a_service", autocommit=True) as service:
        service.execute("select syncwell.register_stream('calls')")
    return database


def run(database: Database, command: str, login: str = "operator") -> Any:
    return CliRunner().invoke(app, [*command.split(), "--dsn", database.uri(login)])


def test_it_prints_what_prometheus_reads(busy: Database, tenants: Tenants) -> None:
    for login in ("operator", "a_analyst"):
        done = run(busy, "openmetrics", login)
        assert done.exit_code == 0, done.output
        assert done.stdout.endswith("# EOF\n")
        assert 'sync_streams{source="calls",state="unknown"} 1' in done.stdout
        assert len(list(open_families(done.stdout))) > 10
    plain = run(busy, "openmetrics --format prometheus").stdout
    assert "# EOF" not in plain
    assert len(list(plain_families(plain))) > 10
    of_b = run(busy, f"openmetrics --as-org {tenants.org('b')}", "gateway").stdout
    assert "calls" not in of_b
    samples = json.loads(run(busy, "openmetrics --json").stdout)
    assert {
        "metric": "sync_run_active",
        "sample": "sync_run_active",
        "labels": {"source": "calls"},
        "value": 0,
    } in samples


def test_members_are_refused_in_words(busy: Database) -> None:
    done = run(busy, "openmetrics", "a_member")
    assert done.exit_code == 2
    assert "metrics are counts over all users" in done.output
    assert "Traceback" not in done.output


async def test_the_client_has_both(api: Api, busy: Database) -> None:
    connection = await api.connect(busy.uri("a_analyst"))
    async with connection:
        ops = api.client(connection).ops
        assert (await ops.openmetrics()).endswith("# EOF\n")
        assert "# EOF" not in await ops.openmetrics(format="prometheus")
        (sample,) = await ops.metric_samples(metric="sync_run_active")
        assert (sample.sample, sample.labels, sample.value) == ("sync_run_active", {"source": "calls"}, 0.0)
        assert await ops.metric_samples(metric="no_such_metric") == []
