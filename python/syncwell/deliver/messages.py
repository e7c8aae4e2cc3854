"""Alerts as the other side reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

from syncwell.alerts import ClaimedAlert

__all__ = ["alertmanager_alerts", "mail", "webhook_body"]

_NOT_OVER = "0001-01-01T00:00:00Z"
# an Alertmanager takes what it hears nothing of for resolved; it hears of the end
_FIRES_FOR = timedelta(days=365)


def webhook_body(channel: str, alerts: Sequence[ClaimedAlert]) -> dict[str, Any]:
    """The body of Alertmanager's webhook, version 4; the alerts are of one org."""
    org = str(alerts[0].org_id)
    return {
        "version": "4",
        "groupKey": f'{{}}:{{org="{org}"}}',
        "truncatedAlerts": 0,
        "status": _status(alerts),
        "receiver": channel,
        "groupLabels": {"org": org},
        "commonLabels": _common(alert.labels for alert in alerts),
        "commonAnnotations": _common(alert.annotations for alert in alerts),
        "externalURL": "",
        "alerts": [
            {
                "status": alert.status,
                "labels": alert.labels,
                "annotations": alert.annotations,
                "startsAt": _time(alert.starts_at),
                "endsAt": _NOT_OVER if alert.ends_at is None else _time(alert.ends_at),
                "generatorURL": "",
                "fingerprint": alert.fingerprint,
            }
            for alert in alerts
        ],
    }


def alertmanager_alerts(alerts: Sequence[ClaimedAlert], now: datetime) -> list[dict[str, Any]]:
    """What `POST /api/v2/alerts` takes: an Alertmanager knows alerts by their labels, so what had others ends."""
    posted: list[dict[str, Any]] = []
    for alert in alerts:
        if alert.replaced_labels is not None:
            posted.append(_posted(alert.replaced_labels, alert.annotations, alert.starts_at, now))
        ends_at = alert.ends_at or now + _FIRES_FOR
        posted.append(_posted(alert.labels, alert.annotations, alert.starts_at, ends_at))
    return posted


def mail(channel: str, sender: str, recipients: Sequence[str], alerts: Sequence[ClaimedAlert]) -> EmailMessage:
    """An e-mail in plain text; the same alerts make the same Message-ID."""
    message = EmailMessage()
    firing = sum(alert.status == "firing" for alert in alerts)
    status = f"FIRING:{firing}" if firing else "RESOLVED"
    more = f" and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    message["Subject"] = f"[{status}] {_line(_summary(alerts[0]))}{more}"
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Date"] = formatdate()
    ids = "".join(sorted(str(alert.alert_id) for alert in alerts))
    digest = hashlib.sha256(f"{channel}\n{ids}".encode()).hexdigest()[:32]
    message["Message-ID"] = f"<{digest}@syncwell.invalid>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n\n".join(_paragraph(alert) for alert in alerts) + "\n")
    return message


def _posted(labels: Mapping[str, str], annotations: Mapping[str, str], start: datetime, end: datetime) -> Any:
    return {
        "labels": labels,
        "annotations": annotations,
        "startsAt": _time(start),
        "endsAt": _time(max(start, end)),
        "generatorURL": "",
    }


def _status(alerts: Iterable[ClaimedAlert]) -> str:
    return "firing" if any(alert.status == "firing" for alert in alerts) else "resolved"


def _common(texts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    first, *others = texts
    return {key: text for key, text in first.items() if all(other.get(key) == text for other in others)}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:200]


def _summary(alert: ClaimedAlert) -> str:
    return alert.annotations.get("summary") or alert.labels.get("alertname", "alert")


def _paragraph(alert: ClaimedAlert) -> str:
    lines = [f"{alert.status.upper()} {alert.severity}: {_line(_summary(alert))}"]
    if description := alert.annotations.get("description"):
        lines.append(description)
    lines.append(f"since {_time(alert.starts_at)}" + (f", until {_time(alert.ends_at)}" if alert.ends_at else ""))
    lines.extend(f"{name}: {_line(value)}" for name, value in sorted(alert.labels.items()))
    lines.append(f"fingerprint: {alert.fingerprint}")
    return "\n".join(lines)
