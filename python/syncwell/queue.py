"""What `sw.queue` returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypedDict
from uuid import UUID

from syncwell.core import Platform
from syncwell.runs import ErrorClass

__all__ = [
    "Acquired",
    "ClaimedOperation",
    "CompletedOperation",
    "DedupMode",
    "EnqueuedOperation",
    "EnqueuedPlace",
    "ExtendedLease",
    "FailedOperation",
    "NewOperation",
    "Operation",
    "OperationOutcome",
    "OperationStatus",
    "QueueHealth",
]

DedupMode = Literal["ignore", "replace", "merge", "none"]
OperationStatus = Literal["pending", "processing", "dead"]
OperationOutcome = Literal["completed", "lease_lost", "unknown"]
DeadReason = Literal["attempts", "lease_expired", "permanent", "auth"]
FailureReason = Literal["retry", "twin", "attempts", "permanent", "auth"]


class NewOperation(TypedDict, total=False):
    """An operation of a batch for `enqueue_many`; `operation_type` is needed.

    The keys are the arguments of `enqueue`; `run_at` is ISO 8601 text with its offset, `depends_on` ids as text.
    """

    operation_type: str
    payload: Mapping[str, Any] | Sequence[Any] | str | float | bool | None
    source: str
    dedup_key: str
    mode: DedupMode
    priority: int
    run_at: str
    max_attempts: int
    ordering_key: str
    depends_on: Sequence[str]
    platform: Platform
    device_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnqueuedOperation:
    """An operation in the queue (`syncwell.enqueue_operation`).

    Attributes:
        operation_id: its id.
        deduplicated: one that was there stands for it.
    """

    operation_id: UUID
    deduplicated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EnqueuedPlace:
    """What became of one operation of a batch (`syncwell.enqueue_operations`).

    Attributes:
        place: its place in the batch, from 0.
        operation_id: its id; None: it was not taken.
        deduplicated: another one stands for it; None: it was not taken.
        error_code: SQLSTATE of what is wrong with it; None: it was taken.
        error: what is wrong with it.
    """

    place: int
    operation_id: UUID | None
    deduplicated: bool | None
    error_code: str | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedOperation:
    """An operation that is the caller's to do until its lease ends (`syncwell.claim_operations`).

    Attributes:
        org_id: the org it belongs to.
        user_id: the user it belongs to; None: the org itself.
        operation_id: its id.
        operation_type: what is to be done.
        payload: with what, as parsed JSON.
        source: what it belongs to.
        priority: 0 to 9, higher ones first.
        attempt: 1 for the first try.
        max_attempts: after so many it is dead.
        lease_token: what proves that it is the caller's.
        lease_until: when it is handed out again.
        enqueued_at: when it was sent.
        ordering_key: the order it belongs to.
        platform: where it came from.
        device_id: the device it came from, where there is consent.
    """

    org_id: UUID
    user_id: UUID | None
    operation_id: UUID
    operation_type: str
    payload: Any
    source: str
    priority: int
    attempt: int
    max_attempts: int
    lease_token: UUID
    lease_until: datetime
    enqueued_at: datetime
    ordering_key: str | None
    platform: Platform | None
    device_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedOperation:
    """What became of an operation that was to be completed (`syncwell.complete_operations`).

    Attributes:
        operation_id: its id.
        outcome: completed, also when it was so before; lease_lost: somebody else has or had it; unknown: there is none.
    """

    operation_id: UUID
    outcome: OperationOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedOperation:
    """What becomes of an operation that failed (`syncwell.fail_operation`).

    Attributes:
        status: pending: it is tried again; superseded: a newer one does it; dead: for good.
        retry_at: when it is tried again.
        attempt: which attempt failed.
        error_type: such as ECONNREFUSED, HTTP_503, TIMEOUT.
        error_class: transient, throttled, auth, conflict, permanent or unknown.
        reason: retry, twin, attempts (all used), permanent, auth.
    """

    status: Literal["pending", "superseded", "dead"]
    retry_at: datetime | None
    attempt: int
    error_type: str
    error_class: ErrorClass
    reason: FailureReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedLease:
    """An operation that is held for longer (`syncwell.extend_lease`).

    Attributes:
        operation_id: its id.
        lease_until: until when.
    """

    operation_id: UUID
    lease_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation that is not done (`syncwell.get_operations`).

    Attributes:
        operation_id: its id.
        user_id: whose it is; None: the org's own.
        source: what it belongs to.
        operation_type: what is to be done.
        payload: with what; None where the caller may not see it.
        status: pending, processing or dead.
        priority: 0 to 9, higher ones first.
        run_at: from when on it may be claimed; while it is processed: when its lease ends.
        blockers: how many operations it waits for.
        attempts: how often it was claimed.
        max_attempts: how often it may be.
        dedup_key: what makes another one its twin; None: the payload does.
        ordering_key: the order it belongs to.
        enqueued_at: when it was sent.
        claimed_at: when it was last claimed.
        lease_owner: the worker that has it.
        last_failed_at: when it last failed.
        last_error_type: how.
        last_error_code: the code, as the worker gave it.
        last_error: the message, where there is consent.
        dead_reason: why it is not tried again.
        platform: where it came from.
        device_id: the device it came from, where there is consent.
    """

    operation_id: UUID
    user_id: UUID | None
    source: str
    operation_type: str
    payload: Any
    status: OperationStatus
    priority: int
    run_at: datetime
    blockers: int
    attempts: int
    max_attempts: int
    dedup_key: str | None
    ordering_key: str | None
    enqueued_at: datetime
    claimed_at: datetime | None
    lease_owner: str | None
    last_failed_at: datetime | None
    last_error_type: str | None
    last_error_code: str | None
    last_error: str | None
    dead_reason: DeadReason | None
    platform: Platform | None
    device_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueHealth:
    """How the queue is, overall or of one source and platform (`syncwell.get_queue_health_metrics`).

    Attributes:
        source: which; None: overall.
        platform: which; None: overall, or not told.
        depth: what is neither done nor dead.
        ready: what may be claimed now.
        scheduled: what may be later.
        retrying: what failed and may be claimed again later.
        blocked: what waits for others.
        processing: what workers have.
        dead: what failed for good.
        expired_leases: what workers have that are gone.
        oldest_ready_at: since when the oldest could have been done.
        oldest_ready_seconds: how long that is; 0: nothing is ready.
        oldest_enqueued_at: when the oldest was sent.
        p95_wait_ms: from sent to claimed, 95 % waited no longer; None: nothing was done lately.
        p95_service_ms: the same from claimed to done.
        arrivals_per_minute: how many are sent.
        completions_per_minute: how many are done.
        drain_seconds: until nothing is ready at this pace; None: never.
        client_queues: devices that told of queues of their own.
        client_depth: what these hold; None: not known.
        client_oldest_at: since when the oldest of that waits.
        client_reported_at: the oldest of these reports.
        client_report_seconds: how old that is.
    """

    source: str | None
    platform: Platform | None
    depth: int
    ready: int
    scheduled: int
    retrying: int
    blocked: int
    processing: int
    dead: int
    expired_leases: int
    oldest_ready_at: datetime | None
    oldest_ready_seconds: float
    oldest_enqueued_at: datetime | None
    p95_wait_ms: float | None
    p95_service_ms: float | None
    arrivals_per_minute: float
    completions_per_minute: float
    drain_seconds: float | None
    client_queues: int
    client_depth: float | None
    client_oldest_at: datetime | None
    client_reported_at: datetime | None
    client_report_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquired:
    """Whether a bucket gave what was asked (`syncwell.try_acquire`).

    Attributes:
        allowed: it did.
        wait_ms: when it will, in milliseconds; 0: it did.
        tokens: what is left in it.
    """

    allowed: bool
    wait_ms: int
    tokens: float
