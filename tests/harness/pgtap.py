"""pgTAP: where to get it, and its files as pytest items."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import debian
from harness.paths import BUILD, ROOT, fetching
from harness.require import UnavailableError, unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.cluster import Cluster

_NPM_PACKAGE = "@electric-sql/pglite-pgtap@0.0.15"
_KEPT = BUILD / "pgtap.sql"
_RESULT = re.compile(r"(?P<verdict>not ok|ok) (?P<number>\d+)(?: - (?P<name>.*?))?(?: # (?P<directive>TODO|SKIP).*)?")
_PLAN = re.compile(r"1\.\.(\d+)")


def find(share: Path) -> Path:
    """The SQL file of pgTAP: of the server (`share`: its SHAREDIR), else of Debian, else of npm. It holds no C."""
    if own := _newest_script(share):
        return own
    with fetching("pgtap"):
        if not _KEPT.exists():
            _KEPT.write_bytes(_fetched())
    return _KEPT


def _fetched() -> bytes:
    reasons = []
    for fetch in (_from_debian, _from_npm):
        try:
            return fetch()
        except UnavailableError as reason:
            reasons.append(str(reason))
    raise UnavailableError("; ".join(reasons))


def _from_debian() -> bytes:
    packages = debian.newest("postgresql-[0-9]+-pgtap")
    if not packages:
        raise UnavailableError("the package lists name no pgtap")
    share = debian.unpack(packages[-1]) / "usr/share/postgresql" / packages[-1].split("-")[1]
    script = _newest_script(share)
    if script is None:
        raise UnavailableError(f"{packages[-1]} holds no pgtap--*.sql")
    return script.read_bytes()


def _from_npm() -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        raise UnavailableError("there is no npm")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [npm, "pack", "--silent", _NPM_PACKAGE],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode != 0:
            raise UnavailableError(f"npm pack {_NPM_PACKAGE}: {done.stderr.strip()[-200:]}")
        for archive in Path(folder).glob("*.tgz"):
            with tarfile.open(archive) as package:
                inner = package.extractfile("package/dist/pgtap.tar.gz")
                assert inner is not None
                with tarfile.open(fileobj=inner) as files:
                    names = [name for name in files.getnames() if re.search(r"/pgtap--[\d.]+\.sql$", name)]
                    script = files.extractfile(max(names))
                    assert script is not None
                    return script.read()
    raise UnavailableError(f"{_NPM_PACKAGE} holds no pgtap--*.sql")


def _newest_script(share: Path) -> Path | None:
    scripts = [path for path in share.glob("extension/pgtap--*.sql") if path.name.count("--") == 1]
    return max(scripts, key=lambda path: [int(part) for part in re.findall(r"\d+", path.name)], default=None)


@dataclass
class Assertion:
    number: int
    name: str
    passed: bool
    excused: bool
    diagnosis: list[str] = field(default_factory=list)


@dataclass
class Outcome:
    """What a file said: assertions, how many it planned, the error that ended it, and lines that are no TAP."""

    planned: int | None = None
    assertions: list[Assertion] = field(default_factory=list)
    error: str | None = None
    lines: list[str] = field(default_factory=list)

    def complaints(self) -> list[str]:
        """Empty when everything is well."""
        found = []
        for assertion in self.assertions:
            if not assertion.passed and not assertion.excused:
                found.append("\n".join([f"not ok {assertion.number} - {assertion.name}", *assertion.diagnosis]))
        if self.error is not None:
            before = "\n".join(f"  {line}" for line in self.lines[-10:])
            found.append(f"{self.error}\nthe lines before:\n{before or '  (none)'}")
        elif self.planned is None:
            found.append("no plan: the file must `select plan(n)`")
        elif self.planned != len(self.assertions):
            found.append(f"planned {self.planned} assertions, ran {len(self.assertions)}")
        return found


def run(connection: psycopg.Connection[Any], text: str) -> Outcome:
    """Run a pgTAP file as one simple query: unlike execute(), this keeps the lines before an error."""
    lines: list[str] = []
    error = None
    connection.pgconn.send_query(text.encode())
    while (result := connection.pgconn.get_result()) is not None:
        if result.status == psycopg.pq.ExecStatus.TUPLES_OK:
            values = (result.get_value(row, 0) for row in range(result.ntuples) if result.nfields == 1)
            for value in values:
                lines += value.decode().splitlines() if value is not None else []
        elif result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
            error = result.error_message.decode().strip()
    return parse(lines, error)


def parse(lines: list[str], error: str | None = None) -> Outcome:
    """Read TAP: '#' lines belong to the assertion above them."""
    outcome = Outcome(error=error, lines=lines)
    for line in lines:
        if plan := _PLAN.fullmatch(line):
            outcome.planned = int(plan[1])
        elif found := _RESULT.fullmatch(line):
            name = found["name"] or ""
            excused = found["directive"] is not None
            outcome.assertions.append(Assertion(int(found["number"]), name, found["verdict"] == "ok", excused))
        elif line.startswith("#") and outcome.assertions:
            outcome.assertions[-1].diagnosis.append(line)
    return outcome


class SqlFile(pytest.File):
    """`<function>.test.sql`: one item, whatever the number of its assertions."""

    def __init__(self, *, cluster: Callable[[pytest.Config], Cluster], **options: Any) -> None:
        super().__init__(**options)
        self.cluster = cluster

    def collect(self) -> Iterator[pytest.Item]:
        yield SqlItem.from_parent(self, name=self.path.name.removesuffix(".test.sql"))


class FailedError(Exception):
    """Assertions of a pgTAP file failed."""


class SqlItem(pytest.Item):
    """Runs in the shared database, as superuser; the file itself rolls back what it did."""

    parent: SqlFile

    def runtest(self) -> None:
        cluster = self.parent.cluster(self.config)
        if cluster.pgtap_missing is not None:
            unavailable("pgtap", cluster.pgtap_missing)
        text = self.path.read_text()
        options = "-c search_path=tap,public -c statement_timeout=60s -c lock_timeout=10s"
        with psycopg.connect(cluster.shared.uri(), autocommit=True, options=options) as connection:
            complaints = run(connection, text).complaints()
            if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE and not complaints:
                complaints.append("the file leaves its transaction open: it must end with `rollback;`")
            if re.search(r"^\s*commit\b", text, re.MULTILINE | re.IGNORECASE):
                complaints.append("the file commits: the shared database is for files that roll back")
        if complaints:
            raise FailedError("\n\n".join(complaints))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, FailedError):
            return f"{self.path.relative_to(ROOT)}\n\n{excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, str(self.path.relative_to(ROOT))
