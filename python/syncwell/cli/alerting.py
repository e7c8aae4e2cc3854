"""alerts: what somebody is to be told of, and by which channels that goes out."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import psycopg
import typer
from rich.text import Text

from syncwell.alerts import ClaimedAlert
from syncwell.cli.failures import CommandError
from syncwell.cli.options import CONTEXT, AsOrg, AsUser, Dsn, Json, Limit
from syncwell.cli.output import Column, ago, answer, clock, console, count, one_line, plain, print_json, styled, table
from syncwell.cli.session import Row, connect, connected, session
from syncwell.cli.waiting import waiting
from syncwell.sync.client import Syncwell

if TYPE_CHECKING:
    from syncwell.deliver import Channel, Deliverer, Tally

Config = Annotated[
    Path,
    typer.Option("--config", "-c", metavar="FILE", envvar="SYNCWELL_ALERTS_CONFIG", help="The channels, as TOML."),
]
ChannelName = Annotated[str, typer.Argument(metavar="CHANNEL", help="The name of the channel.")]

alerts = typer.Typer(
    name="alerts",
    no_args_is_help=True,
    context_settings=CONTEXT,
    help="Deliver alerts by webhook, Alertmanager, e-mail or command, and see what became of them.",
)


class Status(StrEnum):
    """Whether the trouble lasts."""

    FIRING = "firing"
    RESOLVED = "resolved"


class State(StrEnum):
    """How far a delivery is."""

    PENDING = "pending"
    DONE = "done"
    DEAD = "dead"
    SKIPPED = "skipped"


@alerts.command()
def deliver(
    config: Config,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until it is stopped, as a service.")] = False,
    channel: Annotated[
        list[str] | None, typer.Option("--channel", metavar="NAME", help="By this one only; may be repeated.")
    ] = None,
    poll: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, max=3600, help="How long to sleep when nothing rings.")
    ] = 15.0,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Deliver the alerts that are due, by all channels at once; --follow goes on, woken by NOTIFY.

    As a service of an org it delivers that org's alerts, with role syncwell_operator those of all orgs. Several
    deliverers may run; each alert goes out at least once, also when one is killed, and its fingerprint tells receivers
    what they know. What fails is tried again as the retry settings say, then every 15 minutes for a day; a channel by
    which nothing gets through is an issue, of which the other channels tell.

    The file, in which secrets are named and never stand:

    \b
      [[channel]]
      name = "hook"                    # the database knows it by this
      kind = "webhook"                 # Alertmanager's webhook, version 4
      url = "https://example.com/in"   # or url_env, url_file
      bearer_env = "HOOK_TOKEN"        # or bearer_file
      match = { severity = ["critical"], source = "calls" }
      batch = 50                       # alerts a message, at most
      timeout = 10                     # seconds a message
    \b
      [[channel]]
      name = "alertmanager"
      kind = "alertmanager"
      url = "http://localhost:9093"
    \b
      [[channel]]
      name = "mail"
      kind = "smtp"
      host = "smtp.example.com"        # port, tls = "starttls" | "tls" | "none", ca_file
      from = "syncwell@example.com"
      to = ["ops@example.com"]
      username = "syncwell"
      password_file = "/run/secrets/smtp"
    \b
      [[channel]]
      name = "pager"
      kind = "command"                 # gets the webhook's JSON on its standard input
      command = ["/usr/local/bin/page"]
      env.PAGER_KEY = { env = "PAGER_KEY" }

    Exit code: 0 all that was due went out; 1 something did not; 2 it cannot deliver.

    \b
    Examples:
      syncwell alerts deliver -c alerts.toml
      syncwell alerts deliver -c alerts.toml --follow --channel hook
    """
    from syncwell.deliver import Deliverer

    def opened() -> psycopg.Connection[Any]:
        return connect(dsn, "syncwell alerts")

    chosen = _channels(config, channel)
    if not follow:
        # a database that is not there is told once, and not by each channel
        opened().close()
    lock = threading.Lock()

    def say(line: str) -> None:
        with lock:
            print(plain(line), file=sys.stderr, flush=True)

    deliverers = [Deliverer(one, opened, poll=poll, say=say) for one in chosen]
    with _stopping(deliverers), nullcontext() if follow else waiting("delivering"):
        tallies = _run(deliverers, follow)
    if as_json:
        print_json(tallies)
    elif not follow:
        columns: list[Column[Tally]] = [
            ("channel", "left", lambda one: one.channel),
            ("delivered", "right", lambda one: count(one.delivered)),
            ("failed", "right", lambda one: count(one.failed)),
            ("given up", "right", lambda one: count(one.dead)),
            ("error", "left", lambda one: one_line(one.error)),
        ]
        console().print(table(tallies, columns))
    if not follow and any(one.failed or one.dead or one.error for one in tallies):
        raise typer.Exit(1)


