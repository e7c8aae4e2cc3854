"""`sw.alerts`, asynchronous."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from syncwell.aio._caller import AsyncCaller
from syncwell.alerts import AlertChannel, AlertDelivery, ClaimedAlert, DeliveryState, EndedAlert, FailedAlert

__all__ = ["AsyncAlerts"]


class AsyncAlerts:
    """How alerts go out: by channels that the database knows by name only. `sw.health.alerts` lists the alerts."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def claim(
        self,
        *,
        channel: str,
        matcher: Mapping[str, str | Sequence[str]] | None = None,
        limit: int = 50,
        lease: timedelta = timedelta(minutes=1),
    ) -> list[ClaimedAlert]:
        """Take alerts that are to go out by a channel now (`syncwell.claim_alerts`). For services and operators.

        Send them, then `complete` or `fail` them; what is neither by the end of the lease is handed out again, so each
        goes out at least once. Those of one fingerprint come one after the other.

        Args:
            channel: its name; who asks for it first opens it.
            matcher: what the channel wants: a label's text, or several, by label; None: all.
            limit: at most so many, 1 to 1000.
            lease: for how long nobody else gets them, 1 second to 1 day.

        Raises:
            psycopg.errors.InvalidParameterValue: an argument is out of range, or no name or matcher.
            psycopg.errors.InsufficientPrivilege: the caller is a user and no admin.
        """
        return await self._caller.rows(
            ClaimedAlert,
            """
            select
              org_id, alert_id, issue_id, lease_token, lease_until, attempt, failures, fingerprint, status, severity,
              labels, annotations, starts_at, ends_at, created_at, replaced_labels
            from syncwell.claim_alerts(
              p_channel => %(channel)s::text, p_matcher => %(matcher)s::jsonb, p_limit => %(limit)s::integer,
              p_lease => %(lease)s::interval
            )
            """,
            {
                "channel": channel,
                "matcher": None if matcher is None else Jsonb(matcher),
                "limit": limit,
                "lease": lease,
            },
        )

    async def complete(self, *, alert_ids: Sequence[UUID], lease_token: UUID) -> list[EndedAlert]:
        """Say that alerts went out (`syncwell.complete_alerts`); repeating it changes nothing.

        Args:
            alert_ids: which ones, at most 1000.
            lease_token: that of `claim`.

        Raises:
            psycopg.errors.InsufficientPrivilege: the caller is a user and no admin.
        """
        return await self._caller.rows(
            EndedAlert,
            """
            select alert_id, outcome
            from syncwell.complete_alerts(
              p_alert_ids => %(alert_ids)s::uuid[], p_lease_token => %(lease_token)s::uuid
            )
            """,
            {"alert_ids": alert_ids, "lease_token": lease_token},
        )

    async def fail(
        self,
        *,
        alert_ids: Sequence[UUID],
        lease_token: UUID,
        message: str | None = None,
        code: str | None = None,
        http_status: int | None = None,
        retry_after: str | None = None,
        retryable: bool | None = None,
    ) -> list[FailedAlert]:
        """Say that alerts did not go out (`syncwell.fail_alerts`); the database decides on retries.

        Args:
            alert_ids: which ones, at most 1000; what the lease does not hold any more is left out of the answer.
            lease_token: that of `claim`.
            message: what went wrong; stored without secrets.
            code: its code, as the network or the other side gave it.
            http_status: the status of an HTTP answer.
            retry_after: the Retry-After of that answer.
            retryable: whether trying again helps, where the channel knows; None: as the error is classified.

        Raises:
            psycopg.errors.InvalidParameterValue: the status is none.
            psycopg.errors.InsufficientPrivilege: the caller is a user and no admin.
        """
        return await self._caller.rows(
            FailedAlert,
            """
            select alert_id, state, retry_at, attempt, error_type, class as class_, reason
            from syncwell.fail_alerts(
              p_alert_ids => %(alert_ids)s::uuid[], p_lease_token => %(lease_token)s::uuid,
              p_message => %(message)s::text, p_code => %(code)s::text, p_http_status => %(http_status)s::integer,
              p_retry_after => %(retry_after)s::text, p_retryable => %(retryable)s::boolean
            )
            """,
            {
                "alert_ids": alert_ids,
                "lease_token": lease_token,
                "message": message,
                "code": code,
                "http_status": http_status,
                "retry_after": retry_after,
                "retryable": retryable,
            },
        )

    async def release(self, *, alert_ids: Sequence[UUID], lease_token: UUID) -> int:
        """Give back alerts that were not begun (`syncwell.release_alerts`); return how many.

        Args:
            alert_ids: which ones, at most 1000.
            lease_token: that of `claim`.

        Raises:
            psycopg.errors.InsufficientPrivilege: the caller is a user and no admin.
        """
        return await self._caller.value(
            int,
            """
            select syncwell.release_alerts(
              p_alert_ids => %(alert_ids)s::uuid[], p_lease_token => %(lease_token)s::uuid
            )
            """,
            {"alert_ids": alert_ids, "lease_token": lease_token},
        )

    async def requeue(self, channel: str) -> int:
        """Let what waits or died be tried again at once (`syncwell.requeue_alerts`); return how many alerts.

        Args:
            channel: by which channel.

        Raises:
            UnknownChannelError: nobody delivers by such a channel.
            psycopg.errors.InsufficientPrivilege: the caller is a user and no admin.
        """
        return await self._caller.value(
            int, "select syncwell.requeue_alerts(p_channel => %(channel)s::text)", {"channel": channel}
        )

    async def forget_channel(self, channel: str) -> int:
        """Forget a channel that is not used any more (`syncwell.forget_alert_channel`); return how many alerts waited.

        Args:
            channel: which one.

        Raises:
            UnknownChannelError: nobody delivers by such a channel.
            psycopg.errors.InsufficientPrivilege: the caller is a user and no admin.
        """
        return await self._caller.value(
            int, "select syncwell.forget_alert_channel(p_channel => %(channel)s::text)", {"channel": channel}
        )

    async def deliveries(
        self, *, limit: int = 50, state: DeliveryState | None = None, channel: str | None = None
    ) -> list[AlertDelivery]:
        """Return how far which alert is, the newest first (`syncwell.get_alert_deliveries`). For who sees the org.

        Args:
            limit: at most so many, 1 to 1000.
            state: those that are so only; None: all.
            channel: by this channel only; None: any.

        Raises:
            psycopg.errors.InvalidParameterValue: there is no such state, or the limit is out of range.
        """
        return await self._caller.rows(
            AlertDelivery,
            """
            select
              alert_id, channel, fingerprint, status, severity, labels, state, reason, attempts, failures,
              next_attempt_at, created_at, ended_at, last_failed_at, last_error_type, last_error
            from syncwell.get_alert_deliveries(
              p_limit => %(limit)s::integer, p_state => %(state)s::text, p_channel => %(channel)s::text
            )
            """,
            {"limit": limit, "state": state, "channel": channel},
        )

    async def channels(self) -> list[AlertChannel]:
        """Return the channels and how they are, the dead ones first (`syncwell.get_alert_channels`)."""
        return await self._caller.rows(
            AlertChannel,
            """
            select
              channel, opened_at, seen_at, delivered_at, failed_at, last_error_type, last_error, dead_since,
              dead_reason, issue_id, pending, dead, oldest_pending_at
            from syncwell.get_alert_channels()
            """,
            {},
        )
