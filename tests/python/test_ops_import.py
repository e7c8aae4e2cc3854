"""What a host has recorded comes in, batch by batch, once, and is repaired; the host's rows stay as they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.damaged import WRONG_COUNTS, state
from harness.paths import ROOT
from harness.wait import set_clock

if TYPE_CHECKING:
    from harness import Database, Tenants

Connection = psycopg.Connection[Any]
EXAMPLE = (ROOT / "sql" / "optional" / "import_example.sql").read_text()
SESSIONS = 50
HOST = """
create schema host;
create table host.sessions (
  id uuid primary key, user_id uuid, local_id text, started_at timestamptz, ended_at timestamptz, source text
);
create table host.readings (
  id bigint primary key, session_id uuid, user_id uuid, taken_at timestamptz, spo2 numeric, bpm integer
);
create table host.surveys (
  id bigint primary key, user_id uuid, session_local_id text, moment text, answered_at timestamptz, answers jsonb,
  created_at timestamptz
);
create table host.uploads (
  id uuid primary key, user_id uuid, path text, happened_at timestamptz, created_at timestamptz
);
create table host.sync_state (
  user_id uuid, source text, last_token text, last_success timestamptz, last_failure timestamptz
);
create table host.made as
select n, test.id(case n % 2 when 0 then 'a_member' else 'a_other' end) as user_id,
  '2026-03-02 08:00+00'::timestamptz + n * interval '3 hours' as at,
  format('IHHT_%s_%s', 1772000000 + n, left(md5(n::text), 4)) as name
from generate_series(0, 49) as n;
insert into host.sessions
select md5('a' || n)::uuid, user_id, name, at, null, null from host.made
union all
select md5('b' || n)::uuid, user_id, case when n % 2 = 0 then lower(replace(name, '_', '-')) else 'web ' || n end,
  at + interval '20 seconds', at + interval '10 minutes', 'ihht'
from host.made;
insert into host.readings
select n * 100 + i, md5('a' || n)::uuid, user_id, at + i * interval '10 seconds', 85 + i % 10, 60 + i
from host.made cross join generate_series(0, 29) as i;
-- 84 of 100 are of a session that no row has
insert into host.surveys
select n * 2 + i, user_id,
  case
    when n % 25 < 4 then name
    when n % 3 = 0 then upper(replace(name, '_', ' '))
    else 'lost ' || n
  end,
  case i when 0 then 'pre' else 'post' end, at + i * interval '9 minutes', jsonb_build_object('mood', i),
  at + i * interval '9 minutes' + interval '10 seconds'
from host.made cross join generate_series(0, 1) as i;
insert into host.uploads
select md5('u' || n)::uuid, user_id, '/' || n, at, at + interval '5 minutes' from host.made;
insert into host.sync_state values
  (test.id('a_member'), 'uploads', 't1', '2026-03-08 10:00+00', null),
  (test.id('a_other'), 'calls', null, null, '2026-03-08 11:00+00'),
  (gen_random_uuid(), 'calls', null, null, null);
drop table host.made;
grant usage on schema host to operator;
grant select on all tables in schema host to operator;
"""


@pytest.fixture
def owner(database: Database) -> Connection:
    connection = database.connect(autocommit=True)
    set_clock(connection, "2026-03-10 12:00+00")
    connection.execute(HOST.encode())
    return connection


@pytest.fixture
def operator(owner: Connection, database: Database) -> Connection:
    """An operator whose clock the test sets: it is the superuser's session that became one."""
    connection = database.connect(autocommit=True)
    set_clock(connection, "2026-03-10 12:00+00")
    assert owner
    return connection


def host(owner: Connection) -> list[Any]:
    tables = ("sessions", "readings", "surveys", "uploads", "sync_state")
    return [owner.execute(f"select t::text from host.{table} as t order by 1".encode()).fetchall() for table in tables]


def rows(connection: Connection, query: str, *values: Any) -> list[Any]:
    return connection.execute(query.encode(), values or None).fetchall()


def value(connection: Connection, query: str, *values: Any) -> Any:
    return rows(connection, query, *values)[0][0]


def example(connection: Connection, batch: int = 10000, *, dry_run: bool = False) -> list[Any]:
    """The imports of the example: what, and counts."""
    statement = EXAMPLE[: EXAMPLE.index("-- Then the damage")]
    statement = re.sub("p_dry_run => false", f"p_dry_run => {dry_run}, p_batch => {batch}", statement)
    columns = "what, rows_read, imported, duplicates, updated, rejected, done"
    return rows(connection, f"select {columns} from ({statement.rstrip().rstrip(';')}\n) as x")


