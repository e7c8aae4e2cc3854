"""An application's table that devices sync, its rows by the million, and what its peers would put on it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from bench.harness import TENANT

DEVICE = "bench-phone"
PER_USER = 1_000

# What a device gets of a row, besides its id.
SYNCED = ("title", "body", "mood", "done", "happened_at")

# By hand, as the one statement of a backend that goes by time; each value in its client representation.
AS_JSON = sql.SQL(
    "select id::text as id, title, body, mood, done,"
    " (extract(epoch from happened_at) * 1000)::bigint as happened_at from app.{}"
)

_TABLE = """
create table app.{table} (
  id uuid primary key,
  user_id uuid not null,
  title text not null,
  body text not null,
  mood integer not null,
  done boolean not null,
  happened_at timestamptz not null,
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);
grant all on app.{table} to public;
"""
_TOUCH = """
create or replace function app.touch()
returns trigger
language plpgsql
as $$
begin
  new.updated_at := now();
  return new;
end
$$;
create trigger touch before insert or update on app.{table} for each row execute function app.touch();
create index on app.{table} (user_id, updated_at);
"""
_AUDIT = """
create table app.audit (
  id bigint generated always as identity primary key,
  table_name name not null,
  row_id uuid not null,
  operation text not null,
  old_row jsonb,
  new_row jsonb,
  at timestamptz not null default now()
);
create index on app.audit (row_id);
create function app.audit()
returns trigger
language plpgsql security definer
as $$
begin
  if tg_op = 'INSERT' then
    insert into app.audit (table_name, row_id, operation, new_row) values (tg_table_name, new.id, tg_op, to_jsonb(new));
  elsif tg_op = 'UPDATE' then
    insert into app.audit (table_name, row_id, operation, old_row, new_row)
    values (tg_table_name, new.id, tg_op, to_jsonb(old), to_jsonb(new));
  else
    insert into app.audit (table_name, row_id, operation, old_row) values (tg_table_name, old.id, tg_op, to_jsonb(old));
  end if;
  return null;
end
$$;
create trigger audit after insert or update or delete on app.{table} for each row execute function app.audit();
"""


def table(connection: psycopg.Connection[Any], name: str) -> None:
    """Make app.<name>, without anything on it but its primary key."""
    connection.execute("create schema if not exists app")
    connection.execute("grant usage on schema app to public")
    _run(connection, _TABLE, name)


def touched(connection: psycopg.Connection[Any], name: str) -> None:
    """Let a trigger keep updated_at, and index it: the least that any peer needs."""
    _run(connection, _TOUCH, name)


def audited(connection: psycopg.Connection[Any], name: str) -> None:
    """Let a trigger copy every version of every row as jsonb."""
    _run(connection, _AUDIT, name)


def fill(connection: psycopg.Connection[Any], name: str, rows: int, *, users: int = 1) -> None:
    """Write that many rows, in turns those of the measured user and of `users` - 1 others, in one statement.

    The n-th row's id is md5(n): spread over the key as real ones are.
    """
    connection.execute(
        sql.SQL(
            """
            insert into app.{}
            select
              md5(n::text)::uuid,
              case when n %% %(users)s = 0 then %(user)s else md5('user ' || n %% %(users)s)::uuid end,
              'Entry ' || n, 'What happened on day ' || n || ', told in a line or two.', n %% 10, n %% 3 = 0,
              date_trunc('second', now()) - interval '1 minute' * (n %% 500000), now() - interval '1 hour'
            from generate_series(1, %(rows)s) as n
            """
        ).format(sql.Identifier(name)),
        {"rows": rows, "users": users, "user": TENANT.member},
    )


def register(connection: psycopg.Connection[Any], name: str) -> int:
    """Have app.<name> synced, each row its user's; returns the table's short id."""
    row = connection.execute(
        "select syncwell.register_synced_table(%s::regclass, 'user_id', 'id', p_columns => %s)",
        [f"app.{name}", list(SYNCED)],
    ).fetchone()
    assert row is not None
    return int(row[0])


def changed_before(connection: psycopg.Connection[Any], name: str, table_id: int) -> None:
    """Note of all of the user's rows, and of a tenth of the others', that they have changed since the registration."""
    connection.execute(
        sql.SQL(
            """
            insert into syncwell.record_changes (scope, table_id, record_id, xid)
            select user_id, %s, id::text, pg_current_xact_id() from app.{} where user_id = %s or mood = 7
            """
        ).format(sql.Identifier(name)),
        [table_id, TENANT.member],
    )


def change(connection: psycopg.Connection[Any], name: str, rows: int) -> str:
    """Change that many of the user's rows, which lie anywhere in the table; returns a time just before."""
    row = connection.execute("select clock_timestamp()::text").fetchone()
    assert row is not None
    connection.execute(
        sql.SQL(
            """
            update app.{table}
            set title = title || '.'
            where id in (select id from app.{table} where user_id = %(user)s order by id limit %(rows)s)
            """
        ).format(table=sql.Identifier(name)),
        {"rows": rows, "user": TENANT.member},
    )
    return str(row[0])


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one call of sync_pull() brought."""

    answer: dict[str, Any]

    @property
    def cursor(self) -> int:
        """What the device presents next time."""
        return int(self.answer["timestamp"])

    def records(self, name: str) -> list[dict[str, Any]]:
        """Every record of a table, in the order of their ids."""
        changes = self.answer["changes"].get(name, {})
        return sorted(changes.get("created", []) + changes.get("updated", []), key=lambda record: str(record["id"]))


def pull(connection: psycopg.Connection[Any], cursor: int | None = None) -> Pulled:
    """Pull as the login's user, from the measured device."""
    row = connection.execute("select syncwell.sync_pull(%s, p_device_id => %s)::text", [cursor, DEVICE]).fetchone()
    assert row is not None
    return Pulled(json.loads(row[0]))


