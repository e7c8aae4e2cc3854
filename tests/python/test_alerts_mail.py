"""Alerts by e-mail, to a real server: STARTTLS, TLS, passwords, refusals."""

from __future__ import annotations

import contextlib
import email
import email.policy
import json
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from harness.alerting import certificate, deliver, due, fire, resolve, states
from syncwell.deliver import Deliverer, Tally, read_channels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Database

PASSWORD = "hunter2-is-a-secret"  # noqa: S105


class Mailbox:
    """What aiosmtpd asks; it answers as it is told."""

    def __init__(self) -> None:
        self.mails: list[tuple[Envelope, Any]] = []
        self.signed_in: list[bool] = []
        self.rcpt = "250 OK"
        self.data = "250 OK"

    async def handle_RCPT(self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _o: Any) -> str:  # noqa: N802
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.mails.append((envelope, email.message_from_bytes(content, policy=email.policy.default)))
            self.signed_in.append(bool(session.authenticated))
        return self.data


def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
    assert isinstance(data, LoginPassword)
    return AuthResult(success=data.password == PASSWORD.encode(), handled=False)


@contextlib.contextmanager
def serving(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@pytest.fixture
def admin(database: Database) -> psycopg.Connection[Any]:
    return database.connect(autocommit=True)


def config(folder: Path, port: int, **more: Any) -> Path:
    keys = {
        "name": "mail", "kind": "smtp", "host": "127.0.0.1", "port": port, "from": "syncwell@example.com",
        "to": ["ops@example.com", "boss@example.com"], "timeout": 5, **more,
    }  # fmt: skip
    path = folder / "alerts.toml"
    path.write_text("[[channel]]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in keys.items()))
    return path


def once(database: Database, path: Path) -> Tally:
    (channel,) = read_channels(path)
    return Deliverer(channel, lambda: psycopg.connect(database.uri("a_service"), autocommit=True)).run_once()


def secret(folder: Path, text: str = PASSWORD) -> dict[str, str]:
    (folder / "password").write_text(f"{text}\n")
    return {"username": "syncwell", "password_file": "password"}


def test_an_e_mail_with_starttls_and_a_password(
    database: Database, admin: psycopg.Connection[Any], tmp_path: Path
) -> None:
    trusted, context = certificate(tmp_path)
    mailbox = Mailbox()
    with serving(mailbox, tls_context=context, require_starttls=True, authenticator=authenticate) as port:
        path = config(tmp_path, port, ca_file=str(trusted), **secret(tmp_path))
        fire(admin, "one")
        fire(admin, "two", "warning")
        assert once(database, path).delivered == 2
        resolve(admin, "one")
        assert once(database, path).delivered == 1
    (envelope, mail), (_, over) = mailbox.mails
    assert mailbox.signed_in == [True, True]
    assert envelope.mail_from == "syncwell@example.com"
    assert envelope.rcpt_tos == ["ops@example.com", "boss@example.com"]
    assert mail["Subject"] == "[FIRING:2] failure: calls and 1 more"
    assert mail["To"] == "ops@example.com, boss@example.com"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content().replace("\r\n", "\n")
    assert "FIRING critical: failure: calls\nDo it.\nsince 20" in text
    assert "FIRING warning: failure: calls" in text
    assert "fingerprint: one" in text
    assert over["Subject"] == "[RESOLVED] failure: calls is over"
    assert over["Message-ID"] != mail["Message-ID"]


def test_tls_from_the_start(database: Database, admin: psycopg.Connection[Any], tmp_path: Path) -> None:
    trusted, context = certificate(tmp_path)
    mailbox = Mailbox()
    with serving(mailbox, ssl_context=context) as port:
        fire(admin, "one")
        # whom nobody vouches for is told nothing
        tally = once(database, config(tmp_path, port, tls="tls"))
        assert (tally.failed, (tally.error or "")[:10]) == (1, "TLS: self-")
        due(admin)
        assert once(database, config(tmp_path, port, tls="tls", ca_file=str(trusted))).delivered == 1
    assert len(mailbox.mails) == 1


def test_without_starttls_nothing_is_sent(database: Database, admin: psycopg.Connection[Any], tmp_path: Path) -> None:
    """Somebody in between who takes STARTTLS out of the server's answer gets nothing."""
    mailbox = Mailbox()
    with serving(mailbox) as port:
        fire(admin, "one")
        tally = once(database, config(tmp_path, port))
        assert (tally.dead, tally.error) == (1, "the server lacks STARTTLS or a way to sign in")
        assert mailbox.mails == []
        fire(admin, "two")
        assert once(database, config(tmp_path, port, tls="none")).delivered == 1


@pytest.mark.parametrize(
    ("answers", "state", "message"),
    [
        ({"rcpt": "550 no such mailbox"}, "dead", "the server takes none of the recipients (550)"),
        ({"rcpt": "450 try later"}, "pending", "the server takes none of the recipients (450)"),
        ({"data": f"554 no {PASSWORD}"}, "dead", "the server refuses (554)"),
        ({"data": "451 try later"}, "pending", "the server refuses (451)"),
    ],
)
def test_what_a_server_refuses(
    database: Database,
    admin: psycopg.Connection[Any],
    tmp_path: Path,
    answers: dict[str, str],
    state: str,
    message: str,
) -> None:
    mailbox = Mailbox()
    vars(mailbox).update(answers)
    with serving(mailbox) as port:
        fire(admin, "one")
        tally = once(database, config(tmp_path, port, tls="none"))
    assert tally.error == message
    assert states(admin, "mail") == [("one", "firing", state)]


def test_a_wrong_password_is_in_no_log(database: Database, admin: psycopg.Connection[Any], tmp_path: Path) -> None:
    trusted, context = certificate(tmp_path)
    wrong = "another-secret-that-is-wrong"
    with serving(Mailbox(), tls_context=context, require_starttls=True, authenticator=authenticate) as port:
        fire(admin, "one")
        done = deliver(
            config(tmp_path, port, ca_file=str(trusted), **secret(tmp_path, wrong)), database.uri("a_service")
        )
    assert done.returncode == 1
    assert "the server refuses the user or password (535)" in done.stderr
    (stored,) = admin.execute("select string_agg(d::text, '') from syncwell.alert_deliveries as d").fetchone() or [None]
    assert wrong not in f"{done.stdout}{done.stderr}{stored}"


@pytest.mark.parametrize("drips", [False, True])
def test_a_server_that_hangs(database: Database, admin: psycopg.Connection[Any], tmp_path: Path, drips: bool) -> None:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                while not over.wait(0.05):
                    if drips:
                        connection.sendall(b"220-x\r\n")

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            fire(admin, "one")
            tally = once(database, config(tmp_path, listener.getsockname()[1], timeout=0.5))
        finally:
            over.set()
            thread.join()
    assert (tally.failed, tally.error) == (1, "no answer within 0.5 s")


def test_nobody_takes_mail(database: Database, admin: psycopg.Connection[Any], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    fire(admin, "one")
    tally = once(database, config(tmp_path, port))
    assert (tally.failed, tally.error) == (1, "cannot connect")


def test_a_server_that_speaks_no_tls(database: Database, admin: psycopg.Connection[Any], tmp_path: Path) -> None:
    mailbox = Mailbox()
    with serving(mailbox) as port:
        fire(admin, "one")
        tally = once(database, config(tmp_path, port, tls="tls"))
    assert (tally.failed, tally.error) == (1, "TLS failed")
    assert mailbox.mails == []
