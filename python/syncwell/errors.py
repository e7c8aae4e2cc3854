"""The errors of syncwell, one class for each SQLSTATE of class ``SW``.

The database decides what is an error and names it by SQLSTATE; this module gives each of them a Python class, so that
nobody has to compare message text. The same list is the table ``syncwell.error_codes``, and a test compares the two.

Everything else a call can raise (``22004`` for a null argument, ``22023`` for a bad parameter, ``22001`` for a text
that is too long, ``42501`` for a missing permission, a lost connection) stays the psycopg exception it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import psycopg

__all__ = [
    "BatchRefusedError",
    "BatchTooLargeError",
    "DataWouldBeLostError",
    "DuplicateRecordError",
    "ErrorAlreadyResolvedError",
    "IssueResolvedError",
    "LeaseLostError",
    "MalformedPreviewError",
    "MalformedRecordsError",
    "MergeNotRevertibleError",
    "MetricRefusedError",
    "MigrationAlreadyAppliedError",
    "MigrationError",
    "MigrationOutOfOrderError",
    "NoIdentityError",
    "OperationLeaseLostError",
    "PayloadTooLargeError",
    "PreviewBusyError",
    "PreviewLeaseLostError",
    "PreviewTooLargeError",
    "ProgressBeyondTotalError",
    "ProgressFinishedError",
    "ProgressWentBackError",
    "PullAndWriteMixedError",
    "PullTooLargeError",
    "PushConflictError",
    "PushTooLargeError",
    "RecordsHiddenError",
    "RolesMissingError",
    "RunAlreadyFinishedError",
    "SchedulerMissingError",
    "SettingOutOfRangeError",
    "SyncwellError",
    "TableNotSyncableError",
    "TooManyDeletesError",
    "UnknownChannelError",
    "UnknownConflictError",
    "UnknownConsentScopeError",
    "UnknownDeviceError",
    "UnknownDutyError",
    "UnknownEntityTypeError",
    "UnknownIssueError",
    "UnknownMergeError",
    "UnknownOperationError",
    "UnknownOrgError",
    "UnknownProgressError",
    "UnknownRunError",
    "UnknownSessionError",
    "UnknownSettingError",
    "UnknownSilenceError",
    "UnknownStreamError",
    "UnknownSyncActionError",
    "UnknownSyncError",
    "UnknownSyncTypeError",
    "UnknownSyncedTableError",
    "UnknownUserError",
    "UnknownWindowError",
    "UntrackedPartitionsError",
    "error_classes",
    "error_for",
    "from_psycopg",
]


class SyncwellError(Exception):
    """An error that syncwell itself raised.

    Attributes:
        sqlstate: five characters, ``SW`` and a number; what programs should compare.
        message: what happened, one sentence.
        detail: which value or row it was about, or None.
        hint: what to do about it, or None.
        name: the name of the SQLSTATE in ``syncwell.error_codes``.
        http_status: the HTTP status that says the same.
    """

    name: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500

    def __init__(self, sqlstate: str, message: str, detail: str | None = None, hint: str | None = None) -> None:
        super().__init__(sqlstate, message, detail, hint)
        self.sqlstate = sqlstate
        self.message = message
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        lines = [self.message]
        if self.detail:
            lines.append(f"DETAIL:  {self.detail}")
        if self.hint:
            lines.append(f"HINT:  {self.hint}")
        return "\n".join(lines)


class NoIdentityError(SyncwellError):
    """SW001: the login is nobody: it has no binding, or a gateway did not say for whom it acts."""

    name = "no_identity"
    http_status = 401


class UnknownUserError(SyncwellError):
    """SW002: there is no such user, or none that the caller may see."""

    name = "unknown_user"
    http_status = 404


class UnknownOrgError(SyncwellError):
    """SW003: there is no such org, or none that the caller may see."""

    name = "unknown_org"
    http_status = 404


class UnknownSettingError(SyncwellError):
    """SW010: no setting has this key."""

    name = "unknown_setting"
    http_status = 400


class SettingOutOfRangeError(SyncwellError):
    """SW011: the setting does not take this value."""

    name = "setting_out_of_range"
    http_status = 400


class UnknownConsentScopeError(SyncwellError):
    """SW020: there is nothing of this name to consent to."""

    name = "unknown_consent_scope"
    http_status = 404


class UnknownRunError(SyncwellError):
    """SW101: there is no such run, or none that the caller may see."""

    name = "unknown_run"
    http_status = 404


class LeaseLostError(SyncwellError):
    """SW102: the lease of the run is not this one: it was reaped, cancelled or taken over."""

    name = "lease_lost"
    http_status = 409


class RunAlreadyFinishedError(SyncwellError):
    """SW103: the run has ended already, with another outcome."""

    name = "run_already_finished"
    http_status = 409


class UnknownSyncError(SyncwellError):
    """SW104: there is no such sync error, or none that the caller may see."""

    name = "unknown_sync_error"
    http_status = 404


class UnknownStreamError(SyncwellError):
    """SW105: there is no such stream, or none that the caller may see."""

    name = "unknown_stream"
    http_status = 404


class ErrorAlreadyResolvedError(SyncwellError):
    """SW106: the sync error is resolved, so it cannot be retried."""

    name = "error_already_resolved"
    http_status = 409


class UnknownProgressError(SyncwellError):
    """SW201: no progress has been reported under this sync id, or none that the caller may see."""

    name = "unknown_progress"
    http_status = 404


class ProgressBeyondTotalError(SyncwellError):
    """SW202: more items are counted than there are in total."""

    name = "progress_beyond_total"
    http_status = 422


class ProgressWentBackError(SyncwellError):
    """SW203: a count is smaller than the one reported before, without a reset."""

    name = "progress_went_back"
    http_status = 422


class ProgressFinishedError(SyncwellError):
    """SW204: the sync has ended, so its progress does not change any more."""

    name = "progress_finished"
    http_status = 409


class UnknownEntityTypeError(SyncwellError):
    """SW205: the org has no such entity type."""

    name = "unknown_entity_type"
    http_status = 422


class UnknownSyncActionError(SyncwellError):
    """SW251: the org has no such action in its activity log."""

    name = "unknown_sync_action"
    http_status = 422


class UnknownSyncedTableError(SyncwellError):
    """SW301: no table of this name is registered for syncing."""

    name = "unknown_synced_table"
    http_status = 404


class TableNotSyncableError(SyncwellError):
    """SW302: the table cannot be synced as it is; the detail says why."""

    name = "table_not_syncable"
    http_status = 422


class PullTooLargeError(SyncwellError):
    """SW303: the answer of a pull is larger than the setting ``delta.max_bytes`` allows."""

    name = "pull_too_large"
    http_status = 413


class PushConflictError(SyncwellError):
    """SW304: pushed records were changed on the server since the device pulled; it must pull first."""

    name = "push_conflict"
    http_status = 409


class PullAndWriteMixedError(SyncwellError):
    """SW305: a pull and writes to synced tables stand in one transaction."""

    name = "pull_and_write_mixed"
    http_status = 409


class RecordsHiddenError(SyncwellError):
    """SW306: the table's own policies hide changed records from their owner."""

    name = "records_hidden"
    http_status = 409


