"""The command line: what it prints, as a table and as JSON, how it ends, and what it says of mistakes."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from typer.testing import CliRunner

from harness import set_clock, unavailable, wait_until
from harness.paths import ROOT
from syncwell import Syncwell
from syncwell.cli import output
from syncwell.cli.app import app
from syncwell.cli.live import progress_table
from syncwell.cli.session import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Database, Tenants
    from harness.cluster import Cluster

READS = ("health", "dashboard", "runs", "errors", "metrics", "timeline")
WITH_SCHEMA = (*READS, "activity", "watch --once")
COMMANDS = (
    "demo",
    "watch",
    *READS,
    "activity",
    "report",
    "evaluate",
    "migrate",
    "rollback",
    "status",
    "bundle",
    "verify",
    "serve",
)
EXIT_CODES = {"health": 1, "errors": 1}
NO_SCHEMA = "this database has no syncwell"


def terminal() -> tuple[int, int]:
    """Both ends of a pseudo-terminal; a chroot may have none."""
    try:
        return pty.openpty()
    except OSError as error:
        unavailable("pseudo-terminal", error)


@pytest.fixture(autouse=True)
def _no_environment_of_libpq(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "python"))


@pytest.fixture
def empty(cluster: Cluster) -> Iterator[Database]:
    with cluster.database(template="template1") as database:
        yield database


@pytest.fixture
def busy(database: Database) -> Database:
    """todoist is well, woocommerce has failed three times; its words are not to be trusted."""
    syncwell = Syncwell(database.connect("a_service", autocommit=True))
    with syncwell.runs.track("todoist", "full") as run:
        run.progress(20, 20)
        run.set_result(items_created=20, sync_token_after="t1")  # noqa: S106
    for _ in range(3):
        with pytest.raises(RuntimeError), syncwell.runs.track("woocommerce"):
            raise RuntimeError("shop says \x1b]0;owned\x07 no\nand no again")
    return database


def run(command: str, uri: str | None = None, *more: str) -> Any:
    arguments = [*command.split(), *more]
    return CliRunner().invoke(app, arguments if uri is None else [*arguments, "--dsn", uri])


def refused(result: Any) -> str:
    """What is said of a mistake: on standard error, in a few lines, with exit code 2."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
    return str(result.stderr)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = run(f"{command} --help")
    assert result.exit_code == 0
    assert "Usage" in result.stdout
    if command not in ("status", "verify"):
        assert "Examples:" in result.stdout


def test_help_names_connections_and_exit_codes() -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert "PGHOST" in result.stdout
    assert "Exit codes: 0" in result.stdout
    for command in COMMANDS:
        assert f" {command} " in result.stdout


def test_the_version_is_told() -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("syncwell ")


@pytest.mark.parametrize("command", WITH_SCHEMA)
def test_a_table_for_people(busy: Database, command: str) -> None:
    result = run(command, busy.uri("a_analyst"))
    assert result.exit_code == EXIT_CODES.get(command, 0), result.output
    assert "todoist" in result.stdout or command in ("errors", "activity", "watch --once", "timeline", "dashboard")
    assert "\x1b" not in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("command", WITH_SCHEMA)
def test_a_document_for_programs(busy: Database, command: str) -> None:
    result = run(command, busy.uri("a_analyst"), "--json")
    assert result.exit_code == EXIT_CODES.get(command, 0), result.output
    json.loads(result.stdout)
    assert result.stderr == ""


@pytest.mark.parametrize("command", [command for command in READS if command != "health"])
def test_one_source_only(busy: Database, command: str) -> None:
    found = json.loads(run(command, busy.uri("a_analyst"), "--json", "--source", "todoist").stdout)
    assert "woocommerce" not in json.dumps(found)


def test_health_names_the_worst_and_ends_with_1(busy: Database) -> None:
    document = json.loads(run("health --json", busy.uri("a_analyst")).stdout)
    assert document["overall"]["status"] == "unhealthy"
    assert [source["status"] for source in document["sources"]] == ["unhealthy", "healthy"]
    assert [issue["issue_type"] for issue in document["issues"]] == ["failure"]
    shown = run("health", busy.uri("a_analyst")).stdout
    assert "the last 3 runs failed" in shown
    assert "critical" in shown


