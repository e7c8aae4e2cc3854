"""The scripts of others that the dashboard serves: in every build, the same each time, never needed to run."""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from typing import TYPE_CHECKING

import pytest

from harness.modules import load
from harness.paths import ROOT
from syncwell.http.page.static import FILES

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

PAGE = "syncwell/http/page"


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    return load(ROOT / "python" / "vendored.py")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a build reads, in a folder of its own."""
    folder = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    for name in ("python", "sql"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def built(tree: Path, target: str) -> Path:
    folder = tree / "out" / target
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    (found,) = folder.iterdir()
    return found


def test_a_wheel_has_pages_scripts_and_licence(tree: Path, hook: ModuleType) -> None:
    with zipfile.ZipFile(built(tree, "wheel")) as wheel:
        names = set(wheel.namelist())
        for name, (_, digest) in hook.FILES.items():
            assert hashlib.sha256(wheel.read(f"{PAGE}/static/vendor/{name}")).hexdigest() == digest
        assert "Zero-Clause BSD" in wheel.read(f"{PAGE}/static/vendor/LICENSE").decode()
        templates = {f"{PAGE}/templates/{file.name}" for file in (ROOT / "python" / PAGE / "templates").iterdir()}
        assert names >= templates | {f"{PAGE}/static/page.css", f"{PAGE}/static/page.js", "syncwell/_look/look.css"}
        needed = wheel.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    assert "htmx" not in needed.partition("\n\n")[0]


def test_an_editable_install_puts_them_into_the_tree(tree: Path, hook: ModuleType) -> None:
    """As `pip install --editable` calls the hook, whose other tools are not here."""
    for file in (tree / hook.TARGET).iterdir():
        if file.name not in hook.FILES:
            file.unlink()
    settings = tomllib.loads((tree / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["hooks"]["custom"]
    assert settings == {"path": "python/vendored.py"}
    hook.Vendored(str(tree), settings, None, None, str(tree), "wheel").initialize("editable", {})
    assert {file.name for file in (tree / hook.TARGET).iterdir()} == {*hook.FILES, "LICENSE"}


def test_a_source_archive_has_them_too(tree: Path, hook: ModuleType) -> None:
    with tarfile.open(built(tree, "sdist")) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {f"{hook.TARGET}/{name}" for name in (*hook.FILES, "LICENSE")} | {"python/vendored.py"}


def test_what_is_not_what_it_should_be_is_not_shipped(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "elsewhere" / "django_htmx"
    for source, _ in hook.FILES.values():
        (package / source).parent.mkdir(parents=True, exist_ok=True)
        (package / source).write_text("alert(1)")
    (package / "__init__.py").touch()
    monkeypatch.setattr(hook, "find_spec", lambda _: None)
    with pytest.raises(RuntimeError, match="pip install"):
        hook.put(tmp_path / "target")

    found = importlib.machinery.ModuleSpec("django_htmx", None, is_package=True)
    found.submodule_search_locations = [str(package)]
    monkeypatch.setattr(hook, "find_spec", lambda _: found)
    with pytest.raises(RuntimeError, match="is not what it was"):
        hook.put(tmp_path / "target")
    assert list((tmp_path / "target").iterdir()) == []


def test_one_version_is_named_and_git_has_none_of_it(hook: ModuleType) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (needed,) = [one for one in project["build-system"]["requires"] if "htmx" in one]
    assert re.fullmatch(r"django-htmx==[\d.]+", needed)
    assert f"/{hook.TARGET}/" in (ROOT / ".gitignore").read_text().split()
    assert {FILES[name][0].parent.name for name in hook.FILES} == {"vendor"}
