"""What a database that fails, late or in the middle, looks like to a client: never whole, never talkative."""

from __future__ import annotations

import json
import socket
import zlib
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from psycopg.errors import lookup

from harness import Tenants, wait_until
from harness.serving import bearer, configured, serving
from syncwell.http.problems import http_status

if TYPE_CHECKING:
    from harness import Database

MEMBER = Tenants.id("a_member")

ARGUMENTS = """
p_last_pulled_at bigint default null, p_schema_version integer default null, p_migration jsonb default null,
p_tables text[] default null, p_device_id text default null"""

# the device id says how to fail
STUBS = f"""
drop function if exists syncwell.sync_pull, syncwell.sync_push, syncwell.open_pull_stream, syncwell.close_pull_stream;

create function syncwell.sync_pull({ARGUMENTS}, p_limit integer default null,
  p_created_as_updated boolean default false, p_client jsonb default null)
returns json language plpgsql as $$
begin
  if p_device_id = 'wait' then
    perform pg_advisory_xact_lock(1);
    return '{{"changes": {{}}, "timestamp": 5}}';
  end if;
  raise exception using errcode = p_device_id, message = 'a secret', detail = 'of', hint = 'the database';
end $$;

create function syncwell.sync_push(p_changes json, p_last_pulled_at bigint default null, p_device_id text default null,
  p_request_id text default null, p_client jsonb default null)
returns json language plpgsql as $$
begin
  insert into public.pushed values (p_device_id);
  return json_build_object('success', false, 'error', json_build_object('code', p_device_id, 'message', 'a secret',
    'detail', 'of', 'hint', 'the database', 'status', syncwell._http_status(p_device_id)));
end $$;
grant execute on function syncwell._http_status to public;
create table public.pushed (code text);
grant all on public.pushed to public;

create function syncwell.open_pull_stream({ARGUMENTS}, p_created_as_updated boolean default false,
  p_client jsonb default null)
returns table ("position" integer, kind text, body text) language plpgsql as $$
begin
  if p_device_id = 'moved' and nextval('public.tries') = 1 then
    raise exception using errcode = '40001', message = 'the database has just been moved';
  end if;
  return query values
    (1, 'text', '{{"changes":{{"many":{{"created":[{{}}'),
    (
      2, 'query',
      case when p_device_id = 'broken'
        then 'select '',{{"n":'' || 1 / (i - 30000) || ''}}'' from generate_series(1, 60000) as i'
        else 'select '',{{"text":"'' || repeat(i::text, 100) || ''"}}'' from generate_series(1, 60000) as i'
      end
    ),
    (3, 'text', '],"updated":[],"deleted":[]}}}},"timestamp":1024}}');
end $$;
-- counts what was rolled back too
create sequence public.tries;
grant all on public.tries to public;
create table public.closed (cursor bigint, records bigint, bytes bigint);
grant all on public.closed to public;
create function syncwell.close_pull_stream(p_cursor bigint, p_records bigint, p_bytes bigint)
returns void language sql as 'insert into public.closed values (p_cursor, p_records, p_bytes)';
grant execute on function
  syncwell.sync_pull, syncwell.sync_push, syncwell.open_pull_stream, syncwell.close_pull_stream to syncwell_client;
"""


@pytest.fixture
def stubbed(database: Database) -> Database:
    with psycopg.connect(database.uri()) as connection:
        connection.execute(STUBS.encode())
    return database


def asked(database: Database, query: str) -> Any:
    with psycopg.connect(database.uri()) as connection:
        return connection.execute(query.encode()).fetchall()


def as_it_is() -> dict[str, str]:
    """Uncompressed, a streamed pull is larger than what lies between it and its reader."""
    return {**bearer(MEMBER), "accept-encoding": "identity"}


def busy(database: Database) -> bool:
    """Whether the server has a transaction open."""
    return bool(
        asked(
            database,
            "select from pg_stat_activity where datname = current_database() and usename = 'gateway' "
            "and xact_start is not null",
        )
    )


def test_statuses_are_those_of_the_database(db: psycopg.Connection[Any]) -> None:
    codes = {"40001", "40P01", "23505", "55P03", "54000", "53400", "57014", "57P01", "57P03", "53300"}
    for first in range(256):
        for second in ("000", "001", "P01", "P02", "501", "514"):
            code = f"{first:02X}{second}"
            try:
                lookup(code)
            except KeyError:
                continue
            codes.add(code)
    assert len(codes) > 40
    rows = db.execute("select c, syncwell._http_status(c) from unnest(%s::text[]) as c", [sorted(codes)]).fetchall()
    assert {code: http_status(code) for code, _ in rows} == dict(rows)


