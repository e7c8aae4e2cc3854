"""Debian's packages without installing them: `apt-get download` and `dpkg -x` into the build folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from harness.paths import BUILD, fetching
from harness.require import UnavailableError

_SECONDS = 300
UNPACKED = BUILD / "debian"


def newest(pattern: str) -> list[str]:
    """The names of the packages that match the whole pattern, by the numbers in them."""
    _refresh()
    names = _run("apt-cache", "search", "--names-only", f"^{pattern}$").splitlines()
    found = {line.split(" ")[0] for line in names if line}
    return sorted(found, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])


def unpack(*packages: str) -> Path:
    """Put the files of these packages below build/debian; what lies there already is not fetched again."""
    _refresh()
    with fetching("debian"):
        return _unpack(*packages)


def _unpack(*packages: str) -> Path:
    UNPACKED.mkdir(parents=True, exist_ok=True)
    missing = [name for name in packages if not (UNPACKED / f".{name}").exists()]
    if missing:
        with tempfile.TemporaryDirectory(dir=UNPACKED) as folder:
            _run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *missing, cwd=folder)
            for archive in sorted(Path(folder).glob("*.deb")):
                _run("dpkg", "-x", str(archive), str(UNPACKED))
        for name in missing:
            (UNPACKED / f".{name}").touch()
    return UNPACKED


def libraries() -> str:
    """Where unpacked shared libraries lie."""
    # some packages of Debian 12 still have theirs in /lib
    folders = ("lib/*-linux-gnu", "usr/lib/*-linux-gnu", "usr/lib/*-linux-gnu/pulseaudio")
    found = [path for folder in folders for path in UNPACKED.glob(f"{folder}/*.so*")]
    return ":".join(sorted({str(path.parent) for path in found}))


def complete_libraries(package: str, program: Path) -> None:
    """Unpack what the program's package depends on, one step further at a time, until no shared library is missing."""
    with fetching("debian"):
        _complete_libraries(package, program)


def _complete_libraries(package: str, program: Path) -> None:
    names, seen = {package}, {package}
    for _ in range(4):
        if not missing_libraries(program):
            return
        answer = _run("apt-cache", "depends", "--important", *sorted(names))
        names = set(re.findall(r"Depends: (lib[^\s<]+)", answer)) - seen
        names = {name for name in names if not re.match(r"lib(c6|llvm|gcc|stdc)", name)}
        seen |= names
        if names:
            _unpack(*sorted(names))
    if missing := missing_libraries(program):
        raise UnavailableError(f"{program.name} lacks {', '.join(missing)}")


def missing_libraries(program: Path) -> list[str]:
    """The shared libraries that the loader does not find."""
    answer = _run("ldd", str(program), LD_LIBRARY_PATH=libraries())
    return sorted(set(re.findall(r"(\S+) => not found", answer)))


@cache
def _refresh() -> None:
    """Package lists: a bare machine has none, and only root may fetch them."""
    for program in ("apt-get", "apt-cache", "dpkg", "ldd"):
        if shutil.which(program) is None:
            raise UnavailableError(f"there is no {program}: not a Debian")
    with fetching("debian"):
        if _run("apt-cache", "search", "--names-only", "^postgresql-[0-9]+$").strip():
            return
        if os.geteuid() != 0:
            raise UnavailableError("there are no package lists, and only root may run `apt-get update`")
        _run("apt-get", "-qq", "update")


def _run(*command: str, cwd: str | None = None, **env: str) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C", **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{' '.join(command)} took more than {_SECONDS} s") from None
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise UnavailableError(f"{' '.join(command)}: {last[0]}")
    return done.stdout
