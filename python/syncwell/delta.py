"""What `sw.delta` returns: pulls, pushes, synced tables, conflicts and devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict, cast
from uuid import UUID

from syncwell._answers import refusal_of
from syncwell.core import Platform

__all__ = [
    "Action",
    "ChangeCounts",
    "Choice",
    "ClientFacts",
    "IgnoredNames",
    "NextPull",
    "Outcome",
    "PullAnswer",
    "PushAnswer",
    "PushedConflict",
    "QuarantinedRecord",
    "Scope",
    "Strategy",
    "SyncClient",
    "SyncConflict",
    "TableChanges",
    "TrackingProblem",
    "UnacceptedRecord",
    "push_failure",
]

Scope = Literal["user", "org"]
Action = Literal["created", "updated", "deleted"]
Outcome = Literal["client", "server", "merged"]
Choice = Literal["client", "server"]
NextPull = Literal["first", "incremental", "replacement"]
Strategy = Literal["incremental", "replacement"]


class TableChanges(TypedDict):
    """The changes of one table; records are JSON objects with a text `id`."""

    created: list[dict[str, Any]]
    updated: list[dict[str, Any]]
    deleted: list[str]


class ClientFacts(TypedDict, total=False):
    """What a device says of itself; for health only, nothing depends on it."""

    platform: Platform
    appVersion: str
    networkType: str
    networkQuality: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCounts:
    """How many records.

    Attributes:
        created: new ones.
        updated: changed ones.
        deleted: ones that are gone.
    """

    created: int
    updated: int
    deleted: int

    @classmethod
    def of(cls, document: Mapping[str, int]) -> ChangeCounts:
        """Read it from its JSON form."""
        return cls(
            created=document.get("created", 0), updated=document.get("updated", 0), deleted=document.get("deleted", 0)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PullAnswer:
    """What a device gets (`syncwell.sync_pull`).

    Attributes:
        changes: by table; tables without changes may be missing.
        timestamp: the cursor to pull from, and to push under, next time; not a time.
        strategy: replacement: `changes` is everything, what is not in it is to be deleted.
        replaced_tables: tables that alone come in full in an otherwise incremental answer.
        stats: counts by table.
        message: the counts in words.
        server_time: when it was answered.
        has_more: whether `limit` cut it: pull again with `timestamp` before pushing.
        ignored: tables and columns of `migration` that are not synced.
    """

    changes: dict[str, TableChanges]
    timestamp: int
    strategy: Strategy
    replaced_tables: tuple[str, ...]
    stats: dict[str, ChangeCounts]
    message: str
    server_time: datetime
    has_more: bool
    ignored: tuple[Any, ...]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> PullAnswer:
        """Read it from its JSON form."""
        told: object = document.get("experimentalStrategy", "incremental")
        override: Mapping[str, Strategy] = {}
        if isinstance(told, dict):
            by_table = cast("dict[str, Any]", told)
            override = by_table.get("override", {})
            told = by_table.get("default", "incremental")
        return cls(
            changes=document["changes"],
            timestamp=document["timestamp"],
            strategy=cast("Strategy", told),
            replaced_tables=tuple(name for name, strategy in override.items() if strategy == "replacement"),
            stats={name: ChangeCounts.of(counts) for name, counts in document.get("stats", {}).items()},
            message=document.get("message", ""),
            server_time=datetime.fromisoformat(document["serverTime"]),
            has_more=document.get("hasMore", False),
            ignored=tuple(document.get("ignored", ())),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedConflict:
    """A conflict that the table's policy decided (`syncwell.sync_push`).

    Attributes:
        table: the synced table.
        id: the record.
        outcome: whose version it has now.
    """

    table: str
    id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class UnacceptedRecord:
    """A pushed record that was put aside (`syncwell.sync_push`).

    Attributes:
        table: the synced table.
        id: the record; None: it has no readable id.
        reason: why, in words.
    """

    table: str
    id: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoredNames:
    """What a push named and nobody knows (`syncwell.sync_push`).

    Attributes:
        tables: tables that are not synced.
        columns: columns that are not synced, by table.
    """

    tables: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PushAnswer:
    """What became of a push (`syncwell.sync_push`, `syncwell.preview_push`).

    Attributes:
        stats: how many records were written.
        conflicts: records that were changed on the server meanwhile, and how that ended.
        quarantined: records that no table takes; they count as accepted, so that they don't block their device.
        ignored: names that nobody knows.
        request_id: the caller's own name for the push.
    """

    stats: ChangeCounts
    conflicts: tuple[PushedConflict, ...]
    quarantined: tuple[UnacceptedRecord, ...]
    ignored: IgnoredNames
    request_id: str | None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> PushAnswer:
        """Read it from its JSON form."""
        ignored: Mapping[str, Any] = document.get("ignored", {})
        columns: Mapping[str, list[str]] = ignored.get("columns", {})
        return cls(
            stats=ChangeCounts.of(document.get("stats", {})),
            conflicts=tuple(
                PushedConflict(table=one["table"], id=one["id"], outcome=one["outcome"])
                for one in document.get("conflicts", ())
            ),
            quarantined=tuple(
                UnacceptedRecord(table=one["table"], id=one["id"], reason=one["reason"])
                for one in document.get("quarantined", ())
            ),
            ignored=IgnoredNames(
                tables=tuple(ignored.get("tables", ())),
                columns={table: tuple(names) for table, names in columns.items()},
            ),
            request_id=document.get("requestId"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingProblem:
    """Something that keeps changes of a synced table from being seen (`syncwell.check_tracking`).

    Attributes:
        table_name: the synced table.
        relation: the table or partition it is about.
        problem: what is wrong, in words.
        hint: what to do about it.
    """

    table_name: str
    relation: str
    problem: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncConflict:
    """A conflict that a policy decided, with both versions (`syncwell.get_sync_conflicts`).

    Attributes:
        conflict_id: the conflict.
        user_id: who pushed.
        device_id: the device that pushed; None: without consent.
        table_name: the synced table.
        record_id: the record.
        action: what the device did.
        policy: which policy decided.
        outcome: whose version won.
        server_record: the version on the server before; None: it was deleted, or it is not the caller's to see.
        client_record: the pushed version; None: a deletion, or it is not the caller's to see.
        changed_columns: what the device says it changed; None: not told.
        occurred_at: when.
        choice: what a person chose later; None: nobody did.
        resolved_at: when a person chose.
        resolved_by: who chose.
    """

    conflict_id: UUID
    user_id: UUID
    device_id: str | None
    table_name: str
    record_id: str
    action: Action
    policy: str
    outcome: Outcome
    server_record: dict[str, Any] | None
    client_record: dict[str, Any] | None
    changed_columns: list[str] | None
    occurred_at: datetime
    choice: Choice | None
    resolved_at: datetime | None
    resolved_by: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRecord:
    """A pushed record that no table takes (`syncwell.get_quarantined_records`).

    Attributes:
        quarantine_id: the entry.
        user_id: who pushed.
        device_id: the device that pushed; None: without consent.
        table_name: the synced table.
        record_id: the record; None: it has no readable id.
        action: what the device did.
        record: the record as it was sent, as text; None: a deletion, or it is not the caller's to see.
        error_code: SQLSTATE of the refusal.
        reason: why, in words.
        quarantined_at: when.
    """

    quarantine_id: UUID
    user_id: UUID
    device_id: str | None
    table_name: str
    record_id: str | None
    action: Action
    record: str | None
    error_code: str
    reason: str
    quarantined_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncClient:
    """A device that syncs (`syncwell.get_sync_clients`).

    Attributes:
        user_id: whose it is.
        device_id: its own id; None: it names none, or without consent.
        platform: what it is; None: not told.
        app_version: version of the app; None: not told.
        network_type: such as wifi; None: not told, or without consent.
        first_seen: when it synced first.
        last_seen: when it was here last.
        last_pull: when it pulled last.
        last_push: when it pushed last.
        cursor_age: how long ago it was given what it stands at; None: that is not known any more.
        next_pull: what its next pull will be.
        schema_version: the version of its own schema.
        records: how many records it should have; None: not known.
        pulls: pulls with changes.
        pushes: pushes that were accepted.
        failures: pushes that failed.
        failing_since: the first failure since the last success; None: it does not fail.
        last_error_code: SQLSTATE of the last failure.
        conflicts: records in conflict.
        quarantined: records that were put aside.
        open_quarantined: those that nobody has settled.
        full_resyncs: pulls that replaced everything.
    """

    user_id: UUID
    device_id: str | None
    platform: Platform | None
    app_version: str | None
    network_type: str | None
    first_seen: datetime
    last_seen: datetime
    last_pull: datetime | None
    last_push: datetime | None
    cursor_age: timedelta | None
    next_pull: NextPull
    schema_version: int | None
    records: int | None
    pulls: int
    pushes: int
    failures: int
    failing_since: datetime | None
    last_error_code: str | None
    conflicts: int
    quarantined: int
    open_quarantined: int
    full_resyncs: int


def push_failure(document: Mapping[str, Any]) -> Exception | None:
    """Return (not raise) the error that the answer to a push names, None for a push that was accepted.

    Of class ``SW`` it is a `SyncwellError`, otherwise psycopg's exception of that SQLSTATE.
    """
    return refusal_of(document)
