"""A small request makes no large work: rows are counted before they are read, and dates make no partitions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from harness import Database


def test_too_many_rows_are_refused_before_they_are_read(database: Database) -> None:
    with database.connect("a_member", autocommit=True) as member:
        # what the planner and the first call take is taken before
        member.execute("select syncwell.ingest_batch('event', '[1]', p_source => 'calls')")
        status = Path(f"/proc/{member.info.backend_pid}/status")
        before = _peak(status)
        with pytest.raises(psycopg.Error, match="the batch is too large") as refused:
            member.execute(
                "select syncwell.ingest_batch('event', %s::json, p_source => 'calls')",
                ["[" + ",".join(["1"] * 1_000_000) + "]"],
            )
        assert refused.value.sqlstate == "SW503"
        # 2 MB of text; once it was read, 300 MB
        assert _peak(status) - before < 100_000


def _peak(status: Path) -> int:
    """Kilobytes at most so far."""
    if not status.exists():
        pytest.skip("only Linux tells")
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))


def test_times_of_long_ago_make_no_partitions(database: Database) -> None:
    year = datetime.now(UTC).year
    rows: list[dict[str, Any]] = [
        {"occurred_at": f"{one}-{month:02}-15T00:00:00Z", "spo2": 95}
        for one in range(2000, year)
        for month in range(1, 13)
    ]
    with database.connect("a_member", autocommit=True) as member, database.connect(autocommit=True) as owner:
        answer = member.execute(
            "select syncwell.ingest_batch('reading', %s::json, p_session => 's1')", [json.dumps(rows)]
        ).fetchone()
        assert answer is not None
        assert answer[0]["inserted"] == len(rows)
        owner.execute("select syncwell.ensure_partitions('session_records')")
        months = owner.execute("select min(month), count(*) from syncwell._partitions('session_records')").fetchone()
        assert months is not None
        # five years, this month, three ahead, and the default one
        assert months[1] <= 66
        assert months[0] >= datetime(year - 6, 12, 1, tzinfo=UTC)
        # nothing is lost
        seen = member.execute("select count(*) from syncwell.session_readings").fetchone()
        assert seen == (len(rows),)


def test_no_preview_lives_longer_by_update(database: Database) -> None:
    with database.connect("a_member", autocommit=True) as member:
        member.execute("""select syncwell.get_or_compute_preview('custom', '[]', '[{"id": 1}]')""")
        for until in ("infinity", "2999-01-01 00:00+00"):
            with pytest.raises(psycopg.errors.InvalidParameterValue):
                member.execute("update syncwell.sync_preview_cache set expires_at = %s", [until])
        assert (
            member.execute(
                "update syncwell.sync_preview_cache set expires_at = computed_at + interval '30 days'"
            ).rowcount
            == 1
        )


def test_one_device_does_not_fill_the_answer_about_sessions(database: Database) -> None:
    large = "x" * 200_000
    rows = [{"occurred_at": 1_790_000_000_000 + at, "payload": {"number": at, "text": large}} for at in range(20)]
    with database.connect("a_member", autocommit=True) as member:
        member.execute("select syncwell.start_session('s1')")
        for kind in ("survey_inter", "progression"):
            member.execute("select syncwell.ingest_batch(%s, %s::json, p_session => 's1')", [kind, json.dumps(rows)])
    with database.connect("a_analyst") as coach:
        for column in ("surveys_inter", "progression"):
            query = f"select {column} from syncwell.get_recent_sessions()"
            (answers,) = coach.execute(query.encode()).fetchone() or ()
            assert [one["number"] for one in answers] == [15, 16, 17, 18, 19]
