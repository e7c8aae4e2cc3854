"""Alerts that go out: every one at least once, the end of a trouble never before or between its beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import alerting
from torture.loads.base import PATIENCE, Load

if TYPE_CHECKING:
    import subprocess

ISSUES = 24
_CHANNEL = """
[[channel]]
name = "hook"
kind = "webhook"
url = "{url}"
batch = 3
timeout = 5
"""


class Alerting(Load):
    """A deliverer, `syncwell alerts deliver`, and a receiver that keeps what it is told."""

    name = "alerts"
    victims = ("server", "postmaster", "process", "process")

    def prepare(self) -> None:
        self._receiving = alerting.receiving()
        self.receiver = self._receiving.__enter__()
        self.config = self.world.folder / "alerts.toml"
        self.config.write_text(_CHANNEL.format(url=self.receiver.url))
        with self.world.direct() as admin:
            admin.execute("insert into syncwell.settings (key, value) values ('retry.jitter', 'none')")
        # who asks first opens the channel: from then on it gets everything
        self._deliver()
        with self.world.direct() as admin:
            for number in range(ISSUES):
                alerting.fire(admin, f"issue-{number}")
                if number % 3 == 0:
                    alerting.resolve(admin, f"issue-{number}")

    def run(self) -> None:
        self.processes = [self._start()]
        self.processes[0].wait(PATIENCE)
        for fingerprint, status in self.receiver.told:
            self.journal.send(f"{fingerprint} {status}")
            self.journal.acknowledge(f"{fingerprint} {status}")

    def _start(self) -> subprocess.Popen[str]:
        return self.world.start(
            "-m", "syncwell.cli", "alerts", "deliver", "-c", str(self.config), "-d", self.world.uri("a_service")
        )

    def _deliver(self) -> None:
        process = self._start()
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors

    def wrong(self) -> list[str]:
        wrong = []
        told: dict[str, list[str]] = {}
        for fingerprint, status in self.receiver.told:
            told.setdefault(fingerprint, []).append(status)
        for fingerprint, statuses in told.items():
            if statuses != sorted(statuses):
                wrong.append(f"{fingerprint} was told of as {statuses}")
        for row in self.world.ask(
            "select a.fingerprint, a.status from syncwell.alert_deliveries as d"
            " join syncwell.alert_outbox as a on a.org_id = d.org_id and a.id = d.alert_id where d.state = 'done'"
        ):
            if row[1] not in told.get(row[0], []):
                wrong.append(f"{row} is done, and nobody was told")
        return wrong

    def settle(self) -> None:
        # also what was killed before it had asked for anything
        self._deliver()
        while self.world.ask("select 1 from syncwell.alert_deliveries where state = 'pending' limit 1"):
            with self.world.direct() as admin:
                alerting.due(admin)
            self._deliver()

    def wrong_at_end(self) -> list[str]:
        wrong = self.wrong()
        told = set(self.receiver.told)
        for number in range(ISSUES):
            wanted = ["firing", "resolved"] if number % 3 == 0 else ["firing"]
            wrong += [f"issue-{number} {one} never went out" for one in wanted if (f"issue-{number}", one) not in told]
        return wrong

    def close(self) -> None:
        self._receiving.__exit__(None, None, None)
