"""Holds a server that outlives `syncwell demo --keep`, and takes it away when it is told to end.

It writes one line of JSON to standard output and waits for the word `keep` on standard input: a demo that dies before
saying it takes its server along.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, cast

from syncwell.embedded import EmbeddedError, Server

_STOP_SECONDS = 60


@dataclass(frozen=True, slots=True)
class KeptServer:
    """The demo's end of the keeper."""

    process: subprocess.Popen[str]
    words: IO[str]
    socket_dir: Path
    bindir: Path

    def keep(self) -> int:
        """Let the server live on; returns the process to end it with."""
        self.words.write("keep\n")
        self.words.close()
        return self.process.pid

    def stop(self) -> None:
        """End the server and remove what it kept."""
        self.words.close()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()


def start() -> KeptServer:
    """Start a keeper with its server.

    Errors: `EmbeddedError`, as `Server.start`.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        with cast("IO[str]", process.stdout) as output:
            answer = json.loads(output.readline() or "{}")
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if "socket_dir" not in answer:
        process.wait()
        raise EmbeddedError(answer.get("message", "the server did not start"), answer.get("hint", "run it again"))
    return KeptServer(process, cast("IO[str]", process.stdin), Path(answer["socket_dir"]), Path(answer["bindir"]))


def main() -> None:
    """Be the keeper."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        with Server() as server:
            print(json.dumps({"socket_dir": str(server.socket_dir), "bindir": str(server.bindir)}), flush=True)
            if sys.stdin.readline() == "keep\n":
                _let_go_of_the_terminal()
                while True:
                    signal.pause()
    except EmbeddedError as error:
        print(json.dumps({"message": error.message, "hint": error.hint}), flush=True)


def _let_go_of_the_terminal() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.chdir("/")


def _end(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise SystemExit(0)


if __name__ == "__main__":
    main()
