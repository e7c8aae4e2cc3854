"""Real WatermelonDB clients in one Node process, told what to do line by line."""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, Any, Self

from harness.paths import TESTS

if TYPE_CHECKING:
    from harness.node import Node

_CLIENT = TESTS / "client"


class Clients:
    """The process and the devices in it; it ends with the block, or when whoever started it is gone."""

    def __init__(self, node: Node, *, patience: float = 60) -> None:
        self._patience = patience
        self._buffer = b""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [node.executable, str(_CLIENT / "device.js")],
            env={**node.env, "SYNCWELL_JOURNAL": str(_CLIENT / "journal")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )

    def __call__(self, command: str, device: str | None = None, /, **arguments: Any) -> Any:
        """What the command answers; an error in the process is raised here."""
        self.send(command, device, **arguments)
        return self.receive()

    def send(self, command: str, device: str | None = None, /, **arguments: Any) -> None:
        assert self._process.stdin is not None
        named = {} if device is None else {"device": device}
        self._process.stdin.write(json.dumps({"command": command, **named, **arguments}).encode() + b"\n")
        self._process.stdin.flush()

    def receive(self, *, patience: float | None = None) -> Any:
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        deadline = time.monotonic() + (patience or self._patience)
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([output], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(output, 1 << 20) if ready else b""
            if not chunk:
                reason = "has ended" if ready else "does not answer"
                raise AssertionError(f"the devices' process {reason}\n{self._said()}")
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(f"in the devices' process: {answer['error']}")
        return answer["value"]

    def _said(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode()[-4000:]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()