def test_health_ends_with_0_when_nothing_is_unhealthy(database: Database) -> None:
    assert run("health", database.uri("a_analyst")).exit_code == 0


def test_health_tells_the_evidence_in_words(busy: Database) -> None:
    document = json.loads(run("health --json", busy.uri("a_analyst")).stdout)
    assert (document["evaluated"], document["more_issues"]) == (False, 0)
    assert document["sources"][0]["overlays"] == ["unevaluated"]
    shown = run("health", busy.uri("a_analyst")).stdout
    assert "failure threshold 3  consecutive failures 3" in shown
    assert "`syncwell evaluate` has not run lately" in shown


def test_health_tells_whose_stream_it_is(database: Database, tenants: Tenants) -> None:
    member = Syncwell(database.connect("a_member", autocommit=True))
    for _ in range(3):
        with pytest.raises(RuntimeError), member.runs.track("calls"):
            raise RuntimeError
    assert f"user {tenants.id('a_member')}  " in run("health", database.uri("a_analyst")).stdout


def test_health_tells_what_people_made_of_an_issue(busy: Database, tenants: Tenants) -> None:
    evaluated(busy, tenants, issues=3)
    uri = busy.uri("a_analyst")
    document = json.loads(run("health --json", uri).stdout)
    assert document["evaluated"]
    assert {issue["state"] for issue in document["issues"]} == {"open", "acknowledged", "snoozed"}
    shown = run("health", uri).stdout
    assert "unevaluated" not in shown
    for told in ("acknowledged", "snoozed, in 59 min", "muted by maintenance", "came back 2x", "waiting 1 d"):
        assert told in shown
    # a bell and a new line of somebody else
    assert "\x07" not in shown
    assert len(json.loads(run("health --json -n 2", uri).stdout)["issues"]) == 2
    assert "and 2 more issues" in run("health -n 1", uri).stdout
    member = json.loads(run("health --json", uri, "--user", str(tenants.id("a_member"))).stdout)
    assert member["issues"] == []


def evaluated(database: Database, tenants: Tenants, *, issues: int) -> None:
    """What an evaluation a moment ago would have left: issues of woocommerce in several states."""
    with psycopg.connect(database.uri()) as connection:
        connection.execute(
            "insert into syncwell.health_evaluations (org_id, evaluated_at) values (%s, now())"
            " on conflict (org_id) do update set evaluated_at = excluded.evaluated_at",
            [tenants.org("a")],
        )
        connection.execute(
            """
            insert into syncwell.sync_issues (
              org_id, id, fingerprint, issue_type, severity, state, stream_id, source, platform, muted_by, since,
              evidence, suggestion, opened_at, times_opened, last_seen_at, snoozed_until
            )
            select
              s.org_id, gen_random_uuid(), n::text, 'queue_backlog', 'warning',
              (array['open', 'acknowledged', 'snoozed'])[1 + mod(n, 3)], s.stream_id, s.source, 'ios',
              case when n = 3 then 'maintenance' end, now() - interval '1 day',
              '{"waiting_seconds": 86400, "device_id": "a\\u0007\\nb"}', 'look \x07 at it', now(), 1 + 2 * (n / 3),
              now(),
              case when mod(n, 3) = 2 then now() + interval '59 min 59 s' end
            from syncwell.streams as s, generate_series(1, %s) as n
            where s.source = 'woocommerce'
            """,
            [issues],
        )


def test_evaluate_tells_what_it_did(busy: Database) -> None:
    (row,) = json.loads(run("evaluate --json", busy.uri("a_service")).stdout)
    assert (row["streams"], row["opened"], row["skipped"]) == (2, 1, False)
    result = run("evaluate", busy.uri("a_service"))
    assert result.exit_code == 0
    assert "streams" in result.stdout
    assert len(json.loads(run("evaluate --json", busy.uri("operator")).stdout)) == 2
    assert "42501" in refused(run("evaluate", busy.uri("a_analyst")))
    assert "nobody" in refused(run("evaluate", busy.uri("nobody_login")))
    shown = run("health", busy.uri("a_analyst")).stdout
    assert "unevaluated" not in shown
    assert "failure" in shown


