"""The migrations, up and down: each is there wholly or not at all, and can be run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from syncwell import migrate
from torture.loads.base import PATIENCE, Load

if TYPE_CHECKING:
    import subprocess

_OBJECTS = """
select count(*) from pg_depend as d join pg_namespace as n on n.nspname in ('syncwell', 'syncwell_tables')
where d.refclassid = 'pg_namespace'::regclass and d.refobjid = n.oid
"""
_KEPT = "select count(*) from syncwell.sync_events"


class Migrating(Load):
    """`syncwell migrate` in an empty database."""

    name = "migrate"
    victims = ("server", "postmaster", "process")
    template: ClassVar[str | None] = "template1"

    def run(self) -> None:
        self.journal.send("migrate")
        process = self._start()
        self.processes = [process]
        if process.wait(PATIENCE) == 0:
            self.journal.acknowledge("migrate")

    def _start(self) -> subprocess.Popen[str]:
        return self.world.start("-m", "syncwell.cli", "migrate", "-d", self.world.uri())

    def _states(self) -> set[str]:
        with self.world.direct() as connection:
            return {one.state for one in migrate.status(connection)}

    def wrong(self) -> list[str]:
        states = self._states()
        (objects,) = self.world.ask(_OBJECTS)
        if self.journal.acknowledged and states != {"applied"}:
            return [f"it was told that all is applied, and it is {states}"]
        if states == {"pending"} and objects:
            return [f"nothing is applied, and there are {objects} objects"]
        return []

    def settle(self) -> None:
        with self.world.direct() as connection:
            migrate.migrate(connection)
        self.journal.acknowledge("migrate")

    def wrong_at_end(self) -> list[str]:
        with self.world.direct() as connection:
            connection.execute("call syncwell.run_maintenance()")
            return [f"{one.check}: {one.detail}" for one in migrate.verify(connection) if not one.ok]


class RollingBack(Migrating):
    """`syncwell rollback` of a schema with rows, though they will be lost; then all is done anew."""

    name = "rollback"
    template = None

    def prepare(self) -> None:
        with self.world.direct("a_service") as service:
            for number in range(5):
                service.execute("select syncwell.record_sync_start('calls', p_run_key => %s)", [str(number)])

    def _start(self) -> subprocess.Popen[str]:
        return self.world.start(
            "-m", "syncwell.cli", "rollback", "--to", "0000", "--allow-data-loss", "-d", self.world.uri()
        )

    def wrong(self) -> list[str]:
        states = self._states()
        (objects,) = self.world.ask(_OBJECTS)
        if states == {"pending"}:
            return [f"{objects} objects are left"] if objects else []
        if self.journal.acknowledged:
            return [f"it was told that nothing is left, and it is {states}"]
        (kept,) = self.world.ask(_KEPT)
        return [] if kept == 5 else [f"it was not reverted, and {kept} of 5 runs are there"]

    def settle(self) -> None:
        with self.world.direct() as connection:
            migrate.rollback(connection, "0000", allow_data_loss=True)
            states: Any = {one.state for one in migrate.status(connection)}
            assert states == {"pending"}, states
            migrate.migrate(connection)
        self.journal.acknowledge("migrate")
