"""Every command that the READMEs show runs, or is at least understood where another test runs it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import typer
from typer.testing import CliRunner
from uvicorn.importer import import_from_string

from harness import Tenants, versions
from harness.cluster import TEMPLATE
from harness.paths import ROOT, SQL
from harness.postgrest import ROLES
from syncwell import Syncwell
from syncwell.cli.app import app
from syncwell.deliver.channels import read_channels
from syncwell.ops import DeviceConditions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import click

    from harness import Cluster, Database

PAGES = {name: (ROOT / name).read_text() for name in ("README.md", "sql/README.md")}
TEXT = "\n".join(PAGES.values())
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
PLAIN = FENCED.sub("", TEXT)
SPANS = re.findall(r"`([^`\n]+)`", PLAIN)
PROGRAMS = ("syncwell", "psql", "make", "pip", "uvicorn", "promtool")


def without_environment(command: str) -> str:
    """The command without what is set before it, and without the path or the schedule of its program."""
    return re.sub(r"^(?:\* )*(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?", "", command)


def commands() -> list[str]:
    """All of them, each once; in the table of commands a row names several of a group."""
    found = []
    for language, block in FENCED.findall(TEXT):
        if language in ("sh", "console"):
            found += [shlex.join(shlex.split(line.removeprefix("$ "), comments=True)) for line in block.splitlines()]
    found += [span for span in SPANS if without_environment(span).split(" ")[0] in PROGRAMS and " " in span]
    for row in re.findall(r"^\| (`syncwell [^|]*) \|", PLAIN, re.M):
        first, *others = re.findall(r"`([^`]+)`", row)
        found += [" ".join([*first.split()[:-1], other]) for other in others]
    return sorted({command for command in found if command})


COMMANDS = commands()


def of(program: str) -> list[str]:
    return [command for command in COMMANDS if without_environment(command).startswith(f"{program} ")]


def test_there_are_commands() -> None:
    assert {"make demo", "syncwell migrate", "syncwell sessions revert", "syncwell alerts deliver"} <= set(COMMANDS)
    assert sorted(COMMANDS) == sorted(command for program in PROGRAMS for command in of(program))
    assert len(COMMANDS) > 60


@pytest.fixture
def _libpq(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    connected(database, monkeypatch)


def connected(database: Database, monkeypatch: pytest.MonkeyPatch, login: str = "postgres") -> None:
    """PGHOST and the like, as a reader has set them."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    parts = psycopg.conninfo.conninfo_to_dict(database.uri(login))
    for name, key in (("PGHOST", "host"), ("PGDATABASE", "dbname"), ("PGUSER", "user")):
        monkeypatch.setenv(name, str(parts[key]))


# --- psql --------------------------------------------------------------------------------------------------------


