"""Takes alerts out of the database, sends them, says what became of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from syncwell._failure import describe
from syncwell.alerts import ClaimedAlert
from syncwell.deliver.channels import Channel
from syncwell.deliver.senders import DeliveryError
from syncwell.sync.client import Syncwell

__all__ = ["Deliverer", "Tally"]

# what is left between the end of a message and that of its lease: the clocks of two machines run alike
_MARGIN = 5.0
_SLICE = 1.0
_LONGEST_BREAK = 30.0


@dataclass(slots=True)
class Tally:
    """What a deliverer has done.

    Attributes:
        channel: by which channel.
        delivered: alerts that went out.
        failed: attempts at alerts that did not, and that are made again.
        dead: alerts that are given up.
        lost: alerts that went out, and were handed out to somebody else meanwhile.
        error: why the last attempt failed; None: it did not.
    """

    channel: str
    delivered: int = 0
    failed: int = 0
    dead: int = 0
    lost: int = 0
    error: str | None = None


class Deliverer:
    """Delivers by one channel. Several of them, also of the same channel, do each other no harm.

    Args:
        channel: by which.
        connect: makes a connection in autocommit mode, for this deliverer alone.
        poll: how many seconds to sleep at most when nothing rings.
        say: is told, in a line, of what happens; no secret is in it. By default nobody is.
    """

    def __init__(
        self,
        channel: Channel,
        connect: Callable[[], psycopg.Connection[Any]],
        *,
        poll: float = 15.0,
        say: Callable[[str], object] = str,
    ) -> None:
        self.tally = Tally(channel.name)
        self._channel = channel
        self._connect = connect
        self._poll = poll
        self._say = say
        self._stop = threading.Event()
        self._retries: set[datetime] = set()

    def stop(self) -> None:
        """End the message that is under way, give the others back, and return."""
        self._stop.set()

    def run_once(self) -> Tally:
        """Deliver what is due now."""
        with self._connect() as connection:
            self._drain(Syncwell(connection))
        return self.tally

    def follow(self) -> Tally:
        """Deliver until `stop()`; a connection that is gone is made anew."""
        pause = 1.0
        while not self._stop.is_set():
            try:
                with self._connect() as connection:
                    connection.execute("listen syncwell_alerts")
                    client = Syncwell(connection)
                    while not self._stop.is_set():
                        self._drain(client)
                        pause = 1.0
                        self._sleep(connection)
            except psycopg.OperationalError as error:
                if self._stop.is_set():
                    break
                first = (str(error).splitlines() or ["no connection"])[0]
                self._say(f"{self._channel.name}: no database ({first}), again in {pause:g} s")
                self._stop.wait(pause)
                pause = min(2 * pause, _LONGEST_BREAK)
        return self.tally

    def _sleep(self, connection: psycopg.Connection[Any]) -> None:
        """Until somebody rings, a retry is due, or it is time to look whether nobody could."""
        until = time.monotonic() + self._poll
        if self._retries:
            until = min(until, time.monotonic() + (min(self._retries) - datetime.now(UTC)).total_seconds())
        while not self._stop.is_set() and (left := until - time.monotonic()) > 0:
            for _ in connection.notifies(timeout=min(left, _SLICE), stop_after=1):
                return

    def _drain(self, client: Syncwell) -> None:
        # what is not due yet stays: whoever rings meanwhile must not make it wait for the next look
        now = datetime.now(UTC)
        self._retries = {at for at in self._retries if at > now}
        while not self._stop.is_set():
            # an attempt, split where it was refused for one of several, and the answer of the database
            lease = timedelta(seconds=2 * self._channel.timeout + 4 * _MARGIN)
            ends = time.monotonic() + lease.total_seconds() - _MARGIN
            alerts = client.alerts.claim(
                channel=self._channel.name, matcher=self._channel.match, limit=self._channel.batch, lease=lease
            )
            if not alerts:
                return
            orgs: dict[UUID, list[ClaimedAlert]] = {}
            for alert in alerts:
                orgs.setdefault(alert.org_id, []).append(alert)
            for message in orgs.values():
                self._deliver(client, message, ends)

    def _deliver(self, client: Syncwell, alerts: Sequence[ClaimedAlert], ends: float) -> None:
        ids = [alert.alert_id for alert in alerts]
        token = alerts[0].lease_token
        # never after the lease: somebody else may tell of the end by then
        if self._stop.is_set() or ends - time.monotonic() < self._channel.timeout:
            client.alerts.release(alert_ids=ids, lease_token=token)
            return
        try:
            self._send(alerts)
        except DeliveryError as error:
            if error.splits and len(alerts) > 1:
                for alert in alerts:
                    self._deliver(client, [alert], ends)
                return
            self._failed(client, alerts, error)
            return
        ended = client.alerts.complete(alert_ids=ids, lease_token=token)
        delivered = sum(one.outcome == "completed" for one in ended)
        self.tally.delivered += delivered
        self.tally.lost += len(ended) - delivered
        self.tally.error = None
        self._say(f"{self._channel.name}: {delivered} delivered")

    def _send(self, alerts: Sequence[ClaimedAlert]) -> None:
        sender = self._channel.sender
        try:
            sender.send(self._channel.name, alerts, self._channel.timeout)
        except DeliveryError:
            raise
        except Exception as error:  # what nobody thought of must not end the others
            failure = describe(error)
            raise DeliveryError(failure.exception, code=failure.code) from error

    def _failed(self, client: Syncwell, alerts: Sequence[ClaimedAlert], error: DeliveryError) -> None:
        text = self._without_secrets(str(error))
        answers = client.alerts.fail(
            alert_ids=[alert.alert_id for alert in alerts],
            lease_token=alerts[0].lease_token,
            message=text,
            code=error.code,
            http_status=error.http_status,
            retry_after=None if error.retry_after is None else error.retry_after[:64],
            retryable=error.retryable,
        )
        dead = sum(answer.state == "dead" for answer in answers)
        self.tally.failed += len(answers) - dead
        self.tally.dead += dead
        self.tally.lost += len(alerts) - len(answers)
        self.tally.error = text
        times = [answer.retry_at for answer in answers if answer.retry_at is not None]
        self._retries.update(times)
        then = f"again at {min(times).astimezone():%H:%M:%S}" if times else "given up"
        self._say(f"{self._channel.name}: {len(alerts)} not delivered: {text}; {then}")

    def _without_secrets(self, text: str) -> str:
        for secret in self._channel.sender.secrets:
            text = text.replace(secret, "***")
        return text
