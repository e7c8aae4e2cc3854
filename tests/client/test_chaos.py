"""Five real clients, raw SQL writers, a parked transaction, lost answers, purges: all equal in the end, and silent."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from harness import journal
from harness.serving import configured, serving
from harness.timestamps import Timestamps

if TYPE_CHECKING:
    from harness import Database, Tenants
    from harness.clients import Clients
    from harness.node import Node

# e.g. SYNCWELL_CHAOS_ROUNDS=400 SYNCWELL_CHAOS_SEED=7 for a long run
ROUNDS = int(os.environ.get("SYNCWELL_CHAOS_ROUNDS", "12"))
SEED = int(os.environ.get("SYNCWELL_CHAOS_SEED", "1"))
USERS = ("a_member", "a_member", "a_member", "a_other", "a_other")
TABLES = ("friends", "interactions", "life_events", "interaction_friends")
PATIENCE = 60 + 3 * ROUNDS


def open_all(
    devices: Clients, url: str, tokens: dict[str, str], adapters: tuple[str, ...], **options: Any
) -> list[str]:
    """Five devices of two users, on every adapter in turn."""
    names = []
    for number, user in enumerate(USERS):
        name = f"{user} {number}"
        adapter = adapters[number % len(adapters)]
        devices("open", name=name, url=url, token=tokens[user], adapter=adapter, **options)
        names.append(name)
    return names


def run(devices: Clients, writers: journal.Writers) -> dict[str, Any]:
    with writers:
        devices.send("chaos", seed=SEED, rounds=ROUNDS, edits=6, loss=0.05)
        counts: dict[str, Any] = devices.receive(patience=PATIENCE)
    return counts


def quiesce(devices: Clients, names: list[str]) -> list[dict[str, Any]]:
    """Nobody else writes any more: two rounds bring everything everywhere."""
    return [devices("sync", name) for _ in range(2) for name in names]


def compare(database: Database, devices: Clients, names: list[str], tenants: Tenants) -> dict[str, list[str]]:
    with database.connect() as connection:
        server = {user: journal.stored(connection, tenants.id(user)) for user in set(USERS)}
    found = {}
    for name in names:
        dump = {table: rows for table, rows in devices("dump", name).items() if table in TABLES}
        found[name] = journal.differences(server[name.split()[0]], dump)
    return found


def kinds_of(lines: list[str]) -> Counter[str]:
    return Counter(line.split()[0] for line in lines)


@pytest.mark.parametrize("harsh", [False, True])
def test_all_devices_are_equal_and_silent(
    served: journal.Served, devices: Clients, client: Node, *, harsh: bool
) -> None:
    users = (served.tenants.id("a_member"), served.tenants.id("a_other"))
    tokens = {user: served.token(user) for user in USERS}
    names = open_all(devices, served.url, tokens, client.adapters, sendCreatedAsUpdated=harsh)
    writers = journal.Writers(served.database, users, seed=SEED, harsh=harsh)
    counts = run(devices, writers)
    assert [answer for answer in quiesce(devices, names) if not answer["ok"]] == [], counts
    resyncs = served.execute("select coalesce(sum(full_resyncs), 0) from syncwell.sync_devices")[0][0]

    found = compare(served.database, devices, names, served.tenants)
    assert found == {name: [] for name in names}, f"seed {SEED}: {counts} {writers.counts}"
    for name in names:
        diagnosis = devices("diagnose", name)
        assert diagnosis["issueCount"] == 0, diagnosis["log"]
        assert not devices("dirty", name)
    assert devices("messages") == []

    # it was no fair weather
    assert counts["lost"] > 0
    assert writers.counts["commits"] > 0
    assert (resyncs > 0) == harsh
    assert {error[:3] for error in counts["errors"]} <= {"409", "los"}, counts["errors"]


def test_control_timestamps_lose_rows(database: Database, devices: Clients, client: Node, tenants: Tenants) -> None:
    journal.install(database, register=False)
    users = (tenants.id("a_member"), tenants.id("a_other"))
    with serving(configured(database.uri()), Timestamps(database)) as server:
        tokens = {user: str(tenants.id(user)) for user in USERS}
        names = open_all(devices, str(server.base_url), tokens, client.adapters, sendCreatedAsUpdated=False)
        run(devices, journal.Writers(database, users, seed=SEED))
        quiesce(devices, names)
        found = sum((kinds_of(lines) for lines in compare(database, devices, names, tenants).values()), Counter())
    assert found["missing"] > len(names)
    assert found["different"] > 0
    assert any("doesn't exist locally" in message for message in devices("messages"))
