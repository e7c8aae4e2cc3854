"""How issues read: what each type is called, and what has become of one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from syncwell.health import Issue

__all__ = ["ISSUES", "SEVERITIES", "WORST_FIRST", "chips"]

WORST_FIRST = ("unhealthy", "degraded", "late", "unknown", "healthy")
SEVERITIES = ("critical", "warning", "info")
ISSUES = {
    "stale_data": "Data are stale",
    "missing_source": "Never synced",
    "failure": "Runs fail",
    "high_error_rate": "Many runs fail",
    "stuck": "Runs do not go on",
    "slow": "Slower than usual",
    "queue_backlog": "Changes wait on devices",
    "drift": "Volume is not as expected",
    "gap": "Data are missing",
    "clock_skew": "A device's clock is wrong",
    "integrity": "Changes are not tracked",
    "rejected_pushes": "Pushes are rejected",
    "quarantine": "Records were put aside",
    "conflicts": "Many conflicts",
    "mass_staleness": "Many streams are stale at once",
    "evaluation_gap": "Nothing was evaluated for a time",
    "alert_channel": "Alerts do not get through",
}
_MUTED = {"parent": "part of a larger one", "maintenance": "maintenance"}


def chips(issue: Issue, by: str | None, clock: Callable[[datetime | None], str]) -> list[str]:
    """What has become of an issue, in a few words each; by: what whoever acknowledged it is called."""
    found: list[str] = []
    if issue.state == "acknowledged":
        found.append(f"acknowledged by {by}" if by else "acknowledged")
    if issue.state == "snoozed":
        found.append(f"snoozed until {clock(issue.snoozed_until)}")
    if issue.muted_by is not None:
        found.append(_MUTED.get(issue.muted_by, issue.muted_by))
    if issue.times_opened > 1:
        found.append(f"came back, {issue.times_opened} times in all")
    return found