def test_the_example_brings_everything_in_and_repairs_it(owner: Connection, operator: Connection) -> None:
    was = host(owner)
    expected = [
        ("sessions", 100, 100, 0, 0, 0, True),
        ("readings", 1500, 1500, 0, 0, 0, True),
        ("surveys", 100, 100, 0, 0, 0, True),
        ("uploads", 50, 50, 0, 0, 0, True),
        ("sync_state", 3, 2, 0, 0, 1, True),
    ]
    empty = state(owner)
    # each sees what is there now: nothing
    assert example(operator, dry_run=True) == expected
    assert state(owner) == empty
    assert value(owner, "select count(*) from syncwell.imports where not is_dry_run") == 0
    assert example(operator) == expected
    assert value(owner, WRONG_COUNTS) == 0
    orphaned = "select count(*) from syncwell.session_counts where not has_session and kind like 'survey%'"
    assert value(owner, orphaned) == 84

    merged = rows(operator, "select reason from syncwell.merge_duplicate_sessions(false, p_limit => 1000)")
    assert len(merged) == SESSIONS + 42
    whole = "select count(*) from syncwell.sync_sessions where status = 'completed' and source = 'ihht'"
    assert value(owner, whole) == value(owner, "select count(*) from syncwell.sync_sessions") == SESSIONS
    assert rows(owner, "select kind, sum(records) from syncwell.session_counts group by 1 order by 1") == [
        ("reading", 1500), ("survey_post", 50), ("survey_pre", 50),
    ]  # fmt: skip
    assert value(owner, "select count(*) from syncwell.session_counts where not has_session") == 0
    assert value(owner, "select sum(late_records) from syncwell.session_counts") == 0
    assert value(owner, WRONG_COUNTS) == 0
    # both of the host's ids and its local ids are known
    known = "select count(distinct l.local_id) from syncwell.local_ids as l join host.sessions as s"
    assert value(owner, f"{known} on l.local_id in (s.id::text, s.local_id)") == 200
    assert value(owner, "select sum(events) from syncwell.event_hours") == 50
    late = "select distinct received_at - occurred_at from syncwell.data_events"
    assert str(value(owner, late)) == "0:05:00"
    assert rows(
        owner,
        "select s.source, t.last_sync_token, t.last_status, t.consecutive_failures from syncwell.sync_state as t"
        " join syncwell.streams as s using (org_id, stream_id) where t.last_run_at is not null order by 1",
    ) == [("calls", None, "failed", 1), ("uploads", "t1", "success", 0)]
    assert host(owner) == was, "the host is as it was"

    # the same again under another name: all of it is here
    again = EXAMPLE.replace("'host", "'again")
    before = state(owner)
    statement = again[again.index("select\n  'sessions'") : again.index("-- Then the damage")].rstrip().rstrip(";")
    repeated = rows(operator, f"select what, imported, updated from ({statement}\n) as x")
    assert [(what, imported) for what, imported, _ in repeated] == [(row[0], 0) for row in expected]
    assert {**state(owner), "sync_sessions": None} == {**before, "sync_sessions": None}


def test_it_goes_on_where_it_was(owner: Connection, operator: Connection) -> None:
    """In batches, broken off, with rows that come meanwhile: the same as all at once."""
    calls = 0
    while not all(row[-1] for row in example(operator, 37)):
        calls += 1
        if calls == 3:
            with operator.transaction(force_rollback=True):
                example(operator, 37)
    assert calls > 30
    assert value(owner, "select sum(rows_read) from syncwell.imports") == 100 + 1500 + 100 + 50 + 3
    assert value(owner, "select count(*) from syncwell.session_records") == 1600
    assert value(owner, WRONG_COUNTS) == 0
    owner.execute("insert into host.readings select 1000000 + id, session_id, user_id, taken_at + '1 s', spo2, bpm"
                  " from host.readings where id < 100")  # fmt: skip
    assert [row[1:3] for row in example(operator)] == [(0, 0), (30, 30), (0, 0), (0, 0), (0, 0)]


def test_rows_that_share_a_key_come_together(operator: Connection, tenants: Tenants) -> None:
    query = f"""
      select n / 3 as key, '{tenants.id("a_member")}'::uuid as user_id, 's' as session, 'reading' as kind,
        '2026-03-02 08:00+00'::timestamptz + n * interval '1 s' as occurred_at, 90 as spo2
      from generate_series(0, 20) as n
    """
    columns = "rows_read, imported, last_key, done"
    call = f"select {columns} from syncwell.import_existing('records', %s, p_dry_run => false, p_batch => 4)"
    found: list[Any] = []
    while not found or not found[-1][-1]:
        found += rows(operator, call, query)
    assert found == [(6, 6, "1", False), (6, 6, "3", False), (6, 6, "5", False), (3, 3, "6", True)]


