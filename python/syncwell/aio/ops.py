"""`sw.ops`, asynchronous."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from syncwell.aio._caller import AsyncCaller
from syncwell.aio.loop import AsyncSyncLoop
from syncwell.ops import (
    DeviceConditions,
    ErasedRows,
    ExportedRow,
    ImportedBatch,
    ImportKind,
    InstallFinding,
    MaintenanceDuty,
    MetricSample,
    MetricsFormat,
    SyncReason,
    SyncTurn,
    TableFinding,
)

__all__ = ["AsyncOps"]


def _unknown() -> DeviceConditions:
    return DeviceConditions()


class AsyncOps:
    """What keeps an installation well, and when to sync. Most of it is for logins with role syncwell_operator."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def run_maintenance(self, *, duty: str | None = None, force: bool = False) -> None:
        """Do what maintenance has to do and is due, each duty in its own transaction (`syncwell.run_maintenance`).

        Safe at any time, from several places at once, and as often as once a minute. A duty that fails does not raise:
        `maintenance_report` tells.

        Args:
            duty: this duty, or those of this task, only; None: all.
            force: also what is not due.

        Raises:
            ValueError: the client has a connection without autocommit or in a transaction, or acts for somebody.
            UnknownDutyError: no such duty.
        """
        await self._caller.procedure(
            "call syncwell.run_maintenance(p_duty => %(duty)s::text, p_force => %(force)s::boolean)",
            {"duty": duty, "force": force},
        )

    async def maintenance_report(self) -> list[MaintenanceDuty]:
        """Return how each duty of maintenance last went, failed ones first (`syncwell.get_maintenance_report`)."""
        return await self._caller.rows(
            MaintenanceDuty,
            """
            select
              duty, task, domain, description, state, started_at, duration_ms, affected, error_code, error, failures,
              succeeded_at, due_at
            from syncwell.get_maintenance_report()
            """,
            {},
        )

    async def table_health(self) -> list[TableFinding]:
        """Return the tables and indexes that need attention, the largest first (`syncwell.get_table_health`)."""
        return await self._caller.rows(
            TableFinding,
            "select relation, finding, detail, remedy, bytes from syncwell.get_table_health()",
            {},
        )

    async def verify_install(self) -> list[InstallFinding]:
        """Return what a check of the installation finds, what is wrong first (`syncwell.verify_install`)."""
        return await self._caller.rows(
            InstallFinding,
            "select check_name, severity, subject, detail, remedy from syncwell.verify_install()",
            {},
        )

    async def verify_session(self) -> list[InstallFinding]:
        """Return what a check of this session and its login finds, worst first (`syncwell.verify_session`)."""
        return await self._caller.rows(
            InstallFinding,
            "select check_name, severity, subject, detail, remedy from syncwell.verify_session()",
            {},
        )

    async def openmetrics(self, *, format: MetricsFormat = "openmetrics") -> str:
        """Return metrics for Prometheus, of the caller's org, for operators of all (`syncwell.openmetrics`).

        Args:
            format: openmetrics, or prometheus for its older text format.

        Raises:
            psycopg.errors.InsufficientPrivilege: the caller is a member of its org.
        """
        return await self._caller.value(
            str, "select syncwell.openmetrics(p_format => %(format)s::text)", {"format": format}
        )

    async def metric_samples(self, *, metric: str | None = None) -> list[MetricSample]:
        """Return what `openmetrics` tells, as rows (`syncwell.get_metric_samples`).

        Args:
            metric: this one only, such as sync_runs_total; None: all.

        Raises:
            psycopg.errors.InsufficientPrivilege: the caller is a member of its org.
        """
        return await self._caller.rows(
            MetricSample,
            "select metric, sample, labels, value from syncwell.get_metric_samples(p_metric => %(metric)s::text)",
            {"metric": metric},
        )

    async def schedule_maintenance(self, *, every_minutes: int = 1) -> int:
        """Have the extension pg_cron call `run_maintenance` (`syncwell.schedule_maintenance`); return the job's number.

        Args:
            every_minutes: 1 to 59.

        Raises:
            SchedulerMissingError: pg_cron is not in this database, or the login may not use it.
            psycopg.errors.InvalidParameterValue: the minutes are out of range.
        """
        return await self._caller.value(
            int,
            "select syncwell.schedule_maintenance(p_every_minutes => %(every_minutes)s::integer)",
            {"every_minutes": every_minutes},
        )

    async def unschedule_maintenance(self) -> bool:
        """Take back what `schedule_maintenance` scheduled (`syncwell.unschedule_maintenance`); return whether it did.

        Raises:
            SchedulerMissingError: pg_cron is not in this database, or the login may not use it.
        """
        return await self._caller.value(bool, "select syncwell.unschedule_maintenance()", {})

    def sync_loop(
        self,
        sync: Callable[[SyncReason], Awaitable[None]],
        *,
        source: str,
        device_id: str | None = None,
        conditions: Callable[[], DeviceConditions] = _unknown,
        failed: Callable[[Exception], None] | None = None,
        poll: float = 60.0,
        wait: Callable[[float], Awaitable[None]] | None = None,
        user_id: UUID | None = None,
    ) -> AsyncSyncLoop:
        """Return a loop that syncs when the database says so: `await sw.ops.sync_loop(sync, source="app").run()`.

        It asks `request_sync` and calls `sync` with the reason; that is all it decides. `tell()` it what happens:
        the app came to the foreground, something was saved, the user pressed a button; without news it asks for the
        periodic sync when that is due. A `sync` that raises has failed, and the loop goes on; so it does when the
        database is away.

        Args:
            sync: syncs once, for this reason.
            source: what is synced.
            device_id: which device does; None: there is only one.
            conditions: tells what the device is like, each time it is asked for.
            failed: is given what `sync` or the database raised; None: it is raised by `run`.
            poll: seconds until it asks again where the database can't say when: it is away, or there is no network.
            wait: returns after so many seconds, or sooner; None: as soon as the loop is told something.
            user_id: whose device; None: the acting user's, or the org's own.

        Raises:
            ValueError: when it runs on a connection whose transactions are somebody else's.
        """
        return AsyncSyncLoop(self._caller, self, sync, source, device_id, conditions, failed, poll, wait, user_id)

    async def request_sync(
        self,
        *,
        source: str,
        reason: SyncReason,
        device_id: str | None = None,
        network: str | None = None,
        metered: bool | None = None,
        battery: float | None = None,
        user_id: UUID | None = None,
    ) -> SyncTurn:
        """Ask whether a device may sync now (`syncwell.request_sync`).

        Call it in a transaction of its own, and `finish_sync` when the sync is over.

        Args:
            source: what is synced.
            reason: why.
            device_id: which device; None: the one that has no name.
            network: such as wifi, cellular; none or offline: there is none.
            metered: whether data costs money.
            battery: how full it is, in percent.
            user_id: whose device; None: the acting user's, or the org's own.

        Raises:
            UnknownUserError: no such user, or not the caller's to speak for.
            psycopg.errors.InvalidParameterValue: an argument is not what it may be.
        """
        return await self._caller.row(
            SyncTurn,
            """
            select allowed, wait_ms, why, request_id
            from syncwell.request_sync(
              p_source => %(source)s::text,
              p_reason => %(reason)s::text,
              p_device_id => %(device_id)s::text,
              p_network => %(network)s::text,
              p_metered => %(metered)s::boolean,
              p_battery => %(battery)s::numeric,
              p_user_id => %(user_id)s::uuid
            )
            """,
            {
                "source": source,
                "reason": reason,
                "device_id": device_id,
                "network": network,
                "metered": metered,
                "battery": battery,
                "user_id": user_id,
            },
        )

    async def finish_sync(self, *, request_id: UUID, succeeded: bool = True, user_id: UUID | None = None) -> bool:
        """Say that a sync is over; False: its turn was over before (`syncwell.finish_sync`).

        Args:
            request_id: what `request_sync` gave.
            succeeded: whether it went well.
            user_id: as it was for `request_sync`.

        Raises:
            UnknownUserError: no such user, or not the caller's to speak for.
        """
        return await self._caller.value(
            bool,
            """
            select syncwell.finish_sync(
              p_request_id => %(request_id)s::uuid,
              p_succeeded => %(succeeded)s::boolean,
              p_user_id => %(user_id)s::uuid
            )
            """,
            {"request_id": request_id, "succeeded": succeeded, "user_id": user_id},
        )

    async def export_user(self, *, user_id: UUID) -> list[ExportedRow]:
        """Return everything that is stored about a user (`syncwell.export_user`), all of it in memory.

        For the user itself and for operators. `syncwell privacy export` writes it to a file as it comes.

        Args:
            user_id: the user.

        Raises:
            UnknownUserError: no user whose data the caller may take out.
        """
        return await self._caller.rows(
            ExportedRow,
            "select table_name, data from syncwell.export_user(p_user_id => %(user_id)s::uuid)",
            {"user_id": user_id},
        )

    async def erase_user(self, *, user_id: UUID) -> list[ErasedRows]:
        """Erase a person for good, and return what that did (`syncwell.erase_user`). For operators.

        Args:
            user_id: the user.

        Raises:
            UnknownUserError: nothing is known of such a user.
        """
        return await self._caller.rows(
            ErasedRows,
            """
            select table_name, user_column, action, affected_rows
            from syncwell.erase_user(p_user_id => %(user_id)s::uuid)
            """,
            {"user_id": user_id},
        )

    async def import_existing(
        self, *, kind: ImportKind, query: str, import_: str = "import", dry_run: bool = True, batch: int = 10000
    ) -> ImportedBatch:
        """Bring a batch of what a host has recorded into syncwell (`syncwell.import_existing`). For operators.

        Call it until it is `done`; begun again under the same name it goes on where it stopped.

        Args:
            kind: what the rows are, in this order where all are there.
            query: a SELECT with a column `key` and the columns that the function's comment names.
            import_: the name of the import.
            dry_run: do all of it and take it back.
            batch: rows a call, 1 to 100000.

        Raises:
            psycopg.errors.InvalidParameterValue: an argument or the query is not what it may be.
        """
        return await self._caller.row(
            ImportedBatch,
            """
            select rows_read, imported, duplicates, updated, rejected, rejections, last_key, done
            from syncwell.import_existing(
              p_kind => %(kind)s::text,
              p_query => %(query)s::text,
              p_import => %(import_)s::text,
              p_dry_run => %(dry_run)s::boolean,
              p_batch => %(batch)s::integer
            )
            """,
            {"kind": kind, "query": query, "import_": import_, "dry_run": dry_run, "batch": batch},
        )
