"""What `sw.metrics` returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

__all__ = ["Dimension", "HourOfRuns", "MetricType", "Performance", "Period", "SyncMetrics"]

Period = Literal["hour", "day", "week"]
MetricType = Literal["hourly", "daily", "weekly", "summary"]
Dimension = Literal["overall", "type", "platform", "network"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncMetrics:
    """How the runs of a source went in one period, or of all in all (`syncwell.get_sync_metrics`).

    Attributes:
        metric_type: how long the period is; summary: one row over all periods and sources.
        period_start: when it began; None in the summary.
        source: the source; None in the summary of several.
        total_syncs: runs started in the period, open and cancelled ones too.
        successful_syncs: runs that ended as success or partial.
        failed_syncs: runs that ended as failed or timeout.
        success_rate: share of the successful among both, 0 to 1; None: neither happened.
        error_rate: share of the failed among both, 0 to 1; None: neither happened.
        total_items_synced: items processed; None: never told.
        average_duration_ms: milliseconds, of runs that succeeded or failed; None: none did.
        p50_duration_ms: half of them took at most so many milliseconds.
        p95_duration_ms: 95 % of them took at most so many milliseconds.
        p99_duration_ms: 99 % of them took at most so many milliseconds.
        last_updated: as of when the figures are.
    """

    metric_type: MetricType
    period_start: datetime | None
    source: str | None
    total_syncs: int
    successful_syncs: int
    failed_syncs: int
    success_rate: float | None
    error_rate: float | None
    total_items_synced: int | None
    average_duration_ms: float | None
    p50_duration_ms: float | None
    p95_duration_ms: float | None
    p99_duration_ms: float | None
    last_updated: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HourOfRuns:
    """The runs of one hour (`syncwell.get_sync_timeline`).

    Attributes:
        hour: when it began.
        total: runs started in it, open and cancelled ones too.
        successful: runs that ended as success or partial.
        failed: runs that ended as failed or timeout.
    """

    hour: datetime
    total: int
    successful: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """How long runs take and how much they move (`syncwell.analyze_sync_performance`).

    Attributes:
        dimension: overall: the whole sample; otherwise the runs of one `value` of it.
        value: sync type, platform or network type of the runs; None: not known, or overall.
        sample_size: how many runs.
        min_duration_ms: shortest, in milliseconds; None: no run of the sample has a duration.
        max_duration_ms: longest, in milliseconds.
        average_duration_ms: average, in milliseconds.
        median_duration_ms: median, in milliseconds, interpolated.
        p95_duration_ms: 95th percentile, in milliseconds, interpolated.
        total_items: items processed; None: never told.
        average_items: items processed per run; None: never told.
    """

    dimension: Dimension
    value: str | None
    sample_size: int
    min_duration_ms: int | None
    max_duration_ms: int | None
    average_duration_ms: float | None
    median_duration_ms: float | None
    p95_duration_ms: float | None
    total_items: int | None
    average_items: float | None
