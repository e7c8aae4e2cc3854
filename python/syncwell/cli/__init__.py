"""The command line `syncwell`; its tools come with the extra `cli`."""

from __future__ import annotations

import logging
import sys
import traceback
from io import TextIOWrapper
from typing import Any, cast

from syncwell.cli.exits import BUG

_TOOLS = ("typer", "rich", "click", "shellingham")


def main() -> None:
    """Run the command line, or say which extra is missing."""
    try:
        from syncwell.cli.app import app
    except ImportError as error:
        if (error.name or "").partition(".")[0] in _TOOLS:
            extra = "cli"
        elif "pq wrapper" in str(error):
            extra = "binary"
        else:
            raise
        print(f"error: the command line needs a part that is not installed: {error.name or 'libpq'}", file=sys.stderr)
        print(f"hint:  pip install 'syncwell[{extra}]'", file=sys.stderr)
        sys.exit(2)
    # psycopg warns of rollbacks that an interrupt cut short; whoever pressed Ctrl-C knows
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    # what the terminal cannot show must not end the command
    cast("TextIOWrapper[Any]", sys.stdout).reconfigure(errors="replace")
    try:
        app(prog_name="syncwell")
    except Exception:
        # Python's own code for this is 1, which says that something was found
        traceback.print_exc()
        print("error: this is a mistake of syncwell itself; please report what stands above", file=sys.stderr)
        sys.exit(BUG)
