"""Alerts by a program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from syncwell._failure import describe
from syncwell.alerts import ClaimedAlert
from syncwell.deliver.messages import webhook_body
from syncwell.deliver.senders import DeliveryError

__all__ = ["CommandSender"]

# of the deliverer's own environment; the rest, which may have secrets, is not the program's
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSender:
    """Runs a program, without a shell, and gives it what a webhook would get on its standard input."""

    kind: Literal["command"] = "command"
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def send(self, channel: str, alerts: Sequence[ClaimedAlert], timeout: float) -> None:
        """Run it for alerts of one org; exit code 0 says that it took them."""
        document = json.dumps(webhook_body(channel, alerts)).encode()
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        try:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**kept, **self.environment},
                start_new_session=True,
            )
        except OSError as error:
            raise DeliveryError("the program cannot be run", code=describe(error).code) from error
        try:
            process.communicate(document, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise DeliveryError(f"the program did not end within {timeout:g} s", code="ETIMEDOUT") from error
        finally:
            if process.returncode is None:
                # with what it started; until it is waited for, the number is nobody else's
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        code = process.wait()
        if code != 0:
            ended = f"exit code {code}" if code > 0 else f"signal {-code}"
            raise DeliveryError(f"the program failed: {ended}", code=f"EXIT_{code}")
