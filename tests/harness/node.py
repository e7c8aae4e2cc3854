"""Node and the packages of the example clients, installed once into the build folder; nothing outside of it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.paths import BUILD, TESTS, fetching
from harness.require import UnavailableError

_JOURNAL = TESTS / "client" / "journal"
_MINIMUM = 20
_SECONDS = 600


@dataclass(frozen=True)
class Node:
    """A Node that finds the packages when it runs with `env`."""

    executable: str
    folder: Path

    @property
    def env(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "NODE_PATH": str(self.folder / "node_modules")}

    @property
    def adapters(self) -> tuple[str, ...]:
        """The database adapters that run here: SQLite's is compiled, which not every machine can."""
        try:
            self.run("-e", "new (require('better-sqlite3'))(':memory:')")
        except UnavailableError:
            return ("lokijs",)
        return ("lokijs", "sqlite")

    def run(self, *args: str) -> str:
        return _run(self.executable, *args, env=self.env)


@cache
def find(client: Path = _JOURNAL) -> Node:
    """Node and the packages of this client's, or UnavailableError with what is missing."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise UnavailableError("node and npm are not installed")
    version = _run(node, "--version").strip()
    if int(version.lstrip("v").split(".")[0]) < _MINIMUM:
        raise UnavailableError(f"node is {version}, {_MINIMUM} or later is needed")
    wanted = [client / "package.json", client / "package-lock.json"]
    key = hashlib.sha256(b"".join([version.encode(), *(file.read_bytes() for file in wanted)])).hexdigest()[:12]
    folder = BUILD / f"node-{key}"
    with fetching("node"):
        if not (folder / "node_modules" / ".complete").exists():
            _install(npm, wanted, folder)
    return Node(node, folder)


def _install(npm: str, wanted: list[Path], folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for file in wanted:
        shutil.copy(file, folder)
    # Where no binary of better-sqlite3 is to be had it is compiled: unoptimised, that takes a third of the time.
    fast = {"CFLAGS": "-O0", "CXXFLAGS": "-O0", "JOBS": "max"}
    _run(npm, "ci", "--no-audit", "--no-fund", "--loglevel=error", env={**os.environ, **fast}, cwd=folder)
    (folder / "node_modules" / ".complete").touch()


def _run(*command: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(
            command,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise UnavailableError(f"{Path(command[0]).name} {command[1]}: {error.stderr.strip()[-500:]}") from error
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"{Path(command[0]).name} {command[1]} took longer than {_SECONDS} s") from error
    return done.stdout
