"""What a user gets to read when something goes wrong: message, detail, hint."""

from __future__ import annotations

import re
import sys

import psycopg
from psycopg import errors as pg

from syncwell.cli.exits import REFUSED
from syncwell.cli.output import plain
from syncwell.embedded import EmbeddedError
from syncwell.errors import SyncwellError, from_psycopg

_NOT_INSTALLED = (pg.UndefinedTable, pg.UndefinedFunction, pg.InvalidSchemaName, pg.UndefinedColumn, pg.UndefinedObject)
_HINT_CONNECT = "Say where the server is: --dsn postgresql://user@host/database, or PGHOST, PGUSER, PGDATABASE."

_HOST = re.compile(r"""(host(?: name|:)? ["'])\S*@""")
# one character that was expected, or all there is to the last quotation mark
_QUOTED = re.compile(r'"[^"]"|"(.+)"', re.DOTALL)
_NAMED = re.compile(r'invalid (connection option|URI query parameter:) "\w+"')


class CommandError(Exception):
    """A mistake or refusal that ends the command; never shown as a traceback."""

    def __init__(
        self, message: str, detail: str | None = None, hint: str | None = None, exit_code: int = REFUSED
    ) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.hint = hint
        self.exit_code = exit_code


def command_error_for(error: Exception) -> CommandError | None:
    """What an exception means to a user; None for a mistake of our own, which deserves its traceback."""
    if isinstance(error, SyncwellError):
        return CommandError(f"{error.message} ({error.sqlstate})", error.detail, error.hint)
    if isinstance(error, EmbeddedError):
        return CommandError(error.message, None, error.hint)
    if isinstance(error, psycopg.Error):
        return _of_psycopg(error)
    if isinstance(error, OSError) and error.strerror is not None:
        where = "writing" if error.filename is None else error.filename
        return CommandError(f"{where}: {error.strerror}")
    if isinstance(error, UnicodeEncodeError):
        return CommandError("an argument is no text", None, "Arguments are UTF-8.")
    return None


def show(failure: CommandError) -> None:
    """Write it to standard error."""
    print(f"error: {plain(failure.message)}", file=sys.stderr)
    if failure.detail:
        print(f"detail: {plain(failure.detail)}", file=sys.stderr)
    if failure.hint:
        print(f"hint: {plain(failure.hint)}", file=sys.stderr)


def text_of(error: psycopg.Error) -> str:
    """What libpq and psycopg say, without what may be a password.

    They quote what they cannot read of a connection string, and take for a host what follows a password's @.
    """
    text = _HOST.sub(r"\1…@", str(error).strip())
    if isinstance(error, psycopg.OperationalError) or _NAMED.match(text):
        return text
    return _QUOTED.sub(lambda found: '"…"' if found[1] else found[0], text)


def _of_psycopg(error: psycopg.Error) -> CommandError:
    if known := from_psycopg(error):
        return CommandError(f"{known.message} ({known.sqlstate})", known.detail, known.hint)
    diag = error.diag
    message = diag.message_primary or text_of(error)
    if diag.sqlstate is None:
        if isinstance(error, psycopg.OperationalError):
            first, *more = message.splitlines() or ["no connection"]
            return CommandError(first, " ".join(line.strip() for line in more) or None, _HINT_CONNECT)
        return CommandError(message, None, _HINT_CONNECT)
    if isinstance(error, _NOT_INSTALLED):
        return CommandError(
            "this database has no syncwell, or one of another version",
            message,
            "`syncwell status` tells which; `syncwell migrate` installs and upgrades.",
        )
    hint = diag.message_hint
    if isinstance(error, pg.InsufficientPrivilege) and hint is None:
        hint = "syncwell_reader reads, syncwell_worker records; the schema is its owner's or a superuser's."
    return CommandError(f"{message} ({diag.sqlstate})", diag.message_detail, hint)
