"""syncwell export: all rows once, in pages, also after an interruption; nothing of another org."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.types.json import Jsonb
from typer.testing import CliRunner

from harness import Tenants
from syncwell.cli.app import app
from syncwell.cli.export import Manifest, Pages

if TYPE_CHECKING:
    from pathlib import Path

    from harness import Database

EVENTS = 250
HOSTILE = 'a "quote", a\nline\\n, ünï, \\. and {braces} %s'


@pytest.fixture
def filled(database: Database) -> Database:
    """250 events of org a within 25 hours, ten at each hour sharp, and one of org b."""
    with database.connect(autocommit=True) as owner:
        for org, number, user in (("a", EVENTS, "a_member"), ("b", 1, "b_member")):
            owner.execute(
                """
                insert into syncwell.data_events (
                  org_id, id, stream_id, user_id, source, external_id, occurred_at, payload, written_at, received_at
                )
                select
                  %(org)s, gen_random_uuid(), gen_random_uuid(), %(user)s, 'calls', 'x' || n,
                  '2026-10-01 00:00+00'::timestamptz + (n / 10) * interval '1 hour', %(payload)s, now(), now()
                from generate_series(0, %(number)s - 1) as n
                """,
                {
                    "org": Tenants.org(org),
                    "user": Tenants.id(user),
                    "number": number,
                    "payload": Jsonb({"note": HOSTILE}),
                },
            )
        owner.execute("select syncwell.ensure_partitions()")
    return database


def export(database: Database, folder: Path, *more: str, login: str = "a_analyst") -> Any:
    arguments = ["export", "events", "-o", str(folder), "--rows", "60", *more, "--dsn", database.uri(login)]
    return CliRunner().invoke(app, arguments)


def documents(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines()]


def test_every_row_once_in_pages(filled: Database, tmp_path: Path) -> None:
    done = export(filled, tmp_path / "out", "--format", "jsonl")
    assert done.exit_code == 0, done.output
    assert "exported 250 rows" in done.stdout
    rows = documents(tmp_path / "out")
    assert {row["external_id"] for row in rows} == {f"x{n}" for n in range(EVENTS)}
    assert len(rows) == EVENTS
    assert [len(file.read_text().splitlines()) for file in sorted((tmp_path / "out").glob("*.jsonl"))] == [
        60, 60, 60, 60, 10,
    ]  # fmt: skip
    assert {row["payload"]["note"] for row in rows} == {HOSTILE}
    assert {row["org_id"] for row in rows} == {str(Tenants.org("a"))}


def test_the_formats_say_the_same(filled: Database, tmp_path: Path) -> None:
    from pyarrow import parquet

    for form in ("csv", "jsonl", "parquet"):
        assert export(filled, tmp_path / form, "--format", form).exit_code == 0
    lines = documents(tmp_path / "jsonl")
    table = [
        row
        for file in sorted((tmp_path / "csv").glob("*.csv"))
        for row in csv.DictReader(file.read_text().splitlines(keepends=True))
    ]
    columnar = [
        row for file in sorted((tmp_path / "parquet").glob("*.parquet")) for row in parquet.read_table(file).to_pylist()
    ]
    for row in (lines, table, columnar):
        assert len(row) == EVENTS
    for line, cells, typed in zip(lines, table, columnar, strict=True):
        assert line["id"] == cells["id"] == typed["id"]
        assert json.loads(cells["payload"]) == json.loads(typed["payload"]) == line["payload"]
        assert datetime.fromisoformat(line["occurred_at"]) == typed["occurred_at"]
        assert line["session_id"] is None is typed["session_id"]
        assert cells["session_id"] == ""
    assert columnar[0]["occurred_at"] == datetime(2026, 10, 1, tzinfo=UTC)


def test_the_range_includes_its_start_and_not_its_end(filled: Database, tmp_path: Path) -> None:
    range_ = ["--format", "jsonl", "--from", "2026-10-01T05:00", "--to", "2026-10-01T07:00"]
    assert export(filled, tmp_path / "out", *range_).exit_code == 0
    times = {row["occurred_at"] for row in documents(tmp_path / "out")}
    assert times == {"2026-10-01T05:00:00+00:00", "2026-10-01T06:00:00+00:00"}


def test_an_interrupted_export_goes_on(filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Pages.write

    def break_off(self: Pages, file: Path, *rest: Any) -> Any:
        if "000003" in file.name:
            file.write_text("half a line")
            raise KeyboardInterrupt
        return write(self, file, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Pages, "write", break_off)
        assert export(filled, tmp_path / "out", "--format", "jsonl").exit_code != 0
    manifest = Manifest.read(tmp_path / "out")
    assert manifest is not None
    assert (manifest.rows, manifest.complete) == (120, False)
    # rows that came in the meantime, before where it stands and after its end, are not part of it
    with filled.connect(autocommit=True) as owner:
        owner.execute(
            "insert into syncwell.data_events select org_id, gen_random_uuid(), stream_id, user_id, source, 'late',"
            " now() + interval '1 day', platform, data_source, session_id, payload, written_at, received_at"
            " from syncwell.data_events limit 1"
        )
    # what was broken off is taken up for nothing else
    refused = export(filled, tmp_path / "out", "--format", "jsonl", "--source", "sms")
    assert refused.exit_code == 2
    assert "source: None then, sms now" in refused.stderr
    assert Manifest.read(tmp_path / "out") == manifest
    unfinished = export(filled, tmp_path / "out", "--format", "jsonl", "--verify")
    assert unfinished.exit_code == 1
    assert "interrupted" in unfinished.stdout
    again = export(filled, tmp_path / "out", "--format", "jsonl", "--json")
    assert json.loads(again.stdout)["new"] == EVENTS - 120
    assert sorted(row["external_id"] for row in documents(tmp_path / "out")) == sorted(f"x{n}" for n in range(EVENTS))
    assert json.loads(export(filled, tmp_path / "out", "--format", "jsonl", "--json").stdout)["new"] == 0
    assert export(filled, tmp_path / "out", "--format", "jsonl", "--verify").exit_code == 0


@pytest.mark.parametrize(
    "other",
    [
        ["--format", "csv"],
        ["--format", "jsonl", "--source", "sms"],
        ["--format", "jsonl", "--from", "2026-10-01"],
        ["--format", "jsonl", "--to", "2026-10-02"],
        ["--format", "jsonl", "--user", str(Tenants.id("a_member"))],
    ],
)
def test_other_filters_do_not_go_on(filled: Database, tmp_path: Path, other: list[str]) -> None:
    assert export(filled, tmp_path / "out", "--format", "jsonl").exit_code == 0
    files = sorted((tmp_path / "out").iterdir())
    refused = export(filled, tmp_path / "out", *other)
    assert refused.exit_code == 2
    assert "holds an export of something else" in refused.stderr
    assert sorted((tmp_path / "out").iterdir()) == files


def test_verify_names_what_is_damaged_or_missing(filled: Database, tmp_path: Path) -> None:
    assert export(filled, tmp_path / "out").exit_code == 0
    assert export(filled, tmp_path / "out", "--verify").exit_code == 0
    (tmp_path / "out" / "events-000002.csv").write_text("nothing")
    damaged = export(filled, tmp_path / "out", "--verify")
    assert damaged.exit_code == 1
    assert damaged.stdout == "events-000002.csv is not as it was written\n"
    with filled.connect(autocommit=True) as owner:
        owner.execute("delete from syncwell.data_events where external_id = 'x7'")
    assert "250 rows were exported, and there are 249" in export(filled, tmp_path / "out", "--verify").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "2026-10-02", "--to", "2026-10-01"], "the range of time is empty"),
        (["--user", "00000000-0000-0000-0000-000000000001"], "unknown user"),
        (["--user", str(Tenants.id("b_member"))], "unknown user"),
    ],
)
def test_mistakes_leave_nothing(filled: Database, tmp_path: Path, arguments: list[str], message: str) -> None:
    refused = export(filled, tmp_path / "out", *arguments)
    assert refused.exit_code == 2
    assert message in refused.stderr
    assert "Traceback" not in refused.output
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_else_is_left_alone(filled: Database, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    refused = export(filled, tmp_path)
    assert refused.exit_code == 2
    assert "is not empty" in refused.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_each_sees_its_own(filled: Database, tmp_path: Path) -> None:
    for login, rows in (("a_member", EVENTS), ("a_other", 0), ("b_admin", 1), ("b_service", 1)):
        done = export(filled, tmp_path / login, "--json", login=login)
        assert json.loads(done.stdout)["rows"] == rows, login
    for login in ("operator", "nobody_login"):
        assert export(filled, tmp_path / login, login=login).exit_code == 2


@pytest.mark.parametrize("what", ["runs", "activity", "metrics", "events", "sessions", "records"])
def test_everything_there_is_can_be_exported(database: Database, tmp_path: Path, what: str) -> None:
    with database.connect("a_service", autocommit=True) as service:
        service.execute("select syncwell.record_sync_start('todoist')")
    done = CliRunner().invoke(
        app, ["export", what, "-o", str(tmp_path / what), "-f", "parquet", "--dsn", database.uri("a_analyst")]
    )
    assert done.exit_code == 0, done.output
    manifest = Manifest.read(tmp_path / what)
    assert manifest is not None
    assert manifest.complete
    assert not {"error_message", "device_id", "network_type"} & set(manifest.columns)
    assert manifest.rows == (1 if what == "runs" else manifest.rows)


def test_a_range_may_have_no_end(database: Database) -> None:
    with database.connect("a_service", autocommit=True) as service:
        service.execute("select syncwell.record_sync_start('todoist')")
        for beginning, end in ((None, "infinity"), ("-infinity", "infinity"), (None, "10895-01-01")):
            row = service.execute(
                "select query from syncwell.export_query('runs', %s, %s)", [beginning, end]
            ).fetchone()
            assert row is not None
            assert len(service.execute(row[0].encode()).fetchall()) == 1
