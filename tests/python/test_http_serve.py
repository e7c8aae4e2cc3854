"""`syncwell serve`: starting, being told, refusing to start, stopping."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

from harness import Tenants, wait_until
from harness.serving import SECRET, SERVE, bearer, environment, served
from syncwell.cli.app import app
from syncwell.http import serve as serving
from syncwell.http.config import VARIABLES
from syncwell.http.serve import listening

if TYPE_CHECKING:
    from harness import Database

MEMBER = Tenants.id("a_member")

# a pull that waits until somebody lets go of a lock
WAITS = """
drop function syncwell.sync_pull;
create function syncwell.sync_pull(p_last_pulled_at bigint, p_schema_version integer, p_migration jsonb,
  p_tables text[], p_device_id text, p_limit integer, p_created_as_updated boolean, p_client jsonb)
returns json language plpgsql as $$
begin
  perform pg_advisory_xact_lock(1);
  return '{"changes": {}, "timestamp": 5}';
end $$;
grant execute on function syncwell.sync_pull to syncwell_client;
"""


def refused(*options: str, **more: str) -> str:
    """What it says when it does not even start."""
    cleared = {name: None for name in os.environ if name.startswith(("PG", "SYNCWELL_"))}
    done = CliRunner().invoke(app, ["serve", "--port", "0", *options], env={**cleared, **more})
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    return done.stderr


def test_requests_in_flight_are_answered_before_it_stops(database: Database) -> None:
    with psycopg.connect(database.uri()) as connection:
        connection.execute(WAITS.encode())
    holder = database.connect()
    holder.execute("select pg_advisory_xact_lock(1)")
    looking = database.connect(autocommit=True)
    answers: list[httpx.Response] = []

    def ask(url: str) -> None:
        body = {"lastPulledAt": 7}
        answers.append(httpx.post(f"{url}/sync/pull", json=body, headers=bearer(MEMBER), timeout=30, trust_env=False))

    def waits() -> Any:
        return looking.execute(
            "select from pg_locks where locktype = 'advisory' and not granted and database = "
            "(select oid from pg_database where datname = current_database())"
        ).fetchone()

    def refuses(url: str) -> bool:
        host, _, port = url.removeprefix("http://").partition(":")
        try:
            socket.create_connection((host, int(port))).close()
        except ConnectionRefusedError:
            return True
        return False

    with served(database, "--access-log") as (process, url):
        thread = threading.Thread(target=ask, args=[url])
        thread.start()
        wait_until("the pull to wait", lambda: waits() is not None)
        process.send_signal(signal.SIGTERM)
        wait_until("new clients to be refused", lambda: refuses(url))
        assert process.poll() is None
        assert answers == []
        holder.rollback()
        thread.join(20)
        assert [(answer.status_code, answer.json()["timestamp"]) for answer in answers] == [(200, 5)]
        assert process.wait(20) == 0
        assert process.stderr is not None
        log = process.stderr.read()
        assert '"POST /sync/pull HTTP/1.1" 200' in log
        assert "Traceback" not in log
    assert looking.execute("select count(*) from pg_stat_activity where usename = 'gateway'").fetchone() == (0,)


def test_ctrl_c_ends_it_and_it_is_silent(database: Database) -> None:
    with served(database) as (process, url):
        assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
        assert "server" not in httpx.get(f"{url}/healthz", trust_env=False).headers
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_who_takes_nothing_of_what_it_is_sent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_UNREAD_SECONDS", 1)
    with listening("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()) as client:
        accepted, _ = listener.accept()
        with accepted:
            accepted.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    accepted.send(bytes(1 << 20))
            # the kernel says that it is over, though the client is still there
            gone = select.poll()
            gone.register(accepted, 0)
            assert gone.poll(60_000)
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ETIMEDOUT
            assert client.getpeername() == listener.getsockname()


def test_a_connection_for_each_client_may_be_open() -> None:
    """However few files a shell allows: as many as are configured, and no more than the system lets it have."""
    program = (
        "import resource, sys\n"
        "from syncwell.http.serve import _allow_files\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 2000))\n"
        "_allow_files(int(sys.argv[1]))\n"
        "print(*resource.getrlimit(resource.RLIMIT_NOFILE))\n"
    )

    def allowed(clients: int) -> str:
        return subprocess.run(
            [sys.executable, "-c", program, str(clients)], env=environment(), capture_output=True, text=True, check=True
        ).stdout.strip()

    assert allowed(1000) == "1512 2000"
    assert allowed(5000) == "2000 2000"


def test_large_bodies_are_refused_without_being_read(database: Database) -> None:
    with served(database) as (process, url):
        host, _, port = url.removeprefix("http://").partition(":")
        head = [f"POST /sync/push HTTP/1.1\r\nhost: x\r\nauthorization: {bearer(MEMBER)['authorization']}\r\n"]
        # announced, and nothing of it sent
        with socket.create_connection((host, int(port)), timeout=20) as client:
            client.sendall("".join([*head, f"content-length: {200 * 1024 * 1024}\r\n\r\n"]).encode())
            received = b""
            while piece := client.recv(65536):
                received += piece
            assert received.startswith(b"HTTP/1.1 413")
        # not announced: cut off after what is allowed
        with socket.create_connection((host, int(port)), timeout=20) as client:
            client.sendall("".join([*head, "transfer-encoding: chunked\r\n\r\n"]).encode())
            with pytest.raises(OSError, match=r"[Bb]roken pipe|reset"):
                client.sendall((b"100000\r\n" + b" " * 0x100000 + b"\r\n") * 200)
        assert httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
        if sys.platform == "linux":
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
            assert int(peak.split()[1]) < 300 * 1024


def test_what_cannot_be_served_is_said_in_three_lines(database: Database, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    with_key = ["--jwt-secret-file", str(secret)]

    assert "one of them is needed" in refused()
    assert "can be guessed" in refused(SYNCWELL_JWT_SECRET=SECRET[:31].decode())
    assert "No such file" in refused("--jwt-secret-file", str(tmp_path / "none"))
    assert "no keys in" in refused("--jwks-file", str(tmp_path / "none"))
    assert "does not go with this key" in refused(*with_key, "--algorithm", "RS256")
    assert "SYNCWELL_POOL_MAX" in refused(*with_key, SYNCWELL_POOL_MAX="many")

    text = refused(*with_key, "--dsn", "host=/nonexistent password=hunter2")
    assert "arguments of a process" in text
    assert "hunter2" not in text
    assert "connection" in refused(*with_key, "--dsn", "host=/nonexistent")
    assert "no syncwell" in refused(*with_key, "--dsn", database.server.uri("template1"))
    assert "not a gateway" in refused(*with_key, "--dsn", database.uri("a_member"))
    assert "not a gateway" in refused(*with_key, "--dsn", database.uri("a_climber"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        text = refused(*with_key, "--dsn", database.uri("gateway"), "--port", port)
    assert f"cannot listen on 127.0.0.1:{port}" in text


def test_answers_are_not_held_back() -> None:
    with listening("127.0.0.1", 0) as listener:
        # what asyncio looks at before it sets TCP_NODELAY
        assert listener.proto == socket.IPPROTO_TCP


def test_help_names_every_variable() -> None:
    done = subprocess.run([*SERVE, "--help"], env=environment(), capture_output=True, text=True, check=True)
    for variable in (*VARIABLES, "SYNCWELL_JWT_SECRET_FILE"):
        assert variable in done.stdout