def test_evaluate_tells_of_another_one_at_work(busy: Database, tenants: Tenants) -> None:
    assert "somebody else" not in run("evaluate", busy.uri("a_service")).stdout
    other = busy.connect("a_service")
    other.execute("select syncwell.evaluate_health()")
    assert "somebody else is evaluating it" in run("evaluate", busy.uri("a_service")).stdout
    other.rollback()
    busy.connect(autocommit=True).execute(
        "update syncwell.health_evaluations set evaluated_at = now() - interval '3 hours' where org_id = %s",
        [tenants.org("a")],
    )
    assert "nothing had evaluated it for 3 h" in run("evaluate", busy.uri("a_service")).stdout


class TestReport:
    """report: what is in it is in test_report.py."""

    def test_a_file(self, busy: Database, tmp_path: Path) -> None:
        file = tmp_path / "here.html"
        result = run(f"report -o {file}", busy.uri("a_analyst"))
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.startswith(f"wrote {file}, ")
        page = file.read_text(encoding="utf-8")
        assert "Of 2 streams, 1 unhealthy and 1 healthy." in page
        assert "shop says" in page
        assert "\x1b" not in page
        told = json.loads(run(f"report --json -o {file}", busy.uri("a_analyst")).stdout)
        assert told["file"] == str(file)
        assert told["bytes"] == file.stat().st_size

    def test_on_standard_output(self, busy: Database) -> None:
        page = run("report --output - --days 7", busy.uri("a_analyst")).stdout
        assert page.startswith("<!doctype html>")
        assert "7 days up to" in page
        assert json.loads(run("report --output - --json", busy.uri("a_analyst")).stdout)["html"].startswith("<!doctype")

    def test_one_source_or_one_user_only(self, busy: Database, tenants: Tenants) -> None:
        todoist = run("report -o - --source todoist", busy.uri("a_analyst")).stdout
        assert "The only stream is healthy." in todoist
        assert "woocommerce" not in todoist
        member = run("report -o -", busy.uri("a_analyst"), "--user", str(tenants.id("a_member"))).stdout
        assert "There is no stream yet" in member
        assert "no stream of source nothing" in refused(run("report -o - --source nothing", busy.uri("a_analyst")))
        assert "SW002" in refused(run("report -o -", busy.uri("a_analyst"), "--user", str(tenants.id("b_member"))))

    def test_for_whom_a_gateway_asks(self, busy: Database, tenants: Tenants) -> None:
        uri = busy.uri("gateway")
        assert "todoist" in run("report -o -", uri, "--as-org", str(tenants.org("a"))).stdout
        assert "todoist" not in run("report -o -", uri, "--as-org", str(tenants.org("b"))).stdout
        assert "SW001" in refused(run("report -o -", uri))
        assert "exclude" in refused(run("report", uri, "--as-user", str(UUID(int=1)), "--as-org", str(UUID(int=1))))

    def test_it_only_reads(self, busy: Database) -> None:
        with (
            snapshot(busy.uri("a_service"), None, None) as syncwell,
            pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
        ):
            syncwell.runs.start(source="todoist")

    def test_it_is_of_one_moment(self, busy: Database) -> None:
        with snapshot(busy.uri("a_analyst"), None, None) as syncwell:
            before = syncwell.health.streams()
            service = Syncwell(busy.connect("a_service", autocommit=True))
            with service.runs.track("calls"):
                pass
            assert len(syncwell.health.streams()) == len(before)
        with snapshot(busy.uri("a_analyst"), None, None) as syncwell:
            assert len(syncwell.health.streams()) == len(before) + 1

    def test_wrong_places_and_numbers(self, busy: Database, tmp_path: Path) -> None:
        assert "No such file" in refused(run(f"report -o {tmp_path}/there/is/none.html", busy.uri("a_analyst")))
        assert run("report --days 0", busy.uri("a_analyst")).exit_code == 2
        assert run(f"report -o {tmp_path}", busy.uri("a_analyst")).exit_code == 2

    @pytest.mark.parametrize("missing", ["jinja2", "markupsafe", "vl_convert"])
    def test_a_missing_extra_is_named(self, missing: str) -> None:
        code = f"import sys; sys.modules[{missing!r}] = None; from syncwell.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", code, "report"], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "pip install 'syncwell[report]'" in done.stderr
        assert "Traceback" not in done.stderr