def pull_call(cursor: int) -> str:
    """The same as the text of a workload."""
    return f"select syncwell.sync_pull({cursor}, p_device_id => '{DEVICE}')::text;"


def reading_part(cursor: int) -> str:
    """What that call reads; it has to know the cluster: see `knowing`."""
    return f"select * from syncwell._read_pull({cursor}, null, null, '{DEVICE}', false, null);"


def knowing(connection: psycopg.Connection[Any]) -> str:
    """Options of a session that has already found out in which cluster it is."""
    row = connection.execute("select system_identifier from pg_control_system()").fetchone()
    assert row is not None
    return f"-c syncwell.system_identifier={row[0]}"


def by_time(connection: psycopg.Connection[Any], names: list[str], since: str) -> str:
    """The text of a pull that goes by updated_at, and loses what commits late; all tables in one statement."""
    parts = sql.SQL(" || ',' ||").join(
        sql.SQL(
            """
            {} || coalesce(
              (
                select string_agg(row_to_json(r)::text, ',')
                from ({} where user_id = {} and updated_at > {}) as r
              ),
              ''
            ) || '],"deleted":[]}}'
            """
        ).format(
            sql.Literal(f'"{name}":{{"created":[],"updated":['),
            AS_JSON.format(sql.Identifier(name)),
            sql.Literal(str(TENANT.member)),
            sql.Literal(since),
        )
        for name in names
    )
    statement = sql.SQL(
        """select '{{"changes":{{' || {} || '}},"timestamp":' || (extract(epoch from now()) * 1000)::bigint || '}}';"""
    )
    return " ".join(statement.format(parts).as_string(connection).split())


def records(rows: int, *, seed: int) -> list[dict[str, Any]]:
    """Records as a device pushes them, with ids that no other seed has."""
    return [
        {
            "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{seed} {number}")),
            "_status": "created",
            "_changed": "",
            "title": f"Entry {number}",
            "body": f"What happened on day {number}, told in a line or two.",
            "mood": number % 10,
            "done": number % 3 == 0,
            "happened_at": 1_700_000_000_000 + 60_000 * number,
        }
        for number in range(rows)
    ]


def _run(connection: psycopg.Connection[Any], text: LiteralString, name: str) -> None:
    connection.execute(sql.SQL(text).format(table=sql.Identifier(name)))
