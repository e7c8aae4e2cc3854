"""Options that commands share."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

CONTEXT = {"help_option_names": ["-h", "--help"]}
TRY_IT = "Try it"
SYNCS = "Your syncs"
SERVING = "Your devices"
SCHEMA = "The schema"

Dsn = Annotated[
    str | None,
    typer.Option(
        "--dsn", "-d", metavar="DSN", help="Where to connect: a URI, key=value pairs, or the name of a database."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]
AsUser = Annotated[UUID | None, typer.Option(metavar="UUID", help="Act as this user; for logins bound as gateway.")]
AsOrg = Annotated[UUID | None, typer.Option(metavar="UUID", help="Act as this org; for logins bound as gateway.")]
Source = Annotated[str | None, typer.Option("--source", "-s", metavar="NAME", help="This source only.")]
User = Annotated[
    UUID | None,
    typer.Option("--user", "-u", metavar="UUID", help="The streams of this user only; default: all you may see."),
]
Limit = Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="At most so many.")]
