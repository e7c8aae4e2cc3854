"""`syncwell serve`, behind a relay of its own, and a client of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx

from harness import Tenants
from harness.serving import bearer
from torture.loads.base import GONE, PATIENCE, GoneError

if TYPE_CHECKING:
    from torture.killer import Killer
    from torture.world import World

VICTIMS = ("server", "postmaster", "process", "process")
POINTS = ("sent", "answered", "wal", "http_sent", "http_answered")
_ATTEMPTS = 5


class Web:
    """The process, the relay and the client; `is_patient`: the client comes again when it is told to."""

    def __init__(self, world: World, killer: Killer | None) -> None:
        self.process, url = world.serve()
        self.relay, url = world.web_relay(url, killer)
        self.is_patient = False
        self._client = httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False)

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def ask(self, path: str, login: str, body: dict[str, Any]) -> dict[str, Any]:
        for left in range(_ATTEMPTS if self.is_patient else 1, 0, -1):
            try:
                return self._ask(path, login, body)
            except GONE:
                if left == 1:
                    raise
        raise AssertionError

    def _ask(self, path: str, login: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post(path, json=body, headers=bearer(Tenants.id(login)))
        if answer.status_code == 503:
            assert answer.headers["retry-after"]
            raise GoneError(answer.text)
        assert answer.status_code == 200, answer.text
        try:
            document: dict[str, Any] = answer.json()
        except json.JSONDecodeError as error:
            raise GoneError("half an answer") from error
        return document

    def close(self) -> None:
        self._client.close()
        self.relay.close()
