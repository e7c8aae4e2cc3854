"""The demo: what it says is what lies in its database, it touches nothing else, and it leaves nothing behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from harness import unavailable, wait_until
from harness.paths import ROOT
from syncwell.cli.demo import git
from syncwell.cli.demo.git import GitError, Repository
from syncwell.cli.demo.history import batches
from syncwell.cli.demo.people import fleet
from syncwell.cli.failures import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = 120
_DEVICES = 60
_FOUND_AS = {
    "stopped": "stale_data",
    "flood": "drift",
    "never synced": "missing_source",
    "failing": "failure",
    "flaky": "high_error_rate",
    "slow": "slow",
    "backlog": "queue_backlog",
    "fast clock": "clock_skew",
    "stuck": "stuck",
}


@pytest.fixture(autouse=True, scope="module")
def _git_is_there() -> None:
    if shutil.which("git") is None:
        unavailable("git", "it is not installed")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for the demo's server, which runs as nobody where the caller is root: that user must get there."""
    path = Path(tempfile.mkdtemp(prefix="syncwell-demo-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def make(path: Path, number: int) -> Path:
    """A repository of so many commits, one a minute."""
    subprocess.run(["git", "init", "-q", "-b", "main", path], check=True)
    with subprocess.Popen(["git", "-C", path, "fast-import", "--quiet"], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for one in range(1, number + 1):
            message = f"commit {one}: größer".encode()
            when = 1_500_000_000 + 60 * one
            process.stdin.write(
                b"commit refs/heads/main\nmark :%d\n"
                b"author Ann Author <ann@example.org> %d +0100\ncommitter Carl <carl@example.org> %d +0000\n"
                b"data %d\n%s\n" % (one, when, when + 1, len(message), message)
            )
            process.stdin.write(b"from :%d\n\n" % (one - 1) if one > 1 else b"\n")
        process.stdin.close()
        assert process.wait(_SECONDS) == 0
    return path


def sign(path: Path) -> None:
    """Add a commit with a signature, which `git log` may be told to check with a program."""

    def ask(*arguments: str, text: str | None = None) -> str:
        return subprocess.run(
            ["git", "-C", path, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", *arguments],
            input=text, capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip

    tree, parent = ask("rev-parse", "HEAD^{tree}"), ask("rev-parse", "HEAD")
    text = (
        f"tree {tree}\nparent {parent}\nauthor A <a> 1600000000 +0000\ncommitter C <c> 1600000000 +0000\n"
        "gpgsig -----BEGIN PGP SIGNATURE-----\n \n AAAA\n -----END PGP SIGNATURE-----\n\nsigned\n"
    )
    ask("update-ref", "refs/heads/main", ask("hash-object", "-t", "commit", "-w", "--stdin", text=text))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 commits."""
    return make(tmp_path_factory.mktemp("repository") / "r", 300)


def environment(folder: Path) -> dict[str, str]:
    own = {"TMPDIR": str(folder), "SYNCWELL_EMBEDDED_DIR": str(folder), "PYTHONPATH": str(ROOT / "python")}
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | own


def demo(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "syncwell.cli", "demo", *arguments]
    options = {"env": environment(folder), **options}
    return subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False, **options)


def files(path: Path) -> dict[str, tuple[int, int]]:
    return {
        str(file.relative_to(path)): (file.stat().st_mtime_ns, file.stat().st_size) for file in sorted(path.rglob("*"))
    }


def test_what_it_says_is_what_lies_in_its_database(repository: Path, folder: Path) -> None:
    before = files(repository)
    report = folder / "report.html"
    done = demo(folder, "--keep", "--repo", str(repository), "--devices", str(_DEVICES), "--report", str(report))
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout
    keeper = re.search(r"kill (\d+)", said)
    place = re.search(r"'(host=\S+ user=demo_analyst dbname=demo)'", said)
    assert keeper is not None
    assert place is not None
    try:
        assert f"\n  {report}\n" in said
        assert report.read_text(encoding="utf-8").startswith("<!doctype html>")
        with psycopg.connect(place[1], autocommit=True, row_factory=dict_row) as analyst:
            check_commits(analyst, repository)
            check_history(analyst, repository, said)
            check_releases(analyst, said)
            check_fleet(analyst, said)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                analyst.execute("delete from demo.commits")
            for question in re.findall(r"^ +(select .*;)$", said, re.MULTILINE):
                assert analyst.execute(question).fetchall()
    finally:
        os.kill(int(keeper[1]), signal.SIGTERM)
    wait_until("the server to be gone with its files", lambda: list(folder.iterdir()) == [report])
    assert files(repository) == before


def check_commits(analyst: psycopg.Connection[dict[str, Any]], repository: Path) -> None:
    listed = subprocess.run(
        ["git", "-C", repository, "log", "--format=%H %P"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    rows = analyst.execute("select * from demo.commits order by committed_at desc").fetchall()
    assert [" ".join([row["id"], *row["parent_ids"]]) for row in rows] == [line.strip() for line in listed]
    assert len(rows) == 300
    newest = rows[0]
    assert (newest["author"], newest["subject"]) == ("Ann Author", "commit 300: größer")
    assert newest["authored_at"] == datetime.fromtimestamp(1_500_018_000, UTC)
    assert newest["committed_at"] == datetime.fromtimestamp(1_500_018_001, UTC)


def check_history(analyst: psycopg.Connection[dict[str, Any]], repository: Path, said: str) -> None:
    """A full run, two incremental ones, and one that finds nothing; each goes on where the last one ended."""
    head, stage_2, stage_1 = (
        subprocess.run(
            ["git", "-C", repository, "rev-parse", f"HEAD~{back}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for back in (0, 60, 120)
    )
    rows = analyst.execute(
        "select sync_type, status, items_processed, items_created, items_updated, items_deleted,"
        " sync_token_before, sync_token_after, platform"
        " from syncwell.sync_events where source = 'git:history' order by id"
    ).fetchall()
    assert [tuple(row.values()) for row in rows] == [
        ("full", "success", 180, 180, 0, 0, None, stage_1, "server"),
        ("incremental", "success", 60, 60, 0, 0, stage_1, stage_2, "server"),
        ("incremental", "success", 60, 60, 0, 0, stage_2, head, "server"),
        ("incremental", "success", 0, 0, 0, 0, head, head, "server"),
    ]
    for row in analyst.execute("select * from syncwell.sync_progress where source_system = 'git'").fetchall():
        assert row["status"] == "completed"
        assert row["processed_count"] == row["total_items"]
    (state,) = analyst.execute(
        "select items_in_database, last_sync_token from syncwell.sync_state as t"
        " join syncwell.streams as s using (org_id, stream_id) where s.source = 'git:history'"
    ).fetchall()
    assert (state["items_in_database"], state["last_sync_token"]) == (300, head)
    assert "180 commits, all new" in said
    assert re.search(r"git:history: in_progress, \d\d %, \d+/180, [\d.,]+[kM]?/min, ETA \d", said)
    assert "nothing new" in said


def check_releases(analyst: psycopg.Connection[dict[str, Any]], said: str) -> None:
    """Three failures with retries, unhealthy; then a retry that succeeds, degraded; another run, healthy."""
    rows = analyst.execute(
        "select status, attempt, error_type, started_at, completed_at, duration_ms"
        " from syncwell.sync_events where source = 'git:releases' order by id"
    ).fetchall()
    assert [(row["status"], row["attempt"], row["error_type"]) for row in rows] == [
        ("failed", 1, "UNKNOWN_ERROR"),
        ("failed", 2, "UNKNOWN_ERROR"),
        ("failed", 3, "UNKNOWN_ERROR"),
        ("success", 4, None),
        ("success", 1, None),
    ]
    # the delays that the database granted were waited for: half of 1, 2 and 4 s at least
    for number, least in ((1, 0.5), (2, 1), (3, 2)):
        assert (rows[number]["started_at"] - rows[number - 1]["completed_at"]).total_seconds() >= least
    (error,) = analyst.execute(
        "select error_class, retry_count, occurrences, resolved_at from syncwell.sync_errors"
        " where source = 'git:releases'"
    ).fetchall()
    assert (error["error_class"], error["retry_count"], error["occurrences"]) == ("unknown", 3, 3)
    assert error["resolved_at"] is not None
    states = re.findall(r"the stream is now (\w+)", said)
    assert states == ["degraded", "degraded", "unhealthy", "degraded", "healthy"]
    health = analyst.execute("select source, status from syncwell.get_sync_health_status()").fetchall()
    assert {row["source"]: row["status"] for row in health} == {
        None: "unhealthy",
        "calls": "unhealthy",
        "sms": "unhealthy",
        "uploads": "unhealthy",
        "git:history": "healthy",
        "git:releases": "healthy",
    }


def check_fleet(analyst: psycopg.Connection[dict[str, Any]], said: str) -> None:
    """Each planted trouble is found as what it is, nothing else is, and what is over is resolved."""
    made = fleet(_DEVICES)
    number_of = {(device.owner, stream.source): stream for device in made for stream in device.streams}
    rows = analyst.execute(
        "select i.issue_type, i.source, i.platform, i.stream_id, i.state, u.display_name as owner"
        " from syncwell.sync_issues as i left join syncwell.users as u using (org_id, user_id)"
    ).fetchall()
    open_issues = [row for row in rows if row["state"] != "resolved"]
    groups = {(row["issue_type"], row["source"], row["platform"]) for row in open_issues if row["stream_id"] is None}
    found: dict[str, set[str]] = {}
    by_chance: list[str] = []
    for row in open_issues:
        trouble = None if row["stream_id"] is None else number_of[row["owner"], row["source"]].trouble
        if trouble is not None:
            found.setdefault(trouble, set()).add(row["issue_type"])
        # each of them lost half, and some had much
        elif row["stream_id"] is not None and (row["source"], row["platform"]) != ("sms", "android"):
            by_chance.append(row["issue_type"])
    # a stream that stops or fails has no data either: what follows from a trouble may be told beside it
    for trouble, issue_type in _FOUND_AS.items():
        assert issue_type in found[trouble]
        assert found[trouble] <= {issue_type, "stale_data", "gap", "drift"}
    assert set(found) == set(_FOUND_AS)
    # nothing is found of a device that is well, but for what drift may find by chance in so many weeks of streams
    assert by_chance in ([], ["drift"], ["gap"])
    assert ("drift", "sms", "android") in groups
    # the flood is a tide for all of its kind
    assert groups <= {("drift", "sms", "android"), ("drift", "uploads", "android")}
    over = [row for row in rows if row["state"] == "resolved"]
    assert len([row for row in over if (row["issue_type"], row["source"]) == ("failure", "uploads")]) >= 2
    (acknowledged,) = [row for row in rows if row["state"] == "acknowledged" and row["issue_type"] == "failure"]
    assert number_of[acknowledged["owner"], acknowledged["source"]].trouble == "failing"

    (totals,) = analyst.execute(
        "select count(*) as runs, count(distinct stream_id) as streams, min(started_at) as first"
        " from syncwell.sync_events where source not like 'git:%'"
    ).fetchall()
    assert totals["runs"] > 30_000
    assert totals["streams"] == len(number_of) - 2
    assert timedelta(weeks=8) <= datetime.now(UTC) - totals["first"] < timedelta(weeks=8, days=2)
    (wrong,) = analyst.execute(
        "select count(*) as number from syncwell.sync_events where started_at > now()"
    ).fetchall()
    assert wrong["number"] == 0
    assert f"Open issues: {len(open_issues)}" in said
    for row in open_issues:
        kind = row["issue_type"].replace("_", " ")
        platform = row["platform"] if row["stream_id"] else f"all of {row['platform']}"
        where = ", ".join(part for part in (row["source"], row["owner"], platform) if part)
        assert f"{kind}  {where}" in said


@pytest.mark.parametrize("keep", [False, True])
def test_ctrl_c_leaves_nothing(repository: Path, folder: Path, keep: bool) -> None:
    command = [sys.executable, "-u", "-m", "syncwell.cli", "demo", "--devices", "0", "--repo", str(repository)]
    with subprocess.Popen(
        [*command, "--keep"] if keep else command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(folder),
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "full" in line:
                break
        assert list(folder.iterdir())
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=_SECONDS)
    assert process.returncode == 130
    assert complaints == "stopped; the server is gone and nothing is left of it\n"
    wait_until("nothing to be left", lambda: not list(folder.iterdir()))


def test_a_demo_that_is_killed_takes_its_server_along(repository: Path, folder: Path) -> None:
    command = [
        sys.executable,
        "-u",
        "-m",
        "syncwell.cli",
        "demo",
        "--keep",
        "--devices",
        "0",
        "--repo",
        str(repository),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(folder)) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "full" in line:
                break
        process.kill()
    wait_until("nothing to be left", lambda: not list(folder.iterdir()))


def test_a_fleet_that_is_too_small(repository: Path, folder: Path) -> None:
    done = demo(folder, "--repo", str(repository), "--devices", "39")
    assert (done.returncode, done.stdout) == (2, "")
    assert "a fleet of 39 is too small" in done.stderr
    assert "40 or more, or 0 for none" in done.stderr


def test_outside_of_a_checkout_it_says_what_to_pass(folder: Path) -> None:
    shutil.copytree(ROOT / "python" / "syncwell", folder / "package" / "syncwell")
    done = demo(folder, cwd=folder, env=environment(folder) | {"PYTHONPATH": str(folder / "package")})
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no checkout of syncwell here" in done.stderr
    assert "syncwell demo --repo PATH" in done.stderr


@pytest.mark.parametrize("kind", ["no folder", "no repository", "no commits"])
def test_a_repository_that_is_none(kind: str, folder: Path) -> None:
    path = folder / "r"
    if kind != "no folder":
        path.mkdir()
    if kind == "no commits":
        subprocess.run(["git", "init", "-q", path], check=True)
    done = demo(folder, "--repo", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert str(path) in done.stderr
    assert "--repo PATH" in done.stderr
    assert "Traceback" not in done.stderr


def test_git_is_missing(repository: Path, folder: Path) -> None:
    done = demo(folder, "--repo", str(repository), env=environment(folder) | {"PATH": str(folder)})
    assert (done.returncode, done.stdout) == (2, "")
    assert "git is not installed" in done.stderr


def test_no_server_to_be_had(repository: Path, folder: Path) -> None:
    for keep in ([], ["--keep"]):
        own = environment(folder) | {"PG_BINDIR": str(folder)}
        done = demo(folder, "--repo", str(repository), *keep, env=own)
        assert done.returncode == 2
        assert "error: there is no postgres and initdb" in done.stderr
        assert "hint: PG_BINDIR must name" in done.stderr


class TestRepository:
    """What is read of a repository, and what is not."""

    def test_ranges(self, repository: Path) -> None:
        source = Repository(repository)
        older = source.resolve("HEAD~100")
        assert source.head == source.resolve("refs/heads/main")
        assert (source.count(None, older), source.count(older, source.head)) == (200, 100)
        new = [one.id for one in source.commits(older, source.head)]
        assert len(new) == 100
        assert new[0] == source.head
        assert not {one.id for one in source.commits(None, older)} & set(new)
        assert list(source.commits(source.head, source.head)) == []

    @pytest.mark.parametrize(("number", "expected"), [(1, [1, 1]), (2, [1, 2]), (5, [3, 4]), (100, [60, 80])])
    def test_stages(self, number: int, expected: list[int], tmp_path: Path) -> None:
        source = Repository(make(tmp_path / "r", number))
        assert [source.count(None, source.earlier(share)) for share in (0.6, 0.8)] == expected

    def test_a_ref_that_does_not_exist(self, repository: Path) -> None:
        source = Repository(repository)
        assert source.has("refs/heads/main")
        assert not source.has("refs/heads/releases")
        with pytest.raises(GitError, match="no commit at refs/heads/releases") as caught:
            source.resolve("refs/heads/releases")
        assert caught.value.code == "GIT_1"
        with pytest.raises(GitError, match="fatal"):
            list(source.commits(None, "refs/heads/releases"))

    def test_a_merge_and_odd_commits(self, tmp_path: Path) -> None:
        path = tmp_path / "r"
        subprocess.run(["git", "init", "-q", "-b", "main", path], check=True)
        odd = (
            b"commit refs/heads/main\nmark :1\nauthor \xff\xfe <> 0 +0000\ncommitter C <c> 99999999999999 +0000\n"
            b"encoding latin1\ndata 0\n\n"
            b"commit refs/heads/side\nmark :2\ncommitter C <c> 5 +0000\ndata 5\ngr\xf6\xdf\nfrom :1\n\n"
            b"commit refs/heads/main\nmark :3\ncommitter C <c> 6 +0000\ndata 4\nabc\nfrom :1\nmerge :2\n\n"
        )
        subprocess.run(["git", "-C", path, "fast-import", "--quiet"], input=odd, check=True)
        source = Repository(path)
        found = {one.subject[:2]: one for one in source.commits(None, source.head)}
        first, side, merge = found[""], found["gr"], found["ab"]
        assert merge.parent_ids == [first.id, side.id]
        assert side.parent_ids == [first.id]
        assert first.parent_ids == []
        assert first.committed_at is None
        assert first.authored_at == datetime.fromtimestamp(0, UTC)
        assert side.subject == "gr\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"

    def test_a_shallow_clone_is_told(self, repository: Path, tmp_path: Path) -> None:
        subprocess.run(["git", "clone", "-q", "--depth=5", repository.as_uri(), tmp_path / "r"], check=True)
        source = Repository(tmp_path / "r")
        assert source.is_shallow
        assert source.count(None, source.head) == 5
        assert not Repository(repository).is_shallow

    def test_its_configuration_runs_nothing(self, tmp_path: Path) -> None:
        path = make(tmp_path / "r", 5)
        trap = tmp_path / "trap"
        trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
        trap.chmod(0o755)
        for name in ("core.fsmonitor", "core.pager", "gpg.program", "diff.external", "core.editor", "core.sshCommand"):
            subprocess.run(["git", "-C", path, "config", name, str(trap)], check=True)
        subprocess.run(["git", "-C", path, "config", "core.hooksPath", str(tmp_path)], check=True)
        subprocess.run(["git", "-C", path, "config", "log.showSignature", "true"], check=True)
        sign(path)
        subprocess.run(["git", "-C", path, "--no-pager", "log", "-n1"], capture_output=True, check=False)
        sprung = tmp_path / "sprung"
        assert sprung.exists()  # the control: plain git runs it
        sprung.unlink()
        source = Repository(path)
        assert len(list(source.commits(None, source.head))) == 6
        assert source.count(None, source.head) == 6
        assert source.earlier(0.5)
        assert not sprung.exists()

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
    def test_a_checkout_of_somebody_else(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = make(tmp_path / "r", 3)
        for place in (path, path / ".git"):
            shutil.chown(place, "nobody")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
        monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        plain = subprocess.run(["git", "-C", path, "log"], capture_output=True, text=True, check=False)
        assert "dubious ownership" in plain.stderr  # the control
        source = Repository(path)
        assert source.count(None, source.head) == 3

    def test_the_environment_of_git_leads_nowhere_else(
        self, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GIT_DIR", str(make(tmp_path / "other", 2) / ".git"))
        source = Repository(repository)
        assert source.count(None, source.head) == 300

    def test_memory_does_not_grow_with_the_history(self, tmp_path: Path) -> None:
        source = Repository(make(tmp_path / "r", 20_000))

        def peak(work: Any) -> tuple[int, int]:
            tracemalloc.start()
            try:
                return work(), tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

        number, streamed = peak(lambda: sum(len(batch) for batch in batches(source.commits(None, source.head), 20_000)))
        control, listed = peak(lambda: len(list(source.commits(None, source.head))))
        assert (number, control) == (20_000, 20_000)
        assert streamed < 2_500_000
        assert listed > 2 * streamed  # the control: this is what it would take to keep them

    def test_the_own_checkout(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(git, "__file__", str(tmp_path / "package" / "git.py"))
        monkeypatch.chdir(tmp_path)
        with pytest.raises(CommandError, match="no checkout of syncwell"):
            git.own_checkout()
        (tmp_path / "inner").mkdir()
        (tmp_path / ".git").mkdir()
        (tmp_path / "pyproject.toml").write_text('[project]\nname = "another"\n')
        with pytest.raises(CommandError, match="no checkout of syncwell"):
            git.own_checkout()
        (tmp_path / "pyproject.toml").write_text('[project]\nname = "syncwell"\n')
        monkeypatch.chdir(tmp_path / "inner")
        assert git.own_checkout() == tmp_path
