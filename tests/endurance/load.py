"""Who works: each in a thread, over and over until the end."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx

from harness import Tenants
from harness.serving import bearer

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness import Database

USERS = ("a_member", "a_other")
RECORDS = 200
_PAUSE = 0.05
# the whole database lives by this clock, whoever asks
_CLOCK = """
create or replace function syncwell._now() returns timestamptz language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp as $$
begin
  return timestamptz '{start}' + (clock_timestamp() - timestamptz '{start}') * {factor};
end $$
"""


def move_clock(database: Database, factor: float) -> None:
    """From now on a second lasts `factor` seconds for everybody."""
    with database.connect(autocommit=True) as admin:
        admin.execute(_CLOCK.format(start=datetime.now(UTC).isoformat(), factor=factor).encode())


class Load:
    """All of them; `done` counts what each has done, `failures` has what they met."""

    def __init__(self, database: Database, url: str, minute: float) -> None:
        self.done: Counter[str] = Counter()
        self.failures: list[str] = []
        self._database = database
        self._url = url
        self._minute = minute
        self._ended = threading.Event()
        work = [self._device(user) for user in USERS]
        work += [self._batches, self._enqueuer, self._progress, self._runs, self._maintenance]
        self._threads = [threading.Thread(target=self._guarded, args=[one], daemon=True) for one in work]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(120)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self.failures.append(f"{type(error).__name__}: {error}")

    def _again(self, what: str, pause: float = _PAUSE) -> bool:
        self.done[what] += 1
        return not self._ended.wait(pause)

    def _device(self, user: str) -> Callable[[], None]:
        chance = random.Random(user)  # noqa: S311
        headers = bearer(Tenants.id(user), exp=time.time() + 86400)

        def work() -> None:
            cursor: int | None = None
            with httpx.Client(base_url=self._url, timeout=60, trust_env=False, headers=headers) as client:

                def ask(path: str, **body: Any) -> dict[str, Any]:
                    answer = client.post(path, json={**body, "lastPulledAt": cursor, "deviceId": user})
                    assert answer.status_code == 200, answer.text
                    document: dict[str, Any] = answer.json()
                    return document

                while True:
                    cursor = ask("/sync/pull")["timestamp"]
                    records = [
                        {"id": f"{user}-{number}", "title": f"{chance.random()}", "done": False}
                        for number in chance.sample(range(RECORDS), 10)
                    ]
                    changes = {"todos": {"created": [], "updated": records[:-1], "deleted": [records[-1]["id"]]}}
                    ask("/sync/push", changes=changes)
                    if not self._again("pushes"):
                        return

        return work

    def _batches(self) -> None:
        headers = bearer(Tenants.id("a_member"), exp=time.time() + 86400)
        with httpx.Client(base_url=self._url, timeout=60, trust_env=False, headers=headers) as client:
            for number in range(10**9):
                # every row is sent twice, as by a device that did not hear the answer
                rows = [
                    {"external_id": f"{number // 2}-{row}", "occurred_at": datetime.now(UTC).isoformat()}
                    for row in range(20)
                ]
                answer = client.post("/sync/batch", json={"type": "events", "source": "calls", "data": rows})
                assert answer.status_code == 200, answer.text
                if not self._again("batches"):
                    return

    def _enqueuer(self) -> None:
        with self._database.connect("a_member", autocommit=True) as session:
            for number in range(10**9):
                session.execute(
                    "select from syncwell.enqueue_operations(%s)",
                    [json.dumps([{"operation_type": "send", "payload": {"n": [number, row]}} for row in range(5)])],
                )
                if not self._again("enqueued"):
                    return

    def _progress(self) -> None:
        with self._database.connect("a_service", autocommit=True) as session:
            for number in range(10**9):
                sync, step = divmod(number, 100)
                status = "completed" if step == 99 else None
                session.execute(
                    "select from syncwell.report_sync_progress(%s, %s, 100, p_status => %s)",
                    [f"sync-{sync}", step + 1, status],
                )
                if not self._again("reports", _PAUSE / 2):
                    return

    def _runs(self) -> None:
        with self._database.connect("a_service", autocommit=True) as session:
            for number in range(10**9):
                started = session.execute(
                    "select event_id, lease from syncwell.record_sync_start('mail', p_run_key => %s)", [str(number)]
                ).fetchone()
                session.execute("select syncwell.record_sync_complete(%s, %s, 5)", started)
                if not self._again("runs"):
                    return

    def _maintenance(self) -> None:
        with self._database.connect("operator", autocommit=True) as session:
            while True:
                session.execute("call syncwell.run_maintenance()")
                if not self._again("maintained", self._minute):
                    return