BAD = {
    "sessions": [
        "select 1 as key, %(user)s, 'x' as id",
        "select 1 as key, %(user)s, now() as started_at",
        "select 1 as key, %(user)s, 'x' as id, '2026-03-02 08:00'::timestamp as started_at",
        "select 1 as key, %(user)s, 'x' as id, '1999-03-02 08:00+00'::timestamptz as started_at",
        "select 1 as key, %(user)s, 'x' as id, 'infinity'::timestamptz as started_at",
        "select 1 as key, %(user)s, 'x' as id, %(start)s as started_at, 'over' as status",
        "select 1 as key, %(user)s, 'x' as id, %(start)s as started_at, '[]'::jsonb as expected",
        "select 1 as key, %(user)s, repeat('x', 201) as id, %(start)s as started_at",
        "select 1 as key, gen_random_uuid() as user_id, 'x' as id, %(start)s as started_at",
        "select 1 as key, 'nobody' as user_id, 'x' as id, %(start)s as started_at",
    ],
    "records": [
        "select 1 as key, %(user)s, 's' as session, 'reading' as kind, 'NaN'::float as spo2, %(start)s as occurred_at",
        "select 1 as key, %(user)s, 's' as session, 'reading' as kind, 90 as spo2",
        "select 1 as key, %(user)s, 's' as session, 'unknown' as kind, 90 as spo2, %(start)s as occurred_at",
        "select 1 as key, %(user)s, 'reading' as kind, 90 as spo2, %(start)s as occurred_at",
    ],
    "events": [
        "select 1 as key, %(user)s, 'x' as external_id, %(start)s as occurred_at",
        "select 1 as key, %(user)s, 'x' as source, '1926-03-02Z'::timestamptz as occurred_at",
        "select 1 as key, gen_random_uuid() as org_id, 'x' as source, %(start)s as occurred_at",
    ],
    "sync_state": [
        "select 1 as key, %(user)s",
        "select 1 as key, %(user)s, 'x' as source, 'odd' as last_status",
        "select 1 as key, %(user)s, 'x' as source, -1 as consecutive_failures",
        "select 1 as key, %(user)s, 'x' as source, '0'::interval as expected_interval",
        "select 1 as key, %(user)s, 'x' as source, 'soon' as last_failed_sync",
    ],
    "sync_health": [
        "select 1 as key, %(user)s, 'x' as source, 5 as queue_depth",
        "select 1 as key, %(user)s, 'x' as source, -5 as queue_depth, %(start)s as reported_at",
        "select 1 as key, %(user)s, 'x' as source, 5 as unheard, %(start)s as reported_at",
    ],
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_row_is_told_and_does_not_sink_the_batch(operator: Connection, tenants: Tenants, kind: str) -> None:
    for n, query in enumerate(BAD[kind]):
        text = query.replace("%(user)s", f"'{tenants.id('a_member')}'::uuid as user_id")
        text = text.replace("%(start)s", "'2026-03-02Z'::timestamptz")
        call = "select rows_read, rejected, rejections, done from syncwell.import_existing(%s, %s, %s, false)"
        ((read, rejected, rejections, done),) = rows(operator, call, kind, text, f"bad{n}")
        assert (read, rejected, done) == (1, 1, True), (query, rejections)
        assert rejections[0]["key"] == 1
        assert re.match("[a-z_]+: ", rejections[0]["reason"]), rejections


def test_reports_of_devices(operator: Connection, owner: Connection, tenants: Tenants) -> None:
    query = f"""
      select n as key, '{tenants.id("a_member")}'::uuid as user_id, 'calls' as source, 'phone' as device_id,
        n as queue_depth, '2026-03-10 08:00+00'::timestamptz as oldest_pending_at,
        '2026-03-10 09:00+00'::timestamptz + n * interval '1 min' as reported_at
      from unnest(array[2, 5, 3]) as n
    """
    call = "select imported, updated, duplicates, rejected from syncwell.import_existing('sync_health', %s, %s, false)"
    assert rows(operator, call, query, "one") == [(1, 2, 0, 0)]
    assert rows(owner, "select queue_depth, reported_at::text from syncwell.sync_health") == [
        (5, "2026-03-10 09:05:00+00")
    ]
    assert value(owner, "select queue_depth from syncwell.stream_states") == 5
    assert rows(operator, call, query, "two") == [(0, 0, 3, 0)]


def test_it_is_for_operators_with_their_own_rights(owner: Connection, database: Database) -> None:
    operator = database.connect("operator", autocommit=True)
    call = (
        "select rows_read from syncwell.import_existing('sessions', 'select s.id as key, s.* from host.sessions as s')"
    )
    assert rows(operator, call) == [(100,)]
    owner.execute("revoke select on host.sessions from operator")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="can not be run"):
        operator.execute(call.encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.connect("a_admin", autocommit=True).execute(call.encode())


@pytest.mark.parametrize(
    ("arguments", "sqlstate"),
    [
        ("'sessions', 'select 1'", "22023"),
        ("'sessions', 'select from nowhere'", "22023"),
        ("'sessions', 'drop table host.sessions'", "22023"),
        ("'sessions', 'select 1 as key) as q; drop table host.sessions; select (1'", "22023"),
        ("'unknown', 'select 1 as key'", "22023"),
        ("'sessions', 'select 1 as key', ''", "22023"),
        ("'sessions', 'select 1 as key', p_batch => 0", "22023"),
        ("'sessions', 'select 1 as key', p_batch => 100001", "22023"),
        ("'sessions', repeat('x', 100001)", "22001"),
        ("'sessions', null", "22004"),
    ],
)
def test_what_it_refuses(owner: Connection, operator: Connection, arguments: str, sqlstate: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        operator.execute(f"select syncwell.import_existing({arguments})".encode())
    assert caught.value.sqlstate == sqlstate
    assert value(owner, "select count(*) from host.sessions") == 100
