"""Facts of a report, made up: as many streams as wanted, with every kind of trouble, and names that bite."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from syncwell.cli.report.facts import SERIES, SOURCES, Facts
from syncwell.health import (
    DataDrift,
    HealthHistory,
    HealthStatus,
    Issue,
    IssueType,
    StreamHealth,
    SyncHealth,
    SyncIssue,
    Uptime,
    VolumeHour,
)
from syncwell.runs import ErrorGroup

NOW = datetime(2026, 3, 30, 9, 40, tzinfo=UTC)
HOSTILE = (
    '<img src=x onerror=alert(1)>"\'&</style></svg><script>document.title="owned"</script>\u202e\x1b]0;x\x07{{ 7 * 7 }}'
)
_SOURCES = ("calls", "sms", "uploads")
_PLATFORMS = ("android", "ios")


def facts(
    *, streams: int = 600, days: int = 28, name: str = "Nordlicht Clinics", sources: int = 3, **other: Any
) -> Facts:
    """Everything about so many streams, the same each time."""
    chance = random.Random(4)  # noqa: S311
    names = [*_SOURCES, *(f"source {number}" for number in range(sources))][:sources]
    if name is HOSTILE:
        names = [f"{one} {HOSTILE}" for one in names]
    users = [UUID(int=number + 1) for number in range(max(1, streams // max(1, sources)))]
    live = [_stream(chance, number, names, users) for number in range(streams)]
    status = [_source(None, live), *(_source(one, live) for one in names)] if streams else []
    issues = [_issue(chance, number, stream) for number, stream in enumerate(live) if stream.status != "healthy"]
    history = {one: _history(chance, days) for one in (None, *names[:SOURCES])} if streams else {}
    series = [(one, platform, None) for one in names for platform in _PLATFORMS] if streams else []
    made: dict[str, Any] = {
        "made_at": NOW, "zone": ZoneInfo("Europe/Berlin"), "zone_name": "Europe/Berlin", "org": name, "user_id": None,
        "source": None, "days": days, "names": {user: f"{name} {number}" if name is HOSTILE else f"User {number}"
        for number, user in enumerate(users)}, "status": status, "streams": live, "issues": issues,
        "found": [_found(issue) for issue in issues], "history": history,
        "uptime": [_uptime(one, streams, days) for one in (None, *names)] if streams else [],
        "drift": [_drift(one, hours) for one in series for hours in (1, 6, 24)],
        "volume": {one: _volume(chance, one, number) for number, one in enumerate(series[:SERIES])},
        "errors": [_error(chance, number, names, name) for number in range(min(40, streams))],
    }  # fmt: skip
    return Facts(**made | other)


def _stream(chance: random.Random, number: int, names: list[str], users: list[UUID]) -> StreamHealth:
    status: HealthStatus = chance.choices(get_args(HealthStatus), [2, 90, 4, 3, 5])[0]
    well = status == "healthy"
    return StreamHealth(
        stream_id=UUID(int=10_000 + number),
        user_id=users[number // len(names) % len(users)],
        source=names[number % len(names)],
        platform="ios" if number % 5 == 0 else "android",
        status=status,
        overlays=["paused"] if number % 97 == 3 else ["flapping"] if number % 89 == 5 else [],
        score=None if status == "unknown" else {"healthy": 98.0, "late": 71.5, "degraded": 55.0}.get(status, 12.5),
        since=None if well else NOW - timedelta(hours=chance.randint(1, 400)),
        reason=None if well else "no success for 3 intervals of 01:00:00",
        advice=None if well else "look at the last error: syncwell errors",
        expected_interval=timedelta(hours=1),
        due_at=NOW + timedelta(minutes=30),
        last_sync_at=NOW - timedelta(minutes=30),
        last_success_at=None if status == "unknown" else NOW - timedelta(minutes=chance.randint(5, 4000)),
        consecutive_failures=0 if well else 3,
        usual_duration_ms=2400,
        last_duration_ms=1800,
        drift_percent=-3.0,
        drift_severity="none",
        queue_depth=0,
        queue_oldest_at=None,
        total_runs=900,
    )


def _source(source: str | None, streams: list[StreamHealth]) -> SyncHealth:
    mine = [one for one in streams if source in (None, one.source)]
    worst = min(mine, key=lambda one: one.score if one.score is not None else 99)
    return SyncHealth(
        source=source,
        status=worst.status,
        score=88.3,
        freshness_score=90,
        reliability_score=91,
        queue_score=None,
        drift_score=80,
        speed_score=100,
        last_sync_at=NOW - timedelta(minutes=2),
        last_success_at=NOW - timedelta(minutes=2),
        consecutive_failures=3,
        platform=None,
        streams=len(mine),
        unknown_streams=sum(one.status == "unknown" for one in mine),
        worst_source=worst.source,
        worst_stream_id=worst.stream_id,
        reason=worst.reason,
        advice=worst.advice,
        overlays=[],
    )


def _issue(chance: random.Random, number: int, stream: StreamHealth) -> Issue:
    kinds: list[IssueType] = ["stale_data", "failure", "queue_backlog", "drift", "slow", "missing_source"]
    kind = chance.choice(kinds)
    kept: dict[str, dict[str, Any]] = {
        "stale_data": {
            "due_at": "2026-03-30T05:00:00+00:00",
            "expected_interval_seconds": 3600.0,
            "overdue_seconds": 16800,
        },
        "failure": {
            "consecutive_failures": 4,
            "failure_threshold": 3,
            "last_failed_at": "2026-03-30T09:12:00.123+00:00",
        },
        "queue_backlog": {
            "queue_depth": 1240,
            "waiting_seconds": 93000,
            "backlog_seconds": 3600,
            "tables": ["calls", "notes"],
        },
        "drift": {"expected": 812.4, "actual": 391, "drift_percent": -51.9, "window_hours": 24, "lower_bound": 640},
        "slow": {"duration_seconds": 1860.2, "usual_seconds": 242.0, "usual_runs": 612},
        "missing_source": {"registered_at": "2026-02-02T08:00:00+00:00", "overdue_seconds": 4_800_000},
    }
    evidence = kept[kind]
    return Issue(
        issue_id=UUID(int=90_000 + number),
        issue_type=kind,
        severity={"failure": "critical", "missing_source": "critical", "slow": "info"}.get(kind, "warning"),  # type: ignore[arg-type]
        state="acknowledged" if number % 11 == 0 else "open",
        source=stream.source,
        platform=stream.platform,
        user_id=stream.user_id,
        stream_id=stream.stream_id,
        parent_id=None,
        muted_by="maintenance" if number % 17 == 0 else None,
        since=stream.since,
        opened_at=NOW - timedelta(hours=3),
        times_opened=1 + number % 3 // 2,
        last_seen_at=NOW,
        resolved_at=None,
        acknowledged_at=NOW if number % 11 == 0 else None,
        acknowledged_by=stream.user_id if number % 11 == 0 else None,
        note=f"looking into it {stream.source if 'script' in stream.source else ''}" if number % 11 == 0 else None,
        snoozed_until=None,
        evidence={**evidence, **({stream.source: stream.source} if "script" in stream.source else {})},
        suggestion=f"ask whose device it is whether it is switched on and online ({stream.source.split()[0]})",
    )


def _found(issue: Issue) -> SyncIssue:
    return SyncIssue(
        **{
            name: getattr(issue, name)
            for name in ("source", "issue_type", "severity", "since", "evidence", "user_id", "stream_id")
        },
        suggestion=issue.suggestion or "",
    )


def _history(chance: random.Random, days: int) -> list[HealthHistory]:
    hourly = days <= 7
    step = timedelta(hours=1) if hourly else timedelta(days=1)
    begin = datetime(2026, 3, 30, tzinfo=ZoneInfo("Europe/Berlin")) - step * (days * (24 if hourly else 1) - 1)
    rows: list[HealthHistory] = []
    for number in range(days * 24 if hourly else days):
        down = 0.25 if 17 <= number <= 19 else 0.02
        total = 0 if number == 9 else chance.randint(900, 1300)
        failed = round(total * down * chance.uniform(0.5, 1.5))
        rows.append(
            HealthHistory(
                period="hour" if hourly else "day",
                period_start=begin + step * number,
                total_syncs=total,
                successful_syncs=max(0, total - failed - 4),
                failed_syncs=failed,
                success_rate=None if not total else 1 - failed / total,
                total_items_synced=None if not total else total * 31,
                p50_duration_ms=None if not total else 1800 * chance.uniform(0.9, 1.2),
                p95_duration_ms=None if not total else 5200 * chance.uniform(0.8, 1.9),
                score=90.0,
                healthy_share=0 if number < 3 else 0.86 - down,
                late_share=0 if number < 3 else 0.06,
                degraded_share=0 if number < 3 else 0.05,
                unhealthy_share=0 if number < 3 else down,
                unknown_share=1 if number < 3 else 0.01,
                paused_share=0 if number < 3 else 0.02,
            )
        )
    return rows


def _uptime(source: str | None, streams: int, days: int) -> Uptime:
    whole = days * 86400.0
    return Uptime(
        source=source,
        streams=streams,
        good_seconds=whole * 0.94,
        down_seconds=whole * 0.02,
        unknown_seconds=whole * 0.03,
        excluded_seconds=0,
        paused_seconds=whole * 0.01,
        uptime=0.94 / 0.96,
        runs=12345,
        run_success_rate=0.973,
        slo=None if source is None else 0.99,
        slo_met=None if source is None else source.startswith("sms"),
    )


def _drift(series: tuple[str, str | None, UUID | None], hours: int) -> DataDrift:
    low = series[0].startswith("calls") and series[1] == "android"
    return DataDrift(
        source=series[0],
        platform=series[1],  # type: ignore[arg-type]
        user_id=None,
        stream_id=series[2],
        window_hours=hours,
        window_start=NOW - timedelta(hours=hours),
        window_end=NOW,
        expected=812.0 * hours,
        actual=(391.0 if low else 800.0) * hours,
        drift_percent=-51.8 if low else -1.5,
        z=-6.2 if low else -0.2,
        lower_bound=640.0 * hours,
        upper_bound=1010.0 * hours,
        severity="critical" if low and hours > 1 else "warning" if low else "none",
        since=NOW - timedelta(hours=14) if low else None,
        baseline_weeks=8,
        time_zone="Europe/Berlin",
        evidence={},
    )


def _volume(chance: random.Random, series: tuple[str, str | None, UUID | None], number: int) -> list[VolumeHour]:
    rows: list[VolumeHour] = []
    for back in range(167, -1, -1):
        hour = NOW.replace(minute=0) - timedelta(hours=back + 1)
        expected = (400 - 60 * number) * (1.15 + math.sin((hour.hour - 9) / 24 * 2 * math.pi))
        factor = 0.48 if number == 0 and back < 14 else 0.0 if number == 3 and 60 < back < 80 else 1.0
        rows.append(
            VolumeHour(
                source=series[0],
                platform=series[1],  # type: ignore[arg-type]
                stream_id=series[2],
                hour=hour,
                actual=None if back in (100, 101) else round(expected * factor * chance.lognormvariate(0, 0.12)),
                expected=expected,
                lower_bound=expected * 0.62,
                upper_bound=expected * 1.5,
                severity="critical" if factor == 0 and back < 77 else "warning" if factor < 1 and back < 74 else "none",
            )
        )
    return rows


def _error(chance: random.Random, number: int, names: list[str], name: str) -> ErrorGroup:
    return ErrorGroup(
        error_id=UUID(int=number),
        error_type=("HTTP_503", "ECONNREFUSED", "HTTP_401")[number % 3],
        error_class="transient",
        error_code=None,
        http_status=503,
        error_message=f"upstream said no {name}"
        if name is HOSTILE
        else "upstream connect error or disconnect/reset before headers",
        source=names[number % len(names)],
        user_id=None,
        streams=chance.randint(1, 30),
        occurrences=chance.randint(1, 900),
        retry_count=3,
        first_seen=NOW - timedelta(days=2),
        last_seen=NOW - timedelta(minutes=chance.randint(1, 3000)),
        age=timedelta(days=2),
        lane="slow",
        reason=None,
        next_retry_at=NOW + timedelta(minutes=14),
        next_retry_in=timedelta(minutes=14),
        resolved_at=None,
        total_errors=120,
        unresolved_errors=60,
        errors_of_type=20,
    )
