"""What a command says of a connection string that it cannot use: never the password that it may have."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from syncwell.cli.app import app

_SECRET = "abcde"  # noqa: S105 - that is the point


@pytest.mark.parametrize(
    ("dsn", "told"),
    [
        # libpq quotes what it cannot read, up to all of it
        (f"postgresql://u:{_SECRET}%zz@127.0.0.1/db", 'invalid percent-encoded token: "…"'),
        (f'postgresql://u:"{_SECRET}%zz@127.0.0.1/db', 'invalid percent-encoded token: "…"'),
        (f"postgresql//u:{_SECRET}@127.0.0.1/db?a=b", 'invalid connection option "…"'),
        (f"postgresql://u:x@[{_SECRET}@127.0.0.1/db", 'looking for matching "]" in IPv6 host address in URI: "…"'),
        (f"host=h password=a {_SECRET}", 'missing "=" after "…" in connection info string'),
        # a password with an @ ends too early, and the rest of it is part of the host
        (f"postgresql://u:x@{_SECRET}@127.0.0.1:1/db", "failed to resolve host '…@127.0.0.1'"),
        (f"postgresql://u:x@'{_SECRET}@127.0.0.1:1/db", 'failed to resolve host "…@127.0.0.1'),
        # what is no secret is told
        ("postgresql://127.0.0.1/db?nonsense=1", 'invalid URI query parameter: "nonsense"'),
        ("host=127.0.0.1 nonsense=1", 'invalid connection option "nonsense"'),
    ],
)
@pytest.mark.parametrize("command", ["doctor", "health"])
def test_a_mistake_in_a_connection_string_tells_no_password(command: str, dsn: str, told: str) -> None:
    answer = CliRunner().invoke(app, [command, "--dsn", dsn], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert answer.exit_code != 0
    assert told in " ".join(answer.output.split())
    assert _SECRET not in answer.output
