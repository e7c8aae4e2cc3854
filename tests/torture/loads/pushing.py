"""Devices that push and pull, by SQL and over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness import Tenants
from torture.loads.base import Load
from torture.loads.web import POINTS, VICTIMS, Web

if TYPE_CHECKING:
    import psycopg

    from torture.world import World

USERS = ("a_member", "a_member", "a_other")
PUSHES = 8
RECORDS = 12


class Device:
    """A client with its own copy of the records, its cursor, and the push that it has not been told of."""

    def __init__(self, world: World, number: int, options: str = "") -> None:
        self.world = world
        self.login = USERS[number]
        self.name = f"device-{number}"
        self.cursor: int | None = None
        self.records: dict[str, str] = {}
        self.waiting: tuple[str, dict[str, Any]] | None = None
        self.pushed = 0
        self._options = options
        self._session: psycopg.Connection[Any] | None = None

    def sync(self) -> None:
        """Send what waits again, under its own name, then look what is new."""
        if self.waiting:
            request, changes = self.waiting
            answer = self.ask_push(request, changes)
            assert answer["success"], answer
            assert not answer.get("quarantined"), answer
            self.pushed += 1
            self.waiting = None
        answer = self.ask_pull()
        for table in answer["changes"].values():
            for record in (*table["created"], *table["updated"]):
                self.records[record["id"]] = record["title"]
            for record_id in table["deleted"]:
                self.records.pop(record_id, None)
        self.cursor = answer["timestamp"]

    def edit(self, number: int) -> None:
        """New records, a change of the last ones, one of the oldest is gone."""
        request = f"{self.name}-push-{number}"
        created = {f"{request}-record-{one}": "new" for one in range(RECORDS)}
        mine = sorted(record for record in self.records if record.startswith(f"{self.name}-"))
        updated = dict.fromkeys(mine[-3:], f"changed by {request}")
        deleted = mine[:1] if len(mine) > RECORDS else []
        self.waiting = (
            request,
            {"todos": {"created": _records(created), "updated": _records(updated), "deleted": deleted}},
        )
        self.records |= created | updated
        for record in deleted:
            del self.records[record]

    def ask_push(self, request: str, changes: dict[str, Any]) -> dict[str, Any]:
        return self._call(
            "select syncwell.sync_push(%s, %s, %s, %s)", json.dumps(changes), self.cursor, self.name, request
        )

    def ask_pull(self) -> dict[str, Any]:
        return self._call("select syncwell.sync_pull(%s, p_device_id => %s)", self.cursor, self.name)

    def _call(self, query: str, *values: Any) -> dict[str, Any]:
        if self._session is None:
            self._session = self.world.connect(self.login, self._options)
        row = self._session.execute(query.encode(), values).fetchone()
        assert row is not None
        answer: dict[str, Any] = row[0]
        return answer

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


def _records(titles: dict[str, str]) -> list[dict[str, Any]]:
    return [{"id": key, "title": title, "done": False, "_status": "", "_changed": ""} for key, title in titles.items()]


class WebDevice(Device):
    """The same over HTTP."""

    def __init__(self, world: World, number: int, web: Web) -> None:
        super().__init__(world, number)
        self.web = web

    def ask_push(self, request: str, changes: dict[str, Any]) -> dict[str, Any]:
        body = {"changes": changes, "lastPulledAt": self.cursor, "deviceId": self.name, "requestId": request}
        return self.web.ask("/sync/push", self.login, body)

    def ask_pull(self) -> dict[str, Any]:
        return self.web.ask("/sync/pull", self.login, {"lastPulledAt": self.cursor, "deviceId": self.name})


class Pushing(Load):
    """Three devices of two users."""

    name = "push"

    def prepare(self) -> None:
        self.devices = [self.device(number) for number in range(len(USERS))]
        for device in self.devices:
            device.sync()

    def device(self, number: int) -> Device:
        return Device(self.world, number)

    def run(self) -> None:
        self.together(*(self._work(device) for device in self.devices))

    def _work(self, device: Device) -> Any:
        def work() -> None:
            for number in range(PUSHES):
                device.edit(number)
                assert device.waiting is not None
                self.journal.send(device.waiting[0], device.waiting[1]["todos"])
                request = device.waiting[0]
                device.sync()
                self.journal.acknowledge(request)

        return work

    def wrong(self) -> list[str]:
        wrong = []
        happened = self.world.ask("select record_id, what, count(*) from public.happened group by 1, 2")
        times = {(record, what): count for record, what, count in happened}
        titles = dict(self.world.ask("select id, title from public.todos"))
        for request, changes in self.journal.sent.items():
            seen = {times.get((record["id"], "insert"), 0) for record in changes["created"]}
            seen |= {int(titles.get(record["id"]) == record["title"]) for record in _last(changes, titles, request)}
            seen |= {times.get((record, "delete"), 0) for record in changes["deleted"]}
            is_told = request in self.journal.acknowledged
            if seen != {1} and (is_told or seen != {0}):
                wrong.append(
                    f"{request}, {'acknowledged' if is_told else 'not answered'}, happened {sorted(seen)} times"
                )
        return wrong

    def settle(self) -> None:
        for device in self.devices:
            device.close()
        for device in self.devices:
            # what the others sent after it looked is there at the second look
            for _ in range(2):
                device.sync()
        for request in self.journal.open:
            self.journal.acknowledge(request)

    def wrong_at_end(self) -> list[str]:
        for device in self.devices:
            device.sync()
        wrong = self.wrong()
        for device in self.devices:
            there = dict(
                self.world.ask("select id, title from public.todos where user_id = %s", Tenants.id(device.login))
            )
            if device.records != there:
                other = {
                    key for key in there.keys() | device.records.keys() if there.get(key) != device.records.get(key)
                }
                wrong.append(f"{device.name} differs in {len(other)} of {len(there)} records, e.g. {min(other)}")
        return wrong

    def close(self) -> None:
        for device in self.devices:
            device.close()


def _last(changes: dict[str, Any], titles: dict[str, str], request: str) -> list[dict[str, Any]]:
    """The changed records that no later push has changed again or deleted."""
    number = int(request.rpartition("-")[2])

    def is_later(title: str) -> bool:
        return title.startswith("changed by ") and int(title.rpartition("-")[2]) > number

    return [one for one in changes["updated"] if one["id"] in titles and not is_later(titles[one["id"]])]


class PushingOverHttp(Pushing):
    """The same devices, by `syncwell serve`."""

    name = "push over HTTP"
    victims = VICTIMS
    points = POINTS

    def prepare(self) -> None:
        self.web = Web(self.world, self.killer)
        self.processes = [self.web.process]
        super().prepare()

    def device(self, number: int) -> Device:
        return WebDevice(self.world, number, self.web)

    def settle(self) -> None:
        # one that lives has to find its way back to the database
        if not self.web.is_alive:
            self.web.close()
            self.web = Web(self.world, None)
        self.web.is_patient = True
        for device in self.devices:
            assert isinstance(device, WebDevice)
            device.web = self.web
        super().settle()

    def counts(self) -> dict[str, int]:
        return dict(self.web.relay.counts)

    def close(self) -> None:
        self.web.close()
