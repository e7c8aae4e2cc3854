"""A small application with synced tables, and devices that pull and push by plain SQL."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from harness.cluster import Tenants

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from harness.cluster import Cluster, Database

# lists and their todos; what a todo needs, guards and computes is what an application's table has
TABLES = """
create schema app;
create table app.lists (
  id text primary key,
  user_id uuid not null,
  name text not null default 'new',
  slot integer unique,
  unique (user_id, id)
);
create table app.todos (
  id text primary key,
  user_id uuid not null,
  list_id text references app.lists on delete restrict,
  title text not null,
  done boolean not null default false,
  priority integer check (priority between 0 and 9),
  due_at timestamptz,
  amount numeric,
  notes text,
  tag text default 'none',
  hidden text default 'server',
  shout text generated always as (upper(title)) stored
);
create table app.notes (id uuid primary key, org_id uuid not null, body text);
create table app.counters (id bigint, owner text not null, n bigint, primary key (owner, id));
alter table app.lists enable row level security;
alter table app.todos enable row level security;
alter table app.counters enable row level security;
create policy own on app.lists using (user_id = (select syncwell.current_user_id()));
create policy own on app.todos using (user_id = (select syncwell.current_user_id()));
create policy own on app.counters using (owner = (select syncwell.current_user_id())::text);
grant usage on schema app to syncwell_client, syncwell_worker, syncwell_owner;
grant select, insert, update, delete on all tables in schema app to syncwell_client, syncwell_worker;
"""
REGISTRATION = """
select syncwell.register_synced_table('app.lists', p_conflict_policy => %(policy)s);
select syncwell.register_synced_table(
  'app.todos', p_conflict_policy => %(policy)s, p_read_only => '{hidden}',
  p_columns => '{list_id,title,done,priority,due_at,amount,notes,tag,hidden,shout}'
);
select syncwell.register_synced_table(
  'app.notes', p_scope_column => 'org_id', p_scope => 'org', p_conflict_policy => %(policy)s
);
select syncwell.register_synced_table('app.counters', p_scope_column => 'owner', p_conflict_policy => %(policy)s);
"""


class App:
    """The application's database; `sql` runs as superuser and commits."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.owner = database.connect(autocommit=True)

    def install(self, policy: str = "reject") -> None:
        self.owner.execute(TABLES.encode())
        for statement in REGISTRATION.split(";\n")[:-1]:
            self.owner.execute(statement.encode(), {"policy": policy})

    def policy(self, policy: str, function: str | None = None) -> None:
        """As if the tables were registered with another policy."""
        self.sql("update syncwell.synced_tables set conflict_policy = %s, conflict_function = %s", policy, function)

    def sql(self, query: str, *values: Any) -> list[Any]:
        """The rows; of one column, its values."""
        cursor = self.owner.execute(query.encode(), values)
        if cursor.description is None:
            return []
        return [row[0] if len(row) == 1 else row for row in cursor.fetchall()]

    def one(self, query: str, *values: Any) -> Any:
        (row,) = self.sql(query, *values)
        return row

    def device(self, name: str = "phone", login: str = "a_member") -> Device:
        device = Device(self.database.connect(login, autocommit=True), name)
        device.pull()
        return device

    def watch(self) -> Any:
        """Everything that a call could have left, to compare."""
        tables = self.sql(
            "select c.oid::regclass::text from pg_class as c where c.relkind = 'r'"
            " and c.relnamespace in ('app'::regnamespace, 'syncwell'::regnamespace) order by 1"
        )
        return {table: sorted(self.sql(f"select t::text from {table} as t")) for table in tables}


@dataclass
class Device:
    """One client of one user: it keeps the cursor of its last pull."""

    connection: psycopg.Connection[Any]
    name: str = "phone"
    cursor: int | None = None
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def user_id(self) -> Any:
        return Tenants.id(self.connection.info.user)

    def pull(self) -> dict[str, Any]:
        row = self.connection.execute(
            "select syncwell.sync_pull(%s, p_device_id => %s)", [self.cursor, self.name]
        ).fetchone()
        assert row is not None
        self.told = row[0]
        self.cursor = self.told["timestamp"]
        changes: dict[str, Any] = self.told["changes"]
        return changes

    def push(self, changes: Any, **options: Any) -> dict[str, Any]:
        """What sync_push answers; `changes` is a text of JSON or what becomes one."""
        text = changes if isinstance(changes, str) else json.dumps(changes)
        options = {"p_last_pulled_at": self.cursor, "p_device_id": self.name} | options
        names = ", ".join(f"{name} => %({name})s" for name in options)
        row = self.connection.execute(
            f"select syncwell.sync_push(%(changes)s::json, {names})".encode(),
            {k: Jsonb(v) if isinstance(v, dict) else v for k, v in options.items()} | {"changes": text},
        ).fetchone()
        assert row is not None
        answer: dict[str, Any] = row[0]
        return answer

    def preview(self, changes: Any) -> dict[str, Any]:
        text = changes if isinstance(changes, str) else json.dumps(changes)
        row = self.connection.execute(
            "select syncwell.preview_push(%s::json, %s, %s)", [text, self.cursor, self.name]
        ).fetchone()
        assert row is not None
        answer: dict[str, Any] = row[0]
        return answer

    def created(self, table: str, *records: dict[str, Any], **options: Any) -> dict[str, Any]:
        return self.push({table: {"created": list(records), "updated": [], "deleted": []}}, **options)

    def updated(self, table: str, *records: dict[str, Any], **options: Any) -> dict[str, Any]:
        return self.push({table: {"created": [], "updated": list(records), "deleted": []}}, **options)

    def deleted(self, table: str, *ids: str, **options: Any) -> dict[str, Any]:
        return self.push({table: {"created": [], "updated": [], "deleted": list(ids)}}, **options)


def todo(record_id: str, title: str = "milk", **columns: Any) -> dict[str, Any]:
    """A record as the client sends it: whole, with what it keeps for itself."""
    return {"id": record_id, "_status": "created", "_changed": "", "title": title} | columns


def stats(created: int = 0, updated: int = 0, deleted: int = 0) -> dict[str, int]:
    return {"created": created, "updated": updated, "deleted": deleted}


@contextlib.contextmanager
def template(cluster: Cluster) -> Iterator[str]:
    """The name of a database with the application installed, to be cloned for each test."""
    with cluster.database() as database:
        App(database).install()
        database.close()
        yield database.name
