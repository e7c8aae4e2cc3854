"""What is released, in a clean environment: the archive builds the wheel, and the wheel does what README says it does.

Packages come from the registry; nothing else is reached, and nothing of this checkout is seen.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import venv
from typing import TYPE_CHECKING

import httpx

from harness import Tenants
from harness.paths import ROOT
from harness.serving import SECRET, bearer
from syncwell import __version__, migrate

if TYPE_CHECKING:
    from pathlib import Path

    from harness import Database

EXTRAS = "binary,cli,dashboard"
USE = """
import sys, psycopg
from syncwell import Syncwell
sw = Syncwell(psycopg.connect(sys.argv[1], autocommit=True))
with sw.runs.track("calls", "full") as run:
    run.progress(2, total=2)
    run.set_result(items_processed=2)
print([(row.source, row.status) for row in sw.health.status() if row.source])
"""


def built(folder: Path, source: Path, target: str) -> Path:
    """The sdist or wheel of this folder, built without any but what is installed."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (made,) = folder.glob("*.tar.gz" if target == "sdist" else "*.whl")
    return made


def install(folder: Path) -> Path:
    """The environment's folder of programs: source archive, wheel made of it, wheel installed."""
    with tarfile.open(built(folder, ROOT, "sdist")) as archive:
        # our own; the first releases of Python 3.11 have no filters, and later ones want one
        archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))  # noqa: S202
    (source,) = (path for path in folder.iterdir() if path.is_dir())
    wheel = built(folder, source, "wheel")
    venv.create(folder / "venv", symlinks=True)
    programs = folder / "venv" / "bin"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(programs / "python"),
        "install",
        "--no-input",
        "--no-compile",
        "-q",
    ]
    done = subprocess.run([*pip, f"{wheel}[{EXTRAS}]"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return programs


def run(programs: Path, *command: str, **environment: str) -> str:
    """Its output; it sees neither this checkout nor the environment of the tests."""
    env = {"PATH": os.defpath, "HOME": str(programs.parent), "LANG": "C.UTF-8", **environment}
    done = subprocess.run(
        [programs / command[0], *command[1:]], cwd=programs.parent, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def prepared(installed: Path, fresh: Database) -> Database:
    run(installed, "syncwell", "migrate", "--dsn", fresh.uri())
    with fresh.connect(autocommit=True) as admin:
        admin.execute("select syncwell.register_org('Acme', %s)", [Tenants.org("a")])
        admin.execute("select syncwell.register_user(%s, %s, 'admin')", [Tenants.org("a"), Tenants.id("a_admin")])
        admin.execute("select syncwell.bind_login('a_service', 'service', %s)", [Tenants.org("a")])
        admin.execute("select syncwell.bind_login('gateway', 'gateway')")
    return fresh


def check_help_and_version(installed: Path) -> None:
    assert run(installed, "syncwell", "--version").strip().endswith(__version__)
    text = run(installed, "syncwell", "--help")
    for command in ("migrate", "health", "serve", "export"):
        assert re.search(rf"\b{command}\b", text)


def check_the_package_is_the_installed_one(installed: Path) -> None:
    script = "import json, syncwell; from syncwell import migrate;"
    script += "print(json.dumps([syncwell.__file__, str(migrate.sql_folder())]))"
    for path in json.loads(run(installed, "python", "-c", script)):
        assert path.startswith(str(installed.parent))


def check_migrated(migrated: Database, installed: Path) -> None:
    with migrated.connect() as admin:
        assert [one.sha256 for one in migrate.applied(admin)] == [one.sha256 for one in migrate.available()]
    found = json.loads(run(installed, "syncwell", "status", "--json", "--dsn", migrated.uri()))
    assert found
    run(installed, "syncwell", "verify", "--dsn", migrated.uri())


def check_a_sync(migrated: Database, installed: Path) -> None:
    said = run(installed, "python", "-c", USE, migrated.uri("a_service"))
    assert said.strip() == "[('calls', 'healthy')]"


def check_serve_with_its_page(migrated: Database, installed: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    command = ["serve", "-d", migrated.uri("gateway"), "--jwt-secret-file", str(secret), "--port", "0", "--json"]
    env = {"PATH": os.defpath, "HOME": str(tmp_path), "SYNCWELL_DASHBOARD": "on"}
    with subprocess.Popen(
        [installed / "syncwell", *command],
        cwd=tmp_path,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            said = ""
            while not said.endswith("}\n"):
                line = server.stdout.readline()
                assert line, server.stderr and server.stderr.read()
                said += line
            with httpx.Client(base_url=json.loads(said)["url"], trust_env=False, follow_redirects=True) as client:
                assert client.get("/readyz").status_code == 200
                pulled = client.post("/sync/pull", json={}, headers=bearer(Tenants.id("a_admin")))
                assert (pulled.status_code, pulled.json()["changes"]) == (200, {})
                page = client.get("/", headers={"accept": "text/html"})
                links = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text))
                assert any(".css" in link for link in links)
                for link in links:
                    answer = client.get(link)
                    assert (answer.status_code, bool(answer.content)) == (200, True), link
            server.send_signal(signal.SIGTERM)
            assert server.wait(20) == 0
        finally:
            server.kill()


# one test: an environment takes a while to make, and each process of a run would make its own
def test_what_is_released_works_elsewhere(empty: Database, tmp_path: Path) -> None:
    installed = install(tmp_path)
    check_help_and_version(installed)
    check_the_package_is_the_installed_one(installed)
    database = prepared(installed, empty)
    check_migrated(database, installed)
    check_a_sync(database, installed)
    check_serve_with_its_page(database, installed, tmp_path)