class TooManyDeletesError(SyncwellError):
    """SW307: the pull would take most of the device's records without a known deletion."""

    name = "too_many_deletes"
    http_status = 409


class UntrackedPartitionsError(SyncwellError):
    """SW308: a synced table has partitions whose changes are not tracked yet."""

    name = "untracked_partitions"
    http_status = 409


class UnknownConflictError(SyncwellError):
    """SW309: there is no such conflict, or none that the caller may see."""

    name = "unknown_conflict"
    http_status = 404


class UnknownDeviceError(SyncwellError):
    """SW310: the user has no such device."""

    name = "unknown_device"
    http_status = 404


class PushTooLargeError(SyncwellError):
    """SW311: the push has more records than the setting ``delta.max_push_records`` allows."""

    name = "push_too_large"
    http_status = 413


class UnknownIssueError(SyncwellError):
    """SW601: there is no such issue, or none that the caller may see."""

    name = "unknown_issue"
    http_status = 404


class UnknownSilenceError(SyncwellError):
    """SW602: there is no such silence, or none that the caller may see."""

    name = "unknown_silence"
    http_status = 404


class UnknownWindowError(SyncwellError):
    """SW603: there is no such maintenance window, or none that the caller may see."""

    name = "unknown_window"
    http_status = 404


class IssueResolvedError(SyncwellError):
    """SW604: the issue is resolved, so there is nothing left to handle."""

    name = "issue_resolved"
    http_status = 409


