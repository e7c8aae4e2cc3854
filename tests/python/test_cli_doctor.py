"""syncwell doctor: each broken set-up is planted for real, named with its cure, and gone once cured."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner

from harness import UnavailableError, pgbouncer, unavailable
from syncwell import migrate
from syncwell.cli.app import app
from syncwell.cli.doctor import connection as server
from syncwell.embedded import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Database, Tenants
    from harness.cluster import Cluster

NUMBERS = itertools.count()
SECRET = "0123456789abcdef" * 3


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("PG", "SYNCWELL_"))]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def empty(cluster: Cluster) -> Iterator[Database]:
    with cluster.database(template="template1") as database:
        yield database


@pytest.fixture(scope="module")
def open_one(cluster: Cluster) -> Iterator[Database]:
    """For tests that have a login of their own, and take back what they do to the database."""
    with cluster.database() as database:
        yield database


@pytest.fixture(scope="module")
def shared(cluster: Cluster) -> Database:
    """For what changes nothing."""
    return cluster.shared


def doctor(dsn: str, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    result = CliRunner().invoke(app, ["doctor", "--json", "-d", dsn, *arguments])
    assert result.stderr == "", result.stderr
    return result.exit_code, json.loads(result.stdout)


def wrong(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["check"], one["severity"]) for one in found if one["severity"] in ("warning", "error")]


def the(found: list[dict[str, Any]], check: str, severity: str = "error") -> dict[str, Any]:
    (one,) = [one for one in found if (one["check"], one["severity"]) == (check, severity)]
    # what is wrong is always told with why that matters and with what cures it
    assert one["why"]
    assert one["cure"]
    return one


@contextmanager
def role(database: Database, definition: str = "login") -> Iterator[str]:
    """A login of this test's own: roles belong to the whole cluster."""
    name = f"sick_{next(NUMBERS)}"
    with database.connect(autocommit=True) as superuser:
        superuser.execute(f"create role {name} {definition}".encode())
        try:
            yield name
        finally:
            superuser.execute(f"drop owned by {name}".encode())
            superuser.execute(f"drop role {name}".encode())


@pytest.mark.parametrize("login", ["a_member", "a_analyst", "a_service", "gateway", "jwt"])
def test_nothing_is_wrong_with_what_is_well(shared: Database, login: str) -> None:
    code, found = doctor(shared.uri(login))
    assert (code, wrong(found)) == (0, [])
    # what it could not look at it says
    assert {one["check"] for one in found if one["severity"] == "unchecked"} == {"installation", "http", "alerts"}


def test_an_operator_is_told_of_the_installation(database: Database) -> None:
    code, found = doctor(database.uri("operator"))
    assert (code, {check for check, _ in wrong(found)}) == (0, {"maintenance"})
    assert CliRunner().invoke(app, ["maintain", "-d", database.uri("operator")]).exit_code == 0
    code, found = doctor(database.uri("operator"))
    assert (code, wrong(found)) == (0, [])
    assert {"row level security", "partitions", "grants", "evaluation"} <= {one["check"] for one in found}


def test_the_cure_of_each_finding_is_printed_whole(shared: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    result = CliRunner().invoke(app, ["doctor", "-d", shared.uri("nobody_login")])
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if "bind_login" in line]
    assert line.strip().startswith("cure: select syncwell.bind_login('nobody_login', 'service', p_org_id => '…')")
    assert "1 error." in result.stdout
    assert "\x1b" not in result.stdout


