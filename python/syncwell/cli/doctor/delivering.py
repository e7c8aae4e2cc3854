"""Whether alerts reach somebody: the file of channels, and what the database knows of them."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import psycopg

from syncwell.cli.doctor.finding import Finding, fine, unchecked
from syncwell.cli.output import clock, count, one_line
from syncwell.cli.session import Session


def look_at_file(path: Path | None) -> Generator[Finding]:
    """Whether the channels can be used."""
    if path is None:
        yield unchecked("alerts", "no --config and no SYNCWELL_ALERTS_CONFIG: nothing is delivered from here")
        return
    try:
        from syncwell.deliver import ConfigError, read_channels
    except ImportError as error:
        yield unchecked("alerts", f"a part is not installed: {error.name}", "pip install 'syncwell[alerts]'")
        return
    try:
        channels = read_channels(path)
    except ConfigError as error:
        yield _unusable(error.message, error.hint)
        return
    except OSError as error:
        yield _unusable(f"{path}: {error.strerror}", f"Let the deliverer's user read it: ls -l {path}")
        return
    yield fine("alerts", f"{path}: " + ", ".join(f"{one.name} ({one.sender.kind})" for one in channels))


def look_at_channels(ask: Session) -> Generator[Finding]:
    """Whether channels are dead, and whether anybody delivers; nothing where the login may not know."""
    try:
        channels = ask.ask("get_alert_channels")
        waiting = [] if channels else ask.ask("get_alerts", limit=1000, status="firing")
    except psycopg.Error:
        return
    for one in channels:
        if one["dead_since"] is not None:
            since, error = clock(one["dead_since"]), one_line(one["last_error"])
            yield Finding(
                check="alerts",
                severity="error",
                found=f"channel {one['channel']} is dead since {since}: {error}",
                why="Alerts that go by it are given up after setting retry.max_age, a day unless it was changed.",
                cure=f"syncwell alerts test-channel {one['channel']}; then: syncwell alerts requeue {one['channel']}",
            )
    if waiting:
        yield Finding(
            check="alerts",
            severity="warning",
            found=f"{count(len(waiting))} alerts are firing, and nobody has ever delivered one",
            why="Whoever should know does not.",
            cure="syncwell alerts deliver --config alerts.toml --follow",
        )


def _unusable(found: str, cure: str) -> Finding:
    return Finding(
        check="alerts",
        severity="error",
        found=found,
        why="`syncwell alerts deliver` does not start like this, and nobody is alerted.",
        cure=cure,
    )
