"""The types of `syncwell types --lang typescript`, compiled strictly, and the client in them, in Node."""

from __future__ import annotations

import contextlib
import json
import socketserver
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from typer.testing import CliRunner

from harness import Tenants, UnavailableError, node, unavailable
from harness.postgrest import PostgREST
from harness.serving import configured, serving, synced, token
from harness.typescript import TYPED, compiled
from syncwell.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness import Cluster, Database

MEMBER = Tenants.id("a_member")
RUN = """
const { SyncwellClient, SyncwellError } = require(process.argv[1] + '/syncwell.js')
const { day, follow } = require(process.argv[1] + '/example.js')
const given = JSON.parse(process.argv[2])
const client = new SyncwellClient({ ...given.options, token: () => given.token })
const print = (value) => console.log(JSON.stringify(value))
const failed = (error) => {
  if (!(error instanceof SyncwellError)) throw error
  print({ failed: [error.status, error.code, error.retryAfter, error.message] })
}
"""


@pytest.fixture(scope="module")
def module(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module of a database that has everything, compiled with the example that uses it."""
    folder = tmp_path_factory.mktemp("typed")
    done = CliRunner().invoke(
        app, ["types", "-l", "typescript", "-o", str(folder / "syncwell.ts"), "-d", cluster.shared.uri("a_member")]
    )
    assert done.exit_code == 0, done.output
    try:
        return compiled(folder, "example.ts")
    except UnavailableError as reason:
        unavailable("node", reason)


def run(module: Path, script: str, options: dict[str, str], **more: Any) -> Any:
    given = {"options": options, "token": token(MEMBER, role="authenticated"), **more}
    done = subprocess.run(
        [node.find(TYPED).executable, "-e", RUN + script, str(module), json.dumps(given)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_example_does_its_day(module: Path, database: Database) -> None:
    synced(database)
    rest = PostgREST.install(database)
    start = int((time.time() - 3600) * 1000)
    with serving(configured(database.uri("gateway"))) as server, serving(configured(""), rest.app()) as postgrest:
        told = run(
            module,
            "day(client, given.start).then(print)",
            # a slash at the end changes nothing
            {"server": str(server.base_url), "rest": f"{postgrest.base_url}/"},
            start=start,
        )
    assert (told["synced"], told["again"]) == (True, "already_synced")
    (session,) = told["sessions"]
    assert (session["local_id"], session["data_source"]) == ("IHHT_1736300000_ab12", "bluetooth")
    assert told["runs"] == [["success", 3]]
    assert told["rows"] == [{"id": told["run"], "status": "success", "platform": "ios"}]
    assert told["health"]["notes"] == "healthy"
    assert (told["pulled"], told["pushed"], told["wouldAdd"]) == (1, 1, 2)
    assert told["refused"] == [
        # PostgREST has one status for them, what counts is the code
        {"code": "SW101", "kind": "unknown_run", "status": 400},
        {"code": "22023", "kind": None, "status": 400},
        # what is remembered has the status that it was given
        {"code": "40001", "kind": None, "status": 409},
        {"code": "SW501", "kind": "unknown_session", "status": 404},
        {"code": "22023", "kind": None, "status": 400},
    ]
    with psycopg.connect(database.uri()) as connection:
        assert connection.execute("select title from public.todos").fetchall() == [("typed",)]


def test_events_of_the_real_server(module: Path, database: Database) -> None:
    """A device that pushes is told to pull; a stream that ends is made again, and begins with the state."""
    script = """
    const main = async () => {
      const seen = []
      for await (const { event, data } of client.events('/sync/events?topics=changed,progress')) {
        seen.push([event, data])
        if (event === 'state' && seen.length > 1) return seen
        if (event === 'state') {
          const { timestamp } = await client.pull()
          await client.push({ changes: { todos: { created: [{ id: 'e1' }] } }, lastPulledAt: timestamp })
        }
      }
    }
    main().then(print)
    """
    synced(database)
    with serving(configured(database.uri("gateway"), events_seconds=3)) as server:
        told = run(module, script, {"server": str(server.base_url)})
    names = [name for name, _ in told]
    assert names[0] == names[-1] == "state"
    assert set(names[1:-1]) == {"changed"}
    assert told[0][1]["topics"] == ["progress", "changed"]


class _Stream(socketserver.ThreadingTCPServer):
    """Answers each connection with the next part of a script; the last one again and again."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, *parts: list[bytes]) -> None:
        self.parts = list(parts)
        self.requests: list[str] = []
        self.over = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    @contextlib.contextmanager
    def serve(self) -> Iterator[str]:
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{self.server_address[1]}"
        finally:
            self.over.set()
            self.shutdown()
            self.server_close()
            thread.join()


class _Handler(socketserver.StreamRequestHandler):
    server: _Stream

    def handle(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:  # it went away again
                return
            head += line
        self.server.requests.append(head.decode().lower())
        part = self.server.parts.pop(0) if len(self.server.parts) > 1 else self.server.parts[0]
        for chunk in part:
            if chunk == b"WAIT":
                self.server.over.wait(20)
            else:
                self.wfile.write(chunk)
                self.wfile.flush()


OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def refusal(status: str, document: str = "{}", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{more}content-length: {len(document)}\r\nconnection: close\r\n\r\n{document}".encode()


def test_events_are_read_whatever_they_are_cut_into(module: Path) -> None:
    text = (
        "\ufeff: a comment\r\nretry: 5\r\n\r\n"
        'event: health\r\nid: 1\r\ndata: {"status":\r\ndata:"sp\u00e4t \U0001f600"}\r\n\r\n'
        "data: no JSON\n\n"
        "event: nothing\n\n"
        "data\n\n"
        'event: progress\rid\rdata: [1, 2]\runknown: field\r\rdata: "last"\r\r:\r\r'
        'event: cut\ndata: "never happened"\n'
    ).encode()
    stream = _Stream([OK, *(text[n : n + 1] for n in range(len(text)))], [OK, b'data: "second"\n\n', b"WAIT"])
    with stream.serve() as url:
        told = run(module, "follow(client, 6, 20).then(print)", {"server": url})
    assert told == [
        {"event": "health", "data": {"status": "sp\u00e4t \U0001f600"}, "id": "1"},
        {"event": "message", "data": "no JSON", "id": "1"},
        {"event": "message", "data": "", "id": "1"},
        {"event": "progress", "data": [1, 2], "id": ""},
        {"event": "message", "data": "last", "id": ""},
        {"event": "message", "data": "second", "id": ""},
    ]
    assert "authorization: bearer " in stream.requests[0]
    assert "accept: text/event-stream" in stream.requests[0]


def test_a_connection_that_is_lost_is_made_again(module: Path) -> None:
    stream = _Stream(
        [OK, b'id: 7\ndata: "first"\n\n', b'data: "half'],
        [refusal("503 Service Unavailable")],
        [b""],
        [refusal("401 Unauthorized")],
        # silent for longer than the client waits
        [OK, b"WAIT"],
        [OK, b'data: "again"\n\n', b"WAIT"],
    )
    with stream.serve() as url:
        told = run(module, "follow(client, 2, 0.3).then(print)", {"server": url})
    assert [event["data"] for event in told] == ["first", "again"]
    assert len(stream.requests) == 6
    assert "last-event-id" not in stream.requests[0]
    assert all("last-event-id: 7" in request for request in stream.requests[1:])


def test_a_refusal_for_good_ends_it(module: Path) -> None:
    problem = json.dumps({"title": "no", "status": 403, "code": "42501", "detail": "d", "hint": "h"})
    stream = _Stream([refusal("403 Forbidden", problem)])
    with stream.serve() as url:
        told = run(module, "follow(client, 1, 5).catch(failed)", {"server": url})
        assert told == {"failed": [403, "42501", None, "no"]}
        assert len(stream.requests) == 1


def test_what_is_answered_by_something_else_is_a_refusal_too(module: Path) -> None:
    page = "<html>Bad Gateway</html>"
    stream = _Stream([refusal("502 Bad Gateway", page, "retry-after: 7\r\n")])
    with stream.serve() as url:
        told = run(module, "client.pull().then(print, failed)", {"server": url})
    assert told == {"failed": [502, None, 7, "Bad Gateway"]}


def test_it_ends_when_it_is_told_to(module: Path) -> None:
    script = """
    const over = new AbortController()
    const main = async () => {
      const seen = []
      for await (const event of client.events('/sync/events', { signal: over.signal, retry: 30 })) {
        seen.push(event.data)
        over.abort()
      }
      const none = []
      for await (const event of client.events('/sync/events', { signal: over.signal })) none.push(event)
      print({ seen, none })
    }
    main()
    """
    stream = _Stream([OK, b"data: 1\n\n", b"WAIT"])
    with stream.serve() as url:
        assert run(module, script, {"server": url}) == {"seen": [1], "none": []}


def test_a_client_says_what_it_was_made_without(module: Path) -> None:
    told = run(module, "client.rpc('who_am_i').catch((error) => print([error.name, error.message]))", {})
    assert told == ["TypeError", "this client was made without the option rest"]