class TestConnection:
    """The way to the server."""

    def test_a_server_that_was_stopped(self) -> None:
        with Server() as stopped:
            uri = stopped.uri()
        code, found = doctor(uri)
        assert code == 1
        assert "pg_isready" in the(found, "connection")["cure"]
        assert the_unchecked(found, "schema")

    @pytest.mark.parametrize(
        ("dsn", "cure"),
        [
            ("postgresql://[", "as psql takes it"),
            ("nonsense=1", "as psql takes it"),
            ("postgresql://me@nowhere.invalid/app", "getent hosts nowhere.invalid"),
            ("postgresql://me@127.0.0.1:1/app", "pg_isready -h 127.0.0.1 -p 1"),
            ("postgresql://\udcff", "UTF-8"),
        ],
    )
    def test_an_address_that_is_none(self, dsn: str, cure: str) -> None:
        code, found = doctor(dsn)
        assert code == 1
        assert cure in the(found, "connection")["cure"]

    def test_a_password_is_not_told(self, shared: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        for dsn in ("postgresql://me:s%ZZesame@h/d", "host=h password='sesame", "postgresql:me:sesame@h"):
            code, found = doctor(dsn)
            assert (code, "sesame" in json.dumps(found)) == (1, False)
            monkeypatch.setenv("SYNCWELL_JWT_SECRET", SECRET)
            monkeypatch.setenv("SYNCWELL_DSN", dsn)
            code, found = doctor(shared.uri("a_analyst"))
            assert (code, "sesame" in json.dumps(found)) == (1, False)
            assert the(found, "http")["found"].startswith("SYNCWELL_DSN: ")

    @pytest.mark.parametrize(
        ("address", "encrypted", "told"),
        [("10.0.0.7", False, True), ("10.0.0.7", True, False), ("127.0.0.1", False, False), (None, False, False)],
    )
    def test_what_others_on_the_network_can_read(self, address: str | None, encrypted: bool, told: bool) -> None:
        class Somewhere:
            class info:  # noqa: N801
                hostaddr = address

            class pgconn:  # noqa: N801
                ssl_in_use = encrypted

        found = server._encryption(Somewhere())  # type: ignore[arg-type]
        assert (found is not None) == told

    def test_a_database_and_a_login_that_are_not_there(self, shared: Database) -> None:
        uri = shared.uri("a_analyst")
        code, found = doctor(uri.replace(shared.name, "nowhere"))
        assert (code, "createdb nowhere" in the(found, "connection")["cure"]) == (1, True)
        code, found = doctor(shared.uri("stranger"))
        assert (code, 'create role "stranger"' in the(found, "connection")["cure"]) == (1, True)

    def test_a_login_that_may_not_log_in(self, shared: Database) -> None:
        with role(shared, "nologin") as name:
            _, found = doctor(shared.uri(name))
            assert the(found, "connection")["cure"] == f'alter role "{name}" login'

    def test_a_database_in_another_encoding(self, cluster: Cluster, shared: Database) -> None:
        with shared.connect(autocommit=True) as superuser:
            superuser.execute("create database latin template template0 encoding 'LATIN1' locale 'C'")
            try:
                _, found = doctor(cluster.server.uri("latin"))
            finally:
                superuser.execute("drop database latin with (force)")
        assert "LATIN1" in the(found, "encoding")["found"]

    @pytest.mark.parametrize(("off", "severity"), [(-30, "warning"), (3600, "error")])
    def test_a_clock_that_is_wrong(
        self, shared: Database, monkeypatch: pytest.MonkeyPatch, off: int, severity: str
    ) -> None:
        class Wrong(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:
                return datetime.now(tz) + timedelta(seconds=off)

        monkeypatch.setattr(server, "datetime", Wrong)
        _, found = doctor(shared.uri("a_analyst"))
        told = the(found, "clock", severity)["found"]
        assert ("ahead" if off < 0 else "behind") in told

    def test_a_slow_way_is_no_wrong_clock(self, shared: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        ticks = iter([0.0, 20.0])
        monkeypatch.setattr(server, "time", type("", (), {"monotonic": staticmethod(lambda: next(ticks))}))
        with shared.connect("a_analyst") as connection:
            assert server.clock(connection).severity == "ok"
        assert time.monotonic()

    def test_an_old_server(self, shared: Database) -> None:
        with shared.connect() as connection:
            assert server._server(connection).severity == "ok"
            old = type("", (), {"info": type("", (), {"server_version": 140012})})
            assert server._server(old()).severity == "error"


def the_unchecked(found: list[dict[str, Any]], check: str) -> dict[str, Any]:
    (one,) = [one for one in found if (one["check"], one["severity"]) == (check, "unchecked")]
    return one


class TestPooler:
    """What stands between."""

    @pytest.fixture
    def bouncer(self, database: Database) -> Iterator[str]:
        try:
            pgbouncer.program()
        except UnavailableError as reason:
            unavailable("pgbouncer", reason)
        with pgbouncer.running(database.server, database.name, "gateway", 2) as uri:
            yield uri

    def test_one_that_pools_transactions(
        self, bouncer: str, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, found = doctor(bouncer)
        (told,) = [one for one in found if one["check"] == "pooler"]
        assert "pools transactions" in told["found"]
        assert told["severity"] == ("error" if breaks_prepared(bouncer) else "warning")
        left = database.connect(autocommit=True).execute("select count(*) from pg_prepared_statements").fetchone()
        assert left == (0,)
        monkeypatch.setenv("SYNCWELL_DSN", bouncer)
        monkeypatch.setenv("SYNCWELL_JWT_SECRET", SECRET)
        code, found = doctor(database.uri("gateway"))
        assert "SYNCWELL_LISTEN_DSN" in the(found, "http", "warning")["cure"]
        if told["severity"] == "error":
            assert code == 1
            assert the(found, "http")["cure"] == "SYNCWELL_PREPARE=off"
        monkeypatch.setenv("SYNCWELL_PREPARE", "off")
        monkeypatch.setenv("SYNCWELL_LISTEN_DSN", database.uri("gateway"))
        assert doctor(database.uri("gateway"))[0] == 0

    def test_none(self, shared: Database) -> None:
        with shared.connect("gateway", autocommit=True) as connection:
            assert "none" in server.pooler(shared.uri("gateway"), connection).found


def breaks_prepared(uri: str) -> bool:
    """Whether a statement that one client prepared is missing in the session it gets next."""
    with psycopg.connect(uri, autocommit=True) as one, psycopg.connect(uri, autocommit=True) as other:
        one.execute("select 1", prepare=True)
        with other.transaction():
            other.execute("select 2", prepare=False)
            try:
                one.execute("select 1", prepare=True)
            except psycopg.errors.InvalidSqlStatementName:
                return True
    return False


class TestSchema:
    """The schema and its version."""

    def test_a_fresh_database(self, empty: Database) -> None:
        code, found = doctor(empty.uri())
        assert code == 1
        assert the(found, "schema")["cure"].startswith("syncwell migrate; ")

    def test_an_older_one(self, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = tmp_path / "migrations"
        folder.mkdir()
        for path in (migrate.sql_folder() / "migrations").glob("0001*.sql"):
            (folder / path.name).symlink_to(path)
        text = f"-- sha256 '{'0' * 64}'\n"
        digest = hashlib.sha256(text.encode()).hexdigest()
        (folder / "0002_more.sql").write_text(text.replace("0" * 64, digest))
        monkeypatch.setattr(migrate, "sql_folder", lambda: tmp_path)
        code, found = doctor(database.uri("a_analyst"))
        told = the(found, "version")
        assert (code, "0002 more not applied" in told["found"]) == (1, True)
        assert told["cure"].startswith("syncwell migrate")
        # a schema of before there was anything to ask
        with database.connect(autocommit=True) as superuser:
            superuser.execute("drop function syncwell.verify_session(), syncwell.verify_install()")
        code, found = doctor(database.uri("operator"))
        assert code == 1
        assert the_unchecked(found, "session")
        assert the_unchecked(found, "installation")

    def test_a_newer_one_and_another_one(self, database: Database) -> None:
        with database.connect(autocommit=True) as superuser:
            superuser.execute(
                "insert into syncwell.schema_migrations values ('0099', 'later', repeat('1', 64), now(), 'me')"
            )
            code, found = doctor(database.uri("a_analyst"))
            assert (code, "0099 later" in the(found, "version", "warning")["found"]) == (0, True)
            superuser.execute("update syncwell.schema_migrations set sha256 = repeat('2', 64) where id = '0001'")
            code, found = doctor(database.uri("a_analyst"))
            assert (code, "0001 foundation" in the(found, "version")["found"]) == (1, True)

    def test_drift(self, database: Database) -> None:
        with database.connect(autocommit=True) as superuser:
            superuser.execute("alter table syncwell.streams disable row level security")
            code, found = doctor(database.uri("operator"))
            assert code == 1
            cure = the(found, "row level security")["cure"]
            superuser.execute(cure.encode())
        assert not [one for one in doctor(database.uri("operator"))[1] if one["severity"] == "error"]


class TestLogin:
    """Who is calling. Each cure that can be run is run, and then all is well."""

    def test_one_without_any_role(self, open_one: Database, tenants: Tenants) -> None:
        with role(open_one) as name, open_one.connect(autocommit=True) as superuser:
            code, found = doctor(open_one.uri(name))
            assert code == 1
            superuser.execute(the(found, "login roles")["cure"].split(";")[0].encode())
            code, found = doctor(open_one.uri(name))
            assert code == 1
            cure = the(found, "identity")["cure"].split(" --")[0].replace("…", str(tenants.org("a")))
            superuser.execute(cure.encode())
            assert doctor(open_one.uri(name))[0] == 0

    def test_a_gateway_that_is_no_member(self, open_one: Database) -> None:
        with role(open_one) as name, open_one.connect(autocommit=True) as superuser:
            superuser.execute(f"grant syncwell_reader to {name}".encode())
            superuser.execute("select syncwell.bind_login(%s, 'gateway')", [name])
            code, found = doctor(open_one.uri(name))
            assert code == 1
            superuser.execute(the(found, "logins")["cure"].encode())
            assert doctor(open_one.uri(name))[0] == 0

    @pytest.mark.parametrize("scope", ["role", "database", "role in database"])
    @pytest.mark.parametrize(
        ("setting", "value", "severity"),
        [
            ("default_transaction_read_only", "on", "error"),
            ("row_security", "off", "error"),
            ("search_path", "public, pg_catalog", "warning"),
        ],
    )
    def test_a_setting_that_does_harm(
        self, open_one: Database, setting: str, value: str, severity: str, scope: str
    ) -> None:
        with role(open_one) as name, open_one.connect(autocommit=True) as superuser:
            superuser.execute(f"grant syncwell_reader to {name}".encode())
            superuser.execute("select syncwell.bind_login(%s, 'gateway')", [name])
            superuser.execute(f"grant syncwell_gateway to {name}".encode())
            where = {
                "role": f"role {name}",
                "database": f"database {open_one.name}",
                "role in database": f"role {name} in database {open_one.name}",
            }[scope]
            superuser.execute(f"alter {where} set {setting} = {value}".encode())
            _, found = doctor(open_one.uri(name))
            cure = the(found, "session", severity)["cure"]
            assert cure == f"alter {where} reset {setting}"
            superuser.execute(cure.encode())
            assert wrong(doctor(open_one.uri(name))[1]) == []

    def test_a_schema_in_which_anybody_makes_functions(self, database: Database) -> None:
        with database.connect(autocommit=True) as superuser:
            superuser.execute("grant create on schema public to public")
        _, found = doctor(database.uri("a_analyst"))
        assert "schema public" in the(found, "session", "warning")["found"]

    def test_for_whom_a_gateway_acts(self, shared: Database, tenants: Tenants) -> None:
        uri = shared.uri("gateway")
        _, found = doctor(uri, "--as-user", str(tenants.id("a_member")))
        (told,) = [one for one in found if one["check"] == "acting"]
        assert (told["severity"], told["found"]) == ("ok", f"as member of org {tenants.org('a')}")
        code, found = doctor(uri, "--as-user", str(tenants.id("nobody at all")))
        assert (code, "unknown user" in the(found, "acting")["found"]) == (1, True)
        code, found = doctor(shared.uri("a_analyst"), "--as-org", str(tenants.org("b")))
        assert (code, the(found, "acting")["severity"]) == (1, "error")


class TestWork:
    """What is not done."""

    def test_health_that_nobody_evaluates(self, database: Database) -> None:
        with database.connect("a_service", autocommit=True) as service:
            service.execute("select syncwell.register_stream('todoist', p_expected_interval => '1 hour')")
        _, found = doctor(database.uri("a_analyst"))
        assert the(found, "evaluation", "warning")["cure"].endswith("syncwell maintain")
        assert CliRunner().invoke(app, ["evaluate", "-d", database.uri("a_service")]).exit_code == 0
        assert wrong(doctor(database.uri("a_analyst"))[1]) == []

    def test_a_duty_that_fails(self, database: Database) -> None:
        with database.connect(autocommit=True) as owner:
            owner.execute("drop function syncwell._table_health_task()")
        CliRunner().invoke(app, ["maintain", "-d", database.uri("operator")])
        code, found = doctor(database.uri("operator"))
        assert code == 1
        assert "_table_health_task() does not exist" in the(found, "maintenance")["found"]

    def test_a_channel_that_is_dead(self, database: Database, tenants: Tenants) -> None:
        with psycopg.connect(database.uri()) as connection:
            connection.execute(
                "insert into syncwell.alert_channels"
                " (org_id, channel, opened_at, seen_at, dead_since, dead_reason, last_error)"
                " values (%s, 'hook', now(), now(), now(), 'failing', 'it said 500')",
                [tenants.org("a")],
            )
        code, found = doctor(database.uri("a_admin"))
        assert code == 1
        assert the(found, "alerts")["found"].startswith("channel hook is dead since 20")
        assert "syncwell alerts requeue hook" in the(found, "alerts")["cure"]


class TestServing:
    """The environment of `syncwell serve`; the database does not matter."""

    def test_a_good_one(self, shared: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "secret"
        file.write_text(SECRET)
        file.chmod(0o600)
        monkeypatch.setenv("SYNCWELL_JWT_SECRET_FILE", str(file))
        monkeypatch.setenv("SYNCWELL_DSN", shared.uri("gateway"))
        code, found = doctor(shared.uri("a_analyst"))
        assert (code, wrong(found)) == (0, [])
        told = " ".join(one["found"] for one in found if one["check"] == "http")
        assert "HS256, with a key of 48 bytes" in told
        assert "login gateway of SYNCWELL_DSN is a gateway" in told

    @pytest.mark.parametrize(
        ("variables", "severity", "cure"),
        [
            ({"SYNCWELL_JWT_SECRET": "short"}, "error", "openssl rand"),
            ({"SYNCWELL_JWT_SECRET": SECRET, "SYNCWELL_POLMAX": "3"}, "warning", "Rename it to SYNCWELL_POOL_MAX"),
            ({"SYNCWELL_JWT_SECERT": SECRET}, "error", "SYNCWELL_JWT_SECRET_FILE"),
            ({"SYNCWELL_JWT_SECRET": SECRET, "SYNCWELL_JWT_ALGORITHM": "none"}, "error", "RS256"),
            ({"SYNCWELL_JWT_SECRET": SECRET, "SYNCWELL_RATE": "many"}, "error", "syncwell serve --help"),
            ({"SYNCWELL_JWT_SECRET_FILE": "/nowhere/secret"}, "error", "ls -l /nowhere/secret"),
            ({"SYNCWELL_JWKS_FILE": "/nowhere/keys"}, "error", "keys"),
        ],
    )
    def test_a_wrong_one(
        self, shared: Database, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], severity: str, cure: str
    ) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        code, found = doctor(shared.uri("a_analyst"))
        assert code == (severity == "error")
        assert cure in the(found, "http", severity)["cure"]
        assert SECRET not in json.dumps(found)

    def test_a_part_that_is_not_installed(self, shared: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "syncwell.http.application", None)
        monkeypatch.setitem(sys.modules, "syncwell.deliver", None)
        monkeypatch.setenv("SYNCWELL_JWT_SECRET", SECRET)
        code, found = doctor(shared.uri("a_analyst"), "-c", "alerts.toml")
        assert code == 0
        assert the_unchecked(found, "http")["cure"] == "pip install 'syncwell[http]'"
        assert the_unchecked(found, "alerts")["cure"] == "pip install 'syncwell[alerts]'"

    def test_a_secret_that_others_can_read(
        self, shared: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "secret"
        file.write_text(SECRET)
        file.chmod(0o644)
        monkeypatch.setenv("SYNCWELL_JWT_SECRET_FILE", str(file))
        _, found = doctor(shared.uri("a_analyst"))
        assert the(found, "http", "warning")["cure"] == f"chmod 600 {file}"

    @pytest.mark.parametrize(
        ("login", "cure"),
        [
            ("a_analyst", 'grant syncwell_gateway to "a_analyst"'),
            ("a_climber", "select syncwell.bind_login('a_climber', 'gateway')"),
        ],
    )
    def test_a_login_that_is_no_gateway(
        self, shared: Database, monkeypatch: pytest.MonkeyPatch, login: str, cure: str
    ) -> None:
        monkeypatch.setenv("SYNCWELL_JWT_SECRET", SECRET)
        monkeypatch.setenv("SYNCWELL_DSN", shared.uri(login))
        code, found = doctor(shared.uri("a_analyst"))
        assert (code, the(found, "http")["cure"]) == (1, cure)

    def test_a_database_that_it_cannot_use(
        self, shared: Database, empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SYNCWELL_JWT_SECRET", SECRET)
        for dsn, cure in [(empty.uri("gateway"), "syncwell migrate"), (f"host={tmp_path}", "pg_isready")]:
            monkeypatch.setenv("SYNCWELL_DSN", dsn)
            code, found = doctor(shared.uri("a_analyst"))
            assert code == 1
            assert cure in the(found, "http")["cure"]

    def test_keys_that_have_expired(self, shared: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "keys.json"
        monkeypatch.setenv("SYNCWELL_JWKS_FILE", str(file))
        past, future = datetime(2026, 1, 1, tzinfo=UTC), datetime(2126, 1, 1, tzinfo=UTC)
        for ends, severity in [([past], "error"), ([past, future], "warning"), ([future], None), ([None], None)]:
            file.write_text(json.dumps({"keys": [jwk(f"k{number}", end) for number, end in enumerate(ends)]}))
            code, found = doctor(shared.uri("a_analyst"))
            assert code == (severity == "error")
            if severity is None:
                assert wrong(found) == []
            else:
                assert "key k0" in the(found, "http", severity)["found"]
        file.write_text('{"keys": [{"kty": "RSA"')
        assert doctor(shared.uri("a_analyst"))[0] == 1
        file.write_text(json.dumps({"keys": [{**jwk("k", None), "x5c": ["no certificate"]}]}))
        assert doctor(shared.uri("a_analyst"))[0] == 1


@cache
def public_key() -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()


def jwk(kid: str, expires: datetime | None) -> dict[str, Any]:
    from jwt.algorithms import RSAAlgorithm

    made: dict[str, Any] = RSAAlgorithm.to_jwk(public_key(), as_dict=True)
    return {**made, "kid": kid, **({} if expires is None else {"exp": int(expires.timestamp())})}


class TestAlerts:
    """The file of channels."""

    def test_one_that_can_be_used(self, shared: Database, tmp_path: Path) -> None:
        file = tmp_path / "alerts.toml"
        file.write_text('[[channel]]\nname = "pager"\nkind = "command"\ncommand = ["/bin/true"]\n')
        code, found = doctor(shared.uri("a_analyst"), "-c", str(file))
        assert code == 0
        assert "pager (command)" in next(one for one in found if one["check"] == "alerts")["found"]

    @pytest.mark.parametrize(
        "text", [None, "", "[[channel", '[[channel]]\nname = "x"\nkind = "smoke"\n', "[[channel]]\nname = 7\n"]
    )
    def test_one_that_cannot(self, shared: Database, tmp_path: Path, text: str | None) -> None:
        file = tmp_path / "alerts.toml"
        if text is not None:
            file.write_text(text)
        code, found = doctor(shared.uri("a_analyst"), "-c", str(file))
        assert code == 1
        assert the(found, "alerts")


def test_a_server_that_goes_away_meanwhile(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    name = sql.Literal(database.name)

    def vanish(*_: object) -> Any:
        with psycopg.connect(database.server.uri(), autocommit=True) as admin:
            admin.execute(
                sql.SQL("select pg_terminate_backend(pid) from pg_stat_activity where datname = {}").format(name)
            )
        return server.fine("clock", "")

    monkeypatch.setattr(server, "clock", vanish)
    code, found = doctor(database.uri("a_analyst"))
    assert code == 1
    assert "it broke" in the(found, "connection")["found"]
