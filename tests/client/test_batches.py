"""The example client of POST /sync/batch, in Node, over a network that loses most answers."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import Tenants, UnavailableError, unavailable
from harness.serving import configured, serving, token
from harness.typescript import compiled
from syncwell import codegen

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from harness import Cluster, Database

CLIENT = Path(__file__).parent / "batches" / "client.js"
MEMBER = Tenants.id("a_member")

# Loses a request before, or an answer after it had its effect, or the second half of the answer.
DRIVER = """
const { Client, Refused } = require(process.argv[1])
const [url, token, seed] = process.argv.slice(2)
let state = Number(seed)
const chance = () => (state = (state * 48271) % 2147483647) / 2147483647
let requests = 0
let lost = 0
const unreliable = async (...call) => {
  const luck = chance()
  requests += 1
  if (luck < 0.2) { lost += 1; throw new TypeError('fetch failed') }
  const answer = await fetch(...call)
  const text = await answer.text()
  if (luck < 0.6) { lost += 1; throw new TypeError('terminated') }
  if (luck < 0.7) { lost += 1; return new Response(text.slice(0, text.length / 2), answer) }
  return new Response(text, answer)
}
const waits = []
const client = new Client({
  url, token: async () => token, deviceId: 'phone', platform: 'ios', slice: 7, fetch: unreliable,
  wait: async (seconds) => { waits.push(seconds) },
})
const start = Date.now() - 3600000
const name = 'IHHT_1736300000_ab12'
const main = async () => {
  const rows = Array.from({ length: 30 }, (_, n) => ({ occurred_at: start + n * 1000, spo2: 90 + (n % 10) }))
  rows.splice(20, 0, { spo2: 95 })
  const told = { rejected: await client.readings(name, rows) }
  told.session = await client.session({ local_id: name, started_at: start, data_source: 'bluetooth' })
  told.survey = await client.records('survey_post', name, [{ occurred_at: start + 60000, mood: 5 }])
  told.events = await client.events('calls', [{ external_id: 'c1', occurred_at: start, payload: { n: 1 } }])
  told.short = await client.complete(name, { ended_at: start + 60000, expected: { reading: 31 } })
  told.end = await client.complete(name, { expected: { reading: 30, survey_post: 1 } })
  const refused = (error) => error instanceof Refused && error.problem
  told.refused = await client.batch({ type: 'thought', data: [] }).catch(refused)
  console.log(JSON.stringify({ ...told, requests, lost, waits: waits.length }))
}
main()
"""


@pytest.fixture
def client(database: Database) -> Iterator[httpx.Client]:
    with serving(configured(database.uri("gateway"))) as made:
        yield made


def drive(client: httpx.Client, seed: int) -> dict[str, Any]:
    node = shutil.which("node")
    if node is None:
        unavailable("node", LookupError("it is not installed"))
    command = [node, "-e", DRIVER, str(CLIENT), str(client.base_url).rstrip("/"), token(MEMBER), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("seed", [1, 20261121])
def test_all_arrives_once_whatever_is_lost(client: httpx.Client, database: Database, seed: int) -> None:
    told = drive(client, seed)
    assert told["lost"] > 3
    assert told["waits"] >= told["lost"]
    assert [(row["position"], row["reason"]) for row in told["rejected"]] == [(20, "missing_time")]
    assert told["survey"] == told["events"] == []
    assert told["session"]["synced"] is True
    assert told["short"]["missing"] == {"reading": {"expected": 31, "stored": 30}}
    assert told["end"]["synced"] is True
    assert told["end"]["safelyStored"] == ["IHHT_1736300000_ab12"]
    assert told["refused"]["status"] == 400
    with psycopg.connect(database.uri()) as connection:
        sessions = connection.execute("select status, sync_status, platform from syncwell.sync_sessions").fetchall()
        records = connection.execute("select kind, count(*) from syncwell.session_records group by 1").fetchall()
        events = connection.execute("select count(*) from syncwell.data_events").fetchall()
    assert sessions == [("completed", "completed", "ios")]
    assert dict(records) == {"reading": 30, "survey_post": 1}
    assert events == [(1,)]


def test_its_types_are_those_that_are_written_for_it(cluster: Cluster, tmp_path: Path) -> None:
    with psycopg.connect(cluster.shared.uri("a_member")) as connection:
        types = codegen.typescript(codegen.read(connection))
    shutil.copy(CLIENT, tmp_path)
    using = """
    import { Client } from './client.js'
    const client = new Client({ url: 'x', token: () => 'y', deviceId: 'phone', platform: 'ios' })
    export const handed = client.readings('s', [{ occurred_at: 1 }]).then((all) => all.map((one) => one.reason))
    // @ts-expect-error there is no such kind of batch
    export const wrong = client.records('thoughts', 's', [])
    // @ts-expect-error it may be missing
    export const until = client.complete('s').then((end) => end.keepUntil.length)
    """
    try:
        compiled(tmp_path, syncwell=types, using=using)
    except UnavailableError as reason:
        unavailable("node", reason)
