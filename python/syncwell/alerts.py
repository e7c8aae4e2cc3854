"""What `sw.alerts` returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from syncwell.health import AlertStatus, Severity
from syncwell.runs import ErrorClass

__all__ = [
    "AlertChannel",
    "AlertDelivery",
    "AlertOutcome",
    "ChannelDeath",
    "ClaimedAlert",
    "DeliveryReason",
    "DeliveryState",
    "EndedAlert",
    "FailedAlert",
]

DeliveryState = Literal["pending", "done", "dead", "skipped"]
DeliveryReason = Literal["retry", "parked", "permanent", "too_old", "no_match", "not_told"]
AlertOutcome = Literal["completed", "lease_lost", "unknown"]
ChannelDeath = Literal["failing", "overdue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedAlert:
    """An alert that is to go out now (`syncwell.claim_alerts`).

    Attributes:
        org_id: the org it is of.
        alert_id: the alert.
        issue_id: the issue it tells of.
        lease_token: proof that the caller has it.
        lease_until: until when nobody else gets it.
        attempt: how often it was handed out, this time included.
        failures: how many of the attempts before are known to have failed.
        fingerprint: of the issue: receivers drop what they know.
        status: whether the trouble lasts.
        severity: how bad it is.
        labels: what it is about, as Alertmanager takes it.
        annotations: summary and description, in words.
        starts_at: when the issue was opened, or reopened.
        ends_at: when it was resolved; None: it is not.
        created_at: when the alert was written.
        replaced_labels: those under which the channel was told that it fires, where they were others; None: they were
            not.
    """

    org_id: UUID
    alert_id: UUID
    issue_id: UUID
    lease_token: UUID
    lease_until: datetime
    attempt: int
    failures: int
    fingerprint: str
    status: AlertStatus
    severity: Severity
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None
    created_at: datetime
    replaced_labels: dict[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedAlert:
    """What became of an alert that went out (`syncwell.complete_alerts`).

    Attributes:
        alert_id: the alert.
        outcome: completed; lease_lost: it was handed out again; unknown: there is no such alert.
    """

    alert_id: UUID
    outcome: AlertOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAlert:
    """What became of an alert that did not go out (`syncwell.fail_alerts`).

    Attributes:
        alert_id: the alert.
        state: pending: it is tried again; dead: it is not.
        retry_at: from when on; None: never.
        attempt: how often it was handed out.
        error_type: what kind of error it was.
        class_: what such errors are.
        reason: retry: soon; parked: every `retry.slow_interval`; permanent: trying again does not help; too_old.
    """

    alert_id: UUID
    state: DeliveryState
    retry_at: datetime | None
    attempt: int
    error_type: str
    class_: ErrorClass
    reason: DeliveryReason


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDelivery:
    """How far an alert is by a channel (`syncwell.get_alert_deliveries`).

    Attributes:
        alert_id: the alert.
        channel: the channel, by name.
        fingerprint: of the issue.
        status: whether the trouble lasts.
        severity: how bad it is.
        labels: what it is about.
        state: done: it went out; dead: it did not, and is not tried again; skipped: it is not for this channel.
        reason: why it waits, died or was skipped; None: nothing to tell.
        attempts: how often it was handed out.
        failures: how many of these are known to have failed.
        next_attempt_at: when it is tried next, or when the lease of whoever has it ends; None: never.
        created_at: when it was handed on to the channel.
        ended_at: when it went out, died or was skipped; None: it waits.
        last_failed_at: when it last failed; None: never.
        last_error_type: what kind of error that was.
        last_error: its message, for admins and services.
    """

    alert_id: UUID
    channel: str
    fingerprint: str
    status: AlertStatus
    severity: Severity
    labels: dict[str, str]
    state: DeliveryState
    reason: DeliveryReason | None
    attempts: int
    failures: int
    next_attempt_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    last_failed_at: datetime | None
    last_error_type: str | None
    last_error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertChannel:
    """A channel by which alerts go out (`syncwell.get_alert_channels`).

    Attributes:
        channel: its name.
        opened_at: since when alerts go to it.
        seen_at: when a deliverer last asked for its alerts, to the hour.
        delivered_at: when one last went out; None: never.
        failed_at: when one last did not; None: never.
        last_error_type: what kind of error that was.
        last_error: its message, for admins and services.
        dead_since: since when nothing gets through; None: it works.
        dead_reason: failing: retries are used up, or do not help; overdue: nobody delivers.
        issue_id: the issue that tells of it.
        pending: how many alerts wait.
        dead: how many were given up.
        oldest_pending_at: since when the oldest waits; None: none does.
    """

    channel: str
    opened_at: datetime
    seen_at: datetime
    delivered_at: datetime | None
    failed_at: datetime | None
    last_error_type: str | None
    last_error: str | None
    dead_since: datetime | None
    dead_reason: ChannelDeath | None
    issue_id: UUID | None
    pending: int
    dead: int
    oldest_pending_at: datetime | None
