"""The control: the usual backend, with `updated_at > lastPulledAt`. The tests that syncwell passes must fail on it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from harness.journal import client_value

if TYPE_CHECKING:
    from harness.cluster import Database

_TABLES = ("friends", "interactions", "life_events", "interaction_friends")
_NOT_PUSHED = {"_status", "_changed", "updated_at"}

PREPARE = """
create table journal.deleted_records (
  user_id uuid not null, table_name text not null, id text not null, deleted_at timestamptz not null default now(),
  primary key (user_id, table_name, id)
);
create or replace function journal.touch() returns trigger language plpgsql as $$
begin
  new.updated_at := now();
  return new;
end;
$$;
create function journal.bury() returns trigger language plpgsql as $$
begin
  insert into journal.deleted_records (user_id, table_name, id) values (old.user_id, tg_table_name, old.id)
  on conflict (user_id, table_name, id) do update set deleted_at = now();
  return null;
end;
$$;
"""
_PER_TABLE = """
alter table {0} add column made_at timestamptz not null default now();
create trigger bury after delete on {0} for each row execute function journal.bury();
create trigger bury_moved after update on {0} for each row when (old.user_id <> new.user_id)
execute function journal.bury();
"""


class ConflictError(Exception):
    """Changed on the server since the device pulled."""


class Timestamps:
    """An ASGI app with the same two calls; the bearer token is the user's id."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.connect() as connection:
            connection.execute(PREPARE)
            for table in _TABLES:
                connection.execute(sql.SQL(_PER_TABLE).format(sql.Identifier("journal", table)))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message["body"]
            more = message.get("more_body", False)
        user = dict(scope["headers"])[b"authorization"].decode().removeprefix("Bearer ")
        work = self._pull if scope["path"].endswith("pull") else self._push
        status, answer = await asyncio.to_thread(self._do, work, user, json.loads(body))
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def _do(self, work: Any, user: str, body: dict[str, Any]) -> tuple[int, Any]:
        with psycopg.connect(self._database.uri(), row_factory=dict_row) as connection:
            try:
                return 200, work(connection, user, body)
            except (ConflictError, psycopg.OperationalError) as error:
                connection.rollback()
                return 409, {"detail": str(error)}

    def _pull(self, connection: psycopg.Connection[Any], user: str, body: dict[str, Any]) -> Any:
        connection.execute("set transaction isolation level repeatable read")
        since = (body["lastPulledAt"] or 0) / 1000
        now = connection.execute("select floor(extract(epoch from now()) * 1000)::bigint as ms").fetchone()
        assert now is not None
        changes = {}
        for table in _TABLES:
            rows = connection.execute(
                sql.SQL(
                    "select *, made_at > to_timestamp(%s) as is_new from {} where user_id = %s"
                    " and updated_at > to_timestamp(%s)"
                ).format(sql.Identifier("journal", table)),
                [since, user, since],
            ).fetchall()
            records = [
                (
                    row.pop("is_new"),
                    {name: client_value(value) for name, value in row.items() if name not in {"user_id", "made_at"}},
                )
                for row in rows
            ]
            here = {record["id"] for _, record in records}
            gone = connection.execute(
                "select id from journal.deleted_records where user_id = %s and table_name = %s"
                " and deleted_at > to_timestamp(%s)",
                [user, table, since],
            ).fetchall()
            as_updated = body["sendCreatedAsUpdated"]
            changes[table] = {
                "created": [record for new, record in records if new and not as_updated],
                "updated": [record for new, record in records if as_updated or not new],
                "deleted": [row["id"] for row in gone if row["id"] not in here] if since else [],
            }
        return {"changes": changes, "timestamp": now["ms"]}

    def _push(self, connection: psycopg.Connection[Any], user: str, body: dict[str, Any]) -> Any:
        since = body["lastPulledAt"] / 1000
        for table in _TABLES:
            change = body["changes"].get(table, {"created": [], "updated": [], "deleted": []})
            name = sql.Identifier("journal", table)
            rows = change["created"] + change["updated"]
            changed = connection.execute(
                sql.SQL(
                    "select id from {} where user_id = %s and id = any (%s) and updated_at > to_timestamp(%s)"
                ).format(name),
                [user, [row["id"] for row in rows] + change["deleted"], since],
            ).fetchall()
            if changed:
                raise ConflictError(f"{table} {changed}")
            for row in rows:
                self._upsert(connection, name, user, row)
            connection.execute(
                sql.SQL("delete from {} where user_id = %s and id = any (%s)").format(name), [user, change["deleted"]]
            )
        return {}

    def _upsert(
        self, connection: psycopg.Connection[Any], table: sql.Identifier, user: str, row: dict[str, Any]
    ) -> None:
        values = {name: value for name, value in row.items() if name not in _NOT_PUSHED}
        if "tags" in values:
            values["tags"] = json.loads(values["tags"])
        places = [
            sql.SQL("to_timestamp(%s / 1000.0)") if name.endswith("_at") else sql.Placeholder() for name in values
        ]
        columns = [sql.Identifier(name) for name in values]
        # a record that hangs on one that is gone is lost here, as it is in most backends
        try:
            with connection.transaction():
                connection.execute(
                    sql.SQL(
                        "insert into {} (user_id, {}) values (%s, {}) on conflict (user_id, id) do update set {}"
                    ).format(
                        table,
                        sql.SQL(", ").join(columns),
                        sql.SQL(", ").join(places),
                        sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(column) for column in columns),
                    ),
                    [user, *values.values()],
                )
        except psycopg.errors.ForeignKeyViolation:
            return
