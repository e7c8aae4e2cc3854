"""A real Prometheus, and promtool: Debian's package, unpacked, never installed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from harness import debian
from harness.require import UnavailableError
from harness.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = 60


def program(name: str) -> Path:
    """Where prometheus or promtool is; both need nothing but the C library."""
    installed = shutil.which(name)
    path = Path(installed) if installed else debian.unpack("prometheus") / "usr/bin" / name
    if not path.exists():
        raise UnavailableError(f"Debian's package has no {name}")
    return path


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What promtool says; the caller looks at its exit code."""
    return subprocess.run(
        [str(part) for part in (program("promtool"), *arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


class Prometheus:
    """Asks the server questions."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def query(self, expression: str) -> dict[tuple[str, ...], float]:
        """The values of now, by source and status or state."""
        answer = self._client.get("/api/v1/query", params={"query": expression})
        document: dict[str, Any] = json.loads(answer.content)
        assert document["status"] == "success", document
        return {
            tuple(row["metric"].get(name, "") for name in ("source", "status", "state")): float(row["value"][1])
            for row in document["data"]["result"]
        }

    def get(self, path: str) -> Any:
        """What the API says, e.g. of `targets`."""
        return json.loads(self._client.get(f"/api/v1/{path}").content)["data"]


@contextlib.contextmanager
def running(folder: Path, configuration: str = "prometheus.yml") -> Iterator[Prometheus]:
    """A Prometheus with the configuration in this folder, on a free port until the block ends."""
    found = program("prometheus")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with tempfile.TemporaryDirectory(prefix="syncwell-prom-") as storage, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [
                str(found),
                f"--config.file={folder / configuration}",
                f"--storage.tsdb.path={storage}",
                f"--web.listen-address={address}",
                "--log.level=warn",
            ],
            env={**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
            cwd=storage,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            with httpx.Client(base_url=f"http://{address}", timeout=10, trust_env=False) as client:

                def answers() -> bool:
                    if process.poll() is not None:
                        said.seek(0)
                        raise AssertionError(said.read().decode(errors="replace"))
                    with contextlib.suppress(httpx.TransportError):
                        return client.get("/-/ready").status_code == 200
                    return False

                wait_until("Prometheus to answer", answers, _SECONDS)
                yield Prometheus(client)
        finally:
            process.terminate()
            process.wait(30)
