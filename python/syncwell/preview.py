"""What `sw.preview` takes and returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict
from uuid import UUID

__all__ = [
    "CachedPreview",
    "ClaimState",
    "ClaimedPreview",
    "CleanedPreviews",
    "ComputedPreview",
    "PreviewDelta",
    "PreviewStatistics",
    "PreviewSummary",
    "StoredPreview",
    "UpdatedRecord",
]

ClaimState = Literal["cached", "claimed", "computing"]


class UpdatedRecord(TypedDict):
    """A record that would be changed: its key, and what it was and would be."""

    id: Any
    old_data: dict[str, Any]
    new_data: dict[str, Any]


class PreviewStatistics(TypedDict):
    """How long the lists are; the total is their sum. Of what nobody counted `unchanged_count` is missing."""

    new_count: int
    updated_count: int
    deleted_count: int
    total_affected: int
    unchanged_count: NotRequired[int]


class PreviewDelta(TypedDict):
    """What would change. Who stores one may leave the statistics out."""

    new: list[dict[str, Any]]
    updated: list[UpdatedRecord]
    deleted: list[dict[str, Any]]
    statistics: NotRequired[PreviewStatistics]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputedPreview:
    """A preview that is valid now (`syncwell.get_or_compute_preview`).

    Attributes:
        preview_id: its id.
        cache_key: what `get` and `invalidate` know it by.
        delta: what would change.
        computed_at: when it was computed.
        expires_at: until when it is valid.
        from_cache: it was there.
    """

    preview_id: UUID
    cache_key: str
    delta: PreviewDelta
    computed_at: datetime
    expires_at: datetime
    from_cache: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedPreview:
    """Who computes a preview, or the preview (`syncwell.claim_preview`).

    Attributes:
        state: cached: here it is; claimed: this caller computes and stores it; computing: another one does, ask again.
        cache_key: what `get` and `invalidate` know it by.
        lease_token: for `store` and `release`, of what is claimed.
        lease_until: when whoever computes it counts as dead; None: it is cached.
        preview_id: its id; None: it is not cached, as for all that follow.
        delta: what would change.
        computed_at: when it was computed.
        expires_at: until when it is valid.
    """

    state: ClaimState
    cache_key: str
    lease_token: UUID | None
    lease_until: datetime | None
    preview_id: UUID | None
    delta: PreviewDelta | None
    computed_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPreview:
    """A preview that was stored (`syncwell.store_preview`).

    Attributes:
        preview_id: its id.
        cache_key: what `get` and `invalidate` know it by.
        computed_at: when it was stored.
        expires_at: until when it is valid.
    """

    preview_id: UUID
    cache_key: str
    computed_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedPreview:
    """A preview that is valid now (`syncwell.get_preview`).

    Attributes:
        preview_id: its id.
        cache_key: what it is a preview of.
        sync_type: what kind of system is synced.
        sync_id: the sync that it was computed for; None: not told.
        delta: what would change.
        computed_at: when it was computed.
        expires_at: until when it is valid.
        computed_by: the user who had it computed; None: a service.
    """

    preview_id: UUID
    cache_key: str
    sync_type: str
    sync_id: str | None
    delta: PreviewDelta
    computed_at: datetime
    expires_at: datetime
    computed_by: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewSummary:
    """A preview without its document (`syncwell.get_previews`).

    Attributes:
        preview_id: its id.
        cache_key: what it is a preview of.
        sync_type: what kind of system is synced.
        sync_id: the sync that it was computed for; None: not told.
        new_count: records that would be created.
        updated_count: records that would be changed.
        deleted_count: records that would be deleted.
        total_affected: all three together.
        bytes: of the document, as text.
        computed_at: when it was computed.
        expires_at: until when it is valid.
        seconds_left: until then; negative: since then.
        computed_by: the user who had it computed; None: a service.
    """

    preview_id: UUID
    cache_key: str
    sync_type: str
    sync_id: str | None
    new_count: int
    updated_count: int
    deleted_count: int
    total_affected: int
    bytes: int
    computed_at: datetime
    expires_at: datetime
    seconds_left: float
    computed_by: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanedPreviews:
    """What a clean-up did (`syncwell.auto_cleanup_preview_cache`).

    Attributes:
        deleted_count: expired previews that it removed.
        error_message: SQLSTATE and text of what ended it early; None: nothing did.
    """

    deleted_count: int
    error_message: str | None
