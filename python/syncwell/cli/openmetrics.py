"""openmetrics: what Prometheus scrapes, for whoever fetches it by a command or a file."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from syncwell.cli.options import AsOrg, AsUser, Dsn, Json
from syncwell.cli.output import print_json, write
from syncwell.cli.session import session


class Format(StrEnum):
    """How metrics are written."""

    OPENMETRICS = "openmetrics"
    PROMETHEUS = "prometheus"


def openmetrics(
    wanted: Annotated[
        Format, typer.Option("--format", help="OpenMetrics, or Prometheus' older text format.")
    ] = Format.OPENMETRICS,
    dsn: Dsn = None,
    as_user: AsUser = None,
    as_org: AsOrg = None,
    as_json: Json = False,
) -> None:
    """Print metrics for Prometheus: counters, durations, health, queue and issues of every source.

    For a file that node_exporter's textfile collector reads (it takes the older format), or a first look; `syncwell
    serve` answers GET /metrics with the same. Logins of an org, but for members, get that org's; operators all orgs
    together, by a label org where setting ops.metrics_by_org is on.

    Exit code: 0 it did.

    \b
    Examples:
      syncwell openmetrics -d postgresql://ops@db/app
      syncwell openmetrics --format prometheus > tmp && mv tmp sync.prom
    """
    with session(dsn, as_user, as_org) as ask:
        rows = ask.ask("get_metric_samples") if as_json else ask.ask("openmetrics", format=wanted.value)
    if as_json:
        print_json(rows)
    else:
        write(rows[0]["openmetrics"])