@pytest.fixture
def prepared(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[Database]:
    """Where the command makes sense: an empty database, or an installed one with the roles it names."""
    command: str = request.getfixturevalue("command")
    is_install = re.search(r"migrations/\w+\.sql", command) is not None
    with cluster.database(template="template1" if is_install else TEMPLATE) as database:
        with database.connect(autocommit=True) as admin:
            # as PostgREST's own roles, it belongs to the cluster
            admin.execute(ROLES.encode())
            admin.execute("create role deploy")
            if "revoke" in command:
                admin.execute("grant syncwell_owner to deploy")
        yield database
        with database.connect(autocommit=True) as admin:
            admin.execute("drop role deploy")


@pytest.mark.parametrize("command", of("psql"))
def test_psql(prepared: Database, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    connected(prepared, monkeypatch)
    if "rollback" in command:
        # there are rows, of which the next line of the table tells
        (options,) = (span for span in SPANS if span.startswith("PGOPTIONS"))
        monkeypatch.setenv("PGOPTIONS", shlex.split(options)[0].partition("=")[2])
    program, *arguments = shlex.split(command)
    # on-error-stop is what the reader's eyes are
    done = subprocess.run(
        [versions.program(prepared.server, program), "-X", "-v", "ON_ERROR_STOP=1", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("_libpq")
@pytest.mark.parametrize("command", sorted({span for span in SPANS if span.startswith("\\d")}))
def test_backslash_commands(database: Database, command: str) -> None:
    done = subprocess.run(
        [versions.program(database.server, "psql"), "-X", "-c", command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "syncwell" in done.stdout
    assert "Did not find" not in done.stderr


# --- syncwell ----------------------------------------------------------------------------------------------------

# Those that run for ever or reach for other machines: which test runs them instead. Here they are only understood.
ELSEWHERE = {
    "syncwell demo": "test_demo.py",
    "syncwell serve": "test_package.py, test_http_serve.py",
    "syncwell watch": "test_cli.py",
    "syncwell alerts deliver": "test_alerts_deliver.py",
    "syncwell alerts test-channel": "test_alerts_deliver.py",
}
# What a command needs besides, and who may run it where not anybody of the org.
MORE = {
    "syncwell sessions revert": "{unknown}",
    "syncwell alerts deliver": "-c alerts.toml",
    "syncwell alerts test-channel": "hook -c alerts.toml",
    "syncwell alerts requeue": "hook",
    "syncwell alerts forget": "hook",
    "syncwell privacy export": "{member}",
    "syncwell privacy erase": "{member}",
    "syncwell rollback": "--to 0000 --allow-data-loss",
    "syncwell export": "runs -o out",
    "syncwell types": "--lang typescript",
}
LOGINS = {
    "syncwell maintain": "operator",
    "syncwell evaluate": "operator",
    "syncwell privacy": "operator",
    "syncwell alerts list": "a_admin",
    "syncwell alerts": "operator",
    "syncwell sessions merge": "a_service",
    "syncwell sessions revert": "a_service",
    **dict.fromkeys(("syncwell migrate", "syncwell rollback", "syncwell status", "syncwell verify"), "postgres"),
}
# Unknown ids are found to be so.
REFUSED = {
    "syncwell sessions revert": "SW504",
    "syncwell alerts requeue": "SW611",
    "syncwell alerts forget": "SW611",
}


def of_prefix(table: dict[str, str], command: str, default: str = "") -> str:
    return next((told for prefix, told in table.items() if command.startswith(prefix)), default)


def understood(command: str) -> None:
    """Parse it, without calling anything."""
    group: click.Command = typer.main.get_command(app)
    _, *rest = shlex.split(without_environment(command))
    context = group.make_context("syncwell", rest, allow_extra_args=True, ignore_unknown_options=False)
    while rest := [*context._protected_args, *context.args]:
        assert isinstance(group, typer.core.TyperGroup)
        name, found, rest = group.resolve_command(context, rest)
        assert found is not None, name
        context, group = found.make_context(name, rest, parent=context), found


@pytest.mark.parametrize("command", of("syncwell"))
def test_syncwell(database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for folder in ("src", "app"):
        (tmp_path / folder).mkdir()
    command = without_environment(command)
    if of_prefix(ELSEWHERE, command):
        understood(f"{command} {of_prefix(MORE, command)}" if len(command.split()) <= 3 else command)
        return
    command = command.replace("UUID", str(Tenants.id("a_member"))).replace("NAME", "hook")
    if len(command.split()) <= 3:
        command = f"{command} {of_prefix(MORE, command)}"
    command = command.format(member=Tenants.id("a_member"), unknown="00000000-0000-0000-0000-000000000000")
    connected(database, monkeypatch, of_prefix(LOGINS, command, "a_admin"))
    done = CliRunner().invoke(app, shlex.split(command)[1:])
    if refused := of_prefix(REFUSED, command):
        assert (done.exit_code, refused in done.output) == (2, True), done.output
    else:
        assert done.exit_code in (0, 1), done.output


# --- the others --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", of("make"))
def test_make(command: str) -> None:
    done = subprocess.run(
        ["make", "-n", *shlex.split(without_environment(command))[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", of("pip"))
def test_pip(command: str) -> None:
    _, install, what = shlex.split(command)
    wanted = re.fullmatch(r"syncwell\[(.+)\]", what)
    assert install == "install"
    assert wanted is not None
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(wanted[1].split(",")) <= extras.keys()


@pytest.mark.parametrize("command", of("uvicorn"))
def test_uvicorn(command: str) -> None:
    (target,) = (word for word in shlex.split(command) if ":" in word)
    assert callable(import_from_string(target))


@pytest.mark.parametrize("command", of("promtool"))
def test_promtool(command: str) -> None:
    """tests/python/test_ops_prometheus.py runs it where Prometheus is to be had."""
    assert (SQL / "optional" / shlex.split(command)[-1]).is_file()


# --- SQL and Python outside of the blocks that test_readme.py runs -----------------------------------------------

FRAGMENTS = {
    "order by": "select 1 from syncwell.sync_activity_log {}",
    "select": "{}",
    "insert": "{}",
    "listen": "{}",
    "call": "{}",
}
SQL_SPANS = sorted(
    {span for span in SPANS if re.match(rf"(?:{'|'.join(FRAGMENTS)}) ", span) and not re.fullmatch(r"select .*;", span)}
)


@pytest.mark.parametrize("span", SQL_SPANS)
def test_sql(database: Database, span: str) -> None:
    statement = next(made for start, made in FRAGMENTS.items() if span.startswith(start)).format(span)
    preview = '{"new": [], "updated": [], "deleted": []}'
    statement = statement.replace("(…)", f"('shopify', 'k', '{preview}')")
    login = "a_service" if span.startswith("insert") else "operator"
    with database.connect(login, autocommit=True) as connection:
        try:
            connection.execute(statement.encode())
        except psycopg.Error as error:
            # pg_cron is where somebody installed it
            if error.sqlstate != "SW802":
                raise


def test_the_channels_of_alerts(tmp_path: Path) -> None:
    (block,) = (block for language, block in FENCED.findall(PAGES["README.md"]) if language == "toml")
    secret = tmp_path / "smtp"
    secret.write_text("secret")
    (tmp_path / "alerts.toml").write_text(block.replace("/run/secrets/smtp", str(secret)))
    found = read_channels(tmp_path / "alerts.toml", {"HOOK_TOKEN": "secret", "PAGER_KEY": "secret"})
    assert [channel.name for channel in found] == re.findall(r'^name = "(\w+)"', block, re.M)


PYTHON = [block for language, block in FENCED.findall(PAGES["README.md"]) if language == "text" and "sw." in block]


def test_pull_and_push_in_python(database: Database) -> None:
    (example,) = (block for block in PYTHON if "pull_stream" in block)
    with database.connect() as admin:
        admin.execute("create schema app; create table app.todos (id text primary key, user_id uuid, title text)")
        admin.execute("grant usage on schema app to syncwell_owner, gateway; grant all on app.todos to gateway")
        admin.execute("select syncwell.register_synced_table('app.todos')")
        admin.execute("insert into app.todos values ('1', %s, 'x')", [Tenants.id("a_member")])
    sent: list[bytes] = []
    names: dict[str, Any] = {
        "user_id": Tenants.id("a_member"),
        "cursor": None,
        "device": "phone-1",
        "send": sent.append,
        "changes": {"todos": {"created": [], "updated": [{"id": "1", "title": "y"}], "deleted": []}},
    }
    pull, push = example.rsplit("answer = ", 1)
    with psycopg.connect(database.uri("gateway"), autocommit=True) as connection:
        names["sw"] = Syncwell(connection)
        exec(pull, names)  # noqa: S102
        names["cursor"] = int(re.findall(r'"timestamp"\s*:\s*(\d+)', b"".join(sent).decode())[0])
        exec(f"answer = {push}", names)  # noqa: S102
    assert b'"title":"x"' in b"".join(sent)
    assert names["answer"].stats.updated == 1


def test_when_to_sync_in_python(database: Database) -> None:
    (example,) = (block for block in PYTHON if "sync_loop" in block)
    synced: list[Any] = []

    def sync(*given: Any) -> None:
        synced.append(given)
        names["loop"].stop()

    names: dict[str, Any] = {
        "sync": sync,
        "device": "phone-1",
        "battery": lambda: 80,
        "DeviceConditions": DeviceConditions,
    }
    with psycopg.connect(database.uri("a_member"), autocommit=True) as connection:
        names["sw"] = Syncwell(connection)
        exec(example, names)  # noqa: S102
    assert len(synced) == 1
