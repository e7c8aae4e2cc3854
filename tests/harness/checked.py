"""Debian's servers with an extension: an installed one, else unpacked beside the tests, never installed."""

from __future__ import annotations

import os
import re
from pathlib import Path

from harness import debian
from harness.require import UnavailableError
from syncwell.embedded import Server


def server(extension: str = "plpgsql_check", settings: dict[str, str] | None = None) -> Server:
    """A server that has the extension, with these settings."""
    bindir, env = programs(extension)
    return Server(bindir=bindir, env=env, settings=settings)


def programs(extension: str = "plpgsql_check") -> tuple[Path, dict[str, str]]:
    """Where a server lies that has the extension, and what its environment needs.

    An installed one, else the oldest that Debian offers, unpacked.
    """
    for bindir in sorted(Path("/usr/lib/postgresql").glob("*/bin")):
        share = Path("/usr/share/postgresql") / bindir.parent.name
        if (share / f"extension/{extension}.control").exists() and (bindir / "postgres").exists():
            return bindir, {}
    packages = debian.newest(f"postgresql-[0-9]+-{extension.removeprefix('pg_').replace('_', '-')}")
    if not packages:
        raise UnavailableError(f"the package lists name no {extension}")
    found = re.search(r"\d+", packages[0])
    assert found is not None
    major = found[0]
    root = debian.unpack(f"postgresql-{major}", f"postgresql-client-{major}", packages[0])
    bindir = root / "usr/lib/postgresql" / major / "bin"
    debian.complete_libraries(f"postgresql-{major}", bindir / "postgres")
    path = ":".join(part for part in (debian.libraries(), os.environ.get("LD_LIBRARY_PATH")) if part)
    return bindir, {"LD_LIBRARY_PATH": path} if path else {}
