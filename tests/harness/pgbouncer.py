"""PgBouncer in transaction mode in front of a test server: Debian's package, unpacked, never installed."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from harness import debian
from harness.require import UnavailableError
from harness.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from syncwell.embedded import Server

_CONFIGURATION = """
[databases]
* = host={server} port=5432 user={login}
[pgbouncer]
listen_addr =
listen_port = 5432
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
server_reset_query_always = 0
ignore_startup_parameters = extra_float_digits,options
logfile = {folder}/log
"""


def program() -> tuple[Path, dict[str, str]]:
    """Where pgbouncer is, and the environment it needs."""
    installed = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if installed:
        return Path(installed), {}
    path = debian.unpack("pgbouncer") / "usr/sbin/pgbouncer"
    debian.complete_libraries("pgbouncer", path)
    return path, {"LD_LIBRARY_PATH": debian.libraries()}


@contextlib.contextmanager
def running(server: Server, database: str, login: str, connections: int) -> Iterator[str]:
    """A PgBouncer whose clients all share `connections` sessions of `login`; gives the URI to connect to."""
    found, env = program()
    # a short name: the path of a socket has a limit
    with tempfile.TemporaryDirectory(prefix="syncwell-pgb-", dir="/tmp") as name:
        folder = Path(name)
        settings = folder / "pgbouncer.ini"
        settings.write_text(
            _CONFIGURATION.format(server=server.socket_dir, login=login, folder=folder, connections=connections)
        )
        identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            found, env = _readable(found, env, folder)
        process = subprocess.Popen(
            [str(found), str(settings)],
            env={**os.environ, **env},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **identity,
        )
        try:
            uri = f"postgresql://{login}@/{database}?host={folder}"

            def answers() -> bool:
                if process.poll() is not None:
                    log = folder / "log"
                    text = log.read_text()[-500:] if log.exists() else "no log"
                    raise UnavailableError(f"pgbouncer ended with {process.returncode}: {text}")
                with contextlib.suppress(psycopg.OperationalError), psycopg.connect(uri) as connection:
                    return connection.execute("select 1").fetchone() == (1,)
                return False

            wait_until("pgbouncer to answer", answers)
            yield uri
        finally:
            process.terminate()
            process.wait(20)


def _readable(found: Path, env: dict[str, str], folder: Path) -> tuple[Path, dict[str, str]]:
    """A copy where `nobody` can read it: the checkout may lie below a folder that only root can enter."""
    libraries = folder / "lib"
    libraries.mkdir()
    for place in env.get("LD_LIBRARY_PATH", "").split(":"):
        for library in Path(place).glob("*.so*") if place else ():
            if library.name.startswith(("libevent", "libcares", "libpam", "libsystemd", "libssl", "libcrypto")):
                shutil.copy(library, libraries / library.name)
    return Path(shutil.copy(found, folder / "pgbouncer")), {"LD_LIBRARY_PATH": str(libraries)}