class MetricRefusedError(SyncwellError):
    """SW605: a reported metric is unknown, negative, not finite, too large or in the future; the detail names it."""

    name = "metric_refused"
    http_status = 422


class UnknownChannelError(SyncwellError):
    """SW611: nobody delivers alerts by such a channel."""

    name = "unknown_channel"
    http_status = 404


class UnknownOperationError(SyncwellError):
    """SW401: there is no such queued operation, or none that the caller may handle."""

    name = "unknown_operation"
    http_status = 404


class OperationLeaseLostError(SyncwellError):
    """SW402: the operation was handed out again; stop working on it."""

    name = "operation_lease_lost"
    http_status = 409


class PayloadTooLargeError(SyncwellError):
    """SW403: the payload is larger than the setting ``queue.max_payload`` allows."""

    name = "payload_too_large"
    http_status = 413


class UnknownSessionError(SyncwellError):
    """SW501: there is no such session, or none that the caller may reach."""

    name = "unknown_session"
    http_status = 404


class BatchRefusedError(SyncwellError):
    """SW502: rows of a batch or document cannot be taken, and all or nothing was asked for.

    Attributes:
        rejections: the first hundred of them, each with its `position`, a `reason` and a `detail`.
    """

    name = "batch_refused"
    http_status = 422
    rejections: tuple[Mapping[str, Any], ...] = ()


class BatchTooLargeError(SyncwellError):
    """SW503: the batch or document has more rows or bytes than the settings allow."""

    name = "batch_too_large"
    http_status = 413


class UnknownMergeError(SyncwellError):
    """SW504: there is no such merge of sessions, or it was reverted."""

    name = "unknown_merge"
    http_status = 404


class MergeNotRevertibleError(SyncwellError):
    """SW505: what the merge brought together was merged on since; revert that first."""

    name = "merge_not_revertible"
    http_status = 409


class MalformedRecordsError(SyncwellError):
    """SW701: a set of records to compare is no array of objects that each have the key, as text or number."""

    name = "malformed_records"
    http_status = 422


class DuplicateRecordError(SyncwellError):
    """SW702: two records of a set have the same key."""

    name = "duplicate_record"
    http_status = 422


class PreviewTooLargeError(SyncwellError):
    """SW703: the preview is larger than setting preview.max_bytes."""

    name = "preview_too_large"
    http_status = 413


class PreviewLeaseLostError(SyncwellError):
    """SW704: the preview is not claimed under this token any more: claim it again."""

    name = "preview_lease_lost"
    http_status = 409


class MalformedPreviewError(SyncwellError):
    """SW705: the document is no preview, or its statistics contradict its lists."""

    name = "malformed_preview"
    http_status = 422


class UnknownSyncTypeError(SyncwellError):
    """SW706: the sync type is neither built in nor in setting preview.sync_types."""

    name = "unknown_sync_type"
    http_status = 422


class PreviewBusyError(SyncwellError):
    """SW707: somebody else has been computing this preview for longer than callers wait: ask again."""

    name = "preview_busy"
    http_status = 503


class UnknownDutyError(SyncwellError):
    """SW801: maintenance has no duty of that name."""

    name = "unknown_duty"
    http_status = 404


class SchedulerMissingError(SyncwellError):
    """SW802: the extension pg_cron is not there, or the login may not use it."""

    name = "scheduler_missing"
    http_status = 409


class MigrationError(SyncwellError):
    """SW9xx: the schema cannot be migrated or rolled back as asked."""

    name = "migration_error"
    http_status = 409


