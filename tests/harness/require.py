"""Tools that not every machine can have: without them a test skips, unless SYNCWELL_REQUIRE names them."""

import os
from typing import NoReturn

import pytest


class UnavailableError(Exception):
    """This tool is not to be had here; the text says why."""


def unavailable(tool: str, reason: object) -> NoReturn:
    """Skip the test, or fail it where the tool is required."""
    if tool in os.environ.get("SYNCWELL_REQUIRE", "").split(","):
        pytest.fail(f"{tool} is required (SYNCWELL_REQUIRE) and not to be had: {reason}", pytrace=False)
    pytest.skip(f"no {tool}: {reason}")