def test_runs_by_status_and_number(busy: Database) -> None:
    uri = busy.uri("a_analyst")
    assert len(json.loads(run("runs --json", uri).stdout)) == 4
    assert len(json.loads(run("runs --json -n 1", uri).stdout)) == 1
    (success,) = json.loads(run("runs --json --status success", uri).stdout)
    assert (success["source"], success["items_created"], success["sync_token_after"]) == ("todoist", 20, "t1")
    assert UUID(success["event_id"])
    assert datetime.fromisoformat(success["started_at"]).tzinfo is not None
    assert "no runs" in run("runs --status partial", uri).stdout


def test_control_characters_of_others_do_not_reach_the_terminal(busy: Database) -> None:
    for command in ("runs", "errors"):
        shown = run(command, busy.uri("a_analyst")).stdout
        assert "shop says \N{REPLACEMENT CHARACTER}]0;owned" in shown
        assert "\x07" not in shown
        assert "\x1b" not in shown


def test_errors_end_with_0_when_none_is_open(busy: Database) -> None:
    syncwell = Syncwell(busy.connect("a_service", autocommit=True))
    (error,) = json.loads(run("errors --json", busy.uri("a_analyst")).stdout)
    assert error["occurrences"] == 3
    assert syncwell.runs.resolve_error(error_id=UUID(error["error_id"]))
    open_ones = run("errors", busy.uri("a_analyst"))
    assert open_ones.exit_code == 0
    assert "no open errors" in open_ones.stdout
    resolved = run("errors --all", busy.uri("a_analyst"))
    assert resolved.exit_code == 0
    assert "resolved" in resolved.stdout


def test_metrics_by_week(busy: Database) -> None:
    rows = json.loads(run("metrics --json --period week", busy.uri("a_analyst")).stdout)
    assert {row["metric_type"] for row in rows} == {"weekly", "summary"}


def test_a_timeline_has_a_row_for_each_hour(busy: Database) -> None:
    assert len(json.loads(run("timeline --json --hours 48", busy.uri("a_analyst")).stdout)) == 48


def test_the_dashboard_of_an_unknown_source(busy: Database) -> None:
    assert "no stream of source nothing" in refused(run("dashboard --source nothing", busy.uri("a_analyst")))


def test_one_user_only(busy: Database, tenants: Tenants) -> None:
    member = Syncwell(busy.connect("a_member", autocommit=True))
    with member.runs.track("calls"):
        pass
    rows = json.loads(run("runs --json", busy.uri("a_analyst"), "--user", str(tenants.id("a_member"))).stdout)
    assert [row["source"] for row in rows] == ["calls"]
    for stranger in ("b_member", "nobody at all"):
        complaint = refused(run("runs", busy.uri("a_analyst"), "--user", str(tenants.id(stranger))))
        assert "SW002" in complaint


def test_a_gateway_says_for_whom(busy: Database, tenants: Tenants) -> None:
    uri = busy.uri("gateway")
    assert "SW001" in refused(run("runs", uri))
    assert len(json.loads(run("runs --json", uri, "--as-org", str(tenants.org("a"))).stdout)) == 4
    assert json.loads(run("runs --json", uri, "--as-org", str(tenants.org("b"))).stdout) == []
    assert run("watch --once", uri, "--as-user", str(tenants.id("b_member"))).exit_code == 0
    assert "SW002" in refused(run("runs", uri, "--as-user", str(tenants.id("nobody at all"))))
    assert "exclude" in refused(run("runs", uri, "--as-user", str(UUID(int=1)), "--as-org", str(UUID(int=1))))


def test_acting_for_others_is_the_gateways_only(busy: Database, tenants: Tenants) -> None:
    assert "42501" in refused(run("runs", busy.uri("a_analyst"), "--as-org", str(tenants.org("b"))))


@pytest.mark.parametrize("command", WITH_SCHEMA)
def test_a_login_that_is_nobody(busy: Database, command: str) -> None:
    assert "nobody" in refused(run(command, busy.uri("nobody_login")))


@pytest.mark.parametrize("command", WITH_SCHEMA)
def test_a_login_without_a_role(database: Database, command: str) -> None:
    complaint = refused(run(command, database.uri("t_owner")))
    assert "permission denied" in complaint
    assert "syncwell_reader" in complaint


