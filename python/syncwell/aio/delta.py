"""`sw.delta`, asynchronous."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from syncwell.aio._caller import AsyncCaller
from syncwell.aio._stream import AsyncPullStream
from syncwell.delta import (
    Choice,
    ClientFacts,
    PullAnswer,
    PushAnswer,
    QuarantinedRecord,
    Scope,
    SyncClient,
    SyncConflict,
    TableChanges,
    TrackingProblem,
    push_failure,
)

__all__ = ["AsyncDelta", "AsyncPullStream"]

_DOCUMENT: type[dict[str, Any]] = dict
_NOTHING: Mapping[str, str] = MappingProxyType({})


class AsyncDelta:
    """Pull and push for offline-first clients, by the protocol of WatermelonDB."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def pull(
        self,
        *,
        last_pulled_at: int | None = None,
        schema_version: int | None = None,
        migration: Mapping[str, Any] | None = None,
        tables: Sequence[str] | None = None,
        device_id: str | None = None,
        limit: int | None = None,
        created_as_updated: bool = False,
        client: ClientFacts | None = None,
    ) -> PullAnswer:
        """Return what has changed since a cursor, with a new cursor (`syncwell.sync_pull`).

        Args:
            last_pulled_at: the cursor of the device; None or 0: everything.
            schema_version: version of the device's own schema.
            migration: what it has been migrated from: `from`, `tables`, `columns`.
            tables: these synced tables only; None: all.
            device_id: the device's own id.
            limit: at most so many records; the rest comes with the next cursor.
            created_as_updated: send new records as updated, for clients with `sendCreatedAsUpdated`.
            client: what the device says of itself.

        Raises:
            UnknownSyncedTableError: one of `tables` is not synced.
            PullTooLargeError: larger than the setting ``delta.max_bytes``: use `pull_stream` or `limit`.
            PullAndWriteMixedError: the transaction has written to synced tables.
            RecordsHiddenError: the table's own policies hide changed records from their owner.
            TooManyDeletesError: most of the device's records would go without a known deletion.
            UntrackedPartitionsError: a table has partitions whose changes are not tracked.
        """
        text = await self.pull_text(
            last_pulled_at=last_pulled_at,
            schema_version=schema_version,
            migration=migration,
            tables=tables,
            device_id=device_id,
            limit=limit,
            created_as_updated=created_as_updated,
            client=client,
        )
        return PullAnswer.of(json.loads(text))

    async def pull_text(
        self,
        *,
        last_pulled_at: int | None = None,
        schema_version: int | None = None,
        migration: Mapping[str, Any] | None = None,
        tables: Sequence[str] | None = None,
        device_id: str | None = None,
        limit: int | None = None,
        created_as_updated: bool = False,
        client: ClientFacts | None = None,
    ) -> str:
        """Return the answer of `pull` as the JSON text that is sent to the device (`syncwell.sync_pull`).

        Arguments and errors are those of `pull`.
        """
        return await self._caller.value(
            str,
            """
            select syncwell.sync_pull(
              p_last_pulled_at => %(last_pulled_at)s::bigint,
              p_schema_version => %(schema_version)s::integer,
              p_migration => %(migration)s::jsonb,
              p_tables => %(tables)s::text[],
              p_device_id => %(device_id)s::text,
              p_limit => %(limit)s::integer,
              p_created_as_updated => %(created_as_updated)s::boolean,
              p_client => %(client)s::jsonb
            )::text
            """,
            {
                "last_pulled_at": last_pulled_at,
                "schema_version": schema_version,
                "migration": None if migration is None else Jsonb(migration),
                "tables": None if tables is None else list(tables),
                "device_id": device_id,
                "limit": limit,
                "created_as_updated": created_as_updated,
                "client": None if client is None else Jsonb(client),
            },
        )

    def pull_stream(
        self,
        *,
        last_pulled_at: int | None = None,
        schema_version: int | None = None,
        migration: Mapping[str, Any] | None = None,
        tables: Sequence[str] | None = None,
        device_id: str | None = None,
        created_as_updated: bool = False,
        client: ClientFacts | None = None,
        timeout: float = 600.0,
        stall: float = 30.0,
    ) -> AsyncPullStream:
        """Return the same pull as chunks of JSON text, whatever its size: `async with …pull_stream() as stream:`.

        It is a transaction of its own (`syncwell.open_pull_stream`, COPY, `syncwell.close_pull_stream`) and takes a
        connection from the pool, or the client's own connection, until the block ends: other calls on that wait.
        Memory stays flat on both sides. What is not in the middle of a stream is refused at entering, with the errors
        of `pull`; what fails in the middle is raised by reading on, and the text is cut short: no valid JSON.

        A pull holds back clean-up in the whole database while it lives. One that takes too long, or whose reader
        does, loses its connection and reads TimeoutError.

        Args:
            last_pulled_at: the cursor of the device; None or 0: everything.
            schema_version: version of the device's own schema.
            migration: what it has been migrated from: `from`, `tables`, `columns`.
            tables: these synced tables only; None: all.
            device_id: the device's own id.
            created_as_updated: send new records as updated, for clients with `sendCreatedAsUpdated`.
            client: what the device says of itself.
            timeout: seconds that the whole pull may take.
            stall: seconds that its reader may take for one chunk.

        Raises:
            ValueError: at entering, inside of somebody else's transaction.
        """
        return AsyncPullStream(
            self._caller,
            """
            select kind, body
            from syncwell.open_pull_stream(
              p_last_pulled_at => %(last_pulled_at)s::bigint,
              p_schema_version => %(schema_version)s::integer,
              p_migration => %(migration)s::jsonb,
              p_tables => %(tables)s::text[],
              p_device_id => %(device_id)s::text,
              p_created_as_updated => %(created_as_updated)s::boolean,
              p_client => %(client)s::jsonb
            )
            order by "position"
            """,
            {
                "last_pulled_at": last_pulled_at,
                "schema_version": schema_version,
                "migration": None if migration is None else Jsonb(migration),
                "tables": None if tables is None else list(tables),
                "device_id": device_id,
                "created_as_updated": created_as_updated,
                "client": None if client is None else Jsonb(client),
            },
            timeout,
            stall,
        )

    async def push(
        self,
        *,
        changes: Mapping[str, TableChanges],
        last_pulled_at: int | None = None,
        device_id: str | None = None,
        request_id: str | None = None,
        client: ClientFacts | None = None,
    ) -> PushAnswer:
        """Write what a device changed, all or nothing (`syncwell.sync_push`).

        A push that fails is recorded as a failure of the device's stream: the error is raised when that is committed,
        or, inside of the caller's transaction, without an abort of it.

        Args:
            changes: by table, as the device sends them.
            last_pulled_at: the cursor the device has.
            device_id: the device's own id.
            request_id: the device's own name for this push: told again it is answered again, not repeated.
            client: what the device says of itself.

        Raises:
            PushConflictError: records were changed on the server meanwhile; pull, then push again.
            PushTooLargeError: more records than the setting ``delta.max_push_records``.
            psycopg.errors.SerializationFailure: the cursor is not known; pull, then push again.
        """
        text = await self.push_text(
            changes=json.dumps(changes),
            last_pulled_at=last_pulled_at,
            device_id=device_id,
            request_id=request_id,
            client=client,
        )
        return _accepted(json.loads(text))

    async def push_text(
        self,
        *,
        changes: str,
        last_pulled_at: int | None = None,
        device_id: str | None = None,
        request_id: str | None = None,
        client: ClientFacts | None = None,
    ) -> str:
        """Push JSON text as it came, return the answer as JSON text (`syncwell.sync_push`).

        Raises nothing for a push that was refused: its answer has `"success": false`, with the error and the HTTP
        status that says the same; `syncwell.delta.push_failure` makes an exception of it.

        Args:
            changes: by table, as JSON text.
            last_pulled_at: the cursor the device has.
            device_id: the device's own id.
            request_id: the device's own name for this push.
            client: what the device says of itself.
        """
        return await self._caller.value(
            str,
            """
            select syncwell.sync_push(
              p_changes => %(changes)s::json,
              p_last_pulled_at => %(last_pulled_at)s::bigint,
              p_device_id => %(device_id)s::text,
              p_request_id => %(request_id)s::text,
              p_client => %(client)s::jsonb
            )::text
            """,
            {
                "changes": changes,
                "last_pulled_at": last_pulled_at,
                "device_id": device_id,
                "request_id": request_id,
                "client": None if client is None else Jsonb(client),
            },
        )

    async def preview_push(
        self,
        *,
        changes: Mapping[str, TableChanges],
        last_pulled_at: int | None = None,
        device_id: str | None = None,
    ) -> PushAnswer:
        """Return what a push would do; write nothing (`syncwell.preview_push`).

        Args:
            changes: by table, as the device sends them.
            last_pulled_at: the cursor the device has.
            device_id: the device's own id.

        Raises:
            SyncwellError: what the push would raise.
        """
        text = await self.preview_push_text(
            changes=json.dumps(changes), last_pulled_at=last_pulled_at, device_id=device_id
        )
        return _accepted(json.loads(text))

    async def preview_push_text(
        self, *, changes: str, last_pulled_at: int | None = None, device_id: str | None = None
    ) -> str:
        """Return what `push_text` would answer; write nothing (`syncwell.preview_push`).

        Args:
            changes: by table, as JSON text.
            last_pulled_at: the cursor the device has.
            device_id: the device's own id.
        """
        return await self._caller.value(
            str,
            """
            select syncwell.preview_push(
              p_changes => %(changes)s::json,
              p_last_pulled_at => %(last_pulled_at)s::bigint,
              p_device_id => %(device_id)s::text
            )::text
            """,
            {"changes": changes, "last_pulled_at": last_pulled_at, "device_id": device_id},
        )

    async def register(
        self,
        table: str,
        *,
        scope_column: str = "user_id",
        id_column: str = "id",
        columns: Sequence[str] | None = None,
        conflict_policy: str = "reject",
        scope: Scope = "user",
        org_column: str | None = None,
        encodings: Mapping[str, str] = _NOTHING,
        read_only: Sequence[str] = (),
        rls_revokes: bool = False,
        name: str | None = None,
    ) -> int:
        """Let devices sync a table; return its number (`syncwell.register_synced_table`). For its owner, an operator.

        The table stays as it is but for triggers, and no row of it is read. Again with the same arguments it changes
        nothing; what devices get is sent anew where other arguments change that.

        Args:
            table: the table, with its schema.
            scope_column: says whose a row is.
            id_column: the record's id: text, uuid or a whole number, sent as text.
            columns: what devices get; None: all columns.
            conflict_policy: reject, last_write_wins, merge_columns, server_wins, or the name of a function.
            scope: whether scope_column is a user's id or an org's.
            org_column: where the org of a user's row stands; None: nowhere.
            encodings: how columns are sent, where not by the rule of their type.
            read_only: columns that devices get and never write.
            rls_revokes: whether a row that the table's own policies hide from its owner is sent as deleted.
            name: the collection's name for devices; None: the table's.

        Raises:
            TableNotSyncableError: it cannot be synced; the detail says why.
        """
        return await self._caller.value(
            int,
            """
            select syncwell.register_synced_table(
              p_table => %(table)s::regclass,
              p_scope_column => %(scope_column)s::text,
              p_id_column => %(id_column)s::text,
              p_columns => %(columns)s::text[],
              p_conflict_policy => %(conflict_policy)s::text,
              p_scope => %(scope)s::text,
              p_org_column => %(org_column)s::text,
              p_encodings => %(encodings)s::jsonb,
              p_read_only => %(read_only)s::text[],
              p_rls_revokes => %(rls_revokes)s::boolean,
              p_name => %(name)s::text
            )
            """,
            {
                "table": table,
                "scope_column": scope_column,
                "id_column": id_column,
                "columns": None if columns is None else list(columns),
                "conflict_policy": conflict_policy,
                "scope": scope,
                "org_column": org_column,
                "encodings": Jsonb(dict(encodings)),
                "read_only": list(read_only),
                "rls_revokes": rls_revokes,
                "name": name,
            },
        )

    async def unregister(self, table: str) -> bool:
        """Let devices sync a table no more (`syncwell.unregister_synced_table`); False: they don't. For operators.

        Args:
            table: the table, with its schema.
        """
        return await self._caller.value(
            bool, "select syncwell.unregister_synced_table(p_table => %(table)s::regclass)", {"table": table}
        )

    async def ensure_tracking(self, table: str | None = None) -> int:
        """Track new partitions, mend triggers; return how many partitions are new (`syncwell.ensure_tracking`).

        Args:
            table: the table, with its schema; None: all.
        """
        return await self._caller.value(
            int, "select syncwell.ensure_tracking(p_table => %(table)s::regclass)", {"table": table}
        )

    async def resync_table(self, table: str) -> None:
        """Send a table to every device in full, after changes that nobody saw (`syncwell.resync_table`).

        Args:
            table: the table, with its schema.
        """
        await self._caller.command("select syncwell.resync_table(p_table => %(table)s::regclass)", {"table": table})

    async def check_tracking(self, table: str | None = None) -> list[TrackingProblem]:
        """Return what keeps changes from being seen (`syncwell.check_tracking`).

        Args:
            table: the table, with its schema; None: all.
        """
        return await self._caller.rows(
            TrackingProblem,
            """
            select table_name, relation, problem, hint
            from syncwell.check_tracking(p_table => %(table)s::regclass)
            """,
            {"table": table},
        )

    async def touch_record(
        self, *, table: str, record_id: str, user_id: UUID | None = None, created: bool = False
    ) -> bool:
        """Send a record again, whose visibility changed without a change of it (`syncwell.touch_record`).

        Args:
            table: the synced table, by its name for devices.
            record_id: the record.
            user_id: whose devices; None: those of its scope.
            created: whether it is new to them.

        Raises:
            UnknownSyncedTableError: no such table is synced.
        """
        return await self._caller.value(
            bool,
            """
            select syncwell.touch_record(
              p_table => %(table)s::text,
              p_record_id => %(record_id)s::text,
              p_user_id => %(user_id)s::uuid,
              p_created => %(created)s::boolean
            )
            """,
            {"table": table, "record_id": record_id, "user_id": user_id, "created": created},
        )

    async def conflicts(
        self, *, table: str | None = None, open: bool | None = True, limit: int = 50, user_id: UUID | None = None
    ) -> list[SyncConflict]:
        """Return conflicts that a policy decided, the newest first (`syncwell.get_sync_conflicts`).

        Args:
            table: of this synced table only.
            open: those that no person has decided; False: the others; None: both.
            limit: at most so many, 1 to 1000.
            user_id: this user's only; None: all the caller may see.
        """
        return await self._caller.rows(
            SyncConflict,
            """
            select
              conflict_id, user_id, device_id, table_name, record_id, action, policy, outcome, server_record,
              client_record, changed_columns, occurred_at, choice, resolved_at, resolved_by
            from syncwell.get_sync_conflicts(
              p_table => %(table)s::text,
              p_open => %(open)s::boolean,
              p_limit => %(limit)s::integer,
              p_user_id => %(user_id)s::uuid
            )
            """,
            {"table": table, "open": open, "limit": limit, "user_id": user_id},
        )

    async def resolve_conflict(self, *, conflict_id: UUID, choice: Choice) -> dict[str, Any]:
        """Write one version of a conflict over what is there now (`syncwell.resolve_conflict`).

        Under the caller's own rights on the table. Returns `choice`, and as `changed` whether it was chosen anew.

        Args:
            conflict_id: the conflict.
            choice: whose version the record shall have.

        Raises:
            UnknownConflictError: no such conflict, or not the caller's.
            UnknownSyncedTableError: its table is not synced any more.
        """
        return await self._caller.value(
            _DOCUMENT,
            """
            select syncwell.resolve_conflict(p_conflict_id => %(conflict_id)s::uuid, p_choice => %(choice)s::text)
            """,
            {"conflict_id": conflict_id, "choice": choice},
        )

    async def quarantined(
        self, *, table: str | None = None, limit: int = 50, user_id: UUID | None = None
    ) -> list[QuarantinedRecord]:
        """Return pushed records that no table takes, the newest first (`syncwell.get_quarantined_records`).

        What a later push of the same record has settled is not among them.

        Args:
            table: of this synced table only.
            limit: at most so many, 1 to 1000.
            user_id: this user's only; None: all the caller may see.
        """
        return await self._caller.rows(
            QuarantinedRecord,
            """
            select
              quarantine_id, user_id, device_id, table_name, record_id, action, record, error_code, reason,
              quarantined_at
            from syncwell.get_quarantined_records(
              p_table => %(table)s::text, p_limit => %(limit)s::integer, p_user_id => %(user_id)s::uuid
            )
            """,
            {"table": table, "limit": limit, "user_id": user_id},
        )

    async def clients(self, *, user_id: UUID | None = None, limit: int = 100) -> list[SyncClient]:
        """Return the devices that sync, the last seen first (`syncwell.get_sync_clients`).

        Args:
            user_id: this user's only; None: all the caller may see.
            limit: at most so many, 1 to 1000.
        """
        return await self._caller.rows(
            SyncClient,
            """
            select
              user_id, device_id, platform, app_version, network_type, first_seen, last_seen, last_pull, last_push,
              cursor_age, next_pull, schema_version, records, pulls, pushes, failures, failing_since, last_error_code,
              conflicts, quarantined, open_quarantined, full_resyncs
            from syncwell.get_sync_clients(p_user_id => %(user_id)s::uuid, p_limit => %(limit)s::integer)
            """,
            {"user_id": user_id, "limit": limit},
        )

    async def invalidate(self, *, user_id: UUID | None = None, device_id: str | None = None) -> int:
        """Make devices replace everything at their next pull; return how many (`syncwell.invalidate_client`).

        Args:
            user_id: whose; None: everybody's for whom the caller acts: its own, its org's, for operators all.
            device_id: this device only, an empty text for those without a name; None: all.

        Raises:
            UnknownDeviceError: the user has no such device.
        """
        return await self._caller.value(
            int,
            """
            select syncwell.invalidate_client(p_user_id => %(user_id)s::uuid, p_device_id => %(device_id)s::text)
            """,
            {"user_id": user_id, "device_id": device_id},
        )

    async def cleanup_tombstones(self, *, older_than: timedelta = timedelta(days=30), batch: int = 10000) -> int:
        """Forget old deletions; return how many (`syncwell.cleanup_old_tombstones`). For operators.

        Devices that may have missed one are told to replace everything.

        Args:
            older_than: how old they are at least.
            batch: how many at most in one call.
        """
        return await self._caller.value(
            int,
            """
            select syncwell.cleanup_old_tombstones(
              p_older_than => %(older_than)s::interval, p_batch => %(batch)s::integer
            )
            """,
            {"older_than": older_than, "batch": batch},
        )


def _accepted(document: Mapping[str, Any]) -> PushAnswer:
    failure = push_failure(document)
    if failure is not None:
        raise failure
    return PushAnswer.of(document)
