"""Issues that fire, receivers that behave as they are told, certificates: for tests of what delivers alerts."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from harness import Tenants, debian
from harness.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

FIRE = """
insert into syncwell.sync_issues (
  org_id, id, fingerprint, issue_type, severity, source, evidence, suggestion, opened_at, last_seen_at
)
values (%s, gen_random_uuid(), %s, 'failure', %s, 'calls', '{}', 'Do it.', syncwell._now(), syncwell._now())
"""
RESOLVE = """
update syncwell.sync_issues set state = 'resolved', resolved_at = syncwell._now() where fingerprint = %s
"""


def fire(connection: psycopg.Connection[Any], name: str, severity: str = "critical", org: str = "a") -> None:
    connection.execute(FIRE, [Tenants.org(org), name, severity])


def resolve(connection: psycopg.Connection[Any], name: str) -> None:
    connection.execute(RESOLVE, [name])


def due(connection: psycopg.Connection[Any]) -> None:
    """As if leases had run out and retries were due."""
    connection.execute(
        "update syncwell.alert_deliveries set next_attempt_at = syncwell._now() - interval '1 s'"
        " where state = 'pending'"
    )


def states(connection: psycopg.Connection[Any], channel: str = "hook") -> list[tuple[Any, ...]]:
    return connection.execute(
        "select fingerprint, status, state from syncwell.alert_deliveries where channel = %s order by alert_id",
        [channel],
    ).fetchall()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def answer(status: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", "Content-Length: 0", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass
class Receiver:
    """A server that takes one request a connection, and answers as `behave` says: bytes, or what it does with it."""

    port: int
    behave: bytes | Callable[[socket.socket], None] = OK
    requests: list[tuple[dict[str, str], Any]] = field(default_factory=list)
    taken: list[Any] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/in"

    @property
    def told(self) -> list[tuple[str, str]]:
        """What it has answered 200 to: fingerprint and status, in order."""
        return [(alert["fingerprint"], alert["status"]) for body in self.taken for alert in body["alerts"]]

    def serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            head, body = _read(connection)
            self.requests.append((head, body))
            behave = self.behave
            if callable(behave):
                behave(connection)
                return
            if behave.startswith(b"HTTP/1.1 2"):
                self.taken.append(body)
            connection.sendall(behave)


def _read(connection: socket.socket) -> tuple[dict[str, str], Any]:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (part := connection.recv(65536)):
            raise ConnectionResetError
        data += part
    raw, _, body = data.partition(b"\r\n\r\n")
    lines = raw.decode().split("\r\n")
    head = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    while len(body) < int(head.get("content-length", 0)):
        if not (part := connection.recv(65536)):
            raise ConnectionResetError
        body += part
    return {"": lines[0], **head}, json.loads(body)


@contextlib.contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    receiver = Receiver(listener.getsockname()[1])

    def serve(connection: socket.socket) -> None:
        try:
            receiver.serve(connection if context is None else context.wrap_socket(connection, server_side=True))
        except OSError:
            connection.close()

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=[connection], daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.gate.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate of 127.0.0.1 and localhost that only who is given the file trusts, and a server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = folder / "key.pem"
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path, secret)
    return path, context


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "SYNCWELL_"))}
    return {**kept, "NO_COLOR": "1", "COLUMNS": "120", **more}


def deliver(config: Path, uri: str, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
    """The command, once, to its end."""
    return subprocess.run(
        [*COMMAND, "deliver", "-c", str(config), "-d", uri, *options],
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


COMMAND = [sys.executable, "-m", "syncwell.cli", "alerts"]


@contextlib.contextmanager
def delivering(config: Path, uri: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The command while it runs; killed at the end."""
    process = subprocess.Popen(
        [*COMMAND, "deliver", "-c", str(config), "-d", uri, *options],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def alertmanager(webhook: str) -> Iterator[str]:
    """Debian's Alertmanager, unpacked and never installed, which tells a webhook of everything; gives its URL."""
    unpacked = debian.unpack("prometheus-alertmanager")
    # a short name: it takes the place of another path
    with tempfile.TemporaryDirectory(prefix="syncwell-am-", dir="/tmp") as name:
        folder = Path(name)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        program = _at_home(unpacked, folder)
        configuration = folder / "alertmanager.yml"
        configuration.write_text(
            "route: {receiver: hook, group_by: [org], group_wait: 0s, group_interval: 1s}\n"
            f"receivers: [{{name: hook, webhook_configs: [{{url: '{webhook}'}}]}}]\n"
        )
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    program,
                    f"--config.file={configuration}",
                    f"--storage.path={folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                    "--cluster.listen-address=",
                ],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:

            def answers() -> bool:
                if process.poll() is not None:
                    raise AssertionError((folder / "log").read_text())
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                except OSError:
                    return False
                return True

            wait_until("alertmanager to answer", answers)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def _at_home(unpacked: Path, folder: Path) -> Path:
    """A copy that looks for its templates in the folder, and not where Debian would have put them."""
    there = b"/usr/share/prometheus/alertmanager"
    here = str(folder).encode()
    program = folder / "alertmanager"
    text = (unpacked / "usr/bin/prometheus-alertmanager").read_bytes()
    program.write_bytes(text.replace(there, here + b"/" * (len(there) - len(here))))
    program.chmod(0o700)
    for template in (unpacked / there.decode().lstrip("/")).glob("*.tmpl"):
        (folder / template.name).write_bytes(template.read_bytes())
    return program