@pytest.mark.parametrize("command", WITH_SCHEMA)
def test_a_database_without_the_schema(empty: Database, command: str) -> None:
    complaint = refused(run(command, empty.uri()))
    assert NO_SCHEMA in complaint
    assert "syncwell migrate" in complaint


@pytest.mark.parametrize("command", [*WITH_SCHEMA, "migrate", "rollback --to 0000", "status", "verify"])
def test_a_server_that_is_not_there(command: str, tmp_path: Path) -> None:
    complaint = refused(run(command, f"host={tmp_path} user=me dbname=x"))
    assert "connection" in complaint
    assert "hint: Say where the server is" in complaint


@pytest.mark.parametrize("dsn", ["host=", "no such=thing", "postgresql://[", "postgresql://host/db?nonsense=1"])
def test_a_dsn_that_is_none(dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PGHOST", str(tmp_path))
    refused(run("health", dsn))


def test_libpqs_own_environment(busy: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", str(busy.server.socket_dir))
    monkeypatch.setenv("PGUSER", "a_analyst")
    assert len(json.loads(run("runs --json", busy.name).stdout)) == 4
    monkeypatch.setenv("PGDATABASE", busy.name)
    assert len(json.loads(run("runs --json").stdout)) == 4


@pytest.mark.parametrize(
    "arguments", ["runs --limit 0", "runs --user me", "metrics --period year", "nothing", "rollback"]
)
def test_wrong_usage_ends_with_2(arguments: str) -> None:
    result = run(arguments)
    assert result.exit_code == 2
    assert result.stdout == ""


class TestMigrations:
    """migrate, rollback, status, verify, bundle."""

    def test_there_and_back(self, empty: Database) -> None:
        uri = empty.uri()
        assert run("status", uri).exit_code == 1
        assert [one["state"] for one in json.loads(run("status --json", uri).stdout)] == ["pending"]
        assert run("verify", uri).exit_code == 1
        assert run("migrate", uri).stdout == "applied 0001 foundation\n"
        assert run("migrate", uri).stdout == "nothing to do: everything is applied\n"
        assert json.loads(run("migrate --json", uri).stdout) == {"applied": []}
        assert run("status", uri).exit_code == 0
        assert run("verify", uri).exit_code == 0
        assert all(check["ok"] for check in json.loads(run("verify --json", uri).stdout))
        assert run("rollback --to 0000", uri).stdout == "reverted 0001 foundation\n"
        assert json.loads(run("rollback --to 0000 --json", uri).stdout) == {"reverted": []}
        assert run("rollback --to 0000", uri).stdout.startswith("nothing to do")

    def test_the_roles_may_be_made_again(self, empty: Database) -> None:
        assert run("migrate --roles", empty.uri()).exit_code == 0

    def test_rows_are_not_dropped_by_accident(self, busy: Database) -> None:
        assert "SW904" in refused(run("rollback --to 0000", busy.uri()))
        result = run("rollback --to 0000 --allow-data-loss --json", busy.uri())
        assert json.loads(result.stdout) == {"reverted": [{"id": "0001", "name": "foundation"}]}

    def test_a_number_that_is_none(self, empty: Database) -> None:
        assert "22023" in refused(run("migrate --to 9999", empty.uri()))
        assert "22023" in refused(run("bundle --from 9999"))

    def test_a_bundle_installs(self, empty: Database, tmp_path: Path) -> None:
        file = tmp_path / "install.sql"
        assert run(f"bundle --roles -o {file}").exit_code == 0
        assert file.read_text() == run("bundle --roles").stdout
        assert json.loads(run("bundle --json").stdout)["sql"] == run("bundle").stdout
        assert json.loads(run(f"bundle --json -o {file}").stdout)["file"] == str(file)
        empty.connect(autocommit=True).execute(run("bundle").stdout.encode())
        assert run("status", empty.uri()).exit_code == 0

    def test_a_file_that_cannot_be_written(self, tmp_path: Path) -> None:
        assert "No such file" in refused(run(f"bundle -o {tmp_path}/there/is/none.sql"))

    def test_a_backup_before(self, busy: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        program = tmp_path / "pg_dump"
        program.write_text('#!/bin/sh\nprintf "%s\\n" "$@" "$PGPASSWORD" > "$0.told"\nexit $(cat "$0.rc")\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        told, code = Path(f"{program}.told"), Path(f"{program}.rc")
        code.write_text("0")
        uri = busy.uri().replace("postgres@", "postgres:secret@")
        assert run(f"migrate --backup {tmp_path}/before.sql", uri).exit_code == 0
        *arguments, password = told.read_text().splitlines()
        assert password == "secret"  # noqa: S105
        assert "secret" not in "".join(arguments)
        assert f"--file={tmp_path}/before.sql" in arguments
        code.write_text("1")
        assert "nothing was migrated" in refused(run(f"migrate --backup {tmp_path}/before.sql", uri))
        monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
        assert "pg_dump" in refused(run(f"migrate --backup {tmp_path}/before.sql", uri))

    def test_no_backup_of_nothing(self, empty: Database, tmp_path: Path) -> None:
        assert run(f"migrate --backup {tmp_path}/before.sql", empty.uri()).exit_code == 0
        assert not (tmp_path / "before.sql").exists()


class TestWatch:
    """watch: once, as lines, and on a terminal."""

    def test_once(self, database: Database) -> None:
        uri = database.uri("a_analyst")
        assert "nothing is running" in run("watch --once", uri).stdout
        syncwell = Syncwell(database.connect("a_service", autocommit=True))
        with syncwell.runs.track("todoist", "full") as silent:
            (row,) = json.loads(run("watch --json", uri).stdout)
            assert (row["sync_id"], row["source"], row["status"]) == (str(silent.event_id), "todoist", "started")
            silent.progress(5, 20)
            (row,) = json.loads(run("watch --json", uri).stdout)
            assert (row["source"], row["sync_type"], row["percent"], row["stalled"]) == ("todoist", "full", 25, False)
            assert "5/20" in run("watch --once", uri).stdout
        syncwell.progress.report(sync_id="import", processed_count=7, source_system="odoo")
        shown = run("watch --once", uri).stdout
        assert "odoo" in shown
        assert "todoist" not in shown

    def test_a_stalled_sync_ends_with_1(self, database: Database, tenants: Tenants) -> None:
        with psycopg.connect(database.uri()) as connection:
            set_clock(connection, datetime.now(UTC) - timedelta(hours=1))
            connection.execute(
                "insert into syncwell.sync_progress (org_id, sync_id, status, processed_count, total_items)"
                " values (%s, 'import', 'in_progress', 5, 20)",
                [tenants.org("a")],
            )
        result = run("watch --once", database.uri("a_analyst"))
        assert result.exit_code == 1
        assert "stalled" in result.stdout
        assert "silent 1 h" in result.stdout

    def test_as_lines_until_it_is_interrupted(self, database: Database) -> None:
        syncwell = Syncwell(database.connect("a_service", autocommit=True))
        command = [sys.executable, "-m", "syncwell.cli", "watch", "-i", "0.1", "-d", database.uri("a_analyst")]
        with (
            syncwell.runs.track("todoist", report_every=0) as tracked,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
        ):
            assert process.stdout is not None
            tracked.progress(5, 20)
            lines = [process.stdout.readline()]
            tracked.progress(10, 20)
            while "10/20" not in lines[-1]:
                lines.append(process.stdout.readline())
                assert lines[-1], lines
            process.send_signal(signal.SIGINT)
            _, complaints = process.communicate(timeout=20)
            assert (process.returncode, complaints) == (0, "")
        assert lines[-1].startswith("todoist: in_progress, 50 %, 10/20")

    def test_on_a_terminal_until_ctrl_c(self, database: Database) -> None:
        syncwell = Syncwell(database.connect("a_service", autocommit=True))
        ours, theirs = terminal()
        command = [sys.executable, "-m", "syncwell.cli", "watch", "-i", "0.1", "-d", database.uri("a_analyst")]
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "30", "PYTHONUTF8": "1"}
        environment.pop("NO_COLOR", None)
        shown = b""
        with syncwell.runs.track("todoist", report_every=0) as tracked:
            tracked.progress(5, 20)
            process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
            os.close(theirs)
            while b"5/20" not in shown:
                shown += os.read(ours, 1 << 16)
            tracked.progress(15, 20)
            while b"15/20" not in shown:
                shown += os.read(ours, 1 << 16)
        while b"completed" not in shown:  # what has just ended stays for a moment
            shown += os.read(ours, 1 << 16)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        shown += os.read(ours, 1 << 16)
        os.close(ours)
        assert b"\x1b[?25h" in shown  # the cursor is back
        assert "\N{BOX DRAWINGS HEAVY HORIZONTAL}".encode() in shown

    def test_a_server_that_goes_away_is_told_in_words(self, database: Database) -> None:
        command = [sys.executable, "-m", "syncwell.cli", "watch", "-i", "0.1", "-d", database.uri("a_analyst")]
        admin = database.connect(autocommit=True)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:

            def ended() -> bool:
                row = admin.execute(
                    "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                    " where application_name = 'syncwell' and usename = 'a_analyst' and datname = current_database()"
                ).fetchone()
                return bool(row and row[0])

            wait_until("watch to be connected", ended)
            _, complaints = process.communicate(timeout=20)
        assert process.returncode == 2
        assert complaints.startswith("error: ")
        assert "Traceback" not in complaints


@pytest.mark.parametrize(("missing", "extra"), [("typer", "cli"), ("rich", "cli")])
def test_a_missing_extra_is_named(missing: str, extra: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from syncwell.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"pip install 'syncwell[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_pipe_is_no_traceback() -> None:
    command = [sys.executable, "-m", "syncwell.cli", "bundle"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_a_terminal_that_cannot_show_everything(busy: Database) -> None:
    command = [sys.executable, "-m", "syncwell.cli", "errors", "-d", busy.uri("a_analyst")]
    done = subprocess.run(
        command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "iso8859-1"}, check=False
    )
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"shop says ?]0;owned" in done.stdout


def test_no_color(busy: Database) -> None:
    ours, theirs = terminal()
    command = [sys.executable, "-m", "syncwell.cli", "health", "-d", busy.uri("a_analyst")]
    environment = {**os.environ, "TERM": "xterm-256color", "NO_COLOR": "1"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    assert process.wait(20) == 1
    shown = os.read(ours, 1 << 16)
    os.close(theirs)
    os.close(ours)
    assert b"unhealthy" in shown
    assert b"\x1b[31" not in shown
    assert b"\x1b[1;31" not in shown


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "-"), (0, "0 ms"), (0.0004, "0 ms"), (0.8504, "850 ms"), (0.9996, "1.0 s"), (12.34, "12.3 s"),
        (59.96, "1 min"), (200, "3 min 20 s"), (3599.7, "1 h"), (7500, "2 h 5 min"), (86399, "1 d"),
        (273600, "3 d 4 h"),
    ],
)  # fmt: skip
def test_lengths_of_time(number: float | None, text: str) -> None:
    assert output.seconds(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "-"), (0, "0/min"), (850.4, "850/min"), (9999.4, "9,999/min"), (12340, "12.3k/min"), (3.2e6, "3.2M/min")],
)
def test_speeds(number: float | None, text: str) -> None:
    assert output.speed(number) == text


