"""What `sw.runs` returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from syncwell.core import Platform

__all__ = [
    "Direction",
    "DueRetry",
    "ErrorClass",
    "ErrorGroup",
    "ErrorKind",
    "FinishedRun",
    "Jitter",
    "Lane",
    "ReapReason",
    "ReapedRun",
    "RecordedError",
    "RetryDecision",
    "RetryReason",
    "RunStatus",
    "StartedRun",
    "SyncEvent",
    "SyncType",
]

SyncType = Literal["full", "incremental", "webhook", "manual"]
Direction = Literal["pull", "push"]
RunStatus = Literal["started", "success", "partial", "failed", "timeout", "cancelled"]
ErrorClass = Literal["transient", "throttled", "auth", "conflict", "permanent", "unknown"]
Lane = Literal["fast", "slow", "none"]
RetryReason = Literal[
    "retry", "scheduled", "parked", "budget", "circuit_open", "needs_reauth", "permanent", "too_old", "client"
]
ReapReason = Literal["no_heartbeat", "over_max_runtime"]
Jitter = Literal["none", "full", "equal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedRun:
    """A run that has started (`syncwell.record_sync_start`).

    Attributes:
        event_id: the run's id.
        lease: what proves that the run is the caller's to finish; keep it.
        stream_id: the stream it belongs to.
        status: started, or how a run of the same run key has ended.
        attempt: 1 for a first try, 2 for its first retry, and so on.
        sync_token: where to continue: the token given, or what the stream's last run left; None: from the start.
        started_at: when it started.
        is_new: False where the run key names a run that is there already.
    """

    event_id: UUID
    lease: UUID
    stream_id: UUID
    status: RunStatus
    attempt: int
    sync_token: str | None
    started_at: datetime
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """How a run has ended (`syncwell.record_sync_complete`).

    Attributes:
        status: success; partial: completed, but items failed.
        completed_at: when it ended.
        duration_ms: how long it took, in milliseconds.
        changed: False where it was completed so before.
    """

    status: RunStatus
    completed_at: datetime
    duration_ms: int
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryDecision:
    """What becomes of a run that failed (`syncwell.record_sync_error`).

    Attributes:
        error_id: the open error it was counted to.
        error_type: what kind of error it is, such as ``ECONNREFUSED`` or ``HTTP_503``.
        error_class: whether it will pass by itself.
        should_retry: whether the caller should retry it at `retry_at`, with `retry_of=error_id`.
        retry_at: when it is retried; None: not by itself.
        attempt: number of that retry: retries granted so far.
        lane: fast: soon; slow: parked, handed out by `claim_due_retries` at `retry_at`; none: no retry.
        reason: why so.
    """

    error_id: UUID
    error_type: str
    error_class: ErrorClass
    should_retry: bool
    retry_at: datetime | None
    attempt: int
    lane: Lane
    reason: RetryReason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorKind:
    """What kind of error something is (`syncwell.classify_sync_error`).

    Attributes:
        error_type: such as ``ECONNREFUSED`` or ``HTTP_503``.
        error_class: whether it will pass by itself.
        retryable: whether a retry may help.
    """

    error_type: str
    error_class: ErrorClass
    retryable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReapedRun:
    """A run that was ended as timeout (`syncwell.reap_sync_runs`).

    Attributes:
        org_id: the org it belongs to.
        user_id: the user whose stream it is; None: the org's own.
        event_id: the run's id.
        stream_id: the stream that ran.
        source: what was synced.
        reason: it was silent for too long, or it ran for too long.
        started_at: when it started.
    """

    org_id: UUID
    user_id: UUID | None
    event_id: UUID
    stream_id: UUID
    source: str
    reason: ReapReason
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRetry:
    """A retry that is the caller's to do (`syncwell.claim_due_retries`).

    Pass `error_id` as `retry_of` and `retry_lease` to `start` or `track`.

    Attributes:
        org_id: the org it belongs to.
        user_id: the user whose stream it is; None: the org's own.
        error_id: the error to retry.
        retry_lease: what proves that it is the caller's.
        lease_until: from when on others may claim it.
        stream_id: the stream that failed.
        source: what to sync.
        sync_type: how to sync it.
        attempt: number of the retry: 1 for the first.
        error_type: what kind of error it was.
        is_probe: whether it is the one try by which an open circuit is tested.
    """

    org_id: UUID
    user_id: UUID | None
    error_id: UUID
    retry_lease: UUID
    lease_until: datetime
    stream_id: UUID
    source: str
    sync_type: SyncType
    attempt: int
    error_type: str
    is_probe: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedError:
    """One error in full (`syncwell.get_sync_error`).

    Attributes:
        error_id: the error's id.
        stream_id: the stream that failed.
        source: what was to be synced.
        user_id: the user whose stream it is; None: the org's own.
        event_id: the last run that failed so; None: no run did.
        error_type: such as ``ECONNREFUSED`` or ``HTTP_503``.
        error_class: whether it will pass by itself.
        error_code: the code as it was given.
        http_status: status of the answer; None: there was none.
        error_message: the last message, without secrets; None: consent is missing.
        error_details: the last details, without secrets; None: none, or consent is missing.
        retry_count: retries granted so far.
        next_retry_at: when it is due; None: it is not waiting.
        lane: who retries it.
        reason: why so; None: nothing was decided.
        occurrences: how often it happened since `first_seen`.
        first_seen: when it first happened since it was last resolved.
        last_seen: when it last happened.
        resolved_at: when it was resolved; None: it is open.
        created_at: when it was recorded.
    """

    error_id: UUID
    stream_id: UUID
    source: str
    user_id: UUID | None
    event_id: UUID | None
    error_type: str
    error_class: ErrorClass
    error_code: str | None
    http_status: int | None
    error_message: str | None
    error_details: Any
    retry_count: int
    next_retry_at: datetime | None
    lane: Lane
    reason: RetryReason | None
    occurrences: int
    first_seen: datetime
    last_seen: datetime
    resolved_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorGroup:
    """Errors of one kind over all streams of a source (`syncwell.get_error_report`).

    Attributes:
        error_id: the error of the stream that saw it last; its code, status, message, lane and reason too.
        error_type: such as ``ECONNREFUSED`` or ``HTTP_503``.
        error_class: whether it will pass by itself.
        error_code: the code as it was given.
        http_status: status of the answer; None: there was none.
        error_message: the message, without secrets; None: consent is missing.
        source: what was to be synced.
        user_id: whose streams; None: several users', or the org's own.
        streams: how many streams have it.
        occurrences: how often it happened on all of them.
        retry_count: the highest of them.
        first_seen: when it first happened.
        last_seen: when it last happened.
        age: how long ago that first time is.
        lane: who retries it.
        reason: why so; None: nothing was decided.
        next_retry_at: the earliest; None: none is waiting.
        next_retry_in: how long until then; zero: it is due.
        resolved_at: when the last of them was resolved; None: open.
        total_errors: errors of single streams in all that was asked for, resolved ones and those beyond the limit too.
        unresolved_errors: how many of these are open.
        errors_of_type: how many of these are of this type.
    """

    error_id: UUID
    error_type: str
    error_class: ErrorClass
    error_code: str | None
    http_status: int | None
    error_message: str | None
    source: str
    user_id: UUID | None
    streams: int
    occurrences: int
    retry_count: int
    first_seen: datetime
    last_seen: datetime
    age: timedelta
    lane: Lane
    reason: RetryReason | None
    next_retry_at: datetime | None
    next_retry_in: timedelta | None
    resolved_at: datetime | None
    total_errors: int
    unresolved_errors: int
    errors_of_type: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncEvent:
    """A run (`syncwell.get_recent_sync_events`, `syncwell.get_recent_webhooks`).

    Attributes:
        event_id: the run's id.
        source: what was synced.
        user_id: the user whose stream it is; None: the org's own.
        sync_type: how it was synced.
        status: started: it runs; partial: completed, but items failed; timeout: it was given up.
        started_at: when it started.
        completed_at: when it ended, however it did; None: it runs.
        duration_ms: milliseconds from start to end; None: it runs.
        items_processed: items handled; None: not told.
        items_created: items that are new; None: not told.
        items_updated: items changed; None: not told.
        items_deleted: items deleted; None: not told.
        items_failed: items that could not be handled; None: not told.
        items_per_second: items handled a second; None: not known.
        direction: pull: from the server to a device; push: from a device to the server; None: not told.
        bytes: how much was transferred; None: not told.
        error_type: such as ``ECONNREFUSED`` or ``HTTP_503``; None: no error.
        error_code: the code as it was given.
        error_message: the message, without secrets; None: none, or consent is missing.
        attempt: 1 for a first try, 2 for its first retry, and so on.
        platform: on what kind of machine it ran.
        device_id: the device that ran it; None: not told, or consent is missing.
        network_type: such as ``wifi``; None: not told, or consent is missing.
        sync_token_before: where it took up the source.
        sync_token_after: where the next run goes on.
        heartbeat_at: the last sign of life; None: it sends none.
    """

    event_id: UUID
    source: str
    user_id: UUID | None
    sync_type: SyncType
    status: RunStatus
    started_at: datetime
    completed_at: datetime | None
    duration_ms: int | None
    items_processed: int | None
    items_created: int | None
    items_updated: int | None
    items_deleted: int | None
    items_failed: int | None
    items_per_second: float | None
    direction: Direction | None
    bytes: int | None
    error_type: str | None
    error_code: str | None
    error_message: str | None
    attempt: int
    platform: Platform | None
    device_id: str | None
    network_type: str | None
    sync_token_before: str | None
    sync_token_after: str | None
    heartbeat_at: datetime | None
