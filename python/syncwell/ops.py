"""What `sw.ops` returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

__all__ = [
    "DeviceConditions",
    "DutyState",
    "ErasedRows",
    "ErasureAction",
    "ExportedRow",
    "ImportKind",
    "ImportedBatch",
    "InstallFinding",
    "InstallSeverity",
    "MaintenanceDuty",
    "MetricSample",
    "MetricsFormat",
    "SyncReason",
    "SyncTurn",
    "SyncVerdict",
    "TableFinding",
]

ErasureAction = Literal["deleted", "anonymised"]
DutyState = Literal["done", "failed", "overdue", "never"]
ImportKind = Literal["sessions", "records", "events", "sync_state", "sync_health"]
InstallSeverity = Literal["ok", "warning", "error"]
MetricsFormat = Literal["openmetrics", "prometheus"]
SyncReason = Literal[
    "initialization",
    "foreground",
    "reconnect",
    "periodic",
    "save",
    "background",
    "session",
    "session_end",
    "manual",
    "push",
]
SyncVerdict = Literal[
    "allowed",
    "offline",
    "already_syncing",
    "circuit_open",
    "back_off",
    "debounce",
    "not_due",
    "rate_limited",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceDuty:
    """How a duty of maintenance last went (`syncwell.get_maintenance_report`).

    Attributes:
        duty: the task, followed by a colon and the table where it is done for each.
        task: the task.
        domain: the domain it belongs to.
        description: what it does.
        state: done, failed, overdue (not done for three times its interval) or never.
        started_at: when it was last started; None: never.
        duration_ms: milliseconds it took; None: never done.
        affected: how much it did, mostly rows; None: it failed, or never ran.
        error_code: SQLSTATE of its failure; None: it went well.
        error: why it failed; None: it went well.
        failures: how often it failed since it last went well.
        succeeded_at: when it last went well; None: never.
        due_at: when it is due again.
    """

    duty: str
    task: str
    domain: str
    description: str
    state: DutyState
    started_at: datetime | None
    duration_ms: int | None
    affected: int | None
    error_code: str | None
    error: str | None
    failures: int
    succeeded_at: datetime | None
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFinding:
    """A table or index that needs attention (`syncwell.get_table_health`).

    Attributes:
        relation: its name.
        finding: needs vacuum, transaction ids run out, invalid index, or needs reindex.
        detail: by which figures.
        remedy: the statement that helps.
        bytes: its size.
    """

    relation: str
    finding: str
    detail: str
    remedy: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallFinding:
    """What a check of the installation, or of a session, found (`syncwell.verify_install`, `verify_session`).

    Attributes:
        check_name: the check.
        severity: ok: it found nothing; warning; error.
        subject: what is meant; None: nothing in particular.
        detail: what was found.
        remedy: what to do; None: nothing.
    """

    check_name: str
    severity: InstallSeverity
    subject: str | None
    detail: str
    remedy: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSample:
    """A sample of a metric (`syncwell.get_metric_samples`).

    Attributes:
        metric: the metric.
        sample: the sample's name, which differs from the metric in histograms: `_bucket`, `_count`, `_sum`.
        labels: its labels, as texts.
        value: in seconds, ratios (1 = 100 %), Unix times or counts.
    """

    metric: str
    sample: str
    labels: Any
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncTurn:
    """Whether a device may sync now (`syncwell.request_sync`).

    Attributes:
        allowed: it may.
        wait_ms: when to ask again, in milliseconds; 0: it may; None: when there is a network.
        why: allowed, or what speaks against it.
        request_id: what to tell `finish_sync` when it is done; None: it may not.
    """

    allowed: bool
    wait_ms: int | None
    why: SyncVerdict
    request_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConditions:
    """What a device is like at the moment.

    Attributes:
        network: such as wifi, cellular; none or offline: there is none; None: not known.
        metered: whether data costs money; None: not known.
        battery: how full it is, in percent; None: not known.
    """

    network: str | None = None
    metered: bool | None = None
    battery: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedRow:
    """A row of what is stored about a user (`syncwell.export_user`).

    Attributes:
        table_name: the table.
        data: the row, by column.
    """

    table_name: str
    data: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedRows:
    """What erasing a user did to a table (`syncwell.erase_user`).

    Attributes:
        table_name: the table.
        user_column: its column that named the user.
        action: deleted: the rows are gone; anonymised: the user was taken out of them.
        affected_rows: how many rows.
    """

    table_name: str
    user_column: str
    action: ErasureAction
    affected_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedBatch:
    """What became of a batch of an import (`syncwell.import_existing`).

    Attributes:
        rows_read: rows that the query gave.
        imported: those that are new here.
        duplicates: those that were here.
        updated: those that replaced an older version.
        rejected: those that can't be taken.
        rejections: the first hundred of them, each with its `key` and a `reason`.
        last_key: where the next batch goes on, as text; None: there was no row.
        done: there are no more.
    """

    rows_read: int
    imported: int
    duplicates: int
    updated: int
    rejected: int
    rejections: list[dict[str, Any]]
    last_key: str | None
    done: bool