@pytest.mark.parametrize("path", ["/sync/pull", "/sync/push"])
def test_a_failure_has_the_status_of_its_sqlstate_and_a_fault_no_words(stubbed: Database, path: str) -> None:
    body: dict[str, Any] = {"lastPulledAt": 7, "changes": {}}
    with serving(configured(stubbed.uri("gateway"))) as client:
        for code, status in (
            ("SW301", 404), ("SW304", 409), ("SW307", 409), ("SW311", 413), ("40001", 409), ("22023", 400),
            ("42501", 403), ("XX000", 500), ("58030", 500), ("P0001", 500), ("42P01", 500), ("57014", 503),
            ("SW888", 500),
        ):  # fmt: skip
            answer = client.post(path, json=body | {"deviceId": code}, headers=bearer(MEMBER))
            assert answer.status_code == status, (code, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            document = answer.json()
            if status < 500:
                assert (document["title"], document["detail"], document["hint"]) == ("a secret", "of", "the database")
                assert document["code"] == code
                assert document["status"] == status
            else:
                assert "secret" not in answer.text
                assert "the database" not in answer.text.replace("the database did not answer", "")
            assert "changes" not in document
            if status == 503:
                assert answer.headers["retry-after"]
            if status == 500:
                assert document["instance"].startswith("urn:uuid:")
    # what was refused is kept: the facts of it are written in the same transaction
    assert len(asked(stubbed, "select from public.pushed")) == (13 if path == "/sync/push" else 0)


def read_into(received: bytearray, client: httpx.Client, headers: dict[str, str]) -> None:
    with client.stream("POST", "/sync/pull", json={"deviceId": "broken"}, headers=headers) as answer:
        assert answer.status_code == 200
        for piece in answer.iter_raw():
            received += piece


def test_a_pull_that_fails_in_the_middle_breaks_the_connection(stubbed: Database) -> None:
    with serving(configured(stubbed.uri("gateway"), pool_max=1)) as client:
        for encoding in ("identity", "gzip"):
            headers = {**bearer(MEMBER), "accept-encoding": encoding}
            received = bytearray()
            with pytest.raises(httpx.RemoteProtocolError):
                read_into(received, client, headers)
            assert received
            if encoding == "gzip":
                inflater = zlib.decompressobj(31)
                received = bytearray(inflater.decompress(received))
                assert not inflater.eof
            with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
                json.loads(received)
        assert asked(stubbed, "select from public.closed") == []
        # the only connection is of use again
        assert client.get("/readyz").status_code == 200
        answer = client.post("/sync/pull", json={}, headers=bearer(MEMBER))
        assert len(answer.json()["changes"]["many"]["created"]) == 60001
        assert answer.json()["timestamp"] == 1024
        ((cursor, records, size),) = asked(stubbed, "select * from public.closed")
        assert (cursor, records, size) == (1024, 60000, len(answer.content))


def test_a_pull_that_notices_that_the_database_was_moved_is_tried_again(stubbed: Database) -> None:
    with serving(configured(stubbed.uri("gateway"))) as client:
        answer = client.post("/sync/pull", json={"deviceId": "moved"}, headers=bearer(MEMBER))
    assert answer.status_code == 200
    assert answer.json()["timestamp"] == 1024
    assert asked(stubbed, "select last_value from public.tries") == [(2,)]


def test_a_client_that_goes_away_rolls_its_pull_back(stubbed: Database) -> None:
    with serving(configured(stubbed.uri("gateway"), pool_max=1)) as client:
        with client.stream("POST", "/sync/pull", json={}, headers=as_it_is()) as answer:
            pieces = answer.iter_raw()
            assert next(pieces)
            assert busy(stubbed)
        wait_until("the transaction to end", lambda: not busy(stubbed))
        assert asked(stubbed, "select from public.closed") == []
        assert client.get("/readyz").status_code == 200


def test_a_client_that_reads_nothing_loses_its_pull(stubbed: Database) -> None:
    config = configured(stubbed.uri("gateway"), pool_max=1, stall_timeout=0.2)
    with serving(config) as client, socket.create_connection((client.base_url.host, client.base_url.port)) as reader:
        lines = ["POST /sync/pull HTTP/1.1", "host: x", "content-length: 2"]
        lines += [f"{name}: {value}" for name, value in as_it_is().items()]
        reader.sendall("\r\n".join([*lines, "", "{}"]).encode())
        wait_until("the pull to begin", lambda: busy(stubbed))
        wait_until("the pull to be given up", lambda: not busy(stubbed))
        assert asked(stubbed, "select from public.closed") == []
        reader.settimeout(20)
        received = b""
        while piece := reader.recv(1 << 20):
            received += piece
        assert received.startswith(b"HTTP/1.1 200")
        # no last chunk
        assert not received.endswith(b"0\r\n\r\n")
        assert client.get("/readyz").status_code == 200


def test_streams_leave_connections_to_the_others(stubbed: Database) -> None:
    config = configured(stubbed.uri("gateway"), pool_max=2, max_streams=1, pool_timeout=0.2)
    with (
        serving(config) as client,
        client.stream("POST", "/sync/pull", json={}, headers=as_it_is()) as answer,
    ):
        pieces = answer.iter_raw()
        assert next(pieces)
        second = client.post("/sync/pull", json={}, headers=bearer(MEMBER))
        assert second.status_code == 503
        assert second.headers["retry-after"]
        other = client.post("/sync/pull", json={"lastPulledAt": 7, "deviceId": "SW305"}, headers=bearer(MEMBER))
        assert other.status_code == 409


def test_a_database_that_does_not_answer_in_time_is_unavailable(stubbed: Database) -> None:
    config = configured(stubbed.uri("gateway"), pool_timeout=0.1, statement_timeout=0.1)
    with stubbed.connect() as holder, serving(config) as client:
        holder.execute("select pg_advisory_xact_lock(1)")
        answer = client.post("/sync/pull", json={"lastPulledAt": 7, "deviceId": "wait"}, headers=bearer(MEMBER))
        assert answer.status_code == 503
        # nobody waits for the lock any more
        wait_until("the statement to be cancelled", lambda: not busy(stubbed))


def test_sessions_that_the_server_has_ended_are_not_used(stubbed: Database) -> None:
    with serving(configured(stubbed.uri("gateway"), pool_min=3, pool_max=3)) as client:
        for _ in range(2):
            assert client.get("/readyz").status_code == 200
            asked(stubbed, "select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = 'gateway'")
