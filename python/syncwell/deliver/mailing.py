"""Alerts by e-mail."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from syncwell._failure import describe
from syncwell.alerts import ClaimedAlert
from syncwell.deliver.messages import mail
from syncwell.deliver.senders import DeliveryError

__all__ = ["MailSender"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSender:
    """Sends e-mails over SMTP: with TLS from the start, with STARTTLS, which the server must then offer, or plain."""

    kind: Literal["smtp"] = "smtp"
    host: str
    port: int
    tls: Literal["starttls", "tls", "none"]
    context: ssl.SSLContext = field(repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sender: str
    recipients: tuple[str, ...]
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def send(self, channel: str, alerts: Sequence[ClaimedAlert], timeout: float) -> None:
        """Send alerts of one org in one e-mail."""
        message = mail(channel, self.sender, self.recipients, alerts)
        over = threading.Event()
        client: smtplib.SMTP | None = None

        def hang_up() -> None:
            # its own timeouts are those of a single read: a server that drips would never end
            over.set()
            sock: socket.socket | None = getattr(client, "sock", None)
            if sock is not None:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

        timer = threading.Timer(timeout, hang_up)
        timer.daemon = True
        timer.start()
        try:
            client = (
                smtplib.SMTP_SSL(timeout=timeout, context=self.context)
                if self.tls == "tls"
                else smtplib.SMTP(timeout=timeout)
            )
            # smtplib checks the name of the certificate against this one
            client._host = self.host  # type: ignore[attr-defined]  # pyright: ignore
            client.connect(self.host, self.port)
            if self.tls == "starttls":
                client.starttls(context=self.context)
            if self.username is not None and self.password is not None:
                client.login(self.username, self.password)
            client.send_message(message, self.sender, list(self.recipients))
            # it has taken it, however it takes leave
            with suppress(smtplib.SMTPException, OSError):
                client.quit()
        except Exception as error:
            if over.is_set() or isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
                raise DeliveryError(f"no answer within {timeout:g} s", code="ETIMEDOUT") from error
            raise _refused(error) from error
        finally:
            timer.cancel()
            if client is not None:
                client.close()


def _refused(error: Exception) -> DeliveryError:
    """What the server said, by its number only: its words may repeat what it was told."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        return _answered("the server takes none of the recipients", min(codes, default=550))
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return _answered("the server refuses the user or password", error.smtp_code)
    if isinstance(error, smtplib.SMTPResponseException):
        return _answered("the server refuses", error.smtp_code)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return DeliveryError("the server lacks STARTTLS or a way to sign in", code="SMTP_502", retryable=False)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return DeliveryError("the server closed the connection", code="ECONNRESET")
    if isinstance(error, ssl.SSLCertVerificationError):
        return DeliveryError(f"TLS: {error.verify_message}", code="TLS")
    if isinstance(error, ssl.SSLError):
        return DeliveryError("TLS failed", code="TLS")
    if isinstance(error, OSError):
        return DeliveryError("cannot connect", code=describe(error).code or "ECONNREFUSED")
    return DeliveryError(type(error).__name__)


def _answered(message: str, code: int) -> DeliveryError:
    # the other way round than in HTTP: 4xx may pass, 5xx is for good
    return DeliveryError(f"{message} ({code})", code=f"SMTP_{code}", retryable=code < 500, splits=code in (552, 554))
