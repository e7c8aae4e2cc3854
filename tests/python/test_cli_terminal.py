"""The command line on a terminal, in a pipe and in a shell: colours, widths, waiting, interrupts, exit codes, TAB."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from harness import unavailable, wait_until
from harness.paths import ROOT
from syncwell import Syncwell
from syncwell.cli import output
from syncwell.cli.app import app
from syncwell.cli.exits import BUG, CODES, INTERRUPTED, REFUSED, UNREAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Database, Tenants
    from harness.cluster import Cluster

SYNCWELL = [sys.executable, "-m", "syncwell.cli"]
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_WAITING = """
select from pg_stat_activity
where datname = current_database() and application_name = 'syncwell' and wait_event_type = 'Lock'
"""
HIDE_CURSOR = b"\x1b[?25l"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("PG", "SYNCWELL_")) or name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "python"))
    monkeypatch.setenv("PYTHONUTF8", "1")
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture(scope="module")
def busy(cluster: Cluster) -> Iterator[Database]:
    with cluster.database() as database:
        syncwell = Syncwell(database.connect("a_service", autocommit=True))
        for source in ("todoist", "a_source_with_a_name_that_is_quite_long"):
            with syncwell.runs.track(source) as run:
                run.progress(20, 20)
            with pytest.raises(RuntimeError), syncwell.runs.track(source):
                raise RuntimeError("the shop says no, in many words that do not fit into a line of a terminal " * 3)
        yield database


class Terminal:
    """A command on a pseudo-terminal of its own."""

    def __init__(self, *arguments: str, width: int = 80, **environment: str) -> None:
        try:
            self._ours, theirs = pty.openpty()
        except OSError as error:
            unavailable("pseudo-terminal", error)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        self.process = subprocess.Popen(
            [*SYNCWELL, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, **environment}
        )
        os.close(theirs)
        self.shown = b""

    def until(self, part: bytes) -> None:
        while part not in self.shown:
            if not self._more():
                raise AssertionError(f"{part!r} was not shown: {self.shown!r}")

    def end(self) -> int:
        while self._more():
            pass
        os.close(self._ours)
        return self.process.wait(20)

    @property
    def lines(self) -> list[str]:
        return ESCAPE.sub("", self.shown.decode()).replace("\r", "").splitlines()

    def _more(self) -> bool:
        try:
            more = os.read(self._ours, 1 << 16)
        except OSError:  # Linux tells the end of a terminal so
            return False
        self.shown += more
        return bool(more)


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Nobody reads streams for as long as the block lasts."""
    with database.connect() as connection:
        connection.execute("lock table syncwell.streams in access exclusive mode")
        yield
        connection.rollback()


