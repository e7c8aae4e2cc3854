"""`sw.preview`, asynchronous."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from psycopg.types.json import Jsonb

from syncwell._gate import AsyncGate
from syncwell.aio._caller import AsyncCaller
from syncwell.errors import PreviewLeaseLostError
from syncwell.preview import (
    CachedPreview,
    ClaimedPreview,
    CleanedPreviews,
    ComputedPreview,
    PreviewDelta,
    PreviewSummary,
    StoredPreview,
)

__all__ = ["AsyncPreview"]


class AsyncPreview:
    """What syncs would change, computed once and kept for a while."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def shared(
        self,
        compute: Callable[[], Awaitable[PreviewDelta]],
        *,
        sync_type: str,
        params: Any,
        lease: timedelta = timedelta(minutes=1),
        ttl: timedelta | None = None,
        sync_id: str | None = None,
        poll: float = 0.2,
        timeout: float = 60.0,
    ) -> PreviewDelta:
        """Return the preview of these parameters, computed by `compute` once, however many processes ask for it.

        It claims, computes and stores, or waits for whoever does. When that one dies, another one computes after its
        lease; when `compute` raises, that is raised here, and another one computes at once.

        Args:
            compute: makes the document, within the lease.
            sync_type: what kind of system is synced, such as ``woocommerce``.
            params: what the preview depends on, any JSON.
            lease: how long computing may take, 1 second to 1 hour.
            ttl: how long it is valid, 1 second to 30 days; None: setting preview.ttl.
            sync_id: the sync that it is for, noted with it.
            poll: seconds between two looks at what another one is computing.
            timeout: seconds that are waited for others.

        Raises:
            TimeoutError: the others took longer.
            ValueError: on a connection whose transactions are somebody else's.
            MalformedPreviewError: what `compute` made is no preview.
            PreviewTooLargeError: it is larger than setting preview.max_bytes.
        """
        await self._caller.require_own_transactions()
        until = time.monotonic() + timeout
        gate = AsyncGate()
        while True:
            claim = await self.claim(sync_type=sync_type, params=params, lease=lease)
            if claim.state == "cached":
                return cast("PreviewDelta", claim.delta)
            if claim.state == "claimed":
                await self._fulfil(cast("UUID", claim.lease_token), compute, ttl, sync_id)
            elif time.monotonic() > until:
                raise TimeoutError(f"the preview has been computed for longer than {timeout:g} s")
            else:
                await gate.wait(poll)

    async def _fulfil(
        self,
        lease_token: UUID,
        compute: Callable[[], Awaitable[PreviewDelta]],
        ttl: timedelta | None,
        sync_id: str | None,
    ) -> None:
        try:
            delta = await compute()
            await self.store(lease_token=lease_token, delta=delta, ttl=ttl, sync_id=sync_id)
        except PreviewLeaseLostError:
            # another one took over, or it is out of date: both are seen by claiming it again
            return
        except BaseException:
            await self.release(lease_token=lease_token)
            raise

    async def cache_key(
        self,
        *,
        params: Any,
    ) -> str:
        """Return the key of parameters, the same for equal ones (`syncwell.preview_cache_key`).

        Args:
            params: any JSON.
        """
        return await self._caller.value(
            str,
            """
            select syncwell.preview_cache_key(
              p_params => %(params)s::jsonb
            )
            """,
            {"params": Jsonb(params)},
        )

    async def compute_delta(
        self,
        *,
        current: Sequence[Mapping[str, Any]],
        incoming: Sequence[Mapping[str, Any]],
        key: str = "id",
    ) -> PreviewDelta:
        """Compare two sets of records; keep nothing (`syncwell.compute_preview_delta`).

        Args:
            current: what there is.
            incoming: what would be there.
            key: the member that tells records apart.

        Raises:
            MalformedRecordsError: a record has no such member, or no text or number in it.
            DuplicateRecordError: two records of a set have the same key.
        """
        return cast(
            "PreviewDelta",
            await self._caller.value(
                dict,
                """
                select syncwell.compute_preview_delta(
                  p_current => %(current)s::jsonb,
                  p_incoming => %(incoming)s::jsonb,
                  p_key => %(key)s::text
                )
                """,
                {"current": Jsonb(current), "incoming": Jsonb(incoming), "key": key},
            ),
        )

    async def get_or_compute(
        self,
        *,
        sync_type: str,
        current: Sequence[Mapping[str, Any]],
        incoming: Sequence[Mapping[str, Any]],
        params: Any = None,
        key: str = "id",
        ttl: timedelta | None = None,
        sync_id: str | None = None,
        force: bool = False,
    ) -> ComputedPreview:
        """Return the valid preview, or a new one of these records (`syncwell.get_or_compute_preview`). For workers.

        Callers that ask for the same one at the same time wait for the one that computes it.

        Args:
            sync_type: what kind of system is synced, such as ``woocommerce``.
            current: what there is.
            incoming: what would be there.
            params: what the records depend on, any JSON; None: the records themselves.
            key: the member that tells records apart.
            ttl: how long it is valid, 1 second to 30 days; None: setting preview.ttl.
            sync_id: the sync that it is for, noted with it.
            force: compute it anew, though there is one.

        Raises:
            MalformedRecordsError: a record has no key, or no text or number for one.
            DuplicateRecordError: two records of a set have the same key.
            PreviewTooLargeError: it is larger than setting preview.max_bytes.
            PreviewBusyError: another one has been computing it for longer than setting preview.wait.
            UnknownSyncTypeError: the org has no such sync type.
        """
        return await self._caller.row(
            ComputedPreview,
            """
            select preview_id, cache_key, delta, computed_at, expires_at, from_cache
            from syncwell.get_or_compute_preview(
              p_sync_type => %(sync_type)s::text,
              p_current => %(current)s::jsonb,
              p_incoming => %(incoming)s::jsonb,
              p_params => %(params)s::jsonb,
              p_key => %(key)s::text,
              p_ttl => %(ttl)s::interval,
              p_sync_id => %(sync_id)s::text,
              p_force => %(force)s::boolean
            )
            """,
            {
                "sync_type": sync_type,
                "current": Jsonb(current),
                "incoming": Jsonb(incoming),
                "params": None if params is None else Jsonb(params),
                "key": key,
                "ttl": ttl,
                "sync_id": sync_id,
                "force": force,
            },
        )

    async def claim(
        self,
        *,
        sync_type: str,
        params: Any,
        lease: timedelta = timedelta(minutes=1),
    ) -> ClaimedPreview:
        """Get the valid preview, or the right to compute it (`syncwell.claim_preview`). For workers.

        Args:
            sync_type: what kind of system is synced, such as ``woocommerce``.
            params: what the preview depends on, any JSON.
            lease: how long computing may take, 1 second to 1 hour.

        Raises:
            UnknownSyncTypeError: the org has no such sync type.
            PreviewBusyError: another transaction has been claiming it for longer than setting preview.wait.
        """
        return await self._caller.row(
            ClaimedPreview,
            """
            select state, cache_key, lease_token, lease_until, preview_id, delta, computed_at, expires_at
            from syncwell.claim_preview(
              p_sync_type => %(sync_type)s::text,
              p_params => %(params)s::jsonb,
              p_lease => %(lease)s::interval
            )
            """,
            {"sync_type": sync_type, "params": Jsonb(params), "lease": lease},
        )

    async def store(
        self,
        *,
        lease_token: UUID,
        delta: PreviewDelta,
        ttl: timedelta | None = None,
        sync_id: str | None = None,
    ) -> StoredPreview:
        """Keep a preview that was claimed (`syncwell.store_preview`). For workers.

        Args:
            lease_token: what `claim` gave.
            delta: what would change; statistics that are left out are filled in.
            ttl: how long it is valid, 1 second to 30 days; None: setting preview.ttl.
            sync_id: the sync that it is for, noted with it.

        Raises:
            PreviewLeaseLostError: it is not claimed under this token any more.
            MalformedPreviewError: the document is no preview.
            PreviewTooLargeError: it is larger than setting preview.max_bytes.
            PreviewBusyError: another one has been computing it for longer than setting preview.wait.
        """
        return await self._caller.row(
            StoredPreview,
            """
            select preview_id, cache_key, computed_at, expires_at
            from syncwell.store_preview(
              p_lease_token => %(lease_token)s::uuid,
              p_delta => %(delta)s::jsonb,
              p_ttl => %(ttl)s::interval,
              p_sync_id => %(sync_id)s::text
            )
            """,
            {"lease_token": lease_token, "delta": Jsonb(delta), "ttl": ttl, "sync_id": sync_id},
        )

    async def release(
        self,
        *,
        lease_token: UUID,
    ) -> bool:
        """Give up a claim; False: it was lost already (`syncwell.release_preview`). For workers.

        Args:
            lease_token: what `claim` gave.
        """
        return await self._caller.value(
            bool,
            """
            select syncwell.release_preview(
              p_lease_token => %(lease_token)s::uuid
            )
            """,
            {"lease_token": lease_token},
        )

    async def get(
        self,
        *,
        cache_key: str | None = None,
        preview_id: UUID | None = None,
    ) -> CachedPreview | None:
        """Return the preview with this key or id; None: there is no valid one (`syncwell.get_preview`).

        Args:
            cache_key: what it is a preview of.
            preview_id: or its id.

        Raises:
            psycopg.errors.NullValueNotAllowed: neither is given.
        """
        found = await self._caller.rows(
            CachedPreview,
            """
            select preview_id, cache_key, sync_type, sync_id, delta, computed_at, expires_at, computed_by
            from syncwell.get_preview(
              p_cache_key => %(cache_key)s::text,
              p_preview_id => %(preview_id)s::uuid
            )
            """,
            {"cache_key": cache_key, "preview_id": preview_id},
        )
        return found[0] if found else None

    async def entries(
        self,
        *,
        sync_type: str | None = None,
        sync_id: str | None = None,
        expired: bool | None = False,
        limit: int = 50,
    ) -> list[PreviewSummary]:
        """List previews without their documents, newest first (`syncwell.get_previews`).

        Args:
            sync_type: only of this type.
            sync_id: only of this sync.
            expired: False: valid ones; True: those that wait for the clean-up; None: both.
            limit: 1 to 1000.

        Raises:
            psycopg.errors.InvalidParameterValue: the limit is out of range.
        """
        return await self._caller.rows(
            PreviewSummary,
            """
            select preview_id, cache_key, sync_type, sync_id, new_count, updated_count, deleted_count, total_affected,
              bytes, computed_at, expires_at, seconds_left, computed_by
            from syncwell.get_previews(
              p_sync_type => %(sync_type)s::text,
              p_sync_id => %(sync_id)s::text,
              p_expired => %(expired)s::boolean,
              p_limit => %(limit)s::integer
            )
            """,
            {"sync_type": sync_type, "sync_id": sync_id, "expired": expired, "limit": limit},
        )

    async def invalidate(
        self,
        *,
        cache_key: str | None = None,
        sync_type: str | None = None,
        sync_id: str | None = None,
    ) -> int:
        """Remove previews, return how many valid ones that were (`syncwell.invalidate_preview`). For workers.

        Args:
            cache_key: only of this key.
            sync_type: only of this type.
            sync_id: only of this sync.

        Raises:
            psycopg.errors.NullValueNotAllowed: none of them is given.
        """
        return await self._caller.value(
            int,
            """
            select syncwell.invalidate_preview(
              p_cache_key => %(cache_key)s::text,
              p_sync_type => %(sync_type)s::text,
              p_sync_id => %(sync_id)s::text
            )
            """,
            {"cache_key": cache_key, "sync_type": sync_type, "sync_id": sync_id},
        )

    async def cleanup(self) -> CleanedPreviews:
        """Remove what has expired, of all orgs (`syncwell.auto_cleanup_preview_cache`). For operators."""
        return await self._caller.row(
            CleanedPreviews,
            "select deleted_count, error_message from syncwell.auto_cleanup_preview_cache()",
            {},
        )
