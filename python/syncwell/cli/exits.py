"""How commands end: the one table of exit codes."""

from __future__ import annotations

WELL = 0
FOUND = 1
REFUSED = 2
BUG = 70
INTERRUPTED = 130
UNREAD = 141

CODES = {
    WELL: "all well",
    FOUND: "something is unhealthy, was found, or is pending",
    REFUSED: "wrong usage, no connection, or refused; standard error says why",
    BUG: "a mistake of syncwell itself, with a traceback: please report it",
    INTERRUPTED: "interrupted by Ctrl-C",
    UNREAD: "whoever read the output stopped reading",
}