class TestExitCodes:
    """The table in `syncwell --help`; 0 and 1 are told of in the tests of each command."""

    def test_the_table_is_told(self) -> None:
        told = " ".join(CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80"}).stdout.split())
        for code, meaning in CODES.items():
            assert f"{code} {meaning}" in told

    def test_the_readme_has_the_same_table(self) -> None:
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        table = readme.split("| exit code | |\n|---|---|\n")[1].split("\n\n")[0]
        assert table.splitlines() == [f"| {code} | {meaning} |" for code, meaning in CODES.items()]

    def test_refused(self) -> None:
        done = subprocess.run([*SYNCWELL, "runs", "-n", "0"], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (REFUSED, "")

    def test_a_mistake_of_our_own_is_none_of_the_answers(self) -> None:
        code = "from syncwell import migrate; migrate.bundle = None; from syncwell.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", code, "bundle"], capture_output=True, text=True, check=False)
        assert done.returncode == BUG
        assert "Traceback" in done.stderr
        assert done.stderr.rstrip().endswith("please report what stands above")

    def test_interrupted(self, busy: Database) -> None:
        superuser = busy.connect(autocommit=True)
        with (
            locked(busy),
            subprocess.Popen(
                [*SYNCWELL, "health", "-d", busy.uri("a_analyst")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as process,
        ):
            try:
                wait_until("the command to wait", lambda: bool(superuser.execute(_WAITING).fetchall()))
            finally:
                process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=20) == (b"", b"")
        assert process.returncode == INTERRUPTED

    @pytest.mark.parametrize(("command", "read"), [("bundle", 0), ("bundle", 10), ("bundle --json", 10), ("--help", 0)])
    def test_unread(self, command: str, read: int) -> None:
        with subprocess.Popen([*SYNCWELL, *command.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.read(read)
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == UNREAD

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
    @pytest.mark.parametrize("command", ["bundle", "--help"])
    def test_a_full_disk(self, command: str) -> None:
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run([*SYNCWELL, command], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, done.stderr) == (REFUSED, "error: writing: No space left on device\n")

    @pytest.mark.parametrize("command", ["bundle", "types -l python", "report", "privacy export"])
    def test_a_file_that_cannot_be_written(
        self, busy: Database, tenants: Tenants, tmp_path: Path, command: str
    ) -> None:
        dsn = [] if command == "bundle" else ["-d", busy.uri("operator" if "privacy" in command else "a_analyst")]
        user = [str(tenants.id("a_member"))] if "privacy" in command else []
        result = CliRunner().invoke(app, [*command.split(), *user, "-o", str(tmp_path / "nowhere" / "file"), *dsn])
        assert result.exit_code == REFUSED
        assert "No such file or directory" in result.stderr
        assert "Traceback" not in result.output


class TestColours:
    """On a terminal only, unless somebody says otherwise."""

    def test_on_a_terminal(self, busy: Database) -> None:
        terminal = Terminal("runs", "-d", busy.uri("a_analyst"))
        assert terminal.end() == 0
        assert b"\x1b[31m" in terminal.shown

    @pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
    def test_where_they_are_not_wanted(self, busy: Database, environment: dict[str, str]) -> None:
        terminal = Terminal("runs", "-d", busy.uri("a_analyst"), **environment)
        assert terminal.end() == 0
        assert b"failed" in terminal.shown
        assert not re.search(rb"\x1b\[[0-9;]*3[0-9]", terminal.shown)

    @pytest.mark.parametrize(("environment", "coloured"), [({}, False), ({"FORCE_COLOR": "1"}, True)])
    def test_in_a_pipe(self, busy: Database, environment: dict[str, str], coloured: bool) -> None:
        done = subprocess.run(
            [*SYNCWELL, "runs", "-d", busy.uri("a_analyst")],
            capture_output=True,
            env={**os.environ, **environment},
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert (b"\x1b[31m" in done.stdout) == coloured

    def test_json_has_none(self, busy: Database) -> None:
        terminal = Terminal("runs", "--json", "-d", busy.uri("a_analyst"), FORCE_COLOR="1")
        assert terminal.end() == 0
        assert b"\x1b" not in terminal.shown


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize(
    "command", ["health", "runs", "errors", "timeline", "dashboard", "metrics", "doctor", "status"]
)
def test_nothing_is_wider_than_the_terminal(
    busy: Database, monkeypatch: pytest.MonkeyPatch, command: str, width: int
) -> None:
    monkeypatch.setattr(output, "_PIPE_WIDTH", width)
    shown = CliRunner().invoke(app, [command, "-d", busy.uri("a_analyst")]).stdout
    assert shown
    # a cure is to be copied
    assert [line for line in shown.splitlines() if len(line) > width and "cure: " not in line] == []


class TestWaiting:
    """What is shown while something takes long."""

    def test_on_a_terminal_only(self, busy: Database) -> None:
        arguments = ("health", "-d", busy.uri("a_analyst"))
        with locked(busy):
            document = Terminal(*arguments, "--json")
            dumb = Terminal(*arguments, TERM="dumb")
            piped = subprocess.Popen([*SYNCWELL, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            forced = subprocess.Popen(
                [*SYNCWELL, *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "FORCE_COLOR": "1"},
            )
            # the last one to begin shows it: the others had the time to
            watched = Terminal(*arguments)
            watched.until(b"asking the database")
            assert HIDE_CURSOR in watched.shown
        assert watched.end() in (0, 1)
        assert watched.shown.rindex(b"\x1b[?25h") > watched.shown.rindex(HIDE_CURSOR)
        for other in (document, dumb):
            assert other.end() in (0, 1)
            assert b"asking" not in other.shown
            assert HIDE_CURSOR not in other.shown
        for process in (piped, forced):
            answer, complaints = process.communicate(timeout=20)
            assert complaints == b""
            assert b"asking" not in answer
            assert HIDE_CURSOR not in answer

    def test_an_interrupt_leaves_the_terminal_as_it_was(self, busy: Database) -> None:
        with locked(busy):
            terminal = Terminal("health", "-d", busy.uri("a_analyst"))
            terminal.until(b"asking the database")
            terminal.process.send_signal(signal.SIGINT)
            assert terminal.end() == INTERRUPTED
        assert terminal.shown.rindex(b"\x1b[?25h") > terminal.shown.rindex(HIDE_CURSOR)
        assert b"Traceback" not in terminal.shown

    def test_migrations_are_counted(self, cluster: Cluster) -> None:
        with cluster.database(template="template1") as empty, empty.connect() as blocker:
            # a table that a migration has to wait for: its own
            blocker.execute("create schema syncwell")
            terminal = Terminal("migrate", "-d", empty.uri())
            terminal.until(b"applying 0001 foundation")
            assert b"0%" in terminal.shown
            blocker.rollback()
            assert terminal.end() in (0, 1)
        assert any("applied 0001 foundation" in line for line in terminal.lines)

    def test_duties_are_counted(self, database: Database) -> None:
        with database.connect() as blocker:
            blocker.execute("lock table syncwell.maintenance_duties in share row exclusive mode")
            terminal = Terminal("maintain", "-d", database.uri("operator"))
            terminal.until(b"maintaining")
            blocker.rollback()
            assert terminal.end() == 0

    def test_reverting_is_counted(self, database: Database) -> None:
        with database.connect() as blocker:
            blocker.execute("select from syncwell.orgs")
            terminal = Terminal("rollback", "--to", "0000", "--allow-data-loss", "-d", database.uri())
            terminal.until(b"reverting 0001 foundation")
            assert b"0%" in terminal.shown
            blocker.rollback()
            assert terminal.end() == 0
        assert any("reverted 0001 foundation" in line for line in terminal.lines)

    @pytest.mark.parametrize(
        ("command", "said"), [("export runs -o", b"writing runs, 0 rows so far"), ("report -o", b"asking the database")]
    )
    def test_what_writes_files_says_so(self, command: str, said: bytes, database: Database, tmp_path: Path) -> None:
        with database.connect() as blocker:
            blocker.execute("lock table syncwell.sync_events, syncwell.sync_state")
            terminal = Terminal(*command.split(), str(tmp_path / "made"), "-d", database.uri("a_admin"))
            terminal.until(said)
            blocker.rollback()
            assert terminal.end() == 0
        assert terminal.shown.rindex(b"\x1b[?25h") > terminal.shown.rindex(HIDE_CURSOR)
        assert (tmp_path / "made").exists()


def program(folder: Path) -> None:
    """`syncwell` for shells."""
    file = folder / "syncwell"
    file.write_text(f'#!/bin/sh\nexec {sys.executable} -m syncwell.cli "$@"\n')
    file.chmod(0o755)


class TestCompletion:
    """TAB, with the values of enumerations."""

    ASKED = (
        ("syncwell do", "doctor"),
        ("syncwell export ", "runs activity metrics events sessions records"),
        ("syncwell runs --status s", "started success"),
        ("syncwell sessions re", "recent revert"),
    )

    def test_in_bash(self, tmp_path: Path) -> None:
        if (bash := shutil.which("bash")) is None:
            unavailable("bash", "it is not installed")
        program(tmp_path)
        script = "source <(_SYNCWELL_COMPLETE=source_bash syncwell)\n"
        for line, _ in self.ASKED:
            words = line.split(" ")
            quoted = " ".join(f'"{word}"' for word in words)
            script += f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; COMPREPLY=()\n"
            script += "$(complete -p syncwell | sed 's/.*-F \\([^ ]*\\).*/\\1/') syncwell\n"
            script += 'echo "${COMPREPLY[*]}"\n'
        done = subprocess.run(
            [bash, "--norc", "-c", script],
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [answer for _, answer in self.ASKED]

    def test_in_fish(self, tmp_path: Path) -> None:
        if (fish := shutil.which("fish")) is None:
            unavailable("fish", "it is not installed")
        program(tmp_path)
        script = "_SYNCWELL_COMPLETE=source_fish syncwell | source\n"
        script += "".join(f'complete -C "{line}" | string replace -r "\t.*" ""; echo\n' for line, _ in self.ASKED)
        done = subprocess.run(
            [fish, "--no-config", "-c", script],
            capture_output=True,
            text=True,
            env={**os.environ, "HOME": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            check=False,
        )
        told = [sorted(part.split()) for part in done.stdout.split("\n\n")]
        assert told[: len(self.ASKED)] == [sorted(answer.split()) for _, answer in self.ASKED]

    @pytest.mark.parametrize("shell", ["zsh", "fish"])
    def test_what_other_shells_ask(self, shell: str) -> None:
        def asked(**environment: str) -> str:
            done = subprocess.run(
                SYNCWELL, capture_output=True, text=True, env={**os.environ, **environment}, check=True
            )
            assert done.stderr == ""
            return done.stdout

        assert f"_SYNCWELL_COMPLETE=complete_{shell}" in asked(_SYNCWELL_COMPLETE=f"source_{shell}")
        for line, answer in self.ASKED[:3]:
            shown = asked(
                _SYNCWELL_COMPLETE=f"complete_{shell}",
                _TYPER_COMPLETE_ARGS=line,
                _TYPER_COMPLETE_FISH_ACTION="get-args",
            )
            for word in answer.split():
                assert word in shown
