"""What `sw.ingest` returns: batches, sessions, duplicates and what was merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypedDict
from uuid import UUID

from syncwell.core import Platform

__all__ = [
    "BatchAnswer",
    "BatchKind",
    "CompletionAnswer",
    "DataSource",
    "DuplicateReason",
    "DuplicateSession",
    "IngestRow",
    "IntegrityFinding",
    "MergedSession",
    "MissingRecords",
    "RecentSession",
    "RecordCounts",
    "RecordKind",
    "RejectedRow",
    "ResolvedId",
    "SessionAnswer",
    "SessionDocument",
    "SessionIntegrity",
    "SessionMerge",
    "SessionStatus",
    "SessionSyncStatus",
    "StartedSession",
]

RecordKind = Literal["reading", "survey_pre", "survey_inter", "survey_post", "progression", "adaptive_event"]
BatchKind = Literal["event", "reading", "survey_pre", "survey_inter", "survey_post", "progression", "adaptive_event"]
DataSource = Literal["mock", "bluetooth", "manual"]
SessionStatus = Literal["active", "completed"]
SessionSyncStatus = Literal["pending", "syncing", "completed", "failed"]
DuplicateReason = Literal["same_local_id", "same_start", "same_time", "same_records"]
IntegrityFinding = Literal["sessions_without_readings", "late_surveys", "orphans", "duplicates", "incomplete"]


class IngestRow(TypedDict, total=False):
    """A row of a batch; `occurred_at` is needed, and of a reading one of `spo2`, `heart_rate` and `payload`.

    Times are ISO 8601 text with their offset, or milliseconds since 1970. Without `payload`, members that are not
    named here are the payload together.
    """

    occurred_at: str | int
    written_at: str | int
    external_id: str
    local_id: str
    session: str
    platform: Platform
    data_source: DataSource
    spo2: float
    heart_rate: float
    payload: Mapping[str, Any]


class SessionDocument(TypedDict, total=False):
    """A session with everything that belongs to it; `local_id` is needed."""

    local_id: str
    started_at: str | int
    ended_at: str | int
    status: SessionStatus
    source: str
    data_source: DataSource
    expected: Mapping[RecordKind, int]
    metadata: Mapping[str, Any]
    readings: Sequence[IngestRow | Mapping[str, Any]]
    survey_pre: IngestRow | Mapping[str, Any] | Sequence[IngestRow | Mapping[str, Any]]
    survey_inter: Sequence[IngestRow | Mapping[str, Any]]
    survey_post: IngestRow | Mapping[str, Any] | Sequence[IngestRow | Mapping[str, Any]]
    progression: Sequence[IngestRow | Mapping[str, Any]]
    adaptive_events: Sequence[IngestRow | Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedId:
    """Which id stands for a device's own name (`syncwell.resolve_local_id`).

    Attributes:
        server_id: the id, one for ever.
        created: the name was not known.
    """

    server_id: UUID
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRow:
    """A row that was not taken (`syncwell.ingest_batch`).

    Attributes:
        position: its place in the batch, from 0.
        reason: a code, such as missing_time or bad_number.
        detail: what is wrong with it, without its content.
    """

    position: int
    reason: str
    detail: str

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> RejectedRow:
        """Read it from its JSON form."""
        return cls(position=document["position"], reason=document["reason"], detail=document["detail"])


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAnswer:
    """What became of a batch (`syncwell.ingest_batch`).

    Attributes:
        received: rows in the batch.
        inserted: rows that are new.
        duplicates: rows that changed nothing: they were here, or something newer was.
        updated: rows that replaced an older version.
        rejected: rows that were not taken.
        rejections: why not, for the first hundred of them.
        rejected_by_reason: how many for each reason, of all of them.
        session_id: the session they belong to; None: a batch of a source.
        clock_skew_seconds: how far the device's clock is ahead, as the rows tell; None: they tell nothing.
    """

    received: int
    inserted: int
    duplicates: int
    updated: int
    rejected: int
    rejections: tuple[RejectedRow, ...]
    rejected_by_reason: dict[str, int]
    session_id: UUID | None
    clock_skew_seconds: float | None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> BatchAnswer:
        """Read it from its JSON form."""
        session = document.get("session_id")
        return cls(
            received=document["received"],
            inserted=document["inserted"],
            duplicates=document["duplicates"],
            updated=document["updated"],
            rejected=document["rejected"],
            rejections=tuple(RejectedRow.of(row) for row in document.get("rejections", ())),
            rejected_by_reason=dict(document.get("rejected_by_reason", {})),
            session_id=None if session is None else UUID(session),
            clock_skew_seconds=document.get("clock_skew_seconds"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedSession:
    """A session that has begun (`syncwell.start_session`).

    Attributes:
        session_id: its id.
        created: it was not known.
        status: active or completed.
        sync_status: pending, syncing, completed or failed.
    """

    session_id: UUID
    created: bool
    status: SessionStatus
    sync_status: SessionSyncStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingRecords:
    """How much of a kind has not arrived.

    Attributes:
        expected: what the device says there is.
        stored: what is here.
    """

    expected: int
    stored: int

    @classmethod
    def by_kind(cls, document: Mapping[str, Mapping[str, int]] | None) -> dict[str, MissingRecords]:
        """Read them from their JSON form."""
        kinds = (document or {}).items()
        return {kind: cls(expected=counts["expected"], stored=counts["stored"]) for kind, counts in kinds}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCounts:
    """What became of the records of a kind.

    Attributes:
        received: how many there were.
        inserted: those that are new.
        duplicates: those that changed nothing.
        updated: those that replaced an older version.
    """

    received: int
    inserted: int
    duplicates: int
    updated: int

    @classmethod
    def of(cls, document: Mapping[str, int]) -> RecordCounts:
        """Read it from its JSON form."""
        return cls(
            received=document["received"],
            inserted=document["inserted"],
            duplicates=document["duplicates"],
            updated=document["updated"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionAnswer:
    """What became of a session document (`syncwell.sync_session`).

    Attributes:
        session_id: the session.
        created: it was not known.
        already_synced: all of it was here before.
        records: what became of its records, by kind.
        total: the same of all kinds together.
        status: active or completed.
        sync_status: pending, syncing, completed or failed.
        complete: everything that the device says there is, is here.
        missing: kinds of which less is here.
        clock_skew_seconds: how far the device's clock is ahead, as the rows tell; None: they tell nothing.
    """

    session_id: UUID
    created: bool
    already_synced: bool
    records: dict[str, RecordCounts]
    total: RecordCounts
    status: SessionStatus
    sync_status: SessionSyncStatus
    complete: bool
    missing: dict[str, MissingRecords]
    clock_skew_seconds: float | None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> SessionAnswer:
        """Read it from its JSON form."""
        return cls(
            session_id=UUID(document["session_id"]),
            created=document["created"],
            already_synced=document["already_synced"],
            records={kind: RecordCounts.of(counts) for kind, counts in document["records"].items()},
            total=RecordCounts.of(document),
            status=document["status"],
            sync_status=document["sync_status"],
            complete=document["complete"],
            missing=MissingRecords.by_kind(document.get("missing")),
            clock_skew_seconds=document.get("clock_skew_seconds"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionAnswer:
    """What is here of a session that is over (`syncwell.complete_session`).

    Attributes:
        session_id: the session.
        complete: everything that the device says there is, is here.
        missing: kinds of which less is here.
        stored: what is here, by kind.
        ended_at: when it ended.
        safely_stored: the device's own names of what is here.
        keep_until: until when the device should keep it nevertheless.
    """

    session_id: UUID
    complete: bool
    missing: dict[str, MissingRecords]
    stored: dict[str, int]
    ended_at: datetime
    safely_stored: tuple[str, ...]
    keep_until: datetime

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> CompletionAnswer:
        """Read it from its JSON form."""
        return cls(
            session_id=UUID(document["session_id"]),
            complete=document["complete"],
            missing=MissingRecords.by_kind(document.get("missing")),
            stored=dict(document.get("stored") or {}),
            ended_at=datetime.fromisoformat(document["ended_at"]),
            safely_stored=tuple(document.get("safely_stored") or ()),
            keep_until=datetime.fromisoformat(document["keep_until"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentSession:
    """A session with its summary (`syncwell.get_recent_sessions`).

    Attributes:
        session_id: its id.
        user_id: whose it is.
        local_id: the name the device gave it.
        source: the source it counts for.
        data_source: mock, bluetooth, manual; None: not told.
        status: active or completed.
        sync_status: pending, syncing, completed or failed.
        started_at: when it began.
        ended_at: when it ended; None: not yet.
        duration_seconds: how long it took; None: it is not over.
        records: how many records it has, by kind.
        average_spo2: oxygen saturation in percent; None: it has none, as below.
        minimum_spo2: the lowest.
        maximum_spo2: the highest.
        average_heart_rate: heart beats a minute.
        minimum_heart_rate: the lowest.
        maximum_heart_rate: the highest.
        survey_pre: what was answered before it.
        surveys_inter: what was answered in it.
        survey_post: what was answered after it.
        progression: how it went on.
        missing: kinds of which less is here than the device says there is.
    """

    session_id: UUID
    user_id: UUID
    local_id: str | None
    source: str
    data_source: DataSource | None
    status: SessionStatus
    sync_status: SessionSyncStatus
    started_at: datetime
    ended_at: datetime | None
    duration_seconds: float | None
    records: dict[str, Any] | None
    average_spo2: float | None
    minimum_spo2: float | None
    maximum_spo2: float | None
    average_heart_rate: float | None
    minimum_heart_rate: float | None
    maximum_heart_rate: float | None
    survey_pre: dict[str, Any] | None
    surveys_inter: list[Any] | None
    survey_post: dict[str, Any] | None
    progression: list[Any] | None
    missing: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateSession:
    """Two sessions that are one (`syncwell.find_duplicate_sessions`).

    Attributes:
        user_id: whose they are.
        kept_id: the one that would be kept.
        removed_id: the one that would go into it.
        reason: why they are one.
        evidence: what says so.
    """

    user_id: UUID
    kept_id: UUID
    removed_id: UUID
    reason: DuplicateReason
    evidence: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedSession:
    """A merge of two sessions, done or foreseen (`syncwell.merge_duplicate_sessions`).

    Attributes:
        merge_id: what reverts it; None: it was foreseen only.
        user_id: whose they are.
        kept_id: the one that is kept.
        removed_id: the one that goes into it.
        reason: why they are one.
        moved: how many rows are moved.
    """

    merge_id: UUID | None
    user_id: UUID
    kept_id: UUID
    removed_id: UUID
    reason: DuplicateReason
    moved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionMerge:
    """A merge that was done (`syncwell.get_session_merges`).

    Attributes:
        merge_id: its id.
        user_id: whose sessions they are.
        kept_id: the one that was kept.
        removed_id: the one that went into it.
        reason: why they are one.
        moved: how many rows were moved.
        merged_at: when.
        reverted_at: when it was reverted; None: it stands.
    """

    merge_id: UUID
    user_id: UUID
    kept_id: UUID
    removed_id: UUID
    reason: str
    moved: int
    merged_at: datetime
    reverted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionIntegrity:
    """How much of something that should not be there is (`syncwell.get_session_integrity`).

    Attributes:
        finding: what it is.
        sessions: how many sessions were looked at.
        affected: how many of them have it.
        percent: the share; None: there are no sessions.
        examples: some of them.
    """

    finding: IntegrityFinding
    sessions: int
    affected: int
    percent: float | None
    examples: list[UUID]