def test_times_from_now() -> None:
    now = datetime.now(UTC)
    assert output.ago(None) == "-"
    assert output.ago(now) == "now"
    assert output.ago(now - timedelta(seconds=200.2)) == "3 min 20 s ago"
    assert output.ago(now + timedelta(seconds=20.4)) == "in 20 s"


def test_shares_are_not_rounded_up_to_all() -> None:
    assert [output.share(number) for number in (None, 0, 0.9999, 1)] == ["-", "0.0 %", "99.9 %", "100 %"]


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_progress_fits_the_terminal(width: int) -> None:
    row: dict[str, Any] = {
        "sync_id": "x", "source": "a source with a long name of its own", "sync_type": "incremental",
        "entity_type": None, "status": "completed_with_errors", "stalled": False, "processed_count": 999_000,
        "failed_count": 1000, "total_items": 1_000_000, "percent": 100.0, "speed_now": None,
        "speed_items_per_min": 123456.0, "eta_now": 0.0, "elapsed_seconds": 100.0, "silent_seconds": None,
        "completed_at": datetime.now(UTC),
    }  # fmt: skip
    console = output.console()
    console.width = width
    with console.capture() as capture:
        console.print(progress_table([row], width))
    assert all(len(line) <= width for line in capture.get().splitlines())
    assert len(capture.get().splitlines()) == 2
