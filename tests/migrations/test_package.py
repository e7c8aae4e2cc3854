"""The wheel carries the SQL, and the installed package finds it."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from harness.paths import ROOT, SQL
from syncwell import migrate

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = sorted(
    path.relative_to(SQL).as_posix()
    for path in [*SQL.glob("migrations/*"), *SQL.glob("optional/**/*"), SQL / "roles.sql", *SQL.glob("*.md")]
    if path.is_file()
)


OTHERS = {
    "syncwell/py.typed",
    "syncwell/cli/report/page.html",
    "syncwell/_look/look.css",
    "syncwell/_look/parts.html",
    "syncwell/codegen/client.ts",
    "syncwell/http/page/static/page.css",
    "syncwell/http/page/static/vendor/htmx.min.js",
    "syncwell/http/page/static/vendor/LICENSE",
    "syncwell/http/page/templates/base.html",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_contains_the_sql_and_what_else_is_read(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if name.startswith("syncwell/sql/")}
        assert inside == {f"syncwell/sql/{path}" for path in SHIPPED}
        for path in SHIPPED:
            assert archive.read(f"syncwell/sql/{path}") == (SQL / path).read_bytes()
        assert set(archive.namelist()) >= OTHERS


def test_the_installed_wheel_finds_it(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    script = """
import json, sys
sys.path.insert(0, sys.argv[1])
from syncwell import migrate
print(json.dumps([str(migrate.sql_folder()), {one.id: one.sha256 for one in migrate.available()}, migrate.roles_sql()]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "site")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        str(tmp_path / "site" / "syncwell" / "sql"),
        {one.id: one.sha256 for one in migrate.available()},
        migrate.roles_sql(),
    ]
