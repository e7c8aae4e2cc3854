"""Where a list of values is told: parameters and columns that the catalog itself knows only as text.

The values of a list that a constraint keeps are those of the database that is read; the others are the package's.
A test holds both against the types of the Python client.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from syncwell import core, delta, health, ingest, metrics, ops, preview, queue, runs

__all__ = ["NAMES", "values_of"]

_KEPT: dict[str, tuple[str, str]] = {
    "Action": ("sync_conflicts_action_is_known", "get_sync_conflicts.action get_quarantined_records.action"),
    "AlertStatus": (
        "alert_outbox_status_is_known",
        """
        get_alerts.p_status get_alerts.status claim_alerts.status get_alert_deliveries.status
        """,
    ),
    "ChannelDeath": ("alert_channels_dead_reason_is_known", "get_alert_channels.dead_reason"),
    "Choice": ("sync_conflicts_choice_is_known", "get_sync_conflicts.choice resolve_conflict.p_choice"),
    "DataSource": ("session_records_origin_is_known", "start_session.p_data_source get_recent_sessions.data_source"),
    "DeliveryReason": ("alert_deliveries_reason_is_known", "fail_alerts.reason get_alert_deliveries.reason"),
    "DeliveryState": (
        "alert_deliveries_state_is_known",
        "fail_alerts.state get_alert_deliveries.p_state get_alert_deliveries.state",
    ),
    "Direction": ("sync_events_direction_is_known", "get_recent_sync_events.direction get_recent_webhooks.direction"),
    "DriftSeverity": (
        "stream_states_drift_severity_is_known",
        """
        calculate_data_drift.severity get_volume_timeline.severity stream_health.drift_severity
        """,
    ),
    "ErrorClass": (
        "sync_errors_class_is_known",
        """
        record_sync_error.class get_sync_error.error_class get_error_report.error_class classify_sync_error.class
        fail_operation.class fail_alerts.class
        """,
    ),
    "HealthStatus": (
        "stream_states_status_is_known",
        """
        get_sync_health_status.status get_service_health.status compare_sources.status stream_health.status
        get_stream_overview.p_status
        """,
    ),
    "IssueState": ("sync_issues_state_is_known", "get_sync_issues.state"),
    "Lane": ("sync_errors_lane_is_known", "record_sync_error.lane get_sync_error.lane get_error_report.lane"),
    "LoginKind": ("logins_kind_is_known", "who_am_i.kind"),
    "MutedBy": ("sync_issues_muting_is_known", "get_sync_issues.muted_by"),
    "Outcome": ("sync_conflicts_outcome_is_known", "get_sync_conflicts.outcome"),
    "Period": ("sync_metrics_period_is_known", "get_sync_metrics.p_period compare_sources.p_period"),
    "Platform": (
        "streams_platform_is_known",
        """
        get_setting.p_platform register_stream.p_platform record_sync_start.p_platform
        get_recent_sync_events.platform get_recent_webhooks.platform enqueue_operation.p_platform
        claim_operations.platform get_operations.platform get_queue_health_metrics.platform
        report_client_queue.p_platform ingest_batch.p_platform start_session.p_platform sync_session.p_platform
        get_sync_clients.platform get_sync_health_status.platform get_sync_issues.platform
        maintenance_window.p_platform get_maintenance_windows.platform calculate_data_drift.platform
        get_volume_timeline.platform stream_health.platform
        """,
    ),
    "ProgressStatus": (
        "sync_status_is_known",
        """
        log_sync_activity.p_status get_sync_activity.p_status get_sync_activity.status report_sync_progress.p_status
        report_sync_progress.status
        """,
    ),
    "RunStatus": (
        "sync_events_status_is_known",
        """
        record_sync_start.status record_sync_complete.status get_recent_sync_events.p_status
        get_recent_sync_events.status get_recent_webhooks.status
        """,
    ),
    "SessionStatus": ("sync_sessions_status_is_known", "start_session.status get_recent_sessions.status"),
    "SessionSyncStatus": (
        "sync_sessions_sync_status_is_known",
        """
        start_session.sync_status get_recent_sessions.sync_status
        """,
    ),
    "Severity": (
        "sync_issues_severity_is_known",
        """
        detect_sync_issues.severity get_sync_issues.severity get_alerts.severity claim_alerts.severity
        get_alert_deliveries.severity
        """,
    ),
    "SyncReason": ("sync_paces_reason_is_known", "request_sync.p_reason"),
    "SyncType": (
        "sync_events_type_is_known",
        """
        record_sync_start.p_sync_type get_recent_sync_events.sync_type get_recent_webhooks.sync_type
        claim_due_retries.sync_type
        """,
    ),
    "UserRole": ("users_role_is_known", "users.role"),
    "WindowMode": ("maintenance_windows_mode_is_known", "maintenance_window.p_mode get_maintenance_windows.mode"),
}
_COMPUTED: dict[str, tuple[Any, str]] = {
    "AccessRole": (core.AccessRole, "get_access_log.role"),
    "BatchKind": (ingest.BatchKind, "ingest_batch.p_kind"),
    "ClaimState": (preview.ClaimState, "claim_preview.state"),
    "DeadReason": (queue.DeadReason, "get_operations.dead_reason"),
    "DedupMode": (queue.DedupMode, "enqueue_operation.p_mode"),
    "Dimension": (metrics.Dimension, "analyze_sync_performance.dimension"),
    "DuplicateReason": (ingest.DuplicateReason, "find_duplicate_sessions.reason merge_duplicate_sessions.reason"),
    "FailureReason": (queue.FailureReason, "fail_operation.reason"),
    "Freshness": (health.Freshness, "get_data_freshness.status"),
    "HistoryPeriod": (health.HistoryPeriod, "get_sync_health_history.period"),
    "InstallSeverity": (ops.InstallSeverity, "verify_session.severity"),
    "IntegrityFinding": (ingest.IntegrityFinding, "get_session_integrity.finding"),
    "IssueFilter": (health.IssueFilter, "get_sync_issues.p_state"),
    "IssueType": (health.IssueType, "detect_sync_issues.issue_type get_sync_issues.issue_type"),
    "Jitter": (runs.Jitter, "retry_delay.p_jitter"),
    "MetricType": (metrics.MetricType, "get_sync_metrics.metric_type"),
    "MetricsFormat": (ops.MetricsFormat, "openmetrics.p_format"),
    "NextPull": (delta.NextPull, "get_sync_clients.next_pull"),
    "OperationOutcome": (queue.OperationOutcome, "complete_operations.outcome complete_alerts.outcome"),
    "OperationStatus": (queue.OperationStatus, "get_operations.p_status get_operations.status"),
    "ReapReason": (runs.ReapReason, "reap_sync_runs.reason"),
    "RetryReason": (runs.RetryReason, "record_sync_error.reason get_sync_error.reason get_error_report.reason"),
    "Role": (core.Role, "who_am_i.role"),
    "SettingLevel": (core.SettingLevel, "settings_effective.level"),
    "SyncVerdict": (ops.SyncVerdict, "request_sync.why"),
    "FailedStatus": (Literal["pending", "superseded", "dead"], "fail_operation.status"),
}

# "function.parameter", "function.column" or "relation.column": the name of the list
NAMES: Mapping[str, str] = {
    place: name for lists in (_KEPT, _COMPUTED) for name, (_, places) in lists.items() for place in places.split()
}


def values_of(constraints: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The lists by name; constraints: those of the database. A list whose constraint is not there is left out."""
    kept = {name: constraints[constraint] for name, (constraint, _) in _KEPT.items() if constraint in constraints}
    return kept | {name: get_args(kind) for name, (kind, _) in _COMPUTED.items()}