class MigrationOutOfOrderError(MigrationError):
    """SW901: another migration comes first."""

    name = "migration_out_of_order"


class MigrationAlreadyAppliedError(MigrationError):
    """SW902: the migration has been applied before."""

    name = "migration_already_applied"


class RolesMissingError(MigrationError):
    """SW903: the cluster lacks the roles of ``sql/roles.sql``."""

    name = "roles_missing"


class DataWouldBeLostError(MigrationError):
    """SW904: the rollback would drop rows."""

    name = "data_would_be_lost"


_CLASSES: dict[str, type[SyncwellError]] = {
    "SW001": NoIdentityError,
    "SW002": UnknownUserError,
    "SW003": UnknownOrgError,
    "SW010": UnknownSettingError,
    "SW011": SettingOutOfRangeError,
    "SW020": UnknownConsentScopeError,
    "SW101": UnknownRunError,
    "SW102": LeaseLostError,
    "SW103": RunAlreadyFinishedError,
    "SW104": UnknownSyncError,
    "SW105": UnknownStreamError,
    "SW106": ErrorAlreadyResolvedError,
    "SW201": UnknownProgressError,
    "SW202": ProgressBeyondTotalError,
    "SW203": ProgressWentBackError,
    "SW204": ProgressFinishedError,
    "SW205": UnknownEntityTypeError,
    "SW251": UnknownSyncActionError,
    "SW301": UnknownSyncedTableError,
    "SW302": TableNotSyncableError,
    "SW303": PullTooLargeError,
    "SW304": PushConflictError,
    "SW305": PullAndWriteMixedError,
    "SW306": RecordsHiddenError,
    "SW307": TooManyDeletesError,
    "SW308": UntrackedPartitionsError,
    "SW309": UnknownConflictError,
    "SW310": UnknownDeviceError,
    "SW311": PushTooLargeError,
    "SW401": UnknownOperationError,
    "SW402": OperationLeaseLostError,
    "SW403": PayloadTooLargeError,
    "SW501": UnknownSessionError,
    "SW502": BatchRefusedError,
    "SW503": BatchTooLargeError,
    "SW504": UnknownMergeError,
    "SW505": MergeNotRevertibleError,
    "SW601": UnknownIssueError,
    "SW602": UnknownSilenceError,
    "SW603": UnknownWindowError,
    "SW604": IssueResolvedError,
    "SW605": MetricRefusedError,
    "SW611": UnknownChannelError,
    "SW701": MalformedRecordsError,
    "SW702": DuplicateRecordError,
    "SW703": PreviewTooLargeError,
    "SW704": PreviewLeaseLostError,
    "SW705": MalformedPreviewError,
    "SW706": UnknownSyncTypeError,
    "SW707": PreviewBusyError,
    "SW801": UnknownDutyError,
    "SW802": SchedulerMissingError,
    "SW901": MigrationOutOfOrderError,
    "SW902": MigrationAlreadyAppliedError,
    "SW903": RolesMissingError,
    "SW904": DataWouldBeLostError,
}


def error_classes() -> dict[str, type[SyncwellError]]:
    """Return the class of every SQLSTATE, as a copy."""
    return dict(_CLASSES)


def error_for(sqlstate: str, message: str, detail: str | None = None, hint: str | None = None) -> SyncwellError:
    """Return (not raise) the error of this SQLSTATE.

    An ``SW`` code that this version of the package does not know, from a newer schema, gives a plain
    `SyncwellError` (`MigrationError` from ``SW900`` on).
    """
    fallback = MigrationError if sqlstate.startswith("SW9") else SyncwellError
    return _CLASSES.get(sqlstate, fallback)(sqlstate, message, detail, hint)


def from_psycopg(error: psycopg.Error) -> SyncwellError | None:
    """Return what a psycopg exception of class ``SW`` means, or None for every other one.

    The caller raises it ``from`` the original, which keeps the context lines of the server.
    """
    diag = error.diag
    sqlstate = diag.sqlstate
    if sqlstate is None or not sqlstate.startswith("SW"):
        return None
    return error_for(sqlstate, diag.message_primary or "", diag.message_detail, diag.message_hint)