@alerts.command("list")
def list_alerts(
    status: Annotated[Status | None, typer.Option(help="Those that are so only.")] = None,
    limit: Limit = 50,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """List the alerts of the org, the newest first.

    \b
    Examples:
      syncwell alerts list --status firing
      syncwell alerts list --json | jq '.[].annotations.summary'
    """
    with session(dsn, as_user, as_org) as ask:
        rows = ask.ask("get_alerts", limit=limit, status=status and status.value)
    columns: list[Column[Row]] = [
        ("when", "left", lambda row: clock(row["created_at"])),
        ("status", "left", lambda row: styled(row["status"])),
        ("severity", "left", lambda row: styled(row["severity"])),
        ("summary", "left", lambda row: one_line(row["annotations"].get("summary"))),
        ("description", "left", lambda row: one_line(row["annotations"].get("description", ""))),
    ]
    answer(rows, columns, "no alerts", as_json=as_json)


@alerts.command()
def deliveries(
    state: Annotated[State | None, typer.Option(help="Those that are so only.")] = None,
    channel: Annotated[str | None, typer.Option(metavar="NAME", help="By this channel only.")] = None,
    limit: Limit = 50,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """List which alert goes out by which channel and how far that is, the newest alerts first.

    Exit code: 0; 1 one of those shown was given up.

    \b
    Examples:
      syncwell alerts deliveries --state dead --channel hook
    """
    with session(dsn, as_user, as_org) as ask:
        rows = ask.ask("get_alert_deliveries", limit=limit, state=state and state.value, channel=channel)
    columns: list[Column[Row]] = [
        ("channel", "left", lambda row: row["channel"]),
        ("alert", "left", lambda row: plain(row["labels"].get("alertname", ""))),
        ("source", "left", lambda row: plain(row["labels"].get("source", ""))),
        ("status", "left", lambda row: styled(row["status"])),
        ("state", "left", lambda row: styled(row["state"])),
        ("reason", "left", lambda row: plain(row["reason"] or "")),
        ("attempts", "right", lambda row: count(row["attempts"])),
        ("next", "right", lambda row: ago(row["next_attempt_at"])),
        ("error", "left", lambda row: one_line(row["last_error"] or "")),
    ]
    answer(rows, columns, "no deliveries", as_json=as_json)
    if any(row["state"] == "dead" for row in rows):
        raise typer.Exit(1)


@alerts.command()
def channels(dsn: Dsn = None, as_user: AsUser = None, as_org: AsOrg = None, as_json: Json = False) -> None:
    """List the channels by which somebody delivers, the dead ones first.

    Exit code: 0 they work; 1 one is dead.

    \b
    Examples:
      syncwell alerts channels
    """
    with session(dsn, as_user, as_org) as ask:
        rows = ask.ask("get_alert_channels")
    columns: list[Column[Row]] = [
        ("channel", "left", lambda row: row["channel"]),
        (
            "state",
            "left",
            lambda row: Text("works", "green") if row["dead_since"] is None else Text("dead", "bold red"),
        ),
        ("since", "right", lambda row: ago(row["dead_since"] or row["opened_at"])),
        ("delivered", "right", lambda row: ago(row["delivered_at"])),
        ("waiting", "right", lambda row: count(row["pending"])),
        ("given up", "right", lambda row: count(row["dead"])),
        ("error", "left", lambda row: one_line(row["last_error"] or "")),
    ]
    answer(rows, columns, "no channels: nobody has delivered yet", as_json=as_json)
    if any(row["dead_since"] is not None for row in rows):
        raise typer.Exit(1)


@alerts.command("test-channel")
def try_channel(channel: ChannelName, config: Config, as_json: Json = False) -> None:
    """Send a made-up alert by a channel, and its end; needs no database, and changes nothing in it.

    Exit code: 0 the receiver took them; 1 it did not.

    \b
    Examples:
      syncwell alerts test-channel hook -c alerts.toml
    """
    from syncwell.deliver import DeliveryError

    (chosen,) = _channels(config, [channel])
    error: str | None = None
    try:
        with waiting(f"sending to {chosen.name}"):
            for ends_at in (None, datetime.now(UTC)):
                chosen.sender.send(chosen.name, [_example(ends_at)], chosen.timeout)
    except DeliveryError as failure:
        error = str(failure)
        for secret in chosen.sender.secrets:
            error = error.replace(secret, "***")
    if as_json:
        print_json({"channel": chosen.name, "kind": chosen.sender.kind, "delivered": error is None, "error": error})
    else:
        print(f"{chosen.name}: {'delivered' if error is None else plain(error)}")
    if error is not None:
        raise typer.Exit(1)


@alerts.command()
def requeue(channel: ChannelName, dsn: Dsn = None, as_json: Json = False) -> None:
    """Let a channel's alerts that wait for a retry or were given up be tried again at once; once it works again.

    \b
    Examples:
      syncwell alerts requeue hook
    """
    with connected(dsn) as connection:
        requeued = Syncwell(connection).alerts.requeue(channel)
    if as_json:
        print_json({"channel": channel, "requeued": requeued})
    else:
        print(f"{requeued} to be tried again")


@alerts.command()
def forget(channel: ChannelName, dsn: Dsn = None, as_json: Json = False) -> None:
    """Forget a channel that is not used any more, with what waits for it.

    \b
    Examples:
      syncwell alerts forget pager
    """
    with connected(dsn) as connection:
        waited = Syncwell(connection).alerts.forget_channel(channel)
    if as_json:
        print_json({"channel": channel, "waited": waited})
    else:
        print(f"forgotten, with {waited} that waited")


def _channels(path: Path, names: Sequence[str] | None) -> list[Channel]:
    from syncwell.deliver import ConfigError, read_channels

    try:
        found = read_channels(path)
    except ConfigError as error:
        raise CommandError(error.message, None, error.hint) from error
    for name in names or ():
        if name not in {one.name for one in found}:
            raise CommandError(
                f"{path} has no channel {plain(name)}", None, f"It has {', '.join(one.name for one in found)}."
            )
    return [one for one in found if not names or one.name in names]


@contextmanager
def _stopping(deliverers: Sequence[Deliverer]) -> Generator[None]:
    """SIGTERM and Ctrl-C end what is under way in order."""

    def stop(*_: object) -> None:
        for one in deliverers:
            one.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(deliverers: Sequence[Deliverer], follow: bool) -> list[Tally]:
    """A thread a channel: one that hangs holds up no other."""
    failures: list[Exception] = []

    def run(work: Callable[[], Tally]) -> None:
        try:
            work()
        except Exception as error:
            failures.append(error)
            for one in deliverers:
                one.stop()

    threads = [threading.Thread(target=run, args=[one.follow if follow else one.run_once]) for one in deliverers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [one.tally for one in deliverers]


def _example(ends_at: datetime | None) -> ClaimedAlert:
    nobody = UUID(int=0)
    now = ends_at or datetime.now(UTC)
    return ClaimedAlert(
        org_id=nobody,
        alert_id=nobody,
        issue_id=nobody,
        lease_token=nobody,
        lease_until=now,
        attempt=1,
        failures=0,
        fingerprint="0" * 32,
        status="firing" if ends_at is None else "resolved",
        severity="info",
        labels={"alertname": "test", "severity": "info", "org": str(nobody)},
        annotations={"summary": "test of a channel", "description": "Nothing is wrong."},
        starts_at=now,
        ends_at=ends_at,
        created_at=now,
        replaced_labels=None,
    )
