"""Alerts by HTTP: a webhook, or an Alertmanager."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import httpx

from syncwell._failure import describe
from syncwell.alerts import ClaimedAlert
from syncwell.deliver.messages import alertmanager_alerts, webhook_body
from syncwell.deliver.senders import DeliveryError

__all__ = ["HttpSender"]

# what is refused for what it says: one of several alerts may be the reason
_CONTENT = {400, 413, 422}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSender:
    """Posts JSON. Follows no redirect, reads no answer beyond its head, and checks whom it talks to."""

    kind: Literal["webhook", "alertmanager"]
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    context: ssl.SSLContext = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    def send(self, channel: str, alerts: Sequence[ClaimedAlert], timeout: float) -> None:
        """Post alerts of one org."""
        document = (
            webhook_body(channel, alerts) if self.kind == "webhook" else alertmanager_alerts(alerts, datetime.now(UTC))
        )
        try:
            status, retry_after = asyncio.run(self._post(json.dumps(document).encode(), timeout))
        except (TimeoutError, httpx.TimeoutException) as error:
            raise DeliveryError(f"no answer within {timeout:g} s", code="ETIMEDOUT") from error
        except httpx.HTTPError as error:
            raise _refused(error) from error
        if 200 <= status < 300:
            return
        moved = "; redirects are not followed" if 300 <= status < 400 else ""
        raise DeliveryError(
            f"the receiver answered {status}{moved}",
            http_status=status,
            retry_after=retry_after,
            splits=status in _CONTENT,
        )

    async def _post(self, body: bytes, timeout: float) -> tuple[int, str | None]:
        headers = {"Content-Type": "application/json", "User-Agent": "syncwell", **self.headers}
        # the timeouts of the client are those of a single read: a receiver that drips would never end
        async with (
            asyncio.timeout(timeout),
            httpx.AsyncClient(verify=self.context, follow_redirects=False, timeout=timeout) as client,
            client.stream("POST", self.url, content=body, headers=headers) as response,
        ):
            return response.status_code, response.headers.get("Retry-After")


def _refused(error: httpx.HTTPError) -> DeliveryError:
    for cause in _chain(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return DeliveryError(f"TLS: {cause.verify_message}", code="TLS")
        if isinstance(cause, ssl.SSLError):
            return DeliveryError("TLS failed", code="TLS")
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError):
        return DeliveryError("the receiver closed the connection without an answer", code="ECONNRESET")
    code = describe(error).code
    if isinstance(error, httpx.ConnectError):
        return DeliveryError("cannot connect", code=code or "ECONNREFUSED")
    return DeliveryError(type(error).__name__, code=code)


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__
