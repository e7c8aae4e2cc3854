"""What senders have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from syncwell.alerts import ClaimedAlert

__all__ = ["DeliveryError", "Sender"]


class DeliveryError(Exception):
    """A message did not go out; what the database is told of it, without any secret.

    Attributes:
        code: its code, as the network or the other side gave it.
        http_status: the status of an HTTP answer.
        retry_after: the Retry-After of that answer.
        retryable: whether trying again helps; None: the database decides.
        splits: whether one of several alerts may be what was refused.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        http_status: int | None = None,
        retry_after: str | None = None,
        retryable: bool | None = None,
        splits: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.http_status = http_status
        self.retry_after = retry_after
        self.retryable = retryable
        self.splits = splits


class Sender(Protocol):
    """Sends alerts of one org in one message."""

    @property
    def kind(self) -> str:
        """What kind of channel it is."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown, whatever a library writes into its errors."""
        ...

    def send(self, channel: str, alerts: Sequence[ClaimedAlert], timeout: float) -> None:
        """Return once the other side has taken it, within `timeout` seconds.

        Raises:
            DeliveryError: it has not, or nobody knows.
        """
        ...
